//! Actors used twice, forged clocks, contradictions: refused with a typed error, at the cost of what was sent, and without a trace.
#![cfg(test)]

use core::time::Duration;
use synod_core::testing::{Bench, Output};
use synod_core::wire::Wire;
use synod_core::{Entropy, Input, NodeId, SplitMix64};
use synod_crdt::anti_entropy::{AntiEntropy, Command, Config, Event, Identity, Message};
use synod_crdt::{
    ActorId, Causal, CausalContext, CausalOp, Counters, Crdt, Dot, DotFun, EscrowCounter, GCounter, GrowList,
    LwwRegister, MvRegister, OrMap, OrSet, OrSetDelta, Place, Refused, RemoveWinsSet, SetAction, Step,
    resolve::Write,
};

fn actor(number: u128) -> ActorId {
    ActorId::from(number)
}

fn dot(number: u128, counter: u64) -> Dot {
    Dot::at(actor(number), counter).unwrap()
}

/// Two replicas write as one actor: every type whose dots carry something notices when they meet, in every view.
#[test]
fn an_actor_used_twice_is_noticed() {
    let mut one = MvRegister::new();
    let mut two = MvRegister::new();
    one.write(actor(1), 5).unwrap();
    let op = two.write(actor(1), 6).unwrap();
    let refused = Err(Refused::DotReused { dot: dot(1, 1) });
    let before = one.clone();
    assert_eq!(one.apply(&op), refused);
    assert_eq!(one.join(&MvRegister::delta_of(&op)), refused);
    assert_eq!(one.merge(&two), refused);
    assert_eq!(one, before);

    let mut one = LwwRegister::new();
    let mut two = LwwRegister::new();
    one.write(actor(1), 5, 'a').unwrap();
    two.write(actor(1), 5, 'b').unwrap();
    assert_eq!(one.merge(&two), refused);

    // The same value under two keys of a map.
    let mut one = OrMap::<u8, DotFun<u8>>::new();
    let mut two = OrMap::<u8, DotFun<u8>>::new();
    one.update(actor(1), 1, Write::Put(5)).unwrap();
    two.update(actor(1), 2, Write::Put(5)).unwrap();
    assert_eq!(one.merge(&two), refused);

    let mut one = GrowList::new();
    let mut two = GrowList::new();
    one.push(actor(1), 'a').unwrap();
    let op = two.push(actor(1), 'b').unwrap();
    assert_eq!(one.merge(&two), refused);
    assert_eq!(one.apply(&op), refused);
    assert_eq!(one.join(&vec![op.clone(), op]), refused);

    let mut one = GCounter::new();
    one.increment(actor(1), 3).unwrap();
    let step = Step { actor: actor(1), from: 2, to: 4 };
    assert_eq!(one.apply(&step), Err(Refused::Contradiction { actor: actor(1) }));
}

