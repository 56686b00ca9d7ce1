//! The ring before and after as a drawing, and a chart of who carries how much. One SVG file that needs nothing but itself.

use super::Balance;
use core::f64::consts::TAU;
use core::fmt::Write;
use std::collections::BTreeMap;
use synod_core::NodeId;
use synod_hashring::{CIRCLE, Diff, Move};
use synod_sim::trace::Escaped;

/// More arcs than this cannot be told apart; the circle is then drawn in as many equal steps.
const ARCS_MAX: usize = 1440;
/// Bars beyond this many are left out, the drawing says so.
const BARS_MAX: usize = 40;
const RADIUS: f64 = 130.0;
const WIDTH: f64 = 34.0;
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1c2330}.big{font-size:17px;font-weight:600}\
.small{font-size:11px;fill:#5b6472}.axis{stroke:#b8c0cc;stroke-width:1}.fair{stroke:#1c2330;stroke-dasharray:4 3}\
.moved{fill:#d4351c}.paper{fill:#fff}";

/// What there is to draw of one moment.
pub(super) struct Side<'a> {
    pub(super) title: &'a str,
    pub(super) arcs: &'a [(u64, NodeId)],
    pub(super) balance: &'a [Balance],
}

/// The page. `name` says what a node is called.
pub(super) fn draw(
    heading: &str,
    before: &Side<'_>,
    after: Option<(&Side<'_>, &Diff)>,
    name: &dyn Fn(NodeId) -> String,
) -> String {
    let ids = ids(&[before.balance, after.map_or(&[], |(side, _)| side.balance)]);
    let colours = colours(&ids);
    let mut out = page(heading, CIRCLES, ids.len());
    let places: &[(&Side<'_>, f64)] = match &after {
        Some((side, _)) => &[(before, 200.0), (side, 600.0)],
        None => &[(before, 400.0)],
    };
    for (side, x) in places {
        circle(&mut out, side, (*x, 240.0), &colours, name);
    }
    if let Some((_, diff)) = &after {
        moved(&mut out, diff, (600.0, 240.0), name);
    }
    let what = if after.is_some() {
        "Owned, beside the fair share (dashed); pale before, full after"
    } else {
        "Owned, beside the fair share (dashed)"
    };
    let sides: Vec<&[Balance]> =
        core::iter::once(before).chain(after.map(|(side, _)| side)).map(|side| side.balance).collect();
    bars(&mut out, CIRCLES, what, &sides, &ids, &colours, name);
    out.push_str("</svg>\n");
    out
}

/// A page with the bars alone, before and after.
pub(super) fn chart(
    heading: &str,
    what: &str,
    before: &[Balance],
    after: &[Balance],
    name: &dyn Fn(NodeId) -> String,
) -> String {
    let ids = ids(&[before, after]);
    let mut out = page(heading, 50.0, ids.len());
    bars(&mut out, 50.0, what, &[before, after], &ids, &colours(&ids), name);
    out.push_str("</svg>\n");
    out
}

/// How far down the circles reach.
const CIRCLES: f64 = 430.0;

/// The head of a page with so much above the bars.
fn page(heading: &str, above: f64, bars: usize) -> String {
    let shown = bars.min(BARS_MAX);
    let height = above + 80.0 + shown as f64 * 30.0 + if bars > shown { 24.0 } else { 0.0 };
    let mut out = String::new();
    let mut draw = |text: core::fmt::Arguments<'_>| _ = writeln!(out, "{text}");
    draw(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 {height}\" width=\"800\" height=\"{height}\" role=\"img\">"
    ));
    draw(format_args!("<title>{}</title><style>{STYLE}</style>", Escaped::of(heading)));
    draw(format_args!("<rect class=\"paper\" width=\"800\" height=\"{height}\"/>"));
    draw(format_args!(
        "<text class=\"big\" x=\"24\" y=\"34\">{}</text>",
        Escaped::of(&fitted(heading, 752.0, 19.5))
    ));
    out
}

/// All nodes of these balances.
fn ids(sides: &[&[Balance]]) -> Vec<NodeId> {
    let mut ids: Vec<NodeId> = sides.iter().flat_map(|side| side.iter().map(|row| row.id)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn colours(ids: &[NodeId]) -> BTreeMap<NodeId, String> {
    ids.iter().enumerate().map(|(at, id)| (*id, colour(at))).collect()
}

/// Colours far from each other: hues by the golden angle, in three brightnesses.
fn colour(at: usize) -> String {
    let hue = (at as f64 * 137.508) % 360.0;
    format!("hsl({hue:.0},62%,{}%)", [52, 66, 42][at % 3])
}

fn circle(
    out: &mut String,
    side: &Side<'_>,
    centre: (f64, f64),
    colours: &BTreeMap<NodeId, String>,
    name: &dyn Fn(NodeId) -> String,
) {
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"76\" text-anchor=\"middle\">{}</text>",
        centre.0,
        Escaped::of(side.title)
    );
    let sampled: Vec<(u64, NodeId)>;
    let arcs = if side.arcs.len() > ARCS_MAX {
        let step = u64::MAX / ARCS_MAX as u64;
        let owner = |at: u64| {
            let place = side.arcs.partition_point(|(end, _)| *end < at);
            side.arcs.get(place).or(side.arcs.first()).map(|(_, id)| *id)
        };
        let steps =
            (0..ARCS_MAX as u64).filter_map(|at| Some((at * step + step, owner(at * step + step / 2)?)));
        sampled = steps.collect();
        &sampled
    } else {
        side.arcs
    };
    let mut start = 0.0;
    for (end, id) in arcs {
        let end = (u128::from(*end) + 1) as f64 / CIRCLE as f64;
        let unknown = String::from("#999");
        let fill = colours.get(id).unwrap_or(&unknown);
        let shape = ring(centre, RADIUS - WIDTH, RADIUS, start, end);
        let _ = writeln!(
            out,
            "<path d=\"{shape}\" fill=\"{fill}\"><title>{}: {:.3} %</title></path>",
            Escaped::of(&name(*id)),
            (end - start) * 100.0
        );
        start = end;
    }
    let _ = writeln!(
        out,
        "<text class=\"small\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">0, then clockwise</text>",
        centre.0,
        centre.1 - RADIUS - 16.0
    );
    let busiest =
        side.balance.iter().filter(|row| row.fair > 0.0).map(|row| row.owned / row.fair).fold(0.0, f64::max);
    for (line, text) in
        [format!("{} nodes", side.balance.len()), format!("busiest {:.2}× its fair share", busiest)]
            .iter()
            .enumerate()
    {
        let y = centre.1 - 4.0 + 18.0 * line as f64;
        let _ = writeln!(
            out,
            "<text class=\"small\" x=\"{}\" y=\"{y}\" text-anchor=\"middle\">{text}</text>",
            centre.0
        );
    }
}

/// What has moved, as a thin band around the second circle.
fn moved(out: &mut String, diff: &Diff, centre: (f64, f64), name: &dyn Fn(NodeId) -> String) {
    let sampled: Vec<Move>;
    let moves = if diff.moves().len() > ARCS_MAX {
        sampled = steps(diff.moves());
        &sampled
    } else {
        diff.moves()
    };
    for moved in moves {
        let part = |position: u128| position as f64 / CIRCLE as f64;
        let (start, end) = (part(u128::from(*moved.range.start())), part(u128::from(*moved.range.end()) + 1));
        let _ = writeln!(
            out,
            "<path class=\"moved\" d=\"{}\"><title>{} → {}: {:.3} %</title></path>",
            ring(centre, RADIUS + 3.0, RADIUS + 8.0, start, end),
            Escaped::of(&name(moved.from)),
            Escaped::of(&name(moved.to)),
            (end - start) * 100.0
        );
    }
    let _ = writeln!(
        out,
        "<text class=\"small\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">red: {:.2} % moved; no less than {:.2} % could</text>",
        centre.0,
        centre.1 + RADIUS + 32.0,
        diff.part() * 100.0,
        diff.bound() as f64 / CIRCLE as f64 * 100.0
    );
}

/// The equal steps of the circle whose middle moves: about as much of it as moves in all.
fn steps(moves: &[Move]) -> Vec<Move> {
    let step = u64::MAX / ARCS_MAX as u64;
    let of = |at: u64| {
        let (start, middle) = (at * step, at * step + step / 2);
        let moved = moves.get(moves.partition_point(|moved| *moved.range.end() < middle))?;
        let range = start..=start + (step - 1);
        moved.range.contains(&middle).then_some(Move { range, from: moved.from, to: moved.to })
    };
    (0..ARCS_MAX as u64).filter_map(of).collect()
}

/// A piece of a ring between two radii; `start` and `end` are parts of the whole, clockwise from the top.
fn ring((x, y): (f64, f64), inner: f64, outer: f64, start: f64, end: f64) -> String {
    // A piece whose ends fall together is not drawn at all, all round or nearly so.
    let end = end.min(start + 0.999_99);
    let point = |part: f64, radius: f64| {
        let angle = part * TAU;
        format!("{:.2} {:.2}", x + radius * angle.sin(), y - radius * angle.cos())
    };
    let large = i32::from(end - start > 0.5);
    format!(
        "M{} A{outer} {outer} 0 {large} 1 {} L{} A{inner} {inner} 0 {large} 0 {} Z",
        point(start, outer),
        point(end, outer),
        point(end, inner),
        point(start, inner)
    )
}

/// Bars for each node, one for each side, below `above`.
fn bars(
    out: &mut String,
    above: f64,
    what: &str,
    sides: &[&[Balance]],
    ids: &[NodeId],
    colours: &BTreeMap<NodeId, String>,
    name: &dyn Fn(NodeId) -> String,
) {
    const LEFT: f64 = 150.0;
    let top_of_bars = above + 36.0;
    let row = |side: &[Balance], id: NodeId| side.iter().find(|row| row.id == id).copied();
    let all = ids.len();
    let ids = &most_telling(sides, ids);
    let shown = ids.iter().flat_map(|id| sides.iter().filter_map(|side| row(side, *id)));
    let most = shown.flat_map(|row| [row.owned, row.fair]).fold(f64::MIN_POSITIVE, f64::max);
    let scale = 560.0 / most;
    let _ = writeln!(out, "<text x=\"24\" y=\"{}\">{}</text>", top_of_bars - 16.0, Escaped::of(what));
    for (line, id) in ids.iter().enumerate() {
        let rows = sides.iter().filter_map(|side| row(side, *id));
        let end = rows.flat_map(|row| [row.owned, row.fair]).fold(0.0, f64::max) * scale;
        let y = top_of_bars + 30.0 * line as f64;
        let full = name(*id);
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}<title>{}</title></text>",
            LEFT - 8.0,
            y + 16.0,
            Escaped::of(&fitted(&full, LEFT - 16.0, 13.0)),
            Escaped::of(&full)
        );
        let unknown = String::from("#999");
        let fill = colours.get(id).unwrap_or(&unknown);
        for (at, side) in sides.iter().enumerate() {
            let Some(row) = row(side, *id) else { continue };
            let (tall, opacity) = match (sides.len() > 1, at) {
                (true, 0) => (9.0, 0.45),
                (true, _) => (11.0, 1.0),
                (false, _) => (20.0, 1.0),
            };
            let top = y + if at == 0 { 0.0 } else { 9.0 };
            let wide = row.owned * scale;
            let _ = writeln!(
                out,
                "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{wide:.2}\" height=\"{tall}\" fill=\"{fill}\" opacity=\"{opacity}\"><title>{:.3} %, fair {:.3} %</title></rect>",
                row.owned * 100.0,
                row.fair * 100.0
            );
            let fair = LEFT + row.fair * scale;
            let _ = writeln!(
                out,
                "<line class=\"fair\" x1=\"{fair:.2}\" x2=\"{fair:.2}\" y1=\"{top}\" y2=\"{}\"/>",
                top + tall
            );
            if at + 1 == sides.len() {
                let _ = writeln!(
                    out,
                    "<text class=\"small\" x=\"{:.2}\" y=\"{}\">{:.2} %</text>",
                    LEFT + end + 6.0,
                    y + 15.0,
                    row.owned * 100.0
                );
            }
        }
    }
    let foot = top_of_bars + 30.0 * ids.len() as f64;
    let _ = writeln!(
        out,
        "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{LEFT}\" y1=\"{}\" y2=\"{foot}\"/>",
        top_of_bars - 4.0
    );
    if all > ids.len() {
        let why = if sides.len() > 1 { "that change less" } else { "that own less" };
        let _ = writeln!(
            out,
            "<text class=\"small\" x=\"{LEFT}\" y=\"{}\">and {} more, {why}</text>",
            foot + 16.0,
            all - ids.len()
        );
    }
}

/// As many of the nodes as there are bars: those that change most, and then those that own most.
fn most_telling(sides: &[&[Balance]], ids: &[NodeId]) -> Vec<NodeId> {
    if ids.len() <= BARS_MAX {
        return ids.to_vec();
    }
    let sides: Vec<BTreeMap<NodeId, f64>> =
        sides.iter().map(|side| side.iter().map(|row| (row.id, row.owned)).collect()).collect();
    let told = |id: &NodeId| {
        let owned = sides.iter().map(|side| side.get(id).copied().unwrap_or(0.0));
        let (least, most) =
            owned.fold((f64::MAX, 0.0), |(least, most), part| (part.min(least), part.max(most)));
        (most - least, most)
    };
    let mut ranked: Vec<((f64, f64), NodeId)> = ids.iter().map(|id| (told(id), *id)).collect();
    ranked.sort_by(|((change, most), id), ((other_change, other_most), other)| {
        other_change.total_cmp(change).then(other_most.total_cmp(most)).then(id.cmp(other))
    });
    let mut shown: Vec<NodeId> = ranked.into_iter().take(BARS_MAX).map(|(_, id)| id).collect();
    shown.sort_unstable();
    shown
}

/// A text that fits into so many pixels, with its middle left out where it is longer: names differ at their ends. Fonts differ, so that
/// the widths are those of a wide one.
fn fitted(text: &str, wide: f64, size: f64) -> String {
    let width = |char: char| {
        size * match char {
            'i' | 'j' | 'l' | 't' | 'f' | ' ' | '.' | ',' | ':' | ';' | '/' | '|' | '-' => 0.4,
            '\u{0}'..='\u{7f}' if !matches!(char, 'm' | 'w' | 'M' | 'W' | '%' | '@') => 0.68,
            // Letters of other scripts may fill a square, and pictures a little more.
            '\u{80}'..='\u{10ff}' | '\u{2000}'..='\u{206f}' => 0.85,
            '\u{10000}'.. => 1.4,
            _ => 1.02,
        }
    };
    if text.chars().map(width).sum::<f64>() <= wide {
        return text.to_owned();
    }
    let room = (wide - width('…')) / 2.0;
    let fits = |left: &mut f64, char: char| {
        *left -= width(char);
        (*left >= 0.0).then_some(char)
    };
    let head: String = text.chars().scan(room, fits).collect();
    let tail: Vec<char> = text.chars().rev().scan(room, fits).collect();
    head + "…" + &tail.into_iter().rev().collect::<String>()
}
