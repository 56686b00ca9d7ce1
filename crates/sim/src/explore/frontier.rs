//! The states that wait to be expanded: first in, first out, in blocks that are given back as they are used up.

use super::links::{pull, push};
use super::model::Model;
use std::collections::VecDeque;

/// States in a block, and bytes in a packed one.
const STATES: usize = 1 << 12;
const BYTES: usize = 1 << 16;

/// A queue of states, as values or packed.
pub(super) enum Frontier<S> {
    Values { blocks: VecDeque<Vec<S>>, front: usize, heap: usize },
    Packed { blocks: VecDeque<Vec<u8>>, front: usize, scratch: Vec<u8> },
}

impl<S: Clone> Frontier<S> {
    /// An empty queue: packed if a state has memory of its own, and the model can pack it.
    pub(super) fn for_model<M: Model<State = S>>(model: &M, example: Option<&S>) -> Self {
        let mut scratch = Vec::new();
        if example.is_some_and(|state| model.heap_bytes(state) > 0 && model.pack(state, &mut scratch)) {
            scratch.clear();
            Self::Packed { blocks: VecDeque::new(), front: 0, scratch }
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
            Self::Packed { blocks, scratch, .. } => {
                scratch.clear();
                model.pack(state, scratch);
                if blocks.back().is_none_or(|block| block.len() + scratch.len() + 10 > BYTES) {
                    blocks.push_back(Vec::with_capacity(BYTES.max(scratch.len() + 10)));
                }
                if let Some(block) = blocks.back_mut() {
                    push(block, scratch.len() as u64);
                    block.extend_from_slice(scratch);
                }
            }
        }
    }

    /// Moves the next state into `into`; `false` if there is none.
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
            Self::Packed { blocks, front, .. } => {
                if blocks.front().is_some_and(|block| *front >= block.len()) {
                    blocks.pop_front();
                    *front = 0;
                }
                let Some(block) = blocks.front() else { return false };
                let len = pull(block, front) as usize;
                let start = *front;
                *front += len;
                block.get(start..start + len).is_some_and(|bytes| model.unpack(bytes, into))
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Values { blocks, heap, .. } => blocks.len() * STATES * size_of::<S>() + heap,
            Self::Packed { blocks, .. } => blocks.len() * BYTES,
        }
    }
}
