//! Merging whole states, 64 elements at a time.

use super::OrSet;
use super::index::Place;
use super::lane::{Lane, bits, bits_down, counter_at, print, rank};
use crate::fingerprint::hash_of;
use crate::{Change, Refused};
use alloc::vec::Vec;
use core::hash::Hash;

/// What a merge does to one lane: found out for all lanes before anything is done to any.
struct Patch<'a, E> {
    theirs: &'a Lane<E>,
    going: Vec<Going>,
    coming: Vec<Coming<'a, E>>,
}

/// An element that goes, and where it is: in each word the highest bit first, so that ranks stay true.
pub(super) struct Going {
    pub(super) hash: u64,
    pub(super) at: u32,
    pub(super) bit: u8,
    pub(super) rank: u8,
}

impl Going {
    /// The element at this bit of the word at `at`; words are numbered by 32 bits, and have 64 of them.
    pub(super) fn new(at: usize, bit: u32, rank: usize, hash: u64) -> Self {
        Self { hash, at: at as u32, bit: bit as u8, rank: rank as u8 }
    }
}

/// An element that comes, in the order of its counter.
struct Coming<'a, E> {
    key: u32,
    bit: u32,
    hash: u64,
    element: &'a E,
}

/// How many places are looked up side by side.
const GLANCES: usize = 64;

impl<E: Clone + Eq + Hash> OrSet<E> {
    /// Merges with another state, or with nothing of it.
    pub(super) fn merge_with(&mut self, other: &Self) -> Result<Change, Refused> {
        let mut patches = Vec::new();
        let mut strangers = 0;
        for theirs in other.sorted() {
            let nothing = Lane::new(theirs.actor);
            let mine = match self.lane_of(theirs.actor) {
                Ok(number) => self.lanes.get(usize::from(number)).unwrap_or(&nothing),
                Err(_) => {
                    strangers += 1;
                    &nothing
                }
            };
            if !mine.is_like(theirs) {
                patches.push(compare(mine, theirs)?);
            }
        }
        self.check_room(strangers)?;
        let coming = patches.iter().map(|patch| patch.coming.len()).sum();
        if coming > 0 {
            self.reserve(coming);
        }
        let mut grown = strangers > 0;
        for patch in patches {
            let number = self.lane_for(patch.theirs.actor);
            grown |= !patch.going.is_empty() || !patch.coming.is_empty();
            self.carry_out(number, &patch);
            if let Some(lane) = self.lanes.get_mut(usize::from(number)) {
                grown |= lane.seen.merge(&patch.theirs.seen);
            }
        }
        Ok(Change::grown_if(grown))
    }

    #[allow(clippy::indexing_slicing, reason = "the lane is there, and words are looked up")]
    fn carry_out(&mut self, number: u16, patch: &Patch<'_, E>) {
        let mut emptied = false;
        for some in patch.going.chunks(GLANCES) {
            self.index.glance(some.iter().map(|going| going.hash));
            for going in some {
                emptied |= self.kill(number, going);
            }
        }
        let lane = &mut self.lanes[usize::from(number)];
        let mut fresh: Vec<u32> = Vec::new();
        for coming in &patch.coming {
            if fresh.last() != Some(&coming.key) && lane.find(coming.key).is_err() {
                fresh.push(coming.key);
            }
        }
        lane.insert_words(&fresh);
        for word in patch.coming.chunk_by(|a, b| a.key == b.key) {
            let lane = &mut self.lanes[usize::from(number)];
            let Some(Ok(at)) = word.first().map(|coming| lane.find(coming.key)) else { continue };
            lane.elements[at].reserve(word.len());
            self.index.glance(word.iter().map(|coming| coming.hash));
            for Coming { key, bit, hash, element } in word {
                self.enlist(Place::new(*hash, number, counter_at(*key, *bit)), *hash, element);
                self.lanes[usize::from(number)].put_at(at, *bit, *hash, (*element).clone());
            }
        }
        if emptied {
            self.lanes[usize::from(number)].compact();
        }
    }
}

/// The words in which two lanes of one actor differ, and what follows from who has seen what. Every element that only one of the two has is
/// looked at once; the fingerprints of the rest of its word must then be equal.
#[allow(clippy::indexing_slicing, reason = "both positions stay below the lengths: see the loop")]
fn compare<'a, E: Hash>(mine: &Lane<E>, theirs: &'a Lane<E>) -> Result<Patch<'a, E>, Refused> {
    let mut patch = Patch { theirs, going: Vec::new(), coming: Vec::new() };
    let (mut a, mut b) = (0, 0);
    loop {
        let (my_key, their_key) = (mine.keys.get(a).copied(), theirs.keys.get(b).copied());
        let key = match (my_key, their_key) {
            (None, None) => break,
            (Some(key), None) | (None, Some(key)) => key,
            (Some(my_key), Some(their_key)) => my_key.min(their_key),
        };
        let (here, there) = (my_key == Some(key), their_key == Some(key));
        let (my_word, mut my_print) = if here { (mine.live[a], mine.prints[a]) } else { (0, 0) };
        let (their_word, mut their_print) = if there { (theirs.live[b], theirs.prints[b]) } else { (0, 0) };
        if my_word != their_word {
            let drop = theirs.seen.word(u64::from(key));
            for bit in bits_down(my_word & !their_word) {
                let rank = rank(my_word, bit);
                let hash = hash_of(&mine.elements[a][rank]);
                my_print = my_print.wrapping_sub(print(hash, bit));
                if drop >> bit & 1 == 1 {
                    patch.going.push(Going::new(a, bit, rank, hash));
                }
            }
            let known = mine.seen.word(u64::from(key));
            let whole = my_word == 0;
            for (place, bit) in bits(their_word & !my_word).enumerate() {
                let element = &theirs.elements[b][if whole { place } else { rank(their_word, bit) }];
                let hash = hash_of(element);
                their_print = their_print.wrapping_sub(print(hash, bit));
                if known >> bit & 1 == 0 {
                    patch.coming.push(Coming { key, bit, hash, element });
                }
            }
        }
        if my_print != their_print {
            let (first, last) = (counter_at(key, 0), counter_at(key, 63));
            return Err(Refused::DotsReused { actor: mine.actor, first, last });
        }
        a += usize::from(here);
        b += usize::from(there);
    }
    Ok(patch)
}
