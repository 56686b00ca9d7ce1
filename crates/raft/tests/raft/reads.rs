//! Reads that write nothing: served only by who leads, from everything that was committed before they were asked.

use crate::cluster::Cluster;
use std::time::Duration;
use synod_core::testing::{Bench, Output};
use synod_core::{Input, NodeId};
use synod_raft::{Command, Config, Event, Index, Message, Raft, ReadMode, ReadRefusal, Term, Timer};

const TWO: NodeId = NodeId(2);
const THREE: NodeId = NodeId(3);

/// Node 1 leads three, and an entry is committed.
fn led() -> Cluster {
    let mut cluster = Cluster::new(3);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.propose(1, "a");
    cluster.stabilize();
    cluster.events.clear();
    cluster
}

fn refusals(cluster: &mut Cluster, id: u64) -> Vec<(u64, ReadRefusal)> {
    let refused = |(node, event): &(NodeId, Event)| match event {
        Event::ReadRefused { token, reason, .. } if *node == NodeId(id) => Some((*token, *reason)),
        _ => None,
    };
    cluster.events.iter().filter_map(refused).collect()
}

#[test]
fn a_read_is_ready_anywhere_when_a_quorum_has_confirmed_the_leader() {
    for id in 1..=3 {
        let mut cluster = led();
        cluster.read(id, 7, ReadMode::Index);
        assert_eq!(cluster.ready(id), [], "nobody was asked yet");
        cluster.stabilize();
        assert_eq!(cluster.ready(id), [(7, 2)]);
    }
}

#[test]
fn all_reads_of_a_burst_take_one_round_and_no_entry() {
    let mut cluster = led();
    let reads = (0..100).map(|token| Input::Command(Command::Read { token, mode: ReadMode::Index }));
    cluster.nodes.get_mut(&NodeId(1)).unwrap().burst(reads);
    let sent = cluster.nodes.get_mut(&NodeId(1)).unwrap().take();
    assert_eq!(sent.len(), 2, "one message for each of the others: {sent:?}");
    for output in sent {
        if let Output::Send { to, message, .. } = output {
            cluster.net.push(crate::cluster::Envelope { from: NodeId(1), to, message });
        }
    }
    cluster.stabilize();
    assert_eq!(cluster.ready(1).len(), 100);
    assert_eq!(cluster.raft(1).last_index(), Index(2));
}

/// At most four rounds are under way: reads that come while they are wait together for the next.
#[test]
fn under_load_one_round_serves_many_reads() {
    let mut cluster = led();
    for token in 0..100 {
        cluster.read(1, token, ReadMode::Index);
    }
    assert_eq!(cluster.net.len(), 8, "four rounds to two peers");
    cluster.stabilize();
    assert_eq!(cluster.ready(1).len(), 100);
}

#[test]
fn a_round_travels_with_entries_where_there_are_any() {
    let mut cluster = led();
    let read = Input::Command(Command::Read { token: 1, mode: ReadMode::Index });
    let propose = Input::Command(Command::Propose { token: 1, payload: "b".into() });
    cluster.nodes.get_mut(&NodeId(1)).unwrap().burst([read, propose]);
    let sent = cluster.nodes.get_mut(&NodeId(1)).unwrap().take();
    let appends = |output: &&Output<Raft>| matches!(output, Output::Send { message: Message::Append { round: 2, entries, .. }, .. } if !entries.is_empty());
    assert_eq!(sent.iter().filter(appends).count(), 2, "{sent:?}");
    assert_eq!(sent.iter().filter(|output| matches!(output, Output::Send { .. })).count(), 2, "{sent:?}");
}

/// etcd 20418: a repeated question was confirmed by the answers to the first one.
#[test]
fn an_echo_of_an_earlier_round_confirms_nothing() {
    let mut cluster = led();
    cluster.read(1, 1, ReadMode::Index);
    for letter in cluster.intercept(2).into_iter().chain(cluster.intercept(3)) {
        cluster.deliver_to(letter.from.0, letter.to.0, letter.message);
    }
    // The echoes of the first round are on their way back; then the leader is cut off, and another read comes.
    let echoes = cluster.intercept(1);
    assert_eq!(echoes.len(), 2);
    cluster.read(1, 2, ReadMode::Index);
    for echo in echoes {
        cluster.deliver_to(echo.from.0, 1, echo.message);
    }
    assert_eq!(cluster.ready(1), [(1, 2)]);
}

