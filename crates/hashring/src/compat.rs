//! Placements that agree with other systems, byte for byte: the vectors in `tests/hashring/golden.rs` are theirs.
//!
//! | system | what is the same |
//! |---|---|
//! | libketama | [`ketama::libketama`]: points by MD5, weights by memory, the key's first point |
//! | nginx `hash … consistent` | [`ketama::nginx`]: points by chained CRC-32, weights as multiples |
//! | Pingora | [`ketama::pingora`]: the same of addresses, which it writes in its own way |
//! | Cassandra | [`cassandra`]: Murmur3 tokens with their order and special cases |
//! | Redis Cluster | [`redis`]: slots by CRC-16, hash tags |
//! | the jump hash of the paper, in C++ and most languages | [`Jump`](crate::Jump), [`jump`](crate::jump) |
//! | Guava's jump hash, which rounds otherwise | [`guava::consistent_hash`] |
//! | hash4j | [`JumpBack`](crate::JumpBack), [`jump_back`](crate::jump_back) |

pub mod cassandra;
pub mod guava;
pub mod ketama;
pub mod redis;
