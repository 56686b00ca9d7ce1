//! What nodes say to each other, and what they write.

use crate::{CausalContext, wire};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use synod_core::NodeId;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// What nodes say to each other about a state with deltas `D` and versions `V`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Message<D, V> {
    /// What the sender has done itself, in order.
    Deltas {
        /// The sender's incarnation: numbers begin anew with each.
        incarnation: u64,
        /// The number of the first.
        first: u64,
        /// The deltas.
        deltas: Vec<D>,
        /// What the sender has seen.
        seen: CausalContext,
    },
    /// The sender has all of the receiver's deltas up to here.
    Ack {
        /// Of which incarnation of the receiver.
        incarnation: u64,
        /// Up to which number.
        upto: u64,
        /// What the sender has seen.
        seen: CausalContext,
    },
    /// The sender has this, and asks for the rest.
    Digest {
        /// How much it has.
        version: V,
        /// What it has seen.
        seen: CausalContext,
    },
    /// All that the receiver lacked, by its digest.
    CatchUp {
        /// The sender's incarnation.
        incarnation: u64,
        /// Its own deltas up to this number are contained.
        upto: u64,
        /// What was lacking.
        delta: D,
        /// What the sender has seen.
        seen: CausalContext,
    },
}

/// What a node writes to its log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Record<D, C> {
    /// What was added to the state.
    Delta(D),
    /// The whole state: older records are not needed any more, but for the members before it.
    State(C),
    /// How the peers differ from those of the configuration, from here on.
    Members(Members),
}

/// How a node's peers differ from those of its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Members {
    /// Who was welcomed (true), and who was forgotten.
    pub changes: BTreeMap<NodeId, bool>,
    /// Whether a part of the log was lost in which others may have been welcomed.
    pub doubtful: bool,
}

impl<D: Wire, V: Wire> Wire for Message<D, V> {
    const LEN_MIN: usize = 3;

    fn encode(&self, out: &mut Writer<'_>) {
        let seen = match self {
            Self::Deltas { incarnation, first, deltas, seen } => {
                out.u8(0);
                out.u64(*incarnation);
                out.u64(*first);
                deltas.encode(out);
                seen
            }
            Self::Ack { incarnation, upto, seen } => {
                out.u8(1);
                out.u64(*incarnation);
                out.u64(*upto);
                seen
            }
            Self::Digest { version, seen } => {
                out.u8(2);
                version.encode(out);
                seen
            }
            Self::CatchUp { incarnation, upto, delta, seen } => {
                out.u8(3);
                out.u64(*incarnation);
                out.u64(*upto);
                delta.encode(out);
                seen
            }
        };
        seen.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(match input.u8()? {
            0 => Self::Deltas {
                incarnation: input.u64()?,
                first: input.u64()?,
                deltas: Vec::decode(input)?,
                seen: CausalContext::decode(input)?,
            },
            1 => Self::Ack {
                incarnation: input.u64()?,
                upto: input.u64()?,
                seen: CausalContext::decode(input)?,
            },
            2 => Self::Digest { version: V::decode(input)?, seen: CausalContext::decode(input)? },
            3 => Self::CatchUp {
                incarnation: input.u64()?,
                upto: input.u64()?,
                delta: D::decode(input)?,
                seen: CausalContext::decode(input)?,
            },
            tag => return Err(WireError::UnknownTag { of: "Message", tag }),
        })
    }
}

impl<D: Wire, C: Wire> Wire for Record<D, C> {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::Delta(delta) => {
                out.u8(0);
                delta.encode(out);
            }
            Self::State(state) => {
                out.u8(1);
                state.encode(out);
            }
            Self::Members(members) => {
                out.u8(2);
                members.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        match input.u8()? {
            0 => D::decode(input).map(Self::Delta),
            1 => C::decode(input).map(Self::State),
            2 => Members::decode(input).map(Self::Members),
            tag => Err(WireError::UnknownTag { of: "Record", tag }),
        }
    }
}

impl Wire for Members {
    const LEN_MIN: usize = 2;

    fn encode(&self, out: &mut Writer<'_>) {
        wire::write_all(out, self.changes.iter(), |out, (peer, welcome)| {
            out.u64(peer.0);
            welcome.encode(out);
        });
        self.doubtful.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let change = |input: &mut Reader| Ok((NodeId(input.u64()?), bool::decode(input)?));
        let changes = wire::read_all(input, 9, change)?;
        if !changes.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(wire::UNSORTED);
        }
        Ok(Self { changes: changes.into_iter().collect(), doubtful: bool::decode(input)? })
    }
}
