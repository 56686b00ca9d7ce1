//! How faults look, and what they are in words.

use super::Picture;
use super::sheet::{Sheet, seconds};
use core::fmt;
use synod_core::NodeId;
use synod_sim::{Fault, Strike};

/// Faults that are drawn alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Some nodes do not hear some others.
    Partition,
    /// Processes are dead.
    Down,
    /// A process stands still.
    Pause,
    /// A disk is slow, stuck, damaged or lies.
    Disk,
    /// The whole network is slow.
    Network,
    /// A kind that this page has not been taught.
    Other,
}

impl Family {
    pub(super) fn of(fault: Fault) -> Self {
        match fault {
            Fault::Isolate | Fault::Split | Fault::OneWay | Fault::Bridge | Fault::Flap => Self::Partition,
            Fault::Crash | Fault::Blackout | Fault::FailSync | Fault::FullDisk => Self::Down,
            Fault::Pause => Self::Pause,
            Fault::SlowDisk | Fault::StallDisk => Self::Disk,
            Fault::BitRot | Fault::MisdirectedWrite | Fault::LyingDisk => Self::Disk,
            Fault::Spike => Self::Network,
            _ => Self::Other,
        }
    }

    /// The class of its shapes.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Partition => "f-cut",
            Self::Down => "f-down",
            Self::Pause => "f-pause",
            Self::Disk => "f-disk",
            Self::Network => "f-net",
            Self::Other => "f-other",
        }
    }
}

fn meaning(fault: Fault) -> &'static str {
    match fault {
        Fault::Crash => "the process dies with its un-synced records, and is restarted",
        Fault::Blackout => "all processes die at once",
        Fault::Isolate => "the node is cut off from all others",
        Fault::Split => "these nodes and the others do not hear each other",
        Fault::OneWay => "what these nodes send does not reach the others",
        Fault::Bridge => "two parts that see each other through one node only",
        Fault::Flap => "a split that comes and goes",
        Fault::Pause => "the process stands still, then goes on as if nothing had been",
        Fault::SlowDisk => "syncs take twenty times as long",
        Fault::StallDisk => "no sync completes",
        Fault::FailSync => "a sync fails: the node stops, and is restarted",
        Fault::Spike => "every message takes twenty times as long",
        Fault::FullDisk => "the disk is full: the node stops, and comes back when there is space",
        Fault::BitRot => "some stored records cannot be read any more",
        Fault::MisdirectedWrite => "a record was written in the place of another: both are destroyed",
        Fault::LyingDisk => "syncs are said to be done, and store nothing",
        _ => "a fault",
    }
}

/// Nodes as a list: `n1 n4`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nodes<'a>(pub(super) &'a [NodeId]);

impl fmt::Display for Nodes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, node) in self.0.iter().take(9).enumerate() {
            write!(f, "{}n{}", if nth == 0 { "" } else { " " }, node.0)?;
        }
        if self.0.len() > 9 { f.write_str(" …") } else { Ok(()) }
    }
}

/// Which fault struck whom, as short as possible.
pub(super) fn short(strike: &Strike) -> String {
    match strike.fault {
        Fault::Blackout | Fault::Spike => strike.fault.name().to_owned(),
        fault => format!("{} {}", fault.name(), Nodes(&strike.nodes)).trim_end().to_owned(),
    }
}

/// A strike in full, as a tooltip.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a>(pub(super) &'a Strike);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Strike { fault, at, until, nodes, .. } = self.0;
        write!(f, "<title>{}, {} – {}", fault.name(), seconds(*at), seconds(*until))?;
        if !nodes.is_empty() {
            write!(f, ", {}", Nodes(nodes))?;
        }
        write!(f, "\n{}</title>", meaning(*fault))
    }
}

/// The colours of the faults that occur, as a legend.
pub(super) fn legend(picture: &Picture, sheet: &mut Sheet) {
    const WORDS: [(Family, &str); 6] = [
        (Family::Partition, "partition"),
        (Family::Down, "process down"),
        (Family::Pause, "pause"),
        (Family::Disk, "slow or stalled disk"),
        (Family::Network, "slow network"),
        (Family::Other, "another fault"),
    ];
    for (family, words) in WORDS {
        if picture.strikes.iter().any(|strike| Family::of(strike.fault) == family) {
            sheet.must(format_args!("<li><i class=\"sw {}\"></i>{words}</li>", family.class()));
        }
    }
}
