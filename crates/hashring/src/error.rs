//! What can be wrong with a cluster, a placement or a request, and what to do about it.

use crate::NODES_MAX;
use alloc::string::String;
use synod_core::NodeId;

/// A cluster that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// Two nodes with one identity.
    #[error("node {id} is given twice: identities are never shared or used again")]
    Twice {
        /// The identity.
        id: NodeId,
    },
    /// The node is not in the cluster.
    #[error("there is no node {id} in the cluster: add it first")]
    Unknown {
        /// The identity.
        id: NodeId,
    },
    /// The weights do not fit.
    #[error("the weights add up to {total}, more than {max}: measure them in a larger unit", max = u64::MAX)]
    Overweight {
        /// Their sum.
        total: u128,
    },
    /// Too many nodes.
    #[error("{nodes} nodes are more than {NODES_MAX}: place groups of nodes, and nodes within a group")]
    TooManyNodes {
        /// How many there are.
        nodes: usize,
    },
}

/// A placement that cannot be made or changed so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlacementError {
    /// Nobody could own a key.
    #[error("no node may own keys: all are draining or weigh nothing; add one, or give one a weight")]
    Nobody,
    /// The cluster itself is wrong.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A ring, a table or an array would be larger than its limit.
    #[error("{wanted} {what} are more than {max}: ask for fewer, or measure weights in a larger unit")]
    TooLarge {
        /// Points, slots, buckets.
        what: &'static str,
        /// How many it would need.
        wanted: u128,
        /// How many there may be.
        max: u64,
    },
    /// A table smaller than the number of nodes.
    #[error("{size} {what} cannot serve {nodes} nodes: take at least 100 for each")]
    TooSmall {
        /// Slots or entries.
        what: &'static str,
        /// How many were asked for.
        size: u64,
        /// How many nodes need at least one.
        nodes: u64,
    },
    /// Maglev's table must have a prime size.
    #[error(
        "a table of {size} is not prime, so that a node's entries would not reach all of it: take 65537, say"
    )]
    NotPrime {
        /// The size that was asked for.
        size: u64,
    },
    /// The algorithm knows no weights.
    #[error(
        "{algorithm} knows no weights, and node {id} weighs {weight}, unlike the first: use rendezvous, a ring or slots"
    )]
    Weighted {
        /// Which one.
        algorithm: &'static str,
        /// The node.
        id: NodeId,
        /// Its weight.
        weight: u64,
    },
    /// The algorithm can only lose its last node.
    #[error("{algorithm} can lose its last node alone, which is {last}, not {id}: use Dx, Memento or Anchor")]
    NotTheLast {
        /// Which one.
        algorithm: &'static str,
        /// The node that was to go.
        id: NodeId,
        /// The only one that can.
        last: NodeId,
    },
    /// A point, slot or bucket names a node that is not there, or a slot or bucket one that may own nothing.
    #[error("node {id} is given keys and is not in the cluster, or drains: change the cluster or the {what}")]
    Stranger {
        /// Points, slots, buckets.
        what: &'static str,
        /// The node.
        id: NodeId,
    },
    /// A node of the cluster has no point, so that it could never own anything.
    #[error("node {id} may own keys and is given no {what}: give it some, or let it drain")]
    Forgotten {
        /// Points, buckets.
        what: &'static str,
        /// The node.
        id: NodeId,
    },
    /// Two servers of a compatible ring with one name, or with names that are read as one.
    #[error(
        "two servers are called `{name}`, and would have the same points: give each its own name, and one of them more weight"
    )]
    NameTwice {
        /// The name.
        name: String,
    },
    /// Pingora knows addresses alone.
    #[error(
        "`{name}` is not an address with a port, such as 10.0.0.1:80 or [::1]:80, and Pingora knows no others"
    )]
    NoAddress {
        /// What it is.
        name: String,
    },
    /// A weight of a ring whose points were given.
    #[error(
        "the points of this ring were given, so that node {id} owns the same whatever it weighs: make a ring of other points"
    )]
    PointsGiven {
        /// The node whose weight was to change.
        id: NodeId,
    },
    /// A parameter outside its range.
    #[error("{what} is {given}, and must be between {min} and {max}")]
    Range {
        /// Which one.
        what: &'static str,
        /// What it was.
        given: u64,
        /// The least that is allowed.
        min: u64,
        /// The most that is allowed.
        max: u64,
    },
    /// The set of buckets is full.
    #[error("all {capacity} buckets are in use: make a placement of larger capacity, which moves keys")]
    Full {
        /// How many there are.
        capacity: u64,
    },
    /// Jump, JumpBack, Anchor, Memento: the nodes that are named are not those of the cluster.
    #[error("the order of buckets names {named} nodes, and {owning} may own keys: name each exactly once")]
    Order {
        /// How many distinct ones it names.
        named: u64,
        /// How many there are.
        owning: u64,
    },
}

/// A spread of replicas that this cluster cannot give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Infeasible {
    /// Not enough nodes.
    #[error("{copies} copies need as many nodes, and {nodes} may own keys: add nodes, or keep fewer copies")]
    Nodes {
        /// How many copies were asked for.
        copies: u8,
        /// How many nodes there are.
        nodes: u32,
    },
    /// Not enough failure domains.
    #[error(
        "{wanted} failure domains of level {level} were asked for, and there are {zones}: add one, or ask for fewer"
    )]
    Zones {
        /// Which level, 1 being the widest.
        level: u8,
        /// How many were asked for.
        wanted: u8,
        /// How many have nodes that may own keys.
        zones: u32,
    },
    /// More failure domains than copies.
    #[error(
        "{wanted} failure domains cannot be reached by {copies} copies: keep more copies, or ask for fewer domains"
    )]
    Copies {
        /// How many copies were asked for.
        copies: u8,
        /// How many domains.
        wanted: u8,
    },
    /// No copies, or more than are supported.
    #[error("{copies} copies: there must be between 1 and {max}", max = crate::COPIES_MAX)]
    Count {
        /// How many were asked for.
        copies: u8,
    },
}
