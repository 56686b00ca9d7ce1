//! The quotas again, for the checker: from the definition of a fair share, not by the planner's way to it.
//!
//! What sets of nodes can hold of one partition together is a rank function `f` (of a matroid): as many copies as its zones may
//! have each, and as many in all as leave a copy for each zone that is still missing. Shares are fair if they are its
//! lexicographically optimal base (Fujishige 1980), of which there is one. A claim is that base if and only if, going through the nodes by
//! what they hold for their weight, least first, the nodes of each level hold together exactly what they add to the rank, and no part of
//! them holds more than it adds (the decomposition theorem). All of a level hold the same for their weight, so that there is one fraction in
//! each comparison, and integers decide.

use super::quota::{NodeQuota, caps};
use super::shape::Shape;
use super::share::{Share, shares};
use super::{Balance, Flaw, Request};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// The quotas of a request. The planner's word is taken for nothing: its shares, and the size at which nodes are full, are claims here.
pub(super) fn quotas(request: &Request) -> Result<Vec<NodeQuota>, Flaw> {
    let cluster = request.cluster();
    let nodes: Vec<_> = cluster.owners().collect();
    let zone: Vec<u32> = nodes.iter().map(|node| request.spread().zone(cluster, *node)).collect();
    let weights: Vec<u64> = nodes.iter().map(|node| cluster.share(*node)).collect();
    let (shape, all) = (request.spread().shape(), request.partitions().len() as u64);
    let mut rooms = alloc::vec![all; nodes.len()];
    let mut fair = Vec::new();
    match request.balanced() {
        Balance::Usable => {
            let size = caps(shape, &zone, &weights, all).0;
            let at = |size: u128| -> Vec<u64> {
                weights
                    .iter()
                    .map(|weight| ((u128::from(*weight) << 32) / size).min(all.into()) as u64)
                    .collect()
            };
            if all > 0 && fits(shape, &zone, &at(size + 1), all) {
                return Err(Flaw::Full { size: (size >> 32) as u64 });
            }
            rooms = at(size);
        }
        Balance::Even | Balance::Within { .. } => {
            fair = shares(shape, &zone, &weights);
            check(shape, &zone, &weights, &fair).map_err(|at| {
                let node = nodes.get(at).map(|node| cluster.id(*node)).unwrap_or_default();
                Flaw::Share { node }
            })?;
        }
        Balance::Quotas(_) => {}
    }
    let mut groups: BTreeMap<u32, u64> = BTreeMap::new();
    for partition in request.partitions() {
        *groups.entry(partition.group).or_default() += 1;
    }
    let mut quotas = Vec::with_capacity(nodes.len() * (groups.len() + 1));
    for (at, node) in nodes.iter().enumerate() {
        let id = cluster.id(*node);
        let share = fair.get(at).copied();
        let of = |partitions: u64| {
            share.map_or((0, partitions), |share| rounded(share, partitions, request.balanced()))
        };
        let (least, most) = match request.balanced() {
            Balance::Quotas(given) => {
                given.get(&id).map_or((0, all), |(least, most)| ((*least).min(all + 1), (*most).min(all)))
            }
            Balance::Usable => (0, rooms.get(at).copied().unwrap_or(all)),
            _ => of(all),
        };
        quotas.push((None, id, least, most));
        quotas.extend(groups.iter().map(|(group, partitions)| {
            let (least, most) = of(*partitions);
            (Some(*group), id, least, most)
        }));
    }
    Ok(quotas)
}

/// The greatest integer that is not above the share less the tolerance, and the least that is not below the share and the tolerance.
fn rounded(share: Share, partitions: u64, balance: &Balance) -> (u64, u64) {
    const MILLION: u128 = 1_000_000;
    let ppm = if let Balance::Within { ppm } = balance { u128::from(*ppm) } else { 0 };
    let exact = u128::from(partitions) * share.num;
    let least = exact * MILLION.saturating_sub(ppm) / (share.den * MILLION);
    let most = (exact * (MILLION + ppm)).div_ceil(share.den * MILLION);
    (least as u64, most.min(partitions.into()) as u64)
}

