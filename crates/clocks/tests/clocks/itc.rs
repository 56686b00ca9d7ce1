//! Interval tree clocks among processes that are born, retire, die and are buried.

use core::ops::Range;
use proptest::prelude::*;
use std::collections::BTreeSet;
use synod_clocks::laws::check_bytes;
use synod_clocks::{Causality, Clock, Itc, ItcError, ItcStamp, Stamp};
use synod_core::wire::{Wire, WireError};
use synod_core::{Bytes, Entropy, SplitMix64};

struct Process {
    clock: Itc,
    /// The numbers of all events that it knows.
    known: BTreeSet<usize>,
}

/// Processes, and the stamps of all events with their causes.
struct World {
    living: Vec<Process>,
    events: Vec<(ItcStamp, BTreeSet<usize>)>,
    dice: SplitMix64,
    died: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let first = Process { clock: Itc::seed(), known: BTreeSet::new() };
        Self { living: vec![first], events: Vec::new(), dice: SplitMix64::new(seed), died: 0 }
    }

    fn below(&mut self, range: Range<usize>) -> usize {
        range.start + self.dice.below(range.len() as u64) as usize
    }

    /// One random step. `deaths`: processes die, and survivors take over.
    fn step(&mut self, deaths: bool) {
        let at = self.below(0..self.living.len());
        match self.below(0..10) {
            0 | 1 if self.living.len() < 12 => {
                let parent = &mut self.living[at];
                let child = Process { clock: parent.clock.fork().unwrap(), known: parent.known.clone() };
                self.living.push(child);
            }
            2 if self.living.len() > 1 => {
                let retired = self.living.swap_remove(at);
                let heir = self.below(0..self.living.len());
                let heir = &mut self.living[heir];
                heir.clock.join(retired.clock).unwrap();
                heir.known.extend(retired.known);
            }
            3 if deaths && self.living.len() > 1 => {
                self.living.swap_remove(at);
                self.died += 1;
                let heir = self.below(0..self.living.len());
                let mut heir = self.living.swap_remove(heir);
                heir.clock.reclaim(self.living.iter().map(|process| &process.clock)).unwrap();
                self.living.iter().for_each(|process| heir.known.extend(&process.known));
                self.living.push(heir);
            }
            4..=6 if !self.events.is_empty() => {
                // Messages of the dead are lost: only what a living process knows may arrive.
                let event = self.below(0..self.events.len());
                let alive = self.living.iter().any(|process| process.known.contains(&event));
                if alive {
                    let (stamp, causes) = self.events[event].clone();
                    let process = &mut self.living[at];
                    process.clock.merge(&stamp).unwrap();
                    process.known.extend(causes);
                }
                self.event(at);
            }
            _ => self.event(at),
        }
    }

    fn event(&mut self, at: usize) {
        let process = &mut self.living[at];
        let stamp = process.clock.tick().unwrap();
        process.known.insert(self.events.len());
        self.events.push((stamp, process.known.clone()));
    }

    /// Whether each pair of stamps that a living process knows answers the truth.
    fn judge(&self) -> Result<(), String> {
        let remembered = |event: usize| self.living.iter().any(|process| process.known.contains(&event));
        for (left, (a, causes_of_a)) in self.events.iter().enumerate().filter(|(event, _)| remembered(*event))
        {
            for (right, (b, causes_of_b)) in
                self.events.iter().enumerate().filter(|(event, _)| remembered(*event))
            {
                let truth =
                    Causality::from_surplus(!causes_of_b.contains(&left), !causes_of_a.contains(&right));
                if a.causality(b) != truth {
                    return Err(format!("events {left}, {right}: {a} {b} are {truth:?}"));
                }
            }
        }
        Ok(())
    }
}

#[test]
fn causality_is_exact_while_processes_are_born_and_retire() {
    for seed in 0..300 {
        let mut world = World::new(seed);
        (0..60).for_each(|_| world.step(false));
        world.judge().unwrap();
    }
}

#[test]
fn the_shares_of_the_dead_are_reclaimed_and_causality_stays_exact() {
    let mut died = 0;
    for seed in 0..300 {
        let mut world = World::new(seed);
        (0..60).for_each(|_| world.step(true));
        world.judge().unwrap();
        died += world.died;
    }
    assert!(died > 500);
}

/// Who takes over a share without what others know of its dead owner makes an event that others believe to have seen.
#[test]
fn a_share_taken_without_the_knowledge_of_the_living_confuses_causes() {
    let mut a = Itc::seed();
    let mut b = a.fork().unwrap();
    let mut c = a.fork().unwrap();
    let told = (b.tick().unwrap(), b.tick().unwrap()).1;
    c.merge(&told).unwrap();
    drop(b);
    let heard = c.tick().unwrap();
    // Rightly.
    let mut right = Itc::from_bytes(a.to_bytes(1), 1).unwrap();
    right.reclaim([&c]).unwrap();
    assert_eq!(heard.causality(&right.tick().unwrap()), Causality::Before, "it has learnt what c knows");
    // As if c knew nothing of b, although its share is honoured.
    let (whole, known) = (c.to_bytes(1), c.peek().to_bytes(1));
    let share = &whole[..whole.len() - known.len()];
    let ignorant = [share, &ItcStamp::new().to_bytes(1)].concat();
    let ignorant = Itc::from_bytes(ignorant.into(), 1).unwrap();
    a.reclaim([&ignorant]).unwrap();
    assert_eq!(a.tick().unwrap().causality(&heard), Causality::Before, "a new event, taken for an old one");
}

