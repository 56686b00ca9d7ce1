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
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

extern crate alloc;

mod causality;
mod dot;
mod version_vector;

pub use causality::Causality;
pub use dot::{Actor, Dot, DotError, DotRange};
pub use version_vector::VersionVector;

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
