//! What a page shows of a trace, small enough to be carried by it.

use super::Page;
use crate::trace::json::{Numbers, Quoted};
use crate::trace::{Happening, Moment, Trace};
use core::fmt::{self, Write as _};
use std::collections::{BTreeMap, BTreeSet};

/// More moments than this make a page that opens slowly.
pub(super) const MOMENTS_MAX: usize = 24_000;
/// The bytes that all texts may take together.
const TEXT_BYTES: usize = 700_000;
const STRIKES_MAX: usize = 1_000;
const STRETCHES_MAX: usize = 2_000;
const ROWS_MAX: usize = 24;

/// A message on its way: the way's end is a fate, or nothing if it had not ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'a> {
    pub(super) id: u64,
    /// Zero if it was sent before the first moment.
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) sent: u64,
    pub(super) ended: u64,
    pub(super) fate: &'static str,
    pub(super) text: &'a str,
}

/// The part of a trace that is shown.
pub(super) struct Picture<'a> {
    trace: &'a Trace,
    pub(super) moments: &'a [Moment],
    pub(super) from: u64,
    pub(super) until: u64,
    /// In the order in which they were sent.
    pub(super) ways: Vec<Way<'a>>,
    /// What is not shown, in words.
    pub(super) notes: Vec<String>,
    text_chars_max: usize,
}

impl<'a> Picture<'a> {
    pub(super) fn of(trace: &'a Trace, page: &'a Page) -> Self {
        let moments = nearest(trace);
        let mut notes = Vec::new();
        let (mut first, mut last) = (trace.window.start, trace.window.end.min(trace.end));
        if moments.len() < trace.moments.len() {
            let (all, shown) = (trace.moments.len(), moments.len());
            first = moments.first().map_or(first, |moment| moment.at);
            last = moments.last().map_or(last, |moment| moment.at);
            notes.push(format!("Shown are {shown} of {all} moments; choose a shorter window to see others."));
        }
        let ways = ways(moments, last);
        let text_chars_max = text_chars_max(moments, page);
        if text_chars_max < 240 {
            notes.push(format!("Texts are cut after {text_chars_max} characters, for the page's size."));
        }
        let stretches: usize = page.rows.iter().map(|row| row.stretches.len()).sum();
        if page.rows.len() > ROWS_MAX || stretches > STRETCHES_MAX {
            notes.push("Some further lanes, or what lies on them, are left out.".to_owned());
        }
        Self { trace, moments, from: first, until: last.max(first + 1), ways, notes, text_chars_max }
    }

