//! Where the judges look: a fixed list for each protocol, the same for every exhibit and for the correct code. No setup knows a
//! bug.

mod acted;
mod clusters;
mod crdt;
mod exploring;
mod groups;
mod partition;
mod paxos;
mod raft;
mod schedules;
mod specified;

pub(crate) use clusters::Clusters;
pub(crate) use exploring::Exploring;
pub(crate) use raft::CLIENTS_ALONE;

use core::fmt;
use core::time::Duration;

/// A place where a protocol is watched by judges.
pub(crate) struct Setup {
    /// The crate whose protocol runs there.
    pub(crate) room: &'static str,
    pub(crate) name: &'static str,
    pub(crate) says: &'static str,
    pub(crate) search: Search,
}

/// How schedules are chosen.
pub(crate) enum Search {
    /// Seed by seed.
    Seeds(Box<dyn Runs>),
    /// All of them within bounds.
    States(Box<dyn Explores>),
}

/// Runs of the simulator.
pub(crate) trait Runs {
    fn run(&self, seed: u64) -> Run;

    /// How many fault events are left when the failing run of this seed is shrunk; `None` when it cannot be repeated.
    fn shrink(&self, seed: u64, runs_max: u64) -> Option<u64>;
}

/// The explorer.
pub(crate) trait Explores {
    fn explore(&self, limits: Limits) -> Visit;
}

/// Where an exploration stops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) cpu: Duration,
    pub(crate) states: u64,
}

/// What came of one seed.
pub(crate) struct Run {
    pub(crate) alarm: Option<Alarm>,
    /// The faults that struck.
    pub(crate) faults: u64,
}

/// What came of an exploration.
pub(crate) struct Visit {
    pub(crate) alarm: Option<Alarm>,
    pub(crate) states: u64,
    /// Crashes on the way to the alarm.
    pub(crate) faults: u64,
    /// Every state within the bounds was visited.
    pub(crate) finished: bool,
}

/// Somebody has noticed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alarm {
    pub(crate) by: Judge,
    pub(crate) says: String,
}

/// Who has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judge {
    /// A property of the protocol's state, looked at after every event.
    Invariant,
    /// The executable specification of the protocol, which looks at every step.
    Specification,
    /// The verdict over what the clients saw.
    Checker,
    /// No progress, where there should be.
    Liveness,
    /// A node could not come back from its own disk.
    Recovery,
    /// A wrong state among all that can be reached.
    Explorer,
    /// A scenario that was acted out and went another way than it should.
    Scenario,
}

impl fmt::Display for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Invariant => "invariant",
            Self::Specification => "specification",
            Self::Checker => "checker",
            Self::Liveness => "liveness",
            Self::Recovery => "recovery",
            Self::Explorer => "explorer",
            Self::Scenario => "scenario",
        })
    }
}

/// All of them, those that explore from small to large.
pub(crate) fn all() -> Vec<Setup> {
    let rooms = [
        raft::setups(),
        groups::setups(),
        acted::setups(),
        specified::setups(),
        schedules::setups(),
        paxos::setups(),
        crdt::setups(),
        partition::setups(),
        raft::clients(),
    ];
    rooms.into_iter().flatten().collect()
}
