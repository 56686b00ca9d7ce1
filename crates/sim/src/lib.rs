//! A deterministic simulator for protocols on the contract of `synod-core`: **one seed, one run**.
//!
//! A whole cluster (nodes, network, disks, clocks and clients) is one value in virtual time. The protocols in it are the very
//! type that runs in production. Faults strike as often as you like, and a failing run repeats event by event, on every
//! machine, in debug and in release, from its seed alone.
//!
//! ```
//! use core::time::Duration;
//! use synod_core::*;
//! use synod_sim::{Climate, Idle, Sim};
//!
//! // Every node counts its starts on its disk, and tells the others.
//! #[derive(Clone, Hash, Default)]
//! struct Roll { starts: u64, heard: u64 }
//!
//! impl Protocol for Roll {
//!     type Message = u64;
//!     type Record = u64;
//!     type Command = Never;
//!     type Event = Never;
//!     type Timer = ();
//!     type Job = Never;
//!     type Done = Never;
//!     type Error = Never;
//!
//!     fn recover(&mut self, _: Lsn, record: Recovered<u64>) -> Result<(), Never> {
//!         if let Recovered::Intact(starts) = record { self.starts = starts; }
//!         Ok(())
//!     }
//!
//!     fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
//!         match input {
//!             Input::Start { .. } => { self.starts += 1; cx.persist(self.starts); }
//!             Input::Message(_, starts) => return self.heard = self.heard.max(starts),
//!             Input::Timer(()) => (1..=3).for_each(|id| cx.send(NodeId(id), self.starts)),
//!             _ => return,
//!         }
//!         cx.arm((), Duration::from_millis(50));
//!     }
//! }
//!
//! let sim = Sim::new(3, |_| Roll::default(), Idle)
//!     .climate(Climate::swarm())                  // every run turns other dials
//!     .always("counts only grow", || {
//!         let mut most = 0;
//!         move |_, node: Option<&Roll>| {
//!             let heard = node.map_or(0, |node| node.heard);
//!             most = most.max(heard);
//!             if most < 1_000 { Ok(()) } else { Err(format!("{most} starts")) }
//!         }
//!     })
//!     .eventually_after_heal("news spread", Duration::from_secs(2), |world| {
//!         world.up().all(|(_, node)| node.heard > 0)
//!     })
//!     .sometimes("a node was restarted", |world| world.up().any(|(_, node)| node.starts > 1));
//! let summary = sim.run_seeds(0..30, |_| {});
//! assert!(summary.passed(), "{summary}");
//! ```
//!
//! # The dials
//! | what | where |
//! |---|---|
//! | loss, independent and in bursts; duplication; reordering; latency distributions, for single links too; measured distances between regions | [`Dials`], [`Burst`], [`Latency`], [`Dials::regions`] |
//! | connections that break with all that is on its way on them | [`Fault::Reset`] |
//! | bandwidth with queues that overflow, packets, lanes; all of it for single links too | [`Bandwidth`], [`Dials::mtu`], [`Line`] |
//! | corruption, truncation, replay, forged senders, and what a transport guards against | [`Tamper`], [`Guard`] |
//! | addresses that change or are traded, disks that come back empty, old or swapped, an id used twice | [`Fault::Move`], [`Fault::TradeAddresses`], [`Fault::WipeDisk`], [`Fault::OldDisk`], [`Fault::SwapDisks`], [`Fault::Twin`] |
//! | other builds, wire versions, rolling upgrades and rollbacks | [`Sim::build`], [`Sim::wired`], [`Fault::Rollout`], [`Dials::notices`] |
//! | slow processors and slow disks of single nodes, clocks that drift by so much | [`Dials::step`], [`Dials::steps`], [`Dials::syncs`], [`Dials::drifts_ppm`] |
//! | what it costs: messages, bytes, encodes, records, syncs, and their price | [`Sim::budget`], [`Costs`], [`Tariff`] |
//! | partitions: a node cut off, a split, one way only, a bridge, flapping | [`Fault`] |
//! | crash and restart with the un-synced tail lost or torn; all at once | [`Fault::Crash`], [`Fault::Blackout`], [`Dials::tear_ppm`] |
//! | crashes that keep un-synced writes out of order | [`Storage::reorder_ppm`] |
//! | slow, stalled and full disks | [`Fault::SlowDisk`], [`Fault::StallDisk`], [`Fault::FullDisk`] |
//! | a failing fsync, and what ext4, XFS and Btrfs leave of its records | [`Fault::FailSync`], [`FileSystem`] |
//! | bit rot, misdirected writes, a disk that lies; within what a correct cluster can recover from | [`Fault::damage`], [`Bound`] |
//! | a process that stands still; clocks that are off and drift | [`Fault::Pause`], [`Dials::clock_skew_max`], [`Dials::drift_ppm_max`] |
//! | wall clocks with a bounded error, and clocks that jump beyond it | [`Dials::wall_error_max`], [`Fault::ClockJump`] |
//! | traitors that equivocate, forge, withhold and replay, under any protocol | [`Sim::traitors`], [`Treason`] |
//! | a driver that breaks its word: early sends, a lying fsync, a failed one tried again, a log read past its holes | [`Sabotage`] |
//!
//! A [`Climate::Swarm`] draws a random part of them for each run. Not every fault can be survived by every protocol:
//! [`Fault::survivable`] lists those that a correct one for a fixed set of nodes must survive, and [`Climate::swarm`] draws from these.
//! [`Dials::swarm`] says how often each dial is turned; what it leaves alone is turned with [`Sim::turn`].
//!
//! The eight fallacies of distributed computing are eight tests, `tests/sim/fallacies`: each turns one dial, and shows a protocol that
//! works in calm weather break, and one that does not.
//!
//! # Damage
//! [`Fault::damage`] destroys what a disk has acknowledged; a swarm draws such a fault only where you list it. An atlas of what is
//! destroyed where keeps the damage within the [`Bound`]: by default to a minority of the nodes, for protocols that can be
//! expected to repair themselves to a minority of the copies of each record. Every failure is then a finding. A protocol meets damage as
//! [`Recovered::Damaged`](synod_core::Recovered) when its node starts; it may repair the record, or refuse: the node then
//! stays down ([`World::refused`]) and the run goes on without it. To refuse an undamaged log is a failure.
//!
//! The driver is taken to be a good one: it tells a rotten record from a torn tail and a misplaced one from its neighbour.
//! [`Sabotage`] has those that are not.
//!
//! # Traitors
//! [`Sim::traitors`] makes nodes deceive (Lamport, Shostak and Pease 1982), with the protocol's own words: an equivocator is two copies of
//! the protocol under one name, each heard by its own part of the nodes, and needs nobody to know the messages;
//! [`Sim::lies`] takes whoever does. Forgers need a transport that does not [authenticate](Guard). Invariants are not asked about traitors.
//! A protocol that tolerates crashes alone, such as Raft, breaks.
//!
//! # What is checked
//! * [`Sim::always`]: after every event, on the node that moved.
//! * [`Sim::shadowed`]: every step of every node with its effects, crashes and recoveries, for whoever follows a run step by step.
//! * [`Sim::eventually_after_heal`]: progress, once the faults have stopped.
//! * [`Sim::finally`]: a verdict over the whole world at the end.
//! * [`Sim::sometimes`]: guards; a set of runs in which one never held has not tested what it guards.
//!
//! # What can be seen
//! [`Sim::trace`] brings back every message with its fate, every crash, fault and state of a stretch of a run, with vector clocks;
//! [`trace`] writes it as JSON lines, for ShiViz, for Mermaid, and as a space-time diagram to zoom and search in: one HTML file.
//!
//! [`Sim::odds`] forks a failing run from many of its moments and counts how many other futures fail too: when did the failure
//! become likely, in which step, and from when on was it too late? [`World::fork`] is the means, for other questions.
//!
//! # Every schedule
//! [`explore`] is a model checker on the same protocol type: it visits every state that a small cluster can reach, and shows what
//! is wrong on a shortest path.
//!
//! # One seed, one run
//! All chance comes from the [`Tape`]. Each decision has a [`Label`] made of its content (for a message: sender, receiver,
//! fingerprint of the message and how often it was sent lately), so that a decision keeps its value when unrelated code
//! changes. A seed gives the values; explicit entries override it; a recorded tape repeats the run under any seed. A [`Script`]
//! says in words what goes wrong in a run, fault by fault, and is a regression test that a person can read; a [`Shrinker`]
//! leaves in it only what the failure needs, and a [`Replay`] steps through it, forward and backward. A rolling
//! hash over every event, with the state of one node in turn every 65,536 events and of all at the end, is in each [`Report`]:
//! equal hashes mean equal runs.
//!
//! # Cost
//! An event is a heap operation, a step of the protocol, a fingerprint of each message it sends, and what you check; see
//! `cargo xtask bench sim`. A step allocates only what the protocol does.
//!
//! # What it does not do
//! It does not run threads, sockets or async code: only protocols on the contract. Traitors break no cryptography and plan no further
//! than one message. Records are not bytes: what a torn sector does to an encoding is the log's own test. A simulation samples schedules; [`explore`] enumerates them, within bounds.
#![forbid(unsafe_code)]

