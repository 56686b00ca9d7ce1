//! Damaged logs: what a node may not do until it is whole, and how it becomes whole again.

use crate::cluster::Cluster;
use crate::compaction::{Follower, Happening, LEADER, fresh, happening};
use proptest::prelude::*;
use std::time::Duration;
use synod_core::testing::{Bench, Output};
use synod_core::{Damage, Input, Lsn, NodeId, Protocol, Recovered};
use synod_raft::{
    Command, Config, EntryId, Event, Index, Message, Raft, Record, RecoverError, Role, Segment, Term, Timer,
};

fn id(term: u64, index: u64) -> EntryId {
    EntryId { term: Term(term), index: Index(index) }
}

/// Three nodes with ten entries, the first of them the leader's no-op. Records: the term, then an entry each.
fn three() -> Cluster {
    with(3, |_| {})
}

fn with(size: u64, adjust: impl Fn(&mut Config)) -> Cluster {
    let mut cluster = Cluster::with(size, adjust);
    cluster.campaign(1);
    cluster.stabilize();
    for at in 2..=10 {
        cluster.propose(1, &format!("value {at}"));
        cluster.stabilize();
    }
    cluster
}

/// Where the entry lies on the disk of a node.
fn record_of(cluster: &mut Cluster, node: u64, index: u64) -> Lsn {
    let records = cluster.records(node);
    let found = records.iter().rev().find(|record| record.ends_with(&format!(" entries {index}-{index}")));
    let found = found.unwrap_or_else(|| panic!("{index} in {records:?}"));
    position(found)
}

fn rot(cluster: &mut Cluster, node: u64, at: Lsn) {
    assert!(cluster.nodes.get_mut(&NodeId(node)).unwrap().log.rot(at), "{at}");
}

fn rot_entry(cluster: &mut Cluster, node: u64, index: u64) {
    let at = record_of(cluster, node, index);
    rot(cluster, node, at);
}

/// Everything that the node has stored behind so many records.
fn rot_behind(cluster: &mut Cluster, node: u64, records: usize) {
    for record in cluster.records(node).split_off(records) {
        rot(cluster, node, position(&record));
    }
}

fn position(record: &str) -> Lsn {
    Lsn(record[1..].split(' ').next().unwrap().parse().unwrap())
}

/// What a node said last about what it lacks: the last entry before, the hole, the tail, the vote.
fn lacks(cluster: &Cluster, node: u64) -> (EntryId, Option<EntryId>, bool, bool) {
    let said = cluster.events.iter().rev().find_map(|(id, event)| match event {
        Event::Mending { after, missing, tail, vote } if *id == NodeId(node) => {
            Some((*after, *missing, *tail, *vote))
        }
        _ => None,
    });
    said.unwrap_or_else(|| panic!("{node} says that it is whole"))
}

fn heartbeats(cluster: &mut Cluster, leader: u64) {
    for _ in 0..4 {
        cluster.fire(NodeId(leader), Timer::Heartbeat);
        cluster.stabilize();
    }
}

/// A vote that a candidate asks a node for.
fn asks(cluster: &mut Cluster, candidate: u64, node: u64, term: u64, last: EntryId) -> bool {
    cluster.net.clear();
    let request = Message::RequestVote { term: Term(term), last, by_transfer: true };
    cluster.deliver_to(candidate, node, request);
    cluster.sync_fast();
    let granted = |message: &Message| matches!(message, Message::Voted { granted: true, .. });
    let voted = cluster.net.iter().any(|letter| letter.from == NodeId(node) && granted(&letter.message));
    cluster.net.clear();
    voted
}

