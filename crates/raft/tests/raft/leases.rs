//! Reads that ask nobody, and the promises that they rest on.

use crate::cluster::Cluster;
use std::time::Duration;
use synod_core::{NodeId, Time};
use synod_raft::{ConfigError, EntryId, Event, Index, Message, ReadMode, Role, Term, Timer};

const THREE: NodeId = NodeId(3);
const MS: Duration = Duration::from_millis(1);

/// Node 1 leads three, which have promised it their votes.
fn leased() -> Cluster {
    let mut cluster = Cluster::with(3, |config| config.leases = true);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.fire(NodeId(1), Timer::Heartbeat);
    cluster.stabilize();
    cluster
}

/// Node 1 leads three, and its log is its lease.
fn guarded() -> Cluster {
    let mut cluster = Cluster::with(3, |config| config.lease_guard = Some(MS * 100));
    cluster.run(MS * 110);
    cluster.campaign(1);
    cluster.stabilize();
    cluster
}

fn everybody_else_elects(cluster: &mut Cluster) -> u64 {
    for id in [2, 3] {
        cluster.fire(NodeId(id), Timer::Election);
    }
    cluster.campaign(2);
    cluster.stabilize();
    cluster.campaign(3);
    cluster.stabilize();
    cluster.leader().unwrap().0
}

#[test]
fn while_the_lease_lasts_a_read_asks_nobody() {
    let mut cluster = leased();
    cluster.read(1, 1, ReadMode::Lease);
    assert_eq!(cluster.ready(1), [(1, 1)]);
    assert!(cluster.net.is_empty());
    // A follower asks the leader, and the leader nobody.
    cluster.read(2, 2, ReadMode::Lease);
    assert_eq!(cluster.net.len(), 1);
    cluster.deliver(0);
    cluster.deliver(0);
    assert_eq!(cluster.ready(2), [(2, 1)]);
}

/// The lease is shorter than the promises, by what the clocks may differ, and counts from the question.
#[test]
fn the_lease_ends_before_the_promises_do() {
    let mut cluster = Cluster::with(3, |config| {
        config.leases = true;
        config.clock_drift_ppm_max = 100_000;
        config.heartbeat_interval = MS * 149;
    });
    cluster.campaign(1);
    cluster.stabilize();
    cluster.fire(NodeId(1), Timer::Heartbeat);
    let ask = cluster.intercept(2);
    let promised_at = cluster.nodes[&NodeId(2)].now();
    cluster.intercept(3);
    for _ in 0..20 {
        for id in 1..=3 {
            cluster.nodes.get_mut(&NodeId(id)).unwrap().advance(MS);
        }
    }
    for letter in ask {
        cluster.deliver_to(1, 2, letter.message);
    }
    cluster.stabilize();
    // 150 ms * 0.9 / 1.1 = 122.7 ms after the question.
    let mut last = None;
    for at in 21..150 {
        for id in 1..=3 {
            cluster.nodes.get_mut(&NodeId(id)).unwrap().advance(MS);
        }
        cluster.read(1, at, ReadMode::Lease);
        cluster.intercept(2);
        cluster.intercept(3);
        last = cluster.ready(1).pop().map(|(at, _)| at).or(last);
    }
    assert_eq!((promised_at.0, last), (0, Some(122)));
}

#[test]
fn a_promise_outlives_the_loyalty_that_a_later_term_ends() {
    let mut cluster = leased();
    cluster.isolate(1);
    // Node 2 hears of a later term: it has no leader any more, but its promise stands.
    cluster.deliver_to(3, 2, Message::Heard { term: Term(5), round: 0 });
    cluster.deliver_to(3, 2, Message::Voted { term: Term(5), granted: false });
    let last = EntryId { term: Term(9), index: Index(9) };
    cluster.deliver_to(3, 2, Message::RequestVote { term: Term(6), last, by_transfer: false });
    cluster.deliver_to(3, 2, Message::PreVote { term: Term(9), last });
    cluster.stabilize();
    assert_eq!(cluster.raft(2).voted_for(), None);
    cluster.read(1, 1, ReadMode::Lease);
    assert_eq!(cluster.ready(1).len(), 1);
    cluster.nodes.get_mut(&NodeId(2)).unwrap().advance(MS * 150);
    cluster.deliver_to(3, 2, Message::RequestVote { term: Term(6), last, by_transfer: false });
    assert_eq!(cluster.raft(2).voted_for(), Some(THREE));
}

#[test]
fn nobody_campaigns_against_the_own_promise() {
    let mut cluster = leased();
    cluster.isolate(1);
    cluster.campaign(2);
    assert_eq!(cluster.raft(2).role(), Role::Follower);
    cluster.nodes.get_mut(&NodeId(2)).unwrap().advance(MS * 149);
    assert_eq!(cluster.raft(2).role(), Role::Follower);
    cluster.nodes.get_mut(&NodeId(2)).unwrap().advance(MS);
    assert_eq!(cluster.raft(2).role(), Role::PreCandidate);
}

