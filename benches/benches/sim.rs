//! How fast the simulator is: five nodes of Raft under every fault, and ping-pong beside a peer.
//!
//! **Five nodes.** `synod_kv::cluster`: five `Raft` nodes, each with a store, and eight clients, each of which waits up to
//! 40 ms of virtual time between an answer and its next operation (about 300 operations a virtual second; what they say is
//! recorded as a history). The weather is `Dials::rough` with every fault: messages lost (2 %, and in bursts), doubled
//! (2 %) and overtaking (10 %), slow and stalled disks, failing syncs, torn tails, clocks that are up to a minute apart and
//! drift, crashes, blackouts, pauses, partitions of five kinds; about one strike a virtual second, then the heal. Either
//! twelve worlds with ten seconds of faults each, which is how seeds are tried, or one world with two minutes. In the long
//! world replay weighs most: nothing compacts the log yet, so each of its crashes costs the records and the commands of the
//! whole run, and none of those is an event. An *event* is what [`Stats::events`](synod_sim::Stats) counts: messages delivered, timers fired,
//! syncs, commands and promises to oneself that reached a node. What is lost, blocked or finds its receiver down costs
//! time and does not count, and neither do the clients' own wake-ups. The rolling hash is always on. With invariants, Raft's
//! five safety properties are looked at after every event. The same in calm weather shows what the faults cost.
//!
//! **Raft alone.** Five `Raft` nodes without stores and clients: somebody proposes 64 bytes to the leader every 5 ms. Faults of
//! network, disk and clocks as above, but nobody crashes: this is the row that the goal of 5 million events a second speaks
//! of.
//!
//! **Ping-pong.** Four clients send 8 bytes to one server, which sends them back, 25,000 times each: 200,000 messages, of
//! which each is counted once. Ours is a protocol of ten lines in calm weather (every message takes a log-normal time), with
//! the hash. turmoil 0.7.2 runs two tokio programs, on TCP streams and on UDP sockets, with a tick of 1 ms, and a latency of
//! zero, which is what it does fastest: fewer ticks for each message. It simulates more than we do there: sockets and a
//! tokio runtime for each host, for programs that know nothing of the simulator; and less: no hash, no names for
//! decisions. shuttle 0.9 runs five threads with channels between them, and chooses at every operation on a channel who goes
//! on: a simulator of schedules, without a network, time or faults.
//!
//! **The ceiling** is a `BinaryHeap` and nothing else: five nodes, a message of 64 bytes in a `Vec` of its own that is
//! answered by another such, at a random later time; 25 on their way at a time beside five nodes, 4 beside ping-pong.
//!
//! **Where we lose.** The stores are slower than Raft alone, since in a quarter of the time the clients and the five stores work, not
//! the simulator; the long world again, since every crash replays the whole log. The bare heap alone is two to three times as fast as
//! our ping-pong. The allocator is mimalloc, for all in this process; with that of glibc Raft alone is a tenth slower.
//!
//! madsim needs a global `--cfg` and so a build of its own; its figure is quoted.

use core::cmp::Reverse;
use core::fmt;
use core::hint::black_box;
use core::net::Ipv4Addr;
use core::time::Duration;
use std::collections::BinaryHeap;
use synod_benches::{Contest, Results, Row, Table};
use synod_core::{Bytes, Context, Entropy, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink, SplitMix64};
use synod_kv::cluster::{Cluster, Settings, simulation, with_invariants};
use synod_raft::invariants::Safety;
use synod_raft::{Command, Config, Event, Raft, Role};
use synod_sim::{Climate, Dials, Fault, Idle, Io, Report, Sim, Verdict, Workload};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// As the command `synod` has it; it serves the peers in this process too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn core::error::Error>;

const SEED: u64 = 1;
const SEEDS: u64 = 12;
const STORM: Duration = Duration::from_secs(10);
const LONG: Duration = Duration::from_secs(120);
const CLIENTS: u64 = 4;
const PINGS: u64 = 25_000;
const MESSAGES: u64 = CLIENTS * PINGS * 2;
const PORT: u16 = 1738;
const FOR_EVER: Duration = Duration::from_secs(1 << 30);
const GOAL: f64 = 5e6;

