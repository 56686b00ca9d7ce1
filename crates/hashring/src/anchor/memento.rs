//! MementoHash (Coluzzi, Brocco, Antonucci and Leidi 2023), over JumpBack in place of jump.

use super::{BUCKETS_MAX, Names, check_capacity, set_of_buckets};
use crate::hash::GOLDEN;
use crate::placement::{Placement, again};
use crate::slots::scale;
use crate::{Cluster, HashFn, Node, NodeIx, PlacementError, jump_back};
use alloc::vec::Vec;
use synod_core::{NodeId, SplitMix64};

/// JumpBack from which any node may go: it remembers what has gone, and nothing else. There is no capacity; as long as nobody has left
/// but the last, it is exactly [`JumpBack`](crate::JumpBack).
///
/// A node that comes takes the bucket that became free last, or a new one behind all others. As with [`Anchor`](super::Anchor), who owns
/// what depends on the order of departures, and nodes that return in another order than the reverse exchange their keys as a whole.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Cluster, HashFn, JumpBack, Memento, Node, Placement};
///
/// let plain = JumpBack::new(Cluster::equal(10), HashFn::default())?;
/// let mut memento = Memento::new(Cluster::equal(10), HashFn::default())?;
/// memento.remove(NodeId(3))?;
/// assert!((0..1000).all(|key| {
///     let (old, new) = (plain.owner(key), memento.owner(key));
///     if old == NodeId(3) { new != old } else { new == old }
/// }));
/// memento.add(Node::new(NodeId(3)))?;
/// assert!((0..1000).all(|key| plain.owner(key) == memento.owner(key)));
/// # Ok::<(), synod_hashring::PlacementError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Memento {
    cluster: Cluster,
    hash: HashFn,
    names: Names,
    /// For each bucket how many were in use after it had gone, which is also the bucket that took its place; [`USED`] while it
    /// is in use.
    gone: Vec<u32>,
    /// The buckets that have gone, the last one at the end.
    free: Vec<u32>,
}

const USED: u32 = u32::MAX;

impl Memento {
    /// Buckets in the order of identities.
    ///
    /// # Errors
    /// If nobody may own a key, or weights differ.
    pub fn new(cluster: Cluster, hash: HashFn) -> Result<Self, PlacementError> {
        check_capacity(&cluster, cluster.owning().max(1), "Memento")?;
        let nodes = cluster.owning() as usize;
        let names = Names::new(&cluster, nodes);
        Ok(Self { cluster, hash, names, gone: alloc::vec![USED; nodes], free: Vec::new() })
    }

    /// Gives the node the bucket that became free last, or a new one.
    fn occupy(&mut self, id: NodeId) -> Result<(), PlacementError> {
        match self.free.pop() {
            Some(bucket) => {
                if let Some(gone) = self.gone.get_mut(bucket as usize) {
                    *gone = USED;
                }
                self.names.set(bucket, Some(id));
            }
            None if self.gone.len() < BUCKETS_MAX as usize => {
                self.gone.push(USED);
                self.names.ids.push(Some(id));
            }
            None => return Err(PlacementError::Full { capacity: BUCKETS_MAX.into() }),
        }
        Ok(())
    }

    fn vacate(&mut self, id: NodeId) {
        let Some(bucket) = self.names.bucket(id) else { return };
        if self.free.is_empty() && bucket as usize + 1 == self.gone.len() {
            self.gone.pop();
            self.names.ids.pop();
            return;
        }
        let left = (self.gone.len() - self.free.len() - 1) as u32;
        if let Some(gone) = self.gone.get_mut(bucket as usize) {
            *gone = left;
        }
        self.free.push(bucket);
        self.names.set(bucket, None);
    }

    #[inline]
    fn when(&self, bucket: u32) -> u32 {
        self.gone.get(bucket as usize).copied().unwrap_or(USED)
    }
}

set_of_buckets!(Memento);

impl Placement for Memento {
    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn hash_fn(&self) -> HashFn {
        self.hash
    }

    #[inline]
    fn place(&self, position: u64) -> NodeIx {
        let mut bucket = jump_back(position, self.gone.len() as u32);
        loop {
            let left = self.when(bucket);
            if left == USED {
                return self.names.node(bucket);
            }
            let hash = SplitMix64::mix(position ^ (u64::from(bucket) + 1).wrapping_mul(GOLDEN));
            let mut next = scale(hash, left);
            // Of those that had gone before, the number left was larger: whoever took their place stands for them.
            loop {
                let then = self.when(next);
                if then == USED || then < left {
                    break;
                }
                next = then;
            }
            bucket = next;
        }
    }

    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        again(&self.cluster, position, |hash| self.place(hash))
    }
}
