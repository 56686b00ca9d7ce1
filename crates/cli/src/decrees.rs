//! Many decisions of single-decree Paxos, one after the other: each is an instance behind a slot, and all share one transport
//! and one log.

mod clients;
mod recipe;

pub(crate) use clients::{Asked, Clients, Done};
pub(crate) use recipe::{Settings, scripted, shrinker, simulation};

use core::hash::{Hash, Hasher};
use std::collections::{BTreeMap, VecDeque};
use synod_core::wire::{Reader, Wire, WireError, Writer};
use synod_core::{Context, Input, Lane, LogState, Lsn, Never, Protocol, Recovered, Sink, Slot};
use synod_paxos::{Command, Config, Event, Message, Paxos, Record, RecoverError, Timer};

/// The number of a decree, from 1 on.
pub(crate) type Number = u32;

/// What one instance says, and which it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Of<T> {
    pub(crate) number: Number,
    pub(crate) word: T,
}

/// A message is that of an instance behind the instance's number, four bytes little-endian.
impl Wire for Of<Message> {
    const LEN_MIN: usize = 4 + Message::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u32(self.number);
        self.word.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { number: input.u32()?, word: Message::decode(input)? })
    }
}

/// One node: all instances that it has heard of.
#[derive(Clone, Debug)]
pub(crate) struct Decrees {
    blank: Paxos,
    instances: BTreeMap<Number, Instance>,
    /// A new instance starts as the others have.
    start: Option<(u64, LogState)>,
    steps: u64,
    /// The instances of the last steps.
    recent: VecDeque<Number>,
}

#[derive(Clone, Debug, Hash)]
struct Instance {
    paxos: Paxos,
    promised: Lsn,
}

/// So many steps are remembered.
const RECENT: usize = 64;

impl Decrees {
    pub(crate) fn new(config: Config) -> Result<Self, synod_paxos::ConfigError> {
        Ok(Self {
            blank: Paxos::new(config)?,
            instances: BTreeMap::new(),
            start: None,
            steps: 0,
            recent: VecDeque::new(),
        })
    }

    /// One instance, if this node has heard of it.
    pub(crate) fn instance(&self, number: Number) -> Option<&Paxos> {
        self.instances.get(&number).map(|instance| &instance.paxos)
    }

    /// All that this node has heard of, in order.
    pub(crate) fn instances(&self) -> impl Iterator<Item = (Number, &Paxos)> {
        self.instances.iter().map(|(number, instance)| (*number, &instance.paxos))
    }

    /// How many steps instances have taken since the process began.
    pub(crate) const fn steps(&self) -> u64 {
        self.steps
    }

    /// The instances that took the steps after the first `since`; all, where too many were taken to tell.
    pub(crate) fn moved(&self, since: u64) -> Vec<Number> {
        let steps = usize::try_from(self.steps.saturating_sub(since)).unwrap_or(usize::MAX);
        match self.recent.len().checked_sub(steps) {
            Some(before) if self.steps >= since => self.recent.iter().skip(before).copied().collect(),
            _ => self.instances.keys().copied().collect(),
        }
    }

    fn run<S: Sink<Self> + ?Sized>(
        &mut self,
        number: Number,
        input: Input<Paxos>,
        cx: &mut Context<'_, Self, S>,
    ) {
        let start = self.start;
        let instance = self.instances.entry(number).or_insert_with(|| {
            let mut paxos = self.blank.clone();
            let mut promised = Lsn::ZERO;
            if let Some((incarnation, log)) = start {
                cx.slot(&mut At(number), &mut promised, |cx| {
                    paxos.step(Input::Start { incarnation, log }, cx);
                });
            }
            Instance { paxos, promised }
        });
        cx.slot(&mut At(number), &mut instance.promised, |cx| instance.paxos.step(input, cx));
        self.steps += 1;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(number);
    }

    fn all<S: Sink<Self> + ?Sized>(
        &mut self,
        input: impl Fn() -> Input<Paxos>,
        cx: &mut Context<'_, Self, S>,
    ) {
        let numbers: Vec<Number> = self.instances.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.run(number, input(), cx));
    }
}

impl Hash for Decrees {
    /// What was counted for observers is no part of the state.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.instances.hash(state);
    }
}

/// The place of one instance.
struct At(Number);

impl At {
    const fn of<T>(&self, word: T) -> Of<T> {
        Of { number: self.0, word }
    }
}

impl Slot<Paxos> for At {
    type Parent = Decrees;

    fn message(&self, message: Message) -> Of<Message> {
        self.of(message)
    }

    fn record(&self, record: Record) -> Of<Record> {
        self.of(record)
    }

    fn timer(&self, timer: Timer) -> (Number, Timer) {
        (self.0, timer)
    }

    fn job(&self, job: Never) -> Never {
        job
    }

    fn event<S: Sink<Decrees> + ?Sized>(&mut self, event: Event, after: Lsn, sink: &mut S) {
        sink.emit(self.of(event), after);
    }

    /// Every decree stays readable, so the log keeps all of them.
    fn release(&mut self, _: Lsn, _: Lsn) -> Option<(Lsn, Lsn)> {
        None
    }
}

impl Protocol for Decrees {
    type Message = Of<Message>;
    type Record = Of<Record>;
    type Command = Of<Command>;
    type Event = Of<Event>;
    type Timer = (Number, Timer);
    type Job = Never;
    type Done = Never;
    type Error = RecoverError;

    fn recover(&mut self, at: Lsn, record: Recovered<Of<Record>>) -> Result<(), RecoverError> {
        match record {
            Recovered::Intact(Of { number, word }) => {
                let blank = || Instance { paxos: self.blank.clone(), promised: Lsn::ZERO };
                let instance = self.instances.entry(number).or_insert_with(blank);
                instance.paxos.recover(at, Recovered::Intact(word))
            }
            Recovered::Damaged(damage) => Err(RecoverError::Damaged { at, damage }),
        }
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { incarnation, log } => {
                self.start = Some((incarnation, log));
                self.all(|| Input::Start { incarnation, log }, cx);
            }
            Input::Message(from, Of { number, word }) => self.run(number, Input::Message(from, word), cx),
            Input::Timer((number, timer)) => self.run(number, Input::Timer(timer), cx),
            Input::Command(Of { number, word }) => self.run(number, Input::Command(word), cx),
            Input::Rewrite(below) => self.all(|| Input::Rewrite(below), cx),
            // An instance does nothing when it is told of links, or that nothing more is to come.
            Input::Link(..) | Input::Flush => {}
            Input::Done(never) => match never {},
        }
    }

    fn lane(message: &Of<Message>) -> Lane {
        Paxos::lane(&message.word)
    }
}