/// `d-engine` 381: a leader that has been replaced served reads.
#[test]
fn a_leader_that_was_replaced_serves_nothing() {
    let mut cluster = led();
    cluster.isolate(1);
    cluster.read(1, 1, ReadMode::Index);
    cluster.run(Duration::from_secs(1));
    let leader = cluster.leader().unwrap().0;
    assert_ne!(leader, 1);
    cluster.propose(leader, "newer");
    cluster.run(Duration::from_millis(100));
    cluster.connect(1);
    cluster.run(Duration::from_secs(1));
    assert_eq!(cluster.ready(1), []);
    assert_eq!(refusals(&mut cluster, 1), [(1, ReadRefusal::Deposed)]);
}

/// etcd 7331: a new leader does not know what its predecessors committed before an entry of its own is committed.
#[test]
fn a_new_leader_serves_reads_when_an_entry_of_its_own_is_committed() {
    let mut cluster = led();
    cluster.propose(1, "b");
    cluster.stabilize();
    // Node 2 has the entry and does not know that it is committed.
    cluster.restart(2);
    cluster.isolate(1);
    cluster.fire(THREE, Timer::Election);
    cluster.campaign(2);
    while cluster.raft(2).role() != synod_raft::Role::Leader {
        cluster.sync(TWO);
        cluster.sync(THREE);
        cluster.deliver(0);
    }
    cluster.read(2, 5, ReadMode::Index);
    assert_eq!(cluster.ready(2), []);
    cluster.stabilize();
    assert_eq!(cluster.ready(2), [(5, 4)]);
}

#[test]
fn a_lost_question_is_asked_again_and_a_lost_answer_too() {
    let mut cluster = led();
    cluster.read(2, 7, ReadMode::Index);
    cluster.intercept(1);
    cluster.fire(TWO, Timer::Reads);
    while !matches!(cluster.net.first().map(|letter| &letter.message), Some(Message::IndexIs { .. })) {
        cluster.deliver(0);
    }
    cluster.intercept(2);
    assert_eq!(cluster.ready(2), []);
    cluster.fire(TWO, Timer::Reads);
    cluster.stabilize();
    assert_eq!(cluster.ready(2), [(7, 2)]);
}

#[test]
fn a_question_goes_to_the_next_leader_when_the_leader_changes() {
    let mut cluster = led();
    cluster.read(2, 7, ReadMode::Index);
    cluster.crash(1);
    cluster.run(Duration::from_millis(550));
    assert_eq!(cluster.ready(2).len() + refusals(&mut cluster, 2).len(), 1);
    let again = cluster.leader().unwrap().0;
    cluster.read(5 - again, 8, ReadMode::Index);
    cluster.run(Duration::from_millis(100));
    assert_eq!(cluster.ready(5 - again).len(), 1);
}

#[test]
fn a_question_that_nobody_answers_is_refused_in_time() {
    let mut cluster = led();
    cluster.isolate(2);
    cluster.read(2, 7, ReadMode::Index);
    cluster.run(Duration::from_millis(800));
    assert_eq!(refusals(&mut cluster, 2), [(7, ReadRefusal::TimedOut)]);
    cluster.events.clear();
    cluster.read(2, 8, ReadMode::Index);
    assert_eq!(refusals(&mut cluster, 2), [(8, ReadRefusal::NoLeader)]);
}

