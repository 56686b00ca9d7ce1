//! What went wrong elsewhere, and must not here. Each test names the project and the report that taught it.

use crate::cluster::Cluster;
use std::time::Duration;
use synod_core::host::Log as _;
use synod_core::testing::{Bench, Output};
use synod_core::{Bytes, Input, Link, Lsn, NodeId};
use synod_raft::{
    Command, Config, ConfigError, EntryId, Event, Illegal, Index, Message, QuorumRule, Raft, Record, Refusal,
    Role, Segment, Term, Timer,
};

const ME: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);
const THREE: NodeId = NodeId(3);

/// Node 1 of `size`, alone with the test.
pub(crate) fn bench(size: u64, adjust: impl Fn(&mut Config)) -> Bench<Raft> {
    let mut config = Config::new(ME, (1..=size).map(NodeId));
    adjust(&mut config);
    let mut bench = Bench::new(ME, Raft::new(config).unwrap());
    bench.start().unwrap();
    bench.take();
    bench
}

/// Leads term 1 with its no-op durable; nothing has been acknowledged.
pub(crate) fn leader(size: u64) -> Bench<Raft> {
    let mut node = bench(size, |config| config.pre_vote = false);
    node.input(Input::Command(Command::Campaign));
    node.sync().unwrap();
    for voter in 2..=size / 2 + 1 {
        hear(&mut node, voter, Message::Voted { term: Term(1), granted: true });
    }
    node.sync().unwrap();
    assert_eq!(node.protocol.role(), Role::Leader);
    node.take();
    node
}

pub(crate) fn hear(node: &mut Bench<Raft>, from: u64, message: Message) {
    node.input(Input::Message(NodeId(from), message));
}

pub(crate) fn propose(node: &mut Bench<Raft>, payload: &'static str) {
    node.input(Input::Command(Command::Propose {
        token: 0,
        payload: Bytes::from_static(payload.as_bytes()),
    }));
}

pub(crate) fn append(term: u64, prev: (u64, u64), commit: u64, of: u64, payloads: &[&str]) -> Message {
    let first = Index(prev.1 + 1);
    let entries = match payloads {
        [] => Segment::empty(first),
        payloads => Segment::pack(first, Term(of), payloads).unwrap(),
    };
    Message::Append { term: Term(term), prev_term: Term(prev.0), commit: Index(commit), round: 1, entries }
}

pub(crate) fn acknowledged(term: u64, matched: u64) -> Message {
    Message::Appended { term: Term(term), matched: Index(matched), round: 1 }
}

pub(crate) fn id(term: u64, index: u64) -> EntryId {
    EntryId { term: Term(term), index: Index(index) }
}

pub(crate) fn sent(node: &mut Bench<Raft>) -> Vec<(u64, Message)> {
    let outputs = node.take().into_iter();
    outputs
        .filter_map(|output| match output {
            Output::Send { to, message, .. } => Some((to.0, message)),
            _ => None,
        })
        .collect()
}

pub(crate) fn events(node: &mut Bench<Raft>) -> Vec<Event> {
    let outputs = node.take().into_iter();
    outputs
        .filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        })
        .collect()
}

fn commit(node: &Bench<Raft>) -> u64 {
    node.protocol.commit_index().0
}

/// `sofa-jraft` 2: the request for votes left before the candidate's own vote was durable.
#[test]
fn a_candidate_asks_for_votes_when_its_own_is_durable() {
    let mut node = bench(3, |config| config.pre_vote = false);
    node.input(Input::Command(Command::Campaign));
    assert_eq!(sent(&mut node), []);
    // Others' votes alone do not make it leader either: its own is not counted before.
    hear(&mut node, 2, Message::Voted { term: Term(1), granted: true });
    assert_eq!(node.protocol.role(), Role::Candidate);
    node.sync().unwrap();
    assert_eq!(node.protocol.role(), Role::Leader);
}

