//! What a node is told before it starts.

use alloc::vec::Vec;
use core::time::Duration;
use synod_core::{NodeId, mutant};
use synod_quorum::{Quorums, QuorumsError, Rule};

/// The settings of one node. All nodes have the same `acceptors`, `learners` and `quorums`; the rest may differ.
///
/// ```
/// use synod_core::NodeId;
/// use synod_paxos::{Config, Paxos, QuorumRule};
/// // Four acceptors. Phase 2 is content with two of them, so phase 1 needs three.
/// let mut config = Config::new(NodeId(1), (1..=4).map(NodeId));
/// config.quorums = QuorumRule::Sizes { prepare: 3, accept: 2 };
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
    /// Which acceptors make a quorum. Default: a majority.
    pub quorums: QuorumRule,
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

/// Which acceptors make a quorum.
///
/// ```
/// use synod_core::NodeId;
/// use synod_paxos::{Config, ConfigError, Paxos, QuorumRule};
/// use synod_quorum::{Quorums, Rule};
/// let [a, b, c, d, e] = [1, 2, 3, 4, 5].map(NodeId);
/// let mut config = Config::new(a, [a, b, c, d, e]);
/// // Two zones and a tie-breaker: a majority of the three, each by all of its acceptors.
/// let zones = Rule::of(2, [Rule::all([a, b].map(Rule::one))?, Rule::all([c, d].map(Rule::one))?, Rule::one(e)])?;
/// config.quorums = QuorumRule::Of(Quorums::same(zones)?);
/// assert!(Paxos::new(config.clone()).is_ok());
/// // Quorums that need not meet are refused, however they were made.
/// let (one, other) = (Rule::any([a, b].map(Rule::one))?, Rule::one(c));
/// config.quorums = QuorumRule::Of(Quorums::unchecked(one, other));
/// assert!(matches!(Paxos::new(config), Err(ConfigError::Quorums(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QuorumRule {
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
    /// Weights, hierarchies, grids, or any other rules over the acceptors: promises of an [`elect`](Quorums::elect) quorum begin phase 2,
    /// and acceptances of a [`commit`](Quorums::commit) quorum are a decision.
    Of(Quorums),
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
            quorums: QuorumRule::Majority,
            retry_timeout_min: Duration::from_millis(100),
            retry_timeout_max: Duration::from_millis(200),
            pursue: true,
            value_bytes_max: 1 << 20,
        }
    }

    /// The quorums of the two phases: whose promises begin phase 2, and whose acceptances are a decision.
    ///
    /// # Errors
    /// When there are no acceptors, one is listed twice, the rule names others, or a quorum of one phase need not meet one of the other.
    pub fn quorums(&self) -> Result<Quorums, ConfigError> {
        let acceptors = || self.acceptors.iter().copied();
        let quorums = match &self.quorums {
            QuorumRule::Majority => Ok(Quorums::majority(acceptors()).map_err(QuorumsError::from)?),
            QuorumRule::Sizes { prepare, accept } => Quorums::sizes(acceptors(), *prepare, *accept),
            QuorumRule::Of(quorums) => {
                let named = [quorums.elect(), quorums.commit()].map(Rule::members).concat();
                if let Some(id) = named.into_iter().find(|id| !self.acceptors.contains(id)) {
                    return Err(ConfigError::NotAnAcceptor { id });
                }
                // They may be of `Quorums::unchecked`.
                Quorums::new(quorums.elect().clone(), quorums.commit().clone()).map_err(QuorumsError::from)
            }
            QuorumRule::SabotagedOneShort => {
                let short = (self.acceptors.len() / 2).max(1);
                let short = Rule::at_least(short, acceptors()).map_err(QuorumsError::from)?;
                return Ok(Quorums::unchecked(short.clone(), short));
            }
        };
        let quorums = quorums?;
        Ok(mutant!(
            quorums,
            "quorums-that-need-not-meet" => Quorums::unchecked(quorums.commit().clone(), quorums.commit().clone()),
        ))
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
        self.quorums()?;
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
    /// Quorums of nobody, of more acceptors than there are, or of the two phases that need not share an acceptor, so that two values could
    /// be chosen.
    #[error("{0}")]
    Quorums(#[from] QuorumsError),
    /// The rule for quorums names a node that is no acceptor.
    #[error("the quorums count on {id}, which is no acceptor: add it, or leave it out of the rule")]
    NotAnAcceptor {
        /// The node.
        id: NodeId,
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
