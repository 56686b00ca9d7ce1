//! Partitions on the move: one writer each, and none of its writes is lost.

use super::{Clusters, Exploring, Search, Setup};
use core::time::Duration;
use std::collections::BTreeMap;
use synod_core::NodeId;
use synod_partition::PartitionId;
use synod_partition::handoff::{Command, Config, Done, Event, Handoff, Handover, Job, Safety};
use synod_sim::explore::{Bounds, Cluster, Network, Observer};
use synod_sim::{Climate, Dials, Fault, Io, Latency, Rate, Sim, Workload, World};

pub(super) fn setups() -> Vec<Setup> {
    let seeds = |name, says, sim| {
        let search = Search::Seeds(Box::new(Clusters { sim }));
        Setup { room: "partition", name, says, search }
    };
    let states = |name, says, cluster: fn() -> Cluster<Handoff, Watcher>| {
        let search = Search::States(Box::new(Exploring { cluster }));
        Setup { room: "partition", name, says, search }
    };
    vec![
        seeds("moving-5", "twelve partitions on five nodes, every fault", moving(5, 12, Climate::swarm())),
        seeds(
            "frail-3",
            "four on three nodes that die before their slow disks are done",
            moving(3, 4, frail()),
        ),
        states("giving-2", "every schedule of a partition that is given away, and a crash", || {
            schedules(&[2], 1, Bounds { crashes: 1, ..everlasting() })
        }),
        states(
            "returning-2",
            "every schedule of one that comes back, messages arriving any number of times",
            || schedules(&[2, 1], 1, everlasting()),
        ),
        states(
            "elsewhere-2",
            "every schedule of one that is given away by another's order, and a crash",
            || schedules(&[2], 2, Bounds { crashes: 1, ..everlasting() }),
        ),
    ]
}

fn frail() -> Climate {
    let ms = Duration::from_millis;
    let mut dials = Dials::calm();
    dials.latency = Latency::Uniform(ms(1), ms(20));
    dials.sync = Latency::Uniform(ms(1), ms(60));
    dials.reorder_ppm = 500_000;
    dials.schedule = vec![Rate { fault: Fault::Crash, every: ms(60), lasting: (ms(1), ms(50)) }];
    Climate::Fixed(dials)
}

/// Clients that write, and an operator whose plans differ from each other.
#[derive(Clone, Debug, Default)]
struct Clients {
    partitions: u64,
    asked: u64,
    plans: u64,
    healed: bool,
    admitted: BTreeMap<(PartitionId, u64), NodeId>,
    twice: Option<String>,
    owners: BTreeMap<PartitionId, NodeId>,
}

impl Clients {
    /// Each plan moves all partitions, twice, and elsewhere than the one before.
    fn plan(&self, nodes: u64) -> Command {
        let to = |step: u64, id: u64| NodeId(1 + (id * 3 + step * 2 + self.plans) % nodes);
        let step = |step| (0..self.partitions).map(move |id| (step, id));
        let handover = |(step, id)| Handover { partition: PartitionId(id), to: to(step, id) };
        Command::Begin { steps: (0..2).map(|at| step(at).map(handover).collect()).collect() }
    }
}

const PLAN: u64 = 1;
const GIVE_UP: u64 = 2;

impl Workload<Handoff> for Clients {
    fn begin(&mut self, io: &mut Io<'_, Handoff>) {
        io.wake(Duration::from_millis(1), 0);
        io.wake(Duration::from_millis(100), PLAN);
    }

    fn on_event(&mut self, node: NodeId, event: Event, _: &mut Io<'_, Handoff>) {
        match event {
            Event::Admitted { partition, version, .. } => {
                if let Some(other) = self.admitted.insert((partition, version), node) {
                    self.twice = Some(format!("{partition}: version {version} on {other} and {node}"));
                }
            }
            Event::Owned { partition, by, .. } => drop(self.owners.insert(partition, by)),
            _ => {}
        }
    }

