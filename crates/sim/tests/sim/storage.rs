//! Storage that fails: a replicated vault of numbers that repairs what it has lost, and drivers that deserve no trust.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use synod_core::{Context, Input, LogState, Lsn, Never, NodeId, Protocol, Recovered, Sink};
use synod_sim::trace::Happening;
use synod_sim::{
    Bound, Climate, Dials, Fault, FileSystem, Io, Rate, Report, Sabotage, Script, Sim, Tape, Verdict,
    Workload, World,
};

const NODES: u64 = 3;

fn others(me: NodeId) -> impl Iterator<Item = NodeId> {
    (1..=NODES).map(NodeId).filter(move |id| *id != me)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Word {
    Store(u64),
    Stored(u64),
    Ask,
    Have(BTreeSet<u64>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
enum Nature {
    /// Asks its peers for what it cannot read any more.
    #[default]
    Repairs,
    /// Will not start from a damaged log.
    Refuses,
}

/// Numbers, each on a majority of the nodes before it is acknowledged.
#[derive(Clone, Debug, Default, Hash)]
struct Vault {
    nature: Nature,
    stored: BTreeSet<u64>,
    /// Records so far, readable or not: each record carries its number.
    records: u64,
    votes: BTreeMap<u64, BTreeSet<NodeId>>,
    /// Those that have not told yet what they have.
    asking: BTreeSet<NodeId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Unreadable {
    Damaged,
    Missing,
}

impl Vault {
    fn keep<S: Sink<Self> + ?Sized>(&mut self, number: u64, cx: &mut Context<'_, Self, S>) {
        if self.stored.insert(number) {
            self.records += 1;
            cx.persist((self.records, number));
        }
    }

    fn ask<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        self.asking.iter().for_each(|peer| cx.send(*peer, Word::Ask));
        cx.arm((), Duration::from_millis(50));
    }
}

impl Protocol for Vault {
    type Message = Word;
    type Record = (u64, u64);
    type Command = u64;
    type Event = u64;
    type Timer = ();
    type Job = Never;
    type Done = Never;
    type Error = Unreadable;

    fn recover(&mut self, _: Lsn, record: Recovered<(u64, u64)>) -> Result<(), Unreadable> {
        self.records += 1;
        match record {
            Recovered::Intact((nth, _)) if nth != self.records => return Err(Unreadable::Missing),
            Recovered::Intact((_, number)) => _ = self.stored.insert(number),
            Recovered::Damaged(_) if self.nature == Nature::Refuses => return Err(Unreadable::Damaged),
            Recovered::Damaged(_) => {}
        }
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { log: LogState::Damaged { .. }, .. } => {
                self.asking = others(cx.me()).collect();
                self.ask(cx);
            }
            Input::Timer(()) if !self.asking.is_empty() => self.ask(cx),
            Input::Command(number) => {
                self.keep(number, cx);
                others(cx.me()).for_each(|peer| cx.send(peer, Word::Store(number)));
                cx.send(cx.me(), Word::Stored(number));
            }
            Input::Message(from, Word::Store(number)) => {
                self.keep(number, cx);
                cx.send(from, Word::Stored(number));
            }
            Input::Message(from, Word::Stored(number)) => {
                let votes = self.votes.entry(number).or_default();
                if votes.insert(from) && votes.len() == 2 {
                    cx.emit_early(number);
                }
            }
            Input::Message(from, Word::Ask) => cx.send(from, Word::Have(self.stored.clone())),
            Input::Message(from, Word::Have(numbers)) => {
                self.asking.remove(&from);
                numbers.into_iter().for_each(|number| self.keep(number, cx));
            }
            _ => {}
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Customers {
    asked: u64,
    acknowledged: BTreeSet<u64>,
}

impl Workload<Vault> for Customers {
    fn begin(&mut self, io: &mut Io<'_, Vault>) {
        io.wake(Duration::from_millis(50), 0);
    }

    fn on_event(&mut self, _: NodeId, number: u64, _: &mut Io<'_, Vault>) {
        self.acknowledged.insert(number);
    }

    fn on_wake(&mut self, _: u64, io: &mut Io<'_, Vault>) {
        self.asked += 1;
        let node = NodeId(1 + io.decide(self.asked, NODES));
        io.request(node, self.asked, self.asked);
        io.wake(Duration::from_millis(50), 0);
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, Vault>) {}
}

type Seen = World<Vault, Customers>;

fn nothing_acknowledged_is_lost(world: &Seen) -> Result<(), String> {
    let held: BTreeSet<u64> = world.up().flat_map(|(_, node)| node.stored.iter().copied()).collect();
    match world.workload().acknowledged.difference(&held).next() {
        Some(number) => Err(format!("{number} was acknowledged, and nobody has it")),
        None => Ok(()),
    }
}

fn vaults(nature: Nature) -> Sim<Vault, Customers> {
    Sim::new(NODES as usize, move |_| Vault { nature, ..Vault::default() }, Customers::default())
        .facts(|(_, number)| vec![*number])
        .finally("durability", nothing_acknowledged_is_lost)
}

fn often(fault: Fault, every_ms: u64) -> Rate {
    let lasting = (Duration::from_millis(20), Duration::from_millis(200));
    Rate { fault, every: Duration::from_millis(every_ms), lasting }
}

/// Swarms with much damage and many restarts.
fn damaged(nature: Nature, bound: Bound) -> Sim<Vault, Customers> {
    vaults(nature).climate(Climate::swarm()).turn(move |dials| {
        dials.storage.bound = bound;
        dials.schedule.extend([
            often(Fault::BitRot, 40),
            often(Fault::MisdirectedWrite, 200),
            often(Fault::Crash, 400),
        ]);
    })
}

#[test]
fn a_vault_that_repairs_itself_survives_whatever_the_atlas_permits() {
    let sim = damaged(Nature::Repairs, Bound::Records)
        .eventually_after_heal("everything is repaired", Duration::from_secs(2), |world| {
            world.up().count() == 3 && world.up().all(|(_, node)| node.asking.is_empty())
        })
        .sometimes("a record was destroyed", |world| world.stats().damaged > 20)
        .sometimes("a write went astray", |world| world.stats().misdirected > 0)
        .sometimes("a protocol met damage", |world| world.stats().damage_met > 20)
        .sometimes("the atlas said no", |world| world.stats().spared > 20);
    let summary = sim.run_seeds(0..60, |_| {});
    assert!(summary.passed(), "{summary}");
}

#[test]
fn without_the_atlas_even_a_correct_vault_loses_data() {
    let sim = damaged(Nature::Repairs, Bound::Unbounded);
    let lost = (0..20).filter(|seed| {
        let report = sim.run(*seed);
        assert_eq!(report.stats.spared, 0);
        matches!(report.verdict, Verdict::Violated { name: "durability", .. })
    });
    let lost = lost.count();
    assert!(lost >= 15, "{lost} of 20");
}

#[test]
fn a_node_that_refuses_its_damaged_disk_stays_down_and_the_others_go_on() {
    let one_at_most = |world: &Seen| {
        let refused: Vec<&str> = (1..=NODES).filter_map(|id| world.refused(NodeId(id))).collect();
        let clear = refused.iter().all(|why| why.contains("Damaged"));
        if refused.len() <= 1 && world.up().count() == 3 - refused.len() && clear {
            Ok(())
        } else {
            Err(format!("{refused:?}"))
        }
    };
    let sim = damaged(Nature::Refuses, Bound::Nodes)
        .finally("a minority", one_at_most)
        .sometimes("a node refused", |world| world.stats().refusals == 1);
    let summary = sim.run_seeds(0..30, |_| {});
    assert!(summary.passed(), "{summary}");
    assert!(summary.seen["a node refused"] > 20);
    let worst = damaged(Nature::Refuses, Bound::Unbounded).finally("a minority", one_at_most);
    assert!((0..10).any(|seed| worst.run(seed).stats.refusals > 1), "without the bound it is no minority");
}

#[test]
fn one_seed_is_one_run_with_damage_too_and_a_recorded_tape_repeats_it() {
    let sim = damaged(Nature::Repairs, Bound::Records);
    let hashes: BTreeSet<u64> = (0..10).map(|seed| sim.run(seed).hash).collect();
    assert_eq!(hashes.len(), 10);
    assert!((0..10).all(|seed| hashes.contains(&sim.run(seed).hash)));
    let mut tape = Tape::from_seed(3);
    tape.record();
    let (watched, mut world) = sim.run_tape(tape, 0..u64::MAX);
    let destroyed =
        world.moments().iter().filter(|moment| matches!(moment.what, Happening::Damaged { .. })).count();
    assert_eq!(destroyed as u64, watched.stats.damaged);
    let text = world.recorded().to_string().replace("seed 3", "seed 4");
    let (replayed, _) = sim.run_tape(text.parse().unwrap(), 0..0);
    assert_eq!((replayed.hash, replayed.stats), (watched.hash, watched.stats));
    let (report, script) = sim.script(3);
    let read: Script = script.to_string().parse().unwrap();
    let (again, _) = sim.run_tape(read.tape(), 0..0);
    assert_eq!((again.hash, again.stats), (report.hash, watched.stats), "a script repeats it too");
}

/// A calm network over storage that fails in these ways.
fn storage(turn: impl Fn(&mut Dials) + Send + Sync + 'static) -> impl Fn(u64) -> Report<Customers> {
    let sim = vaults(Nature::Refuses).turn(turn).eventually_after_heal(
        "everybody is up",
        Duration::from_secs(2),
        |world| world.up().count() == 3,
    );
    move |seed| sim.run(seed)
}

fn caught(run: impl Fn(u64) -> Report<Customers>) -> usize {
    (0..20).filter(|seed| run(*seed).verdict != Verdict::Passed).count()
}

#[test]
fn after_a_failed_sync_the_log_holds_what_the_file_system_left() {
    for file_system in [FileSystem::Ext4, FileSystem::Xfs, FileSystem::Btrfs] {
        let run = storage(move |dials| {
            dials.storage.file_system = file_system;
            dials.sync = synod_sim::Latency::Constant(Duration::from_millis(60));
            dials.schedule = vec![often(Fault::FailSync, 200)];
        });
        let (mut whole, mut cut, mut gone) = (0, 0, 0);
        for seed in 0..20 {
            let report = run(seed);
            assert_eq!((report.verdict, report.stats.acknowledged_lost), (Verdict::Passed, 0));
            whole += report.stats.tails_whole;
            cut += report.stats.tails_cut;
            gone += report.stats.tails_gone;
        }
        let reverts = file_system == FileSystem::Btrfs;
        assert_eq!((whole > 0, cut > 0, gone > 0), (!reverts, !reverts, true), "{whole} {cut} {gone}");
    }
}

#[test]
fn a_driver_that_retries_a_failed_fsync_or_trusts_the_page_cache_is_caught() {
    for file_system in [FileSystem::Ext4, FileSystem::Xfs, FileSystem::Btrfs] {
        for sabotage in [None, Some(Sabotage::RetriedFsync), Some(Sabotage::TrustedPageCache)] {
            let found = caught(storage(move |dials| {
                dials.storage.file_system = file_system;
                dials.sabotage = sabotage;
                dials.schedule =
                    vec![often(Fault::FailSync, 100), often(Fault::Crash, 150), often(Fault::Blackout, 500)];
            }));
            // What Btrfs has reverted cannot be trusted by mistake.
            let harmless = sabotage.is_none()
                || (sabotage == Some(Sabotage::TrustedPageCache) && file_system == FileSystem::Btrfs);
            assert_eq!(found > 10, !harmless, "{file_system}, {sabotage:?}: {found} of 20");
            assert_eq!(found == 0, harmless, "{file_system}, {sabotage:?}: {found} of 20");
        }
    }
}

#[test]
fn a_driver_that_reads_past_a_hole_is_caught_and_one_that_cuts_there_loses_nothing() {
    for sabotage in [None, Some(Sabotage::ReplayPastHole)] {
        let run = storage(move |dials| {
            dials.sabotage = sabotage;
            dials.storage.reorder_ppm = 1_000_000;
            dials.sync = synod_sim::Latency::Constant(Duration::from_millis(100));
            dials.schedule = vec![often(Fault::Crash, 200)];
        });
        let behind: u64 = (0..20).map(|seed| run(seed).stats.past_hole).sum();
        assert!(behind > 20, "{behind} records stood behind a hole");
        let found = (0..20)
            .filter(|seed| matches!(run(*seed).verdict, Verdict::Violated { name: "recovery", .. }))
            .count();
        assert_eq!(found, if sabotage.is_some() { 20 } else { caught(&run) }, "{sabotage:?}");
        assert_eq!(sabotage.is_none(), found == 0, "{found}");
    }
}

#[test]
fn a_lying_disk_is_a_fault_of_one_node_too() {
    let lying = |bound| {
        storage(move |dials| {
            dials.storage.bound = bound;
            let window = (Duration::from_millis(500), Duration::from_secs(2));
            dials.schedule = vec![
                Rate { lasting: window, ..often(Fault::LyingDisk, 300) },
                often(Fault::Crash, 300),
                often(Fault::Blackout, 1_000),
            ];
        })
    };
    assert!(caught(lying(Bound::Unbounded)) > 10, "all disks lie");
    let bounded = lying(Bound::Nodes);
    assert!((0..20).any(|seed| bounded(seed).stats.acknowledged_lost > 0));
    assert_eq!(caught(&bounded), 0, "one of three forgets, and a majority remembers");
}

#[test]
fn a_full_disk_stops_its_node_and_loses_nothing() {
    let run = storage(|dials| {
        let window = (Duration::from_millis(200), Duration::from_secs(2));
        dials.schedule = vec![Rate { lasting: window, ..often(Fault::FullDisk, 500) }];
    });
    let mut stops = 0;
    for seed in 0..20 {
        let report = run(seed);
        assert_eq!((report.verdict, report.stats.acknowledged_lost), (Verdict::Passed, 0));
        assert_eq!(report.stats.crashes, report.stats.full_stops);
        stops += report.stats.full_stops;
    }
    assert!(stops > 60, "{stops}");
}
