//! How storage fails beyond a lost tail: the dials.

use crate::tape::{Kind, Label, Tape};
use core::fmt;

/// The file system under the logs: what is left of the records that a failed fsync covered, after Rebello et al. 2020,
/// "Can applications recover from fsync failures?".
///
/// All three mark the pages clean, so that the next fsync succeeds without writing them. A correct driver therefore stops the
/// node and reads the log again; what it finds there depends on whether the machine was restarted as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileSystem {
    /// The page cache keeps what was written: a process that is restarted reads all of it (and must write it again before it
    /// believes it), a machine that is restarted only what had reached the medium.
    #[default]
    Ext4,
    /// As [`Ext4`](FileSystem::Ext4), for a log that is only appended to.
    Xfs,
    /// The file goes back to what it was before the writes: nothing of them is read, and what was written behind them stands
    /// behind a hole.
    Btrfs,
}

/// What the faults that destroy acknowledged records must leave, so that a correct cluster can recover and every failure is
/// a finding.
///
/// With n nodes, f = (n − 1) / 2 may be struck. Nodes that are down or refused to start count among them at that moment. A
/// fault that would go beyond is not carried out; [`Stats::spared`](crate::Stats::spared) counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Bound {
    /// At most f nodes are ever struck: for protocols that do without a damaged node, such as Raft.
    #[default]
    Nodes,
    /// Each record is destroyed on at most f nodes at a time, every node may be struck: for protocols that repair damaged
    /// records from their peers. A copy that has been written again counts as repaired.
    ///
    /// Logs of replicas differ in their positions, so a copy is known by what it holds: two records with the same
    /// fingerprint are copies of each other. Where replicas cut the same facts into records differently, tell what a record
    /// holds with [`Sim::facts`](crate::Sim::facts).
    Records,
    /// No bound: shows that a protocol needs one.
    Unbounded,
}

/// How storage fails, beyond the loss of an un-synced tail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Storage {
    /// What a failed fsync leaves.
    pub file_system: FileSystem,
    /// The chance that a crash keeps un-synced writes in another order than they were issued: each of them stays or goes by
    /// itself. In a million. A correct driver cuts the log at the first hole.
    pub reorder_ppm: u32,
    /// What damage must leave.
    pub bound: Bound,
}

impl Storage {
    /// One run of a swarm: another file system, writes in order or not. The bound is the user's choice.
    pub(crate) fn swarm(tape: &mut Tape) -> Self {
        let mut below = |nth, bound| tape.below(Label::new(Kind::Swarm, &[0, nth]), bound);
        let file_system = match below(1, 3) {
            0 => FileSystem::Ext4,
            1 => FileSystem::Xfs,
            _ => FileSystem::Btrfs,
        };
        let reorder_ppm = if below(2, 2) == 0 { 0 } else { 500_000 };
        Self { file_system, reorder_ppm, bound: Bound::default() }
    }
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
        })
    }
}
