//! What the specification makes of disks: what is found there, what damage takes back, and what it does not.

use crate::spec::{
    A, B, C, DURABLE, acknowledge, elect, entries, hard, id, membership, quiet, refused, say, take, three,
    write,
};
use synod_core::{Lsn, NodeId};
use synod_raft::spec::{Action, Guard, HardState, Heard, Note, Refinement, Spec, State, Word, Written};
use synod_raft::{Config, EntryId, Index, QuorumRule, Raft, Role, Term};

const D: NodeId = NodeId(4);
const E: NodeId = NodeId(5);
const ALL: [NodeId; 5] = [A, B, C, D, E];

type Notes = Vec<(NodeId, Note)>;

/// A process of a cluster of five begins, and finds this on its disk.
fn starts(node: NodeId, disk: &[Note]) -> Notes {
    let boot = Note::Boot { founding: membership(&ALL), commit_quorum: None };
    let rest = disk.iter().cloned().chain([Note::Take(Heard::Start)]);
    [Note::Crash, boot].into_iter().chain(rest).map(|note| (node, note)).collect()
}

fn stands(node: NodeId, term: u64) -> Notes {
    vec![(node, Note::Take(Heard::Host)), (node, write(term, hard(term, Some(node))))]
}

fn votes(voter: NodeId, candidate: NodeId, term: u64) -> Notes {
    let request = Word::RequestVote { term: Term(term), last: EntryId::ZERO, by_transfer: false };
    let granted = write(term, hard(term, Some(candidate)));
    vec![(voter, take(candidate, request)), (voter, granted), (voter, Note::Durable(Lsn(term)))]
}

/// Two others have voted for it, and it writes the first entries of its term.
fn wins(node: NodeId, others: [NodeId; 2], term: u64, last: u64) -> Notes {
    let granted = Word::Voted { term: Term(term), granted: true };
    let told = [node].into_iter().chain(others).map(|from| (node, take(from, granted.clone())));
    told.chain([(node, write(term + 1, made(0, term, 1, last)))]).collect()
}

/// It has taken over the first entries of the leader of term 1, and acknowledges two.
fn acknowledges(node: NodeId, leader: NodeId) -> Notes {
    let append = Word::Append { term: Term(1), commit: Index(0), entries: entries(0, 1, 1, 2) };
    let appended = Word::Appended { term: Term(1), matched: Index(2) };
    vec![
        (node, take(leader, append)),
        (node, write(2, hard(1, None))),
        (node, write(3, made(0, 1, 1, 2))),
        (node, say(leader, appended, 3)),
        (node, Note::Durable(Lsn(3))),
    ]
}

fn made(prev_term: u64, term: u64, first: u64, last: u64) -> Written {
    Written::Entries(entries(prev_term, term, first, last))
}

fn found(record: Written) -> Note {
    Note::Found(record)
}

const STATE: HardState = HardState { term: Term(1), voted_for: None, doubt: false };

fn snapshot(last: EntryId) -> Written {
    Written::Snapshot { state: STATE, last, membership: membership(&ALL) }
}

/// Where all of this has happened, which is allowed.
fn after(notes: impl IntoIterator<Item = Notes>) -> Refinement {
    let mut refinement = Refinement::default();
    for (node, note) in notes.into_iter().flatten() {
        refinement.note(node, &note).unwrap();
    }
    refinement
}

/// What keeps a server from an action, if anything does.
fn guard(spec: &Spec, server: NodeId, action: Action) -> Option<Guard> {
    spec.clone().take(server, action).err().map(|violation| violation.guard)
}

