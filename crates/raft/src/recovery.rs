//! From the records back to the state, and the other way round when a shared log wants its space.

use crate::mending::{Mending, NOBODY};
use crate::{EntryId, Event, Index, Raft, Record, Segment, Term};
use alloc::boxed::Box;
use synod_core::{Context, Damage, LogState, Lsn, NodeId, Recovered, Sink, mutant};

/// Why a log cannot be recovered from. The node must not start; restore it from its peers under a new id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// A record that was once durable cannot be read, and there is nobody to ask for what it held: there are no other voters, or
    /// [`Config::mending`](crate::Config::mending) is off. It may have held a vote or an acknowledged entry; without it this node could
    /// break a promise. Also while a node runs, when an entry that is on the disk alone cannot be read: a restart repairs that.
    #[error(
        "record {at} is damaged ({damage:?}): restart this node to have it repaired, or replace it by a new one"
    )]
    Damaged {
        /// The record.
        at: Lsn,
        /// What is wrong with it.
        damage: Damage,
    },
    /// Terms go back, or a vote was changed within its term.
    #[error(
        "record {at} takes back term {term} or its vote: the log is of another node, or two processes wrote it"
    )]
    VoteTakenBack {
        /// The record.
        at: Lsn,
        /// The term that was current.
        term: Term,
    },
    /// Entries that cannot follow those before.
    #[error("record {at} cannot follow entry {last}: the log is of another node, or two processes wrote it")]
    Contradiction {
        /// The record.
        at: Lsn,
        /// The last entry before.
        last: EntryId,
    },
    /// Entries are missing in between, and no later record brought them.
    #[error(
        "record {at} begins at entry {first}, but nothing before {first} was found: the log was cut too far"
    )]
    Gap {
        /// The record.
        at: Lsn,
        /// Its first entry.
        first: Index,
    },
    /// An entry is of a later term than the node has ever been in.
    #[error("entry {last} is of a later term than {term}, the last that was recorded: a record was lost")]
    TermLost {
        /// The last entry.
        last: EntryId,
        /// The last recorded term.
        term: Term,
    },
    /// The driver runs the node under another name than it is configured for: its promises to itself would go astray.
    #[error("this is node {configured}, but it is run as {actual}: give it its own configuration and disk")]
    WrongNode {
        /// The id in the configuration.
        configured: NodeId,
        /// The id that the driver gives.
        actual: NodeId,
    },
    /// The log holds entries without what they say, and the node is not set up as a witness.
    #[error(
        "entry {first} is hollow: this is the disk of a witness, so set `witness`, or start from an empty disk under a new id"
    )]
    Hollow {
        /// The entry.
        first: Index,
    },
    /// An entry that should hold a membership, and does not, or one that only a later version than
    /// [`Config::version_max`](crate::Config::version_max) can state.
    #[error(
        "record {at} holds a membership that cannot be read: if a later version wrote it, start that one; otherwise replace this node by \
         a new one"
    )]
    Membership {
        /// The record.
        at: Lsn,
    },
}

impl Raft {
    pub(crate) fn take_back(&mut self, at: Lsn, record: Recovered<Record>) -> Result<(), RecoverError> {
        match record {
            Recovered::Damaged(damage) if mutant!(self.config.mending, "damage-overlooked" => true) => {
                mutant!(
                    {
                        self.take_back_to_mend().damaged();
                        self.damage.get_or_insert((at, damage));
                    },
                    "damage-overlooked" => _ = (at, damage),
                );
            }
            Recovered::Damaged(damage) => return Err(RecoverError::Damaged { at, damage }),
            Recovered::Intact(Record::HardState { term, voted_for }) => {
                self.take_back_hard_state(at, term, voted_for)?;
            }
            Recovered::Intact(Record::Mended { term, voted_for, last }) => {
                self.take_back_hard_state(at, term, voted_for)?;
                if let Some(mending) = &mut self.mending {
                    mending.knew_its_end(&mut self.log, last);
                } else if self.log.term_at(last.index) == Some(last.term) {
                    self.log.truncate(last.index.next());
                }
            }
            Recovered::Intact(Record::Append { prev_term, entries }) => {
                self.take_back_entries(at, prev_term, &entries)?;
            }
            Recovered::Intact(Record::Snapshot { term, voted_for, last, membership }) => {
                if membership.version() > self.config.version_max {
                    return Err(RecoverError::Membership { at });
                }
                self.take_back_hard_state(at, term, voted_for)?;
                self.take_back_snapshot(at, last)?;
                self.roster.restore(last.index, membership);
            }
        }
        self.turns.0 += 1;
        Ok(())
    }