#[test]
fn a_hole_is_told_apart_from_a_missing_end() {
    for (lost, expected) in [
        (vec![4], (id(1, 3), Some(id(1, 4)), false, true)),
        (vec![4, 5, 6], (id(1, 3), Some(id(1, 6)), false, true)),
        (vec![4, 8], (id(1, 3), Some(id(1, 4)), false, true)),
        (vec![10], (id(1, 9), None, true, true)),
        (vec![7, 10], (id(1, 6), Some(id(1, 7)), true, true)),
        (vec![1], (EntryId::ZERO, Some(id(1, 1)), false, true)),
    ] {
        let mut cluster = three();
        lost.iter().for_each(|index| rot_entry(&mut cluster, 3, *index));
        cluster.isolate(3);
        cluster.restart(3);
        assert_eq!(lacks(&cluster, 3), expected, "{lost:?}");
        assert!(cluster.raft(3).is_mending());
    }
    // The term is said anew behind it, so nothing of it is missing.
    let mut cluster = three();
    cluster.deliver_to(2, 3, Message::Heard { term: Term(4), round: 0 });
    cluster.sync_fast();
    rot_entry(&mut cluster, 3, 10);
    cluster.isolate(3);
    cluster.restart(3);
    assert_eq!(lacks(&cluster, 3), (id(1, 9), None, true, false));
}

#[test]
fn what_was_superseded_is_not_missing() {
    let mut cluster = three();
    // The first record holds the term, which is said anew.
    cluster.deliver_to(2, 3, Message::Heard { term: Term(4), round: 0 });
    cluster.sync_fast();
    rot(&mut cluster, 3, Lsn(1));
    cluster.restart(3);
    assert!(!cluster.raft(3).is_mending());
    assert_eq!(cluster.raft(3).log().last(), id(1, 10));
}

#[test]
fn a_leader_repairs_a_hole_and_a_missing_end() {
    for lost in [vec![4], vec![10], vec![2, 5, 9, 10], vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10]] {
        let mut cluster = three();
        lost.iter().for_each(|index| rot_entry(&mut cluster, 3, *index));
        cluster.restart(3);
        assert!(!asks(&mut cluster, 2, 3, 9, id(8, 99)), "it does not vote");
        heartbeats(&mut cluster, 1);
        heartbeats(&mut cluster, 1);
        cluster.run(Duration::from_secs(2));
        assert!(!cluster.raft(3).is_mending(), "{lost:?}");
        assert_eq!(cluster.payloads(3), cluster.payloads(1), "{lost:?}");
        // And it is whole after another start.
        cluster.isolate(3);
        cluster.restart(3);
        assert!(!cluster.raft(3).is_mending(), "{lost:?}");
        assert_eq!(cluster.raft(3).log().last().index, cluster.raft(1).log().last().index);
    }
}

#[test]
fn what_is_stored_again_counts_when_nothing_else_can_have_been_promised() {
    let mut cluster = Cluster::with(5, |config| config.check_quorum = false);
    cluster.campaign(1);
    cluster.stabilize();
    // The leader and node 2 have an entry, which is not committed.
    for id in [3, 4, 5] {
        cluster.isolate(id);
    }
    cluster.propose(1, "almost");
    cluster.stabilize();
    assert_eq!(cluster.committed(1), 1);
    rot_entry(&mut cluster, 2, 2);
    cluster.restart(2);
    assert_eq!(cluster.raft(2).last_index(), Index(1));
    // It says so, and the leader forgets; what it had acknowledged must not commit the entry together with node 3's copy.
    cluster.slow.insert(NodeId(2));
    cluster.fire(NodeId(1), Timer::Heartbeat);
    cluster.stabilize();
    cluster.connect(3);
    cluster.isolate(2);
    cluster.fire(NodeId(1), Timer::Heartbeat);
    cluster.fire(NodeId(1), Timer::Heartbeat);
    cluster.stabilize();
    assert_eq!(cluster.raft(3).last_index(), Index(2));
    assert_eq!(cluster.committed(1), 1, "two copies of five are not a quorum");
    cluster.slow.clear();
    cluster.connect(2);
    heartbeats(&mut cluster, 1);
    heartbeats(&mut cluster, 1);
    assert_eq!(cluster.raft(2).last_index(), Index(2), "it stores the entry again");
    assert_eq!(cluster.committed(1), 1, "but may have promised more to a later term than this");
    for id in [4, 5] {
        cluster.connect(id);
    }
    cluster.run(Duration::from_secs(1));
    assert!(!cluster.raft(2).is_mending());
    assert_eq!(cluster.committed(1), 2);
}

