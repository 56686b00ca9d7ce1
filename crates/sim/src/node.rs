//! One node: a protocol and all that surrounds it, a whole driver in miniature.

use crate::byzantine::Mask;
use crate::clock::Clock;
use crate::cpu::Cpu;
use crate::disk::Disk;
use crate::hash::{Fold, fingerprint};
use crate::network::Net;
use crate::tape::{Kind, Label, Tape};
use crate::world::{Pending, Simulated};
use core::time::Duration;
use std::collections::VecDeque;
use synod_core::host::{Gate, Moment, Offer, Tail};
use synod_core::{Context, Effect, Entropy, Input, Lane, Lsn, NodeId, Peers, Sink};

/// Draws for a protocol, each with a label of its own.
#[derive(Clone)]
pub(crate) struct Draws {
    pub(crate) tape: Tape,
    pub(crate) node: u64,
    pub(crate) incarnation: u64,
    pub(crate) drawn: u64,
}

impl Entropy for Draws {
    fn bits(&mut self) -> u64 {
        self.drawn += 1;
        self.tape.draw(Label::new(Kind::Entropy, &[self.node, self.incarnation, self.drawn]))
    }
}

#[derive(Clone)]
pub(crate) enum Held<P: Simulated> {
    Loopback(P::Message),
    Send(NodeId, P::Message),
    Event(P::Event),
    Release(Lsn),
}

#[derive(Clone, Copy)]
pub(crate) struct Alarm<T> {
    pub(crate) name: T,
    /// When it fires; `u64::MAX` while disarmed.
    pub(crate) due: u64,
    /// The earliest entry in the queue that will look at this alarm.
    pub(crate) queued: u64,
}

/// How many effects of one node may wait for its disk.
pub(crate) const HELD_MAX: usize = 4096;

/// All of a node but its protocol.
#[derive(Clone)]
pub(crate) struct Host<P: Simulated> {
    pub(crate) id: NodeId,
    /// Its place among the nodes of the world.
    pub(crate) at: usize,
    pub(crate) disk: Disk<P::Record>,
    pub(crate) gate: Gate<Held<P>>,
    pub(crate) loopback: VecDeque<P::Message>,
    pub(crate) alarms: Vec<Alarm<P::Timer>>,
    pub(crate) clock: Clock,
    /// By how many nanoseconds its wall clock is wrong without its knowing.
    pub(crate) wall_jump: i64,
    pub(crate) events: Vec<P::Event>,
    pub(crate) jobs: Vec<P::Job>,
    pub(crate) incarnation: u64,
    /// The process stands still until then; 0 while it runs.
    pub(crate) paused_until: u64,
    /// What has come for it in the meantime.
    pub(crate) waiting: Vec<Pending<P>>,
    pub(crate) early: bool,
    /// More is to come at this very moment, and the flush comes after it.
    pub(crate) owes_flush: bool,
    /// A processor of finite speed, where a dial says so.
    pub(crate) cpu: Option<Box<Cpu<P>>>,
    /// Why the node will not start from its damaged disk.
    pub(crate) refused: Option<String>,
    /// What a traitor wears.
    pub(crate) mask: Option<Box<Mask<P>>>,
}

#[derive(Clone)]
pub(crate) struct Node<P: Simulated> {
    /// `None` while the process is down.
    pub(crate) protocol: Option<P>,
    pub(crate) tail: Tail,
    pub(crate) draws: Draws,
    pub(crate) host: Host<P>,
}

/// The sink of one step: effects go straight to where they belong.
pub(crate) struct Port<'a, P: Simulated> {
    pub(crate) host: &'a mut Host<P>,
    pub(crate) net: &'a mut Net<P>,
    /// Records of this step that the device has refused.
    refused: u64,
}

impl<P: Simulated> Host<P> {
    /// Whether the world has to see to this node after a step.
    #[inline]
    pub(crate) fn calls(&self) -> bool {
        !self.events.is_empty() || self.disk.overflowed || !self.jobs.is_empty()
    }
}

impl<'a, P: Simulated> Port<'a, P> {
    pub(crate) fn new(host: &'a mut Host<P>, net: &'a mut Net<P>) -> Self {
        Self { host, net, refused: 0 }
    }
}

