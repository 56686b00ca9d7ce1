//! The space-time diagram: one HTML file that needs nothing else.

mod data;
mod still;

use super::Trace;
use crate::markup::Escaped;
use crate::run::Verdict;
use core::fmt::{self, Write as _};

/// What stands around the diagram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The heading.
    pub title: String,
    /// The command that makes the page again; may be empty.
    pub command: String,
    /// Names and values, for the head of the page.
    pub facts: Vec<(String, String)>,
    /// Further lanes below those of the nodes: what clients did, say.
    pub rows: Vec<Row>,
    /// What a judge has found, in lines; may be empty. At most 20,000 characters are shown.
    pub findings: String,
}

/// A lane below those of the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// What lies on it.
    pub stretches: Vec<Stretch>,
}

/// Something that took its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// When it began, in virtual nanoseconds.
    pub from: u64,
    /// When it ended, if it did.
    pub until: Option<u64>,
    /// What it was.
    pub text: String,
    /// Whether it matters more than the others.
    pub marked: bool,
}

const STYLE: &str = include_str!("page/diagram.css");
const SCRIPT: &str = include_str!("page/diagram.js");

const TOOLS: &str = r#"<div class="tools" id="tools">
<label class="find"><span>find</span><input id="find" type="search" placeholder="text, n3, lost …" autocomplete="off" spellcheck="false"></label><span id="found" class="dim" role="status"></span>
<span class="group"><button type="button" id="previous" title="previous match (p)">‹</button><button type="button" id="next" title="next match (n)">›</button><label><input type="checkbox" id="only"> only matches</label></span>
<span class="group"><button type="button" id="closer" title="closer (+)">+</button><button type="button" id="farther" title="farther (−)">−</button><button type="button" id="fit" title="everything (f)">fit</button><button type="button" id="failure" title="where it failed (x)" hidden>failure</button></span>
</div>
<div class="stage" id="stage" tabindex="0" role="application" aria-label="Space-time diagram: arrow keys move, plus and minus zoom, f shows all"><canvas id="canvas"></canvas></div>
<canvas id="overview" aria-hidden="true"></canvas>
<ul class="legend" id="legend"></ul>
<div class="detail"><pre id="detail" aria-live="polite"></pre><div id="states"></div></div>
"#;

const HELP: &str = "<p class=\"note\">Each lane is a node, time runs to the right, a line is a message. Drag or use the arrow keys to move, the wheel or + and − to zoom, f to see everything, / to search. Point at anything to read it; click to keep it and to see what may have caused it (shaded before) and what it may have caused (shaded after). All times are virtual.</p>\n";

impl Trace {
    /// The trace as a space-time diagram on a page of its own: lanes, messages with their fates, crashes, restarts, pauses, faults as
    /// shaded bands, what became durable, and each node's state under the pointer; zoom, search, keyboard, light and dark.
    ///
    /// The page is below 2 MB whatever the trace holds: beyond 24,000 moments it shows those around the failure (or the middle), and
    /// long texts are cut; it says so. Nothing is loaded from anywhere. Without scripts a still picture is shown of the part that
    /// matters most.
    #[must_use]
    pub fn to_html(&self, page: &Page) -> String {
        let mut html = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_html(page, &mut html);
        html
    }

    fn write_html(&self, page: &Page, html: &mut String) -> fmt::Result {
        let title = Escaped::of(&page.title).cut(300);
        write!(
            html,
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\n<style>\n{STYLE}</style></head>\n<body><main>\n\
             <header><h1>{title}</h1>"
        )?;
        let verdict = self.verdict.to_string();
        let (class, sign) =
            if matches!(self.verdict, Verdict::Passed) { ("well", "✓") } else { ("ill", "✗") };
        writeln!(html, "<p class=\"verdict {class}\"><b>{sign}</b> {}</p>", Escaped::of(&verdict).cut(600))?;
        if !page.command.is_empty() {
            writeln!(
                html,
                "<p class=\"command\"><code>{}</code></p>",
                Escaped::of(&page.command).cut(2_000)
            )?;
        }
        let picture = data::Picture::of(self, page);
        html.push_str("<dl class=\"facts\">");
        let own = [("seed", self.seed.to_string()), ("hash of the run", format!("{:016x}", self.hash))];
        let own = own.iter().map(|(name, value)| (*name, value));
        for (name, value) in own.chain(page.facts.iter().map(|(name, value)| (name.as_str(), value))).take(24)
        {
            write!(
                html,
                "<div><dt>{}</dt><dd>{}</dd></div>",
                Escaped::of(name),
                Escaped::of(value).cut(300)
            )?;
        }
        writeln!(html, "</dl>")?;
        for note in &picture.notes {
            writeln!(html, "<p class=\"left-out\">{}</p>", Escaped::of(note))?;
        }
        if !page.findings.is_empty() {
            writeln!(html, "<pre class=\"findings\">{}</pre>", Escaped::of(&page.findings).cut(20_000))?;
        }
        write!(html, "</header>\n<section class=\"live\" hidden>{TOOLS}{HELP}</section>\n<noscript>")?;
        still::draw(self, &picture, html)?;
        write!(html, "</noscript>\n</main>\n<script id=\"data\" type=\"application/json\">")?;
        picture.write_json(page, html)?;
        writeln!(html, "</script>\n<script>\n{SCRIPT}</script>\n</body></html>")
    }
}
