//! Sleep sets compute fewer successors of the same states.

use super::random::{Random, STATES, Told, cluster, verdict};
use synod_core::{Entropy, SplitMix64};
use synod_sim::explore::{
    Action, Cluster, ClusterState, Exploration, Explorer, Extent, Independence, Model, Move, Print,
    Successors,
};

/// What a search with sleep sets must have in common with the full one: unique states and depth where nothing is wrong, verdict
/// and length of the counterexample.
fn common<M: Model>(found: &Exploration<M>) -> (Option<Option<usize>>, u32, Option<u64>) {
    (verdict(found), found.extent.depth, found.holds().then_some(found.extent.unique))
}

/// A cluster whose word on independence is not the last.
struct Overruled<'a, F> {
    cluster: &'a Cluster<Random, Told>,
    independent: F,
}

impl<F> Model for Overruled<'_, F> {
    type State = ClusterState;
    type Action = Action<Random>;

    fn initial(&self) -> Vec<ClusterState> {
        self.cluster.initial()
    }

    fn next<S: Successors<Self>>(&self, state: &ClusterState, each: &mut S) {
        let (mut moves, mut after) = (Vec::new(), state.clone());
        self.cluster.moves(state, &mut moves);
        for by in &moves {
            if self.cluster.successor(state, by, &mut after) {
                each.offer(|| self.cluster.action(state, by), &after);
            } else {
                each.cut();
            }
        }
    }

    fn check(&self, state: &ClusterState) -> Result<(), String> {
        self.cluster.check(state)
    }

    fn print(&self, state: &ClusterState) -> Print {
        self.cluster.print(state)
    }
}

impl<F> Independence for Overruled<'_, F>
where
    F: Fn(&Cluster<Random, Told>, &ClusterState, &Move, &Move) -> bool,
{
    type Move = Move;

    fn moves(&self, state: &ClusterState, moves: &mut Vec<Move>) {
        self.cluster.moves(state, moves);
    }

    fn successor(&self, state: &ClusterState, by: &Move, into: &mut ClusterState) -> bool {
        self.cluster.successor(state, by, into)
    }

    fn action(&self, state: &ClusterState, by: &Move) -> Action<Random> {
        self.cluster.action(state, by)
    }

    fn independent(&self, state: &ClusterState, a: &Move, b: &Move) -> bool {
        (self.independent)(self.cluster, state, a, b)
    }

    fn slot(&self, state: &ClusterState, of: &Move) -> Option<usize> {
        self.cluster.slot(state, of)
    }
}

#[test]
fn searches_of_random_protocols_find_the_same_states_with_sleep_sets() {
    let (mut wrong, mut right, mut fewer, mut full_generated, mut generated) = (0, 0, 0, 0, 0);
    for seed in 0..300 {
        let plain = cluster(seed);
        let full = Explorer::new(&plain).states_max(STATES).run();
        let Some(expected) = verdict(&full) else { continue };
        let sleeping = Explorer::new(&plain).run_with_sleep_sets();
        assert_eq!(common(&sleeping), common(&full), "seed {seed}");
        let reduced = plain.reduced();
        let plainly = Explorer::new(&reduced).run();
        let sleeping_too = Explorer::new(&reduced).run_with_sleep_sets();
        assert_eq!(common(&sleeping_too), common(&plainly), "seed {seed}, reduced");
        if expected.is_some() {
            wrong += 1;
        } else {
            right += 1;
            assert!(sleeping.extent.generated <= full.extent.generated, "seed {seed}");
            assert!(sleeping_too.extent.generated <= plainly.extent.generated, "seed {seed}");
            fewer += u64::from(sleeping_too.extent.generated < plainly.extent.generated);
            full_generated += plainly.extent.generated;
            generated += sleeping_too.extent.generated;
        }
    }
    assert!(wrong > 20 && right > 200 && fewer > 50, "{wrong} {right} {fewer}");
    assert!(generated * 6 < full_generated * 5, "{generated} of {full_generated}");
}

/// Whether a cluster that takes more for independent than is loses states in one of the random clusters.
fn is_noticed(wrong: impl Fn(&Cluster<Random, Told>, &ClusterState, &Move, &Move) -> bool + Copy) -> bool {
    (0..300).any(|seed| {
        let cluster = cluster(seed);
        let full = Explorer::new(&cluster).states_max(2_000).run();
        let overruled = Overruled { cluster: &cluster, independent: wrong };
        verdict(&full).is_some() && {
            // Who misses what is wrong may go on for ever.
            let further = Explorer::new(&overruled).depth_max(full.extent.depth + 1);
            common(&further.run_with_sleep_sets()) != common(&full)
        }
    })
}

