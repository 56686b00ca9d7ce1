//! What a step costs on the contract, beside the same effects written by hand.
//!
//! **Workload.** A replica takes a command of 64 bytes: it appends one record (the 64 bytes), sends four messages (the
//! 64 bytes, to four peers, each waiting for the record) and arms one timer. Six effects a step. Three ways to put them
//! down, all into buffers that are reused and cleared before each step:
//!
//! * *effects*: the [`Effect`] enum into a `Vec`;
//! * *wire*: bytes into two [`BytesMut`], one for the wire and one for the log, as a node does; with two marks of four
//!   bytes on each message, record and timer for the two levels of composition;
//! * the payload is either 64 bytes inline, or [`Bytes`], of which each effect holds a reference count.
//!
//! **By hand** is a function that does the same with no contract in between: it numbers the record, makes the five
//! messages and writes them. **By hand, no messages** is the floor: it writes the payload where a message would have been
//! made, which code that is split into a protocol and a transport cannot do. Before anything is timed, what each
//! contestant has written is compared byte by byte.
//!
//! The node's sink asks for inlining, as a driver's should on its hot path: left to itself the compiler keeps `send` and
//! `persist` as calls with 64-byte arguments in memory, and the contract needs 1.3 to 1.5 times what the hand needs. A `dyn`
//! sink cannot be inlined at all and shows about that price.

use bytes::{BufMut, BytesMut};
use core::hint::black_box;
use core::marker::PhantomData;
use core::time::Duration;
use criterion::{Criterion, Throughput};
use synod_benches::{Contest, Results};
use synod_core::host::{Moment, Tail};
use synod_core::wire::{Reader, Wire, WireError, Writer};
use synod_core::{
    Bytes, Context, Effect, Input, Lane, Lsn, Never, NodeId, Peers, Protocol, Recovered, Sink, Slot,
    SplitMix64, Time,
};

const PEERS: [NodeId; 4] = [NodeId(2), NodeId(3), NodeId(4), NodeId(5)];
const PATIENCE: Duration = Duration::from_millis(150);
const VERSION: u8 = 1;
/// Steps in a round: a few hundred microseconds.
const STEPS: u64 = 10_000;
const ROUNDS: usize = 201;
/// What composition marks a child's words with.
const MARK: u32 = 7;

// ── The protocol ─────────────────────────────────────────────────────────────────────────────────────────────────────

trait Payload: Clone + Wire + AsRef<[u8]> + PartialEq {}
impl Payload for Bytes {}
impl Payload for Inline {}

/// 64 bytes that travel by value.
#[derive(Clone, Copy, PartialEq)]
struct Inline([u8; 64]);

impl AsRef<[u8]> for Inline {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Wire for Inline {
    const LEN_MIN: usize = 4 + 64;

    #[inline(always)]
    fn encode(&self, out: &mut Writer<'_>) {
        out.bytes(&self.0);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let bytes = input.bytes()?;
        bytes.as_ref().try_into().map(Self).map_err(|_| WireError::Invalid { field: "payload" })
    }
}

struct Replica<T> {
    peers: [NodeId; 4],
    payload: PhantomData<T>,
}

impl<T: Payload> Protocol for Replica<T> {
    type Message = T;
    type Record = T;
    type Command = T;
    type Event = Never;
    type Timer = u8;
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, _: Recovered<T>) -> Result<(), Never> {
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        if let Input::Command(payload) = input {
            cx.persist(payload.clone());
            for peer in self.peers {
                cx.send(peer, payload.clone());
            }
            cx.arm(0, PATIENCE);
        }
    }

    fn lane(_: &T) -> Lane {
        Lane::Log
    }
}

// ── Composition ──────────────────────────────────────────────────────────────────────────────────────────────────────

struct Host<C> {
    child: C,
    promised: Lsn,
}

#[derive(Clone, PartialEq)]
struct Marked<T>(u32, T);

impl<T: Wire> Wire for Marked<T> {
    const LEN_MIN: usize = 4 + T::LEN_MIN;

    #[inline(always)]
    fn encode(&self, out: &mut Writer<'_>) {
        out.u32(self.0);
        self.1.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self(input.u32()?, T::decode(input)?))
    }
}

struct Place<C>(u32, PhantomData<C>);

impl<C: Protocol> Slot<C> for Place<C> {
    type Parent = Host<C>;

    fn message(&self, message: C::Message) -> Marked<C::Message> {
        Marked(self.0, message)
    }

    fn record(&self, record: C::Record) -> Marked<C::Record> {
        Marked(self.0, record)
    }

    fn timer(&self, timer: C::Timer) -> (u32, C::Timer) {
        (self.0, timer)
    }

    fn job(&self, job: C::Job) -> C::Job {
        job
    }

