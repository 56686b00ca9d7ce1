//! What is committed, and who is told.

use crate::{Event, Index, Raft, Role};
use synod_core::{Context, Sink, mutant};

impl Raft {
    /// The leader commits what a quorum has made durable, if it is of the leader's own term; everything before is then
    /// committed with it. By counting alone, an entry of an earlier term could be overwritten afterwards (figure 8).
    pub(crate) fn advance_commit<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.role != Role::Leader || self.commits_are_held(cx) {
            return;
        }
        let quorum = self.config.quorum_size();
        let mut best = self.commit;
        for candidate in &self.progress {
            let index = candidate.matched;
            if index > best && self.progress.iter().filter(|other| other.matched >= index).count() >= quorum {
                best = index;
            }
        }
        let own_term = mutant!(self.log.term_at(best) == Some(self.term), "commit-of-earlier-term" => true);
        if best > self.commit && own_term {
            self.commit_to(best, cx);
        }
    }

    /// Everything up to `index` is committed: the application gets what it has not got.
    pub(crate) fn commit_to<S: Sink<Self> + ?Sized>(&mut self, index: Index, cx: &mut Context<'_, Self, S>) {
        let index = index.min(self.log.last().index);
        if index <= self.commit {
            return;
        }
        let from = self.commit.next();
        self.commit = index;
        if self.role == Role::Leader {
            self.owe_everybody();
            self.extend_guard();
        }
        for entries in self.log.range(from, index) {
            // Early: a quorum has made these durable; it does not matter whether this node's disk is one of it.
            cx.emit_early(Event::Committed(entries));
        }
        if self.has_ready_reads() {
            self.serve_ready_reads(cx);
        }
    }
}
