//! The one clock of the explorer: how long a search has taken so far. It can end a search early; it decides nothing else.

use core::time::Duration;
use std::time::Instant;

#[derive(Clone, Copy, Debug)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
