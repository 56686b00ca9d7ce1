//! A queue of packed states whose middle may lie on a disk.

use super::links::{pull, push};
use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Where blocks go that do not fit into memory: a file, or anything that can be written, read and sought in.
pub trait Spill: Read + Write + Seek {}

impl<T: Read + Write + Seek> Spill for T {}

/// A store, and how many bytes stay in memory before it is used.
pub(super) type Store = (Box<dyn Spill>, usize);

/// Bytes in a block. A state that is larger has a block of its own.
const BLOCK: usize = 1 << 16;

/// First in, first out: blocks in memory, then blocks on the disk, then the block that is being filled.
pub(super) struct Queue {
    head: VecDeque<Vec<u8>>,
    front: usize,
    away: VecDeque<(u64, usize)>,
    tail: Vec<u8>,
    store: Option<Store>,
    /// Where the store ends, and the places in it that are free again.
    end: u64,
    free: Vec<u64>,
    /// The store has failed: what was in it is lost, and the search must not go on as if nothing had happened.
    lost: bool,
}

impl Queue {
    pub(super) fn new(store: Option<Store>) -> Self {
        Self {
            head: VecDeque::new(),
            front: 0,
            away: VecDeque::new(),
            tail: Vec::new(),
            store,
            end: 0,
            free: Vec::new(),
            lost: false,
        }
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
        let room = self.store.as_ref().is_none_or(|(_, bytes)| (self.head.len() + 1) * BLOCK <= *bytes);
        if room && self.away.is_empty() {
            self.head.push_back(block);
            return;
        }
        match self.write(&block) {
            Ok(place) => self.away.push_back((place, block.len())),
            Err(_) => self.lost = true,
        }
    }

    fn write(&mut self, block: &[u8]) -> io::Result<u64> {
        let Some((store, _)) = &mut self.store else { return Err(io::ErrorKind::NotFound.into()) };
        let fits = block.len() <= BLOCK;
        let place = self.free.pop().filter(|_| fits).unwrap_or(self.end);
        store.seek(SeekFrom::Start(place))?;
        store.write_all(block)?;
        if place == self.end {
            self.end += block.len().max(BLOCK) as u64;
        }
        Ok(place)
    }

    fn read(&mut self, (place, len): (u64, usize)) -> io::Result<Vec<u8>> {
        let Some((store, _)) = &mut self.store else { return Err(io::ErrorKind::NotFound.into()) };
        store.seek(SeekFrom::Start(place))?;
        let mut block = vec![0; len];
        store.read_exact(&mut block)?;
        if len <= BLOCK {
            self.free.push(place);
        }
        Ok(block)
    }

    /// Hands over the next state; `false` if there is none, it has been lost, or it is not understood.
    pub(super) fn pop(&mut self, take: impl FnOnce(&[u8]) -> bool) -> bool {
        if self.head.front().is_some_and(|block| self.front >= block.len()) {
            self.head.pop_front();
            self.front = 0;
        }
        if self.head.is_empty() {
            let next = match self.away.pop_front() {
                Some(away) => self.read(away),
                None => Ok(core::mem::take(&mut self.tail)),
            };
            match next {
                Ok(block) => self.head.push_back(block),
                Err(_) => self.lost = true,
            }
        }
        let front = self.front;
        let Some(block) = self.head.front().filter(|block| !self.lost && front < block.len()) else {
            return false;
        };
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
    use super::*;
    use std::io::Cursor;
    use synod_core::{Entropy, SplitMix64};

    #[test]
    fn what_goes_in_comes_out_in_order_through_memory_and_disk() {
        for room in [0, BLOCK, 3 * BLOCK, usize::MAX] {
            let mut queue = Queue::new(Some((Box::new(Cursor::new(Vec::new())), room)));
            let mut oracle = VecDeque::new();
            let mut dice = SplitMix64::new(room as u64);
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
            }
            assert_eq!(queue.end > 0, room < usize::MAX, "the store is used if it is needed");
        }
    }

    #[test]
    fn a_store_that_fails_is_noticed() {
        /// Takes nothing.
        struct Full(Cursor<Vec<u8>>);
        impl Read for Full {
            fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
                self.0.read(bytes)
            }
        }
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        impl Seek for Full {
            fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
                self.0.seek(to)
            }
        }
        let mut queue = Queue::new(Some((Box::new(Full(Cursor::new(Vec::new()))), 0)));
        (0..10_000).for_each(|_| queue.push(&[7; 50]));
        assert!(!queue.pop(|_| true), "what cannot be kept is not passed over");
    }
}
