//! The whole run at a glance: who was what, and which fault struck when.

use super::fault::{Family, Told, legend, short};
use super::sheet::{Percent, Sheet, Shelf, Span, seconds, shelve};
use super::{Picture, Reign, Role};
use synod_core::NodeId;
use synod_sim::{Fault, Strike};

/// More nodes than this are not drawn.
pub(super) const LANES_MAX: usize = 32;

const LIMIT: usize = 260_000;
const LANE: usize = 30;
const STRIKE_ROW: usize = 15;
const STRIKE_ROWS_MAX: usize = 10;
/// The width in pixels that labels are made for: that of a narrow window.
const WIDTH: f64 = 760.0;
/// A letter of a label, in pixels.
const LETTER: f64 = 6.4;
const SEGMENTS_MAX: usize = 3_000;
const STRIKES_MAX: usize = 800;

/// Where things are, in pixels from the top.
struct Plan<'a> {
    span: Span,
    strikes: &'a [Strike],
    lanes: usize,
    strikes_top: usize,
    lanes_top: usize,
    bottom: usize,
}

impl Plan<'_> {
    fn y(&self, lane: usize) -> usize {
        self.lanes_top + lane * LANE
    }

    fn lane(&self, node: NodeId) -> Option<usize> {
        lane(node.0, self.lanes)
    }
}

/// The lane of a node, if it has one.
pub(super) fn lane(node: u64, lanes: usize) -> Option<usize> {
    usize::try_from(node).ok()?.checked_sub(1).filter(|lane| *lane < lanes)
}

pub(super) fn section(picture: &Picture) -> String {
    let mut sheet = Sheet::new(LIMIT);
    let strikes = picture.strikes.get(..STRIKES_MAX).unwrap_or(&picture.strikes);
    let span = Span::new(0, picture.end);
    let (rows, labels) = labels(strikes, span);
    let lanes = picture.nodes.min(LANES_MAX);
    let strikes_top = 34;
    let lanes_top = strikes_top + rows * STRIKE_ROW + 8;
    let plan = Plan { span, strikes, lanes, strikes_top, lanes_top, bottom: lanes_top + lanes * LANE };
    sheet.must(format_args!("<section><h2>The whole run</h2><div class=\"chart\">"));
    names(&plan, rows, &mut sheet);
    let height = plan.bottom + 24;
    sheet.must(format_args!("<svg class=\"plot\" width=\"100%\" height=\"{height}\" role=\"img\" aria-label=\"Roles and faults over time\">"));
    axis(&plan, &mut sheet);
    window(picture, &plan, &mut sheet);
    bands(&plan, &mut sheet);
    let merged = roles(picture, &plan, &mut sheet);
    marks(&plan, &mut sheet);
    for (strike, row) in &labels {
        label(strike, *row, &plan, &mut sheet);
    }
    healed(picture, &plan, &mut sheet);
    sheet.must(format_args!("</svg></div>"));
    key(picture, &mut sheet);
    left_out(picture, strikes.len(), merged, &mut sheet);
    sheet.must(format_args!("</section>"));
    sheet.finish()
}

/// A row for the label of each strike, as far as there is room.
fn labels(strikes: &[Strike], span: Span) -> (usize, Vec<(&Strike, usize)>) {
    let mut rows = vec![Shelf::default(); STRIKE_ROWS_MAX];
    let mut placed = Vec::new();
    for strike in strikes {
        let (left, wide) = span.stretch(strike.at, strike.until);
        let letters = short(strike).chars().count() as f64 * LETTER + 14.0;
        let (left, right) = (left.0 * WIDTH / 100.0, (left.0 + wide.0) * WIDTH / 100.0);
        // The text stands to the right of the bar; at the right edge, to its left.
        let (left, right) =
            if right + letters > WIDTH { (left - letters, right + 3.0) } else { (left, right + letters) };
        if let Some(row) = shelve(&mut rows, left, right) {
            placed.push((strike, row));
        }
    }
    (placed.iter().map(|(_, row)| row + 1).max().unwrap_or(0), placed)
}

fn names(plan: &Plan<'_>, rows: usize, sheet: &mut Sheet) {
    sheet.must(format_args!("<svg class=\"names\" width=\"64\" height=\"{}\">", plan.bottom + 24));
    if rows > 0 {
        sheet.must(format_args!("<text x=\"0\" y=\"{}\" class=\"dim\">faults</text>", plan.strikes_top + 11));
    }
    for lane in 0..plan.lanes {
        sheet.must(format_args!("<text x=\"0\" y=\"{}\">node {}</text>", plan.y(lane) + 19, lane + 1));
    }
    sheet.must(format_args!("</svg>"));
}

fn axis(plan: &Plan<'_>, sheet: &mut Sheet) {
    let (_, ticks) = plan.span.ticks(10);
    for at in ticks {
        let x = plan.span.x(at);
        let (top, bottom) = (plan.lanes_top, plan.bottom);
        sheet.must(format_args!(
            "<line class=\"grid\" x1=\"{x}\" x2=\"{x}\" y1=\"{top}\" y2=\"{bottom}\"/><text class=\"dim {}\" x=\"{x}\" y=\"{}\">{}</text>",
            anchor(x),
            bottom + 17,
            seconds(at)
        ));
    }
}

