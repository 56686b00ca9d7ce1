//! Stores under keys.

use crate::store::{DotStore, Plan};
use crate::{ActorId, CausalContext, Dot, Refused, wire};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt::Debug;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A map whose values are dot stores of any kind, maps among them. A key is there as long as something is stored under it.
///
/// To reset a key removes what is under it: all that the writer has seen goes, and what others write there concurrently stays, alone.
/// An index leads from each dot to its key, so that a delta costs what is in it and not what is in the map, and so that one dot under
/// two keys is noticed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DotMap<K, S> {
    /// No store in it is empty.
    entries: BTreeMap<K, S>,
    /// Under which key each dot lies.
    keys: BTreeMap<Dot, K>,
}

/// What can be done to a map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum MapAction<K, A> {
    /// Something with what is under this key, which need not be there yet.
    Update(K, A),
    /// Remove what has been seen under this key: what others write there concurrently stays, alone.
    Reset(K),
    /// Reset every key.
    Clear,
}

/// What is written into a [`DotMap`], and under which key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Under<K, I> {
    /// The key.
    pub key: K,
    /// What is written into the store under it.
    pub inserts: I,
}

impl<K, S> Default for DotMap<K, S> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), keys: BTreeMap::new() }
    }
}

impl<K: Ord, S> DotMap<K, S> {
    /// What is stored under `key`.
    pub fn get<Q>(&self, key: &Q) -> Option<&S>
    where
        K: core::borrow::Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.entries.get(key)
    }

    /// Keys and what is under them, in the keys' order; also what a reader does not see, such as the record of a removal.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &S)> {
        self.entries.iter()
    }

    /// How many keys have something under them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no key has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<K: Clone + Debug + Ord, S: DotStore> DotMap<K, S> {
    fn dots_of(store: &S) -> Vec<Dot> {
        let mut dots = Vec::new();
        store.each_dot(&mut |dot| dots.push(dot));
        dots
    }

    /// From what a stranger sends: in order, each key once and with something under it, each dot under one key.
    pub(crate) fn from_sorted(entries: Vec<(K, S)>) -> Option<Self> {
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            return None;
        }
        let mut map = Self::default();
        for (key, store) in entries {
            let dots = Self::dots_of(&store);
            if dots.is_empty() {
                return None;
            }
            for dot in dots {
                if map.keys.insert(dot, key.clone()).is_some() {
                    return None;
                }
            }
            map.entries.insert(key, store);
        }
        Some(map)
    }

    /// After the store under `key` has changed: the index follows, and the store leaves the map if it is empty. Only dots that are in `gone`
    /// may have left it, and only those of `came` may have come.
    fn settle(&mut self, key: &K, gone: &[Dot], came: &S) {
        let Self { entries, keys } = self;
        let Some(store) = entries.get(key) else { return };
        for dot in gone.iter().filter(|dot| !store.contains(dot)) {
            keys.remove(dot);
        }
        came.each_dot(&mut |dot| {
            if store.contains(&dot) && !keys.contains_key(&dot) {
                keys.insert(dot, key.clone());
            }
        });
        if store.is_empty() {
            entries.remove(key);
        }
    }

    /// The keys that a join can change, and the dots that it can take away from there: the keys of the other side, and those under which lies
    /// what it has seen.
    fn touched(&self, other: &Self, other_seen: &CausalContext) -> BTreeMap<K, Vec<Dot>> {
        let mut touched: BTreeMap<K, Vec<Dot>> =
            other.entries.keys().map(|key| (key.clone(), Vec::new())).collect();
        for (actor, counters) in other_seen.iter() {
            for (first, last) in counters.ranges() {
                let (Some(first), Some(last)) = (Dot::at(actor, first), Dot::at(actor, last)) else {
                    continue;
                };
                for (dot, key) in self.keys.range(first..=last) {
                    if other.keys.contains_key(dot) {
                        continue;
                    }
                    match touched.get_mut(key) {
                        Some(gone) => gone.push(*dot),
                        None => _ = touched.insert(key.clone(), [*dot].into()),
                    }
                }
            }
        }
        touched
    }
}

