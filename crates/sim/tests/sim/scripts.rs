//! Runs written down: a script repeats the run of a seed, in memory and as text, and no text makes the reader panic.

use crate::ledger::service::ledgers;
use core::time::Duration;
use proptest::prelude::*;
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink, Time};
use synod_sim::{
    Climate, Dials, Expect, Fault, FaultEvent, Hit, Idle, Kind, Label, Latency, Sabotage, Script,
    ScriptError, Shrinker, Sim, Strike,
};

#[test]
fn a_script_repeats_the_run_of_its_seed_event_by_event() {
    let sim = ledgers(false);
    for seed in 0..200 {
        let (report, script) = sim.script(seed);
        assert_eq!(report.hash, sim.run(seed).hash, "listing the faults changes nothing");
        let read: Script = script.to_string().parse().unwrap();
        assert_eq!(read, script, "seed {seed}");
        let (again, _) = sim.run_tape(read.tape(), 0..0);
        assert_eq!((again.hash, &again.verdict), (report.hash, &report.verdict), "seed {seed}");
        assert!(script.expect.met_by(&again.verdict));
        assert_eq!((again.stats.lost, again.stats.torn), (report.stats.lost, report.stats.torn));
    }
}

#[test]
fn nothing_befalls_a_run_but_what_its_script_lists() {
    let sim = ledgers(false);
    let losses = |script: &Script| script.hits().filter(|hit| hit.label.kind == Kind::Loss).count();
    let script = (0..).map(|seed| sim.script(seed).1).find(|script| losses(script) > 20).unwrap();
    let mut bare = script.clone();
    bare.faults.clear();
    let stats = sim.run_tape(bare.tape(), 0..0).0.stats;
    assert_eq!((stats.lost, stats.duplicated, stats.blocked, stats.crashes, stats.faults), (0, 0, 0, 0, 0));
    let lost = script.hits().find(|hit| hit.label.kind == Kind::Loss).cloned().unwrap();
    bare.faults.push(FaultEvent::Hit(lost));
    assert!(sim.run_tape(bare.tape(), 0..0).0.stats.lost <= 1);
}

#[test]
fn a_replay_goes_back_to_the_very_world_that_was_there() {
    let sim = ledgers(false);
    let (report, script) = sim.script(3);
    let mut replay = sim.replay(&script, |_, node| format!("{} stored", node.stored.len()));
    assert_eq!((replay.hash(), replay.verdict()), (report.hash, &report.verdict));
    let count = replay.lines().len();
    assert!(count > 1_000, "{count}");
    let places: Vec<usize> = (0..20).map(|nth| nth * count / 20).collect();
    let forward: Vec<_> =
        places.iter().map(|place| (replay.at(*place).hash(), replay.at(*place).in_flight())).collect();
    assert!(forward.iter().any(|(_, flight)| !flight.is_empty()));
    for (place, there) in places.iter().zip(&forward).rev() {
        assert_eq!((replay.at(*place).hash(), replay.at(*place).in_flight()), *there);
    }
    assert_eq!(replay.at(usize::MAX).hash(), report.hash);
    let strikes = replay.lines().iter().filter(|line| line.text.starts_with("FAULT")).count();
    assert_eq!(strikes, report.strikes.len());
}

fn spans() -> impl Strategy<Value = Duration> {
    prop_oneof![0..10_u64, 0..10_000_000_000_u64, any::<u64>()].prop_map(Duration::from_nanos)
}

fn latencies() -> impl Strategy<Value = Latency> {
    prop_oneof![
        spans().prop_map(Latency::Constant),
        (spans(), spans()).prop_map(|(least, greatest)| Latency::Uniform(least, greatest)),
        spans().prop_map(Latency::LogNormal),
        prop::collection::vec(spans(), 0..4).prop_map(Latency::Quantiles),
    ]
}

fn nodes() -> impl Strategy<Value = NodeId> {
    prop_oneof![(1..8_u64), any::<u64>()].prop_map(NodeId)
}

