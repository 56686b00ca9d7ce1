//! The identity of states: 128-bit fingerprints.

use core::fmt;
use core::hash::{Hash, Hasher};
use synod_core::SplitMix64;

/// The fingerprint of a state. Equal states have equal prints, in every build and on every platform.
///
/// Different states may share a print, and the explorer then takes them for one. Of the 128 bits it keeps 64 by default:
/// among `n` states the chance that any two collide is about n² / 2^65 (a million states: 1 in 37 million; a thousand million:
/// 1 in 37). With [`Explorer::wide`](super::Explorer::wide) it keeps all.
///
/// ```
/// use synod_sim::explore::Print;
/// assert_eq!(Print::of(&(1, "a")), Print::of(&(1, "a")));
/// assert_ne!(Print::of(&(1, "a")), Print::of(&(2, "a")));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Print(u64, u64);

impl Print {
    /// The print of anything that can be hashed.
    pub fn of<T: Hash + ?Sized>(value: &T) -> Self {
        let mut lanes = Lanes::default();
        value.hash(&mut lanes);
        lanes.print()
    }

    /// The print of a word: a bijection, hence without collisions.
    #[must_use]
    pub const fn of_word(word: u64) -> Self {
        Self(SplitMix64::mix(word), word)
    }

    /// The print of words, cheaper than that of the same words through [`Hash`].
    pub fn of_words(words: impl IntoIterator<Item = u64>) -> Self {
        let mut lanes = Lanes::default();
        words.into_iter().for_each(|word| lanes.word(word));
        lanes.print()
    }

    #[cfg(test)]
    pub(super) const fn raw(low: u64) -> Self {
        Self(low, 0)
    }

    /// The half that is kept by default.
    #[must_use]
    pub const fn low(self) -> u64 {
        self.0
    }

    /// The other half.
    #[must_use]
    pub const fn high(self) -> u64 {
        self.1
    }
}

impl fmt::Display for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.1, self.0)
    }
}

/// A hasher with two lanes of 64 bits. In each, a word enters by an exclusive or, and both halves of a 128-bit product fold into
/// the new value, so that every bit of the word moves every bit of the lane (the step of wyhash). What one lane confuses, the
/// other, with another multiplier and another order, does not.
#[derive(Clone, Copy, Debug)]
struct Lanes {
    left: u64,
    right: u64,
}

impl Default for Lanes {
    fn default() -> Self {
        Self { left: 0x243f_6a88_85a3_08d3, right: 0x1319_8a2e_0370_7344 }
    }
}

impl Lanes {
    const fn word(&mut self, word: u64) {
        self.left = fold(self.left ^ word, 0x9e37_79b9_7f4a_7c15);
        self.right = fold(self.right.rotate_left(29) ^ word, 0xd6e8_feb8_6659_fd93);
    }

    const fn print(self) -> Print {
        let left = SplitMix64::mix(self.left);
        let right = SplitMix64::mix(self.right ^ 0xa409_3822_299f_31d0);
        Print(left ^ right.rotate_left(32), right)
    }
}

const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    (product >> 64) as u64 ^ product as u64
}

impl Hasher for Lanes {
    fn finish(&self) -> u64 {
        self.print().low()
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.word(chunk.first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk)));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            self.word(rest.iter().rev().fold(1, |word, byte| (word << 8) | u64::from(*byte)));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.word(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.word(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn prints_are_pinned() {
        assert_eq!(
            Print::of(&(1_u64, "synod", [1_u8, 2, 3].as_slice())).to_string(),
            "a5d6b3ab044d8672e5ae453cb5e22619"
        );
    }

    #[test]
    fn sparse_states_do_not_collide() {
        // Three words of which each has one bit set, or none: what simple hashes like to confuse.
        let bits = || (0..65).map(|bit| if bit == 64 { 0 } else { 1_u64 << bit });
        let mut low = BTreeSet::new();
        let mut high = BTreeSet::new();
        for (a, b, c) in bits().flat_map(|a| bits().flat_map(move |b| bits().map(move |c| (a, b, c)))) {
            let print = Print::of_words([a, b, c]);
            low.insert(print.low());
            high.insert(print.high());
        }
        assert_eq!((low.len(), high.len()), (65 * 65 * 65, 65 * 65 * 65));
    }

    #[test]
    fn the_length_of_bytes_counts() {
        let prints: BTreeSet<Print> = (0..40).map(|len| Print::of(vec![0_u8; len].as_slice())).collect();
        assert_eq!(prints.len(), 40);
    }
}
