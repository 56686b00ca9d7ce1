//! Whether what an operator is told is so.

use crate::cluster::Cluster;
use std::time::Duration;
use synod_core::host::{Log as _, Moment, Tail};
use synod_core::{Context, Effect, Input, Lsn, NodeId, Protocol as _, SplitMix64, Time};
use synod_raft::{
    Command, EntryId, Index, LeaseStatus, Pace, PeerStatus, Raft, ReadMode, Role, Standing, Status, Term,
    Timer, TransferCause,
};

const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);
const THREE: NodeId = NodeId(3);

fn status(cluster: &Cluster, id: u64) -> Status {
    cluster.raft(id).status()
}

fn peer(cluster: &Cluster, id: NodeId) -> PeerStatus {
    *status(cluster, 1).peers.iter().find(|peer| peer.id == id).unwrap()
}

fn entry(term: u64, index: u64) -> EntryId {
    EntryId { term: Term(term), index: Index(index) }
}

/// So many microseconds pass everywhere: too few for any timer.
fn pass(cluster: &mut Cluster, micros: u64) {
    for node in cluster.nodes.values_mut() {
        node.advance(Duration::from_micros(micros));
    }
}

fn led(adjust: impl Fn(&mut synod_raft::Config)) -> Cluster {
    let mut cluster = Cluster::with(3, adjust);
    cluster.campaign(1);
    cluster.stabilize();
    cluster
}

#[test]
fn a_node_that_has_never_run_knows_nothing() {
    let status = status(&Cluster::new(3), 2);
    assert_eq!((status.id, status.term, status.voted_for), (TWO, Term(0), None));
    assert_eq!((status.role, status.leader), (Role::Follower, None));
    assert_eq!((status.commit, status.delivered, status.verified), (Index(0), Index(0), Index(0)));
    assert_eq!((status.last, status.base, status.snapshot), (EntryId::ZERO, EntryId::ZERO, EntryId::ZERO));
    assert_eq!((status.first_index, status.log_bytes, status.uncommitted_bytes), (Index(1), 0, 0));
    assert_eq!((status.lease, status.reads, status.transfer), (LeaseStatus::default(), 0, None));
    assert_eq!((status.resigned, status.halted, status.mending), (false, false, None));
    assert_eq!((status.membership_index, status.membership_committed), (Index(0), true));
    assert_eq!((status.membership.voters(), status.peers.len()), (&[ONE, TWO, THREE][..], 0));
    assert_eq!(status.snapshot_in, None);
}

#[test]
fn terms_votes_and_logs_are_those_of_the_node() {
    let mut cluster = led(|_| {});
    cluster.propose(1, "0123456789");
    cluster.stabilize();
    let (leader, follower) = (status(&cluster, 1), status(&cluster, 2));
    for status in [&leader, &follower] {
        assert_eq!((status.term, status.voted_for, status.leader), (Term(1), Some(ONE), Some(ONE)));
        assert_eq!((status.commit, status.delivered, status.last), (Index(2), Index(2), entry(1, 2)));
        // A header for the no-op, and one for the payload.
        assert_eq!((status.verified, status.log_bytes), (Index(2), 4 + 4 + 10));
        assert_eq!(status.uncommitted_bytes, 0);
    }
    assert_eq!((leader.role, follower.role), (Role::Leader, Role::Follower));
    // Another leader has compared nothing yet.
    cluster.campaign(3);
    cluster.stabilize();
    cluster.isolate(2);
    cluster.time_out(2);
    assert_eq!((status(&cluster, 2).role, status(&cluster, 2).leader), (Role::PreCandidate, None));
    assert_eq!(status(&cluster, 1).voted_for, status(&cluster, 3).voted_for);
}

