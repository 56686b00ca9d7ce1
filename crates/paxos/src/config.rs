//! What a node is told before it starts.

use alloc::vec::Vec;
use core::time::Duration;
use synod_core::NodeId;

/// The settings of one node. All nodes have the same `acceptors`, `learners` and `quorums`; the rest may differ.
///
/// ```
/// use synod_core::NodeId;
/// use synod_paxos::{Config, Paxos, Quorums};
/// // Four acceptors. Phase 2 is content with two of them, so phase 1 needs three.
/// let mut config = Config::new(NodeId(1), (1..=4).map(NodeId));
/// config.quorums = Quorums::Sizes { prepare: 3, accept: 2 };
/// // Node 9 proposes and learns, but stores nothing.
/// config.learners.push(NodeId(9));
/// assert!(Paxos::new(config).is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Config {
    /// This node: one of the acceptors or of the learners.
    pub id: NodeId,
    /// Those who promise and accept.
    pub acceptors: Vec<NodeId>,
    /// Those who propose and learn without being acceptors. Default none. Acceptors propose and learn too.
    pub learners: Vec<NodeId>,
    /// How many acceptors make a quorum. Default: a majority.
    pub quorums: Quorums,
    /// The shortest time without progress after which a node asks again. Default 100 ms.
    pub retry_timeout_min: Duration,
    /// The longest for the first attempt. Each wait is drawn evenly from between the two, so that proposers get out of each
    /// other's way; the width doubles with each attempt, up to sixteenfold. Default 200 ms.
    pub retry_timeout_max: Duration,
    /// Whether a node pursues a decision that it has no proposal in. If so, an acceptor that has accepted a value and hears no
    /// decision proposes that value (its proposer may have crashed), and one that has only promised asks the others. If not,
    /// both wait to be told. Default on.
    pub pursue: bool,
    /// The longest value that is taken from the application. Default 1 MiB.
    pub value_bytes_max: usize,
}

/// How many acceptors make a quorum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Quorums {
    /// More than half, in both phases.
    #[default]
    Majority,
    /// Different sizes for the two phases, which together exceed the number of acceptors: only a quorum of one phase and one of
    /// the other must meet (Howard, Malkhi and Spiegelman 2016, "Flexible Paxos").
    Sizes {
        /// How many promises begin phase 2.
        prepare: usize,
        /// How many acceptances are a decision.
        accept: usize,
    },
    /// One fewer than a majority: **breaks safety on purpose**, so that a demonstration can show a checker finding the damage.
    SabotagedOneShort,
}

impl Config {
    /// The defaults for a node `id` in a cluster of `acceptors`.
    #[must_use]
    pub fn new(id: NodeId, acceptors: impl IntoIterator<Item = NodeId>) -> Self {
        Self {
            id,
            acceptors: acceptors.into_iter().collect(),
            learners: Vec::new(),
            quorums: Quorums::Majority,
            retry_timeout_min: Duration::from_millis(100),
            retry_timeout_max: Duration::from_millis(200),
            pursue: true,
            value_bytes_max: 1 << 20,
        }
    }

    /// How many promises begin phase 2.
    #[must_use]
    pub fn prepare_quorum(&self) -> usize {
        match self.quorums {
            Quorums::Sizes { prepare, .. } => prepare,
            Quorums::Majority => self.majority(),
            Quorums::SabotagedOneShort => (self.majority() - 1).max(1),
        }
    }

    /// How many acceptances are a decision.
    #[must_use]
    pub fn accept_quorum(&self) -> usize {
        match self.quorums {
            Quorums::Sizes { accept, .. } => accept,
            Quorums::Majority => self.majority(),
            Quorums::SabotagedOneShort => (self.majority() - 1).max(1),
        }
    }

    fn majority(&self) -> usize {
        self.acceptors.len() / 2 + 1
    }

    /// Sorts the members and checks every field.
    pub(crate) fn validated(mut self) -> Result<Self, ConfigError> {
        self.acceptors.sort_unstable();
        self.learners.sort_unstable();
        if self.acceptors.is_empty() {
            return Err(ConfigError::NoAcceptors);
        }
        let mut members: Vec<NodeId> = self.acceptors.iter().chain(&self.learners).copied().collect();
        members.sort_unstable();
        if let Some(id) = members.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some(*a),
            _ => None,
        }) {
            return Err(ConfigError::DuplicateMember { id });
        }
        if members.binary_search(&self.id).is_err() {
            return Err(ConfigError::NotAMember { id: self.id });
        }
        if let Quorums::Sizes { prepare, accept } = self.quorums {
            let acceptors = self.acceptors.len();
            if prepare == 0 || accept == 0 || prepare > acceptors || accept > acceptors {
                return Err(ConfigError::QuorumSize { prepare, accept, acceptors });
            }
            if prepare + accept <= acceptors {
                return Err(ConfigError::QuorumsMiss { prepare, accept, acceptors });
            }
        }
        if self.retry_timeout_min.is_zero() || self.retry_timeout_min >= self.retry_timeout_max {
            return Err(ConfigError::RetryTimeout {
                min: self.retry_timeout_min,
                max: self.retry_timeout_max,
            });
        }
        Ok(self)
    }
}

/// Why a configuration cannot work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The set of acceptors is empty.
    #[error("Paxos needs at least one acceptor: list the ids of those that store the decision")]
    NoAcceptors,
    /// A node is listed twice.
    #[error("{id} is listed twice: a duplicate would be counted twice in every quorum; remove one")]
    DuplicateMember {
        /// The node.
        id: NodeId,
    },
    /// The node is listed nowhere.
    #[error(
        "{id} is neither an acceptor nor a learner: add it, or start the node under the id that it has there"
    )]
    NotAMember {
        /// The node.
        id: NodeId,
    },
    /// A quorum of nobody, or of more acceptors than there are.
    #[error(
        "quorums of {prepare} and {accept} among {acceptors} acceptors: choose sizes from 1 to {acceptors}"
    )]
    QuorumSize {
        /// Of phase 1.
        prepare: usize,
        /// Of phase 2.
        accept: usize,
        /// How many acceptors there are.
        acceptors: usize,
    },
    /// Quorums of the two phases need not share an acceptor, so two values could be chosen.
    #[error(
        "quorums of {prepare} and {accept} among {acceptors} acceptors need not meet: together they must exceed {acceptors}"
    )]
    QuorumsMiss {
        /// Of phase 1.
        prepare: usize,
        /// Of phase 2.
        accept: usize,
        /// How many acceptors there are.
        acceptors: usize,
    },
    /// The span from which the waits are drawn is empty.
    #[error("waits must be drawn from a span ({min:?} to {max:?} is none), or proposers duel for ever")]
    RetryTimeout {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
}
