//! Schedules by chance: one seed, one schedule.

use super::world::REPLICAS;
use super::{Broken, Laws, Step, Subject, Tally};
use alloc::vec::Vec;
use core::ops::Range;
use synod_core::{Entropy, SplitMix64};

impl<S: Subject> Laws<S> {
    /// Runs one schedule of up to `steps` steps for each seed; where garbage is collected, everybody may hear of everything before.
    ///
    /// # Errors
    /// The first schedule that breaks a law, shrunk until no step can be left out.
    pub fn random(&self, seeds: Range<u64>, steps: usize) -> Result<Tally, Broken<S::Action>> {
        let mut tally = Tally::default();
        for seed in seeds {
            tally.collected += self.run(&self.draw(seed, steps)).map_err(|broken| self.shrink(broken))?;
            tally.schedules += 1;
        }
        Ok(tally)
    }

    /// The schedule of a seed.
    #[must_use]
    pub fn draw(&self, seed: u64, steps: usize) -> Vec<Step<S::Action>> {
        let mut chance = SplitMix64::new(seed);
        let mut below = |bound: usize| usize::try_from(chance.below(bound as u64)).unwrap_or(0);
        let length = steps / 2 + below(steps / 2 + 1);
        let mut schedule = Vec::with_capacity(length);
        let mut ops = 0;
        for _ in 0..length {
            let replica = below(REPLICAS);
            let other = (replica + 1 + below(REPLICAS - 1)) % REPLICAS;
            let step = match below(20) {
                0..9 => self.alphabet.get(below(self.alphabet.len())).map(|action| {
                    ops += 1;
                    Step::Act { replica, action: action.clone() }
                }),
                9..13 if ops > 0 => Some(Step::Deliver { to: replica, op: below(ops) }),
                13..19 => Some(Step::Sync { from: replica, to: other }),
                _ if self.collects => {
                    // Every other time the replica first hears all, tells all, and hears that: by chance alone hardly anything is ever
                    // known to have been seen by everybody, and nothing would be collected.
                    if ops % 2 == 0 {
                        let others = [1, 2].map(|by| (replica + by) % REPLICAS);
                        let hear = others.map(|from| Step::Sync { from, to: replica });
                        let tell = others.map(|to| Step::Sync { from: replica, to });
                        schedule.extend(hear.clone().into_iter().chain(tell).chain(hear));
                    }
                    Some(Step::Collect { replica })
                }
                _ => None,
            };
            schedule.extend(step);
        }
        schedule
    }
}
