//! The eight fallacies again (`crates/sim/tests/sim/fallacies` tells their stories): the store on Raft as it ships, under the dial of each alone.
//!
//! What clients saw is linearizable, Raft's safety properties and its specification hold at every step, everybody is served, and the
//! dial has really been felt: somewhere it made itself known in what the simulator counted.

use core::time::Duration;
use synod_core::NodeId;
use synod_kv::cluster::{Cluster, Settings, judged, simulation, with_spec};
use synod_raft::Raft;
use synod_sim::{Bandwidth, Climate, Dials, Fault, Guard, Latency, Line, Rate, Sim, Stats, Verdict};

const SEEDS: u64 = 12;

fn store(turn: impl Fn(&mut Settings, &mut Dials)) -> Sim<Raft, Cluster> {
    let (mut settings, mut dials) = (Settings::default(), Dials::calm());
    (settings.nodes, settings.clients, settings.operations) = (3, 5, 600);
    settings.storm = Duration::from_secs(6);
    turn(&mut settings, &mut dials);
    settings.climate = Climate::Fixed(dials);
    with_spec(judged(simulation(&settings).unwrap(), &settings))
}

/// Every seed passes under the dial, and the dial is felt in every one of them.
fn bears(sim: &Sim<Raft, Cluster>, felt: impl Fn(&Stats) -> bool) {
    for seed in 0..SEEDS {
        let report = sim.run(seed);
        assert_eq!(report.verdict, Verdict::Passed, "seed {seed}");
        assert!(felt(&report.stats), "seed {seed}: the dial was not felt: {:?}", report.stats);
        assert!(report.workload.tally().ok >= 20, "seed {seed}: {:?}", report.workload.tally());
    }
}

#[test]
fn the_store_bears_a_network_that_loses_one_message_in_five() {
    bears(&store(|_, dials| dials.loss_ppm = 200_000), |stats| stats.lost * 10 > stats.sent);
}

#[test]
fn the_store_bears_a_latency_of_thirty_milliseconds() {
    let far = Latency::Constant(Duration::from_millis(30));
    let sim = store(|_, dials| dials.latency = far.clone());
    bears(&sim, |stats| stats.delivered > 0);
    let near = store(|_, _| {});
    // The dial is felt in how much is done in the same time.
    let answered = |sim: &Sim<Raft, Cluster>| sim.run(0).workload.tally().ok;
    assert!(answered(&sim) * 3 < answered(&near) * 2, "{} and {}", answered(&sim), answered(&near));
}

#[test]
fn the_store_bears_a_line_that_is_narrow() {
    let line = Bandwidth { bytes_per_sec: 24_000, queue_bytes_max: 8_000, lanes: true };
    let sim = store(|settings, dials| {
        // Snapshots among it.
        settings.checkpoint_every = 20;
        dials.bandwidth = Some(line);
    });
    bears(&sim, |stats| stats.squeezed > 100);
}

#[test]
fn the_store_bears_attackers_where_its_transport_authenticates() {
    let attacked = |guard| {
        store(move |_, dials| {
            dials.tamper.corrupt_ppm = 20_000;
            dials.tamper.replay_ppm = 20_000;
            dials.tamper.forge_ppm = 20_000;
            dials.guard = guard;
        })
    };
    bears(&attacked(Guard::Authenticated), |stats| stats.refused > 50);
    // It is the transport that bears them: Raft by itself believes what it can read.
    let broken = (0..SEEDS).filter(|seed| attacked(Guard::None).run(*seed).verdict != Verdict::Passed);
    assert!(broken.count() > 0);
}

#[test]
fn the_store_bears_nodes_that_move_and_members_that_change() {
    let moves =
        Rate { fault: Fault::Move, every: Duration::from_secs(1), lasting: (Duration::ZERO, Duration::ZERO) };
    let sim = store(|settings, dials| {
        settings.nodes = 5;
        settings.changes = Some(Duration::from_millis(300));
        dials.resolve_after = Some(Duration::from_millis(300));
        dials.schedule = vec![moves];
    });
    bears(&sim, |stats| stats.unreachable > 0);
    for seed in 0..SEEDS {
        assert!(sim.run(seed).workload.tally().memberships > 0, "seed {seed}");
    }
}

/// `versions.rs` tells the rest: what two builds may say to each other.
#[test]
fn the_store_bears_administrators_who_restart_it_as_they_like() {
    let restarts = Rate {
        fault: Fault::Crash,
        every: Duration::from_millis(700),
        lasting: (Duration::from_millis(50), Duration::from_millis(400)),
    };
    let sim = store(|settings, dials| {
        // One tunes the priorities of nodes, another takes nodes away, a third hands over, a fourth restarts.
        settings.priorities = true;
        settings.changes = Some(Duration::from_millis(400));
        (settings.nodes, settings.transfers_every, settings.resigns_every) = (5, 20, 60);
        dials.schedule = vec![restarts];
    });
    bears(&sim, |stats| stats.crashes > 0);
}

#[test]
fn an_operation_on_the_store_costs_what_it_should() {
    let sim = store(|settings, _| settings.reads = false).budget("messages and bytes", |costs, cluster| {
        let total = costs.total();
        let each = |count: u64| count / cluster.tally().ok.max(1);
        // Six messages carry an entry by itself and tell of its commit; heartbeats come on top.
        let (messages, bytes) = (each(total.messages), each(total.bytes));
        if messages <= 9 && bytes <= 700 {
            return Ok(());
        }
        Err(format!("{messages} messages and {bytes} bytes for an operation"))
    });
    bears(&sim, |stats| stats.sent > 0);
}

#[test]
fn the_store_bears_nodes_that_are_not_alike() {
    let sim = store(|settings, dials| {
        settings.nodes = 5;
        settings.leases = true;
        // A clock a tenth slow, another a tenth fast; a processor that takes 5 ms for a step; a link of small packets that loses some.
        dials.drifts_ppm = [(NodeId(1), -100_000), (NodeId(2), 100_000)].into();
        dials.steps = [(NodeId(3), Duration::from_millis(5))].into();
        let poor = Line { mtu: Some(576), loss_ppm: Some(100_000), ..Line::default() };
        dials.lines = [((NodeId(1), NodeId(4)), poor), ((NodeId(4), NodeId(1)), poor)].into();
    });
    bears(&sim, |stats| stats.queued > 0 && stats.lost > 0);
}

/// Where nothing is turned nothing is felt: the counts that the tests above ask for are the dials' own.
#[test]
fn calm_weather_is_not_felt() {
    let report = store(|_, _| {}).run(0);
    let Stats { lost, squeezed, refused, unreachable, crashes, queued, .. } = report.stats;
    assert_eq!([lost, squeezed, refused, unreachable, crashes, queued], [0; 6]);
}
