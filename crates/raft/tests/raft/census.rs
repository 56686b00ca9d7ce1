//! What the others are asked by a node that is not whole, what they answer, and what follows from that.

use crate::bugs::{append, events, hear, id, sent};
use crate::cluster::Cluster;
use crate::compaction::fresh;
use std::time::Duration;
use synod_core::testing::Bench;
use synod_core::{Damage, Lsn, NodeId, Protocol, Recovered};
use synod_raft::{
    Change, Config, EntryId, Event, Index, Loan, Membership, Message, QuorumRule, Raft, Record, Said,
    Segment, Step, Term, Timer,
};

/// Node 1 of three starts from these records; `None` is one that cannot be read.
fn started(records: impl IntoIterator<Item = Option<Record>>) -> Bench<Raft> {
    let mut raft = fresh();
    for (at, record) in (1..).zip(records) {
        let record = record.map_or(Recovered::Damaged(Damage::Checksum), Recovered::Intact);
        raft.recover(Lsn(at), record).unwrap();
    }
    let mut bench = Bench::new(NodeId(1), raft);
    bench.start().unwrap();
    bench.sync().unwrap();
    bench.take();
    bench
}

fn hard(term: u64) -> Option<Record> {
    Some(Record::HardState { term: Term(term), voted_for: None })
}

fn stored(prev_term: u64, term: u64, first: u64, last: u64) -> Option<Record> {
    Some(Record::Append { prev_term: Term(prev_term), entries: pack(term, first, last) })
}

fn pack(term: u64, first: u64, last: u64) -> Segment {
    Segment::pack(Index(first), Term(term), (first..=last).map(|at| format!("{term}.{at}"))).unwrap()
}

fn so_far(term: u64, last: EntryId) -> Message {
    let said = Said { last, voters: [1, 2, 3].map(NodeId).to_vec() };
    Message::SoFar { term: Term(term), said: Box::new(said) }
}

fn loan(last: EntryId, prev_term: u64, entries: Segment) -> Message {
    let loan = Loan { last, prev_term: Term(prev_term), entries };
    Message::Mended { term: Term(2), loan: Box::new(loan) }
}

fn has_not(last: EntryId) -> Message {
    loan(last, 0, Segment::empty(Index(1)))
}

/// Who was asked for the end of a hole, and after which entry.
fn asked(node: &mut Bench<Raft>) -> Vec<(u64, EntryId, EntryId)> {
    let sent = sent(node).into_iter();
    sent.filter_map(|(to, message)| match message {
        Message::Mend { after, upto, .. } => Some((to, after, upto)),
        _ => None,
    })
    .collect()
}

/// Entries 1 to 3 of term 1, then 6 of term 2 after one of term 2, and what may have been the end.
fn with_a_hole() -> Bench<Raft> {
    started([hard(2), stored(0, 1, 1, 3), None, stored(2, 2, 6, 6)])
}

#[test]
fn the_record_of_an_end_says_that_nothing_is_missing_behind_it() {
    let ended = |index| Some(Record::Mended { term: Term(2), voted_for: None, last: id(1, index) });
    let node = started([hard(2), stored(0, 1, 1, 3), None, ended(3)]);
    assert!(!node.protocol.is_mending());
    let node = started([hard(2), stored(0, 1, 1, 3), None, ended(5)]);
    assert_eq!(node.protocol.status().mending.unwrap().floor, id(1, 5));
    // A log that has lost everything lacks nothing in particular.
    let node = started([None]);
    assert!(node.protocol.is_mending());
    assert_eq!(node.protocol.status().mending.unwrap().missing, None);
    let mut node = started([None]);
    node.fire(Timer::Census);
    assert_eq!(asked(&mut node), []);
}

#[test]
fn what_others_say_of_themselves_must_be_possible_and_takes_no_leader_away() {
    let mut node = started([hard(1), stored(0, 1, 1, 3), None]);
    let illegal =
        |node: &mut Bench<Raft>| events(node).iter().any(|event| matches!(event, Event::Illegal { .. }));
    for impossible in [so_far(1, id(2, 3)), so_far(1, id(1, Index::MAX.0 + 1))] {
        hear(&mut node, 2, impossible);
        assert!(illegal(&mut node));
    }
    hear(&mut node, 2, so_far(1, id(1, Index::MAX.0)));
    assert!(!illegal(&mut node));
    // The leader of the term is heard; others speak in that term, or an earlier one.
    let commit = Message::Commit { term: Term(1), commit: Index(0) };
    hear(&mut node, 2, commit);
    assert_eq!(node.protocol.status().leader, Some(NodeId(2)));
    for term in [1, 0] {
        let last = if term == 0 { EntryId::ZERO } else { id(1, 3) };
        hear(&mut node, 3, so_far(term, last));
        assert_eq!((node.protocol.status().leader, node.protocol.term()), (Some(NodeId(2)), Term(1)));
    }
    hear(&mut node, 3, so_far(7, id(1, 3)));
    assert_eq!((node.protocol.status().leader, node.protocol.term()), (None, Term(7)));
}

