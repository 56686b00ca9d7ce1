//! From a key to the nodes to ask, whatever the partitioning is.

use crate::map::after;
use crate::span::Overlay;
use crate::{Entry, HashRanges, MapError, Modulo, PartitionId, PartitionMap, Ranges, Routed, Span};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
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

/// A router: a scheme, and what is known of the map. Clients and servers have one each.
///
/// The scheme says where keys were in the beginning. What was split and merged since is in the map's entries, each with the keys that it
/// is about, so a client learns of it where it is redirected, and a server refuses a key that is not in the partition any more.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::HashFn;
/// use synod_partition::{PartitionId, PartitionMap, Ranges, Routed, Router, Scheme};
///
/// let mut map = PartitionMap::default();
/// map.set(PartitionId(1), [NodeId(1)])?;
/// let mut server = Router::new(Scheme::Ranges(Ranges::new(PartitionId(1))), map);
/// let mut client = server.clone();
/// server.split(PartitionId(1), b"m", PartitionId(2))?;
///
/// // The client believes that Zoe is in partition 1 still, and is sent on.
/// let route = client.route(b"zoe");
/// assert_eq!((route.partition, route.epoch), (PartitionId(1), 1));
/// let Routed::Stale { partition, news } = server.check(b"zoe", route.partition, route.epoch, NodeId(1)) else { panic!() };
/// assert!(client.learn(partition, news.clone())?);
/// let route = client.route(b"zoe");
/// assert_eq!((route.partition, route.epoch), (PartitionId(2), 2));
/// assert_eq!(server.check(b"zoe", route.partition, route.epoch, NodeId(1)), Routed::Here);
/// # Ok::<(), synod_partition::MapError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    scheme: Scheme,
    map: PartitionMap,
    /// The spans of all entries that have one.
    spans: Overlay,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route<'a> {
    /// The key's partition.
    pub partition: PartitionId,
    /// What the router knows it at. The request carries it, so that a server can tell a stale router. 0 where the router knows only
    /// who had the key before: ask there, and be sent on.
    pub epoch: u64,
    /// The owners, the leader first; nobody where the map does not know the partition.
    pub owners: &'a [NodeId],
}

/// A key as its scheme orders it.
enum Point<'a> {
    Key(&'a [u8]),
    Hash([u8; 8]),
}

impl Point<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Key(key) => key,
            Self::Hash(hash) => hash,
        }
    }
}

impl Scheme {
    /// The partition of a key in the beginning.
    fn of(&self, key: &[u8]) -> PartitionId {
        match self {
            Self::Ranges(ranges) => ranges.of(key),
            Self::HashRanges(ranges) => ranges.of(key),
            Self::Slots(count, hash) => {
                PartitionId(((u128::from(hash.hash(key)) * u128::from(*count)) >> 64) as u64)
            }
            Self::Modulo(modulo) => modulo.of(key),
            Self::Directory(directory) => directory.of(key),
        }
    }

    /// Where a key is among those that can be cut; `None` where nothing can.
    fn point<'a>(&self, key: &'a [u8]) -> Option<Point<'a>> {
        match self {
            Self::Ranges(_) => Some(Point::Key(key)),
            Self::HashRanges(ranges) => Some(Point::Hash(ranges.hash_fn().hash(key).to_be_bytes())),
            Self::Slots(_, hash) => Some(Point::Hash(hash.hash(key).to_be_bytes())),
            Self::Modulo(_) | Self::Directory(_) => None,
        }
    }

    /// The keys of a partition in the beginning.
    fn span(&self, partition: PartitionId) -> Option<Span> {
        match self {
            Self::Ranges(ranges) => {
                let range = ranges.range(partition)?;
                Some(Span { start: range.start.cloned().unwrap_or_default(), end: range.end.cloned() })
            }
            Self::HashRanges(ranges) => {
                let range = ranges.ranges().range(partition)?;
                // Not of the hashes up to the one before the end: there is none before 0.
                let bytes = |hash: &u64| hash.to_be_bytes().to_vec();
                Some(Span { start: bytes(range.start.unwrap_or(&0)), end: range.end.map(bytes) })
            }
            Self::Slots(count, _) => {
                let count = u128::from(*count);
                let start = |slot: u128| (slot << 64).div_ceil(count);
                let slot = u128::from(partition.0);
                let spans = || start(slot) as u64..=(start(slot + 1) - 1) as u64;
                (slot < count).then(|| Span::of_hashes(spans()))
            }
            Self::Modulo(_) | Self::Directory(_) => None,
        }
    }
}

