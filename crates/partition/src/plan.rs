//! Who should own what, and the fewest and smallest moves that lead there.

mod assignment;
mod certificate;
mod fairness;
mod instance;
mod moves;
mod quota;
mod replication;
mod shape;
mod share;
mod solve;
mod start;
mod steps;
mod text;

pub use assignment::Assignment;
pub use certificate::{Certificate, Flaw, Proof, verify};
pub use moves::Move;
pub use replication::{COPIES_MAX, Replication};
pub use steps::{Diverged, Limits, Step, StepFlaw, audit};

use crate::{PartitionId, PlanError};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use instance::Instance;
use quota::NodeQuota;
use synod_core::NodeId;
use synod_hashring::{Cluster, Slots};

/// The most partitions that are planned at once.
pub const PARTITIONS_MAX: usize = 1 << 22;

/// A partition as the planner sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Partition {
    /// Which one.
    pub id: PartitionId,
    /// How much is copied when it moves, in bytes or any other unit. 1 where it is left out of a file, so that the number of moves counts.
    #[cfg_attr(feature = "serde", serde(default = "one"))]
    pub size: u64,
    /// How much is asked of it, in requests a second or any other unit.
    #[cfg_attr(feature = "serde", serde(default))]
    pub load: u64,
    /// Partitions of one group (a table, say, or an [octave](Request::octaves) of load) are balanced among themselves, and all together too.
    #[cfg_attr(feature = "serde", serde(default))]
    pub group: u32,
    /// Who has it now, the leader first. Nodes that are not in the cluster any more count for nothing.
    #[cfg_attr(feature = "serde", serde(default))]
    pub owners: Vec<NodeId>,
}

#[cfg(feature = "serde")]
const fn one() -> u64 {
    1
}

impl Partition {
    /// A partition of size 1 that nobody has.
    #[must_use]
    pub fn new(id: u64) -> Self {
        Self { id: PartitionId(id), size: 1, ..Self::default() }
    }

    /// The same with this size.
    #[must_use]
    pub fn sized(mut self, size: u64) -> Self {
        self.size = size;
        self
    }

    /// The same with these owners.
    #[must_use]
    pub fn owned(mut self, owners: impl IntoIterator<Item = u64>) -> Self {
        self.owners = owners.into_iter().map(NodeId).collect();
        self
    }

    /// The same in this group.
    #[must_use]
    pub fn grouped(mut self, group: u32) -> Self {
        self.group = group;
        self
    }
}

/// How evenly replicas are spread over the nodes, by their weights.
///
/// The *fair share* of a node is its part of the replicas by weight, as far as the spread allows that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Balance {
    /// Each node has its fair share, rounded up or down: of each group, and of all.
    #[default]
    Even,
    /// Up to so many millionths off the fair share, and then rounded: fewer moves.
    Within {
        /// 50,000 are 5 %.
        ppm: u32,
    },
    /// The partitions may grow as large as possible before a node is full; weights are capacities. No lower quotas: Garage's rule.
    Usable,
    /// So many replicas at least and at most on each of these nodes, and any number on the others. They may contradict each other.
    Quotas(BTreeMap<NodeId, (u64, u64)>),
}

/// A cluster, a data set, and what is wanted.
///
/// ```
/// use synod_hashring::{Cluster, Node};
/// use synod_core::NodeId;
/// use synod_partition::{Partition, Request, Replication, verify};
///
/// // Two copies of four partitions on nodes 1 and 2; node 3 joins.
/// let cluster = Cluster::new((1..=3).map(|id| Node::new(NodeId(id))))?;
/// let partitions = (0..4).map(|id| Partition::new(id).sized(10 + id).owned([1, 2]));
/// let request = Request::new(cluster, partitions, Replication::new(2))?;
///
/// let plan = request.plan()?;
/// assert_eq!(plan.moves.len(), 2);                             // node 3 gets two of eight replicas,
/// assert_eq!(plan.cost, 10 + 11);                              // the smallest,
/// let proof = verify(&request, &plan.assignment, &plan.certificate)?;
/// assert!(proof.is_optimal());                                 // and it could not be done with less.
/// assert_eq!(plan.to_string(), "\
/// 2 moves, 21 to copy, certified: no plan that meets the request costs less
///    p0  n2 → n3  10
///    p1  n1 → n3  11
/// ");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Unchecked", into = "Unchecked"))]
pub struct Request {
    cluster: Cluster,
    partitions: Vec<Partition>,
    spread: Replication,
    balance: Balance,
    move_cost: u64,
}

