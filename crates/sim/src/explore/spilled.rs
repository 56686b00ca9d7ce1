//! The states that have been seen, as many of them in memory as there is room for.

use super::print::Print;
use super::runs::Runs;
use super::store::Store;
use super::visited::{Slot, Table, Visited};

/// A table of what was seen lately, and runs of what was seen before.
///
/// In breadth-first search what is met again was mostly met a short while ago, so that few look-ups go to the store.
pub(super) struct Spilled<T> {
    table: Table<T>,
    runs: Runs<T>,
    bytes_max: usize,
}

impl<T: Slot> Spilled<T> {
    /// The table takes about two thirds of `bytes_max`, the filters of the runs the rest.
    pub(super) fn new(store: Store, bytes_max: usize) -> Self {
        let third = bytes_max / 3;
        Self { table: Table::new(), runs: Runs::new(store, third), bytes_max: bytes_max - third }
    }
}

impl<S, T: Slot> Visited<S> for Spilled<T> {
    fn insert(&mut self, print: Print, state: &S) -> bool {
        let slot = T::of(print);
        if !self.runs.is_empty() && (self.table.contains(slot) || self.runs.contain(slot)) {
            return false;
        }
        if self.table.is_full() && self.table.bytes_if_grown() > self.bytes_max {
            self.table.drain(|sorted| self.runs.add(sorted));
        }
        self.table.insert(print, state)
    }

    fn recent(&mut self, print: Print) -> bool {
        Visited::<S>::recent(&mut self.table, print)
    }

    fn touch(&self, print: Print) {
        Visited::<S>::touch(&self.table, print);
    }

    fn bytes(&self) -> usize {
        Visited::<S>::bytes(&self.table) + self.runs.bytes()
    }

    fn bytes_grown(&self) -> usize {
        let grown = self.table.bytes_if_grown();
        let table = if grown > self.bytes_max {
            Visited::<S>::bytes(&self.table)
        } else {
            Visited::<S>::bytes_grown(&self.table)
        };
        table + self.runs.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::io::Cursor;
    use synod_core::{Entropy, SplitMix64};

    #[test]
    fn a_tiny_memory_knows_what_a_large_one_knows() {
        let store = Store::new(Box::new(Cursor::new(Vec::new())));
        let mut spilled = Spilled::<u64>::new(store.clone(), 30_000);
        let mut wide = Spilled::<(u64, u64)>::new(store.clone(), 30_000);
        let mut oracle = BTreeSet::new();
        let mut dice = SplitMix64::new(5);
        for _ in 0..60_000 {
            let print = Print::of_word(dice.below(40_000));
            let new = oracle.insert(print);
            assert_eq!(spilled.insert(print, &()), new);
            assert_eq!(wide.insert(print, &()), new);
            assert!(Visited::<()>::bytes(&spilled) < 40_000);
        }
        assert!(store.held() > 8 * 20_000);
    }
}
