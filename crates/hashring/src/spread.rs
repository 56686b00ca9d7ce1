//! How many copies, and how far apart.

use crate::{Cluster, Infeasible, ZONE_LEVELS};

/// The most copies that a [`Spread`] may ask for.
pub const COPIES_MAX: u8 = 16;

/// How many nodes keep a copy, and in how many failure domains at least.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Cluster, Infeasible, Node, Spread};
///
/// let spread = Spread::copies(3).across(1, 2);          // three nodes, in at least two zones of the widest level
/// let cluster = Cluster::new((1..=4).map(|id| Node::new(NodeId(id)).within(if id < 4 { "a" } else { "b" })))?;
/// assert_eq!(spread.check(&cluster), Ok(()));
/// assert_eq!(
///     Spread::copies(3).across(1, 3).check(&cluster).unwrap_err().to_string(),
///     "3 failure domains of level 1 were asked for, and there are 2: add one, or ask for fewer",
/// );
/// # Ok::<(), synod_hashring::ClusterError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Spread {
    copies: u8,
    domains: [u8; ZONE_LEVELS],
}

impl Spread {
    /// So many copies, on distinct nodes, wherever these are.
    #[must_use]
    pub const fn copies(copies: u8) -> Self {
        Self { copies, domains: [0; ZONE_LEVELS] }
    }

    /// In at least so many failure domains of this level; 1 is the widest. Levels beyond [`ZONE_LEVELS`] count as the last one, 0 asks
    /// for nothing.
    #[must_use]
    pub fn across(mut self, level: usize, domains: u8) -> Self {
        if let Some(place) = level.checked_sub(1).and_then(|at| self.domains.get_mut(at.min(ZONE_LEVELS - 1)))
        {
            *place = domains;
        }
        self
    }

    /// How many copies.
    #[must_use]
    pub const fn count(self) -> u8 {
        self.copies
    }

    /// How many failure domains of each level, from the widest on.
    #[must_use]
    pub const fn domains(self) -> [u8; ZONE_LEVELS] {
        self.domains
    }

    /// Whether this cluster can give it. Takes a few comparisons.
    ///
    /// # Errors
    /// What is missing.
    #[inline]
    pub fn check(self, cluster: &Cluster) -> Result<(), Infeasible> {
        let copies = self.copies;
        if copies == 0 || copies > COPIES_MAX {
            return Err(Infeasible::Count { copies });
        }
        if u32::from(copies) > cluster.owning() {
            return Err(Infeasible::Nodes { copies, nodes: cluster.owning() });
        }
        let mut levels = self.domains.into_iter().zip(cluster.zone_counts());
        let lacks = levels.any(|(wanted, zones)| wanted > copies || u32::from(wanted) > zones);
        if lacks { Err(self.missing(cluster)) } else { Ok(()) }
    }

    #[cold]
    fn missing(self, cluster: &Cluster) -> Infeasible {
        let copies = self.copies;
        for ((level, wanted), zones) in (1..).zip(self.domains).zip(cluster.zone_counts()) {
            if wanted > copies {
                return Infeasible::Copies { copies, wanted };
            }
            if u32::from(wanted) > zones {
                return Infeasible::Zones { level, wanted, zones };
            }
        }
        Infeasible::Count { copies }
    }
}
