//! Weights are honoured, and balance is what the documentation says. Fixed keys: these never fail by chance.

use super::judges::fair;
use synod_core::NodeId;
use synod_hashring::*;

const HASH: HashFn = HashFn::SplitMix64 { seed: 0 };

fn keys(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(|key| HASH.hash_u64(key))
}

fn weighted(nodes: u64) -> Cluster {
    Cluster::new(
        (1..=nodes).map(|id| Node::new(NodeId(id)).weighing(id % 7 + 1).within(["a", "b"][id as usize % 2])),
    )
    .unwrap()
}

#[test]
fn rendezvous_and_straw2_honour_weights_to_the_last_key() {
    for nodes in [3, 17, 60] {
        assert_eq!(fair(&Rendezvous::new(weighted(nodes), HASH).unwrap(), keys(100_000)), Ok(()));
        assert_eq!(fair(&Straw2::new(weighted(nodes), HASH).unwrap(), keys(100_000)), Ok(()));
    }
    // One of a million.
    let extreme = [1_000_000, 1, 500_000]
        .into_iter()
        .zip(1..)
        .map(|(weight, id)| Node::new(NodeId(id)).weighing(weight));
    let extreme = Cluster::new(extreme).unwrap();
    let of =
        |placed: &dyn Fn(u64) -> NodeId, id| keys(300_000).filter(|key| placed(*key) == NodeId(id)).count();
    let placed = Rendezvous::new(extreme, HASH).unwrap();
    assert!(of(&|key| placed.owner(key), 2) <= 4);
    assert!((199_000..201_000).contains(&of(&|key| placed.owner(key), 1)));
}

#[test]
fn algorithms_without_weights_are_even() {
    for nodes in [2, 9, 33, 100] {
        let cluster = || Cluster::equal(nodes);
        assert_eq!(fair(&Rendezvous::new(cluster(), HASH).unwrap(), keys(60_000)), Ok(()));
        assert_eq!(fair(&Jump::new(cluster(), HASH).unwrap(), keys(60_000)), Ok(()));
        assert_eq!(fair(&JumpBack::new(cluster(), HASH).unwrap(), keys(60_000)), Ok(()));
        assert_eq!(fair(&Anchor::new(cluster(), nodes + 30, HASH).unwrap(), keys(60_000)), Ok(()));
        assert_eq!(fair(&Dx::new(cluster(), nodes + 30, HASH).unwrap(), keys(60_000)), Ok(()));
    }
}

#[test]
fn sets_of_buckets_are_even_in_far_too_much_room() {
    for (nodes, capacity) in [(10, 1_000), (2, 500), (30, 900)] {
        assert_eq!(fair(&Dx::new(Cluster::equal(nodes), capacity, HASH).unwrap(), keys(60_000)), Ok(()));
        assert_eq!(fair(&Anchor::new(Cluster::equal(nodes), capacity, HASH).unwrap(), keys(60_000)), Ok(()));
    }
}

#[test]
fn sets_of_buckets_stay_even_when_half_of_them_have_gone() {
    let mut anchor = Anchor::new(Cluster::equal(60), 80, HASH).unwrap();
    let mut memento = Memento::new(Cluster::equal(60), HASH).unwrap();
    let mut dx = Dx::new(Cluster::equal(60), 80, HASH).unwrap();
    for gone in (1..=60).filter(|id| id % 7 % 2 == 1) {
        anchor.remove(NodeId(gone)).unwrap();
        memento.remove(NodeId(gone)).unwrap();
        dx.remove(NodeId(gone)).unwrap();
    }
    assert_eq!(fair(&anchor, keys(60_000)), Ok(()));
    assert_eq!(fair(&memento, keys(60_000)), Ok(()));
    assert_eq!(fair(&dx, keys(60_000)), Ok(()));
}

