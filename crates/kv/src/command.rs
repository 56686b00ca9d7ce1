//! What a client asks, what it is told, and both as bytes.

use bytes::Bytes;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// What a client asks of one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Read the value.
    Get {
        /// The key.
        key: Bytes,
    },
    /// Replace the value.
    Put {
        /// The key.
        key: Bytes,
        /// The new value.
        value: Bytes,
    },
    /// Put bytes behind the value; a missing key counts as empty.
    Append {
        /// The key.
        key: Bytes,
        /// What to put behind.
        suffix: Bytes,
    },
    /// Remove the key.
    Delete {
        /// The key.
        key: Bytes,
    },
    /// Replace the value if it is what the client expects.
    Cas {
        /// The key.
        key: Bytes,
        /// The value that the key must have; `None` for a key that must be missing.
        expected: Option<Bytes>,
        /// The value to put in its place.
        new: Bytes,
    },
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The value that a get saw; `None` for a missing key.
    Value(Option<Bytes>),
    /// The change was made.
    Done,
    /// A compare-and-set found another value, this one, and changed nothing.
    Mismatch(Option<Bytes>),
    /// The bytes are no command of this version; nothing was changed.
    Malformed(WireError),
}

/// The wire version of commands and snapshots.
pub const WIRE_VERSION: u8 = 1;

impl Command {
    /// The key that the command concerns.
    #[must_use]
    pub const fn key(&self) -> &Bytes {
        match self {
            Self::Get { key }
            | Self::Put { key, .. }
            | Self::Append { key, .. }
            | Self::Delete { key }
            | Self::Cas { key, .. } => key,
        }
    }
}

impl Wire for Command {
    const LEN_MIN: usize = 5;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::Get { key } => {
                out.u8(1);
                key.encode(out);
            }
            Self::Put { key, value } => {
                out.u8(2);
                key.encode(out);
                value.encode(out);
            }
            Self::Append { key, suffix } => {
                out.u8(3);
                key.encode(out);
                suffix.encode(out);
            }
            Self::Delete { key } => {
                out.u8(4);
                key.encode(out);
            }
            Self::Cas { key, expected, new } => {
                out.u8(5);
                key.encode(out);
                expected.encode(out);
                new.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(match input.u8()? {
            1 => Self::Get { key: input.bytes()? },
            2 => Self::Put { key: input.bytes()?, value: input.bytes()? },
            3 => Self::Append { key: input.bytes()?, suffix: input.bytes()? },
            4 => Self::Delete { key: input.bytes()? },
            5 => Self::Cas { key: input.bytes()?, expected: Wire::decode(input)?, new: input.bytes()? },
            tag => return Err(WireError::UnknownTag { of: "Command", tag }),
        })
    }
}

/// So that answers can be kept for clients that ask again ([`Sessions`](https://docs.rs/synod-raft) keeps them in its snapshots). Why a
/// command was malformed is not kept: it is read back as an impossible command.
impl Wire for Answer {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::Value(value) => {
                out.u8(1);
                value.encode(out);
            }
            Self::Done => out.u8(2),
            Self::Mismatch(found) => {
                out.u8(3);
                found.encode(out);
            }
            Self::Malformed(_) => out.u8(4),
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(match input.u8()? {
            1 => Self::Value(Wire::decode(input)?),
            2 => Self::Done,
            3 => Self::Mismatch(Wire::decode(input)?),
            4 => Self::Malformed(WireError::Invalid { field: "command" }),
            tag => return Err(WireError::UnknownTag { of: "Answer", tag }),
        })
    }
}

