//! What a node of many groups writes to its log.

use crate::wire::known_version;
use crate::{GroupId, Record as Raft};
use alloc::vec::Vec;
use synod_core::NodeId;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A record of the log that all groups of a node share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// There is a group. Written again, with the same `life`, when the log is rewritten.
    Created {
        /// Its name.
        group: GroupId,
        /// Grows with every creation on this node: records of a group that was removed do not count for the next of its name.
        life: u64,
        /// How it began.
        birth: Birth,
    },
    /// These groups are gone, up to these lives.
    Removed(Vec<(GroupId, u64)>),
    /// A record of a group's own.
    Raft {
        /// The group.
        group: GroupId,
        /// The life that it belongs to.
        life: u64,
        /// The record.
        record: Raft,
    },
}

/// How a replica of a group begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Birth {
    /// As one of those who found the group: each of them is told the same.
    Founding {
        /// The voters, the node itself among them.
        voters: Vec<NodeId>,
        /// Those of them who keep no payloads.
        witnesses: Vec<NodeId>,
    },
    /// To be added to a group that there is, where this node has never been a member: see [`Config::joining`](crate::Config::joining).
    Joining,
    /// To be added to a group in which this node has been before, and of which it has lost its part or removed it: see
    /// [`Config::rejoining`](crate::Config::rejoining).
    Rejoining,
}

impl Birth {
    /// Founds a group of these voters.
    ///
    /// ```
    /// use synod_core::NodeId;
    /// use synod_raft::groups::Birth;
    /// let birth = Birth::founding([1, 2, 3].map(NodeId));
    /// assert!(matches!(birth, Birth::Founding { voters, .. } if voters.len() == 3));
    /// ```
    #[must_use]
    pub fn founding(voters: impl IntoIterator<Item = NodeId>) -> Self {
        Self::Founding { voters: voters.into_iter().collect(), witnesses: Vec::new() }
    }
}

impl Wire for Birth {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::Founding { voters, witnesses } => {
                out.u8(1);
                voters.encode(out);
                witnesses.encode(out);
            }
            Self::Joining => out.u8(2),
            Self::Rejoining => out.u8(3),
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(match input.u8()? {
            1 => Self::Founding { voters: Vec::decode(input)?, witnesses: Vec::decode(input)? },
            2 => Self::Joining,
            3 => Self::Rejoining,
            tag => return Err(WireError::UnknownTag { of: "birth", tag }),
        })
    }
}

impl Wire for Record {
    const LEN_MIN: usize = 5;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::Created { group, life, birth } => {
                out.u8(1);
                group.encode(out);
                out.u64(*life);
                birth.encode(out);
            }
            Self::Removed(groups) => {
                out.u8(2);
                groups.encode(out);
            }
            Self::Raft { group, life, record } => {
                out.u8(3);
                group.encode(out);
                out.u64(*life);
                record.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(match known_version(input)?.u8()? {
            1 => Self::Created {
                group: GroupId::decode(input)?,
                life: input.u64()?,
                birth: Birth::decode(input)?,
            },
            2 => Self::Removed(Vec::decode(input)?),
            3 => Self::Raft {
                group: GroupId::decode(input)?,
                life: input.u64()?,
                record: Raft::decode(input)?,
            },
            tag => return Err(WireError::UnknownTag { of: "record of groups", tag }),
        })
    }
}
