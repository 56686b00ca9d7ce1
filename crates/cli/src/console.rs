//! The terminal: output that survives a closed pipe, progress, and Ctrl-C.

use core::fmt::Display;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// All is well.
    Well,
    /// Nothing was shown either way: a budget ran out, or nothing was tested.
    Undecided,
    /// Something that must hold does not.
    Violated,
    /// The input could not be read, or the request makes no sense.
    BadInput,
    /// Ctrl-C.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Well => 0,
            Outcome::Violated => 1,
            Outcome::Undecided => 2,
            Outcome::BadInput => 3,
            Outcome::Interrupted => 130,
        })
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Complaint {
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The path as it was given.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}; choose another place")]
    Write {
        /// The path.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The request makes no sense.
    #[error("{0}")]
    Usage(String),
}

/// Standard output and error.
pub(crate) struct Console {
    /// Why standard output takes no more.
    lost: Option<io::Error>,
    interrupted: Arc<AtomicBool>,
}

impl Console {
    pub(crate) fn new() -> Self {
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&interrupted);
        // Without a handler Ctrl-C simply ends the process: nothing is lost by going on.
        let _ = ctrlc::set_handler(move || {
            // The second Ctrl-C does not wait for anybody.
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        });
        Self { lost: None, interrupted }
    }

    /// Set once Ctrl-C was pressed: long work looks at it and stops early.
    pub(crate) fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }

    /// One line on standard output. When nobody reads any more, the work goes on in silence: the exit code still tells.
    pub(crate) fn say(&mut self, line: impl Display) {
        if self.lost.is_none() {
            let mut out = io::stdout().lock();
            self.lost = writeln!(out, "{line}").and_then(|()| out.flush()).err();
        }
    }

    /// What was not printed and should have been: a full disk, say. A reader who has gone away wants no more.
    pub(crate) fn lost(&self) -> Option<&io::Error> {
        self.lost.as_ref().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    /// One line on standard error.
    pub(crate) fn complain(&self, error: &dyn Display) {
        let _ = writeln!(io::stderr().lock(), "synod: {error}");
    }

    /// A progress line on standard error, if that is a terminal. `unit` names what is counted.
    pub(crate) fn progress(&self, length: u64, unit: &str) -> ProgressBar {
        let target = if io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let template = format!("  {{bar:32}} {{pos}}/{{len}} {unit}  {{elapsed}} (left {{eta}})  {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}

/// The command that was given, as a shell takes it.
pub(crate) fn command_line() -> String {
    let plain = |char: char| char.is_alphanumeric() || "-_./=:,+@%".contains(char);
    let quoted = |word: String| {
        if !word.is_empty() && word.chars().all(plain) {
            word
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    let words = std::env::args_os().skip(1).map(|word| quoted(word.to_string_lossy().into_owned()));
    words.fold("cargo synod".to_owned(), |line, word| line + " " + &word)
}

/// The whole of a text file.
pub(crate) fn read(path: &Path) -> Result<String, Complaint> {
    std::fs::read_to_string(path)
        .map_err(|source| Complaint::Read { path: path.display().to_string(), source })
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Complaint> {
    std::fs::write(path, text).map_err(|source| Complaint::Write { path: path.display().to_string(), source })
}
