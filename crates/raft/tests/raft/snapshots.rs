//! Whoever needs entries that were compacted gets a snapshot, in pieces, whatever comes in between.

use crate::cluster::{Cluster, Envelope};
use std::time::Duration;
use synod_core::testing::Output;
use synod_core::{Input, Link, NodeId, Protocol};
use synod_raft::{
    Command, Config, Done, EntryId, Event, Found, Illegal, Index, Job, Message, Pace, Piece, Raft, Role,
    Snapshot, SnapshotRefusal, Step, Term,
};

/// Three nodes of which the third has missed everything, and its leader's log begins after what it needs.
pub(crate) fn behind(adjust: impl Fn(&mut Config)) -> Cluster {
    let mut cluster = Cluster::with(3, |config| {
        config.snapshot_piece_bytes = 50;
        adjust(config);
    });
    cluster.campaign(1);
    cluster.stabilize();
    cluster.isolate(3);
    for at in 0..20 {
        cluster.propose(1, &format!("value {at}"));
        cluster.stabilize();
    }
    cluster.compact(1, 15);
    cluster.stabilize();
    // The leader gives up waiting for answers.
    heartbeat(&mut cluster, 1);
    cluster.stabilize();
    cluster
}

pub(crate) fn heartbeat(cluster: &mut Cluster, id: u64) {
    cluster.fire(NodeId(id), synod_raft::Timer::Heartbeat);
}

/// As many heartbeats as it takes to ask again.
fn heartbeats(cluster: &mut Cluster, id: u64) {
    for _ in 0..5 {
        heartbeat(cluster, id);
        cluster.stabilize();
    }
}

fn same_everywhere(cluster: &Cluster) {
    let everything = cluster.payloads(1);
    assert!(!everything.is_empty());
    for id in cluster.nodes.keys() {
        assert_eq!(cluster.payloads(id.0), everything, "{id}");
    }
}

pub(crate) fn pace(cluster: &Cluster, leader: u64, peer: u64) -> Pace {
    let peers = cluster.raft(leader).status().peers;
    peers.iter().find(|other| other.id == NodeId(peer)).unwrap().pace
}

pub(crate) fn piece(envelope: &Envelope) -> Option<&Piece> {
    match &envelope.message {
        Message::Piece { piece, .. } => Some(piece),
        _ => None,
    }
}

/// Delivers until something on the way is wanted.
pub(crate) fn deliver_until(cluster: &mut Cluster, wanted: impl Fn(&Envelope) -> bool) {
    for _ in 0..1_000 {
        cluster.sync_fast();
        if cluster.net.iter().any(&wanted) {
            return;
        }
        assert!(!cluster.net.is_empty(), "it never comes");
        cluster.deliver(0);
    }
    panic!("it never comes");
}

#[test]
fn a_follower_that_needs_what_was_compacted_gets_a_snapshot() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    heartbeats(&mut cluster, 1);
    same_everywhere(&cluster);
    assert_eq!(pace(&cluster, 1, 3), Pace::Replicate);
    let third = cluster.raft(3);
    assert_eq!(third.snapshot(), EntryId { term: Term(1), index: Index(15) });
    assert_eq!((third.log().base().index, third.last_index()), (Index(15), Index(21)));
    assert!(cluster.hosts[&NodeId(3)].pieces.1 > 5, "it came in pieces");
    let installed =
        |(node, event): &(NodeId, Event)| *node == NodeId(3) && matches!(event, Event::Installed { .. });
    assert_eq!(cluster.events.iter().filter(|event| installed(event)).count(), 1);
    // And it is what the disk holds.
    cluster.restart(3);
    heartbeats(&mut cluster, 1);
    same_everywhere(&cluster);
}

#[test]
fn no_more_pieces_are_on_their_way_than_the_window_allows() {
    let mut cluster = behind(|config| config.snapshot_pieces_max = 3);
    cluster.connect(3);
    heartbeat(&mut cluster, 1);
    let mut most = 0;
    for _ in 0..500 {
        cluster.sync_fast();
        let pieces = cluster.net.iter().filter_map(piece);
        assert!(pieces.clone().all(|piece| piece.bytes.len() <= 50));
        most = most.max(pieces.filter(|piece| !piece.bytes.is_empty()).count());
        if !cluster.net.is_empty() {
            cluster.deliver(0);
        }
    }
    assert_eq!(most, 3);
    same_everywhere(&cluster);
}

