//! Why an action is not allowed.

use crate::{EntryId, Index, Term};
use synod_core::NodeId;

/// The guard of an action that does not hold, with where in the literature it stands: sections of the Raft paper, unless the thesis is
/// named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Guard {
    /// Terms only grow (5.1).
    #[error("term {term} is not later than its own (5.1)")]
    TermNotLater {
        /// The term.
        term: Term,
    },
    /// A term is taken over from whoever names it (5.1).
    #[error("nobody has told it of term {term} (5.1)")]
    TermUnheard {
        /// The term.
        term: Term,
    },
    /// Messages carry the term of their sender (figure 2).
    #[error("it speaks in term {term} and is in {own} (figure 2)")]
    OtherTerm {
        /// What it says.
        term: Term,
        /// Where it is.
        own: Term,
    },
    /// Only a leader does this.
    #[error("it does not lead (figure 2)")]
    NotLeader,
    /// A leader does not do this.
    #[error("it leads (figure 2)")]
    Leads,
    /// Only a candidate does this.
    #[error("it is no candidate (5.2)")]
    NotCandidate,
    /// One vote for each term (5.2), whatever is in between: also a crash.
    #[error("it has voted for {voted_for} in term {term} (5.2)")]
    VotedAlready {
        /// The term.
        term: Term,
        /// Who has the vote.
        voted_for: NodeId,
    },
    /// A vote is for who asked, and only for its own candidacy.
    #[error("{candidate} has not asked for a vote in term {term} with a log up to {last} (5.2)")]
    NotAsked {
        /// Who is to get the vote.
        candidate: NodeId,
        /// The term.
        term: Term,
        /// What it is said to hold.
        last: EntryId,
    },
    /// The vote that a message tells of was not given.
    #[error("its vote in this term is not for {candidate} (5.2)")]
    OtherVote {
        /// Who is told.
        candidate: NodeId,
    },
    /// The candidate's log must be at least as up-to-date (5.4.1).
    #[error("the candidate's log ends with {theirs}, the voter's with {own} (5.4.1)")]
    NotUpToDate {
        /// The candidate's.
        theirs: EntryId,
        /// The voter's.
        own: EntryId,
    },
    /// A candidate needs the votes of a quorum, in a joint membership of both halves (5.2, 6).
    #[error("{votes} votes are no quorum of the membership at {index} (5.2, 6)")]
    NoElectionQuorum {
        /// How many votes were counted.
        votes: usize,
        /// Where the membership was entered.
        index: Index,
    },
    /// What a message promises must be durable before it leaves (figure 2: "updated on stable storage before responding").
    #[error("what it promises is not durable (figure 2)")]
    NotDurable,
    /// The message says something else about the sender's log than what is in it.
    #[error("its log does not hold {entry} (figure 2)")]
    NotInLog {
        /// The entry.
        entry: EntryId,
    },
    /// A witness hears of an entry when a voter that keeps payloads has stored it, and the membership by which it votes; or nobody might
    /// be left who can lead (not in the paper, which has no witnesses).
    #[error("no voter that keeps payloads is known to hold {entry}, which only a witness might have then")]
    WitnessAlone {
        /// The entry.
        entry: EntryId,
    },
    /// Entries follow each other without gaps (5.3).
    #[error("{entry} does not follow on {last} (5.3)")]
    Gap {
        /// The first entry.
        entry: EntryId,
        /// The end of the log.
        last: EntryId,
    },
    /// An entry is made by the leader of its term, and by nobody else (5.3).
    #[error("the leader of its term has not made {entry} (5.3)")]
    NotMade {
        /// The entry.
        entry: EntryId,
    },
    /// The consistency check (5.3): the entry before must be there.
    #[error("it does not hold {prev}, the entry before (5.3)")]
    Inconsistent {
        /// The entry before.
        prev: EntryId,
    },
    /// Entries come from the leader of the term, or as a loan.
    #[error("nobody has sent it these entries (5.3)")]
    Unsent,
    /// What is committed is never removed (5.4).
    #[error("entry {index} is committed and would be removed (5.4)")]
    RemovesCommitted {
        /// The entry.
        index: Index,
    },
    /// What was acknowledged in this term may be counted on, so a loan may not remove it.
    #[error("it has acknowledged entry {index} in this term, and would remove it for a loan")]
    RemovesAcknowledged {
        /// The entry.
        index: Index,
    },
    /// A loan must lead to a log that is more up-to-date.
    #[error("the lender's log ends with {theirs}, its own with {own}")]
    LenderLags {
        /// The lender's.
        theirs: EntryId,
        /// Its own.
        own: EntryId,
    },
    /// An acknowledgement says that the log is equal to the leader's up to there (5.3).
    #[error("its log is not the leader's up to {matched} (5.3)")]
    NotEqual {
        /// What was acknowledged.
        matched: Index,
    },
    /// There is no leader of this term to whom this could be said.
    #[error("{leader} does not lead term {term}")]
    NoSuchLeader {
        /// The term.
        term: Term,
        /// Who is spoken to.
        leader: NodeId,
    },
    /// A leader commits what a quorum has acknowledged (5.3, 6).
    #[error("no quorum of the membership at {index} has acknowledged that much (5.3, 6)")]
    NoCommitQuorum {
        /// Where the membership was entered.
        index: Index,
    },
    /// Only entries of the leader's own term are committed by counting (5.4.2, figure 8).
    #[error("the entry is of term {term}, not of its own (5.4.2)")]
    EarlierTerm {
        /// The entry's term.
        term: Term,
    },
    /// A follower commits what the leader says is committed (5.3).
    #[error("the leader of its term has committed up to {told} only (5.3)")]
    NotTold {
        /// How far the leader is.
        told: Index,
    },
    /// What is said to be committed must be, on the speaker.
    #[error("it says that {told} is committed, and has committed {own} (5.3)")]
    TellsTooMuch {
        /// What it says.
        told: Index,
        /// How far it is.
        own: Index,
    },
    /// A leader changes the membership only after it has committed an entry of its own term (Ongaro 2015).
    #[error("it has committed nothing of its own term, which begins at {first} (thesis 4.1, corrected 2015)")]
    OwnTermUncommitted {
        /// The first entry of its term.
        first: Index,
    },
    /// One change at a time (thesis 4.1), and a joint membership is left only when it is committed (6).
    #[error("the membership at {index} is not committed (6, thesis 4.1)")]
    ChangeInProgress {
        /// Where it was entered.
        index: Index,
    },
    /// The quorums of neighbouring memberships must meet (6).
    #[error("its quorums and those of the membership before need not meet (6)")]
    QuorumsApart,
    /// A snapshot covers what is committed (7).
    #[error("{last} is not committed (7)")]
    SnapshotUncommitted {
        /// The last entry that it covers.
        last: EntryId,
    },
    /// A snapshot does not take the state back (7).
    #[error("a snapshot up to {last} would take its state back, which is that of {own} (7)")]
    OlderSnapshot {
        /// The last entry that it covers.
        last: EntryId,
        /// The last entry that its own covers.
        own: EntryId,
    },
    /// A snapshot carries the membership that is in effect where it ends (7).
    #[error("that is not the membership in effect at {index} (7)")]
    OtherMembership {
        /// The last index that it covers.
        index: Index,
    },
    /// The leader has not told this node to campaign (thesis 3.10).
    #[error("no leader has told it to take over (thesis 3.10)")]
    NotAppointed,
    /// A node whose log is damaged does not campaign: it does not know what it has promised.
    #[error("its log is damaged")]
    Damaged,
    /// A crash takes no doubt away.
    #[error("it did not know what it had promised when it died, and has learnt nothing since")]
    DoubtForgotten,
    /// A node is whole again when it knows what it has promised.
    #[error("it says that its log is whole, and does not know what it has promised in term {term}")]
    PromiseForgotten {
        /// The term.
        term: Term,
    },
    /// A reader is told an index only by a leader that knows all that was committed before its term (thesis 6.4).
    #[error("it does not know yet what was committed before its term (thesis 6.4)")]
    ReadTooSoon,
    /// **Election Safety** (figure 3): follows from the guards above, and is looked at all the same.
    #[error("ELECTION SAFETY: {leader} leads term {term} already (figure 3)")]
    ElectionSafety {
        /// The term.
        term: Term,
        /// Who leads it.
        leader: NodeId,
    },
    /// **Leader Completeness** (figure 3): as above.
    #[error(
        "LEADER COMPLETENESS: {entry} was committed in an earlier term, and it does not hold that (figure 3)"
    )]
    LeaderCompleteness {
        /// The entry.
        entry: EntryId,
    },
    /// **State Machine Safety** (figure 3): as above.
    #[error("STATE MACHINE SAFETY: another entry is committed at {index} (figure 3)")]
    StateMachineSafety {
        /// The index.
        index: Index,
    },
    /// The implementation's state is not the one to which the actions lead: something changed that no action changes.
    #[error("no action leads to its {what}")]
    Unexplained {
        /// What is different.
        what: &'static str,
    },
}

impl Guard {
    /// Whether this is a theorem of the paper's: the other guards imply it, so an execution in which only they are kept must not meet
    /// this one.
    #[must_use]
    pub const fn is_theorem(&self) -> bool {
        matches!(
            self,
            Self::ElectionSafety { .. } | Self::LeaderCompleteness { .. } | Self::StateMachineSafety { .. }
        )
    }
}
