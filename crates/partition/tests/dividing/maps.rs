//! Maps and routers: whatever was heard in whatever order, the newest wins, and a stale client gets there.

use proptest::prelude::*;
use std::collections::BTreeMap;
use synod_core::NodeId;
use synod_hashring::{Cluster, HashFn, Placement, Slots};
use synod_partition::{
    Directory, Entry, HashRanges, Modulo, PartitionId, PartitionMap, Ranges, Routed, Router, Scheme,
};

/// Maps as they come about: all entries of one epoch are equal, because they were made once.
fn maps() -> impl Strategy<Value = PartitionMap> {
    let entry = (0..6_u64, 1..5_u64).prop_map(|(id, epoch)| {
        let owners = (0..epoch % 3 + 1).map(|at| NodeId(id * 100 + epoch * 10 + at)).collect();
        (PartitionId(id), Entry { epoch, owners })
    });
    prop::collection::btree_map(0..6_u8, entry, 0..6).prop_map(|all| all.into_values().collect())
}

proptest! {
    #[test]
    fn merging_is_commutative_associative_and_idempotent(a in maps(), b in maps(), c in maps()) {
        let merged = |maps: [&PartitionMap; 3]| {
            let mut map = PartitionMap::default();
            maps.into_iter().for_each(|other| map.merge(other));
            map
        };
        let all = merged([&a, &b, &c]);
        prop_assert_eq!(&merged([&c, &b, &a]), &all);
        let mut right = b.clone();
        right.merge(&c);
        prop_assert_eq!(&merged([&a, &right, &a]), &all);
        for (partition, entry) in all.iter() {
            let newest = [&a, &b, &c].into_iter().map(|map| map.epoch(partition)).max();
            prop_assert_eq!(Some(entry.epoch), newest);
        }
    }

    #[test]
    fn a_stale_client_gets_there(moves in prop::collection::vec((0..4_u64, 1..6_u64), 1..40), known in 0..40_usize) {
        // Each node knows what concerns itself, and nothing later; the client knows the beginning.
        let mut truth = PartitionMap::default();
        (0..4).for_each(|id| { truth.set(PartitionId(id), [NodeId(1)]); });
        let mut nodes: BTreeMap<NodeId, PartitionMap> = (1..6).map(|id| (NodeId(id), truth.clone())).collect();
        let mut client = truth.clone();
        for (at, (partition, to)) in moves.into_iter().enumerate() {
            let partition = PartitionId(partition);
            let old = truth.leader(partition).unwrap();
            truth.set(partition, [NodeId(to)]);
            for node in [old, NodeId(to)] {
                nodes.get_mut(&node).unwrap().learn(partition, truth.get(partition).unwrap().clone());
            }
            if at == known {
                client = truth.clone();
            }
        }
        for id in 0..4 {
            let partition = PartitionId(id);
            let mut router = Router::new(Scheme::Slots(4, HashFn::default()), client.clone());
            let mut hops = 0;
            loop {
                let node = router.map().leader(partition).unwrap();
                match nodes[&node].check(partition, router.map().epoch(partition), node) {
                    Routed::Here => break,
                    Routed::Stale(news) => prop_assert!(router.learn(partition, news.clone()), "sent on with no news"),
                    other => prop_assert!(false, "{:?}", other),
                }
                hops += 1;
                prop_assert!(hops < 50);
            }
            prop_assert_eq!(router.map().leader(partition), truth.leader(partition));
        }
    }
}

#[test]
fn a_server_that_is_behind_does_not_answer() {
    let p = PartitionId(1);
    let mut server = PartitionMap::default();
    assert_eq!(server.check(p, 0, NodeId(1)), Routed::Unknown);
    assert_eq!(server.check(p, 3, NodeId(1)), Routed::Ahead);
    server.set(p, [NodeId(1)]);
    assert_eq!(server.check(p, 1, NodeId(1)), Routed::Here);
    assert_eq!(server.check(p, 2, NodeId(1)), Routed::Ahead);
    assert!(matches!(server.check(p, 1, NodeId(2)), Routed::Stale(_)));
    // A partition that was merged away stays away, whatever old maps say.
    let old = server.clone();
    server.set(p, []);
    server.merge(&old);
    assert_eq!((server.leader(p), server.assignment().iter().count()), (None, 0));
}

#[test]
fn a_router_knows_ranges_hashes_slots_and_directories() {
    let mut map = PartitionMap::default();
    (0..8).for_each(|id| {
        map.set(PartitionId(id), [NodeId(id + 1)]);
    });
    let cuts = [(b"g".to_vec(), PartitionId(1)), (b"m".to_vec(), PartitionId(2))];
    let mut names = Directory::new(PartitionId(3));
    names.pin(b"vip", PartitionId(7));
    let of = |scheme: Scheme| Router::new(scheme, map.clone());
    let ranges = of(Scheme::Ranges(Ranges::cut(PartitionId(0), cuts).unwrap()));
    let asked = |router: &Router, from: &str, to: &str| -> Vec<u64> {
        router.scan(from.as_bytes()..to.as_bytes()).iter().map(|route| route.partition.0).collect()
    };
    assert_eq!(ranges.route(b"harry").owners, [NodeId(2)]);
    assert_eq!(asked(&ranges, "a", "h"), [0, 1]);
    assert_eq!(asked(&ranges, "h", "a"), [0; 0]);
    let hashed = [
        of(Scheme::HashRanges(HashRanges::equal(8, HashFn::default()))),
        of(Scheme::Slots(8, HashFn::default())),
        of(Scheme::Modulo(Modulo::new(8, HashFn::default()).unwrap())),
    ];
    for router in &hashed {
        assert_eq!(asked(router, "a", "h").len(), 8, "a scan over hashes asks everybody");
    }
    // Slots and equal ranges of the hash are the same division.
    assert_eq!(hashed[0].partition(b"user_123"), hashed[1].partition(b"user_123"));
    let directory = of(Scheme::Directory(names));
    assert_eq!((directory.partition(b"vip"), directory.partition(b"else")), (PartitionId(7), PartitionId(3)));
    let slots = Slots::new(Cluster::equal(3), 64, HashFn::default()).unwrap();
    let router = Router::of_slots(&slots);
    for key in 0..200_u64 {
        let key = key.to_le_bytes();
        assert_eq!(router.route(&key).owners, [slots.owner_of(&key)]);
    }
}
