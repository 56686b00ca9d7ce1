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

/// What [`Anchor`], [`Memento`] and [`Dx`] have in common, above their own `occupy` and `vacate`.
macro_rules! set_of_buckets {
    ($name:ident) => {
        impl $name {
            /// A node comes, and takes a bucket if it may own keys. `O(nodes)`.
            ///
            /// # Errors
            /// If it is there already, its weight is neither 0 nor that of the others, or all buckets are in use; nothing has changed then.
            pub fn add(&mut self, node: Node) -> Result<(), PlacementError> {
                let id = node.id;
                self.become_of(self.cluster.with(node)?, id)
            }

            /// A node goes; its keys spread over the others. `O(nodes)`.
            ///
            /// # Errors
            /// If there is no such node, or no other that may own keys; nothing has changed then.
            pub fn remove(&mut self, id: NodeId) -> Result<(), PlacementError> {
                self.become_of(self.cluster.without(id)?, id)
            }

            /// A node is emptied and stays: its keys spread over the others, as if it went. `O(nodes)`.
            /// [`change`](Self::change) brings it back.
            ///
            /// # Errors
            /// If there is no such node, or no other that may own keys; nothing has changed then.
            pub fn drain(&mut self, id: NodeId) -> Result<(), PlacementError> {
                let node = self.cluster.find(id).and_then(|node| self.cluster.node(node));
                let node = node.ok_or(crate::ClusterError::Unknown { id })?.clone();
                self.change(node.draining())
            }

            /// Another description of a node. If it drains or weighs nothing now, its keys go as if it went; if it did and does not any
            /// more, it takes a bucket as if it came. `O(nodes)`.
            ///
            /// # Errors
            /// If there is no such node, or as [`add`](Self::add) and [`remove`](Self::remove); nothing has changed then.
            pub fn change(&mut self, node: Node) -> Result<(), PlacementError> {
                let id = node.id;
                self.become_of(self.cluster.changed(node)?, id)
            }

            /// Goes on with a cluster that differs in this node alone.
            fn become_of(&mut self, cluster: Cluster, id: NodeId) -> Result<(), PlacementError> {
                if cluster.owning() == 0 {
                    return Err(PlacementError::Nobody);
                }
                crate::jump::check_weights(&cluster, stringify!($name))?;
                let owns = |cluster: &Cluster| cluster.find(id).is_some_and(|node| cluster.share(node) > 0);
                match (owns(&self.cluster), owns(&cluster)) {
                    (false, true) => self.occupy(id)?,
                    (true, false) => self.vacate(id),
                    _ => {}
                }
                self.names.refresh(&cluster);
                self.cluster = cluster;
                Ok(())
            }
        }
    };
}
use set_of_buckets;

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
