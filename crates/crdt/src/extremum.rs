//! The greatest or the least value that anybody has offered.

use crate::{ActorId, Change, Crdt, Delivery, Refused};
use core::fmt::Debug;
use core::marker::PhantomData;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// Which of two values is kept.
pub trait Direction: Clone + Debug + Default + PartialEq {
    /// Whether `new` replaces `old`.
    fn replaces<V: Ord>(new: &V, old: &V) -> bool;
}

/// The greater one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Greatest;

impl Direction for Greatest {
    fn replaces<V: Ord>(new: &V, old: &V) -> bool {
        new > old
    }
}

/// The lesser one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Least;

impl Direction for Least {
    fn replaces<V: Ord>(new: &V, old: &V) -> bool {
        new < old
    }
}

/// A register that keeps the greatest value offered: a high score, the latest version seen.
///
/// ```
/// use synod_crdt::{Crdt, MaxRegister};
/// let (mut a, mut b) = (MaxRegister::new(), MaxRegister::new());
/// a.offer(3);
/// b.offer(7);
/// let _ = a.merge(&b)?;
/// assert_eq!(a.get(), Some(&7));
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
pub type MaxRegister<V> = Extremum<V, Greatest>;

/// A register that keeps the least value offered.
pub type MinRegister<V> = Extremum<V, Least>;

/// What [`MaxRegister`] and [`MinRegister`] have in common. It needs neither actors nor a context.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Extremum<V, D> {
    value: Option<V>,
    direction: PhantomData<D>,
}

impl<V, D> Default for Extremum<V, D> {
    fn default() -> Self {
        Self { value: None, direction: PhantomData }
    }
}

impl<V: Ord + Clone, D: Direction> Extremum<V, D> {
    /// Nothing offered yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers a value; says whether it is kept.
    pub fn offer(&mut self, value: V) -> bool {
        let kept = self.value.as_ref().is_none_or(|old| D::replaces(&value, old));
        if kept {
            self.value = Some(value);
        }
        kept
    }

    /// The value that is kept.
    pub fn get(&self) -> Option<&V> {
        self.value.as_ref()
    }
}

impl<V: Ord + Clone + Debug, D: Direction> Crdt for Extremum<V, D> {
    type Action = V;
    type Op = V;
    type Delta = Option<V>;
    type Version = Option<V>;
    type View = Option<V>;

    const DELIVERY: Delivery = Delivery::Any;

    fn prepare(&self, _: ActorId, value: V) -> Result<V, Refused> {
        Ok(value)
    }

    fn apply(&mut self, op: &V) -> Result<Change, Refused> {
        let new = self.value.as_ref().is_none_or(|old| D::replaces(op, old));
        Ok(Change::grown_if(new && self.offer(op.clone())))
    }

    fn delta_of(op: &V) -> Option<V> {
        Some(op.clone())
    }

    fn version(&self) -> Option<V> {
        self.value.clone()
    }

    fn delta_since(&self, version: &Option<V>) -> Option<V> {
        let news = |value: &&V| version.as_ref().is_none_or(|old| D::replaces(*value, old));
        self.value.as_ref().filter(news).cloned()
    }

    fn join(&mut self, delta: &Option<V>) -> Result<Change, Refused> {
        delta.as_ref().map_or(Ok(Change::Same), |value| self.apply(value))
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        self.join(&other.value)
    }

    fn view(&self) -> Option<V> {
        self.value.clone()
    }
}

#[cfg(feature = "serde")]
impl<V: serde::Serialize, D> serde::Serialize for Extremum<V, D> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de, V: serde::Deserialize<'de>, D> serde::Deserialize<'de> for Extremum<V, D> {
    fn deserialize<F: serde::Deserializer<'de>>(deserializer: F) -> Result<Self, F::Error> {
        Ok(Self { value: Option::deserialize(deserializer)?, direction: PhantomData })
    }
}

impl<V: Wire, D> Wire for Extremum<V, D> {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        self.value.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { value: Option::decode(input)?, direction: PhantomData })
    }
}
