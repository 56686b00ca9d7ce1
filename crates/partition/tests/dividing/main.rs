//! Data sets divided: ranges, hashes, maps, tokens, splits and merges, and what is read from files.
#![cfg(test)]

mod dynamic;
mod hashes;
mod maps;
mod ranges;
#[cfg(feature = "serde")]
mod readers;
mod stale;
mod tokens;
