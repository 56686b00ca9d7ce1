//! Hosts that answer late, twice or not at all, and pieces that are none: a snapshot on its way, step by step.

use crate::cluster::Cluster;
use crate::snapshots::{behind, deliver_until, heartbeat, pace, piece};
use std::sync::Arc;
use synod_core::testing::{Bench, Output};
use synod_core::{Input, NodeId};
use synod_raft::{
    Change, Command, Config, Done, EntryId, Event, Found, Illegal, Index, Job, Message, Pace, Piece,
    QuorumRule, Raft, ReadMode, Role, Segment, Snapshot, Step, Term,
};

/// The host of the leader does nothing until it is told to, and the third node is reached again.
fn behind_and_idle() -> Cluster {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    cluster.idle.insert(NodeId(1));
    cluster.jobs.clear();
    cluster
}

#[test]
fn a_host_that_says_nothing_is_asked_again_after_four_heartbeats() {
    let mut cluster = behind_and_idle();
    let open = (NodeId(1), Job::Open { to: NodeId(3), index_min: Index(15) });
    let mut asked = Vec::new();
    for _ in 0..10 {
        heartbeat(&mut cluster, 1);
        cluster.stabilize();
        asked.push(cluster.jobs.len());
    }
    assert!(cluster.jobs.iter().all(|job| *job == open));
    let first = asked.iter().position(|jobs| *jobs == 1).unwrap();
    let second = asked.iter().position(|jobs| *jobs == 2).unwrap();
    let third = asked.iter().position(|jobs| *jobs == 3).unwrap();
    assert_eq!((second - first, third - second), (4, 4), "{asked:?}");
}

/// What was asked for under other circumstances, or comes twice.
#[test]
fn a_piece_that_the_host_was_not_asked_for_changes_nothing() {
    let mut cluster = behind_and_idle();
    heartbeat(&mut cluster, 1);
    cluster.stabilize();
    let read = |len: usize| Done::Read { to: NodeId(3), offset: 0, bytes: vec![7; len].into() };
    cluster.jobs.clear();
    cluster.input(NodeId(1), Input::Done(read(5)));
    assert_eq!(cluster.jobs, [], "none is chosen yet");
    let found = Some(Found { last: Index(15), len: 120, digest: 3 });
    cluster.input(NodeId(1), Input::Done(Done::Open { to: NodeId(3), found }));
    cluster.net.clear();
    cluster.input(NodeId(1), Input::Done(read(5)));
    assert_eq!((cluster.jobs.len(), cluster.net.len()), (0, 0), "the receiver has not said how much it has");
}

#[test]
fn a_piece_that_is_longer_than_it_may_be_ends_the_snapshot() {
    // Longer than a piece, though there is more; and no longer than a piece, but more than there is.
    for (len, bytes) in [(120, 51), (20, 21)] {
        let mut cluster = behind_and_idle();
        heartbeat(&mut cluster, 1);
        cluster.stabilize();
        let found = Some(Found { last: Index(15), len, digest: 3 });
        cluster.input(NodeId(1), Input::Done(Done::Open { to: NodeId(3), found }));
        cluster.stabilize();
        cluster.jobs.clear();
        let bytes = vec![7; bytes].into();
        cluster.input(NodeId(1), Input::Done(Done::Read { to: NodeId(3), offset: 0, bytes }));
        assert_eq!(cluster.jobs, [(NodeId(1), Job::Close { to: NodeId(3) })]);
        assert!(cluster.net.is_empty());
    }
}

/// Only what is new puts off the question after a loss.
#[test]
fn a_repeated_answer_is_no_news() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    heartbeat(&mut cluster, 1);
    deliver_until(&mut cluster, |envelope| piece(envelope).is_some_and(|piece| !piece.bytes.is_empty()));
    cluster.net.clear();
    let asks = |cluster: &Cluster| cluster.net.iter().filter_map(piece).count();
    for _ in 0..3 {
        heartbeat(&mut cluster, 1);
        assert_eq!(asks(&cluster), 0);
        cluster.net.clear();
    }
    cluster.deliver_to(3, 1, Message::Stored { term: Term(1), round: 1, digest: 15, stored: 0 });
    cluster.net.clear();
    heartbeat(&mut cluster, 1);
    assert_eq!(asks(&cluster), 1);
}

