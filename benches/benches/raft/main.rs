//! What an entry costs: `synod-raft` beside `raft` (TiKV's), `omnipaxos` and `openraft`.
//!
//! **Workload.** Three voters in one thread, the log in memory and durable at once, nothing lost. A client keeps `window`
//! entries under way: it proposes so many, messages are delivered until there are none, and it proposes the next. A run ends
//! when all three have applied 200,000 entries in order, which a checksum verifies; each drops what it has applied every
//! 16,384 entries. A payload is a `Vec<u8>` of its own, whose allocation counts for everybody.
//!
//! Three tables: messages passed by hand; every message encoded and decoded (ours by its wire form, `raft`'s by protobuf,
//! `omnipaxos`'s by postcard), so that sharing memory in one process is not what is rewarded; and payloads of 4 KiB.
//! `openraft` passes requests from task to task of a current-thread runtime, and is not encoded.
//! `omnipaxos` with `[u8; 64]` keeps its entries inline, without an allocation for each: less work than the others do, and
//! shown because it is its best.
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
use synod_benches::{Contest, Results, Table};
use workload::{Contestant, ENTRIES, run};

const ROUNDS: usize = 5;
const WINDOWS: [u64; 3] = [1, 64, 1_024];

fn main() {
    let mut table = Table::default();
    for window in WINDOWS {
        let mut contest = contest("64 B by hand", window, ENTRIES);
        enter::<Ours<ByHand>>(&mut contest, "synod-raft", window, 64, ENTRIES);
        enter::<Omni<InPlace>>(&mut contest, "omnipaxos, [u8; 64]", window, 64, ENTRIES);
        enter::<Omni<OnHeap>>(&mut contest, "omnipaxos, Vec<u8>", window, 64, ENTRIES);
        enter::<RaftRs<Plain>>(&mut contest, "raft-rs", window, 64, ENTRIES);
        enter::<RaftRs<Batch>>(&mut contest, "raft-rs, batch_append", window, 64, ENTRIES);
        enter::<Open>(&mut contest, "openraft", window, 64, ENTRIES);
        report(contest, &mut table, &format!("64 B, window {window}"));
    }
    for window in WINDOWS {
        let mut contest = contest("64 B encoded and decoded", window, ENTRIES);
        enter::<Ours<Encoded>>(&mut contest, "synod-raft", window, 64, ENTRIES);
        enter::<Omni<OnHeapEncoded>>(&mut contest, "omnipaxos, Vec<u8>", window, 64, ENTRIES);
        enter::<RaftRs<BatchEncoded>>(&mut contest, "raft-rs, batch_append", window, 64, ENTRIES);
        report(contest, &mut table, &format!("64 B encoded, window {window}"));
    }
    let entries = ENTRIES / 10;
    for window in [1, 64] {
        let mut contest = contest("4 KiB by hand", window, entries);
        enter::<Ours<ByHand>>(&mut contest, "synod-raft", window, 4_096, entries);
        enter::<Omni<OnHeap>>(&mut contest, "omnipaxos, Vec<u8>", window, 4_096, entries);
        enter::<RaftRs<Batch>>(&mut contest, "raft-rs, batch_append", window, 4_096, entries);
        enter::<Open>(&mut contest, "openraft", window, 4_096, entries);
        report(contest, &mut table, &format!("4 KiB, window {window}"));
    }
    println!("{table}");
    traffic();
}

fn contest<'a>(what: &str, window: u64, entries: u64) -> Contest<'a> {
    Contest::new(&format!("{what}, window {window}"), "entry", entries)
}

fn enter<C: Contestant>(contest: &mut Contest<'_>, name: &str, window: u64, length: usize, entries: u64) {
    contest.enter(name, move || run(&mut C::start(), entries, window, length));
}

/// Prints the contest, and a line of the table for each peer.
fn report(contest: Contest<'_>, table: &mut Table, what: &str) {
    let results: Results = contest.run(ROUNDS);
    println!("{results}");
    let Some((ours, peers)) = results.rows.split_first() else { return };
    for peer in peers {
        let name = format!("{:.0} ns ({})", peer.median, peer.name);
        table.row(what, format!("{:.0} ns", ours.median), name, Some(peer.ratio), Some(peer.noise));
    }
}

/// What goes over the wire for an entry.
fn traffic() {
    println!("messages and bytes on the wire for each entry of 64 B");
    for window in WINDOWS {
        count::<Ours<Encoded>>("synod-raft", window);
        count::<Omni<OnHeapEncoded>>("omnipaxos, Vec<u8>", window);
        count::<RaftRs<BatchEncoded>>("raft-rs, batch_append", window);
        count::<Open>("openraft, not encoded", window);
    }
}

fn count<C: Contestant>(name: &str, window: u64) {
    let mut cluster = C::start();
    let (messages, bytes) = (cluster.messages(), cluster.bytes());
    run(&mut cluster, ENTRIES, window, 64);
    let each = |before: u64, after: u64| (after - before) as f64 / ENTRIES as f64;
    let (messages, bytes) = (each(messages, cluster.messages()), each(bytes, cluster.bytes()));
    println!("  window {window:>5}  {name:22}  {messages:>7.3} messages  {bytes:>7.1} bytes");
}
