//! Single-decree Paxos as a plain value: several nodes agree on **one** value, once and for ever.
//!
//! The algorithm is that of Lamport's "Paxos Made Simple" (2001); section numbers in the comments are the paper's. A node is one
//! value, [`Paxos`], which is proposer, acceptor and learner at once and implements [`Protocol`](synod_core::Protocol).
//!
//! # Three nodes
//! ```
//! use synod_core::testing::{Bench, Output};
//! use synod_core::{Input, NodeId};
//! use synod_paxos::{Command, Config, Event, Message, Paxos};
//!
//! let ids = [NodeId(1), NodeId(2), NodeId(3)];
//! let mut nodes: Vec<Bench<Paxos>> = ids
//!     .iter()
//!     .map(|id| Bench::new(*id, Paxos::new(Config::new(*id, ids)).unwrap()))
//!     .collect();
//! nodes.iter_mut().for_each(|node| node.start().unwrap());
//!
//! // The loop of every program around a protocol: sync the disks, carry the messages, take the events.
//! fn settle(nodes: &mut [Bench<Paxos>]) -> Vec<(NodeId, String)> {
//!     let mut decisions = Vec::new();
//!     loop {
//!         let mut letters = Vec::new();
//!         for node in nodes.iter_mut() {
//!             node.sync().unwrap();
//!             let me = node.protocol.id();
//!             for output in node.take() {
//!                 match output {
//!                     Output::Send { to, message, .. } => letters.push((me, to, message)),
//!                     Output::Event(Event::Decided { value, .. }) => {
//!                         decisions.push((me, String::from_utf8_lossy(&value).into_owned()));
//!                     }
//!                     _ => {}
//!                 }
//!             }
//!         }
//!         if letters.is_empty() {
//!             return decisions;
//!         }
//!         for (from, to, message) in letters {
//!             if let Some(node) = nodes.iter_mut().find(|node| node.protocol.id() == to) {
//!                 node.input(Input::Message(from, message));
//!             }
//!         }
//!     }
//! }
//!
//! // Two nodes propose at the same time. They may get into each other's way for a while; here time passes, and all agree.
//! nodes[0].input(Input::Command(Command::Propose { value: "red".into() }));
//! nodes[1].input(Input::Command(Command::Propose { value: "blue".into() }));
//! let mut decisions = settle(&mut nodes);
//! while decisions.len() < 3 {
//!     nodes.iter_mut().for_each(|node| node.advance(std::time::Duration::from_millis(50)));
//!     decisions.extend(settle(&mut nodes));
//! }
//! let chosen = decisions[0].1.clone();
//! assert!(decisions.iter().all(|(_, value)| *value == chosen));
//!
//! // All crash, and the first one's memory is lost. Another value is too late.
//! for node in &mut nodes {
//!     let id = node.protocol.id();
//!     node.restart(Paxos::new(Config::new(id, ids)).unwrap()).unwrap();
//! }
//! nodes[2].input(Input::Command(Command::Propose { value: "green".into() }));
//! assert_eq!(settle(&mut nodes)[0], (ids[2], chosen));
//! ```
//!
//! # How a value is chosen
//! 1. A proposer takes a [`Ballot`] above all that it has heard of, writes it to its disk, and asks all acceptors for a promise:
//!    to take part in nothing lower ([`Message::Prepare`], [`Message::Promise`]). With the promise comes what the acceptor has
//!    accepted so far.
//! 2. When a quorum has promised, it asks them to accept the value of the highest ballot among those, or its own if there is
//!    none ([`Message::Accept`], [`Message::Accepted`]). When a quorum has accepted, the value is chosen, and it tells everybody
//!    ([`Message::Decided`]).
//!
//! Each quorum of promises shares an acceptor with each quorum of acceptances, so a later ballot finds out what an earlier one may have
//! chosen. Which acceptors make a quorum is a [`QuorumRule`]: majorities, sizes, or any [`Quorums`](synod_quorum::Quorums), checked to
//! meet before a node is made.
//!
//! # What is proved, and by which test
//! In `tests/paxos`, and in `tests/explored` where it says every schedule.
//!
//! | what | proof |
//! |---|---|
//! | agreement, validity and one value per ballot in **every schedule** of three nodes, two proposers, two ballots and a crash, with every message any number of times; with three ballots, without refusals and announcements | `two_ballots_agree_in_every_schedule`, `two_ballots_and_a_crash_agree_in_every_schedule`, `three_ballots_agree_in_every_schedule` |
//! | on request: three ballots *and* a crash with every message any number of times, eight million states | `three_ballots_and_a_crash_agree_in_every_schedule_when_all_are_asked_for` |
//! | what is left out to get so far changes no verdict | `the_full_search_agrees_where_it_comes_to_an_end` |
//! | six planted mistakes are found, each on a shortest path, with and without that | `every_planted_mistake_has_a_shortest_counterexample` |
//! | the same properties in a swarm of every fault, progress when they end | `every_cluster_agrees_in_a_hostile_world_and_decides_when_it_heals` |
//! | the value of the highest ballot is adopted; a chosen value survives its proposer | `the_value_of_the_highest_ballot_is_adopted`, `a_value_that_a_quorum_accepted_survives_the_proposer_that_nobody_heard_decide` |
//! | weighted, hierarchical and flexible quorums agree in every schedule, and in a swarm of every fault; those that need not meet are refused | `weighted_hierarchical_and_flexible_quorums_agree_in_every_schedule`, `quorums_by_weight_by_zone_and_by_size_agree_in_a_hostile_world`, `quorums_that_need_not_meet_or_name_strangers_are_refused` |
//! | orphans are finished; duels end | `an_orphaned_proposal_is_finished_by_an_acceptor`, `duelling_proposers_make_progress` |
//! | stale answers are not counted; an acceptance is a promise; no ballot is used twice | `a_stale_promise_is_not_counted`, `an_acceptance_at_a_higher_ballot_is_a_promise_too`, `a_restarted_proposer_uses_no_ballot_twice` |
//! | duplicates change nothing, and a stalled disk piles nothing up | `a_duplicate_is_answered_again_and_not_written_again`, `a_stalled_disk_piles_up_neither_records_nor_promises` |
//! | no panic, whatever arrives and whatever is on the disk | `a_step_never_panics`, `recovery_from_arbitrary_records_is_a_node_or_an_error`, `any_bytes_decode_to_a_value_or_an_error` |
//! | many instances on one log, none waiting for another | `two_instances_on_each_node_share_a_log_and_decide_apart`, `one_instance_does_not_wait_for_the_records_of_another` |
//!
//! # How it is built
//! * **Promises wait for the disk.** `Promise` and `Accepted` are sent after their records ([`synod_core::Context::send`]); what is
//!   sent earlier says why at the place where it is sent.
//! * **The own acceptor is an acceptor like any other.** Its promise counts when its message to itself comes back, which is when
//!   its disk has it.
//! * **One record per ballot.** An acceptor that proposes promises its own ballot to itself; that record is also what keeps it
//!   from using the round again after a restart. (A proposer that is no acceptor writes [`Record::Round`].)
//! * **Little is kept.** At most two records of a node are alive; older ones are released as soon as newer ones are durable, so an
//!   instance never holds up a shared log. Run one [`Paxos`] for each decision, side by side behind slots
//!   ([`synod_core::Slot`]).
//! * **Orphans are finished.** A node that has accepted a value and hears no decision proposes that value; one that has promised
//!   asks. A proposer may therefore crash at any moment ([`Config::pursue`]).
//!
//! # What the application owes
//! * [`Event::Decided`] comes again after a restart, once the decision has been learned anew. It is the same value for ever: keep
//!   it, and ignore the repetition.
//! * A proposal lives in memory. If its node crashes before it is accepted anywhere, propose again.
//! * A node that nobody ever spoke to does not know that there is something to learn: ask with [`Command::Learn`].
//! * A disk that lies about durability, or that is emptied behind the node's back, breaks the promises made on it.
//!
//! # What it does not do
//! Decide more than one value (that is a log: `synod-raft`); change its acceptors; elect a leader, so that proposers do not get
//! into each other's way in the first place; store the decision in a record of its own (a quorum's acceptances are that record);
//! withstand nodes that lie.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

extern crate alloc;

mod acceptor;
mod ballot;
mod config;
mod event;
mod ghost;
mod learner;
mod message;
mod paxos;
mod proposer;
mod record;
mod recovery;
mod wire;

pub mod invariants;
#[cfg(synod_mutants)]
pub mod mutants;

pub use ballot::{Ballot, Proposal};
pub use config::{Config, ConfigError, QuorumRule};
pub use event::{Command, Event, Illegal, Refusal, Timer};
pub use message::Message;
pub use paxos::Paxos;
pub use record::Record;
pub use recovery::RecoverError;

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
