//! The points of a ring, sorted and packed: eight bytes each, and an index by their highest bits.
//!
//! The circle is cut into 2^b buckets, at least as many as there are points or nodes. The bucket of a point says its upper b bits, so
//! that the word that stands for it has room for the b bits of its node: `[the other 64 − b bits][node]`. Sorted by their words, the points
//! of a bucket are sorted by position and then by node, which is the tie-break. A look-up reads two neighbours of the index and, on
//! average, one word; nothing is lost, and nothing is compared twice.

use crate::{Cluster, NodeIx};
use alloc::vec::Vec;
use core::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Points {
    /// b, from 1 on.
    bits: u32,
    /// Where the points of each bucket begin, and at the end their number.
    starts: Vec<u32>,
    /// The points, and at the end the first one again, who owns what lies behind the last: often enough that three words can be read
    /// from anywhere on.
    words: Vec<u64>,
}

impl Points {
    /// Of so many points, at least one. They are gone through twice.
    ///
    /// First they are dealt into parts of the circle that fit into the caches, then each part is sorted by buckets: a plain counting
    /// sort of a million points would miss the caches, and those of the page table, twice for each.
    pub(super) fn build<I: Iterator<Item = (u64, NodeIx)>>(
        cluster: &Cluster,
        count: usize,
        points: impl Fn() -> I,
    ) -> Self {
        let bits = bits_for(count, cluster.len());
        let part_bits = bits.saturating_sub(PART_BITS);
        let part = |position: u64| position.checked_shr(64 - part_bits).unwrap_or(0) as usize;
        let mut ends = alloc::vec![0_u32; 1 << part_bits];
        for (position, _) in points() {
            if let Some(end) = ends.get_mut(part(position)) {
                *end += 1;
            }
        }
        let mut sum = 0;
        for end in &mut ends {
            // Where the part begins; dealing moves it to where the part ends.
            sum += core::mem::replace(end, sum);
        }
        let mut dealt = alloc::vec![(0_u64, NodeIx(0)); count];
        for (position, node) in points() {
            if let Some(end) = ends.get_mut(part(position)) {
                if let Some(place) = dealt.get_mut(*end as usize) {
                    *place = (position, node);
                }
                *end += 1;
            }
        }
        let mut starts = alloc::vec![0_u32; (1 << bits) + 1];
        let mut words = alloc::vec![0_u64; count + PADDING];
        let mut begin = 0;
        for (end, starts) in ends.into_iter().zip(starts.chunks_mut(1 << (bits - part_bits))) {
            let dealt = dealt.get(begin as usize..end as usize).unwrap_or_default();
            sort_part(bits, begin, dealt, starts, &mut words);
            begin = end;
        }
        if let Some(last) = starts.last_mut() {
            *last = count as u32;
        }
        let mut points = Self { bits, starts, words };
        points.close();
        points
    }

    /// What lies behind the last point belongs to the first.
    fn close(&mut self) {
        let first = self.words.first().copied().unwrap_or(0);
        let len = self.len();
        if let Some(padding) = self.words.get_mut(len..) {
            padding.fill(first);
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.words.len().saturating_sub(PADDING)
    }

    pub(super) const fn bytes(&self) -> usize {
        self.words.len() * size_of::<u64>() + self.starts.len() * size_of::<u32>()
    }

    /// The first point at or behind a position, as an index into `words`; the number of points where there is none.
    ///
    /// A bucket has fewer than one point on average, so that a loop over them would end where nobody can foresee, and cost more in
    /// mispredicted branches than all the rest. The first three are compared whether they are there or not; one bucket in a hundred has more.
    #[inline]
    fn find(&self, position: u64) -> usize {
        let bucket = bucket(position, self.bits);
        let (Some(start), Some(end)) = (self.starts.get(bucket), self.starts.get(bucket + 1)) else {
            return 0;
        };
        let (start, end) = (*start as usize, *end as usize);
        let target = position << self.bits;
        let Some([first, second, third]) = self.words.get(start..).and_then(<[u64]>::first_chunk) else {
            return 0;
        };
        let mut at = start;
        at += usize::from((*first < target) & (start < end));
        at += usize::from((*second < target) & (start + 1 < end));
        at += usize::from((*third < target) & (start + 2 < end));
        if at - start == 3 { self.find_behind(at, end, target) } else { at }
    }

    #[cold]
    fn find_behind(&self, start: usize, end: usize, target: u64) -> usize {
        let rest = self.words.get(start..end).unwrap_or_default();
        start + rest.iter().take_while(|word| **word < target).count()
    }

    #[inline]
    const fn node(&self, word: u64) -> NodeIx {
        NodeIx((word & ((1 << self.bits) - 1)) as u32)
    }

    #[inline]
    pub(super) fn place(&self, position: u64) -> NodeIx {
        self.words.get(self.find(position)).map_or(NodeIx(0), |word| self.node(*word))
    }

    /// The nodes of all points, clockwise from a position.
    #[inline]
    pub(super) fn from(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        let words = self.words.get(..self.len()).unwrap_or_default();
        let (before, behind) = words.split_at(self.find(position).min(words.len()));
        behind.iter().chain(before).map(|word| self.node(*word))
    }

    /// The points, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, NodeIx)> + '_ {
        self.starts.windows(2).enumerate().flat_map(move |(bucket, ends)| {
            let (start, end) = match ends {
                [start, end] => (*start as usize, *end as usize),
                _ => (0, 0),
            };
            let upper = (bucket as u64) << (64 - self.bits);
            let words = self.words.get(start..end).unwrap_or_default();
            words.iter().map(move |word| (upper | (word >> self.bits), self.node(*word)))
        })
    }

