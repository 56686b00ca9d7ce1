//! The contract that every Synod protocol speaks.
//!
//! **A protocol is a plain value.** It owns no socket, file, clock, thread or random source: inputs go in, effects come
//! out. The same type, not a model of it, runs in production over a real network and log, in the deterministic simulator
//! (`synod-sim`), in a model checker, and in a test by hand:
//!
//! ```text
//!                  ┌───────────────────────────┐
//!  Input ────────▶ │  Protocol::step(&mut self) │ ────────▶ Effect
//!  message, timer, └───────────────────────────┘  send, emit, persist,
//!  command, done             ▲                     arm, disarm, job
//!                   Context: me, now, durable, chance
//! ```
//!
//! # A whole protocol
//! A detector that pings its peers and says which of them have gone silent:
//!
//! ```
//! use core::time::Duration;
//! use std::collections::BTreeMap;
//! use synod_core::{testing::{Bench, Output}, *};
//!
//! #[derive(Clone, PartialEq, Debug)]
//! enum Say { Ping, Pong }
//! #[derive(Clone, PartialEq, Debug)]
//! enum News { Silent(NodeId), Back(NodeId) }
//!
//! struct Detector { missed: BTreeMap<NodeId, u32> }
//!
//! impl Protocol for Detector {
//!     type Message = Say;
//!     type Event = News;
//!     type Timer = ();                       // one timer, so its name is ()
//!     type Command = Never;
//!     type Record = Never;                   // nothing to remember over a restart
//!     type Job = Never;
//!     type Done = Never;
//!     type Error = Never;
//!
//!     fn recover(&mut self, _: Lsn, _: Recovered<Never>) -> Result<(), Never> { Ok(()) }
//!
//!     fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
//!         match input {
//!             Input::Start { .. } | Input::Timer(()) => {
//!                 for (peer, missed) in &mut self.missed {
//!                     if *missed == 3 { cx.emit(News::Silent(*peer)); }
//!                     *missed += 1;
//!                     cx.send(*peer, Say::Ping);
//!                 }
//!                 cx.arm((), Duration::from_millis(100));
//!             }
//!             Input::Message(from, Say::Ping) => cx.send(from, Say::Pong),
//!             Input::Message(from, Say::Pong) => {
//!                 let missed = self.missed.insert(from, 0);
//!                 if missed > Some(3) { cx.emit(News::Back(from)); }
//!             }
//!             _ => {}
//!         }
//!     }
//! }
//!
//! // Three lines drive it: a bench, a start, and the clock.
//! let mut node = Bench::new(NodeId(1), Detector { missed: BTreeMap::from([(NodeId(2), 0)]) });
//! node.start().unwrap();
//! node.advance(Duration::from_millis(300));
//! assert!(node.take().contains(&Output::Event(News::Silent(NodeId(2)))));
//! node.input(Input::Message(NodeId(2), Say::Pong));
//! assert_eq!(node.take(), [Output::Event(News::Back(NodeId(2)))]);
//! ```
//!
//! # Durability is data
//! A protocol that must not lose a promise persists a record and then sends: [`Context::send`] marks the message with the
//! position of the record, and a driver releases it from its [`Gate`](host::Gate) when the log is durable that far. A driver that
//! cheats can be caught, because the simulator delays, tears and fails the disk as long as it likes. A protocol that cheats
//! has to write [`Context::send_early`], which can be searched for and mutated.
//!
//! # Composition
//! A parent hosts a child through a [`Slot`] value: many consensus groups, a failure detector and a coordinator then share
//! one transport and one log, and no effect is buffered on its way up.
//!
//! # Cost
//! A step allocates nothing in its steady state (a test counts), and effects stream through a generic sink: a step of six
//! effects costs what writing them by hand into a reused buffer costs (`cargo xtask bench core`).
//!
//! # What it does not do
//! It has no runtime, no network, no disk and no clock. It does not order messages, does not retransmit, and does not
//! detect failures: protocols do. It does not hide that a network loses messages.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

extern crate alloc;

mod context;
mod effect;
mod entropy;
mod floors;
mod gate;
pub mod host;
mod identity;
mod input;
mod lsn;
mod machine;
pub mod mutant;
mod protocol;
mod slot;
pub mod testing;
mod time;
mod verified;
pub mod wire;

pub use bytes::Bytes;
pub use context::Context;
pub use effect::{Effect, Lane, Peers, Sink};
pub use entropy::{Entropy, SplitMix64};
pub use floors::Floors;
pub use identity::{NodeId, PeerChange};
pub use input::{Damage, Input, Link, LogState, Recovered};
pub use lsn::Lsn;
pub use machine::{GapError, RestoreError, StateMachine};
pub use protocol::{Never, Protocol};
pub use slot::{Lift, Slot};
pub use time::{Time, WallInterval};
pub use verified::Verified;

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
