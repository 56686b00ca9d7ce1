//! How many replicas a node may have: the balance that was asked for, in whole numbers.

use super::shape::Shape;
use super::share::{Share, shares};
use super::{Balance, Request};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use synod_core::NodeId;

/// Between how many and how many replicas of a group (or of all) a node has.
pub(crate) type NodeQuota = (Option<u32>, NodeId, u64, u64);

/// The quotas: for each node its own, and one for each group where groups are balanced too.
pub(crate) fn quotas(request: &Request) -> Vec<NodeQuota> {
    let cluster = request.cluster();
    let nodes: Vec<_> = cluster.owners().collect();
    let zone: Vec<u32> = nodes.iter().map(|node| request.spread().zone(cluster, *node)).collect();
    let weights: Vec<u64> = nodes.iter().map(|node| cluster.share(*node)).collect();
    let shape = request.spread().shape();
    let mut groups: BTreeMap<u32, u64> = BTreeMap::new();
    for partition in request.partitions() {
        *groups.entry(partition.group).or_default() += 1;
    }
    let all = request.partitions().len() as u64;
    let shares = shares(shape, &zone, &weights);
    let within = |share: Share, partitions: u64| match request.balanced() {
        Balance::Even => (share.floor(partitions), share.ceil(partitions)),
        Balance::Within { ppm } => share.within(partitions, *ppm),
        Balance::Usable | Balance::Quotas(_) => (0, partitions),
    };
    let most = match request.balanced() {
        Balance::Usable => caps(shape, &zone, &weights, all).1,
        _ => Vec::new(),
    };
    let mut quotas = Vec::with_capacity(nodes.len() * (groups.len() + 1));
    for (at, (node, share)) in nodes.iter().zip(&shares).enumerate() {
        let id = cluster.id(*node);
        let (least, usual) = match request.balanced() {
            Balance::Quotas(given) => {
                given.get(&id).map_or((0, all), |(least, most)| ((*least).min(all + 1), (*most).min(all)))
            }
            _ => within(*share, all),
        };
        quotas.push((None, id, least, most.get(at).copied().unwrap_or(usual)));
        for (group, partitions) in &groups {
            let (least, most) = within(*share, *partitions);
            quotas.push((Some(*group), id, least, most));
        }
    }
    quotas
}

/// The greatest size of a partition, in the unit of the weights and in 2⁻³² of it, at which all replicas fit, and how many replicas of
/// that size fit on each node.
pub(crate) fn caps(shape: Shape, zone: &[u32], weights: &[u64], partitions: u64) -> (u128, Vec<u64>) {
    let at = |size: u128| -> Vec<u64> {
        let fit = |weight: &u64| ((u128::from(*weight) << 32) / size).min(partitions.into()) as u64;
        weights.iter().map(fit).collect()
    };
    let (mut fits, mut too_large) = (1_u128, 1_u128 << 97);
    while too_large - fits > 1 {
        let middle = fits + (too_large - fits) / 2;
        if holds_all(shape, zone, &at(middle), partitions) { fits = middle } else { too_large = middle }
    }
    (fits, at(fits))
}

/// Whether nodes with room for so many replicas can hold them all: the rank of the spread's polymatroid, cut off at the rooms.
fn holds_all(shape: Shape, zone: &[u32], rooms: &[u64], partitions: u64) -> bool {
    let mut zones: BTreeMap<u32, u128> = BTreeMap::new();
    for (zone, room) in zone.iter().zip(rooms) {
        *zones.entry(*zone).or_default() += u128::from(*room);
    }
    let partitions = u128::from(partitions);
    let capped = |room: &u128| (*room).min(partitions * u128::from(shape.per_zone_max));
    if zones.values().map(capped).sum::<u128>() < partitions * u128::from(shape.copies) {
        return false;
    }
    // Whatever b zones hold, the others must hold a copy of each partition in as many zones as are missing.
    let mut rooms: Vec<u128> = zones.into_values().collect();
    rooms.sort_unstable();
    let mut others: u128 = rooms.iter().sum();
    for missing in (1..=u128::from(shape.zones_min)).rev() {
        if others < partitions * missing {
            return false;
        }
        others -= rooms.pop().unwrap_or(0);
    }
    true
}
