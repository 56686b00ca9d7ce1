//! What a replica has seen.

use crate::fingerprint::hash_of;
use crate::{ActorId, Counters, Dot, Refused, VersionVector};
use alloc::vec::Vec;
use core::cmp::Ordering;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A causal context: the dots that a replica has seen, whether or not what they stand for is still there.
///
/// It is a version vector and, beyond it, a cloud of dots that came before their predecessors (Almeida, Shoker and Baquero, "Delta
/// state replicated data types", 2018, section 7.2). A dot that is in the context and not in the store stands for something that was
/// removed: this is how removals travel without tombstones.
///
/// ```
/// use synod_crdt::{ActorId, CausalContext, Dot};
/// let a = ActorId::from(1);
/// let mut seen = CausalContext::new();
/// seen.insert(Dot::at(a, 1).unwrap());
/// seen.insert(Dot::at(a, 3).unwrap());          // 2 is missing: 3 is in the cloud
/// assert_eq!(seen.vector().get(a), 1);
/// seen.insert(Dot::at(a, 2).unwrap());          // the gap is closed
/// assert_eq!(seen.vector().get(a), 3);
/// assert_eq!(seen.next(a)?.count(), 4);
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CausalContext {
    /// Sorted by actor; no entry is empty.
    actors: Vec<(ActorId, Counters)>,
}

impl CausalContext {
    /// Nothing has been seen.
    #[must_use]
    pub const fn new() -> Self {
        Self { actors: Vec::new() }
    }

    /// From what a stranger sends: each actor once, in order, and with counters.
    pub(crate) fn from_sorted(actors: Vec<(ActorId, Counters)>) -> Option<Self> {
        let sorted = actors.is_sorted_by(|a, b| a.0 < b.0);
        (sorted && actors.iter().all(|entry| !entry.1.is_empty())).then_some(Self { actors })
    }

    fn position(&self, actor: ActorId) -> Result<usize, usize> {
        self.actors.binary_search_by(|entry| entry.0.cmp(&actor))
    }

    /// What has been seen of one actor.
    #[must_use]
    pub fn of(&self, actor: ActorId) -> Option<&Counters> {
        self.position(actor).ok().and_then(|at| self.actors.get(at)).map(|entry| &entry.1)
    }

    /// What has been seen of each actor, in the actors' order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ActorId, &Counters)> {
        self.actors.iter().map(|(actor, counters)| (*actor, counters))
    }

    /// How many actors have been seen.
    #[must_use]
    pub fn actors(&self) -> usize {
        self.actors.len()
    }

    /// Whether nothing has been seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actors.is_empty()
    }

    /// Whether this dot has been seen; in O(log n) for n actors.
    #[must_use]
    pub fn contains(&self, dot: &Dot) -> bool {
        self.of(dot.actor).is_some_and(|counters| counters.contains(dot.count()))
    }

    /// The dot under which `actor` does the next thing here.
    ///
    /// # Errors
    /// [`Refused::Exhausted`] at the last counter.
    pub fn next(&self, actor: ActorId) -> Result<Dot, Refused> {
        let last = self.of(actor).map_or(0, Counters::last);
        last.checked_add(1).and_then(|next| Dot::at(actor, next)).ok_or(Refused::Exhausted { actor })
    }

    /// Adds a dot; says whether it is new.
    pub fn insert(&mut self, dot: Dot) -> bool {
        self.entry(dot.actor).insert(dot.count())
    }

    fn entry(&mut self, actor: ActorId) -> &mut Counters {
        let at = match self.position(actor) {
            Ok(at) => at,
            Err(at) => {
                self.actors.insert(at, (actor, Counters::new()));
                at
            }
        };
        // The entry has just been found or made.
        #[allow(clippy::indexing_slicing, reason = "`at` is the position of an entry")]
        &mut self.actors[at].1
    }

    /// Adds all that an actor has done, as `counters`; nothing happens if they are none.
    pub fn insert_all(&mut self, actor: ActorId, counters: &Counters) -> bool {
        !counters.is_empty() && self.entry(actor).merge(counters)
    }

    /// Adds everything that `other` has seen; says whether any is new.
    pub fn merge(&mut self, other: &Self) -> bool {
        let mut changed = false;
        let same = self.actors.len() == other.actors.len()
            && self.actors.iter().zip(&other.actors).all(|(mine, theirs)| mine.0 == theirs.0);
        if same {
            for (mine, theirs) in self.actors.iter_mut().zip(&other.actors) {
                changed |= mine.1.merge(&theirs.1);
            }
            return changed;
        }
        for (actor, counters) in other.iter() {
            changed |= self.insert_all(actor, counters);
        }
        changed
    }

    /// Whether everything that `other` has seen has been seen here.
    #[must_use]
    pub fn is_superset(&self, other: &Self) -> bool {
        other.iter().all(|(actor, theirs)| self.of(actor).is_some_and(|mine| mine.is_superset(theirs)))
    }

    /// What has been seen here and is not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.iter()
            .map(|(actor, mine)| match other.of(actor) {
                Some(theirs) => (actor, mine.without(theirs)),
                None => (actor, mine.clone()),
            })
            .collect()
    }

    /// What has been seen by both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.without(&self.without(other))
    }

    /// How what was seen here stands to what `other` has seen. `None`: each has seen something that the other has not.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self.is_superset(other), other.is_superset(self)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Greater),
            (false, true) => Some(Ordering::Less),
            (false, false) => None,
        }
    }

    /// The version vector: for each actor the number up to which nothing is missing.
    #[must_use]
    pub fn vector(&self) -> VersionVector {
        let prefixes = self.iter().map(|(actor, counters)| (actor, counters.prefix()));
        prefixes.filter(|(_, prefix)| *prefix > 0).collect()
    }

    /// Each dot of the ranges of `self`, actor by actor. A forged context may stand for 2⁶⁴ dots in a few bytes, so look at
    /// [`ranges`](Counters::ranges) where contexts come from strangers.
    pub fn dots(&self) -> impl Iterator<Item = Dot> + '_ {
        self.iter().flat_map(|(actor, counters)| {
            let all = counters.ranges().flat_map(|(first, last)| first..=last);
            all.filter_map(move |counter| Dot::at(actor, counter))
        })
    }

    /// Forgets an actor. See [`stability`](crate::stability#forgetting-an-actor) for when it is safe.
    pub fn forget(&mut self, actor: ActorId) {
        if let Ok(at) = self.position(actor) {
            self.actors.remove(at);
        }
    }

    /// Memory outside the value itself, in bytes.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        let islands: usize = self.iter().map(|(_, counters)| counters.allocated_bytes()).sum();
        self.actors.capacity() * size_of::<(ActorId, Counters)>() + islands
    }
}

