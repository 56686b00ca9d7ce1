//! A key-value store with get, put, append, delete and compare-and-set.

use bytes::Bytes;

use super::text::Text;
use super::{Footprint, Model};
use crate::history::Completion;

/// A key-value store: each key is judged on its own. Keys and values are bytes.
///
/// ```
/// use synod_consistency_checker::{Budget, History, KvCall, KvModel, KvReturn, check};
///
/// # fn main() -> Result<(), synod_consistency_checker::HistoryError> {
/// let mut history = History::new();
/// let put = history.invoke(0, KvCall::put("a", "1"));
/// history.unknown(put)?; // timed out: it may happen later
/// let first = history.invoke(1, KvCall::get("a"));
/// history.ok(first, KvReturn::Value(None))?;
/// let second = history.invoke(1, KvCall::get("a"));
/// history.ok(second, KvReturn::value("1"))?;
///
/// let model = KvModel::new();
/// let report = check(&model, &history, &Budget::default());
/// assert!(report.is_linearizable(), "{report}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct KvModel {
    initial: Option<Bytes>,
}

/// What a client asks of one key of a store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KvCall {
    /// The key.
    pub key: Bytes,
    /// What to do with it.
    pub action: KvAction,
}

/// What to do with a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KvAction {
    /// Read the value.
    Get,
    /// Replace the value.
    Put(Bytes),
    /// Put bytes behind the value; a missing key counts as empty.
    Append(Bytes),
    /// Remove the key.
    Delete,
    /// Replace `expected` by `new`, or refuse.
    Cas {
        /// The value that the key must have; `None` for a key that must be missing.
        expected: Option<Bytes>,
        /// The value to put in its place.
        new: Bytes,
    },
}

/// What a store answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KvReturn {
    /// The value that a get saw; `None` for a missing key.
    Value(Option<Bytes>),
    /// A put, append, delete or compare-and-set took effect.
    Done,
    /// A compare-and-set was refused: the value was not the expected one.
    Mismatch,
    /// A compare-and-set was refused, and the answer says what was there instead.
    MismatchFound(Option<Bytes>),
}

impl KvCall {
    /// Reads `key`.
    pub fn get(key: impl Into<Bytes>) -> Self {
        Self { key: key.into(), action: KvAction::Get }
    }

    /// Replaces the value of `key`.
    pub fn put(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self { key: key.into(), action: KvAction::Put(value.into()) }
    }

    /// Appends to the value of `key`.
    pub fn append(key: impl Into<Bytes>, suffix: impl Into<Bytes>) -> Self {
        Self { key: key.into(), action: KvAction::Append(suffix.into()) }
    }

    /// Removes `key`.
    pub fn delete(key: impl Into<Bytes>) -> Self {
        Self { key: key.into(), action: KvAction::Delete }
    }

    /// Replaces `expected` by `new` under `key`, or refuses.
    pub fn cas(key: impl Into<Bytes>, expected: Option<Bytes>, new: impl Into<Bytes>) -> Self {
        Self { key: key.into(), action: KvAction::Cas { expected, new: new.into() } }
    }
}

impl KvReturn {
    /// The answer of a get that found something.
    pub fn value(value: impl Into<Bytes>) -> Self {
        Self::Value(Some(value.into()))
    }
}

/// The value under one key, as the model sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KvState(Option<Text>);

impl KvState {
    fn of(value: Option<&Bytes>) -> Self {
        Self(value.map(|bytes| Text::from(bytes.clone())))
    }

    /// The value, or `None` for a missing key.
    #[must_use]
    pub fn value(&self) -> Option<Bytes> {
        self.0.as_ref().map(Text::to_bytes)
    }
}

impl KvModel {
    /// A store in which every key is missing at first.
    #[must_use]
    pub const fn new() -> Self {
        Self { initial: None }
    }

    /// A store in which every key has `value` at first. Stores that answer a get of a missing key with an empty string
    /// start with `""`.
    pub fn starting_with(value: impl Into<Bytes>) -> Self {
        Self { initial: Some(value.into()) }
    }
}

impl Model for KvModel {
    type State = KvState;
    type Call = KvCall;
    type Return = KvReturn;
    type Key = Bytes;

    fn initial(&self) -> KvState {
        KvState::of(self.initial.as_ref())
    }

