//! Dotted version vector sets: the values of one key that no write has replaced yet.

mod forgetting;

pub use forgetting::ForgetError;

use crate::{Actor, Dot, DotError, VersionVector};
use alloc::vec::Vec;
use core::num::NonZeroU64;
use core::{iter, mem};
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// The concurrent values ("siblings") of one key in a replicated store, each known by its dot (Almeida, Baquero, Gonçalves, Preguiça and
/// Fonte, "Scalable and Accurate Causality Tracking for Eventually Consistent Stores", 2014: the "DVVSet").
///
/// A client reads the values and the [`context`](Self::context), and gives the context back with its write. The write replaces exactly what
/// was read: what others wrote meanwhile stays beside it. So there are never more siblings than writes that did not know of each other,
/// however clients of one server take turns, which with plain version vectors they multiply in.
///
/// One entry for each server that ever wrote the key: the number of its writes, and those of its latest values that live. The entries of
/// servers that have left for good can be [forgotten](Self::forget).
///
/// Costs, for n servers, here and in what is learnt, and v values: [`merge`](Self::merge), [`discard`](Self::discard) and
/// [`write`](Self::write) O(n + v).
///
/// # Whom it believes
/// A context is the client's word for what it has read. What a client claims, its write replaces: also writes of other servers that this
/// replica has not heard of yet, for the client may have read there, and they must not come back beside what replaced them. So one forged
/// context, `{s2: u64::MAX}`, would make all later values of `s2` vanish here, and on each replica that merges this one. Seal the contexts
/// that you give out, or take those of strangers with care:
/// * [`check`](Self::check) refuses a context that claims more than this replica has heard of. The claim may be true: merge with the
///   servers that it names, and check again; what is still unknown then was never written. A context that passes can replace what
///   is here, which any client may that has read it, and nothing else.
/// * [`write`](Self::write) refuses a context that claims more of the writing server than it ever wrote.
/// * [`checked_merge`](Self::checked_merge) refuses another replica's claim of that kind, so that a poisoned replica does not
///   exhaust the server of whose writes it raves.
///
/// ```
/// use synod_clocks::{Siblings, VersionVector};
/// let mut here = Siblings::new();
/// here.write("s1", &VersionVector::new(), "milk")?;
/// let read = here.context();
///
/// let mut there = here.clone();                         // another replica
/// here.write("s1", &read, "milk, eggs")?;               // two clients read the same ...
/// there.write("s2", &read, "milk, flour")?;             // ... and write at two servers
/// here.merge(&there);
/// assert_eq!(here.values().collect::<Vec<_>>(), [&"milk, eggs", &"milk, flour"]);
///
/// here.write("s2", &here.context(), "milk, eggs, flour")?;
/// assert_eq!(here.values().collect::<Vec<_>>(), [&"milk, eggs, flour"]);
/// # Ok::<(), synod_clocks::DotError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Siblings<A, V> {
    /// By actor, strictly.
    entries: Vec<Entry<A, V>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry<A, V> {
    actor: A,
    /// How many dots it has given.
    count: NonZeroU64,
    /// The values of the latest of them, the newest first; not more than `count`. Those of the dots before have been replaced.
    values: Vec<V>,
}

