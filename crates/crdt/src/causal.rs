//! A dot store and the context beside it: every replicated type that is made of dots.

use crate::store::{DotStore, Plan};
use crate::{ActorId, CausalContext, Change, Crdt, Delivery, Dot, Refused, Version, wire};
use alloc::vec::Vec;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A replicated type made of a dot store: what is there, and what has been seen.
///
/// It is its own delta: a delta is a small store with a small context. Registers, flags, maps and most sets of this crate are aliases of
/// it; with a store of your own it is a type of your own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Causal<S> {
    store: S,
    seen: CausalContext,
    /// What was stable when garbage was collected, here or at whoever told of it. Somebody may still have what was collected; so every
    /// write says that it replaces, at its place, all that is below.
    floor: CausalContext,
    /// Whether this is one such write: then nothing of its place is left out, and the floor counts there.
    is_write: bool,
}

/// An operation on a [`Causal`]: the names that go, and what comes under a new one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CausalOp<I> {
    /// What the writer has seen and removes or replaces.
    pub removes: Vec<Dot>,
    /// What is written, and its name.
    pub inserts: Option<(Dot, I)>,
    /// Where garbage was collected: what is written replaces, at its place, all of this.
    pub floor: CausalContext,
}

impl<S: DotStore> Causal<S> {
    /// Empty: nothing written, nothing seen.
    #[must_use]
    pub fn new() -> Self {
        Self { store: S::default(), seen: CausalContext::new(), floor: CausalContext::new(), is_write: false }
    }

    /// A state or delta from its parts.
    ///
    /// # Errors
    /// [`Refused::Uncovered`] if a dot of the store is not in the context.
    pub fn from_parts(store: S, seen: CausalContext) -> Result<Self, Refused> {
        let mut uncovered = None;
        store.each_dot(&mut |dot| {
            if !seen.contains(&dot) {
                uncovered = Some(dot);
            }
        });
        match uncovered {
            Some(dot) => Err(Refused::Uncovered { dot }),
            None => Ok(Self { store, seen, floor: CausalContext::new(), is_write: false }),
        }
    }

    /// From what a stranger sends.
    pub(crate) fn from_all_parts(
        store: S,
        seen: CausalContext,
        floor: CausalContext,
        is_write: bool,
    ) -> Result<Self, Refused> {
        Self::from_parts(store, seen).map(|causal| Self { floor, is_write, ..causal })
    }

    /// What a stranger is sent.
    #[cfg(feature = "serde")]
    pub(crate) fn all_parts(&self) -> (&S, &CausalContext, &CausalContext, bool) {
        (&self.store, &self.seen, &self.floor, self.is_write)
    }

    /// What is stored.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What has been seen.
    #[must_use]
    pub fn seen(&self) -> &CausalContext {
        &self.seen
    }

    /// Takes over what somebody else has collected below, as far as it has been seen here: whatever a peer says, a write never replaces
    /// what its writer has not seen.
    fn adopt(&mut self, floor: &CausalContext) -> bool {
        !self.floor.is_superset(floor) && self.floor.merge(&floor.intersection(&self.seen))
    }

    /// Forgets a departed actor of which nothing is stored any more; says whether that was so. See
    /// [`stability`](crate::stability#forgetting-an-actor) for when it is safe.
    pub fn forget(&mut self, actor: ActorId) -> bool {
        let mut lives = false;
        self.store.each_dot(&mut |dot| lives |= dot.actor == actor);
        if !lives {
            self.seen.forget(actor);
            self.floor.forget(actor);
        }
        !lives
    }
}

impl<S: DotStore> Crdt for Causal<S> {
    type Action = S::Action;
    type Op = CausalOp<S::Insert>;
    type Delta = Self;
    type Version = Version;
    type View = S::View;

    /// An addition that comes after its own removal is recognised by its dot, so no order is needed.
    const DELIVERY: Delivery = Delivery::Any;

    fn prepare(&self, actor: ActorId, action: S::Action) -> Result<Self::Op, Refused> {
        let Plan { removes, inserts } = self.store.plan(actor, action)?;
        let inserts = match inserts {
            Some(inserts) => Some((self.seen.next(actor)?, inserts)),
            None => None,
        };
        let floor = if inserts.is_some() { self.floor.clone() } else { CausalContext::new() };
        Ok(CausalOp { removes, inserts, floor })
    }