/// `hashicorp/raft` 661, `sofa-jraft` 1241, `braft`: term and vote were two writes.
#[test]
fn term_and_vote_are_one_record() {
    let mut node = bench(3, |_| {});
    hear(&mut node, 2, Message::RequestVote { term: Term(4), last: EntryId::ZERO, by_transfer: false });
    assert_eq!(node.log.end(), Lsn(1));
    let mut records = Vec::new();
    node.log.replay(&mut |_, record| records.push(record)).unwrap();
    let record = Record::HardState { term: Term(4), voted_for: Some(TWO) };
    assert_eq!(records, [synod_core::Recovered::Intact(record)]);
}

/// `openraft` a48a3282: logs were compared by index alone, or term and index each on their own.
#[test]
fn a_longer_log_of_an_earlier_term_gets_no_vote() {
    let voter = || {
        let mut node = bench(3, |config| config.lending = false);
        hear(&mut node, 2, append(3, (0, 0), 0, 3, &["x"]));
        node.sync().unwrap();
        node.advance(Duration::from_millis(151)); // not loyal to node 2 any more
        node.take();
        node
    };
    for (last, granted) in
        [(id(2, 9), false), (id(3, 1), true), (id(4, 1), true), (id(3, 2), true), (id(0, 0), false)]
    {
        let mut node = voter();
        hear(&mut node, 3, Message::RequestVote { term: Term(5), last, by_transfer: false });
        node.sync().unwrap();
        assert_eq!(sent(&mut node), [(3, Message::Voted { term: Term(5), granted })], "{last}");
    }
}

/// A vote or an acknowledgement was taken without looking at its term.
#[test]
fn answers_of_other_terms_do_not_count() {
    let mut node = bench(3, |config| config.pre_vote = false);
    node.input(Input::Command(Command::Campaign));
    node.sync().unwrap();
    node.fire(Timer::Election);
    node.sync().unwrap();
    assert_eq!((node.protocol.role(), node.protocol.term()), (Role::Candidate, Term(2)));
    hear(&mut node, 2, Message::Voted { term: Term(1), granted: true });
    assert_eq!(node.protocol.role(), Role::Candidate);
    hear(&mut node, 2, Message::Voted { term: Term(2), granted: true });
    assert_eq!(node.protocol.role(), Role::Leader);
    hear(&mut node, 2, acknowledged(1, 1));
    assert_eq!(commit(&node), 0);
}

/// CCF: the same vote counted twice, after a duplicate or from a former candidacy.
#[test]
fn a_vote_delivered_twice_is_one_vote() {
    let mut node = bench(5, |config| config.pre_vote = false);
    node.input(Input::Command(Command::Campaign));
    node.sync().unwrap();
    for _ in 0..5 {
        hear(&mut node, 2, Message::Voted { term: Term(1), granted: true });
    }
    assert_eq!(node.protocol.role(), Role::Candidate);
    hear(&mut node, 3, Message::Voted { term: Term(1), granted: true });
    assert_eq!(node.protocol.role(), Role::Leader);
}

/// `braft` CA-5, `dragonboat` 409: a failed write was answered as if it had worked.
#[test]
fn a_failed_disk_promises_nothing() {
    let mut node = bench(3, |_| {});
    hear(&mut node, 2, append(1, (0, 0), 0, 1, &["x"]));
    node.log.fail_next_sync();
    assert!(node.sync().is_err());
    assert!(node.sync().is_err(), "a failed log stays failed");
    hear(&mut node, 2, append(1, (0, 0), 0, 1, &["x"]));
    assert!(sent(&mut node).iter().all(|(_, message)| matches!(message, Message::Heard { .. })));
}

