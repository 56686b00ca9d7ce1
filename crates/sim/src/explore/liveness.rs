//! Progress: whether something good happens in every fair run.

use super::model::{Model, Successors};
use core::fmt;
use std::collections::{BTreeMap, VecDeque};

/// A model whose actions come in classes that cannot be neglected for ever.
///
/// A run is (weakly) fair if no class is possible from some moment on in every state and yet never happens again: a
/// message that is on its way arrives one day, an armed timer runs out, a sync completes. Without fairness every protocol
/// has a run in which nothing happens.
pub trait Fair: Model {
    /// The class of an action; `None` for what need never happen: crashes, losses.
    fn class(&self, before: &Self::State, action: &Self::Action) -> Option<u64>;
}

/// Looks for a fair run on which a goal is never reached.
///
/// Every state that can be reached without meeting the goal is kept, with all its actions, so this is for small models. A
/// run that never meets the goal either ends in a state from which nothing can happen, or goes round for ever in a
/// strongly connected part of the graph (Tarjan 1972). Such a part holds a fair run exactly if each class happens inside it, or is
/// impossible in one of its states (Lichtenstein and Pnueli 1985, for weak fairness).
///
/// ```
/// use synod_sim::explore::{Fair, Liveness, Model, Progress, Successors};
///
/// // Two lamps, each switched on by somebody who comes by one day.
/// struct Lamps;
/// impl Model for Lamps {
///     type State = [bool; 2];
///     type Action = usize;
///     fn initial(&self) -> Vec<[bool; 2]> { vec![[false; 2]] }
///     fn next<S: Successors<Self>>(&self, lamps: &[bool; 2], each: &mut S) {
///         for lamp in [0, 1] {
///             let mut after = *lamps;
///             after[lamp] = true;
///             each.offer(|| lamp, &after);
///         }
///     }
/// }
/// impl Fair for Lamps {
///     fn class(&self, _: &[bool; 2], lamp: &usize) -> Option<u64> { Some(*lamp as u64) }
/// }
///
/// let lit = |lamps: &[bool; 2]| *lamps == [true; 2];
/// assert!(matches!(Liveness::new(&Lamps).eventually(lit), Progress::Holds { states: 3 }));
/// // Somebody who switches the first lamp on again and again, for ever, is not fair to the second.
/// assert!(matches!(Liveness::new(&Lamps).without_fairness().eventually(lit), Progress::Fails(_)));
/// ```
pub struct Liveness<'a, M: Fair> {
    model: &'a M,
    states_max: usize,
    fair: bool,
}

/// Whether progress is made.
pub enum Progress<M: Model> {
    /// Every fair run meets the goal.
    Holds {
        /// How many states can be reached before it.
        states: usize,
    },
    /// A fair run does not.
    Fails(Lasso<M>),
    /// There are more states than were granted, or successors beyond the bounds of the model: nothing is proven.
    Unknown {
        /// How many states were found.
        states: usize,
        /// How many successors lay beyond the bounds.
        cut: u64,
    },
}

/// A run without progress: a way to a state, and a way round from there, which is gone for ever. Without a way round
/// nothing more can happen.
pub struct Lasso<M: Model> {
    /// The way there: each action and the state it leads to.
    pub stem: Vec<(M::Action, M::State)>,
    /// The way round.
    pub cycle: Vec<(M::Action, M::State)>,
    descriptions: Vec<String>,
}

struct Edge {
    /// `usize::MAX`: out of the graph, to the goal or beyond the bounds.
    to: usize,
    ordinal: usize,
    class: Option<u64>,
}

/// All that can be reached without meeting the goal.
struct Graph<S> {
    states: Vec<S>,
    edges: Vec<Vec<Edge>>,
    /// The classes that are possible in a state, goal or not beyond them.
    possible: Vec<Vec<u64>>,
    /// Whether a state has successors beyond the bounds of the model: what is possible there is not known in full.
    open: Vec<bool>,
    /// How each state was reached first.
    parents: Vec<Option<(usize, usize)>>,
    cut: u64,
}

impl<'a, M: Fair> Liveness<'a, M> {
    /// At most a million states.
    pub fn new(model: &'a M) -> Self {
        Self { model, states_max: 1_000_000, fair: true }
    }

