//! The search: breadth first, one state after another.

use super::exploration::{Counterexample, Exploration, Extent, Outcome, Stop};
use super::frontier::Frontier;
use super::model::Model;
use super::search::{Awake, Every, Expand, Search};
use super::sleep::Independence;
use super::spilled::Spilled;
use super::stopwatch::Stopwatch;
use super::store::{Spill, Store};
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
    spill: Option<(Store, usize)>,
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

    /// Stop before more than this is held, as [`Extent::memory_bytes`] counts it.
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

    /// Keeps about `bytes` in memory of what grows with the number of states, and the rest in `store`: a
    /// [`File`](std::fs::File) opened for reading and writing, which is overwritten. What is found is the same.
    ///
    /// Half of the bytes are for the visited set, which goes to the store in sorted runs when it outgrows them; the other half
    /// for filters of these runs, states that wait and sleep sets. A page of 4 KiB is read for what was seen long ago, and for one new state in
    /// a hundred. States wait in the store if the model can [`pack`](Model::pack) them, as clusters can. In memory remain, beside
    /// the bytes, one part in 500 of what is in the store, and what the model itself holds.
    ///
    /// A store that fails ends the search with [`Stop::Store`]; what was wrong up to then is shown nevertheless.
    #[must_use]
    pub fn spill(mut self, store: impl Spill + 'static, bytes: usize) -> Self {
        self.spill = Some((Store::new(Box::new(store)), bytes));
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
        self.with(Every)
    }

    /// Explores, and tries no order of actions that commute but the first where another leads to the same: unique states, depth,
    /// verdict and the length of counterexamples are those of [`run`](Self::run), and fewer successors are computed
    /// ([`Independence`] says how, and why that is right).
    pub fn run_with_sleep_sets(self) -> Exploration<M>
    where
        M: Independence,
    {
        // Sleep sets take 40 bytes or so for each state of a layer: an eighth of the memory at most.
        let memory = self.spill.as_ref().map_or(self.memory_max, |(_, bytes)| self.memory_max.min(*bytes));
        let awake = Awake::new(memory / 8 / 40);
        self.with(awake)
    }

    /// Explores and keeps every state whole, so that no two are ever taken for one: for small models.
    pub fn run_exact(self) -> Exploration<M>
    where
        M::State: Eq,
    {
        self.through(Exact::new(), Every, 0)
    }

    fn with<E: Expand<M>>(self, expand: E) -> Exploration<M> {
        let spill = self.spill.as_ref().map(|(store, bytes)| (store.clone(), bytes / 4 * 3));
        match (self.wide, spill) {
            (false, None) => self.through(Table::<u64>::new(), expand, 64),
            (true, None) => self.through(Table::<(u64, u64)>::new(), expand, 128),
            (false, Some((store, bytes))) => self.through(Spilled::<u64>::new(store, bytes), expand, 64),
            (true, Some((store, bytes))) => {
                self.through(Spilled::<(u64, u64)>::new(store, bytes), expand, 128)
            }
        }
    }

    fn through<V, E>(mut self, visited: V, mut expand: E, print_bits: u32) -> Exploration<M>
    where
        V: Visited<M::State>,
        E: Expand<M>,
    {
        let initial = self.model.initial();
        let spill = self.spill.take();
        let store = spill.as_ref().map(|(store, _)| store.clone());
        let spill = spill.map(|(store, bytes)| (store, bytes / 8));
        let frontier = Frontier::for_model(self.model, initial.first(), spill);
        let mut search = Search::new(self.model, visited, frontier, print_bits, store);
        initial.iter().for_each(|state| search.take(state));
        search.settle();
        search.links.close();
        let stop = match initial.into_iter().next() {
            Some(scratch) => self.layers(&mut search, &mut expand, scratch),
            None => None,
        };
        let Search { links, extent, wrong, .. } = search;
        let outcome = match (wrong, stop) {
            (Some((state, reason)), _) => {
                let pick = |before: &M::State, place| expand.pick(self.model, before, place);
                let (path, reason) = match links.path(state) {
                    Some(path) => (path, reason),
                    None => (Vec::new(), format!("{reason} (the way there is lost with the store)")),
                };
                Outcome::Violated(Counterexample::replay(self.model, &path, reason, pick))
            }
            (None, Some(stop)) => Outcome::Stopped(stop),
            (None, None) => Outcome::Holds,
        };
        Exploration { outcome, extent }
    }

    /// Layer by layer.
    fn layers<V: Visited<M::State>, E: Expand<M>>(
        &mut self,
        search: &mut Search<'_, M, V>,
        expand: &mut E,
        mut scratch: M::State,
    ) -> Option<Stop> {
        let watch = Stopwatch::start();
        let mut stop = None;
        while search.extent.frontier > 0 && search.wrong.is_none() && stop.is_none() {
            if search.extent.depth >= self.depth_max {
                search.extent.cut += search.extent.frontier;
                break;
            }
            for _ in 0..search.extent.frontier {
                if !search.step(expand, &mut scratch) {
                    stop = search.broken().or(Some(Stop::Lost));
                    break;
                }
                if search.wrong.is_some() {
                    break;
                }
                if search.extent.expanded.is_multiple_of(PACE) {
                    search.settle();
                    search.extent.elapsed = watch.elapsed();
                    stop = self.limit(search, expand.bytes());
                    if stop.is_some() {
                        break;
                    }
                }
            }
            search.settle();
            stop = stop.or_else(|| search.broken());
            expand.turn();
            search.extent.depth += u32::from(search.extent.frontier > 0);
        }
        search.extent.elapsed = watch.elapsed();
        search.account(expand.bytes());
        stop
    }

    fn limit<V: Visited<M::State>>(
        &mut self,
        search: &mut Search<'_, M, V>,
        expand_bytes: usize,
    ) -> Option<Stop> {
        if let Some(stop) = search.broken() {
            return Some(stop);
        }
        let soon = search.account(expand_bytes);
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
