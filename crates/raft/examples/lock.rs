//! A distributed lock with fencing tokens.
//!
//! `cargo run -p synod-raft --example lock`
//!
//! Clients ask a replicated state machine for a lock. Whoever gets it holds it for a lease, and gets a **token**: a number greater than that of
//! every earlier grant.
//!
//! # What holds
//! * At every position of the log at most one client holds the lock, whatever crashes. Who waits gets it when the lease is over, even
//!   if the holder never speaks again.
//! * Tokens rise with every grant and never repeat: a token is the position of the grant in the log. They outlive every crash, need no
//!   counter, and are ordered across all locks.
//! * Asking twice is harmless: a holder that asks again, because the answer was lost, gets the token that it has and a longer lease.
//!
//! # What does not hold
//! * **That only one client believes that it holds the lock.** A client that pauses (garbage collection, a page fault, a suspended
//!   machine, a slow network) does not notice that its lease ends. Looking at a clock before the write does not help: the pause may
//!   come between the look and the write. No lock with a lease can do better, and one without never recovers from a dead holder.
//! * So the lock alone does not protect anything. The resource does, by refusing every token that is older than the newest that it has
//!   seen. Reads must show their token too: otherwise a late write could slip in between the new holder's read and its write.
//! * A copy of a request that was on its way for very long may take the lock again for a client that has released it; the
//!   lease ends that. Sessions refuse such copies (see the example `ids`).
//!
//! Leases run by the log's own time, which a `Tick` moves. A clock that is wrong makes leases longer or shorter, and nothing unsafe.

#[path = "support/cluster.rs"]
#[allow(clippy::duplicate_mod, reason = "a test runs all examples in one program")]
mod cluster;
#[path = "support/codec.rs"]
#[allow(clippy::duplicate_mod, reason = "a test runs all examples in one program")]
mod codec;

use cluster::Cluster;
use codec::{Map, Text, fields, variants};
use core::error::Error;
use synod_core::wire::Wire;
use synod_core::{Bytes, RestoreError, StateMachine};

const VERSION: u8 = 1;
const LEASE_MS: u64 = 2_000;

/// What stands in the log.
enum Command {
    /// Take the lock if it is free. Whoever holds it already holds it longer.
    Acquire { lock: Text, client: Text, lease_ms: u64 },
    /// Give it back. Only the token of the grant does that, so a late release harms nobody.
    Release { lock: Text, token: u64 },
    /// What time it is, as some node proposes it every so often.
    Tick { now_ms: u64 },
}

variants! { Command {
    0 => Acquire { lock, client, lease_ms },
    1 => Release { lock, token },
    2 => Tick { now_ms },
} }

/// What a command comes to.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Granted {
        token: u64,
    },
    Busy {
        holder: Text,
    },
    Released,
    /// The lease was over, or the token was never this lock's.
    NotHeld,
    Ticked,
    Malformed,
}

/// The replicated state: who holds what.
#[derive(Debug, Default)]
struct Locks {
    applied: u64,
    now_ms: u64,
    held: Map<Grant>,
}

#[derive(Debug)]
struct Grant {
    client: Text,
    token: u64,
    until_ms: u64,
}

fields! { Locks { applied, now_ms, held } }
fields! { Grant { client, token, until_ms } }

impl Locks {
    fn carry_out(&mut self, position: u64, command: Command) -> Answer {
        match command {
            Command::Acquire { lock, client, lease_ms } => {
                let until_ms = self.now_ms.saturating_add(lease_ms);
                let new = Grant { client: client.clone(), token: position, until_ms };
                let grant = self.held.entry(lock).or_insert(new);
                if grant.client != client {
                    return Answer::Busy { holder: grant.client.clone() };
                }
                grant.until_ms = grant.until_ms.max(until_ms);
                Answer::Granted { token: grant.token }
            }
            Command::Release { lock, token } => {
                if self.held.get(&lock).is_none_or(|grant| grant.token != token) {
                    return Answer::NotHeld;
                }
                self.held.remove(&lock);
                Answer::Released
            }
            Command::Tick { now_ms } => {
                self.now_ms = self.now_ms.max(now_ms);
                self.held.retain(|_, grant| grant.until_ms > self.now_ms);
                Answer::Ticked
            }
        }
    }
}

impl StateMachine for Locks {
    type Output = Answer;

