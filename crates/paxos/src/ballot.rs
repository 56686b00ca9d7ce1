//! Proposal numbers.

use core::fmt;
use synod_core::{Bytes, NodeId};

/// A ballot: the number of a proposal. No two nodes share one, since the node is a part of it, and no node uses one twice,
/// since it writes the round to its disk before it speaks of it.
///
/// ```
/// use synod_core::NodeId;
/// use synod_paxos::Ballot;
/// let ballot = |round, node| Ballot { round, node: NodeId(node) };
/// assert!(ballot(1, 3) < ballot(2, 1)); // the round decides,
/// assert!(ballot(2, 1) < ballot(2, 2)); // then the node
/// assert!(Ballot::ZERO < ballot(1, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ballot {
    /// Which attempt. Grows; 0 is before the first.
    pub round: u64,
    /// Who proposes.
    pub node: NodeId,
}

impl Ballot {
    /// Lower than every ballot: nothing was promised yet.
    pub const ZERO: Self = Self { round: 0, node: NodeId(0) };
    /// The greatest round: leaves room to add without overflow. At a million attempts a second it lasts 146,000 years.
    pub const ROUND_MAX: u64 = 1 << 62;

    /// Whether a correct node can use it.
    pub(crate) const fn is_possible(self) -> bool {
        self.round > 0 && self.round <= Self::ROUND_MAX
    }
}

impl fmt::Display for Ballot {
    /// `3.n2`: the third round, by node 2.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.round, self.node)
    }
}

/// A proposal: a ballot with its value. There is at most one value for each ballot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Proposal {
    /// Its number.
    pub ballot: Ballot,
    /// What is proposed.
    pub value: Bytes,
}
