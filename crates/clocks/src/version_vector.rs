//! Version vectors: how far somebody has got with everybody's events.

mod columns;
mod comparison;
#[cfg(feature = "serde")]
mod serial;

pub(crate) use columns::{INLINE, compare_few, raise, raise_few};
pub(crate) use comparison::counters as compare;

use crate::{Actor, Causality, Dot, DotError, DotRange};
use columns::Columns;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::num::NonZeroU64;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// For each actor how many of its events are known, without gaps: a set of dots, as small as it can be written down (Parker et al.,
/// "Detection of Mutual Inconsistency in Distributed Systems", 1983).
///
/// Up to eight actors nothing is allocated, whatever the actor's size; beyond, two allocations hold everything. Entries are sorted by
/// actor, and what is zero is not kept, so that equal vectors are equal in every respect: `Eq`, `Hash` and bytes.
///
/// Costs, for n and m entries: [`merge`](Self::merge) and [`causality`](Self::causality) O(n + m), and one straight run over memory
/// where both know the same actors; [`get`](Self::get), [`contains`](Self::contains) and [`observe`](Self::observe) O(log n); the first
/// event of a new actor O(n).
///
/// ```
/// use synod_clocks::{Causality, Dot, VersionVector};
///
/// let mut ours = VersionVector::new();
/// let first = ours.advance("a")?;                       // an event of our own: dot (a, 1)
/// let mut theirs = ours.clone();
/// theirs.advance("b")?;
/// ours.advance("a")?;
/// assert_eq!(ours.causality(&theirs), Causality::Concurrent);
///
/// ours.merge(&theirs);
/// assert!(ours.contains(&first) && ours.get("a") == 2 && ours.get("b") == 1);
/// assert!(theirs < ours);                               // `PartialOrd` is "known by"
/// # Ok::<(), synod_clocks::DotError>(())
/// ```
#[derive(Clone)]
pub struct VersionVector<A> {
    columns: Columns<A>,
}

impl<A> VersionVector<A> {
    /// Knows of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { columns: Columns::Empty }
    }
}

impl<A: Actor> VersionVector<A> {
    /// How many events of `actor` are known; zero for a stranger.
    #[must_use]
    pub fn get(&self, actor: A) -> u64 {
        self.find(actor).ok().and_then(|place| self.columns.counters().get(place)).copied().unwrap_or(0)
    }

    /// Whether this event is known.
    #[must_use]
    pub fn contains(&self, dot: &Dot<A>) -> bool {
        dot.count() <= self.get(dot.actor)
    }

