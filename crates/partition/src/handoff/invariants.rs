//! What must hold of all nodes together at every moment, as an observer.

use super::{Event, Handoff, State};
use crate::PartitionId;
use alloc::collections::BTreeMap;
use synod_core::NodeId;

/// Watches the nodes. Show it every node after each of its steps (`None` when its process has died), and every event.
///
/// What a node that is down holds is taken from when it was last seen: with its disk it may come back as that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Safety {
    /// Who takes writes for a partition, and from which epoch on.
    writers: BTreeMap<(PartitionId, NodeId), u64>,
    /// Who owns it: serves it, or has frozen it.
    owners: BTreeMap<(PartitionId, NodeId), ()>,
    /// The greatest version that was acknowledged.
    acknowledged: BTreeMap<PartitionId, u64>,
    /// Partitions that were seen to have an owner.
    known: BTreeMap<PartitionId, ()>,
}

/// A property that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// Two nodes take writes for one partition.
    #[error("two writers: {first} and {second} both take writes for {partition}")]
    TwoWriters {
        /// Which partition.
        partition: PartitionId,
        /// One of them.
        first: NodeId,
        /// The other.
        second: NodeId,
    },
    /// Nobody has a partition.
    #[error("no owner: {node} let {partition} go, and nobody has it")]
    NoOwner {
        /// Which partition.
        partition: PartitionId,
        /// Who had it last.
        node: NodeId,
    },
    /// A write was acknowledged that the writer does not have.
    #[error(
        "a lost write: {node} serves {partition} at version {version}, and {acknowledged} was acknowledged"
    )]
    LostWrite {
        /// Which partition.
        partition: PartitionId,
        /// The writer.
        node: NodeId,
        /// What it has.
        version: u64,
        /// What was acknowledged.
        acknowledged: u64,
    },
}

impl Safety {
    /// Looks at a node. `O(partitions · log)`.
    ///
    /// # Errors
    /// The first property found broken.
    pub fn observe(&mut self, node: NodeId, handoff: Option<&Handoff>) -> Result<(), Violation> {
        let Some(handoff) = handoff else {
            // It takes no writes while it is down. It still owns what it did.
            self.writers.retain(|(_, writer), _| *writer != node);
            return Ok(());
        };
        for (partition, holding) in handoff.holdings() {
            let key = (partition, node);
            if holding.state == State::Serving {
                let others = self.writers.range((partition, NodeId(0))..=(partition, NodeId(u64::MAX)));
                if let Some(((_, other), _)) = others.into_iter().find(|((_, other), _)| *other != node) {
                    return Err(Violation::TwoWriters { partition, first: *other, second: node });
                }
                let acknowledged = self.acknowledged.get(&partition).copied().unwrap_or(0);
                if holding.version < acknowledged {
                    let version = holding.version;
                    return Err(Violation::LostWrite { partition, node, version, acknowledged });
                }
                self.writers.insert(key, holding.epoch);
            } else {
                self.writers.remove(&key);
            }
            if matches!(holding.state, State::Gone(_)) {
                self.owners.remove(&key);
                let mut owners = self.owners.range((partition, NodeId(0))..=(partition, NodeId(u64::MAX)));
                if owners.next().is_none() && self.known.contains_key(&partition) {
                    return Err(Violation::NoOwner { partition, node });
                }
            } else {
                self.owners.insert(key, ());
                self.known.insert(partition, ());
            }
        }
        Ok(())
    }

    /// Hears what a node tells its application.
    ///
    /// # Errors
    /// When a write is acknowledged at a version that another write has.
    pub fn hear(&mut self, node: NodeId, event: &Event) -> Result<(), Violation> {
        if let Event::Admitted { partition, version, .. } = *event {
            let acknowledged = self.acknowledged.entry(partition).or_default();
            if version <= *acknowledged {
                let acknowledged = *acknowledged;
                return Err(Violation::LostWrite { partition, node, version, acknowledged });
            }
            *acknowledged = version;
        }
        Ok(())
    }
}
