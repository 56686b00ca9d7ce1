//! Bytes: how messages and records are written and read.
//!
//! Little-endian, hand-written, no self-description: the fastest codecs of the field differ from this by a factor of two
//! to five. The format of each type is pinned by golden bytes in its crate's tests, and a version byte is negotiated per
//! link and stored per log.

use crate::{Lsn, NodeId};
use alloc::vec::Vec;
use bytes::{BufMut, Bytes, BytesMut};

/// A type with a byte form.
///
/// # Laws
/// * `decode(encode(x)) == x`, for every version that the type knows.
/// * Decoding never panics, never reads past the end, and never allocates more than a small multiple of the input's
///   length, whatever the bytes say.
/// * Decoding of payloads shares the input's memory: a [`Bytes`] field costs a reference count, not a copy.
pub trait Wire: Sized {
    /// The least number of bytes that any value takes. It bounds how many elements a length prefix may claim.
    const LEN_MIN: usize;

    /// Appends the value to the writer's buffer.
    fn encode(&self, out: &mut Writer<'_>);

    /// Reads a value.
    ///
    /// # Errors
    /// When the input ends too early or is not a value of this type.
    fn decode(input: &mut Reader) -> Result<Self, WireError>;

    /// The value as bytes of its own: convenient where a buffer need not be reused.
    fn to_bytes(&self, version: u8) -> Bytes {
        let mut buffer = BytesMut::new();
        self.encode(&mut Writer::new(&mut buffer, version));
        buffer.freeze()
    }

    /// Reads a value that must fill the whole input.
    ///
    /// # Errors
    /// As [`decode`](Wire::decode), and when bytes are left over.
    fn from_bytes(bytes: Bytes, version: u8) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes, version);
        let value = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}

/// Why bytes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The input ended in the middle of a value.
    #[error("the input ends {missing} bytes too early: it was truncated, or a length in it is forged")]
    Truncated {
        /// How many bytes more were needed.
        missing: usize,
    },
    /// A tag names no variant.
    #[error("tag {tag} names no variant of {of}: another version wrote this, or it is corrupt")]
    UnknownTag {
        /// The type that was being read.
        of: &'static str,
        /// The tag.
        tag: u8,
    },
    /// A field holds what no value of the type can hold.
    #[error("field {field} holds an impossible value: the bytes are corrupt")]
    Invalid {
        /// The field.
        field: &'static str,
    },
    /// Bytes were left over after a whole value.
    #[error("{count} bytes are left over after a whole value: the frame is corrupt, or of another version")]
    LeftOver {
        /// How many.
        count: usize,
    },
}

/// Appends to a buffer of the caller's, in the wire version of a link or log.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut BytesMut,
    version: u8,
}

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut BytesMut, version: u8) -> Self {
        Self { out, version }
    }

    /// The wire version to write.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.version
    }

    /// Appends one byte.
    pub fn u8(&mut self, value: u8) {
        self.out.put_u8(value);
    }

    /// Appends four bytes.
    pub fn u32(&mut self, value: u32) {
        self.out.put_u32_le(value);
    }

    /// Appends eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.out.put_u64_le(value);
    }

    /// Appends a length and that many bytes. Longer slices than a `u32` can count are cut; frames are capped far below.
    pub fn bytes(&mut self, value: &[u8]) {
        let len = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.u32(len);
        self.out.put_slice(value.get(..len as usize).unwrap_or(value));
    }

    /// Appends the number of elements that follow.
    pub fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX));
    }
}

/// Reads from a shared buffer, in the wire version of a link or log.
#[derive(Clone, Debug)]
pub struct Reader {
    rest: Bytes,
    version: u8,
}

impl Reader {
    /// A reader of `input`.
    #[must_use]
    pub fn new(input: Bytes, version: u8) -> Self {
        Self { rest: input, version }
    }

    /// The wire version to read.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.version
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        match self.rest.first_chunk::<N>() {
            Some(chunk) => {
                let chunk = *chunk;
                bytes::Buf::advance(&mut self.rest, N);
                Ok(chunk)
            }
            None => Err(WireError::Truncated { missing: N - self.rest.len() }),
        }
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// At the end of the input, as for all that follow.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Reads four bytes.
    ///
    /// # Errors
    /// At the end of the input.
    pub fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_le_bytes)
    }

    /// Reads eight bytes.
    ///
    /// # Errors
    /// At the end of the input.
    pub fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Reads a length and that many bytes, which share the input's memory.
    ///
    /// # Errors
    /// At the end of the input.
    pub fn bytes(&mut self) -> Result<Bytes, WireError> {
        let len = self.u32()? as usize;
        if len > self.rest.len() {
            return Err(WireError::Truncated { missing: len - self.rest.len() });
        }
        Ok(self.rest.split_to(len))
    }

    /// Reads a number of elements of at least `len_min` bytes each, and refuses a number that the rest of the input cannot
    /// hold: what is allocated for them is bounded by what was received.
    ///
    /// # Errors
    /// At the end of the input, or when the elements would not fit into it.
    pub fn count(&mut self, len_min: usize) -> Result<usize, WireError> {
        let count = self.u32()? as usize;
        let needed = count.saturating_mul(len_min.max(1));
        if needed > self.rest.len() {
            return Err(WireError::Truncated { missing: needed - self.rest.len() });
        }
        Ok(count)
    }

    /// Asserts the end of the input.
    ///
    /// # Errors
    /// When bytes are left over.
    pub fn finish(&self) -> Result<(), WireError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(WireError::LeftOver { count }),
        }
    }
}

impl Wire for u64 {
    const LEN_MIN: usize = 8;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(*self);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        input.u64()
    }
}

/// The lower half first: little-endian, as everything.
impl Wire for u128 {
    const LEN_MIN: usize = 16;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(*self as u64);
        out.u64((*self >> 64) as u64);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let low = input.u64()?;
        Ok(Self::from(low) | Self::from(input.u64()?) << 64)
    }
}

/// Two's complement.
impl Wire for i64 {
    const LEN_MIN: usize = 8;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.cast_unsigned());
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        input.u64().map(u64::cast_signed)
    }
}

impl Wire for bool {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u8(u8::from(*self));
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        match input.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(WireError::UnknownTag { of: "bool", tag }),
        }
    }
}

impl Wire for NodeId {
    const LEN_MIN: usize = 8;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.0);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        input.u64().map(Self)
    }
}

impl Wire for Lsn {
    const LEN_MIN: usize = 8;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.0);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        input.u64().map(Self)
    }
}

impl Wire for Bytes {
    const LEN_MIN: usize = 4;

    fn encode(&self, out: &mut Writer<'_>) {
        out.bytes(self);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        input.bytes()
    }
}

impl<T: Wire> Wire for Option<T> {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            None => out.u8(0),
            Some(value) => {
                out.u8(1);
                value.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        match input.u8()? {
            0 => Ok(None),
            1 => T::decode(input).map(Some),
            tag => Err(WireError::UnknownTag { of: "Option", tag }),
        }
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    const LEN_MIN: usize = A::LEN_MIN + B::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        self.0.encode(out);
        self.1.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok((A::decode(input)?, B::decode(input)?))
    }
}

impl<T: Wire> Wire for Vec<T> {
    const LEN_MIN: usize = 4;

    fn encode(&self, out: &mut Writer<'_>) {
        out.count(self.len());
        for value in self {
            value.encode(out);
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let count = input.count(T::LEN_MIN)?;
        let mut values = Self::with_capacity(count);
        for _ in 0..count {
            values.push(T::decode(input)?);
        }
        Ok(values)
    }
}
