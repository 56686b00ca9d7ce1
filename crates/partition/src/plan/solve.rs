//! The search: successive shortest paths from nodes that hold too much to nodes that hold too little.
//!
//! The network is source → partition → (partition, zone) → bucket → node → sink, where a bucket is what a node holds of one group;
//! buckets and nodes have lower and upper bounds. It has `P·n` arcs and none of them is stored. What counts is that a path through
//! a partition is an *exchange*: an owner is left for another node. All nodes without the partition cost the same, so a bucket
//! makes one offer to each zone, and the zone's buckets answer in the order of their prices.
//!
//! Invariant: every partition has its cheapest owners at the current prices, every arc between buckets, nodes and sink has
//! complementary slackness. A path of least cost, and among these of fewest exchanges, keeps it (the weighted matroid intersection
//! theorem, Lawler 1975; Ahuja, Magnanti and Orlin 1993, section 9.7).

#![expect(
    clippy::indexing_slicing,
    reason = "vertices, buckets, units and places are numbers that this search gives out itself; each array has one entry for each"
)]

use super::instance::{Instance, Solution};
use super::start::{Start, start};
use alloc::collections::BinaryHeap;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// No path leads from what is too much to what is too little: the quotas contradict each other or the spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoPath;

/// The least cost, and prices that prove it.
pub(crate) fn solve(instance: &Instance) -> Result<Solution, NoPath> {
    let mut search = Search::new(instance, start(instance));
    while let Some(goal) = search.shortest()? {
        search.augment(goal);
    }
    let Search { owners, mut price, .. } = search;
    let sink = price.pop().unwrap_or(0);
    price.iter_mut().for_each(|price| *price -= sink);
    let node_price = price.split_off(instance.bucket_quota.len());
    Ok(Solution { owners, node_price, bucket_price: price })
}

/// What waits in Dijkstra's queue: the nearest first, then the one with the fewest exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reach {
    dist: i64,
    hops: u32,
    from: u32,
    to: u32,
    /// The partition that is exchanged; `NONE` on arcs between buckets, nodes and sink.
    via: u32,
    /// For an offer to a whole zone: where in the zone's row it has got; `NONE` for one vertex.
    place: u32,
}

const NONE: u32 = u32::MAX;

struct Search<'a> {
    instance: &'a Instance,
    owners: Vec<u32>,
    /// Buckets, then nodes, then the sink.
    price: Vec<i64>,
    excess: Vec<i64>,
    /// From each bucket to its node, from each node to the sink.
    flow: Vec<i64>,
    /// The partitions in each bucket.
    units: Vec<Vec<u32>>,
    /// In each bucket the unit that leaves it at the least cost, once that has been asked for.
    leaving: Vec<Option<(i64, u32)>>,
    /// For each partition how many of its homes do not own it.
    absent: Vec<u16>,
    /// In each bucket how many units have such homes.
    away: Vec<u32>,
    /// For each group and zone its buckets by price, and whether that is still so.
    rows: Vec<Vec<u32>>,
    sorted: Vec<bool>,
    /// Where a bucket stands in its row.
    place: Vec<u32>,
    /// In each row, the next bucket at or after a place that is not settled.
    next: Vec<Vec<u32>>,
    dist: Vec<i64>,
    parent: Vec<(u32, u32)>,
    settled: Vec<u32>,
    queue: BinaryHeap<Reverse<Reach>>,
}

impl<'a> Search<'a> {
    fn new(instance: &'a Instance, Start { owners, price: bucket_price }: Start) -> Self {
        let (buckets, nodes) = (bucket_price.len(), instance.nodes());
        let vertices = buckets + nodes + 1;
        let mut price = bucket_price;
        price.resize(vertices, 0);
        let mut units = vec![Vec::new(); buckets];
        let copies = instance.copies().max(1);
        for (partition, owners) in owners.chunks(copies).enumerate() {
            for node in owners {
                units[instance.group[partition] as usize * nodes + *node as usize].push(partition as u32);
            }
        }
        let absent = owners.chunks(copies).enumerate().map(|(partition, owners)| {
            instance.homes(partition).iter().filter(|home| !owners.contains(home)).count() as u16
        });
        let absent: Vec<u16> = absent.collect();
        let away = |units: &Vec<u32>| units.iter().filter(|unit| absent[**unit as usize] > 0).count() as u32;
        let away = units.iter().map(away).collect();
        let mut rows = vec![Vec::new(); instance.groups * instance.zones];
        for bucket in 0..buckets {
            let zone = instance.zone[bucket % nodes] as usize;
            rows[bucket / nodes * instance.zones + zone].push(bucket as u32);
        }
        let next = rows.iter().map(|row| vec![0; row.len() + 1]).collect();
        let mut search = Self {
            instance,
            owners,
            price,
            excess: vec![0; vertices],
            flow: vec![0; vertices],
            leaving: vec![None; buckets],
            units,
            absent,
            away,
            sorted: vec![false; rows.len()],
            rows,
            place: vec![0; buckets],
            next,
            dist: vec![i64::MAX; vertices],
            parent: vec![(NONE, NONE); vertices],
            settled: Vec::new(),
            queue: BinaryHeap::new(),
        };
        search.balance();
        search
    }

