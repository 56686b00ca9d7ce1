//! Clocks of distributed systems: what happened before what, and how late it is.
//!
//! Each clock is a plain value. None reads the machine's time by itself, starts a thread or sends anything: what a clock learns, you give
//! it. All of them speak one interface, [`Clock`], so that code can change its clock.
//!
//! # Which one?
//!
//! | you want | take | a stamp takes | it says |
//! |---|---|---|---|
//! | one order for all events that respects causes, nothing more | [`LamportClock`] | 8 B and a name | "before", of concurrent events too |
//! | that, and stamps that are close to real time: versions in a store, keys sorted by time, snapshots | [`Hlc`] | 8 B, with the node's name or without | "before", of concurrent events too |
//! | to know whether two events knew of each other, among actors that come and go | [`VectorClock`] | 8 B and a name for each actor | the truth |
//! | the same in a fixed, numbered group | [`DenseClock`] | 8 B for each process | the truth |
//! | the values of a key that were written concurrently, and no others | [`Siblings`] | an entry for each server, not for each client | which values live |
//! | single events with their past, compared in one look-up | [`DottedClock`] | a vector and a dot | the truth |
//! | causality among processes that are born and die without being named | [`Itc`] | grows with the living, not with all there ever were | the truth |
//! | to know what everybody has seen: to throw away logs, tombstones, acknowledgements | [`MatrixClock`] | n² counters | the truth, and what is stable |
//! | causality in constant space among thousands, and some error is fine | [`BloomClock`] | 256 B, or what you choose | concurrency for certain, "before" probably |
//! | real time: external consistency, leases, "has this passed for certain?" | [`IntervalClock`] | 16 B | "before" in real time, or that it cannot tell |
//! | to keep track of what a replica has received | [`VersionVector`], [`Dot`] | 8 B and a name for each actor | what is missing |
//!
//! "The truth" is [`Guarantee::Exact`]; the others are in [`Guarantee`]. Vectors of up to eight actors allocate nothing, whatever the
//! actor's size. Any plain ordered value is an [`Actor`]: `u64`, `u128`, `&'static str`, a node's id.
//!
//! # An example
//! Three nodes with hybrid clocks, whose wall clocks disagree by seconds:
//!
//! ```
//! use std::sync::Arc;
//! use synod_clocks::{Causality, Clock, Hlc, HlcPolicy, Stamp, UnixMillis, VectorClock};
//!
//! /// A request goes from a to b, and b's answer to c; meanwhile c did something else.
//! fn story<C: Clock>([mut a, mut b, mut c]: [C; 3]) -> Result<[Causality; 2], C::Error> {
//!     let aside = c.tick()?;
//!     let request = a.tick()?;
//!     let served = b.receive(&request)?;
//!     let answered = c.receive(&served)?;
//!     Ok([request.causality(&answered), aside.causality(&served)])
//! }
//!
//! let node = |name: &'static str, offset_ms: u64| {
//!     let wall = move || UnixMillis::new(1_700_000_000_000 + offset_ms);   // in a program: `SystemClock`, or `CoarseClock`
//!     let policy = HlcPolicy { remote_ahead_ms_max: 10_000, ..HlcPolicy::default() };
//!     Arc::new(Hlc::volatile(wall, policy)).node(name)
//! };
//! let hybrid = story([node("a", 0), node("b", 2_000), node("c", 900)])?;
//! assert_eq!(hybrid, [Causality::Before, Causality::Before]);      // one order for all, causes or not
//!
//! let vectors = story(["a", "b", "c"].map(VectorClock::new))?;
//! assert_eq!(vectors, [Causality::Before, Causality::Concurrent]); // the truth
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/` has three programs to run: `last_writer_wins` (a wall clock drops a write without a word, a hybrid clock keeps it),
//! `concurrency` (what Lamport's clock cannot tell), `commit_wait` (timestamps that follow real time).
//!
//! # What is proved, and by which test
//!
//! | claim | test, in `tests/clocks` or beside it |
//! |---|---|
//! | each clock keeps the laws of [`laws`]: every execution of three processes up to four steps (vectors five), and random longer ones | `laws.rs` |
//! | hybrid clocks keep them while wall clocks jump back and forth and stand still, and where the counter of a millisecond ends | `hybrid_laws.rs` |
//! | the kit catches fifteen planted mistakes, each shrunk to four steps or fewer, a counter that wraps among them | `laws.rs`: `the_kit_catches_every_planted_mistake_in_few_steps`; `hybrid_laws.rs` |
//! | a version vector is a map, whatever is done to it | `version_vector.rs` |
//! | siblings are exactly the values that nobody replaced, and do not explode | `siblings.rs` |
//! | servers that have left are forgotten, and readers see no difference; six planted ways to prune are caught | `forgetting.rs` |
//! | interval tree clocks are exact through births, retirements and deaths, and repeat the paper's example | `itc.rs` |
//! | a stamp, a context or an acknowledgement that claims more of a clock's own events than it had is refused | `forged.rs`, `siblings.rs` |
//! | what a matrix clock calls stable everybody has seen | `matrix_bloom.rs` |
//! | no hybrid stamp is given twice or out of order: a million steps of jumps, restarts, hostile stamps, exhaustion | `hlc.rs`: `no_stamp_is_given_twice_or_out_of_order_whatever_happens` |
//! | every interleaving of the hybrid clock's and the interval clock's atomics, in models of two threads, without a limit on preemptions (loom, `cargo xtask loom`) | `loom_hlc.rs`, `loom_interval.rs` |
//! | true time is inside the interval while drift and error are as declared, and found outside when they are not | `interval.rs` |
//! | no decoder panics, allocates by a forged length, or reads one value from two forms | each file's `byte_forms_keep_their_laws`; `no_alloc.rs`; `fuzz.rs`, for as long as `cargo xtask fuzz` is told |
//!
//! # Features
//! `std`: `SystemClock`, the machine's clock. `kernel` (Linux): `CoarseClock`, the quickest one, and `KernelSource`, the kernel's bound
//! on its clock's error, whose one system call is all the unsafe code there is. `serde`: for what travels or is kept. None is needed for the clocks
//! themselves, which are `no_std` with `alloc`; the hybrid and the interval clock are there where there are 64-bit atomics.
//!
//! # What it does not do
//! Synchronise clocks: chrony, ntpd and PTP do. Choose actors' names: two processes under one name break every clock here. Sign anything:
//! who may forge stamps can lie, within what [`HlcPolicy`], [`DotError::Unissued`] and [`IntervalError::Contradiction`] catch. Encode
//! vectors as differences to what a peer has: that is the business of a protocol.
#![no_std]
// One system call, in `kernel/adjtime.rs`, is all that the feature `kernel` may do; without it, nothing.
#![cfg_attr(not(feature = "kernel"), forbid(unsafe_code))]
#![deny(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod bloom;
mod causality;
mod dense;
mod dot;
mod dotted;
#[cfg(target_has_atomic = "64")]
mod hlc;
#[cfg(target_has_atomic = "64")]
mod interval;
mod itc;
#[cfg(all(feature = "kernel", target_os = "linux", target_has_atomic = "64"))]
mod kernel;
mod lamport;
pub mod laws;
mod matrix;
mod siblings;
#[cfg(target_has_atomic = "64")]
mod sync;
#[cfg(all(feature = "std", target_has_atomic = "64"))]
mod system;
mod vector;
mod version_vector;
#[cfg(target_has_atomic = "64")]
mod wall;

pub use bloom::{BloomClock, BloomError, BloomShape, BloomStamp};
pub use causality::{Causality, Clock, Guarantee, Stamp};
pub use dense::{DenseClock, DenseError, DenseVector};
pub use dot::{Actor, Dot, DotError, DotRange};
pub use dotted::{Dotted, DottedClock};
#[cfg(target_has_atomic = "64")]
pub use hlc::{
    Bound, Hlc, HlcError, HlcPolicy, HlcStamp, Jump, JumpDetector, Lead, NodeHlc, NodeStamp, UuidError,
    WatchedClock,
};
#[cfg(target_has_atomic = "64")]
pub use interval::{
    Interval, IntervalClock, IntervalError, IntervalPolicy, IntervalStamp, NodeInterval, Sample,
    SimulatedSource, TimeSource,
};
pub use itc::{Itc, ItcError, ItcStamp};
#[cfg(all(feature = "kernel", target_os = "linux", target_has_atomic = "64"))]
pub use kernel::{CoarseClock, KernelSource};
pub use lamport::{LamportClock, LamportStamp};
pub use matrix::{MatrixClock, MatrixStamp};
pub use siblings::{ForgetError, Siblings};
#[cfg(all(feature = "std", target_has_atomic = "64"))]
pub use system::SystemClock;
pub use vector::VectorClock;
pub use version_vector::VersionVector;
#[cfg(target_has_atomic = "64")]
pub use wall::{SetClock, UnixMillis, WallClock, WallError};

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
