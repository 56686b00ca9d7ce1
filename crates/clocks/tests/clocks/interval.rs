//! Intervals contain the true time while drift and errors are what was promised; and what happens when they are not.

use core::sync::atomic::{AtomicU64, Ordering};
use proptest::prelude::*;
use std::sync::Arc;
use synod_clocks::laws::{Laws, check_bytes};
use synod_clocks::{
    Causality, Clock, Dot, Interval, IntervalClock, IntervalError, IntervalPolicy, IntervalStamp,
    NodeInterval, Sample, SimulatedSource, Stamp, TimeSource,
};
use synod_core::wire::{Wire, WireError};
use synod_core::{Entropy, SplitMix64, WallInterval};

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_700_000_000 * SECOND;

fn machine(drift_ppm: i32) -> IntervalClock<SimulatedSource> {
    IntervalClock::new(SimulatedSource::new(START, drift_ppm), IntervalPolicy::default()).unwrap()
}

/// A random life of a machine: time passes, samples of random error are taken. In how many of 200 looks was the true time outside?
fn looks_outside(seed: u64, drift_ppm: i32, lies: bool) -> u32 {
    let mut dice = SplitMix64::new(seed);
    let clock = machine(drift_ppm);
    let mut outside = 0;
    for _ in 0..200 {
        let source = clock.source();
        source.set_true_ns(source.true_ns() + dice.below(2 * SECOND));
        if dice.below(4) == 0 {
            let error_ns = dice.below(10_000_000);
            let offset = dice.below(2 * error_ns + 1) as i64 - error_ns as i64;
            source.synchronise(if lies { offset * 3 } else { offset }, error_ns);
            clock.refresh().unwrap();
        }
        match clock.now() {
            Ok(now) => outside += u32::from(!now.contains(source.true_ns())),
            Err(error) => {
                let silent = matches!(error, IntervalError::Stale { .. } | IntervalError::NeverRefreshed);
                assert!(silent, "{error}");
            }
        }
    }
    outside
}

#[test]
fn the_true_time_is_inside_while_drift_and_error_are_as_declared() {
    for seed in 0..300 {
        let drift_ppm = [-500, -499, -100, 0, 7, 250, 500][seed as usize % 7];
        assert_eq!(looks_outside(seed, drift_ppm, false), 0, "seed {seed}, {drift_ppm} ppm");
    }
}

/// The corners: a sample wrong by all of its error, either way, and an oscillator that is wrong by all that the policy allows, until the
/// sample is too old.
#[test]
fn the_true_time_is_inside_at_the_edges_of_drift_and_error() {
    let error_ns = 1_000_000;
    let mut looks = 0;
    for drift_ppm in [0, 1, 500, 10_000, 500_000, 900_000_u32] {
        let policy = IntervalPolicy { drift_ppm, error_ns_max: u64::MAX, ..IntervalPolicy::default() };
        let limit = drift_ppm.cast_signed();
        for (oscillator, offset_ns) in [-limit, -limit / 2, 0, limit]
            .into_iter()
            .flat_map(|oscillator| [-1_000_000, 1_000_000].map(|offset_ns| (oscillator, offset_ns)))
        {
            // Beginnings at which the monotonic clock rounds in different ways.
            for start in (0..12).map(|part| START + part * 87_654_321) {
                let clock = IntervalClock::new(SimulatedSource::new(start, oscillator), policy).unwrap();
                clock.source().synchronise(offset_ns, error_ns);
                clock.refresh().unwrap();
                for passed in
                    [0, 1, 2, 3, 999, 1_999, 2_000, 2_001, SECOND / 3, SECOND, 5 * SECOND, 9_900_000_000]
                {
                    let time = start + passed;
                    clock.source().set_true_ns(time);
                    let Ok(now) = clock.now() else { continue };
                    looks += 1;
                    let told = format!("{oscillator} of {drift_ppm} ppm, {offset_ns} ns, after {passed} ns");
                    assert!(now.contains(time), "{told}: {now:?}, at {time}");
                    // No wider than it must be: the growth is what the slowest oscillator needs, and for one more
                    // nanosecond, since readings are whole.
                    let (d, rest) = (u128::from(drift_ppm), u128::from(1_000_000 - drift_ppm));
                    let needed = (u128::from(passed) + 1) * d / rest + 2;
                    let grown = now.width_ns() / 2 - error_ns;
                    assert!(oscillator > 0 || u128::from(grown) <= needed, "{told}: grown by {grown}");
                }
            }
        }
    }
    assert!(looks > 4_000, "{looks}");
}

