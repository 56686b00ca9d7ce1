//! Splits and merges come to rest, and follow what grows and shrinks.

use proptest::prelude::*;
use std::collections::BTreeMap;
use synod_partition::{Change, Measured, PartitionId, Policy, Sample, hot_spots, rebalance, split_point};

const POLICY: Policy =
    Policy { size_max: 100, size_min: 40, load_max: 1_000, load_min: 400, count_min: 2, count_max: 64 };

/// Carries changes out on partitions whose data and load can be halved evenly.
fn carry_out(partitions: &[Measured], changes: &[Change], next: &mut u64) -> Vec<Measured> {
    let of: BTreeMap<PartitionId, &Change> = changes
        .iter()
        .flat_map(|change| match change {
            Change::Merge { left, right } => vec![(*left, change), (*right, change)],
            Change::Split { id, .. } => vec![(*id, change)],
            _ => vec![],
        })
        .collect();
    assert_eq!(
        of.len(),
        changes.iter().map(|c| if matches!(c, Change::Merge { .. }) { 2 } else { 1 }).sum::<usize>()
    );
    let mut after: Vec<Measured> = Vec::new();
    for partition in partitions {
        match of.get(&partition.id) {
            Some(Change::Split { parts, .. }) => {
                for _ in 0..*parts {
                    *next += 1;
                    let parts = u64::from(*parts);
                    let (size, load) = (partition.size / parts, partition.load / parts);
                    after.push(Measured { id: PartitionId(*next), size, load, ..*partition });
                }
            }
            Some(Change::Merge { left, .. }) if *left != partition.id => {
                let into = after.last_mut().unwrap();
                assert_eq!(into.group, partition.group);
                into.size += partition.size;
                into.load += partition.load;
            }
            _ => after.push(*partition),
        }
    }
    after
}

fn measured() -> impl Strategy<Value = Vec<Measured>> {
    let one = (0..2_u32, 0..400_u64, 0..4_000_u64, any::<bool>());
    prop::collection::vec(one, 1..30).prop_map(|mut all| {
        all.sort_by_key(|(group, ..)| *group);
        let measured = |(id, (group, size, load, divisible))| Measured {
            id: PartitionId(id),
            group,
            size,
            load,
            divisible,
        };
        (0..).zip(all).map(measured).collect()
    })
}

proptest! {
    #[test]
    fn splits_and_merges_come_to_rest_within_the_limits(mut partitions in measured()) {
        prop_assert!(POLICY.sound());
        let mut next = 1_000;
        for round in 0.. {
            let changes = rebalance(&POLICY, &partitions);
            if changes.is_empty() {
                break;
            }
            prop_assert!(round < 10, "{:?}", changes);
            let before = partitions.len();
            partitions = carry_out(&partitions, &changes, &mut next);
            prop_assert!(partitions.len() <= POLICY.count_max && partitions.len() >= before.min(POLICY.count_min));
        }
        let full = partitions.len() == POLICY.count_max;
        for partition in &partitions {
            prop_assert!(full || partition.size <= POLICY.size_max);
            prop_assert!(full || !partition.divisible || partition.load <= POLICY.load_max);
        }
    }

    #[test]
    fn no_cut_leaves_less_to_the_busier_side(loads in prop::collection::vec(0..50_u64, 0..20)) {
        let samples: Vec<_> = (0..).zip(&loads).map(|(start, load)| Sample { start, load: *load }).collect();
        let total: u64 = loads.iter().sum();
        let busier = |at: usize| loads[..at].iter().sum::<u64>().max(loads[at..].iter().sum());
        let best = (1..loads.len()).map(busier).min();
        match split_point(&samples) {
            Some(cut) => {
                prop_assert_eq!(Some(cut.left.max(cut.right)), best);
                prop_assert_eq!(cut.left + cut.right, total);
                prop_assert!(cut.left > 0 && cut.right > 0);
            }
            None => prop_assert!(loads.len() < 2 || loads.iter().max() == Some(&total)),
        }
    }
}

