//! How each state was first reached, in two or three bytes a state.
//!
//! Breadth-first search finds the children of state 0, then those of state 1, and so on. So nobody needs to write down a
//! parent: the stream holds, for one expanded state after another, how many new states it led to, and for each of those its
//! place among the successors. A path is rebuilt by replaying those places from an initial state.
//!
//! The stream lies in chunks, which go to the store if there is one. Each knows with which family and which child it begins, so
//! that a path reads one chunk for each of its steps.

use super::store::{BLOCK, Place, Store};

/// The stream.
#[derive(Clone, Default)]
pub(super) struct Links {
    chunks: Vec<Chunk>,
    /// The chunk that is being filled.
    last: Vec<u8>,
    /// The families and the children that came before it.
    before: (u64, u64),
    /// The families and the children so far.
    sofar: (u64, u64),
    /// The new states of the state that is being expanded.
    open: Vec<u64>,
    store: Option<Store>,
    bytes: usize,
}

#[derive(Clone)]
struct Chunk {
    before: (u64, u64),
    at: Chest,
}

/// Where a chunk lies.
#[derive(Clone)]
enum Chest {
    Memory(Vec<u8>),
    Store(Place),
}

impl Links {
    pub(super) fn new(store: Option<Store>) -> Self {
        Self { store, ..Self::default() }
    }

    /// The state that is being expanded led to a new one, as its successor number `ordinal`.
    pub(super) fn child(&mut self, ordinal: u64) {
        self.open.push(ordinal);
    }

    /// The next state is expanded from here on. The first call ends the initial states, which count as children of a state
    /// before all others.
    pub(super) fn close(&mut self) {
        if self.last.len() + (1 + self.open.len()) * 10 > BLOCK && !self.last.is_empty() {
            self.put_away();
        }
        push(&mut self.last, self.open.len() as u64);
        for ordinal in &self.open {
            push(&mut self.last, *ordinal);
        }
        self.sofar.0 += 1;
        self.sofar.1 += self.open.len() as u64;
        self.open.clear();
    }

    fn put_away(&mut self) {
        let full = core::mem::take(&mut self.last);
        let at = match &self.store {
            // A store that fails remembers it.
            Some(store) => store.put(&full).map(Chest::Store),
            None => Some(Chest::Memory(full)),
        };
        let at = at.unwrap_or(Chest::Memory(Vec::new()));
        self.bytes += size_of::<Chunk>();
        if let Chest::Memory(bytes) = &at {
            self.bytes += bytes.capacity();
        }
        self.chunks.push(Chunk { before: self.before, at });
        self.before = self.sofar;
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes + self.last.capacity()
    }

    /// The places to take, from the choice among the initial states on, to reach the state that was found as number `state`;
    /// `None` if the store has lost them.
    pub(super) fn path(mut self, state: u64) -> Option<Vec<u64>> {
        if !self.open.is_empty() {
            self.close();
        }
        self.put_away();
        // Parent 0 is the state before all others, so parent `n` is the state `n - 1`.
        let mut path = Vec::new();
        let mut child = Some(state);
        while let Some(state) = child {
            let (parent, ordinal) = self.parent(state)?;
            path.push(ordinal);
            child = parent.checked_sub(1);
        }
        path.reverse();
        Some(path)
    }

    /// The parent of a state, and its place among the successors.
    fn parent(&self, state: u64) -> Option<(u64, u64)> {
        let chunk = self.chunks.partition_point(|chunk| chunk.before.1 <= state).checked_sub(1)?;
        let Chunk { before, at } = self.chunks.get(chunk)?;
        let (mut parent, mut child) = *before;
        let read;
        let bytes = match at {
            Chest::Memory(bytes) => bytes,
            Chest::Store(place) => {
                read = self.store.as_ref()?.get(*place)?;
                &read
            }
        };
        let mut at = 0;
        while at < bytes.len() {
            let children = pull(bytes, &mut at);
            for _ in 0..children {
                let ordinal = pull(bytes, &mut at);
                if child == state {
                    return Some((parent, ordinal));
                }
                child += 1;
            }
            parent += 1;
        }
        None
    }
}

/// LEB128: seven bits a byte, the lowest first.
pub(super) fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads what [`push`] wrote; 0 at the end.
pub(super) fn pull(bytes: &[u8], at: &mut usize) -> u64 {
    let mut number = 0;
    let mut shift = 0;
    while let Some(byte) = bytes.get(*at) {
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 || shift > 63 {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_path_is_read_back_from_the_counts() {
        // Two initial states (0, 1); 0 leads to 2 and 3, 1 to nothing new, 2 to 4, 3 to nothing, 4 is being expanded: 5.
        let mut links = Links::default();
        let families: [&[u64]; 5] = [&[0, 1], &[7, 300], &[], &[0], &[]];
        for family in families {
            family.iter().for_each(|ordinal| links.child(*ordinal));
            links.close();
        }
        links.child(9);
        let paths: Vec<_> = (0..6).filter_map(|state| links.clone().path(state)).collect();
        let expected: [&[u64]; 6] = [&[0], &[1], &[0, 7], &[0, 300], &[0, 7, 0], &[0, 7, 0, 9]];
        assert_eq!(paths, expected);
        assert_eq!(links.path(6), None);
    }

    #[test]
    fn a_long_stream_is_read_chunk_by_chunk_from_memory_and_from_the_store() {
        for store in [None, Some(Store::new(Box::new(Cursor::new(Vec::new()))))] {
            let mut links = Links::new(store.clone());
            // State n leads to n + 1 as its successor n, and every third one to nothing else; one initial state.
            links.child(0);
            links.close();
            for state in 0..100_000_u64 {
                links.child(state);
                links.close();
            }
            assert!(links.chunks.len() > 3 && store.is_none_or(|store| store.held() > 200_000));
            let expected: Vec<u64> = core::iter::once(0).chain(0..500).collect();
            assert_eq!(links.clone().path(500), Some(expected));
            assert_eq!(links.path(3_000).map(|path| path.len()), Some(3_001));
        }
    }

    #[test]
    fn numbers_of_every_length_come_back() {
        let numbers: Vec<u64> = (0..64).flat_map(|bit| [1 << bit, (1 << bit) - 1, u64::MAX >> bit]).collect();
        let mut bytes = Vec::new();
        numbers.iter().for_each(|number| push(&mut bytes, *number));
        let mut at = 0;
        assert!(numbers.iter().all(|number| pull(&bytes, &mut at) == *number));
        assert_eq!((at, pull(&bytes, &mut at)), (bytes.len(), 0));
    }
}
