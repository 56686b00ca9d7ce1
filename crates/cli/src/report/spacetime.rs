//! The space-time diagram: a stretch of the run in full, one lane per node, time to the right.

use super::fault::{Family, Told, short};
use super::sheet::{Percent, Sheet, cut, millis, seconds};
use super::stage::{Labels, Stage};
use super::timeline::{anchor, role_name};
use super::{Picture, Reign, Role, messages, operations};
use synod_sim::trace::{Happening, Moment};

const LIMIT: usize = 1_300_000;
/// The strikes of the window that are drawn.
const STRIKES_MAX: usize = 200;
const REIGNS_MAX: usize = 2_000;

pub(super) fn section(picture: &Picture) -> String {
    let stage = Stage::of(picture);
    // Marks lie over the messages, but have the first claim on the room: a crash must not be missing.
    let mut over = Sheet::new(LIMIT / 2);
    marks(&stage, &mut over);
    let (marks_left_out, marks) = (over.left_out(), over.finish());
    let mut sheet = Sheet::new(LIMIT - marks.len());
    let rows = operations::Rows::of(&stage);
    let height = stage.bottom() + rows.height() + 12;
    sheet.must(format_args!("<section id=\"spacetime\"><h2>What happened, message by message</h2>"));
    heading(&stage, &mut sheet);
    sheet.must(format_args!("<div class=\"stage\"><div class=\"chart\">"));
    names(&stage, &rows, height, &mut sheet);
    sheet.must(format_args!(
        "<div class=\"scroll\" id=\"scroll\" tabindex=\"0\"><svg class=\"plot\" id=\"diagram\" data-width=\"{0:.0}\" style=\"width:100%;min-width:{0:.0}px\" height=\"{height}\" role=\"img\" aria-label=\"Messages between nodes over time\">",
        stage.width
    ));
    axis(&stage, height, &mut sheet);
    bands(&stage, &mut sheet);
    lanes(&stage, &mut sheet);
    rows.draw(&stage, &mut sheet);
    sheet.must(format_args!("<g id=\"messages\">"));
    messages::draw(&stage, &mut sheet);
    sheet.must(format_args!("</g>{marks}<g id=\"hot\"></g></svg></div></div>"));
    sheet.must(format_args!(
        "<aside id=\"panel\" aria-live=\"polite\"><b>Details</b><pre id=\"detail\">Point at a message, a mark, a fault or an operation.</pre></aside></div>"
    ));
    key(&mut sheet);
    left_out(&stage, &rows, marks_left_out, &mut sheet);
    sheet.must(format_args!("</section>"));
    sheet.finish()
}

fn heading(stage: &Stage<'_>, sheet: &mut Sheet) {
    let (span, picture) = (stage.span, stage.picture);
    sheet.must(format_args!(
        "<p class=\"note\">{} – {} of virtual time",
        seconds(span.start),
        seconds(span.end)
    ));
    if picture.moments.is_empty() {
        sheet.must(format_args!("; nothing was recorded"));
    }
    if !picture.why.is_empty() {
        sheet.must(format_args!(": {}", cut(&picture.why, 400)));
    }
    sheet.must(format_args!(
        ".</p><p class=\"tools\" id=\"tools\" hidden><button id=\"closer\" type=\"button\" aria-label=\"zoom in\">+</button> <button id=\"farther\" type=\"button\" aria-label=\"zoom out\">−</button> \
         <button id=\"fit\" type=\"button\">all</button> <button id=\"marked\" type=\"button\">contradiction</button> \
         <span class=\"dim\">drag to move, Ctrl + wheel to zoom, click to keep the details</span></p>"
    ));
}

fn names(stage: &Stage<'_>, rows: &operations::Rows<'_>, height: usize, sheet: &mut Sheet) {
    sheet.must(format_args!("<svg class=\"names\" width=\"64\" height=\"{height}\">"));
    for node in 1..=stage.lanes as u64 {
        if let Some(y) = stage.y(node) {
            sheet.must(format_args!("<text x=\"0\" y=\"{}\">node {node}</text>", y + 4));
        }
    }
    rows.names(stage, sheet);
    sheet.must(format_args!("</svg>"));
}

