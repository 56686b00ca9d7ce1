//! Which actions of a cluster commute.

use super::arena::Verdict;
use super::bounds::{Bounds, Network};
use super::moves::{Kind, Move};
use super::reduced::Reduced;
use super::state::{Budget, ClusterState, place};
use super::{Action, Cluster, Explored, Observer};
use crate::explore::sleep::{Independence, SLOTS};

/// The bits of a sleep set that belong to each node, for what happens on it by itself.
const LOCAL: usize = 8;

impl<P: Explored, O: Observer<P>> Cluster<P, O> {
    fn sender(&self, by: &Move) -> Option<usize> {
        let arena = self.arena.borrow();
        place(arena.envelopes.get(by.value)?.from)
    }

    /// Whether `delivery` takes a message away that the node of `other` could send, and thereby merge with, in the meantime.
    fn merges(&self, delivery: &Move, other: &Move) -> bool {
        self.bounds.network == Network::Merging
            && delivery.kind == Kind::Message
            && self.sender(delivery) == Some(other.at)
    }

    /// Whether both use a budget that has only one left.
    fn compete(&self, state: &ClusterState, a: &Move, b: &Move) -> bool {
        let scarce = |budget, bound: u8| u32::from(state.spent(budget)) + 1 >= u32::from(bound);
        match (a.kind, b.kind) {
            (Kind::Again, Kind::Again) => scarce(Budget::Duplicates, self.bounds.duplicates),
            (Kind::Crash, Kind::Crash) => scarce(Budget::Crashes, self.bounds.crashes),
            (Kind::Command, Kind::Command) => a.value == b.value,
            (Kind::Timer, Kind::Timer) => {
                let fired = state.fired_all(self.nodes);
                self.bounds.timers_all != Bounds::UNLIMITED && fired + 1 >= u32::from(self.bounds.timers_all)
            }
            _ => false,
        }
    }

    /// Whether the observer cannot tell the order of the two.
    fn unseen(&self, observer: u32, a: &Move, b: &Move) -> bool {
        if a.observer == observer && b.observer == observer {
            return true;
        }
        let mut arena = self.arena.borrow_mut();
        let after = arena.observe(a.observer, b.effects);
        // Where something is wrong, nothing happens any more.
        after == arena.observe(b.observer, a.effects)
            && matches!(arena.observers.get(after), Some(Verdict(Ok(_))))
    }

    fn commute(&self, state: &ClusterState, a: &Move, b: &Move) -> bool {
        a.at != b.at
            && self.bounds.in_flight_max == usize::MAX
            && ![a.kind, b.kind].iter().any(|kind| matches!(kind, Kind::Drop | Kind::Withheld))
            && !self.compete(state, a, b)
            && !self.merges(a, b)
            && !self.merges(b, a)
            && self.unseen(state.observer(), a, b)
    }

    fn slot_of(&self, state: &ClusterState, of: &Move) -> Option<usize> {
        let value = of.value as usize;
        let local = |first: usize, count: usize, place: usize| {
            (place < count).then_some(of.at * LOCAL + first + place)
        };
        let commands = self.nodes * LOCAL;
        let messages = commands + self.nodes * self.commands.len();
        let slot = match of.kind {
            _ if of.outcome > 0 => None,
            Kind::Sync => local(0, 4, value.wrapping_sub(1)),
            Kind::Timer => local(4, 3, value),
            Kind::Crash => local(7, 1, 0),
            // A node that is down does nothing else.
            Kind::Boot => local(0, LOCAL, value),
            Kind::Command => Some(commands + value * self.nodes + of.at),
            Kind::Message | Kind::Again => {
                let place = state.envelopes(self.nodes).iter().position(|number| *number == of.value);
                let twice = 1 + usize::from(self.bounds.duplicates > 0);
                place.map(|place| messages + place * twice + usize::from(of.kind == Kind::Again))
            }
            Kind::Done | Kind::Drop | Kind::Withheld => None,
        };
        slot.filter(|slot| *slot < SLOTS)
    }

