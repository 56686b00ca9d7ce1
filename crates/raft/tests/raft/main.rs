//! Whole clusters on benches: scripts, random schedules, the figures of the paper, and what other implementations got wrong.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_core,
    reason = "helpers of tests may panic, and tests have a standard library"
)]

mod acted;
mod arbitrary;
mod bugs;
mod census;
mod cluster;
mod compaction;
mod election;
mod flow;
mod following;
mod host;
mod leases;
mod lending;
mod machine;
mod matrix;
mod membership;
mod mending;
mod node;
mod pieces;
mod progress;
mod quorums;
mod random;
mod reads;
mod recall;
mod recovery;
mod replication;
mod rewrite;
mod safety;
mod scenarios;
mod scripts;
mod segments;
mod sessions;
mod snapshots;
mod spec;
mod spec_damage;
mod spec_steps;
mod status;
#[cfg(feature = "tracing")]
mod tracing;
mod transfers;
mod wire;
