//! Runs of entries that share one piece of memory.

use crate::{EntryId, Index, Membership, Term};
use alloc::vec::Vec;
use core::fmt;
use synod_core::Bytes;

/// The longest payload that the format can express: the two highest bits of its length hold the kind of the entry.
pub(crate) const PAYLOAD_BYTES_MAX: usize = (1 << 30) - 1;
const KIND_SHIFT: u32 = 30;
const MEMBERSHIP: u32 = 2;
/// The bytes before each payload.
pub(crate) const HEADER_BYTES: usize = 4;
/// A part of an arena that is at most this long, and at most half of it, is copied out: it would otherwise keep the whole
/// arena alive. Measured on an AMD EPYC: to copy 1 KiB takes 43 ns, 4 KiB 193 ns, 64 KiB 2,170 ns; to share takes 8 ns whatever
/// the length. Cutting a segment is rare enough for 200 ns; above that, the part is a page or more of what it keeps.
const COPY_BYTES_MAX: usize = 4096;

/// A run of entries of **one term** at consecutive indices, packed into one shared arena.
///
/// The arena is `[header][payload][header][payload]…` with a little-endian `u32` header: 30 bits of length and 2 of kind.
/// A clone costs one reference count, whatever is inside; log, disk, peers and application share the same bytes. A
/// segment's arena has been validated when it was made, so iterating cannot fail.
///
/// ```
/// use synod_raft::{Index, Segment, Term};
/// let segment = Segment::pack(Index(5), Term(2), [b"put a 1".as_slice(), b"put b 2"]).unwrap();
/// let entries: Vec<_> = segment.iter().map(|entry| (entry.index, entry.payload)).collect();
/// assert_eq!(entries, [(Index(5), &b"put a 1"[..]), (Index(6), &b"put b 2"[..])]);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Segment {
    first: Index,
    term: Term,
    count: u32,
    arena: Bytes,
}

/// What an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryKind {
    /// A proposal of the application's.
    Normal,
    /// The empty entry with which a leader begins its term: a state machine skips it.
    Noop,
    /// A [`Membership`](crate::Membership), always in a segment of its own: a state machine skips it.
    Membership,
}

/// A view of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry<'a> {
    /// Its position.
    pub index: Index,
    /// The term of the leader that made it.
    pub term: Term,
    /// What it is for.
    pub kind: EntryKind,
    /// What was proposed, borrowed from the segment's arena; [`Segment::share`] makes a `Bytes` of it without copying.
    pub payload: &'a [u8],
}

impl Segment {
    /// Packs payloads into a new arena, the first of them at `first`. O(bytes), one allocation.
    ///
    /// `None` where no such segment can be: a first index of 0 or beyond [`Index::MAX`], a payload of 1 GiB or more, 2³² or
    /// more payloads.
    #[must_use]
    pub fn pack<P>(first: Index, term: Term, payloads: P) -> Option<Self>
    where
        P: IntoIterator<IntoIter: Clone, Item: AsRef<[u8]>>,
    {
        let payloads = payloads.into_iter();
        let mut bytes = 0;
        for payload in payloads.clone() {
            let len = payload.as_ref().len();
            if len > PAYLOAD_BYTES_MAX {
                return None;
            }
            bytes += HEADER_BYTES + len;
        }
        let mut arena = Vec::with_capacity(bytes);
        let mut count = 0_u32;
        for payload in payloads {
            let payload = payload.as_ref();
            arena.extend_from_slice(&header(payload.len(), EntryKind::Normal));
            arena.extend_from_slice(payload);
            count = count.checked_add(1)?;
        }
        Self::checked(first, term, count, arena.into())
    }

    /// The entry with which a leader begins its term. `None` as for [`pack`](Segment::pack).
    #[must_use]
    pub fn noop(first: Index, term: Term) -> Option<Self> {
        const ARENA: &[u8] = &(1_u32 << KIND_SHIFT).to_le_bytes();
        Self::checked(first, term, 1, Bytes::from_static(ARENA))
    }

    /// The entry that puts a membership into effect. `None` as for [`pack`](Segment::pack).
    #[must_use]
    pub fn membership(first: Index, term: Term, membership: &Membership) -> Option<Self> {
        let payload = membership.payload();
        let header = header(payload.len(), EntryKind::Membership);
        let mut arena = Vec::with_capacity(HEADER_BYTES + payload.len());
        arena.extend_from_slice(&header);
        arena.extend_from_slice(&payload);
        Self::checked(first, term, 1, arena.into())
    }

