//! Actors that have left for ever: what they leave behind is reclaimed, nobody notices, and what cannot be reclaimed safely is refused.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use synod_core::host::Log;
use synod_core::testing::{Bench, Output};
use synod_core::wire::Wire;
use synod_core::{Entropy, Input, NodeId, SplitMix64};
use synod_crdt::anti_entropy::{AntiEntropy, Command, Config, Event, Identity, Message};
use synod_crdt::resolve::{AllTrue, Resolve};
use synod_crdt::store::Plan;
use synod_crdt::{
    ActorId, Causal, Crdt, Dot, DotFun, GCounter, MapAction, OrSet, Refused, RemoveWinsSet, SetAction,
};

const NODES: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];

struct Cluster<C: Crdt<Delta: core::hash::Hash, Version: core::hash::Hash> + core::hash::Hash> {
    nodes: Vec<Bench<AntiEntropy<C>>>,
    events: Vec<Event>,
}

impl<C: Crdt<Delta: core::hash::Hash, Version: core::hash::Hash> + core::hash::Hash> Cluster<C> {
    fn new(state: &C, turn: impl Fn(&mut Config)) -> Self {
        let bench = |id| {
            let mut config = Config::new(id, NODES);
            turn(&mut config);
            let mut node = Bench::new(id, AntiEntropy::with_state(config, state.clone()));
            node.start().unwrap();
            node
        };
        Self { nodes: NODES.map(bench).into(), events: Vec::new() }
    }

    /// Lets everybody write to the disk, wait and talk, a few times.
    fn talk(&mut self) {
        for _ in 0..24 {
            for (from, me) in NODES.into_iter().enumerate() {
                self.nodes[from].sync().unwrap();
                self.nodes[from].advance(Duration::from_millis(60));
                for output in self.nodes[from].take() {
                    match output {
                        Output::Send { to, message, .. } => {
                            let to = NODES.iter().position(|node| *node == to).unwrap();
                            self.nodes[to].input(Input::Message(me, message));
                        }
                        Output::Event(event) => self.events.push(event),
                        _ => {}
                    }
                }
            }
        }
    }

    /// Hands a command over, and returns what it was answered with.
    fn command(&mut self, node: usize, command: Command<C::Action>) -> Option<Event> {
        self.nodes[node].input(Input::Command(command));
        self.nodes[node].sync().unwrap();
        let mut answer = None;
        for output in self.nodes[node].take() {
            if let Output::Event(event @ (Event::Stored { .. } | Event::Refused { .. })) = output {
                answer = Some(event);
            }
        }
        answer
    }

    fn retire(&mut self, node: usize, actor: ActorId) -> Result<(), Refused> {
        match self.command(node, Command::Retire { token: 9, actor }) {
            Some(Event::Stored { token: 9 }) => Ok(()),
            Some(Event::Refused { token: 9, why }) => Err(why),
            other => panic!("{other:?}"),
        }
    }

    fn state(&self, node: usize) -> &C {
        self.nodes[node].protocol.state()
    }
}

fn departed(number: u64) -> ActorId {
    ActorId::from(u128::from(number) << 64 | 1 << 127)
}

/// What a set looks like that a thousand replicas have written to, which are gone, in 100,000 additions and removals.
fn worn(writes: u64) -> OrSet<u64> {
    let (mut set, mut chance) = (OrSet::new(), SplitMix64::new(7));
    for number in 0..writes {
        let element = chance.below(2_000);
        if chance.below(2) == 0 {
            set.add(departed(number % 1_000), element).unwrap();
        } else {
            set.remove(&element);
        }
    }
    set
}