#[test]
fn a_leader_tells_how_far_each_peer_is() {
    let mut cluster = led(|config| config.check_quorum = false);
    let caught_up = peer(&cluster, TWO);
    assert_eq!((caught_up.standing, caught_up.pace), (Standing::Voter, Pace::Replicate));
    assert_eq!((caught_up.matched, caught_up.next), (Index(1), Index(2)));
    assert_eq!((caught_up.in_flight, caught_up.in_flight_entries, caught_up.in_flight_bytes), (0, 0, 0));
    // Two batches, of one and of two entries, are on their way.
    cluster.propose(1, "a");
    cluster.propose_burst(1, &["bb", "ccc"]);
    let busy = peer(&cluster, TWO);
    assert_eq!((busy.matched, busy.next), (Index(1), Index(5)));
    assert_eq!((busy.in_flight, busy.in_flight_entries, busy.in_flight_bytes), (2, 3, 3 * 4 + 6));
    assert_eq!((status(&cluster, 1).uncommitted_bytes, status(&cluster, 1).commit), (3 * 4 + 6, Index(1)));
    // They are lost: the heartbeat after the next asks, and sends nothing more.
    cluster.net.clear();
    cluster.fire(ONE, Timer::Heartbeat);
    cluster.fire(ONE, Timer::Heartbeat);
    let asked = peer(&cluster, TWO);
    assert_eq!((asked.pace, asked.in_flight, asked.in_flight_entries), (Pace::Probe { paused: true }, 0, 0));
    cluster.stabilize();
    assert_eq!((peer(&cluster, THREE).matched, status(&cluster, 1).uncommitted_bytes), (Index(4), 0));
    // What is acknowledged is on its way no more.
    cluster.propose(1, "dddd");
    assert_eq!((peer(&cluster, TWO).in_flight, peer(&cluster, TWO).in_flight_bytes), (1, 8));
    cluster.stabilize();
    assert_eq!((peer(&cluster, TWO).in_flight, peer(&cluster, TWO).in_flight_bytes), (0, 0));
}

#[test]
fn a_burst_under_way_is_counted_before_it_is_sealed() {
    let mut cluster = led(|_| {});
    let propose = Command::Propose { token: 0, payload: "0123456789".into() };
    // By hand, since benches flush after every burst.
    let node = cluster.nodes.get_mut(&ONE).unwrap();
    let moment = Moment { me: ONE, now: node.now(), wall: None, durable: node.log.durable() };
    let mut tail = Tail { end: node.log.end(), promised: Lsn::ZERO };
    let (mut entropy, mut effects) = (SplitMix64::new(1), Vec::<Effect<Raft>>::new());
    let mut context = Context::new(moment, &mut tail, &mut entropy, &mut effects);
    node.protocol.step(Input::Command(propose), &mut context);
    assert_eq!(status(&cluster, 1).uncommitted_bytes, 14);
    assert_eq!(status(&cluster, 1).last, entry(1, 1));
}

#[test]
fn whether_a_peer_was_heard_is_asked_once_for_each_check() {
    let mut cluster = led(|_| {});
    assert!(peer(&cluster, THREE).heard);
    cluster.isolate(3);
    cluster.fire(ONE, Timer::CheckQuorum);
    assert!(!peer(&cluster, TWO).heard && !peer(&cluster, THREE).heard);
    cluster.fire(ONE, Timer::Heartbeat);
    cluster.stabilize();
    assert!(peer(&cluster, TWO).heard && !peer(&cluster, THREE).heard);
}

#[test]
fn leases_last_as_long_as_it_is_said() {
    let mut cluster = led(|config| {
        config.leases = true;
        config.clock_drift_ppm_max = 100_000;
    });
    assert_eq!(status(&cluster, 1).lease.until, None, "no round was echoed");
    pass(&mut cluster, 1_000);
    cluster.fire(ONE, Timer::Heartbeat);
    pass(&mut cluster, 500);
    cluster.stabilize();
    let timeout = cluster.configs[&ONE].election_timeout_min;
    // Counted from the question, and shorter by what both clocks may be off: 9/11 of the timeout.
    let until = status(&cluster, 1).lease.until.unwrap();
    assert_eq!(until, Time::ZERO + Duration::from_micros(1_000) + timeout * 9 / 11);
    // The follower counts from its answer.
    let promised = Time::ZERO + Duration::from_micros(1_500) + timeout;
    assert_eq!(status(&cluster, 2).lease.promised_until, Some(promised));
    assert_eq!(status(&cluster, 2).lease.until, None);
    // A transfer ends it.
    cluster.transfer(1, 2);
    assert_eq!(status(&cluster, 1).lease.until, None);
}

