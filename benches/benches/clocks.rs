//! What clocks cost beside their peers: vector clocks (`crdts`), hybrid clocks (`uhlc`, `hlc-gen`), interval tree clocks (`itc`), and
//! the bounded-error clock beside the system call that it saves.
//!
//! **Workloads.**
//! * *Vectors*: `u64` actors, n of them, the same on both sides. Merge: the steady state, into a vector that knows all already; ours
//!   also where a third of the actors is unknown to one side, which needs the general path. `crdts` merges by value, so what it
//!   offers is cloning the other side first; *by reference* is its dots applied one by one, which spares the clone. Compare: one
//!   side dominates (both are read to the end), and neither does (each may stop early).
//! * *Hybrid clocks*: stamps one after the other. A round of a *burst* asks for 2,000,000 stamps. *Sustained* asks for so many that the
//!   layout's own limit, 65,536 stamps in a millisecond, is all that is left: the clock may borrow 10 ms, and who is told to wait spins.
//!   Two threads share one clock; wall time over all stamps, as the threads are what is measured.
//! * *Interval tree clocks*: 64 clocks forked from one seed; a round takes two at random: an event at the first, and the other learns of
//!   it. What comes out must be causally the same in both libraries, in every pair of the 64.
//! * *Intervals*: `now` with the machine's own monotonic clock and a sample that never ages beyond the policy.

use core::hint::black_box;
use crdts::{CmRDT, CvRDT, VClock};
use itc::{IntervalTreeClock, LessThanOrEqual};
use std::sync::Barrier;
use std::time::{Instant, SystemTime};
use synod_benches::{Contest, Results, Table};
use synod_clocks::{
    Causality, Clock, CoarseClock, DenseVector, Hlc, HlcError, HlcPolicy, IntervalClock, IntervalError,
    IntervalPolicy, Itc, KernelSource, Sample, SetClock, Stamp, SystemClock, TimeSource, UnixMillis,
    VersionVector, WallClock,
};
use synod_core::{Entropy, SplitMix64};

const ROUNDS: usize = 31;

fn main() {
    // `cargo test --benches` passes no arguments of ours; a name runs one part.
    let wanted: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let part = |name: &str| wanted.is_empty() || wanted.iter().any(|other| other == name);
    let mut table = Table::default();
    if part("vectors") {
        vectors(&mut table);
    }
    if part("hybrid") {
        hybrid(&mut table);
        two_threads(&mut table);
        sustained(&mut table);
    }
    if part("interval") {
        interval(&mut table);
    }
    if part("itc") {
        trees(&mut table);
    }
    println!("{table}");
}

/// A line of the table: the first contestant beside another.
fn beside(table: &mut Table, what: &str, results: &Results, peer: usize, unit: &str) {
    let (ours, theirs) = (&results.rows[0], &results.rows[peer]);
    let figure = |least: f64| format!("{least:.1} {unit}");
    let peer = format!("{} ({})", figure(theirs.least), theirs.name);
    table.row(
        what,
        figure(ours.least),
        peer,
        Some(theirs.least / ours.least),
        Some(ours.noise.max(theirs.noise)),
    );
}

// ── Vectors ──────────────────────────────────────────────────────────────────────────────────────────────────────────

fn vectors(table: &mut Table) {
    for n in [3, 16, 1_000_u64] {
        // Far apart, as random names are.
        let actor = |place: u64| SplitMix64::mix(place);
        let low: Vec<_> = (0..n).map(|place| (actor(place), place + 1)).collect();
        let high: Vec<_> = low.iter().map(|(actor, counter)| (*actor, counter + 5)).collect();
        let cross: Vec<_> = low
            .iter()
            .map(|(actor, counter)| (*actor, if actor % 2 == 0 { counter + 9 } else { 1 }))
            .collect();
        merge(table, n, &low, &high);
        compare(table, n, "dominated", &low, &high, Causality::Before);
        compare(table, n, "concurrent", &high, &cross, Causality::Concurrent);
        let ours: VersionVector<u64> = low.iter().copied().collect();
        let bytes = size_of::<VersionVector<u64>>() + ours.allocated_bytes();
        println!("{n} actors take {bytes} bytes, {} of them allocated\n", ours.allocated_bytes());
    }
}

fn peers(entries: &[(u64, u64)]) -> VClock<u64> {
    entries.iter().map(|(actor, counter)| crdts::Dot::new(*actor, *counter)).collect()
}

fn dense(entries: &[(u64, u64)]) -> DenseVector {
    DenseVector::from(&entries.iter().map(|(_, counter)| *counter).collect::<Vec<_>>()[..])
}

