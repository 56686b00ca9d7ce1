//! Opening an input, and finding out what it is.

use super::flags::{FormatName, ModelName, format_name};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use synod_consistency_checker::{
    Datum, Decode, Format, Kind, KvModel, Limits, Problem, ReadError, Reader, Record, Register,
};

/// So much of an input is looked at to choose the model.
const HEAD_BYTES: u64 = 4 << 20;

/// Why an input cannot be judged.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("cannot read it: {0}")]
    Open(io::Error),
    #[error("is a directory; name the files in it, such as {0}/*.log")]
    Directory(String),
    #[error("is compressed; unpack it first: gzip -dc {0} | synod check -")]
    Gzip(String),
    #[error("is binary or not in UTF-8; expected lines of a Jepsen log, EDN maps or JSON objects")]
    Binary,
    #[error("{0}")]
    Read(ReadError),
    #[error("line {line}: longer than {limit} bytes; if this is a history, raise --max-line-bytes")]
    TooLong { line: u64, limit: usize },
    #[error("line {line}: nested deeper than {limit} levels; this is no history")]
    TooDeep { line: u64, limit: usize },
    #[error("{error}; --format {given} was given, but the file looks like {seen}")]
    OtherFormat { error: ReadError, given: &'static str, seen: &'static str },
    #[error("{error}; --model {given} was given, but the operations look like those of --model {seen}")]
    OtherModel { error: ReadError, given: &'static str, seen: &'static str },
    #[error("{error}; if it is one, say so with --format")]
    SayFormat { error: ReadError },
    #[error(
        "line {line}: no model has the operation {f:?}: the register has read, write and cas, the store (kv) get, put, \
         append, delete and cas; transactions are not judged"
    )]
    NoOperation { line: u64, f: String },
    #[error("line {line}: no model fits: {register} (--model register); {kv} (--model kv)")]
    NoModel { line: u64, register: String, kv: String },
    #[error(
        "the first {bytes} bytes hold no operation that tells the model; say --model register or --model kv"
    )]
    SayModel { bytes: usize },
    #[error(
        "--initial {0} is neither an integer nor nil, as the register model needs; for a store add --model kv"
    )]
    Initial(String),
}

/// An input with its beginning in memory.
pub(super) struct Input {
    head: Vec<u8>,
    /// Whether the head is all there is.
    complete: bool,
    rest: Box<dyn BufRead>,
    limits: Limits,
}

