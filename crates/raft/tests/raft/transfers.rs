//! Handing over the leadership.

use crate::cluster::Cluster;
use std::time::Duration;
use synod_core::{Input, NodeId};
use synod_raft::{Command, Event, Message, Refusal, Role, Step, Timer, TransferCause, TransferRefusal};

const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);
const THREE: NodeId = NodeId(3);
const MS: Duration = Duration::from_millis(1);

fn led(size: u64, adjust: impl Fn(&mut synod_raft::Config)) -> Cluster {
    let mut cluster = Cluster::with(size, adjust);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.events.clear();
    cluster
}

fn happened(cluster: &Cluster, id: NodeId, event: &Event) -> bool {
    cluster.events.iter().any(|(node, seen)| *node == id && seen == event)
}

fn resign(cluster: &mut Cluster, id: u64) {
    cluster.input(NodeId(id), Input::Command(Command::Resign));
}

#[test]
fn the_leadership_goes_where_it_was_sent_although_everybody_is_loyal() {
    for (pre_vote, check_quorum, leases) in [
        (true, true, true),
        (true, true, false),
        (false, true, false),
        (true, false, false),
        (false, false, false),
    ] {
        let mut cluster = led(5, |config| {
            (config.pre_vote, config.check_quorum, config.leases) = (pre_vote, check_quorum, leases);
        });
        cluster.fire(ONE, Timer::Heartbeat);
        cluster.stabilize();
        cluster.transfer(1, 3);
        cluster.stabilize();
        assert_eq!(cluster.leader(), Some(THREE), "{pre_vote} {check_quorum} {leases}");
        cluster.propose(3, "after");
        cluster.stabilize();
        assert_eq!(cluster.payloads(1), ["after"]);
    }
}

#[test]
fn who_lags_is_caught_up_first_and_gets_what_was_proposed_before() {
    let mut cluster = led(3, |config| config.in_flight_max = 1);
    cluster.disconnect(1, 2);
    for payload in ["a", "b", "c"] {
        cluster.propose(1, payload);
        cluster.stabilize();
    }
    cluster.connect(2);
    let transfer = Input::Command(Command::Transfer { to: TWO });
    let propose =
        |payload: &'static str| Input::Command(Command::Propose { token: 9, payload: payload.into() });
    cluster.nodes.get_mut(&ONE).unwrap().burst([propose("d"), transfer, propose("e")]);
    cluster.input(ONE, Input::Flush);
    let refused =
        Event::Refused { token: 9, payload: "e".into(), leader: Some(ONE), reason: Refusal::Transferring };
    assert!(happened(&cluster, ONE, &refused));
    assert!(!cluster.net.iter().any(|letter| matches!(letter.message, Message::TimeoutNow { .. })));
    cluster.run(MS * 100);
    assert_eq!(cluster.leader(), Some(TWO));
    assert_eq!(cluster.payloads(2), ["a", "b", "c", "d"]);
}

#[test]
fn a_transfer_that_takes_too_long_is_given_up() {
    let mut cluster = led(3, |_| {});
    cluster.disconnect(1, 2);
    cluster.transfer(1, 2);
    cluster.run(MS * 160);
    assert!(happened(&cluster, ONE, &Event::TransferFailed { to: TWO, reason: TransferRefusal::TimedOut }));
    cluster.propose(1, "on it goes");
    cluster.stabilize();
    assert_eq!((cluster.leader(), cluster.payloads(1)), (Some(ONE), vec!["on it goes".to_owned()]));
}

#[test]
fn a_lost_request_is_repeated() {
    let mut cluster = led(3, |_| {});
    cluster.transfer(1, 2);
    cluster.intercept(2);
    cluster.fire(ONE, Timer::Heartbeat);
    cluster.stabilize();
    assert_eq!(cluster.leader(), Some(TWO));
}

#[test]
fn impossible_transfers_are_refused() {
    let mut cluster = led(3, |_| {});
    for (from, to, reason) in [
        (2, 3, TransferRefusal::NotLeader),
        (1, 1, TransferRefusal::NotAnotherVoter),
        (1, 9, TransferRefusal::NotAnotherVoter),
    ] {
        cluster.transfer(from, to);
        assert!(happened(&cluster, NodeId(from), &Event::TransferFailed { to: NodeId(to), reason }));
    }
    // Nobody else's request to campaign is obeyed.
    cluster.deliver_to(2, 3, Message::TimeoutNow { term: cluster.raft(3).term() });
    assert_eq!(cluster.raft(3).role(), Role::Follower);
}

