//! A cluster of stores on Raft in the simulator: replicas, clients, what the clients saw, and the judge.
//!
//! ```
//! use synod_kv::cluster::{Settings, simulation, with_judge};
//!
//! # fn main() -> Result<(), synod_raft::ConfigError> {
//! let report = with_judge(simulation(&Settings::default())?).run(1);
//! assert_eq!(report.verdict, synod_sim::Verdict::Passed);
//! assert!(report.workload.tally().ok > 50);
//! # Ok(())
//! # }
//! ```

mod application;
mod changes;
mod features;
mod reads;
mod recipe;
mod script;
mod sessions;
mod settings;
mod snapshots;
mod tally;
mod upkeep;
mod validation;

pub use features::with_features;
pub use recipe::{
    SPECIFICATION, judged, simulation, with_guards, with_invariants, with_judge, with_leases, with_spec,
    with_transcript,
};
pub use script::{BadSetting, scripted, shrinker};
pub use settings::{Mischief, Settings};
pub use tally::{Reign, Tally};
pub use validation::Transcript;

use crate::{Answer, Command, Store, WIRE_VERSION};
use application::Application;
use bytes::Bytes;
use core::time::Duration;
use reads::{Read, Stale};
use sessions::Session;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use synod_consistency_checker::{
    Budget, History, KvCall, KvModel, KvReturn, Mark, OpId, Report as Judgement, check,
};
use synod_core::NodeId;
use synod_core::wire::Wire;
use synod_raft::machine::{Machine, Memory};
use synod_raft::{
    Done, Event, Index, Job, Membership, Raft, RecoverError, Role, Segment, Term, TransferCause, session,
};
use synod_sim::{Io, Workload};

#[derive(Clone, Debug)]
struct Client {
    op: Option<(OpId, u64, Bytes)>,
    /// The operation is a read of the replica's state.
    read: Option<Read>,
    /// Its number changes when an operation is given up, as Jepsen's do: the old one may still be at work.
    process: u64,
    target: NodeId,
    begun: u64,
    session: Session,
}

#[derive(Clone, Debug)]
struct Replica {
    machine: Machine<Application, Memory>,
    /// Operations that this node proposed and has not seen committed, by index.
    waiting: BTreeMap<u64, (Term, u64)>,
    /// Reads, by number, and how much must have been applied for them.
    reading: Vec<(u64, Index)>,
}

#[derive(Clone, Debug)]
enum Mail {
    /// It is time for a client's next operation.
    Next(usize),
    /// A client's patience ends.
    GiveUp { client: usize, number: u64 },
    /// An answer arrives at a client.
    Answer { number: u64, answer: Answer },
    /// A node has not taken the operation, and names the leader if it knows one.
    Refused { number: u64, leader: Option<NodeId> },
    /// A client asks again, elsewhere.
    Again { client: usize, number: u64 },
    /// The operation was overwritten before it was committed.
    Lost { number: u64 },
    /// A client's session is open, with which the operation can be proposed.
    Opened { number: u64, session: u64 },
    /// The operation was refused because its session is over.
    Over { number: u64 },
    /// It is time for the operator's next change.
    Change,
    /// A host that has lost its application's state asks again.
    Demand,
}

/// The application of all nodes, and all clients.
#[derive(Clone)]
pub struct Cluster {
    settings: Settings,
    clients: Vec<Client>,
    replicas: Vec<Replica>,
    /// Letters on their way; the first is number `delivered`. Those before it have all arrived.
    mail: VecDeque<Option<Mail>>,
    delivered: u64,
    /// The number of an operation names its client: `number % clients`.
    operations: u64,
    /// How many changes of the membership were planned.
    changes: u64,
    /// The membership in effect on each node, by its own words: its entry, and whether it is committed.
    effects: BTreeMap<NodeId, (Index, Arc<Membership>, bool)>,
    /// Who was a quorum by itself at some time: what such a node has agreed to, nobody else need know.
    alone: BTreeSet<NodeId>,
    /// Whose machines were exchanged for new ones.
    replaced: BTreeSet<NodeId>,
    /// Whose application's state is lost.
    lost: Option<NodeId>,
    /// The term of each entry that a replica was given, by index.
    given: Vec<Term>,
    /// How many jobs the hosts have done.
    jobs: u64,
    processes: u64,
    history: History<KvCall, KvReturn>,
    latencies: Vec<(u64, u64)>,
    reigns: Vec<Reign>,
    leader: Option<NodeId>,
    tally: Tally,
    stale: Stale,
    /// What no application may see, and one has.
    breach: Option<String>,
    healed: bool,
}

