//! A plan in steps that can be carried out one after the other, each safe in itself.

use super::{Assignment, Move, Plan, Request};
use crate::PartitionId;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cmp::Reverse;
use synod_core::NodeId;

/// How much may be under way at a time.
///
/// ```
/// use synod_partition::Limits;
/// let limits = Limits { per_node_max: 2, ..Limits::default() };
/// assert_eq!((limits.moves_max, limits.size_per_node_max), (usize::MAX, u64::MAX));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Limits {
    /// Moves in all.
    pub moves_max: usize,
    /// Moves that a node takes part in, as giver or as taker.
    pub per_node_max: usize,
    /// How much a node sends and receives together, in the unit of the partitions' sizes. A partition that is larger moves alone.
    pub size_per_node_max: u64,
}

impl Default for Limits {
    /// One move at a time for each node, and nothing else.
    fn default() -> Self {
        Self { moves_max: usize::MAX, per_node_max: 1, size_per_node_max: u64::MAX }
    }
}

/// Moves that may be under way together. Within a move the order is: copy, then add the new owner, then remove the old one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Step {
    /// The moves, each of another partition.
    pub moves: Vec<Move>,
}

/// A step that is not safe, or not what was planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum StepFlaw {
    /// Fewer owners than before, and than there should be.
    #[error("step {step}: {partition} has {owners} owners during the move: add the new one first")]
    Copies {
        /// Which step, from 0.
        step: usize,
        /// Which partition.
        partition: PartitionId,
        /// How many owners it has.
        owners: usize,
    },
    /// Two sets of owners in a row whose majorities need not meet.
    #[error(
        "step {step}: majorities of the owners of {partition} before and after need not meet: move one replica at a time"
    )]
    Overlap {
        /// Which step.
        step: usize,
        /// Which partition.
        partition: PartitionId,
    },
    /// A partition that was spread over the zones is so no more.
    #[error("step {step}: {partition} stands too close together after the move, and did not before")]
    Spread {
        /// Which step.
        step: usize,
        /// Which partition.
        partition: PartitionId,
    },
    /// More than may be under way.
    #[error("step {step}: more is under way than the limits allow")]
    Limits {
        /// Which step.
        step: usize,
    },
    /// A move from a node that does not have the partition, or to one that does.
    #[error("step {step}: {partition} is not where the move expects it: plan anew, or resume")]
    Elsewhere {
        /// Which step.
        step: usize,
        /// Which partition.
        partition: PartitionId,
    },
    /// The steps do not end where the plan does.
    #[error("after the last step {partition} is not owned as planned")]
    End {
        /// Which partition.
        partition: PartitionId,
    },
}

/// Where a plan that was interrupted cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{partition} is owned neither as before the plan nor as after it: somebody else moved it; plan anew")]
pub struct Diverged {
    /// The partition.
    pub partition: PartitionId,
}

impl Plan {
    /// The moves in steps. What restores missing copies comes first, then what empties nodes, then the heaviest givers' largest partitions:
    /// the node that suffers most is served first, not the one that has most room (ScyllaDB 16935). `O(steps · moves · log)`.
    #[must_use]
    pub fn steps(&self, request: &Request, limits: &Limits) -> Vec<Step> {
        let cluster = request.cluster();
        let mut given: BTreeMap<NodeId, u128> = BTreeMap::new();
        for each in &self.moves {
            if let Some(from) = each.from {
                *given.entry(from).or_default() += u128::from(each.size) + 1;
            }
        }
        let urgency = |each: &Move| {
            let empties =
                each.from.and_then(|from| cluster.find(from)).is_some_and(|ix| cluster.share(ix) == 0);
            let heaviest = each.from.and_then(|from| given.get(&from)).copied().unwrap_or(0);
            (each.from.is_some(), !empties, Reverse(heaviest), Reverse(each.size), each.partition)
        };
        // Of each partition only the first move stands in the queue; the next one follows when it is done.
        let mut later: BTreeMap<PartitionId, Vec<Move>> = BTreeMap::new();
        for each in self.moves.iter().rev() {
            later.entry(each.partition).or_default().push(*each);
        }
        let mut queue: Vec<Move> = later.values_mut().filter_map(Vec::pop).collect();
        let mut steps = Vec::new();
        while !queue.is_empty() {
            queue.sort_by_key(urgency);
            let mut load = Load::default();
            let mut step = Step::default();
            queue.retain(|each| {
                let starts = load.admits(each, limits);
                if starts {
                    load.add(each);
                    step.moves.push(*each);
                }
                !starts
            });
            if step.moves.is_empty() {
                // Limits of zero: one at a time is the least that gets anywhere.
                step.moves.extend(queue.drain(..1));
            }
            queue.extend(step.moves.iter().filter_map(|done| later.get_mut(&done.partition)?.pop()));
            steps.push(step);
        }
        steps
    }

