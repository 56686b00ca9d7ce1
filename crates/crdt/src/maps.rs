//! Maps, and the sets that are maps to very little.

use crate::dot_map::{MapAction, Under};
use crate::dot_set::Mark;
use crate::resolve::{AllTrue, LatestPresent, Stamped};
use crate::store::DotStore;
use crate::{ActorId, Causal, CausalOp, Crdt, DotFun, DotMap, Refused};
use core::fmt::Debug;

/// A map whose values are replicated themselves: any dot store, maps among them. To reset a key removes what is under it, as far as it has
/// been seen; what others do to it concurrently stays.
///
/// ```
/// use synod_crdt::resolve::Write;
/// use synod_crdt::{ActorId, Crdt, DotFun, DotMap, MapAction, OrMap};
/// // user -> field -> value
/// type Profiles = OrMap<&'static str, DotMap<&'static str, DotFun<&'static str>>>;
///
/// let (a, b) = (ActorId::from(1), ActorId::from(2));
/// let mut here = Profiles::new();
/// here.update(a, "ada", MapAction::Update("city", Write::Put("London")))?;
/// let mut there = here.clone();
/// there.update(b, "ada", MapAction::Update("job", Write::Put("analyst")))?;
/// here.reset(a, "ada")?;                                                  // concurrently
/// let _ = here.merge(&there)?;
/// let ada = here.get("ada").unwrap();
/// assert!(ada.get("city").is_none());                                     // was seen by the remover
/// assert!(ada.get("job").is_some());                                      // was not
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
pub type OrMap<K, S> = Causal<DotMap<K, S>>;

impl<K: Clone + Debug + Ord, S: DotStore> OrMap<K, S> {
    /// Does something with what is under `key`, whether or not it is there yet.
    ///
    /// # Errors
    /// Those of the store under the key, and [`Refused::Exhausted`] when the actor has used all its counters.
    pub fn update(
        &mut self,
        actor: ActorId,
        key: K,
        action: S::Action,
    ) -> Result<CausalOp<Under<K, S::Insert>>, Refused> {
        self.act(actor, MapAction::Update(key, action))
    }

    /// Removes what has been seen under `key`; whatever is done to it concurrently stays and wins, whichever store is under it.
    ///
    /// # Errors
    /// None: no counter is used.
    pub fn reset(&mut self, actor: ActorId, key: K) -> Result<CausalOp<Under<K, S::Insert>>, Refused> {
        self.act(actor, MapAction::Reset(key))
    }

    /// What is under `key`.
    pub fn get<Q>(&self, key: &Q) -> Option<&S>
    where
        K: core::borrow::Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.store().get(key).filter(|store| !store.is_void())
    }

    /// Keys and what is under them, in the keys' order.
    pub fn entries(&self) -> impl Iterator<Item = (&K, &S)> {
        self.store().iter().filter(|(_, store)| !store.is_void())
    }
}

/// A map in which the latest write or removal of each key wins; see [`LwwRegister`](crate::LwwRegister) for what "latest" means.
/// A removal leaves a record until everybody has seen it ([`Crdt::collect`]).
///
/// ```
/// use synod_crdt::{ActorId, Crdt, LwwMap};
/// let (a, b) = (ActorId::from(1), ActorId::from(2));
/// let mut here = LwwMap::new();
/// here.put(a, 10, "theme", "dark")?;
/// let mut there = here.clone();
/// here.put(a, 20, "theme", "light")?;
/// there.delete(b, 21, "theme")?;             // concurrently, and later
/// let _ = here.merge(&there)?;
/// assert_eq!(here.read(&"theme"), None);
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
pub type LwwMap<K, V> = OrMap<K, DotFun<Stamped<Option<V>>, LatestPresent>>;

/// The operation of a [`LwwMap`].
pub type LwwMapOp<K, V> = CausalOp<Under<K, Stamped<Option<V>>>>;