/// The node has voted, and acknowledged an entry, in a term that the leader of an earlier one has not heard of.
#[test]
fn nothing_that_a_node_says_counts_before_it_knows_its_term() {
    let mut cluster = Cluster::with(3, |config| (config.check_quorum, config.pre_vote) = (false, false));
    cluster.campaign(1);
    cluster.stabilize();
    let before = cluster.records(3).len();
    cluster.isolate(1);
    cluster.campaign(2);
    cluster.stabilize();
    cluster.propose(2, "committed");
    cluster.stabilize();
    heartbeats(&mut cluster, 2);
    assert_eq!((cluster.committed(2), cluster.committed(3)), (3, 3));
    // Node 3 loses everything that it has stored in term 2.
    rot_behind(&mut cluster, 3, before);
    cluster.connect(1);
    cluster.isolate(2);
    cluster.restart(3);
    assert_eq!(cluster.raft(3).term(), Term(1));
    cluster.propose(1, "wrong");
    for _ in 0..5 {
        cluster.fire(NodeId(1), Timer::Heartbeat);
        cluster.stabilize();
    }
    assert_eq!(cluster.raft(3).last_index(), Index(2), "it stores for whoever leads");
    assert_eq!(cluster.committed(1), 1, "and helps nobody to commit");
    assert!(cluster.raft(3).is_mending());
    cluster.connect(2);
    cluster.run(Duration::from_secs(2));
    assert!(!cluster.raft(3).is_mending());
    for node in 1..=3 {
        assert_eq!(cluster.payloads(node), ["committed"], "{node}");
    }
}

#[test]
fn without_a_leader_the_others_fill_a_hole_from_behind_their_own() {
    let mut cluster = three();
    // One is gone for good, and each of the others has lost something that only the other has.
    cluster.crash(1);
    rot_entry(&mut cluster, 2, 5);
    rot_entry(&mut cluster, 3, 6);
    cluster.restart(2);
    cluster.restart(3);
    assert_eq!(lacks(&cluster, 2).1, Some(id(1, 5)));
    assert_eq!(lacks(&cluster, 3).1, Some(id(1, 6)));
    cluster.stabilize();
    for node in [2, 3] {
        assert_eq!(cluster.raft(node).log().last(), id(1, 10), "{node} has all entries again");
        let term_and_vote = lacks(&cluster, node).3;
        assert!(
            term_and_vote && cluster.raft(node).is_mending(),
            "but whom it voted for, the one that is gone may know"
        );
    }
    cluster.run(Duration::from_secs(2));
    assert_eq!(cluster.leader(), None);
    // It comes back.
    cluster.restart(1);
    cluster.run(Duration::from_secs(3));
    let everything = cluster.payloads(cluster.leader().unwrap().0);
    assert_eq!(everything.len(), 9);
    for node in 1..=3 {
        assert_eq!(cluster.payloads(node), everything);
        assert!(!cluster.raft(node).is_mending());
    }
}

#[test]
fn without_a_leader_a_missing_end_comes_from_whoever_is_furthest() {
    let mut cluster = three();
    rot_entry(&mut cluster, 2, 10);
    rot_entry(&mut cluster, 3, 10);
    for node in 1..=3 {
        cluster.restart(node);
    }
    // Two of three lack the last entry, which is committed: they would elect each other.
    assert!(!asks(&mut cluster, 2, 3, 9, id(1, 9)));
    cluster.run(Duration::from_secs(3));
    let leader = cluster.leader().unwrap();
    assert_eq!(cluster.payloads(leader.0).len(), 9, "nothing committed is lost");
    for node in 1..=3 {
        assert!(!cluster.raft(node).is_mending(), "{node}");
    }
}

