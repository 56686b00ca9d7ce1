//! Every schedule within bounds. Messages stay on their way for ever (`Network::Everlasting`), so that every loss, delay, reordering and
//! duplicate is in; a crash may strike at any moment, and leaves any prefix of what was not synced.

use super::wrong::{Twist, Twisted};
use synod_core::NodeId;
use synod_partition::PartitionId;
use synod_partition::handoff::{Command, Config, Done, Event, Handoff, Handover, Job, Safety};
use synod_sim::explore::{Bounds, Cluster, Exploration, Explorer, Network, Observer};

#[derive(Clone, Debug, Default, Hash)]
struct Watch(Safety);

impl Observer<Twisted> for Watch {
    fn on_event(&mut self, node: NodeId, event: &Event) -> Result<(), String> {
        self.0.hear(node, event).map_err(|violation| violation.to_string())
    }

    fn on_step(&mut self, node: NodeId, twisted: Option<&Twisted>) -> Result<(), String> {
        let handoff = twisted.map(|twisted| &twisted.handoff);
        self.0.observe(node, handoff).map_err(|violation| violation.to_string())
    }
}

type Explored = Cluster<Twisted, Watch>;

const P: PartitionId = PartitionId(1);

/// Partition 1 begins on node 1 and goes to each of these nodes in turn; clients write on these nodes.
fn explore(
    twist: Twist,
    (nodes, coordinator): (usize, u64),
    route: &[u64],
    writes: &[u64],
    crashes: u8,
) -> Exploration<Explored> {
    let config = Config::new(NodeId(coordinator), [(P, NodeId(1))]);
    let steps = route.iter().map(|to| vec![Handover { partition: P, to: NodeId(*to) }]).collect();
    let make = move |id| Twisted::new(Handoff::new(id, config.clone()), twist);
    let bounds = Bounds {
        crashes,
        timers: if crashes > 0 { 1 } else { 0 },
        network: Network::Everlasting,
        ..Bounds::default()
    };
    let mut cluster = Cluster::observed(nodes, make, Watch::default())
        .bounds(bounds)
        .without_incarnations()
        .answers(|_, job: &Job| match *job {
            Job::Copy { partition, epoch, .. } => vec![Done::Copied { partition, epoch }],
            _ => vec![],
        })
        .command(NodeId(coordinator), Command::Begin { steps });
    for (token, node) in (0..).zip(writes) {
        cluster = cluster.command(NodeId(*node), Command::Admit { partition: P, token });
    }
    let exploration = Explorer::new(&cluster).run_with_sleep_sets();
    println!("{twist:?} over {route:?}: {exploration}, {:.1?}", exploration.extent.elapsed);
    exploration
}

/// Every state, whoever coordinates, and at least so many: an exploration that went nowhere proves nothing.
fn holds(nodes: usize, route: &[u64], writes: &[u64], crashes: u8, states_min: u64) {
    for coordinator in 1..=nodes as u64 {
        let exploration = explore(Twist::None, (nodes, coordinator), route, writes, crashes);
        assert!(exploration.holds(), "{exploration}");
        // Beyond the bounds are repetitions alone, of those who wait for an answer.
        assert!(exploration.extent.cut > 0);
        assert!(exploration.extent.unique >= states_min, "{exploration}");
    }
}

#[test]
fn a_partition_that_moves_has_one_writer_in_every_schedule() {
    holds(3, &[2, 3], &[1, 2, 3], 0, 400);
}

#[test]
fn a_crash_at_any_moment_leaves_an_owner_and_makes_no_second_writer() {
    holds(2, &[2], &[1, 2], 2, 1_000);
    holds(3, &[2, 3], &[1, 2], 2, 10_000);
}

#[test]
fn a_partition_that_comes_back_is_not_taken_by_an_old_offer() {
    holds(2, &[2, 1], &[1, 2], 1, 1_000);
    holds(2, &[2, 1, 2], &[2], 1, 1_000);
}

/// A mistake, who coordinates, the route, who is written to, crashes, and what is found.
type Case = (Twist, u64, &'static [u64], &'static [u64], u8, &'static str);

#[test]
fn every_planted_mistake_has_a_shortest_counterexample() {
    let cases: [Case; 6] = [
        (Twist::SpeaksEarly, 1, &[2], &[], 1, "two writers"),
        (Twist::ForgetsFrozen, 2, &[2], &[], 1, "two writers"),
        (Twist::ForgetsGiving, 1, &[2], &[], 1, "two writers"),
        (Twist::LetsGoAtOnce, 1, &[2], &[], 0, "no owner"),
        (Twist::TakesOldOffers, 1, &[2, 1], &[], 0, "two writers"),
        (Twist::ForgetsWrites, 1, &[2], &[1], 1, "a lost write"),
    ];
    for (twist, coordinator, route, writes, crashes, reason) in cases {
        let exploration = explore(twist, (2, coordinator), route, writes, crashes);
        let Some(found) = exploration.counterexample() else { panic!("{twist:?} was not noticed") };
        assert!(found.reason.starts_with(reason), "{twist:?}: {found}");
        assert!(found.steps.len() <= 25, "{twist:?}: {found}");
    }
}