/// The answer to a question of a node's earlier life is older than what it reads now.
#[test]
fn an_answer_from_before_a_restart_answers_nothing() {
    let mut cluster = led();
    cluster.read(2, 7, ReadMode::Index);
    while !matches!(cluster.net.first().map(|letter| &letter.message), Some(Message::IndexIs { .. })) {
        cluster.deliver(0);
    }
    let late = cluster.intercept(2);
    cluster.restart(2);
    cluster.propose(1, "newer");
    cluster.fire(NodeId(1), Timer::Heartbeat);
    cluster.stabilize();
    cluster.read(2, 8, ReadMode::Index);
    for letter in late {
        cluster.deliver_to(1, 2, letter.message);
    }
    assert_eq!(cluster.ready(2), []);
    cluster.stabilize();
    assert_eq!(cluster.ready(2), [(8, 3)]);
}

#[test]
fn a_stale_read_needs_nobody_unless_it_must_be_young() {
    let mut cluster = led();
    let any_age = ReadMode::Stale { age_max: None, index_min: Index::ZERO };
    let young = ReadMode::Stale { age_max: Some(Duration::from_millis(100)), index_min: Index::ZERO };
    cluster.isolate(2);
    cluster.read(2, 1, any_age);
    assert_eq!(cluster.ready(2), [(1, 0)]);
    cluster.connect(2);
    // Nothing is known about the age of anything yet: this asks, and the next ones profit.
    cluster.read(2, 2, young);
    cluster.stabilize();
    assert_eq!(cluster.ready(2), [(2, 2)]);
    cluster.isolate(2);
    cluster.read(2, 3, young);
    assert_eq!(cluster.ready(2), [(3, 2)]);
    cluster.run(Duration::from_millis(100));
    cluster.read(2, 4, young);
    assert_eq!(cluster.ready(2), []);
}

#[test]
fn a_reader_finds_its_own_write_on_any_node() {
    let mut cluster = led();
    cluster.isolate(2);
    cluster.propose(1, "mine");
    cluster.stabilize();
    cluster.read(2, 1, ReadMode::Stale { age_max: None, index_min: Index(3) });
    assert_eq!(cluster.ready(2), []);
    cluster.connect(2);
    for _ in 0..3 {
        cluster.fire(NodeId(1), Timer::Heartbeat);
        cluster.stabilize();
    }
    assert_eq!(cluster.ready(2), [(1, 3)]);
}

#[test]
fn reads_beyond_the_limit_are_refused() {
    let mut config = Config::new(NodeId(1), [NodeId(1), TWO, THREE]);
    config.reads_max = 2;
    let mut node = Bench::new(NodeId(1), Raft::new(config).unwrap());
    node.start().unwrap();
    let heartbeat = Message::Append {
        term: Term(1),
        prev_term: Term(0),
        commit: Index(0),
        round: 1,
        entries: synod_raft::Segment::empty(Index(1)),
    };
    node.input(Input::Message(TWO, heartbeat));
    node.take();
    for token in 0..3 {
        node.input(Input::Command(Command::Read { token, mode: ReadMode::Index }));
    }
    let refused = Event::ReadRefused { token: 2, leader: Some(TWO), reason: ReadRefusal::Busy };
    assert!(node.take().iter().any(|output| matches!(output, Output::Event(event) if *event == refused)));
}

/// Without CheckQuorum it leads on, and its followers hear it; nobody else leads, and nobody confirms that.
#[test]
fn a_leader_that_hears_nobody_refuses_reads_in_the_end() {
    let mut cluster = Cluster::with(3, |config| config.check_quorum = false);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.cut.extend([(TWO, NodeId(1)), (THREE, NodeId(1))]);
    cluster.read(1, 7, ReadMode::Index);
    cluster.run(Duration::from_millis(300));
    cluster.read(1, 8, ReadMode::Index);
    cluster.run(Duration::from_millis(295));
    assert_eq!(refusals(&mut cluster, 1), []);
    cluster.run(Duration::from_millis(10));
    assert_eq!(refusals(&mut cluster, 1), [(7, ReadRefusal::TimedOut)], "after twice 300 ms");
    cluster.run(Duration::from_millis(300));
    assert_eq!(refusals(&mut cluster, 1), [(7, ReadRefusal::TimedOut), (8, ReadRefusal::TimedOut)]);
    assert_eq!((cluster.leader(), cluster.raft(1).status().reads), (Some(NodeId(1)), 0));
    // What comes later is served when the others are heard again.
    cluster.read(1, 9, ReadMode::Index);
    cluster.cut.clear();
    cluster.run(Duration::from_millis(100));
    assert_eq!(cluster.ready(1), [(9, 1)]);
}

