//! Nodes on benches, and a network that does what the test says.

use core::time::Duration;
use std::collections::BTreeMap;
use synod_core::testing::{Bench, Output};
use synod_core::{Bytes, Input, NodeId};
use synod_paxos::invariants::Safety;
use synod_paxos::{Ballot, Command, Config, Event, Message, Paxos, Timer};

/// The ballot of `round` by `node`.
pub(crate) fn ballot(round: u64, node: u64) -> Ballot {
    Ballot { round, node: NodeId(node) }
}

/// A node alone on a bench, with the test as its peers.
pub(crate) fn alone(id: u64, size: u64) -> Bench<Paxos> {
    let mut bench = Bench::new(NodeId(id), Paxos::new(config(id, size)).unwrap());
    bench.start().unwrap();
    bench
}

pub(crate) fn config(id: u64, size: u64) -> Config {
    Config::new(NodeId(id), (1..=size).map(NodeId))
}

pub(crate) fn hear(node: &mut Bench<Paxos>, from: u64, message: Message) {
    node.input(Input::Message(NodeId(from), message));
}

pub(crate) fn propose(node: &mut Bench<Paxos>, value: &str) {
    node.input(Input::Command(Command::Propose { value: Bytes::copy_from_slice(value.as_bytes()) }));
}

/// Everything that was sent since the last look; events are dropped.
pub(crate) fn sent(node: &mut Bench<Paxos>) -> Vec<(u64, Message)> {
    let outputs = node.take().into_iter();
    outputs
        .filter_map(|output| match output {
            Output::Send { to, message, .. } => Some((to.0, message)),
            _ => None,
        })
        .collect()
}

/// Every event since the last look; messages are dropped.
pub(crate) fn events(node: &mut Bench<Paxos>) -> Vec<Event> {
    let outputs = node.take().into_iter();
    outputs
        .filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        })
        .collect()
}

/// Several nodes. Disks sync at once unless the test holds one; messages lie in `net` until they are carried.
pub(crate) struct Cluster {
    pub(crate) nodes: BTreeMap<NodeId, Bench<Paxos>>,
    pub(crate) net: Vec<(NodeId, NodeId, Message)>,
    pub(crate) events: Vec<(NodeId, Event)>,
    pub(crate) down: Vec<NodeId>,
    pub(crate) safety: Safety,
}

impl Cluster {
    pub(crate) fn new(size: u64) -> Self {
        let nodes = (1..=size).map(|id| (NodeId(id), alone(id, size))).collect();
        Self { nodes, net: Vec::new(), events: Vec::new(), down: Vec::new(), safety: Safety::default() }
    }

    pub(crate) fn paxos(&self, id: u64) -> &Paxos {
        &self.nodes[&NodeId(id)].protocol
    }

    pub(crate) fn input(&mut self, id: u64, input: Input<Paxos>) {
        if !self.down.contains(&NodeId(id)) {
            self.nodes.get_mut(&NodeId(id)).unwrap().input(input);
            self.settle(id);
        }
    }

    pub(crate) fn propose(&mut self, id: u64, value: &str) {
        let value = Bytes::copy_from_slice(value.as_bytes());
        self.input(id, Input::Command(Command::Propose { value }));
    }

    pub(crate) fn retry(&mut self, id: u64) {
        if !self.down.contains(&NodeId(id)) {
            self.nodes.get_mut(&NodeId(id)).unwrap().fire(Timer::Retry);
            self.settle(id);
        }
    }

    pub(crate) fn crash(&mut self, id: u64) {
        self.down.push(NodeId(id));
    }

    pub(crate) fn restart(&mut self, id: u64) {
        self.down.retain(|down| *down != NodeId(id));
        let node = self.nodes.get_mut(&NodeId(id)).unwrap();
        let config = node.protocol.config().clone();
        node.restart(Paxos::new(config).unwrap()).unwrap();
        self.settle(id);
    }

    /// Syncs the disk of a node and takes what comes out, until nothing more does; then looks at it.
    fn settle(&mut self, id: u64) {
        let id = NodeId(id);
        let node = self.nodes.get_mut(&id).unwrap();
        loop {
            self.safety.observe(id, &node.protocol).unwrap();
            node.sync().unwrap();
            let outputs = node.take();
            if outputs.is_empty() {
                break;
            }
            for output in outputs {
                match output {
                    Output::Send { to, message, .. } => self.net.push((id, to, message)),
                    Output::Event(event) => self.events.push((id, event)),
                    _ => {}
                }
            }
        }
        node.sync().unwrap();
        self.safety.observe(id, &node.protocol).unwrap();
    }

    /// Carries the messages that `wanted` picks, and those that they cause, until none is left. The others stay.
    pub(crate) fn carry(&mut self, wanted: impl Fn(u64, u64, &Message) -> bool) {
        while let Some(place) = self.net.iter().position(|(from, to, message)| wanted(from.0, to.0, message))
        {
            let (from, to, message) = self.net.remove(place);
            self.input(to.0, Input::Message(from, message));
        }
    }

    pub(crate) fn carry_all(&mut self) {
        self.carry(|_, _, _| true);
    }

    /// Lets time pass for all, with a network that loses nothing.
    pub(crate) fn run(&mut self, span: Duration) {
        let step = Duration::from_millis(5);
        for _ in 0..span.as_millis() / step.as_millis() {
            for id in self.nodes.keys().copied().collect::<Vec<_>>() {
                if !self.down.contains(&id) {
                    self.nodes.get_mut(&id).unwrap().advance(step);
                    self.settle(id.0);
                }
            }
            self.carry_all();
        }
    }

    /// What the nodes that are up have decided: all the same, or nothing yet somewhere.
    pub(crate) fn decision(&self) -> Option<String> {
        let up = self.nodes.iter().filter(|(id, _)| !self.down.contains(id));
        let values: Option<Vec<&Bytes>> =
            up.map(|(_, node)| node.protocol.decided().map(|decided| &decided.value)).collect();
        let values = values?;
        assert!(values.windows(2).all(|pair| pair[0] == pair[1]), "{values:?}");
        values.first().map(|value| String::from_utf8_lossy(value).into_owned())
    }
}
