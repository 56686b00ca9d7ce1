//! A log as the specification sees it: a sequence of (term, kind), without what the entries say.

use crate::{EntryId, Index, Membership, Term};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A sequence of entries after a base. Terms never decrease (section 5.3), so runs of one term are kept in place of entries; of the
/// kinds, memberships are told from all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    /// The entry before the first.
    base: EntryId,
    /// The first index of each run above the base, and its term.
    runs: Vec<(Index, Term)>,
    last: EntryId,
    /// The membership in effect below the first entry, and where it was entered.
    founding: (Index, Arc<Membership>),
    /// Those that entries have put into effect since.
    memberships: Vec<(Index, Arc<Membership>)>,
}

/// Entries of one term, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Entries {
    /// The term of the entry before the first.
    pub prev_term: Term,
    /// The first.
    pub first: Index,
    /// The last; before the first where there are none.
    pub last: Index,
    /// The term of all of them.
    pub term: Term,
    /// The membership that the only one of them holds, if it holds one.
    pub membership: Option<Arc<Membership>>,
}

impl Entries {
    /// The name of the entry before the first.
    #[inline]
    pub(super) const fn prev(&self) -> EntryId {
        EntryId { term: self.prev_term, index: self.first.prev() }
    }
}

impl History {
    /// Nothing, in a cluster of these.
    pub(super) fn of(founding: Arc<Membership>) -> Self {
        Self { founding: (Index::ZERO, founding), ..Self::default() }
    }

    #[inline]
    pub(super) const fn base(&self) -> EntryId {
        self.base
    }

    #[inline]
    pub(super) const fn last(&self) -> EntryId {
        self.last
    }

    /// The term of the entry at `index`, or of the base.
    #[inline]
    pub(super) fn term_at(&self, index: Index) -> Option<Term> {
        if index > self.last.index || index < self.base.index {
            return None;
        }
        match self.runs.last() {
            Some((first, term)) if *first <= index => Some(*term),
            _ if index == self.base.index => Some(self.base.term),
            _ => self.term_before(index),
        }
    }

    #[inline(never)]
    fn term_before(&self, index: Index) -> Option<Term> {
        let after = self.runs.partition_point(|(first, _)| *first <= index);
        self.runs.get(after.checked_sub(1)?).map(|(_, term)| *term)
    }

    /// Whether an entry of this name is here, or was compacted (and then everything before the base is as it is committed).
    #[inline]
    pub(super) fn holds(&self, entry: EntryId) -> bool {
        self.term_at(entry.index) == Some(entry.term)
    }

    /// The first of these entries that is not here; `None` if all are.
    pub(super) fn first_difference(&self, entries: &Entries) -> Option<Index> {
        if entries.first > self.last.index {
            return (entries.first <= entries.last).then_some(entries.first);
        }
        let mut index = entries.first.max(self.base.index.next());
        while index <= entries.last {
            if self.term_at(index) != Some(entries.term) {
                return Some(index);
            }
            // To the end of the run.
            let next = self.runs.iter().map(|(first, _)| *first).find(|first| *first > index);
            index = next.unwrap_or_else(|| self.last.index.next());
        }
        None
    }

    /// Appends entries at the end.
    #[inline]
    pub(super) fn push(&mut self, last: Index, term: Term, membership: Option<Arc<Membership>>) {
        let first = self.last.index.next();
        if self.runs.last().is_none_or(|(_, newest)| *newest != term) {
            self.runs.push((first, term));
        }
        self.last = EntryId { term, index: last };
        if let Some(membership) = membership {
            self.memberships.push((first, membership));
        }
    }

    /// Says that an entry which is here already holds a membership.
    pub(super) fn enter(&mut self, index: Index, membership: Arc<Membership>) {
        self.memberships.push((index, membership));
    }

    /// Removes the entries from `from` on.
    pub(super) fn truncate(&mut self, from: Index) {
        if from > self.last.index {
            return;
        }
        let kept = from.prev().max(self.base.index);
        self.runs.truncate(self.runs.partition_point(|(first, _)| *first <= kept));
        let term = self.runs.last().map_or(self.base.term, |(_, term)| *term);
        self.last = EntryId { term, index: kept };
        self.memberships.truncate(self.memberships.partition_point(|(at, _)| *at <= kept));
    }

    /// Forgets everything up to `base`, which is here.
    pub(super) fn compact(&mut self, base: EntryId) {
        let after = self.runs.partition_point(|(first, _)| *first <= base.index);
        self.runs.drain(..after.saturating_sub(1));
        if base.index >= self.last.index {
            self.runs.clear();
        } else if let Some(first) = self.runs.first_mut()
            && first.0 <= base.index
        {
            first.0 = base.index.next();
        }
        self.base = base;
    }

    /// A snapshot of the state at `last` says which membership was in effect there.
    pub(super) fn restore(&mut self, last: Index, membership: Arc<Membership>) {
        self.memberships.retain(|(at, _)| *at > last);
        self.founding = (last, membership);
    }

    /// Forgets everything: the sequence begins after `base`.
    pub(super) fn reset(&mut self, base: EntryId) {
        self.runs.clear();
        self.memberships.clear();
        (self.base, self.last) = (base, base);
    }

    /// The membership in effect below the first entry.
    pub(super) const fn founding(&self) -> &(Index, Arc<Membership>) {
        &self.founding
    }

    /// Leaves out memberships that a snapshot up to `last` covers.
    pub(super) fn restore_above(&mut self, last: Index) {
        self.memberships.retain(|(at, _)| *at > last);
    }

    /// The membership in effect: the last one, committed or not (section 6), and where it was entered.
    #[inline]
    pub(super) fn membership(&self) -> &(Index, Arc<Membership>) {
        self.memberships.last().unwrap_or(&self.founding)
    }

