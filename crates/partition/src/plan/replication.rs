//! How far apart the copies of a partition must be.

use super::shape::Shape;
use crate::PlanError;
use synod_hashring::{Cluster, NodeIx, Spread, ZONE_LEVELS};

/// The most copies of a partition.
pub const COPIES_MAX: u8 = 16;

/// How many copies of each partition there are, and how far apart.
///
/// ```
/// use synod_partition::Replication;
///
/// // Three copies in two zones at least. Five copies of which a lost zone takes no majority.
/// let three = Replication::new(3).across(2);
/// let five = Replication::new(5).at_most(2);
/// assert_eq!((three.copies(), three.zones(), three.per_zone()), (3, 2, 2));
/// assert_eq!((five.copies(), five.zones(), five.per_zone()), (5, 3, 2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Replication {
    copies: u8,
    zones: u8,
    per_zone: u8,
    level: u8,
}

impl Replication {
    /// So many copies on different nodes, wherever these are.
    #[must_use]
    pub const fn new(copies: u8) -> Self {
        Self { copies, zones: 1, per_zone: copies, level: 1 }
    }

    /// In at least so many zones.
    #[must_use]
    pub const fn across(mut self, zones: u8) -> Self {
        self.zones = zones;
        self
    }

    /// At most so many in a zone.
    #[must_use]
    pub const fn at_most(mut self, per_zone: u8) -> Self {
        self.per_zone = per_zone;
        self
    }

    /// A zone is what shares the first `level` parts of its path: 1 where nothing else is said.
    #[must_use]
    pub const fn of_level(mut self, level: u8) -> Self {
        self.level = level;
        self
    }

    /// How many copies.
    #[must_use]
    pub const fn copies(&self) -> u8 {
        self.copies
    }

    /// In how many zones at least, with what [`at_most`](Self::at_most) implies.
    #[must_use]
    pub const fn zones(&self) -> u8 {
        let implied = if self.per_zone == 0 { 0 } else { self.copies.div_ceil(self.per_zone) };
        if implied > self.zones { implied } else { self.zones }
    }

    /// How many in a zone at most, with what [`across`](Self::across) implies.
    #[must_use]
    pub const fn per_zone(&self) -> u8 {
        let implied = self.copies.saturating_sub(self.zones.saturating_sub(1));
        if implied < self.per_zone { implied } else { self.per_zone }
    }

    /// The number of the zone in which a node stands.
    pub(crate) fn zone(&self, cluster: &Cluster, node: NodeIx) -> u32 {
        let level = usize::from(self.level).clamp(1, ZONE_LEVELS);
        if self.level == 0 { 0 } else { cluster.domains(node).get(level - 1).copied().unwrap_or(0) }
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape {
            copies: self.copies.into(),
            zones_min: self.zones().into(),
            per_zone_max: self.per_zone().into(),
        }
    }

    /// Whether the cluster has enough nodes and zones.
    pub(crate) fn fits(&self, cluster: &Cluster) -> Result<(), PlanError> {
        let copies = self.copies;
        if copies == 0 || copies > COPIES_MAX || self.per_zone() == 0 || self.zones() > copies {
            return Err(PlanError::Spread { spread: *self });
        }
        let mut zones = alloc::collections::BTreeMap::<u32, u32>::new();
        for node in cluster.owners() {
            *zones.entry(self.zone(cluster, node)).or_default() += 1;
        }
        if zones.len() < usize::from(self.zones()) {
            return Err(PlanError::Zones { wanted: self.zones(), zones: zones.len() });
        }
        let places: u32 = zones.values().map(|nodes| (*nodes).min(self.per_zone().into())).sum();
        if places < u32::from(copies) {
            return Err(PlanError::Nodes { copies, places });
        }
        Ok(())
    }
}

impl TryFrom<Spread> for Replication {
    type Error = PlanError;

    /// The same spread, for the planner: it knows one level of zones at a time.
    fn try_from(spread: Spread) -> Result<Self, PlanError> {
        let mut asked = (1..).zip(spread.domains()).filter(|(_, zones)| *zones > 1);
        let one = asked.next();
        if asked.next().is_some() {
            return Err(PlanError::Levels);
        }
        let plain = Self::new(spread.count());
        Ok(one.map_or(plain, |(level, zones)| plain.across(zones).of_level(level)))
    }
}