#[test]
fn a_vote_that_was_lost_is_not_given_again() {
    // Node 3 has voted for node 1 in term 1, and its disk has forgotten all about it.
    let mut cluster = Cluster::new(3);
    for node in [2, 3] {
        cluster.slow.insert(NodeId(node));
    }
    cluster.campaign(1);
    cluster.stabilize();
    cluster.slow.remove(&NodeId(3));
    cluster.sync(NodeId(3));
    cluster.net.clear();
    assert_eq!(cluster.raft(3).voted_for(), Some(NodeId(1)));
    rot(&mut cluster, 3, Lsn(1));
    cluster.crash(1);
    cluster.restart(2);
    cluster.restart(3);
    assert_eq!((cluster.raft(3).term(), lacks(&cluster, 3).3), (Term(0), true));
    // Node 2 asks for a vote in the same term. One other node is not everybody.
    cluster.stabilize();
    assert!(cluster.raft(3).is_mending());
    assert!(!asks(&mut cluster, 2, 3, 1, EntryId::ZERO));
    // Everybody has spoken: nobody gets a vote in the term that was the latest then.
    cluster.slow.clear();
    cluster.restart(1);
    assert_eq!(cluster.raft(1).term(), Term(1));
    cluster.fire(NodeId(3), Timer::Census);
    cluster.stabilize();
    assert!(!cluster.raft(3).is_mending());
    assert_eq!(cluster.raft(3).term(), Term(1));
    assert!(!asks(&mut cluster, 2, 3, 1, EntryId::ZERO));
    assert!(asks(&mut cluster, 2, 3, 2, EntryId::ZERO));
}

#[test]
fn a_second_crash_does_not_make_a_node_look_whole() {
    let mut cluster = three();
    for lost in [8, 9, 10] {
        rot_entry(&mut cluster, 3, lost);
    }
    cluster.isolate(3);
    cluster.restart(3);
    assert_eq!(lacks(&cluster, 3).0, id(1, 7));
    // It is told that it was forgotten, gets one entry of three, and dies again.
    cluster.deliver_to(
        1,
        3,
        Message::Append {
            term: Term(1),
            prev_term: Term(1),
            commit: Index(0),
            round: 2,
            entries: Segment::empty(Index(11)),
        },
    );
    cluster.deliver_to(1, 3, Message::Whole { term: Term(1), round: 2, target: Index(10) });
    cluster.deliver_to(
        1,
        3,
        Message::Append {
            term: Term(1),
            prev_term: Term(1),
            commit: Index(0),
            round: 2,
            entries: Segment::pack(Index(8), Term(1), ["value 8"]).unwrap(),
        },
    );
    cluster.sync_fast();
    assert_eq!(cluster.raft(3).log().last(), id(1, 8));
    cluster.restart(3);
    assert_eq!(
        lacks(&cluster, 3),
        (id(1, 8), None, true, true),
        "an intact record at the end proves nothing"
    );
    assert!(!asks(&mut cluster, 2, 3, 9, id(1, 8)));
}

#[test]
fn damage_below_a_snapshot_does_not_matter() {
    let mut cluster = with(3, |config| config.trailing_entries = 5);
    cluster.compact(3, 10);
    cluster.stabilize();
    rot_entry(&mut cluster, 3, 7);
    cluster.restart(3);
    assert!(!cluster.raft(3).is_mending());
    assert_eq!(cluster.raft(3).log().last(), id(1, 10));
}

#[test]
fn a_node_that_lacks_what_everybody_has_compacted_gets_a_snapshot() {
    let mut cluster = three();
    rot_entry(&mut cluster, 3, 4);
    cluster.isolate(3);
    cluster.compact(1, 9);
    cluster.compact(2, 9);
    cluster.stabilize();
    cluster.restart(3);
    cluster.connect(3);
    heartbeats(&mut cluster, 1);
    cluster.run(Duration::from_secs(2));
    assert!(!cluster.raft(3).is_mending());
    assert_eq!(cluster.raft(3).snapshot().index, Index(9));
    assert_eq!(cluster.payloads(3), cluster.payloads(1));
}

#[test]
fn a_lost_snapshot_record_is_repaired_like_a_lost_log() {
    let mut cluster = three();
    cluster.compact(3, 9);
    cluster.stabilize();
    let records = cluster.records(3);
    let at = records.iter().find(|record| record.contains("snapshot")).unwrap();
    let at = Lsn(at[1..].split(' ').next().unwrap().parse().unwrap());
    rot(&mut cluster, 3, at);
    cluster.restart(3);
    assert!(cluster.raft(3).is_mending());
    cluster.run(Duration::from_secs(2));
    assert!(!cluster.raft(3).is_mending());
    assert_eq!(cluster.payloads(3), cluster.payloads(1));
}