impl<K: Clone + Debug + Ord, V: Clone + Debug + PartialEq> LwwMap<K, V> {
    /// Writes `value` under `key` at `time`.
    ///
    /// # Errors
    /// [`Refused::Exhausted`] when the actor has used all its counters.
    pub fn put(&mut self, actor: ActorId, time: u64, key: K, value: V) -> Result<LwwMapOp<K, V>, Refused> {
        self.update(actor, key, Stamped { time, value: Some(value) })
    }

    /// Deletes `key` at `time`.
    ///
    /// # Errors
    /// [`Refused::Exhausted`] when the actor has used all its counters.
    pub fn delete(&mut self, actor: ActorId, time: u64, key: K) -> Result<LwwMapOp<K, V>, Refused> {
        self.update(actor, key, Stamped { time, value: None })
    }

    /// The value that has won, so far.
    pub fn read(&self, key: &K) -> Option<&V> {
        let store = self.get(key)?;
        crate::resolve::Latest::of(store.siblings()).and_then(|stamped| stamped.value.as_ref())
    }
}

/// A set in which the latest addition or removal of each element wins: a [`LwwMap`] without values. To remove an element,
/// [`delete`](LwwMap::delete) it.
///
/// ```
/// use synod_crdt::{ActorId, Crdt, LwwSet};
/// let (a, b) = (ActorId::from(1), ActorId::from(2));
/// let mut here = LwwSet::new();
/// here.add(a, 10, "milk")?;
/// let mut there = here.clone();
/// there.delete(b, 20, "milk")?;
/// here.add(a, 30, "milk")?;                  // concurrently, and later
/// let _ = here.merge(&there)?;
/// assert!(here.contains(&"milk"));
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
pub type LwwSet<E> = LwwMap<E, Mark>;

impl<E: Clone + Debug + Ord> LwwSet<E> {
    /// Adds an element at `time`.
    ///
    /// # Errors
    /// [`Refused::Exhausted`] when the actor has used all its counters.
    pub fn add(&mut self, actor: ActorId, time: u64, element: E) -> Result<LwwMapOp<E, Mark>, Refused> {
        self.put(actor, time, element, Mark)
    }

    /// Whether the element is in the set.
    pub fn contains(&self, element: &E) -> bool {
        self.get(element).is_some()
    }
}

/// A set of which a concurrent removal wins over an addition. A removal leaves a record until everybody has seen it
/// ([`Crdt::collect`]).
///
/// ```
/// use synod_crdt::{ActorId, Crdt, RemoveWinsSet};
/// let (a, b) = (ActorId::from(1), ActorId::from(2));
/// let mut here = RemoveWinsSet::new();
/// here.add(a, "admin")?;
/// let mut there = here.clone();
/// there.remove(b, "admin")?;
/// here.add(a, "admin")?;                     // concurrently
/// let _ = here.merge(&there)?;
/// assert!(!here.contains(&"admin"));
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
pub type RemoveWinsSet<E> = OrMap<E, DotFun<bool, AllTrue>>;

impl<E: Clone + Debug + Ord> RemoveWinsSet<E> {
    /// Adds an element, unless somebody removes it concurrently.
    ///
    /// # Errors
    /// [`Refused::Exhausted`] when the actor has used all its counters.
    pub fn add(&mut self, actor: ActorId, element: E) -> Result<CausalOp<Under<E, bool>>, Refused> {
        self.update(actor, element, true)
    }

    /// Removes an element, and whoever adds it concurrently has lost.
    ///
    /// # Errors
    /// [`Refused::Exhausted`] when the actor has used all its counters.
    pub fn remove(&mut self, actor: ActorId, element: E) -> Result<CausalOp<Under<E, bool>>, Refused> {
        self.update(actor, element, false)
    }

    /// Whether the element is in the set.
    pub fn contains(&self, element: &E) -> bool {
        self.get(element).is_some()
    }
}
