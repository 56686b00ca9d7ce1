//! Guava's `Hashing.consistentHash`: the paper's [`jump`](crate::jump), with another rounding and another end.

/// The bucket of a hash among `buckets`, as Guava computes it. `O(log buckets)`; 0 where there are no buckets, which Guava refuses. Its
/// numbers of buckets are Java's: more than 2³¹ − 1 count as so many.
///
/// Where the paper multiplies by the rounded quotient `2³¹ / (x + 1)`, Guava divides by the exact `(x + 1) / 2³¹`, so that one rounding
/// in place of two decides. And its sum is one of 32 bits with a sign: the greatest `x`, 2³¹ − 1, becomes −2³¹, and the jumps end there,
/// where the paper's go on by one bucket. So one hash in some hundreds of millions has another bucket than with [`jump`](crate::jump).
///
/// ```
/// use synod_hashring::{compat::guava::consistent_hash, jump};
/// assert_eq!(consistent_hash(10863919174838991, 11), 6);
/// assert_eq!(consistent_hash(15475094060067824594, 129), 128);
/// assert_eq!(jump(15475094060067824594, 129), 127);
/// ```
#[must_use]
pub fn consistent_hash(hash: u64, buckets: u32) -> u32 {
    let buckets = i32::try_from(buckets).unwrap_or(i32::MAX);
    let mut state = hash;
    let mut candidate = 0_i32;
    loop {
        state = state.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        // Java's `(int) (state >>> 33) + 1` wraps, and its conversion of a double to an int saturates, as `as` does.
        let x = ((state >> 33) as i32).wrapping_add(1);
        let next = (f64::from(candidate.wrapping_add(1)) / (f64::from(x) / f64::from(1_u32 << 31))) as i32;
        if !(0..buckets).contains(&next) {
            return candidate.unsigned_abs();
        }
        candidate = next;
    }
}
