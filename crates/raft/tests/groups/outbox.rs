//! What leaves as one message.

use crate::pause::hand;
use crate::world::{A, B, C, World};
use synod_core::testing::{Bench, Output};
use synod_core::{Effect, Input, Lsn, NodeId};
use synod_raft::groups::{Birth, Command, GroupId, Groups, Letter, Message, Settings};
use synod_raft::{Command as Ask, EntryId, Message as Raft, Term};

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