/// How much a replica made of dots has: what it has seen, and a fingerprint of what is still there. Without the second, a replica on which
/// something was removed would pass for one on which it was not: removals make no dots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Version {
    /// What has been seen.
    pub seen: CausalContext,
    /// The sum of the hashes of the dots that are there.
    pub live: u64,
}

impl Version {
    /// The fingerprint with one more dot.
    #[must_use]
    pub fn with_dot(live: u64, dot: &Dot) -> u64 {
        live.wrapping_add(hash_of(dot))
    }
}

impl Wire for Version {
    const LEN_MIN: usize = CausalContext::LEN_MIN + 8;

    fn encode(&self, out: &mut Writer<'_>) {
        self.seen.encode(out);
        out.u64(self.live);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { seen: CausalContext::decode(input)?, live: input.u64()? })
    }
}

impl From<&VersionVector> for CausalContext {
    fn from(vector: &VersionVector) -> Self {
        vector.iter().map(|(actor, last)| (actor, Counters::up_to(last))).collect()
    }
}

impl From<Dot> for CausalContext {
    fn from(dot: Dot) -> Self {
        Self::from_iter([dot])
    }
}

impl FromIterator<Dot> for CausalContext {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Self {
        let mut context = Self::new();
        context.extend(dots);
        context
    }
}

impl Extend<Dot> for CausalContext {
    fn extend<I: IntoIterator<Item = Dot>>(&mut self, dots: I) {
        for dot in dots {
            self.insert(dot);
        }
    }
}

impl FromIterator<(ActorId, Counters)> for CausalContext {
    fn from_iter<I: IntoIterator<Item = (ActorId, Counters)>>(actors: I) -> Self {
        let mut context = Self::new();
        for (actor, counters) in actors {
            context.insert_all(actor, &counters);
        }
        context
    }
}

impl Wire for CausalContext {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        crate::varint::write(out, self.actors.len() as u64);
        for (actor, counters) in self.iter() {
            actor.encode(out);
            counters.encode(out);
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        const BROKEN: WireError = WireError::Invalid { field: "causal context" };
        let count = crate::varint::count(input, ActorId::LEN_MIN + Counters::LEN_MIN)?;
        let mut actors: Vec<(ActorId, Counters)> = Vec::with_capacity(count);
        for _ in 0..count {
            actors.push((ActorId::decode(input)?, Counters::decode(input)?));
        }
        Self::from_sorted(actors).ok_or(BROKEN)
    }
}
