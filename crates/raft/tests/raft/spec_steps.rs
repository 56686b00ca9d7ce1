//! The specification, step by step: what each step may lead to, and what damage takes back.

use crate::spec::{
    A, B, C, DURABLE, GRANTED, acknowledge, elect, entries, hard, id, membership, quiet, refused, ruled, say,
    three, write,
};
use std::collections::BTreeMap;
use synod_core::{Input, Lsn, NodeId};
use synod_raft::spec::{
    Action, Entries, Guard, HardState, Heard, Note, Refinement, Spec, State, Word, Written,
};
use synod_raft::{Change, Command, EntryId, Index, Membership, QuorumRule, Role, Step, Term};

const D: NodeId = NodeId(4);

/// Nodes that do what they are told, and who watches them.
#[derive(Clone)]
struct Play {
    founding: Vec<NodeId>,
    refinement: Refinement,
    nodes: BTreeMap<NodeId, State>,
}

impl Play {
    /// These have started.
    fn of(founding: &[NodeId]) -> Self {
        let (refinement, nodes) = (Refinement::default(), BTreeMap::new());
        let mut play = Self { founding: founding.to_vec(), refinement, nodes };
        for node in founding {
            play.restart(*node, [], |_| {}).unwrap();
        }
        play
    }

    /// A leads them in term 1 with the vote of B, and both have its first entry.
    fn led(founding: &[NodeId]) -> Self {
        let mut play = Self::of(founding);
        play.campaign(A);
        play.votes(B, A);
        play.hears(A, A, GRANTED);
        let lead = |state: &mut State| (state.role, state.last) = (Role::Leader, id(1, 1));
        play.step(A, heard(B, GRANTED), [write(2, made(1))], lead).unwrap();
        play.appends(B, 1);
        play
    }

    #[expect(clippy::needless_pass_by_value, reason = "notes are made where they are told")]
    fn note(&mut self, node: NodeId, note: Note) -> Result<(), Guard> {
        self.refinement.note(node, &note).map_err(|violation| violation.guard)
    }

    fn step<const N: usize>(
        &mut self,
        node: NodeId,
        heard: Heard,
        notes: [Note; N],
        leads_to: impl FnOnce(&mut State),
    ) -> Result<(), Guard> {
        self.note(node, Note::Take(heard))?;
        for note in notes {
            self.note(node, note)?;
        }
        let state = self.nodes.entry(node).or_insert_with(|| quiet(0, None, Role::Follower));
        leads_to(state);
        let state = state.clone();
        self.note(node, Note::Is(state))?;
        self.note(node, Note::Durable(Lsn(9)))
    }

    /// A node dies, and comes back with what is found.
    fn restart<const N: usize>(
        &mut self,
        node: NodeId,
        found: [Note; N],
        leads_to: impl FnOnce(&mut State),
    ) -> Result<(), Guard> {
        self.note(node, Note::Crash)?;
        self.note(node, self.boot())?;
        for note in found {
            self.note(node, note)?;
        }
        self.nodes.insert(node, quiet(0, None, Role::Follower));
        self.step(node, Heard::Start, [], leads_to)
    }

    fn boot(&self) -> Note {
        Note::Boot { founding: membership(&self.founding), commit_quorum: None }
    }

    /// The disk of a node is lost: it comes back without anything, or knows that something is missing.
    fn emptied(&mut self, node: NodeId) {
        self.restart(node, [], |_| {}).unwrap();
    }

    fn damaged(&mut self, node: NodeId) {
        let found = [Note::Found(hard(1, Some(A))), Note::Unreadable];
        self.restart(node, found, |state| *state = missing(quiet(1, Some(A), Role::Follower))).unwrap();
    }

    fn campaign(&mut self, node: NodeId) {
        let term = self.nodes.get(&node).unwrap().term.0 + 1;
        let candidate = |state: &mut State| {
            (state.term, state.voted_for, state.role) = (Term(term), Some(node), Role::Candidate);
        };
        self.step(node, Heard::Host, [write(1, hard(term, Some(node)))], candidate).unwrap();
    }

