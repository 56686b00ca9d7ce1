//! A placement that many threads read while a few replace it.
//!
//! A writer makes the next placement at leisure and publishes it whole. A reader keeps the one that it has seen last, and looks at one
//! atomic number to learn whether there is a newer: look-ups share memory with nobody. If somebody is publishing at the very moment, the
//! reader goes on with what it has; it never waits.

use crate::primitive::{Arc, AtomicU64, Mutex, MutexGuard, Ordering, PoisonError, TryLockError};

/// The present version of a value, most often a placement.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Cluster, HashFn, Node, Placement, Ring, Shared, Vnodes};
///
/// let shared = Shared::new(Ring::new(Cluster::equal(3), Vnodes::default(), HashFn::default())?);
/// let mut reader = shared.reader();                      // one for each thread
/// let before = reader.get().owner(42);
///
/// shared.update(|ring| {
///     let mut next = ring.clone();
///     next.add(Node::new(NodeId(4))).map(|()| next)
/// })?;
/// let after = reader.get().owner(42);                    // the new ring: nobody is publishing just now
/// assert!(after == before || after == NodeId(4));
/// assert_eq!(reader.version(), 1);
/// # Ok::<(), synod_hashring::PlacementError>(())
/// ```
#[derive(Debug)]
pub struct Shared<T> {
    inner: Arc<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    /// The version in `latest`; written while that is locked.
    version: AtomicU64,
    latest: Mutex<(u64, Arc<T>)>,
}

/// A thread's view of a [`Shared`] value.
#[derive(Debug)]
pub struct Reader<T> {
    inner: Arc<Inner<T>>,
    seen: u64,
    value: Arc<T>,
}

impl<T> Shared<T> {
    /// This value, as version 0.
    pub fn new(value: T) -> Self {
        let latest = Mutex::new((0, Arc::new(value)));
        Self { inner: Arc::new(Inner { version: AtomicU64::new(0), latest }) }
    }

    /// A view for a thread. Waits for a writer that is publishing just now, which takes as long as storing a pointer.
    pub fn reader(&self) -> Reader<T> {
        let (seen, value) = self.inner.latest();
        Reader { inner: Arc::clone(&self.inner), seen, value }
    }

    /// Replaces the value, and returns its version.
    pub fn publish(&self, value: T) -> u64 {
        self.inner.replace(Arc::new(value), None).unwrap_or(0)
    }

    /// Makes the next value of the present one and publishes it, unless that fails. Readers go on meanwhile. If another writer was
    /// quicker, `next` is called again, on that one's value: no update is lost.
    ///
    /// # Errors
    /// What `next` returns; nothing has changed then.
    pub fn update<E>(&self, mut next: impl FnMut(&T) -> Result<T, E>) -> Result<u64, E> {
        loop {
            let (seen, value) = self.inner.latest();
            let made = Arc::new(next(&value)?);
            if let Some(version) = self.inner.replace(made, Some(seen)) {
                return Ok(version);
            }
        }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T> Inner<T> {
    fn latest(&self) -> (u64, Arc<T>) {
        let latest = self.lock();
        (latest.0, Arc::clone(&latest.1))
    }

    /// Puts this value in the place of the latest, unless that is another version than expected. Values are dropped when nobody is locked out any
    /// more: that may take long, or panic.
    fn replace(&self, mut value: Arc<T>, expected: Option<u64>) -> Option<u64> {
        let mut latest = self.lock();
        if expected.is_some_and(|seen| seen != latest.0) {
            return None;
        }
        latest.0 += 1;
        core::mem::swap(&mut latest.1, &mut value);
        let version = latest.0;
        self.version.store(version, Ordering::Release);
        drop(latest);
        Some(version)
    }

    /// Nothing that holds the lock runs code of others, so that a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, (u64, Arc<T>)> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Reader<T> {
    /// The latest value, or the one before if somebody is publishing at this very moment. One atomic load, and no waiting.
    #[inline]
    pub fn get(&mut self) -> &T {
        if self.inner.version.load(Ordering::Acquire) != self.seen {
            self.refresh();
        }
        &self.value
    }

    #[cold]
    fn refresh(&mut self) {
        let latest = match self.inner.latest.try_lock() {
            Ok(latest) => latest,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let (seen, value) = (latest.0, Arc::clone(&latest.1));
        drop(latest);
        self.seen = seen;
        self.value = value;
    }

    /// The version that [`get`](Self::get) returned last.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.seen
    }
}

impl<T> Clone for Reader<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), seen: self.seen, value: Arc::clone(&self.value) }
    }
}
