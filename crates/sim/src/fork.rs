//! Forks: what else could have become of a run, from each of its moments?
//!
//! A failing run shows that something can go wrong, not when it was too late. [`Sim::odds`] stops the run at many moments, lets it
//! go many other ways from each, and counts how many of these futures fail. Where the share of failures leaps, something happened
//! that made the failure likely; where it reaches one, nothing that chance can do prevents it any more.

mod curve;
mod jump;
mod table;

pub use jump::Jump;

use crate::nemesis::Strike;
use crate::run::{Sim, Verdict};
use crate::tape::Tape;
use crate::workload::Workload;
use crate::world::Simulated;
use core::ops::Range;
use synod_core::SplitMix64;

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forks {
    /// From how many moments of the run to fork it, evenly spaced among its steps. The search for the leap adds some.
    pub moments: u64,
    /// How many futures to run from each.
    pub futures: u64,
    /// Where the futures' seeds come from.
    pub seed: u64,
}

impl Default for Forks {
    fn default() -> Self {
        Self { moments: 20, futures: 50, seed: 0 }
    }
}

/// What became of the futures from one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// How many steps of the run came before the moment.
    pub step: u64,
    /// When it was, in virtual nanoseconds since the run began.
    pub at: u64,
    /// Futures that were run.
    pub futures: u64,
    /// Futures that failed as the run did: by the same check. If the run passed: by any.
    pub failed: u64,
    /// Futures that failed by another check.
    pub failed_otherwise: u64,
}

impl Tally {
    /// The share of the futures that failed.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.failed as f64 / self.futures.max(1) as f64
    }

    /// Between what the probability of the failure lies, with 95% confidence: Wilson's score interval (1927), which is sound
    /// where all futures fail, or none.
    #[must_use]
    pub fn interval(&self) -> (f64, f64) {
        if self.futures == 0 {
            return (0.0, 1.0);
        }
        const Z: f64 = 1.959_963_984_540_054;
        let (count, share) = (self.futures as f64, self.share());
        let middle = share + Z * Z / (2.0 * count);
        let half = Z * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
        let whole = 1.0 + Z * Z / count;
        (((middle - half) / whole).max(0.0), ((middle + half) / whole).min(1.0))
    }
}

/// How likely the failure was, from moment to moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Odds {
    /// The seed of the run.
    pub seed: u64,
    /// How the run itself ended.
    pub verdict: Verdict,
    /// When it ended.
    pub end: u64,
    /// How many steps it had; the last one ended it.
    pub steps: u64,
    /// The moments, in order.
    pub tallies: Vec<Tally>,
    /// Where the failure became likely, if there is such a place.
    pub jump: Option<Jump>,
    /// The faults of the run.
    pub strikes: Vec<Strike>,
}

impl Odds {
    /// The first of the moments from which on all futures of all moments failed: the last at which it was not too late lies
    /// before it. Where no futures were run, nothing is known to be inevitable.
    #[must_use]
    pub fn inevitable_from(&self) -> Option<&Tally> {
        let failed = |tally: &&Tally| tally.futures > 0 && tally.failed == tally.futures;
        let late = self.tallies.iter().rev().take_while(failed).count();
        self.tallies.get(self.tallies.len() - late)
    }
}

impl<P: Simulated, W: Workload<P>> Sim<P, W> {
    /// How likely the failure of this tape's run was, seen from each of some moments, and where it became likely.
    ///
    /// Costs about (moments + the logarithm of the steps) × futures ÷ 2 whole runs; [`odds_by`](Self::odds_by) lets several
    /// threads share them.
    ///
    /// ```
    /// use core::time::Duration;
    /// use synod_core::*;
    /// use synod_sim::{Forks, Idle, Sim, Tape};
    ///
    /// // Rolls a die each second; whoever rolls a six falls over three seconds later.
    /// #[derive(Clone, Hash)]
    /// struct Gambler { rolls: u32, falls: Option<u32> }
    ///
    /// impl Protocol for Gambler {
    ///     type Message = Never;
    ///     type Record = Never;
    ///     type Command = Never;
    ///     type Event = Never;
    ///     type Timer = ();
    ///     type Job = Never;
    ///     type Done = Never;
    ///     type Error = Never;
    ///     fn recover(&mut self, _: Lsn, _: Recovered<Never>) -> Result<(), Never> {
    ///         Ok(())
    ///     }
    ///     fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
    ///         if let Input::Timer(()) = input {
    ///             self.rolls += 1;
    ///             if cx.below(6) == 5 && self.falls.is_none() {
    ///                 self.falls = Some(self.rolls + 3);
    ///             }
    ///         }
    ///         if let Input::Timer(()) | Input::Start { .. } = input {
    ///             cx.arm((), Duration::from_secs(1));
    ///         }
    ///     }
    /// }
    ///
    /// let sim = Sim::new(1, |_| Gambler { rolls: 0, falls: None }, Idle).always("stands", || {
    ///     |_, node: Option<&Gambler>| match node {
    ///         Some(node) if node.falls == Some(node.rolls) => Err("fell".to_owned()),
    ///         _ => Ok(()),
    ///     }
    /// });
    /// let seed = (0..).find(|seed| sim.run(*seed).at == 8_000_000_000).unwrap();
    /// let odds = sim.odds(&Tape::from_seed(seed), Forks::default());
    /// // It fell in the eighth second, but the die that decided was the fifth.
    /// assert_eq!(odds.inevitable_from().map(|tally| tally.at), Some(5_000_000_000));
    /// ```
    #[must_use]
    pub fn odds(&self, tape: &Tape, forks: Forks) -> Odds {
        self.odds_by(tape, forks, |survey, futures| self.futures(survey, futures))
    }

