//! How a data set is split, spread and moved.
//!
//! A partition (shard, slot, tablet, region) is a part of the data that lives and moves as one. This crate says which partition a key is in,
//! which nodes should have its copies, what must move when nodes or data change, and in which order, such that nothing is lost on
//! the way. Everything is a pure function of what is given; one part, [`handoff`], is a protocol on the contract of `synod-core`. Nodes,
//! zones, weights and hash functions are those of `synod-hashring`.
//!
//! # Which partitioning?
//! | | a scan asks | hot spots | adding one moves | |
//! |---|---|---|---|---|
//! | ranges | few partitions | where new keys come in order | half of what is split | [`Ranges`]: HBase, Spanner, TiKV |
//! | ranges of the hash | all | single hot keys | half of what is split | [`HashRanges`]: tablets, DynamoDB |
//! | fixed slots | all | single hot keys | a share of the slots | [`Scheme::Slots`]: Riak, Redis, Elasticsearch |
//! | remainder | all | single hot keys | nearly all keys | [`Modulo`]: for what never grows |
//! | directory | as the table says | none that the table cannot move | what you say | [`Directory`] |
//!
//! # Which rebalancing?
//! | partitions | when nodes come and go | |
//! |---|---|---|
//! | a fixed number, many for each node | whole partitions move | [`Request::plan`] |
//! | as many as the data needs | they split and merge by size and load, and move | [`rebalance`], [`split_point`], then [`Request::plan`] |
//! | in proportion to nodes | a newcomer takes pieces of the fullest | [`Tokens`] |
//!
//! # A cluster grows
//! ```
//! use synod_core::NodeId;
//! use synod_hashring::{Cluster, Node};
//! use synod_partition::{Limits, Partition, Replication, Request, audit, verify};
//!
//! // 1,024 slots, three copies in three zones, on six nodes; from nothing.
//! let node = |id| Node::new(NodeId(id)).within(["a", "b", "c"][id as usize % 3]);
//! let spread = Replication::new(3).across(3);
//! let empty = (0..1_024).map(Partition::new);
//! let first = Request::new(Cluster::new((1..=6).map(node))?, empty, spread)?.plan()?;
//!
//! // Three nodes join, and node 2 is to be emptied.
//! let nodes = (1..=9).map(|id| if id == 2 { node(id).draining() } else { node(id) });
//! let owned = first.assignment.iter().map(|(id, owners)| Partition {
//!     owners: owners.to_vec(),
//!     ..Partition::new(id.0).sized(64 << 20)
//! });
//! let request = Request::new(Cluster::new(nodes)?, owned, spread)?;
//! let plan = request.plan()?;
//!
//! // Nothing cheaper would do: here is the proof, and a checker that trusts nothing that the planner has found.
//! assert!(verify(&request, &plan.assignment, &plan.certificate)?.is_optimal());
//!
//! // In steps of one move a node at a time. After each, three copies, majorities that meet, three zones.
//! let limits = Limits::default();
//! let steps = plan.steps(&request, &limits);
//! audit(&request, &plan, &steps, &limits)?;
//!
//! // A crash after some of it? Who owns what says how far it got.
//! let done = steps.iter().take(10).flat_map(|step| &step.moves).count();
//! let mut now = first.assignment.clone();
//! for each in steps.iter().take(10).flat_map(|step| &step.moves) {
//!     let mut owners = now.owners(each.partition).unwrap_or_default().to_vec();
//!     owners.retain(|owner| Some(*owner) != each.from);
//!     owners.extend(each.to);
//!     now.set(each.partition, owners);
//! }
//! assert_eq!(plan.resume(&now)?.moves.len(), plan.moves.len() - done);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is proved, and where
//! | promise | proof (in `tests/`) |
//! |---|---|
//! | a plan costs what an exhaustive search finds | `planning/optimal.rs` |
//! | every plan of any request carries a certificate that the checker accepts; a dearer assignment or a forged certificate is found | `planning/optimal.rs`, `planning/certificates.rs` |
//! | after each step: copies, majorities that meet, zones, limits; resumable from anywhere | `planning/steps.rs` |
//! | what went wrong at Riak, Garage, ScyllaDB, VoltDB and Kafka | `planning/published.rs` |
//! | no partition without an owner or with two writers, under any loss, delay and double, up to four crashes, plans given up at any moment, in every schedule of small clusters; eight planted mistakes are found | `migration/every_schedule.rs` |
//! | the same in a hostile world, and the plan is done once it heals | `migration/simulated.rs` |
//! | the same for what the planner plans, step by step, and after an abort and `resume` | `migration/planned.rs` |
//! | ranges, scans, maps, tokens, splits | `dividing/` |
//! | whatever a file says, it is planned or refused | `dividing/readers.rs` |
//!
//! # Cost
//! 16,384 partitions, 1,000 nodes, three copies in three zones, on a busy machine of two cores, the least of three (`cargo xtask bench
//! partition`): a plan takes 6 ms when a node leaves, 76 ms when one joins, 170 to 370 ms when a hundred join, 400 ms when all weights are
//! drawn anew, 150 to 170 ms when all owners were drawn at random; checking it takes 5 to 10 ms. Every one was certified optimal. Planning is
//! nearly linear in what can move directly; only what has to be exchanged over several nodes is searched for. The slowest case known: all
//! owners drawn at random, copies in two of three zones, 1.1 to 1.9 s.
//!
//! The fullest node has this much for its weight: [`Tokens`] with about 256 a node 1.0000 / 1.0006 / 1.0069 at 10 / 100 / 1,000 nodes, about 150
//! slots a unit of weight 1.0010 / 1.0019 / 1.0033.
//!
//! # What it does not do
//! It copies no data: [`handoff`] asks the host to ([`handoff::Job::Copy`]). It does not decide *when* to rebalance, nor measure loads. A plan
//! balances numbers of replicas (of each group, and in all) exactly; bytes and load only through groups ([`Request::octaves`]),
//! since balancing them exactly is bin packing. Plans spread copies over one level of zones. [`Tokens`] balances who owns what first,
//! not the copies that a ring would put on the nodes that follow. [`handoff`] moves the one owner who takes writes; a group of
//! replicas changes its members by its own consensus, in the order of [`Step`].
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

extern crate alloc;

mod dynamic;
mod error;
pub mod handoff;
mod hashes;
mod hotspot;
mod id;
mod map;
#[cfg(synod_mutants)]
pub mod mutants;
mod plan;
mod ranges;
mod router;
mod span;
mod tokens;

pub use dynamic::{Change, Measured, Policy, rebalance};
pub use error::PlanError;
pub use hashes::{HashRanges, Modulo};
pub use hotspot::{Cut, Sample, hot_spots, split_point};
pub use id::PartitionId;
pub use map::{EPOCH_MAX, Entry, MapError, PartitionMap, Routed};
pub use plan::{
    Assignment, Balance, COPIES_MAX, Certificate, Diverged, Flaw, Limits, Move, PARTITIONS_MAX, Partition,
    Plan, Proof, Replication, Request, Step, StepFlaw, audit, verify,
};
pub use ranges::{Range, RangeError, Ranges};
pub use router::{Directory, Route, Router, Scheme};
pub use span::Span;
pub use tokens::{MovedRange, TOKENS_MAX, TokenError, Tokens};

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
