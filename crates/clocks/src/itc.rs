//! Interval tree clocks: causality among processes that come and go without names (Almeida, Baquero and Fonte, "Interval Tree
//! Clocks: A Logical Clock for Dynamic Systems", 2008).

mod event;
mod identity;

use crate::{Causality, Clock, Guarantee, Stamp};
use core::fmt;
use event::Event;
use identity::Identity;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// How deep the trees of a clock may be: no input makes it recurse further.
pub(crate) const DEPTH_MAX: usize = 192;

/// The clock of one process: its identity, a share of the interval from 0 to 1, and all that it knows, a function over the whole
/// interval.
///
/// A process is born by a [`fork`](Self::fork) of any other, without asking anybody, and gives its share back when it
/// [joins](Self::join) another, so that the size of stamps follows the number of processes that live, not of those that ever lived.
/// The clock is not `Clone`: two processes with one share would break causality. It has a byte form, to be kept on a disk or handed to
/// a new process; whoever restores it twice makes the same mistake.
///
/// ```
/// use synod_clocks::{Causality, Clock, Itc, Stamp};
/// let mut a = Itc::seed();
/// let mut b = a.fork()?;                                // a child process
/// let (sent, other) = (a.tick()?, b.tick()?);
/// assert_eq!(sent.causality(&other), Causality::Concurrent);
/// let received = b.receive(&sent)?;
/// assert_eq!(sent.causality(&received), Causality::Before);
/// a.join(b)?;                                           // the child is gone, and its share is back
/// a.tick()?;
/// assert_eq!(a.to_string(), "(1, 2)");                  // one process owns all again, and its tree is a leaf
/// # Ok::<(), synod_clocks::ItcError>(())
/// ```
///
/// # Processes that die
/// A share that dies with its process is not lost: see [`reclaim`](Self::reclaim).
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Itc {
    identity: Identity,
    known: Event,
}

/// Why an interval tree clock does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ItcError {
    /// The two own a common part of the interval.
    #[error("two clocks own the same share of identity: one of them was restored or copied; retire both")]
    Overlap,
    /// The clock owns nothing.
    #[error("this clock owns no share of identity: fork one from a process that does")]
    Anonymous,
    /// The identity would become too finely divided.
    #[error("the share was halved {DEPTH_MAX} times: fork from another process, or join some that are idle")]
    TooDeep,
    /// A counter is at its end.
    #[error("an event counter has reached 2^64 - 1: a forged stamp was merged; begin anew from a fresh seed")]
    Exhausted,
}

impl Itc {
    /// The first process of a system: it owns the whole interval.
    #[must_use]
    pub const fn seed() -> Self {
        Self { identity: Identity::Whole, known: Event::ZERO }
    }

    /// A new process that knows all that this one does, and owns half of its share.
    ///
    /// # Errors
    /// [`ItcError::TooDeep`] where the share was halved too often.
    pub fn fork(&mut self) -> Result<Self, ItcError> {
        let (left, right) = core::mem::take(&mut self.identity).split();
        if left.depth() > DEPTH_MAX || right.depth() > DEPTH_MAX {
            // What was one share is one share again: the halves do not overlap.
            self.identity = left.sum(right)?;
            return Err(ItcError::TooDeep);
        }
        self.identity = left;
        Ok(Self { identity: right, known: self.known.clone() })
    }

    /// What this process knows, as a stamp: the paper's "peek". Not an event.
    #[must_use]
    pub fn peek(&self) -> ItcStamp {
        ItcStamp { known: self.known.clone() }
    }

    /// Another process retires into this one, which takes over its share and all that it knows.
    ///
    /// # Errors
    /// [`ItcError::Overlap`] if both own a common part, which no two processes of a system do; this clock is as it was, and the other is
    /// lost.
    pub fn join(&mut self, other: Self) -> Result<(), ItcError> {
        if self.identity.overlaps(&other.identity) {
            return Err(ItcError::Overlap);
        }
        self.identity = core::mem::take(&mut self.identity).sum(other.identity)?;
        self.known.merge(&other.known);
        Ok(())
    }

