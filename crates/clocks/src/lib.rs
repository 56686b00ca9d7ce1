//! Clocks of distributed systems: what happened before what.
//!
//! ```
//! use synod_clocks::{Causality, VersionVector};
//!
//! let mut ours = VersionVector::from_iter([("a", 2)]);
//! let theirs = VersionVector::from_iter([("a", 1), ("b", 1)]);
//! assert_eq!(ours.causality(&theirs), Causality::Concurrent);
//! ours.merge(&theirs);
//! assert!(theirs < ours);
//! ```
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
mod hlc;
mod interval;
mod itc;
#[cfg(all(feature = "kernel", target_os = "linux"))]
mod kernel;
mod lamport;
pub mod laws;
mod matrix;
mod siblings;
mod sync;
#[cfg(feature = "std")]
mod system;
mod vector;
mod version_vector;
mod wall;

pub use bloom::{BloomClock, BloomError, BloomShape, BloomStamp};
pub use causality::{Causality, Clock, Guarantee, Stamp};
pub use dense::{DenseClock, DenseError, DenseVector};
pub use dot::{Actor, Dot, DotError, DotRange};
pub use dotted::{Dotted, DottedClock};
pub use hlc::{
    Bound, Hlc, HlcError, HlcPolicy, HlcStamp, Jump, JumpDetector, Lead, NodeHlc, NodeStamp, UuidError,
};
pub use interval::{
    Interval, IntervalClock, IntervalError, IntervalPolicy, IntervalStamp, NodeInterval, Sample,
    SimulatedSource, TimeSource,
};
pub use itc::{Itc, ItcError, ItcStamp};
#[cfg(all(feature = "kernel", target_os = "linux"))]
pub use kernel::{CoarseClock, KernelSource};
pub use lamport::{LamportClock, LamportStamp};
pub use matrix::{MatrixClock, MatrixStamp};
pub use siblings::Siblings;
#[cfg(feature = "std")]
pub use system::SystemClock;
pub use vector::VectorClock;
pub use version_vector::VersionVector;
pub use wall::{SetClock, UnixMillis, WallClock, WallError};

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
