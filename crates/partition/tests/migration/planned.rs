//! From the planner to the last handover: what is planned is carried out, in every schedule of a small cluster and in a hostile world, with
//! crashes and losses at every step.

use super::every_schedule::Watch;
use super::wrong::{Twist, Twisted};
use core::time::Duration;
use synod_core::NodeId;
use synod_hashring::{Cluster as Nodes, Node};
use synod_partition::handoff::{Command, Config, Done, Event, Handoff, Handover, Job, Safety, handovers};
use synod_partition::{Assignment, Limits, Partition, PartitionId, Plan, Replication, Request, audit};
use synod_sim::explore::{Bounds, Cluster, Explorer, Network};
use synod_sim::{Climate, Io, Sim, Workload, World};

/// Partitions that the nodes before the last own in turn; node 1 is to be emptied, and the last one is new.
fn request(nodes: u64, partitions: u64) -> Request {
    let node = |id| if id == 1 { Node::new(NodeId(id)).draining() } else { Node::new(NodeId(id)) };
    let cluster = Nodes::new((1..=nodes).map(node)).unwrap();
    let owned = (0..partitions).map(|id| Partition::new(id).sized(1 + id).owned([1 + id % (nodes - 1)]));
    Request::new(cluster, owned, Replication::new(1)).unwrap()
}

fn owned(request: &Request) -> Assignment {
    request.partitions().iter().map(|partition| (partition.id, partition.owners.clone())).collect()
}

fn config(request: &Request, coordinator: u64) -> Config {
    let initial = request.partitions().iter().map(|partition| (partition.id, partition.owners[0]));
    let cluster = request.cluster();
    let nodes = cluster.owners().map(|ix| cluster.id(ix));
    Config::new(NodeId(coordinator), initial).with(nodes)
}

/// The steps of a plan as handovers; each step is known to be safe.
fn steps(request: &Request, plan: &Plan, now: &Assignment) -> Vec<Vec<Handover>> {
    let steps = plan.steps(request, &Limits::default());
    handovers(plan, now, &steps).unwrap()
}

#[test]
fn what_is_planned_is_carried_out_in_every_schedule() {
    let request = request(3, 3);
    let plan = request.plan().unwrap();
    let limits = Limits::default();
    audit(&request, &plan, &plan.steps(&request, &limits), &limits).unwrap();
    let begin = steps(&request, &plan, &owned(&request));
    assert_eq!((begin.len(), begin.concat().len()), (2, plan.moves.len()));
    for coordinator in 1..=3 {
        let config = config(&request, coordinator);
        let make = move |id| Twisted::new(Handoff::new(id, config.clone()), Twist::None);
        let bounds = Bounds { crashes: 1, timers: 1, network: Network::Everlasting, ..Bounds::default() };
        let planned = plan.assignment.clone();
        let cluster = Cluster::observed(3, make, Watch::default())
            .bounds(bounds)
            .without_incarnations()
            .answers(|_, job: &Job| match *job {
                Job::Copy { partition, epoch, .. } => vec![Done::Copied { partition, epoch }],
                _ => vec![],
            })
            .command(NodeId(coordinator), Command::Begin { steps: begin.clone() })
            .command(NodeId(1), Command::Admit { partition: PartitionId(0), token: 1 })
            .always("a plan that is done is done as planned", move |view| {
                let handoff = view.node(NodeId(coordinator)).map(|twisted| &twisted.handoff);
                let done = handoff.filter(|handoff| !handoff.is_busy());
                let moved = done.is_some_and(|done| done.owners().any(|(.., epoch)| epoch > 0));
                let as_planned = |done: &Handoff| {
                    done.owners()
                        .all(|(id, owner, _)| planned.owners(id).is_some_and(|owners| owners[0] == owner))
                };
                if moved && !done.is_some_and(as_planned) { Err("it is not".to_owned()) } else { Ok(()) }
            });
        let exploration = Explorer::new(&cluster).run_with_sleep_sets();
        println!("{coordinator}: {exploration}, {:.1?}", exploration.extent.elapsed);
        // What is left out is timers that might run out once more.
        assert!(exploration.holds(), "{exploration}");
        assert!(exploration.extent.unique > 1_000, "{exploration}");
    }
}

