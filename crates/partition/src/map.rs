//! Who owns what, with an epoch for each partition: the map that clients route by, and that may be stale.

use crate::{Assignment, PartitionId, Span};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use synod_core::NodeId;

/// The greatest epoch. An entry that claims a greater one is refused: nothing could follow it.
pub const EPOCH_MAX: u64 = u64::MAX - 1;

/// The owners of a partition, from an epoch on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Entry {
    /// Grows with every change of this partition's owners or keys. A partition that was split off, or that another was merged into,
    /// goes on above the epochs of both: along the history of a key epochs grow, whatever partition it is in.
    pub epoch: u64,
    /// The owners, the leader first. Nobody: the partition is gone (merged into a neighbour), and stays gone.
    pub owners: Vec<NodeId>,
    /// Which keys it has; `None` for those that the scheme gives it, because it was never split or merged.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub span: Option<Span>,
}

/// A change of a map that cannot be made, or an entry that cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// An epoch above [`EPOCH_MAX`].
    #[error(
        "{partition} cannot have an epoch above {EPOCH_MAX}: whoever says so is broken; give its keys to a new partition"
    )]
    Epoch {
        /// Which partition.
        partition: PartitionId,
    },
    /// A span of no keys.
    #[error("{partition} cannot have a span that ends before it begins: whoever says so is broken")]
    Span {
        /// Which partition.
        partition: PartitionId,
    },
    /// The partition is not in the map, or gone.
    #[error("{partition} has no owners: look it up again")]
    Unknown {
        /// Which partition.
        partition: PartitionId,
    },
    /// The new partition's id is taken.
    #[error(
        "{partition} is or was a partition already: give the new one an id of its own, never used before"
    )]
    Taken {
        /// Which partition.
        partition: PartitionId,
    },
    /// The point does not cut the partition in two.
    #[error("the cut is not inside the span of {partition}: it must be above its start and below its end")]
    Outside {
        /// Which partition.
        partition: PartitionId,
    },
    /// The partitions do not touch.
    #[error("the span of {right} does not follow that of {left}: only neighbours can be merged")]
    Apart {
        /// The one that should be the left one.
        left: PartitionId,
        /// The one that should follow.
        right: PartitionId,
    },
    /// The partitions have different owners.
    #[error("{left} and {right} have different owners: bring both to the same nodes first")]
    Owners {
        /// The left one.
        left: PartitionId,
        /// The right one.
        right: PartitionId,
    },
    /// Remainders and directories have no spans.
    #[error(
        "{partition} has no span that could be cut: only ranges, ranges of hashes and slots are split and merged"
    )]
    Uncut {
        /// Which partition.
        partition: PartitionId,
    },
}

/// A partition map. Copies of it are in many places and of many ages; [`merge`](Self::merge) makes the newest of two.
///
/// Of each partition the entry of the greater epoch wins, and equal epochs have equal owners, because only the coordinator of a partition gives
/// epochs out. So merging is commutative, associative and idempotent: maps may be gossiped in any order, and clients learn from whoever
/// redirects them. Whether a request is in the right place, its key decides too: [`Router::check`](crate::Router::check).
///
/// ```
/// use synod_core::NodeId;
/// use synod_partition::{PartitionId, PartitionMap};
///
/// let p = PartitionId(7);
/// let mut server = PartitionMap::default();
/// server.set(p, [NodeId(1), NodeId(2)])?;
/// let mut client = server.clone();
/// server.set(p, [NodeId(3), NodeId(2)])?;                       // it moves
/// client.merge(&server);
/// assert_eq!((client.leader(p), client.epoch(p)), (Some(NodeId(3)), 2));
/// # Ok::<(), synod_partition::MapError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "BTreeMap<PartitionId, Entry>", into = "BTreeMap<PartitionId, Entry>")
)]
pub struct PartitionMap {
    entries: BTreeMap<PartitionId, Entry>,
}

/// Whether a request has come to the right node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Routed<'a> {
    /// It has.
    Here,
    /// The client's map is older than ours: here is what it should know.
    Stale {
        /// The partition that has the key; perhaps another than the client asked for.
        partition: PartitionId,
        /// Its entry, for [`Router::learn`](crate::Router::learn).
        news: &'a Entry,
    },
    /// The client knows more than we do: we must learn before we answer, and must not answer from what we had.
    Ahead,
    /// Nobody here knows who has the key.
    Unknown,
}

