//! What others published about their own planners going wrong, with their figures.

use super::{certified, cluster};
use std::collections::BTreeMap;
use synod_core::NodeId;
use synod_partition::{Assignment, Balance, Partition, PartitionId, Plan, PlanError, Replication, Request};

fn replicas(plan: &Plan) -> Vec<u64> {
    plan.assignment.replicas().into_values().collect()
}

fn again(assignment: &Assignment, partition: &Partition) -> Partition {
    Partition { owners: assignment.owners(partition.id).unwrap().to_vec(), ..partition.clone() }
}

/// A ring of so many partitions whose preference lists are the next three owners, given out in turn: Riak's first claim.
fn in_turn(partitions: u64, nodes: u64) -> Vec<Partition> {
    let owner = |slot: u64| slot % partitions % nodes + 1;
    let list = |slot: u64| (0..3).map(move |next| owner(slot + next));
    (0..partitions).map(|slot| Partition::new(slot).owned(list(slot))).collect()
}

/// riak_core 913: with 16 partitions in turn on 5 nodes, the lists at the end of the ring wrap around onto the node that begins it, and
/// two copies of a key are on one node. The plan makes the missing copy and nothing else beyond balance.
#[test]
fn riak_tail_violation_is_repaired() {
    let partitions = in_turn(16, 5);
    let violated = |partition: &Partition| {
        let mut owners = partition.owners.clone();
        owners.sort_unstable();
        owners.dedup();
        owners.len() < 3
    };
    assert_eq!(partitions.iter().filter(|partition| violated(partition)).count(), 2, "the tail");
    let request = Request::new(cluster(&[(1, ""); 5]), partitions, Replication::new(3)).unwrap();
    let plan = certified(&request);
    assert_eq!(plan.moves.len(), 2, "one copy for each of the two");
    assert_eq!(replicas(&plan).iter().max(), Some(&10), "48 replicas on 5 nodes");
}

/// riak_core 913: from 4 to 5 nodes with 32 partitions ended as 6, 6, 6, 8, 6. And 256 partitions on 5 nodes.
#[test]
fn riak_growth_ends_balanced() {
    let request = |partitions: Vec<Partition>, nodes: usize, copies| {
        Request::new(cluster(&[(1, ""); 8][..nodes]), partitions, Replication::new(copies)).unwrap()
    };
    let owned = (0..32).map(|slot| Partition::new(slot).owned([slot % 4 + 1])).collect();
    let plan = certified(&request(owned, 5, 1));
    let mut sizes = replicas(&plan);
    sizes.sort_unstable();
    assert_eq!(sizes, [6, 6, 6, 7, 7]);
    assert_eq!(plan.moves.len(), 6);
    let plan = certified(&request(in_turn(256, 5), 5, 3));
    assert!(replicas(&plan).iter().all(|replicas| (153..=154).contains(replicas)));
    assert!(plan.moves.len() <= 3, "{plan}");
}

/// riak_core 1001: locations are respected when nodes join, and when they leave.
#[test]
fn riak_locations_hold_on_join_and_leave() {
    let places = [(1, "a"), (1, "a"), (1, "b"), (1, "b"), (1, "c"), (1, "c"), (1, "a"), (1, "b")];
    let spread = Replication::new(3).across(3);
    let partitions: Vec<_> = (0..64).map(Partition::new).collect();
    let mut now =
        certified(&Request::new(cluster(&places[..6]), partitions.clone(), spread).unwrap()).assignment;
    for nodes in [7, 8, 7, 6] {
        let owned = partitions.iter().map(|partition| again(&now, partition));
        // `certified` checks the spread of every partition.
        now = certified(&Request::new(cluster(&places[..nodes]), owned, spread).unwrap()).assignment;
    }
}

/// Garage's own scenario of a naive greedy algorithm that fails: capacities 4, 1, 4, 4, 2 in as many zones, three partitions, five
/// copies in at least four zones.
#[test]
fn garage_naive_counterexample_is_solved() {
    let nodes = [(4, "a"), (1, "b"), (4, "c"), (4, "d"), (2, "e")].map(|(tokens, zone)| (3 * tokens, zone));
    let partitions = (0..3).map(Partition::new);
    let request = Request::new(cluster(&nodes), partitions, Replication::new(5).across(4)).unwrap();
    let plan = certified(&request.clone().balance(Balance::Usable));
    // Five copies on five nodes: each holds all three, and the smallest decides how large they may grow.
    assert_eq!(replicas(&plan), [3; 5]);
    assert_eq!(request.partition_size_max(), 1);
}

