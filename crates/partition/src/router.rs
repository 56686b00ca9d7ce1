//! From a key to the nodes to ask, whatever the partitioning is.

use crate::{Entry, HashRanges, Modulo, PartitionId, PartitionMap, Ranges};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::{Bound, Range};
use synod_core::NodeId;
use synod_hashring::{HashFn, Placement, Slots};

/// How keys become partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// By order: scans ask few partitions, and a run of new keys makes one of them hot.
    Ranges(Ranges<Vec<u8>>),
    /// By ranges of the hash: even, split and merged one by one, and a scan asks everybody.
    HashRanges(HashRanges),
    /// By a fixed number of slots, each a partition of the slot's number.
    Slots(u32, HashFn),
    /// By remainder.
    Modulo(Modulo),
    /// By looking it up: every key has a partition because somebody said so.
    Directory(Directory),
}

/// Directory-based partitioning: a table of keys. It can put any key anywhere, and must be asked each time.
///
/// ```
/// use synod_partition::{Directory, PartitionId};
///
/// let mut tenants = Directory::new(PartitionId(0));
/// tenants.pin(b"big customer", PartitionId(9));
/// assert_eq!(tenants.of(b"big customer"), PartitionId(9));
/// assert_eq!(tenants.of(b"anybody else"), PartitionId(0));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Directory {
    table: BTreeMap<Vec<u8>, PartitionId>,
    others: PartitionId,
}

impl Directory {
    /// An empty one, with the partition of all keys that are not in it.
    #[must_use]
    pub const fn new(others: PartitionId) -> Self {
        Self { table: BTreeMap::new(), others }
    }

    /// Says where a key is. Gives back where it was said to be before.
    pub fn pin(&mut self, key: &[u8], partition: PartitionId) -> Option<PartitionId> {
        self.table.insert(key.to_vec(), partition)
    }

    /// Forgets about a key.
    pub fn unpin(&mut self, key: &[u8]) -> Option<PartitionId> {
        self.table.remove(key)
    }

    /// The partition of a key. `O(log n)`.
    #[must_use]
    pub fn of(&self, key: &[u8]) -> PartitionId {
        self.table.get(key).copied().unwrap_or(self.others)
    }
}

/// A router: a scheme, and what is known of the map.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::HashFn;
/// use synod_partition::{PartitionId, PartitionMap, Router, Scheme};
///
/// let mut map = PartitionMap::default();
/// (0..16).for_each(|slot| { map.set(PartitionId(slot), [NodeId(1 + slot % 3)]); });
/// let router = Router::new(Scheme::Slots(16, HashFn::default()), map);
/// let route = router.route(b"user_123");
/// assert_eq!(route.owners, [NodeId(1 + route.partition.0 % 3)]);
/// assert_eq!(route.epoch, 1);                    // goes along with the request
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    scheme: Scheme,
    map: PartitionMap,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route<'a> {
    /// The key's partition.
    pub partition: PartitionId,
    /// What the router knows it at. The request carries it, so that a server can tell a stale router.
    pub epoch: u64,
    /// The owners, the leader first; nobody where the map does not know the partition.
    pub owners: &'a [NodeId],
}

impl Router {
    /// A router.
    #[must_use]
    pub const fn new(scheme: Scheme, map: PartitionMap) -> Self {
        Self { scheme, map }
    }

    /// A router of fixed slots, with the owners that the table has now, at epoch 1.
    #[must_use]
    pub fn of_slots(slots: &Slots) -> Self {
        let mut map = PartitionMap::default();
        for (slot, owner) in (0..).zip(slots.table()) {
            map.set(PartitionId(slot), [owner]);
        }
        Self::new(Scheme::Slots(slots.count(), slots.hash_fn()), map)
    }

    /// The partition of a key.
    #[must_use]
    pub fn partition(&self, key: &[u8]) -> PartitionId {
        match &self.scheme {
            Scheme::Ranges(ranges) => ranges.of(key),
            Scheme::HashRanges(ranges) => ranges.of(key),
            Scheme::Slots(count, hash) => {
                PartitionId(((u128::from(hash.hash(key)) * u128::from(*count)) >> 64) as u64)
            }
            Scheme::Modulo(modulo) => modulo.of(key),
            Scheme::Directory(directory) => directory.of(key),
        }
    }

    /// Where a request for a key goes. `O(log n)`.
    #[must_use]
    pub fn route(&self, key: &[u8]) -> Route<'_> {
        self.to(self.partition(key))
    }

    /// Where the parts of a scan over `keys` go: to the partitions of these ranges in order, or to all where keys are not kept in order.
    #[must_use]
    pub fn scan(&self, keys: Range<&[u8]>) -> Vec<Route<'_>> {
        match &self.scheme {
            Scheme::Ranges(ranges) if keys.start < keys.end => ranges
                .scan::<[u8], _>((Bound::Included(keys.start), Bound::Excluded(keys.end)))
                .map(|range| self.to(range.id))
                .collect(),
            Scheme::Ranges(_) => Vec::new(),
            _ => {
                let known = self.map.iter().filter(|(_, entry)| !entry.owners.is_empty());
                known.map(|(partition, _)| self.to(partition)).collect()
            }
        }
    }

    fn to(&self, partition: PartitionId) -> Route<'_> {
        let entry = self.map.get(partition);
        Route {
            partition,
            epoch: entry.map_or(0, |entry| entry.epoch),
            owners: entry.map_or(&[], |entry| entry.owners.as_slice()),
        }
    }

    /// The scheme, to split and merge in it.
    pub const fn scheme_mut(&mut self) -> &mut Scheme {
        &mut self.scheme
    }

    /// What is known of the map.
    #[must_use]
    pub const fn map(&self) -> &PartitionMap {
        &self.map
    }

    /// A server has sent a request back with what it knows. Says whether that was news, so that trying again makes sense.
    pub fn learn(&mut self, partition: PartitionId, news: Entry) -> bool {
        self.map.learn(partition, news)
    }

    /// Takes all that is newer in another map.
    pub fn merge(&mut self, map: &PartitionMap) {
        self.map.merge(map);
    }
}
