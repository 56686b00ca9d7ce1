//! Hashes of a number of buckets: no table at all, exactly even, and only the last bucket can go.

use crate::hash::GOLDEN;
use crate::placement::{Placement, again};
use crate::{Cluster, HashFn, Node, NodeIx, PlacementError};
use alloc::vec::Vec;
use core::hint::select_unpredictable;
use synod_core::{NodeId, SplitMix64};

/// Jump consistent hash (Lamping and Veach 2014): the bucket of a hash among `buckets`, as the C++ of the paper computes it, and whoever
/// has copied that. `O(log buckets)`; 0 where there are no buckets. Guava rounds otherwise, and has another bucket for a hash now and then:
/// [`compat::guava`](crate::compat::guava).
///
/// ```
/// assert_eq!(synod_hashring::jump(10863919174838991, 11), 6);
/// ```
#[must_use]
pub fn jump(mut hash: u64, buckets: u32) -> u32 {
    // Signed, which is what processors convert to floating point and back.
    let (mut bucket, mut next) = (0_i64, 0_i64);
    while next < i64::from(buckets) {
        bucket = next;
        hash = hash.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        // Floating point as published: one division and one product of doubles, which IEEE 754 rounds alike everywhere.
        let quotient = (1_u64 << 31) as f64 / ((hash >> 33) as i64 + 1) as f64;
        next = ((bucket + 1) as f64 * quotient) as i64;
    }
    bucket as u32
}

/// JumpBackHash (Ertl 2024): as [`jump`] in what it promises, in constant expected time and integers alone. The same numbers as
/// hash4j with SplitMix64.
///
/// ```
/// assert_eq!(synod_hashring::jump_back(0x7f74_87ee_708c_8a96, 3), 1);
/// ```
#[inline(always)]
#[must_use]
pub fn jump_back(hash: u64, buckets: u32) -> u32 {
    if buckets <= 1 {
        return 0;
    }
    let width = u32::MAX >> (buckets - 1).leading_zeros();
    let state = hash.wrapping_add(GOLDEN);
    let first = SplitMix64::mix(state);
    // Each bit that is set stands for a power of two at which the hash may have moved for the last time: the highest first.
    let active = (first ^ (first >> 32)) as u32 & width;
    let halves = first.rotate_right((active.count_ones() & 1) * 32);
    let (last, least) = move_at(active, halves as u32);
    // Where the buckets nearly fill their power of two, this is the answer nearly always. Elsewhere nobody can foresee whether it is: the first
    // two draws and the move before are reckoned in any case, and chosen among without a branch.
    let nearly_full = width - (buckets - 1) <= width / 8;
    if nearly_full && last < buckets {
        return last;
    }
    let (before, _) = move_at(active ^ least, (halves >> 32) as u32);
    let state = state.wrapping_add(GOLDEN);
    let [low, high] = draws(state, least);
    let drawn = select_unpredictable(low < buckets, low, high);
    let drawn = select_unpredictable(drawn < least, before, drawn);
    let bucket = select_unpredictable(last < buckets, last, drawn);
    if bucket < buckets { bucket } else { draw_on(state, least, buckets).unwrap_or(before) }
}

/// Where a hash moved at the highest of these powers of two, and that power; bucket 0 where there is none.
#[inline]
const fn move_at(active: u32, bits: u32) -> (u32, u32) {
    let least = (1 << 31) >> (active | 1).leading_zeros();
    ((active & least) + (bits & (least - 1)), least)
}

/// The two draws of a turn.
#[inline]
const fn draws(state: u64, least: u32) -> [u32; 2] {
    let (more, mask) = (SplitMix64::mix(state), (least - 1) * 2 + 1);
    [more as u32 & mask, (more >> 32) as u32 & mask]
}

/// Goes on where two draws were too high; `None` as soon as one is below the power of two.
#[cold]
fn draw_on(mut state: u64, least: u32, buckets: u32) -> Option<u32> {
    loop {
        state = state.wrapping_add(GOLDEN);
        if let Some(drawn) = draws(state, least).into_iter().find(|drawn| *drawn < buckets) {
            return (drawn >= least).then_some(drawn);
        }
    }
}

/// Which node each bucket is, the first bucket first. All of one weight.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Buckets {
    pub(crate) nodes: Vec<NodeIx>,
}

impl Buckets {
    /// In this order, which names every node that may own keys exactly once.
    pub(crate) fn of(
        cluster: &Cluster,
        order: impl IntoIterator<Item = NodeId>,
        algorithm: &'static str,
    ) -> Result<Self, PlacementError> {
        if cluster.owning() == 0 {
            return Err(PlacementError::Nobody);
        }
        check_weights(cluster, algorithm)?;
        let mut nodes = Vec::with_capacity(cluster.len());
        let mut seen = alloc::vec![false; cluster.len()];
        let owning = u64::from(cluster.owning());
        for id in order {
            let node = cluster.find(id).filter(|node| cluster.share(*node) > 0);
            let node = node.ok_or(PlacementError::Stranger { what: "a bucket", id })?;
            match seen.get_mut(node.at()) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(PlacementError::Order { named: nodes.len() as u64 + 1, owning }),
            }
            nodes.push(node);
        }
        if nodes.len() as u64 != owning {
            return Err(PlacementError::Order { named: nodes.len() as u64, owning });
        }
        Ok(Self { nodes })
    }

    #[inline]
    pub(crate) fn node(&self, bucket: u32) -> NodeIx {
        self.nodes.get(bucket as usize).copied().unwrap_or(NodeIx(0))
    }
}

