//! Wall clocks: never right, known to be within a bound of it, and sometimes wrong all the same.

use crate::dials::nanos;
use crate::network::Net;
use crate::tape::{Kind, Label};
use crate::world::Simulated;
use synod_core::WallInterval;

/// When every run begins: the first moment of 2026, in nanoseconds since 1970-01-01 UTC.
pub(crate) const BEGINNING: u64 = 1_767_225_600_000_000_000;

/// A clock is corrected every 2^30 ns, about a second, and drifts from one error to the next meanwhile.
const CORRECTED_EVERY: u32 = 30;

/// An hour: how far a clock jumps at most.
pub(crate) const JUMP_MAX: u64 = 3_600_000_000_000;

/// What a [strike](crate::Strike)'s detail says of a jump: half as many nanoseconds, forward or, if it is odd, back.
pub(crate) fn jump(detail: u64) -> i64 {
    let span = i64::try_from(detail / 2).unwrap_or(i64::MAX);
    if detail.is_multiple_of(2) { span } else { -span }
}

impl<P: Simulated> Net<P> {
    /// What the driver of the node at `at` knows of the true time, if it knows anything. Its clock has jumped by `jump` nanoseconds, of
    /// which it knows nothing.
    pub(crate) fn wall(&mut self, at: usize, jump: i64) -> Option<WallInterval> {
        let error = nanos(self.dials.wall_error_max?).min(JUMP_MAX);
        let (turn, within) = (self.now >> CORRECTED_EVERY, self.now & ((1 << CORRECTED_EVERY) - 1));
        let mut off = |turn| {
            let label = Label::new(Kind::Clock, &[at as u64, 2, turn]);
            self.tape.below(label, 2 * error + 1) as i64 - error as i64
        };
        // Between two errors, so never beyond the bound.
        let (begun, next) = (off(turn), off(turn + 1));
        let drifted = (i128::from(next - begun) * i128::from(within)) >> CORRECTED_EVERY;
        let off = begun.saturating_add(drifted as i64).saturating_add(jump);
        let shown = BEGINNING.saturating_add(self.now).saturating_add_signed(off);
        Some(WallInterval { earliest: shown.saturating_sub(error), latest: shown.saturating_add(error) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_told_by_a_number() {
        assert_eq!([0, 1, 10, 11].map(jump), [0, 0, 5, -5]);
        assert_eq!(jump(u64::MAX), -i64::MAX);
    }
}
