//! Tokens: even, however the ring came about, and nothing moves between nodes that stay.

use proptest::prelude::*;
use std::collections::BTreeMap;
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
    fn only_what_joins_takes_and_only_what_leaves_gives_and_tokens_do_not_grow(
        events in prop::collection::vec((0..4_u8, 0..30_u64, 0..9_u64), 1..60),
        positions in prop::collection::vec(any::<u64>(), 20),
    ) {
        let mut ring = Tokens::new(NodeId(0), 4, 32);
        let mut weights = BTreeMap::from([(NodeId(0), 4)]);
        let mut heaviest = weights.clone();
        for (kind, id, weight) in events {
            let node = NodeId(id);
            let before = ring.clone();
            let moved = match kind {
                0 => ring.leave(node),
                1 => ring.reweigh(node, weight),
                _ => ring.join(node, weight),
            };
            let Ok(moved) = moved else {
                prop_assert_eq!(&ring, &before);
                continue;
            };
            let old = weights.remove(&node).unwrap_or(0);
            if kind > 0 {
                weights.insert(node, weight);
                let most = heaviest.entry(node).or_default();
                *most = weight.max(if kind == 1 { *most } else { 0 });
            }
            prop_assert!(ring.owned().keys().eq(weights.keys()), "somebody who is not here owns something");
            let has = before.owned().get(&node).copied().unwrap_or(0);
            let fair = weights.get(&node).map_or(0, |weight| (u128::from(*weight) << 64) / weights.values().map(|w| u128::from(*w)).sum::<u128>());
            prop_assert_eq!(ring.owned().values().sum::<u128>(), 1 << 64);
            // As little moves as can: to what is fair, and no further.
            let amount: u128 = moved.iter().map(|moved| u128::from(*moved.range.end() - *moved.range.start()) + 1).sum();
            // Who takes stops where it has all its tokens, which may be before that.
            let due = has.abs_diff(fair);
            prop_assert!(amount == due || has < fair && amount < due, "{} from {}: {} of {}", node, old, amount, due);
            for position in positions.iter().copied().chain([0, u64::MAX]) {
                let (old, new) = (before.owner(position), ring.owner(position));
                let said = moved.iter().find(|moved| moved.range.contains(&position));
                prop_assert_eq!(said.map(|moved| (moved.from, moved.to)), (old != new).then_some((old, new)));
                prop_assert!(old == new || new == node || old == node);
            }
            prop_assert!(moved.windows(2).all(|pair| pair[0].range.end() < pair[1].range.start()));
            for node in weights.keys() {
                let tokens = (heaviest[node] * 32).max(1);
                prop_assert!(ring.tokens(*node).len() as u64 <= tokens, "more than {} tokens", tokens);
            }
        }
    }
}

#[test]
fn a_ring_that_shrinks_and_grows_again_stays_even_and_keeps_its_tokens() {
    let mut ring = Tokens::new(NodeId(1), 1, 64);
    for id in 2..=40 {
        ring.join(NodeId(id), 1).unwrap();
    }
    let (mut alone, mut many, mut whole) = (0, 0, 0);
    for round in 0..40 {
        // At first single nodes leave and come back, later up to half of the cluster.
        let some: Vec<u64> = (1..=40).filter(|id| (id * 7 + round) % 40 < 1 + round / 2).collect();
        for (at, id) in some.iter().enumerate() {
            ring.leave(NodeId(*id)).unwrap();
            let worst = if at == 0 { &mut alone } else { &mut many };
            *worst = ring.imbalance_ppm().max(*worst);
        }
        for id in some {
            ring.join(NodeId(id), 1).unwrap();
        }
        whole = ring.imbalance_ppm().max(whole);
        assert!(ring.ranges().count() <= 40 * 64, "{}", ring.ranges().count());
    }
    println!("{alone} ppm after a leave, {many} after many, {whole} when all are back");
    assert!(alone <= 30_000 && many <= 100_000 && whole <= 30_000, "{alone}, {many}, {whole} ppm");
}

#[test]
fn a_weight_that_goes_up_and_down_moves_the_difference() {
    let mut ring = Tokens::new(NodeId(1), 1, 64);
    (2..=20).for_each(|id| drop(ring.join(NodeId(id), 1).unwrap()));
    for weight in [3, 1, 2, 0, 1, 200, 1] {
        let moved = ring.reweigh(NodeId(7), weight).unwrap();
        let to = moved.iter().filter(|moved| moved.to == NodeId(7)).count();
        assert!(to == 0 || to == moved.len());
        println!("{weight}: {} ppm, {} ranges", ring.imbalance_ppm(), ring.ranges().count());
        assert!(ring.imbalance_ppm() <= 30_000, "{weight}: {}", ring.imbalance_ppm());
    }
    assert_eq!(ring.reweigh(NodeId(77), 1), Err(TokenError::Absent { node: NodeId(77) }));
    assert_eq!(ring.reweigh(NodeId(7), u64::MAX), Err(TokenError::Overweight));
}

#[test]
fn the_first_node_leaves_though_its_last_ranges_stand_in_a_row() {
    // The newcomer has fewer tokens: behind its last one there are several of the first node, up to the last position.
    for (weight, tokens) in [(4, 1), (16, 4), (4_096, 1), (1 << 40, 3)] {
        let mut ring = Tokens::new(NodeId(1), weight, tokens);
        ring.join(NodeId(2), 1).unwrap();
        let mut light = ring.clone();
        let moved = light.reweigh(NodeId(1), 1).unwrap();
        let given: u128 =
            moved.iter().map(|moved| u128::from(moved.range.end() - moved.range.start()) + 1).sum();
        assert_eq!(light.owned()[&NodeId(2)], ring.owned()[&NodeId(2)] + given);
        ring.leave(NodeId(1)).unwrap();
        assert_eq!(ring.owned(), BTreeMap::from([(NodeId(2), 1 << 64)]), "{weight} × {tokens}");
        assert!(ring.tokens(NodeId(1)).is_empty());
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
    assert_eq!(ring.reweigh(NodeId(1), 0), Err(TokenError::Last { node: NodeId(1) }));
}
