//! The points of a ring, sorted into lines of a cache: a look-up reads one of them, and nothing else.
//!
//! The circle is cut into n equal parts, each of which has a line of eight words. A position p lies in part ⌊p · n / 2⁶⁴⌋, and what is left
//! over, p · n mod 2⁶⁴, says where in it. Two positions of a part differ there by n at least, so that the lower ⌊log₂ n⌋ bits say
//! nothing; their room, but for one bit, is the node's:
//!
//! ```text
//! a point    [0][where in the part][node]
//! a closing  [1][more][            node]    who owns what lies behind the last point of the part
//! ```
//!
//! The words of a line ascend: first the points, by position and then by node, which is the tie-break; then closings. So the owner of a
//! position is in the word whose number is the number of words below it, found without a branch. A part has four points and a half at
//! most on average. Where there are more than seven, the others stand behind, and the last word says so: a look-up in twenty goes there.

mod build;
mod change;

use crate::NodeIx;
use alloc::vec::Vec;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Points {
    shape: Shape,
    lines: Vec<Line>,
    /// For each [`GROUP`] of lines, the points that found no room in theirs, ascending by line and word.
    behind: Vec<Vec<(u32, u64)>>,
    len: usize,
}

/// As long as a line of the caches, and aligned to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(align(64))]
struct Line([u64; WORDS]);

const WORDS: usize = 8;
/// How many points have room in a line: the last word is always a closing.
const ROOM: usize = WORDS - 1;
const CLOSING: u64 = 1 << 63;
const MORE: u64 = 1 << 62;
/// So many lines share what stands behind: a change of one shifts little, and a search among it is short.
const GROUP: usize = 256;

/// How positions become words. The number of points and of nodes decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Shape {
    lines: u64,
    /// The bits of a node in a word: one less than ⌊log₂ lines⌋.
    bits: u32,
}

impl Shape {
    /// Two lines for nine points or a few more: sixteenths of powers of two, so that a change of a few points seldom changes it.
    /// And at least two for each node, lest there be no room for their numbers.
    fn of(points: usize, nodes: usize) -> Self {
        let wanted = (points as u64 * 2).div_ceil(9);
        let step = (wanted.next_power_of_two() >> 5).max(1);
        let lines = wanted.next_multiple_of(step).max(2 * (nodes as u64).next_power_of_two());
        Self { lines, bits: lines.ilog2() - 1 }
    }

    const fn mask(self) -> u64 {
        (1 << self.bits) - 1
    }

    /// The line of a position, and the word of a point that stands there, but for its node.
    #[inline]
    const fn locate(self, position: u64) -> (usize, u64) {
        let product = position as u128 * self.lines as u128;
        ((product >> 64) as usize, (product as u64 >> 1) & !self.mask())
    }

    /// The position of a point: the only one from which `locate` comes to this word.
    const fn position(self, line: usize, word: u64) -> u64 {
        let product = (line as u128) << 64 | ((word & !self.mask()) << 1) as u128;
        product.div_ceil(self.lines as u128) as u64
    }

    #[inline]
    const fn node(self, word: u64) -> NodeIx {
        NodeIx((word & self.mask()) as u32)
    }
}

impl Line {
    /// Its points, as far as there was room.
    fn points(&self) -> &[u64] {
        let count = self.0.iter().take_while(|word| **word < CLOSING).count();
        self.0.get(..count).unwrap_or_default()
    }

    #[inline]
    const fn last(&self) -> u64 {
        let [.., last] = self.0;
        last
    }
}

impl Points {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn bytes(&self) -> usize {
        let behind: usize = self.behind.iter().map(|behind| size_of_val(behind.as_slice())).sum();
        size_of_val(self.lines.as_slice()) + size_of_val(self.behind.as_slice()) + behind
    }

    #[inline]
    pub(super) fn place(&self, position: u64) -> NodeIx {
        let (at, target) = self.shape.locate(position);
        let Some(Line(words)) = self.lines.get(at) else { return NodeIx(0) };
        let word = words.get(below(words, target)).copied().unwrap_or(0);
        self.shape.node(if word < CLOSING | MORE { word } else { self.place_behind(at, target, word) })
    }

    #[cold]
    fn place_behind(&self, at: usize, target: u64, closing: u64) -> u64 {
        let behind = self.behind.get(at / GROUP).map_or(&[][..], Vec::as_slice);
        let line = (at % GROUP) as u32;
        match behind.get(behind.partition_point(|point| *point < (line, target))) {
            Some((other, word)) if *other == line => *word,
            _ => closing,
        }
    }

    /// The points of a line that stand behind.
    fn run(&self, at: usize) -> &[(u32, u64)] {
        if self.lines.get(at).is_none_or(|line| line.last() & MORE == 0) {
            return &[];
        }
        let behind = self.behind.get(at / GROUP).map_or(&[][..], Vec::as_slice);
        let line = (at % GROUP) as u32;
        let end = behind.partition_point(|(other, _)| *other <= line);
        let start = behind.partition_point(|(other, _)| *other < line);
        behind.get(start..end).unwrap_or_default()
    }

