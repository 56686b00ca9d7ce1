//! Payloads that are on the disk alone, read again when somebody needs them: a peer that lags behind, or the application after a
//! restart.

use crate::{Event, Index, Job, Raft, RecoverError, Segment};
use alloc::collections::VecDeque;
use synod_core::{Context, Damage, Lsn, Sink};

/// How many records may be asked for at the same time: who needs one mostly needs those after it.
const ASKED_MAX: usize = 8;
/// What was read is kept for so many batches, since several peers may need the same.
const KEPT_BATCHES: usize = 4;

/// What was read again, and what is being read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Recall {
    /// Oldest reading first.
    read: VecDeque<Segment>,
    asked: VecDeque<Lsn>,
}

impl Recall {
    fn bytes(&self) -> usize {
        self.read.iter().map(|entries| entries.arena().len()).sum()
    }

    /// The entries from `from` on were removed: what was read of them is not what will stand there.
    pub(crate) fn truncate(&mut self, from: Index) {
        if !self.read.is_empty() {
            self.read.retain(|entries| entries.last() < from);
        }
    }

    /// The entries that hold `index`, if they were read again.
    pub(crate) fn find(&self, index: Index) -> Option<&Segment> {
        self.read.iter().rev().find(|entries| entries.first() <= index && index <= entries.last())
    }
}

impl Raft {
    /// Has the payloads from `from` on read again.
    pub(crate) fn recall<S: Sink<Self> + ?Sized>(&mut self, from: Index, cx: &mut Context<'_, Self, S>) {
        for at in self.log.cold_records(from).take(ASKED_MAX) {
            if self.recall.asked.len() >= ASKED_MAX {
                return;
            }
            if !self.recall.asked.contains(&at) {
                self.recall.asked.push_back(at);
                cx.job(Job::Recall { at });
            }
        }
    }

    /// A record was read again.
    pub(crate) fn on_recalled<S: Sink<Self> + ?Sized>(
        &mut self,
        at: Lsn,
        entries: Option<Segment>,
        cx: &mut Context<'_, Self, S>,
    ) {
        let before = self.recall.asked.len();
        self.recall.asked.retain(|asked| *asked != at);
        if self.recall.asked.len() == before {
            return;
        }
        let Some(cold) = self.log.cold_at(at) else {
            // Meanwhile it was compacted, or overwritten. What is needed now could not be asked for while so much else was.
            self.deliver(cx);
            return self.owe_everybody();
        };
        // A record may hold more than is left of it here.
        let fits = |entries: &Segment| {
            entries.term() == cold.term()
                && !entries.is_hollow()
                && entries.first() <= cold.first()
                && entries.last() >= cold.last()
        };
        let Some(entries) = entries.filter(fits).map(|entries| entries.range(cold.first(), cold.last()))
        else {
            // A record that was durable and cannot be read: what it says may be needed, and what else is lost is unknown. A
            // restart finds out.
            self.halted = true;
            // Early: the disk has nothing more to say.
            return cx.emit_early(Event::Halted(RecoverError::Damaged { at, damage: Damage::Unreadable }));
        };
        while !self.recall.read.is_empty()
            && self.recall.bytes() + entries.arena().len() > KEPT_BATCHES * self.config.batch_bytes_max
        {
            self.recall.read.pop_front();
        }
        self.recall.read.push_back(entries);
        self.deliver(cx);
        if self.has_ready_reads() {
            self.serve_ready_reads(cx);
        }
        self.owe_everybody();
    }

    /// Gives the application what is committed and it was not given yet, as far as that is in memory.
    pub(crate) fn deliver<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        // A witness has nothing to apply.
        if self.config.witness {
            self.delivered = self.commit;
        }
        while self.delivered < self.commit {
            let next = self.delivered.next();
            let here = self.log.piece(next, self.commit).filter(|entries| !entries.is_hollow());
            let Some(entries) =
                here.or_else(|| self.recall.find(next).map(|read| read.range(next, self.commit)))
            else {
                return self.recall(next, cx);
            };
            self.delivered = entries.last();
            // Early: a quorum has made these durable; it does not matter whether this node's disk is one of it.
            cx.emit_early(Event::Committed(entries));
        }
    }

    /// The application's state is that after `index`; `again`, even where it was given more.
    pub(crate) fn deliver_after<S: Sink<Self> + ?Sized>(
        &mut self,
        index: Index,
        again: bool,
        cx: &mut Context<'_, Self, S>,
    ) {
        if again || index > self.delivered {
            self.delivered = index;
        }
        self.deliver(cx);
    }

    /// Keeps the log in memory within its bounds.
    #[inline]
    pub(crate) fn cool<S: Sink<Self> + ?Sized>(&mut self, cx: &Context<'_, Self, S>) {
        self.log.cool(self.config.log_memory_bytes_max, self.delivered, cx.durable());
    }
}
