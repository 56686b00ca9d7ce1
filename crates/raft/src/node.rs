//! The plain front door: Raft without the workspace's traits.

use crate::{
    Change, Command, Config, ConfigError, Done, Event, Index, Job, Message, Raft, ReadMode, Record,
    RecoverError, Status, Timer,
};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use synod_core::host::{Gate, Moment, Offer, Tail};
use synod_core::{
    Bytes, Context, Effect, Input, Link, LogState, Lsn, NodeId, Protocol, Recovered, SplitMix64, Time,
};

/// How many messages to peers may wait for the disk. Beyond that they are dropped, as a network may.
const HELD_MAX: usize = 10_000;

/// A Raft node for programs that bring their own network, disk and clock.
///
/// The loop around it is always the same: hand in what has happened ([`receive`](Node::receive),
/// [`propose`](Node::propose), [`advance`](Node::advance)), then carry out every [`Output`] in order. Records must be written in
/// the order in which they come out; when they are safely on the disk, say so with [`written`](Node::written). Whatever
/// must not leave before is held back inside, so a vote cannot overtake its record.
///
/// ```
/// use synod_core::{NodeId, Time};
/// use synod_raft::{Config, Node, Output, Role};
///
/// // A cluster of one elects itself as soon as its disk has the vote.
/// let id = NodeId(1);
/// let mut node = Node::new(Config::new(id, [id]), 7).unwrap();
/// node.campaign();
/// while let Some(output) = node.output() {
///     if let Output::Write { at, record } = output {
///         drop(record); // append it to a file, sync the file, and then:
///         node.written(at);
///     }
/// }
/// assert_eq!(node.status().role, Role::Leader);
/// ```
#[derive(Debug)]
pub struct Node {
    raft: Raft,
    now: Time,
    durable: Lsn,
    tail: Tail,
    entropy: SplitMix64,
    timers: BTreeMap<Timer, Time>,
    gate: Gate<Held>,
    loopback: VecDeque<Message>,
    outputs: VecDeque<Output>,
    effects: Vec<Effect<Raft>>,
    restless: bool,
}

#[derive(Debug)]
enum Held {
    Own(Message),
    Out(Output),
}

/// What the program around a [`Node`] has to carry out, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Send this message. It may be lost.
    Send {
        /// The receiver.
        to: NodeId,
        /// The message; its byte form is in [`Wire`](synod_core::wire::Wire).
        message: Message,
    },
    /// Append this record to the log on disk, at this position (one more than the last), and make it durable soon.
    Write {
        /// The position.
        at: Lsn,
        /// The record; its byte form is in [`Wire`](synod_core::wire::Wire).
        record: Record,
    },
    /// The records up to this position are not needed any more.
    Release(Lsn),
    /// Something happened that concerns the application.
    Event(Event),
    /// Do this and answer with [`Node::done`].
    Job(Job),
}

impl Node {
    /// A node that has never run. `seed` drives its random timeouts: give every node another.
    ///
    /// # Errors
    /// When the configuration cannot work.
    pub fn new(config: Config, seed: u64) -> Result<Self, ConfigError> {
        let mut node = Self::asleep(config, seed)?;
        node.start(LogState::Fresh);
        Ok(node)
    }

    /// A node that has run before, with every record of its log that was not released, in order and with its position.
    ///
    /// # Errors
    /// When the configuration cannot work, or the records are not the log of such a node.
    pub fn recover(
        config: Config,
        seed: u64,
        records: impl IntoIterator<Item = (Lsn, Record)>,
    ) -> Result<Self, StartError> {
        let mut node = Self::asleep(config, seed)?;
        for (at, record) in records {
            node.raft.recover(at, Recovered::Intact(record))?;
            node.tail.end = at;
        }
        node.durable = node.tail.end;
        node.start(LogState::Recovered { end: node.durable });
        Ok(node)
    }

    fn asleep(config: Config, seed: u64) -> Result<Self, ConfigError> {
        Ok(Self {
            raft: Raft::new(config)?,
            now: Time::ZERO,
            durable: Lsn::ZERO,
            tail: Tail::default(),
            entropy: SplitMix64::new(seed),
            timers: BTreeMap::new(),
            gate: Gate::with_limit(HELD_MAX),
            loopback: VecDeque::new(),
            outputs: VecDeque::new(),
            effects: Vec::new(),
            restless: false,
        })
    }

