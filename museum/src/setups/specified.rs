//! Stores on Raft before the executable specification alone: no invariant, no client and no clock has a say.

use super::raft::{
    changing, echoing, forgetful, hunted, late, replacing, restless_compacting, rotting, with_witness,
};
use super::{Clusters, Search, Setup};
use core::time::Duration;
use synod_kv::cluster::{Settings, simulation, with_spec};
use synod_sim::{Climate, Fault, Latency};

pub(super) fn setups() -> Vec<Setup> {
    let mut members = settings(4);
    members.changes = Some(Duration::from_millis(100));
    let mut rules = settings(5);
    (rules.changes, rules.rules) = (Some(Duration::from_millis(100)), true);
    let mut lagging = settings(3);
    lagging.checkpoint_every = 4;
    let setups = [
        named(
            "specified-3",
            "three nodes, each step of which must be one of the specification",
            &settings(3),
        ),
        named("specified-members-4", "four of them that come and go", &members),
        named("specified-rules-5", "three to five of them, whose quorums change their rule", &rules),
        named("specified-snapshots-3", "three of them that keep little", &lagging),
        whole(
            "specified-echoing-3",
            "three nodes that keep little, whose hosts are slow, with messages that arrive twice and in any order",
            &echoing(3),
        ),
        whole("specified-rotting-3", "three nodes whose disks rot", &rotting(3)),
        whole("specified-forgetful-3", "three nodes whose votes rot, mostly", &forgetful(3)),
        whole(
            "specified-rotting-snapshots-3",
            "three of them, which keep little",
            &restless_compacting(rotting(3), 10),
        ),
        whole(
            "specified-cold-5",
            "five nodes that keep nothing in memory, whose leaders fall as soon as they rise",
            &cold(hunted(5)),
        ),
        whole(
            "specified-replaced-4",
            "three or four nodes, one of which comes and goes, each time on a new disk",
            &replacing(changing(late(4), 60)),
        ),
        named(
            "specified-witness-4",
            "four of them that come and go, one of which is a witness",
            &with_witness(members),
        ),
    ];
    setups.into_iter().flatten().collect()
}

/// Nodes that campaign again and again, and die before their slow disks are done.
fn settings(nodes: usize) -> Settings {
    use Fault::{Crash, Flap, Isolate, OneWay, Split, StallDisk};
    let mut settings = Settings::default();
    settings.nodes = nodes;
    settings.clients = 4;
    settings.operations = 400;
    settings.storm = Duration::from_secs(5);
    settings.climate = Climate::Swarm(vec![Crash, Flap, Isolate, OneWay, Split, StallDisk]);
    settings.configure = |config| {
        config.pre_vote = false;
        config.check_quorum = false;
    };
    settings
}

/// Nothing is compacted, and every entry is read again from the disk.
fn cold(mut settings: Settings) -> Settings {
    settings.checkpoint_every = 0;
    settings.configure = |config| {
        config.pre_vote = false;
        config.check_quorum = false;
        config.election_timeout_max = config.election_timeout_min + Duration::from_millis(30);
        config.log_memory_bytes_max = 0;
    };
    settings
}

/// A setup that has its dials already.
fn whole(name: &'static str, says: &'static str, settings: &Settings) -> Option<Setup> {
    let search = Search::Seeds(Box::new(Clusters { sim: with_spec(simulation(settings).ok()?) }));
    Some(Setup { room: "raft", name, says, search })
}

fn named(name: &'static str, says: &'static str, settings: &Settings) -> Option<Setup> {
    let sim = simulation(settings).ok()?.turn(|dials| {
        dials.sync = Latency::LogNormal(Duration::from_millis(8));
        dials.duplicate_ppm = dials.duplicate_ppm.max(50_000);
    });
    let search = Search::Seeds(Box::new(Clusters { sim: with_spec(sim) }));
    Some(Setup { room: "raft", name, says, search })
}
