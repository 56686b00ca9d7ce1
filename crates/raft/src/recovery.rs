//! From the records back to the state, and the other way round when a shared log wants its space.

use crate::{EntryId, Event, Index, Raft, Record, Segment, Term};
use synod_core::{Context, Damage, Lsn, NodeId, Recovered, Sink, mutant};

/// Why a log cannot be recovered from. The node must not start; restore it from its peers under a new id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// A record that was once durable cannot be read. It may have held a vote or an acknowledged entry; without it this node
    /// could break a promise. Repairing the log from the peers is not implemented yet.
    #[error("record {at} is damaged ({damage:?}): do not start this node; replace it by a new one")]
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
    /// The vote went to nobody that is configured.
    #[error("the vote of this node went to {voted_for}, which is not a voter: check the configuration")]
    UnknownVote {
        /// Who got it.
        voted_for: NodeId,
    },
}

impl Raft {
    pub(crate) fn take_back(&mut self, at: Lsn, record: Recovered<Record>) -> Result<(), RecoverError> {
        match record {
            Recovered::Damaged(damage) => return Err(RecoverError::Damaged { at, damage }),
            Recovered::Intact(Record::HardState { term, voted_for }) => {
                let taken_back = term < self.term
                    || term > Term::MAX
                    || (term == self.term && self.voted_for.is_some() && voted_for != self.voted_for);
                if taken_back {
                    return Err(RecoverError::VoteTakenBack { at, term: self.term });
                }
                if let Some(voted_for) = voted_for.filter(|id| self.place(*id).is_none()) {
                    return Err(RecoverError::UnknownVote { voted_for });
                }
                self.term = term;
                self.voted_for = mutant!(voted_for, "vote-forgotten" => None);
            }
            Recovered::Intact(Record::Append { prev_term, entries }) => {
                self.take_back_entries(at, prev_term, &entries)?;
            }
        }
        self.oldest.get_or_insert(at);
        self.revision.0 += 1;
        Ok(())
    }

    fn take_back_entries(&mut self, at: Lsn, prev_term: Term, entries: &Segment) -> Result<(), RecoverError> {
        let contradiction = RecoverError::Contradiction { at, last: self.log.last() };
        let first = entries.first();
        match self.log.term_at(first.prev()) {
            // Its predecessor has been rewritten, and the place where it stood was released: a shared log may keep more than
            // it was told to. What was rewritten stands further on, and brings this entry again.
            None => {
                self.gap = Some(RecoverError::Gap { at, first });
                return Ok(());
            }
            Some(term) if term != prev_term || entries.is_empty() || entries.term() < prev_term => {
                return Err(contradiction);
            }
            Some(_) => {}
        }
        let from = self.log.first_difference(entries);
        if from <= entries.last() {
            self.log.truncate(from);
            if !self.log.push(entries.range(from, entries.last())) {
                return Err(contradiction);
            }
        }
        // The last record that brought entries ends where the log ended: if it has found its place, nothing is missing.
        self.gap = None;
        Ok(())
    }

    /// The first step: recovery is over.
    pub(crate) fn on_start<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let last = self.log.last();
        if last.term > self.term {
            self.gap.get_or_insert(RecoverError::TermLost { last, term: self.term });
        }
        if cx.me() != self.config.id {
            self.gap = Some(RecoverError::WrongNode { configured: self.config.id, actual: cx.me() });
        }
        if let Some(error) = self.gap.take() {
            self.halted = true;
            // Early: the disk has nothing more to say.
            return cx.emit_early(Event::Halted(error));
        }
        self.arm_election(cx);
        // Early: as for every change of the role.
        cx.emit_early(Event::Role { term: self.term, role: self.role, leader: self.leader });
    }

    /// Makes the records below `below` superfluous: everything that is alive is written once more, and when that is durable
    /// the older records are released.
    ///
    /// A crash in between loses nothing. The new records say nothing that the old ones did not, so recovery from both gives
    /// the same state; the old ones go only when the new ones are durable.
    pub(crate) fn on_rewrite<S: Sink<Self> + ?Sized>(&mut self, below: Lsn, cx: &mut Context<'_, Self, S>) {
        if self.oldest.is_some_and(|oldest| oldest < below) {
            let first = cx.persist(Record::HardState { term: self.term, voted_for: self.voted_for });
            let mut prev_term = Term::ZERO;
            for entries in self.log.segments() {
                cx.persist(Record::Append { prev_term, entries: entries.clone() });
                prev_term = entries.term();
            }
            self.oldest = Some(first);
            return cx.release(Lsn(first.0.saturating_sub(1)));
        }
        cx.release(Lsn(below.0.saturating_sub(1)));
    }
}
