//! What drivers need: the facts of a step, the gate before the disk, and what they stand on, a transport and a log.
//!
//! Protocols never see any of this. A driver (a node, a simulator, [`testing::Bench`](crate::testing::Bench)) takes the
//! effects of a step and carries them out on one of each.

pub use crate::context::{Moment, Tail};
pub use crate::gate::{Gate, Offer};
use crate::{Lane, Link, LogState, Lsn, NodeId, PeerChange, Recovered};

/// Carries messages between nodes: at most once, in no promised order, without telling whether they arrived.
pub trait Transport<M> {
    /// Queues a message. Never blocks.
    ///
    /// # Errors
    /// When the message was not queued. The caller may drop it: a network may lose what it likes.
    fn send(&mut self, to: NodeId, message: M, lane: Lane) -> Result<(), TransportError>;

    /// Serves a peer, serves it at a new place, or forgets it.
    fn peer(&mut self, change: PeerChange);

    /// The next thing that has arrived, if any. Never blocks.
    fn poll(&mut self) -> Option<Arrival<M>>;
}

/// What a transport hands to its driver.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Arrival<M> {
    /// A message.
    Message {
        /// The sender, as the transport authenticated it.
        from: NodeId,
        /// The message.
        message: M,
    },
    /// The state of a link has changed.
    Link(NodeId, Link),
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The queue of this lane to this peer is full.
    #[error(
        "the {lane:?} queue to {peer} is full: the message was dropped; slow down, or let the protocol retransmit"
    )]
    Congested {
        /// The receiver.
        peer: NodeId,
        /// The lane.
        lane: Lane,
    },
    /// The transport does not know the peer.
    #[error("{0} is not a known peer: announce it with PeerChange::Reach first")]
    UnknownPeer(NodeId),
    /// The message does not fit into one datagram.
    #[error("a message of {len} bytes exceeds the datagram cap of {cap}: send it on another lane")]
    TooLarge {
        /// The length of the message.
        len: usize,
        /// The cap.
        cap: usize,
    },
}

/// An append-only sequence of records, shared by everything on a node.
pub trait Log<R> {
    /// Hands every record to `each`, in order, and says what was found. Called once, before anything else.
    ///
    /// # Errors
    /// When the device fails.
    fn replay(&mut self, each: &mut dyn FnMut(Lsn, Recovered<R>)) -> Result<LogState, LogError>;

    /// Appends a record and returns its position: one more than the last. Not durable yet.
    ///
    /// # Errors
    /// When the device refuses; the log is poisoned then.
    fn append(&mut self, record: R) -> Result<Lsn, LogError>;

    /// Begins to make durable everything appended so far, and returns the position that this sync covers. A record
    /// appended after the call is not covered by it, however long the sync takes.
    ///
    /// # Errors
    /// When the device fails. The log is **poisoned**: every later call fails. A failed sync is never tried again as if
    /// nothing had happened, since the kernel may have marked the lost pages clean (Rebello et al. 2020, "Can
    /// applications recover from fsync failures?").
    fn sync(&mut self) -> Result<Lsn, LogError>;

    /// The log is durable up to here.
    fn durable(&self) -> Lsn;

    /// The last position that was appended.
    fn end(&self) -> Lsn;

    /// Gives back the space of the records up to `upto`.
    ///
    /// # Errors
    /// When the device fails.
    fn release(&mut self, upto: Lsn) -> Result<(), LogError>;
}

/// Why a log refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A sync or a write has failed, now or before: what is on the disk beyond `durable` is unknown.
    #[error(
        "the log failed and is poisoned; it is durable up to {durable}. Stop this node, and recover it from its disk"
    )]
    Poisoned {
        /// The last position that is certain.
        durable: Lsn,
    },
    /// The device is full.
    #[error("the device is full; the log is durable up to {durable}. Release records, or give it more space")]
    Full {
        /// The last position that is certain.
        durable: Lsn,
    },
}
