//! A still picture of the part that matters most, for readers without scripts.

use super::data::Picture;
use crate::markup::{Escaped, ticks};
use crate::trace::{Happening, Millis, Trace};
use core::fmt::{self, Write as _};

const MOMENTS_MAX: usize = 160;
const LEFT: f64 = 44.0;
const WIDTH: f64 = 1_300.0;
const LANE: f64 = 64.0;
const TOP: f64 = 26.0;
const LANES_MAX: usize = 40;

struct Still {
    from: u64,
    until: u64,
    lanes: usize,
}

impl Still {
    fn x(&self, at: u64) -> f64 {
        let at = at.clamp(self.from, self.until) - self.from;
        LEFT + at as f64 / (self.until - self.from).max(1) as f64 * WIDTH
    }

    fn y(&self, node: u64) -> Option<f64> {
        (1..=self.lanes as u64).contains(&node).then_some(TOP + (node as f64 - 0.5) * LANE)
    }
}

/// Draws the last moments before a failure, or the first of a run that went well.
pub(super) fn draw(trace: &Trace, picture: &Picture<'_>, out: &mut String) -> fmt::Result {
    let all = picture.moments;
    let moments = match trace.violation() {
        Some(_) => all.get(all.len().saturating_sub(MOMENTS_MAX)..),
        None => all.get(..MOMENTS_MAX.min(all.len())),
    };
    let moments = moments.unwrap_or_default();
    let (Some(first), Some(last)) = (moments.first(), moments.last()) else {
        return writeln!(out, "<p>Nothing happened in this window.</p>");
    };
    let still = Still { from: first.at, until: last.at.max(first.at + 1), lanes: trace.nodes.min(LANES_MAX) };
    let below = TOP + still.lanes as f64 * LANE;
    writeln!(
        out,
        "<p>With scripts this page shows all {} moments; these are {} of them.</p>\n<svg class=\"still\" viewBox=\"0 0 {} {}\">",
        all.len(),
        moments.len(),
        LEFT + WIDTH + 20.0,
        below + 24.0
    )?;
    for at in ticks(still.from, still.until, 8) {
        let x = still.x(at);
        writeln!(
            out,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{below}\"/><text x=\"{x:.1}\" y=\"16\">{}</text>",
            Millis(at)
        )?;
    }
    faults(trace, &still, below, out)?;
    for node in 1..=still.lanes as u64 {
        let Some(y) = still.y(node) else { continue };
        writeln!(
            out,
            "<text x=\"6\" y=\"{}\">n{node}</text><line class=\"lane\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>",
            y + 4.0,
            LEFT + WIDTH
        )?;
    }
    for way in picture.ways.iter().filter(|way| way.ended >= still.from && way.sent <= still.until) {
        let (Some(from), Some(to)) = (still.y(way.from), still.y(way.to)) else { continue };
        let arrived = way.fate == "delivered";
        let part = if arrived || way.ended > way.sent { 1.0 } else { 0.55 };
        let (x1, x2) = (still.x(way.sent), still.x(way.ended));
        let x2 = if part < 1.0 { x2 + 8.0 } else { x2 };
        let class = if arrived { "ok" } else { "not" };
        let text: String = way.text.chars().take(120).collect();
        writeln!(
            out,
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{from}\" x2=\"{x2:.1}\" y2=\"{:.1}\"><title>n{} to n{}, {} to {}, {}\n{}</title></line>",
            from + (to - from) * part,
            way.from,
            way.to,
            Millis(way.sent),
            Millis(way.ended),
            Escaped::of(way.fate),
            Escaped::of(&text)
        )?;
    }
    for moment in moments {
        let Some(y) = still.y(moment.node.0) else { continue };
        if matches!(moment.what, Happening::Sent { .. } | Happening::Ended { .. }) {
            continue;
        }
        let kind = moment.what.kind();
        let text = moment.what.text();
        writeln!(
            out,
            "<circle class=\"{kind}\" cx=\"{:.1}\" cy=\"{y}\" r=\"{}\"><title>n{} {kind}, {}\n{}</title></circle>",
            still.x(moment.at),
            if kind == "crashed" { 6 } else { 3 },
            moment.node.0,
            Millis(moment.at),
            Escaped::of(&text)
        )?;
    }
    writeln!(out, "</svg>")
}

fn faults(trace: &Trace, still: &Still, below: f64, out: &mut String) -> fmt::Result {
    let here = |strike: &&crate::Strike| strike.at <= still.until && strike.until >= still.from;
    for strike in trace.strikes.iter().filter(here).take(60) {
        let (x, until) = (still.x(strike.at), still.x(strike.until));
        let lanes = strike.nodes.iter().filter_map(|node| still.y(node.0)).map(|y| (y - LANE / 2.0, LANE));
        let all = strike.nodes.is_empty().then_some((TOP, below - TOP));
        for (y, height) in lanes.chain(all) {
            writeln!(
                out,
                "<rect class=\"fault\" x=\"{x:.1}\" width=\"{:.1}\" y=\"{y:.1}\" height=\"{height}\"><title>{}, {} to {}</title></rect>",
                (until - x).max(1.0),
                Escaped::of(strike.fault.name()),
                Millis(strike.at),
                Millis(strike.until)
            )?;
        }
    }
    Ok(())
}
