//! A whole cluster as one value: nodes, network, disks and clocks in virtual time.

mod faults;
mod fork;
mod pending;
mod portrait;
mod topology;

pub(crate) use pending::Pending;

use crate::builds::Outfit;
use crate::clock::Clock;
use crate::costs::Costs;
use crate::cpu::Cpu;
use crate::damage::Lore;
use crate::dials::{Dials, Sabotage, nanos};
use crate::disk::{Disk, Wreck};
use crate::hash::fingerprint;
use crate::nemesis::{Nemesis, Strike};
use crate::network::{Net, UNSEEN, index, node};
use crate::node::{Draws, HELD_MAX, Host, Node, Port};
use crate::queue::Next;
use crate::script::FaultEvent;
use crate::stats::Stats;
use crate::tape::Tape;
use crate::trace::{Fate, Recorder};
use crate::wall::BEGINNING;
use crate::workload::{Io, Workload};
use core::fmt::Debug;
use core::hash::Hash;
use core::ops::Range;
use std::collections::VecDeque;
use std::sync::Arc;
use synod_core::host::{Gate, Tail};
use synod_core::{Input, Lsn, NodeId, Protocol, Recovered, Time};

/// What a protocol must be able to do beyond stepping, to live in the simulator: be copied, compared by fingerprint, and
/// shown. Implemented for every type that can.
pub trait Simulated:
    Protocol<
        Message: Clone + Hash + Debug,
        Record: Clone + Hash,
        Command: Clone + Debug,
        Event: Debug + Clone,
        Timer: Hash + Debug,
        Job: Clone,
        Done: Clone,
        Error: Debug,
    > + Clone
    + Hash
{
}

impl<P> Simulated for P
where
    P: Protocol + Clone + Hash,
    P::Message: Clone + Hash + Debug,
    P::Record: Clone + Hash,
    P::Command: Clone + Debug,
    P::Event: Debug + Clone,
    P::Timer: Hash + Debug,
    P::Job: Clone,
    P::Done: Clone,
    P::Error: Debug,
{
}

/// A digest of one node's state, each in turn, enters the rolling hash every so many events; that of all nodes does at the end.
const DIGEST_EVERY: u64 = 1 << 16;

/// A cluster in virtual time. It is a value: clone it, run both copies, compare.
#[derive(Clone)]
pub struct World<P: Simulated, W> {
    pub(crate) nodes: Vec<Node<P>>,
    pub(crate) net: Net<P>,
    pub(crate) lore: Lore<P>,
    nemesis: Nemesis,
    workload: W,
    make: Arc<dyn Fn(NodeId) -> P + Send + Sync>,
    failure: Option<(NodeId, String)>,
    moved: Vec<NodeId>,
    /// The build of each node.
    installed: Vec<usize>,
    rolled: topology::Rollouts,
}

impl<P: Simulated, W: Workload<P>> World<P, W> {
    /// A world of `nodes` nodes with the ids 1, 2, 3 and so on, each made (and after a crash, made again) by `make`. The nodes
    /// start at time zero.
    pub fn new(
        nodes: usize,
        make: impl Fn(NodeId) -> P + Send + Sync + 'static,
        workload: W,
        tape: Tape,
        dials: Dials,
    ) -> Self {
        let outfit = Arc::new(Outfit::default());
        Self::with_trace(nodes, Arc::new(make), workload, tape, dials, 0..0, outfit)
    }

