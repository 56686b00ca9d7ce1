//! Clients with old maps over moves, splits and merges: they get to whoever has the key, and nobody else answers them.

use proptest::prelude::*;
use std::collections::BTreeMap;
use synod_core::NodeId;
use synod_hashring::HashFn;
use synod_partition::{
    Entry, HashRanges, MapError, PartitionId, PartitionMap, Ranges, Routed, Router, Scheme, Span,
};

const NODES: u64 = 4;

/// Every scheme whose partitions can be cut, four partitions each.
fn schemes() -> [Scheme; 3] {
    let cuts =
        [(b"g".to_vec(), PartitionId(1)), (b"m".to_vec(), PartitionId(2)), (b"t".to_vec(), PartitionId(3))];
    [
        Scheme::Ranges(Ranges::cut(PartitionId(0), cuts).unwrap()),
        Scheme::HashRanges(HashRanges::equal(4, HashFn::default())),
        Scheme::Slots(4, HashFn::default()),
    ]
}

fn router(scheme: &Scheme) -> Router {
    let owned = |id| (PartitionId(id), Entry { epoch: 1, owners: vec![NodeId(1 + id % NODES)], span: None });
    Router::new(scheme.clone(), PartitionMap::new((0..4).map(owned)).unwrap())
}

fn keys() -> impl Iterator<Item = Vec<u8>> {
    let names = (b'a'..=b'z').flat_map(|first| [b'a', b'k', b'z'].map(|second| vec![first, second]));
    names.chain([vec![], vec![255; 9]])
}