type Raw<'a> = Io<'a, Raft>;

impl Cluster {
    /// Clients and replicas that have done nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let client = |at| Client {
            op: None,
            read: None,
            process: at,
            target: NodeId(1),
            begun: 0,
            session: Session::default(),
        };
        Self {
            clients: (0..settings.clients).map(client).collect(),
            replicas: vec![Replica::new(Memory::default(), &settings); settings.nodes],
            given: Vec::new(),
            jobs: 0,
            mail: VecDeque::new(),
            delivered: 0,
            operations: 0,
            changes: 0,
            effects: BTreeMap::new(),
            alone: BTreeSet::new(),
            replaced: BTreeSet::new(),
            lost: None,
            processes: settings.clients,
            history: History::new(),
            latencies: Vec::new(),
            reigns: Vec::new(),
            leader: None,
            tally: Tally::default(),
            stale: Stale::default(),
            breach: None,
            healed: false,
            settings,
        }
    }

    /// What the clients saw.
    #[must_use]
    pub const fn history(&self) -> &History<KvCall, KvReturn> {
        &self.history
    }

    /// What became of the operations.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        Tally { stale: self.stale.served, ..self.tally }
    }

    /// When each answered operation began and how long it took, in virtual nanoseconds.
    #[must_use]
    pub fn latencies(&self) -> &[(u64, u64)] {
        &self.latencies
    }

    /// Who led when.
    #[must_use]
    pub fn reigns(&self) -> &[Reign] {
        &self.reigns
    }

    /// The state machine of a node.
    #[must_use]
    pub fn store(&self, id: NodeId) -> Option<&Store> {
        self.replicas.get(slot(id)).map(|replica| replica.machine.inner().store())
    }

    /// The judge's verdict on what the clients saw: is there one order of all operations that explains every answer?
    #[must_use]
    pub fn judge(&self) -> Judgement<'_, KvModel> {
        // Steps, not seconds: the same verdict on every machine. Many appends whose fate nobody knows need many: a seed of 40,000
        // took 107 million.
        let budget = Budget::unlimited().steps(1_000_000_000).memory_bytes(2 << 30);
        check(&MODEL, &self.history, &budget)
    }

    /// Whether enough operations were answered after the faults had stopped.
    fn satisfied(&self) -> bool {
        self.healed && self.tally.ok_after_heal >= 3 * self.settings.clients
    }

    fn letter(&mut self, mail: Mail) -> u64 {
        self.mail.push_back(Some(mail));
        self.delivered + self.mail.len() as u64 - 1
    }

    /// Takes a letter out; a second time it is not there.
    fn open(&mut self, number: u64) -> Option<Mail> {
        let place = usize::try_from(number.checked_sub(self.delivered)?).ok()?;
        let mail = self.mail.get_mut(place)?.take();
        while self.mail.front().is_some_and(Option::is_none) {
            self.mail.pop_front();
            self.delivered += 1;
        }
        mail
    }

    fn client_of(&self, number: u64) -> usize {
        usize::try_from(number % self.settings.clients.max(1)).unwrap_or(0)
    }

    fn next_operation(&mut self, client: usize, io: &mut Raw<'_>) {
        let enough = if self.healed { self.satisfied() } else { self.operations >= self.settings.operations };
        let Some(state) = self.clients.get_mut(client) else { return };
        if enough || state.op.is_some() {
            return;
        }
        self.operations += 1;
        let clients = self.settings.clients.max(1);
        let number = self.operations * clients + client as u64;
        let command = command(number, &self.settings, io);
        let read = reads::choose(&self.settings, number, &command, io);
        let mark = Mark { time_ns: i64::try_from(io.now().0).ok(), line: None };
        let op = self.history.invoke_at(state.process, call(&command), mark);
        let payload = command.to_bytes(WIRE_VERSION);
        state.op = Some((op, number, payload));
        state.read = read;
        state.begun = io.now().0;
        let give_up = self.letter(Mail::GiveUp { client, number });
        io.wake(self.settings.patience, give_up);
        self.shift_leader(number, io);
        self.stop_politely(number, io);
        self.lose_state(number, io);
        self.keep_sessions(client, number, io);
        self.ask_stale(number, io);
        self.send(client, io);
    }

    fn send(&mut self, client: usize, io: &mut Raw<'_>) {
        let sessions = self.settings.sessions;
        let Some(Client { op: Some((_, number, payload)), target, read, session, .. }) =
            self.clients.get_mut(client)
        else {
            return;
        };
        let (to, command) = match read {
            Some(Read { mode, at, .. }) => (*at, synod_raft::Command::Read { token: *number, mode: *mode }),
            None => {
                let (token, payload) = match sessions {
                    true => session.proposal(*number, payload),
                    false => (*number, payload.clone()),
                };
                (None, synod_raft::Command::Propose { token, payload })
            }
        };
        io.request(to.unwrap_or(*target), *number, command);
    }

    /// Ends the operation `number` of a client, if it is still the current one, and begins the next after a pause.
    fn end(&mut self, number: u64, outcome: Outcome, io: &mut Raw<'_>) {
        let client = self.client_of(number);
        let Some(state) = self.clients.get_mut(client) else { return };
        let Some((op, _, _)) = state.op.take_if(|(_, current, _)| *current == number) else { return };
        state.session.finish();
        let mark = Mark { time_ns: i64::try_from(io.now().0).ok(), line: None };
        use synod_consistency_checker::Completion;
        let completion = match outcome {
            Outcome::Answer(answer) => {
                self.tally.ok += 1;
                self.tally.ok_after_heal += u64::from(self.healed);
                self.latencies.push((state.begun, io.now().0 - state.begun));
                match returned(answer) {
                    (returned, true) => Completion::Ok(returned),
                    (returned, false) => Completion::Fail(Some(returned)),
                }
            }
            Outcome::NoEffect => {
                self.tally.failed += 1;
                Completion::Fail(None)
            }
            Outcome::Unknown => {
                self.tally.unknown += 1;
                state.process = self.processes;
                self.processes += 1;
                Completion::Unknown
            }
        };
        // Each operation is ended once: `take_if` has seen to that.
        let _ = self.history.complete_at(op, completion, mark);
        let next = self.letter(Mail::Next(client));
        let pause = u64::try_from(self.settings.pause_max.as_nanos()).unwrap_or(u64::MAX);
        let pause = io.decide(number, pause.max(1));
        io.wake(Duration::from_nanos(pause), next);
    }

    fn is_current(&self, client: usize, number: u64) -> bool {
        let op = self.clients.get(client).and_then(|state| state.op.as_ref());
        op.is_some_and(|(_, current, _)| *current == number)
    }

    fn turn_to(&mut self, client: usize, node: NodeId) {
        if let Some(state) = self.clients.get_mut(client) {
            state.target = node;
            if let Some(read) = &mut state.read {
                read.at = None;
            }
        }
    }

    fn anybody(&self, number: u64, io: &mut Raw<'_>) -> NodeId {
        NodeId(1 + io.decide(number ^ (1 << 62), self.settings.nodes as u64))
    }

    /// A node does not lead. A refused operation is in no log, so it may be tried elsewhere: where the leader is said to be,
    /// after a moment. Where nobody knows a leader the client gives up: this operation had no effect.
    fn refused(&mut self, number: u64, leader: Option<NodeId>, io: &mut Raw<'_>) {
        let client = self.client_of(number);
        if !self.is_current(client, number) {
            return;
        }
        match leader {
            Some(leader) => {
                self.turn_to(client, leader);
                let again = self.letter(Mail::Again { client, number });
                io.wake(Duration::from_millis(2), again);
            }
            None => {
                let elsewhere = self.anybody(number, io);
                self.turn_to(client, elsewhere);
                match self.in_session(client) {
                    true => self.send_later(client, number, io),
                    false => self.end(number, Outcome::NoEffect, io),
                }
            }
        }
    }

    /// What one replica is given all are given: an entry is named by its index and term.
    fn compare(&mut self, node: NodeId, segment: &Segment) {
        let term = segment.term();
        for index in segment.first().0..=segment.last().0 {
            let place = usize::try_from(index).unwrap_or(usize::MAX);
            match self.given.get(place) {
                Some(given) if *given == Term::ZERO => {}
                Some(given) if *given != term => {
                    let others = *given;
                    self.breach.get_or_insert_with(|| {
                        format!("{node} is given entry {index} of term {term}, and another was given that of term {others}")
                    });
                    continue;
                }
                Some(_) => continue,
                None => self.given.resize(place + 1, Term::ZERO),
            }
            if let Some(given) = self.given.get_mut(place) {
                *given = term;
            }
        }
    }

    fn committed(&mut self, node: NodeId, segment: &Segment, io: &mut Raw<'_>) {
        self.compare(node, segment);
        let Some(replica) = self.replicas.get_mut(slot(node)) else { return };
        let mut answers = Vec::new();
        let Replica { machine, waiting, .. } = replica;
        let repeated = &mut self.tally.repeated;
        let applied = machine.apply(segment, |id, answer| match waiting.remove(&id.index.0) {
            Some((term, number)) if term == id.term => {
                *repeated += u64::from(matches!(answer, session::Answer::Done { repeated: true, .. }));
                answers.push((number, mail_of(number, answer)));
            }
            // Another entry is committed in its place, so it never will be.
            Some((_, number)) => answers.push((number, Mail::Lost { number })),
            None => {}
        });
        if let Err(gap) = applied {
            self.breach.get_or_insert_with(|| format!("{node}: {gap}"));
        }
        // Nor will those whose place was taken by an entry without a command.
        // A replica that has lost its state applies nothing, and does not know.
        let applied = segment.last().min(machine.position()).0;
        while let Some(entry) = waiting.first_entry().filter(|entry| *entry.key() <= applied) {
            let (_, number) = entry.remove();
            answers.push((number, Mail::Lost { number }));
        }
        self.checkpoint(node, io);
        if answers.iter().any(|(_, mail)| matches!(mail, Mail::Answer { .. })) {
            self.know(segment.last(), io.now().0);
        }
        for (number, mail) in answers {
            let letter = self.letter(mail);
            io.reply(number, letter);
        }
    }
}