#[test]
fn pieces_travel_in_bulk_and_offers_do_not_wait_behind_them() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    heartbeat(&mut cluster, 1);
    for bytes in [false, true] {
        deliver_until(&mut cluster, |envelope| {
            piece(envelope).is_some_and(|piece| piece.bytes.is_empty() != bytes)
        });
        let sent = cluster.net.iter().find(|envelope| piece(envelope).is_some()).unwrap();
        let lane = if bytes { synod_core::Lane::Bulk } else { synod_core::Lane::Control };
        assert_eq!(Raft::lane(&sent.message), lane);
    }
}

#[test]
fn a_snapshot_that_breaks_off_goes_on_where_it_broke_off() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    heartbeat(&mut cluster, 1);
    deliver_until(&mut cluster, |envelope| piece(envelope).is_some_and(|piece| piece.offset >= 200));
    // The link breaks, and everything on it is lost; after a while it is there again.
    cluster.net.clear();
    let stored = cluster.raft(3).status().snapshot_in.unwrap().stored;
    assert!(stored >= 100, "{stored}");
    heartbeats(&mut cluster, 1);
    same_everywhere(&cluster);
    // What was stored was not sent again: of the lost ones there were at most four.
    let host = &cluster.hosts[&NodeId(3)];
    let len = cluster.hosts[&NodeId(1)].pieces.0;
    assert!(len <= host.pieces.1 + 4, "{len} pieces were read, and {} stored", host.pieces.1);
}

#[test]
fn a_receiver_that_dies_in_the_middle_goes_on_with_what_its_host_has_kept() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    heartbeat(&mut cluster, 1);
    deliver_until(&mut cluster, |envelope| piece(envelope).is_some_and(|piece| piece.offset >= 200));
    let before = cluster.hosts[&NodeId(3)].pieces.1;
    assert!(before >= 2);
    cluster.restart(3);
    cluster.net.clear();
    heartbeats(&mut cluster, 1);
    heartbeats(&mut cluster, 1);
    same_everywhere(&cluster);
    let len = cluster.hosts[&NodeId(1)].pieces.0;
    assert!(len <= cluster.hosts[&NodeId(3)].pieces.1 + 4, "{len} pieces were read");
}

#[test]
fn another_leader_goes_on_with_the_same_bytes() {
    let mut cluster = behind(|_| {});
    // The second has made its state safe at the same place, and writes it in the same way.
    cluster.compact(2, 15);
    cluster.connect(3);
    heartbeat(&mut cluster, 1);
    deliver_until(&mut cluster, |envelope| piece(envelope).is_some_and(|piece| piece.offset >= 200));
    let before = cluster.hosts[&NodeId(3)].pieces.1;
    cluster.net.clear();
    cluster.transfer(1, 2);
    cluster.stabilize();
    assert_eq!(cluster.leader(), Some(NodeId(2)));
    heartbeats(&mut cluster, 2);
    heartbeats(&mut cluster, 2);
    same_everywhere(&cluster);
    let (first, second) = (cluster.hosts[&NodeId(1)].pieces.0, cluster.hosts[&NodeId(2)].pieces.0);
    assert!(before >= 2 && second < cluster.hosts[&NodeId(3)].pieces.1, "{first} and {second} pieces");
}

#[test]
fn while_there_is_no_snapshot_the_follower_hears_its_leader_all_the_same() {
    let mut cluster = behind(|_| {});
    cluster.hosts.get_mut(&NodeId(1)).unwrap().without_snapshots = true;
    cluster.connect(3);
    cluster.run(Duration::from_secs(2));
    assert_eq!(
        (cluster.leader(), cluster.raft(3).term()),
        (Some(NodeId(1)), Term(1)),
        "nobody has campaigned"
    );
    assert_eq!(cluster.raft(3).leader(), Some(NodeId(1)));
    assert_eq!(cluster.raft(1).role(), Role::Leader);
    cluster.hosts.get_mut(&NodeId(1)).unwrap().without_snapshots = false;
    cluster.run(Duration::from_millis(500));
    same_everywhere(&cluster);
}

#[test]
fn a_log_that_is_compacted_beyond_the_snapshot_on_its_way_needs_another() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    heartbeat(&mut cluster, 1);
    deliver_until(&mut cluster, |envelope| piece(envelope).is_some_and(|piece| piece.offset >= 200));
    cluster.compact(1, 20);
    heartbeats(&mut cluster, 1);
    heartbeats(&mut cluster, 1);
    same_everywhere(&cluster);
    assert_eq!(cluster.raft(3).snapshot().index, Index(20));
}

