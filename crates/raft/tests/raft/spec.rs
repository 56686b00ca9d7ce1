//! The executable specification by itself: its guards keep its theorems, whatever happens in whatever order, and each guard bites.

use std::collections::BTreeMap;
use std::sync::Arc;
use synod_core::{Entropy as _, Lsn, NodeId, SplitMix64};
use synod_raft::spec::{
    Action, Entries, Guard, HardState, Heard, Note, Refinement, Spec, State, Word, Written,
};
use synod_raft::{Change, EntryId, Index, Membership, QuorumRule, Role, Step, Term};

pub(crate) const A: NodeId = NodeId(1);
pub(crate) const B: NodeId = NodeId(2);
pub(crate) const C: NodeId = NodeId(3);
pub(crate) const DURABLE: Lsn = Lsn(u64::MAX);

pub(crate) fn id(term: u64, index: u64) -> EntryId {
    EntryId { term: Term(term), index: Index(index) }
}

pub(crate) fn entries(prev_term: u64, term: u64, first: u64, last: u64) -> Entries {
    let (first, last) = (Index(first), Index(last));
    Entries { prev_term: Term(prev_term), first, last, term: Term(term), membership: None }
}

pub(crate) fn membership(ids: &[NodeId]) -> Arc<Membership> {
    Arc::new(Membership::of(ids.iter().copied()))
}

pub(crate) fn three() -> Spec {
    Spec::of(Membership::of([A, B, C]), QuorumRule::Majority)
}

/// `leader` wins the next term with the vote of `voter`.
pub(crate) fn elect(spec: &mut Spec, leader: NodeId, voter: NodeId, term: u64, last: EntryId) {
    spec.take(leader, Action::Timeout).unwrap();
    spec.take(leader, Action::CountVote { voter: leader }).unwrap();
    spec.take(voter, Action::UpdateTerm { term: Term(term) }).unwrap();
    spec.take(voter, Action::GrantVote { candidate: leader, last }).unwrap();
    spec.take(leader, Action::CountVote { voter }).unwrap();
    spec.take(leader, Action::BecomeLeader).unwrap();
}

pub(crate) fn acknowledge(spec: &mut Spec, follower: NodeId, leader: NodeId, term: u64, matched: u64) {
    let (term, matched) = (Term(term), Index(matched));
    spec.take(follower, Action::Acknowledge { leader, term, matched, after: DURABLE }).unwrap();
    spec.take(leader, Action::CountAcknowledgement { follower, matched }).unwrap();
}

pub(crate) fn refused(spec: &mut Spec, server: NodeId, action: Action) -> Guard {
    spec.clone().take(server, action).unwrap_err().guard
}

#[test]
fn one_vote_for_each_term_also_after_a_restart() {
    let mut spec = three();
    for candidate in [A, B] {
        spec.take(candidate, Action::Timeout).unwrap();
    }
    spec.take(C, Action::UpdateTerm { term: Term(1) }).unwrap();
    spec.take(C, Action::GrantVote { candidate: A, last: EntryId::ZERO }).unwrap();
    spec.take(C, Action::Restart).unwrap();
    let again = Action::GrantVote { candidate: B, last: EntryId::ZERO };
    assert_eq!(refused(&mut spec, C, again), Guard::VotedAlready { term: Term(1), voted_for: A });
    let told = Action::SayVote { candidate: B, term: Term(1), after: DURABLE };
    assert_eq!(refused(&mut spec, C, told), Guard::OtherVote { candidate: B });
}

#[test]
fn votes_are_for_who_asked_and_is_up_to_date() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 2) }).unwrap();
    let unasked = Action::GrantVote { candidate: C, last: EntryId::ZERO };
    assert!(matches!(refused(&mut spec, B, unasked), Guard::NotAsked { .. }));
    spec.take(B, Action::HandleAppendEntries { entries: entries(0, 1, 1, 2) }).unwrap();
    for _ in 0..2 {
        spec.take(C, Action::Timeout).unwrap();
    }
    spec.take(B, Action::UpdateTerm { term: Term(2) }).unwrap();
    let behind = Action::GrantVote { candidate: C, last: EntryId::ZERO };
    let guard = Guard::NotUpToDate { theirs: EntryId::ZERO, own: id(1, 2) };
    assert_eq!(refused(&mut spec, B, behind), guard);
    assert_eq!(
        refused(&mut spec, B, Action::UpdateTerm { term: Term(9) }),
        Guard::TermUnheard { term: Term(9) }
    );
    assert_eq!(
        refused(&mut spec, B, Action::UpdateTerm { term: Term(2) }),
        Guard::TermNotLater { term: Term(2) }
    );
}

#[test]
fn a_vote_that_was_not_given_elects_nobody() {
    let mut spec = three();
    spec.take(A, Action::Timeout).unwrap();
    let forged = Action::CountVote { voter: B };
    assert_eq!(refused(&mut spec, A, forged), Guard::OtherVote { candidate: A });
    spec.take(A, Action::CountVote { voter: A }).unwrap();
    spec.take(A, Action::CountVote { voter: A }).unwrap();
    assert_eq!(
        refused(&mut spec, A, Action::BecomeLeader),
        Guard::NoElectionQuorum { votes: 1, index: Index(0) }
    );
    assert_eq!(refused(&mut spec, B, Action::BecomeLeader), Guard::NotCandidate);
}

#[test]
fn entries_are_made_by_the_leader_of_their_term_alone() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    let made = entries(0, 1, 1, 2);
    assert_eq!(refused(&mut spec, B, Action::ClientRequest { entries: made.clone() }), Guard::NotLeader);
    spec.take(A, Action::ClientRequest { entries: made }).unwrap();
    let gap = Action::ClientRequest { entries: entries(1, 1, 4, 4) };
    assert_eq!(refused(&mut spec, A, gap), Guard::Gap { entry: id(1, 4), last: id(1, 2) });
    let unmade = Action::HandleAppendEntries { entries: entries(0, 1, 1, 3) };
    assert_eq!(refused(&mut spec, B, unmade), Guard::Unsent);
    let elsewhere = Action::HandleAppendEntries { entries: entries(1, 1, 1, 2) };
    assert_eq!(refused(&mut spec, B, elsewhere), Guard::NotMade { entry: id(1, 1) });
    let hanging = Action::HandleAppendEntries { entries: entries(1, 1, 2, 2) };
    assert_eq!(refused(&mut spec, B, hanging), Guard::Inconsistent { prev: id(1, 1) });
    // What is said of the own log must be in it.
    let beyond = Action::AppendEntries { to: B, term: Term(1), entries: entries(1, 1, 3, 3) };
    assert_eq!(refused(&mut spec, A, beyond), Guard::NotInLog { entry: id(1, 3) });
}

