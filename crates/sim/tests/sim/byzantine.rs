//! Traitors: a naive vote breaks under each treason, and Bracha's reliable broadcast withstands all of them together.

use core::fmt::Debug;
use core::hash::Hash;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink};
use synod_sim::trace::Happening;
use synod_sim::{
    Climate, Dials, Fault, Guard, Io, Latency, Script, Sim, Simulated, Tape, Treason, Verdict, Workload,
    World,
};

/// The slot of one broadcast: who began it, and its number among theirs.
type Slot = (NodeId, u64);

/// A broadcast that can be asked what it delivered.
trait Broadcast: Simulated<Command = u64, Event = (Slot, u64)> {
    fn delivered(&self) -> &BTreeMap<Slot, u64>;
}

/// A majority of votes, counted as they come: fine among the honest.
#[derive(Clone, Debug, Hash)]
struct Naive {
    nodes: u64,
    begun: u64,
    votes: BTreeMap<(Slot, u64), u64>,
    delivered: BTreeMap<Slot, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Word {
    Say(u64, u64),
    Echo(Slot, u64),
    Ready(Slot, u64),
}

macro_rules! in_memory {
    () => {
        type Message = Word;
        type Record = ();
        type Command = u64;
        type Event = (Slot, u64);
        type Timer = ();
        type Job = Never;
        type Done = Never;
        type Error = Never;

        fn recover(&mut self, _: Lsn, _: Recovered<()>) -> Result<(), Never> {
            Ok(())
        }
    };
}

impl Protocol for Naive {
    in_memory!();

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        let all = self.nodes;
        let mut tell = |word| (1..=all).for_each(|id| cx.send(NodeId(id), word));
        match input {
            Input::Command(value) => {
                self.begun += 1;
                tell(Word::Say(self.begun, value));
            }
            Input::Message(from, Word::Say(nth, value)) => tell(Word::Echo((from, nth), value)),
            Input::Message(_, Word::Echo(slot, value)) => {
                let votes = self.votes.entry((slot, value)).or_insert(0);
                *votes += 1;
                if *votes == all / 2 + 1 {
                    self.delivered.insert(slot, value);
                    cx.emit((slot, value));
                }
                if *votes == all {
                    // All have voted: what is there to keep?
                    self.votes.remove(&(slot, value));
                }
            }
            _ => {}
        }
    }
}

impl Broadcast for Naive {
    fn delivered(&self) -> &BTreeMap<Slot, u64> {
        &self.delivered
    }
}

/// Reliable broadcast (Bracha 1987, "Asynchronous Byzantine agreement protocols") for n = 3f + 1, with what was said repeated
/// until the end, since the network may lose it.
#[derive(Clone, Debug, Hash)]
struct Bracha {
    nodes: u64,
    begun: u64,
    said: BTreeSet<Word>,
    echoed: BTreeSet<Slot>,
    readied: BTreeSet<Slot>,
    echoes: BTreeMap<(Slot, u64), BTreeSet<NodeId>>,
    readies: BTreeMap<(Slot, u64), BTreeSet<NodeId>>,
    delivered: BTreeMap<Slot, u64>,
}

impl Bracha {
    fn say<S: Sink<Self> + ?Sized>(&mut self, word: Word, cx: &mut Context<'_, Self, S>) {
        self.said.insert(word);
        (1..=self.nodes).for_each(|id| cx.send(NodeId(id), word));
    }

    fn ready<S: Sink<Self> + ?Sized>(&mut self, slot: Slot, value: u64, cx: &mut Context<'_, Self, S>) {
        if self.readied.insert(slot) {
            self.say(Word::Ready(slot, value), cx);
        }
    }

    fn hear<S: Sink<Self> + ?Sized>(&mut self, from: NodeId, word: Word, cx: &mut Context<'_, Self, S>) {
        let (n, f) = (self.nodes as usize, (self.nodes as usize - 1) / 3);
        match word {
            Word::Say(nth, value) => {
                if self.echoed.insert((from, nth)) {
                    self.say(Word::Echo((from, nth), value), cx);
                }
            }
            Word::Echo(slot, value) => {
                let echoes = self.echoes.entry((slot, value)).or_default();
                echoes.insert(from);
                if echoes.len() > (n + f) / 2 {
                    self.ready(slot, value, cx);
                }
            }
            Word::Ready(slot, value) => {
                let readies = self.readies.entry((slot, value)).or_default();
                readies.insert(from);
                let count = readies.len();
                if count > f {
                    self.ready(slot, value, cx);
                }
                if count > 2 * f && self.delivered.insert(slot, value).is_none() {
                    cx.emit((slot, value));
                }
            }
        }
    }
}

impl Protocol for Bracha {
    in_memory!();

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Command(value) => {
                self.begun += 1;
                self.say(Word::Say(self.begun, value), cx);
            }
            Input::Message(from, word) => self.hear(from, word, cx),
            Input::Start { .. } | Input::Timer(()) => {
                for word in self.said.clone() {
                    self.say(word, cx);
                }
                cx.arm((), Duration::from_millis(300));
            }
            _ => {}
        }
    }
}

