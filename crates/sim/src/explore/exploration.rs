//! What a search found.

use super::model::Model;
use core::fmt;
use core::time::Duration;
use std::io;

/// The report of a search.
pub struct Exploration<M: Model> {
    /// What came of it.
    pub outcome: Outcome<M>,
    /// How far it got.
    pub extent: Extent,
}

impl<M: Model> Exploration<M> {
    /// Whether every state within the bounds was visited and none was wrong.
    pub fn holds(&self) -> bool {
        matches!(self.outcome, Outcome::Holds)
    }

    /// The shortest way to a wrong state, if one was found.
    pub fn counterexample(&self) -> Option<&Counterexample<M>> {
        match &self.outcome {
            Outcome::Violated(counterexample) => Some(counterexample),
            Outcome::Holds | Outcome::Stopped(_) => None,
        }
    }
}

/// How a search ended.
pub enum Outcome<M: Model> {
    /// Every state within the bounds was visited, and none was wrong.
    Holds,
    /// A wrong state was reached, on a shortest path.
    Violated(Counterexample<M>),
    /// The search was not finished: nothing wrong among what was visited.
    Stopped(Stop),
}

/// Why a search was not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// The visited set, the links or the frontier would outgrow the memory that was granted.
    Memory,
    /// The time that was granted is over.
    Time,
    /// As many states as were granted have been visited.
    States,
    /// Whoever watched the progress said so.
    Interrupted,
    /// The model cannot unpack a state that it has packed.
    Lost,
    /// The store for what does not fit into memory has failed: the disk is full, or something worse.
    Store(io::ErrorKind),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Store(error) => {
                return write!(f, "the store for what does not fit into memory has failed: {error}");
            }
            Self::Memory => "the memory granted is used up",
            Self::Time => "the time granted is over",
            Self::States => "the number of states granted is reached",
            Self::Interrupted => "interrupted",
            Self::Lost => "a state that waited cannot be unpacked",
        })
    }
}

/// How far a search has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extent {
    /// Different states found.
    pub unique: u64,
    /// Successors computed, initial states included.
    pub generated: u64,
    /// States whose successors have been computed.
    pub expanded: u64,
    /// States without a successor.
    pub terminal: u64,
    /// Successors that were not explored, because they lie beyond the bounds of the model or the greatest depth: in a
    /// [`Cluster`](super::Cluster) timers that are armed and have no budget left, and what would put too many messages on their way.
    /// Faults are not among them: how many there are is what is assumed of the world.
    pub cut: u64,
    /// The number of actions on the way to the farthest state.
    pub depth: u32,
    /// States that wait to be expanded.
    pub frontier: u64,
    /// The bytes of memory held by the visited set, the links, the frontier and the model, as far as they can be counted; for a
    /// finished search the greatest that was seen. Of the states of nodes, messages and observers that a
    /// [`Cluster`](super::Cluster) keeps once, the values themselves are counted, and what lies behind them on the heap (the elements
    /// of their vectors and maps) is not: nobody but the allocator knows that. Where it matters ask the operating system, as
    /// `synod explore` does.
    pub memory_bytes: usize,
    /// The bytes in the store: prints of states, links and states that wait, as far as they do not fit into memory.
    pub disk_bytes: u64,
    /// The bits of each state's print that are kept; 0 where the states themselves are.
    pub print_bits: u32,
    /// Time spent.
    pub elapsed: Duration,
}

