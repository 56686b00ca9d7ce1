//! What is to come, in the order of virtual time.

use core::cmp::Reverse;
use std::collections::BinaryHeap;

/// A priority queue whose ties are broken by the order of insertion. The heap moves 24-byte keys; the things themselves lie
/// still in a slab.
#[derive(Clone, Debug)]
pub(crate) struct Queue<T> {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    slab: Vec<Option<T>>,
    free: Vec<u32>,
    inserted: u64,
}

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
            self.heap.push(Reverse((at, self.inserted, slot)));
            self.inserted += 1;
        }
    }

    pub(crate) fn pop(&mut self) -> Option<(u64, T)> {
        let Reverse((at, _, slot)) = self.heap.pop()?;
        let thing = self.slab.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some((at, thing))
    }

    pub(crate) fn peek(&self) -> Option<(u64, &T)> {
        let Reverse((at, _, slot)) = self.heap.peek()?;
        Some((*at, self.slab.get(*slot as usize)?.as_ref()?))
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
