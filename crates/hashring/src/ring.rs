//! The ring: nodes and keys on a circle, and a key belongs to the first point clockwise from it (Karger et al. 1997).

mod points;
mod replicated;

pub use replicated::Replicated;

use crate::hash::GOLDEN;
use crate::placement::Placement;
use crate::{Cluster, HashFn, Infeasible, Node, NodeIx, PlacementError, Ranges, Spread};
use alloc::vec::Vec;
use core::fmt;
use points::Points;
use synod_core::{NodeId, SplitMix64};

/// The most points that a ring may have.
pub const POINTS_MAX: u64 = 1 << 26;

/// How many points a node gets: so many for each unit of weight, rounded to the nearest, and at least one if it weighs anything.
///
/// A node's points depend on its own weight alone, so that a change of one weight moves what that node gains or loses and nothing else.
/// More points balance better and cost memory: with 160 the busiest of 1,000 nodes has some 1.3 times the mean.
///
/// ```
/// use synod_hashring::Vnodes;
/// assert_eq!(Vnodes::each(160).count(2), 320);
/// let by_the_tebibyte = Vnodes::each(128).per(1 << 40);
/// assert_eq!(by_the_tebibyte.count(3 << 39), 192);
/// assert_eq!((by_the_tebibyte.count(1), by_the_tebibyte.count(0)), (1, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Vnodes {
    points: u32,
    unit: u64,
}

impl Vnodes {
    /// So many points for each unit of weight.
    #[must_use]
    pub const fn each(points: u32) -> Self {
        Self { points, unit: 1 }
    }

    /// What a unit of weight is; 0 counts as 1.
    #[must_use]
    pub const fn per(mut self, unit: u64) -> Self {
        self.unit = if unit == 0 { 1 } else { unit };
        self
    }

    /// How many points a node of this weight gets.
    #[must_use]
    pub fn count(self, weight: u64) -> u128 {
        let points = u64::from(self.points);
        if let Some(exact) = weight.checked_mul(points).filter(|_| self.unit <= 1) {
            return u128::from(if weight == 0 { 0 } else { exact.max(1) });
        }
        let unit = u128::from(self.unit.max(1));
        let exact = u128::from(weight) * u128::from(self.points);
        let rounded = (exact + unit / 2) / unit;
        if weight == 0 { 0 } else { rounded.max(1) }
    }
}

impl fmt::Display for Vnodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            0 | 1 => write!(f, "{}", self.points),
            unit => write!(f, "{}/{unit}", self.points),
        }
    }
}

impl Default for Vnodes {
    fn default() -> Self {
        Self::each(160)
    }
}

/// A ring of points. A point owns the positions from behind its predecessor up to and including its own; the first point owns
/// those behind the last one too.
///
/// Of two points at one position that of the lower [`NodeId`] owns it. A look-up reads one line of 64 bytes, in which four points and a
/// half stand on average: see [`Ring::bytes`].
///
/// # The textbook's ring
/// Nodes A, B and C stand at 90, 200 and 350 of a ring of 2³² positions; the key at 300 belongs to C. D joins at 320 and takes what
/// lies between B and itself; A leaves, and its keys go to the next node:
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Cluster, Diff, HashFn, Node, Placement, Ring};
///
/// const BITS_32: u32 = 32;                                   // a position of 32 bits is one of 64 that ends with zeros
/// let at = |position: u32| u64::from(position) << BITS_32;
/// let [a, b, c, d] = [1, 2, 3, 4].map(NodeId);
/// let ring = |points: &[(u32, NodeId)]| {
///     let cluster = Cluster::new(points.iter().map(|(_, id)| Node::new(*id)))?;
///     Ring::of_points(cluster, HashFn::Ordered, points.iter().map(|(position, id)| (at(*position), *id)))
/// };
/// let abc = ring(&[(90, a), (200, b), (350, c)])?;
/// assert_eq!([50, 150, 300].map(|key| abc.owner(at(key))), [a, b, c]);
/// assert_eq!([90, 91, 351, u32::MAX, 0].map(|key| abc.owner(at(key))), [a, b, a, a, a]);
///
/// // D joins: 201 to 320 move from C to D, which is as little as can move.
/// let abcd = ring(&[(90, a), (200, b), (350, c), (320, d)])?;
/// let join = Diff::between(&abc, &abcd);
/// assert_eq!(join.moves().len(), 1);
/// let moved = &join.moves()[0];
/// assert_eq!((moved.from, moved.to), (c, d));
/// assert_eq!((*moved.range.start(), *moved.range.end()), (at(200) + 1, at(320)));
/// assert_eq!(abcd.owner(at(300)), d);
/// assert_eq!(join.excess(), 0);
///
/// // A leaves: what it had, on both sides of 0, goes to B, the next clockwise.
/// let bc = ring(&[(200, b), (350, c)])?;
/// let leave = Diff::between(&abc, &bc);
/// assert!(leave.moves().iter().all(|moved| (moved.from, moved.to) == (a, b)));
/// assert_eq!(leave.moved(), (1 << 64) - u128::from(at(350) - at(90)));
/// leave.verify(&abc, &bc)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ring {
    cluster: Cluster,
    hash: HashFn,
    /// How points are made; `None` where they were given.
    vnodes: Option<Vnodes>,
    points: Points,
}

