//! Snapshots as handles, and the work that their bytes are for the host.
//!
//! Raft never holds the application's state. It names a snapshot, asks the host for a piece of it at a time, and carries that piece to
//! the peer that needs it; the host over there puts the pieces together. All of it is bounded: a piece by
//! [`Config::snapshot_piece_bytes`](crate::Config::snapshot_piece_bytes), what is on its way by
//! [`Config::snapshot_pieces_max`](crate::Config::snapshot_pieces_max) of them.

use crate::{EntryId, Index, Membership, Segment};
use alloc::sync::Arc;
use synod_core::{Bytes, Lsn, NodeId};

/// Names a snapshot: what it stands for, and which bytes it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// The last entry whose effects are in it. It is committed.
    pub last: EntryId,
    /// The membership that is in effect there.
    pub membership: Arc<Membership>,
    /// How many bytes it has.
    pub len: u64,
    /// Tells it from other bytes that stand for the same state: two hosts, or one at two times, need not write a state in the same way.
    /// Snapshots that are equal in all fields have the same bytes, so one that was begun can be continued from another host.
    pub digest: u64,
    /// It has no bytes, for it is sent to a witness, which keeps no state.
    pub hollow: bool,
}

/// A part of a snapshot, on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Piece {
    /// Of which.
    pub snapshot: Arc<Snapshot>,
    /// Where it begins.
    pub offset: u64,
    /// What stands there. Without bytes it is an offer: "how much of this do you have?"
    pub bytes: Bytes,
}

/// Work for the host. Each is answered by the [`Done`] of the same name, late or never; nothing waits for it but what it was for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Job {
    /// Choose a snapshot for a peer, the newest that is safely stored, and keep it readable until [`Job::Close`]. Any that covers
    /// `index_min` will do.
    Open {
        /// For whom.
        to: NodeId,
        /// The least that it must cover.
        index_min: Index,
    },
    /// Read from the snapshot that is open for this peer.
    Read {
        /// For whom.
        to: NodeId,
        /// From where on.
        offset: u64,
        /// How many bytes; the rest of the snapshot may be shorter.
        len: usize,
    },
    /// The snapshot for this peer is not needed any more. Needs no answer.
    Close {
        /// For whom.
        to: NodeId,
    },
    /// A snapshot is going to arrive. Say how much of it is here already, from an earlier attempt, and forget other unfinished ones.
    Begin(Arc<Snapshot>),
    /// Store a piece of the snapshot that was begun, and say so when it would survive a crash. Pieces come in order.
    Write(Piece),
    /// All of it is here: make it the application's state, in one step that a crash does not divide, unless that state is newer; and
    /// say so when it would survive a crash. Commits that come afterwards are of later entries.
    Install(Arc<Snapshot>),
    /// Read a record of this node's own log again, one that is durable.
    Recall {
        /// Where it lies.
        at: Lsn,
    },
}

/// The host's answer to a [`Job`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Done {
    /// To [`Job::Open`].
    Open {
        /// For whom.
        to: NodeId,
        /// Which snapshot; `None` where there is none that covers enough.
        found: Option<Found>,
    },
    /// To [`Job::Read`].
    Read {
        /// For whom.
        to: NodeId,
        /// From where on.
        offset: u64,
        /// What stands there; nothing where the snapshot is gone.
        bytes: Bytes,
    },
    /// To [`Job::Begin`] and [`Job::Write`].
    Write {
        /// Of which snapshot.
        snapshot: Arc<Snapshot>,
        /// So much of it would survive a crash, from the beginning on; `None` where it cannot be stored.
        stored: Option<u64>,
    },
    /// To [`Job::Install`].
    Install {
        /// Which.
        snapshot: Arc<Snapshot>,
        /// Whether it is the application's state now, or that is newer. If not, its bytes are worthless, and it is fetched again.
        installed: bool,
    },
    /// To [`Job::Recall`].
    Recall {
        /// Where the record lies.
        at: Lsn,
        /// The entries that it holds; `None` where it cannot be read.
        entries: Option<Segment>,
    },
}

/// How far a snapshot has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Extent {
    /// Bytes that are safe where it goes.
    pub stored: u64,
    /// Bytes in all; 0 until that is known.
    pub len: u64,
}

/// The snapshot that the host has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    /// The last entry whose effects are in it.
    pub last: Index,
    /// How many bytes it has.
    pub len: u64,
    /// See [`Snapshot::digest`].
    pub digest: u64,
}
