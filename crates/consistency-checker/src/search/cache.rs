//! The configurations that were tried and led nowhere.

use crate::hash::hash_words;

/// A set of keys of equal length, in two flat arrays: no allocation per key.
#[derive(Debug)]
pub(crate) struct Cache {
    width: usize,
    keys: Vec<u64>,
    /// Number of a key plus one, or 0. The length is a power of two.
    table: Vec<u32>,
    max_bytes: usize,
}

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    New,
    Known,
    /// No room within the budget.
    Full,
}

impl Cache {
    const FIRST: usize = 64;

    pub(crate) fn new(width: usize, max_bytes: usize) -> Self {
        Self { width, keys: Vec::new(), table: vec![0; Self::FIRST], max_bytes }
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len() / self.width
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.keys.capacity() * 8 + self.table.len() * 4
    }

    /// Puts `key` in. `other_bytes` counts against the same budget.
    pub(crate) fn insert(&mut self, key: &[u64], other_bytes: usize) -> Entry {
        if (self.len() + 1) * 4 > self.table.len() * 3 && !self.grow(other_bytes) {
            return Entry::Full;
        }
        let (mask, mut place) = (self.table.len() - 1, truncate(hash_words(key)));
        loop {
            place &= mask;
            match self.table[place] {
                0 => break,
                number => {
                    let start = (number as usize - 1) * self.width;
                    if self.keys[start..start + self.width] == *key {
                        return Entry::Known;
                    }
                }
            }
            place += 1;
        }
        if self.keys.len() + self.width > self.keys.capacity() {
            // Half as much again rather than double: the array is the larger part of the memory.
            let more = (self.keys.len() / 2).max(32 * self.width);
            if self.bytes() + more * 8 + other_bytes > self.max_bytes {
                return Entry::Full;
            }
            self.keys.reserve_exact(more);
        }
        self.keys.extend_from_slice(key);
        let Ok(number) = u32::try_from(self.len()) else { return Entry::Full };
        self.table[place] = number;
        Entry::New
    }

    fn grow(&mut self, other_bytes: usize) -> bool {
        let length = self.table.len() * 2;
        if self.bytes() + length * 4 + other_bytes > self.max_bytes {
            return false;
        }
        self.table.clear();
        self.table.resize(length, 0);
        for (number, key) in self.keys.chunks_exact(self.width).enumerate() {
            let mut place = truncate(hash_words(key)) & (length - 1);
            while self.table[place] != 0 {
                place = (place + 1) & (length - 1);
            }
            self.table[place] = super::machine::index(number + 1);
        }
        true
    }
}

/// The low bits of a hash; on a 32-bit machine fewer of them, which is as good.
#[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
const fn truncate(hash: u64) -> usize {
    hash as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart_by_all_their_words() {
        let mut cache = Cache::new(2, 1 << 20);
        for n in 0..5_000 {
            assert_eq!(cache.insert(&[n, 7], 0), Entry::New);
            assert_eq!(cache.insert(&[7, n + 10_000], 0), Entry::New);
        }
        for n in 0..5_000 {
            assert_eq!(cache.insert(&[n, 7], 0), Entry::Known);
        }
        assert_eq!(cache.len(), 10_000);
    }

    #[test]
    fn it_stays_within_its_bytes() {
        let mut cache = Cache::new(1, 10_000);
        let full = (0..).find(|n| cache.insert(&[*n], 0) == Entry::Full);
        assert!(full.is_some_and(|n| n > 300));
        assert!(cache.bytes() <= 10_000);
    }
}
