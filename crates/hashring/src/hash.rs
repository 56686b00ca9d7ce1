//! Hash functions by name: part of a configuration, so that two processes always agree where a key goes.

use crate::digest::{crc16, crc32, fnv1a64, md5, murmur3, xxh64};
use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use synod_core::{NodeId, SplitMix64};

/// How a key becomes a position, a 64-bit number. Positions are compared as unsigned numbers, and the ring closes behind 2⁶⁴ − 1.
///
/// Functions of fewer bits fill the upper ones, so that 32-bit rings are 64-bit rings whose points are multiples of 2³². None of them
/// withstands somebody who may choose keys in order to overload a node. Names of nodes are hashed by the same function if it has 64 bits, and by
/// SplitMix64 with seed 0 if it has fewer, or keeps an order.
///
/// ```
/// use synod_hashring::HashFn;
///
/// let hash: HashFn = "xxh64:0".parse()?;
/// assert_eq!(hash, HashFn::Xxh64 { seed: 0 });
/// assert_eq!(hash.hash(b"abc"), 0x44bc_2cf5_ad77_0999);
/// assert_eq!(hash.to_string(), "xxh64:0");
/// assert_eq!(HashFn::Crc16.hash(b"123456789") >> 48, 0x31c3);
/// # Ok::<(), synod_hashring::HashFnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
#[non_exhaustive]
pub enum HashFn {
    /// The finaliser of SplitMix64 (Steele, Lea and Flood 2014), chained over words of eight bytes. The quickest for integers.
    SplitMix64 {
        /// Another seed is another function.
        seed: u64,
    },
    /// XXH64 (Collet), of 64 bits: quick for long keys.
    Xxh64 {
        /// Another seed is another function.
        seed: u64,
    },
    /// FNV-1a of 64 bits. Its upper bits are poor for short keys that differ at the end; only to agree with others.
    Fnv1a64,
    /// The first half of MurmurHash3 x64 128 with seed 0, as it was published.
    Murmur3,
    /// What Cassandra calls Murmur3: bytes of the tail are signed, and the order is that of signed tokens.
    /// [`compat::cassandra`](crate::compat::cassandra) converts.
    CassandraMurmur3,
    /// The first four bytes of MD5, little-endian, in the upper half: libketama's keys.
    KetamaMd5,
    /// CRC-32 (IEEE 802.3), in the upper half: the keys of nginx and Pingora.
    Crc32,
    /// CRC-16/XMODEM of the whole key, in the upper 16 bits. Redis Cluster hashes the tag of a key that has one:
    /// [`HashFn::RedisSlot`].
    Crc16,
    /// Redis Cluster's slot, 0 to 16383, in the upper 14 bits: with 16384 slots, each position is in the slot of that number.
    RedisSlot,
    /// The key is the position: integers as they are, bytes by their first eight, big-endian, so that the order of keys is kept.
    Ordered,
}

impl Default for HashFn {
    fn default() -> Self {
        Self::SplitMix64 { seed: 0 }
    }
}

impl HashFn {
    /// The position of a key of bytes.
    #[must_use]
    pub fn hash(self, key: &[u8]) -> u64 {
        match self {
            Self::SplitMix64 { seed } => chained(seed, key),
            Self::Xxh64 { seed } => xxh64::hash(seed, key),
            Self::Fnv1a64 => fnv1a64(key),
            Self::Murmur3 => murmur3::hash(key),
            // The order of signed tokens is that of unsigned positions with the sign bit turned.
            Self::CassandraMurmur3 => {
                crate::compat::cassandra::position(crate::compat::cassandra::token(key))
            }
            Self::KetamaMd5 => u64::from(md5::words(key)[0]) << 32,
            Self::Crc32 => u64::from(crc32(key)) << 32,
            Self::Crc16 => u64::from(crc16(key)) << 48,
            Self::RedisSlot => u64::from(crate::compat::redis::slot(key)) << 50,
            Self::Ordered => {
                let mut first = [0; 8];
                for (to, from) in first.iter_mut().zip(key) {
                    *to = *from;
                }
                u64::from_be_bytes(first)
            }
        }
    }