impl<K: Clone + Debug + Ord, S: DotStore> DotStore for DotMap<K, S> {
    type Action = MapAction<K, S::Action>;
    type Insert = Under<K, S::Insert>;
    type View = BTreeMap<K, S::View>;

    fn plan(&self, actor: ActorId, action: Self::Action) -> Result<Plan<Self::Insert>, Refused> {
        match action {
            MapAction::Update(key, action) => {
                let plan = match self.entries.get(&key) {
                    Some(store) => store.plan(actor, action)?,
                    None => S::default().plan(actor, action)?,
                };
                let Plan { removes, inserts } = plan;
                Ok(Plan { removes, inserts: inserts.map(|inserts| Under { key, inserts }) })
            }
            MapAction::Reset(key) => {
                let removes = self.entries.get(&key).map(Self::dots_of).unwrap_or_default();
                Ok(Plan { removes, inserts: None })
            }
            MapAction::Clear => Ok(Plan { removes: self.keys.keys().copied().collect(), inserts: None }),
        }
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn contains(&self, dot: &Dot) -> bool {
        self.keys.contains_key(dot)
    }

    fn each_dot(&self, each: &mut dyn FnMut(Dot)) {
        self.keys.keys().copied().for_each(each);
    }

    fn insert(&mut self, dot: Dot, Under { key, inserts }: Self::Insert) {
        self.entries.entry(key.clone()).or_default().insert(dot, inserts);
        self.keys.insert(dot, key);
    }

    fn remove(&mut self, dot: &Dot) -> bool {
        let Some(key) = self.keys.remove(dot) else { return false };
        if let Some(store) = self.entries.get_mut(&key) {
            store.remove(dot);
            if store.is_empty() {
                self.entries.remove(&key);
            }
        }
        true
    }

    fn check_insert(&self, dot: &Dot, Under { key, inserts }: &Self::Insert) -> Result<(), Refused> {
        match self.keys.get(dot) {
            None => Ok(()),
            Some(here) if here != key => Err(Refused::DotReused { dot: *dot }),
            Some(_) => self.entries.get(key).map_or(Ok(()), |store| store.check_insert(dot, inserts)),
        }
    }

    fn check(&self, other: &Self) -> Result<(), Refused> {
        for (dot, key) in &other.keys {
            if self.keys.get(dot).is_some_and(|here| here != key) {
                return Err(Refused::DotReused { dot: *dot });
            }
        }
        let both = other.entries.iter().filter_map(|(key, theirs)| Some((self.entries.get(key)?, theirs)));
        both.into_iter().try_for_each(|(mine, theirs)| mine.check(theirs))
    }

    fn join(&mut self, seen: &CausalContext, other: &Self, other_seen: &CausalContext) -> bool {
        let nothing = S::default();
        let mut changed = false;
        for (key, gone) in self.touched(other, other_seen) {
            let theirs = other.entries.get(&key).unwrap_or(&nothing);
            let mine = self.entries.entry(key.clone()).or_default();
            changed |= mine.join(seen, theirs, other_seen);
            self.settle(&key, &gone, theirs);
        }
        changed
    }

    fn cover(&mut self, other: &Self, floor: &CausalContext) -> bool {
        let mut changed = false;
        for (key, theirs) in &other.entries {
            if let Some(mine) = self.entries.get_mut(key) {
                let before = Self::dots_of(mine);
                if mine.cover(theirs, floor) {
                    changed = true;
                    self.settle(key, &before, &S::default());
                }
            }
        }
        changed
    }

    fn beyond(&self, seen: &CausalContext) -> Self {
        let mut part = Self::default();
        for (key, store) in &self.entries {
            let beyond = store.beyond(seen);
            if !beyond.is_empty() {
                beyond.each_dot(&mut |dot| _ = part.keys.insert(dot, key.clone()));
                part.entries.insert(key.clone(), beyond);
            }
        }
        part
    }

    fn collect(&mut self, stable: &CausalContext) -> usize {
        let mut collected = 0;
        self.entries.retain(|_, store| {
            collected += store.collect(stable);
            !store.is_empty()
        });
        if collected > 0 {
            let Self { entries, keys } = self;
            keys.retain(|dot, key| entries.get(key).is_some_and(|store| store.contains(dot)));
        }
        collected
    }

    /// What is under each key, without those under which a reader sees nothing.
    fn view(&self) -> Self::View {
        let visible = self.entries.iter().filter(|(_, store)| !store.is_void());
        visible.map(|(key, store)| (key.clone(), store.view())).collect()
    }

    fn is_void(&self) -> bool {
        self.entries.values().all(S::is_void)
    }
}

impl<K: Clone + Debug + Ord + Wire, S: DotStore + Wire> Wire for DotMap<K, S> {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        wire::write_all(out, self.entries.iter(), |out, (key, store)| {
            key.encode(out);
            store.encode(out);
        });
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let entry = |input: &mut Reader| Ok((K::decode(input)?, S::decode(input)?));
        let entries = wire::read_all(input, K::LEN_MIN + S::LEN_MIN, entry)?;
        Self::from_sorted(entries).ok_or(WireError::Invalid { field: "map of dot stores" })
    }
}

