//! `serde`: the parts of each type, in the order of the byte form. What is read passes the same checks as bytes do, so that a file or a
//! request made by hand can bring in nothing that a peer could not.

use crate::grow_sets::from_sorted;
use crate::{
    Account, ActorId, Causal, CausalContext, Cells, Counters, Dot, DotFun, DotMap, DotSet, EscrowCounter,
    EscrowOp, Fingerprint, GSet, GrowList, Insertion, OrSet, OrSetDelta, Phases, Step, TwoPhaseSet,
    store::DotStore,
};
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Debug;
use core::hash::Hash;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

fn or_broken<T, E: Error>(value: Option<T>, why: &str) -> Result<T, E> {
    value.ok_or_else(|| E::custom(why))
}

/// For people 32 hexadecimal digits, as it is displayed; otherwise the upper half and the lower.
impl Serialize for ActorId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        let bits = u128::from(*self);
        ((bits >> 64) as u64, bits as u64).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ActorId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            let (high, low) = <(u64, u64)>::deserialize(deserializer)?;
            return Ok(Self::from(u128::from(high) << 64 | u128::from(low)));
        }
        let text = String::deserialize(deserializer)?;
        let actor = u128::from_str_radix(&text, 16).ok().map(Self::from);
        // One actor has one form.
        or_broken(actor.filter(|actor| actor.to_string() == text), "an actor is 32 hexadecimal digits")
    }
}

/// The ranges.
impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.ranges())
    }
}

impl<'de> Deserialize<'de> for Counters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ranges = Vec::<(u64, u64)>::deserialize(deserializer)?;
        let mut counters = Self::new();
        let mut islands = ranges.as_slice();
        if let Some(((1, last), rest)) = islands.split_first()
            && *last > 0
        {
            counters = Self::up_to(*last);
            islands = rest;
        }
        let all = islands.iter().try_for_each(|(first, last)| counters.push_island(*first, *last));
        or_broken(all, "ranges of counters overlap, touch or are out of order")?;
        Ok(counters)
    }
}

impl Serialize for CausalContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for CausalContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let actors = Vec::deserialize(deserializer)?;
        or_broken(Self::from_sorted(actors), "the actors of a context are out of order, or have done nothing")
    }
}

/// The count and the sums.
impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.parts().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (count, sums) = <(u64, Vec<u64>)>::deserialize(deserializer)?;
        or_broken(Self::from_parts(count, sums), "a fingerprint of another number of parts")
    }
}

impl Serialize for DotSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.dots().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DotSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        or_broken(Self::from_sorted(Vec::deserialize(deserializer)?), "dots are out of order")
    }
}

impl<V: Serialize, R> Serialize for DotFun<V, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.siblings().serialize(serializer)
    }
}

impl<'de, V: Deserialize<'de>, R> Deserialize<'de> for DotFun<V, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        or_broken(Self::from_sorted(Vec::deserialize(deserializer)?), "dots are out of order")
    }
}

/// Pairs of key and store: keys of any type, in any format.
impl<K: Ord + Serialize, T: Serialize> Serialize for DotMap<K, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, K, T> Deserialize<'de> for DotMap<K, T>
where
    K: Clone + Debug + Deserialize<'de> + Ord,
    T: Deserialize<'de> + DotStore,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::deserialize(deserializer)?;
        or_broken(Self::from_sorted(entries), "keys are out of order or empty, or share a dot")
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Causal")]
struct CausalParts<S, C> {
    store: S,
    seen: C,
    floor: C,
    is_write: bool,
}

impl<T: DotStore + Serialize> Serialize for Causal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (store, seen, floor, is_write) = self.all_parts();
        CausalParts { store, seen, floor, is_write }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de> + DotStore> Deserialize<'de> for Causal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let CausalParts { store, seen, floor, is_write } = CausalParts::deserialize(deserializer)?;
        Self::from_all_parts(store, seen, floor, is_write).map_err(D::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "OrSetDelta")]
struct DeltaParts<C, A> {
    dead: C,
    added: A,
}

