//! Executions: what happens at which process, in an order in which it may happen.

use super::{Laws, Violation};
use alloc::vec::Vec;
use synod_core::{Entropy, SplitMix64};

/// One step of an execution. Events are counted from zero, over all processes, in the order in which they happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// An event at a process: something is done, or sent.
    Event {
        /// The process.
        at: usize,
    },
    /// A message that was sent at an event arrives at a process, which is an event too.
    Receive {
        /// The process.
        at: usize,
        /// The event.
        of: usize,
    },
    /// A process learns of events without an event of its own.
    Learn {
        /// The process.
        at: usize,
        /// The events, in the order in which it learns of them.
        of: Vec<usize>,
    },
}

impl Step {
    pub(super) fn is_event(&self) -> bool {
        !matches!(self, Self::Learn { .. })
    }
}

/// Every execution of up to `steps_max` steps: what begins one is not tried twice.
pub(super) fn all(
    processes: usize,
    steps_max: usize,
    tried: &mut impl FnMut(&[Step]) -> Result<(), Violation>,
) -> Result<(), Violation> {
    // Shorter ones first, so that the first that breaks a law is a shortest one.
    for len in 1..=steps_max {
        extend(&mut Vec::with_capacity(len), processes, len, tried)?;
    }
    Ok(())
}

fn extend(
    steps: &mut Vec<Step>,
    processes: usize,
    len: usize,
    tried: &mut impl FnMut(&[Step]) -> Result<(), Violation>,
) -> Result<(), Violation> {
    if steps.len() == len {
        // One that ends with learning shows nothing new.
        return if steps.last().is_some_and(Step::is_event) { tried(steps) } else { Ok(()) };
    }
    let events = steps.iter().filter(|step| step.is_event()).count();
    for at in 0..processes {
        let receive = (0..events).map(|of| Step::Receive { at, of });
        let learn = (0..events).map(|of| Step::Learn { at, of: [of].into() });
        for step in core::iter::once(Step::Event { at }).chain(receive).chain(learn) {
            steps.push(step);
            extend(steps, processes, len, tried)?;
            steps.pop();
        }
    }
    Ok(())
}

/// Random executions.
pub(super) fn random(
    laws: &Laws,
    tried: &mut impl FnMut(&[Step]) -> Result<(), Violation>,
) -> Result<(), Violation> {
    let mut dice = SplitMix64::new(laws.seed);
    let mut below = |bound: usize| dice.below(bound as u64) as usize;
    for _ in 0..laws.executions {
        let len = 1 + below(laws.steps_max);
        let mut steps = Vec::with_capacity(len);
        let mut events = 0;
        for _ in 0..len {
            let at = below(laws.processes);
            let step = match below(8) {
                0 | 1 => Step::Event { at },
                _ if events == 0 => Step::Event { at },
                // Mostly what is new: old news is soon no news.
                2..=5 => Step::Receive { at, of: events - 1 - below(events.min(4)) },
                _ => Step::Learn { at, of: (0..=below(3)).map(|_| below(events)).collect() },
            };
            events += usize::from(step.is_event());
            steps.push(step);
        }
        tried(&steps)?;
    }
    Ok(())
}

/// The execution without one of its steps, and without what followed from that step alone.
pub(super) fn without(steps: &[Step], place: usize) -> Vec<Step> {
    let gone = steps.get(place).is_some_and(Step::is_event);
    let number = steps.iter().take(place).filter(|step| step.is_event()).count();
    let renumbered = |of: usize| (of < number).then_some(of).or_else(|| (of > number).then(|| of - 1));
    let kept = |step: &Step| {
        if !gone {
            return step.clone();
        }
        match step {
            Step::Event { at } => Step::Event { at: *at },
            // The arrival of what was never sent is a plain event, so that later numbers stay right.
            Step::Receive { at, of } => {
                renumbered(*of).map_or(Step::Event { at: *at }, |of| Step::Receive { at: *at, of })
            }
            Step::Learn { at, of } => {
                Step::Learn { at: *at, of: of.iter().filter_map(|of| renumbered(*of)).collect() }
            }
        }
    };
    steps.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, step)| kept(step)).collect()
}
