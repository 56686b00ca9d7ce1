//! One value: every concurrent one, or the latest.

use crate::resolve::{Latest, Stamped, Write};
use crate::{ActorId, Causal, CausalOp, Crdt, DotFun, Refused};
use core::fmt::Debug;

/// A register that keeps every concurrent value until a writer has seen them all.
///
/// ```
/// use synod_crdt::{ActorId, Crdt, MvRegister};
/// let (a, b) = (ActorId::from(1), ActorId::from(2));
/// let (mut left, mut right) = (MvRegister::new(), MvRegister::new());
/// left.write(a, "blue")?;
/// right.write(b, "green")?;
/// let _ = left.merge(&right)?;
/// assert_eq!(left.values().collect::<Vec<_>>(), [&"blue", &"green"]);   // a conflict, and nothing lost
/// left.write(a, "teal")?;                                              // settled by somebody who has seen both
/// let _ = right.merge(&left)?;
/// assert_eq!(right.values().collect::<Vec<_>>(), [&"teal"]);
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
pub type MvRegister<V> = Causal<DotFun<V>>;

impl<V: Clone + Debug + Ord> MvRegister<V> {
    /// Writes over everything that is here.
    ///
    /// # Errors
    /// [`Refused::Exhausted`] when the actor has used all its counters.
    pub fn write(&mut self, actor: ActorId, value: V) -> Result<CausalOp<V>, Refused> {
        self.act(actor, Write::Put(value))
    }

    /// Clears everything that is here; what is written concurrently stays.
    ///
    /// # Errors
    /// None: no counter is used.
    pub fn clear(&mut self, actor: ActorId) -> Result<CausalOp<V>, Refused> {
        self.act(actor, Write::Clear)
    }

    /// The values that nobody has written over, by the dots under which they were written.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> {
        self.store().siblings().iter().map(|(_, value)| value)
    }
}

/// A register in which the latest write wins: of those that did not know of each other, the one with the latest time; of equal times,
/// the one whose dot (actor, then counter) is greatest, on every replica the same.
///
/// A write never loses to what its writer had seen, however wrong the clocks are. That is more than last-writer-wins by wall clock
/// gives, and it costs nothing; of two *concurrent* writes one is still dropped, so take [`MvRegister`] where both matter.
///
/// ```
/// use synod_crdt::{ActorId, Crdt, LwwRegister};
/// let (a, b) = (ActorId::from(1), ActorId::from(2));
/// let (mut fast, mut slow) = (LwwRegister::new(), LwwRegister::new());
/// fast.write(a, 1_000, "from a clock that is ahead")?;
/// let _ = slow.merge(&fast)?;
/// slow.write(b, 3, "written later, by a clock that is behind")?;
/// let _ = fast.merge(&slow)?;
/// assert_eq!(fast.read(), Some(&"written later, by a clock that is behind"));
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
pub type LwwRegister<V> = Causal<DotFun<Stamped<V>, Latest>>;

impl<V: Clone + Debug + PartialEq> LwwRegister<V> {
    /// Writes `value` at `time`: a hybrid logical clock's stamp is best. Any unit will do, if all use the same.
    ///
    /// # Errors
    /// [`Refused::Exhausted`] when the actor has used all its counters.
    pub fn write(&mut self, actor: ActorId, time: u64, value: V) -> Result<CausalOp<Stamped<V>>, Refused> {
        self.act(actor, Write::Put(Stamped { time, value }))
    }

    /// The value that has won, so far.
    pub fn read(&self) -> Option<&V> {
        Latest::of(self.store().siblings()).map(|stamped| &stamped.value)
    }
}
