//! What moves from one placement to another: which positions, from whom, to whom, and how little could have moved.

mod copies;

pub use copies::{CopiesDiff, CopiesMove};

use crate::placement::Placement;
use crate::{Cluster, HashFn, NodeIx, PlacementError};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use synod_core::{NodeId, SplitMix64};

/// A placement whose positions belong to nodes range by range.
///
/// [`Ring`](crate::Ring), [`Slots`](crate::Slots) and [`Maglev`](crate::Maglev) are of this kind. The others decide anew for each single
/// position; [`Sliced`] gives any of them ranges.
///
/// Within a range not only the owner is the same, but also the order in which all others are first met among the
/// [`candidates`](Placement::candidates).
pub trait Ranges: Placement {
    /// The last position of each range and whose it is, ascending; the last one ends at `u64::MAX`. Neighbours may belong to one node.
    fn ranges(&self) -> impl Iterator<Item = (u64, NodeIx)> + '_;
}

impl<P: Ranges> Ranges for &P {
    fn ranges(&self) -> impl Iterator<Item = (u64, NodeIx)> + '_ {
        (**self).ranges()
    }
}

/// A range of positions that goes from one node to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Move {
    /// The positions, both ends included.
    pub range: RangeInclusive<u64>,
    /// Who owned them.
    pub from: NodeId,
    /// Who owns them now.
    pub to: NodeId,
}

impl Move {
    /// How many positions they are.
    #[must_use]
    pub const fn width(&self) -> u128 {
        *self.range.end() as u128 - *self.range.start() as u128 + 1
    }
}

/// All that moves between two placements, with a certificate of how little could.
///
/// The bound: a node that owns less than before gave up the difference at least, whatever the algorithm. The sum over all nodes of what
/// they lost is therefore the least that moves to *any* placement with the same shares; what moves beyond that is [`excess`](Self::excess).
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Cluster, Diff, HashFn, Node, Ring, Vnodes};
///
/// let old = Ring::new(Cluster::equal(9), Vnodes::each(64), HashFn::default())?;
/// let mut new = old.clone();
/// new.add(Node::new(NodeId(10)))?;
/// let diff = Diff::between(&old, &new);
/// assert!(diff.moves().iter().all(|moved| moved.to == NodeId(10)));
/// assert_eq!(diff.excess(), 0);                        // a ring moves no more than it must
/// assert!((0.07..0.13).contains(&diff.part()));        // about a tenth
/// diff.verify(&old, &new)?;                            // by look-ups, not by the code that found it
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    moves: Vec<Move>,
    moved: u128,
    bound: u128,
}

/// The number of positions.
pub const CIRCLE: u128 = 1 << 64;

impl Diff {
    /// What moves. `O(ranges of both)`.
    pub fn between<A: Ranges, B: Ranges>(old: &A, new: &B) -> Self {
        let mut moves: Vec<Move> = Vec::new();
        for (range, from, to) in joint_ranges(old, new) {
            let (from, to) = (old.cluster().id(from), new.cluster().id(to));
            if from == to {
                continue;
            }
            match moves.last_mut() {
                Some(last)
                    if (last.from, last.to) == (from, to)
                        && last.range.end().checked_add(1) == Some(*range.start()) =>
                {
                    last.range = *last.range.start()..=*range.end();
                }
                _ => moves.push(Move { range, from, to }),
            }
        }
        let moved = moves.iter().map(Move::width).sum();
        Self { moves, moved, bound: bound(&shares(old), &shares(new)) }
    }

    /// The moves, by position.
    #[must_use]
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// How many of the 2⁶⁴ positions move.
    #[must_use]
    pub const fn moved(&self) -> u128 {
        self.moved
    }

    /// The same as a part of all.
    #[must_use]
    pub fn part(&self) -> f64 {
        self.moved as f64 / CIRCLE as f64
    }

    /// How many positions move at least, from the old shares to the new ones, by any algorithm.
    #[must_use]
    pub const fn bound(&self) -> u128 {
        self.bound
    }

    /// How many positions move beyond what must.
    #[must_use]
    pub const fn excess(&self) -> u128 {
        self.moved.saturating_sub(self.bound)
    }

