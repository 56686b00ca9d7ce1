//! Where the load is, and where to cut so that it is halved.

use alloc::vec::Vec;

/// How much was asked of the keys in a row: a histogram over a range, in the order of the keys. `load` is what was asked of the
/// keys from `start` up to the next entry's `start`.
///
/// A single key that gets more than everything around it stands in an entry of its own; it cannot be halved by any cut.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sample<K> {
    /// The least key of the entry.
    pub start: K,
    /// What was asked of it, in any unit.
    pub load: u64,
}

/// The best cut of a range.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cut<K> {
    /// The first key of the right part.
    pub at: K,
    /// The load that stays to the left.
    pub left: u64,
    /// The load that goes to the right.
    pub right: u64,
}

/// The cut that leaves the least to the busier side; of equally good ones the first. `None` where there is nothing to cut: fewer than two
/// entries, or all load in one of them, so that a cut would only make two partitions out of one that is as hot as before.
///
/// ```
/// use synod_partition::{Sample, split_point};
/// let sample = |start, load| Sample { start, load };
/// let names = [sample("A", 10), sample("G", 20), sample("M", 15), sample("S", 60)];
/// let cut = split_point(&names).unwrap();
/// assert_eq!((cut.at, cut.left, cut.right), ("S", 45, 60));
///
/// let celebrity = [sample("A", 0), sample("Sam", 900), sample("San", 0)];
/// assert_eq!(split_point(&celebrity), None);                  // splitting does not cool a single hot key
/// ```
#[must_use]
pub fn split_point<K: Clone>(samples: &[Sample<K>]) -> Option<Cut<K>> {
    let total: u128 = samples.iter().map(|sample| u128::from(sample.load)).sum();
    let most = samples.iter().map(|sample| u128::from(sample.load)).max()?;
    if most == total {
        return None;
    }
    let mut left = 0_u128;
    let mut best: Option<(u128, Cut<K>)> = None;
    for pair in samples.windows(2) {
        let [before, after] = pair else { continue };
        left += u128::from(before.load);
        let busier = left.max(total - left);
        if best.as_ref().is_none_or(|(least, _)| busier < *least) {
            let clamp = |load: u128| u64::try_from(load).unwrap_or(u64::MAX);
            let cut = Cut { at: after.start.clone(), left: clamp(left), right: clamp(total - left) };
            best = Some((busier, cut));
        }
    }
    best.map(|(_, cut)| cut)
}

/// Which of these loads are hot: at least `factor_ppm` millionths of the mean, and at least `least`; the hottest first. Indices into the
/// slice. With one partition, or an idle cluster, nothing is hot.
///
/// ```
/// use synod_partition::hot_spots;
/// let loads = [10, 12, 90, 8, 30];                             // mean 30
/// assert_eq!(hot_spots(&loads, 2_000_000, 50), [2]);
/// ```
#[must_use]
pub fn hot_spots(loads: &[u64], factor_ppm: u64, least: u64) -> Vec<usize> {
    let total: u128 = loads.iter().map(|load| u128::from(*load)).sum();
    if loads.len() < 2 || total == 0 {
        return Vec::new();
    }
    let is_hot = |load: u64| {
        load >= least
            && u128::from(load) * loads.len() as u128 * 1_000_000 >= total.saturating_mul(factor_ppm.into())
    };
    let mut hot: Vec<usize> = (0..).zip(loads).filter(|(_, load)| is_hot(**load)).map(|(at, _)| at).collect();
    hot.sort_by_key(|at| (core::cmp::Reverse(loads.get(*at).copied()), *at));
    hot
}
