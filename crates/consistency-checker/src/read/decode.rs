//! What the events of an input mean to a model.

use bytes::Bytes;

use super::{Datum, Format, Record};
use crate::model::Model;
use crate::model::kv::{KvAction, KvCall, KvModel, KvReturn};
use crate::model::register::{Register, RegisterCall, RegisterReturn};

/// Why an event makes no sense to a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The event does not say what it does.
    #[error("the operation has no f (what it does): expected one of {expected}")]
    NoFunction {
        /// What the model knows.
        expected: &'static str,
    },
    /// The model has no such operation.
    #[error("the model has no operation {f:?}: expected one of {expected}; is another model meant?")]
    UnknownFunction {
        /// What was found.
        f: String,
        /// What the model knows.
        expected: &'static str,
    },
    /// The value has the wrong shape.
    #[error("{f} cannot have the value {found}: expected {expected}")]
    Value {
        /// The operation.
        f: String,
        /// What was found.
        found: String,
        /// What the model understands.
        expected: &'static str,
    },
    /// The model needs a key.
    #[error(
        "{f} has no key: expected a key field, or a value of the form [key value]; for one register use that model"
    )]
    NoKey {
        /// The operation.
        f: String,
    },
    /// Call and completion are of different operations.
    #[error("{found} completes a call of another operation")]
    OtherFunction {
        /// What was found.
        found: String,
    },
}

/// A model whose calls and answers can be read from an input.
pub trait Decode: Model {
    /// The call that an `invoke` event makes.
    ///
    /// # Errors
    /// A [`Problem`] if it is none of this model's.
    fn decode_call(&self, record: &Record) -> Result<Self::Call, Problem>;

    /// The answer that an `ok` event gives to `call`.
    ///
    /// # Errors
    /// A [`Problem`] if it cannot be an answer to that call.
    fn decode_answer(&self, call: &Self::Call, record: &Record) -> Result<Self::Return, Problem>;

    /// What a `fail` event without an error tells about the state, or `None` if it tells nothing.
    ///
    /// # Errors
    /// A [`Problem`] if it cannot be an answer to that call.
    fn decode_refusal(&self, call: &Self::Call, record: &Record) -> Result<Option<Self::Return>, Problem>;
}

fn wrong(record: &Record, expected: &'static str) -> Problem {
    wrong_value(record, &record.value, expected)
}

fn wrong_value(record: &Record, found: &Datum, expected: &'static str) -> Problem {
    Problem::Value { f: record.f.clone().unwrap_or_default(), found: found.to_string(), expected }
}

const REGISTER_CALLS: &str = "read, write, cas";

/// An integer or nil.
fn integer(record: &Record, datum: &Datum) -> Result<Option<i64>, Problem> {
    match datum {
        Datum::Nil => Ok(None),
        Datum::Int(value) => Ok(Some(*value)),
        other => Err(wrong_value(record, other, "an integer or nil")),
    }
}

impl Decode for Register {
    fn decode_call(&self, record: &Record) -> Result<RegisterCall, Problem> {
        let f = record.f.as_deref().ok_or(Problem::NoFunction { expected: REGISTER_CALLS })?;
        match f {
            "read" | "get" => Ok(RegisterCall::Read),
            "write" | "put" | "set" => match record.value {
                Datum::Int(value) => Ok(RegisterCall::Write(value)),
                _ => Err(wrong(record, "an integer")),
            },
            "cas" | "compare-and-set" => {
                let (expected, new) = record.value.pair().ok_or_else(|| wrong(record, "[expected new]"))?;
                let new =
                    integer(record, new)?.ok_or_else(|| wrong(record, "an integer as the new value"))?;
                Ok(RegisterCall::Cas { expected: integer(record, expected)?, new })
            }
            other => Err(Problem::UnknownFunction { f: other.to_owned(), expected: REGISTER_CALLS }),
        }
    }

    fn decode_answer(&self, call: &RegisterCall, record: &Record) -> Result<RegisterReturn, Problem> {
        let same = match call {
            RegisterCall::Read => matches!(record.f.as_deref(), None | Some("read" | "get")),
            RegisterCall::Write(_) => matches!(record.f.as_deref(), None | Some("write" | "put" | "set")),
            RegisterCall::Cas { .. } => matches!(record.f.as_deref(), None | Some("cas" | "compare-and-set")),
        };
        if !same {
            return Err(Problem::OtherFunction { found: record.f.clone().unwrap_or_default() });
        }
        match call {
            RegisterCall::Read => integer(record, &record.value).map(RegisterReturn::Value),
            RegisterCall::Write(_) | RegisterCall::Cas { .. } => Ok(RegisterReturn::Done),
        }
    }

