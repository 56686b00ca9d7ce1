//! Where the next read says what appends have to add up to.
//!
//! If nothing can reset the state before some read is answered, the state has to grow into what that read saw. An append
//! in the wrong order is then refused when it is tried; otherwise it would be found out much later.

use super::machine::{Effect, Machine};
use super::problem::Problem;
use crate::model::Model;

/// What the reads to come demand of a growing state. Only for partitions with operations that grow it, and without
/// crashed operations that might reset it at any time.
#[derive(Debug)]
pub(crate) struct Growth {
    /// For each answer, the first read answered then or later; its length stands for none.
    next_read: Vec<u32>,
    /// For each answer, the operations called before it that may reset the state.
    resets_called: Vec<u32>,
    resets_placed: u32,
}

/// Whether the effect may lead to a state that the one before does not precede.
const fn resets(effect: Effect) -> bool {
    matches!(effect, Effect::Opaque | Effect::Writes(_) | Effect::Swaps(..))
}

impl Growth {
    pub(crate) fn new<M: Model>(machine: &Machine<'_, M>, problem: &Problem) -> Option<Self> {
        let effect_of = |required: u32| machine.effect(problem.required[required as usize].class);
        let count = super::machine::index(problem.required.len());
        if !(0..count).any(|required| effect_of(required) == Effect::Grows)
            || problem.optional.iter().any(|group| resets(machine.effect(group.class)))
        {
            return None;
        }
        let mut resets_called = Vec::with_capacity(problem.required.len());
        let mut called = 0;
        for node in &problem.events {
            if *node > count {
                resets_called.push(called);
            } else {
                called += u32::from(resets(effect_of(*node - 1)));
            }
        }
        let mut next_read = vec![count; problem.required.len() + 1];
        for required in (0..count).rev() {
            let is_read = matches!(effect_of(required), Effect::Reads(_));
            next_read[required as usize] = if is_read { required } else { next_read[required as usize + 1] };
        }
        Some(Self { next_read, resets_called, resets_placed: 0 })
    }

    pub(crate) fn place(&mut self, effect: Effect) {
        self.resets_placed += u32::from(resets(effect));
    }

    pub(crate) fn take_back(&mut self, effect: Effect) {
        self.resets_placed -= u32::from(resets(effect));
    }

    /// The first read from answer `from` on that is not in the order.
    pub(crate) fn next_read(&self, from: u32, placed: &[bool]) -> Option<u32> {
        let mut read = *self.next_read.get(from as usize)?;
        while placed.get(read as usize) == Some(&true) {
            read = *self.next_read.get(read as usize + 1)?;
        }
        ((read as usize) < placed.len()).then_some(read)
    }

    /// Whether the state behind an operation of this effect has to grow into what `read` saw.
    pub(crate) fn binds(&self, read: u32, effect: Effect) -> bool {
        self.resets_called.get(read as usize) == Some(&(self.resets_placed + u32::from(resets(effect))))
    }
}
