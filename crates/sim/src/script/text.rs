//! Scripts to text and back.

use super::span::{duration, moment, read, read_duration, span};
use super::{Expect, FaultEvent, Hit, Script, dial};
use crate::dials::Fault;
use crate::nemesis::Strike;
use crate::tape::{Kind, Label};
use core::fmt;
use core::str::FromStr;

const HEADER: &str = "synod-script 1";

/// Why a text is no script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The first line is not the header.
    #[error("line 1: a script begins with `synod-script 1`; this is no script, or one of a later version")]
    Header,
    /// A line is no entry.
    #[error("line {line}: expected {expected}, found `{found}`")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What could stand here.
        expected: &'static str,
        /// The beginning of the line.
        found: String,
    },
    /// An entry that a script has once is there again.
    #[error("line {line}: a second `{entry}`; a script has one")]
    Twice {
        /// The line, counted from 1.
        line: usize,
        /// Its first word.
        entry: &'static str,
    },
    /// An entry that every script has is not there.
    #[error("the script has no `{entry}` line")]
    Missing {
        /// Its first word.
        entry: &'static str,
    },
}

/// The characters that would break a line are shown as spaces.
fn one_line(text: &str) -> String {
    text.split(|letter: char| letter.is_control() || letter.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        for line in &self.about {
            writeln!(f, "{}", format!("# {}", one_line(line)).trim_end())?;
        }
        writeln!(f, "expect {}", self.expect)?;
        if let Some(hash) = self.hash {
            writeln!(f, "hash {hash:016x}")?;
        }
        writeln!(f, "\nseed {}\nstorm {}", self.seed, duration(self.storm))?;
        for (name, value) in &self.settings {
            writeln!(f, "set {name} {value}")?;
        }
        for line in dial::lines(&self.dials) {
            writeln!(f, "dial {line}")?;
        }
        for (label, value) in &self.draws {
            writeln!(f, "draw {label} {value}")?;
        }
        if !self.faults.is_empty() {
            writeln!(f)?;
        }
        self.faults.iter().try_for_each(|fault| writeln!(f, "{fault}"))
    }
}

impl fmt::Display for FaultEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strike(strike) => strike.fmt(f),
            Self::Hit(hit) => hit.fmt(f),
        }
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} {}", moment(self.at), self.fault)?;
        self.nodes.iter().try_for_each(|id| write!(f, " {id}"))?;
        if let Some(bridge) = self.bridge {
            write!(f, " through {bridge}")?;
        }
        write!(f, " for {}", span(self.until.saturating_sub(self.at)))?;
        if self.detail > 0 {
            write!(f, " with {}", self.detail)?;
        }
        Ok(())
    }
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} {}", moment(self.at), self.label)?;
        if let Some(amount) = self.amount {
            write!(f, " amount {amount}")?;
        }
        let note = one_line(&self.note);
        if note.is_empty() { Ok(()) } else { write!(f, "  # {note}") }
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut lines = text.lines().zip(1..);
        if lines.next().map(|(line, _)| line.trim()) != Some(HEADER) {
            return Err(ScriptError::Header);
        }
        let mut reader = Reader { script: Self::new(0), expect: false, seed: false, storm: false };
        for (text, line) in lines {
            let (entry, note) = match text.split_once('#') {
                Some((entry, note)) => (entry, Some(one_line(note))),
                None => (text, None),
            };
            let words: Vec<&str> = entry.split_whitespace().collect();
            reader.entry(&words, note, line).map_err(|flaw| match flaw {
                Flaw::Expected(expected) => {
                    ScriptError::Line { line, expected, found: text.trim().chars().take(60).collect() }
                }
                Flaw::Twice(entry) => ScriptError::Twice { line, entry },
            })?;
        }
        for (entry, read) in [("expect", reader.expect), ("seed", reader.seed), ("storm", reader.storm)] {
            if !read {
                return Err(ScriptError::Missing { entry });
            }
        }
        Ok(reader.script)
    }
}

