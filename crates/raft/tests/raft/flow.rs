//! What is on its way, what waits and what is gathered is bounded, in entries and in bytes.

use crate::cluster::Cluster;
use synod_core::NodeId;
use synod_raft::{Event, Index, Message, Refusal, Term};

fn appends(cluster: &Cluster, to: u64) -> (usize, usize) {
    let mine = cluster.net.iter().filter(|letter| letter.to == NodeId(to));
    mine.fold((0, 0), |(count, bytes), letter| match &letter.message {
        Message::Append { entries, .. } if !entries.is_empty() => (count + 1, bytes + entries.arena().len()),
        _ => (count, bytes),
    })
}

#[test]
fn so_many_bytes_are_on_their_way_and_a_batch_more() {
    let mut cluster = Cluster::with(3, |config| {
        config.in_flight_bytes_max = 100;
        config.batch_bytes_max = 40;
    });
    cluster.campaign(1);
    cluster.stabilize();
    for _ in 0..20 {
        cluster.propose(1, "0123456789012345678901234567");
    }
    // 32 bytes each, with its header: the fourth goes beyond the limit.
    assert_eq!(appends(&cluster, 2), (4, 128));
    cluster.stabilize();
    assert_eq!(cluster.committed(2), 21);
}

#[test]
fn a_single_payload_beyond_the_limit_goes_alone() {
    let mut cluster = Cluster::with(3, |config| {
        config.in_flight_bytes_max = 10;
        config.batch_bytes_max = 10;
        config.uncommitted_bytes_max = 10;
    });
    cluster.campaign(1);
    cluster.stabilize();
    cluster.propose(1, "a payload that is longer than any limit");
    assert_eq!(appends(&cluster, 2).0, 1);
    cluster.stabilize();
    assert_eq!(cluster.committed(3), 2);
}

/// A limit of nothing is one batch at a time, not none.
#[test]
fn whatever_the_limit_one_batch_is_on_its_way() {
    let mut cluster = Cluster::with(3, |config| config.in_flight_bytes_max = 0);
    cluster.campaign(1);
    cluster.stabilize();
    for payload in ["a", "b", "c"] {
        cluster.propose(1, payload);
    }
    assert_eq!(appends(&cluster, 2).0, 1);
    cluster.stabilize();
    assert_eq!(cluster.payloads(2), ["a", "b", "c"]);
}

/// A follower may store a batch in pieces, and tell of each.
#[test]
fn what_waits_of_a_burst_is_counted_when_a_part_of_it_is_committed() {
    let mut cluster = Cluster::new(3);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.propose_burst(1, &["a", "bb", "ccc", "dddd"]);
    cluster.propose(1, "eeeee");
    // It hears of its own disk alone.
    for other in [2, 3] {
        cluster.disconnect(1, other);
    }
    cluster.stabilize();
    let mut uncommitted = vec![cluster.raft(1).status().uncommitted_bytes];
    for matched in [3, 5, 6] {
        let matched = Index(matched);
        cluster.deliver_to(2, 1, Message::Appended { term: Term(1), matched, round: 1 });
        uncommitted.push(cluster.raft(1).status().uncommitted_bytes);
    }
    // 4 bytes each, and the payloads.
    assert_eq!(uncommitted, [5 * 4 + 15, 3 * 4 + 12, 4 + 5, 0]);
}

#[test]
fn a_leader_without_a_quorum_does_not_gather_without_bound() {
    let mut cluster = Cluster::with(3, |config| {
        config.uncommitted_bytes_max = 100;
        config.check_quorum = false;
    });
    cluster.campaign(1);
    cluster.stabilize();
    cluster.isolate(1);
    for _ in 0..10 {
        cluster.propose(1, "0123456789012345");
    }
    let refused = |cluster: &Cluster| {
        let busy = |event: &&(NodeId, Event)| matches!(event.1, Event::Refused { reason: Refusal::Busy, .. });
        cluster.events.iter().filter(busy).count()
    };
    // 20 bytes each.
    assert_eq!((cluster.raft(1).last_index().0, refused(&cluster)), (1 + 5, 5));
    // A burst is counted before it is sealed.
    cluster.connect(1);
    cluster.fire(NodeId(1), synod_raft::Timer::Heartbeat);
    cluster.fire(NodeId(1), synod_raft::Timer::Heartbeat);
    cluster.stabilize();
    assert_eq!(cluster.committed(1), 6);
    cluster.propose_burst(1, &["0123456789012345"; 8]);
    assert_eq!((cluster.raft(1).last_index().0, refused(&cluster)), (6 + 5, 8));
    // The next leader counts what it has taken over.
    cluster.sync(NodeId(1));
    cluster.isolate(1);
    cluster.net.clear();
    cluster.restart(1);
    cluster.connect(1);
    cluster.campaign(1);
    cluster.stabilize();
    assert_eq!(cluster.committed(1), 12);
    cluster.propose(1, "0123456789012345");
    assert_eq!(cluster.raft(1).last_index().0, 13);
}
