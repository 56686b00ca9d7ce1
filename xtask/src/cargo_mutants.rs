//! `cargo-mutants` on the protocols: every small change to their code, to see whether a test notices.
//!
//! Where the museum plants mistakes that people have made, this makes those that nobody would. It takes an hour or more, so it
//! is no part of CI. What survives has to be argued in the crate's `MUTANTS.md`: the task fails if it is not.

use crate::failure::Failure;
use crate::step::Outcome;
use crate::workspace::{Package, Workspace, cargo, run_to_code};
use clap::Args;
use std::collections::BTreeMap;
use std::path::Path;

const PROTOCOLS: [&str; 2] = ["synod-paxos", "synod-raft"];
/// Tests that take seconds, and whole modules of them: thousands of random inputs, or simulations.
const SLOW: [&str; 4] = ["arbitrary::", "random::", "simulated::", "any_kept_part_of_the_records"];
/// What cargo-mutants returns when it has done its work: all caught, some missed, some that ran into the time limit.
const DONE: [i32; 3] = [0, 2, 3];

#[derive(Args)]
pub(crate) struct Arguments {
    /// The packages; the protocols where none is named
    #[arg(value_name = "PACKAGE")]
    packages: Vec<String>,
    /// Only the quick tests. They catch nearly all; `-- --iterate` afterwards sets all tests on what they have missed
    #[arg(long)]
    quick: bool,
    /// Further arguments to `cargo mutants`, such as `--shard 0/8`, `--file election.rs`, `--iterate` or `--list`
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Runs cargo-mutants, if it is installed.
pub(crate) fn task(workspace: &Workspace, arguments: &Arguments) -> Result<Outcome, Failure> {
    let present = cargo(["mutants", "--version"]).output().is_ok_and(|output| output.status.success());
    if !present {
        return Ok(Outcome::Nothing(
            "cargo-mutants is not installed (cargo install cargo-mutants)".to_owned(),
        ));
    }
    let protocols = PROTOCOLS.map(str::to_owned);
    let names = if arguments.packages.is_empty() { &protocols[..] } else { &arguments.packages };
    let mut unargued = 0;
    for name in names {
        let Some(package) = workspace.package(name) else {
            return Err(Failure::told(format!("there is no package `{name}`")));
        };
        let output = workspace.target.join("cargo-mutants").join(name);
        mutate(package, &output, arguments)?;
        if !arguments.rest.iter().any(|word| word == "--list") {
            let argued = read(&workspace.root.join(&package.folder).join("MUTANTS.md"))?;
            let survivors = read(&output.join("mutants.out/missed.txt"))?;
            let left = not_argued(&survivors, &argued, &package.folder);
            for name in &left {
                println!("survives, and {}/MUTANTS.md says not why: {name}", package.folder);
            }
            unargued += left.len();
        }
    }
    match (unargued, arguments.quick) {
        (0, _) => Ok(Outcome::Passed),
        (_, true) => Ok(Outcome::Nothing(format!("{unargued} left for all tests: `-- --iterate`"))),
        (_, false) => Err(Failure::told(format!("{unargued} mutants survive without an argument"))),
    }
}

fn mutate(package: &Package, output: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let mut command = cargo(["mutants", "--package", &package.name, "--output"]);
    command.arg(output).args(&arguments.rest);
    if arguments.quick {
        // By convention a crate's test of many modules has the name of its folder. The others are not even built.
        let test = package.folder.rsplit('/').next().unwrap_or_default();
        command.args(["--cargo-arg=--lib", &format!("--cargo-arg=--test={test}")]);
        command.args(["--", "--"]).args(SLOW.iter().flat_map(|slow| ["--skip", slow]));
        // These tests take a second as they are; to optimise takes longer than it saves.
        command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "0");
    } else {
        // Doc examples show; tests judge.
        command.args(["--cargo-arg=--lib", "--cargo-arg=--tests"]);
    }
    // Whether a test fails is all that is asked: no smallest counterexample, and no line numbers for a debugger.
    command.env("PROPTEST_MAX_SHRINK_ITERS", "0").env("CARGO_PROFILE_DEV_DEBUG", "0");
    let code = run_to_code(&mut command)?;
    if DONE.contains(&code) {
        return Ok(());
    }
    Err(Failure::told(format!(
        "cargo-mutants could not do its work ({code}); its manual tells what that means"
    )))
}

/// The survivors that the list does not name, or not so often. The list names a mutant in backticks, by file and without its
/// line, which changes too often: `` `log.rs: replace < with <= in Log::place` ``, once for each place in the function.
fn not_argued(survivors: &str, argued: &str, folder: &str) -> Vec<String> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for name in argued.split('`').skip(1).step_by(2) {
        *left.entry(name).or_default() += 1;
    }
    let mut missing = Vec::new();
    for survivor in survivors.lines() {
        let name = without_place(survivor.strip_prefix(folder).unwrap_or(survivor));
        match left.get_mut(name.as_str()) {
            Some(count) if *count > 0 => *count -= 1,
            _ => missing.push(survivor.to_owned()),
        }
    }
    missing
}

/// `/src/log.rs:12:3: replace …` becomes `log.rs: replace …`.
fn without_place(survivor: &str) -> String {
    let survivor = survivor.trim_start_matches("/src/");
    let mut parts = survivor.splitn(4, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(file), Some(_), Some(_), Some(change)) => format!("{file}:{change}"),
        _ => survivor.to_owned(),
    }
}

/// The text of a file; nothing where there is none.
fn read(path: &Path) -> Result<String, Failure> {
    match std::fs::read_to_string(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::File { path: path.to_owned(), source })
        }
        text => Ok(text.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARGUED: &str = "* `log.rs: replace < with <= in Log::place`, `log.rs: replace < with <= in Log::place`: why\n\
                          * `wire.rs: replace Term::next -> Self with Default::default()`: why\n";

    #[test]
    fn survivors_are_known_by_their_change_and_not_by_their_line() {
        let survivors = "crates/raft/src/log.rs:12:3: replace < with <= in Log::place\n\
                         crates/raft/src/wire.rs:1:1: replace Term::next -> Self with Default::default()\n\
                         crates/raft/src/log.rs:90:33: replace < with <= in Log::place\n";
        assert_eq!(not_argued(survivors, ARGUED, "crates/raft"), Vec::<String>::new());
    }

    #[test]
    fn one_more_than_was_argued_is_named() {
        let third = "crates/raft/src/log.rs:95:3: replace < with <= in Log::place";
        let survivors = format!("{}{third}\n", format!("{third}\n").repeat(2));
        assert_eq!(not_argued(&survivors, ARGUED, "crates/raft"), [third]);
        let elsewhere = "crates/raft/src/node.rs:95:3: replace < with <= in Log::place";
        assert_eq!(not_argued(elsewhere, ARGUED, "crates/raft"), [elsewhere]);
        assert_eq!(not_argued(elsewhere, "", "crates/raft"), [elsewhere]);
    }
}
