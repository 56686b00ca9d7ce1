//! Reductions of the explorer leave the verdict, and the length of the way to it, as they are.
#![cfg(test)]

use synod_core::{Context, Entropy, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink, SplitMix64};
use synod_sim::explore::{
    Bounds, Cluster, Exploration, Explorer, Model, Network, Observer, Relabel, Renaming, SymmetryError,
};

/// A protocol drawn at random: in each of four states, each of three messages leads to another state, perhaps written down
/// first, and perhaps to a message for one's own last correspondent or for everybody else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Random {
    state: u8,
    friend: Option<NodeId>,
    seed: u64,
    nodes: u64,
}

impl Random {
    fn rule(&self, message: u8) -> SplitMix64 {
        SplitMix64::new(self.seed << 16 | u64::from(self.state) << 8 | u64::from(message))
    }
}

impl Protocol for Random {
    type Message = u8;
    type Record = u8;
    type Command = u8;
    type Event = u8;
    type Timer = Never;
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, record: Recovered<u8>) -> Result<(), Never> {
        if let Recovered::Intact(state) = record {
            self.state = state;
        }
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        let (from, message) = match input {
            Input::Message(from, message) => (Some(from), message),
            Input::Command(message) => (None, message),
            _ => return,
        };
        let mut rule = self.rule(message);
        if rule.below(3) == 0 {
            return; // ignored
        }
        self.state = rule.below(4) as u8;
        if rule.below(3) == 0 {
            cx.persist(self.state);
        }
        let early = rule.below(4) == 0;
        let answer = rule.below(3) as u8;
        match (rule.below(4), self.friend) {
            (0, Some(friend)) => cx.send(friend, answer),
            (1, _) => {
                let me = cx.me();
                for id in (1..=self.nodes).map(NodeId).filter(|id| *id != me) {
                    if early { cx.send_early(id, answer) } else { cx.send(id, answer) }
                }
            }
            (2, _) => cx.emit(self.state),
            _ => {}
        }
        if rule.below(2) == 0 {
            self.friend = from;
        }
    }
}

/// Wrong: two nodes tell of the same state, or one tells of the last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Told([u8; 4]);

impl Observer<Random> for Told {
    fn on_event(&mut self, _: NodeId, state: &u8) -> Result<(), String> {
        let times = &mut self.0[usize::from(*state)];
        *times += 1;
        if *times > 1 { Err(format!("{state} was told of twice")) } else { Ok(()) }
    }
}

struct Names;

impl Relabel<Random, Told> for Names {
    fn protocol(&self, protocol: &Random, names: &Renaming) -> Random {
        Random { friend: protocol.friend.map(|id| names.of(id)), ..protocol.clone() }
    }

    fn message(&self, message: &u8, _: &Renaming) -> u8 {
        *message
    }

    fn record(&self, record: &u8, _: &Renaming) -> u8 {
        *record
    }

    fn event(&self, event: &u8, _: &Renaming) -> u8 {
        *event
    }

    fn observer(&self, observer: &Told, _: &Renaming) -> Told {
        observer.clone()
    }
}

fn cluster(seed: u64) -> Cluster<Random, Told> {
    let mut dice = SplitMix64::new(seed ^ 0xabcd);
    let nodes = 2 + dice.below(2);
    let bounds = Bounds {
        crashes: dice.below(2) as u8,
        duplicates: dice.below(2) as u8,
        drops: dice.below(2) as u8,
        in_flight_max: if dice.below(4) == 0 { 3 } else { usize::MAX },
        network: [Network::Unordered, Network::Unordered, Network::Merging, Network::Fifo]
            [dice.below(4) as usize],
        ..Bounds::default()
    };
    let make = move |_| Random { state: 0, friend: None, seed, nodes };
    let mut cluster = Cluster::observed(nodes as usize, make, Told::default()).bounds(bounds);
    for _ in 0..=dice.below(2) {
        cluster = cluster.command_anywhere(dice.below(3) as u8);
    }
    cluster
}

const STATES: u64 = 20_000;

/// The verdict: how many steps to what is wrong, if anything is; `None` if that would take too long to find out.
fn verdict<M: Model>(exploration: &Exploration<M>) -> Option<Option<usize>> {
    match exploration.counterexample() {
        Some(shortest) => Some(Some(shortest.steps.len())),
        None => exploration.holds().then_some(None),
    }
}

#[test]
fn reduced_and_full_searches_of_random_protocols_agree() {
    let (mut wrong, mut right, mut fewer, mut fewest) = (0, 0, 0, 0);
    for seed in 0..400 {
        let full = cluster(seed);
        let full = Explorer::new(&full).states_max(STATES).run();
        let Some(expected) = verdict(&full) else { continue };
        let again = cluster(seed);
        let reduced = again.reduced();
        let reduced = Explorer::new(&reduced).run();
        assert_eq!(verdict(&reduced), Some(expected), "seed {seed}");
        let nodes =
            (1..=if again.inspect(&again.initial()[0], |view| view.up().count()) == 3 { 3 } else { 2 })
                .map(NodeId);
        let symmetric = again.reduced().symmetric(nodes, Names).unwrap();
        let symmetric = Explorer::new(&symmetric).run();
        assert_eq!(verdict(&symmetric), Some(expected), "seed {seed}");
        match expected {
            Some(_) => wrong += 1,
            None => {
                right += 1;
                assert!(reduced.extent.unique <= full.extent.unique, "seed {seed}");
                assert!(symmetric.extent.unique <= reduced.extent.unique, "seed {seed}");
                fewer += usize::from(reduced.extent.unique < full.extent.unique);
                fewest += usize::from(symmetric.extent.unique < reduced.extent.unique);
            }
        }
    }
    // The test is worth something only if both verdicts and both reductions are met often.
    assert!(wrong > 30 && right > 50 && fewer > 30 && fewest > 50, "{wrong} {right} {fewer} {fewest}");
}

#[test]
fn three_equal_nodes_need_about_a_sixth_of_the_states() {
    let seed = (0..)
        .find(|seed| {
            let cluster = cluster(*seed);
            let three = cluster.inspect(&cluster.initial()[0], |view| view.up().count()) == 3;
            let found = Explorer::new(&cluster).states_max(STATES).run();
            three && found.holds() && found.extent.unique > 5_000
        })
        .unwrap();
    let cluster = cluster(seed);
    let plain = Explorer::new(&cluster.reduced()).run();
    let symmetric = cluster.reduced().symmetric((1..=3).map(NodeId), Names).unwrap();
    let symmetric = Explorer::new(&symmetric).run();
    let ratio = plain.extent.unique as f64 / symmetric.extent.unique as f64;
    assert!((4.0..=6.0).contains(&ratio), "{ratio}");
}

#[test]
fn nodes_that_differ_are_not_exchanged() {
    let made = |_| Random { state: 0, friend: None, seed: 1, nodes: 3 };
    let cluster = Cluster::observed(3, made, Told::default()).command(NodeId(1), 0).command_anywhere(1);
    let exchange = |ids: &[u64]| cluster.reduced().symmetric(ids.iter().map(|id| NodeId(*id)), Names).err();
    assert_eq!(exchange(&[2, 3]), None);
    assert_eq!(exchange(&[1, 2, 3]), Some(SymmetryError::SingledOut(NodeId(1))));
    assert_eq!(exchange(&[2, 4]), Some(SymmetryError::NoSuchNode(NodeId(4))));
}
