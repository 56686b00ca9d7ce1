//! Which node owns this key.
//!
//! ```
//! use synod_hashring::{Cluster, HashFn, Placement, Slots};
//! let slots = Slots::new(Cluster::equal(3), 1024, HashFn::default())?;
//! assert_eq!(slots.owner_of(b"user_123"), slots.owner_of(b"user_123"));
//! # Ok::<(), synod_hashring::PlacementError>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod cluster;
pub mod compat;
mod digest;
mod error;
mod hash;
#[cfg(synod_mutants)]
pub mod mutants;
mod node;
mod placement;
mod slots;
mod spread;

pub use cluster::{Cluster, NODES_MAX, NodeIx, ZONE_LEVELS};
pub use error::{ClusterError, Infeasible, PlacementError};
pub use hash::{HashFn, HashFnError};
pub use node::{Node, Zone};
pub use placement::{Owners, Placement};
pub use slots::{SLOTS_MAX, Slot, Slots};
pub use spread::{COPIES_MAX, Spread};

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
