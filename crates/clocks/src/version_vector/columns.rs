//! Where the entries lie: actors and counters in two columns, up to eight entries in place.
//!
//! Two columns rather than pairs, so that two vectors of the same actors, by far the most common case, are compared and merged in two
//! straight runs over memory.

use crate::Causality;
use alloc::vec::Vec;
use core::mem;

/// How many entries need no allocation.
pub(crate) const INLINE: usize = 8;

/// Sorted by actor, strictly; counters are never zero.
#[derive(Clone)]
pub(super) enum Columns<A> {
    Empty,
    Inline(Inline<A>),
    Heap(Heap<A>),
}

/// Places from `len` on repeat the first actor with counter zero, so that vectors of the same actors have equal arrays.
#[derive(Clone)]
pub(super) struct Inline<A> {
    pub(super) len: u8,
    pub(super) actors: [A; INLINE],
    pub(super) counters: [u64; INLINE],
}

#[derive(Clone)]
pub(super) struct Heap<A> {
    pub(super) actors: Vec<A>,
    pub(super) counters: Vec<u64>,
}

/// Half of the places in place: small groups touch no more.
const HALF: usize = INLINE / 2;

impl<A: PartialEq> Inline<A> {
    /// Whether both are of the same actors. By fixed halves, which compile to a few wide comparisons.
    #[inline]
    pub(super) fn is_parallel(&self, other: &Self) -> bool {
        let ([low, high], [others_low, others_high]) = (halves(&self.actors), halves(&other.actors));
        self.len == other.len && low == others_low && (usize::from(self.len) <= HALF || high == others_high)
    }
}

/// Raises `len` counters to those of another. Mostly there is nothing to raise, and then nothing is written: whoever reads next need
/// not wait for it.
#[inline]
pub(crate) fn raise_few(mine: &mut [u64; INLINE], theirs: &[u64; INLINE], len: u8) {
    let [low, high] = halves(theirs);
    let (mine_low, mine_high) = mine.split_at_mut(HALF);
    if is_lower(mine_low, low) {
        raise(mine_low, low);
    }
    if usize::from(len) > HALF && is_lower(mine_high, high) {
        raise(mine_high, high);
    }
}

/// How `len` counters stand to those of another.
#[inline]
pub(crate) fn compare_few(mine: &[u64; INLINE], theirs: &[u64; INLINE], len: u8) -> Causality {
    let ([low, high], [others_low, others_high]) = (halves(mine), halves(theirs));
    let (mut more, mut less) = surplus(low, others_low);
    if usize::from(len) > HALF {
        let (more_high, less_high) = surplus(high, others_high);
        (more, less) = (more | more_high, less | less_high);
    }
    Causality::from_surplus(more, less)
}

#[inline]
fn halves<T>(places: &[T; INLINE]) -> [&[T]; 2] {
    let (low, high) = places.split_at(HALF);
    [low, high]
}

/// Takes the greater at each place.
#[inline]
pub(crate) fn raise(mine: &mut [u64], theirs: &[u64]) {
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        *mine = (*mine).max(*theirs);
    }
}

/// Whether the first is lower anywhere. Without branches: for few places.
#[inline]
fn is_lower(mine: &[u64], theirs: &[u64]) -> bool {
    mine.iter().zip(theirs).fold(false, |lower, (mine, theirs)| lower | (mine < theirs))
}

/// Whether the first is greater somewhere, and whether the second is. Without branches: for few places.
#[inline]
pub(super) fn surplus(mine: &[u64], theirs: &[u64]) -> (bool, bool) {
    let pairs = mine.iter().zip(theirs);
    pairs
        .fold((false, false), |(more, less), (mine, theirs)| (more | (mine > theirs), less | (mine < theirs)))
}

impl<A> Columns<A> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Inline(inline) => inline.len.into(),
            Self::Heap(heap) => heap.actors.len(),
        }
    }

    pub(super) fn actors(&self) -> &[A] {
        match self {
            Self::Empty => &[],
            Self::Inline(inline) => inline.actors.get(..inline.len.into()).unwrap_or_default(),
            Self::Heap(heap) => &heap.actors,
        }
    }

    pub(super) fn counters(&self) -> &[u64] {
        match self {
            Self::Empty => &[],
            Self::Inline(inline) => inline.counters.get(..inline.len.into()).unwrap_or_default(),
            Self::Heap(heap) => &heap.counters,
        }
    }

    pub(super) fn counters_mut(&mut self) -> &mut [u64] {
        match self {
            Self::Empty => &mut [],
            Self::Inline(inline) => inline.counters.get_mut(..inline.len.into()).unwrap_or_default(),
            Self::Heap(heap) => &mut heap.counters,
        }
    }
}

