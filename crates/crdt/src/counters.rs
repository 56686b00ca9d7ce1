//! Which events of one actor have been seen: a prefix, and islands beyond it.

use alloc::vec::Vec;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A set of counters, each at least 1, of one actor. Kept as the prefix `1..=prefix` and sorted ranges beyond it, which neither touch
/// the prefix nor each other: equal sets have equal representations. The usual case, a prefix alone, allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counters {
    prefix: u64,
    /// First and last of each range; the first range begins after `prefix + 1`.
    islands: Vec<(u64, u64)>,
}

impl Counters {
    /// No counters.
    #[must_use]
    pub const fn new() -> Self {
        Self { prefix: 0, islands: Vec::new() }
    }

    /// All counters from 1 to `last`.
    #[must_use]
    pub const fn up_to(last: u64) -> Self {
        Self { prefix: last, islands: Vec::new() }
    }

    /// All counters beyond `known` to `last`.
    pub(crate) fn after(known: u64, last: u64) -> Self {
        let mut counters = Self::new();
        if known < last {
            counters.insert_range(known.saturating_add(1), last);
        }
        counters
    }

    /// The greatest number to which nothing is missing.
    #[must_use]
    pub const fn prefix(&self) -> u64 {
        self.prefix
    }

    /// The greatest counter, 0 if there is none.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.islands.last().map_or(self.prefix, |range| range.1)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last() == 0
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ranges().map(|(first, last)| last - first + 1).sum()
    }

    /// Whether `counter` is among them; in O(log r) for r ranges.
    #[must_use]
    pub fn contains(&self, counter: u64) -> bool {
        if counter <= self.prefix {
            return counter > 0;
        }
        let after = self.islands.partition_point(|range| range.0 <= counter);
        after.checked_sub(1).and_then(|at| self.islands.get(at)).is_some_and(|range| counter <= range.1)
    }

    /// The ranges, first and last of each, in order.
    pub fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + Clone + '_ {
        (self.prefix > 0).then_some((1, self.prefix)).into_iter().chain(self.islands.iter().copied())
    }

    /// Adds one; says whether it is new. Zero is never added. O(1) for the next after the prefix, O(r) otherwise.
    pub fn insert(&mut self, counter: u64) -> bool {
        self.insert_range(counter, counter)
    }

    /// Adds `first..=last`; says whether any of them is new.
    pub fn insert_range(&mut self, first: u64, last: u64) -> bool {
        let first = first.max(1);
        if last < first || last <= self.prefix {
            return false;
        }
        if first <= self.prefix.saturating_add(1) {
            self.prefix = last;
            self.absorb();
            return true;
        }
        // The ranges that overlap or touch become one.
        let from = self.islands.partition_point(|range| range.1.saturating_add(1) < first);
        let to = self.islands.partition_point(|range| range.0 <= last.saturating_add(1));
        let (mut low, mut high) = (first, last);
        if let Some(touched) = self.islands.get(from..to) {
            if let [only] = touched
                && only.0 <= first
                && last <= only.1
            {
                return false;
            }
            low = touched.first().map_or(low, |range| range.0.min(low));
            high = touched.last().map_or(high, |range| range.1.max(high));
        }
        self.islands.splice(from..to, [(low, high)]);
        true
    }

    /// Islands that the prefix has reached become part of it.
    fn absorb(&mut self) {
        let mut reached = 0;
        for &(first, last) in &self.islands {
            if first > self.prefix.saturating_add(1) {
                break;
            }
            self.prefix = self.prefix.max(last);
            reached += 1;
        }
        self.islands.drain(..reached);
    }

    /// Adds all of `other`; says whether any is new. O(1) where both are prefixes, O(r) otherwise.
    pub fn merge(&mut self, other: &Self) -> bool {
        if other.islands.is_empty() {
            return self.insert_range(1, other.prefix);
        }
        let mut changed = self.insert_range(1, other.prefix);
        if self.islands.is_empty() && self.prefix == other.prefix {
            self.islands.clone_from(&other.islands);
            return true;
        }
        for &(first, last) in &other.islands {
            changed |= self.insert_range(first, last);
        }
        changed
    }

    /// Whether all of `other` are here.
    #[must_use]
    pub fn is_superset(&self, other: &Self) -> bool {
        other.ranges().all(|(first, last)| {
            let at = self.islands.partition_point(|range| range.1 < first);
            last <= self.prefix
                || self.islands.get(at).is_some_and(|range| range.0 <= first && last <= range.1)
        })
    }

    /// Those that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Self::new();
        let mut holes = other.ranges().peekable();
        for (first, last) in self.ranges() {
            let mut rest = Some(first);
            while let (Some(first), Some(&(hole, end))) = (rest, holes.peek()) {
                if hole > last {
                    break;
                }
                if hole > first {
                    left.push_range(first, hole - 1);
                }
                rest = (end < last).then(|| first.max(end + 1));
                // A hole that reaches beyond this range may swallow the next one too.
                if end <= last {
                    holes.next();
                }
            }
            if let Some(first) = rest {
                left.push_range(first, last);
            }
        }
        left
    }

    /// Those that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.without(&self.without(other))
    }

    /// Adds a range that begins after everything that is here.
    pub(crate) fn push_range(&mut self, first: u64, last: u64) {
        match self.islands.last_mut() {
            Some(range) if range.1.saturating_add(1) == first => range.1 = last,
            None if first == self.prefix.saturating_add(1) => self.prefix = last,
            _ => self.islands.push((first, last)),
        }
    }

    /// Adds a range beyond everything that is here, as a stranger says: none where it touches what is here, for then there is a shorter form,
    /// or is no range.
    pub(crate) fn push_island(&mut self, first: u64, last: u64) -> Option<()> {
        if last < first || first.saturating_sub(self.last()) < 2 {
            return None;
        }
        self.islands.push((first, last));
        Some(())
    }

    /// The counters `64·word + 1 ..= 64·word + 64` as bits.
    #[must_use]
    #[inline]
    pub(crate) fn word(&self, word: u64) -> u64 {
        let base = word << 6;
        let mut bits = match self.prefix.saturating_sub(base) {
            64.. => return u64::MAX,
            below => (1_u64 << below) - 1,
        };
        if self.islands.is_empty() {
            return bits;
        }
        let from = self.islands.partition_point(|range| range.1 <= base);
        for &(first, last) in self.islands.get(from..).unwrap_or_default() {
            if first > base + 64 {
                break;
            }
            let low = first.max(base + 1) - base - 1;
            let high = last.min(base + 64) - base - 1;
            bits |= (u64::MAX >> (63 - high)) & (u64::MAX << low);
        }
        bits
    }

    /// Memory outside the value itself, in bytes.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.islands.capacity() * size_of::<(u64, u64)>()
    }
}