    fn buckets(&self) -> usize {
        self.units.len()
    }

    fn sink(&self) -> usize {
        self.price.len() - 1
    }

    /// Where the arc out of a bucket or a node leads.
    fn parent_of(&self, vertex: usize) -> usize {
        if vertex < self.buckets() { self.buckets() + vertex % self.instance.nodes() } else { self.sink() }
    }

    fn quota(&self, vertex: usize) -> (i64, i64) {
        let buckets = self.buckets();
        let (least, most) = match vertex.checked_sub(buckets) {
            None => self.instance.bucket_quota[vertex],
            Some(node) => self.instance.node_quota[node],
        };
        (least as i64, most as i64)
    }

    /// Sends through the arcs what the prices demand, and notes what is too much or too little where.
    fn balance(&mut self) {
        let sink = self.sink();
        let mut inflow: Vec<i64> = self.units.iter().map(|units| units.len() as i64).collect();
        inflow.resize(sink + 1, 0);
        for vertex in 0..sink {
            let parent = self.parent_of(vertex);
            let (least, most) = self.quota(vertex);
            self.flow[vertex] = match self.price[vertex].cmp(&self.price[parent]) {
                core::cmp::Ordering::Less => least,
                core::cmp::Ordering::Greater => most,
                core::cmp::Ordering::Equal => inflow[vertex].clamp(least, most),
            };
            self.excess[vertex] = inflow[vertex] - self.flow[vertex];
            inflow[parent] += self.flow[vertex];
        }
        self.excess[sink] = inflow[sink] - self.owners.len() as i64;
    }

    /// The nearest vertex that holds too little; `None` when none holds too much.
    fn shortest(&mut self) -> Result<Option<usize>, NoPath> {
        self.forget();
        for vertex in 0..self.price.len() {
            if self.excess[vertex] > 0 {
                let to = vertex as u32;
                self.queue.push(Reverse(Reach { dist: 0, hops: 0, from: NONE, to, via: NONE, place: NONE }));
            }
        }
        if self.queue.is_empty() {
            return Ok(None);
        }
        while let Some(Reverse(mut reach)) = self.queue.pop() {
            if self.dist[reach.to as usize] != i64::MAX {
                if reach.place != NONE {
                    self.pass_on(reach);
                }
                continue;
            }
            if reach.place != NONE {
                if self.owns(reach.via, reach.to) {
                    // The best unit cannot go to this one: another may. The offer goes on to the next.
                    self.instead(reach);
                    reach.place += 1;
                    self.pass_on(reach);
                    continue;
                }
                self.pass_on(Reach { place: reach.place + 1, ..reach });
            }
            let vertex = reach.to as usize;
            self.settle(reach);
            if self.excess[vertex] < 0 {
                self.reprice(reach.dist);
                return Ok(Some(vertex));
            }
            self.leave(reach);
        }
        Err(NoPath)
    }

    fn forget(&mut self) {
        for vertex in self.settled.drain(..) {
            self.dist[vertex as usize] = i64::MAX;
        }
        self.queue.clear();
        for (row, next) in self.next.iter_mut().enumerate() {
            if !self.sorted[row] {
                let price = &self.price;
                self.rows[row].sort_unstable_by_key(|bucket| (price[*bucket as usize], *bucket));
                for (place, bucket) in self.rows[row].iter().enumerate() {
                    self.place[*bucket as usize] = place as u32;
                }
                self.sorted[row] = true;
            }
            (0..).zip(next.iter_mut()).for_each(|(place, next)| *next = place);
        }
    }

    fn settle(&mut self, reach: Reach) {
        let vertex = reach.to as usize;
        self.dist[vertex] = reach.dist;
        self.parent[vertex] = (reach.from, reach.via);
        self.settled.push(reach.to);
        if vertex < self.buckets() {
            let row = self.row(vertex);
            let place = self.place[vertex];
            self.next[row][place as usize] = place + 1;
        }
    }