    fn cut(&self, text: &str) -> String {
        match text.char_indices().nth(self.text_chars_max) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text.to_owned(),
        }
    }

    /// Times are nanoseconds since `from`. Messages are seven numbers each: sender, receiver, sending, its way's length, fate, text,
    /// id; marks four: node, kind, time, text; states three: node, time, text. Fates, kinds and texts are places in lists.
    pub(super) fn write_json(&self, page: &Page, out: &mut String) -> fmt::Result {
        let (mut texts, mut names) = (Index::default(), Index::default());
        let (mut ways, mut marks, mut states) = (Vec::new(), Vec::new(), Vec::new());
        for way in &self.ways {
            let (fate, text) = (names.of(way.fate), texts.of(&self.cut(way.text)));
            let sent = way.sent - self.from;
            ways.extend([way.from, way.to, sent, way.ended - way.sent, fate, text, way.id]);
        }
        for moment in self.moments {
            let (node, at) = (moment.node.0, moment.at - self.from);
            match &moment.what {
                Happening::Sent { .. } | Happening::Ended { .. } => {}
                Happening::State(text) => states.extend([node, at, texts.of(&self.cut(text))]),
                what => {
                    let text = texts.of(&self.cut(&what.text()));
                    marks.extend([node, names.of(what.kind()), at, text]);
                }
            }
        }
        write!(
            out,
            r#"{{"nodes":{},"from":{},"until":{},"messages":{},"marks":{},"states":{},"#,
            self.trace.nodes,
            self.from,
            self.until,
            Numbers(&ways),
            Numbers(&marks),
            Numbers(&states)
        )?;
        self.write_strikes(out)?;
        self.write_rows(page, out)?;
        write!(out, r#""names":{},"texts":{},"#, Strings(&names.list), Strings(&texts.list))?;
        match self.trace.violation() {
            Some(verdict) => write!(
                out,
                r#""failure":{{"at":{},"node":{},"text":{}}}}}"#,
                self.trace.end.saturating_sub(self.from),
                verdict.node().map_or(0, |node| node.0),
                Quoted(&self.cut(&verdict.to_string()))
            ),
            None => out.write_str(r#""failure":null}"#),
        }
    }

    fn write_strikes(&self, out: &mut String) -> fmt::Result {
        out.push_str(r#""faults":["#);
        let here = |strike: &&crate::Strike| strike.at <= self.until && strike.until >= self.from;
        for (nth, strike) in self.trace.strikes.iter().filter(here).take(STRIKES_MAX).enumerate() {
            let nodes: Vec<u64> = strike.nodes.iter().map(|node| node.0).collect();
            write!(
                out,
                "{}[{},{},{},{}]",
                if nth == 0 { "" } else { "," },
                Quoted(strike.fault.name()),
                i128::from(strike.at) - i128::from(self.from),
                i128::from(strike.until) - i128::from(self.from),
                Numbers(&nodes)
            )?;
        }
        out.write_str("],")
    }

    fn write_rows(&self, page: &Page, out: &mut String) -> fmt::Result {
        out.push_str(r#""rows":["#);
        let mut left = STRETCHES_MAX;
        for (nth, row) in page.rows.iter().take(ROWS_MAX).enumerate() {
            write!(out, "{}[{},[", if nth == 0 { "" } else { "," }, Quoted(&self.cut(&row.name)))?;
            let here = |one: &&super::Stretch| {
                one.from <= self.until && one.until.is_none_or(|until| until >= self.from)
            };
            for (nth, one) in row.stretches.iter().filter(here).take(left).enumerate() {
                left = left.saturating_sub(1);
                let until = one.until.map(|until| i128::from(until) - i128::from(self.from));
                write!(
                    out,
                    "{}[{},{},{},{}]",
                    if nth == 0 { "" } else { "," },
                    i128::from(one.from) - i128::from(self.from),
                    until.map_or_else(|| "null".to_owned(), |until| until.to_string()),
                    Quoted(&self.cut(&one.text)),
                    u8::from(one.marked)
                )?;
            }
            out.push_str("]]");
        }
        out.write_str("],")
    }
}

/// All moments; or, if they are too many, those before the failure, or in the middle.
fn nearest(trace: &Trace) -> &[Moment] {
    let moments = trace.moments.as_slice();
    if moments.len() <= MOMENTS_MAX {
        return moments;
    }
    let first = match trace.violation() {
        Some(_) => moments.len() - MOMENTS_MAX,
        None => (moments.len() - MOMENTS_MAX) / 2,
    };
    moments.get(first..first + MOMENTS_MAX).unwrap_or(moments)
}

/// The messages that were sent or ended within, one for each end.
fn ways(moments: &[Moment], last: u64) -> Vec<Way<'_>> {
    let mut ways: Vec<Way<'_>> = Vec::new();
    let mut places: BTreeMap<u64, usize> = BTreeMap::new();
    for moment in moments {
        match &moment.what {
            Happening::Sent { id, to, text } => {
                places.insert(*id, ways.len());
                let (from, at) = (moment.node.0, moment.at);
                let fate = "on its way";
                ways.push(Way { id: *id, from, to: to.0, sent: at, ended: last, fate, text });
            }
            Happening::Ended { id, fate } => {
                let known = places.get(id).and_then(|place| ways.get_mut(*place));
                let (to, ended, fate) = (moment.node.0, moment.at, fate.name());
                match known {
                    Some(way) if way.fate == "on its way" => *way = Way { to, ended, fate, ..*way },
                    Some(way) => {
                        let copy = Way { to, ended, fate, ..*way };
                        ways.push(copy);
                    }
                    None => {
                        let text = "sent before the first moment of this page";
                        ways.push(Way { id: *id, from: 0, to, sent: ended, ended, fate, text });
                    }
                }
            }
            _ => {}
        }
    }
    ways.sort_by_key(|way| way.sent);
    ways
}

/// How long a text may be, so that all of them together stay within bounds.
fn text_chars_max(moments: &[Moment], page: &Page) -> usize {
    let texts: BTreeSet<&str> = moments
        .iter()
        .filter_map(|moment| match &moment.what {
            Happening::Sent { text, .. }
            | Happening::Event(text)
            | Happening::Command(text)
            | Happening::Timer(text)
            | Happening::Refused(text)
            | Happening::State(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let stretches = page.rows.iter().flat_map(|row| &row.stretches).take(STRETCHES_MAX);
    let all: Vec<&str> = texts.into_iter().chain(stretches.map(|one| one.text.as_str())).collect();
    let total = |max: usize| -> usize { all.iter().map(|text| written(text, max)).sum() };
    [240, 160, 120, 90, 64, 48, 32, 24].into_iter().find(|max| total(*max) <= TEXT_BYTES).unwrap_or(12)
}

/// How many bytes the beginning of a text takes in JSON, its quotes, its comma and an ellipsis included.
fn written(text: &str, chars_max: usize) -> usize {
    let bytes = |char: char| match char {
        '"' | '\\' | '\n' => 2,
        '<' | '\u{2028}' | '\u{2029}' => 6,
        _ if char.is_control() => 6,
        _ => char.len_utf8(),
    };
    6 + text.chars().take(chars_max).map(bytes).sum::<usize>()
}

/// A list in which each text stands once.
#[derive(Default)]
struct Index {
    list: Vec<String>,
    places: BTreeMap<String, u64>,
}

impl Index {
    fn of(&mut self, text: &str) -> u64 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = self.list.len() as u64;
        self.list.push(text.to_owned());
        self.places.insert(text.to_owned(), place);
        place
    }
}

struct Strings<'a>(&'a [String]);

impl fmt::Display for Strings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        for (nth, text) in self.0.iter().enumerate() {
            write!(f, "{}{}", if nth == 0 { "" } else { "," }, Quoted(text))?;
        }
        f.write_char(']')
    }
}