/// What happens to the truth, made of three numbers. The new partition's id is never used before.
fn change(truth: &mut Router, (kind, which, more): (u8, u64, u64), new: PartitionId) {
    let alive = truth.map().iter().filter(|(_, entry)| !entry.owners.is_empty());
    let alive: Vec<PartitionId> = alive.map(|(id, _)| id).collect();
    let id = alive[which as usize % alive.len()];
    let done = match kind {
        0 => truth.set(id, [NodeId(1 + more % NODES)]).map(drop),
        1 => {
            let name = (more % (1 << 16)) as u16 | 0x6000;
            truth.split(id, &name.to_be_bytes(), new)
        }
        2 => truth.split(id, &more.to_be_bytes(), new),
        _ => {
            // Neighbours are brought together first, as a database would.
            let right = alive[more as usize % alive.len()];
            match truth.unite(id, right) {
                Err(MapError::Owners { .. }) => {
                    let owner = truth.map().leader(id).unwrap();
                    truth.set(right, [owner]).and_then(|_| truth.unite(id, right))
                }
                other => other,
            }
        }
    };
    assert!(!matches!(done, Err(MapError::Epoch { .. } | MapError::Uncut { .. } | MapError::Owners { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_stale_client_gets_there_over_moves_splits_and_merges(
        changes in prop::collection::vec((0..4_u8, any::<u64>(), any::<u64>()), 1..24),
        known in 0..24_usize,
    ) {
        for scheme in schemes() {
            let mut truth = router(&scheme);
            let mut client = truth.clone();
            // Each node hears what concerns partitions that it has or had, and nothing else.
            let mut nodes: BTreeMap<NodeId, Router> = (1..=NODES).map(|id| (NodeId(id), truth.clone())).collect();
            for (at, given) in changes.iter().enumerate() {
                let before = truth.clone();
                change(&mut truth, *given, PartitionId(100 + at as u64));
                let changed: Vec<_> = truth
                    .map()
                    .iter()
                    .filter(|(id, entry)| before.map().get(*id) != Some(*entry))
                    .map(|(id, entry)| (id, entry.clone()))
                    .collect();
                let concerned: Vec<NodeId> = changed
                    .iter()
                    .flat_map(|(id, entry)| before.map().leader(*id).into_iter().chain(entry.owners.clone()))
                    .collect();
                for node in concerned {
                    for (id, entry) in &changed {
                        nodes.get_mut(&node).unwrap().learn(*id, entry.clone()).unwrap();
                    }
                }
                if at == known {
                    client = truth.clone();
                }
            }
            for key in keys() {
                let has = truth.route(&key);
                for hops in 0.. {
                    prop_assert!(hops < 80, "{:?} goes round", key);
                    let route = client.route(&key);
                    let node = route.owners.first().copied();
                    let answer = node.map(|node| nodes[&node].check(&key, route.partition, route.epoch, node));
                    let news = match answer {
                        Some(Routed::Here) => {
                            prop_assert_eq!((route, node), (has, has.owners.first().copied()));
                            break;
                        }
                        Some(Routed::Stale { partition, news }) => Some((partition, news.clone())),
                        _ => None,
                    };
                    let learnt = news.is_some_and(|(id, news)| client.learn(id, news).unwrap());
                    if !learnt {
                        // Whoever decides about the map knows.
                        let news = truth.map().get(has.partition).unwrap().clone();
                        prop_assert!(client.learn(has.partition, news).unwrap(), "{:?}: no way on", key);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_learnt_does_not_depend_on_the_order(
        changes in prop::collection::vec((0..4_u8, any::<u64>(), any::<u64>()), 1..16),
        order in any::<u64>(),
    ) {
        for scheme in schemes() {
            let mut truth = router(&scheme);
            let mut heard = Vec::new();
            for (at, given) in changes.iter().enumerate() {
                change(&mut truth, *given, PartitionId(100 + at as u64));
                heard.extend(truth.map().iter().map(|(id, entry)| (id, entry.clone())));
            }
            let mut client = router(&scheme);
            heard.sort_by_key(|(id, entry)| (id.0 ^ entry.epoch << 8).wrapping_mul(order | 1).rotate_left(20));
            for (id, entry) in heard {
                client.learn(id, entry).unwrap();
            }
            for key in keys() {
                prop_assert_eq!(client.route(&key), truth.route(&key));
            }
            let all = truth.scan(b"".as_slice()..&[255; 12]);
            prop_assert_eq!(client.scan(b"".as_slice()..&[255; 12]), all);
        }
    }
}

/// The trap: the client learns the new epoch of the old partition alone, asks again, and must not be answered.
#[test]
fn a_key_that_was_split_off_is_refused_whatever_the_client_knows() {
    for (scheme, cut) in schemes().into_iter().zip([b"w".to_vec(), vec![0xf0; 8], vec![0xf0; 8]]) {
        let (old, new, me) = (PartitionId(3), PartitionId(9), NodeId(4));
        let mut server = router(&scheme);
        server.split(old, &cut, new).unwrap();
        let mine = |key: &Vec<u8>| server.partition(key) == new;
        let (inside, outside): (Vec<_>, Vec<_>) =
            keys().filter(|key| router(&scheme).partition(key) == old).partition(|key| !mine(key));
        assert!(!inside.is_empty() && !outside.is_empty());
        for key in outside {
            for epoch in 0..=2 {
                let Routed::Stale { partition, news } = server.check(&key, old, epoch, me) else { panic!() };
                assert_eq!((partition, news.epoch), (new, 2));
            }
            assert_eq!(server.check(&key, new, 2, me), Routed::Here);
            assert_eq!(server.check(&key, old, 3, me), Routed::Ahead);
        }
        assert!(inside.iter().all(|key| server.check(key, old, 2, me) == Routed::Here));
        // Back together, the id of the right one is gone for good.
        server.unite(old, new).unwrap();
        assert_eq!(server.map().epoch(old), 3);
        for key in inside {
            assert!(
                matches!(server.check(&key, new, 2, me), Routed::Stale { partition, .. } if partition == old)
            );
            assert!(matches!(server.check(&key, old, 2, me), Routed::Stale { .. }));
        }
        assert_eq!(server.split(old, &cut, new), Err(MapError::Taken { partition: new }));
    }
}

#[test]
fn what_cannot_be_cut_or_united_is_said() {
    let [ranges, ..] = schemes();
    let mut server = router(&ranges);
    let p = PartitionId;
    assert_eq!(server.split(p(8), b"x", p(9)), Err(MapError::Unknown { partition: p(8) }));
    assert_eq!(server.split(p(1), b"h", p(2)), Err(MapError::Taken { partition: p(2) }));
    assert_eq!(server.split(p(1), b"g", p(9)), Err(MapError::Outside { partition: p(1) }));
    assert_eq!(server.split(p(1), b"m", p(9)), Err(MapError::Outside { partition: p(1) }));
    assert_eq!(server.unite(p(0), p(2)), Err(MapError::Apart { left: p(0), right: p(2) }));
    assert_eq!(server.unite(p(0), p(1)), Err(MapError::Owners { left: p(0), right: p(1) }));
    assert_eq!(server, router(&ranges));
    let modulo = synod_partition::Modulo::new(4, HashFn::default()).unwrap();
    let mut remainders = router(&Scheme::Modulo(modulo));
    assert_eq!(remainders.split(p(1), b"h", p(9)), Err(MapError::Uncut { partition: p(1) }));
    assert_eq!(Span::of_hashes(0..=u64::MAX), Span { start: vec![0; 8], end: None });
}
