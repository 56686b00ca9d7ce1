//! The memberships in a node's log, and what follows from the last of them.

use crate::{Index, Membership, QuorumRule, Segment, Standing};
use alloc::sync::Arc;
use alloc::vec::Vec;
use synod_core::{NodeId, mutant};
use synod_quorum::{Outcome, Quorums};

/// The memberships that the log holds, oldest first, each with the index of its entry. The last one is in effect, committed or not.
///
/// What is asked often is worked out once, as [`Seats`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Roster {
    /// The one to start with: of the configuration, or of the snapshot on which the log stands.
    first: Entered,
    /// Those of the entries after.
    later: Vec<Entered>,
    rule: QuorumRule,
}

/// A membership, and the index of its entry.
pub(crate) type Entered = (Index, Arc<Membership>);

/// What follows from the membership in effect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Seats {
    /// Everybody to whom a leader speaks, in order: the members, and those whose removal is not committed yet.
    pub(crate) all: Vec<NodeId>,
    pub(crate) membership: Arc<Membership>,
    /// Those in `all` who are witnesses, or were in the membership before.
    hollow: Vec<NodeId>,
    /// The places of the voters who keep payloads; of nobody where there is no witness to wait for them.
    keepers: Vec<usize>,
    /// Over places in `all`; `None` where there is no voter.
    quorums: Option<Quorums<usize>>,
    #[cfg(synod_mutants)]
    rule: QuorumRule,
}

impl Roster {
    pub(crate) fn new(first: Membership, rule: QuorumRule) -> Self {
        Self { first: (Index::ZERO, Arc::new(first)), later: Vec::new(), rule }
    }

    /// The membership in effect, and the index of its entry.
    pub(crate) fn last(&self) -> &Entered {
        self.later.last().unwrap_or(&self.first)
    }

    /// Where the entry of the membership in effect should be; `None` for the one to start with.
    pub(crate) fn entered(&self) -> Option<Index> {
        self.later.last().map(|(index, _)| *index)
    }

    /// The memberships above `after` and up to `upto`.
    pub(crate) fn between(&self, after: Index, upto: Index) -> impl Iterator<Item = &Entered> {
        self.later.iter().filter(move |(index, _)| *index > after && *index <= upto)
    }

    /// How many memberships lie above `commit`.
    pub(crate) fn uncommitted(&self, commit: Index) -> usize {
        self.later.iter().rev().take_while(|(index, _)| *index > commit).count()
    }

    /// Where the membership in effect was entered, and how many lie above `commit`: while neither changes, nothing has.
    #[inline]
    pub(crate) fn outline(&self, commit: Index) -> (Option<Index>, usize) {
        if self.later.is_empty() { (None, 0) } else { (self.entered(), self.uncommitted(commit)) }
    }

    /// The last membership at or before `index`: what a snapshot of the state there needs (canonical/raft 250).
    pub(crate) fn at(&self, index: Index) -> &Arc<Membership> {
        let known = self.later.iter().rev().find(|(at, _)| *at <= index);
        &known.unwrap_or(&self.first).1
    }

    /// The membership before all that are in the log, and up to where it was in effect.
    pub(crate) fn settled(&self) -> &(Index, Arc<Membership>) {
        &self.first
    }

    /// An entry with a membership was appended at `index`.
    pub(crate) fn push(&mut self, index: Index, membership: Membership) {
        self.later.push((index, Arc::new(membership)));
    }

    /// A snapshot of the state at `index` has taken the place of everything before.
    pub(crate) fn restore(&mut self, index: Index, membership: Arc<Membership>) {
        self.later.retain(|(at, _)| *at > index);
        self.first = (index, membership);
    }

    /// Finds the memberships in a recovered log.
    pub(crate) fn read<'a>(&mut self, segments: impl Iterator<Item = &'a Segment>) {
        self.later.clear();
        for segment in segments {
            if let Some(membership) = segment.to_membership().filter(|_| segment.first() > self.first.0) {
                self.push(segment.first(), membership);
            }
        }
    }

    /// The entries from `from` on were removed. Says whether that undid a membership.
    pub(crate) fn truncate(&mut self, from: Index) -> bool {
        let before = self.later.len();
        self.later.truncate(self.later.partition_point(|(index, _)| *index < from));
        self.later.len() < before
    }

    /// What follows from the membership in effect, when everything up to `commit` is committed.
    pub(crate) fn seats(&self, commit: Index) -> Seats {
        let (index, last) = self.last();
        let before = (*index > commit).then(|| self.at(index.prev()));
        Seats::new(last, before, &self.rule)
    }
}

