//! Points that come and go in place: what is left is bit for bit what [`Points::build`] makes of the points that are there then.

use super::{CLOSING, GROUP, Line, MORE, Points, ROOM, Shape, WORDS};
use crate::{Cluster, NodeIx};
use alloc::vec::Vec;

impl Points {
    /// Takes points out and puts others in, with the nodes renamed; `None` if there would be another number of lines, or if more than one node has come
    /// or gone, and nothing has changed then. Only lines that lose or gain a point are written, unless nodes are renamed.
    pub(in super::super) fn splice(
        &mut self,
        cluster: &Cluster,
        now: &[Option<NodeIx>],
        go: Vec<(u64, NodeIx)>,
        come: Vec<(u64, NodeIx)>,
    ) -> Option<()> {
        let count = (self.len + come.len()).checked_sub(go.len())?;
        if count == 0 || Shape::of(count, cluster.len()) != self.shape {
            return None;
        }
        let renaming = Renaming::of(now)?;
        let (go, come) = (self.located(go), self.located(come));
        self.edit(&go, |words, word| {
            if let Some(at) = words.iter().position(|other| *other == word) {
                words.remove(at);
            }
        });
        self.rename(renaming);
        self.edit(&come, |words, word| words.insert(words.partition_point(|other| *other < word), word));
        self.len = count;
        let mut touched = go.iter().chain(&come).map(|(at, _)| *at).collect::<Vec<_>>();
        touched.sort_unstable();
        touched.dedup();
        for at in touched {
            self.close_before((at + 1) % self.lines.len());
            self.close_before(at);
        }
        Some(())
    }

    /// The lines and words of points, ascending.
    fn located(&self, points: Vec<(u64, NodeIx)>) -> Vec<(usize, u64)> {
        let located = |(position, node): (u64, NodeIx)| {
            let (at, word) = self.shape.locate(position);
            (at, word | u64::from(node.0))
        };
        let mut located: Vec<_> = points.into_iter().map(located).collect();
        located.sort_unstable();
        located
    }

    /// Changes the points of some lines, whose closings are then to be set.
    fn edit(&mut self, edits: &[(usize, u64)], mut edit: impl FnMut(&mut Vec<u64>, u64)) {
        for edits in edits.chunk_by(|(a, _), (b, _)| a == b) {
            let at = edits.first().map_or(0, |(at, _)| *at);
            let mut words: Vec<_> = self.words(at).collect();
            edits.iter().for_each(|(_, word)| edit(&mut words, *word));
            self.write(at, &words);
        }
    }

    fn write(&mut self, at: usize, words: &[u64]) {
        let (Some(line), Some(behind)) = (self.lines.get_mut(at), self.behind.get_mut(at / GROUP)) else {
            return;
        };
        let (inline, more) = words.split_at(words.len().min(ROOM));
        let had_more = line.last() & MORE != 0;
        line.0 = [CLOSING; WORDS];
        for (place, word) in line.0.iter_mut().zip(inline) {
            *place = *word;
        }
        if had_more || !more.is_empty() {
            let number = (at % GROUP) as u32;
            let start = behind.partition_point(|(other, _)| *other < number);
            let end = behind.partition_point(|(other, _)| *other <= number);
            behind.splice(start..end, more.iter().map(|word| (number, *word)));
        }
        if let ([.., last], false) = (&mut line.0, more.is_empty()) {
            *last |= MORE;
        }
    }

    /// Tells the lines before this one who comes next: those without points, and the first one that has some.
    pub(super) fn close_before(&mut self, at: usize) {
        let count = self.lines.len();
        // The first point from here on.
        let first = (at..count).chain(0..at).find_map(|at| self.lines.get(at)?.points().first().copied());
        let closing = CLOSING | u64::from(self.shape.node(first.unwrap_or(0)).0);
        for at in (0..at).rev().chain((at..count).rev()) {
            let Some(line) = self.lines.get_mut(at) else { return };
            let more = line.last() & MORE;
            line.0.iter_mut().filter(|word| **word >= CLOSING).for_each(|word| *word = closing);
            let [.., last] = &mut line.0;
            *last |= more;
            if matches!(line.0, [first, ..] if first < CLOSING) {
                return;
            }
        }
    }

    /// Touches every word, unless nothing is renamed: a node has another number if one before it has come or gone.
    fn rename(&mut self, renaming: Renaming) {
        let mask = self.shape.mask();
        // Differences of numbers below 2^62: the sign is the answer, and compilers make vectors of it.
        match renaming {
            Renaming::Nothing => {}
            Renaming::Down { behind } => self.each(|word| *word -= behind.wrapping_sub(*word & mask) >> 63),
            Renaming::Up { from } => {
                let below = from.wrapping_sub(1);
                self.each(|word| *word += below.wrapping_sub(*word & mask) >> 63);
            }
        }
    }

    fn each(&mut self, mut change: impl FnMut(&mut u64)) {
        self.lines.iter_mut().flat_map(|Line(words)| words).for_each(&mut change);
        self.behind.iter_mut().flatten().for_each(|(_, word)| change(word));
    }
}

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
