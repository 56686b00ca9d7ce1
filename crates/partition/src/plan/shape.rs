//! Which sets of nodes may own one partition together: the bases of a matroid.
//!
//! "As many copies, in at least so many zones, at most so many in one" is what a small flow network lets through (Garage draws it), so
//! its sets are the bases of a gammoid. Two things follow, and the planner stands on them: the cheapest set is found greedily,
//! and from a set that is not the cheapest a single exchange leads to a cheaper one.

use super::replication::COPIES_MAX;

/// The rule, with zones as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) copies: u32,
    pub(crate) zones_min: u32,
    pub(crate) per_zone_max: u32,
}

/// How many copies are in which zones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    zones: [(u32, u32); COPIES_MAX as usize],
    distinct: u32,
    total: u32,
}

impl Counts {
    pub(crate) fn of(zones: impl IntoIterator<Item = u32>) -> Self {
        let mut counts = Self::default();
        zones.into_iter().for_each(|zone| counts.add(zone));
        counts
    }

    fn zones(&self) -> &[(u32, u32)] {
        self.zones.get(..self.distinct as usize).unwrap_or(&self.zones)
    }

    /// Adds a copy. Copies beyond the first sixteen zones are counted, and their zones are not.
    pub(crate) fn add(&mut self, zone: u32) {
        self.total += 1;
        let distinct = self.distinct as usize;
        match self.zones.iter_mut().take(distinct).find(|(known, _)| *known == zone) {
            Some((_, count)) => *count += 1,
            None => {
                if let Some(free) = self.zones.get_mut(distinct) {
                    *free = (zone, 1);
                    self.distinct += 1;
                }
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.distinct = 0;
        self.total = 0;
    }

    pub(crate) fn in_zone(&self, zone: u32) -> u32 {
        self.zones().iter().find(|(known, _)| *known == zone).map_or(0, |(_, count)| *count)
    }

    pub(crate) fn total(&self) -> u32 {
        self.total
    }

    pub(crate) fn distinct(&self) -> u32 {
        self.distinct
    }
}

impl Shape {
    /// Whether a set with these counts stays part of a full one when a node of `zone` is added.
    pub(crate) fn admits(&self, counts: &Counts, zone: u32) -> bool {
        let here = counts.in_zone(zone);
        let distinct = counts.distinct() + u32::from(here == 0);
        let missing = self.zones_min.saturating_sub(distinct);
        here < self.per_zone_max && counts.total + 1 + missing <= self.copies
    }

    /// Whether a full set stays one when a node in zone `from` is exchanged for one in zone `to`.
    pub(crate) fn exchanges(&self, counts: &Counts, from: u32, to: u32) -> bool {
        if from == to {
            return true;
        }
        let there = counts.in_zone(to);
        let left = counts.distinct() - u32::from(counts.in_zone(from) == 1) + u32::from(there == 0);
        there < self.per_zone_max && left >= self.zones_min
    }

    /// Whether this is a full set.
    pub(crate) fn holds(&self, counts: &Counts) -> bool {
        counts.total == self.copies
            && counts.distinct() >= self.zones_min
            && counts.zones().iter().all(|(_, count)| *count <= self.per_zone_max)
    }
}
