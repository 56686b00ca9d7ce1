//! Replication and commitment (sections 5.3 and 5.4.2 of the Raft paper), and changes of the membership (6).

use super::state::{Acknowledged, Part};
use super::{Entries, Guard, Spec};
use crate::{EntryId, Index, Membership, QuorumRule, Standing, Term};
use alloc::vec::Vec;
use synod_core::{Lsn, NodeId};

impl Spec {
    #[inline]
    pub(super) fn client_request(&mut self, at: usize, entries: &Entries) -> Result<(), Guard> {
        let server = self.at(at);
        self.leads(at, entries.term)?;
        let last = server.log.last();
        if entries.prev() != last {
            return Err(Guard::Gap { entry: EntryId { term: entries.term, index: entries.first }, last });
        }
        if let Some(membership) = &entries.membership {
            self.may_change(at, entries.term, membership)?;
        }
        let server = self.at_mut(at);
        server.log.push(entries.last, entries.term, entries.membership.clone());
        if let Some(reign) = self.reign_mut(entries.term) {
            reign.log.push(entries.last, entries.term, entries.membership.clone());
        }
        if let Some(membership) = &entries.membership {
            self.seat(at, entries.term, membership);
        }
        Ok(())
    }

    /// When a leader may put another membership into its log.
    fn may_change(&self, at: usize, term: Term, next: &Membership) -> Result<(), Guard> {
        let server = self.at(at);
        let first = self.reign(term).map_or(Index::MAX, |reign| reign.first);
        if server.commit < first {
            return Err(Guard::OwnTermUncommitted { first });
        }
        let (index, now) = server.log.membership();
        if *index > server.commit {
            return Err(Guard::ChangeInProgress { index: *index });
        }
        if !self.are_neighbours(now, next) {
            return Err(Guard::QuorumsApart);
        }
        Ok(())
    }

    /// Whether every quorum of one meets every quorum of the other: they are the same by the same rule, or differ in one voter where
    /// majorities rule (thesis 4.1), or one of them is joint and holds the other as a half, with its rule (6).
    fn are_neighbours(&self, now: &Membership, next: &Membership) -> bool {
        let ([rule, _], [next_rule, outgoing_rule]) = (self.rules(now), self.rules(next));
        if now.is_joint() {
            return !next.is_joint() && next.voters() == now.voters() && next_rule == rule;
        }
        if next.is_joint() {
            return next.outgoing() == now.voters() && outgoing_rule == rule && !next.voters().is_empty();
        }
        let only = |these: &[NodeId], those: &[NodeId]| these.iter().filter(|id| !those.contains(id)).count();
        let changed = only(now.voters(), next.voters()) + only(next.voters(), now.voters());
        let one = changed == 1 && *rule == QuorumRule::Majority;
        !next.voters().is_empty() && next_rule == rule && (changed == 0 || one)
    }

    /// Whoever is no member any more is forgotten, and whoever becomes one begins anew: what an earlier life of it acknowledged does not
    /// count.
    fn seat(&mut self, at: usize, term: Term, next: &Membership) {
        let lives = next.members().into_iter().map(|id| {
            let of = self.servers.iter().find(|(known, _)| *known == id);
            (id, of.map_or(0, |(_, server)| server.life))
        });
        let lives: Vec<(NodeId, u32)> = lives.collect();
        let server = self.at_mut(at);
        let known: Vec<NodeId> = server.matched.iter().map(|(id, _)| *id).collect();
        let members = next.members();
        let commit = server.commit;
        let before = server.log.membership_at(commit).map(|before| before.members()).unwrap_or_default();
        server.matched.retain(|(id, _)| members.contains(id) || before.contains(id));
        if let Some(reign) = self.reign_mut(term) {
            for (id, life) in lives.into_iter().filter(|(id, _)| !before.contains(id) && !known.contains(id))
            {
                reign.forget(id, life);
            }
        }
    }

