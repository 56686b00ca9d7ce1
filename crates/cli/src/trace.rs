//! `--trace`: a stretch of a run, written for people and for programs.

use crate::console::{Complaint, Console, command_line, write};
use crate::subject::Subject;
use clap::ValueEnum;
use core::ops::Range;
use std::path::{Path, PathBuf};
use synod_sim::trace::{Page, Row, Stretch, Trace};
use synod_sim::{Report, Sim, Tape, Verdict};

/// A run with fewer events than this is traced whole; a page, which has room for 24,000 moments, holds more.
const WHOLE_EVENTS_MAX: u64 = 4_000;
const WHOLE_EVENTS_MAX_PAGE: u64 = 9_000;
/// What a page shows before and after the stretch that is worth looking at, in virtual nanoseconds.
const AROUND: u64 = 500_000_000;
/// Lanes for operations of clients.
const ROWS_MAX: usize = 12;

/// What to write of a run, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Tracing {
    /// Write what happened in the run, or in the first that failed: every message with its fate, crashes, faults, states.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// By default the file's ending says: `.jsonl` or `.json`, `.shiviz` or `.log`, `.mmd`, `.html`, `.steps`.
    #[arg(long, value_enum, requires = "trace")]
    trace_format: Option<Format>,
    /// The stretch of virtual time to write, such as `2.5s..2.75s`, `900ms..1s` or `0..`. By default the whole of a short run,
    /// or what lies around the failure (the first change of leader, if there was none).
    #[arg(long, value_name = "A..B", requires = "trace", value_parser = window)]
    window: Option<Range<u64>>,
}

/// How a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One object for each moment, with vector clocks.
    Json,
    /// A log for ShiViz.
    Shiviz,
    /// A sequence diagram for Mermaid; a few hundred arrows at most.
    Mermaid,
    /// A space-time diagram on a page of its own, to zoom and search in.
    Html,
    /// What every node takes, writes, says and is, from the beginning of the run on, for `synod validate`.
    Steps,
}

impl Format {
    fn of(path: &Path) -> Result<Self, Complaint> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("json" | "jsonl" | "ndjson") => Ok(Self::Json),
            Some("shiviz" | "log") => Ok(Self::Shiviz),
            Some("mmd" | "mermaid") => Ok(Self::Mermaid),
            Some("html" | "htm") => Ok(Self::Html),
            Some("steps") => Ok(Self::Steps),
            _ => Err(Complaint::Usage(format!(
                "{} does not say how to write the trace; add --trace-format json, shiviz, mermaid, html or steps",
                path.display()
            ))),
        }
    }
}

fn window(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("write A..B, such as 2.5s..2.75s")?;
    let from = if from.trim().is_empty() { 0 } else { nanos(from)? };
    let to = if to.trim().is_empty() { u64::MAX } else { nanos(to)? };
    if from < to { Ok(from..to) } else { Err("the window is empty: it ends before it begins".to_owned()) }
}

/// A time such as `1.5s`, `900ms`, `20us`, `7ns`; a number alone means seconds.
fn nanos(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let (number, unit) = match text.find(|char: char| char.is_ascii_alphabetic()) {
        Some(place) => text.split_at(place),
        None => (text, "s"),
    };
    let unit: u64 = match unit {
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" => 1_000,
        "ns" => 1,
        other => return Err(format!("`{other}` is no unit; there are s, ms, us and ns")),
    };
    let bad = || format!("`{text}` is no time; write 1.5s or 900ms");
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if part.len() > 18 || !part.chars().all(|char| char.is_ascii_digit()) {
        return Err(bad());
    }
    let whole: u64 = whole.parse().map_err(|_| bad())?;
    let tenths: u64 = if part.is_empty() { 0 } else { part.parse().map_err(|_| bad())? };
    let scale = 10_u128.pow(u32::try_from(part.len()).unwrap_or(0));
    let part = u64::try_from(u128::from(tenths) * u128::from(unit) / scale).map_err(|_| bad())?;
    whole.checked_mul(unit).and_then(|whole| whole.checked_add(part)).ok_or_else(bad)
}

impl Tracing {
    pub(crate) const fn is_wanted(&self) -> bool {
        self.trace.is_some()
    }

    /// Whether the request makes sense: told before anything runs.
    pub(crate) fn check(&self) -> Result<(), Complaint> {
        match (&self.trace, self.trace_format) {
            (Some(path), None) => Format::of(path).map(drop),
            _ => Ok(()),
        }
    }

