//! A node on the bench: the smallest whole driver, for tests and for learning.
//!
//! [`Bench`] drives one protocol value by hand: its clock moves when you say so, its disk is durable when you say so, and
//! what the protocol sends lies in a `Vec`. It keeps the same rules as a real driver: nothing comes out before the position
//! it waits for is durable, a disarmed timer never fires, promises to oneself come back.

use crate::host::{Gate, Log, LogError, Moment, Offer, Tail};
use crate::{
    Context, Damage, Effect, Input, Lane, LogState, Lsn, NodeId, PeerChange, Protocol, Recovered, Sink,
    SplitMix64, Time,
};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// A log in memory with a disk that can be told to fail, to lose its un-synced tail and to rot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MemoryLog<R> {
    records: Vec<Recovered<R>>,
    released: u64,
    durable: Lsn,
    poisoned: bool,
    ever_written: bool,
    fail_next_sync: bool,
}

impl<R> MemoryLog<R> {
    /// An empty log that has never been written.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            records: Vec::new(),
            released: 0,
            durable: Lsn::ZERO,
            poisoned: false,
            ever_written: false,
            fail_next_sync: false,
        }
    }

    /// The power fails: what was not durable is lost, and the poison with it.
    pub fn crash(&mut self) {
        let kept = self.durable.0.saturating_sub(self.released);
        self.records.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        self.poisoned = false;
    }

    /// The next sync will fail.
    pub fn fail_next_sync(&mut self) {
        self.fail_next_sync = true;
    }

    /// Damages the record at `at`; says whether there is one.
    pub fn rot(&mut self, at: Lsn) -> bool {
        let Some(index) = at.0.checked_sub(self.released + 1) else { return false };
        match usize::try_from(index).ok().and_then(|index| self.records.get_mut(index)) {
            Some(record) => {
                *record = Recovered::Damaged(Damage::Checksum);
                true
            }
            None => false,
        }
    }
}

impl<R: Clone> Log<R> for MemoryLog<R> {
    fn replay(&mut self, each: &mut dyn FnMut(Lsn, Recovered<R>)) -> Result<LogState, LogError> {
        let mut damaged = 0;
        for (at, record) in (self.released + 1..).zip(&self.records) {
            damaged += u64::from(matches!(record, Recovered::Damaged(_)));
            each(Lsn(at), record.clone());
        }
        let end = self.end();
        self.durable = end;
        Ok(match damaged {
            _ if !self.ever_written => LogState::Fresh,
            0 => LogState::Recovered { end },
            damaged => LogState::Damaged { end, damaged },
        })
    }

    fn append(&mut self, record: R) -> Result<Lsn, LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned { durable: self.durable });
        }
        self.ever_written = true;
        self.records.push(Recovered::Intact(record));
        Ok(self.end())
    }

    fn sync(&mut self) -> Result<Lsn, LogError> {
        if self.poisoned || core::mem::take(&mut self.fail_next_sync) {
            self.poisoned = true;
            return Err(LogError::Poisoned { durable: self.durable });
        }
        self.durable = self.end();
        Ok(self.durable)
    }

    fn durable(&self) -> Lsn {
        self.durable
    }

    fn end(&self) -> Lsn {
        Lsn(self.released + self.records.len() as u64)
    }

    fn release(&mut self, upto: Lsn) -> Result<(), LogError> {
        let count = upto.min(self.durable).0.saturating_sub(self.released);
        self.records.drain(..usize::try_from(count).unwrap_or(usize::MAX).min(self.records.len()));
        self.released += count;
        Ok(())
    }
}

/// What a protocol has put out, in order, once it was allowed to leave.
pub enum Output<P: Protocol> {
    /// A message on its way to a peer.
    Send {
        /// The receiver.
        to: NodeId,
        /// The message.
        message: P::Message,
        /// The lane.
        lane: Lane,
    },
    /// An event for the application.
    Event(P::Event),
    /// Work for the host.
    Job(P::Job),
    /// A change of the peers.
    Peer(PeerChange),
}

enum Held<P: Protocol> {
    Loopback(P::Message),
    Out(Output<P>),
    Release(Lsn),
}

