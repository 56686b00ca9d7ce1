//! The nodes among which keys are placed, in the one order that every process agrees on.

use crate::{ClusterError, Node};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use synod_core::NodeId;

/// How many levels of failure domains are told apart; deeper parts of a zone's path are ignored by placements.
pub const ZONE_LEVELS: usize = 4;

/// The most nodes that a cluster may have.
pub const NODES_MAX: usize = 1 << 20;

/// The place of a node in its cluster: an index, small enough to be stored a million times.
///
/// It means nothing in another cluster, not even in one with a single node more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIx(pub u32);

impl NodeIx {
    /// As an index into a slice.
    #[must_use]
    pub const fn at(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeIx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Nodes, sorted by their identities: the order in which they are given never matters.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Cluster, Node};
///
/// let cluster = Cluster::new([
///     Node::new(NodeId(2)).within("eu/b"),
///     Node::new(NodeId(1)).within("eu/a").weighing(3),
///     Node::new(NodeId(9)).within("us/a").draining(),
/// ])?;
/// assert_eq!(cluster.ids(), [NodeId(1), NodeId(2), NodeId(9)]);
/// assert_eq!((cluster.owning(), cluster.weight()), (2, 4));
/// assert_eq!((cluster.zones(1), cluster.zones(2)), (1, 2));    // of those that may own keys
/// # Ok::<(), synod_hashring::ClusterError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Vec<Node>", into = "Vec<Node>"))]
pub struct Cluster {
    nodes: Vec<Node>,
    ids: Vec<NodeId>,
    /// For each level of failure domains, from the widest on, the number of each node's.
    domains: [Vec<u32>; ZONE_LEVELS],
    /// How many domains of each level have a node that may own keys.
    zones: [u32; ZONE_LEVELS],
    owning: u32,
    weight: u64,
}

impl Cluster {
    /// A cluster of these nodes. `O(n log n)`.
    ///
    /// # Errors
    /// If an identity is given twice, the weights add up to more than 2⁶⁴ − 1, or there are more than [`NODES_MAX`] nodes. A cluster without
    /// nodes, or with draining ones alone, is legal; it is the placements that need somebody.
    pub fn new(nodes: impl IntoIterator<Item = Node>) -> Result<Self, ClusterError> {
        let mut nodes: Vec<_> = nodes.into_iter().collect();
        if nodes.len() > NODES_MAX {
            return Err(ClusterError::TooManyNodes { nodes: nodes.len() });
        }
        nodes.sort_by_key(|node| node.id);
        if let Some(pair) = nodes.windows(2).find(|pair| matches!(pair, [a, b] if a.id == b.id)) {
            let id = pair.first().map_or(NodeId(0), |node| node.id);
            return Err(ClusterError::Twice { id });
        }
        let total: u128 = nodes.iter().map(|node| u128::from(node.weight)).sum();
        if u64::try_from(total).is_err() {
            return Err(ClusterError::Overweight { total });
        }
        let weight = nodes.iter().map(Node::share).sum();
        let owning = nodes.iter().filter(|node| node.share() > 0).count() as u32;
        let mut domains: [Vec<u32>; ZONE_LEVELS] = Default::default();
        let mut above = alloc::vec![0; nodes.len()];
        // Without a path all stand in one domain.
        let mut zones = [u32::from(owning > 0); ZONE_LEVELS];
        let depth = nodes.iter().map(|node| node.zone.depth()).max().unwrap_or(0);
        for (level, domains) in (1..).zip(&mut domains) {
            if level <= depth {
                let mut known: BTreeMap<&str, (u32, bool)> = BTreeMap::new();
                for (node, number) in nodes.iter().zip(&mut above) {
                    let next = known.len() as u32;
                    let (known, used) = known.entry(node.zone.upto(level)).or_insert((next, false));
                    *used |= node.share() > 0;
                    *number = *known;
                }
                let used = known.values().filter(|(_, used)| *used).count() as u32;
                zones.iter_mut().skip(level - 1).for_each(|zones| *zones = used);
            }
            // Where nobody's path is as long, the domains are those of the level above.
            domains.clone_from(&above);
        }
        let ids = nodes.iter().map(|node| node.id).collect();
        Ok(Self { nodes, ids, domains, zones, owning, weight })
    }

