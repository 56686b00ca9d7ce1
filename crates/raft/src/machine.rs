//! A state machine behind Raft: applies what is committed, each entry once, and keeps, gives and takes snapshots.
//!
//! [`Machine`] is the host's half of [`Event::Committed`](crate::Event::Committed) and of every [`Job`] that is about snapshots, for state
//! machines whose [`snapshot`](StateMachine::snapshot) fits into memory. It stores snapshots in a [`Folder`], which is a few operations on
//! files; whatever is stored there must survive a crash. A state machine that keeps its state on a disk by itself, or that is too large
//! for this, answers the jobs in its own way.
//!
//! ```
//! use synod_core::{Bytes, NodeId, RestoreError, StateMachine, Time};
//! use synod_raft::machine::{Machine, Memory};
//! use synod_raft::{Config, Event, Node, Output, Start};
//!
//! /// Counts what it is told.
//! #[derive(Default)]
//! struct Count { applied: u64, count: u64 }
//!
//! impl StateMachine for Count {
//!     type Output = u64;
//!     fn apply(&mut self, position: u64, _: &[u8]) -> u64 {
//!         self.applied = position;
//!         self.count += 1;
//!         self.count
//!     }
//!     fn applied(&self) -> u64 { self.applied }
//!     fn snapshot(&self) -> Bytes { [self.applied.to_le_bytes(), self.count.to_le_bytes()].concat().into() }
//!     fn restore(&mut self, snapshot: Bytes) -> Result<(), RestoreError> {
//!         let (applied, count) = snapshot.split_at_checked(8).ok_or(RestoreError)?;
//!         let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).map_err(|_| RestoreError);
//!         (self.applied, self.count) = (word(applied)?, word(count)?);
//!         Ok(())
//!     }
//! }
//!
//! let start = Start { now: Time::ZERO, incarnation: 1, seed: 7 };
//! let mut node = Node::new(Config::new(NodeId(1), [NodeId(1)]), start)?;
//! let mut machine = Machine::new(Count::default(), Memory::default(), 10)?; // a snapshot every ten entries
//! for token in 0..=25 {
//!     if token == 0 { node.campaign() } else { node.propose(Time::ZERO, token, "one more") }
//!     while let Some(output) = node.output() {
//!         match output {
//!             Output::Write { at, .. } => node.written(at), // on the disk, that is
//!             Output::Event(Event::Committed(entries)) => machine.apply(&entries, |id, count| {
//!                 println!("{id} was number {count}");
//!             })?,
//!             Output::Job(job) => if let Some(done) = machine.work(&job) { node.done(Time::ZERO, done) },
//!             _ => {}
//!         }
//!     }
//!     if machine.is_due() && let Some(upto) = machine.checkpoint() {
//!         node.compact(upto);
//!     }
//! }
//! assert_eq!(machine.inner().count, 25);
//!
//! // After a crash the state is that of the last snapshot, and the log gives the rest.
//! let mut machine = Machine::new(Count::default(), machine.into_folder(), 10)?;
//! assert!(machine.inner().count >= 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod folder;

pub use folder::{Folder, Memory};

use crate::{Done, EntryId, EntryKind, Found, Index, Job, Piece, Segment, Snapshot};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use synod_core::mutant;
use synod_core::{Bytes, GapError, NodeId, SplitMix64, StateMachine};

/// The name of the file in which a snapshot grows that is written here, until it is whole.
const DRAFT: &str = "draft";

/// A state machine, what of it has been applied, and its snapshots.
#[derive(Clone, Debug)]
pub struct Machine<M, F> {
    machine: M,
    folder: F,
    /// Applied up to here, entries without a command included.
    position: Index,
    every: u64,
    newest: Option<Found>,
    /// Which snapshot each peer is being sent.
    open: BTreeMap<NodeId, Found>,
    /// The state was lost, and another is to come.
    waiting: bool,
    /// It has come, and the node may not know yet: until then it hands over what follows on what it handed over before.
    resuming: bool,
}