/// Garage's scenarios (`layout/test.rs`): growing clusters of three zones. What the plan promises: the largest partition, and from one
/// layout to the next no more moves than what the quotas force, which the certificate proves.
#[test]
fn garage_scenarios_are_as_large_and_move_as_little_as_can_be() {
    type Scenario = (&'static [(u64, &'static str)], Replication, u64);
    let scenarios: [Scenario; 4] = [
        (&[(1000, "a"), (1000, "b"), (1000, "c")], Replication::new(3).across(3), 3),
        (
            &[(2000, "a"), (1000, "a"), (2000, "b"), (1000, "b"), (2000, "c"), (1000, "c")],
            Replication::new(3).across(3),
            11,
        ),
        (&[(500, "a"), (1000, "b"), (2000, "c"), (1500, "d"), (500, "e")], Replication::new(3).across(2), 6),
        (
            &[(1_000_000, "a"), (200_000, "b"), (600_000, "c"), (600_000, "c"), (300_000, "d")],
            Replication::new(3).across(3),
            0,
        ),
    ];
    let mut before = Assignment::default();
    for (nodes, spread, size_min) in scenarios {
        let partition = |id| Partition {
            owners: before.owners(PartitionId(id)).unwrap_or_default().to_vec(),
            ..Partition::new(id)
        };
        let request = Request::new(cluster(nodes), (0..256).map(partition), spread).unwrap();
        let request = request.balance(Balance::Usable);
        let size = request.partition_size_max();
        assert!(size >= size_min, "{size} of at least {size_min}");
        let plan = certified(&request);
        // All partitions of this size fit, and with one unit more they would not.
        let fits = |size: u64| {
            let quota = |(id, (weight, _)): (u64, &(u64, &str))| (NodeId(id), (0, weight / size));
            let quotas = (1..).zip(nodes).map(quota).collect();
            request.clone().balance(Balance::Quotas(quotas)).plan().is_ok()
        };
        assert!(fits(size) && !fits(size + 1), "size {size}");
        let used: BTreeMap<_, _> = plan.assignment.replicas();
        assert!(
            (1..).zip(nodes).all(|(id, (weight, _))| used.get(&NodeId(id)).unwrap_or(&0) * size <= *weight)
        );
        before = plan.assignment;
    }
}

/// ScyllaDB 22982: after splits and merges a table's tablets crowd on few nodes while the totals look even. ScyllaDB 31384: nodes even in
/// bytes, with 11 tablets here and 17 there.
#[test]
fn scylla_tables_are_even_each_and_together() {
    // Table 0 lies on nodes 1 and 2, table 1 on nodes 3 and 4; all four have eight tablets. Table 2 has few large ones.
    let table = |table: u32, first: u64, count: u64, size: u64, owners: [u64; 2]| {
        (0..count).map(move |at| {
            Partition::new(first + at).sized(size).owned([owners[at as usize % 2]]).grouped(table)
        })
    };
    let tablets: Vec<_> = table(0, 0, 16, 10, [1, 2])
        .chain(table(1, 16, 16, 10, [3, 4]))
        .chain(table(2, 32, 6, 90, [1, 3]))
        .collect();
    let request = Request::new(cluster(&[(1, ""); 4]), tablets.clone(), Replication::new(1)).unwrap();
    let plan = certified(&request);
    let mut per_table: BTreeMap<(u32, NodeId), u64> = BTreeMap::new();
    for tablet in &tablets {
        *per_table.entry((tablet.group, plan.assignment.owners(tablet.id).unwrap()[0])).or_default() += 1;
    }
    for ((table, node), count) in &per_table {
        let fair: &[u64] = if *table == 2 { &[1, 2] } else { &[4] };
        assert!(fair.contains(count), "table {table} on {node}: {count}");
    }
    assert_eq!(replicas(&plan).iter().filter(|count| (9..=10).contains(*count)).count(), 4);

    // Without groups the totals alone are even, and the plan leaves the tables as they are: the published failure.
    let ungrouped = tablets.iter().cloned().map(|tablet| tablet.grouped(0));
    let blind = certified(&Request::new(cluster(&[(1, ""); 4]), ungrouped, Replication::new(1)).unwrap());
    assert!(blind.moves.len() < plan.moves.len());
}

