//! Traitors: nodes that run the same protocol as everybody and deceive with it.

use crate::hash::{Fold, fingerprint};
use crate::network::{index, node};
use crate::node::{Host, Node, Port};
use crate::tamper::Guard;
use crate::tape::{Kind, Label, Tape};
use crate::workload::Workload;
use crate::world::{Simulated, World};
use core::fmt;
use std::collections::VecDeque;
use std::sync::Arc;
use synod_core::{Input, NodeId, Protocol};

/// How a traitor deceives (Lamport, Shostak and Pease 1982). None of them needs to know the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Treason {
    /// Says one thing to some and another to others: two copies of the protocol run under one name. Both hear the honest, each
    /// gets every other command, and each is heard by its own part of the nodes. Traitors conspire: they tell the same parts
    /// the same, and their copies for one part talk among themselves.
    Equivocate,
    /// Sends under another node's name too. A transport that [authenticates](Guard::Authenticated) stops it.
    Forge,
    /// Does not send some of what it should, to some receivers more than to others.
    Withhold,
    /// Sends again what it has sent or heard before, also to others.
    Replay,
}

const TREASONS: [(Treason, &str); 4] = [
    (Treason::Equivocate, "equivocate"),
    (Treason::Forge, "forge"),
    (Treason::Withhold, "withhold"),
    (Treason::Replay, "replay"),
];

impl Treason {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        TREASONS.iter().map(|(treason, _)| *treason)
    }

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        TREASONS.iter().find(|(treason, _)| *treason == self).map_or("?", |(_, name)| name)
    }
}

impl fmt::Display for Treason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A node that deceives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Traitor {
    /// Which.
    pub node: NodeId,
    /// How.
    pub treasons: Vec<Treason>,
}

/// Who the traitors are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Traitors {
    /// So many, other ones in each run, each with a part of the treasons.
    Drawn(usize),
    /// These, with all of the treasons.
    Named(Vec<NodeId>),
}

impl From<usize> for Traitors {
    fn from(count: usize) -> Self {
        Self::Drawn(count)
    }
}

impl<const N: usize> From<[NodeId; N]> for Traitors {
    fn from(nodes: [NodeId; N]) -> Self {
        Self::Named(nodes.to_vec())
    }
}

impl Traitors {
    /// The traitors of one run.
    pub(crate) fn choose(&self, nodes: usize, treasons: &[Treason], tape: &mut Tape) -> Vec<Traitor> {
        let count = match self {
            Self::Named(named) => {
                return named.iter().map(|id| Traitor { node: *id, treasons: treasons.to_vec() }).collect();
            }
            Self::Drawn(count) => (*count).min(nodes),
        };
        let mut left: Vec<NodeId> = (0..nodes).map(node).collect();
        let mut below = |nth: u64, part, bound| tape.below(Label::new(Kind::Treason, &[nth, part]), bound);
        (0..count as u64)
            .map(|nth| {
                let node = left.remove(below(nth, 0, left.len() as u64) as usize);
                // A part of them, and not none.
                let parts = 1 + below(nth, 1, (1 << treasons.len().min(16)) - 1);
                let chosen = treasons.iter().zip(0..).filter(|(_, bit)| parts >> bit & 1 == 1);
                Traitor { node, treasons: chosen.map(|(treason, _)| *treason).collect() }
            })
            .collect()
    }
}

/// Makes another message of a message, or has no idea; the number is drawn.
pub(crate) type Mutate<P> =
    Arc<dyn Fn(&<P as Protocol>::Message, u64) -> Option<<P as Protocol>::Message> + Send + Sync>;

/// What a traitor's node wears over its protocol.
#[derive(Clone)]
pub(crate) struct Mask<P: Simulated> {
    treasons: Vec<Treason>,
    /// The second copy's place among the nodes, in the first copy's mask.
    pub(crate) double: Option<usize>,
    /// The honest nodes that this copy speaks to, a bit for each.
    audience: u64,
    /// Where its accomplices' copies for the same audience are.
    accomplices: Vec<(NodeId, usize)>,
    /// This is the second copy.
    pub(crate) second: bool,
    /// Commands so far: every other one is for the double.
    commands: u64,
    memory: VecDeque<(NodeId, P::Message)>,
    mutate: Option<Mutate<P>>,
}

/// A traitor remembers so many messages.
const MEMORY: usize = 64;

/// How often a traitor sends a copy of a message under another name, or an old message, in a million.
const OFTEN_PPM: u32 = 300_000;

/// Not a chance that a script lists: a traitor is one whatever the weather, also when the faults have stopped.
fn happens(tape: &mut Tape, label: Label, ppm: u32) -> bool {
    tape.below(label, 1_000_000) < u64::from(ppm)
}