impl<M: StateMachine, F: Folder> Machine<M, F> {
    /// A state machine that goes on from the newest snapshot in the folder, or from its own state if that is newer. A snapshot is
    /// due after every so many entries; never where that is 0. O(snapshot).
    ///
    /// # Errors
    /// When the newest snapshot cannot be read: the disk has lost what it had stored.
    pub fn new(machine: M, folder: F, every: u64) -> Result<Self, UnreadableError> {
        let position = Index(machine.applied());
        let (newest, open) = (None, BTreeMap::new());
        let (waiting, resuming) = (false, false);
        let mut this = Self { machine, folder, position, every, newest, open, waiting, resuming };
        this.folder.remove(DRAFT);
        let newest =
            this.folder.names().iter().filter_map(|name| found_in(name)).max_by_key(|found| found.last);
        if let Some(found) = newest {
            this.newest = newest;
            if found.last > this.position {
                let unreadable = UnreadableError { last: found.last };
                let bytes =
                    this.read(&name_of(found)).filter(|bytes| is_whole(found, bytes)).ok_or(unreadable)?;
                this.machine.restore(bytes).map_err(|_| unreadable)?;
                this.position = found.last;
            }
        }
        Ok(this)
    }

    /// An empty state machine whose state was lost, though the log was not. It applies nothing before a snapshot is installed: ask the
    /// node for one ([`Command::DemandSnapshot`](crate::Command::DemandSnapshot)), also after a restart, as long as
    /// [`is_waiting`](Machine::is_waiting) says so. O(files).
    pub fn without_state(machine: M, mut folder: F, every: u64) -> Self {
        for name in folder.names() {
            folder.remove(&name);
        }
        let (newest, open) = (None, BTreeMap::new());
        let (position, waiting, resuming) = (Index::ZERO, true, false);
        Self { machine, folder, position, every, newest, open, waiting, resuming }
    }

    /// Whether nothing can be applied before a snapshot is installed.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Applies committed entries, each of them once, and hands over what they answer. O(entries).
    ///
    /// # Errors
    /// When an entry before them was never handed over. Nothing is applied then; a driver that hands over every
    /// [`Event::Committed`](crate::Event::Committed) never meets this.
    pub fn apply(
        &mut self,
        entries: &Segment,
        mut answer: impl FnMut(EntryId, M::Output),
    ) -> Result<(), GapError> {
        if self.waiting {
            return Ok(());
        }
        if entries.first() > self.position.next() {
            // They come again, after those before them, when the node knows of the snapshot.
            if self.resuming {
                return Ok(());
            }
            return Err(GapError { applied: self.position.0, position: entries.first().0 });
        }
        self.resuming = false;
        for entry in entries {
            if entry.index <= self.position {
                continue;
            }
            self.position = entry.index;
            // A machine that keeps its state by itself may be farther than the log knows.
            if entry.kind == EntryKind::Normal && entry.index.0 > self.machine.applied() {
                let output = self.machine.apply(entry.index.0, entry.payload);
                answer(EntryId { term: entry.term, index: entry.index }, output);
            }
        }
        Ok(())
    }

    /// The state machine: for reads.
    #[must_use]
    pub const fn inner(&self) -> &M {
        &self.machine
    }

    /// The last entry that was applied; entries without a command count.
    #[must_use]
    pub const fn position(&self) -> Index {
        self.position
    }

    /// Whether so many entries were applied since the last snapshot that another is due. O(1).
    #[must_use]
    pub fn is_due(&self) -> bool {
        let saved = self.newest.map_or(Index::ZERO, |found| found.last);
        self.every > 0 && self.position.since(saved) >= self.every
    }

    /// Stores a snapshot of the state. What it returns is for [`Command::Compact`](crate::Command::Compact); `None` where nothing is new,
    /// or the folder cannot store it. O(state).
    pub fn checkpoint(&mut self) -> Option<Index> {
        let last = self.position;
        if last == Index::ZERO || self.newest.is_some_and(|found| found.last >= last) {
            return None;
        }
        let bytes = self.machine.snapshot();
        let found = Found { last, len: bytes.len() as u64, digest: digest(&bytes) };
        self.folder.remove(DRAFT);
        (self.folder.append(DRAFT, &bytes) && self.folder.rename(DRAFT, &name_of(found))).then(|| {
            self.adopt(found);
            last
        })
    }

    /// Does a job, and says what came of it. `None` for what needs no answer, and for [`Job::Recall`]: records are in the node's
    /// log, and whoever keeps that answers.
    pub fn work(&mut self, job: &Job) -> Option<Done> {
        match job {
            Job::Open { to, index_min } => Some(Done::Open { to: *to, found: self.choose(*to, *index_min) }),
            Job::Read { to, offset, len } => {
                let name = self.open.get(to).map(|found| name_of(*found));
                let bytes = name.and_then(|name| self.folder.read(&name, *offset, *len)).unwrap_or_default();
                Some(Done::Read { to: *to, offset: *offset, bytes })
            }
            Job::Close { to } => {
                self.open.remove(to);
                self.tidy();
                None
            }
            Job::Begin(snapshot) => {
                let stored = Some(self.begin(snapshot));
                Some(Done::Write { snapshot: snapshot.clone(), stored })
            }
            Job::Write(Piece { snapshot, offset, bytes }) => {
                let name = part_of(snapshot);
                let stored = self.folder.len(&name).unwrap_or(0);
                let fits = stored == *offset && self.folder.append(&name, bytes);
                let stored = fits.then(|| offset.saturating_add(bytes.len() as u64));
                Some(Done::Write { snapshot: snapshot.clone(), stored })
            }
            Job::Install(snapshot) => {
                Some(Done::Install { snapshot: snapshot.clone(), installed: self.install(snapshot) })
            }
            Job::Recall { .. } => None,
        }
    }

