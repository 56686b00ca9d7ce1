//! A ring whose copies are worked out ahead.

use super::Ring;
use crate::placement::{Fours, Placement, choose};
use crate::{Cluster, HashFn, Infeasible, NodeIx, Owners, Ranges, Spread};
use alloc::vec::Vec;

/// A [`Ring`] with the nodes that keep the copies of each of its ranges, for one [`Spread`]: [`owners`](Placement::owners) is one look-up
/// more, and says what the ring says. Made by [`Ring::replicated`].
///
/// What proxies and clients keep, who ask for the same number of copies all day. It takes half as long where the caches hold it, with 160
/// points up to some hundred nodes; beyond, the ring alone is quicker. Another spread is answered too, as by the ring. It does not change: when
/// the ring does, it is made anew.
///
/// ```
/// use synod_hashring::{Cluster, HashFn, Placement, Ring, Spread, Vnodes};
///
/// let ring = Ring::new(Cluster::equal(5), Vnodes::each(160), HashFn::default())?;
/// let spread = Spread::copies(3);
/// let replicated = ring.clone().replicated(spread)?;
/// let position = ring.hash_fn().hash(b"user_123");
/// assert!(replicated.owners(position, spread)?.eq(ring.owners(position, spread)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replicated {
    ring: Ring,
    spread: Spread,
    /// For each word of the ring's points [`each`] numbers of four nodes; [`BEHIND`] where the word does not decide.
    fours: Vec<u128>,
}

/// No node has this number.
const BEHIND: u128 = u128::MAX;

impl Replicated {
    pub(super) fn new(ring: Ring, spread: Spread) -> Result<Self, Infeasible> {
        spread.check(ring.cluster())?;
        let each = each(spread);
        let mut fours = Vec::with_capacity(ring.points.words_len() * each);
        let mut last = None;
        for (word, walk) in ring.points.walks() {
            // The closings of a line are one word, as often as there is room.
            if last == Some(word) {
                fours.extend_from_within(fours.len() - each..);
                continue;
            }
            last = Some(word);
            let chosen = walk.map(|walk| choose(ring.cluster(), spread, walk));
            fours.extend(chosen.map_or([BEHIND; Fours::MAX], |chosen| chosen.0).into_iter().take(each));
        }
        Ok(Self { ring, spread, fours })
    }

    /// The ring.
    #[must_use]
    pub const fn ring(&self) -> &Ring {
        &self.ring
    }

    /// The ring, alone again.
    #[must_use]
    pub fn into_ring(self) -> Ring {
        self.ring
    }

    /// The spread whose copies are known.
    #[must_use]
    pub const fn spread(&self) -> Spread {
        self.spread
    }

    /// Bytes that it takes with its ring: for up to four copies 43 to 48 for each point where a node has 18 or more, and 28 to 32 more for each
    /// four copies beyond.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ring.bytes() + size_of_val(self.fours.as_slice())
    }

    /// What stands behind a line, in one look-up of twenty, and other spreads.
    #[cold]
    #[inline(never)]
    fn walked(&self, position: u64, spread: Spread) -> Result<Fours, Infeasible> {
        spread.check(self.cluster())?;
        Ok(choose(self.cluster(), spread, self.candidates(position)))
    }
}

impl Placement for Replicated {
    fn cluster(&self) -> &Cluster {
        self.ring.cluster()
    }

    fn hash_fn(&self) -> HashFn {
        self.ring.hash_fn()
    }

    #[inline]
    fn place(&self, position: u64) -> NodeIx {
        self.ring.place(position)
    }

    #[inline]
    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        self.ring.candidates(position)
    }

    #[inline(always)]
    fn owners(&self, position: u64, spread: Spread) -> Result<Owners<'_>, Infeasible> {
        let each = each(spread);
        let at = self.ring.points.word_at(position) * each;
        let known = match self.fours.get(at..at + each) {
            Some(known) if spread == self.spread && known.first() != Some(&BEHIND) => Fours::of(known),
            _ => self.walked(position, spread)?,
        };
        Ok(known.owners(self.cluster(), spread.count()))
    }
}

/// How many numbers of four nodes hold the copies.
#[inline]
fn each(spread: Spread) -> usize {
    usize::from(spread.count()).div_ceil(Fours::NODES)
}

impl Ranges for Replicated {
    fn ranges(&self) -> impl Iterator<Item = (u64, NodeIx)> + '_ {
        self.ring.ranges()
    }
}