    /// Give up beyond this many states.
    #[must_use]
    pub fn states_max(mut self, states: usize) -> Self {
        self.states_max = states;
        self
    }

    /// Take runs for possible that neglect an action for ever: what is found then is mostly no fault of the model.
    #[must_use]
    pub fn without_fairness(mut self) -> Self {
        self.fair = false;
        self
    }

    /// Whether every fair run from every initial state meets the goal.
    pub fn eventually(&self, goal: impl Fn(&M::State) -> bool) -> Progress<M> {
        let graph = self.graph(&goal);
        let found = components(&graph.edges).into_iter().find(|component| self.stays(&graph, component));
        match found {
            Some(component) => Progress::Fails(self.lasso(&graph, &component)),
            None if graph.cut > 0 || graph.states.len() >= self.states_max => {
                Progress::Unknown { states: graph.states.len(), cut: graph.cut }
            }
            None => Progress::Holds { states: graph.states.len() },
        }
    }

    fn graph(&self, goal: &impl Fn(&M::State) -> bool) -> Graph<M::State> {
        let mut numbers: BTreeMap<super::Print, usize> = BTreeMap::new();
        let mut graph = Graph {
            states: Vec::new(),
            edges: Vec::new(),
            possible: Vec::new(),
            open: Vec::new(),
            parents: Vec::new(),
            cut: 0,
        };
        let mut add = |graph: &mut Graph<M::State>, state: &M::State, parent| {
            *numbers.entry(self.model.print(state)).or_insert_with(|| {
                graph.states.push(state.clone());
                graph.parents.push(parent);
                graph.states.len() - 1
            })
        };
        for state in self.model.initial().iter().filter(|state| !goal(state)) {
            add(&mut graph, state, None);
        }
        let mut at = 0;
        while at < graph.states.len() && graph.states.len() < self.states_max {
            let Some(before) = graph.states.get(at).cloned() else { break };
            let mut gathered = Gathered::<M> { offers: Vec::new(), cut: 0 };
            self.model.next(&before, &mut gathered);
            graph.cut += gathered.cut;
            let (mut edges, mut possible) = (Vec::new(), Vec::new());
            for (ordinal, (action, after)) in gathered.offers.into_iter().enumerate() {
                let class = self.model.class(&before, &action);
                possible.extend(class);
                // Where the goal is met, the run is of no interest any more: the edge leads out of the graph.
                if !goal(&after) {
                    edges.push(Edge { to: add(&mut graph, &after, Some((at, ordinal))), ordinal, class });
                } else {
                    edges.push(Edge { to: usize::MAX, ordinal, class });
                }
            }
            if gathered.cut > 0 {
                edges.push(Edge { to: usize::MAX, ordinal: usize::MAX, class: None });
            }
            possible.sort_unstable();
            possible.dedup();
            graph.edges.push(edges);
            graph.possible.push(possible);
            graph.open.push(gathered.cut > 0);
            at += 1;
        }
        graph
    }

    /// Whether a run can stay in this component for ever, fairly.
    fn stays(&self, graph: &Graph<M::State>, component: &[usize]) -> bool {
        let inside = |to: usize| component.binary_search(&to).is_ok();
        let edges = || component.iter().filter_map(|state| graph.edges.get(*state)).flatten();
        // Where nothing can happen, the run ends without having met the goal.
        if component.iter().all(|state| graph.edges.get(*state).is_some_and(Vec::is_empty)) {
            return true;
        }
        if !edges().any(|edge| inside(edge.to)) {
            return false;
        }
        if !self.fair {
            return true;
        }
        // What lies beyond the bounds is possible in each of its states, perhaps, and never happens: nobody knows whether that is fair.
        if component.iter().all(|state| graph.open.get(*state) == Some(&true)) {
            return false;
        }
        let mut taken: Vec<u64> =
            edges().filter(|edge| inside(edge.to)).filter_map(|edge| edge.class).collect();
        taken.sort_unstable();
        // A class that is possible everywhere is possible in the first state.
        let first = component.first().and_then(|state| graph.possible.get(*state));
        first.is_some_and(|classes| {
            classes.iter().all(|class| {
                taken.binary_search(class).is_ok()
                    || component.iter().any(|state| {
                        graph
                            .possible
                            .get(*state)
                            .is_none_or(|possible| possible.binary_search(class).is_err())
                    })
            })
        })
    }