impl<A: Copy> Columns<A> {
    /// Both columns with `len` places, of which the new ones hold anything; [`settle`](Self::settle) follows.
    pub(super) fn grow(&mut self, len: usize, filler: A) -> (&mut [A], &mut [u64]) {
        if len > INLINE && !matches!(self, Self::Heap(_)) {
            // Half as much again: who outgrows the inline places goes on growing.
            let room = len + len / 2;
            let mut heap = Heap { actors: Vec::with_capacity(room), counters: Vec::with_capacity(room) };
            heap.actors.extend_from_slice(self.actors());
            heap.counters.extend_from_slice(self.counters());
            *self = Self::Heap(heap);
        }
        if matches!(self, Self::Empty) {
            *self = Self::Inline(Inline { len: 0, actors: [filler; INLINE], counters: [0; INLINE] });
        }
        match self {
            Self::Empty => (&mut [], &mut []),
            Self::Inline(inline) => {
                // Not more than INLINE, by the first branch.
                inline.len = len as u8;
                (
                    inline.actors.get_mut(..len).unwrap_or_default(),
                    inline.counters.get_mut(..len).unwrap_or_default(),
                )
            }
            Self::Heap(heap) => {
                heap.actors.resize(len, filler);
                heap.counters.resize(len, 0);
                (&mut heap.actors, &mut heap.counters)
            }
        }
    }

    /// Restores the rule for unused places.
    pub(super) fn settle(&mut self) {
        if let Self::Inline(inline) = self {
            let [first, ..] = inline.actors;
            let unused = usize::from(inline.len)..;
            inline.actors.get_mut(unused.clone()).unwrap_or_default().fill(first);
            inline.counters.get_mut(unused).unwrap_or_default().fill(0);
        }
    }

    /// Keeps the entries for which `keep` holds, after it may have changed their counters, and that are not zero then.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(A, &mut u64) -> bool) {
        let (actors, counters) = self.both_mut();
        let mut kept = 0;
        for place in 0..actors.len() {
            let (Some(&actor), Some(&counter)) = (actors.get(place), counters.get(place)) else { continue };
            let mut counter = counter;
            if keep(actor, &mut counter)
                && counter > 0
                && let (Some(to_actor), Some(to_counter)) = (actors.get_mut(kept), counters.get_mut(kept))
            {
                (*to_actor, *to_counter) = (actor, counter);
                kept += 1;
            }
        }
        self.truncate(kept);
    }

    fn truncate(&mut self, len: usize) {
        match self {
            Self::Inline(inline) if len > 0 => inline.len = inline.len.min(len as u8),
            Self::Heap(heap) if len > INLINE => {
                heap.actors.truncate(len);
                heap.counters.truncate(len);
            }
            Self::Heap(heap) if len > 0 => {
                let (actors, counters) = (mem::take(&mut heap.actors), mem::take(&mut heap.counters));
                *self = Self::Empty;
                if let Some(first) = actors.first() {
                    let (to_actors, to_counters) = self.grow(len, *first);
                    to_actors.iter_mut().zip(&actors).for_each(|(to, actor)| *to = *actor);
                    to_counters.iter_mut().zip(&counters).for_each(|(to, counter)| *to = *counter);
                }
            }
            _ => *self = Self::Empty,
        }
        self.settle();
    }

    fn both_mut(&mut self) -> (&mut [A], &mut [u64]) {
        match self {
            Self::Empty => (&mut [], &mut []),
            Self::Inline(inline) => (
                inline.actors.get_mut(..inline.len.into()).unwrap_or_default(),
                inline.counters.get_mut(..inline.len.into()).unwrap_or_default(),
            ),
            Self::Heap(heap) => (&mut heap.actors, &mut heap.counters),
        }
    }
}
