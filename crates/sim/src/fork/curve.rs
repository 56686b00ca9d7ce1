//! The odds as a picture: one HTML file that needs nothing else, not even scripts.

use super::{Odds, Tally};
use crate::markup::{Escaped, ticks};
use crate::trace::{Millis, Moment};
use core::fmt::{self, Write as _};

const LEFT: f64 = 56.0;
const WIDTH: f64 = 1_040.0;
const TOP: f64 = 26.0;
const HEIGHT: f64 = 300.0;
const ROW: f64 = 7.0;
const STRIKES_MAX: usize = 400;
const ROWS_MAX: usize = 12;

const STYLE: &str = include_str!("curve.css");

impl Odds {
    /// The curve as a page: probability over virtual time with its intervals, the faults, the leap and what happened around it.
    /// `title` and `command` (how to draw it again; may be empty) stand above it.
    #[must_use]
    pub fn to_html(&self, title: &str, command: &str) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_html(title, command, &mut page);
        page
    }

    fn write_html(&self, title: &str, command: &str, page: &mut String) -> fmt::Result {
        let title = Escaped::of(title);
        write!(
            page,
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\n<style>\n{STYLE}</style></head>\n<body><main>\n\
             <h1>{title}</h1>\n<p class=\"verdict\">seed {}, {} steps, ended at {}: <b>{}</b></p>\n",
            self.seed,
            self.steps,
            Millis(self.end),
            Escaped::of(&self.verdict.to_string())
        )?;
        if !command.is_empty() {
            writeln!(page, "<p><code>{}</code></p>", Escaped::of(command))?;
        }
        let futures = self.tallies.first().map_or(0, |tally| tally.futures);
        writeln!(
            page,
            "<p class=\"note\">From each point {futures} futures were run, with other chances from there on. The line is the share that failed in the same way, the shade its 95% interval of confidence (Wilson).</p>"
        )?;
        self.plot(page)?;
        self.told(page)?;
        writeln!(page, "</main></body></html>")
    }

    fn x(&self, at: u64) -> f64 {
        LEFT + at.min(self.end) as f64 / self.end.max(1) as f64 * WIDTH
    }

    fn plot(&self, page: &mut String) -> fmt::Result {
        let rows = self.rows();
        let used = rows.iter().flatten().map(|row| row + 1).max().unwrap_or(0);
        let below = TOP + HEIGHT + used as f64 * ROW;
        let (width, height) = (LEFT + WIDTH + 24.0, below + 44.0);
        writeln!(
            page,
            "<div class=\"plot\"><svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"Probability of the failure over virtual time\">"
        )?;
        for percent in [0_u32, 25, 50, 75, 100] {
            let y = height_of(f64::from(percent) / 100.0);
            writeln!(
                page,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"end\" x=\"{}\" y=\"{:.1}\">{percent}%</text>",
                LEFT + WIDTH,
                LEFT - 8.0,
                y + 4.0
            )?;
        }
        for at in ticks(0, self.end, 10) {
            let x = self.x(at);
            writeln!(
                page,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{below}\"/><text class=\"middle\" x=\"{x:.1}\" y=\"{}\">{} s</text>",
                below + 18.0,
                at as f64 / 1e9
            )?;
        }
        self.faults(&rows, page)?;
        self.line(page)?;
        self.mark(below, page)?;
        writeln!(
            page,
            "<text class=\"middle dim\" x=\"{}\" y=\"{}\">virtual time; below the curve, the faults</text></svg></div>",
            LEFT + WIDTH / 2.0,
            below + 36.0
        )
    }

    /// The row of each fault below the curve: none covers another, as far as there are rows.
    fn rows(&self) -> Vec<Option<usize>> {
        let mut busy = [0_u64; ROWS_MAX];
        let shown = self.strikes.iter().take(STRIKES_MAX);
        let place = |strike: &crate::Strike| {
            let row = busy.iter().position(|until| *until <= strike.at)?;
            if let Some(until) = busy.get_mut(row) {
                *until = strike.until.max(strike.at + self.end / 200);
            }
            Some(row)
        };
        shown.map(place).collect()
    }

    fn faults(&self, rows: &[Option<usize>], page: &mut String) -> fmt::Result {
        for (strike, row) in self.strikes.iter().zip(rows) {
            let Some(row) = row else { continue };
            let (x, until) = (self.x(strike.at), self.x(strike.until));
            let nodes: Vec<String> = strike.nodes.iter().map(ToString::to_string).collect();
            writeln!(
                page,
                "<rect class=\"fault\" x=\"{x:.1}\" width=\"{:.1}\" y=\"{}\" height=\"{}\"><title>{} {}, {} – {}</title></rect>",
                (until - x).max(2.0),
                TOP + HEIGHT + 3.0 + *row as f64 * ROW,
                ROW - 2.0,
                Escaped::of(strike.fault.name()),
                nodes.join(" "),
                Millis(strike.at),
                Millis(strike.until)
            )?;
        }
        Ok(())
    }

    fn line(&self, page: &mut String) -> fmt::Result {
        page.push_str("<path class=\"band\" d=\"");
        let high = self.tallies.iter().map(|tally| (tally.at, tally.interval().1));
        let low = self.tallies.iter().rev().map(|tally| (tally.at, tally.interval().0));
        for (nth, (at, share)) in high.chain(low).enumerate() {
            let command = if nth == 0 { 'M' } else { 'L' };
            write!(page, "{command}{:.1} {:.1}", self.x(at), height_of(share))?;
        }
        page.push_str("Z\"/>\n<path class=\"line\" d=\"");
        for (nth, tally) in self.tallies.iter().enumerate() {
            let command = if nth == 0 { 'M' } else { 'L' };
            write!(page, "{command}{:.1} {:.1}", self.x(tally.at), height_of(tally.share()))?;
        }
        page.push_str("\"/>\n");
        for tally in &self.tallies {
            writeln!(
                page,
                "<circle class=\"point\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.4\"><title>{}, step {}\n{} of {} futures failed: {tally}</title></circle>",
                self.x(tally.at),
                height_of(tally.share()),
                Millis(tally.at),
                tally.step,
                tally.failed,
                tally.futures
            )?;
        }
        Ok(())
    }

    /// The leap and the end.
    fn mark(&self, below: f64, page: &mut String) -> fmt::Result {
        if let Some(jump) = &self.jump {
            let x = self.x(jump.after.at);
            let (class, dx) = if x > LEFT + WIDTH / 2.0 { ("end", -7.0) } else { ("", 7.0) };
            writeln!(
                page,
                "<line class=\"leap\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{below}\"/><text class=\"leap {class}\" x=\"{:.1}\" y=\"{}\">{:.0}% → {:.0}% at {}</text>",
                x + dx,
                TOP - 10.0,
                jump.before.share() * 100.0,
                jump.after.share() * 100.0,
                Millis(jump.after.at)
            )?;
        }
        Ok(())
    }

    /// What happened around the leap, and all points, in words.
    fn told(&self, page: &mut String) -> fmt::Result {
        if let Some(jump) = &self.jump {
            let Tally { step, .. } = jump.after;
            let sure = if jump.is_significant() { "" } else { " The intervals overlap: it may be chance." };
            writeln!(
                page,
                "<h2>The greatest leap: step {step}</h2>\n<p class=\"note\">{} before, {} after.{sure} What happened in between is marked.</p>\n<table class=\"moments\">",
                jump.before, jump.after
            )?;
            for (class, moments) in [("", &jump.earlier), ("hot", &jump.between), ("", &jump.later)] {
                for strike in jump.strikes.iter().filter(|_| class == "hot") {
                    let words = format!("fault {}", strike.fault);
                    row(class, strike.at, strike.nodes.first().map_or(0, |node| node.0), &words, page)?;
                }
                moments.iter().try_for_each(|moment| told(class, moment, page))?;
            }
            writeln!(page, "</table>")?;
        }
        writeln!(
            page,
            "<details><summary>All points</summary><pre>{}</pre></details>",
            Escaped::of(&self.to_string())
        )
    }
}

fn told(class: &str, moment: &Moment, page: &mut String) -> fmt::Result {
    let words = moment.to_string();
    let words =
        words.split_once(" ms ").and_then(|(_, rest)| rest.split_once(' ')).map_or("", |(_, rest)| rest);
    row(class, moment.at, moment.node.0, words, page)
}

fn row(class: &str, at: u64, node: u64, words: &str, page: &mut String) -> fmt::Result {
    let node = if node == 0 { String::new() } else { format!("n{node}") };
    let words = Escaped::of(words);
    writeln!(
        page,
        "<tr class=\"{class}\"><td>{}</td><td>{node}</td><td><code>{words}</code></td></tr>",
        Millis(at)
    )
}

fn height_of(share: f64) -> f64 {
    TOP + (1.0 - share) * HEIGHT
}