/// An answer about the log, which has nothing to do with how far the snapshot is.
#[test]
fn a_snapshot_on_its_way_goes_on_while_the_follower_lags() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    heartbeat(&mut cluster, 1);
    deliver_until(&mut cluster, |envelope| piece(envelope).is_some_and(|piece| piece.offset >= 100));
    cluster.idle.insert(NodeId(1));
    cluster.jobs.clear();
    cluster.deliver_to(3, 1, Message::Appended { term: Term(1), matched: Index(1), round: 1 });
    assert!(!cluster.jobs.contains(&(NodeId(1), Job::Close { to: NodeId(3) })), "{:?}", cluster.jobs);
    assert_eq!(pace(&cluster, 1, 3), Pace::Snapshot);
    // It needs one no more when it has as much by itself, and the log goes on from there.
    cluster.deliver_to(3, 1, Message::Appended { term: Term(1), matched: Index(15), round: 1 });
    assert!(cluster.jobs.contains(&(NodeId(1), Job::Close { to: NodeId(3) })));
    assert_eq!(pace(&cluster, 1, 3), Pace::Replicate);
}

#[test]
fn a_demand_is_heard_by_leaders_and_for_what_they_know_to_be_committed() {
    let mut cluster = behind(|_| {});
    cluster.idle.extend([1, 2].map(NodeId));
    cluster.jobs.clear();
    let demand = |index| Message::Demand { term: Term(1), index_min: Index(index) };
    cluster.deliver_to(2, 1, demand(22));
    cluster.deliver_to(1, 2, demand(5));
    assert_eq!(cluster.jobs, []);
    cluster.deliver_to(2, 1, demand(21));
    assert_eq!(cluster.jobs.len(), 1);
}

#[test]
fn pieces_out_of_order_are_not_given_to_the_host() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    heartbeat(&mut cluster, 1);
    deliver_until(&mut cluster, |envelope| piece(envelope).is_some_and(|piece| piece.offset >= 200));
    let on_the_way = cluster.net.iter().find_map(piece).unwrap().clone();
    cluster.net.clear();
    cluster.idle.insert(NodeId(3));
    let stored = cluster.raft(3).status().snapshot_in.unwrap().stored;
    let round = 1;
    let mut offered = |offset, bytes: &'static [u8]| {
        let piece = Piece { offset, bytes: bytes.into(), ..on_the_way.clone() };
        cluster.deliver_to(1, 3, Message::Piece { term: Term(1), round, piece: Box::new(piece) });
        let answers =
            std::mem::take(&mut cluster.net).into_iter().filter_map(|letter| match letter.message {
                Message::Stored { stored, .. } => Some(stored),
                _ => None,
            });
        let answers: Vec<u64> = answers.collect();
        (std::mem::take(&mut cluster.jobs).len(), answers)
    };
    assert_eq!(offered(stored + 50, b"later"), (0, vec![stored]));
    assert_eq!(offered(stored - 50, b"earlier"), (0, vec![stored]));
    assert_eq!(offered(stored, b""), (0, vec![stored]), "an offer is answered, and nothing to write");
    assert_eq!(offered(stored, b"next"), (1, vec![]));
}

