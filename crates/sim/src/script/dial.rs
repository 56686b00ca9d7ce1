//! The dials of a script as text.
//!
//! Those that make fault events by chance (loss, bursts, duplication, reordering, torn tails, the schedule) are not written: a
//! script lists the events themselves.

use super::span::{duration, read_duration};
use crate::bandwidth::Line;
use crate::byzantine::{Traitor, Treason};
use crate::clock::DRIFT_PPM_MAX;
use crate::dials::{Dials, Latency, Sabotage};
use crate::storage::{Bound, FileSystem, Storage};
use core::time::Duration;
use synod_core::NodeId;

const SABOTAGES: [(Sabotage, &str); 5] = [
    (Sabotage::EarlySend, "early-send"),
    (Sabotage::LyingFsync, "lying-fsync"),
    (Sabotage::RetriedFsync, "retried-fsync"),
    (Sabotage::TrustedPageCache, "trusted-page-cache"),
    (Sabotage::ReplayPastHole, "replay-past-hole"),
];
const FILE_SYSTEMS: [FileSystem; 3] = [FileSystem::Ext4, FileSystem::Xfs, FileSystem::Btrfs];
const BOUNDS: [(Bound, &str); 3] =
    [(Bound::Nodes, "nodes"), (Bound::Records, "records"), (Bound::Unbounded, "unbounded")];

/// The dials with nothing left to chance that is a fault.
pub(crate) fn without_chances(dials: Dials) -> Dials {
    let calm = Dials::calm();
    let mut lines = dials.lines;
    lines.values_mut().for_each(|line| line.loss_ppm = None);
    lines.retain(|_, line| *line != Line::default());
    Dials {
        lines,
        loss_ppm: calm.loss_ppm,
        burst: calm.burst,
        duplicate_ppm: calm.duplicate_ppm,
        reorder_ppm: calm.reorder_ppm,
        tear_ppm: calm.tear_ppm,
        schedule: calm.schedule,
        tamper: calm.tamper,
        storage: Storage { reorder_ppm: calm.storage.reorder_ppm, ..dials.storage },
        ..dials
    }
}

/// The entries for the dials that do not stand as in calm weather.
pub(super) fn lines(dials: &Dials) -> Vec<String> {
    // Whoever adds a dial decides here whether it is a chance, and otherwise gives it a line.
    let Dials {
        latency,
        links,
        loss_ppm: _,
        burst: _,
        duplicate_ppm: _,
        reorder_ppm: _,
        sync,
        tear_ppm: _,
        clock_skew_max,
        drift_ppm_max,
        schedule: _,
        sabotage,
        storage: Storage { file_system, reorder_ppm: _, bound },
        bandwidth: _,
        mtu: _,
        lines: _,
        tamper: _,
        guard: _,
        resolve_after: _,
        notices: _,
        traitors,
        syncs,
        step,
        steps,
        drifts_ppm,
        wall_error_max,
    } = dials;
    let calm = Dials::calm();
    // Bandwidth, packets, guards, addresses and notices; what attackers do is left to chance.
    let mut lines = super::transport::lines(dials);
    if *latency != calm.latency {
        lines.push(format!("latency {}", distribution(latency)));
    }
    for ((from, to), latency) in links {
        lines.push(format!("link {from} {to} {}", distribution(latency)));
    }
    if *sync != calm.sync {
        lines.push(format!("sync {}", distribution(sync)));
    }
    lines.extend(syncs.iter().map(|(id, latency)| format!("sync-of {id} {}", distribution(latency))));
    if *step != calm.step {
        lines.push(format!("step {}", duration(*step)));
    }
    lines.extend(steps.iter().map(|(id, step)| format!("step-of {id} {}", duration(*step))));
    lines.extend(drifts_ppm.iter().map(|(id, drift)| format!("drift-of {id} {drift}ppm")));
    if *clock_skew_max != calm.clock_skew_max {
        lines.push(format!("clock-skew {}", duration(*clock_skew_max)));
    }
    if let Some(error) = wall_error_max {
        lines.push(format!("wall-error {}", duration(*error)));
    }
    if *drift_ppm_max != calm.drift_ppm_max {
        lines.push(format!("drift {drift_ppm_max}ppm"));
    }
    for (_, name) in SABOTAGES.iter().filter(|(which, _)| Some(*which) == *sabotage) {
        lines.push(format!("sabotage {name}"));
    }
    if *file_system != calm.storage.file_system {
        lines.push(format!("file-system {file_system}"));
    }
    for Traitor { node, treasons } in traitors {
        lines.push(
            treasons.iter().fold(format!("traitor {node}"), |line, treason| format!("{line} {treason}")),
        );
    }
    for (_, name) in BOUNDS.iter().filter(|(which, _)| which == bound && *which != calm.storage.bound) {
        lines.push(format!("damage-bound {name}"));
    }
    lines
}

