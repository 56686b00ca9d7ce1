//! Where in history: terms, indices, and the pair of both that names an entry.

use core::fmt;

/// A term: the number of an election. At most one leader is elected in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Term(pub u64);

impl Term {
    /// Before the first election.
    pub const ZERO: Self = Self(0);
    /// The last term that a node takes part in. Whatever claims a later one is forged or corrupt, and refused: a single
    /// message could otherwise use up all the terms that are left.
    pub const MAX: Self = Self(1 << 62);

    /// The term after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The position of an entry in the replicated log. The first entry is at 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Index(pub u64);

impl Index {
    /// Before the first entry.
    pub const ZERO: Self = Self(0);
    /// The last position that an entry can have; see [`Term::MAX`].
    pub const MAX: Self = Self(1 << 62);

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }

    /// The position before this one; [`Index::ZERO`] has none, and stays.
    #[must_use]
    pub const fn prev(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The position `count` after this one.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// How many positions lie from `earlier` to `self`; 0 where `earlier` is the later of the two.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Names an entry, and with it the whole log before it: two logs that both hold an entry of this name are equal up to
/// there (the Log Matching property, section 5.3 of the Raft paper).
///
/// The order is that of section 5.4.1, term first and then index: of two logs, the one whose last entry is the greater is
/// the more up-to-date.
///
/// ```
/// use synod_raft::{EntryId, Index, Term};
/// let short_and_new = EntryId { term: Term(3), index: Index(1) };
/// let long_and_old = EntryId { term: Term(2), index: Index(9) };
/// assert!(short_and_new > long_and_old);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EntryId {
    /// The term in which a leader made the entry.
    pub term: Term,
    /// Its position.
    pub index: Index,
}

impl EntryId {
    /// Before the first entry: every log agrees on it.
    pub const ZERO: Self = Self { term: Term::ZERO, index: Index::ZERO };
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.term, self.index)
    }
}