    fn votes(&mut self, node: NodeId, candidate: NodeId) {
        let request = Word::RequestVote { term: Term(1), last: EntryId::ZERO, by_transfer: false };
        let vote = |state: &mut State| (state.term, state.voted_for) = (Term(1), Some(candidate));
        let notes = [write(1, hard(1, Some(candidate))), say(candidate, GRANTED, 1)];
        self.step(node, heard(candidate, request), notes, vote).unwrap();
    }

    /// A, which leads, makes an entry, or somebody takes it over from A.
    fn appends(&mut self, node: NodeId, index: u64) {
        let append = Word::Append { term: Term(1), commit: Index(0), entries: one(index) };
        let taken = if node == A { Heard::Host } else { heard(A, append) };
        self.step(node, taken, [write(3, made(index))], |state| state.last = id(1, index)).unwrap();
    }

    fn says(&mut self, node: NodeId, word: Word) {
        self.step(node, Heard::Host, [say(A, word, 0)], |_| {}).unwrap();
    }

    fn hears(&mut self, node: NodeId, from: NodeId, word: Word) {
        self.step(node, heard(from, word), [], |_| {}).unwrap();
    }

    /// A hears what somebody says.
    fn tells(&mut self, node: NodeId, word: Word) {
        self.says(node, word.clone());
        self.hears(A, node, word);
    }

    /// A commits.
    fn commits(&mut self, index: u64) -> Result<(), Guard> {
        self.step(A, Heard::Host, [], |state| state.commit = Index(index))
    }

    /// What the specification makes of it.
    fn spec(&self) -> Spec {
        self.refinement.spec().clone()
    }
}

fn heard(from: NodeId, word: Word) -> Heard {
    Heard::Message { from, word }
}

/// An entry of term 1.
fn one(index: u64) -> Entries {
    entries(u64::from(index > 1), 1, index, index)
}

fn made(index: u64) -> Written {
    Written::Entries(one(index))
}

fn appended(term: u64, matched: u64) -> Word {
    Word::Appended { term: Term(term), matched: Index(matched) }
}

fn uncounted(term: u64, matched: u64) -> Word {
    Word::Uncounted { term: Term(term), matched: Index(matched) }
}

fn lost(term: u64) -> Word {
    Word::Lost { term: Term(term) }
}

/// The same, of a node that knows that something is missing.
fn missing(state: State) -> State {
    State { damaged: true, in_doubt: true, ..state }
}

fn snapshot(term: u64, last: EntryId) -> Written {
    let state = HardState { term: Term(term), voted_for: Some(A), doubt: false };
    Written::Snapshot { state, last, membership: membership(&[A, B, C]) }
}

fn count(follower: NodeId, matched: u64) -> Action {
    Action::CountAcknowledgement { follower, matched: Index(matched) }
}

fn commit(index: u64) -> Action {
    Action::AdvanceCommitIndex { index: Index(index) }
}

fn change(index: u64, membership: &Membership) -> Action {
    Action::ClientRequest { entries: Entries { membership: Some(membership.clone().into()), ..one(index) } }
}

const NO_QUORUM: Guard = Guard::NoCommitQuorum { index: Index(0) };

// ── Votes ────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_vote_is_given_again_only_where_damage_took_it_from_one_who_counts_on_it_no_more() {
    let count = |voter| Action::CountVote { voter };
    for (emptied, meanwhile, allowed) in [
        (true, vec![], false),
        (true, vec![count(A), count(B), Action::BecomeLeader], false),
        (true, vec![Action::StepDown], true),
        (true, vec![Action::Timeout], true),
        // No damage, but forgotten.
        (false, vec![Action::Timeout], false),
    ] {
        let mut play = Play::of(&[A, B, C]);
        play.campaign(A);
        play.campaign(C);
        play.votes(B, A);
        let kept = [Note::Found(hard(1, None))];
        let mut spec = if emptied {
            play.emptied(B);
            play.spec()
        } else {
            play.restart(B, kept, |state| state.term = Term(1)).unwrap();
            play.spec()
        };
        for action in meanwhile.clone() {
            spec.take(A, action).unwrap();
        }
        if emptied {
            spec.take(B, Action::UpdateTerm { term: Term(1) }).unwrap();
        }
        let vote = spec.take(B, Action::GrantVote { candidate: C, last: EntryId::ZERO });
        let expected =
            if allowed { Ok(()) } else { Err(Guard::VotedAlready { term: Term(1), voted_for: A }) };
        assert_eq!(vote.map_err(|violation| violation.guard), expected, "{emptied}, {meanwhile:?}");
    }
}

