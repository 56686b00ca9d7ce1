//! The decision tape: the one source of chance of a run.

use crate::dials::Dials;
use crate::hash::Fold;
use crate::nemesis::Strike;
use crate::script::{Hit, Script};
use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use synod_core::SplitMix64;

/// What a decision is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Kind {
    /// Which dials a swarm run turns, and how far.
    Swarm = 1,
    /// When the next fault of a kind begins.
    Onset,
    /// Whom a fault strikes and for how long.
    Strike,
    /// Whether a message is lost.
    Loss,
    /// Whether a link turns bad or good again (bursty loss).
    Burst,
    /// Whether a message is doubled.
    Duplicate,
    /// Whether a message may overtake.
    Reorder,
    /// How long a message takes.
    Latency,
    /// How long a sync takes.
    Sync,
    /// How much of the un-synced tail survives a crash.
    Tear,
    /// A node's clock: its offset and drift.
    Clock,
    /// A protocol's own draw.
    Entropy,
    /// A choice of the workload.
    Workload,
    /// Which records a fault of the disk destroys.
    Damage,
    /// What a failed sync leaves.
    Aftermath,
    /// Who the traitors are, and when they deceive whom.
    Treason,
    /// Whether bits of a message flip, and which.
    Corrupt,
    /// Whether a message is cut off, and where.
    Truncate,
    /// Whether an old message is sent again, and which.
    Replay,
    /// Whether a message is sent in another's name, and whose.
    Forge,
    /// Which of two processes under one id a sender reaches.
    Twin,
}

const KINDS: [(Kind, &str); 21] = [
    (Kind::Swarm, "swarm"),
    (Kind::Onset, "onset"),
    (Kind::Strike, "strike"),
    (Kind::Loss, "loss"),
    (Kind::Burst, "burst"),
    (Kind::Duplicate, "duplicate"),
    (Kind::Reorder, "reorder"),
    (Kind::Latency, "latency"),
    (Kind::Sync, "sync"),
    (Kind::Tear, "tear"),
    (Kind::Clock, "clock"),
    (Kind::Entropy, "entropy"),
    (Kind::Workload, "workload"),
    (Kind::Damage, "damage"),
    (Kind::Aftermath, "aftermath"),
    (Kind::Treason, "treason"),
    (Kind::Corrupt, "corrupt"),
    (Kind::Truncate, "truncate"),
    (Kind::Replay, "replay"),
    (Kind::Forge, "forge"),
    (Kind::Twin, "which-twin"),
];

impl Kind {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|(kind, _)| *kind)
    }

    /// The name in scripts and tapes.
    #[must_use]
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("?", |(_, name)| name)
    }

    pub(crate) fn named(word: &str) -> Option<Self> {
        KINDS.iter().find(|(_, name)| *name == word).map(|(kind, _)| *kind)
    }
}

/// The name of one decision: what it is about, and a fingerprint of its content (for a message: sender, receiver, content
/// and how often the same was sent lately). Content, not position: a decision keeps its name when unrelated code changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// What is decided.
    pub kind: Kind,
    /// A fingerprint of what makes this decision this one.
    pub key: u64,
}

impl Label {
    pub(crate) fn new(kind: Kind, parts: &[u64]) -> Self {
        let fold = parts.iter().fold(Fold::default(), |fold, part| fold.word(*part));
        Self { kind, key: fold.end() }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:016x}", self.kind.name(), self.key)
    }
}

/// Decides everything that is left to chance in a run.
///
/// A seed gives every [`Label`] its value; an explicit entry overrides the seed. Replay, shrinking, fuzzing and enumeration
/// are therefore one mechanism: they write tapes. A value is 64 bits; a choice among `n` scales it down, and a chance of
/// `p` happens when the scaled value is below `p`: 0 makes it happen, `u64::MAX` prevents it.
///
/// ```
/// use synod_sim::Tape;
/// let tape: Tape = "synod-tape 1\nseed 42\nset loss 00000000000000ff 0\n".parse()?;
/// assert_eq!(tape.seed(), 42);
/// assert_eq!(tape.to_string().parse::<Tape>()?, tape);
/// # Ok::<(), synod_sim::TapeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tape {
    seed: u64,
    /// Nothing but the seed decides, and nobody takes notes: the usual case, which must cost nothing.
    plain: bool,
    overrides: Option<Arc<BTreeMap<Label, u64>>>,
    record: Option<BTreeMap<Label, u64>>,
    given: Option<Arc<Given>>,
    log: Option<Log>,
}

/// The faults of a scripted run: these, and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    /// The chances that come true, and how far those go that have a size.
    hits: BTreeMap<Label, Option<u64>>,
    strikes: Vec<Strike>,
    /// How the dials of a whole run stand, and how long its faults last.
    dials: Dials,
    storm: Duration,
}

/// The chances that came true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Log {
    now: u64,
    hits: Vec<Hit>,
    /// Those before this have their note.
    noted: usize,
}

impl Tape {
    /// The tape that this seed generates.
    #[must_use]
    pub const fn from_seed(seed: u64) -> Self {
        Self { seed, plain: true, overrides: None, record: None, given: None, log: None }
    }