mod addresses;
mod atlas;
mod bandwidth;
mod builds;
mod byzantine;
mod clock;
mod costs;
mod cpu;
mod damage;
mod dials;
mod disk;
pub mod explore;
mod fork;
mod hash;
mod markup;
mod medium;
#[cfg(synod_mutants)]
pub mod mutants;
mod nemesis;
mod network;
mod node;
mod pages;
mod queue;
mod region;
mod replay;
mod reset;
mod run;
mod script;
mod shadow;
mod shrink;
mod stats;
mod storage;
mod swarm;
mod tamper;
mod tape;
pub mod trace;
mod wall;
mod workload;
mod world;

pub use bandwidth::{Bandwidth, Line};
pub use byzantine::{Traitor, Traitors, Treason};
pub use costs::{Costs, Tariff, Usage};
pub use dials::{Burst, Dials, Fault, Latency, Rate, Sabotage, UnknownFault};
pub use fork::{Forks, Jump, Odds, Survey, Tally};
pub use hash::fingerprint;
pub use nemesis::Strike;
pub use region::Region;
pub use replay::{InFlight, Replay, ReplayLine};
pub use run::{Climate, Report, Sim, Summary, Verdict};
pub use script::{Expect, FaultEvent, Hit, Script, ScriptError, read_span};
pub use shadow::Shadow;
pub use shrink::{NotFailing, Progress, Shrinker, Shrunk};
pub use stats::Stats;
pub use storage::{Bound, FileSystem, Storage};
pub use tamper::{Guard, Tamper};
pub use tape::{Kind, Label, Tape, TapeError};
pub use workload::{Idle, Io, Workload};
pub use world::{Simulated, World};

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
