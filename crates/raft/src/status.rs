//! What a node looks like from outside.

use crate::{EntryId, Extent, Index, Log, Membership, Pace, Raft, Role, Standing, Term, TransferCause};
use alloc::sync::Arc;
use alloc::vec::Vec;
use synod_core::{NodeId, Time};

/// A copy of everything about a node that an operator may ask.
///
/// Indices are positions in the replicated log, from 1. Bytes are those of payloads with their headers of four bytes, as they lie in
/// memory. Times are on the node's own monotonic clock, in nanoseconds, and mean nothing on another node or after a restart.
///
/// ```
/// use synod_core::{NodeId, Time};
/// use synod_raft::{Config, Node, Role, Start};
///
/// let ids = [1, 2, 3].map(NodeId);
/// let start = Start { now: Time::ZERO, incarnation: 1, seed: 7 };
/// let status = Node::new(Config::new(ids[0], ids), start)?.status();
/// assert_eq!((status.role, status.term.0, status.leader), (Role::Follower, 0, None));
/// assert_eq!((status.log_bytes, status.reads, status.transfer, status.mending), (0, 0, None, None));
/// # Ok::<(), synod_raft::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Status {
    /// The node.
    pub id: NodeId,
    /// Its term.
    pub term: Term,
    /// Who got its vote in this term.
    pub voted_for: Option<NodeId>,
    /// What it is.
    pub role: Role,
    /// Who leads, as far as it knows.
    pub leader: Option<NodeId>,
    /// Committed up to here.
    pub commit: Index,
    /// The application was given everything up to here; less than `commit` while entries are read again from the disk.
    pub delivered: Index,
    /// The last entry of its log.
    pub last: EntryId,
    /// Equal to the log of the leader of this term up to here. A leader's own log is, up to its end.
    pub verified: Index,
    /// The first entry that its log holds, or would.
    pub first_index: Index,
    /// The entry before that: what was compacted.
    pub base: EntryId,
    /// The last entry that the application's durable state covers; the log may begin earlier
    /// ([`Config::trailing_entries`](crate::Config::trailing_entries)).
    pub snapshot: EntryId,
    /// How many bytes of the log are in memory.
    pub log_bytes: usize,
    /// Leader: how many bytes of it wait for a quorum, those of the burst under way included. Otherwise 0.
    pub uncommitted_bytes: usize,
    /// What it knows without asking about who leads.
    pub lease: LeaseStatus,
    /// How many reads of the application and, on a leader, of other nodes are not answered.
    pub reads: usize,
    /// To whom it is handing the leadership over, and why.
    pub transfer: Option<TransferStatus>,
    /// It was told to resign ([`Command::Resign`](crate::Command::Resign)), and does not campaign any more.
    pub resigned: bool,
    /// What it lacks, if its log is damaged.
    pub mending: Option<MendingStatus>,
    /// It has stopped for good, since its disk led to no state that Raft can be in.
    pub halted: bool,
    /// The membership in effect: the last one in its log, committed or not.
    pub membership: Arc<Membership>,
    /// The index of the entry that holds it; 0 for the one that the node was started with.
    pub membership_index: Index,
    /// Whether that is committed, as far as this node knows. Until it is, no other change is taken.
    pub membership_committed: bool,
    /// The snapshot that is arriving here.
    pub snapshot_in: Option<Extent>,
    /// What it knows about those to whom it speaks; empty unless it leads.
    pub peers: Vec<PeerStatus>,
}

/// What a node knows without asking about who leads; see [`ReadMode`](crate::ReadMode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LeaseStatus {
    /// Leader: nobody else can have been elected before this moment. `None` where there is no lease: never granted, revoked because the
    /// leadership is handed over, or switched off ([`Config::leases`](crate::Config::leases)). A moment that is past is a lease that
    /// has run out.
    pub until: Option<Time>,
    /// Leader: nobody else can have committed anything before this moment, since the log is the lease
    /// ([`Config::lease_guard`](crate::Config::lease_guard)).
    pub guard_until: Option<Time>,
    /// Leader: it commits nothing before this moment, because a predecessor may still serve reads.
    pub commits_held_until: Option<Time>,
    /// This node votes for nobody but the leader that it heard before this moment.
    pub promised_until: Option<Time>,
}

/// A leadership that is being handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TransferStatus {
    /// To whom.
    pub to: NodeId,
    /// Why.
    pub cause: TransferCause,
    /// That node had everything, and was told to campaign.
    pub told: bool,
}

