//! What clients saw: operations with a call, an answer, and the order of both.

use core::fmt;

/// Names one operation of a [`History`]: its position in the order of calls, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub(crate) usize);

impl OpId {
    /// The position in the order of calls, from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Completion<R> {
    /// It took effect, and this was the answer.
    Ok(R),
    /// It certainly did not change anything. With `Some`, the refusal is itself an observation that the model checks
    /// (a compare-and-set that was refused saw a different value); with `None` nothing was learned and the operation is
    /// left out.
    Fail(Option<R>),
    /// Nobody knows: it may have taken effect at any time after its call, or never.
    Unknown,
}

/// Where an event stood in the input and when it happened: carried for reports, never used for the verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Line of the input, from 1.
    pub line: Option<u64>,
    /// Time in nanoseconds, on whatever clock the recorder used.
    pub time_ns: Option<i64>,
}

/// One operation of a [`History`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<C, R> {
    process: u64,
    call: C,
    completion: Completion<R>,
    called: usize,
    returned: Option<usize>,
    call_mark: Mark,
    return_mark: Mark,
}

impl<C, R> Operation<C, R> {
    /// The client that made the call.
    #[must_use]
    pub const fn process(&self) -> u64 {
        self.process
    }

    /// What was asked for.
    #[must_use]
    pub const fn call(&self) -> &C {
        &self.call
    }

    /// How it ended; [`Completion::Unknown`] as long as nothing else was recorded.
    #[must_use]
    pub const fn completion(&self) -> &Completion<R> {
        &self.completion
    }

    /// Position of the call among all events of the history, from 0.
    #[must_use]
    pub const fn called(&self) -> usize {
        self.called
    }

    /// Position of the answer among all events. `None` for an operation that may still be under way: no answer, or the
    /// answer "unknown".
    #[must_use]
    pub fn returned(&self) -> Option<usize> {
        match self.completion {
            Completion::Unknown => None,
            Completion::Ok(_) | Completion::Fail(_) => self.returned,
        }
    }

    /// Line and time of the call.
    #[must_use]
    pub const fn call_mark(&self) -> Mark {
        self.call_mark
    }

    /// Line and time of the answer, of an answer "unknown" too.
    #[must_use]
    pub const fn return_mark(&self) -> Mark {
        self.return_mark
    }

    /// What the client learned from the answer.
    pub(crate) const fn observed(&self) -> Option<&R> {
        match &self.completion {
            Completion::Ok(returned) | Completion::Fail(Some(returned)) => Some(returned),
            Completion::Fail(None) | Completion::Unknown => None,
        }
    }
}

/// Why an event could not be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The operation has an answer already.
    #[error("operation {0} has been completed already: record each answer once")]
    Completed(OpId),
    /// No such operation in this history.
    #[error("operation {0} is not in this history: use the id that `invoke` of the same history gave")]
    NoSuchOperation(OpId),
    /// An interval ends before it begins.
    #[error("operation {0} returns before it is called: check the clock that gave the two times")]
    Backwards(OpId),
}

/// What clients saw, as a list of events: the order in which [`invoke`](Self::invoke) and the completions are recorded
/// *is* the order of events.
///
/// Operation A precedes B when the completion of A was recorded before the call of B; otherwise they are concurrent. A
/// process may have several calls open at a time: only the order of events counts.
///
/// ```
/// use synod_consistency_checker::{History, RegisterCall, RegisterReturn};
///
/// # fn main() -> Result<(), synod_consistency_checker::HistoryError> {
/// let mut history = History::new();
/// let write = history.invoke(0, RegisterCall::Write(3));
/// let read = history.invoke(1, RegisterCall::Read);
/// history.ok(read, RegisterReturn::Value(Some(3)))?;
/// history.unknown(write)?;
/// assert_eq!(history.len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<C, R> {
    operations: Vec<Operation<C, R>>,
    events: usize,
}

impl<C, R> Default for History<C, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C, R> History<C, R> {
    /// An empty history.
    #[must_use]
    pub const fn new() -> Self {
        Self { operations: Vec::new(), events: 0 }
    }

    /// Records that `process` calls.
    pub fn invoke(&mut self, process: u64, call: C) -> OpId {
        self.invoke_at(process, call, Mark::default())
    }

    /// [`invoke`](Self::invoke) with a line and a time for reports.
    pub fn invoke_at(&mut self, process: u64, call: C, mark: Mark) -> OpId {
        let called = self.tick();
        let id = OpId(self.operations.len());
        self.operations.push(Operation {
            process,
            call,
            completion: Completion::Unknown,
            called,
            returned: None,
            call_mark: mark,
            return_mark: Mark::default(),
        });
        id
    }

