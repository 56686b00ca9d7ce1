//! Planted bugs: mistakes that other libraries have shipped, each as a placement of its own, and each noticed by a judge that the correct
//! code passes.

use super::judges::{self, Verdict};
use synod_core::NodeId;
use synod_hashring::*;

const HASH: HashFn = HashFn::SplitMix64 { seed: 0 };

/// A ring with one mistake.
#[derive(Clone)]
struct Broken {
    cluster: Cluster,
    points: Vec<(u64, NodeIx)>,
    mistake: Mistake,
}

#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    /// None: the judges pass it.
    None,
    /// Points at one place are left in the order in which they came (ketama 0.0.2 sorts by position, unstably).
    UnstableSort,
    /// What lies behind the last point belongs to it.
    LastRange,
    /// The next point is looked for behind `position + 1`, which overflows on a ring of 32 bits at 2^32 - 1.
    Overflow32,
    /// A point owns the positions from its own on, not up to it.
    Counterclockwise,
}

impl Broken {
    fn ring(nodes: &[u64], points: &[(u64, u64)], mistake: Mistake) -> Self {
        let cluster = Cluster::new(nodes.iter().map(|id| Node::new(NodeId(*id)))).unwrap();
        let mut points: Vec<_> =
            points.iter().map(|(at, id)| (*at, cluster.find(NodeId(*id)).unwrap())).collect();
        match mistake {
            Mistake::UnstableSort => points.sort_by_key(|(at, _)| *at),
            _ => points.sort(),
        }
        Self { cluster, points, mistake }
    }
}

impl Placement for Broken {
    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn hash_fn(&self) -> HashFn {
        HASH
    }

    fn place(&self, position: u64) -> NodeIx {
        self.candidates(position).next().unwrap()
    }

    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        let count = self.points.len();
        let next = match self.mistake {
            Mistake::Overflow32 => {
                let key = ((position >> 32) as u32).wrapping_add(1);
                self.points.partition_point(|(at, _)| ((*at >> 32) as u32).wrapping_add(1) < key)
            }
            Mistake::LastRange => self.points.partition_point(|(at, _)| *at < position).min(count - 1),
            Mistake::Counterclockwise => {
                (self.points.partition_point(|(at, _)| *at <= position) + count - 1) % count
            }
            _ => self.points.partition_point(|(at, _)| *at < position),
        };
        self.points.iter().cycle().skip(next % count).take(count).map(|(_, node)| *node)
    }
}

/// The points of a ring of 32 bits, one of them at its very end.
const POINTS: [(u64, u64); 5] =
    [(90 << 32, 1), (200 << 32, 2), (350 << 32, 3), (7 << 40, 1), ((u32::MAX as u64) << 32, 2)];

fn clockwise(points: &[(u64, u64)], mistake: Mistake) -> Verdict {
    let keys: Vec<u64> =
        [0, 50, 90, 91, 300, 351, u32::MAX - 1, u32::MAX].map(|at: u32| u64::from(at) << 32).into();
    let ids: Vec<_> = points.iter().map(|(at, id)| (*at, NodeId(*id))).collect();
    let ring = Broken::ring(&[1, 2, 3], points, mistake);
    judges::clockwise(&ring, &ids, &keys)
}

#[test]
fn colliding_points_in_the_order_in_which_they_came() {
    let colliding = [(5, 3), (5, 1), (9, 2)];
    assert_eq!(clockwise(&colliding, Mistake::None), Ok(()));
    assert!(clockwise(&colliding, Mistake::UnstableSort).is_err());
}

#[test]
fn the_last_range_that_does_not_wrap_around() {
    let points = &POINTS[..3];
    assert_eq!(clockwise(points, Mistake::None), Ok(()));
    assert!(clockwise(points, Mistake::LastRange).is_err());
    assert!(clockwise(points, Mistake::Counterclockwise).is_err());
}

#[test]
fn an_overflow_at_the_end_of_32_bits() {
    assert_eq!(clockwise(&POINTS, Mistake::None), Ok(()));
    assert!(clockwise(&POINTS, Mistake::Overflow32).is_err());
    // And ours.
    let cluster = Cluster::equal(3);
    let points = POINTS.map(|(at, id)| (at, NodeId(id)));
    let ring = Ring::of_points(cluster, HASH, points).unwrap();
    let keys: Vec<u64> = (0..1000).map(|key| HASH.hash_u64(key)).collect();
    assert_eq!(judges::clockwise(&ring, &points, &keys), Ok(()));
    assert_eq!(judges::ranges_tell(&ring), Ok(()));
}

#[test]
fn replicas_on_one_physical_node() {
    let cluster = Cluster::equal(5);
    let ring = Ring::new(cluster, Vnodes::each(160), HASH).unwrap();
    let mut caught = 0;
    for key in (0..1000).map(|key| HASH.hash_u64(key)) {
        // hashring-rs: the next points, whosever they are.
        let next: Vec<_> = ring.candidates(key).take(3).map(|node| ring.cluster().id(node)).collect();
        caught += u32::from(judges::spread_out(&ring, key, &next, (3, 0, 0)).is_err());
        let right: Vec<_> = ring.owners(key, Spread::copies(3)).unwrap().collect();
        assert_eq!(judges::spread_out(&ring, key, &right, (3, 0, 0)), Ok(()));
    }
    // 1 - 4/5 * 3/5 = 52 % of the keys.
    assert!((450..600).contains(&caught), "{caught}");
}

