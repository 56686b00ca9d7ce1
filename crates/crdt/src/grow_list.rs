//! A list into which everybody inserts and from which nobody removes.

use crate::{ActorId, CausalContext, Change, Crdt, Delivery, Dot, Refused, VersionVector, varint, wire};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt::Debug;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A list that only grows: a log, a comment thread, a timeline. Each element is inserted after another, or at the front.
///
/// The elements form a tree, each under the one that it was inserted after, younger siblings first: the insertion tree of RGA (Roh, Jeon,
/// Kim and Lee 2011; Attiya, Burckhardt, Gotsman, Morrison, Yang and Zawirski 2016). What one replica inserts one after the other stays
/// together. Lists from which elements go, and texts, are another type.
///
/// | operation | costs, for n elements |
/// |---|---|
/// | [`push`](Self::push), [`insert`](Self::insert) of what is younger than its siblings, as everything written here is | O(log n) |
/// | taking in what was inserted concurrently | O(log n), and as many steps as there are younger siblings; where it comes to stand last, also as many as were appended since |
/// | reading from one end to the other | O(n log n) |
/// | [`delta_since`](Crdt::delta_since) | O(n) |
///
/// Its version is a counter for each actor that has ever written, and none of them is ever forgotten.
///
/// ```
/// use synod_crdt::{ActorId, Crdt, GrowList};
/// let (ada, bob) = (ActorId::from(1), ActorId::from(2));
/// let mut here = GrowList::new();
/// here.push(ada, "shall we meet?")?;
/// let mut there = here.clone();
/// here.push(ada, "on Friday?")?;
/// there.push(bob, "yes")?;
/// there.push(bob, "where?")?;
/// let _ = here.merge(&there)?;
/// let all: Vec<_> = here.iter().copied().collect();
/// assert_eq!(all, ["shall we meet?", "yes", "where?", "on Friday?"]);
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GrowList<V> {
    elements: BTreeMap<Dot, Element<V>>,
    /// The elements directly under another, or under none, oldest first: what is written now comes last.
    under: BTreeMap<Option<Dot>, Vec<Dot>>,
    seen: VersionVector,
    /// The greatest age of an element. No greater than the number of elements: see [`Refused::Early`].
    age: u64,
    /// The element that stands last.
    last: Option<Dot>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Element<V> {
    after: Option<Dot>,
    age: u64,
    value: V,
}

/// An element comes into the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Insertion<V> {
    /// Its name.
    pub dot: Dot,
    /// The element after which it stands; none for the front.
    pub after: Option<Dot>,
    /// One more than the greatest age that its writer had seen: a Lamport clock.
    pub age: u64,
    /// The element.
    pub value: V,
}

/// Where to insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Place {
    /// Before everything.
    Front,
    /// After the element that is last now.
    Back,
    /// After this element.
    After(Dot),
}

impl<V> Default for GrowList<V> {
    fn default() -> Self {
        let (elements, under, seen) = (BTreeMap::new(), BTreeMap::new(), VersionVector::new());
        Self { elements, under, seen, age: 0, last: None }
    }
}

impl<V: Clone + Debug + PartialEq> GrowList<V> {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a stranger is sent.
    pub(crate) fn oldest_first(&self) -> Vec<Insertion<V>> {
        self.delta_since(&VersionVector::new())
    }

    /// From what a stranger sends: older insertions first, each once.
    pub(crate) fn from_sorted(all: &Vec<Insertion<V>>) -> Option<Self> {
        let mut list = Self::new();
        let sorted = all.is_sorted_by(|a, b| (a.age, a.dot) < (b.age, b.dot));
        (sorted && list.join(all).is_ok()).then_some(list)
    }

    /// Appends an element.
    ///
    /// # Errors
    /// [`Refused::Exhausted`] when the actor has used all its counters.
    pub fn push(&mut self, actor: ActorId, value: V) -> Result<Insertion<V>, Refused> {
        self.act(actor, (Place::Back, value))
    }