#[test]
fn only_votes_of_this_term_are_counted() {
    for (term, expected) in [(1, Ok(())), (0, Err(Guard::Unsent)), (2, Err(Guard::Unsent))] {
        let mut play = Play::of(&[A, B, C]);
        play.campaign(A);
        play.votes(B, A);
        play.hears(A, A, GRANTED);
        let lead = |state: &mut State| (state.role, state.last) = (Role::Leader, id(1, 1));
        let granted = heard(B, Word::Voted { term: Term(term), granted: true });
        assert_eq!(play.step(A, granted, [write(2, made(1))], lead), expected, "{term}");
    }
}

#[test]
fn a_vote_that_was_damaged_is_the_one_that_was_given_or_is_spent_on_oneself() {
    let forgotten = Err(Guard::Unexplained { what: "vote" });
    for (vote, expected) in [
        (Some(A), Ok(())),
        (Some(B), Ok(())),
        // What the specification has read as well.
        (None, Ok(())),
        (Some(C), forgotten),
    ] {
        let mut play = Play::of(&[A, B, C]);
        play.campaign(A);
        play.votes(B, A);
        let found = [Note::Found(hard(1, None)), Note::Unreadable];
        let is = play.restart(B, found, |state| (state.term, state.voted_for) = (Term(1), vote));
        assert_eq!(is, expected, "{vote:?}");
    }
}

#[test]
fn who_was_damaged_is_not_whole_before_the_term_of_its_promise() {
    let mut play = Play::of(&[A, B, C]);
    play.campaign(A);
    play.votes(B, A);
    play.restart(B, [Note::Unreadable], |state| *state = missing(state.clone())).unwrap();
    let whole = play.step(B, Heard::Host, [], |state| (state.damaged, state.in_doubt) = (false, false));
    assert_eq!(whole, Err(Guard::PromiseForgotten { term: Term(1) }));
}

#[test]
fn who_says_that_it_is_damaged_does_not_campaign() {
    for (damaged, expected) in [(false, Ok(())), (true, Err(Guard::TermUnheard { term: Term(1) }))] {
        let mut play = Play::of(&[A, B, C]);
        play.restart(B, [], |state| (state.damaged, state.in_doubt) = (damaged, damaged)).unwrap();
        play.note(B, Note::Take(Heard::Host)).unwrap();
        assert_eq!(play.note(B, write(1, hard(1, Some(B)))), expected, "{damaged}");
    }
}

#[test]
fn damage_explains_a_later_term_at_the_start_alone() {
    let unheard = Err(Guard::TermUnheard { term: Term(7) });
    for (damaged, starts, expected) in [(true, true, Ok(())), (true, false, unheard), (false, true, unheard)]
    {
        let mut play = Play::of(&[A, B, C]);
        play.note(B, Note::Crash).unwrap();
        play.note(B, play.boot()).unwrap();
        if damaged {
            play.note(B, Note::Unreadable).unwrap();
        }
        play.note(B, Note::Take(Heard::Start)).unwrap();
        if !starts {
            play.note(B, Note::Is(missing(quiet(0, None, Role::Follower)))).unwrap();
            play.note(B, Note::Take(Heard::Host)).unwrap();
        }
        assert_eq!(play.note(B, write(1, hard(7, None))), expected, "{damaged}, {starts}");
    }
}

// ── Acknowledgements ─────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn only_what_answers_this_term_counts() {
    let stored = || {
        let mut play = Play::led(&[A, B, C]);
        play.tells(A, appended(1, 1));
        play
    };
    let doubtful = || {
        let mut play = stored();
        play.says(B, uncounted(1, 1));
        play.says(B, appended(1, 0));
        play
    };
    // It has lost what it has acknowledged.
    let damaged = || {
        let mut play = stored();
        play.tells(B, appended(1, 1));
        play.damaged(B);
        play.says(B, lost(1));
        play
    };
    let told = || {
        let mut play = stored();
        play.says(B, appended(1, 1));
        play
    };
    for (mut play, words, commits) in [
        (told(), vec![appended(1, 1)], true),
        (told(), vec![appended(0, 1)], false),
        (told(), vec![appended(2, 1)], false),
        (doubtful(), vec![uncounted(1, 1), appended(1, 0)], true),
        (doubtful(), vec![appended(1, 0)], false),
        (doubtful(), vec![uncounted(0, 1), appended(1, 0)], false),
        (doubtful(), vec![uncounted(2, 1), appended(1, 0)], false),
        (damaged(), vec![], true),
        (damaged(), vec![lost(0)], true),
        (damaged(), vec![lost(2)], true),
        (damaged(), vec![lost(1)], false),
    ] {
        for word in words.clone() {
            play.hears(A, B, word);
        }
        assert_eq!(play.commits(1), if commits { Ok(()) } else { Err(NO_QUORUM) }, "{words:?}");
    }
}

