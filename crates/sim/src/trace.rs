//! What happened, for those who want to look: every message with its fate, within a window of virtual time.
//!
//! [`Sim::trace`](crate::Sim::trace) runs a tape and brings a [`Trace`] back. It can be read as a value, or written as
//!
//! * [JSON lines](Trace::to_json_lines), one object for each moment, with vector clocks: for programs;
//! * a [ShiViz log](Trace::to_shiviz), for the visualizer of that name;
//! * a [Mermaid sequence diagram](Trace::to_mermaid), for a page of documentation: a few hundred arrows and notes;
//! * a [space-time diagram](Trace::to_html), one HTML file that needs nothing else.
//!
//! A trace changes nothing in a run, and a run without one pays nothing for it: vector clocks are computed when they are asked
//! for, from the messages that were sent and delivered.
//!
//! ```
//! use synod_core::*;
//! use synod_sim::{Idle, Sim, Tape};
//!
//! // A hot potato: whoever has it throws it to the next.
//! #[derive(Clone, Hash)]
//! struct Potato;
//!
//! impl Protocol for Potato {
//!     type Message = &'static str;
//!     type Record = Never;
//!     type Command = Never;
//!     type Event = Never;
//!     type Timer = Never;
//!     type Job = Never;
//!     type Done = Never;
//!     type Error = Never;
//!     fn recover(&mut self, _: Lsn, _: Recovered<Never>) -> Result<(), Never> {
//!         Ok(())
//!     }
//!     fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
//!         let begins = matches!(input, Input::Start { .. }) && cx.me() == NodeId(1);
//!         if begins || matches!(input, Input::Message(..)) {
//!             cx.send(NodeId(cx.me().0 % 3 + 1), "hot!");
//!         }
//!     }
//! }
//!
//! let sim = Sim::new(3, |_| Potato, Idle).storm(core::time::Duration::from_millis(20));
//! let (_, trace) = sim.trace(Tape::from_seed(1), 0..u64::MAX, |_, _| String::new());
//! let log = trace.to_json_lines();
//! assert!(log.lines().nth(1).is_some_and(|line| line.contains(r#""kind":"started""#)));
//! assert!(trace.to_mermaid().text.contains("n1->>n2: "));
//! ```

mod causality;
mod json;
mod mermaid;
mod page;
mod recorder;
mod shiviz;

pub use crate::markup::Escaped;
pub use mermaid::Mermaid;
pub use page::{Page, Row, Stretch};

use crate::nemesis::Strike;
use crate::run::Verdict;
use core::fmt;
use core::ops::Range;
pub(crate) use recorder::{Recorder, text};
use std::borrow::Cow;
use synod_core::NodeId;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// The queue of the link was full.
    Overflow,
    /// A datagram larger than a packet.
    TooLarge,
    /// It could not be read, or the transport's guard stopped it.
    Refused,
    /// Nobody has the address any more that the sender knows.
    Unreachable,
    /// The connection broke while it was on its way.
    Reset,
}

impl Fate {
    /// Its name in exports and on pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Lost => "lost",
            Self::Blocked => "blocked",
            Self::ReceiverDown => "receiver-down",
            Self::Overflow => "overflow",
            Self::TooLarge => "too-large",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Reset => "reset",
        }
    }

    /// Whether the receiver's protocol saw the message: only then does what it does next depend on it.
    #[must_use]
    pub const fn arrives(self) -> bool {
        matches!(self, Self::Delivered)
    }
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
    /// A message's way ended, here. One that was doubled ends twice.
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
    /// What the node's state is from now on, in the words of whoever asked for it.
    State(String),
    /// A fault made a stored record unreadable; nobody knows until it is read.
    Damaged {
        /// Its position in the log.
        at: u64,
    },
    /// The protocol would not start from its damaged log, and says why.
    Refused(String),
    /// A traitor deceived: how, whom, and with which message.
    Treason(String),
}

impl Happening {
    /// Its name in exports; for the end of a message's way that is the name of its fate.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Ended { fate, .. } => fate.name(),
            Self::Event(_) => "event",
            Self::Command(_) => "command",
            Self::Timer(_) => "timer",
            Self::Durable(_) => "durable",
            Self::Crashed { .. } => "crashed",
            Self::Started => "started",
            Self::State(_) => "state",
            Self::Damaged { .. } => "damaged",
            Self::Refused(_) => "start-refused",
            Self::Treason(_) => "treason",
        }
    }

    /// What there is to say beyond the kind; empty where there is nothing.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Sent { text, .. }
            | Self::Event(text)
            | Self::Command(text)
            | Self::Timer(text)
            | Self::State(text)
            | Self::Refused(text)
            | Self::Treason(text) => Cow::Borrowed(text),
            Self::Ended { .. } | Self::Started => Cow::Borrowed(""),
            Self::Damaged { at } => Cow::Owned(format!("record {at}")),
            Self::Durable(upto) => Cow::Owned(format!("up to {upto}")),
            Self::Crashed { lost, acknowledged: 0 } => Cow::Owned(format!("lost {lost}")),
            Self::Crashed { lost, acknowledged } => {
                Cow::Owned(format!("lost {lost}, {acknowledged} of them acknowledged"))
            }
        }
    }

    /// Whether it happened to the node itself: a message that did not arrive left no mark on its receiver.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        match self {
            Self::Ended { fate, .. } => fate.arrives(),
            _ => true,
        }
    }
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

/// A stretch of a run: what happened on every node, the faults, and how it ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trace {
    /// The seed of the tape.
    pub seed: u64,
    /// The hash of the whole run.
    pub hash: u64,
    /// How many nodes there are; their ids are 1, 2, 3 and so on.
    pub nodes: usize,
    /// The stretch that was looked at, in virtual nanoseconds since the run began.
    pub window: Range<u64>,
    /// What happened within, in the order in which it happened.
    pub moments: Vec<Moment>,
    /// The faults of the whole run.
    pub strikes: Vec<Strike>,
    /// How the run ended.
    pub verdict: Verdict,
    /// When it ended.
    pub end: u64,
}

impl Trace {
    /// The faults that touch the window.
    pub fn strikes_within(&self) -> impl Iterator<Item = &Strike> {
        self.strikes.iter().filter(|strike| strike.at < self.window.end && strike.until >= self.window.start)
    }

    /// What happened to this node.
    pub fn moments_of(&self, node: NodeId) -> impl Iterator<Item = &Moment> {
        self.moments.iter().filter(move |moment| moment.node == node)
    }

    /// What was violated, if the run ended so and its end lies within the window.
    #[must_use]
    pub fn violation(&self) -> Option<&Verdict> {
        let within = (self.window.start..=self.window.end).contains(&self.end);
        (within && !matches!(self.verdict, Verdict::Passed | Verdict::Interrupted)).then_some(&self.verdict)
    }
}

impl Verdict {
    /// The node on which something was violated, if it was on one.
    #[must_use]
    pub const fn node(&self) -> Option<NodeId> {
        match self {
            Self::Violated { node, .. } => *node,
            _ => None,
        }
    }

    /// The name of what was violated or did not come to hold.
    #[must_use]
    pub const fn name(&self) -> Option<&'static str> {
        match self {
            Self::Violated { name, .. } | Self::Stalled { name, .. } => Some(*name),
            _ => None,
        }
    }
}

/// A time for people: milliseconds with three decimals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Millis(pub(crate) u64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} ms", self.0 / 1_000_000, self.0 / 1_000 % 1_000)
    }
}