    /// Checks all of it by look-ups: that each moved range belongs to whom it says, before and after, that nothing else has
    /// moved, and that the numbers are right. `O(ranges)`; shares no code with the search.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify<A: Ranges, B: Ranges>(&self, old: &A, new: &B) -> Result<(), DiffFlaw> {
        // Between two neighbouring ends of ranges nothing changes hands, so that the first and the last position speak for all.
        let ends = all_ends(old, new, self.moves.iter().map(|moved| &moved.range))?;
        let (mut start, mut moved) = (0_u64, 0_u128);
        let mut balance: BTreeMap<NodeId, i128> = BTreeMap::new();
        for end in ends {
            for position in [start, end] {
                let (from, to) = (old.owner(position), new.owner(position));
                let said = self.moves.partition_point(|moved| *moved.range.end() < position);
                let said = self.moves.get(said).filter(|moved| moved.range.contains(&position));
                let said = said.map_or((from, from), |moved| (moved.from, moved.to));
                if said != (from, to) || (self.moves.is_empty() && from != to) {
                    return Err(DiffFlaw::Owner { position, from, to });
                }
            }
            let (from, to) = (old.owner(start), new.owner(start));
            if from != to {
                let width = i128::from(end) - i128::from(start) + 1;
                moved += width as u128;
                *balance.entry(from).or_default() -= width;
                *balance.entry(to).or_default() += width;
            }
            start = end.wrapping_add(1);
        }
        let least: u128 =
            balance.values().filter(|change| **change < 0).map(|change| change.unsigned_abs()).sum();
        if (moved, least) != (self.moved, self.bound) {
            return Err(DiffFlaw::Numbers { moved, least });
        }
        Ok(())
    }
}

/// The ranges within which neither of two placements changes, ascending, and whose they are.
fn joint_ranges<A: Ranges, B: Ranges>(
    old: &A,
    new: &B,
) -> impl Iterator<Item = (RangeInclusive<u64>, NodeIx, NodeIx)> {
    let (mut olds, mut news) = (old.ranges().peekable(), new.ranges().peekable());
    let mut next = Some(0_u64);
    core::iter::from_fn(move || {
        let start = next?;
        let ((a_end, a), (b_end, b)) = (*olds.peek()?, *news.peek()?);
        let end = a_end.min(b_end);
        olds.next_if(|(a_end, _)| *a_end == end);
        news.next_if(|(b_end, _)| *b_end == end);
        next = end.checked_add(1);
        Some((start..=end, a, b))
    })
}

/// Where ranges end, ascending: those of two placements and those that are said to move.
fn all_ends<'a, A: Ranges, B: Ranges>(
    old: &A,
    new: &B,
    moves: impl Iterator<Item = &'a RangeInclusive<u64>> + Clone,
) -> Result<Vec<u64>, DiffFlaw> {
    let mut ends: Vec<u64> = old.ranges().map(|(end, _)| end).collect();
    ends.extend(new.ranges().map(|(end, _)| end));
    ends.extend(moves.clone().map(|range| *range.end()));
    ends.extend(moves.filter_map(|range| range.start().checked_sub(1)));
    ends.sort_unstable();
    ends.dedup();
    if ends.last() == Some(&u64::MAX) { Ok(ends) } else { Err(DiffFlaw::Gap) }
}

/// A diff that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiffFlaw {
    /// The ranges of a placement do not reach the end of the circle.
    #[error("the ranges do not cover the circle")]
    Gap,
    /// A position has other owners than the diff says.
    #[error("position {position} goes from {from} to {to}, and the diff says something else")]
    Owner {
        /// The position.
        position: u64,
        /// Who owned it.
        from: NodeId,
        /// Who owns it now.
        to: NodeId,
    },
    /// A position has its copies on other nodes than the diff says, or they cannot be placed, or they differ within a range.
    #[error("the diff says something else about the copies of position {position} than look-ups do")]
    Copies {
        /// The position.
        position: u64,
    },
    /// A sum is wrong.
    #[error("{moved} positions move, of at least {least}, and the diff says something else")]
    Numbers {
        /// How many move.
        moved: u128,
        /// How many move at least.
        least: u128,
    },
}

/// How many positions each node owns, by identity. The sum is [`CIRCLE`].
pub fn shares<P: Ranges>(placement: &P) -> BTreeMap<NodeId, u128> {
    let mut widths = alloc::vec![0_u128; placement.cluster().len()];
    let mut start = 0_u128;
    for (end, node) in placement.ranges() {
        if let Some(width) = widths.get_mut(node.at()) {
            *width += u128::from(end) + 1 - start;
        }
        start = u128::from(end) + 1;
    }
    placement.cluster().ids().iter().copied().zip(widths).collect()
}