    fn apply(&mut self, position: u64, command: &[u8]) -> Answer {
        self.applied = position;
        match Command::from_bytes(Bytes::copy_from_slice(command), VERSION) {
            Ok(command) => self.carry_out(position, command),
            Err(_) => Answer::Malformed,
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

/// An account that several clients change, each by reading it and writing what it should hold: the resource behind the lock.
struct Account {
    balance: i64,
    newest: u64,
    fenced: bool,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("token {token} is older than {newest}: the lock has been granted to somebody else since")]
struct Stale {
    token: u64,
    newest: u64,
}

impl Account {
    /// A token is as good as the newest that was ever shown, or it is refused.
    fn admit(&mut self, token: u64) -> Result<(), Stale> {
        if self.fenced && token < self.newest {
            return Err(Stale { token, newest: self.newest });
        }
        self.newest = self.newest.max(token);
        Ok(())
    }

    fn read(&mut self, token: u64) -> Result<i64, Stale> {
        self.admit(token).map(|()| self.balance)
    }

    fn write(&mut self, token: u64, balance: i64) -> Result<(), Stale> {
        self.admit(token)?;
        self.balance = balance;
        Ok(())
    }
}

fn acquire(cluster: &mut Cluster<Locks>, client: &str) -> Answer {
    let command = Command::Acquire { lock: "account".into(), client: client.into(), lease_ms: LEASE_MS };
    cluster.call(command.to_bytes(VERSION))
}

/// Time passes, and the log hears of it.
fn wait(cluster: &mut Cluster<Locks>, ms: u64) {
    for _ in 0..ms / 100 {
        cluster.pass(100);
        let now_ms = cluster.now_ms();
        cluster.call(Command::Tick { now_ms }.to_bytes(VERSION));
    }
}

/// Ada and Bob deposit 10 and 5 into an account that holds 100; Ada pauses in the middle of it.
fn deposits(fenced: bool) -> Result<i64, Box<dyn Error>> {
    let mut account = Account { balance: 100, newest: 0, fenced };
    let mut cluster = Cluster::new(Locks::default);

    let Answer::Granted { token: ada } = acquire(&mut cluster, "ada") else { return Err("held".into()) };
    let seen_by_ada = account.read(ada)?;
    println!("ada holds the lock with token {ada}, reads {seen_by_ada}, and pauses");
    assert_eq!(acquire(&mut cluster, "bob"), Answer::Busy { holder: "ada".into() });

    // The leader crashes. Who holds the lock is known to the others, and Bob still does not get it.
    let leader = cluster.leader();
    cluster.stop(leader);
    assert_eq!(acquire(&mut cluster, "bob"), Answer::Busy { holder: "ada".into() });
    assert_eq!(acquire(&mut cluster, "ada"), Answer::Granted { token: ada }, "asked again: the same grant");

    // Ada's lease ends, and she does not notice. Then the whole cluster loses its power: its tokens go on where they were.
    wait(&mut cluster, LEASE_MS + 100);
    cluster.lose_power();
    let Answer::Granted { token: bob } = acquire(&mut cluster, "bob") else { return Err("held".into()) };
    assert!(bob > ada, "tokens rise, over crashes too");
    let balance = account.read(bob)? + 5;
    account.write(bob, balance)?;
    println!("bob holds the lock with token {bob}, and writes {balance}");

    // Ada wakes up. She believes that she holds the lock, and goes on where she was.
    match account.write(ada, seen_by_ada + 10) {
        Ok(()) => println!("ada writes {} over it", account.balance),
        Err(stale) => {
            println!("ada's write is refused: {stale}");
            assert_eq!(stale, Stale { token: ada, newest: bob });
        }
    }
    // Her release, too, is of a grant that is over: Bob keeps the lock. His own ends it.
    for (token, answer) in [(ada, Answer::NotHeld), (bob, Answer::Released)] {
        let release = Command::Release { lock: "account".into(), token };
        assert_eq!(cluster.call(release.to_bytes(VERSION)), answer);
    }

    if fenced {
        // She begins anew, with a new token and what is there now.
        let Answer::Granted { token } = acquire(&mut cluster, "ada") else { return Err("held".into()) };
        let balance = account.read(token)? + 10;
        account.write(token, balance)?;
        println!("ada begins anew with token {token}, and writes {balance}");
    }
    cluster.heal();
    Ok(account.balance)
}

/// Runs the story with tokens that are checked, and with tokens that are not.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    println!("An account that checks the tokens:");
    assert_eq!(deposits(true)?, 115, "both deposits are there");
    println!("\nThe same lock, and an account that does not check them:");
    assert_eq!(deposits(false)?, 110, "bob's deposit is lost");
    println!("bob's deposit is gone, though the lock worked as it should");
    Ok(())
}
