//! The store on Raft, step by step against the executable specification.

use core::time::Duration;
use synod_kv::cluster::{
    Cluster, Mischief, SPECIFICATION, Settings, Transcript, simulation, with_guards, with_spec,
    with_transcript,
};
use synod_raft::Raft;
use synod_raft::spec::{Note, Refinement};
use synod_sim::{Bound, Climate, Dials, Fault, Latency, Rate, Sim, Verdict};

fn specified(settings: &Settings) -> Sim<Raft, Cluster> {
    with_spec(simulation(settings).unwrap())
}

pub(crate) fn often(fault: Fault, every_ms: u64) -> Rate {
    let lasting = (Duration::from_millis(20), Duration::from_millis(300));
    Rate { fault, every: Duration::from_millis(every_ms), lasting }
}

/// `SYNOD_SEEDS` asks for more.
pub(crate) fn seeds() -> u64 {
    std::env::var("SYNOD_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(40)
}

#[test]
fn every_step_in_a_hostile_world_is_one_of_the_specification() {
    let settings = Settings::default();
    let sim = with_guards(specified(&settings), &settings);
    let summary = sim.run_seeds(0..seeds().max(60), |_| {});
    assert!(summary.passed(), "{summary}");
}

#[test]
fn so_is_every_step_of_changing_memberships_with_leases_and_transfers() {
    let mut settings = Settings::default();
    settings.changes = Some(Duration::from_millis(500));
    settings.leases = true;
    settings.lease_guard = Some(Duration::from_millis(500));
    settings.transfers_every = 10;
    settings.checkpoint_every = 30;
    let sim = specified(&settings)
        .sometimes("a membership was committed", |world| world.workload().tally().memberships > 0)
        .sometimes("a snapshot was installed", |world| world.workload().tally().installed > 0);
    let summary = sim.run_seeds(0..seeds(), |_| {});
    assert!(summary.passed(), "{summary}");
}

#[test]
fn and_every_step_of_a_log_that_is_mended() {
    for checkpoint_every in [0, 100] {
        let mut settings = Settings::default();
        settings.checkpoint_every = checkpoint_every;
        let sim = specified(&settings)
            .turn(|dials: &mut Dials| {
                dials.storage.bound = Bound::Records;
                dials.schedule.extend([
                    often(Fault::BitRot, 300),
                    often(Fault::MisdirectedWrite, 1_000),
                    often(Fault::Crash, 800),
                    often(Fault::Blackout, 4_000),
                ]);
            })
            .sometimes("a log was mended", |world| world.workload().tally().mended > 0);
        let summary = sim.run_seeds(0..seeds(), |_| {});
        assert!(summary.passed(), "{checkpoint_every}: {summary}");
    }
}

/// Seed 2215: a follower has lost entries that another leader overwrote, died, was removed and added again. What it acknowledges in
/// its new life counts.
#[test]
fn a_follower_with_two_lives_is_counted() {
    let mut settings = Settings::default();
    (settings.nodes, settings.clients, settings.operations) = (4, 4, 400);
    settings.storm = Duration::from_secs(5);
    settings.changes = Some(Duration::from_millis(100));
    settings.climate = Climate::Swarm(vec![
        Fault::Crash,
        Fault::Flap,
        Fault::Isolate,
        Fault::OneWay,
        Fault::Split,
        Fault::StallDisk,
    ]);
    settings.configure = |config| {
        config.pre_vote = false;
        config.check_quorum = false;
    };
    let sim = simulation(&settings).unwrap().turn(|dials| {
        dials.sync = Latency::LogNormal(Duration::from_millis(8));
        dials.duplicate_ppm = dials.duplicate_ppm.max(50_000);
    });
    assert_eq!(with_spec(sim).run(2215).verdict, Verdict::Passed);
}

#[test]
fn validation_changes_nothing_in_a_run() {
    let settings = Settings::default();
    let (with, without) = (specified(&settings), simulation(&settings).unwrap());
    for seed in 0..8 {
        assert_eq!(with.run(seed).hash, without.run(seed).hash);
    }
}

#[test]
fn every_sabotage_is_noticed_and_an_action_is_blamed() {
    for (mischief, blamed) in [
        // What was said and then lost has consequences for an election, sooner or later.
        (Mischief::EarlySend, &["BecomeLeader", "Timeout", "GrantVote"][..]),
        (Mischief::LyingFsync, &["BecomeLeader", "Timeout", "GrantVote"]),
        (Mischief::ShortQuorum, &["BecomeLeader: 2 votes are no quorum"]),
    ] {
        let mut settings = Settings::default();
        settings.sabotage = Some(mischief);
        let sim = specified(&settings);
        let found: Vec<String> = (0..60)
            .filter_map(|seed| match sim.run(seed).verdict {
                Verdict::Violated { name: SPECIFICATION, detail, .. } => Some(detail),
                _ => None,
            })
            .collect();
        let plain = found.iter().all(|detail| blamed.iter().any(|action| detail.contains(action)));
        assert!(found.len() >= 4 && plain, "{mischief:?}: {found:#?}");
    }
}

#[test]
fn a_transcript_is_validated_without_the_run() {
    let mut settings = Settings::default();
    settings.operations = 400;
    settings.storm = Duration::from_secs(4);
    settings.climate = Climate::Swarm(vec![Fault::Crash, Fault::Isolate]);
    let transcript = Transcript::default();
    let report = with_transcript(simulation(&settings).unwrap(), &transcript).run(7);
    assert_eq!(report.verdict, Verdict::Passed);
    let notes = transcript.lock().unwrap();
    let mut refinement = Refinement::default();
    for (node, note) in notes.iter() {
        refinement.note(*node, note).unwrap();
    }
    let (steps, committed) = (refinement.steps(), refinement.spec().committed().0);
    assert!(steps > 1_000 && committed > 50, "{steps} steps, {committed} committed");
    // And what is left out, or put in, is noticed: without the first acknowledgement that a follower gets to say.
    let mut refinement = Refinement::default();
    let mut cut = notes
        .iter()
        .filter(|(_, note)| !matches!(note, Note::Say { word: synod_raft::spec::Word::Appended { .. }, .. }));
    let flaw = cut.find_map(|(node, note)| refinement.note(*node, note).err()).unwrap();
    assert!(flaw.to_string().contains("AdvanceCommitIndex"), "{flaw}");
}
