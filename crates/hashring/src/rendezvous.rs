//! Rendezvous hashing: every node draws for the key, and the best draw wins (Thaler and Ravishankar 1998). No state, no excess,
//! weights exact; the time is proportional to the number of nodes.

use crate::placement::Placement;
use crate::{Cluster, HashFn, NodeIx, PlacementError};
use alloc::vec::Vec;
use core::hint::select_unpredictable;

/// Highest random weight, with weights: of each node's draw `u`, uniform between 0 and 1, the greatest `weight / −ln u` wins
/// (Schindelhauer and Schomaker 2005), computed in integers, so that all platforms agree.
///
/// A change of one weight moves keys to or from that node alone. Nodes of equal weight are told apart by the draw alone, in a loop that
/// compilers turn into vector instructions: `RUSTFLAGS="-C target-cpu=native"` is worth a factor of several.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Cluster, HashFn, Node, Placement, Rendezvous, Spread};
///
/// let heavy = Cluster::equal(4).changed(Node::new(NodeId(2)).weighing(3))?;
/// let placement = Rendezvous::new(heavy, HashFn::default())?;
/// let keys = (0..6000).map(|key| HashFn::default().hash_u64(key));
/// let of_2 = keys.filter(|key| placement.owner(*key) == NodeId(2)).count();
/// assert!((2850..3150).contains(&of_2));                                  // half of them
/// let three: Vec<_> = placement.owners(7, Spread::copies(3))?.collect();
/// assert_eq!((three.len(), three[0]), (3, placement.owner(7)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rendezvous {
    cluster: Cluster,
    hash: HashFn,
    /// What is mixed into a key for each node that may own it.
    seeds: Vec<u64>,
    /// The weights of the same nodes; none where all are equal.
    weights: Vec<u64>,
    /// The same nodes, where some of the cluster may own nothing; none where all may.
    nodes: Vec<NodeIx>,
}

/// Bits of a draw that are left for the place of its node, so that a single number says both.
const PLACE: u64 = 24;

impl Rendezvous {
    /// Among these nodes.
    ///
    /// # Errors
    /// If none of them may own a key.
    pub fn new(cluster: Cluster, hash: HashFn) -> Result<Self, PlacementError> {
        let mut nodes: Vec<_> = cluster.owners().collect();
        let first = nodes.first().ok_or(PlacementError::Nobody)?;
        let weight = cluster.share(*first);
        let seeds = nodes.iter().map(|node| hash.seed_of(cluster.id(*node))).collect();
        let mut weights: Vec<_> = nodes.iter().map(|node| cluster.share(*node)).collect();
        if weights.iter().all(|other| *other == weight) {
            weights.clear();
        }
        if nodes.len() == cluster.len() {
            nodes.clear();
        }
        Ok(Self { cluster, hash, seeds, weights, nodes })
    }

    #[inline]
    fn node(&self, at: u64) -> NodeIx {
        self.nodes.get(at as usize).copied().unwrap_or(NodeIx(at as u32))
    }

    /// The best score below `bound`; a score is a cost (the less the better) and the place.
    fn best(&self, position: u64, bound: Option<Score>) -> Option<Score> {
        let mut best: Option<Score> = None;
        for (at, seed) in (0_u64..).zip(&self.seeds) {
            let weight = self.weights.get(at as usize).copied().unwrap_or(1);
            let draw = draw(position, *seed) >> PLACE;
            // Most draws are hopeless: the cost is at least this, and nearly this where it matters.
            let hopeless = best.as_ref().is_some_and(|best| {
                u128::from(cost_at_least(draw)) * u128::from(best.weight)
                    > u128::from(best.cost) * u128::from(weight)
            });
            if hopeless {
                continue;
            }
            let score = Score { cost: cost(draw), weight, draw, at };
            if bound.as_ref().is_none_or(|bound| bound.beats(&score))
                && best.as_ref().is_none_or(|best| score.beats(best))
            {
                best = Some(score);
            }
        }
        best
    }
}

impl Placement for Rendezvous {
    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn hash_fn(&self) -> HashFn {
        self.hash
    }

