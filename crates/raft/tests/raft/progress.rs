//! What a leader makes of answers that come late, or to questions that it never asked.

use crate::bugs::{acknowledged, append, hear, id, leader, propose, sent};
use synod_core::testing::Bench;
use synod_core::{Input, Lane, Link, NodeId, Protocol};
use synod_raft::{EntryId, Index, Loan, Message, Pace, PeerStatus, Raft, Segment, Term, Timer};

/// A leader in term 1 that streams to node 2; entries 1 to 3 are acknowledged, 4 and 5 are on their way.
fn streaming() -> Bench<Raft> {
    let mut node = leader(3);
    propose(&mut node, "a");
    propose(&mut node, "b");
    node.sync().unwrap();
    hear(&mut node, 2, acknowledged(1, 3));
    propose(&mut node, "c");
    propose(&mut node, "d");
    node.sync().unwrap();
    let two = peer(&node);
    assert_eq!((two.matched, two.next, two.pace), (Index(3), Index(6), Pace::Replicate));
    node.take();
    node
}

fn peer(node: &Bench<Raft>) -> PeerStatus {
    node.protocol.status().peers[0]
}

/// After a broken connection entries may be lost: the leader asks what has arrived, and an answer from before is none.
#[test]
fn a_late_acknowledgement_does_not_end_a_probe() {
    let mut node = streaming();
    node.input(Input::Link(NodeId(2), Link::Down));
    hear(&mut node, 2, acknowledged(1, 4));
    assert_eq!((peer(&node).matched, peer(&node).pace), (Index(4), Pace::Probe { paused: true }));
    node.fire(Timer::Heartbeat);
    hear(&mut node, 2, acknowledged(1, 5));
    assert_eq!((peer(&node).matched, peer(&node).pace), (Index(5), Pace::Replicate));
}

/// Each rejection makes a stream a probe; one of something that was never sent must not.
#[test]
fn a_rejection_of_what_was_never_sent_changes_nothing() {
    let mut node = streaming();
    for prev in [6, 7, 100] {
        let rejection = Message::Rejected { term: Term(1), prev: Index(prev), hint: EntryId::ZERO, round: 1 };
        hear(&mut node, 2, rejection);
        assert_eq!((peer(&node).next, peer(&node).pace), (Index(6), Pace::Replicate), "{prev}");
        assert_eq!(sent(&mut node), []);
    }
}

#[test]
fn a_connection_that_comes_back_is_used_at_once() {
    let mut node = streaming();
    node.input(Input::Link(NodeId(2), Link::Down));
    assert_eq!((sent(&mut node), peer(&node).pace), (vec![], Pace::Probe { paused: true }));
    node.input(Input::Link(NodeId(2), Link::Up { version: 1 }));
    assert!(matches!(sent(&mut node)[..], [(2, Message::Append { .. })]), "it asks what has arrived");
    hear(&mut node, 2, acknowledged(1, 5));
    node.take();
    node.input(Input::Link(NodeId(2), Link::Up { version: 1 }));
    assert_eq!((sent(&mut node), peer(&node).pace), (vec![], Pace::Replicate), "what works goes on");
}

/// Entries may be long: heartbeats and votes must not queue behind them.
#[test]
fn what_carries_entries_travels_apart_from_what_carries_none() {
    let message = |payloads: &[&str]| append(1, (1, 1), 0, 1, payloads);
    assert_eq!(Raft::lane(&message(&["x"])), Lane::Log);
    assert_eq!(Raft::lane(&message(&[])), Lane::Control);
    assert_eq!(Raft::lane(&acknowledged(1, 1)), Lane::Control);
    let entries = Segment::pack(Index(2), Term(1), ["x"]).unwrap();
    let loan = || Box::new(Loan { last: id(1, 2), prev_term: Term(1), entries: entries.clone() });
    assert_eq!(Raft::lane(&Message::Lend { term: Term(1), loan: loan() }), Lane::Log);
    assert_eq!(Raft::lane(&Message::Mended { term: Term(1), loan: loan() }), Lane::Log);
}
