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
/// It is told the time wherever promises or leases depend on it, always by the same monotonic clock. Look at the clock *after* what is
/// handed in has come. A time before the last is taken for the last; what takes no time happens at the last.
///
/// ```
/// use synod_core::{NodeId, Time};
/// use synod_raft::{Config, Node, Output, Role, Start};
///
/// // A cluster of one elects itself as soon as its disk has the vote.
/// let id = NodeId(1);
/// let start = Start { now: Time::ZERO, incarnation: 1, seed: 7 };
/// let mut node = Node::new(Config::new(id, [id]), start).unwrap();
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

/// What a [`Node`] is told when it starts, beside its configuration and its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Start {
    /// What the clock shows. Its origin does not matter, and may be another after a restart.
    pub now: Time,
    /// Greater at each start of this node, whether anything was written since the last or not: a counter in a file that is synced
    /// *before* the node starts, or seconds since 1970 where that clock never goes back and no two starts are within one. It tells answers to
    /// an earlier life from those to this one: with the same number twice a linearizable read might be served by an answer from before it
    /// was asked.
    pub incarnation: u64,
    /// Drives the random timeouts. Give every node, and every start, another: nodes that draw the same split their votes.
    pub seed: u64,
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
    /// A node that has never run: its log was never written.
    ///
    /// # Errors
    /// When the configuration cannot work.
    pub fn new(config: Config, start: Start) -> Result<Self, ConfigError> {
        let mut node = Self::asleep(config, start)?;
        node.start(start, LogState::Fresh);
        Ok(node)
    }

    /// A node that has run before, with every record of its log that was not released, in order and with its position, and what the log
    /// says of itself. Records that cannot be read are handed over too: with other voters to ask, the node has them repaired
    /// ([`Event::Mending`], [`Event::Mended`]) and breaks no promise meanwhile. What was never durable is no such record: cut
    /// it off.
    ///
    /// ```
    /// use synod_core::{Damage, LogState, Lsn, NodeId, Recovered, Time};
    /// use synod_raft::{Config, Event, Node, Output, Record, Start, Term};
    /// let ids = [1, 2, 3].map(NodeId);
    /// let start = Start { now: Time::ZERO, incarnation: 2, seed: 7 };
    /// let vote = Record::HardState { term: Term(1), voted_for: Some(ids[1]) };
    /// let log = [(Lsn(1), Recovered::Intact(vote)), (Lsn(2), Recovered::Damaged(Damage::Checksum))];
    /// let state = LogState::Damaged { end: Lsn(2), damaged: 1 };
    /// let mut node = Node::recover(Config::new(ids[0], ids), start, state, log)?;
    /// assert!(node.status().mending.is_some());
    /// # Ok::<(), synod_raft::StartError>(())
    /// ```
    ///
    /// # Errors
    /// When the configuration cannot work, or the records are not the log of such a node.
    pub fn recover(
        config: Config,
        start: Start,
        log: LogState,
        records: impl IntoIterator<Item = (Lsn, Recovered<Record>)>,
    ) -> Result<Self, StartError> {
        let mut node = Self::asleep(config, start)?;
        if let LogState::Recovered { end } | LogState::Damaged { end, .. } = log {
            node.tail.end = end;
        }
        let mut empty = true;
        for (at, record) in records {
            node.raft.recover(at, record)?;
            node.tail.end = node.tail.end.max(at);
            empty = false;
        }
        node.durable = node.tail.end;
        // A log that holds something has been written, whatever is said of it.
        let fresh = log == LogState::Fresh && !empty;
        node.start(start, if fresh { LogState::Recovered { end: node.durable } } else { log });
        Ok(node)
    }

    fn asleep(config: Config, start: Start) -> Result<Self, ConfigError> {
        Ok(Self {
            raft: Raft::new(config)?,
            now: start.now,
            durable: Lsn::ZERO,
            tail: Tail::default(),
            entropy: SplitMix64::new(start.seed),
            timers: BTreeMap::new(),
            gate: Gate::with_limit(HELD_MAX),
            loopback: VecDeque::new(),
            outputs: VecDeque::new(),
            effects: Vec::new(),
            restless: false,
        })
    }

    fn start(&mut self, start: Start, log: LogState) {
        self.step(Input::Start { incarnation: start.incarnation, log });
    }

    /// Proposes a payload, at the time `now`. [`Event::Proposed`] or [`Event::Refused`] answers with the same token.
    pub fn propose(&mut self, now: Time, token: u64, payload: impl Into<Bytes>) {
        self.look_at(now);
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
    /// use synod_raft::{Config, Event, Index, Node, Output, ReadMode, Start};
    ///
    /// let id = NodeId(1);
    /// let start = Start { now: Time::ZERO, incarnation: 1, seed: 7 };
    /// let mut node = Node::new(Config::new(id, [id]), start).unwrap();
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
        self.look_at(now);
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
    /// use synod_core::{NodeId, Time};
    /// use synod_raft::{ChangeRefusal, Config, Event, Node, Output, Start, Step};
    /// let start = Start { now: Time::ZERO, incarnation: 1, seed: 7 };
    /// let mut node = Node::new(Config::new(NodeId(1), [NodeId(1)]), start)?;
    /// node.change_membership(5, Step::PromoteWhenCaughtUp(NodeId(2)));
    /// let refused = Event::ChangeRefused { token: 5, leader: None, reason: ChangeRefusal::NotLeader };
    /// assert!(std::iter::from_fn(|| node.output()).any(|output| output == Output::Event(refused.clone())));
    /// # Ok::<(), synod_raft::ConfigError>(())
    /// ```
    pub fn change_membership(&mut self, token: u64, change: impl Into<Change>) {
        self.step(Input::Command(Command::ChangeMembership { token, change: change.into() }));
    }

    /// Takes a message that `from` sent, at the time `now`. The program vouches for the sender.
    pub fn receive(&mut self, now: Time, from: NodeId, message: Message) {
        self.look_at(now);
        // Promises to oneself never travel, so such a message is forged.
        if from != self.raft.id() {
            self.step(Input::Message(from, message));
        }
    }

    /// The connection to a peer has come up or broken: lets replication resume at once instead of at the next heartbeat.
    pub fn link(&mut self, peer: NodeId, link: Link) {
        self.step(Input::Link(peer, link));
    }

    /// The clock shows `now`. Each timer that is due fires, once and at `now`: a program that was suspended for an hour does not
    /// catch up on an hour of heartbeats.
    pub fn advance(&mut self, now: Time) {
        self.look_at(now);
        let mut fired: Vec<Timer> = Vec::new();
        loop {
            let due = self.timers.iter().filter(|(timer, due)| **due <= self.now && !fired.contains(timer));
            // Another one may have disarmed it or armed it anew.
            let Some((_, timer)) = due.map(|(timer, due)| (*due, *timer)).min() else { return };
            self.timers.remove(&timer);
            fired.push(timer);
            self.step(Input::Timer(timer));
        }
    }

    fn look_at(&mut self, now: Time) {
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

    /// A job is done, at the time `now`.
    pub fn done(&mut self, now: Time, done: Done) {
        self.look_at(now);
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
