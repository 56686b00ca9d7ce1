//! The replicated log in memory: a ring of segments.

use crate::{EntryId, Index, Segment, Term};
use alloc::collections::VecDeque;

/// The replicated log of one node.
///
/// Segments follow each other without a gap, and their terms never decrease. A segment is shared, never changed; what a
/// later floor needs (release a prefix, fetch it back, share it with a snapshot) works on whole segments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Log {
    segments: VecDeque<Segment>,
    last: EntryId,
    edits: Ghost,
    truncated: Ghost,
    truncated_to: Ghost,
}

/// A number for observers, not a part of the state: values that differ only here are equal and have equal hashes, or a
/// model checker would never meet a state twice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ghost(pub(crate) u64);

impl PartialEq for Ghost {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Ghost {}

impl core::hash::Hash for Ghost {
    fn hash<H: core::hash::Hasher>(&self, _: &mut H) {}
}

impl Log {
    /// The last entry, or [`EntryId::ZERO`]. O(1).
    #[must_use]
    pub fn last(&self) -> EntryId {
        self.last
    }

    /// The index of the first entry that is held, or that would be. O(1).
    #[must_use]
    pub fn first_index(&self) -> Index {
        self.segments.front().map_or(Index(1), Segment::first)
    }

    /// The term of the entry at `index`; that of [`Index::ZERO`] is [`Term::ZERO`]. O(1) near the end, O(log segments)
    /// elsewhere.
    #[must_use]
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.last.index {
            return Some(self.last.term);
        }
        if index == Index::ZERO {
            return Some(Term::ZERO);
        }
        self.segment_at(index).map(Segment::term)
    }

    /// The segments in order.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments.iter()
    }

    /// The segment that holds `index`.
    #[must_use]
    pub fn segment_at(&self, index: Index) -> Option<&Segment> {
        self.segments.get(self.place(index)?)
    }

    /// The entries from `from` to `upto`, both included, as far as they are held: one piece for each segment, sharing its
    /// memory.
    pub fn range(&self, from: Index, upto: Index) -> impl Iterator<Item = Segment> {
        let place = if from > upto { None } else { self.place(from.max(Index(1))) };
        self.segments
            .range(place.unwrap_or(self.segments.len())..)
            .take_while(move |segment| segment.first() <= upto)
            .map(move |segment| segment.range(from, upto))
    }

    /// The last entry at or before `index` whose term is at most `term`: with terms that never decrease, the last that can
    /// be equal to an entry of that term in another log. O(log segments).
    pub(crate) fn last_candidate(&self, index: Index, term: Term) -> EntryId {
        let after =
            self.segments.partition_point(|segment| segment.term() <= term && segment.first() <= index);
        match after.checked_sub(1).and_then(|place| self.segments.get(place)) {
            Some(segment) => EntryId { term: segment.term(), index: segment.last().min(index) },
            None => EntryId::ZERO,
        }
    }

    /// The first index of `entries` that this log does not hold in the same term. One beyond the last if it holds them all.
    pub(crate) fn first_difference(&self, entries: &Segment) -> Index {
        let mut at = entries.first();
        while at <= entries.last() {
            match self.segment_at(at) {
                Some(segment) if segment.term() == entries.term() => at = segment.last().next(),
                _ => return at,
            }
        }
        entries.last().next()
    }

    /// A batch for a follower: entries of one term from `from` on, within the limits, but one at least if there is any.
    ///
    /// Usually that is a segment as it is. Small ones are joined, so that a follower that catches up on a log that was
    /// written entry by entry needs one message for a thousand of them.
    pub(crate) fn batch(&self, from: Index, count_max: usize, bytes_max: usize) -> Segment {
        let Some(place) = self.place(from) else { return Segment::empty(from) };
        let Some(head) = self.segments.get(place) else { return Segment::empty(from) };
        let head = head.head(from, count_max, bytes_max);
        let mut count = head.len();
        let mut bytes = head.arena().len();
        if bytes > bytes_max / 4 {
            return head;
        }
        let following = self.segments.range(place + 1..);
        let joined = following
            .take_while(|next| {
                count += next.len();
                bytes += next.arena().len();
                next.term() == head.term() && count <= count_max && bytes <= bytes_max
            })
            .count();
        if joined == 0 || self.segments.get(place).is_some_and(|whole| whole.last() != head.last()) {
            return head;
        }
        head.joined(self.segments.range(place + 1..).take(joined))
    }

    /// Appends entries at the end. Says whether they fit there: the next index, and no earlier term.
    pub(crate) fn push(&mut self, entries: Segment) -> bool {
        let fits = entries.first() == self.last.index.next() && entries.term() >= self.last.term;
        if fits && !entries.is_empty() {
            self.last = entries.last_id();
            self.segments.push_back(entries);
            self.edits.0 += 1;
        }
        fits
    }

    /// Removes the entries from `from` on.
    pub(crate) fn truncate(&mut self, from: Index) {
        if from > self.last.index {
            return;
        }
        while let Some(segment) = self.segments.pop_back() {
            if segment.first() < from {
                self.segments.push_back(segment.range(segment.first(), from.prev()));
                break;
            }
        }
        self.last = self.segments.back().map_or(EntryId::ZERO, Segment::last_id);
        self.edits.0 += 1;
        self.truncated.0 += 1;
        self.truncated_to.0 = self.last.index.0;
    }

    /// Grows with every change.
    pub(crate) fn edits(&self) -> u64 {
        self.edits.0
    }

    /// How often a suffix was removed, and what was last after the latest removal.
    pub(crate) fn truncations(&self) -> (u64, Index) {
        (self.truncated.0, Index(self.truncated_to.0))
    }

    fn place(&self, index: Index) -> Option<usize> {
        if index > self.last.index || index == Index::ZERO {
            return None;
        }
        let newest = self.segments.len().checked_sub(1)?;
        if self.segments.get(newest).is_some_and(|segment| segment.first() <= index) {
            return Some(newest);
        }
        let place = self.segments.partition_point(|segment| segment.last() < index);
        self.segments.get(place).filter(|segment| segment.first() <= index).map(|_| place)
    }
}
