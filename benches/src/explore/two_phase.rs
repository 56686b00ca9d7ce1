//! Two-phase commit as Gray and Lamport specify it ("Consensus on Transaction Commit", 2006, section 3 and the TLA+ module
//! `TwoPhase`), in one word a state.

use synod_sim::explore::{Model, Print, Successors};

/// The model for some resource managers, at most 12.
///
/// The network is a set of messages that grows; a message is read as often as one likes. With 3 to 8 managers there are 288, 1,568,
/// 8,832, 50,816, 296,448 and 1,745,408 states: TLC and stateright count the same.
///
/// ```
/// use synod_benches::explore::TwoPhase;
/// use synod_sim::explore::Explorer;
///
/// let found = Explorer::new(&TwoPhase::of(3)).run();
/// assert!(found.holds());
/// assert_eq!(found.extent.unique, 288);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TwoPhase {
    managers: u32,
    hasty: bool,
}

/// What can happen; `rm` is a resource manager, from 0 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the specification")]
pub enum Act {
    TmRcvPrepared { rm: u32 },
    TmCommit,
    TmAbort,
    RmPrepare { rm: u32 },
    RmChooseToAbort { rm: u32 },
    RmRcvCommit { rm: u32 },
    RmRcvAbort { rm: u32 },
}

/// The states of the transaction manager.
const INIT: u64 = 0;
const COMMITTED: u64 = 1;
const ABORTED: u64 = 2;

/// Where the parts lie: a resource manager is 0 while it works, and else has one bit set for each way on.
const PREPARED_AT: u32 = 0;
const COMMITTED_AT: u32 = 12;
const ABORTED_AT: u32 = 24;
/// Which managers the transaction manager knows to be prepared.
const KNOWN_AT: u32 = 36;
/// Which managers have ever said that they are prepared.
const SAID_AT: u32 = 48;
/// The transaction manager. Its decision and the message that spreads it appear together, so it stands for both.
const TM_AT: u32 = 60;

impl TwoPhase {
    /// With this many resource managers.
    #[must_use]
    pub fn of(managers: u32) -> Self {
        Self { managers: managers.min(12), hasty: false }
    }

    /// A transaction manager that commits as soon as one manager is prepared: wrong on purpose.
    #[must_use]
    pub const fn hasty(self) -> Self {
        Self { hasty: true, ..self }
    }

    const fn all(self) -> u64 {
        (1 << self.managers) - 1
    }
}

const fn field(state: u64, at: u32) -> u64 {
    state >> at & 0xfff
}

impl Model for TwoPhase {
    type State = u64;
    type Action = Act;

    fn initial(&self) -> Vec<u64> {
        vec![0]
    }

    #[inline]
    fn next<S: Successors<Self>>(&self, state: &u64, each: &mut S) {
        let state = *state;
        let tm = state >> TM_AT;
        if tm == INIT {
            let known = field(state, KNOWN_AT);
            if known == self.all() || (self.hasty && known != 0) {
                each.offer(|| Act::TmCommit, &(state | COMMITTED << TM_AT));
            }
            each.offer(|| Act::TmAbort, &(state | ABORTED << TM_AT));
        }
        for rm in 0..self.managers {
            let bit = |at: u32| 1_u64 << (at + rm);
            let away = bit(PREPARED_AT) | bit(COMMITTED_AT) | bit(ABORTED_AT);
            if tm == INIT && state & bit(SAID_AT) != 0 {
                each.offer(|| Act::TmRcvPrepared { rm }, &(state | bit(KNOWN_AT)));
            }
            if state & away == 0 {
                each.offer(|| Act::RmPrepare { rm }, &(state | bit(PREPARED_AT) | bit(SAID_AT)));
                each.offer(|| Act::RmChooseToAbort { rm }, &(state | bit(ABORTED_AT)));
            }
            if tm == COMMITTED {
                each.offer(|| Act::RmRcvCommit { rm }, &(state & !away | bit(COMMITTED_AT)));
            }
            if tm == ABORTED {
                each.offer(|| Act::RmRcvAbort { rm }, &(state & !away | bit(ABORTED_AT)));
            }
        }
    }

    fn check(&self, state: &u64) -> Result<(), String> {
        if field(*state, COMMITTED_AT) != 0 && field(*state, ABORTED_AT) != 0 {
            return Err("one manager has committed and another has aborted".to_owned());
        }
        Ok(())
    }

    #[inline]
    fn print(&self, state: &u64) -> Print {
        Print::of_word(*state)
    }

    fn pack(&self, state: &u64, bytes: &mut Vec<u8>) -> bool {
        bytes.extend_from_slice(&state.to_le_bytes());
        true
    }

    fn unpack(&self, bytes: &[u8], into: &mut u64) -> bool {
        bytes.first_chunk().is_some_and(|bytes| {
            *into = u64::from_le_bytes(*bytes);
            true
        })
    }
}
