//! A shared log wants its space back: what is alive is written again, and a crash at any moment loses nothing.

use synod_core::host::Log as _;
use synod_core::testing::Bench;
use synod_core::{Input, Lsn, NodeId, Protocol, Recovered};
use synod_raft::{Command, Config, Event, Index, Log, Message, Raft, Record, RecoverError, Segment, Term};

const ME: NodeId = NodeId(1);

fn fresh() -> Raft {
    Raft::new(Config::new(ME, [ME, NodeId(2), NodeId(3)])).unwrap()
}

fn append(term: u64, prev: (u64, u64), payloads: &[&str]) -> Message {
    let entries = Segment::pack(Index(prev.1 + 1), Term(term), payloads).unwrap();
    Message::Append { term: Term(term), prev_term: Term(prev.0), commit: Index(0), round: 1, entries }
}

/// A follower with a past: three terms, of which the second was cut back by the third.
fn with_a_past() -> Bench<Raft> {
    let mut node = Bench::new(ME, fresh());
    node.start().unwrap();
    node.input(Input::Message(NodeId(2), append(1, (0, 0), &["a", "b", "c"])));
    node.input(Input::Message(NodeId(2), append(1, (1, 3), &["d"])));
    node.input(Input::Message(NodeId(3), append(2, (1, 3), &["x", "y", "z"])));
    node.input(Input::Message(NodeId(2), append(3, (2, 4), &["e"])));
    node.sync().unwrap();
    node
}

fn records(node: &mut Bench<Raft>) -> Vec<(Lsn, Record)> {
    let mut records = Vec::new();
    node.log
        .replay(&mut |at, record| match record {
            Recovered::Intact(record) => records.push((at, record)),
            Recovered::Damaged(damage) => panic!("{damage:?}"),
        })
        .unwrap();
    records
}

fn recovered(records: &[(Lsn, Record)]) -> Result<Raft, RecoverError> {
    let mut raft = fresh();
    for (at, record) in records {
        raft.recover(*at, Recovered::Intact(record.clone()))?;
    }
    Ok(raft)
}

fn contents(log: &Log) -> Vec<(u64, u64, String)> {
    let entries = log.segments().flat_map(|segment| segment.iter());
    entries
        .map(|entry| (entry.index.0, entry.term.0, String::from_utf8_lossy(entry.payload).into()))
        .collect()
}

#[test]
fn a_rewrite_releases_everything_before_it_when_it_is_durable() {
    let mut node = with_a_past();
    let before = contents(node.protocol.log());
    let end = node.log.end();
    node.input(Input::Rewrite(end));
    assert_eq!(records(&mut node).first().unwrap().0, Lsn(1), "nothing is released before the disk is done");
    node.sync().unwrap();
    let kept = records(&mut node);
    assert_eq!(kept.first().unwrap().0, end.next());
    let raft = recovered(&kept).unwrap();
    assert_eq!(contents(raft.log()), before);
    assert_eq!((raft.term(), raft.voted_for()), (Term(3), None));
}

#[test]
fn a_crash_at_any_moment_of_a_rewrite_loses_nothing() {
    let mut node = with_a_past();
    let before = contents(node.protocol.log());
    let end = node.log.end();
    node.input(Input::Rewrite(end));
    let all = records(&mut node);
    for durable in end.0..=all.len() as u64 {
        let raft = recovered(&all[..durable as usize]).unwrap();
        assert_eq!((contents(raft.log()), raft.term()), (before.clone(), Term(3)), "durable up to {durable}");
    }
}

/// A shared log may keep more than one protocol released: recovery meets any suffix of the old records before the new.
#[test]
fn recovery_copes_with_any_part_of_what_was_released() {
    let mut node = with_a_past();
    let end = node.log.end();
    node.input(Input::Rewrite(end));
    // Life goes on behind the rewrite, with another truncation.
    node.input(Input::Message(NodeId(2), append(3, (3, 5), &["f"])));
    node.input(Input::Message(NodeId(3), append(4, (1, 3), &["g"])));
    let after = contents(node.protocol.log());
    let all = records(&mut node);
    for cut in 0..=end.0 as usize {
        let raft = recovered(&all[cut..]).unwrap();
        let mut bench = Bench::new(ME, raft);
        bench.start().unwrap();
        assert_eq!(
            (contents(bench.protocol.log()), bench.protocol.term()),
            (after.clone(), Term(4)),
            "cut at {cut}"
        );
        assert!(bench.take().iter().all(|output| !is_halt(output)), "cut at {cut}");
    }
}

fn is_halt(output: &synod_core::testing::Output<Raft>) -> bool {
    matches!(output, synod_core::testing::Output::Event(Event::Halted(_)))
}

