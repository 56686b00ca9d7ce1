//! The judge of the judge: accepts or refuses an order of operations, without any search.
//!
//! This module shares no code with the search. It uses only the history and [`Model::initial`], [`Model::key`] and
//! [`Model::step`]; it never looks at footprints.

use std::collections::BTreeMap;

use crate::history::{Completion, History, OpId};
use crate::model::Model;

/// Why an order of operations proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// Nothing to judge.
    #[error("the history has no answered operation: an empty order proves nothing")]
    Empty,
    /// The order names an operation that does not exist.
    #[error("operation {0} is not in the history: verify against the history that was checked")]
    NoSuchOperation(OpId),
    /// An operation is in the order twice.
    #[error("operation {0} takes effect twice")]
    Twice(OpId),
    /// An answered operation is missing.
    #[error("operation {0} was answered but is not in the order")]
    Missing(OpId),
    /// An operation that certainly had no effect is in the order.
    #[error("operation {0} failed without effect but is in the order")]
    Failed(OpId),
    /// The order contradicts real time.
    #[error("operation {late} was answered before {early} was called, but comes behind it")]
    RealTime {
        /// Comes first in the order.
        early: OpId,
        /// Comes later in the order, though it was over before.
        late: OpId,
    },
    /// The model does not allow the operation at its place.
    #[error("the model does not allow operation {0} at its place in the order")]
    Refused(OpId),
    /// Operations that may touch the same thing are in two orders.
    #[error("operation {0} touches a part that another order touches too: put both into one order")]
    Split(OpId),
}

/// Accepts `orders`, one per partition, exactly if together they prove that `history` is linearizable.
///
/// Takes O(n log n) time and n steps of the model for n operations.
///
/// # Errors
/// The first [`Flaw`] found.
///
/// ```
/// use synod_consistency_checker::{Budget, Flaw, History, Register, RegisterCall, RegisterReturn, check, verify};
///
/// # fn main() -> Result<(), synod_consistency_checker::HistoryError> {
/// let mut history = History::new();
/// let write = history.invoke(0, RegisterCall::Write(1));
/// let read = history.invoke(1, RegisterCall::Read);
/// history.ok(read, RegisterReturn::Value(Some(1)))?;
/// history.ok(write, RegisterReturn::Done)?;
///
/// let model = Register::new();
/// let report = check(&model, &history, &Budget::default());
/// assert_eq!(verify(&model, &history, &report.certificate()), Ok(()));
/// assert_eq!(verify(&model, &history, &[&[read, write]]), Err(Flaw::Refused(read)));
/// # Ok(())
/// # }
/// ```
pub fn verify<M: Model, O: AsRef<[OpId]>>(
    model: &M,
    history: &History<M::Call, M::Return>,
    orders: &[O],
) -> Result<(), Flaw> {
    #[cfg(synod_mutants)]
    synod_core::mutant!("verifier-content-with-everything" => return Ok(()));
    let mut seen = vec![false; history.len()];
    let mut owner: BTreeMap<Option<M::Key>, usize> = BTreeMap::new();
    for (number, order) in orders.iter().enumerate() {
        for op in order.as_ref() {
            let operation = history.get(*op).ok_or(Flaw::NoSuchOperation(*op))?;
            if core::mem::replace(&mut seen[op.index()], true) {
                return Err(Flaw::Twice(*op));
            }
            let key = model.key(operation.call());
            if *owner.entry(key).or_insert(number) != number {
                return Err(Flaw::Split(*op));
            }
        }
        real_time(history, order.as_ref())?;
        legal(model, history, order.as_ref())?;
    }
    // A call without a key may touch everything, so it must share its order with all others.
    if owner.contains_key(&None) && owner.values().any(|number| Some(number) != owner.get(&None)) {
        return Err(Flaw::Split(orders.iter().flat_map(AsRef::as_ref).copied().next().unwrap_or(OpId(0))));
    }
    let mut answered = history.iter().filter(|(_, op)| match op.completion() {
        Completion::Ok(_) | Completion::Fail(Some(_)) => true,
        Completion::Fail(None) | Completion::Unknown => false,
    });
    let first = answered.next().ok_or(Flaw::Empty)?;
    match core::iter::once(first).chain(answered).find(|(op, _)| !seen[op.index()]) {
        Some((op, _)) => Err(Flaw::Missing(op)),
        None => Ok(()),
    }
}

/// No operation may come behind one that was called after it had been answered.
fn real_time<C, R>(history: &History<C, R>, order: &[OpId]) -> Result<(), Flaw> {
    let mut earliest_answer: Option<(usize, OpId)> = None;
    for early in order.iter().rev() {
        let operation = history.get(*early).ok_or(Flaw::NoSuchOperation(*early))?;
        if let Some((answered, late)) = earliest_answer
            && answered < operation.called()
        {
            return Err(Flaw::RealTime { early: *early, late });
        }
        if let Some(answered) = operation.returned()
            && earliest_answer.is_none_or(|(earliest, _)| answered < earliest)
        {
            earliest_answer = Some((answered, *early));
        }
    }
    Ok(())
}

/// Each operation must be possible where it stands; one that failed must leave the state as it was.
fn legal<M: Model>(model: &M, history: &History<M::Call, M::Return>, order: &[OpId]) -> Result<(), Flaw> {
    let mut state = model.initial();
    for op in order {
        let operation = history.get(*op).ok_or(Flaw::NoSuchOperation(*op))?;
        let (returned, may_change) = match operation.completion() {
            Completion::Ok(returned) => (Some(returned), true),
            Completion::Fail(Some(returned)) => (Some(returned), false),
            Completion::Fail(None) => return Err(Flaw::Failed(*op)),
            Completion::Unknown => (None, true),
        };
        let next = model.step(&state, operation.call(), returned).ok_or(Flaw::Refused(*op))?;
        if !may_change && next != state {
            return Err(Flaw::Refused(*op));
        }
        state = next;
    }
    Ok(())
}
