//! What stands in the log.

use super::VERSION;
use bytes::BytesMut;
use core::time::Duration;
use synod_core::Bytes;
use synod_core::wire::{WireError, Writer};

/// A command of a machine with sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request<'a> {
    /// Begin a session. Answered by its identity, which is the position of this entry. Proposed twice it begins two; the one
    /// that nobody uses ends by itself.
    Open,
    /// A command of a session.
    Apply {
        /// The session.
        session: u64,
        /// The number of the request in its session; the first is 1.
        sequence: u64,
        /// The client has the answers of all before this number: they need not be kept.
        lowest: u64,
        /// For the machine inside.
        command: &'a [u8],
    },
    /// End a session. Answers that were not fetched are dropped.
    Close {
        /// The session.
        session: u64,
    },
    /// What time it is, as somebody (usually the leader) proposes it every so often. The log's time never goes back, and
    /// nothing but this moves it: sessions expire at the same entry on every replica.
    Tick {
        /// Since an epoch of the application's choice, the same for all.
        now: Duration,
    },
}

const OPEN: u8 = 1;
const APPLY: u8 = 2;
const CLOSE: u8 = 3;
const TICK: u8 = 4;
/// Version, tag, session, sequence, lowest.
const APPLY_LEN: usize = 2 + 3 * 8;

impl<'a> Request<'a> {
    /// What to propose. O(command).
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(APPLY_LEN);
        let mut out = Writer::new(&mut bytes, VERSION);
        out.u8(VERSION);
        match *self {
            Self::Open => out.u8(OPEN),
            Self::Apply { session, sequence, lowest, command } => {
                out.u8(APPLY);
                [session, sequence, lowest].into_iter().for_each(|word| out.u64(word));
                bytes.extend_from_slice(command);
            }
            Self::Close { session } => {
                out.u8(CLOSE);
                out.u64(session);
            }
            Self::Tick { now } => {
                out.u8(TICK);
                out.u64(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
            }
        }
        bytes.freeze()
    }

    /// Reads what was proposed. Allocates nothing.
    ///
    /// # Errors
    /// When the bytes are not a request.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let ([version, tag], mut rest) = take(bytes)?;
        if version != VERSION {
            return Err(WireError::UnknownTag { of: "session format", tag: version });
        }
        let mut word = || {
            let (word, behind) = take(rest)?;
            rest = behind;
            Ok(u64::from_le_bytes(word))
        };
        let request = match tag {
            OPEN => Self::Open,
            APPLY => {
                let (session, sequence, lowest) = (word()?, word()?, word()?);
                if lowest == 0 || lowest > sequence {
                    return Err(WireError::Invalid { field: "lowest" });
                }
                return Ok(Self::Apply { session, sequence, lowest, command: rest });
            }
            CLOSE => Self::Close { session: word()? },
            TICK => Self::Tick { now: Duration::from_millis(word()?) },
            tag => return Err(WireError::UnknownTag { of: "session request", tag }),
        };
        if rest.is_empty() { Ok(request) } else { Err(WireError::LeftOver { count: rest.len() }) }
    }
}

fn take<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), WireError> {
    let missing = N.saturating_sub(bytes.len());
    bytes.split_first_chunk().map(|(head, rest)| (*head, rest)).ok_or(WireError::Truncated { missing })
}