/// Both orders are tried, and must end in the same state.
fn commute<M: Independence>(model: &M, state: &M::State, a: &M::Move, b: &M::Move) -> bool {
    let same = |x: &M::Move, y: &M::Move| model.slot(state, x) == model.slot(state, y);
    let then = |first: &M::Move, second: &M::Move| {
        let (mut between, mut after, mut moves) = (state.clone(), state.clone(), Vec::new());
        if !model.successor(state, first, &mut between) {
            return None;
        }
        model.moves(&between, &mut moves);
        let wanted = model.slot(&between, second)?;
        let found = moves.iter().find(|by| model.slot(&between, by) == Some(wanted))?;
        model.successor(&between, found, &mut after).then(|| model.print(&after))
    };
    let (one, other) = (then(a, b), then(b, a));
    !same(a, b) && one.is_some() && one == other
}

#[test]
fn what_a_cluster_calls_independent_commutes() {
    let mut asked = 0_u64;
    for seed in 0..60 {
        let cluster = cluster(seed);
        let checked = |cluster: &Cluster<Random, Told>, state: &ClusterState, a: &Move, b: &Move| {
            let independent = cluster.independent(state, a, b);
            assert!(!independent || commute(cluster, state, a, b), "seed {seed}: {a:?} {b:?} in {state:?}");
            independent
        };
        let found = Explorer::new(&Overruled { cluster: &cluster, independent: checked })
            .states_max(1_000)
            .run_with_sleep_sets();
        asked += found.extent.generated;
    }
    assert!(asked > 10_000, "{asked}");
}

#[test]
fn a_wrong_independence_is_noticed() {
    assert!(!is_noticed(Independence::independent));
    // What is wrong: all actions of different nodes commute, whatever the network, the budgets and the observer say; or all do.
    assert!(is_noticed(|_, _, a, b| format!("{a:?}") < format!("{b:?}")));
    assert!(is_noticed(|_, _, a, b| a.node() != b.node()));
}

/// Some processes, each a small graph drawn at random, with steps that look at, or write, what they share.
struct Processes {
    seed: u64,
    count: usize,
}

/// Where each process is, and what they share.
type Places = ([u8; 4], u8);

impl Processes {
    fn leads(&self, (places, shared): &Places, (process, way): (usize, u8)) -> Option<Places> {
        let at = places[process];
        let mut rule =
            SplitMix64::new(self.seed << 24 | (process as u64) << 16 | u64::from(at) << 8 | u64::from(way));
        let (mut places, mut after) = (*places, *shared);
        let looks = rule.below(4) == 0;
        if rule.below(3) == 0 || looks && rule.below(4) as u8 == *shared {
            return None;
        }
        places[process] = rule.below(6) as u8;
        if rule.below(6) == 0 {
            after = rule.below(4) as u8;
        }
        Some((places, after))
    }
}

impl Model for Processes {
    type State = Places;
    type Action = (usize, u8);

    fn initial(&self) -> Vec<Places> {
        vec![([0; 4], 0), ([1, 0, 0, 0], 1)]
    }

    fn next<S: Successors<Self>>(&self, state: &Places, each: &mut S) {
        let (mut moves, mut after) = (Vec::new(), *state);
        self.moves(state, &mut moves);
        for by in moves {
            self.successor(state, &by, &mut after);
            each.offer(|| by, &after);
        }
    }
}

impl Independence for Processes {
    type Move = (usize, u8);

    fn moves(&self, state: &Places, moves: &mut Vec<(usize, u8)>) {
        moves.clear();
        let all = (0..self.count).flat_map(|process| (0..2).map(move |way| (process, way)));
        // An order that differs from state to state.
        let turn = usize::from(state.0[0] + state.1);
        moves.extend(all.filter(|by| self.leads(state, *by).is_some()));
        let len = moves.len().max(1);
        moves.rotate_left(turn % len);
    }

    fn successor(&self, state: &Places, by: &(usize, u8), into: &mut Places) -> bool {
        self.leads(state, *by).is_some_and(|after| {
            *into = after;
            true
        })
    }

    fn action(&self, _: &Places, by: &(usize, u8)) -> (usize, u8) {
        *by
    }

    fn independent(&self, state: &Places, a: &(usize, u8), b: &(usize, u8)) -> bool {
        commute(self, state, a, b)
    }

    fn slot(&self, _: &Places, (process, way): &(usize, u8)) -> Option<usize> {
        Some(process * 2 + usize::from(*way))
    }
}

#[test]
fn independence_may_differ_from_state_to_state() {
    let extents = |seed: u64| -> (Extent, Extent) {
        let processes = Processes { seed, count: 3 + (seed % 2) as usize };
        let full = Explorer::new(&processes).run();
        let sleeping = Explorer::new(&processes).run_with_sleep_sets();
        (full.extent, sleeping.extent)
    };
    let (mut all, mut some) = (0, 0);
    for seed in 0..500 {
        let (full, sleeping) = extents(seed);
        assert_eq!((full.unique, full.depth), (sleeping.unique, sleeping.depth), "seed {seed}");
        assert!(sleeping.generated <= full.generated);
        all += full.generated;
        some += sleeping.generated;
    }
    assert!(some * 4 < all * 3, "{some} of {all}");
}
