//! A protocol that carries parcels and says when they arrive, and a list of what is posted when.

use core::time::Duration;
use std::collections::VecDeque;
use synod_core::wire::{Reader, Wire, WireError, Writer};
use synod_core::{
    Bytes, Context, Input, Lane, Link, Lsn, Never, NodeId, PeerChange, Protocol, Recovered, Sink,
};
use synod_sim::{Climate, Dials, Io, Latency, Report, Sim, Tape, Workload, World};

/// What is carried: on the wire a lane, a length and as many bytes, 5 in front of the content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Parcel {
    pub(crate) lane: Lane,
    pub(crate) content: Bytes,
}

impl Wire for Parcel {
    const LEN_MIN: usize = 5;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u8(match self.lane {
            Lane::Control => 0,
            Lane::Log => 1,
            Lane::Bulk => 2,
            Lane::Datagram => 3,
        });
        self.content.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let lane = match input.u8()? {
            0 => Lane::Control,
            1 => Lane::Log,
            2 => Lane::Bulk,
            3 => Lane::Datagram,
            tag => return Err(WireError::UnknownTag { of: "parcel", tag }),
        };
        Ok(Self { lane, content: Bytes::decode(input)? })
    }
}

/// A parcel of so many bytes on the wire.
pub(crate) fn parcel(lane: Lane, bytes: usize) -> Parcel {
    Parcel { lane, content: Bytes::from(vec![7; bytes - 5]) }
}

#[derive(Clone, Debug)]
pub(crate) enum Order {
    Post(Vec<NodeId>, Parcel),
    Peer(PeerChange),
    Write,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Arrived(NodeId, Parcel),
    Link(NodeId, Link),
    Began { incarnation: u64, log: synod_core::LogState },
}

#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Courier {
    pub(crate) recovered: Vec<u64>,
}

impl Protocol for Courier {
    type Message = Parcel;
    type Record = u64;
    type Command = Order;
    type Event = Seen;
    type Timer = Never;
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, record: Recovered<u64>) -> Result<(), Never> {
        if let Recovered::Intact(record) = record {
            self.recovered.push(record);
        }
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { incarnation, log } => cx.emit(Seen::Began { incarnation, log }),
            Input::Command(Order::Post(to, parcel)) => match to.as_slice() {
                [one] => cx.send(*one, parcel),
                several => cx.send(std::sync::Arc::from(several), parcel),
            },
            Input::Command(Order::Peer(change)) => cx.peer(change),
            Input::Command(Order::Write) => drop(cx.persist(cx.me().0)),
            Input::Message(from, parcel) => cx.emit(Seen::Arrived(from, parcel)),
            Input::Link(peer, link) => cx.emit(Seen::Link(peer, link)),
            _ => {}
        }
    }

    fn lane(message: &Parcel) -> Lane {
        message.lane
    }
}

/// Gives each order at its moment, and writes down what was seen when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    orders: VecDeque<(Duration, NodeId, Order)>,
    pub(crate) seen: Vec<(Duration, NodeId, Seen)>,
}

impl Book {
    pub(crate) fn post(mut self, at_ms: u64, from: u64, to: u64, parcel: Parcel) -> Self {
        let order = Order::Post(vec![NodeId(to)], parcel);
        self.orders.push_back((Duration::from_millis(at_ms), NodeId(from), order));
        self
    }

    pub(crate) fn order(mut self, at_ms: u64, node: u64, order: Order) -> Self {
        self.orders.push_back((Duration::from_millis(at_ms), NodeId(node), order));
        self
    }

    /// When parcels arrived at a node, in microseconds, and from whom.
    pub(crate) fn arrivals(&self, at: u64) -> Vec<(u128, u64)> {
        let arrival = |(when, node, seen): &(Duration, NodeId, Seen)| match seen {
            Seen::Arrived(from, _) if *node == NodeId(at) => Some((when.as_micros(), from.0)),
            _ => None,
        };
        self.seen.iter().filter_map(arrival).collect()
    }

    pub(crate) fn links(&self, at: u64) -> Vec<(u64, Link)> {
        let link = |(_, node, seen): &(Duration, NodeId, Seen)| match seen {
            Seen::Link(peer, link) if *node == NodeId(at) => Some((peer.0, *link)),
            _ => None,
        };
        self.seen.iter().filter_map(link).collect()
    }
}

impl Workload<Courier> for Book {
    fn begin(&mut self, io: &mut Io<'_, Courier>) {
        for (token, (at, ..)) in self.orders.iter().enumerate() {
            io.wake(*at, token as u64);
        }
    }

    fn on_event(&mut self, node: NodeId, seen: Seen, io: &mut Io<'_, Courier>) {
        self.seen.push((Duration::from_nanos(io.now().0), node, seen));
    }

    fn on_wake(&mut self, token: u64, io: &mut Io<'_, Courier>) {
        let (_, node, order) = self.orders[token as usize].clone();
        io.request(node, token, order);
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, Courier>) {}
}

/// Every message and request takes a millisecond, and nothing fails.
pub(crate) fn steady() -> Dials {
    Dials { latency: Latency::Constant(Duration::from_millis(1)), ..Dials::calm() }
}

/// Three couriers under these dials; the orders arrive a millisecond after their moment.
pub(crate) fn couriers(dials: Dials, book: Book) -> Sim<Courier, Book> {
    Sim::new(3, |_| Courier::default(), book).climate(Climate::Fixed(dials)).wired(1)
}

pub(crate) fn run(dials: Dials, book: Book) -> Report<Book> {
    let sim = couriers(dials, book);
    let report = sim.run(1);
    assert_eq!(report.hash, sim.run(1).hash, "one seed, one run");
    report
}

pub(crate) fn world(sim: &Sim<Courier, Book>) -> World<Courier, Book> {
    sim.run_tape(Tape::from_seed(1), 0..0).1
}
