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
        Self { inner, bound, loads, total: 0 }
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

    /// Gives the key to the first candidate with room. Expected `O(1/ε²)` candidates for a bound of 1 + ε.
    ///
    /// # Errors
    /// If nobody has room, with [`Bound::Keys`] alone.
    pub fn assign(&mut self, position: u64) -> Result<NodeId, Overloaded> {
        let total = self.total.saturating_add(1);
        let cluster = self.inner.cluster();
        // A candidate comes again and again; each node needs to be asked once, and a full one is full. Whoever has room is
        // found, because every node is among the candidates.
        let has_room = |node: &NodeIx| {
            self.loads.get(node.at()).is_some_and(|load| u128::from(*load) < self.limit(*node, total))
        };
        let node = self.inner.candidates(position).find(has_room);
        let node = node.ok_or(Overloaded { load: self.total, nodes: cluster.owning() })?;
        let id = cluster.id(node);
        if let Some(load) = self.loads.get_mut(node.at()) {
            *load += 1;
            self.total = total;
        }
        Ok(id)
    }

    /// A key that this node carried is gone. `false` if it carried none.
    pub fn release(&mut self, id: NodeId) -> bool {
        let load = self.inner.cluster().find(id).and_then(|node| self.loads.get_mut(node.at()));
        match load {
            Some(load) if *load > 0 => {
                *load -= 1;
                self.total -= 1;
                true
            }
            _ => false,
        }
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
