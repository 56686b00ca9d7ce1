//! The last sample, shared: written now and then, read all the time, and no reader waits for a writer.

use super::{IntervalError, Sample};
use crate::sync::{AtomicU64, Ordering, fence};
use core::array::from_fn;

/// How many samples are kept: a reader is disturbed only by a writer that laps it.
const SLOTS: u64 = 4;

/// Samples in a ring. The writer fills the next place and then publishes its number; a reader takes the published one, and
/// asks afterwards whether the writer can have come round to it meanwhile.
#[derive(Debug)]
pub(super) struct Anchor {
    /// The number of the last sample, which lies at that number modulo `SLOTS`. Zero: none yet.
    published: AtomicU64,
    /// One while somebody writes.
    writing: AtomicU64,
    slots: [Slot; SLOTS as usize],
}

#[derive(Debug)]
struct Slot {
    monotonic_ns: AtomicU64,
    wall_ns: AtomicU64,
    /// Or one of the codes below, which no error is.
    error_ns: AtomicU64,
}

const UNSYNCHRONISED: u64 = u64::MAX;
const OUT_OF_RANGE: u64 = u64::MAX - 1;
const UNAVAILABLE: u64 = u64::MAX - 2;

impl Anchor {
    pub(super) fn new() -> Self {
        let slot = |_| Slot {
            monotonic_ns: AtomicU64::new(0),
            wall_ns: AtomicU64::new(0),
            error_ns: AtomicU64::new(0),
        };
        Self { published: AtomicU64::new(0), writing: AtomicU64::new(0), slots: from_fn(slot) }
    }

    /// Publishes a sample, or that there is none. Where another thread is at it, that thread's is as good, and this one's is dropped.
    pub(super) fn publish(&self, sample: Result<Sample, IntervalError>) {
        if self.writing.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return;
        }
        let next = self.published.load(Ordering::Relaxed) + 1;
        let (monotonic_ns, wall_ns, error_ns) = match sample {
            Ok(sample) => (sample.monotonic_ns, sample.wall_ns, sample.error_ns.min(UNAVAILABLE - 1)),
            Err(IntervalError::Unsynchronised) => (0, 0, UNSYNCHRONISED),
            Err(IntervalError::OutOfRange) => (0, 0, OUT_OF_RANGE),
            Err(_) => (0, 0, UNAVAILABLE),
        };
        // Who reads any of what follows also sees, after its own fence, the number published last: so it knows that it was lapped.
        fence(Ordering::Release);
        if let Some(slot) = self.slots.get((next % SLOTS) as usize) {
            slot.monotonic_ns.store(monotonic_ns, Ordering::Relaxed);
            slot.wall_ns.store(wall_ns, Ordering::Relaxed);
            slot.error_ns.store(error_ns, Ordering::Relaxed);
        }
        self.published.store(next, Ordering::Release);
        self.writing.store(0, Ordering::Release);
    }

    /// The last sample.
    #[inline]
    pub(super) fn read(&self) -> Result<Sample, IntervalError> {
        loop {
            let number = self.published.load(Ordering::Acquire);
            if number == 0 {
                return Err(IntervalError::NeverRefreshed);
            }
            let Some(slot) = self.slots.get((number % SLOTS) as usize) else {
                return Err(IntervalError::Unavailable);
            };
            let sample = Sample {
                monotonic_ns: slot.monotonic_ns.load(Ordering::Relaxed),
                wall_ns: slot.wall_ns.load(Ordering::Relaxed),
                error_ns: slot.error_ns.load(Ordering::Relaxed),
            };
            fence(Ordering::Acquire);
            // The place is written again after `number + SLOTS - 1` was published.
            if self.published.load(Ordering::Relaxed) - number < SLOTS - 1 {
                return match sample.error_ns {
                    UNSYNCHRONISED => Err(IntervalError::Unsynchronised),
                    OUT_OF_RANGE => Err(IntervalError::OutOfRange),
                    UNAVAILABLE => Err(IntervalError::Unavailable),
                    _ => Ok(sample),
                };
            }
        }
    }
}