#[test]
fn a_clock_that_may_stand_still_is_refused() {
    for drift_ppm in [1_000_000, u32::MAX] {
        let policy = IntervalPolicy { drift_ppm, ..IntervalPolicy::default() };
        let refused = IntervalClock::new(SimulatedSource::new(START, 0), policy).map(|_| ());
        assert_eq!(refused, Err(IntervalError::Drift { drift_ppm }));
    }
    // The last that is a bound, at the greatest age: nothing overflows.
    let policy = IntervalPolicy { drift_ppm: 999_999, age_ns_max: u64::MAX, error_ns_max: u64::MAX };
    let clock = IntervalClock::new(SimulatedSource::new(START, 0), policy).unwrap();
    clock.source().synchronise(0, 0);
    clock.refresh().unwrap();
    clock.source().set_true_ns(START + 3_600 * SECOND);
    assert_eq!(
        clock.now(),
        Err(IntervalError::OutOfRange),
        "an interval of centuries, which begins before 1970"
    );
}

/// The test above would notice: machines that drift more than they declare, or lie about their error, are found outside.
#[test]
fn the_true_time_is_outside_when_a_machine_breaks_its_word() {
    assert!((0..20).map(|seed| looks_outside(seed, 20_000, false)).sum::<u32>() > 100);
    assert!((0..20).map(|seed| looks_outside(seed, -20_000, false)).sum::<u32>() > 100);
    assert!((0..20).map(|seed| looks_outside(seed, 0, true)).sum::<u32>() > 100);
}

#[test]
fn it_refuses_rather_than_guesses() {
    let clock = machine(0);
    assert_eq!(clock.now(), Err(IntervalError::NeverRefreshed));
    assert_eq!(clock.refresh(), Err(IntervalError::Unsynchronised));
    assert_eq!(clock.now(), Err(IntervalError::Unsynchronised));
    let source = clock.source();
    source.synchronise(0, 1_000_000);
    clock.refresh().unwrap();
    assert_eq!(clock.now().unwrap().width_ns(), 2_000_002);
    source.set_true_ns(START + 10 * SECOND);
    assert!(clock.now().is_ok());
    source.set_true_ns(START + 10 * SECOND + 1);
    assert_eq!(clock.now(), Err(IntervalError::Stale { age_ns: 10 * SECOND + 1 }));
    assert_eq!(clock.commit_wait(START), Err(IntervalError::Stale { age_ns: 10 * SECOND + 1 }));
    assert_eq!(clock.after(START), Err(IntervalError::Stale { age_ns: 10 * SECOND + 1 }));
    // A second more, near a leap second, is accepted; what lies beyond is not.
    source.synchronise(0, SECOND + 50_000_000);
    assert_eq!(clock.refresh().unwrap().width_ns(), 2_100_000_002);
    source.synchronise(0, 2 * SECOND);
    assert_eq!(clock.refresh(), Err(IntervalError::TooUncertain { error_ns: 2 * SECOND + 1 }));
    assert_eq!(clock.now(), Err(IntervalError::TooUncertain { error_ns: 2 * SECOND + 1 }));
    // A machine that wakes up with a monotonic clock behind its past.
    source.synchronise(0, 5);
    clock.refresh().unwrap();
    source.set_true_ns(START);
    assert_eq!(clock.now(), Err(IntervalError::Unavailable));
    // A clock that stands at the beginning of time, or before.
    source.set_true_ns(3);
    source.synchronise(0, 5);
    assert_eq!(clock.refresh(), Err(IntervalError::OutOfRange));
    source.synchronise(-4, 5);
    assert_eq!(clock.refresh(), Err(IntervalError::OutOfRange));
    assert_eq!(clock.now(), Err(IntervalError::OutOfRange));
    // A policy cannot ask for more than the arithmetic bears.
    let patient = IntervalPolicy { age_ns_max: u64::MAX, drift_ppm: 100_000, error_ns_max: u64::MAX };
    let clock = IntervalClock::new(SimulatedSource::new(START, 0), patient).unwrap();
    clock.source().synchronise(0, 0);
    clock.refresh().unwrap();
    clock.source().set_true_ns(START + 3_600 * SECOND);
    assert!(clock.now().is_ok());
    clock.source().set_true_ns(START + 3_601 * SECOND);
    assert!(matches!(clock.now(), Err(IntervalError::Stale { .. })));
    clock.source().synchronise(0, u64::MAX - 1);
    assert!(clock.refresh().is_err() && clock.now().is_err());
}