fn axis(stage: &Stage<'_>, height: usize, sheet: &mut Sheet) {
    let (step, ticks) = stage.span.ticks((stage.width / 110.0) as u64);
    let mut tick = |at: u64, class: &str| {
        let x = stage.span.x(at);
        sheet.must(format_args!(
            "<line class=\"grid {class}\" x1=\"{x}\" x2=\"{x}\" y1=\"20\" y2=\"{height}\"/><text class=\"dim {} {class}\" x=\"{x}\" y=\"13\">{}</text>",
            anchor(x),
            millis(at)
        ));
    };
    let (coarse, few) = stage.span.ticks(8);
    few.iter().for_each(|at| tick(*at, ""));
    ticks.iter().filter(|at| *at % coarse != 0).for_each(|at| tick(*at, "l0"));
    // Finer ones appear as one looks closer.
    for (finer, class) in [(5, "l1"), (20, "l2")] {
        let coarser = if finer == 5 { step } else { step / 5 };
        if step >= finer * 1_000 && ticks.len() < 60 {
            let all = stage.span.multiples(step / finer);
            all.into_iter().filter(|at| at % coarser != 0).for_each(|at| tick(at, class));
        }
    }
}

fn bands(stage: &Stage<'_>, sheet: &mut Sheet) {
    let here = |strike: &&synod_sim::Strike| stage.span.overlaps(strike.at, strike.until);
    let mut labels: Vec<Labels> = (0..=stage.lanes).map(|_| Labels::default()).collect();
    for strike in stage.picture.strikes.iter().filter(here).take(STRIKES_MAX) {
        let (x, wide) = stage.span.stretch(strike.at, strike.until);
        let wide = Percent(wide.0.max(0.05));
        let family = Family::of(strike.fault);
        let all = family == Family::Network || strike.nodes.is_empty();
        let lanes: Vec<usize> = match all {
            true => vec![stage.top()],
            false => strike
                .nodes
                .iter()
                .filter_map(|node| stage.y(node.0))
                .map(|y| y - stage.spacing / 2)
                .collect(),
        };
        let height = if all { stage.bottom() - stage.top() } else { stage.spacing - 2 };
        let words = short(strike);
        for top in lanes {
            sheet.put(format_args!(
                "<rect class=\"band {}\" x=\"{x}\" width=\"{wide}\" y=\"{top}\" height=\"{height}\">{}</rect>",
                family.class(),
                Told(strike)
            ));
            let row = labels.get_mut((top - stage.top()) / stage.spacing.max(1));
            let place = row.and_then(|row| row.place(stage.pixel(strike.at), words.chars().count()));
            if let Some(class) = place {
                sheet.put(format_args!(
                    "<text class=\"small {class} {}\" x=\"{x}\" dx=\"3\" y=\"{}\">{words}</text>",
                    family.class(),
                    top + 11
                ));
            }
        }
    }
}

/// The lanes themselves: who was what.
fn lanes(stage: &Stage<'_>, sheet: &mut Sheet) {
    for node in 1..=stage.lanes as u64 {
        let Some(y) = stage.y(node) else { continue };
        let mut reigns: Vec<&Reign> =
            stage.picture.reigns.iter().filter(|reign| reign.node == node).collect();
        reigns.sort_by_key(|reign| reign.at);
        let begin = reigns.partition_point(|reign| reign.at <= stage.span.start);
        let before = begin.checked_sub(1).and_then(|last| reigns.get(last));
        let mut from = before.map_or((stage.span.start, 0, Role::Follower), |reign| {
            (stage.span.start, reign.term, reign.role)
        });
        let mut labels = Labels::default();
        let changes =
            reigns.iter().skip(begin).take_while(|reign| reign.at < stage.span.end).take(REIGNS_MAX);
        for next in changes.map(|reign| (reign.at, reign.term, reign.role)).chain([(
            stage.span.end,
            0,
            Role::Follower,
        )]) {
            if next.0 > from.0 {
                role(from, next.0, y, &mut labels, stage, sheet);
            }
            from = next;
        }
    }
}

