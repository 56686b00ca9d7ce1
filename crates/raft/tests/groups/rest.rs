//! When a group goes to rest, when it does not, and what its letters ask for.

use crate::world::{A, B, C, World};
use core::time::Duration;
use synod_core::testing::{Bench, Output};
use synod_core::{Input, Lane, NodeId, Protocol};
use synod_raft::groups::{Beat, Birth, Command, Event, GroupId, Groups, Letter, Message, Settings, Timer};
use synod_raft::{Command as Ask, EntryId, Index, Message as Raft, Piece, Role, Segment, Snapshot, Term};

const G: GroupId = GroupId(1);
const H: GroupId = GroupId(2);

fn plain(_: &mut Settings) {}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn is_rest(letter: &Letter) -> bool {
    matches!(letter, Letter::Rest(_))
}

/// Letters that were sent, and which.
fn letters(world: &World, which: fn(&Letter) -> bool) -> usize {
    world.sent.iter().flat_map(|(_, _, message)| &message.letters).filter(|(_, letter)| which(letter)).count()
}

/// A node with one group.
fn node(id: NodeId, voters: &[NodeId], set: fn(&mut Settings)) -> Bench<Groups> {
    let mut settings = Settings::new(id);
    set(&mut settings);
    let mut node = Bench::new(id, Groups::new(settings).unwrap());
    node.start().unwrap();
    let birth = Birth::founding(voters.iter().copied());
    node.input(Input::Command(Command::Create { group: G, birth }));
    node.sync().unwrap();
    node.take();
    node
}

/// A letter comes.
fn hand_in(node: &mut Bench<Groups>, from: NodeId, group: GroupId, letter: Letter) {
    node.input(Input::Message(from, Message { incarnation: 1, letters: vec![(group, letter)] }));
}

/// What has been sent to a node.
fn sent_to(node: &mut Bench<Groups>, receiver: NodeId) -> Vec<Message> {
    let sent = node.take().into_iter().filter_map(|output| match output {
        Output::Send { to, message, .. } if to == receiver => Some(message),
        _ => None,
    });
    sent.collect()
}

fn append(entries: Segment, commit: u64) -> Letter {
    let commit = Index(commit);
    Letter::Raft(Raft::Append { term: Term(1), prev_term: Term::ZERO, commit, round: 1, entries })
}

#[test]
fn a_node_knows_its_name() {
    assert_eq!(Groups::new(Settings::new(C)).unwrap().id(), C);
}

#[test]
fn where_groups_do_not_hibernate_nobody_is_asked_to_rest() {
    let mut world = World::new(3, 2, |settings| settings.hibernate = false);
    world.run(3_000);
    assert_eq!(letters(&world, is_rest), 0);
    assert!(world.up().all(|(_, node)| node.resting() == 0));
}

/// What brings a group to rest is the heartbeat, and not whether the leader counts its followers.
#[test]
fn groups_rest_whose_leaders_do_not_check_their_quorum() {
    fn unchecked(settings: &mut Settings) {
        settings.raft.check_quorum = false;
    }
    World::at_rest(3, 2, unchecked).unwrap();
    let mut alone = node(A, &[A], unchecked);
    alone.input(Input::Command(Command::Raft { group: G, command: Ask::Campaign }));
    for _ in 0..1_000 {
        alone.advance(ms(1));
        alone.sync().unwrap();
    }
    assert_eq!(alone.protocol.group(G).unwrap().role(), Role::Leader);
    assert!(alone.protocol.rests(G));
}

/// One of the followers is there, and what it has is not known: the leader keeps on asking it for that, and nobody for rest.
#[test]
fn nobody_is_asked_to_rest_while_a_follower_that_is_there_may_lack_something() {
    let mut world = World::new(3, 1, plain);
    world.lose = |from, _, message| {
        let told = |letter: &Letter| matches!(letter, Letter::Raft(Raft::Appended { .. }));
        from == C && message.letters.iter().any(|(_, letter)| told(letter))
    };
    world.ask(A, G, Ask::Campaign);
    world.until(1_000, "A leads", |world| world.leader(G) == Some(A)).unwrap();
    for _ in 0..20 {
        world.run(100);
        // A sign of life arrives.
        world.bench(A).input(Input::Message(C, Message { incarnation: 1, letters: Vec::new() }));
    }
    assert_eq!(world.leader(G), Some(A));
    assert_eq!(letters(&world, is_rest), 0);
    world.lose = |_, _, _| false;
    world.until(2_000, "all rest", World::all_rest).unwrap();
}

