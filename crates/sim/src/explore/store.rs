//! The one place for everything that does not fit into memory: blocks in a file.

use core::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::rc::Rc;

/// Where goes what does not fit into memory: a file, or anything that can be written, read and sought in.
pub trait Spill: Read + Write + Seek {}

impl<T: Read + Write + Seek> Spill for T {}

/// Bytes in a block. What is larger has a place of its own.
pub(super) const BLOCK: usize = 1 << 16;

/// Where a block lies, and how long it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    at: u64,
    len: usize,
}

/// Blocks, shared by all who put some away. Whoever is done with a block gives it back.
#[derive(Clone)]
pub(super) struct Store(Rc<RefCell<Blocks>>);

struct Blocks {
    file: Box<dyn Spill>,
    /// Where the file ends, and the places in it that are free again.
    end: u64,
    free: Vec<u64>,
    held: u64,
    failed: Option<io::ErrorKind>,
}

impl Store {
    pub(super) fn new(file: Box<dyn Spill>) -> Self {
        Self(Rc::new(RefCell::new(Blocks { file, end: 0, free: Vec::new(), held: 0, failed: None })))
    }

    /// Puts bytes away; `None` if the store fails, now or before.
    pub(super) fn put(&self, bytes: &[u8]) -> Option<Place> {
        self.0.borrow_mut().attempt(|blocks| blocks.put(bytes))
    }

    /// Reads the part of a block from `from` on that `into` has room for.
    pub(super) fn read(&self, place: Place, from: usize, into: &mut [u8]) -> Option<()> {
        self.0.borrow_mut().attempt(|blocks| {
            blocks.file.seek(SeekFrom::Start(place.at + from as u64))?;
            blocks.file.read_exact(into)
        })
    }

    /// Reads a block.
    pub(super) fn get(&self, place: Place) -> Option<Vec<u8>> {
        let mut bytes = vec![0; place.len];
        self.read(place, 0, &mut bytes)?;
        Some(bytes)
    }

    /// A block is not needed any more.
    pub(super) fn free(&self, place: Place) {
        let mut blocks = self.0.borrow_mut();
        blocks.held = blocks.held.saturating_sub(place.len as u64);
        if place.len <= BLOCK {
            blocks.free.push(place.at);
        }
    }

    /// What went wrong first. What was in the store is lost then, and a search must not go on as if nothing had happened.
    pub(super) fn failed(&self) -> Option<io::ErrorKind> {
        self.0.borrow().failed
    }

    /// The bytes that are in the store.
    pub(super) fn held(&self) -> u64 {
        self.0.borrow().held
    }
}

impl Blocks {
    fn attempt<T>(&mut self, act: impl FnOnce(&mut Self) -> io::Result<T>) -> Option<T> {
        if self.failed.is_some() {
            return None;
        }
        act(self).map_err(|error| self.failed = Some(error.kind())).ok()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<Place> {
        let at = if bytes.len() <= BLOCK { self.free.pop() } else { None };
        let at = at.unwrap_or(self.end);
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(bytes)?;
        if at == self.end {
            self.end += bytes.len().max(BLOCK) as u64;
        }
        self.held += bytes.len() as u64;
        Ok(Place { at, len: bytes.len() })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Cursor;

    /// Takes so many bytes and no more.
    pub(in super::super) struct Small {
        file: Cursor<Vec<u8>>,
        room: usize,
    }

    impl Small {
        pub(in super::super) fn new(room: usize) -> Self {
            Self { file: Cursor::new(Vec::new()), room }
        }
    }

    impl Read for Small {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.file.read(bytes)
        }
    }

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() > self.room {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= bytes.len();
            self.file.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Small {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.file.seek(to)
        }
    }

    #[test]
    fn places_are_used_again_and_what_is_large_has_its_own() {
        let store = Store::new(Box::new(Cursor::new(Vec::new())));
        let first = store.put(&[1; 100]).unwrap();
        let large = store.put(&[2; 3 * BLOCK]).unwrap();
        store.free(first);
        let again = store.put(&[3; BLOCK]).unwrap();
        assert_eq!((again.at, store.held()), (first.at, 4 * BLOCK as u64));
        assert_eq!(store.get(again), Some(vec![3; BLOCK]));
        assert_eq!(store.get(large), Some(vec![2; 3 * BLOCK]));
        let mut part = [0; 3];
        assert_eq!((store.read(large, BLOCK, &mut part), part), (Some(()), [2; 3]));
    }

    #[test]
    fn after_a_failure_nothing_is_taken_or_given() {
        let store = Store::new(Box::new(Small::new(BLOCK)));
        let place = store.put(&[1; 100]).unwrap();
        assert!(store.put(&[1; BLOCK]).is_none());
        assert_eq!((store.get(place), store.failed()), (None, Some(io::ErrorKind::StorageFull)));
    }
}
