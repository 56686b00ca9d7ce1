//! Several values were written at once: what does a reader see?
//!
//! A policy of one's own takes a few lines, and the law kit checks it:
//!
//! ```
//! use synod_crdt::laws::Laws;
//! use synod_crdt::resolve::{Resolve, Write, replace};
//! use synod_crdt::store::Plan;
//! use synod_crdt::{ActorId, Causal, Crdt, Dot, DotFun, Refused};
//!
//! /// Of titles that were written concurrently, the longest is shown.
//! #[derive(Clone, Debug, Default, PartialEq)]
//! struct Longest;
//!
//! impl Resolve<&'static str> for Longest {
//!     type Action = Write<&'static str>;
//!     type View = Option<&'static str>;
//!
//!     fn plan(
//!         here: &[(Dot, &'static str)],
//!         _: ActorId,
//!         action: Self::Action,
//!     ) -> Result<Plan<&'static str>, Refused> {
//!         Ok(replace(here, action.value()))
//!     }
//!
//!     fn view(here: &[(Dot, &'static str)]) -> Self::View {
//!         here.iter().map(|(_, title)| *title).max_by_key(|title| (title.len(), *title))
//!     }
//! }
//!
//! type Title = Causal<DotFun<&'static str, Longest>>;
//! let (mut here, mut there) = (Title::new(), Title::new());
//! here.act(ActorId::from(1), Write::Put("Dune"))?;
//! there.act(ActorId::from(2), Write::Put("Dune Messiah"))?;
//! let _ = here.merge(&there)?;
//! assert_eq!(here.view(), Some("Dune Messiah"));
//! Laws::<Title>::new(["Dune", "Dune Messiah"].map(Write::Put)).random(0..200, 12).unwrap();
//! # Ok::<(), Refused>(())
//! ```

use crate::store::Plan;
use crate::{ActorId, Dot, Refused};
use alloc::vec::Vec;
use core::fmt::Debug;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// How concurrent values of one [`DotFun`](crate::DotFun) are read, and how one writes. None of them is thrown away before a writer has
/// seen it: which makes every policy here safe inside maps whose keys are removed.
pub trait Resolve<V>: Clone + Debug + Default + PartialEq {
    /// What a user wants done.
    type Action: Clone + Debug;
    /// What a reader observes.
    type View: Debug + PartialEq;

    /// What `action` does if `actor` does it now. By the usual rule, a write replaces all that is there: [`replace`].
    ///
    /// # Errors
    /// When it makes no sense here.
    fn plan(here: &[(Dot, V)], actor: ActorId, action: Self::Action) -> Result<Plan<V>, Refused>;

    /// What a reader observes, if these are there.
    fn view(here: &[(Dot, V)]) -> Self::View;

    /// Whether what is void is collected. Then every write must replace all that is there.
    const COLLECTS: bool = false;

    /// Whether a reader cannot tell these from nothing: then they are garbage once everybody has seen them.
    fn is_void(here: &[(Dot, V)]) -> bool {
        here.is_empty()
    }
}

/// The plan that replaces all that is here.
#[must_use]
pub fn replace<V>(here: &[(Dot, V)], inserts: Option<V>) -> Plan<V> {
    Plan { removes: here.iter().map(|(dot, _)| *dot).collect(), inserts }
}

/// Write a value, or clear what has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Write<V> {
    /// This value, in place of all that are there.
    Put(V),
    /// Nothing, in place of all that are there.
    Clear,
}

impl<V> Write<V> {
    /// What is written, if anything is.
    pub fn value(self) -> Option<V> {
        match self {
            Self::Put(value) => Some(value),
            Self::Clear => None,
        }
    }
}

/// A reader sees every value: conflicts are the reader's to settle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Every;

impl<V: Clone + Debug + Ord> Resolve<V> for Every {
    type Action = Write<V>;
    type View = Vec<V>;

    fn plan(here: &[(Dot, V)], _: ActorId, action: Write<V>) -> Result<Plan<V>, Refused> {
        Ok(replace(here, action.value()))
    }

    /// The values, sorted, each once.
    fn view(here: &[(Dot, V)]) -> Vec<V> {
        let mut values: Vec<V> = here.iter().map(|(_, value)| value.clone()).collect();
        values.sort();
        values.dedup();
        values
    }
}

