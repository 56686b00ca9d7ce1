//! Each of the five safety properties, broken on purpose: an observer that cannot fail proves nothing.

use crate::cluster::Cluster;
use synod_core::host::Log as _;
use synod_core::testing::Bench;
use synod_core::{Input, NodeId};
use synod_raft::invariants::{Safety, Violation};
use synod_raft::{
    Command, Config, EntryId, Index, Membership, Message, QuorumRule, Raft, Record, Role, Segment, Term,
};

const A: NodeId = NodeId(1);
const B: NodeId = NodeId(2);

fn append(term: u64, prev: (u64, u64), commit: u64, entries: &[(u64, &str)]) -> Message {
    let first = Index(prev.1 + 1);
    let segment = match entries.first() {
        Some((term, _)) => Segment::pack(first, Term(*term), entries.iter().map(|(_, text)| text)).unwrap(),
        None => Segment::empty(first),
    };
    Message::Append {
        term: Term(term),
        prev_term: Term(prev.0),
        commit: Index(commit),
        round: 1,
        entries: segment,
    }
}

/// A lone voter of a cluster of its own: it leads whatever others say.
fn alone(id: NodeId) -> Bench<Raft> {
    let mut node = Bench::new(id, Raft::new(Config::new(id, [id])).unwrap());
    node.start().unwrap();
    node
}

/// A follower of node 9, which says what the test wants.
fn follower(id: NodeId) -> Bench<Raft> {
    let mut node = Bench::new(id, Raft::new(Config::new(id, [id, NodeId(9)])).unwrap());
    node.start().unwrap();
    node
}

fn lead(node: &mut Bench<Raft>) {
    node.input(Input::Command(Command::Campaign));
    node.sync().unwrap(); // the vote
    node.sync().unwrap(); // the no-op
    assert_eq!(node.protocol.role(), Role::Leader);
}

fn say(node: &mut Bench<Raft>, message: Message) {
    node.input(Input::Message(NodeId(9), message));
}

#[test]
fn two_leaders_of_one_term_break_election_safety() {
    let (mut a, mut b) = (alone(A), alone(B));
    lead(&mut a);
    lead(&mut b);
    let mut safety = Safety::default();
    assert_eq!(safety.observe(A, &a.protocol), Ok(()));
    let term = Term(1);
    assert_eq!(safety.observe(B, &b.protocol), Err(Violation::ElectionSafety { term, first: A, second: B }));
}

#[test]
fn a_snapshot_of_what_nobody_committed_is_noticed() {
    let past = [(Term(1), Index(1)), (Term(2), Index(1)), (Term(1), Index(2))];
    let observe = |(term, index)| {
        let (mut a, mut b) = (alone(A), follower(B));
        lead(&mut a);
        let mut safety = Safety::default();
        safety.observe(A, &a.protocol)?;
        let last = EntryId { term, index };
        b.log
            .append(Record::Snapshot {
                term: Term(2),
                voted_for: None,
                last,
                membership: Membership::default().into(),
            })
            .unwrap();
        b.start().unwrap();
        safety.observe(B, &b.protocol)
    };
    assert_eq!(observe(past[0]), Ok(()), "the leader's first entry");
    for (term, index) in past.into_iter().skip(1) {
        let base = EntryId { term, index };
        assert_eq!(observe((term, index)), Err(Violation::Snapshot { node: B, base }));
    }
}

/// Nothing makes a correct leader cut its log; the observer is shown a follower's cut as a leader's, by changing the value
/// under its feet: two nodes under one name, of which the second leads the same term with a log that was cut.
#[test]
fn a_leader_that_cuts_its_log_breaks_leader_append_only() {
    let mut before = alone(A);
    for _ in 0..3 {
        before.restart(Raft::new(Config::new(A, [A])).unwrap()).unwrap();
        lead(&mut before);
    }
    assert_eq!(before.protocol.term(), Term(3));

    let nine = NodeId(9);
    let config = |voters: &[NodeId]| Raft::new(Config::new(A, voters.iter().copied())).unwrap();
    let mut after = Bench::new(A, config(&[A, nine]));
    after.start().unwrap();
    say(&mut after, append(1, (0, 0), 0, &[(1, ""), (1, "x"), (1, "y")]));
    say(&mut after, append(2, (1, 1), 0, &[(2, "")]));
    after.input(Input::Command(Command::Campaign));
    say(&mut after, Message::PreVoted { term: Term(3), granted: true });
    after.sync().unwrap();
    say(&mut after, Message::Voted { term: Term(3), granted: true });
    assert_eq!((after.protocol.role(), after.protocol.term()), (Role::Leader, Term(3)));

    let mut safety = Safety::default();
    assert_eq!(safety.observe(A, &before.protocol), Ok(()));
    assert_eq!(
        safety.observe(A, &after.protocol),
        Err(Violation::LeaderAppendOnly { leader: A, term: Term(3), kept: Index(1) })
    );
}