    /// The same, where `count` runs the futures: for several threads, each of which asks [`futures`](Self::futures) for a part of
    /// the range and [adds up](Tally::add) what it gets.
    #[must_use]
    pub fn odds_by(
        &self,
        tape: &Tape,
        forks: Forks,
        mut count: impl FnMut(&Survey<'_>, Range<u64>) -> Vec<Tally>,
    ) -> Odds {
        let (mut course, _) = self.course(tape.clone(), 0..0, None);
        let mut steps = 1_u64;
        let verdict = loop {
            match course.advance() {
                Ok(true) => steps += 1,
                Ok(false) => break Verdict::Passed,
                Err(verdict) => break verdict,
            }
        };
        let gaps = forks.moments.clamp(2, steps + 1) - 1;
        let place =
            |nth| u64::try_from(u128::from(steps) * u128::from(nth) / u128::from(gaps)).unwrap_or(steps);
        let survey = Survey { tape, own: &verdict, seed: forks.seed, steps: (0..=gaps).map(place).collect() };
        let mut tallies = count(&survey, 0..forks.futures);
        let jump = self.narrow(&survey, forks.futures, &mut tallies, &mut count);
        Odds {
            seed: tape.seed(),
            end: course.world.now().0,
            steps,
            tallies,
            jump,
            strikes: course.world.strikes().to_vec(),
            verdict,
        }
    }

    /// Runs the futures with these numbers from each moment of the survey and counts the failures. A future's number and the
    /// survey's seed are all that distinguishes it from the others. The same numbers mean the same chances at every moment, so that
    /// neighbouring moments differ only by what happened between them.
    #[must_use]
    pub fn futures(&self, survey: &Survey<'_>, futures: Range<u64>) -> Vec<Tally> {
        let (mut course, _) = self.course(survey.tape.clone(), 0..0, None);
        let (mut done, mut over) = (0, false);
        let mut tallies = Vec::with_capacity(survey.steps.len());
        for &step in &survey.steps {
            while done < step && !over {
                over = !matches!(course.advance(), Ok(true));
                done += 1;
            }
            let mut tally = Tally { step, at: course.world.now().0, ..Tally::default() };
            for number in futures.clone() {
                tally.futures += 1;
                if over {
                    tally.count(survey.own, survey.own);
                } else {
                    let seed = SplitMix64::mix(survey.seed ^ SplitMix64::mix(number));
                    tally.count(survey.own, &course.fork(seed).finish());
                }
            }
            tallies.push(tally);
        }
        tallies
    }
}

/// From which moments of which run futures are wanted.
#[derive(Clone, Debug)]
pub struct Survey<'a> {
    tape: &'a Tape,
    /// How the run itself ended.
    own: &'a Verdict,
    seed: u64,
    /// Ascending.
    steps: Vec<u64>,
}

impl Tally {
    fn count(&mut self, own: &Verdict, verdict: &Verdict) {
        let alike = match (own, verdict) {
            (_, Verdict::Passed | Verdict::Interrupted) => return,
            (Verdict::Passed | Verdict::Interrupted, _) => true,
            (own, verdict) => {
                core::mem::discriminant(own) == core::mem::discriminant(verdict)
                    && own.name() == verdict.name()
            }
        };
        if alike {
            self.failed += 1;
        } else {
            self.failed_otherwise += 1;
        }
    }

    /// Counts more futures from the same moment in.
    pub fn add(&mut self, more: &Self) {
        self.futures += more.futures;
        self.failed += more.failed;
        self.failed_otherwise += more.failed_otherwise;
    }
}
