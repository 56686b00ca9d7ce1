//! The replicated log in memory: a ring of segments. Of the oldest ones, where they would take too much room, only the names are kept.

use crate::{EntryId, Index, Segment, Term};
use alloc::collections::VecDeque;
use synod_core::Lsn;

/// The replicated log of one node, from its base on.
///
/// Segments follow each other without a gap, and their terms never decrease. A segment is shared, never changed; what is
/// [compacted](crate::Command::Compact) goes in whole segments. Beyond [`Config::log_memory_bytes_max`](crate::Config::log_memory_bytes_max)
/// the oldest are *cold*: their payloads are on the disk alone, and the segment here is [hollow](Segment::is_hollow).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Log {
    /// The entry before the first that is held.
    base: EntryId,
    segments: VecDeque<Held>,
    last: EntryId,
    /// Whatever is cold is among the first so many segments.
    cooled: usize,
    /// The bytes of the rest.
    warm_bytes: usize,
    edits: Ghost,
    truncated: Ghost,
    truncated_to: Ghost,
}

/// A segment, and where its record lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Held {
    segment: Segment,
    /// The record that brought it. These grow from the front to the back: a later entry is never in an earlier record.
    at: Ghost,
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
    /// The entry before the first that is held: it and all before it are committed, compacted, and gone. [`EntryId::ZERO`]
    /// as long as nothing is. O(1).
    #[must_use]
    pub fn base(&self) -> EntryId {
        self.base
    }

    /// The last entry; where none is held, the [base](Log::base). O(1).
    #[must_use]
    pub fn last(&self) -> EntryId {
        self.last
    }

    /// The index of the first entry that is held, or that would be. O(1).
    #[must_use]
    pub fn first_index(&self) -> Index {
        self.base.index.next()
    }

    /// The term of the entry at `index`, which is held or the [base](Log::base); that of [`Index::ZERO`] is [`Term::ZERO`] as
    /// long as nothing was compacted. O(1) near the end, O(log segments) elsewhere.
    #[must_use]
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.last.index {
            return Some(self.last.term);
        }
        if index == self.base.index {
            return Some(self.base.term);
        }
        self.segment_at(index).map(Segment::term)
    }

    /// The segments in order.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments.iter().map(|held| &held.segment)
    }

    /// The segment that holds `index`.
    #[must_use]
    pub fn segment_at(&self, index: Index) -> Option<&Segment> {
        self.segments.get(self.place(index)?).map(|held| &held.segment)
    }

    /// The entries from `from` to `upto`, both included, as far as they are held: one piece for each segment, sharing its
    /// memory.
    pub fn range(&self, from: Index, upto: Index) -> impl Iterator<Item = Segment> {
        let place = if from > upto { None } else { self.place(from.max(self.first_index())) };
        self.segments
            .range(place.unwrap_or(self.segments.len())..)
            .map(|held| &held.segment)
            .take_while(move |segment| segment.first() <= upto)
            .map(move |segment| segment.range(from, upto))
    }

    /// The first piece of that [range](Log::range).
    #[inline]
    pub(crate) fn piece(&self, from: Index, upto: Index) -> Option<Segment> {
        self.segment_at(from).map(|segment| segment.range(from, upto))
    }

    /// How many bytes the entries from `from` to `upto` have here.
    pub(crate) fn bytes(&self, from: Index, upto: Index) -> usize {
        let mut bytes = 0;
        let mut at = from;
        while at <= upto {
            let Some(segment) = self.segment_at(at) else { break };
            bytes += segment.bytes(at, upto);
            at = segment.last().next();
        }
        bytes
    }

    /// The last segment.
    #[inline]
    pub(crate) fn newest(&self) -> Option<&Segment> {
        self.segments.back().map(|held| &held.segment)
    }

    /// The segments that hold `from` and what follows.
    pub(crate) fn segments_from(&self, from: Index) -> impl Iterator<Item = &Segment> {
        let place = self.place(from.max(self.first_index()));
        self.segments.range(place.unwrap_or(self.segments.len())..).map(|held| &held.segment)
    }

    /// The last entry at or before `index` whose term is at most `term`: with terms that never decrease, the last that can
    /// be equal to an entry of that term in another log. O(log segments).
    pub(crate) fn last_candidate(&self, index: Index, term: Term) -> EntryId {
        let after = self
            .segments
            .partition_point(|Held { segment, .. }| segment.term() <= term && segment.first() <= index);
        match after.checked_sub(1).and_then(|place| self.segments.get(place)) {
            Some(Held { segment, .. }) => EntryId { term: segment.term(), index: segment.last().min(index) },
            None if self.base.term <= term && self.base.index <= index => self.base,
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
        let Some(Held { segment: whole, .. }) = self.segments.get(place) else { return Segment::empty(from) };
        let head = whole.head(from, count_max, bytes_max);
        let mut count = head.len();
        let mut bytes = head.arena().len();
        if bytes > bytes_max / 4 || head.is_membership() || place + 1 == self.segments.len() {
            return head;
        }
        let following = self.segments.range(place + 1..).map(|held| &held.segment);
        let joined = following
            .clone()
            .take_while(|next| {
                count += next.len();
                bytes += next.arena().len();
                next.term() == head.term()
                    && count <= count_max
                    && bytes <= bytes_max
                    && !next.is_membership()
                    && !next.is_hollow()
            })
            .count();
        if joined == 0 || head.is_hollow() || whole.last() != head.last() {
            return head;
        }
        head.joined(following.take(joined))
    }

    /// Whether these entries fit at the end: the next index, and no earlier term.
    pub(crate) fn takes(&self, entries: &Segment) -> bool {
        entries.first() == self.last.index.next() && (entries.is_empty() || entries.term() >= self.last.term)
    }

    /// Appends entries that the record at `at` holds. Says whether they [fit](Self::takes).
    pub(crate) fn push(&mut self, entries: Segment, at: Lsn) -> bool {
        let fits = self.takes(&entries);
        if fits && !entries.is_empty() {
            self.last = entries.last_id();
            self.warm_bytes += entries.arena().len();
            self.segments.push_back(Held { segment: entries, at: Ghost(at.0) });
            self.edits.0 += 1;
        }
        fits
    }

    /// Takes over the entries of a log that begins where this one ends.
    pub(crate) fn append(&mut self, other: Self) {
        if other.base != self.last {
            return;
        }
        for held in other.segments {
            self.warm_bytes += held.segment.arena().len();
            self.last = held.segment.last_id();
            self.segments.push_back(held);
        }
        self.edits.0 += 1;
    }

    /// Removes the entries from `from` on.
    pub(crate) fn truncate(&mut self, from: Index) {
        if from > self.last.index {
            return;
        }
        while let Some(Held { segment, at }) = self.segments.pop_back() {
            let warm = self.segments.len() >= self.cooled;
            self.warm_bytes -= if warm { segment.arena().len() } else { 0 };
            if segment.first() < from {
                let kept = segment.range(segment.first(), from.prev());
                self.warm_bytes += if warm { kept.arena().len() } else { 0 };
                self.segments.push_back(Held { segment: kept, at });
                break;
            }
        }
        self.cooled = self.cooled.min(self.segments.len());
        self.last = self.segments.back().map_or(self.base, |held| held.segment.last_id());
        self.cut();
    }

    /// Forgets the segments that end at or before `upto`. Says whether there were any. O(segments forgotten), allocates
    /// nothing.
    pub(crate) fn compact(&mut self, upto: Index) -> bool {
        let before = self.base;
        while let Some(Held { segment, .. }) = self.segments.front() {
            if segment.last() > upto {
                break;
            }
            self.base = segment.last_id();
            match self.cooled.checked_sub(1) {
                Some(rest) => self.cooled = rest,
                None => self.warm_bytes -= segment.arena().len(),
            }
            self.segments.pop_front();
        }
        let compacted = self.base != before;
        self.edits.0 += u64::from(compacted);
        compacted
    }

    /// Forgets everything: the log begins after `base`.
    pub(crate) fn reset(&mut self, base: EntryId) {
        self.segments.clear();
        (self.cooled, self.warm_bytes) = (0, 0);
        self.base = base;
        self.last = base;
        self.cut();
    }

    /// How many bytes of payloads are in memory. O(1).
    #[must_use]
    pub fn warm_bytes(&self) -> usize {
        self.warm_bytes
    }

    /// Lets go of the oldest payloads until at most `bytes_max` bytes of them are in memory, but of none after `upto`, and of none
    /// whose record lies after `durable`. Memberships stay, since they are few, and asked for. O(1) where there is nothing to do.
    #[inline]
    pub(crate) fn cool(&mut self, bytes_max: usize, upto: Index, durable: Lsn) {
        while self.warm_bytes > bytes_max {
            let Some(held) = self.segments.get_mut(self.cooled) else { return };
            if held.segment.last() > upto || held.at.0 > durable.0 {
                return;
            }
            self.warm_bytes -= held.segment.arena().len();
            self.cooled += 1;
            let segment = core::mem::replace(&mut held.segment, Segment::empty(Index(1)));
            held.segment = segment.hollow();
        }
    }

    /// Whether any payload is on the disk alone.
    pub(crate) fn has_cold(&self) -> bool {
        self.segments.iter().take(self.cooled).any(|held| held.segment.is_hollow())
    }

    /// Where the records lie of the cold segment that holds `index` and of those that follow it, oldest first.
    pub(crate) fn cold_records(&self, index: Index) -> impl Iterator<Item = Lsn> {
        let place = self.place(index).unwrap_or(self.cooled).min(self.cooled);
        let cold = self.segments.range(place..self.cooled).filter(|held| held.segment.is_hollow());
        cold.map(|held| Lsn(held.at.0))
    }

    /// The cold segment whose record lies at `at`. O(log segments).
    pub(crate) fn cold_at(&self, at: Lsn) -> Option<&Segment> {
        let place = self.segments.partition_point(|held| held.at.0 < at.0);
        let held = self.segments.get(place).filter(|held| held.at.0 == at.0 && place < self.cooled)?;
        Some(&held.segment).filter(|segment| segment.is_hollow())
    }

    /// The record that holds the first entry.
    pub(crate) fn oldest_record(&self) -> Option<Lsn> {
        self.segments.front().map(|held| Lsn(held.at.0))
    }

    /// Hands over each segment together with the term before it, and notes where its new record lies.
    pub(crate) fn rewritten(&mut self, write: impl FnMut(Term, &Segment) -> Lsn) {
        self.rewritten_from(0, write);
    }

    /// The same, where records do not lie in the order of their entries: from the first that lies before its predecessor's.
    pub(crate) fn put_in_order(&mut self, write: impl FnMut(Term, &Segment) -> Lsn) {
        let ats = self.segments.iter().map(|held| held.at.0);
        let first = ats.clone().zip(ats.skip(1)).position(|(one, next)| next < one);
        if let Some(first) = first {
            self.rewritten_from(first + 1, write);
        }
    }

    fn rewritten_from(&mut self, first: usize, mut write: impl FnMut(Term, &Segment) -> Lsn) {
        let mut prev_term = self.base.term;
        for (place, Held { segment, at }) in self.segments.iter_mut().enumerate() {
            if place >= first {
                at.0 = write(prev_term, segment).0;
            }
            prev_term = segment.term();
        }
    }

    fn cut(&mut self) {
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

    /// Where the segment that holds `index` is.
    #[inline]
    fn place(&self, index: Index) -> Option<usize> {
        if index > self.last.index {
            return None;
        }
        // Nearly every question is about the newest entries.
        match self.segments.back() {
            Some(newest) if newest.segment.first() <= index => self.segments.len().checked_sub(1),
            _ => self.place_before(index),
        }
    }

    /// The same, for one before the last segment.
    #[inline(never)]
    fn place_before(&self, index: Index) -> Option<usize> {
        if index <= self.base.index {
            return None;
        }
        // No segment is empty, so none that holds `index` is farther from the end than `index` itself; where each holds one
        // entry it is just there.
        let behind = usize::try_from(self.last.index.since(index)).unwrap_or(usize::MAX);
        let guess = self.segments.len().saturating_sub(1).saturating_sub(behind);
        let holds = |held: &Held| held.segment.first() <= index && index <= held.segment.last();
        if self.segments.get(guess).is_some_and(holds) {
            return Some(guess);
        }
        let place = self.segments.partition_point(|held| held.segment.last() < index);
        self.segments.get(place).filter(|held| held.segment.first() <= index).map(|_| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// A log of runs of (term, number of entries), and the same as a plain list of terms and payloads.
    fn built(runs: &[(u64, usize)]) -> (Log, Vec<(u64, String)>) {
        let (mut log, mut plain) = (Log::default(), Vec::new());
        let mut term = 0;
        for (rise, count) in runs {
            term = (term + rise).max(1);
            let first = log.last().index.next();
            let payloads: Vec<_> =
                (0..*count).map(|at| alloc::format!("{term}.{}", first.0 + at as u64)).collect();
            plain.extend(payloads.iter().map(|payload| (term, payload.clone())));
            assert!(log.push(Segment::pack(first, Term(term), payloads).unwrap(), Lsn(first.0)));
        }
        (log, plain)
    }

    fn runs() -> impl Strategy<Value = Vec<(u64, usize)>> {
        prop::collection::vec((0..3_u64, 1..6_usize), 0..8)
    }

    fn contents(segments: impl Iterator<Item = Segment>) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        for segment in segments {
            all.extend(
                segment
                    .iter()
                    .map(|entry| (entry.term.0, String::from_utf8(entry.payload.to_vec()).unwrap())),
            );
        }
        all
    }

    proptest! {
        #[test]
        fn a_log_is_a_list(runs in runs(), from in 0..40_u64, upto in 0..40_u64, term in 0..9_u64) {
            let (log, plain) = built(&runs);
            prop_assert_eq!(log.last().index.0, plain.len() as u64);
            let at = |index: u64| index.checked_sub(1).and_then(|place| plain.get(place as usize));
            let expected = if from == 0 { Some(0) } else { at(from).map(|entry| entry.0) };
            prop_assert_eq!(log.term_at(Index(from)), expected.map(Term));

            let range = contents(log.range(Index(from), Index(upto)));
            let expected: Vec<_> = (from.max(1)..=upto).filter_map(|index| at(index).cloned()).collect();
            prop_assert_eq!(range, expected);

            let expected = (1..=from).rev().find(|index| at(*index).is_some_and(|entry| entry.0 <= term)).unwrap_or(0);
            prop_assert_eq!(log.last_candidate(Index(from), Term(term)).index, Index(expected));
        }

        #[test]
        fn truncation_keeps_the_front(runs in runs(), from in 1..40_u64) {
            let (mut log, mut plain) = built(&runs);
            log.truncate(Index(from));
            plain.truncate(from as usize - 1);
            prop_assert_eq!(log.last().index.0, plain.len() as u64);
            prop_assert_eq!(log.last().term.0, plain.last().map_or(0, |entry| entry.0));
            prop_assert_eq!(contents(log.segments().cloned()), plain);
        }

        #[test]
        fn compaction_keeps_the_end_in_whole_segments(runs in runs(), upto in 0..40_u64, from in 0..40_u64) {
            let (whole, plain) = built(&runs);
            let mut log = whole.clone();
            let compacted = log.compact(Index(upto));
            let base = log.base();
            prop_assert_eq!(compacted, base.index > Index::ZERO);
            prop_assert!(base.index <= Index(upto));
            prop_assert_eq!(Some(base.term), whole.term_at(base.index));
            prop_assert_eq!((log.last(), log.first_index()), (whole.last(), base.index.next()));
            let kept = plain.get(base.index.0 as usize..).unwrap();
            prop_assert_eq!(contents(log.segments().cloned()), kept.to_vec());
            // The next segment reaches beyond, or it would have gone too.
            prop_assert!(log.segments().next().is_none_or(|next| next.last() > Index(upto)));
            prop_assert_eq!(log.oldest_record(), log.segments().next().map(|next| Lsn(next.first().0)));
            let expected = if Index(from) < base.index { None } else { whole.term_at(Index(from)) };
            prop_assert_eq!(log.term_at(Index(from)), expected);
            let candidate = log.last_candidate(Index(from), Term(3));
            let expected = whole.last_candidate(Index(from), Term(3));
            prop_assert_eq!(candidate, if expected.index < base.index { EntryId::ZERO } else { expected });
        }

        #[test]
        fn a_batch_is_of_one_term_within_the_limits_and_not_empty(
            runs in runs(), from in 1..40_u64, count_max in 1..9_usize, bytes_max in 1..200_usize,
        ) {
            let (log, plain) = built(&runs);
            let batch = log.batch(Index(from), count_max, bytes_max);
            prop_assert_eq!(batch.first(), Index(from));
            prop_assert_eq!(batch.is_empty(), from > plain.len() as u64);
            prop_assert!(batch.len() <= count_max);
            prop_assert!(batch.len() <= 1 || batch.arena().len() <= bytes_max);
            let expected: Vec<_> = plain.iter().skip(from as usize - 1).take(batch.len()).cloned().collect();
            prop_assert_eq!(contents(vec![batch].into_iter()), expected);
        }

        #[test]
        fn the_first_difference_is_found(ours in runs(), theirs in runs(), from in 1..20_u64) {
            let (ours, plain) = built(&ours);
            let (theirs, _) = built(&theirs);
            let entries = theirs.batch(Index(from), 100, 10_000);
            let holds = |index: u64| plain.get(index as usize - 1).is_some_and(|entry| entry.0 == entries.term().0);
            let expected = (entries.first().0..=entries.last().0).find(|index| !holds(*index));
            let found = ours.first_difference(&entries);
            prop_assert_eq!(found, Index(expected.unwrap_or(entries.last().0 + 1)));
        }
    }

    #[test]
    fn only_what_fits_at_the_end_is_pushed() {
        let (mut log, _) = built(&[(2, 3)]);
        let entries = |first, term| Segment::pack(Index(first), Term(term), ["x"]).unwrap();
        let before = log.clone();
        for (first, term) in [(3, 2), (5, 2), (4, 1), (5, 1)] {
            assert!(!log.push(entries(first, term), Lsn(9)), "index {first}, term {term}");
            assert_eq!(log, before);
        }
        assert!(log.push(Segment::empty(Index(4)), Lsn(9)), "nothing fits");
        assert_eq!(log, before, "and is not stored");
        assert!(log.push(entries(4, 2), Lsn(9)));
    }

    /// Observers trust it: what they have seen once they read again only if it has grown.
    #[test]
    fn every_change_counts_as_an_edit_and_nothing_else_does() {
        let (mut log, _) = built(&[(1, 3), (1, 3)]);
        let mut seen = log.edits();
        let mut grew = |log: &Log| core::mem::replace(&mut seen, log.edits()) < log.edits();
        assert!(log.push(Segment::pack(Index(7), Term(2), ["x"]).unwrap(), Lsn(7)) && grew(&log));
        assert!(!log.push(Segment::pack(Index(7), Term(2), ["x"]).unwrap(), Lsn(7)) && !grew(&log));
        assert!(log.compact(Index(3)) && grew(&log));
        assert!(!log.compact(Index(3)) && !grew(&log));
        let mut rest = Log::default();
        rest.reset(log.last());
        rest.push(Segment::pack(Index(8), Term(2), ["y"]).unwrap(), Lsn(8));
        log.append(rest);
        assert!(log.last().index == Index(8) && grew(&log));
        log.truncate(Index(8));
        assert!(grew(&log));
        log.truncate(Index(8));
        assert!(!grew(&log), "there is nothing to remove");
        log.truncate(Index(6));
        assert!(grew(&log));
        log.reset(EntryId { term: Term(5), index: Index(20) });
        assert!(grew(&log));
    }

    /// Three segments of two entries, of fourteen bytes each, in the records 1, 3 and 5.
    fn pairs() -> Log {
        built(&[(1, 2), (0, 2), (0, 2)]).0
    }

    #[test]
    fn the_oldest_payloads_are_let_go_of_until_the_rest_fits() {
        for (bytes_max, upto, durable, count) in [
            (42, 6, 6, 0),
            (41, 6, 6, 1),
            (28, 6, 6, 1),
            (27, 6, 6, 2),
            (0, 6, 6, 3),
            // But none that is needed, or not on the disk.
            (0, 4, 6, 2),
            (0, 3, 6, 1),
            (0, 1, 6, 0),
            (0, 6, 3, 2),
            (0, 6, 2, 1),
            (0, 6, 0, 0),
        ] {
            let mut log = pairs();
            log.cool(bytes_max, Index(upto), Lsn(durable));
            let cold: Vec<bool> = log.segments().map(Segment::is_hollow).collect();
            let expected: Vec<bool> = (0..3).map(|place| place < count).collect();
            assert_eq!(cold, expected, "{bytes_max} bytes, up to {upto}, durable {durable}");
        }
    }

    #[test]
    fn what_is_in_memory_is_counted_whatever_is_cut_or_joined() {
        let held = |log: &Log| log.segments().map(|segment| segment.arena().len()).sum::<usize>();
        for (bytes_max, from) in
            [0, 20, 30, 100].into_iter().flat_map(|max| (1..=7).map(move |from| (max, from)))
        {
            let mut log = pairs();
            log.cool(bytes_max, Index(6), Lsn(6));
            log.truncate(Index(from));
            assert_eq!(log.warm_bytes(), held(&log), "{bytes_max} bytes, cut at {from}");
            let mut rest = Log::default();
            rest.reset(log.last());
            rest.push(Segment::pack(Index(from), Term(1), ["rest"]).unwrap(), Lsn(9));
            log.append(rest);
            assert_eq!(log.warm_bytes(), held(&log), "{bytes_max} bytes, joined at {from}");
        }
    }

    #[test]
    fn what_is_on_the_disk_alone_is_found_by_its_record() {
        let found = |log: &Log| {
            let found = (0..=6).map(|at| log.cold_at(Lsn(at)).map(|segment| segment.first().0));
            found.collect::<Vec<_>>()
        };
        let mut log = pairs();
        assert_eq!(found(&log), [None; 7], "all is in memory");
        log.cool(20, Index(6), Lsn(6));
        assert_eq!(found(&log), [None, Some(1), None, Some(3), None, None, None]);
        // What a witness does not hold is nowhere.
        let mut log = Log::default();
        log.push(Segment::pack(Index(1), Term(1), ["x"]).unwrap().hollow(), Lsn(1));
        assert_eq!(found(&log), [None; 7]);
    }

    #[test]
    fn records_that_do_not_lie_in_the_order_of_their_entries_are_written_anew() {
        for (records, expected) in [
            ([1, 5, 3, 7], vec![1, 5, 10, 11]),
            ([5, 1, 3, 7], vec![5, 10, 11, 12]),
            ([1, 3, 7, 5], vec![1, 3, 7, 10]),
            ([1, 3, 3, 7], vec![1, 3, 3, 7]),
        ] {
            let mut log = Log::default();
            for (index, at) in (1..).zip(records) {
                assert!(log.push(Segment::pack(Index(index), Term(index), ["x"]).unwrap(), Lsn(at)));
            }
            let mut next = 10;
            log.put_in_order(|prev_term, segment| {
                assert_eq!(prev_term, Term(segment.term().0 - 1));
                next += 1;
                Lsn(next - 1)
            });
            let records: Vec<u64> = log.segments.iter().map(|held| held.at.0).collect();
            assert_eq!(records, expected);
        }
    }

    #[test]
    fn small_segments_are_joined_for_a_follower_that_is_behind() {
        let runs: Vec<_> = (0..100).map(|at| (u64::from(at == 0), 1)).collect();
        let (log, _) = built(&runs);
        assert_eq!(log.batch(Index(1), 1000, 100_000).len(), 100);
        // The newest is sent as it is: a follower that keeps up shares the leader's memory.
        let newest = log.batch(Index(100), 1000, 100_000);
        assert_eq!(newest.arena().as_ptr(), log.segments().last().unwrap().arena().as_ptr());
    }

    #[test]
    fn a_batch_that_begins_inside_a_segment_is_as_full_as_the_limits_allow() {
        let (log, _) = built(&[(1, 6)]);
        // Each entry is three bytes and a header of four.
        for (count_max, bytes_max, len) in [(9, 35, 5), (9, 21, 3), (9, 20, 2), (2, 35, 2), (9, 1, 1)] {
            assert_eq!(log.batch(Index(2), count_max, bytes_max).len(), len, "{count_max} {bytes_max}");
        }
    }

    #[test]
    fn a_small_leftover_does_not_keep_its_arena_alive() {
        let payloads: Vec<_> = (0..100).map(|_| [7_u8; 100]).collect();
        let segment = Segment::pack(Index(1), Term(1), payloads).unwrap();
        let within = |part: &Segment| segment.arena().as_ptr_range().contains(&part.arena().as_ptr());
        assert!(!within(&segment.range(Index(1), Index(3))), "312 of 10,400 bytes are copied");
        assert!(within(&segment.range(Index(2), Index(90))), "most of it is shared");
        assert!(within(&segment.range(Index(2), Index(46))), "4,680 bytes are too many to copy");
        let small = segment.range(Index(1), Index(10));
        let most = small.range(Index(2), Index(9));
        assert!(
            small.arena().as_ptr_range().contains(&most.arena().as_ptr()),
            "most of little is shared, too"
        );
    }
}
