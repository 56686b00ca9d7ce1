//! Fewer states, the same verdict.

use super::arena::Envelope;
use super::observer::Observer;
use super::renaming::{Relabel, Renaming};
use super::state::{ClusterState, SPENT, envelopes_at, place};
use super::{Action, Cluster, Explored, Network};
use crate::explore::model::{Model, Successors};
use crate::explore::print::Print;
use core::cell::RefCell;
use core::fmt::Write as _;
use synod_core::NodeId;

/// A [`Cluster`] with states left out that cannot change the verdict about safety.
///
/// **Useless actions** are left out always. An action after which everything is as before, except that a message or a part of
/// a budget is gone, leads to a state that can do nothing that the state before it cannot: what has more messages on their
/// way and more budget left can do all that it could with less. So a message that its receiver ignores stays on its
/// way, and losses disappear altogether, unless messages wait behind each other or their number is bounded.
/// *What must be true:* no invariant looks at the messages on their way.
///
/// **Answers are given at once** where messages stay on their way for ever ([`Network::Everlasting`]): what reaches a node that does not
/// change by it, and only makes it speak, is delivered as soon as it is sent. The state with the answers can do all that the state
/// without them can, so the latter need not be kept. A counterexample names such answers behind the action that they follow, and
/// does not count them as steps. The third ballot of the tests of `synod-paxos` went from more than 668 million states to 8 million.
/// *What must be true:* as above.
///
/// **Symmetry** ([`symmetric`](Reduced::symmetric)): states that differ only in the names of nodes count as one; the one with
/// the least print stands for all (Ip and Dill 1996, "Better verification through symmetry"). The states that are kept are
/// real ones, so a counterexample is a real run. *What must be true:* see [`Relabel`].
///
/// A reduced cluster has no fairness, and cannot be asked about progress: that an action is left out would look as though it
/// could never happen. The compiler refuses it:
///
/// ```compile_fail
/// # use synod_sim::explore::{Cluster, Explored, Liveness, Observer};
/// fn progress<P: Explored, O: Observer<P>>(cluster: &Cluster<P, O>) {
///     let _ = Liveness::new(&cluster.reduced()); // `Reduced` is not `Fair`
/// }
/// ```
///
/// ```
/// # use synod_sim::explore::{Cluster, Explored, Liveness, Observer};
/// fn progress<P: Explored, O: Observer<P>>(cluster: &Cluster<P, O>) {
///     let _ = Liveness::new(cluster);
/// }
/// ```
pub struct Reduced<'a, P: Explored, O> {
    pub(super) cluster: &'a Cluster<P, O>,
    pub(super) symmetry: Option<Symmetry<'a, P, O>>,
}

pub(super) struct Symmetry<'a, P: Explored, O> {
    relabel: Box<dyn Relabel<P, O> + 'a>,
    renamings: Vec<Renaming>,
    scratch: RefCell<ClusterState>,
}

/// Why nodes cannot be exchanged for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SymmetryError {
    /// A node that does not exist.
    #[error("{0} is not a node of the cluster: they are numbered from 1 on")]
    NoSuchNode(NodeId),
    /// A node that is given a command which others are not.
    #[error(
        "{0} is given a command of its own and cannot be exchanged: leave it out, or use `command_anywhere`"
    )]
    SingledOut(NodeId),
    /// Too many permutations.
    #[error("{0} nodes have more permutations than can be looked at for each state: at most 6")]
    TooMany(usize),
}

/// The greatest number of nodes that are exchanged: 720 permutations for each state.
const EXCHANGED_MAX: usize = 6;

impl<P: Explored, O: Observer<P>> Cluster<P, O> {
    /// This cluster without useless actions.
    pub fn reduced(&self) -> Reduced<'_, P, O> {
        Reduced { cluster: self, symmetry: None }
    }
}

impl<'a, P: Explored, O: Observer<P>> Reduced<'a, P, O> {
    /// Takes states for one that differ only in the names of these nodes.
    ///
    /// # Errors
    /// When the nodes do not exist, are told apart by a command, or are too many.
    pub fn symmetric(
        mut self,
        nodes: impl IntoIterator<Item = NodeId>,
        relabel: impl Relabel<P, O> + 'a,
    ) -> Result<Self, SymmetryError> {
        let mut places = Vec::new();
        for id in nodes {
            if self.cluster.commands.iter().any(|(to, _)| *to == Some(id)) {
                return Err(SymmetryError::SingledOut(id));
            }
            match place(id) {
                Some(at) if at < self.cluster.nodes => places.push(at),
                _ => return Err(SymmetryError::NoSuchNode(id)),
            }
        }
        places.sort_unstable();
        places.dedup();
        if places.len() > EXCHANGED_MAX {
            return Err(SymmetryError::TooMany(places.len()));
        }
        let renamings = Renaming::all(self.cluster.nodes, &places);
        let scratch = RefCell::new(ClusterState { words: Vec::new() });
        self.symmetry = Some(Symmetry { relabel: Box::new(relabel), renamings, scratch });
        Ok(self)
    }

