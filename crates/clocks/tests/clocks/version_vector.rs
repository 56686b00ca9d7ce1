//! Version vectors against a plain map, and their laws.

use core::hash::{BuildHasher, BuildHasherDefault};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::hash::DefaultHasher;
use synod_clocks::{Causality, Dot, DotError, DotRange, VersionVector};
use synod_core::wire::{Wire, WireError};

type Model = BTreeMap<u128, u64>;

fn vector(model: &Model) -> VersionVector<u128> {
    model.iter().map(|(actor, counter)| (*actor, *counter)).collect()
}

/// Few or many actors, often the same ones.
fn model() -> impl Strategy<Value = Model> {
    prop_oneof![
        vec((0..6_u128, 1..4_u64), 0..6),
        vec((0..24_u128, 1..4_u64), 0..24),
        vec((5..9_u128, 1..9_u64), 8),
    ]
    .prop_map(|entries| entries.into_iter().collect())
}

fn merged(left: &Model, right: &Model) -> Model {
    let mut merged = left.clone();
    for (actor, counter) in right {
        let mine = merged.entry(*actor).or_default();
        *mine = (*mine).max(*counter);
    }
    merged
}

fn known_by(left: &Model, right: &Model) -> bool {
    left.iter().all(|(actor, counter)| right.get(actor).is_some_and(|other| other >= counter))
}

fn hash(vector: &VersionVector<u128>) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(vector)
}

fn same(vector: &VersionVector<u128>, model: &Model) -> Result<(), TestCaseError> {
    prop_assert!(
        vector.iter().eq(model.iter().map(|(actor, counter)| (*actor, *counter))),
        "{vector:?} {model:?}"
    );
    let fresh = self::vector(model);
    prop_assert_eq!(vector, &fresh, "equal, whatever its past");
    prop_assert_eq!(hash(vector), hash(&fresh));
    prop_assert_eq!(vector.causality(&fresh), Causality::Equal);
    prop_assert_eq!(vector.to_bytes(1), fresh.to_bytes(1));
    prop_assert!(vector.len() > 8 || vector.allocated_bytes() == 0);
    Ok(())
}

proptest! {
    #[test]
    fn a_version_vector_is_a_map_with_the_order_of_knowledge(left in model(), right in model()) {
        let (a, b) = (vector(&left), vector(&right));
        let expected = match (known_by(&left, &right), known_by(&right, &left)) {
            (true, true) => Causality::Equal,
            (true, false) => Causality::Before,
            (false, true) => Causality::After,
            (false, false) => Causality::Concurrent,
        };
        prop_assert_eq!(a.causality(&b), expected);
        prop_assert_eq!(b.causality(&a), expected.reverse());
        prop_assert_eq!(a.partial_cmp(&b), expected.ordering());
        prop_assert_eq!(a.is_known_by(&b), known_by(&left, &right));

        let mut joined = a.clone();
        joined.merge(&b);
        same(&joined, &merged(&left, &right))?;
        joined.merge(&a);
        same(&joined, &merged(&left, &right))?;

        let mut common = a.clone();
        common.meet(&b);
        let both: Model = left.iter()
            .filter_map(|(actor, counter)| Some((*actor, *counter.min(right.get(actor)?)))).collect();
        same(&common, &both)?;

        let mut learned = b.clone();
        for dot in a.surplus(&b).flat_map(DotRange::dots) {
            prop_assert!(a.contains(&dot) && !b.contains(&dot));
            prop_assert_eq!(learned.observe_next(dot), Ok(true));
        }
        same(&learned, &merged(&left, &right))?;
    }

    #[test]
    fn whatever_is_done_to_it_it_remains_the_map(
        steps in vec((0..5_u8, 0..14_u128, 1..9_u64), 0..60), other in model()
    ) {
        let mut vector = VersionVector::new();
        let mut model = Model::new();
        for (step, actor, counter) in steps {
            match step {
                0 => {
                    let dot = vector.advance(actor).unwrap();
                    let mine = model.entry(actor).or_default();
                    *mine += 1;
                    prop_assert_eq!(dot, Dot::at(actor, *mine).unwrap());
                }
                1 => {
                    let known = model.get(&actor).copied().unwrap_or(0);
                    prop_assert_eq!(vector.observe(Dot::at(actor, counter).unwrap()), counter > known);
                    model.insert(actor, counter.max(known));
                }
                2 => prop_assert_eq!(vector.forget(actor), model.remove(&actor).unwrap_or(0)),
                3 => {
                    vector.merge(&self::vector(&other));
                    model = merged(&model, &other);
                }
                _ => {
                    let known = model.get(&actor).copied().unwrap_or(0);
                    let answer = vector.observe_next(Dot::at(actor, counter).unwrap());
                    if counter > known + 1 {
                        prop_assert_eq!(answer, Err(DotError::Gap { expected: known + 1, got: counter }));
                    } else {
                        prop_assert_eq!(answer, Ok(counter > known));
                        model.insert(actor, counter.max(known));
                    }
                }
            }
            prop_assert_eq!(vector.get(actor), model.get(&actor).copied().unwrap_or(0));
            same(&vector, &model)?;
        }
    }

    #[test]
    fn bytes_are_read_back_and_any_others_are_refused_or_canonical(model in model(), noise in vec(any::<u8>(), 0..80)) {
        let vector = vector(&model);
        let bytes = vector.to_bytes(1);
        prop_assert_eq!(VersionVector::from_bytes(bytes.clone(), 1).unwrap(), vector);
        for len in 0..bytes.len() {
            let truncated = VersionVector::<u128>::from_bytes(bytes.slice(..len), 1);
            let short = matches!(truncated, Err(WireError::Truncated { .. }));
            prop_assert!(short, "{truncated:?}");
        }
        for bytes in [noise.clone(), [&[2, 0, 0, 0], &noise[..]].concat()] {
            if let Ok(read) = VersionVector::<u64>::from_bytes(bytes.clone().into(), 1) {
                prop_assert_eq!(read.to_bytes(1), bytes);
            }
        }
    }
}

#[test]
fn the_last_counter_is_the_last() {
    let mut vector = VersionVector::from_iter([("a", u64::MAX)]);
    assert_eq!(vector.advance("a"), Err(DotError::Exhausted));
    assert_eq!(vector.get("a"), u64::MAX);
    assert_eq!(vector.surplus(&VersionVector::new()).next().unwrap().count(), u64::MAX);
}

#[test]
fn bytes_of_a_version_vector_are_golden() {
    let vector = VersionVector::from_iter([(0x0a_u64, 1), (0x0b, 0x0203)]);
    let golden = [
        &[2, 0, 0, 0][..], // two entries
        &[0x0a, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        &[0x0b, 0, 0, 0, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(vector.to_bytes(1), golden);

    let mut unordered = golden.clone();
    unordered[4] = 0x0c;
    let refused = VersionVector::<u64>::from_bytes(unordered.into(), 1);
    assert_eq!(refused, Err(WireError::Invalid { field: "order of the actors of a version vector" }));
    let mut zero = golden;
    zero[12] = 0;
    let refused = VersionVector::<u64>::from_bytes(zero.into(), 1);
    assert_eq!(refused, Err(WireError::Invalid { field: "counter of a dot" }));
    // A node of 128 bits: the lower half first.
    let dot = Dot::at(1_u128 << 64 | 2, 3).unwrap();
    assert_eq!(dot.to_bytes(1)[..], [2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(Dot::from_bytes(dot.to_bytes(1), 1), Ok(dot));
}
