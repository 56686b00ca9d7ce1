//! From an element to the places where it is stored: a hash table of places alone.
//!
//! Open addressing with linear probing. A place is eight bytes, ten of its bits are the element's hash, so that a probe looks at an element
//! only if it is the one, but for one in a thousand. Nothing of the order in the table can be observed.

use alloc::vec;
use alloc::vec::Vec;

/// Where an element is stored: lane and counter, and ten bits of its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

/// 2³⁸ − 1: the greatest counter that a place can hold. At a million additions a second an actor reaches it after three days.
pub(super) const COUNTER_MAX: u64 = (1 << COUNTER_BITS) - 1;
/// How many lanes a place can tell apart.
pub(super) const LANES_MAX: usize = 1 << LANE_BITS;

const COUNTER_BITS: u32 = 38;
const LANE_BITS: u32 = 16;

/// Counters begin at 1, so these two are no places.
const EMPTY: u64 = 0;
const GONE: u64 = 1 << COUNTER_BITS;

impl Place {
    #[inline]
    pub(super) fn new(hash: u64, lane: u16, counter: u64) -> Self {
        Self(hash << (COUNTER_BITS + LANE_BITS) | u64::from(lane) << COUNTER_BITS | counter)
    }

    #[inline]
    pub(super) fn lane(self) -> usize {
        usize::from((self.0 >> COUNTER_BITS) as u16)
    }

    #[inline]
    pub(super) fn counter(self) -> u64 {
        self.0 & COUNTER_MAX
    }

    #[inline]
    fn may_be(self, hash: u64) -> bool {
        self.0 >> (COUNTER_BITS + LANE_BITS) == hash & ((1 << 10) - 1)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    table: Vec<u64>,
    /// Places in the table.
    live: usize,
    /// Slots that are not empty: places, and those that are gone.
    used: usize,
}

#[allow(clippy::indexing_slicing, reason = "every position is reduced to the table's length")]
impl Index {
    /// How many places there are.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.table.len() as u128) >> 64) as usize
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.table.len() { 0 } else { at + 1 }
    }

    /// Whether `more` places would fill it beyond three fifths: then it has to be [made anew](Self::with_room).
    #[inline]
    pub(super) fn is_full(&self, more: usize) -> bool {
        (self.used + more) * 5 > self.table.len() * 3
    }

    /// Looks at where elements with these hashes belong, before any of them is worked on: so the memory fetches the places side by side and
    /// not one after the other, which in large sets halves the time of a merge.
    #[inline]
    pub(super) fn glance(&self, hashes: impl Iterator<Item = u64>) {
        let slots = hashes.map(|hash| self.table.get(self.home(hash)).copied().unwrap_or(EMPTY));
        core::hint::black_box(slots.fold(0, |all, slot| all ^ slot));
    }

    /// An empty one with room for so many places, and some more.
    pub(super) fn with_room(places: usize) -> Self {
        Self { table: vec![EMPTY; places * 3 + 8], live: 0, used: 0 }
    }

    /// Lane n is called `numbers[n]` from now on. Where a place stands depends on the hash alone.
    pub(super) fn renumber(&mut self, numbers: &[u16]) {
        for slot in self.table.iter_mut().filter(|slot| **slot & COUNTER_MAX != 0) {
            let lane = numbers.get(Place(*slot).lane()).copied().unwrap_or(0);
            let rest = *slot & !((LANES_MAX as u64 - 1) << COUNTER_BITS);
            *slot = rest | u64::from(lane) << COUNTER_BITS;
        }
    }

    /// The places of all elements that may be the one with this hash.
    #[inline]
    pub(super) fn candidates(&self, hash: u64) -> impl Iterator<Item = Place> + '_ {
        let mut at = self.home(hash);
        let mut left = self.table.len();
        core::iter::from_fn(move || {
            while left > 0 {
                let slot = self.table[at];
                if slot == EMPTY {
                    return None;
                }
                left -= 1;
                at = self.after(at);
                if slot != GONE && Place(slot).may_be(hash) {
                    return Some(Place(slot));
                }
            }
            None
        })
    }

    /// Puts in a place. There must be room. Says whether `is_equal` holds for a place that has the same hash.
    #[inline]
    pub(super) fn insert(
        &mut self,
        hash: u64,
        place: Place,
        mut is_equal: impl FnMut(Place) -> bool,
    ) -> bool {
        let mut at = self.home(hash);
        let mut free = None;
        let mut found = false;
        while self.table[at] != EMPTY {
            let slot = Place(self.table[at]);
            if slot.0 == GONE {
                free = free.or(Some(at));
            } else if slot.may_be(hash) && !found {
                found = is_equal(slot);
            }
            at = self.after(at);
        }
        self.live += 1;
        self.used += usize::from(free.is_none());
        self.table[free.unwrap_or(at)] = place.0;
        found
    }

    /// Takes out a place.
    #[inline]
    pub(super) fn remove(&mut self, hash: u64, place: Place) {
        let mut at = self.home(hash);
        for _ in 0..self.table.len() {
            match self.table[at] {
                EMPTY => return,
                slot if slot == place.0 => break,
                _ => at = self.after(at),
            }
        }
        if self.table.get(at) != Some(&place.0) {
            return;
        }
        self.live -= 1;
        if self.table[self.after(at)] == EMPTY {
            // Nobody probes past this one: it and the gone ones before it are empty.
            self.table[at] = EMPTY;
            self.used -= 1;
            loop {
                at = if at == 0 { self.table.len() - 1 } else { at - 1 };
                if self.table[at] != GONE {
                    break;
                }
                self.table[at] = EMPTY;
                self.used -= 1;
            }
        } else {
            self.table[at] = GONE;
        }
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.table.capacity() * size_of::<u64>()
    }
}
