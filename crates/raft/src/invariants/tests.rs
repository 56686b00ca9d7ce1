//! What no correct node comes to, shown to the observer.

use super::*;
use crate::Config;
use synod_core::Lsn;

const A: NodeId = NodeId(1);
const B: NodeId = NodeId(2);

fn raft(members: &[NodeId]) -> Raft {
    Raft::new(Config::new(A, members.iter().copied())).unwrap()
}

/// Leads `term`, with so many entries of each term in its log. No node comes to be like that by itself.
fn leader(members: &[NodeId], term: u64, runs: &[(u64, u64)]) -> Raft {
    let mut raft = raft(members);
    for (term, count) in runs {
        for _ in 0..*count {
            let next = raft.log.last().index.next();
            push(&mut raft, Segment::noop(next, Term(*term)).unwrap());
        }
    }
    lead(&mut raft, term);
    raft
}

fn push(raft: &mut Raft, entries: Segment) {
    assert!(raft.log.push(entries, Lsn(0)));
}

fn lead(raft: &mut Raft, term: u64) {
    (raft.role, raft.term) = (Role::Leader, Term(term));
    raft.turns.0 += 1;
}

/// It enters a membership that its log holds.
fn enter(raft: &mut Raft, term: u64, members: &[NodeId]) {
    let (index, membership) = (raft.log.last().index.next(), Membership::of(members.iter().copied()));
    push(raft, Segment::membership(index, Term(term), &membership).unwrap());
    raft.roster.push(index, membership);
}

fn observe(safety: &mut Safety, raft: &Raft) -> Result<(), Violation> {
    safety.observe(A, raft)
}

#[test]
fn a_membership_that_the_log_does_not_hold_is_noticed() {
    let mut raft = leader(&[A], 1, &[(1, 2)]);
    raft.roster.push(Index(2), Membership::of([A]));
    let violation = Violation::Membership { node: A, index: Index(2) };
    assert_eq!(observe(&mut Safety::default(), &raft), Err(violation));
    // What was compacted need not be held.
    raft.log.compact(Index(2));
    assert_eq!(Violation::of_membership(A, &raft), None);
}

#[test]
fn two_memberships_of_one_leader_that_are_not_committed_are_noticed() {
    let mut raft = leader(&[A], 1, &[(1, 1)]);
    let mut safety = Safety::default();
    enter(&mut raft, 1, &[A, B]);
    assert_eq!(observe(&mut safety, &raft), Ok(()));
    enter(&mut raft, 1, &[A]);
    assert_eq!(observe(&mut safety, &raft), Err(Violation::TwoChanges { leader: A, term: Term(1) }));
    // Those of its predecessors may be committed.
    lead(&mut raft, 2);
    assert_eq!(observe(&mut safety, &raft), Ok(()));
    enter(&mut raft, 2, &[A, B]);
    assert_eq!(observe(&mut safety, &raft), Ok(()));
}

#[test]
fn a_leader_that_is_no_voter_is_noticed() {
    let mut raft = raft(&[A, B]);
    raft.roster.restore(Index::ZERO, Arc::new(Membership::of([B])));
    raft.take_seats();
    let mut safety = Safety::default();
    assert_eq!(observe(&mut safety, &raft), Ok(()), "it follows");
    lead(&mut raft, 1);
    assert_eq!(observe(&mut safety, &raft), Err(Violation::RemovedLeader { leader: A, term: Term(1) }));
}

#[test]
fn a_commit_index_beyond_the_log_is_noticed() {
    let mut raft = raft(&[A]);
    raft.commit = Index(1);
    let violation = Violation::StateMachineSafety { node: A, index: Index(0) };
    assert_eq!(observe(&mut Safety::default(), &raft), Err(violation));
}

#[test]
fn what_was_committed_and_is_replaced_is_noticed() {
    let committed = |runs: &[(u64, u64)]| {
        let mut raft = leader(&[A], 1, runs);
        (raft.role, raft.commit) = (Role::Follower, Index(1));
        raft
    };
    let mut raft = committed(&[(1, 2)]);
    let mut safety = Safety::default();
    assert_eq!(observe(&mut safety, &raft), Ok(()));
    // A cut behind it takes nothing from it.
    raft.log.truncate(Index(2));
    assert_eq!(observe(&mut safety, &raft), Ok(()));
    raft.log.truncate(Index(1));
    push(&mut raft, Segment::noop(Index(1), Term(2)).unwrap());
    let violation = Violation::StateMachineSafety { node: A, index: Index(1) };
    assert_eq!(observe(&mut safety, &raft), Err(violation));
}

#[test]
fn the_whole_log_of_a_leader_that_was_seen_is_looked_through() {
    let behind = |commit: u64| {
        let mut raft = leader(&[A, B], 1, &[(1, 3)]);
        (raft.role, raft.commit) = (Role::Follower, Index(commit));
        raft
    };
    for (kept, holds) in [(1, false), (2, true), (3, true)] {
        let mut safety = Safety::default();
        let later = leader(&[A, B], 2, &[(1, kept), (2, 2)]);
        assert_eq!(safety.observe(B, &later), Ok(()));
        let entry = EntryId { term: Term(1), index: Index(2) };
        let violation = Violation::LeaderCompleteness { leader: B, term: Term(2), entry };
        assert_eq!(observe(&mut safety, &behind(2)), if holds { Ok(()) } else { Err(violation) }, "{kept}");
    }
}
