//! Clients with sessions: whoever hears nothing asks again, and what was asked twice must count once.

use super::{Cluster, Mail, Mischief, Outcome, Raw, changes};
use bytes::Bytes;
use core::time::Duration;
use synod_core::Time;
use synod_raft::session::{Client, Request};

/// Added to the number of an operation whose client must open a session first.
pub(super) const OPENING: u64 = 1 << 49;
/// How often an operation is proposed again after a wait in vain.
const TRIES_MAX: u32 = 3;

/// What a client keeps of its session.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    client: Option<Client>,
    /// The request of the operation that is under way: the same bytes until there is an answer.
    request: Option<(u64, Bytes)>,
    tries: u32,
}

impl Session {
    /// What to propose for an operation, and under which token.
    pub(super) fn proposal(&mut self, number: u64, command: &[u8]) -> (u64, Bytes) {
        let Some(client) = &mut self.client else { return (number | OPENING, Request::Open.to_bytes()) };
        let (_, request) = self.request.get_or_insert_with(|| client.request(command));
        (number, request.clone())
    }

    /// Whether the operation may be in some log.
    pub(super) const fn has_proposed(&self) -> bool {
        self.request.is_some()
    }

    /// The operation is over: a copy of it that comes late is not wanted any more.
    pub(super) fn finish(&mut self) {
        if let (Some(client), Some((sequence, _))) = (&mut self.client, self.request.take()) {
            client.answered(sequence);
        }
        self.tries = 0;
    }
}

impl Cluster {
    /// A session is open. Whoever does not wait for it any more keeps it for later.
    pub(super) fn session_opened(&mut self, number: u64, session: u64, io: &mut Raw<'_>) {
        let client = self.client_of(number);
        let Some(state) = self.clients.get_mut(client) else { return };
        if state.session.client.is_none() {
            state.session.client = Some(Client::new(session));
            if self.is_current(client, number) {
                self.send(client, io);
            }
        }
    }

    /// The session is over; nobody knows what became of the operation.
    pub(super) fn session_refused(&mut self, number: u64, io: &mut Raw<'_>) {
        let client = self.client_of(number);
        if !self.is_current(client, number) {
            return;
        }
        self.tally.sessions_over += 1;
        if let Some(state) = self.clients.get_mut(client) {
            state.session = Session::default();
        }
        self.end(number, Outcome::Unknown, io);
    }

    /// Whether this operation goes through the log in a session.
    pub(super) fn in_session(&self, client: usize) -> bool {
        self.settings.sessions && self.clients.get(client).is_some_and(|state| state.read.is_none())
    }

    /// A wait was in vain: asks again, whatever became of the first copies.
    pub(super) fn try_again(&mut self, client: usize, number: u64, io: &mut Raw<'_>) -> bool {
        let renumbered = self.settings.sabotage == Some(Mischief::RenumberedRetry);
        let mine = self.in_session(client);
        let Some(state) =
            self.clients.get_mut(client).filter(|state| mine && state.session.tries < TRIES_MAX)
        else {
            return false;
        };
        state.session.tries += 1;
        if renumbered {
            state.session.request = None;
        }
        self.tally.retries += 1;
        let give_up = self.letter(Mail::GiveUp { client, number });
        io.wake(self.settings.patience, give_up);
        self.send(client, io);
        true
    }

    /// Sends the operation once more after a moment: an earlier copy of it may be anywhere.
    pub(super) fn send_later(&mut self, client: usize, number: u64, io: &mut Raw<'_>) {
        let again = self.letter(Mail::Again { client, number });
        io.wake(Duration::from_millis(20), again);
    }

    /// Now and then somebody says what time it is, and a client ends its session.
    pub(super) fn keep_sessions(&mut self, client: usize, number: u64, io: &mut Raw<'_>) {
        if !self.settings.sessions {
            return;
        }
        let Some(state) = self.clients.get_mut(client) else { return };
        let target = state.target;
        let propose = |key: u64, payload: Bytes, io: &mut Raw<'_>| {
            let command = synod_raft::Command::Propose { token: changes::TOKEN, payload };
            io.request(target, number ^ key, command);
        };
        if io.decide((number << 8) | 0xf6, 8) == 0 {
            let Time(now) = io.now();
            propose(1 << 60, Request::Tick { now: Duration::from_nanos(now) }.to_bytes(), io);
        }
        if io.decide((number << 8) | 0xf7, 30) == 0
            && let Some(ended) = state.session.client.take()
        {
            propose(1 << 59, ended.close(), io);
        }
    }
}
