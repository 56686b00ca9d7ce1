//! What is known: a function over the interval, as a binary tree whose values add up along the way down.

use super::identity::Identity;
use super::{DEPTH_MAX, ItcError};
use alloc::boxed::Box;
use core::fmt;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// In normal form: below a node one half begins with zero, and two leaves differ. So the value of a node is the least value of the function
/// there, and equal functions are equal trees. Sums along all ways fit into 64 bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Event {
    base: u64,
    halves: Option<Box<(Self, Self)>>,
}

impl Event {
    pub(super) const ZERO: Self = Self::leaf(0);

    const fn leaf(base: u64) -> Self {
        Self { base, halves: None }
    }

    /// Whether the function is nowhere above another: all that is known here is known there.
    pub(super) fn is_below(&self, other: &Self) -> bool {
        Self::below(self, 0, other, 0)
    }

    /// The same for subtrees that begin at these sums.
    fn below(mine: &Self, my_sum: u64, theirs: &Self, their_sum: u64) -> bool {
        let (my_sum, their_sum) = (my_sum + mine.base, their_sum + theirs.base);
        if my_sum > their_sum {
            return false; // the other's value is its least, in normal form
        }
        match (&mine.halves, &theirs.halves) {
            (None, _) => true,
            (Some(mine), None) => {
                let flat = Self::ZERO;
                Self::below(&mine.0, my_sum, &flat, their_sum)
                    && Self::below(&mine.1, my_sum, &flat, their_sum)
            }
            (Some(mine), Some(theirs)) => {
                Self::below(&mine.0, my_sum, &theirs.0, their_sum)
                    && Self::below(&mine.1, my_sum, &theirs.1, their_sum)
            }
        }
    }

    /// The greater of both at each point: all that is known here or there.
    pub(super) fn merge(&mut self, other: &Self) {
        self.raise(other, 0, 0);
    }

    /// The same for subtrees that begin at these sums above a common point: one of the two is zero.
    fn raise(&mut self, other: &Self, mine: u64, theirs: u64) {
        // Relative to the common point. Sums along ways fit into 64 bits, so these do.
        let (my_base, their_base) = (self.base + mine, other.base + theirs);
        match (&mut self.halves, &other.halves) {
            (None, None) => self.base = my_base.max(their_base),
            (None, Some(_)) if other.max() + theirs <= my_base => self.base = my_base,
            (Some(_), None) if their_base <= my_base => self.base = my_base,
            (_, halves) => {
                let my_halves = self.halves.get_or_insert_with(|| Box::new((Self::ZERO, Self::ZERO)));
                let least = my_base.min(their_base);
                let (mine, theirs) = (my_base - least, their_base - least);
                let flat = (Self::ZERO, Self::ZERO);
                let other = halves.as_deref().unwrap_or(&flat);
                my_halves.0.raise(&other.0, mine, theirs);
                my_halves.1.raise(&other.1, mine, theirs);
                self.base = least;
                self.normalise();
            }
        }
    }

    /// Restores the normal form of this node, whose halves are in it.
    fn normalise(&mut self) {
        let Some(halves) = &mut self.halves else { return };
        let least = halves.0.base.min(halves.1.base);
        halves.0.base -= least;
        halves.1.base -= least;
        self.base += least;
        if halves.0 == halves.1 && halves.0.halves.is_none() {
            self.halves = None;
        }
    }

    /// The greatest value of the function.
    fn max(&self) -> u64 {
        self.base + self.halves.as_ref().map_or(0, |halves| halves.0.max().max(halves.1.max()))
    }

    /// An event: the function grows somewhere within the share, and nowhere else.
    pub(super) fn inflate(&mut self, share: &Identity) -> Result<(), ItcError> {
        if *share == Identity::None {
            return Err(ItcError::Anonymous);
        }
        if self.max() == u64::MAX {
            return Err(ItcError::Exhausted);
        }
        // First where it makes the tree simpler; if there is no such place, where it costs the fewest new nodes.
        if !self.fill(share) {
            self.grow(share);
        }
        Ok(())
    }

