//! straw2, the bucket of CRUSH (Weil et al. 2006; Sage Weil's second straw, 2014), down the tree of failure domains.

use crate::placement::{Placement, again};
use crate::rendezvous::cost;
use crate::{Cluster, HashFn, NodeIx, PlacementError, ZONE_LEVELS};
use alloc::vec::Vec;
use synod_core::SplitMix64;

/// At each level of the zones' paths every child draws a straw whose length depends on its weight, and the longest wins. A change of
/// weight moves keys to or from that node within its zone, and to or from its zone.
///
/// This is CRUSH's shape, not Ceph's arithmetic: its maps have hashes and tables of their own. The time is proportional to the
/// number of children on the way: eight zones of ten racks of ten nodes are 28 straws where [`Rendezvous`](crate::Rendezvous)
/// draws 800.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Cluster, HashFn, Node, Placement, Spread, Straw2};
/// let cluster = Cluster::new((0..12).map(|id| Node::new(NodeId(id)).within(["a/1", "a/2", "b/1"][id as usize % 3])))?;
/// let straws = Straw2::new(cluster, HashFn::default())?;
/// let owners: Vec<_> = straws.owners(5, Spread::copies(3).across(1, 2).across(2, 3))?.collect();
/// assert_eq!(owners.len(), 3);                                       // one on each of the racks
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Straw2 {
    cluster: Cluster,
    hash: HashFn,
    /// The children of each branch of the tree, its root first.
    branches: Vec<Vec<Straw>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Straw {
    seed: u64,
    weight: u64,
    child: Child,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Child {
    Branch(u32),
    Node(NodeIx),
}

impl Straw2 {
    /// Over the tree that the nodes' zones make.
    ///
    /// # Errors
    /// If nobody may own a key.
    pub fn new(cluster: Cluster, hash: HashFn) -> Result<Self, PlacementError> {
        if cluster.owning() == 0 {
            return Err(PlacementError::Nobody);
        }
        let mut straws = Self { cluster, hash, branches: alloc::vec![Vec::new()] };
        for (node, described) in (0..).map(NodeIx).zip(straws.cluster.nodes().to_vec()) {
            let weight = described.share();
            if weight == 0 {
                continue;
            }
            let mut branch = 0;
            for level in 1..=described.zone.depth().min(ZONE_LEVELS) {
                let seed = SplitMix64::mix(hash.seed_of_domain(described.zone.upto(level)) ^ level as u64);
                branch = straws.descend(branch, seed, weight);
            }
            let seed = hash.seed_of(described.id);
            if let Some(children) = straws.branches.get_mut(branch as usize) {
                children.push(Straw { seed, weight, child: Child::Node(node) });
            }
        }
        Ok(straws)
    }

    /// The branch below this one with this seed, which becomes heavier.
    fn descend(&mut self, branch: u32, seed: u64, weight: u64) -> u32 {
        let next = self.branches.len() as u32;
        let Some(children) = self.branches.get_mut(branch as usize) else { return 0 };
        let known = children.iter_mut().find_map(|straw| match straw.child {
            Child::Branch(child) if straw.seed == seed => {
                straw.weight += weight;
                Some(child)
            }
            _ => None,
        });
        if let Some(child) = known {
            return child;
        }
        children.push(Straw { seed, weight, child: Child::Branch(next) });
        self.branches.push(Vec::new());
        next
    }
}

/// The straw that wins: the least cost for its weight, then the lesser seed. The order of the children does not matter.
fn longest(straws: &[Straw], position: u64) -> Option<&Straw> {
    let cost = |straw: &Straw| u128::from(cost(SplitMix64::mix(position ^ straw.seed) >> 24));
    let mut best: Option<(&Straw, u128)> = None;
    for straw in straws {
        let this = cost(straw);
        let wins = best.is_none_or(|(other, that)| {
            let (ours, theirs) = (this * u128::from(other.weight), that * u128::from(straw.weight));
            (ours, straw.seed) < (theirs, other.seed)
        });
        if wins {
            best = Some((straw, this));
        }
    }
    best.map(|(straw, _)| straw)
}

impl Placement for Straw2 {
    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn hash_fn(&self) -> HashFn {
        self.hash
    }

    fn place(&self, position: u64) -> NodeIx {
        let mut branch = 0;
        loop {
            match self.branches.get(branch as usize).and_then(|straws| longest(straws, position)) {
                Some(Straw { child: Child::Branch(next), .. }) => branch = *next,
                Some(Straw { child: Child::Node(node), .. }) => return *node,
                None => return NodeIx(0),
            }
        }
    }

    /// Whoever wins when the key is hashed again, as CRUSH does when a choice does not fit; then everybody.
    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        again(&self.cluster, position, |hash| self.place(hash))
    }
}
