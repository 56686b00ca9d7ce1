//! One exhibit before the judges: seeds of every setup in turn, until one of them raises the alarm or the time is up.

use crate::collection::{self, Exhibit};
use crate::setups::{Alarm, Run, Runs, Search, Setup};
use core::time::Duration;
use cpu_time::ProcessTime;

/// What a hunt may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) cpu: Duration,
    pub(crate) first_seed: u64,
    /// Runs that shrinking may cost; 0: nothing is shrunk.
    pub(crate) shrink: u64,
}

/// An exhibit that was caught.
#[derive(Clone, Debug)]
pub(crate) struct Catch {
    pub(crate) alarm: Alarm,
    pub(crate) setup: &'static str,
    /// `None`: by the explorer.
    pub(crate) seed: Option<u64>,
    /// Fault events in that run, or on that path.
    pub(crate) faults: u64,
    /// Fault events that are left when the run is shrunk.
    pub(crate) shrunk: Option<u64>,
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
    hunt_in(exhibit, setups, budget, |_| true)
}

/// As [`hunt`], in some of the setups.
pub(crate) fn hunt_in(
    exhibit: &Exhibit,
    setups: &[Setup],
    budget: &Budget,
    among: impl Fn(&Setup) -> bool,
) -> Outcome {
    collection::plant(exhibit);
    let start = ProcessTime::now();
    let mut outcome = Outcome { caught: None, runs: 0, states: 0, cpu: Duration::ZERO, reached: false };
    let room = || setups.iter().filter(|setup| setup.room == exhibit.room && among(setup));
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
                outcome.caught = Some(Catch { alarm, setup: setup.name, seed, faults, shrunk: None });
                break 'hunt;
            }
        }
    }
    outcome.cpu = start.elapsed();
    outcome.reached = collection::reached();
    if let Some(caught) = &mut outcome.caught
        && budget.shrink > 0
    {
        caught.shrunk = match caught.seed {
            Some(seed) => place(setups, exhibit, caught).and_then(|runs| runs.shrink(seed, budget.shrink)),
            // A shortest path has nothing to lose.
            None => Some(caught.faults),
        };
    }
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

/// Where an exhibit was caught; setups of two rooms may have the same name.
fn place<'a>(setups: &'a [Setup], exhibit: &Exhibit, caught: &Catch) -> Option<&'a dyn Runs> {
    let here = |setup: &&Setup| setup.room == exhibit.room && setup.name == caught.setup;
    match &setups.iter().find(here)?.search {
        Search::Seeds(runs) => Some(runs.as_ref()),
        Search::States(..) => None,
    }
}

/// A judge that looked away, and who noticed.
pub(crate) struct Noticed {
    /// The exhibit that was not caught as before; `None`: the correct code was called wrong.
    pub(crate) exhibit: Option<String>,
    pub(crate) setup: &'static str,
    pub(crate) seed: u64,
    /// What was said while the judge looked away.
    pub(crate) instead: Option<Alarm>,
}

/// Puts the judge to sleep and repeats the runs in which exhibits were caught: one at least must end in another way.
pub(crate) fn doze(
    judge: &Exhibit,
    caught: &[(Exhibit, Catch)],
    setups: &[Setup],
    budget: &Budget,
) -> Option<Noticed> {
    collection::put_to_sleep(Some(judge));
    let noticed = lost(caught, setups).or_else(|| confused(setups, budget));
    collection::put_to_sleep(None);
    collection::clear();
    noticed
}

fn lost(caught: &[(Exhibit, Catch)], setups: &[Setup]) -> Option<Noticed> {
    caught.iter().find_map(|(exhibit, catch)| {
        let (runs, seed) = (place(setups, exhibit, catch)?, catch.seed?);
        collection::plant(exhibit);
        let instead = runs.run(seed).alarm;
        let exhibit = Some(exhibit.name.to_string());
        (instead.as_ref() != Some(&catch.alarm)).then_some(Noticed {
            exhibit,
            setup: catch.setup,
            seed,
            instead,
        })
    })
}

/// A judge that is wrong may also find fault with the correct code.
fn confused(setups: &[Setup], budget: &Budget) -> Option<Noticed> {
    collection::clear();
    let seeds = budget.first_seed..budget.first_seed + 20;
    setups.iter().flat_map(|setup| seeds.clone().map(move |seed| (setup, seed))).find_map(|(setup, seed)| {
        let Search::Seeds(runs) = &setup.search else { return None };
        let instead = Some(runs.run(seed).alarm?);
        Some(Noticed { exhibit: None, setup: setup.name, seed, instead })
    })
}
