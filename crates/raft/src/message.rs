//! What nodes say to each other, and to themselves.

use crate::{EntryId, Index, Loan, Piece, ReadMode, Said, Segment, Term};
use alloc::boxed::Box;

/// A message. All carry the term of the sender, except that a pre-vote carries the term it *would* campaign in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// "Would you vote for me?" Promises nothing, changes nothing.
    PreVote {
        /// The term after the sender's.
        term: Term,
        /// The sender's last entry.
        last: EntryId,
    },
    /// The answer.
    PreVoted {
        /// The term that was asked for where granted; the term of the sender where refused.
        term: Term,
        /// Whether it would.
        granted: bool,
    },
    /// "Vote for me."
    RequestVote {
        /// The candidate's term.
        term: Term,
        /// The candidate's last entry.
        last: EntryId,
        /// The leader wants the candidate to take over: nobody need be loyal to it.
        by_transfer: bool,
    },
    /// The answer. From oneself: the candidate's own vote is durable.
    Voted {
        /// The term of the sender.
        term: Term,
        /// Whether the vote is the receiver's.
        granted: bool,
    },
    /// "Here are the entries after this one"; without entries a heartbeat or a probe.
    Append {
        /// The leader's term.
        term: Term,
        /// The term of the entry before the first.
        prev_term: Term,
        /// Committed, as far as the leader knows.
        commit: Index,
        /// The last round that the leader has begun.
        round: u64,
        /// The entries, of one term. An empty segment still has a first index: the one after the entry that is checked.
        entries: Segment,
    },
    /// "My log is durable, and equal to yours, up to here." From oneself: the leader's own disk has got so far.
    Appended {
        /// The leader's term.
        term: Term,
        /// The last index that is known to match.
        matched: Index,
        /// The last round that was heard from the leader.
        round: u64,
    },
    /// The same, but "do not count on it": the follower's log is damaged, and it does not know whether it has promised more to a later term.
    Uncounted {
        /// The leader's term.
        term: Term,
        /// The last index that is known to match.
        matched: Index,
        /// The last round that was heard from the leader.
        round: u64,
    },
    /// "My log does not have the entry before those."
    Rejected {
        /// The leader's term.
        term: Term,
        /// The index that was checked.
        prev: Index,
        /// The last entry of the follower that can still be common: none above it is.
        hint: EntryId,
        /// The last round that was heard from the leader.
        round: u64,
    },
    /// "Committed up to here", for a follower that has these entries. Needs no answer.
    Commit {
        /// The leader's term.
        term: Term,
        /// Committed up to here.
        commit: Index,
    },
    /// "I hear you": the answer when there is nothing new to promise yet, because the disk is busy; and, to a leader of an
    /// earlier term, "there is a later term".
    Heard {
        /// The term of the sender.
        term: Term,
        /// The last round that was heard from the leader; 0 for a leader of an earlier term.
        round: u64,
    },
    /// "How far must I have applied to serve my readers?"
    AskIndex {
        /// The term of the sender.
        term: Term,
        /// Names the question. It is not used again, not even in another life of the sender.
        number: u64,
        /// What the leader may rely on; [`ReadMode::Stale`] counts as [`ReadMode::Index`].
        mode: ReadMode,
    },
    /// The answer, to this question and all before it.
    IndexIs {
        /// The leader's term.
        term: Term,
        /// The question.
        number: u64,
        /// So far.
        index: Index,
    },
    /// "Campaign now: you shall lead."
    TimeoutNow {
        /// The leader's term.
        term: Term,
    },
    /// "You asked for my vote, and your log is behind mine: here is what follows."
    Lend {
        /// The term of the sender.
        term: Term,
        /// The entries. Boxed, because this is rare and the rest is not.
        loan: Box<Loan>,
    },
    /// "Those do not follow on what I have", or "and what comes then?"
    Borrow {
        /// The term of the sender.
        term: Term,
        /// The last entry of the sender that can be common: none above it is.
        hint: EntryId,
    },
    /// "Here is a piece of a snapshot", or, without bytes, "how much of it do you have?"
    Piece {
        /// The leader's term.
        term: Term,
        /// The last round that the leader has begun.
        round: u64,
        /// The piece. Boxed, because this is rare and the rest is not.
        piece: Box<Piece>,
    },
    /// "So much of that snapshot is safe here", or all of it, where nothing of it is needed. When all has become the application's state,
    /// the answer is [`Appended`](Message::Appended).
    Stored {
        /// The leader's term.
        term: Term,
        /// The last round that was heard from the leader.
        round: u64,
        /// Of which snapshot.
        digest: u64,
        /// How many bytes of it, from its beginning on.
        stored: u64,
    },
    /// "Send me a snapshot, though you think that I need none."
    Demand {
        /// The term of the sender.
        term: Term,
        /// The least that it must cover.
        index_min: Index,
    },
    /// "A part of my log is lost, and with it what I may have acknowledged to you."
    Lost {
        /// The leader's term.
        term: Term,
        /// The last round that was heard from the leader.
        round: u64,
        /// The last entry that is left.
        last: EntryId,
        /// What else it has promised is lost too: until it says otherwise, nothing that it says counts.
        doubted: bool,
    },
    /// "I have forgotten what you acknowledged. When your log is equal to mine up to here, you have lost nothing."
    Whole {
        /// The leader's term.
        term: Term,
        /// The round from which on answers count again.
        round: u64,
        /// The last entry of the leader.
        target: Index,
    },
    /// "A part of my log is lost. How far are you?"
    HowFar {
        /// The term of the sender.
        term: Term,
    },
    /// The answer.
    SoFar {
        /// The term of the sender.
        term: Term,
        /// How far it is. Boxed, because this is rare and the rest is not.
        said: Box<Said>,
    },
    /// "Which entries come before this one, after what I have?"
    Mend {
        /// The term of the sender.
        term: Term,
        /// The last entry before the hole, as far as the sender knows.
        after: EntryId,
        /// The last entry in the hole.
        upto: EntryId,
    },
    /// The answer; without entries: "I do not have that entry".
    Mended {
        /// The term of the sender.
        term: Term,
        /// The entries; `last` is the last one in the hole.
        loan: Box<Loan>,
    },
    /// "I would rather lead myself."
    Claim {
        /// The leader's term.
        term: Term,
        /// The priority of the sender.
        priority: u32,
    },
}

impl Message {
    /// The term that the message carries; [`Term::ZERO`] for one that carries none.
    #[must_use]
    pub fn term(&self) -> Term {
        match self {
            Self::PreVote { term, .. }
            | Self::PreVoted { term, .. }
            | Self::RequestVote { term, .. }
            | Self::Voted { term, .. }
            | Self::Append { term, .. }
            | Self::Appended { term, .. }
            | Self::Uncounted { term, .. }
            | Self::Rejected { term, .. }
            | Self::Commit { term, .. }
            | Self::Heard { term, .. }
            | Self::AskIndex { term, .. }
            | Self::IndexIs { term, .. }
            | Self::TimeoutNow { term }
            | Self::Lend { term, .. }
            | Self::Borrow { term, .. }
            | Self::Piece { term, .. }
            | Self::Stored { term, .. }
            | Self::Demand { term, .. }
            | Self::Lost { term, .. }
            | Self::Whole { term, .. }
            | Self::HowFar { term }
            | Self::SoFar { term, .. }
            | Self::Mend { term, .. }
            | Self::Mended { term, .. }
            | Self::Claim { term, .. } => *term,
        }
    }
}
