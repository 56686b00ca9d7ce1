//! One node: a protocol and the whole driver around it, as a value that can be told from another.

use super::Explored;
use core::hash::{Hash, Hasher};
use core::time::Duration;
use std::collections::VecDeque;
use synod_core::host::{Gate, Moment, Offer, Tail};
use synod_core::{
    Context, Effect, Entropy, Input, Lane, LogState, Lsn, NodeId, Peers, Recovered, Sink, Time,
};

/// What waits for the disk.
#[derive(Clone, Debug, Hash)]
pub(super) enum Held<M, E> {
    Loopback(M),
    Send(NodeId, M),
    Event(E),
    Release(Lsn),
}

/// A node. Between two actions nothing is on its way inside it: promises to itself that are durable have been delivered, and
/// the flush has followed.
#[derive(Clone, Debug)]
pub(super) struct Host<P: Explored> {
    pub(super) id: NodeId,
    /// `None` while the process is down.
    pub(super) protocol: Option<P>,
    pub(super) tail: Tail,
    pub(super) gate: Gate<Held<P::Message, P::Event>>,
    /// Armed timers, in order.
    pub(super) timers: Vec<P::Timer>,
    /// Work that the host has not answered.
    pub(super) jobs: Vec<P::Job>,
    pub(super) disk: Disk<P::Record>,
    pub(super) incarnation: u64,
}

#[derive(Clone, Debug, Hash)]
pub(super) struct Disk<R> {
    pub(super) records: Vec<R>,
    released: u64,
    pub(super) durable: Lsn,
    /// The last forced record.
    forced: Lsn,
    ever_written: bool,
}

impl<P: Explored> Hash for Host<P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Counts before contents, so that no two nodes are written alike.
        self.id.hash(state);
        self.protocol.hash(state);
        self.tail.hash(state);
        self.gate.hash(state);
        self.timers.hash(state);
        self.jobs.hash(state);
        self.disk.hash(state);
        self.incarnation.hash(state);
    }
}

impl<R> Disk<R> {
    pub(super) fn end(&self) -> Lsn {
        Lsn(self.released + self.records.len() as u64)
    }

    fn release(&mut self, upto: Lsn) {
        let count = upto.min(self.durable).0.saturating_sub(self.released);
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.records.len());
        self.records.drain(..count);
        self.released += count as u64;
    }

    /// The power is back, and `kept` of the records that were not durable happen to be there.
    fn tear(&mut self, kept: u64) {
        let left = self.durable.0.saturating_add(kept).saturating_sub(self.released);
        self.records.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        let end = self.end();
        (self.durable, self.forced) = (end, end);
    }
}

/// What one action made a node say.
pub(super) struct Said<P: Explored> {
    pub(super) sends: Vec<(NodeId, P::Message)>,
    pub(super) events: Vec<P::Event>,
}

/// Chance, scripted: the choices of small bounds are enumerated by whoever runs the same step again with the next script.
#[derive(Debug)]
pub(super) struct Choices {
    script: Vec<u64>,
    drawn: Vec<(u64, u64)>,
    bound_max: u64,
}

impl Choices {
    pub(super) const fn new(bound_max: u64) -> Self {
        Self { script: Vec::new(), drawn: Vec::new(), bound_max }
    }

    /// Goes to the next script, like an odometer; `false` after the last.
    pub(super) fn advance(&mut self) -> bool {
        while let Some((bound, choice)) = self.drawn.pop() {
            if choice + 1 < bound {
                self.script.clear();
                self.script.extend(self.drawn.drain(..).map(|(_, choice)| choice));
                self.script.push(choice + 1);
                return true;
            }
        }
        false
    }
}

impl Entropy for Choices {
    fn bits(&mut self) -> u64 {
        0
    }

    fn below(&mut self, bound: u64) -> u64 {
        if bound <= 1 || bound > self.bound_max {
            return 0;
        }
        let choice = self.script.get(self.drawn.len()).copied().unwrap_or(0);
        self.drawn.push((bound, choice));
        choice
    }
}

/// How often a node may speak to itself within one action.
const ROUNDS_MAX: u32 = 10_000;

impl<P: Explored> Host<P> {
    /// A node that has never run.
    pub(super) fn new(id: NodeId) -> Self {
        Self {
            id,
            protocol: None,
            tail: Tail::default(),
            gate: Gate::with_limit(usize::MAX),
            timers: Vec::new(),
            jobs: Vec::new(),
            disk: Disk {
                records: Vec::new(),
                released: 0,
                durable: Lsn::ZERO,
                forced: Lsn::ZERO,
                ever_written: false,
            },
            incarnation: 0,
        }
    }

    /// How many records a crash may lose.
    pub(super) fn unsynced(&self) -> u64 {
        self.disk.end().0.saturating_sub(self.disk.durable.0)
    }

    /// How many records a sync that somebody waits for may make durable; 0 if nobody waits.
    pub(super) fn syncable(&self) -> u64 {
        let wanted = self.disk.forced.max(self.gate.wanted());
        if self.protocol.is_some() && wanted > self.disk.durable { self.unsynced() } else { 0 }
    }

    /// The process dies. What survives of the log is decided when it starts again: nobody can look before.
    pub(super) fn crash(&mut self) {
        self.protocol = None;
        self.gate.clear();
        self.timers.clear();
        self.jobs.clear();
        self.tail = Tail::default();
    }

