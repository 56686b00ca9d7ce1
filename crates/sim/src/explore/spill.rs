//! A queue of packed states whose middle may lie in the store.

use super::links::{pull, push};
use super::store::{BLOCK, Place, Store};
use std::collections::VecDeque;

/// First in, first out: blocks in memory, then blocks in the store, then the block that is being filled.
pub(super) struct Queue {
    head: VecDeque<Vec<u8>>,
    front: usize,
    away: VecDeque<Place>,
    tail: Vec<u8>,
    store: Option<Store>,
    /// How many bytes stay in memory before the store is used.
    bytes_max: usize,
}

impl Queue {
    pub(super) fn new(store: Option<Store>, bytes_max: usize) -> Self {
        let (head, away) = (VecDeque::new(), VecDeque::new());
        Self { head, front: 0, away, tail: Vec::new(), store, bytes_max }
    }

    pub(super) fn push(&mut self, state: &[u8]) {
        if !self.tail.is_empty() && self.tail.len() + state.len() + 10 > BLOCK {
            let full = core::mem::replace(&mut self.tail, Vec::with_capacity(BLOCK));
            self.put_away(full);
        }
        push(&mut self.tail, state.len() as u64);
        self.tail.extend_from_slice(state);
    }

    fn put_away(&mut self, block: Vec<u8>) {
        match &self.store {
            Some(store) if !self.away.is_empty() || (self.head.len() + 1) * BLOCK > self.bytes_max => {
                // A store that fails remembers it, and gives nothing back from then on.
                self.away.extend(store.put(&block));
            }
            _ => self.head.push_back(block),
        }
    }

    /// Hands over the next state; `false` if there is none, the store has failed, or the state is not understood.
    pub(super) fn pop(&mut self, take: impl FnOnce(&[u8]) -> bool) -> bool {
        if self.head.front().is_some_and(|block| self.front >= block.len()) {
            self.head.pop_front();
            self.front = 0;
        }
        let store = self.store.as_ref();
        if store.is_some_and(|store| store.failed().is_some()) {
            return false;
        }
        if self.head.is_empty() {
            match self.away.pop_front().zip(store) {
                Some((place, store)) => {
                    self.head.extend(store.get(place));
                    store.free(place);
                }
                None => self.head.push_back(core::mem::take(&mut self.tail)),
            }
        }
        let front = self.front;
        let Some(block) = self.head.front().filter(|block| front < block.len()) else { return false };
        let len = pull(block, &mut self.front) as usize;
        let start = self.front;
        self.front += len;
        block.get(start..start + len).is_some_and(take)
    }

    /// The bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.head.iter().map(Vec::capacity).sum::<usize>() + self.tail.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::tests::Small;
    use super::*;
    use std::io::Cursor;
    use synod_core::{Entropy, SplitMix64};

    #[test]
    fn what_goes_in_comes_out_in_order_through_memory_and_disk() {
        for room in [0, BLOCK, 3 * BLOCK, usize::MAX] {
            let store = Store::new(Box::new(Cursor::new(Vec::new())));
            let mut queue = Queue::new(Some(store.clone()), room);
            let mut oracle = VecDeque::new();
            let mut dice = SplitMix64::new(room as u64);
            let mut held_max = 0;
            for round in 0..40_000_u64 {
                // More in than out at first, then the other way round.
                if dice.below(100) < (if round < 20_000 { 70 } else { 30 }) {
                    let len = if dice.below(5_000) == 0 { 2 * BLOCK } else { 1 + dice.below(200) as usize };
                    let state = vec![round as u8; len];
                    queue.push(&state);
                    oracle.push_back(state);
                } else {
                    let mut out = None;
                    let some = queue.pop(|state| {
                        out = Some(state.to_vec());
                        true
                    });
                    assert_eq!(out, oracle.pop_front());
                    assert_eq!(some, out.is_some());
                }
                held_max = held_max.max(store.held());
            }
            assert_eq!(held_max > 0, room < usize::MAX, "the store is used if it is needed");
        }
    }

    #[test]
    fn a_store_that_fails_is_noticed() {
        let store = Store::new(Box::new(Small::new(0)));
        let mut queue = Queue::new(Some(store.clone()), 0);
        (0..10_000).for_each(|_| queue.push(&[7; 50]));
        assert!(!queue.pop(|_| true), "what cannot be kept is not passed over");
        assert_eq!(store.failed(), Some(std::io::ErrorKind::StorageFull));
    }
}
