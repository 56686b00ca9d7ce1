//! One partition of a history, arranged for the search.

use super::machine::{Effect, Machine, index};
use crate::hash::FixedMap;
use crate::history::OpId;
use crate::model::Model;

/// One operation of a partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) op: OpId,
    pub(crate) class: u32,
    /// Event position of the call.
    pub(crate) called: usize,
    /// Event position of the answer; `None` for an operation that may take effect at any time after its call, or never.
    pub(crate) returned: Option<usize>,
}

/// An operation that must be in the order. Its number is its place in the order of answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Required {
    pub(crate) op: OpId,
    pub(crate) class: u32,
    /// A small number that no other operation has while this one is open.
    pub(crate) slot: u32,
}

/// Crashed operations of one class. They are interchangeable but for the time of their call, and none of them ever ends:
/// so it is enough to try the earliest one that is left, and to remember *how many* took effect.
#[derive(Clone, Debug)]
pub(crate) struct Optional {
    pub(crate) class: u32,
    /// For each, the number of answers before its call; ascending.
    pub(crate) members: Vec<(u32, OpId)>,
    /// Where the count of those that took effect stands in a cache key: word, shift.
    pub(crate) place: (u32, u32),
}

/// One partition of a history, arranged for the search.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) required: Vec<Required>,
    /// Calls and answers of the required operations in the order of events; see [`Problem::call_node`].
    pub(crate) events: Vec<u32>,
    /// Ordered by the first call.
    pub(crate) optional: Vec<Optional>,
    /// Words of a cache key for slots and for counts.
    pub(crate) slot_words: usize,
    pub(crate) count_words: usize,
}

impl Problem {
    /// More operations than this in one partition are refused as too much for memory.
    pub(crate) const MAX_OPS: usize = (1 << 30) - 2;

    /// The list node of the call of a required operation. Node 0 is the head.
    pub(crate) const fn call_node(required: u32) -> u32 {
        required + 1
    }

    /// The list node of the answer.
    pub(crate) fn return_node(&self, required: u32) -> u32 {
        required + 1 + index(self.required.len())
    }

    /// Arranges `items`.
    pub(crate) fn new(items: &[Item]) -> Self {
        // Positions of events, with the item; a bit tells calls from answers.
        let mut timeline: Vec<(usize, u32, bool)> = Vec::with_capacity(items.len() * 2);
        for (number, item) in items.iter().enumerate() {
            timeline.push((item.called, index(number), false));
            timeline.extend(item.returned.map(|returned| (returned, index(number), true)));
        }
        timeline.sort_unstable();
        let mut numbers = vec![0; items.len()];
        let mut answers = 0;
        for (_, item, is_return) in &timeline {
            if *is_return {
                numbers[*item as usize] = answers;
                answers += 1;
            }
        }
        let nothing = Required { op: OpId(0), class: 0, slot: 0 };
        let mut problem = Self {
            required: vec![nothing; answers as usize],
            events: Vec::with_capacity(answers as usize * 2),
            optional: Vec::new(),
            slot_words: 0,
            count_words: 0,
        };
        let mut slots = Slots::default();
        let mut optional: FixedMap<u32, u32> = FixedMap::default();
        let mut answers = 0;
        for (_, number, is_return) in timeline {
            let item = items[number as usize];
            let required = numbers[number as usize];
            if is_return {
                answers += 1;
                slots.free.push(core::cmp::Reverse(problem.required[required as usize].slot));
                problem.events.push(problem.return_node(required));
            } else if item.returned.is_some() {
                problem.required[required as usize] =
                    Required { op: item.op, class: item.class, slot: slots.take() };
                problem.events.push(Self::call_node(required));
            } else {
                let fresh = index(problem.optional.len());
                let group = *optional.entry(item.class).or_insert(fresh);
                if group == fresh {
                    problem.optional.push(Optional { class: item.class, members: Vec::new(), place: (0, 0) });
                }
                problem.optional[group as usize].members.push((answers, item.op));
            }
        }
        problem.slot_words = (slots.count as usize).div_ceil(64);
        problem.place_counts();
        problem
    }

    /// Gives each count as many bits as its largest value needs; no count crosses a word.
    fn place_counts(&mut self) {
        let (mut word, mut shift) = (0, 0);
        for group in &mut self.optional {
            let bits = usize::BITS - group.members.len().leading_zeros();
            if shift + bits > 64 {
                (word, shift) = (word + 1, 0);
            }
            group.place = (word, shift);
            shift += bits;
        }
        self.count_words = if self.optional.is_empty() { 0 } else { word as usize + 1 };
    }
}

/// Hands out the smallest slot that is free.
#[derive(Default)]
struct Slots {
    free: std::collections::BinaryHeap<core::cmp::Reverse<u32>>,
    count: u32,
}

impl Slots {
    fn take(&mut self) -> u32 {
        if let Some(core::cmp::Reverse(slot)) = self.free.pop() {
            return slot;
        }
        self.count += 1;
        self.count - 1
    }
}

/// Leaves out crashed operations that can help nobody: those that change nothing, and, where all footprints are known and
/// nothing waits for a value to *go*, those that leave a value which nobody looks for.
pub(crate) fn drop_useless<M: Model>(machine: &Machine<'_, M>, items: &mut Vec<Item>) {
    items.retain(|item| item.returned.is_some() || machine.effect(item.class).may_change());
    let known = |item: &Item| {
        !machine.effect(item.class).needs_model() && !matches!(machine.effect(item.class), Effect::Avoids(_))
    };
    if !items.iter().all(known) {
        return;
    }
    let mut wanted = vec![0_u32; machine.state_count()];
    for item in items.iter() {
        if let Effect::Reads(state) | Effect::Swaps(state, _) = machine.effect(item.class) {
            wanted[state as usize] += 1;
        }
    }
    loop {
        let before = items.len();
        items.retain(|item| {
            if item.returned.is_some() {
                return true;
            }
            match machine.effect(item.class) {
                Effect::Writes(left) => wanted[left as usize] > 0,
                Effect::Swaps(from, left) => {
                    let useful = wanted[left as usize] > 0;
                    wanted[from as usize] -= u32::from(!useful);
                    useful
                }
                _ => true,
            }
        });
        if items.len() == before {
            return;
        }
    }
}
