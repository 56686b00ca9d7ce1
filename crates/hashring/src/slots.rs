//! Fixed slots: far more of them than nodes, and a table that says whose each is. What moves is planned, slot by slot.

use crate::placement::{Placement, everybody};
use crate::{Cluster, HashFn, NodeIx, PlacementError, Ranges};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use synod_core::{Entropy, NodeId, SplitMix64};

/// The most slots that a table may have.
pub const SLOTS_MAX: u32 = 1 << 26;

/// A slot: an index into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Slot(pub u32);

/// A fixed number of slots of equal width, each owned by one node: Redis Cluster, Riak, Couchbase, Elasticsearch.
///
/// The slots never change; [`rebalanced`](Self::rebalanced) moves as few as possible when the nodes do. Each node owns its quota, its
/// part of the weight times the number of slots, rounded down or up. The table is state: it depends on how the cluster came about, so
/// it is kept and sent, not computed anew.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Cluster, HashFn, Node, Placement, Slots};
///
/// let slots = Slots::new(Cluster::equal(10), 1024, HashFn::default())?;
/// let more = slots.rebalanced(slots.cluster().with(Node::new(NodeId(11)))?)?;
/// let moved = slots.table().zip(more.table()).filter(|(old, new)| old != new).count();
/// assert_eq!(moved, 93);                                        // 1024 / 11: what the new node gets, and nothing else
/// assert!(more.counts().iter().all(|slots| (93..=94).contains(slots)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slots {
    cluster: Cluster,
    hash: HashFn,
    table: Vec<NodeIx>,
}

impl Slots {
    /// A table of so many slots that gives each node its quota, in an order that looks random and depends on nothing but the arguments.
    ///
    /// # Errors
    /// If nobody may own a slot, if there are fewer slots than nodes that may own one, or more than [`SLOTS_MAX`].
    pub fn new(cluster: Cluster, count: u32, hash: HashFn) -> Result<Self, PlacementError> {
        check(&cluster, count)?;
        let quotas = quotas(&cluster, count, &alloc::vec![0; cluster.len()]);
        let mut table = Vec::with_capacity(count as usize);
        for (node, quota) in (0..).map(NodeIx).zip(&quotas) {
            table.extend(core::iter::repeat_n(node, *quota as usize));
        }
        let mut dice = SplitMix64::new(u64::from(count));
        for at in (1..table.len()).rev() {
            let other = dice.below(at as u64 + 1) as usize;
            table.swap(at, other);
        }
        Ok(Self { cluster, hash, table })
    }

    /// The table as somebody else has filled it: slot `i` belongs to the `i`-th of these nodes.
    ///
    /// # Errors
    /// If a node is not in the cluster or may own nothing, if there is no slot, or there are more than [`SLOTS_MAX`]. Nodes without any
    /// slot are legal.
    pub fn assigned(
        cluster: Cluster,
        hash: HashFn,
        owners: impl IntoIterator<Item = NodeId>,
    ) -> Result<Self, PlacementError> {
        let owner = |id| {
            let node = cluster.find(id).filter(|node| cluster.share(*node) > 0);
            node.ok_or(PlacementError::Stranger { what: "slots", id })
        };
        let table = owners.into_iter().map(owner).collect::<Result<Vec<_>, _>>()?;
        if table.is_empty() || table.len() > SLOTS_MAX as usize {
            return Err(PlacementError::Range {
                what: "the number of slots",
                given: table.len() as u64,
                min: 1,
                max: SLOTS_MAX.into(),
            });
        }
        Ok(Self { cluster, hash, table })
    }

    /// The same slots among other nodes, with as few of them moved as quotas allow. `O(slots + nodes log nodes)`.
    ///
    /// A node keeps what it has up to its quota; what rounding leaves over goes to those that have it already. So no table in which every
    /// node has its quota, rounded down or up, is fewer moves away.
    ///
    /// # Errors
    /// As [`Slots::new`].
    pub fn rebalanced(&self, cluster: Cluster) -> Result<Self, PlacementError> {
        let count = self.count();
        check(&cluster, count)?;
        let stays: Vec<_> = self.cluster.ids().iter().map(|id| cluster.find(*id)).collect();
        let mut table: Vec<_> = self.table.iter().map(|old| stays.get(old.at()).copied().flatten()).collect();
        let mut has = alloc::vec![0; cluster.len()];
        for node in table.iter().flatten() {
            if let Some(has) = has.get_mut(node.at()) {
                *has += 1;
            }
        }
        let quotas = quotas(&cluster, count, &has);
        // Who has too many gives those that come first in an order that mixes the table.
        for slot in shuffled(count) {
            let Some(place) = table.get_mut(slot as usize) else { continue };
            let Some(node) = *place else { continue };
            if let (Some(has), Some(quota)) = (has.get_mut(node.at()), quotas.get(node.at()))
                && *has > *quota
            {
                *has -= 1;
                *place = None;
            }
        }
        let mut takers = (0..)
            .map(NodeIx)
            .zip(has.iter().zip(&quotas))
            .flat_map(|(node, (has, quota))| core::iter::repeat_n(node, quota.saturating_sub(*has) as usize));
        for slot in shuffled(count) {
            if let Some(place) = table.get_mut(slot as usize)
                && place.is_none()
            {
                *place = takers.next();
            }
        }
        drop(takers);
        // The quotas add up to the number of slots, so that there is a taker for each.
        let fallback = cluster.owners().next().unwrap_or(NodeIx(0));
        let table = table.into_iter().map(|place| place.unwrap_or(fallback)).collect();
        Ok(Self { cluster, hash: self.hash, table })
    }

