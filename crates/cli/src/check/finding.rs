//! What was found out about one input, in words: no longer tied to a model.

use core::time::Duration;
use synod_consistency_checker::Stats;

/// What was found out about one input.
#[derive(Debug)]
pub(super) struct Judged {
    /// The name as it was given; `-` for standard input.
    pub(super) file: String,
    pub(super) result: Result<Finding, Failure>,
    /// Reading, searching and verifying.
    pub(super) elapsed: Duration,
}

/// Why there is no judgement: the name of the file is still missing in front.
#[derive(Debug)]
pub(super) enum Failure {
    /// The input is at fault.
    BadInput(String),
    /// The checker is.
    Internal(String),
}

/// The judgement on one history.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) ruling: Ruling,
    pub(super) model: &'static str,
    /// Whether `--model auto` chose the model.
    pub(super) model_chosen: bool,
    pub(super) format: &'static str,
    /// Operations in the history, without those of anything but clients.
    pub(super) ops: usize,
    /// Operations by how they ended: ok, failed, unknown.
    pub(super) endings: [usize; 3],
    pub(super) events: usize,
    pub(super) partitions: usize,
    pub(super) violations: Vec<Violated>,
    pub(super) open: Vec<Open>,
    /// One order per partition if the history is linearizable: always checked, kept only for `--witness`.
    pub(super) linearization: Vec<Order>,
    pub(super) stats: Stats,
}

/// The verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    Linearizable,
    Violated,
    Undecided {
        /// One stable word for programs.
        code: &'static str,
        /// What to do about it.
        message: String,
    },
}

/// An order of the operations of one partition.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) key: Option<String>,
    pub(super) steps: Vec<Step>,
}

/// One operation in an order.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) op: Op,
    /// The state behind it; empty where it was not asked for.
    pub(super) state: String,
}

/// A partition that no order explains.
#[derive(Debug)]
pub(super) struct Violated {
    pub(super) key: Option<String>,
    pub(super) ops: usize,
    pub(super) stuck: Op,
    pub(super) exact: bool,
    pub(super) first_event: usize,
    pub(super) last_event: usize,
    pub(super) self_contained: bool,
    pub(super) window: Vec<Op>,
    pub(super) lingering: Vec<Op>,
    pub(super) prefix: Vec<usize>,
    pub(super) state_after_prefix: Option<String>,
    /// What the verifier says against the prefix.
    pub(super) prefix_flaw: Option<String>,
    /// The prefix step by step; only for `--witness`.
    pub(super) prefix_steps: Vec<Step>,
}

/// A partition that was not decided.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) key: Option<String>,
    pub(super) ops: usize,
    /// Length of the longest order found.
    pub(super) explained: usize,
}

/// One operation, in words.
#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) id: usize,
    pub(super) process: u64,
    /// `ok`, `fail` or `unknown`.
    pub(super) status: &'static str,
    pub(super) call: String,
    pub(super) answer: String,
    pub(super) called: usize,
    pub(super) returned: Option<usize>,
    pub(super) call_line: Option<u64>,
    pub(super) return_line: Option<u64>,
    pub(super) call_time_ns: Option<i64>,
    pub(super) return_time_ns: Option<i64>,
}

impl Op {
    /// `read = 4`, `write 3 ok`, `cas 1 -> 2 refused: mismatch`.
    pub(super) fn words(&self) -> String {
        format!("{} {}", self.call, self.answer)
    }

    /// `line 4-9`, `line 4-` for an operation that nobody answered, or its events where lines are not known.
    pub(super) fn place(&self) -> String {
        match (self.call_line, self.return_line, self.returned) {
            (Some(call), Some(answer), Some(_)) => format!("line {call}-{answer}"),
            (Some(call), _, _) => format!("line {call}-"),
            (None, _, Some(returned)) => format!("event {}-{returned}", self.called),
            (None, _, None) => format!("event {}-", self.called),
        }
    }
}