#[test]
fn a_follower_that_has_come_to_the_snapshot_by_itself_needs_another_if_that_is_not_enough() {
    let mut cluster = Cluster::new(3);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.isolate(3);
    for at in 0..20 {
        cluster.propose(1, &format!("value {at}"));
        cluster.stabilize();
    }
    let delayed: Vec<_> = cluster.raft(1).log().range(Index(1), Index(5)).collect();
    cluster.compact(1, 5);
    cluster.stabilize();
    heartbeat(&mut cluster, 1);
    cluster.stabilize();
    cluster.connect(3);
    heartbeat(&mut cluster, 1);
    deliver_until(&mut cluster, |envelope| piece(envelope).is_some());
    for entries in delayed {
        let prev_term = if entries.first() == Index(1) { Term(0) } else { Term(1) };
        let append = Message::Append { term: Term(1), prev_term, commit: Index(5), round: 1, entries };
        cluster.deliver_to(1, 3, append);
    }
    cluster.compact(1, 15);
    for _ in 0..3 {
        heartbeats(&mut cluster, 1);
    }
    same_everywhere(&cluster);
    assert_eq!(cluster.raft(3).snapshot().index, Index(15));
}

#[test]
fn an_older_snapshot_does_not_take_back_a_newer_state() {
    let mut cluster = Cluster::new(3);
    cluster.campaign(1);
    for at in 0..5 {
        cluster.propose(1, &format!("value {at}"));
    }
    cluster.stabilize();
    heartbeat(&mut cluster, 1);
    cluster.stabilize();
    let before = (cluster.payloads(3), cluster.raft(3).log().last());
    let membership = cluster.raft(1).membership().clone();
    let last = EntryId { term: Term(1), index: Index(3) };
    let snapshot = Snapshot { last, membership, len: 10, digest: 1, hollow: false }.into();
    let piece = Box::new(Piece { snapshot, offset: 0, bytes: "0123456789".into() });
    cluster.deliver_to(1, 3, Message::Piece { term: Term(1), round: 1, piece });
    cluster.stabilize();
    assert_eq!((cluster.payloads(3), cluster.raft(3).log().last()), before);
    assert_eq!(cluster.hosts[&NodeId(3)].pieces, (0, 0), "the host was not troubled");
}

/// A follower with this log in term 2, which the leader of term 3 sends a snapshot of the entry 3/4.
fn received(runs: &[(u64, u64)]) -> Cluster {
    let mut cluster = Cluster::new(3);
    cluster.install(3, runs);
    let membership = cluster.raft(3).membership().clone();
    let last = EntryId { term: Term(2), index: Index(4) };
    let snapshot = Snapshot { last, membership, len: 0, digest: 7, hollow: false }.into();
    let piece = Box::new(Piece { snapshot, offset: 0, bytes: "".into() });
    // What the others have is not of interest here.
    cluster.safety = synod_raft::invariants::Safety::default();
    for id in [1, 2] {
        cluster.install(id, &[(1, 1), (2, 4)]);
        cluster.campaign(id);
        cluster.crash(id);
    }
    cluster.net.clear();
    cluster
        .nodes
        .get_mut(&NodeId(3))
        .unwrap()
        .input(Input::Message(NodeId(1), Message::Piece { term: Term(3), round: 1, piece }));
    cluster
}

#[test]
fn entries_that_follow_the_snapshot_are_kept() {
    let mut cluster = received(&[(1, 1), (2, 5)]);
    let node = cluster.nodes.get_mut(&NodeId(3)).unwrap();
    let snapshot = node.take().into_iter().find_map(|output| match output {
        Output::Job(Job::Begin(snapshot)) => Some(snapshot),
        _ => None,
    });
    let snapshot = snapshot.unwrap();
    node.input(Input::Done(Done::Write { snapshot: snapshot.clone(), stored: Some(0) }));
    node.input(Input::Done(Done::Install { snapshot, installed: true }));
    let raft = &node.protocol;
    assert_eq!(
        (raft.snapshot().index, raft.last_index(), raft.commit_index()),
        (Index(4), Index(6), Index(4))
    );
}