    /// A way to the component, and one round it that meets every demand of fairness.
    fn lasso(&self, graph: &Graph<M::State>, component: &[usize]) -> Lasso<M> {
        let start = component.first().copied().unwrap_or(0);
        let mut stem = Vec::new();
        let mut at = start;
        while let Some((parent, ordinal)) = graph.parents.get(at).copied().flatten() {
            stem.push((parent, ordinal));
            at = parent;
        }
        stem.reverse();
        let cycle = self.round(graph, component, start);
        let mut lasso = Lasso { stem: Vec::new(), cycle: Vec::new(), descriptions: Vec::new() };
        for (steps, way) in [(&stem, &mut lasso.stem), (&cycle, &mut lasso.cycle)] {
            for (state, ordinal) in steps {
                let Some(before) = graph.states.get(*state) else { continue };
                let mut gathered = Gathered::<M> { offers: Vec::new(), cut: 0 };
                self.model.next(before, &mut gathered);
                let Some((action, after)) = gathered.offers.into_iter().nth(*ordinal) else { continue };
                lasso.descriptions.push(self.model.describe(before, &action, &after));
                way.push((action, after));
            }
        }
        lasso
    }

    /// Walks from `start` through the component until every class that happens in it has, and every class that does not has been
    /// impossible once; then back.
    fn round(&self, graph: &Graph<M::State>, component: &[usize], start: usize) -> Vec<(usize, usize)> {
        let mut way = Vec::new();
        let mut at = start;
        let classes = graph.possible.get(start).cloned().unwrap_or_default();
        for class in classes.into_iter().filter(|_| self.fair) {
            // The next edge of this class, or the next state in which it is impossible.
            let leg = path(graph, component, at, |state, edge| {
                edge.is_some_and(|edge| edge.class == Some(class))
                    || graph
                        .possible
                        .get(state)
                        .is_none_or(|possible| possible.binary_search(&class).is_err())
            });
            at = walk(&mut way, leg, at, graph);
        }
        if way.is_empty() {
            let leg = path(graph, component, at, |_, edge| edge.is_some());
            at = walk(&mut way, leg, at, graph);
        }
        let leg = path(graph, component, at, |state, edge| match edge {
            Some(edge) => edge.to == start,
            None => state == start,
        });
        walk(&mut way, leg, at, graph);
        way
    }
}

fn walk<S>(way: &mut Vec<(usize, usize)>, leg: Vec<(usize, usize)>, at: usize, graph: &Graph<S>) -> usize {
    let last = leg.last().copied();
    way.extend(leg);
    last.and_then(|(state, ordinal)| graph.edges.get(state)?.get(ordinal).map(|edge| edge.to)).unwrap_or(at)
}

/// The shortest way inside a component from `start` until a state, or an edge out of it, is what is looked for.
fn path<S>(
    graph: &Graph<S>,
    component: &[usize],
    start: usize,
    found: impl Fn(usize, Option<&Edge>) -> bool,
) -> Vec<(usize, usize)> {
    let mut parents: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    let back = |parents: &BTreeMap<usize, (usize, usize)>, mut at: usize| {
        let mut way = Vec::new();
        while at != start {
            let Some(step) = parents.get(&at) else { break };
            way.push(*step);
            at = step.0;
        }
        way.reverse();
        way
    };
    while let Some(state) = queue.pop_front() {
        if found(state, None) {
            return back(&parents, state);
        }
        for edge in graph.edges.get(state).into_iter().flatten() {
            if component.binary_search(&edge.to).is_err() {
                continue;
            }
            if found(state, Some(edge)) {
                let mut way = back(&parents, state);
                way.push((state, edge.ordinal));
                return way;
            }
            if edge.to != start && !parents.contains_key(&edge.to) {
                parents.insert(edge.to, (state, edge.ordinal));
                queue.push_back(edge.to);
            }
        }
    }
    Vec::new()
}

