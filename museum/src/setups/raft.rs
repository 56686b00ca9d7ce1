//! Stores on Raft, with all judges at work: invariants after every event, progress after the faults, and what the clients saw.

use super::clusters::PROGRESS;
use super::{Clusters, Search, Setup};
use core::time::Duration;
use synod_core::NodeId;
use synod_kv::cluster::{Cluster, Settings, simulation, with_invariants, with_judge, with_leases};
use synod_raft::{Config, QuorumRule, Raft, Role};
use synod_sim::{Bound, Climate, Dials, Fault, Latency, Rate, Sim, World};

/// Where no invariant is looked at.
pub(crate) const CLIENTS_ALONE: &str = "clients-3";

pub(super) fn setups() -> Vec<Setup> {
    use Fault::{Blackout, Bridge, Crash, Flap, Isolate, OneWay, Pause, SlowDisk, Split, StallDisk};
    let swarm = |among: &[Fault]| Climate::Swarm(among.to_vec());
    let partitions = [Isolate, Split, OneWay, Bridge, Flap, Pause];
    let everything = |sim| with_leases(with_judge(with_invariants(sim)));
    let setups = [
        named("storm-3", "three nodes, every fault", &small(3, Climate::swarm()), everything),
        named("storm-5", "five nodes, every fault", &small(5, Climate::swarm()), everything),
        named(
            "crashes-3",
            "three nodes that die, with disks that stall",
            &small(3, swarm(&[Crash, Blackout, StallDisk, SlowDisk])),
            everything,
        ),
        named(
            "partitions-5",
            "five nodes that lose sight of each other",
            &small(5, swarm(&partitions)),
            everything,
        ),
        named(
            "elections-3",
            "three nodes with neither PreVote nor CheckQuorum, which campaign again and again",
            &restless(small(3, swarm(&[Crash, Isolate, Flap, Pause, StallDisk]))),
            everything,
        ),
        named("hunted-5", "five of them, whose leaders fall as soon as they rise", &hunted(5), everything),
        named("frail-3", "three of them, which die before their slow disks are done", &frail(3), everything),
        named("stalled-3", "three of them, whose disks stall before they die", &stalled(3), everything),
        named("late-3", "three of them, with messages that arrive seconds late", &late(3), everything),
        named(
            "one-way-3",
            "three nodes, some of which hear and are not heard: two must go on",
            &lasting(3, OneWay),
            |sim| with_progress(everything(sim)),
        ),
        named(
            "hung-3",
            "three nodes, the disk of one of which hangs: the others must go on",
            &lasting(3, StallDisk),
            |sim| with_progress(everything(sim)),
        ),
        named(
            "drifting-5",
            "five nodes with leases, on clocks as bad as is allowed for",
            &drifting(5),
            everything,
        ),
        named("guarded-5", "five of them whose log is their lease", &guarded(5), everything),
        named(
            "slow-5",
            "five nodes with leases, a leader on a slow clock among fast ones",
            &slow(5),
            everything,
        ),
        named("far-5", "five nodes with leases, the answers to one of which take long", &far(5), everything),
        named(
            "loyal-3",
            "three nodes with long leases, which die and are back at once",
            &loyal(3),
            everything,
        ),
        named(
            "plain-members-5",
            "four nodes and a fifth, hunted, of Raft as in the paper: without PreVote, CheckQuorum and lending",
            &changing(plain(hunted(5)), 40),
            everything,
        ),
        named(
            "lasting-guard-3",
            "three restless nodes whose log is a long lease",
            &long_guard(3),
            everything,
        ),
        named("handing-5", "five nodes with leases that hand over again and again", &handing(5), everything),
        named("stuck-3", "three nodes, one of which has a disk that stands still", &stuck(3), |sim| {
            with_sound_leader(everything(sim))
        }),
        named(
            "members-3",
            "two or three nodes that come and go, and die",
            &changing(small(3, swarm(&[Crash, Isolate, Split, StallDisk, SlowDisk])), 60),
            everything,
        ),
        named("members-5", "five of them, hunted", &changing(hunted(5), 60), everything),
        named(
            "weighted-5",
            "five hunted nodes, two of which weigh more than the rest",
            &weighted(hunted(5)),
            everything,
        ),
        named(
            "flexible-5",
            "five hunted nodes, two of which commit and four of which elect",
            &flexible(hunted(5)),
            everything,
        ),
        named(
            "rules-5",
            "three to five hunted nodes that come and go, and whose quorums change their rule",
            &ruled(changing(hunted(5), 60)),
            everything,
        ),
        named(
            "replaced-3",
            "two or three nodes, one of which comes and goes, each time on a new disk",
            &replacing(changing(late(3), 60)),
            everything,
        ),
        named(
            "replaced-4",
            "three or four nodes, one of which comes and goes, each time on a new disk",
            &replacing(changing(late(4), 60)),
            everything,
        ),
        named(
            "members-4",
            "four of them, with messages that arrive seconds late",
            &changing(late(4), 100),
            everything,
        ),
        named(
            "witness-4",
            "two to four nodes, one of which is a witness, which come and go and die before their slow disks are done",
            &with_witness(changing(frail(4), 60)),
            everything,
        ),
        named(
            "snapshots-3",
            "three nodes that keep little and lag behind, and die",
            &compacting(small(3, Climate::Fixed(lagging())), 4),
            everything,
        ),
        named(
            "late-snapshots-3",
            "three nodes that keep little, with messages that arrive seconds late",
            &restless_compacting(late(3), 4),
            everything,
        ),
        named(
            "echoing-snapshots-3",
            "three nodes that keep little, whose hosts are slow, with messages that arrive twice and in any order",
            &echoing(3),
            everything,
        ),
        named(
            "members-snapshots-4",
            "four nodes that come and go, and keep little",
            &changing(compacting(small(4, Climate::Fixed(lagging())), 4), 100),
            everything,
        ),
        named(
            "jittery-snapshots-3",
            "three nodes that keep little, on links that deliver in any order, and nothing fails",
            &jittery(3),
            everything,
        ),
        named(
            "guarded-snapshots-3",
            "three nodes that keep nothing which is committed, and whose log is a long lease",
            &guarded_compacting(3),
            everything,
        ),
        named("forgetful-3", "three of them whose votes rot, mostly", &forgetful(3), everything),
        named("rotting-3", "three nodes whose disks rot", &rotting(3), everything),
        named("rotting-5", "five of them", &rotting(5), everything),
        named(
            "rotting-snapshots-3",
            "three of them, which keep little",
            &restless_compacting(rotting(3), 10),
            everything,
        ),
        named(
            "alone-1",
            "a single node that dies",
            &small(1, swarm(&[Crash, StallDisk, SlowDisk])),
            everything,
        ),
        named(
            CLIENTS_ALONE,
            "three nodes, every fault, and nobody looks but the clients",
            &small(3, Climate::swarm()),
            with_judge,
        ),
    ];
    setups.into_iter().flatten().collect()
}

