//! What an entry allocates: the contestants of the `raft` benchmark, with an allocator that counts, which is why this is a program of its own.
//!
//! **Workload.** As there: three voters in one thread, messages passed by hand, entries of 64 B. Allocations and reallocations are those
//! of the whole process, over 50,000 entries after as many to warm up; the payload that the client allocates for each entry is
//! one of them, unless the contestant keeps entries inline and it is given back at once.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark that goes wrong should stop")]

mod omni;
mod open;
mod ours;
mod raft_rs;
mod workload;

use omni::{InPlace, Omni, OnHeap, OnHeapEncoded};
use open::Open;
use ours::{ByHand, Encoded, Ours};
use raft_rs::{Batch, BatchEncoded, Plain, RaftRs};
use stats_alloc::Region;
use std::alloc::System;
use workload::{Contestant, run};

#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Entries that are counted. [`workload::ENTRIES`] would be as good.
const COUNTED: u64 = workload::ENTRIES / 4;

fn main() {
    println!("allocations and bytes for each entry of 64 B, its payload included");
    for window in [1, 64, 1_024] {
        count::<Ours<ByHand>>("synod-raft", window);
        count::<Omni<InPlace>>("omnipaxos, [u8; 64]", window);
        count::<Omni<OnHeap>>("omnipaxos, Vec<u8>", window);
        count::<RaftRs<Plain>>("raft-rs", window);
        count::<RaftRs<Batch>>("raft-rs, batch_append", window);
        count::<Open>("openraft", window);
        count::<Ours<Encoded>>("synod-raft, encoded", window);
        count::<Omni<OnHeapEncoded>>("omnipaxos, Vec<u8>, encoded", window);
        count::<RaftRs<BatchEncoded>>("raft-rs, batch_append, encoded", window);
    }
}

fn count<C: Contestant>(name: &str, window: u64) {
    let mut cluster = C::start();
    run(&mut cluster, COUNTED, window, 64);
    let sent = (cluster.messages(), cluster.bytes());
    let region = Region::new(ALLOCATOR);
    run(&mut cluster, COUNTED, window, 64);
    let stats = region.change();
    let each = |count: u64| count as f64 / COUNTED as f64;
    println!(
        "  window {window:>5}  {name:30}  {:>7.2} allocations  {:>8.1} bytes  {:>6.2} messages  {:>6.1} bytes sent",
        each((stats.allocations + stats.reallocations) as u64),
        each(stats.bytes_allocated as u64),
        each(cluster.messages() - sent.0),
        each(cluster.bytes() - sent.1),
    );
}
