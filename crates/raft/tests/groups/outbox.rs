//! What leaves as one message.

use crate::pause::hand;
use crate::world::{A, B, C, World};
use synod_core::testing::{Bench, Output};
use synod_core::{Effect, Input, Lsn, NodeId};
use synod_raft::groups::{Birth, Command, GroupId, Groups, Letter, Message, Settings};
use synod_raft::{Command as Ask, Done, EntryId, Found, Index, Message as Raft, Segment, Term};

const G: GroupId = GroupId(1);
const H: GroupId = GroupId(2);

/// How many letters are in each message to a node, and of which groups.
fn letters_to(node: &mut Bench<Groups>, receiver: NodeId) -> Vec<Vec<u64>> {
    let sent = node.take().into_iter().filter_map(|output| match output {
        Output::Send { to, message, .. } if to == receiver => Some(message.letters),
        _ => None,
    });
    sent.map(|letters| letters.iter().map(|(group, _)| group.0).collect()).collect()
}

/// A world of three nodes, and the first leads all groups; each was elected at another time.
fn led_by_one(groups: u64) -> World {
    let mut world = World::new(3, groups, |settings| settings.hibernate = false);
    for group in (1..=groups).map(GroupId) {
        world.ask(A, group, Ask::Campaign);
        world.run(7);
    }
    world.run(200);
    assert!((1..=groups).all(|group| world.leader(GroupId(group)) == Some(A)));
    world.sent.clear();
    world
}

#[test]
fn heartbeats_of_all_groups_leave_together() {
    let mut world = led_by_one(10);
    world.run(300);
    let sizes = world.sent.iter().filter(|(from, to, _)| (*from, *to) == (A, B));
    let sizes: Vec<usize> = sizes.map(|(_, _, message)| message.letters.len()).collect();
    assert_eq!(sizes, [10; 10], "one message in 30 ms");
}

#[test]
fn more_letters_than_fit_are_several_messages_in_order() {
    let mut node = Bench::new(A, Groups::new(Settings::new(A)).unwrap());
    node.start().unwrap();
    node.take();
    // None of these groups is here, and the answer says so.
    let audit = |group| (GroupId(group), Letter::Audit { term: Term(1) });
    node.input(Input::Message(B, Message { incarnation: 1, letters: (1..=2_500).map(audit).collect() }));
    let sent = letters_to(&mut node, B);
    assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [1_024, 1_024, 452]);
    assert!(sent.concat().into_iter().eq(1..=2_500));
}

#[test]
fn more_bytes_than_fit_are_several_messages_in_order() {
    let mut world = led_by_one(5);
    let node = world.bench(A);
    let propose = |group| {
        let command = Ask::Propose { token: 1, payload: vec![b'x'; 400 << 10].into() };
        Input::Command(Command::Raft { group: GroupId(group), command })
    };
    node.burst((1..=5).map(propose));
    assert_eq!(letters_to(node, B), [vec![1, 2], vec![3, 4], vec![5]]);
}

#[test]
fn loans_weigh_what_their_entries_do() {
    let mut node = Bench::new(A, Groups::new(Settings::new(A)).unwrap());
    node.start().unwrap();
    let groups = || (1..=5).map(GroupId);
    for group in groups() {
        node.input(Input::Command(Command::Create { group, birth: Birth::founding([A, B, C]) }));
        let entries = Segment::pack(Index(1), Term(1), [vec![b'x'; 400 << 10]]).unwrap();
        let append = Letter::Raft(Raft::Append {
            term: Term(1),
            prev_term: Term::ZERO,
            commit: Index::ZERO,
            round: 1,
            entries,
        });
        node.input(Input::Message(B, Message { incarnation: 1, letters: vec![(group, append)] }));
    }
    node.sync().unwrap();
    // It does not know any more that there is a leader.
    node.restart(Groups::new(Settings::new(A)).unwrap()).unwrap();
    node.take();
    let ask = |group| (group, Letter::Raft(Raft::PreVote { term: Term(2), last: EntryId::ZERO }));
    node.input(Input::Message(C, Message { incarnation: 1, letters: groups().map(ask).collect() }));
    // Refusals, and what the candidate lacks.
    assert_eq!(letters_to(&mut node, C), [vec![1, 2, 3, 4, 5], vec![1, 2], vec![3, 4], vec![5]]);
}