/// The room of the checker: clusters whose clients alone are asked.
pub(super) fn clients() -> Vec<Setup> {
    let clients =
        named(CLIENTS_ALONE, "clients of three nodes, every fault", &small(3, Climate::swarm()), with_judge);
    clients.map(|setup| Setup { room: "checker", ..setup }).into_iter().collect()
}

fn named(
    name: &'static str,
    says: &'static str,
    settings: &Settings,
    judged: impl Fn(Sim<Raft, Cluster>) -> Sim<Raft, Cluster>,
) -> Option<Setup> {
    let sim = judged(simulation(settings).ok()?);
    Some(Setup { room: "raft", name, says, search: Search::Seeds(Box::new(Clusters { sim })) })
}

/// Short runs of few clients on few keys: more seeds, more conflicts.
fn small(nodes: usize, climate: Climate) -> Settings {
    let mut settings = Settings::default();
    settings.nodes = nodes;
    settings.clients = 4;
    settings.keys = 2;
    settings.operations = 400;
    settings.climate = climate;
    settings.storm = Duration::from_secs(4);
    settings
}

/// Without what makes elections rare.
fn restless(mut settings: Settings) -> Settings {
    settings.configure = campaign_again_and_again;
    settings
}

/// As [`restless`], and nobody lends.
fn plain(mut settings: Settings) -> Settings {
    settings.configure = |config| {
        campaign_again_and_again(config);
        config.lending = false;
    };
    settings
}

