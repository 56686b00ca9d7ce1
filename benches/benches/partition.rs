//! Planning, and how even slots and tokens are.
//!
//! **Plans.** 16,384 partitions of three copies on 1,000 nodes in three zones, sizes equal or drawn from 1 to 2^30; one node joins or leaves, a
//! hundred do, weights are drawn anew, or all owners are drawn at random (a map that somebody wrecked). Each plan is timed with
//! the making of its request, the least of `ROUNDS`; and its certificate is checked, which must say that nothing is cheaper. There is no peer in
//! a crate: the figure beside is what Riak says of its exhaustive claim (riak_core 1008).
//!
//! **Balance.** The fullest node by its part of the weight: slots as planned, tokens as allocated while the cluster grew node by node, and
//! beside them a ring of 160 random virtual nodes (the crate `hashring`), counted over 1,000 keys a node.

use core::time::Duration;
use hashring::HashRing;
use std::time::Instant;
use synod_benches::Table;
use synod_core::{Entropy, NodeId, SplitMix64};
use synod_hashring::{Cluster, Node};
use synod_partition::{
    Assignment, Limits, Partition, PartitionId, Replication, Request, Tokens, audit, verify,
};

const SLOTS: u64 = 16_384;
const NODES: u64 = 1_000;
const ROUNDS: usize = 5;

fn cluster(nodes: u64, weight: impl Fn(u64) -> u64) -> Cluster {
    let zone = |id| ["a", "b", "c"][id as usize % 3];
    Cluster::new((1..=nodes).map(|id| Node::new(NodeId(id)).weighing(weight(id)).within(zone(id))))
        .unwrap_or_default()
}

fn drawn(seed: u64, bound: u64) -> u64 {
    SplitMix64::new(seed).below(bound)
}

fn data(owners: &Assignment, sized: bool) -> Vec<Partition> {
    let partition = |id| Partition {
        owners: owners.owners(PartitionId(id)).unwrap_or_default().to_vec(),
        ..Partition::new(id).sized(if sized { 1 + drawn(id, 1 << 30) } else { 1 << 30 })
    };
    (0..SLOTS).map(partition).collect()
}

fn least<T>(mut run: impl FnMut() -> T) -> (Duration, Option<T>) {
    let mut best = (Duration::MAX, None);
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let result = run();
        best = (best.0.min(begin.elapsed()), Some(result));
    }
    best
}

fn plan(
    table: &mut Table,
    what: &str,
    zones: u8,
    cluster: &Cluster,
    data: &[Partition],
) -> Option<Assignment> {
    let spread = Replication::new(3).across(zones);
    let (took, made) = least(|| {
        let request = Request::new(cluster.clone(), data.iter().cloned(), spread).ok()?;
        let plan = request.plan().ok()?;
        Some((request, plan))
    });
    let (request, plan) = made??;
    let (checked, proof) = least(|| verify(&request, &plan.assignment, &plan.certificate));
    let proof = proof?.ok()?;
    let steps = plan.steps(&request, &Limits::default());
    let safe = audit(&request, &plan, &steps, &Limits::default()).is_ok();
    let ours = format!(
        "{took:.1?}, checked in {checked:.1?}; {} moves in {} steps; optimal: {}, safe: {safe}",
        plan.moves.len(),
        steps.len(),
        proof.is_optimal(),
    );
    println!("{what}: {ours}");
    table.quote(what, ours, "Riak claim v4: potentially > 60 s");
    Some(plan.assignment)
}

fn plans(table: &mut Table) {
    for (zones, sized) in [(3, false), (3, true), (2, false), (2, true)] {
        let name = |what: &str| {
            format!("{what}, {zones} zones of 3, sizes {}", if sized { "drawn" } else { "equal" })
        };
        let even = cluster(NODES, |_| 1);
        let nothing = data(&Assignment::default(), sized);
        let Some(first) = plan(table, &name("from nothing"), zones, &even, &nothing) else { continue };
        let have = data(&first, sized);
        for (what, nodes) in [("1 joins", 1_001), ("1 leaves", 999), ("100 join", 1_100), ("100 leave", 900)]
        {
            plan(table, &name(what), zones, &cluster(nodes, |_| 1), &have);
        }
        plan(table, &name("weights 1 to 8"), zones, &cluster(NODES, |id| 1 + drawn(id, 8)), &have);
        let random = |id: u64| (0..3).map(|copy| NodeId(1 + drawn(id * 3 + copy, NODES))).collect();
        let wrecked: Assignment = (0..SLOTS).map(|id| (PartitionId(id), random(id))).collect();
        plan(table, &name("owners at random"), zones, &even, &data(&wrecked, sized));
    }
}

fn balance(table: &mut Table) {
    for nodes in [10, 100, 1_000] {
        for weighted in [false, true] {
            let weight = |id| if weighted { 1 + drawn(id, 8) } else { 1 };
            let mut tokens = Tokens::new(NodeId(1), weight(1), if weighted { 64 } else { 256 });
            for id in 2..=nodes {
                let _ = tokens.join(NodeId(id), weight(id));
            }
            // About 150 slots for each unit of weight.
            let members = cluster(nodes, weight);
            let slots = (150 * members.weight()).next_power_of_two();
            let request = Request::new(members.clone(), (0..slots).map(Partition::new), Replication::new(1));
            let Some(plan) = request.ok().and_then(|request| request.plan().ok()) else { continue };
            let fair = slots as f64 / members.weight() as f64;
            let over = |(node, count): (NodeId, u64)| count as f64 / (fair * weight(node.0) as f64);
            let fullest = plan.assignment.replicas().into_iter().map(over).fold(0.0, f64::max);
            let ours = format!(
                "tokens {:.4}, {slots} slots {fullest:.4}",
                1.0 + tokens.imbalance_ppm() as f64 / 1e6,
            );
            let peer = format!("{:.2} (hashring, 160 vnodes a weight)", random_ring(nodes, weight));
            let what =
                format!("fullest / fair, {nodes} nodes{}", if weighted { " of weight 1 to 8" } else { "" });
            println!("{what}: {ours}; {peer}");
            table.row(&what, ours, peer, None, None);
        }
    }
}

/// The fullest node of a ring of random virtual nodes, against its part of the weight.
fn random_ring(nodes: u64, weight: impl Fn(u64) -> u64) -> f64 {
    let mut ring = HashRing::new();
    let points = (1..=nodes).flat_map(|id| (0..160 * weight(id)).map(move |point| (id, point)));
    ring.batch_add(points.collect());
    let keys = 1_000 * nodes;
    let mut counts = vec![0_u64; nodes as usize + 1];
    for key in 0..keys {
        if let Some((id, _)) = ring.get(&key) {
            counts[*id as usize] += 1;
        }
    }
    let total: u64 = (1..=nodes).map(&weight).sum();
    let over = |id: u64| counts[id as usize] as f64 * total as f64 / (keys * weight(id)) as f64;
    (1..=nodes).map(over).fold(0.0, f64::max)
}

fn main() {
    let mut table = Table::default();
    plans(&mut table);
    balance(&mut table);
    println!("\n{table}");
}
