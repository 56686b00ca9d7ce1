//! The laws of byte forms.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Debug;
use synod_core::wire::Wire;
use synod_core::{Bytes, Entropy, SplitMix64};

/// A byte form that breaks a law.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{says}; bytes {bytes:02x?}")]
pub struct BytesViolation {
    /// What is wrong.
    pub says: String,
    /// The bytes that show it.
    pub bytes: Vec<u8>,
}

/// Checks the byte form of a value, in wire version 1:
/// * it is read back as what it was;
/// * cut off anywhere, or with a byte more, it is refused;
/// * changed at random, `mutations` times, it is refused or read as a value whose bytes are exactly these: nothing has two forms.
///
/// Reading must not panic or allocate by what the bytes claim; that shows as a test that fails.
///
/// # Errors
/// The first law that is broken, with the bytes.
pub fn check_bytes<T: Wire + PartialEq + Debug>(
    value: &T,
    mutations: u32,
    seed: u64,
) -> Result<(), BytesViolation> {
    let bytes = value.to_bytes(1);
    let read = |bytes: &[u8]| T::from_bytes(Bytes::copy_from_slice(bytes), 1);
    let broken = |says: String, bytes: &[u8]| Err(BytesViolation { says, bytes: bytes.to_vec() });

    match read(&bytes) {
        Ok(back) if back == *value => {}
        other => return broken(format!("{value:?} is read back as {other:?}"), &bytes),
    }
    if bytes.len() < T::LEN_MIN {
        return broken(format!("shorter than the least length, {}", T::LEN_MIN), &bytes);
    }
    for len in 0..bytes.len() {
        let short = bytes.get(..len).unwrap_or_default();
        if let Ok(other) = read(short) {
            return broken(format!("cut off, {value:?} is read as {other:?}"), short);
        }
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    if let Ok(other) = read(&longer) {
        return broken(format!("with a byte too many, {value:?} is read as {other:?}"), &longer);
    }
    let mut dice = SplitMix64::new(seed);
    for _ in 0..mutations {
        let mut bytes = bytes.to_vec();
        for _ in 0..=dice.below(3) {
            mutate(&mut bytes, &mut dice);
        }
        if let Ok(other) = read(&bytes)
            && other.to_bytes(1) != bytes
        {
            return broken(format!("these bytes are read as {other:?}, whose own are others"), &bytes);
        }
    }
    Ok(())
}

fn mutate(bytes: &mut Vec<u8>, dice: &mut SplitMix64) {
    // Values at the edges of what decoders compare with.
    const EDGES: [u8; 8] = [0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff];
    let edge = |dice: &mut SplitMix64| EDGES.get(dice.below(8) as usize).copied().unwrap_or(0);
    let place = dice.below(bytes.len() as u64) as usize;
    match dice.below(6) {
        0 => bytes.truncate(place),
        1 => bytes.insert(place, dice.bits() as u8),
        2 => bytes.extend((0..=dice.below(8)).map(|_| edge(dice))),
        3 => bytes.get_mut(place).into_iter().for_each(|byte| *byte ^= 1 << dice.below(8)),
        4 => bytes.get_mut(place).into_iter().for_each(|byte| *byte = edge(dice)),
        _ => bytes.get_mut(place).into_iter().for_each(|byte| *byte = dice.bits() as u8),
    }
}
