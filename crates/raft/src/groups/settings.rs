//! How a node runs its groups.

use super::Birth;
use crate::Config;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use synod_core::NodeId;

/// Names a group, everywhere and for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GroupId(pub u64);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group {}", self.0)
    }
}

/// How a node runs its groups.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Settings {
    /// The settings of every group here; who belongs to one is said when it is [created](super::Command::Create).
    pub raft: Config,
    /// Whether idle groups rest. A node where they do not rest keeps the others from it. Default on.
    pub hibernate: bool,
    /// Heartbeats without news after which a leader asks its followers to rest. Default 10.
    pub rest_after: u32,
    /// A node that has sent nothing to a peer for this time sends a sign of life. Default 100 ms.
    pub beat_interval: Duration,
    /// A node that has not been heard for this time is believed to be gone: who rests under it campaigns. At least three
    /// intervals. Default 500 ms.
    pub suspect_after: Duration,
}

impl Settings {
    /// The defaults for a node.
    ///
    /// ```
    /// use synod_core::NodeId;
    /// use synod_raft::groups::{Groups, Settings};
    /// let mut settings = Settings::new(NodeId(1));
    /// settings.raft.leases = true; // for all groups
    /// assert_eq!(Groups::new(settings)?.resting(), 0);
    /// # Ok::<(), synod_raft::groups::SettingsError>(())
    /// ```
    #[must_use]
    pub fn new(id: NodeId) -> Self {
        Self {
            raft: Config::joining(id),
            hibernate: true,
            rest_after: 10,
            beat_interval: Duration::from_millis(100),
            suspect_after: Duration::from_millis(500),
        }
    }

    pub(super) fn config(&self, birth: &Birth) -> Config {
        let mut config = self.raft.clone();
        (config.joining, config.rejoining) = (*birth == Birth::Joining, *birth == Birth::Rejoining);
        config.joining |= config.rejoining;
        (config.voters, config.witnesses) = match birth {
            Birth::Founding { voters, witnesses } => (voters.clone(), witnesses.clone()),
            Birth::Joining | Birth::Rejoining => (Vec::new(), Vec::new()),
        };
        config
    }
}
