//! The way of a newcomer: an empty folder, a clone of the last commit, the README's commands, timed.

use crate::failure::Failure;
use crate::step::seconds;
use crate::workspace::{capture, run as start};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What the README tells a newcomer to type.
const COMMANDS: [&str; 2] = ["cargo synod demo", "cargo test --workspace"];

pub(crate) fn run(ci: bool) -> Result<(), Failure> {
    let place = Place::new()?;
    let clone = place.0.join("synod");
    start(Command::new("git").args(["clone", "--quiet", "."]).arg(&clone))?;
    println!(
        "commit {}",
        capture(in_clone(&clone, "git rev-parse --short HEAD").env_remove("CARGO"))?.trim()
    );
    let extra = ci.then_some("bash .ci/run");
    for words in COMMANDS.into_iter().chain(extra) {
        let begin = Instant::now();
        // Programs that ask for a terminal get none.
        start(in_clone(&clone, words).stdin(std::process::Stdio::null()))?;
        println!("── {words}: {}", seconds(begin.elapsed()));
    }
    Ok(())
}

fn in_clone(clone: &Path, words: &str) -> Command {
    let mut words = words.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir(clone);
    command.env_remove("CARGO_TARGET_DIR").env_remove("SYNOD_CORPUS");
    command
}

/// An empty folder that is removed again.
struct Place(PathBuf);

impl Place {
    fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("synod-newcomer-{}", std::process::id()));
        fs::create_dir(&path).map_err(|source| Failure::File { path: path.clone(), source })?;
        Ok(Self(path))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed stays in the temporary folder, which the system empties.
        let _ = fs::remove_dir_all(&self.0);
    }
}