/// When all have spoken, what the furthest has is missing here.
#[test]
fn the_furthest_of_all_says_what_is_missing_at_the_end() {
    let mut node = started([hard(1), stored(0, 1, 1, 9), None]);
    hear(&mut node, 2, so_far(1, id(1, 10)));
    assert!(node.protocol.status().mending.unwrap().tail, "one has not spoken");
    hear(&mut node, 3, so_far(1, id(1, 8)));
    let mending = node.protocol.status().mending.unwrap();
    assert_eq!((mending.floor, mending.tail, mending.vote), (id(1, 10), false, false));
    asked(&mut node);
    node.fire(Timer::Census);
    assert_eq!(asked(&mut node), [2, 3].map(|to| (to, id(1, 9), id(1, 10))));
    // Whoever has it sends it, and then nothing keeps the node from an election.
    node.advance(Duration::from_secs(9));
    hear(&mut node, 2, loan(id(1, 10), 1, pack(1, 10, 10)));
    assert!(!node.protocol.is_mending());
    assert!(node.timers().contains_key(&Timer::Election));
}

/// A learner is none of those who must speak.
#[test]
fn a_learner_is_whole_when_all_voters_have_spoken() {
    let three = Membership::of([2, 3, 4].map(NodeId));
    let change = Change::from(Step::AddLearner(NodeId(1)));
    let with_learner = three.changed(&change, &QuorumRule::Majority).unwrap();
    let entry = Segment::membership(Index(1), Term(1), &with_learner).unwrap();
    let mut raft = Raft::new(Config::joining(NodeId(1))).unwrap();
    raft.recover(Lsn(1), Recovered::Intact(hard(1).unwrap())).unwrap();
    let append = Record::Append { prev_term: Term(0), entries: entry };
    raft.recover(Lsn(2), Recovered::Intact(append)).unwrap();
    raft.recover(Lsn(3), Recovered::Damaged(Damage::Checksum)).unwrap();
    let mut node = Bench::new(NodeId(1), raft);
    node.start().unwrap();
    for from in [2, 3, 4] {
        assert!(node.protocol.is_mending());
        let said = Said { last: id(1, 1), voters: [2, 3, 4].map(NodeId).to_vec() };
        hear(&mut node, from, Message::SoFar { term: Term(1), said: Box::new(said) });
    }
    assert!(!node.protocol.is_mending());
}

/// What nobody has was never committed: it is given up, and the next hole is asked for.
#[test]
fn a_hole_whose_end_nobody_has_is_given_up() {
    // Holes that end with 2/5 and 2/8.
    let two = || {
        let mut node =
            started([hard(2), stored(0, 1, 1, 3), None, stored(2, 2, 6, 6), None, stored(2, 2, 9, 9)]);
        for from in [2, 3] {
            hear(&mut node, from, so_far(2, id(1, 3)));
        }
        asked(&mut node);
        assert_eq!(node.protocol.status().mending.unwrap().stretches, 2);
        node
    };
    let mut node = two();
    hear(&mut node, 2, has_not(id(2, 5)));
    hear(&mut node, 2, has_not(id(2, 5)));
    hear(&mut node, 3, has_not(id(2, 7)));
    assert_eq!((node.protocol.status().mending.unwrap().stretches, asked(&mut node)), (2, vec![]));
    hear(&mut node, 3, has_not(id(2, 5)));
    assert_eq!(node.protocol.status().mending.unwrap().stretches, 1);
    assert_eq!(asked(&mut node), [2, 3].map(|to| (to, id(1, 3), id(2, 8))));
    for from in [2, 3] {
        hear(&mut node, from, has_not(id(2, 8)));
    }
    assert!(!node.protocol.is_mending());
    // The second before the first: that one is asked for already.
    let mut node = two();
    for from in [2, 3] {
        hear(&mut node, from, has_not(id(2, 8)));
    }
    assert_eq!((node.protocol.status().mending.unwrap().stretches, asked(&mut node)), (1, vec![]));
}

/// The part of a hole that comes from one node is followed by the rest from the same, or the answers would multiply.
#[test]
fn a_hole_is_filled_in_parts_by_whoever_has_begun() {
    let mut node = with_a_hole();
    // The entry at the end of the hole is of term 2, those before may be older.
    hear(&mut node, 2, loan(id(2, 5), 1, pack(1, 4, 5)));
    assert_eq!(
        (node.protocol.log().last(), asked(&mut node)),
        (id(1, 3), vec![]),
        "not the end that was lost"
    );
    hear(&mut node, 2, loan(id(2, 5), 1, pack(1, 4, 4)));
    assert_eq!((node.protocol.log().last(), asked(&mut node)), (id(1, 4), vec![(2, id(1, 4), id(2, 5))]));
    hear(&mut node, 2, loan(id(2, 5), 1, pack(2, 5, 5)));
    assert_eq!(node.protocol.log().last(), id(2, 6));
    // Another hole is asked of everybody.
    let mut node = started([hard(1), stored(0, 1, 1, 3), None, stored(1, 1, 5, 5), None, stored(1, 1, 8, 8)]);
    hear(&mut node, 2, loan(id(1, 4), 1, pack(1, 4, 4)));
    assert_eq!(asked(&mut node), [2, 3].map(|to| (to, id(1, 5), id(1, 7))));
}