/// What a client is told of what its proposal came to.
fn mail_of(number: u64, answer: session::Answer<Answer>) -> Mail {
    match answer {
        session::Answer::Done { output: answer, .. } => Mail::Answer { number, answer },
        session::Answer::Opened { session } => Mail::Opened { number, session },
        _ => Mail::Over { number },
    }
}

enum Outcome {
    Answer(Answer),
    NoEffect,
    Unknown,
}

static MODEL: KvModel = KvModel::new();

fn slot(id: NodeId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX).saturating_sub(1)
}

/// A mixture that makes conflicts: many reads, values that are all different, conditional changes of either kind.
fn command(number: u64, Settings { keys, gets_percent, .. }: &Settings, io: &mut Raw<'_>) -> Command {
    let mut choice = 0;
    let mut decide = |bound| {
        choice += 1;
        io.decide((number << 8) | choice, bound)
    };
    let key = Bytes::from(format!("k{}", decide((*keys).max(1))));
    let value = Bytes::from(format!("v{number}"));
    let choice = decide(100);
    let Some(change) = choice.checked_sub(*gets_percent) else { return Command::Get { key } };
    match change * 55 / (100 - gets_percent).max(1) {
        0..30 => Command::Put { key, value },
        30..40 => Command::Append { key, suffix: Bytes::from(format!("+{number}")) },
        40..52 => Command::Cas { key, expected: None, new: value },
        _ => Command::Delete { key },
    }
}

