//! A small durable service in the simulator: right as it stands, and wrong in each way that its driver can be sabotaged.

pub(crate) mod service;

use core::time::Duration;
use service::{Customers, Ledger, ledgers, nothing_acknowledged_is_lost};
use std::collections::BTreeSet;
use synod_core::NodeId;
use synod_sim::trace::{Fate, Happening};
use synod_sim::{Climate, Dials, Fault, Latency, Report, Sabotage, Sim, Tape, Verdict, World};

#[test]
fn a_correct_ledger_loses_nothing_and_every_fault_is_met() {
    let mut sim = ledgers(false)
        .sometimes("a record was lost in a crash", |world| {
            world.stats().crashes > 0
                && world.stats().records > world.up().map(|(_, node)| node.stored.len() as u64).sum()
        })
        .sometimes("a sync failed", |world| world.stats().failed_syncs > 0)
        .sometimes("a message was lost", |world| world.stats().lost > 0)
        .sometimes("a message was doubled", |world| world.stats().duplicated > 0)
        .sometimes("a partition stopped a message", |world| world.stats().blocked > 0)
        .sometimes("many effects waited for the disk", |world| world.stats().held_max > 30);
    for fault in Fault::survivable() {
        sim = sim
            .sometimes(fault.name(), move |world| world.strikes().iter().any(|strike| strike.fault == fault));
    }
    let summary = sim.run_seeds(0..60, |_| {});
    assert!(summary.passed(), "{summary}");
}

#[test]
fn a_ledger_that_speaks_before_it_has_written_is_caught() {
    let caught = (0..20).filter(|seed| ledgers(true).run(*seed).verdict != Verdict::Passed).count();
    assert!(caught > 5, "{caught} of 20");
}

#[test]
fn a_sabotaged_driver_is_caught() {
    for sabotage in [Sabotage::EarlySend, Sabotage::LyingFsync] {
        let sim = ledgers(false).turn(move |dials| dials.sabotage = Some(sabotage));
        let reports: Vec<Report<_>> = (0..20).map(|seed| sim.run(seed)).collect();
        let caught = reports.iter().filter(|report| report.verdict != Verdict::Passed).count();
        assert!(caught > 5, "{sabotage:?}: {caught} of 20");
        let lost: u64 = reports.iter().map(|report| report.stats.acknowledged_lost).sum();
        assert_eq!(
            lost > 0,
            sabotage == Sabotage::LyingFsync,
            "only a lying disk loses what it acknowledged"
        );
    }
}

#[test]
fn one_seed_is_one_run_and_another_seed_another() {
    let sim = ledgers(false);
    let hashes: BTreeSet<u64> = (0..20).map(|seed| sim.run(seed).hash).collect();
    assert_eq!(hashes.len(), 20);
    assert!((0..20).all(|seed| hashes.contains(&sim.run(seed).hash)));
}

#[test]
fn a_trace_and_a_recording_change_nothing_and_a_recorded_tape_repeats_the_run() {
    let sim = ledgers(false);
    let plain = sim.run(3);
    let mut tape = Tape::from_seed(3);
    tape.record();
    let (watched, mut world) = sim.run_tape(tape, 0..u64::MAX);
    assert_eq!(plain.hash, watched.hash);
    assert!(world.moments().len() > 1000);
    let recorded = world.recorded();
    assert!(recorded.overrides() > 1000);
    // The recording stands by itself: another seed under it changes nothing.
    let text = recorded.to_string().replace("seed 3", "seed 4");
    let (replayed, _) = sim.run_tape(text.parse().unwrap(), 0..0);
    assert_eq!((replayed.hash, replayed.seed), (plain.hash, 4));
}

#[test]
fn a_world_is_a_value_and_both_copies_go_the_same_way() {
    let mut tape = Tape::from_seed(5);
    let dials = Dials::swarm(&mut tape, &Fault::survivable().collect::<Vec<_>>());
    let mut world = World::new(3, |_| Ledger::default(), Customers::default(), tape, dials);
    (0..2000).for_each(|_| assert!(world.step()));
    let mut copy = world.clone();
    for _ in 0..2000 {
        world.step();
        copy.step();
    }
    assert_eq!((world.hash(), world.now()), (copy.hash(), copy.now()));
    world.step();
    assert_ne!((world.hash(), world.now()), (copy.hash(), copy.now()));
}