impl Router {
    /// A router.
    #[must_use]
    pub fn new(scheme: Scheme, map: PartitionMap) -> Self {
        let mut spans = Overlay::default();
        for (partition, entry) in map.iter() {
            if let Some(span) = &entry.span {
                spans.lay(partition, entry.epoch, span);
            }
        }
        Self { scheme, map, spans }
    }

    /// A router of fixed slots, with the owners that the table has now, at epoch 1.
    #[must_use]
    pub fn of_slots(slots: &Slots) -> Self {
        let owned = |(slot, owner)| (PartitionId(slot), Entry { epoch: 1, owners: vec![owner], span: None });
        // Epochs of 1 and no spans: this cannot fail.
        let map = PartitionMap::new((0..).zip(slots.table()).map(owned)).unwrap_or_default();
        Self::new(Scheme::Slots(slots.count(), slots.hash_fn()), map)
    }

    /// The partition of a key, as far as the router knows. `O(log n)`.
    #[must_use]
    pub fn partition(&self, key: &[u8]) -> PartitionId {
        self.find(key).0
    }

    /// Where a request for a key goes. `O(log n)`.
    #[must_use]
    pub fn route(&self, key: &[u8]) -> Route<'_> {
        let (partition, known) = self.find(key);
        let route = self.to(partition);
        Route { epoch: if known { route.epoch } else { 0 }, ..route }
    }

    /// Whether a request for a key, sent by a client that takes it to be in this partition at this epoch, has come to the right node.
    ///
    /// The key decides, not the partition's name alone: what was split off, or merged into another, is refused even where the client
    /// knows the partition's epoch.
    #[must_use]
    pub fn check(&self, key: &[u8], asked: PartitionId, epoch: u64, me: NodeId) -> Routed<'_> {
        let (partition, known) = self.find(key);
        let Some(news) = self.map.get(partition) else {
            return if epoch == 0 { Routed::Unknown } else { Routed::Ahead };
        };
        let stale = Routed::Stale { partition, news };
        if partition == asked {
            return match news.epoch {
                ours if ours < epoch => Routed::Ahead,
                ours if ours > epoch => stale,
                _ if !known => Routed::Unknown,
                _ if news.owners.contains(&me) => Routed::Here,
                _ => stale,
            };
        }
        // Another partition has the key. That is news unless the client knows the one it asked for later than we do.
        if !known {
            Routed::Unknown
        } else if news.epoch >= epoch || self.map.epoch(asked) >= epoch {
            stale
        } else {
            Routed::Ahead
        }
    }

    /// Where a scan over keys goes: to the partitions of these ranges in order, or to all where keys are not kept in order.
    #[must_use]
    pub fn scan(&self, keys: Range<&[u8]>) -> Vec<Route<'_>> {
        let Scheme::Ranges(ranges) = &self.scheme else {
            let known = self.map.iter().filter(|(_, entry)| !entry.owners.is_empty());
            return known.map(|(partition, _)| self.to(partition)).collect();
        };
        let mut routes: Vec<Route<'_>> = Vec::new();
        let mut next = (keys.start < keys.end).then_some(keys.start);
        while let Some(from) = next {
            let route = self.route(from);
            if routes.last().is_none_or(|last| (last.partition, last.epoch) != (route.partition, route.epoch))
            {
                routes.push(route);
            }
            let end = match self.spans.at(from) {
                Some((_, end)) => end,
                None => {
                    let end = ranges.range(ranges.of(from)).and_then(|range| range.end).map(Vec::as_slice);
                    end.into_iter().chain(self.spans.next(from)).min()
                }
            };
            next = end.filter(|end| *end < keys.end);
        }
        routes
    }

    /// The partition of a key, and whether its entry says that it has the key.
    fn find(&self, key: &[u8]) -> (PartitionId, bool) {
        let first = || self.scheme.of(key);
        let point = self.scheme.point(key);
        let laid = point.as_ref().and_then(|point| self.spans.at(point.bytes()));
        let partition = laid.map_or_else(first, |(partition, _)| partition);
        let has = |entry: &Entry| match (&entry.span, &point) {
            _ if entry.owners.is_empty() => false,
            (Some(span), Some(point)) => span.contains(point.bytes()),
            _ => first() == partition,
        };
        (partition, self.map.get(partition).is_some_and(has))
    }

    fn to(&self, partition: PartitionId) -> Route<'_> {
        let entry = self.map.get(partition);
        Route {
            partition,
            epoch: entry.map_or(0, |entry| entry.epoch),
            owners: entry.map_or(&[], |entry| entry.owners.as_slice()),
        }
    }

    /// What is known of the map.
    #[must_use]
    pub const fn map(&self) -> &PartitionMap {
        &self.map
    }

    /// The directory, to change it; `None` under another scheme. A directory has no epochs: a client whose table is older is
    /// refused ([`Routed::Stale`]) with what may be no news to it, and must fetch the table.
    pub const fn directory_mut(&mut self) -> Option<&mut Directory> {
        match &mut self.scheme {
            Scheme::Directory(directory) => Some(directory),
            _ => None,
        }
    }

    /// Gives a partition other owners, as [`PartitionMap::set`]. For whoever decides about the partition, and nobody else.
    ///
    /// # Errors
    /// [`MapError::Epoch`], if there is no next epoch.
    pub fn set(
        &mut self,
        partition: PartitionId,
        owners: impl IntoIterator<Item = NodeId>,
    ) -> Result<u64, MapError> {
        let epoch = self.map.set(partition, owners)?;
        self.lay(partition);
        Ok(epoch)
    }

    /// Cuts a partition in two: what is below `at` stays, the rest is the new one's, with the same owners; both at the next epoch. `at` is a
    /// key, or under hashes the bytes of a hash ([`Span`]). For whoever decides about the partition.
    ///
    /// # Errors
    /// If the partition has no owners or no span, the new id was used before, or the cut would leave one of the two empty.
    pub fn split(&mut self, partition: PartitionId, at: &[u8], new: PartitionId) -> Result<(), MapError> {
        let (entry, span) = self.owned(partition)?;
        if self.map.get(new).is_some() || self.scheme.span(new).is_some() {
            return Err(MapError::Taken { partition: new });
        }
        if *at <= *span.start || !span.contains(at) {
            return Err(MapError::Outside { partition });
        }
        let epoch = after(partition, entry.epoch)?;
        let owners = entry.owners.clone();
        let right = Span { start: at.to_vec(), end: span.end };
        let left = Span { start: span.start, end: Some(at.to_vec()) };
        self.put(partition, Entry { epoch, owners: owners.clone(), span: Some(left) });
        self.put(new, Entry { epoch, owners, span: Some(right) });
        Ok(())
    }

    /// Makes two neighbours one: the left one takes over, the right one's id is gone; both at the epoch after the later one's. For whoever
    /// decides about both.
    ///
    /// # Errors
    /// If one has no owners or no span, the second does not follow the first, or they are not owned by the same nodes.
    pub fn unite(&mut self, left: PartitionId, right: PartitionId) -> Result<(), MapError> {
        let (entry, span) = self.owned(left)?;
        let (other, next) = self.owned(right)?;
        if span.end.as_ref() != Some(&next.start) {
            return Err(MapError::Apart { left, right });
        }
        let sorted = |entry: &Entry| {
            let mut owners = entry.owners.clone();
            owners.sort_unstable();
            owners
        };
        if sorted(entry) != sorted(other) {
            return Err(MapError::Owners { left, right });
        }
        let epoch = after(left, entry.epoch.max(other.epoch))?;
        let owners = entry.owners.clone();
        let span = Span { start: span.start, end: next.end };
        self.put(left, Entry { epoch, owners, span: Some(span) });
        self.put(right, Entry { epoch, ..Entry::default() });
        Ok(())
    }

    /// A partition that can be cut.
    fn owned(&self, partition: PartitionId) -> Result<(&Entry, Span), MapError> {
        let entry = self.map.get(partition).filter(|entry| !entry.owners.is_empty());
        let entry = entry.ok_or(MapError::Unknown { partition })?;
        let span = entry.span.clone().or_else(|| self.scheme.span(partition));
        Ok((entry, span.ok_or(MapError::Uncut { partition })?))
    }

    fn put(&mut self, partition: PartitionId, entry: Entry) {
        self.map.insert(partition, entry);
        self.lay(partition);
    }

    fn lay(&mut self, partition: PartitionId) {
        if let Some(Entry { epoch, span: Some(span), .. }) = self.map.get(partition) {
            self.spans.lay(partition, *epoch, span);
        }
    }

    /// A server has sent a request back with what it knows. Says whether that was news, so that trying again makes sense; where it was
    /// not, ask whoever decides about the map.
    ///
    /// # Errors
    /// If it cannot be true ([`MapError::Epoch`], [`MapError::Span`]).
    pub fn learn(&mut self, partition: PartitionId, news: Entry) -> Result<bool, MapError> {
        let newer = self.map.learn(partition, news)?;
        if newer {
            self.lay(partition);
        }
        Ok(newer)
    }

    /// Takes all that is newer in another map.
    pub fn merge(&mut self, map: &PartitionMap) {
        for (partition, entry) in map.iter() {
            if entry.epoch > self.map.epoch(partition) {
                self.put(partition, entry.clone());
            }
        }
    }
}
