//! Hybrid logical clocks: stamps that respect causes and stay close to real time (Kulkarni, Demirbas, Madappa, Avva and Leone,
//! "Logical Physical Clocks and Consistent Snapshots in Globally Distributed Databases", 2014).

mod borrowing;
mod bound;
mod clock;
mod jump;
mod stamp;
mod uuid;
mod watched;

pub use bound::Bound;
pub use clock::{Hlc, Lead, NodeHlc};
pub use jump::{Jump, JumpDetector};
pub use stamp::{HlcStamp, NodeStamp};
pub use uuid::UuidError;
pub use watched::WatchedClock;

use crate::wall::WallError;

/// What a hybrid clock puts up with.
///
/// ```
/// use synod_clocks::HlcPolicy;
/// let policy = HlcPolicy { remote_ahead_ms_max: 250, ..HlcPolicy::default() };
/// assert_eq!(policy.borrowed_ms_max, 1_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HlcPolicy {
    /// How far a remote stamp may be ahead of the wall clock, in milliseconds. One that is further ahead is refused, unless this clock has
    /// got there by other ways already; what is behind never is. `u64::MAX` believes everybody.
    pub remote_ahead_ms_max: u64,
    /// How many milliseconds may be borrowed from the future when more than 65,536 stamps are wanted in one. Beyond,
    /// [`HlcError::Exhausted`] asks the caller to wait.
    pub borrowed_ms_max: u16,
    /// From which distance on a step forward of the wall clock is reported, in milliseconds.
    pub forward_jump_ms_min: u64,
    /// From which distance on a step backward is.
    pub backward_jump_ms_min: u64,
}

impl Default for HlcPolicy {
    /// Half a second ahead, one second borrowed; jumps from a quarter of a second forward and 50 ms backward on.
    fn default() -> Self {
        Self {
            remote_ahead_ms_max: 500,
            borrowed_ms_max: 1_000,
            forward_jump_ms_min: 250,
            backward_jump_ms_min: 50,
        }
    }
}

/// Why a hybrid clock gives no stamp. None of these changes the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum HlcError {
    /// The wall clock has no answer.
    #[error(transparent)]
    Wall(#[from] WallError),
    /// All stamps up to the limit of borrowing are used.
    #[error(
        "{borrowed_ms} ms are borrowed from the future, the limit: more than 65,536 stamps per ms were taken; \
         wait for a millisecond, or take fewer"
    )]
    Exhausted {
        /// How many milliseconds are borrowed already.
        borrowed_ms: u64,
    },
    /// A remote stamp is too far ahead of the wall clock.
    #[error(
        "a stamp is {ahead_ms} ms ahead of the wall clock, where {limit_ms} are tolerated: \
         one of the two clocks is wrong; refuse the message, and look at both"
    )]
    RemoteAhead {
        /// How far it is ahead.
        ahead_ms: u64,
        /// What the policy tolerates.
        limit_ms: u64,
    },
    /// The next stamp is not below the bound that is on the disk.
    #[error("the next stamp is not below the persisted bound {bound_ms} ms: persist a higher one first")]
    BeyondBound {
        /// The bound.
        bound_ms: u64,
    },
    /// There is no later stamp.
    #[error("no stamp of 64 bits is later: a stamp from the end of time was believed, or the year is 10889")]
    RollOver,
}
