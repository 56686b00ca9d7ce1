//! DxHash (Dong and Wang 2021): a fixed number of buckets, a sequence of them for each key, and the first one in use.

use super::{Names, check_capacity, set_of_buckets};
use crate::hash::GOLDEN;
use crate::placement::{Placement, again};
use crate::slots::scale;
use crate::{Cluster, HashFn, Node, NodeIx, PlacementError};
use alloc::vec::Vec;
use synod_core::{NodeId, SplitMix64};

/// A set of at most `capacity` buckets, of which any may go and come back in any order: who owns what depends on the set in use alone.
///
/// A node keeps its bucket while it is away or drains, unless the room is needed: a node that comes takes its own, else the first that was
/// never used, else the first that is free. A look-up takes `capacity / nodes` steps on average: take a
/// capacity of one and a half to two times the nodes that are to be expected.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Cluster, Dx, HashFn, Node, Placement};
///
/// let before = Dx::new(Cluster::equal(10), 16, HashFn::default())?;
/// let mut after = before.clone();
/// for gone in [3, 8, 1] { after.remove(NodeId(gone))?; }
/// for back in [3, 8, 1] { after.add(Node::new(NodeId(back)))?; }      // not the order in which a stack would want them
/// assert!((0..1000).all(|key| before.owner(key) == after.owner(key)));
/// # Ok::<(), synod_hashring::PlacementError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dx {
    cluster: Cluster,
    hash: HashFn,
    names: Names,
    used: Vec<bool>,
}

/// After so many steps for each bucket a key goes through the buckets one by one. Even with a single one in use, one key in e⁶⁴ comes so
/// far; sooner, the bucket behind a long row of free ones would get the keys of all of them.
const STEPS: u64 = 64;

impl Dx {
    /// Buckets in the order of identities, with room for `capacity` in all.
    ///
    /// # Errors
    /// If nobody may own a key, weights differ, or the capacity is below the number of nodes or above 2²⁴.
    pub fn new(cluster: Cluster, capacity: u32, hash: HashFn) -> Result<Self, PlacementError> {
        check_capacity(&cluster, capacity, "Dx")?;
        let names = Names::new(&cluster, capacity as usize);
        let used = names.ids.iter().map(Option::is_some).collect();
        Ok(Self { cluster, hash, names, used })
    }

    /// Gives the node its bucket if it had one, else the first that was never used, else the first that is free.
    fn occupy(&mut self, id: NodeId) -> Result<(), PlacementError> {
        let fresh = || self.names.ids.iter().position(Option::is_none).map(|bucket| bucket as u32);
        let free = || self.used.iter().position(|used| !used).map(|bucket| bucket as u32);
        let bucket = self.names.bucket(id).or_else(fresh).or_else(free);
        let bucket = bucket.ok_or(PlacementError::Full { capacity: self.used.len() as u64 })?;
        self.names.set(bucket, Some(id));
        self.switch(bucket, true);
        Ok(())
    }

    fn vacate(&mut self, id: NodeId) {
        if let Some(bucket) = self.names.bucket(id) {
            self.switch(bucket, false);
        }
    }

    fn switch(&mut self, bucket: u32, on: bool) {
        if let Some(used) = self.used.get_mut(bucket as usize) {
            *used = on;
        }
    }

    #[inline]
    fn is_used(&self, bucket: u32) -> bool {
        self.used.get(bucket as usize) == Some(&true)
    }
}

set_of_buckets!(Dx);

impl Placement for Dx {
    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn hash_fn(&self) -> HashFn {
        self.hash
    }

    #[inline]
    fn place(&self, position: u64) -> NodeIx {
        let capacity = self.used.len() as u32;
        let mut state = position;
        for _ in 0..STEPS * u64::from(capacity) {
            state = state.wrapping_add(GOLDEN);
            let bucket = scale(SplitMix64::mix(state), capacity);
            if self.is_used(bucket) {
                return self.names.node(bucket);
            }
        }
        let start = scale(position, capacity);
        let bucket = (start..capacity).chain(0..start).find(|bucket| self.is_used(*bucket));
        self.names.node(bucket.unwrap_or(0))
    }

    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        again(&self.cluster, position, |hash| self.place(hash))
    }
}
