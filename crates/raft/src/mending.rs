//! A node whose log is damaged, and how it becomes whole again (after Alagappan et al., "Protocol-Aware Recovery for Consensus-Based
//! Storage", 2018).
//!
//! What a record that cannot be read has held is unknown, so the node could break a promise: vote a second time in a term, or help a
//! candidate to power that lacks what the node had acknowledged. Three things can be missing:
//! * **Entries before intact ones.** The hole is known exactly ([`islands`](crate::islands)), and so is where the log ended: the node
//!   votes, for those who have that much, and does not campaign. A leader fills the hole, or any other node that holds the entry at
//!   its end ([`census`](crate::census)).
//! * **Term and vote**, where nothing intact comes after the damage that says them anew. The candidate that got the vote stored its
//!   term before it asked, so when all other voters have said how far they are, the latest of these terms is not before that of the vote.
//!   The node goes there, and gives no vote in it. Until then it does not vote at all, and whoever leads may lead in an earlier term than
//!   the node has been in: what it stores for that leader counts for nothing ([`Message::Uncounted`]).
//! * **The end of the log**, where nothing intact comes after the damage. Until it is known again the node does not vote. Once the term
//!   is known, its leader was elected without what is missing, so everything that is committed is in that leader's log; and once it has
//!   been told, it counts no acknowledgement of before. When the node has caught up with it, nothing is missing. Where there is no leader, all other voters
//!   together hold all that anybody counts on: whoever has as much as the furthest of them may lead, and gets the vote.
//!
//! Where the candidate's record of the term is lost as well as the voter's, and nobody else has heard of the term, all of them can say so and
//! the vote is given a second time. A nonce in votes would not help: entries of the forgotten term may be on their way too.
//!
//! It stores like any other all the while: that is how it is repaired. While it does not vote, that stands in its log as a
//! vote for [`NOBODY`], behind everything that it stores: a second crash must not make it look whole. What is destroyed beyond what a
//! correct cluster can survive (the same entry on as many disks as its quorum has) cannot be repaired by anybody.

use crate::census::Said;
use crate::islands::Islands;
use crate::progress::{Progress, Stamp};
use crate::{EntryId, Event, Index, Log, MendingStatus, Message, Raft, Record, Role, Segment, Term, Timer};
use alloc::collections::{BTreeMap, BTreeSet};
use synod_core::{Context, NodeId, Sink, mutant};

/// In a record: this node may have voted for anybody, here or in a later term, and may lack the end of its log.
pub(crate) const NOBODY: NodeId = NodeId(u64::MAX);

/// What a node lacks that is not whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Mending {
    pub(crate) islands: Islands,
    /// Entries may be missing at the end of the log.
    pub(crate) tail: bool,
    /// A later term, or a vote, may be missing.
    pub(crate) vote: bool,
    /// The last record with term and vote says that this was so.
    marked: bool,
    /// A leader has supplied everything that could be missing, except term and vote.
    pub(crate) caught_up: bool,
    /// Whoever has less must not lead, as far as this node is concerned.
    pub(crate) floor: EntryId,
    /// The leader of this term counts nothing of before any more; when the log is equal to its own up to there, no entry is missing.
    target: Option<(Term, Index)>,
    /// What the others have said since the start.
    pub(crate) census: BTreeMap<NodeId, Said>,
    /// Who does not have the entry at the end of a hole.
    pub(crate) without: BTreeSet<(EntryId, NodeId)>,
}

impl Mending {
    /// A record cannot be read.
    pub(crate) fn damaged(&mut self) {
        (self.tail, self.vote) = (true, true);
    }

    /// A record with entries was read: the log ended with them.
    pub(crate) fn appended(&mut self) {
        self.tail = false;
    }

    /// A record with term and vote was read.
    pub(crate) fn stated(&mut self, voted_for: Option<NodeId>) {
        self.marked = voted_for == Some(NOBODY);
        self.vote &= self.marked;
    }

    /// A record was read that says that the log ended with `last`, here or in a hole.
    pub(crate) fn knew_its_end(&mut self, log: &mut Log, last: EntryId) {
        self.islands.end_with(log, last);
        self.tail = false;
    }

