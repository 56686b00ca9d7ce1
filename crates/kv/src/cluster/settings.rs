//! How a simulated cluster is set up, and what is broken in it on purpose.

use core::time::Duration;
use synod_raft::Config;
use synod_sim::Climate;

/// How a simulated cluster is set up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// How many replicas.
    pub nodes: usize,
    /// How many clients; each has one operation under way at a time.
    pub clients: u64,
    /// How many keys they share: few keys, many conflicts.
    pub keys: u64,
    /// How many of a hundred operations are gets. The others change something.
    pub gets_percent: u64,
    /// How many operations are begun in all; the clients then fall silent.
    pub operations: u64,
    /// A client waits at most this long between an answer and its next operation.
    pub pause_max: Duration,
    /// A client gives an operation up after this time: nobody knows then whether it happened.
    pub patience: Duration,
    /// Most gets are reads of Raft's, of every mode and on any node, in place of entries in its log; and between the operations
    /// stale reads are asked, whose age is judged.
    pub reads: bool,
    /// Nodes promise their votes to the leader that they hear ([`Config::leases`]), where they check quorums at all.
    pub leases: bool,
    /// The log is a lease for so long ([`Config::lease_guard`]).
    pub lease_guard: Option<Duration>,
    /// What the nodes believe about their clocks ([`Config::clock_drift_ppm_max`]).
    pub clock_drift_ppm_max: u32,
    /// Before one in so many operations somebody wants another leader; never where it is 0.
    pub transfers_every: u64,
    /// The world.
    pub climate: Climate,
    /// How long the faults last.
    pub storm: Duration,
    /// After how many entries a replica stores a snapshot of its state, and lets its node compact the log; never where it is 0. What it has
    /// stored outlives its crashes, the rest of its state does not.
    pub checkpoint_every: u64,
    /// How long what a node asks of its host takes at most: reading its log again, a piece of a snapshot.
    pub job_max: Duration,
    /// How often an operator changes the membership, on average and at random, while the faults last. The first two thirds of the
    /// nodes found the cluster then, and the others wait to be added. Default never: all nodes found it, and stay.
    pub changes: Option<Duration>,
    /// The operator exchanges removed nodes for new ones with the same ids ([`Config::rejoining`]).
    pub replacements: bool,
    /// Every other change of the membership also changes which voters make a quorum: majorities, weights, zones, or fewer for commits
    /// than for elections. Default never.
    pub rules: bool,
    /// One of the voters that found the cluster is a witness ([`Config::witnesses`]), where they are more than two. Default never.
    pub witness: bool,
    /// The nodes have different priorities ([`Config::priority`]). Default off.
    pub priorities: bool,
    /// Before one in so many operations somebody stops a node, mostly the leader, which hands over first
    /// ([`Command::Resign`](synod_raft::Command::Resign)); never where it is 0, the default.
    pub resigns_every: u64,
    /// Before one in so many operations a host loses its application's state and fetches another
    /// ([`Command::DemandSnapshot`](synod_raft::Command::DemandSnapshot)); never where it is 0, the default, where the membership
    /// [changes](Settings::changes), or where nobody stores snapshots.
    pub demands_every: u64,
    /// Clients have [sessions](synod_raft::session), and ask again where they hear nothing; what they ask for must happen once all the same.
    /// Default off.
    pub sessions: bool,
    /// Changes the configuration of each node, which is Raft's default until then.
    pub configure: fn(&mut Config),
    /// Every step is validated against the executable specification ([`with_spec`](super::with_spec)).
    pub specified: bool,
    /// What is broken on purpose.
    pub sabotage: Option<Mischief>,
}

/// One guarantee switched off, to see the judges notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mischief {
    /// The driver sends before the log is durable.
    EarlySend,
    /// The disk says that it has stored what it has not.
    LyingFsync,
    /// A quorum is one voter short.
    ShortQuorum,
    /// Clients that ask again do so under another number, as if it were another request.
    RenumberedRetry,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            nodes: 5,
            clients: 8,
            keys: 5,
            gets_percent: 45,
            operations: 2_000,
            pause_max: Duration::from_millis(40),
            patience: Duration::from_millis(1_500),
            reads: true,
            leases: false,
            lease_guard: None,
            // As far as the swarm's clocks drift.
            clock_drift_ppm_max: 100_000,
            transfers_every: 50,
            climate: Climate::swarm(),
            storm: Duration::from_secs(10),
            checkpoint_every: 100,
            job_max: Duration::from_millis(3),
            changes: None,
            replacements: false,
            rules: false,
            witness: false,
            priorities: false,
            resigns_every: 0,
            demands_every: 0,
            sessions: false,
            configure: |_| {},
            specified: false,
            sabotage: None,
        }
    }
}
