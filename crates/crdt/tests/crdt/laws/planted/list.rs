//! A list by neighbours, a set in two phases, and wrong neighbours and phases.

use super::{caught, passes};
use std::collections::BTreeSet;
use synod_crdt::{ActorId, Change, Crdt, Delivery, Refused};

const CORRECT: u8 = 0;
const BY_ARRIVAL: u8 = 1;
const BY_NEIGHBOUR: u8 = 2;

/// Everything is inserted at the front; who has seen more stands before, and ties go to the greater actor.
#[derive(Clone, Debug, Default, PartialEq)]
struct Front<const BUG: u8>(Vec<(u64, ActorId)>);

impl<const BUG: u8> Crdt for Front<BUG> {
    type Action = ();
    type Op = (u64, ActorId);
    type Delta = Vec<(u64, ActorId)>;
    type Version = ();
    type View = Vec<(u64, ActorId)>;

    const DELIVERY: Delivery = Delivery::Any;

    fn prepare(&self, actor: ActorId, (): ()) -> Result<(u64, ActorId), Refused> {
        Ok((self.0.iter().map(|(age, _)| *age).max().unwrap_or(0) + 1, actor))
    }

    fn apply(&mut self, op: &(u64, ActorId)) -> Result<Change, Refused> {
        if self.0.contains(op) {
            return Ok(Change::Same);
        }
        let at = match BUG {
            BY_ARRIVAL => 0,
            // Only the neighbour is looked at, not all that it has to be put among.
            BY_NEIGHBOUR => usize::from(self.0.first().is_some_and(|first| first > op)),
            _ => self.0.partition_point(|other| other > op),
        };
        self.0.insert(at, *op);
        Ok(Change::Grown)
    }

    fn delta_of(op: &(u64, ActorId)) -> Vec<(u64, ActorId)> {
        vec![*op]
    }

    fn version(&self) {}

    fn delta_since(&self, (): &()) -> Vec<(u64, ActorId)> {
        self.0.clone()
    }

    fn join(&mut self, delta: &Vec<(u64, ActorId)>) -> Result<Change, Refused> {
        delta.iter().rev().try_for_each(|op| self.apply(op).map(drop))?;
        Ok(Change::Grown)
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        self.join(&other.0)
    }

    fn view(&self) -> Vec<(u64, ActorId)> {
        self.0.clone()
    }
}

#[test]
fn the_list_without_a_bug_passes() {
    passes::<Front<CORRECT>>([()]);
}

#[test]
fn an_order_of_arrival_is_caught() {
    // y-octo #53: "dcb" here and "bdc" there.
    caught::<Front<BY_ARRIVAL>>("by arrival", [()], 2);
}

#[test]
fn a_winner_by_the_immediate_neighbour_is_caught() {
    // ygo #110: two are decided rightly, three are not.
    caught::<Front<BY_NEIGHBOUR>>("by neighbour", [()], 5);
}

const REMOVES_WHAT_IS_THERE: u8 = 1;
const PRESENT_WINS: u8 = 2;

#[derive(Clone, Debug, Default, PartialEq)]
struct Phases<const BUG: u8> {
    present: BTreeSet<u64>,
    removed: BTreeSet<u64>,
}

impl<const BUG: u8> Crdt for Phases<BUG> {
    type Action = (bool, u64);
    type Op = (bool, u64);
    type Delta = Self;
    type Version = ();
    type View = BTreeSet<u64>;

    const DELIVERY: Delivery = Delivery::Any;

    fn prepare(&self, _: ActorId, action: (bool, u64)) -> Result<(bool, u64), Refused> {
        Ok(action)
    }

    fn apply(&mut self, (add, element): &(bool, u64)) -> Result<Change, Refused> {
        if *add {
            if !self.removed.contains(element) {
                self.present.insert(*element);
            }
        } else if self.present.remove(element) || BUG != REMOVES_WHAT_IS_THERE {
            self.removed.insert(*element);
        }
        Ok(Change::Grown)
    }

    fn delta_of(op: &(bool, u64)) -> Self {
        let mut delta = Self::default();
        let _ = delta.apply(op);
        delta
    }

    fn version(&self) {}

    fn delta_since(&self, (): &()) -> Self {
        self.clone()
    }

    fn join(&mut self, delta: &Self) -> Result<Change, Refused> {
        self.removed.extend(&delta.removed);
        self.present.extend(&delta.present);
        let Self { present, removed } = self;
        if BUG == PRESENT_WINS {
            removed.retain(|element| !delta.present.contains(element));
        }
        present.retain(|element| !removed.contains(element));
        Ok(Change::Grown)
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        self.join(other)
    }

    fn view(&self) -> BTreeSet<u64> {
        self.present.clone()
    }
}

const PHASES: [(bool, u64); 3] = [(true, 1), (false, 1), (true, 2)];

#[test]
fn the_phases_without_a_bug_pass() {
    passes::<Phases<CORRECT>>(PHASES);
}

#[test]
fn a_removal_lost_on_who_has_not_got_the_element_is_caught() {
    caught::<Phases<REMOVES_WHAT_IS_THERE>>("removes what is there", PHASES, 5);
}

#[test]
fn an_old_copy_that_brings_back_what_was_removed_is_caught() {
    caught::<Phases<PRESENT_WINS>>("present wins", PHASES, 4);
}