/// Many clients that do not wait long: some are answered while a lease runs out.
fn busy(mut settings: Settings) -> Settings {
    settings.clients = 30;
    settings.gets_percent = 92;
    settings.keys = 6;
    settings.patience = Duration::from_millis(300);
    settings.operations = 1_200;
    settings.storm = Duration::from_secs(3);
    settings
}

fn campaign_again_and_again(config: &mut Config) {
    config.pre_vote = false;
    config.check_quorum = false;
    config.election_timeout_max = config.election_timeout_min + Duration::from_millis(30);
}

/// With members that come and go this often.
pub(super) fn changing(mut settings: Settings, every_ms: u64) -> Settings {
    settings.changes = Some(Duration::from_millis(every_ms));
    settings
}

fn weighted(mut settings: Settings) -> Settings {
    settings.configure = |config| {
        campaign_again_and_again(config);
        config.quorum = QuorumRule::weights([(NodeId(1), 3), (NodeId(2), 2)]);
    };
    settings
}

fn flexible(mut settings: Settings) -> Settings {
    settings.configure = |config| {
        campaign_again_and_again(config);
        config.quorum = QuorumRule::Flexible { commit: 2 };
    };
    settings
}

/// Where every other change changes the rule of the quorums.
fn ruled(mut settings: Settings) -> Settings {
    settings.rules = true;
    settings
}

/// With a witness among those that found the cluster.
pub(super) fn with_witness(mut settings: Settings) -> Settings {
    settings.witness = true;
    settings
}

/// With machines that are exchanged for new ones while they are no members.
pub(super) fn replacing(mut settings: Settings) -> Settings {
    settings.replacements = true;
    settings
}

pub(super) fn hunted(nodes: usize) -> Settings {
    let strikes = |fault, every| Rate {
        fault,
        every: Duration::from_millis(every),
        lasting: (Duration::from_millis(10), Duration::from_millis(400)),
    };
    let mut dials = Dials::calm();
    dials.latency = Latency::Uniform(Duration::from_millis(1), Duration::from_millis(40));
    dials.schedule =
        vec![strikes(Fault::Isolate, 150), strikes(Fault::Crash, 300), strikes(Fault::Split, 600)];
    restless(small(nodes, Climate::Fixed(dials)))
}

fn frail(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut dials = Dials::calm();
    dials.sync = Latency::Uniform(ms(1), ms(150));
    dials.latency = Latency::Uniform(ms(1), ms(10));
    dials.schedule = vec![
        Rate { fault: Fault::Crash, every: ms(250), lasting: (ms(1), ms(150)) },
        Rate { fault: Fault::Isolate, every: ms(600), lasting: (ms(50), ms(600)) },
    ];
    restless(small(nodes, Climate::Fixed(dials)))
}

fn stalled(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut dials = Dials::calm();
    dials.schedule = vec![
        Rate { fault: Fault::StallDisk, every: ms(300), lasting: (ms(200), ms(1_500)) },
        Rate { fault: Fault::Crash, every: ms(400), lasting: (ms(1), ms(50)) },
        Rate { fault: Fault::Isolate, every: ms(500), lasting: (ms(200), ms(1_000)) },
    ];
    restless(small(nodes, Climate::Fixed(dials)))
}

pub(super) fn late(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut dials = Dials::rough(&[Fault::Isolate, Fault::Crash, Fault::Split]);
    let mut quantiles: Vec<_> = (1..=18).map(|at| ms(at / 2)).collect();
    quantiles.extend([ms(100), ms(1_000), ms(3_000)]);
    dials.latency = Latency::Quantiles(quantiles);
    dials.reorder_ppm = 1_000_000;
    restless(small(nodes, Climate::Fixed(dials)))
}