impl PartitionMap {
    /// A map of these entries.
    ///
    /// # Errors
    /// If one of them cannot be true ([`MapError::Epoch`], [`MapError::Span`]).
    pub fn new(entries: impl IntoIterator<Item = (PartitionId, Entry)>) -> Result<Self, MapError> {
        let entries: BTreeMap<_, _> = entries.into_iter().collect();
        entries.iter().try_for_each(|(partition, entry)| plausible(*partition, entry))?;
        Ok(Self { entries })
    }

    /// The entry of a partition.
    #[must_use]
    pub fn get(&self, partition: PartitionId) -> Option<&Entry> {
        self.entries.get(&partition)
    }

    /// The epoch of a partition; 0 for one that is unknown.
    #[must_use]
    pub fn epoch(&self, partition: PartitionId) -> u64 {
        self.get(partition).map_or(0, |entry| entry.epoch)
    }

    /// Whom to ask first.
    #[must_use]
    pub fn leader(&self, partition: PartitionId) -> Option<NodeId> {
        self.get(partition)?.owners.first().copied()
    }

    /// All entries, by partition.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (PartitionId, &Entry)> {
        self.entries.iter().map(|(partition, entry)| (*partition, entry))
    }

    /// Gives a partition other owners, at the next epoch, which comes back. For whoever decides about the partition, and nobody else.
    ///
    /// # Errors
    /// [`MapError::Epoch`], if there is no next epoch.
    pub fn set(
        &mut self,
        partition: PartitionId,
        owners: impl IntoIterator<Item = NodeId>,
    ) -> Result<u64, MapError> {
        let epoch = after(partition, self.epoch(partition))?;
        let entry = self.entries.entry(partition).or_default();
        entry.epoch = epoch;
        entry.owners = owners.into_iter().collect();
        Ok(epoch)
    }

    /// Takes an entry that somebody else knows, if it is newer. Says whether it was.
    ///
    /// # Errors
    /// If it cannot be true ([`MapError::Epoch`], [`MapError::Span`]).
    pub fn learn(&mut self, partition: PartitionId, news: Entry) -> Result<bool, MapError> {
        plausible(partition, &news)?;
        let newer = news.epoch > self.epoch(partition);
        if newer {
            self.entries.insert(partition, news);
        }
        Ok(newer)
    }

    /// Puts an entry that follows what was there.
    pub(crate) fn insert(&mut self, partition: PartitionId, entry: Entry) {
        self.entries.insert(partition, entry);
    }

    /// Takes all that is newer in another map. `O(n log n)`.
    pub fn merge(&mut self, other: &Self) {
        for (partition, entry) in other.iter() {
            if entry.epoch > self.epoch(partition) {
                self.entries.insert(partition, entry.clone());
            }
        }
    }

    /// The owners without their epochs: what a plan begins with.
    #[must_use]
    pub fn assignment(&self) -> Assignment {
        let owned = self.iter().filter(|(_, entry)| !entry.owners.is_empty());
        owned.map(|(partition, entry)| (partition, entry.owners.clone())).collect()
    }
}

/// The epoch that follows.
pub(crate) fn after(partition: PartitionId, epoch: u64) -> Result<u64, MapError> {
    if epoch < EPOCH_MAX { Ok(epoch + 1) } else { Err(MapError::Epoch { partition }) }
}

fn plausible(partition: PartitionId, entry: &Entry) -> Result<(), MapError> {
    if entry.epoch > EPOCH_MAX {
        return Err(MapError::Epoch { partition });
    }
    if entry.span.as_ref().is_some_and(Span::is_empty) {
        return Err(MapError::Span { partition });
    }
    Ok(())
}

impl TryFrom<BTreeMap<PartitionId, Entry>> for PartitionMap {
    type Error = MapError;

    fn try_from(entries: BTreeMap<PartitionId, Entry>) -> Result<Self, MapError> {
        Self::new(entries)
    }
}

impl From<PartitionMap> for BTreeMap<PartitionId, Entry> {
    fn from(map: PartitionMap) -> Self {
        map.entries
    }
}
