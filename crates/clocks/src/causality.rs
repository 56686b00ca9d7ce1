//! How two events can stand to each other.

use core::cmp::Ordering;

/// How one event, stamp or version stands to another.
///
/// Where a function takes two, the answer reads from left to right: `compare(a, b) == Before` says that `a` happened before `b`.
///
/// ```
/// use synod_clocks::{Causality, VersionVector};
/// let a = VersionVector::from_iter([("x", 2)]);
/// let b = VersionVector::from_iter([("x", 2), ("y", 1)]);
/// assert_eq!(a.causality(&b), Causality::Before);
/// assert_eq!(b.causality(&a), Causality::Before.reverse());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Causality {
    /// The left one happened before the right one.
    Before,
    /// They are the same.
    Equal,
    /// The left one happened after the right one.
    After,
    /// Neither knew of the other.
    Concurrent,
}

impl Causality {
    /// The answer with left and right exchanged.
    #[must_use]
    pub const fn reverse(self) -> Self {
        match self {
            Self::Before => Self::After,
            Self::After => Self::Before,
            Self::Equal | Self::Concurrent => self,
        }
    }

    /// As the answer of [`PartialOrd`]: `None` for [`Concurrent`](Self::Concurrent).
    #[must_use]
    pub const fn ordering(self) -> Option<Ordering> {
        match self {
            Self::Before => Some(Ordering::Less),
            Self::Equal => Some(Ordering::Equal),
            Self::After => Some(Ordering::Greater),
            Self::Concurrent => None,
        }
    }

    /// From two facts: is something on the left that the right does not know, and the other way round.
    #[must_use]
    pub const fn from_surplus(left: bool, right: bool) -> Self {
        match (left, right) {
            (false, false) => Self::Equal,
            (true, false) => Self::After,
            (false, true) => Self::Before,
            (true, true) => Self::Concurrent,
        }
    }
}

impl From<Ordering> for Causality {
    fn from(ordering: Ordering) -> Self {
        match ordering {
            Ordering::Less => Self::Before,
            Ordering::Equal => Self::Equal,
            Ordering::Greater => Self::After,
        }
    }
}

impl From<Option<Ordering>> for Causality {
    fn from(ordering: Option<Ordering>) -> Self {
        ordering.map_or(Self::Concurrent, Self::from)
    }
}

/// What the stamps of a clock say about what happened before what (Lamport, "Time, Clocks, and the Ordering of Events in a
/// Distributed System", 1978). The relation "happened before" is written →.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Guarantee {
    /// `Before` if and only if a → b: concurrency is seen for what it is. Vectors, dotted vectors, interval trees, matrices.
    Exact,
    /// a → b implies `Before`, and concurrent events are put into *some* order: never `Concurrent`, so `Before` proves nothing about
    /// causes. Lamport clocks and hybrid clocks.
    Total,
    /// a → b implies `Before`; concurrent events may be called `Before`, `After` or `Equal` by accident, and `Concurrent` is certain.
    /// Bloom clocks.
    Probable,
    /// `Before` implies that a was earlier in real time, so not b → a; where real times overlap the answer is `Concurrent`. Clocks
    /// that know their error.
    RealTime,
}

impl Guarantee {
    /// Whether the answer of a clock with this guarantee is one that it may give, when this is the truth.
    #[must_use]
    pub const fn permits(self, answer: Causality, truth: Causality) -> bool {
        use Causality::{After, Before, Concurrent, Equal};
        match (truth, answer) {
            (Equal, Equal) | (Before, Before) | (After, After) => true,
            (Equal, _) | (Before, After | Equal) | (After, Before | Equal) => false,
            (Before | After, Concurrent) => matches!(self, Self::RealTime),
            (Concurrent, Concurrent) => !matches!(self, Self::Total),
            (Concurrent, Before | After) => !matches!(self, Self::Exact),
            (Concurrent, Equal) => matches!(self, Self::Probable),
        }
    }
}

/// What a clock puts on an event, and what travels with a message.
pub trait Stamp: Clone + core::fmt::Debug {
    /// What the answers of [`causality`](Self::causality) mean.
    const GUARANTEE: Guarantee;

    /// How the event of this stamp stands to that of another.
    fn causality(&self, other: &Self) -> Causality;
}

/// The clock of one process: code that is generic over it can change its clock.
///
/// ```
/// use synod_clocks::{Causality, Clock, LamportClock, Stamp, VectorClock};
///
/// /// Two processes write, neither having heard of the other. Does the clock notice?
/// fn notices<C: Clock>(mut a: C, mut b: C) -> Result<bool, C::Error> {
///     let (left, right) = (a.tick()?, b.tick()?);
///     Ok(left.causality(&right) == Causality::Concurrent)
/// }
/// assert!(notices(VectorClock::new("a"), VectorClock::new("b"))?);
/// assert!(!notices(LamportClock::new("a"), LamportClock::new("b"))?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Laws
/// [`laws`](crate::laws) checks them for any clock:
/// * the answers about any two events keep the [`Guarantee`], and reverse with their arguments;
/// * `receive` is `merge`, then `tick`;
/// * merging is idempotent, commutative and associative, and a tick after it is after what was merged.
pub trait Clock {
    /// What it puts on events.
    type Stamp: Stamp;
    /// Why it cannot.
    type Error: core::error::Error;

    /// An event happens here: something is done, or sent.
    ///
    /// # Errors
    /// When the clock has no further stamp, or, for those that look at the real time, cannot vouch for one.
    fn tick(&mut self) -> Result<Self::Stamp, Self::Error>;

    /// Learns of an event elsewhere, without an event here.
    ///
    /// # Errors
    /// When the stamp is not one that this clock may believe.
    fn merge(&mut self, stamp: &Self::Stamp) -> Result<(), Self::Error>;

    /// A message arrives: learns of it, and stamps the arrival.
    ///
    /// # Errors
    /// As [`merge`](Self::merge) and [`tick`](Self::tick).
    fn receive(&mut self, stamp: &Self::Stamp) -> Result<Self::Stamp, Self::Error> {
        self.merge(stamp)?;
        self.tick()
    }
}
