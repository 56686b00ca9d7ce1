//! The protocol with a mistake, which an exploration must notice. The difference is made at its boundary: the protocol inside is the
//! shipped one.

use synod_core::host::{Moment, Tail};
use synod_core::{Context, Effect, Input, LogState, Lsn, Protocol, Recovered, Sink, SplitMix64};
use synod_partition::handoff::{
    Command, Done, Event, Handoff, Holding, Job, Message, Record, RecoverError, State,
};

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
    /// Writes are counted in memory alone.
    ForgetsWrites,
    /// Who has the data serves at once, and does not wait until the old owner has let go.
    ServesWhenReady,
    /// An owner thaws, and does not withdraw its offer from who is ready.
    ThawsWithoutRevoking,
    /// An owner that has let go takes the partition back when it is asked to keep it.
    KeepsWhatIsGone,
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
                    let message = match (self.twist, message) {
                        (Twist::ThawsWithoutRevoking, Message::Withdrawn { partition, epoch }) => {
                            Message::Yours { partition, epoch }
                        }
                        _ => message,
                    };
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
            Input::Message(from, Message::Keep { partition, epoch })
                if self.twist == Twist::KeepsWhatIsGone =>
            {
                if let Some(held) = self.handoff.holding(partition)
                    && matches!(held.state, State::Gone(_))
                    && held.epoch < epoch
                {
                    let back = Record::Holds(partition, Holding { epoch, state: State::Serving, ..held });
                    let _ = self.handoff.recover(Lsn::ZERO, Recovered::Intact(back));
                }
                Input::Message(from, Message::Keep { partition, epoch })
            }
            Input::Done(Done::Copied { partition, epoch }) if self.twist == Twist::ServesWhenReady => {
                self.run(Input::Done(Done::Copied { partition, epoch }), cx);
                if let Some(State::Ready(from)) = self.handoff.holding(partition).map(|held| held.state) {
                    self.run(Input::Message(from, Message::Yours { partition, epoch }), cx);
                }
                return;
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
