//! The fair share of each node: what it would hold if replicas could be cut into pieces.
//!
//! Shares are proportional to weight as far as the spread allows: no node holds a partition twice, no zone more copies of it than it
//! may. Where that binds, the shares are the lexicographically optimal base of the spread's polymatroid (Fujishige 1980): nobody's
//! part can grow except at the cost of somebody who has no more for its weight. Exact, in fractions.

use super::shape::Shape;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// What a node holds of one partition on average: `num / den`, at most 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(super) num: u128,
    pub(super) den: u128,
}

impl Share {
    const WHOLE: Self = Self { num: 1, den: 1 };

    /// The share of so many partitions, rounded down.
    pub(crate) fn floor(self, partitions: u64) -> u64 {
        (u128::from(partitions) * self.num / self.den) as u64
    }

    /// The same rounded up.
    pub(crate) fn ceil(self, partitions: u64) -> u64 {
        (u128::from(partitions) * self.num).div_ceil(self.den) as u64
    }

    /// Rounded down after being made smaller by so many millionths, or up after being made larger.
    pub(crate) fn within(self, partitions: u64, ppm: u32) -> (u64, u64) {
        let scale = |ppm: u128| Self { num: self.num * ppm, den: self.den * 1_000_000 };
        let (less, more) = (1_000_000_u128.saturating_sub(ppm.into()), 1_000_000 + u128::from(ppm));
        (scale(less).floor(partitions), scale(more).ceil(partitions).min(partitions))
    }
}

/// A node that may own something.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    at: usize,
    zone: u32,
    weight: u64,
}

/// The share of each node in a partition; they add up to the number of copies. `weights` are above 0, and `zone` says where each node
/// stands. The spread must be feasible. `O(n²)` at worst, mostly `O(n log n)`.
pub(crate) fn shares(shape: Shape, zone: &[u32], weights: &[u64]) -> Vec<Share> {
    let mut shares = alloc::vec![Share::WHOLE; weights.len()];
    let all = zone.iter().zip(weights).enumerate();
    let mut nodes: Vec<_> =
        all.map(|(at, (zone, weight))| Candidate { at, zone: *zone, weight: *weight }).collect();
    nodes.sort_by_key(|node| (node.zone, node.at));
    let zones: Vec<&[Candidate]> = nodes.chunk_by(|a, b| a.zone == b.zone).collect();
    divide(zones, shape.copies, shape.zones_min, shape.per_zone_max, &mut shares);
    shares
}

/// Divides `copies` among `zones`, of which at least `zones_min` must get something.
fn divide(mut zones: Vec<&[Candidate]>, copies: u32, zones_min: u32, per_zone: u32, shares: &mut [Share]) {
    let mut scratch = shares.to_vec();
    let (totals, den) = fill(&zones, copies, per_zone, &mut scratch);
    // The fullest zones first; ties by their numbers.
    let mut fullest: Vec<(u128, &[Candidate])> = totals.into_iter().zip(zones).collect();
    fullest.sort_by_key(|(total, _)| Reverse(*total));
    // The b fullest may hold copies − (zones_min − b) together: the others need the rest. Where they hold more, they are
    // given exactly that, and the others divide what is left.
    let mut sum = 0;
    let mut worst: Option<(u128, u128, usize)> = None;
    for (b, (total, _)) in (1..).zip(&fullest).take(zones_min.saturating_sub(1) as usize) {
        sum += total;
        let allowed = u128::from(copies - zones_min + b);
        if sum > allowed * den && worst.is_none_or(|(least, most, _)| allowed * most < least * sum) {
            worst = Some((allowed, sum, b as usize));
        }
    }
    zones = fullest.into_iter().map(|(_, zone)| zone).collect();
    let Some((.., b)) = worst else {
        for node in zones.into_iter().flatten() {
            if let (Some(share), Some(found)) = (shares.get_mut(node.at), scratch.get(node.at)) {
                *share = *found;
            }
        }
        return;
    };
    let rest = zones.split_off(b);
    let few = b as u32;
    divide(zones, copies - zones_min + few, few, per_zone, shares);
    divide(rest, zones_min - few, zones_min - few, per_zone, shares);
}

