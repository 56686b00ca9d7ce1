//! Models whose numbers of states are known from other checkers: oracles for the explorer, and its workload in the benchmarks.

#[cfg(feature = "explore-peers")]
mod actor;
#[cfg(feature = "explore-peers")]
mod opinion;
mod register;
mod two_phase;

#[cfg(feature = "explore-peers")]
pub use actor::{Acted, ActorCluster, Alarm, Holds, Letter, Process, Role, Unsupported};
#[cfg(feature = "explore-peers")]
pub use opinion::{Count, Opinion, opinions};
pub use register::{Cluster, Message, RegisterOverPaxos};
pub use two_phase::{Act, TwoPhase};
