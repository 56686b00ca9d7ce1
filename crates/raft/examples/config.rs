//! A configuration store with watches, in the manner of etcd and ZooKeeper.
//!
//! `cargo run -p synod-raft --example config`
//!
//! Every change of the store has a **revision**, one more than the last. A key remembers the revision that made it what it is, which is what
//! a compare-and-set compares. The newest changes are kept, so that whoever has seen everything up to a revision can ask for the rest.
//!
//! # What holds
//! * A compare-and-set changes the key only if it is as the writer has seen it: of two writers that have seen the same, one is refused.
//!   A refused one uses up no revision.
//! * A write whose answer was lost is made once, and a retry gets the answer of the first: sessions see to that. Without them a writer would
//!   take its own success for a conflict.
//! * A watch sees every change from its revision on, once, in order, on whichever replica it asks; it may move to another at any time.
//!   Revisions are a part of the replicated state, so they mean the same everywhere.
//! * A watch that is so late that changes it has not seen are forgotten is **told** ([`Compacted`]), and never skips them silently. It
//!   lists what is there, and goes on from the revision of the list.
//!
//! # What does not hold
//! * That a watch is up to date: a replica may lag, and then it tells later. It does not go back in time, since the watch knows its revision.
//! * That every value which a key has had is seen by a watch that had to list: it sees what is there in the end.
//! * That a local read is the newest. Ask for a linearizable one where that matters.

#[path = "support/cluster.rs"]
#[allow(clippy::duplicate_mod, reason = "a test runs all examples in one program")]
mod cluster;
#[path = "support/codec.rs"]
#[allow(clippy::duplicate_mod, reason = "a test runs all examples in one program")]
mod codec;

use cluster::{Cluster, Crash};
use codec::{Map, Text, fields, variants};
use core::error::Error;
use synod_core::wire::Wire;
use synod_core::{Bytes, RestoreError, StateMachine};
use synod_raft::session::{Answer, Client, Limits, Request, Sessions};

const VERSION: u8 = 1;
/// How many changes are kept for watches.
const HISTORY_MAX: usize = 16;

/// What stands in the log: a key shall have this value, or none.
struct Command {
    key: Text,
    value: Option<Text>,
    /// Only if the key has this revision; 0 for a key that is not there.
    expected: Option<u64>,
}

fields! { Command { key, value, expected } }

/// What a command comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Changed {
        revision: u64,
    },
    /// The key is at another revision than was expected.
    Conflict {
        revision: u64,
    },
    /// There was nothing to remove.
    Absent,
    Malformed,
}

variants! { Outcome {
    0 => Changed { revision },
    1 => Conflict { revision },
    2 => Absent {},
    3 => Malformed {},
} }

/// A change that was made. No value: the key was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    revision: u64,
    key: Text,
    value: Option<Text>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Versioned {
    value: Text,
    revision: u64,
}

/// The replicated state. The history belongs to it: every replica forgets the same changes at the same entry.
#[derive(Debug, Default)]
struct Store {
    applied: u64,
    /// Of the last change.
    revision: u64,
    keys: Map<Versioned>,
    history: Vec<Change>,
}

fields! { Store { applied, revision, keys, history } }
fields! { Change { revision, key, value } }
fields! { Versioned { value, revision } }

impl Store {
    fn carry_out(&mut self, Command { key, value, expected }: Command) -> Outcome {
        let revision = self.revision_of(&key);
        if expected.is_some_and(|expected| expected != revision) {
            return Outcome::Conflict { revision };
        }
        if value.is_none() && revision == 0 {
            return Outcome::Absent;
        }
        self.revision += 1;
        let revision = self.revision;
        match value.clone() {
            Some(value) => self.keys.insert(key.clone(), Versioned { value, revision }),
            None => self.keys.remove(&key),
        };
        self.history.push(Change { revision, key, value });
        if self.history.len() > HISTORY_MAX {
            self.history.remove(0);
        }
        Outcome::Changed { revision }
    }

