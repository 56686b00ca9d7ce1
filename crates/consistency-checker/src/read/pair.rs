//! Pairs calls with completions.

use super::decode::Decode;
use super::{Kind, ReadError, Record};
use crate::hash::FixedMap;
use crate::history::{Completion, History, Mark, OpId};
use crate::model::Model;

/// A history under construction.
pub(super) struct Pairing<'m, M: Model> {
    model: &'m M,
    refusals_observe: bool,
    history: History<M::Call, M::Return>,
    open: FixedMap<u64, (OpId, u64)>,
}

impl<'m, M: Decode> Pairing<'m, M> {
    pub(super) fn new(model: &'m M, refusals_observe: bool) -> Self {
        Self { model, refusals_observe, history: History::new(), open: FixedMap::default() }
    }

    /// Takes the next event.
    pub(super) fn add(&mut self, record: &Record) -> Result<(), ReadError> {
        let line = record.line;
        let Some(process) = record.process else { return Ok(()) };
        let mark = Mark { line: Some(line), time_ns: record.time_ns };
        let failed = |problem| ReadError::Operation { line, problem };
        if record.kind == Kind::Invoke {
            if let Some((_, open_line)) = self.open.get(&process) {
                return Err(ReadError::Busy { line, process, open_line: *open_line });
            }
            let call = self.model.decode_call(record).map_err(failed)?;
            let op = self.history.invoke_at(process, call, mark);
            self.open.insert(process, (op, line));
            return Ok(());
        }
        let (op, _) = self.open.remove(&process).ok_or(ReadError::NotCalled { line, process })?;
        let Some(operation) = self.history.get(op) else { return Ok(()) };
        let completion = match record.kind {
            Kind::Invoke | Kind::Info => Completion::Unknown,
            Kind::Ok => Completion::Ok(self.model.decode_answer(operation.call(), record).map_err(failed)?),
            // A refusal with an error, or with a reason in the place of the value, had another cause than the state.
            Kind::Fail
                if !self.refusals_observe
                    || record.has_error
                    || matches!(record.value, super::Datum::Word(_)) =>
            {
                Completion::Fail(None)
            }
            Kind::Fail => {
                Completion::Fail(self.model.decode_refusal(operation.call(), record).map_err(failed)?)
            }
        };
        // The id comes from this history and was open, so recording it cannot fail.
        let _ = self.history.complete_at(op, completion, mark);
        Ok(())
    }

    /// The history; calls without a completion stay unknown.
    pub(super) fn finish(self, lines: u64) -> Result<History<M::Call, M::Return>, ReadError> {
        if self.history.is_empty() {
            return Err(ReadError::NoOperations { lines });
        }
        Ok(self.history)
    }
}
