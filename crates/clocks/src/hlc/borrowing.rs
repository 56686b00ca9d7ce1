//! How far a clock that was asked for more than 65,536 stamps in a millisecond has run into the future.

use crate::sync::{AtomicU64, Ordering};

/// A run of milliseconds next to each other of which every stamp was used: its first one in the upper 48 bits, their number in the lower 16.
/// It is touched once in 65,536 stamps.
///
/// The lead over the wall clock alone would not do as a measure: it also grows when the wall clock is set back, and a node must not stand
/// still for an hour because of that.
#[derive(Debug)]
pub(super) struct Borrowing {
    run: AtomicU64,
}

impl Borrowing {
    pub(super) fn new() -> Self {
        Self { run: AtomicU64::new(0) }
    }

    /// All stamps of `full` are used, and the next one is about to be taken.
    ///
    /// It is noted before the stamp is taken, by each thread that tries to, and all of them note the same: a thread that stands still
    /// afterwards withholds nothing from the others.
    pub(super) fn note(&self, full: u64) {
        let mut run = self.run.load(Ordering::Relaxed);
        loop {
            let (first, count) = (run >> 16, run & 0xffff);
            if first + count > full {
                return; // somebody was quicker
            }
            let next = if first + count == full && count < 0xffff { run + 1 } else { full << 16 | 1 };
            // Only the number matters, and each value follows from the one before: no other memory is published.
            match self.run.compare_exchange_weak(run, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => run = seen,
            }
        }
    }

    /// How many milliseconds are borrowed at this stamp.
    pub(super) fn at(&self, millis: u64, wall: u64) -> u64 {
        let run = self.run.load(Ordering::Relaxed);
        let (first, count) = (run >> 16, run & 0xffff);
        if first + count == millis { count.min(millis.saturating_sub(wall)) } else { 0 }
    }
}
