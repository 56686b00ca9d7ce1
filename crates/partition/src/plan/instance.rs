//! A planning problem in numbers: nodes, zones and groups are indices, and nodes that may own nothing are gone.

use super::shape::{Counts, Shape};
use alloc::vec::Vec;

/// Between how many and how many replicas.
pub(crate) type Quota = (u64, u64);

/// The problem.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) shape: Shape,
    /// The zone of each node.
    pub(crate) zone: Vec<u32>,
    pub(crate) zones: usize,
    pub(crate) groups: usize,
    /// What it costs to bring each partition to a node that does not have it; above 0.
    pub(crate) cost: Vec<i64>,
    /// The group of each partition.
    pub(crate) group: Vec<u32>,
    /// Where the homes of each partition begin in `homes`; one entry more than partitions.
    pub(crate) home_at: Vec<u32>,
    /// The nodes that have it now and may keep it, without repetition.
    pub(crate) homes: Vec<u32>,
    pub(crate) node_quota: Vec<Quota>,
    /// For each group the quotas of all nodes, one group after the other.
    pub(crate) bucket_quota: Vec<Quota>,
}

/// Who owns what in the end, and the prices that prove it.
#[derive(Clone, Debug)]
pub(crate) struct Solution {
    /// As many owners as copies for each partition, one partition after the other.
    pub(crate) owners: Vec<u32>,
    pub(crate) node_price: Vec<i64>,
    pub(crate) bucket_price: Vec<i64>,
}

impl Instance {
    pub(crate) fn nodes(&self) -> usize {
        self.zone.len()
    }

    pub(crate) fn copies(&self) -> usize {
        self.shape.copies as usize
    }

    pub(crate) fn homes(&self, partition: usize) -> &[u32] {
        let (from, to) = (self.home_at.get(partition), self.home_at.get(partition + 1));
        let range = from.copied().unwrap_or(0) as usize..to.copied().unwrap_or(0) as usize;
        self.homes.get(range).unwrap_or_default()
    }

    pub(crate) fn zone_of(&self, node: u32) -> u32 {
        self.zone.get(node as usize).copied().unwrap_or(0)
    }

    pub(crate) fn counts(&self, owners: &[u32]) -> Counts {
        Counts::of(owners.iter().map(|node| self.zone_of(*node)))
    }

    /// What it costs that `node` owns the partition: nothing where it has it.
    pub(crate) fn cost_at(&self, partition: usize, node: u32) -> i64 {
        if self.homes(partition).contains(&node) { 0 } else { self.cost.get(partition).copied().unwrap_or(0) }
    }
}
