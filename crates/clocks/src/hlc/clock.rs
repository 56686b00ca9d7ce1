//! The clock itself: one atomic word that only grows.

use super::borrowing::Borrowing;
use super::{Bound, HlcError, HlcPolicy, HlcStamp, Jump, JumpDetector, NodeStamp};
use crate::sync::{AtomicU64, Ordering};
use crate::wall::{UnixMillis, WallClock, WallError};
use crate::{Actor, Clock};
use alloc::sync::Arc;
use synod_core::Time;

/// A hybrid logical clock that any number of threads share, without a lock.
///
/// A stamp is the wall clock's millisecond, or, where the last stamp is not before that, the last stamp and one more. So stamps of one
/// clock are unique and grow, in the order in which threads get them, whatever the wall clock does.
///
/// * **More than 65,536 stamps in a millisecond** borrow from the next one, up to [`HlcPolicy::borrowed_ms_max`]; then
///   [`HlcError::Exhausted`]. [`lead`](Self::lead) says how much is borrowed.
/// * **A wall clock that is set back** stops nothing: stamps go on from where they were. One that is set forward is followed.
///   [`look_for_jump`](Self::look_for_jump) reports both when it is asked, and a [`WatchedClock`](crate::WatchedClock) by itself: the
///   clock alone cannot, for it has no second clock to compare with.
/// * **Remote stamps** are believed up to [`HlcPolicy::remote_ahead_ms_max`] ahead of the wall clock; what is behind is never refused.
/// * **Restarts**: a [durable](Self::durable) clock gives only stamps below a [`Bound`] that is on the disk, and begins at it again. A
///   jump into the far future runs into the bound before anybody sees a stamp of it.
///
/// ```
/// use synod_clocks::{Bound, Hlc, HlcError, HlcPolicy, SetClock, UnixMillis};
///
/// let wall = || UnixMillis::new(1_700_000_000_000);     // or `SystemClock`, with the feature `std`
/// let clock = Hlc::durable(wall, HlcPolicy::default(), None);
/// assert!(matches!(clock.now(), Err(HlcError::BeyondBound { .. })), "nothing is on the disk yet");
///
/// let bound = clock.next_bound(3_000)?;                 // three seconds ahead: once a second, persist ...
/// clock.persisted(bound);                               // ... and say so
/// let (first, second) = (clock.now()?, clock.now()?);
/// assert!(first < second);
///
/// // After a crash, with the wall clock an hour behind:
/// let behind = || UnixMillis::new(1_699_996_400_000);
/// let clock = Hlc::durable(behind, HlcPolicy::default(), Some(bound));
/// clock.persisted(clock.next_bound(3_000)?);
/// assert!(clock.now()? > second);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Hlc<W> {
    /// The bits of the last stamp. The one word that decides.
    last: AtomicU64,
    /// The bits of the first stamp that may not be given.
    fence: AtomicU64,
    borrowing: Borrowing,
    jumps: JumpDetector,
    policy: HlcPolicy,
    wall: W,
}

/// How far a clock is ahead of the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lead {
    /// By how many milliseconds in all: because of remote stamps, of a wall clock that was set back, or of borrowing.
    pub ahead_ms: u64,
    /// How many of them are borrowed, since more stamps were wanted than a millisecond has.
    pub borrowed_ms: u64,
}

impl<W: WallClock> Hlc<W> {
    /// A clock that forgets: after a restart it may give stamps again that it gave before, if the wall clock is behind them then.
    #[must_use]
    pub fn volatile(wall: W, policy: HlcPolicy) -> Self {
        Self::new(wall, policy, 0, u64::MAX)
    }

    /// A clock that is monotonic over restarts. `bound` is the last one that was persisted, `None` on a fresh disk. It gives stamps
    /// as soon as a further bound is [persisted](Self::persisted).
    #[must_use]
    pub fn durable(wall: W, policy: HlcPolicy, bound: Option<Bound>) -> Self {
        let begin = bound.map_or(0, |bound| bound.millis().get() << 16);
        Self::new(wall, policy, begin, begin)
    }

