//! The search: breadth first, one state after another.

use super::exploration::{Counterexample, Exploration, Extent, Outcome, Stop};
use super::frontier::Frontier;
use super::links::Links;
use super::model::{Model, Successors};
use super::print::Print;
use super::spill::{Spill, Store};
use super::stopwatch::Stopwatch;
use super::visited::{Exact, Table, Visited};
use core::ops::ControlFlow;
use core::time::Duration;

type Watch<'a> = Box<dyn FnMut(&Extent) -> ControlFlow<()> + 'a>;

/// Visits every state of a model, breadth first: the first wrong state that it meets is at the end of a shortest way.
///
/// The visited set keeps eight bytes of each state's [`Print`](super::Print) in a table that is between 58 % and 87 % full, and
/// two or three bytes that say how the state was reached; the states themselves are kept only until they have been expanded.
///
/// The same model gives the same numbers, verdict and counterexample every time; only limits of time, and a watcher, can end
/// a search at a place that differs from run to run.
pub struct Explorer<'a, M: Model> {
    model: &'a M,
    states_max: u64,
    depth_max: u32,
    memory_max: usize,
    time_max: Option<Duration>,
    wide: bool,
    spill: Option<Store>,
    watch: Option<Watch<'a>>,
}

/// How many states are expanded between two looks at the limits.
const PACE: u64 = 1 << 10;

impl<'a, M: Model> Explorer<'a, M> {
    /// A search without limits.
    pub fn new(model: &'a M) -> Self {
        Self {
            model,
            states_max: u64::MAX,
            depth_max: u32::MAX,
            memory_max: usize::MAX,
            time_max: None,
            wide: false,
            spill: None,
            watch: None,
        }
    }

    /// Stop after this many different states.
    #[must_use]
    pub fn states_max(mut self, states: u64) -> Self {
        self.states_max = states;
        self
    }

    /// Expand no state that is this many actions away from the beginning.
    #[must_use]
    pub fn depth_max(mut self, depth: u32) -> Self {
        self.depth_max = depth;
        self
    }

    /// Stop before more than this is held.
    #[must_use]
    pub fn memory_max(mut self, bytes: usize) -> Self {
        self.memory_max = bytes;
        self
    }

    /// Stop after this time.
    #[must_use]
    pub fn time_max(mut self, time: Duration) -> Self {
        self.time_max = Some(time);
        self
    }

    /// Keep all 128 bits of each print: twice the memory, and no collision in the lifetime of a machine.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// Keeps at most about `bytes` of the states that wait to be expanded in memory, and the others in `store`: a
    /// [`File`](std::fs::File) opened for reading and writing, which is overwritten. The visited set stays in memory. For models
    /// that can [`pack`](Model::pack) their states, as clusters can; others take no notice.
    #[must_use]
    pub fn spill(mut self, store: impl Spill + 'static, bytes: usize) -> Self {
        self.spill = Some((Box::new(store), bytes));
        self
    }

    /// Calls `watch` every few thousand states; [`ControlFlow::Break`] ends the search.
    #[must_use]
    pub fn watch(mut self, watch: impl FnMut(&Extent) -> ControlFlow<()> + 'a) -> Self {
        self.watch = Some(Box::new(watch));
        self
    }

    /// Explores.
    pub fn run(self) -> Exploration<M> {
        if self.wide {
            self.with(Table::<(u64, u64)>::new(), 128)
        } else {
            self.with(Table::<u64>::new(), 64)
        }
    }

    /// Explores and keeps every state whole, so that no two are ever taken for one: for small models.
    pub fn run_exact(self) -> Exploration<M>
    where
        M::State: Eq,
    {
        self.with(Exact::new(), 0)
    }

