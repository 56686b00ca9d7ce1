//! Voters lend a candidate what its log lacks.
//!
//! Where only one node reaches a quorum, and its log is behind, plain Raft stands still: it is refused the votes, and whoever
//! has the newer log reaches no quorum (the constrained election of Ng, Haridi and Carbone, "Omni-Paxos: Breaking the Barriers
//! of Partial Connectivity", 2023). So who refuses a vote for that reason sends the entries along.
//!
//! Why a log may be taken from a node that does not lead: entries are what their leaders made them, whoever carries them. The
//! borrower goes from its log towards one that ends later, in the order of section 5.4.1. What it has to give up for that, the
//! leader of the later term did not have when it was elected; so it was not committed, and cannot be any more. Only what it
//! acknowledged *in its present term* could still be counted on, by a leader that goes on with it; so before it gives
//! anything up it leaves the term.

use crate::{EntryId, Illegal, Index, Log, Message, Raft, Role, Segment, Term};
use alloc::boxed::Box;
use synod_core::{Context, NodeId, Sink, mutant};

/// Entries of a node that does not lead, and where its log ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Loan {
    /// The lender's last entry.
    pub last: EntryId,
    /// The term of the entry before the first.
    pub prev_term: Term,
    /// The entries, of one term; at least one.
    pub entries: Segment,
}

impl Raft {
    /// Sends `to`, which asks for votes, what follows the part of this log that it may share. `hint`: nothing after it is common.
    pub(crate) fn lend<S: Sink<Self> + ?Sized>(
        &mut self,
        to: NodeId,
        hint: EntryId,
        cx: &mut Context<'_, Self, S>,
    ) {
        // Whoever has a leader is brought up to date by it.
        let may = self.may_lead() || self.is_mending();
        if !self.config.lending || self.loyal || self.role == Role::Leader || !may {
            return;
        }
        let log = self.lendable(hint);
        let prev = log.last_candidate(hint.index, hint.term);
        if prev.index > hint.index {
            // What comes next there is compacted here: it takes a snapshot, which leaders send. Entries behind a gap would be asked for
            // again, and again.
            return;
        }
        let (count_max, bytes_max) = (self.config.batch_entries_max, self.config.batch_bytes_max);
        let mut entries = log.batch(prev.index.next(), count_max, bytes_max);
        if let Some(read) = self.recall.find(entries.first()).filter(|_| entries.is_hollow()) {
            entries = read.head(entries.first(), count_max, bytes_max);
        }
        if entries.is_empty() || entries.first() != prev.index.next() {
            return;
        }
        if entries.is_hollow() {
            // By the next time that a vote is asked for, they are in memory.
            return self.recall(entries.first(), cx);
        }
        let loan = Loan { last: log.last(), prev_term: prev.term, entries };
        // Early: says nothing about this node's copy.
        cx.send_early(to, Message::Lend { term: self.term, loan: Box::new(loan) });
    }

    /// What of this node's log follows on `hint`: where it is damaged, that may be behind a hole.
    fn lendable(&self, hint: EntryId) -> &Log {
        let behind_hole = self.mending.as_ref().and_then(|mending| mending.islands.following(hint));
        behind_hole.unwrap_or(&self.log)
    }

    pub(crate) fn on_borrow<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        hint: EntryId,
        cx: &mut Context<'_, Self, S>,
    ) {
        if mutant!(hint < self.lendable(hint).last(), "borrowed-from-who-lags" => true) {
            self.lend(from, hint, cx);
        }
    }

    pub(crate) fn on_lend<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        loan: Loan,
        cx: &mut Context<'_, Self, S>,
    ) {
        if !loan.is_possible(term) {
            return self.illegal(from, Illegal::ImpossibleTerm, cx);
        }
        if let Some(reason) = self.misfit(&loan.entries) {
            return self.illegal(from, reason, cx);
        }
        if term > self.term {
            self.follow(term, None, cx);
        }
        let lags = mutant!(loan.last <= self.log.last(), "borrowed-from-who-lags" => false);
        if !self.config.lending
            || self.leader.is_some()
            || self.role == Role::Leader
            || lags
            || !self.may_lead()
        {
            return;
        }
        let prev = EntryId { term: loan.prev_term, index: loan.entries.first().prev() };
        if self.log.term_at(prev.index) != Some(prev.term) {
            return self.borrow(from, self.log.last_candidate(prev.index, prev.term), cx);
        }
        // Refusals overtake loans: the candidate may have given up meanwhile.
        let wanted = self.role != Role::Follower || !self.refusals.is_empty();
        if self.log.first_difference(&loan.entries) <= self.log.last().index {
            if self.term.next() > Term::MAX {
                return;
            }
            self.adopt(self.term.next(), None, cx);
        }
        let had = self.log.last();
        if let Err(reason) = self.take_in(loan.entries, cx) {
            return self.illegal(from, reason, cx);
        }
        if self.log.last() < loan.last {
            // A loan that comes twice is answered once: where messages are duplicated, questions would beget loans and loans questions.
            if self.log.last() != had {
                self.borrow(from, self.log.last(), cx);
            }
        } else if wanted {
            self.campaign(cx);
        }
    }

    fn borrow<S: Sink<Self> + ?Sized>(&self, from: NodeId, hint: EntryId, cx: &mut Context<'_, Self, S>) {
        // Early: a question promises nothing.
        cx.send_early(from, Message::Borrow { term: self.term, hint });
    }
}

impl Loan {
    fn is_possible(&self, term: Term) -> bool {
        let Self { last, prev_term, entries } = self;
        let prev = entries.first().prev();
        !entries.is_empty()
            && last.term <= term
            && last.index <= Index::MAX
            && *last >= EntryId { term: entries.term(), index: entries.last() }
            && *prev_term <= entries.term()
            && (prev == Index::ZERO) == (*prev_term == Term::ZERO)
    }
}
