//! `synod check`: judges histories.

use crate::console::{Complaint, Console, Outcome};
use core::sync::atomic::Ordering;
use core::time::Duration;
use finding::{Failure, Judged, Ruling};
use flags::{Auto, FormatName, Limit, ModelName, mebibytes, seconds};
use indicatif::ProgressBar;
use judge::{Options, judge};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Instant;
use synod_consistency_checker::Budget;

mod certify;
mod finding;
mod flags;
mod input;
mod json;
mod judge;

mod text;
mod window;

/// Judge recorded histories: is there one order of all operations that explains every answer?
///
/// Each history is judged for linearizability: all operations must fit into one order in which each takes effect
/// between its call and its answer. A good verdict comes with such an order, which a separate verifier has accepted. A
/// violation comes with the first answer that no order explains, the window of operations around it that contradict
/// each other, and the longest prefix that is still valid. Whatever ran out of budget, or tested nothing, is undecided.
#[derive(Debug, clap::Args)]
#[command(after_long_help = LONG_HELP)]
pub(crate) struct Check {
    /// Histories to judge; `-` or none for standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the clients talked to; `auto` goes by the first call of each file
    #[arg(long, value_name = "auto|register|kv", default_value = "auto")]
    model: Auto<ModelName>,
    /// How the history is written; `auto` goes by the first lines of each file
    #[arg(long, value_name = "auto|jepsen-log|edn|kv-text|json-lines", default_value = "auto")]
    format: Auto<FormatName>,
    /// Value of the register, or of every key, before the first operation; `nil` for none [default: nil, in kv-text ""]
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    initial: Option<String>,
    /// Time for the search in each file; `none` for no limit
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds, allow_negative_numbers = true)]
    max_time: Limit<Duration>,
    /// Memory for the search in each file, beside the history itself; `none` for no limit
    #[arg(long, value_name = "MIB", default_value = "1024", value_parser = mebibytes, allow_negative_numbers = true)]
    max_memory: Limit<usize>,
    /// Steps of the search in each file: the same verdict on every machine [default: no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), allow_negative_numbers = true)]
    max_steps: Option<u64>,
    /// Longest line to accept
    #[arg(long, value_name = "BYTES", default_value = "16777216", allow_negative_numbers = true)]
    max_line_bytes: core::num::NonZeroUsize,
    /// Take a compare-and-set that failed as "had no effect" and not as "the value was another"
    #[arg(long)]
    ignore_refusals: bool,
    /// Show the whole evidence: the order found, or the window and the longest valid prefix, of every key
    #[arg(long)]
    witness: bool,
    /// Print one JSON object per file and line instead of text
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print nothing but errors: the exit code tells
    #[arg(long, short)]
    quiet: bool,
}