fn call(command: &Command) -> KvCall {
    match command {
        Command::Get { key } => KvCall::get(key.clone()),
        Command::Put { key, value } => KvCall::put(key.clone(), value.clone()),
        Command::Append { key, suffix } => KvCall::append(key.clone(), suffix.clone()),
        Command::Delete { key } => KvCall::delete(key.clone()),
        Command::Cas { key, expected, new } => KvCall::cas(key.clone(), expected.clone(), new.clone()),
    }
}

/// The judge's word for an answer, and whether the operation took effect.
fn returned(answer: Answer) -> (KvReturn, bool) {
    match answer {
        Answer::Value(value) => (KvReturn::Value(value), true),
        Answer::Done => (KvReturn::Done, true),
        Answer::Mismatch(found) => (KvReturn::MismatchFound(found), false),
        // Clients send no malformed commands; should one be reported, the judge will find nothing that explains it.
        Answer::Malformed(_) => (KvReturn::Mismatch, true),
    }
}

impl Workload<Raft> for Cluster {
    fn begin(&mut self, io: &mut Raw<'_>) {
        for client in 0..self.clients.len() {
            let letter = self.letter(Mail::Next(client));
            io.wake(Duration::from_millis(5 * client as u64), letter);
        }
        self.plan_change(io);
    }

