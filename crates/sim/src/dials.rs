//! The dials: how hostile the world is.

use crate::bandwidth::{Bandwidth, Line};
use crate::byzantine::Traitor;
use crate::storage::Storage;
use crate::tamper::{Guard, Tamper};
use crate::tape::scale;
use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use std::collections::BTreeMap;
use synod_core::NodeId;

#[inline]
pub(crate) fn nanos(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(span.subsec_nanos()))
}

/// How long something takes: a distribution over nanoseconds, sampled with integers alone so that a seed means the same run
/// on every platform (`f64::ln` differs between them).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Latency {
    /// Always the same.
    Constant(Duration),
    /// Anything from the first to the second, equally likely.
    Uniform(Duration, Duration),
    /// Log-normal with this median and a shape of 0.5 (the tail at 1 in 1,000 is 4.7 medians): what a network or a disk in
    /// good health looks like.
    LogNormal(Duration),
    /// A measured distribution: its quantiles in equal steps from the least to the greatest value, at least one.
    Quantiles(Vec<Duration>),
}

/// Quantiles of the log-normal distribution with median 1 and shape 0.5, in units of 1/65,536: 0.001, 1/32, 2/32 … 31/32,
/// 0.999.
const LOG_NORMAL: [u64; 33] = [
    13978, 25822, 30433, 33906, 36871, 39552, 42057, 44451, 46775, 49059, 51327, 53596, 55884, 58207, 60579,
    63016, 65536, 68156, 70899, 73788, 76855, 80136, 83679, 87546, 91821, 96622, 102_122, 108_592, 116_486,
    126_673, 141_127, 166_329, 307_267,
];

/// The value at `draw` / 2^64 of the way through equally spaced quantiles, interpolated.
fn interpolate(quantiles: impl Fn(usize) -> u64, count: usize, draw: u64) -> u64 {
    let steps = count.saturating_sub(1) as u64;
    let step = scale(draw, steps);
    let within = (u128::from(draw) * u128::from(steps)) as u64;
    let (low, high) = (quantiles(step as usize), quantiles((step as usize + 1).min(count.saturating_sub(1))));
    low.saturating_add(scale(within, high.saturating_sub(low)))
}

/// [`interpolate`] over [`LOG_NORMAL`], whose 32 steps are the highest five bits of the draw.
#[inline]
fn log_normal(draw: u64) -> u64 {
    let step = (draw >> 59) as usize;
    let (low, high) = match LOG_NORMAL.get(step..step + 2) {
        Some(&[low, high]) => (low, high),
        _ => (0, 0),
    };
    low + scale(draw << 5, high - low)
}

/// That many nanoseconds times a ratio in units of 1/65,536. Without a wide multiplication for spans below an hour.
#[inline]
fn stretch(span: u64, ratio: u64) -> u64 {
    match span.checked_mul(ratio) {
        Some(product) => product >> 16,
        None => u64::try_from((u128::from(span) * u128::from(ratio)) >> 16).unwrap_or(u64::MAX),
    }
}

impl Latency {
    /// [`sample`](Self::sample), with the usual distribution where it is asked for.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "for every message and every sync")]
    pub(crate) fn sampled(&self, draw: u64) -> u64 {
        match self {
            Self::LogNormal(median) => stretch(nanos(*median), log_normal(draw)),
            other => other.sample(draw),
        }
    }

    /// The value that a draw of 64 uniform bits selects, in nanoseconds.
    #[must_use]
    pub fn sample(&self, draw: u64) -> u64 {
        match self {
            Self::Constant(span) => nanos(*span),
            Self::Uniform(least, greatest) => {
                let (least, greatest) = (nanos(*least), nanos(*greatest));
                least.saturating_add(scale(draw, greatest.saturating_sub(least).saturating_add(1)))
            }
            Self::LogNormal(median) => stretch(nanos(*median), log_normal(draw)),
            Self::Quantiles(values) => {
                interpolate(|at| values.get(at).copied().map_or(0, nanos), values.len(), draw)
            }
        }
    }
}

