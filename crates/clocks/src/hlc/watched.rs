//! A wall clock that reports its jumps to whoever is to know, without being asked.

use super::{HlcPolicy, Jump, JumpDetector};
use crate::sync::{AtomicU64, Ordering};
use crate::wall::{UnixMillis, WallClock, WallError};
use synod_core::Time;

/// A wall clock whose jumps are reported while it is read: give it to an [`Hlc`](crate::Hlc), and no thread need
/// [look](crate::Hlc::look_for_jump).
///
/// Whenever the time that is read differs by 10 ms or more from that of the last look, or is behind it, the monotonic clock is read too and a
/// [`JumpDetector`] asked; other readings cost one load more. So a jump is noticed within 10 ms of readings, and a clock that
/// nobody reads notices nothing before somebody does. The thread that reads calls `report`, once for each jump: note it and return. A look
/// during which the thread stood still for 10 ms is thrown away, or it would take the pause for a jump.
///
/// A monotonic clock that stops while the machine sleeps, such as `Instant` on Linux, makes a jump of each sleep.
///
/// ```
/// use std::sync::Mutex;
/// use synod_clocks::{Hlc, HlcPolicy, Jump, SetClock, UnixMillis, WallClock, WatchedClock};
/// use synod_core::Time;
///
/// let shown = SetClock::new(UnixMillis::new(1_000_000)?);          // or `SystemClock`
/// let wall = || shown.unix_millis();
/// let monotonic = || Time(0);                                      // or `move || Time(begun.elapsed().as_nanos() as u64)`
/// let jumps = Mutex::new(Vec::new());                              // or a metric, a log, a channel
/// let policy = HlcPolicy::default();
/// let watched = WatchedClock::new(wall, monotonic, &policy, |jump| jumps.lock().unwrap().push(jump));
///
/// let clock = Hlc::volatile(watched, policy);
/// clock.now()?;
/// shown.set(UnixMillis::new(940_000)?);                            // somebody sets the clock back by a minute
/// clock.now()?;
/// assert_eq!(*jumps.lock().unwrap(), [Jump::Backward { by_ms: 60_000 }]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct WatchedClock<W, M, F> {
    wall: W,
    monotonic: M,
    report: F,
    jumps: JumpDetector,
    /// The wall clock's milliseconds at the last look.
    looked_at: AtomicU64,
    /// One while somebody looks. Two looks that overtake each other would report one jump as three.
    looking: AtomicU64,
}

/// How often it looks, and how long a look may take.
const LOOK_MS: u64 = 10;

impl<W: WallClock, M: Fn() -> Time, F: Fn(Jump)> WatchedClock<W, M, F> {
    /// Watches a wall clock beside a monotonic one. What a jump is, the policy says.
    pub fn new(wall: W, monotonic: M, policy: &HlcPolicy, report: F) -> Self {
        let jumps = JumpDetector::new(policy);
        // No time is that late: the first reading looks.
        let looked_at = AtomicU64::new(u64::MAX);
        Self { wall, monotonic, report, jumps, looked_at, looking: AtomicU64::new(0) }
    }

    #[cold]
    fn look(&self) {
        if self.looking.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return;
        }
        let jump = self.jump();
        self.looking.store(0, Ordering::Release);
        if let Some(jump) = jump {
            (self.report)(jump);
        }
    }

    fn jump(&self) -> Option<Jump> {
        let begun = (self.monotonic)();
        let wall = self.wall.unix_millis().ok()?;
        let took_ns = (self.monotonic)().0.saturating_sub(begun.0);
        if took_ns >= LOOK_MS * 1_000_000 {
            return None; // the next reading looks again
        }
        self.looked_at.store(wall.get(), Ordering::Relaxed);
        self.jumps.look(wall, begun)
    }
}

impl<W: WallClock, M: Fn() -> Time, F: Fn(Jump)> WallClock for WatchedClock<W, M, F> {
    #[inline]
    fn unix_millis(&self) -> Result<UnixMillis, WallError> {
        let wall = self.wall.unix_millis()?;
        // A step back makes a large difference too.
        if wall.get().wrapping_sub(self.looked_at.load(Ordering::Relaxed)) >= LOOK_MS {
            self.look();
        }
        Ok(wall)
    }
}