    /// How many actors it has heard of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Actors and counters, by actor.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (A, u64)> + DoubleEndedIterator + Clone {
        self.columns.actors().iter().copied().zip(self.columns.counters().iter().copied())
    }

    /// The latest dot of each actor.
    pub fn dots(&self) -> impl Iterator<Item = Dot<A>> + Clone {
        self.iter().filter_map(|(actor, counter)| Dot::at(actor, counter))
    }

    /// The dot that [`advance`](Self::advance) would make.
    ///
    /// # Errors
    /// [`DotError::Exhausted`] after 2⁶⁴ − 1 events.
    pub fn next_dot(&self, actor: A) -> Result<Dot<A>, DotError> {
        self.get(actor).checked_add(1).and_then(|counter| Dot::at(actor, counter)).ok_or(DotError::Exhausted)
    }

    /// An event of `actor` happens: its next dot, now known.
    ///
    /// # Errors
    /// [`DotError::Exhausted`] after 2⁶⁴ − 1 events; nothing changes then.
    pub fn advance(&mut self, actor: A) -> Result<Dot<A>, DotError> {
        let dot = self.next_dot(actor)?;
        self.observe(dot);
        Ok(dot)
    }

    /// Learns of an event *and of all before it*. Says whether it was news.
    ///
    /// Where events may come out of order, [`observe_next`](Self::observe_next) refuses gaps.
    pub fn observe(&mut self, dot: Dot<A>) -> bool {
        match self.find(dot.actor) {
            Ok(place) => match self.columns.counters_mut().get_mut(place) {
                Some(counter) if *counter < dot.count() => {
                    *counter = dot.count();
                    true
                }
                _ => false,
            },
            Err(place) => {
                let len = self.columns.len();
                let (actors, counters) = self.columns.grow(len + 1, dot.actor);
                if let (Some(actors), Some(counters)) = (actors.get_mut(place..), counters.get_mut(place..)) {
                    // The new place at the end becomes the one in the middle.
                    actors.rotate_right(1);
                    counters.rotate_right(1);
                    if let (Some(actor), Some(counter)) = (actors.first_mut(), counters.first_mut()) {
                        (*actor, *counter) = (dot.actor, dot.count());
                    }
                }
                self.columns.settle();
                true
            }
        }
    }

    /// Learns of an event if it is the next of its actor. `Ok(false)` if it was known.
    ///
    /// # Errors
    /// [`DotError::Gap`] where events before it are missing; nothing changes then.
    pub fn observe_next(&mut self, dot: Dot<A>) -> Result<bool, DotError> {
        let known = self.get(dot.actor);
        if dot.count() - 1 > known {
            return Err(DotError::Gap { expected: known + 1, got: dot.count() });
        }
        Ok(self.observe(dot))
    }

    /// Learns all that the other knows: the least upper bound.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.columns, &other.columns) {
            (Columns::Inline(mine), Columns::Inline(theirs)) if mine.is_parallel(theirs) => {
                raise_few(&mut mine.counters, &theirs.counters, mine.len);
            }
            _ => self.merge_any(other),
        }
    }

    /// Kept out of the way of small vectors, whose merge is a few instructions where it is called.
    #[inline(never)]
    fn merge_any(&mut self, other: &Self) {
        match (&mut self.columns, &other.columns) {
            (Columns::Heap(mine), Columns::Heap(theirs)) if mine.actors == theirs.actors => {
                raise(&mut mine.counters, &theirs.counters);
            }
            _ => self.merge_others(other),
        }
    }

    /// The merge of vectors that do not know the same actors.
    #[expect(
        clippy::indexing_slicing,
        reason = "each place is below the length of its column: see the loops"
    )]
    fn merge_others(&mut self, other: &Self) {
        let (their_actors, their_counters) = (other.columns.actors(), other.columns.counters());
        let strangers = self.strangers(other);
        let len = self.columns.len();
        let Some(filler) = their_actors.first() else { return };
        let (actors, counters) = self.columns.grow(len + strangers, *filler);
        // From the back, so that nothing is overwritten before it was read: `to` never falls below `mine`.
        let (mut mine, mut theirs, mut to) = (len, their_actors.len(), len + strangers);
        while theirs > 0 {
            to -= 1;
            let order = match mine {
                0 => Ordering::Less,
                _ => actors[mine - 1].cmp(&their_actors[theirs - 1]),
            };
            if order == Ordering::Greater {
                mine -= 1;
                (actors[to], counters[to]) = (actors[mine], counters[mine]);
                continue;
            }
            theirs -= 1;
            let mut counter = their_counters[theirs];
            if order == Ordering::Equal {
                mine -= 1;
                counter = counter.max(counters[mine]);
            }
            (actors[to], counters[to]) = (their_actors[theirs], counter);
        }
        self.columns.settle();
    }

    /// How many actors the other knows that this does not.
    fn strangers(&self, other: &Self) -> usize {
        let mut mine = self.columns.actors().iter().peekable();
        let stranger = |actor: &&A| {
            while mine.next_if(|known| known < actor).is_some() {}
            mine.next_if(|known| known == actor).is_none()
        };
        other.columns.actors().iter().filter(stranger).count()
    }

    /// Keeps what both know: the greatest lower bound. What is below everybody's meet is stable.
    pub fn meet(&mut self, other: &Self) {
        let mut theirs = other.iter().peekable();
        self.columns.retain(|actor, counter| {
            while theirs.next_if(|(known, _)| *known < actor).is_some() {}
            match theirs.peek() {
                Some((known, limit)) if *known == actor => *counter = (*counter).min(*limit),
                _ => *counter = 0,
            }
            true
        });
    }

    /// How this stands to another: [`Before`](Causality::Before) if the other knows all of this and more.
    #[inline]
    #[must_use]
    pub fn causality(&self, other: &Self) -> Causality {
        match (&self.columns, &other.columns) {
            (Columns::Inline(mine), Columns::Inline(theirs)) if mine.is_parallel(theirs) => {
                compare_few(&mine.counters, &theirs.counters, mine.len)
            }
            (mine, theirs) => comparison::columns(mine, theirs),
        }
    }

    /// Whether the other knows all that this knows.
    #[must_use]
    pub fn is_known_by(&self, other: &Self) -> bool {
        matches!(self.causality(other), Causality::Before | Causality::Equal)
    }

    /// What this knows and the other does not, actor by actor: what to send to the other.
    ///
    /// ```
    /// use synod_clocks::VersionVector;
    /// let ours = VersionVector::from_iter([("a", 5), ("b", 2)]);
    /// let theirs = VersionVector::from_iter([("a", 3), ("c", 9)]);
    /// let missing: Vec<_> = ours.surplus(&theirs).map(|r| (r.actor, r.first.get(), r.last.get())).collect();
    /// assert_eq!(missing, [("a", 4, 5), ("b", 1, 2)]);
    /// ```
    pub fn surplus<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = DotRange<A>> + 'a {
        let mut theirs = other.iter().peekable();
        self.iter().filter_map(move |(actor, counter)| {
            while theirs.next_if(|(known, _)| *known < actor).is_some() {}
            let known = theirs.next_if(|(known, _)| *known == actor).map_or(0, |(_, counter)| counter);
            let first = known.checked_add(1).and_then(NonZeroU64::new)?;
            DotRange::new(actor, first, NonZeroU64::new(counter)?)
        })
    }

    /// Forgets an actor, and says how many of its events were known.
    ///
    /// A forgotten actor is a stranger again: its old events would be news. Forget only those whose events everybody has, and that will
    /// never act again.
    pub fn forget(&mut self, actor: A) -> u64 {
        let counter = self.get(actor);
        if counter > 0 {
            self.columns.retain(|other, _| other != actor);
        }
        counter
    }

    /// Forgets the actors for which `keep` does not hold. See [`forget`](Self::forget).
    pub fn retain(&mut self, mut keep: impl FnMut(A, u64) -> bool) {
        self.columns.retain(|actor, counter| keep(actor, *counter));
    }

    /// How many bytes it has allocated: none for up to eight actors.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        match &self.columns {
            Columns::Empty | Columns::Inline(_) => 0,
            Columns::Heap(heap) => {
                heap.actors.capacity() * size_of::<A>() + heap.counters.capacity() * size_of::<u64>()
            }
        }
    }

    fn find(&self, actor: A) -> Result<usize, usize> {
        let actors = self.columns.actors();
        // Few are found sooner by looking at each.
        if actors.len() <= INLINE {
            let place = actors.iter().take_while(|known| **known < actor).count();
            return if actors.get(place) == Some(&actor) { Ok(place) } else { Err(place) };
        }
        actors.binary_search(&actor)
    }
}