#[test]
fn rings_are_as_uneven_as_their_points_say() {
    // The share of a node of v points is near a Gamma distribution: a standard deviation of 1/sqrt(v).
    let ring = Ring::new(weighted(100), Vnodes::each(100), HASH).unwrap();
    for (node, share) in ring.cluster().nodes().iter().zip(shares(&ring).into_values()) {
        let relative = share as f64 / CIRCLE as f64 * ring.cluster().weight() as f64 / node.weight as f64;
        let deviation = 1.0 / ((100 * node.weight) as f64).sqrt();
        assert!((relative - 1.0).abs() < 5.0 * deviation, "{}: {relative}", node.id);
    }
    assert!(ring.bytes() <= 16 * ring.len() + 16);
}

#[test]
fn many_probes_balance_as_few_points_do_not_and_honour_weights() {
    let busiest = |nodes: u32, probes: u32| {
        let placed = MultiProbe::new(Cluster::equal(nodes), Vnodes::each(1), probes, HASH).unwrap();
        let mut counts = vec![0_u32; nodes as usize];
        keys(1000 * u64::from(nodes)).for_each(|key| counts[placed.place(key).at()] += 1);
        f64::from(counts.into_iter().max().unwrap()) / 1000.0
    };
    for nodes in [10, 50, 100] {
        let many = busiest(nodes, 21);
        assert!((1.0..1.2).contains(&many), "{nodes}: {many}");
        assert!(busiest(nodes, 1) > 1.5, "a single probe is a ring of one point");
    }
    // A node of weight w has w points, each of which is as good as any; it is the busiest that probes look after.
    let cluster = weighted(40);
    let placed = MultiProbe::new(cluster.clone(), Vnodes::each(1), 21, HASH).unwrap();
    let mut counts = vec![0_u32; cluster.len()];
    keys(160_000).for_each(|key| counts[placed.place(key).at()] += 1);
    for (node, count) in cluster.nodes().iter().zip(counts) {
        let relative = f64::from(count) / 160_000.0 * cluster.weight() as f64 / node.weight as f64;
        assert!((0.6..1.2).contains(&relative), "{}: {relative}", node.id);
    }
}

#[test]
fn slots_are_within_a_hundredth_and_a_join_moves_a_quota() {
    for nodes in [10, 100, 1000] {
        let slots = Slots::new(Cluster::equal(nodes), (nodes * 128).next_power_of_two(), HASH).unwrap();
        let mean = f64::from(slots.count()) / f64::from(nodes);
        assert!(slots.counts().into_iter().max().unwrap() as f64 / mean <= 1.01);
        let joined = slots.rebalanced(slots.cluster().with(Node::new(NodeId(0))).unwrap()).unwrap();
        let moved = slots.table().zip(joined.table()).filter(|(old, new)| old != new).count() as f64;
        assert!((moved - f64::from(slots.count()) / f64::from(nodes + 1)).abs() < 1.0);
        let left = slots.rebalanced(slots.cluster().without(NodeId(3)).unwrap()).unwrap();
        let moved = slots.table().zip(left.table()).filter(|(old, new)| old != new).count() as f64;
        assert!((moved - mean).abs() < 1.0 + f64::EPSILON);
    }
}

#[test]
fn maglev_tables_are_even_and_honour_weights() {
    let maglev = Maglev::new(weighted(50), 65_537, HASH).unwrap();
    for (node, share) in maglev.cluster().nodes().iter().zip(shares(&maglev).into_values()) {
        let relative = share as f64 / CIRCLE as f64 * maglev.cluster().weight() as f64 / node.weight as f64;
        assert!((0.98..1.02).contains(&relative), "{}: {relative}", node.id);
    }
    // The excess of a change is small, and not nothing.
    let [old, new] = [100, 101].map(|nodes| Maglev::new(Cluster::equal(nodes), 65_537, HASH).unwrap());
    let diff = Diff::between(&old, &new);
    assert!(diff.excess() as f64 / (CIRCLE as f64) < 0.02 && diff.part() < 0.03);
}