/// A request as it is read, before anything is checked.
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "Request")]
struct Unchecked {
    cluster: Cluster,
    partitions: Vec<Partition>,
    spread: Replication,
    #[serde(default)]
    balance: Balance,
    #[serde(default)]
    move_cost: u64,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for Request {
    type Error = PlanError;

    fn try_from(given: Unchecked) -> Result<Self, PlanError> {
        let request = Self::new(given.cluster, given.partitions, given.spread)?;
        request.balance(given.balance).move_cost(given.move_cost)
    }
}

#[cfg(feature = "serde")]
impl From<Request> for Unchecked {
    fn from(request: Request) -> Self {
        let Request { cluster, partitions, spread, balance, move_cost } = request;
        Self { cluster, partitions, spread, balance, move_cost }
    }
}

impl Request {
    /// What is wanted of this cluster and data set, evenly balanced.
    ///
    /// # Errors
    /// If a partition is given twice, the spread is impossible in this cluster, or something is too large to be planned.
    pub fn new(
        cluster: Cluster,
        partitions: impl IntoIterator<Item = Partition>,
        spread: Replication,
    ) -> Result<Self, PlanError> {
        let mut partitions: Vec<_> = partitions.into_iter().collect();
        if partitions.len() > PARTITIONS_MAX {
            return Err(PlanError::Partitions { partitions: partitions.len() });
        }
        partitions.sort_by_key(|partition| partition.id);
        let twice = partitions.windows(2).find(|pair| matches!(pair, [a, b] if a.id == b.id));
        if let Some(id) = twice.and_then(|pair| pair.first()).map(|partition| partition.id) {
            return Err(PlanError::Twice { partition: id });
        }
        spread.fits(&cluster)?;
        Self { cluster, partitions, spread, balance: Balance::Even, move_cost: 0 }.checked()
    }

    /// What is wanted of a table of fixed slots (one copy each) in a cluster that has changed since.
    ///
    /// # Errors
    /// If nobody may own a slot, or there are too many.
    ///
    /// ```
    /// use synod_core::NodeId;
    /// use synod_hashring::{Cluster, HashFn, Node, Slots};
    /// use synod_partition::Request;
    ///
    /// let slots = Slots::new(Cluster::equal(10), 1_000, HashFn::default())?;
    /// let plan = Request::of_slots(&slots, slots.cluster().with(Node::new(NodeId(11)))?)?.plan()?;
    /// assert_eq!(plan.moves.len(), 90);                             // 1,000 / 11, rounded down
    /// # use synod_hashring::Placement;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_slots(slots: &Slots, cluster: Cluster) -> Result<Self, PlanError> {
        let owned = (0..).zip(slots.table()).map(|(slot, owner)| Partition::new(slot).owned([owner.0]));
        Self::new(cluster, owned, Replication::new(1))
    }

    /// The same with another balance.
    #[must_use]
    pub fn balance(mut self, balance: Balance) -> Self {
        self.balance = balance;
        self
    }

    /// The same, where each move costs so much beside the partition's size. 0 copies the least; more than all sizes together makes the
    /// fewest moves, and among these copies the least.
    ///
    /// # Errors
    /// If costs become too large to be planned.
    pub fn move_cost(mut self, move_cost: u64) -> Result<Self, PlanError> {
        self.move_cost = move_cost;
        self.checked()
    }

