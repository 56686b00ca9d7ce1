//! What a node is told before it starts.

use crate::mending::NOBODY;
use crate::{Membership, QuorumRule};
use alloc::vec::Vec;
use core::time::Duration;
use synod_core::NodeId;

/// The greatest [`Config::clock_drift_ppm_max`].
const DRIFT_PPM_MAX: u32 = 500_000;

/// The settings of one node. All nodes that found a cluster have the same `voters`, `witnesses` and `quorum`; nodes that join later
/// learn the quorums from the log (at version 1 they have the same `quorum`); the rest may differ.
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
    /// Those who vote in the beginning, this node among them. What the log says about the membership takes its place.
    pub voters: Vec<NodeId>,
    /// Those of the voters who keep no payloads, so that the third site of a cluster needs no disk to speak of. Default none.
    pub witnesses: Vec<NodeId>,
    /// The node founds no cluster: it waits until a leader that was told to add it speaks to it. `voters` is empty then. Default
    /// off; [`Config::joining`] sets it.
    pub joining: bool,
    /// Somebody has run under this node's id before, and what that node has promised is lost with its disk: an empty log is then a damaged
    /// one (see [`mending`](Config::mending)), and nothing that the node says counts before all other voters have said how far they
    /// are. With a log that holds anything it means nothing. Default off; [`Config::rejoining`] sets it. An id that nobody has ever
    /// had needs none of this.
    pub rejoining: bool,
    /// This node is a witness: it votes, and keeps terms and indices of entries but not what they hold; it never leads. On by
    /// itself where `witnesses` names it; a witness that joins needs it to be set. For ever: a node that has kept no payloads cannot
    /// become a full one, except with another disk.
    pub witness: bool,
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
    /// 96 KiB: common allocators ask the kernel for each piece of 128 KiB or more, and give it back, which costs more than a batch.
    pub batch_bytes_max: usize,
    /// The greatest length of a payload; a longer one is refused. Default 16 MiB.
    pub payload_bytes_max: usize,
    /// How many batches may be on their way to one follower. Default 256.
    pub in_flight_max: usize,
    /// How many payload bytes may be on their way to one follower, except that one batch always may. Default 16 MiB.
    pub in_flight_bytes_max: usize,
    /// How many payload bytes may wait for a quorum in a leader's log. Proposals beyond that are refused
    /// ([`Refusal::Busy`](crate::Refusal::Busy)), except that one always may wait. Default 256 MiB.
    pub uncommitted_bytes_max: usize,
    /// How many payload bytes of the log are kept in memory. Older ones, which the application has got and the disk has stored, are
    /// read again when they are needed ([`Job::Recall`](crate::Job::Recall)); a host that cannot do that sets `usize::MAX`. What is
    /// not committed stays in memory in any case. Default 64 MiB.
    pub log_memory_bytes_max: usize,
    /// How many entries are kept in the log though the application's durable state covers them, so that a follower that lags a
    /// little needs no snapshot. Default 1,024.
    pub trailing_entries: u64,
    /// How many bytes of a snapshot the host is asked for, and sends, at a time. Default 256 KiB.
    pub snapshot_piece_bytes: usize,
    /// How many pieces of a snapshot may be on their way to one follower. Default 4.
    pub snapshot_pieces_max: usize,
    /// Which voters make a quorum, of a membership that states no rule of its own: the first, and all that follow until
    /// [`Change::Rule`](crate::Change::Rule) changes it. The same on all founders, and for ever. The first change of members puts it into the
    /// log where it is no majority, so that whoever joins need not be told, unless some member speaks version 1 only: until none does, those
    /// who join are to be configured alike.
    pub quorum: QuorumRule,
    /// The newest version of messages and log that this node speaks: [`WIRE_VERSION`](crate::WIRE_VERSION), the default, or an earlier one
    /// while the cluster may have to go back to a program that knows no later. What that version cannot say is then refused, also where
    /// others say it or the log holds it.
    pub version_max: u8,
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
    /// Whoever refuses a vote because the candidate's log is behind sends the entries along, so that the only node that reaches
    /// a quorum can lead whatever it has missed. Default on.
    pub lending: bool,
    /// A node whose log is damaged starts all the same, and is repaired by the others. Until it is whole it does not campaign, and it
    /// votes only when it is known what it has promised. Off: it refuses to start ([`RecoverError::Damaged`](crate::RecoverError::Damaged)). Default on.
    pub mending: bool,
    /// A leader hands over when its own disk has stored nothing for this time, though there is something to store; where nobody keeps up
    /// with it, it steps down. Looked at together with the quorum, without `check_quorum` at each heartbeat. Default 2 s.
    pub disk_stall_max: Option<Duration>,
}

impl Config {
    /// The defaults for a node `id` of a cluster of `voters`.
    #[must_use]
    pub fn new(id: NodeId, voters: impl IntoIterator<Item = NodeId>) -> Self {
        Self {
            id,
            voters: voters.into_iter().collect(),
            witnesses: Vec::new(),
            joining: false,
            rejoining: false,
            witness: false,
            election_timeout_min: Duration::from_millis(150),
            election_timeout_max: Duration::from_millis(300),
            heartbeat_interval: Duration::from_millis(30),
            pre_vote: true,
            check_quorum: true,
            batch_entries_max: 1024,
            batch_bytes_max: 96 << 10,
            payload_bytes_max: 16 << 20,
            in_flight_max: 256,
            in_flight_bytes_max: 16 << 20,
            uncommitted_bytes_max: 256 << 20,
            log_memory_bytes_max: 64 << 20,
            trailing_entries: 1_024,
            snapshot_piece_bytes: 256 << 10,
            snapshot_pieces_max: 4,
            quorum: QuorumRule::Majority,
            version_max: crate::WIRE_VERSION,
            leases: false,
            lease_guard: None,
            clock_drift_ppm_max: 1_000,
            reads_max: 1 << 16,
            priority: 0,
            lending: true,
            mending: true,
            disk_stall_max: Some(Duration::from_secs(2)),
        }
    }

