//! Instances of single-decree Paxos: agreement after every event, one answer for all clients, and everybody knows it in the end.

use super::clusters::CLIENTS_AGREE;
use super::{Clusters, Exploring, Search, Setup};
use core::time::Duration;
use std::collections::BTreeSet;
use synod_core::{Bytes, NodeId};
use synod_paxos::invariants::Safety;
use synod_paxos::{Command, Config, Event, Paxos, QuorumRule};
use synod_quorum::{Quorums, Rule};
use synod_sim::explore::{Bounds, Cluster, Network, Observer};
use synod_sim::{Climate, Dials, Fault, Io, Latency, Rate, Sim, Workload, World};

pub(super) fn setups() -> Vec<Setup> {
    let seeds = |name, says, sim| {
        let search = Search::Seeds(Box::new(Clusters { sim }));
        Setup { room: "paxos", name, says, search }
    };
    let crashes = Climate::Swarm(vec![Fault::Crash, Fault::Blackout, Fault::StallDisk, Fault::Isolate]);
    let of = |prepare, accept| QuorumRule::Sizes { prepare, accept };
    let most = || QuorumRule::Majority;
    let states = |name, says, cluster: fn() -> Cluster<Paxos, Watcher>| {
        let search = Search::States(Box::new(Exploring { cluster }));
        Setup { room: "paxos", name, says, search }
    };
    vec![
        seeds("instance-3", "three nodes, every fault", instances(3, most(), Climate::swarm())),
        seeds("instance-5", "five nodes, every fault", instances(5, most(), Climate::swarm())),
        seeds("dying-3", "three nodes that die, with disks that stall", instances(3, most(), crashes)),
        seeds(
            "frail-3",
            "three nodes that die before their slow disks are done",
            instances(3, most(), frail()),
        ),
        seeds("late-3", "three nodes, with messages that arrive late", instances(3, most(), late())),
        seeds("one-and-all-3", "one promise begins, all must accept", instances(3, of(1, 3), frail())),
        seeds("all-and-one-3", "all must promise, one acceptance decides", instances(3, of(3, 1), frail())),
        seeds(
            "weighted-3",
            "three nodes, one of which weighs more than the others together",
            instances(3, QuorumRule::Of(weighted()), Climate::swarm()),
        ),
        states(
            "ballots-3",
            "every schedule of three nodes and two proposers, messages arriving any number of times",
            || schedules(QuorumRule::Majority, Bounds { timers: 0, ..everlasting() }),
        ),
        states("retries-3", "the same, and a third ballot", || {
            schedules(QuorumRule::Majority, Bounds { timers_all: 1, ..everlasting() })
        }),
        states("crash-3", "every schedule of three nodes, two proposers and one crash", || {
            schedules(QuorumRule::Majority, Bounds { crashes: 1, timers: 0, ..everlasting() })
        }),
        states("crash-one-3", "the same where one acceptance decides", || {
            schedules(
                QuorumRule::Sizes { prepare: 3, accept: 1 },
                Bounds { crashes: 1, timers: 0, ..everlasting() },
            )
        }),
    ]
}

#[expect(clippy::expect_used, reason = "weights of which not all are nothing")]
fn weighted() -> Quorums {
    let rule = Rule::weighted_majority([(NodeId(1), 3), (NodeId(2), 1), (NodeId(3), 1)]);
    Quorums::same(rule.expect("a rule")).expect("more than half meets more than half")
}

#[expect(clippy::expect_used, reason = "members that are numbered from 1 make a cluster")]
fn member(id: NodeId, nodes: u64, quorums: QuorumRule) -> Paxos {
    let mut config = Config::new(id, (1..=nodes).map(NodeId));
    config.quorums = quorums;
    Paxos::new(config).expect("a valid configuration")
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

fn late() -> Climate {
    let ms = Duration::from_millis;
    let mut dials = Dials::rough(&[Fault::Isolate, Fault::Flap]);
    dials.latency = Latency::Quantiles([1, 2, 3, 5, 8, 13, 21, 50, 300, 1_000].map(ms).to_vec());
    dials.reorder_ppm = 1_000_000;
    Climate::Fixed(dials)
}

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
        let node = NodeId(1 + io.decide(self.asked, io.nodes().len() as u64));
        self.propose(node, io);
        let pause = 1 + io.decide(self.asked + (1 << 32), 200);
        io.wake(Duration::from_millis(pause), 0);
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, Paxos>) {}

    fn on_heal(&mut self, io: &mut Io<'_, Paxos>) {
        self.healed = true;
        io.nodes().for_each(|node| self.propose(node, io));
    }
}

fn instances(nodes: u64, quorums: QuorumRule, climate: Climate) -> Sim<Paxos, Clients> {
    Sim::new(nodes as usize, move |id| member(id, nodes, quorums.clone()), Clients::default())
        .climate(climate)
        .storm(Duration::from_secs(2))
        .always("agreement and validity", || {
            let mut safety = Safety::default();
            move |id, node: Option<&Paxos>| match node {
                Some(node) => safety.observe(id, node).map_err(|violation| violation.to_string()),
                None => Ok(()),
            }
        })
        .eventually_after_heal("everybody knows", Duration::from_secs(20), |world: &World<Paxos, Clients>| {
            world.up().count() == world.len() && world.up().all(|(_, node)| node.decided().is_some())
        })
        .finally(CLIENTS_AGREE, |world: &World<Paxos, Clients>| {
            let Clients { told, illegal, .. } = world.workload();
            if told.len() > 1 {
                return Err(format!("clients were told {told:?}"));
            }
            illegal.first().map_or(Ok(()), |event| Err(format!("{event:?}")))
        })
}

/// Agreement and validity, remembered over crashes.
#[derive(Clone, Debug, Default, Hash)]
struct Watcher(Safety);

impl Observer<Paxos> for Watcher {
    fn on_step(&mut self, id: NodeId, node: Option<&Paxos>) -> Result<(), String> {
        node.map_or(Ok(()), |node| self.0.observe(id, node).map_err(|violation| violation.to_string()))
    }
}

fn everlasting() -> Bounds {
    Bounds { network: Network::Everlasting, ..Bounds::default() }
}

/// Two proposers, one of which is given another value if it has lost its first in a crash.
fn schedules(quorums: QuorumRule, bounds: Bounds) -> Cluster<Paxos, Watcher> {
    let propose = |value: &'static str| Command::Propose { value: Bytes::from_static(value.as_bytes()) };
    // Known from the beginning, so that states do not differ in what has been proposed so far.
    let mut safety = Safety::default();
    ["a", "b", "c"].iter().for_each(|value| safety.proposed(&Bytes::from_static(value.as_bytes())));
    Cluster::observed(3, move |id| member(id, 3, quorums.clone()), Watcher(safety))
        .command(NodeId(1), propose("a"))
        .command(NodeId(2), propose("b"))
        .command(NodeId(1), propose("c"))
        .bounds(bounds)
        .without_incarnations()
}