/// Divides `copies` by weight, with at most 1 for a node and `per_zone` for a zone. Says what each zone holds, as a fraction: numerators,
/// and the denominator of all.
fn fill(zones: &[&[Candidate]], copies: u32, per_zone: u32, shares: &mut [Share]) -> (Vec<u128>, u128) {
    // Zones that hold all they may divide it among themselves; the others share one rate, copies a weight.
    let mut open: Vec<&[Candidate]> = zones.to_vec();
    let mut left = u128::from(copies);
    let most = |zone: &[Candidate]| u128::from(per_zone).min(zone.len() as u128);
    let mut closed = alloc::vec![false; zones.len()];
    loop {
        let (rate, _) = rate(open.iter().copied().flatten(), left);
        let full = |zone: &[Candidate]| exceeds(zone, rate, per_zone);
        let closing: Vec<&[Candidate]> = open.iter().copied().filter(|zone| full(zone)).collect();
        if closing.is_empty() {
            apply(open.iter().copied().flatten(), left, shares);
            let (num, den) = rate;
            let part = |node: &Candidate| (u128::from(node.weight) * num).min(den);
            let total = |(zone, closed): (&&[Candidate], &bool)| {
                if *closed { most(zone) * den } else { zone.iter().map(part).sum() }
            };
            return (zones.iter().zip(&closed).map(total).collect(), den);
        }
        for zone in &closing {
            apply(zone.iter(), most(zone), shares);
            left = left.saturating_sub(most(zone));
        }
        for (closed, zone) in closed.iter_mut().zip(zones) {
            *closed = *closed || full(zone) && closing.iter().any(|closing| core::ptr::eq(*closing, *zone));
        }
        open.retain(|zone| !full(zone));
        if open.is_empty() {
            return (zones.iter().map(|zone| most(zone)).collect(), 1);
        }
    }
}

/// Whether a zone would hold as much as it may, or more, at this rate (`num` copies for a weight of `den`).
fn exceeds(zone: &[Candidate], (num, den): (u128, u128), per_zone: u32) -> bool {
    let whole = |node: &&Candidate| u128::from(node.weight) * num >= den;
    let capped = zone.iter().filter(whole).count() as u128;
    let free: u128 = zone.iter().filter(|node| !whole(node)).map(|node| u128::from(node.weight)).sum();
    capped * den + free * num >= u128::from(per_zone) * den
}

/// The rate at which these nodes take `copies`, with at most 1 for each, and how many of them take 1.
fn rate<'a>(nodes: impl Iterator<Item = &'a Candidate>, copies: u128) -> ((u128, u128), usize) {
    let mut weights: Vec<u64> = nodes.map(|node| node.weight).collect();
    weights.sort_unstable_by(|a, b| b.cmp(a));
    let mut free: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    for (capped, weight) in weights.iter().enumerate() {
        let left = copies.saturating_sub(capped as u128);
        if u128::from(*weight) * left <= free {
            return ((left, free), capped);
        }
        free -= u128::from(*weight);
    }
    ((1, 1), weights.len())
}

fn apply<'a>(nodes: impl Iterator<Item = &'a Candidate> + Clone, copies: u128, shares: &mut [Share]) {
    let ((num, den), _) = rate(nodes.clone(), copies);
    for node in nodes {
        let part = u128::from(node.weight) * num;
        if let Some(share) = shares.get_mut(node.at) {
            *share = if part >= den { Share::WHOLE } else { Share { num: part, den } };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(copies: u32, zones_min: u32, per_zone_max: u32, zone: &[u32], weights: &[u64]) -> Vec<u64> {
        let shape = Shape { copies, zones_min, per_zone_max };
        shares(shape, zone, weights).into_iter().map(|share| share.floor(1_000)).collect()
    }

    #[test]
    fn shares_follow_the_weights_until_a_node_would_hold_a_partition_twice() {
        assert_eq!(of(2, 1, 2, &[0; 4], &[1, 1, 1, 1]), [500; 4]);
        assert_eq!(of(2, 1, 2, &[0; 3], &[1, 1, 2]), [500, 500, 1_000]);
        assert_eq!(of(2, 1, 2, &[0; 4], &[1, 1, 2, 8]), [250, 250, 500, 1_000]);
        assert_eq!(of(3, 1, 3, &[0; 3], &[1, 100, 9]), [1_000; 3]);
    }

    #[test]
    fn zones_hold_what_they_may_and_divide_it_by_weight() {
        // A zone for each copy: a quarter of the weight holds a third of the data.
        assert_eq!(of(3, 3, 1, &[0, 1, 1, 2, 2], &[1, 1, 2, 2, 2]), [1_000, 333, 666, 500, 500]);
        // Two zones at least: the large one holds two copies of three.
        assert_eq!(of(3, 2, 3, &[0, 0, 0, 1], &[2, 1, 1, 1]), [1_000, 500, 500, 1_000]);
        // At most two in a zone, and the others take their part by weight.
        assert_eq!(of(3, 1, 2, &[0, 0, 0, 0, 1, 2], &[4, 4, 4, 4, 1, 3]), [500, 500, 500, 500, 250, 750]);
    }

    #[test]
    fn two_fat_zones_leave_something_for_a_third() {
        // Three zones at least of four copies: two may hold three together.
        assert_eq!(of(4, 3, 4, &[0, 0, 1, 1, 2, 3], &[5, 5, 5, 5, 1, 3]), [750, 750, 750, 750, 250, 750]);
    }
}
