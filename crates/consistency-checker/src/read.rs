//! Reading histories that other tools recorded, line by line, from any [`BufRead`].
//!
//! Four formats are understood; [`Format`] describes each of them. [`Reader::detect`] finds out which one it is.
//!
//! ```
//! use synod_consistency_checker::{Budget, Reader, Register, check};
//!
//! let log = "\
//! INFO  jepsen.core - Running test
//! INFO  jepsen.util - 0 :invoke :write 1
//! INFO  jepsen.util - 1 :invoke :read nil
//! INFO  jepsen.util - 0 :ok :write 1
//! INFO  jepsen.util - 1 :ok :read 2
//! ";
//! let model = Register::new();
//! let history = Reader::detect(log.as_bytes())?.history(&model)?;
//! let report = check(&model, &history, &Budget::default());
//! let (_, violation) = report.first_violation().expect("nobody wrote 2");
//! assert_eq!(history.get(violation.stuck).and_then(|op| op.return_mark().line), Some(5));
//! # Ok::<(), synod_consistency_checker::ReadError>(())
//! ```

use std::io::BufRead;

use crate::history::History;
use decode::Problem;
use source::Source;

mod datum;
pub(crate) mod decode;
mod edn;
mod json;
mod log;
mod pair;
mod source;

pub use datum::Datum;
pub use decode::Decode;

/// The formats that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Lines of an old Jepsen log: `INFO  jepsen.util - PROCESS :TYPE :F VALUE`, separated by tabs or spaces. All other
    /// lines are noise and skipped.
    JepsenLog,
    /// EDN as Jepsen and Knossos write it: a stream of operation maps, or one vector or list of them. Commas are white
    /// space, `;` starts a comment, a map may span lines. `:process`, `:type` and, for clients, `:f` are needed; `:value`,
    /// `:key`, `:time` (nanoseconds) and `:error` are used where present.
    Edn,
    /// The same maps with a `:key` and string values, one on each line, as in Porcupine's key-value tests. A get of a
    /// missing key answers `""` there.
    KvText,
    /// One JSON object on each line:
    /// `{"process": 0, "type": "invoke", "f": "cas", "key": "x", "value": [1, 2], "time": 17}`.
    ///
    /// | field | meaning |
    /// |---|---|
    /// | `process` | integer from 0: a client. Anything else is not a client and skipped |
    /// | `type` | `invoke`, `ok`, `fail` (had no effect) or `info` (unknown) |
    /// | `f` | `read`/`get`, `write`/`put`, `append`, `delete`, `cas` |
    /// | `key` | string or integer; for a store only |
    /// | `value` | what is written, or was read; `[expected, new]` for `cas`; `null` for nothing |
    /// | `time` | nanoseconds, optional |
    /// | `error` | optional; with it, a `fail` of a `cas` is no observation |
    JsonLines,
}

impl Format {
    /// The format that `line` is written in, or `None` for a line that tells nothing: blank, a comment, noise.
    #[must_use]
    pub fn detect(line: &str) -> Option<Self> {
        let line = line.trim_start_matches(['\u{feff}', ' ', '\t', ',', '\r', '\n']);
        let mut chars = line.chars();
        match chars.next()? {
            _ if log::is_operation(line.as_bytes()) => Some(Self::JepsenLog),
            '{' => match chars.as_str().trim_start().chars().next() {
                Some('"') => Some(Self::JsonLines),
                _ if line.contains(":key \"") => Some(Self::KvText),
                _ => Some(Self::Edn),
            },
            '[' | '(' => Some(Self::Edn),
            '#' if line.contains('{') => Some(Self::Edn),
            _ => None,
        }
    }
}

/// What a reader accepts before it gives up with an error instead of filling the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes in one line, and in one operation where it spans lines.
    pub max_line_bytes: usize,
    /// Nesting of lists and maps.
    pub max_depth: usize,
    /// Lines without an operation at the beginning, while the format is not known.
    pub max_lines_to_detect: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_line_bytes: 1 << 20, max_depth: 32, max_lines_to_detect: 10_000 }
    }
}

/// What kind of event a [`Record`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A call.
    Invoke,
    /// It took effect.
    Ok,
    /// It did not.
    Fail,
    /// Nobody knows.
    Info,
}

/// One event as it stands in the input, not yet interpreted by a model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// Line where the event begins, from 1.
    pub line: u64,
    /// The client, or `None` for anything that is not one (`:nemesis`).
    pub process: Option<u64>,
    /// Call or completion.
    pub kind: Kind,
    /// The operation, such as `read`.
    pub f: Option<String>,
    /// The key, where the format has one.
    pub key: Option<Datum>,
    /// The argument or the answer.
    pub value: Datum,
    /// Nanoseconds.
    pub time_ns: Option<i64>,
    /// Whether the event carries an error.
    pub has_error: bool,
}

