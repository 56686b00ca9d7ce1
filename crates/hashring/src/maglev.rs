//! Maglev: a table that the nodes fill in turn, each by its own permutation (Eisenbud et al. 2016, section 3.4).

use crate::placement::{Placement, everybody};
use crate::slots::{range_of, scale};
use crate::{Cluster, HashFn, NodeIx, PlacementError, Ranges};
use alloc::vec::Vec;
use synod_core::SplitMix64;

/// A look-up is one read of a table. Weights are honoured by taking turns less often (as Envoy does).
///
/// The price is movement: when a node comes or goes some other keys move too, one in a hundred with a table of 100 entries for each node.
/// The size of the table is part of the configuration and must not follow the number of nodes: another size moves nearly everything.
///
/// ```
/// use synod_hashring::{Cluster, Diff, HashFn, Maglev};
/// let maglev = |nodes| Maglev::new(Cluster::equal(nodes), 65_537, HashFn::default());
/// let (old, new) = (maglev(10)?, maglev(11)?);
/// let diff = Diff::between(&old, &new);
/// assert!(diff.part() < 0.12 && diff.excess() > 0);
/// diff.verify(&old, &new)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Maglev {
    cluster: Cluster,
    hash: HashFn,
    table: Vec<NodeIx>,
}

impl Maglev {
    /// A table of `size` entries, a prime number; 100 for each node make the busiest 1 % busier than the rest. `O(size log size)`
    /// expected.
    ///
    /// # Errors
    /// If nobody may own a key, if `size` is not prime, is above 2²⁴, or below the number of nodes.
    pub fn new(cluster: Cluster, size: u32, hash: HashFn) -> Result<Self, PlacementError> {
        const SIZE_MAX: u32 = 1 << 24;
        if cluster.owning() == 0 {
            return Err(PlacementError::Nobody);
        }
        if size > SIZE_MAX {
            let (wanted, max) = (size.into(), SIZE_MAX.into());
            return Err(PlacementError::TooLarge { what: "entries", wanted, max });
        }
        if size < cluster.owning() {
            let nodes = cluster.owning().into();
            return Err(PlacementError::TooSmall { what: "entries", size: size.into(), nodes });
        }
        if !is_prime(size) {
            return Err(PlacementError::NotPrime { size: size.into() });
        }
        let table = fill(&cluster, size, hash);
        Ok(Self { cluster, hash, table })
    }

    /// The number of entries.
    #[must_use]
    pub const fn size(&self) -> u32 {
        self.table.len() as u32
    }
}

/// A node in the course of filling.
struct Filler {
    node: NodeIx,
    weight: u128,
    credit: u128,
    /// The entry that it looks at next, and how far it steps.
    next: u64,
    skip: u64,
}

fn fill(cluster: &Cluster, size: u32, hash: HashFn) -> Vec<NodeIx> {
    let entries = u64::from(size);
    let filler = |node: NodeIx| {
        let seed = hash.seed_of(cluster.id(node));
        let next = SplitMix64::mix(seed ^ 1) % entries;
        let skip = SplitMix64::mix(seed ^ 2) % (entries - 1).max(1) + 1;
        Filler { node, weight: cluster.share(node).into(), credit: 0, next, skip }
    };
    let mut fillers: Vec<_> = cluster.owners().map(filler).collect();
    let most = fillers.iter().map(|filler| filler.weight).max().unwrap_or(1);
    // Everybody is served in the first round, so that a small weight is no weight of nothing.
    fillers.iter_mut().for_each(|filler| filler.credit = most - filler.weight);
    let mut table = alloc::vec![NodeIx(u32::MAX); size as usize];
    let mut left = size;
    loop {
        for filler in &mut fillers {
            filler.credit += filler.weight;
            if filler.credit < most {
                continue;
            }
            filler.credit -= most;
            // The size is prime, so that the steps of any width reach every entry.
            while let Some(entry) = table.get_mut(filler.next as usize) {
                filler.next = (filler.next + filler.skip) % entries;
                if entry.0 == u32::MAX {
                    *entry = filler.node;
                    break;
                }
            }
            left -= 1;
            if left == 0 {
                return table;
            }
        }
    }
}

impl Placement for Maglev {
    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn hash_fn(&self) -> HashFn {
        self.hash
    }

    #[inline]
    fn place(&self, position: u64) -> NodeIx {
        self.table.get(scale(position, self.size()) as usize).copied().unwrap_or(NodeIx(0))
    }

    /// The entries that follow, all round.
    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        let entry = scale(position, self.size());
        let (before, from) = self.table.split_at(entry as usize);
        let rest = everybody(&self.cluster, SplitMix64::mix(entry.into()));
        from.iter().chain(before).copied().chain(rest)
    }
}

impl Ranges for Maglev {
    fn ranges(&self) -> impl Iterator<Item = (u64, NodeIx)> + '_ {
        (0..).zip(&self.table).map(|(entry, node)| (*range_of(entry, self.size()).end(), *node))
    }
}

fn is_prime(number: u32) -> bool {
    number > 1
        && (2..).take_while(|factor| factor * factor <= number).all(|factor| !number.is_multiple_of(factor))
}
