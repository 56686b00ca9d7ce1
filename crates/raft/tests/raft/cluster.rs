//! Nodes on benches, and a network that does what it is told.

use super::host::Host;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use synod_core::host::Log as _;
use synod_core::testing::{Bench, Output};
use synod_core::{Bytes, Input, Link, Lsn, NodeId, Recovered};
use synod_raft::invariants::Safety;
use synod_raft::{
    Change, Command, Config, Done, Entry, EntryId, EntryKind, Event, Index, Job, Membership, Message, Raft,
    ReadMode, Record, Role, Segment, Term, Timer,
};

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
    /// What the host of each node keeps.
    pub(crate) hosts: BTreeMap<NodeId, Host>,
    /// What the hosts have to do, oldest first.
    pub(crate) jobs: Vec<(NodeId, Job)>,
    /// How often a record was read again.
    pub(crate) recalled: u64,
    /// Nodes whose host does nothing until told to.
    pub(crate) idle: BTreeSet<NodeId>,
    /// What anybody's application was given at each index.
    history: BTreeMap<Index, (Term, Bytes)>,
    /// How much was committed anywhere when each read was asked: none may be served from less.
    pub(crate) asked: BTreeMap<u64, Index>,
    /// Every event except commits, since it was last asked.
    pub(crate) events: Vec<(NodeId, Event)>,
    /// What happens, for a person to read, where somebody does.
    pub(crate) trace: Option<Vec<String>>,
}

/// A message as scripts show it.
pub(crate) fn show(message: &Message) -> String {
    match message {
        Message::PreVote { term, last } => format!("PreVote term {term} last {last}"),
        Message::PreVoted { term, granted } => format!("PreVoted term {term} {}", yes(*granted)),
        Message::RequestVote { term, last, by_transfer } => {
            let why = if *by_transfer { " by transfer" } else { "" };
            format!("RequestVote term {term} last {last}{why}")
        }
        Message::Voted { term, granted } => format!("Voted term {term} {}", yes(*granted)),
        Message::Append { term, prev_term, commit, round, entries } => {
            let prev = EntryId { term: *prev_term, index: entries.first().prev() };
            format!(
                "Append term {term} prev {prev} commit {commit}{}{}",
                show_round(*round),
                show_entries(entries)
            )
        }
        Message::Appended { term, matched, round } => {
            format!("Appended term {term} matched {matched}{}", show_round(*round))
        }
        Message::Rejected { term, prev, hint, round } => {
            format!("Rejected term {term} prev {prev} hint {hint}{}", show_round(*round))
        }
        Message::Commit { term, commit } => format!("Commit term {term} commit {commit}"),
        Message::Heard { term, round } => format!("Heard term {term}{}", show_round(*round)),
        // The number is drawn.
        Message::AskIndex { term, mode, .. } => format!("AskIndex term {term} {mode:?}"),
        Message::IndexIs { term, index, .. } => format!("IndexIs term {term} index {index}"),
        Message::Lend { term, loan } => {
            let prev = EntryId { term: loan.prev_term, index: loan.entries.first().prev() };
            format!("Lend term {term} last {} prev {prev}{}", loan.last, show_entries(&loan.entries))
        }
        Message::Borrow { term, hint } => format!("Borrow term {term} hint {hint}"),
        Message::TimeoutNow { term } => format!("TimeoutNow term {term}"),
        Message::Piece { term, round, piece } => {
            let (last, offset, bytes) = (piece.snapshot.last, piece.offset, piece.bytes.len() as u64);
            let part =
                if bytes == 0 { format!("at {offset}") } else { format!("{offset}..{}", offset + bytes) };
            format!("Piece term {term} of {last}, {part} of {}{}", piece.snapshot.len, show_round(*round))
        }
        Message::Stored { term, round, stored, .. } => {
            format!("Stored term {term} up to {stored}{}", show_round(*round))
        }
        Message::Demand { term, index_min } => format!("Demand term {term} from {index_min}"),
        Message::Uncounted { term, matched, round } => {
            format!("Uncounted term {term} matched {matched}{}", show_round(*round))
        }
        Message::Lost { term, last, round, doubted } => {
            let doubted = if *doubted { ", in doubt" } else { "" };
            format!("Lost term {term} after {last}{doubted}{}", show_round(*round))
        }
        Message::Whole { term, target, round } => {
            format!("Whole term {term} at {target}{}", show_round(*round))
        }
        Message::HowFar { term } => format!("HowFar term {term}"),
        Message::SoFar { term, said } => {
            let voters: Vec<String> = said.voters.iter().map(|id| id.0.to_string()).collect();
            format!("SoFar term {term} last {} voters {}", said.last, voters.join(" "))
        }
        Message::Mend { term, after, upto } => format!("Mend term {term} after {after} up to {upto}"),
        Message::Mended { term, loan } if loan.entries.is_empty() => {
            format!("Mended term {term} has not {}", loan.last)
        }
        Message::Mended { term, loan } => {
            let prev = EntryId { term: loan.prev_term, index: loan.entries.first().prev() };
            format!("Mended term {term} up to {} prev {prev}{}", loan.last, show_entries(&loan.entries))
        }
        Message::Claim { term, priority } => format!("Claim term {term} priority {priority}"),
    }
}