/// An operator who begins the plan, gives it up now and then, and goes on from what is owned then; clients who write meanwhile.
#[derive(Clone, Debug)]
struct Operator {
    request: Request,
    plan: Plan,
    now: Assignment,
    orders: u64,
    asked: u64,
    aborted: bool,
    resumed: bool,
    finished: bool,
}

impl Workload<Handoff> for Operator {
    fn begin(&mut self, io: &mut Io<'_, Handoff>) {
        io.wake(Duration::from_millis(1), 0);
        io.wake(Duration::from_millis(200), 1);
    }

    fn on_event(&mut self, _: NodeId, event: Event, _: &mut Io<'_, Handoff>) {
        match event {
            Event::Owned { partition, by, .. } => self.now.set(partition, vec![by]),
            Event::Aborted => self.aborted = true,
            Event::Finished => self.finished = true,
            _ => {}
        }
    }

    fn on_wake(&mut self, token: u64, io: &mut Io<'_, Handoff>) {
        if token == 0 {
            self.asked += 1;
            let partition = PartitionId(io.decide(self.asked, self.request.partitions().len() as u64));
            let owner = self.now.owners(partition).unwrap()[0];
            io.request(owner, self.asked, Command::Admit { partition, token: self.asked });
            return io.wake(Duration::from_millis(5), 0);
        }
        if self.finished {
            return;
        }
        self.orders += 1;
        let order = if self.orders < 8 && io.decide(self.orders + (1 << 33), 3) == 0 {
            Command::Abort
        } else {
            let rest = self.plan.resume(&self.now).unwrap();
            self.resumed |= self.aborted && rest.moves.len() < self.plan.moves.len();
            Command::Begin { steps: steps(&self.request, &rest, &self.now) }
        };
        io.request(NodeId(2), u64::MAX, order);
        io.wake(Duration::from_millis(400), 1);
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, Handoff>) {}

    fn on_job(&mut self, _: NodeId, job: Job, io: &mut Io<'_, Handoff>) -> Option<(Duration, Done)> {
        let Job::Copy { partition, epoch, .. } = job else { return None };
        self.asked += 1;
        let span = Duration::from_millis(1 + io.decide(self.asked + (1 << 40), 300));
        let fails = io.decide(self.asked + (1 << 41), 8) == 0;
        let done = if fails { Done::Failed { partition, epoch } } else { Done::Copied { partition, epoch } };
        Some((span, done))
    }
}

#[test]
fn what_is_planned_is_carried_out_in_a_hostile_world_and_resumed() {
    let request = request(5, 16);
    let plan = request.plan().unwrap();
    let config = config(&request, 2);
    let (first, planned) = (owned(&request), plan.assignment.clone());
    let (orders, asked) = (0, 0);
    let (aborted, resumed, finished) = (false, false, false);
    let operator = Operator { request, plan, now: first, orders, asked, aborted, resumed, finished };
    let as_planned = move |world: &World<Handoff, Operator>| {
        let owns = |node: &Handoff, id| {
            node.holding(id).is_some_and(|held| held.state == synod_partition::handoff::State::Serving)
        };
        world.up().count() == world.len()
            && planned.iter().all(|(id, owners)| world.node(owners[0]).is_some_and(|node| owns(node, id)))
    };
    let sim = Sim::new(5, move |id| Handoff::new(id, config.clone()), operator)
        .climate(Climate::swarm())
        .storm(Duration::from_secs(5))
        .always("one writer, an owner, no lost write", || {
            let mut safety = Safety::default();
            move |id, node: Option<&Handoff>| {
                safety.observe(id, node).map_err(|violation| violation.to_string())
            }
        })
        .eventually_after_heal("everything is where the plan says", Duration::from_secs(30), as_planned)
        .sometimes("a plan was given up and resumed in the middle", |world| world.workload().resumed)
        .sometimes("the coordinator crashed in the middle of the plan", |world| {
            world.node(NodeId(2)).is_none() && !world.workload().finished
        });
    let summary = sim.run_seeds(0..80, |_| {});
    assert!(summary.passed(), "{summary}");
}
