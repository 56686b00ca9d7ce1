//! The plain front door keeps the same promises as a driver.

use std::time::Duration;
use synod_core::{Lsn, NodeId, Time};
use synod_raft::{Config, EntryId, Event, Message, Node, Output, Record, Refusal, Role, StartError, Term};

const ME: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);

fn config() -> Config {
    Config::new(ME, [ME, TWO, NodeId(3)])
}

fn outputs(node: &mut Node) -> Vec<Output> {
    std::iter::from_fn(|| node.output()).collect()
}

fn sends(outputs: &[Output]) -> usize {
    outputs.iter().filter(|output| matches!(output, Output::Send { .. })).count()
}

#[test]
fn a_vote_waits_for_its_record() {
    let mut node = Node::new(config(), 1).unwrap();
    node.receive(TWO, Message::RequestVote { term: Term(1), last: EntryId::ZERO, by_transfer: false });
    let out = outputs(&mut node);
    assert!(matches!(&out[..], [.., Output::Write { at: Lsn(1), .. }, Output::Event(_)]), "{out:?}");
    assert_eq!(sends(&out), 0);
    node.written(Lsn(1));
    let vote = Message::Voted { term: Term(1), granted: true };
    assert_eq!(outputs(&mut node), [Output::Send { to: TWO, message: vote }]);
}

#[test]
fn promises_to_oneself_cannot_be_forged() {
    let mut node = Node::new(config(), 1).unwrap();
    node.advance(Time::ZERO + Duration::from_secs(1));
    node.receive(TWO, Message::PreVoted { term: Term(1), granted: true });
    assert_eq!(node.status().role, Role::Candidate);
    node.receive(TWO, Message::Voted { term: Term(1), granted: true });
    node.receive(ME, Message::Voted { term: Term(1), granted: true });
    assert_eq!(node.status().role, Role::Candidate, "its own vote is not durable yet");
    node.written(Lsn(1));
    outputs(&mut node);
    assert_eq!(node.status().role, Role::Leader);
}

#[test]
fn the_clock_drives_elections_and_never_goes_back() {
    let mut node = Node::new(config(), 1).unwrap();
    let due = node.due().unwrap();
    assert!((150..300).contains(&(due.0 / 1_000_000)), "{due}");
    node.advance(Time(due.0 - 1));
    node.advance(Time::ZERO);
    assert_eq!(node.status().role, Role::Follower);
    node.advance(due);
    assert_eq!(node.status().role, Role::PreCandidate);
}

#[test]
fn a_refused_proposal_comes_back() {
    let mut node = Node::new(config(), 1).unwrap();
    outputs(&mut node);
    node.propose(9, "x");
    let refused = Event::Refused { token: 9, payload: "x".into(), leader: None, reason: Refusal::NotLeader };
    assert_eq!(outputs(&mut node), [Output::Event(refused)]);
}

/// Positions of records go on after a rewrite and a recovery from what is left.
#[test]
fn a_rewritten_log_recovers() {
    let mut disk: Vec<(Lsn, Record)> = Vec::new();
    let run = |node: &mut Node, disk: &mut Vec<(Lsn, Record)>| {
        while let Some(output) = node.output() {
            match output {
                Output::Write { at, record } => {
                    assert_eq!(disk.last().map_or(at, |(last, _)| last.next()), at);
                    disk.push((at, record));
                    node.written(at);
                }
                Output::Release(upto) => disk.retain(|(at, _)| *at > upto),
                _ => {}
            }
        }
    };
    let alone = || Config::new(ME, [ME]);
    let mut node = Node::new(alone(), 1).unwrap();
    node.campaign();
    run(&mut node, &mut disk);
    node.propose(0, "x");
    run(&mut node, &mut disk);
    let end = disk.last().unwrap().0;
    node.rewrite(end);
    run(&mut node, &mut disk);
    assert_eq!(disk.first().unwrap().0, end.next());
    let mut node = Node::recover(alone(), 2, disk.clone()).unwrap();
    assert_eq!(node.status().last.index.0, 2);
    node.campaign();
    run(&mut node, &mut disk);
    assert_eq!(node.commit_index().0, 3);
}

#[test]
fn what_cannot_start_says_why() {
    assert!(matches!(Node::recover(Config::new(ME, []), 1, []), Err(StartError::Config(_))));
    let foreign = Record::HardState { term: Term(u64::MAX), voted_for: None };
    assert!(matches!(Node::recover(config(), 1, [(Lsn(1), foreign)]), Err(StartError::Recover(_))));
}
