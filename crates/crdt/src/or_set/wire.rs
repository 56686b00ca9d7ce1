//! The bytes of sets and deltas.

use super::index::COUNTER_MAX;
use super::{OrSet, OrSetDelta};
use crate::{ActorId, CausalContext, Dot, Refused, varint, wire};
use alloc::vec::Vec;
use core::hash::Hash;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// What is dead; then each element behind its counter's distance from the one before, and behind its actor where that is another.
impl<E: Wire> Wire for OrSetDelta<E> {
    const LEN_MIN: usize = 2;

    fn encode(&self, out: &mut Writer<'_>) {
        self.dead.encode(out);
        let mut previous: Option<Dot> = None;
        wire::write_all(out, self.added.iter(), |out, (dot, element)| {
            match previous.replace(*dot).filter(|previous| previous.actor == dot.actor) {
                Some(previous) => varint::write(out, dot.count().wrapping_sub(previous.count()) << 1),
                None => {
                    varint::write(out, dot.count() << 1 | 1);
                    dot.actor.encode(out);
                }
            }
            element.encode(out);
        });
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        const BROKEN: WireError = WireError::Invalid { field: "additions to a set" };
        let dead = CausalContext::decode(input)?;
        let mut previous: Option<Dot> = None;
        let added = wire::read_all(input, 1 + E::LEN_MIN, |input| {
            let head = varint::read(input)?;
            let (actor, base) = match (head & 1, previous) {
                (0, Some(previous)) => (previous.actor, previous.count()),
                (0, None) => return Err(BROKEN),
                _ => (ActorId::decode(input)?, 0),
            };
            let counter = base.checked_add(head >> 1);
            let dot = counter.and_then(|counter| Dot::at(actor, counter)).ok_or(BROKEN)?;
            // Where the actor stays the same, it is not said again.
            let shortest = previous.is_none_or(|last| base > 0 || last.actor != actor);
            previous = Some(dot);
            if shortest { Ok((dot, E::decode(input)?)) } else { Err(BROKEN) }
        })?;
        Self { dead, added }.checked().ok_or(BROKEN)
    }
}

impl<E> OrSetDelta<E> {
    /// What a stranger sends, if it is in order, each dot once, and nothing is both added and dead.
    pub(crate) fn checked(self) -> Option<Self> {
        let sorted = self.added.is_sorted_by(|a, b| a.0 < b.0);
        let sound = |dot: &Dot| dot.count() <= COUNTER_MAX && !self.dead.contains(dot);
        (sorted && self.added.iter().all(|(dot, _)| sound(dot))).then_some(self)
    }
}

impl<E: Clone + Eq + Hash> OrSet<E> {
    /// The delta that makes it out of nothing.
    pub(crate) fn to_delta(&self) -> OrSetDelta<E> {
        let dead = self.sorted().map(|lane| (lane.actor, lane.seen.without(&lane.live_counters()))).collect();
        let added: Vec<_> = self.entries().map(|(dot, element)| (dot, element.clone())).collect();
        OrSetDelta { dead, added }
    }

    /// From what a stranger sends.
    pub(crate) fn of_delta(delta: &OrSetDelta<E>) -> Result<Self, Refused> {
        let mut set = Self::new();
        let _ = set.join_delta(delta)?;
        Ok(set)
    }
}

/// As the delta that makes it out of nothing.
impl<E: Clone + Eq + Hash + Wire> Wire for OrSet<E> {
    const LEN_MIN: usize = 2;

    fn encode(&self, out: &mut Writer<'_>) {
        self.to_delta().encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Self::of_delta(&OrSetDelta::decode(input)?).map_err(|_| WireError::Invalid { field: "set" })
    }
}