    #[inline]
    pub(super) fn append_entries(
        &self,
        at: usize,
        to: NodeId,
        term: Term,
        entries: &Entries,
    ) -> Result<(), Guard> {
        self.leads(at, term)?;
        let log = &self.at(at).log;
        let prev = entries.prev();
        // Before everything is nothing, whatever was compacted.
        if prev != EntryId::ZERO && !log.holds(prev) {
            return Err(Guard::NotInLog { entry: prev });
        }
        if entries.first <= entries.last {
            let ends = [entries.first, entries.last].map(|index| EntryId { term: entries.term, index });
            if let Some(entry) = ends.into_iter().find(|end| !log.holds(*end)) {
                return Err(Guard::NotInLog { entry });
            }
            self.is_kept(at, to, entries)?;
        }
        Ok(())
    }

    /// A witness gets only what somebody else could lead with, as far as the leader has heard.
    #[inline]
    fn is_kept(&self, at: usize, to: NodeId, entries: &Entries) -> Result<(), Guard> {
        let server = self.at(at);
        let (entered, membership) = server.log.membership();
        let before = (*entered > server.commit).then(|| server.log.membership_at(entered.prev())).flatten();
        let mut known = [Some(membership), before].into_iter().flatten();
        if !known.any(|membership| membership.witnesses().contains(&to)) {
            return Ok(());
        }
        let least = entries.last.max(*entered);
        let could_lead = |id| membership.standing(id) == Some(Standing::Voter);
        if server.matched.iter().any(|(id, matched)| *matched >= least && could_lead(*id)) {
            Ok(())
        } else {
            Err(Guard::WitnessAlone { entry: EntryId { term: entries.term, index: entries.last } })
        }
    }

    #[inline]
    pub(super) fn handle_append(&mut self, at: usize, entries: &Entries) -> Result<(), Guard> {
        let server = self.at(at);
        if server.part == Part::Leader {
            return Err(Guard::Leads);
        }
        let last = EntryId { term: entries.term, index: entries.last };
        match self.reign(server.term) {
            Some(reign) if reign.log.holds(last) || last.index <= reign.log.base().index => {}
            _ => return Err(Guard::Unsent),
        }
        self.take_over(at, entries)
    }

    pub(super) fn borrow(&mut self, at: usize, entries: &Entries, lender: EntryId) -> Result<(), Guard> {
        let (id, server) = (self.id(at), self.at(at));
        if server.part == Part::Leader {
            return Err(Guard::Leads);
        }
        let own = server.log.last();
        if lender <= own {
            return Err(Guard::LenderLags { theirs: lender, own });
        }
        let removed = server.log.first_difference(entries).filter(|from| *from <= own.index);
        let known = self.reign(server.term).and_then(|reign| reign.acknowledged_by(id));
        let promised = known.map_or(Index::ZERO, |known| known.now);
        if let Some(from) = removed.filter(|from| *from <= promised) {
            return Err(Guard::RemovesAcknowledged { index: from });
        }
        self.take_over(at, entries)
    }

    pub(super) fn mend(&mut self, at: usize, entries: &Entries) -> Result<(), Guard> {
        let server = self.at(at);
        if !server.damaged {
            return Err(Guard::Unsent);
        }
        self.made(entries)?;
        // Between holes it may put things elsewhere than at the end; what became of its log it says itself.
        if server.log.holds(entries.prev()) { self.take_over(at, entries) } else { Ok(()) }
    }

    /// What differs gives way to what leaders have made; what does not differ stays (figure 2, "AppendEntries", 2 to 4).
    #[inline]
    fn take_over(&mut self, at: usize, entries: &Entries) -> Result<(), Guard> {
        self.made(entries)?;
        let server = self.at_mut(at);
        let prev = entries.prev();
        if prev.index >= server.log.base().index && !server.log.holds(prev) {
            return Err(Guard::Inconsistent { prev });
        }
        let Some(from) = server.log.first_difference(entries) else { return Ok(()) };
        if from <= server.commit {
            return Err(Guard::RemovesCommitted { index: from });
        }
        server.log.truncate(from);
        server.log.push(entries.last, entries.term, entries.membership.clone());
        Ok(())
    }

