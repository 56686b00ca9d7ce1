//! The byte form of messages and records, versions 1 and 2. They differ in one thing: since version 2 a membership may state the rule of
//! its quorums.

use crate::{
    EntryId, Index, Loan, Membership, Message, Piece, ReadMode, Record, Said, Segment, Snapshot, Term,
    WIRE_VERSION,
};
use alloc::boxed::Box;
use alloc::vec::Vec;
use synod_core::NodeId;
use synod_core::wire::{Reader, Wire, WireError, Writer};

impl Wire for Term {
    const LEN_MIN: usize = 8;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.0);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        input.u64().map(Self)
    }
}

impl Wire for Index {
    const LEN_MIN: usize = 8;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.0);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        input.u64().map(Self)
    }
}

impl Wire for EntryId {
    const LEN_MIN: usize = 16;

    fn encode(&self, out: &mut Writer<'_>) {
        self.term.encode(out);
        self.index.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { term: Term::decode(input)?, index: Index::decode(input)? })
    }
}

impl Wire for Segment {
    const LEN_MIN: usize = 24;

    fn encode(&self, out: &mut Writer<'_>) {
        self.first().encode(out);
        self.term().encode(out);
        out.count(self.len());
        out.bytes(self.arena());
    }

    /// Every length in the arena is checked here, once, so that nothing that iterates later can fail.
    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let first = Index::decode(input)?;
        let term = Term::decode(input)?;
        let count = input.u32()?;
        let arena = input.bytes()?;
        Self::validated(first, term, count, arena).ok_or(WireError::Invalid { field: "entries" })
    }
}

impl Wire for Snapshot {
    const LEN_MIN: usize = EntryId::LEN_MIN + Membership::LEN_MIN + 17;

    fn encode(&self, out: &mut Writer<'_>) {
        self.last.encode(out);
        self.membership.encode(out);
        out.u64(self.len);
        out.u64(self.digest);
        self.hollow.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self {
            last: EntryId::decode(input)?,
            membership: Membership::decode(input)?.into(),
            len: input.u64()?,
            digest: input.u64()?,
            hollow: bool::decode(input)?,
        })
    }
}

/// What the leader may rely on; [`ReadMode::Stale`] relies on nothing.
impl Wire for ReadMode {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u8(match self {
            Self::Index | Self::Stale { .. } => 0,
            Self::Lease => 1,
            Self::LeaseGuard => 2,
        });
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        match input.u8()? {
            0 => Ok(Self::Index),
            1 => Ok(Self::Lease),
            2 => Ok(Self::LeaseGuard),
            tag => Err(WireError::UnknownTag { of: "read mode", tag }),
        }
    }
}