    fn decode_refusal(&self, call: &RegisterCall, _: &Record) -> Result<Option<RegisterReturn>, Problem> {
        Ok(matches!(call, RegisterCall::Cas { .. }).then_some(RegisterReturn::Mismatch))
    }
}

const KV_CALLS: &str = "get, put, append, delete, cas";

impl KvModel {
    /// The store that histories in `format` come from: in [`Format::KvText`] a missing key reads as `""`.
    #[must_use]
    pub fn for_format(format: Format) -> Self {
        match format {
            Format::KvText => Self::starting_with(""),
            Format::JepsenLog | Format::Edn | Format::JsonLines => Self::new(),
        }
    }
}

fn bytes(record: &Record, datum: &Datum) -> Result<Option<Bytes>, Problem> {
    match datum {
        Datum::Nil => Ok(None),
        Datum::Text(text) | Datum::Word(text) => Ok(Some(text.clone().into())),
        Datum::Int(value) => Ok(Some(value.to_string().into())),
        other => Err(wrong_value(record, other, "a string, an integer or nil")),
    }
}

/// The key, and the value without it: from the key field, or from a value of the form `[key value]`.
fn keyed(record: &Record) -> Result<(Bytes, &Datum), Problem> {
    let no_key = || Problem::NoKey { f: record.f.clone().unwrap_or_default() };
    let (key, value) = match &record.key {
        Some(key) => (key, &record.value),
        None => record.value.pair().ok_or_else(no_key)?,
    };
    Ok((bytes(record, key)?.ok_or_else(no_key)?, value))
}

impl Decode for KvModel {
    fn decode_call(&self, record: &Record) -> Result<KvCall, Problem> {
        let f = record.f.as_deref().ok_or(Problem::NoFunction { expected: KV_CALLS })?;
        let needed = |value: Option<Bytes>| value.ok_or_else(|| wrong(record, "a string or an integer"));
        let action = |value: &Datum| {
            Ok(match f {
                "get" | "read" => KvAction::Get,
                "put" | "write" | "set" => KvAction::Put(needed(bytes(record, value)?)?),
                "append" => KvAction::Append(needed(bytes(record, value)?)?),
                "delete" | "del" | "remove" => KvAction::Delete,
                "cas" | "compare-and-set" => {
                    let (expected, new) = value.pair().ok_or_else(|| wrong(record, "[expected new]"))?;
                    KvAction::Cas { expected: bytes(record, expected)?, new: needed(bytes(record, new)?)? }
                }
                other => return Err(Problem::UnknownFunction { f: other.to_owned(), expected: KV_CALLS }),
            })
        };
        // An unknown operation is the better news than a missing key.
        if record.key.is_none() && record.value.pair().is_none() {
            action(&Datum::Text(String::new()))?;
        }
        let (key, value) = keyed(record)?;
        Ok(KvCall { key, action: action(value)? })
    }

    fn decode_answer(&self, call: &KvCall, record: &Record) -> Result<KvReturn, Problem> {
        let same = match (&call.action, record.f.as_deref()) {
            (_, None) => true,
            (KvAction::Get, Some(f)) => matches!(f, "get" | "read"),
            (KvAction::Put(_), Some(f)) => matches!(f, "put" | "write" | "set"),
            (KvAction::Append(_), Some(f)) => f == "append",
            (KvAction::Delete, Some(f)) => matches!(f, "delete" | "del" | "remove"),
            (KvAction::Cas { .. }, Some(f)) => matches!(f, "cas" | "compare-and-set"),
        };
        if !same {
            return Err(Problem::OtherFunction { found: record.f.clone().unwrap_or_default() });
        }
        if call.action != KvAction::Get {
            return Ok(KvReturn::Done);
        }
        let value = match (&record.key, record.value.pair()) {
            (None, Some((_, value))) => value,
            _ => &record.value,
        };
        bytes(record, value).map(KvReturn::Value)
    }

    fn decode_refusal(&self, call: &KvCall, _: &Record) -> Result<Option<KvReturn>, Problem> {
        Ok(matches!(call.action, KvAction::Cas { .. }).then_some(KvReturn::Mismatch))
    }
}