/// Why an input could not be read. Lines count from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The input itself failed.
    #[error("line {line}: cannot read: {source}")]
    Io {
        /// Where.
        line: u64,
        /// Why.
        source: std::io::Error,
    },
    /// No line looks like one of the formats.
    #[error(
        "none of the first {lines} lines looks like an operation: expected a Jepsen log, EDN maps or JSON objects, \
         one event each"
    )]
    UnknownFormat {
        /// Lines looked at.
        lines: u64,
    },
    /// There is no client operation in the input: nothing was tested.
    #[error(
        "no client operation in {lines} lines: an empty history is not a good history; is this the right file?"
    )]
    NoOperations {
        /// Lines read.
        lines: u64,
    },
    /// A line, or an operation over several lines, is longer than [`Limits::max_line_bytes`].
    #[error("line {line}: longer than {limit} bytes: not a history, or raise `max_line_bytes`")]
    TooLong {
        /// Where.
        line: u64,
        /// The limit.
        limit: usize,
    },
    /// Deeper than [`Limits::max_depth`].
    #[error("line {line}: nested deeper than {limit} levels: not a history, or raise `max_depth`")]
    TooDeep {
        /// Where.
        line: u64,
        /// The limit.
        limit: usize,
    },
    /// The text does not follow its format.
    #[error("line {line}: {what}")]
    Syntax {
        /// Where.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// The event is well-formed but makes no sense to the model.
    #[error("line {line}: {problem}")]
    Operation {
        /// Where.
        line: u64,
        /// What is wrong.
        problem: Problem,
    },
    /// A process calls while its last call is open.
    #[error(
        "line {line}: process {process} calls again although its call of line {open_line} is open: a line is missing, \
         or two clients share a number"
    )]
    Busy {
        /// Where.
        line: u64,
        /// Who.
        process: u64,
        /// The open call.
        open_line: u64,
    },
    /// A completion without a call.
    #[error(
        "line {line}: process {process} completes a call that it never made: the beginning of the history is missing"
    )]
    NotCalled {
        /// Where.
        line: u64,
        /// Who.
        process: u64,
    },
}

/// Reads events from an input. It is an iterator over [`Record`]s; [`history`](Self::history) turns all of them into a
/// [`History`].
///
/// Memory: one line (or one operation) at a time.
#[derive(Debug)]
pub struct Reader<B> {
    source: Source<B>,
    format: Format,
    edn: edn::Progress,
    finished: bool,
    refusals_observe: bool,
}

impl<B: BufRead> Reader<B> {
    /// Reads as far as needed to find the format.
    ///
    /// # Errors
    /// [`ReadError::UnknownFormat`] if no line tells it, and [`ReadError::NoOperations`] for an empty input.
    pub fn detect(input: B) -> Result<Self, ReadError> {
        Self::detect_within(input, Limits::default())
    }

    /// [`detect`](Self::detect) with other limits.
    ///
    /// # Errors
    /// As [`detect`](Self::detect).
    pub fn detect_within(input: B, limits: Limits) -> Result<Self, ReadError> {
        let mut source = Source::new(input, limits);
        let format = source.look_ahead(|line| Format::detect(&String::from_utf8_lossy(line)))?;
        Ok(Self::over(source, format))
    }

    /// Reads `input` as `format`.
    pub fn with_format(input: B, format: Format, limits: Limits) -> Self {
        Self::over(Source::new(input, limits), format)
    }

    fn over(source: Source<B>, format: Format) -> Self {
        Self { source, format, edn: edn::Progress::default(), finished: false, refusals_observe: true }
    }

    /// Takes each `fail` as "had no effect" and nothing more.
    ///
    /// Without this, a compare-and-set that fails without an error is taken as an observation: the value was not the
    /// expected one. Use it for recorders that write `fail` for other reasons and do not say so.
    #[must_use]
    pub const fn refusals_teach_nothing(mut self) -> Self {
        self.refusals_observe = false;
        self
    }

    /// The format that is being read.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Reads everything to the end and pairs calls with completions.
    ///
    /// A call without a completion is unknown. Events of anything but clients are skipped.
    ///
    /// # Errors
    /// The first [`ReadError`]; [`ReadError::NoOperations`] if there is no client operation.
    pub fn history<M: Decode>(mut self, model: &M) -> Result<History<M::Call, M::Return>, ReadError> {
        let mut pairing = pair::Pairing::new(model, self.refusals_observe);
        for record in self.by_ref() {
            pairing.add(&record?)?;
        }
        pairing.finish(self.source.line_number())
    }

    fn next_record(&mut self) -> Result<Option<Record>, ReadError> {
        match self.format {
            Format::JepsenLog => log::next_record(&mut self.source),
            Format::Edn | Format::KvText => self.edn.next_record(&mut self.source),
            Format::JsonLines => json::next_record(&mut self.source),
        }
    }
}

impl<B: BufRead> Iterator for Reader<B> {
    type Item = Result<Record, ReadError>;

    /// The next event. After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        let next = self.next_record().transpose();
        self.finished = !matches!(next, Some(Ok(_)));
        next
    }
}
