//! What Raft can do beside its core, in a hostile world: each feature alone, and any together, as the swarm draws them.

use crate::spec::seeds;
use core::time::Duration;
use synod_kv::cluster::{Cluster, Mischief, Settings, Tally, judged, simulation, with_features, with_spec};
use synod_raft::Raft;
use synod_sim::{Climate, Dials, Script, Sim, Verdict, World};

fn recipe(settings: &Settings) -> Sim<Raft, Cluster> {
    with_spec(judged(simulation(settings).unwrap(), settings))
}

/// Shorter than the swarm's runs.
fn brief(turn: impl Fn(&mut Settings)) -> Settings {
    let mut settings = Settings::default();
    (settings.operations, settings.clients) = (800, 5);
    settings.storm = Duration::from_secs(5);
    turn(&mut settings);
    settings
}

/// All runs pass, and what is counted happens.
fn must_be_met(name: &str, settings: &Settings, count: impl Fn(Tally) -> u64 + Send + Sync + 'static) {
    let sim = recipe(settings)
        .sometimes("it is met", move |world: &World<Raft, Cluster>| count(world.workload().tally()) > 0);
    let summary = sim.run_seeds(0..16, |_| {});
    assert!(summary.passed(), "{name}: {summary}");
}

#[test]
fn members_come_and_go_with_a_witness_among_them() {
    let settings = brief(|settings| {
        settings.changes = Some(Duration::from_millis(200));
        (settings.witness, settings.rules, settings.replacements) = (true, true, true);
    });
    must_be_met("joint", &settings, |tally| tally.joint.min(tally.learners));
    must_be_met("removed", &settings, |tally| tally.leaders_removed.max(tally.promoted));
}

#[test]
fn leaders_resign_and_nodes_of_priority_claim_the_leadership() {
    let settings = brief(|settings| {
        settings.priorities = true;
        settings.resigns_every = 40;
    });
    must_be_met("resigned", &settings, |tally| tally.resigned);
    must_be_met("claimed", &settings, |tally| tally.claims);
}

#[test]
fn a_state_that_is_lost_is_fetched_again() {
    let settings = brief(|settings| settings.demands_every = 40);
    must_be_met("demanded", &settings, |tally| tally.demanded);
}

/// As many records as may be are being read again when a snapshot takes their place: those behind it are needed all the same.
#[test]
fn what_follows_on_a_snapshot_is_read_although_what_it_replaces_was_asked_for() {
    let settings = brief(|_| {}).featured(6_939);
    assert_eq!(recipe(&settings).run(6_939).verdict, Verdict::Passed);
}

/// Where a leader had died before its disk had an entry that the witness had got, and nobody else was ever elected.
#[test]
fn a_voter_and_a_witness_that_are_left_elect_a_leader() {
    for seed in [1_821, 1_880, 6_082, 6_249, 6_300, 11_418, 11_959, 13_775, 15_664, 16_070, 19_173, 19_576] {
        let settings = brief(|_| {}).featured(seed);
        assert!(settings.witness && settings.changes.is_some());
        assert_eq!(recipe(&settings).run(seed).verdict, Verdict::Passed, "seed {seed}");
    }
}

/// Where many an answer is lost, so that much is asked again.
fn forgetting_answers(sabotage: Option<Mischief>) -> Settings {
    brief(|settings| {
        settings.sessions = true;
        settings.patience = Duration::from_millis(200);
        settings.climate = Climate::Fixed(Dials { loss_ppm: 100_000, ..Dials::calm() });
        settings.sabotage = sabotage;
    })
}

#[test]
fn requests_of_sessions_that_are_asked_again_count_once() {
    let settings = brief(|settings| {
        settings.sessions = true;
        settings.patience = Duration::from_millis(300);
    });
    must_be_met("over", &settings, |tally| tally.sessions_over);
    let sim = recipe(&forgetting_answers(None));
    for seed in 0..4 {
        let report = sim.run(seed);
        assert_eq!(report.verdict, Verdict::Passed);
        assert!(report.workload.tally().repeated > 10, "{:?}", report.workload.tally());
    }
}

#[test]
fn clients_that_number_a_retry_anew_are_caught() {
    let sim = recipe(&forgetting_answers(Some(Mischief::RenumberedRetry)));
    let lapses = (0..4)
        .filter(|seed| matches!(sim.run(*seed).verdict, Verdict::Violated { name: "linearizability", .. }));
    assert!(lapses.count() >= 3);
}

#[test]
fn any_of_them_together_pass_and_a_script_repeats_what_a_seed_has_drawn() {
    let settings = brief(|_| {});
    let mut summary = with_features(recipe(&settings), &settings).summary();
    for seed in 0..seeds() {
        let drawn = settings.featured(seed);
        let sim = with_features(recipe(&drawn), &settings);
        summary.add(&sim.run(seed));
        if seed < 6 {
            let (report, mut script) = sim.script(seed);
            drawn.describe(&mut script);
            let again: Script = script.to_string().parse().unwrap();
            let repeated = synod_kv::cluster::scripted(&again).unwrap().run_tape(again.tape(), 0..0).0;
            assert_eq!(repeated.hash, report.hash, "{script}");
        }
    }
    assert!(summary.failures.is_empty(), "{summary}");
}
