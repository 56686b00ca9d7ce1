//! What a leader makes of answers that come late, or to questions that it never asked.

use crate::bugs::{acknowledged, hear, leader, propose, sent};
use synod_core::testing::Bench;
use synod_core::{Input, Link, NodeId};
use synod_raft::{EntryId, Index, Message, Pace, PeerStatus, Raft, Term, Timer};

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
