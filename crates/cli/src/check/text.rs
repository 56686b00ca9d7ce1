//! A judgement for people: one line, and what explains it beneath.

use super::finding::{Failure, Finding, Judged, Op, Order, Ruling, Step, Violated};
use super::window::picture;
use core::time::Duration;

/// Operations of a window that are shown without `--witness`.
const SHOWN: usize = 8;

/// How much to show, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) witness: bool,
    pub(super) colour: bool,
    /// Characters of the longest file name, so that the lines of several files stand in columns.
    pub(super) name_width: usize,
}

/// The lines on standard output for one input.
pub(super) fn lines(judged: &Judged, style: Style) -> Vec<String> {
    let finding = match &judged.result {
        Ok(finding) => finding,
        Err(Failure::BadInput(_)) => {
            return vec![headline("bad input", judged, "(the message is on standard error)", style)];
        }
        Err(Failure::Internal(_)) => return vec![headline("undecided", judged, "internal error", style)],
    };
    let about = format!("{}, {}, {}", ops(finding), model(finding), short(judged.elapsed));
    let mut lines = vec![headline(word(&finding.ruling), judged, &about, style)];
    match &finding.ruling {
        Ruling::Linearizable => {
            finding.linearization.iter().for_each(|order| linearization(&mut lines, order));
        }
        Ruling::Violated => {
            let shown = if style.witness { finding.violations.len() } else { 1 };
            for violation in finding.violations.iter().take(shown) {
                explain(&mut lines, violation, style);
            }
            more_keys(&mut lines, &finding.violations[shown.min(finding.violations.len())..]);
        }
        Ruling::Undecided { message, .. } => {
            lines.push(format!("    {message}"));
            for open in finding.open.iter().take(if style.witness { usize::MAX } else { 3 }) {
                let of_key = open.key.as_ref().map_or_else(String::new, |key| format!("key {key}: "));
                lines.push(format!(
                    "    {of_key}{} of {} operations put in order so far",
                    open.explained, open.ops
                ));
            }
        }
    }
    lines
}

/// The last line for several inputs.
pub(super) fn summary(counts: [usize; 4], elapsed: Duration) -> String {
    let [good, violated, undecided, bad] = counts;
    let total: usize = counts.iter().sum();
    let bad = if bad > 0 { format!(", {bad} bad input") } else { String::new() };
    format!(
        "{total} {}: {good} linearizable, {violated} violated, {undecided} undecided{bad}, in {}",
        if total == 1 { "history" } else { "histories" },
        short(elapsed)
    )
}

/// The verdict in one word.
pub(super) const fn word(ruling: &Ruling) -> &'static str {
    match ruling {
        Ruling::Linearizable => "linearizable",
        Ruling::Violated => "violated",
        Ruling::Undecided { .. } => "undecided",
    }
}

fn headline(word: &str, judged: &Judged, about: &str, style: Style) -> String {
    let colour = match word {
        _ if !style.colour => None,
        "linearizable" => Some(32),
        "undecided" => Some(33),
        _ => Some(31),
    };
    let padded = format!("{word:<12}");
    let word = colour.map_or_else(|| padded.clone(), |code| format!("\u{1b}[1;{code}m{padded}\u{1b}[0m"));
    format!("{word}  {:<width$}  {about}", judged.file, width = style.name_width)
}

fn ops(finding: &Finding) -> String {
    match finding.endings[2] {
        0 => format!("{} ops", finding.ops),
        unknown => format!("{} ops ({unknown} unknown)", finding.ops),
    }
}

fn model(finding: &Finding) -> String {
    let chosen = if finding.model_chosen { " (auto)" } else { "" };
    match (finding.model, finding.partitions) {
        ("kv", 1) => format!("kv{chosen}, 1 key"),
        ("kv", keys) => format!("kv{chosen}, {keys} keys"),
        (name, _) => format!("{name}{chosen}"),
    }
}

