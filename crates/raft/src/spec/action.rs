//! What may happen.

use super::Entries;
use crate::{EntryId, Index, Membership, Term};
use alloc::sync::Arc;
use core::fmt;
use synod_core::{Lsn, NodeId};

/// One step of one server, as the paper has it. Names are those of the paper or of Ongaro's TLA⁺ specification, where it has one.
///
/// What is sent and received is not a bag of messages here, but what was ever truly said: who has asked for votes, who has voted, who
/// leads and what its log held, who has acknowledged how much. Messages may be lost, doubled, delayed and reordered, which takes nothing
/// from these; so an action that receives a message asks whether its content was ever true, and one that sends a message, whether it is
/// true now. What a message promises must be durable when it leaves: `after` is what it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// The election timer runs out, or a leader hands over: a new term, and the own vote (5.2).
    Timeout,
    /// Asks for votes (5.2); `by_transfer` where the leader wants it (thesis 3.10).
    RequestVotes {
        /// The last entry of the candidate.
        last: EntryId,
        /// The others need not be loyal to their leader.
        by_transfer: bool,
        /// What the request waits for.
        after: Lsn,
    },
    /// Asks whether it would be elected (thesis 9.6).
    PreVote {
        /// The term after its own.
        term: Term,
        /// Its last entry.
        last: EntryId,
    },
    /// Says that it would vote (thesis 9.6).
    GrantPreVote {
        /// The term that was asked for.
        term: Term,
        /// The last entry of who asked.
        last: EntryId,
    },
    /// A later term was named: take it over, without a vote in it (5.1).
    UpdateTerm {
        /// The term.
        term: Term,
    },
    /// Leaves its term for the next, so that nothing that it has acknowledged is counted on.
    LeaveTerm,
    /// Votes (5.2, 5.4.1).
    GrantVote {
        /// For whom.
        candidate: NodeId,
        /// The last entry of the candidate, as it said.
        last: EntryId,
    },
    /// Tells a candidate of its vote.
    SayVote {
        /// Whom.
        candidate: NodeId,
        /// The term.
        term: Term,
        /// What the answer waits for.
        after: Lsn,
    },
    /// After damage: spends the vote of its term on itself without being a candidate, since it may have voted.
    Abstain,
    /// A candidate hears of a vote (5.2).
    CountVote {
        /// From whom.
        voter: NodeId,
    },
    /// A quorum has voted for it (5.2, 6).
    BecomeLeader,
    /// Ceases to lead, or to be a candidate, in its term (5.2, 6, thesis 4.2.2, 6.2).
    StepDown,
    /// The leader appends entries of its own term (5.3): what clients want, or the no-op with which it begins (8).
    ClientRequest {
        /// The entries.
        entries: Entries,
    },
    /// The leader sends entries, or none (5.3).
    AppendEntries {
        /// To whom.
        to: NodeId,
        /// The term.
        term: Term,
        /// The entries; where there are none, the place after the entry that is checked.
        entries: Entries,
    },
    /// A follower takes entries over (5.3, figure 2): those of the leader of its term, in place of what differs from them.
    HandleAppendEntries {
        /// The entries.
        entries: Entries,
    },
    /// A node that follows nobody takes entries over from one whose log is more up-to-date (not in the paper: what OmniPaxos calls a
    /// constrained election).
    Borrow {
        /// The entries.
        entries: Entries,
        /// The last entry of the lender.
        lender: EntryId,
    },
    /// A node with a damaged log gets back what leaders have made.
    Mend {
        /// The entries.
        entries: Entries,
    },
    /// A follower tells the leader that its log is equal and durable up to there; a leader says so to itself (5.3).
    Acknowledge {
        /// The leader.
        leader: NodeId,
        /// The term.
        term: Term,
        /// How far.
        matched: Index,
        /// What the answer waits for.
        after: Lsn,
    },
    /// As [`Acknowledge`](Action::Acknowledge), by a node that may have promised more to a later term and has lost that with a part of its
    /// log: it counts from when the node acknowledges without doubt.
    AcknowledgeInDoubt {
        /// The leader.
        leader: NodeId,
        /// The term.
        term: Term,
        /// How far.
        matched: Index,
        /// What the answer waits for.
        after: Lsn,
    },
    /// The leader hears that, which does not count yet.
    NoteDoubt {
        /// From whom.
        follower: NodeId,
        /// How far.
        matched: Index,
    },
    /// The leader hears of it (5.3).
    CountAcknowledgement {
        /// From whom.
        follower: NodeId,
        /// How far.
        matched: Index,
    },
    /// Tells the leader that it has lost a part of its log, and with it what it may have acknowledged.
    Confess {
        /// The leader's term.
        term: Term,
    },
    /// The leader hears that a follower has lost a part of its log: nothing of before counts any more.
    Forget {
        /// Who.
        follower: NodeId,
    },
    /// The leader commits what a quorum has acknowledged (5.3, 5.4.2).
    AdvanceCommitIndex {
        /// Up to here.
        index: Index,
    },
    /// A follower hears how much is committed (5.3).
    LearnCommitIndex {
        /// Up to here.
        index: Index,
    },
    /// Forgets the beginning of its log, since a snapshot covers it (7).
    Compact {
        /// The last entry that is covered.
        last: EntryId,
        /// The membership in effect there.
        membership: Arc<Membership>,
    },
    /// The leader sends a snapshot (7).
    SendSnapshot {
        /// The term.
        term: Term,
        /// The last entry that is covered.
        last: EntryId,
        /// The membership in effect there.
        membership: Arc<Membership>,
    },
    /// Takes a snapshot over (7).
    InstallSnapshot {
        /// The last entry that is covered.
        last: EntryId,
        /// The membership in effect there.
        membership: Arc<Membership>,
    },
    /// The leader tells a node to take over (thesis 3.10).
    HandOver {
        /// Whom.
        to: NodeId,
        /// The term.
        term: Term,
    },
    /// The leader tells a reader how far it must have applied (thesis 6.4).
    TellIndex {
        /// The term.
        term: Term,
        /// So far.
        index: Index,
    },
    /// Tells others how much is committed.
    TellCommit {
        /// The term.
        term: Term,
        /// So much.
        index: Index,
    },
    /// Crashes, and comes back with what was on its disk.
    Restart,
    /// Says that nothing is missing any more in its log, which was damaged.
    BeWhole {
        /// The term in which it is.
        term: Term,
    },
    /// Nothing that the specification knows of.
    Stutter,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