    fn event<S: Sink<Host<C>> + ?Sized>(&mut self, event: C::Event, after: Lsn, sink: &mut S) {
        sink.emit(event, after);
    }

    fn release(&mut self, upto: Lsn, after: Lsn) -> Option<(Lsn, Lsn)> {
        Some((upto, after))
    }
}

impl<C: Protocol> Protocol for Host<C> {
    type Message = Marked<C::Message>;
    type Record = Marked<C::Record>;
    type Command = C::Command;
    type Event = C::Event;
    type Timer = (u32, C::Timer);
    type Job = C::Job;
    type Done = C::Done;
    type Error = C::Error;

    fn recover(&mut self, _: Lsn, _: Recovered<Self::Record>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        let Self { child, promised } = self;
        if let Input::Command(command) = input {
            cx.slot(&mut Place(MARK, PhantomData), promised, |cx| child.step(Input::Command(command), cx));
        }
    }

    fn lane(message: &Self::Message) -> Lane {
        C::lane(&message.1)
    }
}

// ── Where effects go ─────────────────────────────────────────────────────────────────────────────────────────────────

/// A buffer that is reused from step to step.
trait Buffer {
    fn clear(&mut self);
}

impl<P: Protocol> Buffer for Vec<Effect<P>> {
    fn clear(&mut self) {
        Self::clear(self);
    }
}

/// What a node does with effects: messages are framed for the wire, records for the log, timers set.
struct Node<T> {
    wire: BytesMut,
    log: BytesMut,
    timers: Vec<(T, Duration)>,
}

impl<T> Node<T> {
    fn new() -> Self {
        Self { wire: BytesMut::with_capacity(4096), log: BytesMut::with_capacity(4096), timers: Vec::new() }
    }
}

impl<T> Buffer for Node<T> {
    fn clear(&mut self) {
        self.wire.clear();
        self.log.clear();
        self.timers.clear();
    }
}

impl<P> Sink<P> for Node<P::Timer>
where
    P: Protocol,
    P::Message: Wire,
    P::Record: Wire,
{
    fn accept(&mut self, effect: Effect<P>) {
        match effect {
            Effect::Send { to, message, after, lane } => Sink::<P>::send(self, to, message, after, lane),
            Effect::Persist { record, forced } => Sink::<P>::persist(self, record, forced),
            Effect::Arm { timer, after } => Sink::<P>::arm(self, timer, after),
            _ => {}
        }
    }

    #[inline(always)]
    fn send(&mut self, to: Peers, message: P::Message, after: Lsn, lane: Lane) {
        for to in to.as_slice() {
            let mut out = Writer::new(&mut self.wire, VERSION);
            out.u8(lane as u8);
            out.u64(to.0);
            out.u64(after.0);
            message.encode(&mut out);
        }
    }

    #[inline(always)]
    fn persist(&mut self, record: P::Record, forced: bool) {
        let mut out = Writer::new(&mut self.log, VERSION);
        out.u8(u8::from(forced));
        record.encode(&mut out);
    }

    #[inline(always)]
    fn arm(&mut self, timer: P::Timer, after: Duration) {
        self.timers.push((timer, after));
    }
}

/// Steps on the contract, a round at a time.
struct Ours<P> {
    protocol: P,
    tail: Tail,
    entropy: SplitMix64,
}

impl<P: Protocol> Ours<P> {
    fn new(protocol: P) -> Self {
        Self { protocol, tail: Tail::default(), entropy: SplitMix64::new(1) }
    }

    #[inline(never)]
    fn round<S: Sink<P> + Buffer + ?Sized>(&mut self, steps: u64, payload: &P::Command, sink: &mut S)
    where
        P::Command: Clone,
    {
        for _ in 0..steps {
            sink.clear();
            let moment = Moment { me: NodeId(1), now: Time::ZERO, wall: None, durable: Lsn::ZERO };
            let mut cx = Context::new(moment, &mut self.tail, &mut self.entropy, sink);
            self.protocol.step(Input::Command(black_box(payload).clone()), &mut cx);
            black_box(&mut *sink);
        }
    }
}

/// What a `dyn` sink has to be: both.
trait Sinking<P: Protocol>: Sink<P> + Buffer {}
impl<P: Protocol, S: Sink<P> + Buffer> Sinking<P> for S {}

// ── By hand ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The state that is left when nothing is between a replica and its buffers.
struct Hand {
    peers: [NodeId; 4],
    end: Lsn,
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a protocol is handed its command to keep, and so is the hand"
)]
impl Hand {
    fn new() -> Self {
        Self { peers: PEERS, end: Lsn::ZERO }
    }

