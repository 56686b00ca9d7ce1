//! An observed-remove set as one writes it on a blackboard, and nine ways to get it wrong.

use super::{caught, is_one_of, passes};
use std::collections::{BTreeMap, BTreeSet};
use synod_crdt::laws::Law;
use synod_crdt::{ActorId, CausalContext, Change, Counters, Crdt, Delivery, Dot, Refused};

const CORRECT: u8 = 0;
const SKIPS_DOMINATED: u8 = 1;
const KEEPS_UNDOTTED: u8 = 2;
const REUSES_DOTS: u8 = 3;
const REMOVES_UNSEEN: u8 = 4;
const DELTA_WITHOUT_REMOVALS: u8 = 5;
const SWALLOWS_GAPS: u8 = 6;
const FORGETS_REMOVALS: u8 = 7;
const PRUNES: u8 = 8;
const MERGES_BY_DOT_COUNT: u8 = 9;

#[derive(Clone, Debug, Default, PartialEq)]
struct Set<const BUG: u8> {
    elements: BTreeMap<u64, BTreeSet<Dot>>,
    seen: CausalContext,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Add(u64),
    Remove(u64),
}

#[derive(Clone, Debug)]
struct Op {
    element: u64,
    added: Option<Dot>,
    removed: BTreeSet<Dot>,
}

impl<const BUG: u8> Set<BUG> {
    fn see(&mut self, dot: Dot) {
        if BUG == SWALLOWS_GAPS {
            // What has been seen is one number for each actor.
            self.seen.insert_all(dot.actor, &Counters::up_to(dot.count()));
        }
        self.seen.insert(dot);
    }

    fn tidy(&mut self) {
        if BUG != KEEPS_UNDOTTED {
            self.elements.retain(|_, dots| !dots.is_empty());
        }
    }
}

impl<const BUG: u8> Crdt for Set<BUG> {
    type Action = Action;
    type Op = Op;
    type Delta = Self;
    type Version = CausalContext;
    type View = BTreeSet<u64>;

    const DELIVERY: Delivery = Delivery::Any;

    fn prepare(&self, actor: ActorId, action: Action) -> Result<Op, Refused> {
        let dots = |element| self.elements.get(&element).cloned().unwrap_or_default();
        Ok(match action {
            Action::Add(element) => {
                let mut dot = self.seen.next(actor)?;
                if BUG == REUSES_DOTS {
                    let own = self.elements.values().flatten().filter(|dot| dot.actor == actor);
                    dot = Dot::at(actor, 1 + own.map(Dot::count).max().unwrap_or(0)).unwrap();
                }
                Op { element, added: Some(dot), removed: dots(element) }
            }
            Action::Remove(element) => Op { element, added: None, removed: dots(element) },
        })
    }

    fn apply(&mut self, op: &Op) -> Result<Change, Refused> {
        if BUG == REMOVES_UNSEEN && op.added.is_none() {
            self.elements.remove(&op.element);
        }
        for dot in &op.removed {
            if BUG != FORGETS_REMOVALS {
                self.see(*dot);
            }
            if let Some(dots) = self.elements.get_mut(&op.element) {
                dots.remove(dot);
            }
        }
        if let Some(dot) = op.added
            && !self.seen.contains(&dot)
        {
            self.see(dot);
            self.elements.entry(op.element).or_default().insert(dot);
        }
        self.tidy();
        Ok(Change::Grown)
    }

    fn delta_of(op: &Op) -> Self {
        let mut delta = Self::default();
        delta.seen.extend(op.removed.iter().copied());
        if let Some(dot) = op.added {
            delta.seen.insert(dot);
            delta.elements.insert(op.element, BTreeSet::from([dot]));
        }
        delta
    }

    fn version(&self) -> CausalContext {
        self.seen.clone()
    }

    fn delta_since(&self, version: &CausalContext) -> Self {
        let mut delta = self.clone();
        let mut kept = CausalContext::new();
        for dots in delta.elements.values_mut() {
            kept.extend(dots.iter().copied().filter(|dot| version.contains(dot)));
            dots.retain(|dot| !version.contains(dot));
        }
        delta.elements.retain(|_, dots| !dots.is_empty());
        delta.seen = self.seen.without(&kept);
        if BUG == DELTA_WITHOUT_REMOVALS {
            delta.seen = delta.elements.values().flatten().copied().collect();
        }
        delta
    }

