//! What is to come, in the order of virtual time.

use core::cmp::Ordering;
use std::collections::BinaryHeap;

/// A priority queue whose ties are broken by the order of insertion.
///
/// Small keys are moved; the things themselves lie still in a slab. The next few dozen keys are a sorted array, which is popped at
/// its end and inserted into by a short move: in a world of a few nodes that is all there is, and cheaper than a heap, whose
/// every comparison is a branch that nobody can predict. What is farther away waits in a heap.
#[derive(Clone, Debug)]
pub(crate) struct Queue<T> {
    /// Sorted, the earliest last. None of them is later than any in the heap.
    near: Vec<Key>,
    far: BinaryHeap<Key>,
    slab: Vec<Option<T>>,
    free: Vec<u32>,
    inserted: u64,
}

/// Where that lies which has come.
pub(crate) struct Next(usize);

const NEAR_MAX: usize = 64;

/// The time, the order of insertion, and where the thing lies, in the 64 highest, the next 36 and the lowest 28 bits of one number,
/// so that one comparison decides and a key is 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key(u128);

const SLOT_BITS: u32 = 28;
const INSERTED_BITS: u32 = 36;

impl Key {
    const fn new(at: u64, inserted: u64, slot: u32) -> Self {
        // Insertions that are 2^36 apart do not wait at the same moment; those that do keep their order.
        let inserted = inserted & ((1 << INSERTED_BITS) - 1);
        Self((at as u128) << 64 | ((inserted << SLOT_BITS) | slot as u64) as u128)
    }

    const fn at(self) -> u64 {
        (self.0 >> 64) as u64
    }

    const fn slot(self) -> usize {
        (self.0 as u64 & ((1 << SLOT_BITS) - 1)) as usize
    }
}

impl Ord for Key {
    /// The earliest is the greatest: the heap's top.
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.cmp(&self.0)
    }
}

