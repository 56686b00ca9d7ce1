//! Numbers of variable length, seven bits to the byte, the lowest first.

use synod_core::wire::{Reader, WireError, Writer};

pub(crate) fn write(out: &mut Writer<'_>, mut value: u64) {
    while value >= 0x80 {
        out.u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.u8(value as u8);
}

/// Each number has one form: what could be shorter is refused, and so is what does not fit into 64 bits.
pub(crate) fn read(input: &mut Reader) -> Result<u64, WireError> {
    const BROKEN: WireError = WireError::Invalid { field: "number of variable length" };
    let mut value = 0;
    for place in 0..10 {
        let byte = input.u8()?;
        let bits = u64::from(byte & 0x7f);
        if (place == 9 && bits > 1) || (place > 0 && byte == 0) {
            return Err(BROKEN);
        }
        value |= bits << (7 * place);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(BROKEN)
}

/// A number of elements of at least `len_min` bytes each, no more than the rest of the input can hold.
pub(crate) fn count(input: &mut Reader, len_min: usize) -> Result<usize, WireError> {
    let count = usize::try_from(read(input)?).unwrap_or(usize::MAX);
    let needed = count.saturating_mul(len_min.max(1));
    match needed.checked_sub(input.remaining()) {
        None | Some(0) => Ok(count),
        Some(missing) => Err(WireError::Truncated { missing }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use bytes::{Bytes, BytesMut};
    use proptest::prelude::*;

    fn read_all(bytes: &[u8]) -> Result<u64, WireError> {
        let mut reader = Reader::new(Bytes::copy_from_slice(bytes), 0);
        let value = read(&mut reader)?;
        reader.finish().map(|()| value)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_has_one_form(value in any::<u64>(), shift in 0..64_u32, bytes: Vec<u8>) {
            let value = value >> shift;
            let mut buffer = BytesMut::new();
            write(&mut Writer::new(&mut buffer, 0), value);
            prop_assert_eq!(read_all(&buffer), Ok(value));
            if let Ok(value) = read_all(&bytes) {
                let mut again = BytesMut::new();
                write(&mut Writer::new(&mut again, 0), value);
                prop_assert_eq!(&again[..], &bytes[..]);
            }
        }
    }
}
