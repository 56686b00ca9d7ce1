//! A log for ShiViz (Beschastnikh et al., CACM 2020), which draws vector clocks.

use super::json::Quoted;
use super::{Fate, Happening, Trace};
use core::fmt::Write as _;
use std::collections::BTreeMap;

/// The first line of a log that ShiViz opens from a file: how to read an event. The second, empty line says that there is one
/// execution.
const HEADER: &str = "(?<host>\\S*) (?<clock>\\{.*\\})\\n\\[(?<time>[^\\]]*)\\] (?<event>.*)\n\n";

impl Trace {
    /// The trace as a log for ShiViz (`Choose File` on its input page): for each event a line with host and vector clock, and
    /// one with the virtual time and what happened. What became of a message stands at its sending if it never arrived; faults
    /// and violations are no events of a node and are left out.
    ///
    /// ShiViz lays out every event at once: cut the window to some hundreds of them.
    #[must_use]
    pub fn to_shiviz(&self) -> String {
        let fates: BTreeMap<u64, Fate> = self
            .moments
            .iter()
            .filter_map(|moment| match moment.what {
                Happening::Ended { id, fate } if !fate.arrives() => Some((id, fate)),
                _ => None,
            })
            .collect();
        let mut senders = BTreeMap::new();
        let mut log = String::from(HEADER);
        for (moment, clock) in self.clocks() {
            let Some(clock) = clock else { continue };
            let _ = write!(log, "n{} {{", moment.node.0);
            let known = (1..).zip(&clock).filter(|(_, count)| **count > 0);
            for (nth, (node, count)) in known.enumerate() {
                let _ = write!(log, "{}\"n{node}\":{count}", if nth == 0 { "" } else { "," });
            }
            let _ = write!(log, "}}\n[{}] ", super::Millis(moment.at));
            match &moment.what {
                Happening::Sent { id, to, text } => {
                    senders.insert(*id, (moment.node, text.as_str()));
                    let fate = fates.get(id).map_or(String::new(), |fate| format!(" ({})", fate.name()));
                    let _ = writeln!(log, "send {to}{fate}: {}", Line(text));
                }
                Happening::Ended { id, .. } => {
                    let _ = match senders.get(id) {
                        Some((from, text)) => writeln!(log, "receive {from}: {}", Line(text)),
                        None => writeln!(log, "receive, sent earlier"),
                    };
                }
                what => {
                    let text = what.text();
                    let _ = writeln!(log, "{}", format!("{} {}", what.kind(), Line(&text)).trim_end());
                }
            }
        }
        log
    }
}

/// A text that stays on its line.
struct Line<'a>(&'a str);

impl core::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.0.chars().any(char::is_control) {
            write!(f, "{}", Quoted(self.0))
        } else {
            f.write_str(self.0)
        }
    }
}
