//! A source for tests: it knows the true time, and lies about it within bounds.

use super::{IntervalError, Sample, TimeSource};
use crate::sync::{AtomicU64, Ordering};

/// A machine whose clock is wrong by as much as you say, and whose oscillator runs fast or slow.
///
/// Time stands still until it is [set](Self::set_true_ns). A source begins unsynchronised.
#[derive(Debug)]
pub struct SimulatedSource {
    true_ns: AtomicU64,
    /// How fast the oscillator runs, in millionths, relative to true time.
    drift_ppm: i32,
    /// The wall clock's lead over true time: an `i64` in two's complement.
    offset_ns: AtomicU64,
    /// What it says of that; the greatest number for "not synchronised".
    error_ns: AtomicU64,
}

const UNSYNCHRONISED: u64 = u64::MAX;

impl SimulatedSource {
    /// A machine at this true time, whose oscillator runs `drift_ppm` millionths fast, or slow where it is negative.
    #[must_use]
    pub fn new(true_ns: u64, drift_ppm: i32) -> Self {
        Self {
            true_ns: AtomicU64::new(true_ns),
            drift_ppm,
            offset_ns: AtomicU64::new(0),
            error_ns: AtomicU64::new(UNSYNCHRONISED),
        }
    }

    /// Time passes, or somebody turns it back.
    pub fn set_true_ns(&self, true_ns: u64) {
        self.true_ns.store(true_ns, Ordering::Relaxed);
    }

    /// The true time.
    pub fn true_ns(&self) -> u64 {
        self.true_ns.load(Ordering::Relaxed)
    }

    /// From now on samples are `offset_ns` ahead of the true time, and promise an error of at most `error_ns`: a lie where that is less.
    pub fn synchronise(&self, offset_ns: i64, error_ns: u64) {
        self.offset_ns.store(offset_ns.cast_unsigned(), Ordering::Relaxed);
        self.error_ns.store(error_ns, Ordering::Relaxed);
    }

    /// From now on there are no samples.
    pub fn lose_synchronisation(&self) {
        self.error_ns.store(UNSYNCHRONISED, Ordering::Relaxed);
    }
}

impl TimeSource for SimulatedSource {
    fn monotonic_ns(&self) -> Result<u64, IntervalError> {
        let true_ns = i128::from(self.true_ns());
        let shown = true_ns + true_ns * i128::from(self.drift_ppm) / 1_000_000;
        u64::try_from(shown).map_err(|_| IntervalError::Unavailable)
    }

    fn sample(&self) -> Result<Sample, IntervalError> {
        let error_ns = self.error_ns.load(Ordering::Relaxed);
        if error_ns == UNSYNCHRONISED {
            return Err(IntervalError::Unsynchronised);
        }
        let offset_ns = self.offset_ns.load(Ordering::Relaxed).cast_signed();
        let wall_ns = self.true_ns().checked_add_signed(offset_ns).ok_or(IntervalError::OutOfRange)?;
        Ok(Sample { monotonic_ns: self.monotonic_ns()?, wall_ns, error_ns })
    }
}
