//! When: monotonic time for protocols, and an interval of wall-clock time for those who may use it.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

/// A moment on a node's monotonic clock, in nanoseconds.
///
/// The origin is chosen by the driver at each start of the process: a `Time` means nothing after a restart and
/// nothing on another node, so it never belongs in a message or a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Time(pub u64);

impl Time {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);
    /// Later than every moment that a run reaches (584 years).
    pub const MAX: Self = Self(u64::MAX);

    /// The time from `earlier` to `self`, or zero where `earlier` is the later of the two.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    /// Saturates at [`Time::MAX`].
    fn add(self, span: Duration) -> Self {
        let whole = span.as_secs().saturating_mul(1_000_000_000);
        Self(self.0.saturating_add(whole).saturating_add(u64::from(span.subsec_nanos())))
    }
}

impl Sub for Time {
    type Output = Duration;

    /// Saturates at zero.
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        write!(f, "{seconds}.{:06}s", rest / 1_000)
    }
}

/// An interval that is known to hold the true wall-clock time, in nanoseconds since 1970-01-01 UTC.
///
/// A driver that cannot bound its clock's error gives none ([`Context::wall`](crate::Context::wall) is `None`),
/// and a protocol that needs one must then refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WallInterval {
    /// The true time is not before this.
    pub earliest: u64,
    /// The true time is not after this.
    pub latest: u64,
}
