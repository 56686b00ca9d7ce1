//! The Linux kernel as a source: its coarse clock, and its own bound on the error of its clock.

mod adjtime;

use crate::interval::{IntervalError, Sample, TimeSource};
use crate::wall::{UnixMillis, WallClock, WallError};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// The kernel's real-time clock as of its last tick (`CLOCK_REALTIME_COARSE`): 1 to 10 ms old, several times quicker to read than
/// `SystemClock`, and therefore what a [hybrid clock](crate::Hlc) reads best.
#[derive(Clone, Copy, Debug, Default)]
pub struct CoarseClock;

impl WallClock for CoarseClock {
    #[inline]
    fn unix_millis(&self) -> Result<UnixMillis, WallError> {
        let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::RealtimeCoarse);
        let seconds = u64::try_from(tv_sec).map_err(|_| WallError::BeforeEpoch)?;
        let millis = u64::try_from(tv_nsec).unwrap_or(0) / 1_000_000;
        UnixMillis::new(seconds.saturating_mul(1_000).saturating_add(millis))
    }
}

/// The kernel's real-time clock with the kernel's own bound on its error (`ntp_adjtime`): what chrony, ntpd or PTP tell it, growing by
/// 500 ppm since they last did. About 1 µs for each sample.
///
/// It gives no sample while the kernel says that its clock is not synchronised. From two hours before a midnight (UTC) at which a leap second
/// is announced to two hours after it, the error is a second more: see [leap seconds](crate::IntervalClock#leap-seconds). Time between samples is counted by `CLOCK_BOOTTIME`, which goes on while the machine sleeps. It does not
/// notice that a hypervisor stopped the whole machine: refresh soon after anything like that.
#[derive(Clone, Copy, Debug, Default)]
pub struct KernelSource;

const SECOND_NS: u64 = 1_000_000_000;
const DAY_NS: u64 = 86_400 * SECOND_NS;
/// A sample serves for an hour at most, and the clock is wrong by seconds at most.
const LEAP_NEAR_NS: u64 = 7_200 * SECOND_NS;

impl TimeSource for KernelSource {
    #[inline]
    fn monotonic_ns(&self) -> Result<u64, IntervalError> {
        nanos(clock_gettime(ClockId::Boottime)).ok_or(IntervalError::Unavailable)
    }

    fn sample(&self) -> Result<Sample, IntervalError> {
        // The wall clock was read somewhere in between: what that takes is part of the error.
        let monotonic_ns = self.monotonic_ns()?;
        let reading = adjtime::read().ok_or(IntervalError::Unavailable)?;
        let took_ns = self.monotonic_ns()?.saturating_sub(monotonic_ns);
        if !reading.synchronised {
            return Err(IntervalError::Unsynchronised);
        }
        let wall_ns = reading.wall_ns.ok_or(IntervalError::OutOfRange)?;
        let leap_ns = if reading.leaping && is_near_midnight(wall_ns) { SECOND_NS } else { 0 };
        let error_ns = reading.error_ns.saturating_add(took_ns).saturating_add(leap_ns);
        Ok(Sample { monotonic_ns, wall_ns, error_ns })
    }
}

/// Whether a sample that is taken now may serve while a day (UTC) ends, at which moment alone the kernel inserts or leaves out a second. It is
/// announced up to a day before, and the announcement may stand long afterwards.
const fn is_near_midnight(wall_ns: u64) -> bool {
    let of_day_ns = wall_ns % DAY_NS;
    of_day_ns < LEAP_NEAR_NS || of_day_ns >= DAY_NS - LEAP_NEAR_NS
}

fn nanos(at: Timespec) -> Option<u64> {
    u64::try_from(at.tv_sec).ok()?.checked_mul(SECOND_NS)?.checked_add(u64::try_from(at.tv_nsec).ok()?)
}

#[cfg(test)]
mod tests {
    use super::{DAY_NS, SECOND_NS, is_near_midnight};

    #[test]
    fn a_leap_second_is_near_for_two_hours_on_either_side_of_midnight() {
        // The last one so far: the end of 2016.
        let midnight = 1_483_228_800 * SECOND_NS;
        let two_hours = 7_200 * SECOND_NS;
        let near = [midnight - two_hours, midnight - 1, midnight, midnight + two_hours - 1];
        assert_eq!(near.map(is_near_midnight), [true; 4]);
        let far = [midnight - two_hours - 1, midnight + two_hours, midnight + DAY_NS / 2];
        assert_eq!(far.map(is_near_midnight), [false; 3]);
    }
}
