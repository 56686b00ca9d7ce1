//! What runs on each replica: the store, alone or behind client sessions.

use super::Settings;
use crate::{Answer, Store};
use bytes::Bytes;
use core::time::Duration;
use synod_core::{RestoreError, StateMachine};
use synod_raft::session::{self, Limits, Sessions};

/// Short, so that whoever finds no leader for a while finds its session over.
const IDLE_MAX: Duration = Duration::from_millis(800);

/// The state machine of a replica.
#[derive(Clone, Debug)]
pub(super) enum Application {
    /// Commands come as they are.
    Plain(Store),
    /// Commands come in sessions, each of which counts a request once.
    Sessions(Box<Sessions<Store>>),
}

impl Application {
    pub(super) fn new(settings: &Settings) -> Self {
        if !settings.sessions {
            return Self::Plain(Store::default());
        }
        let mut limits = Limits::default();
        limits.idle_max = IDLE_MAX;
        Self::Sessions(Box::new(Sessions::new(Store::default(), limits)))
    }

    pub(super) fn store(&self) -> &Store {
        match self {
            Self::Plain(store) => store,
            Self::Sessions(sessions) => sessions.machine(),
        }
    }

    /// Whether both have the same state, the sessions included.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sessions(one), Self::Sessions(other)) => {
                one.machine() == other.machine() && one.table() == other.table()
            }
            _ => self.store() == other.store(),
        }
    }
}

impl StateMachine for Application {
    type Output = session::Answer<Answer>;

    fn apply(&mut self, position: u64, command: &[u8]) -> Self::Output {
        match self {
            Self::Plain(store) => {
                session::Answer::Done { output: store.apply(position, command), repeated: false }
            }
            Self::Sessions(sessions) => sessions.apply(position, command),
        }
    }

    fn applied(&self) -> u64 {
        match self {
            Self::Plain(store) => store.applied(),
            Self::Sessions(sessions) => sessions.applied(),
        }
    }

    fn snapshot(&self) -> Bytes {
        match self {
            Self::Plain(store) => store.snapshot(),
            Self::Sessions(sessions) => sessions.snapshot(),
        }
    }

    fn restore(&mut self, snapshot: Bytes) -> Result<(), RestoreError> {
        match self {
            Self::Plain(store) => store.restore(snapshot),
            Self::Sessions(sessions) => sessions.restore(snapshot),
        }
    }
}
