//! A search under way: states are taken from the frontier, expanded, and what is new joins it.

use super::exploration::{Extent, Stop};
use super::frontier::Frontier;
use super::links::Links;
use super::model::{Model, Successors};
use super::print::Print;
use super::sleep::{Independence, SleepSets};
use super::store::Store;
use super::visited::Visited;

/// A search that is under way.
pub(super) struct Search<'a, M: Model, V> {
    model: &'a M,
    visited: V,
    pub(super) links: Links,
    frontier: Frontier<M::State>,
    pub(super) extent: Extent,
    store: Option<Store>,
    /// How many successors the state at hand has offered so far.
    ordinal: u64,
    /// How many of the expanded states the links have seen the end of.
    closed: u64,
    /// Successors that have been computed and not yet looked up.
    pending: Vec<Pending<M::State>>,
    /// The first wrong state, by number, and what is wrong with it.
    pub(super) wrong: Option<(u64, String)>,
}

/// A successor of the state that was expanded as number `parent`.
struct Pending<S> {
    parent: u64,
    ordinal: u64,
    print: Print,
    state: S,
}

/// How many successors are looked up together.
const BATCH: usize = 48;

impl<'a, M: Model, V: Visited<M::State>> Search<'a, M, V> {
    /// A look-up in a large table waits for memory. Where a state is a small plain value, successors are gathered and their
    /// places fetched, all under way at once, before the first is looked up. A large state costs more to gather than to wait for.
    const BATCHES: bool = !core::mem::needs_drop::<M::State>() && size_of::<M::State>() <= 32;

    pub(super) fn new(
        model: &'a M,
        visited: V,
        frontier: Frontier<M::State>,
        print_bits: u32,
        store: Option<Store>,
    ) -> Self {
        Self {
            model,
            visited,
            links: Links::new(store.clone()),
            store,
            frontier,
            extent: Extent { print_bits, ..Extent::default() },
            ordinal: 0,
            closed: 0,
            pending: Vec::with_capacity(if Self::BATCHES { BATCH } else { 0 }),
            wrong: None,
        }
    }

    /// Why the search cannot go on, if the store has failed.
    pub(super) fn broken(&self) -> Option<Stop> {
        self.store.as_ref().and_then(Store::failed).map(Stop::Store)
    }

    pub(super) fn step<E: Expand<M>>(&mut self, expand: &mut E, scratch: &mut M::State) -> bool {
        if !self.frontier.pop(self.model, scratch) {
            return false;
        }
        self.extent.frontier -= 1;
        self.ordinal = 0;
        let cut = self.extent.cut;
        expand.expand(self, scratch);
        self.extent.terminal += u64::from(self.ordinal == 0 && cut == self.extent.cut);
        self.extent.expanded += 1;
        if self.pending.len() + BATCH / 2 > BATCH {
            self.settle();
        }
        true
    }

    #[inline]
    pub(super) fn take(&mut self, state: &M::State) {
        let ordinal = self.ordinal;
        self.ordinal += 1;
        self.extent.generated += 1;
        let print = self.model.print(state);
        if self.visited.recent(print) {
            return;
        }
        if Self::BATCHES {
            self.visited.touch(print);
            self.pending.push(Pending { parent: self.extent.expanded, ordinal, print, state: state.clone() });
        } else if self.visited.insert(print, state) {
            self.found(self.extent.expanded, ordinal, state);
        }
    }

    /// Looks up what was gathered.
    pub(super) fn settle(&mut self) {
        let mut pending = core::mem::take(&mut self.pending);
        for Pending { parent, ordinal, print, state } in pending.drain(..) {
            if self.visited.insert(print, &state) {
                self.found(parent, ordinal, &state);
            }
        }
        self.pending = pending;
        self.close(self.extent.expanded);
    }

    /// Closes the families of all states expanded before number `parent`.
    fn close(&mut self, parent: u64) {
        while self.closed < parent {
            self.links.close();
            self.closed += 1;
        }
    }

    fn found(&mut self, parent: u64, ordinal: u64, state: &M::State) {
        if self.wrong.is_some() {
            return;
        }
        self.close(parent);
        self.links.child(ordinal);
        if let Err(reason) = self.model.check(state) {
            self.wrong = Some((self.extent.unique, reason));
        }
        self.extent.unique += 1;
        self.extent.frontier += 1;
        self.frontier.push(self.model, state);
    }

    /// Updates the account of memory, and gives what will be needed soon.
    pub(super) fn account(&mut self, expand_bytes: usize) -> usize {
        let rest = expand_bytes + self.links.bytes() + self.frontier.bytes() + self.model.memory_bytes();
        self.extent.memory_bytes = self.extent.memory_bytes.max(self.visited.bytes() + rest);
        let held = self.store.as_ref().map_or(0, Store::held);
        self.extent.disk_bytes = self.extent.disk_bytes.max(held);
        self.visited.bytes_grown() + rest
    }
}

