//! Nodes on benches, and a network that does what it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use synod_core::testing::{Bench, Output};
use synod_core::{Bytes, Input, Link, NodeId};
use synod_raft::invariants::Safety;
use synod_raft::{Command, Config, EntryKind, Event, Index, Message, Raft, Role, Term, Timer};

/// A message on its way.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) message: Message,
}

/// A cluster whose every step is watched by the safety properties.
pub(crate) struct Cluster {
    pub(crate) nodes: BTreeMap<NodeId, Bench<Raft>>,
    pub(crate) configs: BTreeMap<NodeId, Config>,
    pub(crate) down: BTreeSet<NodeId>,
    /// Messages on their way, oldest first.
    pub(crate) net: Vec<Envelope>,
    /// Pairs (from, to) between which nothing gets through.
    pub(crate) cut: BTreeSet<(NodeId, NodeId)>,
    /// Nodes whose disk does not finish until told to.
    pub(crate) slow: BTreeSet<NodeId>,
    pub(crate) safety: Safety,
    /// What each node has applied since its start, by index.
    pub(crate) applied: BTreeMap<NodeId, Vec<(Term, EntryKind, Bytes)>>,
    /// Every event except commits, since it was last asked.
    pub(crate) events: Vec<(NodeId, Event)>,
}

impl Cluster {
    pub(crate) fn new(size: u64) -> Self {
        Self::with(size, |_| {})
    }

    pub(crate) fn with(size: u64, adjust: impl Fn(&mut Config)) -> Self {
        let mut cluster = Self {
            nodes: BTreeMap::new(),
            configs: BTreeMap::new(),
            down: BTreeSet::new(),
            net: Vec::new(),
            cut: BTreeSet::new(),
            slow: BTreeSet::new(),
            safety: Safety::default(),
            applied: BTreeMap::new(),
            events: Vec::new(),
        };
        let ids: Vec<_> = (1..=size).map(NodeId).collect();
        for &id in &ids {
            let mut config = Config::new(id, ids.clone());
            adjust(&mut config);
            let mut bench = Bench::new(id, Raft::new(config.clone()).unwrap());
            bench.start().unwrap();
            cluster.configs.insert(id, config);
            cluster.nodes.insert(id, bench);
            cluster.applied.insert(id, Vec::new());
            cluster.collect(id);
        }
        cluster
    }

    pub(crate) fn raft(&self, id: u64) -> &Raft {
        &self.nodes[&NodeId(id)].protocol
    }

    pub(crate) fn input(&mut self, id: NodeId, input: Input<Raft>) {
        if self.down.contains(&id) {
            return;
        }
        self.nodes.get_mut(&id).unwrap().input(input);
        self.collect(id);
    }

    pub(crate) fn campaign(&mut self, id: u64) {
        self.input(NodeId(id), Input::Command(Command::Campaign));
    }

    pub(crate) fn propose(&mut self, id: u64, payload: &str) {
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        self.input(NodeId(id), Input::Command(Command::Propose { token: 0, payload }));
    }

    pub(crate) fn fire(&mut self, id: NodeId, timer: Timer) -> bool {
        let fired = !self.down.contains(&id) && self.nodes.get_mut(&id).unwrap().fire(timer);
        self.collect(id);
        fired
    }

    /// The election timeout of a node passes: both stretches of it.
    pub(crate) fn time_out(&mut self, id: u64) {
        let term = self.raft(id).term();
        for _ in 0..2 {
            self.fire(NodeId(id), Timer::Election);
            if self.raft(id).role() != Role::Follower || self.raft(id).term() != term {
                break;
            }
        }
    }

    pub(crate) fn sync(&mut self, id: NodeId) {
        if !self.down.contains(&id) {
            self.nodes.get_mut(&id).unwrap().sync().unwrap();
            self.collect(id);
        }
    }

    pub(crate) fn crash(&mut self, id: u64) {
        let id = NodeId(id);
        self.down.insert(id);
        self.nodes.get_mut(&id).unwrap().log.crash();
        self.safety.crashed(id);
        self.applied.insert(id, Vec::new());
    }

    pub(crate) fn restart(&mut self, id: u64) {
        let id = NodeId(id);
        self.crash(id.0);
        self.down.remove(&id);
        let raft = Raft::new(self.configs[&id].clone()).unwrap();
        self.nodes.get_mut(&id).unwrap().restart(raft).unwrap();
        self.collect(id);
    }