impl<P: Simulated> Port<'_, P> {
    /// Tells whoever follows the run.
    #[inline(never)]
    fn show_sent(&mut self, to: &Peers, message: &P::Message, after: Lsn) {
        let id = self.host.id;
        let Some(shadow) = &mut self.net.shadow.0 else { return };
        match to {
            Peers::One(to) => shadow.says(id, *to, message, after),
            Peers::Each(to) => to.iter().for_each(|to| shadow.says(id, *to, message, after)),
        }
    }

    /// Most messages wait for nothing: those are not wrapped, only to be unwrapped again.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a message is moved once more otherwise")]
    fn post(&mut self, to: NodeId, message: P::Message, after: Lsn) {
        if after > self.durable() {
            self.keep(to, message, after);
        } else if to == self.host.id {
            self.host.loopback.push_back(message);
        } else {
            self.speak(to, message);
        }
    }

    /// A message waits for the disk.
    #[inline(never)]
    fn keep(&mut self, to: NodeId, message: P::Message, after: Lsn) {
        let mine = to == self.host.id;
        self.offer(after, if mine { Held::Loopback(message) } else { Held::Send(to, message) });
    }

    #[inline(never)]
    fn post_to_each(&mut self, to: &[NodeId], message: &P::Message, after: Lsn) {
        for &to in to {
            self.post(to, message.clone(), after);
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn speak(&mut self, to: NodeId, message: P::Message) {
        if self.host.mask.is_some() {
            return self.betray(to, message);
        }
        self.net.transmit(self.host.id, to, message);
    }

    /// The log is durable up to here, as far as this driver cares.
    #[inline]
    fn durable(&self) -> Lsn {
        if self.host.early { Lsn(u64::MAX) } else { self.host.disk.durable }
    }

    fn offer(&mut self, after: Lsn, held: Held<P>) {
        let durable = self.durable();
        match self.host.gate.offer(after, durable, held) {
            Offer::Pass(held) => self.let_out(held),
            Offer::Held => self.net.stats.held_max = self.net.stats.held_max.max(self.host.gate.len()),
            // A network may lose what it likes; a promise to oneself or an event must not be lost.
            Offer::Full(Held::Send(..)) => self.net.stats.held_full += 1,
            Offer::Full(held) => self.host.gate.hold(after, held),
        }
    }

    pub(crate) fn let_out(&mut self, held: Held<P>) {
        match held {
            Held::Loopback(message) => self.host.loopback.push_back(message),
            Held::Send(to, message) => self.speak(to, message),
            Held::Event(event) => self.host.events.push(event),
            Held::Release(upto) => self.host.disk.release(upto),
        }
    }
}

impl<P: Simulated> Sink<P> for Port<'_, P> {
    fn accept(&mut self, effect: Effect<P>) {
        match effect {
            Effect::Send { to, message, after, lane } => self.send(to, message, after, lane),
            Effect::Emit { event, after } => self.emit(event, after),
            Effect::Persist { record, forced } => self.persist(record, forced),
            Effect::Arm { timer, after } => self.arm(timer, after),
            Effect::Disarm(timer) => self.disarm(timer),
            Effect::Release { upto, after } => self.offer(after, Held::Release(upto)),
            Effect::Job(job) => self.host.jobs.push(job),
            Effect::Peer(change) => self.net.peer(self.host.id, &change),
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "who is spoken to is known where the protocol calls it")]
    fn send(&mut self, to: Peers, message: P::Message, after: Lsn, _: Lane) {
        if self.net.medium.is_some() {
            self.net.encoded(self.host.id, &to);
        }
        if self.net.shadow.0.is_some() {
            self.show_sent(&to, &message, after);
        }
        match to {
            Peers::One(to) => self.post(to, message, after),
            Peers::Each(to) => self.post_to_each(&to, &message, after),
        }
    }

    #[inline]
    fn emit(&mut self, event: P::Event, after: Lsn) {
        if after > self.durable() {
            self.offer(after, Held::Event(event));
        } else {
            self.host.events.push(event);
        }
    }

    fn persist(&mut self, record: P::Record, forced: bool) {
        if let Some(shadow) = &mut self.net.shadow.0 {
            let at = Lsn(self.host.disk.end().0 + self.refused + 1);
            shadow.writes(self.host.id, at, &record);
        }
        if self.net.now < self.host.disk.full_until {
            self.host.disk.overflowed = true;
            self.refused += 1;
            return;
        }
        self.net.stats.records += 1;
        if self.net.medium.is_some() {
            self.net.spend(self.host.id, |usage| usage.records += 1);
        }
        self.host.disk.append(record, forced);
    }

    fn arm(&mut self, timer: P::Timer, after: Duration) {
        let due = self.net.now.saturating_add(self.host.clock.wait(after));
        let place = match self.host.alarms.iter().position(|alarm| alarm.name == timer) {
            Some(place) => place,
            None => {
                self.host.alarms.push(Alarm { name: timer, due, queued: u64::MAX });
                self.host.alarms.len() - 1
            }
        };
        if let Some(alarm) = self.host.alarms.get_mut(place) {
            alarm.due = due;
            // A timer that is put off again and again keeps one entry in the queue, which follows it.
            if alarm.queued > due {
                alarm.queued = due;
                let at = self.host.at;
                let incarnation = self.host.incarnation;
                self.net.queue.push(due, Pending::Timer { at, timer, incarnation });
            }
        }
    }

    fn disarm(&mut self, timer: P::Timer) {
        if let Some(alarm) = self.host.alarms.iter_mut().find(|alarm| alarm.name == timer) {
            alarm.due = u64::MAX;
        }
    }
}