    /// Records that the operation took effect and was answered with `returned`.
    ///
    /// # Errors
    /// [`HistoryError::Completed`] on a second answer, [`HistoryError::NoSuchOperation`] for a foreign id.
    pub fn ok(&mut self, op: OpId, returned: R) -> Result<(), HistoryError> {
        self.complete_at(op, Completion::Ok(returned), Mark::default())
    }

    /// Records that the operation certainly had no effect and taught nothing.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn fail(&mut self, op: OpId) -> Result<(), HistoryError> {
        self.complete_at(op, Completion::Fail(None), Mark::default())
    }

    /// Records that the operation had no effect, and that the refusal is an observation: a compare-and-set that did not
    /// match.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn fail_with(&mut self, op: OpId, returned: R) -> Result<(), HistoryError> {
        self.complete_at(op, Completion::Fail(Some(returned)), Mark::default())
    }

    /// Records that nobody knows whether the operation took effect (a timeout, a lost connection). The same as never
    /// completing it.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn unknown(&mut self, op: OpId) -> Result<(), HistoryError> {
        self.complete_at(op, Completion::Unknown, Mark::default())
    }

    /// Any completion, with a line and a time for reports.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn complete_at(
        &mut self,
        op: OpId,
        completion: Completion<R>,
        mark: Mark,
    ) -> Result<(), HistoryError> {
        match self.operations.get(op.index()) {
            None => return Err(HistoryError::NoSuchOperation(op)),
            Some(operation) if operation.returned.is_some() => return Err(HistoryError::Completed(op)),
            Some(_) => {}
        }
        let returned = self.tick();
        if let Some(operation) = self.operations.get_mut(op.index()) {
            operation.completion = completion;
            operation.returned = Some(returned);
            operation.return_mark = mark;
        }
        Ok(())
    }

    /// A history from operations with a time of call and a time of return, in any order.
    ///
    /// Where a call and a return have the same time, the call is taken to come first: the two operations are then
    /// concurrent, which can only allow more.
    ///
    /// # Errors
    /// [`HistoryError::Backwards`] for a return before its call; the id is the position in `intervals`.
    ///
    /// ```
    /// use synod_consistency_checker::{Completion, History, RegisterCall, RegisterReturn};
    ///
    /// # fn main() -> Result<(), synod_consistency_checker::HistoryError> {
    /// let history = History::from_intervals([
    ///     (1, RegisterCall::Read, Completion::Ok(RegisterReturn::Value(Some(7))), 20, 30),
    ///     (0, RegisterCall::Write(7), Completion::Ok(RegisterReturn::Done), 10, 20),
    /// ])?;
    /// assert_eq!(history.operations()[0].call(), &RegisterCall::Write(7));
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_intervals(
        intervals: impl IntoIterator<Item = (u64, C, Completion<R>, i64, i64)>,
    ) -> Result<Self, HistoryError> {
        let mut pending: Vec<_> = intervals.into_iter().map(Some).collect();
        let mut order = Vec::with_capacity(pending.len() * 2);
        for (index, interval) in pending.iter().enumerate() {
            let Some((_, _, _, called_ns, returned_ns)) = interval else { continue };
            if returned_ns < called_ns {
                return Err(HistoryError::Backwards(OpId(index)));
            }
            order.push((*called_ns, false, index));
            order.push((*returned_ns, true, index));
        }
        order.sort_unstable();
        let mut history = Self::new();
        let mut open: Vec<_> = pending.iter().map(|_| None).collect();
        for (time, is_return, index) in order {
            let mark = Mark { line: None, time_ns: Some(time) };
            if is_return {
                if let Some((op, completion)) = open[index].take() {
                    history.complete_at(op, completion, mark)?;
                }
            } else if let Some((process, call, completion, _, _)) = pending[index].take() {
                open[index] = Some((history.invoke_at(process, call, mark), completion));
            }
        }
        Ok(history)
    }

    /// The number of operations.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there is no operation.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The number of events: calls and answers.
    #[must_use]
    pub const fn events(&self) -> usize {
        self.events
    }

    /// All operations in the order of their calls: `operations()[id.index()]` is operation `id`.
    #[must_use]
    pub fn operations(&self) -> &[Operation<C, R>] {
        &self.operations
    }

    /// All operations with their ids, in the order of their calls.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (OpId, &Operation<C, R>)> {
        self.operations.iter().enumerate().map(|(index, operation)| (OpId(index), operation))
    }

    /// One operation.
    #[must_use]
    pub fn get(&self, op: OpId) -> Option<&Operation<C, R>> {
        self.operations.get(op.index())
    }

    const fn tick(&mut self) -> usize {
        let now = self.events;
        self.events += 1;
        now
    }
}