#[test]
fn entries_that_differ_from_the_snapshot_go() {
    let mut cluster = received(&[(1, 6)]);
    let node = cluster.nodes.get_mut(&NodeId(3)).unwrap();
    let snapshot = node.take().into_iter().find_map(|output| match output {
        Output::Job(Job::Begin(snapshot)) => Some(snapshot),
        _ => None,
    });
    let snapshot = snapshot.unwrap();
    node.input(Input::Done(Done::Write { snapshot: snapshot.clone(), stored: Some(0) }));
    node.input(Input::Done(Done::Install { snapshot, installed: true }));
    let raft = &node.protocol;
    assert_eq!(
        (raft.log().last(), raft.commit_index()),
        (EntryId { term: Term(2), index: Index(4) }, Index(4))
    );
    // The acknowledgement waits for the record that says so.
    let acked = |outputs: Vec<Output<Raft>>| {
        outputs.iter().any(|output| {
            matches!(output, Output::Send { message: Message::Appended { matched: Index(4), .. }, .. })
        })
    };
    assert!(!acked(node.take()));
    node.sync().unwrap();
    assert!(acked(node.take()));
}

#[test]
fn a_snapshot_that_the_host_cannot_use_is_fetched_again() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    cluster.idle.insert(NodeId(3));
    heartbeat(&mut cluster, 1);
    cluster.stabilize();
    let (_, begin) = cluster.jobs.pop().unwrap();
    let Job::Begin(snapshot) = begin else { panic!("{begin:?}") };
    for done in [
        Done::Write { snapshot: snapshot.clone(), stored: Some(snapshot.len) },
        Done::Install { snapshot: snapshot.clone(), installed: false },
    ] {
        cluster.input(NodeId(3), Input::Done(done));
    }
    cluster.jobs.clear();
    assert_eq!(cluster.committed(3), 1);
    cluster.idle.clear();
    heartbeats(&mut cluster, 1);
    same_everywhere(&cluster);
}

#[test]
fn a_host_that_cannot_read_its_snapshot_any_more_is_asked_for_another() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    cluster.idle.insert(NodeId(1));
    heartbeat(&mut cluster, 1);
    cluster.stabilize();
    let len = 700;
    let found = Some(Found { last: Index(15), len, digest: 3 });
    cluster.jobs.clear();
    cluster.input(NodeId(1), Input::Done(Done::Open { to: NodeId(3), found }));
    cluster.stabilize();
    assert_eq!(cluster.raft(1).status().peers[1].snapshot.unwrap().len, len);
    assert!(cluster.jobs.contains(&(NodeId(1), Job::Read { to: NodeId(3), offset: 0, len: 50 })));
    let gone = Done::Read { to: NodeId(3), offset: 0, bytes: "".into() };
    cluster.input(NodeId(1), Input::Done(gone));
    assert!(cluster.jobs.contains(&(NodeId(1), Job::Close { to: NodeId(3) })));
    cluster.jobs.clear();
    cluster.idle.clear();
    heartbeats(&mut cluster, 1);
    same_everywhere(&cluster);
}

#[test]
fn a_snapshot_that_is_newer_than_what_the_leader_knows_to_be_committed_ends_the_wait_for_each_other() {
    let mut cluster = behind(|config| config.check_quorum = false);
    // The state is safe, and the leader's log does not know that when it dies.
    cluster.hosts.get_mut(&NodeId(1)).unwrap().save(Index(20));
    cluster.crash(1);
    cluster.crash(2);
    cluster.connect(3);
    cluster.restart(1);
    assert_eq!(cluster.raft(1).status().commit, Index(15));
    cluster.run(Duration::from_secs(2));
    assert_eq!(cluster.leader(), Some(NodeId(1)), "the only one that has everything");
    assert!(cluster.raft(1).status().commit > Index(20));
    assert_eq!(cluster.raft(3).status().base.index, Index(20), "it had to have a snapshot");
    assert_eq!(cluster.payloads(3), cluster.payloads(1));
}

#[test]
fn what_a_host_offers_must_be_committed_and_known() {
    for last in [0, 14, 22, u64::MAX] {
        let mut cluster = behind(|_| {});
        cluster.connect(3);
        cluster.idle.insert(NodeId(1));
        heartbeat(&mut cluster, 1);
        cluster.stabilize();
        let found = Some(Found { last: Index(last), len: 5, digest: 3 });
        cluster.jobs.clear();
        cluster.input(NodeId(1), Input::Done(Done::Open { to: NodeId(3), found }));
        assert_eq!(cluster.jobs, [(NodeId(1), Job::Close { to: NodeId(3) })], "{last}");
    }
}

