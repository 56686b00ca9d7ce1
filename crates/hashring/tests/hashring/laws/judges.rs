//! Judges of placements: each knows one law, and says what breaks it. `planted.rs` shows that they notice.

use core::panic::AssertUnwindSafe;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::catch_unwind;
use synod_core::NodeId;
use synod_hashring::{Cluster, Node, Placement, Ranges, Spread};

pub(crate) type Verdict = Result<(), String>;

fn fail(told: String) -> Verdict {
    Err(told)
}

/// Whoever owns a key may, is its first candidate, and every node that may own keys is among the candidates.
pub(crate) fn total(placement: &impl Placement, keys: &[u64]) -> Verdict {
    let cluster = placement.cluster();
    for key in keys.iter().copied().chain([0, 1, u64::MAX - 1, u64::MAX, 1 << 63, u64::from(u32::MAX) << 32])
    {
        let node = placement.place(key);
        if cluster.share(node) == 0 {
            return fail(format!("{key} belongs to {node}, who may own nothing"));
        }
        let candidates: Vec<_> = placement.candidates(key).collect();
        if candidates.first() != Some(&node) {
            return fail(format!("{node} owns {key}, and {:?} is asked first", candidates.first()));
        }
        let all: BTreeSet<_> = candidates.into_iter().collect();
        if all != cluster.owners().collect() {
            return fail(format!("some are never asked for {key}: {all:?}"));
        }
    }
    Ok(())
}

/// A placement can be made when one of four nodes weighs nothing or drains, whichever it is, and that node owns nothing then.
pub(crate) fn nothing_is_a_weight<P: Placement>(make: impl Fn(&Cluster) -> P, keys: &[u64]) -> Verdict {
    for id in (1..=4).map(NodeId) {
        for empty in [Node::new(id).weighing(0), Node::new(id).draining()] {
            let told = format!("{empty:?}");
            let cluster = Cluster::equal(4).changed(empty).map_err(|error| error.to_string())?;
            let made = catch_unwind(AssertUnwindSafe(|| make(&cluster)));
            let placement = made.map_err(|_| format!("a panic at {told}"))?;
            total(&placement, keys).map_err(|error| format!("{told}: {error}"))?;
        }
    }
    Ok(())
}

/// Whether the cluster can give the spread, by definition.
pub(crate) fn feasible(cluster: &Cluster, copies: u8, zones: u8, racks: u8) -> bool {
    let owning: Vec<_> = cluster.owners().filter_map(|node| cluster.node(node)).collect();
    let domains = |level| owning.iter().map(|node| node.zone.upto(level)).collect::<BTreeSet<_>>().len();
    copies > 0
        && usize::from(copies) <= owning.len()
        && zones.max(racks) <= copies
        && usize::from(zones) <= domains(1)
        && usize::from(racks) <= domains(2)
}

/// These are the owners of a key under a spread: distinct, in enough zones and racks, the owner first.
pub(crate) fn spread_out(
    placement: &impl Placement,
    key: u64,
    owners: &[NodeId],
    (copies, zones, racks): (u8, u8, u8),
) -> Verdict {
    if owners.first() != Some(&placement.owner(key)) {
        return fail(format!("the owner of {key} is not the first of {owners:?}"));
    }
    if owners.iter().collect::<BTreeSet<_>>().len() != usize::from(copies) {
        return fail(format!("{owners:?} are not {copies} distinct nodes"));
    }
    for (level, wanted) in [(1, zones), (2, racks)] {
        let cluster = placement.cluster();
        let zone = |id: &NodeId| Some(cluster.node(cluster.find(*id)?)?.zone.upto(level));
        let reached = owners.iter().map(zone).collect::<BTreeSet<_>>().len();
        if reached < usize::from(wanted) {
            return fail(format!("{owners:?} are in {reached} domains of level {level}, not {wanted}"));
        }
    }
    Ok(())
}

/// All owners of all keys under a spread, or the refusal that is due.
pub(crate) fn copies(
    placement: &impl Placement,
    keys: &[u64],
    (copies, zones, racks): (u8, u8, u8),
) -> Verdict {
    let spread = Spread::copies(copies).across(1, zones).across(2, racks);
    let feasible = feasible(placement.cluster(), copies, zones, racks);
    for key in keys {
        match placement.owners(*key, spread) {
            Ok(owners) if feasible => {
                let owners: Vec<_> = owners.collect();
                spread_out(placement, *key, &owners, (copies, zones, racks))?;
            }
            Err(_) if !feasible => {}
            answer => {
                return fail(format!(
                    "feasible: {feasible}, and the answer is an error: {}",
                    answer.is_err()
                ));
            }
        }
    }
    Ok(())
}