#[test]
fn a_witness_is_not_the_first_to_hear_of_an_entry() {
    let with_witness =
        Membership::of([A, B]).changed(&Change::from(Step::AddWitness(C)), &QuorumRule::Majority).unwrap();
    let mut spec = Spec::of(with_witness, QuorumRule::Majority);
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 2) }).unwrap();
    let send = |to, last| Action::AppendEntries { to, term: Term(1), entries: entries(0, 1, 1, last) };
    let alone = |index| Guard::WitnessAlone { entry: id(1, index) };
    spec.take(A, send(B, 2)).unwrap();
    // None says nothing of any, and so may be sent.
    let none = Entries { last: Index(0), ..entries(0, 1, 1, 0) };
    spec.take(A, Action::AppendEntries { to: C, term: Term(1), entries: none }).unwrap();
    assert_eq!(refused(&mut spec, A, send(C, 1)), alone(1));
    // Whoever else could lead will do, and so does the leader itself; each as far as it goes.
    spec.take(B, Action::HandleAppendEntries { entries: entries(0, 1, 1, 1) }).unwrap();
    acknowledge(&mut spec, B, A, 1, 1);
    spec.take(A, send(C, 1)).unwrap();
    assert_eq!(refused(&mut spec, A, send(C, 2)), alone(2));
    acknowledge(&mut spec, A, A, 1, 2);
    spec.take(A, send(C, 2)).unwrap();
    spec.take(A, Action::AdvanceCommitIndex { index: Index(2) }).unwrap_err();
    spec.take(C, Action::UpdateTerm { term: Term(1) }).unwrap();
    spec.take(C, Action::HandleAppendEntries { entries: entries(0, 1, 1, 2) }).unwrap();
    acknowledge(&mut spec, C, A, 1, 2);
    spec.take(A, Action::AdvanceCommitIndex { index: Index(2) }).unwrap();

    // A leader that is on its way out does not count, nor does another who has not heard by which membership it votes.
    let left = Membership::of([A, B]).changed(&Change::from(Step::AddWitness(C)), &QuorumRule::Majority);
    let left = left.unwrap().changed(&Change::from(Step::Remove(A)), &QuorumRule::Majority).unwrap();
    let entry = Entries { membership: Some(Arc::new(left)), ..entries(1, 1, 3, 3) };
    spec.take(A, Action::ClientRequest { entries: entry.clone() }).unwrap();
    acknowledge(&mut spec, A, A, 1, 3);
    let send = Action::AppendEntries {
        to: C,
        term: Term(1),
        entries: Entries { membership: None, ..entry.clone() },
    };
    assert_eq!(refused(&mut spec, A, send.clone()), alone(3));
    let again = Action::AppendEntries { to: C, term: Term(1), entries: entries(0, 1, 1, 2) };
    assert_eq!(refused(&mut spec, A, again), alone(2));
    spec.take(B, Action::HandleAppendEntries { entries: entries(1, 1, 2, 2) }).unwrap();
    spec.take(B, Action::HandleAppendEntries { entries: entry }).unwrap();
    acknowledge(&mut spec, B, A, 1, 3);
    spec.take(A, send).unwrap();
}

#[test]
fn acknowledgements_are_of_what_is_equal() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 2) }).unwrap();
    spec.take(B, Action::HandleAppendEntries { entries: entries(0, 1, 1, 1) }).unwrap();
    let say = |leader, term, matched| Action::Acknowledge {
        leader,
        term: Term(term),
        matched: Index(matched),
        after: DURABLE,
    };
    spec.take(B, say(A, 1, 1)).unwrap();
    assert_eq!(refused(&mut spec, B, say(A, 1, 2)), Guard::NotEqual { matched: Index(2) });
    assert_eq!(refused(&mut spec, B, say(C, 1, 1)), Guard::NoSuchLeader { term: Term(1), leader: C });
    assert_eq!(refused(&mut spec, C, say(A, 1, 0)), Guard::OtherTerm { term: Term(1), own: Term(0) });
}

#[test]
fn a_quorum_commits_and_only_entries_of_the_own_term() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 2) }).unwrap();
    let commit = |index| Action::AdvanceCommitIndex { index: Index(index) };
    acknowledge(&mut spec, A, A, 1, 2);
    assert_eq!(refused(&mut spec, A, commit(2)), Guard::NoCommitQuorum { index: Index(0) });
    // Figure 8: B has the first of them and leads, and counts it.
    spec.take(B, Action::HandleAppendEntries { entries: entries(0, 1, 1, 1) }).unwrap();
    elect(&mut spec, B, C, 2, id(1, 1));
    spec.take(C, Action::HandleAppendEntries { entries: entries(0, 1, 1, 1) }).unwrap();
    for follower in [B, C] {
        acknowledge(&mut spec, follower, B, 2, 1);
    }
    assert_eq!(refused(&mut spec, B, commit(1)), Guard::EarlierTerm { term: Term(1) });
    spec.take(B, Action::ClientRequest { entries: entries(1, 2, 2, 2) }).unwrap();
    spec.take(C, Action::HandleAppendEntries { entries: entries(1, 2, 2, 2) }).unwrap();
    assert_eq!(
        refused(&mut spec, C, Action::LearnCommitIndex { index: Index(1) }),
        Guard::NotTold { told: Index(0) }
    );
    for follower in [B, C] {
        acknowledge(&mut spec, follower, B, 2, 2);
    }
    spec.take(B, commit(2)).unwrap();
    spec.take(C, Action::LearnCommitIndex { index: Index(2) }).unwrap();
    assert_eq!(spec.committed(), Index(2));
    let told = Action::TellCommit { term: Term(2), index: Index(3) };
    assert_eq!(refused(&mut spec, B, told), Guard::TellsTooMuch { told: Index(3), own: Index(2) });
}