/// As etcd has it: the last word counts.
#[test]
fn a_second_transfer_takes_the_place_of_the_first() {
    let mut cluster = led(3, |_| {});
    cluster.disconnect(1, 2);
    cluster.propose(1, "a");
    cluster.stabilize();
    // Node 2 lags, so nobody is told yet.
    cluster.transfer(1, 2);
    cluster.transfer(1, 2);
    assert!(!cluster.events.iter().any(|(_, event)| matches!(event, Event::TransferFailed { .. })));
    cluster.transfer(1, 3);
    assert!(happened(&cluster, ONE, &Event::TransferFailed { to: TWO, reason: TransferRefusal::Superseded }));
    assert_eq!(cluster.raft(1).status().transfer.map(|transfer| transfer.to), Some(THREE));
    cluster.stabilize();
    assert_eq!(cluster.leader(), Some(THREE));
}

/// Who resigns does not lead on because it was told to whom.
#[test]
fn a_transfer_to_somebody_else_is_a_resignation_still() {
    let mut cluster = led(3, |config| config.check_quorum = false);
    cluster.run(MS * 50);
    cluster.isolate(1);
    resign(&mut cluster, 1);
    let first = cluster.raft(1).status().transfer.unwrap().to;
    cluster.transfer(1, 5 - first.0);
    cluster.run(MS * 200);
    assert!(happened(&cluster, ONE, &Event::Resigned));
    assert_eq!(cluster.raft(1).role(), Role::Follower);
}

#[test]
fn a_transfer_to_who_is_removed_or_demoted_is_given_up_at_once() {
    for step in [Step::Remove(TWO), Step::AddLearner(TWO)] {
        let mut cluster = led(3, |_| {});
        cluster.disconnect(1, 2);
        cluster.propose(1, "a");
        cluster.stabilize();
        cluster.transfer(1, 2);
        cluster.change(1, step);
        let given_up = Event::TransferFailed { to: TWO, reason: TransferRefusal::NotAnotherVoter };
        assert!(happened(&cluster, ONE, &given_up), "{step:?}");
        // Proposals are taken again, and nobody is told to campaign who cannot lead.
        cluster.propose(1, "b");
        cluster.connect(2);
        for _ in 0..20 {
            cluster.fire(ONE, Timer::Heartbeat);
            assert!(!cluster.net.iter().any(|letter| matches!(letter.message, Message::TimeoutNow { .. })));
            cluster.stabilize();
        }
        assert_eq!(
            (cluster.leader(), cluster.payloads(1)),
            (Some(ONE), vec!["a".to_owned(), "b".to_owned()])
        );
    }
    // Who resigns hands over to somebody else.
    let mut cluster = led(3, |_| {});
    cluster.run(MS * 50);
    cluster.slow.extend([TWO, THREE]);
    cluster.propose(1, "a");
    resign(&mut cluster, 1);
    let to = cluster.raft(1).status().transfer.unwrap().to;
    cluster.change(1, Step::Remove(to));
    assert_ne!(cluster.raft(1).status().transfer.map(|transfer| transfer.to), Some(to));
    cluster.slow.clear();
    cluster.stabilize();
    assert!(happened(&cluster, ONE, &Event::Resigned));
}

#[test]
fn the_highest_priority_that_is_caught_up_leads_in_the_end() {
    let mut cluster = Cluster::with(3, |config| config.priority = if config.id == THREE { 7 } else { 1 });
    cluster.campaign(1);
    cluster.run(MS * 1_300);
    assert_eq!(cluster.leader(), Some(THREE));
    assert!(happened(&cluster, ONE, &Event::TransferBegun { to: THREE, cause: TransferCause::Priority }));
    // Nothing waits for it when it is away.
    cluster.crash(3);
    cluster.run(MS * 600);
    assert!(cluster.leader().is_some_and(|leader| leader != THREE));
    cluster.restart(3);
    cluster.run(MS * 1_600);
    assert_eq!(cluster.leader(), Some(THREE));
}

