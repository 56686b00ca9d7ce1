//! Merging whole states, 64 elements at a time.

use super::OrSet;
use super::index::Place;
use super::lane::{Lane, bits, counter_at, rank};
use crate::fingerprint::hash_of;
use crate::{Change, Refused};
use alloc::vec::Vec;
use core::hash::Hash;

/// What changes in one word.
struct Patch {
    /// Where the word is in their lane; nowhere, if only this side has it.
    theirs: Option<usize>,
    /// Where it is in this side's lane, or belongs.
    mine: Result<usize, usize>,
    key: u32,
    /// What goes.
    drop: u64,
    /// What comes.
    take: u64,
}

impl<E: Clone + Eq + Hash> OrSet<E> {
    /// Merges with another state, or with nothing of it.
    pub(super) fn merge_with(&mut self, other: &Self) -> Result<Change, Refused> {
        // First everything is looked at, then everything is done.
        let mut work = Vec::new();
        let mut strangers = 0;
        let mut coming = 0;
        for theirs in other.sorted() {
            let number = self.lane_of(theirs.actor);
            let nothing = Lane::new(theirs.actor);
            let mine = match number {
                Ok(number) => self.lanes.get(usize::from(number)).unwrap_or(&nothing),
                Err(_) => {
                    strangers += 1;
                    &nothing
                }
            };
            if mine.is_like(theirs) {
                continue;
            }
            let patches = compare(mine, theirs)?;
            coming += patches.iter().map(|patch| patch.take.count_ones() as usize).sum::<usize>();
            work.push((theirs, patches));
        }
        self.check_room(strangers)?;
        if coming > 0 {
            self.reserve(coming);
        }
        let mut grown = strangers > 0;
        for (theirs, patches) in work {
            let number = self.lane_for(theirs.actor);
            grown |= !patches.is_empty();
            self.patch(number, theirs, &patches);
            if let Some(lane) = self.lanes.get_mut(usize::from(number)) {
                grown |= lane.seen.merge(&theirs.seen);
            }
        }
        Ok(Change::grown_if(grown))
    }

    #[allow(clippy::indexing_slicing, reason = "patches hold the positions that the comparison has found")]
    fn patch(&mut self, number: u16, theirs: &Lane<E>, patches: &[Patch]) {
        let lane = usize::from(number);
        let mut emptied = false;
        for patch in patches {
            if let Ok(at) = patch.mine
                && patch.drop != 0
            {
                self.kill(number, at, patch.drop);
                emptied |= self.lanes[lane].live[at] == 0;
            }
        }
        // Words that are new here come last, or between others: from the back, so that positions stay true.
        let fresh = |patch: &&Patch| patch.mine.is_err() && patch.take != 0;
        let appends = |patch: &Patch| patch.mine == Err(self.lanes[lane].keys.len());
        if patches.iter().filter(fresh).all(appends) {
            for patch in patches.iter().filter(fresh) {
                let end = self.lanes[lane].keys.len();
                self.lanes[lane].insert_word(end, patch.key);
            }
        } else {
            self.lanes[lane].splice_words(patches.iter().filter(fresh).map(|patch| patch.key));
        }
        for patch in patches.iter().filter(|patch| patch.take != 0) {
            let (Some(from), Ok(at)) = (patch.theirs, self.lanes[lane].find(patch.key)) else { continue };
            let word = theirs.live[from];
            for bit in bits(patch.take) {
                let element = &theirs.elements[from][rank(word, bit)];
                let hash = hash_of(element);
                self.len += usize::from(!Self::has_equal(&self.lanes, &self.index, hash, element));
                self.lanes[lane].put_at(at, bit, hash, element.clone());
                self.index.insert(hash, Place::new(hash, number, counter_at(patch.key, bit)));
            }
        }
        if emptied {
            self.lanes[lane].compact();
        }
    }
}

/// The words in which two lanes of one actor differ, and what follows from who has seen what.
#[allow(clippy::indexing_slicing, reason = "both positions stay below the lengths: see the loop")]
fn compare<E: Hash>(mine: &Lane<E>, theirs: &Lane<E>) -> Result<Vec<Patch>, Refused> {
    let mut patches = Vec::new();
    let (mut a, mut b) = (0, 0);
    loop {
        let (my_key, their_key) = (mine.keys.get(a).copied(), theirs.keys.get(b).copied());
        let key = match (my_key, their_key) {
            (None, None) => return Ok(patches),
            (Some(key), None) | (None, Some(key)) => key,
            (Some(my_key), Some(their_key)) => my_key.min(their_key),
        };
        let here = (my_key == Some(key)).then_some(a);
        let there = (their_key == Some(key)).then_some(b);
        let my_word = here.map_or(0, |at| mine.live[at]);
        let their_word = there.map_or(0, |at| theirs.live[at]);
        if let (Some(at), Some(from)) = (here, there) {
            check_word(mine, at, theirs, from)?;
        }
        if my_word != their_word {
            let drop = my_word & !their_word & theirs.seen.word(u64::from(key));
            let take = their_word & !my_word & !mine.seen.word(u64::from(key));
            if drop | take != 0 {
                patches.push(Patch { theirs: there, mine: here.ok_or(a), key, drop, take });
            }
        }
        a += usize::from(here.is_some());
        b += usize::from(there.is_some());
    }
}

/// Refuses two words whose common dots do not stand for the same elements. Costs what differs.
#[allow(clippy::indexing_slicing, reason = "the caller has found the words")]
fn check_word<E: Hash>(mine: &Lane<E>, at: usize, theirs: &Lane<E>, from: usize) -> Result<(), Refused> {
    let (my_word, their_word) = (mine.live[at], theirs.live[from]);
    let (mut my_print, mut their_print) = (mine.prints[at], theirs.prints[from]);
    if my_word != their_word {
        my_print = my_print.wrapping_sub(mine.print_of(at, my_word & !their_word));
        their_print = their_print.wrapping_sub(theirs.print_of(from, their_word & !my_word));
    }
    if my_print == their_print {
        return Ok(());
    }
    let key = mine.keys[at];
    Err(Refused::DotsReused { actor: mine.actor, first: counter_at(key, 0), last: counter_at(key, 63) })
}
