//! From the records back to the state, and the other way round when a shared log wants its space.

use crate::{Ballot, Event, Paxos, Proposal, Record};
use synod_core::{Bytes, Context, Damage, Lsn, NodeId, Recovered, Sink};

/// Why a log cannot be recovered from. The node must not start: an acceptor that has forgotten a promise can undo a decision.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// A record that was once durable cannot be read. It may have held a promise.
    #[error(
        "record {at} is damaged ({damage:?}): it may have held a promise, so this acceptor must not run again"
    )]
    Damaged {
        /// The record.
        at: Lsn,
        /// What is wrong with it.
        damage: Damage,
    },
    /// Ballots go back.
    #[error("record {at} takes back ballot {ballot}: the log is of another node, or two processes wrote it")]
    TakenBack {
        /// The record.
        at: Lsn,
        /// The ballot that was reached before.
        ballot: Ballot,
    },
    /// One ballot, two values.
    #[error(
        "record {at} has another value for ballot {ballot}: the log is of another node, or two processes wrote it"
    )]
    TwoValues {
        /// The record.
        at: Lsn,
        /// The ballot.
        ballot: Ballot,
    },
    /// A ballot that no correct node uses.
    #[error("record {at} holds the impossible ballot {ballot}: the log is corrupt, or of another program")]
    ImpossibleBallot {
        /// The record.
        at: Lsn,
        /// The ballot.
        ballot: Ballot,
    },
    /// An acceptor's record, and the node is none.
    #[error(
        "record {at} is an acceptor's, and this node is none: give it the configuration it had, or its own disk"
    )]
    NotAnAcceptor {
        /// The record.
        at: Lsn,
    },
    /// The driver runs the node under another name than it is configured for: its promises to itself would go astray.
    #[error("this is {configured}, but it is run as {actual}: give it its own configuration and disk")]
    WrongNode {
        /// The id in the configuration.
        configured: NodeId,
        /// The id that the driver gives.
        actual: NodeId,
    },
}

/// Where the records lie that are still needed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Places {
    /// The promise, unless an acceptance says the same.
    pub(crate) promised: Option<Lsn>,
    pub(crate) accepted: Option<Lsn>,
    pub(crate) round: Option<Lsn>,
    /// Given back up to here.
    released: Lsn,
}

impl Places {
    fn oldest(&self) -> Option<Lsn> {
        [self.promised, self.accepted, self.round].into_iter().flatten().min()
    }
}

impl Paxos {
    pub(crate) fn take_back(&mut self, at: Lsn, record: Recovered<Record>) -> Result<(), RecoverError> {
        match record {
            Recovered::Damaged(damage) => Err(RecoverError::Damaged { at, damage }),
            Recovered::Intact(Record::Promised { ballot }) => self.take_back_promise(at, ballot),
            Recovered::Intact(Record::Accepted { ballot, value }) => {
                self.take_back_acceptance(at, ballot, value)
            }
            Recovered::Intact(Record::Round { round }) => {
                let ballot = Ballot { round, node: self.id() };
                possible(at, ballot)?;
                if round < self.round {
                    return Err(RecoverError::TakenBack {
                        at,
                        ballot: Ballot { round: self.round, ..ballot },
                    });
                }
                self.round = round;
                self.places.0.round = Some(at);
                Ok(())
            }
        }
    }

    fn take_back_promise(&mut self, at: Lsn, ballot: Ballot) -> Result<(), RecoverError> {
        self.must_be_acceptor(at)?;
        possible(at, ballot)?;
        if ballot < self.promised {
            return Err(RecoverError::TakenBack { at, ballot: self.promised });
        }
        self.promised = ballot;
        self.places.0.promised = Some(at);
        Ok(())
    }

    fn take_back_acceptance(&mut self, at: Lsn, ballot: Ballot, value: Bytes) -> Result<(), RecoverError> {
        self.must_be_acceptor(at)?;
        possible(at, ballot)?;
        match &self.accepted {
            Some(accepted) if ballot < accepted.ballot => {
                return Err(RecoverError::TakenBack { at, ballot: accepted.ballot });
            }
            Some(accepted) if ballot == accepted.ballot && value != accepted.value => {
                return Err(RecoverError::TwoValues { at, ballot });
            }
            _ => {}
        }
        // A record that was written anew for a shared log may follow a higher promise.
        if ballot >= self.promised {
            self.promised = ballot;
            self.places.0.promised = None;
        }
        self.accepted = Some(Proposal { ballot, value });
        self.places.0.accepted = Some(at);
        Ok(())
    }

    fn must_be_acceptor(&self, at: Lsn) -> Result<(), RecoverError> {
        if self.setup.is_acceptor { Ok(()) } else { Err(RecoverError::NotAnAcceptor { at }) }
    }

    /// The first step: recovery is over.
    pub(crate) fn on_start<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if cx.me() != self.id() {
            self.halted = true;
            let error = RecoverError::WrongNode { configured: self.id(), actual: cx.me() };
            // Early: the disk has nothing more to say.
            return cx.emit_early(Event::Halted(error));
        }
        if self.promised > Ballot::ZERO {
            self.expect_decision(cx);
        }
    }

    /// Gives back what the latest record has made superfluous: an instance never holds more than a few records of a shared log.
    pub(crate) fn release<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let places = &mut self.places.0;
        let Some(oldest) = places.oldest() else { return };
        let upto = Lsn(oldest.0.saturating_sub(1));
        if upto > places.released {
            places.released = upto;
            cx.release(upto);
        }
    }

    /// Writes the living records below `below` once more; when they are durable the older ones are released.
    pub(crate) fn on_rewrite<S: Sink<Self> + ?Sized>(&mut self, below: Lsn, cx: &mut Context<'_, Self, S>) {
        let old = |at: Option<Lsn>| at.is_some_and(|at| at < below);
        let places = self.places.0;
        if let Some(Proposal { ballot, value }) = self.accepted.clone().filter(|_| old(places.accepted)) {
            self.places.0.accepted = Some(cx.persist(Record::Accepted { ballot, value }));
        }
        if old(places.promised) {
            self.places.0.promised = Some(cx.persist(Record::Promised { ballot: self.promised }));
        }
        if old(places.round) {
            self.places.0.round = Some(cx.persist(Record::Round { round: self.round }));
        }
        // Not simply everything below: a driver that asks for more than there is must not take away what was just written.
        let below = self.places.0.oldest().map_or(below, |oldest| oldest.min(below));
        let upto = Lsn(below.0.saturating_sub(1));
        self.places.0.released = self.places.0.released.max(upto);
        cx.release(upto);
    }
}

fn possible(at: Lsn, ballot: Ballot) -> Result<(), RecoverError> {
    if ballot.is_possible() { Ok(()) } else { Err(RecoverError::ImpossibleBallot { at, ballot }) }
}
