//! What a node is told before it starts.

use alloc::vec::Vec;
use core::time::Duration;
use synod_core::{NodeId, mutant};

/// The greatest [`Config::clock_drift_ppm_max`].
const DRIFT_PPM_MAX: u32 = 500_000;

/// The settings of one node. All nodes of a cluster have the same `voters` and `quorum`; the rest may differ.
///
/// ```
/// use synod_core::NodeId;
/// use synod_raft::{Config, Raft};
/// let mut config = Config::new(NodeId(1), [NodeId(1), NodeId(2), NodeId(3)]);
/// config.in_flight_max = 64;
/// assert!(Raft::new(config).is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Config {
    /// This node.
    pub id: NodeId,
    /// Those who vote and store entries, this node among them.
    pub voters: Vec<NodeId>,
    /// The shortest time without a leader after which a node campaigns. Default 150 ms.
    pub election_timeout_min: Duration,
    /// The longest. Each wait is drawn evenly from between the two, so that votes seldom split. Default 300 ms.
    pub election_timeout_max: Duration,
    /// How often a leader speaks when it has nothing to say. Default 30 ms.
    pub heartbeat_interval: Duration,
    /// Ask whether an election can be won before disturbing anybody with a new term (section 9.6 of Ongaro's thesis).
    /// Default on.
    pub pre_vote: bool,
    /// A leader that has not heard from a quorum for `election_timeout_min` steps down, and nodes that hear from a leader
    /// do not help others to depose it. Default on. The two belong together: nodes that are loyal to a leader which cannot
    /// hear them would be loyal for ever.
    pub check_quorum: bool,
    /// The greatest number of entries in one batch. Default 1,024.
    pub batch_entries_max: usize,
    /// The greatest number of payload bytes in one batch, except that a larger payload has a batch of its own. Default
    /// 256 KiB.
    pub batch_bytes_max: usize,
    /// The greatest length of a payload; a longer one is refused. Default 16 MiB.
    pub payload_bytes_max: usize,
    /// How many batches may be on their way to one follower. Default 256.
    pub in_flight_max: usize,
    /// How many voters make a quorum.
    pub quorum: QuorumRule,
    /// Whoever hears a leader promises it not to vote for another for `election_timeout_min`, so that the leader can serve
    /// reads without asking ([`ReadMode::Lease`](crate::ReadMode::Lease)). The price: after a restart a node gives no vote for that
    /// time. All nodes must agree. Default off.
    pub leases: bool,
    /// A leader serves reads without asking for this time after the last entry that it has committed, and a new leader commits
    /// nothing for as long after the last entry of its predecessors ([`ReadMode::LeaseGuard`](crate::ReadMode::LeaseGuard)). All
    /// nodes must agree. Default off.
    pub lease_guard: Option<Duration>,
    /// By how much the rate of any node's monotonic clock may be off, in parts per million; both kinds of lease rest on it, and
    /// nothing else does. A machine that is suspended with its clock is off without bound. Default 1,000, several times what
    /// quartz and its correction by NTP amount to.
    pub clock_drift_ppm_max: u32,
    /// How many reads may wait, of the application's and of the peers'. More are refused. Default 65,536.
    pub reads_max: usize,
    /// A follower of a higher priority than the leader's gets the leadership when it is caught up. Elections do not ask for it,
    /// so nothing waits for a node that is not there. Default 0.
    pub priority: u32,
    /// A leader hands over when its own disk has stored nothing for this time, though there is something to store. Watched
    /// together with the quorum, so only with `check_quorum`. Default 2 s.
    pub disk_stall_max: Option<Duration>,
}

/// How many voters make a quorum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum QuorumRule {
    /// More than half.
    #[default]
    Majority,
    /// One fewer than that: **breaks safety on purpose**. It exists so that a demonstration can show a checker finding the
    /// damage. Two such quorums need not share a node, so two leaders may commit different entries at one index.
    SabotagedOneShort,
}

impl Config {
    /// The defaults for a node `id` of a cluster of `voters`.
    #[must_use]
    pub fn new(id: NodeId, voters: impl IntoIterator<Item = NodeId>) -> Self {
        Self {
            id,
            voters: voters.into_iter().collect(),
            election_timeout_min: Duration::from_millis(150),
            election_timeout_max: Duration::from_millis(300),
            heartbeat_interval: Duration::from_millis(30),
            pre_vote: true,
            check_quorum: true,
            batch_entries_max: 1024,
            batch_bytes_max: 256 << 10,
            payload_bytes_max: 16 << 20,
            in_flight_max: 256,
            quorum: QuorumRule::Majority,
            leases: false,
            lease_guard: None,
            clock_drift_ppm_max: 1_000,
            reads_max: 1 << 16,
            priority: 0,
            disk_stall_max: Some(Duration::from_secs(2)),
        }
    }

