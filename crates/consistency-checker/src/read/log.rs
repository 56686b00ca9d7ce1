//! Lines of an old Jepsen log.

use std::io::BufRead;

use super::source::Source;
use super::{Datum, Limits, ReadError, Record, edn};

const MARK: &[u8] = b"jepsen.util - ";

/// Whether `line` holds an operation and is not noise.
pub(super) fn is_operation(line: &[u8]) -> bool {
    fields(line).is_some()
}

/// The process, the type, and what is behind them.
fn fields(line: &[u8]) -> Option<(&str, super::Kind, &[u8])> {
    let start = line.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let (process, rest) = word(&line[start..]);
    let (kind, rest) = word(rest);
    let kind = edn::kind_named(core::str::from_utf8(kind).ok()?.strip_prefix(':')?)?;
    Some((core::str::from_utf8(process).ok()?, kind, rest))
}

/// The first word, and what is behind it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_start();
    text.split_at(text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len()))
}

/// The next operation; lines that hold none are skipped.
pub(super) fn next_record<B: BufRead>(source: &mut Source<B>) -> Result<Option<Record>, ReadError> {
    while source.next_line()? {
        let (line, limits) = (source.line_number(), source.limits());
        let Some((process, kind, rest)) = fields(source.line()) else { continue };
        let process = match process.parse() {
            Ok(process) => Some(process),
            Err(_) if process.starts_with(':') => None,
            Err(_) => return Err(edn::syntax(line, format!("{process:?} is not a process number"))),
        };
        let (f, rest) = word(rest);
        let f = core::str::from_utf8(f).ok().and_then(|f| f.strip_prefix(':')).map(str::to_owned);
        let (value, has_error) = match process {
            Some(_) => values(rest, line, limits)?,
            None => (Datum::Nil, false),
        };
        return Ok(Some(Record { line, process, kind, f, key: None, value, time_ns: None, has_error }));
    }
    Ok(None)
}

/// The value, and whether something stands behind it: an error.
fn values(text: &[u8], line: u64, limits: Limits) -> Result<(Datum, bool), ReadError> {
    let mut forms = Source::new(text, limits);
    let renumber = |error| match error {
        ReadError::Syntax { what, .. } => ReadError::Syntax { line, what },
        ReadError::TooDeep { limit, .. } => ReadError::TooDeep { line, limit },
        ReadError::TooLong { limit, .. } => ReadError::TooLong { line, limit },
        other => other,
    };
    let value = edn::next_form(&mut forms).map_err(renumber)?.unwrap_or(Datum::Nil);
    let more = edn::next_form(&mut forms).map_err(renumber)?;
    Ok((value, more.is_some()))
}
