//! One JSON object on each line.

use std::io::BufRead;

use serde_json::Value;

use super::source::Source;
use super::{Datum, ReadError, Record, edn};

/// The next operation; blank lines are skipped.
pub(super) fn next_record<B: BufRead>(source: &mut Source<B>) -> Result<Option<Record>, ReadError> {
    while source.next_line()? {
        let text = source.line().trim_ascii();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        if text.is_empty() {
            continue;
        }
        let line = source.line_number();
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| edn::syntax(line, format!("not a JSON object on one line: {error}")))?;
        let datum = datum(value, source.limits().max_depth)
            .ok_or(ReadError::TooDeep { line, limit: source.limits().max_depth })?;
        return edn::record(line, datum).map(Some);
    }
    Ok(None)
}

/// `None` if nested deeper than `depth`. The JSON parser has a limit of its own, so that the recursion is bounded.
fn datum(value: Value, depth: usize) -> Option<Datum> {
    Some(match value {
        Value::Null => Datum::Nil,
        Value::Bool(value) => Datum::Bool(value),
        Value::Number(number) => number.as_i64().map_or_else(|| Datum::Other(number.to_string()), Datum::Int),
        Value::String(text) => Datum::Text(text),
        Value::Array(items) => {
            let depth = depth.checked_sub(1)?;
            Datum::List(items.into_iter().map(|item| datum(item, depth)).collect::<Option<_>>()?)
        }
        Value::Object(fields) => {
            let depth = depth.checked_sub(1)?;
            let fields =
                fields.into_iter().map(|(name, item)| Some((Datum::Text(name), datum(item, depth)?)));
            Datum::Map(fields.collect::<Option<_>>()?)
        }
    })
}
