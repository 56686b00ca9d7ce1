//! The atlas: which facts are destroyed on which nodes, and what must not be destroyed any more.

use crate::storage::Bound;
use std::collections::{BTreeMap, BTreeSet};

/// Keeps damage within what a correct cluster can recover from.
///
/// A *fact* is what a record holds, by fingerprint. The atlas remembers where a fact was destroyed until it is there again.
#[derive(Clone, Debug)]
pub(crate) struct Atlas {
    bound: Bound,
    nodes: usize,
    /// By fact: the nodes whose copy was destroyed.
    lost: BTreeMap<u64, BTreeSet<usize>>,
    /// Nodes of which anything was destroyed.
    struck: BTreeSet<usize>,
    /// Nodes of which anything may be missing: their disks were emptied, or lied.
    hollow: BTreeSet<usize>,
    #[cfg(test)]
    forgets: bool,
}

/// What the atlas asks about the world.
pub(crate) trait Terrain {
    /// The node is down, or refused to start.
    fn away(&self, node: usize) -> bool;

    /// A readable, stored record of the node holds this fact.
    fn holds(&self, node: usize, fact: u64) -> bool;
}

impl Atlas {
    pub(crate) fn new(bound: Bound, nodes: usize) -> Self {
        Self {
            bound,
            nodes,
            lost: BTreeMap::new(),
            struck: BTreeSet::new(),
            hollow: BTreeSet::new(),
            #[cfg(test)]
            forgets: false,
        }
    }

    /// How many nodes may be struck: a minority.
    fn most(&self) -> usize {
        self.nodes.saturating_sub(1) / 2
    }

    /// Whether a record of `node` that holds these facts may be destroyed. Whoever destroys it tells
    /// [`destroyed`](Self::destroyed).
    pub(crate) fn may_destroy(&self, node: usize, facts: &[u64], terrain: &impl Terrain) -> bool {
        match self.bound {
            Bound::Unbounded => true,
            Bound::Nodes => self.may_strike(node, terrain),
            Bound::Records => facts.iter().all(|fact| {
                let lost = self.lost.get(fact);
                // Nodes that hold the fact again have not lost it any more.
                let without = |other: &usize| {
                    let struck = self.hollow.contains(other) || lost.is_some_and(|lost| lost.contains(other));
                    *other == node || terrain.away(*other) || (struck && !terrain.holds(*other, *fact))
                };
                (0..self.nodes).filter(without).count() <= self.most()
            }),
        }
    }

    /// Whether anything at all of this node may be lost without its noticing.
    pub(crate) fn may_strike(&self, node: usize, terrain: &impl Terrain) -> bool {
        let struck = |other: &usize| {
            *other == node
                || terrain.away(*other)
                || self.struck.contains(other)
                || self.hollow.contains(other)
        };
        self.bound == Bound::Unbounded || (0..self.nodes).filter(struck).count() <= self.most()
    }

    /// These facts were destroyed on this node.
    pub(crate) fn destroyed(&mut self, node: usize, facts: &[u64]) {
        #[cfg(test)]
        if self.forgets {
            return;
        }
        self.struck.insert(node);
        if self.bound == Bound::Records {
            for fact in facts {
                self.lost.entry(*fact).or_default().insert(node);
            }
        }
    }

    /// Of this node anything may be missing from now on: its disk was emptied, or lies.
    pub(crate) fn hollowed(&mut self, node: usize) {
        self.hollow.insert(node);
    }