    pub(crate) fn with_trace(
        nodes: usize,
        make: Arc<dyn Fn(NodeId) -> P + Send + Sync>,
        workload: W,
        tape: Tape,
        dials: Dials,
        window: Range<u64>,
        outfit: Arc<Outfit<P>>,
    ) -> Self {
        let early = dials.sabotage == Some(Sabotage::EarlySend);
        let lore = Lore::new(dials.storage.bound, nodes);
        let mut net = Net::new(nodes, tape, dials, outfit);
        net.trace = Recorder::of(window);
        let mut world = Self {
            nodes: Vec::new(),
            net,
            lore,
            nemesis: Nemesis::default(),
            workload,
            make,
            failure: None,
            moved: Vec::new(),
            installed: vec![0; nodes],
            rolled: topology::Rollouts::default(),
        };
        for at in 0..nodes {
            let clock = Clock::draw(at as u64, &world.net.dials, &mut world.net.tape);
            let id = node(at);
            world.nodes.push(Node {
                protocol: None,
                tail: Tail::default(),
                draws: Draws { tape: world.net.tape.branch(), node: id.0, incarnation: 0, drawn: 0 },
                host: Host {
                    id,
                    at,
                    disk: Disk::new(),
                    gate: Gate::with_limit(HELD_MAX),
                    loopback: VecDeque::new(),
                    alarms: Vec::new(),
                    clock,
                    wall_jump: 0,
                    events: Vec::new(),
                    jobs: Vec::new(),
                    incarnation: 0,
                    paused_until: 0,
                    waiting: Vec::new(),
                    early,
                    owes_flush: false,
                    cpu: world.net.dials.step_of(id).map(|step| Box::new(Cpu::new(step))),
                    refused: None,
                    mask: None,
                },
            });
        }
        world.mask();
        (0..world.nodes.len()).for_each(|at| world.boot(at));
        world.workload.begin(&mut Io::new(&mut world.net));
        world.nemesis.begin(&mut world.net);
        world
    }

    /// Virtual time since the run began.
    pub fn now(&self) -> Time {
        Time(self.net.now)
    }

    /// What the clock of a node shows, which need be neither right nor steady. `None`: there is no such node.
    pub fn clock(&self, id: NodeId) -> Option<Time> {
        let node = self.nodes.get(index(id).filter(|at| *at < self.len())?)?;
        Some(node.host.clock.show(self.net.now))
    }

    /// The true time, which wall clocks are about: nanoseconds since 1970-01-01 UTC.
    pub fn true_time(&self) -> u64 {
        BEGINNING.saturating_add(self.net.now)
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.net.up.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.net.up.is_empty()
    }

    /// The protocol on a node, unless the node is down.
    pub fn node(&self, id: NodeId) -> Option<&P> {
        self.nodes.get(index(id).filter(|at| *at < self.len())?)?.protocol.as_ref()
    }

    /// The protocols that are up.
    pub fn up(&self) -> impl Iterator<Item = (NodeId, &P)> {
        self.nodes.iter().take(self.len()).filter_map(|node| Some((node.host.id, node.protocol.as_ref()?)))
    }

    /// The application and its clients.
    pub fn workload(&self) -> &W {
        &self.workload
    }

    /// The application and its clients, of a world that is not needed any more.
    pub fn into_workload(self) -> W {
        self.workload
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.net.stats
    }

    /// What the run has cost so far; nothing unless [`Sim::budget`](crate::Sim::budget) or [`Sim::metered`](crate::Sim::metered)
    /// asked for it.
    pub fn costs(&self) -> Costs {
        self.net.costs()
    }

    /// The faults that have struck so far, for a timeline.
    pub fn strikes(&self) -> &[Strike] {
        self.nemesis.strikes()
    }

    /// The fault events that came true, chances only if the tape was told to list them; that list ends with this.
    pub(crate) fn take_faults(&mut self) -> Vec<FaultEvent> {
        let hits = self.net.tape.take_log().into_iter().map(FaultEvent::Hit);
        let mut faults: Vec<_> = self.nemesis.meant().map(FaultEvent::Strike).chain(hits).collect();
        // Stable: at the same moment a strike comes before what it causes.
        faults.sort_by_key(FaultEvent::at);
        faults
    }

    /// The decisions that were recorded, if the tape was told to.
    pub fn recorded(&mut self) -> Tape {
        for node in &mut self.nodes {
            self.net.tape.absorb(&mut node.draws.tape);
        }
        self.net.tape.recorded()
    }

    /// The rolling hash over all events so far and the state of every node now. Equal hashes mean equal runs.
    pub fn hash(&self) -> u64 {
        self.nodes.iter().fold(self.net.chain, |chain, node| node.digest(chain)).end()
    }

