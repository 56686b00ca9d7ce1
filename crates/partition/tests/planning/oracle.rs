//! The least cost by trying everything, for small requests.

use std::collections::BTreeMap;
use synod_core::NodeId;
use synod_hashring::Cluster;
use synod_partition::Request;

/// Tries every assignment of every partition, remembering for each vector of loads the least cost so far. `quota` says how many replicas a
/// node may have of a group (or of all).
pub(crate) fn least(request: &Request, quota: impl Fn(Option<u32>, NodeId) -> (u64, u64)) -> Option<i128> {
    let cluster = request.cluster();
    let nodes: Vec<NodeId> = cluster.owners().map(|ix| cluster.id(ix)).collect();
    let groups: Vec<u32> = {
        let mut groups: Vec<u32> = request.partitions().iter().map(|p| p.group).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    };
    let sets = sets(request, cluster, &nodes);
    let mut reached: BTreeMap<Vec<u8>, i128> = BTreeMap::from([(vec![0; nodes.len() * groups.len()], 0)]);
    for partition in request.partitions() {
        let base = groups.binary_search(&partition.group).unwrap() * nodes.len();
        let mut next = BTreeMap::new();
        for (loads, cost) in &reached {
            for set in &sets {
                let new = set.iter().filter(|at| !partition.owners.contains(&nodes[**at])).count();
                let cost = cost + i128::from(request.cost(partition)) * new as i128;
                let mut loads = loads.clone();
                set.iter().for_each(|at| loads[base + at] += 1);
                let best = next.entry(loads).or_insert(cost);
                *best = cost.min(*best);
            }
        }
        reached = next;
    }
    let keeps = |loads: &Vec<u8>| {
        (0..nodes.len()).all(|at| {
            let of = |group: usize| u64::from(loads[group * nodes.len() + at]);
            let within = |load: u64, (least, most)| (least..=most).contains(&load);
            within((0..groups.len()).map(of).sum(), quota(None, nodes[at]))
                && (0..groups.len()).all(|group| within(of(group), quota(Some(groups[group]), nodes[at])))
        })
    };
    reached.into_iter().filter(|(loads, _)| keeps(loads)).map(|(_, cost)| cost).min()
}

/// All sets of owners that the spread allows.
fn sets(request: &Request, cluster: &Cluster, nodes: &[NodeId]) -> Vec<Vec<usize>> {
    let spread = request.spread();
    let allowed = |set: &Vec<usize>| {
        let mut zones: BTreeMap<&str, u8> = BTreeMap::new();
        for at in set {
            let ix = cluster.find(nodes[*at]).unwrap();
            *zones.entry(cluster.node(ix).unwrap().zone.upto(1)).or_default() += 1;
        }
        set.len() == usize::from(spread.copies())
            && zones.len() >= usize::from(spread.zones())
            && zones.values().all(|count| *count <= spread.per_zone())
    };
    let set = |bits: u32| (0..nodes.len()).filter(|at| bits & (1 << at) != 0).collect();
    (0..1_u32 << nodes.len()).map(set).filter(allowed).collect()
}