    /// Starts the process from its disk.
    pub(super) fn boot(
        &mut self,
        mut protocol: P,
        kept: u64,
        counted: bool,
        choices: &mut Choices,
    ) -> Result<Said<P>, String> {
        self.disk.tear(kept);
        if counted || self.incarnation == 0 {
            self.incarnation += 1;
        }
        for (lsn, record) in (self.disk.released + 1..).map(Lsn).zip(&self.disk.records) {
            protocol
                .recover(lsn, Recovered::Intact(record.clone()))
                .map_err(|error| format!("{} cannot recover from its disk at {lsn}: {error:?}", self.id))?;
        }
        let end = self.disk.end();
        self.tail = Tail { end, promised: Lsn::ZERO };
        self.protocol = Some(protocol);
        let log = if self.disk.ever_written { LogState::Recovered { end } } else { LogState::Fresh };
        self.input(Input::Start { incarnation: self.incarnation, log }, choices)
    }

    /// The disk has everything up to `upto`.
    pub(super) fn synced(&mut self, upto: Lsn, choices: &mut Choices) -> Result<Said<P>, String> {
        self.disk.durable = self.disk.durable.max(upto);
        let mut port = Port::new();
        while let Some(held) = self.gate.pop(self.disk.durable) {
            port.let_out(held, &mut self.disk);
        }
        self.settle(port, choices)
    }

    /// One input, and all that follows at once.
    pub(super) fn input(&mut self, input: Input<P>, choices: &mut Choices) -> Result<Said<P>, String> {
        let mut port = Port::new();
        self.step(input, &mut port, choices);
        self.settle(port, choices)
    }

    /// Delivers promises to oneself, then the flush, until nothing moves.
    fn settle(&mut self, mut port: Port<P>, choices: &mut Choices) -> Result<Said<P>, String> {
        for _ in 0..ROUNDS_MAX {
            match port.loopback.pop_front() {
                Some(message) => self.step(Input::Message(self.id, message), &mut port, choices),
                None => {
                    self.step(Input::Flush, &mut port, choices);
                    if port.loopback.is_empty() {
                        return Ok(port.said);
                    }
                }
            }
        }
        Err(format!("{} speaks to itself without end", self.id))
    }

    fn step(&mut self, input: Input<P>, port: &mut Port<P>, choices: &mut Choices) {
        let Some(protocol) = &mut self.protocol else { return };
        let moment = Moment { me: self.id, now: Time::ZERO, wall: None, durable: self.disk.durable };
        let mut sink = Hands {
            id: self.id,
            gate: &mut self.gate,
            timers: &mut self.timers,
            jobs: &mut self.jobs,
            disk: &mut self.disk,
            port,
        };
        protocol.step(input, &mut Context::new(moment, &mut self.tail, choices, &mut sink));
    }
}

/// What leaves a node, and what it says to itself.
struct Port<P: Explored> {
    loopback: VecDeque<P::Message>,
    said: Said<P>,
}

impl<P: Explored> Port<P> {
    const fn new() -> Self {
        Self { loopback: VecDeque::new(), said: Said { sends: Vec::new(), events: Vec::new() } }
    }

    fn let_out(&mut self, held: Held<P::Message, P::Event>, disk: &mut Disk<P::Record>) {
        match held {
            Held::Loopback(message) => self.loopback.push_back(message),
            Held::Send(to, message) => self.said.sends.push((to, message)),
            Held::Event(event) => self.said.events.push(event),
            Held::Release(upto) => disk.release(upto),
        }
    }
}

/// The sink of a step.
struct Hands<'a, P: Explored> {
    id: NodeId,
    gate: &'a mut Gate<Held<P::Message, P::Event>>,
    timers: &'a mut Vec<P::Timer>,
    jobs: &'a mut Vec<P::Job>,
    disk: &'a mut Disk<P::Record>,
    port: &'a mut Port<P>,
}

impl<P: Explored> Hands<'_, P> {
    fn offer(&mut self, after: Lsn, held: Held<P::Message, P::Event>) {
        match self.gate.offer(after, self.disk.durable, held) {
            Offer::Pass(held) => self.port.let_out(held, self.disk),
            Offer::Held => {}
            Offer::Full(held) => self.gate.hold(after, held),
        }
    }
}

impl<P: Explored> Sink<P> for Hands<'_, P> {
    fn accept(&mut self, effect: Effect<P>) {
        match effect {
            Effect::Send { to, message, after, lane } => self.send(to, message, after, lane),
            Effect::Emit { event, after } => self.offer(after, Held::Event(event)),
            Effect::Persist { record, forced } => {
                self.disk.ever_written = true;
                self.disk.records.push(record);
                if forced {
                    self.disk.forced = self.disk.end();
                }
            }
            Effect::Release { upto, after } => self.offer(after, Held::Release(upto)),
            Effect::Arm { timer, after } => self.arm(timer, after),
            Effect::Disarm(timer) => self.timers.retain(|armed| *armed != timer),
            Effect::Job(job) => self.jobs.push(job),
            // Everybody is reachable by number.
            Effect::Peer(_) => {}
        }
    }

    fn send(&mut self, to: Peers, message: P::Message, after: Lsn, _: Lane) {
        for &to in to.as_slice() {
            let message = message.clone();
            let held = if to == self.id { Held::Loopback(message) } else { Held::Send(to, message) };
            self.offer(after, held);
        }
    }

    fn arm(&mut self, timer: P::Timer, _: Duration) {
        if let Err(place) = self.timers.binary_search(&timer) {
            self.timers.insert(place, timer);
        }
    }
}
