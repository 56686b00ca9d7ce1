//! A node's own clock, which is neither right nor steady.

use core::time::Duration;
use synod_core::Time;

use crate::dials::{Dials, nanos};
use crate::tape::{Kind, Label, Tape};

/// No clock runs backward, or twice as fast as it should: drifts are below a million in a million.
pub(crate) const DRIFT_PPM_MAX: i64 = 999_999;

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
        let drift = drift.min(DRIFT_PPM_MAX.unsigned_abs());
        let fixed = dials.drifts_ppm.get(&synod_core::NodeId(at + 1));
        let fixed = fixed.map(|drift| (*drift).clamp(-DRIFT_PPM_MAX, DRIFT_PPM_MAX));
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
        let drift = ((now / 1_000_000) as i64).saturating_mul(self.drift_ppm);
        Time(self.offset.saturating_add(now.saturating_add_signed(drift)))
    }

    /// How much virtual time passes while the clock counts `span`.
    pub(crate) fn wait(self, span: Duration) -> u64 {
        let span = nanos(span);
        let drift = ((span / 1_000_000) as i64).saturating_mul(self.drift_ppm);
        span.saturating_add_signed(drift.saturating_neg())
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

    #[test]
    fn the_end_of_time_is_the_last_moment_of_every_clock() {
        for drift_ppm in [-DRIFT_PPM_MAX, -1, 0, 1, DRIFT_PPM_MAX] {
            let clock = Clock { offset: u64::MAX / 2, drift_ppm };
            assert!(clock.show(u64::MAX) >= clock.show(u64::MAX / 2), "{drift_ppm}");
            assert!(clock.wait(Duration::MAX) >= clock.wait(Duration::from_secs(1)), "{drift_ppm}");
        }
    }

    #[test]
    fn a_dial_turned_too_far_is_turned_as_far_as_clocks_go() {
        let mut dials = Dials { drift_ppm_max: u32::MAX, ..Dials::calm() };
        dials.drifts_ppm.insert(synod_core::NodeId(1), i64::MIN);
        dials.drifts_ppm.insert(synod_core::NodeId(2), i64::MAX);
        let drifts = [0, 1, 2].map(|at| Clock::draw(at, &dials, &mut Tape::from_seed(at)).drift_ppm);
        assert_eq!(drifts[..2], [-DRIFT_PPM_MAX, DRIFT_PPM_MAX]);
        assert!(drifts[2].abs() <= DRIFT_PPM_MAX);
    }
}
