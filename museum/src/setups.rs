//! Where the judges look: a fixed list, the same for every exhibit and for the correct code. No setup knows a bug.

use core::time::Duration;
use synod_kv::cluster::{Cluster, Settings, simulation, with_invariants, with_judge};
use synod_raft::Raft;
use synod_sim::{Climate, Dials, Fault, Latency, Rate, Sim, World};

/// A way to run clusters, with all judges at work: invariants after every event, progress after the faults, and what the
/// clients saw.
pub(crate) struct Setup {
    pub(crate) name: &'static str,
    pub(crate) says: &'static str,
    pub(crate) sim: Sim<Raft, Cluster>,
}

/// The judge of [`with_progress`].
pub(crate) const PROGRESS: &str = "progress in spite of a fault that stays";

pub(crate) fn all() -> Vec<Setup> {
    use Fault::{Blackout, Bridge, Crash, Flap, Isolate, OneWay, Pause, SlowDisk, Split, StallDisk};
    let swarm = |among: &[Fault]| Climate::Swarm(among.to_vec());
    let partitions = [Isolate, Split, OneWay, Bridge, Flap, Pause];
    let named = |name, says, settings: Settings| {
        let sim = with_judge(with_invariants(simulation(&settings).ok()?));
        Some(Setup { name, says, sim })
    };
    let setups = [
        named("storm-3", "three nodes, every fault", small(3, Climate::swarm())),
        named("storm-5", "five nodes, every fault", small(5, Climate::swarm())),
        named(
            "crashes-3",
            "three nodes that die, with disks that stall",
            small(3, swarm(&[Crash, Blackout, StallDisk, SlowDisk])),
        ),
        named("partitions-5", "five nodes that lose sight of each other", small(5, swarm(&partitions))),
        named(
            "elections-3",
            "three nodes with neither PreVote nor CheckQuorum, which campaign again and again",
            restless(small(3, swarm(&[Crash, Isolate, Flap, Pause, StallDisk]))),
        ),
        named("hunted-5", "five of them, whose leaders fall as soon as they rise", hunted(5)),
        named("late-3", "three of them, with messages that arrive seconds late", late(3)),
        named("one-way-3", "three nodes, some of which hear and are not heard: two must go on", lasting(3))
            .map(|setup| Setup { sim: with_progress(setup.sim), ..setup }),
    ];
    setups.into_iter().flatten().collect()
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
    settings.configure = |config| {
        config.pre_vote = false;
        config.check_quorum = false;
        config.election_timeout_max = config.election_timeout_min + Duration::from_millis(30);
    };
    settings
}

fn hunted(nodes: usize) -> Settings {
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

fn late(nodes: usize) -> Settings {
    let ms = Duration::from_millis;
    let mut dials = Dials::rough(&[Fault::Isolate, Fault::Crash, Fault::Split]);
    let mut quantiles: Vec<_> = (1..=18).map(|at| ms(at / 2)).collect();
    quantiles.extend([ms(100), ms(1_000), ms(3_000)]);
    dials.latency = Latency::Quantiles(quantiles);
    dials.reorder_ppm = 1_000_000;
    restless(small(nodes, Climate::Fixed(dials)))
}

/// A partition that lets one direction pass, once or twice, and does not end before the faults of the run do.
fn lasting(nodes: usize) -> Settings {
    let mut dials = Dials::calm();
    let lasting = (Duration::from_secs(60), Duration::from_secs(60));
    dials.schedule = vec![Rate { fault: Fault::OneWay, every: Duration::from_secs(8), lasting }];
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

/// What needs more than a few CPU seconds.
const SLOW: &[&str] =
    &["commit-of-earlier-term", "own-vote-before-durable", "vote-forgotten", "vote-not-written"];

/// Whether an exhibit belongs to the subset of CI.
pub(crate) fn is_quick(name: &str) -> bool {
    !SLOW.contains(&name)
}
