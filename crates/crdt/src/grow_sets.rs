//! Sets that need no dots: one that only grows, and one from which what is removed never comes back.

use crate::fingerprint::{Fingerprint, summand};
use crate::{ActorId, Change, Crdt, Delivery, Refused, wire};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::hash::Hash;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A set that only grows.
///
/// It has no dots, so a version of it is a [`Fingerprint`] in about √n parts of 8 bytes for n elements, at most 32 KiB; a
/// [catch-up](Crdt::delta_since) sends an element alone where one is lacking of its part, and otherwise the parts that differ, of about √n
/// elements each. Both take O(n) time. Where that is too much, take [`OrSet`](crate::OrSet) and never remove.
///
/// ```
/// use synod_crdt::{Crdt, GSet};
/// let (mut here, mut there) = (GSet::new(), GSet::new());
/// (0..10_000).for_each(|element| _ = here.add(element));
/// (1..10_000).for_each(|element| _ = there.add(element));
/// assert_eq!(here.delta_since(&there.version()).iter().count(), 1);
/// ```
///
/// ```
/// use synod_crdt::{Crdt, GSet};
/// let (mut a, mut b) = (GSet::new(), GSet::new());
/// a.add("seen");
/// b.add("also seen");
/// let _ = a.merge(&b)?;
/// assert_eq!(a.iter().count(), 2);
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GSet<E: Ord> {
    elements: BTreeSet<E>,
}

impl<E: Ord> Default for GSet<E> {
    fn default() -> Self {
        Self { elements: BTreeSet::new() }
    }
}

impl<E: Ord> From<BTreeSet<E>> for GSet<E> {
    fn from(elements: BTreeSet<E>) -> Self {
        Self { elements }
    }
}

impl<E: Ord + Clone> GSet<E> {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an element; says whether it is new.
    pub fn add(&mut self, element: E) -> bool {
        self.elements.insert(element)
    }

    /// Whether the element is in the set.
    pub fn contains(&self, element: &E) -> bool {
        self.elements.contains(element)
    }

    /// The elements, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &E> {
        self.elements.iter()
    }
}

/// Adds clones of those that are missing; says whether there were any.
fn add_all<E: Ord + Clone>(to: &mut BTreeSet<E>, from: &BTreeSet<E>) -> bool {
    let before = to.len();
    for element in from {
        if !to.contains(element) {
            to.insert(element.clone());
        }
    }
    to.len() > before
}

impl<E: Ord + Clone + Debug + Hash> Crdt for GSet<E> {
    type Action = E;
    type Op = E;
    type Delta = Self;
    type Version = Fingerprint;
    type View = BTreeSet<E>;

    const DELIVERY: Delivery = Delivery::Any;

    fn prepare(&self, _: ActorId, element: E) -> Result<E, Refused> {
        Ok(element)
    }

    fn apply(&mut self, op: &E) -> Result<Change, Refused> {
        Ok(Change::grown_if(!self.contains(op) && self.add(op.clone())))
    }

    fn delta_of(op: &E) -> Self {
        Self { elements: BTreeSet::from([op.clone()]) }
    }

    fn version(&self) -> Fingerprint {
        Fingerprint::of(&self.elements)
    }

    fn delta_since(&self, version: &Fingerprint) -> Self {
        let summands: Vec<u64> = self.elements.iter().map(summand).collect();
        let lacking = self.elements.iter().zip(version.may_lack(&summands));
        Self { elements: lacking.filter(|(_, lacks)| *lacks).map(|(element, _)| element.clone()).collect() }
    }

    fn join(&mut self, delta: &Self) -> Result<Change, Refused> {
        Ok(Change::grown_if(add_all(&mut self.elements, &delta.elements)))
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        self.join(other)
    }

    fn view(&self) -> BTreeSet<E> {
        self.elements.clone()
    }
}

/// A set from which an element that was removed never comes back, wherever and whenever it is added: used-up coupons, revoked keys.
///
/// What was removed is remembered for ever, since forgetting it would let it come back. Where elements do come back, take
/// [`OrSet`](crate::OrSet). Versions and catch-ups are as those of [`GSet`].
///
/// ```
/// use synod_crdt::{Crdt, TwoPhaseSet};
/// let mut keys = TwoPhaseSet::new();
/// assert!(keys.add("k1"));
/// assert!(keys.remove("k1"));
/// assert!(!keys.add("k1"), "revoked is revoked");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TwoPhaseSet<E: Ord> {
    phases: Phases<E>,
}

/// What was added and what was removed of a [`TwoPhaseSet`]; an element that was removed is in the second alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Phases<E: Ord> {
    /// Added, and not removed.
    pub present: BTreeSet<E>,
    /// Removed.
    pub removed: BTreeSet<E>,
}

/// Add, or remove for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Phase<E> {
    /// Add.
    Add(E),
    /// Remove for ever.
    Remove(E),
}

impl<E: Ord + Hash> Phases<E> {
    /// Of each element, and of whether it was removed.
    fn summands(&self) -> Vec<u64> {
        let of = |removed: bool, element| summand(&(removed, element));
        let present = self.present.iter().map(|element| of(false, element));
        present.chain(self.removed.iter().map(|element| of(true, element))).collect()
    }
}

impl<E: Ord> Phases<E> {
    /// What a stranger sends, if nothing is in both.
    pub(crate) fn checked(self) -> Option<Self> {
        self.present.is_disjoint(&self.removed).then_some(self)
    }
}

