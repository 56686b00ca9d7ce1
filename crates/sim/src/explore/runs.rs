//! What has been seen and no longer fits into memory: sorted runs in the store.
//!
//! A run is written once, in order, in blocks. In memory stay the first entry of each page of 4 KiB, so that a look-up reads one
//! page, and a filter, so that what is new mostly reads none (Bloom 1970, in blocks of one cache line: Putze, Sanders and
//! Singler 2007). Runs are merged into one when there are many.

use super::store::{BLOCK, Place, Store};
use super::visited::Slot;
use synod_core::SplitMix64;

/// Bytes that a look-up reads.
const PAGE: usize = 1 << 12;
/// So many runs are merged into one.
const RUNS_MAX: usize = 8;
/// Bits of a filter for each entry, where memory suffices: one look-up in a hundred then reads a page for nothing.
const BITS_MAX: usize = 10;
/// Bits that an entry sets in a filter.
const PROBES: u32 = 6;

/// All runs.
pub(super) struct Runs<T> {
    runs: Vec<Run<T>>,
    store: Store,
    /// What the filters may take.
    filter_bytes_max: usize,
    page: Vec<u8>,
}

struct Run<T> {
    blocks: Vec<Place>,
    /// The first entry of each page.
    fences: Vec<T>,
    filter: Filter,
    len: usize,
}