    /// Whether all that a move sends is on its way already.
    fn repeats(&self, state: &ClusterState, by: &Move) -> bool {
        let arena = self.arena.borrow();
        let waiting = state.envelopes(self.nodes);
        let sends = arena.effects(by.effects).map_or(&[][..], |effects| &effects.sends);
        sends.iter().all(|number| waiting.binary_search(number).is_ok())
    }

    /// Whether a move leaves its node and the observer as they are.
    fn leaves_its_node(&self, state: &ClusterState, by: &Move) -> bool {
        let arena = self.arena.borrow();
        by.kind == Kind::Drop || arena.effects(by.effects).map(|effects| effects.node) == state.node(by.at)
    }
}

impl<P: Explored, O: Observer<P>> Independence for Cluster<P, O> {
    type Move = Move;

    fn moves(&self, state: &ClusterState, moves: &mut Vec<Move>) {
        self.moves_of(state, moves);
        // What a node takes no notice of, and what stays on its way nevertheless, leads nowhere.
        if self.bounds.network == Network::Everlasting {
            moves.retain(|by| {
                by.kind != Kind::Message
                    || by.observer != state.observer()
                    || !self.leaves_its_node(state, by)
                    || !self.repeats(state, by)
            });
        }
    }

    fn successor(&self, state: &ClusterState, by: &Move, into: &mut ClusterState) -> bool {
        self.apply(state, by, into)
    }

    fn action(&self, state: &ClusterState, by: &Move) -> Action<P> {
        self.action_of(state, by)
    }

    /// Two actions commute if they happen on different nodes, do not compete for the last of a budget, and the observer cannot tell which
    /// came first. That is asked of the observer itself, in each state: it need not promise anything.
    ///
    /// What one node sends is added to what waits, and another node takes away only what is addressed to it. The order of the two
    /// matters in a merging network, where a message merges with an equal one unless that has been delivered before. Where room
    /// on the network is bounded, everything competes for it; and a loss, which needs a budget, commutes with nothing.
    fn independent(&self, state: &ClusterState, a: &Move, b: &Move) -> bool {
        self.commute(state, a, b)
    }

    fn slot(&self, state: &ClusterState, of: &Move) -> Option<usize> {
        self.slot_of(state, of)
    }
}

impl<P: Explored, O: Observer<P>> Independence for Reduced<'_, P, O> {
    type Move = Move;

    fn moves(&self, state: &ClusterState, moves: &mut Vec<Move>) {
        self.cluster.moves_of(state, moves);
        let (unused, mut after) = self.cluster.scratch.take();
        moves.retain(|by| {
            by.observer != state.observer()
                || !self.cluster.leaves_its_node(state, by)
                || !self.successor(state, by, &mut after)
                || !self.is_useless(state, &after)
        });
        self.cluster.scratch.replace((unused, after));
    }

    fn successor(&self, state: &ClusterState, by: &Move, into: &mut ClusterState) -> bool {
        let inside = self.cluster.apply(state, by, into);
        if self.answers_at_once() {
            self.cluster.answer_all(into);
        }
        inside
    }

    fn action(&self, state: &ClusterState, by: &Move) -> Action<P> {
        self.cluster.action_of(state, by)
    }

    /// As in the cluster, with three exceptions. Where answers are given at once nothing commutes: what is answered depends on which of
    /// two nodes had changed by then. Where nodes are exchanged for each other nothing commutes: an action that sleeps has
    /// another name in the state that stands for the successor. And what changes nothing but the observer commutes with nothing:
    /// after another action the observer might not change, and the action would be useless, hence impossible.
    fn independent(&self, state: &ClusterState, a: &Move, b: &Move) -> bool {
        let observed = |by: &Move| by.observer != state.observer() && self.cluster.leaves_its_node(state, by);
        a.at != b.at
            && self.symmetry.is_none()
            && !self.answers_at_once()
            && !observed(a)
            && !observed(b)
            && self.cluster.commute(state, a, b)
    }

    fn slot(&self, state: &ClusterState, of: &Move) -> Option<usize> {
        self.cluster.slot_of(state, of)
    }
}
