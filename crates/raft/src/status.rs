//! What a node looks like from outside.

use crate::{EntryId, Extent, Index, Log, Membership, Pace, Raft, Role, Standing, Term};
use alloc::sync::Arc;
use alloc::vec::Vec;
use synod_core::NodeId;

/// A copy of everything about a node that an operator may ask.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// The last entry of its log.
    pub last: EntryId,
    /// The entry before the first that its log holds: what was compacted.
    pub base: EntryId,
    /// To whom it is handing the leadership over.
    pub transfer: Option<NodeId>,
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

/// What a leader knows about another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// How many batches are on their way.
    pub in_flight: usize,
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
            last: self.log.last(),
            base: self.log.base(),
            transfer: self.handover.transfer.map(|transfer| transfer.to),
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