const LONG_HELP: &str = "\
Examples:
  synod check store/latest/jepsen.log         one history, recognised by itself
  synod check --max-time 10 logs/*.log        many: a line each, and a summary
  my-test | synod check --model kv --json -   from a pipe, for a program

Models:
  register    read, write and cas (compare-and-set) of an integer
  kv          get, put, append, delete and cas; the key is a field, or the value
              is [key value]; each key is judged on its own

Formats:
  jepsen-log  lines `INFO jepsen.util - PROCESS :TYPE :F VALUE` among others
  edn         maps with :process :type :f :value, if need be :key :time :error,
              one by one or in a vector
  kv-text     such maps with a :key \"...\" and string values; a missing key
              reads as \"\"
  json-lines  {\"process\": 0, \"type\": \"invoke\", \"f\": \"put\", \"key\": \"x\",
              \"value\": 1, \"time\": 17}, an object on each line
  The type is invoke, then ok (took effect), fail (had no effect) or info
  (nobody knows). A failed cas without an error says that the value was another.

Exit code:
  0 all linearizable, 1 violated, 2 undecided, 3 bad input or usage,
  130 interrupted. With several files the worst counts: bad input before
  violated before undecided; the other files are judged all the same.

JSON, an object per file:
  file, verdict (linearizable, violated, undecided, bad-input), reason (null,
  time, memory, steps, nothing-observed, internal-error, bad-input), message,
  elapsed_us; unless the input is bad: model, format, ops, ok, fail, unknown,
  events, partitions and
    violations: key, ops, stuck (an operation), exact, longest_prefix (ids),
      longest_prefix_verified, state_after_prefix, window: first_event,
      last_event, self_contained, ops, lingering (lists of operations)
    undecided: key, ops, ordered (operations put in order so far)
    linearization: key, order (ids); null without --witness
    stats: steps, cache_entries, cache_bytes
  An operation: id, process, call, answer, status (ok, fail, unknown), called
  and returned (positions among the events), call_line, return_line,
  call_time_ns, return_time_ns.";

/// How often the main thread looks whether Ctrl-C was pressed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Work that takes longer than this shows its progress.
const PATIENCE: Duration = Duration::from_millis(500);

impl Check {
    pub(crate) fn run(mut self, console: &mut Console) -> Result<Outcome, Complaint> {
        if self.files.is_empty() {
            if io::stdin().is_terminal() {
                let hint =
                    "no history: name files, or pipe one in; `-` reads what you type. See synod check --help";
                return Err(Complaint::Usage(hint.to_owned()));
            }
            self.files.push(PathBuf::from("-"));
        }
        let files = core::mem::take(&mut self.files);
        let colour =
            io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let width = |path: &PathBuf| path.display().to_string().chars().count();
        let name_width = files.iter().map(width).max().unwrap_or(0).min(60);
        let style = text::Style { witness: self.witness, colour, name_width };
        self.judge_all(files, console, style)
    }

    /// A thread judges, this one prints: so Ctrl-C ends a search, and a read of standard input, at once.
    fn judge_all(
        &self,
        files: Vec<PathBuf>,
        console: &mut Console,
        style: text::Style,
    ) -> Result<Outcome, Complaint> {
        let started = Instant::now();
        let (total, options, interrupted) = (files.len(), self.options(), console.interrupted());
        let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
        let (sender, results) = mpsc::sync_channel(4);
        thread::Builder::new()
            .name("judge".to_owned())
            .spawn(move || {
                for path in files {
                    // Nobody listens any more after Ctrl-C.
                    if sender.send(judge(&path, &options)).is_err() {
                        break;
                    }
                }
            })
            .map_err(|error| Complaint::Usage(format!("cannot start a thread: {error}")))?;
        let mut worst = Outcome::Well;
        let mut counts = [0; 4];
        let mut progress = None;
        loop {
            let result = results.recv_timeout(LOOK_EVERY);
            let done: usize = counts.iter().sum();
            if interrupted.load(Ordering::Relaxed) {
                console.complain(&format!("interrupted: {done} of {total} histories judged"));
                worst = Outcome::Interrupted;
                break;
            }
            match result {
                Ok(judged) => {
                    let outcome = outcome(&judged);
                    counts[slot(outcome)] += 1;
                    worst = worst.max(outcome);
                    let mut show = || self.show(&judged, console, style);
                    match &progress {
                        Some(bar) => ProgressBar::suspend(bar, show),
                        None => show(),
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if !self.quiet && started.elapsed() >= PATIENCE {
                let bar = progress.get_or_insert_with(|| console.progress(total as u64, "histories"));
                let done: usize = counts.iter().sum();
                bar.set_position(done as u64);
                bar.set_message(names.get(done).cloned().unwrap_or_default());
            }
        }
        if let Some(bar) = progress {
            bar.finish_and_clear();
        }
        if total > 1 && !self.json && !self.quiet {
            console.say(text::summary(counts, started.elapsed()));
        }
        Ok(worst)
    }

    fn options(&self) -> Options {
        let mut budget = Budget::unlimited();
        budget.max_time = self.max_time.0;
        budget.max_memory_bytes = self.max_memory.0;
        budget.max_steps = self.max_steps;
        Options {
            model: self.model.0,
            format: self.format.0,
            initial: self.initial.clone(),
            budget,
            max_line_bytes: self.max_line_bytes.get(),
            ignore_refusals: self.ignore_refusals,
            witness: self.witness,
        }
    }

    fn show(&self, judged: &Judged, console: &mut Console, style: text::Style) {
        let name = if judged.file == "-" { "standard input" } else { &judged.file };
        match &judged.result {
            Err(Failure::BadInput(message) | Failure::Internal(message)) => {
                console.complain(&format!("{name}: {message}"));
            }
            // What must not happen is said on standard error too, whatever form the output has.
            Ok(finding) => {
                let flaws = finding.violations.iter().filter_map(|violation| violation.prefix_flaw.as_ref());
                for flaw in flaws {
                    console.complain(&format!(
                        "{name}: internal error: the verifier refuses the prefix: {flaw}"
                    ));
                }
                if let Ruling::Undecided { code: "internal-error", message } = &finding.ruling {
                    console.complain(&format!("{name}: {message}"));
                }
            }
        }
        if self.json {
            console.say(json::line(judged, self.witness));
        } else if !self.quiet {
            text::lines(judged, style).into_iter().for_each(|line| console.say(line));
        }
    }
}

const fn outcome(judged: &Judged) -> Outcome {
    match &judged.result {
        Err(Failure::BadInput(_)) => Outcome::BadInput,
        Err(Failure::Internal(_)) => Outcome::Undecided,
        Ok(finding) => match finding.ruling {
            Ruling::Linearizable => Outcome::Well,
            Ruling::Violated => Outcome::Violated,
            Ruling::Undecided { .. } => Outcome::Undecided,
        },
    }
}

/// Where an outcome is counted.
const fn slot(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Well => 0,
        Outcome::Violated => 1,
        Outcome::Undecided => 2,
        Outcome::BadInput | Outcome::Interrupted => 3,
    }
}