/// A follower agrees to rest when its log ends where the leader's does and it knows that all of it is committed.
#[test]
fn a_follower_rests_with_the_whole_log_and_knowing_that_it_is_committed() {
    let entry = Segment::pack(Index(1), Term(1), ["x"]).unwrap();
    let at = |index| EntryId { term: Term(u64::from(index > 0)), index: Index(index) };
    for (prev, commit, rests) in [(1, 1, true), (1, 0, false), (0, 0, false), (2, 1, false)] {
        let mut node = node(B, &[A, B, C], plain);
        hand_in(&mut node, A, G, append(entry.clone(), 0));
        node.sync().unwrap();
        node.take();
        let beat = Beat { term: Term(1), round: 2, prev: at(prev), commit: Index(commit) };
        hand_in(&mut node, A, G, Letter::Rest(beat));
        node.sync().unwrap();
        assert_eq!(node.protocol.rests(G), rests, "up to {prev}, committed {commit}");
        let agreed = (G, Letter::Rests { term: Term(1), last: Index(1) });
        let agrees = sent_to(&mut node, A).iter().any(|message| message.letters.contains(&agreed));
        assert_eq!(agrees, rests, "up to {prev}, committed {commit}");
    }
}

/// Entries come from the leader, who is awake then.
#[test]
fn a_follower_that_is_woken_by_entries_wakes_nobody() {
    let mut world = World::at_rest(3, 1, plain).unwrap();
    let (leader, term) = (world.leader_of(G).unwrap(), Term(world.term(A, G)));
    let follower = if leader == A { B } else { A };
    // The heartbeat that the leader sent first, when it woke, was lost.
    let last = world.node(follower).group(G).unwrap().last_index();
    let entries = Segment::pack(last.next(), term, ["x"]).unwrap();
    let append = Raft::Append { term, prev_term: term, commit: last, round: 1, entries };
    let node = world.bench(follower);
    hand_in(node, leader, G, Letter::Raft(append));
    node.sync().unwrap();
    assert!(!node.protocol.rests(G));
    let answer = sent_to(node, leader);
    let said = |which: fn(&Letter) -> bool| {
        answer.iter().flat_map(|message| &message.letters).any(|(_, letter)| which(letter))
    };
    assert!(said(|letter| matches!(letter, Letter::Raft(Raft::Appended { .. }))), "{answer:?}");
    assert!(!said(|letter| matches!(letter, Letter::Wake { .. })), "{answer:?}");
}

/// A heartbeat may be older than the rest: whoever it wakes must not be alone with it, or would campaign.
#[test]
fn a_follower_that_is_woken_by_a_late_heartbeat_wakes_the_leader() {
    woken_late(|term| {
        Letter::Raft(Raft::Append {
            term,
            prev_term: Term::ZERO,
            commit: Index::ZERO,
            round: 1,
            entries: Segment::empty(Index(1)),
        })
    });
}

/// Nor with a question that is older: the leader has written something since, and rests by now.
#[test]
fn a_follower_that_is_woken_by_a_late_question_wakes_the_leader() {
    woken_late(|term| Letter::Rest(Beat { term, round: 1, prev: EntryId::ZERO, commit: Index::ZERO }));
}

/// All rest, and a follower gets this letter, which its leader of that term sent before.
fn woken_late(letter: impl Fn(Term) -> Letter) {
    let mut world = World::at_rest(3, 1, plain).unwrap();
    let (leader, term) = (world.leader_of(G).unwrap(), world.term(A, G));
    let follower = if leader == A { B } else { A };
    hand_in(world.bench(follower), leader, G, letter(Term(term)));
    world.run(10);
    assert!(!world.node(follower).rests(G) && !world.node(leader).rests(G));
    world.until(2_000, "all rest again", World::all_rest).unwrap();
    assert_eq!(world.letters(|message| matches!(message, Raft::PreVote { .. })), 0);
    assert_eq!(world.term(A, G), term);
}

