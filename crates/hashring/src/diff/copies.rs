//! What has to be copied where several nodes keep each position.

use super::{DiffFlaw, Ranges, all_ends, joint_ranges};
use crate::{COPIES_MAX, Infeasible, Spread};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use synod_core::NodeId;

/// A range of positions that other nodes keep than before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CopiesMove {
    /// The positions, both ends included.
    pub range: RangeInclusive<u64>,
    /// Who kept copies and keeps none now, ascending.
    pub from: Vec<NodeId>,
    /// Who keeps copies and kept none before, ascending: each has to get one, from anybody who had it.
    pub to: Vec<NodeId>,
}

impl CopiesMove {
    /// How many positions are copied, once for each node that gets them.
    #[must_use]
    pub const fn copied(&self) -> u128 {
        (*self.range.end() as u128 - *self.range.start() as u128 + 1) * self.to.len() as u128
    }
}

/// All that is copied between two placements of which several nodes keep each position, with a certificate of how little could be: the like of
/// [`Diff`](super::Diff), which tells of owners alone.
///
/// The bound: a node that keeps more positions than before got the difference at least, whatever the algorithm. A ring without zones reaches
/// it; where zones have to be distinct, it copies more now and then.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Cluster, CopiesDiff, HashFn, Node, Ring, Spread, Vnodes};
///
/// let old = Ring::new(Cluster::equal(9), Vnodes::each(64), HashFn::default())?;
/// let mut new = old.clone();
/// new.add(Node::new(NodeId(10)))?;
/// let three = Spread::copies(3);
/// let diff = CopiesDiff::between((&old, three), (&new, three))?;
/// assert!(diff.moves().iter().all(|moved| moved.to == [NodeId(10)] && moved.from.len() == 1));
/// assert_eq!(diff.excess(), 0);
/// diff.verify((&old, three), (&new, three))?;
///
/// // Two copies become three.
/// let more = CopiesDiff::between((&new, Spread::copies(2)), (&new, three))?;
/// assert_eq!((more.copied(), more.excess()), (synod_hashring::CIRCLE, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiesDiff {
    moves: Vec<CopiesMove>,
    copied: u128,
    bound: u128,
}

impl CopiesDiff {
    /// What is copied. `O(ranges of both)`, each with a look-up of its copies.
    ///
    /// # Errors
    /// If one of the clusters cannot give its spread.
    pub fn between<A: Ranges, B: Ranges>(old: (&A, Spread), new: (&B, Spread)) -> Result<Self, Infeasible> {
        let mut moves: Vec<CopiesMove> = Vec::new();
        let mut kept: BTreeMap<NodeId, i128> = BTreeMap::new();
        for (range, _, _) in joint_ranges(old.0, new.0) {
            let (had, has) = (Keepers::of(old, *range.end())?, Keepers::of(new, *range.end())?);
            let (from, to) = (had.without(&has), has.without(&had));
            if from.is_empty() && to.is_empty() {
                continue;
            }
            let width = i128::from(*range.end()) - i128::from(*range.start()) + 1;
            from.iter().for_each(|id| *kept.entry(*id).or_default() -= width);
            to.iter().for_each(|id| *kept.entry(*id).or_default() += width);
            match moves.last_mut() {
                Some(last)
                    if (&last.from, &last.to) == (&from, &to)
                        && last.range.end().checked_add(1) == Some(*range.start()) =>
                {
                    last.range = *last.range.start()..=*range.end();
                }
                _ => moves.push(CopiesMove { range, from, to }),
            }
        }
        let copied = moves.iter().map(CopiesMove::copied).sum();
        let bound = kept.values().filter(|change| **change > 0).map(|change| change.unsigned_abs()).sum();
        Ok(Self { moves, copied, bound })
    }

    /// The moves, by position.
    #[must_use]
    pub fn moves(&self) -> &[CopiesMove] {
        &self.moves
    }

    /// How many positions are copied, each once for each node that gets it.
    #[must_use]
    pub const fn copied(&self) -> u128 {
        self.copied
    }

    /// How many positions are copied at least, from what nodes kept to what they keep, by any algorithm.
    #[must_use]
    pub const fn bound(&self) -> u128 {
        self.bound
    }

    /// How many positions are copied beyond what must.
    #[must_use]
    pub const fn excess(&self) -> u128 {
        self.copied.saturating_sub(self.bound)
    }

    /// Checks all of it by look-ups at both ends of every range: that each range that moves was kept and is kept by whom it says, that nothing
    /// else has moved, and that the numbers are right.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify<A: Ranges, B: Ranges>(&self, old: (&A, Spread), new: (&B, Spread)) -> Result<(), DiffFlaw> {
        let ends = all_ends(old.0, new.0, self.moves.iter().map(|moved| &moved.range))?;
        let keepers = |position| -> Result<_, Infeasible> {
            let had: Vec<_> = old.0.owners(position, old.1)?.collect();
            let has: Vec<_> = new.0.owners(position, new.1)?.collect();
            let mut gone: Vec<_> = had.iter().filter(|id| !has.contains(id)).copied().collect();
            let mut come: Vec<_> = has.iter().filter(|id| !had.contains(id)).copied().collect();
            gone.sort_unstable();
            come.sort_unstable();
            Ok((gone, come))
        };
        let (mut start, mut copied) = (0_u64, 0_u128);
        let mut kept: BTreeMap<NodeId, (u128, u128)> = BTreeMap::new();
        for end in ends {
            let found = keepers(end).map_err(|_| DiffFlaw::Copies { position: end })?;
            for position in [start, end] {
                let said = self.moves.partition_point(|moved| *moved.range.end() < position);
                let said = self.moves.get(said).filter(|moved| moved.range.contains(&position));
                let said = said.map_or_else(Default::default, |moved| (moved.from.clone(), moved.to.clone()));
                if said != found || keepers(position).as_ref() != Ok(&found) {
                    return Err(DiffFlaw::Copies { position });
                }
            }
            let width = u128::from(end) - u128::from(start) + 1;
            let (gone, come) = found;
            copied += width * come.len() as u128;
            gone.into_iter().for_each(|id| kept.entry(id).or_default().0 += width);
            come.into_iter().for_each(|id| kept.entry(id).or_default().1 += width);
            start = end.wrapping_add(1);
        }
        let least = kept.values().map(|(lost, got)| got.saturating_sub(*lost)).sum();
        if (copied, least) != (self.copied, self.bound) {
            return Err(DiffFlaw::Numbers { moved: copied, least });
        }
        Ok(())
    }
}

/// The nodes that keep a position, ascending.
struct Keepers {
    ids: [NodeId; COPIES_MAX as usize],
    count: usize,
}

impl Keepers {
    fn of<P: Ranges>((placement, spread): (&P, Spread), position: u64) -> Result<Self, Infeasible> {
        let mut keepers = Self { ids: [NodeId(u64::MAX); COPIES_MAX as usize], count: 0 };
        for (place, id) in keepers.ids.iter_mut().zip(placement.owners(position, spread)?) {
            *place = id;
            keepers.count += 1;
        }
        if let Some(ids) = keepers.ids.get_mut(..keepers.count) {
            ids.sort_unstable();
        }
        Ok(keepers)
    }

    fn ids(&self) -> &[NodeId] {
        self.ids.get(..self.count).unwrap_or_default()
    }

    fn without(&self, others: &Self) -> Vec<NodeId> {
        self.ids().iter().filter(|id| !others.ids().contains(id)).copied().collect()
    }
}
