//! The store on Raft over storage that fails: Raft repairs a damaged log from its peers, or refuses it, and a driver that misreads
//! its disk is noticed.

use crate::spec::{often, seeds};
use core::time::Duration;
use synod_core::NodeId;
use synod_kv::cluster::{Cluster, Settings, simulation, with_invariants, with_judge, with_spec};
use synod_raft::Raft;
use synod_sim::{Bound, Climate, Dials, Fault, Sabotage, Sim, Verdict, World};

fn judged() -> Sim<Raft, Cluster> {
    with_invariants(with_judge(simulation(&Settings::default()).unwrap()))
}

/// Disks that rot, in a world of crashes and partitions; damage keeps within what a correct cluster survives.
fn rotting(settings: &Settings, bound: Bound) -> Sim<Raft, Cluster> {
    with_spec(with_invariants(with_judge(simulation(settings).unwrap()))).turn(move |dials: &mut Dials| {
        dials.storage.bound = bound;
        dials.schedule.extend([
            often(Fault::BitRot, 300),
            often(Fault::MisdirectedWrite, 1_000),
            often(Fault::Crash, 800),
            often(Fault::Blackout, 4_000),
        ]);
    })
}

fn all_whole(world: &World<Raft, Cluster>) -> Result<(), String> {
    let refused: Vec<&str> = (1..=5).filter_map(|id| world.refused(NodeId(id))).collect();
    let broken: Vec<NodeId> = world.up().filter(|(_, raft)| raft.is_mending()).map(|(id, _)| id).collect();
    if refused.is_empty() && broken.is_empty() { Ok(()) } else { Err(format!("{refused:?}, {broken:?}")) }
}

#[test]
fn raft_repairs_damaged_logs_whichever_nodes_are_struck() {
    // Every node may be struck, each fact on a minority of them at a time; two kinds of application, since one of them compacts.
    for checkpoint_every in [0, 100] {
        let mut settings = Settings::default();
        settings.checkpoint_every = checkpoint_every;
        let sim = rotting(&settings, Bound::Records)
            .eventually_after_heal("all are whole", Duration::from_secs(60), |world| all_whole(world).is_ok())
            .sometimes("a log was mended", |world| world.workload().tally().mended > 0)
            .sometimes("five logs were mended", |world| world.workload().tally().mended >= 5)
            .sometimes("the atlas spared something", |world| world.stats().spared > 0);
        let summary = sim.run_seeds(0..seeds(), |_| {});
        assert!(summary.passed(), "{checkpoint_every}: {summary}");
    }
}

#[test]
fn a_raft_that_must_not_be_mended_refuses_and_the_cluster_goes_on_without_the_node() {
    let mut settings = Settings::default();
    settings.configure = |config| config.mending = false;
    settings.checkpoint_every = 0;
    let sim = rotting(&settings, Bound::Nodes)
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
            let sim = if sabotage.is_none() { with_spec(sim) } else { sim };
            sim.run(seed).verdict
        };
        let caught = (0..60).filter(|seed| run(Some(sabotage), *seed) != Verdict::Passed).count();
        assert!(caught >= 3, "{sabotage:?}: {caught} of 60");
        assert!((0..20).all(|seed| run(None, seed) == Verdict::Passed), "the correct driver passes");
    }
}
