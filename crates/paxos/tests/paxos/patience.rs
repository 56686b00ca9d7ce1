//! When a node waits to be told, when it asks, and when it proposes itself; and that none of it piles up.

use crate::cluster::{alone, ballot, config, events, hear, propose, sent};
use core::hash::{BuildHasher, BuildHasherDefault};
use core::time::Duration;
use std::hash::DefaultHasher;
use synod_core::host::Log as _;
use synod_core::testing::Bench;
use synod_core::{Input, NodeId};
use synod_paxos::{Command, Event, Message, Paxos, Timer};

fn prepare(round: u64, node: u64) -> Message {
    Message::Prepare { ballot: ballot(round, node) }
}

fn accept(round: u64, node: u64, value: &'static str) -> Message {
    Message::Accept { ballot: ballot(round, node), value: value.into() }
}

fn incurious(id: u64, size: u64) -> Bench<Paxos> {
    let mut config = config(id, size);
    config.pursue = false;
    let mut bench = Bench::new(NodeId(id), Paxos::new(config).unwrap());
    bench.start().unwrap();
    bench
}

fn learn() -> Input<Paxos> {
    Input::Command(Command::Learn)
}

#[test]
fn without_pursuit_an_acceptor_waits_to_be_told() {
    let mut node = incurious(2, 3);
    hear(&mut node, 1, prepare(1, 1));
    node.sync().unwrap();
    hear(&mut node, 1, accept(1, 1, "a"));
    node.sync().unwrap();
    assert_eq!(sent(&mut node).len(), 2, "it answers");
    assert!(node.timers().is_empty(), "and goes after nothing");
    node.advance(Duration::from_secs(60));
    assert_eq!((sent(&mut node), node.protocol.ballot()), (vec![], None));
}

#[test]
fn without_pursuit_a_curious_acceptor_asks_and_does_not_propose() {
    let mut node = incurious(2, 3);
    hear(&mut node, 1, accept(1, 1, "a"));
    node.sync().unwrap();
    sent(&mut node);
    node.input(learn());
    assert_eq!(sent(&mut node), [(1, Message::Learn), (3, Message::Learn)]);
    node.fire(Timer::Retry);
    assert_eq!(sent(&mut node), [(1, Message::Learn), (3, Message::Learn)]);
    assert_eq!((node.protocol.ballot(), node.protocol.promised()), (None, ballot(1, 1)));
}

/// A node that has accepted nothing has no value to save: a ballot of its own would only outbid whoever has.
#[test]
fn a_node_that_has_only_promised_asks_and_outbids_nobody() {
    let mut node = alone(2, 3);
    hear(&mut node, 1, prepare(1, 1));
    node.sync().unwrap();
    sent(&mut node);
    node.fire(Timer::Retry);
    assert_eq!(sent(&mut node), [(1, Message::Learn), (3, Message::Learn)]);
    assert_eq!((node.protocol.ballot(), node.protocol.promised()), (None, ballot(1, 1)));
}

#[test]
fn an_acceptor_whose_disk_is_busy_begins_no_ballot_behind_it() {
    let mut node = alone(2, 3);
    hear(&mut node, 1, accept(1, 1, "a"));
    let end = node.log.end();
    for _ in 0..10 {
        node.fire(Timer::Retry);
    }
    assert_eq!((node.protocol.ballot(), node.log.end()), (None, end));
    node.sync().unwrap();
    node.fire(Timer::Retry);
    assert_eq!(node.protocol.ballot(), Some(ballot(2, 2)), "now it finishes what it has accepted");
}

/// Were every promise to begin the wait anew, a busy rival could keep a proposer from ever trying again.
#[test]
fn a_promise_to_another_does_not_put_off_the_own_retry() {
    let mut node = alone(1, 3);
    propose(&mut node, "a");
    node.sync().unwrap();
    let due = node.timers()[&Timer::Retry];
    for round in 2..10 {
        node.advance(Duration::from_millis(1));
        hear(&mut node, 2, prepare(round, 2));
        node.sync().unwrap();
        assert_eq!(node.timers()[&Timer::Retry], due);
    }
}

#[test]
fn an_announcement_that_comes_again_says_nothing_new() {
    let mut node = alone(2, 3);
    let decided = || Message::Decided { ballot: ballot(1, 1), value: "a".into() };
    hear(&mut node, 1, decided());
    assert_eq!(events(&mut node), [Event::Decided { value: "a".into(), ballot: ballot(1, 1) }]);
    hear(&mut node, 1, decided());
    hear(&mut node, 3, decided());
    assert_eq!(events(&mut node), [], "neither news nor a contradiction");
}

/// A model checker tells states apart by their hash: which node a state belongs to is a part of it.
#[test]
fn nodes_of_different_names_hash_differently() {
    let hash =
        |id| BuildHasherDefault::<DefaultHasher>::default().hash_one(Paxos::new(config(id, 3)).unwrap());
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}