    fn revision_of(&self, key: &Text) -> u64 {
        self.keys.get(key).map_or(0, |versioned| versioned.revision)
    }

    /// What was changed from this revision on.
    fn changes(&self, from: u64) -> Result<impl Iterator<Item = &Change>, Compacted> {
        let oldest = self.history.first().map_or(self.revision + 1, |change| change.revision);
        if from < oldest {
            return Err(Compacted { from, oldest });
        }
        Ok(self.history.iter().filter(move |change| change.revision >= from))
    }
}

/// Changes that were asked for are forgotten.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "changes from {from} on were asked for, and {oldest} is the oldest that is kept: list, and watch from there"
)]
struct Compacted {
    from: u64,
    oldest: u64,
}

impl StateMachine for Store {
    type Output = Outcome;

    fn apply(&mut self, position: u64, command: &[u8]) -> Outcome {
        self.applied = position;
        match Command::from_bytes(Bytes::copy_from_slice(command), VERSION) {
            Ok(command) => self.carry_out(command),
            Err(_) => Outcome::Malformed,
        }
    }

    fn applied(&self) -> u64 {
        self.applied
    }

    fn snapshot(&self) -> Bytes {
        self.to_bytes(VERSION)
    }

    fn restore(&mut self, snapshot: Bytes) -> Result<(), RestoreError> {
        *self = Self::from_bytes(snapshot, VERSION).map_err(|_| RestoreError)?;
        Ok(())
    }
}

/// A program's copy of the keys under a prefix, kept up by a watch.
struct Mirror {
    prefix: &'static str,
    /// Everything before this revision has been seen.
    next: u64,
    keys: Map<Versioned>,
    /// The revisions of the changes that were seen one by one.
    seen: Vec<u64>,
}

impl Mirror {
    fn new(prefix: &'static str) -> Self {
        Self { prefix, next: 1, keys: Map::default(), seen: Vec::new() }
    }

    /// Asks a replica, any one, for what is new.
    fn poll(&mut self, replica: &Store) -> Result<(), Compacted> {
        for change in replica.changes(self.next)? {
            self.next = change.revision + 1;
            if !change.key.starts_with(self.prefix) {
                continue;
            }
            self.seen.push(change.revision);
            match change.value.clone() {
                Some(value) => {
                    self.keys.insert(change.key.clone(), Versioned { value, revision: change.revision });
                }
                None => {
                    self.keys.remove(&change.key);
                }
            }
        }
        Ok(())
    }

    /// Begins anew with what is there. A replica that lags would take the mirror back in time, so it is not asked.
    fn list(&mut self, replica: &Store) {
        if replica.revision + 1 >= self.next {
            self.keys = replica.keys.clone();
            self.keys.retain(|key, _| key.starts_with(self.prefix));
            self.next = replica.revision + 1;
        }
    }
}

type Replicas = Cluster<Sessions<Store>>;

/// Somebody who changes the configuration.
struct Operator(Client);

impl Operator {
    fn open(cluster: &mut Replicas) -> Result<Self, Box<dyn Error>> {
        match cluster.call(Request::Open.to_bytes()) {
            Answer::Opened { session } => Ok(Self(Client::new(session))),
            other => Err(format!("no session: {other:?}").into()),
        }
    }

    fn change(
        &mut self,
        cluster: &mut Replicas,
        key: &str,
        value: Option<&str>,
        expected: Option<u64>,
    ) -> Result<Outcome, Box<dyn Error>> {
        let command = Command { key: key.into(), value: value.map(Text::from), expected };
        let (sequence, request) = self.0.request(&command.to_bytes(VERSION));
        let answer = cluster.call(request);
        self.0.answered(sequence);
        match answer {
            Answer::Done { output, .. } => Ok(output),
            other => Err(format!("no answer: {other:?}").into()),
        }
    }
}

