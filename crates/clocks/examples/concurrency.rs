//! The same run under two clocks: Lamport's cannot tell that two writes did not know of each other, vectors can.
//!
//! `cargo run -p synod-clocks --example concurrency`
#![allow(clippy::unwrap_used, reason = "an example of what happens, not of handling errors")]

use synod_clocks::{Causality, Clock, LamportClock, Stamp, VectorClock};

/// A writes twice and sends in between; B hears of the first, and writes; A's second write and B's know nothing of each other. What
/// does the clock say of the two pairs?
fn judge<C: Clock>([mut a, mut b]: [C; 2]) -> Result<[Causality; 2], C::Error> {
    let first = a.tick()?;
    let second = a.tick()?;
    let heard = b.receive(&first)?;
    let third = b.tick()?;
    println!("  first {first:?}, second {second:?}, heard {heard:?}, third {third:?}");
    Ok([first.causality(&third), second.causality(&third)])
}

/// Runs both.
pub(crate) fn main() {
    println!("Lamport:");
    let lamport = judge(["a", "b"].map(LamportClock::new)).unwrap();
    println!("  first is {:?} third; second is {:?} third, or so it seems", lamport[0], lamport[1]);
    println!("vectors:");
    let vectors = judge(["a", "b"].map(VectorClock::new)).unwrap();
    println!("  first is {:?} third; second and third are {:?}: a conflict", vectors[0], vectors[1]);
    assert_eq!(lamport, [Causality::Before, Causality::Before]);
    assert_eq!(vectors, [Causality::Before, Causality::Concurrent]);
}
