//! What one actor has added: 64 counters to a word.

use crate::{ActorId, Counters};
use alloc::vec::Vec;

/// The additions of one actor. Counters `64·key + 1 ..= 64·key + 64` are one word: a bit for each element that is still there, and the
/// elements themselves, as many as there are bits. Words without bits are not kept.
#[derive(Clone, Debug)]
pub(super) struct Lane<E> {
    pub(super) actor: ActorId,
    pub(super) seen: Counters,
    /// Ascending.
    pub(super) keys: Vec<u32>,
    pub(super) live: Vec<u64>,
    /// Of each word, the sum of what [`print`] gives for its elements: two lanes with the same bits and sums have the same elements.
    pub(super) prints: Vec<u64>,
    pub(super) elements: Vec<Vec<E>>,
}

#[inline]
pub(super) fn key_of(counter: u64) -> u32 {
    ((counter - 1) >> 6) as u32
}

#[inline]
pub(super) fn bit_of(counter: u64) -> u32 {
    ((counter - 1) & 63) as u32
}

#[inline]
pub(super) fn counter_at(key: u32, bit: u32) -> u64 {
    (u64::from(key) << 6) + u64::from(bit) + 1
}

/// How many elements of a word stand before this bit.
#[inline]
pub(super) fn rank(live: u64, bit: u32) -> usize {
    (live & ((1 << bit) - 1)).count_ones() as usize
}

/// The bits that are set, lowest first.
#[inline]
pub(super) fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros())?;
        word &= word - 1;
        Some(bit)
    })
}

/// The bits that are set, highest first: what is taken out of a vector from the back moves the least.
#[inline]
pub(super) fn bits_down(mut word: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        let bit = (word != 0).then(|| 63 - word.leading_zeros())?;
        word &= !(1 << bit);
        Some(bit)
    })
}

/// What an element with this hash adds to the fingerprint of its word, standing at this bit.
#[inline]
pub(super) fn print(hash: u64, bit: u32) -> u64 {
    hash.rotate_left(bit)
}

#[allow(
    clippy::indexing_slicing,
    reason = "positions come from `find`, ranks from the bits that count the elements"
)]
impl<E> Lane<E> {
    pub(super) fn new(actor: ActorId) -> Self {
        Self {
            actor,
            seen: Counters::new(),
            keys: Vec::new(),
            live: Vec::new(),
            prints: Vec::new(),
            elements: Vec::new(),
        }
    }

    /// Where the word with this key is, or belongs.
    #[inline]
    pub(super) fn find(&self, key: u32) -> Result<usize, usize> {
        // Mostly no word is missing.
        let first = self.keys.first().copied().unwrap_or(0);
        let guess = key.wrapping_sub(first) as usize;
        if self.keys.get(guess) == Some(&key) {
            return Ok(guess);
        }
        match self.keys.last() {
            Some(last) if *last >= key => self.keys.binary_search(&key),
            _ => Err(self.keys.len()),
        }
    }

    /// The element that was added with this counter, if it is still there.
    #[inline]
    pub(super) fn get(&self, counter: u64) -> Option<&E> {
        let at = self.find(key_of(counter)).ok()?;
        let (live, bit) = (self.live[at], bit_of(counter));
        (live >> bit & 1 == 1).then(|| &self.elements[at][rank(live, bit)])
    }

    /// Puts in a word at a position.
    pub(super) fn insert_word(&mut self, at: usize, key: u32) {
        self.keys.insert(at, key);
        self.live.insert(at, 0);
        self.prints.insert(at, 0);
        self.elements.insert(at, Vec::new());
    }

