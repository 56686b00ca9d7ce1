//! AnchorHash (Mendelson, Vargaftik, Barabash, Lorenz, Keslassy and Orda 2020), the in-place variant.

use super::{Names, check_capacity, set_of_buckets};
use crate::hash::GOLDEN;
use crate::placement::{Placement, again};
use crate::slots::scale;
use crate::{Cluster, HashFn, Node, NodeIx, PlacementError};
use alloc::vec::Vec;
use core::hint::select_unpredictable;
use synod_core::{NodeId, SplitMix64};

/// A set of at most `capacity` buckets. Any node may go, and its keys spread evenly over those that are left; a node that comes takes
/// the bucket that became free last, and what belongs there comes back.
///
/// So who owns what depends on the order of departures: processes that are to agree replay the same changes in the same order. Nodes that
/// return in the reverse order each get their own keys back. In any other order they exchange theirs as a whole: the keys of one that
/// had gone are another's, and those of nodes that had stayed are where they were. Where that is not wanted, take
/// [`Dx`](super::Dx). A look-up takes `(1 + ln(capacity / nodes))²` steps at most, on average.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Anchor, Cluster, HashFn, KeysDiff, Node};
///
/// let old = Anchor::new(Cluster::equal(10), 20, HashFn::default())?;
/// let mut new = old.clone();
/// new.remove(NodeId(4))?;
/// let keys = || (0..1000).map(|key| HashFn::default().hash_u64(key));
/// assert!(KeysDiff::between(&old, &new, keys()).moves.iter().all(|(_, from, _)| *from == NodeId(4)));
/// new.add(Node::new(NodeId(4)))?;
/// assert_eq!(KeysDiff::between(&old, &new, keys()).moves, []);
/// # Ok::<(), synod_hashring::PlacementError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Anchor {
    cluster: Cluster,
    hash: HashFn,
    names: Names,
    /// The paper's A: 0 for a bucket in use, else how many were in use when it had gone.
    gone: Vec<u32>,
    /// Its W, L and K: the buckets in use, where each is among them, and who took the place of each.
    used: Vec<u32>,
    place: Vec<u32>,
    heir: Vec<u32>,
    /// Its R: the free buckets, the last to go at the end.
    free: Vec<u32>,
}

impl Anchor {
    /// Buckets in the order of identities, with room for `capacity` in all.
    ///
    /// # Errors
    /// If nobody may own a key, weights differ, or the capacity is below the number of nodes or above 2²⁴.
    pub fn new(cluster: Cluster, capacity: u32, hash: HashFn) -> Result<Self, PlacementError> {
        check_capacity(&cluster, capacity, "Anchor")?;
        let names = Names::new(&cluster, capacity as usize);
        let all: Vec<u32> = (0..capacity).collect();
        let nodes = cluster.owning();
        // What has never been in use counts as gone, the highest first.
        let gone = all.iter().map(|bucket| if *bucket < nodes { 0 } else { *bucket }).collect();
        let free = (nodes..capacity).rev().collect();
        Ok(Self { cluster, hash, names, gone, used: all.clone(), place: all.clone(), heir: all, free })
    }

    /// Gives the node the bucket that became free last.
    fn occupy(&mut self, id: NodeId) -> Result<(), PlacementError> {
        let capacity = self.gone.len() as u64;
        let bucket = self.free.pop().ok_or(PlacementError::Full { capacity })?;
        let before = get(&self.gone, bucket);
        set(&mut self.gone, bucket, 0);
        let last = get(&self.used, before);
        set(&mut self.place, last, before);
        let hole = get(&self.place, bucket);
        set(&mut self.used, hole, bucket);
        set(&mut self.heir, bucket, bucket);
        self.names.set(bucket, Some(id));
        Ok(())
    }

    fn vacate(&mut self, id: NodeId) {
        let Some(bucket) = self.names.bucket(id) else { return };
        let left = self.in_use() - 1;
        self.free.push(bucket);
        let last = get(&self.used, left);
        let hole = get(&self.place, bucket);
        set(&mut self.gone, bucket, left);
        set(&mut self.used, hole, last);
        set(&mut self.place, last, hole);
        set(&mut self.heir, bucket, last);
        self.names.set(bucket, None);
    }

    /// The bucket in use that a position comes to from this one.
    fn walk(&self, position: u64, mut bucket: u32) -> u32 {
        loop {
            let when = get(&self.gone, bucket);
            if when == 0 {
                return bucket;
            }
            bucket = share(position, bucket, when);
            // Whoever has gone before is stood for by its heir.
            while get(&self.gone, bucket) >= when {
                bucket = get(&self.heir, bucket);
            }
        }
    }

    fn in_use(&self) -> u32 {
        (self.gone.len() - self.free.len()) as u32
    }
}

set_of_buckets!(Anchor);

/// Who of those that were left when a bucket went has the keys that it had at this position.
#[inline]
fn share(position: u64, bucket: u32, left: u32) -> u32 {
    scale(SplitMix64::mix(position ^ (u64::from(bucket) + 1).wrapping_mul(GOLDEN)), left)
}

#[inline]
fn get(array: &[u32], at: u32) -> u32 {
    array.get(at as usize).copied().unwrap_or(0)
}

fn set(array: &mut [u32], at: u32, value: u32) {
    if let Some(place) = array.get_mut(at as usize) {
        *place = value;
    }
}

impl Placement for Anchor {
    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn hash_fn(&self) -> HashFn {
        self.hash
    }

    #[inline]
    fn place(&self, position: u64) -> NodeIx {
        let first = scale(SplitMix64::mix(position), self.gone.len() as u32);
        // Whether the first bucket is in use nobody can foresee: the second is looked up in any case, and chosen without a branch.
        let when = get(&self.gone, first);
        let second = share(position, first, when);
        let bucket = select_unpredictable(when == 0, first, second);
        self.names.node(if get(&self.gone, bucket) == 0 { bucket } else { self.walk(position, first) })
    }

    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        again(&self.cluster, position, |hash| self.place(hash))
    }
}
