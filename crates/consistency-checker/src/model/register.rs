//! One register with read, write and compare-and-set.

use super::{Footprint, Model};
use crate::history::Completion;

/// One register that holds an integer or nothing, with read, write and compare-and-set.
///
/// ```
/// use synod_consistency_checker::{Budget, History, Register, RegisterCall, RegisterReturn, check};
///
/// # fn main() -> Result<(), synod_consistency_checker::HistoryError> {
/// let mut history = History::new();
/// let write = history.invoke(0, RegisterCall::Write(1));
/// history.ok(write, RegisterReturn::Done)?;
/// let read = history.invoke(1, RegisterCall::Read);
/// history.ok(read, RegisterReturn::Value(None))?; // stale: the write was over
///
/// let model = Register::new();
/// let report = check(&model, &history, &Budget::default());
/// assert!(report.is_violated());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Register {
    initial: Option<i64>,
}

/// What a client asks of a [`Register`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegisterCall {
    /// Read the value.
    Read,
    /// Replace the value.
    Write(i64),
    /// Replace `expected` by `new`, or refuse if the register holds something else.
    Cas {
        /// The value that the register must hold; `None` is the empty register.
        expected: Option<i64>,
        /// The value to put in its place.
        new: i64,
    },
}

/// What a [`Register`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegisterReturn {
    /// The value that a read saw; `None` is the empty register.
    Value(Option<i64>),
    /// A write or a compare-and-set took effect.
    Done,
    /// A compare-and-set was refused: the register held something else than expected.
    Mismatch,
}

impl Register {
    /// An empty register.
    #[must_use]
    pub const fn new() -> Self {
        Self { initial: None }
    }

    /// A register that holds `value` before the first operation.
    #[must_use]
    pub const fn holding(value: i64) -> Self {
        Self { initial: Some(value) }
    }
}

impl Model for Register {
    type State = Option<i64>;
    type Call = RegisterCall;
    type Return = RegisterReturn;
    type Key = ();

    fn initial(&self) -> Self::State {
        self.initial
    }

    fn step(
        &self,
        state: &Self::State,
        call: &RegisterCall,
        returned: Option<&RegisterReturn>,
    ) -> Option<Self::State> {
        match (*call, returned.copied()) {
            (RegisterCall::Read, None) => Some(*state),
            (RegisterCall::Read, Some(RegisterReturn::Value(seen))) => (seen == *state).then_some(seen),
            (RegisterCall::Write(value), None | Some(RegisterReturn::Done)) => Some(Some(value)),
            (RegisterCall::Cas { expected, new }, None) => {
                Some(if *state == expected { Some(new) } else { *state })
            }
            (RegisterCall::Cas { expected, new }, Some(RegisterReturn::Done)) => {
                (*state == expected).then_some(Some(new))
            }
            (RegisterCall::Cas { expected, .. }, Some(RegisterReturn::Mismatch)) => {
                (*state != expected).then_some(*state)
            }
            _ => None,
        }
    }

    fn footprint(&self, call: &RegisterCall, returned: Option<&RegisterReturn>) -> Footprint<Self::State> {
        match (*call, returned.copied()) {
            (RegisterCall::Read, None) => Footprint::Inert,
            (RegisterCall::Read, Some(RegisterReturn::Value(seen))) => Footprint::Reads(seen),
            (RegisterCall::Write(value), None | Some(RegisterReturn::Done)) => Footprint::Writes(Some(value)),
            (RegisterCall::Cas { expected, new }, None | Some(RegisterReturn::Done)) => {
                Footprint::Swaps(expected, Some(new))
            }
            (RegisterCall::Cas { expected, .. }, Some(RegisterReturn::Mismatch)) => {
                Footprint::Avoids(expected)
            }
            _ => Footprint::Impossible,
        }
    }

    fn describe(&self, call: &RegisterCall, completion: &Completion<RegisterReturn>) -> String {
        let call = match *call {
            RegisterCall::Read => "read".to_owned(),
            RegisterCall::Write(value) => format!("write {value}"),
            RegisterCall::Cas { expected, new } => format!("cas {} -> {new}", self.describe_state(&expected)),
        };
        let answer = match completion {
            Completion::Ok(returned) | Completion::Fail(Some(returned)) => match returned {
                RegisterReturn::Value(seen) => format!("= {}", self.describe_state(seen)),
                RegisterReturn::Done => "ok".to_owned(),
                RegisterReturn::Mismatch => "refused: mismatch".to_owned(),
            },
            Completion::Fail(None) => "failed".to_owned(),
            Completion::Unknown => "unknown".to_owned(),
        };
        format!("{call} {answer}")
    }

    fn describe_state(&self, state: &Self::State) -> String {
        state.map_or_else(|| "nil".to_owned(), |value| value.to_string())
    }
}
