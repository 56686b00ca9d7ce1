//! What is to come, in the order of virtual time.

use core::cmp::Ordering;
use std::collections::BinaryHeap;

/// A priority queue whose ties are broken by the order of insertion. The heap moves small keys; the things themselves lie still in
/// a slab.
#[derive(Clone, Debug)]
pub(crate) struct Queue<T> {
    heap: BinaryHeap<Key>,
    slab: Vec<Option<T>>,
    free: Vec<u32>,
    inserted: u64,
}

/// The time in the high half and the order of insertion in the low half of one number, so that one comparison decides; and where
/// the thing lies.
#[derive(Clone, Copy, Debug)]
struct Key {
    order: u128,
    slot: u32,
}

impl Ord for Key {
    /// The earliest is the greatest: the heap's top.
    fn cmp(&self, other: &Self) -> Ordering {
        other.order.cmp(&self.order)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Key {}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new(), slab: Vec::new(), free: Vec::new(), inserted: 0 }
    }

    pub(crate) fn push(&mut self, at: u64, thing: T) {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slab.push(None);
                u32::try_from(self.slab.len() - 1).unwrap_or(u32::MAX)
            }
        };
        if let Some(place) = self.slab.get_mut(slot as usize) {
            *place = Some(thing);
            self.heap.push(Key { order: u128::from(at) << 64 | u128::from(self.inserted), slot });
            self.inserted += 1;
        }
    }

    pub(crate) fn pop(&mut self) -> Option<(u64, T)> {
        let Key { order, slot } = self.heap.pop()?;
        let thing = self.slab.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(((order >> 64) as u64, thing))
    }

    pub(crate) fn peek(&self) -> Option<(u64, &T)> {
        let Key { order, slot } = self.heap.peek()?;
        Some(((order >> 64) as u64, self.slab.get(*slot as usize)?.as_ref()?))
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
        assert_eq!(queue.peek(), Some((1, &'a')));
        let order: String = core::iter::from_fn(|| queue.pop()).map(|(_, thing)| thing).collect();
        assert_eq!(order, "abcd");
        queue.push(9, 'e');
        assert_eq!((queue.pop(), queue.slab.len()), (Some((9, 'e')), 4), "slots are used again");
    }

    #[test]
    fn the_order_is_that_of_sorting() {
        let mut queue = Queue::new();
        let mut expected = Vec::new();
        let mut random = 1_u64;
        let mut popped = Vec::new();
        for nth in 0..5_000_u64 {
            random = synod_core::SplitMix64::mix(random.wrapping_add(nth));
            let at = random % 100;
            queue.push(at, nth);
            expected.push((at, nth));
            if random.is_multiple_of(3) {
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
