//! EDN as Jepsen and Knossos write it.

use std::io::BufRead;

use super::source::Source;
use super::{Datum, Kind, ReadError, Record};

/// Where the reader is in a stream of forms.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The closing bracket of the one vector or list around all operations.
    around: Option<u8>,
}

/// A form under construction.
struct Open {
    close: u8,
    items: Vec<Datum>,
    line: u64,
    /// `#_` before the bracket: read and throw away.
    discard: bool,
}

impl Progress {
    /// The next operation map, wherever it stands: on its own, or inside one vector or list.
    pub(super) fn next_record<B: BufRead>(
        &mut self,
        source: &mut Source<B>,
    ) -> Result<Option<Record>, ReadError> {
        loop {
            let Some(byte) = skip_blank(source)? else {
                return match self.around {
                    Some(close) => Err(syntax(
                        source.line_number(),
                        format!("the input ends before the closing `{}`: is it cut off?", char::from(close)),
                    )),
                    None => Ok(None),
                };
            };
            let line = source.line_number();
            match byte {
                b'[' | b'(' if self.around.is_none() => {
                    source.bump();
                    self.around = Some(closing(byte));
                }
                _ if self.around == Some(byte) => {
                    source.bump();
                    self.around = None;
                }
                _ => {
                    if let Some(form) = next_form(source)? {
                        return record(line, form).map(Some);
                    }
                }
            }
        }
    }
}

/// Turns a map with the fields `process`, `type`, `f`, `key`, `value`, `time` and `error` into a record.
pub(super) fn record(line: u64, form: Datum) -> Result<Record, ReadError> {
    let Datum::Map(fields) = form else {
        return Err(syntax(
            line,
            format!("expected a map with :process, :type, :f and :value, found {form}"),
        ));
    };
    let (mut process, mut kind, mut f, mut key, mut value, mut time_ns) =
        (None, None, None, None, Datum::Nil, None);
    let mut has_error = false;
    for (name, field) in fields {
        match (name.name().unwrap_or_default(), field) {
            ("process", field) => process = Some(field),
            ("type", field) => kind = Some(field),
            ("f", field) => f = field.name().map(str::to_owned),
            ("key", field) => key = Some(field).filter(|key| *key != Datum::Nil),
            ("value", field) => value = field,
            ("time", Datum::Int(time)) => time_ns = Some(time),
            ("error", field) => has_error = field != Datum::Nil,
            _ => {}
        }
    }
    let process = match process.ok_or_else(|| syntax(line, "the operation has no process".to_owned()))? {
        Datum::Int(process) => u64::try_from(process).ok(),
        _ => None,
    };
    let kind = kind.ok_or_else(|| syntax(line, "the operation has no type".to_owned()))?;
    let kind = kind
        .name()
        .and_then(kind_named)
        .ok_or_else(|| syntax(line, format!("unknown type {kind}: expected invoke, ok, fail or info")))?;
    Ok(Record { line, process, kind, f, key, value, time_ns, has_error })
}

/// The kind of event with this name.
pub(super) fn kind_named(name: &str) -> Option<Kind> {
    match name {
        "invoke" => Some(Kind::Invoke),
        "ok" => Some(Kind::Ok),
        "fail" => Some(Kind::Fail),
        "info" => Some(Kind::Info),
        _ => None,
    }
}

/// The next form, or `None` at the end of the input.
///
/// Works with a stack of its own, so that depth costs no call stack.
pub(super) fn next_form<B: BufRead>(source: &mut Source<B>) -> Result<Option<Datum>, ReadError> {
    let limits = source.limits();
    let mut open: Vec<Open> = Vec::new();
    let mut bytes = 0_usize;
    let mut discard = false;
    loop {
        let Some(byte) = skip_blank(source)? else {
            return match open.last() {
                None if discard => Err(syntax(source.line_number(), "nothing behind `#_`".to_owned())),
                None => Ok(None),
                Some(open) => Err(syntax(
                    open.line,
                    format!(
                        "a form is not closed by `{}` before the end of the input",
                        char::from(open.close)
                    ),
                )),
            };
        };
        bytes += 1;
        let line = source.line_number();
        let done = match byte {
            b'(' | b'[' | b'{' => {
                if open.len() >= limits.max_depth {
                    return Err(ReadError::TooDeep { line, limit: limits.max_depth });
                }
                source.bump();
                open.push(Open { close: closing(byte), items: Vec::new(), line, discard });
                discard = false;
                continue;
            }
            b')' | b']' | b'}' => {
                source.bump();
                match open.pop() {
                    Some(form) if form.close == byte && !discard => {
                        let datum = close(form.close, form.items, line)?;
                        discard = form.discard;
                        datum
                    }
                    _ => return Err(syntax(line, format!("`{}` closes nothing", char::from(byte)))),
                }
            }
            b'"' => Datum::Text(string(source, &mut bytes)?),
            b'#' => {
                // `#{set}`, `#_ discard`, or a tag in front of a form: the form alone matters.
                source.bump();
                match source.peek()? {
                    Some(b'_') => {
                        source.bump();
                        discard = true;
                    }
                    Some(b'{' | b'"' | b'(') => {}
                    _ => {
                        atom(source, &mut bytes)?;
                    }
                }
                continue;
            }
            _ => {
                let text = atom(source, &mut bytes)?;
                if text.is_empty() {
                    return Err(syntax(line, format!("unexpected character {:?}", char::from(byte))));
                }
                interpret(text)
            }
        };
        if bytes > limits.max_line_bytes {
            return Err(ReadError::TooLong { line, limit: limits.max_line_bytes });
        }
        if core::mem::take(&mut discard) {
            continue;
        }
        match open.last_mut() {
            Some(parent) => parent.items.push(done),
            None => return Ok(Some(done)),
        }
    }
}