#[test]
fn a_thousand_replicas_that_are_gone_take_no_room_and_nobody_misses_them() {
    let set = worn(100_000);
    let mut cluster = Cluster::new(&set, |_| {});
    let mut twin = Cluster::new(&set, |_| {});
    cluster.talk();
    twin.talk();
    let author = set.entries().next().unwrap().0.actor;
    assert!(matches!(cluster.retire(0, author), Err(Refused::StillThere { .. })), "its elements are there");
    // One living node writes anew what the departed have left.
    let elements: Vec<u64> = set.iter().copied().collect();
    for element in &elements {
        for cluster in [&mut cluster, &mut twin] {
            let add = Command::Act { token: *element, action: SetAction::Add(*element) };
            assert!(matches!(cluster.command(1, add), Some(Event::Stored { .. })));
        }
    }
    assert!(
        matches!(cluster.retire(1, author), Err(Refused::Unstable { .. })),
        "the others have not heard of that"
    );
    cluster.talk();
    twin.talk();
    for node in 0..3 {
        (0..1_000).for_each(|number| cluster.retire(node, departed(number)).unwrap());
    }
    let mut fresh = OrSet::new();
    elements.iter().for_each(|element| drop(fresh.add(ActorId::of(NodeId(2), 1), *element)));
    for node in 0..3 {
        let (ours, theirs) = (cluster.state(node).allocated_bytes(), twin.state(node).allocated_bytes());
        // How full its index is differs from one set to the next of the same size.
        assert!(ours < fresh.allocated_bytes() * 2, "{ours} bytes, fresh {}", fresh.allocated_bytes());
        assert!(theirs > ours * 2, "without forgetting: {theirs} bytes, with it {ours}");
        assert_eq!(cluster.state(node).to_bytes(0).len(), fresh.to_bytes(0).len());
        assert!(elements.iter().all(|element| cluster.state(node).contains(element)));
        assert_eq!(cluster.state(node).seen().actors(), 1);
    }
    // Both go on, and nobody can tell them apart.
    for round in 0..300_u64 {
        for cluster in [&mut cluster, &mut twin] {
            let element = round * 7 % 2_100;
            let action = if round % 3 == 0 { SetAction::Remove(element) } else { SetAction::Add(element) };
            cluster.command(round as usize % 3, Command::Act { token: 0, action });
        }
    }
    cluster.talk();
    twin.talk();
    for node in 0..3 {
        assert_eq!(cluster.state(node).view(), twin.state(node).view());
        assert!(cluster.state(node).seen().actors() <= 3, "nobody has told the names again");
    }
    let suspects = |event: &&Event| matches!(event, Event::Suspect { .. });
    assert_eq!(cluster.events.iter().find(suspects), None);
    // Nor does the log: a node that restarts has forgotten too.
    let config = Config::new(NODES[0], NODES);
    cluster.nodes[0].restart(AntiEntropy::with_state(config, OrSet::new())).unwrap();
    assert_eq!(cluster.state(0).view(), twin.state(0).view());
    assert!(cluster.state(0).seen().actors() <= 4);
}

#[test]
fn whoever_may_write_again_is_not_forgotten() {
    let mut cluster = Cluster::<OrSet<u64>>::new(&OrSet::new(), |_| {});
    cluster.command(0, Command::Act { token: 1, action: SetAction::Add(1) });
    cluster.talk();
    let refused = |result| matches!(result, Err(Refused::StillWrites { .. }));
    for node in 0..3 {
        // Its own present name and those to come, and those of its peers.
        assert!(refused(cluster.retire(node, ActorId::of(NODES[0], 1))));
        assert!(refused(cluster.retire(node, ActorId::of(NODES[0], 2))));
    }
    // Once it has restarted and the others have heard of it, the old name is free to go.
    let config = Config::new(NODES[0], NODES);
    cluster.nodes[0].restart(AntiEntropy::new(config)).unwrap();
    cluster.talk();
    cluster.command(0, Command::Act { token: 2, action: SetAction::Add(1) });
    cluster.talk();
    for node in 0..3 {
        assert_eq!(cluster.retire(node, ActorId::of(NODES[0], 1)), Ok(()));
        assert!(refused(cluster.retire(node, ActorId::of(NODES[0], 2))));
        assert_eq!(cluster.state(node).seen().actors(), 1);
        assert!(cluster.state(node).contains(&1));
    }

    let mut named = Cluster::<OrSet<u64>>::new(&OrSet::new(), |config| config.identity = Identity::Node);
    named.talk();
    assert!(refused(named.retire(1, ActorId::of(NODES[0], 0))), "it writes under one name for ever");
    // A counter is the sum over everybody who ever counted.
    let mut counter = GCounter::new();
    counter.increment(departed(1), 1).unwrap();
    let mut counters = Cluster::new(&counter, |_| {});
    counters.talk();
    assert!(matches!(counters.retire(0, departed(1)), Err(Refused::StillThere { .. })));
}