fn merge(table: &mut Table, n: u64, low: &[(u64, u64)], high: &[(u64, u64)]) {
    let times = (2_000_000 / n).clamp(2_000, 200_000);
    let (mut ours, theirs): (VersionVector<u64>, VersionVector<u64>) =
        (low.iter().copied().collect(), high.iter().copied().collect());
    let (mut dense_ours, dense_theirs) = (dense(low), dense(high));
    let (mut peer_ours, peer_theirs) = (peers(low), peers(high));
    let mut by_reference = peer_ours.clone();
    // A third of the actors is missing on one side: merged into a copy, whose making is part of the time.
    let some: VersionVector<u64> = low.iter().copied().step_by(3).collect();
    let rest: VersionVector<u64> = low.iter().copied().skip(1).collect();

    let mut contest = Contest::new(&format!("merge, {n} actors"), "merge", times);
    contest.enter("sparse", || (0..times).for_each(|_| black_box(&mut ours).merge(black_box(&theirs))));
    contest.enter("dense", || {
        (0..times).for_each(|_| {
            let _ = black_box(&mut dense_ours).merge(black_box(&dense_theirs));
        });
    });
    contest.enter("sparse, other actors, with a copy", || {
        for _ in 0..times {
            let mut copy = black_box(&some).clone();
            copy.merge(black_box(&rest));
            black_box(&copy);
        }
    });
    contest.enter("crdts: clone, merge", || {
        (0..times).for_each(|_| black_box(&mut peer_ours).merge(black_box(&peer_theirs).clone()));
    });
    contest.enter("crdts: dots by reference", || {
        for _ in 0..times {
            for dot in black_box(&peer_theirs).iter() {
                let counter = dot.counter;
                by_reference.apply(crdts::Dot::new(*dot.actor, counter));
            }
            black_box(&by_reference);
        }
    });
    let results = contest.run(ROUNDS);
    println!("{results}");
    assert!(ours.iter().eq(peer_ours.iter().map(|dot| (*dot.actor, dot.counter))), "the same result");
    let what = format!("vector clock, {n} actors, merge");
    beside(table, &what, &results, 4, "ns");
    beside(table, &format!("{what}, by value"), &results, 3, "ns");
}

fn compare(
    table: &mut Table,
    n: u64,
    kind: &str,
    left: &[(u64, u64)],
    right: &[(u64, u64)],
    truth: Causality,
) {
    let times = (2_000_000 / n).clamp(2_000, 200_000);
    let (a, b): (VersionVector<u64>, VersionVector<u64>) =
        (left.iter().copied().collect(), right.iter().copied().collect());
    let (dense_a, dense_b) = (dense(left), dense(right));
    let (peer_a, peer_b) = (peers(left), peers(right));
    assert_eq!((a.causality(&b), peer_a.partial_cmp(&peer_b)), (truth, truth.ordering()));
    assert_eq!(dense_a.causality(&dense_b), truth);

    let mut contest = Contest::new(&format!("compare, {n} actors, {kind}"), "comparison", times);
    contest.enter("sparse", || {
        (0..times).for_each(|_| _ = black_box(black_box(&a).causality(black_box(&b))));
    });
    contest.enter("dense", || {
        (0..times).for_each(|_| _ = black_box(black_box(&dense_a).causality(black_box(&dense_b))));
    });
    contest.enter("crdts", || {
        (0..times).for_each(|_| _ = black_box(black_box(&peer_a).partial_cmp(black_box(&peer_b))));
    });
    let results = contest.run(ROUNDS);
    println!("{results}");
    beside(table, &format!("vector clock, {n} actors, compare, {kind}"), &results, 2, "ns");
}

// ── Hybrid clocks ────────────────────────────────────────────────────────────────────────────────────────────────────

const STAMPS: u64 = 2_000_000;

/// May run far ahead: a burst is what is measured.
fn eager() -> HlcPolicy {
    HlcPolicy { borrowed_ms_max: u16::MAX, ..HlcPolicy::default() }
}

fn stamps<W: WallClock>(clock: &Hlc<W>, count: u64) {
    for _ in 0..count {
        while black_box(clock.now()).is_err() {}
    }
}

