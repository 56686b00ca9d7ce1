//! What can happen next in a state of a cluster, and what each of it leads to.

use super::act::{Act, Action};
use super::arena::{Arena, Envelope, Verdict};
use super::bounds::{Bounds, Network};
use super::host::{Choices, Host, Said};
use super::state::{
    Budget, COMMANDS, COMMANDS_MAX, ClusterState, NODES, OBSERVER, envelopes_at, node, place,
};
use super::{Cluster, Explored, Observer};
use core::ops::Range;
use synod_core::{Input, Lsn, NodeId};

/// An action of a cluster in short: a few numbers that mean something only together with the state in which it is possible.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    pub(super) kind: Kind,
    /// The node on which it happens; for a loss, the receiver.
    pub(super) at: usize,
    /// What tells it from others of its kind on its node: see [`Kind`].
    pub(super) value: u32,
    /// Where its message lies among those on their way.
    pub(super) offset: usize,
    /// Which outcome of chance it is.
    pub(super) outcome: u32,
    pub(super) effects: u32,
    /// The observer afterwards.
    pub(super) observer: u32,
}

impl Move {
    /// The node on which it happens; of a loss, the receiver.
    #[must_use]
    pub fn node(&self) -> NodeId {
        node(self.at)
    }
}

/// What a move is, and what its value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The message.
    Message,
    /// The place of the timer among those that are armed.
    Timer,
    /// How many records become durable.
    Sync,
    /// The number of the command.
    Command,
    /// The place of the job, and that of the answer in the low eight bits.
    Done,
    Crash,
    /// How many records that were not durable have survived.
    Boot,
    /// The message, which stays on its way.
    Again,
    /// The message.
    Drop,
    /// Something that lies beyond the bounds: a timer that is armed and has no budget left.
    Withheld,
}

impl Kind {
    /// What the step is remembered by, beside its node.
    pub(super) const fn key(self, value: u32) -> u32 {
        let step = match self {
            Self::Again | Self::Drop | Self::Withheld => Self::Message,
            step => step,
        };
        (step as u32) << 29 | (value & ((1 << 29) - 1))
    }
}

/// Answers to one job beyond this number are cut off.
const ANSWERS_MAX: usize = 256;

/// Gathers the moves of a state.
struct Gather<'a, P: Explored, O> {
    arena: &'a mut Arena<P, O>,
    state: &'a ClusterState,
    choices_max: u64,
    moves: &'a mut Vec<Move>,
}

impl<P: Explored, O: Observer<P>> Gather<'_, P, O> {
    /// All that a step of the node `at` can lead to, one move for each outcome of chance. A step that has been taken before
    /// is looked up.
    fn step<A>(
        &mut self,
        kind: Kind,
        at: usize,
        (value, offset): (u32, usize),
        act: impl FnOnce(&Arena<P, O>) -> A,
    ) where
        A: Fn(&mut Host<P>, &mut Choices) -> Result<Said<P>, String>,
    {
        let Some(before) = self.state.node(at) else { return };
        let key = kind.key(value);
        let outcomes = match self.arena.known(before, key) {
            Some(outcomes) => outcomes,
            None => {
                let act = act(self.arena);
                self.arena.learn(before, key, self.choices_max, act)
            }
        };
        self.push(kind, at, (value, offset), outcomes);
    }

    /// What could happen on the node `at` and is not explored.
    fn withhold(&mut self, at: usize) {
        let observer = self.state.observer();
        let kind = Kind::Withheld;
        self.moves.push(Move { kind, at, value: 0, offset: 0, outcome: 0, effects: u32::MAX, observer });
    }

    fn push(&mut self, kind: Kind, at: usize, (value, offset): (u32, usize), outcomes: Range<u32>) {
        for (outcome, effects) in (0..).zip(outcomes) {
            let observer = self.arena.observe(self.state.observer(), effects);
            self.moves.push(Move { kind, at, value, offset, outcome, effects, observer });
        }
    }
}

