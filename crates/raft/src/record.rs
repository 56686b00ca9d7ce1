//! What a node writes to its log on disk.

use crate::{EntryId, Membership, Segment, Term};
use alloc::sync::Arc;
use synod_core::NodeId;

/// A record of a node's write-ahead log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// Term and vote, in one record: written one after the other, a crash between them could leave a new term with an old
    /// vote (`hashicorp/raft` 661, `sofa-jraft` 1241).
    HardState {
        /// The current term.
        term: Term,
        /// Who got this node's vote in it.
        voted_for: Option<NodeId>,
    },
    /// Entries, of one term. Where they differ from what came before, they *are* the truncation: everything from the first
    /// difference on is superseded. The log on disk is only ever appended to.
    Append {
        /// The term of the entry before the first.
        prev_term: Term,
        /// The entries.
        entries: Segment,
    },
    /// The application's durable state covers everything up to `last`, so this log need not: it may begin after it. Term and
    /// vote stand here too, so that the records before this one need not be kept for their sake.
    Snapshot {
        /// The current term.
        term: Term,
        /// Who got this node's vote in it.
        voted_for: Option<NodeId>,
        /// The last entry that is covered. It is committed.
        last: EntryId,
        /// The membership that was in effect there; empty for a node that did not know of any.
        membership: Arc<Membership>,
    },
    /// A node whose log had been damaged is whole again. Where its log ended then stands here too: what comes before this record may be
    /// damaged once more.
    Mended {
        /// The current term.
        term: Term,
        /// Who got this node's vote in it.
        voted_for: Option<NodeId>,
        /// The last entry.
        last: EntryId,
    },
}