enum Flaw {
    Expected(&'static str),
    Twice(&'static str),
}

struct Reader {
    script: Script,
    expect: bool,
    seed: bool,
    storm: bool,
}

impl Reader {
    fn entry(&mut self, words: &[&str], note: Option<String>, line: usize) -> Result<(), Flaw> {
        let script = &mut self.script;
        match words {
            [] => {
                // Comments at the head are kept, those further down are for whoever wrote them.
                if let Some(note) = note
                    && !self.expect
                    && script.about.len() + 2 == line
                {
                    script.about.push(note);
                }
            }
            ["expect", rest @ ..] => {
                once(&mut self.expect, "expect")?;
                script.expect = expect(rest).ok_or(Flaw::Expected(
                    "`expect passed`, `expect violated NAME`, `expect stalled NAME` or `expect restless`",
                ))?;
            }
            ["hash", hash] => {
                if script.hash.is_some() {
                    return Err(Flaw::Twice("hash"));
                }
                script.hash = Some(hex(hash).ok_or(Flaw::Expected("`hash HEX`"))?);
            }
            ["seed", seed] => {
                once(&mut self.seed, "seed")?;
                script.seed = seed.parse().map_err(|_| Flaw::Expected("`seed NUMBER`"))?;
            }
            ["storm", span] => {
                once(&mut self.storm, "storm")?;
                script.storm =
                    read_duration(span).ok_or(Flaw::Expected("`storm SPAN`, such as `storm 2.5s`"))?;
            }
            ["set", name, value] => {
                if script.settings.insert((*name).to_owned(), (*value).to_owned()).is_some() {
                    return Err(Flaw::Twice("set"));
                }
            }
            ["dial", rest @ ..] => {
                dial::turn(&mut script.dials, rest).ok_or(Flaw::Expected(
                    "a dial, such as `dial latency constant 500us` or `dial drift 200ppm`",
                ))?;
            }
            ["draw", rest @ ..] => {
                let (label, value) = draw(rest).ok_or(Flaw::Expected("`draw KIND HEX VALUE`"))?;
                script.draws.insert(label, value);
            }
            ["at", at, rest @ ..] => {
                let at = read(at).ok_or(Flaw::Expected("`at TIME`, such as `at 0.25s`"))?;
                script.faults.push(fault(at, rest, note.unwrap_or_default()).ok_or(Flaw::Expected(
                    "`at TIME FAULT NODES… [through NODE] for SPAN [with NUMBER]` or `at TIME KIND HEX [amount NUMBER]`",
                ))?);
            }
            _ => return Err(Flaw::Expected("expect, hash, seed, storm, set, dial, draw, at, or a comment")),
        }
        Ok(())
    }
}

fn once(read: &mut bool, entry: &'static str) -> Result<(), Flaw> {
    if core::mem::replace(read, true) { Err(Flaw::Twice(entry)) } else { Ok(()) }
}

fn expect(words: &[&str]) -> Option<Expect> {
    match words {
        ["passed"] => Some(Expect::Passed),
        ["restless"] => Some(Expect::Restless),
        ["violated", name @ ..] if !name.is_empty() => Some(Expect::Violated(name.join(" "))),
        ["stalled", name @ ..] if !name.is_empty() => Some(Expect::Stalled(name.join(" "))),
        _ => None,
    }
}

fn hex(word: &str) -> Option<u64> {
    let digits = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits { u64::from_str_radix(word, 16).ok() } else { None }
}

fn label(kind: &str, key: &str) -> Option<Label> {
    Some(Label { kind: Kind::named(kind)?, key: hex(key)? })
}

fn draw(words: &[&str]) -> Option<(Label, u64)> {
    match words {
        [kind, key, value] => Some((label(kind, key)?, value.parse().ok()?)),
        _ => None,
    }
}

fn fault(at: u64, words: &[&str], note: String) -> Option<FaultEvent> {
    let (name, rest) = words.split_first()?;
    if let Ok(fault) = name.parse() {
        return strike(at, fault, rest).map(FaultEvent::Strike);
    }
    let (key, rest) = rest.split_first()?;
    let amount = match rest {
        [] => None,
        ["amount", amount] => Some(amount.parse().ok()?),
        _ => return None,
    };
    Some(FaultEvent::Hit(Hit { label: label(name, key)?, at, amount, note }))
}

fn strike(at: u64, fault: Fault, words: &[&str]) -> Option<Strike> {
    let (nodes, rest) = words.split_at(words.iter().position(|word| !word.starts_with('n'))?);
    let nodes = nodes.iter().map(|word| dial::node(word)).collect::<Option<Vec<_>>>()?;
    let (bridge, rest) = match rest {
        ["through", bridge, rest @ ..] => (Some(dial::node(bridge)?), rest),
        rest => (None, rest),
    };
    let (lasting, detail) = match rest {
        ["for", span] => (read(span)?, 0),
        ["for", span, "with", detail] => (read(span)?, detail.parse().ok()?),
        _ => return None,
    };
    Some(Strike { fault, at, until: at.checked_add(lasting)?, nodes, bridge, detail })
}
