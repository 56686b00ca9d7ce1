//! What was spent, and what is left.

use std::time::Instant;

use crate::budget::Budget;
use crate::report::Reason;

/// What was spent, and what is left.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) started: Instant,
    deadline: Option<Instant>,
    pub(crate) steps: u64,
    max_steps: u64,
    pub(crate) max_bytes: usize,
}

impl Meter {
    pub(crate) fn new(budget: &Budget) -> Self {
        let started = Instant::now();
        Self {
            started,
            // A limit beyond what the clock can count is no limit.
            deadline: budget.max_time.and_then(|limit| started.checked_add(limit)),
            steps: 0,
            max_steps: budget.max_steps.unwrap_or(u64::MAX),
            max_bytes: budget.max_memory_bytes.unwrap_or(usize::MAX),
        }
    }

    /// Counts one step. The clock is read every 1024 steps.
    pub(crate) fn step(&mut self) -> Result<(), Reason> {
        if self.steps >= self.max_steps {
            return Err(Reason::Steps);
        }
        self.steps += 1;
        if self.steps.is_multiple_of(1024) { self.look_at_the_clock() } else { Ok(()) }
    }

    pub(crate) fn look_at_the_clock(&self) -> Result<(), Reason> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Reason::Time),
            _ => Ok(()),
        }
    }

    /// Lowers the limit to `steps` from here on, for as long as `work` takes.
    pub(crate) fn within<T>(&mut self, steps: u64, work: impl FnOnce(&mut Self) -> T) -> T {
        let whole = self.max_steps;
        self.max_steps = whole.min(self.steps.saturating_add(steps));
        let result = work(self);
        self.max_steps = whole;
        result
    }
}