#[test]
fn stamps_stay_as_small_as_the_number_of_living_processes() {
    let mut a = Itc::seed();
    for round in 0..10_000 {
        let mut child = a.fork().unwrap();
        child.tick().unwrap();
        if round % 3 == 0 {
            // Every third child dies.
            a.reclaim([]).unwrap();
        } else {
            a.join(child).unwrap();
        }
        a.tick().unwrap();
        assert_eq!(a.nodes(), 2, "one process that owns all: {a}");
    }
}

#[test]
fn identities_are_not_divided_without_end() {
    let mut a = Itc::seed();
    let mut children = Vec::new();
    let refused = loop {
        match a.fork() {
            Ok(child) => children.push(child),
            Err(error) => break error,
        }
    };
    assert_eq!((refused, children.len()), (ItcError::TooDeep, 192));
    // The clock is whole and goes on; what it gave comes back.
    a.tick().unwrap();
    let bytes = a.to_bytes(1);
    assert_eq!(Itc::from_bytes(bytes, 1).unwrap(), a);
    while let Some(child) = children.pop() {
        a.join(child).unwrap();
    }
    assert!(a.fork().is_ok());
}

#[test]
fn a_copy_of_a_clock_is_refused() {
    let mut a = Itc::seed();
    let mut b = a.fork().unwrap();
    let copy = |clock: &Itc| Itc::from_bytes(clock.to_bytes(1), 1).unwrap();
    let before = copy(&a);
    assert_eq!(a.join(copy(&before)), Err(ItcError::Overlap));
    assert_eq!(b.reclaim([&a, &copy(&a)]), Err(ItcError::Overlap));
    assert_eq!(a, before);
    let mut nobody = Itc::from_bytes(Bytes::from_static(&[0, 0]), 1).unwrap();
    assert_eq!(nobody.tick(), Err(ItcError::Anonymous));
    assert_eq!(nobody.to_string(), "(0, 0)");
}

#[test]
fn forged_counters_end_in_errors() {
    let mut a = Itc::seed();
    let end = [&[16][..], &[0xff; 8]].concat();
    a.merge(&ItcStamp::from_bytes(end.clone().into(), 1).unwrap()).unwrap();
    assert_eq!(a.tick(), Err(ItcError::Exhausted));
    // Sums along a way that do not fit, and ways that are too long.
    let sum = [&[17][..], &[0xff; 8], &[2, 1, 0]].concat();
    assert_eq!(
        ItcStamp::from_bytes(sum.into(), 1),
        Err(WireError::Invalid { field: "sum along an event tree" })
    );
    let deep = [vec![1; 100_000], vec![0; 100]].concat();
    assert_eq!(
        ItcStamp::from_bytes(deep.into(), 1),
        Err(WireError::Invalid { field: "depth of an event tree" })
    );
    let deep = vec![2; 100_000];
    assert_eq!(Itc::from_bytes(deep.into(), 1), Err(WireError::Invalid { field: "depth of an identity" }));
}

/// The run that the paper draws (section 4.2, figure 2), as its authors write stamps.
#[test]
fn the_papers_example_is_repeated() {
    let mut a = Itc::seed();
    let mut b = a.fork().unwrap();
    assert_eq!((a.to_string(), b.to_string()), ("((1, 0), 0)".to_owned(), "((0, 1), 0)".to_owned()));
    a.tick().unwrap();
    b.tick().unwrap();
    assert_eq!(
        (a.to_string(), b.to_string()),
        ("((1, 0), (0, 1, 0))".to_owned(), "((0, 1), (0, 0, 1))".to_owned())
    );
    let mut c = a.fork().unwrap();
    assert_eq!(c.to_string(), "(((0, 1), 0), (0, 1, 0))");
    a.tick().unwrap();
    assert_eq!(a.to_string(), "(((1, 0), 0), (0, (1, 1, 0), 0))");
    b.tick().unwrap();
    assert_eq!(b.to_string(), "((0, 1), (0, 0, 2))");
    b.join(c).unwrap();
    assert_eq!(b.to_string(), "(((0, 1), 1), (1, 0, 1))");
    c = b.fork().unwrap();
    assert_eq!(
        (b.to_string(), c.to_string()),
        ("(((0, 1), 0), (1, 0, 1))".to_owned(), "((0, 1), (1, 0, 1))".to_owned())
    );
    a.join(b).unwrap();
    assert_eq!(a.to_string(), "((1, 0), (1, (0, 1, 0), 1))");
    a.tick().unwrap();
    assert_eq!(a.to_string(), "((1, 0), 2)", "simpler than what it was");
}

#[test]
fn bytes_of_interval_trees_are_golden() {
    let mut a = Itc::seed();
    let _b = a.fork().unwrap();
    (0..300).for_each(|_| _ = a.tick().unwrap());
    assert_eq!(a.to_string(), "((1, 0), (0, 300, 0))");
    assert_eq!(a.to_bytes(1)[..], [2, 1, 0, 1, 4, 0x2c, 0x01, 0]);
    let odd = |bytes: &[u8]| ItcStamp::from_bytes(Bytes::copy_from_slice(bytes), 1).unwrap_err();
    assert_eq!(odd(&[4, 1, 0]), WireError::Invalid { field: "length of a value in an event tree" });
    assert_eq!(odd(&[1, 2, 1, 2, 1]), WireError::Invalid { field: "event tree that is not in normal form" });
    assert_eq!(odd(&[18]), WireError::UnknownTag { of: "event tree", tag: 18 });
}

proptest! {
    #[test]
    fn byte_forms_keep_their_laws(seed in any::<u64>()) {
        let mut world = World::new(seed);
        (0..40).for_each(|_| world.step(true));
        for process in &world.living {
            check_bytes(&process.clock, 50, seed).unwrap();
            check_bytes(&process.clock.peek(), 50, seed).unwrap();
        }
    }
}