/// Leaders on slow clocks lose sight of voters on fast ones.
fn drifting(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut dials = Dials::calm();
    dials.drifts_ppm =
        (1..=nodes as u64).map(|id| (NodeId(id), if id % 2 == 0 { 400_000 } else { -400_000 })).collect();
    dials.latency = Latency::Uniform(ms(1), ms(8));
    dials.schedule = vec![
        Rate { fault: Fault::Isolate, every: ms(400), lasting: (ms(100), ms(500)) },
        Rate { fault: Fault::Spike, every: ms(500), lasting: (ms(50), ms(300)) },
        Rate { fault: Fault::Crash, every: ms(500), lasting: (ms(1), ms(20)) },
    ];
    let mut settings = small(nodes, Climate::Fixed(dials));
    settings.leases = true;
    settings.clock_drift_ppm_max = 400_000;
    settings
}

fn guarded(nodes: usize) -> Settings {
    let mut settings = drifting(nodes);
    settings.leases = false;
    settings.lease_guard = Some(Duration::from_millis(150));
    settings
}

fn handing(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut dials = Dials::calm();
    dials.schedule = vec![
        Rate { fault: Fault::Isolate, every: ms(150), lasting: (ms(100), ms(300)) },
        Rate { fault: Fault::Crash, every: ms(800), lasting: (ms(1), ms(10)) },
    ];
    let mut settings = small(nodes, Climate::Fixed(dials));
    settings.leases = true;
    settings.clock_drift_ppm_max = 0;
    settings.transfers_every = 3;
    settings.pause_max = ms(5);
    settings
}

/// The first node is preferred as a leader, and its clock is as slow as is allowed for; the others' are as fast.
fn slow(nodes: usize) -> Settings {
    let mut settings = busy(drifting(nodes));
    if let Climate::Fixed(dials) = &mut settings.climate {
        dials.drifts_ppm =
            (1..=nodes as u64).map(|id| (NodeId(id), if id == 1 { -400_000 } else { 400_000 })).collect();
    }
    settings.configure = prefer_the_first;
    settings
}

/// The first node is preferred as a leader, and what it is told takes long.
fn far(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut settings = busy(drifting(nodes));
    if let Climate::Fixed(dials) = &mut settings.climate {
        dials.drifts_ppm.clear();
        dials.latency = Latency::Uniform(ms(1), ms(3));
        let to_first = (2..=nodes as u64).map(|id| (NodeId(id), NodeId(1)));
        dials.links = to_first.map(|link| (link, Latency::Uniform(ms(60), ms(110)))).collect();
        dials.schedule.push(Rate { fault: Fault::OneWay, every: ms(300), lasting: (ms(100), ms(600)) });
    }
    settings.clock_drift_ppm_max = 0;
    settings.configure = prefer_the_first;
    settings
}

fn prefer_the_first(config: &mut Config) {
    config.priority = u32::from(config.id == NodeId(1));
    config.election_timeout_max = config.election_timeout_min + Duration::from_millis(30);
}

/// Promises that last for a second, and nodes that are back from a crash before they end.
fn loyal(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut dials = Dials::calm();
    dials.latency = Latency::Uniform(ms(1), ms(3));
    dials.schedule = vec![
        Rate { fault: Fault::Isolate, every: ms(400), lasting: (ms(200), ms(1_500)) },
        Rate { fault: Fault::Crash, every: ms(200), lasting: (ms(1), ms(10)) },
    ];
    let mut settings = busy(small(nodes, Climate::Fixed(dials)));
    settings.storm = Duration::from_secs(10);
    settings.leases = true;
    settings.clock_drift_ppm_max = 0;
    settings.configure = |config| {
        config.election_timeout_min = Duration::from_millis(800);
        config.election_timeout_max = Duration::from_millis(1_000);
    };
    settings
}

