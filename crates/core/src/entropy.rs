//! Chance is an input: seeded in the simulator, enumerated by a model checker, recorded for a replay.

/// A source of choices.
///
/// Drivers pass one to every step. A protocol that draws from it stays a function of its inputs.
pub trait Entropy {
    /// The next 64 bits.
    fn bits(&mut self) -> u64;

    /// A number below `bound`, uniformly; 0 where `bound` is 0.
    ///
    /// The default takes the high half of a 128-bit product (Lemire 2019, without the rejection step): the bias is
    /// below `bound` / 2^64, and one draw is always one call of [`bits`](Entropy::bits).
    fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(bound);
        (product >> 64) as u64
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators"): eight bytes of state,
/// integer arithmetic alone, hence the same on every platform for ever.
///
/// ```
/// use synod_core::{Entropy, SplitMix64};
/// let mut dice = SplitMix64::new(7);
/// assert_eq!(dice.bits(), 7_191_089_600_892_374_487);
/// assert!(dice.below(6) < 6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// A generator with this seed. Any seed is a good one.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The finaliser of the generator: a bijection of 64-bit words in which every input bit moves every output bit.
    #[must_use]
    pub const fn mix(word: u64) -> u64 {
        let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

impl Entropy for SplitMix64 {
    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Self::mix(self.state)
    }
}
