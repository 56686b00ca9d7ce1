//! Words whose signature has been checked.

/// A value whose signature somebody has checked: what protocols take that relay others' words (Byzantine agreement).
///
/// Checking a signature is slow and needs keys, so it happens outside [`step`](crate::Protocol::step): a protocol asks for
/// it as a job, and the host answers with values of this type. Inside a protocol a `Verified<M>` cannot be made from an
/// `M`, except by [`vouch`](Verified::vouch), which is there for the code that checks, and easy to search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Verified<M>(M);

impl<M> Verified<M> {
    /// For the code that has just checked the signature over `value`.
    #[must_use]
    pub const fn vouch(value: M) -> Self {
        Self(value)
    }

    /// The value.
    pub fn into_inner(self) -> M {
        self.0
    }
}

impl<M> core::ops::Deref for Verified<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.0
    }
}
