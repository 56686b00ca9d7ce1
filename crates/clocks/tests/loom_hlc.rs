//! Every interleaving of the hybrid clock's atomics in these models, with every value that loom lets relaxed memory show: `cargo xtask loom`.
//! Preemptions are not limited.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]
#![cfg(loom)]

use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use synod_clocks::{
    Bound, Hlc, HlcError, HlcPolicy, HlcStamp, Jump, JumpDetector, SetClock, UnixMillis, WallClock,
    WatchedClock,
};
use synod_core::Time;

fn at(millis: u64) -> UnixMillis {
    UnixMillis::new(millis).unwrap()
}

fn still(millis: u64) -> impl WallClock {
    move || UnixMillis::new(millis)
}

/// Explores all of a model, however often a thread is preempted: it is small enough, and `cargo xtask loom` would stop at three times.
fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = None;
    builder.check(run);
}

/// Stamps are unique, and grow in each thread, while the wall clock goes backwards and a remote stamp arrives.
#[test]
fn stamps_are_unique_and_grow() {
    model(|| {
        let wall = Arc::new(SetClock::new(at(100)));
        let shared = Arc::clone(&wall);
        let clock = Arc::new(Hlc::volatile(move || shared.unix_millis(), HlcPolicy::default()));
        let other = {
            let clock = Arc::clone(&clock);
            thread::spawn(move || [clock.now().unwrap(), clock.now().unwrap()])
        };
        let remote = HlcStamp::new(at(101), 3);
        let received = clock.receive(remote).unwrap();
        wall.set(at(90));
        let later = clock.now().unwrap();
        let [first, second] = other.join().unwrap();
        assert!(first < second && remote < received && received < later);
        for theirs in [first, second] {
            assert!(theirs != received && theirs != later);
        }
        assert!(clock.now().unwrap() > later.max(second));
    });
}

/// Who learns of another thread's stamp gets a later one.
#[test]
fn what_another_thread_tells_is_before() {
    model(|| {
        let clock = Arc::new(Hlc::volatile(still(5), HlcPolicy::default()));
        let told = Arc::new(AtomicU64::new(0));
        let teller = {
            let (clock, told) = (Arc::clone(&clock), Arc::clone(&told));
            thread::spawn(move || told.store(clock.now().unwrap().get(), Ordering::Release))
        };
        let heard = told.load(Ordering::Acquire);
        assert!(clock.now().unwrap().get() > heard);
        teller.join().unwrap();
    });
}

/// No stamp is given that is not below a bound of which somebody said before that it is on the disk.
#[test]
fn no_stamp_reaches_the_bound_on_the_disk() {
    model(|| {
        let clock = Arc::new(Hlc::durable(still(9), HlcPolicy::default(), None));
        // What the disk has, in milliseconds.
        let disk = Arc::new(AtomicU64::new(0));
        let writer = {
            let (clock, disk) = (Arc::clone(&clock), Arc::clone(&disk));
            thread::spawn(move || {
                for bound in [9, 10] {
                    disk.store(bound, Ordering::SeqCst);
                    clock.persisted(Bound::new(at(bound)));
                }
            })
        };
        for _ in 0..2 {
            match clock.now() {
                Ok(stamp) => assert!(stamp.millis().get() < disk.load(Ordering::SeqCst)),
                Err(error) => assert!(matches!(error, HlcError::BeyondBound { .. })),
            }
        }
        writer.join().unwrap();
        assert!(clock.now().is_ok(), "9 is below 10");
    });
}

