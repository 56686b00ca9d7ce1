//! Fingerprints of elements and of sets: the same on every machine, since nothing in them is drawn at random.

use core::hash::{Hash, Hasher};
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// What a set has, in 16 bytes: how many elements, and the sum of their hashes.
///
/// Different sets of the same size have one fingerprint in about 2⁶⁴ pairs, if nobody is looking for such pairs: the hash is no
/// cryptographic one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    count: u64,
    sum: u64,
}

impl Fingerprint {
    /// Of these elements, in any order.
    pub fn of<'a, E: Hash + 'a>(elements: impl IntoIterator<Item = &'a E>) -> Self {
        elements.into_iter().fold(Self::default(), |print, element| Self {
            count: print.count + 1,
            sum: print.sum.wrapping_add(hash_of(element)),
        })
    }
}

impl Fingerprint {
    /// Of two sets side by side: which of them an element is in makes a difference.
    #[must_use]
    pub fn beside(self, other: Self) -> Self {
        let mixed = fold(other.sum ^ SEED, FACTOR.rotate_left(13) | 1);
        Self { count: self.count.wrapping_add(other.count), sum: self.sum.wrapping_add(mixed) }
    }
}

impl Wire for Fingerprint {
    const LEN_MIN: usize = 16;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.count);
        out.u64(self.sum);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { count: input.u64()?, sum: input.u64()? })
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