/// etcd 1690 and its script of the append race: an acknowledgement of entries that were truncated meanwhile, and a promise to
/// oneself from an earlier term.
#[test]
fn a_promise_of_an_earlier_term_is_not_counted_after_a_truncation() {
    let mut node = bench(3, |config| config.pre_vote = false);
    node.input(Input::Command(Command::Campaign));
    node.sync().unwrap();
    hear(&mut node, 2, Message::Voted { term: Term(1), granted: true });
    propose(&mut node, "lost"); // entries 1 and 2 of term 1 wait for the disk, and the promise with them
    hear(&mut node, 3, append(2, (0, 0), 0, 2, &["theirs"]));
    assert_eq!(node.protocol.last_index(), Index(1));
    node.advance(Duration::from_millis(500));
    node.sync().unwrap();
    let term = node.protocol.term();
    hear(&mut node, 2, Message::Voted { term, granted: true });
    assert_eq!(node.protocol.role(), Role::Leader);
    node.sync().unwrap();
    // Only what this leadership has made durable counts.
    let own = node.protocol.last_index().0;
    hear(&mut node, 2, acknowledged(term.0, own));
    assert_eq!(commit(&node), own);
    assert_eq!(node.protocol.term_at(Index(1)), Some(Term(2)));
}

/// The paper, figure 2, and many who left the `min` out: what lies behind the verified entries may be another leader's.
#[test]
fn a_follower_commits_only_what_it_has_verified() {
    let mut node = bench(3, |_| {});
    hear(&mut node, 2, append(1, (0, 0), 0, 1, &["a", "b", "c"]));
    hear(&mut node, 3, append(2, (1, 1), 3, 0, &[]));
    assert_eq!(commit(&node), 1, "entries 2 and 3 may not be the new leader's");
    hear(&mut node, 3, Message::Commit { term: Term(2), commit: Index(3) });
    assert_eq!(commit(&node), 1);
    hear(&mut node, 3, append(2, (1, 1), 3, 2, &["B", "C"]));
    assert_eq!(commit(&node), 3);
}

/// `openraft` 9540c904, CCF 5676: a delayed AppendEntries cut off entries that came after it.
#[test]
fn a_late_append_removes_nothing() {
    let mut node = bench(3, |_| {});
    hear(&mut node, 2, append(1, (0, 0), 0, 1, &["a", "b", "c"]));
    hear(&mut node, 2, append(1, (1, 3), 0, 1, &["d"]));
    let end = node.log.end();
    hear(&mut node, 2, append(1, (0, 0), 0, 1, &["a"]));
    hear(&mut node, 2, append(1, (1, 1), 0, 1, &["b", "c"]));
    hear(&mut node, 2, append(1, (0, 0), 0, 0, &[]));
    assert_eq!(node.protocol.last_index(), Index(4));
    assert_eq!(node.log.end(), end, "and nothing is written");
}

/// `openraft` beb0302b: acknowledgements of nodes that have no vote were counted.
#[test]
fn strangers_are_not_heard() {
    let mut node = leader(3);
    hear(&mut node, 9, acknowledged(1, 1));
    assert_eq!(commit(&node), 0);
    hear(&mut node, 9, Message::Heard { term: Term(9), round: 0 });
    assert_eq!(node.protocol.term(), Term(1));
    let mut node = bench(3, |config| config.pre_vote = false);
    node.input(Input::Command(Command::Campaign));
    node.sync().unwrap();
    hear(&mut node, 9, Message::Voted { term: Term(1), granted: true });
    assert_eq!(node.protocol.role(), Role::Candidate);
}

/// CCF: a rejection advanced the commit index.
#[test]
fn a_rejection_commits_nothing() {
    let mut node = leader(3);
    let rejection = Message::Rejected { term: Term(1), prev: Index(0), hint: id(1, 1), round: 1 };
    hear(&mut node, 2, rejection);
    hear(&mut node, 2, Message::Rejected { term: Term(1), prev: Index(1), hint: id(1, 1), round: 1 });
    assert_eq!(commit(&node), 0);
}

