//! Raft under the explorer: every schedule of a small cluster, judged by Raft's safety properties.

mod history;

pub use history::RaftHistory;

use history::log_matching;
use synod_core::{Bytes, NodeId};
use synod_raft::{
    Change, Command, Config, ConfigError, Done, Found, Index, Job, Piece, QuorumRule, Raft, ReadMode, Timer,
};
use synod_sim::explore::{Bounds, Cluster};

/// How large a cluster of Raft is explored, and how much may happen to it.
///
/// What was explored to its end, with nothing wrong, by `cargo synod explore` and these words (three nodes, one campaign and one
/// proposal where nothing else is said; any message may never arrive, so every loss is among them). States are those that are left by
/// [`Cluster::reduced`], successors those that sleep sets leave:
///
/// | what | words | states | successors | longest way |
/// |---|---|---|---|---|
/// | a crash | `--crashes 1` | 178,628 | 334,276 | 24 |
/// | two campaigns and a crash | `--campaigns 2 --crashes 1 --proposals 0` | 3,779,353 | 7,569,093 | 36 |
/// | two campaigns, a proposal and a crash | `--campaigns 2 --crashes 1` | 172,961,330 | 430,415,409 | 49 |
/// | a read, two campaigns | `--campaigns 2 --reads 1 --proposals 0` | 4,818,098 | 11,463,689 | 32 |
/// | a voter hands over to another, three campaigns and a crash | `--nodes 2 --spares 1 --changes 1 --proposals 0 --campaigns 3 --crashes 1` | 317,811 | 762,778 | 48 |
/// | two voters, one of which is exchanged for a third, two campaigns | `--spares 1 --changes 1 --proposals 0 --campaigns 2` | 1,055,302 | 3,213,755 | 51 |
/// | a compacted log, and an application that asks for a snapshot | `--compactions 1 --demands 1 --proposals 0` | 63,824 | 161,722 | 30 |
///
/// The largest took ten minutes of CPU time, 3.1 GiB of memory and 0.3 GiB on the disk; that a state was left out by a collision of fingerprints
/// has a probability of 0.0008. With a second proposal in place of the crash (`--campaigns 2 --proposals 2`) it was stopped after 392,818,194
/// states, all shorter than 36 actions, with nothing wrong (24 minutes of CPU time, 6.3 GiB of memory, 3.6 GiB on the disk; 30.8 million waited).
///
/// Who has heard a leader campaigns when its timer has run out twice: with two campaigns there is no second leader after the first has
/// committed something. Reads that such a leader could make stale need a third; [`RaftScope::deposed_reader`] is the smallest cluster
/// in which there are any.
///
/// ```
/// use synod_kv::explore::RaftScope;
/// use synod_sim::explore::Explorer;
///
/// // One election, everybody's disk and every message in any order.
/// let mut scope = RaftScope::default();
/// scope.proposals = 0;
/// let raft = scope.cluster()?;
/// let found = Explorer::new(&raft).run();
/// assert!(found.holds(), "{found}");
/// # Ok::<(), synod_raft::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RaftScope {
    /// The nodes; all vote, but for the spares.
    pub nodes: usize,
    /// So many of them, those with the highest ids, belong to no cluster at first: a change of the membership may add them.
    pub spares: usize,
    /// Timers that run out, faults of network and processes.
    pub bounds: Bounds,
    /// Proposals, each made once and anywhere.
    pub proposals: u8,
    /// Linearizable reads, each asked once and anywhere. No clock is trusted: leases have no place in a world without time.
    pub reads: u8,
    /// Changes of the membership, each asked for once and anywhere.
    pub changes: Vec<Change>,
    /// How often an application says that its state is durable, as far as it is committed there, so that the log is compacted. Hosts
    /// then keep snapshots of one byte, and answer at any moment.
    pub compactions: u8,
    /// How often an application loses its state, and asks for a snapshot.
    pub demands: u8,
    /// Voters lend candidates what their logs lack.
    pub lending: bool,
    /// The nodes with ids up to this one campaign; the others only vote.
    pub candidates: u64,
    /// Heartbeats are sent. They use up the budget of timers.
    pub heartbeats: bool,
    /// Ask before campaigning.
    pub pre_vote: bool,
    /// Loyalty to a leader that is heard, and leaders that step down.
    pub check_quorum: bool,
    /// Which voters make a quorum.
    pub quorum: QuorumRule,
}

impl Default for RaftScope {
    /// Three nodes, one campaign and one proposal, no faults.
    fn default() -> Self {
        Self {
            nodes: 3,
            spares: 0,
            bounds: Bounds { timers_all: 1, ..Bounds::default() },
            proposals: 1,
            reads: 0,
            changes: Vec::new(),
            compactions: 0,
            demands: 0,
            lending: false,
            candidates: u64::MAX,
            heartbeats: false,
            pre_vote: false,
            check_quorum: false,
            quorum: QuorumRule::Majority,
        }
    }
}