    /// The folder, without the state machine.
    pub fn into_folder(self) -> F {
        self.folder
    }

    fn choose(&mut self, to: NodeId, index_min: Index) -> Option<Found> {
        if self.newest.is_none_or(|found| found.last < index_min) {
            self.checkpoint();
        }
        let found = self.newest.filter(|found| found.last >= index_min)?;
        self.open.insert(to, found);
        Some(found)
    }

    /// Makes room for a snapshot that is going to arrive; says how much of it is here.
    fn begin(&mut self, snapshot: &Snapshot) -> u64 {
        let part = part_of(snapshot);
        for name in self.folder.names() {
            if name.starts_with("part-") && name != part {
                self.folder.remove(&name);
            }
        }
        self.folder.len(&part).unwrap_or(0)
    }

    fn install(&mut self, snapshot: &Snapshot) -> bool {
        let part = part_of(snapshot);
        let found = Found { last: snapshot.last.index, len: snapshot.len, digest: snapshot.digest };
        if mutant!(found.last <= self.position, "older-snapshot-taken" => false) {
            // The log may forget what comes before, so what is here must be as safe as the snapshot would be.
            self.folder.remove(&part);
            if self.newest.is_none_or(|newest| newest.last < found.last) {
                self.checkpoint();
            }
            return self.newest.is_some_and(|newest| newest.last >= found.last);
        }
        let whole = self.read(&part).filter(|bytes| is_whole(found, bytes));
        let restored = whole.is_some_and(|bytes| self.machine.restore(bytes).is_ok());
        if !restored {
            self.folder.remove(&part);
            return false;
        }
        self.position = found.last;
        self.resuming |= core::mem::take(&mut self.waiting);
        let kept = self.folder.rename(&part, &name_of(found));
        if kept {
            self.adopt(found);
        }
        kept
    }

    fn adopt(&mut self, found: Found) {
        self.newest = Some(found);
        self.tidy();
    }

    /// Removes what is neither the newest nor being read.
    fn tidy(&mut self) {
        for name in self.folder.names() {
            let Some(found) = found_in(&name) else { continue };
            if self.newest != Some(found) && !self.open.values().any(|open| *open == found) {
                self.folder.remove(&name);
            }
        }
    }

    fn read(&self, name: &str) -> Option<Bytes> {
        let len = usize::try_from(self.folder.len(name)?).ok()?;
        self.folder.read(name, 0, len)
    }
}

fn is_whole(found: Found, bytes: &Bytes) -> bool {
    bytes.len() as u64 == found.len && digest(bytes) == found.digest
}

fn name_of(Found { last, len, digest }: Found) -> String {
    format!("snapshot-{:016x}-{len:016x}-{digest:016x}", last.0)
}

fn part_of(snapshot: &Snapshot) -> String {
    format!("part-{:016x}-{:016x}-{:016x}", snapshot.last.index.0, snapshot.len, snapshot.digest)
}

fn found_in(name: &str) -> Option<Found> {
    let numbers: Vec<u64> = name
        .strip_prefix("snapshot-")?
        .split('-')
        .map(|word| u64::from_str_radix(word, 16).ok())
        .collect::<Option<_>>()?;
    match *numbers.as_slice() {
        [last, len, digest] => Some(Found { last: Index(last), len, digest }),
        _ => None,
    }
}

/// Names the bytes, and finds accidental damage; it is no defence against an adversary.
fn digest(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let whole = words
        .iter()
        .fold(bytes.len() as u64, |digest, word| SplitMix64::mix(digest ^ u64::from_le_bytes(*word)));
    rest.iter().fold(whole, |digest, byte| SplitMix64::mix(digest ^ u64::from(*byte)))
}

/// The newest snapshot in the folder cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "the snapshot up to entry {last} is damaged: begin with an empty state, and ask for another (DemandSnapshot)"
)]
pub struct UnreadableError {
    /// The last entry that it should cover.
    pub last: Index,
}