impl<P: Simulated> Node<P> {
    /// Adds the state of this node to a fingerprint.
    pub(crate) fn digest(&self, chain: Fold) -> Fold {
        let state = self.protocol.as_ref().map_or(0, fingerprint);
        chain.word(state).word(self.host.disk.end().0).word(self.host.disk.durable.0)
    }

    #[inline(never)]
    pub(crate) fn step(&mut self, input: Input<P>, net: &mut Net<P>) {
        let Some(protocol) = &mut self.protocol else { return };
        let moment = Moment {
            me: self.host.id,
            now: self.host.clock.show(net.now),
            wall: if net.dials.wall_error_max.is_some() {
                net.wall(self.host.at, self.host.wall_jump)
            } else {
                None
            },
            durable: self.host.disk.durable,
        };
        if let Some(shadow) = &mut net.shadow.0 {
            shadow.takes(self.host.id, &input);
        }
        let mut port = Port::new(&mut self.host, net);
        protocol.step(input, &mut Context::new(moment, &mut self.tail, &mut self.draws, &mut port));
        if let Some(shadow) = &mut net.shadow.0 {
            shadow.is(self.host.id, protocol);
        }
    }

    /// Feeds back promises to oneself, flushes, and begins a sync.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "after every input")]
    pub(crate) fn settle(&mut self, at: usize, net: &mut Net<P>) {
        loop {
            while let Some(message) = self.host.loopback.pop_front() {
                net.stats.events += 1;
                self.step(Input::Message(self.host.id, message), net);
            }
            let wanted = self.protocol.as_ref().is_some_and(P::wants_flush);
            // A driver that has more for this node takes it first, and flushes once.
            let more = match &mut self.host.cpu {
                Some(cpu) => cpu.has_more(),
                None => wanted && net.queue.due(net.now).is_some_and(|next| next.target() == Some(at)),
            };
            self.host.owes_flush = wanted && more;
            if more || !wanted {
                break;
            }
            self.step(Input::Flush, net);
            if self.host.loopback.is_empty() {
                break;
            }
        }
        self.sync(at, net);
    }

    /// Begins a sync if somebody waits for one and none is under way: group commit.
    #[inline]
    pub(crate) fn sync(&mut self, at: usize, net: &mut Net<P>) {
        let disk = &self.host.disk;
        if disk.syncing.is_none() && disk.forced.max(self.host.gate.wanted()) > disk.durable {
            self.begin_sync(at, net);
        }
    }

    #[inline(never)]
    fn begin_sync(&mut self, at: usize, net: &mut Net<P>) {
        if self.protocol.is_none() {
            return;
        }
        let disk = &mut self.host.disk;
        let upto = disk.end();
        disk.syncing = Some(upto);
        net.spend(self.host.id, |usage| usage.syncs += 1);
        let draw = net.tape.draw(Label::new(Kind::Sync, &[self.host.id.0, self.host.incarnation, upto.0]));
        let span = net.dials.sync_of(self.host.id).sampled(draw).saturating_mul(u64::from(disk.slowness));
        disk.sync_takes = span;
        let due = net.now.max(disk.stalled_until).saturating_add(span);
        let failed = core::mem::take(&mut disk.failing);
        let incarnation = self.host.incarnation;
        net.queue.push(due, Pending::Synced { at, upto, incarnation, failed });
    }
}
