//! Placements that agree with other systems, byte for byte: the vectors in `tests/golden.rs` are theirs.
//!
//! | system | what is the same |
//! |---|---|
//! | libketama | [`ketama::libketama`]: points by MD5, weights by memory, the key's first point |
//! | nginx `hash … consistent`, Pingora | [`ketama::nginx`]: points by chained CRC-32, weights as multiples |
//! | Cassandra | [`cassandra`]: Murmur3 tokens with their order and special cases |
//! | Redis Cluster | [`redis`]: slots by CRC-16, hash tags |
//! | Guava, and everybody's jump hash | [`Jump`](crate::Jump), [`jump`](crate::jump) |
//! | hash4j | [`JumpBack`](crate::JumpBack), [`jump_back`](crate::jump_back) |

pub mod cassandra;
pub mod ketama;
pub mod redis;
