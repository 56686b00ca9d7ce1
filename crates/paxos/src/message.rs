//! What nodes say to each other, and to themselves.

use crate::{Ballot, Proposal};
use synod_core::Bytes;

/// A message. The phases are those of section 2.2 of the paper.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// "Promise to take part in nothing below this ballot, and tell what you have accepted." (Phase 1a.)
    Prepare {
        /// The sender's ballot.
        ballot: Ballot,
    },
    /// "I promise." From oneself: the own promise is durable. (Phase 1b.)
    Promise {
        /// The ballot that was asked for; the receiver's.
        ballot: Ballot,
        /// What the sender has accepted at the highest ballot so far, if anything.
        accepted: Option<Proposal>,
    },
    /// "Accept this." (Phase 2a.)
    Accept {
        /// The sender's ballot.
        ballot: Ballot,
        /// Its value.
        value: Bytes,
    },
    /// "I have accepted it." From oneself: the own acceptance is durable. (Phase 2b.)
    Accepted {
        /// The ballot; the receiver's.
        ballot: Ballot,
    },
    /// "I have promised a higher ballot": an answer to `Prepare` or `Accept` that only saves time.
    Nack {
        /// The ballot that comes too late; the receiver's.
        ballot: Ballot,
        /// The promise that stands against it.
        promised: Ballot,
    },
    /// "This was chosen": to everybody when it has just been learned, and in answer to anything that an unknowing node asks.
    Decided {
        /// A ballot in which it was chosen.
        ballot: Ballot,
        /// What was chosen.
        value: Bytes,
    },
    /// "Do you know what was chosen?" Nobody answers who does not.
    Learn,
}

impl Message {
    /// The ballot that the message is about; `None` for [`Message::Learn`].
    #[must_use]
    pub fn ballot(&self) -> Option<Ballot> {
        match self {
            Self::Prepare { ballot }
            | Self::Promise { ballot, .. }
            | Self::Accept { ballot, .. }
            | Self::Accepted { ballot }
            | Self::Nack { ballot, .. }
            | Self::Decided { ballot, .. } => Some(*ballot),
            Self::Learn => None,
        }
    }
}
