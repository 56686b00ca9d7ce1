//! The cases of the paper, and what went wrong elsewhere: such tests name the project and the report that taught them.

use crate::cluster::{Cluster, alone, ballot, config, events, hear, propose, sent};
use core::time::Duration;
use synod_core::host::Log as _;
use synod_core::testing::{Bench, Output};
use synod_core::{Bytes, Input, Lsn, NodeId};
use synod_paxos::{
    Ballot, Command, ConfigError, Event, Illegal, Message, Paxos, Proposal, QuorumRule, Refusal, Timer,
};
use synod_quorum::{MeetError, Quorums, QuorumsError, Rule};

fn prepare(round: u64, node: u64) -> Message {
    Message::Prepare { ballot: ballot(round, node) }
}

fn promise(round: u64, node: u64, accepted: Option<(u64, u64, &'static str)>) -> Message {
    let accepted = accepted.map(|(round, node, value)| Proposal {
        ballot: ballot(round, node),
        value: Bytes::from_static(value.as_bytes()),
    });
    Message::Promise { ballot: ballot(round, node), accepted }
}

fn accept(round: u64, node: u64, value: &'static str) -> Message {
    Message::Accept { ballot: ballot(round, node), value: Bytes::from_static(value.as_bytes()) }
}

fn accepted(round: u64, node: u64) -> Message {
    Message::Accepted { ballot: ballot(round, node) }
}

fn nack(ours: Ballot, promised: Ballot) -> Message {
    Message::Nack { ballot: ours, promised }
}

fn decided(round: u64, node: u64, value: &'static str) -> Message {
    Message::Decided { ballot: ballot(round, node), value: Bytes::from_static(value.as_bytes()) }
}

fn illegal(node: &mut Bench<Paxos>, from: u64, message: Message) -> Option<Illegal> {
    node.take();
    hear(node, from, message);
    events(node).into_iter().find_map(|event| match event {
        Event::Illegal { reason, .. } => Some(reason),
        _ => None,
    })
}

#[test]
fn one_proposer_gets_its_value_chosen_and_everybody_learns_it() {
    let mut cluster = Cluster::new(3);
    cluster.propose(1, "a");
    cluster.carry_all();
    assert_eq!(cluster.decision().as_deref(), Some("a"));
    let told: Vec<u64> = cluster.events.iter().map(|(id, _)| id.0).collect();
    assert_eq!(told, [1, 2, 3], "each is told once");
    assert_eq!(cluster.safety.decision().unwrap(), "a", "the observer has seen it");
}

#[test]
fn nothing_leaves_before_the_disk_has_it() {
    let mut node = alone(1, 3);
    propose(&mut node, "a");
    assert_eq!(sent(&mut node), [], "the round is not durable");
    node.sync().unwrap();
    assert_eq!(sent(&mut node), [(2, prepare(1, 1)), (3, prepare(1, 1))]);
    let mut node = alone(2, 3);
    hear(&mut node, 1, prepare(1, 1));
    assert_eq!(sent(&mut node), []);
    node.sync().unwrap();
    assert_eq!(sent(&mut node), [(1, promise(1, 1, None))]);
    hear(&mut node, 1, accept(1, 1, "a"));
    assert_eq!(sent(&mut node), []);
    node.sync().unwrap();
    assert_eq!(sent(&mut node), [(1, accepted(1, 1))]);
}

#[test]
fn a_node_counts_itself_only_when_its_own_disk_has_it() {
    let mut node = alone(1, 3);
    propose(&mut node, "a");
    node.sync().unwrap();
    hear(&mut node, 2, promise(1, 1, None));
    // The own acceptance is written, and the other's alone is no quorum.
    hear(&mut node, 2, accepted(1, 1));
    assert_eq!(node.protocol.decided(), None);
    node.sync().unwrap();
    assert!(node.protocol.decided().is_some());
}

#[test]
fn the_value_of_the_highest_ballot_is_adopted() {
    let mut node = alone(1, 5);
    propose(&mut node, "mine");
    node.sync().unwrap();
    node.input(Input::Message(NodeId(3), nack(ballot(1, 1), ballot(6, 3))));
    node.fire(Timer::Retry);
    node.sync().unwrap();
    assert_eq!(node.protocol.ballot(), Some(ballot(7, 1)));
    node.take();
    hear(&mut node, 2, promise(7, 1, Some((4, 2, "older"))));
    assert_eq!(sent(&mut node), []);
    hear(&mut node, 3, promise(7, 1, Some((6, 3, "newer"))));
    assert_eq!(sent(&mut node)[0], (2, accept(7, 1, "newer")));
}

#[test]
fn a_proposer_that_crashes_between_the_phases_leaves_the_others_free() {
    let mut cluster = Cluster::new(3);
    cluster.propose(1, "lost");
    cluster.carry(|_, _, message| matches!(message, Message::Prepare { .. }));
    cluster.crash(1);
    cluster.net.clear();
    cluster.propose(2, "b");
    cluster.run(Duration::from_secs(1));
    assert_eq!(cluster.decision().as_deref(), Some("b"));
    cluster.restart(1);
    cluster.run(Duration::from_secs(1));
    assert_eq!(cluster.decision().as_deref(), Some("b"));
}

#[test]
fn a_value_that_a_quorum_accepted_survives_the_proposer_that_nobody_heard_decide() {
    let mut cluster = Cluster::new(3);
    cluster.propose(1, "chosen");
    cluster.carry(|from, to, message| {
        (from, to) == (1, 2) || (from, to) == (2, 1) && !matches!(message, Message::Accepted { .. })
    });
    cluster.crash(1);
    cluster.net.clear();
    assert_eq!(cluster.paxos(2).accepted().unwrap().value, "chosen");
    // It was chosen by 1 and 2, though nobody knows. Whoever proposes now must find it.
    cluster.propose(3, "late");
    cluster.run(Duration::from_secs(1));
    assert_eq!(cluster.decision().as_deref(), Some("chosen"));
}

#[test]
fn an_orphaned_proposal_is_finished_by_an_acceptor() {
    let mut cluster = Cluster::new(3);
    cluster.propose(1, "orphan");
    cluster.carry(|from, to, message| {
        (from, to) == (1, 2) || (from, to) == (2, 1) && !matches!(message, Message::Accepted { .. })
    });
    cluster.crash(1);
    cluster.net.clear();
    cluster.run(Duration::from_secs(2));
    assert_eq!(cluster.decision().as_deref(), Some("orphan"));
}

#[test]
fn duelling_proposers_make_progress() {
    let mut cluster = Cluster::new(5);
    // Each is outbid before its second phase, ten times over.
    for round in 0..10 {
        for id in [1, 2] {
            match round {
                0 => cluster.propose(id, if id == 1 { "a" } else { "b" }),
                _ => cluster.retry(id),
            }
            cluster.carry(|from, _, message| from == id && matches!(message, Message::Prepare { .. }));
        }
        for id in [1, 2] {
            cluster.carry(|_, to, message| to == id && matches!(message, Message::Promise { .. }));
        }
        for id in [1, 2] {
            cluster.carry(|from, _, message| from == id && matches!(message, Message::Accept { .. }));
            if round < 9 {
                // Of the second proposer's acceptances none arrives.
                cluster.net.retain(|(_, _, message)| !matches!(message, Message::Accepted { .. }));
            }
        }
    }
    assert_eq!(cluster.safety.decision(), None);
    cluster.run(Duration::from_secs(10));
    assert!(cluster.decision().is_some());
}

#[test]
fn waits_are_random_and_grow() {
    let mut waits = Vec::new();
    for id in 1..=20 {
        let mut node = Bench::new(NodeId(id), Paxos::new(config(id, 20)).unwrap());
        node.start().unwrap();
        propose(&mut node, "a");
        node.sync().unwrap();
        for _ in 0..6 {
            waits.push(node.timers()[&Timer::Retry] - node.now());
            node.fire(Timer::Retry);
        }
    }
    let first: Vec<Duration> = waits.iter().step_by(6).copied().collect();
    let last: Vec<Duration> = waits.iter().skip(5).step_by(6).copied().collect();
    let ms = Duration::from_millis;
    assert!(first.iter().all(|wait| (ms(100)..ms(200)).contains(wait)), "{first:?}");
    assert!(last.iter().all(|wait| (ms(100)..ms(1700)).contains(wait)), "{last:?}");
    assert!(last.iter().max() > Some(&ms(800)));
    let mut different = first.clone();
    different.dedup();
    assert_eq!(different.len(), first.len());
}

/// `MyPaxos` 18: answers to an earlier ballot were counted for the one under way.
#[test]
fn a_stale_promise_is_not_counted() {
    let mut node = alone(1, 5);
    propose(&mut node, "a");
    node.sync().unwrap();
    hear(&mut node, 2, nack(ballot(1, 1), ballot(3, 2)));
    node.fire(Timer::Retry);
    node.sync().unwrap();
    node.take();
    assert_eq!(node.protocol.ballot(), Some(ballot(4, 1)));
    for from in 2..=5 {
        hear(&mut node, from, promise(1, 1, None));
        hear(&mut node, from, accepted(1, 1));
    }
    assert_eq!((node.protocol.proposal(), sent(&mut node)), (None, vec![]));
    hear(&mut node, 2, promise(4, 1, None));
    hear(&mut node, 2, promise(4, 1, None)); // and an answer that comes twice is one answer
    assert_eq!(node.protocol.proposal(), None);
    hear(&mut node, 3, promise(4, 1, None));
    assert!(node.protocol.proposal().is_some());
    for _ in 0..3 {
        hear(&mut node, 2, accepted(4, 1));
    }
    node.sync().unwrap();
    assert_eq!(node.protocol.decided(), None, "two of five, one of them three times");
}

/// `scylladb` 6139: the ballot of an acceptance was not kept as a promise.
#[test]
fn an_acceptance_at_a_higher_ballot_is_a_promise_too() {
    let mut node = alone(2, 3);
    hear(&mut node, 1, prepare(1, 1));
    hear(&mut node, 3, accept(5, 3, "c"));
    node.sync().unwrap();
    assert_eq!(node.protocol.promised(), ballot(5, 3));
    node.take();
    hear(&mut node, 1, accept(1, 1, "a"));
    hear(&mut node, 1, prepare(4, 1));
    assert_eq!(
        sent(&mut node),
        [(1, nack(ballot(1, 1), ballot(5, 3))), (1, nack(ballot(4, 1), ballot(5, 3)))]
    );
    node.restart(Paxos::new(config(2, 3)).unwrap()).unwrap();
    assert_eq!(node.protocol.promised(), ballot(5, 3));
    assert_eq!(node.protocol.accepted().unwrap().value, "c");
}

/// `phxpaxos` 145: a restarted proposer began again with a round that it had used.
#[test]
fn a_restarted_proposer_uses_no_ballot_twice() {
    for acceptor in [true, false] {
        let mut config = config(4, 3);
        if acceptor {
            config.acceptors.push(NodeId(4));
        } else {
            config.learners.push(NodeId(4));
        }
        let mut node = Bench::new(NodeId(4), Paxos::new(config.clone()).unwrap());
        node.start().unwrap();
        let mut used = Vec::new();
        for life in 0..4 {
            propose(&mut node, ["a", "b", "c", "d"][life]);
            node.sync().unwrap();
            let ballots = sent(&mut node).into_iter().filter_map(|(_, message)| message.ballot());
            let ballot = ballots.max().unwrap();
            assert!(!used.contains(&ballot), "{ballot} twice");
            used.push(ballot);
            node.restart(Paxos::new(config.clone()).unwrap()).unwrap();
        }
        // A round that never became durable was never spoken of, and may be used.
        propose(&mut node, "e");
        assert_eq!(sent(&mut node), []);
        node.restart(Paxos::new(config).unwrap()).unwrap();
        propose(&mut node, "f");
        assert_eq!(node.protocol.ballot(), Some(ballot(5, 4)));
    }
}

#[test]
fn a_duplicate_is_answered_again_and_not_written_again() {
    let mut node = alone(2, 3);
    for _ in 0..3 {
        hear(&mut node, 1, prepare(1, 1));
        node.sync().unwrap();
    }
    assert_eq!(sent(&mut node), vec![(1, promise(1, 1, None)); 3]);
    assert_eq!(node.log.end(), Lsn(1));
    for _ in 0..3 {
        hear(&mut node, 1, accept(1, 1, "a"));
        node.sync().unwrap();
    }
    assert_eq!(sent(&mut node), vec![(1, accepted(1, 1)); 3]);
    assert_eq!(node.log.end(), Lsn(2));
    // The proposer is in its second phase; it has no use for another promise.
    hear(&mut node, 1, prepare(1, 1));
    assert_eq!(sent(&mut node), []);
}

#[test]
fn a_stalled_disk_piles_up_neither_records_nor_promises() {
    let mut node = alone(2, 3);
    for _ in 0..100 {
        hear(&mut node, 1, prepare(1, 1));
        hear(&mut node, 1, accept(1, 1, "a"));
    }
    assert_eq!(node.log.end(), Lsn(2));
    node.sync().unwrap();
    assert_eq!(sent(&mut node), [(1, promise(1, 1, None)), (1, accepted(1, 1))]);

    let mut node = alone(1, 3);
    propose(&mut node, "a");
    for _ in 0..100 {
        node.fire(Timer::Retry);
    }
    assert_eq!(node.log.end(), Lsn(1), "no further rounds");
    node.sync().unwrap();
    assert_eq!(sent(&mut node).len(), 2, "one question to each");
}

#[test]
fn questions_are_repeated_to_those_who_have_not_answered() {
    let mut node = alone(1, 5);
    propose(&mut node, "a");
    node.sync().unwrap();
    hear(&mut node, 2, promise(1, 1, None));
    node.take();
    node.fire(Timer::Retry);
    assert_eq!(sent(&mut node), [3, 4, 5].map(|to| (to, prepare(1, 1))));
    hear(&mut node, 3, promise(1, 1, None));
    hear(&mut node, 5, accepted(1, 1));
    node.take();
    node.fire(Timer::Retry);
    assert_eq!(sent(&mut node), [2, 3, 4].map(|to| (to, accept(1, 1, "a"))));
    assert_eq!(
        node.protocol.ballot(),
        Some(ballot(1, 1)),
        "nobody has refused, so the ballot is as good as any"
    );
}

#[test]
fn a_refused_ballot_may_still_win_and_is_followed_by_a_higher_one_otherwise() {
    let mut node = alone(1, 5);
    propose(&mut node, "a");
    node.sync().unwrap();
    hear(&mut node, 5, nack(ballot(1, 1), ballot(9, 5)));
    hear(&mut node, 2, promise(1, 1, None));
    hear(&mut node, 3, promise(1, 1, None));
    assert!(node.protocol.proposal().is_some(), "three of five have promised");
    node.sync().unwrap();
    node.fire(Timer::Retry);
    assert_eq!(node.protocol.ballot(), Some(ballot(10, 1)));
}

#[test]
fn a_minority_that_is_down_is_not_missed_and_a_majority_is() {
    let mut cluster = Cluster::new(5);
    cluster.crash(4);
    cluster.crash(5);
    cluster.propose(1, "a");
    cluster.run(Duration::from_millis(50));
    assert_eq!(cluster.decision().as_deref(), Some("a"));

    let mut cluster = Cluster::new(5);
    (3..=5).for_each(|id| cluster.crash(id));
    cluster.propose(1, "a");
    cluster.run(Duration::from_secs(20));
    assert_eq!(cluster.safety.decision(), None);
    cluster.restart(3);
    cluster.run(Duration::from_secs(4));
    assert_eq!(cluster.decision().as_deref(), Some("a"));
}

#[test]
fn who_asks_late_is_told() {
    let mut cluster = Cluster::new(3);
    cluster.crash(3);
    cluster.propose(1, "a");
    cluster.carry_all();
    cluster.restart(3);
    cluster.run(Duration::from_secs(5));
    assert_eq!(cluster.paxos(3).decided(), None, "nobody has told it that there is something to learn");
    cluster.input(3, Input::Command(Command::Learn));
    cluster.carry_all();
    assert_eq!(cluster.decision().as_deref(), Some("a"));
    // And whoever proposes gets what was chosen.
    cluster.events.clear();
    cluster.propose(2, "b");
    let value = Bytes::from_static(b"a");
    assert_eq!(cluster.events, [(NodeId(2), Event::Decided { value, ballot: ballot(1, 1) })]);
}

#[test]
fn a_question_is_repeated_until_somebody_knows() {
    let mut cluster = Cluster::new(3);
    cluster.input(3, Input::Command(Command::Learn));
    cluster.run(Duration::from_secs(1));
    cluster.propose(1, "a");
    cluster.carry(|_, to, _| to < 3);
    cluster.net.clear();
    cluster.run(Duration::from_secs(3));
    assert_eq!(cluster.decision().as_deref(), Some("a"));
}

#[test]
fn a_learner_proposes_and_learns_and_stores_nothing_but_its_rounds() {
    let mut cluster = Cluster::new(3);
    let mut config = config(9, 3);
    config.learners.push(NodeId(9));
    for node in cluster.nodes.values_mut() {
        let mut config = node.protocol.config().clone();
        config.learners.push(NodeId(9));
        node.protocol = Paxos::new(config).unwrap();
    }
    let mut learner = Bench::new(NodeId(9), Paxos::new(config).unwrap());
    learner.start().unwrap();
    cluster.nodes.insert(NodeId(9), learner);
    cluster.propose(9, "a");
    cluster.carry_all();
    assert_eq!(cluster.decision().as_deref(), Some("a"));
    assert_eq!(cluster.nodes[&NodeId(9)].log.end(), Lsn(1));
    let node = cluster.nodes.get_mut(&NodeId(9)).unwrap();
    assert_eq!(illegal(node, 1, prepare(1, 1)), Some(Illegal::NotAnAcceptor));
}

#[test]
fn what_is_not_taken_comes_back() {
    let mut node = alone(1, 3);
    let refused = |node: &mut Bench<Paxos>| {
        events(node).into_iter().find_map(|event| match event {
            Event::Refused { value, reason } => Some((value, reason)),
            _ => None,
        })
    };
    propose(&mut node, "a");
    propose(&mut node, "a");
    assert_eq!(refused(&mut node), None, "the same again is no other");
    propose(&mut node, "b");
    assert_eq!(refused(&mut node), Some(("b".into(), Refusal::Busy)));
    let mut node = alone(1, 3);
    let value = Bytes::from(vec![0; (1 << 20) + 1]);
    node.input(Input::Command(Command::Propose { value: value.clone() }));
    assert_eq!(refused(&mut node), Some((value, Refusal::TooLarge)));
    hear(&mut node, 2, prepare(Ballot::ROUND_MAX, 2));
    propose(&mut node, "c");
    assert_eq!(refused(&mut node), Some(("c".into(), Refusal::RoundsExhausted)));
}

#[test]
fn what_no_correct_node_sends_is_dropped_and_named() {
    let fresh = || alone(1, 3);
    let me = NodeId(1);
    let cases = [
        (7, prepare(1, 7), Illegal::NotAMember),
        (1, prepare(1, 1), Illegal::FromOneself),
        (1, Message::Learn, Illegal::FromOneself),
        (2, prepare(0, 2), Illegal::ImpossibleBallot),
        (2, prepare(Ballot::ROUND_MAX + 1, 2), Illegal::ImpossibleBallot),
        (2, prepare(1, 7), Illegal::ImpossibleBallot),
        (2, prepare(1, 3), Illegal::NotItsBallot),
        (2, accept(1, 3, "a"), Illegal::NotItsBallot),
        (2, promise(1, 2, None), Illegal::NotItsBallot),
        (2, accepted(1, 3), Illegal::NotItsBallot),
        (2, nack(ballot(1, 3), ballot(2, 2)), Illegal::NotItsBallot),
        (2, promise(1, 1, Some((1, 1, "a"))), Illegal::ImpossibleBallot),
        (2, promise(5, 1, Some((0, 1, "a"))), Illegal::ImpossibleBallot),
        (2, nack(ballot(2, 1), ballot(1, 2)), Illegal::ImpossibleBallot),
        (2, nack(ballot(2, 1), ballot(2, 1)), Illegal::ImpossibleBallot),
    ];
    for (from, message, reason) in cases {
        let mut node = fresh();
        let before = node.protocol.clone();
        assert_eq!(illegal(&mut node, from, message.clone()), Some(reason), "{message:?}");
        assert_eq!(node.protocol, before, "{message:?}");
    }
    let mut node = fresh();
    hear(&mut node, 2, accept(1, 2, "a"));
    assert_eq!(illegal(&mut node, 2, accept(1, 2, "b")), Some(Illegal::TwoValues));
    hear(&mut node, 2, decided(1, 2, "a"));
    assert_eq!(illegal(&mut node, 3, decided(2, 3, "b")), Some(Illegal::DecidedOtherwise));
    let mut node = alone(1, 5);
    propose(&mut node, "x");
    hear(&mut node, 2, nack(ballot(1, 1), ballot(3, 3)));
    node.sync().unwrap();
    node.fire(Timer::Retry);
    hear(&mut node, 2, promise(4, 1, Some((3, 3, "a"))));
    assert_eq!(illegal(&mut node, 3, promise(4, 1, Some((3, 3, "b")))), Some(Illegal::TwoValues));
    // A node that is run under another name stays silent.
    let mut node = Bench::new(NodeId(2), Paxos::new(config(1, 3)).unwrap());
    node.start().unwrap();
    assert!(matches!(events(&mut node)[..], [Event::Halted(_)]));
    propose(&mut node, "a");
    let halted = Event::Refused { value: "a".into(), reason: Refusal::Halted };
    assert_eq!(node.take(), [Output::Event(halted)]);
    hear(&mut node, 3, prepare(1, 3));
    assert_eq!((node.take().len(), node.log.end(), node.protocol.id()), (0, Lsn(0), me));
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    let ids = |ids: &[u64]| ids.iter().copied().map(NodeId).collect::<Vec<_>>();
    let refused = |change: &dyn Fn(&mut synod_paxos::Config)| {
        let mut config = config(1, 3);
        change(&mut config);
        Paxos::new(config).unwrap_err()
    };
    assert_eq!(refused(&|config| config.acceptors.clear()), ConfigError::NoAcceptors);
    assert_eq!(
        refused(&|config| config.acceptors = ids(&[1, 2, 2])),
        ConfigError::DuplicateMember { id: NodeId(2) }
    );
    assert_eq!(
        refused(&|config| config.learners = ids(&[2])),
        ConfigError::DuplicateMember { id: NodeId(2) }
    );
    assert_eq!(refused(&|config| config.id = NodeId(4)), ConfigError::NotAMember { id: NodeId(4) });
    let sizes =
        |prepare, accept| refused(&move |config| config.quorums = QuorumRule::Sizes { prepare, accept });
    assert!(matches!(sizes(0, 3), ConfigError::Quorums(QuorumsError::Rule(_))));
    assert!(matches!(sizes(3, 4), ConfigError::Quorums(QuorumsError::Rule(_))));
    assert!(matches!(sizes(2, 1), ConfigError::Quorums(QuorumsError::Meet(_))));
    assert!(matches!(
        refused(&|config| config.retry_timeout_max = config.retry_timeout_min),
        ConfigError::RetryTimeout { .. }
    ));
    for nodes in 1..=7 {
        let least = nodes as usize / 2 + 1;
        let quorums = config(1, nodes).quorums().unwrap();
        let first = |count: usize| (1..=count as u64).map(NodeId).collect::<Vec<_>>();
        for rule in [quorums.elect(), quorums.commit()] {
            assert!(rule.is_quorum(&first(least)) && !rule.is_quorum(&first(least - 1)));
        }
    }
}

#[test]
fn quorums_that_need_not_meet_or_name_strangers_are_refused() {
    let refused = |quorums| {
        let mut config = config(1, 4);
        config.quorums = QuorumRule::Of(quorums);
        Paxos::new(config).unwrap_err()
    };
    let [a, b, c, d, e] = [1, 2, 3, 4, 5].map(NodeId);
    let (left, right) = (Rule::majority([a, b]).unwrap(), Rule::majority([c, d]).unwrap());
    let apart = MeetError::Apart { one: vec![a, b], other: vec![c, d] };
    assert_eq!(refused(Quorums::unchecked(left, right)), ConfigError::Quorums(apart.into()));
    let strange = Quorums::majority([a, b, e]).unwrap();
    assert_eq!(refused(strange), ConfigError::NotAnAcceptor { id: e });
}

/// One heavy acceptor and one other are enough, three light ones are not; and phase 1 goes by the rule for elections.
#[test]
fn weights_decide_not_heads() {
    let mut config = config(1, 5);
    let rule =
        Rule::weighted_majority([(1, 1), (2, 4), (3, 1), (4, 1), (5, 1)].map(|(id, w)| (NodeId(id), w)));
    config.quorums = QuorumRule::Of(Quorums::same(rule.unwrap()).unwrap());
    let mut node = Bench::new(NodeId(1), Paxos::new(config).unwrap());
    node.start().unwrap();
    propose(&mut node, "a");
    node.sync().unwrap();
    for light in [3, 4, 5] {
        hear(&mut node, light, promise(1, 1, None));
        assert_eq!(node.protocol.proposal(), None, "four heads, four of eight");
    }
    hear(&mut node, 2, promise(1, 1, None));
    assert!(node.protocol.proposal().is_some());
    hear(&mut node, 3, accepted(1, 1));
    hear(&mut node, 4, accepted(1, 1));
    hear(&mut node, 5, accepted(1, 1));
    assert_eq!(node.protocol.decided(), None);
    hear(&mut node, 2, accepted(1, 1));
    assert!(node.protocol.decided().is_some());
}

#[test]
fn quorums_are_taken_exactly_when_any_two_of_them_meet() {
    for nodes in 1..=4_u64 {
        for (prepare, accept) in (0..=5).flat_map(|prepare| (0..=5).map(move |accept| (prepare, accept))) {
            let mut config = config(1, nodes);
            config.quorums = QuorumRule::Sizes { prepare, accept };
            // Sets of acceptors as bits: do all pairs of such quorums share one?
            let sets = |size: usize| (0..1_u32 << nodes).filter(move |set| set.count_ones() as usize == size);
            let possible = prepare > 0 && accept > 0 && sets(prepare).count() > 0 && sets(accept).count() > 0;
            let meet = sets(prepare).all(|one| sets(accept).all(|other| one & other != 0));
            match Paxos::new(config) {
                Ok(_) => assert!(possible && meet, "{prepare} and {accept} of {nodes}"),
                Err(ConfigError::Quorums(QuorumsError::Meet(_))) => {
                    assert!(possible && !meet, "{prepare} and {accept}");
                }
                Err(error) => {
                    let size = matches!(error, ConfigError::Quorums(QuorumsError::Rule(_)));
                    assert!(!possible && size, "{error}");
                }
            }
        }
    }
}

#[test]
fn flexible_quorums_decide_with_fewer_acceptances_and_need_more_promises() {
    let mut config = config(1, 4);
    config.quorums = QuorumRule::Sizes { prepare: 3, accept: 2 };
    let mut node = Bench::new(NodeId(1), Paxos::new(config).unwrap());
    node.start().unwrap();
    propose(&mut node, "a");
    node.sync().unwrap();
    hear(&mut node, 2, promise(1, 1, None));
    assert_eq!(node.protocol.proposal(), None);
    hear(&mut node, 3, promise(1, 1, None));
    node.sync().unwrap();
    assert_eq!(node.protocol.decided(), None);
    hear(&mut node, 2, accepted(1, 1));
    assert!(node.protocol.decided().is_some());
}
