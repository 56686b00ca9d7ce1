//! The observer notices what it is there for: each property is broken on purpose.

use crate::cluster::{alone, ballot, hear, propose};
use synod_core::testing::Bench;
use synod_core::{Input, NodeId};
use synod_paxos::invariants::{Safety, Violation};
use synod_paxos::{Command, Config, Message, Paxos, QuorumRule};

fn observer(proposed: &[&'static str]) -> Safety {
    let mut safety = Safety::default();
    proposed.iter().for_each(|value| safety.proposed(&(*value).into()));
    safety
}

fn told(id: u64, round: u64, value: &'static str) -> Bench<Paxos> {
    let mut node = alone(id, 3);
    let ballot = ballot(round, 1 + id % 3);
    hear(&mut node, 1 + id % 3, Message::Decided { ballot, value: value.into() });
    node
}

#[test]
fn two_decisions_break_agreement_even_if_the_first_is_forgotten() {
    let mut safety = observer(&["a", "b"]);
    let mut one = told(1, 1, "a");
    assert_eq!(safety.observe(NodeId(1), &one.protocol), Ok(()));
    assert_eq!(safety.observe(NodeId(2), &told(2, 7, "a").protocol), Ok(()));
    one.restart(Paxos::new(one.protocol.config().clone()).unwrap()).unwrap();
    assert_eq!(safety.observe(NodeId(1), &one.protocol), Ok(()));
    let violation = safety.observe(NodeId(1), &told(1, 8, "b").protocol);
    assert!(matches!(violation, Err(Violation::Agreement { node: NodeId(1), .. })), "{violation:?}");
}

#[test]
fn a_value_that_nobody_proposed_breaks_validity_wherever_it_shows() {
    let decided = told(1, 1, "x");
    let mut accepted = alone(2, 3);
    hear(&mut accepted, 1, Message::Accept { ballot: ballot(1, 1), value: "x".into() });
    for node in [&decided, &accepted] {
        let violation = observer(&["a"]).observe(NodeId(1), &node.protocol);
        assert!(matches!(violation, Err(Violation::Validity { .. })), "{violation:?}");
        assert_eq!(observer(&["x"]).observe(NodeId(1), &node.protocol), Ok(()));
    }
}

#[test]
fn a_ballot_with_two_values_is_noticed_between_acceptors_and_with_the_proposer() {
    let holding = |id, value: &'static str| {
        let mut node = alone(id, 3);
        hear(&mut node, 1, Message::Accept { ballot: ballot(1, 1), value: value.into() });
        node
    };
    let mut safety = observer(&["a", "b"]);
    assert_eq!(safety.observe(NodeId(2), &holding(2, "a").protocol), Ok(()));
    assert_eq!(safety.observe(NodeId(3), &holding(3, "a").protocol), Ok(()));
    let violation = safety.observe(NodeId(3), &holding(3, "b").protocol);
    assert!(matches!(violation, Err(Violation::OneValuePerBallot { .. })), "{violation:?}");

    let mut proposer = alone(1, 3);
    propose(&mut proposer, "b");
    proposer.sync().unwrap();
    hear(&mut proposer, 2, Message::Promise { ballot: ballot(1, 1), accepted: None });
    let mut safety = observer(&["a", "b"]);
    assert_eq!(safety.observe(NodeId(2), &holding(2, "a").protocol), Ok(()));
    let violation = safety.observe(NodeId(1), &proposer.protocol);
    assert!(matches!(violation, Err(Violation::OneValuePerBallot { .. })), "{violation:?}");
}

#[test]
fn quorums_that_need_not_meet_are_found_out() {
    let node = |id| {
        let mut config = Config::new(NodeId(id), [NodeId(1), NodeId(2), NodeId(3)]);
        config.quorums = QuorumRule::SabotagedOneShort;
        let mut node = Bench::new(NodeId(id), Paxos::new(config).unwrap());
        node.start().unwrap();
        node
    };
    let mut safety = Safety::default();
    let mut found = false;
    for (id, value) in [(1, "a"), (2, "b")] {
        let mut node = node(id);
        node.input(Input::Command(Command::Propose { value: value.into() }));
        assert_eq!(safety.observe(NodeId(id), &node.protocol), Ok(()));
        (0..3).for_each(|_| node.sync().unwrap());
        found |= matches!(safety.observe(NodeId(id), &node.protocol), Err(Violation::Agreement { .. }));
    }
    assert!(found);
}