impl<A> Default for VersionVector<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: PartialEq> PartialEq for VersionVector<A> {
    fn eq(&self, other: &Self) -> bool {
        self.columns.actors() == other.columns.actors() && self.columns.counters() == other.columns.counters()
    }
}

impl<A: Eq> Eq for VersionVector<A> {}

/// `a <= b` says that `b` knows all that `a` knows; `None` that each knows something which the other does not.
impl<A: Actor> PartialOrd for VersionVector<A> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.causality(other).ordering()
    }
}

impl<A: Hash> Hash for VersionVector<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.columns.actors().hash(state);
        self.columns.counters().hash(state);
    }
}

impl<A: fmt::Debug> fmt::Debug for VersionVector<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.columns.actors().iter().zip(self.columns.counters())).finish()
    }
}

impl<A: Actor> From<Dot<A>> for VersionVector<A> {
    fn from(dot: Dot<A>) -> Self {
        let mut vector = Self::new();
        vector.observe(dot);
        vector
    }
}

/// The greatest counter of each actor; zeros are left out.
impl<A: Actor> Extend<(A, u64)> for VersionVector<A> {
    fn extend<I: IntoIterator<Item = (A, u64)>>(&mut self, entries: I) {
        for (actor, counter) in entries {
            if let Some(dot) = Dot::at(actor, counter) {
                self.observe(dot);
            }
        }
    }
}

impl<A: Actor> FromIterator<(A, u64)> for VersionVector<A> {
    fn from_iter<I: IntoIterator<Item = (A, u64)>>(entries: I) -> Self {
        let mut vector = Self::new();
        vector.extend(entries);
        vector
    }
}

/// The number of entries, then actor and counter of each, by actor, strictly: one form for each vector.
impl<A: Actor + Wire> Wire for VersionVector<A> {
    const LEN_MIN: usize = 4;

    fn encode(&self, out: &mut Writer<'_>) {
        out.count(self.len());
        for (actor, counter) in self.iter() {
            actor.encode(out);
            out.u64(counter);
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let count = input.count(A::LEN_MIN + 8)?;
        let mut vector = Self::new();
        let mut last = None;
        for _ in 0..count {
            let dot = Dot::<A>::decode(input)?;
            if last.is_some_and(|last| last >= dot.actor) {
                return Err(WireError::Invalid { field: "order of the actors of a version vector" });
            }
            last = Some(dot.actor);
            vector.observe(dot);
        }
        Ok(vector)
    }
}