impl<E: Serialize> Serialize for OrSetDelta<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        DeltaParts { dead: &self.dead, added: &self.added }.serialize(serializer)
    }
}

impl<'de, E: Deserialize<'de>> Deserialize<'de> for OrSetDelta<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let DeltaParts { dead, added } =
            DeltaParts::<CausalContext, Vec<(Dot, E)>>::deserialize(deserializer)?;
        or_broken(
            Self { dead, added }.checked(),
            "additions are out of order, or dead, or beyond the last counter",
        )
    }
}

/// As the delta that makes it out of nothing.
impl<E: Clone + Eq + Hash + Serialize> Serialize for OrSet<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_delta().serialize(serializer)
    }
}

impl<'de, E: Clone + Deserialize<'de> + Eq + Hash> Deserialize<'de> for OrSet<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of_delta(&OrSetDelta::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Step")]
struct StepParts {
    actor: ActorId,
    from: u64,
    to: u64,
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StepParts { actor: self.actor, from: self.from, to: self.to }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let StepParts { actor, from, to } = StepParts::deserialize(deserializer)?;
        or_broken((from <= to).then_some(Self { actor, from, to }), "a count goes down")
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "EscrowOp")]
struct EscrowOpParts {
    actor: ActorId,
    account: Account,
    from: u64,
    to: u64,
}

impl Serialize for EscrowOp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { actor, account, from, to } = *self;
        EscrowOpParts { actor, account, from, to }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EscrowOp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let EscrowOpParts { actor, account, from, to } = EscrowOpParts::deserialize(deserializer)?;
        or_broken((from <= to).then_some(Self { actor, account, from, to }), "a total goes down")
    }
}

impl Serialize for Cells {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        or_broken(Self::from_sorted(Vec::deserialize(deserializer)?), "totals are out of order, or nothing")
    }
}

/// The totals.
impl Serialize for EscrowCounter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.cells().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EscrowCounter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_cells(&Cells::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

fn read_set<'de, E: Deserialize<'de> + Ord, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeSet<E>, D::Error> {
    or_broken(from_sorted(Vec::deserialize(deserializer)?), "elements are out of order")
}

impl<E: Clone + Ord + Serialize> Serialize for GSet<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, E: Clone + Deserialize<'de> + Ord> Deserialize<'de> for GSet<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_set(deserializer).map(Self::from)
    }
}

impl<E: Ord + Serialize> Serialize for Phases<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PhasesOut { present: &self.present, removed: &self.removed }.serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(rename = "Phases")]
struct PhasesOut<'a, E> {
    present: &'a BTreeSet<E>,
    removed: &'a BTreeSet<E>,
}

#[derive(Deserialize)]
#[serde(rename = "Phases", bound(deserialize = "E: Deserialize<'de> + Ord"))]
struct PhasesIn<E: Ord> {
    #[serde(deserialize_with = "read_set")]
    present: BTreeSet<E>,
    #[serde(deserialize_with = "read_set")]
    removed: BTreeSet<E>,
}

impl<'de, E: Deserialize<'de> + Ord> Deserialize<'de> for Phases<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let PhasesIn { present, removed } = PhasesIn::deserialize(deserializer)?;
        or_broken(Self { present, removed }.checked(), "an element is present and removed")
    }
}

impl<E: Ord + Serialize> Serialize for TwoPhaseSet<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.phases().serialize(serializer)
    }
}

impl<'de, E: Deserialize<'de> + Ord> Deserialize<'de> for TwoPhaseSet<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Phases::deserialize(deserializer).map(Self::from_phases)
    }
}

/// The insertions, older ones first.
impl<V: Clone + Debug + PartialEq + Serialize> Serialize for GrowList<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.oldest_first().serialize(serializer)
    }
}

impl<'de, V: Clone + Debug + Deserialize<'de> + PartialEq> Deserialize<'de> for GrowList<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = Vec::<Insertion<V>>::deserialize(deserializer)?;
        or_broken(Self::from_sorted(&all), "insertions are out of order, or contradict each other")
    }
}
