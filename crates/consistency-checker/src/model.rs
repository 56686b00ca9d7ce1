//! What an object is supposed to do: the sequential specification that a history is judged against.

use core::fmt::Debug;
use core::hash::Hash;

use crate::history::Completion;

pub(crate) mod kv;
pub(crate) mod register;
pub(crate) mod text;

/// A sequential specification: what one client alone, calling one operation after another, would see.
///
/// A model is *deterministic*: from a state, a call with a given answer leads to at most one next state. An object whose
/// next state is not fixed is written with a state that is the set of possible states.
///
/// Only [`initial`](Self::initial) and [`step`](Self::step) are needed. The other methods make the search faster
/// ([`key`](Self::key), [`footprint`](Self::footprint)), its memory accounting better
/// ([`state_bytes`](Self::state_bytes)) or its reports easier to read.
///
/// ```
/// use synod_consistency_checker::{Budget, History, Model, check};
///
/// /// A counter: `None` adds one, `Some(())` reads.
/// struct Counter;
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// enum Call { Add, Get }
///
/// impl Model for Counter {
///     type State = u64;
///     type Call = Call;
///     type Return = u64;
///     type Key = ();
///
///     fn initial(&self) -> u64 { 0 }
///
///     fn step(&self, state: &u64, call: &Call, returned: Option<&u64>) -> Option<u64> {
///         match (call, returned) {
///             (Call::Add, _) => Some(state + 1),
///             (Call::Get, Some(seen)) if seen != state => None,
///             (Call::Get, _) => Some(*state),
///         }
///     }
/// }
///
/// # fn main() -> Result<(), synod_consistency_checker::HistoryError> {
/// let mut history = History::new();
/// let add = history.invoke(0, Call::Add);
/// let get = history.invoke(1, Call::Get);
/// history.ok(get, 1)?;
/// history.unknown(add)?; // the answer was lost, yet somebody saw the effect
/// assert!(check(&Counter, &history, &Budget::default()).is_linearizable());
/// # Ok(())
/// # }
/// ```
pub trait Model {
    /// The state of the object (or of one partition of it, when every call has a [`key`](Self::key)).
    ///
    /// Each distinct state is kept once for the length of a check, so it need not be small, but it should be quick to
    /// hash and compare.
    type State: Clone + Eq + Hash + Debug;
    /// What a client asks for.
    type Call: Clone + Eq + Hash + Debug;
    /// What a client is told.
    type Return: Clone + Eq + Hash + Debug;
    /// Names an independent part of the object, such as one key of a store. Use `()` where there is none.
    type Key: Clone + Ord + Debug;

    /// The state before the first operation.
    fn initial(&self) -> Self::State;

    /// The state after `call`, or `None` where `call` cannot have been answered with `returned` in `state`.
    ///
    /// `returned` is `None` when nobody knows the answer: the call crashed. The step then says what the call does if it
    /// happens; whether it happens at all is decided by the search.
    fn step(
        &self,
        state: &Self::State,
        call: &Self::Call,
        returned: Option<&Self::Return>,
    ) -> Option<Self::State>;

    /// The independent part of the object that `call` touches, or `None` where it may touch everything.
    ///
    /// If every call of a history names a part, the parts are judged one by one: a history is linearizable exactly when
    /// each part is (Herlihy & Wing 1990, locality; used for search by Horn & Kroening 2015). One call without a key
    /// puts the whole history into a single partition, and then [`State`](Self::State) has to describe all of it.
    fn key(&self, call: &Self::Call) -> Option<Self::Key> {
        let _ = call;
        None
    }

    /// What `call` demands of the state and leaves behind, where this can be told without looking at a state.
    ///
    /// It must agree with [`step`](Self::step) in every state. Operations that never change the state are put into the
    /// order as soon as they are possible, so it pays to say at least [`Footprint::Observes`] of them. Where all operations of a partition have a footprint, the
    /// search knows which values are still to be seen and cuts away orders that would overwrite one of them too early.
    fn footprint(&self, call: &Self::Call, returned: Option<&Self::Return>) -> Footprint<Self::State> {
        let _ = (call, returned);
        Footprint::Opaque
    }

    /// Whether operations with the footprint [`Footprint::Grows`] alone may lead from `earlier` to `later`.
    ///
    /// `false` must be certain; `true` need not be. With it, an append in the wrong order is noticed when it is tried, and
    /// not at the next read.
    fn may_precede(&self, earlier: &Self::State, later: &Self::State) -> bool {
        let _ = (earlier, later);
        true
    }

    /// Bytes held by one state, for the memory budget.
    fn state_bytes(&self, state: &Self::State) -> usize {
        size_of_val(state)
    }

    /// One operation in words, for reports.
    fn describe(&self, call: &Self::Call, completion: &Completion<Self::Return>) -> String {
        match completion {
            Completion::Ok(returned) => format!("{call:?} -> {returned:?}"),
            Completion::Fail(Some(returned)) => format!("{call:?} failed: {returned:?}"),
            Completion::Fail(None) => format!("{call:?} failed"),
            Completion::Unknown => format!("{call:?} -> ?"),
        }
    }

    /// One state in words, for reports.
    fn describe_state(&self, state: &Self::State) -> String {
        format!("{state:?}")
    }

    /// One partition key in words, for reports.
    fn describe_key(&self, key: &Self::Key) -> String {
        format!("{key:?}")
    }
}

/// What an operation demands of the state and leaves behind, independent of the state it meets.
///
/// See [`Model::footprint`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Footprint<S> {
    /// Nothing can be said without a state; the search asks [`Model::step`].
    Opaque,
    /// The search asks [`Model::step`] whether it is possible, but it never changes a state: a read of a derived value.
    Observes,
    /// The search asks [`Model::step`]; it leaves a state that the one before it [precedes](Model::may_precede): an append.
    Grows,
    /// Possible in every state, changes nothing: a read whose answer was lost.
    Inert,
    /// Possible only in this state, changes nothing: a read.
    Reads(S),
    /// Possible in every state, leaves this one: a write.
    Writes(S),
    /// Possible only in the first state, leaves the second: a compare-and-set that took effect.
    ///
    /// For a crashed call: in every other state it changes nothing.
    Swaps(S, S),
    /// Possible in every state but this one, changes nothing: a compare-and-set that was refused.
    Avoids(S),
    /// Possible in no state: an answer that contradicts its own call.
    Impossible,
}
