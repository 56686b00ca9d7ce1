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

mod anchor;
mod bounded;
mod cluster;
pub mod compat;
mod config;
mod diff;
mod digest;
mod error;
mod hash;
mod jump;
mod maglev;
mod multi_probe;
#[cfg(synod_mutants)]
pub mod mutants;
mod node;
mod placement;
mod rendezvous;
mod ring;
#[cfg(feature = "std")]
mod shared;
mod slots;
mod spread;
mod straw2;

pub use anchor::{Anchor, BUCKETS_MAX, Dx, Memento};
pub use bounded::{Bound, Bounded, Overloaded};
pub use cluster::{Cluster, NODES_MAX, NodeIx, ZONE_LEVELS};
pub use config::{Algorithm, Config, ConfigError, Placed};
pub use diff::{CIRCLE, Diff, DiffFlaw, KeysDiff, Move, Ranges, Sliced, shares};
pub use error::{ClusterError, Infeasible, PlacementError};
pub use hash::{HashFn, HashFnError};
pub use jump::{Jump, JumpBack, jump, jump_back};
pub use maglev::Maglev;
pub use multi_probe::MultiProbe;
pub use node::{Node, Zone};
pub use placement::{Owners, Placement};
pub use rendezvous::Rendezvous;
pub use ring::{POINTS_MAX, Ring, Vnodes};
#[cfg(feature = "std")]
pub use shared::{Reader, Shared};
pub use slots::{SLOTS_MAX, Slot, Slots};
pub use spread::{COPIES_MAX, Spread};
pub use straw2::Straw2;

/// What threads share. The models in `tests/loom_shared.rs` put loom's in their place.
#[cfg(feature = "std")]
mod primitive {
    pub(crate) use core::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
}

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