#[test]
fn a_witness_is_repaired_too() {
    let mut cluster = with(3, |config| config.witnesses = vec![NodeId(3)]);
    rot_entry(&mut cluster, 3, 4);
    rot_entry(&mut cluster, 3, 10);
    cluster.restart(3);
    assert!(cluster.raft(3).is_mending());
    cluster.run(Duration::from_secs(2));
    assert!(!cluster.raft(3).is_mending());
    assert_eq!(cluster.raft(3).log().last(), id(1, 10));
}

#[test]
fn a_node_without_others_to_ask_halts_and_one_that_must_not_be_mended_refuses() {
    let mut cluster = with(1, |_| {});
    rot_entry(&mut cluster, 1, 5);
    cluster.restart(1);
    let at = Lsn(6);
    let halted = Event::Halted(RecoverError::Damaged { at, damage: Damage::Checksum });
    assert!(cluster.events.contains(&(NodeId(1), halted)));

    let mut config = Config::new(NodeId(1), [1, 2, 3].map(NodeId));
    config.mending = false;
    let mut raft = Raft::new(config).unwrap();
    let refused = raft.recover(Lsn(3), Recovered::Damaged(Damage::Unreadable));
    assert_eq!(refused, Err(RecoverError::Damaged { at: Lsn(3), damage: Damage::Unreadable }));
}

#[test]
fn what_stood_before_a_lost_truncation_is_given_up() {
    // Entries 4 to 6 of term 1 were overwritten from 4 on by those of term 2, and the record that did it cannot be read.
    let pack = |first: u64, term: u64, count: u64| {
        Segment::pack(Index(first), Term(term), (0..count).map(|at| format!("{term}.{}", first + at)))
            .unwrap()
    };
    let records = [
        Recovered::Intact(Record::HardState { term: Term(2), voted_for: None }),
        Recovered::Intact(Record::Append { prev_term: Term(0), entries: pack(1, 1, 6) }),
        Recovered::Damaged(Damage::Checksum),
        Recovered::Intact(Record::Append { prev_term: Term(2), entries: pack(6, 2, 2) }),
    ];
    let mut raft = fresh();
    for (at, record) in (1..).zip(records) {
        raft.recover(Lsn(at), record).unwrap();
    }
    let mut bench = Bench::new(NodeId(1), raft);
    bench.start().unwrap();
    // What stands before 5 may be of term 1 or of term 2.
    assert_eq!(bench.protocol.log().last(), id(1, 4));
    let mended = |first: u64, prev: u64, entries: Segment| {
        assert_eq!(entries.first(), Index(first));
        let loan = synod_raft::Loan { last: id(2, 5), prev_term: Term(prev), entries };
        Input::Message(NodeId(2), Message::Mended { term: Term(2), loan: Box::new(loan) })
    };
    bench.input(mended(4, 1, pack(4, 2, 2)));
    assert_eq!(bench.protocol.log().last(), id(2, 7), "the hole is filled, and what comes behind it follows");
    assert_eq!(bench.protocol.term_at(Index(3)), Some(Term(1)));
}

#[test]
fn forged_answers_mend_nothing() {
    let mut cluster = three();
    rot_entry(&mut cluster, 3, 5);
    cluster.isolate(3);
    cluster.restart(3);
    let before = cluster.raft(3).log().last();
    let loan = |last, prev: u64, entries| Message::Mended {
        term: Term(1),
        loan: Box::new(synod_raft::Loan { last, prev_term: Term(prev), entries }),
    };
    let pack = |first, term, count: usize| Segment::pack(Index(first), Term(term), vec!["x"; count]).unwrap();
    for message in [
        loan(id(1, 6), 1, pack(5, 1, 1)), // another hole
        loan(id(1, 5), 1, pack(5, 1, 2)), // more than the hole
        loan(id(1, 5), 1, pack(5, 2, 1)), // of a later term
        loan(id(1, 5), 1, pack(6, 1, 1)), // behind it
    ] {
        cluster.deliver_to(2, 3, message);
        assert_eq!(cluster.raft(3).log().last(), before);
    }
    // Not from the leader, not of its term: nobody has forgotten anything.
    let whole = |term, target| Message::Whole { term: Term(term), round: 1, target: Index(target) };
    for (from, message) in [(2, whole(1, 0)), (1, whole(0, 0)), (1, whole(9, 0))] {
        cluster.deliver_to(from, 3, message);
        assert!(cluster.raft(3).is_mending());
    }
    assert_eq!(cluster.raft(3).role(), Role::Follower);
}

