//! The executable specification alone, and the explorer's judge of reads alone, find bugs that are planted in Raft: with
//! `--cfg synod_mutants`, as the museum is built.

use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use synod_core::mutant::choose;
use synod_kv::cluster::{Cluster, SPECIFICATION, Settings, simulation, with_spec};
use synod_kv::explore::RaftScope;
use synod_raft::Raft;
use synod_sim::explore::Explorer;
use synod_sim::{Climate, Fault, Latency, Sim, Verdict};

/// One bug at a time: which one is chosen for the whole process.
static CHOSEN: Mutex<()> = Mutex::new(());

fn restless(changes: Option<Duration>, checkpoint_every: u64) -> Sim<Raft, Cluster> {
    let mut settings = Settings::default();
    settings.nodes = if changes.is_some() { 4 } else { 3 };
    settings.operations = 400;
    settings.storm = Duration::from_secs(5);
    settings.checkpoint_every = checkpoint_every;
    settings.changes = changes;
    let faults = [Fault::Crash, Fault::Flap, Fault::Isolate, Fault::OneWay, Fault::Split, Fault::StallDisk];
    settings.climate = Climate::Swarm(faults.to_vec());
    settings.configure = |config| {
        config.pre_vote = false;
        config.check_quorum = false;
    };
    with_spec(simulation(&settings).unwrap()).turn(|dials| {
        dials.sync = Latency::LogNormal(Duration::from_millis(8));
        dials.duplicate_ppm = dials.duplicate_ppm.max(50_000);
    })
}

/// The first run of any of the clusters in which the specification finds the bug, and what it says.
fn found(name: &str, sims: &[Sim<Raft, Cluster>], seeds: u64) -> Option<(u64, String)> {
    choose(Some(name));
    let judged = (0..seeds).flat_map(|seed| sims.iter().map(move |sim| (seed, sim.run(seed).verdict)));
    let found = judged.into_iter().find_map(|(seed, verdict)| match verdict {
        Verdict::Violated { name: SPECIFICATION, detail, .. } => Some((seed, detail)),
        _ => None,
    });
    choose(None);
    found
}

#[test]
fn the_specification_finds_planted_bugs_alone_and_blames_the_action() {
    let _alone = CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
    let ms = Duration::from_millis;
    let sims = [restless(None, 100), restless(Some(ms(100)), 100), restless(None, 4)];
    assert_eq!(
        sims.iter().filter_map(|sim| (0..20).find(|seed| sim.run(*seed).verdict != Verdict::Passed)).count(),
        0
    );
    let mut missed = Vec::new();
    for (name, action) in [
        ("own-vote-before-durable", "RequestVotes"),
        ("term-not-written", "no action leads to its term"),
        ("vote-not-written", ""),
        ("vote-forgotten", ""),
        ("vote-twice", "GrantVote"),
        ("vote-by-index", "GrantVote"),
        ("vote-for-any-log", "GrantVote"),
        ("vote-counted-twice", "BecomeLeader"),
        ("quorum-one-short", ""),
        ("append-checked-by-index", "HandleAppendEntries"),
        ("truncate-without-conflict", ""),
        ("conflict-kept", ""),
        ("ack-whole-log", "Acknowledge"),
        ("ack-again-before-durable", "Acknowledge"),
        ("ack-counts-what-was-sent", "AdvanceCommitIndex"),
        ("nack-counts", "AdvanceCommitIndex"),
        ("leader-gives-way", ""),
        ("commit-without-quorum", "AdvanceCommitIndex"),
        ("commit-of-earlier-term", "AdvanceCommitIndex"),
        ("commit-unverified", "LearnCommitIndex"),
        ("change-before-own-commit", "ClientRequest"),
        ("two-changes-at-once", "ClientRequest"),
        ("joint-left-before-commit", "ClientRequest"),
        ("learners-count", "AdvanceCommitIndex"),
        ("snapshot-with-newest-membership", "SendSnapshot"),
        ("membership-lost-in-compaction", "Compact"),
    ] {
        match found(name, &sims, 300) {
            Some((seed, detail)) if detail.contains(action) => println!("{name}: seed {seed}: {detail}"),
            other => missed.push(format!("{name}: {other:?}")),
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// What the explorer says of a cluster with this bug, or with none.
fn explored(name: Option<&str>) -> Result<u64, String> {
    choose(name);
    // What a step of a node leads to is remembered, so the cluster is made after the choice.
    let cluster = RaftScope::deposed_reader().cluster().unwrap();
    let found = Explorer::new(&cluster.reduced()).states_max(3_000_000).run_with_sleep_sets();
    choose(None);
    match found.counterexample() {
        Some(path) => Err(format!("{} after {} steps", path.reason, path.steps.len())),
        None => Ok(found.extent.unique),
    }
}

#[test]
fn the_explorer_finds_stale_reads_on_shortest_paths() {
    let _alone = CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(explored(None).is_ok());
    for name in ["read-unconfirmed", "read-before-own-commit", "read-confirmed-by-old-echoes"] {
        let found = explored(Some(name));
        println!("{name}: {found:?}");
        assert!(found.is_err_and(|reason| reason.starts_with("linearizability")), "{name}");
    }
}