/// Which side of a position a text grows to: never over the edge.
pub(super) fn anchor(x: Percent) -> &'static str {
    match x.0 {
        ..2.0 => "start",
        2.0..98.0 => "mid",
        _ => "end",
    }
}

fn window(picture: &Picture, plan: &Plan<'_>, sheet: &mut Sheet) {
    if picture.window.is_empty() {
        return;
    }
    let (x, wide) = plan.span.stretch(picture.window.start, picture.window.end);
    let (top, bottom) = (plan.strikes_top - 4, plan.bottom);
    sheet.must(format_args!(
        "<rect class=\"window\" x=\"{x}\" width=\"{}\" y=\"{top}\" height=\"{}\"><title>shown below: {} – {}</title></rect>",
        Percent(wide.0.max(0.25)),
        bottom - top,
        seconds(picture.window.start),
        seconds(picture.window.end)
    ));
    let class = if x.0 > 80.0 { "end" } else { "start" };
    let (x, y) = if x.0 > 80.0 { (Percent(x.0 + wide.0), 26) } else { (x, 26) };
    sheet.must(format_args!("<text class=\"looked {class}\" x=\"{x}\" y=\"{y}\">▼ enlarged below</text>"));
}

fn healed(picture: &Picture, plan: &Plan<'_>, sheet: &mut Sheet) {
    if picture.healed >= picture.end {
        return;
    }
    let x = plan.span.x(picture.healed);
    let class = if x.0 > 80.0 { "end" } else { "start" };
    sheet.must(format_args!(
        "<line class=\"healed\" x1=\"{x}\" x2=\"{x}\" y1=\"2\" y2=\"{}\"><title>the faults stopped at {}</title></line>\
         <text class=\"healed-text {class}\" x=\"{x}\" dx=\"{}\" y=\"11\">faults stop</text>",
        plan.bottom,
        seconds(picture.healed),
        if x.0 > 80.0 { -5 } else { 5 }
    ));
}

/// Faults that last, behind the lanes of whom they struck.
fn bands(plan: &Plan<'_>, sheet: &mut Sheet) {
    for strike in plan.strikes {
        let (x, wide) = plan.span.stretch(strike.at, strike.until);
        let wide = Percent(wide.0.max(0.15));
        let family = Family::of(strike.fault);
        let class = family.class();
        if strike.nodes.is_empty() || family == Family::Network {
            let (y, height) = (plan.lanes_top, plan.bottom - plan.lanes_top);
            sheet.put(format_args!(
                "<rect class=\"band {class}\" x=\"{x}\" width=\"{wide}\" y=\"{y}\" height=\"{height}\">{}</rect>",
                Told(strike)
            ));
            continue;
        }
        for lane in strike.nodes.iter().filter_map(|node| plan.lane(*node)) {
            let y = plan.y(lane) + 1;
            sheet.put(format_args!(
                "<rect class=\"band {class}\" x=\"{x}\" width=\"{wide}\" y=\"{y}\" height=\"{}\">{}</rect>",
                LANE - 2,
                Told(strike)
            ));
        }
    }
}

/// Draws the roles. Returns how many were too short to be drawn.
fn roles(picture: &Picture, plan: &Plan<'_>, sheet: &mut Sheet) -> usize {
    let mut lanes: Vec<Vec<&Reign>> = vec![Vec::new(); plan.lanes];
    for reign in &picture.reigns {
        if let Some(lane) = lane(reign.node, plan.lanes).and_then(|lane| lanes.get_mut(lane)) {
            lane.push(reign);
        }
    }
    let crowded = picture.reigns.len() > SEGMENTS_MAX;
    let least = if crowded { plan.span.len() * lanes.len() as u64 / SEGMENTS_MAX as u64 } else { 0 };
    let mut merged = 0;
    for (lane, reigns) in lanes.iter_mut().enumerate() {
        reigns.sort_by_key(|reign| reign.at);
        let y = plan.y(lane) + 9;
        let mut from = (0, 0, Role::Follower);
        let ends = reigns.iter().map(|reign| (reign.at, reign.term, reign.role));
        for next in ends.chain([(picture.end, 0, Role::Follower)]) {
            if next.0.saturating_sub(from.0) < least {
                merged += 1;
            } else if next.0 > from.0 {
                role(from, next.0, y, plan, sheet);
            }
            from = next;
        }
    }
    merged
}

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Leader => "leader",
        Role::Candidate => "candidate",
        Role::Follower => "follower",
        Role::Down => "down",
    }
}

