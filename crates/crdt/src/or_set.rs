//! The set of which a concurrent addition wins over a removal, without tombstones.

mod index;
mod join;
mod lane;
mod merge;
mod wire;

use crate::fingerprint::hash_of;
use crate::{ActorId, CausalContext, Change, Counters, Crdt, Delivery, Dot, Refused, Version};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use index::{COUNTER_MAX, Index, LANES_MAX, Place};
use lane::Lane;

/// A set of which a concurrent addition wins over a removal: the optimised observed-remove set (Bieniusa, Zawirski, Preguiça, Shapiro, Baquero,
/// Balegas and Duarte, "An optimized conflict-free replicated set", 2012), which keeps nothing of what was removed but the fact that it
/// was seen.
///
/// Take it for any set of which elements are removed. It behaves as `OrMap<E, DotSet>`, which is the model in its tests, and is laid out for
/// speed: what one actor has added lies in words of 64 counters, so that replicas which agree are compared 64 elements at a time, and a merge
/// touches what differs.
///
/// | operation | costs |
/// |---|---|
/// | [`contains`](Self::contains), [`add`](Self::add), [`remove`](Self::remove), joining a delta of one addition | O(1) expected, plus O(log a) for a actors |
/// | [`merge`](Crdt::merge) | n / 64 comparisons of words for n elements, and O(1) expected for each element that differs |
/// | [`delta_since`](Crdt::delta_since), [`version`](Crdt::version) | O(n), and n / 64 |
/// | memory | for each element its own size, 13 to 24 bytes for finding it, and 1 |
///
/// Elements must hash the same wherever they are equal; the hash is no secret, so who may choose elements freely can make look-ups slow.
///
/// ```
/// use synod_crdt::{ActorId, Crdt, OrSet};
/// let (a, b) = (ActorId::from(1), ActorId::from(2));
/// let mut here = OrSet::new();
/// here.add(a, "milk")?;
/// let mut there = here.clone();
/// there.remove(&"milk");
/// here.add(a, "milk")?;                      // concurrently: once more
/// let _ = here.merge(&there)?;
/// assert!(here.contains(&"milk"));
///
/// // What travels may also be a delta.
/// let delta = here.add(a, "tea")?;
/// let _ = there.join(&delta)?;
/// assert!(there.contains(&"tea") && !there.contains(&"milk"));
/// let _ = there.join(&here.delta_since(&there.version()))?;
/// assert_eq!(there, here);
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
#[derive(Clone)]
pub struct OrSet<E> {
    /// In the order in which they came: places refer to it.
    lanes: Vec<Lane<E>>,
    /// The lanes in the order of their actors.
    order: Vec<u16>,
    /// Lanes of actors that were forgotten.
    vacant: Vec<u16>,
    index: Index,
    /// How many different elements there are.
    len: usize,
}

/// What an [`OrSet`] has to tell another: the names that are dead, and the elements that came. An operation has the same form.
///
/// One addition takes 29 bytes on the wire, without the element 21, for the first million additions of its actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrSetDelta<E> {
    /// What was removed or replaced.
    pub dead: CausalContext,
    /// What was added, sorted by dot.
    pub added: Vec<(Dot, E)>,
}

/// What can be done with an [`OrSet`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SetAction<E> {
    /// Add an element.
    Add(E),
    /// Remove an element, as far as it has been seen here.
    Remove(E),
    /// Remove every element that has been seen here.
    Clear,
}

impl<E> Default for OrSet<E> {
    fn default() -> Self {
        let (lanes, order, vacant) = (Vec::new(), Vec::new(), Vec::new());
        Self { lanes, order, vacant, index: Index::default(), len: 0 }
    }
}

impl<E> OrSet<E> {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What has been seen.
    #[must_use]
    pub fn seen(&self) -> CausalContext {
        self.sorted().map(|lane| (lane.actor, lane.seen.clone())).collect()
    }

    /// Each dot and its element, actor by actor. An element that was added concurrently has several.
    pub fn entries(&self) -> impl Iterator<Item = (Dot, &E)> {
        self.sorted().flat_map(|lane| {
            lane.iter().filter_map(|(counter, element)| Some((Dot::at(lane.actor, counter)?, element)))
        })
    }

