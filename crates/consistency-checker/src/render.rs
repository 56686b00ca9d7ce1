//! Reports as text for a terminal.

use core::fmt;

use crate::history::OpId;
use crate::model::Model;
use crate::report::{Partition, Report, Verdict, Violation};

/// Operations shown of a window or of a prefix; the report itself holds all.
const SHOWN: usize = 24;

impl<M: Model> fmt::Display for Report<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        writeln!(
            f,
            "{}: {} operations in {} {}, {} steps",
            self.verdict(),
            stats.ops,
            stats.partitions,
            if stats.partitions == 1 { "partition" } else { "partitions" },
            stats.steps,
        )?;
        for part in self.partitions() {
            match (&part.verdict, &part.violation) {
                (Verdict::Violated, Some(violation)) => self.violation(f, part, violation)?,
                (Verdict::Undecided(reason), _) => {
                    let ordered = part.progress.as_ref().map_or(0, Vec::len);
                    writeln!(
                        f,
                        "{}undecided after ordering {ordered} of {} operations: {reason}",
                        self.part(part),
                        part.ops.len()
                    )?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl<M: Model> Report<'_, M> {
    fn part(&self, part: &Partition<M::Key>) -> String {
        part.key.as_ref().map_or_else(String::new, |key| format!("key {}: ", self.model().describe_key(key)))
    }

    fn violation(
        &self,
        f: &mut fmt::Formatter<'_>,
        part: &Partition<M::Key>,
        violation: &Violation,
    ) -> fmt::Result {
        let (prefix, window) = (&violation.longest_prefix, &violation.window);
        writeln!(f, "\n{}no order gets past {}", self.part(part), self.one(violation.stuck))?;
        if !violation.exact {
            writeln!(f, "(an earlier operation may be the first: the budget ran out while looking)")?;
        }
        let state = self.describe_state_after(prefix).unwrap_or_default();
        writeln!(
            f,
            "the longest valid order has {} operations and ends in state {state}; its end:",
            prefix.len()
        )?;
        self.list(f, &prefix[prefix.len().saturating_sub(SHOWN / 3)..], violation.stuck)?;
        let alone = if window.self_contained { ", contradictory from every starting state" } else { "" };
        writeln!(f, "window: events {} to {}{alone}", window.first_event, window.last_event)?;
        // What is near the end matters most.
        let hidden = window.ops.len().saturating_sub(SHOWN);
        if hidden > 0 {
            writeln!(f, "  ... {hidden} earlier operations")?;
        }
        self.list(f, &window.ops[hidden..], violation.stuck)?;
        if !window.lingering.is_empty() {
            writeln!(f, "crashed before the window, may take effect in it:")?;
            self.list(f, &window.lingering[..window.lingering.len().min(SHOWN)], violation.stuck)?;
            if let Some(hidden) = window.lingering.len().checked_sub(SHOWN + 1) {
                writeln!(f, "  ... {} more", hidden + 1)?;
            }
        }
        Ok(())
    }

    fn list(&self, f: &mut fmt::Formatter<'_>, ops: &[OpId], stuck: OpId) -> fmt::Result {
        for op in ops {
            writeln!(f, "{} {}", if *op == stuck { " >" } else { "  " }, self.one(*op))?;
        }
        Ok(())
    }

    /// Who did what, and where it stands.
    fn one(&self, id: OpId) -> String {
        let Some(op) = self.history().get(id) else { return String::new() };
        let place = match (op.call_mark().line, op.return_mark().line) {
            (Some(call), Some(answer)) => format!("lines {call}-{answer}"),
            (Some(call), None) => format!("line {call}, no answer"),
            _ => op.returned().map_or_else(
                || format!("events {}-", op.called()),
                |returned| format!("events {}-{returned}", op.called()),
            ),
        };
        format!("{id} process {}: {} ({place})", op.process(), self.describe(id))
    }
}
