//! From owners to owners, one exchange at a time.

use super::shape::Counts;
use super::{Assignment, Partition, Request};
use crate::PartitionId;
use alloc::vec::Vec;
use synod_core::NodeId;

/// One replica moves, is made, or is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Move {
    /// Which partition.
    pub partition: PartitionId,
    /// Who gives it up once `to` has it; `None` where a copy was missing.
    pub from: Option<NodeId>,
    /// Who gets it; `None` where there was a copy too many.
    pub to: Option<NodeId>,
    /// How much is copied.
    pub size: u64,
}

/// Puts whoever stays where it was, so that a leader stays leader, and the others into the gaps.
pub(crate) fn in_place(before: &[NodeId], owners: &mut Vec<NodeId>) {
    let mut new: Vec<NodeId> = owners.iter().copied().filter(|owner| !before.contains(owner)).collect();
    new.sort_unstable();
    let mut new = new.into_iter();
    let mut placed = Vec::with_capacity(owners.len());
    for old in before {
        if placed.len() == owners.len() {
            break;
        }
        if owners.contains(old) {
            if !placed.contains(old) {
                placed.push(*old);
            }
        } else if let Some(next) = new.next() {
            placed.push(next);
        }
    }
    placed.extend(new);
    *owners = placed;
}

/// The exchanges that lead from the owners that the request names to those of the assignment.
pub(crate) fn moves(request: &Request, assignment: &Assignment) -> Vec<Move> {
    let mut moves = Vec::new();
    for partition in request.partitions() {
        exchanges(request, partition, assignment.owners(partition.id).unwrap_or_default(), &mut moves);
    }
    moves
}

/// The moves of one partition. Missing copies are made first, surplus ones dropped last. What is between goes one by one, such that a
/// partition that was spread stays so: the exchange property of the matroid says that there is always a next one.
fn exchanges(request: &Request, partition: &Partition, target: &[NodeId], moves: &mut Vec<Move>) {
    let mut now = partition.owners.clone();
    now.sort_unstable();
    now.dedup();
    let mut new: Vec<NodeId> = target.iter().copied().filter(|node| !now.contains(node)).collect();
    let mut old: Vec<NodeId> = now.iter().copied().filter(|node| !target.contains(node)).collect();
    let (cluster, spread) = (request.cluster(), request.spread());
    let zone = |node: NodeId| cluster.find(node).map(|ix| spread.zone(cluster, ix));
    // Nodes that are gone, and then those that are emptied, give up first.
    old.sort_by_key(|node| {
        (zone(*node).is_some(), cluster.find(*node).is_some_and(|ix| cluster.share(ix) > 0), *node)
    });
    let (id, size) = (partition.id, partition.size);
    let alive = |node: &NodeId| zone(*node).is_some();
    while now.iter().filter(|node| alive(node)).count() < target.len() && !new.is_empty() {
        let to = new.remove(0);
        let from = old.first().copied().filter(|node| !alive(node));
        if from.is_some() {
            old.remove(0);
        }
        now.retain(|node| Some(*node) != from);
        now.push(to);
        moves.push(Move { partition: id, from, to: Some(to), size });
    }
    while !new.is_empty() {
        let keeps = |from: NodeId, to: NodeId| {
            let left = now.iter().copied().filter(|node| *node != from).chain([to]);
            let counts = Counts::of(left.filter_map(zone));
            counts.total() > request.spread().copies().into() || request.spread().shape().holds(&counts)
        };
        let pairs = || old.iter().flat_map(|from| new.iter().map(move |to| (*from, *to)));
        let same_zone = pairs().find(|(from, to)| zone(*from) == zone(*to) && keeps(*from, *to));
        let pair =
            same_zone.or_else(|| pairs().find(|(from, to)| keeps(*from, *to))).or_else(|| pairs().next());
        let Some((from, to)) = pair else { break };
        old.retain(|node| *node != from);
        new.retain(|node| *node != to);
        now.retain(|node| *node != from);
        now.push(to);
        moves.push(Move { partition: id, from: Some(from), to: Some(to), size });
    }
    moves.extend(new.into_iter().map(|to| Move { partition: id, from: None, to: Some(to), size }));
    moves.extend(old.into_iter().map(|from| Move { partition: id, from: Some(from), to: None, size: 0 }));
}