#[test]
fn a_record_of_a_removal_is_something_that_is_still_there() {
    let mut set = RemoveWinsSet::<u64>::new();
    set.act(departed(1), MapAction::Update(5, false)).unwrap();
    let mut cluster = Cluster::new(&set, |config| config.collects = false);
    cluster.talk();
    assert!(matches!(cluster.retire(0, departed(1)), Err(Refused::StillThere { .. })));
    // Garbage is collected first, then its author goes.
    let mut cluster = Cluster::new(&set, |_| {});
    cluster.talk();
    for node in 0..3 {
        assert_eq!(cluster.retire(node, departed(1)), Ok(()));
    }
}

/// Why nothing forgets by itself: the network may repeat a message for ever.
#[test]
fn a_late_copy_comes_back_to_life_where_its_author_was_forgotten() {
    let author = departed(1);
    let mut set = OrSet::new();
    let addition = set.add(author, 7).unwrap();
    set.remove(&7);
    let mut remembers = set.clone();
    let _ = remembers.join(&addition).unwrap();
    assert!(!remembers.contains(&7), "a late copy is known for what it is");
    assert!(set.forget(author));
    let _ = set.join(&addition).unwrap();
    assert!(set.contains(&7), "and here it is news");
}

type Permissions = RemoveWinsSet<u64>;

fn member(config: Config) -> Bench<AntiEntropy<Permissions>> {
    let mut node = Bench::new(NODES[0], AntiEntropy::new(config));
    node.start().unwrap();
    node
}

fn hears_that_all_is_seen(node: &mut Bench<AntiEntropy<Permissions>>, by: &[NodeId]) {
    let seen = Crdt::seen(node.protocol.state());
    for peer in by {
        node.input(Input::Message(*peer, Message::Ack { incarnation: 0, upto: 0, seen: seen.clone() }));
    }
    node.advance(Duration::from_millis(60));
}

/// The host's configuration is as old as it was; who was welcomed and who was forgotten is in the log.
#[test]
fn who_was_welcomed_counts_after_a_restart_with_the_old_configuration() {
    let old = |records_max| {
        let mut config = Config::new(NODES[0], [NODES[0], NODES[1]]);
        config.records_max = records_max;
        config
    };
    let answered = |node: &mut Bench<AntiEntropy<Permissions>>, token| {
        node.take().contains(&Output::Event(Event::Stored { token }))
    };
    // In one run nothing is written anew, in the other after each record.
    for records_max in [1_000, 1] {
        let mut node = member(old(records_max));
        node.input(Input::Command(Command::Welcome { token: 5, peer: NODES[2] }));
        assert!(!answered(&mut node, 5), "it is not on the disk yet");
        node.sync().unwrap();
        assert!(answered(&mut node, 5));
        let action = MapAction::Update(7, false);
        node.input(Input::Command(Command::Act { token: 6, action }));
        node.sync().unwrap();

        node.restart(AntiEntropy::new(old(records_max))).unwrap();
        assert_eq!(node.protocol.peers().collect::<Vec<_>>(), NODES[1..]);
        hears_that_all_is_seen(&mut node, &NODES[1..2]);
        assert_eq!(node.protocol.collected(), 0, "the newcomer has not seen the removal");
        hears_that_all_is_seen(&mut node, &NODES[1..]);
        assert_eq!(node.protocol.collected(), 1);

        node.input(Input::Command(Command::Forget { token: 8, peer: NODES[1] }));
        node.input(Input::Command(Command::Act { token: 9, action: MapAction::Update(7, false) }));
        node.sync().unwrap();
        assert!(answered(&mut node, 8));
        node.restart(AntiEntropy::new(old(records_max))).unwrap();
        assert_eq!(node.protocol.peers().collect::<Vec<_>>(), NODES[2..]);
        // Who is in the configuration anew is a member; who was forgotten comes back when it is welcomed.
        node.restart(AntiEntropy::new(Config::new(NODES[0], (1..=4).map(NodeId)))).unwrap();
        assert_eq!(node.protocol.peers().collect::<Vec<_>>(), [NODES[2], NodeId(4)]);
        node.input(Input::Command(Command::Welcome { token: 10, peer: NODES[1] }));
        assert_eq!(node.protocol.peers().count(), 3);
        node.input(Input::Command(Command::Forget { token: 11, peer: NODES[0] }));
        let refused = Event::Refused { token: 11, why: Refused::NotThere };
        assert!(node.take().contains(&Output::Event(refused)));
    }
}

