//! Plans: what they promise, and what others got wrong.
#![cfg(test)]

mod certificates;
mod optimal;
mod oracle;
mod published;
mod steps;

use synod_core::NodeId;
use synod_hashring::{Cluster, Node};
use synod_partition::{Plan, Proof, Request, verify};

/// Nodes 1, 2, … of these weights in these zones.
pub(crate) fn cluster(nodes: &[(u64, &str)]) -> Cluster {
    let node =
        |(id, (weight, zone)): (u64, &(u64, &str))| Node::new(NodeId(id)).weighing(*weight).within(zone);
    Cluster::new((1..).zip(nodes).map(node)).unwrap()
}

/// Plans, and sees it certified.
pub(crate) fn certified(request: &Request) -> Plan {
    let plan = request.plan().unwrap();
    let proof = verify(request, &plan.assignment, &plan.certificate).unwrap();
    assert_eq!(proof, Proof { cost: plan.cost, bound: plan.cost }, "{request:?}");
    plan
}
