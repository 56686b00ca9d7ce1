//! A node whose log is damaged, and how it becomes whole again (after Alagappan et al., "Protocol-Aware Recovery for Consensus-Based
//! Storage", 2018).
//!
//! What a record that cannot be read has held is unknown, so the node could break a promise: vote a second time in a term, or help a
//! candidate to power that lacks what the node had acknowledged. Until it is whole it therefore neither votes nor campaigns. It stores
//! and acknowledges like any other: that is how it is repaired.
//!
//! Three things can be missing, and each has its cure:
//! * **Entries before intact ones.** The hole is known exactly ([`islands`](crate::islands)). A leader fills it, or any other node
//!   that holds the entry at its end ([`census`](crate::census)).
//! * **The end of the log**, where nothing intact comes after the damage. A leader was elected without this node's vote, so everything
//!   that is committed is in its log; and once it has been told, it counts no acknowledgement of before. When the node has caught up
//!   with that leader it lacks nothing that anybody counts on. Where there is no leader, all other voters together know the same.
//! * **Term and vote**, where nothing intact comes after the damage that says them anew. The candidate that got the vote stored its
//!   term before it asked, so when all other voters have said how far they are, the latest of these terms is not before that of the vote.
//!   The node goes there, and gives no vote in it.
//!
//! That the node is not whole is itself in its log, as a vote for [`NOBODY`], behind everything that it stores meanwhile: a second crash
//! must not make it look whole. What is destroyed beyond what a correct cluster can survive (the same entry on as many disks as its
//! quorum has) cannot be repaired by anybody.

use crate::islands::Islands;
use crate::progress::{Progress, Stamp};
use crate::{Event, Index, Message, Raft, Record, Role, Segment, Term, Timer};
use alloc::collections::BTreeMap;
use synod_core::{Context, NodeId, Sink, mutant};

/// In a record: this node is not whole, and may have voted for anybody, here or in a later term.
pub(crate) const NOBODY: NodeId = NodeId(u64::MAX);

/// What a node lacks that is not whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Mending {
    pub(crate) islands: Islands,
    /// Entries may be missing at the end of the log.
    pub(crate) tail: bool,
    /// A later term, or a vote, may be missing.
    pub(crate) vote: bool,
    /// The last record with term and vote says that the node was not whole.
    pub(crate) marked: bool,
    /// The leader of this term counts nothing of before any more; when the log is equal to its own up to there, no entry is missing.
    target: Option<(Term, Index)>,
    /// What the others have said since the start.
    pub(crate) census: BTreeMap<NodeId, crate::census::Said>,
    /// Who does not have the entry at the end of the first hole.
    pub(crate) without: alloc::vec::Vec<NodeId>,
}

impl Mending {
    /// A record cannot be read.
    pub(crate) fn damaged(&mut self) {
        self.tail = true;
        self.vote = true;
    }

    /// A record with entries was read: the log ended with them.
    pub(crate) fn appended(&mut self) {
        self.tail = false;
    }

    /// A record with term and vote was read.
    pub(crate) fn stated(&mut self, voted_for: Option<NodeId>) {
        if voted_for == Some(NOBODY) {
            self.marked = true;
        } else {
            if core::mem::take(&mut self.marked) {
                // Whoever had not been whole, was again.
                self.tail = false;
                self.islands.clear();
            }
            self.vote = false;
        }
    }

    /// Every record was read: is anything missing?
    pub(crate) fn is_needed(&mut self) -> bool {
        if self.marked {
            (self.tail, self.vote) = (true, true);
        }
        self.tail || self.vote || !self.islands.is_empty()
    }
}

impl Raft {
    /// Whether this node lacks something that it may have promised.
    #[must_use]
    pub fn is_mending(&self) -> bool {
        self.mending.is_some()
    }

    /// What term and vote look like in a record.
    pub(crate) fn stated_vote(&self) -> Option<NodeId> {
        if self.mending.is_some() { Some(NOBODY) } else { self.voted_for }
    }

    /// The start of a node that is not whole.
    pub(crate) fn begin_mending<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        // What was read in another order than it belongs in is written anew, so that another start need not find that out.
        let write =
            |prev_term, entries: &Segment| cx.persist(Record::Append { prev_term, entries: entries.clone() });
        self.log.put_in_order(write);
        if self.mending.is_none() {
            // It was whole again before this start.
            return;
        }
        self.persist_state(cx);
        self.say_mending(cx);
        self.take_census(cx);
    }

    fn say_mending<S: Sink<Self> + ?Sized>(&self, cx: &mut Context<'_, Self, S>) {
        let Some(mending) = &self.mending else { return };
        let missing = mending.islands.first_missing();
        // Early: says what was found on the disk.
        cx.emit_early(Event::Mending {
            after: self.log.last(),
            missing,
            tail: mending.tail,
            vote: mending.vote,
        });
    }

    /// Entries were stored: behind them it must say that this node is not whole.
    pub(crate) fn mark_mending<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.mending.is_some() {
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
                Message::Lost { term: self.term, round: self.round, last: self.log.last() },
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
        let reached = mending.target.is_some_and(|(term, target)| {
            term == self.term && mutant!(self.verified >= target, "whole-before-caught-up" => true)
        });
        if reached && (mending.tail || !mending.islands.is_empty()) {
            // What this leader's log does not hold is not committed, and cannot be any more.
            mending.tail = false;
            mending.islands.clear();
        }
        self.end_mending(cx);
    }

    /// If nothing is missing any more this node is whole.
    pub(crate) fn end_mending<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let open = |mending: &Mending| mending.tail || mending.vote || !mending.islands.is_empty();
        if self.mending.take_if(|mending| !open(mending)).is_none() {
            return;
        }
        cx.disarm(Timer::Census);
        // Everything that was stored meanwhile comes before this record.
        self.persist_state(cx);
        // Early: says what this node knows about itself.
        cx.emit_early(Event::Mended);
        if self.role == Role::Follower {
            self.arm_election(cx);
        }
    }
}