/// Whoever asks leads now, and is awake: who led before is needed no more.
#[test]
fn a_follower_that_finds_another_term_or_leader_wakes_nobody() {
    for from in [A, C] {
        let mut node = resting();
        hand_in(&mut node, from, G, beat(2));
        node.sync().unwrap();
        assert!(!node.protocol.rests(G));
        assert_eq!(node.protocol.group(G).unwrap().leader(), Some(from));
        let sent = sent_to(&mut node, A);
        let wakes = |(_, letter): &(GroupId, Letter)| matches!(letter, Letter::Wake { .. });
        assert!(!sent.iter().flat_map(|message| &message.letters).any(wakes), "{sent:?}");
    }
}

/// A node of some priority leads sooner or later, and has nothing to claim then.
#[test]
fn a_group_rests_whose_leader_has_the_highest_priority() {
    let mut world = World::new(3, 2, |settings| settings.raft.priority = u32::from(settings.raft.id == A));
    let groups = || (1..=2).map(GroupId);
    world
        .until(20_000, "A leads and all rest", |world| {
            world.all_rest() && groups().all(|group| world.leader(group) == Some(A))
        })
        .unwrap();
    // And claims what it has lost.
    world.isolate(A);
    world.until(5_000, "others lead", |world| groups().all(|group| world.leader(group) != Some(A))).unwrap();
    world.cut.clear();
    world
        .until(20_000, "A leads and all rest again", |world| {
            world.all_rest() && groups().all(|group| world.leader(group) == Some(A))
        })
        .unwrap();
}

#[test]
fn a_follower_of_some_priority_does_not_rest() {
    let mut node = follower(|settings| settings.raft.priority = 1);
    hand_in(&mut node, A, G, beat(1));
    assert!(!node.protocol.rests(G));
}

/// The first letter of its successor is a question whether to rest.
#[test]
fn a_leader_that_rested_claims_what_it_has_lost() {
    let mut node = node(A, &[A, B, C], |settings| settings.raft.priority = 1);
    node.input(Input::Command(Command::Raft { group: G, command: Ask::Campaign }));
    let (term, last) = (Term(1), Index(1));
    let mut answer = |letter: Letter| {
        node.sync().unwrap();
        for from in [B, C] {
            hand_in(&mut node, from, G, letter.clone());
        }
        node.advance(ms(10));
        node.protocol.rests(G)
    };
    answer(Letter::Raft(Raft::PreVoted { term, granted: true }));
    answer(Letter::Raft(Raft::Voted { term, granted: true }));
    let rested = (0..200).any(|_| {
        answer(Letter::Raft(Raft::Appended { term, matched: last, round: 1 }));
        answer(Letter::Rests { term, last })
    });
    assert!(rested);
    node.take();
    let mut claims = 0;
    for _ in 0..20 {
        hand_in(&mut node, C, G, beat(2));
        node.advance(ms(100));
        node.sync().unwrap();
        let claims_it = |(_, letter): &(GroupId, Letter)| matches!(letter, Letter::Raft(Raft::Claim { .. }));
        let sent = sent_to(&mut node, C);
        claims += sent.iter().flat_map(|message| &message.letters).filter(|letter| claims_it(letter)).count();
    }
    assert!(claims > 0);
}

#[test]
fn nobody_is_woken_by_a_letter_to_oneself() {
    let mut world = World::at_rest(3, 1, plain).unwrap();
    let (leader, term) = (world.leader_of(G).unwrap(), Term(world.term(A, G)));
    hand_in(world.bench(leader), leader, G, Letter::Wake { term });
    assert!(world.node(leader).rests(G));
}

#[test]
fn who_speaks_to_a_group_that_was_never_here_is_told_of() {
    let mut node = node(A, &[A, B, C], plain);
    let strange = |node: &mut Bench<Groups>, group, letter| {
        hand_in(node, B, group, letter);
        node.take().contains(&Output::Event(Event::Stranger { group, from: B }))
    };
    let vote = || Letter::Raft(Raft::PreVote { term: Term(1), last: EntryId::ZERO });
    assert!(strange(&mut node, H, vote()));
    assert!(
        !strange(&mut node, H, Letter::Wake { term: Term(1) }),
        "it is no member who asks for a leader's help"
    );
    assert!(!strange(&mut node, G, vote()), "it is here");
    node.input(Input::Command(Command::Remove { group: G }));
    node.sync().unwrap();
    node.take();
    assert!(!strange(&mut node, G, vote()), "the application has removed it");
}

