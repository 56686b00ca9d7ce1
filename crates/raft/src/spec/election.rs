//! Elections (sections 5.1, 5.2, 5.4.1 and 6 of the Raft paper; 3.10 and 9.6 of the thesis).

use super::state::{Part, Reign};
use super::{Guard, Spec};
use crate::{EntryId, Index, Term};
use alloc::vec::Vec;
use synod_core::{Lsn, NodeId};

impl Spec {
    pub(super) fn timeout(&mut self, at: usize) -> Result<(), Guard> {
        let id = self.id(at);
        let server = self.at_mut(at);
        if server.part == Part::Leader {
            return Err(Guard::Leads);
        }
        if server.damaged {
            return Err(Guard::Damaged);
        }
        let term = server.term.next();
        let last = server.log.last();
        (server.term, server.voted_for, server.part) = (term, Some(id), Part::Candidate);
        server.votes.clear();
        self.highest = self.highest.max(term);
        self.vote(term, id, id)?;
        self.candidacies.insert((term, id), last);
        Ok(())
    }

    /// A vote is given once and for all; unless damage has taken it from the voter, and whoever got it is no candidate of that term any
    /// more, so that it cannot be counted. Should an answer that tells of it be counted all the same, that is not allowed.
    fn vote(&mut self, term: Term, voter: NodeId, candidate: NodeId) -> Result<(), Guard> {
        let before = *self.cast.entry((term, voter)).or_insert(candidate);
        if before == candidate {
            return Ok(());
        }
        let of = |id: NodeId| self.servers.iter().find(|(known, _)| *known == id).map(|(_, server)| server);
        let lost = of(voter).is_some_and(|server| server.life > 0);
        let counts = of(before).is_some_and(|server| server.term == term && server.part == Part::Candidate);
        let led = self.reign(term).is_some_and(|reign| reign.leader == before);
        let forgotten = before == voter || !(counts || led);
        if lost && forgotten {
            self.cast.insert((term, voter), candidate);
            return Ok(());
        }
        Err(Guard::VotedAlready { term, voted_for: before })
    }

    pub(super) fn request_votes(
        &self,
        at: usize,
        last: EntryId,
        by_transfer: bool,
        after: Lsn,
    ) -> Result<(), Guard> {
        let (id, server) = (self.id(at), self.at(at));
        if server.part != Part::Candidate {
            return Err(Guard::NotCandidate);
        }
        if server.voted_for != Some(id) {
            return Err(Guard::OtherVote { candidate: id });
        }
        // An earlier, shorter log is no lie that could help the candidate; a longer one is.
        if last > server.log.last() {
            return Err(Guard::NotInLog { entry: last });
        }
        if !server.disk.has_term(after) {
            return Err(Guard::NotDurable);
        }
        let appointed =
            || self.reigns.iter().any(|reign| reign.term < server.term && reign.appointed.contains(&id));
        if by_transfer && !appointed() {
            return Err(Guard::NotAppointed);
        }
        Ok(())
    }

    pub(super) fn pre_vote(&self, at: usize, term: Term, last: EntryId) -> Result<(), Guard> {
        let server = self.at(at);
        if term != server.term.next() {
            return Err(Guard::OtherTerm { term, own: server.term });
        }
        if last > server.log.last() {
            return Err(Guard::NotInLog { entry: last });
        }
        Ok(())
    }

    pub(super) fn grant_pre_vote(&self, at: usize, term: Term, last: EntryId) -> Result<(), Guard> {
        let server = self.at(at);
        if term <= server.term {
            return Err(Guard::TermNotLater { term });
        }
        if last < server.log.last() {
            return Err(Guard::NotUpToDate { theirs: last, own: server.log.last() });
        }
        Ok(())
    }

    pub(super) fn update_term(&mut self, at: usize, term: Term) -> Result<(), Guard> {
        if term <= self.at(at).term {
            return Err(Guard::TermNotLater { term });
        }
        // A server that has named it may have crashed before it was durable there.
        if term > self.highest {
            return Err(Guard::TermUnheard { term });
        }
        self.enter(at, term);
        Ok(())
    }

    pub(super) fn leave_term(&mut self, at: usize) -> Result<(), Guard> {
        if self.at(at).part == Part::Leader {
            return Err(Guard::Leads);
        }
        let next = self.at(at).term.next();
        self.enter(at, next);
        Ok(())
    }

    fn enter(&mut self, at: usize, term: Term) {
        let server = self.at_mut(at);
        (server.term, server.voted_for, server.part) = (term, None, Part::Follower);
        server.votes.clear();
        server.matched.clear();
        server.doubtful.clear();
        self.highest = self.highest.max(term);
    }

