//! The wall clock as an input: what a hybrid clock reads, and what stands in for it in tests.

use crate::sync::{AtomicU64, Ordering};
use core::fmt;

/// A moment of real time: milliseconds since 1970-01-01 00:00 UTC, without leap seconds, in 48 bits: enough until August of the year
/// 10889.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// The beginning of 1970.
    pub const EPOCH: Self = Self(0);
    /// The last moment that 48 bits can name.
    pub const MAX: Self = Self((1 << 48) - 1);

    /// That many milliseconds after the beginning of 1970.
    ///
    /// # Errors
    /// [`WallError::AfterRollOver`] where 48 bits do not suffice.
    pub const fn new(millis: u64) -> Result<Self, WallError> {
        if millis > Self::MAX.0 { Err(WallError::AfterRollOver) } else { Ok(Self(millis)) }
    }

    /// As a plain number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Later by so many milliseconds, at most [`MAX`](Self::MAX).
    #[must_use]
    pub const fn saturating_add(self, millis: u64) -> Self {
        match Self::new(self.0.saturating_add(millis)) {
            Ok(later) => later,
            Err(_) => Self::MAX,
        }
    }

    /// The first 48 bits of a word.
    pub(crate) const fn of_word(word: u64) -> Self {
        Self(word >> 16)
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for UnixMillis {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Why a wall clock has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum WallError {
    /// The clock stands before 1970.
    #[error("the wall clock stands before 1970: set it, it was probably reset by a dead battery")]
    BeforeEpoch,
    /// The clock stands after the last moment that 48 bits of milliseconds can name.
    #[error("the wall clock stands after August 10889, where 48 bits of milliseconds end: set it")]
    AfterRollOver,
    /// The operating system has no answer.
    #[error("the operating system does not tell the time: the host may lack this clock, or forbid it")]
    Unavailable,
}

/// Whoever tells what time it is.
///
/// Any closure that returns the time is one, so that a simulator's clock needs no type: `|| Ok(node.time())`. It may go backwards, jump
/// and fail: a [hybrid clock](crate::Hlc) lives with that. It is asked from several threads at once.
pub trait WallClock {
    /// The time.
    ///
    /// # Errors
    /// Where the time has no number or is not known.
    fn unix_millis(&self) -> Result<UnixMillis, WallError>;
}

impl<F: Fn() -> Result<UnixMillis, WallError>> WallClock for F {
    #[inline]
    fn unix_millis(&self) -> Result<UnixMillis, WallError> {
        self()
    }
}

/// A clock that shows what it was last set to: for tests, and, set by a ticker, as the cheapest clock there is.
///
/// Reading costs one load. A program that wants that sets it every millisecond or so from a `SystemClock`; what
/// a reader sees is as old as the ticker is slow.
///
/// ```
/// use synod_clocks::{SetClock, UnixMillis, WallClock, WallError};
/// let clock = SetClock::new(UnixMillis::new(1_000)?);
/// clock.set(UnixMillis::new(900)?);                     // clocks do go backwards
/// assert_eq!(clock.unix_millis()?.get(), 900);
/// clock.fail(WallError::BeforeEpoch);
/// assert_eq!(clock.unix_millis(), Err(WallError::BeforeEpoch));
/// # Ok::<(), WallError>(())
/// ```
#[derive(Debug)]
pub struct SetClock {
    /// Milliseconds, or one of the codes below, which no time can be.
    shown: AtomicU64,
}

const BEFORE_EPOCH: u64 = u64::MAX;
const AFTER_ROLL_OVER: u64 = u64::MAX - 1;
const UNAVAILABLE: u64 = u64::MAX - 2;

impl SetClock {
    /// A clock that shows this.
    #[must_use]
    pub fn new(at: UnixMillis) -> Self {
        Self { shown: AtomicU64::new(at.0) }
    }

    /// Shows this from now on.
    pub fn set(&self, at: UnixMillis) {
        self.shown.store(at.0, Ordering::Relaxed);
    }

    /// Shows an error from now on.
    pub fn fail(&self, error: WallError) {
        let code = match error {
            WallError::BeforeEpoch => BEFORE_EPOCH,
            WallError::AfterRollOver => AFTER_ROLL_OVER,
            WallError::Unavailable => UNAVAILABLE,
        };
        self.shown.store(code, Ordering::Relaxed);
    }

    /// Shows what another clock says now. What a ticker calls.
    ///
    /// # Errors
    /// The other's, which this clock shows as well.
    pub fn copy(&self, other: &impl WallClock) -> Result<UnixMillis, WallError> {
        let read = other.unix_millis();
        match read {
            Ok(at) => self.set(at),
            Err(error) => self.fail(error),
        }
        read
    }
}

impl WallClock for SetClock {
    #[inline]
    fn unix_millis(&self) -> Result<UnixMillis, WallError> {
        match self.shown.load(Ordering::Relaxed) {
            shown if shown <= UnixMillis::MAX.0 => Ok(UnixMillis(shown)),
            BEFORE_EPOCH => Err(WallError::BeforeEpoch),
            AFTER_ROLL_OVER => Err(WallError::AfterRollOver),
            _ => Err(WallError::Unavailable),
        }
    }
}
