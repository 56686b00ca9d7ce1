//! Moving partitions between nodes that crash, over a network that loses: at no moment has a partition no owner, or two writers.
//!
//! A plan says where partitions should go; this protocol brings them there ([`handovers`]), on the contract of `synod-core`. One node coordinates: it
//! writes the plan to its log and asks the owners of a step to give. An owner *freezes* the partition (it answers no write any more,
//! and says so in its log before it says so to anybody), and offers it to the new owner until that has *taken* it: copied the data,
//! and written into its log that it is *ready* to own the partition, at the next epoch. Then the old owner lets go; it remembers to
//! whom, sends stale clients there, and tells the new owner that the partition is its own. Only now does that take writes.
//!
//! Until it has let go, the owner alone decides. So a plan can be *aborted* ([`Command::Abort`]) whatever became of the new owners: the
//! coordinator asks the owners to keep what they have not let go of, at an epoch above that of the offer, and they thaw. Whoever is ready
//! at the old epoch finds, when it asks again, that the offer was withdrawn.
//!
//! Every message may be lost, doubled and late, every process may die at any moment: who has frozen offers again when it is back, who
//! is ready says so again, and epochs tell what is old. `tests/migration` breaks each of these rules and is shown the two writers, or the
//! write that was lost.
//!
//! ```
//! use synod_core::{Input, NodeId, testing::{Bench, Output}};
//! use synod_partition::PartitionId;
//! use synod_partition::handoff::{Command, Config, Event, Handoff};
//!
//! let p = PartitionId(7);
//! let config = Config::new(NodeId(2), [(p, NodeId(1))]);
//! let mut owner = Bench::new(NodeId(1), Handoff::new(NodeId(1), config.clone()));
//! let mut other = Bench::new(NodeId(2), Handoff::new(NodeId(2), config));
//! owner.start().unwrap();
//! other.start().unwrap();
//! owner.input(Input::Command(Command::Admit { partition: p, token: 1 }));
//! other.input(Input::Command(Command::Admit { partition: p, token: 2 }));
//! owner.sync().unwrap();
//! assert_eq!(owner.take()[..], [Output::Event(Event::Admitted { partition: p, token: 1, epoch: 0, version: 1 })]);
//! assert_eq!(other.take()[..], [Output::Event(Event::Moved { partition: p, token: 2, to: NodeId(1), epoch: 0 })]);
//! ```
//!
//! # What it does not do
//! It elects no coordinator: while that is down, writes go on, what was begun is finished by the nodes concerned, and nothing new begins. Where
//! plans must survive the loss of a disk, let a consensus group decide them. An owner whose disk is lost loses the partition: replicas are the
//! business of what serves it. It does not give up by itself on a node that does not answer: how long is too long, the operator knows.

mod bridge;
mod coordinator;
mod invariants;
mod node;
mod wire;

pub use bridge::{Ownerless, handovers};
pub use invariants::{Safety, Violation};
pub use node::Handoff;

use crate::PartitionId;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;
use synod_core::NodeId;

/// The greatest version. An offer at a greater one is refused, and so is the write that would make it: nothing could follow.
pub const VERSION_MAX: u64 = u64::MAX - 1;

/// What does not change while the nodes run; the same on each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Config {
    /// Who carries out plans.
    pub coordinator: NodeId,
    /// Who owned what when the nodes first started, at epoch 0.
    pub initial: BTreeMap<PartitionId, NodeId>,
    /// Who may be given partitions; the coordinator refuses plans with others.
    pub nodes: BTreeSet<NodeId>,
    /// After how long without an answer a request is repeated.
    pub patience: Duration,
}

impl Config {
    /// With a patience of 200 ms, among the coordinator and the first owners.
    #[must_use]
    pub fn new(coordinator: NodeId, initial: impl IntoIterator<Item = (PartitionId, NodeId)>) -> Self {
        let initial: BTreeMap<_, _> = initial.into_iter().collect();
        let nodes = initial.values().copied().chain([coordinator]).collect();
        Self { coordinator, initial, nodes, patience: Duration::from_millis(200) }
    }

