//! Every schedule, within bounds.

use super::world::{REPLICAS, World};
use super::{Broken, Law, Laws, Step, Subject};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use synod_core::{Entropy, SplitMix64};

/// What was run, and no law broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// How many schedules were run to their end.
    pub schedules: u64,
    /// How many entries were reclaimed in them.
    pub collected: u64,
}

impl<S: Subject> Laws<S> {
    /// Runs every schedule of `ops` operations: each of them by any replica, with any action of the alphabet, after any of the earlier
    /// operations that the type's delivery allows have reached that replica, in the order in which they were made. Those that it does not
    /// allow are offered too soon, too. At the end of each schedule the laws are checked, and everybody learns the rest, in one order, in the
    /// other, and by states.
    ///
    /// The number of schedules grows fast: with three actions there are some 140,000 of 4 operations, with two 27,000.
    ///
    /// # Errors
    /// The first schedule that breaks a law, shrunk until no step can be left out.
    pub fn exhaustive(&self, ops: usize) -> Result<Tally, Broken<S::Action>> {
        let mut search = Search { laws: self, tally: Tally::default(), steps: Vec::new() };
        match search.descend(&World::new(), ops) {
            Ok(()) => Ok(search.tally),
            Err((law, how)) => Err(self.shrink(Broken { law, how, schedule: search.steps })),
        }
    }

    /// Runs one schedule for each seed, of the kind of [`exhaustive`](Self::exhaustive), but what reaches a replica before it acts comes in any
    /// order: for bounds that are too large to run all.
    ///
    /// # Errors
    /// As `exhaustive`.
    pub fn sampled(&self, ops: usize, seeds: Range<u64>) -> Result<Tally, Broken<S::Action>> {
        let mut tally = Tally::default();
        for seed in seeds {
            let mut chance = SplitMix64::new(seed);
            let mut below = |bound: usize| usize::try_from(chance.below(bound as u64)).unwrap_or(0);
            let mut steps = Vec::new();
            for made in 0..ops {
                let replica = below(REPLICAS);
                let mut reach: Vec<usize> = (0..made).filter(|_| below(2) == 0).collect();
                for at in 1..reach.len() {
                    reach.swap(at, below(at + 1));
                }
                steps.extend(reach.into_iter().map(|op| Step::Deliver { to: replica, op }));
                let action = self.alphabet.get(below(self.alphabet.len())).cloned();
                steps.extend(action.map(|action| Step::Act { replica, action }));
            }
            tally.collected += self.run(&steps).map_err(|broken| self.shrink(broken))?;
            tally.schedules += 1;
        }
        Ok(tally)
    }
}

struct Search<'a, S: Subject> {
    laws: &'a Laws<S>,
    tally: Tally,
    steps: Vec<Step<S::Action>>,
}

impl<S: Subject> Search<'_, S> {
    fn descend(&mut self, world: &World<S>, left: usize) -> Result<(), (Law, String)> {
        if left == 0 {
            self.tally.schedules += 1;
            return world.clone().finish(self.laws.recode);
        }
        for replica in 0..REPLICAS {
            self.deliver(world, replica, 0, left)?;
        }
        Ok(())
    }

    /// From operation `from` on, each either reaches the replica or does not; then it acts.
    fn deliver(
        &mut self,
        world: &World<S>,
        replica: usize,
        from: usize,
        left: usize,
    ) -> Result<(), (Law, String)> {
        for op in from..world.ops() {
            if world.knows(replica, op) {
                continue;
            }
            let mut next = world.clone();
            self.steps.push(Step::Deliver { to: replica, op });
            next.deliver(replica, op)?;
            if next.knows(replica, op) {
                self.deliver(&next, replica, op + 1, left)?;
            }
            self.steps.pop();
        }
        for action in &self.laws.alphabet {
            let mut next = world.clone();
            let step = Step::Act { replica, action: action.clone() };
            self.steps.push(step.clone());
            next.step(&step)?;
            self.descend(&next, left - 1)?;
            self.steps.pop();
        }
        Ok(())
    }
}
