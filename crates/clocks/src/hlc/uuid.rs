//! Stamps as UUIDs of version 7 (RFC 9562, section 5.7), whose bytes sort by time.

use super::HlcStamp;
use crate::wall::UnixMillis;

/// Why a UUID is no stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum UuidError {
    /// It is of another version.
    #[error("a UUID of version {version}, where only version 7 carries a time")]
    Version {
        /// The version that it claims.
        version: u8,
    },
    /// It is of another variant than that of RFC 9562.
    #[error("a UUID of another variant than that of RFC 9562")]
    Variant,
}

impl HlcStamp {
    /// How many bits of [`to_uuid_v7`](Self::to_uuid_v7)'s tail are used.
    pub const UUID_TAIL_BITS: u32 = 58;

    /// A UUID of version 7: milliseconds, then the counter, then the lower 58 bits of `tail`, which makes it unique among nodes: a
    /// node's number, or chance. Bytes, and the text form, sort by stamp first and tail second. Give it to
    /// `uuid::Uuid::from_bytes`.
    ///
    /// ```
    /// use synod_clocks::{HlcStamp, UnixMillis};
    /// let stamp = HlcStamp::new(UnixMillis::new(0x0123_4567_89ab)?, 0xcdef);
    /// let uuid = stamp.to_uuid_v7(0x55);
    /// assert_eq!(u128::from_be_bytes(uuid), 0x01234567_89ab_7cde_bc00_000000000055);
    /// assert_eq!(HlcStamp::from_uuid_v7(uuid)?, (stamp, 0x55));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn to_uuid_v7(self, tail: u64) -> [u8; 16] {
        let counter = self.counter() as u64;
        // 48 bits of time, 4 of version, the upper 12 of the counter; 2 of variant, the lower 4 of the counter, 58 of tail.
        let high = self.millis().get() << 16 | 0x7000 | counter >> 4;
        let low = 0b10 << 62 | (counter & 0xf) << Self::UUID_TAIL_BITS | tail & TAIL;
        ((high as u128) << 64 | low as u128).to_be_bytes()
    }

    /// The stamp and the tail of such a UUID. Those that others made are read the same way; what they do not mean as a counter becomes one.
    ///
    /// # Errors
    /// When it is not of version 7.
    pub const fn from_uuid_v7(uuid: [u8; 16]) -> Result<(Self, u64), UuidError> {
        let number = u128::from_be_bytes(uuid);
        let (high, low) = ((number >> 64) as u64, number as u64);
        let version = (high >> 12 & 0xf) as u8;
        if version != 7 {
            return Err(UuidError::Version { version });
        }
        if low >> 62 != 0b10 {
            return Err(UuidError::Variant);
        }
        let counter = (high & 0xfff) << 4 | low >> Self::UUID_TAIL_BITS & 0xf;
        Ok((Self::new(UnixMillis::of_word(high), counter as u16), low & TAIL))
    }
}

const TAIL: u64 = (1 << HlcStamp::UUID_TAIL_BITS) - 1;