    /// The same, where these nodes may be given partitions too.
    #[must_use]
    pub fn with(mut self, nodes: impl IntoIterator<Item = NodeId>) -> Self {
        self.nodes.extend(nodes);
        self
    }
}

/// One partition is to get another owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handover {
    /// Which one.
    pub partition: PartitionId,
    /// Who is to own it.
    pub to: NodeId,
}

/// What the application asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Command {
    /// Of the coordinator: carry this out, one step after the other.
    Begin {
        /// The steps. No partition is in one of them twice.
        steps: Vec<Vec<Handover>>,
    },
    /// Of the coordinator: give up what is not done of the plan. What is half done stays with its owner, unless that has let go of it
    /// already; then it is done. [`Event::Aborted`] says when every partition of the plan takes writes again.
    Abort,
    /// May a client's write to this partition be done here?
    Admit {
        /// Which partition.
        partition: PartitionId,
        /// Comes back in the answer.
        token: u64,
    },
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The write may be acknowledged: this node owns the partition, and the write is the `version`-th of it.
    Admitted {
        /// Which partition.
        partition: PartitionId,
        /// From the command.
        token: u64,
        /// Since which epoch this node has it.
        epoch: u64,
        /// How many writes the partition has seen.
        version: u64,
    },
    /// Not here: the client's map is stale, or the partition is on its way.
    Moved {
        /// Which partition.
        partition: PartitionId,
        /// From the command.
        token: u64,
        /// Who has it or gets it, as far as this node knows.
        to: NodeId,
        /// Since which epoch.
        epoch: u64,
    },
    /// Not here nor anywhere: the partition has seen [`VERSION_MAX`] writes.
    Exhausted {
        /// Which partition.
        partition: PartitionId,
        /// From the command.
        token: u64,
    },
    /// A peer offers a partition at a version or an epoch that nothing could follow. It was not taken.
    Implausible {
        /// Which partition.
        partition: PartitionId,
        /// Who offers it.
        from: NodeId,
    },
    /// Nobody has ever heard of this partition.
    Unknown {
        /// Which partition.
        partition: PartitionId,
        /// From the command.
        token: u64,
    },
    /// At the coordinator: the partition has a new owner, for the map that clients are given.
    Owned {
        /// Which partition.
        partition: PartitionId,
        /// Who.
        by: NodeId,
        /// From this epoch on.
        epoch: u64,
    },
    /// At the coordinator: all steps are done.
    Finished,
    /// At the coordinator: the plan was given up. What of it was done stays done.
    Aborted,
    /// The plan cannot be begun, or aborted.
    Refused(Refusal),
}

/// Why a plan cannot be begun or aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// This node does not coordinate.
    #[error("this node does not coordinate: ask {coordinator}")]
    Elsewhere {
        /// Who does.
        coordinator: NodeId,
    },
    /// Another plan is under way, or being aborted.
    #[error("a plan is under way: wait until it is finished, or abort it")]
    Busy,
    /// There is nothing to abort.
    #[error("no plan is under way that could be aborted")]
    Idle,
    /// The plan names a partition that nobody owns.
    #[error("nobody owns {partition}: the plan belongs to another cluster")]
    UnknownPartition {
        /// Which one.
        partition: PartitionId,
    },
    /// The plan gives a partition to a node that may own none.
    #[error("{node} is not among the nodes of the configuration: add it there, or plan without it")]
    UnknownNode {
        /// Which one.
        node: NodeId,
    },
    /// A partition is twice in one step.
    #[error("{partition} is twice in one step: put its second handover into the next")]
    Twice {
        /// Which one.
        partition: PartitionId,
    },
    /// The partition's epochs are used up.
    #[error("{partition} has too few epochs left for this plan")]
    Epochs {
        /// Which one.
        partition: PartitionId,
    },
}

