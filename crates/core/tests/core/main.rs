//! The contract, its bytes, and the bugs that nobody planted.
#![cfg(test)]

mod contract;
#[cfg(not(synod_mutants))]
mod mutants;
mod wire;