#[test]
fn a_witness_gets_a_snapshot_without_bytes() {
    let mut cluster = behind(|config| config.witnesses = vec![NodeId(3)]);
    cluster.connect(3);
    heartbeats(&mut cluster, 1);
    assert_eq!(cluster.raft(3).snapshot().index, Index(15));
    assert_eq!(cluster.committed(3), 21);
    assert_eq!((cluster.hosts[&NodeId(1)].pieces, cluster.hosts[&NodeId(3)].pieces), ((0, 0), (0, 0)));
    cluster.restart(3);
    assert_eq!(cluster.raft(3).last_index(), Index(21));
}

#[test]
fn a_node_that_joins_a_compacted_cluster_learns_the_membership_with_the_snapshot() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    heartbeats(&mut cluster, 1);
    cluster.start(Config::joining(NodeId(4)));
    cluster.change(1, Step::AddVoter(NodeId(4)));
    cluster.stabilize();
    heartbeats(&mut cluster, 1);
    same_everywhere(&cluster);
    let voters = [1, 2, 3, 4].map(NodeId);
    assert_eq!(cluster.raft(4).membership().voters(), voters);
    // Everything is compacted away, the membership with it, and nobody forgets it.
    for id in 1..=4 {
        let commit = cluster.committed(id);
        cluster.compact(id, commit);
    }
    cluster.stabilize();
    for id in 1..=4 {
        cluster.restart(id);
        assert_eq!(cluster.raft(id).membership().voters(), voters, "{id}");
    }
}

#[test]
fn a_snapshot_carries_the_membership_of_its_moment_and_not_a_later_one() {
    let mut cluster = behind(|_| {});
    // A change that is not committed and will be undone must not come along.
    cluster.isolate(1);
    cluster.change(1, Step::AddLearner(NodeId(9)));
    cluster.connect(3);
    cluster.disconnect(1, 2);
    heartbeat(&mut cluster, 1);
    deliver_until(&mut cluster, |envelope| piece(envelope).is_some());
    let sent = cluster.net.iter().find_map(piece).unwrap();
    assert!(sent.snapshot.membership.learners().is_empty());
    assert_eq!(cluster.raft(1).membership().learners(), [NodeId(9)]);
}

#[test]
fn an_application_that_has_lost_its_state_gets_it_again() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    heartbeats(&mut cluster, 1);
    same_everywhere(&cluster);
    // Its log is whole, its state is gone.
    cluster.lose(3);
    cluster.stabilize();
    assert!(cluster.payloads(3).is_empty(), "there is none that covers what was committed there");
    // It says nothing about its state while it has none.
    cluster.compact(3, 21);
    assert_eq!(cluster.raft(3).snapshot().index, Index(15));
    cluster.propose(1, "later");
    cluster.stabilize();
    assert_eq!(cluster.committed(3), 22, "the log goes on meanwhile");
    cluster.compact(1, 21);
    heartbeats(&mut cluster, 1);
    same_everywhere(&cluster);
    assert_eq!(pace(&cluster, 1, 3), Pace::Replicate);
    cluster.propose(1, "after");
    cluster.stabilize();
    same_everywhere(&cluster);
}

/// A host that asks, is restarted, and asks again: by then more is known there to be committed, and what was begun would not be taken.
#[test]
fn a_demand_for_more_than_is_on_its_way_begins_another_snapshot() {
    let mut cluster = behind(|_| {});
    let (leader, to) = (NodeId(1), NodeId(2));
    cluster.idle.insert(leader);
    cluster.jobs.clear();
    let demand = |index| Message::Demand { term: Term(1), index_min: Index(index) };
    cluster.deliver_to(2, 1, demand(10));
    assert_eq!(cluster.jobs, [(leader, Job::Open { to, index_min: Index(15) })]);
    let found = Some(Found { last: Index(15), len: 5, digest: 3 });
    cluster.input(leader, Input::Done(Done::Open { to, found }));
    cluster.jobs.clear();
    cluster.deliver_to(2, 1, demand(15));
    assert!(cluster.jobs.is_empty(), "it is on its way");
    cluster.deliver_to(2, 1, demand(21));
    let again = [Job::Close { to }, Job::Open { to, index_min: Index(21) }];
    assert_eq!(cluster.jobs, again.map(|job| (leader, job)));
}

