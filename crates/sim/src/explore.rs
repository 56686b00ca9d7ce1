//! Every schedule within bounds: an explicit-state model checker on the shipping protocol type.
//!
//! The simulator samples schedules; the explorer visits them all. A [`Cluster`] is any protocol on the contract together with
//! everything that can happen to it (deliveries in every order, timers, completed syncs, commands, crashes, restarts), within
//! [`Bounds`]; an [`Explorer`] visits every state that can be reached, breadth first, so that what it finds wrong it shows on a
//! shortest path. Small bounds go far: what breaks a protocol mostly breaks it with three nodes, one crash and one late message.
//!
//! ```
//! use synod_core::*;
//! use synod_sim::explore::{Bounds, Cluster, Explorer, Observer};
//!
//! // A register on one node that acknowledges what it has stored.
//! #[derive(Clone, Debug, Default, Hash)]
//! struct Register { value: u8, hasty: bool }
//!
//! impl Protocol for Register {
//!     type Message = Never;
//!     type Record = u8;
//!     type Command = u8;
//!     type Event = u8;
//!     type Timer = Never;
//!     type Job = Never;
//!     type Done = Never;
//!     type Error = Never;
//!
//!     fn recover(&mut self, _: Lsn, record: Recovered<u8>) -> Result<(), Never> {
//!         if let Recovered::Intact(value) = record { self.value = value; }
//!         Ok(())
//!     }
//!
//!     fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
//!         if let Input::Command(value) = input {
//!             self.value = value;
//!             cx.persist(value);
//!             if self.hasty { cx.emit_early(value) } else { cx.emit(value) }
//!         }
//!     }
//! }
//!
//! // What was acknowledged must be there.
//! #[derive(Clone, Debug, Default, Hash)]
//! struct Acknowledged(u8);
//!
//! impl Observer<Register> for Acknowledged {
//!     fn on_event(&mut self, _: NodeId, value: &u8) -> Result<(), String> {
//!         self.0 = *value;
//!         Ok(())
//!     }
//!     fn on_step(&mut self, _: NodeId, node: Option<&Register>) -> Result<(), String> {
//!         match node {
//!             Some(node) if self.0 != 0 && node.value == 0 => Err(format!("{} is lost", self.0)),
//!             _ => Ok(()),
//!         }
//!     }
//! }
//!
//! let cluster = |hasty| {
//!     Cluster::observed(1, move |_| Register { hasty, value: 0 }, Acknowledged::default())
//!         .command(NodeId(1), 7)
//!         .bounds(Bounds { crashes: 1, ..Bounds::default() })
//! };
//! assert!(Explorer::new(&cluster(false)).run().holds());
//!
//! let wrong = cluster(true);
//! let found = Explorer::new(&wrong).run();
//! let shortest = found.counterexample().expect("it acknowledges before it has written");
//! assert_eq!(shortest.to_string(), "\
//! 7 is lost
//!    1. n1 is asked: 7
//!         tells: 7
//!    2. n1 crashes
//!    3. n1 restarts
//! ");
//! ```
//!
//! # What a verdict means
//! [`Outcome::Holds`] is a proof for the bounds that were set, with two reservations that the report states in numbers: how many
//! successors lay beyond the bounds ([`Extent::cut`]), and how likely it is that two states shared a fingerprint
//! ([`Extent::omission_probability`]). [`Explorer::run_exact`] has no such probability.
//!
//! # Larger clusters
//! [`Cluster::reduced`] leaves out what cannot change the verdict, and takes states for one that differ only in the names of
//! nodes ([`Reduced`] says what must be true for that). Where messages may arrive any number of times ([`Network::Everlasting`]) it
//! also delivers at once what only makes a node speak: single-decree Paxos with three ballots and a crash has 8 million states
//! then, and more than 668 million otherwise.
//!
//! [`Explorer::run_with_sleep_sets`] visits the same states and computes fewer successors: of the orders of actions that commute it
//! tries one.
//!
//! # Progress
//! [`Liveness`] looks for runs in which a goal is never met although every message arrives one day, every timer runs out and every
//! sync completes ([`Fair`]).
//!
//! # Cost
//! A state costs its fingerprint (8 bytes in a table that is 58 % to 87 % full) and two or three bytes that say how it was
//! reached; the states themselves are kept only until they are expanded. All of that may lie in a file when memory is short
//! ([`Explorer::spill`]); then a state costs a byte and a half in memory. In a cluster each node's state, message and step
//! is kept once: a successor is a few look-ups, whatever the protocol's step costs.
//!
//! # What it does not do
//! Durations are ignored: a timer may run out at any moment, the clock that protocols see stands still, and there is
//! no wall clock. Links that go up and
//! down, damaged disks and Byzantine nodes are not explored.

mod cluster;
mod exploration;
mod explorer;
mod frontier;
mod links;
mod liveness;
mod model;
mod print;
mod runs;
mod search;
mod sleep;
mod spill;
mod spilled;
mod stopwatch;
mod store;
mod visited;

pub use cluster::{
    Act, Action, Bounds, Cluster, ClusterError, ClusterState, Explored, Move, Network, Observer, Reduced,
    Relabel, Renaming, SymmetryError, View,
};
pub use exploration::{Counterexample, Exploration, Extent, Outcome, Stop};
pub use explorer::Explorer;
pub use liveness::{Fair, Lasso, Liveness, Progress};
pub use model::{Model, Successors};
pub use print::Print;
pub use sleep::{Independence, SLOTS};
pub use store::Spill;
