//! A value under each name.

use crate::resolve::{Every, Resolve};
use crate::store::{DotStore, Plan};
use crate::{ActorId, CausalContext, Dot, Refused, wire};
use alloc::vec::Vec;
use core::fmt::Debug;
use core::marker::PhantomData;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// Values under dots: usually one, several after concurrent writes, which the policy `R` makes into what a reader sees. The store of
/// all registers, of [`DisableWinsFlag`](crate::DisableWinsFlag) and of counters in maps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DotFun<V, R = Every> {
    /// Sorted by dot.
    here: Vec<(Dot, V)>,
    policy: PhantomData<R>,
}

impl<V, R> Default for DotFun<V, R> {
    fn default() -> Self {
        Self { here: Vec::new(), policy: PhantomData }
    }
}

impl<V, R> DotFun<V, R> {
    /// The values and the dots under which they were written, in the dots' order.
    #[must_use]
    pub fn siblings(&self) -> &[(Dot, V)] {
        &self.here
    }

    /// What was written under `dot`.
    #[must_use]
    pub fn get(&self, dot: &Dot) -> Option<&V> {
        self.position(dot).ok().and_then(|at| self.here.get(at)).map(|(_, value)| value)
    }

    fn position(&self, dot: &Dot) -> Result<usize, usize> {
        self.here.binary_search_by(|entry| entry.0.cmp(dot))
    }

    /// From what a stranger sends: in order, each dot once.
    pub(crate) fn from_sorted(here: Vec<(Dot, V)>) -> Option<Self> {
        here.is_sorted_by(|a, b| a.0 < b.0).then_some(Self { here, policy: PhantomData })
    }

    /// Memory outside the value itself, without what the values own, in bytes.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.here.capacity() * size_of::<(Dot, V)>()
    }
}

impl<V: Clone + Debug + PartialEq, R: Resolve<V>> DotStore for DotFun<V, R> {
    type Action = R::Action;
    type Insert = V;
    type View = R::View;

    fn plan(&self, actor: ActorId, action: R::Action) -> Result<Plan<V>, Refused> {
        R::plan(&self.here, actor, action)
    }

    fn is_empty(&self) -> bool {
        self.here.is_empty()
    }

    fn contains(&self, dot: &Dot) -> bool {
        self.position(dot).is_ok()
    }

    fn each_dot(&self, each: &mut dyn FnMut(Dot)) {
        self.here.iter().map(|(dot, _)| *dot).for_each(each);
    }

    fn insert(&mut self, dot: Dot, inserts: V) {
        if let Err(at) = self.position(&dot) {
            self.here.insert(at, (dot, inserts));
        }
    }

    fn remove(&mut self, dot: &Dot) -> bool {
        self.position(dot).is_ok_and(|at| {
            self.here.remove(at);
            true
        })
    }

    fn check_insert(&self, dot: &Dot, inserts: &V) -> Result<(), Refused> {
        match self.get(dot) {
            Some(here) if here != inserts => Err(Refused::DotReused { dot: *dot }),
            _ => Ok(()),
        }
    }

    fn check(&self, other: &Self) -> Result<(), Refused> {
        other.here.iter().try_for_each(|(dot, value)| self.check_insert(dot, value))
    }

    fn join(&mut self, seen: &CausalContext, other: &Self, other_seen: &CausalContext) -> bool {
        let before = self.here.len();
        self.here.retain(|(dot, _)| other.contains(dot) || !other_seen.contains(dot));
        let mut changed = self.here.len() != before;
        for (dot, value) in other.here.iter().filter(|(dot, _)| !seen.contains(dot)) {
            if let Err(at) = self.position(dot) {
                self.here.insert(at, (*dot, value.clone()));
                changed = true;
            }
        }
        changed
    }

    fn cover(&mut self, other: &Self, floor: &CausalContext) -> bool {
        let before = self.here.len();
        if R::COLLECTS && !other.here.is_empty() {
            self.here.retain(|(dot, _)| !floor.contains(dot) || other.contains(dot));
        }
        self.here.len() != before
    }

    fn beyond(&self, seen: &CausalContext) -> Self {
        let here = self.here.iter().filter(|(dot, _)| !seen.contains(dot)).cloned().collect();
        Self { here, policy: PhantomData }
    }

    fn collect(&mut self, stable: &CausalContext) -> usize {
        if !R::COLLECTS || !R::is_void(&self.here) || !self.here.iter().all(|(dot, _)| stable.contains(dot)) {
            return 0;
        }
        core::mem::take(&mut self.here).len()
    }

    fn view(&self) -> R::View {
        R::view(&self.here)
    }

    fn is_void(&self) -> bool {
        R::is_void(&self.here)
    }
}

impl<V: Wire, R> Wire for DotFun<V, R> {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        wire::write_all(out, self.here.iter(), |out, (dot, value)| {
            wire::write_dot(out, dot);
            value.encode(out);
        });
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let entry = |input: &mut Reader| Ok((wire::read_dot(input)?, V::decode(input)?));
        let here = wire::read_all(input, wire::DOT_LEN_MIN + V::LEN_MIN, entry)?;
        Self::from_sorted(here).ok_or(wire::UNSORTED)
    }
}