    /// The facts of which a copy was destroyed, repaired or not.
    pub(crate) fn lost(&self) -> impl Iterator<Item = u64> {
        self.lost.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_core::SplitMix64;

    /// The truth, kept apart from the atlas: who holds what, who ever held it, who is away.
    #[derive(Default)]
    struct Ground {
        held: Vec<BTreeSet<u64>>,
        ever: Vec<BTreeSet<u64>>,
        away: BTreeSet<usize>,
    }

    impl Terrain for Ground {
        fn away(&self, node: usize) -> bool {
            self.away.contains(&node)
        }

        fn holds(&self, node: usize, fact: u64) -> bool {
            self.held[node].contains(&fact)
        }
    }

    impl Ground {
        /// A fact is safe if at most `most` of those that ever held it do not hold it now.
        fn worst(&self) -> usize {
            let facts: BTreeSet<u64> = self.ever.iter().flatten().copied().collect();
            let gone = |fact: &u64| {
                (0..self.held.len())
                    .filter(|node| self.ever[*node].contains(fact) && !self.held[*node].contains(fact))
                    .count()
            };
            facts.iter().map(gone).max().unwrap_or(0)
        }
    }

    /// Writes, damage, repairs, crashes and emptied disks at random. Returns how many copies of one fact were gone at worst,
    /// how many nodes were struck at worst, and how much was carried out and spared.
    fn campaign(seed: u64, nodes: usize, bound: Bound, forgets: bool) -> (usize, usize, u64, u64) {
        let mut random = SplitMix64::new(seed);
        let mut below = |bound: u64| synod_core::Entropy::below(&mut random, bound);
        let mut atlas = Atlas { forgets, ..Atlas::new(bound, nodes) };
        let none = vec![BTreeSet::new(); nodes];
        let mut ground = Ground { held: none.clone(), ever: none, away: BTreeSet::new() };
        let (mut worst, mut done, mut spared) = (0, 0, 0);
        let mut struck = BTreeSet::new();
        for _ in 0..400 {
            let (node, fact) = (below(nodes as u64) as usize, below(12));
            match below(10) {
                0..4 => {
                    ground.held[node].insert(fact);
                    ground.ever[node].insert(fact);
                }
                4 if below(4) == 0 => _ = ground.away.insert(node),
                4 | 5 => _ = ground.away.remove(&node),
                6 if below(8) == 0 => {
                    if atlas.may_strike(node, &ground) {
                        if !forgets {
                            atlas.hollowed(node);
                        }
                        struck.insert(node);
                        ground.held[node].clear();
                    }
                }
                _ => {
                    // One record holds two facts.
                    let facts = [fact, (fact + 1) % 12];
                    if facts.iter().all(|fact| !ground.holds(node, *fact)) {
                        continue;
                    }
                    if atlas.may_destroy(node, &facts, &ground) {
                        atlas.destroyed(node, &facts);
                        struck.insert(node);
                        facts.iter().for_each(|fact| _ = ground.held[node].remove(fact));
                        done += 1;
                    } else {
                        spared += 1;
                    }
                }
            }
            worst = worst.max(ground.worst());
        }
        (worst, struck.len(), done, spared)
    }

    #[test]
    fn no_fact_is_gone_from_more_than_a_minority_of_those_that_held_it() {
        let (mut done, mut spared) = (0, 0);
        for seed in 0..140 {
            let nodes = 1 + seed as usize % 7;
            let (worst, _, carried_out, not) = campaign(seed, nodes, Bound::Records, false);
            assert!(worst <= (nodes - 1) / 2, "seed {seed}: {worst} of {nodes}");
            done += carried_out;
            spared += not;
        }
        assert!(done > 1_500 && spared > 1_500, "the atlas permits and forbids: {done}, {spared}");
    }

    #[test]
    fn no_more_than_a_minority_of_the_nodes_is_ever_struck() {
        for seed in 0..140 {
            let nodes = 1 + seed as usize % 7;
            let (_, struck, ..) = campaign(seed, nodes, Bound::Nodes, false);
            assert!(struck <= (nodes - 1) / 2, "seed {seed}: {struck} of {nodes}");
        }
    }

    #[test]
    fn an_atlas_that_forgets_is_noticed() {
        let beyond = |bound| (0..50).filter(move |seed| campaign(*seed, 5, bound, true).0 > 2).count();
        assert!(beyond(Bound::Records) > 40 && beyond(Bound::Nodes) > 40);
        let unbounded = (0..50).filter(|seed| campaign(*seed, 5, Bound::Unbounded, false).0 > 2).count();
        assert!(unbounded > 40, "{unbounded}");
    }

    #[test]
    fn what_is_written_again_may_be_destroyed_again_elsewhere() {
        let mut ground = Ground { held: vec![BTreeSet::from([7]); 3], ..Ground::default() };
        let mut atlas = Atlas::new(Bound::Records, 3);
        assert!(atlas.may_destroy(0, &[7], &ground));
        atlas.destroyed(0, &[7]);
        ground.held[0].clear();
        assert!(!atlas.may_destroy(1, &[7], &ground), "one of three is gone");
        ground.held[0].insert(7);
        assert!(atlas.may_destroy(1, &[7], &ground), "it was repaired");
        ground.away.insert(2);
        assert!(!atlas.may_destroy(1, &[7], &ground), "who is down counts");
        assert!(!Atlas::new(Bound::Records, 2).may_destroy(0, &[7], &ground), "two nodes can spare nothing");
    }
}
