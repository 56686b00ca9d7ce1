//! Quorums as values: who may decide, and the proof that two decisions share a witness.
//!
//! A [`Rule`] says which sets of members are quorums. It is a threshold over members or over smaller rules, which covers
//! majorities, weights (Gifford 1979), hierarchies (Kumar 1991), grids, and joint quorums of two configurations. [`Quorums`] is the pair
//! that a consensus protocol needs: who elects and who commits, checked to meet when it is made (Howard, Malkhi and Spiegelman,
//! "Flexible Paxos", 2016).
//!
//! ```
//! use synod_core::NodeId;
//! use synod_quorum::{Outcome, QuorumsError, Quorums, Rule};
//!
//! let nodes = || (1..=5).map(NodeId);
//! // Commit on two disks, elect with four nodes. Three would not do:
//! let missing = Quorums::sizes(nodes(), 3, 2).unwrap_err();
//! assert_eq!(
//!     missing.to_string(),
//!     "the quorums [NodeId(1), NodeId(2), NodeId(3)] and [NodeId(4), NodeId(5)] share no member: \
//!      what one decides the other need not learn",
//! );
//! let quorums = Quorums::sizes(nodes(), 4, 2)?;
//!
//! // Is this a quorum?
//! assert!(quorums.commit().is_quorum(&[NodeId(2), NodeId(4)]));
//! // How far has a commit quorum got?
//! let acknowledged = |node: NodeId| [7, 7, 5, 9, 4][node.0 as usize - 1];
//! assert_eq!(quorums.commit().reached(acknowledged), 7);
//! // Can the rest still win the election?
//! let votes = |node: NodeId| match node.0 { 1 | 2 => Some(true), 3 | 5 => Some(false), _ => None };
//! assert_eq!(quorums.elect().outcome(votes), Outcome::Lost);
//! // What is left when two nodes have failed?
//! let alive = |node: NodeId| node.0 > 2;
//! assert!(quorums.elect().minimal_quorums(alive)?.is_empty(), "nobody can be elected");
//! assert_eq!(quorums.commit().minimal_quorums(alive)?.len(), 3, "the leader goes on committing");
//! assert_eq!(quorums.commit().failures_survived()?, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does
//! Each line names the test that proves it (in `tests/laws.rs`).
//!
//! | feature | proof |
//! |---|---|
//! | a rule holds for exactly the sets that its definition names | `a_rule_is_its_definition` |
//! | the greatest value that a quorum has reached, on the stack for up to 16 parts | `reached_is_the_greatest_value_that_a_quorum_has` |
//! | two rules meet if and only if all their quorums do, over all pairs of subsets | `rules_meet_exactly_if_every_pair_of_their_quorums_does` |
//! | large regular rules are seen through without a search | `large_rules_are_seen_through` |
//! | joint quorums meet the old ones, the new ones, and themselves | `joint_quorums_meet_both_halves` |
//! | a vote is lost exactly when no answer of the rest can win it | `a_vote_is_lost_when_the_rest_cannot_win` |
//! | the quorums that are left after failures, and how many failures any rule survives | `what_is_left_is_minimal_and_complete` |
//! | the dual blocks | `the_dual_is_what_blocks` |
//! | rules that nobody or not even all can meet are refused | `impossible_rules_are_refused` |
//!
//! # Cost
//! Asking whether a set is a quorum allocates nothing and looks at each member once. [`Rule::reached`] sorts the values of each part, on
//! the stack for up to 16. For answers over an array rather than by name, [`Rule::map`] the members to their places once.
//!
//! # What it does not do
//! Byzantine quorums, whose overlap must outnumber the liars. Loads, strategies and the search for good quorum systems. Decide whether
//! *irregular* rules of many members meet: it is a search, which gives up after 2²⁰ steps ([`MeetError::Unknown`]).
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

extern crate alloc;

mod error;
mod meet;
mod quorums;
mod reach;
mod rule;
mod survey;

pub use error::{MeetError, QuorumsError, RuleError, TooMany};
pub use quorums::Quorums;
pub use rule::{Outcome, Rule};

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
