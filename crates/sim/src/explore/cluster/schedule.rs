//! What can happen next in a state of a cluster.

use super::act::{Act, Action};
use super::arena::{Arena, Envelope, Verdict};
use super::bounds::{Bounds, Network};
use super::host::{Choices, Host, Said};
use super::{Cluster, Explored, Observer};
use crate::explore::links::{pull, push};
use crate::explore::model::Successors;
use crate::explore::print::Print;
use synod_core::{Input, Lsn, NodeId};

/// A state of a cluster: numbers that mean something only together with the [`Cluster`] that made them. Look into it with
/// [`Cluster::inspect`].
///
/// Budgets that are spent, commands that are left, the observer, the nodes, the timers that have run out on each; then
/// the messages on their way: in ascending order, or in the order of sending on each link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClusterState {
    pub(super) words: Vec<u32>,
}

pub(super) const SPENT: usize = 0;
const COMMANDS: usize = 1;
pub(super) const OBSERVER: usize = 2;
pub(super) const NODES: usize = 3;

/// Commands beyond this number are never given.
const COMMANDS_MAX: usize = 32;

/// Where the budgets lie in their word.
#[derive(Clone, Copy)]
enum Budget {
    Drops = 0,
    Duplicates = 8,
    Crashes = 16,
}

impl ClusterState {
    fn word(&self, at: usize) -> u32 {
        self.words.get(at).copied().unwrap_or(0)
    }

    pub(super) fn set(&mut self, at: usize, word: u32) {
        if let Some(place) = self.words.get_mut(at) {
            *place = word;
        }
    }

    pub(super) fn node(&self, at: usize) -> Option<u32> {
        self.words.get(NODES + at).copied()
    }

    pub(super) fn observer(&self) -> u32 {
        self.word(OBSERVER)
    }

    pub(super) fn envelopes(&self, nodes: usize) -> &[u32] {
        self.words.get(envelopes_at(nodes)..).unwrap_or(&[])
    }

    pub(super) fn print(&self) -> Print {
        let pairs = self.words.chunks(2).map(|pair| match pair {
            [low, high] => u64::from(*low) | u64::from(*high) << 32,
            rest => rest.iter().map(|word| u64::from(*word)).sum(),
        });
        Print::of_words(pairs.chain([self.words.len() as u64]))
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        self.words.capacity() * size_of::<u32>()
    }

    pub(super) fn pack(&self, bytes: &mut Vec<u8>) {
        self.words.iter().for_each(|word| push(bytes, u64::from(*word)));
    }

    pub(super) fn unpack(&mut self, bytes: &[u8]) {
        self.words.clear();
        let mut at = 0;
        while at < bytes.len() {
            self.words.push(pull(bytes, &mut at) as u32);
        }
    }

    fn spent(&self, budget: Budget) -> u8 {
        (self.word(SPENT) >> budget as u32) as u8
    }

    fn spend(&mut self, budget: Budget) {
        self.set(SPENT, self.word(SPENT) + (1 << budget as u32));
    }

    pub(super) fn fired(&self, nodes: usize, at: usize) -> u8 {
        (self.word(NODES + nodes + at / 4) >> (at % 4 * 8)) as u8
    }

    fn fired_all(&self, nodes: usize) -> u32 {
        (0..nodes).map(|at| u32::from(self.fired(nodes, at))).sum()
    }

    fn fire(&mut self, nodes: usize, at: usize) {
        self.fire_often(nodes, at, 1);
    }

    pub(super) fn fire_often(&mut self, nodes: usize, at: usize, times: u8) {
        let place = NODES + nodes + at / 4;
        self.set(place, self.word(place) + (u32::from(times) << (at % 4 * 8)));
    }
}

/// Where the messages begin.
pub(super) fn envelopes_at(nodes: usize) -> usize {
    NODES + nodes + nodes.div_ceil(4)
}

/// The kinds of actions on a node, in the top bits of the key under which a step is remembered.
#[derive(Clone, Copy)]
enum Kind {
    Message = 0,
    Timer = 1,
    Sync = 2,
    Command = 3,
    Done = 4,
    Crash = 5,
    Boot = 6,
}

/// What a step is remembered by, beside its node.
fn key(kind: Kind, value: u32) -> u32 {
    (kind as u32) << 29 | (value & ((1 << 29) - 1))
}

pub(super) fn node(at: usize) -> NodeId {
    NodeId(at as u64 + 1)
}

pub(super) fn place(id: NodeId) -> Option<usize> {
    usize::try_from(id.0.checked_sub(1)?).ok()
}

impl<P: Explored, O: Observer<P>> Cluster<P, O> {
    /// All nodes have started, in every way that chance allows.
    pub(super) fn begin(&self) -> Vec<ClusterState> {
        let mut states = vec![ClusterState { words: vec![0; envelopes_at(self.nodes)] }];
        let left = u32::MAX.checked_shr(32 - self.commands.len().min(COMMANDS_MAX) as u32).unwrap_or(0);
        for state in &mut states {
            state.set(COMMANDS, left);
            let mut arena = self.arena.borrow_mut();
            let observer = arena.observers.intern(Verdict(Ok(self.observer.clone())));
            state.set(OBSERVER, observer);
            for at in 0..self.nodes {
                let host = arena.hosts.intern(Host::new(node(at)));
                state.set(NODES + at, host);
            }
        }
        for at in 0..self.nodes {
            let mut started = Vec::new();
            for state in &states {
                self.step(state, at, key(Kind::Boot, 0), self.boot(at, 0), |_, after| {
                    started.push(after.clone());
                });
            }
            states = started;
        }
        states
    }

