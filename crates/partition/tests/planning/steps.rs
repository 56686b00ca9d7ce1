//! Steps: safe at every moment, and resumable after any.

use super::optimal::requests;
use super::{certified, cluster};
use proptest::prelude::*;
use synod_core::NodeId;
use synod_partition::{
    Assignment, Limits, Move, Partition, PartitionId, Replication, Request, Step, StepFlaw, audit,
};

fn owned(request: &Request) -> Assignment {
    let mut dedup = Assignment::default();
    for partition in request.partitions() {
        let mut owners = partition.owners.clone();
        owners.sort_unstable();
        owners.dedup();
        dedup.set(partition.id, owners);
    }
    dedup
}

/// Adds the new owner; and removes the old one, where the move gets that far.
fn carry_out(now: &mut Assignment, each: &Move, whole: bool) {
    let mut owners = now.owners(each.partition).unwrap().to_vec();
    owners.extend(each.to);
    owners.retain(|owner| !whole || Some(*owner) != each.from);
    now.set(each.partition, owners);
}

fn sorted(assignment: &Assignment) -> Assignment {
    let sorted = |(id, owners): (PartitionId, &[NodeId])| {
        let mut owners = owners.to_vec();
        owners.sort_unstable();
        (id, owners)
    };
    assignment.iter().map(sorted).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn every_step_keeps_copies_quorums_spread_and_limits(
        request in requests(9, 30, 2),
        limits in (1..9_usize, 1..3_usize, 0..12_u64),
    ) {
        let limits = Limits { moves_max: limits.0, per_node_max: limits.1, size_per_node_max: limits.2 };
        let plan = certified(&request);
        let steps = plan.steps(&request, &limits);
        prop_assert_eq!(audit(&request, &plan, &steps, &limits), Ok(()));
    }

    #[test]
    fn a_plan_is_resumed_from_wherever_it_broke_off(
        request in requests(9, 20, 2),
        stop in any::<prop::sample::Index>(),
        half in any::<bool>(),
    ) {
        let plan = certified(&request);
        let mut now = owned(&request);
        if !plan.moves.is_empty() {
            let stop = stop.index(plan.moves.len());
            plan.moves[..stop].iter().for_each(|each| carry_out(&mut now, each, true));
            if half {
                carry_out(&mut now, &plan.moves[stop], false);
            }
        }
        let rest = plan.resume(&now).unwrap();
        prop_assert!(rest.moves.len() <= plan.moves.len());
        rest.moves.iter().for_each(|each| carry_out(&mut now, each, true));
        prop_assert_eq!(sorted(&now), sorted(&plan.assignment));
        prop_assert_eq!(plan.resume(&now).unwrap().moves, []);
    }
}

fn two_moves() -> Request {
    let partitions = [Partition::new(0).sized(3).owned([1, 2, 3])];
    let nodes = cluster(&[(0, "a"), (0, "b"), (1, "a"), (1, "b"), (1, "c")]);
    Request::new(nodes, partitions, Replication::new(3).across(2)).unwrap()
}

#[test]
fn the_auditor_finds_each_unsafe_step() {
    let request = two_moves();
    let plan = certified(&request);
    let limits = Limits::default();
    let good = plan.steps(&request, &limits);
    assert_eq!((good.len(), audit(&request, &plan, &good, &limits)), (2, Ok(())));
    let partition = PartitionId(0);
    let step = |moves: &[Move]| Step { moves: moves.to_vec() };
    let drop = |from| Move { partition, from: Some(NodeId(from)), to: None, size: 0 };
    let audit = |steps: &[Step]| audit(&request, &plan, steps, &limits).unwrap_err();
    // Both replicas in one step; the old one removed before the new one is there; to where it is already; not to the end.
    assert_eq!(audit(&[step(&plan.moves)]), StepFlaw::Limits { step: 0 });
    assert_eq!(audit(&[step(&[drop(1)])]), StepFlaw::Copies { step: 0, partition, owners: 2 });
    let here = Move { partition, from: Some(NodeId(1)), to: Some(NodeId(3)), size: 3 };
    assert_eq!(audit(&[step(&[here])]), StepFlaw::Elsewhere { step: 0, partition });
    assert_eq!(audit(&good[..1]), StepFlaw::End { partition });
    // A move that would put all copies into one zone for a while.
    let nodes = cluster(&[(1, "a"), (1, "a"), (1, "b"), (1, "b")]);
    let owned = [Partition::new(0).owned([1, 3])];
    let request = Request::new(nodes, owned, Replication::new(2).across(2)).unwrap();
    let close = Move { partition, from: Some(NodeId(3)), to: Some(NodeId(2)), size: 1 };
    let plan = certified(&request);
    let found = synod_partition::audit(&request, &plan, &[step(&[close])], &limits);
    assert_eq!(found, Err(StepFlaw::Spread { step: 0, partition }));
}

#[test]
fn who_suffers_most_is_served_first() {
    // ScyllaDB 16935: the balancer looked at the least loaded node. Here node 1 drains, node 2 is overfull, and a copy of p9 is missing.
    let mut partitions: Vec<_> = (0..4).map(|id| Partition::new(id).owned([1, 4])).collect();
    partitions.extend((4..9).map(|id| Partition::new(id).sized(id).owned([2, 3])));
    partitions.push(Partition::new(9).owned([3]));
    let nodes = cluster(&[(0, ""), (1, ""), (1, ""), (1, ""), (1, ""), (1, "")]);
    let request = Request::new(nodes, partitions, Replication::new(2)).unwrap();
    let plan = certified(&request);
    let one = Limits { moves_max: 1, ..Limits::default() };
    let steps = plan.steps(&request, &one);
    let order: Vec<Option<u64>> = steps.iter().map(|step| step.moves[0].from.map(|from| from.0)).collect();
    assert_eq!(order[..5], [None, Some(1), Some(1), Some(1), Some(1)], "{order:?}");
    assert!(order.len() > 5);
}

#[test]
fn a_plan_that_somebody_else_has_crossed_is_not_resumed() {
    let request = two_moves();
    let plan = certified(&request);
    let crossed: Assignment = [(PartitionId(0), vec![NodeId(2), NodeId(3), NodeId(9)])].into_iter().collect();
    assert_eq!(plan.resume(&crossed).unwrap_err().partition, PartitionId(0));
    assert!(plan.resume(&Assignment::default()).is_err());
}
