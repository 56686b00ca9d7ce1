//! Fingerprints of elements and of sets: the same on every machine, since nothing in them is drawn at random.

use alloc::vec;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// What a set of n elements has, in about √n parts: how many elements there are, and for each part the sum of its elements' hashes.
///
/// Two sets differ in the parts where an element is missing, so that who has the fingerprint of another's set can send what lies in those
/// parts, and no more: of a part that lacks a single element, that element alone. (Bigger fingerprints with which differences of any size are
/// worked out exist, such as the invertible Bloom look-up tables of Eppstein, Goodrich, Uyeda and Varghese, 2011.)
///
/// Different sets have one fingerprint in about 2⁶³ pairs, if nobody is looking for such pairs: the hash is no cryptographic one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    count: u64,
    /// As many as [`parts_for`] the count.
    sums: Vec<u64>,
}

/// In more parts no set is divided: they take 32 KiB.
const PARTS_MAX: u64 = 4_096;

/// A power of two, about √`count`.
fn parts_for(count: u64) -> usize {
    count.isqrt().min(PARTS_MAX).next_power_of_two() as usize
}

/// What an element adds to the sum of its part: never nothing.
pub(crate) fn summand<E: Hash>(element: &E) -> u64 {
    hash_of(element) | 1
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self { count: 0, sums: vec![0] }
    }
}

impl Fingerprint {
    /// Of these elements, each of them once, in any order.
    ///
    /// ```
    /// use synod_crdt::Fingerprint;
    /// assert_eq!(Fingerprint::of(&[1, 2]), Fingerprint::of(&[2, 1]));
    /// assert_ne!(Fingerprint::of(&[1, 2]), Fingerprint::of(&[1, 3]));
    /// ```
    pub fn of<'a, E: Hash + 'a>(elements: impl IntoIterator<Item = &'a E>) -> Self {
        let summands: Vec<u64> = elements.into_iter().map(summand).collect();
        Self::of_summands(&summands)
    }

    /// Of elements with these [`summand`]s.
    pub(crate) fn of_summands(summands: &[u64]) -> Self {
        let count = summands.len() as u64;
        Self { count, sums: sums(summands, parts_for(count)) }
    }

    /// From what a stranger sends: as many parts as the count asks for.
    pub(crate) fn from_parts(count: u64, sums: Vec<u64>) -> Option<Self> {
        (sums.len() == parts_for(count)).then_some(Self { count, sums })
    }

    #[cfg(feature = "serde")]
    pub(crate) fn parts(&self) -> (u64, &[u64]) {
        (self.count, &self.sums)
    }

    /// For each of the elements with these [`summand`]s, whether a set with this fingerprint may lack it; for those that it lacks, always.
    pub(crate) fn may_lack(&self, summands: &[u64]) -> impl Iterator<Item = bool> {
        let parts = self.sums.len();
        let mut surplus = sums(summands, parts);
        for (mine, theirs) in surplus.iter_mut().zip(&self.sums) {
            *mine = mine.wrapping_sub(*theirs);
        }
        let surplus_of = |summand: u64| surplus.get(part(summand, parts)).copied().unwrap_or(0);
        // Where the surplus is that of one element, nothing else is lacking.
        let mut by_one = vec![false; parts];
        for summand in summands {
            if let Some(by_one) = by_one.get_mut(part(*summand, parts)) {
                *by_one |= surplus_of(*summand) == *summand;
            }
        }
        let lacks = |summand: &u64| {
            let by_one = by_one.get(part(*summand, parts)).copied().unwrap_or(false);
            let surplus = surplus_of(*summand);
            if by_one { surplus == *summand } else { surplus != 0 }
        };
        summands.iter().map(lacks).collect::<Vec<_>>().into_iter()
    }
}

/// In which of so many parts, a power of two, an element lies.
fn part(summand: u64, parts: usize) -> usize {
    (summand >> 32) as usize & (parts - 1)
}

fn sums(summands: &[u64], parts: usize) -> Vec<u64> {
    let mut sums = vec![0_u64; parts];
    for summand in summands {
        if let Some(sum) = sums.get_mut(part(*summand, parts)) {
            *sum = sum.wrapping_add(*summand);
        }
    }
    sums
}

impl Wire for Fingerprint {
    const LEN_MIN: usize = 16;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.count);
        self.sums.iter().for_each(|sum| out.u64(*sum));
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let count = input.u64()?;
        let parts = parts_for(count);
        if let Some(missing) = (8 * parts).checked_sub(input.remaining()).filter(|missing| *missing > 0) {
            return Err(WireError::Truncated { missing });
        }
        let sums = (0..parts).map(|_| input.u64()).collect::<Result<_, _>>()?;
        Self::from_parts(count, sums).ok_or(WireError::Invalid { field: "fingerprint" })
    }
}

/// 64 well-mixed bits of an element.
#[inline]
pub(crate) fn hash_of<E: Hash + ?Sized>(element: &E) -> u64 {
    let mut hasher = FoldHasher(SEED);
    element.hash(&mut hasher);
    hasher.finish()
}

/// Digits of π.
const SEED: u64 = 0x243f_6a88_85a3_08d3;
const FACTOR: u64 = 0x1319_8a2e_0370_7345;

/// A product of 64 by 64 bits, folded: every bit of the input reaches every bit of the output.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

struct FoldHasher(u64);

impl Hasher for FoldHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.write_u64(chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let word = rest.iter().rev().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte));
            self.write_u64(word);
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(value.into());
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(value.into());
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(value.into());
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.0 = fold(self.0 ^ value, FACTOR);
    }

    fn write_u128(&mut self, value: u128) {
        self.write_u64(value as u64);
        self.write_u64((value >> 64) as u64);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the two sets are, and however they are divided: what the other lacks is found, and little else.
        #[test]
        fn what_is_lacking_is_found(
            both in proptest::collection::btree_set(any::<u64>(), 0..400),
            mine in proptest::collection::btree_set(any::<u64>(), 0..20),
            theirs in proptest::collection::btree_set(any::<u64>(), 0..20),
        ) {
            let here: BTreeSet<u64> = both.union(&mine).copied().collect();
            let there: BTreeSet<u64> = both.union(&theirs).copied().collect();
            let summands: Vec<u64> = here.iter().map(summand).collect();
            let print = Fingerprint::of(&there);
            let sent: BTreeSet<u64> =
                here.iter().zip(print.may_lack(&summands)).filter(|(_, lacks)| *lacks).map(|(e, _)| *e).collect();
            prop_assert!(sent.is_superset(&here.difference(&there).copied().collect()));
            prop_assert!(here != there || sent.is_empty());
            prop_assert_eq!(Fingerprint::from_bytes(print.to_bytes(0), 0), Ok(print));
        }
    }

    /// An element whose hash is zero would be missed, if its hash alone were summed up.
    #[test]
    fn no_element_counts_for_nothing() {
        assert_eq!(hash_of(&SEED), 0);
        assert_ne!(Fingerprint::of(&[SEED]), Fingerprint::of(&[] as &[u64]));
        let lacks: Vec<bool> =
            Fingerprint::of(&[1_u64, 2]).may_lack(&[1_u64, 2, SEED].map(|e| summand(&e))).collect();
        assert_eq!(lacks, [false, false, true]);
    }
}
