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