#[test]
fn who_mends_does_not_campaign() {
    let mut cluster = three();
    rot_entry(&mut cluster, 3, 10);
    cluster.isolate(3);
    cluster.restart(3);
    cluster.campaign(3);
    cluster.time_out(3);
    cluster.input(NodeId(3), Input::Command(Command::Campaign));
    cluster.deliver_to(1, 3, Message::TimeoutNow { term: Term(1) });
    assert_eq!((cluster.raft(3).role(), cluster.raft(3).term()), (Role::Follower, Term(1)));
}

/// What a log says: term and payload by index.
fn contents<'a>(segments: impl Iterator<Item = &'a Segment>) -> Vec<(u64, u64, Vec<u8>)> {
    let mut all = Vec::new();
    for segment in segments {
        all.extend(segment.iter().map(|entry| (entry.index.0, entry.term.0, entry.payload.to_vec())));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Whatever was written and whatever is lost of it: what a node believes to have is what it had, unless it knows better than to
    /// believe it; and a node that calls itself whole has everything.
    #[test]
    fn a_damaged_log_is_never_taken_for_another(
        happenings in prop::collection::vec(happening(), 1..30),
        lost in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let mut node = Follower::new();
        for happening in happenings {
            match happening {
                Happening::Compact(_) | Happening::Rewrite(_) => {}
                other => node.apply(&other),
            }
        }
        prop_assume!(!node.records.is_empty());
        let truth = contents(node.bench.protocol.log().segments());
        let (term, vote) = (node.bench.protocol.term(), node.bench.protocol.voted_for());
        let lost: Vec<usize> = lost.iter().map(|index| index.index(node.records.len())).collect();
        let mut raft = fresh();
        for (place, (at, record)) in node.records.iter().enumerate() {
            let record = match lost.contains(&place) {
                true => Recovered::Damaged(Damage::Checksum),
                false => Recovered::Intact(record.clone()),
            };
            prop_assert_eq!(raft.recover(*at, record), Ok(()));
        }
        let mut bench = Bench::new(NodeId(1), raft);
        bench.start().unwrap();
        let outputs = bench.take();
        let raft = &bench.protocol;
        let said = outputs.iter().find_map(|output| match output {
            Output::Event(Event::Mending { after, missing, tail, vote }) => Some((*after, *missing, *tail, *vote)),
            _ => None,
        });
        prop_assert_eq!(said.is_some(), raft.is_mending());
        prop_assert!(raft.term() <= term, "a term from nowhere");
        let held = contents(raft.log().segments());
        let Some((after, missing, tail, lost_vote)) = said else {
            prop_assert_eq!((raft.term(), raft.voted_for()), (term, vote));
            prop_assert_eq!(held, truth);
            return Ok(());
        };
        if !lost_vote {
            prop_assert_eq!((raft.term(), raft.voted_for()), (term, vote));
        }
        prop_assert_eq!(after, raft.log().last());
        if let Some(missing) = missing {
            prop_assert!(after.index < missing.index);
        } else if !tail {
            prop_assert_eq!(&held, &truth);
        }
        // Where nothing is missing at the end, the last entry stands for everything before it.
        bench.input(Input::Message(LEADER, Message::HowFar { term: Term(0) }));
        let so_far = bench.take().into_iter().find_map(|output| match output {
            Output::Send { message: Message::SoFar { said, .. }, .. } => Some(said.last),
            _ => None,
        });
        let last = truth.last().map_or(EntryId::ZERO, |(index, term, _)| id(*term, *index));
        prop_assert!(tail || so_far == Some(last), "{:?} and {:?}", so_far, last);
    }
}

/// The disk of a node is gone, and another is in its place.
fn replace_disk(cluster: &mut Cluster, node: u64, config: Config) {
    cluster.crash(node);
    cluster.start(config);
}

#[test]
fn a_voter_that_has_lost_its_disk_counts_for_nothing_before_it_has_heard_all_voters() {
    let founder = |config: &mut Config| (config.check_quorum, config.pre_vote) = (false, false);
    for (rejoining, in_doubt) in [(true, true), (false, false)] {
        let mut cluster = Cluster::with(3, founder);
        cluster.campaign(1);
        cluster.stabilize();
        // Nodes 1 and 2 have committed what node 3 has not heard of.
        cluster.isolate(3);
        cluster.propose(1, "kept");
        cluster.stabilize();
        assert_eq!(cluster.committed(1), 2);
        let mut config = Config::new(NodeId(2), (1..=3).map(NodeId));
        founder(&mut config);
        config.rejoining = rejoining;
        cluster.isolate(1);
        replace_disk(&mut cluster, 2, config);
        cluster.connect(3);
        cluster.isolate(1);
        assert_eq!(cluster.raft(2).is_mending(), in_doubt);
        // Its vote would put a node into power that lacks the entry. Whoever says nothing of the loss gives it.
        assert_eq!(asks(&mut cluster, 3, 2, 5, id(1, 1)), !in_doubt);
        if in_doubt {
            cluster.connect(1);
            cluster.run(Duration::from_secs(2));
            assert!(!cluster.raft(2).is_mending());
            assert!(cluster.leader().is_some());
            for node in 1..=3 {
                assert_eq!(cluster.payloads(node), ["kept"], "{node}");
            }
            // A later start finds a log, and nothing is lost.
            cluster.isolate(2);
            cluster.restart(2);
            assert!(!cluster.raft(2).is_mending());
        }
    }
}

#[test]
fn a_node_that_rejoins_under_its_old_id_knows_nobody_and_asks_who_speaks_to_it() {
    let mut cluster = three();
    cluster.crash(1);
    replace_disk(&mut cluster, 3, Config::rejoining(NodeId(3)));
    // The only other voter needs its vote, and gets it when all have been heard.
    cluster.run(Duration::from_secs(2));
    assert!(cluster.raft(3).is_mending() && cluster.leader().is_none());
    cluster.restart(1);
    cluster.run(Duration::from_secs(3));
    assert!(!cluster.raft(3).is_mending() && cluster.leader().is_some());
    assert_eq!(cluster.payloads(3), cluster.payloads(2));
}

/// What it had to write first was on its way to the disk when it died: the log was written once, and holds nothing.
#[test]
fn a_crash_before_the_first_record_takes_no_doubt_from_a_node_that_rejoins() {
    let raft = || Raft::new(Config::rejoining(NodeId(3))).unwrap();
    let mut node = Bench::new(NodeId(3), raft());
    for life in 0..3 {
        node.restart(raft()).unwrap();
        assert!(node.protocol.is_mending(), "life {life}");
    }
}

/// As with a member that was removed and has come back: what was on its way when it told of its loss is of before.
#[test]
fn an_acknowledgement_that_is_overtaken_by_the_news_of_its_loss_counts_no_more() {
    let mut node = crate::bugs::leader(3);
    let lost = Message::Lost { term: Term(1), round: 1, last: EntryId::ZERO, doubted: false };
    crate::bugs::hear(&mut node, 2, lost);
    crate::bugs::hear(&mut node, 2, crate::bugs::acknowledged(1, 1));
    assert_eq!(node.protocol.commit_index(), Index(0));
    crate::bugs::hear(&mut node, 2, Message::Appended { term: Term(1), matched: Index(1), round: 2 });
    assert_eq!(node.protocol.commit_index(), Index(1));
}

/// That nothing counts any more is for the leader to say.
#[test]
fn only_the_leader_of_this_term_says_when_a_log_is_whole() {
    let mut cluster = three();
    rot_entry(&mut cluster, 3, 10);
    cluster.restart(3);
    cluster.net.clear();
    cluster.deliver_to(1, 3, Message::Commit { term: Term(1), commit: Index(9) });
    cluster.net.clear();
    let before = cluster.raft(3).clone();
    let whole = |term| Message::Whole { term: Term(term), round: 3, target: Index(0) };
    cluster.deliver_to(2, 3, whole(1));
    cluster.deliver_to(1, 3, whole(0));
    assert!(cluster.raft(3).is_mending());
    assert_eq!(*cluster.raft(3), before);
}
