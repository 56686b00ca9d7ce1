//! Last-writer-wins by the wall clock drops a write without a word, and a hybrid clock keeps it.
//!
//! Two nodes replicate one register. Node B's wall clock is 300 ms behind. A client writes through A; another reads that value
//! through B and writes its own on top of it. Everybody saw the writes in this order, and the second is what must remain.
//!
//! `cargo run -p synod-clocks --example last_writer_wins`
#![allow(clippy::unwrap_used, reason = "an example of what happens, not of handling errors")]

use std::sync::Arc;
use synod_clocks::{Hlc, HlcPolicy, NodeStamp, SetClock, UnixMillis, WallClock};

/// A register that keeps the value with the greatest stamp.
#[derive(Clone, Debug)]
struct Register<S> {
    value: &'static str,
    stamp: S,
}

impl<S: Ord + Copy> Register<S> {
    fn merge(&mut self, other: &Self) {
        if other.stamp > self.stamp {
            *self = other.clone();
        }
    }
}

/// A node's clock that is wrong by so much.
fn wall(offset_ms: i64) -> Arc<SetClock> {
    Arc::new(SetClock::new(
        UnixMillis::new(1_700_000_000_000_u64.checked_add_signed(offset_ms).unwrap()).unwrap(),
    ))
}

/// Stamps are wall-clock times, and names where they are equal.
fn by_wall_clock() -> &'static str {
    let (a, b) = (wall(0), wall(-300));
    let at_a = Register { value: "2 apples", stamp: (a.unix_millis().unwrap(), "a") };
    let mut at_b = at_a.clone(); // replicated: B's reader sees 2 apples ...
    at_b.merge(&at_a);
    let update = Register { value: "2 apples, 1 pear", stamp: (b.unix_millis().unwrap(), "b") };
    at_b.merge(&update); // ... and adds a pear
    at_b.value
}

/// Stamps are hybrid: B has learnt of A's with the value.
fn by_hybrid_clock() -> &'static str {
    let hybrid = |clock: Arc<SetClock>| Hlc::volatile(move || clock.unix_millis(), HlcPolicy::default());
    let (a, b) = (hybrid(wall(0)), hybrid(wall(-300)));
    let at_a = Register { value: "2 apples", stamp: NodeStamp { stamp: a.now().unwrap(), node: "a" } };
    let mut at_b = at_a.clone();
    b.merge(at_a.stamp.stamp).unwrap();
    let update =
        Register { value: "2 apples, 1 pear", stamp: NodeStamp { stamp: b.now().unwrap(), node: "b" } };
    at_b.merge(&update);
    at_b.value
}

/// Runs both.
pub(crate) fn main() {
    let (lost, kept) = (by_wall_clock(), by_hybrid_clock());
    println!("by wall clock:   {lost}   (the pear is lost, and nobody is told)");
    println!("by hybrid clock: {kept}");
    assert_eq!((lost, kept), ("2 apples", "2 apples, 1 pear"));
}