/// Turns one dial. `None`: these words turn none.
pub(super) fn turn(dials: &mut Dials, words: &[&str]) -> Option<()> {
    match words {
        ["latency", rest @ ..] => dials.latency = read_distribution(rest)?,
        ["link", from, to, rest @ ..] => {
            dials.links.insert((node(from)?, node(to)?), read_distribution(rest)?);
        }
        ["sync", rest @ ..] => dials.sync = read_distribution(rest)?,
        ["sync-of", id, rest @ ..] => {
            dials.syncs.insert(node(id)?, read_distribution(rest)?);
        }
        ["step", span] => dials.step = read_duration(span)?,
        ["step-of", id, span] => {
            dials.steps.insert(node(id)?, read_duration(span)?);
        }
        ["drift-of", id, ppm] => {
            let drift: i64 = ppm.strip_suffix("ppm")?.parse().ok()?;
            dials.drifts_ppm.insert(
                node(id)?,
                Some(drift).filter(|drift| (-DRIFT_PPM_MAX..=DRIFT_PPM_MAX).contains(drift))?,
            );
        }
        ["wall-error", span] => dials.wall_error_max = Some(read_duration(span)?),
        ["clock-skew", span] => dials.clock_skew_max = read_duration(span)?,
        ["drift", ppm] => {
            let drift: u32 = ppm.strip_suffix("ppm")?.parse().ok()?;
            dials.drift_ppm_max = Some(drift).filter(|drift| i64::from(*drift) <= DRIFT_PPM_MAX)?;
        }
        ["sabotage", word] => {
            dials.sabotage = Some(SABOTAGES.iter().find(|(_, name)| name == word)?.0);
        }
        ["file-system", word] => {
            dials.storage.file_system =
                *FILE_SYSTEMS.iter().find(|file_system| file_system.to_string() == *word)?;
        }
        ["traitor", id, words @ ..] => {
            let treason = |word: &&str| Treason::all().find(|treason| treason.name() == *word);
            let treasons = words.iter().map(treason).collect::<Option<Vec<_>>>()?;
            dials.traitors.push(Traitor { node: node(id)?, treasons });
        }
        ["damage-bound", word] => {
            dials.storage.bound = BOUNDS.iter().find(|(_, name)| name == word)?.0;
        }
        other => super::transport::turn(dials, other)?,
    }
    Some(())
}

pub(super) fn node(word: &str) -> Option<NodeId> {
    let digits = word.strip_prefix('n').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().map(NodeId)
}

fn distribution(latency: &Latency) -> String {
    let words = |name: &str, spans: &[Duration]| {
        spans.iter().fold(name.to_owned(), |line, span| format!("{line} {}", duration(*span)))
    };
    match latency {
        Latency::Constant(span) => words("constant", &[*span]),
        Latency::Uniform(least, greatest) => words("uniform", &[*least, *greatest]),
        Latency::LogNormal(median) => words("log-normal", &[*median]),
        Latency::Quantiles(spans) => words("quantiles", spans),
    }
}

fn read_distribution(words: &[&str]) -> Option<Latency> {
    let (name, spans) = words.split_first()?;
    let spans: Vec<Duration> = spans.iter().map(|word| read_duration(word)).collect::<Option<_>>()?;
    match (*name, spans.as_slice()) {
        ("constant", [span]) => Some(Latency::Constant(*span)),
        ("uniform", [least, greatest]) => Some(Latency::Uniform(*least, *greatest)),
        ("log-normal", [median]) => Some(Latency::LogNormal(*median)),
        ("quantiles", spans) => Some(Latency::Quantiles(spans.to_vec())),
        _ => None,
    }
}