    fn take_back_hard_state(
        &mut self,
        at: Lsn,
        term: Term,
        voted_for: Option<NodeId>,
    ) -> Result<(), RecoverError> {
        if voted_for == Some(NOBODY) {
            self.take_back_to_mend();
        }
        // A vote may be spent on oneself after damage.
        let other = self.mending.is_none() && self.voted_for.is_some() && voted_for != self.voted_for;
        if term < self.term || term > Term::MAX || (term == self.term && other) {
            return Err(RecoverError::VoteTakenBack { at, term: self.term });
        }
        self.term = term;
        self.voted_for = mutant!(voted_for.filter(|id| *id != NOBODY), "vote-forgotten" => None);
        if let Some(mending) = &mut self.mending {
            mending.stated(voted_for);
        }
        self.hard_state_at.0 = at.0;
        Ok(())
    }

    fn take_back_entries(&mut self, at: Lsn, prev_term: Term, entries: &Segment) -> Result<(), RecoverError> {
        let contradiction = RecoverError::Contradiction { at, last: self.log.last() };
        if entries.is_hollow() && !self.config.witness {
            return Err(RecoverError::Hollow { first: entries.first() });
        }
        let known = |read: &crate::Membership| read.version() <= self.config.version_max;
        if entries.is_membership() && !entries.to_membership().as_ref().is_some_and(known) {
            return Err(RecoverError::Membership { at });
        }
        let prev = EntryId { term: prev_term, index: entries.first().prev() };
        let orderly = (prev.index == Index::ZERO) == (prev.term == Term::ZERO) && entries.term() >= prev.term;
        if entries.is_empty() || !orderly {
            return Err(contradiction);
        }
        if let Some(mending) = &mut self.mending {
            mending.islands.append(&mut self.log, prev, entries, at);
            mending.appended();
            return Ok(());
        }
        let (prev, entries) = if prev.index < self.log.base().index && self.is_anchored() {
            // Covered by the snapshot; a rewrite keeps whole segments.
            match self.above_base(prev, entries.clone()) {
                Some((_, rest)) if rest.is_empty() => return Ok(()),
                Some(rest) => rest,
                None => return Err(contradiction),
            }
        } else {
            (prev, entries.clone())
        };
        match self.log.term_at(prev.index) {
            // The record with the entry before has been released. Whatever was met until now has been released too, and was
            // merely kept (a shared log may keep more than it was told to), or is compacted. Either a snapshot that covers
            // the entry before stands further on, or a rewrite that brings it again.
            None => self.log.reset(prev),
            Some(term) if term != prev.term => return Err(contradiction),
            Some(_) => {}
        }
        let from = self.log.first_difference(&entries);
        if from <= entries.last() {
            self.log.truncate(from);
            if !self.log.push(entries.range(from, entries.last()), at) {
                return Err(contradiction);
            }
            if self.is_anchored() {
                self.log.cool(self.config.log_memory_bytes_max, Index::MAX, Lsn(u64::MAX));
            }
        }
        Ok(())
    }

    /// From here on records may be missing.
    fn take_back_to_mend(&mut self) -> &mut Mending {
        let adrift = !self.is_anchored();
        let (log, base) = (&mut self.log, self.snapshot);
        self.mending.get_or_insert_with(|| {
            let mut mending = Mending::default();
            if adrift {
                mending.islands.set_adrift(log, base);
            }
            Box::new(mending)
        })
    }

    /// A log that does not hold the last entry of the snapshot is of no use beside it: what it has above differs from what
    /// was committed, or may (`openraft` 559).
    fn take_back_snapshot(&mut self, at: Lsn, last: EntryId) -> Result<(), RecoverError> {
        let possible = last.index > Index::ZERO && last.index <= Index::MAX && last.term > Term::ZERO;
        if !possible || last.index < self.snapshot.index {
            return Err(RecoverError::Contradiction { at, last: self.log.last() });
        }
        self.snapshot = last;
        self.snapshot_at.0 = at.0;
        if let Some(mending) = &mut self.mending {
            mending.islands.compact(&mut self.log, last);
        } else if self.log.term_at(last.index) == Some(last.term) {
            self.log.compact(last.index);
        } else if self.is_anchored() {
            self.log.reset(last);
        }
        Ok(())
    }

    /// Whether the application has everything that comes before the log.
    pub(crate) fn is_anchored(&self) -> bool {
        self.log.base().index <= self.snapshot.index
    }