    /// The last position of each range and whose it is; the last range ends where the circle closes.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u64, NodeIx)> + '_ {
        let first = self.words.first().map_or(NodeIx(0), |word| self.node(*word));
        let mut before = None;
        let own = move |(position, _): &(u64, NodeIx)| before.replace(*position) != Some(*position);
        let last = self.iter().last().map_or(0, |(position, _)| position);
        let rest = (last < u64::MAX).then_some((u64::MAX, first));
        self.iter().filter(own).chain(rest)
    }

    /// Takes points out and puts others in, with the nodes renamed; `None` if the number of buckets would be another, and nothing
    /// has changed then. A word is moved once, and a stretch between two changes while it is in the cache.
    pub(super) fn splice(
        &mut self,
        cluster: &Cluster,
        now: &[Option<NodeIx>],
        go: Vec<(u64, NodeIx)>,
        come: Vec<(u64, NodeIx)>,
    ) -> Option<()> {
        let count = (self.len() + come.len()).checked_sub(go.len())?;
        if bits_for(count, cluster.len()) != self.bits {
            return None;
        }
        let renaming = Renaming::of(now)?;
        if !go.is_empty() || come.is_empty() {
            self.take_out(go, renaming)?;
            self.put_in(come, Renaming::Nothing);
        } else {
            self.put_in(come, renaming);
        }
        self.close();
        Some(())
    }

    /// Moves words, and renames their nodes while they are in the cache.
    fn shift(&mut self, from: Range<usize>, to: usize, renaming: Renaming) {
        const BLOCK: usize = 2048;
        let (mask, len) = ((1_u64 << self.bits) - 1, from.len());
        let mut shift = |start: usize, len: usize| {
            let (source, place) = (from.start + start, to + start);
            self.words.copy_within(source..source + len, place);
            renaming.apply(self.words.get_mut(place..place + len).unwrap_or_default(), mask);
        };
        let blocks = (0..len).step_by(BLOCK).map(|start| (start, BLOCK.min(len - start)));
        if to <= from.start {
            blocks.for_each(|(start, len)| shift(start, len));
        } else {
            blocks.rev().for_each(|(start, len)| shift(start, len));
        }
    }

    fn take_out(&mut self, go: Vec<(u64, NodeIx)>, renaming: Renaming) -> Option<()> {
        let mut places = Vec::with_capacity(go.len());
        for (position, node) in go {
            let bucket = bucket(position, self.bits);
            let (start, end) = (*self.starts.get(bucket)? as usize, *self.starts.get(bucket + 1)? as usize);
            let word = pack(position, node, self.bits);
            let at = self.words.get(start..end)?.iter().position(|other| *other == word)?;
            places.push((start + at, bucket));
        }
        places.sort_unstable();
        // A node may have two points at one position; they stand side by side, and the search has found the first one twice.
        for at in 1..places.len() {
            if let [before, this] = places.get_mut(at - 1..=at)?
                && this.0 <= before.0
            {
                this.0 = before.0 + 1;
            }
        }
        let first = places.first().map_or(self.len(), |(at, _)| *at);
        self.shift(0..first, 0, renaming);
        for (gone, (at, bucket)) in places.iter().enumerate() {
            let next = places.get(gone + 1);
            let until = next.map_or(self.len(), |next| next.0);
            self.shift(at + 1..until, at - gone, renaming);
            let until = next.map_or(self.starts.len(), |next| next.1 + 1);
            let behind = self.starts.get_mut(bucket + 1..until)?;
            behind.iter_mut().for_each(|start| *start -= gone as u32 + 1);
        }
        self.words.truncate(self.words.len() - places.len());
        Some(())
    }

    fn put_in(&mut self, come: Vec<(u64, NodeIx)>, renaming: Renaming) {
        let bits = self.bits;
        let mask = (1_u64 << bits) - 1;
        let mut places: Vec<_> = come
            .into_iter()
            .map(|(position, node)| {
                let bucket = bucket(position, bits);
                let word = pack(position, node, bits);
                let ends = self.starts.get(bucket).zip(self.starts.get(bucket + 1));
                let (start, end) = ends.map_or((0, 0), |(start, end)| (*start as usize, *end as usize));
                let words = self.words.get(start..end).unwrap_or_default();
                (
                    bucket,
                    start + words.iter().take_while(|other| renaming.of_word(**other, mask) < word).count(),
                    word,
                )
            })
            .collect();
        // Buckets ascend with places; within a bucket, several new words may go to one place, in their order.
        places.sort_unstable();
        let mut end = self.len();
        self.words.resize(self.words.len() + places.len(), 0);
        let mut buckets_end = self.starts.len();
        for (more, (bucket, at, word)) in places.iter().enumerate().rev() {
            self.shift(*at..end, at + more + 1, renaming);
            if let Some(place) = self.words.get_mut(at + more) {
                *place = *word;
            }
            end = *at;
            let behind = self.starts.get_mut(bucket + 1..buckets_end).unwrap_or_default();
            behind.iter_mut().for_each(|start| *start += more as u32 + 1);
            buckets_end = bucket + 1;
        }
        self.shift(0..end, 0, renaming);
    }
}

