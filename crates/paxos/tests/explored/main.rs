//! Every schedule within bounds: the shipping protocol under the explorer.
//!
//! Messages stay on their way for ever (`Network::Everlasting`), so every loss, delay, reordering and duplicate is there without
//! a budget; syncs complete at any moment and up to any record; the crash may strike at any moment and leave any prefix of the
//! un-synced tail. What `cargo test` runs is small. The whole bound (three nodes, two proposers, three ballots, a crash) is
//!
//! ```sh
//! SYNOD_EXPLORE=full cargo test --release -p synod-paxos --test explored -- --nocapture
//! ```
//!
//! which found, in 3 minutes and 118 MiB on a busy two-core machine (the full search computes the successors in brackets, and finds
//! the same states):
//!
//! | two proposers, one crash, and | messages | states | successors |
//! |---|---|---|---|
//! | node 1 begins a third ballot when its timer runs out | no refusals, no announcements | 2,007,159 | 4,123,964 (35,050,545) |
//! | node 2 does | the same | 1,579,456 | 3,174,737 (27,697,727) |
//! | node 1 is given another value, before or after the crash | the same | 2,227,727 | 5,144,709 (39,145,349) |
//! | node 2 is | the same | 2,192,047 | 4,954,953 (38,611,825) |
//! | nothing more | all | 4,092,237 | 13,026,572 (69,965,878) |
//!
//! A third ballot with refusals and announcements was not explored to its end: it was stopped after 100 s.
#![cfg(test)]

mod wrong;

use core::ops::ControlFlow;
use std::fs::File;
use synod_core::{Bytes, NodeId};
use synod_paxos::invariants::Safety;
use synod_paxos::{Command, Config, Event, Paxos, QuorumRule};
use synod_quorum::{Quorums, Rule};
use synod_sim::explore::{Bounds, Cluster, Exploration, Explorer, Network, Observer};
use wrong::{Twist, Twisted};

/// Agreement, validity, one value per ballot; and that no correct node calls another's message illegal.
#[derive(Clone, Debug, Hash)]
struct Watch(Safety);

impl Observer<Twisted> for Watch {
    fn on_event(&mut self, node: NodeId, event: &Event) -> Result<(), String> {
        match event {
            Event::Illegal { .. } | Event::Halted(_) => Err(format!("{node}: {event:?}")),
            _ => Ok(()),
        }
    }

    fn on_step(&mut self, node: NodeId, twisted: Option<&Twisted>) -> Result<(), String> {
        let Some(Twisted { paxos, .. }) = twisted else { return Ok(()) };
        self.0.observe(node, paxos).map_err(|violation| violation.to_string())
    }
}

type Explored = Cluster<Twisted, Watch>;

/// What there is beside two proposers, 1 with "a" and 2 with "b", among three nodes.
#[derive(Clone, Copy, Debug, Default)]
struct More {
    crashes: u8,
    /// This node's timer runs out once, which is a third ballot.
    retries: u64,
    /// This node is given a second value, which is a third ballot if it has crashed in between.
    proposes_again: u64,
    /// Refusals and announcements are lost.
    quiet: bool,
    /// Nodes pursue what they have accepted; then 2 does not propose.
    pursue: bool,
    /// Which acceptors make a quorum.
    rule: Choice,
}

/// Which acceptors make a quorum.
#[derive(Clone, Copy, Debug, Default)]
enum Choice {
    #[default]
    Majority,
    /// Node 1 weighs three of five: it is a quorum by itself, and the others are none.
    Weights,
    /// Node 1 is a zone, and 2 and 3 another; one of each zone.
    Zones,
    /// Three promises, one acceptance.
    Sizes,
}

impl Choice {
    fn rule(self) -> QuorumRule {
        let [a, b, c] = [1, 2, 3].map(NodeId);
        let same = |rule| QuorumRule::Of(Quorums::same(rule).unwrap());
        match self {
            Self::Majority => QuorumRule::Majority,
            Self::Weights => same(Rule::weighted_majority([(a, 3), (b, 1), (c, 1)]).unwrap()),
            Self::Zones => {
                same(Rule::all([Rule::one(a), Rule::any([b, c].map(Rule::one)).unwrap()]).unwrap())
            }
            Self::Sizes => QuorumRule::Of(Quorums::sizes([a, b, c], 3, 1).unwrap()),
        }
    }
}

fn cluster(twist: Twist, more: More) -> Explored {
    let make = move |id| {
        let mut config = Config::new(id, (1..=3).map(NodeId));
        config.pursue = more.pursue;
        config.quorums = more.rule.rule();
        Twisted::new(Paxos::new(config).unwrap(), twist, more.quiet)
    };
    let propose = |value: &'static str| Command::Propose { value: value.into() };
    // Known from the beginning, so that states do not differ in what has been proposed so far.
    let mut safety = Safety::default();
    ["a", "b", "c"].iter().for_each(|value| safety.proposed(&Bytes::from(*value)));
    let bounds = Bounds {
        crashes: more.crashes,
        timers: u8::from(more.retries > 0),
        network: Network::Everlasting,
        ..Bounds::default()
    };
    let mut cluster = Cluster::observed(3, make, Watch(safety))
        .bounds(bounds)
        .timers(move |id, _| id == NodeId(more.retries))
        .without_incarnations()
        .command(NodeId(1), propose("a"));
    if !more.pursue {
        cluster = cluster.command(NodeId(2), propose("b"));
    }
    if more.proposes_again > 0 {
        cluster = cluster.command(NodeId(more.proposes_again), propose("c"));
    }
    cluster
}

