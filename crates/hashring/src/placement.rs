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
    #[inline(always)]
    fn owner(&self, position: u64) -> NodeId {
        self.cluster().id(self.place(position))
    }

    /// The owner of this key.
    fn owner_of(&self, key: &[u8]) -> NodeId {
        self.owner(self.hash_fn().hash(key))
    }

    /// The nodes that keep the copies of what is at this position: as many *distinct* nodes as the spread says, in as many failure
    /// domains, the owner first. All are found at once, and nothing is allocated.
    ///
    /// # Errors
    /// If the cluster has too few nodes or failure domains for it. That depends on the cluster alone, never on the position.
    #[inline(always)]
    fn owners(&self, position: u64, spread: Spread) -> Result<Owners<'_>, Infeasible>
    where
        Self: Sized,
    {
        let cluster = self.cluster();
        spread.check(cluster)?;
        Ok(choose(cluster, spread, self.candidates(position)).owners(cluster, spread.count()))
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

    #[inline(always)]
    fn owners(&self, position: u64, spread: Spread) -> Result<Owners<'_>, Infeasible> {
        (**self).owners(position, spread)
    }
}

/// The copies that a spread asks for, which the cluster can give.
#[inline(always)]
pub(crate) fn choose(cluster: &Cluster, spread: Spread, from: impl Iterator<Item = NodeIx>) -> Fours {
    match Few::of(spread) {
        Some(few) => few.choose(cluster, from),
        None => many(cluster, spread, from),
    }
}

/// Any number of copies, in failure domains of any levels.
#[cold]
#[inline(never)]
fn many(cluster: &Cluster, spread: Spread, mut from: impl Iterator<Item = NodeIx>) -> Fours {
    let mut many = Many::of(cluster, spread);
    _ = from.any(|node| many.offer(node));
    let (fours, _) = many.chosen.as_chunks();
    Fours(core::array::from_fn(|at| fours.get(at).map_or(0, |four| Fours::four(*four))))
}

/// The nodes that keep the copies of one position, the owner first: distinct, and in distinct failure domains as the [`Spread`]
/// demands. Made by [`Placement::owners`].
#[derive(Clone, Debug)]
pub struct Owners<'a> {
    cluster: &'a Cluster,
    /// Those that are still to come.
    coming: Fours,
    next: u32,
    count: u32,
}

/// Nodes, four in a number, the first one lowest: they are shifted and never indexed, so that they stay in registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fours(pub(crate) [u128; Self::MAX]);

impl Fours {
    /// How many nodes are in a number.
    pub(crate) const NODES: usize = 4;
    pub(crate) const MAX: usize = COPIES_MAX as usize / Self::NODES;

    #[inline]
    const fn four([a, b, c, d]: [NodeIx; Self::NODES]) -> u128 {
        a.0 as u128 | (b.0 as u128) << 32 | (c.0 as u128) << 64 | (d.0 as u128) << 96
    }

    /// Some of the numbers, the first ones.
    #[inline]
    pub(crate) const fn of(fours: &[u128]) -> Self {
        match *fours {
            [a] => Self([a, 0, 0, 0]),
            [a, b] => Self([a, b, 0, 0]),
            [a, b, c] => Self([a, b, c, 0]),
            [a, b, c, d, ..] => Self([a, b, c, d]),
            [] => Self([0; Self::MAX]),
        }
    }

    #[inline]
    pub(crate) const fn owners(self, cluster: &Cluster, count: u8) -> Owners<'_> {
        Owners { cluster, coming: self, next: 0, count: count as u32 }
    }
}

impl Iterator for Owners<'_> {
    type Item = NodeId;

    #[inline]
    fn next(&mut self) -> Option<NodeId> {
        if self.next >= self.count {
            return None;
        }
        let Fours([four, second, third, fourth]) = self.coming;
        self.next += 1;
        self.coming = Fours(match self.next as usize % Fours::NODES {
            0 => [second, third, fourth, 0],
            _ => [four >> 32, second, third, fourth],
        });
        Some(self.cluster.id(NodeIx(four as u32)))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.count - self.next) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Owners<'_> {}

/// The choice of copies.
struct Many<'a> {
    cluster: &'a Cluster,
    copies: u8,
    /// Failure domains of each level that are still to be reached.
    needed: [u8; ZONE_LEVELS],
    chosen: [NodeIx; COPIES_MAX as usize],
    count: u32,
}

