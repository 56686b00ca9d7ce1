//! Look-ups and owners allocate nothing, whatever the algorithm: counted by a global allocator.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::hint::black_box;
use std::alloc::System;
use synod_core::NodeId;
use synod_hashring::{Algorithm, Cluster, Config, HashFn, Infeasible, Node, Placement, Ring, Spread, Vnodes};

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

fn cluster(nodes: u64) -> Cluster {
    let zones = ["a/1", "a/2", "b/1", "b/2", "c/1"];
    Cluster::new((1..=nodes).map(|id| Node::new(NodeId(id)).within(zones[id as usize % 5]))).unwrap()
}

#[test]
fn look_ups_and_owners_allocate_nothing() {
    let algorithms = [
        Algorithm::Ring(Vnodes::each(160)),
        Algorithm::Ring(Vnodes::each(1)),
        Algorithm::MultiProbe(Vnodes::each(1), 21),
        Algorithm::Rendezvous,
        Algorithm::Jump,
        Algorithm::JumpBack,
        Algorithm::Maglev(65_537),
        Algorithm::Anchor(150),
        Algorithm::Memento,
        Algorithm::Dx(150),
        Algorithm::Straw2,
        Algorithm::Slots(16_384),
    ];
    let spread = Spread::copies(3).across(1, 2).across(2, 3);
    for algorithm in algorithms {
        let placed = Config::new(algorithm, HashFn::default()).place(cluster(100)).unwrap();
        let mut owners = 0;
        let counted = allocations(|| {
            for key in 0..2000 {
                let position = placed.hash_fn().hash_u64(key);
                black_box(placed.owner(position));
                owners += placed.owners(position, spread).map_or(0, |owners| owners.map(black_box).count());
            }
            // A refusal is no exception.
            let refused = placed.owners(0, Spread::copies(3).across(1, 4)).map(Iterator::count);
            assert!(matches!(black_box(refused), Err(Infeasible::Copies { .. } | Infeasible::Zones { .. })));
        });
        assert_eq!((owners, counted), (6000, 0), "{algorithm}");
    }
}

#[test]
fn copies_worked_out_ahead_allocate_nothing() {
    let spread = Spread::copies(3).across(1, 2);
    let ring = Ring::new(cluster(100), Vnodes::each(160), HashFn::default()).unwrap();
    let replicated = ring.replicated(spread).unwrap();
    let mut owners = 0;
    let counted = allocations(|| {
        for key in 0..2000 {
            let found = replicated.owners(HashFn::default().hash_u64(key), spread);
            owners += found.map_or(0, |owners| owners.map(black_box).count());
        }
    });
    assert_eq!((owners, counted), (6000, 0));
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(vec![1_u8; 100]))), 1);
    assert!(allocations(|| drop(black_box(cluster(10)))) > 0);
}