#[test]
fn forged_clocks_do_no_more_than_they_say() {
    // All that one actor could ever do, as dead: that actor has no names left, and everybody else goes on.
    let mut register = MvRegister::new();
    register.write(actor(1), 5).unwrap();
    let everything = CausalContext::from_iter([(actor(1), Counters::up_to(u64::MAX))]);
    let forged = Causal::from_parts(DotFun::default(), everything).unwrap();
    let _ = register.join(&forged).unwrap();
    assert_eq!(register.write(actor(1), 6), Err(Refused::Exhausted { actor: actor(1) }));
    register.write(actor(2), 7).unwrap();
    assert_eq!(register.values().collect::<Vec<_>>(), [&7]);
    // A value outside its context is no state.
    let mut store = DotFun::<u8>::default();
    synod_crdt::store::DotStore::insert(&mut store, dot(3, 9), 1);
    assert_eq!(Causal::from_parts(store, CausalContext::new()), Err(Refused::Uncovered { dot: dot(3, 9) }));

    let mut set = OrSet::new();
    set.add(actor(1), 1).unwrap();
    let before = set.clone();
    let dead = CausalContext::from_iter([(actor(2), Counters::up_to(u64::MAX))]);
    let forged = OrSetDelta { dead, added: Vec::new() };
    assert_eq!(set.join(&forged), Err(Refused::Exhausted { actor: actor(2) }));
    // Out of order, so that two things could hide under one name.
    let added = vec![(dot(2, 2), 5), (dot(2, 1), 6)];
    assert!(set.join(&OrSetDelta { dead: CausalContext::new(), added }).is_err());
    let added = vec![(dot(2, 2), 5), (dot(2, 2), 6)];
    assert_eq!(
        set.join(&OrSetDelta { dead: CausalContext::new(), added }),
        Err(Refused::DotReused { dot: dot(2, 2) })
    );
    assert_eq!(set, before);

    // An age from the end of time would leave no room for anybody.
    let mut list = GrowList::new();
    let mut op = list.insert(actor(1), Place::Front, 'a').unwrap();
    op.dot = dot(2, 1);
    op.age = u64::MAX;
    assert_eq!(list.apply(&op), Err(Refused::Exhausted { actor: actor(2) }));
    // One that is not younger than what it stands behind has not seen it.
    op.age = 1;
    op.after = Some(dot(1, 1));
    assert_eq!(list.apply(&op), Err(Refused::Contradiction { actor: actor(2) }));
    op.after = Some(dot(9, 1));
    op.age = 7;
    assert_eq!(list.apply(&op), Err(Refused::Missing { dot: dot(9, 1) }));
}

/// Somebody claims to have collected all that will ever be: what others write afterwards replaces what they have seen, and no more.
#[test]
fn a_forged_floor_does_not_spread() {
    let everything =
        CausalContext::from_iter([(actor(1), Counters::up_to(u64::MAX)), (actor(3), Counters::up_to(9))]);
    let mut here = RemoveWinsSet::new();
    here.add(actor(1), 7).unwrap();
    let mut forged = RemoveWinsSet::new().add(actor(9), 8).unwrap();
    forged.floor = everything;
    let _ = here.apply(&forged).unwrap();
    let op = here.add(actor(2), 7).unwrap();
    assert_eq!(op.floor, CausalContext::from(dot(1, 1)));
    let mut there = RemoveWinsSet::new();
    there.revoke(actor(3), 7).unwrap();
    let _ = there.apply(&op).unwrap();
    assert!(!there.has(&7), "the removal was concurrent");
}

#[test]
fn nobody_spends_what_is_not_there() {
    let mut tickets = EscrowCounter::new();
    tickets.add(actor(1), 3).unwrap();
    let mut op = tickets.clone().spend(actor(1), 3).unwrap();
    op.to = 4;
    assert_eq!(tickets.apply(&op), Err(Refused::Overdrawn { actor: actor(1) }));
    assert_eq!(tickets.value(), 3);
    assert_eq!(tickets.add(actor(1), u64::MAX), Err(Refused::Overflow));
    let mut more = EscrowCounter::new();
    more.add(actor(2), u64::MAX).unwrap();
    more.transfer(actor(2), actor(1), u64::MAX).unwrap();
    assert_eq!(tickets.merge(&more), Err(Refused::Overflow));
    assert_eq!(tickets.value(), 3);
}

/// An operation may name anything; what it names is at most removed.
#[test]
fn an_operation_that_removes_and_writes_one_dot_writes_nothing() {
    let mut register = MvRegister::new();
    let op =
        CausalOp { removes: vec![dot(1, 1)], inserts: Some((dot(1, 1), 5)), floor: CausalContext::new() };
    let _ = register.apply(&op).unwrap();
    assert_eq!(register.values().len(), 0);
    let mut other = MvRegister::new();
    let _ = other.join(&MvRegister::delta_of(&op)).unwrap();
    assert_eq!(register, other);
}

