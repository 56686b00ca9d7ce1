//! A fast hash with a fixed seed: the same run everywhere, and no randomness from the operating system.
//!
//! Histories come from one's own tests, so resistance against chosen collisions is not needed.

use core::hash::{BuildHasherDefault, Hasher};
use std::collections::HashMap;

/// A map with a fixed hash function.
pub(crate) type FixedMap<K, V> = HashMap<K, V, BuildHasherDefault<FixedHasher>>;

const MULTIPLIER: u64 = 0xF135_7AEA_2E62_A9C5;

/// Multiply-and-add over words, with a final mix.
#[derive(Clone, Copy, Default)]
pub(crate) struct FixedHasher(u64);

/// Hashes a slice of words.
pub(crate) fn hash_words(words: &[u64]) -> u64 {
    let mut hasher = FixedHasher::default();
    for word in words {
        hasher.write_u64(*word);
    }
    hasher.finish()
}

impl Hasher for FixedHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.write_u64(u64::from_le_bytes(last) ^ (rest.len() as u64) << 56);
    }

    fn write_u8(&mut self, n: u8) {
        self.write_u64(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(23) ^ n).wrapping_mul(MULTIPLIER);
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }

    fn finish(&self) -> u64 {
        // The high bits of a product are the good ones; tables use the low ones.
        let mixed = (self.0 ^ self.0 >> 32).wrapping_mul(MULTIPLIER);
        mixed ^ mixed >> 29
    }
}
