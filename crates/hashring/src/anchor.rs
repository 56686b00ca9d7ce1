//! Sets of buckets from which any may go: Anchor and Memento remember in which order, Dx does not care.

mod anchored;
mod dx;
mod memento;

pub use anchored::Anchor;
pub use dx::Dx;
pub use memento::Memento;

use crate::{Cluster, NodeIx, PlacementError};
use alloc::vec::Vec;
use synod_core::NodeId;

/// The most buckets of a set.
pub const BUCKETS_MAX: u32 = 1 << 24;

/// Which node each bucket is or was last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Names {
    ids: Vec<Option<NodeId>>,
    /// The same in the present cluster; meaningless where the bucket is empty.
    nodes: Vec<NodeIx>,
}

impl Names {
    fn new(cluster: &Cluster, capacity: usize) -> Self {
        let mut ids: Vec<_> = cluster.owners().map(|node| Some(cluster.id(node))).collect();
        ids.resize(capacity, None);
        let mut names = Self { ids, nodes: Vec::new() };
        names.refresh(cluster);
        names
    }

    fn refresh(&mut self, cluster: &Cluster) {
        let node = |id: &Option<NodeId>| id.and_then(|id| cluster.find(id)).unwrap_or(NodeIx(0));
        self.nodes = self.ids.iter().map(node).collect();
    }

    #[inline]
    fn node(&self, bucket: u32) -> NodeIx {
        self.nodes.get(bucket as usize).copied().unwrap_or(NodeIx(0))
    }

    fn bucket(&self, id: NodeId) -> Option<u32> {
        self.ids.iter().position(|other| *other == Some(id)).map(|bucket| bucket as u32)
    }

    fn set(&mut self, bucket: u32, id: Option<NodeId>) {
        if let Some(place) = self.ids.get_mut(bucket as usize) {
            *place = id;
        }
    }
}

fn check_capacity(cluster: &Cluster, capacity: u32, algorithm: &'static str) -> Result<(), PlacementError> {
    if cluster.owning() == 0 {
        return Err(PlacementError::Nobody);
    }
    crate::jump::check_weights(cluster, algorithm)?;
    if capacity < cluster.owning() || capacity > BUCKETS_MAX {
        return Err(PlacementError::Range {
            what: "the capacity",
            given: capacity.into(),
            min: cluster.owning().into(),
            max: BUCKETS_MAX.into(),
        });
    }
    Ok(())
}
