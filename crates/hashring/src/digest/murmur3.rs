//! MurmurHash3 x64 128 (Appleby), its first half, seed 0; and the variant that Cassandra made of it.

use super::word;

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

/// As published.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    with_tail(bytes, u64::from)
}

/// As Cassandra has it: the bytes of the tail are signed, so that those above 127 spread over the bits above them.
pub(crate) fn cassandra(bytes: &[u8]) -> u64 {
    with_tail(bytes, |byte| byte as i8 as u64)
}

fn with_tail(bytes: &[u8], widen: impl Fn(u8) -> u64) -> u64 {
    let (mut h1, mut h2) = (0_u64, 0_u64);
    let mut blocks = bytes.chunks_exact(16);
    for block in &mut blocks {
        h1 ^= first(word(block, 0));
        h1 = h1.rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 ^= second(word(block, 8));
        h2 = h2.rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let tail = blocks.remainder();
    let fold =
        |bytes: &[u8]| bytes.iter().enumerate().fold(0, |word, (at, byte)| word ^ (widen(*byte) << (8 * at)));
    let (low, high) = tail.split_at(tail.len().min(8));
    if !high.is_empty() {
        h2 ^= second(fold(high));
    }
    if !low.is_empty() {
        h1 ^= first(fold(low));
    }
    let len = bytes.len() as u64;
    (h1, h2) = (h1 ^ len, h2 ^ len);
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    finish(h1).wrapping_add(finish(h2))
}

const fn first(word: u64) -> u64 {
    word.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

const fn second(word: u64) -> u64 {
    word.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

const fn finish(word: u64) -> u64 {
    let word = (word ^ (word >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let word = (word ^ (word >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}