impl<E: Ord> Default for Phases<E> {
    fn default() -> Self {
        Self { present: BTreeSet::new(), removed: BTreeSet::new() }
    }
}

impl<E: Ord> Default for TwoPhaseSet<E> {
    fn default() -> Self {
        Self { phases: Phases::default() }
    }
}

impl<E: Ord> TwoPhaseSet<E> {
    /// What has been added and what was removed.
    #[must_use]
    pub fn phases(&self) -> &Phases<E> {
        &self.phases
    }

    #[cfg(feature = "serde")]
    pub(crate) fn from_phases(phases: Phases<E>) -> Self {
        Self { phases }
    }
}

impl<E: Ord + Clone> TwoPhaseSet<E> {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an element; says whether that has changed anything.
    pub fn add(&mut self, element: E) -> bool {
        !self.phases.removed.contains(&element) && self.phases.present.insert(element)
    }

    /// Removes an element for ever, whether or not it has been added here; says whether that has changed anything.
    pub fn remove(&mut self, element: E) -> bool {
        self.phases.present.remove(&element);
        self.phases.removed.insert(element)
    }

    /// Whether the element is in the set.
    pub fn contains(&self, element: &E) -> bool {
        self.phases.present.contains(element)
    }

    /// The elements, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &E> {
        self.phases.present.iter()
    }
}

impl<E: Ord + Clone + Debug + Hash> Crdt for TwoPhaseSet<E> {
    type Action = Phase<E>;
    type Op = Phase<E>;
    type Delta = Phases<E>;
    type Version = Fingerprint;
    type View = BTreeSet<E>;

    const DELIVERY: Delivery = Delivery::Any;

    fn prepare(&self, _: ActorId, action: Phase<E>) -> Result<Phase<E>, Refused> {
        Ok(action)
    }

    fn apply(&mut self, op: &Phase<E>) -> Result<Change, Refused> {
        let grown = match op {
            Phase::Add(element) => self.add(element.clone()),
            Phase::Remove(element) => self.remove(element.clone()),
        };
        Ok(Change::grown_if(grown))
    }

    fn delta_of(op: &Phase<E>) -> Phases<E> {
        let mut delta = Self::new();
        match op {
            Phase::Add(element) => delta.add(element.clone()),
            Phase::Remove(element) => delta.remove(element.clone()),
        };
        delta.phases
    }

    fn version(&self) -> Fingerprint {
        Fingerprint::of_summands(&self.phases.summands())
    }

    fn delta_since(&self, version: &Fingerprint) -> Phases<E> {
        let summands = self.phases.summands();
        let mut lacking = version.may_lack(&summands);
        // In the order of the summands: those that are present, and then those that were removed.
        let mut lacking_of = |elements: &BTreeSet<E>| {
            let pairs = elements.iter().zip(lacking.by_ref());
            pairs.filter(|(_, lacks)| *lacks).map(|(element, _)| element.clone()).collect()
        };
        Phases { present: lacking_of(&self.phases.present), removed: lacking_of(&self.phases.removed) }
    }

    fn join(&mut self, delta: &Phases<E>) -> Result<Change, Refused> {
        let mut grown = add_all(&mut self.phases.removed, &delta.removed);
        for element in delta.present.iter().filter(|element| !delta.removed.contains(element)) {
            grown |= self.add(element.clone());
        }
        let Phases { present, removed } = &mut self.phases;
        present.retain(|element| !removed.contains(element));
        Ok(Change::grown_if(grown))
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        self.join(&other.phases)
    }

    fn view(&self) -> BTreeSet<E> {
        self.phases.present.clone()
    }
}

/// From what a stranger sends: in order, each once.
pub(crate) fn from_sorted<E: Ord>(elements: Vec<E>) -> Option<BTreeSet<E>> {
    elements.is_sorted_by(|a, b| a < b).then(|| elements.into_iter().collect())
}

fn encode_set<E: Ord + Wire>(set: &BTreeSet<E>, out: &mut Writer<'_>) {
    wire::write_all(out, set.iter(), |out, element| element.encode(out));
}

fn decode_set<E: Ord + Wire>(input: &mut Reader) -> Result<BTreeSet<E>, WireError> {
    from_sorted(wire::read_all(input, E::LEN_MIN, E::decode)?).ok_or(wire::UNSORTED)
}

impl<E: Ord + Wire> Wire for GSet<E> {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        encode_set(&self.elements, out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        decode_set(input).map(|elements| Self { elements })
    }
}

impl<E: Ord + Wire> Wire for Phases<E> {
    const LEN_MIN: usize = 2;

    fn encode(&self, out: &mut Writer<'_>) {
        encode_set(&self.present, out);
        encode_set(&self.removed, out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Self { present: decode_set(input)?, removed: decode_set(input)? }
            .checked()
            .ok_or(WireError::Invalid { field: "element that is present and removed" })
    }
}

impl<E: Ord + Wire> Wire for TwoPhaseSet<E> {
    const LEN_MIN: usize = 2;

    fn encode(&self, out: &mut Writer<'_>) {
        self.phases.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Phases::decode(input).map(|phases| Self { phases })
    }
}

impl<E: Wire> Wire for Phase<E> {
    const LEN_MIN: usize = 1 + E::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        let (tag, element) = match self {
            Self::Add(element) => (0, element),
            Self::Remove(element) => (1, element),
        };
        out.u8(tag);
        element.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        match input.u8()? {
            0 => E::decode(input).map(Self::Add),
            1 => E::decode(input).map(Self::Remove),
            tag => Err(WireError::UnknownTag { of: "Phase", tag }),
        }
    }
}