    fn row(&self, bucket: usize) -> usize {
        let nodes = self.instance.nodes();
        bucket / nodes * self.instance.zones + self.instance.zone[bucket % nodes] as usize
    }

    /// The first unsettled place of the row from here on, with paths made shorter on the way.
    fn unsettled(&mut self, row: usize, place: u32) -> u32 {
        let next = &mut self.next[row];
        let mut end = place;
        while next[end as usize] != end {
            end = next[end as usize];
        }
        let mut at = place;
        while at != end {
            at = core::mem::replace(&mut next[at as usize], end);
        }
        end
    }

    /// All prices grow so that the path found costs nothing.
    fn reprice(&mut self, dist: i64) {
        for vertex in &self.settled {
            let vertex = *vertex as usize;
            let more = dist - self.dist[vertex];
            if more > 0 {
                self.price[vertex] += more;
                if vertex < self.units.len() {
                    let nodes = self.instance.nodes();
                    let row =
                        vertex / nodes * self.instance.zones + self.instance.zone[vertex % nodes] as usize;
                    self.sorted[row] = false;
                }
            }
        }
    }

    /// Everything that can be reached from a settled vertex.
    fn leave(&mut self, Reach { dist, hops, to, .. }: Reach) {
        let vertex = to as usize;
        let here = self.price[vertex];
        let sink = self.sink();
        let reached = |search: &mut Self, target: usize| {
            let dist = dist + search.price[target] - here;
            let reach = Reach { dist, hops: hops + 1, from: to, to: target as u32, via: NONE, place: NONE };
            search.queue.push(Reverse(reach));
        };
        if vertex == sink {
            for node in self.buckets()..sink {
                if self.flow[node] > self.quota(node).0 && self.dist[node] == i64::MAX {
                    reached(self, node);
                }
            }
            return;
        }
        if self.flow[vertex] < self.quota(vertex).1 {
            let parent = self.parent_of(vertex);
            reached(self, parent);
        }
        if let Some(node) = vertex.checked_sub(self.buckets()) {
            for bucket in (node..self.buckets()).step_by(self.instance.nodes()) {
                if self.flow[bucket] > self.quota(bucket).0 {
                    reached(self, bucket);
                }
            }
            return;
        }
        self.offer(vertex, dist, hops + 1);
        self.go_home(vertex, dist, hops + 1);
    }

    /// One offer to each zone: the unit that leaves at the least cost among those that the zone may take.
    fn offer(&mut self, bucket: usize, dist: i64, hops: u32) {
        let nodes = self.instance.nodes();
        let (group, node) = (bucket / nodes, (bucket % nodes) as u32);
        let home_zone = self.instance.zone_of(node);
        if self.leaving[bucket].is_none() {
            self.leaving[bucket] = self.best(bucket, |_| true);
        }
        let Some((leaving, best)) = self.leaving[bucket] else { return };
        let counts = self.instance.counts(self.owners_of(best));
        for zone in 0..self.instance.zones as u32 {
            let (leaving, via) = if self.instance.shape.exchanges(&counts, home_zone, zone) {
                (leaving, best)
            } else {
                match self.best(bucket, |unit| self.may_go(unit, home_zone, zone)) {
                    Some(found) => found,
                    None => continue,
                }
            };
            let row = group * self.instance.zones + zone as usize;
            if let Some(first) = self.rows[row].first() {
                // `dist` leaves out the price of the target, which `pass_on` adds.
                let base = dist + leaving - self.price[bucket] + self.price[*first as usize];
                let from = bucket as u32;
                self.pass_on(Reach { dist: base, hops, from, to: *first, via, place: 0 });
            }
        }
    }

    /// The cheapest unit to leave a bucket, and the cost of leaving for a node that never had it.
    fn best(&self, bucket: usize, may: impl Fn(u32) -> bool) -> Option<(i64, u32)> {
        let node = (bucket % self.instance.nodes()) as u32;
        let units = self.units[bucket].iter().copied();
        // All of its cost where it is at home here, nothing where it came from elsewhere.
        let cost = |unit: u32| self.instance.cost[unit as usize] - self.instance.cost_at(unit as usize, node);
        units.filter(|unit| may(*unit)).map(|unit| (cost(unit), unit)).min()
    }

    fn may_go(&self, unit: u32, from: u32, to: u32) -> bool {
        let counts = self.instance.counts(self.owners_of(unit));
        self.instance.shape.exchanges(&counts, from, to)
    }

    fn owners_of(&self, unit: u32) -> &[u32] {
        let copies = self.instance.copies();
        &self.owners[unit as usize * copies..][..copies]
    }