    /// The same, where each partition's group is split by the octave of its load (or of its size, where there is no load): partitions of
    /// about the same load are then spread evenly among themselves, so that nodes differ in load too by less than the sum of one
    /// partition of each octave.
    #[must_use]
    pub fn octaves(mut self) -> Self {
        // By their ranks, so that the groups of large numbers stay apart too.
        let groups = self.groups();
        for partition in &mut self.partitions {
            let measure = if partition.load > 0 { partition.load } else { partition.size };
            let rank = groups.binary_search(&partition.group).unwrap_or(0) as u32;
            partition.group = rank * (u64::BITS + 1) + u64::BITS - measure.leading_zeros();
        }
        self
    }

    fn checked(self) -> Result<Self, PlanError> {
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), PlanError> {
        let groups: alloc::collections::BTreeSet<u32> =
            self.partitions.iter().map(|partition| partition.group).collect();
        let vertices = (groups.len() as u64 + 1) * (self.cluster.owning() as u64 + 1);
        if vertices > 1 << 24 {
            return Err(PlanError::Groups { groups: groups.len(), nodes: self.cluster.owning() });
        }
        // A path passes each vertex once, and prices are sums of such.
        let max = i64::MAX as u64 / (8 * vertices);
        let dearest =
            self.partitions.iter().map(|partition| partition.size.saturating_add(self.move_cost)).max();
        match dearest {
            Some(cost) if cost > max => Err(PlanError::TooLarge { cost, max }),
            _ => Ok(()),
        }
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The partitions, by their ids.
    #[must_use]
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// The spread.
    #[must_use]
    pub fn spread(&self) -> &Replication {
        &self.spread
    }

    /// The balance.
    #[must_use]
    pub fn balanced(&self) -> &Balance {
        &self.balance
    }

    /// What it costs to bring a partition to a node that does not have it: its size and the cost of a move, and 1 at least.
    #[must_use]
    pub fn cost(&self, partition: &Partition) -> i64 {
        i64::try_from(partition.size.saturating_add(self.move_cost).max(1)).unwrap_or(i64::MAX)
    }

    /// How large a partition may grow, in the unit of the weights and rounded down, before some node is full under
    /// [`Balance::Usable`]: the usable capacity of the cluster is this times the number of partitions.
    #[must_use]
    pub fn partition_size_max(&self) -> u64 {
        let nodes: Vec<_> = self.cluster.owners().collect();
        let zone: Vec<u32> = nodes.iter().map(|node| self.spread.zone(&self.cluster, *node)).collect();
        let weights: Vec<u64> = nodes.iter().map(|node| self.cluster.share(*node)).collect();
        let partitions = self.partitions.len().max(1) as u64;
        (quota::caps(self.spread.shape(), &zone, &weights, partitions).0 >> 32) as u64
    }

    pub(crate) fn quotas(&self) -> Vec<NodeQuota> {
        quota::quotas(self)
    }

    /// The fewest and smallest moves that meet the request, with the proof.
    ///
    /// Deterministic: the same request gives the same plan everywhere. Nearly linear in partitions where what must move can move
    /// directly, `O(m · n log n)` for `m` moves that need a search on `n` nodes.
    ///
    /// # Errors
    /// If quotas were given that contradict the spread or each other, or [octaves](Self::octaves) have made too many groups of the partitions,
    /// or too many for costs that are as large.
    pub fn plan(&self) -> Result<Plan, PlanError> {
        self.check()?;
        let instance = self.instance();
        let quotas = || instance.node_quota.iter().chain(&instance.bucket_quota);
        if quotas().any(|(least, most)| least > most) {
            return Err(PlanError::Quotas);
        }
        let solution = solve::solve(&instance).map_err(|_| PlanError::Quotas)?;
        let ids: Vec<NodeId> = self.cluster.owners().map(|node| self.cluster.id(node)).collect();
        let id = |node: u32| ids.get(node as usize).copied().unwrap_or_default();
        let mut assignment = Assignment::default();
        let mut cost = 0;
        for (at, partition) in self.partitions.iter().enumerate() {
            let copies = instance.copies();
            let owners = solution.owners.get(at * copies..(at + 1) * copies).unwrap_or_default();
            let mut owners: Vec<NodeId> = owners.iter().map(|node| id(*node)).collect();
            moves::in_place(&partition.owners, &mut owners);
            let new = owners.iter().filter(|owner| !partition.owners.contains(owner)).count();
            cost += i128::from(self.cost(partition)) * new as i128;
            assignment.set(partition.id, owners);
        }
        let node_price = solution.node_price;
        let groups = self.groups();
        let mut certificate = Certificate::default();
        for (at, price) in node_price.iter().enumerate().filter(|(_, price)| **price != 0) {
            certificate.nodes.insert(id(at as u32), *price);
        }
        for (group, prices) in groups.iter().zip(solution.bucket_price.chunks(ids.len().max(1))) {
            for (at, (price, own)) in prices.iter().zip(&node_price).enumerate() {
                if price != own {
                    certificate.groups.insert((*group, id(at as u32)), *price);
                }
            }
        }
        let moves = moves::moves(self, &assignment);
        Ok(Plan { moves, cost, assignment, certificate })
    }

    fn groups(&self) -> Vec<u32> {
        let mut groups: Vec<u32> = self.partitions.iter().map(|partition| partition.group).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    fn instance(&self) -> Instance {
        let nodes: Vec<_> = self.cluster.owners().collect();
        let index: BTreeMap<NodeId, u32> =
            (0..).zip(&nodes).map(|(at, node)| (self.cluster.id(*node), at)).collect();
        let zone: Vec<u32> = nodes.iter().map(|node| self.spread.zone(&self.cluster, *node)).collect();
        let groups = self.groups();
        let mut node_quota = Vec::with_capacity(nodes.len());
        let mut bucket_quota = alloc::vec![(0, 0); nodes.len() * groups.len()];
        for (group, node, least, most) in self.quotas() {
            match group.and_then(|group| groups.binary_search(&group).ok()) {
                None => node_quota.push((least, most)),
                Some(group) => {
                    let at = index.get(&node).copied().unwrap_or(0) as usize;
                    if let Some(quota) = bucket_quota.get_mut(group * nodes.len() + at) {
                        *quota = (least, most);
                    }
                }
            }
        }
        let (mut home_at, mut homes) = (alloc::vec![0], Vec::new());
        for partition in &self.partitions {
            let begin = homes.len();
            for home in partition.owners.iter().filter_map(|owner| index.get(owner)) {
                if !homes.iter().skip(begin).any(|known| known == home) {
                    homes.push(*home);
                }
            }
            home_at.push(homes.len() as u32);
        }
        Instance {
            shape: self.spread.shape(),
            zones: zone.iter().max().map_or(0, |zone| *zone as usize + 1),
            zone,
            groups: groups.len(),
            cost: self.partitions.iter().map(|partition| self.cost(partition)).collect(),
            group: self
                .partitions
                .iter()
                .map(|p| groups.binary_search(&p.group).unwrap_or(0) as u32)
                .collect(),
            home_at,
            homes,
            node_quota,
            bucket_quota,
        }
    }
}

/// What is to be done, and why nothing cheaper would do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Plan {
    /// What moves, by partition; the moves of one partition in an order in which each leaves it spread.
    pub moves: Vec<Move>,
    /// What the moves cost: the sizes that are copied, and the cost of each move.
    pub cost: i128,
    /// Who owns what in the end.
    pub assignment: Assignment,
    /// The proof that no plan is cheaper.
    pub certificate: Certificate,
}
