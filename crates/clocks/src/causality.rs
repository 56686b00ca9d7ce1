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
