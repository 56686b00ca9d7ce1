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

/// Node 1 of three has one entry, and is offered the next two of a log of three or more.
fn offered(
    adjust: impl Fn(&mut synod_raft::Config),
    last: u64,
    before: impl Fn(&mut Cluster),
) -> (Cluster, Vec<&'static str>) {
    let mut cluster = Cluster::with(3, adjust);
    cluster.install(1, &[(1, 1)]);
    cluster.stabilize();
    before(&mut cluster);
    cluster.net.clear();
    let entries = Segment::pack(Index(2), Term(1), ["1.2", "1.3"]).unwrap();
    let loan = Loan { last: EntryId { term: Term(1), index: Index(last) }, prev_term: Term(1), entries };
    cluster.deliver_to(2, 1, Message::Lend { term: Term(1), loan: Box::new(loan) });
    let said =
        cluster.net.iter().filter(|letter| letter.from == NodeId(1)).map(|letter| match letter.message {
            Message::PreVote { .. } => "campaigns",
            Message::Borrow { .. } => "asks for more",
            _ => "something else",
        });
    let mut said: Vec<_> = said.collect();
    said.dedup();
    (cluster, said)
}

/// Whoever wants to lead goes on with it when it has everything, and nobody else begins to.
#[test]
fn a_loan_that_is_complete_leads_on_whoever_wanted_to_lead() {
    let candidate = |cluster: &mut Cluster| cluster.time_out(1);
    let given_up = |cluster: &mut Cluster| {
        cluster.time_out(1);
        for from in [2, 3] {
            cluster.deliver_to(from, 1, Message::PreVoted { term: Term(1), granted: false });
        }
        assert_eq!(cluster.raft(1).role(), Role::Follower);
    };
    for (last, what) in [(3, "campaigns"), (9, "asks for more")] {
        for before in [&candidate as &dyn Fn(&mut Cluster), &given_up] {
            let (cluster, said) = offered(|_| {}, last, before);
            assert_eq!((cluster.raft(1).last_index(), said), (Index(3), vec![what]));
        }
    }
    let (cluster, said) = offered(|_| {}, 3, |_| {});
    assert_eq!((cluster.raft(1).last_index(), said), (Index(3), vec![]), "it has not wanted to lead");
}

/// A leader brings its followers up to date, a witness never leads, and lending may be switched off.
#[test]
fn whoever_has_no_use_for_a_loan_leaves_it() {
    let candidate = |cluster: &mut Cluster| cluster.time_out(1);
    let (cluster, said) = offered(|config| config.lending = false, 3, candidate);
    assert_eq!((cluster.raft(1).last_index(), said), (Index(1), vec![]));
    let followed = |cluster: &mut Cluster| {
        cluster.deliver_to(3, 1, Message::Commit { term: Term(1), commit: Index(0) });
        assert_eq!(cluster.raft(1).status().leader, Some(NodeId(3)));
    };
    let (cluster, said) = offered(|_| {}, 3, followed);
    assert_eq!((cluster.raft(1).last_index(), said), (Index(1), vec![]));
    assert_eq!(cluster.raft(1).status().leader, Some(NodeId(3)), "and it is followed on");
    // Who offers it knows no more than this one does.
    let mut cluster = Cluster::new(3);
    cluster.install(1, &[(1, 3)]);
    cluster.time_out(1);
    cluster.net.clear();
    let entries = Segment::pack(Index(2), Term(1), ["1.2", "1.3"]).unwrap();
    let loan = Loan { last: EntryId { term: Term(1), index: Index(3) }, prev_term: Term(1), entries };
    cluster.deliver_to(2, 1, Message::Lend { term: Term(1), loan: Box::new(loan) });
    assert!(cluster.net.is_empty(), "{:?}", cluster.net);
}

