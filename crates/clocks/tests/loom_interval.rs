//! Every interleaving of who refreshes an interval clock and who reads it, in these models: `cargo xtask loom`. Preemptions are not limited.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use synod_clocks::{IntervalClock, IntervalError, IntervalPolicy, Sample, TimeSource};

/// Sample n is taken at n, of the time 1,000·n, with error 10·n: a mixture of two is seen at once.
struct Numbered(AtomicU64);

impl TimeSource for Numbered {
    fn monotonic_ns(&self) -> Result<u64, IntervalError> {
        // Later than all samples: the age tells which one was served.
        Ok(100)
    }

    fn sample(&self) -> Result<Sample, IntervalError> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Sample { monotonic_ns: number, wall_ns: 1_000 * number, error_ns: 10 * number })
    }
}

fn clock() -> Arc<IntervalClock<Numbered>> {
    let policy = IntervalPolicy { drift_ppm: 0, ..IntervalPolicy::default() };
    Arc::new(IntervalClock::new(Numbered(AtomicU64::new(0)), policy).unwrap())
}

/// Explores all of a model, however often a thread is preempted: it is small enough, and `cargo xtask loom` would stop at three times.
fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = None;
    builder.check(run);
}

/// The number of the sample from which an answer was made; it must be one sample in all its parts.
fn number(clock: &IntervalClock<Numbered>) -> u64 {
    match clock.now() {
        Err(error) => {
            assert_eq!(error, IntervalError::NeverRefreshed);
            0
        }
        Ok(now) => {
            let (middle, error) = (now.earliest().midpoint(now.latest()), now.width_ns() / 2 - 1);
            let number = error / 10;
            assert_eq!((error, middle), (10 * number, 1_000 * number + 100 - number), "a mixture of samples");
            number
        }
    }
}

/// A reader gets a whole sample, however often the writer comes round while it reads, and none older than what it knows of.
#[test]
fn a_reader_gets_a_whole_sample() {
    model(|| {
        let clock = clock();
        clock.refresh().unwrap();
        let reader = {
            let clock = Arc::clone(&clock);
            thread::spawn(move || {
                let first = number(&clock);
                assert!(first >= 1);
                first
            })
        };
        // Once round the ring, and further.
        (0..5).for_each(|_| _ = clock.refresh());
        assert_eq!(number(&clock), 6);
        assert!(reader.join().unwrap() <= 6);
    });
}

/// Two threads that refresh at once leave a whole sample, and later ones are not lost.
#[test]
fn two_writers_do_not_mix() {
    model(|| {
        let clock = clock();
        let other = {
            let clock = Arc::clone(&clock);
            thread::spawn(move || _ = clock.refresh())
        };
        _ = clock.refresh();
        // The other thread may be about to publish; what is seen is whole.
        assert!(number(&clock) <= 2);
        other.join().unwrap();
        assert!(number(&clock) >= 1);
        _ = clock.refresh();
        assert_eq!(number(&clock), 3);
    });
}
