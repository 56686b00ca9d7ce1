//! What the application says to a node of many groups, and is told.

use super::Birth;
use crate::{Command as Raft, ConfigError, GroupId, RecoverError};
use alloc::boxed::Box;
use core::time::Duration;
use synod_core::NodeId;

/// What the application asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Begin with a group. Answered by [`Event::Created`] or [`Event::Refused`].
    Create {
        /// Its name. One that this node has removed comes back as [`Birth::Rejoining`] only.
        group: GroupId,
        /// How it begins here.
        birth: Birth,
    },
    /// Forget a group: its timers, its log, its state. It should not be a member of it any more, or it is a voter that has lost its
    /// disk. Answered by [`Event::Removed`] or [`Event::Refused`].
    Remove {
        /// Its name.
        group: GroupId,
    },
    /// A command to one group.
    Raft {
        /// Its name.
        group: GroupId,
        /// What it is asked for.
        command: Raft,
    },
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// A group is here, also after a crash. Its first events may have come before this one.
    Created {
        /// Its name.
        group: GroupId,
    },
    /// A group is gone, also after a crash.
    Removed {
        /// Its name.
        group: GroupId,
    },
    /// A group tells something.
    Raft {
        /// Its name.
        group: GroupId,
        /// What it tells.
        event: crate::Event,
    },
    /// Nothing was done; the command is given back.
    Refused {
        /// The command.
        command: Box<Command>,
        /// Why.
        reason: Refusal,
    },
    /// A peer speaks to a group that is not here: its leader may wait for this node to begin with it ([`Birth::Joining`]).
    Stranger {
        /// The group.
        group: GroupId,
        /// Who spoke.
        from: NodeId,
    },
    /// A node has not been heard for [`Settings::suspect_after`](super::Settings::suspect_after), or is heard again.
    Peer {
        /// The node.
        id: NodeId,
        /// Whether it is heard.
        heard: bool,
    },
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such group here.
    #[error("there is no such group on this node: create it, or ask one of its members")]
    Unknown,
    /// There is one already.
    #[error("the group is here already")]
    Exists,
    /// This node has been a member, and has forgotten what it promised.
    #[error(
        "this node has removed the group, and forgotten what it had promised there: create it with `Birth::Rejoining`"
    )]
    Forgotten,
    /// Raft cannot be set up so.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Why settings cannot work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Raft cannot be set up so.
    #[error(transparent)]
    Raft(#[from] ConfigError),
    /// A node that speaks as seldom would be suspected all the time.
    #[error(
        "a sign of life every {interval:?} must fit three times into the {suspect_after:?} after which a node is suspected"
    )]
    Beat {
        /// Between signs of life.
        interval: Duration,
        /// Until a node is suspected.
        suspect_after: Duration,
    },
}

/// Why a log is not that of a node of many groups.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum GroupsError {
    /// One group cannot be recovered.
    #[error("{group}: {error}")]
    Group {
        /// The group.
        group: GroupId,
        /// Why.
        #[source]
        error: RecoverError,
    },
    /// The settings do not allow what the log says.
    #[error("{group}: {error}")]
    Config {
        /// The group.
        group: GroupId,
        /// Why.
        #[source]
        error: ConfigError,
    },
}
