//! Who writes.

use core::fmt;
use synod_core::NodeId;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A writer: 128 bits that no two replicas ever share.
///
/// Two replicas that write as one actor give one name to two things, which no replicated type survives. So make an actor from what
/// cannot repeat: a node and its incarnation ([`of`](Self::of)), or 128 random bits such as a UUID. Under a new incarnation a replica
/// may even come back with an older disk.
///
/// ```
/// use synod_core::NodeId;
/// use synod_crdt::ActorId;
/// assert!(ActorId::of(NodeId(1), 1) < ActorId::of(NodeId(1), 2));
/// assert_eq!(ActorId::from(7_u128).to_string(), "00000000000000000000000000000007");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId {
    high: u64,
    low: u64,
}

impl ActorId {
    /// The actor as which a node writes in one of its incarnations.
    #[must_use]
    pub const fn of(node: NodeId, incarnation: u64) -> Self {
        Self { high: node.0, low: incarnation }
    }

    /// The upper half: the node, where the actor was made with [`of`](Self::of).
    #[must_use]
    pub const fn node(self) -> NodeId {
        NodeId(self.high)
    }
}

impl From<u128> for ActorId {
    fn from(bits: u128) -> Self {
        Self { high: (bits >> 64) as u64, low: bits as u64 }
    }
}

impl From<ActorId> for u128 {
    fn from(actor: ActorId) -> Self {
        Self::from(actor.high) << 64 | Self::from(actor.low)
    }
}

impl fmt::Debug for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a{:x}", u128::from(*self))
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from(*self))
    }
}

impl Wire for ActorId {
    const LEN_MIN: usize = 16;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.low);
        out.u64(self.high);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let low = input.u64()?;
        Ok(Self { high: input.u64()?, low })
    }
}
