//! Clocks of up to eight actors allocate nothing, and forged lengths nothing either: counted by a global allocator.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::hint::black_box;
use std::alloc::System;
use synod_clocks::{
    BloomStamp, Clock, DenseClock, DenseVector, Dotted, DottedClock, Hlc, HlcPolicy, Itc, ItcStamp,
    LamportClock, MatrixStamp, Siblings, UnixMillis, VectorClock, VersionVector,
};
use synod_core::Bytes;
use synod_core::wire::Wire;

/// Counts what the current thread asks for; the test harness's own threads do not disturb the count.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count_one() {
    // A thread that is being torn down has no counter any more, and is not measured.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every method hands its arguments to `System` unchanged, which upholds the contract of `GlobalAlloc`; counting
// touches a thread-local `Cell` whose initialiser is constant, so it neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller keeps the contract of `alloc`, which is `System`'s as well.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: `place` came from `System.alloc` with this layout.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_one();
        // SAFETY: `place` came from `System.alloc` with this layout, and the caller vouches for `size`.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    run();
    ALLOCATIONS.with(Cell::get) - before
}

/// Eight processes tell each other of their events, in turn.
fn gossip<C: Clock>(clocks: &mut [C]) {
    for from in 0..clocks.len() {
        let stamp = clocks[from].tick().unwrap();
        for clock in &mut *clocks {
            clock.merge(&stamp).unwrap();
            clock.receive(&stamp).unwrap();
        }
        black_box(&stamp);
    }
}

#[test]
fn clocks_of_eight_actors_of_any_size_allocate_nothing() {
    let mut vectors: Vec<_> = (0..8_u128).map(|actor| VectorClock::new(actor << 100)).collect();
    let mut dense: Vec<_> = (0..8).map(|place| DenseClock::new(place, 8).unwrap()).collect();
    let mut dotted: Vec<_> = (0..8_u64).map(DottedClock::new).collect();
    let mut lamport: Vec<_> = (0..8_u64).map(LamportClock::new).collect();
    let hybrid = Hlc::volatile(|| UnixMillis::new(5), HlcPolicy::default());
    assert_eq!(allocations(|| gossip(&mut vectors)), 0);
    assert_eq!(allocations(|| gossip(&mut dense)), 0);
    assert_eq!(allocations(|| gossip(&mut dotted)), 0);
    assert_eq!(allocations(|| gossip(&mut lamport)), 0);
    assert_eq!(allocations(|| _ = hybrid.receive(hybrid.now().unwrap()).unwrap()), 0);
    let known = vectors[0].known().clone();
    let mut common = known.clone();
    assert_eq!(allocations(|| common.meet(&known)), 0);
    assert_eq!(allocations(|| _ = common.forget(0)), 0);
    // The counter counts: the ninth actor needs room.
    assert!(allocations(|| _ = common.advance(1).and_then(|_| common.advance(2))) > 0);
    assert!(common.allocated_bytes() > 0);
}

#[test]
fn large_vectors_allocate_nothing_in_their_steady_state() {
    let mut ours: VersionVector<u64> = (0..1_000).map(|actor| (actor, actor % 7 + 1)).collect();
    let theirs: VersionVector<u64> = (0..1_000).map(|actor| (actor, actor % 5 + 1)).collect();
    let some: VersionVector<u64> = (0..1_000).step_by(3).map(|actor| (actor, 9)).collect();
    let spent = allocations(|| {
        ours.merge(&theirs);
        ours.merge(&some);
        black_box(ours.causality(&some));
        black_box(ours.surplus(&theirs).count());
    });
    assert_eq!(spent, 0);
}

#[test]
fn forged_lengths_and_counts_allocate_nothing() {
    fn forged<T: Wire>(before: &[u8]) {
        let bytes = Bytes::from([before, &[0xff; 4]].concat());
        assert_eq!(allocations(move || assert!(T::from_bytes(bytes, 1).is_err())), 0);
    }
    forged::<VersionVector<u64>>(&[]);
    forged::<VersionVector<u128>>(&[]);
    forged::<DenseVector>(&[]);
    forged::<Dotted<u64>>(&[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    forged::<Siblings<u64, Bytes>>(&[]);
    forged::<MatrixStamp<u64>>(&[0; 8]);
    forged::<BloomStamp>(&[3]);
    forged::<ItcStamp>(&[]);
    forged::<Itc>(&[]);
}