    /// How many voters make a quorum.
    #[must_use]
    pub fn quorum_size(&self) -> usize {
        let majority = self.voters.len() / 2 + 1;
        match self.quorum {
            QuorumRule::Majority => mutant!(majority, "quorum-one-short" => (majority - 1).max(1)),
            QuorumRule::SabotagedOneShort => (majority - 1).max(1),
        }
    }

    /// Sorts the voters and checks every field.
    pub(crate) fn validated(mut self) -> Result<Self, ConfigError> {
        self.voters.sort_unstable();
        if self.voters.is_empty() {
            return Err(ConfigError::NoVoters);
        }
        if let Some(twice) = self.voters.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some(*a),
            _ => None,
        }) {
            return Err(ConfigError::DuplicateVoter { id: twice });
        }
        if self.voters.binary_search(&self.id).is_err() {
            return Err(ConfigError::NotAVoter { id: self.id });
        }
        if self.election_timeout_min >= self.election_timeout_max {
            return Err(ConfigError::ElectionTimeout {
                min: self.election_timeout_min,
                max: self.election_timeout_max,
            });
        }
        if self.heartbeat_interval.is_zero() || self.heartbeat_interval >= self.election_timeout_min {
            return Err(ConfigError::HeartbeatInterval {
                interval: self.heartbeat_interval,
                election_timeout_min: self.election_timeout_min,
            });
        }
        if self.clock_drift_ppm_max > DRIFT_PPM_MAX {
            return Err(ConfigError::ClockDrift { ppm: self.clock_drift_ppm_max, max: DRIFT_PPM_MAX });
        }
        if self.leases && !self.check_quorum {
            return Err(ConfigError::LeasesWithoutCheckQuorum);
        }
        for (field, value) in [
            ("batch_entries_max", self.batch_entries_max),
            ("batch_bytes_max", self.batch_bytes_max),
            ("payload_bytes_max", self.payload_bytes_max),
            ("in_flight_max", self.in_flight_max),
            ("reads_max", self.reads_max),
        ] {
            if value == 0 || value > crate::segment::PAYLOAD_BYTES_MAX {
                return Err(ConfigError::Limit { field, max: crate::segment::PAYLOAD_BYTES_MAX });
            }
        }
        Ok(self)
    }
}

/// Why a configuration cannot work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The set of voters is empty.
    #[error("a cluster needs at least one voter: list the ids of all nodes, this one included")]
    NoVoters,
    /// A voter is listed twice.
    #[error("voter {id} is listed twice: a duplicate would be counted twice in every quorum; remove one")]
    DuplicateVoter {
        /// The voter.
        id: NodeId,
    },
    /// The node is not among the voters.
    #[error("node {id} is not among the voters: add it, or start the node under the id that it has there")]
    NotAVoter {
        /// The node.
        id: NodeId,
    },
    /// The span from which election timeouts are drawn is empty.
    #[error(
        "election timeouts must be drawn from a span ({min:?} to {max:?} is none), or votes split for ever"
    )]
    ElectionTimeout {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// The leader would speak too seldom to keep its followers, or without pause.
    #[error(
        "a heartbeat every {interval:?} does not keep followers that wait {election_timeout_min:?}: make it a fraction, \
         and not zero"
    )]
    HeartbeatInterval {
        /// The interval.
        interval: Duration,
        /// What it must stay below.
        election_timeout_min: Duration,
    },
    /// Clocks that may run at half or double speed leave nothing of a lease.
    #[error("clocks that may be off by {ppm} parts per million leave no lease: bound them by {max} or less")]
    ClockDrift {
        /// What the configuration says.
        ppm: u32,
        /// What it may say.
        max: u32,
    },
    /// Promises to a leader that may be deaf would be renewed for ever.
    #[error("leases need a leader that steps down when it hears nobody: set check_quorum")]
    LeasesWithoutCheckQuorum,
    /// A limit is zero or beyond what the formats can express.
    #[error("{field} must be from 1 to {max}")]
    Limit {
        /// The field.
        field: &'static str,
        /// The greatest value.
        max: usize,
    },
}
