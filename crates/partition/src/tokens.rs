//! Partitions in proportion to nodes: each node brings tokens, and where they go is calculated, not drawn.

use alloc::collections::{BTreeMap, BinaryHeap};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::ops::RangeInclusive;
use synod_core::NodeId;

/// The most tokens that a node may have.
pub const TOKENS_MAX: u32 = 4_096;

/// A ring of tokens: each ends a range of positions, which belongs to the token's node.
///
/// Tokens that are drawn at random make the ring less even the larger the cluster grows (Lambov 2016): with 1,000 nodes and 256 tokens each,
/// the fullest node has a fifth more than the mean. Here a node that joins takes from those that have most for their weight, each time
/// a piece of the donor's longest range, and a node that leaves gives its ranges to those that have least. So the fullest node has about
/// `1 / tokens` more than the mean, however large the cluster is and however it came about, and nothing moves between
/// nodes that stay.
///
/// The last range ends with the last position: there is always a token at 2⁶⁴ − 1, and no range wraps around.
///
/// ```
/// use synod_core::NodeId;
/// use synod_partition::Tokens;
///
/// let mut ring = Tokens::new(NodeId(1), 1, 64);
/// for id in 2..=50 {
///     let moved = ring.join(NodeId(id), 1)?;
///     assert!(moved.iter().all(|moved| moved.to == NodeId(id)));    // a newcomer only takes
/// }
/// assert!(ring.imbalance_ppm() < 30_000);                           // 3 %
/// ring.leave(NodeId(7))?;
/// assert_ne!(ring.owner(u64::MAX), NodeId(7));
/// # Ok::<(), synod_partition::TokenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tokens {
    /// Whose range ends where; the last one at `u64::MAX`.
    ends: BTreeMap<u64, NodeId>,
    weights: BTreeMap<NodeId, u64>,
    per_weight: u32,
}

/// Positions that move.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MovedRange {
    /// Which positions.
    pub range: RangeInclusive<u64>,
    /// Who had them.
    pub from: NodeId,
    /// Who has them now.
    pub to: NodeId,
}

/// A change that the ring cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The node is there already.
    #[error("{node} is in the ring already: let it leave first")]
    Present {
        /// Which one.
        node: NodeId,
    },
    /// It is not.
    #[error("{node} is not in the ring")]
    Absent {
        /// Which one.
        node: NodeId,
    },
    /// The last node that weighs anything cannot leave.
    #[error("{node} is the last one that can own anything: let another join first")]
    Last {
        /// Which one.
        node: NodeId,
    },
    /// The weights add up to too much.
    #[error("the weights add up to more than 2⁴⁸: measure them in a larger unit")]
    Overweight,
}

const WEIGHT_MAX: u64 = 1 << 48;

impl Tokens {
    /// A ring of one node, of this weight (1 at least), with so many tokens for each unit of weight.
    #[must_use]
    pub fn new(first: NodeId, weight: u64, per_weight: u32) -> Self {
        let weight = weight.clamp(1, WEIGHT_MAX);
        let mut ring = Self {
            ends: BTreeMap::from([(u64::MAX, first)]),
            weights: BTreeMap::from([(first, weight)]),
            per_weight: per_weight.clamp(1, TOKENS_MAX),
        };
        let count = u128::from(ring.tokens_of(weight));
        ring.ends.extend((1..count).map(|at| (((at << 64) / count - 1) as u64, first)));
        ring
    }

    fn tokens_of(&self, weight: u64) -> u32 {
        u32::try_from(weight.saturating_mul(self.per_weight.into()))
            .unwrap_or(TOKENS_MAX)
            .clamp(1, TOKENS_MAX)
    }

    /// The owner of a position. `O(log tokens)`.
    #[must_use]
    pub fn owner(&self, position: u64) -> NodeId {
        self.ends.range(position..).next().map(|(_, node)| *node).unwrap_or_default()
    }

    /// The ranges and their owners, in order.
    pub fn ranges(&self) -> impl Iterator<Item = (RangeInclusive<u64>, NodeId)> {
        let mut start = 0;
        self.ends.iter().map(move |(end, node)| {
            let range = start..=*end;
            start = end.wrapping_add(1);
            (range, *node)
        })
    }

    /// How many positions each node owns. They add up to 2⁶⁴.
    #[must_use]
    pub fn owned(&self) -> BTreeMap<NodeId, u128> {
        let mut owned: BTreeMap<NodeId, u128> = self.weights.keys().map(|node| (*node, 0)).collect();
        for (range, node) in self.ranges() {
            *owned.entry(node).or_default() += len(&range);
        }
        owned
    }

    /// By how many millionths the fullest node has more than its part by weight.
    #[must_use]
    pub fn imbalance_ppm(&self) -> u64 {
        let total = self.weight();
        let over = |(node, owned): (&NodeId, u128)| {
            let weight = u128::from(self.weights.get(node).copied().unwrap_or(0));
            // owned / (2⁶⁴ · weight / total), less 1.
            let ratio = (owned >> 24).saturating_mul(total) / weight.max(1);
            ((ratio.saturating_mul(1_000_000)) >> 40) as u64
        };
        let owned = self.owned();
        let weighs = |node: &NodeId| self.weights.get(node).is_some_and(|weight| *weight > 0);
        let most =
            owned.iter().filter(|(node, _)| weighs(node)).map(|(node, owned)| over((node, *owned))).max();
        most.unwrap_or(1_000_000).saturating_sub(1_000_000)
    }

