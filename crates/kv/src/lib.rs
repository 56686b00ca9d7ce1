//! A replicated key-value store, composed from Synod's parts.
#![forbid(unsafe_code)]

mod command;
mod store;

pub use command::{Answer, Command, WIRE_VERSION};
pub use store::Store;
#[cfg(feature = "cluster")]
pub mod cluster;