impl PartialOrd for Key {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }

    #[inline]
    fn lt(&self, other: &Self) -> bool {
        self.0 > other.0
    }

    #[inline]
    fn le(&self, other: &Self) -> bool {
        self.0 >= other.0
    }
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self {
            near: Vec::with_capacity(NEAR_MAX + 1),
            far: BinaryHeap::new(),
            slab: Vec::new(),
            free: Vec::new(),
            inserted: 0,
        }
    }

    /// All that is to come, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        let keys = self.near.iter().chain(self.far.iter());
        keys.filter_map(|key| Some((key.at(), self.slab.get(key.slot())?.as_ref()?)))
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a thing is made where it lies, and not moved there")]
    pub(crate) fn push(&mut self, at: u64, thing: T) {
        if let Some(Next(slot)) = self.lay(thing) {
            self.line_up(at, slot);
        }
    }

    /// Puts a thing down that does not wait in line.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    pub(crate) fn lay(&mut self, thing: T) -> Option<Next> {
        let slot = match self.free.pop() {
            Some(slot) => slot as usize,
            None => self.grow(),
        };
        match self.slab.get_mut(slot) {
            // It is free, and the compiler need not see to what it might hold.
            Some(place) if place.is_none() => *place = Some(thing),
            _ => return None,
        }
        Some(Next(slot))
    }

    #[inline(never)]
    fn line_up(&mut self, at: u64, slot: usize) {
        let key = Key::new(at, self.inserted, slot as u32);
        self.inserted += 1;
        if !self.far.is_empty() && self.near.first().is_none_or(|latest| key.0 > latest.0) {
            return self.far.push(key);
        }
        // The newest of those that are due at the same moment is the last of them, so the moment alone decides.
        let place = self.place_of(at);
        self.near.insert(place, key);
        if self.near.len() > NEAR_MAX {
            self.move_away();
        }
    }

    /// Where what is due at `at` is inserted. Usually it is among the next few, and a short walk is foreseen by the processor
    /// where the steps of a binary search wait for each other.
    #[inline]
    fn place_of(&self, at: u64) -> usize {
        let mut place = self.near.len();
        for other in self.near.iter().rev().take(8) {
            if other.at() > at {
                return place;
            }
            place -= 1;
        }
        self.near.get(..place).unwrap_or_default().partition_point(|other| other.at() > at)
    }

    /// The later half waits in the heap.
    #[cold]
    fn move_away(&mut self) {
        self.far.extend(self.near.drain(..NEAR_MAX / 2));
    }

    /// The near end is used up: the heap gives its next keys.
    #[cold]
    fn come_near(&mut self) -> Option<Key> {
        let next = self.far.pop()?;
        let more = core::iter::from_fn(|| self.far.pop()).take(NEAR_MAX / 2);
        self.near.extend(more);
        self.near.reverse();
        Some(next)
    }

    /// A new slot. With 2^28 of them taken there is none: what is pushed then is lost, some hundred gigabytes later.
    #[cold]
    fn grow(&mut self) -> usize {
        let slot = self.slab.len();
        if slot >= 1 << SLOT_BITS {
            return usize::MAX;
        }
        self.slab.push(None);
        slot
    }

    pub(crate) fn pop(&mut self) -> Option<(u64, T)> {
        let (at, next) = self.next()?;
        Some((at, self.take(next)?))
    }

    /// The moment of what comes next, which is not waiting in line any more: [`look`](Self::look) at it where it lies, then
    /// [`take`](Self::take) it, once. Things are large, and each move of one costs as much as the queue itself.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<(u64, Next)> {
        let key = match self.near.pop() {
            Some(key) => key,
            None => self.come_near()?,
        };
        Some((key.at(), Next(key.slot())))
    }

    #[inline]
    pub(crate) fn look(&self, next: &Next) -> Option<&T> {
        self.slab.get(next.0)?.as_ref()
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "or it is moved once more, to be returned")]
    #[expect(clippy::needless_pass_by_value, reason = "it can be taken once")]
    pub(crate) fn take(&mut self, next: Next) -> Option<T> {
        self.free.push(next.0 as u32);
        self.slab.get_mut(next.0)?.take()
    }

    /// Takes away all that is asked for, in the order of its time.
    pub(crate) fn withdraw(&mut self, gone: impl Fn(&T) -> bool) -> Vec<T> {
        let slab = &self.slab;
        let mut keys = Vec::new();
        let mut stays = |key: &Key| {
            let goes = slab.get(key.slot()).and_then(Option::as_ref).is_some_and(&gone);
            if goes {
                keys.push(*key);
            }
            !goes
        };
        self.near.retain(&mut stays);
        self.far.retain(&mut stays);
        // The earliest is the greatest.
        keys.sort_unstable_by(|one, other| other.cmp(one));
        keys.into_iter().filter_map(|key| self.take(Next(key.slot()))).collect()
    }

    /// Gives everything a new time; what then comes at the same moment keeps its order.
    pub(crate) fn reschedule(&mut self, time: impl Fn(u64, &T) -> u64) {
        let all: Vec<(u64, T)> = core::iter::from_fn(|| self.pop()).collect();
        for (at, thing) in all {
            self.push(time(at, &thing), thing);
        }
    }

    /// When what comes next is due, and what it is.
    pub(crate) fn first(&self) -> Option<(u64, &T)> {
        let key = self.near.last().or_else(|| self.far.peek())?;
        Some((key.at(), self.slab.get(key.slot())?.as_ref()?))
    }

    /// What comes next, if it is due at `now`.
    #[inline]
    pub(crate) fn due(&self, now: u64) -> Option<&T> {
        let key = self.near.last().or_else(|| self.far.peek()).filter(|key| key.at() == now)?;
        self.slab.get(key.slot())?.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_out_by_time_and_then_by_insertion() {
        let mut queue = Queue::new();
        for (at, thing) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b')] {
            queue.push(at, thing);
        }
        assert_eq!((queue.due(0), queue.due(1)), (None, Some(&'a')));
        let order: String = core::iter::from_fn(|| queue.pop()).map(|(_, thing)| thing).collect();
        assert_eq!(order, "abcd");
        queue.push(9, 'e');
        assert_eq!((queue.pop(), queue.slab.len()), (Some((9, 'e')), 4), "slots are used again");
    }

    #[test]
    fn what_is_rescheduled_keeps_its_order() {
        let mut queue = Queue::new();
        for (at, thing) in [(9, 'c'), (1, 'a'), (9, 'd'), (3, 'b')] {
            queue.push(at, thing);
        }
        queue.reschedule(|at, _| if at == 9 { 2 } else { at });
        let order: String = core::iter::from_fn(|| queue.pop()).map(|(_, thing)| thing).collect();
        assert_eq!(order, "acdb");
    }

    #[test]
    fn what_is_withdrawn_comes_in_its_order_and_the_rest_stays() {
        let mut queue = Queue::new();
        for nth in 0..500_u64 {
            queue.push((nth * 37) % 101, nth);
        }
        let odd = queue.withdraw(|thing| thing % 2 == 1);
        let sorted = |parity: u64| {
            let mut all: Vec<_> = (0..500).filter(|nth| nth % 2 == parity).collect();
            all.sort_by_key(|nth| (nth * 37) % 101);
            all
        };
        assert_eq!(odd, sorted(1));
        assert_eq!(
            core::iter::from_fn(|| queue.pop()).map(|(_, thing)| thing).collect::<Vec<_>>(),
            sorted(0)
        );
        queue.push(1, 7);
        assert_eq!((queue.pop(), queue.slab.len()), (Some((1, 7)), 500), "slots are used again");
    }

    #[test]
    fn the_order_is_that_of_sorting() {
        let mut queue = Queue::new();
        let mut expected = Vec::new();
        let mut random = 1_u64;
        let mut popped = Vec::new();
        for nth in 0..5_000_u64 {
            random = synod_core::SplitMix64::mix(random.wrapping_add(nth));
            let at = random % 100 + nth / 50;
            queue.push(at, nth);
            expected.push((at, nth));
            // Fewer and more than the near end takes, by turns.
            if random.is_multiple_of(if nth / 500 % 2 == 0 { 3 } else { 1 }) {
                let least = expected.iter().copied().min();
                expected.retain(|entry| Some(*entry) != least);
                assert_eq!(queue.pop(), least);
            }
        }
        while let Some(next) = queue.pop() {
            popped.push(next);
        }
        expected.sort_unstable();
        assert_eq!(popped, expected);
    }
}
