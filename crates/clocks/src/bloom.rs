//! Bloom clocks: causality in a fixed number of bytes, with a known chance of error.

use crate::{Causality, Clock, Guarantee, Stamp};
use alloc::vec;
use alloc::vec::Vec;
use synod_core::SplitMix64;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// How large the stamps of a Bloom clock are. All clocks of a system have one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BloomShape {
    /// How many cells of four bytes. More make accidents rarer.
    pub cells: u16,
    /// How many cells an event is counted in.
    pub hashes: u8,
}

impl Default for BloomShape {
    /// 64 cells, 256 bytes; 3 hashes.
    fn default() -> Self {
        Self { cells: 64, hashes: 3 }
    }
}

/// Why a Bloom clock does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum BloomError {
    /// A shape without cells or hashes.
    #[error("a Bloom clock needs at least one cell and one hash")]
    Empty,
    /// The stamp is of a clock of another shape.
    #[error("a stamp of another shape: all clocks of a system have the same number of cells and hashes")]
    Shape,
    /// A cell is full, or the process has had 2⁶⁴ − 1 events.
    #[error(
        "a cell has counted 2^32 - 1 events, or the process 2^64 - 1: begin a new epoch with fresh clocks"
    )]
    Exhausted,
}

/// A clock whose stamps have one size, however many processes there are and come and go (Ramabaja, "The Bloom Clock", 2019).
///
/// A stamp counts events in cells, as a counting Bloom filter does. If a happened before b, a's cells are all not above b's. The converse
/// holds but for accidents, whose chance [`BloomStamp::accident`] estimates: small while the events known are not many times the cells.
/// `Concurrent` is always right.
///
/// ```
/// use synod_clocks::{BloomClock, BloomShape, Causality, Clock, Stamp};
/// let shape = BloomShape::default();
/// let (mut a, mut b) = (BloomClock::new(1, shape)?, BloomClock::new(2, shape)?);
/// let (sent, other) = (a.tick()?, b.tick()?);
/// assert_eq!(sent.causality(&other), Causality::Concurrent);
/// let received = b.receive(&sent)?;
/// assert_eq!(sent.causality(&received), Causality::Before);
/// assert!(sent.accident(&received) < 0.01);
/// # Ok::<(), synod_clocks::BloomError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BloomClock {
    actor: u128,
    events: u64,
    known: BloomStamp,
}

/// The stamp of a [`BloomClock`]. On the wire: hashes, number of cells, cells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BloomStamp {
    hashes: u8,
    cells: Vec<u32>,
}

impl BloomClock {
    /// The clock of an actor, whose name no other process has.
    ///
    /// # Errors
    /// [`BloomError::Empty`] for a shape without cells or hashes.
    pub fn new(actor: u128, shape: BloomShape) -> Result<Self, BloomError> {
        if shape.cells == 0 || shape.hashes == 0 {
            return Err(BloomError::Empty);
        }
        let known = BloomStamp { hashes: shape.hashes, cells: vec![0; shape.cells.into()] };
        Ok(Self { actor, events: 0, known })
    }

    /// All that it has done and heard of.
    #[must_use]
    pub const fn known(&self) -> &BloomStamp {
        &self.known
    }

    /// The cells of an event: drawn from a hash of its name, so that each process counts it in the same ones.
    fn places(&self, event: u64) -> impl Iterator<Item = usize> + use<> {
        let (low, high) = (self.actor as u64, (self.actor >> 64) as u64);
        let seed =
            SplitMix64::mix(SplitMix64::mix(low ^ SplitMix64::mix(high ^ 0x9e37_79b9_7f4a_7c15)) ^ event);
        let cells = self.known.cells.len() as u64;
        (1..=u64::from(self.known.hashes)).map(move |hash| {
            let word = SplitMix64::mix(seed.wrapping_add(hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            ((u128::from(word) * u128::from(cells)) >> 64) as usize
        })
    }
}

impl BloomStamp {
    /// The chance that this stamp is below or equal to the other although its event did not happen before the other's: small numbers make
    /// `Before` trustworthy. From the sums of their cells, by the formula of the paper's section 3.
    #[must_use]
    pub fn accident(&self, other: &Self) -> f64 {
        let sum = |stamp: &Self| stamp.cells.iter().map(|cell| u64::from(*cell)).sum::<u64>();
        let cells = self.cells.len().max(1) as f64;
        // All cells that this event and its past are counted in were raised by others.
        power(1.0 - power(1.0 - 1.0 / cells, sum(other)), sum(self))
    }
}

/// By squaring: `core` has no powers of floating point numbers.
fn power(base: f64, exponent: u64) -> f64 {
    let (mut result, mut square, mut rest) = (1.0, base, exponent);
    while rest > 0 {
        if rest & 1 == 1 {
            result *= square;
        }
        square *= square;
        rest >>= 1;
    }
    result
}

impl Stamp for BloomStamp {
    const GUARANTEE: Guarantee = Guarantee::Probable;

    fn causality(&self, other: &Self) -> Causality {
        if self.hashes != other.hashes || self.cells.len() != other.cells.len() {
            return Causality::Concurrent;
        }
        let pairs = || self.cells.iter().zip(&other.cells);
        Causality::from_surplus(
            pairs().any(|(mine, theirs)| mine > theirs),
            pairs().any(|(mine, theirs)| mine < theirs),
        )
    }
}

impl Clock for BloomClock {
    type Stamp = BloomStamp;
    type Error = BloomError;

    fn tick(&mut self) -> Result<BloomStamp, BloomError> {
        let event = self.events.checked_add(1).ok_or(BloomError::Exhausted)?;
        let mut cells = self.known.cells.clone();
        for place in self.places(event) {
            if let Some(cell) = cells.get_mut(place) {
                *cell = cell.checked_add(1).ok_or(BloomError::Exhausted)?;
            }
        }
        self.events = event;
        self.known.cells = cells;
        Ok(self.known.clone())
    }

    fn merge(&mut self, stamp: &BloomStamp) -> Result<(), BloomError> {
        if self.known.hashes != stamp.hashes || self.known.cells.len() != stamp.cells.len() {
            return Err(BloomError::Shape);
        }
        for (mine, theirs) in self.known.cells.iter_mut().zip(&stamp.cells) {
            *mine = (*mine).max(*theirs);
        }
        Ok(())
    }
}

impl Wire for BloomStamp {
    const LEN_MIN: usize = 5;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u8(self.hashes);
        out.count(self.cells.len());
        self.cells.iter().for_each(|cell| out.u32(*cell));
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let hashes = input.u8()?;
        let count = input.count(4)?;
        let cells = (0..count).map(|_| input.u32()).collect::<Result<_, _>>()?;
        Self { hashes, cells }.checked().ok_or(WireError::Invalid { field: "shape of a Bloom clock" })
    }
}

impl BloomStamp {
    /// What a stranger sends, if a clock of this shape can be.
    fn checked(self) -> Option<Self> {
        let sound = self.hashes > 0 && !self.cells.is_empty() && self.cells.len() <= usize::from(u16::MAX);
        sound.then_some(self)
    }
}

/// The number of hashes, and the cells.
#[cfg(feature = "serde")]
impl serde::Serialize for BloomStamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.hashes, &self.cells).serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for BloomStamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (hashes, cells) = serde::Deserialize::deserialize(deserializer)?;
        let why = || serde::de::Error::custom("a Bloom clock has a hash or more, and 1 to 65,535 cells");
        Self { hashes, cells }.checked().ok_or_else(why)
    }
}