    /// Why the world cannot go on: a node could not recover from its own disk, which nobody had damaged.
    pub fn failure(&self) -> Option<&(NodeId, String)> {
        self.failure.as_ref()
    }

    /// Starts the process of a node that is down, from its disk.
    pub(crate) fn boot(&mut self, at: usize) {
        let Some(slot) = self.nodes.get_mut(at) else { return };
        if slot.protocol.is_some() || slot.host.refused.is_some() || self.failure.is_some() {
            return;
        }
        let id = slot.host.id;
        let build = self.installed.get(at).copied().unwrap_or(0);
        let mut protocol = self.net.outfit.make(build, &self.make, id);
        slot.host.incarnation += 1;
        let shadow = &mut self.net.shadow.0;
        if let Some(shadow) = shadow {
            shadow.boots(id, &protocol);
        }
        let (log, mut records) = slot.host.disk.replay();
        let failed = records.find_map(|(lsn, found)| {
            let found = match found {
                Recovered::Intact(record) => Recovered::Intact(record.clone()),
                Recovered::Damaged(damage) => Recovered::Damaged(damage),
            };
            if let Some(shadow) = shadow {
                shadow.finds(id, lsn, &found);
            }
            protocol.recover(lsn, found).err().map(|error| (lsn, error))
        });
        drop(records);
        self.net.stats.damage_met += slot.host.disk.damaged().len() as u64;
        if let Some((lsn, error)) = failed {
            let why = format!("cannot recover from its disk at {lsn}: {error:?}");
            if slot.host.disk.damaged().is_empty() {
                self.failure = Some((id, why));
            } else {
                self.net.stats.refusals += 1;
                self.net.trace.refused(self.net.now, id, &why);
                slot.host.refused = Some(why);
            }
            return;
        }
        slot.tail = Tail { end: slot.host.disk.end(), promised: Lsn::ZERO };
        slot.draws.incarnation = slot.host.incarnation;
        slot.draws.drawn = 0;
        slot.protocol = Some(protocol);
        if let Some(up) = self.net.up.get_mut(at) {
            *up = true;
        }
        self.net.came_up(at, build);
        self.net.trace.started(self.net.now, id);
        if at < self.net.up.len() {
            self.moved.push(id);
        }
        let incarnation = slot.host.incarnation;
        self.handle(at, Input::Start { incarnation, log });
    }

    /// Kills the process of a node. What was not durable is lost, or torn.
    pub(crate) fn crash(&mut self, at: usize) {
        if self.nodes.get(at).is_some_and(|slot| slot.protocol.is_some()) {
            let wreck = self.power_fails(at);
            self.die(at, wreck);
            if let Some(double) = self.double(at) {
                self.crash(double);
            }
        }
    }

    /// The process of a node is gone; what is left of its log is decided.
    pub(crate) fn die(&mut self, at: usize, wreck: Wreck) {
        let Some(slot) = self.nodes.get_mut(at) else { return };
        slot.protocol = None;
        let (id, left) = (slot.host.id, slot.host.disk.end());
        if let Some(shadow) = &mut self.net.shadow.0 {
            shadow.crashes(id);
        }
        self.net.stats.acknowledged_lost += wreck.acknowledged;
        self.net.stats.records_lost += wreck.lost;
        self.net.stats.past_hole += wreck.past_hole;
        self.net.stats.crashes += 1;
        slot.host.gate.clear();
        slot.host.loopback.clear();
        slot.host.alarms.clear();
        slot.host.events.clear();
        slot.host.jobs.clear();
        slot.host.paused_until = 0;
        slot.host.owes_flush = false;
        if let Some(up) = self.net.up.get_mut(at) {
            *up = false;
        }
        self.net.went_down(at);
        let queued = slot.host.cpu.as_mut().map(|cpu| cpu.reset()).unwrap_or_default();
        for pending in core::mem::take(&mut slot.host.waiting).into_iter().chain(queued) {
            Self::passed_by(slot, self.net.now, pending, &mut self.net);
        }
        self.net.trace.crashed(self.net.now, id, wreck.lost, wreck.acknowledged);
        self.net.chain = self.net.chain.word(self.net.now).word(id.0).word(left.0);
        // A second process under this id has neither an observer nor an application of its own.
        if at < self.len() {
            self.moved.push(id);
            self.workload.on_crash(id, &mut Io::new(&mut self.net));
        }
    }

