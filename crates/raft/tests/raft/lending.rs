//! Progress wherever some node reaches a quorum, whatever its log lacks.

use crate::cluster::Cluster;
use std::time::Duration;
use synod_core::NodeId;
use synod_raft::{EntryId, Event, Illegal, Index, Loan, Message, Role, Segment, Term};

const MS: Duration = Duration::from_millis(1);

/// Of five nodes the first leads, the third has missed some entries, and from now on reaches everybody but the leader, who is
/// gone, while the others reach it alone.
fn constrained(adjust: impl Fn(&mut synod_raft::Config)) -> Cluster {
    let mut cluster = Cluster::with(5, adjust);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.isolate(3);
    for payload in ["a", "b", "c"] {
        cluster.propose(1, payload);
        cluster.stabilize();
    }
    cluster.connect(3);
    cluster.isolate(1);
    for (a, b) in [(2, 4), (2, 5), (4, 5)] {
        cluster.disconnect(a, b);
    }
    cluster
}

#[test]
fn the_only_node_that_reaches_a_quorum_leads_although_its_log_is_behind() {
    for (pre_vote, check_quorum, leases) in
        [(true, true, false), (true, true, true), (false, true, false), (true, false, false)]
    {
        let mut cluster = constrained(|config| {
            (config.pre_vote, config.check_quorum, config.leases) = (pre_vote, check_quorum, leases);
            config.batch_entries_max = 2;
        });
        cluster.run(MS * 6_000);
        assert_eq!(cluster.leader(), Some(NodeId(3)), "{pre_vote} {check_quorum} {leases}");
        cluster.propose(3, "d");
        cluster.run(MS * 200);
        assert_eq!(cluster.payloads(4), ["a", "b", "c", "d"]);
    }
}

/// What was added to Raft for it: without, nobody is ever elected.
#[test]
fn without_loans_such_a_cluster_stands_still() {
    let mut cluster = constrained(|config| config.lending = false);
    cluster.run(MS * 6_000);
    assert!([2, 3, 4, 5].iter().all(|id| cluster.raft(*id).role() != Role::Leader));
}

/// Each of a chain of nodes reaches its neighbours only.
#[test]
fn chains_of_nodes_make_progress() {
    for size in [3, 5] {
        for first in 1..=size {
            let mut cluster = Cluster::new(size);
            cluster.campaign(first);
            cluster.stabilize();
            cluster.propose(first, "before");
            cluster.stabilize();
            for a in 1..=size {
                for b in a + 2..=size {
                    cluster.disconnect(a, b);
                }
            }
            cluster.run(MS * 6_000);
            let leader = cluster.leader().unwrap().0;
            cluster.propose(leader, "after");
            cluster.run(MS * 200);
            assert_eq!(cluster.payloads(leader), ["before", "after"], "{first} of {size}");
        }
    }
}

/// Whoever gives up entries for a loan leaves the term in which it has acknowledged them.
#[test]
fn a_loan_that_cuts_the_log_ends_the_term() {
    let mut cluster = Cluster::new(3);
    cluster.install(1, &[(1, 1), (2, 2)]);
    cluster.install(2, &[(1, 3), (3, 1)]);
    cluster.time_out(1);
    let entries = Segment::pack(Index(2), Term(1), ["1.2", "1.3"]).unwrap();
    let last = EntryId { term: Term(3), index: Index(4) };
    let loan = Loan { last, prev_term: Term(1), entries };
    let before = cluster.raft(1).term();
    cluster.deliver_to(2, 1, Message::Lend { term: Term(3), loan: Box::new(loan.clone()) });
    assert!(cluster.raft(1).term() > Term(3).max(before));
    assert_eq!(cluster.raft(1).log().last(), EntryId { term: Term(1), index: Index(3) });
    // An older log is no use to anybody, and an impossible one is refused.
    let older = Loan { last: EntryId { term: Term(1), index: Index(3) }, ..loan.clone() };
    cluster.deliver_to(2, 1, Message::Lend { term: Term(3), loan: Box::new(older) });
    let impossible = Loan { last: EntryId { term: Term(9), index: Index(4) }, ..loan };
    cluster.deliver_to(2, 1, Message::Lend { term: Term(3), loan: Box::new(impossible) });
    let illegal = Event::Illegal { from: NodeId(2), reason: Illegal::ImpossibleTerm };
    assert_eq!(cluster.events.iter().filter(|(_, event)| *event == illegal).count(), 1);
    assert_eq!(cluster.raft(1).log().last(), EntryId { term: Term(1), index: Index(3) });
}

/// Where messages are duplicated, each question would otherwise beget two loans, and each loan two questions.
#[test]
fn a_loan_that_comes_twice_is_answered_once() {
    let mut cluster = Cluster::new(3);
    cluster.install(1, &[(1, 1)]);
    cluster.install(2, &[(1, 9)]);
    cluster.time_out(1);
    cluster.intercept(2);
    let entries = Segment::pack(Index(2), Term(1), ["1.2", "1.3"]).unwrap();
    let last = EntryId { term: Term(1), index: Index(9) };
    let loan = Loan { last, prev_term: Term(1), entries };
    for _ in 0..3 {
        cluster.deliver_to(2, 1, Message::Lend { term: Term(1), loan: Box::new(loan.clone()) });
    }
    let letters = cluster.intercept(2);
    let asks = letters.iter().filter(|letter| matches!(letter.message, Message::Borrow { .. })).count();
    assert_eq!((asks, cluster.raft(1).log().last().index), (1, Index(3)));
}
