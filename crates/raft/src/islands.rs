//! What is left of a damaged log: stretches of entries, with holes between them.
//!
//! A record that cannot be read leaves a hole that is known exactly: the next intact record names the entry before its first, and by Log
//! Matching (section 5.3) that name stands for everything up to there. Whoever holds an entry of that name can fill the hole.

use crate::{EntryId, Index, Log, Segment};
use alloc::vec::Vec;
use synod_core::Lsn;

/// The stretches behind the first hole, in order. Each is a log that begins after its hole: its [base](Log::base) is the last entry
/// that is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Islands {
    stretches: Vec<Log>,
}

impl Islands {
    pub(crate) fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }

    /// The first stretch belongs to a history that was given up.
    pub(crate) fn give_up_first(&mut self) {
        if !self.stretches.is_empty() {
            self.stretches.remove(0);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.stretches.clear();
    }

    /// The last entry that is missing in the first hole.
    pub(crate) fn first_missing(&self) -> Option<EntryId> {
        self.stretches.first().map(Log::base)
    }

    /// The last entry, if there is any behind a hole.
    pub(crate) fn last(&self) -> Option<EntryId> {
        self.stretches.last().map(Log::last)
    }

    /// The stretch that holds the entry of this name, or that begins after it.
    pub(crate) fn holding(&self, entry: EntryId) -> Option<&Log> {
        self.stretches.iter().find(|stretch| stretch.term_at(entry.index) == Some(entry.term))
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
                } else {
                    stretch.relocate(entries, at);
                }
                self.supersede(if on_log { 0 } else { place.map_or(0, |place| place + 1) }, entries);
            }
            None => {
                // The entry before is in a hole, or what stood in its place was overwritten by what is in one.
                log.truncate(prev.index);
                self.cut(prev.index);
                let mut stretch = Log::default();
                stretch.reset(prev);
                stretch.push(entries.clone(), at);
                self.stretches.push(stretch);
            }
        }
        self.join(log);
    }

    /// Removes what a new leader's entries have taken the place of. Those that fill a hole leave what comes behind it: they are of no
    /// later term than the entry at its end.
    fn supersede(&mut self, from: usize, entries: &Segment) {
        let fills = |stretch: &Log| {
            let end = stretch.base();
            entries.term() <= end.term
                && entries.last() <= end.index
                && (entries.last() < end.index || entries.term() == end.term)
        };
        if self.stretches.get(from).is_some_and(|stretch| !fills(stretch)) {
            self.stretches.truncate(from);
        }
    }

    /// Removes the entries at and after `index`.
    fn cut(&mut self, index: Index) {
        self.stretches.retain(|stretch| stretch.base().index < index);
        if let Some(last) = self.stretches.last_mut() {
            last.truncate(index);
        }
        self.stretches.retain(|stretch| stretch.last() > stretch.base());
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
        if adrift.last() > adrift.base() {
            self.stretches.insert(0, adrift);
        }
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