    pub(super) fn schedule<S: Successors<Self>>(&self, state: &ClusterState, each: &mut S) {
        if matches!(self.arena.borrow().observers.get(state.observer()), Some(Verdict(Err(_)))) {
            return;
        }
        self.network(state, each);
        for at in 0..self.nodes {
            self.local(state, at, each);
        }
        self.ask(state, each);
    }

    fn boot(&self, at: usize, kept: u64) -> impl Fn(&mut Host<P>, &mut Choices) -> Result<Said<P>, String> {
        move |host, choices| host.boot((self.make)(node(at)), kept, self.incarnations, choices)
    }

    /// Every state that a step of the node `at` leads to; one for each outcome of chance.
    fn step(
        &self,
        state: &ClusterState,
        at: usize,
        key: u32,
        act: impl Fn(&mut Host<P>, &mut Choices) -> Result<Said<P>, String>,
        mut each: impl FnMut(u32, &ClusterState),
    ) {
        let Some(before) = state.node(at) else { return };
        let outcomes = self.arena.borrow_mut().step(before, key, self.choices_max, act);
        for number in outcomes {
            let mut after = state.clone();
            let mut arena = self.arena.borrow_mut();
            let observer = arena.observe(state.observer(), number);
            after.set(OBSERVER, observer);
            if let Some(effects) = arena.effects(number) {
                after.set(NODES + at, effects.node);
                for envelope in &effects.sends {
                    self.post(&arena, &mut after, *envelope);
                }
            }
            drop(arena);
            each(number, &after);
        }
    }

    fn post(&self, arena: &Arena<P, O>, state: &mut ClusterState, number: u32) {
        let Some(Envelope { from, to, .. }) = arena.envelopes.get(number) else { return };
        if place(*to).is_none_or(|to| to >= self.nodes) {
            return;
        }
        let start = envelopes_at(self.nodes);
        let waiting = state.envelopes(self.nodes);
        let place = match self.bounds.network {
            Network::Unordered => waiting.partition_point(|other| *other <= number),
            Network::Merging | Network::Everlasting => match waiting.binary_search(&number) {
                Ok(_) => return,
                Err(place) => place,
            },
            Network::Fifo => waiting.partition_point(|other| {
                arena.envelopes.get(*other).is_some_and(|other| (other.from, other.to) <= (*from, *to))
            }),
        };
        state.words.insert(start + place, number);
    }

    /// Deliveries, duplicates and losses.
    fn network<S: Successors<Self>>(&self, state: &ClusterState, each: &mut S) {
        let start = envelopes_at(self.nodes);
        let mut last = None;
        for (offset, &number) in state.envelopes(self.nodes).iter().enumerate() {
            let Some(Envelope { from, to, message }) = self.arena.borrow().envelopes.get(number).cloned()
            else {
                continue;
            };
            // One of several equal messages stands for all; on a link, the first stands before the others.
            let same = match self.bounds.network {
                Network::Unordered | Network::Merging | Network::Everlasting => (u64::from(number), 0),
                Network::Fifo => (from.0, to.0),
            };
            if last.replace(same) == Some(same) {
                continue;
            }
            let mut without = state.clone();
            if self.bounds.network != Network::Everlasting {
                without.words.remove(start + offset);
            }
            let Some(at) = place(to) else { continue };
            let deliver = |host: &mut Host<P>, choices: &mut Choices| {
                host.input(Input::Message(from, message.clone()), choices)
            };
            if self.is_up(state, at) {
                let act = |again| Act::Deliver { from, to, message: message.clone(), again };
                self.offer(&without, at, key(Kind::Message, number), deliver, || act(false), each);
                if state.spent(Budget::Duplicates) < self.bounds.duplicates {
                    let mut twice = state.clone();
                    twice.spend(Budget::Duplicates);
                    self.offer(&twice, at, key(Kind::Message, number), deliver, || act(true), each);
                }
            }
            if state.spent(Budget::Drops) < self.bounds.drops {
                without.spend(Budget::Drops);
                let act = Act::Drop { from, to, message: message.clone() };
                each.offer(|| Action { act, outcome: 0, sent: Vec::new(), events: Vec::new() }, &without);
            }
        }
    }

    /// Steps, remembers and offers, unless too much would be on its way.
    fn offer<S: Successors<Self>>(
        &self,
        state: &ClusterState,
        at: usize,
        key: u32,
        step: impl Fn(&mut Host<P>, &mut Choices) -> Result<Said<P>, String>,
        act: impl Fn() -> Act<P>,
        each: &mut S,
    ) {
        let mut outcome = 0;
        self.step(state, at, key, step, |number, after| {
            if after.envelopes(self.nodes).len() > self.bounds.in_flight_max {
                each.cut();
            } else {
                each.offer(|| self.action(act(), outcome, number), after);
            }
            outcome += 1;
        });
    }

