//! The part of a shared log that nobody needs any more.

use crate::Lsn;
use alloc::collections::{BTreeMap, BTreeSet};

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
/// assert_eq!(floors.of(&"a"), Some(Lsn(9)));
/// assert_eq!(floors.release("b", Lsn(4), Lsn(0)), Some((Lsn(4), Lsn(12)))); // both must be sure
/// assert_eq!(floors.remove(&"b"), Some((Lsn(9), Lsn(12))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Floors<K> {
    /// What each child has released.
    floors: BTreeMap<K, Lsn>,
    /// The same in order, so that the smallest is found among thousands.
    order: BTreeSet<(Lsn, K)>,
    /// What the releases so far wait for. To wait for every child's records is to wait for more than is needed, and never for less.
    after: Lsn,
    released: Lsn,
}

impl<K> Default for Floors<K> {
    fn default() -> Self {
        Self { floors: BTreeMap::new(), order: BTreeSet::new(), after: Lsn::ZERO, released: Lsn::ZERO }
    }
}

impl<K: Ord + Clone> Floors<K> {
    /// Adds a child that needs everything from now on. Adding it twice changes nothing.
    pub fn add(&mut self, key: K) {
        self.floors.entry(key.clone()).or_insert_with(|| {
            self.order.insert((Lsn::ZERO, key));
            Lsn::ZERO
        });
    }

    /// What the child has released; `None` for an unknown one.
    #[must_use]
    pub fn of(&self, key: &K) -> Option<Lsn> {
        self.floors.get(key).copied()
    }

    /// The child `key` needs nothing up to `upto`, once the log is durable up to `after`; an unknown child is added. Returns
    /// the position that all have released, when it has grown, and what that waits for. O(log children).
    pub fn release(&mut self, key: K, upto: Lsn, after: Lsn) -> Option<(Lsn, Lsn)> {
        self.add(key.clone());
        if let Some(floor) = self.floors.get_mut(&key).filter(|floor| upto > **floor) {
            self.order.remove(&(*floor, key.clone()));
            *floor = upto;
            self.order.insert((upto, key));
            self.after = self.after.max(after);
        }
        self.grown()
    }

    /// Removes a child. Returns the position that the others have released, when it has grown, and what that waits for.
    /// O(log children).
    pub fn remove(&mut self, key: &K) -> Option<(Lsn, Lsn)> {
        let floor = self.floors.remove(key)?;
        self.order.remove(&(floor, key.clone()));
        self.grown()
    }

    fn grown(&mut self) -> Option<(Lsn, Lsn)> {
        let (upto, _) = self.order.first()?;
        (*upto > self.released).then(|| {
            self.released = *upto;
            (self.released, self.after)
        })
    }
}
