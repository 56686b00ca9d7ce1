//! Every task of the workspace. What CI runs is what a person runs: `cargo xtask ci`.
#![forbid(unsafe_code)]

mod bench;
mod cargo_mutants;
mod ci;
mod explore;
mod failure;
mod fuzz;
mod loom;
mod miri;
mod mutants;
mod newcomer;
mod simulation;
mod step;
mod tidy;
mod workspace;

use clap::{CommandFactory, Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;
use workspace::Workspace;

/// The tasks of the Synod workspace.
///
/// Exit code 0: done. 1: a check failed or a task could not be carried out. 2: the command line makes no sense.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs everything that CI checks beside the tests, or only the steps that are named
    Ci {
        /// The steps to run, in CI's order; all of them where none is named
        #[arg(value_name = "STEP")]
        steps: Vec<String>,
        /// Runs the remaining steps after a failure
        #[arg(long)]
        keep_going: bool,
        /// Lists the steps
        #[arg(long)]
        list: bool,
    },
    /// Checks what must be true of the tree: docs that agree with code, determinism, completeness
    Tidy {
        /// Lists the rules
        #[arg(long)]
        list: bool,
    },
    /// Runs the loom models (tests/loom*.rs) with `--cfg loom`, in a target folder of their own
    Loom,
    /// Explores what takes minutes: the tests that are ignored elsewhere, in release
    Explore(explore::Arguments),
    /// Fuzzes the decoders (tests/fuzz.rs) for a time
    Fuzz(fuzz::Arguments),
    /// Makes every small change to the protocols' code, one at a time, to see whether a test notices (hours; needs cargo-mutants)
    CargoMutants(cargo_mutants::Arguments),
    /// Runs a small set of tests under miri, where a toolchain has it
    Miri,
    /// Sets the judges on every planted bug, built with `--cfg synod_mutants` in a target folder of its own
    ///
    /// Ends with exit code 0 when each was caught and the correct code raised no alarm.
    Mutants(mutants::Arguments),
    /// Takes away one barrier of the protocols after the other, so that a `send` does not wait for the disk, and sets the judges on
    /// the rest
    ///
    /// Ends with exit code 0 when each is caught or carries a comment that proves it harmless.
    Barriers(mutants::Barriers),
    /// Runs benchmarks beside their peers
    Bench {
        /// The benchmarks to run; all of them where none is named
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Lists the benchmarks
        #[arg(long)]
        list: bool,
    },
    /// Simulates many seeds, with progress; a range can be split over machines
    ///
    /// Ends with exit code 0 when every seed passed.
    Soak(simulation::Soak),
    /// Clones the last commit into an empty folder and times the README's commands, as a newcomer would meet them
    Newcomer {
        /// Runs .ci/run as well
        #[arg(long)]
        ci: bool,
    },
}

fn main() -> ExitCode {
    match carry_out(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(task: Task) -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    std::env::set_current_dir(&workspace.root)
        .map_err(|source| Failure::File { path: workspace.root.clone(), source })?;
    match task {
        Task::Ci { list: true, .. } => {
            ci::list();
            Ok(())
        }
        Task::Ci { steps, keep_going, list: false } => ci::run(&workspace, &steps, keep_going),
        Task::Tidy { list: true } => {
            tidy::list();
            Ok(())
        }
        Task::Tidy { list: false } => told(tidy::run(&workspace)),
        Task::Loom => told(loom::run(&workspace)),
        Task::Explore(arguments) => explore::task(&arguments),
        Task::Fuzz(arguments) => told(fuzz::task(&workspace, &arguments)),
        Task::CargoMutants(arguments) => told(cargo_mutants::task(&workspace, &arguments)),
        Task::Miri => told(miri::run(&workspace)),
        Task::Mutants(arguments) => mutants::task(&workspace, &arguments),
        Task::Barriers(arguments) => mutants::barriers(&workspace, &arguments),
        Task::Bench { list: true, .. } => bench::list(&workspace),
        Task::Bench { names, list: false } => bench::run(&workspace, &names),
        Task::Soak(soak) => simulation::soak(&workspace, &soak),
        Task::Newcomer { ci } => newcomer::run(ci),
    }
}

/// What may follow `cargo xtask`: the documents must not name anything else.
fn task_names() -> Vec<String> {
    let command = Arguments::command();
    command.get_subcommands().map(|task| task.get_name().to_owned()).chain(["help".to_owned()]).collect()
}

/// A task of its own says in words that there was nothing to do.
fn told(outcome: Result<step::Outcome, Failure>) -> Result<(), Failure> {
    if let step::Outcome::Nothing(why) = outcome? {
        println!("nothing to do: {why}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
        assert!(task_names().contains(&"tidy".to_owned()));
    }
}
