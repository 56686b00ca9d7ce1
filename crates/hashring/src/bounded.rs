//! Bounded loads: nobody gets more than so many times the mean (Mirrokni, Thorup and Zadimoghaddam 2018), on top of any placement.

use crate::placement::Placement;
use crate::{Cluster, NodeIx};
use alloc::vec::Vec;
use synod_core::NodeId;

/// How much a node may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Bound {
    /// So many thousandths of its fair share of the present load, and of the key that is coming; rounded up. 1250 is what HAProxy and
    /// Vimeo use. Below 1000 it counts as 1000. There is always room somewhere.
    Permille(u32),
    /// So many keys for each unit of weight, whatever the load. All may be full.
    Keys(u64),
}

/// Assigns keys to the first of their candidates that has room, and counts.
///
/// Where a key is depends on the load when it came, so that the caller remembers it until it [releases](Self::release) it: connections,
/// sessions, partitions, not look-ups.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Bound, Bounded, Cluster, HashFn, Overloaded, Ring, Vnodes};
///
/// let ring = Ring::new(Cluster::equal(3), Vnodes::each(8), HashFn::default())?;
/// let mut sessions = Bounded::new(&ring, Bound::Permille(1100));
/// for session in 0..300 {
///     sessions.assign(HashFn::default().hash_u64(session))?;
/// }
/// assert!(sessions.loads().iter().all(|load| *load <= 110));
///
/// let mut full = Bounded::new(&ring, Bound::Keys(1));
/// assert!((0..3).all(|key| full.assign(key).is_ok()));
/// assert_eq!(full.assign(3), Err(Overloaded { load: 3, nodes: 3 }));      // not lost: told
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bounded<P> {
    inner: P,
    bound: Bound,
    loads: Vec<u64>,
    total: u64,
    /// How many nodes have room. Kept with [`Bound::Keys`] alone; otherwise somebody always has.
    open: u32,
    /// In which assignment each node was last found full, and the number of the present one.
    found_full: Vec<u64>,
    assignment: u64,
}

/// Keys that must go from a node when the placement below is replaced: see [`Bounded::rebase`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Displaced {
    /// The node that has them.
    pub from: NodeId,
    /// How many of its keys; which ones is the caller's choice.
    pub keys: u64,
    /// Whether they are all, because the node is gone or drains. They are counted nowhere any more, and need not be released.
    pub all: bool,
}

/// Nobody has room for the key. It has been given to nobody, and nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all {nodes} nodes are full, with {load} keys: turn the key away, release some, or add a node")]
pub struct Overloaded {
    /// How many keys there are.
    pub load: u64,
    /// On how many nodes.
    pub nodes: u32,
}

impl<P: Placement> Bounded<P> {
    /// Nobody carries anything yet.
    pub fn new(inner: P, bound: Bound) -> Self {
        let loads = alloc::vec![0; inner.cluster().len()];
        Self::carrying(inner, bound, loads)
    }

    fn carrying(inner: P, bound: Bound, loads: Vec<u64>) -> Self {
        let found_full = alloc::vec![0; loads.len()];
        let total = loads.iter().sum();
        let mut bounded = Self { inner, bound, loads, total, open: 0, found_full, assignment: 0 };
        let nodes = bounded.inner.cluster().owners();
        bounded.open = nodes.filter(|node| bounded.has_room(*node, total)).count() as u32;
        bounded
    }

    /// The same loads over another placement: the cluster has changed, or the algorithm. Tells which keys must move; no others need to, and
    /// where the new placement prefers other nodes, keys stay where they are.
    ///
    /// Nodes that have gone or drain give all their keys, and nodes that carry more than they may now, with all keys counted, what is beyond
    /// it. The caller chooses which; [releases](Self::release) each that is not of a node which gives all; and [assigns](Self::assign) it
    /// anew. None comes back to where it was, and none moves twice: that is the least, for no node can keep more.
    ///
    /// ```
    /// use synod_hashring::{Bound, Bounded, Cluster, HashFn, Node, Ring, Vnodes};
    /// use synod_core::NodeId;
    ///
    /// let ring = Ring::new(Cluster::equal(3), Vnodes::each(8), HashFn::default())?;
    /// let mut old = Bounded::new(&ring, Bound::Permille(1000));
    /// for session in 0..300 { old.assign(HashFn::default().hash_u64(session))?; }     // 100 on each
    ///
    /// let mut larger = ring.clone();
    /// larger.add(Node::new(NodeId(4)))?;
    /// let (mut new, displaced) = old.rebase(&larger);
    /// assert!(displaced.iter().all(|some| (some.keys, some.all) == (25, false)));      // 75 may stay
    /// for session in 0..25 {
    ///     for some in &displaced {
    ///         new.release(some.from);
    ///         assert_eq!(new.assign(HashFn::default().hash_u64(session))?, NodeId(4));
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rebase<Q: Placement>(self, inner: Q) -> (Bounded<Q>, Vec<Displaced>) {
        let mut loads = alloc::vec![0; inner.cluster().len()];
        let mut displaced = Vec::new();
        for (id, keys) in self.inner.cluster().ids().iter().zip(&self.loads) {
            let stays = inner.cluster().find(*id).filter(|node| inner.cluster().share(*node) > 0);
            match stays.and_then(|node| loads.get_mut(node.at())) {
                Some(load) => *load = *keys,
                None if *keys > 0 => displaced.push(Displaced { from: *id, keys: *keys, all: true }),
                None => {}
            }
        }
        let bounded = Bounded::carrying(inner, self.bound, loads);
        for (node, load) in (0..).map(NodeIx).zip(&bounded.loads) {
            // What is beyond a limit of 64 bits is not there.
            let limit = u64::try_from(bounded.limit(node, self.total)).unwrap_or(u64::MAX);
            let keys = load.saturating_sub(limit);
            if keys > 0 {
                let from = bounded.inner.cluster().id(node);
                displaced.push(Displaced { from, keys, all: false });
            }
        }
        (bounded, displaced)
    }

