//! Single situations, message by message: who is dead, what fails, what is refused.

use std::collections::BTreeMap;
use synod_core::testing::{Bench, Output};
use synod_core::{Input, NodeId};
use synod_partition::PartitionId;
use synod_partition::handoff::{
    Command, Config, Done, Event, Handoff, Handover, Holding, Job, Message, Refusal, State, VERSION_MAX,
};

const P: PartitionId = PartitionId(7);

/// Some nodes, some of them dead, and a network without faults.
struct Nodes {
    benches: BTreeMap<NodeId, Bench<Handoff>>,
    events: Vec<(NodeId, Event)>,
    /// How many copies fail before one succeeds.
    failing: usize,
}

impl Nodes {
    fn new(config: &Config, alive: impl IntoIterator<Item = u64>) -> Self {
        let bench = |id| (NodeId(id), Bench::new(NodeId(id), Handoff::new(NodeId(id), config.clone())));
        let mut benches: BTreeMap<_, _> = alive.into_iter().map(bench).collect();
        benches.values_mut().for_each(|bench| bench.start().unwrap());
        Self { benches, events: Vec::new(), failing: 0 }
    }

    fn command(&mut self, to: u64, command: Command) {
        self.benches.get_mut(&NodeId(to)).unwrap().input(Input::Command(command));
        self.run();
    }

    /// Time passes: timers run out.
    fn wait(&mut self) {
        self.benches.values_mut().for_each(|bench| bench.input(Input::Timer(())));
        self.run();
    }

    fn run(&mut self) {
        loop {
            let mut outputs = Vec::new();
            for (id, bench) in &mut self.benches {
                // What a node tells itself may wait for the disk again.
                for _ in 0..4 {
                    bench.sync().unwrap();
                }
                outputs.extend(bench.take().into_iter().map(|output| (*id, output)));
            }
            if outputs.is_empty() {
                return;
            }
            for (from, output) in outputs {
                match output {
                    Output::Send { to, message, .. } => {
                        if let Some(bench) = self.benches.get_mut(&to) {
                            bench.input(Input::Message(from, message));
                        }
                    }
                    Output::Job(Job::Copy { partition, epoch, .. }) => {
                        let done = if self.failing > 0 {
                            self.failing -= 1;
                            Done::Failed { partition, epoch }
                        } else {
                            Done::Copied { partition, epoch }
                        };
                        self.benches.get_mut(&from).unwrap().input(Input::Done(done));
                    }
                    Output::Event(event) => self.events.push((from, event)),
                    _ => {}
                }
            }
        }
    }

    fn heard(&mut self) -> Vec<Event> {
        core::mem::take(&mut self.events).into_iter().map(|(_, event)| event).collect()
    }

    fn state(&self, node: u64) -> Option<Holding> {
        self.benches[&NodeId(node)].protocol.holding(P)
    }
}

fn to(node: u64) -> Command {
    Command::Begin { steps: vec![vec![Handover { partition: P, to: NodeId(node) }]] }
}

fn config() -> Config {
    Config::new(NodeId(1), [(P, NodeId(1))]).with((1..=3).map(NodeId))
}

#[test]
fn a_plan_towards_a_dead_node_can_be_given_up_and_the_next_one_works() {
    let mut nodes = Nodes::new(&config(), [1, 3]);
    nodes.command(1, to(2));
    nodes.wait();
    nodes.command(1, Command::Admit { partition: P, token: 1 });
    nodes.command(1, to(3));
    let frozen = Event::Moved { partition: P, token: 1, to: NodeId(2), epoch: 1 };
    assert_eq!(nodes.heard(), [frozen, Event::Refused(Refusal::Busy)]);
    nodes.command(1, Command::Abort);
    assert_eq!(nodes.state(1), Some(Holding { epoch: 2, version: 0, state: State::Serving }));
    nodes.command(1, Command::Admit { partition: P, token: 2 });
    let kept = Event::Owned { partition: P, by: NodeId(1), epoch: 2 };
    let written = Event::Admitted { partition: P, token: 2, epoch: 2, version: 1 };
    assert_eq!(nodes.heard(), [kept, Event::Aborted, written]);
    nodes.command(1, to(3));
    assert_eq!(nodes.state(3), Some(Holding { epoch: 3, version: 1, state: State::Serving }));
    assert_eq!(nodes.heard(), [Event::Owned { partition: P, by: NodeId(3), epoch: 3 }, Event::Finished]);
    nodes.command(1, Command::Abort);
    assert_eq!(nodes.heard(), [Event::Refused(Refusal::Idle)]);
}

