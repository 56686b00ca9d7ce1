//! Where the failure became likely: the greatest leap, narrowed down to a step.

use super::{Survey, Tally};
use crate::nemesis::Strike;
use crate::run::Sim;
use crate::trace::Moment;
use crate::workload::Workload;
use crate::world::Simulated;
use core::ops::Range;

/// How far before and after the leap the moments are told, in virtual nanoseconds, and how many of them.
const BEFORE: u64 = 50_000_000;
const AFTER: u64 = 10_000_000;
const BEFORE_MAX: usize = 12;
const AFTER_MAX: usize = 6;

/// The greatest leap of the probability of the failure.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Jump {
    /// The last moment before it.
    pub before: Tally,
    /// The first moment after it: usually one step later.
    pub after: Tally,
    /// What happened just before.
    pub earlier: Vec<Moment>,
    /// What happened between the two moments: what made the failure likely, or a part of it.
    pub between: Vec<Moment>,
    /// What happened just after.
    pub later: Vec<Moment>,
    /// The faults that began between the two moments.
    pub strikes: Vec<Strike>,
}

impl Jump {
    /// By how much the probability leapt.
    #[must_use]
    pub fn height(&self) -> f64 {
        self.after.share() - self.before.share()
    }

    /// Whether the intervals of confidence before and after are apart, so that the leap is no accident of the sample.
    #[must_use]
    pub fn is_significant(&self) -> bool {
        self.before.interval().1 < self.after.interval().0
    }
}

impl<P: Simulated, W: Workload<P>> Sim<P, W> {
    /// Halves the gap with the greatest leap until it is a single step. The moments that were looked at on the way are added.
    pub(super) fn narrow(
        &self,
        survey: &Survey<'_>,
        futures: u64,
        tallies: &mut Vec<Tally>,
        count: &mut impl FnMut(&Survey<'_>, Range<u64>) -> Vec<Tally>,
    ) -> Option<Jump> {
        let rise = |pair: &[Tally]| match pair {
            [before, after] => after.failed.saturating_sub(before.failed),
            _ => 0,
        };
        let (at, height) = tallies
            .windows(2)
            .map(rise)
            .enumerate()
            .max_by_key(|(at, rise)| (*rise, core::cmp::Reverse(*at)))?;
        if height == 0 {
            return None;
        }
        let (mut before, mut after) = (*tallies.get(at)?, *tallies.get(at + 1)?);
        // A gap of n steps is closed after log2(n) halvings, of which no run has more than 64.
        while after.step - before.step > 1 {
            let middle = before.step + (after.step - before.step) / 2;
            let middle = Survey { steps: vec![middle], ..survey.clone() };
            let Some(tally) = count(&middle, 0..futures).pop() else { break };
            tallies.push(tally);
            // The half with the greater part of the leap.
            if 2 * tally.failed >= before.failed + after.failed {
                after = tally;
            } else {
                before = tally;
            }
        }
        tallies.sort_by_key(|tally| tally.step);
        Some(self.around(survey, before, after))
    }

    /// The moments before, within and after the steps between two moments.
    fn around(&self, survey: &Survey<'_>, before: Tally, after: Tally) -> Jump {
        let window = before.at.saturating_sub(BEFORE)..after.at.saturating_add(AFTER);
        let (mut course, _) = self.course(survey.tape.clone(), window.clone(), None);
        let (mut step, mut marks, mut struck) = (0_u64, [0, 0], [0, 0]);
        let mut over = false;
        loop {
            let (moments, strikes) = (course.world.moments().len(), course.world.strikes().len());
            for ((mark, struck), place) in marks.iter_mut().zip(&mut struck).zip([before.step, after.step]) {
                if step <= place {
                    (*mark, *struck) = (moments, strikes);
                }
            }
            if over || course.world.now().0 >= window.end {
                break;
            }
            over = !matches!(course.advance(), Ok(true));
            step += 1;
        }
        let [first, second] = marks;
        let [from, to] = struck;
        let strikes = course.world.strikes().get(from..to).unwrap_or_default().to_vec();
        let mut moments = course.world.take_moments();
        let mut later = moments.split_off(second.min(moments.len()));
        let between = moments.split_off(first.min(moments.len()));
        later.truncate(AFTER_MAX);
        let earlier = moments.split_off(moments.len().saturating_sub(BEFORE_MAX));
        Jump { before, after, earlier, between, later, strikes }
    }
}
