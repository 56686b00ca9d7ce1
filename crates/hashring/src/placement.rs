//! The one trait: who owns a key, and who else keeps a copy.

use crate::{COPIES_MAX, Cluster, HashFn, Infeasible, NodeIx, Spread, ZONE_LEVELS};
use synod_core::NodeId;

/// A function from positions to nodes.
///
/// Implementations are values: they never change by themselves, and equal configurations give equal owners in every process on
/// every platform. Every method is total: a placement that nobody could serve cannot be made.
pub trait Placement {
    /// The nodes among which it chooses.
    fn cluster(&self) -> &Cluster;

    /// The hash function that makes positions of keys.
    fn hash_fn(&self) -> HashFn;

    /// The owner of this position.
    fn place(&self, position: u64) -> NodeIx;

    /// Nodes for this position in the order of preference, beginning with its owner. A node may come more than once, and
    /// each that may own keys comes at least once.
    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_;

    /// The owner of this position, by identity.
    #[inline]
    fn owner(&self, position: u64) -> NodeId {
        self.cluster().id(self.place(position))
    }

    /// The owner of this key.
    fn owner_of(&self, key: &[u8]) -> NodeId {
        self.owner(self.hash_fn().hash(key))
    }

    /// The nodes that keep the copies of what is at this position: as many *distinct* nodes as the spread says, in as many failure
    /// domains, the owner first. Nothing is allocated.
    ///
    /// # Errors
    /// If the cluster has too few nodes or failure domains for it. That depends on the cluster alone, never on the position.
    #[inline]
    fn owners(
        &self,
        position: u64,
        spread: Spread,
    ) -> Result<Owners<'_, impl Iterator<Item = NodeIx> + '_>, Infeasible>
    where
        Self: Sized,
    {
        spread.check(self.cluster())?;
        Ok(Owners::new(self.candidates(position), self.cluster(), spread))
    }
}

impl<P: Placement> Placement for &P {
    fn cluster(&self) -> &Cluster {
        (**self).cluster()
    }

    fn hash_fn(&self) -> HashFn {
        (**self).hash_fn()
    }

    #[inline]
    fn place(&self, position: u64) -> NodeIx {
        (**self).place(position)
    }

    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        (**self).candidates(position)
    }
}

/// The nodes that keep the copies of one position, the owner first: distinct, and in distinct failure domains as the [`Spread`]
/// demands. Made by [`Placement::owners`].
///
/// It goes through the candidates once. One that brings nothing new is passed over as soon as every copy that is left is needed for
/// a new failure domain; because domains nest, what was passed over is never missed.
#[derive(Clone, Debug)]
pub struct Owners<'a, I> {
    candidates: I,
    cluster: &'a Cluster,
    /// Copies that are still to be placed.
    left: u8,
    /// Failure domains of each level that are still to be reached.
    needed: [u8; ZONE_LEVELS],
    chosen: [NodeIx; COPIES_MAX as usize],
    count: u8,
    by_zone: bool,
}

impl<'a, I: Iterator<Item = NodeIx>> Owners<'a, I> {
    #[inline]
    fn new(candidates: I, cluster: &'a Cluster, spread: Spread) -> Self {
        Self {
            candidates,
            cluster,
            left: spread.count(),
            // The first copy reaches one domain of each level, wherever it is.
            needed: spread.domains().map(|needed| needed.saturating_sub(1)),
            chosen: [NodeIx(u32::MAX); COPIES_MAX as usize],
            count: 0,
            by_zone: spread.domains().iter().any(|needed| *needed > 1),
        }
    }

    /// Takes the candidate if it helps.
    #[inline]
    fn take(&mut self, node: NodeIx) -> bool {
        let chosen = self.chosen.get(..usize::from(self.count)).unwrap_or_default();
        // The most frequent refusal first: the node has a copy already.
        if chosen.contains(&node) {
            return false;
        }
        if self.by_zone && self.count > 0 {
            let domains = self.cluster.domains(node);
            let mut needed = self.needed;
            for (level, (needed, own)) in needed.iter_mut().zip(domains).enumerate() {
                if *needed == 0 {
                    continue;
                }
                let new = chosen.iter().all(|other| self.cluster.domains(*other).get(level) != Some(&own));
                *needed -= u8::from(new);
                // The copies that are left after this one must be as many as the domains that are still to be reached.
                if *needed >= self.left {
                    return false;
                }
            }
            self.needed = needed;
        }
        if let Some(place) = self.chosen.get_mut(usize::from(self.count)) {
            *place = node;
        }
        self.count += 1;
        self.left -= 1;
        true
    }
}

impl<I: Iterator<Item = NodeIx>> Iterator for Owners<'_, I> {
    type Item = NodeId;

    #[inline]
    fn next(&mut self) -> Option<NodeId> {
        if self.left == 0 {
            return None;
        }
        loop {
            let node = self.candidates.next()?;
            if self.take(node) {
                return Some(self.cluster.id(node));
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.left), Some(usize::from(self.left)))
    }
}

impl<I: Iterator<Item = NodeIx>> ExactSizeIterator for Owners<'_, I> {}

/// What follows when hashing again has found nobody new: all who may own keys, beginning somewhere.
pub(crate) fn everybody(cluster: &Cluster, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
    let start = crate::slots::scale(position, cluster.len() as u32);
    let all = || (0..cluster.len() as u32).map(NodeIx).filter(|node| cluster.share(*node) > 0);
    all().skip_while(move |node| node.0 < start).chain(all().take_while(move |node| node.0 < start))
}

/// Candidates of an algorithm that chooses one node for a hash: those of the hash, of the hash hashed again, and so on; then everybody.
pub(crate) fn again<'a>(
    cluster: &'a Cluster,
    position: u64,
    place: impl Fn(u64) -> NodeIx + 'a,
) -> impl Iterator<Item = NodeIx> + 'a {
    let attempts = 0..AGAIN;
    let hash = move |attempt: u64| match attempt {
        0 => position,
        _ => synod_core::SplitMix64::mix(position.wrapping_add(attempt.wrapping_mul(crate::hash::GOLDEN))),
    };
    attempts.map(move |attempt| place(hash(attempt))).chain(everybody(cluster, position))
}

/// How often a hash is hashed again before everybody is asked in turn.
const AGAIN: u64 = 32;
