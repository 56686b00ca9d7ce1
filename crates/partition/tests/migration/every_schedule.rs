//! Every schedule within bounds. Messages stay on their way for ever (`Network::Everlasting`), so that every loss, delay, reordering and
//! duplicate is in; a crash may strike at any moment, and leaves any prefix of what was not synced.

use super::wrong::{Twist, Twisted};
use synod_core::NodeId;
use synod_partition::PartitionId;
use synod_partition::handoff::{Command, Config, Done, Event, Handoff, Handover, Job, Safety};
use synod_sim::explore::{Bounds, Cluster, Exploration, Explorer, Network, Observer};

#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Watch(Safety);

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

/// What happens in an exploration: partition 1 begins on node 1 and goes to each of the nodes of `route` in turn.
#[derive(Clone, Copy, Debug)]
struct Story {
    nodes: usize,
    coordinator: u64,
    route: &'static [u64],
    /// Where clients write.
    writes: &'static [u64],
    crashes: u8,
    /// Whether the plan is given up at any moment, and begun once more at any other.
    aborts: bool,
    /// Whether a copy may fail.
    fails: bool,
}

fn explore(twist: Twist, story: Story) -> Exploration<Explored> {
    let Story { nodes, coordinator, route, writes, crashes, aborts, fails } = story;
    let config = Config::new(NodeId(coordinator), [(P, NodeId(1))]).with((1..=nodes as u64).map(NodeId));
    let steps: Vec<_> = route.iter().map(|to| vec![Handover { partition: P, to: NodeId(*to) }]).collect();
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
        .answers(move |_, job: &Job| match *job {
            Job::Copy { partition, epoch, .. } if fails => {
                vec![Done::Copied { partition, epoch }, Done::Failed { partition, epoch }]
            }
            Job::Copy { partition, epoch, .. } => vec![Done::Copied { partition, epoch }],
            _ => vec![],
        })
        .command(NodeId(coordinator), Command::Begin { steps: steps.clone() });
    if aborts {
        let coordinator = NodeId(coordinator);
        cluster = cluster.command(coordinator, Command::Abort).command(coordinator, Command::Begin { steps });
    }
    for (token, node) in (0..).zip(writes) {
        cluster = cluster.command(NodeId(*node), Command::Admit { partition: P, token });
    }
    let exploration = Explorer::new(&cluster).run_with_sleep_sets();
    println!("{twist:?} in {story:?}: {exploration}, {:.1?}", exploration.extent.elapsed);
    exploration
}

/// Every state, whoever coordinates, and at least so many: an exploration that went nowhere proves nothing.
fn holds(story: Story, states_min: u64) {
    for coordinator in 1..=story.nodes as u64 {
        let exploration = explore(Twist::None, Story { coordinator, ..story });
        assert!(exploration.holds(), "{exploration}");
        // Beyond the bounds are repetitions alone, of those who wait for an answer.
        assert!(exploration.extent.cut > 0);
        assert!(exploration.extent.unique >= states_min, "{exploration}");
    }
}

/// A partition that goes to these nodes, without a crash.
const fn over(nodes: usize, route: &'static [u64], writes: &'static [u64]) -> Story {
    Story { nodes, coordinator: 1, route, writes, crashes: 0, aborts: false, fails: false }
}

#[test]
fn a_partition_that_moves_has_one_writer_in_every_schedule() {
    holds(over(3, &[2, 3], &[1, 2, 3]), 400);
}

#[test]
fn crashes_at_any_moment_leave_an_owner_and_make_no_second_writer() {
    holds(Story { crashes: 4, ..over(2, &[2], &[1, 2]) }, 1_000);
    holds(Story { crashes: 3, ..over(3, &[2, 3], &[1, 2]) }, 1_000);
}

#[test]
fn a_partition_that_comes_back_is_not_taken_by_an_old_offer() {
    holds(Story { crashes: 3, ..over(2, &[2, 1], &[1, 2]) }, 1_000);
    holds(Story { crashes: 3, ..over(2, &[2, 1, 2], &[2]) }, 1_000);
    holds(Story { crashes: 1, ..over(3, &[2, 3, 1], &[1]) }, 1_000);
}

#[test]
fn a_plan_that_is_given_up_at_any_moment_leaves_an_owner_and_makes_no_second_writer() {
    holds(Story { aborts: true, ..over(2, &[2], &[1, 2]) }, 400);
    holds(Story { aborts: true, fails: true, ..over(2, &[2], &[]) }, 400);
    holds(Story { aborts: true, fails: true, crashes: 2, ..over(2, &[2], &[]) }, 1_000);
    holds(Story { aborts: true, crashes: 2, ..over(2, &[2], &[1]) }, 1_000);
    holds(Story { aborts: true, ..over(3, &[2, 3], &[]) }, 1_000);
}

/// Seven million states.
#[test]
#[ignore = "half a minute in release: `cargo xtask explore`"]
fn three_nodes_with_crashes_and_plans_given_up_have_one_writer_in_every_schedule() {
    holds(Story { crashes: 2, ..over(3, &[2, 3, 1], &[1, 2, 3]) }, 500_000);
    holds(Story { aborts: true, crashes: 1, ..over(3, &[2, 3], &[1]) }, 500_000);
}

/// A mistake, where it shows, and what is found.
type Case = (Twist, Story, &'static str);

#[test]
fn every_planted_mistake_has_a_shortest_counterexample() {
    let crash = |coordinator, writes| Story { coordinator, crashes: 1, ..over(2, &[2], writes) };
    let aborts = Story { aborts: true, ..over(2, &[2], &[]) };
    let cases: [Case; 8] = [
        (Twist::SpeaksEarly, crash(1, &[]), "two writers"),
        (Twist::ForgetsFrozen, crash(2, &[1]), "a lost write"),
        (Twist::ForgetsGiving, crash(1, &[]), "two writers"),
        (Twist::LetsGoAtOnce, over(2, &[2], &[]), "no owner"),
        (Twist::ForgetsWrites, crash(1, &[1]), "a lost write"),
        (Twist::ServesWhenReady, aborts, "two writers"),
        (Twist::ThawsWithoutRevoking, aborts, "two writers"),
        (Twist::KeepsWhatIsGone, aborts, "two writers"),
    ];
    for (twist, story, reason) in cases {
        let exploration = explore(twist, story);
        let Some(found) = exploration.counterexample() else { panic!("{twist:?} was not noticed") };
        assert!(found.reason.starts_with(reason), "{twist:?}: {found}");
        assert!(found.steps.len() <= 25, "{twist:?}: {found}");
    }
}
