//! Whole clusters in the simulator, with every fault that a fixed set of nodes must survive: a plan is carried out while clients write,
//! and is done when the world has healed.

use core::time::Duration;
use std::collections::BTreeMap;
use synod_core::NodeId;
use synod_partition::PartitionId;
use synod_partition::handoff::{Command, Config, Done, Event, Handoff, Handover, Job, Safety};
use synod_sim::{Climate, Fault, Io, Sabotage, Sim, Verdict, Workload, World};

const NODES: u64 = 5;
const PARTITIONS: u64 = 12;

/// Clients with maps that grow stale, and are put right by whoever they ask.
#[derive(Clone, Debug, Default)]
struct Clients {
    map: BTreeMap<PartitionId, NodeId>,
    asked: u64,
    admitted: BTreeMap<(PartitionId, u64), NodeId>,
    redirected: u64,
    twice: Option<String>,
    finished: bool,
    orders: u64,
    aborted: bool,
}

fn steps() -> Vec<Vec<Handover>> {
    let to = |step: u64, partition: u64| NodeId(1 + (partition * 3 + step * 2 + 1) % NODES);
    let step =
        |step| (0..PARTITIONS).map(move |id| Handover { partition: PartitionId(id), to: to(step, id) });
    (0..3).map(|at| step(at).collect()).collect()
}

impl Workload<Handoff> for Clients {
    fn begin(&mut self, io: &mut Io<'_, Handoff>) {
        io.wake(Duration::from_millis(1), 0);
        io.wake(Duration::from_millis(300), 1);
    }

    fn on_event(&mut self, node: NodeId, event: Event, _: &mut Io<'_, Handoff>) {
        match event {
            Event::Admitted { partition, version, .. } => {
                if let Some(other) = self.admitted.insert((partition, version), node) {
                    self.twice = Some(format!("{partition}: version {version} on {other} and {node}"));
                }
            }
            Event::Moved { partition, to, .. } => {
                self.redirected += 1;
                self.map.insert(partition, to);
            }
            Event::Finished => self.finished = true,
            Event::Aborted => self.aborted = true,
            _ => {}
        }
    }

    fn on_wake(&mut self, token: u64, io: &mut Io<'_, Handoff>) {
        if token == 1 {
            // An operator who repeats himself until he is heard, and at first changes his mind; a plan that is under way refuses.
            if !self.finished {
                self.orders += 1;
                let gives_up = self.orders < 8 && io.decide(self.orders + (1 << 33), 3) == 0;
                let order = if gives_up { Command::Abort } else { Command::Begin { steps: steps() } };
                io.request(NodeId(1), u64::MAX, order);
                io.wake(Duration::from_millis(700), 1);
            }
            return;
        }
        self.asked += 1;
        let partition = PartitionId(io.decide(self.asked, PARTITIONS));
        let stale = NodeId(1 + partition.0 % NODES);
        let node = self.map.get(&partition).copied().unwrap_or(stale);
        io.request(node, self.asked, Command::Admit { partition, token: self.asked });
        let pause = 1 + io.decide(self.asked + (1 << 32), 30);
        io.wake(Duration::from_millis(pause), 0);
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, Handoff>) {}

    fn on_job(&mut self, _: NodeId, job: Job, io: &mut Io<'_, Handoff>) -> Option<(Duration, Done)> {
        let Job::Copy { partition, epoch, .. } = job else { return None };
        let span = 1 + io.decide(partition.0 ^ epoch << 20 ^ 1 << 40, 400);
        self.asked += 1;
        let fails = io.decide(self.asked + (1 << 41), 8) == 0;
        let done = if fails { Done::Failed { partition, epoch } } else { Done::Copied { partition, epoch } };
        Some((Duration::from_millis(span), done))
    }
}

fn cluster() -> Sim<Handoff, Clients> {
    let initial = (0..PARTITIONS).map(|id| (PartitionId(id), NodeId(1 + id % NODES)));
    let config = Config::new(NodeId(1), initial);
    Sim::new(NODES as usize, move |id| Handoff::new(id, config.clone()), Clients::default())
        .climate(Climate::swarm())
        .storm(Duration::from_secs(6))
        .always("one writer, an owner, no lost write", || {
            let mut safety = Safety::default();
            move |id, node: Option<&Handoff>| {
                safety.observe(id, node).map_err(|violation| violation.to_string())
            }
        })
        .finally("no version twice", |world: &World<Handoff, Clients>| match &world.workload().twice {
            Some(twice) => Err(twice.clone()),
            None => Ok(()),
        })
}

#[test]
fn a_plan_is_carried_out_in_a_hostile_world() {
    let there = |world: &World<Handoff, Clients>| {
        world.up().count() == world.len()
            && world.node(NodeId(1)).is_some_and(|node| !node.is_busy())
            && world.workload().finished
    };
    let sim = cluster()
        .eventually_after_heal("the plan is done", Duration::from_secs(30), there)
        .sometimes("a client was redirected", |world| world.workload().redirected > 0)
        .sometimes("a plan was given up", |world| world.workload().aborted)
        .sometimes("a write was admitted by a new owner", |world| {
            world.workload().admitted.iter().any(|((id, _), node)| node.0 != 1 + id.0 % NODES)
        })
        .sometimes("the coordinator crashed in the middle of the plan", |world| {
            world.stats().crashes > 0 && world.node(NodeId(1)).is_none() && !world.workload().finished
        });
    let summary = sim.run_seeds(0..120, |_| {});
    assert!(summary.passed(), "{summary}");
}

#[test]
fn a_driver_that_breaks_its_word_is_found_out() {
    for sabotage in [Sabotage::EarlySend, Sabotage::LyingFsync] {
        let sim = cluster()
            .climate(Climate::Swarm(vec![Fault::Crash, Fault::Blackout]))
            .turn(move |dials| dials.sabotage = Some(sabotage));
        let caught =
            (0..150).filter(|seed| matches!(sim.run(*seed).verdict, Verdict::Violated { .. })).count();
        assert!(caught > 0, "{sabotage:?}: {caught} of 150");
    }
}
