//! Ranges against a model that knows the partition of every key.

use core::ops::Bound;
use proptest::prelude::*;
use synod_partition::{PartitionId, RangeError, Ranges};

#[derive(Clone, Debug)]
enum Op {
    Split(u8, u64),
    Merge(prop::sample::Index),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let split = (any::<u8>(), 0..40_u64).prop_map(|(at, new)| Op::Split(at, new));
    prop::collection::vec(
        prop_oneof![3 => split, 1 => any::<prop::sample::Index>().prop_map(Op::Merge)],
        0..60,
    )
}

/// The ranges, and the partition of each of all 256 keys.
fn run(ops: &[Op]) -> (Ranges<u8>, [PartitionId; 256]) {
    let mut ranges = Ranges::new(PartitionId(1_000));
    let mut model = [PartitionId(1_000); 256];
    for op in ops {
        match op {
            Op::Split(at, new) => {
                let (id, new) = (ranges.of(at), PartitionId(*new));
                let first = model.iter().position(|other| *other == id).unwrap();
                let taken = ranges.range(new).is_some();
                let result = ranges.split(id, *at, new);
                if taken {
                    assert_eq!(result, Err(RangeError::Taken { partition: new }));
                } else if first == usize::from(*at) && *at > 0 {
                    assert_eq!(result, Err(RangeError::Outside { partition: id }));
                } else {
                    // Below the least key there is room for a range that holds none of the 256.
                    result.unwrap();
                    let of_id = |(key, other): (usize, &PartitionId)| *other == id && key >= usize::from(*at);
                    let keys: Vec<_> =
                        model.iter().enumerate().filter(|each| of_id(*each)).map(|(key, _)| key).collect();
                    keys.into_iter().for_each(|key| model[key] = new);
                    if *at == 0 {
                        // All keys of the range went right; the left one is empty: take it back.
                        ranges.merge(id, new).unwrap();
                        model.iter_mut().filter(|other| **other == new).for_each(|other| *other = id);
                    }
                }
            }
            Op::Merge(at) => {
                let all: Vec<_> = ranges.iter().map(|range| range.id).collect();
                let at = at.index(all.len());
                match all.get(at + 1) {
                    Some(right) => {
                        ranges.merge(all[at], *right).unwrap();
                        model.iter_mut().filter(|other| *other == right).for_each(|other| *other = all[at]);
                    }
                    None => {
                        let apart = RangeError::Apart { left: all[at], right: all[0] };
                        assert_eq!(
                            ranges.merge(all[at], all[0]),
                            Err(apart),
                            "the last range does not wrap around"
                        );
                    }
                }
            }
        }
    }
    (ranges, model)
}

proptest! {
    #[test]
    fn every_key_has_the_partition_that_the_model_says(ops in ops()) {
        let (ranges, model) = run(&ops);
        for key in 0..=u8::MAX {
            prop_assert_eq!(ranges.of(&key), model[usize::from(key)]);
            let range = ranges.range(ranges.of(&key)).unwrap();
            prop_assert!(range.start.is_none_or(|start| *start <= key) && range.end.is_none_or(|end| key < *end));
        }
        let mut seen = model.to_vec();
        seen.dedup();
        prop_assert_eq!(ranges.iter().map(|range| range.id).collect::<Vec<_>>(), seen);
        prop_assert_eq!(ranges.count(), ranges.iter().count());
    }

    #[test]
    fn a_scan_asks_the_partitions_of_its_keys_in_order(ops in ops(), a in any::<u8>(), b in any::<u8>(), inclusive in any::<bool>()) {
        let (ranges, model) = run(&ops);
        let (low, high) = (a.min(b), a.max(b));
        let end = if inclusive { Bound::Included(high) } else { Bound::Excluded(high) };
        let scan: Vec<_> = ranges.scan((Bound::Included(low), end)).map(|range| range.id).collect();
        let last = if inclusive || high == low { usize::from(high) } else { usize::from(high) - 1 };
        let mut wanted = model[usize::from(low)..=last].to_vec();
        wanted.dedup();
        prop_assert_eq!(scan, wanted);
        prop_assert_eq!(ranges.scan::<u8, _>(..).count(), ranges.count());
    }
}

#[test]
fn what_cannot_be_is_said() {
    let (p1, p2, p3) = (PartitionId(1), PartitionId(2), PartitionId(3));
    let mut ranges = Ranges::cut(p1, [("m", p2)]).unwrap();
    assert_eq!(ranges.split(p3, "x", PartitionId(4)), Err(RangeError::Unknown { partition: p3 }));
    assert_eq!(ranges.split(p1, "m", p3), Err(RangeError::Outside { partition: p1 }));
    assert_eq!(ranges.split(p2, "m", p3), Err(RangeError::Outside { partition: p2 }));
    assert_eq!(ranges.merge(p2, p1), Err(RangeError::Apart { left: p2, right: p1 }));
    assert_eq!(ranges.merge(p1, p1), Err(RangeError::Apart { left: p1, right: p1 }));
    assert_eq!(Ranges::cut(p1, [("m", p2), ("m", p3)]), Err(RangeError::Outside { partition: p2 }));
}