    /// No entries, before `first`.
    #[must_use]
    pub const fn empty(first: Index) -> Self {
        Self { first, term: Term::ZERO, count: 0, arena: Bytes::new() }
    }

    /// Takes an arena from elsewhere, if it holds exactly `count` entries. O(count).
    pub(crate) fn validated(first: Index, term: Term, count: u32, arena: Bytes) -> Option<Self> {
        let mut entries = Entries { rest: &arena, index: first, term };
        let (mut found, mut memberships) = (0_u32, 0_u32);
        for entry in entries.by_ref() {
            found = found.saturating_add(1);
            memberships += u32::from(entry.kind == EntryKind::Membership);
        }
        let hollow = arena.is_empty();
        if !hollow && (found != count || !entries.rest.is_empty() || (memberships > 0 && count > 1)) {
            return None;
        }
        if (count == 0) != (term == Term::ZERO) {
            return None;
        }
        Self::checked(first, term, count, arena)
    }

    /// An arena that was filled with `count` entries, each after its [`header`].
    pub(crate) fn filled(first: Index, term: Term, count: u32, arena: Bytes) -> Option<Self> {
        Self::checked(first, term, count, arena)
    }

    fn checked(first: Index, term: Term, count: u32, arena: Bytes) -> Option<Self> {
        let fits =
            first >= Index(1) && first.plus(u64::from(count)).prev() <= Index::MAX && term <= Term::MAX;
        let term = if count == 0 { Term::ZERO } else { term };
        fits.then_some(Self { first, term, count, arena })
    }

    /// The index of the first entry.
    #[must_use]
    pub const fn first(&self) -> Index {
        self.first
    }

    /// The index of the last entry; of an empty segment, the index before the first.
    #[must_use]
    pub const fn last(&self) -> Index {
        self.first.plus(self.count as u64).prev()
    }

    /// The term of all entries.
    #[must_use]
    pub const fn term(&self) -> Term {
        self.term
    }

    /// How many entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The packed entries; empty for a hollow segment. O(1).
    #[must_use]
    pub const fn arena(&self) -> &Bytes {
        &self.arena
    }

    /// What the first entry is for; `None` where there is none, or the segment is hollow. O(1).
    #[must_use]
    pub fn first_kind(&self) -> Option<EntryKind> {
        self.iter().next().map(|entry| entry.kind)
    }

    /// Whether the one entry here is a membership. O(1).
    #[must_use]
    pub fn is_membership(&self) -> bool {
        self.count == 1
            && self.arena.get(HEADER_BYTES - 1).is_some_and(|kind| u32::from(kind >> 6) == MEMBERSHIP)
    }

    /// The membership that the one entry here holds; `None` where it is another entry, or nothing that a leader writes.
    #[must_use]
    pub fn to_membership(&self) -> Option<Membership> {
        if !self.is_membership() {
            return None;
        }
        Membership::parse(self.iter().next()?.payload)
    }

    /// Whether there are entries here without what they hold: positions and a term, as a witness keeps them. O(1).
    #[must_use]
    pub const fn is_hollow(&self) -> bool {
        self.count > 0 && self.arena.is_empty()
    }

    /// The same entries for a witness: without what they hold, except that a membership stays.
    pub(crate) fn hollow(self) -> Self {
        if self.is_membership() { self } else { Self { arena: Bytes::new(), ..self } }
    }

