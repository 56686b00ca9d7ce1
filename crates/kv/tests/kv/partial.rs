//! Partial connectivity: the three cases of Ng, Haridi and Carbone, "Omni-Paxos: Breaking the Barriers of Partial Connectivity"
//! (2023). As long as some node reaches a quorum, clients are served while the partition lasts.

use synod_kv::cluster::{Cluster, scripted, with_spec};
use synod_raft::Raft;
use synod_sim::{Script, Verdict, World};

/// The partition is there from 2 s to the end of the storm. Nobody compacts: what is not in the log cannot be lent.
const HEAD: &str = "synod-script 1\nexpect passed\nstorm 8s\nset checkpoint-every 0\nset clients 4\nset operations 100000\nset nodes ";

/// Everybody is judged as always, and something must be answered in each of the last two seconds under the partition.
fn must_progress(nodes: u64, seed: u64, faults: &str) {
    let text = format!("{HEAD}{nodes}\nseed {seed}\n{faults}");
    let script: Script = text.parse().unwrap();
    let sim = with_spec(scripted(&script).unwrap()).finally("progress", |world: &World<Raft, Cluster>| {
        let answered = |from: u64| {
            let within = from..from + 1_000_000_000;
            world.workload().latencies().iter().any(|(begun, took)| within.contains(&(begun + took)))
        };
        if answered(6_000_000_000) && answered(7_000_000_000) {
            Ok(())
        } else {
            Err("nothing is answered".to_owned())
        }
    });
    let verdict = sim.run_tape(script.tape(), 0..0).0.verdict;
    assert_eq!(verdict, Verdict::Passed, "{text}");
}

/// Everybody reaches `hub` and nobody else.
fn star(nodes: u64, hub: u64) -> String {
    let spokes = (1..=nodes).filter(|id| *id != hub);
    spokes.map(|id| format!("at 2s bridge n{id} through n{hub} for 6s\n")).collect()
}

#[test]
fn quorum_loss_the_hub_leads() {
    for hub in 1..=5 {
        for seed in 0..3 {
            must_progress(5, seed, &star(5, hub));
        }
    }
}

#[test]
fn constrained_election_the_hub_leads_although_it_has_missed_entries() {
    for hub in 1..=5 {
        let gone = hub % 5 + 1;
        for seed in 0..3 {
            // The hub misses a second, comes back when the others lose each other, and one of them is gone altogether.
            let faults = format!("at 1.2s isolate n{hub} for 1s\nat 2s isolate n{gone} for 6s\n");
            must_progress(5, seed, &(faults + &star(5, hub)));
        }
    }
}

#[test]
fn chained_neighbours_reach_each_other_only() {
    // Three in a row, and five: a cut between two parts that only one node spans.
    for seed in 0..4 {
        must_progress(3, seed, "at 2s bridge n1 through n2 for 6s\n");
        let cuts = [
            "bridge n1 through n2",
            "bridge n1 n2 through n3",
            "bridge n5 through n4",
            "bridge n4 n5 through n3",
        ];
        must_progress(5, seed, &cuts.map(|cut| format!("at 2s {cut} for 6s\n")).concat());
    }
}
