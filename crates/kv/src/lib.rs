//! A replicated key-value store, composed from Synod's parts.
//!
//! * [`Command`] and [`Answer`]: what clients ask and are told, with a pinned byte form.
//! * [`Store`]: the store as a deterministic [`StateMachine`](synod_core::StateMachine), to be driven by a replicated log.
//! * `cluster` (feature `cluster`): a cluster of stores on Raft in the simulator, with clients whose history a judge reads. It is
//!   what `cargo synod demo` and `cargo synod sim` run.
//!
//! ```
//! use synod_core::{StateMachine, wire::Wire};
//! use synod_kv::{Answer, Command, Store, WIRE_VERSION};
//!
//! // What a committed log entry carries.
//! let put = Command::Put { key: "colour".into(), value: "blue".into() };
//! let get = Command::Get { key: "colour".into() };
//!
//! let mut store = Store::default();
//! store.apply_once(1, &put.to_bytes(WIRE_VERSION))?;
//! let answer = store.apply_once(2, &get.to_bytes(WIRE_VERSION))?;
//! assert_eq!(answer, Some(Answer::Value(Some("blue".into()))));
//!
//! // A replica that was away is brought up to date.
//! let mut other = Store::default();
//! other.restore(store.snapshot())?;
//! assert_eq!(other, store);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does not do
//! It is no server yet: there is no network front and no log on a disk. Clients of the bare store that give an operation up do not learn
//! whether it happened; `synod_raft::session::Sessions` around it makes a retry safe.
#![forbid(unsafe_code)]

#[cfg(feature = "cluster")]
pub mod cluster;
mod command;
#[cfg(feature = "cluster")]
pub mod explore;
#[cfg(feature = "cluster")]
pub mod groups;
#[cfg(synod_mutants)]
pub mod mutants;
mod store;

pub use command::{Answer, Command, WIRE_VERSION};
pub use store::Store;

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// So are the examples of the workspace's README, which this crate's parts make up.
#[cfg(all(doctest, feature = "cluster"))]
#[doc = include_str!("../../../README.md")]
struct WorkspaceReadme;