impl Ring {
    /// A ring of virtual nodes. `O(points)`: 1.6 million take some tens of milliseconds.
    ///
    /// # Errors
    /// If nobody may own a key, or there would be more than [`POINTS_MAX`] points.
    pub fn new(cluster: Cluster, vnodes: Vnodes, hash: HashFn) -> Result<Self, PlacementError> {
        let counts = counts(&cluster, vnodes)?;
        let points = Points::build(&cluster, total(&counts), || each_point(&cluster, &counts, hash));
        Ok(Self { cluster, hash, vnodes: Some(vnodes), points })
    }

    /// A ring of points that somebody else has chosen: tokens, or another system's rule. Points of nodes that drain or weigh nothing are left
    /// out, and weights mean nothing else here. `O(points)`.
    ///
    /// # Errors
    /// If a point belongs to a node that is not in the cluster, if a node that may own keys has no point, if nobody has one, or there
    /// are more than [`POINTS_MAX`].
    pub fn of_points(
        cluster: Cluster,
        hash: HashFn,
        points: impl IntoIterator<Item = (u64, NodeId)>,
    ) -> Result<Self, PlacementError> {
        let mut seen = alloc::vec![false; cluster.len()];
        let mut known = Vec::new();
        for (position, id) in points {
            let node = cluster.find(id).ok_or(PlacementError::Stranger { what: "points", id })?;
            if cluster.share(node) == 0 {
                continue;
            }
            if let Some(seen) = seen.get_mut(node.at()) {
                *seen = true;
            }
            known.push((position, node));
        }
        check_size(known.len() as u128)?;
        if let Some(node) = cluster.owners().find(|node| seen.get(node.at()) == Some(&false)) {
            return Err(PlacementError::Forgotten { what: "point", id: cluster.id(node) });
        }
        if known.is_empty() {
            return Err(PlacementError::Nobody);
        }
        let points = Points::build(&cluster, known.len(), || known.iter().copied());
        Ok(Self { cluster, hash, vnodes: None, points })
    }

    /// Adds a node in place: bit for bit the ring that [`Ring::new`] makes of the larger cluster, and much sooner.
    ///
    /// Only its own points are written if its identity is the greatest, and every word if it is not. Once in some 5 % of growth the ring
    /// needs another number of lines, and is made anew.
    ///
    /// # Errors
    /// If the node is there already, or the ring would grow too large; nothing has changed then. To a ring of given points nobody can come who
    /// is to own keys: [`Ring::of_points`] makes it anew.
    pub fn add(&mut self, node: Node) -> Result<(), PlacementError> {
        let cluster = self.cluster.with(node)?;
        self.become_ring_of(cluster)
    }

    /// Removes a node in place: bit for bit the ring that [`Ring::new`] makes of the smaller cluster.
    ///
    /// # Errors
    /// If there is no such node, or nobody else to own its keys; nothing has changed then.
    pub fn remove(&mut self, id: NodeId) -> Result<(), PlacementError> {
        let cluster = self.cluster.without(id)?;
        self.become_ring_of(cluster)
    }

    /// Gives a node another weight or zone, in place.
    ///
    /// # Errors
    /// If there is no such node, nobody else to own its keys, or the ring would grow too large; nothing has changed then. On a ring of given
    /// points a node may only be drained (or weigh nothing), which takes its points away for good, and change its zone: any other weight
    /// would change nothing, and is refused.
    pub fn change(&mut self, node: Node) -> Result<(), PlacementError> {
        let cluster = self.cluster.changed(node)?;
        self.become_ring_of(cluster)
    }

