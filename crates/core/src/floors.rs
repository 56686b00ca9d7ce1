//! The part of a shared log that nobody needs any more.

use crate::Lsn;
use alloc::collections::BTreeMap;

/// What each child of a composition has released: the shared log may be cut only below the smallest.
///
/// A child counts from the moment it is added, with [`Lsn::ZERO`]; an idle child therefore pins the log until it answers
/// [`Input::Rewrite`](crate::Input::Rewrite), and a removed child pins nothing.
///
/// ```
/// use synod_core::{Floors, Lsn};
/// let mut floors = Floors::default();
/// floors.add("a");
/// floors.add("b");
/// assert_eq!(floors.release("a", Lsn(9), Lsn(12)), None); // "b" still needs everything
/// assert_eq!(floors.release("b", Lsn(4), Lsn(0)), Some((Lsn(4), Lsn(12)))); // both must be sure
/// assert_eq!(floors.remove(&"b"), Some((Lsn(9), Lsn(12))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Floors<K> {
    /// What each child has released, and what that waits for.
    floors: BTreeMap<K, (Lsn, Lsn)>,
    released: Lsn,
}

impl<K> Default for Floors<K> {
    fn default() -> Self {
        Self { floors: BTreeMap::new(), released: Lsn::ZERO }
    }
}

impl<K: Ord> Floors<K> {
    /// Adds a child that needs everything from now on. Adding it twice changes nothing.
    pub fn add(&mut self, key: K) {
        self.floors.entry(key).or_insert((Lsn::ZERO, Lsn::ZERO));
    }

    /// The child `key` needs nothing up to `upto`, once the log is durable up to `after`; an unknown child is added. Returns
    /// the position that all have released, when it has grown, and what that waits for. O(children).
    pub fn release(&mut self, key: K, upto: Lsn, after: Lsn) -> Option<(Lsn, Lsn)> {
        let floor = self.floors.entry(key).or_insert((Lsn::ZERO, Lsn::ZERO));
        if upto > floor.0 {
            *floor = (upto, after.max(floor.1));
        }
        self.grown()
    }

    /// Removes a child. Returns the position that the others have released, when it has grown, and what that waits for.
    /// O(children).
    pub fn remove(&mut self, key: &K) -> Option<(Lsn, Lsn)> {
        self.floors.remove(key)?;
        self.grown()
    }

    fn grown(&mut self) -> Option<(Lsn, Lsn)> {
        let upto = self.floors.values().map(|(upto, _)| *upto).min()?;
        // To wait for every child's records is to wait for more than is needed, and never for less.
        let after = self.floors.values().map(|(_, after)| *after).max()?;
        (upto > self.released).then(|| {
            self.released = upto;
            (upto, after)
        })
    }
}
