//! Who: node identities, and the opaque facts about a peer that only a transport understands.

use bytes::Bytes;
use core::fmt;

/// The identity of a node: a number, never an address.
///
/// Only the transport knows where a node lives, so a node may move without any protocol noticing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// A change in the set of peers that the transport serves, asked for by a protocol.
///
/// `info` is whatever the transport needs to reach the peer (addresses, region, certificates); protocols carry
/// it in membership entries and gossip without looking inside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PeerChange {
    /// Serve this peer, or serve it at a new place: the transport resolves `info` anew.
    Reach {
        /// The peer.
        id: NodeId,
        /// Opaque to protocols.
        info: Bytes,
    },
    /// Close the links to this peer and forget it.
    Forget(NodeId),
}
