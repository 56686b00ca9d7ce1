//! The network between the nodes: loss, duplication, delay, order, partitions.

use crate::builds::Outfit;
use crate::dials::Dials;
use crate::hash::{Counts, Fold, fingerprint};
use crate::medium::{Letter, Medium};
use crate::queue::Queue;
use crate::shadow::Place;
use crate::stats::Stats;
use crate::tape::{Kind, Label, Tape};
use crate::trace::{Fate, Recorder, text};
use crate::world::{Pending, Simulated};
use core::hash::Hash;
use std::sync::Arc;
use synod_core::NodeId;

/// The state of one direction between two nodes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wire {
    /// How many partitions block it now.
    pub(crate) blocked: u8,
    bad: bool,
    last_delivery: u64,
}

/// The number of messages that took no link of the one that they seem to come from.
pub(crate) const UNSEEN: u64 = 0;

/// All that lies between and around the nodes.
#[derive(Clone)]
pub(crate) struct Net<P: Simulated> {
    pub(crate) now: u64,
    pub(crate) queue: Queue<Pending<P>>,
    pub(crate) tape: Tape,
    pub(crate) dials: Dials,
    pub(crate) stats: Stats,
    pub(crate) trace: Recorder,
    pub(crate) chain: Fold,
    pub(crate) up: Vec<bool>,
    wires: Vec<Wire>,
    /// How many blockades of wires there are now: while there is none, nobody need look for them.
    pub(crate) blockades: usize,
    counts: Counts,
    /// Messages take this many times as long.
    pub(crate) slowness: u32,
    messages: u64,
    pub(crate) outfit: Arc<Outfit<P>>,
    /// The long way of messages, where a dial asks for it.
    pub(crate) medium: Option<Box<Medium<P>>>,
    pub(crate) shadow: Place<P>,
}

impl<P: Simulated> Net<P> {
    pub(crate) fn new(nodes: usize, tape: Tape, dials: Dials, outfit: Arc<Outfit<P>>) -> Self {
        let medium = Medium::wanted(nodes, &tape, &dials, &outfit);
        let honest = dials.traitors.is_empty();
        let shadow = Place(outfit.shadow.as_ref().filter(|_| honest).map(|(_, make)| make()));
        Self {
            now: 0,
            queue: Queue::new(),
            tape,
            dials,
            stats: Stats::default(),
            trace: Recorder::default(),
            chain: Fold::default(),
            up: vec![false; nodes],
            wires: vec![Wire::default(); nodes * nodes],
            blockades: 0,
            counts: Counts::new(),
            slowness: 1,
            messages: 0,
            outfit,
            medium,
            shadow,
        }
    }

    pub(crate) fn wire(&mut self, from: usize, to: usize) -> Option<&mut Wire> {
        let way = self.way(from, to)?;
        self.wires.get_mut(way)
    }

    /// Whether a partition lies between the two.
    pub(crate) fn is_blocked(&self, from: NodeId, to: usize) -> bool {
        let way = index(from).and_then(|from| self.way(from, to));
        way.and_then(|way| self.wires.get(way)).is_some_and(|wire| wire.blocked > 0)
    }

    /// The place of the direction between two nodes in the table of wires.
    #[inline]
    pub(crate) fn way(&self, from: usize, to: usize) -> Option<usize> {
        let nodes = self.up.len();
        (from < nodes && to < nodes).then(|| from * nodes + to)
    }

    /// A partition closes a wire, or opens it again.
    pub(crate) fn block(&mut self, from: usize, to: usize, closed: bool) {
        let Some(wire) = self.wire(from, to) else { return };
        let before = wire.blocked;
        wire.blocked = if closed { before.saturating_add(1) } else { before.saturating_sub(1) };
        let after = wire.blocked;
        self.blockades = self.blockades + usize::from(after) - usize::from(before);
    }

    pub(crate) fn clear_partitions(&mut self) {
        self.blockades = 0;
        for wire in &mut self.wires {
            wire.blocked = 0;
            wire.bad = false;
        }
    }

    /// The name of something that happens again and again with the same content.
    pub(crate) fn nth(&mut self, content: u64) -> u64 {
        // An epoch is 2^30 ns, about a second.
        self.counts.nth(content, self.now >> 30)
    }

    /// Puts a message on its way.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a message is moved once more otherwise")]
    pub(crate) fn transmit(&mut self, from: NodeId, to: NodeId, message: P::Message) {
        self.stats.sent += 1;
        self.messages += 1;
        let id = self.messages;
        let mut fold = Fold::default().word(from.0).word(to.0);
        message.hash(&mut fold);
        let print = fold.end();
        let (Some(source), Some(target)) = (index(from), index(to)) else { return };
        self.trace.sent(self.now, id, from, to, &message);
        let label = self.nth(print);
        if self.medium.is_some() {
            return self.carry(Letter { from: source, to: target, message, print, id, label });
        }
        let Some(way) = self.way(source, target) else { return };
        if let Some(fate) = self.fate(way, label, self.dials.loss_ppm) {
            return self.sunk(from, to, &message, id, fate);
        }
        let chance = Label { kind: Kind::Duplicate, key: label };
        if self.tape.chance(chance, self.dials.duplicate_ppm) {
            self.double(source, target, &message, print, id, label);
        }
        let Some(at) = self.arrival(way, from, to, label) else { return };
        self.tape.note(|| format!("{from} to {to}: {}", text(&message)));
        self.queue.push(at, Pending::Message { from, to: target, message, print, id });
    }

