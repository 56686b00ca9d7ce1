//! Dynamic partitioning: partitions split when they grow, or get hot, and merge when they shrink.

use crate::PartitionId;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// When to split and when to merge.
///
/// Between the two there must be room: what was just split must not be merged at once, nor the other way round. [`Policy::sound`]
/// says whether there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Policy {
    /// A partition that is larger is split.
    pub size_max: u64,
    /// Two neighbours that are together no larger are merged.
    pub size_min: u64,
    /// A partition that is asked more is split, if a cut would halve it.
    pub load_max: u64,
    /// Neighbours are merged only if they are together asked no more.
    pub load_min: u64,
    /// There are never fewer partitions: so many nodes can work at once.
    pub count_min: usize,
    /// There are never more.
    pub count_max: usize,
}

impl Policy {
    /// Whether parts of an even split are never merged with each other again at once, nor what was merged split at once.
    ///
    /// What is above a limit `max` is split into as many parts as are half of it or less each, at least three. So the smallest parts are
    /// those of `max + 1` in three: `(max + 1) / 3`, rounded down. Two of them must be more than what is merged; 65 at most where the limit
    /// is 100. It is enough that this holds for the measure which said how many parts: pairs are merged only if both are small.
    ///
    /// ```
    /// use synod_partition::Policy;
    /// let policy = Policy { size_max: 100, size_min: 65, load_max: 1_000, load_min: 600, count_min: 1, count_max: 99 };
    /// assert!(policy.sound());
    /// assert!(!Policy { size_min: 66, ..policy }.sound());           // 101 in three: 33 and 33 would be merged
    /// ```
    #[must_use]
    pub const fn sound(&self) -> bool {
        const fn apart(min: u64, max: u64) -> bool {
            min < 2 * (max.saturating_add(1) / 3)
        }
        apart(self.size_min, self.size_max)
            && apart(self.load_min, self.load_max)
            && self.count_min <= self.count_max
    }
}

/// A partition as it was measured, in the order of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Measured {
    /// Which one.
    pub id: PartitionId,
    /// Partitions of different groups (tables) are no neighbours.
    pub group: u32,
    /// Its size.
    pub size: u64,
    /// What is asked of it.
    pub load: u64,
    /// Whether a cut would halve its load: not so where it is all on one key (see [`split_point`](crate::split_point)).
    pub divisible: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Change {
    /// Split this one.
    Split {
        /// Which one.
        id: PartitionId,
        /// Into how many parts: as many as bring each below the limit by half, so that a partition which grows while it is being split
        /// is not split for ever (ScyllaDB 20054).
        parts: u32,
    },
    /// Make these two one.
    Merge {
        /// The left one, which takes over.
        left: PartitionId,
        /// Its right neighbour.
        right: PartitionId,
    },
}

/// What should be split and merged. `partitions` are in the order of their keys, group by group. No partition is in two changes. `O(n log n)`.
///
/// The largest are split first, where [`count_max`](Policy::count_max) leaves no room for all; the smallest pairs are merged first,
/// where [`count_min`](Policy::count_min) does not.
///
/// ```
/// use synod_partition::{Change, Measured, PartitionId, Policy, rebalance};
///
/// let policy = Policy { size_max: 100, size_min: 30, load_max: 1_000, load_min: 300, count_min: 1, count_max: 20 };
/// let measured = |id, size, load| {
///     Measured { id: PartitionId(id), group: 0, size, load, divisible: true }
/// };
/// let changes = rebalance(&policy, &[measured(1, 250, 0), measured(2, 10, 5), measured(3, 15, 9), measured(4, 40, 2_000)]);
/// assert_eq!(changes, [
///     Change::Split { id: PartitionId(1), parts: 5 },             // too large
///     Change::Split { id: PartitionId(4), parts: 4 },             // too hot
///     Change::Merge { left: PartitionId(2), right: PartitionId(3) },
/// ]);
/// ```
#[must_use]
pub fn rebalance(policy: &Policy, partitions: &[Measured]) -> Vec<Change> {
    let mut count = partitions.len();
    let mut splits: Vec<(u64, &Measured, u32)> = Vec::new();
    for partition in partitions {
        // Twice as many parts as would just fit.
        let parts = |amount: u64, max: u64| {
            if amount > max {
                u128::from(amount).saturating_mul(2).div_ceil(u128::from(max.max(1)))
            } else {
                1
            }
        };
        let by_load = if partition.divisible { parts(partition.load, policy.load_max) } else { 1 };
        let parts = parts(partition.size, policy.size_max).max(by_load);
        if parts > 1 {
            let parts = u32::try_from(parts).unwrap_or(u32::MAX);
            splits.push((partition.size, partition, parts));
        }
    }
    splits.sort_by_key(|(size, partition, _)| (core::cmp::Reverse((*size, partition.load)), partition.id));
    let mut changes = Vec::new();
    for (_, partition, parts) in &splits {
        let room = policy.count_max.saturating_sub(count);
        let parts = (*parts as usize).min(room + 1);
        if parts > 1 {
            count += parts - 1;
            changes.push(Change::Split { id: partition.id, parts: parts as u32 });
        }
    }
    // Pairs of neighbours, neither of which is to be split; smallest first, each in one pair at most.
    let split: BTreeSet<PartitionId> = splits.iter().map(|(_, partition, _)| partition.id).collect();
    let is_split = |id: PartitionId| split.contains(&id);
    let mut pairs: Vec<(u64, usize)> = Vec::new();
    for (at, pair) in partitions.windows(2).enumerate() {
        let [left, right] = pair else { continue };
        let size = left.size.saturating_add(right.size);
        let load = left.load.saturating_add(right.load);
        if left.group == right.group && size <= policy.size_min && load <= policy.load_min {
            pairs.push((size, at));
        }
    }
    pairs.sort_unstable();
    let mut taken = alloc::vec![false; partitions.len()];
    for (_, at) in pairs {
        let (Some(left), Some(right)) = (partitions.get(at), partitions.get(at + 1)) else { continue };
        let free = |at: usize| !taken.get(at).copied().unwrap_or(true);
        if count > policy.count_min && free(at) && free(at + 1) && !is_split(left.id) && !is_split(right.id) {
            count -= 1;
            changes.push(Change::Merge { left: left.id, right: right.id });
            for place in taken.iter_mut().skip(at).take(2) {
                *place = true;
            }
        }
    }
    changes
}
