//! What happened, for those who want to look: every message with its fate, within a window of virtual time.

use core::fmt::Debug;
use core::ops::Range;
use synod_core::NodeId;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fate {
    /// It arrived.
    Delivered,
    /// The network lost it.
    Lost,
    /// A partition stood in its way.
    Blocked,
    /// The receiver was down.
    ReceiverDown,
}

/// One thing that happened. Times are virtual nanoseconds since the run began.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// A message left.
    Sent {
        /// Names the message.
        id: u64,
        /// The receiver.
        to: NodeId,
        /// The message as text.
        text: String,
    },
    /// A message's way ended, here.
    Ended {
        /// Names the message.
        id: u64,
        /// How.
        fate: Fate,
    },
    /// The protocol told the application something.
    Event(String),
    /// A command reached the protocol.
    Command(String),
    /// A timer fired.
    Timer(String),
    /// A sync ended; the log is durable up to here, as far as the driver knows.
    Durable(u64),
    /// The process died, and so many un-synced records with it.
    Crashed {
        /// How many records were lost.
        lost: u64,
        /// How many of them the disk had acknowledged: a correct disk loses none.
        acknowledged: u64,
    },
    /// The process is back.
    Started,
}

/// A thing that happened, when and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Virtual nanoseconds since the run began.
    pub at: u64,
    /// The node.
    pub node: NodeId,
    /// What.
    pub what: Happening,
}

/// The recorder. Off unless a window is set: texts are costly.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    window: Range<u64>,
    moments: Vec<Moment>,
}

const TEXT_LEN_MAX: usize = 240;

fn text(thing: &dyn Debug) -> String {
    let mut text = format!("{thing:?}");
    if let Some((cut, _)) = text.char_indices().nth(TEXT_LEN_MAX) {
        text.truncate(cut);
        text.push('…');
    }
    text
}

impl Trace {
    pub(crate) fn of(window: Range<u64>) -> Self {
        Self { window, moments: Vec::new() }
    }

    pub(crate) fn moments(&self) -> &[Moment] {
        &self.moments
    }

    fn note(&mut self, at: u64, node: NodeId, what: impl FnOnce() -> Happening) {
        if at < self.window.end && at >= self.window.start {
            self.moments.push(Moment { at, node, what: what() });
        }
    }

    pub(crate) fn sent(&mut self, at: u64, id: u64, from: NodeId, to: NodeId, message: &dyn Debug) {
        self.note(at, from, || Happening::Sent { id, to, text: text(message) });
    }

    pub(crate) fn ended(&mut self, at: u64, id: u64, node: NodeId, fate: Fate) {
        self.note(at, node, || Happening::Ended { id, fate });
    }

    pub(crate) fn event(&mut self, at: u64, node: NodeId, event: &dyn Debug) {
        self.note(at, node, || Happening::Event(text(event)));
    }

    pub(crate) fn command(&mut self, at: u64, node: NodeId, command: &dyn Debug) {
        self.note(at, node, || Happening::Command(text(command)));
    }

    pub(crate) fn timer(&mut self, at: u64, node: NodeId, timer: &dyn Debug) {
        self.note(at, node, || Happening::Timer(text(timer)));
    }

    pub(crate) fn durable(&mut self, at: u64, node: NodeId, upto: u64) {
        self.note(at, node, || Happening::Durable(upto));
    }

    pub(crate) fn crashed(&mut self, at: u64, node: NodeId, lost: u64, acknowledged: u64) {
        self.note(at, node, || Happening::Crashed { lost, acknowledged });
    }

    pub(crate) fn started(&mut self, at: u64, node: NodeId) {
        self.note(at, node, || Happening::Started);
    }
}
