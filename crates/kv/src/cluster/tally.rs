//! What is counted in a run, and who led when.

use synod_core::NodeId;
use synod_raft::{Role, Term};

/// What became of the operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Answered.
    pub ok: u64,
    /// Known to have had no effect.
    pub failed: u64,
    /// Given up: they may have happened, or not.
    pub unknown: u64,
    /// Elections won.
    pub elections: u64,
    /// Taken into a leader's log and overwritten there before they were committed: known to have had no effect.
    pub overwritten: u64,
    /// Answered after the faults had stopped.
    pub ok_after_heal: u64,
    /// Answered without an entry in the log.
    pub reads: u64,
    /// Those of them that a node served which did not lead, having asked the leader.
    pub follower_reads: u64,
    /// Stale reads served, none of them too old.
    pub stale: u64,
    /// Times that a leader began to hand over.
    pub transfers: u64,
    /// Those of them to a node of higher priority.
    pub claims: u64,
    /// Times that a node had resigned, and was stopped.
    pub resigned: u64,
    /// Removed nodes that were exchanged for new ones under the same ids.
    pub replaced: u64,
    /// Memberships, each as often as a node has seen it committed, in which one of them voted again.
    pub rejoined: u64,
    /// Memberships that a node has seen committed.
    pub memberships: u64,
    /// Those of them that stated which voters make a quorum.
    pub rules: u64,
    /// Those of them that were joint.
    pub joint: u64,
    /// Those of them that had learners.
    pub learners: u64,
    /// Those of them in which a learner that had caught up votes.
    pub promoted: u64,
    /// Those of them of which the leader was no member.
    pub leaders_removed: u64,
    /// Snapshots that replicas have stored of their own states.
    pub checkpoints: u64,
    /// Snapshots of others that replicas have made their own.
    pub installed: u64,
    /// Those of them that a host had asked for, having lost its application's state.
    pub demanded: u64,
    /// Times that a client with a session asked again.
    pub retries: u64,
    /// Requests that came up in the log again, and were answered as before.
    pub repeated: u64,
    /// Operations that found their session over.
    pub sessions_over: u64,
    /// Times that a node with a damaged log became whole again.
    pub mended: u64,
    /// Records that were read again, because their entries were not in memory any more.
    pub recalled: u64,
}

/// A moment in the history of leadership, for timelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reign {
    /// Virtual nanoseconds since the run began.
    pub at: u64,
    /// The node whose role changed.
    pub node: NodeId,
    /// Its term.
    pub term: Term,
    /// Its role; `None` when it died.
    pub role: Option<Role>,
}
