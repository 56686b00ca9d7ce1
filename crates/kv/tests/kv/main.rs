//! The store on Raft, in the simulator and in every schedule.
//!
//! A planted bug is chosen for the whole process: in the build that has them nobody runs beside the tests that choose.
#![cfg(test)]
#![cfg(feature = "cluster")]

#[cfg(not(synod_mutants))]
mod cluster;
#[cfg(not(synod_mutants))]
mod explore;
#[cfg(not(synod_mutants))]
mod fallacies;
#[cfg(not(synod_mutants))]
mod features;
#[cfg(not(synod_mutants))]
mod groups;
#[cfg(not(synod_mutants))]
mod partial;
#[cfg(synod_mutants)]
mod planted;
#[cfg(not(synod_mutants))]
mod reads;
#[cfg(not(synod_mutants))]
mod scripts;
#[cfg(not(synod_mutants))]
mod spec;
#[cfg(not(synod_mutants))]
mod storage;
#[cfg(not(synod_mutants))]
mod traitors;
#[cfg(not(synod_mutants))]
mod versions;