/// Octaves of load: nodes differ by less than one partition of each octave.
#[test]
fn partitions_of_all_loads_are_spread_by_their_octaves() {
    let load = |id: u64| 1 + (id * id * 7919) % 5_000;
    let partitions = (0..400).map(|id| Partition { load: load(id), ..Partition::new(id) });
    let request = Request::new(cluster(&[(1, ""); 10]), partitions, Replication::new(1)).unwrap().octaves();
    let plan = certified(&request);
    let mut loads: BTreeMap<NodeId, u64> = BTreeMap::new();
    for partition in request.partitions() {
        *loads.entry(plan.assignment.owners(partition.id).unwrap()[0]).or_default() += partition.load;
    }
    let (least, most) = (loads.values().min().unwrap(), loads.values().max().unwrap());
    assert!(most - least < 2 * 8_192, "{loads:?}");
    assert!(most * 10 < loads.values().sum::<u64>() * 12 / 10, "within a fifth of the mean: {loads:?}");
}

/// VoltDB 5134, Kafka 18903: a rack-aware greedy placement paints itself into a corner although there is a feasible one.
#[test]
fn octaves_keep_groups_of_large_numbers_apart() {
    // 65 × 66,076,420 is 4 more than 2³².
    let sized = |id, bits: u32, group| Partition::new(id).sized(1 << (bits - 1)).grouped(group);
    let partitions =
        [sized(0, 9, 0), sized(1, 5, 66_076_420), sized(2, 5, 66_076_420), sized(3, 64 - 10, u32::MAX)];
    let request = Request::new(cluster(&[(1, ""); 2]), partitions, Replication::new(1)).unwrap().octaves();
    let groups: Vec<u32> = request.partitions().iter().map(|partition| partition.group).collect();
    assert!(groups[1] == groups[2] && groups[0] != groups[1] && ![groups[0], groups[1]].contains(&groups[3]));
    certified(&request);
}

#[test]
fn octaves_that_are_too_many_are_refused_like_groups() {
    let nodes = vec![(1, ""); 1 << 18];
    let partitions = (0..64).map(|bit| Partition { load: 1 << bit, ..Partition::new(bit) });
    let request = Request::new(cluster(&nodes), partitions, Replication::new(1)).unwrap();
    let too_many = PlanError::Groups { groups: 64, nodes: 1 << 18 };
    assert_eq!(request.octaves().plan().unwrap_err(), too_many);
}

#[test]
fn racks_of_unequal_size_are_no_corner() {
    let nodes = [(1, "a"), (1, "a"), (1, "a"), (1, "b"), (1, "b"), (1, "c")];
    let partitions = (0..6).map(Partition::new);
    let request =
        Request::new(cluster(&nodes), partitions, Replication::new(3).across(2).at_most(2)).unwrap();
    assert_eq!(replicas(&certified(&request)), [3; 6]);
}

/// torus 246, pingora 1006: a tiny weight, or none, stops the whole cluster. Here such a node just owns nothing, or little.
#[test]
fn tiny_and_zero_weights_harm_nobody() {
    let partitions = || (0..16).map(Partition::new);
    for balance in [Balance::Even, Balance::Usable] {
        let nodes = cluster(&[(1, "a"), (1_000_000, "a"), (1_000_000, "b"), (0, "b"), (1_000_000, "c")]);
        let request = Request::new(nodes, partitions(), Replication::new(2).across(2)).unwrap();
        let replicas = certified(&request.balance(balance)).assignment.replicas();
        assert_eq!(replicas.get(&NodeId(4)), None);
        assert!(*replicas.get(&NodeId(1)).unwrap_or(&0) <= 1);
    }
    assert!(Request::new(cluster(&[(0, "a")]), partitions(), Replication::new(1)).is_err());
    assert!(Request::new(cluster(&[]), partitions(), Replication::new(1)).is_err());
}
