//! Which node owns this key, who keeps the copies, and what moves when nodes come and go.
//!
//! Every algorithm of consistent hashing that people ask for, behind one trait, [`Placement`]. Positions are 64-bit numbers, made of keys
//! by a [`HashFn`] that is named in the configuration, so that two processes always agree. Nodes have weights and stand in zones
//! ([`Cluster`]); copies go to distinct nodes in distinct failure domains ([`Spread`]); what a change moves is told exactly, with a
//! certificate of how little could have moved ([`Diff`]).
//!
//! ```
//! use synod_core::NodeId;
//! use synod_hashring::{Cluster, Diff, HashFn, Node, Placement, Ring, Spread, Vnodes};
//!
//! // Six nodes in three zones, one of them twice as large, one on its way out.
//! let cluster = Cluster::new([
//!     Node::new(NodeId(1)).within("eu/a"),
//!     Node::new(NodeId(2)).within("eu/b"),
//!     Node::new(NodeId(3)).within("us/a").weighing(2),
//!     Node::new(NodeId(4)).within("us/b"),
//!     Node::new(NodeId(5)).within("ap/a"),
//!     Node::new(NodeId(6)).within("ap/b").draining(),
//! ])?;
//! let ring = Ring::new(cluster, Vnodes::each(160), HashFn::Xxh64 { seed: 0 })?;
//! assert_ne!(ring.owner_of(b"user_123"), NodeId(6));
//!
//! // Three copies, in at least two of the widest zones and on three different ones of the next level.
//! let spread = Spread::copies(3).across(1, 2).across(2, 3);
//! let position = ring.hash_fn().hash(b"user_123");
//! let owners: Vec<NodeId> = ring.owners(position, spread)?.collect();
//! assert_eq!((owners.len(), owners[0]), (3, ring.owner(position)));
//!
//! // A node joins: what moves, and could less have moved?
//! let mut larger = ring.clone();
//! larger.add(Node::new(NodeId(7)).within("us/c"))?;
//! let plan = Diff::between(&ring, &larger);
//! assert!(plan.moves().iter().all(|moved| moved.to == NodeId(7)));
//! assert_eq!(plan.excess(), 0);
//! plan.verify(&ring, &larger)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which one?
//! | | a look-up | weights | who may leave | balance | memory | take it for |
//! |---|---|---|---|---|---|---|
//! | [`Ring`] | O(1) expected, one line of the cache: 6 ns at 10 nodes, 30 to 65 at 10,000 | by points | anybody | 1.2 to 1.3 × the mean with 160 points | 15 to 16 B a point | ranges of keys that move; many nodes; what everybody knows |
//! | [`Slots`] | one read | exact | anybody, by plan | within a slot | 4 B a slot | storage: partitions that move as a whole. The table is state |
//! | [`Rendezvous`] | O(nodes), 0.9 ns each | exact | anybody | as keys fall | 8 to 20 B a node | a few hundred nodes; the simplest thing that is right |
//! | [`Straw2`] | O(children on the way) | exact | anybody | as keys fall | the tree | zones with weights of their own; changes that stay within a zone |
//! | [`JumpBack`] | O(1), integers | none | the last one | as keys fall | 4 B a node | shards that are only ever added |
//! | [`Jump`] | O(log nodes) | none | the last one | as keys fall | 4 B a node | agreeing with others |
//! | [`Memento`] | O(1) + what has left | none | anybody, in an order that all know | as keys fall | 24 B a node | shards that sometimes fail |
//! | [`Anchor`] | O(1) | none | anybody, in an order that all know | as keys fall | 40 B a bucket | the same with a known maximum |
//! | [`Dx`] | capacity / nodes tries | none | anybody, in any order | as keys fall | 21 B a bucket | members that flap: the set alone decides |
//! | [`Maglev`] | one read | by turns | anybody, at some excess | 1 % | 4 B an entry | load balancers; moves about 1.5 × the keys |
//! | [`MultiProbe`] | 21 look-ups | by points | anybody | 1.1 to 1.2 × the mean | 16 to 20 B a point | rings in little memory |
//!
//! [`Bounded`] limits the load of each node on top of any of them, [`Sliced`] gives any of them ranges, [`CopiesDiff`] tells what is copied where several
//! nodes keep everything, [`Replicated`] has a ring's copies worked out ahead, [`Shared`] lets many threads read one while it is replaced,
//! [`Config`] names one in a line of text, and [`compat`] agrees with libketama, nginx, Pingora, Cassandra, Redis Cluster, Guava and hash4j.
//!
//! Do not take `hash mod n`: when a node comes, all but one key in n moves (`tests/hashring/laws/planted.rs` measures it). And do not take
//! `slot mod n` either: it is the same mistake one level up; [`Slots::rebalanced`] moves what must move.
//!
//! # What it promises
//! Each line names the test that proves it, in `tests/hashring/laws.rs` and its modules where nothing else is said; `planted` among them shows
//! that the judges notice the mistakes that other libraries have shipped.
//!
//! | promise | proof |
//! |---|---|
//! | every key has an owner, and only nodes that may own keys do; weight 0 is legal | `every_key_has_an_owner_that_may_own_it` |
//! | copies are on distinct nodes and in as many zones as asked, or a typed error says why not | `copies_are_on_distinct_nodes_and_in_as_many_zones_as_asked_or_it_is_said` |
//! | only what must move moves | `who_joins_takes_and_who_leaves_gives_and_nothing_else_moves`, `any_node_may_leave_a_set_of_buckets_and_come_back` |
//! | slots keep their quotas with the fewest moves | `slots_keep_their_quotas_with_the_fewest_moves` |
//! | weights are honoured | `rendezvous_and_straw2_honour_weights_to_the_last_key` and its neighbours |
//! | a ring that was changed is bit for bit the ring made anew; colliding points have one owner everywhere | `a_ring_changed_in_place_is_the_ring_made_anew`, `a_ring_of_points_is_a_sorted_map` |
//! | diffs are what look-ups say, and their bound is right | `diffs_say_what_look_ups_say`, `a_wrong_diff_is_refused`; of copies `diffs_of_copies_say_what_look_ups_say` |
//! | copies worked out ahead are those of the ring | `copies_worked_out_ahead_are_those_of_the_ring` |
//! | bounded loads stay in their bounds and no key is lost | `bounded_loads_stay_in_their_bounds_and_lose_nothing` |
//! | a bounded load that moves to another placement moves as little as it can | `bounded_loads_move_as_little_as_they_can_when_the_cluster_changes` |
//! | nodes that drain give what they have, and return to it | `who_drains_gives_as_if_it_left_and_is_still_known` |
//! | Dx: any order of departures and returns gives the same owners. Anchor and Memento: so does the reverse order, and any other exchanges those who had gone | `any_node_may_leave_a_set_of_buckets_and_come_back` |
//! | every node owns something, under every hash function | `every_node_owns_something_under_every_hash_function` |
//! | what nobody can read is refused, and nothing panics | `fuzz.rs` |
//! | the same owners in every process and release | `golden.rs#owners_are_the_same_in_every_process_and_release` |
//! | a reader of a shared placement sees whole ones, and never an older one than before | `loom_shared.rs`, every interleaving |
//!
//! # Cost
//! Look-ups and [`Owners`] allocate nothing (`no_alloc.rs`). `cargo xtask bench hashring` measures all beside eight crates. On two cores of a Xeon at
//! 2.8 GHz, in nanoseconds of CPU time, the median of nine rounds after one that does not count, 160 points for each node:
//!
//! | nodes | a look-up in [`Ring`] | pingora-ketama | consistent_hash_ring | hashring |
//! |---|---|---|---|---|
//! | 10 | 5.7 | 24.2 | 20.5 | 29.6 |
//! | 100 | 6.4 | 33.7 | 30.8 | 42.5 |
//! | 1,000 | 9.5 | 57.1 | 88.0 | 118 |
//! | 10,000 | 32.4 | 349 | too slow to build | 693 |
//!
//! What bounds it: some 60 instructions with the hash function, while the points are in the caches; then one miss of the cache and of the page
//! table. A layout of 37 bytes a point (positions, nodes and an index apart) took 114 ns in a loop without a hash ring around it where these lines
//! took 54.
//!
//! Three owners in two zones take 24 to 33 ns: some 200 instructions, and among few nodes a wrong guess at who is refused. [`Replicated`] has them worked
//! out ahead, and takes 11 to 12 up to a hundred nodes; beyond, its table misses the caches. A ring of 1.6 million points is built in 25 to 50
//! ms. A node that joins or leaves the middle of 1,000 takes 0.13 ms. Of 10,000 it takes 2 to 4 ms, as memory does: all 23 MB
//! are written, because nodes behind it have other numbers; at the end of the order of identities it takes 0.4. Where the number of lines
//! changes, once in some 5 % of growth, the ring is built anew.
//!
//! [`Maglev`] takes 2 ns with 65,537 entries, which the second cache holds, and 8 with the million that 10,000 nodes want, which miss it.
//! [`JumpBack`] takes 6 to 14 ns, and [`Anchor`] 11 to 12: both reckon in any case what they may need next, since nobody can foresee whether they do.
//! Rendezvous among 1,000 nodes takes 0.9 µs, and 0.17 where the compiler may use AVX-512: two products of 64 bits for each node are what it costs,
//! and AVX2 has none of these.
//!
//! # What it does not do
//! Move data, or order the moves so that no key is without a quorum meanwhile. Withstand somebody who chooses keys in order to overload
//! a node: no function here is keyed. Weights for jump, JumpBack, Anchor, Memento and Dx, which know none. Ceph's CRUSH maps: [`Straw2`] has
//! their shape, not their arithmetic.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod anchor;
mod bounded;
mod cluster;
pub mod compat;
mod config;
mod diff;
mod digest;
mod error;
mod hash;
mod jump;
mod maglev;
mod multi_probe;
mod node;
mod placement;
mod rendezvous;
mod ring;
#[cfg(feature = "std")]
mod shared;
mod slots;
mod spread;
mod straw2;

