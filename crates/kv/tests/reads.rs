//! Reads that write nothing, in a hostile world: linearizable as long as the clocks keep to their bound, and no longer.
#![cfg(test)]
#![cfg(feature = "cluster")]

use core::time::Duration;
use synod_kv::cluster::{Cluster, Settings, simulation, with_guards, with_invariants, with_judge};
use synod_raft::Raft;
use synod_sim::Sim;

/// Both kinds of lease, and a bound on the clocks.
fn leased(drift_ppm_max: u32) -> Settings {
    let mut settings = Settings::default();
    settings.leases = true;
    settings.lease_guard = Some(Duration::from_millis(150));
    settings.clock_drift_ppm_max = drift_ppm_max;
    settings
}

fn judged(settings: &Settings) -> Sim<Raft, Cluster> {
    with_judge(with_invariants(simulation(settings).unwrap()))
}

#[test]
fn reads_of_every_mode_are_linearizable_in_a_hostile_world() {
    // The swarm's clocks drift by up to a tenth.
    let settings = leased(100_000);
    let sim = with_guards(judged(&settings), &settings)
        .sometimes("reads were served", |world| world.workload().tally().reads > 100)
        .sometimes("stale reads were served", |world| world.workload().tally().stale > 10)
        .sometimes("a leader handed over", |world| world.workload().tally().transfers > 0);
    let summary = sim.run_seeds(0..60, |_| {});
    assert!(summary.passed(), "{summary}");
}