    /// Every record was read.
    pub(crate) fn sum_up(&mut self) {
        if self.marked {
            self.damaged();
        }
        self.floor = self.islands.leave_out_empty();
    }

    /// The end of the first hole; or where the log should end, as far as is known.
    pub(crate) fn first_missing(&self, last: EntryId) -> Option<EntryId> {
        self.islands.first_missing().or((self.floor > last).then_some(self.floor))
    }

    /// Whether the node might break a promise if it voted.
    fn in_doubt(&self) -> bool {
        self.tail || self.vote
    }

    /// What an operator may ask.
    pub(crate) fn status(&self) -> MendingStatus {
        MendingStatus {
            missing: self.islands.first_missing(),
            stretches: self.islands.len(),
            tail: self.tail,
            vote: self.vote,
            floor: self.floor,
        }
    }

    fn is_over(&self, last: EntryId) -> bool {
        !self.in_doubt() && self.islands.is_empty() && last >= self.floor
    }
}

impl Raft {
    /// Whether this node's log was damaged, and is not whole again.
    #[must_use]
    pub fn is_mending(&self) -> bool {
        self.mending.is_some()
    }

    /// Whether what this node has promised is known.
    pub(crate) fn may_vote(&self) -> bool {
        self.mending.as_ref().is_none_or(|mending| !mending.in_doubt())
    }