#[test]
fn the_records_of_a_disk_are_a_log() {
    let part = |prev_term, term, first, last| found(made(prev_term, term, first, last));
    let (one, two, both, more) = (part(0, 1, 1, 2), part(1, 1, 3, 4), part(0, 1, 1, 4), part(0, 1, 1, 6));
    let (other, after_other, late) = (part(1, 2, 2, 2), part(2, 2, 3, 4), part(1, 1, 4, 5));
    let [covers_two, covers_four] = [2, 4].map(|index| found(snapshot(id(1, index))));
    let mended = |last| found(Written::Mended { state: STATE, last });
    let [mended_two, mended_three, mended_other] = [id(1, 2), id(1, 3), id(2, 3)].map(mended);
    let in_doubt = found(Written::HardState(HardState { doubt: true, ..STATE }));
    let torn = Note::Unreadable;
    // What is found, and: the entry before the log, its last, how much a snapshot covers, whether it is damaged.
    let disks: [(&[&Note], EntryId, EntryId, u64, bool); 19] = [
        (&[], id(0, 0), id(0, 0), 0, false),
        (&[&one, &two], id(0, 0), id(1, 4), 0, false),
        // What differs takes the place of what was there, and what does not differ takes nothing away.
        (&[&one, &other], id(0, 0), id(2, 2), 0, false),
        (&[&one, &two, &one], id(0, 0), id(1, 4), 0, false),
        // The front was released.
        (&[&late], id(1, 3), id(1, 5), 0, false),
        (&[&one, &late], id(1, 3), id(1, 5), 0, false),
        (&[&late, &covers_two], id(1, 3), id(1, 5), 2, false),
        // A snapshot: behind the log, within it, and before records that it covers.
        (&[&one, &covers_four], id(1, 4), id(1, 4), 4, false),
        (&[&one, &two, &covers_two], id(1, 2), id(1, 4), 2, false),
        (&[&covers_four, &one], id(1, 4), id(1, 4), 4, false),
        (&[&covers_four, &both], id(1, 4), id(1, 4), 4, false),
        (&[&covers_four, &more], id(1, 4), id(1, 6), 4, false),
        (&[&covers_two, &after_other], id(2, 2), id(2, 4), 2, false),
        // A repaired log ends where it says, if that is here.
        (&[&one, &two, &mended_three], id(0, 0), id(1, 3), 0, false),
        (&[&one, &two, &mended_other], id(0, 0), id(1, 4), 0, false),
        // After damage nothing that is found is known to be the next.
        (&[&one, &torn, &two], id(0, 0), id(1, 2), 0, true),
        (&[&one, &in_doubt, &two], id(0, 0), id(1, 2), 0, true),
        (&[&one, &torn, &covers_four], id(0, 0), id(1, 2), 4, true),
        (&[&one, &two, &torn, &mended_two], id(0, 0), id(1, 4), 0, true),
    ];
    for (disk, base, last, covered, damaged) in disks {
        let (commit, in_doubt) = (Index(covered), damaged);
        let state = State { base, last, commit, damaged, in_doubt, ..quiet(1, None, Role::Follower) };
        let term = found(hard(1, None));
        let records: Vec<Note> = [&term].into_iter().chain(disk.iter().copied()).cloned().collect();
        let said = after([starts(A, &records)]).note(A, &Note::Is(state));
        assert!(said.is_ok(), "{said:?} of {records:?}");
    }
}

#[test]
fn only_damage_gives_a_vote_back() {
    let already = Some(Guard::VotedAlready { term: Term(1), voted_for: A });
    for (disk, refused) in [
        (vec![found(hard(1, Some(A)))], already),
        (vec![found(hard(1, None))], already),
        (vec![found(hard(1, None)), Note::Unreadable], None),
        // An emptied disk.
        (vec![], None),
    ] {
        let before = [starts(A, &[]), starts(B, &[]), starts(C, &[]), stands(A, 1), stands(C, 1)];
        // A asks for votes of the next term by now.
        let rest = [votes(B, A, 1), stands(A, 2), starts(B, &disk)];
        let mut spec = after(before.into_iter().chain(rest)).spec().clone();
        if disk.is_empty() {
            spec.take(B, Action::UpdateTerm { term: Term(1) }).unwrap();
        }
        let vote = Action::GrantVote { candidate: C, last: EntryId::ZERO };
        assert_eq!(guard(&spec, B, vote), refused, "{disk:?}");
    }
}

