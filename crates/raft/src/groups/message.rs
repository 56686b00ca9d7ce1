//! What nodes of many groups say to each other: one message for all that was said in a burst.

use crate::wire::known_version;
use crate::{EntryId, GroupId, Index, Message as Raft, Segment, Term};
use alloc::vec::Vec;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// All that one node said to another in a burst on one lane; without letters a sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// Which start of the sender this is. Whatever a peer of an earlier one had agreed to, it has forgotten.
    pub incarnation: u64,
    /// What the groups say, in order.
    pub letters: Vec<(GroupId, Letter)>,
}

/// What one group says to its counterpart, or one node to the other about a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Letter {
    /// As Raft has it.
    Raft(Raft),
    /// A heartbeat of a leader that has nothing more to do: "rest, if you have nothing either".
    Rest(Beat),
    /// The answer: "I rest, with the log up to here".
    Rests {
        /// The term.
        term: Term,
        /// The last index.
        last: Index,
    },
    /// "Do not rest": to a leader that is needed, or to a follower that relies on somebody who does not lead.
    Wake {
        /// The term of the sender.
        term: Term,
    },
    /// "I rest under you in this group. Do you lead it?"
    Audit {
        /// The term of the sender.
        term: Term,
    },
}

/// A heartbeat: an AppendEntries without entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Beat {
    /// The leader's term.
    pub term: Term,
    /// The last round that the leader has begun.
    pub round: u64,
    /// The entry that is checked; the last one, where the leader wants to rest.
    pub prev: EntryId,
    /// Committed, as far as the leader knows.
    pub commit: Index,
}

impl Beat {
    /// The heartbeat that a message of Raft's is, if it is one.
    pub(crate) fn of(message: &Raft) -> Option<Self> {
        match message {
            Raft::Append { term, prev_term, commit, round, entries } if entries.is_empty() => {
                let prev = EntryId { term: *prev_term, index: entries.first().prev() };
                Some(Self { term: *term, round: *round, prev, commit: *commit })
            }
            _ => None,
        }
    }

    /// As Raft has it.
    pub(crate) fn message(&self) -> Raft {
        let Self { term, round, prev, commit } = *self;
        Raft::Append { term, prev_term: prev.term, commit, round, entries: Segment::empty(prev.index.next()) }
    }
}

impl Letter {
    /// How much memory and wire a letter takes, about: what counts towards the limit of a message.
    pub(super) fn weight(&self) -> usize {
        64 + match self {
            Self::Raft(Raft::Append { entries, .. }) => entries.arena().len(),
            Self::Raft(Raft::Lend { loan, .. } | Raft::Mended { loan, .. }) => loan.entries.arena().len(),
            Self::Raft(Raft::Piece { piece, .. }) => piece.bytes.len(),
            _ => 0,
        }
    }
}

impl Wire for GroupId {
    const LEN_MIN: usize = 8;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.0);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        input.u64().map(Self)
    }
}

impl Wire for Letter {
    const LEN_MIN: usize = 9;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::Raft(message) => {
                out.u8(1);
                message.encode(out);
            }
            Self::Rest(beat) => {
                out.u8(2);
                beat.term.encode(out);
                out.u64(beat.round);
                beat.prev.encode(out);
                beat.commit.encode(out);
            }
            Self::Rests { term, last } => {
                out.u8(3);
                term.encode(out);
                last.encode(out);
            }
            Self::Wake { term } => {
                out.u8(4);
                term.encode(out);
            }
            Self::Audit { term } => {
                out.u8(5);
                term.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(match known_version(input)?.u8()? {
            1 => Self::Raft(Raft::decode(input)?),
            2 => Self::Rest(Beat {
                term: Term::decode(input)?,
                round: input.u64()?,
                prev: EntryId::decode(input)?,
                commit: Index::decode(input)?,
            }),
            3 => Self::Rests { term: Term::decode(input)?, last: Index::decode(input)? },
            4 => Self::Wake { term: Term::decode(input)? },
            5 => Self::Audit { term: Term::decode(input)? },
            tag => return Err(WireError::UnknownTag { of: "letter", tag }),
        })
    }
}

impl Wire for Message {
    const LEN_MIN: usize = 12;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.incarnation);
        self.letters.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { incarnation: known_version(input)?.u64()?, letters: Vec::decode(input)? })
    }
}