fn hybrid(table: &mut Table) {
    let coarse = Hlc::volatile(CoarseClock, eager());
    let shown = SetClock::new(SystemClock.unix_millis().unwrap_or_default());
    let cached = Hlc::volatile(|| shown.unix_millis(), eager());
    let exact = Hlc::volatile(SystemClock, eager());
    let durable = Hlc::durable(CoarseClock, eager(), None);
    if let Ok(bound) = durable.next_bound(1 << 40) {
        durable.persisted(bound);
    }
    let uhlc = uhlc::HLC::default();
    let gen_clock = hlc_gen::HlcGenerator::default();

    let mut contest = Contest::new("hybrid stamps, one thread, a burst", "stamp", STAMPS);
    contest.enter("coarse clock", || stamps(&coarse, STAMPS));
    contest.enter("cached clock", || {
        let _ = shown.copy(&SystemClock);
        stamps(&cached, STAMPS);
    });
    contest.enter("coarse clock, bound on disk", || stamps(&durable, STAMPS));
    contest.enter("exact clock", || stamps(&exact, STAMPS));
    contest.enter("uhlc", || (0..STAMPS).for_each(|_| _ = black_box(uhlc.new_timestamp())));
    contest.enter("hlc-gen", || (0..STAMPS).for_each(|_| _ = black_box(gen_clock.next_timestamp())));
    contest.enter("SystemTime::now alone", || (0..STAMPS).for_each(|_| _ = black_box(SystemTime::now())));
    let results = contest.run(11);
    println!("{results}");
    beside(table, "hybrid stamp, one thread, coarse clock", &results, 4, "ns");
    beside(table, "hybrid stamp, one thread, coarse clock", &results, 5, "ns");
}

/// Wall time for each stamp, of two threads that share a clock; the least of several runs.
fn shared(stamps: impl Fn(u64) + Sync) -> f64 {
    let run = || {
        let barrier = Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    barrier.wait();
                    stamps(STAMPS);
                });
            }
            barrier.wait();
            Instant::now()
        })
        .elapsed()
    };
    (0..15).map(|_| run().as_nanos() as f64 / (2 * STAMPS) as f64).fold(f64::INFINITY, f64::min)
}

fn two_threads(table: &mut Table) {
    let coarse = Hlc::volatile(CoarseClock, eager());
    let shown = SetClock::new(SystemClock.unix_millis().unwrap_or_default());
    let cached = Hlc::volatile(|| shown.unix_millis(), eager());
    let uhlc = uhlc::HLC::default();
    let gen_clock = hlc_gen::HlcGenerator::default();
    let ours = shared(|count| stamps(&coarse, count));
    let ours_cached = shared(|count| {
        let _ = shown.copy(&SystemClock);
        stamps(&cached, count);
    });
    let uhlc = shared(|count| (0..count).for_each(|_| _ = black_box(uhlc.new_timestamp())));
    let gen_clock = shared(|count| (0..count).for_each(|_| _ = black_box(gen_clock.next_timestamp())));
    println!("hybrid stamps, two threads on one clock (wall ns for each stamp, least of 15 runs)");
    for (name, least) in
        [("coarse clock", ours), ("cached clock", ours_cached), ("uhlc", uhlc), ("hlc-gen", gen_clock)]
    {
        println!("  {name:14}{least:8.1}");
    }
    println!();
    for (peer, name) in [(uhlc, "uhlc"), (gen_clock, "hlc-gen")] {
        let what = "hybrid stamp, two threads, coarse clock";
        table.row(what, format!("{ours:.1} ns"), format!("{peer:.1} ns ({name})"), Some(peer / ours), None);
    }
}

fn sustained(table: &mut Table) {
    const COUNT: u64 = 30_000_000;
    let clock = Hlc::volatile(CoarseClock, HlcPolicy { borrowed_ms_max: 10, ..HlcPolicy::default() });
    let run = || {
        let (begin, mut waits) = (Instant::now(), 0_u64);
        for _ in 0..COUNT {
            while let Err(error) = black_box(clock.now()) {
                assert!(matches!(error, HlcError::Exhausted { .. }), "{error}");
                waits += 1;
            }
        }
        (begin.elapsed().as_nanos() as f64 / COUNT as f64, waits)
    };
    let (least, waits) =
        (0..3).map(|_| run()).fold((f64::INFINITY, 0), |(least, _), (ns, waits)| (least.min(ns), waits));
    println!(
        "hybrid stamps, sustained: {least:.2} wall ns for each (the layout's limit: 15.26); {waits} times told to wait\n"
    );
    table.row(
        "hybrid stamp, sustained",
        format!("{least:.1} ns"),
        "15.3 ns (65,536 in a ms)",
        Some(15.26 / least),
        None,
    );
}

// ── Intervals ────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The machine's own monotonic clock, with a time that is always known to a millisecond.
struct Known;