/// Sorts the points of one part of the circle into their buckets. `starts` are those of its buckets, `begin` is where its points begin.
fn sort_part(bits: u32, begin: u32, dealt: &[(u64, NodeIx)], starts: &mut [u32], words: &mut [u64]) {
    let mask = starts.len() - 1; // a power of two
    for (position, _) in dealt {
        if let Some(start) = starts.get_mut(bucket(*position, bits) & mask) {
            *start += 1;
        }
    }
    let mut end = begin;
    for start in &mut *starts {
        end += *start;
        *start = end;
    }
    // From the end of each bucket to its beginning, where the index then points to.
    for (position, node) in dealt {
        if let Some(start) = starts.get_mut(bucket(*position, bits) & mask) {
            *start -= 1;
            if let Some(word) = words.get_mut(*start as usize) {
                *word = pack(*position, *node, bits);
            }
        }
    }
    let ends = starts.iter().skip(1).copied().chain([end]);
    for (start, end) in starts.iter().zip(ends) {
        if end - start > 1
            && let Some(bucket) = words.get_mut(*start as usize..end as usize)
        {
            bucket.sort_unstable();
        }
    }
}

/// Buckets of a part, as a power of two: 16 KiB of index and 25 of points, so that a part fits into the first cache.
const PART_BITS: u32 = 12;

/// How many words stand behind the last point.
const PADDING: usize = 3;

/// How nodes that stay are renamed when one comes or goes.
#[derive(Clone, Copy)]
enum Renaming {
    Nothing,
    /// Those behind this one move down by one.
    Down {
        behind: u64,
    },
    /// Those from this one on move up by one.
    Up {
        from: u64,
    },
}

impl Renaming {
    fn apply(self, words: &mut [u64], mask: u64) {
        match self {
            Self::Nothing => {}
            Self::Down { behind } => {
                words.iter_mut().for_each(|word| *word -= u64::from(*word & mask > behind));
            }
            Self::Up { from } => {
                words.iter_mut().for_each(|word| *word += u64::from(*word & mask >= from));
            }
        }
    }

    fn of_word(self, word: u64, mask: u64) -> u64 {
        match self {
            Self::Nothing => word,
            Self::Down { behind } => word - u64::from(word & mask > behind),
            Self::Up { from } => word + u64::from(word & mask >= from),
        }
    }

    /// `None` where more than one node has come or gone.
    fn of(now: &[Option<NodeIx>]) -> Option<Self> {
        let pairs = || (0_u64..).zip(now).filter_map(|(old, new)| Some((old, u64::from((*new)?.0))));
        match pairs().find(|(old, new)| old != new) {
            None => Some(Self::Nothing),
            Some((first, new)) if new + 1 == first => pairs()
                .skip_while(|(old, _)| *old < first)
                .all(|(old, new)| new + 1 == old)
                .then_some(Self::Down { behind: first - 1 }),
            Some((first, new)) if new == first + 1 => pairs()
                .skip_while(|(old, _)| *old < first)
                .all(|(old, new)| new == old + 1)
                .then_some(Self::Up { from: first }),
            Some(_) => None,
        }
    }
}

/// The number of bits of a bucket: as many buckets as points, or up to twice as many, and enough for every node to have a number.
fn bits_for(points: usize, nodes: usize) -> u32 {
    points.max(nodes).max(2).next_power_of_two().trailing_zeros()
}

#[inline]
const fn bucket(position: u64, bits: u32) -> usize {
    (position >> (64 - bits)) as usize
}

#[inline]
const fn pack(position: u64, node: NodeIx, bits: u32) -> u64 {
    (position << bits) | node.0 as u64
}