impl<A, V> Siblings<A, V> {
    /// A key that was never written.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// The values that live: by server, the newest first.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().flat_map(|entry| &entry.values)
    }

    /// How many values live.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.iter().map(|entry| entry.values.len()).sum()
    }

    /// Whether no value lives: never written, or all discarded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<A, V> Default for Siblings<A, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Actor, V> Siblings<A, V> {
    /// All writes that these values include or replace: what a reader gives back with its next write.
    #[must_use]
    pub fn context(&self) -> VersionVector<A> {
        self.entries.iter().map(|entry| (entry.actor, entry.count.get())).collect()
    }

    /// Each value that lives, with its dot.
    pub fn dots(&self) -> impl Iterator<Item = (Dot<A>, &V)> {
        self.entries.iter().flat_map(|entry| {
            let counters = (0..).map_while(|age| entry.count.get().checked_sub(age));
            let dot = |counter| Dot::at(entry.actor, counter);
            counters.zip(&entry.values).filter_map(move |(counter, value)| Some((dot(counter)?, value)))
        })
    }

    /// A client that has read `context` writes at server `actor`. What it has read is replaced.
    ///
    /// # Errors
    /// [`DotError::Unissued`] if the context claims writes of this server that it never had: it is forged, or the server has lost its
    /// disk. [`DotError::Exhausted`] after 2⁶⁴ − 1 writes. Nothing changes then.
    pub fn write(&mut self, actor: A, context: &VersionVector<A>, value: V) -> Result<Dot<A>, DotError> {
        let issued = self.count_of(actor);
        DotError::refuse_unissued(context.get(actor), issued)?;
        let dot = issued.checked_add(1).and_then(|count| Dot::at(actor, count)).ok_or(DotError::Exhausted)?;
        self.discard(context);
        match self.entries.binary_search_by_key(&actor, |entry| entry.actor) {
            Ok(place) => {
                if let Some(entry) = self.entries.get_mut(place) {
                    entry.count = dot.counter;
                    entry.values.insert(0, value);
                }
            }
            Err(place) => {
                self.entries.insert(place, Entry { actor, count: dot.counter, values: [value].into() });
            }
        }
        Ok(dot)
    }

    /// Forgets the values that are known in `context`: a delete. What others wrote meanwhile stays.
    ///
    /// The context stays known, so that a merge with who has the values does not bring them back.
    pub fn discard(&mut self, context: &VersionVector<A>) {
        let learn = |entry: &mut Entry<A, V>, dot: Dot<A>| {
            let unknown = entry.count.get().saturating_sub(dot.count());
            entry.values.truncate(usize::try_from(unknown).unwrap_or(usize::MAX));
            entry.raise(dot.counter);
        };
        let stranger = |dot: Dot<A>| Entry { actor: dot.actor, count: dot.counter, values: Vec::new() };
        self.join(context.dots(), |dot| dot.actor, learn, stranger);
    }

    /// Whether this replica has heard of every write that the context claims. See [whom it believes](Self#whom-it-believes).
    /// O(m log n) for a context of m servers.
    ///
    /// ```
    /// use synod_clocks::{DotError, Siblings, VersionVector};
    /// let mut here = Siblings::new();
    /// here.write("s1", &VersionVector::new(), "milk")?;
    /// let forged = VersionVector::from_iter([("s1", 1), ("s2", u64::MAX)]);
    /// assert_eq!(here.check(&forged), Err(DotError::Gap { expected: 1, got: u64::MAX }));
    /// // Who would have to be asked:
    /// assert!(forged.surplus(&here.context()).map(|missing| missing.actor).eq(["s2"]));
    /// assert_eq!(here.check(&here.context()), Ok(()));
    /// # Ok::<(), DotError>(())
    /// ```
    ///
    /// # Errors
    /// [`DotError::Gap`] for the first server of which it claims more.
    pub fn check(&self, context: &VersionVector<A>) -> Result<(), DotError> {
        let unheard = context.dots().find_map(|dot| {
            let known = self.count_of(dot.actor);
            (dot.count() > known).then(|| DotError::Gap { expected: known + 1, got: dot.count() })
        });
        unheard.map_or(Ok(()), Err)
    }

    /// How many writes of a server are known.
    fn count_of(&self, actor: A) -> u64 {
        let found = self.entries.binary_search_by_key(&actor, |entry| entry.actor);
        found.ok().and_then(|place| self.entries.get(place)).map_or(0, |entry| entry.count.get())
    }

    /// Goes through the entries and through what somebody says of the same or other servers, both by server, in one pass: `known` tells an
    /// entry what is said, `stranger` makes one of what is said of a server that has none.
    fn join<T: Copy>(
        &mut self,
        said: impl Iterator<Item = T> + Clone,
        actor: impl Fn(T) -> A,
        known: impl Fn(&mut Entry<A, V>, T),
        stranger: impl Fn(T) -> Entry<A, V>,
    ) {
        let mut mine = self.entries.iter().map(|entry| entry.actor).peekable();
        let strangers = said.clone().filter(|said| {
            while mine.next_if(|mine| *mine < actor(*said)).is_some() {}
            mine.next_if_eq(&actor(*said)).is_none()
        });
        let strangers = strangers.count();
        if strangers == 0 {
            let mut mine = self.entries.iter_mut();
            for said in said {
                if let Some(entry) = mine.find(|entry| entry.actor == actor(said)) {
                    known(entry, said);
                }
            }
            return;
        }
        let joined = Vec::with_capacity(self.entries.len() + strangers);
        let mut mine = mem::replace(&mut self.entries, joined).into_iter().peekable();
        for said in said {
            self.entries.extend(iter::from_fn(|| mine.next_if(|entry| entry.actor < actor(said))));
            let entry = match mine.next_if(|entry| entry.actor == actor(said)) {
                Some(mut entry) => {
                    known(&mut entry, said);
                    entry
                }
                None => stranger(said),
            };
            self.entries.push(entry);
        }
        self.entries.extend(mine);
    }

    /// Two values under one dot, which no correct server makes: an actor that was used twice, or forged. O(n + v).
    pub fn clash(&self, other: &Self) -> Option<Dot<A>>
    where
        V: PartialEq,
    {
        let mut theirs = other.dots().collect::<Vec<_>>();
        theirs.sort_unstable_by_key(|(dot, _)| *dot);
        let other_value =
            |dot| theirs.binary_search_by_key(&dot, |(dot, _)| *dot).ok().and_then(|place| theirs.get(place));
        self.dots()
            .find(|(dot, value)| other_value(*dot).is_some_and(|(_, theirs)| theirs != value))
            .map(|(dot, _)| dot)
    }
}

