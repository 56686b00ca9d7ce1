//! The clocks keep the laws, and the kit notices clocks that do not. Hybrid clocks, for which walls move, are in `hybrid_laws.rs`.

use synod_clocks::laws::{Law, Laws, Step};
use synod_clocks::{
    BloomClock, BloomShape, Causality, Clock, DenseClock, DottedClock, Guarantee, Itc, LamportClock,
    MatrixClock, Stamp, VectorClock, VersionVector,
};

#[test]
fn lamport_clocks_keep_the_laws() {
    let coverage =
        Laws::default().check(|processes| (0..processes).map(LamportClock::new).collect()).unwrap();
    assert!(coverage.executions > 2_000 && coverage.concurrent > 1_000, "{coverage:?}");
}

#[test]
fn vector_clocks_keep_the_laws() {
    Laws { exhaustive_steps: 5, ..Laws::default() }
        .check(|processes| (0..processes).map(VectorClock::new).collect())
        .unwrap();
    // More than fit in place.
    Laws { processes: 12, exhaustive_steps: 2, steps_max: 60, executions: 60, seed: 2 }
        .check(|processes| (0..processes).map(VectorClock::new).collect())
        .unwrap();
}

#[test]
fn dense_clocks_keep_the_laws() {
    for processes in [3, 12] {
        Laws { processes, exhaustive_steps: 3, ..Laws::default() }
            .check(|len| (0..len).map(|place| DenseClock::new(place, len).unwrap()).collect())
            .unwrap();
    }
}

#[test]
fn dotted_clocks_keep_the_laws() {
    Laws::default().check(|processes| (0..processes).map(DottedClock::new).collect()).unwrap();
}

#[test]
fn matrix_clocks_keep_the_laws() {
    let laws = Laws { exhaustive_steps: 3, executions: 100, ..Laws::default() };
    laws.check(|len| (0..len).map(|process| MatrixClock::new(process, 0..len)).collect()).unwrap();
}

#[test]
fn bloom_clocks_keep_the_laws() {
    // Small ones too, which are mostly wrong about concurrency, and never about causes.
    for shape in [BloomShape::default(), BloomShape { cells: 4, hashes: 2 }] {
        Laws::default()
            .check(|processes| {
                (0..processes as u128).map(|actor| BloomClock::new(actor, shape).unwrap()).collect()
            })
            .unwrap();
    }
}

#[test]
fn interval_tree_clocks_keep_the_laws() {
    // Forked from each other in turn: trees of several shapes.
    let chain = |processes: usize| {
        let mut clocks = vec![Itc::seed()];
        for number in 1..processes {
            let parent = number * number % clocks.len();
            let child = clocks[parent].fork().unwrap();
            clocks.push(child);
        }
        clocks
    };
    Laws::default().check(chain).unwrap();
    Laws { processes: 9, exhaustive_steps: 2, executions: 300, steps_max: 60, seed: 3 }.check(chain).unwrap();
}

/// A vector clock with a mistake in it.
#[derive(Clone, Debug)]
struct Broken<const MISTAKE: u8> {
    actor: usize,
    known: VersionVector<usize>,
    merged: u64,
}

#[derive(Clone, Debug)]
struct BrokenStamp<const MISTAKE: u8>(VersionVector<usize>, usize);

const FORGETS_THE_MERGE: u8 = 0;
const OVERWRITES_IN_MERGE: u8 = 1;
const COMPARES_SUMS: u8 = 2;
const COMPARES_ONE_WAY: u8 = 3;
const COUNTS_MERGES: u8 = 4;
const SKIPS_THE_TICK: u8 = 5;
const SHARES_AN_ACTOR: u8 = 6;
const KEEPS_THE_LAST: u8 = 7;
const NEVER_EQUAL: u8 = 8;
const ROCK_PAPER_SCISSORS: u8 = 9;
const RECEIVES_TWICE: u8 = 10;
const FAILS: u8 = 11;

impl<const MISTAKE: u8> Stamp for BrokenStamp<MISTAKE> {
    const GUARANTEE: Guarantee =
        if MISTAKE == ROCK_PAPER_SCISSORS { Guarantee::RealTime } else { Guarantee::Exact };

    fn causality(&self, other: &Self) -> Causality {
        let sum = |stamp: &Self| stamp.0.iter().map(|(_, counter)| counter).sum::<u64>();
        match MISTAKE {
            COMPARES_SUMS => sum(self).cmp(&sum(other)).into(),
            COMPARES_ONE_WAY if self.0.is_known_by(&other.0) => Causality::Before,
            COMPARES_ONE_WAY => Causality::After,
            NEVER_EQUAL if self.0 == other.0 => Causality::Concurrent,
            // Concurrent events are put in a ring by their processes.
            ROCK_PAPER_SCISSORS if self.0.causality(&other.0) == Causality::Concurrent => {
                if (self.1 + 1) % 3 == other.1 { Causality::Before } else { Causality::After }
            }
            _ => self.0.causality(&other.0),
        }
    }
}

impl<const MISTAKE: u8> Clock for Broken<MISTAKE> {
    type Stamp = BrokenStamp<MISTAKE>;
    type Error = std::io::Error;