    fn on_wake(&mut self, token: u64, io: &mut Io<'_, Handoff>) {
        let nodes = io.nodes().len() as u64;
        if token == PLAN {
            // A plan that is under way refuses another.
            if !self.healed {
                self.plans += 1;
                io.request(NodeId(1), u64::MAX, self.plan(nodes));
                io.wake(Duration::from_millis(300), PLAN);
                // Every third plan is given up, sooner or later.
                if self.plans.is_multiple_of(3) {
                    io.wake(Duration::from_millis(10 + self.plans % 7 * 20), GIVE_UP);
                }
            }
            return;
        }
        if token == GIVE_UP {
            return io.request(NodeId(1), u64::MAX - 1, Command::Abort);
        }
        self.asked += 1;
        let partition = PartitionId(io.decide(self.asked, self.partitions));
        let anybody = NodeId(1 + io.decide(self.asked + (2 << 32), nodes));
        let node = self.owners.get(&partition).copied().unwrap_or(anybody);
        io.request(node, self.asked, Command::Admit { partition, token: self.asked });
        let pause = 1 + io.decide(self.asked + (1 << 32), 20);
        io.wake(Duration::from_millis(pause), 0);
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, Handoff>) {}

    fn on_heal(&mut self, _: &mut Io<'_, Handoff>) {
        self.healed = true;
    }

    fn on_job(&mut self, _: NodeId, job: Job, io: &mut Io<'_, Handoff>) -> Option<(Duration, Done)> {
        let Job::Copy { partition, epoch, .. } = job else { return None };
        let span = 1 + io.decide(partition.0 ^ epoch << 20 ^ 1 << 40, 100);
        Some((Duration::from_millis(span), Done::Copied { partition, epoch }))
    }
}

fn moving(nodes: u64, partitions: u64, climate: Climate) -> Sim<Handoff, Clients> {
    let initial = (0..partitions).map(|id| (PartitionId(id), NodeId(1 + id % nodes)));
    let config = Config::new(NodeId(1), initial);
    let clients = Clients { partitions, ..Clients::default() };
    Sim::new(nodes as usize, move |id| Handoff::new(id, config.clone()), clients)
        .climate(climate)
        .storm(Duration::from_secs(3))
        .always("one writer, an owner, no lost write", || {
            let mut safety = Safety::default();
            move |id, node: Option<&Handoff>| {
                safety.observe(id, node).map_err(|violation| violation.to_string())
            }
        })
        .eventually_after_heal(
            "the plan is done",
            Duration::from_secs(20),
            |world: &World<Handoff, Clients>| {
                world.up().count() == world.len() && world.node(NodeId(1)).is_some_and(|node| !node.is_busy())
            },
        )
        .finally("no version twice", |world: &World<Handoff, Clients>| {
            world.workload().twice.clone().map_or(Ok(()), Err)
        })
}

#[derive(Clone, Debug, Default, Hash)]
struct Watcher(Safety);

impl Observer<Handoff> for Watcher {
    fn on_event(&mut self, node: NodeId, event: &Event) -> Result<(), String> {
        self.0.hear(node, event).map_err(|violation| violation.to_string())
    }

    fn on_step(&mut self, node: NodeId, handoff: Option<&Handoff>) -> Result<(), String> {
        self.0.observe(node, handoff).map_err(|violation| violation.to_string())
    }
}

fn everlasting() -> Bounds {
    Bounds { network: Network::Everlasting, ..Bounds::default() }
}

/// A partition begins on node 1 and goes to each of these nodes in turn, while clients write.
fn schedules(route: &[u64], coordinator: u64, bounds: Bounds) -> Cluster<Handoff, Watcher> {
    let partition = PartitionId(1);
    let config = Config::new(NodeId(coordinator), [(partition, NodeId(1))]);
    let steps = route.iter().map(|to| vec![Handover { partition, to: NodeId(*to) }]).collect();
    Cluster::observed(2, move |id| Handoff::new(id, config.clone()), Watcher::default())
        .bounds(bounds)
        .without_incarnations()
        .answers(|_, job: &Job| match *job {
            Job::Copy { partition, epoch, .. } => vec![Done::Copied { partition, epoch }],
            _ => vec![],
        })
        .command(NodeId(coordinator), Command::Begin { steps })
        .command(NodeId(1), Command::Admit { partition, token: 1 })
        .command(NodeId(2), Command::Admit { partition, token: 2 })
}