/// A leads term 1, and B acknowledges two entries; C leads term 2 with the votes of D and E, and makes one entry. B restarts with this.
fn two_leaders(disk: &[Note]) -> Spec {
    let first = [stands(A, 1), votes(B, A, 1), votes(D, A, 1), wins(A, [B, D], 1, 2)];
    let append = Word::Append { term: Term(1), commit: Index(0), entries: entries(0, 1, 1, 2) };
    let follows = vec![
        (B, take(A, append)),
        (B, write(2, made(0, 1, 1, 2))),
        (B, say(A, Word::Appended { term: Term(1), matched: Index(2) }, 2)),
        (B, Note::Durable(Lsn(2))),
    ];
    let second = [stands(C, 1), stands(C, 2), votes(D, C, 2), votes(E, C, 2), wins(C, [D, E], 2, 1)];
    let boots = ALL.map(|node| starts(node, &[]));
    let all = boots.into_iter().chain(first).chain([follows]).chain(second).chain([starts(B, disk)]);
    after(all).spec().clone()
}

#[test]
fn what_is_lost_with_a_part_of_the_log_was_promised_in_an_earlier_life() {
    let kept = || vec![found(hard(1, Some(A))), found(made(0, 1, 1, 2))];
    let lost = || vec![found(hard(1, Some(A))), found(made(0, 1, 1, 1))];
    let with_damage = || kept().into_iter().chain([Note::Unreadable]).collect();
    let removes = Some(Guard::RemovesAcknowledged { index: Index(1) });
    for (disk, refused) in [(kept(), removes), (lost(), None), (with_damage(), None)] {
        let spec = two_leaders(&disk);
        let borrow = Action::Borrow { entries: entries(0, 2, 1, 1), lender: id(2, 1) };
        assert_eq!(guard(&spec, B, borrow), refused, "{disk:?}");
    }
}

#[test]
fn an_earlier_life_counts_until_its_end_is_heard_of() {
    let mut spec = two_leaders(&[found(hard(1, Some(A))), found(made(0, 1, 1, 1))]);
    let count = |matched| Action::CountAcknowledgement { follower: B, matched: Index(matched) };
    let too_much = Some(Guard::NotEqual { matched: Index(2) });
    assert_eq!(guard(&spec, A, count(2)), None);
    // Nobody has said so.
    spec.take(A, Action::Forget { follower: B }).unwrap();
    assert_eq!(guard(&spec, A, count(2)), None);
    spec.take(B, Action::Confess { term: Term(1) }).unwrap();
    assert_eq!(guard(&spec, A, count(2)), None);
    spec.take(A, Action::Forget { follower: B }).unwrap();
    assert_eq!(guard(&spec, A, count(2)), too_much);
    // What it acknowledges from here on counts, also after a late copy of the confession.
    let again = Action::Acknowledge { leader: A, term: Term(1), matched: Index(1), after: DURABLE };
    spec.take(B, again).unwrap();
    spec.take(A, Action::Forget { follower: B }).unwrap();
    assert_eq!((guard(&spec, A, count(1)), guard(&spec, A, count(2))), (None, too_much));
}

#[test]
fn who_says_that_nothing_is_missing_keeps_what_others_know_of() {
    let boots = || ALL.map(|node| starts(node, &[])).into_iter().flatten().collect::<Notes>();
    let elected = || [stands(A, 1), votes(C, A, 1), votes(D, A, 1), wins(A, [C, D], 1, 2)].concat();
    let damaged = |node| starts(node, &[Note::Unreadable]);
    let voted = || [stands(A, 1), votes(B, A, 1)].concat();
    for (what, notes, promised) in [
        ("its vote", voted(), true),
        ("its acknowledgement", [elected(), acknowledges(B, A)].concat(), true),
        ("a vote that the candidate may have forgotten", [voted(), damaged(A)].concat(), false),
        ("its vote for itself", stands(B, 1), false),
        ("what others have promised", [elected(), acknowledges(E, A)].concat(), false),
    ] {
        let spec = after([boots(), notes, damaged(B)]).spec().clone();
        let whole = |term| guard(&spec, B, Action::BeWhole { term: Term(term) });
        let forgotten = Guard::PromiseForgotten { term: Term(1) };
        assert_eq!(whole(0), promised.then_some(forgotten), "{what}");
        assert_eq!((whole(1), whole(2)), (None, None), "{what}");
    }
}