    /// Takes over whatever part of the interval neither this process nor any of the living owns: the shares of all who died.
    ///
    /// `living` must be *all* other processes that live, with what each of them knows now. Before that, the dead must be dead for certain
    /// (fenced, so that none comes back with its old clock), and no message or child of theirs may be on its way: a stamp
    /// of the dead that somebody learns of later would be mistaken for an event of this process.
    ///
    /// # Errors
    /// [`ItcError::Overlap`] if two of the living own a common part; nothing changes then.
    pub fn reclaim<'a>(&mut self, living: impl IntoIterator<Item = &'a Self>) -> Result<(), ItcError> {
        let mut owned = self.identity.clone();
        let mut known = self.known.clone();
        for other in living {
            if owned.overlaps(&other.identity) {
                return Err(ItcError::Overlap);
            }
            owned = owned.sum(other.identity.clone())?;
            known.merge(&other.known);
        }
        self.identity = core::mem::take(&mut self.identity).sum(owned.rest())?;
        self.known = known;
        Ok(())
    }

    /// How many nodes its two trees have: a measure of its size, near the bytes of its byte form.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.identity.nodes() + self.known.nodes()
    }
}

/// As the paper writes stamps: identity and events.
impl fmt::Display for Itc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.identity, self.known)
    }
}

impl Clock for Itc {
    type Stamp = ItcStamp;
    type Error = ItcError;

    fn tick(&mut self) -> Result<ItcStamp, ItcError> {
        self.known.inflate(&self.identity)?;
        Ok(self.peek())
    }

    fn merge(&mut self, stamp: &ItcStamp) -> Result<(), ItcError> {
        self.known.merge(&stamp.known);
        Ok(())
    }
}

/// All that a process knew at an event: what travels with messages and stands beside data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ItcStamp {
    known: Event,
}

impl ItcStamp {
    /// The stamp of who knows nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { known: Event::ZERO }
    }

    /// How many nodes its tree has.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.known.nodes()
    }
}

impl Default for ItcStamp {
    fn default() -> Self {
        Self::new()
    }
}

/// As the paper writes it: `(2, 0, 1)` is two events of everybody, and one more in the right half.
impl fmt::Display for ItcStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.known, f)
    }
}

impl Stamp for ItcStamp {
    const GUARANTEE: Guarantee = Guarantee::Exact;

    fn causality(&self, other: &Self) -> Causality {
        Causality::from_surplus(!self.known.is_below(&other.known), !other.known.is_below(&self.known))
    }
}

/// The identity, then the events: each tree in preorder.
impl Wire for Itc {
    const LEN_MIN: usize = 2;

    fn encode(&self, out: &mut Writer<'_>) {
        self.identity.encode(out);
        self.known.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { identity: Identity::decode(input)?, known: Event::decode(input)? })
    }
}

impl Wire for ItcStamp {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        self.known.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { known: Event::decode(input)? })
    }
}

/// As its bytes: trees have no better form.
#[cfg(feature = "serde")]
mod serial {
    use super::{Itc, ItcStamp};
    use alloc::vec::Vec;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use synod_core::wire::Wire;

    /// The version of the form, which is fixed where nobody negotiates it.
    const VERSION: u8 = 1;

    impl Serialize for Itc {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.to_bytes(VERSION))
        }
    }

    impl<'de> Deserialize<'de> for Itc {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let bytes = Vec::<u8>::deserialize(deserializer)?;
            Self::from_bytes(bytes.into(), VERSION).map_err(D::Error::custom)
        }
    }

    impl Serialize for ItcStamp {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.to_bytes(VERSION))
        }
    }

    impl<'de> Deserialize<'de> for ItcStamp {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let bytes = Vec::<u8>::deserialize(deserializer)?;
            Self::from_bytes(bytes.into(), VERSION).map_err(D::Error::custom)
        }
    }
}
