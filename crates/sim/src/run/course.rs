//! One run under way: a world, and those who watch it.

use super::{Check, Sim, Verdict};
use crate::dials::nanos;
use crate::workload::Workload;
use crate::world::{Simulated, World};
use core::time::Duration;
use synod_core::NodeId;

/// How a node's state is put into words for a trace.
pub(crate) type Portrait<'a, P> = &'a dyn Fn(NodeId, &P) -> String;

/// A run that can be stopped after any step, forked, and continued. The observers are copied with it, so that both go on with
/// what was seen before.
pub(crate) struct Course<'a, P: Simulated, W> {
    sim: &'a Sim<P, W>,
    pub(crate) world: World<P, W>,
    checks: Vec<(&'static str, Check<P>)>,
    pub(super) seen: Vec<bool>,
    steps: u64,
    phase: Phase,
    storm: u64,
    caps: Caps,
    portrait: Option<Portrait<'a, P>>,
}

/// Where a run is cut off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    /// Virtual nanoseconds; beyond them the run is interrupted.
    pub(crate) time: u64,
    /// Events; more of them and the run is restless. `None`: as many as the recipe allows.
    pub(crate) events: Option<u64>,
}

#[derive(Clone)]
enum Phase {
    /// Nothing has been looked at.
    Begun,
    /// Faults strike.
    Storm,
    /// The faults have stopped; these of the `eventually` have not held since.
    Calm { healed: u64, waiting: Vec<usize>, steps: u64 },
}

impl<P: Simulated, W: Workload<P>> Clone for Course<'_, P, W> {
    fn clone(&self) -> Self {
        self.with(self.world.clone())
    }
}

impl<'a, P: Simulated, W: Workload<P>> Course<'a, P, W> {
    pub(super) fn new(
        sim: &'a Sim<P, W>,
        world: World<P, W>,
        storm: Duration,
        portrait: Option<Portrait<'a, P>>,
    ) -> Self {
        Self {
            sim,
            world,
            checks: sim.always.iter().map(|(name, make)| (*name, make())).collect(),
            seen: vec![false; sim.sometimes.len()],
            steps: 0,
            phase: Phase::Begun,
            storm: nanos(storm),
            caps: Caps { time: u64::MAX, events: None },
            portrait,
        }
    }

    /// The same run up to here, and then as `seed` will have it.
    pub(crate) fn fork(&self, seed: u64) -> Self {
        self.with(self.world.fork(seed))
    }

    fn with(&self, world: World<P, W>) -> Self {
        Self {
            sim: self.sim,
            world,
            checks: self.checks.iter().map(|(name, check)| (*name, check.copy())).collect(),
            seen: self.seen.clone(),
            steps: self.steps,
            phase: self.phase.clone(),
            storm: self.storm,
            caps: self.caps,
            portrait: self.portrait,
        }
    }

    /// Whether the faults have stopped.
    pub(crate) const fn healed(&self) -> bool {
        matches!(self.phase, Phase::Calm { .. })
    }

    /// The same run, cut off earlier.
    pub(super) fn capped(self, caps: Caps) -> Self {
        Self { caps, ..self }
    }

    /// Goes on to the end.
    pub(crate) fn finish(&mut self) -> Verdict {
        loop {
            if let Phase::Storm = self.phase {
                while self.world.now().0 < self.storm {
                    match self.stride() {
                        Ok(true) => {}
                        Ok(false) => break,
                        Err(verdict) => return verdict,
                    }
                }
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return Verdict::Passed,
                Err(verdict) => return verdict,
            }
        }
    }

    /// One step further. `false`: the run is over, and all is well.
    pub(crate) fn advance(&mut self) -> Result<bool, Verdict> {
        match self.phase {
            Phase::Begun => {
                self.check_moved()?;
                self.phase = Phase::Storm;
                Ok(true)
            }
            Phase::Storm => {
                if self.world.now().0 >= self.storm || !self.step()? {
                    self.heal()?;
                }
                Ok(true)
            }
            Phase::Calm { .. } => self.recover(),
        }
    }

    fn heal(&mut self) -> Result<(), Verdict> {
        self.world.heal();
        self.check_moved()?;
        let waiting = (0..self.sim.eventually.len()).collect();
        self.phase = Phase::Calm { healed: self.world.now().0, waiting, steps: 0 };
        Ok(())
    }