fn explain(lines: &mut Vec<String>, violation: &Violated, style: Style) {
    let stuck = &violation.stuck;
    let at = stuck
        .return_line
        .map_or_else(|| format!("event {}", violation.last_event), |line| format!("line {line}"));
    let latest = if violation.exact { "" } else { " at the latest" };
    let of_key = violation.key.as_ref().map_or_else(String::new, |key| format!(" of key {key}"));
    lines.push(format!(
        "    {at}{latest}: no order{of_key} explains  {}  (process {})",
        stuck.words(),
        stuck.process
    ));
    let state = violation
        .state_after_prefix
        .as_ref()
        .map_or_else(String::new, |state| format!(", then the value is {state}"));
    let more = if style.witness { "" } else { "; --witness shows it" };
    let answers = format!(
        "longest valid prefix{}: {} of {} operations{state}{more}",
        if violation.exact { "" } else { " found" },
        violation.prefix.len(),
        violation.ops
    );
    lines.push(format!("    {answers}"));
    if let Some(flaw) = &violation.prefix_flaw {
        lines.push(format!(
            "    internal error: the verifier refuses this prefix: {flaw}; please report this"
        ));
    }
    if !violation.exact {
        lines.push(
            "    the search for the first such answer was cut short: there may be an earlier one".to_owned(),
        );
    }
    let why = if violation.self_contained {
        "contradict each other, whatever the value was before"
    } else {
        "cannot follow what came before"
    };
    lines.push(format!("    window: these {} operations {why}", violation.window.len()));
    let shown = if style.witness { violation.window.len() } else { SHOWN };
    lines.extend(picture(violation, shown).into_iter().map(|line| format!("      {line}")));
    lingering(lines, &violation.lingering, shown);
    if style.witness {
        lines.push("    the longest valid prefix, with the value behind each operation:".to_owned());
        table(lines, &violation.prefix_steps);
    }
}

fn lingering(lines: &mut Vec<String>, ops: &[Op], shown: usize) {
    if ops.is_empty() {
        return;
    }
    let mut names: Vec<String> = ops.iter().take(shown).map(|op| format!("#{} {}", op.id, op.call)).collect();
    if ops.len() > shown {
        names.push(format!("{} more", ops.len() - shown));
    }
    lines.push(format!("    crashed before it and may take effect in it: {}", names.join(", ")));
}

fn more_keys(lines: &mut Vec<String>, rest: &[Violated]) {
    if rest.is_empty() {
        return;
    }
    let mut keys: Vec<&str> =
        rest.iter().take(SHOWN).filter_map(|violation| violation.key.as_deref()).collect();
    if rest.len() > SHOWN {
        keys.push("…");
    }
    lines.push(format!(
        "    violated too: {} more keys, {}; --witness shows them",
        rest.len(),
        keys.join(", ")
    ));
}

fn linearization(lines: &mut Vec<String>, order: &Order) {
    let of_key = order.key.as_ref().map_or_else(String::new, |key| format!(" of key {key}"));
    lines.push(format!(
        "    an order{of_key} that explains every answer, with the value behind each operation:"
    ));
    table(lines, &order.steps);
}

fn table(lines: &mut Vec<String>, steps: &[Step]) {
    let width = |text: &dyn Fn(&Step) -> usize| steps.iter().map(text).max().unwrap_or(0).min(60);
    let words = width(&|step| step.op.words().chars().count());
    let place = width(&|step| step.op.place().len());
    for (number, Step { op, state }) in steps.iter().enumerate() {
        lines.push(format!(
            "      {:>5}. #{:<5} process {:<4} {:<place$}  {:<words$}  {state}",
            number + 1,
            op.id,
            op.process,
            op.place(),
            op.words()
        ));
    }
}

/// A duration with three digits at most.
fn short(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds >= 10.0 {
        format!("{seconds:.0} s")
    } else if seconds >= 1.0 {
        format!("{seconds:.1} s")
    } else if seconds >= 0.01 {
        format!("{:.0} ms", seconds * 1e3)
    } else {
        format!("{:.1} ms", seconds * 1e3)
    }
}
