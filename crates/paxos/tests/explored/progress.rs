//! Progress: every fair run of a single proposer decides, and what stands in its way is shown.

use synod_core::NodeId;
use synod_paxos::{Command, Config, Paxos};
use synod_sim::explore::{Bounds, Cluster, Liveness, Progress};

/// Three nodes, and a value to propose on each of these. No timer runs out: whoever fails does not try again.
fn cluster(proposers: &[u64], bounds: Bounds) -> Cluster<Paxos> {
    let make = |id| Paxos::new(Config::new(id, (1..=3).map(NodeId))).unwrap();
    let cluster = Cluster::new(3, make).bounds(bounds).timers(|_, _| false).without_incarnations();
    proposers.iter().fold(cluster, |cluster, id| {
        cluster.command(NodeId(*id), Command::Propose { value: format!("v{id}").into() })
    })
}

/// Whether every fair run comes to where all know what was decided.
fn all_know(cluster: &Cluster<Paxos>) -> Progress<Cluster<Paxos>> {
    let progress = Liveness::new(cluster).eventually(|state| {
        cluster.inspect(state, |view| {
            view.up().count() == 3 && view.up().all(|(_, node)| node.decided().is_some())
        })
    });
    println!("{}", progress.to_string().lines().next().unwrap_or_default());
    progress
}

#[test]
fn a_single_proposer_decides_in_every_fair_run() {
    let alone = all_know(&cluster(&[1], Bounds::default()));
    assert!(matches!(alone, Progress::Holds { states: 419 }), "{alone}");
}

#[test]
fn a_lost_message_needs_a_timer() {
    let cluster = cluster(&[1], Bounds { drops: 1, ..Bounds::default() });
    let Progress::Fails(lasso) = all_know(&cluster) else { panic!("decides without a timer") };
    // Nobody goes round and round: all other messages have arrived, and somebody waits for a timer.
    assert!(lasso.cycle.is_empty() && lasso.to_string().contains("lost between"), "{lasso}");
}

/// Each has one ballot, and the higher one is refused by nobody.
#[test]
#[ignore = "half a minute: `cargo xtask explore`"]
fn two_proposers_with_a_ballot_each_decide_in_every_fair_run() {
    let both = all_know(&cluster(&[1, 2], Bounds::default()));
    assert!(matches!(both, Progress::Holds { states: 544_615 }), "{both}");
}