const fn closing(open: u8) -> u8 {
    match open {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

fn close(bracket: u8, items: Vec<Datum>, line: u64) -> Result<Datum, ReadError> {
    if bracket != b'}' {
        return Ok(Datum::List(items));
    }
    if items.len() % 2 == 1 {
        // An odd number of forms: a set was meant, or a value is missing. Sets of even size read as maps, which no
        // operation uses.
        let what = format!("a map has {} forms, so a key or a value is missing", items.len());
        return Err(syntax(line, what));
    }
    let mut entries = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        entries.push((key, value));
    }
    Ok(Datum::Map(entries))
}

/// Skips white space, commas and comments; the next byte, if any.
fn skip_blank<B: BufRead>(source: &mut Source<B>) -> Result<Option<u8>, ReadError> {
    let mut comment = false;
    loop {
        match source.peek()? {
            None => return Ok(None),
            Some(b'\n') => comment = false,
            Some(_) if comment => {}
            Some(b';') => comment = true,
            Some(b' ' | b'\t' | b'\r' | b',' | 0x0c) => {}
            // A byte order mark, as some editors put in front.
            Some(0xef | 0xbb | 0xbf) if source.line_number() == 1 => {}
            Some(byte) => return Ok(Some(byte)),
        }
        source.bump();
    }
}

/// Everything up to the next delimiter.
fn atom<B: BufRead>(source: &mut Source<B>, bytes: &mut usize) -> Result<String, ReadError> {
    let mut text = Vec::new();
    while let Some(byte) = source.peek()? {
        // `\(` is a character, so the first byte behind a backslash is never a delimiter.
        let escaped = text == b"\\" && byte != b'\n';
        if !escaped
            && matches!(
                byte,
                b' ' | b'\t' | b'\r' | b'\n' | b',' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b';'
            )
        {
            break;
        }
        text.push(byte);
        source.bump();
    }
    *bytes += text.len();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn interpret(text: String) -> Datum {
    match text.as_str() {
        "nil" => return Datum::Nil,
        "true" => return Datum::Bool(true),
        "false" => return Datum::Bool(false),
        _ => {}
    }
    if let Some(word) = text.strip_prefix(':') {
        return Datum::Word(word.to_owned());
    }
    if let Ok(number) = text.strip_suffix(['N', 'M']).unwrap_or(&text).parse() {
        return Datum::Int(number);
    }
    let digits = text.trim_start_matches(['+', '-']);
    if digits.starts_with(|first: char| first.is_ascii_digit()) || text.starts_with('\\') {
        return Datum::Other(text);
    }
    Datum::Word(text)
}

fn string<B: BufRead>(source: &mut Source<B>, bytes: &mut usize) -> Result<String, ReadError> {
    let (start, limit) = (source.line_number(), source.limits().max_line_bytes);
    source.bump();
    let mut text = Vec::new();
    let mut escaped = false;
    loop {
        let byte = source.peek()?.ok_or_else(|| syntax(start, "a string is not closed".to_owned()))?;
        source.bump();
        *bytes += 1;
        if *bytes > limit {
            return Err(ReadError::TooLong { line: start, limit });
        }
        match byte {
            _ if escaped => {
                escaped = false;
                match byte {
                    b'n' => text.push(b'\n'),
                    b't' => text.push(b'\t'),
                    b'r' => text.push(b'\r'),
                    b'b' => text.push(8),
                    b'f' => text.push(12),
                    b'u' => unicode(source, &mut text)?,
                    other => text.push(other),
                }
            }
            b'\\' => escaped = true,
            b'"' => return Ok(String::from_utf8_lossy(&text).into_owned()),
            other => text.push(other),
        }
    }
}

/// The four digits behind `\u`.
fn unicode<B: BufRead>(source: &mut Source<B>, text: &mut Vec<u8>) -> Result<(), ReadError> {
    let line = source.line_number();
    let mut code = 0;
    for _ in 0..4 {
        let digit = source.peek()?.and_then(|byte| char::from(byte).to_digit(16));
        code = code * 16
            + digit.ok_or_else(|| syntax(line, "`\\u` needs four hexadecimal digits".to_owned()))?;
        source.bump();
    }
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(())
}

pub(super) const fn syntax(line: u64, what: String) -> ReadError {
    ReadError::Syntax { line, what }
}