/// A machine on which a second is inserted: its monotonic clock goes on, and Unix time counts one second twice.
struct Leaping {
    monotonic_ns: AtomicU64,
    error_ns: u64,
}

/// When the inserted second begins, on the monotonic clock.
const LEAP: u64 = 5 * SECOND;

impl Leaping {
    fn true_ns(&self) -> u64 {
        let passed = self.monotonic_ns.load(Ordering::Relaxed);
        START + if passed < LEAP { passed } else { passed - SECOND }
    }
}

impl TimeSource for Leaping {
    fn monotonic_ns(&self) -> Result<u64, IntervalError> {
        Ok(self.monotonic_ns.load(Ordering::Relaxed))
    }

    fn sample(&self) -> Result<Sample, IntervalError> {
        let (monotonic_ns, wall_ns) = (self.monotonic_ns()?, self.true_ns());
        Ok(Sample { monotonic_ns, wall_ns, error_ns: self.error_ns })
    }
}

/// A sample from before a leap second, served after it, needs the second that a source adds to its error; with it the default clock goes on.
#[test]
fn a_leap_second_is_inside_when_the_source_allows_for_it() {
    for (error_ns, inside) in [(SECOND + 5_000_000, true), (5_000_000, false)] {
        let source = Leaping { monotonic_ns: AtomicU64::new(LEAP - 3 * SECOND), error_ns };
        let clock = IntervalClock::new(source, IntervalPolicy::default()).unwrap();
        clock.refresh().unwrap();
        for passed in [LEAP - 1, LEAP, LEAP + SECOND / 2, LEAP + 6 * SECOND] {
            clock.source().monotonic_ns.store(passed, Ordering::Relaxed);
            let contains = clock.now().unwrap().contains(clock.source().true_ns());
            assert_eq!(contains, inside || passed < LEAP, "{passed} {error_ns}");
        }
    }
}

