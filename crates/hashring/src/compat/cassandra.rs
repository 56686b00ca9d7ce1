//! Cassandra's Murmur3 partitioner: tokens, their order, and their places on a ring.

use crate::digest::murmur3;

/// The token of a partition key, as `Murmur3Partitioner` gives it. The empty key has the least token, and the hash that would be
/// the least is the greatest instead, because the least is nobody's. (Scylla gives the empty key another token.)
///
/// ```
/// use synod_hashring::compat::cassandra::{position, token};
/// assert_eq!(token(b"123"), -7468325962851647638);
/// assert_eq!(token(b""), i64::MIN);
/// assert!(position(-1) < position(0));       // positions keep the order of tokens
/// ```
#[must_use]
pub fn token(key: &[u8]) -> i64 {
    if key.is_empty() {
        return i64::MIN;
    }
    match murmur3::cassandra(key) as i64 {
        i64::MIN => i64::MAX,
        token => token,
    }
}

/// The position of a token on a [`Ring`](crate::Ring) of points.
#[must_use]
pub const fn position(token: i64) -> u64 {
    (token as u64) ^ (1 << 63)
}

/// The token at a position: the inverse of [`position`].
#[must_use]
pub const fn token_at(position: u64) -> i64 {
    (position ^ (1 << 63)) as i64
}
