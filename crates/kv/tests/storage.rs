//! The store on Raft over storage that fails: Raft refuses a damaged log, and a driver that misreads its disk is noticed.
#![cfg(test)]
#![cfg(feature = "cluster")]

use core::time::Duration;
use synod_core::NodeId;
use synod_kv::cluster::{Cluster, Settings, simulation, with_invariants, with_judge};
use synod_raft::Raft;
use synod_sim::{Climate, Dials, Fault, Rate, Sabotage, Sim, Verdict, World};

fn judged() -> Sim<Raft, Cluster> {
    with_invariants(with_judge(simulation(&Settings::default()).unwrap()))
}

fn often(fault: Fault, every_ms: u64) -> Rate {
    let lasting = (Duration::from_millis(20), Duration::from_millis(300));
    Rate { fault, every: Duration::from_millis(every_ms), lasting }
}

#[test]
fn raft_refuses_a_damaged_log_and_the_cluster_goes_on_without_the_node() {
    // By default damage keeps to a minority of the nodes: Raft does not repair its log from its peers.
    let sim = judged()
        .turn(|dials: &mut Dials| {
            dials.schedule.extend([
                often(Fault::BitRot, 300),
                often(Fault::MisdirectedWrite, 1_000),
                often(Fault::Crash, 800),
            ]);
        })
        .finally("a clear refusal of a minority", |world: &World<Raft, Cluster>| {
            let refused: Vec<&str> = (1..=5).filter_map(|id| world.refused(NodeId(id))).collect();
            let clear = refused.iter().all(|why| why.contains("Damaged { at: Lsn("));
            let complete = world.up().count() + refused.len() == 5;
            if refused.len() <= 2 && clear && complete { Ok(()) } else { Err(format!("{refused:?}")) }
        })
        .sometimes("two nodes refused", |world| world.stats().refusals == 2)
        .sometimes("the atlas spared a third", |world| world.stats().spared > 0);
    let summary = sim.run_seeds(0..40, |_| {});
    assert!(summary.passed(), "{summary}");
}

#[test]
fn a_driver_that_misreads_its_disk_is_caught() {
    for sabotage in [Sabotage::RetriedFsync, Sabotage::TrustedPageCache, Sabotage::ReplayPastHole] {
        let run = |sabotage: Option<Sabotage>, seed| {
            let sim = judged().climate(Climate::Fixed(Dials::calm())).turn(move |dials: &mut Dials| {
                dials.sabotage = sabotage;
                dials.storage.reorder_ppm = 1_000_000;
                dials.sync = synod_sim::Latency::LogNormal(Duration::from_millis(8));
                dials.schedule = vec![
                    often(Fault::FailSync, 150),
                    often(Fault::Crash, 500),
                    often(Fault::Blackout, 1_500),
                ];
            });
            sim.run(seed).verdict
        };
        let caught = (0..60).filter(|seed| run(Some(sabotage), *seed) != Verdict::Passed).count();
        assert!(caught >= 3, "{sabotage:?}: {caught} of 60");
        assert!((0..20).all(|seed| run(None, seed) == Verdict::Passed), "the correct driver passes");
    }
}
