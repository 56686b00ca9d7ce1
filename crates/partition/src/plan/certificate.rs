//! The proof that no plan is cheaper, and the small checker of it, which trusts nothing that the planner has found.

use super::quota::NodeQuota;
use super::{Assignment, Request, fairness};
use crate::PartitionId;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use synod_core::NodeId;

/// Prices at which the data set could not be owned more cheaply: the dual of the flow.
///
/// A node has a price for its replicas of each group. Take any assignment that keeps the spread and the quotas. Charge each partition its
/// transfers and the prices of its owners, and pay the prices back to the nodes. What they are paid back is at most `price × upper quota`
/// (or `× lower quota`, where the price is negative); what a partition is charged is at least what its cheapest owners would be. So
/// no assignment costs less than the sum of the latter minus the sum of the former: the *bound*. An assignment that costs exactly
/// the bound is optimal, and to see that takes neither the search nor trust in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Certificate {
    /// The price of a replica on each node, whatever its group.
    pub nodes: BTreeMap<NodeId, i64>,
    /// The price of a replica of a group on a node, the node's own price included; where it differs from that.
    #[cfg_attr(feature = "serde", serde(default, with = "pairs"))]
    pub groups: BTreeMap<(u32, NodeId), i64>,
}

/// A map with composite keys as a list: JSON knows text keys alone.
#[cfg(feature = "serde")]
mod pairs {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;
    use serde::{Deserialize, Deserializer, Serializer};
    use synod_core::NodeId;

    type Prices = BTreeMap<(u32, NodeId), i64>;

