//! The `synod` command.
//!
//! ```text
//! synod demo                 a replicated store in a hostile world, judged; and the same with one guarantee switched off
//! synod sim                  many seeds of a protocol in the simulator
//! synod replay FILE          a failing run that was written down, stepped through forward and backward
//! synod validate FILE...     steps of a run that were written down, against the executable specification
//! synod explore              every schedule of a small cluster, within bounds
//! synod check FILE...        judges histories that clients recorded
//! synod ring FILE            who owns what in a cluster, and what a change would move
//! synod ring plan FILE       the fewest moves of partitions, proved and in safe steps
//! ```
//!
//! Exit codes: 0 all is well, 1 violated, 2 undecided, 3 bad input or usage, 130 interrupted.
#![forbid(unsafe_code)]

mod check;
mod console;
mod decrees;
mod demo;
mod explore;
mod fork;
mod memory;
mod picture;
mod replay;
mod report;
mod ring;
mod shrink;
mod simulate;
mod subject;
mod trace;
mod validate;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use console::{Console, Outcome};
use std::process::ExitCode;

/// Thousands of worlds come and go, each with a few megabytes in small pieces: the allocator that hands them on to the next is a
/// tenth faster than one that gives them back to the kernel, and its threads do not wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Watch a replicated store survive a hostile world, simulate protocols, and judge what clients saw.
#[derive(Debug, Parser)]
#[command(name = "synod", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 all is well, 1 violated, 2 undecided, 3 bad input or usage, 130 interrupted."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Sim(Box<simulate::Simulate>),
    Replay(replay::Walk),
    Validate(validate::Validate),
    Explore(explore::Explore),
    Check(check::Check),
    Ring(ring::Ring),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors. Failing to print them (a closed pipe) is none either.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => Outcome::BadInput.into(),
            };
        }
    };
    let mut console = Console::new();
    let outcome = match arguments.command {
        Command::Demo(demo) => demo.run(&mut console),
        Command::Sim(simulate) => simulate.run(&mut console),
        Command::Replay(replay) => replay.run(&mut console),
        Command::Validate(validate) => validate.run(&mut console),
        Command::Explore(explore) => explore.run(&mut console),
        Command::Check(check) => check.run(&mut console),
        Command::Ring(ring) => ring.run(&mut console),
    };
    if let Some(error) = console.lost() {
        console.complain(&format_args!("cannot write to standard output: {error}"));
        return Outcome::BadInput.into();
    }
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            console.complain(&error);
            Outcome::BadInput.into()
        }
    }
}
