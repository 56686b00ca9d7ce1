//! Steps of the wall clock, seen against the monotonic one.

use super::HlcPolicy;
use crate::sync::{AtomicU64, Ordering};
use crate::wall::UnixMillis;
use synod_core::Time;

/// A step of the wall clock: somebody set it, or the machine slept, or was moved to another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Jump {
    /// It went ahead of the time that passed.
    Forward {
        /// By how much.
        by_ms: u64,
    },
    /// It fell behind the time that passed.
    Backward {
        /// By how much.
        by_ms: u64,
    },
}

/// Compares how far the wall clock went with how far the monotonic clock did, from one look to the next.
///
/// Nobody is told that a jump happened unless somebody looks; a [`WatchedClock`](crate::WatchedClock) does so by itself. Look each time a bound is persisted, or ten times a second. Slewing by a
/// time daemon stays below any sensible limit between two looks. Each jump is reported once, to whichever thread looks first.
///
/// ```
/// use synod_clocks::{HlcPolicy, Jump, JumpDetector, UnixMillis};
/// use synod_core::Time;
/// let detector = JumpDetector::new(&HlcPolicy::default());
/// let look = |wall_ms, monotonic_ms: u64| {
///     detector.look(UnixMillis::new(wall_ms).unwrap(), Time(monotonic_ms * 1_000_000))
/// };
/// assert_eq!(look(1_000_000, 5_000), None);             // the first look
/// assert_eq!(look(1_060_000, 65_000), None);            // a minute of both
/// assert_eq!(look(1_059_900, 65_100), Some(Jump::Backward { by_ms: 200 }));
/// assert_eq!(look(1_060_000, 65_200), None);            // reported once
/// ```
#[derive(Debug)]
pub struct JumpDetector {
    /// The wall clock's lead over the monotonic one at the last look, in milliseconds, shifted so that it is positive.
    lead: AtomicU64,
    forward_ms_min: u64,
    backward_ms_min: u64,
}

/// Leads lie around here: more than 2⁴⁸ ms of wall clock, more than 2⁶⁴ ns of the monotonic one.
const SHIFT: u64 = 1 << 62;
/// No look yet: no lead is that small.
const NEVER: u64 = 0;

impl JumpDetector {
    /// A detector with the limits of the policy.
    #[must_use]
    pub fn new(policy: &HlcPolicy) -> Self {
        Self {
            lead: AtomicU64::new(NEVER),
            forward_ms_min: policy.forward_jump_ms_min,
            backward_ms_min: policy.backward_jump_ms_min,
        }
    }

    /// Compares this moment with that of the last look. The monotonic clock must be the same from look to look.
    pub fn look(&self, wall: UnixMillis, monotonic: Time) -> Option<Jump> {
        let lead = (SHIFT + wall.get()).saturating_sub(monotonic.0 / 1_000_000);
        // A swap makes a chain of looks: each pair of neighbours is compared by exactly one thread.
        let last = self.lead.swap(lead, Ordering::Relaxed);
        if last == NEVER {
            return None;
        }
        let (ahead, behind) = (lead.saturating_sub(last), last.saturating_sub(lead));
        if ahead > 0 && ahead >= self.forward_ms_min {
            Some(Jump::Forward { by_ms: ahead })
        } else if behind > 0 && behind >= self.backward_ms_min {
            Some(Jump::Backward { by_ms: behind })
        } else {
            None
        }
    }
}
