//! Whole clusters in the simulator: every fault, several proposers, one decision.

use core::time::Duration;
use std::collections::BTreeSet;
use synod_core::{Bytes, NodeId};
use synod_paxos::invariants::Safety;
use synod_paxos::{Command, Config, Event, Paxos, QuorumRule};
use synod_quorum::{Quorums, Rule};
use synod_sim::{Climate, Fault, Io, Sabotage, Sim, Verdict, Workload, World};

/// Clients that propose values of their own on every node, again and again, and remember what they were told.
#[derive(Clone, Debug, Default)]
struct Clients {
    asked: u64,
    healed: bool,
    told: BTreeSet<Bytes>,
    illegal: Vec<Event>,
}

impl Clients {
    fn propose(&mut self, node: NodeId, io: &mut Io<'_, Paxos>) {
        self.asked += 1;
        let value = Bytes::from(format!("v{}", self.asked));
        io.request(node, self.asked, Command::Propose { value });
    }
}

impl Workload<Paxos> for Clients {
    fn begin(&mut self, io: &mut Io<'_, Paxos>) {
        io.nodes().for_each(|node| self.propose(node, io));
        io.wake(Duration::from_millis(1), 0);
    }

    fn on_event(&mut self, _: NodeId, event: Event, _: &mut Io<'_, Paxos>) {
        match event {
            Event::Decided { value, .. } => drop(self.told.insert(value)),
            Event::Refused { .. } => {}
            event => self.illegal.push(event),
        }
    }

    fn on_wake(&mut self, _: u64, io: &mut Io<'_, Paxos>) {
        let nodes = io.nodes().len() as u64;
        let node = NodeId(1 + io.decide(self.asked, nodes));
        self.propose(node, io);
        let pause = 1 + io.decide(self.asked + (1 << 32), 400);
        io.wake(Duration::from_millis(pause), 0);
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, Paxos>) {}

    fn on_heal(&mut self, io: &mut Io<'_, Paxos>) {
        self.healed = true;
        for node in io.nodes() {
            self.propose(node, io);
        }
    }
}

fn clusters(nodes: u64, quorums: QuorumRule) -> Sim<Paxos, Clients> {
    let make = move |id| {
        let mut config = Config::new(id, (1..=nodes).map(NodeId));
        config.quorums = quorums.clone();
        Paxos::new(config).unwrap()
    };
    Sim::new(nodes as usize, make, Clients::default())
        .climate(Climate::swarm())
        .storm(Duration::from_secs(6))
        .always("agreement and validity", || {
            let mut safety = Safety::default();
            move |id, node: Option<&Paxos>| match node {
                Some(node) => safety.observe(id, node).map_err(|violation| violation.to_string()),
                None => Ok(()),
            }
        })
        .finally("clients agree", |world: &World<Paxos, Clients>| {
            let Clients { told, illegal, .. } = world.workload();
            if told.len() > 1 {
                Err(format!("clients were told {told:?}"))
            } else if let Some(event) = illegal.first() {
                Err(format!("{event:?}"))
            } else {
                Ok(())
            }
        })
}

fn everybody_knows(world: &World<Paxos, Clients>) -> bool {
    world.up().count() == world.len() && world.up().all(|(_, node)| node.decided().is_some())
}

#[test]
fn every_cluster_agrees_in_a_hostile_world_and_decides_when_it_heals() {
    for nodes in [1, 3, 5, 4] {
        let mut sim = clusters(nodes, QuorumRule::Majority).eventually_after_heal(
            "everybody knows",
            Duration::from_secs(20),
            everybody_knows,
        );
        if nodes > 1 {
            sim = sim
                .sometimes("a node crashed that had decided", |world| {
                    world.stats().crashes > 0 && world.up().any(|(_, node)| node.decided().is_some())
                })
                .sometimes("decided in a later round than the first", |world| {
                    world.up().any(|(_, node)| node.decided().is_some_and(|decided| decided.ballot.round > 3))
                })
                .sometimes("three proposers at once", |world| {
                    world.up().filter(|(_, node)| node.ballot().is_some()).count() > 2
                })
                .sometimes("a value of another was adopted", |world| {
                    world.up().any(|(_, node)| {
                        node.proposal().is_some_and(|p| node.wish().is_some_and(|wish| *wish != p.value))
                    })
                })
                .sometimes("effects waited for the disk", |world| world.stats().held_max > 3);
        }
        let summary = sim.run_seeds(0..80, |_| {});
        assert!(summary.passed(), "{nodes} nodes: {summary}");
    }
}

/// Weights, a hierarchy of zones, and sizes that differ, over five acceptors.
fn rules() -> [(&'static str, Quorums); 3] {
    let [a, b, c, d, e] = [1, 2, 3, 4, 5].map(NodeId);
    let weighted = Rule::weighted_majority([(a, 3), (b, 2), (c, 1), (d, 1), (e, 1)]).unwrap();
    let zones = [vec![a, b], vec![c, d], vec![e]].map(|zone| Rule::majority(zone).unwrap());
    [
        ("weights", Quorums::same(weighted).unwrap()),
        ("zones", Quorums::same(Rule::of(2, zones).unwrap()).unwrap()),
        ("sizes", Quorums::sizes([a, b, c, d, e], 4, 2).unwrap()),
    ]
}

#[test]
fn quorums_by_weight_by_zone_and_by_size_agree_in_a_hostile_world() {
    for (name, quorums) in rules() {
        let sim = clusters(5, QuorumRule::Of(quorums))
            .eventually_after_heal("everybody knows", Duration::from_secs(20), everybody_knows)
            .sometimes("decided in a later round than the first", |world| {
                world.up().any(|(_, node)| node.decided().is_some_and(|decided| decided.ballot.round > 3))
            });
        let summary = sim.run_seeds(0..60, |_| {});
        assert!(summary.passed(), "{name}: {summary}");
    }
}

/// How many of the runs are found violated.
fn caught(sim: &Sim<Paxos, Clients>, seeds: u64) -> usize {
    (0..seeds).filter(|seed| matches!(sim.run(*seed).verdict, Verdict::Violated { .. })).count()
}

#[test]
fn a_driver_that_breaks_its_word_is_found_out() {
    for sabotage in [Sabotage::EarlySend, Sabotage::LyingFsync] {
        let sim = clusters(3, QuorumRule::Majority)
            .climate(Climate::Swarm(vec![Fault::Crash, Fault::Blackout, Fault::Isolate]))
            .turn(move |dials| dials.sabotage = Some(sabotage));
        let caught = caught(&sim, 200);
        assert!(caught > 0, "{sabotage:?}: {caught} of 200");
    }
}

#[test]
fn quorums_that_need_not_meet_are_found_out() {
    let caught = caught(&clusters(3, QuorumRule::SabotagedOneShort), 40);
    assert!(caught > 10, "{caught} of 40");
}