/// A node of high priority that cannot be elected holds up proposals less and less often.
#[test]
fn claims_that_fail_are_believed_less_often() {
    let mut cluster = led(3, |_| {});
    for _ in 0..32 {
        cluster.deliver_to(3, 1, Message::Claim { term: cluster.raft(1).term(), priority: 1 });
        cluster.intercept(3);
        cluster.fire(ONE, Timer::Transfer);
    }
    let begun = Event::TransferBegun { to: THREE, cause: TransferCause::Priority };
    let begun = cluster.events.iter().filter(|(_, event)| *event == begun).count();
    // 1 + 2 ignored + 1 + 4 ignored + 1 + 8 ignored + 1 + ...
    assert_eq!(begun, 4);
}

/// `hashicorp/raft` 503: a leader whose disk hung kept its heartbeats going, and nobody else could lead.
#[test]
fn a_leader_whose_disk_stands_still_hands_over() {
    for check_quorum in [true, false] {
        let mut cluster = led(3, |config| {
            (config.disk_stall_max, config.check_quorum) = (Some(MS * 500), check_quorum);
        });
        cluster.slow.insert(ONE);
        cluster.run(MS * 2_000);
        assert_eq!(cluster.leader(), Some(ONE), "nothing waits for its disk");
        cluster.propose(1, "a");
        cluster.run(MS * 400);
        assert_eq!(cluster.leader(), Some(ONE));
        cluster.run(MS * 500);
        assert!(cluster.leader().is_some_and(|leader| leader != ONE));
        let to = cluster.leader().unwrap();
        assert!(happened(&cluster, ONE, &Event::TransferBegun { to, cause: TransferCause::StalledDisk }));
        cluster.propose(to.0, "b");
        cluster.run(MS * 100);
        assert_eq!(cluster.payloads(to.0), ["a", "b"]);
    }
}

/// Whom the leader would choose does not campaign any more. It must not be chosen for ever.
#[test]
fn a_leader_whose_disk_stands_still_is_replaced_although_its_successor_has_resigned() {
    let mut cluster = led(3, |config| config.disk_stall_max = Some(MS * 500));
    cluster.run(MS * 50);
    resign(&mut cluster, 2);
    cluster.slow.insert(ONE);
    cluster.propose(1, "a");
    cluster.run(MS * 2_500);
    assert!(happened(&cluster, ONE, &Event::TransferBegun { to: TWO, cause: TransferCause::StalledDisk }));
    assert_eq!(cluster.leader(), Some(THREE));
}

/// It has heard nothing of its followers for a while, so it does not know whom to hand over to; they hear it and would wait for ever.
#[test]
fn a_leader_whose_disk_stands_still_and_with_whom_nobody_keeps_up_steps_down() {
    let mut cluster = led(3, |config| {
        (config.disk_stall_max, config.check_quorum) = (Some(MS * 500), false);
    });
    cluster.slow.insert(ONE);
    cluster.cut.extend([(TWO, ONE), (THREE, ONE)]);
    cluster.propose(1, "a");
    cluster.run(MS * 400);
    assert_eq!(cluster.leader(), Some(ONE));
    cluster.run(MS * 1_000);
    assert_ne!(cluster.raft(1).role(), Role::Leader);
    assert!(cluster.leader().is_some_and(|leader| leader != ONE));
    // Alone it stays: there is nobody else.
    let mut cluster = led(1, |config| config.disk_stall_max = Some(MS * 500));
    cluster.slow.insert(ONE);
    cluster.propose(1, "a");
    cluster.run(MS * 1_000);
    assert_eq!(cluster.leader(), Some(ONE));
}

#[test]
fn a_leader_that_resigns_is_replaced_before_it_stops() {
    let mut cluster = led(3, |_| {});
    cluster.run(MS * 50);
    resign(&mut cluster, 1);
    cluster.stabilize();
    assert!(happened(&cluster, ONE, &Event::Resigned));
    assert!(cluster.leader().is_some_and(|leader| leader != ONE));
    // It does not campaign any more, until it is told to.
    for id in [2, 3] {
        cluster.crash(id);
    }
    cluster.run(MS * 2_000);
    assert_eq!((cluster.raft(1).role(), cluster.raft(1).term()), (Role::Follower, cluster.raft(2).term()));
    cluster.restart(2);
    cluster.campaign(1);
    cluster.run(MS * 2_000);
    assert!(cluster.leader().is_some());
}

