//! Reading, judging and verifying one input.

use super::certify::{prefix_flaw, ruling};
use super::finding::{Failure, Finding, Judged, Op, Open, Order, Step, Violated};
use super::flags::{FormatName, ModelName, format_name};
use super::input::{Input, Refusal};
use bytes::Bytes;
use std::path::Path;
use std::time::Instant;
use synod_consistency_checker::{
    Budget, Completion, Decode, Format, KvModel, Model, OpId, Operation, Partition, Register, Report,
    Verdict, Violation, check,
};

/// What was asked for, the same for every input.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) model: Option<ModelName>,
    pub(super) format: Option<FormatName>,
    pub(super) initial: Option<String>,
    pub(super) budget: Budget,
    pub(super) max_line_bytes: usize,
    pub(super) ignore_refusals: bool,
    pub(super) witness: bool,
}

/// Judges one input. A panic anywhere below is reported as an internal error, so that the other inputs are still judged.
pub(super) fn judge(path: &Path, options: &Options) -> Judged {
    let started = Instant::now();
    let result = std::panic::catch_unwind(|| read_and_judge(path, options));
    let result = match result {
        Ok(result) => result.map_err(|refusal| Failure::BadInput(refusal.to_string())),
        Err(_) => {
            Err(Failure::Internal("internal error: the checker broke down; please report this".to_owned()))
        }
    };
    Judged { file: path.display().to_string(), result, elapsed: started.elapsed() }
}

fn read_and_judge(path: &Path, options: &Options) -> Result<Finding, Refusal> {
    let mut input = Input::open(path, options.max_line_bytes)?;
    let (format, model) = input.recognise(options.format, options.model)?;
    match model {
        ModelName::Register => judge_by(&register(options)?, &mut input, format, model, options),
        ModelName::Kv => judge_by(&store(options, format), &mut input, format, model, options),
    }
}

fn register(options: &Options) -> Result<Register, Refusal> {
    match options.initial.as_deref() {
        None | Some("nil") => Ok(Register::new()),
        Some(text) => text.parse().map(Register::holding).map_err(|_| Refusal::Initial(text.to_owned())),
    }
}

fn store(options: &Options, format: Format) -> KvModel {
    match options.initial.as_deref() {
        None => KvModel::for_format(format),
        Some("nil") => KvModel::new(),
        Some(text) => KvModel::starting_with(Bytes::copy_from_slice(text.as_bytes())),
    }
}

fn judge_by<M: Decode>(
    model: &M,
    input: &mut Input,
    format: Format,
    name: ModelName,
    options: &Options,
) -> Result<Finding, Refusal> {
    let reader = input.reader(format);
    let reader = if options.ignore_refusals { reader.refusals_teach_nothing() } else { reader };
    let history =
        reader.history(model).map_err(|error| input.explain(error, options.format, options.model))?;
    let report = check(model, &history, &options.budget);
    let mut endings = [0; 3];
    for (_, operation) in history.iter() {
        endings[match operation.completion() {
            Completion::Ok(_) => 0,
            Completion::Fail(_) => 1,
            Completion::Unknown => 2,
        }] += 1;
    }
    let parts = || report.partitions().iter();
    let key = |part: &Partition<M::Key>| part.key.as_ref().map(|key| model.describe_key(key));
    let mut violations: Vec<Violated> = parts()
        .filter_map(|part| {
            Some(violated(&report, key(part), part, part.violation.as_ref()?, options.witness))
        })
        .collect();
    violations.sort_by_key(|violation| violation.last_event);
    let open = parts().filter(|part| matches!(part.verdict, Verdict::Undecided(_))).map(|part| Open {
        key: key(part),
        ops: part.ops.len(),
        explained: part.progress.as_ref().map_or(0, Vec::len),
    });
    let orders = parts().filter(|_| options.witness && report.is_linearizable()).filter_map(|part| {
        Some(Order { key: key(part), steps: steps(&report, part.linearization.as_ref()?) })
    });
    Ok(Finding {
        ruling: ruling(&report),
        model: name.name(),
        model_chosen: options.model.is_none(),
        format: format_name(format),
        ops: history.len(),
        endings,
        events: history.events(),
        partitions: report.partitions().len(),
        violations,
        open: open.collect(),
        linearization: orders.collect(),
        stats: report.stats(),
    })
}

fn violated<M: Model>(
    report: &Report<'_, M>,
    key: Option<String>,
    part: &Partition<M::Key>,
    violation: &Violation,
    witness: bool,
) -> Violated {
    let ops = |ids: &[OpId]| ids.iter().filter_map(|id| op(report, *id)).collect();
    let prefix = &violation.longest_prefix;
    Violated {
        key,
        ops: part.ops.len(),
        stuck: op(report, violation.stuck).unwrap_or_else(|| nothing(violation.stuck)),
        exact: violation.exact,
        first_event: violation.window.first_event,
        last_event: violation.window.last_event,
        self_contained: violation.window.self_contained,
        window: ops(&violation.window.ops),
        lingering: ops(&violation.window.lingering),
        prefix: prefix.iter().map(|id| id.index()).collect(),
        state_after_prefix: report.describe_state_after(prefix),
        prefix_flaw: prefix_flaw(report, part, violation).err(),
        prefix_steps: if witness { steps(report, prefix) } else { Vec::new() },
    }
}

/// Each operation of an order with the state behind it.
fn steps<M: Model>(report: &Report<'_, M>, order: &[OpId]) -> Vec<Step> {
    let mut state = Some(report.model().initial());
    let step = |id: &OpId| {
        let operation = report.history().get(*id)?;
        state =
            state.take().and_then(|state| report.model().step(&state, operation.call(), observed(operation)));
        let state = state.as_ref().map_or_else(String::new, |state| report.model().describe_state(state));
        Some(Step { op: op(report, *id)?, state })
    };
    order.iter().filter_map(step).collect()
}

const fn observed<C, R>(operation: &Operation<C, R>) -> Option<&R> {
    match operation.completion() {
        Completion::Ok(returned) | Completion::Fail(Some(returned)) => Some(returned),
        Completion::Fail(None) | Completion::Unknown => None,
    }
}

fn op<M: Model>(report: &Report<'_, M>, id: OpId) -> Option<Op> {
    let operation = report.history().get(id)?;
    // A model describes call and answer in one; what it says about an unknown answer tells where the call ends.
    let whole = report.describe(id);
    let unknown = report.model().describe(operation.call(), &Completion::Unknown);
    let call = unknown.strip_suffix(" unknown").unwrap_or(&unknown);
    let answer = whole.strip_prefix(call).map_or("", str::trim_start).to_owned();
    Some(Op {
        id: id.index(),
        process: operation.process(),
        status: match operation.completion() {
            Completion::Ok(_) => "ok",
            Completion::Fail(_) => "fail",
            Completion::Unknown => "unknown",
        },
        call: call.to_owned(),
        answer,
        called: operation.called(),
        returned: operation.returned(),
        call_line: operation.call_mark().line,
        return_line: operation.return_mark().line,
        call_time_ns: operation.call_mark().time_ns,
        return_time_ns: operation.return_mark().time_ns,
    })
}

/// An operation that the history does not know: only a broken report names one.
fn nothing(id: OpId) -> Op {
    Op {
        id: id.index(),
        process: 0,
        status: "unknown",
        call: "(not in the history)".to_owned(),
        answer: String::new(),
        called: 0,
        returned: None,
        call_line: None,
        return_line: None,
        call_time_ns: None,
        return_time_ns: None,
    }
}
