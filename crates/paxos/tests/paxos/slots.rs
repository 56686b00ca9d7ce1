//! Many decisions on one node: instances behind slots share one log and one transport.

use crate::cluster::{ballot, config};
use std::collections::BTreeMap;
use synod_core::host::Log as _;
use synod_core::testing::{Bench, Output};
use synod_core::{Bytes, Context, Floors, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink, Slot};
use synod_paxos::{Command, Event, Message, Paxos, Record, RecoverError, Timer};

/// One decision for each number, every one with a tail of its own.
struct Register {
    instances: BTreeMap<u8, (Paxos, Lsn)>,
    floors: Floors<u8>,
}

struct At<'a> {
    number: u8,
    floors: &'a mut Floors<u8>,
}

impl Slot<Paxos> for At<'_> {
    type Parent = Register;

    fn message(&self, message: Message) -> (u8, Message) {
        (self.number, message)
    }

    fn record(&self, record: Record) -> (u8, Record) {
        (self.number, record)
    }

    fn timer(&self, timer: Timer) -> (u8, Timer) {
        (self.number, timer)
    }

    fn job(&self, job: Never) -> Never {
        job
    }

    fn event<S: Sink<Register> + ?Sized>(&mut self, event: Event, after: Lsn, sink: &mut S) {
        sink.emit((self.number, event), after);
    }

    fn release(&mut self, upto: Lsn, after: Lsn) -> Option<(Lsn, Lsn)> {
        self.floors.release(self.number, upto, after)
    }
}

impl Register {
    fn new(id: u64) -> Self {
        let mut floors = Floors::default();
        let mut instances = BTreeMap::new();
        for number in [7, 8] {
            floors.add(number);
            instances.insert(number, (Paxos::new(config(id, 3)).unwrap(), Lsn::ZERO));
        }
        Self { instances, floors }
    }

    fn run<S: Sink<Self> + ?Sized>(
        &mut self,
        number: u8,
        input: Input<Paxos>,
        cx: &mut Context<'_, Self, S>,
    ) {
        let Self { instances, floors } = self;
        let Some((paxos, promised)) = instances.get_mut(&number) else { return };
        cx.slot(&mut At { number, floors }, promised, |cx| paxos.step(input, cx));
    }

    fn value(&self, number: u8) -> Option<&Bytes> {
        self.instances[&number].0.decided().map(|decided| &decided.value)
    }
}

impl Protocol for Register {
    type Message = (u8, Message);
    type Record = (u8, Record);
    type Command = (u8, Command);
    type Event = (u8, Event);
    type Timer = (u8, Timer);
    type Job = Never;
    type Done = Never;
    type Error = RecoverError;

    fn recover(&mut self, at: Lsn, record: Recovered<(u8, Record)>) -> Result<(), RecoverError> {
        match record {
            Recovered::Intact((number, record)) => match self.instances.get_mut(&number) {
                Some((paxos, _)) => paxos.recover(at, Recovered::Intact(record)),
                None => Ok(()),
            },
            Recovered::Damaged(damage) => Err(RecoverError::Damaged { at, damage }),
        }
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { incarnation, log } => {
                [7, 8].into_iter().for_each(|number| self.run(number, Input::Start { incarnation, log }, cx));
            }
            Input::Message(from, (number, message)) => self.run(number, Input::Message(from, message), cx),
            Input::Timer((number, timer)) => self.run(number, Input::Timer(timer), cx),
            Input::Command((number, command)) => self.run(number, Input::Command(command), cx),
            Input::Rewrite(below) => {
                [7, 8].into_iter().for_each(|number| self.run(number, Input::Rewrite(below), cx));
            }
            _ => {}
        }
    }
}

fn settle(nodes: &mut [Bench<Register>]) -> Vec<(usize, u8, String)> {
    let mut decisions = Vec::new();
    loop {
        let mut letters = Vec::new();
        for (place, node) in nodes.iter_mut().enumerate() {
            node.sync().unwrap();
            for output in node.take() {
                match output {
                    Output::Send { to, message, .. } => letters.push((NodeId(place as u64 + 1), to, message)),
                    Output::Event((number, Event::Decided { value, .. })) => {
                        decisions.push((place, number, String::from_utf8_lossy(&value).into_owned()));
                    }
                    _ => {}
                }
            }
        }
        if letters.is_empty() {
            return decisions;
        }
        for (from, to, message) in letters {
            nodes[to.0 as usize - 1].input(Input::Message(from, message));
        }
    }
}

fn propose(value: &'static str) -> Command {
    Command::Propose { value: value.into() }
}

#[test]
fn two_instances_on_each_node_share_a_log_and_decide_apart() {
    let mut nodes = [1, 2, 3].map(|id| Bench::new(NodeId(id), Register::new(id)));
    nodes.iter_mut().for_each(|node| node.start().unwrap());
    nodes[0].input(Input::Command((7, propose("seven"))));
    nodes[2].input(Input::Command((8, propose("eight"))));
    let mut decisions = settle(&mut nodes);
    decisions.sort_unstable();
    let expected = |place| [(place, 7, "seven".to_owned()), (place, 8, "eight".to_owned())];
    assert_eq!(decisions, [0, 1, 2].map(expected).concat());

    // Both come back from the one log, in which neither has held up the other's space.
    for (id, node) in (1..).zip(&mut nodes) {
        let mut kept = 0;
        node.log.replay(&mut |_, _| kept += 1).unwrap();
        assert!(kept <= 3, "{kept} records of two instances");
        node.restart(Register::new(id)).unwrap();
    }
    nodes[1].input(Input::Command((7, propose("late"))));
    nodes[1].input(Input::Command((8, propose("late"))));
    settle(&mut nodes);
    for node in &nodes {
        assert_eq!(
            (node.protocol.value(7).unwrap(), node.protocol.value(8).unwrap()),
            (&"seven".into(), &"eight".into())
        );
    }
}

#[test]
fn one_instance_does_not_wait_for_the_records_of_another() {
    let mut node = Bench::new(NodeId(1), Register::new(1));
    node.start().unwrap();
    let prepare = |number| Input::Message(NodeId(2), (number, Message::Prepare { ballot: ballot(1, 2) }));
    node.input(prepare(7));
    node.sync().unwrap();
    node.take();
    node.input(prepare(8));
    assert_eq!(node.take(), [], "its promise waits for the disk");
    node.input(prepare(7));
    assert_eq!(node.take().len(), 1, "the other's is durable, and is given again at once");
}

#[test]
fn an_idle_instance_makes_room_when_it_is_asked() {
    let mut node = Bench::new(NodeId(1), Register::new(1));
    node.start().unwrap();
    let say = |number, message| Input::Message(NodeId(2), (number, message));
    node.input(say(8, Message::Accept { ballot: ballot(1, 2), value: "idle".into() }));
    for round in 1..=20 {
        node.input(say(7, Message::Prepare { ballot: ballot(round, 2) }));
        node.sync().unwrap();
    }
    let first = |node: &mut Bench<Register>| {
        let mut first = Lsn::ZERO;
        node.log.replay(&mut |at, _| first = if first == Lsn::ZERO { at } else { first }).unwrap();
        first
    };
    assert_eq!(first(&mut node), Lsn(1), "the idle one's only record is the oldest");
    let end = node.log.end();
    node.input(Input::Rewrite(end));
    node.sync().unwrap();
    assert_eq!(first(&mut node), end);
    node.restart(Register::new(1)).unwrap();
    assert_eq!(node.protocol.instances[&8].0.accepted().unwrap().value, "idle");
}
