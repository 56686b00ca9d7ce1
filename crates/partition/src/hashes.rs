//! Hash partitioning: by remainder, and by ranges of the hash.

use crate::{PartitionId, RangeError, Ranges};
use synod_hashring::HashFn;

/// `hash(key) mod n`: the simplest way to spread keys, and the dearest to change.
///
/// From `n` to `n + 1` partitions a key stays only if both remainders agree, which are `1` in `n + 1`:
///
/// | partitions | keys that move (`moved`) | what must move |
/// |---|---|---|
/// | 4 → 5 | 80 % | 20 % |
/// | 10 → 11 | 91 % | 9 % |
/// | 100 → 101 | 99 % | 1 % |
/// | 100 → 200 | 50 % | 50 % |
///
/// A test measures these. With [`HashRanges`] or slots the second column is the third.
///
/// ```
/// use synod_hashring::HashFn;
/// use synod_partition::{Modulo, PartitionId};
///
/// // The hashes of a well-known example.
/// let four = Modulo::new(4, HashFn::default()).unwrap();
/// assert_eq!(four.of_hash(2_847_193), PartitionId(1));      // user_123
/// assert_eq!(four.of_hash(9_381_042), PartitionId(2));      // user_456
/// assert_eq!(four.of_hash(5_720_318), PartitionId(2));      // user_789
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Modulo {
    partitions: core::num::NonZeroU64,
    hash: HashFn,
}

impl Modulo {
    /// So many partitions, numbered from 0; `None` for none.
    #[must_use]
    pub fn new(partitions: u64, hash: HashFn) -> Option<Self> {
        Some(Self { partitions: core::num::NonZeroU64::new(partitions)?, hash })
    }

    /// The partition of a key.
    #[must_use]
    pub fn of(&self, key: &[u8]) -> PartitionId {
        self.of_hash(self.hash.hash(key))
    }

    /// The partition of a key with this hash.
    #[must_use]
    pub const fn of_hash(&self, hash: u64) -> PartitionId {
        PartitionId(hash % self.partitions.get())
    }

    /// The part of all keys, in millionths, that change their partition when there are `others` instead. Exact for hashes below 2⁶⁴
    /// up to rounding: of each `lcm(n, m)` hashes in a row `min(n, m)` stay.
    #[must_use]
    pub const fn moved_ppm(&self, others: u64) -> u64 {
        let (n, m) = (self.partitions.get(), others);
        if m == 0 {
            return 1_000_000;
        }
        let (mut a, mut b) = (n, m);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let lcm = (n / a) as u128 * m as u128;
        let stays = if n < m { n } else { m } as u128;
        1_000_000 - (stays * 1_000_000 / lcm) as u64
    }
}

/// The space of hashes cut into ranges: spread like hashes, split and merged like ranges.
///
/// ```
/// use synod_hashring::HashFn;
/// use synod_partition::{HashRanges, PartitionId};
///
/// let mut map = HashRanges::equal(4, HashFn::default());
/// assert_eq!(map.of_hash(u64::MAX), PartitionId(3));       // the last range ends with the last hash
/// // The third is hot: cut it in two, and no other key moves.
/// map.split_even(PartitionId(2), PartitionId(4))?;
/// assert_eq!(map.of_hash(0xafff_ffff_ffff_ffff), PartitionId(4));
/// assert_eq!(map.of_hash(0x8fff_ffff_ffff_ffff), PartitionId(2));
/// # Ok::<(), synod_partition::RangeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HashRanges {
    ranges: Ranges<u64>,
    hash: HashFn,
}

impl HashRanges {
    /// So many ranges of equal width (one, where 0 is asked for), numbered from 0.
    #[must_use]
    pub fn equal(count: u32, hash: HashFn) -> Self {
        let count = u128::from(count.max(1));
        let mut ranges = Ranges::new(PartitionId(0));
        for at in 1..count {
            let start = ((at << 64) / count) as u64;
            // Starts grow, and ids are new: this cannot fail.
            let _ = ranges.split(PartitionId(at as u64 - 1), start, PartitionId(at as u64));
        }
        Self { ranges, hash }
    }

    /// The ranges of hashes as somebody else has cut them.
    #[must_use]
    pub const fn new(ranges: Ranges<u64>, hash: HashFn) -> Self {
        Self { ranges, hash }
    }

    /// The partition of a key. `O(log n)`.
    #[must_use]
    pub fn of(&self, key: &[u8]) -> PartitionId {
        self.of_hash(self.hash.hash(key))
    }

    /// The partition of a key with this hash. `O(log n)`.
    #[must_use]
    pub fn of_hash(&self, hash: u64) -> PartitionId {
        self.ranges.of(&hash)
    }

    /// The hash function.
    #[must_use]
    pub const fn hash_fn(&self) -> HashFn {
        self.hash
    }

    /// The ranges.
    #[must_use]
    pub const fn ranges(&self) -> &Ranges<u64> {
        &self.ranges
    }

    /// Cuts a range in the middle: with a good hash, in two halves of equal size.
    ///
    /// # Errors
    /// As [`Ranges::split`]; a range of a single hash cannot be cut.
    pub fn split_even(&mut self, id: PartitionId, new: PartitionId) -> Result<(), RangeError> {
        let range = self.ranges.range(id).ok_or(RangeError::Unknown { partition: id })?;
        let start = u128::from(range.start.copied().unwrap_or(0));
        let end = range.end.map_or(1 << 64, |end| u128::from(*end));
        let middle = (start + end) / 2;
        if middle == start {
            return Err(RangeError::Outside { partition: id });
        }
        self.ranges.split(id, middle as u64, new)
    }

    /// Makes two neighbours one.
    ///
    /// # Errors
    /// As [`Ranges::merge`].
    pub fn merge(&mut self, left: PartitionId, right: PartitionId) -> Result<(), RangeError> {
        self.ranges.merge(left, right)
    }
}
