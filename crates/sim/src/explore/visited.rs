//! The states that have been seen: open addressing over fingerprints, which grows in place.

use super::print::Print;
use core::hint::black_box;
use std::collections::BTreeMap;

/// A set of states.
pub(super) trait Visited<S> {
    /// Whether the state is new.
    fn insert(&mut self, print: Print, state: &S) -> bool;

    /// Whether the state was asked about a short while ago; if not, that it is now. `false` proves nothing.
    fn recent(&mut self, print: Print) -> bool;

    /// Fetches what [`insert`](Visited::insert) will look at first, so that many fetches are under way at once.
    fn touch(&self, print: Print);

    fn bytes(&self) -> usize;

    /// What the set will need when it next grows.
    fn bytes_grown(&self) -> usize;
}

/// What a slot holds: a part of a print that is never `EMPTY`.
pub(super) trait Slot: Copy + Ord {
    const EMPTY: Self;
    fn of(print: Print) -> Self;
    /// Evenly spread, and in the order of slots.
    fn spread(self) -> u64;
    /// Appends the slot as bytes, as many as it has in memory.
    fn write(self, bytes: &mut Vec<u8>);
    /// Reads what [`write`](Slot::write) wrote; missing bytes count as 0.
    fn read(bytes: &[u8]) -> Self;
}

impl Slot for u64 {
    const EMPTY: Self = 0;

    fn of(print: Print) -> Self {
        // Two prints of 2^64 fall together.
        print.low().max(1)
    }

    fn spread(self) -> u64 {
        self
    }

    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Self {
        bytes.first_chunk().map_or(0, |bytes| Self::from_le_bytes(*bytes))
    }
}

impl Slot for (u64, u64) {
    const EMPTY: Self = (0, 0);

    fn of(print: Print) -> Self {
        (print.low().max(1), print.high())
    }

    fn spread(self) -> u64 {
        self.0
    }

    fn write(self, bytes: &mut Vec<u8>) {
        self.0.write(bytes);
        self.1.write(bytes);
    }

    fn read(bytes: &[u8]) -> Self {
        let (left, right) = bytes.split_at_checked(8).unwrap_or((bytes, &[]));
        (u64::read(left), u64::read(right))
    }
}

/// Linear probing from a home that grows with the print, in one vector.
///
/// Because homes are in the order of the prints, the table grows inside its own (re-allocated) vector by any factor: elements
/// only ever move up, from the last to the first. There is never a second table, and for large tables the system moves pages
/// instead of copying them.
#[derive(Debug)]
pub(super) struct Table<T> {
    slots: Vec<T>,
    used: usize,
    limit: usize,
    /// The last prints that were asked about, each at a place that its low bits give. Neighbours in the frontier have many
    /// successors in common, and this small table stays in cache.
    recent: Vec<T>,
}

const FIRST: usize = 1 << 10;
const RECENT: usize = 1 << 13;

impl<T: Slot> Table<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![T::EMPTY; FIRST],
            used: 0,
            limit: Self::limit(FIRST),
            recent: vec![T::EMPTY; RECENT],
        }
    }

    /// Seven eighths full at most: a probe for a new state then looks at 32 slots on average at the worst moment, all of them
    /// in a row.
    const fn limit(len: usize) -> usize {
        len / 8 * 7
    }

    fn home(slot: T, len: usize) -> usize {
        ((u128::from(slot.spread()) * len as u128) >> 64) as usize
    }

    fn put(&mut self, slot: T) -> bool {
        let len = self.slots.len();
        let mut place = Self::home(slot, len);
        loop {
            match self.slots.get_mut(place) {
                Some(found) if *found == slot => return false,
                Some(found) if *found == T::EMPTY => {
                    *found = slot;
                    return true;
                }
                Some(_) => place += 1,
                None => place = 0,
            }
        }
    }

    pub(super) fn contains(&self, slot: T) -> bool {
        let home = Self::home(slot, self.slots.len());
        let (before, after) = self.slots.split_at_checked(home).unwrap_or((&[], &self.slots));
        let mut walk = after.iter().chain(before).take_while(|found| **found != T::EMPTY);
        walk.any(|found| *found == slot)
    }

    /// Whether the next insertion makes the table grow.
    pub(super) const fn is_full(&self) -> bool {
        self.used >= self.limit
    }

    pub(super) fn bytes_if_grown(&self) -> usize {
        Self::grown(self.slots.len()) * size_of::<T>()
    }

    /// Hands over everything in ascending order, and is empty from then on.
    pub(super) fn drain(&mut self, take: impl FnOnce(&[T])) {
        let len = self.slots.len();
        self.slots.retain(|slot| *slot != T::EMPTY);
        self.slots.sort_unstable();
        take(&self.slots);
        self.slots.clear();
        self.slots.resize(len, T::EMPTY);
        self.used = 0;
    }

    fn grown(len: usize) -> usize {
        len + len / 2
    }

    #[cold]
    fn grow(&mut self) {
        let old = self.slots.len();
        let new = Self::grown(old);
        self.slots.reserve_exact(new - old);
        self.slots.resize(new, T::EMPTY);
        self.limit = Self::limit(new);
        // What cannot move to a place above the part that is still to be moved waits until the end: it would stand on a path
        // that is about to be torn up. Those are the few at the front that stand far from home, and what wraps around.
        let mut waiting = Vec::new();
        for at in (0..old).rev() {
            let Some(slot) = self.slots.get_mut(at) else { continue };
            let slot = core::mem::replace(slot, T::EMPTY);
            if slot != T::EMPTY && !self.put_above(at, slot) {
                waiting.push(slot);
            }
        }
        for slot in waiting {
            self.put(slot);
        }
    }

    fn put_above(&mut self, at: usize, slot: T) -> bool {
        let home = Self::home(slot, self.slots.len());
        if home <= at {
            return false;
        }
        match self.slots.get_mut(home..).and_then(|slots| slots.iter_mut().find(|slot| **slot == T::EMPTY)) {
            Some(free) => {
                *free = slot;
                true
            }
            None => false,
        }
    }
}