type Node = Bench<AntiEntropy<OrSet<u64>>>;

fn node(id: u64) -> Node {
    let mut config = Config::new(NodeId(id), [NodeId(1), NodeId(2)]);
    config.identity = Identity::Node;
    let mut node = Bench::new(NodeId(id), AntiEntropy::new(config));
    node.start().unwrap();
    node.sync().unwrap();
    node.take();
    node
}

#[test]
fn a_node_hears_that_others_know_more_of_it_than_it_has_done() {
    let mut node = node(1);
    let forged = Dot::at(ActorId::of(NodeId(1), 0), 4).unwrap();
    let seen = CausalContext::from(forged);
    node.input(Input::Message(NodeId(2), Message::Ack { incarnation: 1, upto: 0, seen }));
    let suspect = Event::Suspect { peer: NodeId(2), why: Refused::NeverDone { dot: forged } };
    assert_eq!(node.take(), [Output::Event(suspect)]);
}

#[test]
fn a_contradicting_peer_is_named_and_nothing_is_taken_from_it() {
    let (mut one, mut two) = (node(1), node(1));
    for (node, element) in [(&mut one, 5), (&mut two, 6)] {
        node.input(Input::Command(Command::Act { token: 1, action: SetAction::Add(element) }));
        node.sync().unwrap();
        node.take();
    }
    // Node 2 has heard the one, and now hears the other, which has the same name.
    let mut hearer = node(2);
    let catch_up = |node: &Node| Message::CatchUp {
        incarnation: 1,
        upto: 1,
        delta: node.protocol.state().delta_since(&Default::default()),
        seen: CausalContext::new(),
    };
    hearer.input(Input::Message(NodeId(1), catch_up(&one)));
    hearer.sync().unwrap();
    hearer.take();
    hearer.input(Input::Message(NodeId(1), catch_up(&two)));
    let dot = Dot::at(ActorId::of(NodeId(1), 0), 1).unwrap();
    let suspect = Event::Suspect { peer: NodeId(1), why: Refused::DotReused { dot } };
    assert_eq!(hearer.take(), [Output::Event(suspect)]);
    assert_eq!(hearer.protocol.state(), one.protocol.state());
    // Strangers are not even listened to.
    hearer.input(Input::Message(NodeId(9), catch_up(&two)));
    assert!(hearer.take().is_empty());
}

/// Messages whose bytes were changed on the way: each is refused by the decoder, refused by the node, or taken for what it says. Nothing panics,
/// and the set stays whole.
#[test]
fn a_step_never_panics_whatever_comes() {
    for seed in 0..200 {
        let mut chance = SplitMix64::new(seed);
        let mut nodes = [node(1), node(2)];
        let mut taken = 0;
        for token in 0..60 {
            let at = chance.below(2) as usize;
            let element = chance.below(5);
            let action =
                if chance.below(3) == 0 { SetAction::Remove(element) } else { SetAction::Add(element) };
            nodes[at].input(Input::Command(Command::Act { token, action }));
            nodes[at].sync().unwrap();
            nodes[at].advance(Duration::from_millis(chance.below(60)));
            for output in nodes[at].take() {
                let Output::Send { message, .. } = output else { continue };
                let mut bytes = message.to_bytes(0).to_vec();
                if chance.below(2) == 0 {
                    let place = chance.below(bytes.len() as u64) as usize;
                    bytes[place] ^= 1 << chance.below(8);
                }
                if let Ok(message) = Message::from_bytes(bytes.into(), 0) {
                    taken += 1;
                    nodes[1 - at].input(Input::Message(NodeId(at as u64 + 1), message));
                    nodes[1 - at].sync().unwrap();
                }
            }
            let set = nodes[1 - at].protocol.state();
            assert_eq!(set.len(), set.iter().count());
            assert!(set.iter().all(|element| set.contains(element)));
        }
        assert!(taken > 20, "{taken} messages were readable");
    }
}