/// How the states of a layer are expanded.
pub(super) trait Expand<M: Model> {
    fn expand<V: Visited<M::State>>(&mut self, search: &mut Search<'_, M, V>, state: &M::State);

    /// The layer has been expanded.
    fn turn(&mut self) {}

    /// What leads to the successor that `expand` counts as number `place`.
    fn pick(&self, model: &M, state: &M::State, place: u64) -> Option<(M::Action, M::State)>;

    fn bytes(&self) -> usize {
        0
    }
}

/// Every successor of every state.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Every;

impl<M: Model> Expand<M> for Every {
    fn expand<V: Visited<M::State>>(&mut self, search: &mut Search<'_, M, V>, state: &M::State) {
        search.model.next(state, search);
    }

    fn pick(&self, model: &M, state: &M::State, place: u64) -> Option<(M::Action, M::State)> {
        let mut pick = Pick { left: place, taken: None };
        model.next(state, &mut pick);
        pick.taken
    }
}

impl<M: Model, V: Visited<M::State>> Successors<M> for Search<'_, M, V> {
    #[inline]
    fn offer(&mut self, _: impl FnOnce() -> M::Action, state: &M::State) {
        self.take(state);
    }

    fn cut(&mut self) {
        self.extent.cut += 1;
    }
}

struct Pick<M: Model> {
    left: u64,
    taken: Option<(M::Action, M::State)>,
}

impl<M: Model> Successors<M> for Pick<M> {
    fn offer(&mut self, action: impl FnOnce() -> M::Action, state: &M::State) {
        if self.taken.is_none() {
            match self.left.checked_sub(1) {
                Some(left) => self.left = left,
                None => self.taken = Some((action(), state.clone())),
            }
        }
    }
}

/// The successors by moves that do not sleep.
pub(super) struct Awake<M: Independence> {
    sets: SleepSets,
    /// The moves of the state at hand.
    moves: Vec<M::Move>,
    /// Whether each of them sleeps.
    sleeping: Vec<bool>,
    /// Those that sleep, and those that have been tried.
    done: Vec<M::Move>,
    after: Option<M::State>,
}

impl<M: Independence> Awake<M> {
    pub(super) fn new(states_max: usize) -> Self {
        let (moves, sleeping, done) = (Vec::new(), Vec::new(), Vec::new());
        Self { sets: SleepSets::new(states_max), moves, sleeping, done, after: None }
    }

    /// What sleeps in the successor by `by`.
    fn sleepers(&self, model: &M, state: &M::State, by: &M::Move, after: &M::State) -> u128 {
        let independent = self.done.iter().filter(|other| model.independent(state, other, by));
        independent.filter_map(|other| model.slot(after, other)).fold(0, |set, slot| set | bit(slot))
    }
}

/// The bit of a slot, if there is one.
fn bit(slot: usize) -> u128 {
    u32::try_from(slot).ok().and_then(|slot| 1_u128.checked_shl(slot)).unwrap_or(0)
}

impl<M: Independence> Expand<M> for Awake<M> {
    fn expand<V: Visited<M::State>>(&mut self, search: &mut Search<'_, M, V>, state: &M::State) {
        let model = search.model;
        let asleep = self.sets.pop();
        let mut moves = core::mem::take(&mut self.moves);
        model.moves(state, &mut moves);
        let sleeps = |by: &M::Move| model.slot(state, by).is_some_and(|slot| asleep & bit(slot) != 0);
        self.sleeping.clear();
        self.sleeping.extend(moves.iter().map(|by| asleep != 0 && sleeps(by)));
        self.done.clear();
        let sleepers = moves.iter().zip(&self.sleeping).filter(|(_, sleeps)| **sleeps);
        self.done.extend(sleepers.map(|(by, _)| *by));
        let mut after = self.after.take().unwrap_or_else(|| state.clone());
        for (ordinal, by) in (0..).zip(&moves) {
            search.ordinal = ordinal;
            if self.sleeping.get(ordinal as usize) == Some(&true) {
                continue;
            }
            if !model.successor(state, by, &mut after) {
                search.extent.cut += 1;
                continue;
            }
            search.extent.generated += 1;
            let print = model.print(&after);
            match self.sets.of(print) {
                Some(0) => {}
                Some(_) => {
                    let set = self.sleepers(model, state, by, &after);
                    self.sets.of(print).into_iter().for_each(|old| *old &= set);
                }
                None => {
                    if !search.visited.recent(print) && search.visited.insert(print, &after) {
                        self.sets.push(print, self.sleepers(model, state, by, &after));
                        search.found(search.extent.expanded, ordinal, &after);
                    }
                }
            }
            self.done.push(*by);
        }
        search.ordinal = moves.len() as u64;
        self.after = Some(after);
        self.moves = moves;
    }

    fn turn(&mut self) {
        self.sets.turn();
    }

    fn pick(&self, model: &M, state: &M::State, place: u64) -> Option<(M::Action, M::State)> {
        let mut moves = Vec::new();
        model.moves(state, &mut moves);
        let by = moves.get(usize::try_from(place).ok()?)?;
        let mut after = state.clone();
        model.successor(state, by, &mut after).then(|| (model.action(state, by), after))
    }

    fn bytes(&self) -> usize {
        self.sets.bytes()
    }
}