    fn step(&self, state: &KvState, call: &KvCall, returned: Option<&KvReturn>) -> Option<KvState> {
        match (&call.action, returned) {
            (KvAction::Get, None) => Some(state.clone()),
            (KvAction::Get, Some(KvReturn::Value(seen))) => {
                holds(state, seen.as_ref()).then(|| state.clone())
            }
            (KvAction::Put(value), None | Some(KvReturn::Done)) => Some(KvState::of(Some(value))),
            (KvAction::Append(suffix), None | Some(KvReturn::Done)) => Some(KvState(Some(
                state.0.as_ref().map_or_else(|| Text::from(suffix.clone()), |text| text.append(suffix)),
            ))),
            (KvAction::Delete, None | Some(KvReturn::Done)) => Some(KvState(None)),
            (KvAction::Cas { expected, new }, None) => {
                Some(if holds(state, expected.as_ref()) { KvState::of(Some(new)) } else { state.clone() })
            }
            (KvAction::Cas { expected, new }, Some(KvReturn::Done)) => {
                holds(state, expected.as_ref()).then(|| KvState::of(Some(new)))
            }
            (KvAction::Cas { expected, .. }, Some(KvReturn::Mismatch)) => {
                (!holds(state, expected.as_ref())).then(|| state.clone())
            }
            (KvAction::Cas { expected, .. }, Some(KvReturn::MismatchFound(found))) => {
                (found != expected && holds(state, found.as_ref())).then(|| state.clone())
            }
            _ => None,
        }
    }

    fn key(&self, call: &KvCall) -> Option<Bytes> {
        Some(call.key.clone())
    }

    fn footprint(&self, call: &KvCall, returned: Option<&KvReturn>) -> Footprint<KvState> {
        match (&call.action, returned) {
            (KvAction::Get, None) => Footprint::Inert,
            (KvAction::Get, Some(KvReturn::Value(seen))) => Footprint::Reads(KvState::of(seen.as_ref())),
            (KvAction::Put(value), None | Some(KvReturn::Done)) => {
                Footprint::Writes(KvState::of(Some(value)))
            }
            (KvAction::Append(_), None | Some(KvReturn::Done)) => Footprint::Grows,
            (KvAction::Delete, None | Some(KvReturn::Done)) => Footprint::Writes(KvState(None)),
            (KvAction::Cas { expected, new }, None | Some(KvReturn::Done)) => {
                Footprint::Swaps(KvState::of(expected.as_ref()), KvState::of(Some(new)))
            }
            (KvAction::Cas { expected, .. }, Some(KvReturn::Mismatch)) => {
                Footprint::Avoids(KvState::of(expected.as_ref()))
            }
            (KvAction::Cas { expected, .. }, Some(KvReturn::MismatchFound(found))) if found != expected => {
                Footprint::Reads(KvState::of(found.as_ref()))
            }
            _ => Footprint::Impossible,
        }
    }

    fn may_precede(&self, earlier: &KvState, later: &KvState) -> bool {
        match (&earlier.0, &later.0) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(earlier), Some(later)) => earlier.may_precede(later),
        }
    }

    fn state_bytes(&self, state: &KvState) -> usize {
        state.0.as_ref().map_or(size_of::<KvState>(), Text::own_bytes)
    }

    fn describe(&self, call: &KvCall, completion: &Completion<KvReturn>) -> String {
        let key = readable(&call.key);
        let call = match &call.action {
            KvAction::Get => format!("get {key}"),
            KvAction::Put(value) => format!("put {key} {}", readable(value)),
            KvAction::Append(suffix) => format!("append {key} {}", readable(suffix)),
            KvAction::Delete => format!("delete {key}"),
            KvAction::Cas { expected, new } => {
                format!("cas {key} {} -> {}", readable_or_nil(expected.as_ref()), readable(new))
            }
        };
        let answer = match completion {
            Completion::Ok(returned) | Completion::Fail(Some(returned)) => match returned {
                KvReturn::Value(seen) => format!("= {}", readable_or_nil(seen.as_ref())),
                KvReturn::Done => "ok".to_owned(),
                KvReturn::Mismatch => "refused: mismatch".to_owned(),
                KvReturn::MismatchFound(found) => {
                    format!("refused: found {}", readable_or_nil(found.as_ref()))
                }
            },
            Completion::Fail(None) => "failed".to_owned(),
            Completion::Unknown => "unknown".to_owned(),
        };
        format!("{call} {answer}")
    }

    fn describe_state(&self, state: &KvState) -> String {
        readable_or_nil(state.value().as_ref())
    }

    fn describe_key(&self, key: &Bytes) -> String {
        readable(key)
    }
}

fn holds(state: &KvState, value: Option<&Bytes>) -> bool {
    match (&state.0, value) {
        (None, None) => true,
        (Some(text), Some(bytes)) => text.len() == bytes.len() && *text == Text::from(bytes.clone()),
        _ => false,
    }
}

/// The beginning and the end of a value: in a run of appends, what differs is at the end.
fn readable(bytes: &Bytes) -> String {
    const SHOWN: usize = 48;
    if bytes.len() <= SHOWN {
        return format!("\"{}\"", bytes.escape_ascii());
    }
    let (head, tail) = (&bytes[..SHOWN / 2], &bytes[bytes.len() - SHOWN / 2..]);
    format!("\"{}…{}\" ({} bytes)", head.escape_ascii(), tail.escape_ascii(), bytes.len())
}

fn readable_or_nil(value: Option<&Bytes>) -> String {
    value.map_or_else(|| "nil".to_owned(), readable)
}
