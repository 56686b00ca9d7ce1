//! The byte form of messages and records, version 1.

use super::{Handover, Holding, Message, Record, State};
use crate::PartitionId;
use alloc::vec::Vec;
use synod_core::NodeId;
use synod_core::wire::{Reader, Wire, WireError, Writer};

impl Wire for PartitionId {
    const LEN_MIN: usize = 8;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.0);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        input.u64().map(Self)
    }
}

impl Wire for Handover {
    const LEN_MIN: usize = 16;

    fn encode(&self, out: &mut Writer<'_>) {
        self.partition.encode(out);
        self.to.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { partition: PartitionId::decode(input)?, to: NodeId::decode(input)? })
    }
}

impl Wire for Holding {
    const LEN_MIN: usize = 17;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.epoch);
        out.u64(self.version);
        match self.state {
            State::Serving => out.u8(1),
            State::Frozen(to) => {
                out.u8(2);
                to.encode(out);
            }
            State::Gone(to) => {
                out.u8(3);
                to.encode(out);
            }
            State::Ready(from) => {
                out.u8(4);
                from.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let (epoch, version) = (input.u64()?, input.u64()?);
        let state = match input.u8()? {
            1 => State::Serving,
            2 => State::Frozen(NodeId::decode(input)?),
            3 => State::Gone(NodeId::decode(input)?),
            4 => State::Ready(NodeId::decode(input)?),
            tag => return Err(WireError::UnknownTag { of: "State", tag }),
        };
        Ok(Self { epoch, version, state })
    }
}

impl Wire for Message {
    const LEN_MIN: usize = 17;

    fn encode(&self, out: &mut Writer<'_>) {
        let (tag, partition, epoch) = match self {
            Self::Give { partition, epoch, .. } => (1, partition, epoch),
            Self::Take { partition, epoch, .. } => (2, partition, epoch),
            Self::Taken { partition, epoch } => (3, partition, epoch),
            Self::Gave { partition, epoch } => (4, partition, epoch),
            Self::Yours { partition, epoch } => (5, partition, epoch),
            Self::Withdrawn { partition, epoch } => (6, partition, epoch),
            Self::Keep { partition, epoch } => (7, partition, epoch),
            Self::Kept { partition, epoch } => (8, partition, epoch),
        };
        out.u8(tag);
        partition.encode(out);
        out.u64(*epoch);
        match self {
            Self::Give { to, .. } => to.encode(out),
            Self::Take { version, .. } => out.u64(*version),
            Self::Taken { .. }
            | Self::Gave { .. }
            | Self::Yours { .. }
            | Self::Withdrawn { .. }
            | Self::Keep { .. }
            | Self::Kept { .. } => {}
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let tag = input.u8()?;
        let (partition, epoch) = (PartitionId::decode(input)?, input.u64()?);
        Ok(match tag {
            1 => Self::Give { partition, epoch, to: NodeId::decode(input)? },
            2 => Self::Take { partition, epoch, version: input.u64()? },
            3 => Self::Taken { partition, epoch },
            4 => Self::Gave { partition, epoch },
            5 => Self::Yours { partition, epoch },
            6 => Self::Withdrawn { partition, epoch },
            7 => Self::Keep { partition, epoch },
            8 => Self::Kept { partition, epoch },
            tag => return Err(WireError::UnknownTag { of: "Message", tag }),
        })
    }
}

/// A field of a record that stands for a tuple.
struct Owned(PartitionId, NodeId, u64);

impl Wire for Owned {
    const LEN_MIN: usize = 24;

    fn encode(&self, out: &mut Writer<'_>) {
        self.0.encode(out);
        self.1.encode(out);
        out.u64(self.2);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self(PartitionId::decode(input)?, NodeId::decode(input)?, input.u64()?))
    }
}

struct Holds(PartitionId, Holding);

impl Wire for Holds {
    const LEN_MIN: usize = 8 + Holding::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        self.0.encode(out);
        self.1.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self(PartitionId::decode(input)?, Holding::decode(input)?))
    }
}

impl Wire for Record {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::Holds(partition, holding) => {
                out.u8(1);
                Holds(*partition, *holding).encode(out);
            }
            Self::Begun(steps) => {
                out.u8(2);
                steps.encode(out);
            }
            Self::Owned(partition, owner, epoch) => {
                out.u8(3);
                Owned(*partition, *owner, *epoch).encode(out);
            }
            Self::Whole(holdings, map, steps) => {
                out.u8(4);
                out.count(holdings.len());
                holdings.iter().for_each(|(partition, holding)| Holds(*partition, *holding).encode(out));
                out.count(map.len());
                map.iter()
                    .for_each(|(partition, owner, epoch)| Owned(*partition, *owner, *epoch).encode(out));
                steps.encode(out);
            }
            Self::Aborting => out.u8(5),
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(match input.u8()? {
            1 => {
                let Holds(partition, holding) = Holds::decode(input)?;
                Self::Holds(partition, holding)
            }
            2 => Self::Begun(Vec::decode(input)?),
            3 => {
                let Owned(partition, owner, epoch) = Owned::decode(input)?;
                Self::Owned(partition, owner, epoch)
            }
            4 => {
                let holdings =
                    Vec::<Holds>::decode(input)?.into_iter().map(|Holds(id, holding)| (id, holding));
                let map = Vec::<Owned>::decode(input)?
                    .into_iter()
                    .map(|Owned(id, owner, epoch)| (id, owner, epoch));
                Self::Whole(holdings.collect(), map.collect(), Vec::decode(input)?)
            }
            5 => Self::Aborting,
            tag => return Err(WireError::UnknownTag { of: "Record", tag }),
        })
    }
}
