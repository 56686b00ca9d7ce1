//! What is committed, and who is told.

use crate::{Index, Raft, Role};
use synod_core::{Context, Sink, mutant};

impl Raft {
    /// The leader commits what a quorum has made durable, if it is of the leader's own term; everything before is then
    /// committed with it. By counting alone, an entry of an earlier term could be overwritten afterwards (figure 8).
    pub(crate) fn advance_commit<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.role != Role::Leader || self.commits_are_held(cx) {
            return;
        }
        let matched = |place: usize| self.trusted(place).map_or(Index::ZERO, |progress| progress.matched);
        let best = mutant!(
            self.seats.commit(self.commit, matched),
            "commit-without-quorum" => {
                let mut held: alloc::vec::Vec<Index> = self.progress.iter().map(|other| other.matched).collect();
                held.sort_unstable_by(|a, b| b.cmp(a));
                held.get((held.len() / 2).saturating_sub(1)).copied().filter(|best| *best > self.commit)
            },
            "commit-waits-for-own-disk" => {
                let own = self.place(self.config.id).map_or(Index::ZERO, matched);
                self.seats.commit(self.commit, matched).map(|best| best.min(own)).filter(|best| *best > self.commit)
            },
        );
        let Some(best) = best else { return };
        if mutant!(self.log.term_at(best) == Some(self.term), "commit-of-earlier-term" => true) {
            self.commit_to(best, cx);
            self.settle_membership(cx);
        }
    }

    /// Everything up to `index` is committed: the application gets what it has not got.
    pub(crate) fn commit_to<S: Sink<Self> + ?Sized>(&mut self, index: Index, cx: &mut Context<'_, Self, S>) {
        let index = index.min(self.log.last().index);
        if index <= self.commit {
            return;
        }
        let before = self.commit;
        self.commit = index;
        if self.role == Role::Leader {
            self.owe_everybody();
            self.extend_guard();
            self.uncommitted_bytes =
                self.uncommitted_bytes.saturating_sub(self.log.bytes(before.next(), index));
        }
        self.deliver(cx);
        self.membership_committed(before, cx);
        if self.has_ready_reads() {
            self.serve_ready_reads(cx);
        }
        self.cool(cx);
    }
}