#[test]
fn a_guard_is_the_age_of_the_log() {
    let span = Duration::from_millis(500);
    let mut cluster = led(|config| config.lease_guard = Some(span));
    // A predecessor may have served reads until then, on a clock that is slow by as much as is allowed for.
    let held = status(&cluster, 1).lease;
    assert_eq!((held.guard_until, status(&cluster, 1).commit), (None, Index(0)));
    let drift = cluster.configs[&ONE].clock_drift_ppm_max;
    let stretched = (span.as_nanos() * u128::from(1_000_000 + drift)).div_ceil(u128::from(1_000_000 - drift));
    let until = Time::ZERO + Duration::from_nanos(stretched as u64);
    assert_eq!(held.commits_held_until, Some(until));
    cluster.run(Duration::from_millis(600));
    assert_eq!((status(&cluster, 1).role, status(&cluster, 1).commit), (Role::Leader, Index(1)));
    // The no-op came at the beginning.
    assert_eq!(status(&cluster, 1).lease.guard_until, Some(Time::ZERO + span));
    let now = cluster.nodes[&ONE].now();
    cluster.propose(1, "a");
    cluster.stabilize();
    assert_eq!(status(&cluster, 1).lease.guard_until, Some(now + span));
}

#[test]
fn reads_are_counted_until_they_are_answered() {
    let mut cluster = led(|_| {});
    cluster.read(1, 1, ReadMode::Index);
    cluster.read(2, 2, ReadMode::Index);
    assert_eq!((status(&cluster, 1).reads, status(&cluster, 2).reads), (1, 1));
    cluster.stabilize();
    assert_eq!((status(&cluster, 1).reads, status(&cluster, 2).reads), (0, 0));
    assert_eq!((cluster.ready(1), cluster.ready(2)), (vec![(1, 1)], vec![(2, 1)]));
    // One that waits for what is not committed yet is counted too.
    cluster.read(2, 3, ReadMode::Stale { age_max: None, index_min: Index(2) });
    assert_eq!(status(&cluster, 2).reads, 1);
}

#[test]
fn a_transfer_is_told_with_its_cause() {
    let mut cluster = led(|_| {});
    cluster.propose(1, "a");
    cluster.transfer(1, 3);
    let transfer = status(&cluster, 1).transfer.unwrap();
    assert_eq!((transfer.to, transfer.cause, transfer.told), (THREE, TransferCause::Command, false));
    cluster.stabilize();
    assert_eq!((status(&cluster, 1).transfer, status(&cluster, 3).role), (None, Role::Leader));
    cluster.input(THREE, Input::Command(Command::Resign));
    assert!(status(&cluster, 3).resigned);
    assert_eq!(status(&cluster, 3).transfer.unwrap().cause, TransferCause::Resignation);
}

#[test]
fn compaction_moves_the_front_of_the_log() {
    let mut cluster = led(|config| config.trailing_entries = 1);
    for payload in ["a", "b", "c"] {
        cluster.propose(1, payload);
        cluster.stabilize();
    }
    cluster.compact(1, 3);
    let status = status(&cluster, 1);
    assert_eq!((status.snapshot, status.base, status.first_index), (entry(1, 3), entry(1, 2), Index(3)));
    assert_eq!(status.log_bytes, 2 * 5);
}

#[test]
fn a_damaged_node_says_what_it_lacks() {
    let mut cluster = led(|_| {});
    cluster.propose(1, "a");
    cluster.stabilize();
    cluster.isolate(3);
    // The last record of all: nobody knows what was in it.
    let node = cluster.nodes.get_mut(&THREE).unwrap();
    assert!(node.log.rot(node.log.durable()));
    cluster.restart(3);
    let status = status(&cluster, 3);
    let mending = status.mending.unwrap();
    assert!(mending.tail && mending.vote && !status.halted);
    assert_eq!((mending.missing, mending.stretches), (None, 0));
    cluster.connect(3);
    cluster.fire(ONE, Timer::Heartbeat);
    cluster.stabilize();
    cluster.fire(ONE, Timer::Heartbeat);
    cluster.stabilize();
    assert_eq!(self::status(&cluster, 3).mending, None);
}