    /// The paper's "fill": raises what is owned as far as a simpler tree needs. Says whether anything grew.
    fn fill(&mut self, share: &Identity) -> bool {
        let Some(halves) = &mut self.halves else { return false };
        let (left, right) = &mut **halves;
        let grew = match share {
            Identity::None => return false,
            Identity::Whole => {
                *self = Self::leaf(self.max());
                return true;
            }
            Identity::Node(shares) => match &**shares {
                (Identity::Whole, share) => {
                    let grew = right.fill(share);
                    let target = left.max().max(right.base);
                    left.flatten(target) || grew
                }
                (share, Identity::Whole) => {
                    let grew = left.fill(share);
                    let target = right.max().max(left.base);
                    right.flatten(target) || grew
                }
                (left_share, right_share) => {
                    let grew = left.fill(left_share);
                    right.fill(right_share) || grew
                }
            },
        };
        self.normalise();
        grew
    }

    /// Becomes a leaf of this value. Says whether that is a change.
    fn flatten(&mut self, value: u64) -> bool {
        let changes = self.halves.is_some() || self.base != value;
        *self = Self::leaf(value);
        changes
    }

    /// The paper's "grow": one more at the place where the fewest nodes are added.
    fn grow(&mut self, share: &Identity) {
        let Identity::Node(shares) = share else {
            // Owned as a whole, and filled before: a leaf. (Nothing owned is never asked for.)
            self.base += 1;
            return;
        };
        let halves = self.halves.get_or_insert_with(|| Box::new((Self::ZERO, Self::ZERO)));
        if halves.0.cost(&shares.0) < halves.1.cost(&shares.1) {
            halves.0.grow(&shares.0);
        } else {
            halves.1.grow(&shares.1);
        }
        self.normalise();
    }

    /// What growing within a share costs: new nodes first, depth second. More than any other where nothing is owned.
    fn cost(&self, share: &Identity) -> (u32, u32) {
        match (share, self.halves.as_deref()) {
            (Identity::None, _) => (u32::MAX, u32::MAX),
            (Identity::Whole, _) => (0, 0),
            (Identity::Node(shares), halves) => {
                let flat = (Self::ZERO, Self::ZERO);
                let new = u32::from(halves.is_none());
                let halves = halves.unwrap_or(&flat);
                let (nodes, depth) = halves.0.cost(&shares.0).min(halves.1.cost(&shares.1));
                (nodes.saturating_add(new), depth.saturating_add(1))
            }
        }
    }

    pub(super) fn nodes(&self) -> usize {
        1 + self.halves.as_ref().map_or(0, |halves| halves.0.nodes() + halves.1.nodes())
    }

    /// Decodes a subtree at this depth, whose way from the root adds up to `sum`.
    fn decode_below(input: &mut Reader, depth: usize, sum: u64) -> Result<Self, WireError> {
        let invalid = |field| Err(WireError::Invalid { field });
        let head = input.u8()?;
        let len = usize::from(head >> 1);
        if len > 8 {
            return Err(WireError::UnknownTag { of: "event tree", tag: head });
        }
        let mut bytes = [0; 8];
        for byte in bytes.iter_mut().take(len) {
            *byte = input.u8()?;
        }
        let base = u64::from_le_bytes(bytes);
        if len_of(base) != len {
            return invalid("length of a value in an event tree");
        }
        let Some(sum) = sum.checked_add(base) else { return invalid("sum along an event tree") };
        if head & 1 == 0 {
            return Ok(Self::leaf(base));
        }
        if depth == DEPTH_MAX {
            return invalid("depth of an event tree");
        }
        let left = Self::decode_below(input, depth + 1, sum)?;
        let right = Self::decode_below(input, depth + 1, sum)?;
        let same = left == right && left.halves.is_none();
        if same || left.base.min(right.base) > 0 {
            return invalid("event tree that is not in normal form");
        }
        Ok(Self { base, halves: Some(Box::new((left, right))) })
    }
}

/// How many bytes a value needs.
fn len_of(value: u64) -> usize {
    (u64::BITS - value.leading_zeros()).div_ceil(8) as usize
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.halves {
            None => write!(f, "{}", self.base),
            Some(halves) => write!(f, "({}, {}, {})", self.base, halves.0, halves.1),
        }
    }
}

/// In preorder. Each node: a byte whose lowest bit says whether halves follow, and the others how many bytes the value takes; then
/// the value, as short as it can be.
impl Wire for Event {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        let len = len_of(self.base);
        out.u8((len as u8) << 1 | u8::from(self.halves.is_some()));
        self.base.to_le_bytes().iter().take(len).for_each(|byte| out.u8(*byte));
        if let Some(halves) = &self.halves {
            halves.0.encode(out);
            halves.1.encode(out);
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Self::decode_below(input, 0, 0)
    }
}
