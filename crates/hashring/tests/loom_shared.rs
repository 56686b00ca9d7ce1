//! The shared placement, in every interleaving of readers and writers: `cargo xtask loom`.
//!
//! The module is compiled here a second time, over loom's primitives in place of the standard library's.

#![cfg(loom)]

mod primitive {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};
    pub(crate) use std::sync::{PoisonError, TryLockError};
}

#[allow(dead_code, unreachable_pub, reason = "the whole module, of which the models use a part")]
#[path = "../src/shared.rs"]
mod shared;

use loom::thread;
use shared::Shared;

/// A value that is torn if the two halves differ.
fn pair(number: u64) -> (u64, u64) {
    (number, number * 10)
}

#[test]
fn a_reader_sees_whole_values_and_never_goes_back() {
    loom::model(|| {
        let shared = Shared::new(pair(0));
        let mut reader = shared.reader();
        let writer = thread::spawn({
            let shared = shared.clone();
            move || {
                shared.publish(pair(1));
                shared.publish(pair(2));
            }
        });
        let mut last = 0;
        for _ in 0..2 {
            let (one, ten) = *reader.get();
            assert_eq!(ten, one * 10);
            assert!(one >= last && reader.version() == one);
            last = one;
        }
        writer.join().unwrap();
        // Nobody is publishing any more: the latest is seen.
        assert_eq!(*reader.get(), pair(2));
    });
}

#[test]
fn no_update_is_lost_between_two_writers() {
    loom::model(|| {
        let shared = Shared::new(pair(0));
        let add = |shared: &Shared<(u64, u64)>| {
            let next = |value: &(u64, u64)| Ok::<_, ()>(pair(value.0 + 1));
            shared.update(next).unwrap();
        };
        let other = thread::spawn({
            let shared = shared.clone();
            move || add(&shared)
        });
        add(&shared);
        other.join().unwrap();
        assert_eq!(*shared.reader().get(), pair(2));
    });
}

#[test]
fn a_value_that_was_published_before_a_signal_is_seen_after_it() {
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, Ordering};
    loom::model(|| {
        let shared = Shared::new(pair(0));
        let mut reader = shared.reader();
        let signal = Arc::new(AtomicBool::new(false));
        let writer = thread::spawn({
            let (shared, signal) = (shared.clone(), Arc::clone(&signal));
            move || {
                shared.publish(pair(1));
                signal.store(true, Ordering::Release);
            }
        });
        if signal.load(Ordering::Acquire) {
            assert_eq!(*reader.get(), pair(1));
        }
        writer.join().unwrap();
    });
}