/// A follower asks again every two heartbeats, with the same number.
#[test]
fn a_repeated_question_waits_once() {
    let mut cluster = led();
    cluster.isolate(1);
    let ask = |number| Message::AskIndex { term: Term(1), number, mode: ReadMode::Index };
    for number in [5, 5, 5, 6, 6] {
        cluster.deliver_to(2, 1, ask(number));
    }
    cluster.deliver_to(3, 1, ask(6));
    assert_eq!(cluster.raft(1).status().reads, 3);
    cluster.connect(1);
    cluster.fire(NodeId(1), Timer::Heartbeat);
    cluster.stabilize();
    assert_eq!(cluster.raft(1).status().reads, 0);
    // Answered: the same question is a new one.
    cluster.isolate(1);
    cluster.deliver_to(2, 1, ask(6));
    assert_eq!(cluster.raft(1).status().reads, 1);
}

/// Every place where reads wait has the same limit.
#[test]
fn neither_a_leader_nor_who_waits_for_commits_keeps_more_reads_than_the_limit() {
    let mut cluster = Cluster::with(3, |config| config.reads_max = 2);
    cluster.campaign(1);
    cluster.stabilize();
    let mine = ReadMode::Stale { age_max: None, index_min: Index(9) };
    for token in 0..3 {
        cluster.read(1, token, ReadMode::Index);
        cluster.read(2, token, mine);
    }
    for id in [1, 2] {
        assert_eq!(cluster.raft(id).status().reads, 2);
        assert_eq!(refusals(&mut cluster, id), [(2, ReadRefusal::Busy)]);
    }
}

/// Who asks for several readers may be answered from a lease only if all of them trust it.
#[test]
fn a_burst_of_reads_asks_for_what_all_of_them_trust() {
    let asked = |modes: &[ReadMode]| {
        let mut cluster = led();
        let reads = modes.iter().map(|&mode| Input::Command(Command::Read { token: 1, mode }));
        cluster.nodes.get_mut(&TWO).unwrap().burst(reads);
        let asked = cluster.nodes.get_mut(&TWO).unwrap().take().into_iter().find_map(|output| match output {
            Output::Send { message: Message::AskIndex { mode, .. }, .. } => Some(mode),
            _ => None,
        });
        asked.unwrap()
    };
    let (index, lease, guard) = (ReadMode::Index, ReadMode::Lease, ReadMode::LeaseGuard);
    assert_eq!([asked(&[lease, lease]), asked(&[guard, guard])], [lease, guard]);
    assert_eq!(asked(&[index, index]), index);
    for mixed in [[lease, index], [index, lease], [lease, guard], [guard, lease]] {
        assert_eq!(asked(&mixed), index, "{mixed:?}");
    }
}

/// The first question of a life is drawn, below the number of that life.
#[test]
fn questions_are_numbered_by_the_start_and_by_chance() {
    let mut cluster = led();
    let mut numbers = Vec::new();
    for id in [2, 3, 3] {
        cluster.read(id, 1, ReadMode::Index);
        numbers.extend(cluster.intercept(1).into_iter().filter_map(|letter| match letter.message {
            Message::AskIndex { number, .. } => Some(number),
            _ => None,
        }));
        cluster.restart(id);
        cluster.fire(NodeId(1), Timer::Heartbeat);
        cluster.stabilize();
    }
    let life = |number: u64| number >> 48;
    let drawn = |number: u64| number & ((1 << 48) - 1);
    assert_eq!(life(numbers[1]) + 1, life(numbers[2]));
    assert!(drawn(numbers[0]) > 1 << 24 && drawn(numbers[1]) > 1 << 24, "{numbers:?}");
    assert_ne!(drawn(numbers[0]), drawn(numbers[1]));
    assert_ne!(drawn(numbers[1]), drawn(numbers[2]));
}