/// `openraft` cecb5de8, CCF `ackuracy` and `rollback_safety`: a late rejection or acknowledgement moved the match index back.
#[test]
fn late_answers_never_move_the_match_index_back() {
    let mut node = leader(3);
    propose(&mut node, "a");
    propose(&mut node, "b");
    node.sync().unwrap();
    hear(&mut node, 2, acknowledged(1, 3));
    assert_eq!(commit(&node), 3);
    hear(&mut node, 2, acknowledged(1, 1));
    hear(&mut node, 2, Message::Rejected { term: Term(1), prev: Index(2), hint: EntryId::ZERO, round: 1 });
    hear(&mut node, 2, Message::Rejected { term: Term(1), prev: Index(3), hint: EntryId::ZERO, round: 1 });
    let peer = node.protocol.status().peers[0];
    assert_eq!((peer.id, peer.matched, peer.next), (TWO, Index(3), Index(4)));
    // Nor does a hint below it, from a rejection that overtook the acknowledgement of what it asks for.
    propose(&mut node, "c");
    propose(&mut node, "d");
    hear(&mut node, 2, Message::Rejected { term: Term(1), prev: Index(4), hint: EntryId::ZERO, round: 1 });
    let peer = node.protocol.status().peers[0];
    assert_eq!((peer.matched, peer.next), (Index(3), Index(4)));
}

/// `hashicorp/raft` 695 and 701: the term rose between reading it and appending, and an entry was written in a term that its
/// writer did not lead.
#[test]
fn proposals_gathered_before_a_change_of_term_are_given_back() {
    let mut node = leader(3);
    let last = node.protocol.last_index();
    let proposal = Command::Propose { token: 7, payload: Bytes::from_static(b"x") };
    node.burst([Input::Command(proposal), Input::Message(THREE, Message::Heard { term: Term(5), round: 0 })]);
    assert_eq!(node.protocol.last_index(), last);
    let refused = Event::Refused {
        token: 7,
        payload: Bytes::from_static(b"x"),
        leader: None,
        reason: Refusal::NotLeader,
    };
    assert!(events(&mut node).contains(&refused));
}

/// `openraft` d60f1e85: the quorum was one too small.
#[test]
fn a_quorum_is_more_than_half() {
    for (size, quorum) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)] {
        let voters: Vec<NodeId> = (1..=size).map(NodeId).collect();
        let least = |rule: QuorumRule| {
            let quorums = rule.quorums(&voters).unwrap();
            (1..=voters.len()).find(|count| quorums.commit().is_quorum(&voters[..*count])).unwrap()
        };
        assert_eq!(least(QuorumRule::Majority), quorum, "of {size}");
        assert_eq!(least(QuorumRule::SabotagedOneShort), (quorum - 1).max(1), "of {size}");
    }
}

/// Voters listed twice would be counted twice.
#[test]
fn impossible_configurations_are_refused() {
    let refused = |adjust: fn(&mut Config)| {
        let mut config = Config::new(ME, [ME, TWO, THREE]);
        adjust(&mut config);
        Raft::new(config).unwrap_err()
    };
    assert_eq!(refused(|config| config.voters.clear()), ConfigError::NoVoters);
    assert_eq!(refused(|config| config.voters.push(TWO)), ConfigError::DuplicateVoter { id: TWO });
    assert_eq!(refused(|config| config.id = NodeId(9)), ConfigError::NotAVoter { id: NodeId(9) });
    let limit = |error| matches!(error, ConfigError::Limit { .. });
    assert!(limit(refused(|config| config.in_flight_max = 0)));
    assert!(limit(refused(|config| config.payload_bytes_max = 1 << 30)));
    let ms = Duration::from_millis;
    let max = refused(|config| config.election_timeout_max = config.election_timeout_min);
    assert_eq!(max, ConfigError::ElectionTimeout { min: ms(150), max: ms(150) });
    let slow = refused(|config| config.heartbeat_interval = config.election_timeout_min);
    assert_eq!(slow, ConfigError::HeartbeatInterval { interval: ms(150), election_timeout_min: ms(150) });
}