    /// Whether what only makes a node speak is delivered at once.
    pub(super) fn answers_at_once(&self) -> bool {
        let bounds = &self.cluster.bounds;
        bounds.network == Network::Everlasting && bounds.in_flight_max == usize::MAX
    }

    /// The state with all that is said at once.
    fn answered<'s>(&self, state: &'s ClusterState, answered: &'s mut ClusterState) -> &'s ClusterState {
        if !self.answers_at_once() {
            return state;
        }
        answered.words.clone_from(&state.words);
        self.cluster.answer_all(answered);
        answered
    }

    pub(super) fn is_useless(&self, before: &ClusterState, after: &ClusterState) -> bool {
        let bounds = &self.cluster.bounds;
        let free = bounds.in_flight_max == usize::MAX && bounds.network != Network::Fifo;
        let start = envelopes_at(self.cluster.nodes);
        let same = before.words.get(SPENT + 1..start) == after.words.get(SPENT + 1..start);
        let fewer = match before.words.len().checked_sub(after.words.len()) {
            Some(0) => before.words.get(start..) == after.words.get(start..),
            Some(1) => free,
            _ => false,
        };
        same && fewer
    }
}

struct Useful<'a, 'b, P: Explored, O, S> {
    reduced: &'a Reduced<'b, P, O>,
    before: &'a ClusterState,
    each: &'a mut S,
}

impl<'b, P: Explored, O: Observer<P>, S: Successors<Reduced<'b, P, O>>> Successors<Cluster<P, O>>
    for Useful<'_, 'b, P, O, S>
{
    fn offer(&mut self, action: impl FnOnce() -> Action<P>, state: &ClusterState) {
        let mut answered = self.reduced.cluster.answered.take();
        let state = self.reduced.answered(state, &mut answered);
        if !self.reduced.is_useless(self.before, state) {
            self.each.offer(action, state);
        }
        self.reduced.cluster.answered.replace(answered);
    }

    fn cut(&mut self) {
        self.each.cut();
    }
}

impl<P: Explored, O: Observer<P>> Model for Reduced<'_, P, O> {
    type State = ClusterState;
    type Action = Action<P>;

    fn initial(&self) -> Vec<ClusterState> {
        self.cluster.initial()
    }

    fn next<S: Successors<Self>>(&self, state: &ClusterState, each: &mut S) {
        self.cluster.next(state, &mut Useful { reduced: self, before: state, each });
    }

    fn check(&self, state: &ClusterState) -> Result<(), String> {
        self.cluster.check(state)
    }

    fn print(&self, state: &ClusterState) -> Print {
        let Some(symmetry) = &self.symmetry else { return self.cluster.print(state) };
        let mut arena = self.cluster.arena.borrow_mut();
        let mut scratch = symmetry.scratch.borrow_mut();
        let (bounds, nodes) = (&self.cluster.bounds, self.cluster.nodes);
        let renamed = symmetry.renamings.iter().enumerate().map(|names| {
            arena.print_renamed(state, bounds, nodes, symmetry.relabel.as_ref(), names, &mut scratch)
        });
        renamed.min().unwrap_or_else(|| state.print())
    }

    fn describe(&self, before: &ClusterState, action: &Action<P>, after: &ClusterState) -> String {
        let mut says = self.cluster.describe(before, action, after);
        for Envelope { from, to, message } in self.cluster.said_at_once(before, action, after) {
            let _ = write!(says, "\n        whereupon {from} sends {to}: {message:?}");
        }
        says
    }

    fn pack(&self, state: &ClusterState, bytes: &mut Vec<u8>) -> bool {
        self.cluster.pack(state, bytes)
    }

    fn unpack(&self, bytes: &[u8], into: &mut ClusterState) -> bool {
        self.cluster.unpack(bytes, into)
    }

    fn heap_bytes(&self, state: &ClusterState) -> usize {
        self.cluster.heap_bytes(state)
    }

    fn memory_bytes(&self) -> usize {
        self.cluster.memory_bytes()
    }
}