    /// How many slots there are.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.table.len() as u32
    }

    /// The owner of each slot.
    pub fn table(&self) -> impl ExactSizeIterator<Item = NodeId> + Clone + '_ {
        self.table.iter().map(|node| self.cluster.id(*node))
    }

    /// How many slots each node of the cluster owns.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        let mut counts = alloc::vec![0; self.cluster.len()];
        for node in &self.table {
            if let Some(count) = counts.get_mut(node.at()) {
                *count += 1;
            }
        }
        counts
    }

    /// The slot of a position.
    #[inline]
    #[must_use]
    pub const fn slot(&self, position: u64) -> Slot {
        Slot(scale(position, self.table.len() as u32))
    }

    /// The owner of a slot; `None` for a number that no slot has.
    #[must_use]
    pub fn owner_of_slot(&self, slot: Slot) -> Option<NodeId> {
        self.table.get(slot.0 as usize).map(|node| self.cluster.id(*node))
    }

    /// The positions of a slot. `None` for a number that no slot has.
    #[must_use]
    pub fn range(&self, slot: Slot) -> Option<RangeInclusive<u64>> {
        (slot.0 < self.count()).then(|| range_of(slot.0, self.count()))
    }

    /// The same table with this slot given to another node.
    ///
    /// # Errors
    /// If there is no such slot, or the node may not own one.
    pub fn moved(mut self, slot: Slot, to: NodeId) -> Result<Self, PlacementError> {
        let stranger = PlacementError::Stranger { what: "slots", id: to };
        let node = self.cluster.find(to).filter(|node| self.cluster.share(*node) > 0).ok_or(stranger)?;
        let max = u64::from(self.count()).saturating_sub(1);
        let place = self.table.get_mut(slot.0 as usize);
        *place.ok_or(PlacementError::Range { what: "the slot", given: slot.0.into(), min: 0, max })? = node;
        Ok(self)
    }
}

impl Placement for Slots {
    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn hash_fn(&self) -> HashFn {
        self.hash
    }

    #[inline]
    fn place(&self, position: u64) -> NodeIx {
        self.table.get(self.slot(position).0 as usize).copied().unwrap_or(NodeIx(u32::MAX))
    }

    /// The owners of the slots that follow, then whoever has no slot.
    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        let slot = self.slot(position).0;
        let (before, from) = self.table.split_at(slot as usize);
        let rest = everybody(&self.cluster, SplitMix64::mix(slot.into()));
        from.iter().chain(before).copied().chain(rest)
    }
}

impl Ranges for Slots {
    fn ranges(&self) -> impl Iterator<Item = (u64, NodeIx)> + '_ {
        (0..).zip(&self.table).map(|(slot, node)| (*range_of(slot, self.count()).end(), *node))
    }
}

/// Which of `parts` parts of equal width a position is in. Never as large as `parts`, unless that is 0.
#[inline]
pub(crate) const fn scale(position: u64, parts: u32) -> u32 {
    ((position as u128 * parts as u128) >> 64) as u32
}

/// The positions that [`scale`] puts into this part.
pub(crate) fn range_of(part: u32, parts: u32) -> RangeInclusive<u64> {
    let first = |part: u32| ((part as u128) << 64).div_ceil(parts as u128);
    first(part) as u64..=(first(part + 1) - 1) as u64
}

fn check(cluster: &Cluster, count: u32) -> Result<(), PlacementError> {
    if cluster.owning() == 0 {
        return Err(PlacementError::Nobody);
    }
    if count > SLOTS_MAX {
        return Err(PlacementError::TooLarge { what: "slots", wanted: count.into(), max: SLOTS_MAX.into() });
    }
    if count < cluster.owning() {
        let (size, nodes) = (count.into(), cluster.owning().into());
        return Err(PlacementError::TooSmall { what: "slots", size, nodes });
    }
    Ok(())
}

/// How many slots each node is to own: its part of the weight, rounded down or up. What rounding down leaves over goes first to
/// nodes that have more than that already, then to the greatest fractions, then to the lowest identities.
fn quotas(cluster: &Cluster, count: u32, has: &[u64]) -> Vec<u64> {
    let total = u128::from(cluster.weight()).max(1);
    let exact = |weight: u64| u128::from(weight) * u128::from(count);
    let mut quotas: Vec<_> =
        cluster.nodes().iter().map(|node| (exact(node.share()) / total) as u64).collect();
    let left = u64::from(count).saturating_sub(quotas.iter().sum());
    // Ascending by (does not have it, the rest negated, identity).
    let mut by_claim: BTreeMap<(bool, u128, usize), usize> = BTreeMap::new();
    for (at, (node, quota)) in cluster.nodes().iter().zip(&quotas).enumerate() {
        let rest = exact(node.share()) % total;
        if rest > 0 {
            let has = has.get(at).is_some_and(|has| has > quota);
            by_claim.insert((!has, total - rest, at), at);
        }
    }
    for at in by_claim.into_values().take(left as usize) {
        if let Some(quota) = quotas.get_mut(at) {
            *quota += 1;
        }
    }
    quotas
}

/// Every number below `count`, in an order that looks random: a walk with a step that shares no factor with it.
fn shuffled(count: u32) -> impl Iterator<Item = u32> {
    let count = u64::from(count);
    let mut step = (count * 618_034 / 1_000_000) | 1;
    while gcd(step, count) != 1 {
        step += 2;
    }
    (0..count).map(move |at| ((at * step) % count) as u32)
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
