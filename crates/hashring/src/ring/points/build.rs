//! Points from nothing.

use super::{CLOSING, GROUP, Line, MORE, Points, ROOM, Shape, WORDS};
use crate::{Cluster, NodeIx};
use alloc::vec::Vec;

/// So many lines are filled at a time: 64 KiB of them and 72 of points stay in the second cache.
const PART: usize = 4 * GROUP;

impl Points {
    /// Of so many points, at least one. They are gone through twice.
    ///
    /// First they are dealt into parts of the circle that fit into the caches, then each part is sorted into lines: to put a million points
    /// where they belong at once would miss the caches, and those of the page table, for each.
    pub(in super::super) fn build<I: Iterator<Item = (u64, NodeIx)>>(
        cluster: &Cluster,
        count: usize,
        points: impl Fn() -> I,
    ) -> Self {
        let shape = Shape::of(count, cluster.len());
        let part = |position: u64| shape.locate(position).0 / PART;
        let mut lines = alloc::vec![Line([u64::MAX; WORDS]); shape.lines as usize];
        let mut ends = alloc::vec![0_usize; lines.len().div_ceil(PART)];
        points().for_each(|(position, _)| {
            if let Some(end) = ends.get_mut(part(position)) {
                *end += 1;
            }
        });
        let mut sum = 0;
        for end in &mut ends {
            // Where the part begins; dealing moves it to where the part ends.
            sum += core::mem::replace(end, sum);
        }
        let mut dealt = alloc::vec![(0_u64, NodeIx(0)); count];
        points().for_each(|(position, node)| {
            if let Some(end) = ends.get_mut(part(position)) {
                if let Some(place) = dealt.get_mut(*end) {
                    *place = (position, node);
                }
                *end += 1;
            }
        });
        let mut behind = alloc::vec![Vec::new(); lines.len().div_ceil(GROUP)];
        let mut sorter = Sorter { shape, counts: [0; PART], spilt: Vec::new(), next: CLOSING };
        let mut end = count;
        // From the end, so that a line finds out who closes it.
        for (part, lines) in lines.chunks_mut(PART).enumerate().rev() {
            let begin = part.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
            let behind = behind.get_mut(part * PART / GROUP..).unwrap_or_default();
            sorter.part(part * PART, dealt.get(begin..end).unwrap_or_default(), lines, behind);
            end = begin;
        }
        let mut points = Self { shape, lines, behind, len: count };
        points.close_before(0);
        points
    }
}

struct Sorter {
    shape: Shape,
    /// How many points each line of the part has.
    counts: [u32; PART],
    /// Points of lines that have more than eight.
    spilt: Vec<(u32, u64)>,
    /// The closing of the line before.
    next: u64,
}

impl Sorter {
    fn part(
        &mut self,
        first: usize,
        dealt: &[(u64, NodeIx)],
        lines: &mut [Line],
        behind: &mut [Vec<(u32, u64)>],
    ) {
        self.counts.fill(0);
        self.spilt.clear();
        for (position, node) in dealt {
            let (at, word) = self.shape.locate(*position);
            let at = at.saturating_sub(first);
            let word = word | u64::from(node.0);
            if let (Some(count), Some(Line(words))) = (self.counts.get_mut(at), lines.get_mut(at)) {
                match words.get_mut(*count as usize) {
                    Some(place) => *place = word,
                    None => self.spilt.push((at as u32, word)),
                }
                *count += 1;
            }
        }
        self.spilt.sort_unstable();
        let mut spilt = self.spilt.as_slice();
        for (at, (line, count)) in lines.iter_mut().zip(&self.counts).enumerate().rev() {
            line.0 = sorted(line.0);
            let mut last = self.next;
            if *count as usize > ROOM {
                // The eight that were here and those that were spilt.
                let cut = spilt.partition_point(|(other, _)| (*other as usize) < at);
                let (before, own) = spilt.split_at(cut);
                spilt = before;
                let mut words: Vec<_> =
                    line.0.iter().copied().chain(own.iter().map(|(_, word)| *word)).collect();
                words.sort_unstable();
                for (place, word) in line.0.iter_mut().zip(&words) {
                    *place = *word;
                }
                let number = (at % GROUP) as u32;
                let words = words.iter().skip(ROOM).map(|word| (number, *word));
                if let Some(behind) = behind.get_mut(at / GROUP) {
                    // Lines come in descending order; what stands behind is turned round below.
                    behind.extend(words.rev());
                }
                last |= MORE;
            }
            let [points @ .., end] = &mut line.0;
            points.iter_mut().filter(|word| **word >= CLOSING).for_each(|word| *word = self.next);
            *end = last;
            if let [first, ..] = line.0
                && first < CLOSING
            {
                self.next = CLOSING | u64::from(self.shape.node(first).0);
            }
        }
        behind.iter_mut().take(lines.len().div_ceil(GROUP)).for_each(|behind| behind.reverse());
    }
}

/// Sorts eight words by a network of Batcher's: 19 exchanges without a branch.
fn sorted(words: [u64; WORDS]) -> [u64; WORDS] {
    let [a, b, c, d, e, f, g, h] = words;
    let pair = |a: u64, b: u64| (a.min(b), a.max(b));
    let ((a, b), (c, d), (e, f), (g, h)) = (pair(a, b), pair(c, d), pair(e, f), pair(g, h));
    let ((a, c), (b, d), (e, g), (f, h)) = (pair(a, c), pair(b, d), pair(e, g), pair(f, h));
    let ((b, c), (f, g), (a, e), (d, h)) = (pair(b, c), pair(f, g), pair(a, e), pair(d, h));
    let ((b, f), (c, g)) = (pair(b, f), pair(c, g));
    let ((c, e), (d, f)) = (pair(c, e), pair(d, f));
    let ((b, c), (d, e), (f, g)) = (pair(b, c), pair(d, e), pair(f, g));
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_sorts_every_pattern_of_zeros_and_ones() {
        // Which is enough for every pattern (Knuth, TAOCP 5.3.4, the zero-one principle).
        for pattern in 0..1_u32 << WORDS {
            let words = core::array::from_fn(|at| u64::from(pattern >> at & 1));
            let mut expected = words;
            expected.sort_unstable();
            assert_eq!(sorted(words), expected, "{pattern:b}");
        }
    }
}