    #[inline]
    fn place(&self, position: u64) -> NodeIx {
        if self.weights.is_empty() {
            self.node(place_of(greatest(position, &self.seeds)))
        } else {
            self.best(position, None).map_or(NodeIx(0), |score| self.node(score.at))
        }
    }

    /// All nodes by their scores; each step takes as long as a look-up.
    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        let mut last: Option<Score> = None;
        core::iter::from_fn(move || {
            last = Some(self.best(position, last)?);
            last.map(|score| self.node(score.at))
        })
    }
}

/// What a node draws for a key: all 64 bits of both go into the upper 40.
#[inline]
const fn draw(position: u64, seed: u64) -> u64 {
    let word = (position ^ seed).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (word ^ (word >> 32)).wrapping_mul(0x94d0_49bb_1331_11eb)
}

/// The greatest draw, with the place of its node in the lower bits; of equal draws that of the first.
///
/// Products of 64 bits are what this costs. Where vectors have them (AVX-512DQ), or enough of 32 bits at a time (AVX2), several draws are
/// made at once; before that one at a time is quicker.
#[inline]
fn greatest(position: u64, seeds: &[u64]) -> u64 {
    const LOW: u64 = (1 << PLACE) - 1;
    let score = |seed: u64, at: u64| (draw(position, seed) & !LOW) | (LOW - at);
    if cfg!(target_feature = "avx2") {
        const LANES: usize = 32;
        let mut best = [0; LANES];
        let mut places: [u64; LANES] = core::array::from_fn(|lane| lane as u64);
        let (chunks, rest) = seeds.as_chunks::<LANES>();
        for chunk in chunks {
            for ((best, place), seed) in best.iter_mut().zip(&mut places).zip(chunk) {
                *best = (*best).max(score(*seed, *place));
                *place += LANES as u64;
            }
        }
        let first = (chunks.len() * LANES) as u64;
        let rest = (first..).zip(rest).map(|(at, seed)| score(*seed, at));
        return best.into_iter().chain(rest).max().unwrap_or(0);
    }
    // Among the first ones a greater draw is found often, and nobody can foresee where; then hardly ever.
    const OFTEN: usize = 32;
    let (mut best, mut place) = (0, 0);
    for (at, seed) in (0..).zip(seeds.iter().take(OFTEN)) {
        let draw = draw(position, *seed) | LOW;
        (best, place) = select_unpredictable(draw > best, (draw, at), (best, place));
    }
    for (at, seed) in (OFTEN as u64..).zip(seeds.iter().skip(OFTEN)) {
        let draw = draw(position, *seed) | LOW;
        if draw > best {
            (best, place) = (draw, at);
            seldom();
        }
    }
    best - place
}

/// Where this is called is seldom come to: lest the loop choose instead of branch, which takes half as long again.
#[cold]
#[inline]
const fn seldom() {}

#[inline]
const fn place_of(score: u64) -> u64 {
    const LOW: u64 = (1 << PLACE) - 1;
    LOW - (score & LOW)
}

/// `cost / weight` is exponentially distributed with a rate that is the weight; the least wins.
#[derive(Clone, Copy)]
struct Score {
    cost: u64,
    weight: u64,
    draw: u64,
    at: u64,
}

impl Score {
    /// Whether this one comes before the other: by cost, by draw, by place.
    #[inline]
    fn beats(&self, other: &Self) -> bool {
        let ours = u128::from(self.cost) * u128::from(other.weight);
        let theirs = u128::from(other.cost) * u128::from(self.weight);
        ours.cmp(&theirs).then(other.draw.cmp(&self.draw)).then(self.at.cmp(&other.at)).is_lt()
    }
}

/// `−log₂((draw + ½) / 2⁴⁰)` in units of 2⁻⁵⁶, for a draw of 40 bits: greater draws never cost more.
pub(crate) fn cost(draw: u64) -> u64 {
    const ONE: u64 = 1 << 56;
    let odd = (2 * draw) | 1; // of 41 bits
    let whole = u64::from(odd.leading_zeros()) - 23;
    // m in [1, 2), as 1 + t / 2^63, and the binary logarithm of it.
    let fraction = log2(odd << odd.leading_zeros());
    (whole + 1) * ONE - fraction
}