pub use anchor::{Anchor, BUCKETS_MAX, Dx, Memento};
pub use bounded::{Bound, Bounded, Displaced, Overloaded};
pub use cluster::{Cluster, NODES_MAX, NodeIx, ZONE_LEVELS};
pub use config::{Algorithm, Config, ConfigError, Placed};
pub use diff::{CIRCLE, CopiesDiff, CopiesMove, Diff, DiffFlaw, KeysDiff, Move, Ranges, Sliced, shares};
pub use error::{ClusterError, Infeasible, PlacementError};
pub use hash::{HashFn, HashFnError};
pub use jump::{Jump, JumpBack, jump, jump_back};
pub use maglev::Maglev;
pub use multi_probe::MultiProbe;
pub use node::{Node, Zone};
pub use placement::{Owners, Placement};
pub use rendezvous::Rendezvous;
pub use ring::{POINTS_MAX, Replicated, Ring, Vnodes};
#[cfg(feature = "std")]
pub use shared::{Reader, Shared};
pub use slots::{SLOTS_MAX, Slot, Slots};
pub use spread::{COPIES_MAX, Spread};
pub use straw2::Straw2;

/// What threads share. The models in `tests/loom_shared.rs` put loom's in their place.
#[cfg(feature = "std")]
mod primitive {
    pub(crate) use core::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
}

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
