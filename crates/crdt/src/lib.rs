//! Replicated data types.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

extern crate alloc;

mod actor;
pub mod anti_entropy;
mod causal;
mod context;
mod counter;
mod counters;
mod crdt;
mod dot_fun;
mod dot_map;
mod dot_set;
mod error;
mod escrow;
mod extremum;
mod fingerprint;
mod flags;
mod grow_list;
mod grow_sets;
pub mod laws;
mod maps;
mod or_set;
mod registers;
pub mod resolve;
pub mod stability;
pub mod store;
mod varint;
mod wire;

pub use actor::ActorId;
pub use causal::{Causal, CausalOp};
pub use context::{CausalContext, Version};
pub use counter::{GCounter, PnCounter, Sides, SignedStep, Step};
pub use counters::Counters;
pub use crdt::{Change, Crdt, Delivery};
pub use dot_fun::DotFun;
pub use dot_map::{DotMap, MapAction, Under};
pub use dot_set::{DotSet, Mark, Switch};
pub use error::Refused;
pub use escrow::{Account, Cells, EscrowAction, EscrowCounter, EscrowOp};
pub use extremum::{Direction, Extremum, Greatest, Least, MaxRegister, MinRegister};
pub use fingerprint::Fingerprint;
pub use flags::{DisableWinsFlag, EnableWinsFlag};
pub use grow_list::{GrowList, Insertion, Place};
pub use grow_sets::{GSet, Phase, Phases, TwoPhaseSet};
pub use maps::{LwwMap, LwwMapOp, LwwSet, OrMap, RemoveWinsSet};
pub use or_set::{OrSet, OrSetDelta, SetAction};
pub use registers::{LwwRegister, MvRegister};

/// The `counter`-th thing that an actor did, counted from one: the name of what it wrote.
pub type Dot = synod_clocks::Dot<ActorId>;

/// For each actor, how many of its events are known, without a gap.
pub type VersionVector = synod_clocks::VersionVector<ActorId>;

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