    /// `n` nodes of weight 1 and without zones, numbered from 1.
    #[must_use]
    pub fn equal(n: u32) -> Self {
        // Distinct identities and small weights: nothing that could be refused, unless there are far too many.
        Self::new((1..=u64::from(n)).map(|id| Node::new(NodeId(id)))).unwrap_or_default()
    }

    /// This cluster with one node more.
    ///
    /// # Errors
    /// If the node is here already, or as [`Cluster::new`].
    pub fn with(&self, node: Node) -> Result<Self, ClusterError> {
        Self::new(self.nodes.iter().cloned().chain([node]))
    }

    /// This cluster without one of its nodes.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn without(&self, id: NodeId) -> Result<Self, ClusterError> {
        self.find(id).ok_or(ClusterError::Unknown { id })?;
        Self::new(self.nodes.iter().filter(|node| node.id != id).cloned())
    }

    /// This cluster with another description of one of its nodes: a new weight, another zone.
    ///
    /// # Errors
    /// If there is no such node, or as [`Cluster::new`].
    pub fn changed(&self, node: Node) -> Result<Self, ClusterError> {
        self.find(node.id).ok_or(ClusterError::Unknown { id: node.id })?;
        let others = self.nodes.iter().filter(|other| other.id != node.id).cloned().collect::<Vec<_>>();
        Self::new(others.into_iter().chain([node]))
    }

    /// The nodes, by identity.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Their identities, ascending.
    #[must_use]
    pub fn ids(&self) -> &[NodeId] {
        &self.ids
    }

    /// How many nodes there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many of them may own keys.
    #[must_use]
    pub const fn owning(&self) -> u32 {
        self.owning
    }

    /// The sum of the weights of those that may own keys.
    #[must_use]
    pub const fn weight(&self) -> u64 {
        self.weight
    }

    /// How many failure domains of this level (1 is the widest) have a node that may own keys.
    #[must_use]
    pub fn zones(&self, level: usize) -> u32 {
        match level {
            0 => u32::from(self.owning > 0),
            level => self.zones.get(level.min(ZONE_LEVELS) - 1).copied().unwrap_or(0),
        }
    }

    /// How many failure domains of each level have a node that may own keys, from the widest on.
    #[inline]
    pub(crate) const fn zone_counts(&self) -> [u32; ZONE_LEVELS] {
        self.zones
    }

    /// Where a node is in [`nodes`](Self::nodes). `O(log n)`.
    #[must_use]
    pub fn find(&self, id: NodeId) -> Option<NodeIx> {
        self.ids.binary_search(&id).ok().map(|at| NodeIx(at as u32))
    }

    /// The identity of a node; `NodeId(u64::MAX)` for an index that is not of this cluster.
    #[inline]
    #[must_use]
    pub fn id(&self, node: NodeIx) -> NodeId {
        self.ids.get(node.at()).copied().unwrap_or(NodeId(u64::MAX))
    }

    /// The description of a node.
    #[must_use]
    pub fn node(&self, node: NodeIx) -> Option<&Node> {
        self.nodes.get(node.at())
    }

    /// The weight that counts of a node; 0 for an index that is not of this cluster.
    #[must_use]
    pub fn share(&self, node: NodeIx) -> u64 {
        self.nodes.get(node.at()).map_or(0, Node::share)
    }

    /// The numbers of the failure domains of a node, from the widest level on: equal numbers, equal domains.
    #[inline]
    #[must_use]
    pub fn domains(&self, node: NodeIx) -> [u32; ZONE_LEVELS] {
        core::array::from_fn(|level| self.domain(node, level))
    }

    /// One of these numbers; a level beyond the last has none.
    #[inline]
    pub(crate) fn domain(&self, node: NodeIx, level: usize) -> u32 {
        self.domains.get(level).and_then(|domains| domains.get(node.at())).copied().unwrap_or(u32::MAX)
    }

    /// Those that may own keys, in the order of their identities.
    pub fn owners(&self) -> impl DoubleEndedIterator<Item = NodeIx> + Clone + '_ {
        let all = self.nodes.iter().enumerate();
        all.filter(|(_, node)| node.share() > 0).map(|(at, _)| NodeIx(at as u32))
    }
}

impl TryFrom<Vec<Node>> for Cluster {
    type Error = ClusterError;

    fn try_from(nodes: Vec<Node>) -> Result<Self, ClusterError> {
        Self::new(nodes)
    }
}

impl From<Cluster> for Vec<Node> {
    fn from(cluster: Cluster) -> Self {
        cluster.nodes
    }
}
