//! What an application asks, what it is told, and the names of the timers.

use crate::{
    Change, ChangeError, EntryId, Index, Membership, ReadMode, ReadRefusal, RecoverError, Role, Segment,
    Term, TransferCause, TransferRefusal,
};
use alloc::sync::Arc;
use synod_core::{Bytes, NodeId};

/// What an application asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Put this into the replicated log. Answered by [`Event::Proposed`] or [`Event::Refused`] with the same token.
    Propose {
        /// Chosen by the caller, returned with the answer, not interpreted.
        token: u64,
        /// What to replicate.
        payload: Bytes,
    },
    /// Campaign now, without waiting for the election timeout. A node that has promised its vote to a leader's lease
    /// ([`Config::leases`](crate::Config::leases)) campaigns when the promise ends.
    Campaign,
    /// The application has made its state durable, everything up to `upto` applied: the log need not be kept that far for its
    /// sake, and after a restart [`Event::Committed`] begins later. Whole segments are forgotten, so a few entries before
    /// `upto` may stay. Beyond the commit index it means the commit index. Needs no answer.
    Compact {
        /// The last entry whose effects are durable.
        upto: Index,
    },
    /// Read without writing. Answered by [`Event::ReadReady`] or [`Event::ReadRefused`] with the same token. The driver's clock must
    /// have been looked at *after* the reader asked, or a lease may be believed that has run out.
    Read {
        /// Chosen by the caller, returned with the answer, not interpreted.
        token: u64,
        /// What is asked for.
        mode: ReadMode,
    },
    /// Hand the leadership over to this voter. It succeeds when another leads ([`Event::Role`]); otherwise
    /// [`Event::TransferFailed`] says so. Proposals are refused meanwhile. A later one to somebody else takes its place, and a change of the
    /// membership that leaves its target without a vote ends it.
    Transfer {
        /// Who shall lead.
        to: NodeId,
    },
    /// Hand the leadership over to whoever is best fit, and do not campaign any more: this node will be stopped. Answered by
    /// [`Event::Resigned`] when it does not lead. It goes on voting and storing until it is stopped; [`Command::Campaign`] takes
    /// the resignation back.
    Resign,
    /// The application has lost its state, and ignores what is committed until it has another: fetch a snapshot, though the log could
    /// go on without one. Answered by [`Event::Installed`], after which [`Event::Committed`] begins again with the entry that follows
    /// it, or by [`Event::SnapshotRefused`]. [`Command::Compact`] is ignored until then.
    DemandSnapshot,
    /// Change the membership. Answered by [`Event::Proposed`] or [`Event::ChangeRefused`] with the same token; carried out when
    /// [`Event::Membership`] says that it is committed.
    ChangeMembership {
        /// As for a proposal.
        token: u64,
        /// What is to change.
        change: Change,
    },
}

/// What an application is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// A proposal has a place in the log of this leader. It is **not committed**: only [`Event::Committed`] for the same
    /// index *and term* says so; another entry may take the place when the leader changes.
    Proposed {
        /// The caller's token.
        token: u64,
        /// Its place.
        index: Index,
        /// The leader's term.
        term: Term,
    },
    /// A proposal was not taken. It was not replicated, and here it is back.
    Refused {
        /// The caller's token.
        token: u64,
        /// What was proposed.
        payload: Bytes,
        /// Who leads, as far as this node knows: ask there.
        leader: Option<NodeId>,
        /// Why.
        reason: Refusal,
    },
    /// Entries are committed: they stay where they are for ever. Indices come in order and without gaps, each exactly once
    /// between two starts of a node. After a restart they begin anew, after what the last [`Command::Compact`] that took
    /// effect covers; a state machine recognises what it has applied by the index.
    Committed(Segment),
    /// The term, the role or the leader has changed.
    Role {
        /// The term.
        term: Term,
        /// What this node is.
        role: Role,
        /// Who leads, as far as this node knows.
        leader: Option<NodeId>,
    },
    /// A change of the membership was not taken.
    ChangeRefused {
        /// The caller's token.
        token: u64,
        /// Who leads, as far as this node knows: ask there.
        leader: Option<NodeId>,
        /// Why.
        reason: ChangeRefusal,
    },
    /// Another membership is in effect on this node: since its entry is in the log, or since the entry of the one after it is not
    /// any more; or it is committed. A transport must reach the members from the first of these on.
    Membership {
        /// The index of its entry; 0 for the one that the node was started with.
        index: Index,
        /// The members.
        membership: Arc<Membership>,
        /// Whether it is committed. One that is not may still be undone.
        committed: bool,
    },
    /// A message was dropped that no correct node sends.
    Illegal {
        /// Who sent it.
        from: NodeId,
        /// What is wrong with it.
        reason: Illegal,
    },
    /// A read may be served by this node as soon as it has applied the entry at `index`, or a later one. The entry is committed,
    /// and its [`Event::Committed`] has come before this.
    ReadReady {
        /// The caller's token.
        token: u64,
        /// How far must have been applied.
        index: Index,
    },
    /// A read was not served.
    ReadRefused {
        /// The caller's token.
        token: u64,
        /// Who leads, as far as this node knows.
        leader: Option<NodeId>,
        /// Why.
        reason: ReadRefusal,
    },
    /// This leader hands over.
    TransferBegun {
        /// To whom.
        to: NodeId,
        /// Why.
        cause: TransferCause,
    },
    /// The leadership was not handed over.
    TransferFailed {
        /// To whom it should have gone.
        to: NodeId,
        /// Why.
        reason: TransferRefusal,
    },
    /// Whoever keeps this node's log on its disk wants room, and what is there is too much to be written anew: make the application's
    /// state durable, and say so ([`Command::Compact`]).
    CompactionWanted,
    /// The node was told to resign, and does not lead.
    Resigned,
    /// A snapshot from the leader is the application's state now, as the answer to [`Job::Install`](crate::Job::Install) said, and the
    /// log begins after it. [`Event::Committed`] goes on with later entries.
    Installed {
        /// The last entry whose effects are in it.
        last: EntryId,
    },
    /// [`Command::DemandSnapshot`] cannot be met.
    SnapshotRefused(SnapshotRefusal),
    /// This node's log is damaged. Until it is whole again ([`Event::Mended`]) it stores and answers, but does not lead. It votes, for who has
    /// at least what it has had, if it is known what it has promised: while neither the end nor a vote may be missing.
    Mending {
        /// The last entry before the damage.
        after: EntryId,
        /// The last entry that is missing before intact ones, if there is such a hole.
        missing: Option<EntryId>,
        /// Whether entries may be missing at the end.
        tail: bool,
        /// Whether a later term, or a vote, may be missing.
        vote: bool,
    },
    /// Nothing is missing any more.
    Mended,
    /// The log of this node did not lead to a state that Raft can be in. The node stays silent: it neither votes nor stores.
    Halted(RecoverError),
}