impl<P: Simulated> Mask<P> {
    fn does(&self, treason: Treason) -> bool {
        self.treasons.contains(&treason)
    }

    fn speaks_to(&self, id: NodeId) -> bool {
        self.audience >> (id.0 % 64) & 1 == 1
    }

    fn remember(&mut self, from: NodeId, message: &P::Message) {
        if self.does(Treason::Replay) {
            if self.memory.len() >= MEMORY {
                self.memory.pop_front();
            }
            self.memory.push_back((from, message.clone()));
        }
    }
}

impl<P: Simulated> Port<'_, P> {
    /// A traitor sends.
    #[cold]
    pub(crate) fn betray(&mut self, to: NodeId, message: P::Message) {
        let Self { host: Host { id: me, mask, .. }, net, .. } = self;
        let (me, Some(mask)) = (*me, mask) else { return };
        let content = Fold::default().word(me.0).word(to.0).word(fingerprint(&message)).word(0x6d61_736b);
        let key = net.nth(content.end());
        let label = |part: u64| Label::new(Kind::Treason, &[key, part]);
        if let Some((_, place)) = mask.accomplices.iter().find(|(id, _)| *id == to) {
            return net.whisper(me, *place, message);
        }
        mask.remember(me, &message);
        if mask.does(Treason::Replay) && happens(&mut net.tape, label(0), OFTEN_PPM) {
            let old = net.tape.below(label(1), mask.memory.len() as u64) as usize;
            let receiver = node(net.tape.below(label(2), net.up.len() as u64) as usize);
            if let Some((_, old)) = mask.memory.get(old).filter(|_| receiver != me) {
                net.stats.repeated += 1;
                net.trace.treason(net.now, me, Treason::Replay, receiver, old);
                net.transmit(me, receiver, old.clone());
            }
        }
        if mask.does(Treason::Withhold) {
            // Never, half of the time or always, as this receiver's luck has it.
            let rate = net.tape.below(Label::new(Kind::Treason, &[me.0, to.0, 3]), 3) as u32 * 500_000;
            if happens(&mut net.tape, label(3), rate) {
                net.stats.withheld += 1;
                return net.trace.treason(net.now, me, Treason::Withhold, to, &message);
            }
        }
        // The same name before everybody, or it would hardly be believed.
        let name = Fold::default().word(me.0).word(fingerprint(&message)).end();
        if mask.does(Treason::Forge)
            && happens(&mut net.tape, Label::new(Kind::Treason, &[name, 4]), OFTEN_PPM)
        {
            let label = Label::new(Kind::Treason, &[name, 5]);
            let claimed = node(net.tape.below(label, net.up.len() as u64) as usize);
            if claimed != me && claimed != to {
                net.stats.forgeries += 1;
                net.trace.treason(net.now, me, Treason::Forge, to, &message);
                if net.dials.guard == Guard::Authenticated {
                    net.stats.forgeries_stopped += 1;
                } else {
                    net.impersonate(me, claimed, to, message.clone());
                }
            }
        }
        if !mask.does(Treason::Equivocate) || mask.speaks_to(to) {
            if mask.second {
                net.stats.equivocated += 1;
                net.trace.treason(net.now, me, Treason::Equivocate, to, &message);
            }
            return net.transmit(me, to, message);
        }
        // What this copy does not say, the other may; or somebody knows how to lie better.
        let other = mask.mutate.as_ref().and_then(|mutate| mutate(&message, net.tape.draw(label(6))));
        if let Some(other) = other {
            net.stats.equivocated += 1;
            net.trace.treason(net.now, me, Treason::Equivocate, to, &other);
            net.transmit(me, to, other);
        }
    }
}

impl<P: Simulated, W: Workload<P>> World<P, W> {
    #[inline]
    pub(crate) const fn has_traitors(&self) -> bool {
        !self.net.dials.traitors.is_empty()
    }

    /// Whether this node is a traitor: what it holds and says proves nothing, and nothing is owed to it.
    #[inline]
    pub fn is_traitor(&self, id: NodeId) -> bool {
        self.net.dials.traitors.iter().any(|traitor| traitor.node == id)
    }

