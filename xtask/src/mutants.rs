//! The museum of planted bugs: the one build in which they exist, and the proof that no other has them.

use crate::failure::Failure;
use crate::step::Outcome;
use crate::workspace::{Workspace, capture, cargo, run as start};
use clap::Args;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "synod-museum";
/// A program that everybody gets.
const NORMAL: (&str, &str) = ("synod-cli", "synod");
/// In CI the first judge is enough, and part of a second for the explorer.
const BRIEF: [&str; 4] = ["--others", "0", "--explore", "0.5"];

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only the exhibits whose names contain this word; may be given again
    #[arg(long, value_name = "WORD")]
    only: Vec<String>,
    /// Only those that are cheap to catch: what CI runs
    #[arg(long)]
    quick: bool,
    /// Lists the exhibits and the setups
    #[arg(long)]
    list: bool,
    /// Further arguments to the museum, such as `--cpu 120` or `--json`
    #[arg(last = true)]
    rest: Vec<String>,
}

pub(crate) fn task(workspace: &Workspace, arguments: &Arguments) -> Result<(), Failure> {
    let mut command = Command::new(build(workspace)?);
    for word in &arguments.only {
        command.args(["--only", word]);
    }
    for (set, flag) in [(arguments.quick, "--quick"), (arguments.list, "--list")] {
        if set {
            command.arg(flag);
        }
    }
    start(command.args(&arguments.rest))
}

#[derive(Args)]
pub(crate) struct Barriers {
    /// Only those in files whose names contain this word; may be given again
    #[arg(long, value_name = "WORD")]
    only: Vec<String>,
    /// Further arguments to the museum, such as `--cpu 120`, `--list` or `--json`
    #[arg(last = true)]
    rest: Vec<String>,
}

pub(crate) fn barriers(workspace: &Workspace, arguments: &Barriers) -> Result<(), Failure> {
    let mut command = Command::new(build(workspace)?);
    command.args(["--barriers", "--control", "2"]);
    for word in &arguments.only {
        command.args(["--only", word]);
    }
    start(command.args(&arguments.rest))
}

/// The step of CI.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome, Failure> {
    let museum = build(workspace)?;
    let names = names(&capture(Command::new(&museum).args(["--list", "--json"]))?)?;
    start(&mut cargo(["build", "--release", "-p", NORMAL.0, "--bin", NORMAL.1]))?;
    absent(&names, &workspace.target.join("release").join(executable(NORMAL.1)))?;
    specification(workspace)?;
    // A museum is one thread, since a bug is planted in the whole process: two at a time are two cores' work.
    let barriers = ["--barriers", "--quick", "--control", "0", "--cpu", "8"];
    let (bugs, barriers) = std::thread::scope(|scope| {
        let barriers = scope.spawn(|| capture(Command::new(&museum).args(BRIEF).args(barriers)));
        let bugs =
            start(Command::new(&museum).args(BRIEF).args(["--quick", "--control", "0.5", "--cpu", "20"]));
        (bugs, barriers.join())
    });
    bugs?;
    print!("{}", barriers.map_err(|_| Failure::told("the museum of barriers could not be asked"))??);
    Ok(Outcome::Passed)
}

/// Builds the museum. The flag changes every crate, so it has a target folder of its own; without link-time optimisation, which
/// would cost more than it saves.
fn build(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let target = planted(workspace, cargo(["build", "--release", "-p", PACKAGE]))?;
    Ok(target.join("release").join(executable(PACKAGE)))
}

/// The executable specification finds planted bugs alone, and so do the scenarios that are acted out. In this build the tests named have
/// nothing but that.
fn specification(workspace: &Workspace) -> Result<(), Failure> {
    for (package, features, test) in [("synod-kv", "cluster", "kv"), ("synod-raft", "", "planted")] {
        let arguments =
            ["test", "--quiet", "--release", "-p", package, "--features", features, "--test", test];
        planted(workspace, cargo(arguments))?;
    }
    Ok(())
}

/// Runs a command of cargo on code with planted bugs, and says where its target folder is.
fn planted(workspace: &Workspace, mut command: Command) -> Result<PathBuf, Failure> {
    let target = workspace.root.join("target-mutants");
    command.args(["--config", "profile.release.lto=false", "--config", "profile.release.codegen-units=16"]);
    start(command.env("RUSTFLAGS", "--cfg synod_mutants -D warnings").env("CARGO_TARGET_DIR", &target))?;
    Ok(target)
}

fn executable(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

/// The names of the exhibits, from `--list --json`.
fn names(output: &str) -> Result<Vec<String>, Failure> {
    let name = |line| serde_json::from_str::<Value>(line).ok()?.get("exhibit")?.as_str().map(str::to_owned);
    let names: Option<Vec<_>> = output.lines().map(name).collect();
    names.filter(|names| !names.is_empty()).ok_or_else(|| Failure::told("the museum lists no exhibits"))
}

/// A normal program contains no planted bug: not even its name.
fn absent(names: &[String], program: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(program).map_err(|source| Failure::File { path: program.into(), source })?;
    match names.iter().find(|name| contains(&bytes, name.as_bytes())) {
        None => {
            println!("none of the {} planted bugs is in {}", names.len(), program.display());
            Ok(())
        }
        Some(name) => Err(Failure::told(format!("{} contains the planted bug {name}", program.display()))),
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_json_lines_and_an_empty_museum_is_an_error() {
        assert_eq!(names("{\"exhibit\":\"a\"}\n{\"exhibit\":\"b\",\"x\":1}\n").unwrap(), ["a", "b"]);
        assert!(names("").is_err());
        assert!(names("{\"setup\":\"storm-3\"}").is_err());
    }

    #[test]
    fn a_planted_bug_in_a_normal_program_is_found() {
        assert!(contains(b"..vote-by-index..", b"vote-by-index"));
        assert!(!contains(b"..vote-by-inde", b"vote-by-index"));
        let here = std::env::current_exe().unwrap();
        // The word above is in this test's own program.
        assert!(absent(&["vote-by-index".to_owned()], &here).is_err());
    }
}
