//! Every interleaving of a cluster of any protocol.

mod act;
mod answers;
mod arena;
mod bounds;
mod error;
mod host;
mod independence;
mod lookup;
mod moves;
mod observer;
mod reduced;
mod renaming;
mod state;
mod view;

pub use act::{Act, Action};
pub use bounds::{Bounds, Network};
pub use error::ClusterError;
pub use moves::Move;
pub use observer::Observer;
pub use reduced::{Reduced, SymmetryError};
pub use renaming::{Relabel, Renaming};
pub use state::ClusterState;
pub use view::View;

use super::liveness::Fair;
use super::model::{Model, Successors};
use super::print::Print;
use arena::{Arena, Verdict};
use core::cell::RefCell;
use core::fmt::Debug;
use core::hash::Hash;
use synod_core::{NodeId, Protocol};

/// What a protocol must be able to do beyond stepping, to be explored: its state and everything that can wait must be
/// copied, told apart by their hash, and shown. Implemented for every type that can.
///
/// The hash must cover whatever decides about the future; what is left out of it (a statistic, a revision counter) must not.
pub trait Explored:
    Protocol<
        Message: Clone + Hash + Debug,
        Record: Clone + Hash,
        Command: Clone + Debug,
        Event: Clone + Hash + Debug,
        Timer: Hash + Debug,
        Job: Clone + Hash,
        Done: Clone + Debug,
        Error: Debug,
    > + Clone
    + Hash
    + Debug
{
}

impl<P> Explored for P
where
    P: Protocol + Clone + Hash + Debug,
    P::Message: Clone + Hash + Debug,
    P::Record: Clone + Hash,
    P::Command: Clone + Debug,
    P::Event: Clone + Hash + Debug,
    P::Timer: Hash + Debug,
    P::Job: Clone + Hash,
    P::Done: Clone + Debug,
    P::Error: Debug,
{
}

