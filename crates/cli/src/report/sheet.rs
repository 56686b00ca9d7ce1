//! Text that becomes a page: measured, and never longer than it may be.

use core::fmt::{self, Write as _};
use synod_sim::trace::Escaped;

/// Markup that grows piece by piece. A piece that would exceed the limit is left out whole, so that tags stay balanced.
#[derive(Debug)]
pub(super) struct Sheet {
    text: String,
    limit: usize,
    left_out: usize,
}

impl Sheet {
    pub(super) fn new(limit: usize) -> Self {
        Self { text: String::new(), limit, left_out: 0 }
    }

    /// A piece that may be left out.
    pub(super) fn put(&mut self, piece: fmt::Arguments<'_>) {
        let before = self.text.len();
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(piece);
        if self.text.len() > self.limit {
            self.text.truncate(before);
            self.left_out += 1;
        }
    }

    /// A piece that the page cannot do without: tags, headings, scales. The caller bounds its length.
    pub(super) fn must(&mut self, piece: fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(piece);
    }

    /// How many pieces did not fit.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// The beginning of a text, as the content of an element or the value of a quoted attribute.
pub(super) fn cut(text: &str, chars_max: usize) -> Escaped<'_> {
    Escaped::of(text).cut(chars_max)
}

/// A position along an axis, as SVG wants it: everything that lies in time is in percent, so that a diagram stretches
/// without stretching its letters.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct Percent(pub(super) f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:.4}", self.0);
        write!(f, "{}%", digits.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A stretch of virtual time, in nanoseconds; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Span {
    pub(super) fn new(start: u64, end: u64) -> Self {
        Self { start, end: end.max(start.saturating_add(1)) }
    }

    pub(super) fn len(self) -> u64 {
        self.end - self.start
    }

    pub(super) fn overlaps(self, from: u64, to: u64) -> bool {
        from <= self.end && to >= self.start
    }

    /// Where a time lies; what is outside lies at the edge.
    pub(super) fn x(self, at: u64) -> Percent {
        let within = at.clamp(self.start, self.end) - self.start;
        Percent(within as f64 * 100.0 / self.len() as f64)
    }

    /// Where a stretch begins and how wide it is.
    pub(super) fn stretch(self, from: u64, to: u64) -> (Percent, Percent) {
        let (left, right) = (self.x(from), self.x(to.max(from)));
        (left, Percent(right.0 - left.0))
    }

    /// Round times within, about so many, and their distance.
    pub(super) fn ticks(self, about: u64) -> (u64, Vec<u64>) {
        let rough = (self.len() / about.max(1)).max(1);
        let power = 10_u64.saturating_pow(rough.ilog10());
        let step =
            [1, 2, 5, 10].map(|times| power.saturating_mul(times)).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        (step, self.multiples(step))
    }

    /// The multiples of a step that lie within, at most 2,000.
    pub(super) fn multiples(self, step: u64) -> Vec<u64> {
        let step = step.max(1);
        let first = self.start.div_ceil(step);
        (first..=self.end / step).map(|nth| nth * step).take(2_000).collect()
    }
}

/// A number of nanoseconds in another unit, without trailing zeros.
#[derive(Clone, Copy, Debug)]
pub(super) struct In {
    nanos: u64,
    /// The unit in nanoseconds, a power of ten.
    unit: u64,
    name: &'static str,
    digits: usize,
}

/// Seconds, to the millisecond.
pub(super) fn seconds(nanos: u64) -> In {
    In { nanos, unit: 1_000_000_000, name: "s", digits: 3 }
}

/// Milliseconds, to the microsecond.
pub(super) fn millis(nanos: u64) -> In {
    In { nanos, unit: 1_000_000, name: "ms", digits: 3 }
}

/// How long something took, in the unit that suits.
pub(super) fn took(nanos: u64) -> In {
    match nanos {
        0..1_000_000 => In { nanos, unit: 1_000, name: "µs", digits: 0 },
        1_000_000..1_000_000_000 => In { nanos, unit: 1_000_000, name: "ms", digits: 1 },
        _ => In { nanos, unit: 1_000_000_000, name: "s", digits: 2 },
    }
}

impl fmt::Display for In {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.nanos / self.unit)?;
        let digits = format!("{:0width$}", self.nanos % self.unit, width = self.unit.ilog10() as usize);
        let digits = digits.get(..self.digits).unwrap_or_default().trim_end_matches('0');
        if !digits.is_empty() {
            write!(f, ".{digits}")?;
        }
        write!(f, " {}", self.name)
    }
}

/// Where labels of one row go, so that none covers another.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    taken: Vec<(f64, f64)>,
}

impl Shelf {
    /// Takes the place from `left` to `right`, if it is free.
    pub(super) fn take(&mut self, left: f64, right: f64) -> bool {
        let place = self.taken.partition_point(|(_, end)| *end <= left);
        let free = self.taken.get(place).is_none_or(|(begin, _)| *begin >= right);
        if free {
            self.taken.insert(place, (left, right));
        }
        free
    }
}

/// The first of some rows that is free from `left` to `right`.
pub(super) fn shelve(rows: &mut [Shelf], left: f64, right: f64) -> Option<usize> {
    rows.iter_mut().position(|row| row.take(left, right))
}