    fn start(&mut self, log: LogState) {
        // Raft makes no use of the number; a program that embeds it need not keep one.
        self.step(Input::Start { incarnation: 1, log });
    }

    /// Proposes a payload. [`Event::Proposed`] or [`Event::Refused`] answers with the same token.
    pub fn propose(&mut self, token: u64, payload: impl Into<Bytes>) {
        self.step(Input::Command(Command::Propose { token, payload: payload.into() }));
    }

    /// Campaigns without waiting for the election timeout.
    pub fn campaign(&mut self) {
        self.step(Input::Command(Command::Campaign));
    }

    /// The application's state is durable with everything up to `upto` applied: the log need not go back that far. Records that
    /// are not needed any more come back as [`Output::Release`].
    pub fn compact(&mut self, upto: Index) {
        self.step(Input::Command(Command::Compact { upto }));
    }

    /// Reads without writing. `now` is the time, looked at *after* the reader asked: where there are leases, what is read may be
    /// stale otherwise. [`Event::ReadReady`] or [`Event::ReadRefused`] answers with the same token.
    ///
    /// ```
    /// use synod_core::{NodeId, Time};
    /// use synod_raft::{Config, Event, Index, Node, Output, ReadMode};
    ///
    /// let id = NodeId(1);
    /// let mut node = Node::new(Config::new(id, [id]), 7).unwrap();
    /// node.campaign();
    /// let mut ready = None;
    /// for token in [1, 2] {
    ///     while let Some(output) = node.output() {
    ///         match output {
    ///             Output::Write { at, .. } => node.written(at),
    ///             Output::Event(Event::ReadReady { token, index }) => ready = Some((token, index)),
    ///             _ => {}
    ///         }
    ///     }
    ///     node.read(Time::ZERO, token, ReadMode::Index);
    /// }
    /// // The first read may be served by whoever has applied the leader's first entry.
    /// assert_eq!(ready, Some((1, Index(1))));
    /// ```
    pub fn read(&mut self, now: Time, token: u64, mode: ReadMode) {
        self.now = self.now.max(now);
        self.step(Input::Command(Command::Read { token, mode }));
    }

    /// Hands the leadership over to `to`. Another leader ([`Event::Role`]) or [`Event::TransferFailed`] is the answer.
    pub fn transfer(&mut self, to: NodeId) {
        self.step(Input::Command(Command::Transfer { to }));
    }

    /// Hands over the leadership, if this node has it, and campaigns no more: then it can be stopped without anybody waiting for
    /// an election timeout. [`Event::Resigned`] says when.
    pub fn resign(&mut self) {
        self.step(Input::Command(Command::Resign));
    }

    /// Asks for a change of the membership. [`Event::Proposed`] or [`Event::ChangeRefused`] answers with the same token;
    /// [`Event::Membership`] says when it is committed.
    ///
    /// ```
    /// use synod_core::NodeId;
    /// use synod_raft::{ChangeRefusal, Config, Event, Node, Output, Step};
    /// let mut node = Node::new(Config::new(NodeId(1), [NodeId(1)]), 7)?;
    /// node.change_membership(5, Step::PromoteWhenCaughtUp(NodeId(2)));
    /// let refused = Event::ChangeRefused { token: 5, leader: None, reason: ChangeRefusal::NotLeader };
    /// assert!(std::iter::from_fn(|| node.output()).any(|output| output == Output::Event(refused.clone())));
    /// # Ok::<(), synod_raft::ConfigError>(())
    /// ```
    pub fn change_membership(&mut self, token: u64, change: impl Into<Change>) {
        self.step(Input::Command(Command::ChangeMembership { token, change: change.into() }));
    }

    /// Takes a message that `from` sent. The program vouches for the sender.
    pub fn receive(&mut self, from: NodeId, message: Message) {
        // Promises to oneself never travel, so such a message is forged.
        if from != self.raft.id() {
            self.step(Input::Message(from, message));
        }
    }

    /// The connection to a peer has come up or broken: lets replication resume at once instead of at the next heartbeat.
    pub fn link(&mut self, peer: NodeId, link: Link) {
        self.step(Input::Link(peer, link));
    }

    /// The clock shows `now`. Any origin will do; a clock that goes back is ignored.
    pub fn advance(&mut self, now: Time) {
        while let Some((due, timer)) = self.next_timer().filter(|(due, _)| *due <= now) {
            self.now = self.now.max(due);
            self.timers.remove(&timer);
            self.step(Input::Timer(timer));
        }
        self.now = self.now.max(now);
    }