/// A command as it lies in a log, borrowed: a state machine reads a great many and keeps little of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View<'a> {
    Get { key: &'a [u8] },
    Put { key: &'a [u8], value: &'a [u8] },
    Append { key: &'a [u8], suffix: &'a [u8] },
    Delete { key: &'a [u8] },
    Cas { key: &'a [u8], expected: Option<&'a [u8]>, new: &'a [u8] },
}

impl<'a> View<'a> {
    /// Reads the same bytes as [`Command`]'s [`Wire`] form, and refuses the same.
    pub(crate) fn read(mut bytes: &'a [u8]) -> Result<Self, WireError> {
        let input = &mut bytes;
        let view = match take_tag(input)? {
            1 => Self::Get { key: take(input)? },
            2 => Self::Put { key: take(input)?, value: take(input)? },
            3 => Self::Append { key: take(input)?, suffix: take(input)? },
            4 => Self::Delete { key: take(input)? },
            5 => {
                let key = take(input)?;
                let expected = match take_tag(input)? {
                    0 => None,
                    1 => Some(take(input)?),
                    tag => return Err(WireError::UnknownTag { of: "Option", tag }),
                };
                Self::Cas { key, expected, new: take(input)? }
            }
            tag => return Err(WireError::UnknownTag { of: "Command", tag }),
        };
        if bytes.is_empty() { Ok(view) } else { Err(WireError::LeftOver { count: bytes.len() }) }
    }
}

fn take_tag(input: &mut &[u8]) -> Result<u8, WireError> {
    let (tag, rest) = input.split_first().ok_or(WireError::Truncated { missing: 1 })?;
    *input = rest;
    Ok(*tag)
}

fn take<'a>(input: &mut &'a [u8]) -> Result<&'a [u8], WireError> {
    let bytes: &'a [u8] = input;
    let Some((len, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(WireError::Truncated { missing: 4 - bytes.len() });
    };
    let len = u32::from_le_bytes(*len) as usize;
    let (value, rest) =
        rest.split_at_checked(len).ok_or(WireError::Truncated { missing: len.saturating_sub(rest.len()) })?;
    *input = rest;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn command() -> impl Strategy<Value = Command> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
        prop_oneof![
            bytes().prop_map(|key| Command::Get { key }),
            (bytes(), bytes()).prop_map(|(key, value)| Command::Put { key, value }),
            (bytes(), bytes()).prop_map(|(key, suffix)| Command::Append { key, suffix }),
            bytes().prop_map(|key| Command::Delete { key }),
            (bytes(), proptest::option::of(bytes()), bytes()).prop_map(|(key, expected, new)| Command::Cas {
                key,
                expected,
                new
            }),
        ]
    }

    fn owned(view: View<'_>) -> Command {
        let bytes = Bytes::copy_from_slice;
        match view {
            View::Get { key } => Command::Get { key: bytes(key) },
            View::Put { key, value } => Command::Put { key: bytes(key), value: bytes(value) },
            View::Append { key, suffix } => Command::Append { key: bytes(key), suffix: bytes(suffix) },
            View::Delete { key } => Command::Delete { key: bytes(key) },
            View::Cas { key, expected, new } => {
                Command::Cas { key: bytes(key), expected: expected.map(bytes), new: bytes(new) }
            }
        }
    }

    proptest! {
        #[test]
        fn commands_survive_the_wire(command in command()) {
            prop_assert_eq!(Command::from_bytes(command.to_bytes(WIRE_VERSION), WIRE_VERSION), Ok(command));
        }

        #[test]
        fn any_bytes_are_read_or_refused_alike_owned_and_borrowed(
            first in 0..7_u8,
            rest in proptest::collection::vec(prop_oneof![0..3_u8, any::<u8>()], 0..40),
        ) {
            let bytes = [vec![first], rest].concat();
            let borrowed = View::read(&bytes).map(owned);
            prop_assert_eq!(Command::from_bytes(bytes.into(), WIRE_VERSION), borrowed);
        }

        #[test]
        fn a_command_reads_the_same_owned_and_borrowed(command in command(), cut in any::<prop::sample::Index>()) {
            let bytes = command.to_bytes(WIRE_VERSION);
            prop_assert_eq!(View::read(&bytes).map(owned), Ok(command));
            let cut = bytes.slice(..cut.index(bytes.len()));
            prop_assert_eq!(View::read(&cut).map(owned), Command::from_bytes(cut.clone(), WIRE_VERSION));
        }

        #[test]
        fn answers_survive_the_wire(value in proptest::option::of(any::<[u8; 3]>()), kind in 0..3_u8) {
            let value = value.map(|value| Bytes::copy_from_slice(&value));
            let answer = match kind {
                0 => Answer::Value(value),
                1 => Answer::Mismatch(value),
                _ => Answer::Done,
            };
            prop_assert_eq!(Answer::from_bytes(answer.to_bytes(WIRE_VERSION), WIRE_VERSION), Ok(answer));
        }

        #[test]
        fn a_cut_command_is_refused(command in command(), cut in any::<prop::sample::Index>()) {
            let bytes = command.to_bytes(WIRE_VERSION);
            let cut = bytes.slice(..cut.index(bytes.len()));
            prop_assert!(Command::from_bytes(cut, WIRE_VERSION).is_err());
        }
    }

    #[test]
    fn the_byte_form_is_pinned() {
        let cas = Command::Cas { key: "k".into(), expected: Some("a".into()), new: "bc".into() };
        assert_eq!(&cas.to_bytes(1)[..], b"\x05\x01\0\0\0k\x01\x01\0\0\0a\x02\0\0\0bc");
        assert_eq!(&Command::Get { key: "key".into() }.to_bytes(1)[..], b"\x01\x03\0\0\0key");
        assert_eq!(&Answer::Value(Some("a".into())).to_bytes(1)[..], b"\x01\x01\x01\0\0\0a");
        assert_eq!(&Answer::Done.to_bytes(1)[..], b"\x02");
        assert_eq!(&Answer::Mismatch(None).to_bytes(1)[..], b"\x03\0");
        let malformed = Answer::Malformed(WireError::LeftOver { count: 1 }).to_bytes(1);
        let kept = Answer::Malformed(WireError::Invalid { field: "command" });
        assert_eq!((&malformed[..], Answer::from_bytes(malformed.clone(), 1)), (&b"\x04"[..], Ok(kept)));
    }
}