#[test]
fn different_entries_under_one_name_break_log_matching() {
    let (mut a, mut b) = (follower(A), follower(B));
    say(&mut a, append(1, (0, 0), 0, &[(1, "x")]));
    say(&mut b, append(1, (0, 0), 0, &[(1, "y")]));
    let mut safety = Safety::default();
    assert_eq!(safety.observe(A, &a.protocol), Ok(()));
    let entry = EntryId { term: Term(1), index: Index(1) };
    assert_eq!(safety.observe(B, &b.protocol), Err(Violation::LogMatching { node: B, entry }));
}

#[test]
fn different_predecessors_of_one_entry_break_log_matching() {
    let (mut a, mut b) = (follower(A), follower(B));
    say(&mut a, append(1, (0, 0), 0, &[(1, "x")]));
    say(&mut a, append(3, (1, 1), 0, &[(3, "z")]));
    say(&mut b, append(2, (0, 0), 0, &[(2, "x")]));
    say(&mut b, append(3, (2, 1), 0, &[(3, "z")]));
    let mut safety = Safety::default();
    assert_eq!(safety.observe(A, &a.protocol), Ok(()));
    let entry = EntryId { term: Term(3), index: Index(2) };
    assert_eq!(safety.observe(B, &b.protocol), Err(Violation::LogMatching { node: B, entry }));
}

#[test]
fn a_leader_without_a_committed_entry_breaks_leader_completeness() {
    // The entry is committed first, the leader appears later …
    let mut a = follower(A);
    say(&mut a, append(1, (0, 0), 1, &[(1, "x")]));
    assert_eq!(a.protocol.commit_index(), Index(1));
    let entry = EntryId { term: Term(1), index: Index(1) };
    let violation = Violation::LeaderCompleteness { leader: B, term: Term(2), entry };

    let mut other = Bench::new(B, Raft::new(Config::new(B, [B, NodeId(9)])).unwrap());
    other.start().unwrap();
    say(&mut other, Message::Heard { term: Term(1), round: 0 });
    other.input(Input::Command(Command::Campaign));
    say(&mut other, Message::PreVoted { term: Term(2), granted: true });
    other.sync().unwrap();
    say(&mut other, Message::Voted { term: Term(2), granted: true });
    assert_eq!((other.protocol.role(), other.protocol.term()), (Role::Leader, Term(2)));

    let mut safety = Safety::default();
    assert_eq!(safety.observe(A, &a.protocol), Ok(()));
    assert_eq!(safety.observe(B, &other.protocol), Err(violation.clone()));

    // … or the other way round.
    let mut safety = Safety::default();
    assert_eq!(safety.observe(B, &other.protocol), Ok(()));
    assert_eq!(safety.observe(A, &a.protocol), Err(violation));
}

#[test]
fn different_commits_at_one_index_break_state_machine_safety() {
    let (mut a, mut b) = (follower(A), follower(B));
    say(&mut a, append(1, (0, 0), 1, &[(1, "x")]));
    say(&mut b, append(2, (0, 0), 1, &[(2, "x")]));
    let mut safety = Safety::default();
    assert_eq!(safety.observe(A, &a.protocol), Ok(()));
    assert_eq!(
        safety.observe(B, &b.protocol),
        Err(Violation::StateMachineSafety { node: B, index: Index(1) })
    );
}

#[test]
fn entries_that_are_committed_together_are_looked_for_in_the_logs_of_later_leaders() {
    let (mut a, mut b) = (follower(A), follower(B));
    say(&mut b, Message::Heard { term: Term(1), round: 0 });
    b.input(Input::Command(Command::Campaign));
    say(&mut b, Message::PreVoted { term: Term(2), granted: true });
    b.sync().unwrap();
    say(&mut b, Message::Voted { term: Term(2), granted: true });
    assert_eq!((b.protocol.role(), b.protocol.term()), (Role::Leader, Term(2)));
    say(&mut a, append(1, (0, 0), 2, &[(1, "x"), (1, "y")]));
    let mut safety = Safety::default();
    assert_eq!(safety.observe(B, &b.protocol), Ok(()));
    let entry = EntryId { term: Term(1), index: Index(2) };
    assert_eq!(
        safety.observe(A, &a.protocol),
        Err(Violation::LeaderCompleteness { leader: B, term: Term(2), entry })
    );
}

/// A leader was seen when its log was shorter: what its followers commit since is no loss.
#[test]
fn what_a_leader_has_appended_since_it_was_seen_may_be_committed() {
    let (mut a, mut b) = (alone(A), follower(B));
    lead(&mut a);
    let mut safety = Safety::default();
    assert_eq!(safety.observe(A, &a.protocol), Ok(()));
    let noop = Segment::noop(Index(1), Term(1)).unwrap();
    let begin =
        Message::Append { term: Term(1), prev_term: Term(0), commit: Index(1), round: 1, entries: noop };
    say(&mut b, begin);
    say(&mut b, append(1, (1, 1), 2, &[(1, "x")]));
    assert_eq!(b.protocol.commit_index(), Index(2));
    assert_eq!(safety.observe(B, &b.protocol), Ok(()));
}