/// Rounds matter to few scripts: the first of a term goes unsaid.
fn show_round(round: u64) -> String {
    if round > 1 { format!(" round {round}") } else { String::new() }
}

fn yes(granted: bool) -> &'static str {
    if granted { "granted" } else { "refused" }
}

/// Entries as scripts show them: term/index and payload.
pub(crate) fn show_entries(entries: &Segment) -> String {
    let show = |entry: Entry<'_>| match entry.kind {
        EntryKind::Noop => format!(" {}/{}:noop", entry.term, entry.index),
        EntryKind::Membership => {
            let membership = entries.to_membership().map(|membership| show_membership(&membership));
            format!(" {}/{}:{}", entry.term, entry.index, membership.unwrap_or_default())
        }
        _ => format!(" {}/{}:{:?}", entry.term, entry.index, String::from_utf8_lossy(entry.payload)),
    };
    if entries.is_hollow() {
        return format!(" {}/{}-{}:hollow", entries.term(), entries.first(), entries.last());
    }
    entries.iter().map(show).collect()
}

/// As etcd's tests show it: the voters, `&&` and the outgoing ones, learners, and what else there is.
pub(crate) fn show_membership(membership: &Membership) -> String {
    let list = |ids: &[NodeId]| {
        let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
        format!("({})", ids.join(" "))
    };
    let mut shown = format!("voters={}", list(membership.voters()));
    if membership.is_joint() {
        shown += &format!("&&{}", list(membership.outgoing()));
    }
    for (name, ids) in [
        ("learners", membership.learners()),
        ("promoting", membership.promoting()),
        ("witnesses", membership.witnesses()),
    ] {
        if !ids.is_empty() {
            shown += &format!(" {name}={}", list(ids));
        }
    }
    if let Some(rule) = membership.rule() {
        shown += &format!(" rule={rule:?}");
    }
    if let Some(rule) = membership.outgoing_rule() {
        shown += &format!(" outgoing={rule:?}");
    }
    if membership.auto_leave() { shown + " autoleave" } else { shown }
}

