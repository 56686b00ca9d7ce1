//! One door to the building blocks of Synod.
//!
//! A protocol is a plain value: inputs go in, effects come out, and nothing else happens. The same value runs in
//! production, in a deterministic simulator and in a test by hand.
//!
//! | feature | module | what it is |
//! |---|---|---|
//! | (always) | [`core`] | the contract: inputs, effects, durability as data |
//! | `raft` | `raft` | Raft as a plain value, with a plain front door |
//! | `paxos` | `paxos` | single-decree Paxos as a plain value: one decision, for ever |
//! | `quorum` | `quorum` | quorums as values: majorities, weights, hierarchies, flexible and joint |
//! | `clocks` | `clocks` | logical, hybrid and bounded-error clocks behind one causality interface |
//! | `crdt` | `crdt` | replicated data types that converge, and the laws to check your own |
//! | `hashring` | `hashring` | which node owns this key: every algorithm of consistent hashing behind one trait |
//! | `partition` | `partition` | how a data set is split, spread and moved: routing, certified plans, a handover with one writer |
//! | `sim` | `sim` | the simulator: one seed is one run, with faults of network, disk, clock and process |
//! | `checker` | `checker` | judges of what clients saw: linearizability with certificates and counterexamples |
//! | `kv` | `kv` | a replicated key-value store, composed from the parts |
//! | `full` | all of them, and `kv::cluster` | |
//!
//! Nothing is enabled by default, and a feature only ever adds a module. Each module is a crate of its own (`synod-core`,
//! `synod-raft`, …) that can be used without this one.
//!
//! # A first protocol
//! A node that counts greetings, and answers only when the count is on its disk:
//!
//! ```
//! use synod::core::{testing::{Bench, Output}, *};
//!
//! struct Counter { greetings: u64 }
//!
//! impl Protocol for Counter {
//!     type Message = u64;
//!     type Record = u64;
//!     type Command = Never;                  // whatever is not used is `Never`
//!     type Event = Never;
//!     type Timer = ();
//!     type Job = Never;
//!     type Done = Never;
//!     type Error = Never;
//!
//!     fn recover(&mut self, _: Lsn, record: Recovered<u64>) -> Result<(), Never> {
//!         if let Recovered::Intact(greetings) = record { self.greetings = greetings; }
//!         Ok(())
//!     }
//!
//!     fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
//!         if let Input::Message(from, _) = input {
//!             self.greetings += 1;
//!             cx.persist(self.greetings);
//!             cx.send(from, self.greetings); // leaves when the record is durable, and not before
//!         }
//!     }
//! }
//!
//! let mut node = Bench::new(NodeId(1), Counter { greetings: 0 });
//! node.start().unwrap();
//! node.input(Input::Message(NodeId(2), 0));
//! assert!(node.take().is_empty());           // the disk has not got it yet
//! node.sync().unwrap();
//! assert!(matches!(node.take()[..], [Output::Send { to: NodeId(2), message: 1, .. }]));
//!
//! node.restart(Counter { greetings: 0 }).unwrap();
//! assert_eq!(node.protocol.greetings, 1);    // it remembers
//! ```
//!
//! # What it does not do
//! Nothing of its own: it re-exports.
#![no_std]
#![forbid(unsafe_code)]

#[doc(inline)]
pub use synod_core as core;

#[cfg(feature = "clocks")]
#[doc(inline)]
pub use synod_clocks as clocks;
#[cfg(feature = "checker")]
#[doc(inline)]
pub use synod_consistency_checker as checker;
#[cfg(feature = "crdt")]
#[doc(inline)]
pub use synod_crdt as crdt;
#[cfg(feature = "hashring")]
#[doc(inline)]
pub use synod_hashring as hashring;
#[cfg(feature = "kv")]
#[doc(inline)]
pub use synod_kv as kv;
#[cfg(feature = "partition")]
#[doc(inline)]
pub use synod_partition as partition;
#[cfg(feature = "paxos")]
#[doc(inline)]
pub use synod_paxos as paxos;
#[cfg(feature = "quorum")]
#[doc(inline)]
pub use synod_quorum as quorum;
#[cfg(feature = "raft")]
#[doc(inline)]
pub use synod_raft as raft;
#[cfg(feature = "sim")]
#[doc(inline)]
pub use synod_sim as sim;
