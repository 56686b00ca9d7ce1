//! What comes out.

use crate::{Lsn, NodeId, PeerChange, Protocol};
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

/// Everything that a protocol can ask of its driver.
///
/// An effect with an `after` must not be carried out before the log is durable up to that position. That is the whole
/// durability contract: it is data, so a driver, a simulator and a checker can all hold each other to it.
pub enum Effect<P: Protocol> {
    /// Send a message once the log is durable up to `after`.
    Send {
        /// The receivers. A node that is addressed by itself gets the message back as an input, lossless and in order.
        to: Peers,
        /// The message.
        message: P::Message,
        /// What it waits for.
        after: Lsn,
        /// The queue in which it waits.
        lane: Lane,
    },
    /// Tell the application once the log is durable up to `after`.
    Emit {
        /// The event.
        event: P::Event,
        /// What it waits for.
        after: Lsn,
    },
    /// Append a record to the log. Records are numbered in the order of their effects, without gaps.
    Persist {
        /// The record.
        record: P::Record,
        /// Whether the driver must start a sync for it. One that is not forced rides on the next that is, or is
        /// synced when some effect waits for it.
        forced: bool,
    },
    /// Once the log is durable up to `after`, nothing at or below `upto` is needed for recovery any more.
    Release {
        /// The last position that can be given back.
        upto: Lsn,
        /// What it waits for: the records that make the older ones superfluous.
        after: Lsn,
    },
    /// Deliver [`Input::Timer`](crate::Input::Timer) after this span, in place of whatever was armed under this name.
    Arm {
        /// The name.
        timer: P::Timer,
        /// From now.
        after: Duration,
    },
    /// Forget the timer of this name.
    Disarm(P::Timer),
    /// Do this work and answer with [`Input::Done`](crate::Input::Done).
    Job(P::Job),
    /// Change the set of peers.
    Peer(PeerChange),
}

/// The receivers of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Peers {
    /// One node.
    One(NodeId),
    /// Each of these nodes: encoded once, and shared without copying.
    Each(Arc<[NodeId]>),
}

impl Peers {
    /// The receivers in order.
    #[must_use]
    pub fn as_slice(&self) -> &[NodeId] {
        match self {
            Self::One(id) => core::slice::from_ref(id),
            Self::Each(ids) => ids,
        }
    }
}

impl From<NodeId> for Peers {
    fn from(id: NodeId) -> Self {
        Self::One(id)
    }
}

impl From<Arc<[NodeId]>> for Peers {
    fn from(ids: Arc<[NodeId]>) -> Self {
        Self::Each(ids)
    }
}

/// Queues between two nodes that are bounded apart, so that a snapshot never delays a heartbeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Small and urgent: heartbeats, votes, acknowledgements.
    #[default]
    Control,
    /// Log entries.
    Log,
    /// Snapshots and other bulk.
    Bulk,
    /// One packet, never fragmented, never retransmitted: gossip. The transport refuses what exceeds its size cap.
    Datagram,
}

/// Where effects go: a `Vec` in a test, wire and log in a node, the parent in a composition.
///
/// Only [`accept`](Sink::accept) is required. The other methods let a sink skip building the enum, which is
/// measurably faster on hot paths; each must do what `accept` does for the same effect.
pub trait Sink<P: Protocol> {
    /// Takes one effect.
    fn accept(&mut self, effect: Effect<P>);

    /// Takes an [`Effect::Send`].
    fn send(&mut self, to: Peers, message: P::Message, after: Lsn, lane: Lane) {
        self.accept(Effect::Send { to, message, after, lane });
    }

    /// Takes an [`Effect::Emit`].
    fn emit(&mut self, event: P::Event, after: Lsn) {
        self.accept(Effect::Emit { event, after });
    }

    /// Takes an [`Effect::Persist`].
    fn persist(&mut self, record: P::Record, forced: bool) {
        self.accept(Effect::Persist { record, forced });
    }