    /// The first step: recovery is over.
    pub(crate) fn on_start<S: Sink<Self> + ?Sized>(
        &mut self,
        incarnation: u64,
        log: LogState,
        cx: &mut Context<'_, Self, S>,
    ) {
        self.incarnation.0 = incarnation;
        // Also where the log was written before: a crash may have come before the first record was durable.
        let empty = self.term == Term::ZERO && self.log.last().index == Index::ZERO;
        let forgetful = self.config.rejoining && empty;
        if forgetful {
            self.mending.get_or_insert_default().damaged();
        }
        self.assess_damage();
        self.roster.read(self.log.segments());
        self.take_seats();
        if let Some(error) = self.unfit(cx.me()) {
            self.halted = true;
            trail!(
                error,
                node = self.config.id.0,
                term = self.term.0,
                error = %error,
                "halted"
            );
            // Early: the disk has nothing more to say.
            return cx.emit_early(Event::Halted(error));
        }
        // What a snapshot covers is committed, and applied.
        self.commit = self.commit.max(self.snapshot.index);
        self.delivered = self.commit;
        self.take_seats();
        self.arm_election(cx);
        self.arm_claim(cx);
        if log != LogState::Fresh || forgetful {
            self.promise_after_restart(cx);
        }
        if self.damage.is_some() || self.is_mending() {
            self.begin_mending(cx);
        }
        // Early: as for every change of the role.
        cx.emit_early(Event::Role { term: self.term, role: self.role, leader: self.leader });
    }

    /// Whether there is no other voter who could have kept what this node has lost.
    fn is_alone(&self) -> bool {
        self.others.is_empty() && self.membership().is_voter(self.config.id)
    }

    /// Why what was recovered is nothing that a node can start from.
    fn unfit(&self, actual: NodeId) -> Option<RecoverError> {
        let last = self.log.last();
        if actual != self.config.id {
            Some(RecoverError::WrongNode { configured: self.config.id, actual })
        } else if !self.is_anchored() {
            let at = self.log.oldest_record().unwrap_or(Lsn::ZERO);
            Some(RecoverError::Gap { at, first: self.log.first_index() })
        } else if last.term > self.term {
            Some(RecoverError::TermLost { last, term: self.term })
        } else if let Some((at, damage)) = self.damage.filter(|_| self.is_mending() && self.is_alone()) {
            Some(RecoverError::Damaged { at, damage })
        } else {
            None
        }
    }

    /// Where the oldest record lies that is still needed; `None` before the first.
    pub(crate) fn oldest_record(&self) -> Option<Lsn> {
        let state = [self.hard_state_at.0, self.snapshot_at.0].map(Lsn);
        let state = state.into_iter().filter(|at| *at > Lsn::ZERO);
        state.chain(self.log.oldest_record()).min()
    }

    /// Makes the records below `below` superfluous: everything that is alive is written once more, and when that is durable
    /// the older records are released.
    ///
    /// A crash in between loses nothing. The new records say nothing that the old ones did not, so recovery from both gives
    /// the same state; the old ones go only when the new ones are durable.
    pub(crate) fn on_rewrite<S: Sink<Self> + ?Sized>(&mut self, below: Lsn, cx: &mut Context<'_, Self, S>) {
        if self.is_mending() {
            // The record that cannot be read stays until nothing is missing: it says that something is. Early: a wish.
            return cx.emit_early(Event::CompactionWanted);
        }
        if self.oldest_record().is_some_and(|oldest| oldest < below) {
            if self.snapshot.index > self.log.base().index {
                self.log.compact(self.snapshot.index);
            }
            if self.log.has_cold() {
                // Early: a wish.
                return cx.emit_early(Event::CompactionWanted);
            }
            let first = self.persist_state(cx);
            let write = |prev_term, entries: &Segment| {
                cx.persist(Record::Append { prev_term, entries: entries.clone() })
            };
            self.log.rewritten(write);
            return cx.release(Lsn(first.0.saturating_sub(1)));
        }
        cx.release(Lsn(below.0.saturating_sub(1)));
    }

    /// Writes all that stands beside the entries, in one record.
    pub(crate) fn persist_state<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) -> Lsn {
        if self.snapshot == EntryId::ZERO {
            self.persist_hard_state(cx);
        } else {
            let (term, voted_for, last) = (self.term, self.stated_vote(), self.snapshot);
            let membership = self.roster.at(last.index).clone();
            self.hard_state_at.0 = cx.persist(Record::Snapshot { term, voted_for, last, membership }).0;
            self.snapshot_at = self.hard_state_at;
        }
        Lsn(self.hard_state_at.0)
    }
}