/// What a node lacks whose log is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MendingStatus {
    /// The last entry that is missing before intact ones, if there is such a hole.
    pub missing: Option<EntryId>,
    /// How many stretches of intact entries lie behind holes.
    pub stretches: usize,
    /// Entries may be missing at the end.
    pub tail: bool,
    /// A later term, or a vote, may be missing: the node does not vote.
    pub vote: bool,
    /// Whoever has less than this does not get its vote.
    pub floor: EntryId,
}

/// What a leader knows about another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PeerStatus {
    /// The node.
    pub id: NodeId,
    /// What it is in the membership in effect.
    pub standing: Standing,
    /// Durable there, and equal, up to here.
    pub matched: Index,
    /// The next index to send.
    pub next: Index,
    /// How it is sent to.
    pub pace: Pace,
    /// How many batches are on their way, at most [`Config::in_flight_max`](crate::Config::in_flight_max).
    pub in_flight: usize,
    /// How many entries are in them.
    pub in_flight_entries: u64,
    /// How many bytes.
    pub in_flight_bytes: usize,
    /// The snapshot that it is sent.
    pub snapshot: Option<Extent>,
    /// Whether it was heard since the last check of the quorum.
    pub heard: bool,
}

impl Raft {
    /// A copy of everything that an operator may ask. O(members).
    #[must_use]
    pub fn status(&self) -> Status {
        let peers = self.progress.iter().zip(&self.seats.all).filter(|(_, id)| **id != self.config.id);
        Status {
            id: self.config.id,
            term: self.term,
            voted_for: self.voted_for,
            role: self.role,
            leader: self.leader,
            commit: self.commit,
            delivered: self.delivered,
            last: self.log.last(),
            verified: if self.role == Role::Leader { self.log.last().index } else { self.verified },
            first_index: self.log.first_index(),
            base: self.log.base(),
            snapshot: self.snapshot,
            log_bytes: self.log.warm_bytes(),
            uncommitted_bytes: if self.role == Role::Leader {
                self.uncommitted_bytes + self.gathered.bytes()
            } else {
                0
            },
            lease: self.lease_status(),
            reads: self.reads_pending(),
            transfer: self.handover.transfer.map(crate::transfer::Transfer::status),
            resigned: self.handover.resigned,
            mending: self.mending.as_ref().map(|mending| mending.status()),
            halted: self.halted,
            membership: self.membership().clone(),
            membership_index: self.membership_index(),
            membership_committed: self.membership_index() <= self.commit,
            snapshot_in: self.reception.extent(),
            peers: peers
                .filter(|_| self.role == Role::Leader)
                .map(|(progress, id)| PeerStatus {
                    id: *id,
                    standing: self.seats.standing(*id),
                    matched: progress.matched,
                    next: progress.next,
                    pace: progress.pace,
                    in_flight: progress.in_flight(),
                    in_flight_entries: progress.in_flight_entries(),
                    in_flight_bytes: progress.in_flight_bytes(),
                    snapshot: progress.stream.as_ref().map(|stream| stream.extent()),
                    heard: progress.heard,
                })
                .collect(),
        }
    }

    /// This node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.config.id
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &crate::Config {
        &self.config
    }

    /// The current term.
    #[must_use]
    pub fn term(&self) -> Term {
        self.term
    }

    /// Who got this node's vote in the current term.
    #[must_use]
    pub fn voted_for(&self) -> Option<NodeId> {
        self.voted_for
    }

    /// What the node is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Who leads, as far as this node knows.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// Committed up to here.
    #[must_use]
    pub fn commit_index(&self) -> Index {
        self.commit
    }

    /// The last entry that the application's durable state covers, as far as this node was told:
    /// [`Event::Committed`](crate::Event::Committed) begins after it when the node restarts.
    #[must_use]
    pub fn snapshot(&self) -> EntryId {
        self.snapshot
    }

    /// The index of the first entry that is held.
    #[must_use]
    pub fn first_index(&self) -> Index {
        self.log.first_index()
    }

    /// The index of the last entry.
    #[must_use]
    pub fn last_index(&self) -> Index {
        self.log.last().index
    }

    /// The term of the entry at `index`, if it is held.
    #[must_use]
    pub fn term_at(&self, index: Index) -> Option<Term> {
        self.log.term_at(index)
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Grows whenever the term, the role, the leader, the log or the commit index changes: an observer that has seen this
    /// number has seen them all. Not a part of the state: equal values may differ here.
    #[must_use]
    pub fn revision(&self) -> u64 {
        // None of them ever falls, so the sum grows whenever one of them does.
        self.turns.0.wrapping_add(self.commit.0).wrapping_add(self.log.edits())
    }
}
