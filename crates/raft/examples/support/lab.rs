// A few nodes in one process, on a network that can be cut: what the examples of `synod_raft::guide` stand on. It is included
// there, and is nothing but the loop around a node, a list of letters and a clock that is a number.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use synod_core::{Bytes, LogState, Lsn, NodeId, Recovered, RestoreError, StateMachine, Time};
use synod_raft::machine::{Machine, Memory};
use synod_raft::{Config, Event, Message, Node, Output, ReadMode, Record, Role, Start};

/// Lines of text: the state of the application.
#[derive(Default)]
struct Lines(u64, Vec<String>);

impl StateMachine for Lines {
    type Output = ();

    fn apply(&mut self, position: u64, command: &[u8]) {
        self.0 = position;
        self.1.push(String::from_utf8_lossy(command).into_owned());
    }

    fn applied(&self) -> u64 {
        self.0
    }

    fn snapshot(&self) -> Bytes {
        format!("{}\n{}", self.0, self.1.join("\n")).into()
    }

    fn restore(&mut self, snapshot: Bytes) -> Result<(), RestoreError> {
        let text = std::str::from_utf8(&snapshot).map_err(|_| RestoreError)?;
        let (position, lines) = text.split_once('\n').ok_or(RestoreError)?;
        let lines = lines.split('\n').filter(|line| !line.is_empty()).map(str::to_owned).collect();
        *self = Self(position.parse().map_err(|_| RestoreError)?, lines);
        Ok(())
    }
}

/// What a crash leaves.
#[derive(Default)]
struct Disk {
    log: Vec<(Lsn, Recovered<Record>)>,
    snapshots: Memory,
}

struct Member {
    node: Node,
    machine: Machine<Lines, Memory>,
    log: Vec<(Lsn, Recovered<Record>)>,
    /// A disk that stands still writes nothing more.
    stalled: bool,
    events: Vec<Event>,
}

#[derive(Default)]
struct Lab {
    up: BTreeMap<NodeId, Member>,
    cut: BTreeSet<(NodeId, NodeId)>,
    now: Time,
    starts: u64,
}

impl Lab {
    /// Nodes that found a cluster together; `turn` changes the configuration of each.
    fn new<const N: usize>(ids: [u64; N], turn: impl Fn(&mut Config)) -> Self {
        let ids = ids.map(NodeId);
        let mut lab = Self::default();
        for id in ids {
            let mut config = Config::new(id, ids);
            turn(&mut config);
            lab.start(config, Disk::default());
        }
        lab
    }

    fn start(&mut self, config: Config, disk: Disk) {
        self.starts += 1;
        let start = Start { now: self.now, incarnation: self.starts, seed: self.starts };
        let damaged =
            disk.log.iter().filter(|(_, record)| matches!(record, Recovered::Damaged(_))).count() as u64;
        let state = match disk.log.last() {
            None => LogState::Fresh,
            Some((end, _)) if damaged > 0 => LogState::Damaged { end: *end, damaged },
            Some((end, _)) => LogState::Recovered { end: *end },
        };
        let id = config.id;
        let node = Node::recover(config, start, state, disk.log.iter().cloned()).unwrap();
        // A snapshot after every 20 entries.
        let machine = Machine::new(Lines::default(), disk.snapshots, 20).unwrap();
        self.up.insert(id, Member { node, machine, log: disk.log, stalled: false, events: Vec::new() });
    }

    /// The node dies. Its disk is what it leaves.
    fn crash(&mut self, id: u64) -> Disk {
        let Member { machine, log, .. } = self.up.remove(&NodeId(id)).unwrap();
        Disk { log, snapshots: machine.into_folder() }
    }

    /// Nothing passes between this node and those, in either direction.
    fn cut(&mut self, id: u64, others: impl IntoIterator<Item = u64>) {
        for other in others {
            self.cut.extend([(NodeId(id), NodeId(other)), (NodeId(other), NodeId(id))]);
        }
    }

    fn heal(&mut self) {
        self.cut.clear();
    }

    fn node(&mut self, id: u64) -> &mut Node {
        &mut self.up.get_mut(&NodeId(id)).unwrap().node
    }

    fn lines(&self, id: u64) -> &[String] {
        &self.up[&NodeId(id)].machine.inner().1
    }

    /// What this node has told its application so far, once.
    fn events(&mut self, id: u64) -> Vec<Event> {
        std::mem::take(&mut self.up.get_mut(&NodeId(id)).unwrap().events)
    }

    fn propose(&mut self, id: u64, line: &str) {
        let now = self.now;
        self.node(id).propose(now, 0, line.to_owned());
        self.settle();
    }

    /// Whether the read is ready when everything that is on its way has arrived.
    fn read(&mut self, id: u64, mode: ReadMode) -> bool {
        let now = self.now;
        self.node(id).read(now, 77, mode);
        self.settle();
        self.events(id).iter().any(|event| matches!(event, Event::ReadReady { token: 77, .. }))
    }

    /// Who leads in the latest term.
    fn leader(&self) -> Option<u64> {
        let leaders = self.up.iter().filter(|(_, member)| member.node.raft().role() == Role::Leader);
        leaders.max_by_key(|(_, member)| member.node.raft().term()).map(|(id, _)| id.0)
    }

    fn pass(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now = self.now + Duration::from_millis(1);
            self.up.values_mut().for_each(|member| member.node.advance(self.now));
            self.settle();
        }
    }

    fn settle(&mut self) {
        let mut letters: Vec<(NodeId, NodeId, Message)> = Vec::new();
        loop {
            for (id, member) in &mut self.up {
                member.carry_out(self.now, |to, message| letters.push((*id, to, message)));
            }
            if letters.is_empty() {
                return;
            }
            for (from, to, message) in letters.drain(..) {
                if let Some(member) = self.up.get_mut(&to).filter(|_| !self.cut.contains(&(from, to))) {
                    member.node.receive(self.now, from, message);
                }
            }
        }
    }
}

impl Member {
    fn carry_out(&mut self, now: Time, mut send: impl FnMut(NodeId, Message)) {
        while let Some(output) = self.node.output() {
            match output {
                Output::Send { to, message } => send(to, message),
                Output::Write { .. } if self.stalled => {}
                Output::Write { at, record } => {
                    self.log.push((at, Recovered::Intact(record)));
                    self.node.written(at);
                }
                Output::Release(upto) => self.log.retain(|(at, _)| *at > upto),
                Output::Job(job) => {
                    if let Some(done) = self.machine.work(&job) {
                        self.node.done(now, done);
                    }
                }
                Output::Event(event) => {
                    if let Event::Committed(entries) = &event {
                        self.machine.apply(entries, |_, ()| ()).unwrap();
                        if self.machine.is_due()
                            && let Some(upto) = self.machine.checkpoint()
                        {
                            self.node.compact(upto);
                        }
                    }
                    self.events.push(event);
                }
            }
        }
    }
}
