//! Snapshots (section 7 of the Raft paper), crashes, and damage.

use super::state::Part;
use super::{Guard, Spec};
use crate::{EntryId, Index, Membership, Term};
use alloc::sync::Arc;

impl Spec {
    pub(super) fn compact(
        &mut self,
        at: usize,
        last: EntryId,
        membership: &Arc<Membership>,
    ) -> Result<(), Guard> {
        let server = self.at_mut(at);
        if last.index > server.commit {
            return Err(Guard::SnapshotUncommitted { last });
        }
        if !server.log.holds(last) {
            return Err(Guard::NotInLog { entry: last });
        }
        if server.log.membership_at(last.index) != Some(membership) {
            return Err(Guard::OtherMembership { index: last.index });
        }
        server.snapshot = last;
        server.log.restore(last.index, membership.clone());
        Ok(())
    }

    pub(super) fn send_snapshot(
        &self,
        at: usize,
        term: Term,
        last: EntryId,
        membership: &Arc<Membership>,
    ) -> Result<(), Guard> {
        // After a restart a state machine may have what its server does not know to be committed any more.
        let is_committed = last.index <= self.committed() && self.committed.holds(last);
        if !is_committed {
            self.tell_commit(at, term, last.index)?;
        }
        let log = &self.at(at).log;
        if last.index >= log.base().index && !log.holds(last) {
            return Err(Guard::NotInLog { entry: last });
        }
        self.is_in_effect(last.index, membership)
    }

    pub(super) fn install(
        &mut self,
        at: usize,
        last: EntryId,
        membership: &Arc<Membership>,
    ) -> Result<(), Guard> {
        if last.index > self.committed() || !self.committed.holds(last) {
            return Err(Guard::SnapshotUncommitted { last });
        }
        if last.index < self.at(at).snapshot.index {
            return Err(Guard::OlderSnapshot { last, own: self.at(at).snapshot });
        }
        self.is_in_effect(last.index, membership)?;
        let server = self.at_mut(at);
        if !server.log.holds(last) {
            // What is here differs from what was committed, or does not reach so far.
            server.log.reset(last);
            server.disk.unsynced.clear();
        }
        server.snapshot = last;
        server.log.restore(last.index, membership.clone());
        server.commit = server.commit.max(last.index);
        let (commit, leads, term) = (server.commit, server.part == Part::Leader, server.term);
        if leads && let Some(reign) = self.reign_mut(term) {
            reign.told = reign.told.max(commit);
        }
        Ok(())
    }

    fn is_in_effect(&self, index: Index, membership: &Arc<Membership>) -> Result<(), Guard> {
        match self.committed.membership_at(index) {
            Some(known) if known == membership => Ok(()),
            _ => Err(Guard::OtherMembership { index }),
        }
    }

    pub(super) fn restart(&mut self, at: usize) -> Result<(), Guard> {
        let server = self.at_mut(at);
        server.part = Part::Follower;
        server.commit = server.snapshot.index;
        server.votes.clear();
        server.matched.clear();
        server.doubtful.clear();
        Ok(())
    }
}