fn dials() -> impl Strategy<Value = Dials> {
    let links = prop::collection::btree_map((nodes(), nodes()), latencies(), 0..3);
    let sabotage = prop::sample::select(vec![None, Some(Sabotage::EarlySend), Some(Sabotage::LyingFsync)]);
    (latencies(), links, latencies(), spans(), 0..1_000_000_u32, sabotage).prop_map(
        |(latency, links, sync, clock_skew_max, drift_ppm_max, sabotage)| {
            let mut dials = Dials::calm();
            dials.latency = latency;
            dials.links = links;
            dials.sync = sync;
            dials.clock_skew_max = clock_skew_max;
            dials.drift_ppm_max = drift_ppm_max;
            dials.sabotage = sabotage;
            dials
        },
    )
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::all().collect::<Vec<_>>())
}

fn faults() -> impl Strategy<Value = FaultEvent> {
    let fault = prop::sample::select(Fault::all().collect::<Vec<_>>());
    let strike = (
        fault,
        0..u64::MAX / 2,
        0..u64::MAX / 2,
        prop::collection::vec(nodes(), 0..4),
        prop::option::of(nodes()),
        any::<u64>(),
    )
        .prop_map(|(fault, at, lasting, nodes, bridge, detail)| {
            FaultEvent::Strike(Strike { fault, at, until: at + lasting, nodes, bridge, detail })
        });
    let hit = (kinds(), any::<u64>(), any::<u64>(), prop::option::of(any::<u64>()), notes()).prop_map(
        |(kind, key, at, amount, note)| FaultEvent::Hit(Hit { label: Label { kind, key }, at, amount, note }),
    );
    prop_oneof![strike, hit]
}

