//! How a data set is split, spread and moved.
//!
//! ```
//! let x = 1;
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
mod id;
mod plan;

pub use error::PlanError;
pub use id::PartitionId;
pub use plan::{
    Assignment, Balance, COPIES_MAX, Certificate, Diverged, Flaw, Limits, Move, PARTITIONS_MAX, Partition,
    Plan, Proof, Replication, Request, Step, StepFlaw, audit, verify,
};
