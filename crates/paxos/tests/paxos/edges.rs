//! The edges of what is allowed: the longest value, the last round, the own ballot that has been outbid.

use crate::cluster::{alone, ballot, events, hear, propose, sent};
use core::time::Duration;
use synod_core::{Bytes, Input};
use synod_paxos::{Ballot, Command, Event, Message, Refusal, Timer};

fn nack(round: u64, promised: Ballot) -> Message {
    Message::Nack { ballot: ballot(round, 1), promised }
}

#[test]
fn the_longest_value_is_taken() {
    let mut node = alone(1, 3);
    let value = Bytes::from(vec![7; node.protocol.config().value_bytes_max]);
    node.input(Input::Command(Command::Propose { value: value.clone() }));
    assert_eq!((events(&mut node), node.protocol.wish()), (vec![], Some(&value)));
}

#[test]
fn the_last_round_is_used_and_none_after_it() {
    let mut node = alone(1, 3);
    hear(&mut node, 2, Message::Prepare { ballot: ballot(Ballot::ROUND_MAX - 1, 2) });
    propose(&mut node, "a");
    assert_eq!(node.protocol.ballot(), Some(ballot(Ballot::ROUND_MAX, 1)));
    hear(&mut node, 3, Message::Prepare { ballot: ballot(Ballot::ROUND_MAX, 3) });
    node.sync().unwrap();
    node.take();
    node.fire(Timer::Retry);
    let refused = Event::Refused { value: "a".into(), reason: Refusal::RoundsExhausted };
    assert_eq!((events(&mut node), node.protocol.ballot()), (vec![refused], None));
}

/// A proposer is an acceptor like any other: what it has promised to another binds it against its own ballot.
#[test]
fn a_proposer_that_has_promised_more_does_not_accept_its_own_ballot() {
    let mut node = alone(1, 5);
    propose(&mut node, "a");
    node.sync().unwrap();
    hear(&mut node, 2, Message::Promise { ballot: ballot(1, 1), accepted: None });
    hear(&mut node, 5, Message::Prepare { ballot: ballot(9, 5) });
    node.sync().unwrap();
    node.take();
    hear(&mut node, 3, Message::Promise { ballot: ballot(1, 1), accepted: None });
    node.sync().unwrap();
    let accept = Message::Accept { ballot: ballot(1, 1), value: "a".into() };
    assert_eq!(sent(&mut node), [2, 3, 4, 5].map(|to| (to, accept.clone())), "the others may");
    assert_eq!((node.protocol.promised(), node.protocol.accepted()), (ballot(9, 5), None));
}

/// The first refusal begins a wait, in which the quorum may still come together. Were each to begin it anew, a cluster of many
/// acceptors would keep a proposer waiting.
#[test]
fn only_the_first_refusal_begins_a_wait() {
    let mut node = alone(1, 5);
    propose(&mut node, "a");
    node.sync().unwrap();
    let min = node.protocol.config().retry_timeout_min;
    node.advance(min - Duration::from_millis(1));
    let before = node.timers()[&Timer::Retry];
    assert!(before - node.now() < min);
    hear(&mut node, 2, nack(1, ballot(3, 2)));
    let due = node.timers()[&Timer::Retry];
    assert!(due - node.now() >= min, "the first");
    for (from, round) in [(3, 3), (4, 4), (5, 2)] {
        node.advance(Duration::from_millis(1));
        hear(&mut node, from, nack(1, ballot(round, 2)));
        assert_eq!(node.timers()[&Timer::Retry], due, "another");
    }
    node.fire(Timer::Retry);
    assert_eq!(node.protocol.ballot(), Some(ballot(5, 1)), "above all that were named");
}
