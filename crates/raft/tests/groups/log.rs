//! One log for all groups.

use crate::world::{A, B, C};
use synod_core::host::Log;
use synod_core::testing::{Bench, Output};
use synod_core::{Input, Lsn, NodeId};
use synod_raft::groups::{Birth, Command, Event, GroupId, Groups, Settings};
use synod_raft::{Command as Ask, Index, Role};

const G: GroupId = GroupId(1);
const H: GroupId = GroupId(2);

fn fresh() -> Groups {
    Groups::new(Settings::new(A)).unwrap()
}

/// A node that leads groups of its own.
fn alone(groups: u64) -> Bench<Groups> {
    let mut node = Bench::new(A, fresh());
    node.start().unwrap();
    for group in (1..=groups).map(GroupId) {
        node.input(Input::Command(Command::Create { group, birth: Birth::founding([A]) }));
        ask(&mut node, group, Ask::Campaign);
        node.sync().unwrap();
        assert_eq!(node.protocol.group(group).unwrap().role(), Role::Leader);
    }
    node.take();
    node
}

fn ask(node: &mut Bench<Groups>, group: GroupId, command: Ask) {
    node.input(Input::Command(Command::Raft { group, command }));
}

fn propose(node: &mut Bench<Groups>, group: GroupId) {
    ask(node, group, Ask::Propose { token: 1, payload: "x".into() });
}

/// What recovery must give back.
fn state(groups: &Groups) -> Vec<(GroupId, String)> {
    let told = |raft: &synod_raft::Raft| {
        format!("{} {:?} {:?} {:?}", raft.term(), raft.voted_for(), raft.last_index(), raft.snapshot())
    };
    groups.groups().map(|(id, raft)| (id, told(raft))).collect()
}

#[test]
fn every_group_gets_its_own_records_back() {
    let mut node = alone(3);
    for (group, count) in [(1, 5), (2, 1), (3, 9)] {
        (0..count).for_each(|_| propose(&mut node, GroupId(group)));
    }
    node.sync().unwrap();
    let before = state(&node.protocol);
    node.restart(fresh()).unwrap();
    assert_eq!(state(&node.protocol), before);
    assert!(node.take().iter().any(|output| *output == Output::Event(Event::Created { group: H })));
}

#[test]
fn a_group_that_compacts_gives_back_only_what_nobody_needs() {
    let mut node = alone(2);
    (0..50).for_each(|_| propose(&mut node, G));
    node.sync().unwrap();
    let begin = |node: &Bench<Groups>| node.log.end().0 - records(node) as u64;
    assert_eq!(begin(&node), 0);
    ask(&mut node, G, Ask::Compact { upto: Index(40) });
    node.sync().unwrap();
    assert_eq!(begin(&node), 0, "the other group has released nothing");
    node.input(Input::Rewrite(node.log.end()));
    node.sync().unwrap();
    assert!(begin(&node) > 40, "an idle group does not pin the log");
    let before = state(&node.protocol);
    node.restart(fresh()).unwrap();
    assert_eq!(state(&node.protocol), before);
}

fn records(node: &Bench<Groups>) -> usize {
    let mut count = 0;
    node.log.clone().replay(&mut |_, _| count += 1).unwrap();
    count
}

#[test]
fn any_kept_part_of_a_rewritten_log_recovers_all_groups() {
    let mut node = alone(3);
    (0..6).for_each(|_| propose(&mut node, G));
    node.input(Input::Command(Command::Remove { group: GroupId(3) }));
    node.sync().unwrap();
    (0..3).for_each(|_| propose(&mut node, H));
    node.sync().unwrap();
    // Twice, so that what was written anew is written anew.
    for below in [node.log.end(), Lsn(node.log.end().0 + 9)] {
        let mut all = Vec::new();
        node.log.clone().replay(&mut |at, record| all.push((at, record))).unwrap();
        node.input(Input::Rewrite(below));
        node.sync().unwrap();
        let mut kept = Vec::new();
        node.log.clone().replay(&mut |at, record| kept.push((at, record))).unwrap();
        let first = kept[0].0;
        all.retain(|(at, _)| *at < first);
        all.extend(kept);
        let before = state(&node.protocol);
        for begin in (0..all.len()).take_while(|begin| all[*begin].0 <= first) {
            let mut recovered = fresh();
            for (at, record) in &all[begin..] {
                synod_core::Protocol::recover(&mut recovered, *at, record.clone()).unwrap();
            }
            assert_eq!(state(&recovered), before, "from {}", all[begin].0);
            assert!(recovered.group(GroupId(3)).is_none());
        }
    }
}