#[test]
fn one_change_at_a_time_after_an_entry_of_the_own_term() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 1) }).unwrap();
    let change = |index: u64, to: &[NodeId]| {
        let one = entries(1, 1, index, index);
        Action::ClientRequest { entries: Entries { membership: Some(membership(to)), ..one } }
    };
    assert_eq!(refused(&mut spec, A, change(2, &[A, B])), Guard::OwnTermUncommitted { first: Index(1) });
    spec.take(B, Action::HandleAppendEntries { entries: entries(0, 1, 1, 1) }).unwrap();
    for follower in [A, B] {
        acknowledge(&mut spec, follower, A, 1, 1);
    }
    spec.take(A, Action::AdvanceCommitIndex { index: Index(1) }).unwrap();
    assert_eq!(refused(&mut spec, A, change(2, &[A, NodeId(4)])), Guard::QuorumsApart);
    spec.take(A, change(2, &[A, B])).unwrap();
    assert_eq!(refused(&mut spec, A, change(3, &[A])), Guard::ChangeInProgress { index: Index(2) });
    // The new membership commits itself: both of two.
    acknowledge(&mut spec, A, A, 1, 2);
    let commit = Action::AdvanceCommitIndex { index: Index(2) };
    assert_eq!(refused(&mut spec, A, commit), Guard::NoCommitQuorum { index: Index(2) });
}

/// The same voters by another rule are another membership: it takes a joint one in between, which both rules must commit.
#[test]
fn a_rule_is_changed_through_a_joint_membership_and_each_half_counts_by_its_own() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(C, Action::UpdateTerm { term: Term(1) }).unwrap();
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 1) }).unwrap();
    for follower in [B, C] {
        spec.take(follower, Action::HandleAppendEntries { entries: entries(0, 1, 1, 1) }).unwrap();
    }
    for follower in [A, B] {
        acknowledge(&mut spec, follower, A, 1, 1);
    }
    spec.take(A, Action::AdvanceCommitIndex { index: Index(1) }).unwrap();
    let entry = |index: u64, to: &Membership| {
        let one = entries(1, 1, index, index);
        Entries { membership: Some(to.clone().into()), ..one }
    };
    let change = |index: u64, to: &Membership| Action::ClientRequest { entries: entry(index, to) };
    // C weighs three of five.
    let heavy = Change::rule(QuorumRule::weights([(C, 3)]));
    let joint = Membership::of([A, B, C]).changed(&heavy, &QuorumRule::Majority).unwrap();
    assert_eq!(refused(&mut spec, A, change(2, &joint.left())), Guard::QuorumsApart);
    spec.take(A, change(2, &joint)).unwrap();
    for follower in [B, C] {
        spec.take(follower, Action::HandleAppendEntries { entries: entry(2, &joint) }).unwrap();
    }
    let commit = || Action::AdvanceCommitIndex { index: Index(2) };
    for follower in [A, B] {
        acknowledge(&mut spec, follower, A, 1, 2);
    }
    // Two of three, and two of five.
    assert_eq!(refused(&mut spec, A, commit()), Guard::NoCommitQuorum { index: Index(2) });
    acknowledge(&mut spec, C, A, 1, 2);
    spec.take(A, commit()).unwrap();
    assert_eq!(refused(&mut spec, A, change(3, &Membership::of([A, B, C]))), Guard::QuorumsApart);
    spec.take(A, change(3, &joint.left())).unwrap();
}

#[test]
fn snapshots_cover_what_is_committed() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 2) }).unwrap();
    let compact = |last, ids: &[NodeId]| Action::Compact { last, membership: membership(ids) };
    let all = [A, B, C];
    assert_eq!(refused(&mut spec, A, compact(id(1, 1), &all)), Guard::SnapshotUncommitted { last: id(1, 1) });
    spec.take(B, Action::HandleAppendEntries { entries: entries(0, 1, 1, 2) }).unwrap();
    for follower in [A, B] {
        acknowledge(&mut spec, follower, A, 1, 1);
    }
    spec.take(A, Action::AdvanceCommitIndex { index: Index(1) }).unwrap();
    assert_eq!(refused(&mut spec, A, compact(id(1, 1), &[A, B])), Guard::OtherMembership { index: Index(1) });
    spec.take(A, compact(id(1, 1), &all)).unwrap();
    let install = |last| Action::InstallSnapshot { last, membership: membership(&all) };
    assert_eq!(refused(&mut spec, C, install(id(1, 2))), Guard::SnapshotUncommitted { last: id(1, 2) });
    spec.take(C, install(id(1, 1))).unwrap();
    let older = Guard::OlderSnapshot { last: EntryId::ZERO, own: id(1, 1) };
    assert_eq!(refused(&mut spec, C, install(EntryId::ZERO)), older);
    assert_eq!(refused(&mut spec, C, Action::HandOver { to: B, term: Term(1) }), Guard::NotLeader);
}

#[test]
fn votes_are_asked_for_by_candidates_that_have_what_they_say() {
    let mut spec = three();
    let ask = |last| Action::RequestVotes { last, by_transfer: false, after: DURABLE };
    assert_eq!(refused(&mut spec, A, ask(EntryId::ZERO)), Guard::NotCandidate);
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 2) }).unwrap();
    spec.take(B, Action::HandleAppendEntries { entries: entries(0, 1, 1, 2) }).unwrap();
    spec.take(B, Action::Timeout).unwrap();
    for last in [EntryId::ZERO, id(1, 1), id(1, 2)] {
        spec.take(B, ask(last)).unwrap();
    }
    assert_eq!(refused(&mut spec, B, ask(id(1, 3))), Guard::NotInLog { entry: id(1, 3) });
}

#[test]
fn only_who_was_told_to_take_over_says_so() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    let ask = || Action::RequestVotes { last: EntryId::ZERO, by_transfer: true, after: DURABLE };
    let hand_over = |to| Action::HandOver { to, term: Term(1) };
    spec.take(B, Action::Timeout).unwrap();
    assert_eq!(refused(&mut spec, B, ask()), Guard::NotAppointed);
    spec.take(A, hand_over(C)).unwrap();
    assert_eq!(refused(&mut spec, B, ask()), Guard::NotAppointed);
    spec.take(A, hand_over(B)).unwrap();
    spec.take(B, ask()).unwrap();
    // It takes over after the term in which it was told.
    spec.take(C, Action::Timeout).unwrap();
    assert_eq!(refused(&mut spec, C, ask()), Guard::NotAppointed);
    spec.take(C, Action::Timeout).unwrap();
    spec.take(C, ask()).unwrap();
}