#[test]
fn a_log_that_may_have_lost_a_welcome_is_collected_from_no_more() {
    let mut node = member(Config::new(NODES[0], NODES));
    for (token, peer) in (4..).map(NodeId).enumerate().take(2) {
        node.input(Input::Command(Command::Welcome { token: token as u64, peer }));
    }
    node.sync().unwrap();
    assert!(node.protocol.collects());
    assert!(node.log.rot(node.log.end()));
    for _ in 0..2 {
        node.restart(AntiEntropy::new(Config::new(NODES[0], NODES))).unwrap();
        assert!(!node.protocol.collects());
        // The damaged record is given back.
        node.input(Input::Rewrite(node.log.end()));
        node.sync().unwrap();
    }
}

#[test]
fn a_silent_peer_is_told_less_and_less_often() {
    let mut node = member(Config::new(NODES[0], NODES[..2].iter().copied()));
    let deltas = |node: &mut Bench<AntiEntropy<Permissions>>| {
        let outputs = node.take().into_iter();
        outputs
            .filter(|output| matches!(output, Output::Send { message: Message::Deltas { .. }, .. }))
            .count()
    };
    node.input(Input::Command(Command::Act { token: 1, action: MapAction::Update(1, true) }));
    node.sync().unwrap();
    assert_eq!(deltas(&mut node), 1);
    node.advance(Duration::from_millis(50 * 1_000));
    let again = deltas(&mut node);
    assert!((10..=30).contains(&again), "{again} times in 1,000 pauses");
    hears_that_all_is_seen(&mut node, &NODES[1..2]);
    assert_eq!(deltas(&mut node), 1, "it is back, and is told at once");
}

/// How often the policy was asked what is void.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// As `AllTrue`, and counts.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
struct Counting;

impl Resolve<bool> for Counting {
    type Action = bool;
    type View = bool;

    const COLLECTS: bool = true;

    fn plan(here: &[(Dot, bool)], actor: ActorId, action: bool) -> Result<Plan<bool>, Refused> {
        AllTrue::plan(here, actor, action)
    }

    fn view(here: &[(Dot, bool)]) -> bool {
        AllTrue::view(here)
    }

    fn is_void(here: &[(Dot, bool)]) -> bool {
        ASKED.fetch_add(1, Ordering::Relaxed);
        AllTrue::is_void(here)
    }
}

#[test]
fn garbage_is_looked_for_when_something_has_changed() {
    let config = Config::new(NODES[0], NODES[..2].iter().copied());
    let mut node = Bench::new(NODES[0], AntiEntropy::<Causal<DotFun<bool, Counting>>>::new(config));
    node.start().unwrap();
    for action in [true, false] {
        node.input(Input::Command(Command::Act { token: 1, action }));
        node.advance(Duration::from_millis(5_000));
        let asked = ASKED.swap(0, Ordering::Relaxed);
        assert!((1..=2).contains(&asked), "{asked} times in 100 pauses");
    }
    let seen = Crdt::seen(node.protocol.state());
    node.input(Input::Message(NODES[1], Message::Ack { incarnation: 1, upto: 2, seen }));
    node.advance(Duration::from_millis(5_000));
    assert_eq!(node.protocol.collected(), 1);
}