impl Seats {
    fn new(membership: &Arc<Membership>, before: Option<&Arc<Membership>>, rule: &QuorumRule) -> Self {
        let mut all = membership.members();
        if let Some(before) = before {
            all.extend(before.members());
            crate::membership::tidy(&mut all);
        }
        let mut hollow = membership.witnesses.clone();
        hollow.extend(before.into_iter().flat_map(|before| &before.witnesses));
        crate::membership::tidy(&mut hollow);
        let quorums = membership.quorums(rule).ok();
        let place = |id| all.partition_point(|other| *other < id);
        let mut keepers = Vec::new();
        if !hollow.is_empty() {
            let keeps = |id: &NodeId| membership.standing(*id) == Some(Standing::Voter);
            keepers.extend(all.iter().enumerate().filter(|(_, id)| keeps(id)).map(|(place, _)| place));
        }
        let quorums = quorums.map(|quorums| quorums.map(place));
        Self {
            all,
            membership: membership.clone(),
            hollow,
            keepers,
            quorums,
            #[cfg(synod_mutants)]
            rule: rule.clone(),
        }
    }

    /// The place of a node among those to whom a leader speaks.
    #[inline]
    pub(crate) fn place(&self, id: NodeId) -> Option<usize> {
        // Ids mostly follow each other.
        let guess = id.0.wrapping_sub(self.all.first()?.0) as usize;
        if self.all.get(guess) == Some(&id) {
            return Some(guess);
        }
        self.all.binary_search(&id).ok()
    }

    /// Whether a node gets what entries hold.
    #[inline]
    pub(crate) fn keeps_payloads(&self, id: NodeId) -> bool {
        self.hollow.is_empty() || self.hollow.binary_search(&id).is_err()
    }

    /// Whether a leader speaks to a witness.
    #[inline]
    pub(crate) fn has_witnesses(&self) -> bool {
        !self.hollow.is_empty()
    }

    /// The places of the voters who keep payloads, where there are witnesses.
    pub(crate) fn keepers(&self) -> &[usize] {
        &self.keepers
    }

    /// What somebody in `all` is.
    pub(crate) fn standing(&self, id: NodeId) -> Standing {
        self.membership.standing(id).unwrap_or(Standing::Leaving)
    }

    /// Whether those who voted elect a leader.
    pub(crate) fn elect(&self, votes: &[NodeId]) -> bool {
        let voted = |place: usize| self.all.get(place).is_some_and(|id| votes.contains(id));
        mutant!(
            self.quorums.as_ref().is_some_and(|quorums| quorums.elect().is_met(voted)),
            "quorum-one-short" => 2 * votes.len() >= self.membership.electorate().len(),
            "vote-counted-twice" => 2 * votes.len() > self.membership.electorate().len(),
            "joint-election-by-one-half" => self.membership.left().quorums(&self.rule).is_ok_and(|half| half.elect().is_quorum(votes)),
            "elected-by-a-commit-quorum" => self.quorums.as_ref().is_some_and(|quorums| quorums.commit().is_met(voted)),
            "votes-by-heads" => self.by_heads(|half| {
                let held = half.iter().filter(|id| votes.contains(id)).count();
                2 * held > half.len()
            }),
        )
    }

    /// Whether those who voted elect no leader, whatever becomes of the rest: too many have refused.
    pub(crate) fn cannot_elect(&self, votes: &[NodeId], refusals: &[NodeId]) -> bool {
        let said = |place: usize| {
            let id = self.all.get(place)?;
            if votes.contains(id) { Some(true) } else { refusals.contains(id).then_some(false) }
        };
        self.quorums.as_ref().is_some_and(|quorums| quorums.elect().outcome(said) == Outcome::Lost)
    }

    /// Whether a commit quorum has been heard, so that no other leader can have been elected without this one's knowing.
    pub(crate) fn confirm(&self, heard: impl Fn(usize) -> bool) -> bool {
        self.quorums.as_ref().is_some_and(|quorums| quorums.commit().is_met(heard))
    }