    /// Runs the tape once more and writes its trace, if one is wanted.
    pub(crate) fn write<S: Subject>(
        &self,
        subject: &S,
        sim: &Sim<S::Protocol, S::Clients>,
        tape: Tape,
        report: &Report<S::Clients>,
        quiet: bool,
        console: &mut Console,
    ) -> Result<(), Complaint> {
        let Some(path) = &self.trace else { return Ok(()) };
        let format = self.trace_format.map_or_else(|| Format::of(path), Ok)?;
        if format == Format::Steps {
            let text = subject.steps(tape).map_err(Complaint::Usage)?;
            let text = text.ok_or_else(|| {
                Complaint::Usage(format!(
                    "{} has no executable specification to validate steps against",
                    S::TITLE
                ))
            })?;
            write(path, &text)?;
            if !quiet {
                console.say(format!("{} lines written to {}", text.lines().count(), path.display()));
            }
            return Ok(());
        }
        let window = self.window.clone().unwrap_or_else(|| window_of::<S>(report, format));
        let (_, trace) = sim.trace(tape, window, S::portrait);
        let (text, note) = rendered::<S>(&trace, format, report);
        write(path, &text)?;
        if !quiet {
            console.say(format!("{} moments written to {}{note}", trace.moments.len(), path.display()));
        }
        Ok(())
    }
}

/// Runs the tape once more and draws it: a space-time diagram on a page of its own.
pub(crate) fn drawn<S: Subject>(
    sim: &Sim<S::Protocol, S::Clients>,
    tape: Tape,
    report: &Report<S::Clients>,
) -> String {
    let window = window_of::<S>(report, Format::Html);
    let (_, trace) = sim.trace(tape, window, S::portrait);
    trace.to_html(&page::<S>(&trace, report))
}

/// The whole of a short run, or what is worth looking at.
fn window_of<S: Subject>(report: &Report<S::Clients>, format: Format) -> Range<u64> {
    let (whole, around) = match format {
        Format::Html => (WHOLE_EVENTS_MAX_PAGE, AROUND),
        _ => (WHOLE_EVENTS_MAX, 0),
    };
    if report.stats.events <= whole {
        return 0..u64::MAX;
    }
    let Range { start, end } = S::window(report);
    start.saturating_sub(around)..end.saturating_add(around)
}

fn rendered<S: Subject>(trace: &Trace, format: Format, report: &Report<S::Clients>) -> (String, String) {
    match format {
        Format::Json | Format::Steps => (trace.to_json_lines(), String::new()),
        Format::Shiviz => (trace.to_shiviz(), String::new()),
        Format::Mermaid => {
            let diagram = trace.to_mermaid();
            let note = match diagram.left_out {
                0 => String::new(),
                cut => format!("; {cut} arrows and notes were left out: choose a shorter --window"),
            };
            (diagram.text, note)
        }
        Format::Html => (trace.to_html(&page::<S>(trace, report)), String::new()),
    }
}

fn page<S: Subject>(trace: &Trace, report: &Report<S::Clients>) -> Page {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let (stats, tally) = (report.stats, S::tally(&report.workload));
    let operations = format!("{} answered, {} refused, {} unknown", tally.ok, tally.failed, tally.unknown);
    let mut facts = vec![
        fact("virtual time", format!("{:.3} s", report.at as f64 / 1e9)),
        fact("events", stats.events.to_string()),
        fact("moments in this window", trace.moments.len().to_string()),
        fact("faults", format!("{} struck, {} crashes", stats.faults, stats.crashes)),
        fact("operations", operations),
    ];
    facts.extend(tally.more.iter().map(|(name, count)| fact(name, count.to_string())));
    Page {
        title: format!("{} in the simulator, seed {}", S::TITLE, report.seed),
        command: command_line(),
        facts,
        rows: rows(S::operations(report, &trace.window)),
        findings: if report.verdict == Verdict::Passed { String::new() } else { S::findings(report) },
    }
}

/// What the clients did: the operations of a contradiction first, then the others, each on the first lane that is free.
fn rows(mut operations: Vec<Stretch>) -> Vec<Row> {
    operations.sort_by_key(|one| (!one.marked, one.from));
    let mut rows = vec![Row { name: "clients".to_owned(), stretches: Vec::new() }; ROWS_MAX];
    for one in operations {
        let until = one.until.unwrap_or(u64::MAX);
        let apart = |other: &Stretch| other.from > until || other.until.is_some_and(|end| end < one.from);
        if let Some(row) = rows.iter_mut().find(|row| row.stretches.iter().all(apart)) {
            row.stretches.push(one);
        }
    }
    rows.retain(|row| !row.stretches.is_empty());
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read_in_any_unit() {
        assert_eq!(window("2.5s..2.75s"), Ok(2_500_000_000..2_750_000_000));
        assert_eq!(window("900ms..1"), Ok(900_000_000..1_000_000_000));
        assert_eq!(window("..7ns"), Ok(0..7));
        assert_eq!(window("20us.."), Ok(20_000..u64::MAX));
        for bad in ["", "5", "2s..1s", "1h..2h", "-1..2", "1.x..2", "..99999999999999999999", "1..1e400s"] {
            assert!(window(bad).is_err(), "{bad}");
        }
    }
}