    #[inline(never)]
    fn round<T: Payload, B: Buffer>(
        &mut self,
        steps: u64,
        payload: &T,
        out: &mut B,
        write: fn(&mut Self, T, &mut B),
    ) {
        for _ in 0..steps {
            out.clear();
            write(self, black_box(payload).clone(), out);
            black_box(&mut *out);
        }
    }

    fn effects<T: Payload>(&mut self, payload: T, out: &mut Vec<Effect<Replica<T>>>) {
        self.end = self.end.next();
        out.push(Effect::Persist { record: payload.clone(), forced: true });
        for peer in self.peers {
            let (to, message) = (Peers::One(peer), payload.clone());
            out.push(Effect::Send { to, message, after: self.end, lane: Lane::Log });
        }
        out.push(Effect::Arm { timer: 0, after: PATIENCE });
    }

    fn wire<T: Payload>(&mut self, payload: T, node: &mut Node<u8>) {
        self.end = self.end.next();
        let record = payload.clone();
        node.log.put_u8(1);
        put(&mut node.log, record.as_ref());
        for peer in self.peers {
            let message = payload.clone();
            self.head(&mut node.wire, peer);
            put(&mut node.wire, message.as_ref());
        }
        node.timers.push((0, PATIENCE));
    }

    fn wire_no_messages<T: Payload>(&mut self, payload: T, node: &mut Node<u8>) {
        self.end = self.end.next();
        node.log.put_u8(1);
        put(&mut node.log, payload.as_ref());
        for peer in self.peers {
            self.head(&mut node.wire, peer);
            put(&mut node.wire, payload.as_ref());
        }
        node.timers.push((0, PATIENCE));
    }

    fn marked<T: Payload>(&mut self, payload: T, node: &mut Node<(u32, (u32, u8))>) {
        self.end = self.end.next();
        let record = payload.clone();
        node.log.put_u8(1);
        put_marked(&mut node.log, record.as_ref());
        for peer in self.peers {
            let message = payload.clone();
            self.head(&mut node.wire, peer);
            put_marked(&mut node.wire, message.as_ref());
        }
        node.timers.push(((MARK, (MARK, 0)), PATIENCE));
    }

    fn marked_no_messages<T: Payload>(&mut self, payload: T, node: &mut Node<(u32, (u32, u8))>) {
        self.end = self.end.next();
        node.log.put_u8(1);
        put_marked(&mut node.log, payload.as_ref());
        for peer in self.peers {
            self.head(&mut node.wire, peer);
            put_marked(&mut node.wire, payload.as_ref());
        }
        node.timers.push(((MARK, (MARK, 0)), PATIENCE));
    }

    fn head(&self, wire: &mut BytesMut, to: NodeId) {
        wire.put_u8(Lane::Log as u8);
        wire.put_u64_le(to.0);
        wire.put_u64_le(self.end.0);
    }
}

fn put_marked(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u32_le(MARK);
    out.put_u32_le(MARK);
    put(out, bytes);
}

fn put(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u32_le(bytes.len() as u32);
    out.put_slice(bytes);
}

// ── The contests ─────────────────────────────────────────────────────────────────────────────────────────────────────

type Rounds<'a> = Vec<(&'static str, Box<dyn FnMut(u64) + 'a>)>;

fn replica<T>() -> Replica<T> {
    Replica { peers: PEERS, payload: PhantomData }
}

fn host<C>(child: C) -> Host<C> {
    Host { child, promised: Lsn::ZERO }
}

fn effects<T: Payload>(payload: &T) -> Rounds<'_> {
    let (mut hand, mut out) = (Hand::new(), Vec::new());
    let (mut ours, mut sink) = (Ours::new(replica::<T>()), Vec::new());
    let (mut through, mut beyond) = (Ours::new(replica::<T>()), Vec::new());
    vec![
        ("by hand", Box::new(move |steps| hand.round(steps, payload, &mut out, Hand::effects))),
        ("contract", Box::new(move |steps| ours.round(steps, payload, &mut sink))),
        (
            "contract, dyn sink",
            Box::new(move |steps| {
                let sink: &mut dyn Sinking<Replica<T>> = black_box(&mut beyond);
                through.round(steps, payload, sink);
            }),
        ),
    ]
}

fn wire<T: Payload>(payload: &T) -> Rounds<'_> {
    let (mut hand, mut out) = (Hand::new(), Node::new());
    let (mut ours, mut sink) = (Ours::new(replica::<T>()), Node::new());
    let (mut through, mut beyond) = (Ours::new(replica::<T>()), Node::new());
    let (mut floor, mut ground) = (Hand::new(), Node::new());
    vec![
        ("by hand", Box::new(move |steps| hand.round(steps, payload, &mut out, Hand::wire))),
        ("contract", Box::new(move |steps| ours.round(steps, payload, &mut sink))),
        (
            "contract, dyn sink",
            Box::new(move |steps| {
                let sink: &mut dyn Sinking<Replica<T>> = black_box(&mut beyond);
                through.round(steps, payload, sink);
            }),
        ),
        (
            "by hand, no messages",
            Box::new(move |steps| floor.round(steps, payload, &mut ground, Hand::wire_no_messages)),
        ),
    ]
}