impl FromIterator<u64> for Counters {
    fn from_iter<I: IntoIterator<Item = u64>>(counters: I) -> Self {
        let mut set = Self::new();
        for counter in counters {
            set.insert(counter);
        }
        set
    }
}

/// The prefix and each island as distances in variable length: a prefix alone takes two bytes or a few more.
impl Wire for Counters {
    const LEN_MIN: usize = 2;

    fn encode(&self, out: &mut Writer<'_>) {
        crate::varint::write(out, self.prefix);
        crate::varint::write(out, self.islands.len() as u64);
        let mut end = self.prefix;
        for &(first, last) in &self.islands {
            crate::varint::write(out, first - end);
            crate::varint::write(out, last - first);
            end = last;
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        const BROKEN: WireError = WireError::Invalid { field: "ranges of counters" };
        let prefix = crate::varint::read(input)?;
        let count = crate::varint::count(input, 2)?;
        let mut set = Self { prefix, islands: Vec::with_capacity(count) };
        let mut end = prefix;
        for _ in 0..count {
            let first = end.checked_add(crate::varint::read(input)?).ok_or(BROKEN)?;
            let last = first.checked_add(crate::varint::read(input)?).ok_or(BROKEN)?;
            set.push_island(first, last).ok_or(BROKEN)?;
            end = last;
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    fn sets() -> impl Strategy<Value = BTreeSet<u64>> {
        proptest::collection::btree_set(1..150_u64, 0..80)
    }

    fn of(set: &BTreeSet<u64>) -> Counters {
        set.iter().copied().collect()
    }

    fn is(counters: &Counters, set: &BTreeSet<u64>) -> bool {
        let all: BTreeSet<u64> = counters.ranges().flat_map(|(first, last)| first..=last).collect();
        all == *set && counters.len() == set.len() as u64 && *counters == of(set)
    }

    proptest! {
        #[test]
        fn they_are_a_set(a in sets(), b in sets(), probe in 0..160_u64) {
            let (x, y) = (of(&a), of(&b));
            prop_assert_eq!(x.contains(probe), a.contains(&probe));
            prop_assert_eq!(x.is_superset(&y), a.is_superset(&b));
            let without = a.difference(&b).copied().collect();
            prop_assert!(is(&x.without(&y), &without));
            prop_assert!(is(&x.intersection(&y), &a.intersection(&b).copied().collect()));
            let mut merged = x.clone();
            prop_assert_eq!(merged.merge(&y), !a.is_superset(&b));
            prop_assert!(is(&merged, &a.union(&b).copied().collect()));
            for word in 0..4 {
                let bits = (0..64).filter(|bit| a.contains(&(word * 64 + bit + 1))).fold(0, |bits, bit| bits | 1_u64 << bit);
                prop_assert_eq!(x.word(word), bits);
            }
            prop_assert_eq!(Counters::from_bytes(x.to_bytes(0), 0), Ok(x));
        }

        #[test]
        fn ranges_in_any_order(ranges in proptest::collection::vec((0..90_u64, 0..12_u64), 0..20)) {
            let (mut counters, mut set) = (Counters::new(), BTreeSet::new());
            for (first, len) in ranges {
                let new = (first.max(1)..=first + len).filter(|counter| set.insert(*counter)).count() > 0;
                prop_assert_eq!(counters.insert_range(first, first + len), new);
            }
            prop_assert!(is(&counters, &set));
        }
    }

    #[test]
    fn the_ends_of_the_numbers_are_no_trap() {
        let mut counters = Counters::from_iter([u64::MAX, u64::MAX - 2, 0]);
        assert_eq!(counters.len(), 2);
        counters.insert_range(0, u64::MAX);
        assert_eq!(counters, Counters::up_to(u64::MAX));
        assert!(counters.contains(u64::MAX) && !counters.insert(u64::MAX) && !counters.contains(0));
        assert!(counters.without(&counters).is_empty());
        assert_eq!(counters.word(u64::MAX >> 6), u64::MAX >> 1);
    }
}