/// A log that was cut too far is not mistaken for a short one.
#[test]
fn a_log_without_its_beginning_halts_the_node() {
    let mut node = with_a_past();
    let all = records(&mut node);
    let last_entries = all.iter().rposition(|(_, record)| matches!(record, Record::Append { .. })).unwrap();
    let raft = recovered(&all[last_entries - 1..]).unwrap();
    let mut bench = Bench::new(ME, raft);
    bench.start().unwrap();
    assert!(bench.take().iter().any(is_halt));
    bench.input(Input::Message(
        NodeId(2),
        Message::RequestVote { term: Term(9), last: Default::default(), by_transfer: false },
    ));
    bench.input(Input::Command(Command::Campaign));
    bench.sync().unwrap();
    assert!(bench.take().is_empty(), "it neither votes nor campaigns");
}

#[test]
fn a_node_that_is_run_under_another_name_halts() {
    let mut bench = Bench::new(NodeId(2), fresh());
    bench.start().unwrap();
    let error = RecoverError::WrongNode { configured: ME, actual: NodeId(2) };
    assert_eq!(bench.take(), [synod_core::testing::Output::Event(Event::Halted(error))]);
}

#[test]
fn records_that_contradict_each_other_are_refused() {
    let hard = |term, voted_for: Option<u64>| Record::HardState {
        term: Term(term),
        voted_for: voted_for.map(NodeId),
    };
    let entries = |first, term, prev_term| Record::Append {
        prev_term: Term(prev_term),
        entries: Segment::pack(Index(first), Term(term), ["x"]).unwrap(),
    };
    let refused = |records: &[Record]| {
        let records: Vec<_> =
            records.iter().cloned().enumerate().map(|(at, record)| (Lsn(at as u64 + 1), record)).collect();
        recovered(&records).unwrap_err()
    };
    let at = Lsn(2);
    assert_eq!(refused(&[hard(2, None), hard(1, None)]), RecoverError::VoteTakenBack { at, term: Term(2) });
    assert_eq!(
        refused(&[hard(2, Some(1)), hard(2, Some(3))]),
        RecoverError::VoteTakenBack { at, term: Term(2) }
    );
    assert!(matches!(refused(&[entries(1, 2, 0), entries(2, 1, 2)]), RecoverError::Contradiction { .. }));
    assert!(matches!(refused(&[entries(1, 2, 0), entries(2, 3, 1)]), RecoverError::Contradiction { .. }));
}

/// An idle node answers at once when nothing of it lies that far back, and does not write twice what is being written.
#[test]
fn a_rewrite_writes_only_what_lies_that_far_back_and_only_once() {
    let mut node = with_a_past();
    let end = node.log.end();
    node.input(Input::Rewrite(Lsn(1)));
    assert_eq!(node.log.end(), end);
    for _ in 0..10 {
        node.input(Input::Rewrite(end));
    }
    let written = node.log.end();
    assert!(written.0 <= end.0 * 2, "written once");
    node.sync().unwrap();
    node.input(Input::Rewrite(end));
    assert_eq!(node.log.end(), written, "nothing is left below");
}

/// Term and vote may be older than all entries, and are needed as they are.
#[test]
fn a_rewrite_below_the_entries_keeps_the_term() {
    let mut node = Bench::new(ME, fresh());
    node.start().unwrap();
    node.input(Input::Message(NodeId(2), append(1, (0, 0), &["a"])));
    node.sync().unwrap();
    let before = records(&mut node);
    let Record::HardState { term: Term(1), .. } = before[0].1 else { panic!("{before:?}") };
    // Nothing lies below the first record.
    node.input(Input::Rewrite(before[0].0));
    node.sync().unwrap();
    assert_eq!(records(&mut node), before);
    // The first does lie below the second.
    node.input(Input::Rewrite(before[1].0));
    node.sync().unwrap();
    let after = recovered(&records(&mut node)).unwrap();
    assert_eq!((after.term(), after.log().last()), (Term(1), node.protocol.log().last()));
    assert!(records(&mut node)[0].0 > before[0].0);
}

/// Entries that were kept behind the snapshot for those who lag are not written once more.
#[test]
fn a_rewrite_leaves_out_what_the_snapshot_covers() {
    let mut config = Config::new(ME, [ME, NodeId(2), NodeId(3)]);
    config.trailing_entries = 2;
    let mut node = Bench::new(ME, Raft::new(config).unwrap());
    node.start().unwrap();
    for index in 0..4 {
        node.input(Input::Message(NodeId(2), append(1, (index.min(1), index), &["x"])));
    }
    node.input(Input::Message(NodeId(2), Message::Commit { term: Term(1), commit: Index(4) }));
    node.sync().unwrap();
    node.input(Input::Command(Command::Compact { upto: Index(4) }));
    node.sync().unwrap();
    assert_eq!((node.protocol.snapshot().index, node.protocol.log().base().index), (Index(4), Index(2)));
    let below = node.log.end();
    node.input(Input::Rewrite(below));
    node.sync().unwrap();
    assert_eq!(node.protocol.log().base().index, Index(4));
}
