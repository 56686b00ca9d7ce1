//! Reductions of the explorer leave the verdict, and the length of the way to it, as they are.

mod random;
mod sleeping;

use random::{Random, STATES, Told, cluster, on_networks, verdict};
use synod_core::NodeId;
use synod_sim::explore::{Cluster, Explorer, Model, Network, Relabel, Renaming, SymmetryError};

struct Names;

impl Relabel<Random, Told> for Names {
    fn protocol(&self, protocol: &Random, names: &Renaming) -> Random {
        Random { friend: protocol.friend.map(|id| names.of(id)), ..protocol.clone() }
    }

    fn message(&self, message: &u8, _: &Renaming) -> u8 {
        *message
    }

    fn record(&self, record: &u8, _: &Renaming) -> u8 {
        *record
    }

    fn event(&self, event: &u8, _: &Renaming) -> u8 {
        *event
    }

    fn observer(&self, observer: &Told, _: &Renaming) -> Told {
        observer.clone()
    }
}

#[test]
fn reduced_and_full_searches_of_random_protocols_agree() {
    let (mut wrong, mut right, mut fewer, mut fewest) = (0, 0, 0, 0);
    for seed in 0..400 {
        let full = cluster(seed);
        let full = Explorer::new(&full).states_max(STATES).run();
        let Some(expected) = verdict(&full) else { continue };
        let again = cluster(seed);
        let reduced = again.reduced();
        let reduced = Explorer::new(&reduced).run();
        assert_eq!(verdict(&reduced), Some(expected), "seed {seed}");
        let nodes =
            (1..=if again.inspect(&again.initial()[0], |view| view.up().count()) == 3 { 3 } else { 2 })
                .map(NodeId);
        let symmetric = again.reduced().symmetric(nodes, Names).unwrap();
        let symmetric = Explorer::new(&symmetric).run();
        assert_eq!(verdict(&symmetric), Some(expected), "seed {seed}");
        match expected {
            Some(_) => wrong += 1,
            None => {
                right += 1;
                assert!(reduced.extent.unique <= full.extent.unique, "seed {seed}");
                assert!(symmetric.extent.unique <= reduced.extent.unique, "seed {seed}");
                fewer += usize::from(reduced.extent.unique < full.extent.unique);
                fewest += usize::from(symmetric.extent.unique < reduced.extent.unique);
            }
        }
    }
    // The test is worth something only if both verdicts and both reductions are met often.
    assert!(wrong > 30 && right > 50 && fewer > 30 && fewest > 50, "{wrong} {right} {fewer} {fewest}");
}

/// Where messages stay for ever, what only makes a node speak is delivered at once, and is no step.
#[test]
fn what_is_answered_at_once_leaves_the_verdict_as_it_is() {
    let (mut wrong, mut right, mut fewer, mut shorter) = (0, 0, 0, 0);
    for seed in 0..600 {
        let cluster = on_networks(seed, &[Network::Everlasting]);
        let full = Explorer::new(&cluster).states_max(STATES).run();
        let Some(expected) = verdict(&full) else { continue };
        let reduced = cluster.reduced();
        let reduced = Explorer::new(&reduced).run();
        let Some(found) = verdict(&reduced) else { panic!("seed {seed}: {reduced}") };
        let again = cluster.reduced();
        assert_eq!(verdict(&Explorer::new(&again).run_with_sleep_sets()), Some(found), "seed {seed}");
        assert_eq!(found.is_some(), expected.is_some(), "seed {seed}");
        assert!(found <= expected, "seed {seed}");
        match expected {
            Some(_) => {
                wrong += 1;
                shorter += usize::from(found < expected);
            }
            None => {
                right += 1;
                assert!(reduced.extent.unique <= full.extent.unique, "seed {seed}");
                fewer += usize::from(reduced.extent.unique < full.extent.unique);
            }
        }
    }
    assert!(wrong > 50 && right > 300 && fewer > 30 && shorter > 2, "{wrong} {right} {fewer} {shorter}");
}

#[test]
fn three_equal_nodes_need_about_a_sixth_of_the_states() {
    let seed = (0..)
        .find(|seed| {
            let cluster = cluster(*seed);
            let three = cluster.inspect(&cluster.initial()[0], |view| view.up().count()) == 3;
            let found = Explorer::new(&cluster).states_max(STATES).run();
            three && found.holds() && found.extent.unique > 5_000
        })
        .unwrap();
    let cluster = cluster(seed);
    let plain = Explorer::new(&cluster.reduced()).run();
    let symmetric = cluster.reduced().symmetric((1..=3).map(NodeId), Names).unwrap();
    let symmetric = Explorer::new(&symmetric).run();
    let ratio = plain.extent.unique as f64 / symmetric.extent.unique as f64;
    assert!((4.0..=6.0).contains(&ratio), "{ratio}");
}

#[test]
fn nodes_that_differ_are_not_exchanged() {
    let made = |_| Random { state: 0, friend: None, seed: 1, nodes: 3 };
    let cluster = Cluster::observed(3, made, Told::default()).command(NodeId(1), 0).command_anywhere(1);
    let exchange = |ids: &[u64]| cluster.reduced().symmetric(ids.iter().map(|id| NodeId(*id)), Names).err();
    assert_eq!(exchange(&[2, 3]), None);
    assert_eq!(exchange(&[1, 2, 3]), Some(SymmetryError::SingledOut(NodeId(1))));
    assert_eq!(exchange(&[2, 4]), Some(SymmetryError::NoSuchNode(NodeId(4))));
}
