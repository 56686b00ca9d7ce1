//! The messages of the space-time diagram: arrows from where they left to where their way ended.

use super::sheet::{Sheet, cut, millis, took};
use super::stage::{Labels, Stage};
use std::collections::{BTreeMap, BTreeSet};
use synod_core::NodeId;
use synod_sim::trace::{Fate, Happening};

/// With more messages than this, arrows bear no names.
const NAMED_MAX: usize = 700;

struct Sent<'a> {
    at: u64,
    from: NodeId,
    to: NodeId,
    text: &'a str,
}

struct Look {
    class: &'static str,
    words: &'static str,
}

fn look(fate: Fate) -> Look {
    let (class, words) = match fate {
        Fate::Delivered => ("ok", "delivered"),
        Fate::Lost => ("lost", "lost by the network"),
        Fate::Blocked => ("blocked", "blocked by a partition"),
        Fate::ReceiverDown => ("dead", "found the receiver down"),
        Fate::Overflow => ("lost", "dropped by a full queue"),
        Fate::TooLarge => ("lost", "larger than a packet"),
        Fate::Refused => ("lost", "refused: damaged, forged, or of another version"),
        Fate::Unreachable => ("blocked", "sent to an address that nobody has any more"),
        _ => ("odd", "met another fate"),
    };
    Look { class, words }
}

/// Draws all messages. What never arrived is drawn less than half-way, at the usual speed: the network decides at once, and the
/// trace has no place for it.
pub(super) fn draw(stage: &Stage<'_>, sheet: &mut Sheet) {
    let mut sent = BTreeMap::new();
    let mut ended = BTreeSet::new();
    for moment in &stage.moments {
        if let Happening::Sent { id, to, text } = &moment.what {
            sent.insert(*id, Sent { at: moment.at, from: moment.node, to: *to, text });
        }
    }
    let flight = usual_flight(stage, &sent);
    for moment in &stage.moments {
        let Happening::Ended { id, fate } = &moment.what else { continue };
        let again = !ended.insert(*id);
        match sent.get(id) {
            Some(message) if !matches!(fate, Fate::Delivered | Fate::ReceiverDown) => {
                stopped(
                    message,
                    *fate,
                    moment.at.max(message.at.saturating_add(flight * 2 / 5)),
                    stage,
                    sheet,
                );
            }
            Some(message) => arrived(message, *fate, moment.at, again, stage, sheet),
            None => stub(moment.node, *fate, moment.at, flight, stage, sheet),
        }
    }
    for (_, message) in sent.iter().filter(|(id, _)| !ended.contains(id)) {
        under_way(message, stage, sheet);
    }
    if sent.len() <= NAMED_MAX {
        names(&sent, flight, stage, sheet);
    }
}

/// The median time from sending to arrival.
fn usual_flight(stage: &Stage<'_>, sent: &BTreeMap<u64, Sent<'_>>) -> u64 {
    let flight = |moment: &&synod_sim::trace::Moment| match &moment.what {
        Happening::Ended { id, fate: Fate::Delivered } => Some(moment.at.saturating_sub(sent.get(id)?.at)),
        _ => None,
    };
    let mut flights: Vec<u64> = stage.moments.iter().filter_map(flight).collect();
    flights.sort_unstable();
    flights.get(flights.len() / 2).copied().unwrap_or(stage.span.len() / 60)
}

fn arrived(message: &Sent<'_>, fate: Fate, at: u64, again: bool, stage: &Stage<'_>, sheet: &mut Sheet) {
    let (Some(from), Some(to)) = (stage.y(message.from.0), stage.y(message.to.0)) else { return };
    let Look { class, words } = look(fate);
    let (x1, x2) = (stage.span.x(message.at), stage.span.x(at));
    let again = if again { "a second time " } else { "" };
    sheet.put(format_args!(
        "<line class=\"m {class}\" x1=\"{x1}\" y1=\"{from}\" x2=\"{x2}\" y2=\"{to}\"><title>n{} → n{}\n{} – {}\n{words} {again}after {}\n{}</title></line>",
        message.from.0,
        message.to.0,
        millis(message.at),
        millis(at),
        took(at.saturating_sub(message.at)),
        cut(message.text, stage.text_max)
    ));
}