// ── Five nodes ───────────────────────────────────────────────────────────────────────────────────────────────────────

fn five_nodes(dials: Dials, storm: Duration) -> Result<Sim<Raft, Cluster>, Failure> {
    let mut settings = Settings::default();
    settings.climate = Climate::Fixed(dials);
    settings.storm = storm;
    settings.operations = u64::MAX;
    Ok(simulation(&settings)?)
}

fn rough() -> Dials {
    Dials::rough(&Fault::survivable().collect::<Vec<_>>())
}

fn demand_passed<W>(report: &Report<W>) -> Result<(), Failure> {
    match &report.verdict {
        Verdict::Passed => Ok(()),
        verdict => Err(format!("a run that is to be timed did not pass: {verdict}").into()),
    }
}

/// Counts of some runs.
#[derive(Default)]
struct Told {
    seconds: f64,
    runs: u64,
    crashes: u64,
    faults: u64,
    records: u64,
    syncs: u64,
    timers: u64,
    delivered: u64,
    undelivered: u64,
    events: u64,
    answered: u64,
}

impl Told {
    fn add(&mut self, report: &Report<Cluster>) {
        let stats = report.stats;
        self.runs += 1;
        self.seconds += report.at as f64 / 1e9;
        self.crashes += stats.crashes;
        self.faults += stats.faults;
        self.records += stats.records;
        self.syncs += stats.syncs;
        self.timers += stats.timers;
        self.delivered += stats.delivered;
        self.undelivered += stats.lost + stats.blocked + stats.receiver_down;
        self.events += stats.events;
        self.answered += report.workload.tally().ok;
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, seconds, crashes, faults, records, syncs, timers, delivered, undelivered, .. } =
            self;
        write!(
            f,
            "{runs} worlds, {seconds:.0} virtual seconds, {} events: {delivered} messages ({undelivered} more did not \
             arrive), {timers} timers, {syncs} syncs; {records} records, {} operations answered, {faults} faults, {crashes} \
             crashes",
            self.events, self.answered,
        )
    }
}

fn five_node_contest(
    title: &str,
    dials: &Dials,
    storm: Duration,
    seeds: u64,
    rounds: usize,
) -> Result<Results, Failure> {
    let bare = five_nodes(dials.clone(), storm)?;
    let watched = with_invariants(five_nodes(dials.clone(), storm)?);
    let mut told = Told::default();
    for seed in 0..seeds {
        let (first, second) = (watched.run(seed), bare.run(seed));
        demand_passed(&first)?;
        if first.hash != second.hash || first.stats != second.stats {
            return Err("the invariants changed the run that they look at".into());
        }
        told.add(&first);
    }
    println!("{title}: {told}");
    let mut contest = Contest::new(title, "event", told.events);
    contest.enter("with invariants", || (0..seeds).for_each(|seed| drop(black_box(watched.run(seed)))));
    contest.enter("without", || (0..seeds).for_each(|seed| drop(black_box(bare.run(seed)))));
    contest.enter("bare heap, 25 in flight", || bare_heap(told.events, 25));
    Ok(contest.run(rounds))
}

// ── Raft alone ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// Proposes 64 bytes to whoever was last seen to lead, every 5 ms.
#[derive(Clone)]
struct Proposer {
    leader: NodeId,
    proposed: u64,
    committed: u64,
}

const EVERY: Duration = Duration::from_millis(5);

impl Workload<Raft> for Proposer {
    fn begin(&mut self, io: &mut Io<'_, Raft>) {
        io.wake(EVERY, 0);
    }

    fn on_event(&mut self, node: NodeId, event: Event, _: &mut Io<'_, Raft>) {
        match event {
            Event::Role { role: Role::Leader, .. } => self.leader = node,
            Event::Committed(entries) => self.committed += entries.len() as u64,
            _ => {}
        }
    }

    fn on_wake(&mut self, _: u64, io: &mut Io<'_, Raft>) {
        self.proposed += 1;
        let payload = Bytes::from_static(&[7; 64]);
        io.request(self.leader, self.proposed, Command::Propose { token: self.proposed, payload });
        io.wake(EVERY, 0);
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, Raft>) {}
}

