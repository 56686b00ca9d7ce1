//! The best run so far, and whether another one is better.

use super::{NotFailing, Progress, Shrinker};
use crate::run::Caps;
use crate::script::{Expect, FaultEvent, Script};
use crate::trace::Trace;
use crate::workload::Workload;
use crate::world::Simulated;

pub(super) struct Search<'s, 'a, P: Simulated, W> {
    shrinker: &'s mut Shrinker<'a, P, W>,
    best: Script,
    /// When the best run fails.
    at: u64,
    events: u64,
    runs: u64,
    /// How many seeds other than the script's own were tried.
    seeds: u64,
    stopped: bool,
    pub(super) phase: &'static str,
}

impl<'s, 'a, P: Simulated, W: Workload<P>> Search<'s, 'a, P, W> {
    pub(super) fn begin(shrinker: &'s mut Shrinker<'a, P, W>, script: &Script) -> Result<Self, NotFailing> {
        let sim = (shrinker.build)(script).ok_or(NotFailing::NoRun)?;
        let attempt = sim.attempt(script, None);
        if !script.expect.met_by(&attempt.verdict) {
            let (expected, found) = (script.expect.to_string(), attempt.verdict.to_string());
            return Err(NotFailing::Otherwise { expected, found });
        }
        let mut best = script.clone();
        best.faults = attempt.faults;
        let (at, events) = (attempt.at, attempt.events);
        Ok(Self { shrinker, best, at, events, runs: 1, seeds: 0, stopped: false, phase: "" })
    }

    pub(super) const fn best(&self) -> &Script {
        &self.best
    }

    pub(super) fn is_mostly_spent(&self) -> bool {
        self.runs > self.shrinker.runs_max / 4 * 3
    }

    /// One that was not tried before.
    pub(super) fn another_seed(&mut self) -> u64 {
        self.seeds += 1;
        self.seeds
    }

    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn knobs(&self) -> Vec<(&'static str, u64)> {
        self.shrinker.knobs.clone()
    }

    /// Runs the candidate to its end or a little beyond the moment at which the best run fails. If it fails too, it is the best
    /// now, without the fault events that did not come true or came too late.
    pub(super) fn accepts(&mut self, candidate: Script) -> bool {
        // Where the failure is that the nodes never rest, a tighter limit would make one up.
        let events = if self.best.expect == Expect::Restless {
            None
        } else {
            Some(self.events.saturating_mul(4).saturating_add(100_000))
        };
        let time = self.at.saturating_add(self.at / 2).saturating_add(1_000_000_000);
        self.judge(candidate, Some(Caps { time, events }))
    }

    /// The same with a whole run, as a replay makes it.
    pub(super) fn accepts_in_full(&mut self, candidate: Script) -> bool {
        self.judge(candidate, None)
    }

    fn judge(&mut self, mut candidate: Script, limits: Option<Caps>) -> bool {
        if self.stopped() || candidate == self.best {
            return false;
        }
        let Some(sim) = (self.shrinker.build)(&candidate) else { return false };
        self.runs += 1;
        let attempt = sim.attempt(&candidate, limits);
        if !candidate.expect.met_by(&attempt.verdict) {
            return false;
        }
        candidate.faults = attempt.faults;
        self.best = candidate;
        (self.at, self.events) = (attempt.at, attempt.events);
        true
    }

    /// Whether the budget is used up, or whoever looks on has seen enough.
    pub(super) fn stopped(&mut self) -> bool {
        let progress = Progress { phase: self.phase, runs: self.runs, faults: self.best.faults.len() };
        let go_on = self.shrinker.progress.as_mut().is_none_or(|report| report(&progress));
        self.stopped |= !go_on || self.runs >= self.shrinker.runs_max;
        self.stopped
    }

    /// The best run with a part of its fault events only.
    pub(super) fn keeping(&self, mut keep: impl FnMut(usize, &FaultEvent) -> bool) -> Script {
        let mut candidate = self.best.clone();
        let mut nth = 0;
        candidate.faults.retain(|fault| {
            nth += 1;
            keep(nth - 1, fault)
        });
        candidate
    }

    /// What happened in the best run.
    pub(super) fn trace(&mut self) -> Option<Trace> {
        let sim = (self.shrinker.build)(&self.best)?;
        self.runs += 1;
        Some(sim.trace(self.best.tape(), 0..u64::MAX, |_, _| String::new()).1)
    }

    /// The script of the best run, with its hash and what was violated in it.
    pub(super) fn finish(mut self) -> (Script, u64) {
        if let Some(sim) = (self.shrinker.build)(&self.best) {
            let attempt = sim.attempt(&self.best, None);
            self.best.hash = Some(attempt.hash);
            self.best.faults = attempt.faults;
            let verdict = attempt.verdict.to_string();
            if !self.best.about.contains(&verdict) {
                self.best.about.push(verdict);
            }
        }
        (self.best, self.runs)
    }
}
