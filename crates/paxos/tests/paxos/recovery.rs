//! What a log may hold, and a shared log that wants its space back.

use crate::cluster::{ballot, config};
use synod_core::host::Log as _;
use synod_core::testing::Bench;
use synod_core::{Damage, Input, Lsn, NodeId, Protocol, Recovered};
use synod_paxos::{Command, Message, Paxos, Record, RecoverError};

fn fresh() -> Paxos {
    Paxos::new(config(1, 3)).unwrap()
}

fn promised(round: u64, node: u64) -> Record {
    Record::Promised { ballot: ballot(round, node) }
}

fn accepted(round: u64, node: u64, value: &'static str) -> Record {
    Record::Accepted { ballot: ballot(round, node), value: value.into() }
}

fn recovered(records: &[(Lsn, Record)]) -> Result<Paxos, RecoverError> {
    let mut paxos = fresh();
    for (at, record) in records {
        paxos.recover(*at, Recovered::Intact(record.clone()))?;
    }
    Ok(paxos)
}

fn numbered(records: &[Record]) -> Vec<(Lsn, Record)> {
    (1..).map(Lsn).zip(records.iter().cloned()).collect()
}

fn records(node: &mut Bench<Paxos>) -> Vec<(Lsn, Record)> {
    let mut records = Vec::new();
    node.log
        .replay(&mut |at, record| {
            if let Recovered::Intact(record) = record {
                records.push((at, record));
            }
        })
        .unwrap();
    records
}

#[test]
fn a_log_that_contradicts_itself_is_refused_by_name() {
    let error = |records: &[Record]| recovered(&numbered(records)).unwrap_err();
    let at = Lsn(2);
    assert_eq!(
        error(&[promised(3, 2), promised(2, 3)]),
        RecoverError::TakenBack { at, ballot: ballot(3, 2) }
    );
    assert_eq!(
        error(&[accepted(3, 2, "a"), accepted(2, 3, "b")]),
        RecoverError::TakenBack { at, ballot: ballot(3, 2) }
    );
    assert_eq!(
        error(&[accepted(3, 2, "a"), accepted(3, 2, "b")]),
        RecoverError::TwoValues { at, ballot: ballot(3, 2) }
    );
    assert_eq!(
        error(&[promised(3, 2), promised(u64::MAX, 2)]),
        RecoverError::ImpossibleBallot { at, ballot: ballot(u64::MAX, 2) }
    );
    assert_eq!(
        error(&[Record::Round { round: 5 }, Record::Round { round: 4 }]),
        RecoverError::TakenBack { at, ballot: ballot(5, 1) }
    );
    let damage = Damage::Unreadable;
    let damaged = fresh().recover(Lsn(7), Recovered::Damaged(damage));
    assert_eq!(damaged, Err(RecoverError::Damaged { at: Lsn(7), damage }));
    let mut config = config(9, 3);
    config.learners.push(NodeId(9));
    let learner = Paxos::new(config).unwrap().recover(Lsn(1), Recovered::Intact(promised(1, 1)));
    assert_eq!(learner, Err(RecoverError::NotAnAcceptor { at: Lsn(1) }));
}

#[test]
fn superseded_records_are_given_back_once_their_successors_are_durable() {
    let mut node = Bench::new(NodeId(1), fresh());
    node.start().unwrap();
    let hear = |node: &mut Bench<Paxos>, from, message| node.input(Input::Message(NodeId(from), message));
    hear(&mut node, 2, Message::Prepare { ballot: ballot(1, 2) });
    hear(&mut node, 2, Message::Accept { ballot: ballot(1, 2), value: "a".into() });
    assert_eq!(records(&mut node).len(), 2, "nothing is given back before the disk is done");
    node.sync().unwrap();
    assert_eq!(
        records(&mut node),
        [(Lsn(2), accepted(1, 2, "a"))],
        "the acceptance says what the promise said"
    );
    for round in 2..10 {
        hear(&mut node, 3, Message::Prepare { ballot: ballot(round, 3) });
        node.sync().unwrap();
    }
    assert_eq!(records(&mut node).first(), Some(&(Lsn(2), accepted(1, 2, "a"))), "the value is still needed");
    hear(&mut node, 3, Message::Accept { ballot: ballot(9, 3), value: "a".into() });
    node.sync().unwrap();
    assert_eq!(records(&mut node), [(Lsn(11), accepted(9, 3, "a"))]);
}

