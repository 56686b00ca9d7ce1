//! The explorer beside stateright 0.31: the same systems, the same numbers of states, CPU time and memory.
//!
//! **Two-phase commit**, as Gray and Lamport specify it. Ours is a packed word a state. stateright gets the same system as its users
//! write one: vectors and a set of messages, hashed by derive; and, since that flatters us, our packed model as it is
//! (`stateright, our model`), so that what is left to compare is the search.
//!
//! **A register over Paxos**: three servers, two or three clients that write and then read, the history of what they saw as part of the
//! state. For stateright it is an actor on its own register harness, network and linearizability tester; ours is a model in plain memory.
//!
//! Each contestant runs in a process of its own, in turn, so that its greatest memory is its own (`VmHWM`); one thread each. Where
//! a count differs from what is known (TLC and stateright's documentation), the benchmark fails.
//!
//! **A second opinion.** stateright has to count the same states as our explorer, twice. Our model of a cluster is handed to it as
//! it is, so that its search is checked against ours. And our protocols run as its actors, on its own network and in processes
//! of their own driver (`synod_benches::explore::ActorCluster`, where it is said what corresponds to what): so our cluster is
//! checked too. Where a count or a verdict differs, the benchmark fails.

use core::fmt::Debug;
use core::hash::Hash;
use cpu_time::ProcessTime;
use stateright::actor::register::{RegisterActor, RegisterMsg};
use stateright::actor::{Actor, ActorModel, Id, Network, Out};
use stateright::semantics::LinearizabilityTester;
use stateright::semantics::register::Register;
use stateright::{Checker, Expectation, Property};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};
use std::{env, fs};
use synod_benches::Table;
use synod_benches::explore::{RegisterOverPaxos, TwoPhase, opinions};
use synod_kv::explore::RaftScope;
use synod_sim::explore::{Explorer, Model, Successors};

type Failure = Box<dyn core::error::Error>;

const CHILD: &str = "--contestant";
const ROUNDS: usize = 3;

/// What a contestant found and needed.
#[derive(Clone, Copy, Debug)]
struct Score {
    unique: u64,
    generated: u64,
    cpu_ms: f64,
    memory_mib: f64,
}

/// A system, and how many states it has.
struct System {
    name: &'static str,
    size: u8,
    unique: u64,
    contestants: &'static [&'static str],
}

const SYSTEMS: [System; 4] = [
    System {
        name: "2pc",
        size: 7,
        unique: 296_448,
        contestants: &["ours", "stateright", "stateright, our model"],
    },
    System {
        name: "2pc",
        size: 8,
        unique: 1_745_408,
        contestants: &["ours", "stateright", "stateright, our model"],
    },
    System { name: "paxos", size: 2, unique: 16_668, contestants: &["ours", "stateright"] },
    System { name: "paxos", size: 3, unique: 1_194_428, contestants: &["ours", "stateright"] },
];

fn main() -> Result<ExitCode, Failure> {
    let words: Vec<String> = env::args().skip(1).collect();
    if let [CHILD, system, size, contestant] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        contest(system, size.parse()?, contestant);
        return Ok(ExitCode::SUCCESS);
    }
    let test = words.iter().any(|word| word == "--test");
    second_opinion()?;
    let mut table = Table::default();
    for system in SYSTEMS.iter().filter(|system| !test || system.unique < 20_000) {
        compare(system, if test { 1 } else { ROUNDS }, &mut table)?;
    }
    println!(
        "CPU time, one thread; the greatest memory of the process; a ratio above 1 is in our favour.\n\n{table}"
    );
    Ok(ExitCode::SUCCESS)
}

fn compare(system: &System, rounds: usize, table: &mut Table) -> Result<(), Failure> {
    let mut scores: Vec<Vec<Score>> = vec![Vec::new(); system.contestants.len()];
    for _ in 0..rounds {
        for (contestant, scores) in system.contestants.iter().zip(&mut scores) {
            let score = run(system, contestant)?;
            if score.unique != system.unique {
                return Err(
                    format!("{} {}: {contestant} counts {}", system.name, system.size, score.unique).into()
                );
            }
            scores.push(score);
        }
    }
    let middle: Vec<Score> = scores.iter().filter_map(|scores| median(scores)).collect();
    let show = |score: &Score| {
        format!(
            "{:.3} s, {:.0} MiB, {:.2} M generated/s",
            score.cpu_ms / 1e3,
            score.memory_mib,
            score.generated as f64 / score.cpu_ms / 1e3
        )
    };
    let Some((ours, peers)) = middle.split_first() else { return Ok(()) };
    for (name, peer) in system.contestants.iter().skip(1).zip(peers) {
        let what =
            format!("{} {}: {} states, {} generated", system.name, system.size, ours.unique, ours.generated);
        let ratio = Some(peer.cpu_ms / ours.cpu_ms);
        let times = |scores: &[Score]| scores.iter().map(|score| score.cpu_ms).collect::<Vec<_>>();
        let spread = scores.first().map(|scores| noise(&times(scores)));
        table.row(&what, show(ours), format!("{} ({name})", show(peer)), ratio, spread);
    }
    Ok(())
}