    pub(crate) fn boot_later(&mut self, at: usize, after: u64) {
        self.net.queue.push(self.net.now.saturating_add(after), Pending::Boot { at });
    }

    /// Lets the next thing happen. `false` when nothing is to come or the world has failed. [`moved`](World::moved) says which
    /// nodes it concerned.
    #[inline]
    pub fn step(&mut self) -> bool {
        self.moved.clear();
        if self.failure.is_some() {
            return false;
        }
        let Some((at, mut next, target)) = self.next() else { return false };
        self.net.now = self.net.now.max(at);
        self.net.tape.stamp(self.net.now);
        let Some(target) = target else {
            self.beyond(at, next);
            return true;
        };
        let Some(slot) = self.nodes.get_mut(target) else {
            self.net.queue.take(next);
            return true;
        };
        if slot.protocol.is_none() || slot.host.paused_until > 0 {
            Self::missed(slot, at, next, &mut self.net);
            return true;
        }
        if slot.host.cpu.is_some() {
            match self.queue_up(target, at, next) {
                Some(first) => next = first,
                None => {
                    self.net.stats.queued += 1;
                    return true;
                }
            }
        }
        let is_message = matches!(self.net.queue.look(&next), Some(Pending::Message { .. }));
        if if is_message { self.arrive(target, next) } else { self.happen(target, next) } {
            if target < self.net.up.len() {
                self.moved.push(node(target));
            }
            self.net.stats.events += 1;
            if self.net.stats.events.is_multiple_of(DIGEST_EVERY) {
                self.digest();
            }
        } else if self.nodes.get(target).is_some_and(|slot| slot.host.owes_flush) {
            // It meant nothing any more, but a burst has left its flush to it.
            self.settle(target);
        }
        true
    }

    /// The processor is slow: what has come waits its turn, and what waited may have it now.
    #[cold]
    fn queue_up(&mut self, target: usize, at: u64, next: Next) -> Option<Next> {
        let pending = self.net.queue.take(next)?;
        let cpu = self.nodes.get_mut(target)?.host.cpu.as_mut()?;
        let (input, turn) = cpu.admit(pending);
        if let Some(turn) = turn {
            let due = at.saturating_add(cpu.step);
            self.net.queue.push(due, Pending::Turn { at: target, turn });
        }
        self.net.queue.lay(input?)
    }

    /// Something that concerns no node, or none yet.
    #[inline(never)]
    fn beyond(&mut self, at: u64, next: Next) {
        let Some(pending) = self.net.queue.take(next) else { return };
        match pending {
            Pending::Wake { token } => {
                self.net.chain = self.net.chain.word(at).word(token);
                self.workload.on_wake(token, &mut Io::new(&mut self.net));
            }
            Pending::Boot { at } => {
                self.boot(at);
                self.double(at).into_iter().for_each(|double| self.boot(double));
            }
            Pending::Strike { rate } => self.strike(rate),
            Pending::Relent { strike } => self.relent(strike),
            Pending::Install { at, build, down } => self.install(at, build, down),
            Pending::Restart { at, down } => {
                self.crash(at);
                self.boot_later(at, down);
            }
            Pending::Replace { at, down } => {
                self.crash(at);
                self.empty_disk(at);
                self.boot_later(at, down);
            }
            _ => {}
        }
    }

    /// The process is down, or stands still.
    #[cold]
    fn missed(slot: &mut Node<P>, at: u64, next: Next, net: &mut Net<P>) {
        if let Some(pending) = net.queue.take(next) {
            Self::passed_by(slot, at, pending, net);
        }
    }

    fn passed_by(slot: &mut Node<P>, at: u64, pending: Pending<P>, net: &mut Net<P>) {
        if slot.protocol.is_some() {
            slot.host.waiting.push(pending);
        } else if let Pending::Message { to, id, .. } = pending {
            net.stats.receiver_down += 1;
            net.trace.ended(at, id, node(to), Fate::ReceiverDown);
        }
    }