    fn owns(&self, unit: u32, bucket: u32) -> bool {
        let node = bucket % self.instance.nodes() as u32;
        self.owners_of(unit).contains(&node)
    }

    /// Puts an offer to a zone before the zone's next bucket that is not settled.
    fn pass_on(&mut self, reach: Reach) {
        let row = self.row(reach.to as usize);
        let place = self.unsettled(row, reach.place);
        let Some(to) = self.rows[row].get(place as usize).copied() else { return };
        let dist = reach.dist + self.price[to as usize] - self.price[reach.to as usize];
        self.queue.push(Reverse(Reach { dist, to, place, ..reach }));
    }

    /// Another unit for a bucket whose node owns the best one already.
    fn instead(&mut self, Reach { hops, from, to, dist, via, .. }: Reach) {
        let nodes = self.instance.nodes() as u32;
        let (home_zone, zone) = (self.instance.zone_of(from % nodes), self.instance.zone_of(to % nodes));
        let may = |unit: u32| !self.owns(unit, to) && self.may_go(unit, home_zone, zone);
        let Some((leaving, unit)) = self.best(from as usize, may) else { return };
        let before = self.instance.cost[via as usize] - self.instance.cost_at(via as usize, from % nodes);
        let dist = dist + leaving - before;
        self.queue.push(Reverse(Reach { dist, hops, from, to, via: unit, place: NONE }));
    }

    /// Units that could go back to a node that had them: that costs nothing.
    fn go_home(&mut self, bucket: usize, dist: i64, hops: u32) {
        if self.away[bucket] == 0 {
            return;
        }
        let nodes = self.instance.nodes();
        let (base, node) = (bucket - bucket % nodes, (bucket % nodes) as u32);
        for at in 0..self.units[bucket].len() {
            let unit = self.units[bucket][at];
            if self.absent[unit as usize] == 0 {
                continue;
            }
            let cost = self.instance.cost_at(unit as usize, node);
            for home in self.instance.homes(unit as usize) {
                let to = base + *home as usize;
                let zones = (self.instance.zone_of(node), self.instance.zone_of(*home));
                if self.dist[to] == i64::MAX
                    && !self.owners_of(unit).contains(home)
                    && self.may_go(unit, zones.0, zones.1)
                {
                    let dist = dist - cost + self.price[to] - self.price[bucket];
                    let (from, to) = (bucket as u32, to as u32);
                    self.queue.push(Reverse(Reach { dist, hops, from, to, via: unit, place: NONE }));
                }
            }
        }
    }

    /// Moves one replica along the path that ends in `goal`.
    fn augment(&mut self, goal: usize) {
        self.excess[goal] += 1;
        let mut to = goal;
        loop {
            let (from, via) = self.parent[to];
            if from == NONE {
                self.excess[to] -= 1;
                return;
            }
            let from = from as usize;
            if via != NONE {
                self.exchange(via, from, to);
            } else if self.parent_of(from) == to && from != self.sink() {
                self.flow[from] += 1;
            } else {
                self.flow[to] -= 1;
            }
            to = from;
        }
    }

    fn exchange(&mut self, unit: u32, from: usize, to: usize) {
        let nodes = self.instance.nodes();
        let (old, new) = ((from % nodes) as u32, (to % nodes) as u32);
        let copies = self.instance.copies();
        let base = from - from % nodes;
        self.count_away(unit, base, false);
        let homes = self.instance.homes(unit as usize);
        if homes.contains(&old) {
            self.absent[unit as usize] += 1;
        }
        if homes.contains(&new) {
            self.absent[unit as usize] -= 1;
        }
        let owners = &mut self.owners[unit as usize * copies..][..copies];
        if let Some(owner) = owners.iter_mut().find(|owner| **owner == old) {
            *owner = new;
        }
        self.count_away(unit, base, true);
        if let Some(at) = self.units[from].iter().position(|held| *held == unit) {
            self.units[from].swap_remove(at);
        }
        self.units[to].push(unit);
        self.leaving[from] = None;
        self.leaving[to] = None;
    }

    /// Counts a unit that has homes elsewhere in the buckets of all its owners, or counts it no more.
    fn count_away(&mut self, unit: u32, base: usize, counts: bool) {
        if self.absent[unit as usize] == 0 {
            return;
        }
        let copies = self.instance.copies();
        for node in &self.owners[unit as usize * copies..][..copies] {
            let away = &mut self.away[base + *node as usize];
            *away = if counts { *away + 1 } else { *away - 1 };
        }
    }
}
