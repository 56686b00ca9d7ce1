//! The store itself: a deterministic state machine.

use crate::command::{Answer, View, WIRE_VERSION};
use bytes::{Bytes, BytesMut};
use std::collections::BTreeMap;
use synod_core::wire::{Reader, Wire, WireError, Writer};
use synod_core::{RestoreError, StateMachine};

/// Keys and values in memory, in key order.
///
/// ```
/// use synod_core::{StateMachine, wire::Wire};
/// use synod_kv::{Answer, Command, Store, WIRE_VERSION};
///
/// let mut store = Store::default();
/// let put = Command::Put { key: "a".into(), value: "1".into() }.to_bytes(WIRE_VERSION);
/// assert_eq!(store.apply_once(1, &put), Ok(Some(Answer::Done)));
/// assert_eq!(store.apply_once(1, &put), Ok(None)); // the log said it twice
/// assert_eq!(store.get(b"a").map(|value| &value[..]), Some(&b"1"[..]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Store {
    applied: u64,
    entries: BTreeMap<Bytes, Bytes>,
}

impl Store {
    /// The value under a key. O(log n).
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Bytes> {
        self.entries.get(key)
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Counts a position that carries no command (a leader's first entry), so that positions stay without gaps.
    pub fn skip(&mut self, position: u64) {
        if position == self.applied + 1 {
            self.applied = position;
        }
    }

    /// Copies what it keeps, and nothing else: a small value must not pin a whole batch of the log.
    fn execute(&mut self, command: View<'_>) -> Answer {
        match command {
            View::Get { key } => Answer::Value(self.entries.get(key).cloned()),
            View::Put { key, value } => {
                self.put(key, Bytes::copy_from_slice(value));
                Answer::Done
            }
            View::Append { key, suffix } => {
                let value = self.entries.get(key).map_or(&[][..], |value| value);
                self.put(key, [value, suffix].concat().into());
                Answer::Done
            }
            View::Delete { key } => {
                self.entries.remove(key);
                Answer::Done
            }
            View::Cas { key, expected, new } => {
                let found = self.entries.get(key);
                if found.map(|found| &found[..]) != expected {
                    return Answer::Mismatch(found.cloned());
                }
                self.put(key, Bytes::copy_from_slice(new));
                Answer::Done
            }
        }
    }

    fn put(&mut self, key: &[u8], value: Bytes) {
        match self.entries.get_mut(key) {
            Some(place) => *place = value,
            None => {
                self.entries.insert(Bytes::copy_from_slice(key), value);
            }
        }
    }
}

impl StateMachine for Store {
    type Output = Answer;

    fn apply(&mut self, position: u64, command: &[u8]) -> Answer {
        self.applied = position;
        match View::read(command) {
            Ok(command) => self.execute(command),
            Err(error) => Answer::Malformed(error),
        }
    }

    fn applied(&self) -> u64 {
        self.applied
    }

    fn snapshot(&self) -> Bytes {
        let mut buffer = BytesMut::new();
        let mut out = Writer::new(&mut buffer, WIRE_VERSION);
        out.u8(WIRE_VERSION);
        out.u64(self.applied);
        out.count(self.entries.len());
        for (key, value) in &self.entries {
            key.encode(&mut out);
            value.encode(&mut out);
        }
        buffer.freeze()
    }

    fn restore(&mut self, snapshot: Bytes) -> Result<(), RestoreError> {
        *self = read(snapshot).map_err(|_| RestoreError)?;
        Ok(())
    }
}

fn read(snapshot: Bytes) -> Result<Store, WireError> {
    let mut input = Reader::new(snapshot, WIRE_VERSION);
    let version = input.u8()?;
    if version != WIRE_VERSION {
        return Err(WireError::UnknownTag { of: "Store", tag: version });
    }
    let applied = input.u64()?;
    let count = input.count(2 * Bytes::LEN_MIN)?;
    let mut entries = BTreeMap::new();
    for _ in 0..count {
        let (key, value) = (input.bytes()?, input.bytes()?);
        if entries.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return Err(WireError::Invalid { field: "keys in order" });
        }
        entries.insert(key, value);
    }
    input.finish()?;
    Ok(Store { applied, entries })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use proptest::prelude::*;

    fn run(store: &mut Store, command: &Command) -> Answer {
        store.apply(store.applied() + 1, &command.to_bytes(WIRE_VERSION))
    }

    #[test]
    fn commands_do_what_they_say() {
        let mut store = Store::default();
        let key = || Bytes::from("k");
        assert_eq!(run(&mut store, &Command::Get { key: key() }), Answer::Value(None));
        assert_eq!(run(&mut store, &Command::Append { key: key(), suffix: "a".into() }), Answer::Done);
        assert_eq!(run(&mut store, &Command::Append { key: key(), suffix: "b".into() }), Answer::Done);
        assert_eq!(run(&mut store, &Command::Get { key: key() }), Answer::Value(Some("ab".into())));
        let cas = Command::Cas { key: key(), expected: None, new: "x".into() };
        assert_eq!(run(&mut store, &cas), Answer::Mismatch(Some("ab".into())));
        let cas = Command::Cas { key: key(), expected: Some("ab".into()), new: "x".into() };
        assert_eq!(run(&mut store, &cas), Answer::Done);
        assert_eq!(run(&mut store, &Command::Delete { key: key() }), Answer::Done);
        let cas = Command::Cas { key: key(), expected: None, new: "y".into() };
        assert_eq!(run(&mut store, &cas), Answer::Done);
        assert_eq!(run(&mut store, &Command::Get { key: key() }), Answer::Value(Some("y".into())));
    }

    #[test]
    fn malformed_commands_change_nothing_but_the_position() {
        let mut store = Store::default();
        assert!(matches!(store.apply(1, b"\xff"), Answer::Malformed(_)));
        assert_eq!((store.applied(), store.is_empty()), (1, true));
    }

    proptest! {
        #[test]
        fn a_restored_snapshot_is_the_store(pairs in proptest::collection::btree_map(any::<Vec<u8>>(), any::<Vec<u8>>(), 0..20)) {
            let mut store = Store::default();
            for (key, value) in pairs {
                run(&mut store, &Command::Put { key: key.into(), value: value.into() });
            }
            let mut copy = Store::default();
            prop_assert_eq!(copy.restore(store.snapshot()), Ok(()));
            prop_assert_eq!(copy, store);
        }

        #[test]
        fn bytes_that_are_no_snapshot_are_refused_and_nothing_is_lost(bytes in any::<Vec<u8>>(), cut in any::<prop::sample::Index>()) {
            let mut store = Store::default();
            run(&mut store, &Command::Put { key: "k".into(), value: "v".into() });
            let before = store.clone();
            let whole = store.snapshot();
            prop_assert!(store.restore(whole.slice(..cut.index(whole.len()))).is_err());
            if store.restore(bytes.into()).is_err() {
                prop_assert_eq!(store, before);
            }
        }
    }
}
