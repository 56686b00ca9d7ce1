//! What the command can simulate: protocols with their clients, all run, judged, shrunk and drawn by the same code.

mod paxos;
mod raft;

pub(crate) use paxos::PaxosSubject;
pub(crate) use raft::RaftSubject;

use core::fmt::Display;
use core::ops::Range;
use core::time::Duration;
use synod_core::NodeId;
use synod_kv::cluster::Mischief;
use synod_sim::trace::Stretch;
use synod_sim::{Climate, Report, Script, Shrinker, Sim, Simulated, Tape, Workload};

/// What was asked for on the command line.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) nodes: u64,
    pub(crate) clients: u64,
    pub(crate) operations: u64,
    pub(crate) storm: Duration,
    pub(crate) climate: Climate,
    /// Whether every step is validated against the protocol's executable specification, where it has one.
    pub(crate) specified: bool,
    /// Whether every run has the protocol's default configuration; else each seed draws features of its own, where there are any.
    pub(crate) plain: bool,
    pub(crate) sabotage: Option<Mischief>,
}

/// What became of the clients' operations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) ok: u64,
    pub(crate) unknown: u64,
    pub(crate) failed: u64,
    /// What else the protocol counts.
    pub(crate) more: Vec<(&'static str, u64)>,
}

/// A protocol with its clients.
pub(crate) trait Subject: Sized + Sync {
    /// What runs on each node.
    type Protocol: Simulated;
    /// Its clients.
    type Clients: Workload<Self::Protocol> + Send + Sync;

    /// What it is called on the command line and in scripts.
    const NAME: &'static str;

    /// What it is called in headings.
    const TITLE: &'static str;

    /// Takes the settings.
    fn of(request: Request) -> Self;

    /// The recipe for this seed, with all that must hold and guards against runs that test nothing; the guards are those of every seed.
    ///
    /// # Errors
    /// When no cluster can be made of the settings, in a person's words.
    fn simulation(&self, seed: u64) -> Result<Sim<Self::Protocol, Self::Clients>, String>;

    /// The run of this tape as [`validate`](crate::validate) reads it: one line for everything that validation looks at; `None` where
    /// the protocol has no executable specification.
    ///
    /// # Errors
    /// As for the recipe.
    fn steps(&self, tape: Tape) -> Result<Option<String>, String>;

    /// Writes the settings of the script's seed into it.
    fn describe(&self, script: &mut Script);

    /// The recipe for the run of a script.
    ///
    /// # Errors
    /// When the script has a setting that makes no sense.
    fn scripted(script: &Script) -> Result<Sim<Self::Protocol, Self::Clients>, String>;

    /// What makes its scripts small.
    fn shrinker<'a>() -> Shrinker<'a, Self::Protocol, Self::Clients>;

    /// A node in a few words.
    fn portrait(id: NodeId, node: &Self::Protocol) -> String;

    /// A node in full.
    fn detail(node: &Self::Protocol) -> impl Display;

    /// What became of the operations.
    fn tally(clients: &Self::Clients) -> Tally;

    /// The stretch of a run that is worth looking at.
    fn window(report: &Report<Self::Clients>) -> Range<u64>;

    /// What the clients did in this stretch.
    fn operations(report: &Report<Self::Clients>, window: &Range<u64>) -> Vec<Stretch>;

    /// What a judge has to say beyond the verdict; may be empty.
    fn findings(report: &Report<Self::Clients>) -> String;
}