    /// Whether this node may have promised something to a later term than it knows of: it must not promise anything to an earlier one.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.mending.as_ref().is_some_and(|mending| mending.vote)
    }

    /// The least that a candidate must have to get this node's vote (section 5.4.1): what this node has, and what it has had.
    pub(crate) fn vote_floor(&self) -> EntryId {
        let Some(mending) = &self.mending else { return self.log.last() };
        let behind_holes = mending.islands.last().unwrap_or_default();
        mutant!(self.log.last().max(behind_holes).max(mending.floor), "votes-below-the-floor" => self.log.last())
    }

    /// What term and vote look like in a record.
    pub(crate) fn stated_vote(&self) -> Option<NodeId> {
        if self.may_vote() { self.voted_for } else { Some(NOBODY) }
    }

    /// Every record was read: what is missing, if anything is?
    pub(crate) fn assess_damage(&mut self) {
        let Some(mending) = &mut self.mending else { return };
        mending.sum_up();
        // An entry of a term is a trace of it that was left.
        let last = self.log.last().max(mending.islands.last().unwrap_or_default()).max(mending.floor);
        if last.term > self.term {
            self.term = last.term;
            self.voted_for = None;
            mending.vote = true;
        }
        if mending.is_over(self.log.last()) {
            self.mending = None;
        }
    }

    /// The start of a node whose log was damaged.
    pub(crate) fn begin_mending<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        self.put_log_in_order(cx);
        self.mark_mending(cx);
        let Some(mending) = &self.mending else { return };
        let after = self.log.last();
        let (missing, tail, vote) = (mending.first_missing(after), mending.tail, mending.vote);
        trail!(warn, node = self.config.id.0, term = self.term.0, after = after.index.0, "log damaged");
        // Early: says what was found on the disk.
        cx.emit_early(Event::Mending { after, missing, tail, vote });
        self.take_census(cx);
    }

    /// What was read in another order than it belongs in is written anew, so that another start need not find that out.
    pub(crate) fn put_log_in_order<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let write =
            |prev_term, entries: &Segment| cx.persist(Record::Append { prev_term, entries: entries.clone() });
        self.log.put_in_order(write);
    }

    /// Something was stored: behind it must stand that this node is in doubt, if it is.
    pub(crate) fn mark_mending<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if !self.may_vote() {
            mutant!(self.persist_hard_state(cx), "mending-forgotten-in-restart" => ());
        }
    }

    /// The leader was heard. It must know that this node has lost what it may have acknowledged; until it does, nothing that it sends
    /// can be answered truthfully. Says whether it was told now.
    pub(crate) fn confess<S: Sink<Self> + ?Sized>(
        &self,
        leader: NodeId,
        cx: &mut Context<'_, Self, S>,
    ) -> bool {
        let told = |mending: &Mending| mending.target.is_some_and(|(term, _)| term == self.term);
        let silent = self.mending.as_ref().is_some_and(|mending| !told(mending));
        if silent {
            // Early: promises nothing.
            cx.send_early(
                leader,
                Message::Lost {
                    term: self.term,
                    round: self.round,
                    last: self.log.last(),
                    doubted: self.is_in_doubt(),
                },
            );
        }
        silent
    }

    /// A follower has lost a part of its log: what it acknowledged counts no more.
    pub(crate) fn on_lost<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        place: usize,
        stamp: Stamp,
        last: Index,
        doubted: bool,
        cx: &mut Context<'_, Self, S>,
    ) {
        if self.answered(from, place, stamp, cx).is_none() {
            return;
        }
        // An answer to an earlier round is of before, as with somebody who was removed and has come back.
        self.round += 1;
        let next = last.next().min(self.log.last().index.next());
        let fresh = Progress::new(next, mutant!(self.round, "lost-acknowledgement-counts" => 0));
        let Some(progress) = self.progress.get_mut(place) else { return };
        let old = core::mem::replace(progress, fresh);
        mutant!("lost-acknowledgement-counts" => progress.matched = old.matched);
        progress.doubted = doubted;
        progress.due = true;
        self.dirty = true;
        if old.stream.is_some() {
            self.close_stream(place, cx);
        }
        let target = self.log.last().index;
        // Early: says how far this log goes, and nothing about any disk.
        cx.send_early(from, Message::Whole { term: self.term, round: self.round, target });
    }

    /// The leader counts nothing of before any more.
    pub(crate) fn on_whole<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        Stamp { term, round }: Stamp,
        target: Index,
        cx: &mut Context<'_, Self, S>,
    ) {
        if term != self.term || self.leader != Some(from) {
            return;
        }
        self.round = self.round.max(round);
        if let Some(mending) = &mut self.mending {
            mending.target = Some((term, target));
        }
        self.mended_by_leader(cx);
    }

    /// The log is equal to the leader's up to `verified`: is that enough?
    pub(crate) fn mended_by_leader<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let Some(mending) = &mut self.mending else { return };
        // A leader of an earlier term than one in which this node has acknowledged something need not have that.
        let in_doubt = mutant!(mending.vote, "mended-by-any-leader" => false);
        let reached = !in_doubt
            && mending.target.is_some_and(|(term, target)| {
                term == self.term && mutant!(self.verified >= target, "whole-before-caught-up" => true)
            });
        if reached {
            // What this leader's log does not hold is not committed, and cannot be any more.
            mending.caught_up = true;
            mending.tail = false;
            mending.islands.clear();
            mending.floor = EntryId::ZERO;
        }
        self.end_mending(reached, cx);
    }

    /// If nothing is missing any more this node is whole. `gave_up`: what the records would lead to is more than what is so.
    pub(crate) fn end_mending<S: Sink<Self> + ?Sized>(
        &mut self,
        gave_up: bool,
        cx: &mut Context<'_, Self, S>,
    ) {
        let last = self.log.last();
        if self.mending.take_if(|mending| mending.is_over(last)).is_none() {
            return;
        }
        cx.disarm(Timer::Census);
        if gave_up {
            self.state_end(last, cx);
        }
        trail!(info, node = self.config.id.0, term = self.term.0, after = last.index.0, "log mended");
        // Early: says what this node knows about itself.
        cx.emit_early(Event::Mended);
        if self.role == Role::Follower && self.leader.is_none() {
            self.arm_election(cx);
        }
    }

    /// Writes term and vote, and where the log ends or should.
    pub(crate) fn state_end<S: Sink<Self> + ?Sized>(&mut self, last: EntryId, cx: &mut Context<'_, Self, S>) {
        let (term, voted_for) = (self.term, self.stated_vote());
        self.hard_state_at.0 = cx.persist(Record::Mended { term, voted_for, last }).0;
    }
}