    pub(super) fn serialize<S: Serializer>(prices: &Prices, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(prices.iter().map(|((group, node), price)| (*group, *node, *price)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Prices, D::Error> {
        let list = Vec::<(u32, NodeId, i64)>::deserialize(from)?;
        Ok(list.into_iter().map(|(group, node, price)| ((group, node), price)).collect())
    }
}

/// What the checker found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Proof {
    /// What the assignment costs.
    pub cost: i128,
    /// No assignment costs less than this.
    pub bound: i128,
}

impl Proof {
    /// Whether no assignment is cheaper.
    #[must_use]
    pub const fn is_optimal(&self) -> bool {
        self.cost == self.bound
    }
}

/// An assignment that breaks what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// A partition is missing, or there is one more.
    #[error("{partition} is not assigned exactly once: the plan belongs to another request")]
    Partitions {
        /// Which one.
        partition: PartitionId,
    },
    /// Too many or too few owners, one of them twice, or a stranger, or one that may own nothing.
    #[error("the owners of {partition} are not {copies} different nodes that may own something")]
    Owners {
        /// Which one.
        partition: PartitionId,
        /// How many there should be.
        copies: u8,
    },
    /// The owners stand too close together.
    #[error("the owners of {partition} are not spread over the zones as was asked for")]
    Spread {
        /// Which one.
        partition: PartitionId,
    },
    /// A node has more or less than its quota.
    #[error("{node} has {replicas} replicas, and its quota is {least} to {most}")]
    Quota {
        /// Which one.
        node: NodeId,
        /// How many it has, of one group or in all.
        replicas: u64,
        /// Its lower quota.
        least: u64,
        /// Its upper quota.
        most: u64,
    },
    /// A share that is not the fair one: a mistake of this crate, which the planner makes and the checker finds.
    #[error("the share of {node} is not fair by definition: please report this request")]
    Share {
        /// Of which node.
        node: NodeId,
    },
    /// Partitions could be larger than the planner says: a mistake of this crate too.
    #[error("partitions could be larger than {size} before a node is full: please report this request")]
    Full {
        /// What the planner says.
        size: u64,
    },
}

/// Checks an assignment against a request, and what its certificate proves. `O(P (r + Z) log (r + Z) + G n log n)`, and some 300 lines that
/// know neither flows nor paths. Quotas too are verified from their definition, in integers: the fair shares that the planner found
/// are a claim like everything else ([`Flaw::Share`]).
///
/// # Errors
/// The first thing that was asked for and is not so.
pub fn verify(request: &Request, assignment: &Assignment, certificate: &Certificate) -> Result<Proof, Flaw> {
    let quotas = fairness::quotas(request)?;
    let cost = feasible(request, assignment, &quotas)?;
    Ok(Proof { cost, bound: bound(request, certificate, &quotas) })
}

/// Whether everything that was asked for holds; what the transfers cost.
fn feasible(request: &Request, assignment: &Assignment, quotas: &[NodeQuota]) -> Result<i128, Flaw> {
    let (cluster, spread) = (request.cluster(), request.spread());
    let mut replicas: BTreeMap<(Option<u32>, NodeId), u64> = BTreeMap::new();
    let mut cost = 0;
    let mut seen = 0;
    for partition in request.partitions() {
        let id = partition.id;
        let owners = assignment.owners(id).ok_or(Flaw::Partitions { partition: id })?;
        seen += 1;
        let mut zones: BTreeMap<u32, u8> = BTreeMap::new();
        let mut different: Vec<NodeId> = owners.to_vec();
        different.sort_unstable();
        different.dedup();
        if different.len() != usize::from(spread.copies()) || owners.len() != different.len() {
            return Err(Flaw::Owners { partition: id, copies: spread.copies() });
        }
        for owner in owners {
            let ix = cluster.find(*owner).filter(|ix| cluster.share(*ix) > 0);
            let ix = ix.ok_or(Flaw::Owners { partition: id, copies: spread.copies() })?;
            *zones.entry(spread.zone(cluster, ix)).or_default() += 1;
            *replicas.entry((Some(partition.group), *owner)).or_default() += 1;
            *replicas.entry((None, *owner)).or_default() += 1;
            if !partition.owners.contains(owner) {
                cost += i128::from(request.cost(partition));
            }
        }
        if zones.len() < usize::from(spread.zones()) || zones.values().any(|count| *count > spread.per_zone())
        {
            return Err(Flaw::Spread { partition: id });
        }
    }
    if let Some(more) = assignment.iter().map(|(id, _)| id).nth(seen) {
        return Err(Flaw::Partitions { partition: more });
    }
    for (group, node, least, most) in quotas.iter().copied() {
        let replicas = replicas.get(&(group, node)).copied().unwrap_or(0);
        if !(least..=most).contains(&replicas) {
            return Err(Flaw::Quota { node, replicas, least, most });
        }
    }
    Ok(cost)
}

/// A node and what a replica of a group costs on it.
type Priced = (i64, NodeId);

/// What every assignment costs at least.
fn bound(request: &Request, certificate: &Certificate, quotas: &[NodeQuota]) -> i128 {
    let of_node = |node: NodeId| certificate.nodes.get(&node).copied().unwrap_or(0);
    let of_group =
        |group: u32, node: NodeId| certificate.groups.get(&(group, node)).copied().unwrap_or(of_node(node));
    let paid = |price: i128, least: u64, most: u64| price * i128::from(if price > 0 { most } else { least });
    let mut bound = 0_i128;
    for (group, node, least, most) in quotas.iter().copied() {
        bound -= match group {
            None => paid(i128::from(of_node(node)), least, most),
            Some(group) => paid(i128::from(of_group(group, node)) - i128::from(of_node(node)), least, most),
        };
    }
    let (cluster, spread) = (request.cluster(), request.spread());
    // For each group and zone the nodes, cheapest first.
    let mut cheapest: BTreeMap<u32, Vec<(u32, Vec<Priced>)>> = BTreeMap::new();
    for group in request.partitions().iter().map(|partition| partition.group) {
        cheapest.entry(group).or_insert_with(|| {
            let mut zones: BTreeMap<u32, Vec<(i64, NodeId)>> = BTreeMap::new();
            for ix in cluster.owners() {
                let node = cluster.id(ix);
                zones.entry(spread.zone(cluster, ix)).or_default().push((of_group(group, node), node));
            }
            zones.values_mut().for_each(|nodes| nodes.sort_unstable());
            zones.into_iter().collect()
        });
    }
    let mut options: Vec<(i128, u32, NodeId)> = Vec::new();
    let mut used: Vec<(u32, u8)> = vec![];
    for partition in request.partitions() {
        options.clear();
        let cost = i128::from(request.cost(partition));
        for owner in &partition.owners {
            if let Some(ix) = cluster.find(*owner).filter(|ix| cluster.share(*ix) > 0) {
                let price = i128::from(of_group(partition.group, *owner));
                options.push((price, spread.zone(cluster, ix), *owner));
            }
        }
        for (zone, nodes) in cheapest.get(&partition.group).into_iter().flatten() {
            let others = nodes.iter().filter(|(_, node)| !partition.owners.contains(node));
            let enough = others.take(spread.per_zone().into());
            options.extend(enough.map(|(price, node)| (i128::from(*price) + cost, *zone, *node)));
        }
        options.sort_unstable();
        options.dedup();
        // The cheapest that may stand together: greedy is right, since these sets are a matroid's.
        used.clear();
        let mut missing = (spread.copies(), spread.zones());
        for (price, zone, _) in &options {
            let here = used.iter().position(|(known, _)| known == zone);
            let there = here.and_then(|at| used.get(at)).map_or(0, |(_, count)| *count);
            let after = (missing.0.wrapping_sub(1), missing.1.saturating_sub(u8::from(there == 0)));
            if missing.0 == 0 || there >= spread.per_zone() || after.0 < after.1 {
                continue;
            }
            match here.and_then(|at| used.get_mut(at)) {
                Some((_, count)) => *count += 1,
                None => used.push((*zone, 1)),
            }
            missing = after;
            bound += price;
        }
    }
    bound
}
