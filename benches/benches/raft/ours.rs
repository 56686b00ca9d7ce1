//! `synod-raft` behind a driver of a page: effects go where they belong without being built.

use crate::workload::{Applied, COMPACT_EVERY, Contestant};
use bytes::BytesMut;
use core::marker::PhantomData;
use core::time::Duration;
use std::collections::VecDeque;
use synod_core::host::{Moment, Tail};
use synod_core::wire::{Reader, Wire, Writer};
use synod_core::{
    Bytes, Context, Effect, Input, Lane, LogState, Lsn, NodeId, Peers, Protocol, Sink, SplitMix64, Time,
};
use synod_raft::{Command, Config, EntryKind, Event, Index, Message, Raft, Record, Role, Timer};

const VERSION: u8 = 1;
const IDS: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];

/// How a message gets from one node to another.
pub(crate) trait Passing {
    /// What is on its way.
    type Letter;
    fn post(from: NodeId, message: Message) -> Self::Letter;
    fn open(letter: Self::Letter) -> Input<Raft>;
    fn len(letter: &Self::Letter) -> u64;
}

/// As it is.
pub(crate) struct ByHand;

impl Passing for ByHand {
    type Letter = Input<Raft>;

    #[inline]
    fn post(from: NodeId, message: Message) -> Input<Raft> {
        Input::Message(from, message)
    }

    #[inline]
    fn open(letter: Input<Raft>) -> Input<Raft> {
        letter
    }

    fn len(_: &Input<Raft>) -> u64 {
        0
    }
}

/// Encoded and decoded.
pub(crate) struct Encoded;

impl Passing for Encoded {
    type Letter = (NodeId, Bytes);

    fn post(from: NodeId, message: Message) -> (NodeId, Bytes) {
        let mut bytes = BytesMut::with_capacity(64);
        message.encode(&mut Writer::new(&mut bytes, VERSION));
        (from, bytes.freeze())
    }

    fn open((from, letter): (NodeId, Bytes)) -> Input<Raft> {
        let message = Message::decode(&mut Reader::new(letter, VERSION));
        Input::Message(from, message.expect("what was encoded decodes"))
    }

    fn len((_, letter): &(NodeId, Bytes)) -> u64 {
        letter.len() as u64
    }
}

/// Three nodes and what is between them.
pub(crate) struct Ours<P: Passing> {
    nodes: [Raft; 3],
    tails: [Tail; 3],
    chance: SplitMix64,
    outside: Outside<P>,
    token: u64,
}

struct Outside<P: Passing> {
    me: NodeId,
    letters: VecDeque<(NodeId, P::Letter)>,
    own: VecDeque<(NodeId, Message)>,
    applied: [Applied; 3],
    /// The last entry that each node has applied, and the one up to which it has dropped its log.
    last: [Index; 3],
    compacted: [Index; 3],
    messages: u64,
    bytes: u64,
    passing: PhantomData<P>,
}

impl<P: Passing> Sink<Raft> for Outside<P> {
    #[inline]
    fn accept(&mut self, effect: Effect<Raft>) {
        match effect {
            Effect::Send { to, message, after, lane } => Sink::<Raft>::send(self, to, message, after, lane),
            Effect::Emit { event, after } => Sink::<Raft>::emit(self, event, after),
            _ => {}
        }
    }

    #[inline]
    fn send(&mut self, to: Peers, message: Message, _: Lsn, _: Lane) {
        match to {
            Peers::One(to) if to == self.me => self.own.push_back((to, message)),
            Peers::One(to) => self.post(to, message),
            Peers::Each(all) => {
                let Some((last, others)) = all.split_last() else { return };
                others.iter().for_each(|to| self.post(*to, message.clone()));
                self.post(*last, message);
            }
        }
    }

    #[inline]
    fn emit(&mut self, event: Event, _: Lsn) {
        let Event::Committed(entries) = event else { return };
        let place = self.me.0 as usize - 1;
        self.last[place] = entries.last();
        for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Normal) {
            self.applied[place].apply(entry.payload);
        }
    }

    // The log is in memory, and durable as soon as it is written.
    #[inline]
    fn persist(&mut self, _: Record, _: bool) {}

    // Nothing is lost and nobody fails: time stands still.
    #[inline]
    fn arm(&mut self, _: Timer, _: Duration) {}

    #[inline]
    fn disarm(&mut self, _: Timer) {}
}

impl<P: Passing> Outside<P> {
    #[inline]
    fn post(&mut self, to: NodeId, message: Message) {
        let letter = P::post(self.me, message);
        self.messages += 1;
        self.bytes += P::len(&letter);
        self.letters.push_back((to, letter));
    }
}

impl<P: Passing> Ours<P> {
    #[inline]
    fn step(&mut self, place: usize, input: Input<Raft>) {
        self.outside.me = IDS[place];
        let moment = Moment { me: IDS[place], now: Time::ZERO, wall: None, durable: Lsn(u64::MAX) };
        let cx = &mut Context::new(moment, &mut self.tails[place], &mut self.chance, &mut self.outside);
        self.nodes[place].step(input, cx);
    }

    /// What nodes have told themselves.
    fn own(&mut self) {
        while let Some((me, message)) = self.outside.own.pop_front() {
            self.step(me.0 as usize - 1, Input::Message(me, message));
        }
    }
}

impl<P: Passing> Contestant for Ours<P> {
    fn start() -> Self {
        let outside = Outside {
            me: IDS[0],
            letters: VecDeque::new(),
            own: VecDeque::new(),
            applied: [Applied::default(); 3],
            last: [Index::ZERO; 3],
            compacted: [Index::ZERO; 3],
            messages: 0,
            bytes: 0,
            passing: PhantomData,
        };
        let nodes = IDS.map(|id| Raft::new(Config::new(id, IDS)).expect("the settings are the default"));
        let mut cluster =
            Self { nodes, tails: [Tail::default(); 3], chance: SplitMix64::new(1), outside, token: 0 };
        for place in 0..3 {
            cluster.step(place, Input::Start { incarnation: 1, log: LogState::Fresh });
        }
        cluster.step(0, Input::Command(Command::Campaign));
        cluster.settle();
        assert_eq!(cluster.nodes[0].role(), Role::Leader);
        cluster
    }

    fn propose(&mut self, payload: Vec<u8>) {
        self.token += 1;
        self.step(0, Input::Command(Command::Propose { token: self.token, payload: payload.into() }));
    }

    fn settle(&mut self) {
        self.step(0, Input::Flush);
        loop {
            self.own();
            let mut touched = [false; 3];
            // A burst is what has arrived by now; the driver's queue is empty after it.
            for _ in 0..self.outside.letters.len() {
                let Some((to, letter)) = self.outside.letters.pop_front() else { break };
                let place = to.0 as usize - 1;
                touched[place] = true;
                self.step(place, P::open(letter));
            }
            self.own();
            for place in (0..3).filter(|place| touched[*place]) {
                self.step(place, Input::Flush);
            }
            if touched == [false; 3] {
                break;
            }
        }
        for place in 0..3 {
            let upto = self.outside.last[place];
            if upto.since(self.outside.compacted[place]) >= COMPACT_EVERY {
                self.outside.compacted[place] = upto;
                self.step(place, Input::Command(Command::Compact { upto }));
            }
        }
    }

    fn applied(&self) -> [Applied; 3] {
        self.outside.applied
    }

    fn messages(&self) -> u64 {
        self.outside.messages
    }

    fn bytes(&self) -> u64 {
        self.outside.bytes
    }
}
