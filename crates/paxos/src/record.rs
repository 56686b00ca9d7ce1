//! What a node writes to its log on disk.

use crate::Ballot;
use synod_core::Bytes;

/// A record of a node's write-ahead log. At most two of them are alive at a time; older ones are released.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Record {
    /// An acceptor's promise. Where the ballot is its own it also says that this round is used up.
    Promised {
        /// Nothing below is taken part in any more.
        ballot: Ballot,
    },
    /// An acceptor's acceptance. Promises the ballot too: both in one record, so that a crash cannot come between.
    Accepted {
        /// The ballot.
        ballot: Ballot,
        /// Its value.
        value: Bytes,
    },
    /// A round that a proposer has used which is no acceptor, and so has no promise of its own to remember it by.
    Round {
        /// The round.
        round: u64,
    },
}
