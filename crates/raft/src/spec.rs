//! An executable specification of Raft, and a check that an implementation refines it.
//!
//! [`Spec`] is a state machine over the states of *all* servers. Its [actions](Action) are those of figure 2 of the Raft paper, with joint
//! consensus (section 6), snapshots (section 7), PreVote and the transfer of leadership (sections 9.6 and 3.10 of Ongaro's thesis), and
//! the correction of 2015 to changes of the membership. Each has guards, each [`Guard`] names the section that it stands for. Nothing of
//! it is taken from the implementation, and it shares no code with it: logs are sequences of (term, kind), quorums are counted, and what
//! was ever truly said (votes, acknowledgements, entries made by leaders) is kept once and for all in place of messages on their way,
//! which may be lost, doubled, delayed and reordered as they like.
//!
//! [`Refinement`] watches an execution: what each step takes, writes, says, and leads to. It finds the actions that explain the step, or
//! none (a stutter); where a guard does not hold, the [`Violation`] says which action of which server was not allowed, and why. It sees
//! crashes as well, reads what was left on the disk itself, and so notices a vote that was forgotten, or was never durable.
//!
//! ```
//! use synod_core::testing::{Bench, Output};
//! use synod_core::{Effect, Input, Lsn, NodeId};
//! use synod_raft::spec::{Note, Refinement, State, Word, Written};
//! use synod_raft::{Command, Config, EntryId, Index, Raft, Role, Term};
//!
//! let id = NodeId(1);
//! let raft = Raft::new(Config::new(id, [id]))?;
//! let mut refinement = Refinement::default();
//! refinement.boots(id, &raft);
//! refinement.takes(id, &Input::Start { incarnation: 1, log: synod_core::LogState::Fresh });
//! refinement.is(id, &raft)?;
//!
//! // A node that leads without a vote, say:
//! let state = State { role: Role::Leader, ..State::of(&raft) };
//! refinement.takes(id, &Input::Command(Command::Campaign));
//! let violation = refinement.note(id, &Note::Is(state)).unwrap_err();
//! assert_eq!(violation.to_string(), "n1 may not Stutter: no action leads to its role");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # How the actions are found
//! A step says what it does by what it writes. A record with a later term and the own vote is [`Action::Timeout`], one with the vote of
//! who asked is [`Action::UpdateTerm`] and [`Action::GrantVote`]; entries that a leader writes are [`Action::ClientRequest`], those that a
//! follower writes [`Action::HandleAppendEntries`]; a commit index that has grown is [`Action::AdvanceCommitIndex`] on a leader and
//! [`Action::LearnCommitIndex`] elsewhere. A candidate that writes an entry of its own term has become the leader. What the step says is
//! judged as it is said. After all of it, term, vote, role, commit index and both ends of the log must be those of the specification.
//!
//! # What it does not say
//! * **Time.** Anything may happen at any moment; that leases are honoured, that anybody is ever elected, is for other judges.
//! * **What entries hold**, and what clients see: for [`invariants`](crate::invariants) and for the checker of histories.
//! * **What damage leaves of a log.** Damage is done by the world. A damaged node's log is what the node says, as long as all of it was
//!   made by leaders; and what it says to others (votes, acknowledgements, terms) is held to the same guards as what everybody says.
//! * **Traitors**, of course.
//!
//! # Cost
//! A step costs a few comparisons: the log is looked at where it grows. On the simulated cluster of `synod-kv` it is measured by
//! `cargo synod sim --no-spec`, which leaves it out.

mod action;
mod election;
mod guard;
mod history;
mod note;
mod recovery;
mod refinement;
mod replication;
mod snapshots;
mod state;

pub use action::Action;
pub use guard::Guard;
pub use history::Entries;
pub use note::{HardState, Heard, Note, State, Word, Written};
pub use refinement::Refinement;
pub use state::Spec;

use synod_core::NodeId;

/// An action that was not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{server} may not {action}: {guard}")]
pub struct Violation {
    /// Whose action it was.
    pub server: NodeId,
    /// What it did.
    pub action: Action,
    /// Why not.
    #[source]
    pub guard: Guard,
}
