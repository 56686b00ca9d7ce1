//! The cached clock: a sample now and then, and the monotonic clock in between.

use super::anchor::Anchor;
use super::{Interval, IntervalError, Sample, TimeSource};
use core::time::Duration;

/// What an interval clock assumes and accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IntervalPolicy {
    /// How much the monotonic clock may run fast or slow between refreshes, in millionths of the true time, less than a million. Linux
    /// assumes 500 for the error that it reports. For each second that the clock counts the error grows by d / (1 − d) of it: a clock
    /// that runs slow by d counts one second while 1 / (1 − d) pass.
    pub drift_ppm: u32,
    /// For how long a sample serves, in nanoseconds; at most an hour is used.
    pub age_ns_max: u64,
    /// The largest error, half an interval's width, that is accepted, in nanoseconds. Near a leap second the kernel's clock is a second
    /// less certain: with less than a second here [`now`](IntervalClock::now) refuses for some hours then, and with more it answers.
    pub error_ns_max: u64,
}

impl Default for IntervalPolicy {
    /// 500 ppm, 10 s, 2 s: a leap second makes commits wait, and stops nothing.
    fn default() -> Self {
        Self { drift_ppm: 500, age_ns_max: 10_000_000_000, error_ns_max: 2_000_000_000 }
    }
}

/// Longer is never served from one sample, so that nothing overflows: 2⁴² ns · 10⁶ < 2⁶².
const AGE_NS_MAX: u64 = 3_600_000_000_000;

/// A clock that may be slow by all of this may stand still.
const MILLION: u64 = 1_000_000;

/// A clock that says how wrong it may be: `now` is an interval that contains the true time, or an error.
///
/// Asking the kernel for its error takes a microsecond, so the answer is kept: [`refresh`](Self::refresh) takes a sample, once a second or
/// so, and [`now`](Self::now) adds what the monotonic clock counted since, and what that may be wrong. Steps of the wall clock do not
/// reach it before the next refresh. No lock: a reader never waits for who refreshes.
///
/// It refuses rather than guesses: when the machine says that it is not synchronised, when nobody refreshed for too long, and when the
/// interval has become wider than the policy accepts.
///
/// # Leap seconds
/// The true time is counted as Unix time is, in which a leap second has no number of its own: one second is counted twice. Which of the two
/// a clock shows then is its own business, so `KernelSource` adds a second to the error for the two hours on either side of a midnight
/// (UTC) at which one is announced. Intervals contain the true time all the same and are two seconds wider; a commit-wait takes that much longer.
/// The default policy accepts that; one that accepts less than a second refuses meanwhile. Where time servers smear the second
/// nothing is announced, and the true time is what they agree on: all machines must then ask servers that smear alike.
///
/// ```
/// use synod_clocks::{IntervalClock, IntervalError, IntervalPolicy, SimulatedSource};
/// let source = SimulatedSource::new(1_000_000_000_000, 0);   // or `KernelSource`, with the feature `kernel`
/// let clock = IntervalClock::new(source, IntervalPolicy::default())?;
/// assert_eq!(clock.now(), Err(IntervalError::NeverRefreshed));
///
/// clock.source().synchronise(0, 2_000_000);                  // known to ±2 ms
/// clock.refresh()?;
/// let commit_at = clock.now()?.latest();                     // not before now, by any clock of the system
///
/// // Before the commit is shown to anybody, its timestamp must be in the past for everybody:
/// let wait = clock.commit_wait(commit_at)?.unwrap();
/// assert_eq!(wait.as_nanos(), 4_000_003);
/// clock.source().set_true_ns(1_000_000_000_000 + wait.as_nanos() as u64);
/// // While waiting, time has become a little less certain, so that a moment more is needed.
/// let wait = clock.commit_wait(commit_at)?.unwrap();
/// assert_eq!(wait.as_nanos(), 2_001);
/// clock.source().set_true_ns(1_000_004_010_000);
/// assert_eq!(clock.commit_wait(commit_at)?, None);
/// assert!(clock.after(commit_at)?);
///
/// clock.source().lose_synchronisation();
/// assert_eq!(clock.refresh(), Err(IntervalError::Unsynchronised));
/// assert_eq!(clock.now(), Err(IntervalError::Unsynchronised));
/// # Ok::<(), IntervalError>(())
/// ```
#[derive(Debug)]
pub struct IntervalClock<S> {
    anchor: Anchor,
    policy: IntervalPolicy,
    source: S,
}