impl Input {
    /// Opens `path`, or standard input for `-`.
    pub(super) fn open(path: &Path, max_line_bytes: usize) -> Result<Self, Refusal> {
        let mut rest: Box<dyn BufRead> = if path.as_os_str() == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            // Opening a directory succeeds on some systems and only reading fails, with words that help nobody.
            if std::fs::metadata(path).is_ok_and(|data| data.is_dir()) {
                return Err(Refusal::Directory(path.display().to_string()));
            }
            Box::new(BufReader::with_capacity(1 << 16, File::open(path).map_err(Refusal::Open)?))
        };
        let mut head = Vec::new();
        rest.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(Refusal::Open)?;
        if head.starts_with(&[0x1f, 0x8b]) {
            return Err(Refusal::Gzip(path.display().to_string()));
        }
        // No text format has NUL bytes; what is garbage further down fails with its line number.
        if head.iter().take(1 << 16).any(|byte| *byte == 0) {
            return Err(Refusal::Binary);
        }
        let complete = head.len() < usize::try_from(HEAD_BYTES).unwrap_or(usize::MAX);
        let mut limits = Limits::default();
        limits.max_line_bytes = max_line_bytes;
        Ok(Self { head, complete, rest, limits })
    }

    /// The format and the model: those that were asked for, or those that the beginning shows.
    pub(super) fn recognise(
        &self,
        given: Option<FormatName>,
        model: Option<ModelName>,
    ) -> Result<(Format, ModelName), Refusal> {
        let format = match given {
            Some(format) => format.into(),
            None => self.seen_format().map_err(|error| self.explain(error, None, None))?,
        };
        let model = match model {
            Some(model) => model,
            None => self.seen_model(format, given)?,
        };
        Ok((format, model))
    }

    /// Reads everything.
    pub(super) fn reader(&mut self, format: Format) -> Reader<impl BufRead + use<>> {
        let rest = core::mem::replace(&mut self.rest, Box::new(io::empty()));
        Reader::with_format(Cursor::new(self.head.clone()).chain(rest), format, self.limits)
    }

    /// Adds to an error what can be done about it.
    pub(super) fn explain(
        &self,
        error: ReadError,
        format: Option<FormatName>,
        model: Option<ModelName>,
    ) -> Refusal {
        if let (Some(given), Ok(seen)) = (format, self.seen_format())
            && seen != Format::from(given)
            && !matches!(error, ReadError::Io { .. })
        {
            let given = format_name(given.into());
            return Refusal::OtherFormat { error, given, seen: format_name(seen) };
        }
        match error {
            ReadError::TooLong { line, limit } => Refusal::TooLong { line, limit },
            ReadError::TooDeep { line, limit } => Refusal::TooDeep { line, limit },
            ReadError::UnknownFormat { .. } => Refusal::SayFormat { error },
            ReadError::Operation { .. } => match (model, model.and_then(|_| self.other_model(format))) {
                (Some(given), Some(seen)) if given != seen => {
                    Refusal::OtherModel { error, given: given.name(), seen: seen.name() }
                }
                _ => Refusal::Read(error),
            },
            error => Refusal::Read(error),
        }
    }

    fn seen_format(&self) -> Result<Format, ReadError> {
        Ok(Reader::detect_within(self.head.as_slice(), self.limits)?.format())
    }

    fn other_model(&self, format: Option<FormatName>) -> Option<ModelName> {
        let seen = format.map_or_else(|| self.seen_format().ok(), |format| Some(format.into()))?;
        self.seen_model(seen, format).ok()
    }

    /// The model that the first call speaks to.
    fn seen_model(&self, format: Format, given: Option<FormatName>) -> Result<ModelName, Refusal> {
        for record in Reader::with_format(self.head.as_slice(), format, self.limits) {
            match record {
                Ok(record) if record.process.is_some() && record.kind == Kind::Invoke => {
                    return model_of(&record);
                }
                Ok(_) => {}
                // The last line of the head may be cut off: then the error is ours.
                Err(error) if self.complete => return Err(self.explain(error, given, None)),
                Err(_) => break,
            }
        }
        // Without a call, reading fails with a better message whatever the model is.
        if self.complete {
            Ok(ModelName::Register)
        } else {
            Err(Refusal::SayModel { bytes: self.head.len() })
        }
    }
}

/// A key, as a field or as the first of two, makes it a store; integers without one make it a register.
fn model_of(record: &Record) -> Result<ModelName, Refusal> {
    let line = record.line;
    let keyed_read = record.value.pair().is_some() && matches!(record.f.as_deref(), Some("read" | "get"));
    let register = match Register::new().decode_call(record) {
        Ok(_) if record.key.is_none() && !keyed_read => return Ok(ModelName::Register),
        Ok(_) => None,
        Err(problem) => Some(problem),
    };
    match (register, KvModel::new().decode_call(record)) {
        (_, Ok(_)) => Ok(ModelName::Kv),
        // It is a register's operation with a wrong value: the want of a key is not what is wrong.
        (Some(problem @ Problem::Value { .. }), Err(Problem::NoKey { .. })) | (None, Err(problem)) => {
            Err(Refusal::Read(ReadError::Operation { line, problem }))
        }
        (Some(Problem::UnknownFunction { f, .. }), Err(_)) if !known_to_stores(record) => {
            Err(Refusal::NoOperation { line, f })
        }
        (Some(register), Err(kv)) => {
            Err(Refusal::NoModel { line, register: register.to_string(), kv: kv.to_string() })
        }
    }
}

/// Whether a store has the operation, with whatever key and value.
fn known_to_stores(record: &Record) -> bool {
    let mut record = record.clone();
    record.key = Some(Datum::Int(0));
    record.value = Datum::Nil;
    !matches!(KvModel::new().decode_call(&record), Err(Problem::UnknownFunction { .. }))
}
