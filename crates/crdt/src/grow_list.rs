//! A list into which everybody inserts and from which nobody removes.

use crate::{ActorId, Change, Crdt, Delivery, Dot, Refused, VersionVector, varint, wire};
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
    /// The elements directly under another, or under none, youngest first.
    under: BTreeMap<Option<Dot>, Vec<Dot>>,
    seen: VersionVector,
    /// The greatest age of an element.
    age: u64,
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
        Self { elements: BTreeMap::new(), under: BTreeMap::new(), seen: VersionVector::new(), age: 0 }
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
        let children = |of: Option<Dot>| self.under.get(&of).into_iter().flatten().rev().copied();
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

    /// The element that is last now.
    fn last(&self) -> Option<Dot> {
        let mut last = None;
        while let Some(dot) = self.under.get(&last).and_then(|siblings| siblings.last()) {
            last = Some(*dot);
        }
        last
    }

    /// Whether an insertion is new to a list that has got as far as `have` with its actor, and knows the ages of elements by `age_of`.
    fn check(
        &self,
        op: &Insertion<V>,
        have: u64,
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
        if op.age == u64::MAX { Err(Refused::Exhausted { actor }) } else { Ok(true) }
    }

    fn take(&mut self, op: &Insertion<V>) {
        let Self { elements, under, .. } = self;
        let siblings = under.entry(op.after).or_default();
        let age_of = |dot: &Dot| elements.get(dot).map_or(0, |element| element.age);
        let at = siblings.partition_point(|dot| (age_of(dot), *dot) > (op.age, op.dot));
        siblings.insert(at, op.dot);
        elements.insert(op.dot, Element { after: op.after, age: op.age, value: op.value.clone() });
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
            Place::Back => self.last(),
            Place::After(dot) if self.elements.contains_key(&dot) => Some(dot),
            Place::After(dot) => return Err(Refused::Missing { dot }),
        };
        let age = self.age.checked_add(1).filter(|age| *age < u64::MAX);
        let dot = self.seen.next_dot(actor).ok();
        match (dot, age) {
            (Some(dot), Some(age)) => Ok(Insertion { dot, after, age, value }),
            _ => Err(Refused::Exhausted { actor }),
        }
    }

    fn apply(&mut self, op: &Insertion<V>) -> Result<Change, Refused> {
        let age_of = |dot: &Dot| self.elements.get(dot).map(|element| element.age);
        let new = self.check(op, self.seen.get(op.dot.actor), age_of)?;
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
        for op in delta {
            let known = |dot: &Dot| self.elements.get(dot).map(|element| element.age);
            let age_of = |dot: &Dot| known(dot).or_else(|| news.get(dot).map(|op| op.age));
            if let Some(twin) = news.get(&op.dot) {
                if *twin != op {
                    return Err(Refused::DotReused { dot: op.dot });
                }
            } else if self.check(op, have.get(op.dot.actor), age_of)? {
                have.observe(op.dot);
                news.insert(op.dot, op);
            }
        }
        for op in news.values() {
            self.take(op);
        }
        Ok(Change::grown_if(!news.is_empty()))
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        for (dot, theirs) in &other.elements {
            if self.elements.get(dot).is_some_and(|mine| mine != theirs) {
                return Err(Refused::DotReused { dot: *dot });
            }
        }
        self.join(&other.delta_since(&self.seen))
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