impl TimeSource for Known {
    #[inline]
    fn monotonic_ns(&self) -> Result<u64, IntervalError> {
        KernelSource.monotonic_ns()
    }

    fn sample(&self) -> Result<Sample, IntervalError> {
        let wall_ns = SystemClock.unix_millis().map_or(0, UnixMillis::get).saturating_mul(1_000_000);
        Ok(Sample { monotonic_ns: self.monotonic_ns()?, wall_ns, error_ns: 1_000_000 })
    }
}

fn interval(table: &mut Table) {
    const COUNT: u64 = 200_000;
    let policy = IntervalPolicy { age_ns_max: u64::MAX, ..IntervalPolicy::default() };
    let clock = match IntervalClock::new(Known, policy).and_then(|clock| clock.refresh().map(|_| clock)) {
        Ok(clock) => clock,
        Err(error) => {
            println!("no interval on this machine: {error}\n");
            return;
        }
    };
    println!("the kernel's own answer here: {:?}", KernelSource.sample());
    let mut contest = Contest::new("an interval that contains the true time", "call", COUNT);
    contest.enter("now", || (0..COUNT).for_each(|_| _ = black_box(clock.now())));
    contest.enter("ntp_adjtime and two clock readings", || {
        (0..COUNT / 20).for_each(|_| _ = black_box(KernelSource.sample()));
    });
    contest.enter("the monotonic clock alone", || {
        (0..COUNT).for_each(|_| _ = black_box(KernelSource.monotonic_ns()));
    });
    let mut results = contest.run(ROUNDS);
    // It was called once where the others were called twenty times.
    let syscall = &mut results.rows[1];
    (syscall.least, syscall.median, syscall.ratio) =
        (syscall.least * 20.0, syscall.median * 20.0, syscall.ratio * 20.0);
    println!("{results}");
    beside(table, "interval clock, now", &results, 1, "ns");
    beside(table, "interval clock, now", &results, 2, "ns");
}

// ── Interval trees ───────────────────────────────────────────────────────────────────────────────────────────────────

const CLOCKS: usize = 64;

fn pairs(rounds: u64) -> impl Iterator<Item = (usize, usize)> {
    let mut dice = SplitMix64::new(7);
    (0..rounds).map(move |_| (dice.below(CLOCKS as u64) as usize, dice.below(CLOCKS as u64) as usize))
}

fn forked<T>(seed: T, mut fork: impl FnMut(&mut T) -> T) -> Vec<T> {
    let mut clocks = vec![seed];
    while clocks.len() < CLOCKS {
        for place in 0..clocks.len() {
            let child = fork(&mut clocks[place]);
            clocks.push(child);
        }
    }
    clocks
}

fn trees(table: &mut Table) {
    const COUNT: u64 = 2_000;
    let ours = || forked(Itc::seed(), |clock| clock.fork().unwrap_or_else(|_| Itc::seed()));
    let theirs = || {
        forked(itc::Stamp::seed(), |clock| {
            let (left, right) = clock.fork();
            *clock = left;
            right
        })
    };
    let run_ours = |clocks: &mut [Itc]| {
        for (from, to) in pairs(COUNT) {
            if let Ok(stamp) = clocks[from].tick() {
                let _ = clocks[to].merge(&stamp);
            }
        }
    };
    let run_theirs = |clocks: &mut [itc::Stamp]| {
        for (from, to) in pairs(COUNT) {
            clocks[from] = clocks[from].event();
            let (peek, _) = clocks[from].peek();
            clocks[to] = clocks[to].join(&peek);
        }
    };
    let (mut mine, mut peers) = (ours(), theirs());
    run_ours(&mut mine);
    run_theirs(&mut peers);
    for a in 0..CLOCKS {
        for b in 0..CLOCKS {
            let known =
                matches!(mine[a].peek().causality(&mine[b].peek()), Causality::Before | Causality::Equal);
            assert_eq!(known, peers[a].leq(&peers[b]), "the same causality, {a} and {b}");
        }
    }
    let nodes = mine.iter().map(Itc::nodes).max().unwrap_or(0);
    let mut contest =
        Contest::new("interval tree clocks, 64 of them: an event, and one learns of it", "round", COUNT);
    contest.enter("synod", || run_ours(black_box(&mut ours())));
    contest.enter("itc", || run_theirs(black_box(&mut theirs())));
    let results = contest.run(ROUNDS);
    println!("{results}  the largest clock has {nodes} nodes\n");
    beside(table, "interval tree clocks, 64, event and learn", &results, 1, "ns");
}
