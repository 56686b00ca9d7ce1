//! Redis Cluster's slots.

use crate::digest::crc16;

/// How many slots a Redis Cluster has.
pub const SLOTS: u32 = 16_384;

/// The part of a key that is hashed: what stands between the first `{` and the first `}` after it, if that is anything at all.
///
/// ```
/// use synod_hashring::compat::redis::{slot, tag};
/// assert_eq!(tag(b"{user1000}.following"), b"user1000");
/// assert_eq!(tag(b"foo{}{bar}"), b"foo{}{bar}");
/// assert_eq!(slot(b"{user1000}.following"), slot(b"{user1000}.followers"));
/// assert_eq!(slot(b"foo"), 12182);
/// ```
#[must_use]
pub fn tag(key: &[u8]) -> &[u8] {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = key.get(open + 1..)?;
        let close = rest.iter().position(|byte| *byte == b'}')?;
        rest.get(..close).filter(|tag| !tag.is_empty())
    });
    tag.unwrap_or(key)
}

/// The slot of a key, 0 to 16383.
#[must_use]
pub fn slot(key: &[u8]) -> u16 {
    crc16(tag(key)) % SLOTS as u16
}