impl Extent {
    /// Different states found per second.
    #[must_use]
    pub fn states_per_second(&self) -> f64 {
        self.unique as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The chance that two of the states found had the same print, so that one of them was left out: about n² / 2^(b+1) for n
    /// states and prints of b bits.
    #[must_use]
    pub fn omission_probability(&self) -> f64 {
        if self.print_bits == 0 {
            return 0.0;
        }
        let pairs = (self.unique as f64) * (self.unique as f64) / 2.0;
        (pairs / 2_f64.powi(self.print_bits as i32)).min(1.0)
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} states ({} generated, {} waiting), depth {}, {:.1} MiB, ",
            self.unique,
            self.generated,
            self.frontier,
            self.depth,
            self.memory_bytes as f64 / 1_048_576.0,
        )?;
        if self.disk_bytes > 0 {
            write!(f, "{:.1} MiB on disk, ", self.disk_bytes as f64 / 1_048_576.0)?;
        }
        write!(f, "{:.0} states/s", self.states_per_second())
    }
}

/// A shortest way to a wrong state.
pub struct Counterexample<M: Model> {
    /// What is wrong with the last state.
    pub reason: String,
    /// Where it begins. `None` only where the model has no initial states any more.
    pub initial: Option<M::State>,
    /// Each action and the state it leads to.
    pub steps: Vec<(M::Action, M::State)>,
    descriptions: Vec<String>,
}

impl<M: Model> Counterexample<M> {
    /// Replays a path: the choice among the initial states, then the place of each step among the successors.
    pub(super) fn replay(
        model: &M,
        path: &[u64],
        reason: String,
        pick: impl Fn(&M::State, u64) -> Option<(M::Action, M::State)>,
    ) -> Self {
        let first = path.first().and_then(|first| usize::try_from(*first).ok());
        let initial = first.and_then(|first| model.initial().into_iter().nth(first));
        let mut found = Self { reason, initial, steps: Vec::new(), descriptions: Vec::new() };
        for place in path.iter().skip(1) {
            let Some(before) = found.last() else { break };
            let Some((action, after)) = pick(before, *place) else {
                found
                    .reason
                    .push_str(" (the model offers other successors every time: the path stops short)");
                break;
            };
            found.descriptions.push(model.describe(before, &action, &after));
            found.steps.push((action, after));
        }
        found
    }

    /// The actions in order.
    pub fn actions(&self) -> impl Iterator<Item = &M::Action> {
        self.steps.iter().map(|(action, _)| action)
    }

    /// The actions in a person's words, in order.
    pub fn descriptions(&self) -> impl Iterator<Item = &str> {
        self.descriptions.iter().map(String::as_str)
    }

    /// The state in which it ends.
    pub fn last(&self) -> Option<&M::State> {
        self.steps.last().map(|(_, state)| state).or(self.initial.as_ref())
    }
}

impl<M: Model> fmt::Display for Counterexample<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.reason)?;
        for (number, description) in (1..).zip(&self.descriptions) {
            writeln!(f, "{number:4}. {description}")?;
        }
        Ok(())
    }
}

impl<M: Model> fmt::Debug for Counterexample<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counterexample")
            .field("reason", &self.reason)
            .field("steps", &self.descriptions)
            .finish_non_exhaustive()
    }
}

impl<M: Model> fmt::Debug for Outcome<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str("Holds"),
            Self::Violated(counterexample) => f.debug_tuple("Violated").field(counterexample).finish(),
            Self::Stopped(stop) => f.debug_tuple("Stopped").field(stop).finish(),
        }
    }
}

impl<M: Model> fmt::Debug for Exploration<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exploration").field("outcome", &self.outcome).field("extent", &self.extent).finish()
    }
}

impl<M: Model> fmt::Display for Exploration<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Holds if self.extent.cut == 0 => writeln!(f, "holds in every state")?,
            Outcome::Holds => {
                writeln!(
                    f,
                    "holds in every state within the bounds ({} successors beyond)",
                    self.extent.cut
                )?;
            }
            Outcome::Violated(counterexample) => write!(f, "violated: {counterexample}")?,
            Outcome::Stopped(stop) => writeln!(f, "not finished, {stop}; nothing wrong so far")?,
        }
        write!(
            f,
            "{}; a state was left out with probability {:.1e}",
            self.extent,
            self.extent.omission_probability()
        )
    }
}