impl<S: TimeSource> IntervalClock<S> {
    /// A clock that asks this source. [Refresh](Self::refresh) it before the first use.
    ///
    /// # Errors
    /// [`IntervalError::Drift`] where the policy allows the monotonic clock to stand still: no interval bounds that.
    pub fn new(source: S, policy: IntervalPolicy) -> Result<Self, IntervalError> {
        if u64::from(policy.drift_ppm) >= MILLION {
            return Err(IntervalError::Drift { drift_ppm: policy.drift_ppm });
        }
        let policy = IntervalPolicy { age_ns_max: policy.age_ns_max.min(AGE_NS_MAX), ..policy };
        Ok(Self { anchor: Anchor::new(), policy, source })
    }

    /// Takes a sample, and serves from it until the next. Of several threads that refresh at once, the sample of one is served.
    ///
    /// # Errors
    /// The source's, which [`now`](Self::now) gives too until a refresh succeeds.
    pub fn refresh(&self) -> Result<Interval, IntervalError> {
        let sample = self.source.sample();
        self.anchor.publish(sample);
        self.at(sample?, self.source.monotonic_ns()?)
    }

    /// An interval that contains the true time at some moment of this call.
    ///
    /// # Errors
    /// [`IntervalError::Unsynchronised`], [`IntervalError::Stale`], [`IntervalError::TooUncertain`], and what keeps the source from answering.
    #[inline]
    pub fn now(&self) -> Result<Interval, IntervalError> {
        // The sample first: the monotonic clock is not behind it then.
        let sample = self.anchor.read()?;
        self.at(sample, self.source.monotonic_ns()?)
    }

    #[inline]
    fn at(&self, sample: Sample, monotonic_ns: u64) -> Result<Interval, IntervalError> {
        let Some(age_ns) = monotonic_ns.checked_sub(sample.monotonic_ns) else {
            return Err(IntervalError::Unavailable); // a monotonic clock that is not monotonic
        };
        if age_ns > self.policy.age_ns_max {
            return Err(IntervalError::Stale { age_ns });
        }
        let error_ns = sample.error_ns.saturating_add(self.drift_ns(age_ns));
        if error_ns > self.policy.error_ns_max {
            return Err(IntervalError::TooUncertain { error_ns });
        }
        let middle = sample.wall_ns.checked_add(age_ns);
        let ends =
            middle.and_then(|middle| Some((middle.checked_sub(error_ns)?, middle.checked_add(error_ns)?)));
        ends.map_or(Err(IntervalError::OutOfRange), |(earliest, latest)| Interval::new(earliest, latest))
    }

    /// How far the true time may be from what the monotonic clock counted, rounded up. If it counts `age` at a rate of 1 ± d, between
    /// age / (1 + d) and age / (1 − d) have passed. The upper end is the farther one: age · d / (1 − d) away. Both readings are whole
    /// nanoseconds, so that almost one more may have been counted.
    #[inline]
    fn drift_ns(&self, age_ns: u64) -> u64 {
        let drift_ppm = u64::from(self.policy.drift_ppm);
        // Below a million: see `new`.
        (age_ns + 1) * drift_ppm / (MILLION - drift_ppm).max(1) + 1
    }

    /// Whether that moment has passed for certain.
    ///
    /// # Errors
    /// As [`now`](Self::now).
    pub fn after(&self, at_ns: u64) -> Result<bool, IntervalError> {
        Ok(self.now()?.earliest() > at_ns)
    }

    /// Whether that moment has not come for certain.
    ///
    /// # Errors
    /// As [`now`](Self::now).
    pub fn before(&self, at_ns: u64) -> Result<bool, IntervalError> {
        Ok(self.now()?.latest() < at_ns)
    }

    /// How long to wait at least until a commit of this timestamp may be shown: until it has passed for certain, everywhere. `None`: now.
    /// Ask again after waiting. With the timestamp `now().latest()` this makes the order of timestamps that of real time: external
    /// consistency.
    ///
    /// # Errors
    /// As [`now`](Self::now). Without an answer nothing may be shown.
    pub fn commit_wait(&self, at_ns: u64) -> Result<Option<Duration>, IntervalError> {
        let earliest = self.now()?.earliest();
        Ok((earliest <= at_ns).then(|| Duration::from_nanos((at_ns - earliest).saturating_add(1))))
    }

    /// Where it gets the time from.
    pub const fn source(&self) -> &S {
        &self.source
    }

    /// What it assumes and accepts.
    pub const fn policy(&self) -> &IntervalPolicy {
        &self.policy
    }
}
