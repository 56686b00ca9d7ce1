//! One exhibit before the judges: seeds of every setup in turn, until one of them raises the alarm or the time is up.

use crate::collection::{self, Exhibit};
use crate::setups::{Alarm, Run, Search, Setup};
use core::time::Duration;
use cpu_time::ProcessTime;

/// What a hunt may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) cpu: Duration,
    pub(crate) first_seed: u64,
}

/// An exhibit that was caught.
#[derive(Clone, Debug)]
pub(crate) struct Catch {
    pub(crate) alarm: Alarm,
    pub(crate) setup: &'static str,
    /// `None`: by the explorer.
    pub(crate) seed: Option<u64>,
    /// Faults that struck in that run, or on that path.
    pub(crate) faults: u64,
}

/// What came of a hunt.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) caught: Option<Catch>,
    /// Runs in all setups together.
    pub(crate) runs: u64,
    /// States visited by explorers.
    pub(crate) states: u64,
    pub(crate) cpu: Duration,
    /// Whether the planted code was run at all.
    pub(crate) reached: bool,
}

/// What came of the correct code.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(crate) runs: u64,
    pub(crate) states: u64,
    pub(crate) finished: bool,
    pub(crate) alarm: Option<(u64, Alarm)>,
}

/// Runs one seed of each setup of the exhibit's room, then the next seed of each, and so on. An exploration is made once, when its
/// time has come.
pub(crate) fn hunt(exhibit: &Exhibit, setups: &[Setup], budget: &Budget) -> Outcome {
    collection::plant(exhibit);
    let start = ProcessTime::now();
    let mut outcome = Outcome { caught: None, runs: 0, states: 0, cpu: Duration::ZERO, reached: false };
    let room = || setups.iter().filter(|setup| setup.room == exhibit.room);
    let mut explored = Vec::new();
    'hunt: for seed in budget.first_seed.. {
        for setup in room() {
            let spent = start.elapsed();
            if spent >= budget.cpu {
                break 'hunt;
            }
            let (alarm, faults, seed) = match &setup.search {
                Search::Seeds(runs) => {
                    outcome.runs += 1;
                    let Run { alarm, faults } = runs.run(seed);
                    (alarm, faults, Some(seed))
                }
                Search::States(after, _) if spent < *after || explored.contains(&setup.name) => continue,
                Search::States(_, explores) => {
                    explored.push(setup.name);
                    let visit = explores.explore(budget.cpu.saturating_sub(spent));
                    outcome.states += visit.states;
                    (visit.alarm, visit.faults, None)
                }
            };
            if let Some(alarm) = alarm {
                outcome.caught = Some(Catch { alarm, setup: setup.name, seed, faults });
                break 'hunt;
            }
        }
    }
    outcome.cpu = start.elapsed();
    outcome.reached = collection::reached();
    collection::clear();
    outcome
}

/// The correct code before the same judges: nothing to find.
pub(crate) fn control(setup: &Setup, budget: &Budget) -> Control {
    collection::clear();
    let mut control = Control { runs: 0, states: 0, finished: true, alarm: None };
    match &setup.search {
        Search::Seeds(runs) => {
            let start = ProcessTime::now();
            for seed in budget.first_seed.. {
                if start.elapsed() >= budget.cpu {
                    break;
                }
                control.runs += 1;
                if let Some(alarm) = runs.run(seed).alarm {
                    control.alarm = Some((seed, alarm));
                    break;
                }
            }
        }
        Search::States(_, explores) => {
            let visit = explores.explore(budget.cpu);
            control.states = visit.states;
            control.finished = visit.finished;
            control.alarm = visit.alarm.map(|alarm| (0, alarm));
        }
    }
    control
}