/// What moves goes to this node alone, or comes from it alone.
pub(crate) fn moves_touch(old: &impl Placement, new: &impl Placement, id: NodeId, keys: &[u64]) -> Verdict {
    for key in keys {
        let (from, to) = (old.owner(*key), new.owner(*key));
        if from != to && from != id && to != id {
            return fail(format!("{key} goes from {from} to {to}, and only {id} has changed"));
        }
    }
    Ok(())
}

/// Owners are those that a sorted map gives: the next point clockwise, and of two at one place the lower identity.
pub(crate) fn clockwise(placement: &impl Placement, points: &[(u64, NodeId)], keys: &[u64]) -> Verdict {
    let mut oracle = BTreeMap::new();
    for (position, id) in points {
        let owner = oracle.entry(*position).or_insert(*id);
        *owner = (*owner).min(*id);
    }
    let edges = points.iter().flat_map(|(at, _)| [at.wrapping_sub(1), *at, at.wrapping_add(1)]);
    for key in keys.iter().copied().chain(edges).chain([0, u64::MAX]) {
        let expected = oracle.range(key..).next().or_else(|| oracle.iter().next());
        if expected.map(|(_, id)| *id) != Some(placement.owner(key)) {
            return fail(format!(
                "{key} belongs to {}, and clockwise comes {expected:?}",
                placement.owner(key)
            ));
        }
    }
    Ok(())
}

/// Ranges ascend, reach the end of the circle, both ends of each belong to whom the range says, and have the same candidates.
pub(crate) fn ranges_tell(placement: &impl Ranges) -> Verdict {
    let mut next = Some(0_u64);
    // All candidates of all ranges would take a quadratic number of steps.
    let every = placement.ranges().count() / 64 + 1;
    for (number, (end, node)) in placement.ranges().enumerate() {
        let Some(start) = next else {
            return fail(format!("a range goes on to {end} behind the end of the circle"));
        };
        if end < start {
            return fail(format!("a range ends at {end} and begins at {start}"));
        }
        for at in [start, end] {
            if placement.place(at) != node {
                return fail(format!("{at} is in a range of {node} and belongs to {}", placement.place(at)));
            }
        }
        let in_order = |position| {
            let mut met = BTreeSet::new();
            placement.candidates(position).filter(move |node| met.insert(*node))
        };
        if number % every == 0 && !in_order(start).eq(in_order(end)) {
            return fail(format!("{start} and {end} are in one range, and others are asked for them"));
        }
        next = end.checked_add(1);
    }
    if next.is_some() { fail(format!("the ranges end before {next:?}")) } else { Ok(()) }
}

/// Whether counts of keys fit the weights: Pearson's chi-square against the normal approximation of its distribution
/// (Wilson and Hilferty 1931), at about six standard deviations, so that a correct placement fails once in a billion runs.
pub(crate) fn fair(placement: &impl Placement, keys: impl Iterator<Item = u64>) -> Verdict {
    let cluster = placement.cluster();
    let mut counts = vec![0_u64; cluster.len()];
    let mut total = 0_u64;
    for key in keys {
        counts[placement.place(key).at()] += 1;
        total += 1;
    }
    let expected = |node: &Node| node.share() as f64 * total as f64 / cluster.weight() as f64;
    let pairs = counts.iter().zip(cluster.nodes()).filter(|(_, node)| node.share() > 0);
    let chi: f64 = pairs.map(|(count, node)| (*count as f64 - expected(node)).powi(2) / expected(node)).sum();
    let freedom = f64::from(cluster.owning()) - 1.0;
    let spread = 2.0 / (9.0 * freedom);
    let deviations = ((chi / freedom).cbrt() - (1.0 - spread)) / spread.sqrt();
    if deviations > 6.0 {
        return fail(format!(
            "chi-square {chi:.1} of {freedom} degrees: {deviations:.1} standard deviations"
        ));
    }
    Ok(())
}