    /// How much this node may carry once `total` keys are there.
    fn limit(&self, node: NodeIx, total: u64) -> u128 {
        let cluster = self.inner.cluster();
        let share = u128::from(cluster.share(node));
        match self.bound {
            Bound::Keys(keys) => share * u128::from(keys),
            Bound::Permille(permille) => {
                // The fair share, total × share / weight, fits: both factors have 64 bits.
                let (whole, weight) = (u128::from(total) * share, u128::from(cluster.weight()).max(1));
                let permille = u128::from(permille.max(1000));
                let (fair, rest) = (whole / weight, whole % weight);
                fair * permille / 1000
                    + (fair * permille % 1000 * weight + rest * permille).div_ceil(weight * 1000)
            }
        }
    }

    /// Whether this node has room once `total` keys are there.
    fn has_room(&self, node: NodeIx, total: u64) -> bool {
        self.loads.get(node.at()).is_some_and(|load| u128::from(*load) < self.limit(node, total))
    }

    /// Gives the key to the first candidate with room. Expected `O(1/ε²)` candidates for a bound of 1 + ε; `O(1)` if all are full.
    ///
    /// # Errors
    /// If nobody has room, with [`Bound::Keys`] alone.
    pub fn assign(&mut self, position: u64) -> Result<NodeId, Overloaded> {
        let total = self.total.saturating_add(1);
        let overloaded = Overloaded { load: self.total, nodes: self.inner.cluster().owning() };
        if self.open == 0 && matches!(self.bound, Bound::Keys(_)) {
            return Err(overloaded);
        }
        self.assignment += 1;
        // A node comes again and again among the candidates. Whoever has room is found, because every node is among them.
        let mut found = None;
        for node in self.inner.candidates(position) {
            if self.found_full.get(node.at()) == Some(&self.assignment) {
                continue;
            }
            if self.has_room(node, total) {
                found = Some(node);
                break;
            }
            if let Some(full) = self.found_full.get_mut(node.at()) {
                *full = self.assignment;
            }
        }
        let node = found.ok_or(overloaded)?;
        if let Some(load) = self.loads.get_mut(node.at()) {
            *load += 1;
            self.total = total;
        }
        self.open -= u32::from(matches!(self.bound, Bound::Keys(_)) && !self.has_room(node, total));
        Ok(self.inner.cluster().id(node))
    }

    /// A key that this node carried is gone. `false` if it carried none.
    pub fn release(&mut self, id: NodeId) -> bool {
        let Some(node) = self.inner.cluster().find(id) else { return false };
        let was_full = !self.has_room(node, self.total);
        match self.loads.get_mut(node.at()) {
            Some(load) if *load > 0 => *load -= 1,
            _ => return false,
        }
        self.total -= 1;
        let opens = matches!(self.bound, Bound::Keys(_)) && was_full && self.has_room(node, self.total);
        self.open += u32::from(opens);
        true
    }

    /// How many keys each node of the cluster carries.
    #[must_use]
    pub fn loads(&self) -> &[u64] {
        &self.loads
    }

    /// How many keys there are.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The nodes.
    pub fn cluster(&self) -> &Cluster {
        self.inner.cluster()
    }

    /// What decides while there is room.
    pub const fn inner(&self) -> &P {
        &self.inner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HashFn;
    use core::cell::Cell;

    /// Two nodes, the second of which comes after a thousand points of the first; counts the candidates that are asked for.
    struct Long {
        cluster: Cluster,
        asked: Cell<u32>,
    }

    impl Placement for Long {
        fn cluster(&self) -> &Cluster {
            &self.cluster
        }

        fn hash_fn(&self) -> HashFn {
            HashFn::Ordered
        }

        fn place(&self, _: u64) -> NodeIx {
            NodeIx(0)
        }

        fn candidates(&self, _: u64) -> impl Iterator<Item = NodeIx> + '_ {
            let nodes = core::iter::repeat_n(NodeIx(0), 1000).chain([NodeIx(1)]);
            nodes.inspect(|_| self.asked.set(self.asked.get() + 1))
        }
    }

    #[test]
    fn nobody_is_asked_when_all_are_full() {
        let long = Long { cluster: Cluster::equal(2), asked: Cell::new(0) };
        let mut bounded = Bounded::new(&long, Bound::Keys(2));
        assert!((0..4).all(|key| bounded.assign(key).is_ok()));
        long.asked.set(0);
        assert_eq!(bounded.assign(4), Err(Overloaded { load: 4, nodes: 2 }));
        assert_eq!(long.asked.get(), 0);
        // One that was full has room again, and only then.
        assert!(bounded.release(NodeId(2)) && bounded.release(NodeId(2)) && !bounded.release(NodeId(2)));
        assert_eq!([bounded.assign(4), bounded.assign(5)], [Ok(NodeId(2)), Ok(NodeId(2))]);
        assert!(bounded.assign(6).is_err());
        // Too many on one node are no lack of room on the other.
        let small = Long { cluster: Cluster::equal(2), asked: Cell::new(0) };
        let mut uneven = Bounded::carrying(&small, Bound::Keys(2), alloc::vec![9, 1]);
        assert_eq!(uneven.assign(0), Ok(NodeId(2)));
        assert!(uneven.assign(0).is_err());
        assert!((0..7).all(|_| uneven.release(NodeId(1))));
        assert!(uneven.assign(0).is_err());
        assert!(uneven.release(NodeId(1)));
        assert_eq!(uneven.assign(0), Ok(NodeId(1)));
    }
}
