//! Names and nothing else.

use crate::store::{DotStore, Plan};
use crate::{ActorId, CausalContext, Dot, Refused, wire};
use alloc::vec::Vec;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A set of dots: something is on as long as one is there. The store of [`EnableWinsFlag`](crate::EnableWinsFlag), and of each element in
/// a set whose additions win.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DotSet {
    /// Sorted. Mostly one; several after concurrent writes.
    dots: Vec<Dot>,
}

/// Switch on, or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Switch {
    /// On.
    On,
    /// Off: removes what has been seen of it.
    Off,
}

/// What lies under a dot of a [`DotSet`]: the dot itself says it all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Mark;

impl DotSet {
    /// The dots, in order.
    #[must_use]
    pub fn dots(&self) -> &[Dot] {
        &self.dots
    }

    /// From what a stranger sends: in order, each once.
    pub(crate) fn from_sorted(dots: Vec<Dot>) -> Option<Self> {
        dots.is_sorted_by(|a, b| a < b).then_some(Self { dots })
    }

    /// Memory outside the value itself, in bytes.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.dots.capacity() * size_of::<Dot>()
    }
}

impl DotStore for DotSet {
    type Action = Switch;
    type Insert = Mark;
    type View = bool;

    fn plan(&self, _: ActorId, action: Switch) -> Result<Plan<Mark>, Refused> {
        let inserts = (action == Switch::On).then_some(Mark);
        Ok(Plan { removes: self.dots.clone(), inserts })
    }

    fn is_empty(&self) -> bool {
        self.dots.is_empty()
    }

    fn contains(&self, dot: &Dot) -> bool {
        self.dots.binary_search(dot).is_ok()
    }

    fn each_dot(&self, each: &mut dyn FnMut(Dot)) {
        self.dots.iter().copied().for_each(each);
    }

    fn insert(&mut self, dot: Dot, _: Mark) {
        if let Err(at) = self.dots.binary_search(&dot) {
            self.dots.insert(at, dot);
        }
    }

    fn remove(&mut self, dot: &Dot) -> bool {
        self.dots.binary_search(dot).is_ok_and(|at| {
            self.dots.remove(at);
            true
        })
    }

    fn check_insert(&self, _: &Dot, _: &Mark) -> Result<(), Refused> {
        Ok(())
    }

    fn check(&self, _: &Self) -> Result<(), Refused> {
        Ok(())
    }

    fn join(&mut self, seen: &CausalContext, other: &Self, other_seen: &CausalContext) -> bool {
        let before = self.dots.len();
        self.dots.retain(|dot| other.contains(dot) || !other_seen.contains(dot));
        let mut changed = self.dots.len() != before;
        for dot in other.dots.iter().filter(|dot| !seen.contains(dot)) {
            changed |= !self.contains(dot);
            self.insert(*dot, Mark);
        }
        changed
    }

    fn beyond(&self, seen: &CausalContext) -> Self {
        Self { dots: self.dots.iter().copied().filter(|dot| !seen.contains(dot)).collect() }
    }

    fn view(&self) -> bool {
        !self.dots.is_empty()
    }
}

impl Wire for DotSet {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        wire::write_all(out, self.dots.iter(), wire::write_dot);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Self::from_sorted(wire::read_all(input, wire::DOT_LEN_MIN, wire::read_dot)?).ok_or(wire::UNSORTED)
    }
}

impl Wire for Switch {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        (*self == Self::On).encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(if bool::decode(input)? { Self::On } else { Self::Off })
    }
}

impl Wire for Mark {
    const LEN_MIN: usize = 0;

    fn encode(&self, _: &mut Writer<'_>) {}

    fn decode(_: &mut Reader) -> Result<Self, WireError> {
        Ok(Self)
    }
}
