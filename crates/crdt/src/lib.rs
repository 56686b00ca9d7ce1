//! Replicated data types that converge: every replica is written without asking the others, and whoever has seen the same has the same.
//!
//! ```
//! use synod_crdt::{ActorId, Crdt, OrSet};
//!
//! let (london, tokyo) = (ActorId::from(1), ActorId::from(2));
//! let mut here = OrSet::new();
//! here.add(london, "milk")?;
//! let mut there = here.clone();
//!
//! // The link is cut, and both sides go on.
//! there.remove(&"milk");
//! let operation = there.add(tokyo, "tea")?;
//! here.add(london, "milk")?;
//!
//! // It is back. States, deltas and operations may travel, in any order, any number of times.
//! let _ = here.apply(&operation)?;
//! let _ = here.merge(&there)?;
//! let _ = there.join(&here.delta_since(&there.version()))?;
//! assert_eq!(here, there);
//! assert_eq!(here.iter().collect::<Vec<_>>(), [&"milk", &"tea"]);
//! # Ok::<(), synod_crdt::Refused>(())
//! ```
//!
//! # Which one?
//! | you want | take | what happens to concurrent writes | leaves behind |
//! |---|---|---|---|
//! | to count up | [`GCounter`] | all count | 24 bytes for each actor, for ever |
//! | to count up and down | [`PnCounter`] | all count | 48 bytes for each actor, for ever |
//! | a count that never falls below zero: stock, tickets, credit | [`EscrowCounter`] | all count; who has no rights waits | totals for each pair of actors, for ever |
//! | the highest, or the lowest | [`MaxRegister`], [`MinRegister`] | the extreme one stays | nothing |
//! | a value, and no write lost | [`MvRegister`] | all are kept, until a writer has seen them | nothing |
//! | a value, and the last write | [`LwwRegister`] | the latest is read, by your clock | nothing |
//! | a switch; in doubt on | [`EnableWinsFlag`] | on | nothing |
//! | a switch; in doubt off | [`DisableWinsFlag`] | off | nothing, once stable |
//! | a set; in doubt in it | [`OrSet`] | the addition wins | nothing |
//! | a set; in doubt not in it: permissions | [`RemoveWinsSet`] | the removal wins | nothing, once stable |
//! | a set by time | [`LwwSet`] | the latest wins | nothing, once stable |
//! | a set that only grows | [`GSet`] | all are in | – |
//! | a set in which what was removed stays removed | [`TwoPhaseSet`] | removed | what was removed, for ever |
//! | a map of any of these that is a [store](store::DotStore), or of maps | [`OrMap`] | both are done; removing a key resets what was seen of it | nothing |
//! | a map from key to value, by time | [`LwwMap`] | the latest wins | nothing, once stable |
//! | a log, a thread of comments | [`GrowList`] | both are in, and what was inserted together stays together | a number for each actor, for ever |
//! | something else | [`Causal`] over a [store](store::DotStore) of your own | as you say | as you say |
//!
//! "Nothing" apart from what every type with dots has: its [context](CausalContext), some 56 bytes for each actor that has ever written.
//! "For ever": the type counts by actor, so an actor that has left is never [forgotten](Crdt::forget); let replicas of such types write as one
//! actor over their restarts ([`Identity::Node`](anti_entropy::Identity::Node)).
//! "Once stable": when everybody has seen it, [`Crdt::collect`] takes it, and no reader notices ([`stability`]).
//!
//! # Which view?
//! Each type is three: send the **state** and [`merge`](Crdt::merge) it; or **deltas**, what the other has not got
//! ([`delta_since`](Crdt::delta_since), [`join`](Crdt::join)); or each **operation** once ([`prepare`](Crdt::prepare),
//! [`apply`](Crdt::apply)), in the [order](Crdt::DELIVERY) that the type asks for. They may be mixed, and always agree. Whoever would rather
//! not think about it takes [`anti_entropy`]: a protocol that finds out what is missing where, through loss, repetition, reordering,
//! partitions and restarts.
//!
//! # Actors
//! Every writer is an [`ActorId`], and no two replicas may ever share one, nor may a replica that has lost its disk go on under its old one:
//! `ActorId::of(node, incarnation)` sees to both. Two replicas that do share one are noticed as far as what they did can be told apart:
//!
//! | what meets | noticed |
//! |---|---|
//! | one dot with two contents, in registers, sets, maps and lists, while both are there | by whoever has the one and hears the other: [`Refused::DotReused`] |
//! | the same where one side has removed its own by now, or where there is no content, as in flags | not: the dot passes for the same one |
//! | two counts of one actor, as operations | by [`Refused::Contradiction`], where they do not fit together |
//! | the same, as deltas or states | not: the greater count is taken |
//! | what a replica hears of the actor as which it writes itself, and has never done | by that replica, of every type that has actors: [`Crdt::check_own`], [`Refused::NeverDone`] |
//!
//! [`anti_entropy`] asks the last question of all that it receives, so of two replicas that go on under one name the one that is behind hears
//! of it when they meet, in counters as well.
//!
//! # What it does
//! | feature | proof |
//! |---|---|
//! | states, deltas and operations agree, merges commute, associate and repeat, for every type: all schedules of 4 operations on 3 replicas over its first two or three actions, of 3 operations over all of them, 4 to 6 sampled | `tests/crdt/laws/shipped.rs` |
//! | the [law kit](laws) finds bugs that were made in real libraries, and shrinks them to a few steps | `tests/crdt/laws/planted.rs` |
//! | the fast set is its model | `tests/crdt/or_set.rs#the_set_is_its_model` |
//! | a worn set takes no more room than a fresh one | `tests/crdt/or_set.rs#what_is_gone_takes_no_room` |
//! | whatever is sent is taken, or refused without a trace; nobody panics | `tests/crdt/hostile.rs`, `tests/crdt/wire.rs` |
//! | the bytes of each form | `tests/crdt/wire.rs#golden_bytes` |
//! | every decoder, fuzzed from valid encodings, for as long as `cargo xtask fuzz` is told | `tests/fuzz.rs` |
//! | what `serde` reads, bytes could have brought; what they could not, it refuses | `tests/crdt/serial.rs` |
//! | a thousand replicas that are gone take no room, and a twin that remembers them sees the same | `tests/crdt/forgetting.rs` |
//! | nodes join and leave under faults, and those that restart with an old configuration know who is a member | `tests/crdt/anti_entropy.rs`, `tests/crdt/forgetting.rs` |
//! | nothing acknowledged is lost, garbage is not missed, in the simulator under every fault that can be survived | `tests/crdt/anti_entropy.rs` |
//!
//! # Cost
//! [`OrSet`] merges 100,000 elements of which each side has changed a fifth in 0.45 ms (0.6 on a loaded machine), compares
//! equal replicas in 3 µs and takes 22 to 33
//! bytes for an element of 8; one addition is 28 bytes on the wire and joins in 50 to 70 ns while the set fits into the caches. Beyond them its
//! place has to be fetched from memory: into a million elements it took 245 to 340 ns, where one read of a random word of a table as large took 150 in
//! the same run (of a program for that; `cargo xtask bench crdt` times the joins alone). What is built of dot stores is built of balanced trees: a delta costs what is in it times
//! O(log n), and for each key in it as many comparisons as there are siblings under that key; where garbage has been collected, a write costs the
//! dots under its key. A merge of states takes O(n log n), a version O(n).
//!
//! # Examples
//! In `examples/`: a shopping cart that survives a partition, likes counted in three regions, a stock from which three shops sell. They end
//! with assertions, and tests run them.
//!
//! # Features
//! `serde`: `Serialize` and `Deserialize` for whatever travels or is kept. What is read passes the checks that bytes pass.
//!
//! # What it does not do
//! It does not hide that replicas differ until they have talked. It keeps no invariant across several values, nor one within a value that its
//! type does not state. It has no lists from which elements go, no texts and no trees. It authenticates nobody: a peer that may write may also
//! remove, and may say that a third has done what it has not: that one hears of it and says so ([`anti_entropy`]), and goes on under a new
//! actor. That one dot was used for two things goes unnoticed where one of the two has been removed before they meet. Hashes of elements are
//! no secret, so who may choose the elements of an [`OrSet`] can make its look-ups slow.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