/// Loss in bursts: each link is good or bad, and changes at some messages (Gilbert 1960, Elliott 1963).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// The chance, per message on a good link, that it turns bad; in a million.
    pub enter_ppm: u32,
    /// The chance, per message on a bad link, that it turns good; in a million.
    pub leave_ppm: u32,
    /// The loss on a bad link; in a million.
    pub loss_ppm: u32,
}

/// A kind of fault that strikes again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// A process dies; its un-synced tail is lost or torn. It is restarted later.
    Crash,
    /// All processes die at once, and come back one by one.
    Blackout,
    /// One node is cut off from all others.
    Isolate,
    /// The nodes fall into two parts.
    Split,
    /// Messages pass from one part to the other, but not back.
    OneWay,
    /// Two parts that see each other only through a single node.
    Bridge,
    /// A split that comes and goes quickly.
    Flap,
    /// A process stands still and then goes on as if nothing had been (a garbage collection, a virtual machine moved).
    Pause,
    /// Syncs take twenty times as long.
    SlowDisk,
    /// No sync completes.
    StallDisk,
    /// The next sync fails: the log is poisoned, the node stops and is restarted later.
    FailSync,
    /// Every message takes twenty times as long.
    Spike,
    /// A disk is full: no record can be appended. The node stops, and comes back when there is space.
    FullDisk,
    /// Some neighbouring stored records cannot be read any more: the checksum does not fit, or the device returns an error.
    BitRot,
    /// A record was written in the place of another one: both are destroyed.
    MisdirectedWrite,
    /// Syncs of one disk say that they are done and store nothing.
    LyingDisk,
    /// An administrator restarts the nodes one after the other, each with the next of the builds that
    /// [`Sim::build`](crate::Sim::build) knows, and the next time with the one before: an upgrade, and a rollback. Where there is a
    /// single build, restarts only.
    Rollout,
    /// A node moves to an address that nobody has had. What is sent to the old one is lost, until the sender's transport
    /// [looks it up again](Dials::resolve_after).
    Move,
    /// Two nodes trade their addresses: what is sent to one reaches the other, unless the transport
    /// [authenticates](Guard::Authenticated).
    TradeAddresses,
    /// A process dies and comes back with an empty disk.
    WipeDisk,
    /// A process dies and comes back with an old state of its disk: a backup.
    OldDisk,
    /// Two processes die and come back with each other's disk.
    SwapDisks,
    /// A second process runs under the id of a node for a while, on a copy of its disk. Each sender is connected to one of the
    /// two.
    Twin,
    /// The connections of a node break and are made again at once: what is on its way on them is lost, whole or in part. Datagrams
    /// are not concerned.
    Reset,
    /// The wall clock of a node is set wrong by up to an hour, and its driver does not know: the interval that it gives does not hold the
    /// true time until the clock is set right again. Nothing happens where there are [no wall clocks](Dials::wall_error_max).
    ClockJump,
}

const FAULTS: [(Fault, &str); 25] = [
    (Fault::Crash, "crash"),
    (Fault::Blackout, "blackout"),
    (Fault::Isolate, "isolate"),
    (Fault::Split, "split"),
    (Fault::OneWay, "one-way"),
    (Fault::Bridge, "bridge"),
    (Fault::Flap, "flap"),
    (Fault::Pause, "pause"),
    (Fault::SlowDisk, "slow-disk"),
    (Fault::StallDisk, "stall-disk"),
    (Fault::FailSync, "fail-sync"),
    (Fault::Spike, "spike"),
    (Fault::FullDisk, "full-disk"),
    (Fault::BitRot, "bit-rot"),
    (Fault::MisdirectedWrite, "misdirected-write"),
    (Fault::LyingDisk, "lying-disk"),
    (Fault::Rollout, "rollout"),
    (Fault::Move, "move"),
    (Fault::TradeAddresses, "trade-addresses"),
    (Fault::WipeDisk, "wipe-disk"),
    (Fault::OldDisk, "old-disk"),
    (Fault::SwapDisks, "swap-disks"),
    (Fault::Twin, "twin"),
    (Fault::Reset, "reset"),
    (Fault::ClockJump, "clock-jump"),
];

