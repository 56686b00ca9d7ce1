//! The protocol with a mistake, which an exploration must notice. The difference is made at its boundary: the protocol inside is the
//! shipped one.

use synod_core::host::{Moment, Tail};
use synod_core::{Context, Effect, Input, LogState, Lsn, NodeId, Protocol, Recovered, Sink, SplitMix64};
use synod_partition::handoff::{Command, Done, Event, Handoff, Job, Message, Record, RecoverError, State};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Twist {
    /// Not at all.
    None,
    /// Effects leave before what they wait for is durable.
    SpeaksEarly,
    /// That a partition was frozen is not remembered over a restart.
    ForgetsFrozen,
    /// Neither that a partition was frozen nor that it was given away is remembered over a restart.
    ForgetsGiving,
    /// What is offered counts as taken.
    LetsGoAtOnce,
    /// An offer is taken whenever it comes.
    TakesOldOffers,
    /// Writes are counted in memory alone.
    ForgetsWrites,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Twisted {
    pub(crate) handoff: Handoff,
    twist: Twist,
    tail: Tail,
}

impl Twisted {
    pub(crate) fn new(handoff: Handoff, twist: Twist) -> Self {
        Self { handoff, twist, tail: Tail::default() }
    }

    fn run<S: Sink<Self> + ?Sized>(&mut self, input: Input<Handoff>, cx: &mut Context<'_, Self, S>) {
        let moment = Moment { me: cx.me(), now: cx.now(), wall: None, durable: cx.durable() };
        let mut effects = Vec::new();
        let mut chance = SplitMix64::new(0);
        self.handoff.step(input, &mut Context::new(moment, &mut self.tail, &mut chance, &mut effects));
        for effect in effects {
            match effect {
                Effect::Send { to, message, after, .. } => {
                    if let (Twist::LetsGoAtOnce, Message::Take { partition, epoch, .. }) =
                        (self.twist, message)
                        && let synod_core::Peers::One(peer) = to
                    {
                        self.run(Input::Message(peer, Message::Taken { partition, epoch }), cx);
                    }
                    if self.twist == Twist::SpeaksEarly {
                        cx.send_early(to, message);
                    } else {
                        cx.send_after(after, to, message);
                    }
                }
                Effect::Emit { event, after } => cx.emit_after(after, event),
                Effect::Persist { record, .. } => drop(cx.persist(record)),
                Effect::Release { upto, .. } => cx.release(upto),
                Effect::Arm { timer, after } => cx.arm(timer, after),
                Effect::Disarm(timer) => cx.disarm(timer),
                Effect::Job(job) => cx.job(job),
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
    type Timer = ();
    type Job = Job;
    type Done = Done;
    type Error = RecoverError;

    fn recover(&mut self, at: Lsn, record: Recovered<Record>) -> Result<(), RecoverError> {
        let Recovered::Intact(mut kept) = record else { return self.handoff.recover(at, record) };
        if let Record::Holds(_, holding) = &mut kept {
            match (self.twist, holding.state) {
                (Twist::ForgetsFrozen | Twist::ForgetsGiving, State::Frozen(_))
                | (Twist::ForgetsGiving, State::Gone(_)) => {
                    return Ok(());
                }
                (Twist::ForgetsWrites, State::Serving) if holding.epoch == 0 => return Ok(()),
                _ => {}
            }
        }
        self.handoff.recover(at, Recovered::Intact(kept))
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        let input = match input {
            Input::Message(from, Message::Take { partition, epoch, version })
                if self.twist == Twist::TakesOldOffers =>
            {
                // As if nothing had been known of the partition: a node that remembers what it has, and not what it gave away.
                let gone =
                    self.handoff.holding(partition).is_some_and(|held| matches!(held.state, State::Gone(_)));
                if gone {
                    let before = self.handoff.clone();
                    self.handoff =
                        Handoff::new(NodeId(u64::MAX), synod_partition::handoff::Config::new(NodeId(1), []));
                    for (id, holding) in before.holdings().filter(|(id, _)| *id != partition) {
                        let _ =
                            self.handoff.recover(Lsn::ZERO, Recovered::Intact(Record::Holds(id, holding)));
                    }
                }
                Input::Message(from, Message::Take { partition, epoch, version })
            }
            Input::Message(from, message) => Input::Message(from, message),
            Input::Start { incarnation, log } => {
                if let LogState::Recovered { end } | LogState::Damaged { end, .. } = log {
                    self.tail = Tail { end, promised: Lsn::ZERO };
                }
                Input::Start { incarnation, log }
            }
            Input::Timer(()) => Input::Timer(()),
            Input::Command(command) => Input::Command(command),
            Input::Done(done) => Input::Done(done),
            Input::Link(peer, link) => Input::Link(peer, link),
            Input::Flush => Input::Flush,
            Input::Rewrite(below) => Input::Rewrite(below),
        };
        self.run(input, cx);
    }

    fn wants_flush(&self) -> bool {
        false
    }
}