impl<P: Explored, O: Observer<P>> Cluster<P, O> {
    /// All nodes have started, in every way that chance allows.
    pub(super) fn begin(&self) -> Vec<ClusterState> {
        let mut states = vec![ClusterState { words: vec![0; envelopes_at(self.nodes)] }];
        let left = u32::MAX.checked_shr(32 - self.commands.len().min(COMMANDS_MAX) as u32).unwrap_or(0);
        let verdict = Verdict(match self.validate() {
            Ok(()) => Ok(self.observer.clone()),
            Err(error) => Err(error.to_string()),
        });
        for state in &mut states {
            state.set(COMMANDS, left);
            let mut arena = self.arena.borrow_mut();
            let observer = arena.observers.intern(verdict.clone());
            state.set(OBSERVER, observer);
            for at in 0..self.nodes {
                let host = arena.hosts.intern(Host::new(node(at)));
                state.set(NODES + at, host);
            }
        }
        for at in 0..self.nodes {
            let mut started = Vec::new();
            for state in &states {
                let mut moves = Vec::new();
                let mut arena = self.arena.borrow_mut();
                self.boots(&mut self.gather(&mut arena, state, &mut moves), at, 0);
                drop(arena);
                for by in &moves {
                    let mut after = state.clone();
                    self.apply(state, by, &mut after);
                    started.push(after);
                }
            }
            states = started;
        }
        states
    }