fn bound(old: &BTreeMap<NodeId, u128>, new: &BTreeMap<NodeId, u128>) -> u128 {
    old.iter().map(|(id, share)| share.saturating_sub(new.get(id).copied().unwrap_or(0))).sum()
}

/// What happens to a set of keys between any two placements, ranges or not: who loses which to whom. The bound is as in [`Diff`], with keys
/// in place of positions.
///
/// ```
/// use synod_hashring::{Cluster, HashFn, KeysDiff, Rendezvous};
///
/// let old = Rendezvous::new(Cluster::equal(9), HashFn::default())?;
/// let new = Rendezvous::new(Cluster::equal(10), HashFn::default())?;
/// let diff = KeysDiff::between(&old, &new, (0..1000).map(|key| HashFn::default().hash_u64(key)));
/// assert_eq!((diff.excess(), diff.keys), (0, 1000));
/// # Ok::<(), synod_hashring::PlacementError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeysDiff {
    /// How many keys there were.
    pub keys: u64,
    /// The positions of those that move, with their owners before and after, in the order in which they were given.
    pub moves: Vec<(u64, NodeId, NodeId)>,
    /// How many move at least, by any algorithm that ends with the same number of keys on each node.
    pub bound: u64,
}

impl KeysDiff {
    /// What moves of these positions.
    pub fn between<A: Placement, B: Placement>(
        old: &A,
        new: &B,
        positions: impl IntoIterator<Item = u64>,
    ) -> Self {
        let mut diff = Self::default();
        let mut balance: BTreeMap<NodeId, i64> = BTreeMap::new();
        for position in positions {
            let (from, to) = (old.owner(position), new.owner(position));
            diff.keys += 1;
            if from != to {
                diff.moves.push((position, from, to));
                *balance.entry(from).or_default() -= 1;
                *balance.entry(to).or_default() += 1;
            }
        }
        diff.bound = balance.values().filter(|change| **change < 0).map(|change| change.unsigned_abs()).sum();
        diff
    }

    /// How many keys move beyond what must.
    #[must_use]
    pub const fn excess(&self) -> u64 {
        (self.moves.len() as u64).saturating_sub(self.bound)
    }
}

/// Any placement, applied to 2^bits slices of the circle in place of single positions: it has [`Ranges`] then, and so exact diffs.
///
/// A slice is a partition in the sense of storage systems: it moves as a whole, and a key's slice never changes.
///
/// ```
/// use synod_hashring::{Cluster, Diff, HashFn, JumpBack, Sliced};
///
/// let sliced = |nodes| Sliced::new(JumpBack::new(Cluster::equal(nodes), HashFn::default())?, 12);
/// let (old, new) = (sliced(20)?, sliced(21)?);
/// let diff = Diff::between(&old, &new);
/// assert_eq!(diff.excess(), 0);
/// diff.verify(&old, &new)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sliced<P> {
    inner: P,
    bits: u32,
}

impl<P: Placement> Sliced<P> {
    /// Slices of equal width, 2^bits of them.
    ///
    /// # Errors
    /// If `bits` is not between 1 and 32.
    pub fn new(inner: P, bits: u32) -> Result<Self, PlacementError> {
        if !(1..=32).contains(&bits) {
            return Err(PlacementError::Range {
                what: "the number of bits",
                given: bits.into(),
                min: 1,
                max: 32,
            });
        }
        Ok(Self { inner, bits })
    }

    /// What decides for each slice.
    pub const fn inner(&self) -> &P {
        &self.inner
    }

    /// The position that stands for a slice: its number, hashed.
    #[inline]
    fn representative(&self, slice: u64) -> u64 {
        SplitMix64::mix(slice.wrapping_add(crate::hash::GOLDEN))
    }
}

impl<P: Placement> Placement for Sliced<P> {
    fn cluster(&self) -> &Cluster {
        self.inner.cluster()
    }

    fn hash_fn(&self) -> HashFn {
        self.inner.hash_fn()
    }

    #[inline]
    fn place(&self, position: u64) -> NodeIx {
        self.inner.place(self.representative(position >> (64 - self.bits)))
    }

    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        self.inner.candidates(self.representative(position >> (64 - self.bits)))
    }
}

impl<P: Placement> Ranges for Sliced<P> {
    fn ranges(&self) -> impl Iterator<Item = (u64, NodeIx)> + '_ {
        let width = 64 - self.bits;
        (0..1_u64 << self.bits).map(move |slice| {
            let end = (slice << width) | ((1 << width) - 1);
            (end, self.inner.place(self.representative(slice)))
        })
    }
}