#[test]
fn pieces_weigh_what_their_bytes_do() {
    let mut world = led_by_one(5);
    let groups = || (1..=5).map(GroupId);
    let demand = |group| {
        let term = Term(world.term(A, group));
        (group, Letter::Raft(Raft::Demand { term, index_min: Index(1) }))
    };
    let letters = groups().map(demand).collect();
    let node = world.bench(A);
    let done = |done: Done| groups().map(move |group| Input::Done((group, done.clone())));
    node.input(Input::Message(B, Message { incarnation: 1, letters }));
    let found = Found { last: Index(1), len: 300 << 10, digest: 7 };
    node.burst(done(Done::Open { to: B, found: Some(found) }));
    let offers = node.take().into_iter().find_map(|output| match output {
        Output::Send { to: B, message, .. } => Some(message.letters),
        _ => None,
    });
    let nothing_yet = |(group, letter)| match letter {
        Letter::Raft(Raft::Piece { term, round, piece }) => {
            let digest = piece.snapshot.digest;
            (group, Letter::Raft(Raft::Stored { term, round, digest, stored: 0 }))
        }
        other => panic!("{other:?} is no offer"),
    };
    let letters: Vec<_> = offers.unwrap().into_iter().map(nothing_yet).collect();
    assert_eq!(letters.len(), 5);
    node.input(Input::Message(B, Message { incarnation: 1, letters }));
    node.burst(done(Done::Read { to: B, offset: 0, bytes: vec![b'x'; 256 << 10].into() }));
    assert_eq!(letters_to(node, B), [vec![1, 2, 3], vec![4, 5]]);
}

/// The driver syncs them as one.
#[test]
fn what_waits_for_records_of_one_burst_leaves_together() {
    let mut hand = hand();
    let create = Command::Create { group: H, birth: Birth::founding([A, B, C]) };
    hand.effects(0, Input::Command(create));
    hand.effects(0, Input::Flush);
    hand.durable = Lsn(2);
    // Each list of groups is asked for its vote in one burst; what leaves, and after which record?
    let mut ask = |asked: &[(GroupId, u64)]| -> Vec<(Lsn, Vec<GroupId>)> {
        let letters = asked.iter().map(|(group, term)| {
            let ask = Raft::RequestVote { term: Term(*term), last: EntryId::ZERO, by_transfer: false };
            (*group, Letter::Raft(ask))
        });
        let message = Message { incarnation: 1, letters: letters.collect() };
        hand.effects(1, Input::Message(B, message));
        let effects = hand.effects(1, Input::Flush).into_iter();
        let sent = effects.filter_map(|effect| match effect {
            Effect::Send { message, after, .. } => {
                Some((after, message.letters.into_iter().map(|(group, _)| group).collect()))
            }
            _ => None,
        });
        sent.collect()
    };
    assert_eq!(ask(&[(G, 1)]), [(Lsn(3), vec![G])]);
    assert_eq!(ask(&[(G, 2), (H, 2)]), [(Lsn(5), vec![G, H])]);
}

/// What one group has written in this burst is nothing to a letter of another that waits for an earlier one.
#[test]
fn what_waits_for_an_earlier_burst_does_not_wait_for_this_one() {
    let mut hand = hand();
    let create = Command::Create { group: H, birth: Birth::founding([A, B, C]) };
    hand.effects(0, Input::Command(create));
    // What is sent to B in a burst, and after which record.
    let mut burst = |durable, letters: Vec<(GroupId, Raft)>| -> Vec<(Lsn, Vec<GroupId>)> {
        hand.durable = Lsn(durable);
        let letters = letters.into_iter().map(|(group, message)| (group, Letter::Raft(message)));
        hand.effects(1, Input::Message(B, Message { incarnation: 1, letters: letters.collect() }));
        let effects = hand.effects(1, Input::Flush).into_iter();
        let sent = effects.filter_map(|effect| match effect {
            Effect::Send { to, message, after, .. } if to.as_slice() == [B] => {
                Some((after, message.letters.into_iter().map(|(group, _)| group).collect()))
            }
            _ => None,
        });
        sent.collect()
    };
    let append = |term, prev: u64, entries| Raft::Append {
        term: Term(term),
        prev_term: Term(prev.min(1)),
        commit: Index::ZERO,
        round: 1,
        entries,
    };
    let entry = Segment::pack(Index(1), Term(1), ["x"]).unwrap();
    // Two records: the term and the entry.
    assert_eq!(burst(2, vec![(G, append(1, 0, entry))]), [(Lsn(4), vec![G])]);
    // A new term, of whose leader it is not known yet that it has the entry: there is nothing to promise.
    let beat = |prev: u64| append(2, prev, Segment::empty(Index(prev + 1)));
    assert_eq!(burst(4, vec![(G, beat(0))]), [(Lsn(0), vec![G])]);
    let ask = Raft::RequestVote { term: Term(1), last: EntryId::ZERO, by_transfer: false };
    assert_eq!(burst(4, vec![(H, ask), (G, beat(1))]), [(Lsn(5), vec![G]), (Lsn(6), vec![H])]);
}
