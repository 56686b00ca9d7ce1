//! Hash partitioning, and what a change costs.

use synod_core::NodeId;
use synod_hashring::HashFn;
use synod_partition::{HashRanges, MapError, Modulo, PartitionId, PartitionMap, Ranges, Router, Scheme};

fn keys() -> impl Iterator<Item = [u8; 8]> {
    (0..20_000_u64).map(u64::to_le_bytes)
}

#[test]
fn a_change_of_the_modulus_moves_nearly_everything() {
    for (n, m) in [(4, 5), (10, 11), (10, 9), (100, 101), (100, 200), (7, 7)] {
        let (old, new) =
            (Modulo::new(n, HashFn::default()).unwrap(), Modulo::new(m, HashFn::default()).unwrap());
        let moved = keys().filter(|key| old.of(key) != new.of(key)).count() as u64 * 1_000_000 / 20_000;
        let said = old.moved_ppm(m);
        assert!(moved.abs_diff(said) < 15_000, "{n} to {m}: measured {moved} ppm, said {said}");
    }
    let moved = |n, m| Modulo::new(n, HashFn::default()).unwrap().moved_ppm(m) / 10_000;
    assert_eq!(
        [moved(4, 5), moved(10, 11), moved(100, 101), moved(100, 200), moved(3, 3)],
        [80, 90, 99, 50, 0]
    );
    assert_eq!(Modulo::new(0, HashFn::default()), None);
}

#[test]
fn a_range_of_hashes_that_is_split_moves_half_of_itself_and_nothing_else() {
    let old = HashRanges::equal(10, HashFn::default());
    let mut new = old.clone();
    new.split_even(PartitionId(9), PartitionId(10)).unwrap();
    let moved = keys().filter(|key| old.of(key) != new.of(key)).count();
    assert!((900..1_100).contains(&moved), "a twentieth of 20,000: {moved}");
    assert!(keys().all(|key| old.of(&key) == new.of(&key) || old.of(&key) == PartitionId(9)));
}

#[test]
fn the_last_range_ends_with_the_last_hash() {
    for count in [1, 3, 10, 1_000] {
        let mut map = HashRanges::equal(count, HashFn::default());
        let last = PartitionId(u64::from(count) - 1);
        assert_eq!((map.of_hash(0), map.of_hash(u64::MAX)), (PartitionId(0), last));
        // Cut the last one down to a single hash: 2⁶⁴ − 1 does not overflow into the first.
        let mut new = PartitionId(5_000);
        let mut cut = last;
        while map.split_even(cut, new).is_ok() {
            cut = new;
            new = PartitionId(new.0 + 1);
        }
        assert_eq!(map.ranges().range(cut).unwrap().start, Some(&u64::MAX));
        assert_eq!((map.of_hash(0), map.of_hash(u64::MAX)), (map.of_hash(0), cut));
    }
}

#[test]
fn a_range_that_ends_at_the_first_hash_has_no_keys_to_give() {
    let [empty, all, new] = [0, 1, 2].map(PartitionId);
    let ranges = HashRanges::new(Ranges::cut(empty, [(0, all)]).unwrap(), HashFn::Ordered);
    let mut map = PartitionMap::default();
    map.set(empty, [NodeId(1)]).unwrap();
    map.set(all, [NodeId(2)]).unwrap();
    let mut router = Router::new(Scheme::HashRanges(ranges), map);
    let split = router.split(empty, &5_u64.to_be_bytes(), new);
    assert_eq!(split, Err(MapError::Outside { partition: empty }));
    assert_eq!(router.route(&[9]).partition, all);
}
