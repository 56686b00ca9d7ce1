//! Taking in a delta: at the cost of what is in it.

use super::index::{COUNTER_MAX, Place};
use super::lane::{bit_of, bits_down, counter_at, key_of, rank};
use super::merge::Going;
use super::{OrSet, OrSetDelta};
use crate::fingerprint::hash_of;
use crate::{Change, Dot, Refused};
use core::hash::Hash;

impl<E: Clone + Eq + Hash> OrSet<E> {
    /// Takes in a delta, or nothing of it.
    pub(super) fn join_delta(&mut self, delta: &OrSetDelta<E>) -> Result<Change, Refused> {
        self.check_delta(delta)?;
        let mut grown = false;
        for (actor, counters) in delta.dead.iter() {
            let number = self.lane_for(actor);
            let Some(lane) = self.lanes.get_mut(usize::from(number)) else { continue };
            grown |= lane.seen.merge(counters);
            let mut emptied = false;
            for (first, last) in counters.ranges() {
                let killed = self.kill_range(number, first, last);
                grown |= killed.is_some();
                emptied |= killed == Some(true);
            }
            if emptied && let Some(lane) = self.lanes.get_mut(usize::from(number)) {
                lane.compact();
            }
        }
        if !delta.added.is_empty() {
            self.reserve(delta.added.len());
        }
        for (dot, element) in &delta.added {
            let number = self.lane_for(dot.actor);
            let Some(lane) = self.lanes.get_mut(usize::from(number)) else { continue };
            if lane.seen.insert(dot.count()) {
                grown = true;
                let hash = hash_of(element);
                self.enlist(Place::new(hash, number, dot.count()), hash, element);
                if let Some(lane) = self.lanes.get_mut(usize::from(number)) {
                    lane.put(dot.count(), hash, element.clone());
                }
            }
        }
        Ok(Change::grown_if(grown))
    }

    fn check_delta(&self, delta: &OrSetDelta<E>) -> Result<(), Refused> {
        let mut strangers = 0;
        for (actor, counters) in delta.dead.iter() {
            if counters.last() > COUNTER_MAX {
                return Err(Refused::Exhausted { actor });
            }
            strangers += usize::from(self.lane_of(actor).is_err());
        }
        let mut previous: Option<(&Dot, &E)> = None;
        for (dot, element) in &delta.added {
            if dot.count() > COUNTER_MAX {
                return Err(Refused::Exhausted { actor: dot.actor });
            }
            // Sorted, so that two contents of one dot within one delta are neighbours.
            let last = previous.replace((dot, element));
            if last.is_some_and(|(last, other)| last > dot || (last == dot && other != element)) {
                return Err(Refused::DotReused { dot: *dot });
            }
            match self.lane_of(dot.actor).ok().and_then(|lane| self.lanes.get(usize::from(lane))) {
                Some(lane) => {
                    if lane.get(dot.count()).is_some_and(|here| here != element) {
                        return Err(Refused::DotReused { dot: *dot });
                    }
                }
                None => {
                    let counted = last.is_some_and(|(last, _)| last.actor == dot.actor);
                    strangers += usize::from(!counted && delta.dead.of(dot.actor).is_none());
                }
            }
        }
        self.check_room(strangers)
    }

    /// Removes what is stored under these counters of a lane, if anything is; says whether a word is empty now, and the lane to be compacted.
    #[allow(clippy::indexing_slicing, reason = "positions lie within the lane's words")]
    fn kill_range(&mut self, number: u16, first: u64, last: u64) -> Option<bool> {
        let lane = self.lanes.get(usize::from(number))?;
        let from = lane.find(key_of(first)).unwrap_or_else(|at| at);
        let to = lane.find(key_of(last)).map_or_else(|at| at, |at| at + 1);
        let mut killed = false;
        let mut emptied = false;
        for at in from..to {
            let lane = &self.lanes[usize::from(number)];
            let key = lane.keys[at];
            let mut mask = u64::MAX;
            if key == key_of(first) {
                mask &= u64::MAX << bit_of(first);
            }
            if key == key_of(last) {
                mask &= u64::MAX >> (63 - bit_of(last));
            }
            let live = lane.live[at];
            for bit in bits_down(live & mask) {
                let rank = rank(live, bit);
                let hash = hash_of(&self.lanes[usize::from(number)].elements[at][rank]);
                emptied |= self.kill(number, &Going::new(at, bit, rank, hash));
                killed = true;
            }
        }
        killed.then_some(emptied)
    }

    /// Removes an element and its place; says whether its word is empty now.
    #[allow(clippy::indexing_slicing, reason = "the caller has found the lane, the word and the rank")]
    #[inline]
    pub(super) fn kill(&mut self, number: u16, going: &Going) -> bool {
        let hash = going.hash;
        let (at, bit, rank) = (going.at as usize, u32::from(going.bit), usize::from(going.rank));
        let lane = &self.lanes[usize::from(number)];
        self.index.remove(hash, Place::new(hash, number, counter_at(lane.keys[at], bit)));
        // Unless some elements stand at several places, none is left of this one.
        let left = self.len <= self.index.len() && self.has_equal(hash, &lane.elements[at][rank]);
        self.len -= usize::from(!left);
        let lane = &mut self.lanes[usize::from(number)];
        lane.take_at(at, bit, rank, hash);
        lane.live[at] == 0
    }
}
