//! How a leader packs what it is given, and how it treats a follower that is merely idle.

use crate::bugs::{acknowledged, bench, hear, leader, propose, sent};
use synod_core::{Bytes, Input};
use synod_raft::{Command, Index, Message, Pace, Segment, Term, Timer};

/// A payload costs its length and the four bytes before it.
#[test]
fn a_batch_is_as_full_as_its_limit_allows() {
    for (bytes_max, batches) in [(42, [3, 3, 1]), (41, [2, 2, 2]), (55, [3, 3, 1])] {
        let mut node = bench(1, |config| config.batch_bytes_max = bytes_max);
        node.input(Input::Command(Command::Campaign));
        node.sync().unwrap();
        let payload = Bytes::from_static(b"ten bytes.");
        node.burst((0..7).map(|token| Input::Command(Command::Propose { token, payload: payload.clone() })));
        let lens: Vec<usize> = node.protocol.log().segments().map(Segment::len).collect();
        assert_eq!((lens[0], &lens[1..4]), (1, &batches[..]), "the no-op, and batches of {bytes_max} bytes");
    }
}

/// To join small batches costs a copy: it is made for those of at most a quarter of the limit, and larger ones are shared.
#[test]
fn batches_are_joined_for_a_follower_that_is_behind_if_they_are_small() {
    for (len, entries_of_each) in [(96, vec![4, 4]), (97, vec![1; 8])] {
        let mut node = bench(3, |config| {
            config.batch_bytes_max = 400;
            config.pre_vote = false;
        });
        node.input(Input::Command(Command::Campaign));
        node.sync().unwrap();
        hear(&mut node, 2, Message::Voted { term: Term(1), granted: true });
        for token in 0..8 {
            let payload = Bytes::from(vec![7; len]);
            node.input(Input::Command(Command::Propose { token, payload }));
        }
        node.take();
        hear(&mut node, 2, acknowledged(1, 1));
        let sent = sent(&mut node).into_iter().filter_map(|(_, message)| match message {
            Message::Append { entries, .. } => Some(entries.len()),
            _ => None,
        });
        assert_eq!(sent.collect::<Vec<_>>(), entries_of_each, "payloads of {len} bytes");
    }
}

#[test]
fn the_longest_payload_is_taken() {
    let mut node = bench(1, |config| config.payload_bytes_max = 4);
    node.input(Input::Command(Command::Campaign));
    node.sync().unwrap();
    propose(&mut node, "four");
    assert_eq!(node.protocol.last_index(), Index(2));
}

/// Limits count what is sent, not what stands before it in the same batch.
#[test]
fn a_follower_that_has_half_of_a_batch_gets_the_rest_at_once() {
    let mut node = bench(3, |config| {
        config.batch_bytes_max = 112;
        config.pre_vote = false;
    });
    node.input(Input::Command(Command::Campaign));
    node.sync().unwrap();
    hear(&mut node, 2, Message::Voted { term: Term(1), granted: true });
    let payload = Bytes::from_static(b"ten bytes.");
    node.burst((0..8).map(|token| Input::Command(Command::Propose { token, payload: payload.clone() })));
    assert_eq!(node.protocol.log().segments().map(Segment::len).collect::<Vec<_>>(), [1, 8]);
    node.take();
    hear(&mut node, 2, acknowledged(1, 3));
    let rest = |message: &Message| match message {
        Message::Append { entries, .. } => (entries.first().0, entries.last().0),
        _ => (0, 0),
    };
    assert_eq!(sent(&mut node).iter().map(|(_, message)| rest(message)).collect::<Vec<_>>(), [(4, 9)]);
}

/// An answer is missing only where one was asked for.
#[test]
fn an_idle_follower_is_not_taken_for_a_lost_one() {
    let mut node = leader(3);
    hear(&mut node, 2, acknowledged(1, 1));
    for _ in 0..5 {
        node.fire(Timer::Heartbeat);
        assert_eq!(node.protocol.status().peers[0].pace, Pace::Replicate);
    }
    node.take();
    propose(&mut node, "at once");
    let entries =
        |message: &Message| matches!(message, Message::Append { entries, .. } if !entries.is_empty());
    assert!(sent(&mut node).iter().any(|(to, message)| *to == 2 && entries(message)));
    // Entries are on their way, and nothing was heard since the last heartbeat: now it asks.
    node.fire(Timer::Heartbeat);
    assert_eq!(node.protocol.status().peers[0].pace, Pace::Probe { paused: true });
    hear(&mut node, 2, acknowledged(1, 2));
    assert_eq!(node.protocol.status().peers[0].matched, Index(2));
    assert_eq!(node.protocol.status().peers[0].pace, Pace::Replicate);
}

/// A leader answers for a voter from the round in which it began to; round 0 is what those say who have heard no leader.
#[test]
fn an_answer_from_before_the_first_round_is_not_counted() {
    let mut node = leader(3);
    hear(&mut node, 2, Message::Appended { term: Term(1), matched: Index(1), round: 0 });
    assert_eq!((node.protocol.commit_index(), node.protocol.status().peers[0].matched), (Index(0), Index(0)));
    hear(&mut node, 2, acknowledged(1, 1));
    assert_eq!(node.protocol.commit_index(), Index(1));
}

/// What a voter stored while it was in doubt counts as soon as it says that it is not any more, though it says nothing else.
#[test]
fn what_was_stored_in_doubt_counts_when_the_doubt_is_over() {
    let mut node = leader(3);
    hear(&mut node, 2, Message::Uncounted { term: Term(1), matched: Index(1), round: 1 });
    assert_eq!((node.protocol.commit_index(), node.protocol.status().peers[0].matched), (Index(0), Index(1)));
    hear(&mut node, 2, Message::Uncounted { term: Term(1), matched: Index(1), round: 1 });
    assert_eq!(node.protocol.commit_index(), Index(0));
    hear(&mut node, 2, acknowledged(1, 1));
    assert_eq!(node.protocol.commit_index(), Index(1));
}

#[test]
fn a_batch_holds_no_more_entries_than_its_limit_allows() {
    let mut node = bench(1, |config| config.batch_entries_max = 3);
    node.input(Input::Command(Command::Campaign));
    node.sync().unwrap();
    let payload = Bytes::from_static(b"x");
    node.burst((0..7).map(|token| Input::Command(Command::Propose { token, payload: payload.clone() })));
    let lens: Vec<usize> = node.protocol.log().segments().map(Segment::len).collect();
    assert_eq!(lens, [1, 3, 3, 1], "the no-op, and three batches");
}