impl Fault {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        FAULTS.iter().map(|(fault, _)| *fault)
    }

    /// Those that destroy records which a disk has acknowledged, within the [`Bound`](crate::Bound): for protocols that can
    /// recover from it. A lying disk loses them silently, which no protocol that counts its majorities by acknowledgements
    /// survives.
    pub fn damage() -> impl Iterator<Item = Self> {
        [Self::BitRot, Self::MisdirectedWrite, Self::LyingDisk].into_iter()
    }

    /// Those that a correct protocol for a fixed set of nodes, such as Raft without changes of membership, survives. The others
    /// break a promise that such a protocol rests on: that a disk keeps what it has acknowledged, that an id is one process, that
    /// a message reaches whom it was sent to, that the true time is where a clock says.
    pub fn survivable() -> impl Iterator<Item = Self> {
        Self::all().filter(|fault| fault.is_survivable())
    }

    /// Whether it is one of [`survivable`](Self::survivable).
    #[must_use]
    pub const fn is_survivable(self) -> bool {
        !matches!(
            self,
            Self::BitRot
                | Self::MisdirectedWrite
                | Self::LyingDisk
                | Self::TradeAddresses
                | Self::WipeDisk
                | Self::OldDisk
                | Self::SwapDisks
                | Self::Twin
                | Self::ClockJump
        )
    }

    /// The name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        FAULTS.iter().find(|(fault, _)| *fault == self).map_or("?", |(_, name)| name)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The word names no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no fault; there are crash, blackout, isolate, split, one-way, bridge, flap, pause, slow-disk, stall-disk, fail-sync, spike, full-disk, bit-rot, misdirected-write, lying-disk, rollout, move, trade-addresses, wipe-disk, old-disk, swap-disks, twin, reset and clock-jump"
)]
pub struct UnknownFault(String);

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(word: &str) -> Result<Self, UnknownFault> {
        FAULTS
            .iter()
            .find(|(_, name)| *name == word)
            .map(|(fault, _)| *fault)
            .ok_or_else(|| UnknownFault(word.chars().take(40).collect()))
    }
}

/// How often a fault strikes, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The fault.
    pub fault: Fault,
    /// The mean time from one onset to the next; each gap lies between none and twice this.
    pub every: Duration,
    /// The least and the greatest time that it lasts.
    pub lasting: (Duration, Duration),
}

/// Breaks the driver on purpose, so that the judges can be seen to notice. In every build, for demonstrations and for
/// testing the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sabotage {
    /// Releases messages and events before the position that they wait for is durable.
    EarlySend,
    /// Reports syncs as done that never reached the disk.
    LyingFsync,
    /// Tries a failed sync again and believes its success, though the kernel has marked the lost pages clean.
    RetriedFsync,
    /// Stops after a failed sync, and believes what it then reads from the page cache.
    TrustedPageCache,
    /// Reads past a record that is missing, as if the log went on.
    ReplayPastHole,
}

