//! What a cluster cannot be asked for.

use super::bounds::NODES_MAX;
use super::state::COMMANDS_MAX;
use synod_core::NodeId;

/// Why a cluster cannot be explored as it was asked for: [`Cluster::validate`](super::Cluster::validate).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// More nodes than a state has room for.
    #[error("{0} nodes are more than can be explored: at most {NODES_MAX}")]
    TooManyNodes(usize),
    /// More commands than a state has room for.
    #[error("{0} commands are more than can be explored: at most {COMMANDS_MAX}")]
    TooManyCommands(usize),
    /// A command for a node that does not exist would never be given.
    #[error("a command is for {0}, which is not a node of the cluster: they are numbered from 1 on")]
    NoSuchNode(NodeId),
}