/// The host was in the middle of it when another node was elected: that one did not send it.
#[test]
fn a_snapshot_that_was_of_the_leader_before_is_not_acknowledged_to_it() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    heartbeat(&mut cluster, 1);
    cluster.idle.insert(NodeId(3));
    for _ in 0..100 {
        cluster.stabilize();
        if cluster.jobs.iter().any(|(_, job)| matches!(job, Job::Install(_))) {
            break;
        }
        cluster.work_on(0);
    }
    let last = EntryId { term: Term(1), index: Index(21) };
    let Some((_, Job::Install(snapshot))) = cluster.jobs.pop() else { panic!("{:?}", cluster.jobs) };
    cluster.campaign(2);
    for id in [1, 3] {
        cluster.deliver_to(2, id, Message::RequestVote { term: Term(2), last, by_transfer: true });
    }
    let entries = Segment::empty(Index(22));
    let append = Message::Append { term: Term(2), prev_term: Term(1), commit: Index(21), round: 1, entries };
    cluster.deliver_to(2, 3, append);
    assert_eq!(cluster.raft(3).status().leader, Some(NodeId(2)));
    cluster.sync(NodeId(3));
    cluster.net.clear();
    cluster.input(NodeId(3), Input::Done(Done::Install { snapshot, installed: true }));
    cluster.sync(NodeId(3));
    assert_eq!(cluster.raft(3).snapshot().index, Index(15));
    assert!(!cluster.net.iter().any(|letter| letter.to == NodeId(1)), "{:?}", cluster.net);
}

/// A host cannot be stopped in the middle: what it says then counts, whoever leads.
#[test]
fn a_snapshot_that_is_being_installed_counts_although_its_receiver_begins_to_lead() {
    let mut config = Config::new(NodeId(1), [1, 2, 3].map(NodeId));
    config.pre_vote = false;
    let raft = Raft::new(config).unwrap();
    let membership = raft.membership().clone();
    let mut node = Bench::new(NodeId(1), raft);
    node.start().unwrap();
    let last = EntryId { term: Term(1), index: Index(5) };
    let snapshot = Arc::new(Snapshot { last, membership, len: 9, digest: 3, hollow: false });
    let piece = Box::new(Piece { snapshot: snapshot.clone(), offset: 0, bytes: "".into() });
    node.input(Input::Message(NodeId(2), Message::Piece { term: Term(1), round: 1, piece }));
    node.input(Input::Done(Done::Write { snapshot: snapshot.clone(), stored: Some(9) }));
    node.input(Input::Command(Command::Campaign));
    node.sync().unwrap();
    node.input(Input::Message(NodeId(3), Message::Voted { term: Term(2), granted: true }));
    assert_eq!((node.protocol.role(), node.protocol.snapshot()), (Role::Leader, EntryId::ZERO));
    node.input(Input::Done(Done::Install { snapshot, installed: true }));
    assert_eq!(node.protocol.snapshot(), last);
}

#[test]
fn pieces_at_the_edges_are_taken_and_those_beyond_are_not() {
    let membership = Cluster::new(3).raft(1).membership().clone();
    let weights = QuorumRule::weights([(NodeId(1), 2)]);
    let change = Change::rule(weights);
    let ruled = membership.changed(&change, &QuorumRule::Majority).unwrap().left();
    let good = Snapshot {
        last: EntryId { term: Term(2), index: Index::MAX },
        membership,
        len: 0,
        digest: 0,
        hollow: false,
    };
    let refused = |snapshot: Snapshot, adjust: fn(&mut Config)| {
        let mut config = Config::new(NodeId(3), [1, 2, 3].map(NodeId));
        adjust(&mut config);
        let mut node = Bench::new(NodeId(3), Raft::new(config).unwrap());
        node.start().unwrap();
        let len = snapshot.len;
        let piece = Box::new(Piece { snapshot: snapshot.into(), offset: len, bytes: "".into() });
        node.input(Input::Message(NodeId(1), Message::Piece { term: Term(2), round: 1, piece }));
        node.take().into_iter().find_map(|output| match output {
            Output::Event(Event::Illegal { reason, .. }) => Some(reason),
            _ => None,
        })
    };
    assert_eq!(refused(good.clone(), |_| {}), None);
    let witness = |config: &mut Config| {
        (config.witnesses, config.witness) = (vec![NodeId(3)], true);
    };
    let hollow = Snapshot { hollow: true, last: EntryId { index: Index(5), ..good.last }, ..good.clone() };
    assert_eq!(refused(hollow.clone(), witness), None);
    assert_eq!(refused(Snapshot { len: 1, ..hollow }, witness), Some(Illegal::WitnessOrNot));
    let ruled = Snapshot { membership: ruled.into(), ..good };
    assert_eq!(refused(ruled.clone(), |_| {}), None);
    let old = refused(ruled, |config| config.version_max = 1);
    assert_eq!(old, Some(Illegal::ImpossibleMembership));
}

