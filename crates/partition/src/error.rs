//! What can be wrong with a request, and what to do about it.

use crate::{PARTITIONS_MAX, PartitionId, Replication};

/// A request that cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A partition is given twice.
    #[error("{partition} is given twice: give each partition an id of its own")]
    Twice {
        /// Which one.
        partition: PartitionId,
    },
    /// A spread that no cluster has.
    #[error("{} copies in {} zones with at most {} in one cannot be: there must be 1 to 16 copies, and no more zones", .spread.copies(), .spread.zones(), .spread.per_zone())]
    Spread {
        /// What was asked for.
        spread: Replication,
    },
    /// Zones of more than one level.
    #[error(
        "zones of several levels were asked for, and plans spread over one level: name the one that fails as a whole"
    )]
    Levels,
    /// Not enough zones.
    #[error(
        "{wanted} zones were asked for, and {zones} have nodes that may own something: add one, or ask for fewer"
    )]
    Zones {
        /// How many were asked for.
        wanted: u8,
        /// How many there are.
        zones: usize,
    },
    /// Not enough nodes.
    #[error(
        "{copies} copies find {places} places on different nodes under this spread: add nodes, or keep fewer copies"
    )]
    Nodes {
        /// How many copies were asked for.
        copies: u8,
        /// How many find a place.
        places: u32,
    },
    /// Too many partitions.
    #[error("{partitions} partitions are more than {PARTITIONS_MAX}: plan a part of them, or larger ones")]
    Partitions {
        /// How many were given.
        partitions: usize,
    },
    /// Too many groups for so many nodes.
    #[error("{groups} groups on {nodes} nodes are too many to be balanced one by one: join groups")]
    Groups {
        /// How many groups.
        groups: usize,
        /// On how many nodes.
        nodes: u32,
    },
    /// Costs that could overflow.
    #[error("a move that costs {cost} is more than {max}: measure sizes in a larger unit")]
    TooLarge {
        /// The greatest cost of a move.
        cost: u64,
        /// What it may be.
        max: u64,
    },
    /// The quotas contradict each other or the spread.
    #[error(
        "no assignment keeps these quotas and the spread: their upper ends must have room for all replicas, the lower ones leave room"
    )]
    Quotas,
}
