//! The museum of planted bugs. Every exhibit is a mistake that somebody has made, planted with `synod_core::mutant!` where it
//! would be made here; the museum sets the workspace's judges on each and tells how long they needed.
//!
//! The exhibits exist under `--cfg synod_mutants` alone: run it as `cargo xtask mutants`.
#![forbid(unsafe_code)]

mod collection;
mod hunt;
mod setups;
mod table;

use clap::Parser;
use collection::Exhibit;
use core::time::Duration;
use hunt::Budget;
use std::process::ExitCode;

/// Sets every judge on every planted bug.
///
/// Exit code 0: each was caught, and the correct code raised no alarm. 1: not so. 2: the command line makes no sense.
#[derive(Parser)]
#[command(name = "museum")]
struct Arguments {
    /// Only the exhibits whose names contain one of these words
    #[arg(long, value_name = "WORD")]
    only: Vec<String>,
    /// CPU seconds for each exhibit
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    cpu: u64,
    /// CPU seconds for the correct code under each setup, which must raise no alarm
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    control: u64,
    /// Only the exhibits that are cheap to catch, all of them in less than three minutes
    #[arg(long)]
    quick: bool,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// Lists the exhibits and the setups
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let exhibits: Vec<Exhibit> = collection::all().filter(|exhibit| chosen(exhibit, &arguments)).collect();
    if exhibits.is_empty() {
        eprintln!(
            "museum: no exhibits: build it with --cfg synod_mutants (cargo xtask mutants), and look at --list"
        );
        return ExitCode::from(2);
    }
    if arguments.list {
        table::list(&exhibits, &setups::all(), arguments.json);
        return ExitCode::SUCCESS;
    }
    let budget = Budget { cpu: Duration::from_secs(arguments.cpu), first_seed: arguments.seed };
    let mut sound = control(&arguments);
    table::head(arguments.json);
    for exhibit in &exhibits {
        let outcome = hunt::hunt(exhibit, &setups::all(), &budget);
        table::row(exhibit, &outcome, arguments.json);
        sound &= outcome.is_caught();
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn chosen(exhibit: &Exhibit, arguments: &Arguments) -> bool {
    (arguments.only.is_empty() || arguments.only.iter().any(|word| exhibit.name.contains(word.as_str())))
        && (!arguments.quick || setups::is_quick(exhibit.name))
}

/// The correct code before the same judges: an alarm here would make every catch worthless.
fn control(arguments: &Arguments) -> bool {
    let budget = Budget { cpu: Duration::from_secs(arguments.control), first_seed: arguments.seed };
    let mut quiet = true;
    for setup in setups::all() {
        let control = hunt::control(&setup, &budget);
        table::control(&setup, &control, arguments.json);
        quiet &= control.alarm.is_none();
    }
    quiet
}