fn explore(twist: Twist, more: More) -> Exploration<Explored> {
    let exploration = Explorer::new(&cluster(twist, more)).run_with_sleep_sets();
    println!("{twist:?} {more:?}: {exploration}, {:.1?}", exploration.extent.elapsed);
    exploration
}

/// Every state, none beyond the bounds, and at least so many: an exploration that went nowhere proves nothing.
fn holds(more: More, states_min: u64) {
    let exploration = explore(Twist::None, more);
    assert!(exploration.holds(), "{more:?}: {exploration}");
    assert_eq!(exploration.extent.cut, 0);
    assert!(exploration.extent.unique >= states_min, "{more:?}: {exploration}");
}

#[test]
fn two_ballots_agree_in_every_schedule() {
    holds(More::default(), 250_000);
}

#[test]
fn two_ballots_and_a_crash_agree_in_every_schedule() {
    holds(More { crashes: 1, quiet: true, ..More::default() }, 100_000);
}

#[test]
fn weighted_hierarchical_and_flexible_quorums_agree_in_every_schedule() {
    for rule in [Choice::Weights, Choice::Zones, Choice::Sizes] {
        holds(More { crashes: 1, quiet: true, rule, ..More::default() }, 10_000);
    }
}

#[test]
fn three_ballots_agree_in_every_schedule() {
    for retries in [1, 2] {
        holds(More { retries, quiet: true, ..More::default() }, 100_000);
    }
}

#[test]
fn an_orphan_is_finished_in_agreement_in_every_schedule() {
    holds(More { crashes: 1, retries: 2, pursue: true, quiet: true, ..More::default() }, 10_000);
}

#[test]
fn three_ballots_and_a_crash_agree_in_every_schedule_when_all_are_asked_for() {
    if std::env::var("SYNOD_EXPLORE").as_deref() != Ok("full") {
        return;
    }
    for node in [1, 2] {
        holds(More { crashes: 1, retries: node, quiet: true, ..More::default() }, 1_000_000);
        holds(More { crashes: 1, proposes_again: node, quiet: true, ..More::default() }, 1_000_000);
    }
    holds(More { crashes: 1, ..More::default() }, 1_000_000);
}

/// A third ballot, a crash *and* every message: hundreds of millions of states, hours, and a file that takes what does not fit into
/// `SYNOD_EXPLORE_MIB` (10 GiB) of memory.
#[test]
fn three_ballots_and_a_crash_agree_in_every_schedule_with_every_message_when_it_is_asked_for() {
    if std::env::var("SYNOD_EXPLORE").as_deref() != Ok("whole") {
        return;
    }
    let memory = std::env::var("SYNOD_EXPLORE_MIB").ok().and_then(|mib| mib.parse().ok()).unwrap_or(10 << 10);
    for retries in [1, 2] {
        let more = More { crashes: 1, retries, ..More::default() };
        let spill = std::env::temp_dir().join(format!("synod-paxos-{}-{retries}", std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).open(&spill).unwrap();
        std::fs::remove_file(&spill).unwrap();
        let mut told = 0;
        let cluster = cluster(Twist::None, more);
        let explorer = Explorer::new(&cluster).spill(file, memory << 20).watch(|extent| {
            if extent.unique >= told + 1_000_000 {
                told = extent.unique;
                println!("{more:?}: {extent:?}");
            }
            ControlFlow::Continue(())
        });
        let exploration = explorer.run_with_sleep_sets();
        println!("{more:?}: {exploration}, {:.1?}", exploration.extent.elapsed);
        assert!(exploration.holds(), "{more:?}: {exploration}");
        assert_eq!(exploration.extent.cut, 0);
    }
}

#[test]
fn every_planted_mistake_has_a_shortest_counterexample() {
    let crash = More { crashes: 1, quiet: true, ..More::default() };
    let again = More { proposes_again: 1, ..crash };
    let retry = More { retries: 2, quiet: true, ..More::default() };
    let cases = [
        (Twist::IgnoresAccepted, More::default(), "agreement"),
        (Twist::DecidesAlone, More::default(), "agreement"),
        (Twist::CountsStale, retry, "agreement"),
        (Twist::SpeaksEarly, again, "one value per ballot"),
        (Twist::ForgetsPromises, again, "one value per ballot"),
        (Twist::ForgetsAcceptances, again, "one value per ballot"),
        (Twist::SpeaksEarly, crash, "agreement"),
    ];
    for (twist, more, reason) in cases {
        let exploration = explore(twist, more);
        let Some(found) = exploration.counterexample() else { panic!("{twist:?} {more:?} was not noticed") };
        assert!(found.reason.starts_with(reason), "{twist:?}: {found}");
        assert!(found.steps.len() <= 25, "{twist:?}: {found}");
    }
}