    fn become_ring_of(&mut self, cluster: Cluster) -> Result<(), PlacementError> {
        let Some(vnodes) = self.vnodes else {
            // Points that were given: those of nodes that stay, and an error if a new one has none.
            let reweighed = |had: &&Node| {
                let has = cluster.find(had.id).map_or(0, |node| cluster.share(node));
                had.share() > 0 && has > 0 && had.share() != has
            };
            if let Some(node) = self.cluster.nodes().iter().find(reweighed) {
                return Err(PlacementError::PointsGiven { id: node.id });
            }
            let kept = self.points.iter().map(|(position, node)| (position, self.cluster.id(node)));
            let kept: Vec<_> = kept.filter(|(_, id)| cluster.find(*id).is_some()).collect();
            *self = Self::of_points(cluster, self.hash, kept)?;
            return Ok(());
        };
        let counts = counts(&cluster, vnodes)?;
        let hash = self.hash;
        // What each old node is now, the points that go, and those that come.
        let mut now = alloc::vec![None; self.cluster.len()];
        let mut go = Vec::new();
        let mut come = Vec::new();
        let count = |node: &Node| vnodes.count(node.share()) as u32;
        let nodes = |cluster: &Cluster| (0..cluster.len() as u32).map(NodeIx).peekable();
        let (mut olds, mut news) = (nodes(&self.cluster), nodes(&cluster));
        // Both are sorted by identity.
        loop {
            let old = olds.peek().and_then(|old| Some((*old, self.cluster.node(*old)?)));
            let new = news.peek().and_then(|new| Some((*new, cluster.node(*new)?)));
            match (old, new) {
                (Some((old, had)), Some((new, has))) if had.id == has.id => {
                    if let Some(now) = now.get_mut(old.at()) {
                        *now = Some(new);
                    }
                    if had.share() != has.share() {
                        go.extend(points_of(had.id, count(has)..count(had), hash).map(|at| (at, old)));
                        come.extend(points_of(has.id, count(had)..count(has), hash).map(|at| (at, new)));
                    }
                    olds.next();
                    news.next();
                }
                (Some((old, had)), has) if has.is_none_or(|(_, has)| had.id < has.id) => {
                    go.extend(points_of(had.id, 0..count(had), hash).map(|at| (at, old)));
                    olds.next();
                }
                (_, Some((new, has))) => {
                    come.extend(points_of(has.id, 0..count(has), hash).map(|at| (at, new)));
                    news.next();
                }
                _ => break,
            }
        }
        if self.points.splice(&cluster, &now, go, come).is_none() {
            self.points = Points::build(&cluster, total(&counts), || each_point(&cluster, &counts, hash));
        }
        self.cluster = cluster;
        Ok(())
    }

    /// The points, ascending, each with the node that it belongs to.
    pub fn points(&self) -> impl Iterator<Item = (u64, NodeId)> + '_ {
        self.points.iter().map(|(position, node)| (position, self.cluster.id(node)))
    }

    /// This ring with its copies worked out ahead. `O(points)`, some 20 to 40 ns for each.
    ///
    /// # Errors
    /// If the cluster has too few nodes or failure domains for it: [`Spread::check`] asks beforehand.
    pub fn replicated(self, spread: Spread) -> Result<Replicated, Infeasible> {
        Replicated::new(self, spread)
    }

    /// How many points there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there is no point: never.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.points.len() == 0
    }

    /// Bytes that the points take: 15 to 16 for each where nodes have 18 or more, and 128 to 256 for each node where they have fewer.
    /// Points that nobody has scattered stand behind their lines, and take up to 16 bytes more each.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.points.bytes()
    }
}

impl Placement for Ring {
    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn hash_fn(&self) -> HashFn {
        self.hash
    }

    #[inline]
    fn place(&self, position: u64) -> NodeIx {
        self.points.place(position)
    }

    /// The owners of the points clockwise from the position.
    #[inline]
    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        self.points.from(position)
    }
}

impl Ranges for Ring {
    fn ranges(&self) -> impl Iterator<Item = (u64, NodeIx)> + '_ {
        self.points.ranges()
    }
}

fn check_size(wanted: u128) -> Result<(), PlacementError> {
    if wanted > u128::from(POINTS_MAX) {
        return Err(PlacementError::TooLarge { what: "points", wanted, max: POINTS_MAX });
    }
    Ok(())
}

/// How many points each node gets.
fn counts(cluster: &Cluster, vnodes: Vnodes) -> Result<Vec<u32>, PlacementError> {
    if cluster.owning() == 0 {
        return Err(PlacementError::Nobody);
    }
    check_size(cluster.nodes().iter().map(|node| vnodes.count(node.share())).sum())?;
    Ok(cluster.nodes().iter().map(|node| vnodes.count(node.share()) as u32).collect())
}

fn total(counts: &[u32]) -> usize {
    counts.iter().map(|count| *count as usize).sum()
}

fn each_point<'a>(
    cluster: &'a Cluster,
    counts: &'a [u32],
    hash: HashFn,
) -> impl Iterator<Item = (u64, NodeIx)> + 'a {
    let nodes = (0..).map(NodeIx).zip(cluster.ids().iter().zip(counts));
    nodes.flat_map(move |(node, (id, count))| points_of(*id, 0..*count, hash).map(move |point| (point, node)))
}

/// The positions of some of a node's points: a SplitMix64 sequence that begins at the hash of its identity.
fn points_of(id: NodeId, which: core::ops::Range<u32>, hash: HashFn) -> impl Iterator<Item = u64> {
    let base = hash.seed_of(id);
    which.map(move |point| SplitMix64::mix(base.wrapping_add((u64::from(point) + 1).wrapping_mul(GOLDEN))))
}
