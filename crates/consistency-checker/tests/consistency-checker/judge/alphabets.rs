//! The operations that small histories are made of, and the objects they are judged by.

use std::collections::BTreeMap;

use bytes::Bytes;
use synod_consistency_checker::{
    Completion, KvAction, KvCall, KvReturn, RegisterCall as Call, RegisterReturn as Return,
};

use super::histories::Variant;

pub(crate) type RegisterVariant = Variant<Call, Return>;
pub(crate) type KvVariant = Variant<KvCall, KvReturn>;

fn outcomes(call: Call, refusable: bool) -> Vec<RegisterVariant> {
    let mut variants = vec![(call, Completion::Ok(Return::Done)), (call, Completion::Unknown)];
    if refusable {
        variants.push((call, Completion::Fail(Some(Return::Mismatch))));
    }
    variants
}

/// Every register operation over nil, 1 and 2, with every ending.
pub(crate) fn register_full() -> Vec<RegisterVariant> {
    let mut alphabet =
        register(&[(None, 1), (None, 2), (Some(1), 1), (Some(1), 2), (Some(2), 1), (Some(2), 2)]);
    for call in [Call::Read, Call::Write(1), Call::Write(2), Call::Cas { expected: Some(1), new: 2 }] {
        alphabet.push((call, Completion::Fail(None)));
    }
    alphabet.push((Call::Read, Completion::Unknown));
    alphabet.push((Call::Read, Completion::Fail(Some(Return::Value(Some(1))))));
    alphabet.push((Call::Write(1), Completion::Ok(Return::Mismatch)));
    alphabet
}

/// The register operations that can matter, for histories of four.
pub(crate) fn register_small() -> Vec<RegisterVariant> {
    register(&[(None, 1), (None, 2), (Some(1), 2), (Some(2), 1)])
}

fn register(swaps: &[(Option<i64>, i64)]) -> Vec<RegisterVariant> {
    let mut alphabet: Vec<RegisterVariant> =
        [None, Some(1), Some(2)].map(|seen| (Call::Read, Completion::Ok(Return::Value(seen)))).to_vec();
    for value in [1, 2] {
        alphabet.extend(outcomes(Call::Write(value), false));
    }
    for (expected, new) in swaps {
        alphabet.extend(outcomes(Call::Cas { expected: *expected, new: *new }, true));
    }
    alphabet
}

/// Of two histories that differ only in the names of the values 1 and 2, the one in which 1 comes first.
pub(crate) fn one_comes_first(variants: &[&RegisterVariant]) -> bool {
    let first = variants.iter().find_map(|(call, completion)| match (call, completion) {
        (Call::Read, Completion::Ok(Return::Value(seen)) | Completion::Fail(Some(Return::Value(seen)))) => {
            *seen
        }
        (Call::Read, _) => None,
        (Call::Write(value), _) => Some(*value),
        (Call::Cas { expected, new }, _) => expected.or(Some(*new)),
    });
    first != Some(2)
}

/// A register, written down a second time.
pub(crate) fn register_object(state: &mut Option<i64>, call: &Call, observed: Option<&Return>) -> bool {
    match *call {
        Call::Read => match observed {
            Some(Return::Value(seen)) => seen == state,
            Some(Return::Done | Return::Mismatch) => false,
            None => true,
        },
        Call::Write(value) => {
            *state = Some(value);
            matches!(observed, None | Some(Return::Done))
        }
        Call::Cas { expected, new } => {
            let matched = *state == expected;
            if matched {
                *state = Some(new);
            }
            match observed {
                None => true,
                Some(Return::Done) => matched,
                Some(Return::Mismatch) => !matched,
                Some(Return::Value(_)) => false,
            }
        }
    }
}

/// Every operation on `keys` with values made of x and y; `swaps` adds compare-and-set and delete.
pub(crate) fn kv(keys: &[&'static str], swaps: bool) -> Vec<KvVariant> {
    let mut alphabet = Vec::new();
    for key in keys {
        for seen in [None, Some("x"), Some("y"), Some("xy"), Some("yx"), Some("xx")] {
            alphabet.push((KvCall::get(*key), Completion::Ok(KvReturn::Value(seen.map(Bytes::from)))));
        }
        let mut calls = vec![KvCall::append(*key, "x"), KvCall::append(*key, "y"), KvCall::put(*key, "x")];
        if swaps {
            calls.push(KvCall::delete(*key));
            let cas = KvCall::cas(*key, Some("x".into()), "xy");
            alphabet.push((cas.clone(), Completion::Fail(Some(KvReturn::Mismatch))));
            alphabet.push((cas.clone(), Completion::Ok(KvReturn::MismatchFound(Some("y".into())))));
            calls.push(cas);
        }
        for call in calls {
            alphabet.push((call.clone(), Completion::Ok(KvReturn::Done)));
            alphabet.push((call, Completion::Unknown));
        }
    }
    alphabet
}

/// A store with all its keys, written down a second time.
pub(crate) fn kv_object(
    state: &mut BTreeMap<Bytes, Vec<u8>>,
    call: &KvCall,
    observed: Option<&KvReturn>,
) -> bool {
    let done = matches!(observed, None | Some(KvReturn::Done));
    let found = state.get(&call.key).cloned();
    match &call.action {
        KvAction::Get => match observed {
            Some(KvReturn::Value(seen)) => seen.as_deref() == found.as_deref(),
            other => other.is_none(),
        },
        KvAction::Put(value) => {
            state.insert(call.key.clone(), value.to_vec());
            done
        }
        KvAction::Append(suffix) => {
            state.entry(call.key.clone()).or_default().extend_from_slice(suffix);
            done
        }
        KvAction::Delete => {
            state.remove(&call.key);
            done
        }
        KvAction::Cas { expected, new } => {
            let matched = expected.as_deref() == found.as_deref();
            if matched {
                state.insert(call.key.clone(), new.to_vec());
            }
            match observed {
                None => true,
                Some(KvReturn::Done) => matched,
                Some(KvReturn::Mismatch) => !matched,
                Some(KvReturn::MismatchFound(actual)) => !matched && actual.as_deref() == found.as_deref(),
                Some(KvReturn::Value(_)) => false,
            }
        }
    }
}
