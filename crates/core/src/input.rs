//! What goes in.

use crate::{Lsn, NodeId, Protocol};
use core::fmt;

/// Everything that can happen to a protocol.
pub enum Input<P: Protocol> {
    /// The first input after recovery.
    Start {
        /// Grows with every start of this node; the first is 1. A node whose disk was emptied must not count from 1
        /// again: the driver takes the number from outside the log, or refuses.
        incarnation: u64,
        /// What recovery found.
        log: LogState,
    },
    /// A message from a node. From oneself it is a promise to oneself that has become durable: lossless and in order.
    /// From others it may be lost, doubled, delayed and reordered.
    Message(NodeId, P::Message),
    /// An armed timer has run out. It is disarmed now.
    Timer(P::Timer),
    /// The application asks.
    Command(P::Command),
    /// The host answers a job.
    Done(P::Done),
    /// The state of the link to a peer has changed.
    Link(NodeId, Link),
    /// The driver has nothing more at this moment: seal and send what was gathered. Comes after every burst of inputs, so
    /// that a hundred proposals become one message; a driver may leave it out where
    /// [`wants_flush`](Protocol::wants_flush) says that it would do nothing.
    Flush,
    /// A shared log wants the space below this position: write the live records below it anew, then
    /// [`release`](crate::Context::release). An idle protocol must not pin the log for ever.
    Rewrite(Lsn),
}

/// What recovery found in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogState {
    /// The log has never been written. Only the driver can know this: an emptied disk must not look like a new node.
    Fresh,
    /// Every record was taken back. A torn tail that was never acknowledged as durable has been cut off.
    Recovered {
        /// The position of the last record.
        end: Lsn,
    },
    /// Some records could not be read; each was handed to [`recover`](Protocol::recover) as
    /// [`Recovered::Damaged`].
    Damaged {
        /// The position of the last record, readable or not.
        end: Lsn,
        /// How many records are damaged.
        damaged: u64,
    },
}

/// One record of the log, or what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Recovered<R> {
    /// As it was written.
    Intact(R),
    /// It was once acknowledged as durable and cannot be read now.
    Damaged(Damage),
}

/// Why a durable record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Damage {
    /// The checksum does not fit the bytes.
    Checksum,
    /// The bytes are sound but do not decode: another version wrote them, or another program.
    Format,
    /// The device returned an error.
    Unreadable,
}

/// The state of a link to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// Connected; both ends speak this wire version.
    Up {
        /// The highest version that both ends know.
        version: u8,
    },
    /// Disconnected. Whatever was in flight may be lost.
    Down,
    /// The queue to the peer is full: messages are being dropped.
    Congested,
}

// `derive` would ask for `P: Clone`; what has to be cloned are the parts.
impl<P: Protocol> Clone for Input<P>
where
    P::Message: Clone,
    P::Command: Clone,
    P::Done: Clone,
{
    fn clone(&self) -> Self {
        match self {
            Self::Start { incarnation, log } => Self::Start { incarnation: *incarnation, log: *log },
            Self::Message(from, message) => Self::Message(*from, message.clone()),
            Self::Timer(timer) => Self::Timer(*timer),
            Self::Command(command) => Self::Command(command.clone()),
            Self::Done(done) => Self::Done(done.clone()),
            Self::Link(peer, link) => Self::Link(*peer, *link),
            Self::Flush => Self::Flush,
            Self::Rewrite(lsn) => Self::Rewrite(*lsn),
        }
    }
}

impl<P: Protocol> fmt::Debug for Input<P>
where
    P::Message: fmt::Debug,
    P::Command: fmt::Debug,
    P::Done: fmt::Debug,
    P::Timer: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { incarnation, log } => {
                f.debug_struct("Start").field("incarnation", incarnation).field("log", log).finish()
            }
            Self::Message(from, message) => f.debug_tuple("Message").field(from).field(message).finish(),
            Self::Timer(timer) => f.debug_tuple("Timer").field(timer).finish(),
            Self::Command(command) => f.debug_tuple("Command").field(command).finish(),
            Self::Done(done) => f.debug_tuple("Done").field(done).finish(),
            Self::Link(peer, link) => f.debug_tuple("Link").field(peer).field(link).finish(),
            Self::Flush => f.write_str("Flush"),
            Self::Rewrite(lsn) => f.debug_tuple("Rewrite").field(lsn).finish(),
        }
    }
}