/// What nodes say to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Message {
    /// The coordinator to the owner: give it to `to`, who has it at `epoch`.
    Give {
        /// Which partition.
        partition: PartitionId,
        /// The new owner's epoch.
        epoch: u64,
        /// The new owner.
        to: NodeId,
    },
    /// The owner, who has frozen it, to the new one: take it.
    Take {
        /// Which partition.
        partition: PartitionId,
        /// The new owner's epoch.
        epoch: u64,
        /// How many writes it has seen; there will be no more before it is taken.
        version: u64,
    },
    /// The new owner: I have the data, and that I have it is on my disk.
    Taken {
        /// Which partition.
        partition: PartitionId,
        /// From this epoch on.
        epoch: u64,
    },
    /// The old owner to the coordinator: done.
    Gave {
        /// Which partition.
        partition: PartitionId,
        /// The new owner's epoch.
        epoch: u64,
    },
    /// The old owner, who has let go, to the new one: it is yours.
    Yours {
        /// Which partition.
        partition: PartitionId,
        /// From this epoch on.
        epoch: u64,
    },
    /// The owner to who is ready: that offer counts no more.
    Withdrawn {
        /// Which partition.
        partition: PartitionId,
        /// The epoch of the offer.
        epoch: u64,
    },
    /// The coordinator to the owner: do not give it, and have it at this epoch.
    Keep {
        /// Which partition.
        partition: PartitionId,
        /// Above that of every offer before.
        epoch: u64,
    },
    /// The owner to the coordinator: I have it at this epoch.
    Kept {
        /// Which partition.
        partition: PartitionId,
        /// From the request.
        epoch: u64,
    },
}

/// What a node writes to its log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Record {
    /// What a node has to do with a partition, from now on.
    Holds(PartitionId, Holding),
    /// The coordinator has begun a plan.
    Begun(Vec<Vec<Handover>>),
    /// The coordinator knows that a partition has this owner.
    Owned(PartitionId, NodeId, u64),
    /// Everything above at once: what came before is not needed any more.
    Whole(Vec<(PartitionId, Holding)>, Vec<(PartitionId, NodeId, u64)>, Vec<Vec<Handover>>),
    /// The coordinator gives up the plan.
    Aborting,
}

/// What a node has to do with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holding {
    /// Grows with each owner.
    pub epoch: u64,
    /// How many writes this node has seen of it.
    pub version: u64,
    /// What it does with it.
    pub state: State,
}

/// What a node does with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It owns it, and takes writes.
    Serving,
    /// It owns it, takes no writes, and offers it to this node, who has it from `Holding::epoch` on.
    Frozen(NodeId),
    /// It does not own it; this node took it, or kept it, at `Holding::epoch`.
    Gone(NodeId),
    /// It has the data, and owns it at `Holding::epoch` as soon as this node says that it has let go.
    Ready(NodeId),
}

/// Work for the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Job {
    /// Copy the partition's data from that node, which has frozen it.
    Copy {
        /// Which partition.
        partition: PartitionId,
        /// Of which epoch this will be the data; comes back in the answer.
        epoch: u64,
        /// From whom.
        from: NodeId,
    },
}

/// The host's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Done {
    /// The data is here, and will be after a crash.
    Copied {
        /// Which partition.
        partition: PartitionId,
        /// From the job.
        epoch: u64,
    },
    /// The data could not be copied: no space, no connection. The next offer of it starts another job.
    Failed {
        /// Which partition.
        partition: PartitionId,
        /// From the job.
        epoch: u64,
    },
}

/// A log that no node of this protocol has written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// A record cannot be read. It may be the one that says that a partition was given away: this node must not start, or there could be
    /// two writers.
    #[error(
        "a record of the log is damaged: give this node's partitions new owners, at higher epochs, and start it empty under another id"
    )]
    Damaged,
}
