//! Builds, wire versions, rollouts, and what transports tell about their links.

use super::courier::{Book, Courier, Order, Parcel, Seen, couriers, parcel, run, steady, world};
use core::time::Duration;
use synod_core::wire::{Reader, Wire, WireError, Writer};
use synod_core::{Context, Input, Lane, Link, Lsn, Never, NodeId, Protocol, Recovered, Sink};
use synod_sim::{Climate, Dials, Fault, Idle, Rate, Sim, Tape};

fn rollouts() -> Dials {
    let rate = Rate {
        fault: Fault::Rollout,
        every: Duration::from_secs(2),
        lasting: (Duration::from_millis(900), Duration::from_millis(900)),
    };
    Dials { schedule: vec![rate], notices: true, ..steady() }
}

#[test]
fn both_ends_are_told_that_a_link_is_up_and_which_version_it_speaks() {
    let dials = Dials { notices: true, ..steady() };
    let up = |peer| (peer, Link::Up { version: 1 });
    let report = run(dials, Book::default());
    for node in 1..=3 {
        let mut links = report.workload.links(node);
        links.sort_by_key(|(peer, _)| *peer);
        let expected: Vec<_> = (1..=3).filter(|peer| *peer != node).map(up).collect();
        assert_eq!(links, expected);
    }
    assert!(run(steady(), Book::default()).workload.links(1).is_empty(), "nobody asked");
}

#[test]
fn a_rollout_restarts_every_node_and_a_second_one_rolls_back() {
    let sim = couriers(rollouts(), Book::default()).build(2, |_| Courier { recovered: vec![99] });
    let world = world(&sim);
    assert!(world.strikes().len() >= 2, "{:?}", world.strikes());
    assert!(world.stats().crashes >= 6);
    for node in 1..=3 {
        let links = world.workload().links(node);
        let first = |wanted| links.iter().position(|(_, link)| *link == wanted);
        let upgraded = first(Link::Up { version: 2 }).expect("all have spoken version 2");
        assert!(first(Link::Up { version: 1 }).is_some_and(|before| before < upgraded));
        assert!(links[upgraded..].contains(&(node % 3 + 1, Link::Up { version: 1 })), "and version 1 again");
        assert!(first(Link::Down).is_some());
    }
}

/// Says a number, and since version 2 a word with it.
#[derive(Clone, Debug, Hash)]
struct Word(u64, u64);

impl Wire for Word {
    const LEN_MIN: usize = 8;

    fn encode(&self, out: &mut Writer<'_>) {
        self.0.encode(out);
        if out.version() >= 2 {
            self.1.encode(out);
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let number = u64::decode(input)?;
        Ok(Self(number, if input.version() >= 2 { u64::decode(input)? } else { 0 }))
    }
}

#[derive(Clone, Default, Hash)]
struct Speaker {
    heard: Vec<(u64, u64)>,
}

impl Protocol for Speaker {
    type Message = Word;
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
            Input::Message(_, Word(number, word)) => self.heard.push((number, word)),
            Input::Start { .. } | Input::Timer(()) => {
                let me = cx.me();
                (1..=2).map(NodeId).filter(|id| *id != me).for_each(|id| cx.send(id, Word(7, 9)));
                cx.arm((), Duration::from_millis(100));
            }
            _ => {}
        }
    }
}

#[test]
fn a_link_speaks_the_lower_of_two_versions_and_loses_what_that_cannot_say() {
    let rate = Rate {
        fault: Fault::Rollout,
        every: Duration::from_millis(4_000),
        lasting: (Duration::from_secs(4), Duration::from_secs(4)),
    };
    let sim = Sim::new(2, |_| Speaker::default(), Idle)
        .wired(1)
        .build(2, |_| Speaker::default())
        .climate(Climate::Fixed(Dials { schedule: vec![rate], ..steady() }))
        .sometimes("version 1", |world| world.up().any(|(_, node)| node.heard.contains(&(7, 0))))
        .sometimes("version 2", |world| world.up().any(|(_, node)| node.heard.contains(&(7, 9))));
    let summary = sim.run_seeds(0..10, |_| {});
    assert!(summary.passed(), "{summary}");
    let (_, world) = sim.run_tape(Tape::from_seed(1), 0..0);
    assert_eq!(world.stats().refused, 0);
}

#[test]
fn what_the_lower_version_cannot_read_is_refused() {
    /// Writes in its own version whatever the link speaks.
    #[derive(Clone, Debug, Hash)]
    struct Deaf;
    impl Wire for Deaf {
        const LEN_MIN: usize = 1;
        fn encode(&self, out: &mut Writer<'_>) {
            out.u8(2);
        }
        fn decode(input: &mut Reader) -> Result<Self, WireError> {
            match input.u8()? {
                tag if tag <= input.version() => Ok(Self),
                tag => Err(WireError::UnknownTag { of: "deaf", tag }),
            }
        }
    }
    #[derive(Clone, Hash)]
    struct Caller;
    impl Protocol for Caller {
        type Message = Deaf;
        type Record = Never;
        type Command = Never;
        type Event = Never;
        type Timer = Never;
        type Job = Never;
        type Done = Never;
        type Error = Never;
        fn recover(&mut self, _: Lsn, _: Recovered<Never>) -> Result<(), Never> {
            Ok(())
        }
        fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
            if let Input::Start { .. } = input {
                cx.send(NodeId(3 - cx.me().0), Deaf);
            }
        }
    }
    let stats = |version| {
        let sim = Sim::new(2, |_| Caller, Idle)
            .climate(Climate::Fixed(steady()))
            .wired(version)
            .build(2, |_| Caller);
        sim.run(1).stats
    };
    assert_eq!((stats(1).refused, stats(1).delivered), (2, 0));
    assert_eq!((stats(2).refused, stats(2).delivered), (0, 2));
}

#[test]
fn rollouts_lose_nothing_that_was_written() {
    let book = (0..50).fold(Book::default(), |book, nth| book.order(nth * 100, 1, Order::Write));
    let book = book.post(9_900, 1, 2, Parcel { ..parcel(Lane::Control, 10) });
    let world = world(&couriers(rollouts(), book));
    assert_eq!(world.stats().acknowledged_lost, 0);
    assert!(
        world.workload().seen.iter().any(|(_, _, seen)| matches!(seen, Seen::Began { incarnation: 2, .. }))
    );
}