/// tikv 9239, `openraft` 1ef3e574. Nor does the lease come back: the request to campaign may be on its way for ever.
#[test]
fn a_transfer_ends_the_lease() {
    let mut cluster = leased();
    cluster.transfer(1, 2);
    cluster.read(1, 1, ReadMode::Lease);
    assert_eq!(cluster.ready(1), []);
    let request = cluster.intercept(2);
    cluster.fire(NodeId(1), Timer::Transfer);
    cluster.stabilize();
    cluster.events.clear();
    assert_eq!(cluster.leader(), Some(NodeId(1)));
    cluster.read(1, 2, ReadMode::Lease);
    assert_eq!(cluster.ready(1), [], "it asks a quorum");
    cluster.stabilize();
    assert_eq!(cluster.ready(1), [(2, 1)]);
    // Indeed: it arrives, and is obeyed by the others whatever they promised.
    cluster.isolate(1);
    for letter in request {
        cluster.deliver_to(1, 2, letter.message);
    }
    cluster.stabilize();
    assert_eq!(cluster.raft(2).role(), Role::Leader);
}

#[test]
fn leases_need_leaders_that_make_room_and_clocks_that_are_bounded() {
    let refused = |adjust: fn(&mut synod_raft::Config)| {
        let mut config = synod_raft::Config::new(NodeId(1), [NodeId(1)]);
        adjust(&mut config);
        synod_raft::Raft::new(config).unwrap_err()
    };
    let error = refused(|config| (config.leases, config.check_quorum) = (true, false));
    assert_eq!(error, ConfigError::LeasesWithoutCheckQuorum);
    let error = refused(|config| config.clock_drift_ppm_max = 600_000);
    assert_eq!(error, ConfigError::ClockDrift { ppm: 600_000, max: 500_000 });
}

#[test]
fn the_log_is_the_lease() {
    let mut cluster = guarded();
    cluster.read(1, 1, ReadMode::LeaseGuard);
    assert_eq!(cluster.ready(1), [(1, 1)]);
    // An old entry is no lease, another one is.
    for id in 1..=3 {
        cluster.nodes.get_mut(&NodeId(id)).unwrap().advance(MS * 100);
    }
    cluster.stabilize();
    cluster.isolate(1);
    cluster.read(1, 2, ReadMode::LeaseGuard);
    assert_eq!(cluster.ready(1), []);
    cluster.connect(1);
    cluster.propose(1, "a");
    cluster.stabilize();
    cluster.ready(1);
    cluster.isolate(1);
    cluster.read(1, 3, ReadMode::LeaseGuard);
    assert_eq!(cluster.ready(1), [(3, 2)]);
}

/// The old leader serves reads; the new one takes proposals, and commits them when it does so no more.
#[test]
fn a_new_leader_commits_when_the_log_of_the_old_one_is_no_lease_any_more() {
    let mut cluster = guarded();
    cluster.propose(1, "a");
    cluster.stabilize();
    cluster.isolate(1);
    let leader = everybody_else_elects(&mut cluster);
    assert_ne!(leader, 1);
    cluster.propose(leader, "b");
    cluster.stabilize();
    assert_eq!(cluster.committed(leader), 2);
    cluster.read(1, 1, ReadMode::LeaseGuard);
    assert_eq!(cluster.ready(1), [(1, 2)], "the old leader still serves, and nothing newer is committed");
    for _ in 0..101 {
        cluster.nodes.get_mut(&NodeId(leader)).unwrap().advance(MS);
    }
    cluster.stabilize();
    cluster.fire(NodeId(leader), Timer::Heartbeat);
    cluster.stabilize();
    assert_eq!(cluster.committed(leader), 4);
    assert!(cluster.events.iter().all(|(_, event)| !matches!(event, Event::Illegal { .. })));
}

/// A timer that fires a little before the clock says so: the rest is waited for, or nothing would ever be committed.
#[test]
fn a_guard_timer_that_is_early_is_armed_again() {
    let mut cluster = guarded();
    cluster.propose(1, "a");
    cluster.stabilize();
    cluster.isolate(1);
    let leader = everybody_else_elects(&mut cluster);
    assert!(cluster.fire(NodeId(leader), Timer::Guard));
    assert_eq!(cluster.committed(leader), 2);
    assert!(cluster.nodes[&NodeId(leader)].timers().contains_key(&Timer::Guard));
}