#[test]
fn a_loan_that_would_need_a_term_beyond_the_last_is_not_taken() {
    let mut cluster = Cluster::new(3);
    let (last_but_one, last) = (Term(Term::MAX.0 - 1), Term::MAX);
    cluster.install(1, &[(1, 1), (2, 2)]);
    cluster.time_out(1);
    let mut lend = |term: Term, payload: &str| {
        let entries = Segment::pack(Index(2), Term(1), [payload]).unwrap();
        let loan = Loan { last: EntryId { term, index: Index(4) }, prev_term: Term(1), entries };
        cluster.deliver_to(2, 1, Message::Lend { term, loan: Box::new(loan) });
        (cluster.raft(1).term(), cluster.raft(1).last_index())
    };
    assert_eq!(lend(last_but_one, "a"), (last, Index(2)), "what differs is given up, and the term with it");
    // The log ends with 1/2, and what would replace that differs again.
    let mut cluster = Cluster::new(3);
    cluster.install(1, &[(1, 1), (2, 2)]);
    cluster.time_out(1);
    let entries = Segment::pack(Index(2), Term(1), ["a"]).unwrap();
    let loan = Loan { last: EntryId { term: last, index: Index(4) }, prev_term: Term(1), entries };
    cluster.deliver_to(2, 1, Message::Lend { term: last, loan: Box::new(loan) });
    assert_eq!((cluster.raft(1).term(), cluster.raft(1).last_index()), (last, Index(3)));
}

/// Whoever does not know how a log goes on asks for that, and is lent it: by a node that has more, and has no leader.
#[test]
fn a_question_is_answered_by_who_has_more_and_no_leader() {
    let answers =
        |adjust: &dyn Fn(&mut synod_raft::Config), hint: (u64, u64), before: &dyn Fn(&mut Cluster)| {
            let mut cluster = Cluster::with(3, adjust);
            cluster.install(1, &[(1, 2), (2, 1)]);
            before(&mut cluster);
            cluster.net.clear();
            let hint = EntryId { term: Term(hint.0), index: Index(hint.1) };
            // The entries are on the disk alone at first.
            for _ in 0..2 {
                cluster.deliver_to(2, 1, Message::Borrow { term: Term(2), hint });
                cluster.sync_fast();
            }
            cluster.net.iter().find_map(|letter| match &letter.message {
                Message::Lend { loan, .. } => Some((loan.entries.first().0, loan.last.index.0)),
                _ => None,
            })
        };
    let nothing = |_: &mut Cluster| {};
    assert_eq!(answers(&|_| {}, (1, 1), &nothing), Some((2, 3)));
    assert_eq!(answers(&|_| {}, (0, 0), &nothing), Some((1, 3)));
    assert_eq!(answers(&|_| {}, (1, 9), &nothing), Some((3, 3)), "all that it has of term 1 may be common");
    assert_eq!(answers(&|_| {}, (2, 3), &nothing), None, "it has everything");
    let leads = |cluster: &mut Cluster| {
        cluster.time_out(1);
        cluster.deliver_to(3, 1, Message::PreVoted { term: Term(3), granted: true });
        cluster.sync_fast();
        cluster.deliver_to(3, 1, Message::Voted { term: Term(3), granted: true });
        assert_eq!(cluster.raft(1).role(), Role::Leader);
    };
    assert_eq!(answers(&|_| {}, (1, 1), &leads), None, "followers get entries in another way");
    assert_eq!(answers(&|config| config.lending = false, (1, 1), &nothing), None);
    let followed =
        |cluster: &mut Cluster| cluster.deliver_to(3, 1, Message::Commit { term: Term(2), commit: Index(0) });
    assert_eq!(answers(&|_| {}, (1, 1), &followed), None, "the leader does that");
    let compacted = |cluster: &mut Cluster| {
        cluster.deliver_to(
            3,
            1,
            Message::Append {
                term: Term(2),
                prev_term: Term(2),
                commit: Index(3),
                round: 1,
                entries: Segment::empty(Index(4)),
            },
        );
        cluster.stabilize();
        cluster.compact(1, 2);
        cluster.time_out(1);
        cluster.time_out(1);
    };
    assert_eq!(answers(&|_| {}, (1, 2), &compacted), Some((3, 3)));
    assert_eq!(answers(&|_| {}, (1, 1), &compacted), None, "what comes next is compacted");
}