#[test]
fn damage_concerns_all_groups_that_it_may_have_been() {
    let mut node = alone(2);
    propose(&mut node, G);
    node.sync().unwrap();
    let rotten = node.log.end();
    node.input(Input::Command(Command::Create { group: GroupId(3), birth: Birth::founding([A, B, C]) }));
    node.sync().unwrap();
    assert!(node.log.rot(rotten));
    node.restart(fresh()).unwrap();
    // Whoever is alone has nobody to ask: it halts. Neither of the two that were there knows what was lost.
    for group in [G, H] {
        let halted = |output: &Output<Groups>| matches!(output, Output::Event(Event::Raft { group: which, event: synod_raft::Event::Halted(_) }) if *which == group);
        assert!(
            node.protocol.group(group).unwrap().status().halted || node.take().iter().any(halted),
            "{group}"
        );
    }
}

#[test]
fn a_group_whose_creation_cannot_be_read_votes_for_nobody() {
    let mut node = Bench::new(A, fresh());
    node.start().unwrap();
    node.input(Input::Command(Command::Create { group: G, birth: Birth::founding([A, B, C]) }));
    let created = node.log.end();
    ask(&mut node, G, Ask::Campaign);
    let vote = |term| synod_raft::Message::RequestVote {
        term: synod_raft::Term(term),
        last: synod_raft::EntryId { term: synod_raft::Term(9), index: Index(9) },
        by_transfer: false,
    };
    let letter = |term| synod_raft::groups::Message {
        incarnation: 1,
        letters: vec![(G, synod_raft::groups::Letter::Raft(vote(term)))],
    };
    node.input(Input::Message(B, letter(10)));
    node.sync().unwrap();
    assert_eq!(node.protocol.group(G).unwrap().voted_for(), Some(B));
    assert!(node.log.rot(created));
    node.restart(fresh()).unwrap();
    let raft = node.protocol.group(G).expect("its records are there");
    assert!(raft.status().mending.is_some());
    node.take();
    node.input(Input::Message(NodeId(3), letter(10)));
    node.sync().unwrap();
    let granted = |output: &Output<Groups>| match output {
        Output::Send { message, .. } => message.letters.iter().any(|(_, letter)| {
            matches!(
                letter,
                synod_raft::groups::Letter::Raft(synod_raft::Message::Voted { granted: true, .. })
            )
        }),
        _ => false,
    };
    assert!(!node.take().iter().any(granted));
}

#[test]
fn what_is_asked_of_groups_that_are_not_there_is_given_back() {
    let mut node = alone(1);
    ask(&mut node, H, Ask::Campaign);
    node.input(Input::Command(Command::Remove { group: H }));
    node.input(Input::Command(Command::Create { group: G, birth: Birth::Joining }));
    node.input(Input::Command(Command::Create { group: H, birth: Birth::founding([B, C]) }));
    let reasons: Vec<String> = node
        .take()
        .iter()
        .filter_map(|output| match output {
            Output::Event(Event::Refused { reason, .. }) => Some(reason.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(reasons.len(), 4);
    assert!(reasons[0].starts_with("there is no such group") && reasons[2].starts_with("the group is here"));
    assert!(reasons[3].contains("not among the voters"), "{reasons:?}");
}

#[test]
fn a_group_that_waits_for_the_disk_holds_no_other_up() {
    let mut node = Bench::new(A, fresh());
    node.start().unwrap();
    for group in [G, H] {
        node.input(Input::Command(Command::Create { group, birth: Birth::founding([A, B, C]) }));
    }
    node.sync().unwrap();
    node.take();
    // The first group writes its term and its vote; the second is asked something that needs no disk.
    let letter = |group, message| synod_raft::groups::Message {
        incarnation: 1,
        letters: vec![(group, synod_raft::groups::Letter::Raft(message))],
    };
    let last = synod_raft::EntryId::ZERO;
    let term = synod_raft::Term(1);
    node.input(Input::Message(
        B,
        letter(G, synod_raft::Message::RequestVote { term, last, by_transfer: false }),
    ));
    node.input(Input::Message(B, letter(H, synod_raft::Message::PreVote { term, last })));
    let answered = |node: &mut Bench<Groups>, which: GroupId| {
        node.take().iter().any(|output| match output {
            Output::Send { message, .. } => message.letters.iter().any(|(group, _)| *group == which),
            _ => false,
        })
    };
    assert!(answered(&mut node, H));
    node.sync().unwrap();
    assert!(answered(&mut node, G));
}