impl<T: Slot> Runs<T> {
    pub(super) const fn new(store: Store, filter_bytes_max: usize) -> Self {
        Self { runs: Vec::new(), store, filter_bytes_max, page: Vec::new() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether an entry is in one of the runs. What cannot be read counts as seen: the store says that it has failed.
    pub(super) fn contain(&mut self, slot: T) -> bool {
        let Self { runs, store, page, .. } = self;
        runs.iter().rev().any(|run| run.filter.may_hold(slot) && run.holds(slot, store, page))
    }

    /// Adds sorted entries, none of which is in a run.
    pub(super) fn add(&mut self, sorted: &[T]) {
        if self.runs.len() + 1 >= RUNS_MAX {
            self.merge(sorted);
        } else {
            let entries = sorted.iter().copied();
            self.runs.extend(write(&self.store, sorted.len(), self.filter_left(sorted.len()), entries));
        }
    }

    /// Bytes that a filter of `len` more entries may take, so that those after it find room too.
    fn filter_left(&self, len: usize) -> usize {
        let taken: usize = self.runs.iter().map(|run| run.filter.bytes()).sum();
        (len * BITS_MAX / 8).min(self.filter_bytes_max.saturating_sub(taken) / 2)
    }

    fn merge(&mut self, sorted: &[T]) {
        let old = core::mem::take(&mut self.runs);
        let len = old.iter().map(|run| run.len).sum::<usize>() + sorted.len();
        let filter_bytes = (len * BITS_MAX / 8).min(self.filter_bytes_max / 2);
        let store = self.store.clone();
        // The filters are forgotten first, so that their room can be used again.
        let mut readers: Vec<Reader<T>> =
            old.into_iter().map(|run| Reader::new(run.blocks, &store)).collect();
        let mut rest = sorted.iter().copied().peekable();
        let merged = core::iter::from_fn(|| {
            let least = readers.iter().filter_map(|reader| reader.next).min();
            match (least, rest.peek()) {
                (Some(least), Some(new)) if *new < least => rest.next(),
                (Some(least), _) => {
                    let reader = readers.iter_mut().find(|reader| reader.next == Some(least))?;
                    reader.advance();
                    Some(least)
                }
                (None, _) => rest.next(),
            }
        });
        self.runs.extend(write(&store, len, filter_bytes, merged));
    }

    pub(super) fn bytes(&self) -> usize {
        let of = |run: &Run<T>| {
            run.filter.bytes()
                + run.fences.capacity() * size_of::<T>()
                + run.blocks.capacity() * size_of::<Place>()
        };
        self.runs.iter().map(of).sum::<usize>() + self.page.capacity()
    }
}

/// Writes a run; `None` if the store fails.
fn write<T: Slot>(
    store: &Store,
    len: usize,
    filter_bytes: usize,
    entries: impl Iterator<Item = T>,
) -> Option<Run<T>> {
    let mut run = Run { blocks: Vec::new(), fences: Vec::new(), filter: Filter::new(filter_bytes), len };
    let mut block = Vec::with_capacity(BLOCK);
    for entry in entries {
        if block.len() % PAGE == 0 {
            run.fences.push(entry);
        }
        run.filter.add(entry);
        entry.write(&mut block);
        if block.len() >= BLOCK {
            run.blocks.push(store.put(&block)?);
            block.clear();
        }
    }
    if !block.is_empty() {
        run.blocks.push(store.put(&block)?);
    }
    Some(run)
}

impl<T: Slot> Run<T> {
    fn holds(&self, slot: T, store: &Store, page: &mut Vec<u8>) -> bool {
        let Some(number) = self.fences.partition_point(|fence| *fence <= slot).checked_sub(1) else {
            return false;
        };
        let entries = (self.len - number * (PAGE / size_of::<T>())).min(PAGE / size_of::<T>());
        let from = number * PAGE;
        page.resize(entries * size_of::<T>(), 0);
        let read = self.blocks.get(from / BLOCK).and_then(|block| store.read(*block, from % BLOCK, page));
        // Sorted, but half a thousand at most: one after the other is as fast as by halves.
        read.is_none() || page.chunks_exact(size_of::<T>()).any(|bytes| T::read(bytes) == slot)
    }
}

/// Reads a run in order, and gives its blocks back.
struct Reader<T> {
    store: Store,
    blocks: std::vec::IntoIter<Place>,
    block: Vec<u8>,
    at: usize,
    next: Option<T>,
}

impl<T: Slot> Reader<T> {
    fn new(blocks: Vec<Place>, store: &Store) -> Self {
        let (store, blocks) = (store.clone(), blocks.into_iter());
        let mut reader = Self { store, blocks, block: Vec::new(), at: 0, next: None };
        reader.advance();
        reader
    }

    fn advance(&mut self) {
        if self.at >= self.block.len()
            && let Some(place) = self.blocks.next()
        {
            self.block = self.store.get(place).unwrap_or_default();
            self.store.free(place);
            self.at = 0;
        }
        self.next = self.block.get(self.at..self.at + size_of::<T>()).map(T::read);
        self.at += size_of::<T>();
    }
}

/// A Bloom filter in blocks of 512 bits. An empty one holds everything.
struct Filter(Vec<[u64; 8]>);

impl Filter {
    fn new(bytes: usize) -> Self {
        Self(vec![[0; 8]; bytes / 64])
    }

    /// The block of an entry, and the bits in it, nine at a time.
    fn bits<T: Slot>(&self, slot: T) -> (usize, impl Iterator<Item = (usize, u64)> + use<T>) {
        let spread = SplitMix64::mix(slot.spread());
        let block = ((u128::from(spread) * self.0.len() as u128) >> 64) as usize;
        let nines = SplitMix64::mix(spread);
        let bits = (0..PROBES).map(move |probe| (nines >> (9 * probe)) & 511);
        (block, bits.map(|bit| ((bit / 64) as usize, 1 << (bit % 64))))
    }

    fn add<T: Slot>(&mut self, slot: T) {
        let (block, bits) = self.bits(slot);
        if let Some(block) = self.0.get_mut(block) {
            for (word, bit) in bits {
                block.get_mut(word).into_iter().for_each(|word| *word |= bit);
            }
        }
    }

    fn may_hold<T: Slot>(&self, slot: T) -> bool {
        let (block, mut bits) = self.bits(slot);
        self.0
            .get(block)
            .is_none_or(|block| bits.all(|(word, bit)| block.get(word).is_none_or(|word| word & bit != 0)))
    }

    const fn bytes(&self) -> usize {
        self.0.len() * 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::io::Cursor;
    use synod_core::Entropy;

    #[test]
    fn what_was_added_is_contained_over_many_merges_with_and_without_filters() {
        for filter_bytes_max in [0, 200, 4_000, usize::MAX] {
            let store = Store::new(Box::new(Cursor::new(Vec::new())));
            let mut runs = Runs::<u64>::new(store.clone(), filter_bytes_max);
            let mut oracle = BTreeSet::new();
            let mut dice = SplitMix64::new(1);
            for _ in 0..40 {
                let new: BTreeSet<u64> =
                    (0..1 + dice.below(1_500)).map(|_| dice.below(100_000) << 30).collect();
                let new: Vec<u64> = new.into_iter().filter(|slot| oracle.insert(*slot)).collect();
                runs.add(&new);
                assert!(runs.runs.len() < RUNS_MAX);
                let filters: usize = runs.runs.iter().map(|run| run.filter.bytes()).sum();
                assert!(filters <= filter_bytes_max);
            }
            for slot in (0..100_000).map(|slot| slot << 30) {
                assert_eq!(runs.contain(slot), oracle.contains(&slot), "{slot}");
            }
            // What has been merged gives its room back.
            assert_eq!(store.held(), 8 * oracle.len() as u64);
        }
    }

    #[test]
    fn a_filter_is_wrong_once_in_a_hundred_at_most() {
        let mut filter = Filter::new(100_000 * BITS_MAX / 8);
        let mut dice = SplitMix64::new(7);
        let held: Vec<u64> = (0..100_000).map(|_| dice.bits()).collect();
        held.iter().for_each(|slot| filter.add(*slot));
        assert!(held.iter().all(|slot| filter.may_hold(*slot)));
        let wrong = (0..100_000).filter(|_| filter.may_hold(dice.bits())).count();
        assert!((100..1_700).contains(&wrong), "{wrong}");
    }
}