    #[inline]
    pub(super) fn acknowledge(
        &mut self,
        at: usize,
        leader: NodeId,
        term: Term,
        matched: Index,
        after: Lsn,
        in_doubt: bool,
    ) -> Result<(), Guard> {
        let (id, server) = (self.id(at), self.at(at));
        let life = server.life;
        if term != server.term {
            return Err(Guard::OtherTerm { term, own: server.term });
        }
        let Some(reign) = self.reign(term).filter(|reign| reign.leader == leader) else {
            return Err(Guard::NoSuchLeader { term, leader });
        };
        // What is committed is in the log of every later leader.
        let equal = matched <= server.commit
            || server.log.term_at(matched).is_some_and(|own| reign.log.term_at(matched) == Some(own));
        if !equal {
            return Err(Guard::NotEqual { matched });
        }
        if !(server.disk.has_entries(matched, after) && server.disk.has_term(after)) {
            return Err(Guard::NotDurable);
        }
        let Some(reign) = self.reign_mut(term) else { return Ok(()) };
        let place = match reign.acknowledged.iter().position(|(known, _)| *known == id) {
            Some(place) => place,
            None => {
                reign.acknowledged.push((id, Acknowledged { life, ..Acknowledged::default() }));
                reign.acknowledged.len() - 1
            }
        };
        let Some((_, known)) = reign.acknowledged.get_mut(place) else { return Ok(()) };
        if known.life < life {
            // It has lost something that it had told another leader; what it says from here on is of its new life.
            known.ends(life);
        }
        if in_doubt {
            known.doubted = known.doubted.max(matched);
        } else {
            known.now = known.now.max(matched).max(known.doubted);
        }
        Ok(())
    }

    #[inline]
    pub(super) fn count(&mut self, at: usize, follower: NodeId, matched: Index) -> Result<(), Guard> {
        let term = self.at(at).term;
        self.leads(at, term)?;
        let said = self.reign(term).map_or(Index::ZERO, |reign| {
            let since = reign.counts_since(follower);
            reign.acknowledged_by(follower).map_or(Index::ZERO, |known| known.since(since))
        });
        if matched > said {
            return Err(Guard::NotEqual { matched });
        }
        let server = self.at_mut(at);
        // What it stored while it was in doubt counts from when it is not any more.
        let doubtful = server.doubtful.iter().find(|(id, _)| *id == follower);
        let matched = doubtful.map_or(matched, |(_, doubtful)| matched.max(*doubtful));
        match server.matched.iter_mut().find(|(id, _)| *id == follower) {
            Some((_, known)) => *known = matched.max(*known),
            None => server.matched.push((follower, matched)),
        }
        Ok(())
    }

    pub(super) fn note_doubt(&mut self, at: usize, follower: NodeId, matched: Index) -> Result<(), Guard> {
        let term = self.at(at).term;
        self.leads(at, term)?;
        let known = self.reign(term).and_then(|reign| reign.acknowledged_by(follower));
        let said = known.map_or(Index::ZERO, |known| known.doubted);
        if matched > said {
            return Err(Guard::NotEqual { matched });
        }
        let server = self.at_mut(at);
        let known = server.doubtful.iter().find(|(id, _)| *id == follower).map(|(_, known)| *known);
        server.doubtful.retain(|(id, _)| *id != follower);
        server.doubtful.push((follower, matched.max(known.unwrap_or_default())));
        Ok(())
    }

    pub(super) fn confess(&mut self, at: usize, term: Term) -> Result<(), Guard> {
        let (id, life) = (self.id(at), self.at(at).life);
        if let Some(reign) = self.reign_mut(term)
            && !reign.confessed.contains(&(id, life))
        {
            reign.confessed.push((id, life));
        }
        Ok(())
    }