/// What an application is told that asks for itself, at the very edges.
#[test]
fn a_lease_is_held_by_the_leader_alone_and_until_the_moment_that_it_says() {
    let mut cluster = Cluster::with(3, |config| {
        (config.leases, config.lease_guard) = (true, Some(MS * 100));
    });
    cluster.run(MS * 110);
    cluster.campaign(1);
    let holds = |cluster: &Cluster, id: u64, at| {
        let raft = cluster.raft(id);
        (raft.holds_lease(at), raft.holds_guard(at))
    };
    cluster.stabilize();
    let elected = cluster.nodes[&NodeId(1)].now();
    assert_eq!(cluster.raft(1).status().lease.until, None, "no round was echoed");
    assert_eq!(holds(&cluster, 1, elected), (false, true));
    cluster.fire(NodeId(1), Timer::Heartbeat);
    cluster.stabilize();
    let lease = cluster.raft(1).status().lease;
    let (until, guard_until) = (lease.until.unwrap(), lease.guard_until.unwrap());
    assert!(guard_until < until);
    let before = |moment: Time| Time(moment.0 - 1);
    assert_eq!(holds(&cluster, 1, before(guard_until)), (true, true));
    assert_eq!(holds(&cluster, 1, guard_until), (true, false));
    assert_eq!(holds(&cluster, 1, before(until)), (true, false));
    assert_eq!(holds(&cluster, 1, until), (false, false));
    assert_eq!(holds(&cluster, 2, elected), (false, false), "who follows holds none");
}

/// Each round that is echoed renews the lease from its own beginning, whichever were begun since.
#[test]
fn the_echo_of_an_earlier_round_renews_the_lease_from_there() {
    let mut cluster = leased();
    cluster.run(MS * 20);
    let asked = cluster.nodes[&NodeId(1)].now();
    cluster.fire(NodeId(1), Timer::Heartbeat);
    let first: Vec<_> = cluster.intercept(2);
    for _ in 0..2 {
        cluster.nodes.get_mut(&NodeId(1)).unwrap().advance(MS);
        cluster.fire(NodeId(1), Timer::Heartbeat);
        cluster.net.clear();
    }
    for letter in first {
        cluster.deliver_to(1, 2, letter.message);
    }
    cluster.stabilize();
    let span = cluster.raft(1).status().lease.until.unwrap().since(asked);
    assert!(span > MS * 149 && span < MS * 150, "{span:?}");
}

/// A lease that was given up does not return while the term lasts, and another term begins with none.
#[test]
fn a_lease_is_told_of_neither_while_a_transfer_waits_nor_when_it_has_failed() {
    let mut cluster = leased();
    let until = |cluster: &Cluster| cluster.raft(1).status().lease.until;
    cluster.isolate(2);
    cluster.propose(1, "a");
    cluster.stabilize();
    assert!(until(&cluster).is_some());
    // Node 2 lags: nobody is told to campaign yet.
    cluster.transfer(1, 2);
    assert_eq!(
        (cluster.raft(1).status().transfer.map(|transfer| transfer.told), until(&cluster)),
        (Some(false), None)
    );
    cluster.fire(NodeId(1), Timer::Transfer);
    assert!(until(&cluster).is_some(), "nobody was told");
    cluster.transfer(1, 3);
    cluster.intercept(3);
    cluster.fire(NodeId(1), Timer::Transfer);
    assert_eq!((cluster.raft(1).status().transfer, until(&cluster)), (None, None));
    // Deposed and elected again, within the span of the old lease.
    cluster.connect(2);
    for _ in 0..3 {
        cluster.fire(NodeId(1), Timer::Heartbeat);
        cluster.stabilize();
    }
    cluster.transfer(1, 3);
    cluster.stabilize();
    cluster.transfer(3, 1);
    cluster.stabilize();
    assert_eq!((cluster.leader(), until(&cluster)), (Some(NodeId(1)), None));
    cluster.fire(NodeId(1), Timer::Heartbeat);
    cluster.stabilize();
    assert!(until(&cluster).is_some());
}

/// What is on its way is dated in steps of a sixteenth of the span, and none of these dates is lost.
#[test]
fn the_log_is_a_lease_from_when_each_committed_entry_was_made() {
    let mut cluster = Cluster::with(3, |config| config.lease_guard = Some(MS * 160));
    cluster.campaign(1);
    cluster.run(MS * 170);
    let until = |cluster: &Cluster| cluster.raft(1).status().lease.guard_until.unwrap();
    cluster.isolate(1);
    let mut made = Vec::new();
    // The second comes too soon for a date of its own, and the others do not.
    for millis in [12, 4, 8, 10, 12] {
        cluster.nodes.get_mut(&NodeId(1)).unwrap().advance(MS * millis);
        made.push(cluster.nodes[&NodeId(1)].now() + MS * 160);
        cluster.propose(1, "x");
    }
    cluster.stabilize();
    let mut dates = Vec::new();
    for index in 2..=6 {
        cluster.deliver_to(2, 1, Message::Appended { term: Term(1), matched: Index(index), round: 1 });
        assert_eq!(cluster.committed(1), index);
        dates.push(until(&cluster));
    }
    assert_eq!(dates, [made[0], made[0], made[2], made[3], made[4]]);
}