fn raft_alone() -> Result<Sim<Raft, Proposer>, Failure> {
    let voters: Vec<NodeId> = (1..=5).map(NodeId).collect();
    let nodes: Vec<Raft> = voters
        .iter()
        .map(|id| Raft::new(Config::new(*id, voters.iter().copied())))
        .collect::<Result<_, _>>()?;
    let first = nodes.first().cloned().ok_or("five nodes")?;
    let make = move |id: NodeId| nodes.get(id.0 as usize - 1).unwrap_or(&first).clone();
    let lasting = [
        Fault::Isolate,
        Fault::Split,
        Fault::OneWay,
        Fault::Bridge,
        Fault::Flap,
        Fault::SlowDisk,
        Fault::StallDisk,
        Fault::Spike,
    ];
    Ok(Sim::new(5, make, Proposer { leader: NodeId(1), proposed: 0, committed: 0 })
        .climate(Climate::Fixed(Dials::rough(&lasting)))
        .storm(STORM))
}

fn raft_alone_contest(rounds: usize) -> Result<Results, Failure> {
    let bare = raft_alone()?;
    let watched = raft_alone()?.always("safety", || {
        let mut safety = Safety::default();
        move |id, raft: Option<&Raft>| match raft {
            Some(raft) => safety.observe(id, raft).map_err(|violation| violation.to_string()),
            None => {
                safety.crashed(id);
                Ok(())
            }
        }
    });
    let mut events = 0;
    for seed in 0..SEEDS {
        let report = watched.run(seed);
        demand_passed(&report)?;
        if report.workload.committed < 1_000 {
            return Err(format!(
                "seed {seed} committed {} entries: too little to time",
                report.workload.committed
            )
            .into());
        }
        events += report.stats.events;
    }
    let mut contest =
        Contest::new("five-node Raft alone, network, disk and clock faults, 12 x 10 s", "event", events);
    contest.enter("with invariants", || (0..SEEDS).for_each(|seed| drop(black_box(watched.run(seed)))));
    contest.enter("without", || (0..SEEDS).for_each(|seed| drop(black_box(bare.run(seed)))));
    contest.enter("bare heap, 25 in flight", || bare_heap(events, 25));
    Ok(contest.run(rounds))
}

// ── Ping-pong ────────────────────────────────────────────────────────────────────────────────────────────────────────

const SERVER: NodeId = NodeId(1);

/// Node 1 sends back what it gets; the others send, wait, and send again.
#[derive(Clone, Hash)]
struct Ping {
    left: u64,
}

impl Protocol for Ping {
    type Message = [u8; 8];
    type Record = Never;
    type Command = Never;
    type Event = Never;
    type Timer = ();
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, _: Recovered<Never>) -> Result<(), Never> {
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Message(from, message) if cx.me() == SERVER => cx.send(from, message),
            Input::Start { .. } if cx.me() == SERVER => {}
            Input::Start { .. } | Input::Message(..) if self.left > 0 => {
                self.left -= 1;
                cx.send(SERVER, self.left.to_le_bytes());
            }
            _ => {}
        }
    }
}

fn ping_pong(pings: u64) -> Sim<Ping, Idle> {
    Sim::new(1 + CLIENTS as usize, move |_| Ping { left: pings }, Idle).storm(FOR_EVER)
}

fn network() -> turmoil::Builder {
    let mut builder = turmoil::Builder::new();
    builder
        .rng_seed(SEED)
        .tick_duration(Duration::from_millis(1))
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::ZERO)
        .simulation_duration(FOR_EVER);
    builder
}

