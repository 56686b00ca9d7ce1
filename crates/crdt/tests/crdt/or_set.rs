//! The set against its model, `OrMap<E, DotSet>`: whatever is done to both, a reader sees the same, and so does whoever looks at the dots.

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use synod_core::wire::Wire;
use synod_crdt::{ActorId, Crdt, Dot, DotSet, MapAction, OrMap, OrSet, Refused, SetAction, Switch};

type Model = OrMap<u64, DotSet>;

#[derive(Clone, Debug)]
enum Step {
    Add(usize, u64),
    Remove(usize, u64),
    Clear(usize),
    Merge(usize, usize),
    CatchUp(usize, usize),
    /// The last operation of the first reaches the second.
    Send(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let replica = 0..3_usize;
    let element = 0..150_u64;
    let step = prop_oneof![
        8 => (replica.clone(), element.clone()).prop_map(|(r, e)| Step::Add(r, e)),
        4 => (replica.clone(), element).prop_map(|(r, e)| Step::Remove(r, e)),
        1 => (0..30_usize).prop_map(|r| if r < 3 { Step::Clear(r) } else { Step::Remove(0, 0) }),
        2 => (replica.clone(), replica.clone()).prop_map(|(a, b)| Step::Merge(a, b)),
        1 => (replica.clone(), replica.clone()).prop_map(|(a, b)| Step::CatchUp(a, b)),
        2 => (replica.clone(), replica).prop_map(|(a, b)| Step::Send(a, b)),
    ];
    proptest::collection::vec(step, 0..500)
}

fn dots(set: &OrSet<u64>) -> BTreeMap<Dot, u64> {
    set.entries().map(|(dot, element)| (dot, *element)).collect()
}

fn model_dots(model: &Model) -> BTreeMap<Dot, u64> {
    model.entries().flat_map(|(element, dots)| dots.dots().iter().map(|dot| (*dot, *element))).collect()
}

fn agree(set: &OrSet<u64>, model: &Model) {
    assert_eq!(dots(set), model_dots(model));
    let elements: BTreeSet<u64> = set.iter().copied().collect();
    assert_eq!(set.iter().count(), elements.len(), "each element once");
    assert_eq!(elements, model.view().keys().copied().collect());
    assert_eq!(set.len(), elements.len());
    for element in 0..150 {
        assert_eq!(set.contains(&element), elements.contains(&element));
        let expected: BTreeSet<Dot> =
            model.get(&element).into_iter().flat_map(|dots| dots.dots().iter().copied()).collect();
        assert_eq!(set.dots(&element).collect::<BTreeSet<_>>(), expected);
    }
    assert_eq!(&set.seen(), model.seen());
    assert_eq!(OrSet::from_bytes(set.to_bytes(0), 0).as_ref(), Ok(set));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_set_is_its_model(steps in steps()) {
        let actor = |replica: usize| ActorId::from(u128::MAX / 7 * (replica as u128 + 2));
        let mut sets = vec![OrSet::<u64>::new(); 3];
        let mut models = vec![Model::new(); 3];
        let mut last = vec![None; 3];
        for step in steps {
            match step {
                Step::Add(at, element) => {
                    let delta = sets[at].act(actor(at), SetAction::Add(element)).unwrap();
                    let op = models[at].act(actor(at), MapAction::Update(element, Switch::On)).unwrap();
                    last[at] = Some((delta, op));
                }
                Step::Remove(at, element) => {
                    let delta = sets[at].act(actor(at), SetAction::Remove(element)).unwrap();
                    let op = models[at].act(actor(at), MapAction::Reset(element)).unwrap();
                    last[at] = Some((delta, op));
                }
                Step::Clear(at) => {
                    let delta = sets[at].act(actor(at), SetAction::Clear).unwrap();
                    let op = models[at].act(actor(at), MapAction::Clear).unwrap();
                    last[at] = Some((delta, op));
                }
                Step::Merge(from, to) => {
                    let (set, model) = (sets[from].clone(), models[from].clone());
                    let changed = sets[to].merge(&set).unwrap();
                    prop_assert_eq!(changed, models[to].merge(&model).unwrap());
                }
                Step::CatchUp(from, to) => {
                    let delta = sets[from].delta_since(&sets[to].version());
                    let changed = sets[to].join(&delta).unwrap();
                    let delta = models[from].delta_since(&models[to].version());
                    prop_assert_eq!(changed, models[to].join(&delta).unwrap());
                }
                Step::Send(from, to) => {
                    if let Some((delta, op)) = last[from].clone() {
                        let changed = sets[to].join(&delta).unwrap();
                        prop_assert_eq!(changed, models[to].apply(&op).unwrap());
                    }
                }
            }
        }
        for (set, model) in sets.iter().zip(&models) {
            agree(set, model);
        }
    }
}

#[test]
fn a_departed_actor_is_adopted_and_forgotten_and_no_reader_notices() {
    let (gone, here) = (ActorId::from(9), ActorId::from(1));
    let mut set = OrSet::new();
    for element in 0..1_000_u64 {
        set.add(if element % 3 == 0 { gone } else { here }, element).unwrap();
    }
    let mut other = set.clone();
    let twin = set.clone();
    assert!(!set.forget(gone), "something rests on it");
    let delta = set.adopt(gone, here).unwrap();
    let _ = other.join(&delta).unwrap();
    for replica in [&mut set, &mut other] {
        assert!(replica.forget(gone));
        assert!(replica.seen().of(gone).is_none());
        assert_eq!(replica.view(), twin.view());
    }
    // A new actor takes the place in memory, and nothing of the old one shows through.
    set.add(ActorId::from(10), 5_000).unwrap();
    other.add(here, 5_001).unwrap();
    let _ = set.merge(&other).unwrap();
    let _ = other.merge(&set).unwrap();
    assert_eq!(set, other);
    assert_eq!(set.len(), 1_002);
}

/// After a million additions and removals and a thousand departed actors the set takes hardly more than a fresh one.
#[test]
fn what_is_gone_takes_no_room() {
    let mut set = OrSet::new();
    for element in 0..10_000_u64 {
        set.add(ActorId::from(1), element).unwrap();
    }
    for generation in 0..1_000_u128 {
        let actor = ActorId::from(generation + 2);
        for element in 10_000..10_500_u64 {
            set.add(actor, element).unwrap();
        }
        for element in (10_000..10_500_u64).filter(|element| element % 100 != 0) {
            set.remove(&element);
        }
        set.adopt(actor, ActorId::from(1)).unwrap();
        assert!(set.forget(actor));
    }
    let mut fresh = OrSet::new();
    for element in set.iter() {
        fresh.add(ActorId::from(1), *element).unwrap();
    }
    assert_eq!(set.view(), fresh.view());
    for (worn, fresh) in
        [(set.to_bytes(0).len(), fresh.to_bytes(0).len()), (set.allocated_bytes(), fresh.allocated_bytes())]
    {
        assert!(worn * 10 <= fresh * 11, "{worn} bytes, and {fresh} in a fresh one");
    }
}

#[test]
fn actors_are_limited_and_elements_are_not() {
    let mut set = OrSet::new();
    for element in 0..70_000_u64 {
        set.add(ActorId::from(1), element).unwrap();
    }
    assert_eq!(OrSet::from_bytes(set.to_bytes(0), 0).as_ref(), Ok(&set));
    let mut crowd = OrSet::new();
    for actor in 0..65_536 {
        crowd.add(ActorId::from(actor), 1_u64).unwrap();
    }
    assert_eq!(crowd.add(ActorId::from(65_536), 1), Err(Refused::TooManyActors));
    let before = set.clone();
    set.add(ActorId::from(1 << 64), 0).unwrap();
    assert_eq!(crowd.merge(&set), Err(Refused::TooManyActors));
    assert_eq!(set.merge(&before), Ok(synod_crdt::Change::Same));
}

#[test]
fn what_contradicts_is_refused_and_nothing_is_taken() {
    let actor = ActorId::from(1);
    let (mut one, mut two) = (OrSet::new(), OrSet::new());
    for element in 0..200_u64 {
        one.add(actor, element).unwrap();
        // The same actor, used twice: from the 130th addition on, another element.
        two.add(actor, if element < 129 { element } else { 1_000 + element }).unwrap();
    }
    let before = one.clone();
    // By states: found by fingerprints of 64 elements.
    assert_eq!(one.merge(&two), Err(Refused::DotsReused { actor, first: 129, last: 192 }));
    assert_eq!(one, before);
    // By deltas: found at once.
    let delta = two.delta_since(&OrSet::<u64>::new().version());
    let refused = one.join(&delta);
    assert_eq!(refused, Err(Refused::DotReused { dot: Dot::at(actor, 130).unwrap() }));
    assert_eq!(one, before);
    // Words that differ are compared too.
    for element in [3, 70, 131] {
        one.remove(&element);
    }
    assert!(matches!(one.merge(&two), Err(Refused::DotsReused { first: 129, .. })));
    let beyond = Dot::at(actor, 1 << 38).unwrap();
    let delta = synod_crdt::OrSetDelta { dead: Default::default(), added: vec![(beyond, 1_u64)] };
    assert_eq!(one.join(&delta), Err(Refused::Exhausted { actor }));
}
