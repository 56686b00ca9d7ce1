//! No plan is cheaper: against an exhaustive search where that is possible, by the certificate everywhere.

use super::oracle::least;
use super::{certified, cluster};
use proptest::prelude::*;
use std::collections::BTreeMap;
use synod_core::NodeId;
use synod_partition::{Balance, Partition, Replication, Request};

/// A request of any shape, as long as it can be planned.
pub(crate) fn requests(
    nodes_max: usize,
    partitions_max: usize,
    groups: u32,
) -> impl Strategy<Value = Request> {
    let node = (prop_oneof![1 => Just(0_u64), 4 => Just(1), 4 => 1..6_u64], 0..4_u8);
    let nodes = prop::collection::vec(node, 1..=nodes_max);
    let balance = prop_oneof![
        4 => Just(Balance::Even),
        1 => Just(Balance::Usable),
        1 => (0..400_000_u32).prop_map(|ppm| Balance::Within { ppm }),
    ];
    let partition = (0..5_u64, prop::collection::vec(0..=nodes_max as u64 + 1, 0..5), 0..groups);
    let partitions = prop::collection::vec(partition, 0..=partitions_max);
    let spread = (1..4_u8, 1..4_u8, 1..4_u8);
    (nodes, balance, partitions, spread, prop_oneof![Just(0_u64), Just(100)]).prop_filter_map(
        "impossible",
        |(nodes, balance, partitions, (copies, zones, per_zone), move_cost)| {
            let names = ["a", "b", "c", "d"];
            let nodes: Vec<_> =
                nodes.iter().map(|(weight, zone)| (*weight, names[usize::from(*zone)])).collect();
            let partitions = (0..).zip(partitions).map(|(id, (size, owners, group))| {
                Partition::new(id).sized(size).owned(owners).grouped(group)
            });
            let spread = Replication::new(copies).across(zones.min(copies)).at_most(per_zone);
            let request = Request::new(cluster(&nodes), partitions, spread).ok()?;
            request.balance(balance).move_cost(move_cost).ok()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_of_any_request_is_certified(request in requests(9, 40, 3)) {
        certified(&request);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_costs_what_an_exhaustive_search_finds(
        request in requests(5, 5, 2),
        quotas in prop::collection::vec((0..4_u64, 0..6_u64), 5),
    ) {
        let quotas: BTreeMap<NodeId, (u64, u64)> = (1..).map(NodeId).zip(quotas).collect();
        let request = request.balance(Balance::Quotas(quotas.clone()));
        let all = request.partitions().len() as u64;
        let quota = |group: Option<u32>, node| match group {
            None => quotas.get(&node).copied().unwrap_or((0, all)),
            Some(_) => (0, all),
        };
        match least(&request, quota) {
            Some(cost) => prop_assert_eq!(certified(&request).cost, cost),
            None => prop_assert!(request.plan().is_err()),
        }
    }
}

#[test]
fn what_is_as_wanted_stays() {
    let nodes = cluster(&[(1, "a"), (1, "a"), (1, "b"), (1, "b")]);
    let owners = [[1, 3], [1, 4], [2, 3], [2, 4]];
    let partitions = (0..).zip(owners).map(|(id, owners)| Partition::new(id).owned(owners));
    let request = Request::new(nodes, partitions, Replication::new(2).across(2)).unwrap();
    let plan = certified(&request);
    assert_eq!((plan.moves.len(), plan.cost), (0, 0));
}

#[test]
fn a_join_moves_what_the_newcomer_must_have_and_a_leave_what_it_had() {
    for nodes in [5_u64, 20, 60] {
        let copies = 3_u64;
        let slots = 40 * nodes;
        let weights: Vec<_> = (0..=nodes).map(|at| (1, ["a", "b", "c"][at as usize % 3])).collect();
        let spread = Replication::new(copies as u8).across(2);
        let empty = (0..slots).map(Partition::new);
        let before = Request::new(cluster(&weights[..nodes as usize]), empty, spread).unwrap();
        let first = certified(&before);
        let partition = |assignment: &synod_partition::Assignment, id| Partition {
            owners: assignment.owners(synod_partition::PartitionId(id)).unwrap().to_vec(),
            ..Partition::new(id)
        };
        let have = (0..slots).map(|id| partition(&first.assignment, id));
        let join = Request::new(cluster(&weights), have, spread).unwrap();
        let joined = certified(&join);
        // The share of the newcomer, rounded down, and one more at most.
        let share = slots * copies / (nodes + 1);
        let moves = joined.moves.len() as u64;
        assert!((share..=share + 1).contains(&moves), "{nodes} nodes: {moves} moves, a share of {share}");

        let have = (0..slots).map(|id| partition(&joined.assignment, id));
        let leave = Request::new(cluster(&weights[..nodes as usize]), have, spread).unwrap();
        let had = joined.assignment.replicas()[&NodeId(nodes + 1)];
        let moves = certified(&leave).moves.len() as u64;
        assert!((had..=had + 1).contains(&moves), "{nodes} nodes: {moves} moves, {had} replicas");
    }
}

#[test]
fn a_plan_says_no_more_than_is_proved_where_moves_cost_too() {
    // Node 1 has one too many, node 3 one too few: one large partition goes at once, or two small ones go by way of node 2.
    let partitions = || {
        let sized = |id, size, owners: [u64; 2]| Partition::new(id).sized(size).owned(owners);
        [sized(0, 100, [1, 2]), sized(1, 1, [1, 3]), sized(2, 1, [2, 4])]
    };
    let quotas = [(1, 1), (2, 2), (2, 2), (1, 1)];
    let quotas: BTreeMap<NodeId, (u64, u64)> = (1..).map(NodeId).zip(quotas).collect();
    let request = Request::new(cluster(&[(1, ""); 4]), partitions(), Replication::new(2)).unwrap();
    let request = request.balance(Balance::Quotas(quotas));
    let small = certified(&request);
    let few = certified(&request.move_cost(1_000).unwrap());
    assert_eq!((small.moves.len(), small.cost, few.moves.len(), few.cost), (2, 2, 1, 1_100));
    let told = few.to_string();
    assert!(
        told.starts_with("1 move, 100 to copy, certified: no plan that meets the request costs less"),
        "{told}"
    );
}
