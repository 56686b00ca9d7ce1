//! Replicated state machines: exactly-once application on top of at-least-once events.

use bytes::Bytes;

/// An application that is driven by a replicated log.
///
/// A log hands over its entries at least once: after a crash it may begin again at an earlier position. What makes each
/// entry count once is [`applied`](StateMachine::applied), which the machine stores *in the same atomic step* as the
/// effects of the entry. A machine in memory gets that for nothing: both are lost together.
///
/// **Bring your own storage.** With RocksDB, SQLite or any transactional store: open a transaction in `apply`, change the
/// data, write the position into a row of its own, commit. `applied` reads that row at start. Nothing else is needed; the
/// store's own durability may lag behind, since the log gives the missing entries again.
pub trait StateMachine {
    /// What an entry answers.
    type Output;

    /// Applies the entry at `position`. Must be a function of the state and the command alone: no clock, no chance. A
    /// command that makes no sense has an output that says so.
    fn apply(&mut self, position: u64, command: &[u8]) -> Self::Output;

    /// The position of the last entry that was applied; 0 before the first.
    fn applied(&self) -> u64;

    /// The whole state as bytes, [`applied`](StateMachine::applied) included.
    fn snapshot(&self) -> Bytes;

    /// Replaces the state by a snapshot's.
    ///
    /// # Errors
    /// When the bytes are not a snapshot; the state is then as before.
    fn restore(&mut self, snapshot: Bytes) -> Result<(), RestoreError>;

    /// Applies the entry at `position` unless it has been applied already: what a driver calls for every committed entry.
    ///
    /// # Errors
    /// When an entry between the last applied one and `position` is missing. Nothing is applied then.
    ///
    /// ```
    /// use synod_core::{Bytes, RestoreError, StateMachine};
    ///
    /// #[derive(Default)]
    /// struct Counter { applied: u64, sum: u64 }
    ///
    /// impl StateMachine for Counter {
    ///     type Output = u64;
    ///     fn apply(&mut self, position: u64, command: &[u8]) -> u64 {
    ///         self.applied = position;
    ///         self.sum += command.len() as u64;
    ///         self.sum
    ///     }
    ///     fn applied(&self) -> u64 { self.applied }
    ///     fn snapshot(&self) -> Bytes {
    ///         [self.applied.to_le_bytes(), self.sum.to_le_bytes()].concat().into()
    ///     }
    ///     fn restore(&mut self, snapshot: Bytes) -> Result<(), RestoreError> {
    ///         let (applied, sum) = snapshot.split_at_checked(8).ok_or(RestoreError)?;
    ///         let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).map_err(|_| RestoreError);
    ///         (self.applied, self.sum) = (word(applied)?, word(sum)?);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let mut counter = Counter::default();
    /// assert_eq!(counter.apply_once(1, b"abc"), Ok(Some(3)));
    /// assert_eq!(counter.apply_once(1, b"abc"), Ok(None)); // delivered again: counted once
    /// assert!(counter.apply_once(3, b"").is_err()); // entry 2 is missing
    ///
    /// let mut copy = Counter::default();
    /// copy.restore(counter.snapshot()).unwrap();
    /// assert_eq!((copy.applied, copy.sum), (1, 3));
    /// ```
    fn apply_once(&mut self, position: u64, command: &[u8]) -> Result<Option<Self::Output>, GapError> {
        let applied = self.applied();
        if position <= applied {
            Ok(None)
        } else if position == applied + 1 {
            Ok(Some(self.apply(position, command)))
        } else {
            Err(GapError { applied, position })
        }
    }
}

/// The bytes are not a snapshot of this state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "the bytes are not a snapshot of this state machine: fetch the snapshot again, or from another replica"
)]
pub struct RestoreError;

/// An entry is missing between the last that was applied and the one that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "entry {position} cannot be applied after {applied}: restore a snapshot, or replay the log from {applied}"
)]
pub struct GapError {
    /// The last applied position.
    pub applied: u64,
    /// The position that was offered.
    pub position: u64,
}