impl<K: Wire, I: Wire> Wire for Under<K, I> {
    const LEN_MIN: usize = K::LEN_MIN + I::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        self.key.encode(out);
        self.inserts.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { key: K::decode(input)?, inserts: I::decode(input)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot_set::{Mark, Switch};
    use crate::{Causal, Crdt, DotSet, MapAction, OrMap};
    use core::sync::atomic::{AtomicU64, Ordering};

    /// How many dots were handed over one by one.
    static DOTS: AtomicU64 = AtomicU64::new(0);

    #[derive(Clone, Debug, Default, PartialEq)]
    struct Counted(DotMap<u64, DotSet>);

    impl DotStore for Counted {
        type Action = MapAction<u64, Switch>;
        type Insert = Under<u64, Mark>;
        type View = BTreeMap<u64, bool>;

        fn plan(&self, actor: ActorId, action: Self::Action) -> Result<Plan<Self::Insert>, Refused> {
            self.0.plan(actor, action)
        }
        fn is_empty(&self) -> bool {
            DotStore::is_empty(&self.0)
        }
        fn contains(&self, dot: &Dot) -> bool {
            self.0.contains(dot)
        }
        fn each_dot(&self, each: &mut dyn FnMut(Dot)) {
            self.0.each_dot(&mut |dot| {
                DOTS.fetch_add(1, Ordering::Relaxed);
                each(dot);
            });
        }
        fn insert(&mut self, dot: Dot, inserts: Self::Insert) {
            self.0.insert(dot, inserts);
        }
        fn remove(&mut self, dot: &Dot) -> bool {
            self.0.remove(dot)
        }
        fn check_insert(&self, dot: &Dot, inserts: &Self::Insert) -> Result<(), Refused> {
            self.0.check_insert(dot, inserts)
        }
        fn check(&self, other: &Self) -> Result<(), Refused> {
            self.0.check(&other.0)
        }
        fn join(&mut self, seen: &CausalContext, other: &Self, other_seen: &CausalContext) -> bool {
            self.0.join(seen, &other.0, other_seen)
        }
        fn beyond(&self, seen: &CausalContext) -> Self {
            Self(self.0.beyond(seen))
        }
        fn view(&self) -> Self::View {
            self.0.view()
        }
    }

    #[test]
    fn a_delta_into_a_map_of_maps_costs_what_is_in_it() {
        let me = ActorId::from(1);
        let mut here = OrMap::<u64, Counted>::new();
        for key in 0..1_000 {
            here.update(me, 7, MapAction::Update(key, Switch::On)).unwrap();
        }
        let mut there = here.clone();
        for action in
            [MapAction::Update(5, Switch::On), MapAction::Reset(6), MapAction::Update(2_000, Switch::On)]
        {
            let op = there.update(me, 7, action).unwrap();
            let delta = Causal::delta_of(&op);
            let before = DOTS.load(Ordering::Relaxed);
            assert!(here.join(&delta).unwrap().is_grown());
            let dots = DOTS.load(Ordering::Relaxed) - before;
            assert!(dots < 8, "{dots} dots were looked at");
            assert_eq!(here, there);
        }
    }
}
