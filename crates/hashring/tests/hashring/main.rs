//! Placements: the laws of every algorithm, the vectors of other systems, and what threads and strangers may do.
#![cfg(test)]

mod golden;
mod laws;
#[cfg(feature = "serde")]
mod serialised;
#[cfg(all(feature = "std", not(loom)))]
mod shared;
