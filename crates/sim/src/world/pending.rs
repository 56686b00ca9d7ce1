//! What is to come.

use super::Simulated;
use synod_core::{Link, Lsn, NodeId, Protocol};

/// What is to come.
pub(crate) enum Pending<P: Protocol> {
    Message {
        from: NodeId,
        to: usize,
        message: P::Message,
        print: u64,
        id: u64,
    },
    Timer {
        at: usize,
        timer: P::Timer,
        incarnation: u64,
    },
    Synced {
        at: usize,
        upto: Lsn,
        incarnation: u64,
        failed: bool,
    },
    Command {
        to: usize,
        command: P::Command,
    },
    Done {
        at: usize,
        done: P::Done,
        incarnation: u64,
    },
    Wake {
        token: u64,
    },
    Boot {
        at: usize,
    },
    Strike {
        rate: usize,
    },
    Relent {
        strike: u64,
    },
    Link {
        at: usize,
        peer: NodeId,
        link: Link,
    },
    Install {
        at: usize,
        build: usize,
        down: u64,
    },
    Restart {
        at: usize,
        down: u64,
    },
    /// The same, on an empty disk.
    Replace {
        at: usize,
        down: u64,
    },
    /// A slow processor is done with an input.
    Turn {
        at: usize,
        turn: u64,
    },
}

impl<P: Simulated> Clone for Pending<P> {
    fn clone(&self) -> Self {
        match self {
            Self::Message { from, to, message, print, id } => {
                Self::Message { from: *from, to: *to, message: message.clone(), print: *print, id: *id }
            }
            Self::Timer { at, timer, incarnation } => {
                Self::Timer { at: *at, timer: *timer, incarnation: *incarnation }
            }
            Self::Synced { at, upto, incarnation, failed } => {
                Self::Synced { at: *at, upto: *upto, incarnation: *incarnation, failed: *failed }
            }
            Self::Command { to, command } => Self::Command { to: *to, command: command.clone() },
            Self::Done { at, done, incarnation } => {
                Self::Done { at: *at, done: done.clone(), incarnation: *incarnation }
            }
            Self::Wake { token } => Self::Wake { token: *token },
            Self::Boot { at } => Self::Boot { at: *at },
            Self::Strike { rate } => Self::Strike { rate: *rate },
            Self::Relent { strike } => Self::Relent { strike: *strike },
            Self::Link { at, peer, link } => Self::Link { at: *at, peer: *peer, link: *link },
            Self::Restart { at, down } => Self::Restart { at: *at, down: *down },
            Self::Replace { at, down } => Self::Replace { at: *at, down: *down },
            Self::Turn { at, turn } => Self::Turn { at: *at, turn: *turn },
            Self::Install { at, build, down } => Self::Install { at: *at, build: *build, down: *down },
        }
    }
}

impl<P: Protocol> Pending<P> {
    #[inline]
    pub(crate) fn target(&self) -> Option<usize> {
        match self {
            Self::Message { to, .. } | Self::Command { to, .. } => Some(*to),
            Self::Timer { at, .. }
            | Self::Synced { at, .. }
            | Self::Done { at, .. }
            | Self::Link { at, .. }
            | Self::Turn { at, .. } => Some(*at),
            Self::Wake { .. }
            | Self::Boot { .. }
            | Self::Strike { .. }
            | Self::Relent { .. }
            | Self::Restart { .. }
            | Self::Replace { .. }
            | Self::Install { .. } => None,
        }
    }
}