    /// A tape on which the faults of the script happen and no other: its chances come true whatever the dials say, and its
    /// strikes take the place of the schedule. The seed decides the rest.
    pub(crate) fn scripted(script: &Script) -> Self {
        let given = Given {
            hits: script.hits().map(|hit| (hit.label, hit.amount)).collect(),
            strikes: script.strikes().cloned().collect(),
            dials: script.dials.clone(),
            storm: script.storm,
        };
        let given = Some(Arc::new(given));
        Self { plain: false, given, ..Self::with_overrides(script.seed, script.draws.clone()) }
    }

    /// How the dials of a scripted run stand, and how long its faults last.
    pub(crate) fn setting(&self) -> Option<(Dials, Duration)> {
        self.given.as_ref().map(|given| (given.dials.clone(), given.storm))
    }

    /// The strikes of a scripted run.
    pub(crate) fn strikes(&self) -> Option<&[Strike]> {
        self.given.as_ref().map(|given| given.strikes.as_slice())
    }

    /// The seed.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Makes the decision `label` come out as `value`, whatever the seed says.
    pub fn set(&mut self, label: Label, value: u64) {
        Arc::make_mut(self.overrides.get_or_insert_with(Arc::default)).insert(label, value);
        self.plain = false;
    }

    /// From now on remember every decision; [`recorded`](Tape::recorded) gives them back.
    pub fn record(&mut self) {
        self.record = Some(BTreeMap::new());
        self.plain = false;
    }

    /// The decisions that were taken since [`record`](Tape::record), as a tape that does not depend on its seed for them.
    #[must_use]
    pub fn recorded(&self) -> Self {
        Self::with_overrides(self.seed, self.record.clone().unwrap_or_default())
    }

    pub(crate) fn with_overrides(seed: u64, overrides: BTreeMap<Label, u64>) -> Self {
        let plain = overrides.is_empty();
        Self { plain, overrides: (!plain).then(|| Arc::new(overrides)), ..Self::from_seed(seed) }
    }

    /// How many decisions are set explicitly.
    #[must_use]
    pub fn overrides(&self) -> usize {
        self.overrides.as_ref().map_or(0, |overrides| overrides.len())
    }

    #[inline]
    pub(crate) fn draw(&mut self, label: Label) -> u64 {
        let seeded = SplitMix64::mix(self.seed ^ label.key.wrapping_add((label.kind as u64).rotate_right(8)));
        if self.plain { seeded } else { self.look_up(label, seeded) }
    }

    #[cold]
    fn look_up(&mut self, label: Label, seeded: u64) -> u64 {
        let value = self.overrides.as_ref().and_then(|set| set.get(&label).copied()).unwrap_or(seeded);
        if let Some(record) = &mut self.record {
            record.insert(label, value);
        }
        value
    }

    #[inline]
    pub(crate) fn below(&mut self, label: Label, bound: u64) -> u64 {
        scale(self.draw(label), bound)
    }

    /// Whether a fault event comes true: with a probability of `ppm` in a million, or, in a scripted run, if the script lists it.
    /// Ask without looking at the dial first: a script names its events, not its dials. A dial at zero costs a comparison.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "three or four for every message")]
    pub(crate) fn chance(&mut self, label: Label, ppm: u32) -> bool {
        if self.plain {
            ppm > 0 && self.below(label, 1_000_000) < u64::from(ppm)
        } else {
            self.amount(label, ppm, |_| None).is_some()
        }
    }

    /// A [`chance`](Self::chance) of something that has a size, such as how much of a tail is torn off: `size` draws it, unless
    /// the script says how much.
    #[cold]
    pub(crate) fn amount(
        &mut self,
        label: Label,
        ppm: u32,
        size: impl FnOnce(&mut Self) -> Option<u64>,
    ) -> Option<Option<u64>> {
        let listed = self.given.as_ref().map(|given| given.hits.get(&label).copied());
        let amount = match listed {
            Some(listed) => match listed? {
                Some(amount) => Some(amount),
                None => size(self),
            },
            None if ppm > 0 && self.below(label, 1_000_000) < u64::from(ppm) => size(self),
            None => return None,
        };
        if let Some(log) = &mut self.log {
            // Bursts only move the odds of losses, and those are listed themselves.
            if label.kind != Kind::Burst {
                log.hits.push(Hit { label, at: log.now, amount, note: String::new() });
            }
        }
        Some(amount)
    }

    /// Whether a script says which fault events come true.
    pub(crate) const fn is_scripted(&self) -> bool {
        self.given.is_some()
    }

    /// Whether a list of the fault events that come true is kept.
    pub(crate) const fn is_logging(&self) -> bool {
        self.log.is_some()
    }

    /// From now on keep a list of the fault events that come true; [`take_log`](Self::take_log) gives it back.
    pub(crate) fn log(&mut self) {
        self.log = Some(Log::default());
        self.plain = false;
    }

    pub(crate) fn take_log(&mut self) -> Vec<Hit> {
        self.log.take().map(|log| log.hits).unwrap_or_default()
    }