impl<A: Actor, V: Clone> Siblings<A, V> {
    /// Learns what another replica has: values that neither has replaced live on.
    pub fn merge(&mut self, other: &Self) {
        self.join(other.entries.iter(), |theirs| theirs.actor, Entry::merge, Entry::clone);
    }

    /// As [`merge`](Self::merge), at server `me`, whose replica has all of its own writes.
    ///
    /// # Errors
    /// [`DotError::Unissued`] if the other claims writes of `me` that it never had: a forged context or replica, or `me` has lost its
    /// disk. Nothing changes then.
    pub fn checked_merge(&mut self, me: A, other: &Self) -> Result<(), DotError> {
        DotError::refuse_unissued(other.count_of(me), self.count_of(me))?;
        self.merge(other);
        Ok(())
    }
}

impl<A, V> Entry<A, V> {
    fn raise(&mut self, count: NonZeroU64) {
        if count > self.count {
            self.count = count;
            self.values.clear();
        }
    }

    /// How many of the latest values live, when another has `count` dots of which the latest `len` live.
    fn survivors(&self, count: NonZeroU64, len: usize) -> usize {
        let newer = usize::try_from(self.count.get().saturating_sub(count.get())).unwrap_or(usize::MAX);
        newer.saturating_add(len)
    }
}

impl<A, V: Clone> Entry<A, V> {
    fn merge(&mut self, other: &Self) {
        if self.count >= other.count {
            let survivors = self.survivors(other.count, other.values.len());
            self.values.truncate(survivors);
        } else {
            let survivors = other.survivors(self.count, self.values.len());
            self.values.clear();
            self.values.extend(other.values.iter().take(survivors).cloned());
            self.count = other.count;
        }
    }
}

/// The number of servers; of each, its name, the number of its writes, and its values, the newest first.
impl<A: Actor + Wire, V: Wire> Wire for Siblings<A, V> {
    const LEN_MIN: usize = 4;

    fn encode(&self, out: &mut Writer<'_>) {
        out.count(self.entries.len());
        for entry in &self.entries {
            entry.actor.encode(out);
            out.u64(entry.count.get());
            out.count(entry.values.len());
            entry.values.iter().for_each(|value| value.encode(out));
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let servers = input.count(A::LEN_MIN + 12)?;
        let mut siblings = Self { entries: Vec::new() };
        for _ in 0..servers {
            let Dot { actor, counter: count } = Dot::decode(input)?;
            let entry = Entry { actor, count, values: Vec::decode(input)? };
            siblings.push_checked(entry).map_err(|field| WireError::Invalid { field })?;
        }
        Ok(siblings)
    }
}

impl<A: Actor, V> Siblings<A, V> {
    /// Adds what a stranger says of one more server, or says what is wrong with it.
    fn push_checked(&mut self, entry: Entry<A, V>) -> Result<(), &'static str> {
        if self.entries.last().is_some_and(|last| last.actor >= entry.actor) {
            return Err("order of the servers of siblings");
        }
        if entry.values.len() as u64 > entry.count.get() {
            return Err("number of values of a server");
        }
        self.entries.push(entry);
        Ok(())
    }
}

/// Of each server its name, the number of its writes, and its values, the newest first.
#[cfg(feature = "serde")]
impl<A: Actor + serde::Serialize, V: serde::Serialize> serde::Serialize for Siblings<A, V> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.entries.iter().map(|entry| (entry.actor, entry.count, &entry.values)))
    }
}

#[cfg(feature = "serde")]
impl<'de, A: Actor + serde::Deserialize<'de>, V: serde::Deserialize<'de>> serde::Deserialize<'de>
    for Siblings<A, V>
{
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut siblings = Self { entries: Vec::new() };
        for (actor, count, values) in Vec::<(A, NonZeroU64, Vec<V>)>::deserialize(deserializer)? {
            siblings.push_checked(Entry { actor, count, values }).map_err(serde::de::Error::custom)?;
        }
        Ok(siblings)
    }
}
