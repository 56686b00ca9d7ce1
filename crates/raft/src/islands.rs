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