fn composed<T: Payload>(payload: &T) -> Rounds<'_> {
    let (mut hand, mut out) = (Hand::new(), Node::new());
    let (mut ours, mut sink) = (Ours::new(host(host(replica::<T>()))), Node::new());
    let (mut through, mut beyond) = (Ours::new(host(host(replica::<T>()))), Node::new());
    let (mut floor, mut ground) = (Hand::new(), Node::new());
    vec![
        ("by hand", Box::new(move |steps| hand.round(steps, payload, &mut out, Hand::marked))),
        ("contract", Box::new(move |steps| ours.round(steps, payload, &mut sink))),
        (
            "contract, dyn sink",
            Box::new(move |steps| {
                let sink: &mut dyn Sinking<Host<Host<Replica<T>>>> = black_box(&mut beyond);
                through.round(steps, payload, sink);
            }),
        ),
        (
            "by hand, no messages",
            Box::new(move |steps| floor.round(steps, payload, &mut ground, Hand::marked_no_messages)),
        ),
    ]
}

/// The contestants write the same: otherwise no figure below means anything.
fn demand_equal<T: Payload>(payload: &T) {
    let (mut hand, mut by_hand) = (Hand::new(), Vec::new());
    let (mut ours, mut sink) = (Ours::new(replica::<T>()), Vec::new());
    hand.round(3, payload, &mut by_hand, Hand::effects);
    ours.round(3, payload, &mut sink);
    assert!(by_hand == sink && sink.len() == 6, "the effects differ");

    let (mut hand, mut by_hand) = (Hand::new(), Node::new());
    let (mut ours, mut sink) = (Ours::new(replica::<T>()), Node::new());
    hand.round(3, payload, &mut by_hand, Hand::wire);
    ours.round(3, payload, &mut sink);
    assert!(
        by_hand.wire == sink.wire && by_hand.log == sink.log && by_hand.timers == sink.timers,
        "the bytes differ"
    );
    assert_eq!(sink.wire.len(), 4 * (1 + 8 + 8 + 4 + 64));

    let (mut hand, mut by_hand) = (Hand::new(), Node::new());
    let (mut ours, mut sink) = (Ours::new(host(host(replica::<T>()))), Node::new());
    hand.round(3, payload, &mut by_hand, Hand::marked);
    ours.round(3, payload, &mut sink);
    assert!(
        by_hand.wire == sink.wire && by_hand.log == sink.log && by_hand.timers == sink.timers,
        "the marks differ"
    );
}

fn contest(title: &str, rounds: Rounds<'_>) -> Results {
    let mut contest = Contest::new(title, "step", STEPS);
    for (name, mut round) in rounds {
        contest.enter(name, move || round(STEPS));
    }
    contest.run(ROUNDS)
}

fn report(criterion: &mut Criterion, title: &str, rounds: Rounds<'_>) {
    let mut group = criterion.benchmark_group(title);
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    group.throughput(Throughput::Elements(STEPS));
    for (name, mut round) in rounds {
        group.bench_function(name, |bencher| bencher.iter(|| round(STEPS)));
    }
    group.finish();
}

fn main() {
    let inline = Inline([7; 64]);
    let shared = Bytes::from(vec![7; 64]);
    demand_equal(&inline);
    demand_equal(&shared);

    let all = || {
        [
            ("effects, 64 B inline", effects(&inline)),
            ("effects, Bytes", effects(&shared)),
            ("wire, 64 B inline", wire(&inline)),
            ("wire, Bytes", wire(&shared)),
            ("wire, 64 B inline, two slots", composed(&inline)),
            ("wire, Bytes, two slots", composed(&shared)),
        ]
    };
    let mut criterion = Criterion::default().configure_from_args();
    for (title, rounds) in all() {
        report(&mut criterion, title, rounds);
    }
    criterion.final_summary();
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!(
        "\nA step: 1 record, 4 sends of 64 B, 1 timer. The goal: the contract within 10 % of the hand.\n"
    );
    for (title, rounds) in all() {
        let results = contest(title, rounds);
        let ratio = results.rows.get(1).map_or(f64::NAN, |row| row.ratio);
        println!("{results}  {}\n", if ratio <= 1.10 { "within the goal" } else { "the goal is MISSED" });
    }
}
