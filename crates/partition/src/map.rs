//! Who owns what, with an epoch for each partition: the map that clients route by, and that may be stale.

use crate::{Assignment, PartitionId};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use synod_core::NodeId;

/// The owners of a partition, from an epoch on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Entry {
    /// Grows with every change of this partition's owners.
    pub epoch: u64,
    /// The owners, the leader first. Nobody: the partition is gone (merged into a neighbour), and stays gone.
    pub owners: Vec<NodeId>,
}

/// A partition map. Copies of it are in many places and of many ages; [`merge`](Self::merge) makes the newest of two.
///
/// Of each partition the entry of the greater epoch wins, and equal epochs have equal owners, because only the coordinator of a partition gives
/// epochs out. So merging is commutative, associative and idempotent: maps may be gossiped in any order, and clients learn from whoever
/// redirects them.
///
/// ```
/// use synod_core::NodeId;
/// use synod_partition::{PartitionId, PartitionMap, Routed};
///
/// let p = PartitionId(7);
/// let mut server = PartitionMap::default();
/// server.set(p, [NodeId(1), NodeId(2)]);
/// let mut client = server.clone();
/// server.set(p, [NodeId(3), NodeId(2)]);                       // it moves
///
/// // The client asks node 1 at the epoch that it knows, and is sent on.
/// let Routed::Stale(news) = server.check(p, client.epoch(p), NodeId(1)) else { panic!() };
/// assert!(client.learn(p, news.clone()));
/// assert_eq!(client.leader(p), Some(NodeId(3)));
/// assert_eq!(server.check(p, client.epoch(p), NodeId(3)), Routed::Here);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
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
    Stale(&'a Entry),
    /// The client knows more than we do: we must learn before we answer, and must not answer from what we had.
    Ahead,
    /// Nobody here has heard of that partition.
    Unknown,
}

impl PartitionMap {
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

    /// Gives a partition other owners, at the next epoch. For whoever decides about the partition, and nobody else.
    pub fn set(&mut self, partition: PartitionId, owners: impl IntoIterator<Item = NodeId>) -> u64 {
        let entry = self.entries.entry(partition).or_default();
        entry.epoch += 1;
        entry.owners = owners.into_iter().collect();
        entry.epoch
    }

    /// Takes an entry that somebody else knows, if it is newer. Says whether it was.
    pub fn learn(&mut self, partition: PartitionId, news: Entry) -> bool {
        let newer = news.epoch > self.epoch(partition);
        if newer {
            self.entries.insert(partition, news);
        }
        newer
    }

    /// Takes all that is newer in another map. `O(n log n)`.
    pub fn merge(&mut self, other: &Self) {
        for (partition, entry) in other.iter() {
            if entry.epoch > self.epoch(partition) {
                self.entries.insert(partition, entry.clone());
            }
        }
    }

    /// Whether a request for a partition, sent by a client that knows it at this epoch, has come to the right node.
    #[must_use]
    pub fn check(&self, partition: PartitionId, epoch: u64, me: NodeId) -> Routed<'_> {
        match self.get(partition) {
            None if epoch == 0 => Routed::Unknown,
            None => Routed::Ahead,
            Some(entry) if entry.epoch < epoch => Routed::Ahead,
            Some(entry) if entry.epoch > epoch || !entry.owners.contains(&me) => Routed::Stale(entry),
            Some(_) => Routed::Here,
        }
    }

    /// The owners without their epochs: what a plan begins with.
    #[must_use]
    pub fn assignment(&self) -> Assignment {
        let owned = self.iter().filter(|(_, entry)| !entry.owners.is_empty());
        owned.map(|(partition, entry)| (partition, entry.owners.clone())).collect()
    }
}

impl FromIterator<(PartitionId, Entry)> for PartitionMap {
    fn from_iter<I: IntoIterator<Item = (PartitionId, Entry)>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}