    /// Tells the time to the list of fault events.
    #[inline]
    pub(crate) fn stamp(&mut self, now: u64) {
        if let Some(log) = &mut self.log {
            log.now = now;
        }
    }

    /// Says what the fault events were about that came true since the last note.
    #[inline]
    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) {
        if self.log.is_some() {
            self.write_note(text);
        }
    }

    #[cold]
    fn write_note(&mut self, text: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log
            && let Some(fresh) = log.hits.get_mut(log.noted..)
            && !fresh.is_empty()
        {
            let text = text();
            fresh.iter_mut().for_each(|hit| hit.note.clone_from(&text));
            log.noted = log.hits.len();
        }
    }

    /// The faults have stopped: whatever the script lists, nothing comes true any more.
    pub(crate) fn calm(&mut self) {
        if let Some(given) = &mut self.given {
            Arc::make_mut(given).hits.clear();
        }
    }

    /// A tape of its own for a node's draws, merged back by [`absorb`](Self::absorb).
    pub(crate) fn branch(&self) -> Self {
        Self {
            plain: self.overrides.is_none() && self.record.is_none(),
            overrides: self.overrides.clone(),
            record: self.record.as_ref().map(|_| BTreeMap::new()),
            ..Self::from_seed(self.seed)
        }
    }

    pub(crate) fn absorb(&mut self, branch: &mut Self) {
        if let (Some(all), Some(new)) = (&mut self.record, &mut branch.record) {
            all.append(new);
        }
    }
}

pub(crate) fn scale(draw: u64, bound: u64) -> u64 {
    ((u128::from(draw) * u128::from(bound)) >> 64) as u64
}

impl fmt::Display for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "synod-tape 1")?;
        writeln!(f, "seed {}", self.seed)?;
        for (label, value) in self.overrides.iter().flat_map(|overrides| overrides.iter()) {
            writeln!(f, "set {label} {value}")?;
        }
        Ok(())
    }
}

/// Why a text is not a tape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TapeError {
    /// The first line is not the header.
    #[error("line 1: a tape begins with `synod-tape 1`; this is no tape, or one of a later version")]
    Header,
    /// A line cannot be read.
    #[error("line {line}: expected `seed NUMBER` or `set KIND HEX VALUE`, found `{found}`")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// The beginning of the line.
        found: String,
    },
    /// No seed was given.
    #[error("the tape has no `seed NUMBER` line")]
    NoSeed,
}

impl FromStr for Tape {
    type Err = TapeError;

    fn from_str(text: &str) -> Result<Self, TapeError> {
        let mut lines = text.lines().zip(1..);
        if lines.next().map(|(line, _)| line.trim()) != Some("synod-tape 1") {
            return Err(TapeError::Header);
        }
        let (mut seed, mut overrides) = (None, BTreeMap::new());
        for (text, line) in lines {
            let words: Vec<&str> = text.split_whitespace().collect();
            let read = match words.as_slice() {
                [] => Some(()),
                [comment, ..] if comment.starts_with('#') => Some(()),
                ["seed", number] => number.parse().ok().map(|number| seed = Some(number)),
                ["set", kind, key, value] => (|| {
                    let kind = Kind::named(kind)?;
                    let key = u64::from_str_radix(key, 16).ok()?;
                    overrides.insert(Label { kind, key }, value.parse().ok()?);
                    Some(())
                })(),
                _ => None,
            };
            if read.is_none() {
                return Err(TapeError::Line { line, found: text.chars().take(60).collect() });
            }
        }
        let seed = seed.ok_or(TapeError::NoSeed)?;
        Ok(Self::with_overrides(seed, overrides))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_beats_the_seed_and_a_recording_repeats_the_run() {
        let label = |key| Label::new(Kind::Loss, &[key]);
        let mut tape = Tape::from_seed(1);
        tape.record();
        let drawn: Vec<u64> = (0..100).map(|key| tape.draw(label(key))).collect();
        let mut replay = tape.recorded();
        replay.seed = 2;
        assert_eq!(drawn, (0..100).map(|key| replay.draw(label(key))).collect::<Vec<_>>());
        replay.set(label(5), 99);
        assert_eq!(replay.draw(label(5)), 99);
        assert_ne!(Tape::from_seed(2).draw(label(7)), drawn[7]);
    }

    #[test]
    fn chances_come_out_as_often_as_they_say() {
        let mut tape = Tape::from_seed(3);
        let hits = (0..100_000).filter(|key| tape.chance(Label::new(Kind::Loss, &[*key]), 100_000)).count();
        assert!((9_600..10_400).contains(&hits), "{hits}");
    }

    #[test]
    fn what_is_not_a_tape_is_refused_with_its_line() {
        assert_eq!("seed 1".parse::<Tape>(), Err(TapeError::Header));
        assert_eq!("synod-tape 1\n".parse::<Tape>(), Err(TapeError::NoSeed));
        let error = "synod-tape 1\nseed 1\nset loss zz 1".parse::<Tape>().unwrap_err();
        assert!(matches!(error, TapeError::Line { line: 3, .. }), "{error}");
    }
}
