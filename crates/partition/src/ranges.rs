//! Range partitioning: keys in order, cut at boundaries.

use crate::PartitionId;
use alloc::collections::BTreeMap;
use core::borrow::Borrow;
use core::ops::{Bound, RangeBounds};

/// An ordered key space cut into ranges, each of which is a partition.
///
/// The first range begins before every key and the last one ends after every key, so that each key is in exactly one: there is no hole, and no
/// wrap-around. A boundary belongs to the range that it begins.
///
/// ```
/// use synod_partition::{PartitionId, Ranges};
///
/// // Users by name: A–F, G–L, M–Z.
/// let mut users = Ranges::new(PartitionId(1));
/// users.split(PartitionId(1), "G", PartitionId(2))?;
/// users.split(PartitionId(2), "M", PartitionId(3))?;
/// assert_eq!(users.of("Frida"), PartitionId(1));
/// assert_eq!(users.of("G"), PartitionId(2));
///
/// // All users from A to C, or from F to H: which partitions must be asked, in order?
/// let scan: Vec<_> = users.scan("A".."D").map(|range| range.id).collect();
/// assert_eq!(scan, [PartitionId(1)]);
/// let scan: Vec<_> = users.scan("F"..="H").map(|range| range.id).collect();
/// assert_eq!(scan, [PartitionId(1), PartitionId(2)]);
///
/// users.merge(PartitionId(2), PartitionId(3))?;
/// assert_eq!(users.of("Zoe"), PartitionId(2));
/// # Ok::<(), synod_partition::RangeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ranges<K> {
    first: PartitionId,
    /// Where each other range begins.
    starts: BTreeMap<K, PartitionId>,
    /// Where the range of each partition begins; `None` for the first.
    begins: BTreeMap<PartitionId, Option<K>>,
}

/// A range and its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range<'a, K> {
    /// The partition.
    pub id: PartitionId,
    /// Its least key; `None` where it begins before every key.
    pub start: Option<&'a K>,
    /// The least key that is not in it any more; `None` where it ends after every key.
    pub end: Option<&'a K>,
}

/// A change that ranges cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// There is no such partition.
    #[error("there is no range of {partition}: look it up again")]
    Unknown {
        /// Which one.
        partition: PartitionId,
    },
    /// The new partition's id is taken.
    #[error("{partition} has a range already: give the new one an id of its own, never used before")]
    Taken {
        /// Which one.
        partition: PartitionId,
    },
    /// The key does not cut the range in two.
    #[error(
        "the key is not inside the range of {partition}: it must be above its first key and below its end"
    )]
    Outside {
        /// Which one.
        partition: PartitionId,
    },
    /// The ranges do not touch.
    #[error("the range of {right} does not follow that of {left}: only neighbours can be merged")]
    Apart {
        /// The one that should be the left one.
        left: PartitionId,
        /// The one that should follow.
        right: PartitionId,
    },
}

impl<K: Ord + Clone> Ranges<K> {
    /// One range of all keys.
    #[must_use]
    pub fn new(id: PartitionId) -> Self {
        Self { first: id, starts: BTreeMap::new(), begins: BTreeMap::from([(id, None)]) }
    }

    /// Ranges cut at these keys; the first one is of everything below the first key.
    ///
    /// # Errors
    /// If a partition comes twice, or a key does.
    pub fn cut(
        first: PartitionId,
        others: impl IntoIterator<Item = (K, PartitionId)>,
    ) -> Result<Self, RangeError> {
        let mut ranges = Self::new(first);
        for (start, id) in others {
            let inside = ranges.of(&start);
            ranges.split(inside, start, id)?;
        }
        Ok(ranges)
    }

    /// How many ranges there are; one at least.
    #[must_use]
    pub fn count(&self) -> usize {
        self.starts.len() + 1
    }

    /// The partition of a key. `O(log n)`.
    #[must_use]
    pub fn of<Q: Ord + ?Sized>(&self, key: &Q) -> PartitionId
    where
        K: Borrow<Q>,
    {
        let below = self.starts.range((Bound::Unbounded, Bound::Included(key)));
        below.last().map_or(self.first, |(_, id)| *id)
    }

    /// The range of a partition. `O(log n)`.
    #[must_use]
    pub fn range(&self, id: PartitionId) -> Option<Range<'_, K>> {
        let start = self.begins.get(&id)?.as_ref();
        let after = start.map_or(Bound::Unbounded, Bound::Excluded);
        let end = self.starts.range((after, Bound::Unbounded)).next().map(|(end, _)| end);
        Some(Range { id, start, end })
    }

    /// All ranges, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = Range<'_, K>> {
        let ids = core::iter::once(self.first).chain(self.starts.values().copied());
        ids.filter_map(|id| self.range(id))
    }

    /// The ranges that a scan over these keys must ask, in the order of their keys; for no keys at all, that of the first bound.
    /// `O(log n)` for each.
    pub fn scan<Q: Ord + ?Sized, R: RangeBounds<Q>>(&self, keys: R) -> impl Iterator<Item = Range<'_, K>>
    where
        K: Borrow<Q>,
    {
        let first = match keys.start_bound() {
            Bound::Unbounded => self.first,
            Bound::Included(start) | Bound::Excluded(start) => self.of(start),
        };
        let mut next = self.range(first);
        core::iter::from_fn(move || {
            let range = next.take()?;
            next = range.end.and_then(|end| {
                let wanted = match keys.end_bound() {
                    Bound::Unbounded => true,
                    Bound::Included(last) => end.borrow() <= last,
                    Bound::Excluded(last) => end.borrow() < last,
                };
                if wanted { self.starts.get(end.borrow()).and_then(|id| self.range(*id)) } else { None }
            });
            Some(range)
        })
    }

    /// Cuts a range in two: what is below `at` stays, the rest is the new partition's. `O(log n)`.
    ///
    /// # Errors
    /// If the partition is unknown, the new id is taken, or the key would leave one of the two empty.
    pub fn split(&mut self, id: PartitionId, at: K, new: PartitionId) -> Result<(), RangeError> {
        let range = self.range(id).ok_or(RangeError::Unknown { partition: id })?;
        if self.begins.contains_key(&new) {
            return Err(RangeError::Taken { partition: new });
        }
        if range.start.is_some_and(|start| at <= *start) || range.end.is_some_and(|end| at >= *end) {
            return Err(RangeError::Outside { partition: id });
        }
        self.begins.insert(new, Some(at.clone()));
        self.starts.insert(at, new);
        Ok(())
    }

    /// Makes two neighbours one: the left one takes over, the right one's id is gone. `O(log n)`.
    ///
    /// # Errors
    /// If one is unknown, or the second does not follow the first.
    pub fn merge(&mut self, left: PartitionId, right: PartitionId) -> Result<(), RangeError> {
        let end = self.range(left).ok_or(RangeError::Unknown { partition: left })?.end;
        let begin = self.begins.get(&right).ok_or(RangeError::Unknown { partition: right })?;
        match (end, begin) {
            (Some(end), Some(begin)) if end == begin => {}
            _ => return Err(RangeError::Apart { left, right }),
        }
        if let Some(Some(begin)) = self.begins.remove(&right) {
            self.starts.remove(&begin);
        }
        Ok(())
    }
}
