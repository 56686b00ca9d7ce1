//! What is to happen to a cluster, and the placement that follows.

use super::description::Description;
use synod_core::NodeId;
use synod_hashring::{Cluster, ClusterError, Node, Placed, Placement, PlacementError, Ring};

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
    text.trim().parse().map_err(|_| format!("`{text}` is no {what}: a whole number is wanted, below 2^64"))
}

/// A change as it concerns the nodes.
enum Edit {
    Join(Node),
    Leave(NodeId),
    Change(Node),
}

impl Edit {
    fn of(change: &Change, cluster: &Cluster) -> Result<Self, PlacementError> {
        let known = |id: NodeId| {
            let node = cluster.find(id).and_then(|node| cluster.node(node)).cloned();
            node.ok_or(ClusterError::Unknown { id })
        };
        Ok(match change {
            Change::Join { node, .. } => Self::Join(node.clone()),
            Change::Leave(id) => Self::Leave(*id),
            Change::Drain(id) => Self::Change(known(*id)?.draining()),
            Change::Weigh(id, weight) => Self::Change(known(*id)?.weighing(*weight)),
        })
    }

    fn made(&self, cluster: &Cluster) -> Result<Cluster, ClusterError> {
        match self {
            Self::Join(node) => cluster.with(node.clone()),
            Self::Leave(id) => cluster.without(*id),
            Self::Change(node) => cluster.changed(node.clone()),
        }
    }
}

/// The placement after the changes: as the algorithm goes on from the one before.
pub(super) fn apply(
    description: &Description,
    placed: &Placed,
    changes: &[Change],
) -> Result<Placed, String> {
    let mut now = placed.clone();
    let mut cluster = placed.cluster().clone();
    for change in changes {
        let edit = Edit::of(change, &cluster).map_err(|error| error.to_string())?;
        let next = edit.made(&cluster).map_err(|error| error.to_string())?;
        let points = points(description, change)?;
        now = match now {
            // All changes at once move fewer slots than one after the other.
            Placed::Slots(slots) => Placed::Slots(slots),
            before => step(description, before, &edit, &next, &points).map_err(|error| error.to_string())?,
        };
        cluster = next;
    }
    match now {
        Placed::Slots(slots) => {
            slots.rebalanced(cluster).map(Placed::Slots).map_err(|error| error.to_string())
        }
        now => Ok(now),
    }
}

/// The points that were typed for a node that joins.
fn points(description: &Description, change: &Change) -> Result<Vec<(u64, NodeId)>, String> {
    match change {
        Change::Join { node, at } if !at.is_empty() => {
            if description.points().is_empty() {
                return Err(format!("node {} is given points, and this placement makes its own", node.id));
            }
            at.iter().map(|at| Ok((description.widened(*at)?, node.id))).collect()
        }
        _ => Ok(Vec::new()),
    }
}

/// One change. What has a history, or knows changes that it cannot make, is changed by its own rules; the rest is made anew.
fn step(
    description: &Description,
    placed: Placed,
    edit: &Edit,
    cluster: &Cluster,
    points: &[(u64, NodeId)],
) -> Result<Placed, PlacementError> {
    macro_rules! in_place {
        ($set:ident) => {
            match edit {
                Edit::Join(node) => $set.add(node.clone()),
                Edit::Leave(id) => $set.remove(*id),
                Edit::Change(node) => $set.change(node.clone()),
            }?
        };
    }
    macro_rules! stacked {
        ($stack:ident) => {
            match edit {
                Edit::Join(node) => $stack.with(node.clone()),
                Edit::Leave(id) => $stack.without(*id),
                Edit::Change(node) => $stack.changed(node.clone()),
            }?
        };
    }
    Ok(match placed {
        Placed::Ring(ring) if !points.is_empty() => {
            let all = ring.points().chain(points.iter().copied());
            Placed::Ring(Ring::of_points(cluster.clone(), description.config.hash, all)?)
        }
        Placed::Ring(mut ring) => {
            in_place!(ring);
            Placed::Ring(ring)
        }
        Placed::Anchor(mut set) => {
            in_place!(set);
            Placed::Anchor(set)
        }
        Placed::Memento(mut set) => {
            in_place!(set);
            Placed::Memento(set)
        }
        Placed::Dx(mut set) => {
            in_place!(set);
            Placed::Dx(set)
        }
        Placed::Jump(jump) => Placed::Jump(stacked!(jump)),
        Placed::JumpBack(jump) => Placed::JumpBack(stacked!(jump)),
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