    /// The defaults for a node that is to be added to a cluster, under an id that nobody has had: it belongs to none, answers any leader that speaks to it, and does
    /// not campaign before it is a voter. Its log knows the membership from then on, also after a restart with the same settings.
    #[must_use]
    pub fn joining(id: NodeId) -> Self {
        Self { joining: true, ..Self::new(id, []) }
    }

    /// As [`joining`](Self::joining), for a node that comes back under its old id without its disk, whether it was removed in between or not:
    /// what it had promised must not be broken, so it first hears all voters. Meanwhile it stores, and counts for nothing.
    ///
    /// What a cluster had agreed to while this node was a commit quorum by itself (its only voter, or heavy enough), nobody else need know:
    /// such a node must not come back so.
    #[must_use]
    pub fn rejoining(id: NodeId) -> Self {
        Self { rejoining: true, ..Self::joining(id) }
    }

    /// The membership to begin with; nobody for a node that joins.
    #[must_use]
    pub fn membership(&self) -> Membership {
        let founding = Membership::of(self.voters.iter().copied());
        let stated = !founding.is_empty() && self.quorum.unstated() != &self.quorum;
        let rule = stated.then(|| self.quorum.among(&founding.voters));
        Membership { witnesses: self.witnesses.clone(), rule, ..founding }
    }

    /// Sorts the voters and checks every field.
    pub(crate) fn validated(mut self) -> Result<Self, ConfigError> {
        if !(1..=crate::WIRE_VERSION).contains(&self.version_max) {
            return Err(ConfigError::Limit { field: "version_max", max: crate::WIRE_VERSION.into() });
        }
        self.check_members()?;
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
            ("snapshot_piece_bytes", self.snapshot_piece_bytes),
            ("snapshot_pieces_max", self.snapshot_pieces_max),
            ("reads_max", self.reads_max),
        ] {
            if value == 0 || value > crate::segment::PAYLOAD_BYTES_MAX {
                return Err(ConfigError::Limit { field, max: crate::segment::PAYLOAD_BYTES_MAX });
            }
        }
        Ok(self)
    }
}

impl Config {
    fn check_members(&mut self) -> Result<(), ConfigError> {
        self.voters.sort_unstable();
        self.witnesses.sort_unstable();
        if self.id == NOBODY || self.voters.contains(&NOBODY) {
            return Err(ConfigError::ReservedId);
        }
        if self.joining {
            return if self.voters.is_empty() && self.witnesses.is_empty() {
                Ok(())
            } else {
                Err(ConfigError::JoinsWhatItFounds)
            };
        }
        if self.voters.is_empty() {
            return Err(ConfigError::NoVoters);
        }
        for list in [&self.voters, &self.witnesses] {
            if let Some(twice) = list.windows(2).find_map(|pair| match pair {
                [a, b] if a == b => Some(*a),
                _ => None,
            }) {
                return Err(ConfigError::DuplicateVoter { id: twice });
            }
        }
        for id in self.witnesses.iter().chain([&self.id]) {
            if self.voters.binary_search(id).is_err() {
                return Err(ConfigError::NotAVoter { id: *id });
            }
        }
        let named = self.witnesses.binary_search(&self.id).is_ok();
        if self.witness && !named {
            return Err(ConfigError::UnknownWitness { id: self.id });
        }
        self.witness = named;
        if self.voters.len() > crate::membership::MEMBERS_MAX {
            return Err(ConfigError::Limit { field: "voters", max: crate::membership::MEMBERS_MAX });
        }
        if let Some(id) = self.quorum.named().find(|id| self.voters.binary_search(id).is_err()) {
            return Err(ConfigError::NotAVoter { id });
        }
        self.quorum = self.quorum.among(&self.voters);
        if self.quorum.quorums(&self.voters).is_err() {
            return Err(ConfigError::NoQuorum);
        }
        if self.membership().version() > self.version_max {
            return Err(ConfigError::RuleOfLaterVersion { version_max: self.version_max });
        }
        if self.membership().witnesses_commit(&self.quorum) {
            return Err(ConfigError::TooManyWitnesses);
        }
        Ok(())
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
    /// The greatest number is no name: records use it for "nobody".
    #[error("node {} cannot be: give it another id", u64::MAX)]
    ReservedId,
    /// The node is not among the voters.
    #[error("node {id} is not among the voters: add it, or start the node under the id that it has there")]
    NotAVoter {
        /// The node.
        id: NodeId,
    },
    /// A node that joins a cluster has voters of its own.
    #[error("a node that joins learns the membership from the leader: leave voters and witnesses empty")]
    JoinsWhatItFounds,
    /// The node says that it is a witness, and the cluster that it founds does not know.
    #[error(
        "node {id} is set up as a witness, but `witnesses` does not name it: the others would send it payloads"
    )]
    UnknownWitness {
        /// The node.
        id: NodeId,
    },
    /// A quorum of witnesses could commit an entry whose payload nobody's disk holds.
    #[error(
        "so many witnesses could commit what none of them stores: make one of them a full voter, or give it less weight"
    )]
    TooManyWitnesses,
    /// All voters together are no quorum.
    #[error("no voter weighs anything, so that nobody could elect or commit: give some of them weight")]
    NoQuorum,
    /// Weights or zones, and a node that must not speak the version that can state them.
    #[error(
        "version {version_max} cannot state weights or zones: found the cluster with a majority, or raise `version_max`"
    )]
    RuleOfLaterVersion {
        /// The newest version that the node may speak.
        version_max: u8,
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
