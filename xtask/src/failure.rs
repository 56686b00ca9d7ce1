//! Why a task did not succeed.

use std::io;
use std::path::PathBuf;

/// What a task returns when it fails; printed as one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A program ended with an error; its own output says why.
    #[error("`{command}` failed ({status})")]
    Command { command: String, status: String },
    /// A program could not be started.
    #[error("`{command}` could not be started: {source}")]
    Start { command: String, source: io::Error },
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// Anything else.
    #[error("{0}")]
    Told(String),
}

impl Failure {
    pub(crate) fn told(message: impl Into<String>) -> Self {
        Self::Told(message.into())
    }
}
