//! `cargo-mutants` on the protocols: every small change to their code, to see whether a test notices.
//!
//! Where the museum plants mistakes that people have made, this makes those that nobody would. It takes minutes for a small
//! crate and hours for a large one, so it is no part of CI; what survives is listed, with an argument, beside the crate.

use crate::failure::Failure;
use crate::step::Outcome;
use crate::workspace::{Workspace, cargo, run as start};
use clap::Args;

const PROTOCOLS: [&str; 2] = ["synod-paxos", "synod-raft"];

#[derive(Args)]
pub(crate) struct Arguments {
    /// The packages; the protocols where none is named
    #[arg(value_name = "PACKAGE")]
    packages: Vec<String>,
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
    let packages = if arguments.packages.is_empty() { &protocols[..] } else { &arguments.packages };
    for package in packages {
        let mut command = cargo(["mutants", "--package", package, "--output"]);
        command.arg(workspace.target.join("cargo-mutants").join(package));
        start(command.args(&arguments.rest))?;
    }
    Ok(Outcome::Passed)
}