    /// Masks the traitors, and gives doubles to those that equivocate. Before anybody starts.
    pub(crate) fn mask(&mut self) {
        let mutate = self.net.outfit.mutate.clone();
        let plan = self.conspire(mutate.is_none());
        // Any two parts of the honest.
        let audience = halves(self.net.tape.draw(Label::new(Kind::Treason, &[u64::MAX])), self.honest());
        for traitor in self.net.dials.traitors.clone() {
            let Some(at) = index(traitor.node).filter(|at| *at < self.len()) else { continue };
            let double = plan.iter().find(|(id, _)| *id == traitor.node).map(|(_, double)| *double);
            let others = plan.iter().filter(|(id, _)| double.is_some() && *id != traitor.node);
            let mask = Mask {
                treasons: traitor.treasons,
                double,
                audience,
                accomplices: others.clone().filter_map(|(id, _)| Some((*id, index(*id)?))).collect(),
                second: false,
                commands: 0,
                memory: VecDeque::new(),
                mutate: mutate.clone(),
            };
            if double.is_some() {
                self.add_double(at, &mask, others.copied().collect());
            }
            if let Some(slot) = self.nodes.get_mut(at) {
                slot.host.mask = Some(Box::new(mask));
            }
        }
    }

    fn honest(&self) -> Vec<NodeId> {
        (0..self.len()).map(node).filter(|id| !self.is_traitor(*id)).collect()
    }

    /// The traitors that get a double, and its place.
    fn conspire(&self, doubles: bool) -> Vec<(NodeId, usize)> {
        let places = self.nodes.len()..;
        let equivocators = self.net.dials.traitors.iter().filter(|traitor| {
            let exists = index(traitor.node).is_some_and(|at| at < self.len());
            doubles && exists && traitor.treasons.contains(&Treason::Equivocate)
        });
        equivocators.map(|traitor| traitor.node).zip(places).collect()
    }

    fn add_double(&mut self, at: usize, mask: &Mask<P>, accomplices: Vec<(NodeId, usize)>) {
        let place = self.nodes.len();
        let Some(original) = self.nodes.get(at) else { return };
        let mut double: Node<P> = original.clone();
        double.host.at = place;
        // Its draws are its own.
        double.draws.node = (place as u64) << 32 | double.host.id.0;
        let audience = !mask.audience;
        let mask = Mask { double: None, audience, accomplices, second: true, ..mask.clone() };
        double.host.mask = Some(Box::new(mask));
        self.nodes.push(double);
    }

    /// What a traitor hears, its double hears too.
    #[cold]
    pub(crate) fn overhear(&mut self, at: usize, from: NodeId, message: &P::Message) {
        let mask = self.nodes.get_mut(at).and_then(|slot| slot.host.mask.as_mut());
        let Some(mask) = mask else { return };
        mask.remember(from, message);
        let accomplice = mask.accomplices.iter().any(|(id, _)| *id == from);
        if let Some(double) = mask.double.filter(|_| !accomplice) {
            self.handle(double, Input::Message(from, message.clone()));
        }
    }

    /// Which copy of a traitor gets a command.
    #[cold]
    pub(crate) fn addressee(&mut self, at: usize) -> usize {
        let mask = self.nodes.get_mut(at).and_then(|slot| slot.host.mask.as_mut());
        let Some((mask, double)) = mask.and_then(|mask| mask.double.map(|double| (mask, double))) else {
            return at;
        };
        mask.commands += 1;
        if mask.commands.is_multiple_of(2) { double } else { at }
    }

    /// The double of this node, if it has one.
    pub(crate) fn double(&self, at: usize) -> Option<usize> {
        self.nodes.get(at)?.host.mask.as_ref()?.double
    }
}

/// A part of these nodes, neither none nor all of them if there are at least two; as bits at their ids.
fn halves(draw: u64, nodes: Vec<NodeId>) -> u64 {
    let bits: Vec<u64> = nodes.into_iter().map(|id| id.0 % 64).collect();
    let mut part = bits.iter().filter(|bit| draw >> **bit & 1 == 1).fold(0, |part, bit| part | 1 << bit);
    let all = bits.iter().fold(0, |all, bit| all | 1 << bit);
    if let (true, Some(one)) = (part == 0 || part == all, bits.get(draw as usize % bits.len().max(1))) {
        part ^= 1 << one;
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_of_an_audience_hear_something() {
        for draw in (0..200).map(synod_core::SplitMix64::mix).chain([0, u64::MAX]) {
            for nodes in 3..8 {
                let part = halves(draw, (1..nodes).map(node).collect());
                assert!(0 < part.count_ones() && part.count_ones() < nodes as u32 - 1, "{part:b} of {nodes}");
            }
        }
    }

    #[test]
    fn drawn_traitors_are_different_nodes_with_at_least_one_treason() {
        let treasons: Vec<Treason> = Treason::all().collect();
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let chosen = Traitors::Drawn(2).choose(7, &treasons, &mut Tape::from_seed(seed));
            assert!(chosen.len() == 2 && chosen[0].node != chosen[1].node);
            assert!(chosen.iter().all(|traitor| !traitor.treasons.is_empty()));
            seen.extend(chosen.into_iter().map(|traitor| (traitor.node, traitor.treasons)));
        }
        assert!(seen.len() > 60, "{}", seen.len());
    }
}