/// A value, and the time at which its writer says that it was written: a hybrid logical clock's stamp, say. The unit is the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stamped<V> {
    /// When.
    pub time: u64,
    /// What.
    pub value: V,
}

/// Of values that were written concurrently a reader sees the one with the latest time; of equal times, the one whose dot is greatest.
/// The time never beats causality: who has seen a value and writes over it replaces it, whatever the clocks say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Latest;

impl Latest {
    /// The one that a reader sees.
    pub(crate) fn of<V>(here: &[(Dot, Stamped<V>)]) -> Option<&Stamped<V>> {
        here.iter().max_by_key(|(dot, stamped)| (stamped.time, *dot)).map(|(_, stamped)| stamped)
    }
}

impl<V: Clone + Debug + PartialEq> Resolve<Stamped<V>> for Latest {
    type Action = Write<Stamped<V>>;
    type View = Option<V>;

    fn plan(
        here: &[(Dot, Stamped<V>)],
        _: ActorId,
        action: Self::Action,
    ) -> Result<Plan<Stamped<V>>, Refused> {
        Ok(replace(here, action.value()))
    }

    fn view(here: &[(Dot, Stamped<V>)]) -> Option<V> {
        Self::of(here).map(|stamped| stamped.value.clone())
    }
}

/// As [`Latest`], over values that may be absent: a removal is a write of `None`, and has its time like any other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LatestPresent;

impl<V: Clone + Debug + PartialEq> Resolve<Stamped<Option<V>>> for LatestPresent {
    type Action = Stamped<Option<V>>;
    type View = Option<V>;

    const COLLECTS: bool = true;

    fn plan(
        here: &[(Dot, Stamped<Option<V>>)],
        _: ActorId,
        action: Self::Action,
    ) -> Result<Plan<Stamped<Option<V>>>, Refused> {
        Ok(replace(here, Some(action)))
    }

    fn view(here: &[(Dot, Stamped<Option<V>>)]) -> Option<V> {
        Latest::of(here).and_then(|stamped| stamped.value.clone())
    }

    fn is_void(here: &[(Dot, Stamped<Option<V>>)]) -> bool {
        Latest::of(here).is_none_or(|stamped| stamped.value.is_none())
    }
}

/// True if there is a value and all are: a concurrent `false` wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AllTrue;

impl Resolve<bool> for AllTrue {
    type Action = bool;
    type View = bool;

    const COLLECTS: bool = true;

    fn plan(here: &[(Dot, bool)], _: ActorId, action: bool) -> Result<Plan<bool>, Refused> {
        Ok(replace(here, Some(action)))
    }

    fn view(here: &[(Dot, bool)]) -> bool {
        !here.is_empty() && here.iter().all(|(_, value)| *value)
    }

    fn is_void(here: &[(Dot, bool)]) -> bool {
        !Self::view(here)
    }
}

/// Each actor's value is what that actor has added up, and a reader sees the sum of them: a counter that can live in a map. Removing its
/// key takes away what was seen of it; an actor that counts on concurrently brings its own part back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sum;

impl Resolve<i64> for Sum {
    type Action = i64;
    type View = i128;

    fn plan(here: &[(Dot, i64)], actor: ActorId, by: i64) -> Result<Plan<i64>, Refused> {
        let own = || here.iter().filter(|(dot, _)| dot.actor == actor);
        let sum = own().try_fold(by, |sum, (_, part)| sum.checked_add(*part)).ok_or(Refused::Overflow)?;
        Ok(Plan { removes: own().map(|(dot, _)| *dot).collect(), inserts: Some(sum) })
    }

    fn view(here: &[(Dot, i64)]) -> i128 {
        here.iter().map(|(_, part)| i128::from(*part)).sum()
    }

    fn is_void(here: &[(Dot, i64)]) -> bool {
        // A counter that stands at zero is there; only one without parts is not.
        here.is_empty()
    }
}

impl<V: Wire> Wire for Stamped<V> {
    const LEN_MIN: usize = 8 + V::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.time);
        self.value.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { time: input.u64()?, value: V::decode(input)? })
    }
}