    fn join(&mut self, delta: &Self) -> Result<Change, Refused> {
        self.merge(delta)
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        if BUG == SKIPS_DOMINATED && self.seen.is_superset(&other.seen) {
            return Ok(Change::Same);
        }
        let none = BTreeSet::new();
        for element in 1..=2 {
            let theirs = other.elements.get(&element).unwrap_or(&none);
            let Self { elements, seen } = self;
            let mine = elements.entry(element).or_default();
            if BUG == MERGES_BY_DOT_COUNT && mine.len() > theirs.len() && !theirs.is_empty() {
                continue;
            }
            mine.retain(|dot| theirs.contains(dot) || !other.seen.contains(dot));
            mine.extend(theirs.iter().copied().filter(|dot| !seen.contains(dot)));
            if mine.is_empty()
                && BUG == KEEPS_UNDOTTED
                && theirs.is_empty()
                && !other.elements.contains_key(&element)
            {
                elements.remove(&element);
            }
        }
        match BUG {
            SWALLOWS_GAPS => other.seen.dots().for_each(|dot| self.see(dot)),
            _ => _ = self.seen.merge(&other.seen),
        }
        self.tidy();
        Ok(Change::Grown)
    }

    fn view(&self) -> BTreeSet<u64> {
        self.elements.keys().copied().collect()
    }

    fn seen(&self) -> CausalContext {
        self.seen.clone()
    }

    fn collect(&mut self, _: &CausalContext) -> usize {
        if BUG == PRUNES {
            // Actors of which nothing is stored are forgotten, so that the clock stays small.
            let lives = |actor| self.elements.values().flatten().any(|dot| dot.actor == actor);
            let idle: Vec<_> =
                self.seen.iter().map(|(actor, _)| actor).filter(|actor| !lives(*actor)).collect();
            idle.into_iter().for_each(|actor| self.seen.forget(actor));
        }
        0
    }
}

const ALPHABET: [Action; 3] = [Action::Add(1), Action::Remove(1), Action::Add(2)];

#[test]
fn the_set_without_a_bug_passes() {
    passes::<Set<CORRECT>>(ALPHABET);
}

#[test]
fn a_merge_that_skips_whom_it_dominates_is_caught() {
    // riak_dt #78 and #79: a removal makes no dot, so the clock of who removed is not ahead.
    caught::<Set<SKIPS_DOMINATED>>("skips dominated", ALPHABET, 4);
}

#[test]
fn an_element_without_dots_that_stays_is_caught() {
    // riak_dt, test_no_dots_left.
    caught::<Set<KEEPS_UNDOTTED>>("keeps undotted", ALPHABET, 4);
}

#[test]
fn one_dot_for_two_things_is_caught() {
    // riak_dt, quickcheck_evolution.log: the next dot was taken from what lives, not from what was seen.
    caught::<Set<REUSES_DOTS>>("reuses dots", ALPHABET, 4);
}

#[test]
fn a_removal_of_what_was_not_seen_is_caught() {
    // riak_dt #93: remove resets more than its writer has seen, so that the element has to be added again.
    let broken = caught::<Set<REMOVES_UNSEEN>>("removes unseen", ALPHABET, 4);
    is_one_of(&broken, &[Law::Views, Law::Delivery]);
}

#[test]
fn a_delta_without_its_removals_is_caught() {
    // y-crdt #268: merged updates lose some.
    let broken = caught::<Set<DELTA_WITHOUT_REMOVALS>>("delta without removals", ALPHABET, 4);
    is_one_of(&broken, &[Law::CatchUp]);
}

#[test]
fn a_version_that_swallows_gaps_is_caught() {
    // y-crdt #414: updates out of order.
    caught::<Set<SWALLOWS_GAPS>>("swallows gaps", ALPHABET, 4);
}

#[test]
fn a_removal_that_is_not_remembered_is_caught() {
    // y-octo #53: what was deleted is skipped as if it had never been there.
    caught::<Set<FORGETS_REMOVALS>>("forgets removals", ALPHABET, 4);
}

#[test]
fn pruning_a_clock_too_early_is_caught() {
    // riak_core #613: pruned entries make old writes look new, for ever.
    let broken = caught::<Set<PRUNES>>("prunes", ALPHABET, 6);
    is_one_of(
        &broken,
        &[Law::Garbage, Law::Inflation, Law::Convergence, Law::Views, Law::Delivery, Law::CatchUp],
    );
}

#[test]
fn a_merge_that_counts_dots_is_caught() {
    // riak_dt #90: entries were matched by their dots' number and order.
    caught::<Set<MERGES_BY_DOT_COUNT>>("merges by dot count", ALPHABET, 6);
}
