//! The clocks, each against an oracle, the laws of all, and the programs in `examples/`.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod diagrams;
#[cfg(not(loom))]
mod examples;
mod forged;
mod forgetting;
#[cfg(not(loom))]
mod hlc;
mod hybrid_laws;
#[cfg(not(loom))]
mod interval;
mod itc;
mod laws;
mod matrix_bloom;
mod siblings;
mod version_vector;