    #[cold]
    fn digest(&mut self) {
        let turn = self.net.stats.events / DIGEST_EVERY % self.nodes.len() as u64;
        if let Some(node) = self.nodes.get(turn as usize) {
            self.net.chain = node.digest(self.net.chain);
        }
    }

    /// When the next step will be.
    pub(crate) fn due(&mut self) -> Option<u64> {
        loop {
            let (at, pending) = self.net.queue.first()?;
            if !(self.nemesis.stopped() && matches!(pending, Pending::Strike { .. })) {
                return Some(at);
            }
            self.net.queue.pop();
        }
    }

    /// A fault that comes too late, after the healing, is not even a step: a script does not list it.
    #[inline]
    fn next(&mut self) -> Option<(u64, Next, Option<usize>)> {
        loop {
            let (at, next) = self.net.queue.next()?;
            let pending = self.net.queue.look(&next)?;
            let target = pending.target();
            if target.is_none() && self.nemesis.stopped() && matches!(pending, Pending::Strike { .. }) {
                self.net.queue.take(next);
                continue;
            }
            return Some((at, next, target));
        }
    }

    /// What whoever follows this world has found wrong.
    #[inline]
    pub(crate) fn flaw(&mut self) -> Option<(NodeId, String)> {
        self.net.shadow.0.as_mut()?.flaw()
    }

    /// All that is to come, in no order.
    pub(crate) fn pending(&self) -> impl Iterator<Item = (u64, &Pending<P>)> {
        self.net.queue.iter()
    }

    /// The nodes that the last step concerned: they took an input, died or started.
    pub fn moved(&self) -> &[NodeId] {
        &self.moved
    }

    /// A message reaches a node that is up, unless a partition has come in between. Says whether it did.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a message is moved once more otherwise")]
    fn arrive(&mut self, target: usize, next: Next) -> bool {
        let Some(Pending::Message { from, print, id, .. }) = self.net.queue.look(&next) else { return false };
        let (from, print, id) = (*from, *print, *id);
        let seen = id != UNSEEN;
        if seen {
            let blocked = self.net.blockades > 0 && self.net.is_blocked(from, target);
            let fate = if blocked { Fate::Blocked } else { Fate::Delivered };
            self.net.trace.ended(self.net.now, id, node(target), fate);
            if blocked {
                self.net.stats.blocked += 1;
                self.net.queue.take(next);
                return false;
            }
        }
        self.net.stats.delivered += 1;
        self.net.chain = self.net.chain.word(self.net.now).word(print);
        let Some(Pending::Message { from, message, .. }) = self.net.queue.take(next) else { return false };
        if !self.net.dials.traitors.is_empty() {
            self.overhear(target, from, &message);
        }
        self.take_in(target, Input::Message(from, message));
        true
    }

