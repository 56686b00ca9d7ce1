//! Intervals as stamps of events.

use super::{Interval, IntervalClock, IntervalError, TimeSource};
use crate::{Actor, Causality, Clock, Dot, Guarantee, Stamp};
use alloc::sync::Arc;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// An event and an interval in which it happened.
///
/// Events of one node are told apart by their numbers, those of several by their intervals: what is `Before` was earlier in real time,
/// even if no message told so. Where intervals overlap the answer is `Concurrent`, which a commit-wait prevents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct IntervalStamp<A> {
    /// Which event.
    pub dot: Dot<A>,
    /// When.
    pub interval: Interval,
}

impl<A: Actor> Stamp for IntervalStamp<A> {
    const GUARANTEE: Guarantee = Guarantee::RealTime;

    fn causality(&self, other: &Self) -> Causality {
        if self.dot.actor == other.dot.actor {
            return self.dot.counter.cmp(&other.dot.counter).into();
        }
        match (self.interval.is_before(&other.interval), other.interval.is_before(&self.interval)) {
            (true, _) => Causality::Before,
            (_, true) => Causality::After,
            _ => Causality::Concurrent,
        }
    }
}

/// The dot, then the interval.
impl<A: Wire> Wire for IntervalStamp<A> {
    const LEN_MIN: usize = Dot::<A>::LEN_MIN + 16;

    fn encode(&self, out: &mut Writer<'_>) {
        self.dot.encode(out);
        self.interval.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { dot: Dot::decode(input)?, interval: Interval::decode(input)? })
    }
}

/// An [`IntervalClock`] that stamps the events of one node.
///
/// It learns from messages: what happened after a message was sent did not happen before the earliest moment at which it may have been sent.
/// And a message from what is the future for certain proves that somebody's bound is wrong: [`IntervalError::Contradiction`].
#[derive(Debug)]
pub struct NodeInterval<S, A> {
    clock: Arc<IntervalClock<S>>,
    actor: A,
    count: u64,
    /// Later events are not earlier than this.
    earliest: u64,
    /// Nor do their intervals end before this, so that what is after an event of this node is after those before it.
    latest: u64,
}

impl<S: TimeSource, A: Actor> NodeInterval<S, A> {
    /// The clock of a node that has stamped nothing. One that comes back [resumes](Self::resume).
    pub const fn new(clock: Arc<IntervalClock<S>>, actor: A) -> Self {
        Self { clock, actor, count: 0, earliest: 0, latest: 0 }
    }

    /// The clock of the node that gave `last`, which comes back: later events are after it.
    ///
    /// `last` must not be behind any stamp that ever left, or one dot means two events, of which the later one is called the earlier. A
    /// stamp must be on the disk before it leaves; who cannot promise that comes back under a new name.
    pub const fn resume(clock: Arc<IntervalClock<S>>, last: IntervalStamp<A>) -> Self {
        let IntervalStamp { dot, interval } = last;
        let (earliest, latest) = (interval.earliest(), interval.latest());
        Self { clock, actor: dot.actor, count: dot.count(), earliest, latest }
    }
}

impl<S: TimeSource, A: Actor> Clock for NodeInterval<S, A> {
    type Stamp = IntervalStamp<A>;
    type Error = IntervalError;

    fn tick(&mut self) -> Result<IntervalStamp<A>, IntervalError> {
        let now = self.clock.now()?;
        let dot = self.count.checked_add(1).and_then(|count| Dot::at(self.actor, count));
        let dot = dot.ok_or(IntervalError::Exhausted)?;
        let (earliest, latest) = (now.earliest().max(self.earliest), now.latest().max(self.latest));
        let interval = Interval::new(earliest, latest)
            .map_err(|_| IntervalError::Contradiction { by_ns: earliest.saturating_sub(latest) })?;
        (self.count, self.earliest, self.latest) = (dot.count(), earliest, latest);
        Ok(IntervalStamp { dot, interval })
    }

    fn merge(&mut self, stamp: &IntervalStamp<A>) -> Result<(), IntervalError> {
        let (sent, latest) = (stamp.interval.earliest(), self.clock.now()?.latest().max(self.latest));
        if sent > latest {
            return Err(IntervalError::Contradiction { by_ns: sent - latest });
        }
        self.earliest = self.earliest.max(sent);
        Ok(())
    }
}