#[test]
fn pre_votes_promise_nothing_and_must_be_true() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 2) }).unwrap();
    spec.take(B, Action::HandleAppendEntries { entries: entries(0, 1, 1, 2) }).unwrap();
    let ask = |term, last| Action::PreVote { term: Term(term), last };
    for last in [EntryId::ZERO, id(1, 1), id(1, 2)] {
        spec.take(B, ask(2, last)).unwrap();
    }
    assert_eq!(refused(&mut spec, B, ask(2, id(1, 3))), Guard::NotInLog { entry: id(1, 3) });
    for term in [1, 3] {
        let other = Guard::OtherTerm { term: Term(term), own: Term(1) };
        assert_eq!(refused(&mut spec, B, ask(term, id(1, 2))), other);
    }
    let grant = |term, last| Action::GrantPreVote { term: Term(term), last };
    for (term, last) in [(2, id(1, 2)), (2, id(1, 3)), (9, id(2, 1))] {
        spec.take(B, grant(term, last)).unwrap();
    }
    assert_eq!(refused(&mut spec, B, grant(1, id(1, 2))), Guard::TermNotLater { term: Term(1) });
    let behind = Guard::NotUpToDate { theirs: id(1, 1), own: id(1, 2) };
    assert_eq!(refused(&mut spec, B, grant(2, id(1, 1))), behind);
}

#[test]
fn a_term_is_left_by_who_does_not_lead_it() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    assert_eq!(refused(&mut spec, A, Action::LeaveTerm), Guard::Leads);
    assert_eq!(refused(&mut spec, A, Action::Timeout), Guard::Leads);
    spec.take(B, Action::LeaveTerm).unwrap();
    assert_eq!(
        refused(&mut spec, B, Action::UpdateTerm { term: Term(2) }),
        Guard::TermNotLater { term: Term(2) }
    );
    // Whoever has stepped down leads no more.
    let made = Action::ClientRequest { entries: entries(0, 1, 1, 1) };
    spec.clone().take(A, made.clone()).unwrap();
    spec.take(A, Action::StepDown).unwrap();
    assert_eq!(refused(&mut spec, A, made), Guard::NotLeader);
    spec.take(A, Action::LeaveTerm).unwrap();
}

#[test]
fn a_vote_that_was_given_is_not_spent_on_oneself() {
    let mut spec = three();
    spec.take(A, Action::Timeout).unwrap();
    spec.take(A, Action::Abstain).unwrap();
    for voter in [B, C] {
        spec.take(voter, Action::UpdateTerm { term: Term(1) }).unwrap();
    }
    let vote = Action::GrantVote { candidate: A, last: EntryId::ZERO };
    spec.take(B, vote.clone()).unwrap();
    assert_eq!(refused(&mut spec, B, Action::Abstain), Guard::VotedAlready { term: Term(1), voted_for: A });
    spec.take(C, Action::Abstain).unwrap();
    spec.take(C, Action::Abstain).unwrap();
    assert_eq!(refused(&mut spec, C, vote), Guard::VotedAlready { term: Term(1), voted_for: C });
}

#[test]
fn three_guards_are_theorems() {
    let index = Index(1);
    for theorem in [
        Guard::ElectionSafety { term: Term(1), leader: A },
        Guard::LeaderCompleteness { entry: id(1, 1) },
        Guard::StateMachineSafety { index },
    ] {
        assert!(theorem.is_theorem(), "{theorem}");
    }
    for guard in [Guard::NotLeader, Guard::Leads, Guard::EarlierTerm { term: Term(1) }] {
        assert!(!guard.is_theorem(), "{guard}");
    }
}

/// A membership that states its rule.
pub(crate) fn ruled(voters: u64, rule: QuorumRule) -> Membership {
    let majority = Membership::of((1..=voters).map(NodeId));
    majority.changed(&Change::rule(rule), &QuorumRule::Majority).unwrap().left()
}

/// Whether these voters elect the first of them, and whether they commit what it makes.
fn suffice(spec: &Spec, voters: u64, these: &[u64]) -> (bool, bool) {
    let leader = NodeId(these[0]);
    let mut spec = spec.clone();
    spec.take(leader, Action::Timeout).unwrap();
    spec.take(leader, Action::CountVote { voter: leader }).unwrap();
    let vote = |spec: &mut Spec, voter| {
        spec.take(voter, Action::UpdateTerm { term: Term(1) }).unwrap();
        spec.take(voter, Action::GrantVote { candidate: leader, last: EntryId::ZERO }).unwrap();
        spec.take(leader, Action::CountVote { voter }).unwrap();
    };
    for voter in &these[1..] {
        vote(&mut spec, NodeId(*voter));
    }
    let elects = spec.clone().take(leader, Action::BecomeLeader).is_ok();
    for voter in (1..=voters).filter(|voter| !these.contains(voter)) {
        vote(&mut spec, NodeId(voter));
    }
    spec.take(leader, Action::BecomeLeader).unwrap();
    spec.take(leader, Action::ClientRequest { entries: entries(0, 1, 1, 1) }).unwrap();
    for voter in these {
        if NodeId(*voter) != leader {
            let made = Action::HandleAppendEntries { entries: entries(0, 1, 1, 1) };
            spec.take(NodeId(*voter), made).unwrap();
        }
        acknowledge(&mut spec, NodeId(*voter), leader, 1, 1);
    }
    (elects, spec.take(leader, Action::AdvanceCommitIndex { index: Index(1) }).is_ok())
}

