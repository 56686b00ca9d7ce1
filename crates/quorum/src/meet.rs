//! Whether quorums always share a member.

use crate::rule::{Part, Shape};
use crate::{MeetError, Rule};
use alloc::vec::Vec;
use core::fmt::Debug;

/// A search gives up after so many steps.
const STEPS_MAX: u32 = 1 << 20;

impl<M: Copy + Ord + Debug> Rule<M> {
    /// Whether each quorum of this rule shares a member with each quorum of `other`.
    ///
    /// Rules of the same structure whose thresholds together exceed the whole are seen through at once, whatever their size, and so
    /// are joint rules of such. For others every way to divide the members is tried, as far as it can lead to two quorums.
    ///
    /// ```
    /// use synod_quorum::{MeetError, Rule};
    /// // Flexible quorums: any four of six and any three meet, three and three need not.
    /// let (four, three) = (Rule::at_least(4, 1..=6)?, Rule::at_least(3, 1..=6)?);
    /// assert_eq!(four.meets(&three), Ok(()));
    /// assert_eq!(three.meets(&three), Err(MeetError::Apart { one: vec![1, 2, 3], other: vec![4, 5, 6] }));
    /// # Ok::<(), synod_quorum::RuleError>(())
    /// ```
    ///
    /// # Errors
    /// Two quorums that share no member, or that it is too much work to find out.
    pub fn meets(&self, other: &Self) -> Result<(), MeetError<M>> {
        if self.shape.surely_meets(&other.shape) {
            return Ok(());
        }
        let mut members = self.members();
        members.extend(other.members());
        members.sort_unstable();
        members.dedup();
        if members.len() > 64 {
            return Err(MeetError::Unknown);
        }
        let place = |member| members.partition_point(|known| *known < member);
        let mut search =
            Search { one: self.map(place), other: other.map(place), count: members.len(), steps: 0 };
        match search.divide(0, 0, 0) {
            Some(None) => Ok(()),
            None => Err(MeetError::Unknown),
            Some(Some((one, other))) => {
                let named = |mask: u64| {
                    let members = members.iter().enumerate().filter(|(place, _)| has(mask, *place));
                    members.map(|(_, member)| *member).collect::<Vec<_>>()
                };
                Err(MeetError::Apart { one: named(one), other: named(other) })
            }
        }
    }
}

impl<M: Copy + Ord> Shape<M> {
    /// A proof without a search. `false` says nothing.
    fn surely_meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Member(a), Self::Member(b)) => a == b,
            // Nobody else can do without the member.
            (Self::Member(member), rule) | (rule, Self::Member(member)) => {
                !rule.is_met(&|who| who != *member)
            }
            (Self::AtLeast { need: a, parts: ours }, Self::AtLeast { need: b, parts: theirs }) => {
                alike(*a, ours, *b, theirs)
                    || indispensable(*a, ours, other)
                    || indispensable(*b, theirs, self)
            }
        }
    }
}

/// The same parts with the same weights, each meeting its counterpart: if the two thresholds together exceed the whole, some part is
/// in both.
fn alike<M: Copy + Ord>(a: u64, ours: &[Part<M>], b: u64, theirs: &[Part<M>]) -> bool {
    let total: u64 = ours.iter().map(|part| part.weight).sum();
    ours.len() == theirs.len()
        && a.checked_add(b).is_none_or(|sum| sum > total)
        && ours.iter().zip(theirs).all(|(a, b)| a.weight == b.weight && a.shape.surely_meets(&b.shape))
}

/// A part that no quorum can do without meets the other rule: joint quorums.
fn indispensable<M: Copy + Ord>(need: u64, parts: &[Part<M>], other: &Shape<M>) -> bool {
    let total: u64 = parts.iter().map(|part| part.weight).sum();
    parts.iter().any(|part| total - part.weight < need && part.shape.surely_meets(other))
}

/// Looks for a division of the members into a quorum of the one rule and a quorum of the other.
struct Search {
    one: Rule<usize>,
    other: Rule<usize>,
    count: usize,
    steps: u32,
}

impl Search {
    /// The members before `next` are divided. `None` when it takes too long, `Some(None)` when there is no such division.
    fn divide(&mut self, next: usize, left: u64, right: u64) -> Option<Option<(u64, u64)>> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return None;
        }
        let open = |place: usize| place >= next;
        let can = self.one.is_met(|place| open(place) || has(left, place))
            && self.other.is_met(|place| open(place) || has(right, place));
        if !can {
            return Some(None);
        }
        // Once the one has a quorum the rest may go to the other, which can have one then.
        if self.one.is_met(|place| has(left, place)) {
            return Some(Some((left, right | self.rest(next))));
        }
        if self.other.is_met(|place| has(right, place)) {
            return Some(Some((left | self.rest(next), right)));
        }
        if next >= self.count {
            return Some(None);
        }
        match self.divide(next + 1, left | 1 << next, right)? {
            None => self.divide(next + 1, left, right | 1 << next),
            found => Some(found),
        }
    }

    fn rest(&self, next: usize) -> u64 {
        (next..self.count).fold(0, |mask, place| mask | 1 << place)
    }
}

pub(crate) fn has(mask: u64, place: usize) -> bool {
    mask >> place & 1 == 1
}
