//! A processor of finite speed: inputs wait until those before them are done.

use crate::world::{Pending, Simulated};
use std::collections::VecDeque;

/// The inputs that wait for a slow processor.
#[derive(Clone)]
pub(crate) struct Cpu<P: Simulated> {
    /// What a step takes, in nanoseconds. The effects come at its end.
    pub(crate) step: u64,
    inbox: VecDeque<Pending<P>>,
    /// Turns before this were for a process that has died since.
    turn: u64,
    /// Inputs since the last flush.
    burst: u32,
}

/// After so many inputs the driver flushes, even if there are more.
const BURST_MAX: u32 = 64;

impl<P: Simulated> Cpu<P> {
    pub(crate) fn new(step: u64) -> Self {
        Self { step, inbox: VecDeque::new(), turn: 0, burst: 0 }
    }

    /// An input arrives, or the processor is done with the first of those that wait. What happens now, and when the next turn
    /// is to come.
    pub(crate) fn admit(&mut self, pending: Pending<P>) -> (Option<Pending<P>>, Option<u64>) {
        match pending {
            Pending::Turn { turn, .. } if turn != self.turn => (None, None),
            Pending::Turn { .. } => {
                let first = self.inbox.pop_front();
                (first, (!self.inbox.is_empty()).then_some(self.turn))
            }
            other if self.step == 0 && self.inbox.is_empty() => (Some(other), None),
            other => {
                self.inbox.push_back(other);
                (None, (self.inbox.len() == 1).then_some(self.turn))
            }
        }
    }

    /// Whether a driver that gathers a burst takes another input before it flushes.
    pub(crate) fn has_more(&mut self) -> bool {
        let more = !self.inbox.is_empty() && self.burst < BURST_MAX;
        self.burst = if more { self.burst + 1 } else { 0 };
        more
    }

    /// The process has died; what waited is lost.
    pub(crate) fn reset(&mut self) -> VecDeque<Pending<P>> {
        self.turn += 1;
        self.burst = 0;
        core::mem::take(&mut self.inbox)
    }
}