fn show_event(event: &Event) -> String {
    match event {
        Event::Proposed { index, term, .. } => format!("proposed {term}/{index}"),
        Event::Refused { payload, leader, reason, .. } => {
            let leader = leader.map_or("unknown".to_owned(), |leader| leader.0.to_string());
            format!("refused {:?} ({reason:?}, leader {leader})", String::from_utf8_lossy(payload))
        }
        Event::ReadReady { token, index } => format!("may serve read {token} at {index}"),
        Event::ReadRefused { token, leader, reason } => {
            let leader = leader.map_or("unknown".to_owned(), |leader| leader.0.to_string());
            format!("refused read {token} ({reason:?}, leader {leader})")
        }
        Event::TransferBegun { to, cause } => format!("hands over to {} ({cause:?})", to.0),
        Event::TransferFailed { to, reason } => format!("does not hand over to {} ({reason:?})", to.0),
        Event::Resigned => "has resigned".to_owned(),
        Event::Committed(entries) => format!("committed{}", show_entries(entries)),
        Event::Role { term, role, leader } => match leader {
            Some(leader) => format!("is {role:?} in term {term}, leader {}", leader.0),
            None => format!("is {role:?} in term {term}, no leader"),
        },
        Event::Membership { index, membership, committed } => {
            let state = if *committed { "committed" } else { "in effect" };
            format!("{state} at {index}: {}", show_membership(membership))
        }
        Event::ChangeRefused { leader, reason, .. } => {
            let leader = leader.map_or("unknown".to_owned(), |leader| leader.0.to_string());
            format!("refused the change: {reason} (leader {leader})")
        }
        Event::Mending { after, missing, tail, vote } => {
            let hole = missing.map_or(String::new(), |missing| format!(", a hole up to {missing}"));
            let (tail, vote) = (if *tail { ", the end" } else { "" }, if *vote { ", the vote" } else { "" });
            format!("is not whole: after {after}{hole}{tail}{vote}")
        }
        Event::Mended => "is whole".to_owned(),
        Event::Installed { last } => format!("has installed a snapshot of {last}"),
        other => format!("{other:?}"),
    }
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
            hosts: BTreeMap::new(),
            jobs: Vec::new(),
            recalled: 0,
            idle: BTreeSet::new(),
            history: BTreeMap::new(),
            asked: BTreeMap::new(),
            events: Vec::new(),
            trace: None,
        };
        let ids: Vec<_> = (1..=size).map(NodeId).collect();
        for &id in &ids {
            let mut config = Config::new(id, ids.clone());
            config.trailing_entries = 0;
            adjust(&mut config);
            cluster.start(config);
        }
        cluster
    }

    /// A node with an empty disk.
    pub(crate) fn start(&mut self, config: Config) {
        let id = config.id;
        let mut bench = Bench::new(id, Raft::new(config.clone()).unwrap());
        bench.start().unwrap();
        self.safety.crashed(id);
        self.down.remove(&id);
        self.configs.insert(id, config);
        self.nodes.insert(id, bench);
        self.hosts.insert(id, Host::default());
        self.collect(id);
    }

    pub(crate) fn change(&mut self, id: u64, change: impl Into<Change>) {
        let change = change.into();
        self.input(NodeId(id), Input::Command(Command::ChangeMembership { token: 0, change }));
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

    /// The application makes its state safe, and says so.
    pub(crate) fn compact(&mut self, id: u64, upto: u64) {
        self.hosts.get_mut(&NodeId(id)).unwrap().save(Index(upto));
        self.input(NodeId(id), Input::Command(Command::Compact { upto: Index(upto) }));
    }

    /// The records that are kept on the disk of a node, by position.
    pub(crate) fn records(&mut self, id: u64) -> Vec<String> {
        let mut records = Vec::new();
        let node = self.nodes.get_mut(&NodeId(id)).unwrap();
        let each = &mut |at: Lsn, record| {
            records.push(match record {
                Recovered::Intact(Record::HardState { term, .. }) => format!("{at} term {term}"),
                Recovered::Intact(Record::Append { entries, .. }) => {
                    format!("{at} entries {}-{}", entries.first(), entries.last())
                }
                Recovered::Intact(Record::Snapshot { term, last, .. }) => {
                    format!("{at} snapshot {last} in term {term}")
                }
                Recovered::Intact(Record::Mended { term, last, .. }) => {
                    format!("{at} mended at {last} in term {term}")
                }
                Recovered::Damaged(_) => format!("{at} damaged"),
            });
        };
        node.log.replay(each).unwrap();
        records
    }

    pub(crate) fn propose(&mut self, id: u64, payload: &str) {
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        self.input(NodeId(id), Input::Command(Command::Propose { token: 0, payload }));
    }

    pub(crate) fn read(&mut self, id: u64, token: u64, mode: ReadMode) {
        if !matches!(mode, ReadMode::Stale { .. }) {
            self.asked.insert(token, self.safety.committed());
        }
        self.input(NodeId(id), Input::Command(Command::Read { token, mode }));
    }

    pub(crate) fn transfer(&mut self, id: u64, to: u64) {
        self.input(NodeId(id), Input::Command(Command::Transfer { to: NodeId(to) }));
    }

    /// Where the reads that a node was allowed to serve must be served, since it was last asked.
    pub(crate) fn ready(&mut self, id: u64) -> Vec<(u64, u64)> {
        let mut ready = Vec::new();
        self.events.retain(|(node, event)| match event {
            Event::ReadReady { token, index } if *node == NodeId(id) => {
                ready.push((*token, index.0));
                false
            }
            _ => true,
        });
        ready
    }

    /// Several proposals before the driver's queue is empty.
    pub(crate) fn propose_burst(&mut self, id: u64, payloads: &[&str]) {
        let propose = |payload: &&str| {
            Input::Command(Command::Propose { token: 0, payload: Bytes::copy_from_slice(payload.as_bytes()) })
        };
        self.nodes.get_mut(&NodeId(id)).unwrap().burst(payloads.iter().map(propose));
        self.collect(NodeId(id));
    }

    /// Every disk that is not slow finishes what it has been given, and what that leads to.
    pub(crate) fn sync_fast(&mut self) {
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            for _ in 0..4 {
                if !self.slow.contains(&id) {
                    self.sync(id);
                }
            }
        }
        while self.work() {}
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
        self.hosts.get_mut(&id).unwrap().crash();
        self.jobs.retain(|(node, _)| *node != id);
    }

    pub(crate) fn restart(&mut self, id: u64) {
        let id = NodeId(id);
        self.crash(id.0);
        self.down.remove(&id);
        let raft = Raft::new(self.configs[&id].clone()).unwrap();
        self.nodes.get_mut(&id).unwrap().restart(raft).unwrap();
        self.collect(id);
        self.demand();
    }

    /// Gives a node another past: a log of runs of (term, count), in the last of these terms, without a vote in it.
    pub(crate) fn install(&mut self, id: u64, runs: &[(u64, u64)]) {
        let id = NodeId(id);
        self.safety.crashed(id);
        let mut bench = Bench::new(id, Raft::new(self.configs[&id].clone()).unwrap());
        let term = runs.last().map_or(Term::ZERO, |(term, _)| Term(*term));
        bench.log.append(Record::HardState { term, voted_for: None }).unwrap();
        let (mut first, mut prev_term) = (Index(1), Term::ZERO);
        for &(term, count) in runs {
            let payloads: Vec<String> = (0..count).map(|at| format!("{term}.{}", first.0 + at)).collect();
            let entries = Segment::pack(first, Term(term), payloads).unwrap();
            bench.log.append(Record::Append { prev_term, entries }).unwrap();
            (first, prev_term) = (first.plus(count), Term(term));
        }
        bench.log.sync().unwrap();
        bench.start().unwrap();
        self.nodes.insert(id, bench);
        self.collect(id);
    }

    /// The hosts do what they were asked to, except the idle ones. Says whether there was anything.
    pub(crate) fn work(&mut self) -> bool {
        let (waiting, due) =
            std::mem::take(&mut self.jobs).into_iter().partition(|(node, _)| self.idle.contains(node));
        self.jobs = waiting;
        let due: Vec<(NodeId, Job)> = due;
        let worked = !due.is_empty();
        for (id, job) in due {
            self.carry_out(id, job);
        }
        worked
    }

    /// One host does one thing.
    pub(crate) fn work_on(&mut self, place: usize) {
        let (id, job) = self.jobs.remove(place);
        self.carry_out(id, job);
    }

    fn carry_out(&mut self, id: NodeId, job: Job) {
        if self.down.contains(&id) {
            return;
        }
        let done = match job {
            Job::Recall { at } => {
                self.recalled += 1;
                Some(Done::Recall { at, entries: self.recorded(id, at) })
            }
            job => self.hosts.get_mut(&id).unwrap().work(job),
        };
        if let Some(done) = done {
            self.input(id, Input::Done(done));
        }
    }

    /// The application of a node has lost its state, and wants another.
    pub(crate) fn lose(&mut self, id: u64) {
        self.hosts.get_mut(&NodeId(id)).unwrap().lose();
        self.demand();
    }

    /// Applications without a state want one, and nodes with such an application do not want to lead.
    fn demand(&mut self) {
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            if self.hosts[&id].lost {
                self.input(id, Input::Command(Command::Resign));
                self.input(id, Input::Command(Command::DemandSnapshot));
            }
        }
    }

    fn recorded(&mut self, id: NodeId, wanted: Lsn) -> Option<Segment> {
        let mut found = None;
        let each = &mut |at: Lsn, record| match record {
            Recovered::Intact(Record::Append { entries, .. }) if at == wanted => found = Some(entries),
            _ => {}
        };
        self.nodes.get_mut(&id).unwrap().log.replay(each).unwrap();
        found
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
        let lost = self.cut.contains(&(from, to)) || self.down.contains(&to) || !self.nodes.contains_key(&to);
        self.note(|| {
            format!("{} -> {} {}{}", from.0, to.0, show(&message), if lost { " (lost)" } else { "" })
        });
        if !lost {
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
                // A node alone talks to nobody but its disk.
                self.sync_fast();
                if self.net.is_empty() {
                    return;
                }
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
            self.demand();
        }
    }

    pub(crate) fn link(&mut self, id: u64, peer: u64, link: Link) {
        self.input(NodeId(id), Input::Link(NodeId(peer), link));
    }

    pub(crate) fn leader(&self) -> Option<NodeId> {
        let leaders = self
            .nodes
            .iter()
            .filter(|(id, node)| !self.down.contains(id) && node.protocol.role() == Role::Leader);
        leaders.max_by_key(|(_, node)| node.protocol.term()).map(|(id, _)| *id)
    }

    pub(crate) fn committed(&self, id: u64) -> u64 {
        self.raft(id).commit_index().0
    }

    /// The payloads that a node has applied, no-ops left out.
    pub(crate) fn payloads(&self, id: u64) -> Vec<String> {
        self.hosts[&NodeId(id)]
            .applied
            .iter()
            .filter(|(_, kind, _)| *kind == EntryKind::Normal)
            .map(|(_, _, payload)| String::from_utf8_lossy(payload).into_owned())
            .collect()
    }

    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }

    fn collect(&mut self, id: NodeId) {
        let node = self.nodes.get_mut(&id).unwrap();
        let outputs = node.take();
        if !self.down.contains(&id)
            && let Err(violation) = self.safety.observe(id, &node.protocol)
        {
            panic!("{violation}");
        }
        for output in outputs {
            if let Output::Event(event) = &output {
                self.note(|| format!("{} {}", id.0, show_event(event)));
            }
            match output {
                Output::Send { to, message, .. } => self.net.push(Envelope { from: id, to, message }),
                Output::Event(Event::Committed(entries)) => {
                    for entry in &entries {
                        let this = (entry.term, entries.share(&entry));
                        let first = self.history.entry(entry.index).or_insert_with(|| this.clone());
                        assert_eq!(*first, this, "{id} is given another entry {} than others", entry.index);
                    }
                    self.hosts.get_mut(&id).unwrap().apply(&entries);
                }
                Output::Event(event) => {
                    if let Event::ReadReady { token, index } = &event {
                        let asked = self.asked.get(token).copied().unwrap_or_default();
                        assert!(*index >= asked, "read {token} at {index}, and {asked} was committed before");
                        assert!(self.committed(id.0) >= index.0, "reads come after the commits");
                    }
                    self.events.push((id, event));
                }
                Output::Job(job) => self.jobs.push((id, job)),
                Output::Peer(_) => {}
            }
        }
    }
}