    /// Inserts an element.
    ///
    /// # Errors
    /// [`Refused::Missing`] if the element after which it shall stand is not here, [`Refused::Exhausted`] when the actor has used all its
    /// counters.
    pub fn insert(&mut self, actor: ActorId, place: Place, value: V) -> Result<Insertion<V>, Refused> {
        self.act(actor, (place, value))
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The elements in the list's order, with their names.
    pub fn entries(&self) -> impl Iterator<Item = (Dot, &V)> {
        let children = |of: Option<Dot>| self.under.get(&of).into_iter().flatten().copied();
        let mut open: Vec<Dot> = children(None).collect();
        core::iter::from_fn(move || {
            let dot = open.pop()?;
            open.extend(children(Some(dot)));
            self.elements.get(&dot).map(|element| (dot, &element.value))
        })
    }

    /// The elements in the list's order; each in O(log n).
    pub fn iter(&self) -> impl Iterator<Item = &V> {
        self.entries().map(|(_, value)| value)
    }

    /// Whether the last element stands under this one. Ages fall on the way up, so the way ends early.
    fn ends_under(&self, dot: Dot, age: u64) -> bool {
        let mut at = self.last;
        while let Some((up, element)) = at.and_then(|at| Some((at, self.elements.get(&at)?))) {
            if up == dot {
                return true;
            }
            at = element.after.filter(|_| element.age > age);
        }
        false
    }

    /// Whether an insertion is new to a list of `len` elements that has got as far as `have` with its actor, and knows the ages of elements
    /// by `age_of`.
    fn check(
        &self,
        op: &Insertion<V>,
        (len, have): (usize, u64),
        age_of: impl Fn(&Dot) -> Option<u64>,
    ) -> Result<bool, Refused> {
        let actor = op.dot.actor;
        if op.dot.count() <= have {
            return match self.elements.get(&op.dot) {
                Some(known) if known.after != op.after || known.age != op.age || known.value != op.value => {
                    Err(Refused::DotReused { dot: op.dot })
                }
                _ => Ok(false),
            };
        }
        let needs = op.dot.count() - 1;
        if needs > have {
            return Err(Refused::Gap { actor, have, needs });
        }
        // Whoever inserts has seen the element before, and its own last one: it is younger than both.
        let previous = Dot::at(actor, have);
        for older in [op.after, previous].into_iter().flatten() {
            match age_of(&older) {
                None => return Err(Refused::Missing { dot: older }),
                Some(age) if age >= op.age => return Err(Refused::Contradiction { actor }),
                Some(_) => {}
            }
        }
        // Each insertion makes the greatest age one greater at most, so among what its writer had seen no age is beyond their number. With
        // all of that here, the age is within reach; and whatever is sent, ages never run out.
        if op.age > (len as u64).saturating_add(1) { Err(Refused::Early { dot: op.dot }) } else { Ok(true) }
    }

    fn take(&mut self, op: &Insertion<V>) {
        let age_of = |dot: &Dot| self.elements.get(dot).map_or(0, |element| element.age);
        // What is written now is the youngest, so the way from the end is short.
        let is_older = |dot: &Dot| (age_of(dot), *dot) < (op.age, op.dot);
        let siblings = self.under.get(&op.after).map_or(&[][..], Vec::as_slice);
        let at = siblings.iter().rposition(is_older).map_or(0, |at| at + 1);
        // The oldest of its siblings stands last among them, and in the list if that ends with them.
        let is_last = match op.after {
            after if siblings.is_empty() => after == self.last,
            Some(after) => at == 0 && self.ends_under(after, age_of(&after)),
            None => at == 0,
        };
        self.under.entry(op.after).or_default().insert(at, op.dot);
        if is_last {
            self.last = Some(op.dot);
        }
        let element = Element { after: op.after, age: op.age, value: op.value.clone() };
        self.elements.insert(op.dot, element);
        self.age = self.age.max(op.age);
        self.seen.observe(op.dot);
    }

    fn insertions(&self) -> impl Iterator<Item = Insertion<V>> {
        self.elements.iter().map(|(dot, element)| Insertion {
            dot: *dot,
            after: element.after,
            age: element.age,
            value: element.value.clone(),
        })
    }
}

impl<V: Clone + Debug + PartialEq> Crdt for GrowList<V> {
    type Action = (Place, V);
    type Op = Insertion<V>;
    /// Insertions, older ones first.
    type Delta = Vec<Insertion<V>>;
    type Version = VersionVector;
    type View = Vec<V>;

    /// An element must come after the one that it stands behind.
    const DELIVERY: Delivery = Delivery::Causal;

    fn prepare(&self, actor: ActorId, (place, value): (Place, V)) -> Result<Insertion<V>, Refused> {
        let after = match place {
            Place::Front => None,
            Place::Back => self.last,
            Place::After(dot) if self.elements.contains_key(&dot) => Some(dot),
            Place::After(dot) => return Err(Refused::Missing { dot }),
        };
        let age = self.age.checked_add(1);
        let dot = self.seen.next_dot(actor).ok();
        match (dot, age) {
            (Some(dot), Some(age)) => Ok(Insertion { dot, after, age, value }),
            _ => Err(Refused::Exhausted { actor }),
        }
    }

    fn apply(&mut self, op: &Insertion<V>) -> Result<Change, Refused> {
        let age_of = |dot: &Dot| self.elements.get(dot).map(|element| element.age);
        let new = self.check(op, (self.len(), self.seen.get(op.dot.actor)), age_of)?;
        if new {
            self.take(op);
        }
        Ok(Change::grown_if(new))
    }

