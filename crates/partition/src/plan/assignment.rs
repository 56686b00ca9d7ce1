//! Who owns what.

use crate::PartitionId;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use synod_core::NodeId;

/// The owners of each partition, the leader first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Assignment {
    owners: BTreeMap<PartitionId, Vec<NodeId>>,
}

impl Assignment {
    /// The owners of a partition; `None` if it is unknown.
    #[must_use]
    pub fn owners(&self, partition: PartitionId) -> Option<&[NodeId]> {
        self.owners.get(&partition).map(Vec::as_slice)
    }

    /// Says who owns a partition.
    pub fn set(&mut self, partition: PartitionId, owners: Vec<NodeId>) {
        self.owners.insert(partition, owners);
    }

    /// All partitions with their owners, by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (PartitionId, &[NodeId])> {
        self.owners.iter().map(|(id, owners)| (*id, owners.as_slice()))
    }

    /// How many replicas each node has.
    #[must_use]
    pub fn replicas(&self) -> BTreeMap<NodeId, u64> {
        let mut replicas = BTreeMap::new();
        for owner in self.owners.values().flatten() {
            *replicas.entry(*owner).or_default() += 1;
        }
        replicas
    }
}

impl FromIterator<(PartitionId, Vec<NodeId>)> for Assignment {
    fn from_iter<I: IntoIterator<Item = (PartitionId, Vec<NodeId>)>>(all: I) -> Self {
        Self { owners: all.into_iter().collect() }
    }
}
