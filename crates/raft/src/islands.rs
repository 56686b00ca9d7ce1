//! What is left of a damaged log: stretches of entries, with holes between them.
//!
//! A record that cannot be read leaves a hole that is known exactly: the next intact record names the entry before its first, and by Log
//! Matching (section 5.3) that name stands for everything up to there. Whoever holds an entry of that name can fill the hole.

use crate::{EntryId, Index, Log, Segment};
use alloc::vec::Vec;
use synod_core::Lsn;

/// The stretches behind the first hole, in order. Each is a log that begins after its hole: its [base](Log::base) is the last entry
/// that is missing. One without entries says only that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Islands {
    stretches: Vec<Log>,
}

impl Islands {
    pub(crate) fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }

    /// How many stretches there are.
    pub(crate) fn len(&self) -> usize {
        self.stretches.len()
    }

    /// The stretch at `place` belongs to a history that was given up.
    pub(crate) fn give_up(&mut self, place: usize) {
        if place < self.stretches.len() {
            self.stretches.remove(place);
        }
    }

    /// The last entries that are missing, hole by hole.
    pub(crate) fn ends(&self) -> impl Iterator<Item = EntryId> {
        self.stretches.iter().map(Log::base)
    }

    pub(crate) fn clear(&mut self) {
        self.stretches.clear();
    }

    /// The last entry that is missing in the first hole.
    pub(crate) fn first_missing(&self) -> Option<EntryId> {
        self.stretches.first().map(Log::base)
    }

    /// Where the first hole ends, if these entries fill it and go on.
    pub(crate) fn hole_ends_in(&self, entries: &Segment) -> Option<Index> {
        let end = self.first_missing()?;
        let inside = entries.first() <= end.index && end.index < entries.last();
        (inside && entries.term() == end.term).then_some(end.index)
    }

    /// The last entry, if there is any behind a hole.
    pub(crate) fn last(&self) -> Option<EntryId> {
        self.stretches.last().map(Log::last)
    }

    /// The stretch that holds the entry of this name.
    pub(crate) fn holding(&self, entry: EntryId) -> Option<&Log> {
        let holds =
            |stretch: &&Log| stretch.base() != entry && stretch.term_at(entry.index) == Some(entry.term);
        self.stretches.iter().find(holds)
    }

    /// A stretch that goes on after what a log that ends with `last` has in common with it.
    pub(crate) fn following(&self, last: EntryId) -> Option<&Log> {
        let follows = |stretch: &&Log| {
            stretch.last() > last && stretch.last_candidate(last.index, last.term) > EntryId::ZERO
        };
        self.stretches.iter().rev().find(follows)
    }

    /// Leaves out stretches without entries, and says where the log ended if the last is one of them.
    pub(crate) fn leave_out_empty(&mut self) -> EntryId {
        let last = self.stretches.last().filter(|last| last.last() == last.base()).map(Log::base);
        self.stretches.retain(|stretch| stretch.last() > stretch.base());
        last.unwrap_or_default()
    }

    /// A record says that these entries were appended after `prev`; with that, the log ended. `log` is the stretch before the first
    /// hole.
    pub(crate) fn append(&mut self, log: &mut Log, prev: EntryId, entries: &Segment, at: Lsn) {
        let on_log = log.term_at(prev.index) == Some(prev.term);
        let place = self.stretches.iter().position(|stretch| stretch.term_at(prev.index) == Some(prev.term));
        let stretch = match place {
            _ if on_log => Some(&mut *log),
            Some(place) => self.stretches.get_mut(place),
            None => None,
        };
        match stretch {
            Some(stretch) => {
                let from = stretch.first_difference(entries);
                if from <= entries.last() {
                    stretch.truncate(from);
                    stretch.push(entries.range(from, entries.last()), at);
                }
                self.supersede(if on_log { 0 } else { place.map_or(0, |place| place + 1) }, entries);
            }
            None => {
                // The entry before is in a hole, or what stood in its place was overwritten by what is in one.
                log.truncate(prev.index);
                let after = self.stretches.partition_point(|stretch| stretch.base().index < prev.index);
                if let Some(before) = after.checked_sub(1).and_then(|place| self.stretches.get_mut(place)) {
                    before.truncate(prev.index);
                }
                self.supersede(after, entries);
                let mut stretch = Log::default();
                stretch.reset(prev);
                stretch.push(entries.clone(), at);
                self.stretches.insert(after, stretch);
            }
        }
        self.join(log);
    }

    /// The log ended with `last` when a record said so. What lies behind that was given up; what lies before may be missing.
    pub(crate) fn end_with(&mut self, log: &mut Log, last: EntryId) {
        let ends = |stretch: &Log| stretch.term_at(last.index) == Some(last.term);
        if ends(log) {
            log.truncate(last.index.next());
            self.stretches.clear();
        } else if let Some(place) = self.stretches.iter().position(ends) {
            self.stretches.truncate(place + 1);
            if let Some(stretch) = self.stretches.last_mut() {
                stretch.truncate(last.index.next());
            }
        } else {
            log.truncate(last.index);
            self.cut(last.index);
            let mut stretch = Log::default();
            stretch.reset(last);
            self.stretches.push(stretch);
        }
    }

    /// Removes what a new leader's entries have taken the place of, from the stretch at `from` on. Those that fill a hole leave what
    /// comes behind it: they are of no later term than the entry at its end.
    ///
    /// Where a leader brings entries of earlier terms, a stretch may stay too long. That is no harm: it makes the node ask more of a
    /// candidate, not less, and goes with the first entry of a later term, without which the leader commits nothing.
    fn supersede(&mut self, from: usize, entries: &Segment) {
        let fills = |stretch: &Log| {
            let end = stretch.base();
            entries.term() <= end.term
                && entries.last() <= end.index
                && (entries.last() < end.index || entries.term() == end.term)
        };
        let mut place = 0;
        self.stretches.retain(|stretch| {
            place += 1;
            place <= from || fills(stretch)
        });
    }

    /// Removes the entries at and after `index`.
    fn cut(&mut self, index: Index) {
        self.stretches.retain(|stretch| stretch.base().index < index);
        if let Some(last) = self.stretches.last_mut() {
            last.truncate(index);
        }
    }

    /// The application's state covers everything up to `last`.
    pub(crate) fn compact(&mut self, log: &mut Log, last: EntryId) {
        if log.term_at(last.index) == Some(last.term) {
            log.compact(last.index);
            return;
        }
        match self.stretches.iter().position(|stretch| stretch.term_at(last.index) == Some(last.term)) {
            Some(place) => {
                *log = self.stretches.swap_remove(place);
                self.stretches.retain(|stretch| stretch.base().index > last.index);
                self.stretches.sort_unstable_by_key(Log::base);
                log.compact(last.index);
            }
            None => {
                self.stretches.retain(|stretch| stretch.base().index > last.index);
                log.reset(last);
            }
        }
    }

    /// The log begins after `base` after all, and what it held before is behind a hole.
    pub(crate) fn set_adrift(&mut self, log: &mut Log, base: EntryId) {
        let mut adrift = Log::default();
        adrift.reset(base);
        core::mem::swap(log, &mut adrift);
        self.stretches.insert(0, adrift);
    }

    /// Holes that are filled are none. Whatever the log holds beyond a hole was written later than what comes behind it.
    pub(crate) fn join(&mut self, log: &mut Log) {
        while let Some(next) = self.take_joined(log) {
            log.append(next);
        }
        let mut place = 0;
        while let Some([one, next]) = self.stretches.get(place..place + 2) {
            if one.last() == next.base() {
                let next = self.stretches.remove(place + 1);
                if let Some(one) = self.stretches.get_mut(place) {
                    one.append(next);
                }
            } else {
                place += 1;
            }
        }
    }

    /// The stretch that follows on the log, if its hole is filled.
    pub(crate) fn take_joined(&mut self, log: &Log) -> Option<Log> {
        let reached = |stretch: &Log| log.term_at(stretch.base().index) == Some(stretch.base().term);
        while self
            .stretches
            .first()
            .is_some_and(|next| reached(next) || next.base().index <= log.last().index)
        {
            let next = self.stretches.remove(0);
            if next.base() == log.last() {
                return Some(next);
            }
        }
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::Term;
    use alloc::vec;

    fn id(term: u64, index: u64) -> EntryId {
        EntryId { term: Term(term), index: Index(index) }
    }

    fn entries(term: u64, first: u64, last: u64) -> Segment {
        Segment::pack(Index(first), Term(term), (first..=last).map(|index| [index as u8])).unwrap()
    }

    /// Where a stretch begins, and the terms of its entries.
    type Shape = (EntryId, Vec<u64>);

    fn shape(log: &Log) -> Shape {
        let terms = (log.base().index.0 + 1..=log.last().index.0).map(|at| log.term_at(Index(at)).unwrap().0);
        (log.base(), terms.collect())
    }

    /// A log of which some records were read, in their order.
    #[derive(Clone, Default)]
    struct Read {
        log: Log,
        islands: Islands,
    }

    impl Read {
        /// A record of entries `first..=last` of a term, after one of another.
        fn then(mut self, prev_term: u64, term: u64, (first, last): (u64, u64)) -> Self {
            let (prev, entries) = (id(prev_term, first - 1), entries(term, first, last));
            self.islands.append(&mut self.log, prev, &entries, Lsn(first));
            self
        }

        fn ended(mut self, last: EntryId) -> Self {
            self.islands.end_with(&mut self.log, last);
            self
        }

        fn compacted(mut self, last: EntryId) -> Self {
            self.islands.compact(&mut self.log, last);
            self
        }

        fn log(&self) -> Vec<u64> {
            shape(&self.log).1
        }

        fn behind(&self) -> Vec<Shape> {
            self.islands.stretches.iter().map(shape).collect()
        }
    }

    /// Entries 1 to 3, 6 to 9 and 13, all of term 1.
    fn three() -> Read {
        Read::default().then(0, 1, (1, 3)).then(1, 1, (6, 9)).then(1, 1, (13, 13))
    }

    #[test]
    fn entries_behind_a_hole_are_kept_apart_until_it_is_filled() {
        let read = three();
        assert_eq!((read.log(), read.islands.len(), read.islands.is_empty()), (vec![1; 3], 2, false));
        assert_eq!(read.behind(), [(id(1, 5), vec![1; 4]), (id(1, 12), vec![1])]);
        assert_eq!(read.islands.ends().collect::<Vec<_>>(), [id(1, 5), id(1, 12)]);
        assert_eq!((read.islands.first_missing(), read.islands.last()), (Some(id(1, 5)), Some(id(1, 13))));
        let read = read.then(1, 1, (10, 12));
        assert_eq!((read.log(), read.behind()), (vec![1; 3], vec![(id(1, 5), vec![1; 8])]));
        let read = read.then(1, 1, (4, 5));
        assert_eq!((read.log(), read.islands.len(), read.islands.is_empty()), (vec![1; 13], 0, true));
        assert_eq!((read.islands.first_missing(), read.islands.last()), (None, None));
    }

    #[test]
    fn the_stretch_is_found_that_holds_an_entry_or_goes_on_after_one() {
        let read = three();
        let holding = |entry| read.islands.holding(entry).map(Log::base);
        assert_eq!([holding(id(1, 6)), holding(id(1, 9))], [Some(id(1, 5)); 2]);
        assert_eq!(holding(id(1, 13)), Some(id(1, 12)));
        // That it is missing is all that is known of the first, the second is of another term, and the third in no stretch.
        assert_eq!([holding(id(1, 5)), holding(id(2, 6)), holding(id(1, 10))], [None; 3]);
        let following = |entry| read.islands.following(entry).map(Log::base);
        assert_eq!([following(id(1, 5)), following(id(1, 6))], [Some(id(1, 5)); 2]);
        assert_eq!(following(id(1, 12)), Some(id(1, 12)));
        assert_eq!([following(id(1, 13)), following(id(1, 4)), following(id(2, 13))], [None; 3]);
    }

    #[test]
    fn what_fills_the_first_hole_and_goes_on_ends_it() {
        let ends = |term, first, last| three().islands.hole_ends_in(&entries(term, first, last));
        assert_eq!([ends(1, 4, 6), ends(1, 5, 6), ends(1, 4, 9)], [Some(Index(5)); 3]);
        assert_eq!([ends(1, 4, 5), ends(1, 6, 8), ends(2, 4, 6)], [None; 3]);
        assert_eq!(Islands::default().hole_ends_in(&entries(1, 4, 6)), None);
    }

    #[test]
    fn what_a_later_leader_wrote_takes_the_place_of_what_was_behind_it() {
        // Of a later term: nothing of before is left behind it. A part of the hole, or all of it: what is behind stays.
        let second = (id(1, 12), vec![1]);
        for (term, upto, log, left) in [
            (2, 4, vec![1, 1, 1, 2], vec![]),
            (1, 4, vec![1; 4], vec![(id(1, 5), vec![1; 4]), second.clone()]),
            (1, 5, vec![1; 9], vec![second.clone()]),
            (1, 6, vec![1; 6], vec![second.clone()]),
        ] {
            let read = three().then(1, term, (4, upto));
            assert_eq!((read.log(), read.behind()), (log, left), "term {term} up to {upto}");
        }
        // An entry of an earlier term where the hole ends is another one.
        let two = || Read::default().then(0, 1, (1, 3)).then(2, 2, (6, 7));
        assert_eq!(two().then(1, 1, (4, 4)).behind(), [(id(2, 5), vec![2; 2])]);
        assert_eq!(two().then(1, 1, (4, 5)).behind(), []);
        let behind =
            Read::default().then(0, 1, (1, 1)).then(1, 1, (3, 3)).then(2, 2, (6, 6)).then(1, 1, (4, 5));
        assert_eq!(behind.behind(), [(id(1, 2), vec![1; 3])]);
        // Behind a hole it is the same: the stretches before stay.
        let read = three().then(1, 2, (8, 8));
        assert_eq!((read.log(), read.behind()), (vec![1; 3], vec![(id(1, 5), vec![1, 1, 2])]));
    }

    #[test]
    fn what_follows_on_an_entry_that_is_nowhere_begins_a_stretch() {
        let read = Read::default().then(0, 1, (1, 8)).then(2, 3, (6, 6));
        assert_eq!((read.log(), read.behind()), (vec![1; 4], vec![(id(2, 5), vec![3])]));
        let read = three().then(2, 2, (8, 8));
        assert_eq!(read.behind(), [(id(1, 5), vec![1]), (id(2, 7), vec![2])]);
        let read = three().then(2, 2, (6, 6));
        assert_eq!((read.log(), read.behind()), (vec![1; 3], vec![(id(2, 5), vec![2])]));
    }

    #[test]
    fn where_the_log_ended_nothing_is_behind() {
        let whole = Read::default().then(0, 1, (1, 8)).ended(id(1, 5));
        assert_eq!((whole.log(), whole.behind()), (vec![1; 5], vec![]));
        assert_eq!((three().ended(id(1, 2)).log(), three().ended(id(1, 2)).behind()), (vec![1; 2], vec![]));
        assert_eq!(three().ended(id(1, 7)).behind(), [(id(1, 5), vec![1; 2])]);
        // An entry that is nowhere: a hole, and nothing after it.
        let lost = Read::default().then(0, 1, (1, 8)).ended(id(2, 7));
        assert_eq!((lost.log(), lost.behind()), (vec![1; 6], vec![(id(2, 7), vec![])]));
        assert_eq!(three().ended(id(2, 8)).behind(), [(id(1, 5), vec![1; 2]), (id(2, 8), vec![])]);
        assert_eq!(three().ended(id(2, 5)).behind(), [(id(2, 5), vec![])]);
        assert_eq!(three().ended(id(1, 20)).behind().len(), 3);
    }

    #[test]
    fn a_stretch_without_entries_says_where_the_log_ended_if_it_is_the_last() {
        let mut ended = three().ended(id(2, 20)).islands;
        assert_eq!((ended.leave_out_empty(), ended.len()), (id(2, 20), 2));
        assert_eq!((ended.leave_out_empty(), ended.len()), (EntryId::ZERO, 2));
        let mut middle = three().islands;
        let mut empty = Log::default();
        empty.reset(id(1, 11));
        middle.stretches.insert(1, empty);
        assert_eq!((middle.leave_out_empty(), middle.len()), (EntryId::ZERO, 2));
    }

    #[test]
    fn a_snapshot_takes_the_place_of_what_it_covers_and_of_the_holes_in_it() {
        let on_log = three().compacted(id(1, 3));
        assert_eq!((shape(&on_log.log), on_log.islands.len()), ((id(1, 3), vec![]), 2));
        let behind = three().compacted(id(1, 9));
        assert_eq!((shape(&behind.log), behind.behind()), ((id(1, 9), vec![]), vec![(id(1, 12), vec![1])]));
        let last = three().compacted(id(1, 13));
        assert_eq!((shape(&last.log), last.behind()), ((id(1, 13), vec![]), vec![]));
        // What differs from it, or does not reach so far, is of no use.
        for (index, left) in [(4, 2), (5, 1), (8, 1), (11, 1), (12, 0), (14, 0)] {
            let other = three().compacted(id(2, index));
            assert_eq!((shape(&other.log), other.islands.len()), ((id(2, index), vec![]), left), "{index}");
        }
    }

    #[test]
    fn what_a_log_has_gone_beyond_does_not_follow_on_it() {
        let mut read = Read::default().then(0, 1, (1, 3)).then(2, 2, (6, 7));
        read.log.append({
            let mut more = Log::default();
            more.reset(id(1, 3));
            assert!(more.push(entries(1, 4, 7), Lsn(4)));
            more
        });
        read.islands.join(&mut read.log);
        assert_eq!((read.log(), read.behind()), (vec![1; 7], vec![]));
        // Nor where the log holds the entry before, and more.
        let mut read = three();
        read.log.append({
            let mut more = Log::default();
            more.reset(id(1, 3));
            assert!(more.push(entries(1, 4, 6), Lsn(4)));
            more
        });
        read.islands.join(&mut read.log);
        assert_eq!((read.log(), read.behind()), (vec![1; 6], vec![(id(1, 12), vec![1])]));
    }

    #[test]
    fn stretches_are_given_up_one_by_one_or_all_together() {
        let mut islands = three().islands;
        islands.give_up(2);
        assert_eq!(islands.len(), 2);
        islands.give_up(0);
        assert_eq!(islands.first_missing(), Some(id(1, 12)));
        islands.clear();
        assert!(islands.is_empty());
        let mut read = three();
        read.islands.set_adrift(&mut read.log, EntryId::ZERO);
        assert_eq!((read.log(), read.islands.len()), (vec![], 3));
    }
}
