//! Three nodes in one process that carry a state machine through crashes: what the examples have in common.
//!
//! The network is a list, a disk is a list, and the clock is a number, so a run is the same every time. Nothing here is about what
//! the examples show; with sockets and files it would be the program around [`Node`].
#![allow(dead_code, reason = "each example needs a part of it")]
#![allow(clippy::expect_used, clippy::panic, reason = "if one of these fails, the example has failed")]

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;
use synod_core::{Bytes, LogState, Lsn, NodeId, Recovered, StateMachine, Time};
use synod_raft::machine::{Machine, Memory};
use synod_raft::{Config, EntryId, Event, Message, Node, Output, ReadMode, Record, Role, Start};

const IDS: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];
/// So many entries after the last snapshot the next is taken.
const SNAPSHOT_EVERY: u64 = 16;
/// How long a caller waits for an answer before it asks again.
const PATIENCE_MS: u64 = 100;
/// An election takes less than a second; a cluster that has no leader for so long has lost its majority.
const ELECTION_MS_MAX: u64 = 10_000;

/// When the leader of the next call crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// It has taken the command and told nobody: the command is lost.
    BeforeReplicating,
    /// The command is committed and applied, and the answer is lost.
    BeforeAnswering,
}

/// Three nodes, each with a state machine, a log on a disk and a folder of snapshots.
pub(crate) struct Cluster<M: StateMachine> {
    empty: fn() -> M,
    up: BTreeMap<NodeId, Member<M>>,
    /// What a crash leaves: the disk.
    down: BTreeMap<NodeId, Disk>,
    now: Time,
    starts: u64,
    call: Call<M::Output>,
    crash: Option<Crash>,
    installed: u64,
}

struct Member<M> {
    node: Node,
    machine: Machine<M, Memory>,
    log: Vec<(Lsn, Record)>,
}

#[derive(Default)]
struct Disk {
    log: Vec<(Lsn, Record)>,
    snapshots: Memory,
}

/// The caller's side: whom it has asked, and what it has heard.
struct Call<O> {
    token: u64,
    of: Option<NodeId>,
    place: Option<EntryId>,
    answer: Option<O>,
    ready: bool,
}

impl<M: StateMachine> Cluster<M> {
    /// A new cluster. Its state machines are empty.
    pub(crate) fn new(empty: fn() -> M) -> Self {
        let call = Call { token: 0, of: None, place: None, answer: None, ready: false };
        let down = IDS.into_iter().map(|id| (id, Disk::default())).collect();
        let mut this = Self {
            empty,
            up: BTreeMap::new(),
            down,
            now: Time::ZERO,
            starts: 0,
            call,
            crash: None,
            installed: 0,
        };
        IDS.into_iter().for_each(|id| this.start(id));
        this
    }

    /// Proposes a command to whoever leads, and the same again if there is no answer in time, until there is one. **The command may
    /// be in the log twice then**: commands must be idempotent, or come in sessions.
    pub(crate) fn call(&mut self, command: impl Into<Bytes>) -> M::Output {
        let command = command.into();
        loop {
            let leader = self.begin_call();
            let (now, token) = (self.now, self.call.token);
            self.member(leader).node.propose(now, token, command.clone());
            if self.crash == Some(Crash::BeforeReplicating) {
                self.crash = None;
                self.stop(leader);
            }
            for _ in 0..PATIENCE_MS {
                self.settle();
                match self.call.answer.take() {
                    Some(answer) => return answer,
                    None => self.pass(1),
                }
            }
        }
    }

    /// The state machine after everything that was answered before this call (a linearizable read, section 6.4 of Ongaro's thesis).
    pub(crate) fn read(&mut self) -> &M {
        loop {
            let leader = self.begin_call();
            let (now, token) = (self.now, self.call.token);
            self.member(leader).node.read(now, token, ReadMode::Index);
            for _ in 0..PATIENCE_MS {
                self.settle();
                if self.call.ready {
                    return self.machine(leader).expect("a node that answers is up");
                }
                self.pass(1);
            }
        }
    }

    /// The state machine of one node as it is, perhaps behind the others; `None` while the node is down.
    pub(crate) fn machine(&self, id: NodeId) -> Option<&M> {
        self.up.get(&id).map(|member| member.machine.inner())
    }

    /// The node that leads. Time passes until one does.
    pub(crate) fn leader(&mut self) -> NodeId {
        for _ in 0..ELECTION_MS_MAX {
            let leaders = self.up.iter().filter(|(_, member)| member.node.raft().role() == Role::Leader);
            // One that is deposed and does not know it yet has the lower term.
            if let Some((id, _)) = leaders.max_by_key(|(_, member)| member.node.raft().term()) {
                return *id;
            }
            self.pass(1);
        }
        panic!("no leader in {ELECTION_MS_MAX} ms: two of three nodes must be up")
    }

    /// Some node that is up and does not lead.
    pub(crate) fn follower(&mut self) -> NodeId {
        let leader = self.leader();
        *self.up.keys().find(|id| **id != leader).expect("two of three nodes are up")
    }

    /// The node loses its memory and keeps its disk.
    pub(crate) fn stop(&mut self, id: NodeId) {
        if let Some(Member { log, machine, .. }) = self.up.remove(&id) {
            println!("   -- {id} crashes");
            self.down.insert(id, Disk { log, snapshots: machine.into_folder() });
        }
    }