#[test]
fn replicas_whose_last_places_cannot_reach_the_zones() {
    // Two of three copies in zone a before anybody looked: the greedy mistake of rack-aware claims.
    let node = |id: u64| Node::new(NodeId(id)).within(if id <= 8 { "a" } else { "b" });
    let ring = Ring::new(Cluster::new((1..=9).map(node)).unwrap(), Vnodes::each(20), HASH).unwrap();
    let keys: Vec<u64> = (0..500).map(|key| HASH.hash_u64(key)).collect();
    let distinct = |key: u64| ring.owners(key, Spread::copies(2)).unwrap().collect::<Vec<_>>();
    let wrong =
        keys.iter().filter(|key| judges::spread_out(&ring, **key, &distinct(**key), (2, 2, 0)).is_err());
    assert!(wrong.count() > 300);
    assert_eq!(judges::copies(&ring, &keys, (2, 2, 0)), Ok(()));
}

/// `hash mod n`, the table of which is as old as hashing.
struct ModN(Cluster);

impl Placement for ModN {
    fn cluster(&self) -> &Cluster {
        &self.0
    }

    fn hash_fn(&self) -> HashFn {
        HASH
    }

    fn place(&self, position: u64) -> NodeIx {
        NodeIx((position % self.0.len() as u64) as u32)
    }

    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        let count = self.0.len() as u64;
        (0..count).map(move |more| NodeIx(((position % count + more) % count) as u32))
    }
}

#[test]
fn a_resize_by_modulo() {
    let keys: Vec<u64> = (0..1000).map(|key| HASH.hash_u64(key)).collect();
    let [old, new] = [10, 11].map(|nodes| ModN(Cluster::equal(nodes)));
    assert_eq!(judges::total(&old, &keys), Ok(()), "as a placement it is in order");
    assert!(judges::moves_touch(&old, &new, NodeId(11), &keys).is_err());
    // What it costs: ten keys of eleven, where one is due.
    let diff = KeysDiff::between(&old, &new, keys.iter().copied());
    assert!(diff.moves.len() > 850 && diff.bound < 150, "{} of {}", diff.moves.len(), diff.bound);
    let [old, new] = [10, 11].map(|nodes| JumpBack::new(Cluster::equal(nodes), HASH).unwrap());
    assert_eq!(judges::moves_touch(&old, &new, NodeId(11), &keys), Ok(()));
}

/// A ring of 32 points for each node, made of buckets of weights.
fn weighed(cluster: &Cluster, points: impl Fn(u64) -> u64) -> Broken {
    let nodes = (0..).map(NodeIx).zip(cluster.nodes());
    let of = |(ix, node): (NodeIx, &Node)| {
        let id = node.id.0;
        (0..points(node.share())).map(move |point| (HASH.hash_u64(id * 1000 + point), ix)).collect::<Vec<_>>()
    };
    let mut points: Vec<_> = nodes.flat_map(of).collect();
    points.sort();
    Broken { cluster: cluster.clone(), points, mistake: Mistake::None }
}

#[test]
fn a_weight_of_zero_that_panics_or_counts() {
    let keys: Vec<u64> = (0..500).map(|key| HASH.hash_u64(key)).collect();
    let judge = |points: &dyn Fn(u64) -> u64| {
        judges::nothing_is_a_weight(|cluster| weighed(cluster, points), &keys).unwrap_err()
    };
    // pingora 1006: `assert!(weight != 0)` in the constructor of a bucket took the balancer's task down for ever.
    let asserted = judge(&|weight| {
        assert!(weight != 0, "weight must be at least one");
        32 * weight
    });
    assert!(asserted.contains("a panic at"), "{asserted}");
    // Torus 246 turned round: no point was too few, so that everybody got one.
    let counted = judge(&|weight| (32 * weight).max(1));
    assert!(!counted.contains("a panic"), "{counted}");
    let right = |cluster: &Cluster| weighed(cluster, |weight| 32 * weight);
    assert_eq!(judges::nothing_is_a_weight(right, &keys), Ok(()));
    // Ours.
    for algorithm in super::algorithms(&Cluster::equal(4)) {
        let ours = |cluster: &Cluster| super::place(algorithm, cluster);
        assert_eq!(judges::nothing_is_a_weight(ours, &keys), Ok(()), "{algorithm}");
    }
}

#[test]
fn weights_that_are_ignored() {
    let weighted = Cluster::new((1..=9).map(|id| Node::new(NodeId(id)).weighing(id))).unwrap();
    let keys = || (0..30_000).map(|key| HASH.hash_u64(key));
    assert!(judges::fair(&ModN(weighted.clone()), keys()).is_err());
    assert_eq!(judges::fair(&Rendezvous::new(weighted, HASH).unwrap(), keys()), Ok(()));
}