impl Broadcast for Bracha {
    fn delivered(&self) -> &BTreeMap<Slot, u64> {
        &self.delivered
    }
}

/// Gives every node something to broadcast, a few times, and notes what became of it.
#[derive(Clone, Debug, Default)]
struct Herald {
    asked: u64,
    told: BTreeMap<NodeId, BTreeSet<u64>>,
    /// A node delivered something a second time.
    again: bool,
    delivered: BTreeSet<(NodeId, Slot)>,
}

const BROADCASTS: u64 = 24;

impl<P: Broadcast> Workload<P> for Herald {
    fn begin(&mut self, io: &mut Io<'_, P>) {
        io.wake(Duration::from_millis(50), 0);
    }

    fn on_event(&mut self, node: NodeId, (slot, _): (Slot, u64), io: &mut Io<'_, P>) {
        self.again |= !self.delivered.insert((node, slot)) && !io.is_traitor(node);
    }

    fn on_wake(&mut self, _: u64, io: &mut Io<'_, P>) {
        self.asked += 1;
        let node = NodeId(1 + self.asked % io.nodes().len() as u64);
        self.told.entry(node).or_default().insert(self.asked);
        io.request(node, self.asked, self.asked);
        if self.asked < BROADCASTS {
            io.wake(Duration::from_millis(40), 0);
        }
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, P>) {}
}

fn honest<P: Broadcast>(world: &World<P, Herald>) -> impl Iterator<Item = (NodeId, &P)> {
    world.up().filter(|(id, _)| !world.is_traitor(*id))
}

fn agreement<P: Broadcast>(world: &World<P, Herald>) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for (id, node) in honest(world) {
        for (slot, value) in node.delivered() {
            let first = *seen.entry(slot).or_insert(value);
            if first != value {
                return Err(format!("{id} delivered {value} in {slot:?}, and another {first}"));
            }
        }
    }
    Ok(())
}

fn totality<P: Broadcast>(world: &World<P, Herald>) -> bool {
    let slots = |node: &P| node.delivered().keys().copied().collect::<Vec<_>>();
    let all: BTreeSet<Vec<Slot>> = honest(world).map(|(_, node)| slots(node)).collect();
    all.len() == 1
}

fn integrity<P: Broadcast>(world: &World<P, Herald>) -> Result<(), String> {
    for (id, node) in honest(world) {
        for ((from, nth), value) in node.delivered() {
            let said = world.workload().told.get(from).is_some_and(|told| told.contains(value));
            if !said && !world.is_traitor(*from) {
                return Err(format!("{id} delivered {value} as word {nth} of {from}, who never said it"));
            }
        }
    }
    if world.workload().again { Err("something was delivered twice".into()) } else { Ok(()) }
}

fn judged<P: Broadcast + 'static>(
    nodes: usize,
    make: impl Fn() -> P + Send + Sync + 'static,
) -> Sim<P, Herald> {
    Sim::new(nodes, move |_| make(), Herald::default())
        .storm(Duration::from_secs(3))
        .finally("agreement", agreement)
        .finally("integrity", integrity)
        .finally("totality", |world| if totality(world) { Ok(()) } else { Err("some have less".into()) })
}

fn naive(nodes: u64) -> Sim<Naive, Herald> {
    let make = move || Naive { nodes, begun: 0, votes: BTreeMap::new(), delivered: BTreeMap::new() };
    judged(nodes as usize, make).turn(|dials| dials.latency = Latency::Constant(Duration::from_millis(1)))
}

fn bracha(nodes: u64) -> Sim<Bracha, Herald> {
    judged(nodes as usize, move || Bracha {
        nodes,
        begun: 0,
        said: BTreeSet::new(),
        echoed: BTreeSet::new(),
        readied: BTreeSet::new(),
        echoes: BTreeMap::new(),
        readies: BTreeMap::new(),
        delivered: BTreeMap::new(),
    })
    .eventually_after_heal("totality", Duration::from_secs(20), totality)
}

#[test]
fn a_naive_vote_breaks_under_each_treason_and_only_there() {
    assert!([3, 5].iter().all(|nodes| naive(*nodes).run(1).verdict == Verdict::Passed), "nobody betrays");
    let caught = |treason, guard| {
        let calm = Dials { guard, latency: Latency::Constant(Duration::from_millis(1)), ..Dials::calm() };
        // An impostor needs a majority besides himself and the one whose name he takes.
        let nodes = if treason == Treason::Forge { 5 } else { 3 };
        let sim = naive(nodes).turn(|_| {}).climate(Climate::Fixed(calm)).traitors([NodeId(2)], [treason]);
        let verdicts: Vec<Verdict> = (0..20).map(|seed| sim.run(seed).verdict).collect();
        let names: BTreeSet<&str> = verdicts.iter().filter_map(Verdict::name).collect();
        (verdicts.iter().filter(|verdict| **verdict != Verdict::Passed).count(), names)
    };
    for treason in Treason::all() {
        let (count, names) = caught(treason, Guard::None);
        assert!(count >= 5, "{treason}: {count} of 20, {names:?}");
        let wanted = match treason {
            Treason::Equivocate => "agreement",
            Treason::Withhold => "totality",
            _ => "integrity",
        };
        assert!(names.contains(wanted), "{treason}: {names:?}");
    }
    let (count, names) = caught(Treason::Forge, Guard::Authenticated);
    assert_eq!((count, names), (0, BTreeSet::new()), "an authenticated transport stops forgeries");
}

