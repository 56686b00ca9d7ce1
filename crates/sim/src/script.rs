//! A run written down: settings, dials, and every fault event by name. It is a regression test that a person can read.

mod dial;
mod span;
mod text;
mod transport;

use crate::dials::Dials;
use crate::nemesis::Strike;
use crate::run::Verdict;
use crate::tape::{Label, Tape};
use core::fmt;
use core::time::Duration;
pub(crate) use dial::without_chances;
pub use span::read as read_span;
use std::collections::BTreeMap;
pub use text::ScriptError;

/// One run in full: which faults strike when and whom, which messages are lost, doubled or overtaken, and what is expected of
/// it. Nothing else befalls it; what is no fault (how long a message takes, what a client asks for) its seed decides, by content.
///
/// [`Sim::script`](crate::Sim::script) writes the run of a seed down, [`Script::tape`] runs it,
/// As text (`Display` and `FromStr`) it is meant to be read, kept as a regression
/// test, and changed by hand:
///
/// ```
/// use synod_sim::{Expect, Script};
/// let text = "\
/// synod-script 1
/// ## The leader is cut off while it still believes to lead.
/// expect violated one leader in each term
/// seed 7
/// storm 2s
/// set clients 1
/// dial latency constant 500us
/// at 0.4s isolate n1 for 300ms
/// at 0.51s loss 00000000000000ff  # n2 to n3: Append
/// ";
/// let script: Script = text.parse()?;
/// assert_eq!(script.expect, Expect::Violated("one leader in each term".to_owned()));
/// assert_eq!(script.faults.len(), 2);
/// assert_eq!(script.setting("clients"), Some("1"));
/// assert_eq!(script.to_string().parse::<Script>()?, script);
/// # Ok::<(), synod_sim::ScriptError>(())
/// ```
///
/// # The text
/// The first line is `synod-script 1`. Empty lines and what follows a `#` are for people; comments before the first entry, and
/// behind message events, are kept. The entries are, in any order:
///
/// | entry | meaning |
/// |---|---|
/// | `expect passed`, `expect violated NAME`, `expect stalled NAME`, `expect restless` | how the run ends |
/// | `hash HEX` | the hash of the run, where it must be this very run, event by event; optional |
/// | `seed NUMBER` | decides what is no fault |
/// | `storm SPAN` | when the faults stop at the latest |
/// | `set NAME VALUE` | a parameter of the workload |
/// | `dial NAME VALUE…` | a distribution, where it is not that of calm weather |
/// | `draw KIND HEX VALUE` | one decision of the seed overridden |
/// | `at TIME FAULT NODES… [through NODE] for SPAN [with NUMBER]` | a fault strikes |
/// | `at TIME KIND HEX [amount NUMBER] [# NOTE]` | one chance comes true. HEX names it, by content; the time and the note are for the reader |
///
/// Spans and times are numbers with the unit `s`, `ms`, `us` or `ns`, exact to the nanosecond.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Script {
    /// What it is about, line by line.
    pub about: Vec<String>,
    /// How the run ends.
    pub expect: Expect,
    /// The hash of the run, if it must be this very run.
    pub hash: Option<u64>,
    /// Decides what is no fault.
    pub seed: u64,
    /// How long the faults may last; at its end the world is healed.
    pub storm: Duration,
    /// Parameters of the workload, for whoever builds the [`Sim`](crate::Sim); this crate does not read them.
    pub settings: BTreeMap<String, String>,
    /// How the dials stand. Those that make fault events by chance have no effect: the events are listed.
    pub dials: Dials,
    /// Decisions that do not come out as the seed says.
    pub draws: BTreeMap<Label, u64>,
    /// The fault events in the order of time.
    pub faults: Vec<FaultEvent>,
}

/// How a run is expected to end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expect {
    /// Everything holds.
    Passed,
    /// The property of this name is violated.
    Violated(String),
    /// The property of this name does not come to hold.
    Stalled(String),
    /// The nodes never come to rest.
    Restless,
}

impl Expect {
    /// What this verdict fulfils; `None` for an interrupted run, which shows nothing.
    #[must_use]
    pub fn of(verdict: &Verdict) -> Option<Self> {
        match verdict {
            Verdict::Passed => Some(Self::Passed),
            Verdict::Violated { name, .. } => Some(Self::Violated(plain(name))),
            Verdict::Stalled { name, .. } => Some(Self::Stalled(plain(name))),
            Verdict::Restless { .. } => Some(Self::Restless),
            Verdict::Interrupted => None,
        }
    }

    /// Whether the run ended like this. The name of the property counts, not the details.
    #[must_use]
    pub fn met_by(&self, verdict: &Verdict) -> bool {
        match (self, verdict) {
            (Self::Passed, Verdict::Passed) | (Self::Restless, Verdict::Restless { .. }) => true,
            (Self::Violated(wanted), Verdict::Violated { name, .. })
            | (Self::Stalled(wanted), Verdict::Stalled { name, .. }) => *wanted == plain(name),
            _ => false,
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Violated(name) => write!(f, "violated {name}"),
            Self::Stalled(name) => write!(f, "stalled {name}"),
            Self::Restless => f.write_str("restless"),
        }
    }
}

/// A name as it stands in a script: one line, and no comment in it.
fn plain(name: &str) -> String {
    name.replace('#', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultEvent {
    /// A fault strikes nodes and lasts for a while.
    Strike(Strike),
    /// A chance comes true: a message is lost, doubled, overtaken; a tail is torn.
    Hit(Hit),
}

impl FaultEvent {
    /// When, in virtual nanoseconds since the run began.
    #[must_use]
    pub const fn at(&self) -> u64 {
        match self {
            Self::Strike(strike) => strike.at,
            Self::Hit(hit) => hit.at,
        }
    }
}

/// A chance that came true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Names it, by its content.
    pub label: Label,
    /// When that was, for the reader: a script finds its event by the label.
    pub at: u64,
    /// How far it goes, for those that have a size: how many records of a torn tail are left.
    pub amount: Option<u64>,
    /// What it was about, for the reader.
    pub note: String,
}

impl Script {
    /// A run of this seed in calm weather without any fault, of which it is expected that it passes.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            about: Vec::new(),
            expect: Expect::Passed,
            hash: None,
            seed,
            storm: Duration::from_secs(10),
            settings: BTreeMap::new(),
            dials: Dials::calm(),
            draws: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    /// A parameter of the workload.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// The faults that strike nodes.
    pub fn strikes(&self) -> impl Iterator<Item = &Strike> {
        self.faults.iter().filter_map(|fault| match fault {
            FaultEvent::Strike(strike) => Some(strike),
            FaultEvent::Hit(_) => None,
        })
    }

    /// The chances that come true.
    pub fn hits(&self) -> impl Iterator<Item = &Hit> {
        self.faults.iter().filter_map(|fault| match fault {
            FaultEvent::Hit(hit) => Some(hit),
            FaultEvent::Strike(_) => None,
        })
    }

    /// The tape on which a run does what the script says: give it to [`Sim::run_tape`](crate::Sim::run_tape),
    /// [`Sim::trace`](crate::Sim::trace) and whatever else takes one. The climate and the storm of the recipe count for nothing
    /// then, those of the script do; nodes, workload and what must hold are the recipe's.
    #[must_use]
    pub fn tape(&self) -> Tape {
        Tape::scripted(self)
    }
}
