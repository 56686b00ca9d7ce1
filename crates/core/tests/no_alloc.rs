//! A steady-state step allocates nothing: counted by a global allocator, directly and through two levels of composition.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::marker::PhantomData;
use core::time::Duration;
use std::alloc::System;
use synod_core::host::{Moment, Tail};
use synod_core::wire::Wire;
use synod_core::{
    Bytes, Context, Effect, Input, Lane, Lsn, Never, NodeId, Peers, Protocol, Recovered, Sink, Slot,
    SplitMix64, Time,
};

/// Counts what the current thread asks for; the test harness's own threads do not disturb the count.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count_one() {
    // A thread that is being torn down has no counter any more, and is not measured.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every method hands its arguments to `System` unchanged, which upholds the contract of `GlobalAlloc`; counting
// touches a thread-local `Cell` whose initialiser is constant, so it neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller keeps the contract of `alloc`, which is `System`'s as well.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: `place` came from `System.alloc` with this layout.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_one();
        // SAFETY: `place` came from `System.alloc` with this layout, and the caller vouches for `size`.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    run();
    ALLOCATIONS.with(Cell::get) - before
}

/// What a replica does on an append: one record, four sends, one timer.
struct Replica {
    peers: [NodeId; 4],
}

impl Protocol for Replica {
    type Message = Bytes;
    type Record = Bytes;
    type Command = Bytes;
    type Event = Never;
    type Timer = u8;
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, _: Recovered<Bytes>) -> Result<(), Never> {
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        if let Input::Command(payload) = input {
            cx.persist(payload.clone());
            for peer in self.peers {
                cx.send(peer, payload.clone());
            }
            let patience = Duration::from_millis(cx.below(150));
            cx.arm(0, patience);
        }
    }

    fn lane(_: &Bytes) -> Lane {
        Lane::Log
    }
}

/// Hosts one child, in place 7.
struct Host<C: Protocol> {
    child: C,
    promised: Lsn,
}

/// `Marked(7, message)`: said by the child in place 7.
struct Marked<T>(u32, T);

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
            let mut place = Place(7, PhantomData);
            cx.slot(&mut place, promised, |cx| child.step(Input::Command(command), cx));
        }
    }

    fn lane(message: &Self::Message) -> Lane {
        C::lane(&message.1)
    }
}

fn replica() -> Replica {
    Replica { peers: [2, 3, 4, 5].map(NodeId) }
}

fn host<C: Protocol>(child: C) -> Host<C> {
    Host { child, promised: Lsn::ZERO }
}

/// Steps `protocol` through a warm-up and then counts; `sink` is reused, and emptied by `drain` after each step.
fn steady<P, S>(mut protocol: P, sink: &mut S, mut drain: impl FnMut(&mut S)) -> u64
where
    P: Protocol<Command = Bytes>,
    S: Sink<P> + ?Sized,
{
    let payload = Bytes::from(vec![7; 64]);
    let (mut tail, mut entropy) = (Tail::default(), SplitMix64::new(1));
    let mut step = || {
        let moment = Moment { me: NodeId(1), now: Time::ZERO, wall: None, durable: Lsn::ZERO };
        let mut cx = Context::new(moment, &mut tail, &mut entropy, &mut *sink);
        protocol.step(Input::Command(payload.clone()), &mut cx);
        drain(sink);
    };
    (0..3).for_each(|_| step());
    allocations(|| (0..1_000).for_each(|_| step()))
}

/// Six effects came out, and the buffer is empty again.
fn drain_six<P: Protocol>(effects: &mut Vec<Effect<P>>) {
    assert_eq!(effects.drain(..).len(), 6);
}

#[test]
fn a_steady_step_allocates_nothing() {
    assert_eq!(steady(replica(), &mut Vec::new(), drain_six), 0);
}

#[test]
fn a_steady_step_through_two_slots_allocates_nothing() {
    let drain = |effects: &mut Vec<Effect<Host<Host<Replica>>>>| {
        for effect in effects.drain(..) {
            match effect {
                Effect::Send { message: Marked(outer, Marked(inner, payload)), .. } => {
                    assert_eq!((outer, inner, payload.len()), (7, 7, 64));
                }
                Effect::Persist { record: Marked(outer, Marked(inner, _)), .. } => {
                    assert_eq!((outer, inner), (7, 7));
                }
                Effect::Arm { timer, .. } => assert_eq!(timer, (7, (7, 0))),
                _ => panic!("the replica does nothing else"),
            }
        }
    };
    assert_eq!(steady(host(host(replica())), &mut Vec::new(), drain), 0);
}

#[test]
fn a_steady_step_into_a_dyn_sink_allocates_nothing() {
    /// Counts sends; stands for a sink that encodes.
    struct Sends(u64);
    impl<P: Protocol> Sink<P> for Sends {
        fn accept(&mut self, effect: Effect<P>) {
            if let Effect::Send { to: Peers::One(_), lane: Lane::Log, .. } = effect {
                self.0 += 1;
            }
        }
    }
    let mut sends = Sends(0);
    let sink: &mut dyn Sink<Host<Replica>> = &mut sends;
    assert_eq!(steady(host(replica()), sink, |_| {}), 0);
    assert_eq!(sends.0, 4 * 1_003);
}

#[test]
fn forged_lengths_and_counts_allocate_nothing() {
    // Four bytes claim four thousand million elements or bytes; a fifth is all there is.
    let forged = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 1]);
    assert_eq!(allocations(|| assert!(Vec::<u64>::from_bytes(forged.clone(), 1).is_err())), 0);
    assert_eq!(allocations(|| assert!(Vec::<Vec<Bytes>>::from_bytes(forged.clone(), 1).is_err())), 0);
    assert_eq!(allocations(|| assert!(Vec::<bool>::from_bytes(forged.clone(), 1).is_err())), 0);
    assert_eq!(allocations(|| assert!(Bytes::from_bytes(forged.clone(), 1).is_err())), 0);
}

#[test]
fn decoding_a_payload_copies_nothing() {
    let frame = Bytes::from(vec![7; 1 << 16]).to_bytes(1);
    // A buffer that was never shared allocates its reference count at the first clone.
    let shared = frame.clone();
    let decode = || {
        let payload = Bytes::from_bytes(shared.clone(), 1).unwrap();
        assert_eq!((payload.as_ptr(), payload.len()), (frame[4..].as_ptr(), 1 << 16));
    };
    assert_eq!(allocations(decode), 0);
}

#[test]
fn the_allocator_does_count() {
    assert_eq!(allocations(|| drop(core::hint::black_box(Box::new(7_u64)))), 1);
    // A fresh buffer for each step, as in a "Ready" style, would be seen.
    assert!(
        steady(replica(), &mut Vec::new(), |effects: &mut Vec<Effect<Replica>>| *effects = Vec::new())
            >= 1_000
    );
}
