//! What is seen of an execution: enough to validate it, and nothing that a program must keep secret.

use super::Entries;
use crate::mending::NOBODY;
use crate::{EntryId, Index, Membership, Message, QuorumRule, Raft, Record, Role, Segment, Term};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use synod_core::{Input, Lsn, NodeId, Recovered};

/// One thing that a node did or met. In this order: [`Boot`](Note::Boot), what was [found](Note::Found) on its disk, then steps; each
/// begins with what it [takes](Note::Take), goes on with what the node [writes](Note::Write) and [says](Note::Say) in the order in which
/// it does, and ends with what it [is](Note::Is) then. Steps of different nodes follow each other as they happened; a message is taken
/// after it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Note {
    /// The process begins: the members to start with, and how many of them are a quorum.
    Boot {
        /// The members; nobody for a node that waits to be added.
        founding: Arc<Membership>,
        /// How many voters commit ([`QuorumRule::Flexible`]); `None` for majorities, and for rules that the memberships state.
        commit_quorum: Option<usize>,
    },
    /// A record that was found on its disk.
    Found(Written),
    /// A record of its disk cannot be read.
    Unreadable,
    /// A step begins with this input.
    Take(Heard),
    /// It appends a record to its log, at this position.
    Write {
        /// The position.
        at: Lsn,
        /// The record.
        record: Written,
    },
    /// It sends a message, once its log is durable up to `after`.
    Say {
        /// To whom; also to itself.
        to: NodeId,
        /// What.
        word: Word,
        /// What the message waits for.
        after: Lsn,
    },
    /// The step is over.
    Is(State),
    /// Its log is durable up to here.
    Durable(Lsn),
    /// The process is gone.
    Crash,
}

/// What begins a step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Heard {
    /// The first step after recovery.
    Start,
    /// A message.
    Message {
        /// From whom; also from itself.
        from: NodeId,
        /// What.
        word: Word,
    },
    /// Something from the host: a timer, a command, the answer to a job.
    Host,
}

/// A message, without payloads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
#[expect(missing_docs, reason = "these are the fields of `Message`, and documented there")]
pub enum Word {
    PreVote {
        term: Term,
        last: EntryId,
    },
    PreVoted {
        term: Term,
        granted: bool,
    },
    RequestVote {
        term: Term,
        last: EntryId,
        by_transfer: bool,
    },
    Voted {
        term: Term,
        granted: bool,
    },
    /// The entries, without what they hold.
    Append {
        term: Term,
        commit: Index,
        entries: Entries,
    },
    Appended {
        term: Term,
        matched: Index,
    },
    Commit {
        term: Term,
        commit: Index,
    },
    Uncounted {
        term: Term,
        matched: Index,
    },
    IndexIs {
        term: Term,
        index: Index,
    },
    TimeoutNow {
        term: Term,
    },
    /// A piece of a snapshot: what it covers.
    Snapshot {
        term: Term,
        last: EntryId,
        membership: Arc<Membership>,
    },
    /// The last entry of the lender.
    Lend {
        term: Term,
        last: EntryId,
    },
    Lost {
        term: Term,
    },
    /// Any other, which says nothing that the specification knows of but its term.
    Other {
        term: Term,
    },
}

/// A record, without payloads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Written {
    /// Term and vote.
    HardState(HardState),
    /// Entries.
    Entries(Entries),
    /// A snapshot covers everything up to there.
    Snapshot {
        /// Term and vote.
        state: HardState,
        /// The last entry that is covered.
        last: EntryId,
        /// The membership in effect there.
        membership: Arc<Membership>,
    },
    /// The log ended there, when damage had been repaired.
    Mended {
        /// Term and vote.
        state: HardState,
        /// The last entry.
        last: EntryId,
    },
}

/// Term and vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HardState {
    /// The term.
    pub term: Term,
    /// Who has the vote.
    pub voted_for: Option<NodeId>,
    /// Whether it may have given another, that is lost.
    pub doubt: bool,
}

/// What a node is after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct State {
    /// Its term.
    pub term: Term,
    /// Its vote.
    pub voted_for: Option<NodeId>,
    /// Its role.
    pub role: Role,
    /// Its commit index.
    pub commit: Index,
    /// The entry before the first of its log.
    pub base: EntryId,
    /// The last entry of its log.
    pub last: EntryId,
    /// Its log was damaged, and is not whole again.
    pub damaged: bool,
    /// It does not know what it has promised, and so it does not vote.
    pub in_doubt: bool,
    /// It has stopped for good.
    pub halted: bool,
    /// Its log, where it must be told because damage has made it what it is.
    pub log: Option<Vec<Entries>>,
}

impl Word {
    /// What a message says.
    #[inline]
    #[must_use]
    pub fn of(message: &Message) -> Self {
        match message {
            Message::Append { term, prev_term, commit, entries, .. } => {
                Self::Append { term: *term, commit: *commit, entries: Entries::named(*prev_term, entries) }
            }
            Message::Appended { term, matched, .. } => Self::Appended { term: *term, matched: *matched },
            Message::Commit { term, commit } => Self::Commit { term: *term, commit: *commit },
            other => Self::of_rare(other),
        }
    }

