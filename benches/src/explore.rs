//! Models whose numbers of states are known from other checkers: oracles for the explorer, and its workload in the benchmarks.

mod register;
mod two_phase;

pub use register::{Cluster, Message, RegisterOverPaxos};
pub use two_phase::{Act, TwoPhase};