    /// Takes an [`Effect::Arm`].
    fn arm(&mut self, timer: P::Timer, after: Duration) {
        self.accept(Effect::Arm { timer, after });
    }

    /// Takes an [`Effect::Disarm`].
    fn disarm(&mut self, timer: P::Timer) {
        self.accept(Effect::Disarm(timer));
    }
}

impl<P: Protocol> Sink<P> for alloc::vec::Vec<Effect<P>> {
    fn accept(&mut self, effect: Effect<P>) {
        self.push(effect);
    }
}

// `derive` would ask for `P: Clone`; what has to be cloned are the parts.
impl<P: Protocol> Clone for Effect<P>
where
    P::Message: Clone,
    P::Event: Clone,
    P::Record: Clone,
    P::Job: Clone,
{
    fn clone(&self) -> Self {
        match self {
            Self::Send { to, message, after, lane } => {
                Self::Send { to: to.clone(), message: message.clone(), after: *after, lane: *lane }
            }
            Self::Emit { event, after } => Self::Emit { event: event.clone(), after: *after },
            Self::Persist { record, forced } => Self::Persist { record: record.clone(), forced: *forced },
            Self::Release { upto, after } => Self::Release { upto: *upto, after: *after },
            Self::Arm { timer, after } => Self::Arm { timer: *timer, after: *after },
            Self::Disarm(timer) => Self::Disarm(*timer),
            Self::Job(job) => Self::Job(job.clone()),
            Self::Peer(change) => Self::Peer(change.clone()),
        }
    }
}

impl<P: Protocol> PartialEq for Effect<P>
where
    P::Message: PartialEq,
    P::Event: PartialEq,
    P::Record: PartialEq,
    P::Job: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Send { to, message, after, lane },
                Self::Send { to: to2, message: message2, after: after2, lane: lane2 },
            ) => to == to2 && message == message2 && after == after2 && lane == lane2,
            (Self::Emit { event, after }, Self::Emit { event: event2, after: after2 }) => {
                event == event2 && after == after2
            }
            (Self::Persist { record, forced }, Self::Persist { record: record2, forced: forced2 }) => {
                record == record2 && forced == forced2
            }
            (Self::Release { upto, after }, Self::Release { upto: upto2, after: after2 }) => {
                upto == upto2 && after == after2
            }
            (Self::Arm { timer, after }, Self::Arm { timer: timer2, after: after2 }) => {
                timer == timer2 && after == after2
            }
            (Self::Disarm(timer), Self::Disarm(timer2)) => timer == timer2,
            (Self::Job(job), Self::Job(job2)) => job == job2,
            (Self::Peer(change), Self::Peer(change2)) => change == change2,
            _ => false,
        }
    }
}

impl<P: Protocol> fmt::Debug for Effect<P>
where
    P::Message: fmt::Debug,
    P::Event: fmt::Debug,
    P::Record: fmt::Debug,
    P::Job: fmt::Debug,
    P::Timer: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { to, message, after, lane } => f
                .debug_struct("Send")
                .field("to", to)
                .field("message", message)
                .field("after", after)
                .field("lane", lane)
                .finish(),
            Self::Emit { event, after } => {
                f.debug_struct("Emit").field("event", event).field("after", after).finish()
            }
            Self::Persist { record, forced } => {
                f.debug_struct("Persist").field("record", record).field("forced", forced).finish()
            }
            Self::Release { upto, after } => {
                f.debug_struct("Release").field("upto", upto).field("after", after).finish()
            }
            Self::Arm { timer, after } => {
                f.debug_struct("Arm").field("timer", timer).field("after", after).finish()
            }
            Self::Disarm(timer) => f.debug_tuple("Disarm").field(timer).finish(),
            Self::Job(job) => f.debug_tuple("Job").field(job).finish(),
            Self::Peer(change) => f.debug_tuple("Peer").field(change).finish(),
        }
    }
}