    /// The lanes in the order of their actors.
    fn sorted(&self) -> impl Iterator<Item = &Lane<E>> + Clone {
        self.order.iter().filter_map(|lane| self.lanes.get(usize::from(*lane)))
    }

    /// Which lane is the actor's, or where in the order it belongs.
    fn lane_of(&self, actor: ActorId) -> Result<u16, usize> {
        let by = |lane: &u16| self.lanes.get(usize::from(*lane)).map(|lane| lane.actor).cmp(&Some(actor));
        let at = self.order.binary_search_by(by)?;
        self.order.get(at).copied().ok_or(at)
    }

    /// The actor's lane, made if need be. The caller has checked that there is room.
    fn lane_for(&mut self, actor: ActorId) -> u16 {
        match self.lane_of(actor) {
            Ok(lane) => lane,
            Err(at) => {
                let lane = self.vacant.pop().unwrap_or(self.lanes.len() as u16);
                match self.lanes.get_mut(usize::from(lane)) {
                    Some(vacant) => *vacant = Lane::new(actor),
                    None => self.lanes.push(Lane::new(actor)),
                }
                self.order.insert(at, lane);
                lane
            }
        }
    }

    /// Refuses more actors than can be told apart.
    fn check_room(&self, strangers: usize) -> Result<(), Refused> {
        if self.order.len() + strangers > LANES_MAX { Err(Refused::TooManyActors) } else { Ok(()) }
    }

    /// Forgets a departed actor of which no element is left; says whether that was so. See
    /// [`stability`](crate::stability#forgetting-an-actor) for when it is safe.
    pub fn forget(&mut self, actor: ActorId) -> bool {
        let Ok(lane) = self.lane_of(actor) else { return true };
        let Some(gone) = self.lanes.get_mut(usize::from(lane)).filter(|lane| lane.keys.is_empty()) else {
            return false;
        };
        *gone = Lane::new(actor);
        self.order.retain(|other| *other != lane);
        self.vacant.push(lane);
        if self.vacant.len() > self.order.len() {
            self.renumber();
        }
        true
    }

    /// Gives up the vacant lanes. The others get new numbers, in the order of their actors.
    fn renumber(&mut self) {
        let mut lanes: Vec<Option<Lane<E>>> =
            core::mem::take(&mut self.lanes).into_iter().map(Some).collect();
        let mut numbers = alloc::vec![0; lanes.len()];
        for (new, old) in (0..).zip(&mut self.order) {
            let at = usize::from(*old);
            self.lanes.extend(lanes.get_mut(at).and_then(Option::take));
            if let Some(number) = numbers.get_mut(at) {
                *number = new;
            }
            *old = new;
        }
        self.order.shrink_to_fit();
        self.vacant = Vec::new();
        self.index.renumber(&numbers);
    }

    /// Memory outside the value itself, without what elements own, in bytes.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        let lanes: usize = self.lanes.iter().map(Lane::allocated_bytes).sum();
        self.lanes.capacity() * size_of::<Lane<E>>()
            + (self.order.capacity() + self.vacant.capacity()) * 2
            + self.index.allocated_bytes()
            + lanes
    }
}

fn at_place<E>(lanes: &[Lane<E>], place: Place) -> Option<&E> {
    lanes.get(place.lane()).and_then(|lane| lane.get(place.counter()))
}

impl<E: Eq + Hash> OrSet<E> {
    /// Whether the element is in the set.
    #[must_use]
    pub fn contains(&self, element: &E) -> bool {
        self.has_equal(hash_of(element), element)
    }

    /// The dots under which the element was added and not removed.
    pub fn dots(&self, element: &E) -> impl Iterator<Item = Dot> {
        self.places(hash_of(element), element).filter_map(|place| {
            let lane = self.lanes.get(place.lane())?;
            Dot::at(lane.actor, place.counter())
        })
    }

    fn places(&self, hash: u64, element: &E) -> impl Iterator<Item = Place> {
        self.index.candidates(hash).filter(move |place| at_place(&self.lanes, *place) == Some(element))
    }

