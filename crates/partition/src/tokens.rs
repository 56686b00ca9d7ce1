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
/// a piece of the donor's longest range, and a node that leaves divides each of its ranges between the owners on both sides, such
/// that these become as even as they can. So the fullest node has about `1 / tokens` more than the mean, however large the cluster is;
/// nothing moves between nodes that stay; and no node has more ranges than tokens for the greatest weight that it has had since it
/// joined. A leave alone costs about as much evenness again, and joins restore it: with 40 nodes of 64 tokens the fullest has 2.9 % too
/// much at worst after a leave, 9.5 % while half of the cluster is gone, one node after the other, and 0.1 % when they are back.
///
/// Weights may differ by thousands, not by more: nobody has over [`TOKENS_MAX`] tokens, so that a node which weighs a million times what the others do
/// gets less than its share, and one whose share is that much smaller may be left with nothing.
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

    /// A node joins: it takes its part by weight, in as many pieces as it has tokens, from those that have most; less where they have many short
    /// ranges. A node of weight 0 takes
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
        let wanted = (u128::from(weight) << 64) / total.max(1);
        Ok(self.take(node, wanted, self.tokens_of(weight)))
    }

    /// A node takes so much in so many pieces from those that have most for their weight.
    fn take(&mut self, node: NodeId, mut wanted: u128, tokens: u32) -> Vec<MovedRange> {
        let total = self.weight();
        let part = |weight: u64| (u128::from(weight) << 64) / total.max(1);
        // Of each donor how much it has too much, and its ranges, the longest first.
        let mut lengths: BTreeMap<NodeId, BinaryHeap<(u128, Reverse<u64>)>> = BTreeMap::new();
        for (range, owner) in self.ranges().filter(|(_, owner)| *owner != node) {
            lengths.entry(owner).or_default().push((len(&range), Reverse(*range.start())));
        }
        let owned = self.owned();
        let excess = |id: &NodeId| {
            let fair = part(self.weights.get(id).copied().unwrap_or(0));
            (owned.get(id).copied().unwrap_or(0) as i128 - fair as i128, Reverse(*id))
        };
        let mut donors: BinaryHeap<(i128, Reverse<NodeId>)> = lengths.keys().map(excess).collect();
        let mut tokens = u128::from(tokens);
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
        moved
    }

    /// A node leaves: each of its ranges is divided between the owners on both sides of it. `O(all tokens)`.
    ///
    /// # Errors
    /// If the node is not in the ring, or is the last that weighs anything.
    pub fn leave(&mut self, node: NodeId) -> Result<Vec<MovedRange>, TokenError> {
        self.can_go(node)?;
        self.weights.remove(&node);
        let mut owned = self.owned();
        let all = owned.remove(&node).unwrap_or(0);
        Ok(self.hand_over(node, all, owned))
    }

    /// A node gets another weight, with as little movement as that takes: what it has too much goes to the owners on both sides of its ranges,
    /// what it lacks comes from those that have most, or at [`TOKENS_MAX`] from those that follow it. `O(all tokens)`.
    ///
    /// ```
    /// use synod_core::NodeId;
    /// use synod_partition::Tokens;
    ///
    /// let mut ring = Tokens::new(NodeId(1), 1, 64);
    /// (2..=9).for_each(|id| drop(ring.join(NodeId(id), 1).unwrap()));
    /// let moved = ring.reweigh(NodeId(5), 2)?;                          // from a ninth to a fifth
    /// assert!(moved.iter().all(|moved| moved.to == NodeId(5)));
    /// assert!(ring.imbalance_ppm() < 30_000);
    /// # Ok::<(), synod_partition::TokenError>(())
    /// ```
    ///
    /// # Errors
    /// If the node is not in the ring, the weights become too large, or nobody would weigh anything.
    pub fn reweigh(&mut self, node: NodeId, weight: u64) -> Result<Vec<MovedRange>, TokenError> {
        let old = *self.weights.get(&node).ok_or(TokenError::Absent { node })?;
        let total = self.weight() - u128::from(old) + u128::from(weight);
        if total > u128::from(WEIGHT_MAX) {
            return Err(TokenError::Overweight);
        }
        if weight == 0 {
            self.can_go(node)?;
        }
        self.weights.insert(node, weight);
        let fair = (u128::from(weight) << 64) / total.max(1);
        let mut owned = self.owned();
        let has = owned.remove(&node).unwrap_or(0);
        if has > fair {
            return Ok(self.hand_over(node, has - fair, owned));
        }
        match self.tokens_of(weight).saturating_sub(self.tokens(node).len() as u32) {
            0 => Ok(self.extend(node, fair - has)),
            tokens => Ok(self.take(node, fair - has, tokens)),
        }
    }

    fn can_go(&self, node: NodeId) -> Result<(), TokenError> {
        if !self.weights.contains_key(&node) {
            return Err(TokenError::Absent { node });
        }
        if !self.weights.iter().any(|(other, weight)| *other != node && *weight > 0) {
            return Err(TokenError::Last { node });
        }
        Ok(())
    }

    /// A node that has all its tokens takes so much in equal parts from the ranges that follow its own.
    fn extend(&mut self, node: NodeId, mut wanted: u128) -> Vec<MovedRange> {
        let ranges: Vec<_> = self.ranges().collect();
        let follows = |pair: &&[(RangeInclusive<u64>, NodeId)]| matches!(pair, [(_, a), (_, b)] if *a == node && *b != node);
        let mut left = ranges.windows(2).filter(follows).count() as u128;
        let mut moved = Vec::new();
        for pair in ranges.windows(2).filter(follows) {
            let [(own, _), (next, from)] = pair else { continue };
            let piece = wanted.div_ceil(left.max(1)).min(len(next) - 1);
            left -= 1;
            if piece > 0 {
                let range = *next.start()..=(u128::from(*next.start()) + piece - 1) as u64;
                self.ends.remove(own.end());
                self.ends.insert(*range.end(), node);
                moved.push(MovedRange { range, from: *from, to: node });
                wanted -= piece;
            }
        }
        moved
    }

    /// A node gives up so much of what it has, at the edges of its ranges, to the owners next to these; all of it if it gives up all.
    /// `owned` is what the others have.
    fn hand_over(
        &mut self,
        node: NodeId,
        amount: u128,
        mut owned: BTreeMap<NodeId, u128>,
    ) -> Vec<MovedRange> {
        let mut runs: Vec<Run> = Vec::new();
        let mut before = None;
        for (range, owner) in self.ranges() {
            match runs.last_mut().filter(|run| run.right.is_none()) {
                Some(run) if owner == node => run.end = *range.end(),
                Some(run) => run.right = Some(owner),
                None if owner == node => {
                    let (start, end) = range.into_inner();
                    runs.push(Run { start, end, left: before, right: None, given: 0, to_left: 0 });
                }
                None => {}
            }
            before = Some(owner);
        }
        let (mut amount, mut has) =
            (amount, runs.iter().map(|run| len(&(run.start..=run.end))).sum::<u128>());
        for run in &mut runs {
            // In proportion, and such that the last one makes it exact.
            let all = len(&(run.start..=run.end));
            run.given = mul_div(all, amount, has.max(1));
            amount -= run.given;
            has -= all;
        }
        self.divide(&mut runs, &mut owned);
        let heaviest =
            || self.weights.iter().filter(|(other, _)| **other != node).max_by_key(|(_, weight)| **weight);
        let alone = heaviest().map(|(other, _)| *other);
        let mut moved = Vec::new();
        for Run { start, end, left, right, given, to_left } in runs {
            let keeps = len(&(start..=end)) - given;
            let mut ends: Vec<u64> = self.ends.range(start..=end).map(|(end, _)| *end).collect();
            // Both may be 2⁶⁴, behind the last position.
            let first = u128::from(start) + to_left;
            let last = first + keeps;
            // The tokens of what is given up go.
            let kept = first..last;
            ends.retain(|end| !kept.contains(&u128::from(*end)));
            for end in &ends {
                self.ends.remove(end);
            }
            if let (Some(left), true) = (left, to_left > 0) {
                let upto = (first - 1) as u64;
                self.ends.remove(&start.wrapping_sub(1));
                self.ends.insert(upto, left);
                moved.push(MovedRange { range: start..=upto, from: node, to: left });
            }
            if let (Some(right), true) = (right.or(alone.filter(|_| left.is_none())), given > to_left) {
                if keeps > 0 {
                    self.ends.insert((last - 1) as u64, node);
                }
                if end == u64::MAX {
                    self.ends.insert(end, right);
                }
                moved.push(MovedRange { range: last as u64..=end, from: node, to: right });
            }
        }
        moved.sort_by_key(|moved| *moved.range.start());
        moved
    }

    /// Divides what is given up in each run between both sides, so that all become as even for their weights as they can: one run
    /// after the other, again and again. Each step makes the sum of squares less, which has one minimum.
    fn divide(&self, runs: &mut [Run], owned: &mut BTreeMap<NodeId, u128>) {
        const ROUNDS: usize = 24;
        let mut give = |to: Option<NodeId>, amount: u128, back: u128| {
            if let Some(owned) = to.and_then(|to| owned.get_mut(&to)) {
                *owned = *owned + amount - back;
            }
            to.and_then(|to| owned.get(&to)).copied().unwrap_or(0)
        };
        for run in &mut *runs {
            run.to_left = match (run.left, run.right) {
                (None, _) => 0,
                (_, None) => run.given,
                _ => run.given / 2,
            };
            give(run.left, run.to_left, 0);
            give(run.right, run.given - run.to_left, 0);
        }
        let weight =
            |node: Option<NodeId>| node.and_then(|node| self.weights.get(&node)).copied().unwrap_or(0);
        for _ in 0..ROUNDS {
            for run in &mut *runs {
                if run.left.is_none() || run.right.is_none() || run.left == run.right {
                    continue;
                }
                let (heavy, light) = (i128::from(weight(run.left)), i128::from(weight(run.right)));
                let left = give(run.left, 0, run.to_left) as i128;
                let right = give(run.right, 0, run.given - run.to_left) as i128;
                // (left + x) / heavy = (right + given − x) / light
                let even = (heavy * (right + run.given as i128) - light * left) / (heavy + light).max(1);
                run.to_left = even.clamp(0, run.given as i128) as u128;
                give(run.left, run.to_left, 0);
                give(run.right, run.given - run.to_left, 0);
            }
        }
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

/// `a · b / c` rounded down, for `a` and `b` up to `c` up to 2⁶⁴.
fn mul_div(a: u128, b: u128, c: u128) -> u128 {
    if b >= c { a } else { a * b / c }
}

/// Ranges of one node in a row, what it gives up of them, and how much of that to the owner on the left.
struct Run {
    start: u64,
    end: u64,
    left: Option<NodeId>,
    right: Option<NodeId>,
    given: u128,
    to_left: u128,
}
