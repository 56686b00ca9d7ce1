//! Dotted version vectors: an event and its past kept apart.

use crate::{Actor, Causality, Clock, Dot, DotError, Guarantee, Stamp, VersionVector};
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// An event and all that happened before it (Preguiça, Baquero, Almeida, Fonte and Gonçalves, "Dotted Version Vectors: Logical Clocks for
/// Optimistic Replication", 2010).
///
/// Keeping the event out of its past is what a version vector cannot do: a server that stamps the writes of two clients, neither of whom
/// knew of the other, gives them stamps that are concurrent. Comparing is one look-up, O(log n), rather than a walk over both.
///
/// ```
/// use synod_clocks::{Causality, DottedClock, VersionVector};
/// let mut server = DottedClock::new("server");
/// let read = VersionVector::new();                      // what both clients have read: nothing
/// let (first, second) = (server.stamp(&read)?, server.stamp(&read)?);
/// assert_eq!(first.causality(&second), Causality::Concurrent);
/// assert_eq!(first.known().causality(&second.known()), Causality::Before, "as plain vectors: a lost update");
/// # Ok::<(), synod_clocks::DotError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dotted<A> {
    dot: Dot<A>,
    past: VersionVector<A>,
}

impl<A: Actor> Dotted<A> {
    /// An event and its past; `None` where the past contains the event.
    #[must_use]
    pub fn new(dot: Dot<A>, past: VersionVector<A>) -> Option<Self> {
        (!past.contains(&dot)).then_some(Self { dot, past })
    }

    /// The event.
    pub const fn dot(&self) -> &Dot<A> {
        &self.dot
    }

    /// All that happened before it.
    pub const fn past(&self) -> &VersionVector<A> {
        &self.past
    }

    /// The past and the event in one plain vector: the least that contains both, which may contain more.
    #[must_use]
    pub fn known(&self) -> VersionVector<A> {
        let mut known = self.past.clone();
        known.observe(self.dot);
        known
    }

    /// Whether who knows this much knows the event.
    #[must_use]
    pub fn is_known_by(&self, context: &VersionVector<A>) -> bool {
        context.contains(&self.dot)
    }

    /// How this event stands to another: O(log n).
    #[must_use]
    pub fn causality(&self, other: &Self) -> Causality {
        if self.dot == other.dot {
            return Causality::Equal;
        }
        Causality::from_surplus(!other.past.contains(&self.dot), !self.past.contains(&other.dot))
    }
}

impl<A: Actor> Stamp for Dotted<A> {
    const GUARANTEE: Guarantee = Guarantee::Exact;

    fn causality(&self, other: &Self) -> Causality {
        Self::causality(self, other)
    }
}

/// The dot, then the past.
impl<A: Actor + Wire> Wire for Dotted<A> {
    const LEN_MIN: usize = Dot::<A>::LEN_MIN + VersionVector::<A>::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        self.dot.encode(out);
        self.past.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let dot = Dot::decode(input)?;
        Self::new(dot, VersionVector::decode(input)?)
            .ok_or(WireError::Invalid { field: "past of a dotted version vector" })
    }
}

/// The dot and the past, as a pair.
#[cfg(feature = "serde")]
impl<A: Actor + serde::Serialize> serde::Serialize for Dotted<A> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.dot, &self.past).serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de, A: Actor + serde::Deserialize<'de>> serde::Deserialize<'de> for Dotted<A> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (dot, past) = <(Dot<A>, VersionVector<A>)>::deserialize(deserializer)?;
        Self::new(dot, past).ok_or_else(|| serde::de::Error::custom("an event is in its own past"))
    }
}

/// Stamps events with dots: those of its own process, and, as a server, those of clients that bring their own past. Stamps and pasts that
/// claim more of its own events than it had are [refused](DotError::Unissued).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DottedClock<A> {
    actor: A,
    known: VersionVector<A>,
}

impl<A: Actor> DottedClock<A> {
    /// The clock of an actor that has done and heard nothing.
    pub const fn new(actor: A) -> Self {
        Self { actor, known: VersionVector::new() }
    }

    /// The clock of an actor that comes back with what it knew. See [`VectorClock::resume`](crate::VectorClock::resume).
    pub const fn resume(actor: A, known: VersionVector<A>) -> Self {
        Self { actor, known }
    }

    /// All that it has done and heard of.
    pub const fn known(&self) -> &VersionVector<A> {
        &self.known
    }

    /// Stamps an event whose causes are `past`, and not all that this clock knows: a write of a client that has read so much.
    ///
    /// # Errors
    /// [`DotError::Exhausted`]; and [`DotError::Unissued`] if `past` contains events of this actor that it never had.
    pub fn stamp(&mut self, past: &VersionVector<A>) -> Result<Dotted<A>, DotError> {
        DotError::refuse_unissued(past.get(self.actor), self.known.get(self.actor))?;
        let dot = self.known.advance(self.actor)?;
        self.known.merge(past);
        Ok(Dotted { dot, past: past.clone() })
    }
}

impl<A: Actor> Clock for DottedClock<A> {
    type Stamp = Dotted<A>;
    type Error = DotError;

    fn tick(&mut self) -> Result<Dotted<A>, DotError> {
        let past = self.known.clone();
        let dot = self.known.advance(self.actor)?;
        Ok(Dotted { dot, past })
    }

    fn merge(&mut self, stamp: &Dotted<A>) -> Result<(), DotError> {
        let own = if stamp.dot.actor == self.actor { stamp.dot.count() } else { 0 };
        let claimed = stamp.past.get(self.actor).max(own);
        DotError::refuse_unissued(claimed, self.known.get(self.actor))?;
        self.known.merge(&stamp.past);
        self.known.observe(stamp.dot);
        Ok(())
    }
}
