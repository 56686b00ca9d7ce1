//! Dots: the names of single events, and what is missing between them.

use core::fmt::Debug;
use core::hash::Hash;
use core::num::NonZeroU64;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// Who does things: an identifier that no two replicas share.
///
/// Every plain, ordered value is one: [`NodeId`](synod_core::NodeId), `u64`, `u128`, `[u8; 16]`. Its order decides how vectors are
/// laid out and nothing else. Two replicas that use one actor break every clock of this crate: make actors from node identity and
/// incarnation, or at random with 128 bits.
pub trait Actor: Copy + Ord + Hash + Debug {}

impl<T: Copy + Ord + Hash + Debug> Actor for T {}

/// One event: the `counter`-th of its `actor`, counted from one (Almeida, Baquero, Gonçalves, Preguiça and Fonte, "Scalable and
/// Accurate Causality Tracking for Eventually Consistent Stores", 2014).
///
/// `Option<Dot<u64>>` takes no more room than `Dot<u64>`.
///
/// ```
/// use synod_clocks::Dot;
/// let dot = Dot::at("a", 3).unwrap();
/// assert_eq!((dot.actor, dot.count()), ("a", 3));
/// assert_eq!(Dot::at("a", 0), None, "nothing has happened yet: there is no such event");
/// assert_eq!(core::mem::size_of::<Option<Dot<u64>>>(), 16);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dot<A> {
    /// Who.
    pub actor: A,
    /// Its how-manieth event.
    pub counter: NonZeroU64,
}

impl<A> Dot<A> {
    /// The `counter`-th event of `actor`.
    pub const fn new(actor: A, counter: NonZeroU64) -> Self {
        Self { actor, counter }
    }

    /// As [`new`](Self::new), from a plain number. `None` for zero: events are counted from one.
    pub fn at(actor: A, counter: u64) -> Option<Self> {
        NonZeroU64::new(counter).map(|counter| Self { actor, counter })
    }

    /// The counter as a plain number.
    pub const fn count(&self) -> u64 {
        self.counter.get()
    }
}

/// The events `first..=last` of one actor: never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DotRange<A> {
    /// Who.
    pub actor: A,
    /// The first of its events.
    pub first: NonZeroU64,
    /// The last of them, not before the first.
    pub last: NonZeroU64,
}

impl<A: Copy> DotRange<A> {
    /// The events `first..=last`; `None` where there are none.
    pub fn new(actor: A, first: NonZeroU64, last: NonZeroU64) -> Option<Self> {
        (first <= last).then_some(Self { actor, first, last })
    }

    /// How many events.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.last.get() - self.first.get() + 1
    }

    /// Each of them, in order.
    pub fn dots(self) -> impl Iterator<Item = Dot<A>> {
        (self.first.get()..=self.last.get())
            .filter_map(NonZeroU64::new)
            .map(move |counter| Dot::new(self.actor, counter))
    }
}

/// Why a dot was not made, or not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DotError {
    /// The actor has used all 2⁶⁴ − 1 dots.
    #[error("this actor has used its last counter, 2^64 - 1: go on under a new actor")]
    Exhausted,
    /// Somebody speaks of an event of this actor that it has not had.
    #[error(
        "event {claimed} of this actor is spoken of, and it had {issued}: forged, or the actor lost its memory; \
         refuse, and let the actor go on under a new name"
    )]
    Unissued {
        /// The counter that was spoken of.
        claimed: u64,
        /// How many it had.
        issued: u64,
    },
    /// Events are missing before it.
    #[error("event {got} came before event {expected}: ask for the events between, or wait for them")]
    Gap {
        /// The counter that comes next.
        expected: u64,
        /// The counter that came.
        got: u64,
    },
}

impl DotError {
    /// Refuses the claim of an event that its actor, who is asked, has not had.
    #[inline]
    pub(crate) const fn refuse_unissued(claimed: u64, issued: u64) -> Result<(), Self> {
        if claimed > issued { Err(Self::Unissued { claimed, issued }) } else { Ok(()) }
    }
}

impl<A: Wire> Wire for Dot<A> {
    const LEN_MIN: usize = A::LEN_MIN + 8;

    fn encode(&self, out: &mut Writer<'_>) {
        self.actor.encode(out);
        out.u64(self.counter.get());
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let actor = A::decode(input)?;
        Self::at(actor, input.u64()?).ok_or(WireError::Invalid { field: "counter of a dot" })
    }
}
