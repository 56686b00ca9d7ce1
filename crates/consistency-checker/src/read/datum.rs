//! A value as it stands in the input, the same for all formats.

use core::fmt;

/// A value as it stands in the input, the same for all formats.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Datum {
    /// `nil`, `null`, or absent.
    Nil,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A string.
    Text(String),
    /// A keyword or symbol, without the colon.
    Word(String),
    /// A list, vector, set or array.
    List(Vec<Self>),
    /// A map or object, in the order of the input.
    Map(Vec<(Self, Self)>),
    /// Anything else, as written: a float, a number that does not fit, a character.
    Other(String),
}

impl Datum {
    /// The text of a string, keyword or symbol.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Word(text) => Some(text),
            _ => None,
        }
    }

    /// The two elements of a list of two.
    #[must_use]
    pub fn pair(&self) -> Option<(&Self, &Self)> {
        match self {
            Self::List(items) => match items.as_slice() {
                [first, second] => Some((first, second)),
                _ => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for Datum {
    /// Close to EDN; long values are cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(text) => write!(f, "{:?}", text.chars().take(40).collect::<String>()),
            Self::Word(word) => write!(f, ":{}", word.chars().take(40).collect::<String>()),
            Self::List(items) => write!(f, "a list of {}", items.len()),
            Self::Map(items) => write!(f, "a map of {}", items.len()),
            Self::Other(text) => f.write_str(&text.chars().take(40).collect::<String>()),
        }
    }
}
