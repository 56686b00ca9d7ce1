//! Clusters and keys that chance chooses.

use core::ops::Range;
use proptest::prelude::*;
use synod_core::NodeId;
use synod_hashring::{Cluster, Node};

/// Nodes with weights, some of them 0, in up to three zones of up to three racks; at least one may own keys.
pub(crate) fn cluster(nodes: Range<usize>) -> impl Strategy<Value = Cluster> {
    let node = (0_u64..7, 0_u8..4, 0_u8..4, 0_u8..12);
    let weights = prop_oneof![Just(true), Just(false)];
    (prop::collection::btree_map(0_u64..40, node, nodes), weights)
        .prop_map(|(nodes, weighted)| {
            let nodes = nodes.into_iter().map(|(id, (weight, zone, rack, draining))| {
                let path = match (zone, rack) {
                    (0, _) => String::new(),
                    (zone, 0) => format!("z{zone}"),
                    (zone, rack) => format!("z{zone}/r{rack}"),
                };
                let weight = if weighted { weight } else { 3 };
                let node = Node::new(NodeId(id)).weighing(weight).within(&path);
                if draining == 0 { node.draining() } else { node }
            });
            Cluster::new(nodes).unwrap()
        })
        .prop_filter("somebody may own keys", |cluster| cluster.owning() > 0)
}

/// Nodes of weight 1, numbered from 1.
pub(crate) fn equal_cluster(nodes: u32) -> Cluster {
    Cluster::equal(nodes)
}

/// Positions.
pub(crate) fn keys(count: usize) -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(any::<u64>(), count)
}

/// The zone of a node.
pub(crate) fn zone(cluster: &Cluster, id: NodeId) -> String {
    cluster
        .find(id)
        .and_then(|node| cluster.node(node))
        .map(|node| node.zone.path().to_owned())
        .unwrap_or_default()
}