fn role(
    (from, term, role): (u64, u64, Role),
    to: u64,
    y: usize,
    labels: &mut Labels,
    stage: &Stage<'_>,
    sheet: &mut Sheet,
) {
    let (x, wide) = stage.span.stretch(from, to);
    let name = role_name(role);
    let height = if role == Role::Leader { 8 } else { 6 };
    sheet.put(format_args!(
        "<rect class=\"role {name}\" x=\"{x}\" width=\"{wide}\" y=\"{}\" height=\"{height}\"><title>n{} is {name} of term {term}</title></rect>",
        y - height / 2,
        (y - stage.top()) / stage.spacing + 1
    ));
    let words = if role == Role::Down { "down".to_owned() } else { format!("{name}, term {term}") };
    if let Some(class) = labels.place(stage.pixel(from), words.len()) {
        sheet.put(format_args!(
            "<text class=\"small halo {class}\" x=\"{x}\" dx=\"3\" y=\"{}\">{words}</text>",
            y - 13
        ));
    }
}

/// All that happens at one place: events, commands, timers, crashes, restarts and what became durable.
fn marks(stage: &Stage<'_>, sheet: &mut Sheet) {
    let mut durable: Vec<Labels> = (0..stage.lanes).map(|_| Labels::default()).collect();
    for moment in stage.moments.iter().filter(|moment| matches!(moment.what, Happening::Crashed { .. })) {
        let row = stage.y(moment.node.0).and_then(|y| durable.get_mut((y - stage.top()) / stage.spacing));
        if let Some(row) = row {
            row.reserve(stage.pixel(moment.at) + 4.0, 22);
        }
    }
    for moment in &stage.moments {
        let Some(y) = stage.y(moment.node.0) else { continue };
        match &moment.what {
            Happening::Sent { .. } | Happening::Ended { .. } => {}
            Happening::Event(text) => mark("event", "tells", text, y - 6, moment, stage, sheet),
            Happening::Command(text) => mark("command", "is asked", text, y + 7, moment, stage, sheet),
            Happening::Timer(text) => mark("timer", "timer fires", text, y + 7, moment, stage, sheet),
            Happening::Durable(upto) => {
                let row = durable.get_mut((y - stage.top()) / stage.spacing);
                reached(*upto, row, y, moment, stage, sheet);
            }
            Happening::Crashed { lost, acknowledged } => {
                crashed(*lost, *acknowledged, y, moment, stage, sheet);
            }
            Happening::Started => mark("started", "is back", "", y, moment, stage, sheet),
            other => mark("event", "", &format!("{other:?}"), y - 6, moment, stage, sheet),
        }
    }
}

fn mark(
    symbol: &str,
    words: &str,
    text: &str,
    y: usize,
    moment: &Moment,
    stage: &Stage<'_>,
    sheet: &mut Sheet,
) {
    // From far away only crashes and restarts are shown.
    let own = if symbol == "started" { "" } else { " class=\"m-own\"" };
    sheet.put(format_args!(
        "<use{own} href=\"#{symbol}\" x=\"{}\" y=\"{y}\"><title>n{} {words}, {}\n{}</title></use>",
        stage.span.x(moment.at),
        moment.node.0,
        millis(moment.at),
        cut(text, stage.text_max)
    ));
}

fn reached(
    upto: u64,
    row: Option<&mut Labels>,
    y: usize,
    moment: &Moment,
    stage: &Stage<'_>,
    sheet: &mut Sheet,
) {
    let x = stage.span.x(moment.at);
    sheet.put(format_args!(
        "<use class=\"m-own\" href=\"#durable\" x=\"{x}\" y=\"{}\"><title>n{}, {}\nthe log is durable up to {upto}</title></use>",
        y + 15,
        moment.node.0,
        millis(moment.at)
    ));
    let words = upto.to_string();
    if let Some(class) = row.and_then(|row| row.place(stage.pixel(moment.at), words.len() + 1)) {
        sheet.put(format_args!(
            "<text class=\"step {class}\" x=\"{x}\" dx=\"4\" y=\"{}\">{words}</text>",
            y + 25
        ));
    }
}