    fn tick(&mut self) -> Result<Self::Stamp, Self::Error> {
        if MISTAKE == FAILS && self.known.len() == 2 {
            return Err(std::io::Error::other("full"));
        }
        let actor = if MISTAKE == SHARES_AN_ACTOR { self.actor / 2 } else { self.actor };
        self.known.advance(actor).unwrap();
        Ok(BrokenStamp(self.known.clone(), self.actor))
    }

    fn merge(&mut self, stamp: &Self::Stamp) -> Result<(), Self::Error> {
        self.merged += 1;
        match MISTAKE {
            FORGETS_THE_MERGE => {}
            OVERWRITES_IN_MERGE => {
                let mine = self.known.get(self.actor);
                self.known = stamp.0.clone();
                self.known.extend([(self.actor, mine)]);
            }
            COUNTS_MERGES => {
                self.known.merge(&stamp.0);
                self.known.advance(self.actor).unwrap();
            }
            // The last actor of what was merged in a row stands for all.
            KEEPS_THE_LAST => {
                let own = self.known.get(self.actor);
                let newer = stamp.0.iter().rfind(|(actor, counter)| *counter > self.known.get(*actor));
                if let Some(entry) = newer {
                    self.known.extend([entry, (self.actor, own)]);
                }
            }
            _ => self.known.merge(&stamp.0),
        }
        Ok(())
    }

    fn receive(&mut self, stamp: &Self::Stamp) -> Result<Self::Stamp, Self::Error> {
        self.merge(stamp)?;
        match MISTAKE {
            SKIPS_THE_TICK => Ok(BrokenStamp(self.known.clone(), self.actor)),
            RECEIVES_TWICE => {
                self.tick()?;
                self.tick()
            }
            _ => self.tick(),
        }
    }
}

fn caught<const MISTAKE: u8>(law: Law, steps: usize) {
    let system = |processes| {
        (0..processes)
            .map(|actor| Broken::<MISTAKE> { actor, known: VersionVector::new(), merged: 0 })
            .collect::<Vec<_>>()
    };
    let broken = Laws::default().check(system).unwrap_err();
    assert_eq!((broken.law, broken.steps.len()), (law, steps), "mistake {MISTAKE}: {broken}");
    // By chance alone too, and shrunk to no more.
    let chance = Laws { exhaustive_steps: 0, executions: 2_000, ..Laws::default() };
    let broken = chance.check(system).unwrap_err();
    assert!(broken.steps.len() <= steps + 2, "mistake {MISTAKE} is not shrunk well: {broken}");
}

#[test]
fn the_kit_catches_every_planted_mistake_in_few_steps() {
    caught::<FORGETS_THE_MERGE>(Law::Guarantee, 2);
    caught::<OVERWRITES_IN_MERGE>(Law::Guarantee, 4);
    caught::<COMPARES_SUMS>(Law::Guarantee, 2);
    caught::<COMPARES_ONE_WAY>(Law::Symmetry, 1);
    caught::<COUNTS_MERGES>(Law::Idempotence, 2);
    caught::<SKIPS_THE_TICK>(Law::Guarantee, 2);
    caught::<SHARES_AN_ACTOR>(Law::Guarantee, 2);
    caught::<KEEPS_THE_LAST>(Law::Guarantee, 3);
    caught::<NEVER_EQUAL>(Law::Symmetry, 1);
    caught::<ROCK_PAPER_SCISSORS>(Law::Transitivity, 3);
    caught::<RECEIVES_TWICE>(Law::Receive, 2);
    caught::<FAILS>(Law::Succeeds, 3);
}

#[test]
fn a_violation_reads_as_an_execution() {
    let system = |processes| {
        (0..processes)
            .map(|actor| Broken::<SKIPS_THE_TICK> { actor, known: VersionVector::new(), merged: 0 })
            .collect::<Vec<_>>()
    };
    let broken = Laws::default().check(system).unwrap_err();
    assert_eq!(broken.steps, [Step::Event { at: 0 }, Step::Receive { at: 0, of: 0 }]);
    let told = broken.to_string();
    assert!(
        told.contains("process 0: event 1 on hearing of 0")
            && told.contains("are Before; by their stamps, Equal"),
        "{told}"
    );
}

/// What a guarantee permits is what its definition says.
#[test]
fn guarantees_permit_what_they_say() {
    use Causality::{After, Before, Concurrent, Equal};
    let all = [Before, Equal, After, Concurrent];
    let permitted = |guarantee: Guarantee, truth| all.map(|answer| guarantee.permits(answer, truth));
    for guarantee in [Guarantee::Exact, Guarantee::Total, Guarantee::Probable, Guarantee::RealTime] {
        assert_eq!(permitted(guarantee, Equal), [false, true, false, false]);
        let before = permitted(guarantee, Before);
        assert_eq!(before, [true, false, false, guarantee == Guarantee::RealTime]);
        let after = permitted(guarantee, After);
        assert_eq!(after, [false, false, true, guarantee == Guarantee::RealTime]);
    }
    assert_eq!(permitted(Guarantee::Exact, Concurrent), [false, false, false, true]);
    assert_eq!(permitted(Guarantee::Total, Concurrent), [true, false, true, false]);
    assert_eq!(permitted(Guarantee::Probable, Concurrent), [true, true, true, true]);
    assert_eq!(permitted(Guarantee::RealTime, Concurrent), [true, false, true, true]);
}