fn turmoil_tcp(pings: u64) -> Result<(), Failure> {
    let mut sim = network().build();
    sim.host("server", || async {
        let listener = turmoil::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                let mut message = [0; 8];
                while stream.read_exact(&mut message).await.is_ok() {
                    if stream.write_all(&message).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    for client in 0..CLIENTS {
        sim.client(format!("client-{client}"), async move {
            let mut stream = turmoil::net::TcpStream::connect(("server", PORT)).await?;
            for ping in 0..pings {
                let (message, mut answer) = (ping.to_le_bytes(), [0; 8]);
                stream.write_all(&message).await?;
                stream.read_exact(&mut answer).await?;
                if answer != message {
                    return Err("another answer".into());
                }
            }
            Ok(())
        });
    }
    Ok(sim.run().map_err(|error| error.to_string())?)
}

fn turmoil_udp(pings: u64) -> Result<(), Failure> {
    let mut sim = network().build();
    sim.host("server", || async {
        let socket = turmoil::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
        let mut message = [0; 8];
        loop {
            let (length, from) = socket.recv_from(&mut message).await?;
            socket.send_to(message.get(..length).unwrap_or_default(), from).await?;
        }
    });
    for client in 0..CLIENTS {
        sim.client(format!("client-{client}"), async move {
            let socket = turmoil::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
            for ping in 0..pings {
                let (message, mut answer) = (ping.to_le_bytes(), [0; 8]);
                socket.send_to(&message, ("server", PORT)).await?;
                socket.recv_from(&mut answer).await?;
                if answer != message {
                    return Err("another answer".into());
                }
            }
            Ok(())
        });
    }
    Ok(sim.run().map_err(|error| error.to_string())?)
}

/// One execution of a random schedule.
fn shuttle_channels(pings: u64) {
    use shuttle::{Config, MaxSteps, Runner, scheduler::RandomScheduler, sync::mpsc, thread};
    let mut config = Config::new();
    config.max_steps = MaxSteps::None;
    Runner::new(RandomScheduler::new_from_seed(SEED, 1), config).run(move || {
        let (to_server, inbox) = mpsc::channel::<(usize, [u8; 8])>();
        let (answers, clients): (Vec<_>, Vec<_>) = (0..CLIENTS as usize)
            .map(|client| {
                let (answer, answered) = mpsc::channel::<[u8; 8]>();
                let to_server = to_server.clone();
                let client = thread::spawn(move || {
                    for ping in 0..pings {
                        let message = ping.to_le_bytes();
                        to_server.send((client, message)).ok();
                        assert_eq!(answered.recv(), Ok(message), "another answer");
                    }
                });
                (answer, client)
            })
            .unzip();
        drop(to_server);
        while let Ok((client, message)) = inbox.recv() {
            answers.get(client).map(|answer| answer.send(message));
        }
        assert!(clients.into_iter().all(|client| client.join().is_ok()), "a client has failed");
    });
}

fn ping_pong_contest(rounds: usize) -> Result<Results, Failure> {
    let ours = ping_pong(PINGS);
    let report = ours.run(SEED);
    demand_passed(&report)?;
    if report.stats.delivered != MESSAGES {
        return Err(format!("{} messages in place of {MESSAGES}", report.stats.delivered).into());
    }
    // Errors end the benchmark here, once; the rounds repeat what has gone well.
    turmoil_tcp(PINGS)?;
    turmoil_udp(PINGS)?;
    let mut contest = Contest::new("ping-pong, 4 clients and 1 server, 8 B", "message", MESSAGES);
    contest.enter("synod-sim", || drop(black_box(ours.run(SEED))));
    contest.enter("turmoil, TCP", || drop(black_box(turmoil_tcp(PINGS))));
    contest.enter("turmoil, UDP", || drop(black_box(turmoil_udp(PINGS))));
    contest.enter("shuttle, channels", || shuttle_channels(PINGS));
    contest.enter("bare heap, 4 in flight", || bare_heap(MESSAGES, CLIENTS));
    Ok(contest.run(rounds))
}

// ── The ceiling ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// No simulator can be faster than its queue.
fn bare_heap(messages: u64, in_flight: u64) {
    type Message = (u64, u64, usize, Vec<u8>);
    let mut heap: BinaryHeap<Reverse<Message>> = BinaryHeap::new();
    let mut received = [0_u64; 5];
    let (mut random, mut sent) = (SplitMix64::new(SEED), 0);
    let mut send = |heap: &mut BinaryHeap<Reverse<Message>>, now: u64| {
        let bits = random.bits();
        sent += 1;
        heap.push(Reverse((now + 500_000 + bits % 500_000, sent, (bits >> 40) as usize % 5, vec![7; 64])));
    };
    (0..in_flight).for_each(|_| send(&mut heap, 0));
    for _ in 0..messages {
        let Some(Reverse((now, _, to, payload))) = heap.pop() else { break };
        if let Some(received) = received.get_mut(to) {
            *received += u64::from(payload.first().copied().unwrap_or(0));
        }
        send(&mut heap, now);
    }
    black_box(received);
}

// ── The table ────────────────────────────────────────────────────────────────────────────────────────────────────────

fn rate(row: &Row) -> String {
    format!("{:.2} M/s", 1e3 / row.median)
}

/// A line for each pair of rows; the first of the pair is ours.
fn compare(table: &mut Table, what: &str, results: &Results, ours: usize, peer: usize) {
    if let (Some(ours), Some(peer)) = (results.rows.get(ours), results.rows.get(peer)) {
        let theirs = format!("{} ({})", rate(peer), peer.name);
        table.row(what, rate(ours), theirs, Some(peer.ratio / ours.ratio), Some(ours.noise.max(peer.noise)));
    }
}

fn main() -> Result<(), Failure> {
    if std::env::args().any(|argument| argument == "--test") {
        five_node_contest("five nodes", &rough(), Duration::from_secs(2), 1, 1)?;
        turmoil_tcp(10)?;
        turmoil_udp(10)?;
        shuttle_channels(10);
        return demand_passed(&ping_pong(10).run(SEED));
    }
    if let Some(rounds) = std::env::args().find_map(|argument| argument.parse::<u32>().ok()) {
        // For a profiler: nothing but the twelve worlds, so many times.
        let sim = with_invariants(five_nodes(rough(), STORM)?);
        (0..rounds).for_each(|_| (0..SEEDS).for_each(|seed| drop(black_box(sim.run(seed)))));
        return Ok(());
    }
    let mut table = Table::default();
    let alone = raft_alone_contest(9)?;
    println!("{alone}");
    let faults = five_node_contest("five-node Raft, every fault, 12 x 10 s", &rough(), STORM, SEEDS, 9)?;
    println!("{faults}");
    let long = five_node_contest("five-node Raft, every fault, 1 x 120 s", &rough(), LONG, 1, 5)?;
    println!("{long}");
    let calm = five_node_contest("five-node Raft, calm, 4 x 10 s", &Dials::calm(), STORM, 4, 5)?;
    println!("{calm}");
    let ping = ping_pong_contest(9)?;
    println!("{ping}");

    for (what, results) in
        [("every fault, 12 x 10 s", &faults), ("every fault, 1 x 120 s", &long), ("calm, 4 x 10 s", &calm)]
    {
        let what = format!("five-node Raft, {what}: events with hash");
        compare(&mut table, &format!("{what} and invariants"), results, 0, 2);
        compare(&mut table, &what, results, 1, 2);
    }
    let what = "five-node Raft alone, network, disk and clock faults: events with hash";
    compare(&mut table, &format!("{what} and invariants"), &alone, 0, 2);
    compare(&mut table, what, &alone, 1, 2);
    compare(&mut table, "ping-pong: messages", &ping, 0, 1);
    compare(&mut table, "ping-pong: messages", &ping, 0, 2);
    compare(&mut table, "ping-pong: messages", &ping, 0, 3);
    compare(&mut table, "ping-pong: messages", &ping, 0, 4);
    let ours = ping.rows.first().map_or_else(String::new, rate);
    table.quote(
        "ping-pong: messages",
        ours,
        "0.90 M/s (madsim 0.2.34, best of 4 runs on a quiet machine; 0.46 to 0.90)",
    );
    println!(
        "CPU time, one thread; a ratio above 1 is in our favour. Quoted: measured elsewhere, not in this run.\n\n{table}"
    );

    if let Some(row) = alone.rows.first() {
        let (median, best) = (1e9 / row.median, 1e9 / row.least);
        let word = if median >= GOAL { "reached" } else { "MISSED" };
        println!(
            "The goal of {:.0} M events/s for five nodes of Raft under faults of network, disk and clock, with hash and invariants, is \
             {word}: {:.2} M/s (best round {:.2} M/s).",
            GOAL / 1e6,
            median / 1e6,
            best / 1e6,
        );
    }
    Ok(())
}
