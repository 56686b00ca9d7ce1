//! What nodes say without changing by it, said at once.
//!
//! Where messages stay on their way for ever, what was sent so far is most of what tells states apart: who has been refused by now, and
//! who has been told again. Much of that is said by nodes that stay as they are, so it may as well be said at once.

use super::act::Action;
use super::arena::{Arena, Envelope};
use super::bounds::Network;
use super::moves::{Kind, delivery};
use super::state::{ClusterState, place};
use super::{Cluster, Explored, Observer};
use crate::explore::print::Print;
use synod_core::NodeId;

/// How long answers to answers are followed at most. What comes later is found step by step: the reduction need not be complete.
const ROUNDS_MAX: usize = 1_000;

impl<P: Explored, O: Observer<P>> Cluster<P, O> {
    /// Delivers, on a network where messages stay on their way for ever, all those that leave their receiver and the observer
    /// as they are, and adds what is said to them, until nothing is added any more.
    ///
    /// Why that is no loss: the state afterwards is real, one that deliveries lead to; it differs from the one before in messages
    /// alone, and has all of those. Whatever can happen before can happen afterwards too, and leads again to states that differ in that
    /// way. So what is wrong after something is wrong after the same and these deliveries, in as many other steps.
    pub(super) fn answer_all(&self, state: &mut ClusterState) {
        let mut said = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let mut arena = self.arena.borrow_mut();
            for number in state.envelopes(self.nodes) {
                self.answers_to(&mut arena, state, *number, &mut said);
            }
            if said.is_empty() {
                return;
            }
            for number in said.drain(..) {
                self.post(&arena, state, number);
            }
        }
    }

    /// What is said to a message by a receiver that does not change by it, and not on its way yet.
    fn answers_to(&self, arena: &mut Arena<P, O>, state: &ClusterState, number: u32, said: &mut Vec<u32>) {
        let Some(at) = arena.envelopes.get(number).and_then(|envelope| place(envelope.to)) else { return };
        let Some(node) = state.node(at) else { return };
        let key = Kind::Message.key(number);
        if arena.known(node, key).is_none() {
            if arena.hosts.get(node).is_none_or(|host| host.protocol.is_none()) {
                return;
            }
            let arrival = delivery(arena, number);
            arena.learn(node, key, self.choices_max, arrival);
        }
        for effects in arena.known(node, key).into_iter().flatten() {
            let speaks = |arena: &Arena<P, O>| {
                arena.effects(effects).is_some_and(|effects| {
                    effects.node == node
                        && effects.broken.is_none()
                        && effects.sends.iter().any(|sent| self.is_new(arena, state, *sent))
                })
            };
            if speaks(arena) && arena.observe(state.observer(), effects) == state.observer() {
                let sends = arena.effects(effects).map_or(&[][..], |effects| &effects.sends);
                said.extend(sends.iter().filter(|sent| self.is_new(arena, state, **sent)));
            }
        }
    }

    /// What has been said between two states beside what an action sent.
    pub(super) fn said_at_once(
        &self,
        before: &ClusterState,
        action: &Action<P>,
        after: &ClusterState,
    ) -> Vec<Envelope<P::Message>> {
        let arena = self.arena.borrow();
        let new = |number: &&u32| before.envelopes(self.nodes).binary_search(number).is_err();
        let more =
            after.envelopes(self.nodes).iter().filter(new).filter_map(|number| arena.envelopes.get(*number));
        let print = |to: &NodeId, message: &P::Message| Print::of(&(to, message));
        let sent: Vec<Print> = action.sent.iter().map(|(to, message)| print(to, message)).collect();
        let others = more.filter(|said| {
            Some(said.from) != action.act.node() || !sent.contains(&print(&said.to, &said.message))
        });
        if self.bounds.network == Network::Everlasting { others.cloned().collect() } else { Vec::new() }
    }

    fn is_new(&self, arena: &Arena<P, O>, state: &ClusterState, number: u32) -> bool {
        let inside = arena.envelopes.get(number).and_then(|envelope| place(envelope.to));
        inside.is_some_and(|to| to < self.nodes)
            && state.envelopes(self.nodes).binary_search(&number).is_err()
    }
}
