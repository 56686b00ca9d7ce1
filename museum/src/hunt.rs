//! One exhibit before the judges: seeds of every setup in turn, until one of them raises the alarm or the time is up; then every
//! schedule of the small clusters.

use crate::collection::{self, Exhibit};
use crate::setups::{Alarm, Limits, Run, Runs, Search, Setup, Visit};
use core::time::Duration;
use cpu_time::ProcessTime;

/// What a hunt may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Until the first catch of a seed.
    pub(crate) cpu: Duration,
    /// After it, for other judges to catch it too.
    pub(crate) others: Duration,
    /// For the explorations, in equal parts.
    pub(crate) explore: Duration,
    pub(crate) first_seed: u64,
    /// Runs that shrinking a catch may cost; 0: nothing is shrunk.
    pub(crate) shrink: u64,
}

/// An exhibit that was caught.
#[derive(Clone, Debug)]
pub(crate) struct Catch {
    pub(crate) alarm: Alarm,
    pub(crate) setup: &'static str,
    pub(crate) how: How,
    /// Fault events in that run, or on that path.
    pub(crate) faults: u64,
}

/// By which search.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Seed(u64),
    /// The explorer, after so many states of this exploration.
    States(u64),
}

/// The smallest of the shrunk catches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Small {
    /// Fault events that are left.
    pub(crate) faults: u64,
    pub(crate) setup: &'static str,
    pub(crate) seed: u64,
    /// How many catches were shrunk to find it.
    pub(crate) of: u64,
}

/// What came of a hunt.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The first catch of each judge.
    pub(crate) caught: Vec<Catch>,
    pub(crate) small: Option<Small>,
    /// Runs in all setups together, until the first catch.
    pub(crate) runs: u64,
    /// States visited in all explorations together.
    pub(crate) states: u64,
    /// What the runs took.
    pub(crate) cpu: Duration,
    /// Whether the planted code was run at all.
    pub(crate) reached: bool,
}

impl Outcome {
    pub(crate) fn by_seed(&self) -> Option<&Catch> {
        self.caught.iter().find(|catch| matches!(catch.how, How::Seed(_)))
    }

    pub(crate) fn by_states(&self) -> Option<(&Catch, u64)> {
        self.caught.iter().find_map(|catch| match catch.how {
            How::States(states) => Some((catch, states)),
            How::Seed(_) => None,
        })
    }
}

/// What came of the correct code.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(crate) runs: u64,
    pub(crate) states: u64,
    pub(crate) finished: bool,
    pub(crate) alarm: Option<(u64, Alarm)>,
}

/// A catch with more fault events than this is not small: the next ones are tried.
const FEW: u64 = 10;
/// How many catches are shrunk at most.
const CATCHES_MAX: u64 = 12;

/// Runs one seed of each setup of the exhibit's room, then the next seed of each, and so on; then explores.
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
    let room: Vec<&Setup> =
        setups.iter().filter(|setup| setup.room == exhibit.room && among(setup)).collect();
    let mut trail = Trail::new(&room, budget.first_seed);
    let mut caught: Vec<Catch> = trail.next(budget.cpu).into_iter().collect();
    let (runs, cpu) = (trail.runs, trail.start.elapsed());
    let mut more = trail.clone();
    while !caught.is_empty()
        && let Some(catch) = more.next((cpu + budget.others).min(budget.cpu))
    {
        if caught.iter().all(|other| other.alarm.by != catch.alarm.by) {
            caught.push(catch);
        }
    }
    let small = caught.first().and_then(|first| smallest(first, trail, budget));
    let (found, states) = explore(&room, budget.explore);
    caught.extend(found);
    let reached = collection::reached();
    collection::clear();
    Outcome { caught, small, runs, states, cpu, reached }
}

/// Seeds in the order in which they are tried.
#[derive(Clone)]
struct Trail<'a> {
    places: Vec<(&'static str, &'a dyn Runs)>,
    seed: u64,
    place: usize,
    runs: u64,
    start: ProcessTime,
}

impl<'a> Trail<'a> {
    fn new(room: &[&'a Setup], seed: u64) -> Self {
        let seeds = |setup: &&'a Setup| match &setup.search {
            Search::Seeds(runs) => Some((setup.name, runs.as_ref())),
            Search::States(_) => None,
        };
        let places = room.iter().filter_map(seeds).collect();
        Self { places, seed, place: 0, runs: 0, start: ProcessTime::now() }
    }

    /// The next run that raises an alarm, before so much time was used since the beginning.
    fn next(&mut self, cpu: Duration) -> Option<Catch> {
        while !self.places.is_empty() && self.start.elapsed() < cpu {
            let Some(&(setup, runs)) = self.places.get(self.place) else {
                (self.place, self.seed) = (0, self.seed + 1);
                continue;
            };
            self.place += 1;
            self.runs += 1;
            let Run { alarm, faults } = runs.run(self.seed);
            if let Some(alarm) = alarm {
                return Some(Catch { alarm, setup, how: How::Seed(self.seed), faults });
            }
        }
        None
    }
}