    /// Puts in words with these ascending keys, none of which is here.
    pub(super) fn insert_words(&mut self, fresh: &[u32]) {
        let mut fresh = fresh.iter().copied().peekable();
        let Some(first) = fresh.peek() else { return };
        // Mostly they come after all that are here.
        let from = self.find(*first).unwrap_or_else(|at| at);
        let mut rest = self.split_off(from);
        let words = rest.keys.drain(..).zip(rest.live.drain(..)).zip(rest.prints.drain(..));
        for (((key, live), print), elements) in words.zip(rest.elements.drain(..)) {
            while let Some(fresh) = fresh.next_if(|fresh| *fresh < key) {
                self.insert_word(self.keys.len(), fresh);
            }
            self.keys.push(key);
            self.live.push(live);
            self.prints.push(print);
            self.elements.push(elements);
        }
        for key in fresh {
            self.insert_word(self.keys.len(), key);
        }
    }

    fn split_off(&mut self, from: usize) -> Self {
        Self {
            keys: self.keys.split_off(from),
            live: self.live.split_off(from),
            prints: self.prints.split_off(from),
            elements: self.elements.split_off(from),
            ..Self::new(self.actor)
        }
    }

    /// Stores an element whose counter is free.
    #[inline]
    pub(super) fn put(&mut self, counter: u64, hash: u64, element: E) {
        let key = key_of(counter);
        let at = match self.find(key) {
            Ok(at) => at,
            Err(at) => {
                self.insert_word(at, key);
                at
            }
        };
        self.put_at(at, bit_of(counter), hash, element);
    }

    #[inline]
    pub(super) fn put_at(&mut self, at: usize, bit: u32, hash: u64, element: E) {
        let live = self.live[at];
        let elements = &mut self.elements[at];
        match rank(live, bit) {
            last if last == elements.len() => elements.push(element),
            before => elements.insert(before, element),
        }
        self.live[at] = live | 1 << bit;
        self.prints[at] = self.prints[at].wrapping_add(print(hash, bit));
    }

    /// Takes out an element that is there.
    #[inline]
    pub(super) fn take_at(&mut self, at: usize, bit: u32, rank: usize, hash: u64) {
        self.elements[at].remove(rank);
        self.live[at] &= !(1 << bit);
        self.prints[at] = self.prints[at].wrapping_sub(print(hash, bit));
    }

    /// Drops the words without bits.
    pub(super) fn compact(&mut self) {
        if self.live.iter().all(|word| *word != 0) {
            return;
        }
        let mut kept = 0;
        for at in 0..self.live.len() {
            if self.live[at] != 0 {
                self.keys[kept] = self.keys[at];
                self.live[kept] = self.live[at];
                self.prints[kept] = self.prints[at];
                self.elements.swap(kept, at);
                kept += 1;
            }
        }
        self.keys.truncate(kept);
        self.live.truncate(kept);
        self.prints.truncate(kept);
        self.elements.truncate(kept);
        if self.keys.capacity() > 16 && kept * 4 < self.keys.capacity() {
            self.keys.shrink_to_fit();
            self.live.shrink_to_fit();
            self.prints.shrink_to_fit();
            self.elements.shrink_to_fit();
        }
    }

    /// Counters and elements, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &E)> {
        let words = self.keys.iter().zip(&self.live).zip(&self.elements);
        words.flat_map(|((key, live), elements)| {
            bits(*live).zip(elements).map(|(bit, element)| (counter_at(*key, bit), element))
        })
    }

    /// Whether two lanes have seen and have the same, as far as fingerprints tell.
    #[inline]
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.seen == other.seen
            && self.live == other.live
            && self.prints == other.prints
            && self.keys == other.keys
    }

    /// The live counters as a set.
    pub(super) fn live_counters(&self) -> Counters {
        let mut counters = Counters::new();
        for (counter, _) in self.iter() {
            counters.push_range(counter, counter);
        }
        counters
    }

    /// Memory outside the value itself, without what elements own, in bytes.
    pub(super) fn allocated_bytes(&self) -> usize {
        let elements: usize = self.elements.iter().map(|word| word.capacity() * size_of::<E>()).sum();
        self.seen.allocated_bytes()
            + self.keys.capacity() * 4
            + (self.live.capacity() + self.prints.capacity()) * 8
            + self.elements.capacity() * size_of::<Vec<E>>()
            + elements
    }
}
