//! A byte string that is cheap to append to: versions share their common beginning.

use core::fmt;
use core::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;

/// Multiplier of the polynomial hash modulo 2⁶⁴; any odd number serves, since equality never rests on the hash alone.
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// An immutable byte string with O(length of the suffix) append and shared memory between versions.
///
/// A store that is judged by appends visits every prefix of every value; as flat strings they would need quadratic memory.
#[derive(Clone, Default)]
pub(crate) struct Text {
    len: usize,
    /// Depends on the bytes only, not on how they were cut into chunks.
    hash: u64,
    last: Option<Arc<Chunk>>,
}

struct Chunk {
    bytes: Bytes,
    before: Option<Arc<Self>>,
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // By hand, since the compiler's own drop would recurse as deep as the chain is long.
        let mut before = self.before.take();
        while let Some(mut chunk) = before.and_then(Arc::into_inner) {
            before = chunk.before.take();
        }
    }
}

fn extend(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| hash.wrapping_mul(BASE).wrapping_add(u64::from(*byte) + 1))
}

impl Text {
    /// This string with `suffix` behind it.
    pub(crate) fn append(&self, suffix: &Bytes) -> Self {
        if suffix.is_empty() {
            return self.clone();
        }
        Self {
            len: self.len + suffix.len(),
            hash: extend(self.hash, suffix),
            last: Some(Arc::new(Chunk { bytes: suffix.clone(), before: self.last.clone() })),
        }
    }

    /// Bytes held by the newest version alone.
    pub(crate) fn own_bytes(&self) -> usize {
        size_of::<Self>() + self.last.as_ref().map_or(0, |chunk| size_of::<Chunk>() + 16 + chunk.bytes.len())
    }

    /// The whole string in one piece: O(length).
    #[must_use]
    pub(crate) fn to_bytes(&self) -> Bytes {
        let mut chunks: Vec<&Bytes> = self.chunks().collect();
        chunks.reverse();
        match chunks.as_slice() {
            [] => Bytes::new(),
            [single] => (*single).clone(),
            many => many.iter().flat_map(|chunk| chunk.iter().copied()).collect::<Vec<u8>>().into(),
        }
    }

    /// The number of bytes.
    #[must_use]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// `false` only if this is certainly not the beginning of `other`. Looks at the last chunk only, so that growing a text
    /// by many small steps stays linear.
    pub(crate) fn may_precede(&self, other: &Self) -> bool {
        let (Some(mine), Some(theirs)) = (&self.last, &other.last) else { return self.len <= other.len };
        if theirs.before.is_some() {
            return self.len <= other.len;
        }
        theirs.bytes.get(self.len - mine.bytes.len()..self.len).is_some_and(|part| part == mine.bytes)
    }

    /// From the last chunk to the first.
    fn chunks(&self) -> impl Iterator<Item = &Bytes> {
        core::iter::successors(self.last.as_deref(), |chunk| chunk.before.as_deref())
            .map(|chunk| &chunk.bytes)
    }
}

impl From<Bytes> for Text {
    fn from(bytes: Bytes) -> Self {
        Self::default().append(&bytes)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        if self.len != other.len || self.hash != other.hash {
            return false;
        }
        // The hash only rejects; equality is decided byte by byte, from the end, chunk boundaries wherever they are.
        let (mut mine, mut theirs) = (self.last.as_ref(), other.last.as_ref());
        let (mut left, mut right): (&[u8], &[u8]) = (&[], &[]);
        loop {
            if left.is_empty() && right.is_empty() {
                match (mine, theirs) {
                    (Some(a), Some(b)) if Arc::ptr_eq(a, b) => return true,
                    (None, None) => return true,
                    _ => {}
                }
            }
            if left.is_empty() {
                let Some(chunk) = mine else { return false };
                (left, mine) = (&chunk.bytes, chunk.before.as_ref());
            }
            if right.is_empty() {
                let Some(chunk) = theirs else { return false };
                (right, theirs) = (&chunk.bytes, chunk.before.as_ref());
            }
            let common = left.len().min(right.len());
            let (left_rest, left_end) = left.split_at(left.len() - common);
            let (right_rest, right_end) = right.split_at(right.len() - common);
            if left_end != right_end {
                return false;
            }
            (left, right) = (left_rest, right_rest);
        }
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
        state.write_usize(self.len);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(parts: &[&'static str]) -> Text {
        parts.iter().fold(Text::default(), |text, part| text.append(&Bytes::from_static(part.as_bytes())))
    }

    #[test]
    fn equality_does_not_depend_on_how_the_text_was_cut() {
        let whole = joined(&["abcdef"]);
        for parts in [&["abc", "def"][..], &["a", "", "bcd", "ef"], &["abcde", "f"], &["ab", "cd", "ef"]] {
            assert_eq!(whole, joined(parts));
            assert_eq!(joined(parts).to_bytes(), "abcdef");
        }
        assert_ne!(whole, joined(&["abcde", "g"]));
        assert_ne!(whole, joined(&["abcdef", "g"]));
        assert_eq!(Text::default(), joined(&[""]));
    }

    #[test]
    fn a_text_precedes_what_begins_with_it() {
        let whole = joined(&["abcdef"]);
        for (parts, may) in
            [(&["abc"][..], true), (&["ab", "cd"], true), (&["ab", "ce"], false), (&["abcdef", "g"], false)]
        {
            assert_eq!(joined(parts).may_precede(&whole), may, "{parts:?}");
        }
        assert!(Text::default().may_precede(&whole) && whole.may_precede(&whole));
        assert!(!whole.may_precede(&Text::default()));
    }

    #[test]
    fn equal_hashes_alone_do_not_make_equal() {
        let honest = joined(&["abc", "def"]);
        let forged = Text { hash: honest.hash, ..joined(&["abx", "def"]) };
        assert_ne!(honest, forged);
    }

    #[test]
    fn a_long_chain_drops_without_recursion() {
        let mut text = Text::default();
        for _ in 0..1_000_000 {
            text = text.append(&Bytes::from_static(b"x"));
        }
        assert_eq!(text.len(), 1_000_000);
    }
}