    /// The leader of the next call will crash in the middle of it.
    pub(crate) fn crash_in_next_call(&mut self, when: Crash) {
        self.crash = Some(when);
    }

    /// All nodes lose their memory at once, and come back.
    pub(crate) fn lose_power(&mut self)
    where
        M: fmt::Debug,
    {
        IDS.into_iter().for_each(|id| self.stop(id));
        self.heal();
    }

    /// Whoever is down comes back with what is on its disk; a second later all have caught up. All state machines are equal then, and a
    /// snapshot is all of a state.
    pub(crate) fn heal(&mut self)
    where
        M: fmt::Debug,
    {
        for id in IDS.into_iter().filter(|id| self.down.contains_key(id)).collect::<Vec<_>>() {
            println!("   -- {id} is back");
            self.start(id);
        }
        self.pass(1_000);
        let mut states = self.up.values().map(|member| member.machine.inner());
        let first = states.next().expect("all are up");
        let mut copy = (self.empty)();
        copy.restore(first.snapshot()).expect("a snapshot is one");
        let first = format!("{first:?}");
        assert_eq!(format!("{copy:?}"), first, "nothing is missing in a snapshot");
        assert!(states.all(|state| format!("{state:?}") == first), "all replicas are in the same state");
    }

    /// How often a node was so far behind that it was sent a snapshot.
    pub(crate) fn snapshots_sent(&self) -> u64 {
        self.installed
    }

    /// How much time has passed.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now.0 / 1_000_000
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now = self.now + Duration::from_millis(1);
            for member in self.up.values_mut() {
                member.node.advance(self.now);
            }
            self.settle();
        }
    }

    fn start(&mut self, id: NodeId) {
        let Disk { log, snapshots } = self.down.remove(&id).unwrap_or_default();
        let mut config = Config::new(id, IDS);
        config.trailing_entries = 4;
        config.log_memory_bytes_max = usize::MAX; // so that no `Job::Recall` comes
        self.starts += 1;
        let start = Start { now: self.now, incarnation: self.starts, seed: self.starts };
        let state = log.last().map_or(LogState::Fresh, |(end, _)| LogState::Recovered { end: *end });
        let records = log.iter().map(|(at, record)| (*at, Recovered::Intact(record.clone())));
        let node = Node::recover(config, start, state, records).expect("the log is what the node wrote");
        let machine = Machine::new((self.empty)(), snapshots, SNAPSHOT_EVERY).expect("the snapshot is whole");
        self.up.insert(id, Member { node, machine, log });
    }

    fn member(&mut self, id: NodeId) -> &mut Member<M> {
        self.up.get_mut(&id).expect("the node is up")
    }

    fn begin_call(&mut self) -> NodeId {
        let leader = self.leader();
        let token = self.call.token + 1;
        self.call = Call { token, of: Some(leader), place: None, answer: None, ready: false };
        leader
    }

    /// Carries out what comes out of the nodes until nothing more does.
    fn settle(&mut self) {
        let mut letters = Vec::new();
        loop {
            for id in IDS {
                if !self.carry_out(id, &mut letters) {
                    self.stop(id);
                }
            }
            if letters.is_empty() {
                return;
            }
            for (from, to, message) in letters.drain(..) {
                if let Some(member) = self.up.get_mut(&to) {
                    member.node.receive(self.now, from, message);
                }
            }
        }
    }

    /// The loop around a node. `false` if the node crashes in it.
    fn carry_out(&mut self, id: NodeId, letters: &mut Vec<(NodeId, NodeId, Message)>) -> bool {
        let Some(Member { node, machine, log, .. }) = self.up.get_mut(&id) else { return true };
        let call = &mut self.call;
        let asked = call.of == Some(id);
        while let Some(output) = node.output() {
            match output {
                Output::Send { to, message } => letters.push((id, to, message)),
                Output::Write { at, record } => {
                    log.push((at, record)); // append, sync, and only then:
                    node.written(at);
                }
                Output::Release(upto) => log.retain(|(at, _)| *at > upto),
                Output::Job(job) => {
                    if let Some(done) = machine.work(&job) {
                        node.done(self.now, done);
                    }
                }
                Output::Event(Event::Proposed { token, index, term }) if asked && token == call.token => {
                    call.place = Some(EntryId { term, index });
                }
                Output::Event(Event::ReadReady { token, .. }) if asked && token == call.token => {
                    // All commits up to there have come before, and are applied.
                    call.ready = true;
                }
                Output::Event(Event::Committed(entries)) => {
                    let keep = |place, output| {
                        if asked && call.place == Some(place) {
                            call.answer = Some(output);
                        }
                    };
                    machine.apply(&entries, keep).expect("commits come without gaps");
                    if call.answer.is_some() && self.crash == Some(Crash::BeforeAnswering) {
                        (self.crash, call.answer) = (None, None);
                        return false;
                    }
                    if machine.is_due()
                        && let Some(upto) = machine.checkpoint()
                    {
                        node.compact(upto);
                    }
                }
                Output::Event(Event::Installed { last }) => {
                    println!(
                        "   -- {id} was so far behind that it is sent a snapshot, up to entry {}",
                        last.index
                    );
                    self.installed += 1;
                }
                Output::Event(_) => {}
            }
        }
        true
    }
}
