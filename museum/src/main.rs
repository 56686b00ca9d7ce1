//! The museum of planted bugs. Every exhibit is a mistake that somebody has made, planted with `synod_core::mutant!` where it
//! would be made here; the museum sets the workspace's judges on each and tells how long they needed. Another wing takes away the
//! barriers: each `send` of a protocol in turn does not wait for the disk.
//!
//! The exhibits exist under `--cfg synod_mutants` alone: run it as `cargo xtask mutants` or `cargo xtask barriers`.
#![forbid(unsafe_code)]

mod barriers;
mod collection;
mod hunt;
mod setups;
mod table;

use clap::Parser;
use collection::Exhibit;
use core::time::Duration;
use hunt::{Budget, Outcome};
use setups::Setup;
use std::path::Path;
use std::process::ExitCode;
use table::{Form, Table};

/// Sets every judge on every planted bug.
///
/// Exit code 0: each was caught, and the correct code raised no alarm. 1: not so. 2: the command line makes no sense.
#[derive(Parser)]
#[command(name = "museum")]
struct Arguments {
    /// Only the exhibits whose names contain one of these words
    #[arg(long, value_name = "WORD")]
    only: Vec<String>,
    /// Only in the setups whose names contain one of these words
    #[arg(long, value_name = "WORD")]
    within: Vec<String>,
    /// Takes away one barrier after the other instead; the workspace is looked for in the current folder
    #[arg(long)]
    barriers: bool,
    /// CPU seconds for each exhibit
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    cpu: u64,
    /// CPU seconds for the correct code under each setup, which must raise no alarm; also parts of one
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parts_of_seconds)]
    control: Duration,
    /// Runs that shrinking a catch may cost; 0: nothing is shrunk. Where nothing is said it is 400 for planted bugs, unless they are
    /// hunted quickly, and none for barriers
    #[arg(long, value_name = "RUNS")]
    shrink: Option<u64>,
    /// CPU seconds after the first catch of an exhibit, for other judges to catch it too
    #[arg(long, value_name = "SECONDS", default_value_t = 1)]
    others: u64,
    /// CPU seconds for exploring every schedule of small clusters with each exhibit
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parts_of_seconds)]
    explore: Duration,
    /// Only the exhibits that are cheap to catch, all of them in less than three minutes
    #[arg(long)]
    quick: bool,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// A table in Markdown of the exhibits alone, as the one in museum/README.md
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Lists the exhibits and the setups
    #[arg(long)]
    list: bool,
}

impl Form {
    fn of(arguments: &Arguments) -> Self {
        match (arguments.json, arguments.markdown) {
            (true, _) => Self::Json,
            (false, true) => Self::Markdown,
            (false, false) => Self::Text,
        }
    }
}

impl Arguments {
    fn shrink(&self) -> u64 {
        self.shrink.unwrap_or(if self.quick || self.barriers { 0 } else { SHRINK_RUNS })
    }
}

fn parts_of_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// Enough to make nearly every catch as small as it gets, a few seconds each.
const SHRINK_RUNS: u64 = 400;

/// What needs more than a few CPU seconds.
const SLOW: &[&str] = &["lease-from-the-echo", "whole-before-caught-up"];

/// Judges that nobody misses: what they look at, others see first in every hunt. Tests put them on trial.
const UNTRIED: &[&str] = &["blind-to-other-snapshots", "blind-to-two-leaders"];