    /// The elements, each once, in an order that replicas with the same elements and dots share.
    pub fn iter(&self) -> impl Iterator<Item = &E> {
        let unique = self.len == self.index.len();
        let first = move |entry: &(Dot, &E)| unique || self.dots(entry.1).min() == Some(entry.0);
        self.entries().filter(first).map(|(_, element)| element)
    }

    /// Whether an equal element is in the index.
    fn has_equal(&self, hash: u64, element: &E) -> bool {
        self.places(hash, element).next().is_some()
    }

    /// Puts into the index the place of an element that is about to be stored there, and counts it if it is new.
    #[inline]
    fn enlist(&mut self, place: Place, hash: u64, element: &E) {
        let Self { lanes, index, len, .. } = self;
        let again = index.insert(hash, place, |other| at_place(lanes, other) == Some(element));
        *len += usize::from(!again);
    }

    /// Makes room for so many more places.
    fn reserve(&mut self, more: usize) {
        if !self.index.is_full(more) {
            return;
        }
        let mut index = Index::with_room(self.index.len() + more);
        for (number, lane) in (0..).zip(&self.lanes) {
            for (counter, element) in lane.iter() {
                let hash = hash_of(element);
                index.insert(hash, Place::new(hash, number, counter), |_| false);
            }
        }
        self.index = index;
    }
}

impl<E: Clone + Eq + Hash> OrSet<E> {
    /// Adds an element, in place of all that has been seen of it. Returns what to send to the others.
    ///
    /// # Errors
    /// [`Refused::Exhausted`] when the actor has used 2³⁸ − 1 counters, [`Refused::TooManyActors`] beyond 65,536 actors.
    pub fn add(&mut self, actor: ActorId, element: E) -> Result<OrSetDelta<E>, Refused> {
        let delta = self.plan_add(actor, element)?;
        let _ = self.join_delta(&delta)?;
        Ok(delta)
    }

    /// Removes an element, as far as it has been seen here. Returns what to send to the others.
    pub fn remove(&mut self, element: &E) -> OrSetDelta<E> {
        let delta = self.plan_remove(element);
        // What is here has been checked when it came.
        let _ = self.join_delta(&delta);
        delta
    }

    /// Removes every element that has been seen here. Returns what to send to the others.
    pub fn clear(&mut self) -> OrSetDelta<E> {
        let delta = self.plan_clear();
        let _ = self.join_delta(&delta);
        delta
    }

    /// Adds everything that `departed` has added once more, as `actor`: afterwards nothing here rests on the departed one, and when
    /// everybody has heard of it, it can be [forgotten](Self::forget). Returns what to send to the others.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn adopt(&mut self, departed: ActorId, actor: ActorId) -> Result<OrSetDelta<E>, Refused> {
        let mut delta = OrSetDelta { dead: CausalContext::new(), added: Vec::new() };
        if let Ok(lane) = self.lane_of(departed)
            && let Some(lane) = self.lanes.get(usize::from(lane))
            && departed != actor
        {
            delta.dead.insert_all(departed, &lane.live_counters());
            let mut last = self.last_of(actor);
            for (_, element) in lane.iter() {
                last += 1;
                let dot = Dot::at(actor, last).filter(|_| last <= COUNTER_MAX);
                delta.added.push((dot.ok_or(Refused::Exhausted { actor })?, element.clone()));
            }
        }
        let _ = self.join_delta(&delta)?;
        Ok(delta)
    }

    fn last_of(&self, actor: ActorId) -> u64 {
        let lane = self.lane_of(actor).ok().and_then(|lane| self.lanes.get(usize::from(lane)));
        lane.map_or(0, |lane| lane.seen.last())
    }

    fn plan_add(&self, actor: ActorId, element: E) -> Result<OrSetDelta<E>, Refused> {
        let next = self.last_of(actor) + 1;
        let dot = Dot::at(actor, next).filter(|_| next <= COUNTER_MAX).ok_or(Refused::Exhausted { actor })?;
        let dead = self.dots(&element).collect();
        Ok(OrSetDelta { dead, added: [(dot, element)].into() })
    }

    fn plan_remove(&self, element: &E) -> OrSetDelta<E> {
        OrSetDelta { dead: self.dots(element).collect(), added: Vec::new() }
    }

    fn plan_clear(&self) -> OrSetDelta<E> {
        let live = self.sorted().map(|lane| (lane.actor, lane.live_counters()));
        OrSetDelta { dead: live.collect(), added: Vec::new() }
    }
}