/// Shrinks the first catch, and if much is left of it, those that come after it by the same judge.
fn smallest(first: &Catch, mut trail: Trail<'_>, budget: &Budget) -> Option<Small> {
    if budget.shrink == 0 {
        return None;
    }
    let until = trail.start.elapsed() + budget.cpu;
    let mut best: Option<Small> = None;
    let mut next = Some(first.clone());
    let mut of = 0;
    while let Some(Catch { alarm, setup, how: How::Seed(seed), .. }) = next {
        let runs = trail.places.iter().find(|(name, _)| *name == setup).map(|(_, runs)| *runs);
        if alarm.by == first.alarm.by
            && let Some(faults) = runs.and_then(|runs| runs.shrink(seed, budget.shrink))
        {
            of += 1;
            if best.is_none_or(|best| faults < best.faults) {
                best = Some(Small { faults, setup, seed, of });
            }
        }
        if of >= CATCHES_MAX || best.is_some_and(|best| best.faults <= FEW) {
            break;
        }
        next = trail.next(until);
    }
    best.map(|best| Small { of, ..best })
}

/// The explorations in their order, until one finds something; what an exploration leaves of its time is for those after it.
fn explore(room: &[&Setup], cpu: Duration) -> (Option<Catch>, u64) {
    let explorations: Vec<_> = room
        .iter()
        .filter_map(|setup| match &setup.search {
            Search::States(explores) => Some((setup.name, explores)),
            Search::Seeds(_) => None,
        })
        .collect();
    let (start, mut states) = (ProcessTime::now(), 0);
    for (nth, (setup, explores)) in explorations.iter().enumerate() {
        let share = cpu.saturating_sub(start.elapsed()) / (explorations.len() - nth) as u32;
        if share.is_zero() {
            break;
        }
        let Visit { alarm, states: visited, faults, .. } =
            explores.explore(Limits { cpu: share, states: u64::MAX });
        states += visited;
        if let Some(alarm) = alarm {
            return (Some(Catch { alarm, setup, how: How::States(visited), faults }), states);
        }
    }
    (None, states)
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
        Search::States(explores) => {
            let visit = explores.explore(Limits { cpu: budget.cpu, states: u64::MAX });
            control.states = visit.states;
            control.finished = visit.finished;
            control.alarm = visit.alarm.map(|alarm| (0, alarm));
        }
    }
    control
}

/// A judge that looked away, and who noticed.
pub(crate) struct Noticed {
    /// The exhibit that was not caught as before; `None`: the correct code was called wrong.
    pub(crate) exhibit: Option<String>,
    pub(crate) setup: &'static str,
    pub(crate) how: How,
    /// What was said while the judge looked away.
    pub(crate) instead: Option<Alarm>,
}

/// Puts the judge to sleep and repeats the searches in which exhibits were caught: one at least must end in another way.
pub(crate) fn doze(
    judge: &Exhibit,
    caught: &[(Exhibit, Catch)],
    setups: &[Setup],
    budget: &Budget,
) -> Option<Noticed> {
    collection::put_to_sleep(Some(judge));
    let seeds = |catch: &Catch| matches!(catch.how, How::Seed(_));
    let noticed = lost(caught, setups, seeds)
        .or_else(|| confused(setups, budget))
        .or_else(|| lost(caught, setups, |catch| !seeds(catch)));
    collection::put_to_sleep(None);
    collection::clear();
    noticed
}

fn lost(caught: &[(Exhibit, Catch)], setups: &[Setup], which: impl Fn(&Catch) -> bool) -> Option<Noticed> {
    caught.iter().filter(|(_, catch)| which(catch)).find_map(|(exhibit, catch)| {
        // Setups of two rooms may have the same name.
        let here = |setup: &&Setup| setup.room == exhibit.room && setup.name == catch.setup;
        let setup = setups.iter().find(here)?;
        collection::plant(exhibit);
        let instead = match (&setup.search, catch.how) {
            (Search::Seeds(runs), How::Seed(seed)) => runs.run(seed).alarm,
            // Among as many states as before, so that no clock has a say.
            (Search::States(explores), How::States(states)) => {
                explores.explore(Limits { cpu: Duration::MAX, states }).alarm
            }
            _ => return None,
        };
        let exhibit = Some(exhibit.name.to_string());
        (instead.as_ref() != Some(&catch.alarm)).then_some(Noticed {
            exhibit,
            setup: catch.setup,
            how: catch.how,
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
        Some(Noticed { exhibit: None, setup: setup.name, how: How::Seed(seed), instead })
    })
}
