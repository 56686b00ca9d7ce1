//! Reads that write nothing, in a hostile world: linearizable as long as the clocks keep to their bound, and no longer.

use core::ops::Range;
use core::time::Duration;
use synod_core::NodeId;
use synod_kv::cluster::{
    Cluster, Settings, simulation, with_guards, with_invariants, with_judge, with_leases, with_spec,
};
use synod_raft::Raft;
use synod_sim::{Climate, Dials, Fault, Rate, Sim, Verdict};

/// Both kinds of lease, and a bound on the clocks.
fn leased(drift_ppm_max: u32) -> Settings {
    let mut settings = Settings::default();
    settings.leases = true;
    settings.lease_guard = Some(Duration::from_millis(150));
    settings.clock_drift_ppm_max = drift_ppm_max;
    settings
}

fn judged(settings: &Settings) -> Sim<Raft, Cluster> {
    with_spec(with_judge(with_invariants(simulation(settings).unwrap())))
}

#[test]
fn reads_of_every_mode_are_linearizable_in_a_hostile_world() {
    // The swarm's clocks drift by up to a tenth.
    let settings = leased(100_000);
    let sim = with_guards(with_leases(judged(&settings)), &settings)
        .sometimes("reads were served", |world| world.workload().tally().reads > 100)
        .sometimes("stale reads were served", |world| world.workload().tally().stale > 10)
        .sometimes("a leader handed over", |world| world.workload().tally().transfers > 0);
    let summary = sim.run_seeds(0..60, |_| {});
    assert!(summary.passed(), "{summary}");
}

/// A leader on a slow clock and voters on fast ones, that lose sight of each other again and again. Everybody stores snapshots, and
/// fetches those of others, where `settings` say so.
fn drifting(settings: &Settings) -> Sim<Raft, Cluster> {
    let ms = Duration::from_millis;
    let isolate = Rate { fault: Fault::Isolate, every: ms(250), lasting: (ms(200), ms(400)) };
    let drifts_ppm = (1..=3).map(|id| (NodeId(id), if id == 1 { -400_000 } else { 400_000 })).collect();
    let mut settings = settings.clone();
    settings.climate = Climate::Fixed(Dials { schedule: vec![isolate], drifts_ppm, ..Dials::calm() });
    settings.transfers_every = 15;
    settings.nodes = 3;
    settings.clients = 12;
    settings.operations = 500;
    settings.pause_max = ms(60);
    settings.storm = Duration::from_secs(4);
    judged(&settings)
}

fn stale_reads(settings: &Settings, seeds: Range<u64>) -> usize {
    let sim = drifting(settings);
    let mut found = 0;
    for seed in seeds {
        match sim.run(seed).verdict {
            Verdict::Passed => {}
            Verdict::Violated { name: "linearizability" | "reads see what was committed before", .. } => {
                found += 1;
            }
            // Their age is told by the node's own clock.
            Verdict::Violated { name: "stale reads are as young as they must be", .. }
                if settings.clock_drift_ppm_max < 400_000 => {}
            other => panic!("seed {seed}: {other}"),
        }
    }
    found
}

/// Reads by the leader's lease, with this bound on clocks that are off by two fifths. Nobody compacts: what a snapshot covers is not
/// answered, and the judge's search grows with what nobody knows.
fn by_promise(drift_ppm_max: u32) -> Settings {
    let mut settings = leased(drift_ppm_max);
    settings.lease_guard = None;
    (settings.keys, settings.patience) = (3, Duration::from_millis(120));
    settings.checkpoint_every = 0;
    settings
}

/// Reads by the log alone, with this bound on the same clocks.
fn by_log(drift_ppm_max: u32) -> Settings {
    let mut settings = leased(drift_ppm_max);
    settings.leases = false;
    // A new leader waits before it commits, so that more is unknown: many keys keep it cheap to judge.
    (settings.keys, settings.patience) = (16, Duration::from_millis(400));
    settings.checkpoint_every = 0;
    settings
}

/// The same, with logs that are compacted every few entries.
fn compacted(mut settings: Settings) -> Settings {
    settings.checkpoint_every = 20;
    settings
}

#[test]
fn clocks_beyond_their_bound_make_leased_reads_stale_and_the_judge_sees_it() {
    let found = stale_reads(&by_promise(1_000), 24..40);
    assert!(found >= 1, "{found}");
}

#[test]
fn clocks_beyond_their_bound_make_reads_by_the_log_stale_and_the_judge_sees_it() {
    let found = stale_reads(&by_log(1_000), 0..8);
    assert!(found >= 1, "{found}");
}

/// While one leader's lease holds by its own clock, another is elected; or commits, where the log is the lease. Seen at that moment,
/// whether or not anybody reads.
#[test]
fn leases_exclude_each_other_until_the_clocks_leave_their_bound() {
    let overlap = |settings: &Settings| {
        let sim = with_leases(drifting(settings));
        let lapses = (0..20).map(|seed| sim.run(seed).verdict);
        lapses
            .filter(|lapse| matches!(lapse, Verdict::Violated { name: "leases exclude each other", .. }))
            .count()
    };
    assert_eq!(overlap(&by_promise(400_000)), 0);
    assert!(overlap(&by_promise(1_000)) > 0);
    for kind in [by_log, |drift| compacted(by_log(drift))] {
        assert_eq!(overlap(&kind(400_000)), 0);
        assert!(overlap(&kind(1_000)) > 0);
    }
}

#[test]
fn the_same_clocks_do_no_harm_where_their_bound_is_known() {
    assert_eq!(stale_reads(&by_promise(400_000), 0..24), 0);
    assert_eq!(stale_reads(&by_log(400_000), 0..2), 0);
    assert_eq!(stale_reads(&compacted(by_log(400_000)), 0..2), 0);
}