fn stopped(message: &Sent<'_>, fate: Fate, at: u64, stage: &Stage<'_>, sheet: &mut Sheet) {
    let (Some(from), Some(to)) = (stage.y(message.from.0), stage.y(message.to.0)) else { return };
    let Look { class, words } = look(fate);
    let (x1, x2) = (stage.span.x(message.at), stage.span.x(at));
    sheet.put(format_args!(
        "<line class=\"m {class}\" x1=\"{x1}\" y1=\"{from}\" x2=\"{x2}\" y2=\"{}\"><title>n{} → n{}\n{}\n{words}\n{}</title></line>",
        some_way(from, to),
        message.from.0,
        message.to.0,
        millis(message.at),
        cut(message.text, stage.text_max)
    ));
}

/// Where a message is drawn that never arrived: two fifths of the way never lie on another node's lane.
fn some_way(from: usize, to: usize) -> usize {
    (from * 3 + to * 2) / 5
}

/// The end of a message that left before the window, or whose sender is not drawn.
fn stub(node: NodeId, fate: Fate, at: u64, flight: u64, stage: &Stage<'_>, sheet: &mut Sheet) {
    let Some(to) = stage.y(node.0) else { return };
    let Look { class, words } = look(fate);
    let (x1, x2) = (stage.span.x(at.saturating_sub(flight / 4)), stage.span.x(at));
    sheet.put(format_args!(
        "<line class=\"m stub {class}\" x1=\"{x1}\" y1=\"{}\" x2=\"{x2}\" y2=\"{to}\"><title>to n{}, {}\n{words}; it left before the time shown</title></line>",
        to - stage.spacing / 4,
        node.0,
        millis(at)
    ));
}

/// A message that is still on its way when the window ends.
fn under_way(message: &Sent<'_>, stage: &Stage<'_>, sheet: &mut Sheet) {
    let Some(from) = stage.y(message.from.0) else { return };
    let to = stage.y(message.to.0).unwrap_or(from + stage.spacing / 2);
    let (x1, x2) = (stage.span.x(message.at), stage.span.x(stage.span.end));
    sheet.put(format_args!(
        "<line class=\"m way\" x1=\"{x1}\" y1=\"{from}\" x2=\"{x2}\" y2=\"{}\"><title>n{} → n{}\n{}\nstill on its way when the window ends\n{}</title></line>",
        some_way(from, to),
        message.from.0,
        message.to.0,
        millis(message.at),
        cut(message.text, stage.text_max)
    ));
}

/// The first word of each message beside its arrow, from the magnification on at which there is room.
fn names(sent: &BTreeMap<u64, Sent<'_>>, flight: u64, stage: &Stage<'_>, sheet: &mut Sheet) {
    let mut rows: BTreeMap<usize, Labels> = BTreeMap::new();
    for message in sent.values() {
        let (Some(from), Some(to)) = (stage.y(message.from.0), stage.y(message.to.0)) else { continue };
        let word = first_word(message.text);
        let letters = word.chars().count();
        // Half a lane from the sender, where no other letters are.
        let (gap, far) = (stage.spacing / 2, from.abs_diff(to).max(1));
        let y = if to > from { from + gap - 3 } else { from - gap + 9 };
        let at = message.at.saturating_add(flight.saturating_mul(gap as u64) / far as u64);
        let class = rows.entry(y).or_default().place(stage.pixel(at), letters);
        if let Some(class) = class.filter(|_| letters > 0) {
            // Names are for a closer look, even where there would be room before.
            let class = if class == "l2" { class } else { "l1" };
            let x = stage.span.x(at);
            sheet
                .put(format_args!("<text class=\"mn {class}\" x=\"{x}\" y=\"{y}\">{}</text>", cut(word, 24)));
        }
    }
}

fn first_word(text: &str) -> &str {
    text.split(|char: char| !char.is_alphanumeric()).next().unwrap_or_default()
}