/// Why a proposal was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// This node does not lead, or ceased to before the proposal was in the log.
    NotLeader,
    /// The payload is longer than [`Config::payload_bytes_max`](crate::Config::payload_bytes_max).
    TooLarge,
    /// The log has no index left.
    LogFull,
    /// So much waits for a quorum already that [`Config::uncommitted_bytes_max`](crate::Config::uncommitted_bytes_max) is reached.
    Busy,
    /// The leadership is being handed over. Soon somebody else leads, or this node again.
    Transferring,
}

/// Why a change of the membership was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeRefusal {
    /// This node does not lead.
    #[error("this node does not lead: ask the leader")]
    NotLeader,
    /// The leader has not committed an entry of its own term yet, so a change by an earlier leader may still be under way. It
    /// takes one round trip after an election.
    #[error("the leader has committed nothing in its term yet: ask again in a moment")]
    OwnTermUncommitted,
    /// The last change is not committed yet.
    #[error("another change is under way: wait until it is committed")]
    InProgress,
    /// There is no such change.
    #[error(transparent)]
    Impossible(ChangeError),
    /// The log has no index left.
    #[error("the log is full")]
    LogFull,
    /// The membership states a rule for its quorums, and a member, or this node, speaks a version that cannot say so. A member whose link
    /// has never been reported is taken to be up to date.
    #[error(
        "{member} does not speak version {version}, which it takes to state this rule: upgrade it, or raise its `version_max`"
    )]
    Version {
        /// The member.
        member: NodeId,
        /// The version that it takes.
        version: u8,
    },
}

/// Why a node gets no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SnapshotRefusal {
    /// This node leads: there is nobody to ask. Hand the leadership over first ([`Command::Resign`]).
    Leader,
    /// A witness has no state.
    Witness,
}

/// What no correct node sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Illegal {
    /// A term beyond [`Term::MAX`], or one that does not fit its neighbours.
    ImpossibleTerm,
    /// An index beyond [`Index::MAX`], or beyond the log that it speaks of.
    ImpossibleIndex,
    /// A piece of a snapshot that is not where it should be, or more of one than there is.
    ImpossibleOffset,
    /// A round that was not begun.
    ImpossibleRound,
    /// Two nodes claim to lead the same term.
    SecondLeader,
    /// Entries that differ from what is committed here.
    ConflictsWithCommitted,
    /// Payloads for a witness, or none for a node that is no witness: one of the two is set up wrongly.
    WitnessOrNot,
    /// An entry that should hold a membership, and does not.
    ImpossibleMembership,
    /// A message from oneself that one does not send to oneself.
    FromOneself,
    /// A message from the greatest number, which is no node's id.
    ReservedId,
}

/// The timers of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// No leader was heard of. It runs in two stretches while there is a leader: first the shortest election timeout,
    /// during which the node is loyal, then a random rest.
    Election,
    /// The leader speaks to everybody.
    Heartbeat,
    /// The leader looks whether it still hears a quorum.
    CheckQuorum,
    /// The leader has not answered a question for a read; or no quorum has confirmed the leader to which reads wait.
    Reads,
    /// No predecessor serves reads any more: the new leader may commit.
    Guard,
    /// The leadership should have been handed over by now.
    Transfer,
    /// A node of some priority asks for the leadership.
    Claim,
    /// A node whose log is damaged asks everybody again.
    Census,
}