/// Algorithms without weights take nodes of one weight, whatever that is.
pub(crate) fn check_weights(cluster: &Cluster, algorithm: &'static str) -> Result<(), PlacementError> {
    let weight = cluster.owners().next().map_or(1, |node| cluster.share(node));
    match cluster.owners().find(|node| cluster.share(*node) != weight) {
        Some(node) => {
            let (id, weight) = (cluster.id(node), cluster.share(node));
            Err(PlacementError::Weighted { algorithm, id, weight })
        }
        None => Ok(()),
    }
}

macro_rules! stack {
    ($(#[$doc:meta])* $name:ident, $function:path, $label:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            cluster: Cluster,
            hash: HashFn,
            buckets: Buckets,
        }

        impl $name {
            /// Bucket 0 is the node with the lowest identity, and so on.
            ///
            /// # Errors
            /// If nobody may own a key, or their weights differ.
            pub fn new(cluster: Cluster, hash: HashFn) -> Result<Self, PlacementError> {
                let order: Vec<_> = cluster.owners().map(|node| cluster.id(node)).collect();
                Self::in_order(cluster, order, hash)
            }

            /// The buckets are these nodes, in the order in which they have joined.
            ///
            /// # Errors
            /// If nobody may own a key, their weights differ, or not each node that may own keys is named exactly once.
            pub fn in_order(
                cluster: Cluster,
                order: impl IntoIterator<Item = NodeId>,
                hash: HashFn,
            ) -> Result<Self, PlacementError> {
                let buckets = Buckets::of(&cluster, order, $label)?;
                Ok(Self { cluster, hash, buckets })
            }

            /// The nodes in the order of their buckets.
            pub fn order(&self) -> impl DoubleEndedIterator<Item = NodeId> + '_ {
                self.buckets.nodes.iter().map(|node| self.cluster.id(*node))
            }

            /// With one node more, as the last bucket if it may own keys.
            ///
            /// # Errors
            /// If it is there already, or its weight is neither 0 nor that of the others.
            pub fn with(&self, node: Node) -> Result<Self, PlacementError> {
                let id = node.id;
                self.become_of(self.cluster.with(node)?, id)
            }

            /// Without one of its nodes, which is that of the last bucket or has none.
            ///
            /// # Errors
            /// If it is another node, or the only one that may own keys.
            pub fn without(&self, id: NodeId) -> Result<Self, PlacementError> {
                self.become_of(self.cluster.without(id)?, id)
            }

            /// With another description of a node. Only that of the last bucket may drain or weigh nothing from now on; one that did and
            /// does not any more has the last bucket.
            ///
            /// # Errors
            /// If there is no such node, or as [`with`](Self::with) and [`without`](Self::without).
            pub fn changed(&self, node: Node) -> Result<Self, PlacementError> {
                let id = node.id;
                self.become_of(self.cluster.changed(node)?, id)
            }

            /// Of a cluster that differs in this node alone.
            fn become_of(&self, cluster: Cluster, id: NodeId) -> Result<Self, PlacementError> {
                let had = self.order().any(|other| other == id);
                let has = cluster.find(id).is_some_and(|node| cluster.share(node) > 0);
                match self.order().next_back() {
                    Some(last) if had && !has && last != id => {
                        Err(PlacementError::NotTheLast { algorithm: $label, id, last })
                    }
                    _ => {
                        let order = self.order().filter(|other| has || *other != id);
                        let order = order.chain((has && !had).then_some(id));
                        Self::in_order(cluster, order, self.hash)
                    }
                }
            }
        }

        impl Placement for $name {
            fn cluster(&self) -> &Cluster {
                &self.cluster
            }

            fn hash_fn(&self) -> HashFn {
                self.hash
            }

            #[inline(always)]
            fn place(&self, position: u64) -> NodeIx {
                self.buckets.node($function(position, self.buckets.nodes.len() as u32))
            }

            fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
                again(&self.cluster, position, |hash| self.place(hash))
            }
        }
    };
}

stack! {
    /// [`jump`] over nodes. Kept for those who must agree with others; [`JumpBack`] promises the same and is quicker.
    ///
    /// ```
    /// use synod_core::NodeId;
    /// use synod_hashring::{Cluster, HashFn, Jump};
    /// let jump = Jump::new(Cluster::equal(5), HashFn::default())?;
    /// assert!(jump.without(NodeId(5)).is_ok());
    /// assert_eq!(
    ///     jump.without(NodeId(2)).unwrap_err().to_string(),
    ///     "jump can lose its last node alone, which is n5, not n2: use Dx, Memento or Anchor",
    /// );
    /// # Ok::<(), synod_hashring::PlacementError>(())
    /// ```
    Jump, jump, "jump"
}

stack! {
    /// [`jump_back`] over nodes: the quickest placement for a cluster that grows and shrinks at one end.
    ///
    /// ```
    /// use synod_hashring::{Cluster, HashFn, JumpBack, KeysDiff, Node};
    /// use synod_core::NodeId;
    /// let ten = JumpBack::new(Cluster::equal(10), HashFn::default())?;
    /// let eleven = ten.with(Node::new(NodeId(11)))?;
    /// let diff = KeysDiff::between(&ten, &eleven, (0..1100).map(|key| HashFn::default().hash_u64(key)));
    /// assert_eq!(diff.excess(), 0);
    /// # Ok::<(), synod_hashring::PlacementError>(())
    /// ```
    JumpBack, jump_back, "JumpBack"
}
