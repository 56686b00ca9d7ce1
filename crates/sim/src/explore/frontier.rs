//! The states that wait to be expanded: first in, first out, in blocks that are given back as they are used up.

use super::model::Model;
use super::spill::Queue;
use super::store::Store;
use std::collections::VecDeque;

/// States in a block.
const STATES: usize = 1 << 12;

/// A queue of states, as values or packed.
pub(super) enum Frontier<S> {
    Values { blocks: VecDeque<Vec<S>>, front: usize, heap: usize },
    Packed { queue: Queue, scratch: Vec<u8> },
}

impl<S: Clone> Frontier<S> {
    /// An empty queue: packed if it is to spill or a state has memory of its own, and the model can pack it.
    pub(super) fn for_model<M: Model<State = S>>(
        model: &M,
        example: Option<&S>,
        spill: Option<(Store, usize)>,
    ) -> Self {
        let mut scratch = Vec::new();
        if example.is_some_and(|state| {
            (spill.is_some() || model.heap_bytes(state) > 0) && model.pack(state, &mut scratch)
        }) {
            let (store, bytes_max) = spill.map_or((None, usize::MAX), |(store, bytes)| (Some(store), bytes));
            Self::Packed { queue: Queue::new(store, bytes_max), scratch }
        } else {
            Self::Values { blocks: VecDeque::new(), front: 0, heap: 0 }
        }
    }

    pub(super) fn push<M: Model<State = S>>(&mut self, model: &M, state: &S) {
        match self {
            Self::Values { blocks, heap, .. } => {
                if blocks.back().is_none_or(|block| block.len() == STATES) {
                    blocks.push_back(Vec::with_capacity(STATES));
                }
                *heap += model.heap_bytes(state);
                if let Some(block) = blocks.back_mut() {
                    block.push(state.clone());
                }
            }
            Self::Packed { queue, scratch } => {
                scratch.clear();
                model.pack(state, scratch);
                queue.push(scratch);
            }
        }
    }

    /// Moves the next state into `into`; `false` if there is none, or it has been lost.
    pub(super) fn pop<M: Model<State = S>>(&mut self, model: &M, into: &mut S) -> bool {
        match self {
            Self::Values { blocks, front, heap } => {
                if blocks.front().is_some_and(|block| *front >= block.len()) {
                    blocks.pop_front();
                    *front = 0;
                }
                let Some(state) = blocks.front_mut().and_then(|block| block.get_mut(*front)) else {
                    return false;
                };
                *front += 1;
                // What is swapped in is the state of the round before; it goes when the block does.
                core::mem::swap(into, state);
                *heap = heap.saturating_sub(model.heap_bytes(into));
                true
            }
            Self::Packed { queue, .. } => queue.pop(|bytes| model.unpack(bytes, into)),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Values { blocks, heap, .. } => blocks.len() * STATES * size_of::<S>() + heap,
            Self::Packed { queue, .. } => queue.bytes(),
        }
    }
}
