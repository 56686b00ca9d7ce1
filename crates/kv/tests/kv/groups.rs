//! Many groups on a few nodes, in hostile worlds.

use core::time::Duration;
use synod_kv::groups::{Settings, simulation};
use synod_sim::Climate;

fn storms(nodes: u64, groups: u64) -> Settings {
    let mut settings = Settings::default();
    (settings.nodes, settings.groups) = (nodes, groups);
    settings
}

#[test]
fn every_group_keeps_its_promises_in_a_hostile_world_and_rests_when_it_heals() {
    for (nodes, groups) in [(3, 4), (5, 6)] {
        let sim = simulation(&storms(nodes, groups))
            .sometimes("a group rested in the storm", |world| {
                world.stats().crashes > 0 && world.up().any(|(_, node)| node.resting() > 0)
            })
            .sometimes("a node was suspected under which groups rested", |world| {
                world.up().any(|(_, node)| {
                    node.resting() > 0 && (1..=5).any(|id| node.suspects(synod_core::NodeId(id)))
                })
            })
            .sometimes("some rested while others worked", |world| {
                world.up().any(|(_, node)| node.resting() > 0 && node.resting() < node.groups().len())
            })
            .sometimes("something was committed", |world| world.workload().committed() > 20);
        let summary = sim.run_seeds(0..150, |_| {});
        assert!(summary.passed(), "{nodes} nodes: {summary}");
    }
}

#[test]
fn with_leases_and_without_rest_it_is_no_different() {
    for configure in [
        (|settings| settings.hibernate = false) as fn(&mut synod_raft::groups::Settings),
        |settings| settings.raft.leases = true,
        |settings| settings.rest_after = 1,
    ] {
        let mut settings = storms(3, 3);
        settings.configure = configure;
        let summary = simulation(&settings).run_seeds(100..160, |_| {});
        assert!(summary.passed(), "{summary}");
    }
}

/// In calm weather the same proposals have the same fate, whether groups rest between them or not.
#[test]
fn resting_changes_nothing_that_a_client_sees() {
    let outcome = |hibernate: bool, seed: u64| {
        let mut settings = storms(3, 3);
        settings.climate = Climate::Fixed(synod_sim::Dials::calm());
        settings.storm = Duration::from_secs(20);
        settings.configure = if hibernate { |_| {} } else { |settings| settings.hibernate = false };
        let report = simulation(&settings).run(seed);
        assert_eq!(report.verdict, synod_sim::Verdict::Passed, "{hibernate} {seed}");
        report.workload.committed()
    };
    for seed in 0..4 {
        let (with, without) = (outcome(true, seed), outcome(false, seed));
        assert!(with > 50 && with.abs_diff(without) <= 1, "{with} and {without}");
    }
}
