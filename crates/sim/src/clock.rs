//! A node's own clock, which is neither right nor steady.

use core::time::Duration;
use synod_core::Time;

use crate::dials::{Dials, nanos};
use crate::tape::{Kind, Label, Tape};

/// Maps virtual time to what a node's clock shows: an offset, and a drift in parts per million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) offset: u64,
    pub(crate) drift_ppm: i64,
}

impl Clock {
    /// The clock of the `at`-th node.
    pub(crate) fn draw(at: u64, dials: &Dials, tape: &mut Tape) -> Self {
        let (skew, drift) = (nanos(dials.clock_skew_max), u64::from(dials.drift_ppm_max));
        let fixed = dials.drifts_ppm.get(&synod_core::NodeId(at + 1)).copied();
        if skew == 0 && (drift == 0 || fixed.is_some()) {
            return Self { offset: 0, drift_ppm: fixed.unwrap_or(0) };
        }
        Self {
            offset: tape.below(Label::new(Kind::Clock, &[at, 0]), skew.saturating_add(1)),
            drift_ppm: fixed.unwrap_or_else(|| {
                tape.below(Label::new(Kind::Clock, &[at, 1]), 2 * drift + 1) as i64 - drift as i64
            }),
        }
    }

    /// What the clock shows at this moment of virtual time.
    pub(crate) fn show(self, now: u64) -> Time {
        let drift = (now / 1_000_000) as i64 * self.drift_ppm;
        Time(self.offset.saturating_add(now.saturating_add_signed(drift)))
    }

    /// How much virtual time passes while the clock counts `span`.
    pub(crate) fn wait(self, span: Duration) -> u64 {
        let span = nanos(span);
        let drift = (span / 1_000_000) as i64 * self.drift_ppm;
        span.saturating_add_signed(-drift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_waits_less() {
        let clock = Clock { offset: 7, drift_ppm: 100_000 };
        assert_eq!(clock.show(10_000_000), Time(11_000_007));
        assert_eq!(clock.wait(Duration::from_millis(100)), 90_000_000);
        assert_eq!(Clock::default().wait(Duration::from_millis(100)), 100_000_000);
    }
}
