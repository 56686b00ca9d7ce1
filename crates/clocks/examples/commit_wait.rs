//! Timestamps that follow real time on machines whose clocks disagree: waiting out the uncertainty.
//!
//! Two machines' clocks are 9 ms apart, each within the ±5 ms that it promises. A transaction commits on the fast one, its client
//! tells another client, and that one commits on the slow one. Is the second timestamp the greater?
//!
//! `cargo run -p synod-clocks --example commit_wait`
#![allow(clippy::unwrap_used, reason = "an example of what happens, not of handling errors")]

use synod_clocks::{IntervalClock, IntervalPolicy, SimulatedSource};

const MS: u64 = 1_000_000;
const START: u64 = 1_700_000_000_000 * MS;

/// A machine whose clock is wrong by so much. Take `KernelSource` for a real one.
fn machine(offset_ns: i64) -> IntervalClock<SimulatedSource> {
    let clock = IntervalClock::new(SimulatedSource::new(START, 0), IntervalPolicy::default()).unwrap();
    clock.source().synchronise(offset_ns, 5 * MS);
    clock.refresh().unwrap();
    clock
}

fn commit_on_both(wait: bool) -> (u64, u64) {
    let (fast, slow) = (machine(4_500_000), machine(-4_500_000));
    let mut time = START;
    let first = fast.now().unwrap().latest();
    while wait && let Some(wait) = fast.commit_wait(first).unwrap() {
        time += wait.as_nanos() as u64; // a program sleeps here
        fast.source().set_true_ns(time);
    }
    time += MS; // the clients talk for a millisecond
    slow.source().set_true_ns(time);
    (first, slow.now().unwrap().latest())
}

/// Runs both.
pub(crate) fn main() {
    let (first, second) = commit_on_both(false);
    println!(
        "without waiting: {} ms, then {} ms: in the wrong order",
        (first - START) / MS,
        (second - START) / MS
    );
    assert!(second < first);
    let (first, second) = commit_on_both(true);
    println!("with commit-wait: {} ms, then {} ms", (first - START) / MS, (second - START) / MS);
    assert!(second > first);
}
