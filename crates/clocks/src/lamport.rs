//! Lamport's clock: one counter, enough to put events into an order that no cause contradicts.

use crate::{Actor, Causality, Clock, Dot, DotError, Guarantee, Stamp};
use core::num::NonZeroU64;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// The clock of one process (Lamport 1978, implementation rules IR1 and IR2).
///
/// 8 bytes on the wire beside the actor. It cannot tell concurrent events: see [`LamportStamp`]. A stamp under its own name that it never
/// gave is [refused](DotError::Unissued).
///
/// ```
/// use synod_clocks::{Clock, LamportClock};
/// let (mut a, mut b) = (LamportClock::new("a"), LamportClock::new("b"));
/// let sent = a.tick()?;
/// let received = b.receive(&sent)?;
/// assert!(sent < received && received.time() == 2);
/// # Ok::<(), synod_clocks::DotError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LamportClock<A> {
    actor: A,
    time: u64,
}

impl<A: Actor> LamportClock<A> {
    /// The clock of an actor that has done and heard nothing.
    pub const fn new(actor: A) -> Self {
        Self { actor, time: 0 }
    }

    /// The clock of an actor that comes back: nothing it stamped before was later than `time`.
    ///
    /// Who restarts with less reuses stamps: what they are must be on its disk before they leave.
    pub const fn resume(actor: A, time: u64) -> Self {
        Self { actor, time }
    }

    /// The latest time that it has given or heard of.
    pub const fn time(&self) -> u64 {
        self.time
    }
}

/// A Lamport time and who gave it: a total order of all events, the same on every node.
///
/// `a < b` if a happened before b; from `a < b` nothing follows about causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LamportStamp<A> {
    // The order of the fields is the order of stamps: time first.
    time: NonZeroU64,
    actor: A,
}

impl<A: Actor> LamportStamp<A> {
    /// The time.
    pub const fn time(&self) -> u64 {
        self.time.get()
    }

    /// Who gave it.
    pub const fn actor(&self) -> A {
        self.actor
    }
}

impl<A: Actor> From<Dot<A>> for LamportStamp<A> {
    fn from(dot: Dot<A>) -> Self {
        Self { time: dot.counter, actor: dot.actor }
    }
}

impl<A: Actor> Stamp for LamportStamp<A> {
    const GUARANTEE: Guarantee = Guarantee::Total;

    fn causality(&self, other: &Self) -> Causality {
        self.cmp(other).into()
    }
}

impl<A: Actor> Clock for LamportClock<A> {
    type Stamp = LamportStamp<A>;
    type Error = DotError;

    fn tick(&mut self) -> Result<LamportStamp<A>, DotError> {
        let time = self.time.checked_add(1).and_then(NonZeroU64::new).ok_or(DotError::Exhausted)?;
        self.time = time.get();
        Ok(LamportStamp { time, actor: self.actor })
    }

    fn merge(&mut self, stamp: &LamportStamp<A>) -> Result<(), DotError> {
        if stamp.actor == self.actor {
            DotError::refuse_unissued(stamp.time(), self.time)?;
        }
        self.time = self.time.max(stamp.time());
        Ok(())
    }
}

/// Actor, then time.
impl<A: Actor + Wire> Wire for LamportStamp<A> {
    const LEN_MIN: usize = Dot::<A>::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        Dot::new(self.actor, self.time).encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Dot::decode(input).map(Self::from)
    }
}
