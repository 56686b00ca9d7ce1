//! What a rule is good for: its smallest quorums, and what it survives.

use crate::meet::has;
use crate::{Rule, TooMany};
use alloc::vec::Vec;

/// At most so many quorums are listed.
const LISTED_MAX: usize = 100_000;
/// A listing gives up after so many steps.
const STEPS_MAX: u32 = 1 << 22;

impl<M: Copy + Ord> Rule<M> {
    /// The quorums of living members that no member can be taken from, the smallest first: what is left to rely on after failures.
    /// Empty where no quorum is left.
    ///
    /// ```
    /// use synod_quorum::Rule;
    /// // A grid of two rows: a whole row, or one of each column.
    /// let rows = Rule::any([Rule::at_least(3, 1..=3)?, Rule::at_least(3, 4..=6)?])?;
    /// assert_eq!(rows.minimal_quorums(|_| true)?, [[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(rows.minimal_quorums(|node| node != 2)?, [[4, 5, 6]]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When there are more than 100,000, or more than 64 members.
    pub fn minimal_quorums(&self, alive: impl Fn(M) -> bool) -> Result<Vec<Vec<M>>, TooMany> {
        let mut members = self.members();
        if members.len() > 64 {
            return Err(TooMany { max: LISTED_MAX });
        }
        members.retain(|member| alive(*member));
        let known = members.clone();
        // Whoever is not alive has a place that no mask holds.
        let place = |member| known.binary_search(&member).unwrap_or(64);
        let mut listing =
            Listing { rule: self.map(place), count: members.len(), steps: 0, found: Vec::new() };
        listing.extend(0, 0)?;
        let mut found = listing.found;
        found.sort_unstable_by_key(|mask| (mask.count_ones(), mask.reverse_bits() ^ u64::MAX));
        let named = |mask: u64| {
            members.iter().enumerate().filter(move |(place, _)| has(mask, *place)).map(|(_, member)| *member)
        };
        Ok(found.into_iter().map(|mask| named(mask).collect()).collect())
    }

    /// How many members may fail, whichever they are, and still leave a quorum.
    ///
    /// ```
    /// use synod_quorum::Rule;
    /// assert_eq!(Rule::majority(1..=5)?.failures_survived()?, 2);
    /// assert_eq!(Rule::all([Rule::majority(1..=3)?, Rule::majority(3..=4)?])?.failures_survived()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When there are more than 100,000 smallest ways to block all quorums, or more than 64 members.
    pub fn failures_survived(&self) -> Result<usize, TooMany> {
        let blocking = self.dual().minimal_quorums(|_| true)?;
        Ok(blocking.first().map_or(0, |smallest| smallest.len().saturating_sub(1)))
    }
}

struct Listing {
    rule: Rule<usize>,
    count: usize,
    steps: u32,
    found: Vec<u64>,
}

impl Listing {
    /// All minimal quorums that hold `chosen` and, beside it, only members from `next` on.
    fn extend(&mut self, next: usize, chosen: u64) -> Result<(), TooMany> {
        self.steps += 1;
        if self.steps > STEPS_MAX || self.found.len() >= LISTED_MAX {
            return Err(TooMany { max: LISTED_MAX });
        }
        if self.met(chosen) {
            let mut each = (0..next).filter(|place| has(chosen, *place));
            if each.all(|place| !self.met(chosen & !(1 << place))) {
                self.found.push(chosen);
            }
            return Ok(());
        }
        let open = |place: usize| (next..self.count).contains(&place);
        if !self.rule.is_met(|place| open(place) || (place < 64 && has(chosen, place))) {
            return Ok(());
        }
        self.extend(next + 1, chosen | 1 << next)?;
        self.extend(next + 1, chosen)
    }

    fn met(&self, chosen: u64) -> bool {
        self.rule.is_met(|place| place < 64 && has(chosen, place))
    }
}