    fn gather<'a>(
        &self,
        arena: &'a mut Arena<P, O>,
        state: &'a ClusterState,
        moves: &'a mut Vec<Move>,
    ) -> Gather<'a, P, O> {
        Gather { arena, state, choices_max: self.choices_max, moves }
    }

    /// All moves of a state: deliveries, duplicates and losses; what happens on one node by itself; commands.
    pub(super) fn moves_of(&self, state: &ClusterState, moves: &mut Vec<Move>) {
        moves.clear();
        let mut arena = self.arena.borrow_mut();
        if matches!(arena.observers.get(state.observer()), Some(Verdict(Err(_)))) {
            return;
        }
        let gather = &mut self.gather(&mut arena, state, moves);
        let up = (0..self.nodes).filter(|at| is_up(gather, *at)).fold(0_u32, |up, at| up | 1 << at);
        self.network(gather, up);
        for at in 0..self.nodes {
            if !has(up, at) {
                let lost =
                    state.node(at).and_then(|node| gather.arena.hosts.get(node)).map_or(0, Host::unsynced);
                (0..=lost).for_each(|kept| self.boots(gather, at, kept));
            } else {
                self.local(gather, at);
            }
        }
        self.ask(gather, up);
    }

    /// Deliveries, duplicates and losses.
    fn network(&self, gather: &mut Gather<'_, P, O>, up: u32) {
        let state = gather.state;
        let mut last = None;
        for (offset, &number) in state.envelopes(self.nodes).iter().enumerate() {
            let Some(Envelope { from, to, .. }) = gather.arena.envelopes.get(number) else { continue };
            let (from, to) = (*from, *to);
            // One of several equal messages stands for all; on a link, the first stands before the others.
            let same = match self.bounds.network {
                Network::Unordered | Network::Merging | Network::Everlasting => (u64::from(number), 0),
                Network::Fifo => (from.0, to.0),
            };
            if last.replace(same) == Some(same) {
                continue;
            }
            let Some(at) = place(to) else { continue };
            if has(up, at) {
                let first = gather.moves.len();
                gather.step(Kind::Message, at, (number, offset), |arena| delivery(arena, number));
                if state.spent(Budget::Duplicates) < self.bounds.duplicates {
                    for at in first..gather.moves.len() {
                        if let Some(once) = gather.moves.get(at).copied() {
                            gather.moves.push(Move { kind: Kind::Again, ..once });
                        }
                    }
                }
            }
            if state.spent(Budget::Drops) < self.bounds.drops {
                let (kind, observer) = (Kind::Drop, state.observer());
                gather.moves.push(Move {
                    kind,
                    at,
                    value: number,
                    offset,
                    outcome: 0,
                    effects: u32::MAX,
                    observer,
                });
            }
        }
    }

    fn boots(&self, gather: &mut Gather<'_, P, O>, at: usize, kept: u64) {
        gather.step(Kind::Boot, at, (kept as u32, 0), |_| {
            move |host: &mut Host<P>, choices: &mut Choices| {
                host.boot((self.make)(node(at)), kept, self.incarnations, choices)
            }
        });
    }

    /// What happens on one node by itself, which is up.
    fn local(&self, gather: &mut Gather<'_, P, O>, at: usize) {
        let (id, state) = (node(at), gather.state);
        let Some(host) = state.node(at).and_then(|node| gather.arena.hosts.get(node)) else { return };
        let (durable, syncable) = (host.disk.durable.0, host.syncable());
        let timers = host.timers.clone();
        let jobs = if self.answers.is_some() { host.jobs.clone() } else { Vec::new() };
        for more in 1..=syncable {
            gather.step(Kind::Sync, at, (more as u32, 0), |_| {
                move |host: &mut Host<P>, choices: &mut Choices| host.synced(Lsn(durable + more), choices)
            });
        }
        for (number, timer) in (0..).zip(timers) {
            if self.fires.as_ref().is_some_and(|fires| !fires(id, &timer)) {
                continue;
            }
            if !self.may_fire(state, at) {
                gather.withhold(at);
                continue;
            }
            gather.step(Kind::Timer, at, (number, 0), |_| {
                move |host: &mut Host<P>, choices: &mut Choices| {
                    host.timers.retain(|armed| *armed != timer);
                    host.input(Input::Timer(timer), choices)
                }
            });
        }
        for (number, job) in jobs.iter().enumerate() {
            let answers = self.answers.as_ref().map(|answers| answers(id, job)).unwrap_or_default();
            for (choice, done) in answers.into_iter().enumerate() {
                if choice >= ANSWERS_MAX {
                    gather.withhold(at);
                    continue;
                }
                gather.step(Kind::Done, at, ((number << 8 | choice) as u32, 0), |_| {
                    move |host: &mut Host<P>, choices: &mut Choices| {
                        host.jobs.remove(number);
                        host.input(Input::Done(done.clone()), choices)
                    }
                });
            }
        }
        if state.spent(Budget::Crashes) < self.bounds.crashes {
            gather.step(Kind::Crash, at, (0, 0), |_| {
                |host: &mut Host<P>, _: &mut Choices| {
                    host.crash();
                    Ok(Said { sends: Vec::new(), events: Vec::new() })
                }
            });
        }
    }

    /// Commands that nobody has been given yet.
    fn ask(&self, gather: &mut Gather<'_, P, O>, up: u32) {
        let left = gather.state.word(COMMANDS);
        for (number, (to, command)) in self.commands.iter().enumerate().take(COMMANDS_MAX) {
            if left & (1 << number) == 0 {
                continue;
            }
            for at in (0..self.nodes).filter(|at| to.is_none_or(|to| to == node(*at))) {
                if has(up, at) {
                    gather.step(Kind::Command, at, (number as u32, 0), |_| {
                        move |host: &mut Host<P>, choices: &mut Choices| {
                            host.input(Input::Command(command.clone()), choices)
                        }
                    });
                }
            }
        }
    }

    /// Whether a budget is left for a timer of the node `at`.
    fn may_fire(&self, state: &ClusterState, at: usize) -> bool {
        let Bounds { timers, timers_all, .. } = self.bounds;
        (timers == Bounds::UNLIMITED || state.fired(self.nodes, at) < timers)
            && (timers_all == Bounds::UNLIMITED || state.fired_all(self.nodes) < u32::from(timers_all))
    }

    /// Whether it is of no interest how many timers have run out.
    const fn timers_are_free(&self) -> bool {
        self.bounds.timers == Bounds::UNLIMITED && self.bounds.timers_all == Bounds::UNLIMITED
    }

    /// The state after a move; `false` if it lies beyond the bounds.
    pub(super) fn apply(&self, state: &ClusterState, by: &Move, after: &mut ClusterState) -> bool {
        after.words.clear();
        after.words.extend_from_slice(&state.words);
        let start = envelopes_at(self.nodes);
        match by.kind {
            Kind::Message | Kind::Drop => {
                if self.bounds.network != Network::Everlasting && start + by.offset < after.words.len() {
                    after.words.remove(start + by.offset);
                }
                if by.kind == Kind::Drop {
                    after.spend(Budget::Drops);
                    return true;
                }
            }
            Kind::Withheld => return false,
            Kind::Again => after.spend(Budget::Duplicates),
            Kind::Crash => after.spend(Budget::Crashes),
            Kind::Timer if !self.timers_are_free() => after.fire(self.nodes, by.at),
            Kind::Command => after.set(COMMANDS, state.word(COMMANDS) & !(1 << by.value)),
            Kind::Timer | Kind::Sync | Kind::Done | Kind::Boot => {}
        }
        after.set(OBSERVER, by.observer);
        let arena = self.arena.borrow();
        if let Some(effects) = arena.effects(by.effects) {
            after.set(NODES + by.at, effects.node);
            for envelope in &effects.sends {
                self.post(&arena, after, *envelope);
            }
        }
        after.envelopes(self.nodes).len() <= self.bounds.in_flight_max
    }

    pub(super) fn post(&self, arena: &Arena<P, O>, state: &mut ClusterState, number: u32) {
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

    /// A move in full. One that this state does not have, since it belongs to another cluster, looks like a restart.
    pub(super) fn action_of(&self, state: &ClusterState, by: &Move) -> Action<P> {
        let restart = Act::Restart { node: node(by.at), kept: u64::from(by.value) };
        let act = self.act_of(state, by).unwrap_or(restart);
        let arena = self.arena.borrow();
        let (sent, events) = match arena.effects(by.effects) {
            Some(effects) => {
                let sent = effects.sends.iter().filter_map(|number| arena.envelopes.get(*number));
                let sent = sent.map(|envelope| (envelope.to, envelope.message.clone())).collect();
                (sent, effects.events.clone())
            }
            None => (Vec::new(), Vec::new()),
        };
        Action { act, outcome: by.outcome, sent, events }
    }

    fn act_of(&self, state: &ClusterState, by: &Move) -> Option<Act<P>> {
        let arena = self.arena.borrow();
        let host = arena.hosts.get(state.node(by.at)?)?;
        let (node, place) = (node(by.at), by.value as usize);
        Some(match by.kind {
            Kind::Message | Kind::Again | Kind::Drop => {
                let Envelope { from, to, message } = arena.envelopes.get(by.value)?.clone();
                match by.kind {
                    Kind::Drop => Act::Drop { from, to, message },
                    kind => Act::Deliver { from, to, message, again: kind == Kind::Again },
                }
            }
            Kind::Timer => Act::Timer { node, timer: *host.timers.get(place)? },
            Kind::Sync => Act::Sync { node, upto: Lsn(host.disk.durable.0 + u64::from(by.value)) },
            Kind::Command => Act::Command { node, command: self.commands.get(place)?.1.clone() },
            Kind::Done => {
                let done = self.answers.as_ref()?(node, host.jobs.get(place >> 8)?);
                Act::Done { node, done: done.into_iter().nth(place & 0xff)? }
            }
            Kind::Crash => Act::Crash { node },
            Kind::Boot | Kind::Withheld => return None,
        })
    }
}

/// The arrival of a message.
pub(super) fn delivery<P: Explored, O>(
    arena: &Arena<P, O>,
    number: u32,
) -> impl Fn(&mut Host<P>, &mut Choices) -> Result<Said<P>, String> + use<P, O> {
    let arrival = arena.envelopes.get(number).map(|envelope| (envelope.from, envelope.message.clone()));
    move |host, choices| match arrival.clone() {
        Some((from, message)) => host.input(Input::Message(from, message), choices),
        None => Err("a message is not there any more".to_owned()),
    }
}

/// Whether the node `at` is among those of a bit set.
fn has(up: u32, at: usize) -> bool {
    up.checked_shr(at as u32).is_some_and(|up| up & 1 != 0)
}

fn is_up<P: Explored, O>(gather: &Gather<'_, P, O>, at: usize) -> bool {
    let host = gather.state.node(at).and_then(|node| gather.arena.hosts.get(node));
    host.is_some_and(|host| host.protocol.is_some())
}