/// Two threads over the edge of a millisecond: what is borrowed is counted, and the limit holds.
#[test]
fn borrowing_is_bounded_however_threads_meet() {
    model(|| {
        let policy = HlcPolicy { borrowed_ms_max: 1, ..HlcPolicy::default() };
        let clock = Arc::new(Hlc::volatile(still(7), policy));
        // All but one stamp of millisecond 7 are used.
        clock.merge(HlcStamp::new(at(7), 0xfffe)).unwrap();
        let other = {
            let clock = Arc::clone(&clock);
            thread::spawn(move || [clock.now(), clock.now()])
        };
        let mine = clock.now();
        let [first, second] = other.join().unwrap();
        let mut given: Vec<_> = [mine, first, second].into_iter().map(Result::unwrap).collect();
        given.sort_unstable();
        let expected =
            [(7, 0xffff), (8, 0), (8, 1)].map(|(millis, counter)| HlcStamp::new(at(millis), counter));
        assert_eq!(given, expected);
        assert_eq!(clock.lead().unwrap().borrowed_ms, 1);
        // The rest of millisecond 8, which is borrowed, and no more.
        clock.merge(HlcStamp::new(at(8), 0xffff)).unwrap();
        assert_eq!(clock.now(), Err(HlcError::Exhausted { borrowed_ms: 1 }));
    });
}

/// A jump is reported once, to one of the threads that look.
#[test]
fn a_jump_is_reported_once() {
    model(|| {
        let detector = Arc::new(JumpDetector::new(&HlcPolicy::default()));
        assert_eq!(detector.look(at(1_000), Time(0)), None);
        let other = {
            let detector = Arc::clone(&detector);
            thread::spawn(move || detector.look(at(61_000), Time(1_000_000)))
        };
        let mine = detector.look(at(61_000), Time(1_000_000));
        let reports = [mine, other.join().unwrap()];
        assert_eq!(reports.iter().flatten().count(), 1, "{reports:?}");
        assert!(reports.contains(&Some(Jump::Forward { by_ms: 59_999 })));
    });
}

/// A watched clock reports a jump once, whichever threads read it.
#[test]
fn a_jump_of_a_watched_clock_is_reported_once() {
    model(|| {
        let shown = Arc::new(SetClock::new(at(1_000)));
        let reports = Arc::new(AtomicU64::new(0));
        let (wall, reported) = (Arc::clone(&shown), Arc::clone(&reports));
        let watched = Arc::new(WatchedClock::new(
            move || wall.unix_millis(),
            || Time(0),
            &HlcPolicy::default(),
            move |jump| {
                assert_eq!(jump, Jump::Forward { by_ms: 60_000 });
                reported.fetch_add(1, Ordering::Relaxed);
            },
        ));
        watched.unix_millis().unwrap();
        let other = {
            let watched = Arc::clone(&watched);
            thread::spawn(move || _ = watched.unix_millis().unwrap())
        };
        shown.set(at(61_000));
        watched.unix_millis().unwrap();
        other.join().unwrap();
        watched.unix_millis().unwrap();
        assert_eq!(reports.load(Ordering::Relaxed), 1);
    });
}

/// A thread that was overtaken by a whole millisecond does not make the clock forget what is borrowed.
#[test]
fn a_late_thread_does_not_undo_the_count_of_borrowed_milliseconds() {
    model(|| {
        let clock = Arc::new(Hlc::volatile(still(7), HlcPolicy::default()));
        clock.merge(HlcStamp::new(at(7), 0xffff)).unwrap();
        let other = {
            let clock = Arc::clone(&clock);
            thread::spawn(move || {
                clock.now().unwrap();
                clock.merge(HlcStamp::new(at(8), 0xffff)).unwrap();
                clock.now().unwrap()
            })
        };
        clock.now().unwrap();
        assert_eq!(other.join().unwrap().millis(), at(9));
        assert_eq!(clock.lead().unwrap().borrowed_ms, 2);
    });
}

/// The models would notice: a clock that reads and then writes gives a stamp twice.
#[test]
fn a_clock_that_reads_and_then_writes_is_caught() {
    let caught = std::panic::catch_unwind(|| {
        model(|| {
            let last = Arc::new(AtomicU64::new(0));
            let now = |last: &AtomicU64| {
                let next = last.load(Ordering::SeqCst) + 1;
                last.store(next, Ordering::SeqCst);
                next
            };
            let other = {
                let last = Arc::clone(&last);
                thread::spawn(move || now(&last))
            };
            let mine = now(&last);
            assert_ne!(mine, other.join().unwrap());
        });
    });
    assert!(caught.is_err());
}
