//! Actors used twice, forged clocks, contradictions: refused with a typed error, at the cost of what was sent, and without a trace.

use core::fmt::Debug;
use core::hash::Hash;
use core::time::Duration;
use synod_core::host::Log;
use synod_core::testing::{Bench, Output};
use synod_core::wire::Wire;
use synod_core::{Entropy, Input, NodeId, SplitMix64};
use synod_crdt::anti_entropy::{AntiEntropy, Command, Config, Event, Identity, Message};
use synod_crdt::{
    ActorId, Causal, CausalContext, CausalOp, Counters, Crdt, DisableWinsFlag, Dot, DotFun, DotMap,
    EnableWinsFlag, EscrowAction, EscrowCounter, GCounter, GrowList, LwwMap, LwwRegister, MapAction,
    MvRegister, OrMap, OrSet, OrSetDelta, Place, PnCounter, Refused, RemoveWinsSet, SetAction, Sides, Step,
    Switch,
    resolve::{Stamped, Sum, Write},
};

pub(crate) fn actor(number: u128) -> ActorId {
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

    // An age from the end of time, or from anywhere beyond what has happened, would leave no room for anybody.
    let mut list = GrowList::new();
    let mut op = list.insert(actor(1), Place::Front, 'a').unwrap();
    op.dot = dot(2, 1);
    let before = list.clone();
    for age in [3, 4, u64::MAX - 1, u64::MAX] {
        op.age = age;
        assert_eq!(list.apply(&op), Err(Refused::Early { dot: dot(2, 1) }));
        assert_eq!(list.join(&vec![op.clone()]), Err(Refused::Early { dot: dot(2, 1) }));
    }
    assert_eq!(list, before);
    list.push(actor(1), 'b').unwrap();
    // One that is not younger than what it stands behind has not seen it.
    op.age = 1;
    op.after = Some(dot(1, 1));
    assert_eq!(list.apply(&op), Err(Refused::Contradiction { actor: actor(2) }));
    op.after = Some(dot(9, 1));
    op.age = 3;
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
    there.remove(actor(3), 7).unwrap();
    let _ = there.apply(&op).unwrap();
    assert!(!there.contains(&7), "the removal was concurrent");
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

/// Another replica goes on under this one's name: operation, delta and state say so, of every type in which an actor has something of its own.
#[test]
fn nobody_knows_more_of_an_actor_than_itself() {
    fn is_noticed<C: Crdt + Default>(actions: impl IntoIterator<Item = C::Action>) {
        let (me, nobody) = (actor(1), C::default().version());
        for action in actions {
            let mut mine = C::default();
            mine.act(me, action.clone()).unwrap();
            let mut theirs = mine.clone();
            assert_eq!(mine.check_own(me, &theirs.delta_since(&nobody)), Ok(()), "that is known");
            let op = theirs.act(me, action).unwrap();
            for delta in [C::delta_of(&op), theirs.delta_since(&mine.version()), theirs.delta_since(&nobody)]
            {
                let refused = mine.check_own(me, &delta);
                assert!(matches!(refused, Err(Refused::NeverDone { dot }) if dot.actor == me), "{refused:?}");
                assert_eq!(mine.check_own(actor(2), &delta), Ok(()), "of others everybody may tell");
            }
        }
    }
    fn time<V>(value: V) -> Stamped<V> {
        Stamped { time: 1, value }
    }
    is_noticed::<GCounter>([3]);
    is_noticed::<PnCounter>([3, -3]);
    is_noticed::<EscrowCounter>([EscrowAction::Add(3)]);
    is_noticed::<MvRegister<u8>>([Write::Put(1)]);
    is_noticed::<LwwRegister<u8>>([Write::Put(time(1))]);
    is_noticed::<EnableWinsFlag>([Switch::On]);
    is_noticed::<DisableWinsFlag>([true, false]);
    is_noticed::<OrSet<u8>>([SetAction::Add(1)]);
    is_noticed::<RemoveWinsSet<u8>>([MapAction::Update(1, true), MapAction::Update(1, false)]);
    is_noticed::<LwwMap<u8, u8>>([MapAction::Update(1, time(Some(1))), MapAction::Update(1, time(None))]);
    is_noticed::<OrMap<u8, DotMap<u8, DotFun<u8>>>>([MapAction::Update(
        1,
        MapAction::Update(1, Write::Put(1)),
    )]);
    is_noticed::<OrMap<u8, DotFun<i64, Sum>>>([MapAction::Update(1, 5)]);
    is_noticed::<GrowList<u8>>([(Place::Back, 1), (Place::Front, 1)]);

    // What was spent and given is each its own.
    let mut mine = EscrowCounter::new();
    mine.add(actor(1), 9).unwrap();
    for action in [EscrowAction::Spend(2), EscrowAction::Transfer { to: actor(2), amount: 2 }] {
        let op = mine.clone().act(actor(1), action).unwrap();
        let refused = Err(Refused::NeverDone { dot: dot(1, 2) });
        assert_eq!(mine.check_own(actor(1), &EscrowCounter::delta_of(&op)), refused);
        assert_eq!(mine.check_own(actor(2), &EscrowCounter::delta_of(&op)), Ok(()));
    }
}

fn node_of<C>(id: u64, identity: Identity) -> Bench<AntiEntropy<C>>
where
    C: Crdt<Delta: Hash, Version: Hash> + Default + Hash,
{
    let mut config = Config::new(NodeId(id), [NodeId(1), NodeId(2)]);
    config.identity = identity;
    let mut node = Bench::new(NodeId(id), AntiEntropy::new(config));
    node.start().unwrap();
    node.sync().unwrap();
    node.take();
    node
}

/// A peer makes up what this node has done, in a message whose context says nothing of it: whatever the type is, nothing is taken, nothing is
/// written, and the node goes on.
#[test]
fn what_a_node_has_not_done_it_does_not_believe() {
    fn is_refused<C>(action: &C::Action, forged: impl Fn(ActorId) -> C::Delta)
    where
        C: Crdt<Delta: Hash + PartialEq, Version: Hash> + Default + Hash + PartialEq + Debug,
    {
        let (identities, name) = ([Identity::Node, Identity::Incarnation], |low| ActorId::of(NodeId(1), low));
        for (identity, own) in identities.into_iter().zip([vec![name(0)], vec![name(1), name(2)]]) {
            let mut node = node_of::<C>(1, identity);
            let (incarnation, seen) = (1, CausalContext::new());
            let nothing = C::default().delta_since(&C::default().version());
            let told = |upto, delta| {
                let seen = seen.clone();
                Input::Message(NodeId(2), Message::CatchUp { incarnation, upto, delta, seen })
            };
            node.input(told(0, nothing));
            let before = node.log.end();
            for own in own {
                node.take();
                let deltas = vec![forged(own)];
                node.input(told(1, forged(own)));
                let seen = seen.clone();
                node.input(Input::Message(
                    NodeId(2),
                    Message::Deltas { incarnation, first: 1, deltas, seen },
                ));
                let accused = node.take().into_iter().filter(|output| match output {
                    Output::Event(Event::Suspect { peer, why: Refused::NeverDone { dot } }) => {
                        (*peer, dot.actor) == (NodeId(2), own)
                    }
                    _ => false,
                });
                assert_eq!(accused.count(), 2);
                assert_eq!((node.protocol.state(), node.log.end()), (&C::default(), before));
            }
            node.input(Input::Command(Command::Act { token: 7, action: action.clone() }));
            node.sync().unwrap();
            assert!(node.take().contains(&Output::Event(Event::Stored { token: 7 })));
        }
    }
    fn all_of(actor: ActorId, last: u64) -> CausalContext {
        CausalContext::from_iter([(actor, Counters::up_to(last))])
    }
    is_refused::<OrSet<u64>>(&SetAction::Add(1), |own| OrSetDelta {
        dead: all_of(own, (1 << 38) - 1),
        added: Vec::new(),
    });
    is_refused::<MvRegister<u64>>(&Write::Put(1), |own| {
        Causal::from_parts(DotFun::default(), all_of(own, u64::MAX)).unwrap()
    });
    is_refused::<GCounter>(&1, |own| [(own, u64::MAX)].into_iter().collect());
    is_refused::<PnCounter>(&-1, |own| Sides {
        down: [(own, u64::MAX)].into_iter().collect(),
        ..Sides::default()
    });
    is_refused::<EscrowCounter>(&EscrowAction::Add(1), |own| {
        let op = EscrowCounter::new().add(own, u64::MAX).unwrap();
        EscrowCounter::delta_of(&op)
    });
    is_refused::<GrowList<u64>>(&(Place::Back, 1), |own| vec![GrowList::new().push(own, 1).unwrap()]);
}

/// What comes as its sender's own deltas tells of others only what has been heard of them: nobody blanks the future of a third.
#[test]
fn nobody_sends_as_its_own_what_another_has_done() {
    let mut node = node(1);
    let (incarnation, seen) = (1, CausalContext::new());
    let catch_up = Message::CatchUp { incarnation, upto: 0, delta: OrSet::new().clear(), seen };
    node.input(Input::Message(NodeId(2), catch_up));
    node.sync().unwrap();
    node.take();
    let third = ActorId::of(NodeId(3), 1);
    let dead = CausalContext::from_iter([(third, Counters::up_to(9))]);
    let deltas = vec![OrSetDelta { dead, added: Vec::new() }];
    let seen = CausalContext::new();
    node.input(Input::Message(NodeId(2), Message::Deltas { incarnation, first: 1, deltas, seen }));
    let why = Refused::NotTheirs { dot: Dot::at(third, 9).unwrap() };
    assert!(node.take().contains(&Output::Event(Event::Suspect { peer: NodeId(2), why })));
    assert!(node.protocol.state().seen().is_empty());
}

/// Numbers that nobody has reached: nothing overflows, and an honest peer is heard and acknowledged again, whatever was said in its name.
#[test]
fn numbers_from_the_end_of_time_stop_nobody() {
    const EDGES: [u64; 6] = [0, 1, 2, 1 << 32, u64::MAX - 1, u64::MAX];
    for incarnation in EDGES {
        for number in EDGES {
            for kind in 0..4 {
                let mut nodes = [node(1), node(2)];
                talk(&mut nodes, 4);
                let nothing = OrSetDelta { dead: CausalContext::new(), added: Vec::new() };
                let (seen, deltas) = (CausalContext::new(), vec![nothing.clone(); kind % 3]);
                let forged = match kind {
                    0 | 1 => Message::Deltas { incarnation, first: number, deltas, seen },
                    2 => Message::CatchUp { incarnation, upto: number, delta: nothing, seen },
                    _ => Message::Ack { incarnation, upto: number, seen },
                };
                nodes[1].input(Input::Message(NodeId(1), forged.clone()));
                nodes[1].input(Input::Message(NodeId(1), forged));
                for element in 0..3 {
                    let action = SetAction::Add(element);
                    nodes[0].input(Input::Command(Command::Act { token: 0, action }));
                    talk(&mut nodes, 6);
                    let case = format!("incarnation {incarnation}, number {number}, message {kind}");
                    assert!(nodes[1].protocol.state().contains(&element), "{case}: {element} is not heard");
                    assert_eq!(nodes[0].protocol.backlog(), 0, "{case}: {element} is not acknowledged");
                }
            }
        }
    }
}

/// Both write to their disks and pass on what they say, so many times.
fn talk(nodes: &mut [Node; 2], rounds: usize) {
    for at in (0..2 * rounds).map(|round| round % 2) {
        nodes[at].sync().unwrap();
        nodes[at].advance(Duration::from_millis(60));
        for output in nodes[at].take() {
            if let Output::Send { message, .. } = output {
                nodes[1 - at].input(Input::Message(NodeId(at as u64 + 1), message));
            }
        }
    }
}

type Node = Bench<AntiEntropy<OrSet<u64>>>;

fn node(id: u64) -> Node {
    node_of(id, Identity::Node)
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
                let mut message = message;
                if chance.below(8) == 0 {
                    let edge = [0, 1, u64::MAX - 1, u64::MAX][chance.below(4) as usize];
                    match &mut message {
                        Message::Deltas { incarnation, first: number, .. }
                        | Message::Ack { incarnation, upto: number, .. }
                        | Message::CatchUp { incarnation, upto: number, .. } => {
                            *if chance.below(2) == 0 { incarnation } else { number } = edge;
                        }
                        Message::Digest { .. } => {}
                    }
                }
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