    /// The nodes of all points, clockwise from a position.
    #[inline]
    pub(super) fn from(&self, position: u64) -> Walk<'_> {
        let (at, target) = self.shape.locate(position);
        let slot = self.lines.get(at).map_or(0, |Line(words)| below(words, target));
        let behind = if slot == ROOM { self.below_behind(at, target) } else { 0 };
        Walk { points: self, at, slot, behind, round: false }
    }

    /// The number of the word that owns a position, among all words; one that says more where the owner may stand behind.
    #[inline]
    pub(super) fn word_at(&self, position: u64) -> usize {
        let (at, target) = self.shape.locate(position);
        at * WORDS + self.lines.get(at).map_or(0, |Line(words)| below(words, target))
    }

    /// How many words there are.
    pub(super) const fn words_len(&self) -> usize {
        self.lines.len() * WORDS
    }

    /// All words, each with the walk that begins there unless points stand behind.
    pub(super) fn walks(&self) -> impl Iterator<Item = (u64, Option<Walk<'_>>)> {
        (0..).zip(&self.lines).flat_map(move |(at, Line(words))| {
            let walk = move |slot| Walk { points: self, at, slot, behind: 0, round: false };
            (0..).zip(words).map(move |(slot, word)| (*word, (*word < CLOSING | MORE).then(|| walk(slot))))
        })
    }

    /// One of the points that stand behind a line.
    #[cold]
    fn behind(&self, at: usize, number: usize) -> Option<NodeIx> {
        self.run(at).get(number).map(|(_, word)| self.shape.node(*word))
    }

    /// How many of the points of a line that stand behind are below the target.
    #[cold]
    fn below_behind(&self, at: usize, target: u64) -> usize {
        self.run(at).partition_point(|(_, word)| *word < target)
    }

    /// The words of the points of a line, ascending.
    fn words(&self, at: usize) -> impl Iterator<Item = u64> + '_ {
        let inline = self.lines.get(at).map_or(&[][..], Line::points);
        inline.iter().copied().chain(self.run(at).iter().map(|(_, word)| *word))
    }

    /// The points, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, NodeIx)> + '_ {
        let shape = self.shape;
        let words = move |at| self.words(at).map(move |word| (shape.position(at, word), shape.node(word)));
        (0..self.lines.len()).flat_map(words)
    }

    /// The last position of each range and whose it is; the last range ends where the circle closes.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u64, NodeIx)> + '_ {
        let mut before = None;
        let own = move |(position, _): &(u64, NodeIx)| before.replace(*position) != Some(*position);
        let last = self.lines.len() - 1;
        let reached = self.words(last).last().is_some_and(|word| self.shape.position(last, word) == u64::MAX);
        let first = self.lines.last().map_or(NodeIx(0), |line| self.shape.node(line.last()));
        self.iter().filter(own).chain((!reached).then_some((u64::MAX, first)))
    }
}

/// How many of the words that may be points are below the target: by three comparisons, and without a branch that nobody can foresee.
#[inline]
fn below(words: &[u64; WORDS], target: u64) -> usize {
    let is_below = |at: usize| usize::from(words.get(at).is_some_and(|word| *word < target));
    let half = is_below(3) << 2;
    let quarter = half | is_below(half | 1) << 1;
    quarter + is_below(quarter)
}

/// The nodes of all points, clockwise. Made by [`Points::from`].
#[derive(Clone, Debug)]
pub(super) struct Walk<'a> {
    points: &'a Points,
    at: usize,
    /// The number of the next point of the line, below [`WORDS`].
    slot: usize,
    /// How many were met of those that stand behind the line.
    behind: usize,
    /// Whether the last line was passed. The second time everybody was met.
    round: bool,
}

impl Iterator for Walk<'_> {
    type Item = NodeIx;

    /// A closing is as good as the first point of the next line, and both are taken alike: where a line ends is as good as random, and
    /// a wrong guess costs more than a line. Whatever else it does is given numbers and gives numbers back, so that where it is stays in
    /// registers.
    #[inline(always)]
    fn next(&mut self) -> Option<NodeIx> {
        loop {
            let Self { points, at, slot, .. } = *self;
            let Some(Line(words)) = points.lines.get(at) else {
                if self.round {
                    return None;
                }
                *self = Self { points, at: 0, slot: 0, behind: 0, round: true };
                continue;
            };
            let word = words.get(slot % WORDS).copied().unwrap_or(CLOSING | MORE);
            if word < CLOSING | MORE {
                (self.at, self.slot) = if word >= CLOSING { (at + 1, 1) } else { (at, slot + 1) };
                return Some(points.shape.node(word));
            }
            match points.behind(at, self.behind) {
                Some(node) => {
                    self.behind += 1;
                    return Some(node);
                }
                None => (self.at, self.slot, self.behind) = (at + 1, 0, 0),
            }
        }
    }
}