/// Whether each of so many partitions finds room: the least cut of the network from partitions over zones to rooms. It takes some zones
/// whole, and of the others either what they may have or what they have room for.
fn fits(shape: Shape, zone: &[u32], rooms: &[u64], partitions: u64) -> bool {
    let mut zones: BTreeMap<u32, u128> = BTreeMap::new();
    for (zone, room) in zone.iter().zip(rooms) {
        *zones.entry(*zone).or_default() += u128::from(*room);
    }
    let partitions = u128::from(partitions);
    let wanted = partitions * u128::from(shape.copies);
    let capped: u128 =
        zones.values().map(|room| (*room).min(partitions * u128::from(shape.per_zone_max))).sum();
    let mut rooms: Vec<u128> = zones.into_values().collect();
    rooms.sort_unstable_by_key(|room| Reverse(*room));
    let cut = |whole: u32| {
        let others: u128 = rooms.iter().skip(whole as usize).sum();
        partitions * u128::from(shape.copies - (shape.zones_min - whole)) + others
    };
    capped >= wanted && (0..shape.zones_min).all(|whole| cut(whole) >= wanted)
}

/// What a zone's nodes of the levels so far are, and those of the level at hand.
#[derive(Clone, Copy, Default)]
struct Zone {
    before: u128,
    here: u128,
    weight: u128,
}

