//! The page around the diagrams.

use super::sheet::{Sheet, cut};
use super::{Picture, judgement, latency, spacetime, timeline};

const FACTS_MAX: usize = 40;

/// Shapes that all diagrams use.
const SHAPES: &str = r##"<svg class="shapes" width="0" height="0" aria-hidden="true"><defs>
<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-back" width="6" height="6"/><rect class="hatch-line" width="2.4" height="6"/></pattern>
<marker id="head-ok" class="tip-ok" markerWidth="8" markerHeight="8" refX="7" refY="3.5" orient="auto" markerUnits="userSpaceOnUse"><path d="M0 .5 7 3.5 0 6.5z"/></marker>
<marker id="head-dead" class="tip-dead" markerWidth="10" markerHeight="10" refX="5" refY="5" orient="auto" markerUnits="userSpaceOnUse"><circle cx="5" cy="5" r="3.4"/></marker>
<marker id="head-lost" class="tip-lost" markerWidth="12" markerHeight="12" refX="6" refY="6" markerUnits="userSpaceOnUse"><path d="M2 2 10 10M10 2 2 10"/></marker>
<marker id="head-blocked" class="tip-blocked" markerWidth="12" markerHeight="12" refX="6" refY="6" orient="auto" markerUnits="userSpaceOnUse"><path d="M6 1V11"/></marker>
<g id="cross" class="s-cross"><circle r="6.5"/><path d="M-4-4 4 4M4-4-4 4"/></g>
<path id="started" class="s-started" d="M0-7 6.5 5H-6.5z"/>
<g id="pause" class="s-pause"><circle r="6.5"/><path d="M-2-3V3M2-3V3"/></g>
<g id="disk" class="s-disk"><circle r="6.5"/><path d="M-3.5-1.8C-3.5-4 3.5-4 3.5-1.8V2C3.5 4-3.5 4-3.5 2zM-3.5-1.8C-3.5 0 3.5 0 3.5-1.8"/></g>
<circle id="event" class="s-event" r="3"/>
<path id="command" class="s-command" d="M0-4 4 0 0 4-4 0z"/>
<path id="timer" class="s-timer" d="M-3.2-3.2H3.2L-3.2 3.2H3.2z"/>
<path id="durable" class="s-durable" d="M0 5V0H4"/>
</defs></svg>"##;

const HOW_TO_READ: [&str; 5] = [
    "All times are <b>virtual</b>: the run happened in a simulator, and the command at the top repeats it exactly.",
    "<b>The whole run</b> has one lane per node: a dark bar is a leader and its term; shading is a fault that struck that node.",
    "<b>Message by message</b>: an arrow is a message. It ends in a head: it arrived; ✕: the network lost it; a bar: a partition stood in its way; a ring: the receiver was down.",
    "A <b>client's operation</b> takes effect at some instant within its bar, or never if it was given up. Red ones cannot all be explained by one order of instants.",
    "Small numbers below a lane: the <b>log is durable</b> up to there. A crash may lose what lies beyond, never what lies before; a red count says how much it did.",
];

pub(super) fn page(picture: &Picture) -> String {
    let mut sheet = Sheet::new(usize::MAX);
    sheet.must(format_args!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{}</title>\n<style>\n{}</style></head>\n<body><main>\n{SHAPES}\n",
        cut(&picture.title, 200),
        include_str!("page.css")
    ));
    head(picture, &mut sheet);
    let sections = [
        timeline::section(picture),
        spacetime::section(picture),
        judgement::section(picture),
        latency::section(picture),
    ];
    for section in sections {
        sheet.must(format_args!("{section}\n"));
    }
    foot(&mut sheet);
    sheet.must(format_args!(
        "</main><div id=\"tip\" hidden></div>\n<script>\n{}</script>\n</body></html>\n",
        include_str!("page.js")
    ));
    sheet.finish()
}

fn head(picture: &Picture, sheet: &mut Sheet) {
    let words = picture.verdict.strip_prefix("violated: ").unwrap_or(&picture.verdict);
    let (class, sign, word) =
        if picture.well { ("well", "✓", "holds") } else { ("ill", "✗", "violated") };
    sheet.must(format_args!(
        "<header><p class=\"brand\">Synod · report of a simulated run</p><h1>{}</h1>\
         <p class=\"verdict {class}\"><span class=\"sign\">{sign} {word}</span><span>{}</span></p>",
        cut(&picture.title, 300),
        cut(words, 600)
    ));
    if !picture.command.is_empty() {
        sheet.must(format_args!(
            "<div class=\"command\"><span class=\"dim\">repeat it</span><code id=\"command-line\">{}</code><button id=\"copy\" type=\"button\" hidden>copy</button></div>",
            cut(&picture.command, 2_000)
        ));
    }
    sheet.must(format_args!("<dl class=\"facts\">"));
    for (name, value) in picture.facts.iter().take(FACTS_MAX) {
        sheet.must(format_args!("<div><dt>{}</dt><dd>{}</dd></div>", cut(name, 80), cut(value, 400)));
    }
    sheet.must(format_args!("</dl>"));
    let further = picture.facts.len().saturating_sub(FACTS_MAX);
    if further > 0 {
        sheet.must(format_args!("<p class=\"left-out\">Not listed here: {further} further facts.</p>"));
    }
    sheet.must(format_args!("</header>\n"));
}

fn foot(sheet: &mut Sheet) {
    sheet.must(format_args!("<footer><h2>How to read this page</h2><ol>"));
    for line in HOW_TO_READ {
        sheet.must(format_args!("<li>{line}</li>"));
    }
    sheet.must(format_args!("</ol></footer>"));
}