/// A node with an old acceptance and a newer promise, in a log of which others write the rest.
fn with_a_past() -> Bench<Paxos> {
    let mut node = Bench::new(NodeId(1), fresh());
    for record in [promised(1, 2), accepted(1, 2, "a"), promised(2, 3), promised(4, 2)] {
        node.log.append(record).unwrap();
    }
    node.log.sync().unwrap();
    node.start().unwrap();
    node
}

#[test]
fn a_crash_at_any_moment_of_a_rewrite_loses_nothing() {
    let mut node = with_a_past();
    let before = node.protocol.clone();
    assert_eq!((before.promised(), &*before.accepted().unwrap().value), (ballot(4, 2), &b"a"[..]));
    node.input(Input::Rewrite(Lsn(5)));
    let all = records(&mut node);
    assert_eq!(all.len(), 6);
    for durable in 4..=all.len() {
        let paxos = recovered(&all[..durable]).unwrap();
        assert_eq!((paxos.promised(), paxos.accepted()), (before.promised(), before.accepted()));
    }
    // A shared log may keep any part of what it was allowed to drop.
    for dropped in 0..=4 {
        let paxos = recovered(&all[dropped..]).unwrap();
        assert_eq!((paxos.promised(), paxos.accepted()), (before.promised(), before.accepted()));
    }
    node.sync().unwrap();
    assert_eq!(records(&mut node), all[4..]);
}

#[test]
fn a_rewrite_writes_only_what_is_alive_and_old() {
    let mut node = with_a_past();
    node.input(Input::Rewrite(Lsn(4)));
    node.sync().unwrap();
    assert_eq!(records(&mut node), [(Lsn(4), promised(4, 2)), (Lsn(5), accepted(1, 2, "a"))]);
    node.input(Input::Rewrite(Lsn(4)));
    assert_eq!(node.log.end(), Lsn(5), "there is nothing below");
    node.input(Input::Rewrite(Lsn(6)));
    node.sync().unwrap();
    assert_eq!(records(&mut node), [(Lsn(6), accepted(1, 2, "a")), (Lsn(7), promised(4, 2))]);
    node.restart(fresh()).unwrap();
    assert_eq!(node.protocol.promised(), ballot(4, 2));
}

#[test]
fn a_rewrite_of_more_than_there_is_takes_nothing_away() {
    let mut node = with_a_past();
    node.input(Input::Rewrite(Lsn(100)));
    node.sync().unwrap();
    assert_eq!(records(&mut node), [(Lsn(5), accepted(1, 2, "a")), (Lsn(6), promised(4, 2))]);
}

/// A rewrite repeats what is alive, and a shared log may keep the old record too.
#[test]
fn a_record_that_stands_there_twice_is_no_contradiction() {
    let accepted = accepted(3, 2, "a");
    let paxos = recovered(&numbered(&[accepted.clone(), accepted, promised(4, 2), promised(4, 2)])).unwrap();
    assert_eq!((paxos.promised(), &*paxos.accepted().unwrap().value), (ballot(4, 2), &b"a"[..]));

    let mut config = config(9, 3);
    config.learners.push(NodeId(9));
    let mut learner = Bench::new(NodeId(9), Paxos::new(config.clone()).unwrap());
    learner.start().unwrap();
    learner.input(Input::Command(Command::Propose { value: "a".into() }));
    learner.input(Input::Rewrite(Lsn(2)));
    let all = records(&mut learner);
    assert_eq!(all, [(Lsn(1), Record::Round { round: 1 }), (Lsn(2), Record::Round { round: 1 })]);
    let mut paxos = Paxos::new(config).unwrap();
    for (at, record) in all {
        assert_eq!(paxos.recover(at, Recovered::Intact(record)), Ok(()));
    }
}