/// Everything that does not kill: this Bracha keeps nothing on a disk.
fn weather() -> Climate {
    Climate::Swarm(vec![
        Fault::Isolate,
        Fault::Split,
        Fault::OneWay,
        Fault::Bridge,
        Fault::Pause,
        Fault::Spike,
    ])
}

#[test]
fn reliable_broadcast_withstands_every_treason_in_every_weather() {
    for (nodes, traitors) in [(4, 1), (7, 2)] {
        let sim = bracha(nodes)
            .climate(weather())
            .turn(|dials| dials.guard = Guard::Authenticated)
            .traitors(traitors, Treason::all())
            .sometimes("a traitor equivocated", |world| world.stats().equivocated > 0)
            .sometimes("a traitor forged, in vain", |world| world.stats().forgeries_stopped > 0)
            .sometimes("a traitor withheld", |world| world.stats().withheld > 0)
            .sometimes("a traitor replayed", |world| world.stats().repeated > 0)
            .sometimes("a traitor was delivered", |world| {
                honest(world).any(|(_, node)| node.delivered().keys().any(|slot| world.is_traitor(slot.0)))
            })
            .sometimes("the honest were delivered", |world| {
                honest(world).all(|(_, node)| node.delivered().len() as u64 >= BROADCASTS / 2)
            });
        let summary = sim.run_seeds(0..if nodes == 4 { 40 } else { 12 }, |_| {});
        assert!(summary.passed(), "{nodes}: {summary}");
    }
}

#[test]
fn one_traitor_more_than_a_third_breaks_reliable_broadcast_and_so_does_a_transport_that_checks_nothing() {
    let broken = |nodes, traitors: usize, guard, treason| {
        let sim = bracha(nodes)
            .climate(Climate::Fixed(Dials { guard, ..Dials::calm() }))
            .traitors(traitors, [treason]);
        (0..15).filter(|seed| sim.run(*seed).verdict != Verdict::Passed).count()
    };
    assert_eq!(broken(4, 1, Guard::Authenticated, Treason::Equivocate), 0);
    assert!(broken(4, 2, Guard::Authenticated, Treason::Equivocate) > 0);
    assert_eq!(broken(7, 1, Guard::Authenticated, Treason::Forge), 0);
    assert!(broken(7, 1, Guard::None, Treason::Forge) > 0);
}

#[test]
fn whoever_knows_the_messages_can_lie_in_them() {
    let sim = naive(3).traitors([NodeId(2)], [Treason::Equivocate]).lies(|word, _| match *word {
        Word::Say(nth, value) => Some(Word::Say(nth, value + 1_000)),
        Word::Echo(slot, value) => Some(Word::Echo(slot, value + 1_000)),
        Word::Ready(..) => None,
    });
    let caught =
        (0..20).filter(|seed| matches!(sim.run(*seed).verdict.name(), Some("agreement" | "totality")));
    assert!(caught.count() >= 10);
}

#[test]
fn treason_is_deterministic_and_a_recorded_tape_repeats_it() {
    let sim = bracha(4).climate(weather()).traitors(1, Treason::all());
    let hashes: BTreeSet<u64> = (0..8).map(|seed| sim.run(seed).hash).collect();
    assert!((0..8).all(|seed| hashes.contains(&sim.run(seed).hash)) && hashes.len() == 8);
    let mut tape = Tape::from_seed(5);
    tape.record();
    let (watched, mut world) = sim.run_tape(tape, 0..u64::MAX);
    let stats = watched.stats;
    let deeds = stats.equivocated + stats.forgeries + stats.withheld + stats.repeated;
    let told = world.moments().iter().filter(|moment| matches!(moment.what, Happening::Treason(_))).count();
    assert!(deeds > 0 && told as u64 == deeds, "{told} of {deeds}");
    let text = world.recorded().to_string().replace("seed 5", "seed 6");
    let (replayed, _) = sim.run_tape(text.parse().unwrap(), 0..0);
    assert_eq!((replayed.hash, replayed.stats), (watched.hash, watched.stats));
    let (report, script) = sim.script(5);
    let read: Script = script.to_string().parse().unwrap();
    let (again, _) = sim.run_tape(read.tape(), 0..0);
    assert_eq!((again.hash, again.stats), (report.hash, watched.stats), "a script names its traitors");
}