/// Strongly connected components, each in ascending order: one search notes in which order states are left, a second one, against
/// the arrows and from the last one left, collects them (Sharir 1981).
fn components(edges: &[Vec<Edge>]) -> Vec<Vec<usize>> {
    let targets = |state: usize| edges.get(state).into_iter().flatten().map(|edge| edge.to);
    let mut against: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for from in 0..edges.len() {
        for to in targets(from) {
            if let Some(sources) = against.get_mut(to) {
                sources.push(from);
            }
        }
    }
    let mut left = Vec::new();
    let mut seen = vec![false; edges.len()];
    for root in 0..edges.len() {
        search(root, &mut seen, |state, place| targets(state).nth(place), |state| left.push(state));
    }
    let mut components = Vec::new();
    seen.fill(false);
    for root in left.into_iter().rev() {
        let mut component = Vec::new();
        let next =
            |state: usize, place: usize| against.get(state).and_then(|sources| sources.get(place)).copied();
        search(root, &mut seen, next, |state| component.push(state));
        if !component.is_empty() {
            component.sort_unstable();
            components.push(component);
        }
    }
    components
}

/// Depth first from `root`, without recursion; `leave` is told when a state is done with.
fn search(
    root: usize,
    seen: &mut [bool],
    next: impl Fn(usize, usize) -> Option<usize>,
    mut leave: impl FnMut(usize),
) {
    let mut enter = |state: usize| match seen.get_mut(state) {
        Some(seen) => !core::mem::replace(seen, true),
        None => false,
    };
    let mut calls = Vec::new();
    if enter(root) {
        calls.push((root, 0));
    }
    while let Some((state, place)) = calls.last_mut() {
        match next(*state, *place) {
            Some(to) => {
                *place += 1;
                if enter(to) {
                    calls.push((to, 0));
                }
            }
            None => {
                leave(*state);
                calls.pop();
            }
        }
    }
}

/// Everything that a state offers.
struct Gathered<M: Model> {
    offers: Vec<(M::Action, M::State)>,
    cut: u64,
}

impl<M: Model> Successors<M> for Gathered<M> {
    fn offer(&mut self, action: impl FnOnce() -> M::Action, state: &M::State) {
        self.offers.push((action(), state.clone()));
    }

    fn cut(&mut self) {
        self.cut += 1;
    }
}

impl<M: Model> fmt::Display for Lasso<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, description) in self.descriptions.iter().enumerate() {
            if number == self.stem.len() {
                writeln!(f, "and from here on for ever:")?;
            }
            writeln!(f, "{:4}. {description}", number + 1)?;
        }
        if self.cycle.is_empty() {
            writeln!(f, "and then nothing more can happen")?;
        }
        Ok(())
    }
}

impl<M: Model> fmt::Display for Progress<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds { states } => write!(f, "every fair run meets the goal ({states} states before it)"),
            Self::Fails(lasso) => write!(f, "a fair run never meets the goal:\n{lasso}"),
            Self::Unknown { states, cut } => {
                write!(f, "not decided: {states} states found, {cut} successors beyond the bounds")
            }
        }
    }
}

impl<M: Model> fmt::Debug for Progress<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_core::{Entropy, SplitMix64};

    /// By definition: two states are in one component if each can be reached from the other.
    fn oracle(edges: &[Vec<Edge>]) -> Vec<Vec<usize>> {
        let reach = |from: usize| {
            let mut seen = vec![false; edges.len()];
            search(from, &mut seen, |state, place| edges[state].get(place).map(|edge| edge.to), |_| {});
            seen
        };
        let reached: Vec<Vec<bool>> = (0..edges.len()).map(reach).collect();
        let mut components: Vec<Vec<usize>> = (0..edges.len())
            .map(|a| (0..edges.len()).filter(|b| reached[a][*b] && reached[*b][a]).collect())
            .collect();
        components.sort_unstable();
        components.dedup();
        components
    }

    #[test]
    fn components_are_what_reaches_each_other() {
        let mut dice = SplitMix64::new(3);
        for round in 0..300 {
            let count = 1 + dice.below(12);
            let edges: Vec<Vec<Edge>> = (0..count)
                .map(|_| {
                    let degree = dice.below(1 + round % 4);
                    (0..degree)
                        .map(|_| Edge { to: dice.below(count) as usize, ordinal: 0, class: None })
                        .collect()
                })
                .collect();
            let mut found = components(&edges);
            found.sort_unstable();
            assert_eq!(found, oracle(&edges));
        }
    }
}