impl RaftScope {
    /// The smallest scope in which a read could be stale: two nodes, of which the second is a quorum by itself and the first needs it; three
    /// timers, one for the first leader and two for the second, which has heard it; and a read, asked of either, while the first may
    /// not know that it is deposed.
    #[must_use]
    pub fn deposed_reader() -> Self {
        Self {
            nodes: 2,
            proposals: 0,
            reads: 1,
            bounds: Bounds { timers: 3, timers_all: 3, ..Bounds::default() },
            quorum: QuorumRule::weights([(NodeId(2), 2)]),
            ..Self::default()
        }
    }

    /// The cluster as a model.
    ///
    /// # Errors
    /// When Raft refuses the configuration.
    pub fn cluster(&self) -> Result<Cluster<Raft, RaftHistory>, ConfigError> {
        let ids = (1..=self.nodes as u64).map(NodeId);
        let rafts: Vec<Raft> = ids.map(|id| Raft::new(self.config(id))).collect::<Result<_, _>>()?;
        let first = rafts.first().cloned().ok_or(ConfigError::NoVoters)?;
        let make = move |id: NodeId| rafts.iter().find(|raft| raft.id() == id).unwrap_or(&first).clone();
        let (candidates, heartbeats) = (self.candidates, self.heartbeats);
        let history = match self.compactions {
            0 => RaftHistory::default(),
            _ => RaftHistory::following(self.demands > 0),
        };
        let mut cluster = Cluster::observed(self.nodes, make, history)
            .bounds(self.bounds)
            .timers(move |id, timer| match timer {
                Timer::Election => id.0 <= candidates,
                Timer::Heartbeat => heartbeats,
                Timer::CheckQuorum
                | Timer::Reads
                | Timer::Guard
                | Timer::Transfer
                | Timer::Claim
                | Timer::Census => true,
            })
            .answers(|_, job| answer(job).into_iter().collect())
            .always("log matching", log_matching);
        for command in self.commands() {
            cluster = cluster.command_anywhere(command);
        }
        Ok(cluster)
    }

    fn config(&self, id: NodeId) -> Config {
        let voters = self.nodes.saturating_sub(self.spares) as u64;
        let mut config =
            if id.0 <= voters { Config::new(id, (1..=voters).map(NodeId)) } else { Config::joining(id) };
        config.pre_vote = self.pre_vote;
        config.check_quorum = self.check_quorum;
        config.quorum = self.quorum.clone();
        // Explored where it matters, elsewhere one more message to every refused vote.
        config.lending = self.lending;
        // Time stands still here.
        config.disk_stall_max = None;
        if self.compactions > 0 {
            config.trailing_entries = 0;
        }
        config
    }

    /// What applications ask for.
    fn commands(&self) -> Vec<Command> {
        let numbers = |count: u8| (0..count).map(u64::from);
        let proposals = (0..self.proposals).map(|token| {
            let payload = Bytes::copy_from_slice(&[b'a'.saturating_add(token)]);
            Command::Propose { token: u64::from(token), payload }
        });
        let reads = numbers(self.reads).map(|token| Command::Read { token, mode: ReadMode::Index });
        let changes = (0..).zip(self.changes.iter().cloned());
        let changes = changes.map(|(token, change)| Command::ChangeMembership { token, change });
        let compactions = numbers(self.compactions).map(|_| Command::Compact { upto: Index::MAX });
        let demands = numbers(self.demands).map(|_| Command::DemandSnapshot);
        proposals.chain(reads).chain(changes).chain(compactions).chain(demands).collect()
    }
}

/// What a host says to a job. Its application is as far as it was asked to be, and every snapshot has one byte.
fn answer(job: &Job) -> Option<Done> {
    Some(match job {
        Job::Open { to, index_min } => {
            Done::Open { to: *to, found: Some(Found { last: *index_min, len: 1, digest: 0 }) }
        }
        Job::Read { to, offset, .. } => {
            Done::Read { to: *to, offset: *offset, bytes: Bytes::from_static(b"s") }
        }
        Job::Begin(snapshot) => Done::Write { snapshot: snapshot.clone(), stored: Some(0) },
        Job::Write(Piece { snapshot, offset, bytes }) => {
            let stored = offset.saturating_add(bytes.len() as u64);
            Done::Write { snapshot: snapshot.clone(), stored: Some(stored) }
        }
        Job::Install(snapshot) => Done::Install { snapshot: snapshot.clone(), installed: true },
        // Nobody waits for an answer; and no log is so long that it leaves the memory.
        _ => return None,
    })
}