    fn delta_of(op: &Insertion<V>) -> Vec<Insertion<V>> {
        [op.clone()].into()
    }

    fn version(&self) -> VersionVector {
        self.seen.clone()
    }

    fn delta_since(&self, version: &VersionVector) -> Vec<Insertion<V>> {
        let mut news: Vec<_> = self.insertions().filter(|op| !version.contains(&op.dot)).collect();
        news.sort_by_key(|op| (op.age, op.dot));
        news
    }

    fn join(&mut self, delta: &Vec<Insertion<V>>) -> Result<Change, Refused> {
        // All of it is checked before any of it is taken.
        let mut have = self.seen.clone();
        let mut news: BTreeMap<Dot, &Insertion<V>> = BTreeMap::new();
        let mut in_order: Vec<&Insertion<V>> = Vec::new();
        for op in delta {
            let known = |dot: &Dot| self.elements.get(dot).map(|element| element.age);
            let age_of = |dot: &Dot| known(dot).or_else(|| news.get(dot).map(|op| op.age));
            if let Some(twin) = news.get(&op.dot) {
                if *twin != op {
                    return Err(Refused::DotReused { dot: op.dot });
                }
            } else if self.check(op, (self.len() + news.len(), have.get(op.dot.actor)), age_of)? {
                have.observe(op.dot);
                news.insert(op.dot, op);
                in_order.push(op);
            }
        }
        for op in &in_order {
            self.take(op);
        }
        Ok(Change::grown_if(!in_order.is_empty()))
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        for (dot, theirs) in &other.elements {
            if self.elements.get(dot).is_some_and(|mine| mine != theirs) {
                return Err(Refused::DotReused { dot: *dot });
            }
        }
        self.join(&other.delta_since(&self.seen))
    }

    fn news(&self, delta: &Vec<Insertion<V>>) -> CausalContext {
        delta.iter().map(|op| op.dot).filter(|dot| !self.seen.contains(dot)).collect()
    }

    fn view(&self) -> Vec<V> {
        self.iter().cloned().collect()
    }
}

impl<V: Wire> Wire for Insertion<V> {
    const LEN_MIN: usize = wire::DOT_LEN_MIN + 2 + V::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        wire::write_dot(out, &self.dot);
        match &self.after {
            None => out.u8(0),
            Some(after) => {
                out.u8(1);
                wire::write_dot(out, after);
            }
        }
        varint::write(out, self.age);
        self.value.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let dot = wire::read_dot(input)?;
        let after = match input.u8()? {
            0 => None,
            1 => Some(wire::read_dot(input)?),
            tag => return Err(WireError::UnknownTag { of: "Insertion", tag }),
        };
        Ok(Self { dot, after, age: varint::read(input)?, value: V::decode(input)? })
    }
}

/// The insertions, older ones first.
impl<V: Clone + Debug + PartialEq + Wire> Wire for GrowList<V> {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        let all = self.oldest_first();
        wire::write_all(out, all.iter(), |out, op| op.encode(out));
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let all = wire::read_all(input, Insertion::<V>::LEN_MIN, Insertion::decode)?;
        Self::from_sorted(&all).ok_or(WireError::Invalid { field: "insertions of a list" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_core::{Entropy, SplitMix64};

    /// Three replicas insert anywhere and hear of each other now and then; each always knows its last element, in whatever order others came.
    #[test]
    fn the_last_element_is_known() {
        for seed in 0..200 {
            let mut chance = SplitMix64::new(seed);
            let mut lists = [GrowList::new(), GrowList::new(), GrowList::new()];
            for number in 0..40_u64 {
                let at = chance.below(3) as usize;
                let len = lists[at].len() as u64;
                let any = lists[at].entries().nth(chance.below(len) as usize).map(|(dot, _)| dot);
                let place = match (chance.below(4), any) {
                    (0, _) => Place::Front,
                    (1, Some(dot)) => Place::After(dot),
                    _ => Place::Back,
                };
                lists[at].insert(ActorId::from(at as u128), place, number).unwrap();
                if place == Place::Back {
                    assert_eq!(lists[at].iter().last(), Some(&number), "seed {seed}");
                }
                let other = lists[chance.below(3) as usize].clone();
                if chance.below(3) == 0 {
                    let _ = lists[at].merge(&other).unwrap();
                }
                let last = lists[at].entries().last().map(|(dot, _)| dot);
                assert_eq!(lists[at].last, last, "seed {seed}");
                assert!(lists[at].age <= lists[at].len() as u64);
            }
        }
    }

    #[test]
    fn appending_does_not_walk_the_list() {
        let mut list = GrowList::new();
        (0..100_000).for_each(|number| _ = list.push(ActorId::from(1), number).unwrap());
        assert!(list.iter().copied().eq(0..100_000));
    }
}