    /// The last round that a commit quorum has echoed.
    pub(crate) fn echoed(&self, round: impl Fn(usize) -> u64) -> u64 {
        mutant!(
            self.quorums.as_ref().map_or(0, |quorums| quorums.commit().reached(&round)),
            "read-quorum-one-short" => self.reached_by(&self.all, 0, &round),
        )
    }

    /// The greatest index that a commit quorum has reached, if it is beyond `commit`.
    pub(crate) fn commit(&self, commit: Index, matched: impl Fn(usize) -> Index) -> Option<Index> {
        let best = mutant!(
            self.quorums.as_ref()?.commit().reached_beyond(commit, &matched)?,
            "quorum-one-short" => self.reached_by(&self.all, 0, &matched),
            "learners-count" => self.reached_by(&self.all, 1, &matched),
            "joint-commit-by-one-half" => self.reached_by(&self.membership.voters, 1, &matched),
            "commit-by-heads" => {
                let halves = [self.membership.voters(), self.membership.outgoing()];
                let halves = halves.into_iter().filter(|half| !half.is_empty());
                halves.map(|half| self.reached_by(half, 1, &matched)).min().unwrap_or_default()
            },
        );
        (best > commit).then_some(best)
    }
}

#[cfg(synod_mutants)]
impl Seats {
    /// Whether it holds of each half.
    fn by_heads(&self, enough: impl Fn(&[NodeId]) -> bool) -> bool {
        let halves = [self.membership.voters(), self.membership.outgoing()];
        !self.membership.is_empty() && halves.into_iter().all(|half| half.is_empty() || enough(half))
    }

    /// What more than half of these have reached, or `more` 0: half of them.
    fn reached_by<V: Copy + Ord + Default>(
        &self,
        who: &[NodeId],
        more: usize,
        value: impl Fn(usize) -> V,
    ) -> V {
        let mut values: Vec<V> = who.iter().filter_map(|id| self.place(*id)).map(value).collect();
        values.sort_unstable_by_key(|value| core::cmp::Reverse(*value));
        let need = (values.len() / 2 + more).max(1);
        values.get(need - 1).copied().unwrap_or_default()
    }
}

#[cfg(synod_mutants)]
impl Roster {
    /// What would follow from the last membership at or before `index`.
    pub(crate) fn seats_at(&self, index: Index) -> Seats {
        Seats::new(self.at(index), None, &self.rule)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::Term;

    fn of(id: u64) -> Membership {
        Membership::of([NodeId(id)])
    }

    /// Memberships at 3 and 7, after that of the configuration.
    fn two() -> Roster {
        let mut roster = Roster::new(of(1), QuorumRule::Majority);
        roster.push(Index(3), of(2));
        roster.push(Index(7), of(3));
        roster
    }

    #[test]
    fn the_outline_changes_with_every_membership_and_with_every_commit_of_one() {
        let outline = |commit: u64| two().outline(Index(commit));
        assert_eq!(Roster::new(of(1), QuorumRule::Majority).outline(Index(9)), (None, 0));
        let uncommitted = [0, 2, 3, 6, 7].map(|commit| outline(commit).1);
        assert_eq!((outline(0).0, uncommitted), (Some(Index(7)), [2, 2, 1, 1, 0]));
    }

    #[test]
    fn a_snapshot_takes_the_place_of_what_came_before_it() {
        for (index, left) in [(2, 2), (3, 1), (6, 1), (7, 0)] {
            let mut roster = two();
            roster.restore(Index(index), Arc::new(of(9)));
            assert_eq!((roster.later.len(), roster.settled().0), (left, Index(index)));
            let last = if left > 0 { of(3) } else { of(9) };
            assert_eq!(*roster.last().1, last, "{index}");
        }
    }

    #[test]
    fn what_a_log_holds_beyond_the_snapshot_is_found_there() {
        let segments = [3, 7].map(|at| Segment::membership(Index(at), Term(1), &of(at)).unwrap());
        for (index, found) in [(0, 2), (2, 2), (3, 1), (7, 0)] {
            let mut roster = two();
            roster.first.0 = Index(index);
            roster.read(segments.iter());
            assert_eq!(roster.later.len(), found, "{index}");
        }
    }
}
