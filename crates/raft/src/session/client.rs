//! The client's side.

use super::Request;
use alloc::collections::BTreeSet;
use synod_core::Bytes;

/// Numbers the requests of one session. Lives with the client; a client that forgets it opens a new session.
///
/// Requests may be under way together, in any order, up to [`Limits::window`](super::Limits::window) of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    session: u64,
    next: u64,
    unanswered: BTreeSet<u64>,
}

impl Client {
    /// The client of a session that was opened ([`Answer::Opened`](super::Answer::Opened)).
    #[must_use]
    pub fn new(session: u64) -> Self {
        Self { session, next: 1, unanswered: BTreeSet::new() }
    }

    /// A new request: its number, and what to propose. Propose **the same bytes** until there is an answer, to whichever
    /// node leads; then say so with [`answered`](Client::answered).
    pub fn request(&mut self, command: &[u8]) -> (u64, Bytes) {
        let sequence = self.next;
        self.next += 1;
        self.unanswered.insert(sequence);
        let request = Request::Apply { session: self.session, sequence, lowest: self.lowest(), command };
        (sequence, request.to_bytes())
    }

    /// The answer to this request has arrived: the replicas may forget it.
    pub fn answered(&mut self, sequence: u64) {
        self.unanswered.remove(&sequence);
    }

    /// How many requests have no answer yet.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// What to propose to end the session.
    #[must_use]
    pub fn close(&self) -> Bytes {
        Request::Close { session: self.session }.to_bytes()
    }

    fn lowest(&self) -> u64 {
        self.unanswered.first().copied().unwrap_or(self.next)
    }
}