    /// The one in effect at `index`; `None` where it is not known any more.
    pub(super) fn membership_at(&self, index: Index) -> Option<&Arc<Membership>> {
        let known = core::iter::once(&self.founding).chain(&self.memberships);
        known.take_while(|(at, _)| *at <= index).last().map(|(_, membership)| membership)
    }

    /// The memberships above `after` and up to `upto`.
    pub(super) fn memberships(
        &self,
        after: Index,
        upto: Index,
    ) -> impl Iterator<Item = &(Index, Arc<Membership>)> {
        self.memberships.iter().filter(move |(at, _)| *at > after && *at <= upto)
    }

    /// The runs above `after` and up to `upto`: the last index of each, and its term.
    pub(super) fn runs(&self, after: Index, upto: Index) -> impl Iterator<Item = (Index, Term)> {
        let ends = self.runs.iter().skip(1).map(|(first, _)| first.prev()).chain([self.last.index]);
        let runs = self.runs.iter().zip(ends).map(move |((_, term), end)| (end.min(upto), *term));
        runs.skip_while(move |(end, _)| *end <= after).scan(Index::ZERO, move |done, (end, term)| {
            let news = *done < end;
            *done = end;
            news.then_some((end, term))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(runs: &[(u64, u64)]) -> History {
        let mut history = History::default();
        runs.iter().for_each(|(last, term)| history.push(Index(*last), Term(*term), None));
        history
    }

    fn terms(history: &History) -> Vec<Option<u64>> {
        (0..=history.last().index.0 + 1).map(|at| Some(history.term_at(Index(at))?.0)).collect()
    }

    fn entries(first: u64, last: u64, term: u64) -> Entries {
        let (first, last, term) = (Index(first), Index(last), Term(term));
        Entries { prev_term: Term(0), first, last, term, membership: None }
    }

    #[test]
    fn runs_are_sequences() {
        let mut history = of(&[(2, 1), (3, 1), (5, 4)]);
        assert_eq!(terms(&history), [Some(0), Some(1), Some(1), Some(1), Some(4), Some(4), None]);
        assert_eq!(
            history.runs(Index(1), Index(4)).collect::<Vec<_>>(),
            [(Index(3), Term(1)), (Index(4), Term(4))]
        );
        assert_eq!(history.runs(Index(0), Index(2)).collect::<Vec<_>>(), [(Index(2), Term(1))]);
        history.compact(EntryId { term: Term(1), index: Index(2) });
        assert_eq!(terms(&history), [None, None, Some(1), Some(1), Some(4), Some(4), None]);
        history.truncate(Index(4));
        assert_eq!(terms(&history), [None, None, Some(1), Some(1), None]);
        history.truncate(Index(3));
        assert_eq!(
            (terms(&history), history.last()),
            (alloc::vec![None, None, Some(1), None], history.base())
        );
        history.push(Index(3), Term(7), None);
        assert_eq!(history.last(), EntryId { term: Term(7), index: Index(3) });
        history.compact(EntryId { term: Term(7), index: Index(3) });
        assert_eq!((history.last(), history.term_at(Index(3))), (history.base(), Some(Term(7))));
    }

    #[test]
    fn the_first_difference_is_found_across_runs() {
        let history = of(&[(3, 1), (5, 2), (7, 3)]);
        for (first, last, term, found) in [
            (1, 3, 1, None),
            (1, 5, 1, Some(4)),
            (4, 5, 2, None),
            (4, 6, 2, Some(6)),
            (6, 9, 3, Some(8)),
            (8, 9, 3, Some(8)),
            (2, 2, 2, Some(2)),
            (7, 7, 3, None),
            (8, 7, 0, None),
        ] {
            assert_eq!(
                history.first_difference(&entries(first, last, term)),
                found.map(Index),
                "{first}-{last}"
            );
        }
    }

    #[test]
    fn memberships_come_and_go_with_their_entries() {
        let one = |id| Arc::new(Membership::of([synod_core::NodeId(id)]));
        let mut history = History::of(one(1));
        history.push(Index(1), Term(1), None);
        history.push(Index(2), Term(1), Some(one(2)));
        history.push(Index(3), Term(1), Some(one(3)));
        assert_eq!(history.membership(), &(Index(3), one(3)));
        assert_eq!(history.membership_at(Index(1)), Some(&one(1)));
        history.truncate(Index(3));
        assert_eq!(history.membership(), &(Index(2), one(2)));
        history.restore(Index(2), one(2));
        assert_eq!((history.membership(), history.membership_at(Index(1))), (&(Index(2), one(2)), None));
    }

    #[test]
    fn a_snapshot_takes_the_place_of_the_memberships_that_it_covers() {
        let one = |id| Arc::new(Membership::of([synod_core::NodeId(id)]));
        let mut history = History::of(one(1));
        for index in 1..=3 {
            history.push(Index(index), Term(1), Some(one(index)));
        }
        let above = |history: &History, after| {
            history.memberships(Index(after), Index(4)).map(|(at, _)| at.0).collect::<Vec<_>>()
        };
        assert_eq!(
            (above(&history, 0), above(&history, 1), above(&history, 2)),
            (alloc::vec![1, 2, 3], alloc::vec![2, 3], alloc::vec![3])
        );
        let mut restored = history.clone();
        restored.restore(Index(2), one(9));
        assert_eq!((above(&restored, 0), restored.founding()), (alloc::vec![3], &(Index(2), one(9))));
        history.restore_above(Index(2));
        assert_eq!((above(&history, 0), history.founding()), (alloc::vec![3], &(Index(0), one(1))));
    }
}
