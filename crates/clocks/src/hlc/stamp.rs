//! What a hybrid clock gives.

use crate::wall::UnixMillis;
use crate::{Actor, Causality, Guarantee, Stamp};
use core::fmt;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A hybrid stamp in 64 bits: milliseconds since 1970 in the upper 48, a counter in the lower 16. Its order is that of the number.
///
/// Stamps of one clock are unique; those of two nodes may be equal: see [`NodeStamp`]. If a happened before b then `a < b`; from
/// `a < b` nothing follows about causes.
///
/// On the wire it is 8 bytes, little-endian; where bytes are compared, as in keys of a store, take
/// [`to_sortable_bytes`](Self::to_sortable_bytes).
///
/// ```
/// use synod_clocks::{HlcStamp, UnixMillis};
/// let stamp = HlcStamp::new(UnixMillis::new(1_700_000_000_000)?, 7);
/// assert_eq!(stamp.to_string(), "1700000000000+7");
/// assert_eq!(stamp.get(), 1_700_000_000_000 << 16 | 7);
/// assert_eq!(HlcStamp::from_sortable_bytes(stamp.to_sortable_bytes()), stamp);
/// # Ok::<(), synod_clocks::WallError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct HlcStamp(u64);

impl HlcStamp {
    /// The stamp of this millisecond and counter.
    #[must_use]
    pub const fn new(millis: UnixMillis, counter: u16) -> Self {
        Self(millis.get() << 16 | counter as u64)
    }

    /// From its 64 bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Its 64 bits.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The part that is close to real time.
    #[must_use]
    pub const fn millis(self) -> UnixMillis {
        UnixMillis::of_word(self.0)
    }

    /// The part that tells stamps of one millisecond apart.
    #[must_use]
    pub const fn counter(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// Eight bytes, big-endian: their order is that of the stamps.
    #[must_use]
    pub const fn to_sortable_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// From [`to_sortable_bytes`](Self::to_sortable_bytes).
    #[must_use]
    pub const fn from_sortable_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }
}

impl fmt::Display for HlcStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.millis(), self.counter())
    }
}

/// Eight bytes, little-endian.
impl Wire for HlcStamp {
    const LEN_MIN: usize = 8;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.0);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        input.u64().map(Self)
    }
}

/// A hybrid stamp and the node that gave it: unique in the system, and in one order everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NodeStamp<A> {
    // The order of the fields is the order of stamps: time first.
    /// When.
    pub stamp: HlcStamp,
    /// By whom.
    pub node: A,
}

impl<A: Actor> Stamp for NodeStamp<A> {
    const GUARANTEE: Guarantee = Guarantee::Total;

    fn causality(&self, other: &Self) -> Causality {
        self.cmp(other).into()
    }
}

/// The stamp, then the node.
impl<A: Wire> Wire for NodeStamp<A> {
    const LEN_MIN: usize = 8 + A::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        self.stamp.encode(out);
        self.node.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { stamp: HlcStamp::decode(input)?, node: A::decode(input)? })
    }
}
