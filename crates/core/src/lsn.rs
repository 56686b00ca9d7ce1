//! How far: positions in a node's log.

use core::fmt;

/// A position in one node's log: the number of records up to and including the one it names.
///
/// Durability is always a prefix: when `Lsn(7)` is durable, so are 1 to 6. `Lsn::ZERO` is before every record and
/// therefore always durable. Positions continue over restarts and are never used for two different records that
/// both survived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Lsn(pub u64);

impl Lsn {
    /// Before the first record.
    pub const ZERO: Self = Self(0);

    /// The position of the record after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}