/// Commit-wait on machines that disagree by nearly twice their error: timestamps follow real time, and without it they do not.
#[test]
fn after_a_commit_wait_timestamps_follow_real_time() {
    let (mut wrong_without, mut waits) = (0, 0);
    for seed in 0..200 {
        let mut dice = SplitMix64::new(seed);
        let mut time = START;
        let machines: Vec<_> = (0..3)
            .map(|_| {
                let machine = machine(dice.below(1_001) as i32 - 500);
                machine.source().synchronise(dice.below(10_000_001) as i64 - 5_000_000, 5_000_000);
                machine.refresh().unwrap();
                machine
            })
            .collect();
        let pass = |time: u64| machines.iter().for_each(|machine| machine.source().set_true_ns(time));
        let (mut last_waited, mut last_unwaited) = (0, 0);
        for _ in 0..10 {
            let machine = &machines[dice.below(3) as usize];
            let at = machine.now().unwrap().latest();
            wrong_without += u32::from(at <= last_unwaited);
            last_unwaited = at;
            assert!(at > last_waited, "seed {seed}: a commit that was shown before has a later timestamp");
            while let Some(wait) = machine.commit_wait(at).unwrap() {
                waits += 1;
                time += wait.as_nanos() as u64;
                pass(time);
            }
            // Everybody agrees now that it is in the past.
            assert!(time > at && machines.iter().all(|other| !other.before(at).unwrap()));
            last_waited = at;
        }
        // The same without waiting.
        let mut last = 0;
        for _ in 0..10 {
            let at = machines[dice.below(3) as usize].now().unwrap().latest();
            wrong_without += u32::from(at <= last);
            last = at;
            time += 1_000;
            pass(time);
        }
    }
    assert!(waits >= 2_000 && wrong_without > 300, "{waits} {wrong_without}");
}

#[test]
fn a_message_from_the_certain_future_proves_that_somebody_lies() {
    let [honest, liar] = [machine(0), machine(0)].map(Arc::new);
    honest.source().synchronise(0, 1_000_000);
    liar.source().synchronise(50_000_000, 1_000_000);
    honest.refresh().unwrap();
    liar.refresh().unwrap();
    let (mut a, mut b) = (NodeInterval::new(honest, "a"), NodeInterval::new(liar, "b"));
    let sent = b.tick().unwrap();
    assert_eq!(a.receive(&sent), Err(IntervalError::Contradiction { by_ns: 47_999_998 }));
    let earlier = a.tick().unwrap();
    assert_eq!(
        earlier.causality(&sent),
        Causality::Before,
        "and nothing was learnt from the refused message"
    );
    assert!(b.receive(&earlier).is_ok());
}

/// A node is restarted: its next event is after those before, which a node that begins again at its first dot gets wrong.
#[test]
fn a_node_that_resumes_goes_on_after_its_last_stamp() {
    let clock = Arc::new(machine(0));
    clock.source().synchronise(0, 1_000_000);
    clock.refresh().unwrap();
    let mut node = NodeInterval::new(Arc::clone(&clock), "a");
    let [first, second] = [(); 2].map(|()| node.tick().unwrap());
    drop(node);
    clock.source().set_true_ns(START + SECOND);
    let wrong = NodeInterval::new(Arc::clone(&clock), "a").tick().unwrap();
    assert_eq!(wrong.causality(&second), Causality::Before, "a second later, and called earlier");
    assert_eq!(wrong.causality(&first), Causality::Equal, "and one dot means two events");
    let mut back = NodeInterval::resume(Arc::clone(&clock), second);
    let third = back.tick().unwrap();
    assert_eq!([first, second].map(|old| third.causality(&old)), [Causality::After; 2]);
    assert_eq!(third.dot, Dot::at("a", 3).unwrap());
    // The clock has been set back over the restart: intervals of one node go on all the same.
    clock.source().synchronise(-100_000_000, 1_000_000);
    clock.refresh().unwrap();
    let fourth = NodeInterval::resume(Arc::clone(&clock), third).tick().unwrap();
    assert!(fourth.interval.latest() >= third.interval.latest());
    let last = IntervalStamp { dot: Dot::at("a", u64::MAX).unwrap(), ..third };
    assert_eq!(NodeInterval::resume(clock, last).tick(), Err(IntervalError::Exhausted));
}

/// A node with a time that passes by itself, a little with each event of it.
struct Passing {
    node: NodeInterval<Arc<SimulatedSource>, usize>,
    clock: Arc<IntervalClock<Arc<SimulatedSource>>>,
    all: Arc<Vec<Arc<SimulatedSource>>>,
}

impl Clock for Passing {
    type Stamp = IntervalStamp<usize>;
    type Error = IntervalError;

