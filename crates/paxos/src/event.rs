//! What an application asks, what it is told, and the name of the timer.

use crate::{Ballot, RecoverError};
use synod_core::{Bytes, NodeId};

/// What an application asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Propose this value. [`Event::Decided`] answers with what was chosen, which may be another's; or [`Event::Refused`].
    Propose {
        /// The value.
        value: Bytes,
    },
    /// Find out what was chosen, without proposing: asks the others, again and again, until one of them knows.
    Learn,
}

/// What an application is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// This value was chosen, for ever. Once in the life of a process, once more for every `Propose` that comes later, and again
    /// after a restart, when it has been learned anew.
    Decided {
        /// What was chosen.
        value: Bytes,
        /// A ballot in which it was. Nodes may name different ones.
        ballot: Ballot,
    },
    /// A value was not taken, or is given up. Nobody but this node will propose it; and here it is back.
    Refused {
        /// What was proposed.
        value: Bytes,
        /// Why.
        reason: Refusal,
    },
    /// A message was dropped that no correct node sends.
    Illegal {
        /// Who sent it.
        from: NodeId,
        /// What is wrong with it.
        reason: Illegal,
    },
    /// The log of this node did not lead to a state that Paxos can be in. The node stays silent.
    Halted(RecoverError),
}

/// Why a value was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// This node is proposing another value already: wait for the decision.
    Busy,
    /// The value is longer than [`Config::value_bytes_max`](crate::Config::value_bytes_max).
    TooLarge,
    /// There is no round left.
    RoundsExhausted,
    /// The node has halted, because of what it found in its log.
    Halted,
}

/// What no correct node sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Illegal {
    /// The sender is neither an acceptor nor a learner.
    NotAMember,
    /// An acceptor's word from a node that is none, or a question for an acceptor to a node that is none: configurations differ.
    NotAnAcceptor,
    /// A round of 0 or beyond [`Ballot::ROUND_MAX`], or a ballot that cannot stand beside the other one in the message.
    ImpossibleBallot,
    /// A ballot of somebody else's: a question under another's name, or an answer that belongs to another.
    NotItsBallot,
    /// A message from oneself that one does not send to oneself.
    FromOneself,
    /// Another value for a ballot that has one already.
    TwoValues,
    /// Another decision than the one known here: somewhere a promise was broken. Stop, and look at the disks.
    DecidedOtherwise,
}

/// The timers of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Ask again, or under a higher ballot: whoever waits for the decision has it armed.
    Retry,
}
