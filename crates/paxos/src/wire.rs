//! The byte form of messages and records, version 1.

use crate::{Ballot, Message, Proposal, Record};
use synod_core::wire::{Reader, Wire, WireError, Writer};
use synod_core::{Bytes, NodeId};

impl Wire for Ballot {
    const LEN_MIN: usize = 16;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.round);
        self.node.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { round: input.u64()?, node: NodeId::decode(input)? })
    }
}

impl Wire for Proposal {
    const LEN_MIN: usize = Ballot::LEN_MIN + Bytes::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        self.ballot.encode(out);
        self.value.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { ballot: Ballot::decode(input)?, value: Bytes::decode(input)? })
    }
}

impl Wire for Message {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::Prepare { ballot } => {
                out.u8(1);
                ballot.encode(out);
            }
            Self::Promise { ballot, accepted } => {
                out.u8(2);
                ballot.encode(out);
                accepted.encode(out);
            }
            Self::Accept { ballot, value } => {
                out.u8(3);
                ballot.encode(out);
                value.encode(out);
            }
            Self::Accepted { ballot } => {
                out.u8(4);
                ballot.encode(out);
            }
            Self::Nack { ballot, promised } => {
                out.u8(5);
                ballot.encode(out);
                promised.encode(out);
            }
            Self::Decided { ballot, value } => {
                out.u8(6);
                ballot.encode(out);
                value.encode(out);
            }
            Self::Learn => out.u8(7),
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let tag = known_version(input)?.u8()?;
        Ok(match tag {
            1 => Self::Prepare { ballot: Ballot::decode(input)? },
            2 => {
                Self::Promise { ballot: Ballot::decode(input)?, accepted: Option::<Proposal>::decode(input)? }
            }
            3 => Self::Accept { ballot: Ballot::decode(input)?, value: Bytes::decode(input)? },
            4 => Self::Accepted { ballot: Ballot::decode(input)? },
            5 => Self::Nack { ballot: Ballot::decode(input)?, promised: Ballot::decode(input)? },
            6 => Self::Decided { ballot: Ballot::decode(input)?, value: Bytes::decode(input)? },
            7 => Self::Learn,
            tag => return Err(WireError::UnknownTag { of: "paxos message", tag }),
        })
    }
}

impl Wire for Record {
    const LEN_MIN: usize = 9;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::Promised { ballot } => {
                out.u8(1);
                ballot.encode(out);
            }
            Self::Accepted { ballot, value } => {
                out.u8(2);
                ballot.encode(out);
                value.encode(out);
            }
            Self::Round { round } => {
                out.u8(3);
                out.u64(*round);
            }
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let tag = known_version(input)?.u8()?;
        Ok(match tag {
            1 => Self::Promised { ballot: Ballot::decode(input)? },
            2 => Self::Accepted { ballot: Ballot::decode(input)?, value: Bytes::decode(input)? },
            3 => Self::Round { round: input.u64()? },
            tag => return Err(WireError::UnknownTag { of: "paxos record", tag }),
        })
    }
}

fn known_version(input: &mut Reader) -> Result<&mut Reader, WireError> {
    match input.version() {
        1 => Ok(input),
        _ => Err(WireError::Invalid { field: "version" }),
    }
}