#[test]
fn whoever_does_not_lead_has_resigned_at_once() {
    let mut cluster = led(3, |_| {});
    resign(&mut cluster, 2);
    assert!(happened(&cluster, TWO, &Event::Resigned));
    assert_eq!(cluster.leader(), Some(ONE));
    // Alone, there is nobody to hand over to.
    let mut cluster = led(1, |_| {});
    resign(&mut cluster, 1);
    assert!(happened(&cluster, ONE, &Event::Resigned));
    assert_eq!(cluster.leader(), None);
}

#[test]
fn a_leader_that_resigns_and_cannot_hand_over_steps_down() {
    let mut cluster = led(3, |config| config.check_quorum = false);
    cluster.run(MS * 50);
    cluster.isolate(1);
    resign(&mut cluster, 1);
    cluster.run(MS * 200);
    assert!(happened(&cluster, ONE, &Event::Resigned));
    assert_eq!(cluster.raft(1).role(), Role::Follower);
}

/// However slow: what counts is that an entry waits all the time, and not that some entry does.
#[test]
fn a_disk_that_goes_on_does_not_stand_still() {
    let mut cluster = led(3, |config| {
        (config.disk_stall_max, config.check_quorum) = (Some(MS * 500), false);
    });
    cluster.slow.insert(ONE);
    cluster.propose(1, "a");
    for payload in ["b", "c", "d"] {
        cluster.run(MS * 300);
        cluster.sync(ONE);
        cluster.stabilize();
        cluster.propose(1, payload);
    }
    cluster.run(MS * 300);
    assert_eq!((cluster.leader(), cluster.raft(1).status().transfer), (Some(ONE), None));
}

#[test]
fn nodes_without_priority_claim_nothing() {
    let mut cluster = Cluster::with(3, |config| config.priority = u32::from(config.id == THREE));
    cluster.campaign(1);
    cluster.stabilize();
    let claims = |id| cluster.nodes[&id].timers().contains_key(&Timer::Claim);
    assert_eq!([ONE, TWO, THREE].map(claims), [false, false, true]);
}

/// A claim is heard by the leader of its term, of a voter that has all that is committed, and while nobody else is on the way.
#[test]
fn claims_of_who_could_not_take_over_are_ignored() {
    let begun = |cluster: &Cluster| {
        cluster.events.iter().filter(|(_, event)| matches!(event, Event::TransferBegun { .. })).count()
    };
    let claim = |term| Message::Claim { term, priority: 1 };
    let mut cluster = led(3, |_| {});
    cluster.change(1, Step::AddLearner(NodeId(4)));
    cluster.stabilize();
    let mut config = synod_raft::Config::joining(NodeId(4));
    config.trailing_entries = 0;
    cluster.start(config);
    for _ in 0..3 {
        cluster.fire(ONE, Timer::Heartbeat);
        cluster.stabilize();
    }
    let term = cluster.raft(1).term();
    cluster.deliver_to(3, 2, claim(term));
    cluster.deliver_to(3, 1, claim(synod_raft::Term(term.0 - 1)));
    cluster.deliver_to(4, 1, claim(term));
    cluster.deliver_to(3, 1, Message::Claim { term, priority: 0 });
    assert_eq!(cluster.raft(4).commit_index(), cluster.raft(1).commit_index());
    assert_eq!(begun(&cluster), 0);
    // Node 3 lags, at full speed: it may have everything soon, and has not now.
    cluster.slow.insert(THREE);
    cluster.propose(1, "a");
    cluster.stabilize();
    cluster.deliver_to(3, 1, claim(term));
    assert_eq!(begun(&cluster), 0);
    // Somebody else is on the way.
    cluster.slow.clear();
    cluster.stabilize();
    cluster.transfer(1, 2);
    cluster.net.clear();
    cluster.deliver_to(3, 1, claim(term));
    assert_eq!(begun(&cluster), 1);
    cluster.fire(ONE, Timer::Transfer);
    cluster.deliver_to(3, 1, claim(term));
    assert_eq!(begun(&cluster), 2);
}