/// Whether these shares are the fair ones; where not, a node of the first level that is wrong.
fn check(shape: Shape, zone: &[u32], weights: &[u64], shares: &[Share]) -> Result<(), usize> {
    let copies = u128::from(shape.copies);
    // What each node holds for its weight: `num` copies for a weight of `den`.
    let mut levels: Vec<(u128, u128, usize)> = Vec::with_capacity(weights.len());
    for (at, (weight, share)) in weights.iter().zip(shares).enumerate() {
        let weight = u128::from(*weight);
        let (num, den) = if share.num == share.den { (1, weight) } else { (share.num / weight, share.den) };
        let exact = share.num == share.den || num * weight == share.num;
        if !exact || num == 0 || num > copies || den >> 80 != 0 || num * weight > den {
            return Err(at);
        }
        levels.push((num, den, at));
    }
    if levels.len() != weights.len() || zone.len() != weights.len() {
        return Err(levels.len());
    }
    levels.sort_by(|(a, b, _), (c, d, _)| (a * d).cmp(&(c * b)));
    let mut zones: BTreeMap<u32, Zone> = BTreeMap::new();
    // The rank of all nodes so far, what their zones may have, and how many zones they are in.
    let (mut rank, mut held, mut distinct) = (0, 0, 0);
    let may = |count: u128| count.min(shape.per_zone_max.into());
    let in_all = |distinct: u128| copies - u128::from(shape.zones_min).saturating_sub(distinct);
    for level in levels.chunk_by(|(a, b, _), (c, d, _)| a * d == c * b) {
        let Some((num, den, first)) = level.first().copied() else { continue };
        let mut touched: Vec<u32> = Vec::with_capacity(level.len());
        for (_, _, at) in level {
            let (Some(zone), Some(weight)) = (zone.get(*at), weights.get(*at)) else { return Err(*at) };
            let entry = zones.entry(*zone).or_default();
            entry.here += 1;
            entry.weight += u128::from(*weight);
            touched.push(*zone);
        }
        touched.sort_unstable();
        touched.dedup();
        let of = |zone: &u32| zones.get(zone).copied().unwrap_or_default();
        let adds = |zone: &Zone| may(zone.before + zone.here) - may(zone.before);
        // Parts that fill zones up: each zone by itself, all its nodes of this level or none.
        let over = |zone: Zone| (num * zone.weight).saturating_sub(adds(&zone) * den);
        let fills = touched.iter().map(|zone| over(of(zone))).sum::<u128>() <= (held - rank) * den;
        // Parts that leave too little for the zones that are missing: whole zones, known ones first, then the heaviest.
        let (known, mut new): (Vec<Zone>, Vec<Zone>) =
            touched.iter().map(of).partition(|zone| zone.before > 0);
        new.sort_by_key(|zone| Reverse(zone.weight));
        let mut weight: u128 = known.iter().map(|zone| zone.weight).sum();
        let leaves = |weight: u128, distinct: u128| num * weight + rank * den <= in_all(distinct) * den;
        let mut spreads = known.is_empty() || leaves(weight, distinct);
        let after = distinct + new.len() as u128;
        for (more, zone) in (1..).zip(&new) {
            weight += zone.weight;
            spreads &= leaves(weight, distinct + more);
        }
        held += touched.iter().map(|zone| adds(&of(zone))).sum::<u128>();
        distinct = after;
        let before = rank;
        rank = held.min(in_all(distinct));
        if !fills || !spreads || num * weight != (rank - before) * den {
            return Err(first);
        }
        for zone in touched {
            let entry = zones.entry(zone).or_default();
            *entry = Zone { before: entry.before + entry.here, ..Zone::default() };
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [(u32, u32, u32); 7] =
        [(1, 1, 1), (2, 1, 2), (2, 2, 1), (3, 2, 2), (3, 3, 1), (4, 3, 2), (5, 3, 2)];
    const ZONES: [&[u32]; 4] =
        [&[0, 1, 2, 3, 4], &[0, 0, 1, 1, 2, 2, 3], &[0, 0, 0, 0, 0, 1, 2], &[0, 1, 1, 2, 2, 2, 2]];
    const WEIGHTS: [&[u64]; 4] = [
        &[1; 7],
        &[1, 2, 3, 4, 5, 6, 7],
        &[100, 1, 1, 1, 50, 7, 1],
        &[u64::MAX, 1, u64::MAX, 9, 1, 1 << 40, 3],
    ];

    fn each(mut see: impl FnMut(Shape, &[u32], &[u64], Vec<Share>)) {
        for (copies, zones_min, per_zone_max) in SHAPES {
            let shape = Shape { copies, zones_min, per_zone_max };
            for (zone, weights) in
                ZONES.iter().flat_map(|zone| WEIGHTS.iter().map(move |weights| (zone, weights)))
            {
                let weights = &weights[..zone.len()];
                let places: u32 = {
                    let mut zones: BTreeMap<u32, u32> = BTreeMap::new();
                    zone.iter().for_each(|zone| *zones.entry(*zone).or_default() += 1);
                    zones.values().map(|nodes| (*nodes).min(per_zone_max)).sum()
                };
                if places >= copies {
                    see(shape, zone, weights, shares(shape, zone, weights));
                }
            }
        }
    }

    #[test]
    fn the_shares_that_the_planner_finds_are_fair() {
        let mut seen = 0;
        each(|shape, zone, weights, shares| {
            seen += 1;
            assert_eq!(
                check(shape, zone, weights, &shares),
                Ok(()),
                "{shape:?} {zone:?} {weights:?} {shares:?}"
            );
        });
        assert!(seen > 80, "{seen}");
    }

    /// Planted mistakes: the shares for a node that weighs twice as much, or for another spread.
    #[test]
    fn shares_that_are_fair_for_something_else_are_found() {
        let least = |share: &Share| {
            let (mut a, mut b) = (share.num, share.den);
            while b != 0 {
                (a, b) = (b, a % b);
            }
            (share.num / a, share.den / a)
        };
        let same = |a: &[Share], b: &[Share]| a.iter().map(least).eq(b.iter().map(least));
        let mut planted = 0;
        each(|shape, zone, weights, right| {
            let mut see = |wrong: Vec<Share>| {
                if !same(&wrong, &right) {
                    planted += 1;
                    assert!(
                        check(shape, zone, weights, &wrong).is_err(),
                        "{shape:?} {zone:?} {weights:?} {wrong:?}"
                    );
                }
            };
            for at in 0..weights.len() {
                let mut other = weights.to_vec();
                other[at] = other[at].saturating_mul(2);
                see(shares(shape, zone, &other));
            }
            see(shares(Shape { zones_min: 1, per_zone_max: shape.copies, ..shape }, zone, weights));
            let mut turned = right.clone();
            turned.reverse();
            see(turned);
        });
        assert!(planted > 300, "{planted}");
    }

    #[test]
    fn a_size_at_which_partitions_could_still_grow_is_found() {
        each(|shape, zone, weights, _| {
            let size = caps(shape, zone, weights, 10).0;
            let at = |size: u128| -> Vec<u64> {
                weights.iter().map(|weight| ((u128::from(*weight) << 32) / size).min(10) as u64).collect()
            };
            assert!(fits(shape, zone, &at(size), 10) && !fits(shape, zone, &at(size + 1), 10));
        });
    }
}
