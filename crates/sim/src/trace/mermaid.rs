//! A Mermaid sequence diagram: a few moments, for a page of documentation.

use super::{Fate, Happening, Moment, Trace};
use crate::nemesis::Strike;
use core::fmt::Write as _;
use std::collections::BTreeMap;
use synod_core::NodeId;

/// Mermaid refuses more than 50,000 characters (`maxTextSize`), and nobody reads nearly as many.
const TEXT_LEN_MAX: usize = 45_000;
/// Arrows and notes beyond these make a picture that is metres long.
const LINES_MAX: usize = 300;
const WORDS_MAX: usize = 60;

/// A sequence diagram, and what it does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mermaid {
    /// The diagram in Mermaid's language.
    pub text: String,
    /// How many arrows and notes there was no room for; the diagram says so too.
    pub left_out: usize,
}

impl Trace {
    /// The trace as a Mermaid `sequenceDiagram`, cut to what Mermaid takes: at most 300 arrows and notes and 45,000 characters.
    ///
    /// Time runs down and is not to scale. A message is drawn where its way ended, with the moment it was sent where that lies
    /// more than a millisecond before; what is still on its way is not drawn. A cross ends what did not arrive.
    #[must_use]
    pub fn to_mermaid(&self) -> Mermaid {
        let mut diagram = Diagram::begin(self);
        let mut sent: BTreeMap<u64, (&Moment, &str)> = BTreeMap::new();
        let mut strikes = self.strikes_within().peekable();
        for moment in &self.moments {
            while let Some(strike) = strikes.next_if(|strike| strike.at <= moment.at) {
                diagram.fault(strike, self.nodes);
            }
            match &moment.what {
                Happening::Sent { id, text, .. } => drop(sent.insert(*id, (moment, text.as_str()))),
                Happening::Ended { id, fate } => diagram.arrow(moment, *fate, sent.get(id).copied()),
                // Syncs and timers are too many to be told here.
                Happening::Durable(_) | Happening::Timer(_) => {}
                what => diagram.note(moment.node, what),
            }
        }
        strikes.for_each(|strike| diagram.fault(strike, self.nodes));
        if let Some(verdict) = self.violation() {
            let words = format!("violation: {}", plain(&verdict.to_string(), 160));
            let whole = span(1, self.nodes);
            diagram.must(&format!("Note over {whole}: {words}"));
        }
        diagram.end(self.nodes)
    }
}

struct Diagram {
    text: String,
    lines: usize,
    left_out: usize,
}

impl Diagram {
    fn begin(trace: &Trace) -> Self {
        let mut text = String::from("sequenceDiagram\n");
        (1..=trace.nodes).for_each(|node| {
            let _ = writeln!(text, "    participant n{node}");
        });
        Self { text, lines: 0, left_out: 0 }
    }

    fn put(&mut self, line: &str) {
        if self.left_out > 0 || self.lines >= LINES_MAX || self.text.len() + line.len() > TEXT_LEN_MAX {
            self.left_out += 1;
        } else {
            self.lines += 1;
            self.must(line);
        }
    }

    fn must(&mut self, line: &str) {
        let _ = writeln!(self.text, "    {line}");
    }

    fn arrow(&mut self, moment: &Moment, fate: Fate, sent: Option<(&Moment, &str)>) {
        let Some((begun, text)) = sent else { return };
        let head = if fate.arrives() { "->>" } else { "-x" };
        let words = plain(text, WORDS_MAX);
        let fate = if fate.arrives() { String::new() } else { format!(" ({})", fate.name()) };
        let age = moment.at.saturating_sub(begun.at);
        let age =
            if age > 1_000_000 { format!(" [{} on its way]", super::Millis(age)) } else { String::new() };
        self.put(&format!("{}{head}{}: {words}{fate}{age}", begun.node, moment.node));
    }

    fn note(&mut self, node: NodeId, what: &Happening) {
        let words = plain(&what.text(), WORDS_MAX);
        self.put(format!("Note over {node}: {} {words}", what.kind()).trim_end());
    }

    fn fault(&mut self, strike: &Strike, nodes: usize) {
        let ids = strike.nodes.iter().map(|id| id.0);
        let over = match (ids.clone().min(), ids.max()) {
            (Some(least), Some(greatest)) => span(least, usize::try_from(greatest).unwrap_or(nodes)),
            _ => span(1, nodes),
        };
        let lasting = super::Millis(strike.until.saturating_sub(strike.at));
        let whom: Vec<String> = strike.nodes.iter().map(NodeId::to_string).collect();
        let whom = whom.join(" ");
        self.put(&format!("Note over {over}: fault {} {whom} for {lasting}", strike.fault));
    }

    fn end(mut self, nodes: usize) -> Mermaid {
        let left_out = self.left_out;
        if left_out > 0 {
            self.must(&format!("Note over {}: cut here, {left_out} more are not shown", span(1, nodes)));
        }
        Mermaid { text: self.text, left_out }
    }
}

/// The nodes that a note lies over: one, or from the first to the last of several.
fn span(first: u64, last: usize) -> String {
    if last as u64 <= first { format!("n{first}") } else { format!("n{first},n{last}") }
}

/// A text that means nothing to Mermaid: characters of its grammar and of HTML become entity codes, and the word `end`, which
/// closes blocks, is put apart.
fn plain(text: &str, chars_max: usize) -> String {
    let mut plain = String::new();
    for (nth, char) in text.chars().enumerate() {
        if nth >= chars_max {
            plain.push('…');
            break;
        }
        match char {
            '#' | ';' | ':' | '<' | '>' | '"' | '&' | '%' | '\\' | '`' => {
                let _ = write!(plain, "#{};", u32::from(char));
            }
            _ if char.is_control() => plain.push(' '),
            _ => plain.push(char),
        }
    }
    if plain.trim() == "end" { "(end)".to_owned() } else { plain }
}
