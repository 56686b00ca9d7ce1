//! The atomics of this crate: those of `core`, or loom's where `--cfg loom` explores every interleaving of them in a model.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