    fn tick(&mut self) -> Result<Self::Stamp, IntervalError> {
        let next = self.all[0].true_ns() + 700_000;
        self.all.iter().for_each(|source| source.set_true_ns(next));
        if next.is_multiple_of(3) {
            self.clock.refresh()?;
        }
        self.node.tick()
    }

    fn merge(&mut self, stamp: &Self::Stamp) -> Result<(), IntervalError> {
        self.node.merge(stamp)
    }
}

#[test]
fn interval_stamps_keep_the_laws_of_real_time() {
    let system = |processes: usize| {
        let sources: Vec<_> = (0..processes)
            .map(|process| {
                let source = SimulatedSource::new(START, [400, -400, 0][process % 3]);
                source.synchronise([900_000, -900_000, 0][process % 3], 1_000_000);
                Arc::new(source)
            })
            .collect();
        let all = Arc::new(sources);
        (0..processes)
            .map(|actor| {
                let clock = IntervalClock::new(Arc::clone(&all[actor]), IntervalPolicy::default());
                let clock = Arc::new(clock.unwrap());
                clock.refresh().unwrap();
                let node = NodeInterval::new(Arc::clone(&clock), actor);
                Passing { node, clock, all: Arc::clone(&all) }
            })
            .collect::<Vec<_>>()
    };
    let coverage = Laws::default().check(system).unwrap();
    assert!(coverage.pairs > 1_000);
}

#[test]
fn bytes_of_intervals_are_golden() {
    let interval = Interval::new(0x0102, 0x0304).unwrap();
    assert_eq!(interval.to_bytes(1)[..], [2, 1, 0, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0]);
    let stamp = IntervalStamp { dot: Dot::at(7_u64, 1).unwrap(), interval };
    assert_eq!(stamp.to_bytes(1)[..16], [7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    let backwards = [&[1_u8][..], &[0; 15]].concat();
    let refused = Interval::from_bytes(backwards.into(), 1);
    assert_eq!(refused, Err(WireError::Invalid { field: "ends of an interval" }));
    assert_eq!(WallInterval::from(interval), WallInterval { earliest: 0x0102, latest: 0x0304 });
    assert_eq!(Interval::new(2, 1), Err(IntervalError::Empty));
}

#[cfg(all(feature = "kernel", feature = "std", target_os = "linux"))]
#[test]
fn the_kernel_either_vouches_for_its_time_or_refuses() {
    use std::time::{SystemTime, UNIX_EPOCH};
    use synod_clocks::{CoarseClock, KernelSource, SystemClock, WallClock};

    let system = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let clock = IntervalClock::new(
        KernelSource,
        IntervalPolicy { error_ns_max: u64::MAX, ..IntervalPolicy::default() },
    )
    .unwrap();
    match clock.refresh() {
        Ok(_) => {
            let (before, now, after) = (system(), clock.now().unwrap(), system());
            assert!(now.earliest() <= after && before <= now.latest(), "{now:?} {before} {after}");
        }
        Err(error) => {
            assert!(matches!(error, IntervalError::Unsynchronised | IntervalError::Unavailable), "{error}");
            assert_eq!(clock.now(), Err(error));
        }
    }
    let monotonic = || KernelSource.monotonic_ns().unwrap();
    assert!(monotonic() <= monotonic());
    let (coarse, exact) = (CoarseClock.unix_millis().unwrap(), SystemClock.unix_millis().unwrap());
    assert!(coarse <= exact && exact.get() - coarse.get() < 1_000, "{coarse} {exact}");
}

proptest! {
    #[test]
    fn byte_forms_keep_their_laws(earliest: u64, width: u64, counter in 1..u64::MAX, actor: u64, seed: u64) {
        let interval = Interval::new(earliest, earliest.saturating_add(width)).unwrap();
        check_bytes(&interval, 30, seed).unwrap();
        check_bytes(&IntervalStamp { dot: Dot::at(actor, counter).unwrap(), interval }, 30, seed).unwrap();
    }
}