/// An exhibit, and perhaps the proof that it does no harm.
type Piece = (Exhibit, Option<String>);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let table = Table { form: Form::of(&arguments) };
    let pieces = match pieces(&arguments) {
        Ok(pieces) if !pieces.is_empty() && !collection::mutants().is_empty() => pieces,
        Ok(_) => {
            eprintln!(
                "museum: nothing to show: build it with --cfg synod_mutants (cargo xtask mutants), and see --list"
            );
            return ExitCode::from(2);
        }
        Err(error) => {
            eprintln!("museum: the sources cannot be read: {error}; run it at the root of the workspace");
            return ExitCode::from(2);
        }
    };
    let mut setups = setups::all();
    setups.retain(|setup| is_named(setup.name, &arguments.within));
    if arguments.list {
        table.list(&pieces.iter().map(|(exhibit, _)| exhibit).collect::<Vec<_>>(), &setups);
        return ExitCode::SUCCESS;
    }
    let mut sound = true;
    let seconds = Duration::from_secs;
    let mut budget = Budget {
        cpu: arguments.control,
        others: seconds(arguments.others),
        explore: arguments.explore,
        first_seed: arguments.seed,
        shrink: 0,
    };
    for setup in setups.iter().filter(|setup| pieces.iter().any(|(exhibit, _)| exhibit.room == setup.room)) {
        let control = hunt::control(setup, &budget);
        table.control(setup, &control);
        sound &= control.alarm.is_none();
    }
    budget = Budget { cpu: seconds(arguments.cpu), shrink: arguments.shrink(), ..budget };
    let (what, source) = if arguments.barriers { ("barrier", "in") } else { ("exhibit", "source") };
    table.head(what, source);
    let mut outcomes = Vec::new();
    for (exhibit, proof) in &pieces {
        let outcome = hunt::hunt(exhibit, &setups, &budget);
        table.row(exhibit, &outcome, proof.as_deref());
        // What was never run proves nothing, with a proof or without.
        sound &= outcome.reached && outcome.caught.is_empty() == proof.is_some();
        outcomes.push(outcome);
    }
    table.sum(&outcomes);
    if arguments.only.is_empty() && arguments.within.is_empty() && !arguments.barriers {
        sound &= judges(&pieces, &outcomes, &setups, &budget, table);
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The judges are on trial too: each is put to sleep, and an exhibit that it had caught must get away.
fn judges(pieces: &[Piece], outcomes: &[Outcome], setups: &[Setup], budget: &Budget, table: Table) -> bool {
    let catches = |(piece, outcome): (&Piece, &Outcome)| {
        let (exhibit, caught) = (piece.0.clone(), outcome.caught.clone());
        caught.into_iter().map(move |catch| (exhibit.clone(), catch))
    };
    let mut caught: Vec<_> = pieces.iter().zip(outcomes).flat_map(catches).collect();
    // Where everybody looks, the clients are seldom the first to notice: one catch must be theirs.
    let (seconds, none) = (Duration::from_secs(2), Duration::ZERO);
    let alone = Budget { cpu: seconds, others: none, explore: none, shrink: 0, ..*budget };
    let theirs = caught.iter().filter(|(exhibit, _)| exhibit.room == "raft").find_map(|(exhibit, _)| {
        let among = |setup: &Setup| setup.name == setups::CLIENTS_ALONE;
        let catch = hunt::hunt_in(exhibit, setups, &alone, among).caught.into_iter().next()?;
        (catch.alarm.by == setups::Judge::Checker).then(|| (exhibit.clone(), catch))
    });
    caught.extend(theirs);
    let mut awake = true;
    for judge in collection::judges().into_iter().filter(|judge| !UNTRIED.contains(&judge.name.as_ref())) {
        let noticed = hunt::doze(&judge, &caught, setups, budget);
        table.judge(&judge, noticed.as_ref());
        awake &= noticed.is_some();
    }
    awake
}

fn pieces(arguments: &Arguments) -> std::io::Result<Vec<Piece>> {
    let all: Vec<Piece> = if arguments.barriers {
        let barriers = barriers::all(Path::new("."))?;
        barriers.into_iter().map(|barrier| (barrier.exhibit, barrier.proof)).collect()
    } else {
        collection::mutants().into_iter().map(|exhibit| (exhibit, None)).collect()
    };
    Ok(all.into_iter().filter(|(exhibit, _)| is_wanted(exhibit, arguments)).collect())
}

fn is_wanted(exhibit: &Exhibit, arguments: &Arguments) -> bool {
    let named = is_named(&exhibit.name, &arguments.only);
    let dear = SLOW.contains(&exhibit.name.as_ref());
    named && !(arguments.quick && dear)
}

/// Nothing wanted is everything.
fn is_named(name: &str, wanted: &[String]) -> bool {
    wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()))
}
