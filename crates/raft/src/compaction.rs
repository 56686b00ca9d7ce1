//! How the log gets shorter at its front.

use crate::{EntryId, Index, Raft};
use synod_core::{Context, Lsn, Sink, mutant};

impl Raft {
    /// The application's durable state covers everything up to `upto`.
    ///
    /// Whole segments are forgotten, and a record says so. When that is durable the records before the first that is still
    /// needed are released. O(segments forgotten), allocates nothing.
    pub(crate) fn on_compact<S: Sink<Self> + ?Sized>(&mut self, upto: Index, cx: &mut Context<'_, Self, S>) {
        // What is not committed is in nobody's state; an application that says so is mistaken about how far it is.
        let index = upto.min(self.commit);
        let Some(term) = self.log.term_at(index).filter(|_| index > self.snapshot.index) else { return };
        if self.is_mending() {
            // What the log lacks is not known yet.
            return;
        }
        if self.reception.is_wanted() {
            // An application that has lost its state is in no state to say so.
            return;
        }
        self.delivered = self.delivered.max(index);
        if self.log.compact(Index(index.since(Index(self.config.trailing_entries)))) {
            self.snapshot = EntryId { term, index };
            let membership = self.roster.at(index).clone();
            self.roster.restore(
                index,
                mutant!(membership, "membership-lost-in-compaction" => self.config.membership().into()),
            );
            let at = self.persist_state(cx);
            let oldest = self.oldest_record().unwrap_or(at);
            cx.release(Lsn(oldest.0.saturating_sub(1)));
        }
    }
}
