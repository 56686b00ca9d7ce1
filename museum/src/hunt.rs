//! One exhibit before the judges: seeds of every setup in turn, until one of them raises the alarm or the time is up.

use crate::collection::{self, Exhibit};
use crate::setups::{self, Setup};
use core::fmt;
use core::time::Duration;
use cpu_time::ProcessTime;
use synod_sim::Verdict;

/// What a hunt may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) cpu: Duration,
    pub(crate) first_seed: u64,
}

/// Who raised the alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judge {
    /// A property of the protocol's state, looked at after every event.
    Invariant,
    /// The verdict over what the clients saw.
    Checker,
    /// No progress after the faults had stopped.
    Liveness,
    /// A node could not come back from its own disk.
    Recovery,
}

impl fmt::Display for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Invariant => "invariant",
            Self::Checker => "checker",
            Self::Liveness => "liveness",
            Self::Recovery => "recovery",
        })
    }
}

/// A bug that was caught.
#[derive(Clone, Debug)]
pub(crate) struct Catch {
    pub(crate) by: Judge,
    pub(crate) setup: &'static str,
    pub(crate) seed: u64,
    pub(crate) verdict: Verdict,
    /// Faults that struck in that run.
    pub(crate) faults: u64,
}

/// What came of a hunt.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) caught: Option<Catch>,
    /// Runs in all setups together.
    pub(crate) runs: u64,
    pub(crate) cpu: Duration,
    /// Whether the planted code was run at all.
    pub(crate) reached: bool,
}

impl Outcome {
    pub(crate) fn is_caught(&self) -> bool {
        self.caught.is_some() && self.reached
    }
}

/// What came of runs of the correct code.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(crate) runs: u64,
    pub(crate) alarm: Option<(u64, Verdict)>,
}

/// Runs one seed of each setup, then the next seed of each, and so on.
pub(crate) fn hunt(exhibit: &Exhibit, setups: &[Setup], budget: &Budget) -> Outcome {
    collection::choose(Some(exhibit));
    let start = ProcessTime::now();
    let (mut runs, mut caught) = (0, None);
    'hunt: for seed in budget.first_seed.. {
        for setup in setups {
            if start.elapsed() >= budget.cpu {
                break 'hunt;
            }
            let report = setup.sim.run(seed);
            runs += 1;
            if let Some(by) = judge(&report.verdict) {
                let (verdict, faults) = (report.verdict, report.stats.faults);
                caught = Some(Catch { by, setup: setup.name, seed, verdict, faults });
                break 'hunt;
            }
        }
    }
    let outcome = Outcome { caught, runs, cpu: start.elapsed(), reached: collection::reached() };
    collection::choose(None);
    outcome
}

/// The same judges, and nothing to find.
pub(crate) fn control(setup: &Setup, budget: &Budget) -> Control {
    collection::choose(None);
    let start = ProcessTime::now();
    let mut control = Control { runs: 0, alarm: None };
    for seed in budget.first_seed.. {
        if start.elapsed() >= budget.cpu {
            break;
        }
        let report = setup.sim.run(seed);
        control.runs += 1;
        if report.verdict != Verdict::Passed {
            control.alarm = Some((seed, report.verdict));
            break;
        }
    }
    control
}

fn judge(verdict: &Verdict) -> Option<Judge> {
    match verdict {
        Verdict::Violated { name: "linearizability", .. } => Some(Judge::Checker),
        Verdict::Violated { name: "recovery", .. } => Some(Judge::Recovery),
        Verdict::Violated { name: setups::PROGRESS, .. } => Some(Judge::Liveness),
        Verdict::Violated { .. } => Some(Judge::Invariant),
        Verdict::Stalled { .. } | Verdict::Restless { .. } => Some(Judge::Liveness),
        _ => None,
    }
}