#[test]
fn quorums_are_counted_by_their_rules() {
    let flexible = |commit| Spec::of(Membership::of((1..=5).map(NodeId)), QuorumRule::Flexible { commit });
    for (commit, these, expected) in [
        (2, &[1][..], (false, false)),
        (2, &[1, 2], (false, true)),
        (2, &[1, 2, 3], (false, true)),
        (2, &[1, 2, 3, 4], (true, true)),
        (4, &[1, 2], (false, false)),
        (4, &[1, 2, 3], (true, true)),
    ] {
        assert_eq!(suffice(&flexible(commit), 5, these), expected, "{commit}: {these:?}");
    }
    let zones =
        |zones: &[&[u64]]| QuorumRule::zones(zones.iter().map(|zone| zone.iter().copied().map(NodeId)));
    let weighing = |weight| ruled(3, QuorumRule::weights([(C, weight)]));
    let three_zones = ruled(5, zones(&[&[1, 2, 3], &[4]]));
    let two_zones = ruled(4, zones(&[&[1, 2], &[3, 4]]));
    for (membership, voters, these, expected) in [
        (weighing(3), 3, &[1, 2][..], false),
        (weighing(3), 3, &[3], true),
        (weighing(2), 3, &[3], false),
        (weighing(2), 3, &[3, 1], true),
        // Three heads in one zone, one in another, and one that stands in none.
        (three_zones.clone(), 5, &[1, 2, 3], false),
        (three_zones.clone(), 5, &[1, 4], false),
        (three_zones.clone(), 5, &[4], false),
        (three_zones.clone(), 5, &[4, 5], true),
        (three_zones, 5, &[1, 3, 5], true),
        (two_zones.clone(), 4, &[1, 2], false),
        (two_zones.clone(), 4, &[1, 3, 4], false),
        (two_zones, 4, &[1, 2, 3, 4], true),
    ] {
        let spec = Spec::of(membership.clone(), QuorumRule::Majority);
        assert_eq!(suffice(&spec, voters, these), (expected, expected), "{membership:?}: {these:?}");
    }
}

#[test]
fn loans_are_of_more_than_one_has() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 2) }).unwrap();
    let borrow = |last| Action::Borrow { entries: entries(0, 1, 1, 2), lender: id(1, last) };
    assert_eq!(refused(&mut spec, A, borrow(3)), Guard::Leads);
    spec.take(C, borrow(2)).unwrap();
    let lags = Guard::LenderLags { theirs: id(1, 2), own: id(1, 2) };
    assert_eq!(refused(&mut spec, C, borrow(2)), lags);
    let mend = Action::Mend { entries: entries(0, 1, 1, 2) };
    assert_eq!(refused(&mut spec, C, mend), Guard::Unsent, "nothing is damaged");
}

#[test]
fn what_is_stored_in_doubt_counts_when_the_doubt_is_over() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 2) }).unwrap();
    acknowledge(&mut spec, A, A, 1, 1);
    spec.take(B, Action::HandleAppendEntries { entries: entries(0, 1, 1, 2) }).unwrap();
    let (leader, term, after) = (A, Term(1), DURABLE);
    spec.take(B, Action::AcknowledgeInDoubt { leader, term, matched: Index(1), after }).unwrap();
    let count = |matched| Action::CountAcknowledgement { follower: B, matched: Index(matched) };
    let doubt = |matched| Action::NoteDoubt { follower: B, matched: Index(matched) };
    assert_eq!(refused(&mut spec, A, count(1)), Guard::NotEqual { matched: Index(1) });
    assert_eq!(refused(&mut spec, A, doubt(2)), Guard::NotEqual { matched: Index(2) });
    assert_eq!(refused(&mut spec, C, doubt(1)), Guard::NotLeader);
    spec.take(A, doubt(1)).unwrap();
    spec.take(A, doubt(0)).unwrap();
    let commit = || Action::AdvanceCommitIndex { index: Index(1) };
    assert_eq!(refused(&mut spec, A, commit()), Guard::NoCommitQuorum { index: Index(0) });
    spec.take(B, Action::Acknowledge { leader, term, matched: Index(0), after }).unwrap();
    spec.clone().take(A, count(1)).unwrap();
    spec.take(A, count(0)).unwrap();
    spec.take(A, commit()).unwrap();
}

#[test]
fn readers_are_told_by_a_leader_that_knows_what_was_committed_before() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 2) }).unwrap();
    let tell = |index| Action::TellIndex { term: Term(1), index: Index(index) };
    assert_eq!(refused(&mut spec, A, tell(0)), Guard::ReadTooSoon);
    assert_eq!(refused(&mut spec, B, tell(0)), Guard::NotLeader);
    spec.take(B, Action::HandleAppendEntries { entries: entries(0, 1, 1, 2) }).unwrap();
    for follower in [A, B] {
        acknowledge(&mut spec, follower, A, 1, 1);
    }
    spec.take(A, Action::AdvanceCommitIndex { index: Index(1) }).unwrap();
    spec.take(A, tell(0)).unwrap();
    spec.take(A, tell(1)).unwrap();
    assert_eq!(refused(&mut spec, A, tell(2)), Guard::TellsTooMuch { told: Index(2), own: Index(1) });

    // Snapshots are of what is committed, too, and say which membership was in effect.
    let send =
        |last, ids: &[NodeId]| Action::SendSnapshot { term: Term(1), last, membership: membership(ids) };
    let all = [A, B, C];
    spec.take(A, send(id(1, 1), &all)).unwrap();
    spec.take(B, send(id(1, 1), &all)).unwrap();
    assert_eq!(refused(&mut spec, B, send(id(1, 2), &all)), Guard::NotLeader);
    let too_much = Guard::TellsTooMuch { told: Index(2), own: Index(1) };
    assert_eq!(refused(&mut spec, A, send(id(1, 2), &all)), too_much);
    assert_eq!(refused(&mut spec, A, send(id(2, 1), &all)), Guard::NotInLog { entry: id(2, 1) });
    assert_eq!(refused(&mut spec, A, send(id(1, 1), &[A, B])), Guard::OtherMembership { index: Index(1) });
    let install = |last| Action::InstallSnapshot { last, membership: membership(&all) };
    assert_eq!(refused(&mut spec, C, install(id(2, 1))), Guard::SnapshotUncommitted { last: id(2, 1) });
    for _ in 0..2 {
        spec.take(C, install(id(1, 1))).unwrap();
    }
    // Whoever dies leads no more.
    spec.take(A, Action::Restart).unwrap();
    assert_eq!(refused(&mut spec, A, tell(1)), Guard::NotLeader);
}

