//! The checker is itself checked: what is wrong it refuses, what is dear it does not call optimal.

use super::{certified, cluster};
use synod_core::NodeId;
use synod_partition::{Flaw, Partition, PartitionId, Replication, Request, verify};

fn request() -> Request {
    let nodes = cluster(&[(1, "a"), (1, "a"), (1, "b"), (1, "b"), (1, "c")]);
    let partitions = (0..10).map(|id| Partition::new(id).sized(1 + id).owned([1, 3]));
    Request::new(nodes, partitions, Replication::new(2).across(2)).unwrap()
}

#[test]
fn a_dearer_assignment_is_not_called_optimal() {
    let request = request();
    let plan = certified(&request);
    // Two partitions trade an owner that stays for one that is new.
    let mut dearer = None;
    for (a, owners_a) in plan.assignment.iter() {
        for (b, owners_b) in plan.assignment.iter() {
            for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let mut other = plan.assignment.clone();
                let (mut new_a, mut new_b) = (owners_a.to_vec(), owners_b.to_vec());
                new_a[i] = owners_b[j];
                new_b[j] = owners_a[i];
                other.set(a, new_a);
                other.set(b, new_b);
                if let Ok(proof) = verify(&request, &other, &plan.certificate) {
                    assert!(proof.cost >= plan.cost);
                    if proof.cost > plan.cost {
                        assert!(!proof.is_optimal());
                        dearer = Some(other);
                    }
                }
            }
        }
    }
    assert!(dearer.is_some(), "no trade made it dearer: the test tests nothing");
}

#[test]
fn a_forged_certificate_proves_less_and_never_too_much() {
    let request = request();
    let plan = certified(&request);
    for node in 1..=5 {
        for change in [-7, -1, 1, 7] {
            let mut forged = plan.certificate.clone();
            *forged.nodes.entry(NodeId(node)).or_default() += change;
            let proof = verify(&request, &plan.assignment, &forged).unwrap();
            assert!(proof.bound <= plan.cost, "a bound above a plan that exists: {proof:?}");
        }
    }
    let none = verify(&request, &plan.assignment, &synod_partition::Certificate::default()).unwrap();
    assert!(!none.is_optimal());
}

#[test]
fn each_broken_promise_is_named() {
    let request = request();
    let plan = certified(&request);
    let with = |partition: u64, owners: &[u64]| {
        let mut assignment = plan.assignment.clone();
        assignment.set(PartitionId(partition), owners.iter().copied().map(NodeId).collect());
        verify(&request, &assignment, &plan.certificate)
    };
    let partition = PartitionId(3);
    let owners = Err(Flaw::Owners { partition, copies: 2 });
    assert_eq!(with(3, &[1]), owners);
    assert_eq!(with(3, &[1, 1]), owners);
    assert_eq!(with(3, &[1, 9]), owners);
    assert_eq!(with(3, &[1, 2]), Err(Flaw::Spread { partition }));
    assert_eq!(with(77, &[1, 3]), Err(Flaw::Partitions { partition: PartitionId(77) }));
    let all_on_one = (0..10).map(|id| (PartitionId(id), vec![NodeId(1), NodeId(3)])).collect();
    let node = NodeId(1);
    let over = Err(Flaw::Quota { node, replicas: 10, least: 4, most: 4 });
    assert_eq!(verify(&request, &all_on_one, &plan.certificate), over);
}

/// `slot mod n`, and replicas in turn without a look at zones or owners: what people write first.
#[test]
fn plans_of_planted_planners_are_refused_or_shown_to_be_dear() {
    let nodes =
        |count: usize| cluster(&[(1, "a"), (1, "b"), (1, "c"), (1, "a"), (1, "b"), (1, "c")][..count]);
    let modulo = |slot: u64, count: u64| [slot % count + 1, (slot + 1) % count + 1];
    let owned = (0..60).map(|slot| Partition::new(slot).owned(modulo(slot, 5)));
    let request = Request::new(nodes(6), owned, Replication::new(2)).unwrap();
    let best = certified(&request);
    // Resized by remainder: even, legal, and it moves most of the data.
    let resized = (0..60).map(|slot| (PartitionId(slot), modulo(slot, 6).map(NodeId).to_vec())).collect();
    let proof = verify(&request, &resized, &best.certificate).unwrap();
    assert_eq!(best.cost, 20, "a sixth of 120");
    assert!(!proof.is_optimal() && proof.cost >= 4 * best.cost, "{proof:?}");
    // The last one of the ring wraps around onto a node that it has already.
    let wraps = (0..60)
        .map(|slot| (PartitionId(slot), vec![NodeId(slot % 6 + 1), NodeId((slot + 6) % 6 + 1)]))
        .collect();
    let partition = PartitionId(0);
    assert_eq!(verify(&request, &wraps, &best.certificate), Err(Flaw::Owners { partition, copies: 2 }));
    // Two copies in one zone: three nodes on.
    let strict = request.partitions().to_vec();
    let strict = Request::new(nodes(6), strict, Replication::new(2).across(2)).unwrap();
    let close = (0..60)
        .map(|slot| (PartitionId(slot), vec![NodeId(slot % 6 + 1), NodeId((slot + 3) % 6 + 1)]))
        .collect();
    assert_eq!(verify(&strict, &close, &best.certificate), Err(Flaw::Spread { partition }));
}