/// Runs the story.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    const POOL: &str = "db/pool";
    let mut cluster = Cluster::new(|| Sessions::new(Store::default(), Limits::default()));
    let (mut ada, mut bob) = (Operator::open(&mut cluster)?, Operator::open(&mut cluster)?);
    let mut mirror = Mirror::new("feature/");
    let replica = cluster.follower();

    // Both operators have seen the pool at revision 1, and make it larger. One of them is too late, looks again, and succeeds.
    let changed = |revision| Outcome::Changed { revision };
    assert_eq!(ada.change(&mut cluster, POOL, Some("10"), Some(0))?, changed(1));
    assert_eq!(ada.change(&mut cluster, POOL, Some("15"), Some(1))?, changed(2));
    assert_eq!(bob.change(&mut cluster, POOL, Some("15"), Some(1))?, Outcome::Conflict { revision: 2 });
    let seen = cluster.read().machine().keys.get(&POOL.into()).cloned().ok_or("the pool is there")?;
    println!("bob is refused, and sees that the pool is {} at revision {}", seen.value, seen.revision);
    assert_eq!(bob.change(&mut cluster, POOL, Some("20"), Some(seen.revision))?, changed(3));

    // The leader crashes when it has made a change and before it says so. The request that is proposed again gets the answer of the
    // first; a new request would be told of a conflict, with the operator's own success.
    assert_eq!(ada.change(&mut cluster, "feature/dark", Some("off"), None)?, changed(4));
    cluster.crash_in_next_call(Crash::BeforeAnswering);
    assert_eq!(ada.change(&mut cluster, "feature/dark", Some("on"), Some(4))?, changed(5));
    let anew = ada.change(&mut cluster, "feature/dark", Some("on"), Some(4))?;
    assert_eq!(anew, Outcome::Conflict { revision: 5 });
    println!("ada's change is made once, though the answer to it was lost");

    // A watch asks a follower, which crashes. It goes on at another, where it was.
    cluster.heal();
    mirror.poll(cluster.machine(replica).ok_or("it is up")?.machine())?;
    assert_eq!(mirror.seen, [4, 5]);
    ada.change(&mut cluster, "feature/fast", Some("on"), None)?;
    ada.change(&mut cluster, POOL, Some("25"), None)?;
    cluster.stop(replica);
    ada.change(&mut cluster, "feature/dark", None, None)?;
    let other = cluster.follower();
    cluster.pass(100); // heartbeats tell the followers what is committed
    mirror.poll(cluster.machine(other).ok_or("it is up")?.machine())?;
    println!("the watch has moved from {replica} to {other}, and has seen revisions {:?}", mirror.seen);
    assert_eq!(mirror.seen, [4, 5, 6, 8], "each once, in order, and those under the prefix alone");
    // A replica that lags has nothing to tell it yet, and takes nothing back.
    mirror.poll(&Store { revision: 3, ..Store::default() })?;
    assert_eq!(mirror.next, 9);

    // The watch sleeps while more is changed than the store remembers. It is told, and lists.
    for number in 0..=HISTORY_MAX {
        bob.change(&mut cluster, "feature/limit", Some(&number.to_string()), None)?;
    }
    let store = cluster.read().machine();
    let Err(told) = mirror.poll(store) else { return Err("changes were skipped".into()) };
    println!("the watch slept for too long: {told}");
    assert_eq!(told, Compacted { from: 9, oldest: 10 });
    mirror.list(store);
    assert_eq!(mirror.next, store.revision + 1);
    bob.change(&mut cluster, "feature/limit", Some("none"), None)?;

    // Everybody comes back, and the watch asks the node that was down for so long that it was sent a snapshot.
    cluster.heal();
    assert_eq!(cluster.snapshots_sent(), 1);
    let store = cluster.machine(replica).ok_or("it is up")?.machine();
    mirror.poll(store)?;
    let names: Vec<_> = mirror.keys.iter().map(|(key, at)| format!("{key} = {}", at.value)).collect();
    println!("in the end the watch has {names:?}");
    assert_eq!(names, ["feature/fast = on", "feature/limit = none"]);
    assert!(mirror.keys.iter().all(|(key, at)| store.keys.get(key) == Some(at)));
    Ok(())
}
