//! Makes failing runs small, until no fault event can be left out.

mod ddmin;
mod past;
mod search;
mod simplify;

use crate::run::Sim;
use crate::script::{Expect, Script};
use crate::workload::Workload;
use crate::world::Simulated;
use search::Search;

type Build<'a, P, W> = Box<dyn Fn(&Script) -> Option<Sim<P, W>> + 'a>;
type Report<'a> = Box<dyn FnMut(&Progress) -> bool + 'a>;

/// Reduces a failing [`Script`] to what the failure needs: fewer and shorter faults that strike fewer nodes, fewer operations and
/// nodes, plainer dials.
///
/// The same failure is one of the same property; its details may change. Whatever is left out must leave a run that still
/// fails, so the result is a run in its own right, not a guess. At the end no single fault event can be left out (1-minimal in
/// the sense of Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002), which a last pass
/// verifies with whole runs. It is deterministic: the same script gives the same result.
///
/// ```
/// use core::time::Duration;
/// use synod_core::*;
/// use synod_sim::{Climate, Expect, Idle, Shrinker, Sim};
///
/// // A node says on its disk that it has been here, and panics nobody but us when it was here three times before.
/// #[derive(Clone, Default, Hash)]
/// struct Guest { visits: u64 }
///
/// impl Protocol for Guest {
///     type Message = Never;
///     type Record = u64;
///     type Command = Never;
///     type Event = Never;
///     type Timer = Never;
///     type Job = Never;
///     type Done = Never;
///     type Error = Never;
///     fn recover(&mut self, _: Lsn, record: Recovered<u64>) -> Result<(), Never> {
///         if let Recovered::Intact(visits) = record { self.visits = visits; }
///         Ok(())
///     }
///     fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
///         if let Input::Start { .. } = input {
///             self.visits += 1;
///             cx.persist(self.visits);
///         }
///     }
/// }
///
/// let sim = Sim::new(3, |_| Guest::default(), Idle).climate(Climate::swarm()).always("few visits", || {
///     |_, guest: Option<&Guest>| match guest {
///         Some(guest) if guest.visits > 3 => Err("again!".to_owned()),
///         _ => Ok(()),
///     }
/// });
/// let script = (0..).map(|seed| sim.script(seed).1).find(|script| script.expect != Expect::Passed).unwrap();
/// let shrunk = Shrinker::new(|_| Some(sim.clone())).shrink(&script)?;
/// assert!(shrunk.minimal);
/// assert!(shrunk.script.faults.len() <= 3, "{}", shrunk.script);      // three restarts, and nothing else
/// # Ok::<(), synod_sim::NotFailing>(())
/// ```
pub struct Shrinker<'a, P: Simulated, W> {
    build: Build<'a, P, W>,
    knobs: Vec<(&'static str, u64)>,
    runs_max: u64,
    progress: Option<Report<'a>>,
}

/// How far the shrinker has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What it tries now.
    pub phase: &'static str,
    /// How many runs it has made.
    pub runs: u64,
    /// How many fault events are left.
    pub faults: usize,
}

/// What is left.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Shrunk {
    /// The run that still fails.
    pub script: Script,
    /// How many runs it took.
    pub runs: u64,
    /// How many fault events there were.
    pub faults_before: usize,
    /// Whether the last pass has shown that no fault event can be left out. `false`: the budget ran out before.
    pub minimal: bool,
}

/// There is nothing to shrink.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotFailing {
    /// The script expects the run to pass.
    #[error("the script expects the run to pass: there is nothing to shrink")]
    Expected,
    /// The run does not end as the script says.
    #[error(
        "the script expects `{expected}`, but the run ends with `{found}`: protocol or workload are others than when it was written"
    )]
    Otherwise {
        /// What the script says.
        expected: String,
        /// How the run ends.
        found: String,
    },
    /// There is no recipe for such a run.
    #[error("no run can be made of the settings of the script")]
    NoRun,
}

impl<'a, P: Simulated, W: Workload<P>> Shrinker<'a, P, W> {
    /// A shrinker for the runs that `build` sets up. It reads what it needs from the script's settings, and `None` says that
    /// there is no such run. Where nothing can be scaled, it returns a clone of the recipe.
    pub fn new(build: impl Fn(&Script) -> Option<Sim<P, W>> + 'a) -> Self {
        Self { build: Box::new(build), knobs: Vec::new(), runs_max: 3_000, progress: None }
    }

    /// The setting `name` is a number that may be made smaller, but not less than `least`: operations, clients, nodes.
    #[must_use]
    pub fn knob(mut self, name: &'static str, least: u64) -> Self {
        self.knobs.push((name, least));
        self
    }

    /// At most so many runs; 3,000 until told otherwise.
    #[must_use]
    pub fn runs_max(mut self, runs: u64) -> Self {
        self.runs_max = runs;
        self
    }

    /// Shows each step to `progress`; where it says `false` the search ends with what it has.
    #[must_use]
    pub fn progress(mut self, progress: impl FnMut(&Progress) -> bool + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// Shrinks this script.
    ///
    /// # Errors
    /// When the run does not fail, or not in the way that the script says.
    pub fn shrink(&mut self, script: &Script) -> Result<Shrunk, NotFailing> {
        if script.expect == Expect::Passed {
            return Err(NotFailing::Expected);
        }
        let mut search = Search::begin(self, script)?;
        let faults_before = search.best().faults.len();
        search.coarse();
        let minimal = search.fine();
        let (script, runs) = search.finish();
        Ok(Shrunk { script, runs, faults_before, minimal })
    }
}
