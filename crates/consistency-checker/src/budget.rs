//! How much a check may spend.

use core::time::Duration;

/// How much a check may spend. Whatever runs out first ends the search with an undecided verdict that names it.
///
/// The default is 60 seconds, 1 GiB and no limit on steps. A limit on steps gives the same verdict on every machine; a
/// limit on time does not.
///
/// ```
/// use core::time::Duration;
/// use synod_consistency_checker::Budget;
///
/// let budget = Budget::default().time(Duration::from_secs(5)).steps(1_000_000);
/// assert_eq!(budget.max_steps, Some(1_000_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budget {
    /// Wall-clock time for the whole check, looked at every 1024 steps.
    pub max_time: Option<Duration>,
    /// Bytes of searched configurations and of model states held at a time.
    pub max_memory_bytes: Option<usize>,
    /// Search steps for the whole check; one step puts one operation into the order.
    pub max_steps: Option<u64>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { max_time: Some(Duration::from_secs(60)), max_memory_bytes: Some(1 << 30), max_steps: None }
    }
}

impl Budget {
    /// No limit at all.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self { max_time: None, max_memory_bytes: None, max_steps: None }
    }

    /// Sets [`max_time`](Self::max_time).
    #[must_use]
    pub const fn time(mut self, limit: Duration) -> Self {
        self.max_time = Some(limit);
        self
    }

    /// Sets [`max_memory_bytes`](Self::max_memory_bytes).
    #[must_use]
    pub const fn memory_bytes(mut self, limit: usize) -> Self {
        self.max_memory_bytes = Some(limit);
        self
    }

    /// Sets [`max_steps`](Self::max_steps).
    #[must_use]
    pub const fn steps(mut self, limit: u64) -> Self {
        self.max_steps = Some(limit);
        self
    }
}
