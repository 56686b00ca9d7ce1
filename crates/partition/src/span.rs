//! Which keys a partition has, and who has them as far as is known.

use crate::PartitionId;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::{Bound, RangeInclusive};

/// The keys of a partition: from `start` on and below `end`, in the order in which its scheme cuts. Under ranges these are the keys
/// themselves, under ranges of hashes and slots the hashes of keys, as 8 bytes with the greatest first.
///
/// ```
/// use synod_partition::Span;
/// let names = Span { start: b"g".to_vec(), end: Some(b"m".to_vec()) };
/// assert!(names.contains(b"g") && names.contains(b"lisa") && !names.contains(b"m"));
/// let upper = Span::of_hashes(1 << 63..=u64::MAX);
/// assert!(upper.contains(&u64::MAX.to_be_bytes()) && !upper.contains(&7_u64.to_be_bytes()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Span {
    /// The least key; empty where it begins before every key.
    pub start: Vec<u8>,
    /// The least key that is not in it any more; `None` where it ends after every key.
    pub end: Option<Vec<u8>>,
}

impl Span {
    /// The keys with these hashes.
    #[must_use]
    pub fn of_hashes(hashes: RangeInclusive<u64>) -> Self {
        let end = hashes.end().checked_add(1).map(|end| end.to_be_bytes().to_vec());
        Self { start: hashes.start().to_be_bytes().to_vec(), end }
    }

    /// Whether a key, or the bytes of its hash, is in it.
    #[must_use]
    pub fn contains(&self, point: &[u8]) -> bool {
        *self.start <= *point && self.end.as_ref().is_none_or(|end| *point < **end)
    }

    /// Whether there is no key in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }
}

/// Part of a span, where nothing newer is known of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    end: Option<Vec<u8>>,
    partition: PartitionId,
    epoch: u64,
}

/// Spans laid over each other, of each key the newest on top. Epochs grow along the history of a key, whatever partition it
/// is in, so the order in which spans are laid does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overlay {
    pieces: BTreeMap<Vec<u8>, Piece>,
}

impl Overlay {
    /// The partition on top at a point, and where that ends. `O(log n)`.
    pub(crate) fn at(&self, point: &[u8]) -> Option<(PartitionId, Option<&[u8]>)> {
        let (_, piece) =
            self.pieces.range::<[u8], _>((Bound::Unbounded, Bound::Included(point))).next_back()?;
        let inside = piece.end.as_ref().is_none_or(|end| *point < **end);
        inside.then_some((piece.partition, piece.end.as_deref()))
    }

    /// Where the next piece above a point begins.
    pub(crate) fn next(&self, point: &[u8]) -> Option<&[u8]> {
        let above = self.pieces.range::<[u8], _>((Bound::Excluded(point), Bound::Unbounded)).next();
        above.map(|(start, _)| start.as_slice())
    }

    /// Lays the span that a partition has at this epoch over everything that is older. `O(k log n)` for `k` pieces below it.
    pub(crate) fn lay(&mut self, partition: PartitionId, epoch: u64, span: &Span) {
        let before = self.pieces.range::<[u8], _>((Bound::Unbounded, Bound::Included(&*span.start)));
        let first = before.last().filter(|(_, piece)| piece.end.as_ref().is_none_or(|end| *end > span.start));
        let above = self.pieces.range::<[u8], _>((Bound::Excluded(&*span.start), Bound::Unbounded));
        let above = above
            .take_while(|(start, _)| span.end.as_ref().is_none_or(|end| **start < *end))
            .map(|(at, _)| at);
        let below: Vec<Vec<u8>> = first.map(|(at, _)| at).into_iter().chain(above).cloned().collect();
        // Where the new one goes on; nowhere behind a newer one without an end.
        let mut from = Some(span.start.clone());
        let mut gaps = Vec::new();
        for start in below {
            let Some(piece) = self.pieces.get(&start).cloned() else { continue };
            if piece.partition != partition && piece.epoch >= epoch {
                gaps.extend(from.filter(|from| *from < start).map(|from| (from, Some(start))));
                from = piece.end;
                continue;
            }
            self.pieces.remove(&start);
            if start < span.start {
                self.pieces.insert(start, Piece { end: Some(span.start.clone()), ..piece });
            }
            if let Some(end) = &span.end
                && piece.end.as_ref().is_none_or(|old| old > end)
            {
                self.pieces.insert(end.clone(), piece);
            }
        }
        let open = from.filter(|from| span.end.as_ref().is_none_or(|end| from < end));
        gaps.extend(open.map(|from| (from, span.end.clone())));
        self.pieces.extend(gaps.into_iter().map(|(start, end)| (start, Piece { end, partition, epoch })));
    }
}
