//! Running an execution, and judging its stamps by the causes that are known.

use super::{Coverage, Law, Step};
use crate::{Causality, Clock, Stamp};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write;

/// How messages are handed to the clocks. By the laws it makes no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As the steps say.
    Plain,
    /// A message is merged, and then its arrival is an event.
    Split,
    /// Everything arrives twice.
    Twice,
    /// What is learnt together is learnt in reverse.
    Reversed,
}

impl Manner {
    pub(super) fn law(self) -> Law {
        match self {
            Self::Plain | Self::Split => Law::Receive,
            Self::Twice => Law::Idempotence,
            Self::Reversed => Law::Commutativity,
        }
    }
}

struct Event<S> {
    at: usize,
    stamp: S,
    /// The numbers of all events that happened before, and its own.
    causes: BTreeSet<usize>,
}

pub(super) struct Run<S> {
    events: Vec<Event<S>>,
    /// A line for each step.
    story: String,
}

impl<S: Stamp> Run<S> {
    pub(super) fn of<C: Clock<Stamp = S>>(
        clocks: Vec<C>,
        steps: &[Step],
        manner: Manner,
    ) -> Result<Self, (Law, String)> {
        let mut clocks = clocks;
        let mut known = vec![BTreeSet::new(); clocks.len()];
        let mut run = Self { events: Vec::new(), story: String::new() };
        for step in steps {
            let (Step::Event { at } | Step::Receive { at, .. } | Step::Learn { at, .. }) = step;
            let (Some(clock), Some(known)) = (clocks.get_mut(*at), known.get_mut(*at)) else {
                return Err((Law::Setup, format!("there is no clock of process {at}")));
            };
            let stamp = run.step(clock, known, step, manner);
            let number = run.events.len();
            match stamp {
                Ok(None) => {}
                Ok(Some(stamp)) => {
                    known.insert(number);
                    let causes = known.clone();
                    run.tell(*at, &format!("event {number}{}, stamp {stamp:?}", origin(step)));
                    run.events.push(Event { at: *at, stamp, causes });
                }
                Err(error) => {
                    run.tell(*at, &format!("{step:?}"));
                    return Err((Law::Succeeds, format!("{}  which fails: {error}\n", run.story)));
                }
            }
        }
        Ok(run)
    }

    fn step<C: Clock<Stamp = S>>(
        &mut self,
        clock: &mut C,
        known: &mut BTreeSet<usize>,
        step: &Step,
        manner: Manner,
    ) -> Result<Option<S>, C::Error> {
        let mut learn = |clock: &mut C, event: &Event<S>| {
            known.extend(&event.causes);
            for _ in 0..if manner == Manner::Twice { 2 } else { 1 } {
                clock.merge(&event.stamp)?;
            }
            Ok(())
        };
        match step {
            Step::Event { .. } => clock.tick().map(Some),
            Step::Receive { of, .. } => match self.events.get(*of) {
                None => clock.tick().map(Some),
                Some(event) if manner == Manner::Plain => {
                    known.extend(&event.causes);
                    clock.receive(&event.stamp).map(Some)
                }
                Some(event) => {
                    learn(clock, event)?;
                    clock.tick().map(Some)
                }
            },
            Step::Learn { at, of } => {
                let mut order: Vec<_> = of.iter().filter_map(|of| self.events.get(*of)).collect();
                if manner == Manner::Reversed {
                    order.reverse();
                }
                for event in order {
                    learn(clock, event)?;
                }
                self.tell(*at, &format!("learns of events {of:?}"));
                Ok(None)
            }
        }
    }

    fn tell(&mut self, at: usize, what: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.story, "  process {at}: {what}");
    }

    /// The truth about two events, by their causes.
    fn truth(&self, left: usize, right: usize) -> Causality {
        let knows = |a: usize, b: usize| self.events.get(a).is_some_and(|event| event.causes.contains(&b));
        Causality::from_surplus(!knows(right, left), !knows(left, right))
    }

    pub(super) fn judge(&self, coverage: &mut Coverage) -> Result<(), (Law, String)> {
        let broken = |law, what: String| Err((law, format!("{}{what}", self.story)));
        for (left, a) in self.events.iter().enumerate() {
            if a.stamp.causality(&a.stamp) != Causality::Equal {
                return broken(Law::Symmetry, format!("event {left} is not equal to itself\n"));
            }
            for (right, b) in self.events.iter().enumerate().skip(left + 1) {
                let (truth, answer) = (self.truth(left, right), a.stamp.causality(&b.stamp));
                coverage.pairs += 1;
                coverage.concurrent += u64::from(truth == Causality::Concurrent);
                let other = b.stamp.causality(&a.stamp);
                if other != answer.reverse() {
                    let says = format!(
                        "of events {left}, {right} it says {answer:?}; the other way round {other:?}\n"
                    );
                    return broken(Law::Symmetry, says);
                }
                if !S::GUARANTEE.permits(answer, truth) {
                    let says = format!("events {left}, {right} are {truth:?}; by their stamps, {answer:?}\n");
                    return broken(Law::Guarantee, says);
                }
            }
        }
        self.transitivity().map_or(Ok(()), |says| broken(Law::Transitivity, says))
    }

    fn transitivity(&self) -> Option<String> {
        let before = |a: &Event<S>, b: &Event<S>| a.stamp.causality(&b.stamp) == Causality::Before;
        let numbered = || self.events.iter().enumerate();
        for (x, a) in numbered() {
            for (y, b) in numbered().filter(|(_, b)| before(a, b)) {
                if let Some((z, _)) = numbered().find(|(_, c)| before(b, c) && !before(a, c)) {
                    return Some(format!(
                        "event {x} is before {y}, and that before {z}; but not {x} before {z}\n"
                    ));
                }
            }
        }
        None
    }

    /// What is different in a run of the same steps.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        let mut pairs = self.events.iter().zip(&other.events).enumerate();
        pairs.find(|(_, (a, b))| a.stamp.causality(&b.stamp) != Causality::Equal).map(|(number, (a, b))| {
            let (at, mine, theirs) = (a.at, &a.stamp, &b.stamp);
            format!(
                "{}event {number} of process {at} has stamp {mine:?} here, and there {theirs:?}\n",
                self.story
            )
        })
    }
}

fn origin(step: &Step) -> String {
    match step {
        Step::Receive { of, .. } => format!(" on hearing of {of}"),
        Step::Event { .. } | Step::Learn { .. } => String::new(),
    }
}
