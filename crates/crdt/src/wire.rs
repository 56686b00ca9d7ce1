//! What the byte forms of all types here have in common. Their version is the link's ([`Writer::version`]); this is version 0, and its
//! bytes are pinned by `tests/crdt/wire.rs`.

use crate::{ActorId, Dot, varint};
use alloc::vec::Vec;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// The least that a dot takes.
pub(crate) const DOT_LEN_MIN: usize = ActorId::LEN_MIN + 1;

/// The actor, and the counter in variable length: 17 to 26 bytes.
pub(crate) fn write_dot(out: &mut Writer<'_>, dot: &Dot) {
    dot.actor.encode(out);
    varint::write(out, dot.count());
}

pub(crate) fn read_dot(input: &mut Reader) -> Result<Dot, WireError> {
    let actor = ActorId::decode(input)?;
    Dot::at(actor, varint::read(input)?).ok_or(WireError::Invalid { field: "counter of a dot" })
}

pub(crate) fn write_all<T>(
    out: &mut Writer<'_>,
    items: impl ExactSizeIterator<Item = T>,
    mut each: impl FnMut(&mut Writer<'_>, T),
) {
    varint::write(out, items.len() as u64);
    for item in items {
        each(out, item);
    }
}

/// Elements of at least `len_min` bytes, as many as the prefix says and the input can hold.
pub(crate) fn read_all<T>(
    input: &mut Reader,
    len_min: usize,
    mut each: impl FnMut(&mut Reader) -> Result<T, WireError>,
) -> Result<Vec<T>, WireError> {
    let count = varint::count(input, len_min)?;
    // What an element takes in memory may be more than on the wire; room is made as elements come.
    let mut items = Vec::with_capacity(count.min(1_024));
    for _ in 0..count {
        items.push(each(input)?);
    }
    Ok(items)
}

/// What a value made of elements refuses: each must come after the one before, so that one value has one form.
pub(crate) const UNSORTED: WireError = WireError::Invalid { field: "order of elements" };
