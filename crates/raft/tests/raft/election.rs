//! Votes and opinions at the edges: stale ones, early ones, and the last term of all.

use crate::bugs::{append, bench, hear, id, sent};
use crate::cluster::Cluster;
use synod_core::{Input, testing::Bench};
use synod_raft::{Command, EntryId, Message, Raft, Role, Term, Timer};

fn pre_vote(term: u64) -> Message {
    Message::PreVote { term: Term(term), last: EntryId::ZERO }
}

fn pre_voted(term: u64) -> Message {
    Message::PreVoted { term: Term(term), granted: true }
}

/// Asks the other two of three whether it would win term 1.
fn pre_candidate() -> Bench<Raft> {
    let mut node = bench(3, |_| {});
    node.input(Input::Command(Command::Campaign));
    assert_eq!(node.protocol.role(), Role::PreCandidate);
    node.take();
    node
}

/// Somebody stands in the term that is asked for already, or has led it: the pre-candidate has to learn of that term first.
#[test]
fn a_pre_vote_for_a_term_that_has_begun_is_refused() {
    let mut node = bench(3, |_| {});
    hear(&mut node, 2, Message::Heard { term: Term(4), round: 0 });
    for (asked, granted, named) in [(3, false, 4), (4, false, 4), (5, true, 5)] {
        hear(&mut node, 3, pre_vote(asked));
        assert_eq!(sent(&mut node), [(3, Message::PreVoted { term: Term(named), granted })], "term {asked}");
    }
}

#[test]
fn an_opinion_about_another_term_is_not_counted() {
    for term in [0, 2, 9] {
        let mut node = pre_candidate();
        hear(&mut node, 2, pre_voted(term));
        hear(&mut node, 3, pre_voted(term));
        assert_eq!((node.protocol.role(), node.protocol.term()), (Role::PreCandidate, Term(0)), "{term}");
    }
    let mut node = pre_candidate();
    hear(&mut node, 2, pre_voted(1));
    assert_eq!((node.protocol.role(), node.protocol.term()), (Role::Candidate, Term(1)));
}

/// The answers of a round of questions may come when nobody asks any more.
#[test]
fn an_opinion_that_nobody_asked_for_begins_no_election() {
    let mut node = pre_candidate();
    hear(&mut node, 2, append(1, (0, 0), 0, 1, &["x"]));
    node.sync().unwrap();
    hear(&mut node, 3, pre_voted(2));
    hear(&mut node, 2, pre_voted(2));
    assert_eq!((node.protocol.role(), node.protocol.term()), (Role::Follower, Term(1)));
}

/// Loyalty keeps a *later* term from a node; about its own term it answers.
#[test]
fn a_loyal_follower_answers_a_candidate_of_its_own_term() {
    let mut node = bench(3, |_| {});
    hear(&mut node, 2, append(1, (0, 0), 0, 1, &["x"]));
    node.sync().unwrap();
    node.take();
    hear(&mut node, 3, Message::RequestVote { term: Term(1), last: id(1, 1), by_transfer: false });
    assert_eq!(sent(&mut node), [(3, Message::Voted { term: Term(1), granted: false })]);
    hear(&mut node, 3, Message::RequestVote { term: Term(2), last: id(1, 1), by_transfer: false });
    assert_eq!(sent(&mut node), [], "for a later one it is deaf");
}

#[test]
fn the_last_term_can_be_reached_and_not_passed() {
    let mut node = bench(3, |config| config.pre_vote = false);
    hear(&mut node, 2, Message::Heard { term: Term(Term::MAX.0 - 1), round: 0 });
    node.input(Input::Command(Command::Campaign));
    node.sync().unwrap();
    assert_eq!((node.protocol.term(), node.protocol.role()), (Term::MAX, Role::Candidate));
    node.fire(Timer::Election);
    node.input(Input::Command(Command::Campaign));
    assert_eq!(node.protocol.term(), Term::MAX);
}

/// As in etcd: a candidate that so many refuse that the rest are no quorum does not go on asking.
#[test]
fn who_is_refused_by_a_quorum_follows() {
    for (pre_vote, size) in [(true, 3), (false, 3), (true, 5), (false, 5)] {
        let mut cluster = Cluster::with(size, |config| (config.pre_vote, config.lending) = (pre_vote, false));
        cluster.install(1, &[(1, 1)]);
        for id in 2..=size {
            cluster.install(id, &[(1, 2)]);
        }
        cluster.campaign(1);
        let asked = if pre_vote { Role::PreCandidate } else { Role::Candidate };
        // Two refusals of three are too many, and two of five are not.
        for id in 4..=size {
            cluster.isolate(id);
        }
        cluster.stabilize();
        let becomes = if size == 3 { Role::Follower } else { asked };
        assert_eq!((cluster.raft(1).role(), cluster.raft(1).leader()), (becomes, None), "{pre_vote} {size}");
        // It has not given up for good.
        cluster.time_out(1);
        assert_eq!(cluster.raft(1).role(), asked);
    }
}

/// Refusals count as votes do: of this term, to this question, once, and from members.
#[test]
fn a_refusal_that_is_none_changes_nothing() {
    let refused = |term| Message::Voted { term: Term(term), granted: false };
    let no = |term| Message::PreVoted { term: Term(term), granted: false };
    let mut node = pre_candidate();
    hear(&mut node, 2, pre_voted(1));
    assert_eq!(node.protocol.role(), Role::Candidate);
    // Of an earlier term, and to an earlier question.
    for late in [refused(0), no(0), no(1)] {
        let before = node.protocol.clone();
        hear(&mut node, 2, late.clone());
        hear(&mut node, 3, late);
        assert_eq!(node.protocol, before);
    }
    // A stranger's, and one that comes twice.
    hear(&mut node, 3, refused(1));
    let before = node.protocol.clone();
    hear(&mut node, 3, refused(1));
    hear(&mut node, 9, refused(1));
    assert_eq!(node.protocol, before);
    assert_eq!(node.protocol.role(), Role::Candidate);
    hear(&mut node, 2, refused(1));
    assert_eq!(node.protocol.role(), Role::Follower);
}

#[test]
fn a_candidate_follows_the_leader_of_its_own_term() {
    let mut node = pre_candidate();
    hear(&mut node, 2, pre_voted(1));
    assert_eq!((node.protocol.role(), node.protocol.term()), (Role::Candidate, Term(1)));
    hear(&mut node, 3, append(1, (0, 0), 0, 1, &["x"]));
    assert_eq!(
        (node.protocol.role(), node.protocol.status().leader),
        (Role::Follower, Some(synod_core::NodeId(3)))
    );
    // Votes that come now elect nobody.
    hear(&mut node, 2, Message::Voted { term: Term(1), granted: true });
    node.sync().unwrap();
    assert_eq!(node.protocol.role(), Role::Follower);
}