    pub(crate) fn disconnect(&mut self, a: u64, b: u64) {
        self.cut.extend([(NodeId(a), NodeId(b)), (NodeId(b), NodeId(a))]);
    }

    pub(crate) fn isolate(&mut self, id: u64) {
        for other in self.nodes.keys().copied().collect::<Vec<_>>() {
            self.disconnect(id, other.0);
        }
    }

    pub(crate) fn connect(&mut self, id: u64) {
        self.cut.retain(|(a, b)| a.0 != id && b.0 != id);
    }

    /// Takes the message at `place` off the net and delivers it, if it gets through.
    pub(crate) fn deliver(&mut self, place: usize) {
        let Envelope { from, to, message } = self.net.remove(place);
        if !self.cut.contains(&(from, to)) {
            self.input(to, Input::Message(from, message));
        }
    }

    pub(crate) fn deliver_to(&mut self, from: u64, to: u64, message: Message) {
        self.input(NodeId(to), Input::Message(NodeId(from), message));
    }

    /// Everything that is on its way to `id` now, taken off the net.
    pub(crate) fn intercept(&mut self, id: u64) -> Vec<Envelope> {
        let (taken, kept) = std::mem::take(&mut self.net).into_iter().partition(|letter| letter.to.0 == id);
        self.net = kept;
        taken
    }

    /// Disks (but the slow ones) and messages, until nothing moves.
    pub(crate) fn stabilize(&mut self) {
        for _ in 0..10_000 {
            for id in self.nodes.keys().copied().collect::<Vec<_>>() {
                if !self.slow.contains(&id) {
                    self.sync(id);
                }
            }
            if self.net.is_empty() {
                return;
            }
            for _ in 0..self.net.len() {
                self.deliver(0);
            }
        }
        panic!("the cluster does not come to rest; on its way: {:?}", self.net);
    }

    /// Time passes for everybody, in small steps.
    pub(crate) fn run(&mut self, span: Duration) {
        let step = Duration::from_millis(5);
        for _ in 0..span.as_millis() / step.as_millis() {
            for id in self.nodes.keys().copied().collect::<Vec<_>>() {
                if !self.down.contains(&id) {
                    self.nodes.get_mut(&id).unwrap().advance(step);
                    self.collect(id);
                }
            }
            self.stabilize();
        }
    }

    pub(crate) fn link(&mut self, id: u64, peer: u64, link: Link) {
        self.input(NodeId(id), Input::Link(NodeId(peer), link));
    }

    pub(crate) fn leader(&self) -> Option<NodeId> {
        let leaders = self.nodes.iter().filter(|(id, node)| {
            !self.down.contains(id) && node.protocol.role() == Role::Leader
        });
        leaders.max_by_key(|(_, node)| node.protocol.term()).map(|(id, _)| *id)
    }

    pub(crate) fn committed(&self, id: u64) -> u64 {
        self.raft(id).commit_index().0
    }

    /// The payloads that a node has applied, no-ops left out.
    pub(crate) fn payloads(&self, id: u64) -> Vec<String> {
        self.applied[&NodeId(id)]
            .iter()
            .filter(|(_, kind, _)| *kind == EntryKind::Normal)
            .map(|(_, _, payload)| String::from_utf8_lossy(payload).into_owned())
            .collect()
    }

    /// The log of a node as `term:payload` for each entry.
    pub(crate) fn log(&self, id: u64) -> Vec<String> {
        let log = self.raft(id).log();
        let entries = log.segments().flat_map(|segment| segment.iter());
        entries
            .map(|entry| format!("{}:{}", entry.term, String::from_utf8_lossy(entry.payload)))
            .collect()
    }

    fn collect(&mut self, id: NodeId) {
        let node = self.nodes.get_mut(&id).unwrap();
        let outputs = node.take();
        if !self.down.contains(&id) {
            if let Err(violation) = self.safety.observe(id, &node.protocol) {
                panic!("{violation}");
            }
        }
        for output in outputs {
            match output {
                Output::Send { to, message, .. } => self.net.push(Envelope { from: id, to, message }),
                Output::Event(Event::Committed(entries)) => {
                    let applied = self.applied.get_mut(&id).unwrap();
                    for entry in &entries {
                        assert_eq!(entry.index, Index(applied.len() as u64 + 1), "commits come in order, without gaps");
                        applied.push((entry.term, entry.kind, entries.share(&entry)));
                    }
                }
                Output::Event(event) => self.events.push((id, event)),
                Output::Job(never) => match never {},
                Output::Peer(_) => {}
            }
        }
    }
}
