//! Protocols drawn at random, in random clusters.

use synod_core::{Context, Entropy, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink, SplitMix64};
use synod_sim::explore::{Bounds, Cluster, Exploration, Model, Network, Observer};

/// A protocol drawn at random: in each of four states, each of three messages leads to another state, perhaps written down
/// first, and perhaps to a message for one's own last correspondent or for everybody else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Random {
    pub(crate) state: u8,
    pub(crate) friend: Option<NodeId>,
    pub(crate) seed: u64,
    pub(crate) nodes: u64,
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
pub(crate) struct Told([u8; 4]);

impl Observer<Random> for Told {
    fn on_event(&mut self, _: NodeId, state: &u8) -> Result<(), String> {
        let times = &mut self.0[usize::from(*state)];
        *times += 1;
        if *times > 1 { Err(format!("{state} was told of twice")) } else { Ok(()) }
    }
}

/// A cluster of such nodes, with bounds that are drawn too.
pub(crate) fn cluster(seed: u64) -> Cluster<Random, Told> {
    on_networks(seed, &[Network::Unordered, Network::Unordered, Network::Merging, Network::Fifo])
}

/// As [`cluster`], on one of these networks.
pub(crate) fn on_networks(seed: u64, networks: &[Network]) -> Cluster<Random, Told> {
    let mut dice = SplitMix64::new(seed ^ 0xabcd);
    let nodes = 2 + dice.below(2);
    let bounds = Bounds {
        crashes: dice.below(2) as u8,
        duplicates: dice.below(2) as u8,
        drops: dice.below(2) as u8,
        in_flight_max: if dice.below(4) == 0 { 3 } else { usize::MAX },
        network: networks[dice.below(networks.len() as u64) as usize],
        ..Bounds::default()
    };
    let make = move |_| Random { state: 0, friend: None, seed, nodes };
    let mut cluster = Cluster::observed(nodes as usize, make, Told::default()).bounds(bounds);
    for _ in 0..=dice.below(2) {
        cluster = cluster.command_anywhere(dice.below(3) as u8);
    }
    cluster
}

pub(crate) const STATES: u64 = 20_000;

/// The verdict: how many steps to what is wrong, if anything is; `None` if that would take too long to find out.
pub(crate) fn verdict<M: Model>(exploration: &Exploration<M>) -> Option<Option<usize>> {
    match exploration.counterexample() {
        Some(shortest) => Some(Some(shortest.steps.len())),
        None => exploration.holds().then_some(None),
    }
}
