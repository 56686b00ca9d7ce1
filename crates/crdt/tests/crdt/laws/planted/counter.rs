//! A counter, and ways to count wrong.

use super::{caught, is_one_of, passes};
use std::collections::BTreeMap;
use synod_crdt::laws::Law;
use synod_crdt::{ActorId, Change, Crdt, Delivery, Refused};

const CORRECT: u8 = 0;
const ADDS_UP: u8 = 1;
const TAKES_THE_GREATER: u8 = 2;
const COUNTS_AGAIN: u8 = 3;
const HALF_REFUSES: u8 = 4;
const TRUNCATES: u8 = 5;
const SWALLOWS_GAPS: u8 = 6;

#[derive(Clone, Debug, Default)]
struct Counter<const BUG: u8> {
    counts: BTreeMap<ActorId, u64>,
    /// From where on history is kept, for the one that truncates.
    root: BTreeMap<ActorId, u64>,
}

impl<const BUG: u8> PartialEq for Counter<BUG> {
    fn eq(&self, other: &Self) -> bool {
        self.counts == other.counts
    }
}

#[derive(Clone, Copy, Debug)]
struct Op {
    actor: ActorId,
    from: u64,
    by: u64,
}

impl<const BUG: u8> Crdt for Counter<BUG> {
    type Action = u64;
    type Op = Op;
    type Delta = BTreeMap<ActorId, u64>;
    type Version = BTreeMap<ActorId, u64>;
    type View = u64;

    const DELIVERY: Delivery = Delivery::Fifo;

    fn prepare(&self, actor: ActorId, by: u64) -> Result<Op, Refused> {
        Ok(Op { actor, from: self.counts.get(&actor).copied().unwrap_or(0), by })
    }

    fn apply(&mut self, op: &Op) -> Result<Change, Refused> {
        let actor = op.actor;
        let have = self.counts.get(&actor).copied().unwrap_or(0);
        let refused = Err(Refused::Gap { actor, have, needs: op.from });
        match () {
            () if BUG == COUNTS_AGAIN => _ = self.counts.insert(actor, have + op.by),
            () if BUG == HALF_REFUSES && op.from > have => {
                self.counts.insert(actor, have + op.by);
                return refused;
            }
            () if op.from > have && BUG == SWALLOWS_GAPS => _ = self.counts.insert(actor, op.from),
            () if op.from > have => return refused,
            () if op.from == have => _ = self.counts.insert(actor, have + op.by),
            () => {}
        }
        Ok(Change::Grown)
    }

    fn delta_of(op: &Op) -> BTreeMap<ActorId, u64> {
        BTreeMap::from([(op.actor, op.from + op.by)])
    }

    fn version(&self) -> BTreeMap<ActorId, u64> {
        self.counts.clone()
    }

    fn delta_since(&self, version: &BTreeMap<ActorId, u64>) -> BTreeMap<ActorId, u64> {
        let mut delta = self.counts.clone();
        delta.retain(|actor, count| version.get(actor).copied().unwrap_or(0) < *count);
        if BUG == TRUNCATES {
            // History before the root is gone, whoever still needs it.
            delta.retain(|actor, count| self.root.get(actor).is_none_or(|root| root < count));
        }
        delta
    }

    fn join(&mut self, delta: &BTreeMap<ActorId, u64>) -> Result<Change, Refused> {
        if BUG == TAKES_THE_GREATER && delta.values().sum::<u64>() > self.view() {
            self.counts.clone_from(delta);
            return Ok(Change::Grown);
        }
        if BUG == TAKES_THE_GREATER && delta.len() > 1 {
            return Ok(Change::Same);
        }
        for (actor, count) in delta {
            let mine = self.counts.entry(*actor).or_default();
            *mine = if BUG == ADDS_UP { *mine + count } else { *count.max(mine) };
        }
        Ok(Change::Grown)
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        self.join(&other.counts)
    }

    fn view(&self) -> u64 {
        self.counts.values().sum()
    }

    fn collect(&mut self, _: &synod_crdt::CausalContext) -> usize {
        if BUG == TRUNCATES {
            self.root.clone_from(&self.counts);
        }
        0
    }
}

#[test]
fn the_counter_without_a_bug_passes() {
    passes::<Counter<CORRECT>>([1, 5]);
}

#[test]
fn a_merge_that_adds_up_is_caught() {
    let broken = caught::<Counter<ADDS_UP>>("adds up", [1, 5], 2);
    is_one_of(&broken, &[Law::Idempotence, Law::Inflation]);
}

#[test]
fn a_merge_that_takes_the_greater_state_is_caught() {
    // yjs #306 in small: the winner takes all, and what the other counted is lost.
    caught::<Counter<TAKES_THE_GREATER>>("takes the greater", [1, 5], 5);
}

#[test]
fn an_operation_that_counts_again_is_caught() {
    let broken = caught::<Counter<COUNTS_AGAIN>>("counts again", [1, 5], 4);
    is_one_of(&broken, &[Law::Delivery]);
}

#[test]
fn a_refusal_that_has_done_half_is_caught() {
    // loro #1046 and #1068: a remote input fails half-way, and the document stays like that.
    let broken = caught::<Counter<HALF_REFUSES>>("half refuses", [1, 5], 4);
    is_one_of(&broken, &[Law::Refusal]);
}

#[test]
fn an_operation_that_swallows_a_gap_is_caught() {
    // y-crdt #414: what came out of order was taken, and then held what had gone before for known.
    let broken = caught::<Counter<SWALLOWS_GAPS>>("swallows gaps", [1, 5], 3);
    is_one_of(&broken, &[Law::Delivery]);
}

#[test]
fn a_history_cut_where_others_still_need_it_is_caught() {
    // loro #1104: the root of a shallow snapshot was no version that everybody had.
    let broken = caught::<Counter<TRUNCATES>>("truncates", [1, 5], 4);
    is_one_of(&broken, &[Law::CatchUp, Law::Garbage]);
}
