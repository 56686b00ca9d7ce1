//! Proposals of one burst on their way into a segment.

use crate::segment::{HEADER_BYTES, header};
use crate::{EntryKind, Index, Segment, Term};
use alloc::vec::Vec;
use bytes::BytesMut;
use synod_core::Bytes;

/// The proposals that wait for the end of the burst, packed as they come: what is sealed is what was written here, so that
/// a payload is copied once and its own memory is free at once.
///
/// Segments are cut from blocks that several of them share: to replicate allocates once for each block, not for each
/// burst. A block is freed when the last of its segments is; they are neighbours in the log, so they go together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Gathered {
    tokens: Vec<u64>,
    arena: BytesMut,
    blocks: Blocks,
}

/// How long blocks are. Not a part of the state: it decides how memory is allocated, and nothing else.
#[derive(Clone, Copy, Debug, Default)]
struct Blocks {
    /// The length of the current one. It doubles from one to the next, so that a group that says little keeps little.
    len: usize,
    /// The length of a segment: bursts resemble each other, and a block should hold a whole number of them.
    burst: usize,
}

const BLOCK_LEN_MIN: usize = 512;
const BLOCK_LEN_MAX: usize = 64 << 10;

impl PartialEq for Blocks {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Blocks {}

impl core::hash::Hash for Blocks {
    fn hash<H: core::hash::Hasher>(&self, _: &mut H) {}
}

impl Gathered {
    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// How many bytes a payload of this length makes the arena.
    pub(crate) fn bytes_with(&self, payload: usize) -> usize {
        self.arena.len().saturating_add(HEADER_BYTES).saturating_add(payload)
    }

    /// How many bytes there are, headers included.
    pub(crate) fn bytes(&self) -> usize {
        if self.tokens.is_empty() { 0 } else { self.arena.len() }
    }

    /// Adds a proposal. Its length must be one that a header can express.
    #[inline]
    pub(crate) fn push(&mut self, token: u64, payload: &[u8]) {
        let more = HEADER_BYTES + payload.len();
        let room = self.arena.capacity() - self.arena.len();
        if room < more || (self.tokens.is_empty() && room < self.blocks.burst) {
            self.begin_block(more);
        }
        self.tokens.push(token);
        self.arena.extend_from_slice(&header(payload.len(), EntryKind::Normal));
        self.arena.extend_from_slice(payload);
    }

    /// Takes a new block, with what is not sealed yet at its beginning.
    #[cold]
    fn begin_block(&mut self, more: usize) {
        let Blocks { len, burst } = &mut self.blocks;
        *len = (2 * *len).clamp(BLOCK_LEN_MIN, BLOCK_LEN_MAX);
        // A burst that grows beyond the usual is given room for more of it.
        let needed = self.arena.len() + more + self.arena.len() / 2;
        let burst = needed.max(*burst);
        let mut arena = BytesMut::with_capacity(burst * len.div_ceil(burst));
        arena.extend_from_slice(&self.arena);
        self.arena = arena;
    }

    /// Makes a segment of everything. The tokens stay, for [`tokens`](Gathered::tokens), until [`clear`](Gathered::clear).
    pub(crate) fn seal(&mut self, first: Index, term: Term) -> Option<Segment> {
        let count = u32::try_from(self.tokens.len()).ok()?;
        // One that is cut in two by a limit has a short second half: the longer is remembered, for a while.
        self.blocks.burst = self.arena.len().max(self.blocks.burst - self.blocks.burst / 8);
        Segment::filled(first, term, count, self.arena.split().freeze())
    }

    /// The callers' tokens, in order.
    pub(crate) fn tokens(&self) -> &[u64] {
        &self.tokens
    }

    pub(crate) fn clear(&mut self) {
        self.tokens.clear();
        self.arena.clear();
    }

    /// Gives every proposal back, with its payload.
    pub(crate) fn give_back(&mut self, mut each: impl FnMut(u64, Bytes)) {
        if let Some(entries) = self.seal(Index(1), Term(1)) {
            for (token, entry) in self.tokens.iter().zip(entries.iter()) {
                each(*token, entries.share(&entry));
            }
        }
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn payloads(segment: &Segment) -> Vec<&[u8]> {
        segment.iter().map(|entry| entry.payload).collect()
    }

    #[test]
    fn what_was_gathered_is_sealed_in_order_and_only_once() {
        let mut gathered = Gathered::default();
        gathered.push(7, b"a");
        gathered.push(8, b"");
        let first = gathered.seal(Index(5), Term(2)).unwrap();
        assert_eq!((first.first(), first.term(), gathered.tokens()), (Index(5), Term(2), &[7, 8][..]));
        gathered.clear();
        gathered.push(9, b"c");
        let second = gathered.seal(Index(7), Term(2)).unwrap();
        assert_eq!((payloads(&first), payloads(&second)), (vec![&b"a"[..], b""], vec![&b"c"[..]]));
    }

    #[test]
    fn what_never_entered_the_log_is_given_back() {
        let mut gathered = Gathered::default();
        gathered.push(1, b"one");
        gathered.push(2, b"two");
        let mut back = Vec::new();
        gathered.give_back(|token, payload| back.push((token, payload)));
        assert_eq!(back, [(1, Bytes::from("one")), (2, Bytes::from("two"))]);
        assert!(gathered.is_empty());
        assert_eq!(gathered, Gathered::default());
    }

    /// Of the segments of a hundred bursts, how many lie behind the one before in the same block.
    fn neighbours(burst: &[usize]) -> usize {
        let mut gathered = Gathered::default();
        let segments: Vec<_> = (0..100)
            .map(|_| {
                burst.iter().for_each(|len| gathered.push(0, &vec![0; *len]));
                let segment = gathered.seal(Index(1), Term(1)).unwrap();
                gathered.clear();
                segment
            })
            .collect();
        let adjacent = |pair: &&[Segment]| match pair {
            [a, b] => a.arena().as_ptr_range().end == b.arena().as_ptr(),
            _ => false,
        };
        segments.windows(2).filter(adjacent).count()
    }

    #[test]
    fn bursts_share_blocks_and_a_large_one_has_its_own() {
        assert!(neighbours(&[60]) >= 90, "6.4 KiB in a hundred bursts");
        assert!(neighbours(&[1_000; 8]) >= 80, "8 KiB each: eight to a block");
        assert_eq!(neighbours(&[100_000]), 0);
    }

    #[test]
    fn a_burst_that_outgrows_its_block_stays_whole() {
        let mut gathered = Gathered::default();
        for length in [10, 100_000, 3, 300_000] {
            gathered.push(0, &vec![length as u8; length]);
        }
        let segment = gathered.seal(Index(1), Term(1)).unwrap();
        let lengths: Vec<_> = segment.iter().map(|entry| entry.payload.len()).collect();
        assert_eq!(lengths, [10, 100_000, 3, 300_000]);
    }
}