impl<E: Clone + fmt::Debug + Eq + Hash + Ord> Crdt for OrSet<E> {
    type Action = SetAction<E>;
    type Op = OrSetDelta<E>;
    type Delta = OrSetDelta<E>;
    type Version = Version;
    type View = BTreeSet<E>;

    const DELIVERY: Delivery = Delivery::Any;

    fn prepare(&self, actor: ActorId, action: SetAction<E>) -> Result<OrSetDelta<E>, Refused> {
        match action {
            SetAction::Add(element) => self.plan_add(actor, element),
            SetAction::Remove(element) => Ok(self.plan_remove(&element)),
            SetAction::Clear => Ok(self.plan_clear()),
        }
    }

    fn apply(&mut self, op: &OrSetDelta<E>) -> Result<Change, Refused> {
        self.join_delta(op)
    }

    fn delta_of(op: &OrSetDelta<E>) -> OrSetDelta<E> {
        op.clone()
    }

    fn version(&self) -> Version {
        let words =
            self.sorted().flat_map(|lane| lane.keys.iter().zip(&lane.live).map(|word| (lane.actor, word)));
        let live = words.fold(0_u64, |live, word| live.wrapping_add(hash_of(&word)));
        Version { seen: self.seen(), live }
    }

    fn seen(&self) -> CausalContext {
        Self::seen(self)
    }

    /// The elements beyond the version, and every name that is dead: about one bit for each element ever added where the dead lie
    /// scattered, a few bytes for each actor where they lie together.
    fn delta_since(&self, version: &Version) -> OrSetDelta<E> {
        let dead = self.sorted().map(|lane| (lane.actor, lane.seen.without(&lane.live_counters()))).collect();
        let mut added = Vec::new();
        for lane in self.sorted() {
            let none = Counters::new();
            let known = version.seen.of(lane.actor).unwrap_or(&none);
            let news = lane.iter().filter(|(counter, _)| !known.contains(*counter));
            added.extend(news.filter_map(|(counter, e)| Some((Dot::at(lane.actor, counter)?, e.clone()))));
        }
        OrSetDelta { dead, added }
    }

    fn join(&mut self, delta: &OrSetDelta<E>) -> Result<Change, Refused> {
        self.join_delta(delta)
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        self.merge_with(other)
    }

    fn news(&self, delta: &OrSetDelta<E>) -> CausalContext {
        let seen = |actor| {
            let lane = self.lane_of(actor).ok().and_then(|lane| self.lanes.get(usize::from(lane)));
            lane.map(|lane| &lane.seen)
        };
        let unseen = |(actor, dead): (ActorId, &Counters)| {
            (actor, seen(actor).map_or_else(|| dead.clone(), |seen| dead.without(seen)))
        };
        let mut news: CausalContext = delta.dead.iter().map(unseen).collect();
        let is_new = |dot: &Dot| !seen(dot.actor).is_some_and(|seen| seen.contains(dot.count()));
        news.extend(delta.added.iter().map(|(dot, _)| *dot).filter(is_new));
        news
    }

    fn forget(&mut self, actor: ActorId) -> bool {
        Self::forget(self, actor)
    }

    fn view(&self) -> BTreeSet<E> {
        self.entries().map(|(_, element)| element.clone()).collect()
    }
}

impl<E: PartialEq> PartialEq for OrSet<E> {
    fn eq(&self, other: &Self) -> bool {
        let lanes = |set: &Self| set.order.len();
        lanes(self) == lanes(other)
            && self
                .sorted()
                .zip(other.sorted())
                .all(|(a, b)| a.actor == b.actor && a.is_like(b) && a.elements == b.elements)
    }
}

impl<E: Eq> Eq for OrSet<E> {}

impl<E: Hash> Hash for OrSet<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for lane in self.sorted() {
            (lane.actor, &lane.seen, &lane.keys, &lane.live, &lane.elements).hash(state);
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for OrSet<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries()).finish()
    }
}