/// Drives one protocol by hand.
///
/// ```
/// # use synod_core::testing::Bench;
/// # use synod_core::*;
/// # struct Nothing;
/// # impl Protocol for Nothing {
/// #     type Message = (); type Record = (); type Command = (); type Event = (); type Timer = ();
/// #     type Job = Never; type Done = Never; type Error = Never;
/// #     fn recover(&mut self, _: Lsn, _: Recovered<()>) -> Result<(), Never> { Ok(()) }
/// #     fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
/// #         if let Input::Command(()) = input { cx.persist(()); cx.emit(()); }
/// #     }
/// # }
/// let mut node = Bench::new(NodeId(1), Nothing);
/// node.start().unwrap();
/// node.input(Input::Command(()));          // persists a record and tells the application afterwards
/// assert!(node.take().is_empty());         // nothing may be told before the disk has it
/// node.sync().unwrap();
/// assert_eq!(node.take().len(), 1);
/// ```
pub struct Bench<P: Protocol> {
    /// The protocol under test.
    pub protocol: P,
    /// Its log.
    pub log: MemoryLog<P::Record>,
    me: NodeId,
    now: Time,
    incarnation: u64,
    tail: Tail,
    entropy: SplitMix64,
    timers: BTreeMap<P::Timer, Time>,
    gate: Gate<Held<P>>,
    loopback: VecDeque<P::Message>,
    outputs: Vec<Output<P>>,
    scratch: Vec<Effect<P>>,
}

