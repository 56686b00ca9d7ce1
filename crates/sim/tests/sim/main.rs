//! The simulator and its explorer, on small protocols whose faults are known.
#![cfg(test)]

mod byzantine;
mod dials;
mod explore;
mod fallacies;
mod flush;
mod fork;
mod healing;
mod ledger;
mod liveness;
mod reduced;
mod scripts;
mod shadow;
mod storage;
mod trace;
