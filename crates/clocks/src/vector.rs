//! Vector clocks over any actors.

use crate::{Actor, Causality, Clock, DotError, Guarantee, Stamp, VersionVector};

/// The clock of one process among actors that come and go (Fidge, "Timestamps in Message-Passing Systems That Preserve the Partial
/// Ordering", 1988; Mattern, "Virtual Time and Global States of Distributed Systems", 1989).
///
/// A stamp that claims more of its own events than it had is [refused](DotError::Unissued): it is forged, or this clock came back with less
/// than it knew, and would give dots twice.
///
/// Its stamps are [`VersionVector`]s: no allocation up to eight actors. Where the processes are fixed and numbered, a
/// [`DenseClock`](crate::DenseClock) is smaller and faster.
///
/// ```
/// use synod_clocks::{Causality, Clock, Stamp, VectorClock};
/// let (mut a, mut b) = (VectorClock::new("a"), VectorClock::new("b"));
/// let sent = a.tick()?;
/// let aside = a.tick()?;
/// let received = b.receive(&sent)?;
/// assert_eq!(sent.causality(&received), Causality::Before);
/// assert_eq!(aside.causality(&received), Causality::Concurrent);
/// # Ok::<(), synod_clocks::DotError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VectorClock<A> {
    actor: A,
    known: VersionVector<A>,
}

impl<A: Actor> VectorClock<A> {
    /// The clock of an actor that has done and heard nothing.
    pub const fn new(actor: A) -> Self {
        Self { actor, known: VersionVector::new() }
    }

    /// The clock of an actor that comes back with what it knew.
    ///
    /// Its own entry must not be behind any stamp that ever left, or one stamp means two events. Who cannot promise that comes back
    /// as a new actor.
    pub const fn resume(actor: A, known: VersionVector<A>) -> Self {
        Self { actor, known }
    }

    /// Whose clock it is.
    pub const fn actor(&self) -> A {
        self.actor
    }

    /// All that it has done and heard of.
    pub const fn known(&self) -> &VersionVector<A> {
        &self.known
    }
}

impl<A: Actor> Stamp for VersionVector<A> {
    const GUARANTEE: Guarantee = Guarantee::Exact;

    #[inline]
    fn causality(&self, other: &Self) -> Causality {
        Self::causality(self, other)
    }
}

impl<A: Actor> Clock for VectorClock<A> {
    type Stamp = VersionVector<A>;
    type Error = DotError;

    fn tick(&mut self) -> Result<VersionVector<A>, DotError> {
        self.known.advance(self.actor)?;
        Ok(self.known.clone())
    }

    fn merge(&mut self, stamp: &VersionVector<A>) -> Result<(), DotError> {
        DotError::refuse_unissued(stamp.get(self.actor), self.known.get(self.actor))?;
        self.known.merge(stamp);
        Ok(())
    }
}