#[test]
fn what_a_leader_forgets_is_of_who_confesses_and_of_before() {
    // C has lost its log, B has not.
    let mut play = Play::led(&[A, B, C]);
    for node in [A, B] {
        play.tells(node, appended(1, 1));
    }
    play.damaged(C);
    play.says(C, lost(1));
    play.hears(A, B, lost(1));
    play.commits(1).unwrap();

    // What B stored in doubt is lost, too.
    let mut play = Play::led(&[A, B, C]);
    play.tells(A, appended(1, 1));
    play.tells(B, uncounted(1, 1));
    play.damaged(B);
    play.tells(B, lost(1));
    let mut spec = play.spec();
    acknowledge(&mut spec, B, A, 1, 0);
    assert_eq!(refused(&mut spec, A, commit(1)), NO_QUORUM);
    // What it stores afterwards is not, whatever comes late.
    let (leader, term, after) = (A, Term(1), DURABLE);
    spec.take(B, Action::Mend { entries: one(1) }).unwrap();
    spec.take(B, Action::AcknowledgeInDoubt { leader, term, matched: Index(1), after }).unwrap();
    spec.take(A, Action::NoteDoubt { follower: B, matched: Index(1) }).unwrap();
    spec.take(A, Action::Forget { follower: B }).unwrap();
    acknowledge(&mut spec, B, A, 1, 0);
    spec.take(A, commit(1)).unwrap();
}

#[test]
fn each_has_doubts_of_its_own() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(C, Action::UpdateTerm { term: Term(1) }).unwrap();
    spec.take(A, Action::ClientRequest { entries: one(1) }).unwrap();
    let (leader, term, after) = (A, Term(1), DURABLE);
    for follower in [B, C] {
        spec.take(follower, Action::HandleAppendEntries { entries: one(1) }).unwrap();
        spec.take(follower, Action::AcknowledgeInDoubt { leader, term, matched: Index(1), after }).unwrap();
        spec.take(A, Action::NoteDoubt { follower, matched: Index(1) }).unwrap();
    }
    for follower in [B, C] {
        acknowledge(&mut spec, follower, A, 1, 0);
    }
    spec.take(A, commit(1)).unwrap();
}

#[test]
fn what_an_earlier_life_acknowledged_does_not_count_for_a_new_member() {
    // C is no member yet; it has stored two entries, and so has B, which A has not heard of.
    let mut play = Play::led(&[A, B, D]);
    play.restart(C, [], |_| {}).unwrap();
    for node in [C, D] {
        let append = Word::Append { term: Term(1), commit: Index(0), entries: one(1) };
        play.step(node, heard(A, append), [write(1, hard(1, None))], |state| state.term = Term(1)).unwrap();
        play.appends(node, 1);
    }
    for node in [A, D] {
        play.tells(node, appended(1, 1));
    }
    play.commits(1).unwrap();
    for node in [A, B, C] {
        play.appends(node, 2);
        play.says(node, appended(1, 2));
    }
    play.hears(A, A, appended(1, 2));
    let grown = change(3, &Membership::of([A, B, C, D]));

    // Heard of before, it stays.
    let mut spec = play.spec();
    for node in [B, C] {
        spec.take(A, count(node, 2)).unwrap();
    }
    spec.take(A, grown.clone()).unwrap();
    spec.take(A, commit(2)).unwrap();

    // Both lose their disks, and only C becomes a member.
    play.emptied(B);
    play.emptied(C);
    let mut spec = play.spec();
    spec.clone().take(A, count(C, 2)).unwrap();
    spec.take(A, grown).unwrap();
    assert_eq!(refused(&mut spec, A, count(C, 2)), Guard::NotEqual { matched: Index(2) });
    spec.take(A, count(B, 2)).unwrap();
}