    fn weight(&self) -> u128 {
        self.weights.values().map(|weight| u128::from(*weight)).sum()
    }

    /// A node joins: it takes its part by weight, in as many pieces as it has tokens, from those that have most. A node of weight 0 takes
    /// nothing. `O(all tokens)`.
    ///
    /// # Errors
    /// If the node is in the ring, or the weights become too large.
    pub fn join(&mut self, node: NodeId, weight: u64) -> Result<Vec<MovedRange>, TokenError> {
        if self.weights.contains_key(&node) {
            return Err(TokenError::Present { node });
        }
        let total = self.weight() + u128::from(weight);
        if total > u128::from(WEIGHT_MAX) {
            return Err(TokenError::Overweight);
        }
        self.weights.insert(node, weight);
        let part = |weight: u64| (u128::from(weight) << 64) / total.max(1);
        // Of each donor how much it has too much, and its ranges, the longest first.
        let mut lengths: BTreeMap<NodeId, BinaryHeap<(u128, Reverse<u64>)>> = BTreeMap::new();
        for (range, owner) in self.ranges() {
            lengths.entry(owner).or_default().push((len(&range), Reverse(*range.start())));
        }
        let owned = self.owned();
        let excess = |id: &NodeId| {
            let fair = part(self.weights.get(id).copied().unwrap_or(0));
            (owned.get(id).copied().unwrap_or(0) as i128 - fair as i128, Reverse(*id))
        };
        let mut donors: BinaryHeap<(i128, Reverse<NodeId>)> = lengths.keys().map(excess).collect();
        let (mut wanted, mut tokens) = (part(weight), u128::from(self.tokens_of(weight)));
        let mut moved = Vec::new();
        while wanted > 0 && tokens > 0 {
            let Some((excess, Reverse(donor))) = donors.pop() else { break };
            let Some(ranges) = lengths.get_mut(&donor) else { continue };
            let Some((length, Reverse(start))) = ranges.pop() else { continue };
            // An equal part for each token that is left; more from who has more to give.
            let equal = wanted.div_ceil(tokens);
            let piece = (excess.max(0) as u128).clamp(equal, (2 * equal).min(wanted).max(equal)).min(length);
            let range = start..=(u128::from(start) + piece - 1) as u64;
            self.ends.insert(*range.end(), node);
            if piece < length {
                ranges.push((length - piece, Reverse(range.end() + 1)));
            }
            moved.push(MovedRange { range, from: donor, to: node });
            wanted -= piece;
            tokens -= 1;
            donors.push((excess - piece as i128, Reverse(donor)));
        }
        moved.sort_by_key(|moved| *moved.range.start());
        Ok(moved)
    }

    /// A node leaves: each of its ranges goes whole to whoever has least for its weight, the longest first. `O(all tokens)`.
    ///
    /// # Errors
    /// If the node is not in the ring, or is the last that weighs anything.
    pub fn leave(&mut self, node: NodeId) -> Result<Vec<MovedRange>, TokenError> {
        if !self.weights.contains_key(&node) {
            return Err(TokenError::Absent { node });
        }
        if !self.weights.iter().any(|(other, weight)| *other != node && *weight > 0) {
            return Err(TokenError::Last { node });
        }
        let owned = self.owned();
        self.weights.remove(&node);
        let total = self.weight();
        let mut ranges: Vec<RangeInclusive<u64>> =
            self.ranges().filter(|(_, owner)| *owner == node).map(|(range, _)| range).collect();
        ranges.sort_by_key(|range| (Reverse(len(range)), *range.start()));
        let lacks = |(id, weight): (&NodeId, &u64)| {
            let fair = (u128::from(*weight) << 64) / total.max(1);
            (fair as i128 - owned.get(id).copied().unwrap_or(0) as i128, Reverse(*id))
        };
        let mut takers: BinaryHeap<(i128, Reverse<NodeId>)> =
            self.weights.iter().filter(|(_, weight)| **weight > 0).map(lacks).collect();
        let mut moved = Vec::with_capacity(ranges.len());
        for range in ranges {
            let Some((lack, Reverse(to))) = takers.pop() else { break };
            self.ends.insert(*range.end(), to);
            takers.push((lack - len(&range) as i128, Reverse(to)));
            moved.push(MovedRange { range, from: node, to });
        }
        moved.sort_by_key(|moved| *moved.range.start());
        Ok(moved)
    }

    /// The tokens of a node, ascending: where its ranges end.
    #[must_use]
    pub fn tokens(&self, node: NodeId) -> Vec<u64> {
        self.ends.iter().filter(|(_, owner)| **owner == node).map(|(end, _)| *end).collect()
    }
}

fn len(range: &RangeInclusive<u64>) -> u128 {
    u128::from(*range.end()) - u128::from(*range.start()) + 1
}