/// Everything that can be turned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dials {
    /// How long a message takes.
    pub latency: Latency,
    /// How long it takes on single links, by sender and receiver, in place of [`latency`](Dials::latency): a far node, say, or a
    /// way out that is slower than the way back.
    pub links: BTreeMap<(NodeId, NodeId), Latency>,
    /// What links carry, and how much waits before them; `None` is without bounds.
    pub bandwidth: Option<Bandwidth>,
    /// The greatest packet, in bytes. A larger message travels in several, each of which can be lost; a larger
    /// [datagram](synod_core::Lane::Datagram) is dropped.
    pub mtu: Option<u32>,
    /// Bandwidth, packets and loss of single links, by sender and receiver.
    pub lines: BTreeMap<(NodeId, NodeId), Line>,
    /// What attackers and bad cables do to messages.
    pub tamper: Tamper,
    /// What the transport checks.
    pub guard: Guard,
    /// How long a transport goes on using the old address of a peer that has moved before it looks the new one up; `None`: until
    /// the protocol asks it to with [`PeerChange::Reach`](synod_core::PeerChange::Reach), or the process starts anew.
    pub resolve_after: Option<Duration>,
    /// Whether the transport tells protocols of their links with [`Input::Link`](synod_core::Input::Link): up when both ends
    /// are, with the wire version that both know; down when a peer has died; congested when the queue is full.
    pub notices: bool,
    /// Independent loss, in a million.
    pub loss_ppm: u32,
    /// Loss in bursts.
    pub burst: Option<Burst>,
    /// Messages that arrive twice, in a million.
    pub duplicate_ppm: u32,
    /// Messages that may overtake earlier ones of the same link, in a million. The others keep their order.
    pub reorder_ppm: u32,
    /// How long a sync takes.
    pub sync: Latency,
    /// How long a sync takes on single nodes.
    pub syncs: BTreeMap<NodeId, Latency>,
    /// What a step of a protocol takes: the inputs of a slow node queue up. None by default.
    pub step: Duration,
    /// What a step takes on single nodes.
    pub steps: BTreeMap<NodeId, Duration>,
    /// How fast or slow the clocks of single nodes run, in a million, in place of what [`drift_ppm_max`](Dials::drift_ppm_max)
    /// draws. Below a million either way, as all drifts: beyond that the dial has no effect.
    pub drifts_ppm: BTreeMap<NodeId, i64>,
    /// The chance that a crash leaves some of the un-synced tail on the disk, in a million; it leaves none otherwise. What it
    /// leaves is a prefix: a record torn in the middle fails its checksum and is cut off.
    pub tear_ppm: u32,
    /// Clocks begin anywhere between zero and this.
    pub clock_skew_max: Duration,
    /// Clocks run fast or slow by up to this much, in a million.
    pub drift_ppm_max: u32,
    /// How far wall clocks are from the true time at most, each differently and never for long: what
    /// [`Context::wall`](synod_core::Context::wall) gives is twice as wide. `None`: there are no wall clocks, as on a machine that does
    /// not know how wrong its clock is. An hour at most.
    pub wall_error_max: Option<Duration>,
    /// The faults that strike again and again.
    pub schedule: Vec<Rate>,
    /// A driver that breaks its word.
    pub sabotage: Option<Sabotage>,
    /// How storage fails beyond that.
    pub storage: Storage,
    /// Nodes that deceive; see [`Sim::traitors`](crate::Sim::traitors).
    pub traitors: Vec<Traitor>,
}

impl Dials {
    /// A local network and a healthy disk; nothing fails.
    #[must_use]
    pub fn calm() -> Self {
        Self {
            latency: Latency::LogNormal(Duration::from_micros(500)),
            links: BTreeMap::new(),
            bandwidth: None,
            mtu: None,
            lines: BTreeMap::new(),
            tamper: Tamper::default(),
            guard: Guard::None,
            resolve_after: Some(Duration::from_secs(1)),
            notices: false,
            loss_ppm: 0,
            burst: None,
            duplicate_ppm: 0,
            reorder_ppm: 0,
            sync: Latency::LogNormal(Duration::from_micros(800)),
            syncs: BTreeMap::new(),
            step: Duration::ZERO,
            steps: BTreeMap::new(),
            drifts_ppm: BTreeMap::new(),
            tear_ppm: 0,
            clock_skew_max: Duration::ZERO,
            drift_ppm_max: 0,
            wall_error_max: None,
            schedule: Vec::new(),
            sabotage: None,
            storage: Storage::default(),
            traitors: Vec::new(),
        }
    }

