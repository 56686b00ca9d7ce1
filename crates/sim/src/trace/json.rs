//! JSON lines: a trace for programs.

use super::{Happening, Moment, Trace};
use crate::nemesis::Strike;
use core::fmt::{self, Write as _};
use std::collections::BTreeMap;
use synod_core::NodeId;

/// A text as a JSON string, quotes included. Safe within a `<script>` element too: `<` never appears.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for char in self.0.chars() {
            match char {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                // Control characters must be escaped; the others would end a script element or, in old readers, a line.
                '\0'..='\u{1f}' | '\u{7f}' | '<' | '\u{2028}' | '\u{2029}' => {
                    write!(f, "\\u{:04x}", u32::from(char))?;
                }
                _ => f.write_char(char)?,
            }
        }
        f.write_char('"')
    }
}

/// Numbers as a JSON array.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers<'a>(pub(crate) &'a [u64]);

impl fmt::Display for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        for (nth, number) in self.0.iter().enumerate() {
            write!(f, "{}{number}", if nth == 0 { "" } else { "," })?;
        }
        f.write_char(']')
    }
}

impl Trace {
    /// The trace as JSON lines: one object a line, in UTF-8, in the order of time. Every object has `kind`. Times end in `_ns`
    /// and are virtual nanoseconds since the run began; nodes are numbers from 1. Numbers are below 2^64: readers whose numbers
    /// are doubles lose digits of `seed`.
    ///
    /// | `kind` | what else the object has |
    /// |---|---|
    /// | `run` (the first line) | `format` (`synod-trace 1`), `seed`, `hash` (16 hexadecimal digits), `nodes`, `from_ns` and `until_ns` (the window), `end_ns`, `verdict` |
    /// | `fault` | `at_ns`, `until_ns`, `fault` (its name on the command line), `nodes` (whom it struck) |
    /// | `sent` | `at_ns`, `node`, `peer` (the receiver), `message` (its id), `text`, `clock` |
    /// | `delivered`, `lost`, `blocked`, `receiver-down`, `overflow`, `too-large`, `refused`, `unreachable`, `reset`: a [`Fate`](super::Fate) | `at_ns`, `node` (the receiver), `peer` (the sender; `null` if it was sent before the window), `message`, `clock` (`null` if it did not arrive) |
    /// | `event`, `command`, `timer`, `state` | `at_ns`, `node`, `text`, `clock` |
    /// | `durable` | `at_ns`, `node`, `upto` (a position in its log), `clock` |
    /// | `crashed` | `at_ns`, `node`, `lost` and `acknowledged` (numbers of records), `clock` |
    /// | `started` | `at_ns`, `node`, `clock` |
    /// | `damaged` (a stored record is unreadable from now on), `start-refused` (the node does not start from its damaged log), `treason` (a traitor deceives) | `at_ns`, `node`, `text`, `clock` |
    /// | `violation` (the last line, if the run failed within the window) | `at_ns`, `node` (or `null`), `text` |
    ///
    /// `clock` is the moment's [vector clock](Trace::clocks), an array with one number for each node. Later versions may add
    /// kinds and members; whoever reads skips what it does not know.
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_json_lines(&mut text);
        text
    }

    fn write_json_lines(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            r#"{{"kind":"run","format":"synod-trace 1","seed":{},"hash":"{:016x}","nodes":{},"from_ns":{},"until_ns":{},"end_ns":{},"verdict":{}}}"#,
            self.seed,
            self.hash,
            self.nodes,
            self.window.start,
            self.window.end,
            self.end,
            Quoted(&self.verdict.to_string())
        )?;
        let mut senders: BTreeMap<u64, NodeId> = BTreeMap::new();
        let mut strikes = self.strikes_within().peekable();
        for (moment, clock) in self.clocks() {
            while let Some(strike) = strikes.next_if(|strike| strike.at <= moment.at) {
                fault(strike, out)?;
            }
            if let Happening::Sent { id, .. } = &moment.what {
                senders.insert(*id, moment.node);
            }
            line(moment, clock.as_deref(), &senders, out)?;
        }
        strikes.try_for_each(|strike| fault(strike, out))?;
        if let Some(verdict) = self.violation() {
            write!(out, r#"{{"kind":"violation","at_ns":{},"node":"#, self.end)?;
            number(verdict.node().map(|node| node.0), out)?;
            writeln!(out, r#","text":{}}}"#, Quoted(&verdict.to_string()))?;
        }
        Ok(())
    }
}

fn number(number: Option<u64>, out: &mut String) -> fmt::Result {
    match number {
        Some(number) => write!(out, "{number}"),
        None => out.write_str("null"),
    }
}

fn fault(strike: &Strike, out: &mut String) -> fmt::Result {
    let nodes: Vec<u64> = strike.nodes.iter().map(|node| node.0).collect();
    writeln!(
        out,
        r#"{{"kind":"fault","at_ns":{},"until_ns":{},"fault":{},"nodes":{}}}"#,
        strike.at,
        strike.until,
        Quoted(strike.fault.name()),
        Numbers(&nodes)
    )
}

fn line(
    moment: &Moment,
    clock: Option<&[u64]>,
    senders: &BTreeMap<u64, NodeId>,
    out: &mut String,
) -> fmt::Result {
    let kind = moment.what.kind();
    write!(out, r#"{{"kind":"{kind}","at_ns":{},"node":{}"#, moment.at, moment.node.0)?;
    match &moment.what {
        Happening::Sent { id, to, .. } => write!(out, r#","peer":{},"message":{id}"#, to.0)?,
        Happening::Ended { id, .. } => {
            out.write_str(r#","peer":"#)?;
            number(senders.get(id).map(|node| node.0), out)?;
            write!(out, r#","message":{id}"#)?;
        }
        Happening::Durable(upto) => write!(out, r#","upto":{upto}"#)?,
        Happening::Crashed { lost, acknowledged } => {
            write!(out, r#","lost":{lost},"acknowledged":{acknowledged}"#)?;
        }
        _ => {}
    }
    let said = matches!(moment.what, Happening::Durable(_) | Happening::Crashed { .. });
    let text = moment.what.text();
    if !said && !text.is_empty() {
        write!(out, r#","text":{}"#, Quoted(&text))?;
    }
    match clock {
        Some(clock) => writeln!(out, r#","clock":{}}}"#, Numbers(clock)),
        None => writeln!(out, r#","clock":null}}"#),
    }
}
