//! Stores on Raft before the executable specification alone: no invariant, no client and no clock has a say.

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

fn named(name: &'static str, says: &'static str, settings: &Settings) -> Option<Setup> {
    let sim = simulation(settings).ok()?.turn(|dials| {
        dials.sync = Latency::LogNormal(Duration::from_millis(8));
        dials.duplicate_ppm = dials.duplicate_ppm.max(50_000);
    });
    let search = Search::Seeds(Box::new(Clusters { sim: with_spec(sim) }));
    Some(Setup { room: "raft", name, says, search })
}
