//! What can happen in a cluster.

use super::Explored;
use core::fmt;
use synod_core::{Lsn, NodeId};

/// One thing that happens.
#[derive(Clone)]
pub enum Act<P: Explored> {
    /// A message arrives.
    Deliver {
        /// The sender.
        from: NodeId,
        /// The receiver.
        to: NodeId,
        /// The message.
        message: P::Message,
        /// It arrives once more later: the network has doubled it.
        again: bool,
    },
    /// The network loses a message.
    Drop {
        /// The sender.
        from: NodeId,
        /// The receiver.
        to: NodeId,
        /// The message.
        message: P::Message,
    },
    /// An armed timer runs out.
    Timer {
        /// The node.
        node: NodeId,
        /// The timer.
        timer: P::Timer,
    },
    /// A sync completes.
    Sync {
        /// The node.
        node: NodeId,
        /// The log is durable up to here now.
        upto: Lsn,
    },
    /// The application asks.
    Command {
        /// The node.
        node: NodeId,
        /// What.
        command: P::Command,
    },
    /// The host answers a job.
    Done {
        /// The node.
        node: NodeId,
        /// The answer.
        done: P::Done,
    },
    /// A process dies.
    Crash {
        /// The node.
        node: NodeId,
    },
    /// A process starts again.
    Restart {
        /// The node.
        node: NodeId,
        /// How many of the records that were not durable have survived.
        kept: u64,
    },
}

impl<P: Explored> Act<P> {
    /// Where it happens; `None` for a loss.
    #[must_use]
    pub const fn node(&self) -> Option<NodeId> {
        match self {
            Self::Deliver { to: node, .. }
            | Self::Timer { node, .. }
            | Self::Sync { node, .. }
            | Self::Command { node, .. }
            | Self::Done { node, .. }
            | Self::Crash { node }
            | Self::Restart { node, .. } => Some(*node),
            Self::Drop { .. } => None,
        }
    }
}

/// An action of a cluster: what happened and what came of it.
#[derive(Clone)]
pub struct Action<P: Explored> {
    /// What happened.
    pub act: Act<P>,
    /// Which outcome of the protocol's own chance this is.
    pub outcome: u32,
    /// The messages that left the node.
    pub sent: Vec<(NodeId, P::Message)>,
    /// What the node told its application.
    pub events: Vec<P::Event>,
}

impl<P: Explored> fmt::Display for Act<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deliver { from, to, message, again: false } => {
                write!(f, "{to} receives from {from}: {message:?}")
            }
            Self::Deliver { from, to, message, again: true } => {
                write!(f, "{to} receives from {from}, for the first time: {message:?}")
            }
            Self::Drop { from, to, message } => write!(f, "lost between {from} and {to}: {message:?}"),
            Self::Timer { node, timer } => write!(f, "{node}: timer {timer:?}"),
            Self::Sync { node, upto } => write!(f, "{node}: log durable up to {upto}"),
            Self::Command { node, command } => write!(f, "{node} is asked: {command:?}"),
            Self::Done { node, done } => write!(f, "{node}: job done: {done:?}"),
            Self::Crash { node } => write!(f, "{node} crashes"),
            Self::Restart { node, kept: 0 } => write!(f, "{node} restarts"),
            Self::Restart { node, kept } => {
                write!(f, "{node} restarts, and {kept} un-synced records have survived")
            }
        }
    }
}

impl<P: Explored> fmt::Display for Action<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.act)?;
        for event in &self.events {
            write!(f, "\n        tells: {event:?}")?;
        }
        for (to, message) in &self.sent {
            write!(f, "\n        sends {to}: {message:?}")?;
        }
        Ok(())
    }
}

impl<P: Explored> fmt::Debug for Act<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<P: Explored> fmt::Debug for Action<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.act, f)
    }
}
