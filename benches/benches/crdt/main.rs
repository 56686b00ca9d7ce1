//! What replicated types cost, beside the `crdts` crate, and whether the law kit finds what is broken in it.
//!
//! **Sets.** n elements are added round-robin by r actors on one replica; it is forked; one side adds n/10 new elements with the first half of
//! the actors and removes each element whose number ends in 3, the other adds as many with the second half and removes those that end in 7
//! (in one row they remove the oldest instead, the first n/10 and the next);
//! then one side is merged into the other, or a replica with its own copy. Actors have 128 bits. Copies are made beforehand; the peer's
//! merge consumes the other side and so frees it. A second workload has both sides add a tenth of the elements once more, concurrently, and
//! a third has elements of 16 bytes of text. The least of several rounds is quoted, since the machine is shared.
//!
//! **Deltas.** One addition at a time is joined into replicas of different sizes; the peer has no deltas, and applies operations.
//!
//! **Memory** is what the allocator has handed out for one replica, divided by its elements.
//!
//! **Divergence.** The law kit runs on the peer's `Map<MVReg>`, `Map<Orswot>`, `Orswot` and `MVReg`, observing what a reader would, and
//! shrinks what it finds. The benchmark fails where it does not find the divergence of `Map<MVReg>`, or a step of what it found can be left
//! out.

mod adapter;
mod sets;

use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<System> = &stats_alloc::INSTRUMENTED_SYSTEM;

fn main() {
    let hunt = std::env::args().any(|arg| arg == "--hunt");
    if !hunt {
        println!("{}", sets::run());
    }
    let (report, found) = adapter::run();
    println!("{report}");
    if !found {
        eprintln!(
            "the known divergence of Map<MVReg> was not found and shrunk until each step counts, or ours was broken"
        );
        std::process::exit(1);
    }
}
