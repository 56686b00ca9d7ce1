//! The store on Raft in a hostile world: nothing is violated as it stands, and each guarantee that is switched off is missed.

use core::time::Duration;
use synod_core::NodeId;
use synod_kv::cluster::{
    Cluster, Mischief, Settings, simulation, with_guards, with_invariants, with_judge, with_spec,
};
use synod_raft::{Config, QuorumRule, Raft};
use synod_sim::{Climate, Dials, Sim, Verdict};

fn judged(settings: &Settings) -> Sim<Raft, Cluster> {
    with_judge(simulation(settings).unwrap())
}

#[test]
fn a_store_in_a_hostile_world_stays_linearizable() {
    let settings = Settings::default();
    let sim = with_guards(with_spec(with_invariants(judged(&settings))), &settings);
    let summary = sim.run_seeds(0..100, |_| {});
    assert!(summary.passed(), "{summary}");
}

#[test]
fn a_store_in_calm_weather_answers_everything_and_elects_once() {
    let mut settings = Settings::default();
    settings.climate = Climate::Fixed(Dials::calm());
    settings.transfers_every = 0;
    let report = with_invariants(judged(&settings)).run(1);
    assert_eq!(report.verdict, Verdict::Passed);
    let tally = report.workload.tally();
    assert_eq!((tally.elections, tally.unknown, tally.overwritten), (1, 0, 0));
    assert!(tally.ok > 1_500, "{tally:?}");
}

fn verdicts(mischief: Mischief, inside: bool) -> Vec<Verdict> {
    let mut settings = Settings::default();
    settings.sabotage = Some(mischief);
    let sim = judged(&settings);
    let sim = if inside { with_invariants(sim) } else { sim };
    (0..60).map(|seed| sim.run(seed).verdict).collect()
}

/// How many verdicts are violations of this name.
fn count(verdicts: &[Verdict], wanted: &str) -> usize {
    verdicts
        .iter()
        .filter(|verdict| matches!(verdict, Verdict::Violated { name, .. } if *name == wanted))
        .count()
}

#[test]
fn each_sabotage_is_seen_by_the_clients_and_by_the_invariants() {
    for mischief in [Mischief::EarlySend, Mischief::LyingFsync, Mischief::ShortQuorum] {
        let outside = count(&verdicts(mischief, false), "linearizability");
        assert!(outside >= 2, "{mischief:?}: the judge saw {outside} of 60");
        let inside = count(&verdicts(mischief, true), "Raft's five safety properties");
        assert!(inside >= 2, "{mischief:?}: the invariants saw {inside} of 60");
    }
}

#[test]
fn three_and_seven_nodes_survive_as_five_do() {
    for nodes in [1, 3, 7] {
        let mut settings = Settings::default();
        settings.nodes = nodes;
        let summary = with_invariants(judged(&settings)).run_seeds(0..20, |_| {});
        assert!(summary.passed(), "{nodes} nodes: {summary}");
    }
}

/// Members come and go while everything else happens: single voters and many, through joint memberships and not, learners that
/// are promoted.
#[test]
fn changes_of_the_membership_break_nothing() {
    for (nodes, every_ms) in [(3, 200), (5, 100)] {
        let mut settings = Settings::default();
        settings.nodes = nodes;
        settings.operations = 500;
        settings.changes = Some(Duration::from_millis(every_ms));
        let sim = with_invariants(judged(&settings));
        let sim = sim
            .sometimes("many memberships were committed", |world| world.workload().tally().memberships > 20);
        let summary = sim.run_seeds(0..20, |_| {});
        assert!(summary.passed(), "{nodes} nodes: {summary}");
    }
}

/// Majorities, weights, zones and sizes follow each other while nodes come, go and die.
#[test]
fn changes_of_the_rule_by_which_quorums_are_formed_break_nothing() {
    for (nodes, every_ms) in [(4, 150), (5, 100)] {
        let mut settings = Settings::default();
        settings.nodes = nodes;
        settings.operations = 500;
        (settings.changes, settings.rules) = (Some(Duration::from_millis(every_ms)), true);
        let sim = with_spec(with_invariants(judged(&settings)));
        let sim = sim.sometimes("many rules were committed", |world| world.workload().tally().rules > 20);
        let summary = sim.run_seeds(0..20, |_| {});
        assert!(summary.passed(), "{nodes} nodes: {summary}");
    }
}

/// Clusters that are founded with weights, zones and sizes.
#[test]
fn stores_by_weight_by_zone_and_by_size_stay_linearizable() {
    let rules: [fn(&mut Config); 3] = [
        |config| config.quorum = QuorumRule::weights([(NodeId(1), 3), (NodeId(2), 2)]),
        |config| config.quorum = QuorumRule::zones([[1, 2].map(NodeId), [3, 4].map(NodeId)]),
        |config| config.quorum = QuorumRule::Flexible { commit: 2 },
    ];
    for configure in rules {
        let mut settings = Settings::default();
        settings.operations = 500;
        settings.configure = configure;
        let sim = with_spec(with_invariants(judged(&settings)));
        let summary = sim.run_seeds(0..20, |_| {});
        assert!(summary.passed(), "{summary}");
    }
}

#[test]
fn no_nodes_are_refused() {
    let mut settings = Settings::default();
    settings.nodes = 0;
    assert!(simulation(&settings).is_err());
}

#[test]
fn a_run_that_is_written_down_repeats_event_by_event() {
    for sabotage in [None, Some(Mischief::EarlySend), Some(Mischief::ShortQuorum)] {
        let mut settings = Settings::default();
        settings.sabotage = sabotage;
        settings.operations = 400;
        let sim = with_invariants(judged(&settings));
        for seed in 0..15 {
            let (report, script) = sim.script(seed);
            let read: synod_sim::Script = script.to_string().parse().unwrap();
            let (again, _) = sim.run_tape(read.tape(), 0..0);
            assert_eq!((again.hash, &again.verdict), (report.hash, &report.verdict), "{sabotage:?} {seed}");
        }
    }
}