/// etcd 8334, tikv 3270: with PreVote and CheckQuorum, a node of a higher term could neither be elected nor be led.
#[test]
fn a_node_of_a_higher_term_rejoins_under_every_combination_of_settings() {
    for (pre_vote, check_quorum) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut cluster = Cluster::with(3, |config| {
            config.pre_vote = pre_vote;
            config.check_quorum = check_quorum;
        });
        cluster.run(Duration::from_secs(1));
        let lost = (1..=3).find(|id| Some(NodeId(*id)) != cluster.leader()).unwrap();
        cluster.isolate(lost);
        // However it got there: an operator forced it, or it ran without PreVote before.
        cluster.deliver_to(lost % 3 + 1, lost, Message::Heard { term: Term(50), round: 0 });
        cluster.run(Duration::from_secs(1));
        cluster.connect(lost);
        cluster.run(Duration::from_secs(3));
        let leader = cluster.leader().unwrap().0;
        cluster.propose(leader, "after");
        cluster.run(Duration::from_millis(200));
        for id in 1..=3 {
            assert_eq!(cluster.payloads(id), ["after"], "{pre_vote} {check_quorum}");
        }
    }
}

/// `openraft` 2080: with one link cut, two nodes deposed each other for ever through the third.
#[test]
fn one_cut_link_does_not_unseat_the_leader() {
    let mut cluster = Cluster::new(3);
    cluster.run(Duration::from_secs(1));
    let leader = cluster.leader().unwrap().0;
    let term = cluster.raft(leader).term();
    cluster.disconnect(leader, leader % 3 + 1);
    cluster.run(Duration::from_secs(5));
    cluster.propose(leader, "through the bridge");
    cluster.run(Duration::from_millis(200));
    assert_eq!(cluster.raft(leader).role(), Role::Leader);
    assert_eq!(cluster.raft(leader).term(), term);
    assert_eq!(cluster.payloads(leader), ["through the bridge"]);
}

/// The quorum-loss case of partial connectivity: everybody reaches node 3 only. A leader without a quorum must make room.
#[test]
fn the_only_node_that_reaches_a_quorum_becomes_leader() {
    let mut cluster = Cluster::new(5);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.propose(1, "before");
    cluster.stabilize();
    for a in [1, 2, 4, 5] {
        for b in [1, 2, 4, 5] {
            cluster.disconnect(a, b);
        }
    }
    cluster.run(Duration::from_secs(5));
    assert_eq!(cluster.raft(3).role(), Role::Leader);
    cluster.propose(3, "after");
    cluster.run(Duration::from_millis(200));
    for id in 1..=5 {
        assert_eq!(cluster.payloads(id), ["before", "after"]);
    }
}

/// `hashicorp/raft` 666: an answer that was no answer to this leader kept it in office.
#[test]
fn answers_of_another_term_do_not_keep_a_leader_in_office() {
    let mut node = leader(3);
    node.fire(Timer::CheckQuorum);
    hear(&mut node, 2, acknowledged(0, 0));
    hear(&mut node, 2, Message::Heard { term: Term(0), round: 0 });
    hear(&mut node, 3, Message::PreVote { term: Term(2), last: id(1, 1) });
    node.fire(Timer::CheckQuorum);
    assert_eq!(node.protocol.role(), Role::Follower);
}

/// `redpanda` 30815: a follower under repair did not reset its election timer, and stormed its leader with pre-votes.
#[test]
fn a_follower_that_rejects_still_hears_its_leader() {
    let mut node = bench(3, |_| {});
    for _ in 0..20 {
        node.advance(Duration::from_millis(140));
        hear(&mut node, 2, append(1, (1, 9), 0, 1, &["x"]));
    }
    assert_eq!(node.protocol.role(), Role::Follower);
    assert_eq!(node.protocol.leader(), Some(TWO));
}

/// `hashicorp/raft` 605: nodes that took the candidate for their leader refused its pre-vote for ever.
#[test]
fn a_follower_is_not_loyal_to_its_leader_against_itself() {
    let mut node = bench(3, |_| {});
    hear(&mut node, 2, append(1, (0, 0), 0, 1, &["x"]));
    node.sync().unwrap();
    node.take();
    hear(&mut node, 3, Message::PreVote { term: Term(2), last: id(1, 1) });
    assert_eq!(sent(&mut node), [(3, Message::PreVoted { term: Term(1), granted: false })]);
    hear(&mut node, 2, Message::PreVote { term: Term(2), last: id(1, 1) });
    assert_eq!(sent(&mut node), [(2, Message::PreVoted { term: Term(2), granted: true })]);
}

