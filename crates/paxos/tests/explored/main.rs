//! Every schedule within bounds: the shipping protocol under the explorer.
//!
//! Messages stay on their way for ever (`Network::Everlasting`), so every loss, delay, reordering and duplicate is there without
//! a budget; syncs complete at any moment and up to any record; the crash may strike at any moment and leave any prefix of the
//! un-synced tail. What `cargo test` runs is small. The whole bound (three nodes, two proposers, three ballots, a crash) is
//!
//! ```sh
//! cargo xtask explore three_ballots
//! ```
//!
//! What can be left out is left out (`Reduced`: what only makes a node speak is delivered at once), which
//! `the_full_search_agrees_where_it_comes_to_an_end` compares with the full search. Without that, the first row was stopped at 668
//! million states, and two ballots and a crash have 4,092,237 where there are 370,578 now. Found right, each in less than 280 MiB and some three
//! minutes of CPU time:
//!
//! | three nodes, two proposers, one crash, every message any number of times, and | states | successors | longest way |
//! |---|---|---|---|
//! | node 1 begins a third ballot when its timer runs out | 8,086,810 | 36,818,430 | 35 |
//! | node 2 does | 6,190,975 | 28,257,601 | 35 |
//! | node 1 is given another value | 8,706,485 | 44,654,396 | 36 |
//! | node 2 is | 9,134,939 | 47,463,828 | 36 |
#![cfg(test)]

mod progress;
mod wrong;

use synod_core::{Bytes, NodeId};
use synod_paxos::invariants::Safety;
use synod_paxos::{Command, Config, Event, Paxos, QuorumRule};
use synod_quorum::{Quorums, Rule};
use synod_sim::explore::{Bounds, Cluster, Exploration, Explorer, Extent, Model, Network, Observer};
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

fn cluster(twist: Twist, more: More) -> Cluster<Twisted, Watch> {
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

/// Every state but those that are left out because others can do all that they can.
fn explore(twist: Twist, more: More) -> Shown {
    let cluster = cluster(twist, more);
    show("reduced", twist, more, &Explorer::new(&cluster.reduced()).run())
}

/// Every state.
fn explore_fully(twist: Twist, more: More) -> Shown {
    let cluster = cluster(twist, more);
    show("full", twist, more, &Explorer::new(&cluster).run_with_sleep_sets())
}

/// What came of an exploration: how far it went, and the counterexample with its length.
struct Shown {
    holds: bool,
    extent: Extent,
    wrong: Option<(String, usize)>,
    /// A timer runs out, and would again.
    retries: bool,
}

fn show<M: Model>(how: &str, twist: Twist, more: More, found: &Exploration<M>) -> Shown {
    println!("{how}, {twist:?} {more:?}: {found}, {:.1?}", found.extent.elapsed);
    let wrong = found.counterexample().map(|shortest| (shortest.reason.clone(), shortest.steps.len()));
    Shown { holds: found.holds(), extent: found.extent, wrong, retries: more.retries > 0 }
}

/// Every state, and at least so many: an exploration that went nowhere proves nothing. Beyond the bounds are retries alone.
fn holds(Shown { holds, extent, retries, .. }: &Shown, states_min: u64) {
    assert!(*holds && extent.unique >= states_min, "{extent}");
    assert_eq!(extent.cut > 0, *retries, "{} beyond the bounds", extent.cut);
}

#[test]
fn two_ballots_agree_in_every_schedule() {
    holds(&explore_fully(Twist::None, More::default()), 250_000);
}

#[test]
fn two_ballots_and_a_crash_agree_in_every_schedule() {
    holds(&explore(Twist::None, More { crashes: 1, ..More::default() }), 300_000);
}

#[test]
fn weighted_hierarchical_and_flexible_quorums_agree_in_every_schedule() {
    for rule in [Choice::Weights, Choice::Zones, Choice::Sizes] {
        let more = More { crashes: 1, quiet: true, rule, ..More::default() };
        holds(&explore_fully(Twist::None, more), 10_000);
    }
}

#[test]
fn three_ballots_agree_in_every_schedule() {
    for retries in [1, 2] {
        holds(&explore_fully(Twist::None, More { retries, quiet: true, ..More::default() }), 100_000);
    }
}

#[test]
fn an_orphan_is_finished_in_agreement_in_every_schedule() {
    let more = More { crashes: 1, retries: 2, pursue: true, ..More::default() };
    holds(&explore(Twist::None, more), 10_000);
}

#[test]
#[ignore = "minutes of CPU time in release: `cargo xtask explore`"]
fn three_ballots_and_a_crash_agree_in_every_schedule() {
    for (node, states, successors) in [(1, 8_086_810, 36_818_430), (2, 6_190_975, 28_257_601)] {
        let found = explore(Twist::None, More { crashes: 1, retries: node, ..More::default() });
        holds(&found, states);
        let Extent { unique, generated, depth, .. } = found.extent;
        assert_eq!((unique, generated, depth), (states, successors, 35));
    }
}

#[test]
#[ignore = "minutes of CPU time in release: `cargo xtask explore`"]
fn a_second_proposal_after_a_crash_agrees_in_every_schedule() {
    for node in [1, 2] {
        let again = More { crashes: 1, proposes_again: node, ..More::default() };
        holds(&explore(Twist::None, again), 5_000_000);
    }
}

/// What is left out changes no verdict: the full search finds the same right, and more states of it.
#[test]
fn the_full_search_agrees_where_it_comes_to_an_end() {
    let quiet = More { quiet: true, ..More::default() };
    let bounds = [
        // How many times fewer, at least. Where nobody is refused or told, answers are few.
        (More::default(), 7),
        (More { crashes: 1, ..quiet }, 1),
        (More { retries: 1, ..quiet }, 1),
        (More { crashes: 1, retries: 2, pursue: true, ..quiet }, 1),
    ];
    for (more, times) in bounds {
        let (full, reduced) = (explore_fully(Twist::None, more), explore(Twist::None, more));
        holds(&full, 10_000);
        holds(&reduced, 10_000);
        assert!(reduced.extent.unique * times <= full.extent.unique, "{more:?}");
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
        let full = explore_fully(twist, more).wrong;
        let reduced = explore(twist, more).wrong;
        let (Some((says, steps)), Some((also, fewer))) = (full, reduced) else {
            panic!("{twist:?} {more:?} was not noticed")
        };
        assert!(says.starts_with(reason) && steps <= 25, "{twist:?}: {says} after {steps} steps");
        assert!(also.starts_with(reason) && fewer <= steps, "{twist:?}: {also} after {fewer} steps");
    }
}