/// One line of text, as a script keeps it.
fn notes() -> impl Strategy<Value = String> {
    "\\PC{0,40}".prop_map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn scripts() -> impl Strategy<Value = Script> {
    let name = "[a-z][a-z' -]{0,20}[a-z]"
        .prop_map(|name: String| name.split_whitespace().collect::<Vec<_>>().join(" "));
    let expect = prop_oneof![
        Just(Expect::Passed),
        Just(Expect::Restless),
        name.clone().prop_map(Expect::Violated),
        name.prop_map(Expect::Stalled),
    ];
    let settings = prop::collection::btree_map("[a-z_-]{1,10}", "[a-z0-9.]{1,10}", 0..4);
    let draws = prop::collection::btree_map(
        (kinds(), any::<u64>()).prop_map(|(kind, key)| Label { kind, key }),
        any::<u64>(),
        0..4,
    );
    let head =
        (prop::collection::vec(notes(), 0..3), expect, prop::option::of(any::<u64>()), any::<u64>(), spans());
    (head, settings, dials(), draws, prop::collection::vec(faults(), 0..12)).prop_map(
        |((about, expect, hash, seed, storm), settings, dials, draws, faults)| {
            let mut script = Script::new(seed);
            (script.about, script.expect, script.hash, script.storm) = (about, expect, hash, storm);
            (script.settings, script.dials, script.draws, script.faults) = (settings, dials, draws, faults);
            script
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_written_is_read_back(script in scripts()) {
        let text = script.to_string();
        prop_assert_eq!(text.parse::<Script>(), Ok(script), "{}", text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(script in scripts(), edits in prop::collection::vec((any::<prop::sample::Index>(), "\\PC{0,3}|\n|# |[0-9]{1,30}"), 1..6)) {
        let mut text: Vec<char> = script.to_string().chars().collect();
        for (place, new) in edits {
            let at = place.index(text.len());
            let end = (at + new.chars().count() / 2).min(text.len());
            text.splice(at..end, new.chars());
        }
        let text: String = text.into_iter().collect();
        match text.parse::<Script>() {
            Ok(read) => prop_assert_eq!(read.to_string().parse::<Script>(), Ok(read), "{}", text),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn what_is_no_script_is_refused_with_its_line() {
    let head = "synod-script 1\nexpect passed\nseed 1\nstorm 1s\n";
    assert!(head.parse::<Script>().is_ok());
    assert_eq!("seed 1".parse::<Script>(), Err(ScriptError::Header));
    assert_eq!("synod-script 2\n".parse::<Script>(), Err(ScriptError::Header));
    assert_eq!(
        "synod-script 1\nexpect passed\nseed 1\n".parse::<Script>(),
        Err(ScriptError::Missing { entry: "storm" })
    );
    for bad in [
        "frobnicate",
        "hash zz",
        "set clients",
        "dial latency soon",
        "dial gravity 1",
        "dial drift 1000000ppm",
        "dial drift-of n1 1000000ppm",
        "dial drift-of n1 -1000000ppm",
        "dial drift-of n1 -9223372036854775808ppm",
        "draw loss 1",
        "at noon crash n1 for 1s",
        "at 1s crash n1",
        "at 1s crash 1 for 1s",
        "at 1s crash n+1 for 1s",
        "at 1s meteor n1 for 1s",
        "at 1s loss xyz",
        "at 1s loss +1",
        "at 1s loss 1 amount",
        "at 18446744073s crash n1 for 2s",
    ] {
        match format!("{head}{bad}\n").parse::<Script>() {
            Err(ScriptError::Line { line: 5, .. }) => {}
            other => panic!("{bad}: {other:?}"),
        }
    }
    for twice in ["seed 2", "storm 2s", "expect passed"] {
        let error = format!("{head}{twice}\n").parse::<Script>().unwrap_err();
        assert!(matches!(error, ScriptError::Twice { line: 5, .. }), "{error}");
    }
}

#[test]
fn faults_and_chances_have_different_names() {
    for fault in Fault::all() {
        assert!(Kind::all().all(|kind| kind.name() != fault.name()), "{fault}");
    }
}

/// Node 1 writes to node 2, which remembers when the letter came.
#[derive(Clone, Debug, Default, Hash)]
struct Letter {
    came: Option<Time>,
}

impl Protocol for Letter {
    type Message = ();
    type Record = Never;
    type Command = Never;
    type Event = Never;
    type Timer = Never;
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, _: Recovered<Never>) -> Result<(), Never> {
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } if cx.me() == NodeId(1) => cx.send(NodeId(2), ()),
            Input::Message(..) => self.came = Some(cx.now()),
            _ => {}
        }
    }
}

#[test]
fn dials_that_the_failure_does_not_need_stand_as_in_calm_weather_once_it_is_shrunk() {
    let [ms, slow] = [1, 20].map(Duration::from_millis);
    let mut dials = Dials { latency: Latency::Constant(slow), step: ms, ..Dials::calm() };
    dials.steps.insert(NodeId(1), ms * 2);
    dials.syncs.insert(NodeId(2), Latency::Constant(slow));
    dials.drifts_ppm.insert(NodeId(2), 70_000);
    let sim =
        Sim::new(2, |_| Letter::default(), Idle).climate(Climate::Fixed(dials)).always("in time", || {
            |_, node: Option<&Letter>| match node.and_then(|node| node.came) {
                Some(at) if at > Time(10_000_000) => Err(format!("it came at {at:?}")),
                _ => Ok(()),
            }
        });
    let script = sim.script(1).1;
    assert_ne!(script.expect, Expect::Passed);
    let shrunk = Shrinker::new(|_| Some(sim.clone())).shrink(&script).unwrap().script;
    let plain = Dials::calm();
    assert_eq!(shrunk.dials.latency, Latency::Constant(slow));
    assert_eq!((shrunk.dials.step, &shrunk.dials.steps), (plain.step, &plain.steps));
    assert_eq!((&shrunk.dials.syncs, &shrunk.dials.drifts_ppm), (&plain.syncs, &plain.drifts_ppm));
}