    /// The position of an integer: of its eight bytes, little-endian, except where a function has a quicker way
    /// ([`SplitMix64`](Self::SplitMix64), [`Ordered`](Self::Ordered)).
    #[inline]
    #[must_use]
    pub fn hash_u64(self, key: u64) -> u64 {
        match self {
            Self::SplitMix64 { seed } => SplitMix64::mix(key.wrapping_add(seed).wrapping_add(GOLDEN)),
            Self::Ordered => key,
            other => other.hash(&key.to_le_bytes()),
        }
    }

    /// What is mixed into positions for a node.
    pub(crate) fn seed_of(self, id: NodeId) -> u64 {
        self.of_names().hash_u64(id.0)
    }

    /// The same for a failure domain.
    pub(crate) fn seed_of_domain(self, path: &str) -> u64 {
        self.of_names().hash(path.as_bytes())
    }

    /// What hashes the names of nodes and domains: this function, unless it would give one number to several of them. Of a hundred nodes
    /// two share a slot of 14 bits with a probability of a quarter, and one of the two would own nothing.
    const fn of_names(self) -> Self {
        match self {
            Self::SplitMix64 { .. }
            | Self::Xxh64 { .. }
            | Self::Fnv1a64
            | Self::Murmur3
            | Self::CassandraMurmur3 => self,
            Self::KetamaMd5 | Self::Crc32 | Self::Crc16 | Self::RedisSlot | Self::Ordered => {
                Self::SplitMix64 { seed: 0 }
            }
        }
    }
}

/// The odd number nearest to 2⁶⁴ divided by the golden ratio.
pub(crate) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn chained(seed: u64, key: &[u8]) -> u64 {
    let mut state = SplitMix64::mix(seed ^ (key.len() as u64).wrapping_mul(GOLDEN));
    for chunk in key.chunks(8) {
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = *from;
        }
        state = SplitMix64::mix((state ^ u64::from_le_bytes(word)).wrapping_add(GOLDEN));
    }
    state
}

/// A hash function that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no hash function is called `{0}`: there are splitmix64:SEED, xxh64:SEED, fnv1a64, murmur3, cassandra-murmur3, ketama-md5, crc32, crc16, redis-slot and ordered"
)]
pub struct HashFnError(String);

impl fmt::Display for HashFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SplitMix64 { seed } => write!(f, "splitmix64:{seed}"),
            Self::Xxh64 { seed } => write!(f, "xxh64:{seed}"),
            Self::Fnv1a64 => f.write_str("fnv1a64"),
            Self::Murmur3 => f.write_str("murmur3"),
            Self::CassandraMurmur3 => f.write_str("cassandra-murmur3"),
            Self::KetamaMd5 => f.write_str("ketama-md5"),
            Self::Crc32 => f.write_str("crc32"),
            Self::Crc16 => f.write_str("crc16"),
            Self::RedisSlot => f.write_str("redis-slot"),
            Self::Ordered => f.write_str("ordered"),
        }
    }
}

impl FromStr for HashFn {
    type Err = HashFnError;

    fn from_str(text: &str) -> Result<Self, HashFnError> {
        let unknown = || HashFnError(text.chars().take(64).collect());
        let (name, seed) = match text.split_once(':') {
            Some((name, seed)) => (name, Some(seed.parse::<u64>().map_err(|_| unknown())?)),
            None => (text, None),
        };
        match (name, seed) {
            ("splitmix64", seed) => Ok(Self::SplitMix64 { seed: seed.unwrap_or(0) }),
            ("xxh64", seed) => Ok(Self::Xxh64 { seed: seed.unwrap_or(0) }),
            ("fnv1a64", None) => Ok(Self::Fnv1a64),
            ("murmur3", None) => Ok(Self::Murmur3),
            ("cassandra-murmur3", None) => Ok(Self::CassandraMurmur3),
            ("ketama-md5", None) => Ok(Self::KetamaMd5),
            ("crc32", None) => Ok(Self::Crc32),
            ("crc16", None) => Ok(Self::Crc16),
            ("redis-slot", None) => Ok(Self::RedisSlot),
            ("ordered", None) => Ok(Self::Ordered),
            _ => Err(unknown()),
        }
    }
}

impl TryFrom<String> for HashFn {
    type Error = HashFnError;

    fn try_from(text: String) -> Result<Self, HashFnError> {
        text.parse()
    }
}

impl From<HashFn> for String {
    fn from(hash: HashFn) -> Self {
        alloc::format!("{hash}")
    }
}