fn role((from, term, role): (u64, u64, Role), to: u64, y: usize, plan: &Plan<'_>, sheet: &mut Sheet) {
    let (x, wide) = plan.span.stretch(from, to);
    let name = role_name(role);
    sheet.put(format_args!(
        "<rect class=\"role {name}\" x=\"{x}\" width=\"{wide}\" y=\"{y}\" height=\"12\"><title>{name} of term {term}\n{} – {}</title></rect>",
        seconds(from),
        seconds(to)
    ));
    let letters = term.to_string().len() as f64;
    if role == Role::Leader && wide.0 * WIDTH / 100.0 > letters * LETTER + 8.0 {
        let at = term_at(x, wide, y, plan);
        sheet.put(format_args!("<text class=\"term mid\" x=\"{at}\" y=\"{}\">{term}</text>", y + 10));
    }
}

/// Where within a leader's bar its term stands: where no fault's mark covers it, if there is such a place.
fn term_at(x: Percent, wide: Percent, y: usize, plan: &Plan<'_>) -> Percent {
    let here = |strike: &&Strike| {
        strike.nodes.iter().any(|node| plan.lane(*node).is_some_and(|lane| plan.y(lane) + 9 == y))
    };
    let struck = plan.strikes.iter().filter(|strike| symbol(strike.fault).is_some()).filter(here);
    let marks: Vec<f64> = struck.map(|strike| plan.span.x(strike.at).0).collect();
    let place = |part: f64| x.0 + wide.0 * part;
    let free = |at: &f64| marks.iter().all(|mark| (mark - at).abs() > 1.4);
    let middle = place(0.5);
    Percent([0.5, 0.25, 0.75, 0.12, 0.88].map(place).into_iter().find(free).unwrap_or(middle))
}

/// The sign of a fault that begins with something that happens to a single process.
fn symbol(fault: Fault) -> Option<&'static str> {
    match fault {
        Fault::Crash | Fault::Blackout | Fault::FailSync | Fault::FullDisk => Some("cross"),
        Fault::Pause => Some("pause"),
        Fault::SlowDisk | Fault::StallDisk => Some("disk"),
        Fault::BitRot | Fault::MisdirectedWrite | Fault::LyingDisk => Some("disk"),
        _ => None,
    }
}

/// Faults of one moment, in front of the lanes.
fn marks(plan: &Plan<'_>, sheet: &mut Sheet) {
    for strike in plan.strikes {
        let Some(symbol) = symbol(strike.fault) else { continue };
        for lane in strike.nodes.iter().filter_map(|node| plan.lane(*node)) {
            let (x, y) = (plan.span.x(strike.at), plan.y(lane) + LANE / 2);
            sheet.put(format_args!("<use href=\"#{symbol}\" x=\"{x}\" y=\"{y}\">{}</use>", Told(strike)));
        }
    }
}

/// The strike's own bar, with its name beside it.
fn label(strike: &Strike, row: usize, plan: &Plan<'_>, sheet: &mut Sheet) {
    let (x, wide) = plan.span.stretch(strike.at, strike.until);
    let y = plan.strikes_top + row * STRIKE_ROW;
    let words = short(strike);
    let letters = words.chars().count() as f64 * LETTER + 14.0;
    let left = (x.0 + wide.0) * WIDTH / 100.0 + letters > WIDTH;
    let (at, class, dx) = if left { (x, "end", -4) } else { (Percent(x.0 + wide.0.max(0.3)), "start", 4) };
    sheet.put(format_args!(
        "<g><rect class=\"bar {}\" x=\"{x}\" width=\"{}\" y=\"{y}\" height=\"11\" rx=\"1\"/>\
         <text class=\"small halo {class}\" x=\"{at}\" dx=\"{dx}\" y=\"{}\">{words}</text>{}</g>",
        Family::of(strike.fault).class(),
        Percent(wide.0.max(0.3)),
        y + 9,
        Told(strike)
    ));
}

fn key(picture: &Picture, sheet: &mut Sheet) {
    sheet.must(format_args!(
        "<ul class=\"key\"><li><i class=\"sw leader\">4</i>leader, with its term</li><li><i class=\"sw candidate\"></i>candidate</li>\
         <li><i class=\"sw follower\"></i>follower</li><li><i class=\"sw down\"></i>down</li>"
    ));
    legend(picture, sheet);
    sheet.must(format_args!("</ul>"));
}

fn left_out(picture: &Picture, strikes: usize, merged: usize, sheet: &mut Sheet) {
    let mut words = Vec::new();
    if picture.nodes > LANES_MAX {
        words.push(format!("nodes {} to {}", LANES_MAX + 1, picture.nodes));
    }
    if picture.strikes.len() > strikes {
        words.push(format!("all faults but the first {strikes} of {}", picture.strikes.len()));
    }
    if merged > 0 {
        words.push(format!("{merged} roles that lasted too briefly to be seen"));
    }
    if sheet.left_out() > 0 {
        words.push(format!("{} shapes, for the page's size", sheet.left_out()));
    }
    if !words.is_empty() {
        sheet.must(format_args!("<p class=\"left-out\">Not drawn here: {}.</p>", words.join("; ")));
    }
}
