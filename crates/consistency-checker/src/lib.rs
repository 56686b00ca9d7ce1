//! Judges what clients of a distributed system saw.
#![forbid(unsafe_code)]

mod budget;
mod check;
mod hash;
mod history;
mod model;
mod read;
mod render;
mod report;
mod search;
mod verify;

pub use budget::Budget;
pub use check::check;
pub use history::{Completion, History, HistoryError, Mark, OpId, Operation};
pub use model::kv::{KvAction, KvCall, KvModel, KvReturn, KvState};
pub use model::register::{Register, RegisterCall, RegisterReturn};
pub use model::{Footprint, Model};
pub use read::decode::Problem;
pub use read::{Datum, Decode, Format, Kind, Limits, ReadError, Reader, Record};
pub use report::{Partition, Reason, Report, Stats, Verdict, Violation, Window};
pub use verify::{Flaw, verify};