    fn with<V: Visited<M::State>>(mut self, visited: V, print_bits: u32) -> Exploration<M> {
        let initial = self.model.initial();
        let mut search = Search {
            model: self.model,
            visited,
            links: Links::default(),
            frontier: Frontier::for_model(self.model, initial.first(), self.spill.take()),
            extent: Extent { print_bits, ..Extent::default() },
            ordinal: 0,
            closed: 0,
            pending: Vec::with_capacity(if Search::<M, V>::BATCHES { BATCH } else { 0 }),
            wrong: None,
        };
        initial.iter().for_each(|state| search.take(state));
        search.settle();
        search.links.close();
        let stop = match initial.into_iter().next() {
            Some(scratch) => self.expand(&mut search, scratch),
            None => None,
        };
        let Search { links, extent, wrong, .. } = search;
        let outcome = match (wrong, stop) {
            (Some((state, reason)), _) => {
                Outcome::Violated(Counterexample::replay(self.model, &links.path(state), reason))
            }
            (None, Some(stop)) => Outcome::Stopped(stop),
            (None, None) => Outcome::Holds,
        };
        Exploration { outcome, extent }
    }

    /// Level by level.
    fn expand<V: Visited<M::State>>(
        &mut self,
        search: &mut Search<'_, M, V>,
        mut scratch: M::State,
    ) -> Option<Stop> {
        let watch = Stopwatch::start();
        let mut stop = None;
        while search.extent.frontier > 0 && search.wrong.is_none() && stop.is_none() {
            if search.extent.depth >= self.depth_max {
                search.extent.cut += search.extent.frontier;
                break;
            }
            let level = search.extent.frontier;
            for _ in 0..level {
                if !search.step(&mut scratch) {
                    stop = Some(Stop::Lost);
                    break;
                }
                if search.wrong.is_some() {
                    break;
                }
                if search.extent.expanded.is_multiple_of(PACE) {
                    search.settle();
                    search.extent.elapsed = watch.elapsed();
                    stop = self.limit(search);
                    if stop.is_some() {
                        break;
                    }
                }
            }
            search.settle();
            search.extent.depth += u32::from(search.extent.frontier > 0);
        }
        search.extent.elapsed = watch.elapsed();
        search.account();
        stop
    }

    fn limit<V: Visited<M::State>>(&mut self, search: &mut Search<'_, M, V>) -> Option<Stop> {
        let soon = search.account();
        if soon > self.memory_max {
            return Some(Stop::Memory);
        }
        if search.extent.unique >= self.states_max {
            return Some(Stop::States);
        }
        if self.time_max.is_some_and(|time| search.extent.elapsed > time) {
            return Some(Stop::Time);
        }
        let watch = self.watch.as_mut()?;
        watch(&search.extent).is_break().then_some(Stop::Interrupted)
    }
}

/// A search that is under way.
struct Search<'a, M: Model, V> {
    model: &'a M,
    visited: V,
    links: Links,
    frontier: Frontier<M::State>,
    extent: Extent,
    /// How many successors the state at hand has offered so far.
    ordinal: u64,
    /// How many of the expanded states the links have seen the end of.
    closed: u64,
    /// Successors that have been computed and not yet looked up.
    pending: Vec<Pending<M::State>>,
    /// The first wrong state, by number, and what is wrong with it.
    wrong: Option<(u64, String)>,
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

impl<M: Model, V: Visited<M::State>> Search<'_, M, V> {
    /// A look-up in a large table waits for memory. Where a state is a small plain value, successors are gathered and their
    /// places fetched, all under way at once, before the first is looked up. A large state costs more to gather than to wait for.
    const BATCHES: bool = !core::mem::needs_drop::<M::State>() && size_of::<M::State>() <= 32;

    fn step(&mut self, scratch: &mut M::State) -> bool {
        if !self.frontier.pop(self.model, scratch) {
            return false;
        }
        self.extent.frontier -= 1;
        self.ordinal = 0;
        let cut = self.extent.cut;
        self.model.next(scratch, self);
        self.extent.terminal += u64::from(self.ordinal == 0 && cut == self.extent.cut);
        self.extent.expanded += 1;
        if self.pending.len() + BATCH / 2 > BATCH {
            self.settle();
        }
        true
    }

    #[inline]
    fn take(&mut self, state: &M::State) {
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
    fn settle(&mut self) {
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
    fn account(&mut self) -> usize {
        let rest = self.links.bytes() + self.frontier.bytes() + self.model.memory_bytes();
        self.extent.memory_bytes = self.extent.memory_bytes.max(self.visited.bytes() + rest);
        self.visited.bytes_grown() + rest
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