    fn action(&self, act: Act<P>, outcome: u32, number: u32) -> Action<P> {
        let arena = self.arena.borrow();
        let Some(effects) = arena.effects(number) else {
            return Action { act, outcome, sent: Vec::new(), events: Vec::new() };
        };
        let sent = effects.sends.iter().filter_map(|number| arena.envelopes.get(*number));
        let sent = sent.map(|envelope| (envelope.to, envelope.message.clone())).collect();
        Action { act, outcome, sent, events: effects.events.clone() }
    }

    fn is_up(&self, state: &ClusterState, at: usize) -> bool {
        let arena = self.arena.borrow();
        state.node(at).and_then(|node| arena.hosts.get(node)).is_some_and(|host| host.protocol.is_some())
    }

    /// What happens on one node by itself.
    fn local<S: Successors<Self>>(&self, state: &ClusterState, at: usize, each: &mut S) {
        let id = node(at);
        let arena = self.arena.borrow();
        let Some(host) = state.node(at).and_then(|node| arena.hosts.get(node)) else { return };
        let (up, durable, syncable, unsynced) =
            (host.protocol.is_some(), host.disk.durable.0, host.syncable(), host.unsynced());
        let free = self.bounds.timers == Bounds::UNLIMITED;
        let fires = (free || state.fired(self.nodes, at) < self.bounds.timers)
            && state.fired_all(self.nodes) < u32::from(self.bounds.timers_all);
        let timers = if fires { host.timers.clone() } else { Vec::new() };
        let jobs = if self.answers.is_some() { host.jobs.clone() } else { Vec::new() };
        drop(arena);
        if !up {
            for kept in 0..=unsynced {
                let act = || Act::Restart { node: id, kept };
                self.offer(state, at, key(Kind::Boot, kept as u32), self.boot(at, kept), act, each);
            }
            return;
        }
        for upto in (durable + 1..=durable + syncable).map(Lsn) {
            let step = |host: &mut Host<P>, choices: &mut Choices| host.synced(upto, choices);
            let key = key(Kind::Sync, (upto.0 - durable) as u32);
            self.offer(state, at, key, step, || Act::Sync { node: id, upto }, each);
        }
        for (number, timer) in (0..).zip(timers) {
            if self.fires.as_ref().is_some_and(|fires| !fires(id, &timer)) {
                continue;
            }
            let mut spent = state.clone();
            if !free {
                spent.fire(self.nodes, at);
            }
            let step = |host: &mut Host<P>, choices: &mut Choices| {
                host.timers.retain(|armed| *armed != timer);
                host.input(Input::Timer(timer), choices)
            };
            self.offer(&spent, at, key(Kind::Timer, number), step, || Act::Timer { node: id, timer }, each);
        }
        for (number, job) in jobs.iter().enumerate() {
            self.answer(state, at, number, job, each);
        }
        if state.spent(Budget::Crashes) < self.bounds.crashes {
            let mut spent = state.clone();
            spent.spend(Budget::Crashes);
            let step = |host: &mut Host<P>, _: &mut Choices| {
                host.crash();
                Ok(Said { sends: Vec::new(), events: Vec::new() })
            };
            self.offer(&spent, at, key(Kind::Crash, 0), step, || Act::Crash { node: id }, each);
        }
    }

    fn answer<S: Successors<Self>>(
        &self,
        state: &ClusterState,
        at: usize,
        number: usize,
        job: &P::Job,
        each: &mut S,
    ) {
        let Some(answers) = &self.answers else { return };
        let id = node(at);
        for (choice, done) in answers(id, job).into_iter().enumerate() {
            let step = |host: &mut Host<P>, choices: &mut Choices| {
                host.jobs.remove(number);
                host.input(Input::Done(done.clone()), choices)
            };
            let act = || Act::Done { node: id, done: done.clone() };
            self.offer(state, at, key(Kind::Done, (number << 8 | choice) as u32), step, act, each);
        }
    }

    /// Commands that nobody has been given yet.
    fn ask<S: Successors<Self>>(&self, state: &ClusterState, each: &mut S) {
        let left = state.word(COMMANDS);
        for (number, (to, command)) in self.commands.iter().enumerate().take(COMMANDS_MAX) {
            if left & (1 << number) == 0 {
                continue;
            }
            let mut spent = state.clone();
            spent.set(COMMANDS, left & !(1 << number));
            for at in (0..self.nodes).filter(|at| to.is_none_or(|to| to == node(*at))) {
                if self.is_up(state, at) {
                    let step = |host: &mut Host<P>, choices: &mut Choices| {
                        host.input(Input::Command(command.clone()), choices)
                    };
                    let act = || Act::Command { node: node(at), command: command.clone() };
                    self.offer(&spent, at, key(Kind::Command, number as u32), step, act, each);
                }
            }
        }
    }
}
