//! Maps and routers: whatever was heard in whatever order, the newest wins.

use proptest::prelude::*;
use synod_core::NodeId;
use synod_hashring::{Cluster, HashFn, Placement, Slots};
use synod_partition::{
    Directory, EPOCH_MAX, Entry, HashRanges, MapError, Modulo, PartitionId, PartitionMap, Ranges, Routed,
    Router, Scheme, Span,
};

/// Maps as they come about: all entries of one epoch are equal, because they were made once.
fn maps() -> impl Strategy<Value = PartitionMap> {
    let entry = (0..6_u64, 1..5_u64).prop_map(|(id, epoch)| {
        let owners = (0..epoch % 3 + 1).map(|at| NodeId(id * 100 + epoch * 10 + at)).collect();
        (PartitionId(id), Entry { epoch, owners, span: None })
    });
    prop::collection::btree_map(0..6_u8, entry, 0..6)
        .prop_map(|all| PartitionMap::new(all.into_values()).unwrap())
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
}

#[test]
fn a_server_that_is_behind_does_not_answer() {
    let (p, key) = (PartitionId(0), b"key");
    let mut server = Router::new(Scheme::Slots(1, HashFn::default()), PartitionMap::default());
    assert_eq!(server.check(key, p, 0, NodeId(1)), Routed::Unknown);
    assert_eq!(server.check(key, p, 3, NodeId(1)), Routed::Ahead);
    server.set(p, [NodeId(1)]).unwrap();
    assert_eq!(server.check(key, p, 1, NodeId(1)), Routed::Here);
    assert_eq!(server.check(key, p, 2, NodeId(1)), Routed::Ahead);
    assert!(matches!(server.check(key, p, 1, NodeId(2)), Routed::Stale { .. }));
    // A partition that was merged away stays away, whatever old maps say.
    let old = server.map().clone();
    server.set(p, []).unwrap();
    server.merge(&old);
    assert_eq!((server.map().leader(p), server.map().assignment().iter().count()), (None, 0));
}

/// An entry of the last epoch would leave none to follow it.
#[test]
fn epochs_end_before_they_overflow() {
    let p = PartitionId(1);
    let at = |epoch| Entry { epoch, owners: vec![NodeId(1)], span: None };
    let mut map = PartitionMap::default();
    assert_eq!(map.learn(p, at(u64::MAX)), Err(MapError::Epoch { partition: p }));
    assert_eq!(PartitionMap::new([(p, at(u64::MAX))]), Err(MapError::Epoch { partition: p }));
    assert_eq!(map.epoch(p), 0);
    assert_eq!(map.learn(p, at(u64::MAX - 2)), Ok(true));
    assert_eq!(map.set(p, [NodeId(2)]), Ok(u64::MAX - 1));
    assert_eq!(map.set(p, [NodeId(3)]), Err(MapError::Epoch { partition: p }));
    assert_eq!((map.leader(p), map.epoch(p)), (Some(NodeId(2)), EPOCH_MAX));
    let mut router = Router::new(Scheme::Slots(2, HashFn::default()), map);
    assert_eq!(
        router.split(p, &u64::MAX.to_be_bytes(), PartitionId(7)),
        Err(MapError::Epoch { partition: p })
    );
    router.set(PartitionId(0), [NodeId(2)]).unwrap();
    assert_eq!(router.unite(PartitionId(0), p), Err(MapError::Epoch { partition: PartitionId(0) }));
    let empty = Span { start: b"b".to_vec(), end: Some(b"a".to_vec()) };
    let news = Entry { epoch: 1, owners: vec![NodeId(1)], span: Some(empty) };
    let refused = Err(MapError::Span { partition: PartitionId(9) });
    assert_eq!(router.learn(PartitionId(9), news), refused);
}

#[test]
fn a_router_knows_ranges_hashes_slots_and_directories() {
    let mut map = PartitionMap::default();
    (0..8).for_each(|id| {
        map.set(PartitionId(id), [NodeId(id + 1)]).unwrap();
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