/// A lease that lasts longer than it takes to elect the next leader.
fn long_guard(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut dials = Dials::calm();
    dials.latency = Latency::Uniform(ms(1), ms(5));
    dials.schedule = vec![
        Rate { fault: Fault::Isolate, every: ms(800), lasting: (ms(300), ms(2_500)) },
        Rate { fault: Fault::Crash, every: ms(2_000), lasting: (ms(1), ms(20)) },
    ];
    let mut settings = restless(small(nodes, Climate::Fixed(dials)));
    settings.lease_guard = Some(ms(500));
    settings.clock_drift_ppm_max = 0;
    settings
}

/// A log that is a long lease, is compacted at every entry, and seldom grows: now and then it ends with what came in a snapshot.
fn guarded_compacting(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut dials = Dials::calm();
    dials.latency = Latency::Uniform(ms(1), ms(5));
    dials.schedule = vec![Rate { fault: Fault::Isolate, every: ms(400), lasting: (ms(300), ms(900)) }];
    let mut settings = compacting(small(nodes, Climate::Fixed(dials)), 1);
    settings.clients = 3;
    settings.gets_percent = 90;
    settings.pause_max = ms(200);
    settings.storm = Duration::from_secs(8);
    settings.transfers_every = 0;
    settings.lease_guard = Some(ms(600));
    settings.clock_drift_ppm_max = 0;
    settings.configure = |config| {
        keep_little(config);
        // Who was cut off does not depose the leader when it comes back, and a leader that is cut off serves on.
        config.check_quorum = false;
        config.election_timeout_max = config.election_timeout_min + Duration::from_millis(30);
    };
    settings
}

/// Snapshots after so many entries, in pieces of a few bytes, and nothing kept behind them.
fn compacting(mut settings: Settings, every: u64) -> Settings {
    settings.checkpoint_every = every;
    settings.configure = keep_little;
    settings
}

/// The same, of [`restless`] nodes.
pub(super) fn restless_compacting(settings: Settings, every: u64) -> Settings {
    let mut settings = compacting(restless(settings), every);
    settings.configure = |config| {
        campaign_again_and_again(config);
        keep_little(config);
    };
    settings
}

fn keep_little(config: &mut Config) {
    config.trailing_entries = 0;
    config.snapshot_piece_bytes = 24;
    config.snapshot_pieces_max = 2;
    config.log_memory_bytes_max = 100;
}

/// Messages come twice, and in any order; what hosts are asked for takes long.
pub(super) fn echoing(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut dials = lagging();
    dials.latency = Latency::Uniform(ms(1), ms(120));
    dials.duplicate_ppm = 400_000;
    dials.reorder_ppm = 1_000_000;
    dials.loss_ppm = 50_000;
    let mut settings = restless_compacting(small(nodes, Climate::Fixed(dials)), 3);
    settings.job_max = ms(150);
    settings
}

/// Nothing is lost and nobody dies, but what was sent first may arrive last: also behind the snapshot that was begun without it.
fn jittery(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut dials = Dials::calm();
    dials.latency = Latency::Uniform(ms(1), ms(120));
    dials.sync = Latency::Uniform(ms(1), ms(30));
    dials.reorder_ppm = 1_000_000;
    // Not so often that the next snapshot makes up for what went wrong with this one.
    let mut settings = compacting(small(nodes, Climate::Fixed(dials)), 25);
    settings.clients = 6;
    settings.transfers_every = 0;
    settings.job_max = ms(150);
    settings
}

/// Elections, and disks that lose what was written in them.
pub(super) fn forgetful(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut settings = rotting(nodes);
    if let Climate::Fixed(dials) = &mut settings.climate {
        dials.schedule = vec![
            Rate { fault: Fault::BitRot, every: ms(60), lasting: (ms(10), ms(20)) },
            Rate { fault: Fault::Crash, every: ms(150), lasting: (ms(1), ms(60)) },
            Rate { fault: Fault::Isolate, every: ms(200), lasting: (ms(100), ms(500)) },
        ];
    }
    settings
}

