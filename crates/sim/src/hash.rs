//! Fingerprints: one fast hash, the same on every platform, for events, states and labels.

use core::hash::{Hash, Hasher};
use synod_core::SplitMix64;

/// A deterministic hasher: a rotate, an exclusive or and a multiplication a word (the scheme of Firefox's hash), with
/// SplitMix64's finaliser at the end. Not for hostile keys. Little-endian by definition; a `usize` counts as 64 bits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fold {
    state: u64,
}

impl Fold {
    #[inline]
    pub(crate) const fn word(self, word: u64) -> Self {
        Self { state: (self.state.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95) }
    }

    #[inline]
    pub(crate) const fn end(self) -> u64 {
        SplitMix64::mix(self.state)
    }
}

impl Hasher for Fold {
    #[inline]
    fn finish(&self) -> u64 {
        self.end()
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            *self = self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            *self = self.word(word);
        }
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        *self = self.word(u64::from(value));
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        *self = self.word(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        *self = self.word(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        *self = self.word(value);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        *self = self.word(value as u64);
    }
}

/// The fingerprint of a value: equal values have equal fingerprints, in every build and on every platform.
pub fn fingerprint<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut fold = Fold::default();
    value.hash(&mut fold);
    fold.end()
}

/// How often each key was seen: gives repeated messages of the same content different labels.
///
/// Counts are forgotten when a new epoch begins, which the label carries; so the table stays in the nearest cache.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    /// The high 40 bits of a key and how often it was seen; zero where nothing is. Two keys that share a slot's 40 bits are
    /// counted together, and still have different labels.
    slots: Vec<u64>,
    used: usize,
    epoch: u64,
}

impl Counts {
    const SLOTS: usize = 1024;
    const COUNT: u64 = (1 << 24) - 1;

    pub(crate) fn new() -> Self {
        Self { slots: vec![0; Self::SLOTS], used: 0, epoch: 0 }
    }

    /// Combines `key` with the number of times that it has been seen in this epoch.
    #[inline]
    pub(crate) fn nth(&mut self, key: u64, epoch: u64) -> u64 {
        if epoch > self.epoch || self.used * 2 >= Self::SLOTS {
            self.turn(epoch);
        }
        let mut place = key as usize % Self::SLOTS;
        let nth = loop {
            // The table is never more than half full, so the walk ends.
            let Some(slot) = self.slots.get_mut(place) else { break 0 };
            if *slot == 0 {
                *slot = (key & !Self::COUNT) | 1;
                self.used += 1;
                break 0;
            }
            if (*slot ^ key) & !Self::COUNT == 0 {
                let seen = *slot & Self::COUNT;
                *slot += u64::from(seen < Self::COUNT);
                break seen;
            }
            place = (place + 1) % Self::SLOTS;
        };
        Fold::default().word(key).word(self.epoch).word(nth).end()
    }

    #[cold]
    fn turn(&mut self, epoch: u64) {
        self.epoch = epoch.max(self.epoch + 1);
        self.used = 0;
        self.slots.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_pinned() {
        assert_eq!(fingerprint(&(1_u64, "synod", [1_u8, 2, 3].as_slice())), 4_767_321_305_506_158_582);
    }

    #[test]
    fn the_same_key_has_another_label_each_time() {
        let mut counts = Counts::new();
        let labels: std::collections::BTreeSet<u64> = (0..2000).map(|at| counts.nth(7, at / 1000)).collect();
        assert_eq!(labels.len(), 2000);
        let mut again = Counts::new();
        assert!((0..2000).all(|at| labels.contains(&again.nth(7, at / 1000))));
    }

    #[test]
    fn a_full_table_begins_a_new_epoch() {
        let mut counts = Counts::new();
        let labels: std::collections::BTreeSet<u64> =
            (0..100_000).map(|key| counts.nth(key % 5000, 0)).collect();
        assert!(labels.len() > 99_990, "{}", labels.len());
    }
}