impl<'a> Many<'a> {
    /// Nobody yet.
    fn of(cluster: &'a Cluster, spread: Spread) -> Self {
        // The first copy reaches one domain of each level, wherever it is.
        let needed = spread.domains().map(|needed| needed.saturating_sub(1));
        let chosen = [NOBODY; COPIES_MAX as usize];
        Self { cluster, copies: spread.count(), needed, chosen, count: 0 }
    }

    /// Takes the next candidate if it helps; whether all copies have their nodes then.
    ///
    /// One that brings nothing new is passed over as soon as every copy that is left is needed for a new failure domain; because
    /// domains nest, what was passed over is never missed.
    fn offer(&mut self, node: NodeIx) -> bool {
        let count = self.count as usize;
        // The most frequent refusal first: the node has a copy already.
        if self.chosen.iter().take(count).any(|chosen| *chosen == node) {
            return false;
        }
        if self.needed != [0; ZONE_LEVELS] && count > 0 {
            let Some(needed) = self.reached(node) else { return false };
            self.needed = needed;
        }
        if let Some(place) = self.chosen.get_mut(count) {
            *place = node;
        }
        self.count += 1;
        self.count >= self.copies.into()
    }

    /// How many failure domains of each level are still to be reached when this node has a copy too; `None` if the copies that are
    /// left after it would be too few for them.
    fn reached(&self, node: NodeIx) -> Option<[u8; ZONE_LEVELS]> {
        let chosen = self.chosen.get(..self.count as usize).unwrap_or_default();
        let domains = self.cluster.domains(node);
        let mut needed = self.needed;
        for (level, (needed, own)) in needed.iter_mut().zip(domains).enumerate() {
            if *needed > 0 {
                let same = |other: &NodeIx| self.cluster.domains(*other).get(level) == Some(&own);
                *needed -= u8::from(!chosen.iter().any(same));
                if u32::from(*needed) >= u32::from(self.copies) - self.count {
                    return None;
                }
            }
        }
        Some(needed)
    }
}

/// The choice of up to three copies, with failure domains of one level at most: what nearly everybody asks for. It does what
/// [`Many::offer`] does, each copy in a place of its own in the code, so that processors learn how often each is refused.
#[derive(Clone, Copy)]
struct Few {
    copies: u8,
    /// In so many domains of this level at least.
    domains: u8,
    level: usize,
}

impl Few {
    #[inline]
    fn of(spread: Spread) -> Option<Self> {
        let all = spread.domains();
        let level = all.iter().position(|wanted| *wanted > 1).unwrap_or(0);
        let others = all.iter().skip(level + 1).any(|wanted| *wanted > 1);
        let domains = all.get(level).copied().unwrap_or(0);
        let copies = spread.count();
        (copies <= 3 && !others).then_some(Self { copies, domains, level })
    }

    #[inline(always)]
    fn choose(self, cluster: &Cluster, mut from: impl Iterator<Item = NodeIx>) -> Fours {
        let Self { copies, domains, level } = self;
        let domain = |node: NodeIx| if domains > 1 { cluster.domain(node, level) } else { 0 };
        let a = first(&mut from, |_| true);
        let (mut b, mut c) = (NOBODY, NOBODY);
        if copies > 1 {
            let of_a = domain(a);
            let elsewhere = domains >= copies;
            b = first(&mut from, |b| (b != a) & !(elsewhere & (domain(b) == of_a)));
            if copies > 2 {
                let of_b = domain(b);
                let elsewhere = domains > 1 + u8::from(of_a != of_b);
                let stays = |of_c| elsewhere & ((of_c == of_a) | (of_c == of_b));
                c = first(&mut from, |c| (c != a) & (c != b) & !stays(domain(c)));
            }
        }
        Fours([Fours::four([a, b, c, NOBODY]), 0, 0, 0])
    }
}

const NOBODY: NodeIx = NodeIx(u32::MAX);

/// The first who suits: `Iterator::find`, compiled into whoever asks.
#[inline(always)]
fn first(from: &mut impl Iterator<Item = NodeIx>, suits: impl Fn(NodeIx) -> bool) -> NodeIx {
    for node in from {
        if suits(node) {
            return node;
        }
    }
    NOBODY
}

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