    /// The entries in order. Allocates nothing. A hollow segment yields none.
    #[must_use]
    pub fn iter(&self) -> Entries<'_> {
        Entries { rest: &self.arena, index: self.first, term: self.term }
    }

    /// The payload of an entry of this segment as shared bytes: a reference count, no copy. The payload of another
    /// segment's entry is copied.
    #[must_use]
    pub fn share(&self, entry: &Entry<'_>) -> Bytes {
        let arena = self.arena.as_ptr() as usize;
        let start = (entry.payload.as_ptr() as usize).wrapping_sub(arena);
        match start.checked_add(entry.payload.len()) {
            Some(end) if start <= end && end <= self.arena.len() => self.arena.slice(start..end),
            _ => Bytes::copy_from_slice(entry.payload),
        }
    }

    pub(crate) fn last_id(&self) -> EntryId {
        EntryId { term: self.term, index: self.last() }
    }

    /// The entries from `from` to `upto`, both included, as far as there are any. O(1) for all of them, O(count) else.
    pub(crate) fn range(&self, from: Index, upto: Index) -> Self {
        if from <= self.first && upto >= self.last() {
            return self.clone();
        }
        let from = from.max(self.first);
        if upto < from || from > self.last() {
            return Self::empty(from);
        }
        let count = upto.min(self.last()).since(from) + 1;
        let start = self.offset(from.since(self.first), 0);
        let end = self.offset(count, start);
        Self { first: from, term: self.term, count: count as u32, arena: self.part(start, end) }
    }

    /// How many bytes the arena of that [range](Segment::range) has.
    #[inline]
    pub(crate) fn bytes(&self, from: Index, upto: Index) -> usize {
        if from <= self.first && upto >= self.last() {
            return self.arena.len();
        }
        self.range(from, upto).arena.len()
    }

    /// At most `count_max` entries from `from` on, with at most `bytes_max` bytes, but one entry at least.
    pub(crate) fn head(&self, from: Index, count_max: usize, bytes_max: usize) -> Self {
        if from == self.first && self.len() <= count_max && self.arena.len() <= bytes_max {
            return self.clone();
        }
        let mut upto = from;
        let mut bytes = 0_usize;
        let skipped = usize::try_from(from.since(self.first)).unwrap_or(usize::MAX);
        for entry in self.iter().skip(skipped).take(count_max.max(1)) {
            bytes = bytes.saturating_add(HEADER_BYTES + entry.payload.len());
            if bytes > bytes_max && entry.index > from {
                break;
            }
            upto = entry.index;
        }
        self.range(from, upto)
    }

    /// This segment and the following ones of the same term in one new arena. O(bytes), one allocation.
    pub(crate) fn joined<'a>(&'a self, others: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let bytes = self.arena.len() + others.clone().map(|other| other.arena.len()).sum::<usize>();
        let mut arena = Vec::with_capacity(bytes);
        let mut count = 0_u32;
        for segment in core::iter::once(self).chain(others) {
            arena.extend_from_slice(&segment.arena);
            count = count.saturating_add(segment.count);
        }
        Self { first: self.first, term: self.term, count, arena: arena.into() }
    }

    /// Where the entry `skip` entries after the one at `start` begins.
    fn offset(&self, skip: u64, start: usize) -> usize {
        let rest = self.arena.get(start..).unwrap_or_default();
        let mut entries = Entries { rest, index: self.first, term: self.term };
        let mut left = skip;
        while left > 0 && entries.next().is_some() {
            left -= 1;
        }
        self.arena.len() - entries.rest.len()
    }

    fn part(&self, start: usize, end: usize) -> Bytes {
        let part = self.arena.get(start..end).unwrap_or_default();
        if part.len() <= COPY_BYTES_MAX && part.len() <= self.arena.len() / 2 {
            Bytes::copy_from_slice(part)
        } else {
            self.arena.slice_ref(part)
        }
    }
}

/// What stands before a payload. The length must be at most [`PAYLOAD_BYTES_MAX`].
pub(crate) fn header(len: usize, kind: EntryKind) -> [u8; HEADER_BYTES] {
    let kind = match kind {
        EntryKind::Normal => 0,
        EntryKind::Noop => 1,
        EntryKind::Membership => MEMBERSHIP,
    };
    (len as u32 | kind << KIND_SHIFT).to_le_bytes()
}

impl<'a> IntoIterator for &'a Segment {
    type Item = Entry<'a>;
    type IntoIter = Entries<'a>;

    fn into_iter(self) -> Entries<'a> {
        self.iter()
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({}+{} of term {}, {} bytes)", self.first, self.count, self.term, self.arena.len())
    }
}

/// The entries of a [`Segment`] in order.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
    index: Index,
    term: Term,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (header, rest) = self.rest.split_first_chunk::<HEADER_BYTES>()?;
        let header = u32::from_le_bytes(*header);
        let kind = match header >> KIND_SHIFT {
            0 => EntryKind::Normal,
            1 => EntryKind::Noop,
            MEMBERSHIP => EntryKind::Membership,
            _ => return None,
        };
        let (payload, rest) = rest.split_at_checked(header as usize & PAYLOAD_BYTES_MAX)?;
        let entry = Entry { index: self.index, term: self.term, kind, payload };
        self.rest = rest;
        self.index = self.index.next();
        Some(entry)
    }
}