impl<S, T: Slot> Visited<S> for Table<T> {
    fn insert(&mut self, print: Print, _: &S) -> bool {
        if self.used >= self.limit {
            self.grow();
        }
        let new = self.put(T::of(print));
        self.used += usize::from(new);
        new
    }

    #[inline]
    fn recent(&mut self, print: Print) -> bool {
        let slot = T::of(print);
        match self.recent.get_mut(slot.spread() as usize % RECENT) {
            Some(place) if *place == slot => true,
            Some(place) => {
                *place = slot;
                false
            }
            None => false,
        }
    }

    #[inline]
    fn touch(&self, print: Print) {
        let home = Self::home(T::of(print), self.slots.len());
        black_box(self.slots.get(home).is_some_and(|slot| *slot == T::EMPTY));
    }

    fn bytes(&self) -> usize {
        self.slots.len() * size_of::<T>()
    }

    fn bytes_grown(&self) -> usize {
        if self.used + self.used / 16 >= self.limit {
            Self::grown(self.slots.len()) * size_of::<T>()
        } else {
            self.slots.len() * size_of::<T>()
        }
    }
}

/// The states themselves: nothing can collide. For small models, and to test the others.
#[derive(Debug)]
pub(super) struct Exact<S> {
    states: BTreeMap<Print, Vec<S>>,
    used: usize,
}

impl<S> Exact<S> {
    pub(super) const fn new() -> Self {
        Self { states: BTreeMap::new(), used: 0 }
    }
}

impl<S: Clone + Eq> Visited<S> for Exact<S> {
    fn insert(&mut self, print: Print, state: &S) -> bool {
        let same = self.states.entry(print).or_default();
        let new = !same.contains(state);
        if new {
            same.push(state.clone());
            self.used += 1;
        }
        new
    }

    fn recent(&mut self, _: Print) -> bool {
        false
    }

    fn touch(&self, _: Print) {}

    fn bytes(&self) -> usize {
        self.used * (size_of::<S>() + size_of::<(Print, Vec<S>)>())
    }

    fn bytes_grown(&self) -> usize {
        Visited::<S>::bytes(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use synod_core::{Entropy, SplitMix64};

    /// Inserts the prints twice and checks every answer against a set that cannot be wrong.
    fn agrees(prints: impl Iterator<Item = u64>) {
        let mut table = Table::<u64>::new();
        let mut oracle = BTreeSet::new();
        let prints: Vec<Print> = prints.map(Print::raw).collect();
        for print in prints.iter().chain(&prints) {
            let new = Visited::<()>::insert(&mut table, *print, &());
            assert_eq!(new, oracle.insert(print.low().max(1)), "{print}");
        }
        assert_eq!(table.used, oracle.len());
    }

    #[test]
    fn random_prints_are_found_again_over_many_growths() {
        let mut dice = SplitMix64::new(1);
        agrees((0..30_000).map(|_| dice.bits()));
        agrees((0..30_000).map(|_| dice.below(20_000) << 40));
    }

    #[test]
    fn crowds_at_either_end_survive_growth() {
        // Everything at home in the first slot, in the last, or in both: the longest walks, and the way around the end.
        agrees((0..600).map(|n| n + 1));
        agrees((0..600).map(|n| u64::MAX - n));
        agrees((0..600).map(|n| if n % 2 == 0 { n } else { u64::MAX - n }));
    }

    #[test]
    fn a_state_with_a_colliding_print_is_not_lost_in_exact_mode() {
        let mut exact = Exact::new();
        let print = Print::of_word(7);
        assert!(exact.insert(print, &"a") && exact.insert(print, &"b") && !exact.insert(print, &"a"));
        let mut table = Table::<u64>::new();
        assert!(table.insert(print, &"a") && !table.insert(print, &"b"));
    }
}
