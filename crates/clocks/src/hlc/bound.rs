//! The promise on the disk that makes a clock monotonic over restarts.

use crate::wall::UnixMillis;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A moment before which all stamps lie that were ever given: what a node persists, so that it begins after it when it comes back.
///
/// On the wire it is 8 bytes, little-endian.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Bound(UnixMillis);

impl Bound {
    /// All stamps lie before this.
    #[must_use]
    pub const fn new(millis: UnixMillis) -> Self {
        Self(millis)
    }

    /// The first moment of which no stamp was given.
    #[must_use]
    pub const fn millis(self) -> UnixMillis {
        self.0
    }
}

impl Wire for Bound {
    const LEN_MIN: usize = 8;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.0.get());
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        UnixMillis::new(input.u64()?).map(Self).map_err(|_| WireError::Invalid { field: "bound of a clock" })
    }
}