/// Whoever is asked for nothing by anybody else is called when the first of its groups has something to do, although that was later.
#[test]
fn a_timer_that_is_needed_sooner_is_set_anew() {
    let mut node = node(A, &[A], plain);
    let due = |node: &Bench<Groups>| node.timers()[&Timer].since(node.now());
    assert!(due(&node) >= ms(150), "an election");
    node.input(Input::Command(Command::Raft { group: G, command: Ask::Campaign }));
    node.sync().unwrap();
    assert_eq!(node.protocol.group(G).unwrap().role(), Role::Leader);
    assert!(due(&node) <= ms(30), "a heartbeat");
}

/// Heartbeats are signs of life.
#[test]
fn who_speaks_all_the_time_need_not_greet() {
    let mut world = World::new(3, 1, |settings| settings.hibernate = false);
    world.until(1_000, "there is a leader", |world| world.leader(G).is_some()).unwrap();
    let leader = world.leader_of(G).unwrap();
    world.run(100);
    world.sent.clear();
    world.run(1_000);
    let greets = |(from, to, message): &&(NodeId, NodeId, Message)| {
        (*from == leader || *to == leader) && message.letters.is_empty()
    };
    assert_eq!(world.sent.iter().filter(greets).count(), 0);
}

/// What waits for a disk that stands still is no sign of life.
#[test]
fn who_has_only_promised_greets_all_the_same() {
    let mut node = node(B, &[A, B, C], plain);
    for term in 1..=10 {
        let ask = Raft::RequestVote { term: Term(term), last: EntryId::ZERO, by_transfer: false };
        hand_in(&mut node, A, G, Letter::Raft(ask));
        node.advance(ms(40));
    }
    let sent = sent_to(&mut node, A);
    assert!(sent.iter().all(|message| message.letters.is_empty()), "{sent:?}");
    assert!(sent.len() >= 3, "{sent:?}");
}

#[test]
fn a_message_takes_the_lane_of_its_letters() {
    let entry = Segment::pack(Index(1), Term(1), ["x"]).unwrap();
    let snapshot = Snapshot {
        last: EntryId { term: Term(1), index: Index(1) },
        membership: synod_raft::Membership::of([A, B, C]).into(),
        len: 1,
        digest: 1,
        hollow: false,
    };
    let piece = Piece { snapshot: snapshot.into(), offset: 0, bytes: "x".into() }.into();
    for (letter, lane) in [
        (append(Segment::empty(Index(1)), 0), Lane::Control),
        (append(entry, 0), Lane::Log),
        (Letter::Raft(Raft::Piece { term: Term(1), round: 1, piece }), Lane::Bulk),
        (Letter::Wake { term: Term(1) }, Lane::Control),
    ] {
        let message = Message { incarnation: 1, letters: vec![(G, letter)] };
        assert_eq!(Groups::lane(&message), lane, "{message:?}");
    }
}

fn hello(node: &mut Bench<Groups>, from: NodeId, incarnation: u64) {
    node.input(Input::Message(from, Message { incarnation, letters: Vec::new() }));
}

/// The only entry, and a leader that has committed it and would rest.
fn beat(term: u64) -> Letter {
    let prev = EntryId { term: Term(1), index: Index(1) };
    Letter::Rest(Beat { term: Term(term), round: 2, prev, commit: Index(1) })
}

/// B, which has one entry.
fn follower(set: fn(&mut Settings)) -> Bench<Groups> {
    let mut node = node(B, &[A, B, C], set);
    let entry = Segment::pack(Index(1), Term(1), ["x"]).unwrap();
    hand_in(&mut node, A, G, append(entry, 0));
    node.sync().unwrap();
    node
}

/// B, which rests under A in term 1.
fn resting() -> Bench<Groups> {
    let mut node = follower(plain);
    hand_in(&mut node, A, G, beat(1));
    assert!(node.protocol.rests(G));
    node.take();
    node
}

#[test]
fn nobody_rests_under_a_node_that_was_restarted() {
    let mut node = resting();
    hello(&mut node, A, 1);
    hello(&mut node, C, 1);
    hello(&mut node, C, 2);
    assert!(node.protocol.rests(G));
    hello(&mut node, A, 2);
    assert!(!node.protocol.rests(G));
}

