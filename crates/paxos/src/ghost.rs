//! Bookkeeping that is not a part of the state.

use core::hash::{Hash, Hasher};

/// A field by which two nodes in the same state may differ: equal to every other, and nothing to a hash. A model checker then
/// does not visit one state many times.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ghost<T>(pub(crate) T);

impl<T> PartialEq for Ghost<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Ghost<T> {}

impl<T> Hash for Ghost<T> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