/// An answer answers all questions up to its own, and those that came later wait for theirs.
#[test]
fn an_answer_to_an_earlier_question_is_one() {
    let mut cluster = led();
    cluster.read(2, 1, ReadMode::Index);
    cluster.read(2, 2, ReadMode::Index);
    let asked = cluster.intercept(1);
    assert_eq!(asked.len(), 2);
    let first = asked.into_iter().next().unwrap();
    cluster.deliver_to(2, 1, first.message);
    cluster.stabilize();
    assert_eq!(cluster.ready(2), [(1, 2)]);
    assert_eq!(cluster.raft(2).status().reads, 1);
}

#[test]
fn no_leader_answers_with_an_index_that_cannot_be() {
    let mut cluster = led();
    cluster.read(2, 1, ReadMode::Index);
    let asked = cluster.intercept(1).into_iter().next().unwrap();
    let Message::AskIndex { term, number, .. } = asked.message else { panic!("{asked:?}") };
    let illegal = Event::Illegal { from: NodeId(1), reason: synod_raft::Illegal::ImpossibleIndex };
    cluster.deliver_to(1, 2, Message::IndexIs { term, number, index: Index(Index::MAX.0 + 1) });
    assert!(cluster.events.contains(&(TWO, illegal.clone())));
    cluster.events.clear();
    cluster.deliver_to(1, 2, Message::IndexIs { term, number, index: Index::MAX });
    assert!(!cluster.events.contains(&(TWO, illegal)));
}

/// A round whose readers have given up is no round any more: neither does it stand in the way of others, nor does its late echo serve
/// whoever has come since.
#[test]
fn a_round_that_nobody_waits_for_is_forgotten() {
    let mut cluster = Cluster::with(3, |config| config.check_quorum = false);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.read(1, 0, ReadMode::Index);
    for letter in cluster.intercept(2).into_iter().chain(cluster.intercept(3)) {
        cluster.deliver_to(1, letter.to.0, letter.message);
    }
    let late = cluster.intercept(1);
    assert_eq!(late.len(), 2);
    cluster.cut.extend([(TWO, NodeId(1)), (THREE, NodeId(1))]);
    for token in 1..4 {
        cluster.read(1, token, ReadMode::Index);
    }
    cluster.read(1, 4, ReadMode::Index);
    cluster.net.clear();
    cluster.run(Duration::from_millis(605));
    assert_eq!(refusals(&mut cluster, 1).len(), 5);
    cluster.stabilize();
    cluster.read(1, 9, ReadMode::Index);
    assert_eq!(cluster.net.len(), 2, "a round begins at once");
    for letter in late {
        cluster.deliver_to(letter.from.0, 1, letter.message);
    }
    assert_eq!(cluster.ready(1), []);
    assert_eq!(cluster.raft(1).status().reads, 1);
}

#[test]
fn who_is_deposed_waits_for_no_quorum_any_more() {
    let mut cluster = led();
    cluster.read(1, 1, ReadMode::Index);
    assert!(cluster.nodes[&NodeId(1)].timers().contains_key(&Timer::Reads));
    cluster.deliver_to(2, 1, Message::Voted { term: Term(9), granted: false });
    assert_eq!(refusals(&mut cluster, 1), [(1, ReadRefusal::Deposed)]);
    assert!(!cluster.nodes[&NodeId(1)].timers().contains_key(&Timer::Reads));
}

/// An echo that brings no other news makes room for a round all the same.
#[test]
fn reads_that_waited_for_a_round_get_one_when_another_is_confirmed() {
    let mut cluster = led();
    for token in 0..5 {
        cluster.read(1, token, ReadMode::Index);
    }
    assert_eq!(cluster.net.len(), 8, "four rounds to two peers");
    cluster.net.clear();
    cluster.deliver_to(2, 1, Message::Heard { term: Term(1), round: 2 });
    assert_eq!(cluster.ready(1), [(0, 2)]);
    assert_eq!(cluster.net.len(), 2, "and a round for the fifth");
}