/// Never above [`cost`]: `−log₂ u ≥ (1 − u) / ln 2`, with 1477/1024 a little below `1 / ln 2`, and some units for rounding.
#[inline]
fn cost_at_least(draw: u64) -> u64 {
    let odd = (2 * draw) | 1;
    ((((1_u64 << 41) - odd) * 1477) << 5).saturating_sub(16)
}

/// `log₂(m / 2⁶³) × 2⁵⁶` for m with its highest bit set: by table for the first eight bits behind it, by a series for the rest.
fn log2(m: u64) -> u64 {
    // ln(1 + x) = x − x²/2 + x³/3 − x⁴/4 …, at x < 2⁻⁷.
    let at = (m >> 56) as usize & 0x7f;
    let (centre, log) = LOGS.get(at).copied().unwrap_or((1 << 63, 0));
    // x = (m − c) / c, in units of 2^-63; c is at most m.
    let x = (u128::from(m - centre) << 63) / u128::from(centre);
    let times = |a: u128, b: u128| (a * b) >> 63;
    let (x2, x3) = (times(x, x), times(times(x, x), x));
    let (x4, x5) = (times(x2, x2), times(x2, x3));
    let (x6, x7) = (times(x3, x3), times(x3, x4));
    let ln = (x + x3 / 3 + x5 / 5 + x7 / 7) - (x2 / 2 + x4 / 4 + x6 / 6);
    // 1 / ln 2 in units of 2^-62.
    const PER_LN_2: u128 = 6_653_256_548_922_161_245;
    log + ((ln * PER_LN_2) >> (62 + 7)) as u64
}

/// For each of the first seven bits behind the leading one: the number that begins so, and `log₂` of it, times 2⁵⁶.
const LOGS: [(u64, u64); 128] = {
    let mut logs = [(0, 0); 128];
    let mut at = 0;
    while at < 128 {
        let centre = (1_u64 << 63) | ((at as u64) << 56);
        #[expect(clippy::indexing_slicing, reason = "const code has no `get_mut`; `at` is below the length")]
        {
            logs[at] = (centre, bitwise_log2(centre));
        }
        at += 1;
    }
    logs
};

/// The same, bit by bit: squaring doubles a logarithm (Knuth, TAOCP 1.2.2, exercise 25).
const fn bitwise_log2(m: u64) -> u64 {
    let mut m = m as u128;
    let mut log = 0;
    let mut bit = 0;
    while bit < 56 {
        m = (m * m) >> 63;
        log <<= 1;
        if m >= 1 << 64 {
            m >>= 1;
            log |= 1;
        }
        bit += 1;
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_fall_as_draws_rise_and_are_those_of_the_logarithm() {
        let exact = |draw: u64| -((draw as f64 + 0.5) / (1_u64 << 40) as f64).log2();
        let mut draws: Vec<u64> =
            (0..40).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]).collect();
        draws.extend((0..100_000).map(|at| at * 10_995_116));
        draws.extend(((1 << 40) - 1000)..1 << 40);
        draws.retain(|draw| *draw < 1 << 40);
        draws.sort_unstable();
        for pair in draws.windows(2) {
            assert!(cost(pair[0]) >= cost(pair[1]), "{pair:?}");
        }
        for draw in draws {
            let ours = cost(draw) as f64 / (1_u64 << 56) as f64;
            assert!(
                (ours - exact(draw)).abs() < 1e-12 + 1e-9 * exact(draw),
                "{draw}: {ours} {}",
                exact(draw)
            );
        }
    }

    #[test]
    fn equal_weights_choose_as_the_loop_without_weights() {
        let plain = Rendezvous::new(Cluster::equal(77), HashFn::default()).unwrap();
        let mut weighted = plain.clone();
        weighted.weights = alloc::vec![5; 77];
        for key in 0..20_000 {
            let position = HashFn::default().hash_u64(key);
            assert_eq!(plain.place(position), weighted.place(position));
        }
    }
}