    fn on_event(&mut self, node: NodeId, event: Event, io: &mut Raw<'_>) {
        match event {
            Event::Proposed { token: changes::TOKEN, .. } => {}
            Event::Membership { index, membership, committed } if index > Index::ZERO => {
                self.membership_of(node, index, membership, committed);
            }
            Event::Proposed { token, index, term } => {
                if let Some(replica) = self.replicas.get_mut(slot(node)) {
                    replica.waiting.insert(index.0, (term, token & !sessions::OPENING));
                }
            }
            Event::Refused { token: changes::TOKEN, .. } => {}
            Event::Refused { token, leader, .. } => {
                let number = token & !sessions::OPENING;
                let letter = self.letter(Mail::Refused { number, leader });
                io.reply(token, letter);
            }
            Event::Committed(segment) => {
                self.committed(node, &segment, io);
                self.serve_waiting(node, io);
            }
            Event::ReadReady { token, index } => self.read_is_ready(node, token, index, io),
            Event::ReadRefused { token, leader, .. } => {
                let letter = self.letter(Mail::Refused { number: token, leader });
                io.reply(token, letter);
            }
            Event::Installed { .. } => {
                self.has_installed(node);
                self.forget_waiting(node);
                self.serve_waiting(node, io);
            }
            Event::Mended => self.tally.mended += 1,
            // An entry cannot be read again: the next start finds out what else cannot.
            Event::Halted(RecoverError::Damaged { .. }) => io.restart(node, Duration::from_millis(100)),
            Event::TransferBegun { cause, .. } => {
                self.tally.transfers += 1;
                self.tally.claims += u64::from(cause == TransferCause::Priority);
            }
            Event::Resigned => self.has_resigned(node, io),
            Event::SnapshotRefused(reason) => self.demand_refused(node, reason, io),
            Event::Role { term, role, .. } => {
                let now = io.now().0;
                let last = self.reigns.iter().rev().find(|reign| reign.node == node);
                if last.is_none_or(|last| (last.term, last.role) != (term, Some(role))) {
                    self.reigns.push(Reign { at: now, node, term, role: Some(role) });
                    if role == Role::Leader {
                        self.tally.elections += 1;
                        self.leader = Some(node);
                    }
                }
            }
            _ => {}
        }
    }

    fn on_wake(&mut self, token: u64, io: &mut Raw<'_>) {
        match self.open(token) {
            Some(Mail::Next(client)) => self.next_operation(client, io),
            Some(Mail::GiveUp { client, number }) => {
                if self.is_current(client, number) {
                    // Whoever does not answer is perhaps not there: ask somebody else next time.
                    let elsewhere = self.anybody(number, io);
                    self.turn_to(client, elsewhere);
                    if self.try_again(client, number, io) {
                        return;
                    }
                }
                let unproposed = self.in_session(client)
                    && self.clients.get(client).is_some_and(|state| !state.session.has_proposed());
                let outcome = if unproposed { Outcome::NoEffect } else { Outcome::Unknown };
                self.end(number, outcome, io);
            }
            Some(Mail::Answer { number, answer }) => self.end(number, Outcome::Answer(answer), io),
            Some(Mail::Lost { number }) => {
                self.tally.overwritten += 1;
                let client = self.client_of(number);
                match self.in_session(client) && self.is_current(client, number) {
                    // Another copy may be on its way.
                    true => self.send_later(client, number, io),
                    false => self.end(number, Outcome::NoEffect, io),
                }
            }
            Some(Mail::Opened { number, session }) => self.session_opened(number, session, io),
            Some(Mail::Over { number }) => self.session_refused(number, io),
            Some(Mail::Refused { number, leader }) => self.refused(number, leader, io),
            Some(Mail::Again { client, number }) if self.is_current(client, number) => self.send(client, io),
            Some(Mail::Again { .. }) | None => {}
            Some(Mail::Change) => self.change_membership(io),
            Some(Mail::Demand) => self.demand(io),
        }
    }

    fn on_crash(&mut self, node: NodeId, io: &mut Raw<'_>) {
        if let Some(replica) = self.replicas.get_mut(slot(node)) {
            replica.restart(&self.settings);
        }
        if let Some(last) = self.reigns.iter().rev().find(|reign| reign.node == node).copied() {
            self.reigns.push(Reign { at: io.now().0, role: None, ..last });
        }
    }

    fn on_heal(&mut self, io: &mut Raw<'_>) {
        self.healed = true;
        // Those who had fallen silent ask again: is there anybody?
        for client in 0..self.clients.len() {
            let letter = self.letter(Mail::Next(client));
            io.wake(Duration::from_millis(1), letter);
        }
    }

    fn on_job(&mut self, node: NodeId, job: Job, io: &mut Raw<'_>) -> Option<(Duration, Done)> {
        self.do_job(node, &job, io)
    }

    fn focus(&self) -> Option<NodeId> {
        self.leader
    }
}