/// Who has led and follows a later leader may lack what was committed in between.
#[test]
fn who_leads_no_more_need_not_have_everything() {
    let (mut a, mut b) = (follower(A), follower(B));
    a.input(Input::Command(Command::Campaign));
    say(&mut a, Message::PreVoted { term: Term(1), granted: true });
    a.sync().unwrap();
    say(&mut a, Message::Voted { term: Term(1), granted: true });
    assert_eq!(a.protocol.role(), Role::Leader);
    let mut safety = Safety::default();
    assert_eq!(safety.observe(A, &a.protocol), Ok(()));
    say(&mut b, append(2, (0, 0), 1, &[(2, "x")]));
    assert_eq!(safety.observe(B, &b.protocol), Ok(()));
    say(&mut a, Message::Heard { term: Term(3), round: 0 });
    assert_eq!((a.protocol.role(), a.protocol.term()), (Role::Follower, Term(3)));
    assert_eq!(safety.observe(A, &a.protocol), Ok(()));
}

/// Nothing else about the nodes changes while their logs grow.
#[test]
fn a_log_that_has_only_grown_is_read_on() {
    let (mut a, mut b) = (follower(A), follower(B));
    let mut safety = Safety::default();
    for node in [&mut a, &mut b] {
        say(node, append(1, (0, 0), 0, &[(1, "x")]));
    }
    assert_eq!((safety.observe(A, &a.protocol), safety.observe(B, &b.protocol)), (Ok(()), Ok(())));
    say(&mut a, append(1, (1, 1), 0, &[(1, "y")]));
    say(&mut b, append(1, (1, 1), 0, &[(1, "z")]));
    assert_eq!(safety.observe(A, &a.protocol), Ok(()));
    let entry = EntryId { term: Term(1), index: Index(2) };
    assert_eq!(safety.observe(B, &b.protocol), Err(Violation::LogMatching { node: B, entry }));
}

/// Which membership is right where nobody has entered any is known from those who were there from the beginning.
#[test]
fn a_snapshot_with_another_membership_than_was_in_effect_is_noticed() {
    let observe = |membership: Membership| {
        let mut a = alone(A);
        lead(&mut a);
        let mut safety = Safety::default();
        // Whoever joins knows of nobody, and another cluster's founders come too late.
        let mut joins = Bench::new(NodeId(3), Raft::new(Config::joining(NodeId(3))).unwrap());
        joins.start().unwrap();
        safety.observe(NodeId(3), &joins.protocol)?;
        safety.observe(A, &a.protocol)?;
        safety.observe(NodeId(4), &follower(NodeId(4)).protocol)?;
        let mut b = follower(B);
        let last = EntryId { term: Term(1), index: Index(1) };
        b.log
            .append(Record::Snapshot { term: Term(1), voted_for: None, last, membership: membership.into() })
            .unwrap();
        b.start().unwrap();
        safety.observe(B, &b.protocol)
    };
    assert_eq!(observe(Membership::of([A])), Ok(()));
    let violation = Violation::SnapshotMembership { node: B, index: Index(1) };
    assert_eq!(observe(Membership::of([A, B])), Err(violation));
}

#[test]
fn a_crash_allows_committing_from_the_first_entry_again() {
    let mut a = alone(A);
    lead(&mut a);
    let mut safety = Safety::default();
    assert_eq!(safety.observe(A, &a.protocol), Ok(()));
    safety.crashed(A);
    a.restart(Raft::new(Config::new(A, [A])).unwrap()).unwrap();
    assert_eq!(a.protocol.commit_index(), Index(0));
    assert_eq!(safety.observe(A, &a.protocol), Ok(()));
    assert_eq!(safety.committed(), Index(1));
}

/// The demonstration device: with a quorum that is one short, two halves of a cluster both elect and both commit, and the
/// observer says so.
#[test]
fn a_short_quorum_is_found_out() {
    let found = std::panic::catch_unwind(|| {
        let mut cluster = Cluster::with(3, |config| config.quorum = QuorumRule::SabotagedOneShort);
        cluster.isolate(1);
        cluster.campaign(1);
        cluster.stabilize();
        cluster.propose(1, "here");
        cluster.stabilize();
        cluster.campaign(2);
        cluster.stabilize();
        cluster.propose(2, "there");
        cluster.stabilize();
    });
    let message = *found.unwrap_err().downcast::<String>().unwrap();
    assert!(message.starts_with("election safety: n1 and n2 both lead term 1"), "{message}");
}

/// A no-op and an empty proposal are different entries, whatever their bytes.
#[test]
fn digests_tell_a_noop_from_an_empty_proposal() {
    let (mut a, mut b) = (follower(A), follower(B));
    say(&mut a, append(1, (0, 0), 0, &[(1, "")]));
    let noop = Segment::noop(Index(1), Term(1)).unwrap();
    say(
        &mut b,
        Message::Append { term: Term(1), prev_term: Term(0), commit: Index(0), round: 1, entries: noop },
    );
    let mut safety = Safety::default();
    assert_eq!(safety.observe(A, &a.protocol), Ok(()));
    assert!(safety.observe(B, &b.protocol).is_err());
}