    /// What is left to do of the plan where a crash has interrupted it, given who owns what now.
    ///
    /// It needs no journal: each move is a change of owners, and these say how far it got. A move that has added the new owner and not yet
    /// removed the old one is left as a removal.
    ///
    /// # Errors
    /// If a partition is owned in a way that the plan does not pass through.
    pub fn resume(&self, now: &Assignment) -> Result<Self, Diverged> {
        let mut moves = Vec::new();
        for each in &self.moves {
            let Move { partition, from, to, .. } = *each;
            let owners = now.owners(partition).ok_or(Diverged { partition })?;
            let planned = self.assignment.owners(partition).ok_or(Diverged { partition })?;
            let has = |node: Option<NodeId>| node.is_some_and(|node| owners.contains(&node));
            let left = match (has(from), has(to), to) {
                (_, false, Some(_)) if has(from) || from.is_none() => Some(*each),
                // The giver is gone altogether: what is left is to make the copy.
                (false, false, Some(_)) if owners.len() < planned.len() => Some(Move { from: None, ..*each }),
                (false, false, Some(_)) => return Err(Diverged { partition }),
                (true, _, _) => Some(Move { to: None, size: 0, ..*each }),
                _ => None,
            };
            moves.extend(left);
        }
        for (partition, owners) in now.iter() {
            let known = |node: &NodeId| {
                let planned = self.assignment.owners(partition).is_some_and(|planned| planned.contains(node));
                planned || moves.iter().any(|each| each.partition == partition && each.from == Some(*node))
            };
            if owners.iter().any(|node| !known(node)) {
                return Err(Diverged { partition });
            }
        }
        Ok(Self { moves, ..self.clone() })
    }
}

/// What is under way in a step.
#[derive(Default)]
struct Load {
    nodes: BTreeMap<NodeId, (usize, u64)>,
    moves: usize,
}

impl Load {
    fn admits(&self, each: &Move, limits: &Limits) -> bool {
        let room = |node: &NodeId| {
            let (moves, size) = self.nodes.get(node).copied().unwrap_or((0, 0));
            moves < limits.per_node_max
                && (moves == 0 || size.saturating_add(each.size) <= limits.size_per_node_max)
        };
        self.moves < limits.moves_max && each.from.iter().chain(&each.to).all(room)
    }

    fn add(&mut self, each: &Move) {
        self.moves += 1;
        for node in each.from.iter().chain(&each.to) {
            let (moves, size) = self.nodes.entry(*node).or_default();
            *moves += 1;
            *size = size.saturating_add(each.size);
        }
    }
}

/// Walks through steps as they would be carried out, and sees whether each is safe: copies, overlapping majorities, spread, limits, and
/// that they end as planned. It shares no code with [`Plan::steps`].
///
/// # Errors
/// The first thing that is not so.
pub fn audit(request: &Request, plan: &Plan, steps: &[Step], limits: &Limits) -> Result<(), StepFlaw> {
    let cluster = request.cluster();
    let mut now: BTreeMap<PartitionId, BTreeSet<NodeId>> =
        request.partitions().iter().map(|p| (p.id, p.owners.iter().copied().collect())).collect();
    let alive =
        |owners: &BTreeSet<NodeId>| owners.iter().filter(|node| cluster.find(**node).is_some()).count();
    let asked = request.spread();
    let spread = |owners: &BTreeSet<NodeId>| {
        let mut zones: BTreeMap<u32, usize> = BTreeMap::new();
        for ix in owners.iter().filter_map(|node| cluster.find(*node)) {
            *zones.entry(asked.zone(cluster, ix)).or_default() += 1;
        }
        let (total, copies) = (zones.values().sum::<usize>(), usize::from(asked.copies()));
        let close = zones.values().any(|count| *count > asked.per_zone().into());
        total >= copies && zones.len() >= asked.zones().into() && (total > copies || !close)
    };
    for (step, Step { moves }) in steps.iter().enumerate() {
        let touched: BTreeSet<PartitionId> = moves.iter().map(|each| each.partition).collect();
        if touched.len() < moves.len() || !within(moves, limits) {
            return Err(StepFlaw::Limits { step });
        }
        for each in moves {
            let partition = each.partition;
            let owners = now.get_mut(&partition).ok_or(StepFlaw::Elsewhere { step, partition })?;
            let before = owners.clone();
            if each.to.is_some_and(|to| !owners.insert(to)) {
                return Err(StepFlaw::Elsewhere { step, partition });
            }
            let between = owners.clone();
            if each.from.is_some_and(|from| !owners.remove(&from)) {
                return Err(StepFlaw::Elsewhere { step, partition });
            }
            for (old, new) in [(&before, &between), (&between, &*owners)] {
                // Two majorities meet if and only if they are more than all nodes together.
                let both = old.union(new).count();
                let meet = old.len() / 2 + 1 + (new.len() / 2 + 1) > both;
                if !meet && !old.is_empty() {
                    return Err(StepFlaw::Overlap { step, partition });
                }
                if alive(new) < alive(old).min(request.spread().copies().into()) {
                    return Err(StepFlaw::Copies { step, partition, owners: alive(new) });
                }
            }
            if spread(&before) && !spread(owners) {
                return Err(StepFlaw::Spread { step, partition });
            }
        }
    }
    for (partition, owners) in plan.assignment.iter() {
        let planned: BTreeSet<NodeId> = owners.iter().copied().collect();
        if now.get(&partition) != Some(&planned) {
            return Err(StepFlaw::End { partition });
        }
    }
    Ok(())
}

/// Whether moves may be under way together; a single one always may.
fn within(moves: &[Move], limits: &Limits) -> bool {
    let mut nodes: BTreeMap<NodeId, Vec<u128>> = BTreeMap::new();
    for each in moves {
        for node in [each.from, each.to].into_iter().flatten() {
            nodes.entry(node).or_default().push(each.size.into());
        }
    }
    let fits = |sizes: &Vec<u128>| {
        let few = sizes.len() <= limits.per_node_max;
        few && (sizes.len() == 1 || sizes.iter().sum::<u128>() <= limits.size_per_node_max.into())
    };
    moves.len() == 1 || moves.len() <= limits.moves_max && nodes.values().all(fits)
}