#[test]
fn an_abort_that_comes_too_late_finds_it_done() {
    let mut nodes = Nodes::new(&config(), [1, 2]);
    // Node 2 owns it; that it gave it to node 1 is not heard of when the plan is given up.
    nodes.command(1, to(2));
    let _ = nodes.heard();
    let bench = nodes.benches.get_mut(&NodeId(2)).unwrap();
    bench.input(Input::Message(NodeId(1), Message::Give { partition: P, epoch: 2, to: NodeId(1) }));
    bench.sync().unwrap();
    let _ = bench.take();
    bench.input(Input::Message(NodeId(1), Message::Taken { partition: P, epoch: 2 }));
    bench.sync().unwrap();
    let _ = bench.take();
    let bench = nodes.benches.get_mut(&NodeId(1)).unwrap();
    bench.input(Input::Command(to(1)));
    bench.sync().unwrap();
    let _ = bench.take();
    nodes.command(1, Command::Abort);
    assert_eq!(nodes.heard(), [Event::Owned { partition: P, by: NodeId(1), epoch: 2 }, Event::Aborted]);
}

#[test]
fn a_copy_that_fails_is_tried_again_with_the_next_offer() {
    let mut nodes = Nodes::new(&config(), [1, 2]);
    nodes.failing = 2;
    nodes.command(1, to(2));
    assert_eq!(nodes.state(2), None);
    nodes.wait();
    assert_eq!(nodes.state(2), None);
    nodes.wait();
    assert_eq!(nodes.state(2), Some(Holding { epoch: 1, version: 0, state: State::Serving }));
    assert!(nodes.heard().contains(&Event::Finished));
}

#[test]
fn a_plan_that_cannot_be_is_refused_with_its_reason() {
    let mut nodes = Nodes::new(&config(), [1, 2]);
    let other = PartitionId(9);
    let plan = |handovers: &[(PartitionId, u64)]| {
        let handover = |(partition, to): &(_, u64)| Handover { partition: *partition, to: NodeId(*to) };
        Command::Begin { steps: vec![handovers.iter().map(handover).collect()] }
    };
    let cases = [
        (1, plan(&[(P, 8)]), Refusal::UnknownNode { node: NodeId(8) }),
        (1, plan(&[(other, 2)]), Refusal::UnknownPartition { partition: other }),
        (1, plan(&[(P, 2), (P, 3)]), Refusal::Twice { partition: P }),
        (1, Command::Abort, Refusal::Idle),
        (2, plan(&[(P, 2)]), Refusal::Elsewhere { coordinator: NodeId(1) }),
        (2, Command::Abort, Refusal::Elsewhere { coordinator: NodeId(1) }),
    ];
    for (node, command, refusal) in cases {
        nodes.command(node, command);
        assert_eq!(nodes.heard(), [Event::Refused(refusal)]);
    }
    assert_eq!(nodes.state(1), Some(Holding { epoch: 0, version: 0, state: State::Serving }));
}

/// What a peer says is not counted on from.
#[test]
fn versions_and_epochs_from_peers_end_before_they_overflow() {
    let offer = |epoch, version| Input::Message(NodeId(1), Message::Take { partition: P, epoch, version });
    for (epoch, version) in [(1, u64::MAX), (u64::MAX, 1)] {
        let mut nodes = Nodes::new(&config(), [2]);
        nodes.benches.get_mut(&NodeId(2)).unwrap().input(offer(epoch, version));
        nodes.run();
        assert_eq!(nodes.heard(), [Event::Implausible { partition: P, from: NodeId(1) }]);
        assert_eq!(nodes.state(2), None);
    }
    let mut nodes = Nodes::new(&config(), [2]);
    let bench = nodes.benches.get_mut(&NodeId(2)).unwrap();
    bench.input(offer(1, VERSION_MAX - 1));
    bench.input(Input::Done(Done::Copied { partition: P, epoch: 1 }));
    bench.input(Input::Message(NodeId(1), Message::Yours { partition: P, epoch: 1 }));
    for token in 1..=2 {
        nodes.command(2, Command::Admit { partition: P, token });
    }
    let last = Event::Admitted { partition: P, token: 1, epoch: 1, version: VERSION_MAX };
    assert_eq!(nodes.heard(), [last, Event::Exhausted { partition: P, token: 2 }]);
    assert_eq!(VERSION_MAX, u64::MAX - 1);
}