/// What stands before the hole here differs from what stands before its end elsewhere: the newer record was in the hole.
#[test]
fn what_does_not_lead_to_the_end_of_a_hole_is_taken_back() {
    let mut node = with_a_hole();
    hear(&mut node, 2, loan(id(2, 5), 2, pack(2, 3, 5)));
    assert_eq!(node.protocol.log().last(), id(1, 2));
    hear(&mut node, 2, loan(id(2, 5), 1, pack(2, 3, 5)));
    assert_eq!(node.protocol.log().last(), id(2, 6));
}

/// Whoever fills the hole has another entry where this log ends: asked for what follows on that, it would say the same for ever.
#[test]
fn the_last_entry_before_a_hole_may_be_what_was_overwritten() {
    let mut node = started([hard(3), stored(0, 1, 1, 3), stored(1, 2, 4, 4), None, stored(3, 3, 7, 7)]);
    assert_eq!(node.protocol.log().last(), id(2, 4));
    hear(&mut node, 2, loan(id(3, 6), 1, pack(1, 5, 5)));
    assert_eq!(node.protocol.log().last(), id(1, 3));
    hear(&mut node, 2, loan(id(3, 6), 1, pack(1, 4, 5)));
    hear(&mut node, 2, loan(id(3, 6), 1, pack(3, 6, 6)));
    assert_eq!(node.protocol.log().last(), id(3, 7));
}

/// Where it differs from what is committed, its history is none that this node could take.
#[test]
fn what_is_offered_from_before_the_snapshot_takes_nothing_back() {
    let membership = Membership::of([1, 2, 3].map(NodeId)).into();
    let snapshot = Record::Snapshot { term: Term(2), voted_for: None, last: id(1, 2), membership };
    let mut node = started([Some(snapshot), stored(1, 1, 3, 4), None, stored(2, 2, 7, 7)]);
    assert_eq!((node.protocol.log().base(), node.protocol.log().last()), (id(1, 2), id(1, 4)));
    hear(&mut node, 2, loan(id(2, 6), 2, pack(2, 2, 3)));
    assert_eq!(node.protocol.log().last(), id(1, 4));
}

#[test]
fn only_what_is_in_memory_and_follows_is_lent_for_a_hole() {
    let ten = |log_memory_bytes_max: usize| {
        let mut cluster = Cluster::with(3, |config| config.log_memory_bytes_max = log_memory_bytes_max);
        cluster.campaign(1);
        cluster.stabilize();
        for at in 2..=10 {
            cluster.propose(1, &format!("value {at}"));
            cluster.stabilize();
        }
        cluster
    };
    let mut cluster = ten(1 << 20);
    cluster.compact(2, 4);
    cluster.stabilize();
    let mut answered = |after: EntryId, upto: EntryId| {
        cluster.net.clear();
        cluster.deliver_to(3, 2, Message::Mend { term: Term(1), after, upto });
        cluster.net.iter().find_map(|letter| match &letter.message {
            Message::Mended { loan, .. } => Some((loan.entries.first().0, loan.entries.is_empty())),
            _ => None,
        })
    };
    assert_eq!(answered(id(1, 5), id(1, 8)), Some((6, false)));
    assert_eq!(answered(id(1, 5), id(2, 8)), Some((1, true)), "it has it not");
    assert_eq!(answered(id(1, 2), id(1, 8)), None, "what follows is compacted");
    assert_eq!(answered(id(1, 2), id(1, 3)), None, "all of it is");
    let mut cluster = ten(0);
    cluster.isolate(1);
    cluster.restart(2);
    cluster.net.clear();
    cluster.deliver_to(3, 2, Message::Mend { term: Term(1), after: id(1, 5), upto: id(1, 8) });
    assert!(cluster.net.is_empty(), "it is on the disk alone");
}

/// The leader says how far the log must come, and only a node that knows its term may rely on it.
#[test]
fn a_leader_makes_a_log_whole_when_it_has_come_as_far_as_was_said() {
    let heard = |node: &mut Bench<Raft>, message| {
        hear(node, 2, message);
        node.sync().unwrap();
        node.protocol.is_mending()
    };
    let whole = Message::Whole { term: Term(2), round: 1, target: Index(4) };
    for (doubtful, records) in [
        (false, vec![hard(1), stored(0, 1, 1, 3), None, hard(2)]),
        (true, vec![hard(2), stored(0, 1, 1, 3), None]),
    ] {
        let mut node = started(records);
        assert_eq!(node.protocol.status().mending.unwrap().vote, doubtful);
        assert!(heard(&mut node, append(2, (1, 3), 0, 2, &[])));
        assert!(heard(&mut node, whole.clone()), "it has not come so far");
        let election = node.timers()[&Timer::Election];
        assert_eq!(heard(&mut node, append(2, (1, 3), 0, 2, &["x"])), doubtful);
        assert!(node.timers()[&Timer::Election] == election, "and stands by it as before");
    }
}