fn crashed(lost: u64, acknowledged: u64, y: usize, moment: &Moment, stage: &Stage<'_>, sheet: &mut Sheet) {
    let x = stage.span.x(moment.at);
    sheet.put(format_args!(
        "<g><use href=\"#cross\" x=\"{x}\" y=\"{y}\"/><title>n{} crashes, {}\n{lost} un-synced records are lost; {acknowledged} of them had been acknowledged by the disk</title></g>",
        moment.node.0,
        millis(moment.at)
    ));
    let (class, dx) = if x.0 > 90.0 { ("end", -9) } else { ("start", 9) };
    if lost > 0 {
        sheet.put(format_args!(
            "<text class=\"small halo {class}\" x=\"{x}\" dx=\"{dx}\" y=\"{}\">lost {lost}</text>",
            y + 18
        ));
    }
    if acknowledged > 0 {
        sheet.put(format_args!(
            "<text class=\"small halo bad {class}\" x=\"{x}\" dx=\"{dx}\" y=\"{}\">{acknowledged} of them acknowledged</text>",
            y + 30
        ));
    }
}

fn key(sheet: &mut Sheet) {
    const ARROWS: [(&str, &str); 5] = [
        ("ok", "delivered"),
        ("lost", "lost"),
        ("blocked", "blocked by a partition"),
        ("dead", "receiver down"),
        ("way", "still on its way"),
    ];
    const MARKS: [(&str, &str); 6] = [
        ("command", "command"),
        ("event", "event"),
        ("timer", "timer"),
        ("durable", "log durable up to"),
        ("cross", "crash"),
        ("started", "restart"),
    ];
    sheet.must(format_args!("<ul class=\"key\">"));
    for (class, words) in ARROWS {
        sheet.must(format_args!(
            "<li><svg width=\"34\" height=\"14\"><line class=\"m {class}\" x1=\"2\" y1=\"3\" x2=\"26\" y2=\"10\"/></svg>{words}</li>"
        ));
    }
    for (symbol, words) in MARKS {
        sheet.must(format_args!(
            "<li><svg width=\"16\" height=\"14\"><use href=\"#{symbol}\" x=\"8\" y=\"7\"/></svg>{words}</li>"
        ));
    }
    sheet.must(format_args!(
        "<li><i class=\"sw op bad\"></i>contradicting operation</li><li><i class=\"sw op\"></i>other operation of a client</li></ul>"
    ));
}

fn left_out(stage: &Stage<'_>, rows: &operations::Rows<'_>, marks: usize, sheet: &mut Sheet) {
    let picture = stage.picture;
    let (all, drawn) = (picture.moments.len(), stage.moments.len());
    let mut words = Vec::new();
    if drawn < all {
        let window = &picture.window;
        words.push(format!(
            "of the {all} moments between {} and {}, all but the {drawn} nearest to {}",
            seconds(window.start),
            seconds(window.end),
            if picture.operations.iter().any(|op| op.marked) { "the contradiction" } else { "the middle" }
        ));
    }
    if stage.text_max < 240 {
        words.push(format!("texts beyond {} characters", stage.text_max));
    }
    if rows.left_out() > 0 {
        words.push(format!("{} operations of further clients", rows.left_out()));
    }
    if marks + sheet.left_out() > 0 {
        words.push(format!("{} further shapes, for the page's size", marks + sheet.left_out()));
    }
    let apart =
        |op: &&super::Operation| op.marked && !stage.span.overlaps(op.begun, op.ended.unwrap_or(u64::MAX));
    let apart = picture.operations.iter().filter(apart).count();
    if apart > 0 {
        words.push(format!("{apart} contradicting operations at other times, which the table below lists"));
    }
    if !words.is_empty() {
        sheet.must(format_args!("<p class=\"left-out\">Not drawn here: {}.</p>", words.join("; ")));
    }
}
