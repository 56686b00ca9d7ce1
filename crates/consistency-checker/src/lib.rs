//! Judges what clients of a distributed system saw: **is this history linearizable?**
//!
//! A history is linearizable if its operations can be put into one order that respects real time (what was answered before
//! another was called comes first) and that a single, sequential object would have answered in the same way (Herlihy &
//! Wing 1990). Operations whose fate nobody knows, such as calls that timed out, may have taken effect at any time after
//! their call, or never.
//!
//! # Judging a history made in memory
//!
//! A simulation or a test records events in the order in which they happen, and asks:
//!
//! ```
//! use synod_consistency_checker::{Budget, History, KvCall, KvModel, KvReturn, check, verify};
//!
//! let mut history = History::new();
//! let put = history.invoke(0, KvCall::put("x", "1"));
//! let get = history.invoke(1, KvCall::get("x"));
//! history.ok(get, KvReturn::value("1"))?; // the put is not answered yet, but may have happened
//! history.unknown(put)?; // it timed out
//! let swap = history.invoke(1, KvCall::cas("x", Some("2".into()), "3"));
//! history.fail_with(swap, KvReturn::Mismatch)?; // a refusal is an observation
//!
//! let model = KvModel::new();
//! let report = check(&model, &history, &Budget::default());
//! assert!(report.is_linearizable(), "{report}");
//!
//! // The order that explains it convinces a second judge, which knows nothing of the search.
//! assert_eq!(verify(&model, &history, &report.certificate()), Ok(()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Judging a recorded history
//!
//! [`Reader`] finds out which [`Format`] an input has, and reads it line by line. A violation names the operation that no
//! order gets past, the lines where it stands, and the smallest window found that contradicts itself:
//!
//! ```
//! use synod_consistency_checker::{Budget, Reader, Register, Verdict, check};
//!
//! let input = "\
//! {:process 0, :type :invoke, :f :write, :value 1}
//! {:process 0, :type :ok,     :f :write, :value 1}
//! {:process 1, :type :invoke, :f :read,  :value nil}
//! {:process 1, :type :ok,     :f :read,  :value nil}
//! ";
//! let model = Register::new();
//! let history = Reader::detect(input.as_bytes())?.history(&model)?;
//! let report = check(&model, &history, &Budget::default());
//! assert_eq!(report.verdict(), Verdict::Violated);
//!
//! let (_, violation) = report.first_violation().ok_or("a violation says where")?;
//! assert_eq!(report.describe(violation.stuck), "read = nil");
//! assert!(report.to_string().contains("process 1: read = nil (lines 3-4)"));
//! assert_eq!(violation.longest_prefix.len(), 1); // the write alone is explained
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Three answers
//!
//! A [`Verdict`] is *linearizable*, *violated* or *undecided*. A search that ran out of its [`Budget`] is undecided, and so
//! is a history in which no operation was answered; an input without operations is an error. None of these is ever
//! reported as good.
//!
//! # Objects of your own
//!
//! [`Register`] and [`KvModel`] come with the crate. Any other object is a [`Model`]: a state, and a step that says what a
//! call with a given answer makes of it. Two optional methods make the search faster: [`Model::key`] splits the history
//! into parts that are judged on their own, and [`Model::footprint`] says what an operation needs and leaves. [`Decode`]
//! lets a model be read from files.
//!
//! # How it works
//!
//! [`check`] searches for an order depth-first, as Wing & Gong (1993) do, and remembers configurations that led nowhere, as
//! Lowe (2017) does. It splits by key (Horn & Kroening 2015). A configuration takes a few machine words however long the
//! history is: an offset, one bit for each client under way, a count for each class of equal crashed operations, and the
//! number of the state. Operations that never change a state go in as soon as they can; among equal operations the one
//! answered first goes first; and a value that somebody still has to see is not overwritten while nobody can bring it back.
//! A register in which every value is written once is judged without any backtracking.
//!
//! The worst case stays exponential in the number of operations under way at the same time, since the problem is
//! NP-complete (Gibbons & Korach 1997); budgets are there for it.
//!
//! # What it does not do
//!
//! - It judges linearizability only: no transactions, no isolation levels, no sequential or causal consistency, no
//!   convergence of replicas.
//! - It does not judge while the history is being recorded: the whole history is held in memory.
//! - It does not shrink a violation to the fewest operations: the window is the shortest *stretch* found, with everything in
//!   it.
//! - It uses one thread, and no clock but the one of the time budget: marks with times are for reports.
//! - It cannot show that a system is correct, only that one history is.
#![forbid(unsafe_code)]

mod budget;
mod check;
mod hash;
mod history;
mod model;
#[cfg(synod_mutants)]
pub mod mutants;
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
