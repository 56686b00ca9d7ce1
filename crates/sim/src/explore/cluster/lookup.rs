//! A map from pairs of words to small numbers, and a store that keeps one copy of each value.

use super::super::print::Print;
use core::hash::Hash;
use synod_core::SplitMix64;

/// Open addressing with linear probing; at most half full. Numbers are below `u32::MAX`.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    slots: Vec<(u64, u64, u32)>,
    used: usize,
}

const FREE: u32 = u32::MAX;

impl Default for Lookup {
    fn default() -> Self {
        Self { slots: vec![(0, 0, FREE); 64], used: 0 }
    }
}

impl Lookup {
    fn place(&self, key: (u64, u64)) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = SplitMix64::mix(key.0 ^ key.1.rotate_left(32)) as usize & mask;
        while self
            .slots
            .get(place)
            .is_some_and(|(left, right, value)| *value != FREE && (*left, *right) != key)
        {
            place = (place + 1) & mask;
        }
        place
    }

    pub(super) fn get(&self, key: (u64, u64)) -> Option<u32> {
        self.slots.get(self.place(key)).map(|slot| slot.2).filter(|value| *value != FREE)
    }

    /// Adds a key that is not there yet.
    pub(super) fn add(&mut self, key: (u64, u64), value: u32) {
        if (self.used + 1) * 2 > self.slots.len() {
            let doubled = vec![(0, 0, FREE); self.slots.len() * 2];
            for slot in core::mem::replace(&mut self.slots, doubled) {
                if slot.2 != FREE {
                    self.put(slot);
                }
            }
        }
        self.put((key.0, key.1, value));
        self.used += 1;
    }

    fn put(&mut self, slot: (u64, u64, u32)) {
        let place = self.place((slot.0, slot.1));
        if let Some(free) = self.slots.get_mut(place) {
            *free = slot;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<(u64, u64, u32)>()
    }
}

/// Keeps one copy of each value and gives it a number. Values are told apart by their 128-bit prints.
#[derive(Clone, Debug)]
pub(super) struct Interner<T> {
    values: Vec<T>,
    lookup: Lookup,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { values: Vec::new(), lookup: Lookup::default() }
    }
}

impl<T: Hash> Interner<T> {
    pub(super) fn intern(&mut self, value: T) -> u32 {
        let print = Print::of(&value);
        let key = (print.low(), print.high());
        self.lookup.get(key).unwrap_or_else(|| {
            let number = self.values.len() as u32;
            self.lookup.add(key, number);
            self.values.push(value);
            number
        })
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize)
    }

    /// What the table holds; what its values hold elsewhere is not counted.
    pub(super) fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<T>() + self.lookup.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_its_number() {
        let mut words = Interner::default();
        let numbers: Vec<u32> = (0..10_000).map(|n| words.intern(format!("{n}"))).collect();
        assert_eq!(numbers, (0..10_000).collect::<Vec<_>>());
        assert!((0..10_000).rev().all(|n| words.intern(format!("{n}")) == n));
        assert_eq!(words.get(7).map(String::as_str), Some("7"));
        assert_eq!(words.get(10_000), None);
    }
}