#[test]
fn who_leads_or_is_a_witness_is_refused_a_snapshot() {
    let mut cluster = behind(|config| config.witnesses = vec![NodeId(3)]);
    for (id, reason) in [(1, SnapshotRefusal::Leader), (3, SnapshotRefusal::Witness)] {
        cluster.input(NodeId(id), Input::Command(Command::DemandSnapshot));
        assert!(cluster.events.contains(&(NodeId(id), Event::SnapshotRefused(reason))));
    }
    // And a node that begins to lead while it waits.
    cluster.input(NodeId(2), Input::Command(Command::DemandSnapshot));
    cluster.intercept(1);
    cluster.connect(3);
    cluster.transfer(1, 2);
    cluster.stabilize();
    assert_eq!(cluster.leader(), Some(NodeId(2)));
    assert!(cluster.events.contains(&(NodeId(2), Event::SnapshotRefused(SnapshotRefusal::Leader))));
}

#[test]
fn a_leader_that_steps_down_gives_its_snapshots_back() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    cluster.idle.insert(NodeId(1));
    heartbeat(&mut cluster, 1);
    cluster.stabilize();
    cluster.jobs.clear();
    cluster.deliver_to(2, 1, Message::Heard { term: Term(5), round: 0 });
    assert_eq!(cluster.jobs, [(NodeId(1), Job::Close { to: NodeId(3) })]);
    // What the host says now is of no use, and it is told so.
    let found = Some(Found { last: Index(15), len: 5, digest: 3 });
    cluster.input(NodeId(1), Input::Done(Done::Open { to: NodeId(3), found }));
    assert_eq!(cluster.jobs.last(), Some(&(NodeId(1), Job::Close { to: NodeId(3) })));
}

#[test]
fn a_broken_link_does_not_end_a_snapshot() {
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    heartbeat(&mut cluster, 1);
    deliver_until(&mut cluster, |envelope| piece(envelope).is_some());
    for link in [Link::Down, Link::Congested, Link::Up { version: 1 }] {
        cluster.link(1, 3, link);
        assert_eq!(pace(&cluster, 1, 3), Pace::Snapshot);
    }
    heartbeats(&mut cluster, 1);
    same_everywhere(&cluster);
}

#[test]
fn impossible_pieces_are_refused() {
    let cluster = Cluster::new(3);
    let membership = cluster.raft(1).membership().clone();
    let good = |last: (u64, u64), len: u64| Snapshot {
        last: EntryId { term: Term(last.0), index: Index(last.1) },
        membership: membership.clone(),
        len,
        digest: 0,
        hollow: false,
    };
    let hollow = Snapshot { hollow: true, ..good((1, 5), 0) };
    for (snapshot, offset, bytes, reason) in [
        (good((9, 5), 9), 0, "x", Illegal::ImpossibleTerm),
        (good((0, 5), 9), 0, "x", Illegal::ImpossibleTerm),
        (good((1, 0), 9), 0, "x", Illegal::ImpossibleIndex),
        (good((1, u64::MAX), 9), 0, "x", Illegal::ImpossibleIndex),
        (good((1, 5), 3), 1, "xyz", Illegal::ImpossibleOffset),
        (good((1, 5), 3), u64::MAX, "xyz", Illegal::ImpossibleOffset),
        (hollow, 0, "", Illegal::WitnessOrNot),
    ] {
        let mut cluster = Cluster::new(3);
        let piece = Box::new(Piece { snapshot: snapshot.into(), offset, bytes: bytes.into() });
        cluster.deliver_to(1, 3, Message::Piece { term: Term(2), round: 1, piece });
        assert_eq!(cluster.events.last(), Some(&(NodeId(3), Event::Illegal { from: NodeId(1), reason })));
        assert_eq!(cluster.raft(3).term(), Term(0));
    }
    // More than there is.
    let mut cluster = behind(|_| {});
    cluster.connect(3);
    heartbeat(&mut cluster, 1);
    deliver_until(&mut cluster, |envelope| piece(envelope).is_some());
    cluster.deliver_to(3, 1, Message::Stored { term: Term(1), round: 1, digest: 15, stored: 1 << 40 });
    let illegal = Event::Illegal { from: NodeId(3), reason: Illegal::ImpossibleOffset };
    assert_eq!(cluster.events.last(), Some(&(NodeId(1), illegal)));
}