impl<P: Protocol> Bench<P>
where
    P::Record: Clone,
    P::Message: Clone,
{
    /// A node that has never run. Its clock stands at zero, its choices come from the seed `me`.
    pub fn new(me: NodeId, protocol: P) -> Self {
        Self {
            protocol,
            log: MemoryLog::new(),
            me,
            now: Time::ZERO,
            incarnation: 0,
            tail: Tail::default(),
            entropy: SplitMix64::new(me.0),
            timers: BTreeMap::new(),
            gate: Gate::with_limit(usize::MAX),
            loopback: VecDeque::new(),
            outputs: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Recovers from the log and starts.
    ///
    /// # Errors
    /// The protocol's own error, when it cannot recover from this log.
    pub fn start(&mut self) -> Result<(), P::Error> {
        let mut result = Ok(());
        let protocol = &mut self.protocol;
        let state = self.log.replay(&mut |at, record| {
            if result.is_ok() {
                result = protocol.recover(at, record);
            }
        });
        result?;
        self.incarnation += 1;
        self.tail = Tail { end: self.log.end(), promised: Lsn::ZERO };
        let log = state.unwrap_or(LogState::Fresh);
        self.input(Input::Start { incarnation: self.incarnation, log });
        Ok(())
    }

    /// Crashes and starts again as `protocol` with what is on the disk.
    ///
    /// # Errors
    /// As [`start`](Bench::start).
    pub fn restart(&mut self, protocol: P) -> Result<(), P::Error> {
        self.log.crash();
        self.protocol = protocol;
        self.timers.clear();
        self.gate.clear();
        self.loopback.clear();
        self.outputs.clear();
        self.start()
    }

    /// Hands over one input, then [`Input::Flush`].
    pub fn input(&mut self, input: Input<P>) {
        self.step(input);
        self.settle();
    }

    /// Hands over inputs as one burst: a single [`Input::Flush`] at the end.
    pub fn burst(&mut self, inputs: impl IntoIterator<Item = Input<P>>) {
        for input in inputs {
            self.step(input);
        }
        self.settle();
    }

    /// Makes everything durable that was written so far, and lets out what waited for it.
    ///
    /// # Errors
    /// When the disk was told to fail.
    pub fn sync(&mut self) -> Result<(), LogError> {
        self.log.sync()?;
        self.settle();
        Ok(())
    }

    /// Moves the clock and fires the timers that run out on the way, in order.
    pub fn advance(&mut self, span: Duration) {
        let target = self.now + span;
        while let Some((due, timer)) = self.timers.iter().map(|(timer, due)| (*due, *timer)).min() {
            if due > target {
                break;
            }
            self.now = self.now.max(due);
            self.fire(timer);
        }
        self.now = target;
    }

    /// Fires this timer now if it is armed; says whether it was.
    pub fn fire(&mut self, timer: P::Timer) -> bool {
        let armed = self.timers.remove(&timer).is_some();
        if armed {
            self.input(Input::Timer(timer));
        }
        armed
    }

    /// The armed timers and when they run out.
    pub fn timers(&self) -> &BTreeMap<P::Timer, Time> {
        &self.timers
    }

    /// The clock.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Everything that has come out since the last call.
    pub fn take(&mut self) -> Vec<Output<P>> {
        core::mem::take(&mut self.outputs)
    }

    fn step(&mut self, input: Input<P>) {
        let moment = Moment { me: self.me, now: self.now, wall: None, durable: self.log.durable() };
        let mut effects = core::mem::take(&mut self.scratch);
        let sink: &mut dyn Sink<P> = &mut effects;
        self.protocol.step(input, &mut Context::new(moment, &mut self.tail, &mut self.entropy, sink));
        for effect in effects.drain(..) {
            self.carry_out(effect);
        }
        self.scratch = effects;
    }

    fn carry_out(&mut self, effect: Effect<P>) {
        match effect {
            Effect::Send { to, message, after, lane } => {
                for &to in to.as_slice() {
                    let message = message.clone();
                    let held = if to == self.me {
                        Held::Loopback(message)
                    } else {
                        Held::Out(Output::Send { to, message, lane })
                    };
                    self.hold(after, held);
                }
            }
            Effect::Emit { event, after } => self.hold(after, Held::Out(Output::Event(event))),
            Effect::Persist { record, .. } => {
                // A poisoned log swallows the record; nothing that waits for it will ever come out.
                let _ = self.log.append(record);
            }
            Effect::Release { upto, after } => self.hold(after, Held::Release(upto)),
            Effect::Arm { timer, after } => {
                self.timers.insert(timer, self.now + after);
            }
            Effect::Disarm(timer) => {
                self.timers.remove(&timer);
            }
            Effect::Job(job) => self.outputs.push(Output::Job(job)),
            Effect::Peer(change) => self.outputs.push(Output::Peer(change)),
        }
    }

    fn hold(&mut self, after: Lsn, held: Held<P>) {
        match self.gate.offer(after, self.log.durable(), held) {
            Offer::Pass(held) | Offer::Full(held) => self.let_out(held),
            Offer::Held => {}
        }
    }

    fn let_out(&mut self, held: Held<P>) {
        match held {
            Held::Loopback(message) => self.loopback.push_back(message),
            Held::Out(output) => self.outputs.push(output),
            Held::Release(upto) => {
                let _ = self.log.release(upto);
            }
        }
    }

    /// Lets out what may leave and feeds back promises to oneself until nothing moves.
    fn settle(&mut self) {
        loop {
            while let Some(held) = self.gate.pop(self.log.durable()) {
                self.let_out(held);
            }
            match self.loopback.pop_front() {
                Some(message) => self.step(Input::Message(self.me, message)),
                None => {
                    let before = self.outputs.len();
                    self.step(Input::Flush);
                    if self.loopback.is_empty() && self.outputs.len() == before {
                        return;
                    }
                }
            }
        }
    }
}

// `derive` would ask for `P: Clone`; what has to be cloned are the parts.
impl<P: Protocol> Clone for Output<P>
where
    P::Message: Clone,
    P::Event: Clone,
    P::Job: Clone,
{
    fn clone(&self) -> Self {
        match self {
            Self::Send { to, message, lane } => Self::Send { to: *to, message: message.clone(), lane: *lane },
            Self::Event(event) => Self::Event(event.clone()),
            Self::Job(job) => Self::Job(job.clone()),
            Self::Peer(change) => Self::Peer(change.clone()),
        }
    }
}

impl<P: Protocol> PartialEq for Output<P>
where
    P::Message: PartialEq,
    P::Event: PartialEq,
    P::Job: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Send { to, message, lane }, Self::Send { to: to2, message: message2, lane: lane2 }) => {
                to == to2 && message == message2 && lane == lane2
            }
            (Self::Event(event), Self::Event(event2)) => event == event2,
            (Self::Job(job), Self::Job(job2)) => job == job2,
            (Self::Peer(change), Self::Peer(change2)) => change == change2,
            _ => false,
        }
    }
}

impl<P: Protocol> fmt::Debug for Output<P>
where
    P::Message: fmt::Debug,
    P::Event: fmt::Debug,
    P::Job: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { to, message, lane } => {
                f.debug_struct("Send").field("to", to).field("message", message).field("lane", lane).finish()
            }
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Self::Job(job) => f.debug_tuple("Job").field(job).finish(),
            Self::Peer(change) => f.debug_tuple("Peer").field(change).finish(),
        }
    }
}
