//! What a follower takes, what it refuses, and what it says about it.

use crate::bugs::{acknowledged, append, bench, events, hear, id, leader, sent};
use synod_core::NodeId;
use synod_core::testing::Bench;
use synod_raft::{Event, Illegal, Index, Message, Raft, Role, Term};

const TWO: NodeId = NodeId(2);

fn commit(term: u64, commit: u64) -> Message {
    Message::Commit { term: Term(term), commit: Index(commit) }
}

/// Follows node 2 in term 5, with three entries of term 3 on its disk.
fn follower() -> Bench<Raft> {
    let mut node = bench(3, |_| {});
    hear(&mut node, 2, append(5, (0, 0), 0, 3, &["a", "b", "c"]));
    node.sync().unwrap();
    node.take();
    node
}

/// A leader that repeats a part of what it has sent, joined with what is new, is taken from where it is new.
#[test]
fn an_append_that_overlaps_adds_what_is_new() {
    let mut node = follower();
    hear(&mut node, 2, append(5, (3, 1), 0, 3, &["b", "c", "d"]));
    node.sync().unwrap();
    assert_eq!(node.protocol.log().last(), id(3, 4));
    assert_eq!(sent(&mut node), [(2, acknowledged(5, 4))]);
    // And where it differs, what differs is replaced.
    hear(&mut node, 3, append(6, (3, 2), 0, 6, &["x", "y", "z"]));
    node.sync().unwrap();
    assert_eq!(node.protocol.log().last(), id(6, 5));
    assert_eq!(node.protocol.term_at(Index(2)), Some(Term(3)));
}

#[test]
fn a_commit_index_of_a_deposed_leader_is_not_followed() {
    let mut node = follower();
    hear(&mut node, 3, commit(4, 3));
    assert_eq!(sent(&mut node), [(3, Message::Heard { term: Term(5), round: 0 })], "it is told");
    assert_eq!((node.protocol.leader(), node.protocol.commit_index()), (Some(TWO), Index(0)));
    hear(&mut node, 2, commit(5, 3));
    assert_eq!((node.protocol.leader(), node.protocol.commit_index()), (Some(TWO), Index(3)));
}

#[test]
fn terms_that_contradict_each_other_are_refused() {
    let cases = [
        (append(5, (6, 3), 0, 6, &[]), "what is before is of a later term than the leader"),
        (append(5, (3, 3), 0, 6, &["x"]), "an entry is"),
        (append(5, (1, 0), 0, 5, &["x"]), "nothing is before, and it has a term"),
        (append(5, (0, 3), 0, 5, &["x"]), "an entry is before, and it has none"),
        (append(5, (3, 3), 0, 2, &["x"]), "terms go back"),
    ];
    for (message, why) in cases {
        let mut node = follower();
        let before = node.protocol.clone();
        hear(&mut node, 2, message);
        assert_eq!(
            events(&mut node),
            [Event::Illegal { from: TWO, reason: Illegal::ImpossibleTerm }],
            "{why}"
        );
        assert_eq!(node.protocol, before, "{why}");
    }
    let mut node = bench(3, |_| {});
    hear(&mut node, 2, append(0, (0, 0), 0, 0, &[]));
    assert_eq!(events(&mut node), [Event::Illegal { from: TWO, reason: Illegal::ImpossibleTerm }]);
    assert_eq!(node.protocol.leader(), None, "nobody leads term 0");
}

#[test]
fn terms_that_just_fit_are_taken() {
    for message in [
        append(5, (3, 3), 0, 5, &["of the leader's own term"]),
        append(5, (3, 3), 0, 3, &["of the term of what is before"]),
        append(5, (0, 0), 0, 3, &["a", "b", "c", "from the beginning"]),
    ] {
        let mut node = follower();
        hear(&mut node, 2, message);
        assert_eq!((events(&mut node), node.protocol.last_index()), (vec![], Index(4)));
    }
    let mut node = follower();
    hear(&mut node, 2, append(5, (5, 9), 0, 5, &[]));
    assert!(
        matches!(sent(&mut node)[..], [(2, Message::Rejected { .. })]),
        "a question, not a contradiction"
    );
}

#[test]
fn a_leader_does_not_follow_another_of_its_term() {
    let mut node = leader(3);
    for message in [append(1, (0, 0), 0, 1, &["x"]), commit(1, 1)] {
        hear(&mut node, 2, message);
        assert_eq!(events(&mut node), [Event::Illegal { from: TWO, reason: Illegal::SecondLeader }]);
        assert_eq!((node.protocol.role(), node.protocol.last_index()), (Role::Leader, Index(1)));
    }
}