#[test]
fn a_loan_removes_nothing_that_was_acknowledged() {
    let mut spec = three();
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    spec.take(A, Action::ClientRequest { entries: entries(0, 1, 1, 5) }).unwrap();
    elect(&mut spec, B, C, 2, EntryId::ZERO);
    spec.take(B, Action::ClientRequest { entries: entries(0, 2, 1, 1) }).unwrap();
    spec.take(C, Action::HandleAppendEntries { entries: entries(0, 2, 1, 1) }).unwrap();
    let borrow = Action::Borrow { entries: entries(0, 1, 1, 5), lender: id(3, 9) };
    spec.clone().take(C, borrow.clone()).unwrap();
    acknowledge(&mut spec, C, B, 2, 1);
    assert_eq!(refused(&mut spec, C, borrow), Guard::RemovesAcknowledged { index: Index(1) });
}

/// Two leaders commit at one index. That takes a follower that loses its disk, and neither knows nor confesses it.
#[test]
fn what_differs_from_what_is_committed_is_not_committed() {
    let mut play = Play::led(&[A, B, C]);
    play.tells(A, appended(1, 1));
    play.says(B, appended(1, 1));
    play.emptied(B);
    let mut spec = play.spec();
    spec.take(C, Action::Timeout).unwrap();
    elect(&mut spec, C, B, 2, EntryId::ZERO);
    spec.take(C, Action::ClientRequest { entries: entries(0, 2, 1, 1) }).unwrap();
    spec.take(B, Action::HandleAppendEntries { entries: entries(0, 2, 1, 1) }).unwrap();
    for follower in [B, C] {
        acknowledge(&mut spec, follower, C, 2, 1);
    }
    spec.clone().take(C, commit(1)).unwrap();
    spec.take(A, count(B, 1)).unwrap();
    spec.take(A, commit(1)).unwrap();
    assert_eq!(refused(&mut spec, C, commit(1)), Guard::StateMachineSafety { index: Index(1) });
}

// ── Memberships ──────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn the_outgoing_half_of_a_joint_membership_is_the_one_before_with_its_rule() {
    let mut play = Play::led(&[A, B, C]);
    for node in [A, B] {
        play.tells(node, appended(1, 1));
    }
    play.commits(1).unwrap();
    let (heavy, light) = (QuorumRule::weights([(C, 3)]), QuorumRule::weights([(B, 3)]));
    let joint = |from: Membership, rule| from.changed(&Change::rule(rule), &QuorumRule::Majority).unwrap();
    let mut spec = play.spec();
    for apart in [joint(Membership::of([A, B]), light.clone()), joint(ruled(3, heavy), light.clone())] {
        assert_eq!(refused(&mut spec, A, change(2, &apart)), Guard::QuorumsApart, "{apart:?}");
    }
    spec.take(A, change(2, &joint(Membership::of([A, B, C]), light))).unwrap();
}

#[test]
fn who_is_a_witness_no_more_gets_what_nobody_has_stored() {
    let change_of = |to: &Membership, step| to.changed(&Change::from(step), &QuorumRule::Majority).unwrap();
    let with_witness = change_of(&Membership::of([A, B]), Step::AddWitness(C));
    let without = change_of(&with_witness, Step::Remove(C));
    let mut spec = Spec::of(with_witness, QuorumRule::Majority);
    elect(&mut spec, A, B, 1, EntryId::ZERO);
    let leaves = Entries { membership: Some(without.into()), ..one(2) };
    for entries in [one(1), leaves] {
        spec.take(A, Action::ClientRequest { entries: entries.clone() }).unwrap();
        let index = entries.last.0;
        spec.take(B, Action::HandleAppendEntries { entries }).unwrap();
        for follower in [A, B] {
            acknowledge(&mut spec, follower, A, 1, index);
        }
        spec.take(A, commit(index)).unwrap();
    }
    spec.take(A, Action::ClientRequest { entries: one(3) }).unwrap();
    spec.take(A, Action::AppendEntries { to: C, term: Term(1), entries: one(3) }).unwrap();
}

