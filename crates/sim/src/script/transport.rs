//! The dials of links and transports as text.

use super::dial::node;
use super::span::{duration, read_duration};
use crate::bandwidth::{Bandwidth, Line};
use crate::dials::Dials;
use crate::tamper::Guard;
use synod_core::NodeId;

const GUARDS: [(Guard, &str); 3] =
    [(Guard::None, "none"), (Guard::Checksum, "checksum"), (Guard::Authenticated, "authenticated")];

/// The entries for the dials of links and transports that do not stand as in calm weather.
pub(super) fn lines(dials: &Dials) -> Vec<String> {
    let calm = Dials::calm();
    let mut lines = Vec::new();
    if let Some(bandwidth) = dials.bandwidth {
        lines.push(format!("bandwidth {}", carries(bandwidth)));
    }
    if let Some(mtu) = dials.mtu {
        lines.push(format!("mtu {mtu}"));
    }
    for ((from, to), Line { bandwidth, mtu, loss_ppm: _ }) in &dials.lines {
        let between = |what: String| format!("line {from} {to} {what}");
        lines.extend(bandwidth.map(|bandwidth| between(format!("bandwidth {}", carries(bandwidth)))));
        lines.extend(mtu.map(|mtu| between(format!("mtu {mtu}"))));
    }
    for (_, name) in GUARDS.iter().filter(|(guard, _)| *guard == dials.guard && *guard != calm.guard) {
        lines.push(format!("guard {name}"));
    }
    if dials.resolve_after != calm.resolve_after {
        let after = dials.resolve_after.map_or_else(|| "never".to_owned(), duration);
        lines.push(format!("resolve-after {after}"));
    }
    if dials.notices != calm.notices {
        lines.push("notices on".to_owned());
    }
    lines
}

/// Turns one dial. `None`: these words turn none.
pub(super) fn turn(dials: &mut Dials, words: &[&str]) -> Option<()> {
    match words {
        ["bandwidth", rest @ ..] => dials.bandwidth = Some(read_carries(rest)?),
        ["mtu", bytes] => dials.mtu = Some(bytes.parse().ok()?),
        ["line", from, to, "bandwidth", rest @ ..] => {
            line(dials, from, to)?.bandwidth = Some(read_carries(rest)?);
        }
        ["line", from, to, "mtu", bytes] => line(dials, from, to)?.mtu = Some(bytes.parse().ok()?),
        ["guard", word] => dials.guard = GUARDS.iter().find(|(_, name)| name == word)?.0,
        ["resolve-after", "never"] => dials.resolve_after = None,
        ["resolve-after", span] => dials.resolve_after = Some(read_duration(span)?),
        ["notices", "on"] => dials.notices = true,
        _ => return None,
    }
    Some(())
}

fn line<'a>(dials: &'a mut Dials, from: &str, to: &str) -> Option<&'a mut Line> {
    let ends: (NodeId, NodeId) = (node(from)?, node(to)?);
    Some(dials.lines.entry(ends).or_default())
}

fn carries(Bandwidth { bytes_per_sec, queue_bytes_max, lanes }: Bandwidth) -> String {
    format!("{bytes_per_sec}B/s queue {queue_bytes_max}B{}", if lanes { " lanes" } else { "" })
}

fn read_carries(words: &[&str]) -> Option<Bandwidth> {
    let (rate, queue, lanes) = match words {
        [rate, "queue", queue] => (rate, queue, false),
        [rate, "queue", queue, "lanes"] => (rate, queue, true),
        _ => return None,
    };
    let bytes_per_sec = rate.strip_suffix("B/s")?.parse().ok()?;
    let queue_bytes_max = queue.strip_suffix('B')?.parse().ok()?;
    Some(Bandwidth { bytes_per_sec, queue_bytes_max, lanes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn what_is_written_is_read_back() {
        let bandwidth = Bandwidth { bytes_per_sec: 1_000, queue_bytes_max: u64::MAX, lanes: true };
        let mut dials = Dials::calm();
        dials.bandwidth = Some(Bandwidth { lanes: false, ..bandwidth });
        dials.mtu = Some(1_400);
        let line = Line { bandwidth: Some(bandwidth), mtu: Some(576), loss_ppm: None };
        dials.lines.insert((NodeId(1), NodeId(3)), line);
        dials.guard = Guard::Checksum;
        dials.resolve_after = None;
        dials.notices = true;
        for after in [None, Some(Duration::from_millis(20))] {
            dials.resolve_after = after;
            let mut read = Dials::calm();
            for line in lines(&dials) {
                let words: Vec<&str> = line.split(' ').collect();
                turn(&mut read, &words).expect(&line);
            }
            assert_eq!(read, dials);
        }
        assert!(lines(&Dials::calm()).is_empty());
        assert_eq!(turn(&mut dials, &["bandwidth", "fast"]), None);
    }
}
