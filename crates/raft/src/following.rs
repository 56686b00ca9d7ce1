//! The follower's half of replication (section 5.3).

use crate::progress::Stamp;
use crate::{EntryId, Illegal, Index, Message, Raft, Record, Role, Segment, Term};
use synod_core::{Context, NodeId, Sink, mutant};

impl Raft {
    pub(crate) fn on_append<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        Stamp { term, round }: Stamp,
        prev_term: Term,
        commit: Index,
        entries: Segment,
        cx: &mut Context<'_, Self, S>,
    ) {
        let prev = EntryId { term: prev_term, index: entries.first().prev() };
        if let Some(reason) = self.impossible(term, prev, &entries).or_else(|| self.misfit(&entries)) {
            return self.illegal(from, reason, cx);
        }
        if mutant!(term < self.term, "append-of-earlier-term" => false) {
            // A leader that has been deposed must hear it, or a node that is ahead in its term (it campaigned while cut off)
            // could neither follow that leader nor be elected against its followers' loyalty (etcd 8334, tikv 3270). Early:
            // names a term, promises nothing.
            return mutant!(
                cx.send_early(from, Message::Heard { term: self.term, round: 0 }),
                "deposed-leader-not-told" => (),
            );
        }
        if !self.accept_leader(from, term, cx) {
            return;
        }
        // Also when the entries are refused below: a follower that is being repaired has a leader, and must not campaign
        // against it (`redpanda` 30815).
        self.arm_loyalty(cx);
        self.round = self.round.max(round);
        if self.confess(from, cx) {
            return;
        }

        let (prev, entries) = if prev.index >= self.log.base().index {
            (prev, entries)
        } else {
            match self.above_base(prev, entries) {
                Some(above) => above,
                None => return self.illegal(from, Illegal::ConflictsWithCommitted, cx),
            }
        };
        if mutant!(
            self.log.term_at(prev.index) != Some(prev.term),
            "append-checked-by-index" => prev.index > self.log.last().index,
        ) {
            // Nothing above the hint can be common: not above this log's end, not at an entry that differs, and not in a term
            // later than the leader's own there. Early: a refusal promises nothing.
            let hint = self.log.last_candidate(prev.index, prev.term);
            return cx
                .send_early(from, Message::Rejected { term, prev: prev.index, hint, round: self.round });
        }

        let matched = entries.last();
        let wrote = match self.take_in(entries, cx) {
            Ok(wrote) => wrote,
            Err(reason) => return self.illegal(from, reason, cx),
        };
        self.verified = self.verified.max(matched);
        self.acknowledge(from, wrote, cx);
        if self.is_mending() {
            self.join_islands(cx);
            self.mended_by_leader(cx);
        }
        if self.reception.is_wanted() {
            self.demand_again(cx);
        }
        // Not simply the leader's commit index: what lies behind the verified part may be another leader's.
        self.commit_to(mutant!(commit.min(self.verified), "commit-unverified" => commit), cx);
    }

    /// The leader tells what is committed, in a message that checks nothing: it counts only as far as this log was verified.
    pub(crate) fn on_commit<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        commit: Index,
        cx: &mut Context<'_, Self, S>,
    ) {
        if term < self.term {
            // Early: as for an old leader's entries.
            return cx.send_early(from, Message::Heard { term: self.term, round: 0 });
        }
        if self.accept_leader(from, term, cx) {
            self.arm_loyalty(cx);
            self.commit_to(commit.min(self.verified), cx);
        }
    }

    /// Follows the sender if it can be the leader of `term`.
    pub(crate) fn accept_leader<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        cx: &mut Context<'_, Self, S>,
    ) -> bool {
        if term == self.term && self.leader.is_some_and(|leader| leader != from) {
            self.illegal(from, Illegal::SecondLeader, cx);
            return false;
        }
        self.follow(term, Some(from), cx);
        true
    }

    /// Leaves out what was compacted here: it is committed, so every later leader has the same (Leader Completeness), whatever
    /// the term before it is said to be. `None` if the leader's differs all the same.
    #[inline(never)]
    pub(crate) fn above_base(&self, prev: EntryId, entries: Segment) -> Option<(EntryId, Segment)> {
        let base = self.log.base();
        if prev.index >= base.index {
            return Some((prev, entries));
        }
        if entries.last() < base.index {
            return Some((base, Segment::empty(base.index.next())));
        }
        (entries.term() == base.term).then(|| (base, entries.range(base.index.next(), entries.last())))
    }

    /// Stores what is new. A delayed or doubled message changes nothing: only an entry that *differs* removes what follows it
    /// (`openraft` 9540c904, CCF 5676). Says whether anything was written.
    pub(crate) fn take_in<S: Sink<Self> + ?Sized>(
        &mut self,
        entries: Segment,
        cx: &mut Context<'_, Self, S>,
    ) -> Result<bool, Illegal> {
        if let Some(end) = self.mending.as_ref().and_then(|mending| mending.islands.hole_ends_in(&entries)) {
            // What comes behind the hole is joined first: it may go farther than these entries.
            let wrote = self.take_in(entries.range(entries.first(), end), cx)?;
            self.join_islands(cx);
            return Ok(self.take_in(entries.range(end.next(), entries.last()), cx)? || wrote);
        }
        let from = mutant!(
            self.log.first_difference(&entries),
            "truncate-without-conflict" => entries.first().max(self.commit.next()),
        );
        if from > entries.last() {
            return Ok(false);
        }
        if from <= self.commit {
            return Err(Illegal::ConflictsWithCommitted);
        }
        mutant!(self.truncate_log(from, cx), "conflict-kept" => self.undo_membership(from, cx));
        let entries = if from == entries.first() { entries } else { entries.range(from, entries.last()) };
        let prev_term = self.log.last().term;
        if !self.log.takes(&entries) {
            return Ok(false);
        }
        let at = cx.persist(Record::Append { prev_term, entries: entries.clone() });
        let (first, membership) = (entries.first(), entries.to_membership());
        self.log.push(entries, at);
        self.mark_mending(cx);
        self.guard_entry(cx);
        self.take_membership(first, membership, cx);
        Ok(true)
    }

    /// Removes the entries from `from` on.
    pub(crate) fn truncate_log<S: Sink<Self> + ?Sized>(
        &mut self,
        from: Index,
        cx: &mut Context<'_, Self, S>,
    ) {
        if from > self.log.last().index {
            return;
        }
        self.log.truncate(from);
        mutant!(self.recall.truncate(from), "overwritten-entry-recalled" => ());
        self.undo_membership(from, cx);
    }

    /// Promises the leader everything that is verified, as soon as the disk has it.
    pub(crate) fn acknowledge<S: Sink<Self> + ?Sized>(
        &mut self,
        leader: NodeId,
        wrote: bool,
        cx: &mut Context<'_, Self, S>,
    ) {
        if wrote || cx.settled() || self.verified > self.promised {
            self.promised = self.verified;
            let matched = mutant!(self.verified, "ack-whole-log" => self.log.last().index);
            let (term, round) = (self.term, self.round);
            cx.send(
                leader,
                if self.is_in_doubt() {
                    Message::Uncounted { term, matched, round }
                } else {
                    Message::Appended { term, matched, round }
                },
            );
        } else {
            // The same promise waits for the disk already. Early: says only that the leader is heard, so that a slow disk does
            // not look like a lost node.
            let again = mutant!(
                Message::Heard { term: self.term, round: self.round },
                "ack-again-before-durable" => Message::Appended { term: self.term, matched: self.verified, round: self.round },
            );
            cx.send_early(leader, again);
        }
    }

    fn impossible(&self, term: Term, prev: EntryId, entries: &Segment) -> Option<Illegal> {
        let terms_fit = prev.term <= term
            && entries.term() <= term
            && (prev.index == Index::ZERO) == (prev.term == Term::ZERO)
            && (entries.is_empty() || entries.term() >= prev.term);
        if !terms_fit || term == Term::ZERO {
            Some(Illegal::ImpossibleTerm)
        } else if self.role == Role::Leader && term == self.term {
            Some(Illegal::SecondLeader)
        } else {
            None
        }
    }
}