#[test]
fn memberships_are_where_leaders_have_put_them() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 1) }).unwrap();
    spec.take(B, Action::HandleAppendEntries { entries: entries(0, 1, 1, 1) }).unwrap();
    for follower in [A, B] {
        acknowledge(&mut spec, follower, A, 1, 1);
    }
    spec.take(A, Action::AdvanceCommitIndex { index: Index(1) }).unwrap();
    let with = |index, ids: Option<&[NodeId]>| Entries {
        membership: ids.map(membership),
        ..entries(1, 1, index, index)
    };
    spec.take(A, Action::ClientRequest { entries: with(2, Some(&[A, B])) }).unwrap();
    spec.take(A, Action::ClientRequest { entries: with(3, None) }).unwrap();
    let handle = |entries| Action::HandleAppendEntries { entries };
    for wrong in [with(2, None), with(2, Some(&[A])), Entries { last: Index(3), ..with(2, Some(&[A, B])) }] {
        assert_eq!(refused(&mut spec, B, handle(wrong)), Guard::NotMade { entry: id(1, 2) });
    }
    spec.take(B, handle(with(2, Some(&[A, B])))).unwrap();
    assert_eq!(refused(&mut spec, B, handle(with(3, Some(&[A, B])))), Guard::NotMade { entry: id(1, 3) });
    spec.take(B, handle(with(3, None))).unwrap();
}

// ── Every order ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// What a random execution has led to.
#[derive(Default, Debug)]
struct Tally {
    leaders: u64,
    committed: u64,
    memberships: u64,
    installed: u64,
    borrowed: u64,
    overwritten: u64,
}

struct Walk {
    spec: Spec,
    draws: SplitMix64,
    servers: u64,
    /// By term: what its leader has made.
    made: BTreeMap<u64, Vec<Entries>>,
    asked: Vec<(NodeId, EntryId)>,
    ends: BTreeMap<NodeId, EntryId>,
    terms: BTreeMap<NodeId, Term>,
    leaders: BTreeMap<Term, NodeId>,
    /// By leader and follower.
    acks: BTreeMap<(NodeId, NodeId), Index>,
    tally: Tally,
}

impl Walk {
    fn below(&mut self, bound: u64) -> u64 {
        self.draws.bits() % bound.max(1)
    }

    fn anybody(&mut self) -> NodeId {
        NodeId(1 + self.below(self.servers))
    }

    fn end(&self, of: NodeId) -> EntryId {
        self.ends.get(&of).copied().unwrap_or_default()
    }

    /// Something that a leader has made.
    fn something(&mut self) -> Option<Entries> {
        let all: Vec<&Entries> = self.made.values().flatten().collect();
        let (count, choice) = (all.len() as u64, self.draws.bits());
        all.get((choice % count.max(1)) as usize).map(|entries| (*entries).clone())
    }

    /// What follows on the log of a server, mostly.
    fn next_for(&mut self, server: NodeId) -> Option<Entries> {
        let end = self.end(server);
        let follows = |entries: &&Entries| {
            let prev = EntryId { term: entries.prev_term, index: entries.first.prev() };
            prev == end
        };
        let next = self.made.values().flatten().rfind(follows).cloned();
        if self.below(3) == 0 { self.something() } else { next }
    }

    /// An action that may be allowed or not: anything, with a liking for what gets on.
    fn propose(&mut self, server: NodeId) -> Option<Action> {
        let other = self.anybody();
        let term = self.terms.get(&server).copied().unwrap_or_default();
        let end = self.end(server);
        let back = [0, 0, 0, 1, self.below(end.index.0 + 2)][self.below(5) as usize];
        let number = Index(end.index.0.saturating_sub(back));
        let leader = self.leaders.get(&term).copied().unwrap_or(other);
        Some(match self.below(60) {
            0 if self.below(3) == 0 => Action::Timeout,
            0 => return None,
            1..=4 => Action::UpdateTerm { term: self.terms.values().copied().max()? },
            5..=10 => {
                let asked = self.below(self.asked.len() as u64) as usize;
                let (candidate, last) = *self.asked.get(asked)?;
                Action::GrantVote { candidate, last }
            }
            11..=14 => Action::CountVote { voter: other },
            15..=18 => Action::BecomeLeader,
            19..=24 => {
                let change = self.below(3) == 0;
                let voters = 1 + self.below((1 << self.servers) - 1);
                let voters = (0..self.servers).filter(|at| voters >> at & 1 == 1).map(|at| NodeId(at + 1));
                let membership = change.then(|| Arc::new(Membership::of(voters)));
                let first = end.index.next();
                let last = if change { first } else { first.plus(self.below(2)) };
                Action::ClientRequest {
                    entries: Entries { prev_term: end.term, first, last, term, membership },
                }
            }
            25..=36 => Action::HandleAppendEntries { entries: self.next_for(server)? },
            37 => {
                let entries = self.next_for(server)?;
                let lender = EntryId { term: entries.term, index: entries.last };
                Action::Borrow { entries, lender }
            }
            38..=43 => Action::Acknowledge { leader, term, matched: number, after: DURABLE },
            44..=49 => {
                let said = self.acks.get(&(server, other)).copied().unwrap_or(number);
                Action::CountAcknowledgement { follower: other, matched: said }
            }
            50..=53 => Action::AdvanceCommitIndex { index: number },
            54..=56 => Action::LearnCommitIndex { index: number },
            _ => match self.below(40) {
                0 => Action::Restart,
                1 => Action::StepDown,
                2 => Action::LeaveTerm,
                3.. => {
                    let entries = self.something()?;
                    let membership = Arc::new(Membership::of((1..=self.servers).map(NodeId)));
                    let last = EntryId { term: entries.term, index: entries.last };
                    Action::InstallSnapshot { last, membership }
                }
            },
        })
    }

