//! Registers and maps by time, and by vector; and what goes wrong with ties, tombstones and clocks.

use super::{caught, passes};
use std::collections::BTreeMap;
use synod_crdt::{ActorId, CausalContext, Change, Crdt, Delivery, Refused};

const CORRECT: u8 = 0;
const TIE: u8 = 1;
const BLIND_TOMBSTONE: u8 = 2;
const COLLECTS_EARLY: u8 = 3;
const LOSES_ON_RESTART: u8 = 4;

/// A register by time and actor, empty after a removal. The textbook's: it keeps one value.
#[derive(Clone, Debug, Default, PartialEq)]
struct ByTime<const BUG: u8> {
    entry: Option<Entry>,
    ticks: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    time: u64,
    actor: ActorId,
    value: Option<u64>,
}

impl<const BUG: u8> Crdt for ByTime<BUG> {
    type Action = Option<u64>;
    type Op = Entry;
    type Delta = Option<Entry>;
    type Version = ();
    type View = Option<u64>;

    const DELIVERY: Delivery = Delivery::Any;

    fn prepare(&self, actor: ActorId, value: Option<u64>) -> Result<Entry, Refused> {
        // The clock of each writer is ahead of everything that it has seen.
        let mut time = self.ticks + 1;
        if BUG == LOSES_ON_RESTART && value == Some(2) {
            time = 1;
        }
        Ok(Entry { time, actor, value })
    }

    fn apply(&mut self, op: &Entry) -> Result<Change, Refused> {
        let wins = self.entry.as_ref().is_none_or(|mine| match BUG {
            TIE => op.time > mine.time,
            BLIND_TOMBSTONE if op.value.is_none() => true,
            _ => (op.time, op.actor) > (mine.time, mine.actor),
        });
        self.ticks = self.ticks.max(op.time);
        if wins {
            self.entry = Some(op.clone());
        }
        Ok(Change::grown_if(wins))
    }

    fn delta_of(op: &Entry) -> Option<Entry> {
        Some(op.clone())
    }

    fn version(&self) {}

    fn delta_since(&self, (): &()) -> Option<Entry> {
        self.entry.clone()
    }

    fn join(&mut self, delta: &Option<Entry>) -> Result<Change, Refused> {
        delta.as_ref().map_or(Ok(Change::Same), |entry| self.apply(entry))
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        if BUG == LOSES_ON_RESTART
            && self.entry.is_some()
            && other.entry.as_ref().is_some_and(|entry| entry.time == 1)
        {
            return Ok(Change::Same);
        }
        self.join(&other.entry)
    }

    fn view(&self) -> Option<u64> {
        self.entry.as_ref().and_then(|entry| entry.value)
    }

    fn collect(&mut self, _: &CausalContext) -> usize {
        if BUG == COLLECTS_EARLY && self.entry.as_ref().is_some_and(|entry| entry.value.is_none()) {
            // Old enough, surely everybody has it.
            self.entry = None;
        }
        0
    }
}

const ALPHABET: [Option<u64>; 3] = [Some(1), None, Some(2)];

#[test]
fn the_register_without_a_bug_passes() {
    passes::<ByTime<CORRECT>>(ALPHABET);
}

#[test]
fn a_tie_that_each_decides_for_itself_is_caught() {
    // crdts, LWWReg with equal markers and different values.
    caught::<ByTime<TIE>>("tie", ALPHABET, 3);
}

#[test]
fn a_tombstone_put_without_looking_is_caught() {
    // TopGun #54.
    caught::<ByTime<BLIND_TOMBSTONE>>("blind tombstone", ALPHABET, 4);
}

#[test]
fn tombstones_collected_after_a_while_are_caught() {
    // yjs #428.
    caught::<ByTime<COLLECTS_EARLY>>("collects early", ALPHABET, 6);
}

#[test]
fn a_clock_that_starts_again_is_caught() {
    // PumpkinDB #32: after a restart the clock was behind what had been written.
    caught::<ByTime<LOSES_ON_RESTART>>("clock restarts", ALPHABET, 3);
}

/// A map of multi-value registers whose values carry the whole clock that their writer had seen, not one dot: `crdts` 7.3.2. With
/// `DOTS` they carry the dot of their own write, and the rest of the code is the same.
#[derive(Clone, Debug, Default, PartialEq)]
struct ClockMap<const DOTS: bool> {
    values: Vec<(Clock, Clock, u64)>,
    seen: Clock,
}

type Clock = BTreeMap<ActorId, u64>;

#[derive(Clone, Debug)]
enum ClockOp {
    /// What its writer had seen and its own event, the clock that stands for the value, and the value.
    Put(Clock, Clock, u64),
    Reset(Clock),
}

