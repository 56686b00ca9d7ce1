//! A judgement for programs: one JSON object on one line. `synod check --help` describes the fields.

use super::finding::{Failure, Finding, Judged, Op, Order, Ruling, Violated};
use super::text::word;
use serde_json::{Map, Value};

/// The object, in one line.
pub(super) fn line(judged: &Judged, witness: bool) -> String {
    let fields = match &judged.result {
        Ok(finding) => judgement(finding, witness),
        Err(failure) => {
            let (verdict, reason, message) = match failure {
                Failure::BadInput(message) => ("bad-input", "bad-input", message),
                Failure::Internal(message) => ("undecided", "internal-error", message),
            };
            object([
                ("verdict", verdict.into()),
                ("reason", reason.into()),
                ("message", message.as_str().into()),
            ])
        }
    };
    let elapsed = u64::try_from(judged.elapsed.as_micros()).unwrap_or(u64::MAX);
    let mut whole = object([("file", judged.file.as_str().into()), ("elapsed_us", elapsed.into())]);
    whole.extend(fields);
    Value::Object(whole).to_string()
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn judgement(finding: &Finding, witness: bool) -> Map<String, Value> {
    let (reason, message) = match &finding.ruling {
        Ruling::Linearizable | Ruling::Violated => (Value::Null, Value::Null),
        Ruling::Undecided { code, message } => ((*code).into(), message.as_str().into()),
    };
    let [ok, fail, unknown] = finding.endings;
    let stats = object([
        ("steps", finding.stats.steps.into()),
        ("cache_entries", finding.stats.cache_entries.into()),
        ("cache_bytes", finding.stats.cache_bytes.into()),
    ]);
    let undecided = finding.open.iter().map(|open| {
        let fields =
            [("key", key(open.key.as_deref())), ("ops", open.ops.into()), ("ordered", open.explained.into())];
        Value::Object(object(fields))
    });
    let orders = || finding.linearization.iter().map(order).collect::<Vec<_>>().into();
    object([
        ("verdict", word(&finding.ruling).into()),
        ("reason", reason),
        ("message", message),
        ("model", finding.model.into()),
        ("format", finding.format.into()),
        ("ops", finding.ops.into()),
        ("ok", ok.into()),
        ("fail", fail.into()),
        ("unknown", unknown.into()),
        ("events", finding.events.into()),
        ("partitions", finding.partitions.into()),
        ("violations", finding.violations.iter().map(violation).collect::<Vec<_>>().into()),
        ("undecided", undecided.collect::<Vec<_>>().into()),
        (
            "linearization",
            if witness && finding.ruling == Ruling::Linearizable { orders() } else { Value::Null },
        ),
        ("stats", stats.into()),
    ])
}

fn key(key: Option<&str>) -> Value {
    key.map_or(Value::Null, Value::from)
}

fn order(order: &Order) -> Value {
    let ids: Vec<usize> = order.steps.iter().map(|step| step.op.id).collect();
    object([("key", key(order.key.as_deref())), ("order", ids.into())]).into()
}

fn violation(violation: &Violated) -> Value {
    let ops = |ops: &[Op]| Value::from(ops.iter().map(op).collect::<Vec<_>>());
    let window = object([
        ("first_event", violation.first_event.into()),
        ("last_event", violation.last_event.into()),
        ("self_contained", violation.self_contained.into()),
        ("ops", ops(&violation.window)),
        ("lingering", ops(&violation.lingering)),
    ]);
    object([
        ("key", key(violation.key.as_deref())),
        ("ops", violation.ops.into()),
        ("stuck", op(&violation.stuck)),
        ("exact", violation.exact.into()),
        ("window", window.into()),
        ("longest_prefix", violation.prefix.clone().into()),
        ("longest_prefix_verified", violation.prefix_flaw.is_none().into()),
        ("state_after_prefix", key(violation.state_after_prefix.as_deref())),
    ])
    .into()
}

fn op(op: &Op) -> Value {
    object([
        ("id", op.id.into()),
        ("process", op.process.into()),
        ("call", op.call.as_str().into()),
        ("answer", op.answer.as_str().into()),
        ("status", op.status.into()),
        ("called", op.called.into()),
        ("returned", op.returned.map_or(Value::Null, Value::from)),
        ("call_line", op.call_line.map_or(Value::Null, Value::from)),
        ("return_line", op.return_line.map_or(Value::Null, Value::from)),
        ("call_time_ns", op.call_time_ns.map_or(Value::Null, Value::from)),
        ("return_time_ns", op.return_time_ns.map_or(Value::Null, Value::from)),
    ])
    .into()
}