    /// Something else than a message reaches a node that is up. Says whether it still meant anything.
    #[inline(never)]
    fn happen(&mut self, target: usize, next: Next) -> bool {
        let Some(pending) = self.net.queue.take(next) else { return false };
        let Some(slot) = self.nodes.get_mut(target) else { return false };
        let (now, id) = (self.net.now, slot.host.id);
        match pending {
            Pending::Timer { timer, incarnation, .. } => {
                if incarnation != slot.host.incarnation {
                    return false;
                }
                let Some(alarm) = slot.host.alarms.iter_mut().find(|alarm| alarm.name == timer) else {
                    return false;
                };
                alarm.queued = u64::MAX;
                if alarm.due > now {
                    if alarm.due < u64::MAX {
                        alarm.queued = alarm.due;
                        self.net.queue.push(alarm.due, Pending::Timer { at: target, timer, incarnation });
                    }
                    return false;
                }
                alarm.due = u64::MAX;
                self.net.stats.timers += 1;
                self.net.trace.timer(now, id, &timer);
                self.net.chain = self.net.chain.word(now).word(id.0).word(fingerprint(&timer));
                self.handle(target, Input::Timer(timer));
            }
            Pending::Synced { upto, incarnation, failed, .. } => {
                if incarnation != slot.host.incarnation {
                    return false;
                }
                self.net.chain = self.net.chain.word(now).word(id.0).word(upto.0);
                if failed && !self.sync_failed(target, upto) {
                    return true;
                }
                let Some(slot) = self.nodes.get_mut(target) else { return false };
                let lying =
                    now < slot.host.disk.lying_until || self.net.dials.sabotage == Some(Sabotage::LyingFsync);
                slot.host.disk.synced(upto, lying);
                self.net.stats.syncs += 1;
                self.net.trace.durable(now, id, upto.0);
                if let Some(shadow) = &mut self.net.shadow.0 {
                    shadow.durable(id, upto);
                }
                let mut port = Port::new(&mut slot.host, &mut self.net);
                while let Some(held) = port.host.gate.pop(upto) {
                    port.let_out(held);
                }
                self.settle(target);
            }
            Pending::Command { command, .. } => {
                self.net.trace.command(now, id, &command);
                self.net.chain = self.net.chain.word(now).word(id.0);
                let target = if slot.host.mask.is_some() { self.addressee(target) } else { target };
                self.handle(target, Input::Command(command));
            }
            Pending::Done { done, incarnation, .. } => {
                if incarnation != slot.host.incarnation {
                    return false;
                }
                self.net.chain = self.net.chain.word(now).word(id.0);
                self.handle(target, Input::Done(done));
            }
            Pending::Link { peer, link, .. } => {
                self.net.stats.notices += 1;
                self.net.chain = self.net.chain.word(now).word(id.0).word(peer.0);
                self.handle(target, Input::Link(peer, link));
            }
            Pending::Message { .. }
            | Pending::Wake { .. }
            | Pending::Boot { .. }
            | Pending::Strike { .. }
            | Pending::Relent { .. }
            | Pending::Turn { .. }
            | Pending::Restart { .. }
            | Pending::Replace { .. }
            | Pending::Install { .. } => return false,
        }
        true
    }

    /// An input reaches a node.
    #[inline(never)]
    pub(crate) fn handle(&mut self, at: usize, input: Input<P>) {
        self.take_in(at, input);
    }

    /// [`handle`](Self::handle), for the most frequent of inputs.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a message is moved once more otherwise")]
    fn take_in(&mut self, at: usize, input: Input<P>) {
        let Some(slot) = self.nodes.get_mut(at) else { return };
        slot.step(input, &mut self.net);
        slot.settle(at, &mut self.net);
        if slot.host.calls() {
            self.attend(at);
        }
    }

    /// Feeds back promises to oneself, flushes, begins a sync, and hands events and jobs to the workload.
    #[inline(never)]
    fn settle(&mut self, at: usize) {
        let Some(slot) = self.nodes.get_mut(at) else { return };
        slot.settle(at, &mut self.net);
        if slot.host.calls() {
            self.attend(at);
        }
    }

    /// A full disk stops the node; events and jobs go to the workload.
    #[inline(never)]
    fn attend(&mut self, at: usize) {
        let Some(slot) = self.nodes.get_mut(at) else { return };
        if slot.host.disk.overflowed {
            return self.disk_full(at);
        }
        let id = slot.host.id;
        if slot.host.mask.as_ref().is_some_and(|mask| mask.second) {
            // The double of a traitor has no application.
            slot.host.events.clear();
        }
        for event in slot.host.events.drain(..) {
            self.net.trace.event(self.net.now, id, &event);
            self.workload.on_event(id, event, &mut Io::new(&mut self.net));
        }
        let Host { jobs, disk, incarnation, .. } = &mut slot.host;
        for job in jobs.drain(..) {
            let mut io = Io::at_disk(&mut self.net, disk);
            if let Some((span, done)) = self.workload.on_job(id, job, &mut io) {
                let due = self.net.now.saturating_add(nanos(span));
                let incarnation = *incarnation;
                self.net.queue.push(due, Pending::Done { at, done, incarnation });
            }
        }
    }
}