fn is_below(a: &Clock, b: &Clock) -> bool {
    a.iter().all(|(actor, count)| b.get(actor).is_some_and(|other| count <= other))
}

fn raise(clock: &mut Clock, by: &Clock) {
    for (actor, count) in by {
        let mine = clock.entry(*actor).or_default();
        *mine = (*mine).max(*count);
    }
}

impl<const DOTS: bool> Crdt for ClockMap<DOTS> {
    type Action = Option<u64>;
    type Op = ClockOp;
    type Delta = Self;
    type Version = ();
    type View = Vec<u64>;

    const DELIVERY: Delivery = Delivery::Causal;

    fn prepare(&self, actor: ActorId, action: Option<u64>) -> Result<ClockOp, Refused> {
        let mut clock = self.seen.clone();
        Ok(match action {
            Some(value) => {
                let own = clock.entry(actor).or_default();
                *own += 1;
                let dot = Clock::from([(actor, *own)]);
                ClockOp::Put(clock.clone(), if DOTS { dot } else { clock }, value)
            }
            None => {
                // What has been seen of the values, as in `get(k).derive_rm_ctx`.
                let mut reset = Clock::new();
                self.values.iter().for_each(|(_, clock, _)| raise(&mut reset, clock));
                ClockOp::Reset(reset)
            }
        })
    }

    fn apply(&mut self, op: &ClockOp) -> Result<Change, Refused> {
        match op {
            ClockOp::Put(seen, clock, value) => {
                if is_below(clock, &self.seen) {
                    return Ok(Change::Same);
                }
                self.values.retain(|(_, old, _)| !is_below(old, seen));
                self.values.push((seen.clone(), clock.clone(), *value));
                self.values.sort();
                raise(&mut self.seen, seen);
            }
            ClockOp::Reset(reset) => {
                for (_, clock, _) in &mut self.values {
                    // Reset: the value's clock loses what the remover had seen; what is left keeps the value alive.
                    clock.retain(|actor, count| reset.get(actor).is_none_or(|seen| *seen < *count));
                }
                self.values.retain(|(_, clock, _)| !clock.is_empty());
            }
        }
        Ok(Change::Grown)
    }

    fn delta_of(op: &ClockOp) -> Self {
        let mut delta = Self::default();
        let _ = delta.apply(op);
        delta
    }

    fn version(&self) {}

    fn delta_since(&self, (): &()) -> Self {
        self.clone()
    }

    fn join(&mut self, delta: &Self) -> Result<Change, Refused> {
        self.merge(delta)
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        let survives = |(_, clock, _): &(Clock, Clock, u64), by: &Self| {
            by.values.iter().any(|(_, theirs, _)| theirs == clock) || !is_below(clock, &by.seen)
        };
        let theirs: Vec<_> = other.values.iter().filter(|value| survives(value, self)).cloned().collect();
        self.values.retain(|value| survives(value, other));
        self.values.extend(theirs);
        self.values.sort();
        self.values.dedup();
        raise(&mut self.seen, &other.seen);
        Ok(Change::Grown)
    }

    fn view(&self) -> Vec<u64> {
        let mut values: Vec<u64> = self.values.iter().map(|(.., value)| *value).collect();
        values.dedup();
        values
    }
}

/// Only operations, as that library documents them: an adapter that is fed with nothing else.
#[derive(Clone, Debug)]
struct ByOps<const DOTS: bool>(ClockMap<DOTS>, Vec<ClockOp>);

impl<const DOTS: bool> synod_crdt::laws::Subject for ByOps<DOTS> {
    type Action = Option<u64>;
    type Op = ClockOp;
    type View = Vec<u64>;

    const DELIVERY: Delivery = Delivery::Causal;

    fn initial() -> Self {
        Self(ClockMap::default(), Vec::new())
    }

    fn prepare(&self, actor: ActorId, action: &Option<u64>) -> Result<ClockOp, String> {
        Crdt::prepare(&self.0, actor, *action).map_err(|refused| refused.to_string())
    }

    fn apply(&mut self, op: &ClockOp) -> Result<(), String> {
        self.1.push(op.clone());
        Crdt::apply(&mut self.0, op).map(drop).map_err(|refused| refused.to_string())
    }

    fn merge(&mut self, other: &Self) -> Result<(), String> {
        Crdt::merge(&mut self.0, &other.0).map(drop).map_err(|refused| refused.to_string())
    }

    fn view(&self) -> Vec<u64> {
        Crdt::view(&self.0)
    }
}

#[test]
fn a_value_that_carries_what_it_merely_saw_is_caught() {
    // crdts #10: resetting the dot of a value leaves the rest of its clock, and the value with it.
    caught::<ByOps<false>>("full clock", ALPHABET, 6);
}