/// Of its vote; and then it says so, and nobody counts it who has not got it.
#[test]
fn a_damaged_disk_that_knows_its_vote_is_believed() {
    let disk = [found(hard(1, Some(C))), Note::Unreadable];
    let before = [starts(A, &[]), starts(B, &[]), stands(A, 1), votes(B, A, 1), starts(B, &disk)];
    let state = quiet(1, Some(C), Role::Follower);
    after(before).note(B, &Note::Is(state)).unwrap();
}

#[test]
fn the_first_who_know_the_members_found_the_cluster() {
    let boot = |founding: &[NodeId]| Note::Boot { founding: membership(founding), commit_quorum: None };
    let notes = [(E, boot(&[])), (A, boot(&[A, B, C])), (D, boot(&[D]))];
    let mut spec = after([notes.to_vec()]).spec().clone();
    spec.take(D, Action::Timeout).unwrap();
    spec.take(D, Action::CountVote { voter: D }).unwrap();
    let alone = Guard::NoElectionQuorum { votes: 1, index: Index(0) };
    assert_eq!(refused(&mut spec, D, Action::BecomeLeader), alone);
}

#[test]
fn a_leader_sends_snapshots_of_what_it_knows_to_be_committed() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 1) }).unwrap();
    // C had to name term 1 before it could leave it; B and C commit another entry in its place.
    spec.take(C, Action::Timeout).unwrap();
    elect(&mut spec, C, B, 2, EntryId::ZERO);
    let other = entries(0, 2, 1, 1);
    spec.take(C, Action::ClientRequest { entries: other.clone() }).unwrap();
    spec.take(B, Action::HandleAppendEntries { entries: other }).unwrap();
    for follower in [B, C] {
        acknowledge(&mut spec, follower, C, 2, 1);
    }
    spec.take(C, Action::AdvanceCommitIndex { index: Index(1) }).unwrap();
    let send =
        |term, last| Action::SendSnapshot { term: Term(term), last, membership: membership(&[A, B, C]) };
    spec.take(C, send(2, id(2, 1))).unwrap();
    let uncommitted = Guard::TellsTooMuch { told: Index(1), own: Index(0) };
    assert_eq!(refused(&mut spec, A, send(1, id(1, 1))), uncommitted);
}

#[test]
fn a_leader_tells_what_its_snapshot_covers_and_nobody_else_does() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    let made = || entries(0, 1, 1, 2);
    spec.take(A, Action::ClientRequest { entries: made() }).unwrap();
    spec.take(B, Action::HandleAppendEntries { entries: made() }).unwrap();
    for follower in [A, B] {
        acknowledge(&mut spec, follower, A, 1, 2);
    }
    spec.take(A, Action::AdvanceCommitIndex { index: Index(2) }).unwrap();
    elect(&mut spec, B, C, 2, id(1, 2));
    spec.take(C, Action::HandleAppendEntries { entries: made() }).unwrap();
    let install = || Action::InstallSnapshot { last: id(1, 2), membership: membership(&[A, B, C]) };
    let learn = || Action::LearnCommitIndex { index: Index(2) };
    spec.take(A, Action::UpdateTerm { term: Term(2) }).unwrap();
    spec.take(A, install()).unwrap();
    assert_eq!(refused(&mut spec, C, learn()), Guard::NotTold { told: Index(0) });
    spec.take(B, install()).unwrap();
    spec.take(C, learn()).unwrap();
}

#[test]
fn a_process_is_noted_with_what_it_was_founded_with() {
    let of = |quorum: QuorumRule| {
        let mut config = Config::new(A, [A, B, C]);
        config.quorum = quorum;
        Note::boot(&Raft::new(config).unwrap())
    };
    let founded = |commit_quorum| Note::Boot { founding: membership(&[A, B, C]), commit_quorum };
    assert_eq!(of(QuorumRule::Majority), founded(None));
    assert_eq!(of(QuorumRule::Flexible { commit: 1 }), founded(Some(1)));
}