    pub(super) fn grant_vote(&mut self, at: usize, candidate: NodeId, last: EntryId) -> Result<(), Guard> {
        let (id, server) = (self.id(at), self.at(at));
        let term = server.term;
        if self.candidacies.get(&(term, candidate)) != Some(&last) {
            return Err(Guard::NotAsked { candidate, term, last });
        }
        if let Some(voted_for) = server.voted_for.filter(|voted_for| *voted_for != candidate) {
            return Err(Guard::VotedAlready { term, voted_for });
        }
        if last < server.log.last() {
            return Err(Guard::NotUpToDate { theirs: last, own: server.log.last() });
        }
        self.vote(term, id, candidate)?;
        self.at_mut(at).voted_for = Some(candidate);
        Ok(())
    }

    pub(super) fn say_vote(&self, at: usize, candidate: NodeId, term: Term, after: Lsn) -> Result<(), Guard> {
        let server = self.at(at);
        if term != server.term {
            return Err(Guard::OtherTerm { term, own: server.term });
        }
        if server.voted_for != Some(candidate) {
            return Err(Guard::OtherVote { candidate });
        }
        if !server.disk.has_term(after) {
            return Err(Guard::NotDurable);
        }
        Ok(())
    }

    pub(super) fn abstain(&mut self, at: usize) -> Result<(), Guard> {
        let id = self.id(at);
        let server = self.at_mut(at);
        match server.voted_for {
            Some(voted_for) if voted_for != id => Err(Guard::VotedAlready { term: server.term, voted_for }),
            // What it has voted before the damage is among the facts; this is no vote that anybody hears of.
            _ => {
                server.voted_for = Some(id);
                Ok(())
            }
        }
    }

    pub(super) fn count_vote(&mut self, at: usize, voter: NodeId) -> Result<(), Guard> {
        let id = self.id(at);
        let term = self.at(at).term;
        if self.cast.get(&(term, voter)) != Some(&id) {
            return Err(Guard::OtherVote { candidate: id });
        }
        let server = self.at_mut(at);
        if server.part != Part::Candidate {
            return Err(Guard::NotCandidate);
        }
        if !server.votes.contains(&voter) {
            server.votes.push(voter);
        }
        Ok(())
    }

    pub(super) fn become_leader(&mut self, at: usize) -> Result<(), Guard> {
        let (id, server) = (self.id(at), self.at(at));
        if server.part != Part::Candidate {
            return Err(Guard::NotCandidate);
        }
        let (index, membership) = server.log.membership();
        if !self.is_quorum(membership, true, |voter| server.votes.contains(&voter)) {
            return Err(Guard::NoElectionQuorum { votes: server.votes.len(), index: *index });
        }
        let (term, last) = (server.term, server.log.last());
        if let Some(reign) = self.reign(term) {
            return Err(Guard::ElectionSafety { term, leader: reign.leader });
        }
        self.is_complete(at, term)?;
        let server = self.at_mut(at);
        server.part = Part::Leader;
        server.matched.clear();
        server.doubtful.clear();
        let reign = Reign {
            term,
            leader: id,
            log: server.log.clone(),
            first: last.index.next(),
            before: last.term,
            commit: Index::ZERO,
            told: server.commit,
            acknowledged: Vec::new(),
            forgotten: Vec::new(),
            confessed: Vec::new(),
            appointed: Vec::new(),
        };
        let place = self.reigns.partition_point(|other| other.term < term);
        self.reigns.insert(place, reign);
        Ok(())
    }

    /// What was committed in an earlier term is in the log of the leader of a later one (figure 3).
    fn is_complete(&self, at: usize, term: Term) -> Result<(), Guard> {
        let earlier = self.reigns.iter().take_while(|reign| reign.term < term);
        let Some(index) = earlier.map(|reign| reign.commit).max() else { return Ok(()) };
        let entry = EntryId { term: self.committed.term_at(index).unwrap_or_default(), index };
        let log = &self.at(at).log;
        if index <= log.base().index || log.holds(entry) {
            Ok(())
        } else {
            Err(Guard::LeaderCompleteness { entry })
        }
    }

    pub(super) fn step_down(&mut self, at: usize) -> Result<(), Guard> {
        let server = self.at_mut(at);
        server.part = Part::Follower;
        server.votes.clear();
        server.matched.clear();
        server.doubtful.clear();
        Ok(())
    }

    pub(super) fn hand_over(&mut self, at: usize, to: NodeId, term: Term) -> Result<(), Guard> {
        self.leads(at, term)?;
        if let Some(reign) = self.reign_mut(term)
            && !reign.appointed.contains(&to)
        {
            reign.appointed.push(to);
        }
        Ok(())
    }

    /// Who speaks as the leader of a term must be that.
    #[inline]
    pub(super) fn leads(&self, at: usize, term: Term) -> Result<(), Guard> {
        let server = self.at(at);
        if server.part != Part::Leader {
            return Err(Guard::NotLeader);
        }
        if server.term != term {
            return Err(Guard::OtherTerm { term, own: server.term });
        }
        Ok(())
    }
}