    /// A message does not arrive.
    #[cold]
    fn sunk(&mut self, from: NodeId, to: NodeId, message: &P::Message, id: u64, fate: Fate) {
        *self.stats.fate(fate) += 1;
        self.trace.ended(self.now, id, to, fate);
        self.tape.note(|| format!("{from} to {to}: {}", text(message)));
    }

    /// Traitors have ways of their own, which nothing disturbs. `place` is the receiver's place among the nodes.
    #[cold]
    pub(crate) fn whisper(&mut self, from: NodeId, place: usize, message: P::Message) {
        let at = self.now.saturating_add(100_000);
        let print = fingerprint(&message);
        self.queue.push(at, Pending::Message { from, to: place, message, print, id: UNSEEN });
    }

    /// A traitor's message in another's name, on the traitor's link.
    #[cold]
    pub(crate) fn impersonate(&mut self, me: NodeId, claimed: NodeId, to: NodeId, message: P::Message) {
        let (Some(source), Some(target)) = (index(me), index(to)) else { return };
        let print = fingerprint(&message);
        let label = self.nth(Fold::default().word(me.0).word(claimed.0).word(to.0).word(print).end());
        let Some(way) = self.way(source, target) else { return };
        if self.wires.get(way).is_none_or(|wire| wire.blocked > 0) {
            return;
        }
        let Some(at) = self.arrival(way, me, to, label) else { return };
        self.queue.push(at, Pending::Message { from: claimed, to: target, message, print, id: UNSEEN });
    }

    /// Puts a second copy of a message on its way.
    #[cold]
    fn double(&mut self, from: usize, to: usize, message: &P::Message, print: u64, id: u64, label: u64) {
        self.stats.duplicated += 1;
        let Some(way) = self.way(from, to) else { return };
        let Some(at) = self.arrival(way, node(from), node(to), label.wrapping_add(1)) else { return };
        self.queue.push(at, Pending::Message { from: node(from), to, message: message.clone(), print, id });
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "most messages come here")]
    pub(crate) fn fate(&mut self, way: usize, label: u64, mut loss_ppm: u32) -> Option<Fate> {
        let wire = self.wires.get_mut(way)?;
        let bad = wire.bad;
        if wire.blocked > 0 {
            return Some(Fate::Blocked);
        }
        if let Some(burst) = self.dials.burst {
            let turn = if bad { burst.leave_ppm } else { burst.enter_ppm };
            let turns = self.tape.chance(Label { kind: Kind::Burst, key: label }, turn);
            if turns {
                wire.bad = !bad;
            }
            if bad != turns {
                loss_ppm = loss_ppm.max(burst.loss_ppm);
            }
        }
        self.tape.chance(Label { kind: Kind::Loss, key: label }, loss_ppm).then_some(Fate::Lost)
    }

    /// When a message that leaves now arrives.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "most messages come here")]
    fn arrival(&mut self, way: usize, from: NodeId, to: NodeId, label: u64) -> Option<u64> {
        let draw = self.tape.draw(Label { kind: Kind::Latency, key: label });
        let span = self.dials.latency_between(from, to).sampled(draw);
        let at = self.now.saturating_add(span.saturating_mul(u64::from(self.slowness)));
        if self.tape.chance(Label { kind: Kind::Reorder, key: label }, self.dials.reorder_ppm) {
            return Some(at);
        }
        let wire = self.wires.get_mut(way)?;
        wire.last_delivery = at.max(wire.last_delivery + 1);
        Some(wire.last_delivery)
    }

    /// The moment of an arrival on a link that keeps the order of its messages.
    pub(crate) fn in_order(&mut self, from: usize, to: usize, at: u64) -> u64 {
        let Some(wire) = self.wire(from, to) else { return at };
        wire.last_delivery = at.max(wire.last_delivery + 1);
        wire.last_delivery
    }

    /// How long the way between a client and a node takes.
    pub(crate) fn delay(&mut self, label: u64) -> u64 {
        let draw = self.tape.draw(Label { kind: Kind::Latency, key: label });
        self.dials.latency.sample(draw).saturating_mul(u64::from(self.slowness))
    }
}

pub(crate) fn index(id: NodeId) -> Option<usize> {
    usize::try_from(id.0).ok()?.checked_sub(1)
}

pub(crate) fn node(index: usize) -> NodeId {
    NodeId(index as u64 + 1)
}