impl Wire for Message {
    const LEN_MIN: usize = 9;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::PreVote { term, last } => {
                out.u8(1);
                term.encode(out);
                last.encode(out);
            }
            Self::PreVoted { term, granted } => {
                out.u8(2);
                term.encode(out);
                granted.encode(out);
            }
            Self::RequestVote { term, last, by_transfer } => {
                out.u8(3);
                term.encode(out);
                last.encode(out);
                by_transfer.encode(out);
            }
            Self::Voted { term, granted } => {
                out.u8(4);
                term.encode(out);
                granted.encode(out);
            }
            Self::Append { term, prev_term, commit, round, entries } => {
                out.u8(5);
                term.encode(out);
                prev_term.encode(out);
                commit.encode(out);
                out.u64(*round);
                entries.encode(out);
            }
            Self::Appended { term, matched, round } => {
                out.u8(6);
                term.encode(out);
                matched.encode(out);
                out.u64(*round);
            }
            Self::Uncounted { term, matched, round } => {
                out.u8(25);
                term.encode(out);
                matched.encode(out);
                out.u64(*round);
            }
            Self::Rejected { term, prev, hint, round } => {
                out.u8(7);
                term.encode(out);
                prev.encode(out);
                hint.encode(out);
                out.u64(*round);
            }
            Self::Commit { term, commit } => {
                out.u8(8);
                term.encode(out);
                commit.encode(out);
            }
            Self::Heard { term, round } => {
                out.u8(9);
                term.encode(out);
                out.u64(*round);
            }
            Self::AskIndex { term, number, mode } => {
                out.u8(10);
                term.encode(out);
                out.u64(*number);
                mode.encode(out);
            }
            Self::IndexIs { term, number, index } => {
                out.u8(11);
                term.encode(out);
                out.u64(*number);
                index.encode(out);
            }
            Self::TimeoutNow { term } => {
                out.u8(12);
                term.encode(out);
            }
            Self::Claim { term, priority } => {
                out.u8(13);
                term.encode(out);
                out.u32(*priority);
            }
            Self::Lend { term, loan } => {
                out.u8(14);
                term.encode(out);
                loan.last.encode(out);
                loan.prev_term.encode(out);
                loan.entries.encode(out);
            }
            Self::Borrow { term, hint } => {
                out.u8(15);
                term.encode(out);
                hint.encode(out);
            }
            Self::Piece { term, round, piece } => {
                out.u8(16);
                term.encode(out);
                out.u64(*round);
                piece.snapshot.encode(out);
                out.u64(piece.offset);
                out.bytes(&piece.bytes);
            }
            Self::Stored { term, round, digest, stored } => {
                out.u8(17);
                term.encode(out);
                out.u64(*round);
                out.u64(*digest);
                out.u64(*stored);
            }
            Self::Demand { term, index_min } => {
                out.u8(18);
                term.encode(out);
                index_min.encode(out);
            }
            Self::Lost { term, round, last, doubted } => {
                out.u8(19);
                term.encode(out);
                out.u64(*round);
                last.encode(out);
                doubted.encode(out);
            }
            Self::Whole { term, round, target } => {
                out.u8(20);
                term.encode(out);
                out.u64(*round);
                target.encode(out);
            }
            Self::HowFar { term } => {
                out.u8(21);
                term.encode(out);
            }
            Self::SoFar { term, said } => {
                out.u8(22);
                term.encode(out);
                said.last.encode(out);
                said.voters.encode(out);
            }
            Self::Mend { term, after, upto } => {
                out.u8(23);
                term.encode(out);
                after.encode(out);
                upto.encode(out);
            }
            Self::Mended { term, loan } => {
                out.u8(24);
                term.encode(out);
                loan.last.encode(out);
                loan.prev_term.encode(out);
                loan.entries.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let tag = known_version(input)?.u8()?;
        Ok(match tag {
            1 => Self::PreVote { term: Term::decode(input)?, last: EntryId::decode(input)? },
            2 => Self::PreVoted { term: Term::decode(input)?, granted: bool::decode(input)? },
            3 => Self::RequestVote {
                term: Term::decode(input)?,
                last: EntryId::decode(input)?,
                by_transfer: bool::decode(input)?,
            },
            4 => Self::Voted { term: Term::decode(input)?, granted: bool::decode(input)? },
            5 => Self::Append {
                term: Term::decode(input)?,
                prev_term: Term::decode(input)?,
                commit: Index::decode(input)?,
                round: input.u64()?,
                entries: Segment::decode(input)?,
            },
            6 => Self::Appended {
                term: Term::decode(input)?,
                matched: Index::decode(input)?,
                round: input.u64()?,
            },
            7 => Self::Rejected {
                term: Term::decode(input)?,
                prev: Index::decode(input)?,
                hint: EntryId::decode(input)?,
                round: input.u64()?,
            },
            8 => Self::Commit { term: Term::decode(input)?, commit: Index::decode(input)? },
            9 => Self::Heard { term: Term::decode(input)?, round: input.u64()? },
            10 => Self::AskIndex {
                term: Term::decode(input)?,
                number: input.u64()?,
                mode: ReadMode::decode(input)?,
            },
            11 => Self::IndexIs {
                term: Term::decode(input)?,
                number: input.u64()?,
                index: Index::decode(input)?,
            },
            12 => Self::TimeoutNow { term: Term::decode(input)? },
            13 => Self::Claim { term: Term::decode(input)?, priority: input.u32()? },
            14 => {
                let term = Term::decode(input)?;
                let last = EntryId::decode(input)?;
                let prev_term = Term::decode(input)?;
                let entries = Segment::decode(input)?;
                Self::Lend { term, loan: Box::new(Loan { last, prev_term, entries }) }
            }
            15 => Self::Borrow { term: Term::decode(input)?, hint: EntryId::decode(input)? },
            16 => {
                let (term, round) = (Term::decode(input)?, input.u64()?);
                let snapshot = Snapshot::decode(input)?;
                if snapshot.membership.version() > input.version() {
                    return Err(WireError::Invalid { field: "version of a membership" });
                }
                let (snapshot, offset) = (snapshot.into(), input.u64()?);
                Self::Piece {
                    term,
                    round,
                    piece: Box::new(Piece { snapshot, offset, bytes: input.bytes()? }),
                }
            }
            17 => Self::Stored {
                term: Term::decode(input)?,
                round: input.u64()?,
                digest: input.u64()?,
                stored: input.u64()?,
            },
            18 => Self::Demand { term: Term::decode(input)?, index_min: Index::decode(input)? },
            19 => Self::Lost {
                term: Term::decode(input)?,
                round: input.u64()?,
                last: EntryId::decode(input)?,
                doubted: bool::decode(input)?,
            },
            20 => {
                Self::Whole { term: Term::decode(input)?, round: input.u64()?, target: Index::decode(input)? }
            }
            25 => Self::Uncounted {
                term: Term::decode(input)?,
                matched: Index::decode(input)?,
                round: input.u64()?,
            },
            21 => Self::HowFar { term: Term::decode(input)? },
            22 => {
                let (term, last) = (Term::decode(input)?, EntryId::decode(input)?);
                Self::SoFar { term, said: Box::new(Said { last, voters: Vec::decode(input)? }) }
            }
            23 => Self::Mend {
                term: Term::decode(input)?,
                after: EntryId::decode(input)?,
                upto: EntryId::decode(input)?,
            },
            24 => {
                let (term, last) = (Term::decode(input)?, EntryId::decode(input)?);
                let (prev_term, entries) = (Term::decode(input)?, Segment::decode(input)?);
                Self::Mended { term, loan: Box::new(Loan { last, prev_term, entries }) }
            }
            tag => return Err(WireError::UnknownTag { of: "raft message", tag }),
        })
    }
}

