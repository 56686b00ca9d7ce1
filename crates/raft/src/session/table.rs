//! The sessions, on every replica the same.

use super::{Request, decode_all};
use alloc::collections::BTreeMap;
use core::time::Duration;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// What bounds the memory of sessions. A part of the replicated state machine: the same on all replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Limits {
    /// How many sessions may be open. Default 65,536.
    pub sessions_max: usize,
    /// How many requests of a session may be without an acknowledged answer. Default 256.
    pub window: u64,
    /// A session without a request for so long, in the log's time, ends. Default ten minutes.
    pub idle_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sessions_max: 65_536, window: 256, idle_max: Duration::from_secs(600) }
    }
}

/// What a request comes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Answer<O> {
    /// A session has begun.
    Opened {
        /// Its identity.
        session: u64,
    },
    /// The command was applied: now, or when it came first.
    Done {
        /// What the machine answered then.
        output: O,
        /// Whether it had been applied before.
        repeated: bool,
    },
    /// The session is over.
    Closed,
    /// The log's time has been heard of.
    Ticked {
        /// How many sessions expired with it.
        expired: usize,
    },
    /// The request changed nothing.
    Refused(Refused),
}

/// Why a request changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// There is no such session.
    #[error(
        "session {session} is not open: it expired or was closed; whether requests without an answer were applied is unknown"
    )]
    NoSession {
        /// The session.
        session: u64,
    },
    /// The client has said that it has the answer.
    #[error(
        "request {sequence} was answered and the answer given up; a late copy of it is not applied again"
    )]
    Acknowledged {
        /// The request.
        sequence: u64,
    },
    /// Too many requests are under way in this session.
    #[error(
        "request {sequence} is too far ahead: acknowledge answers before sending more than {window} requests"
    )]
    TooFar {
        /// The request.
        sequence: u64,
        /// The limit.
        window: u64,
    },
    /// No session can be opened now.
    #[error(
        "{sessions_max} sessions are open, which is the limit: close some, or wait until idle ones expire"
    )]
    Full {
        /// The limit.
        sessions_max: usize,
    },
    /// The bytes are not a request.
    #[error("the entry is not a request of a session: {0}")]
    Malformed(WireError),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Session<O> {
    /// The log's time at its last request, in milliseconds.
    heard: u64,
    /// Answers before this were acknowledged.
    lowest: u64,
    answers: BTreeMap<u64, O>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table<O> {
    limits: Limits,
    applied: u64,
    /// The log's time, in milliseconds.
    now: u64,
    sessions: BTreeMap<u64, Session<O>>,
}

impl<O> Table<O> {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, applied: 0, now: 0, sessions: BTreeMap::new() }
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn applied(&self) -> u64 {
        self.applied
    }

    pub(super) fn open(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn skip(&mut self, position: u64) {
        self.applied = position;
    }

    fn tick(&mut self, now: Duration) -> usize {
        self.now = self.now.max(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        let idle_max = u64::try_from(self.limits.idle_max.as_millis()).unwrap_or(u64::MAX);
        let (now, before) = (self.now, self.sessions.len());
        self.sessions.retain(|_, session| now - session.heard <= idle_max);
        before - self.sessions.len()
    }
}

impl<O: Clone> Table<O> {
    pub(super) fn apply(
        &mut self,
        position: u64,
        request: Request<'_>,
        apply: impl FnOnce(&[u8]) -> O,
    ) -> Answer<O> {
        self.applied = position;
        match request {
            Request::Open if self.sessions.len() >= self.limits.sessions_max => {
                Answer::Refused(Refused::Full { sessions_max: self.limits.sessions_max })
            }
            Request::Open => {
                let session = Session { heard: self.now, lowest: 1, answers: BTreeMap::new() };
                self.sessions.insert(position, session);
                Answer::Opened { session: position }
            }
            Request::Close { session } => match self.sessions.remove(&session) {
                Some(_) => Answer::Closed,
                None => Answer::Refused(Refused::NoSession { session }),
            },
            Request::Tick { now } => Answer::Ticked { expired: self.tick(now) },
            Request::Apply { session: id, sequence, lowest, command } => {
                let (now, window) = (self.now, self.limits.window);
                let Some(session) = self.sessions.get_mut(&id) else {
                    return Answer::Refused(Refused::NoSession { session: id });
                };
                session.heard = now;
                match session.once(sequence, lowest, window, || apply(command)) {
                    Ok((output, repeated)) => Answer::Done { output, repeated },
                    Err(refused) => Answer::Refused(refused),
                }
            }
        }
    }
}

impl<O: Clone> Session<O> {
    /// Applies the request of this number unless it was; says which.
    fn once(
        &mut self,
        sequence: u64,
        lowest: u64,
        window: u64,
        apply: impl FnOnce() -> O,
    ) -> Result<(O, bool), Refused> {
        // A late copy carries an earlier acknowledgement: it takes nothing back.
        if lowest > self.lowest {
            self.lowest = lowest;
            self.answers = self.answers.split_off(&lowest);
        }
        if sequence < self.lowest {
            return Err(Refused::Acknowledged { sequence });
        }
        if let Some(output) = self.answers.get(&sequence) {
            return Ok((output.clone(), true));
        }
        if sequence - self.lowest >= window {
            return Err(Refused::TooFar { sequence, window });
        }
        let output = apply();
        self.answers.insert(sequence, output.clone());
        Ok((output, false))
    }
}

impl<O: Wire> Table<O> {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.applied);
        out.u64(self.now);
        out.count(self.sessions.len());
        for (id, session) in &self.sessions {
            out.u64(*id);
            out.u64(session.heard);
            out.u64(session.lowest);
            out.count(session.answers.len());
            for (sequence, output) in &session.answers {
                out.u64(*sequence);
                output.encode(out);
            }
        }
    }

    pub(super) fn decode(limits: Limits, input: &mut Reader) -> Result<Self, WireError> {
        let (applied, now) = (input.u64()?, input.u64()?);
        let sessions = decode_all(input, 3 * 8 + 4, |input| {
            let id = input.u64()?;
            let session = Session::decode(input)?;
            let possible = (1..=applied).contains(&id) && session.heard <= now;
            if possible { Ok((id, session)) } else { Err(WireError::Invalid { field: "session" }) }
        })?;
        let count = sessions.len();
        let sessions: BTreeMap<_, _> = sessions.into_iter().collect();
        if sessions.len() != count {
            return Err(WireError::Invalid { field: "sessions" });
        }
        Ok(Self { limits, applied, now, sessions })
    }
}

impl<O: Wire> Session<O> {
    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let (heard, lowest) = (input.u64()?, input.u64()?);
        let answers = decode_all(input, 8 + O::LEN_MIN, |input| {
            let sequence = input.u64()?;
            let output = O::decode(input)?;
            if sequence < lowest {
                return Err(WireError::Invalid { field: "sequence" });
            }
            Ok((sequence, output))
        })?;
        let count = answers.len();
        let answers: BTreeMap<_, _> = answers.into_iter().collect();
        if answers.len() != count || lowest == 0 {
            return Err(WireError::Invalid { field: "answers" });
        }
        Ok(Self { heard, lowest, answers })
    }
}