extern crate alloc;

mod actor;
pub mod anti_entropy;
mod causal;
mod context;
mod counter;
mod counters;
mod crdt;
mod dot_fun;
mod dot_map;
mod dot_set;
mod error;
mod escrow;
mod extremum;
mod fingerprint;
mod flags;
mod grow_list;
mod grow_sets;
pub mod laws;
mod maps;
#[cfg(synod_mutants)]
pub mod mutants;
mod or_set;
mod registers;
pub mod resolve;
#[cfg(feature = "serde")]
mod serial;
pub mod stability;
pub mod store;
mod varint;
mod wire;

pub use actor::ActorId;
pub use causal::{Causal, CausalOp};
pub use context::{CausalContext, Version};
pub use counter::{GCounter, PnCounter, Sides, SignedStep, Step};
pub use counters::Counters;
pub use crdt::{Change, Crdt, Delivery};
pub use dot_fun::DotFun;
pub use dot_map::{DotMap, MapAction, Under};
pub use dot_set::{DotSet, Mark, Switch};
pub use error::Refused;
pub use escrow::{Account, Cells, EscrowAction, EscrowCounter, EscrowOp};
pub use extremum::{Direction, Extremum, Greatest, Least, MaxRegister, MinRegister};
pub use fingerprint::Fingerprint;
pub use flags::{DisableWinsFlag, EnableWinsFlag};
pub use grow_list::{GrowList, Insertion, Place};
pub use grow_sets::{GSet, Phase, Phases, TwoPhaseSet};
pub use maps::{LwwMap, LwwMapOp, LwwSet, OrMap, RemoveWinsSet};
pub use or_set::{OrSet, OrSetDelta, SetAction};
pub use registers::{LwwRegister, MvRegister};

/// The `counter`-th thing that an actor did, counted from one: the name of what it wrote.
pub type Dot = synod_clocks::Dot<ActorId>;

/// For each actor, how many of its events are known, without a gap.
pub type VersionVector = synod_clocks::VersionVector<ActorId>;

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
