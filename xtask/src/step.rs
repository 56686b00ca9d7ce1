//! Steps with names, durations and a summary.

use crate::failure::Failure;
use crate::workspace::Workspace;
use core::time::Duration;
use std::time::Instant;

/// How a step ended that did not fail.
pub(crate) enum Outcome {
    Passed,
    /// There was nothing to check, and why: shown in the summary, so that it is never mistaken for a pass.
    Nothing(String),
}

/// One thing that CI checks.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) says: &'static str,
    pub(crate) run: fn(&Workspace) -> Result<Outcome, Failure>,
}

/// Runs the steps in order, prints each with its duration and all of them as a table at the end. Stops at the first
/// failure unless told to keep going.
pub(crate) fn run_all(steps: &[&Step], workspace: &Workspace, keep_going: bool) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    for step in steps {
        println!("\n── {}: {}", step.name, step.says);
        let begin = Instant::now();
        let result = (step.run)(workspace);
        let took = begin.elapsed();
        let verdict = match &result {
            Ok(Outcome::Passed) => "passed".to_owned(),
            Ok(Outcome::Nothing(why)) => format!("nothing to do: {why}"),
            Err(failure) => {
                eprintln!("{}: {failure}", step.name);
                failed.push(step.name);
                "FAILED".to_owned()
            }
        };
        println!("── {}: {verdict} in {}", step.name, seconds(took));
        rows.push((step.name, took, verdict));
        if result.is_err() && !keep_going {
            break;
        }
    }
    print!("\n{}", summary(&rows));
    let left = steps.len() - rows.len();
    if left > 0 {
        println!("{left} steps not run; --keep-going runs them all the same");
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::told(format!("failed: {}", failed.join(", ")))) }
}

fn summary(rows: &[(&str, Duration, String)]) -> String {
    let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0).max("total".len());
    let mut table = String::new();
    for (name, took, verdict) in rows {
        table += &format!("{name:width$}  {:>9}  {verdict}\n", seconds(*took));
    }
    let total = rows.iter().map(|(_, took, _)| *took).sum();
    table + &format!("{:width$}  {:>9}\n", "total", seconds(total))
}

/// A duration for people: one decimal, in seconds.
pub(crate) fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSES: Step = Step { name: "passes", says: "", run: |_| Ok(Outcome::Passed) };
    const FAILS: Step = Step { name: "fails", says: "", run: |_| Err(Failure::told("on purpose")) };

    #[test]
    fn a_failure_stops_the_run_and_is_named() {
        let workspace = Workspace::default();
        let told = run_all(&[&PASSES, &FAILS, &FAILS], &workspace, false).unwrap_err();
        assert_eq!(told.to_string(), "failed: fails");
        let told = run_all(&[&FAILS, &PASSES, &FAILS], &workspace, true).unwrap_err();
        assert_eq!(told.to_string(), "failed: fails, fails");
        assert!(run_all(&[&PASSES, &PASSES], &workspace, false).is_ok());
    }

    #[test]
    fn the_summary_adds_up() {
        let rows = [
            ("one", Duration::from_millis(1500), "passed".to_owned()),
            ("three", Duration::from_millis(250), "FAILED".to_owned()),
        ];
        assert_eq!(summary(&rows), "one        1.5 s  passed\nthree      0.2 s  FAILED\ntotal      1.8 s\n");
    }
}