/// `yugabyte` 32876 and etcd e419ba5: progress stayed frozen after a loss, or the window was never given back.
#[test]
fn every_loss_is_recovered_from_and_the_window_is_given_back() {
    let mut cluster = Cluster::with(3, |config| {
        config.in_flight_max = 2;
        config.batch_entries_max = 1;
    });
    cluster.campaign(1);
    cluster.stabilize();
    for round in 0..20 {
        cluster.propose_burst(1, &["a", "b", "c", "d"]);
        match round % 4 {
            0 => drop(cluster.intercept(2)),
            1 => {
                cluster.deliver(0);
                drop(cluster.intercept(1));
            }
            2 => {
                cluster.link(1, 2, Link::Down);
                drop(cluster.intercept(2));
                cluster.link(1, 2, Link::Up { version: 1 });
            }
            _ => drop(cluster.intercept(3)),
        }
        cluster.stabilize();
        for _ in 0..3 {
            cluster.fire(ME, Timer::Heartbeat);
            cluster.stabilize();
        }
        for peer in cluster.raft(1).status().peers {
            assert_eq!((peer.matched, peer.in_flight), (cluster.raft(1).last_index(), 0), "round {round}");
        }
    }
}

/// Answering every rejection by sending everything again multiplies messages: rejections of one pipeline make one message.
#[test]
fn a_window_of_rejections_is_answered_by_one_message() {
    let mut node = leader(3);
    hear(&mut node, 2, acknowledged(1, 1));
    for payload in ["a", "b", "c", "d", "e"] {
        propose(&mut node, payload);
    }
    node.take();
    for prev in 2..=5 {
        hear(&mut node, 2, Message::Rejected { term: Term(1), prev: Index(prev), hint: id(1, 1), round: 1 });
    }
    let to_two: Vec<_> = sent(&mut node).into_iter().filter(|(to, _)| *to == 2).collect();
    assert_eq!(to_two.len(), 1, "{to_two:?}");
}

/// Held promises are bounded: during a stall a message delivered a thousand times adds neither a record nor a promise.
#[test]
fn a_stalled_disk_does_not_pile_up_promises() {
    let mut node = bench(3, |_| {});
    for _ in 0..1000 {
        hear(&mut node, 2, append(1, (0, 0), 0, 1, &["x"]));
    }
    for _ in 0..1000 {
        hear(&mut node, 2, append(1, (1, 1), 1, 0, &[]));
    }
    assert_eq!(commit(&node), 1, "what it carries is learnt all the same");
    assert_eq!(node.log.end(), Lsn(2));
    node.take();
    node.sync().unwrap();
    assert_eq!(sent(&mut node), [(2, acknowledged(1, 1))]);

    let mut node = bench(3, |_| {});
    for _ in 0..1000 {
        hear(&mut node, 2, Message::RequestVote { term: Term(1), last: EntryId::ZERO, by_transfer: false });
    }
    assert_eq!(node.log.end(), Lsn(1));
    node.sync().unwrap();
    assert_eq!(sent(&mut node), [(2, Message::Voted { term: Term(1), granted: true })]);

    let mut node = bench(3, |config| config.pre_vote = false);
    node.advance(Duration::from_secs(60));
    assert_eq!((node.protocol.term(), node.log.end()), (Term(1), Lsn(1)));
}

/// A promise given to one leader is none to the next, however far it went.
#[test]
fn a_new_leader_gets_a_promise_of_its_own() {
    let mut node = bench(3, |_| {});
    hear(&mut node, 2, append(1, (0, 0), 0, 1, &["a", "b", "c"]));
    node.sync().unwrap();
    node.take();
    hear(&mut node, 3, append(2, (1, 1), 0, 0, &[]));
    assert_eq!(sent(&mut node), []);
    node.sync().unwrap();
    assert_eq!(sent(&mut node), [(3, acknowledged(2, 1))]);
}

