//! A node that is not whole asks everybody: how far are you, and do you have what I lack?

use crate::{EntryId, Illegal, Index, Loan, Message, Raft, Term, Timer};
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use synod_core::{Context, NodeId, Peers, Sink, mutant};

/// What another node has said about itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Said {
    /// Its last entry, behind holes if it has any.
    pub last: EntryId,
    /// The voters that it knows of.
    pub voters: Vec<NodeId>,
}

/// How many holes behind the first are asked for at a time.
const HOLES_MAX: usize = 8;

impl Raft {
    /// Asks everybody, and again after a while.
    pub(crate) fn take_census<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.mending.is_none() {
            return;
        }
        cx.arm(Timer::Census, self.config.election_timeout_max);
        // Early: a question promises nothing.
        cx.send_early(self.everybody(), Message::HowFar { term: self.term });
        self.ask_for_first_hole(self.everybody(), cx);
        // Only whether the later holes can be filled: what comes behind one that cannot was never committed.
        let Some(mending) = &self.mending else { return };
        for upto in mending.islands.ends().skip(1).take(HOLES_MAX) {
            let after = EntryId { index: upto.index.prev(), ..upto };
            // Early: a question promises nothing.
            cx.send_early(self.everybody(), Message::Mend { term: self.term, after, upto });
        }
    }

    /// A node that has lost everything knows nobody whom it could ask, until somebody speaks to it. That one names the voters that it knows of;
    /// since a membership is left only with a commit quorum of its voters, which is never this node alone, each of the others, asked in turn,
    /// leads to the latest.
    pub(crate) fn ask_a_stranger<S: Sink<Self> + ?Sized>(&self, from: NodeId, cx: &mut Context<'_, Self, S>) {
        if self.is_in_doubt() && from != self.config.id && self.everybody().is_empty() {
            // Early: a question promises nothing.
            cx.send_early(from, Message::HowFar { term: self.term });
        }
    }

    /// Asks for what the first hole lacks. Whoever answers with a part of it is asked for the next, and nobody else, or the answers
    /// would multiply.
    fn ask_for_first_hole<S: Sink<Self> + ?Sized>(
        &self,
        to: impl Into<Peers>,
        cx: &mut Context<'_, Self, S>,
    ) {
        if let Some(upto) = self.first_missing() {
            // Early: a question promises nothing.
            cx.send_early(to, Message::Mend { term: self.term, after: self.log.last(), upto });
        }
    }

    fn first_missing(&self) -> Option<EntryId> {
        self.mending.as_ref().and_then(|mending| mending.first_missing(self.log.last()))
    }

    /// All other voters that are heard of.
    fn everybody(&self) -> Arc<[NodeId]> {
        self.electorate_known().into_iter().filter(|id| *id != self.config.id).collect()
    }

    /// The voters of the membership that is committed, as far as is known, and of all later ones: they may be undone.
    fn electorates(&self) -> BTreeSet<NodeId> {
        let later = self.roster.between(self.commit, Index::MAX).map(|(_, membership)| membership);
        let all = later.chain(core::iter::once(self.roster.at(self.commit)));
        all.flat_map(|membership| membership.electorate()).collect()
    }

    /// The voters of every membership that is heard of.
    fn electorate_known(&self) -> BTreeSet<NodeId> {
        let mut known = self.electorates();
        if let Some(mending) = &self.mending {
            known.extend(mending.census.values().flat_map(|said| said.voters.iter().copied()));
        }
        known
    }

    /// Somebody is not whole, and wants to know how far this node is.
    pub(crate) fn on_how_far<S: Sink<Self> + ?Sized>(&self, from: NodeId, cx: &mut Context<'_, Self, S>) {
        let behind_holes = self.mending.as_ref().and_then(|mending| mending.islands.last());
        let last = behind_holes.unwrap_or_default().max(self.log.last());
        let said = Box::new(Said { last, voters: self.electorates().into_iter().collect() });
        // Early: what it says of the term may be lost in a crash, for it promises nothing; a vote is durable before anybody hears of it.
        cx.send_early(from, Message::SoFar { term: self.term, said });
    }

    pub(crate) fn on_so_far<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        said: Said,
        cx: &mut Context<'_, Self, S>,
    ) {
        if said.last.term > term || said.last.index > Index::MAX {
            return self.illegal(from, Illegal::ImpossibleTerm, cx);
        }
        if self.mending.is_none() {
            return;
        }
        if term > self.term {
            self.follow(term, None, cx);
        }
        if let Some(mending) = &mut self.mending {
            mending.census.insert(from, said);
        }
        self.weigh_census(cx);
    }

    /// When all have spoken, nothing can be missing that nobody has spoken of.
    fn weigh_census<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let known = self.electorate_known();
        let own = self.config.id;
        let Some(mending) = &mut self.mending else { return };
        let complete = mutant!(
            known.iter().all(|id| *id == own || mending.census.contains_key(id)),
            "census-of-some" => !mending.census.is_empty(),
        );
        // Whoever knows of nobody has learned nothing: a node that joins, say, and has lost what told it of the others.
        if !complete || known.iter().all(|id| *id == own) {
            return;
        }
        if !mending.caught_up {
            mending.floor = mending.census.values().map(|said| said.last).max().unwrap_or_default();
        }
        if mending.tail || mending.vote {
            if mending.vote {
                // The vote may have been given in the term that this node is in now, which is the latest of all.
                self.voted_for = mutant!(self.voted_for.or(Some(own)), "votes-again-after-damage" => None);
            }
            (mending.tail, mending.vote) = (false, false);
            self.state_end(self.vote_floor(), cx);
        }
        let Some(mending) = &mut self.mending else { return };
        // Nobody has what a hole lacks: its end was never committed, or a record that is lost has overwritten it.
        let nobody_has =
            |end: EntryId| known.iter().all(|id| *id == own || mending.without.contains(&(end, *id)));
        let given_up = mending.islands.ends().position(nobody_has);
        if let Some(place) = given_up {
            mending.without.clear();
            mending.islands.give_up(place);
            if place == 0 {
                self.ask_for_first_hole(self.everybody(), cx);
            }
        }
        self.mended_by_leader(cx);
    }

    /// Somebody lacks entries in front of one that this node may hold.
    pub(crate) fn on_mend<S: Sink<Self> + ?Sized>(
        &self,
        from: NodeId,
        after: EntryId,
        upto: EntryId,
        cx: &mut Context<'_, Self, S>,
    ) {
        let on_log = self.log.term_at(upto.index) == Some(upto.term);
        let island = self.mending.as_ref().and_then(|mending| mending.islands.holding(upto));
        if upto.index <= self.log.base().index {
            // It is in the application's state, or was overwritten; only a leader can help.
            return;
        }
        let Some(log) = (if on_log { Some(&self.log) } else { island }) else {
            let has_not =
                Loan { last: upto, prev_term: Term::ZERO, entries: crate::Segment::empty(Index(1)) };
            // Early: says what is not here.
            return cx.send_early(from, Message::Mended { term: self.term, loan: Box::new(has_not) });
        };
        let prev = log.last_candidate(after.index.min(upto.index.prev()), after.term);
        let batch = log.batch(prev.index.next(), self.config.batch_entries_max, self.config.batch_bytes_max);
        // What is compacted, or on the disk alone, others may have.
        if batch.is_empty() || batch.is_hollow() || batch.first() != prev.index.next() {
            return;
        }
        let entries = batch.range(batch.first(), upto.index);
        let loan = Loan { last: upto, prev_term: prev.term, entries };
        // Early: says nothing about this node's copy.
        cx.send_early(from, Message::Mended { term: self.term, loan: Box::new(loan) });
    }

    /// Entries for the first hole: whoever sends them, the name of the entry at its end says what they are.
    pub(crate) fn on_mended<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        loan: Loan,
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(mending) = &mut self.mending else { return };
        if loan.entries.is_empty() {
            if mending.islands.ends().any(|end| end == loan.last) {
                mending.without.insert((loan.last, from));
            }
            return self.weigh_census(cx);
        }
        if mending.first_missing(self.log.last()) != Some(loan.last) {
            return;
        }
        let (entries, prev) = (loan.entries, EntryId { term: loan.prev_term, index: Index::ZERO });
        let prev = EntryId { index: entries.first().prev(), ..prev };
        let fits = entries.last() <= loan.last.index
            && entries.term() <= loan.last.term
            && prev.term <= entries.term()
            && (entries.last() < loan.last.index || entries.term() == loan.last.term);
        if !fits {
            return self.illegal(from, Illegal::ImpossibleTerm, cx);
        }
        if let Some(reason) = self.misfit(&entries) {
            return self.illegal(from, reason, cx);
        }
        if self.log.term_at(prev.index) != Some(prev.term) {
            // Before the hole stands something else than in front of its end: the newer record was in the hole. It is asked for again
            // from farther back.
            if prev.index <= self.log.last().index && prev.index >= self.commit {
                let back = self.log.last_candidate(prev.index, prev.term);
                self.truncate_log(back.index.max(self.commit).next(), cx);
            }
            return;
        }
        match self.take_in(entries, cx) {
            Ok(true) => {}
            // Somebody else was faster.
            Ok(false) => return,
            Err(reason) => return self.illegal(from, reason, cx),
        }
        self.join_islands(cx);
        match self.first_missing() {
            Some(next) if next == loan.last => self.ask_for_first_hole(from, cx),
            Some(_) => self.ask_for_first_hole(self.everybody(), cx),
            None => self.weigh_census(cx),
        }
    }

    /// Where a hole is filled, what comes behind it follows; it is written anew, so that records lie in the order of their entries.
    pub(crate) fn join_islands<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        while let Some(next) =
            self.mending.as_mut().and_then(|mending| mending.islands.take_joined(&self.log))
        {
            for entries in next.segments() {
                let _ = self.take_in(entries.clone(), cx);
            }
        }
        if let Some(mending) = &mut self.mending {
            mending.without.clear();
        }
    }
}