    fn new(wall: W, policy: HlcPolicy, last: u64, fence: u64) -> Self {
        Self {
            last: AtomicU64::new(last),
            fence: AtomicU64::new(fence),
            borrowing: Borrowing::new(),
            jumps: JumpDetector::new(&policy),
            policy,
            wall,
        }
    }

    /// The stamp of an event here: later than all that this clock gave or believed.
    ///
    /// # Errors
    /// See [`HlcError`]; the clock is as it was.
    #[inline]
    pub fn now(&self) -> Result<HlcStamp, HlcError> {
        let wall = self.wall.unix_millis()?;
        self.advance(wall, 0)
    }

    /// The stamp of the arrival of a message: later than the message's.
    ///
    /// # Errors
    /// [`HlcError::RemoteAhead`] for a stamp from too far in the future, which is not believed; else as [`now`](Self::now).
    pub fn receive(&self, remote: HlcStamp) -> Result<HlcStamp, HlcError> {
        let wall = self.believe(remote)?;
        self.advance(wall, remote.get())
    }

    /// Learns of a stamp without an event here: later stamps are after it.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn merge(&self, remote: HlcStamp) -> Result<(), HlcError> {
        self.believe(remote)?;
        let fence = self.fence.load(Ordering::Acquire);
        if remote.get() >= fence {
            return Err(beyond(fence));
        }
        // As in `advance`: the word itself is all that is shared.
        self.last.fetch_max(remote.get(), Ordering::Relaxed);
        Ok(())
    }

    /// The last stamp that it gave or believed.
    #[must_use]
    pub fn last(&self) -> HlcStamp {
        HlcStamp::from_bits(self.last.load(Ordering::Relaxed))
    }

    /// How far it is ahead of the wall clock, and why.
    ///
    /// # Errors
    /// The wall clock's.
    pub fn lead(&self) -> Result<Lead, WallError> {
        let wall = self.wall.unix_millis()?.get();
        let millis = self.last().millis().get();
        Ok(Lead { ahead_ms: millis.saturating_sub(wall), borrowed_ms: self.borrowing.at(millis, wall) })
    }

    /// Whether the wall clock jumped since the last look, by the monotonic clock of the caller. Nothing is reported unless somebody
    /// asks: see [`JumpDetector`], and [`WatchedClock`](crate::WatchedClock) for reports without asking.
    ///
    /// # Errors
    /// The wall clock's.
    pub fn look_for_jump(&self, monotonic: Time) -> Result<Option<Jump>, WallError> {
        Ok(self.jumps.look(self.wall.unix_millis()?, monotonic))
    }

    /// The bound to persist next, so that stamps can be given for `horizon_ms` from now on. Persist it well before the old one is
    /// reached, then say so with [`persisted`](Self::persisted). It is never lower than the one before. A crash makes the clock begin up to `horizon_ms` ahead.
    ///
    /// # Errors
    /// The wall clock's.
    pub fn next_bound(&self, horizon_ms: u64) -> Result<Bound, WallError> {
        // Where it begins after a restart, or where it is: whatever is later.
        let next = HlcStamp::from_bits(self.last.load(Ordering::Relaxed).saturating_add(1)).millis();
        let now = self.wall.unix_millis()?.max(next);
        // Never below the last one, up to which stamps may be given until this one is on the disk.
        let fence = match self.fence.load(Ordering::Relaxed) {
            u64::MAX => UnixMillis::EPOCH,
            fence => UnixMillis::of_word(fence),
        };
        Ok(Bound::new(now.saturating_add(horizon_ms.max(1)).max(fence)))
    }

    /// A bound is on the disk: stamps below it may be given. A lower one than before changes nothing.
    pub fn persisted(&self, bound: Bound) {
        // Whoever gets a stamp that this allows also sees what was written before: that the bound is on the disk.
        self.fence.fetch_max(bound.millis().get() << 16, Ordering::Release);
    }

    /// What it puts up with.
    pub const fn policy(&self) -> &HlcPolicy {
        &self.policy
    }

    /// The wall clock that it reads.
    pub const fn wall(&self) -> &W {
        &self.wall
    }

    /// As the clock of one node, whose stamps carry its name: a [`Clock`].
    pub fn node<A: Actor>(self: &Arc<Self>, node: A) -> NodeHlc<W, A> {
        NodeHlc { clock: Arc::clone(self), node }
    }

    /// Refuses a stamp that is too far ahead of the wall clock, unless the clock is there anyway.
    fn believe(&self, remote: HlcStamp) -> Result<UnixMillis, HlcError> {
        let wall = self.wall.unix_millis()?;
        let ahead_ms = remote.millis().get().saturating_sub(wall.get());
        let limit_ms = self.policy.remote_ahead_ms_max;
        if ahead_ms > limit_ms && remote.get() > self.last.load(Ordering::Relaxed) {
            return Err(HlcError::RemoteAhead { ahead_ms, limit_ms });
        }
        Ok(wall)
    }

    /// The next stamp that is after the last, after `past`, and not before the wall clock.
    ///
    /// The orderings of `last` are relaxed: the stamps of all threads are the values of one word, which every thread sees in one order,
    /// so that a thread which heard of a stamp in any way that makes memory visible gets a later one. No other memory depends on it.
    #[inline]
    fn advance(&self, wall: UnixMillis, past: u64) -> Result<HlcStamp, HlcError> {
        let physical = wall.get() << 16;
        let fence = self.fence.load(Ordering::Acquire);
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let previous = last.max(past);
            let next = if physical > previous { physical } else { previous.saturating_add(1) };
            if next >= fence {
                return Err(beyond(fence));
            }
            if next & 0xffff == 0 && next > physical {
                self.borrow_until(next, wall)?;
            }
            match self.last.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(HlcStamp::from_bits(next)),
                Err(seen) => last = seen,
            }
        }
    }

    /// The counter of a millisecond is used up, and the next one has not begun.
    #[cold]
    fn borrow_until(&self, next: u64, wall: UnixMillis) -> Result<(), HlcError> {
        let full = (next >> 16) - 1;
        let limit = u64::from(self.policy.borrowed_ms_max);
        let borrowed_ms = self.borrowing.at(full, wall.get());
        if borrowed_ms >= limit {
            return Err(HlcError::Exhausted { borrowed_ms });
        }
        self.borrowing.note(full);
        Ok(())
    }
}

#[cold]
fn beyond(fence: u64) -> HlcError {
    if fence == u64::MAX {
        HlcError::RollOver
    } else {
        HlcError::BeyondBound { bound_ms: HlcStamp::from_bits(fence).millis().get() }
    }
}

/// A hybrid clock seen as that of one node: what [`Hlc::node`] gives.
///
/// Clones are the same clock: a node has one, for all of its threads.
#[derive(Clone, Debug)]
pub struct NodeHlc<W, A> {
    clock: Arc<Hlc<W>>,
    node: A,
}

impl<W: WallClock, A: Actor> Clock for NodeHlc<W, A> {
    type Stamp = NodeStamp<A>;
    type Error = HlcError;

    fn tick(&mut self) -> Result<NodeStamp<A>, HlcError> {
        self.clock.now().map(|stamp| NodeStamp { stamp, node: self.node })
    }

    fn merge(&mut self, stamp: &NodeStamp<A>) -> Result<(), HlcError> {
        self.clock.merge(stamp.stamp)
    }

    fn receive(&mut self, stamp: &NodeStamp<A>) -> Result<NodeStamp<A>, HlcError> {
        self.clock.receive(stamp.stamp).map(|stamp| NodeStamp { stamp, node: self.node })
    }
}