/// What an earlier life of the leader has said comes late.
#[test]
fn nobody_goes_to_rest_under_a_node_that_is_missed() {
    let mut node = follower(plain);
    hello(&mut node, A, 2);
    node.advance(ms(800));
    node.sync().unwrap();
    assert!(node.protocol.suspects(A));
    hand_in(&mut node, A, G, beat(1));
    assert!(!node.protocol.rests(G));
}

/// Who is woken for its leader refuses others its vote; who is woken because the leader is gone does not.
#[test]
fn a_follower_is_loyal_to_a_leader_that_is_there() {
    for gone in [false, true] {
        let mut node = resting();
        if gone {
            node.advance(ms(650));
            assert!(node.protocol.suspects(A));
        } else {
            let command = Ask::Read { token: 1, mode: synod_raft::ReadMode::Index };
            node.input(Input::Command(Command::Raft { group: G, command }));
        }
        assert!(!node.protocol.rests(G));
        node.take();
        let last = EntryId { term: Term(1), index: Index(1) };
        hand_in(&mut node, C, G, Letter::Raft(Raft::PreVote { term: Term(2), last }));
        node.sync().unwrap();
        let granted = (G, Letter::Raft(Raft::PreVoted { term: Term(2), granted: true }));
        let grants = sent_to(&mut node, C).iter().any(|message| message.letters.contains(&granted));
        assert_eq!(grants, gone);
    }
}

#[test]
fn a_group_that_is_removed_does_not_rest_here() {
    let mut node = resting();
    assert_eq!(node.protocol.resting(), 1);
    node.input(Input::Command(Command::Remove { group: G }));
    assert_eq!(node.protocol.resting(), 0);
}

#[test]
fn a_group_rests_under_one_leader() {
    let mut node = resting();
    hand_in(&mut node, C, G, beat(2));
    node.sync().unwrap();
    // It has to write the new term first.
    hand_in(&mut node, C, G, beat(2));
    assert!(node.protocol.rests(G));
    assert_eq!(node.protocol.resting(), 1);
}

#[test]
fn who_is_asked_whether_it_leads_says_so_when_it_does_not() {
    let mut world = World::at_rest(3, 1, plain).unwrap();
    let (leader, term) = (world.leader_of(G).unwrap(), world.term(A, G));
    let mut others = [A, B, C].into_iter().filter(|id| *id != leader);
    let (follower, asks) = (others.next().unwrap(), others.next().unwrap());
    for (asked, about, leads) in
        [(leader, term, true), (leader, term - 1, false), (leader, term + 1, false), (follower, term, false)]
    {
        let node = world.bench(asked);
        hand_in(node, asks, G, Letter::Audit { term: Term(about) });
        let no = (G, Letter::Wake { term: Term(term) });
        let denies = sent_to(node, asks).iter().any(|message| message.letters.contains(&no));
        assert_eq!(denies, !leads, "{asked} about term {about} of {term}");
    }
}

/// The leader rests when both have agreed, to what it has now.
#[test]
fn an_agreement_counts_for_the_term_and_the_log_that_it_names() {
    let mut world = World::new(3, 1, plain);
    world.until(3_000, "somebody asks", |world| letters(world, is_rest) > 0).unwrap();
    let (leader, term) = (world.leader_of(G).unwrap(), Term(world.term(A, G)));
    let last = world.node(leader).group(G).unwrap().last_index();
    let others = || [A, B, C].into_iter().filter(move |id| *id != leader);
    let node = world.bench(leader);
    let past = Index(last.0 - 1);
    for (term, last, rests) in [(Term(term.0 - 1), last, false), (term, past, false), (term, last, true)] {
        for from in others() {
            hand_in(node, from, G, Letter::Rests { term, last });
        }
        assert_eq!(node.protocol.rests(G), rests, "in {term} up to {last}");
    }
}

/// A driver is asked for nothing on behalf of groups that are gone.
#[test]
fn a_node_whose_groups_are_gone_has_no_timer() {
    let mut node = node(A, &[A], plain);
    node.input(Input::Command(Command::Create { group: H, birth: Birth::founding([A]) }));
    for group in [G, H] {
        node.input(Input::Command(Command::Remove { group }));
    }
    // The one that was asked for before.
    assert!(node.fire(Timer));
    assert!(node.timers().is_empty());
}
