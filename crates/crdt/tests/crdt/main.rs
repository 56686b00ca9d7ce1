//! The replicated types: their laws, their bytes, what nobody may send, and replicas in the simulator.
#![cfg(test)]

mod anti_entropy;
mod examples;
mod forgetting;
mod hostile;
mod laws;
mod or_set;
#[cfg(feature = "serde")]
mod serial;
mod wire;