    #[inline(never)]
    fn of_rare(message: &Message) -> Self {
        match message {
            Message::PreVote { term, last } => Self::PreVote { term: *term, last: *last },
            Message::PreVoted { term, granted } => Self::PreVoted { term: *term, granted: *granted },
            Message::RequestVote { term, last, by_transfer } => {
                Self::RequestVote { term: *term, last: *last, by_transfer: *by_transfer }
            }
            Message::Voted { term, granted } => Self::Voted { term: *term, granted: *granted },
            Message::Uncounted { term, matched, .. } => Self::Uncounted { term: *term, matched: *matched },
            Message::IndexIs { term, index, .. } => Self::IndexIs { term: *term, index: *index },
            Message::TimeoutNow { term } => Self::TimeoutNow { term: *term },
            Message::Piece { term, piece, .. } => Self::Snapshot {
                term: *term,
                last: piece.snapshot.last,
                membership: piece.snapshot.membership.clone(),
            },
            Message::Lend { term, loan } => Self::Lend { term: *term, last: loan.last },
            Message::Lost { term, .. } => Self::Lost { term: *term },
            other => Self::Other { term: other.term() },
        }
    }

    /// The term that it names, if a node that hears it takes that over.
    pub(super) const fn names(&self) -> Option<Term> {
        match self {
            // Nobody's yet.
            Self::PreVote { .. } | Self::PreVoted { granted: true, .. } => None,
            Self::PreVoted { term, .. }
            | Self::RequestVote { term, .. }
            | Self::Voted { term, .. }
            | Self::Append { term, .. }
            | Self::Appended { term, .. }
            | Self::Uncounted { term, .. }
            | Self::Commit { term, .. }
            | Self::IndexIs { term, .. }
            | Self::TimeoutNow { term }
            | Self::Snapshot { term, .. }
            | Self::Lend { term, .. }
            | Self::Lost { term }
            | Self::Other { term } => Some(*term),
        }
    }
}

impl Entries {
    /// The names of these entries. What the only one holds is left out where it is a membership.
    #[inline]
    fn named(prev_term: Term, entries: &Segment) -> Self {
        let (first, last, term) = (entries.first(), entries.last(), entries.term());
        Self { prev_term, first, last, term, membership: None }
    }

    /// The same with the membership.
    #[inline]
    fn of(prev_term: Term, entries: &Segment) -> Self {
        let membership = entries.to_membership().map(Arc::new);
        Self { membership, ..Self::named(prev_term, entries) }
    }
}

impl HardState {
    fn of(term: Term, voted_for: Option<NodeId>) -> Self {
        let doubt = voted_for == Some(NOBODY);
        Self { term, voted_for: voted_for.filter(|_| !doubt), doubt }
    }
}

impl Written {
    /// What a record says.
    #[inline]
    #[must_use]
    pub fn of(record: &Record) -> Self {
        match record {
            Record::Append { prev_term, entries } => Self::Entries(Entries::of(*prev_term, entries)),
            Record::HardState { term, voted_for } => Self::HardState(HardState::of(*term, *voted_for)),
            Record::Snapshot { term, voted_for, last, membership } => Self::Snapshot {
                state: HardState::of(*term, *voted_for),
                last: *last,
                membership: membership.clone(),
            },
            Record::Mended { term, voted_for, last } => {
                Self::Mended { state: HardState::of(*term, *voted_for), last: *last }
            }
        }
    }
}

impl State {
    /// What a node is.
    #[inline]
    #[must_use]
    pub fn of(raft: &Raft) -> Self {
        Self {
            term: raft.term,
            voted_for: raft.voted_for,
            role: raft.role,
            commit: raft.commit,
            base: raft.log.base(),
            last: raft.log.last(),
            damaged: raft.mending.is_some(),
            in_doubt: !raft.may_vote(),
            halted: raft.halted,
            log: None,
        }
    }

    /// The same, with what its log holds.
    #[must_use]
    pub fn with_log(raft: &Raft) -> Self {
        let mut prev_term = raft.log.base().term;
        let held = raft.log.segments().map(|entries| {
            let held = Entries::of(prev_term, entries);
            prev_term = held.term;
            held
        });
        Self { log: Some(held.collect()), ..Self::of(raft) }
    }
}

impl Note {
    /// A process begins, as this.
    #[must_use]
    pub fn boot(raft: &Raft) -> Self {
        let config = raft.config();
        let commit_quorum = match config.quorum {
            QuorumRule::Flexible { commit } => Some(commit),
            // Weights and zones stand in the founding membership.
            _ => None,
        };
        Self::Boot { founding: Arc::new(config.membership()), commit_quorum }
    }

    /// What was found on a disk.
    #[must_use]
    pub fn found(record: &Recovered<Record>) -> Self {
        match record {
            Recovered::Intact(record) => Self::Found(Written::of(record)),
            Recovered::Damaged(_) => Self::Unreadable,
        }
    }

    /// What begins a step.
    #[must_use]
    pub fn take(input: &Input<Raft>) -> Self {
        Self::Take(Heard::of(input))
    }
}

impl Heard {
    #[inline]
    pub(super) fn of(input: &Input<Raft>) -> Self {
        match input {
            Input::Message(from, message) => Self::Message { from: *from, word: Word::of(message) },
            Input::Start { .. } => Self::Start,
            _ => Self::Host,
        }
    }
}

/// Whoever keeps notes: of all of them, or of what matters.
pub(super) type Held = Vec<Box<Note>>;
