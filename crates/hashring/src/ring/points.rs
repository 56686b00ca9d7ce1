//! The points of a ring, sorted and packed: eight bytes each, and an index by their highest bits.
//!
//! The circle is cut into 2^b buckets, at least as many as there are points or nodes. The bucket of a point says its upper b bits, so
//! that the word that stands for it has room for the b bits of its node: `[the other 64 − b bits][node]`. Sorted by their words, the points
//! of a bucket are sorted by position and then by node, which is the tie-break. A look-up reads two neighbours of the index and, on
//! average, one word; nothing is lost, and nothing is compared twice.

use crate::{Cluster, NodeIx};
use alloc::vec::Vec;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Points {
    /// b, from 1 on.
    bits: u32,
    /// Where the points of each bucket begin, and at the end their number.
    starts: Vec<u32>,
    /// The points, and at the end that point again which owns what lies behind the last one: the first.
    words: Vec<u64>,
}

impl Points {
    /// Of so many points, at least one. They are gone through twice.
    pub(super) fn build<I: Iterator<Item = (u64, NodeIx)>>(
        cluster: &Cluster,
        count: usize,
        points: impl Fn() -> I,
    ) -> Self {
        let bits = bits_for(count, cluster.len());
        let mut starts = alloc::vec![0_u32; (1 << bits) + 1];
        for (position, _) in points() {
            if let Some(start) = starts.get_mut(bucket(position, bits)) {
                *start += 1;
            }
        }
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        // From the end of each bucket to its beginning, where the index then points to.
        let mut words = alloc::vec![0_u64; count + 1];
        for (position, node) in points() {
            if let Some(start) = starts.get_mut(bucket(position, bits)) {
                *start -= 1;
                if let Some(word) = words.get_mut(*start as usize) {
                    *word = pack(position, node, bits);
                }
            }
        }
        let mut points = Self { bits, starts, words };
        points.sort();
        points.close();
        points
    }

    fn sort(&mut self) {
        let mut start = 0;
        for end in self.starts.iter().skip(1) {
            let end = *end as usize;
            if end - start > 1
                && let Some(bucket) = self.words.get_mut(start..end)
            {
                synod_core::mutant!(bucket.sort_unstable(), "unstable-collisions" => {
                    // By position alone: whoever came first stays first.
                    let bits = self.bits;
                    bucket.sort_by_key(|word| word >> bits);
                });
            }
            start = end;
        }
    }

    /// What lies behind the last point belongs to the first.
    fn close(&mut self) {
        let first = self.words.first().copied().unwrap_or(0);
        let first = synod_core::mutant!(first, "wrap-around-to-the-last" => {
            self.words.iter().rev().nth(1).copied().unwrap_or(first)
        });
        if let Some(place) = self.words.last_mut() {
            *place = first;
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.words.len().saturating_sub(1)
    }

    pub(super) const fn bytes(&self) -> usize {
        self.words.len() * size_of::<u64>() + self.starts.len() * size_of::<u32>()
    }

    /// The first point at or behind a position, as an index into `words`; the number of points where there is none.
    #[inline]
    fn find(&self, position: u64) -> usize {
        let bucket = bucket(position, self.bits);
        let (Some(start), Some(end)) = (self.starts.get(bucket), self.starts.get(bucket + 1)) else {
            return 0;
        };
        let (start, end) = (*start as usize, *end as usize);
        let target = position << self.bits;
        let bucket = self.words.get(start..end).unwrap_or_default();
        start + bucket.iter().take_while(|word| **word < target).count()
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
        let first = self.words.last().map_or(NodeIx(0), |word| self.node(*word));
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
        let renamed = Renaming::of(now)?;
        self.take_out(go)?;
        self.rename(renamed);
        self.put_in(come);
        self.close();
        Some(())
    }

    fn rename(&mut self, renaming: Renaming) {
        let mask = (1_u64 << self.bits) - 1;
        match renaming {
            Renaming::Nothing => {}
            Renaming::Down { behind } => {
                self.words.iter_mut().for_each(|word| *word -= u64::from(*word & mask > behind));
            }
            Renaming::Up { from } => {
                self.words.iter_mut().for_each(|word| *word += u64::from(*word & mask >= from));
            }
        }
    }

    fn take_out(&mut self, go: Vec<(u64, NodeIx)>) -> Option<()> {
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
        for (gone, (at, bucket)) in places.iter().enumerate() {
            let next = places.get(gone + 1);
            let until = next.map_or(self.len(), |next| next.0);
            self.words.copy_within(at + 1..until, at - gone);
            let until = next.map_or(self.starts.len(), |next| next.1 + 1);
            let behind = self.starts.get_mut(bucket + 1..until)?;
            behind.iter_mut().for_each(|start| *start -= gone as u32 + 1);
        }
        self.words.truncate(self.words.len() - places.len());
        Some(())
    }

    fn put_in(&mut self, come: Vec<(u64, NodeIx)>) {
        let bits = self.bits;
        let mut places: Vec<_> = come
            .into_iter()
            .map(|(position, node)| {
                let bucket = bucket(position, bits);
                let word = pack(position, node, bits);
                let ends = self.starts.get(bucket).zip(self.starts.get(bucket + 1));
                let (start, end) = ends.map_or((0, 0), |(start, end)| (*start as usize, *end as usize));
                let words = self.words.get(start..end).unwrap_or_default();
                (bucket, start + words.iter().take_while(|other| **other < word).count(), word)
            })
            .collect();
        // Buckets ascend with places; within a bucket, several new words may go to one place, in their order.
        places.sort_unstable();
        let mut end = self.len();
        self.words.resize(self.words.len() + places.len(), 0);
        let mut buckets_end = self.starts.len();
        for (more, (bucket, at, word)) in places.iter().enumerate().rev() {
            self.words.copy_within(*at..end, at + more + 1);
            if let Some(place) = self.words.get_mut(at + more) {
                *place = *word;
            }
            end = *at;
            let behind = self.starts.get_mut(bucket + 1..buckets_end).unwrap_or_default();
            behind.iter_mut().for_each(|start| *start += more as u32 + 1);
            buckets_end = bucket + 1;
        }
    }
}

/// How nodes that stay are renamed when one comes or goes.
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