    pub(super) fn forget(&mut self, at: usize, follower: NodeId) -> Result<(), Guard> {
        let term = self.at(at).term;
        self.leads(at, term)?;
        let Some(reign) = self.reign_mut(term) else { return Ok(()) };
        // What it has acknowledged since stays: the message may be a late copy.
        let counts_since = reign.counts_since(follower);
        let confessed = reign.confessed.iter().filter(|(id, life)| *id == follower && *life > counts_since);
        let Some(life) = confessed.map(|(_, life)| *life).min() else { return Ok(()) };
        reign.forget(follower, life);
        let since = reign.acknowledged_by(follower).map_or(Index::ZERO, |known| known.since(life));
        let server = self.at_mut(at);
        let of = server.matched.iter_mut().find(|(id, _)| *id == follower);
        of.into_iter().for_each(|(_, matched)| *matched = since.min(*matched));
        server.doubtful.retain(|(id, _)| *id != follower);
        Ok(())
    }

    #[inline]
    pub(super) fn advance_commit(&mut self, at: usize, index: Index) -> Result<(), Guard> {
        let server = self.at(at);
        let term = server.term;
        self.leads(at, term)?;
        let Some(of) = server.log.term_at(index) else {
            return Err(Guard::NotInLog { entry: EntryId { term, index } });
        };
        if of != term {
            return Err(Guard::EarlierTerm { term: of });
        }
        let (entered, membership) = server.log.membership();
        let has = |voter| server.matched.iter().any(|(id, matched)| *id == voter && *matched >= index);
        if !self.is_quorum(membership, false, has) {
            return Err(Guard::NoCommitQuorum { index: *entered });
        }
        self.commit(at, index)?;
        if let Some(reign) = self.reign_mut(term) {
            reign.commit = index;
            reign.told = reign.told.max(index);
        }
        Ok(())
    }

    #[inline]
    pub(super) fn learn_commit(&mut self, at: usize, index: Index) -> Result<(), Guard> {
        let server = self.at(at);
        let reign = self.reign(server.term);
        let told = reign.map_or(Index::ZERO, |reign| reign.told);
        if index > told {
            return Err(Guard::NotTold { told });
        }
        let Some(own) = server.log.term_at(index) else {
            return Err(Guard::NotInLog { entry: EntryId { term: server.term, index } });
        };
        // What its leader's log begins after was committed.
        let theirs =
            reign.and_then(|reign| reign.log.term_at(index)).or_else(|| self.committed.term_at(index));
        if theirs != Some(own) {
            return Err(Guard::NotEqual { matched: index });
        }
        self.commit(at, index)
    }

    /// Everything up to `index` of this server's log is committed, and so it is everywhere (State Machine Safety, figure 3).
    #[inline]
    fn commit(&mut self, at: usize, index: Index) -> Result<(), Guard> {
        let known = self.committed.last();
        let server = self.at(at);
        let checked = index.min(known.index);
        let agrees = checked <= server.log.base().index
            || server.log.term_at(checked) == self.committed.term_at(checked);
        if !agrees {
            return Err(Guard::StateMachineSafety { index: checked });
        }
        if index > known.index {
            self.extend(at, known.index, index);
        }
        self.at_mut(at).commit = index;
        Ok(())
    }

    /// Entries are committed for the first time.
    #[inline]
    fn extend(&mut self, at: usize, known: Index, index: Index) {
        let Self { servers, committed, .. } = self;
        let Some((_, server)) = servers.get(at) else { return };
        match server.log.term_at(known.next()) {
            // Mostly they are of one term.
            Some(first) if server.log.term_at(index) == Some(first) => committed.push(index, first, None),
            _ => server.log.runs(known, index).for_each(|(end, term)| committed.push(end, term, None)),
        }
        for (entered, membership) in server.log.memberships(known, index) {
            committed.enter(*entered, membership.clone());
        }
    }

    #[inline]
    pub(super) fn tell_commit(&self, at: usize, term: Term, index: Index) -> Result<(), Guard> {
        self.leads(at, term)?;
        let own = self.at(at).commit;
        if index > own { Err(Guard::TellsTooMuch { told: index, own }) } else { Ok(()) }
    }

    pub(super) fn tell_index(&self, at: usize, term: Term, index: Index) -> Result<(), Guard> {
        self.tell_commit(at, term, index)?;
        match self.reign(term) {
            Some(reign) if reign.first <= self.at(at).commit => Ok(()),
            _ => Err(Guard::ReadTooSoon),
        }
    }
}
