//! Commands and states as bytes: text, maps, and two macros that write and read fields in order.
#![allow(dead_code, unused_imports, unused_macros, reason = "each example needs a part of it")]

use core::fmt;
use core::ops::{Deref, DerefMut};
use std::collections::BTreeMap;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A name, or a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text(String);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Wire for Text {
    const LEN_MIN: usize = 4;

    fn encode(&self, out: &mut Writer<'_>) {
        out.bytes(self.0.as_bytes());
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let bytes = input.bytes()?.to_vec();
        String::from_utf8(bytes).map(Self).map_err(|_| WireError::Invalid { field: "text" })
    }
}

/// Something by name. Its order is that of the names, so equal maps have equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Map<V>(BTreeMap<Text, V>);

impl<V> Default for Map<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V> Deref for Map<V> {
    type Target = BTreeMap<Text, V>;

    fn deref(&self) -> &BTreeMap<Text, V> {
        &self.0
    }
}

impl<V> DerefMut for Map<V> {
    fn deref_mut(&mut self) -> &mut BTreeMap<Text, V> {
        &mut self.0
    }
}

impl<V: Wire> Wire for Map<V> {
    const LEN_MIN: usize = 4;

    fn encode(&self, out: &mut Writer<'_>) {
        out.count(self.len());
        for (name, value) in &self.0 {
            name.encode(out);
            value.encode(out);
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let count = input.count(Text::LEN_MIN + V::LEN_MIN)?;
        let pairs = (0..count).map(|_| Ok((Text::decode(input)?, V::decode(input)?)));
        pairs.collect::<Result<_, _>>().map(Self)
    }
}

/// The byte form of a struct: these fields, in this order.
macro_rules! fields {
    ($name:ident { $($field:ident),* }) => {
        impl synod_core::wire::Wire for $name {
            const LEN_MIN: usize = 1;

            fn encode(&self, out: &mut synod_core::wire::Writer<'_>) {
                $(self.$field.encode(out);)*
            }

            fn decode(input: &mut synod_core::wire::Reader) -> Result<Self, synod_core::wire::WireError> {
                Ok(Self { $($field: synod_core::wire::Wire::decode(input)?),* })
            }
        }
    };
}

/// The byte form of an enum: a tag, and the fields of the variant in this order.
macro_rules! variants {
    ($name:ident { $($tag:literal => $variant:ident { $($field:ident),* }),* $(,)? }) => {
        impl synod_core::wire::Wire for $name {
            const LEN_MIN: usize = 1;

            fn encode(&self, out: &mut synod_core::wire::Writer<'_>) {
                match self {
                    $(Self::$variant { $($field),* } => {
                        out.u8($tag);
                        $($field.encode(out);)*
                    })*
                }
            }

            fn decode(input: &mut synod_core::wire::Reader) -> Result<Self, synod_core::wire::WireError> {
                Ok(match input.u8()? {
                    $($tag => Self::$variant { $($field: synod_core::wire::Wire::decode(input)?),* },)*
                    tag => return Err(synod_core::wire::WireError::UnknownTag { of: stringify!($name), tag }),
                })
            }
        }
    };
}

pub(crate) use {fields, variants};