    fn apply(&mut self, op: &Self::Op) -> Result<Change, Refused> {
        if let Some((dot, inserts)) = &op.inserts {
            self.store.check_insert(dot, inserts)?;
        }
        let mut grown = false;
        for dot in &op.removes {
            grown |= self.seen.insert(*dot) | self.store.remove(dot);
        }
        if let Some((dot, inserts)) = &op.inserts
            && self.seen.insert(*dot)
        {
            if !op.floor.is_empty() {
                let mut place = S::default();
                place.insert(*dot, inserts.clone());
                self.store.cover(&place, &op.floor);
            }
            self.store.insert(*dot, inserts.clone());
            grown = true;
        }
        grown |= self.adopt(&op.floor);
        Ok(Change::grown_if(grown))
    }

    fn delta_of(op: &Self::Op) -> Self {
        let mut delta = Self::new();
        delta.seen.extend(op.removes.iter().copied());
        if let Some((dot, inserts)) = &op.inserts
            && delta.seen.insert(*dot)
        {
            delta.store.insert(*dot, inserts.clone());
        }
        delta.floor.clone_from(&op.floor);
        delta.is_write = !op.floor.is_empty();
        delta
    }

    fn version(&self) -> Version {
        let mut live = 0;
        self.store.each_dot(&mut |dot| live = Version::with_dot(live, &dot));
        Version { seen: self.seen.clone(), live }
    }

    /// The store beyond the version; and in the context everything seen but what lives here and is known there, so that whatever was
    /// removed here is removed there.
    fn delta_since(&self, version: &Version) -> Self {
        let version = &version.seen;
        let mut kept = CausalContext::new();
        self.store.each_dot(&mut |dot| {
            if version.contains(&dot) {
                kept.insert(dot);
            }
        });
        Self {
            store: self.store.beyond(version),
            seen: self.seen.without(&kept),
            floor: self.floor.clone(),
            is_write: false,
        }
    }

    fn join(&mut self, delta: &Self) -> Result<Change, Refused> {
        self.store.check(&delta.store)?;
        let mut grown = false;
        if delta.is_write {
            grown |= self.store.cover(&delta.store, &delta.floor);
        }
        grown |= self.store.join(&self.seen, &delta.store, &delta.seen);
        grown |= self.seen.merge(&delta.seen);
        Ok(Change::grown_if(grown | self.adopt(&delta.floor)))
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        self.join(other)
    }

    fn news(&self, delta: &Self) -> CausalContext {
        delta.seen.without(&self.seen)
    }

    fn view(&self) -> S::View {
        self.store.view()
    }

    fn seen(&self) -> CausalContext {
        self.seen.clone()
    }

    fn forget(&mut self, actor: ActorId) -> bool {
        Self::forget(self, actor)
    }

    fn collect(&mut self, stable: &CausalContext) -> usize {
        let collected = self.store.collect(stable);
        if collected > 0 {
            self.floor.merge(stable);
        }
        collected
    }
}

impl<S: DotStore + Wire> Wire for Causal<S> {
    const LEN_MIN: usize = S::LEN_MIN + 2 * CausalContext::LEN_MIN + 1;

    fn encode(&self, out: &mut Writer<'_>) {
        self.store.encode(out);
        self.seen.encode(out);
        self.floor.encode(out);
        self.is_write.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let store = S::decode(input)?;
        let seen = CausalContext::decode(input)?;
        let floor = CausalContext::decode(input)?;
        let is_write = bool::decode(input)?;
        Self::from_all_parts(store, seen, floor, is_write)
            .map_err(|_| WireError::Invalid { field: "context of a dot store" })
    }
}

/// What [`DotStore::Insert`] looks like on the wire: the value, behind the keys on the way to it.
impl<I: Wire> Wire for CausalOp<I> {
    const LEN_MIN: usize = 3;

    fn encode(&self, out: &mut Writer<'_>) {
        wire::write_all(out, self.removes.iter(), wire::write_dot);
        match &self.inserts {
            None => out.u8(0),
            Some((dot, inserts)) => {
                out.u8(1);
                wire::write_dot(out, dot);
                inserts.encode(out);
            }
        }
        self.floor.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let removes = wire::read_all(input, wire::DOT_LEN_MIN, wire::read_dot)?;
        let inserts = match input.u8()? {
            0 => None,
            1 => Some((wire::read_dot(input)?, I::decode(input)?)),
            tag => return Err(WireError::UnknownTag { of: "CausalOp", tag }),
        };
        Ok(Self { removes, inserts, floor: CausalContext::decode(input)? })
    }
}