/// Followers fall behind, and some of them die.
fn lagging() -> Dials {
    let ms = Duration::from_millis;
    let mut dials = Dials::calm();
    dials.latency = Latency::Uniform(ms(1), ms(20));
    dials.sync = Latency::Uniform(ms(1), ms(30));
    dials.loss_ppm = 20_000;
    dials.duplicate_ppm = 50_000;
    dials.reorder_ppm = 500_000;
    dials.schedule = vec![
        Rate { fault: Fault::Isolate, every: ms(300), lasting: (ms(50), ms(600)) },
        Rate { fault: Fault::Crash, every: ms(400), lasting: (ms(1), ms(200)) },
        Rate { fault: Fault::Split, every: ms(900), lasting: (ms(50), ms(500)) },
    ];
    dials
}

/// Disks that rot, each fact on a minority of them.
pub(super) fn rotting(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut dials = Dials::calm();
    dials.latency = Latency::Uniform(ms(1), ms(10));
    dials.sync = Latency::Uniform(ms(1), ms(30));
    dials.storage.bound = Bound::Records;
    dials.schedule = vec![
        Rate { fault: Fault::BitRot, every: ms(150), lasting: (ms(10), ms(100)) },
        Rate { fault: Fault::MisdirectedWrite, every: ms(500), lasting: (ms(10), ms(100)) },
        Rate { fault: Fault::Crash, every: ms(200), lasting: (ms(1), ms(150)) },
        Rate { fault: Fault::Isolate, every: ms(300), lasting: (ms(50), ms(500)) },
    ];
    let mut settings = restless(small(nodes, Climate::Fixed(dials)));
    settings.checkpoint_every = 0;
    settings
}

/// A disk that stands still, and does not move again before the faults of the run end.
fn stuck(nodes: usize) -> Settings {
    let mut settings = lasting(nodes, Fault::StallDisk);
    // Nobody takes the leadership away from it by chance.
    settings.transfers_every = 0;
    settings
}

/// Where exactly one disk stood still, and for five seconds at least, somebody else leads in the end.
fn with_sound_leader(sim: Sim<Raft, Cluster>) -> Sim<Raft, Cluster> {
    sim.finally(PROGRESS, |world: &World<Raft, Cluster>| {
        let end = LASTING.as_nanos() as u64;
        let [strike] = world.strikes() else { return Ok(()) };
        let leader = world
            .workload()
            .reigns()
            .iter()
            .rev()
            .find(|reign| reign.at < end && reign.role == Some(Role::Leader));
        match leader {
            Some(reign) if strike.at + 5_000_000_000 <= end && strike.nodes == [reign.node] => {
                Err(format!("{} leads on, and its disk stands still since {} ns", reign.node, strike.at))
            }
            _ => Ok(()),
        }
    })
}

/// A fault that strikes once or twice, and does not end before the storm does: a partition that lets one direction pass, say.
fn lasting(nodes: usize, fault: Fault) -> Settings {
    let mut dials = Dials::calm();
    let lasting = (Duration::from_secs(60), Duration::from_secs(60));
    dials.schedule = vec![Rate { fault, every: Duration::from_secs(8), lasting }];
    let mut settings = small(nodes, Climate::Fixed(dials));
    settings.storm = LASTING;
    settings.operations = 10_000;
    settings
}

const LASTING: Duration = Duration::from_secs(10);

/// Where exactly one fault struck, and stayed for five seconds at least, something was answered in the last two.
fn with_progress(sim: Sim<Raft, Cluster>) -> Sim<Raft, Cluster> {
    sim.finally(PROGRESS, |world: &World<Raft, Cluster>| {
        let end = LASTING.as_nanos() as u64;
        let [strike] = world.strikes() else { return Ok(()) };
        if strike.at + 5_000_000_000 > end {
            return Ok(());
        }
        let late = end - 2_000_000_000..end;
        let answered =
            world.workload().latencies().iter().any(|(begun, took)| late.contains(&(begun + took)));
        if answered {
            return Ok(());
        }
        Err(format!(
            "nothing was answered for two seconds under a lasting {} of {:?}",
            strike.fault, strike.nodes
        ))
    })
}