    /// After the faults: until everything that must come to hold has held, or its time is up.
    fn recover(&mut self) -> Result<bool, Verdict> {
        let Phase::Calm { healed, waiting, steps } = &mut self.phase else { return Ok(true) };
        let eventually = &self.sim.eventually;
        let late = |at: usize, now: u64| {
            let within = eventually.get(at).map_or(0, |(_, within, _)| nanos(*within));
            now > healed.saturating_add(within)
        };
        // Seldom, since it may be costly; but once more in the last state before the time is up.
        let due = self.world.due().unwrap_or(0);
        let now = self.world.now().0;
        let last = |at: &usize| late(*at, due) && !late(*at, now);
        if steps.is_multiple_of(64) || waiting.iter().any(last) {
            waiting.retain(|at| eventually.get(*at).is_some_and(|(_, _, holds)| !holds(&self.world)));
        }
        *steps += 1;
        let stalled = |at: &usize| {
            let (name, within, _) = eventually.get(*at)?;
            Some(Verdict::Stalled { name, within: *within })
        };
        if let Some(verdict) = waiting.iter().find(|at| late(**at, now)).and_then(stalled) {
            return Err(verdict);
        }
        synod_core::mutant!("content-without-progress" => waiting.clear());
        if waiting.is_empty() {
            return self.judge().map(|()| false);
        }
        if self.step()? {
            return Ok(true);
        }
        // Nothing more will ever happen.
        let Phase::Calm { waiting, .. } = &mut self.phase else { return Ok(true) };
        waiting.retain(|at| eventually.get(*at).is_some_and(|(_, _, holds)| !holds(&self.world)));
        match waiting.first().and_then(stalled) {
            Some(verdict) => Err(verdict),
            None => self.judge().map(|()| false),
        }
    }

    fn judge(&mut self) -> Result<(), Verdict> {
        self.look();
        for (name, judge) in &self.sim.judges {
            judge(&self.world).map_err(|detail| Verdict::Violated { name, detail, node: None })?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<bool, Verdict> {
        self.stride()
    }

    /// [`step`](Self::step), where nearly all of them are made.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the loop over events is the heart of a run")]
    fn stride(&mut self) -> Result<bool, Verdict> {
        if !self.world.step() {
            return self.ended();
        }
        self.check_moved()?;
        self.steps += 1;
        if self.steps.is_multiple_of(64) {
            self.seldom()?;
        }
        Ok(true)
    }

    /// Nothing more is to come, or the world cannot go on.
    #[cold]
    fn ended(&self) -> Result<bool, Verdict> {
        match self.world.failure() {
            Some((id, detail)) => {
                Err(Verdict::Violated { name: "recovery", detail: format!("{id} {detail}"), node: Some(*id) })
            }
            None => Ok(false),
        }
    }

    /// What need not be looked at after every event.
    #[inline(never)]
    fn seldom(&mut self) -> Result<(), Verdict> {
        self.look();
        if self.steps.is_multiple_of(4096) && self.sim.watch.as_ref().is_some_and(|watch| !watch(&self.world))
        {
            return Err(Verdict::Interrupted);
        }
        if self.world.now().0 > self.caps.time {
            return Err(Verdict::Interrupted);
        }
        let events = self.caps.events.unwrap_or(self.sim.events_max);
        if self.world.stats().events > events {
            return Err(Verdict::Restless { events });
        }
        Ok(())
    }

    /// Shows the nodes that have moved to those who must always be content.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "after every event")]
    fn check_moved(&mut self) -> Result<(), Verdict> {
        if let Some(portrait) = self.portrait {
            self.world.portray(portrait);
        }
        if let Some((node, detail)) = self.world.flaw() {
            return Err(violated(self.sim.shadow_name(), detail, node));
        }
        for &id in self.world.moved() {
            // What a traitor holds proves nothing.
            if self.world.has_traitors() && self.world.is_traitor(id) {
                continue;
            }
            let protocol = self.world.node(id);
            for (name, check) in &mut self.checks {
                if let Err(detail) = check(id, protocol) {
                    return Err(violated(name, detail, id));
                }
            }
            for (name, check) in &self.sim.across {
                if let Err(detail) = check(&self.world, id) {
                    return Err(violated(name, detail, id));
                }
            }
        }
        Ok(())
    }

    fn look(&mut self) {
        for ((_, holds), seen) in self.sim.sometimes.iter().zip(&mut self.seen) {
            if !*seen {
                *seen = holds(&self.world);
            }
        }
    }
}

#[cold]
fn violated(name: &'static str, detail: String, node: NodeId) -> Verdict {
    Verdict::Violated { name, detail, node: Some(node) }
}
