//! What is to happen to a cluster, and the placement that follows.

use super::description::Description;
use synod_core::NodeId;
use synod_hashring::{Cluster, Node, Placed, PlacementError, Ring};

/// One change, as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Join { node: Node, at: Vec<u64> },
    Leave(NodeId),
    Drain(NodeId),
    Weigh(NodeId, u64),
}

/// `ID`, `ID@POSITION` for rings of given points, then `:WEIGHT` and `:ZONE` if wanted.
pub(super) fn joining(text: &str) -> Result<Change, String> {
    let mut parts = text.splitn(3, ':');
    let head = parts.next().unwrap_or_default();
    let (id, at) = head.split_once('@').map_or((head, None), |(id, at)| (id, Some(at)));
    let mut node = Node::new(identity(id)?);
    if let Some(weight) = parts.next() {
        node = node.weighing(number(weight, "weight")?);
    }
    if let Some(zone) = parts.next() {
        node = node.within(zone);
    }
    let at = at.map_or(Ok(Vec::new()), |at| at.split(',').map(|at| number(at, "position")).collect())?;
    Ok(Change::Join { node, at })
}

pub(super) fn leaving(text: &str) -> Result<Change, String> {
    identity(text).map(Change::Leave)
}

pub(super) fn draining(text: &str) -> Result<Change, String> {
    identity(text).map(Change::Drain)
}

/// `ID:WEIGHT`.
pub(super) fn weighing(text: &str) -> Result<Change, String> {
    let (id, weight) = text.split_once(':').ok_or("an identity and a weight are wanted: 3:20")?;
    Ok(Change::Weigh(identity(id)?, number(weight, "weight")?))
}

fn identity(text: &str) -> Result<NodeId, String> {
    number(text.strip_prefix('n').unwrap_or(text), "identity").map(NodeId)
}

fn number(text: &str, what: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is no {what}: a whole number is wanted"))
}

/// The cluster after the changes, and its placement: as the algorithm goes on from the one before.
pub(super) fn apply(
    description: &Description,
    placed: &Placed,
    changes: &[Change],
) -> Result<(Cluster, Placed), PlacementError> {
    let mut now = (description.cluster.clone(), placed.clone());
    let mut points = description.points().to_vec();
    for change in changes {
        let cluster = match change {
            Change::Join { node, at } => {
                points.extend(at.iter().map(|at| (at << (64 - description.bits), node.id)));
                now.0.with(node.clone())?
            }
            Change::Leave(id) => {
                points.retain(|(_, owner)| owner != id);
                now.0.without(*id)?
            }
            Change::Drain(id) => {
                points.retain(|(_, owner)| owner != id);
                changed(&now.0, *id, Node::draining)?
            }
            Change::Weigh(id, weight) => changed(&now.0, *id, |node| node.weighing(*weight))?,
        };
        let placed = if matches!(placed, Placed::Slots(_)) {
            // All changes at once move fewer slots than one after the other.
            now.1
        } else if points.is_empty() {
            step(description, &now.1, change, &cluster)?
        } else {
            Placed::Ring(Ring::of_points(cluster.clone(), description.config.hash, points.iter().copied())?)
        };
        now = (cluster, placed);
    }
    if let Placed::Slots(slots) = &now.1 {
        now.1 = Placed::Slots(slots.rebalanced(now.0.clone())?);
    }
    Ok(now)
}

fn changed(cluster: &Cluster, id: NodeId, change: impl Fn(Node) -> Node) -> Result<Cluster, PlacementError> {
    match cluster.nodes().iter().find(|node| node.id == id) {
        Some(node) => Ok(cluster.changed(change(node.clone()))?),
        None => Ok(cluster.without(id)?), // which says that there is none
    }
}

/// One change. What has a history is changed by its own rules, the rest is made anew.
fn step(
    description: &Description,
    placed: &Placed,
    change: &Change,
    cluster: &Cluster,
) -> Result<Placed, PlacementError> {
    Ok(match (placed.clone(), change) {
        (Placed::Jump(jump), Change::Join { node, .. }) => Placed::Jump(jump.with(node.clone())?),
        (Placed::Jump(jump), Change::Leave(id)) => Placed::Jump(jump.without(*id)?),
        (Placed::JumpBack(jump), Change::Join { node, .. }) => Placed::JumpBack(jump.with(node.clone())?),
        (Placed::JumpBack(jump), Change::Leave(id)) => Placed::JumpBack(jump.without(*id)?),
        (Placed::Anchor(mut set), Change::Join { node, .. }) => {
            set.add(node.clone())?;
            Placed::Anchor(set)
        }
        (Placed::Anchor(mut set), Change::Leave(id)) => {
            set.remove(*id)?;
            Placed::Anchor(set)
        }
        (Placed::Memento(mut set), Change::Join { node, .. }) => {
            set.add(node.clone())?;
            Placed::Memento(set)
        }
        (Placed::Memento(mut set), Change::Leave(id)) => {
            set.remove(*id)?;
            Placed::Memento(set)
        }
        (Placed::Dx(mut set), Change::Join { node, .. }) => {
            set.add(node.clone())?;
            Placed::Dx(set)
        }
        (Placed::Dx(mut set), Change::Leave(id)) => {
            set.remove(*id)?;
            Placed::Dx(set)
        }
        _ => description.config.place(cluster.clone())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_as_they_are_typed() {
        let node = Node::new(NodeId(9)).weighing(4).within("eu/b");
        assert_eq!(joining("n9:4:eu/b"), Ok(Change::Join { node, at: vec![] }));
        assert_eq!(joining("4@320"), Ok(Change::Join { node: Node::new(NodeId(4)), at: vec![320] }));
        assert_eq!(weighing("3:20"), Ok(Change::Weigh(NodeId(3), 20)));
        for wrong in ["", "x", "1:heavy", "1@here"] {
            assert!(joining(wrong).unwrap_err().contains("a whole number is wanted"));
        }
        assert!(weighing("3").is_err());
    }
}