#[test]
fn a_leader_takes_pieces_from_its_successor_and_not_from_its_equal() {
    let mut cluster = behind(|_| {});
    let last = EntryId { term: Term(1), index: Index(25) };
    let membership = cluster.raft(1).membership().clone();
    let snapshot = Arc::new(Snapshot { last, membership, len: 9, digest: 3, hollow: false });
    let mut piece = |term| {
        let piece = Box::new(Piece { snapshot: snapshot.clone(), offset: 0, bytes: "".into() });
        cluster.deliver_to(2, 1, Message::Piece { term, round: 1, piece });
        let illegal = Event::Illegal { from: NodeId(2), reason: Illegal::SecondLeader };
        (cluster.raft(1).role(), cluster.events.contains(&(NodeId(1), illegal)))
    };
    assert_eq!(piece(Term(1)), (Role::Leader, true));
    assert_eq!(piece(Term(2)).0, Role::Follower);
}

/// The application's state is that of the snapshot: what is asked of it is answered from there.
#[test]
fn what_a_snapshot_covers_was_delivered() {
    let mut node = Bench::new(NodeId(1), Raft::new(Config::new(NodeId(1), [1, 2, 3].map(NodeId))).unwrap());
    node.start().unwrap();
    let last = EntryId { term: Term(1), index: Index(5) };
    let membership = node.protocol.membership().clone();
    let snapshot = Arc::new(Snapshot { last, membership, len: 9, digest: 3, hollow: false });
    let piece = Box::new(Piece { snapshot: snapshot.clone(), offset: 0, bytes: "".into() });
    node.input(Input::Message(NodeId(2), Message::Piece { term: Term(1), round: 1, piece }));
    node.input(Input::Done(Done::Write { snapshot: snapshot.clone(), stored: Some(9) }));
    let mode = ReadMode::Stale { age_max: None, index_min: Index(5) };
    node.input(Input::Command(Command::Read { token: 7, mode }));
    assert_eq!(node.protocol.status().delivered, Index(0));
    node.input(Input::Done(Done::Install { snapshot, installed: true }));
    assert_eq!((node.protocol.status().delivered, node.protocol.status().reads), (Index(5), 0));
}

/// It is asked where its log ends, and the answer would be what is compacted: what comes before everything is asked in its place, which
/// cannot fail, so the snapshot is begun at once.
#[test]
fn whoever_is_probed_below_the_log_gets_a_snapshot_and_nobody_else_does() {
    let mut cluster = Cluster::new(3);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.isolate(3);
    cluster.propose(1, "a");
    cluster.stabilize();
    heartbeat(&mut cluster, 1);
    heartbeat(&mut cluster, 1);
    for payload in ["b", "c", "d"] {
        cluster.propose(1, payload);
        cluster.stabilize();
    }
    assert_eq!(pace(&cluster, 1, 3), Pace::Probe { paused: true });
    cluster.compact(1, 5);
    cluster.idle.insert(NodeId(1));
    heartbeat(&mut cluster, 1);
    assert_eq!(pace(&cluster, 1, 3), Pace::Snapshot);
    // One that has nothing, and a log that holds everything.
    let mut cluster = Cluster::new(1);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.start(Config::joining(NodeId(2)));
    cluster.change(1, Step::AddLearner(NodeId(2)));
    let next = cluster.raft(1).status().peers[0].next;
    let hint = EntryId::ZERO;
    cluster.deliver_to(2, 1, Message::Rejected { term: Term(1), prev: next.prev(), hint, round: 2 });
    assert_eq!(cluster.raft(1).status().peers[0].next, Index(1));
    cluster.net.clear();
    heartbeat(&mut cluster, 1);
    assert_eq!(pace(&cluster, 1, 2), Pace::Probe { paused: true });
    assert_eq!(cluster.jobs, []);
}
