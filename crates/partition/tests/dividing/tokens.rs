//! Tokens: even, however the ring came about, and nothing moves between nodes that stay.

use proptest::prelude::*;
use synod_core::NodeId;
use synod_partition::{TokenError, Tokens};

#[test]
fn a_ring_that_grows_stays_within_one_per_cent() {
    let mut ring = Tokens::new(NodeId(1), 1, 256);
    for id in 2..=200 {
        ring.join(NodeId(id), 1).unwrap();
        if matches!(id, 3 | 10 | 50 | 100 | 200) {
            let imbalance = ring.imbalance_ppm();
            assert!(imbalance <= 10_000, "{id} nodes: {imbalance} ppm");
        }
    }
}

#[test]
fn weights_count() {
    let mut ring = Tokens::new(NodeId(1), 3, 64);
    for id in 2..=60 {
        ring.join(NodeId(id), 1 + id % 7).unwrap();
    }
    assert!(ring.imbalance_ppm() <= 10_000, "{}", ring.imbalance_ppm());
    assert_eq!(ring.join(NodeId(99), 0).unwrap(), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn only_what_joins_takes_and_only_what_leaves_gives(
        events in prop::collection::vec((any::<bool>(), 1..30_u64, 0..9_u64), 1..40),
        positions in prop::collection::vec(any::<u64>(), 20),
    ) {
        let mut ring = Tokens::new(NodeId(0), 4, 32);
        for (joins, id, weight) in events {
            let node = NodeId(id);
            let before = ring.clone();
            let moved = if joins { ring.join(node, weight) } else { ring.leave(node) };
            let Ok(moved) = moved else {
                prop_assert_eq!(&ring, &before);
                continue;
            };
            prop_assert_eq!(ring.owned().values().sum::<u128>(), 1 << 64);
            for position in positions.iter().copied().chain([0, u64::MAX]) {
                let (old, new) = (before.owner(position), ring.owner(position));
                let said = moved.iter().find(|moved| moved.range.contains(&position));
                prop_assert_eq!(said.map(|moved| (moved.from, moved.to)), (old != new).then_some((old, new)));
                let concerned = if joins { new } else { old };
                prop_assert!(old == new || concerned == node);
            }
            prop_assert!(moved.windows(2).all(|pair| pair[0].range.end() < pair[1].range.start()));
        }
    }
}

#[test]
fn what_cannot_be_is_said() {
    let mut ring = Tokens::new(NodeId(1), 1, 8);
    assert_eq!(ring.join(NodeId(1), 1), Err(TokenError::Present { node: NodeId(1) }));
    assert_eq!(ring.leave(NodeId(2)), Err(TokenError::Absent { node: NodeId(2) }));
    assert_eq!(ring.leave(NodeId(1)), Err(TokenError::Last { node: NodeId(1) }));
    assert_eq!(ring.join(NodeId(2), u64::MAX), Err(TokenError::Overweight));
    ring.join(NodeId(2), 0).unwrap();
    assert_eq!(ring.leave(NodeId(1)), Err(TokenError::Last { node: NodeId(1) }));
}