    /// Every dial turned to the middle and every fault of `among` in turn, about one a second.
    #[must_use]
    pub fn rough(among: &[Fault]) -> Self {
        let schedule = among
            .iter()
            .map(|&fault| Rate {
                fault,
                every: Duration::from_millis(1_000 * among.len() as u64),
                lasting: (Duration::from_millis(100), Duration::from_millis(1_500)),
            })
            .collect();
        Self {
            loss_ppm: 20_000,
            burst: Some(Burst { enter_ppm: 2_000, leave_ppm: 50_000, loss_ppm: 700_000 }),
            duplicate_ppm: 20_000,
            reorder_ppm: 100_000,
            tear_ppm: 500_000,
            clock_skew_max: Duration::from_secs(60),
            drift_ppm_max: 500,
            schedule,
            storage: Storage { reorder_ppm: 500_000, ..Storage::default() },
            ..Self::calm()
        }
    }

    /// The distribution on this link.
    #[must_use]
    pub fn latency_between(&self, from: NodeId, to: NodeId) -> &Latency {
        if self.links.is_empty() {
            &self.latency
        } else {
            self.links.get(&(from, to)).unwrap_or(&self.latency)
        }
    }

    /// How long a sync takes on this node.
    #[must_use]
    pub fn sync_of(&self, id: NodeId) -> &Latency {
        self.syncs.get(&id).unwrap_or(&self.sync)
    }

    /// What a step takes on this node, in nanoseconds, if it takes any time.
    pub(crate) fn step_of(&self, id: NodeId) -> Option<u64> {
        Some(nanos(*self.steps.get(&id).unwrap_or(&self.step))).filter(|step| *step > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::{Kind, Label, Tape};

    #[test]
    fn log_normal_samples_have_the_median_and_the_tail_that_they_promise() {
        let latency = Latency::LogNormal(Duration::from_micros(1_000));
        assert_eq!(latency.sample(1 << 63), 1_000_000);
        assert_eq!(latency.sample(u64::MAX) / 1_000, 4_688);
        assert_eq!(latency.sample(0) / 1_000, 213);
        let mut tape = Tape::from_seed(1);
        let mean =
            (0..10_000).map(|at| latency.sample(tape.draw(Label::new(Kind::Latency, &[at])))).sum::<u64>()
                / 10_000;
        assert!((1_100_000..1_160_000).contains(&mean), "mean {mean}, in theory e^0.125 = 1.133 ms");
    }

    #[test]
    fn the_short_way_to_the_log_normal_is_the_long_one() {
        let mut tape = Tape::from_seed(2);
        for key in 0..10_000 {
            let draw = tape.draw(Label::new(Kind::Latency, &[key]));
            assert_eq!(log_normal(draw), interpolate(|at| LOG_NORMAL[at], LOG_NORMAL.len(), draw));
        }
    }

    #[test]
    fn quantiles_are_interpolated() {
        let ms = Duration::from_millis;
        let latency = Latency::Quantiles(vec![ms(0), ms(10), ms(100)]);
        assert_eq!(latency.sample(1 << 62), 5_000_000);
        assert_eq!(latency.sample(1 << 63), 10_000_000);
        assert_eq!(Latency::Quantiles(vec![ms(3)]).sample(u64::MAX), 3_000_000);
        assert_eq!(Latency::Quantiles(Vec::new()).sample(7), 0);
        assert_eq!(Latency::Uniform(ms(2), ms(2)).sample(u64::MAX), 2_000_000);
    }

    #[test]
    fn fault_names_are_read_back() {
        assert!(Fault::all().all(|fault| fault.name().parse() == Ok(fault)));
        assert!("meteor".parse::<Fault>().is_err());
    }
}