fn median(scores: &[Score]) -> Option<Score> {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| a.cpu_ms.total_cmp(&b.cpu_ms));
    sorted.get(sorted.len() / 2).copied()
}

/// The distance from the least to the greatest, as a part of the least.
fn noise(times: &[f64]) -> f64 {
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = times.iter().copied().fold(0.0, f64::max);
    (greatest - least) / least
}

fn run(system: &System, contestant: &str) -> Result<Score, Failure> {
    let output = Command::new(env::current_exe()?)
        .args([CHILD, system.name, &system.size.to_string(), contestant])
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let [unique, generated, cpu_ms, memory_kib] = words.as_slice() else {
        return Err(format!("{contestant} has failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    };
    let memory_mib = memory_kib.parse::<f64>()? / 1024.0;
    Ok(Score { unique: unique.parse()?, generated: generated.parse()?, cpu_ms: cpu_ms.parse()?, memory_mib })
}

/// One contestant, in a process of its own.
fn contest(system: &str, size: u8, contestant: &str) {
    let begin = ProcessTime::now();
    let (unique, generated) = match (system, contestant) {
        ("2pc", "ours") => ours(&TwoPhase::of(u32::from(size))),
        ("2pc", "stateright") => theirs(Commit { managers: usize::from(size) }),
        ("2pc", _) => theirs(Foreign::of(TwoPhase::of(u32::from(size)))),
        (_, "ours") => ours(&RegisterOverPaxos::of(size)),
        _ => theirs(servers(size)),
    };
    let cpu_ms = begin.elapsed().as_secs_f64() * 1e3;
    println!("{unique} {generated} {cpu_ms} {}", memory_kib());
}

/// The greatest resident memory so far; 0 where the system does not tell.
fn memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn ours<M: Model>(model: &M) -> (u64, u64) {
    let found = Explorer::new(model).run();
    if found.holds() { (found.extent.unique, found.extent.generated) } else { (0, 0) }
}

fn theirs<M>(model: M) -> (u64, u64)
where
    M: stateright::Model + Send + Sync + 'static,
    M::State: Hash + Debug + Send + Sync + Clone + PartialEq,
    M::Action: Send + Sync + Debug + Clone + PartialEq,
{
    let checker = model.checker().threads(1).spawn_bfs().join();
    let wrong = checker.discoveries().keys().any(|name| *name == SAFE);
    if wrong { (0, 0) } else { (checker.unique_state_count() as u64, checker.state_count() as u64) }
}

const SAFE: &str = "safe";

// ── Two-phase commit as users of stateright write a model ────────────────────────────────────────────────────────────

struct Commit {
    managers: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CommitState {
    managers: Vec<Manager>,
    coordinator: Coordinator,
    known: Vec<bool>,
    network: BTreeSet<Note>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Manager {
    Works,
    Ready,
    Done,
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Coordinator {
    Waits,
    Commits,
    Aborts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Note {
    Ready(usize),
    Commit,
    Abort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Hear(usize),
    Decide(Coordinator),
    Become(usize, Manager),
    Obey(usize, Manager),
}

impl stateright::Model for Commit {
    type State = CommitState;
    type Action = Move;

    fn init_states(&self) -> Vec<CommitState> {
        vec![CommitState {
            managers: vec![Manager::Works; self.managers],
            coordinator: Coordinator::Waits,
            known: vec![false; self.managers],
            network: BTreeSet::new(),
        }]
    }

    fn actions(&self, state: &CommitState, actions: &mut Vec<Move>) {
        let waits = state.coordinator == Coordinator::Waits;
        if waits {
            if state.known.iter().all(|known| *known) {
                actions.push(Move::Decide(Coordinator::Commits));
            }
            actions.push(Move::Decide(Coordinator::Aborts));
        }
        for (number, manager) in state.managers.iter().enumerate() {
            if waits && state.network.contains(&Note::Ready(number)) {
                actions.push(Move::Hear(number));
            }
            if *manager == Manager::Works {
                actions.push(Move::Become(number, Manager::Ready));
                actions.push(Move::Become(number, Manager::Gone));
            }
            if state.network.contains(&Note::Commit) {
                actions.push(Move::Obey(number, Manager::Done));
            }
            if state.network.contains(&Note::Abort) {
                actions.push(Move::Obey(number, Manager::Gone));
            }
        }
    }

    fn next_state(&self, before: &CommitState, action: Move) -> Option<CommitState> {
        let mut state = before.clone();
        match action {
            Move::Hear(number) => *state.known.get_mut(number)? = true,
            Move::Decide(decision) => {
                state.coordinator = decision;
                let note = if decision == Coordinator::Commits { Note::Commit } else { Note::Abort };
                state.network.insert(note);
            }
            Move::Become(number, manager) => {
                *state.managers.get_mut(number)? = manager;
                if manager == Manager::Ready {
                    state.network.insert(Note::Ready(number));
                }
            }
            Move::Obey(number, manager) => *state.managers.get_mut(number)? = manager,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(SAFE, |_, state: &CommitState| {
            !(state.managers.contains(&Manager::Done) && state.managers.contains(&Manager::Gone))
        })]
    }
}

// ── Paxos as users of stateright write an actor ──────────────────────────────────────────────────────────────────────

type Ballot = (u32, Id);
type Wish = (u64, Id, char);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Talk {
    Prepare(Ballot),
    Promise(Ballot, Option<(Ballot, Wish)>),
    Accept(Ballot, Wish),
    Accepted(Ballot),
    Decided(Ballot, Wish),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Server {
    ballot: Ballot,
    wish: Option<Wish>,
    promises: BTreeMap<Id, Option<(Ballot, Wish)>>,
    accepts: BTreeSet<Id>,
    accepted: Option<(Ballot, Wish)>,
    decided: bool,
}

#[derive(Clone)]
struct Paxos {
    others: Vec<Id>,
}

impl Actor for Paxos {
    type Msg = RegisterMsg<u64, char, Talk>;
    type State = Server;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, _: &mut Out<Self>) -> Server {
        Server {
            ballot: (0, Id::from(0)),
            wish: None,
            promises: BTreeMap::new(),
            accepts: BTreeSet::new(),
            accepted: None,
            decided: false,
        }
    }

    fn on_msg(&self, me: Id, state: &mut Cow<'_, Server>, from: Id, message: Self::Msg, out: &mut Out<Self>) {
        const QUORUM: usize = 2;
        if state.decided {
            if let (RegisterMsg::Get(request), Some((_, (_, _, value)))) = (&message, state.accepted) {
                out.send(from, RegisterMsg::GetOk(*request, value));
            }
            return;
        }
        match message {
            RegisterMsg::Put(request, value) if state.wish.is_none() => {
                let server = state.to_mut();
                server.ballot = (server.ballot.0 + 1, me);
                server.wish = Some((request, from, value));
                server.promises = BTreeMap::from([(me, server.accepted)]);
                server.accepts.clear();
                out.broadcast(&self.others, &RegisterMsg::Internal(Talk::Prepare(server.ballot)));
            }
            RegisterMsg::Internal(Talk::Prepare(ballot)) if ballot > state.ballot => {
                state.to_mut().ballot = ballot;
                out.send(from, RegisterMsg::Internal(Talk::Promise(ballot, state.accepted)));
            }
            RegisterMsg::Internal(Talk::Promise(ballot, last)) if ballot == state.ballot => {
                let server = state.to_mut();
                server.promises.insert(from, last);
                if server.promises.len() == QUORUM {
                    let last = server.promises.values().flatten().max().map(|(_, wish)| *wish);
                    let Some(wish) = last.or(server.wish) else { return };
                    server.wish = Some(wish);
                    server.accepted = Some((ballot, wish));
                    server.accepts.insert(me);
                    out.broadcast(&self.others, &RegisterMsg::Internal(Talk::Accept(ballot, wish)));
                }
            }
            RegisterMsg::Internal(Talk::Accept(ballot, wish)) if ballot >= state.ballot => {
                let server = state.to_mut();
                server.ballot = ballot;
                server.accepted = Some((ballot, wish));
                out.send(from, RegisterMsg::Internal(Talk::Accepted(ballot)));
            }
            RegisterMsg::Internal(Talk::Accepted(ballot)) if ballot == state.ballot => {
                let server = state.to_mut();
                server.accepts.insert(from);
                let Some(wish) = server.wish.filter(|_| server.accepts.len() == QUORUM) else { return };
                server.decided = true;
                out.broadcast(&self.others, &RegisterMsg::Internal(Talk::Decided(ballot, wish)));
                out.send(wish.1, RegisterMsg::PutOk(wish.0));
            }
            RegisterMsg::Internal(Talk::Decided(ballot, wish)) => {
                let server = state.to_mut();
                server.ballot = ballot;
                server.accepted = Some((ballot, wish));
                server.decided = true;
            }
            _ => {}
        }
    }
}

type History = LinearizabilityTester<Id, Register<char>>;

fn servers(clients: u8) -> ActorModel<RegisterActor<Paxos>, (), History> {
    let count = 3;
    let others = |me: usize| (0..count).filter(|other| *other != me).map(Id::from).collect();
    ActorModel::new((), LinearizabilityTester::new(Register('\0')))
        .actors((0..count).map(|me| RegisterActor::Server(Paxos { others: others(me) })))
        .actors((0..clients).map(|_| RegisterActor::Client { put_count: 1, server_count: count }))
        .init_network(Network::new_unordered_nonduplicating([]))
        .property(Expectation::Always, SAFE, |_, state| state.history.serialized_history().is_some())
        .record_msg_in(RegisterMsg::record_returns)
        .record_msg_out(RegisterMsg::record_invocations)
}

// ── Any of our models in stateright ──────────────────────────────────────────────────────────────────────────────────

/// One of our models as stateright takes it: an action is a place among the successors. Its parts are behind a lock, for
/// stateright asks from several threads.
struct Foreign<M>(Mutex<M>);

impl<M> Foreign<M> {
    fn of(model: M) -> Self {
        Self(Mutex::new(model))
    }
}

struct Counted<M: Model> {
    count: usize,
    wanted: Option<usize>,
    taken: Option<M::State>,
}

impl<M: Model> Successors<M> for Counted<M> {
    fn offer(&mut self, _: impl FnOnce() -> M::Action, state: &M::State) {
        if self.wanted == Some(self.count) {
            self.taken = Some(state.clone());
        }
        self.count += 1;
    }
}

impl<M> stateright::Model for Foreign<M>
where
    M: Model + Send + 'static,
    M::State: PartialEq + Send + Sync + 'static,
{
    type State = M::State;
    type Action = usize;

    fn init_states(&self) -> Vec<M::State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).initial()
    }

    fn actions(&self, state: &M::State, actions: &mut Vec<usize>) {
        let mut counted = Counted::<M> { count: 0, wanted: None, taken: None };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next(state, &mut counted);
        actions.extend(0..counted.count);
    }

    fn next_state(&self, state: &M::State, action: usize) -> Option<M::State> {
        let mut counted = Counted::<M> { count: 0, wanted: Some(action), taken: None };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next(state, &mut counted);
        counted.taken
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(SAFE, |model: &Self, state: &M::State| {
            model.0.lock().unwrap_or_else(PoisonError::into_inner).check(state).is_ok()
        })]
    }
}

/// Our clusters under stateright's search, and our protocols as stateright's actors: both must count the same states.
fn second_opinion() -> Result<(), Failure> {
    println!("second opinion, our model of a cluster under stateright's search:");
    let elections = RaftScope::default();
    let mut without = elections.clone();
    without.proposals = 0;
    for (name, scope) in [("Raft, an election", without), ("Raft, an election and a proposal", elections)] {
        let ours = ours(&scope.cluster()?);
        let theirs = theirs(Foreign::of(scope.cluster()?));
        if ours != theirs || ours.0 == 0 {
            return Err(format!("{name}: we count {ours:?}, stateright counts {theirs:?}").into());
        }
        println!("  {name}: {} states, {} generated, as stateright counts", ours.0, ours.1);
    }
    println!("second opinion, our protocols as stateright's actors on its network:");
    for opinion in opinions() {
        let (ours, theirs) = (opinion.ours()?, opinion.theirs()?);
        println!("  {}\n    ours       {ours}\n    stateright {theirs}", opinion.name);
        if !ours.agrees(&theirs) || ours.holds != opinion.holds {
            return Err(format!("{}: the two do not agree", opinion.name).into());
        }
    }
    println!();
    Ok(())
}
