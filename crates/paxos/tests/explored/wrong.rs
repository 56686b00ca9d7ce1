//! Paxos with a mistake, which an exploration must notice; or with a part of its messages, so that it gets further.

use synod_core::host::{Moment, Tail};
use synod_core::{
    Context, Effect, Input, LogState, Lsn, Never, NodeId, Protocol, Recovered, Sink, SplitMix64,
};
use synod_paxos::{Command, Event, Message, Paxos, Record, RecoverError, Timer};

/// How a node differs from the one that ships. The difference is made at its boundary: the protocol inside is the shipped one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Twist {
    /// Not at all.
    None,
    /// The proposer pays no heed to what the acceptors have accepted before.
    IgnoresAccepted,
    /// Effects leave before what they wait for is durable.
    SpeaksEarly,
    /// Promises are not remembered over a restart.
    ForgetsPromises,
    /// Acceptances are not remembered over a restart.
    ForgetsAcceptances,
    /// Whatever ballot a promise or an acceptance is for, it is counted for the one under way (`MyPaxos` 18).
    CountsStale,
    /// A single acceptance is taken for a quorum of them.
    DecidesAlone,
}

/// A node with its twist.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Twisted {
    pub(crate) paxos: Paxos,
    twist: Twist,
    /// Refusals and announcements are lost: a part of all schedules, and small enough to go further in.
    quiet: bool,
    tail: Tail,
}

impl Twisted {
    pub(crate) fn new(paxos: Paxos, twist: Twist, quiet: bool) -> Self {
        Self { paxos, twist, quiet, tail: Tail::default() }
    }

    /// What the node hears, instead of what arrives.
    fn heard(&self, from: NodeId, message: Message) -> Vec<(NodeId, Message)> {
        let current = |ballot| self.paxos.ballot().unwrap_or(ballot);
        let message = match (self.twist, message) {
            (Twist::IgnoresAccepted, Message::Promise { ballot, .. }) => {
                Message::Promise { ballot, accepted: None }
            }
            (Twist::CountsStale, Message::Promise { ballot, accepted }) => {
                Message::Promise { ballot: current(ballot), accepted }
            }
            (Twist::CountsStale, Message::Accepted { ballot }) => {
                Message::Accepted { ballot: current(ballot) }
            }
            (Twist::DecidesAlone, Message::Accepted { ballot }) => {
                return [1, 2, 3].map(|id| (NodeId(id), Message::Accepted { ballot })).to_vec();
            }
            (_, message) => message,
        };
        vec![(from, message)]
    }

    fn run<S: Sink<Self> + ?Sized>(&mut self, input: Input<Paxos>, cx: &mut Context<'_, Self, S>) {
        let moment = Moment { me: cx.me(), now: cx.now(), wall: None, durable: cx.durable() };
        let mut effects = Vec::new();
        // Chance decides about durations alone, and those an exploration ignores.
        let mut chance = SplitMix64::new(0);
        self.paxos.step(input, &mut Context::new(moment, &mut self.tail, &mut chance, &mut effects));
        for effect in effects {
            match effect {
                Effect::Send { message: Message::Nack { .. } | Message::Decided { .. }, .. }
                    if self.quiet => {}
                Effect::Send { to, message, .. } if self.twist == Twist::SpeaksEarly => {
                    cx.send_early(to, message);
                }
                Effect::Send { to, message, after, .. } => cx.send_after(after, to, message),
                Effect::Emit { event, after } => cx.emit_after(after, event),
                Effect::Persist { record, .. } => drop(cx.persist(record)),
                Effect::Release { upto, .. } => cx.release(upto),
                Effect::Arm { timer, after } => cx.arm(timer, after),
                Effect::Disarm(timer) => cx.disarm(timer),
                Effect::Job(never) => match never {},
                Effect::Peer(change) => cx.peer(change),
            }
        }
    }
}

impl Protocol for Twisted {
    type Message = Message;
    type Record = Record;
    type Command = Command;
    type Event = Event;
    type Timer = Timer;
    type Job = Never;
    type Done = Never;
    type Error = RecoverError;

    fn recover(&mut self, at: Lsn, record: Recovered<Record>) -> Result<(), RecoverError> {
        match (&record, self.twist) {
            (Recovered::Intact(Record::Promised { .. }), Twist::ForgetsPromises)
            | (Recovered::Intact(Record::Accepted { .. }), Twist::ForgetsAcceptances) => Ok(()),
            _ => self.paxos.recover(at, record),
        }
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        let input = match input {
            Input::Message(from, message) => {
                for (from, message) in self.heard(from, message) {
                    self.run(Input::Message(from, message), cx);
                }
                return;
            }
            Input::Start { incarnation, log } => {
                let (LogState::Recovered { end } | LogState::Damaged { end, .. }) = log else {
                    return self.run(Input::Start { incarnation, log }, cx);
                };
                self.tail = Tail { end, promised: Lsn::ZERO };
                Input::Start { incarnation, log }
            }
            Input::Timer(timer) => Input::Timer(timer),
            Input::Command(command) => Input::Command(command),
            Input::Done(never) => match never {},
            Input::Link(peer, link) => Input::Link(peer, link),
            Input::Flush => Input::Flush,
            Input::Rewrite(below) => Input::Rewrite(below),
        };
        self.run(input, cx);
    }
}
