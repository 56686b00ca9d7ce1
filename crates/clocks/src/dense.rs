//! Vector clocks over a fixed, numbered group.

use crate::version_vector::{INLINE, compare, compare_few, raise, raise_few};
use crate::{Causality, Clock, DotError, Guarantee, Stamp};
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// One counter for each process of a group whose size never changes: the leanest vector there is. No allocation up to eight
/// processes, 8 bytes for each.
///
/// Vectors of groups of different sizes have nothing to say to each other: merging fails, and they compare as concurrent. Where
/// processes join and leave, take [`VersionVector`](crate::VersionVector).
///
/// ```
/// use synod_clocks::{Causality, DenseVector};
/// // The two stamps that the textbooks compare: neither dominates.
/// let (a, c) = (DenseVector::from([3, 0, 0]), DenseVector::from([2, 3, 1]));
/// assert_eq!(a.causality(&c), Causality::Concurrent);
/// ```
#[derive(Clone)]
pub struct DenseVector {
    slots: Slots,
}

#[derive(Clone)]
enum Slots {
    Inline { len: u8, counters: [u64; INLINE] },
    Heap(Vec<u64>),
}

/// Why dense vectors cannot be merged, or a clock not made or moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DenseError {
    /// The two are of groups of different sizes.
    #[error("a vector of {theirs} processes does not fit one of {ours}: they are of different groups")]
    Group {
        /// The size of this one's group.
        ours: usize,
        /// The size of the other's.
        theirs: usize,
    },
    /// There is no such process.
    #[error("there is no process {place} in a group of {len}: count from zero")]
    Stranger {
        /// The number that was asked for.
        place: usize,
        /// The size of the group.
        len: usize,
    },
    /// The process has used its last counter.
    #[error(transparent)]
    Dot(#[from] DotError),
}

impl DenseVector {
    /// The vector of a group of `len` processes that have done nothing.
    #[must_use]
    pub fn new(len: usize) -> Self {
        Self { slots: Slots::of(len) }
    }

    /// The counters, by the number of the process.
    #[must_use]
    pub fn counters(&self) -> &[u64] {
        match &self.slots {
            Slots::Inline { len, counters } => counters.get(..usize::from(*len)).unwrap_or_default(),
            Slots::Heap(counters) => counters,
        }
    }

    fn counters_mut(&mut self) -> &mut [u64] {
        match &mut self.slots {
            Slots::Inline { len, counters } => counters.get_mut(..usize::from(*len)).unwrap_or_default(),
            Slots::Heap(counters) => counters,
        }
    }

    /// The size of the group.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counters().len()
    }

    /// Whether it is of no process at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many events of a process are known; zero for a stranger.
    #[must_use]
    pub fn get(&self, place: usize) -> u64 {
        self.counters().get(place).copied().unwrap_or(0)
    }

    /// An event of a process happens. Gives its new counter.
    ///
    /// # Errors
    /// [`DenseError::Stranger`], and [`DotError::Exhausted`] after 2⁶⁴ − 1 events.
    pub fn advance(&mut self, place: usize) -> Result<u64, DenseError> {
        let len = self.len();
        let counter = self.counters_mut().get_mut(place).ok_or(DenseError::Stranger { place, len })?;
        *counter = counter.checked_add(1).ok_or(DotError::Exhausted)?;
        Ok(*counter)
    }

    /// Learns all that the other knows.
    ///
    /// # Errors
    /// [`DenseError::Group`] where the sizes differ; nothing changes then.
    #[inline]
    pub fn merge(&mut self, other: &Self) -> Result<(), DenseError> {
        match (&mut self.slots, &other.slots) {
            (Slots::Inline { len, counters }, Slots::Inline { len: others, counters: theirs })
                if *len == *others =>
            {
                raise_few(counters, theirs, *len);
                Ok(())
            }
            (Slots::Heap(mine), Slots::Heap(theirs)) if mine.len() == theirs.len() => {
                raise(mine, theirs);
                Ok(())
            }
            _ => Err(DenseError::Group { ours: self.len(), theirs: other.len() }),
        }
    }

    /// How this stands to another.
    #[inline]
    #[must_use]
    pub fn causality(&self, other: &Self) -> Causality {
        match (&self.slots, &other.slots) {
            (Slots::Inline { len, counters }, Slots::Inline { len: others, counters: theirs })
                if *len == *others =>
            {
                compare_few(counters, theirs, *len)
            }
            (Slots::Heap(mine), Slots::Heap(theirs)) if mine.len() == theirs.len() => compare(mine, theirs),
            _ => Causality::Concurrent,
        }
    }
}

impl Slots {
    fn of(len: usize) -> Self {
        match u8::try_from(len) {
            Ok(short) if len <= INLINE => Self::Inline { len: short, counters: [0; INLINE] },
            _ => Self::Heap(vec![0; len]),
        }
    }
}

impl From<&[u64]> for DenseVector {
    fn from(counters: &[u64]) -> Self {
        let mut vector = Self::new(counters.len());
        vector.counters_mut().copy_from_slice(counters);
        vector
    }
}

impl<const N: usize> From<[u64; N]> for DenseVector {
    fn from(counters: [u64; N]) -> Self {
        Self::from(&counters[..])
    }
}

impl PartialEq for DenseVector {
    fn eq(&self, other: &Self) -> bool {
        self.counters() == other.counters()
    }
}

impl Eq for DenseVector {}

impl PartialOrd for DenseVector {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.causality(other).ordering()
    }
}

impl Hash for DenseVector {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.counters().hash(state);
    }
}

impl fmt::Debug for DenseVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.counters()).finish()
    }
}

/// The number of processes, then their counters.
impl Wire for DenseVector {
    const LEN_MIN: usize = 4;

    fn encode(&self, out: &mut Writer<'_>) {
        out.count(self.len());
        for counter in self.counters() {
            out.u64(*counter);
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let mut vector = Self::new(input.count(8)?);
        for counter in vector.counters_mut() {
            *counter = input.u64()?;
        }
        Ok(vector)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for DenseVector {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.counters())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for DenseVector {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<u64>::deserialize(deserializer).map(|counters| Self::from(&counters[..]))
    }
}

impl Stamp for DenseVector {
    const GUARANTEE: Guarantee = Guarantee::Exact;

    fn causality(&self, other: &Self) -> Causality {
        Self::causality(self, other)
    }
}

/// The clock of one process of a fixed, numbered group. A stamp that claims more of its own events than it had is
/// [refused](DotError::Unissued).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DenseClock {
    place: usize,
    known: DenseVector,
}

impl DenseClock {
    /// The clock of process `place`, counted from zero, of a group of `len`.
    ///
    /// # Errors
    /// [`DenseError::Stranger`] where the group has no such process.
    pub fn new(place: usize, len: usize) -> Result<Self, DenseError> {
        if place >= len {
            return Err(DenseError::Stranger { place, len });
        }
        Ok(Self { place, known: DenseVector::new(len) })
    }

    /// All that it has done and heard of.
    #[must_use]
    pub const fn known(&self) -> &DenseVector {
        &self.known
    }
}

impl Clock for DenseClock {
    type Stamp = DenseVector;
    type Error = DenseError;

    fn tick(&mut self) -> Result<DenseVector, DenseError> {
        self.known.advance(self.place)?;
        Ok(self.known.clone())
    }

    fn merge(&mut self, stamp: &DenseVector) -> Result<(), DenseError> {
        if stamp.len() == self.known.len() {
            DotError::refuse_unissued(stamp.get(self.place), self.known.get(self.place))?;
        }
        self.known.merge(stamp)
    }
}
