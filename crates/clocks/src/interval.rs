//! Real time as an interval that contains it, in the manner of TrueTime (Corbett et al., "Spanner: Google's Globally-Distributed Database",
//! 2012, section 3).

mod anchor;
mod clock;
mod node;
mod simulated;

pub use clock::{IntervalClock, IntervalPolicy};
pub use node::{IntervalStamp, NodeInterval};
pub use simulated::SimulatedSource;

use synod_core::WallInterval;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// The true time is in here: nanoseconds since 1970-01-01 00:00 UTC, both ends included.
///
/// ```
/// use synod_clocks::Interval;
/// let (a, b) = (Interval::new(100, 200)?, Interval::new(201, 300)?);
/// assert!(a.is_before(&b), "whatever the clocks' errors were");
/// assert!(!a.is_before(&Interval::new(150, 300)?), "this cannot be told");
/// assert_eq!(a.width_ns(), 100);
/// # Ok::<(), synod_clocks::IntervalError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "(u64, u64)", into = "(u64, u64)"))]
pub struct Interval {
    earliest: u64,
    latest: u64,
}

impl Interval {
    /// The interval from `earliest` to `latest`.
    ///
    /// # Errors
    /// [`IntervalError::Empty`] where it ends before it begins.
    pub const fn new(earliest: u64, latest: u64) -> Result<Self, IntervalError> {
        if earliest > latest { Err(IntervalError::Empty) } else { Ok(Self { earliest, latest }) }
    }

    /// The true time is not before this.
    #[must_use]
    pub const fn earliest(&self) -> u64 {
        self.earliest
    }

    /// The true time is not after this: the timestamp of a commit that takes effect now.
    #[must_use]
    pub const fn latest(&self) -> u64 {
        self.latest
    }

    /// How uncertain the time is, in nanoseconds: twice TrueTime's ε.
    #[must_use]
    pub const fn width_ns(&self) -> u64 {
        self.latest - self.earliest
    }

    /// Whether that moment may be the true time.
    #[must_use]
    pub const fn contains(&self, at: u64) -> bool {
        self.earliest <= at && at <= self.latest
    }

    /// Whether all of it lies before all of the other.
    #[must_use]
    pub const fn is_before(&self, other: &Self) -> bool {
        self.latest < other.earliest
    }
}

impl From<Interval> for WallInterval {
    fn from(interval: Interval) -> Self {
        Self { earliest: interval.earliest, latest: interval.latest }
    }
}

impl From<Interval> for (u64, u64) {
    fn from(interval: Interval) -> Self {
        (interval.earliest, interval.latest)
    }
}

impl TryFrom<(u64, u64)> for Interval {
    type Error = IntervalError;

    fn try_from((earliest, latest): (u64, u64)) -> Result<Self, IntervalError> {
        Self::new(earliest, latest)
    }
}

/// Earliest, then latest: 16 bytes.
impl Wire for Interval {
    const LEN_MIN: usize = 16;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.earliest);
        out.u64(self.latest);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Self::new(input.u64()?, input.u64()?).map_err(|_| WireError::Invalid { field: "ends of an interval" })
    }
}

/// Why there is no interval. Who gets one of these must not act as if it knew the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum IntervalError {
    /// The machine says that its clock is not synchronised.
    #[error("the machine's clock is not synchronised: run chrony or ntpd, and wait until it has converged")]
    Unsynchronised,
    /// Nobody has refreshed the clock yet.
    #[error("the clock was never refreshed: call `refresh` before the first use, and every second or so")]
    NeverRefreshed,
    /// The last refresh is too long ago.
    #[error("the last refresh was {age_ns} ns ago, longer than the policy allows: refresh more often")]
    Stale {
        /// How long ago.
        age_ns: u64,
    },
    /// The error is larger than the policy accepts.
    #[error(
        "the time is known to ±{error_ns} ns only, worse than the policy accepts: look at the time servers"
    )]
    TooUncertain {
        /// Half the interval's width.
        error_ns: u64,
    },
    /// A peer's interval lies wholly in the future.
    #[error(
        "a message was stamped at least {by_ns} ns in the future: one of the two machines promises a bound that it \
         does not keep; take both out of service until you know which"
    )]
    Contradiction {
        /// How far, at least.
        by_ns: u64,
    },
    /// The clock stands before 1970, or after 2554, where 64 bits of nanoseconds end.
    #[error("the machine's clock stands before 1970 or after 2554: set it")]
    OutOfRange,
    /// The operating system has no answer.
    #[error(
        "the operating system does not tell the time and its error: the host may lack the call, or forbid it"
    )]
    Unavailable,
    /// The policy lets the monotonic clock drift by all of the time that passes.
    #[error(
        "a drift of {drift_ppm} ppm is no bound: a clock that may be slow by a million may stand still; say less"
    )]
    Drift {
        /// What the policy says.
        drift_ppm: u32,
    },
    /// An interval that ends before it begins.
    #[error("an interval that ends before it begins")]
    Empty,
    /// The node has stamped 2⁶⁴ − 1 events.
    #[error("this node has used its last counter, 2^64 - 1: go on under a new name")]
    Exhausted,
}

/// What a source knew at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sample {
    /// When, on the monotonic clock of the source, in nanoseconds.
    pub monotonic_ns: u64,
    /// The real time then, in nanoseconds since 1970, as far as the source knows.
    pub wall_ns: u64,
    /// How wrong that may be, either way, in nanoseconds.
    pub error_ns: u64,
}

/// Who knows the time and how wrong it may be: the kernel (`KernelSource`, feature `kernel`), a receiver of
/// a time signal, a simulator.
pub trait TimeSource {
    /// A monotonic clock, in nanoseconds, that goes on while the machine sleeps.
    ///
    /// # Errors
    /// [`IntervalError::Unavailable`].
    fn monotonic_ns(&self) -> Result<u64, IntervalError>;

    /// The real time and its error.
    ///
    /// # Errors
    /// [`IntervalError::Unsynchronised`] where no error can be promised, and whatever else keeps it from an answer.
    fn sample(&self) -> Result<Sample, IntervalError>;
}

impl<T: TimeSource + ?Sized> TimeSource for alloc::sync::Arc<T> {
    fn monotonic_ns(&self) -> Result<u64, IntervalError> {
        (**self).monotonic_ns()
    }

    fn sample(&self) -> Result<Sample, IntervalError> {
        (**self).sample()
    }
}