type Make<P> = Box<dyn Fn(NodeId) -> P + Send + Sync>;
type Invariant<P, O> = Box<dyn Fn(&View<'_, P, O>) -> Result<(), String> + Send + Sync>;
type Fires<P> = Box<dyn Fn(NodeId, &<P as Protocol>::Timer) -> bool + Send + Sync>;
type Answers<P> = Box<dyn Fn(NodeId, &<P as Protocol>::Job) -> Vec<<P as Protocol>::Done> + Send + Sync>;

/// A cluster of nodes with the ids 1, 2, 3 and so on, as a [`Model`]: every order of deliveries, timers, completed syncs,
/// commands, crashes and restarts, within [`Bounds`].
///
/// * **Messages** wait in the network in no order (or first in, first out on each link: [`Network`]). A message that is never
///   delivered is as good as lost, so that losses need a budget only where something waits behind them or room is bounded. A node that is
///   down receives nothing.
/// * **Timers** run out at any moment while they are armed; how long they were armed for is ignored, and the clock that
///   protocols see stands at zero. What depends on durations (leases) must be a timer.
/// * **The disk** completes a sync at any moment, and up to any record: each group commit that a driver could have made. A sync
///   is possible while a forced record, or something that waits, is not durable.
/// * **A crash** leaves of the un-synced tail any prefix, chosen when the node starts again. A failed sync is such a crash.
/// * **After each input** promises to oneself that are durable are delivered, and then the flush, as in every driver.
/// * **Chance** in the protocol is enumerated where the bound of a choice is at most [`choices_max`](Cluster::choices_max), and
///   is 0 otherwise.
///
/// Links that go up and down, requests to rewrite, and damaged disks are not explored.
pub struct Cluster<P: Explored, O = ()> {
    nodes: usize,
    /// What it was asked for and cannot have.
    refused: Option<ClusterError>,
    make: Make<P>,
    bounds: Bounds,
    observer: O,
    commands: Vec<(Option<NodeId>, P::Command)>,
    invariants: Vec<(String, Invariant<P, O>)>,
    fires: Option<Fires<P>>,
    answers: Option<Answers<P>>,
    choices_max: u64,
    incarnations: bool,
    arena: RefCell<Arena<P, O>>,
    /// Used again for one state after another.
    scratch: RefCell<(Vec<Move>, ClusterState)>,
    /// A successor with all answers in it.
    answered: RefCell<ClusterState>,
}

impl<P: Explored> Cluster<P> {
    /// A cluster of `nodes` nodes, each made (and after a crash, made again) by `make`; no faults, no commands, one firing of
    /// timers a node.
    pub fn new(nodes: usize, make: impl Fn(NodeId) -> P + Send + Sync + 'static) -> Self {
        Self::observed(nodes, make, ())
    }
}

impl<P: Explored, O: Observer<P>> Cluster<P, O> {
    /// As [`new`](Cluster::new), with an observer.
    pub fn observed(nodes: usize, make: impl Fn(NodeId) -> P + Send + Sync + 'static, observer: O) -> Self {
        Self {
            nodes: nodes.min(bounds::NODES_MAX),
            refused: (nodes > bounds::NODES_MAX).then_some(ClusterError::TooManyNodes(nodes)),
            make: Box::new(make),
            bounds: Bounds::default(),
            observer,
            commands: Vec::new(),
            invariants: Vec::new(),
            fires: None,
            answers: None,
            choices_max: 0,
            incarnations: true,
            arena: RefCell::new(Arena::new()),
            scratch: RefCell::default(),
            answered: RefCell::default(),
        }
    }

    /// How many faults there may be, and how far everything goes.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// A command that a node may be given, at any moment, once. At most 32 in all, with those for anybody.
    #[must_use]
    pub fn command(mut self, to: NodeId, command: P::Command) -> Self {
        if state::place(to).is_none_or(|at| at >= self.nodes) {
            self.refused = self.refused.or(Some(ClusterError::NoSuchNode(to)));
        }
        self.commands.push((Some(to), command));
        self
    }

    /// A command that any node may be given, at any moment, once in all.
    #[must_use]
    pub fn command_anywhere(mut self, command: P::Command) -> Self {
        self.commands.push((None, command));
        self
    }

    /// What must hold in every state of the cluster.
    #[must_use]
    pub fn always(
        mut self,
        name: &str,
        check: impl Fn(&View<'_, P, O>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.invariants.push((name.to_owned(), Box::new(check)));
        self
    }

    /// Only these timers run out.
    #[must_use]
    pub fn timers(mut self, fires: impl Fn(NodeId, &P::Timer) -> bool + Send + Sync + 'static) -> Self {
        self.fires = Some(Box::new(fires));
        self
    }

    /// What a job can be answered with; each answer is explored. Without this, no job is ever answered.
    #[must_use]
    pub fn answers(
        mut self,
        answers: impl Fn(NodeId, &P::Job) -> Vec<P::Done> + Send + Sync + 'static,
    ) -> Self {
        self.answers = Some(Box::new(answers));
        self
    }

    /// Explore every value of a choice that the protocol makes below this bound or at it. Larger choices are 0.
    #[must_use]
    pub fn choices_max(mut self, bound: u64) -> Self {
        self.choices_max = bound;
        self
    }

    /// Every start says that it is the first: for a protocol that does not use its incarnation, states that differ only in the
    /// number of restarts are then one.
    #[must_use]
    pub fn without_incarnations(mut self) -> Self {
        self.incarnations = false;
        self
    }

    /// Whether the cluster can be explored as it was asked for. One that cannot is explored nevertheless, and wrong at once: its
    /// initial state breaks an invariant that gives the error for its reason.
    ///
    /// # Errors
    /// When there are more nodes or commands than a state has room for, or a command for a node that does not exist.
    pub fn validate(&self) -> Result<(), ClusterError> {
        match self.refused {
            Some(error) => Err(error),
            None if self.commands.len() > state::COMMANDS_MAX => {
                Err(ClusterError::TooManyCommands(self.commands.len()))
            }
            None => Ok(()),
        }
    }

    /// Looks into a state, such as the last of a counterexample.
    pub fn inspect<R>(&self, state: &ClusterState, look: impl FnOnce(&View<'_, P, O>) -> R) -> R {
        look(&View::new(&self.arena.borrow(), state, self.nodes))
    }
}

impl<P: Explored, O: Observer<P>> Model for Cluster<P, O> {
    type State = ClusterState;
    type Action = Action<P>;

    fn initial(&self) -> Vec<ClusterState> {
        self.begin()
    }

    fn next<S: Successors<Self>>(&self, state: &ClusterState, each: &mut S) {
        let (mut moves, mut after) = self.scratch.take();
        self.moves_of(state, &mut moves);
        for by in &moves {
            if self.apply(state, by, &mut after) {
                each.offer(|| self.action_of(state, by), &after);
            } else {
                each.cut();
            }
        }
        self.scratch.replace((moves, after));
    }

    fn check(&self, state: &ClusterState) -> Result<(), String> {
        let arena = self.arena.borrow();
        let view = View::new(&arena, state, self.nodes);
        if let Some(Verdict(Err(reason))) = arena.observers.get(state.observer()) {
            return Err(reason.clone());
        }
        for (name, invariant) in &self.invariants {
            invariant(&view).map_err(|reason| format!("{name}: {reason}"))?;
        }
        Ok(())
    }

    fn print(&self, state: &ClusterState) -> Print {
        state.print()
    }

    fn describe(&self, _: &ClusterState, action: &Action<P>, _: &ClusterState) -> String {
        action.to_string()
    }

    fn pack(&self, state: &ClusterState, bytes: &mut Vec<u8>) -> bool {
        state.pack(bytes);
        true
    }

    fn unpack(&self, bytes: &[u8], into: &mut ClusterState) -> bool {
        into.unpack(bytes);
        true
    }

    fn heap_bytes(&self, state: &ClusterState) -> usize {
        state.heap_bytes()
    }

    fn memory_bytes(&self) -> usize {
        self.arena.borrow().bytes()
    }
}

impl<P: Explored, O: Observer<P>> Fair for Cluster<P, O> {
    /// A message arrives one day, an armed timer runs out, a sync completes, a job is answered, a process that is down starts
    /// again, and the application asks what it is going to ask. Crashes, losses and doubled messages need not happen.
    fn class(&self, _: &ClusterState, action: &Action<P>) -> Option<u64> {
        let class = match &action.act {
            Act::Deliver { from, to, message, again: false } => Print::of(&(0_u8, from, to, message)),
            Act::Timer { node, timer } => Print::of(&(1_u8, node, timer)),
            Act::Sync { node, .. } => Print::of(&(2_u8, node)),
            Act::Done { node, .. } => Print::of(&(3_u8, node)),
            Act::Restart { node, .. } => Print::of(&(4_u8, node)),
            Act::Command { command, .. } => Print::of(&(5_u8, format!("{command:?}"))),
            Act::Deliver { again: true, .. } | Act::Drop { .. } | Act::Crash { .. } => return None,
        };
        Some(class.low())
    }
}