    /// When [`advance`](Node::advance) is needed next.
    #[must_use]
    pub fn due(&self) -> Option<Time> {
        self.next_timer().map(|(due, _)| due)
    }

    /// The log on disk is durable up to `at`.
    pub fn written(&mut self, at: Lsn) {
        self.durable = self.durable.max(at.min(self.tail.end));
        self.restless = true;
    }

    /// A job is done.
    pub fn done(&mut self, done: Done) {
        self.step(Input::Done(done));
    }

    /// The application has lost its state, though the log has not: fetch a snapshot ([`Command::DemandSnapshot`]).
    pub fn demand_snapshot(&mut self) {
        self.step(Input::Command(Command::DemandSnapshot));
    }

    /// Asks the node to do without the records below this position; [`Output::Release`] answers, once it can.
    pub fn rewrite(&mut self, below: Lsn) {
        self.step(Input::Rewrite(below));
    }

    /// The next thing to carry out. Proposals made since the last call become one batch here, so make a hundred of them and
    /// then ask.
    pub fn output(&mut self) -> Option<Output> {
        while self.outputs.is_empty() && self.restless {
            while let Some(held) = self.gate.pop(self.durable) {
                self.let_out(held);
            }
            match self.loopback.pop_front() {
                Some(message) => self.step(Input::Message(self.raft.id(), message)),
                None => {
                    self.step(Input::Flush);
                    self.restless = !self.loopback.is_empty();
                }
            }
        }
        self.outputs.pop_front()
    }

    /// What an operator may ask.
    #[must_use]
    pub fn status(&self) -> Status {
        self.raft.status()
    }

    /// Committed up to here.
    #[must_use]
    pub fn commit_index(&self) -> Index {
        self.raft.commit_index()
    }

    /// The value inside, for observers such as [`Safety`](crate::invariants::Safety).
    #[must_use]
    pub fn raft(&self) -> &Raft {
        &self.raft
    }

    fn next_timer(&self) -> Option<(Time, Timer)> {
        self.timers.iter().map(|(timer, due)| (*due, *timer)).min()
    }

    fn step(&mut self, input: Input<Raft>) {
        self.restless = true;
        let moment = Moment { me: self.raft.id(), now: self.now, wall: None, durable: self.durable };
        let mut effects = core::mem::take(&mut self.effects);
        self.raft.step(input, &mut Context::new(moment, &mut self.tail, &mut self.entropy, &mut effects));
        let mut at = self.first_of(&effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Send { to, message, after, .. } => {
                    for &to in to.as_slice() {
                        let message = message.clone();
                        if to == self.raft.id() {
                            self.gate.hold(after, Held::Own(message));
                        } else {
                            // A full gate drops the message, as a network may.
                            let send = Held::Out(Output::Send { to, message });
                            if let Offer::Pass(send) = self.gate.offer(after, self.durable, send) {
                                self.let_out(send);
                            }
                        }
                    }
                }
                Effect::Emit { event, after } => self.gate.hold(after, Held::Out(Output::Event(event))),
                Effect::Persist { record, .. } => {
                    self.outputs.push_back(Output::Write { at, record });
                    at = at.next();
                }
                Effect::Release { upto, after } => self.gate.hold(after, Held::Out(Output::Release(upto))),
                Effect::Arm { timer, after } => {
                    self.timers.insert(timer, self.now + after);
                }
                Effect::Disarm(timer) => {
                    self.timers.remove(&timer);
                }
                Effect::Job(job) => self.outputs.push_back(Output::Job(job)),
                Effect::Peer(_) => {}
            }
        }
        self.effects = effects;
        while let Some(held) = self.gate.pop(self.durable) {
            self.let_out(held);
        }
    }

    /// The position of the first record among the effects of the last step; the context has counted them already.
    fn first_of(&self, effects: &[Effect<Raft>]) -> Lsn {
        let count = effects.iter().filter(|effect| matches!(effect, Effect::Persist { .. })).count() as u64;
        Lsn(self.tail.end.0.saturating_sub(count)).next()
    }

    fn let_out(&mut self, held: Held) {
        match held {
            Held::Own(message) => self.loopback.push_back(message),
            Held::Out(output) => self.outputs.push_back(output),
        }
    }
}

/// Why a node cannot start.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The records are not the log of such a node.
    #[error(transparent)]
    Recover(#[from] RecoverError),
}
