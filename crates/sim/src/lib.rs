//! A deterministic simulator for protocols on the contract of `synod-core`.
#![forbid(unsafe_code)]

mod clock;
mod dials;
mod disk;
mod hash;
mod nemesis;
mod network;
mod node;
mod queue;
mod run;
mod stats;
mod tape;
pub mod trace;
mod workload;
mod world;

pub use dials::{Burst, Dials, Fault, Latency, Rate, Sabotage, UnknownFault};
pub use hash::fingerprint;
pub use nemesis::Strike;
pub use run::{Climate, Report, Sim, Summary, Verdict};
pub use stats::Stats;
pub use tape::{Kind, Label, Tape, TapeError};
pub use workload::{Idle, Io, Workload};
pub use world::{Simulated, World};