#[test]
fn a_property_that_never_holds_is_reported_as_vacuous_and_one_that_stays_away_as_a_stall() {
    let sim = ledgers(false).sometimes("pigs fly", |_| false);
    let summary = sim.run_seeds(0..3, |_| {});
    assert_eq!(summary.vacuous().collect::<Vec<_>>(), ["pigs fly"]);
    assert!(!summary.passed());
    let sim = ledgers(false).eventually_after_heal("pigs fly", Duration::from_millis(100), |_| false);
    assert!(matches!(sim.run(1).verdict, Verdict::Stalled { name: "pigs fly", .. }));
}

#[test]
fn an_invariant_is_shown_every_node_that_moves_and_stops_the_run_at_once() {
    let sim = ledgers(false).always("few copies", || {
        |_, node: Option<&Ledger>| match node {
            Some(node) if node.copies >= 10 => Err(format!("{} copies", node.copies)),
            _ => Ok(()),
        }
    });
    let report = sim.run(1);
    assert!(
        matches!(&report.verdict, Verdict::Violated { name: "few copies", detail, .. } if detail == "10 copies"),
        "{}",
        report.verdict
    );
}

fn fixed(turn: impl Fn(&mut Dials)) -> Report<Customers> {
    let mut dials = Dials::calm();
    turn(&mut dials);
    Sim::new(3, |_| Ledger::default(), Customers::default())
        .climate(Climate::Fixed(dials))
        .finally("durability", nothing_acknowledged_is_lost)
        .run(1)
}

#[test]
fn each_network_dial_turns_what_it_says() {
    let calm = fixed(|_| {}).stats;
    assert_eq!((calm.lost, calm.duplicated, calm.blocked, calm.crashes), (0, 0, 0, 0));
    assert!(calm.delivered > 3_000, "{calm:?}");
    let lossy = fixed(|dials| dials.loss_ppm = 250_000).stats;
    let share = lossy.lost as f64 / lossy.sent as f64;
    assert!((0.22..0.28).contains(&share), "{share}");
    let doubled = fixed(|dials| dials.duplicate_ppm = 500_000).stats;
    let share = doubled.duplicated as f64 / doubled.sent as f64;
    assert!((0.46..0.54).contains(&share), "{share}");
    let burst = synod_sim::Burst { enter_ppm: 10_000, leave_ppm: 100_000, loss_ppm: 1_000_000 };
    let bursty = fixed(|dials| dials.burst = Some(burst)).stats;
    let share = bursty.lost as f64 / bursty.sent as f64;
    assert!((0.05..0.15).contains(&share), "one message in eleven is on a bad link: {share}");
}

#[test]
fn a_link_can_be_slower_than_the_others_and_than_its_way_back() {
    let when = |turn: &dyn Fn(&mut Dials)| {
        let mut dials = Dials { latency: Latency::Constant(Duration::from_millis(1)), ..Dials::calm() };
        turn(&mut dials);
        let sim = Sim::new(3, |_| Ledger::default(), Customers::default()).climate(Climate::Fixed(dials));
        let (_, world) = sim.run_tape(Tape::from_seed(1), 0..u64::MAX);
        let mut sent = std::collections::BTreeMap::new();
        let mut slow = BTreeSet::new();
        for moment in world.moments() {
            match moment.what {
                Happening::Sent { id, .. } => drop(sent.insert(id, (moment.node, moment.at))),
                Happening::Ended { id, fate: Fate::Delivered } if moment.at - sent[&id].1 > 5_000_000 => {
                    slow.insert((sent[&id].0, moment.node));
                }
                _ => {}
            }
        }
        slow
    };
    let far = (NodeId(1), NodeId(3));
    let only = when(&|dials| drop(dials.links.insert(far, Latency::Constant(Duration::from_millis(50)))));
    assert_eq!(only, BTreeSet::from([far]));
    assert!(when(&|_| {}).is_empty());
}

#[test]
fn slow_disks_make_effects_wait_and_skewed_clocks_run_apart() {
    let slow = fixed(|dials| dials.sync = Latency::Constant(Duration::from_millis(100)));
    assert!(slow.stats.held_max > 20, "{:?}", slow.stats);
    assert!(slow.stats.syncs < 400);
    assert!(fixed(|_| {}).stats.held_max < 10);
}