/// One forged message must not use up the terms and indices that are left.
#[test]
fn terms_and_indices_near_the_end_are_refused() {
    let mut node = leader(3);
    let max = Term(u64::MAX);
    for message in [
        Message::Heard { term: max, round: 0 },
        Message::Voted { term: max, granted: false },
        Message::RequestVote { term: max, last: id(1, 1), by_transfer: false },
        append(u64::MAX, (0, 0), 0, 1, &["x"]),
        acknowledged(u64::MAX, 1),
    ] {
        hear(&mut node, 2, message);
        assert_eq!(events(&mut node), [Event::Illegal { from: TWO, reason: Illegal::ImpossibleTerm }]);
    }
    hear(&mut node, 2, acknowledged(1, 2));
    assert_eq!(events(&mut node), [Event::Illegal { from: TWO, reason: Illegal::ImpossibleIndex }]);
    assert_eq!((node.protocol.term(), node.protocol.role()), (Term(1), Role::Leader));
    // The last term that is taken part in has no successor: a node there follows, and does not campaign.
    hear(&mut node, 2, Message::Heard { term: Term::MAX, round: 0 });
    node.advance(Duration::from_secs(5));
    assert_eq!((node.protocol.term(), node.protocol.role()), (Term::MAX, Role::Follower));
}

/// What is committed here is never removed, whoever says so.
#[test]
fn a_conflict_with_what_is_committed_is_refused() {
    let mut node = bench(3, |_| {});
    hear(&mut node, 2, append(1, (0, 0), 2, 1, &["a", "b"]));
    node.take();
    hear(&mut node, 3, append(2, (0, 0), 2, 2, &["x", "y"]));
    assert!(
        events(&mut node).contains(&Event::Illegal { from: THREE, reason: Illegal::ConflictsWithCommitted })
    );
    assert_eq!(node.protocol.term_at(Index(1)), Some(Term(1)));
}

#[test]
fn a_payload_beyond_the_limit_is_given_back() {
    let mut node = bench(1, |config| config.payload_bytes_max = 3);
    node.input(Input::Command(Command::Campaign));
    node.sync().unwrap();
    node.take();
    propose(&mut node, "four");
    let payload = Bytes::from_static(b"four");
    let refused = Event::Refused { token: 0, payload, leader: Some(ME), reason: Refusal::TooLarge };
    assert_eq!(events(&mut node), [refused]);
}

/// An echo of a round that was never begun is forged: it would confirm reads that nobody has confirmed.
#[test]
fn a_round_that_was_not_begun_is_refused() {
    let mut node = leader(3);
    hear(&mut node, 2, Message::Appended { term: Term(1), matched: Index(1), round: 2 });
    assert_eq!(events(&mut node), [Event::Illegal { from: TWO, reason: Illegal::ImpossibleRound }]);
    assert_eq!(commit(&node), 0);
}

/// A follower echoes the last round of its leader in this term, whatever the order of arrival, and none to another.
#[test]
fn a_follower_echoes_the_last_round_that_it_has_heard() {
    let mut node = bench(3, |_| {});
    let beat = |term: u64, round| Message::Append {
        term: Term(term),
        prev_term: Term(0),
        commit: Index(0),
        round,
        entries: Segment::empty(Index(1)),
    };
    for (term, round, echoed) in [(1, 4, 4), (1, 3, 4), (1, 5, 5), (2, 1, 1)] {
        hear(&mut node, 2, beat(term, round));
        // While the new term is on its way to the disk, the answer is that the leader is heard.
        assert_eq!(sent(&mut node).pop(), Some((2, Message::Heard { term: Term(term), round: echoed })));
    }
    node.sync().unwrap();
    hear(&mut node, 2, beat(2, 2));
    let echo = Message::Appended { term: Term(2), matched: Index(0), round: 2 };
    assert_eq!(sent(&mut node), [(2, echo)]);
    hear(&mut node, 3, beat(1, 9));
    assert_eq!(sent(&mut node), [(3, Message::Heard { term: Term(2), round: 0 })]);
}
