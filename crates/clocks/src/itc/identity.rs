//! Shares of the interval: binary trees whose leaves are owned or not.

use super::{DEPTH_MAX, ItcError};
use alloc::boxed::Box;
use core::fmt;
use core::mem::take;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// In normal form: no node has two leaves of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    #[default]
    None,
    Whole,
    Node(Box<(Self, Self)>),
}

impl Identity {
    pub(super) fn node(left: Self, right: Self) -> Self {
        match (left, right) {
            (Self::None, Self::None) => Self::None,
            (Self::Whole, Self::Whole) => Self::Whole,
            (left, right) => Self::Node(Box::new((left, right))),
        }
    }

    /// Two halves of it: the paper's "split".
    pub(super) fn split(self) -> (Self, Self) {
        match self {
            Self::None => (Self::None, Self::None),
            Self::Whole => (Self::node(Self::Whole, Self::None), Self::node(Self::None, Self::Whole)),
            Self::Node(halves) => match *halves {
                (Self::None, right) => {
                    let (first, second) = right.split();
                    (Self::node(Self::None, first), Self::node(Self::None, second))
                }
                (left, Self::None) => {
                    let (first, second) = left.split();
                    (Self::node(first, Self::None), Self::node(second, Self::None))
                }
                (left, right) => (Self::node(left, Self::None), Self::node(Self::None, right)),
            },
        }
    }

    /// Both shares.
    pub(super) fn sum(self, other: Self) -> Result<Self, ItcError> {
        match (self, other) {
            (Self::None, other) | (other, Self::None) => Ok(other),
            (Self::Node(mine), Self::Node(theirs)) => {
                let ((left, right), (others_left, others_right)) = (*mine, *theirs);
                Ok(Self::node(left.sum(others_left)?, right.sum(others_right)?))
            }
            _ => Err(ItcError::Overlap),
        }
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => false,
            (Self::Node(mine), Self::Node(theirs)) => {
                mine.0.overlaps(&theirs.0) || mine.1.overlaps(&theirs.1)
            }
            _ => true,
        }
    }

    /// The part of the interval that is not in it.
    pub(super) fn rest(self) -> Self {
        match self {
            Self::None => Self::Whole,
            Self::Whole => Self::None,
            Self::Node(mut halves) => {
                let (left, right) = &mut *halves;
                (*left, *right) = (take(left).rest(), take(right).rest());
                Self::Node(halves)
            }
        }
    }

    pub(super) fn depth(&self) -> usize {
        match self {
            Self::None | Self::Whole => 0,
            Self::Node(halves) => 1 + halves.0.depth().max(halves.1.depth()),
        }
    }

    pub(super) fn nodes(&self) -> usize {
        match self {
            Self::None | Self::Whole => 1,
            Self::Node(halves) => 1 + halves.0.nodes() + halves.1.nodes(),
        }
    }

    fn decode_below(input: &mut Reader, depth: usize) -> Result<Self, WireError> {
        match input.u8()? {
            0 => Ok(Self::None),
            1 => Ok(Self::Whole),
            2 if depth < DEPTH_MAX => {
                let left = Self::decode_below(input, depth + 1)?;
                let node = Self::node(left, Self::decode_below(input, depth + 1)?);
                if matches!(node, Self::Node(_)) {
                    Ok(node)
                } else {
                    Err(WireError::Invalid { field: "identity that is not in normal form" })
                }
            }
            2 => Err(WireError::Invalid { field: "depth of an identity" }),
            tag => Err(WireError::UnknownTag { of: "identity", tag }),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("0"),
            Self::Whole => f.write_str("1"),
            Self::Node(halves) => write!(f, "({}, {})", halves.0, halves.1),
        }
    }
}

/// One byte for each node, in preorder: 0 nothing, 1 all, 2 two halves.
impl Wire for Identity {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::None => out.u8(0),
            Self::Whole => out.u8(1),
            Self::Node(halves) => {
                out.u8(2);
                halves.0.encode(out);
                halves.1.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Self::decode_below(input, 0)
    }
}