    fn step(&mut self) {
        let server = self.anybody();
        let Some(action) = self.propose(server) else { return };
        let before = self.spec.committed();
        if let Err(violation) = self.spec.take(server, action.clone()) {
            assert!(!violation.guard.is_theorem(), "{violation}");
            return;
        }
        self.tally.committed += self.spec.committed().since(before);
        let own = self.terms.entry(server).or_default();
        match action {
            Action::Timeout => {
                *own = own.next();
                self.asked.push((server, self.end(server)));
            }
            Action::UpdateTerm { term } => *own = term,
            Action::LeaveTerm => *own = own.next(),
            Action::BecomeLeader => {
                self.leaders.insert(*own, server);
                self.tally.leaders += 1;
            }
            Action::ClientRequest { entries } => {
                self.tally.memberships += u64::from(entries.membership.is_some());
                self.ends.insert(server, EntryId { term: entries.term, index: entries.last });
                self.made.entry(entries.term.0).or_default().push(entries);
            }
            Action::Acknowledge { leader, matched, .. } => drop(self.acks.insert((leader, server), matched)),
            Action::HandleAppendEntries { ref entries } | Action::Borrow { ref entries, .. } => {
                self.tally.borrowed += u64::from(matches!(action, Action::Borrow { .. }));
                let end = EntryId { term: entries.term, index: entries.last };
                // Unless all of it was there.
                let held = self.end(server);
                if end.term != held.term || end.index > held.index {
                    self.tally.overwritten += u64::from(held.index >= entries.first);
                    self.ends.insert(server, end);
                }
            }
            Action::InstallSnapshot { last, .. } => {
                self.tally.installed += 1;
                let end = self.end(server).max(last);
                self.ends.insert(server, end);
            }
            _ => {}
        }
    }
}

fn walk(seed: u64, servers: u64, steps: u64) -> Tally {
    let founding = Membership::of((1..=servers).map(NodeId));
    let mut walk = Walk {
        spec: Spec::of(founding, QuorumRule::Majority),
        draws: SplitMix64::new(seed),
        servers,
        made: BTreeMap::new(),
        asked: Vec::new(),
        ends: BTreeMap::new(),
        terms: BTreeMap::new(),
        leaders: BTreeMap::new(),
        acks: BTreeMap::new(),
        tally: Tally::default(),
    };
    (0..steps).for_each(|_| walk.step());
    walk.tally
}

#[test]
fn the_guards_imply_the_theorems_in_whatever_order_things_happen() {
    let mut sum = Tally::default();
    for seed in 0..1_500 {
        let tally = walk(seed, 3 + seed % 2, 6_000);
        sum.leaders += tally.leaders;
        sum.committed += tally.committed;
        sum.memberships += tally.memberships;
        sum.installed += tally.installed;
        sum.borrowed += tally.borrowed;
        sum.overwritten += tally.overwritten;
    }
    // It went somewhere.
    assert!(sum.leaders > 600 && sum.committed > 600 && sum.memberships > 60, "{sum:?}");
    assert!(sum.installed > 60 && sum.borrowed > 600 && sum.overwritten > 60, "{sum:?}");
}

// ── What an implementation does ──────────────────────────────────────────────────────────────────────────────────────

pub(crate) fn quiet(term: u64, vote: Option<NodeId>, role: Role) -> State {
    State {
        term: Term(term),
        voted_for: vote,
        role,
        commit: Index(0),
        base: EntryId::ZERO,
        last: EntryId::ZERO,
        damaged: false,
        in_doubt: false,
        halted: false,
        log: None,
    }
}

pub(crate) fn hard(term: u64, voted_for: Option<NodeId>) -> Written {
    Written::HardState(HardState { term: Term(term), voted_for, doubt: false })
}

pub(crate) fn write(at: u64, record: Written) -> Note {
    Note::Write { at: Lsn(at), record }
}

pub(crate) fn say(to: NodeId, word: Word, after: u64) -> Note {
    Note::Say { to, word, after: Lsn(after) }
}

pub(crate) fn take(from: NodeId, word: Word) -> Note {
    Note::Take(Heard::Message { from, word })
}

fn boot() -> Vec<Note> {
    vec![
        Note::Boot { founding: membership(&[A, B, C]), commit_quorum: None },
        Note::Take(Heard::Start),
        Note::Is(quiet(0, None, Role::Follower)),
    ]
}

/// Both have started, and A asks for the vote of B.
fn campaign() -> Vec<(NodeId, Note)> {
    let mut notes: Vec<(NodeId, Note)> =
        [A, B].into_iter().flat_map(|id| boot().into_iter().map(move |note| (id, note))).collect();
    let request = Word::RequestVote { term: Term(1), last: EntryId::ZERO, by_transfer: false };
    notes.extend([
        (A, Note::Take(Heard::Host)),
        (A, write(1, hard(1, Some(A)))),
        (A, say(B, request.clone(), 1)),
        (A, Note::Is(quiet(1, Some(A), Role::Candidate))),
        (A, Note::Durable(Lsn(1))),
        (B, take(A, request)),
    ]);
    notes
}

fn verdict(notes: impl IntoIterator<Item = (NodeId, Note)>) -> Option<String> {
    let mut refinement = Refinement::default();
    notes.into_iter().find_map(|(node, note)| refinement.note(node, &note).err().map(|flaw| flaw.to_string()))
}

pub(crate) const GRANTED: Word = Word::Voted { term: Term(1), granted: true };

#[test]
fn a_step_that_votes_is_explained() {
    let mut notes = campaign();
    notes.extend([
        (B, write(1, hard(1, Some(A)))),
        (B, say(A, GRANTED, 1)),
        (B, Note::Is(quiet(1, Some(A), Role::Follower))),
        (B, Note::Durable(Lsn(1))),
        (B, Note::Crash),
        (B, Note::Boot { founding: membership(&[A, B, C]), commit_quorum: None }),
        (B, Note::Found(hard(1, Some(A)))),
        (B, Note::Take(Heard::Start)),
        (B, Note::Is(quiet(1, Some(A), Role::Follower))),
    ]);
    assert_eq!(verdict(notes), None);
}

#[test]
fn a_vote_that_is_told_before_it_is_durable_is_noticed() {
    let mut notes = campaign();
    notes.extend([(B, write(1, hard(1, Some(A)))), (B, say(A, GRANTED, 0))]);
    let said = verdict(notes).unwrap();
    assert!(
        said.contains("SayVote") && said.ends_with("what it promises is not durable (figure 2)"),
        "{said}"
    );
}

