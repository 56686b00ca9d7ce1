//! What a check found.

use core::fmt;
use core::time::Duration;

use crate::history::{History, OpId};
use crate::model::Model;

/// The answer of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// There is an order of the operations that explains every answer; the report holds it.
    Linearizable,
    /// There is no such order; the report says where every attempt gets stuck.
    Violated,
    /// Neither was shown.
    Undecided(Reason),
}

/// Why a check is undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// [`Budget::max_time`](crate::Budget::max_time) ran out.
    Time,
    /// [`Budget::max_memory_bytes`](crate::Budget::max_memory_bytes) ran out.
    Memory,
    /// [`Budget::max_steps`](crate::Budget::max_steps) ran out.
    Steps,
    /// No operation of the history was answered, so there is nothing that an order could contradict.
    NothingObserved,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linearizable => f.write_str("linearizable"),
            Self::Violated => f.write_str("violated"),
            Self::Undecided(reason) => write!(f, "undecided: {reason}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Time => "the time budget ran out; raise it, or split the history by key",
            Self::Memory => "the memory budget ran out; raise it, or split the history by key",
            Self::Steps => "the step budget ran out; raise it, or split the history by key",
            Self::NothingObserved => "no operation was answered, so nothing was tested",
        })
    }
}

/// What one check, or one partition of it, cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Operations judged, without those that failed and taught nothing.
    pub ops: usize,
    /// Partitions judged.
    pub partitions: usize,
    /// Search steps: operations put into an order, over all attempts.
    pub steps: u64,
    /// Configurations remembered, over all partitions.
    pub cache_entries: usize,
    /// Bytes of configurations and states; for a whole check, of the partition that needed most.
    pub cache_bytes: usize,
    /// Wall-clock time.
    pub elapsed: Duration,
}

/// Where a partition fails.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The operation that no order gets past: everything answered before its answer can be explained, with it nothing can.
    pub stuck: OpId,
    /// The stretch of the history that cannot be explained.
    pub window: Window,
    /// An order of operations that explains every answer before the answer of [`stuck`](Self::stuck): the longest valid
    /// prefix. It may include operations that were still under way.
    pub longest_prefix: Vec<OpId>,
    /// Whether `stuck` is known to be the first such operation. `false` if the budget ran out while looking for it; the
    /// violation itself is certain.
    pub exact: bool,
}

/// The smallest stretch of events found around which no order can be continued.
///
/// No order of [`ops`](Self::ops) explains their answers from any state that the search met. Where
/// [`self_contained`](Self::self_contained) is set this holds whatever the state was before the stretch, so that nothing
/// outside of it needs to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Window {
    /// Position of the first event, as in [`Operation::called`](crate::Operation::called).
    pub first_event: usize,
    /// Position of the last event: the answer of the operation that got stuck.
    pub last_event: usize,
    /// The operations of the partition that are under way at some time in the stretch, in the order of their calls,
    /// without crashed operations called before it.
    pub ops: Vec<OpId>,
    /// Crashed operations called before the stretch that may still take effect in it.
    pub lingering: Vec<OpId>,
    /// Whether the stretch is contradictory from every starting state.
    pub self_contained: bool,
}

/// The result for one partition.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Partition<K> {
    /// The key that all operations of this partition touch, or `None` if the history was not split.
    pub key: Option<K>,
    /// The verdict for this partition.
    pub verdict: Verdict,
    /// Operations judged, in the order of their calls.
    pub ops: Vec<OpId>,
    /// For [`Verdict::Linearizable`]: an order of operations that explains every answer. Operations that are left out
    /// crashed (or failed) without effect. [`verify`](crate::verify) accepts it.
    pub linearization: Option<Vec<OpId>>,
    /// For [`Verdict::Violated`]: where.
    pub violation: Option<Violation>,
    /// For [`Verdict::Undecided`]: the longest order found before the budget ran out.
    pub progress: Option<Vec<OpId>>,
    /// What it cost.
    pub stats: Stats,
}

/// The result of a check, with everything needed to show it: made by [`check`](crate::check).
///
/// `Display` writes it for a terminal: the verdict, and for each violation who did what and where the search stuck.
#[derive(Debug)]
pub struct Report<'a, M: Model> {
    pub(crate) model: &'a M,
    pub(crate) history: &'a History<M::Call, M::Return>,
    pub(crate) verdict: Verdict,
    pub(crate) partitions: Vec<Partition<M::Key>>,
    pub(crate) stats: Stats,
}

impl<'a, M: Model> Report<'a, M> {
    /// The verdict for the whole history: violated if one partition is, else undecided if one partition is.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether the verdict is [`Verdict::Linearizable`]. `false` does not mean violated.
    #[must_use]
    pub const fn is_linearizable(&self) -> bool {
        matches!(self.verdict, Verdict::Linearizable)
    }

    /// Whether the verdict is [`Verdict::Violated`].
    #[must_use]
    pub const fn is_violated(&self) -> bool {
        matches!(self.verdict, Verdict::Violated)
    }

    /// The partitions in the order of their keys.
    #[must_use]
    pub fn partitions(&self) -> &[Partition<M::Key>] {
        &self.partitions
    }

    /// The first violation, with its partition.
    #[must_use]
    pub fn first_violation(&self) -> Option<(&Partition<M::Key>, &Violation)> {
        let found = self
            .partitions
            .iter()
            .filter_map(|part| part.violation.as_ref().map(|violation| (part, violation)));
        found.min_by_key(|(_, violation)| violation.window.last_event)
    }

    /// One order per partition: what [`verify`](crate::verify) takes. Empty unless the verdict is linearizable.
    #[must_use]
    pub fn certificate(&self) -> Vec<&[OpId]> {
        if !self.is_linearizable() {
            return Vec::new();
        }
        self.partitions.iter().filter_map(|part| part.linearization.as_deref()).collect()
    }

    /// What the check cost.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// The history that was judged.
    #[must_use]
    pub const fn history(&self) -> &'a History<M::Call, M::Return> {
        self.history
    }

    /// The model it was judged by.
    #[must_use]
    pub const fn model(&self) -> &'a M {
        self.model
    }

    /// One operation in words, such as `cas 1 -> 2 refused: mismatch`; empty for an id of another history.
    #[must_use]
    pub fn describe(&self, op: OpId) -> String {
        self.history.get(op).map_or_else(String::new, |op| self.model.describe(op.call(), op.completion()))
    }

    /// The state after `order`, in words, or `None` if the model does not allow it.
    #[must_use]
    pub fn describe_state_after(&self, order: &[OpId]) -> Option<String> {
        let mut state = self.model.initial();
        for op in order {
            let operation = self.history.get(*op)?;
            state = self.model.step(&state, operation.call(), operation.observed())?;
        }
        Some(self.model.describe_state(&state))
    }
}
