//! Raft as a plain value.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

extern crate alloc;

mod commitment;
mod config;
mod election;
mod event;
mod following;
mod log;
mod message;
mod node;
mod position;
mod progress;
mod raft;
mod record;
mod recovery;
mod replication;
mod segment;
mod status;
mod wire;

pub mod invariants;

pub use config::{Config, ConfigError, QuorumRule};
pub use event::{Command, Event, Illegal, Refusal, Timer};
pub use log::Log;
pub use message::Message;
pub use node::{Node, Output, StartError};
pub use position::{EntryId, Index, Term};
pub use progress::Pace;
pub use raft::{Raft, Role};
pub use record::Record;
pub use recovery::RecoverError;
pub use segment::{Entries, Entry, EntryKind, Segment};
pub use status::{PeerStatus, Status};
