//! The machine's own clock, for programs. Nothing in this workspace's protocols reads it: time is an input to them.

use crate::wall::{UnixMillis, WallClock, WallError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The system's real-time clock, to the millisecond.
///
/// Reading it takes about as long as three stamps of a hybrid clock. On Linux, `CoarseClock` (feature `kernel`)
/// is several times quicker; elsewhere a [`SetClock`](crate::SetClock) and a ticker are.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn unix_millis(&self) -> Result<UnixMillis, WallError> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| WallError::BeforeEpoch)?;
        u64::try_from(since.as_millis()).map_or(Err(WallError::AfterRollOver), UnixMillis::new)
    }
}