#[test]
fn a_vote_that_is_not_written_is_noticed() {
    let mut notes = campaign();
    notes.extend([(B, write(1, hard(1, None))), (B, Note::Is(quiet(1, Some(A), Role::Follower)))]);
    assert_eq!(verdict(notes).unwrap(), "n2 may not Stutter: no action leads to its vote");
}

#[test]
fn a_vote_that_a_restart_forgets_is_noticed() {
    let mut notes = campaign();
    notes.extend([
        (B, write(1, hard(1, Some(A)))),
        (B, Note::Is(quiet(1, Some(A), Role::Follower))),
        (B, Note::Durable(Lsn(1))),
        (B, Note::Crash),
        (B, Note::Boot { founding: membership(&[A, B, C]), commit_quorum: None }),
        (B, Note::Found(hard(1, Some(A)))),
        (B, Note::Take(Heard::Start)),
        (B, Note::Is(quiet(1, None, Role::Follower))),
    ]);
    assert_eq!(verdict(notes).unwrap(), "n2 may not Stutter: no action leads to its vote");
}

#[test]
fn a_vote_that_a_crash_took_back_before_anybody_heard_of_it_was_none() {
    let mut notes = campaign();
    notes.extend([
        (B, write(1, hard(1, Some(A)))),
        (B, say(A, GRANTED, 1)),
        (B, Note::Is(quiet(1, Some(A), Role::Follower))),
        (B, Note::Crash),
    ]);
    notes.extend(boot().into_iter().map(|note| (B, note)));
    notes.extend([
        (B, Note::Take(Heard::Host)),
        (B, write(1, hard(1, Some(B)))),
        (B, Note::Is(quiet(1, Some(B), Role::Candidate))),
    ]);
    assert_eq!(verdict(notes), None);
}

#[test]
fn terms_that_nobody_named_are_noticed() {
    let mut notes = campaign();
    notes.push((B, write(1, hard(5, None))));
    assert_eq!(
        verdict(notes).unwrap(),
        "n2 may not UpdateTerm { term: Term(5) }: nobody has told it of term 5 (5.1)"
    );
}

#[test]
fn what_changes_without_a_record_is_noticed() {
    for (state, what) in [
        (quiet(1, None, Role::Follower), "term"),
        (quiet(0, Some(C), Role::Follower), "vote"),
        (quiet(0, None, Role::Leader), "role"),
        (State { last: id(1, 1), ..quiet(0, None, Role::Follower) }, "log: where it ends"),
        (State { base: id(1, 1), ..quiet(0, None, Role::Follower) }, "log: where it begins"),
    ] {
        let mut notes = campaign();
        notes.push((B, Note::Is(state)));
        assert_eq!(verdict(notes).unwrap(), format!("n2 may not Stutter: no action leads to its {what}"));
    }
}

/// A leads with the vote of B, which hears of its first entry, and writes it at 2.
fn first_entry() -> Vec<(NodeId, Note)> {
    let leads = |role, last| State { last, ..quiet(1, Some(A), role) };
    let made = entries(0, 1, 1, 1);
    let append = Word::Append { term: Term(1), commit: Index(0), entries: made.clone() };
    let mut notes = campaign();
    notes.extend([
        (B, write(1, hard(1, Some(A)))),
        (B, say(A, GRANTED, 1)),
        (B, Note::Is(quiet(1, Some(A), Role::Follower))),
        (B, Note::Durable(Lsn(1))),
        (A, take(A, GRANTED)),
        (A, Note::Is(quiet(1, Some(A), Role::Candidate))),
        (A, take(B, GRANTED)),
        (A, write(2, Written::Entries(made.clone()))),
        (A, say(B, append.clone(), 0)),
        (A, Note::Is(leads(Role::Leader, id(1, 1)))),
        (B, take(A, append)),
        (B, write(2, Written::Entries(made))),
    ]);
    notes
}

#[test]
fn an_acknowledgement_waits_for_the_disk() {
    let appended = Word::Appended { term: Term(1), matched: Index(1) };
    let held = State { last: id(1, 1), ..quiet(1, Some(A), Role::Follower) };
    for (durable, after, allowed) in [(1, 2, true), (2, 0, true), (1, 1, false), (0, 0, false)] {
        let mut notes = first_entry();
        notes.extend([
            (B, Note::Is(held.clone())),
            (B, Note::Durable(Lsn(durable))),
            (B, Note::Take(Heard::Host)),
            (B, say(A, appended.clone(), after)),
            (B, Note::Is(held.clone())),
        ]);
        let said = verdict(notes);
        assert_eq!(said.is_none(), allowed, "durable {durable}, after {after}: {said:?}");
    }
}

#[test]
fn what_is_said_must_be_true() {
    let (term, after) = (Term(1), 0);
    for (word, what) in [
        (Word::PreVote { term: Term(3), last: EntryId::ZERO }, "PreVote"),
        (Word::PreVoted { term, granted: true }, "GrantPreVote"),
        (Word::RequestVote { term, last: EntryId::ZERO, by_transfer: false }, "RequestVotes"),
        (Word::Uncounted { term, matched: Index(1) }, "AcknowledgeInDoubt"),
        (Word::TimeoutNow { term }, "HandOver"),
        (Word::IndexIs { term, index: Index(0) }, "TellIndex"),
        (Word::IndexIs { term, index: Index(7) }, "TellIndex"),
        (Word::Commit { term, commit: Index(0) }, "TellCommit"),
        (Word::Commit { term, commit: Index(7) }, "TellCommit"),
        (Word::Append { term, commit: Index(0), entries: entries(0, 1, 1, 1) }, "AppendEntries"),
        (Word::Snapshot { term, last: id(1, 1), membership: membership(&[A, B, C]) }, "SendSnapshot"),
    ] {
        let mut notes = first_entry();
        let held = State { last: id(1, 1), ..quiet(1, Some(A), Role::Follower) };
        notes.extend([
            (B, Note::Is(held.clone())),
            (B, Note::Take(Heard::Host)),
            (B, say(C, word, after)),
            (B, Note::Is(held)),
        ]);
        let said = verdict(notes).unwrap_or_default();
        assert!(said.starts_with(&format!("n2 may not {what}")), "{what}: {said}");
    }
}