#[test]
fn a_leader_may_change_the_membership_before_it_commits_in_the_same_step() {
    let mut play = Play::led(&[A, B]);
    for node in [A, B] {
        play.tells(node, appended(1, 1));
    }
    play.commits(1).unwrap();
    play.appends(A, 2);
    play.tells(A, appended(1, 2));
    let alone = Entries { membership: Some(membership(&[A])), ..one(3) };
    let both = |state: &mut State| (state.commit, state.last) = (Index(2), id(1, 3));
    play.clone().commits(2).unwrap_err();
    play.step(A, Heard::Host, [write(4, Written::Entries(alone))], both).unwrap();
}

// ── Steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn what_is_wrong_is_noticed_where_it_happens() {
    let mut play = Play::led(&[A, B, C]);
    play.note(A, Note::Take(Heard::Host)).unwrap();
    let gap = Guard::Gap { entry: id(1, 3), last: id(1, 1) };
    assert_eq!(play.note(A, write(3, made(3))), Err(gap));
    play.note(B, Note::Take(Heard::Host)).unwrap();
    let told = Word::Commit { term: Term(1), commit: Index(0) };
    assert_eq!(play.note(B, say(C, told, 0)), Err(Guard::NotLeader));
}

#[test]
fn others_read_their_disks_while_one_begins_or_ends() {
    let mut play = Play::of(&[A, B, C]);
    for (node, ends) in [(A, false), (C, true)] {
        play.note(B, play.boot()).unwrap();
        play.note(B, Note::Found(hard(1, None))).unwrap();
        play.note(node, if ends { Note::Crash } else { play.boot() }).unwrap();
        play.step(B, Heard::Start, [], |state| state.term = Term(1)).unwrap();
        play.emptied(B);
    }
}

#[test]
fn what_a_node_was_about_to_say_when_it_died_is_forgotten() {
    let mut play = Play::led(&[A, B, C]);
    play.note(A, Note::Take(Heard::Host)).unwrap();
    play.note(A, say(B, Word::Commit { term: Term(1), commit: Index(7) }, 0)).unwrap();
    play.note(A, Note::Crash).unwrap();
    play.refinement.takes(B, &Input::Command(Command::Campaign));
    let state = play.nodes.get(&B).unwrap().clone();
    play.note(B, Note::Is(state)).unwrap();
}

#[test]
fn a_log_begins_after_what_a_snapshot_covers() {
    let mut play = Play::led(&[A, B, C]);
    for node in [A, B] {
        play.tells(node, appended(1, 1));
    }
    play.commits(1).unwrap();
    // B holds the entry, but has not heard that it is committed: the snapshot says so.
    let begins = Guard::Unexplained { what: "log: where it begins" };
    assert_eq!(play.clone().step(B, Heard::Host, [], |state| state.base = id(1, 1)), Err(begins));
    let covered = [write(3, snapshot(1, id(1, 1)))];
    play.step(B, Heard::Host, covered, |state| (state.commit, state.base) = (Index(1), id(1, 1))).unwrap();
    // A candidate is one still when it has forgotten the beginning.
    play.step(A, Heard::Host, [], |state| state.role = Role::Follower).unwrap();
    play.campaign(A);
    play.step(A, Heard::Host, [write(3, snapshot(2, id(1, 1)))], |state| state.base = id(1, 1)).unwrap();
}

#[test]
fn damage_leaves_what_leaders_have_made() {
    let mut play = Play::led(&[A, B, C]);
    for node in [A, B] {
        play.appends(node, 2);
    }
    let unmade = Guard::NotMade { entry: id(1, 2) };
    for (left, expected) in [(one(2), Ok(())), (entries(1, 1, 2, 3), Err(unmade))] {
        let mut play = play.clone();
        let found = [
            Note::Found(hard(1, Some(A))),
            Note::Found(made(1)),
            Note::Found(made(2)),
            // As many entries as before; the first of them is what is missing.
            Note::Unreadable,
        ];
        let is = play.restart(B, found, |state| {
            let left = State { base: id(1, 1), last: id(1, 2), log: Some(vec![left]), ..state.clone() };
            *state = missing(State { term: Term(1), voted_for: Some(A), ..left });
        });
        assert_eq!(is, expected);
    }
}