impl Wire for Record {
    const LEN_MIN: usize = 10;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::HardState { term, voted_for } => {
                out.u8(1);
                term.encode(out);
                voted_for.encode(out);
            }
            Self::Append { prev_term, entries } => {
                out.u8(2);
                prev_term.encode(out);
                entries.encode(out);
            }
            Self::Snapshot { term, voted_for, last, membership } => {
                out.u8(3);
                term.encode(out);
                voted_for.encode(out);
                last.encode(out);
                let known = !membership.is_empty();
                known.encode(out);
                if known {
                    membership.encode(out);
                }
            }
            Self::Mended { term, voted_for, last } => {
                out.u8(4);
                term.encode(out);
                voted_for.encode(out);
                last.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let tag = known_version(input)?.u8()?;
        Ok(match tag {
            1 => Self::HardState { term: Term::decode(input)?, voted_for: Option::<NodeId>::decode(input)? },
            2 => Self::Append { prev_term: Term::decode(input)?, entries: Segment::decode(input)? },
            3 => Self::Snapshot {
                term: Term::decode(input)?,
                voted_for: Option::<NodeId>::decode(input)?,
                last: EntryId::decode(input)?,
                membership: Option::<Membership>::decode(input)?.unwrap_or_default().into(),
            },
            4 => Self::Mended {
                term: Term::decode(input)?,
                voted_for: Option::<NodeId>::decode(input)?,
                last: EntryId::decode(input)?,
            },
            tag => return Err(WireError::UnknownTag { of: "raft record", tag }),
        })
    }
}

pub(crate) fn known_version(input: &mut Reader) -> Result<&mut Reader, WireError> {
    match input.version() {
        1..=WIRE_VERSION => Ok(input),
        _ => Err(WireError::Invalid { field: "version" }),
    }
}