/// A policy, and one partition that it splits or two that it merges.
fn policies() -> impl Strategy<Value = (Policy, Vec<Measured>)> {
    let limit = || prop_oneof![2 => 0..20_u64, 2 => 0..2_000_u64, 1 => Just(u64::MAX)];
    let below = || prop_oneof![1 => 0..5_u64, 2 => 600_000..700_000_u64, 1 => 0..1_100_000_u64];
    let count = (0..3_usize, 2..40_usize);
    let measured = prop::collection::vec((0..2_500_000_u64, 0..2_500_000_u64, any::<bool>()), 1..4);
    (limit(), below(), limit(), below(), count, measured).prop_map(
        |(size, size_ppm, load, load_ppm, (least, most), all)| {
            let part = |whole: u64, ppm: u64| {
                (u128::from(whole) * u128::from(ppm) / 1_000_000).min(u64::MAX.into()) as u64
            };
            let policy = Policy {
                size_max: size,
                size_min: part(size, size_ppm),
                load_max: load,
                load_min: part(load, load_ppm),
                count_min: least,
                count_max: most,
            };
            let one = |(id, (size_ppm, load_ppm, divisible))| {
                let (size, load) = (part(size, size_ppm), part(load, load_ppm));
                Measured { id: PartitionId(id), group: 0, size, load, divisible }
            };
            (policy, (0..).zip(all).map(one).collect())
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn a_split_is_not_followed_by_a_merge_of_its_parts_nor_a_merge_by_a_split((policy, partitions) in policies()) {
        prop_assume!(policy.sound());
        let changes = rebalance(&policy, &partitions);
        let mut next = 1_000;
        for change in changes {
            let (Change::Split { id, .. } | Change::Merge { left: id, .. }) = change else { continue };
            let concerned = |partition: &&Measured| match change {
                Change::Merge { left, right } => partition.id == left || partition.id == right,
                _ => partition.id == id,
            };
            let before: Vec<Measured> = partitions.iter().filter(concerned).copied().collect();
            let after = carry_out(&before, &[change], &mut next);
            prop_assert_eq!(after.len() == 1, matches!(change, Change::Merge { .. }));
            let opposite = |next: &Change| matches!(next, Change::Merge { .. }) != matches!(change, Change::Merge { .. });
            // Wherever there is room for other partitions.
            let alone = Policy { count_min: 0, ..policy };
            let again = rebalance(&alone, &after);
            prop_assert!(!again.iter().any(opposite), "{:?}, {:?}, {:?}", change, after, again);
        }
    }
}

/// Every small limit, and every size just above it: the condition is not stricter than it must be either.
#[test]
fn the_condition_of_a_sound_policy_is_exact() {
    for max in 0..60_u64 {
        let policy = |min| Policy { size_max: max, size_min: min, ..POLICY };
        let merges = |size: u64, min: u64| {
            let one = Measured { id: PartitionId(0), group: 0, size, load: 0, divisible: true };
            let open = Policy { count_min: 0, count_max: 1_000, ..policy(min) };
            let parts = carry_out(&[one], &rebalance(&open, &[one]), &mut 1);
            rebalance(&open, &parts).iter().any(|change| matches!(change, Change::Merge { .. }))
        };
        for min in 0..=max {
            let any = (max + 1..4 * max + 8).any(|size| merges(size, min));
            assert_eq!(policy(min).sound(), !any, "{min} of {max}");
        }
    }
}

/// ScyllaDB 20054: a split never concludes under writes. While a partition is split in two it grows by as much as it has; with as many parts
/// as halve each below the limit, one round is enough.
#[test]
fn a_partition_that_grows_while_it_is_split_is_not_split_for_ever() {
    let mut partitions = vec![Measured { id: PartitionId(0), group: 0, size: 350, load: 0, divisible: true }];
    let mut next = 0;
    let changes = rebalance(&POLICY, &partitions);
    partitions = carry_out(&partitions, &changes, &mut next);
    partitions.iter_mut().for_each(|partition| partition.size = partition.size * 19 / 10);
    assert_eq!(rebalance(&POLICY, &partitions), []);
}

#[test]
fn hot_spots_are_above_the_mean_and_worth_it() {
    assert_eq!(hot_spots(&[1, 1, 1, 9, 12], 1_500_000, 10), [4]);
    assert_eq!(hot_spots(&[1, 1, 1, 9, 12], 1_500_000, 0), [4, 3]);
    assert_eq!(hot_spots(&[0, 0, 0], 1_000_000, 0), [0; 0]);
    assert_eq!(hot_spots(&[7], 1, 0), [0; 0]);
    assert_eq!(hot_spots(&[u64::MAX, u64::MAX, 1], 1_000_000, 0), [0, 1]);
}
