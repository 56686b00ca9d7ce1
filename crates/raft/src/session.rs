//! Exactly-once client sessions (section 6.3 of Ongaro's thesis).
//!
//! A client that gets no answer in time cannot know whether its command was applied, and proposes it again. With a session
//! the second copy is recognised wherever it comes up in the log, on every replica alike, and answered with the answer of the
//! first. [`Sessions`] wraps any [`StateMachine`] and is one itself; [`Client`] numbers the requests of one client.
//!
//! Sessions end deterministically: when they are closed, or when the time that the log itself carries ([`Request::Tick`]) has
//! moved on by [`Limits::idle_max`] since their last request. An identity is never used again, so that a late copy of a request
//! from an ended session is refused, and never applied anew. A session is not evicted to make room for another: the newcomer
//! is refused. (Where it is, a client that is merely slow has its command applied twice: `dragonboat`'s tables are of that kind.)
//!
//! # Example
//! ```
//! use std::time::Duration;
//! use synod_core::{Bytes, RestoreError, StateMachine};
//! use synod_raft::session::{Answer, Client, Limits, Request, Sessions};
//!
//! /// Adds what it is told.
//! #[derive(Default)]
//! struct Counter { applied: u64, sum: u64 }
//!
//! impl StateMachine for Counter {
//!     type Output = u64;
//!     fn apply(&mut self, position: u64, command: &[u8]) -> u64 {
//!         self.applied = position;
//!         self.sum += u64::from(command.first().copied().unwrap_or(0));
//!         self.sum
//!     }
//!     fn applied(&self) -> u64 { self.applied }
//!     fn snapshot(&self) -> Bytes { [self.applied.to_le_bytes(), self.sum.to_le_bytes()].concat().into() }
//!     fn restore(&mut self, snapshot: Bytes) -> Result<(), RestoreError> {
//!         let (applied, sum) = snapshot.split_at_checked(8).ok_or(RestoreError)?;
//!         let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).map_err(|_| RestoreError);
//!         (self.applied, self.sum) = (word(applied)?, word(sum)?);
//!         Ok(())
//!     }
//! }
//!
//! // What a replica does with the committed entries; here they are numbered by hand.
//! let mut replica = Sessions::new(Counter::default(), Limits::default());
//! let Answer::Opened { session } = replica.apply(1, &Request::Open.to_bytes()) else { panic!() };
//! let mut client = Client::new(session);
//!
//! let (sequence, request) = client.request(&[5]);
//! assert_eq!(replica.apply(2, &request), Answer::Done { output: 5, repeated: false });
//! // The answer was lost, and the client has proposed the same bytes again: they are in the log twice, and count once.
//! assert_eq!(replica.apply(3, &request), Answer::Done { output: 5, repeated: true });
//! client.answered(sequence);
//!
//! // An hour passes, as the log has it; the session is over, and what it says is refused.
//! replica.apply(4, &Request::Tick { now: Duration::from_secs(3_600) }.to_bytes());
//! let (_, request) = client.request(&[1]);
//! assert!(matches!(replica.apply(5, &request), Answer::Refused(_)));
//! assert_eq!(replica.machine().sum, 5);
//! ```

mod client;
mod request;
mod table;

pub use client::Client;
pub use request::Request;
pub use table::{Answer, Limits, Refused};

use alloc::vec::Vec;
use bytes::BytesMut;
use synod_core::wire::{Reader, Wire, WireError, Writer};
use synod_core::{Bytes, RestoreError, StateMachine};
use table::Table;

/// The format of requests and snapshots.
const VERSION: u8 = 1;

/// A state machine whose commands come in sessions, each counted once.
///
/// Its commands are the bytes of [`Request`]s. Applying is O(log sessions + log window) beside the machine's own work; the
/// memory is bounded by [`Limits`]. The machine inside is applied at the positions of the requests that reach it, which
/// increase but have gaps; its own [`applied`](StateMachine::applied) is not asked.
///
/// The table of the sessions and the machine are one state. What is in memory is in one [`snapshot`](StateMachine::snapshot); a
/// machine that is durable by itself must store the bytes of [`table`](Sessions::table) in the same transaction as the
/// effects of each command, and start from them with [`resume`](Sessions::resume).
#[derive(Clone, Debug)]
pub struct Sessions<M: StateMachine> {
    machine: M,
    table: Table<M::Output>,
}

impl<M> Sessions<M>
where
    M: StateMachine,
    M::Output: Clone + Wire,
{
    /// No session yet. The limits decide what is refused, so they are a part of what the replicas must agree on: all have
    /// the same, as long as the log holds entries to which they were applied.
    #[must_use]
    pub fn new(machine: M, limits: Limits) -> Self {
        Self { machine, table: Table::new(limits) }
    }

    /// A machine that kept its own state, and the sessions that it stored with it.
    ///
    /// # Errors
    /// When the bytes are not such a table.
    pub fn resume(machine: M, limits: Limits, table: Bytes) -> Result<Self, RestoreError> {
        let mut reader = versioned(table)?;
        let table = Table::decode(limits, &mut reader).map_err(|_| RestoreError)?;
        reader.finish().map_err(|_| RestoreError)?;
        Ok(Self { machine, table })
    }

    /// The machine inside: for reads.
    #[must_use]
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// How many sessions are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.table.open()
    }

    /// The sessions as bytes. O(sessions × answers that were not acknowledged).
    #[must_use]
    pub fn table(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        let mut out = Writer::new(&mut bytes, VERSION);
        out.u8(VERSION);
        self.table.encode(&mut out);
        bytes.freeze()
    }
}

impl<M> StateMachine for Sessions<M>
where
    M: StateMachine,
    M::Output: Clone + Wire,
{
    type Output = Answer<M::Output>;

    fn apply(&mut self, position: u64, command: &[u8]) -> Answer<M::Output> {
        let machine = &mut self.machine;
        match Request::parse(command) {
            Ok(request) => self.table.apply(position, request, |command| machine.apply(position, command)),
            Err(error) => {
                self.table.skip(position);
                Answer::Refused(Refused::Malformed(error))
            }
        }
    }

    fn applied(&self) -> u64 {
        self.table.applied()
    }

    fn snapshot(&self) -> Bytes {
        let machine = self.machine.snapshot();
        let mut bytes = BytesMut::with_capacity(machine.len() + 64);
        let mut out = Writer::new(&mut bytes, VERSION);
        out.u8(VERSION);
        self.table.encode(&mut out);
        bytes.extend_from_slice(&machine);
        bytes.freeze()
    }

    fn restore(&mut self, snapshot: Bytes) -> Result<(), RestoreError> {
        let all = snapshot.clone();
        let mut reader = versioned(snapshot)?;
        let table = Table::decode(self.table.limits(), &mut reader).map_err(|_| RestoreError)?;
        let rest = all.len() - reader.remaining();
        self.machine.restore(all.slice(rest..))?;
        self.table = table;
        Ok(())
    }
}

/// A reader behind the byte that says which format follows.
fn versioned(bytes: Bytes) -> Result<Reader, RestoreError> {
    let mut reader = Reader::new(bytes, VERSION);
    match reader.u8() {
        Ok(VERSION) => Ok(reader),
        _ => Err(RestoreError),
    }
}

/// Elements with their number before them.
fn decode_all<T>(
    input: &mut Reader,
    len_min: usize,
    mut each: impl FnMut(&mut Reader) -> Result<T, WireError>,
) -> Result<Vec<T>, WireError> {
    let count = input.count(len_min)?;
    (0..count).map(|_| each(input)).collect()
}
