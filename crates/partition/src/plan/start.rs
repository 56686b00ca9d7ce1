//! Where the search begins: everybody keeps what it has, the overfull give away their cheapest, whoever has room takes.
//!
//! The search may begin at any prices, as long as every partition has its cheapest owners at these. So the prices of overfull
//! nodes are guessed (the cost of the dearest partition that must leave), and in most clusters nearly nothing is left to search.

#![expect(
    clippy::indexing_slicing,
    reason = "buckets and partitions are numbers of the instance, and each array has one entry for each"
)]

use super::instance::Instance;
use super::shape::Counts;
use alloc::collections::BinaryHeap;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Owners, and a price for each bucket at which they are the cheapest.
pub(crate) struct Start {
    pub(crate) owners: Vec<u32>,
    pub(crate) price: Vec<i64>,
}

/// A node that a partition could move to, in the order in which it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    /// Cost and price together.
    total: i64,
    /// Whoever stays comes first, whoever should leave last.
    class: u8,
    /// How full it is, in millionths of what it may hold.
    filled: u64,
    node: u32,
}

/// Makes a start. `O(P (r log n + Z))` for `P` partitions of `r` copies on `n` nodes in `Z` zones.
pub(crate) fn start(instance: &Instance) -> Start {
    let keepers = keepers(instance);
    let (price, leaving) = prices(instance, &keepers);
    let mut loads = vec![0_u64; price.len()];
    for (partition, kept) in keepers.iter().enumerate() {
        let base = bucket(instance, partition, 0);
        for node in kept.iter().filter(|node| !leaving.contains(&(partition as u32, **node))) {
            loads[base + *node as usize] += 1;
        }
    }
    let mut room = Room::new(instance, &price, &loads);
    let mut owners = Vec::with_capacity(keepers.len() * instance.copies());
    let (mut options, mut counts) = (Vec::new(), Counts::default());
    for (partition, kept) in keepers.iter().enumerate() {
        let base = bucket(instance, partition, 0);
        options.clear();
        for node in instance.homes(partition) {
            let class = match kept.contains(node) {
                _ if leaving.contains(&(partition as u32, *node)) => 3,
                true => 0,
                false => 1,
            };
            let total = price[base + *node as usize];
            options.push(Candidate { total, class, filled: 0, node: *node });
        }
        if kept.len() < instance.copies()
            || options.iter().any(|option| option.class == 3 || option.total > 0)
        {
            room.offer(instance, partition, &mut options);
        }
        options.sort_unstable();
        counts.clear();
        let begin = owners.len();
        for option in &options {
            let zone = instance.zone_of(option.node);
            if instance.shape.admits(&counts, zone) {
                counts.add(zone);
                owners.push(option.node);
                if option.class != 0 {
                    loads[base + option.node as usize] += 1;
                    room.took(instance, partition, option.node, &price, &loads);
                }
            }
        }
        // Whoever was to stay and does not leaves room.
        for node in kept.iter().filter(|node| !leaving.contains(&(partition as u32, **node))) {
            if !owners[begin..].contains(node) {
                loads[base + *node as usize] -= 1;
            }
        }
    }
    Start { owners, price }
}

fn bucket(instance: &Instance, partition: usize, node: u32) -> usize {
    instance.group[partition] as usize * instance.nodes() + node as usize
}

/// Of the present owners as many as may stay together.
fn keepers(instance: &Instance) -> Vec<Vec<u32>> {
    let mut counts = Counts::default();
    let keep = |partition: usize| {
        counts.clear();
        let mut kept = Vec::with_capacity(instance.copies());
        for node in instance.homes(partition) {
            let zone = instance.zone_of(*node);
            if instance.shape.admits(&counts, zone) {
                counts.add(zone);
                kept.push(*node);
            }
        }
        kept
    };
    (0..instance.cost.len()).map(keep).collect()
}

/// The price of each bucket, and who should leave: the cheapest of the overfull.
fn prices(instance: &Instance, keepers: &[Vec<u32>]) -> (Vec<i64>, alloc::collections::BTreeSet<(u32, u32)>) {
    let buckets = instance.bucket_quota.len();
    let mut held: Vec<Vec<(i64, u32)>> = vec![Vec::new(); buckets];
    for (partition, kept) in keepers.iter().enumerate() {
        for node in kept {
            held[bucket(instance, partition, *node)].push((instance.cost[partition], partition as u32));
        }
    }
    let mut price = vec![0; buckets];
    let mut leaving = alloc::collections::BTreeSet::new();
    for (at, held) in held.iter_mut().enumerate() {
        let excess = (held.len() as u64).saturating_sub(instance.bucket_quota[at].1) as usize;
        if excess > 0 {
            held.sort_unstable();
            price[at] = held[excess - 1].0;
            let node = (at % instance.nodes()) as u32;
            leaving.extend(held[..excess].iter().map(|(_, partition)| (*partition, node)));
        }
    }
    (price, leaving)
}

/// For each group and zone the nodes, the cheapest and emptiest first.
struct Room {
    heaps: Vec<BinaryHeap<Reverse<Candidate>>>,
    aside: Vec<Reverse<Candidate>>,
}

impl Room {
    fn new(instance: &Instance, price: &[i64], loads: &[u64]) -> Self {
        let mut heaps = vec![BinaryHeap::new(); instance.groups * instance.zones];
        for at in 0..price.len() {
            let (group, node) = (at / instance.nodes(), at % instance.nodes());
            let option = Self::option(instance, at, price, loads);
            heaps[group * instance.zones + instance.zone[node] as usize].push(Reverse(option));
        }
        Self { heaps, aside: Vec::new() }
    }

    fn option(instance: &Instance, at: usize, price: &[i64], loads: &[u64]) -> Candidate {
        let most = u128::from(instance.bucket_quota[at].1.max(1));
        // Half a replica more, so that an empty small node is not as good as an empty large one.
        let filled = (u128::from(loads[at]) * 2 + 1) * 500_000 / most;
        let node = (at % instance.nodes()) as u32;
        Candidate { total: price[at], class: 2, filled: filled as u64, node }
    }

    /// The best nodes of each zone that do not have the partition.
    fn offer(&mut self, instance: &Instance, partition: usize, options: &mut Vec<Candidate>) {
        let (homes, group) = (instance.homes(partition), instance.group[partition] as usize);
        let cost = instance.cost[partition];
        for zone in 0..instance.zones {
            let heap = &mut self.heaps[group * instance.zones + zone];
            let mut found = 0;
            while found < instance.shape.per_zone_max.min(instance.shape.copies) {
                let Some(Reverse(option)) = heap.pop() else { break };
                self.aside.push(Reverse(option));
                if !homes.contains(&option.node) {
                    options.push(Candidate { total: option.total + cost, ..option });
                    found += 1;
                }
            }
            heap.extend(self.aside.drain(..));
        }
    }

    /// A node has taken a partition: it moves back in its row.
    fn took(&mut self, instance: &Instance, partition: usize, node: u32, price: &[i64], loads: &[u64]) {
        let (group, zone) = (instance.group[partition] as usize, instance.zone_of(node) as usize);
        let heap = &mut self.heaps[group * instance.zones + zone];
        let option = Self::option(instance, bucket(instance, partition, node), price, loads);
        // It mostly stands near the front, where it was just taken from.
        while let Some(Reverse(first)) = heap.pop() {
            if first.node == node {
                break;
            }
            self.aside.push(Reverse(first));
        }
        heap.push(Reverse(option));
        heap.extend(self.aside.drain(..));
    }
}
