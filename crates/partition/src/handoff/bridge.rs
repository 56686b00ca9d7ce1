//! From the steps of a plan to handovers.

use super::Handover;
use crate::{Assignment, Move, PartitionId, Plan, Step};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use synod_core::NodeId;

/// A partition that nobody owns: there is no one who could hand it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "{partition} has no owner who could hand it over: give it a first one, in the configuration of all nodes"
)]
pub struct Ownerless {
    /// Which one.
    pub partition: PartitionId,
}

/// The handovers that carry out the steps of a plan, beginning with who owns what now: for [`Command::Begin`](super::Command::Begin).
///
/// Of the owners of a partition it is the first one, who takes writes, that hands over: to the first one that the plan wants, as soon as a
/// step has brought a copy there; before that only if its own copy is taken away. Steps that concern no first owner hand nothing over.
/// With one copy each, handovers are moves.
///
/// A coordinator that crashes goes on by its own log. After an abort, go on from what it says who owns what:
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::{Cluster, Node};
/// use synod_partition::handoff::{Handover, handovers};
/// use synod_partition::{Assignment, Limits, Partition, PartitionId, Replication, Request};
///
/// // Node 1 is to be emptied.
/// let node = |id| Node::new(NodeId(id));
/// let cluster = Cluster::new([node(1).draining(), node(2), node(3)])?;
/// let request = Request::new(cluster, (0..2).map(|id| Partition::new(id).owned([1])), Replication::new(1))?;
/// let plan = request.plan()?;
/// let now: Assignment = [(PartitionId(0), vec![NodeId(1)]), (PartitionId(1), vec![NodeId(1)])].into_iter().collect();
/// let all = handovers(&plan, &now, &plan.steps(&request, &Limits::default()))?;
/// assert_eq!(all.concat().len(), 2);
///
/// // The first is done when the plan is given up.
/// let mut later = now;
/// let Handover { partition, to } = all[0][0];
/// later.set(partition, vec![to]);
/// let rest = plan.resume(&later)?;
/// assert_eq!(handovers(&rest, &later, &rest.steps(&request, &Limits::default()))?, all[1..]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If nobody owns a partition that a step is about.
pub fn handovers(plan: &Plan, now: &Assignment, steps: &[Step]) -> Result<Vec<Vec<Handover>>, Ownerless> {
    let mut owned: BTreeMap<PartitionId, Vec<NodeId>> = BTreeMap::new();
    let mut all = Vec::new();
    for step in steps {
        let mut handovers = Vec::new();
        for Move { partition, from, to, .. } in &step.moves {
            let partition = *partition;
            let before = || now.owners(partition).unwrap_or_default().to_vec();
            let owners = owned.entry(partition).or_insert_with(before);
            let first = *owners.first().ok_or(Ownerless { partition })?;
            owners.extend(to);
            owners.retain(|owner| Some(*owner) != *from);
            let wanted = plan.assignment.owners(partition).and_then(|planned| planned.first().copied());
            let wanted = wanted.filter(|wanted| owners.contains(wanted));
            let stays = owners.contains(&first).then_some(first);
            let next = wanted.or(stays).or(*to).or(owners.first().copied()).ok_or(Ownerless { partition })?;
            owners.retain(|owner| *owner != next);
            owners.insert(0, next);
            if next != first {
                handovers.push(Handover { partition, to: next });
            }
        }
        if !handovers.is_empty() {
            all.push(handovers);
        }
    }
    Ok(all)
}
