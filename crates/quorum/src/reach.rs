//! How far a quorum has got.

use crate::Rule;
use crate::rule::Shape;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Up to so many parts are looked at on the stack.
const ON_STACK: usize = 16;
/// Mostly there are no more.
const FEW: usize = 5;

impl<M: Copy + Ord> Rule<M> {
    /// The greatest value that every member of some quorum has reached: with the acknowledged index of each member, the index that
    /// is committed.
    ///
    /// O(n²) for the up to 16 members of a part, without an allocation; O(n log n) above that, with one list for each part.
    ///
    /// ```
    /// use synod_quorum::Rule;
    /// let matched = |node: usize| [0, 9, 4, 7, 0, 2][node];
    /// assert_eq!(Rule::majority(1..=5)?.reached(matched), 4);
    /// assert_eq!(Rule::at_least(2, 1..=5)?.reached(matched), 7);
    /// // In the middle of a change from {1, 2, 3} to {4, 5}, both must have it.
    /// let joint = Rule::all([Rule::majority(1..=3)?, Rule::majority(4..=5)?])?;
    /// assert_eq!(joint.reached(matched), 0);
    /// # Ok::<(), synod_quorum::RuleError>(())
    /// ```
    #[must_use]
    pub fn reached<V: Copy + Ord + Default>(&self, value: impl Fn(M) -> V) -> V {
        self.shape.reached(&value)
    }

    /// The same, if it is greater than `floor`: in one pass, for a leader that asks after each acknowledgement, of which most commit nothing.
    ///
    /// ```
    /// use synod_quorum::Rule;
    /// let matched = |node: usize| [0, 9, 4, 7][node];
    /// let rule = Rule::majority(1..=3)?;
    /// assert_eq!(rule.reached_beyond(6, matched), Some(7));
    /// assert_eq!(rule.reached_beyond(7, matched), None);
    /// # Ok::<(), synod_quorum::RuleError>(())
    /// ```
    #[must_use]
    pub fn reached_beyond<V: Copy + Ord + Default>(&self, floor: V, value: impl Fn(M) -> V) -> Option<V> {
        if let Shape::AtLeast { need, parts } = &self.shape
            && parts.len() <= FEW
        {
            let mut few = [(V::default(), 0_u64); FEW];
            let mut beyond = 0_u64;
            for (place, part) in few.iter_mut().zip(parts) {
                let reached = part.shape.reached(&value);
                *place = (reached, part.weight);
                beyond += if reached > floor { part.weight } else { 0 };
            }
            return (beyond >= *need).then(|| heaviest_of_few(*need, few.get(..parts.len()).unwrap_or(&few)));
        }
        Some(self.shape.reached(&value)).filter(|reached| *reached > floor)
    }
}

impl<M: Copy> Shape<M> {
    /// A part is met at a value exactly if its own greatest value is at least that, so parts can be asked one by one.
    fn reached<V: Copy + Ord + Default>(&self, value: &impl Fn(M) -> V) -> V {
        let (need, parts) = match self {
            Self::Member(member) => return value(*member),
            Self::AtLeast { need, parts } => (*need, parts),
        };
        let reached = parts.iter().map(|part| {
            let reached = match &part.shape {
                Self::Member(member) => value(*member),
                inner @ Self::AtLeast { .. } => inner.reached(value),
            };
            (reached, part.weight)
        });
        let mut few = [(V::default(), 0_u64); ON_STACK];
        match few.get_mut(..parts.len()) {
            Some(few) => {
                few.iter_mut().zip(reached).for_each(|(place, part)| *place = part);
                heaviest_of_few(need, few)
            }
            None => heaviest(need, &mut reached.collect::<Vec<_>>()),
        }
    }
}

/// [`heaviest`], without sorting: each value is tried. Few values are compared faster than their order is found out.
fn heaviest_of_few<V: Copy + Ord + Default>(need: u64, parts: &[(V, u64)]) -> V {
    let mut heaviest = V::default();
    for &(tried, _) in parts {
        let weight: u64 = parts.iter().map(|&(value, weight)| if value >= tried { weight } else { 0 }).sum();
        if weight >= need && tried > heaviest {
            heaviest = tried;
        }
    }
    heaviest
}

/// The value at which the weights, counted from the greatest value down, reach `need`.
fn heaviest<V: Copy + Ord + Default>(need: u64, parts: &mut [(V, u64)]) -> V {
    parts.sort_unstable_by_key(|part| Reverse(part.0));
    let mut missing = need;
    for (value, weight) in parts {
        missing = missing.saturating_sub(*weight);
        if missing == 0 {
            return *value;
        }
    }
    V::default()
}
