//! Leader election for workers: one of them does the work, another takes over when it fails.
//!
//! `cargo run -p synod-raft --example workers`
//!
//! Workers are programs of yours, and need not be Raft nodes. They ask a replicated state machine who leads them. Each term of office
//! is an **epoch**, and what a leading worker does carries its epoch.
//!
//! # What holds
//! * An epoch has one leader, for ever. Epochs rise, and survive every crash of the cluster.
//! * The work of an epoch that is over is refused: whether it is over is decided at the position of the log where the work stands, so
//!   there is no gap between looking and doing. Here each job is done once and in order, whoever does it.
//! * When the leading worker falls silent, another takes over after [`SILENCE_MS_MAX`], as long as a majority of the cluster is up. A crash of
//!   the cluster's own leader costs the workers a pause, and no epoch; one of the whole cluster costs an epoch if it lasts longer than that.
//!
//! # What does not hold
//! * **That only one worker believes that it leads.** Two may, at the same time, in different epochs: the old one has not noticed yet. That
//!   harms nobody as long as all that it does goes through the log. What it does elsewhere must be guarded there: pass the
//!   epoch along as a fencing token (see the example `lock`).
//! * That a job whose answer was lost was not done. Ask again with the same epoch, or read: the next leader begins with that.
//! * That a name can be used twice. A worker that is started again takes a new one; otherwise its earlier life, which may be only paused,
//!   would share its epoch.

#[path = "support/cluster.rs"]
#[allow(clippy::duplicate_mod, reason = "a test runs all examples in one program")]
mod cluster;
#[path = "support/codec.rs"]
#[allow(clippy::duplicate_mod, reason = "a test runs all examples in one program")]
mod codec;

use cluster::{Cluster, Crash};
use codec::{Text, fields, variants};
use std::collections::BTreeMap;
use synod_core::wire::Wire;
use synod_core::{Bytes, RestoreError, StateMachine};

const VERSION: u8 = 1;
/// A leading worker that is not heard of for so long, in the log's time, is deposed.
const SILENCE_MS_MAX: u64 = 500;
const ROUND_MS: u64 = 100;
/// What there is to do.
const JOBS: u64 = 24;

/// What stands in the log.
enum Command {
    /// Lead, if nobody does.
    Campaign { worker: Text },
    /// The leader of this epoch is alive.
    Beat { epoch: u64 },
    /// The leader of this epoch has done this job. Jobs are numbered from 1.
    Do { epoch: u64, job: u64 },
    /// What time it is.
    Tick { now_ms: u64 },
}

variants! { Command {
    0 => Campaign { worker },
    1 => Beat { epoch },
    2 => Do { epoch, job },
    3 => Tick { now_ms },
} }

/// What a command comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// The worker leads, since now or already.
    Leads {
        epoch: u64,
    },
    /// Another one does.
    Follows {
        leader: Text,
    },
    /// The epoch goes on.
    Alive,
    Done,
    /// Another job is next.
    OutOfTurn {
        next: u64,
    },
    /// That epoch is over, and this entry does nothing. An earlier copy of it may have been in time.
    Over {
        newest: u64,
    },
    Ticked,
    Malformed,
}

/// The replicated state.
#[derive(Debug, Default)]
struct Office {
    applied: u64,
    now_ms: u64,
    /// The newest epoch; 0 before the first.
    epoch: u64,
    leader: Option<Leader>,
    /// For each job that is done, the epoch in which.
    done: Vec<u64>,
}

#[derive(Debug)]
struct Leader {
    worker: Text,
    heard_ms: u64,
}

fields! { Office { applied, now_ms, epoch, leader, done } }
fields! { Leader { worker, heard_ms } }

impl Office {
    fn carry_out(&mut self, command: Command) -> Answer {
        match command {
            Command::Campaign { worker } => match &self.leader {
                // Asked again, because the answer was lost: nothing changes.
                Some(leader) if leader.worker == worker => Answer::Leads { epoch: self.epoch },
                Some(leader) => Answer::Follows { leader: leader.worker.clone() },
                None => {
                    self.epoch += 1;
                    self.leader = Some(Leader { worker, heard_ms: self.now_ms });
                    Answer::Leads { epoch: self.epoch }
                }
            },
            Command::Beat { epoch } => match self.hear(epoch) {
                true => Answer::Alive,
                false => Answer::Over { newest: self.epoch },
            },
            Command::Do { epoch, job } => {
                if !self.hear(epoch) {
                    return Answer::Over { newest: self.epoch };
                }
                let next = self.next();
                if job == next {
                    self.done.push(epoch);
                } else if job == 0 || job > next || self.done_in(job) != Some(epoch) {
                    return Answer::OutOfTurn { next };
                }
                Answer::Done
            }
            Command::Tick { now_ms } => {
                self.now_ms = self.now_ms.max(now_ms);
                let now_ms = self.now_ms;
                self.leader.take_if(|leader| now_ms.saturating_sub(leader.heard_ms) > SILENCE_MS_MAX);
                Answer::Ticked
            }
        }
    }

    /// Notes that the leader of this epoch is alive. Whether that is the one that leads.
    fn hear(&mut self, epoch: u64) -> bool {
        match &mut self.leader {
            Some(leader) if epoch == self.epoch => {
                leader.heard_ms = self.now_ms;
                true
            }
            _ => false,
        }
    }

    fn next(&self) -> u64 {
        self.done.len() as u64 + 1
    }

    fn done_in(&self, job: u64) -> Option<u64> {
        self.done.get(usize::try_from(job).ok()?.checked_sub(1)?).copied()
    }
}

impl StateMachine for Office {
    type Output = Answer;

    fn apply(&mut self, position: u64, command: &[u8]) -> Answer {
        self.applied = position;
        match Command::from_bytes(Bytes::copy_from_slice(command), VERSION) {
            Ok(command) => self.carry_out(command),
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

/// A worker, and what it believes.
struct Worker {
    name: &'static str,
    /// It leads in this epoch, it believes.
    epoch: Option<u64>,
}

impl Worker {
    /// What a worker does every so often. Returns the last answer.
    fn turn(&mut self, cluster: &mut Cluster<Office>) -> Answer {
        let command = match self.epoch {
            None => Command::Campaign { worker: self.name.into() },
            // What those before have done is known: a linearizable read comes after all that was answered.
            Some(epoch) => match cluster.read().next() {
                job @ ..=JOBS => Command::Do { epoch, job },
                _ => Command::Beat { epoch },
            },
        };
        let answer = ask(cluster, &command);
        match &answer {
            Answer::Leads { epoch } => {
                println!("{} leads epoch {epoch}", self.name);
                self.epoch = Some(*epoch);
            }
            Answer::Over { newest } => {
                println!("{} hears that its epoch is over, and that {newest} is the newest", self.name);
                self.epoch = None;
            }
            _ => {}
        }
        answer
    }
}

fn ask(cluster: &mut Cluster<Office>, command: &Command) -> Answer {
    cluster.call(command.to_bytes(VERSION))
}

/// Lets every worker have its turn, several times, and notes who believes to lead which epoch.
fn rounds(
    cluster: &mut Cluster<Office>,
    count: usize,
    workers: &mut [&mut Worker],
    leaders: &mut BTreeMap<u64, &'static str>,
) {
    for _ in 0..count {
        cluster.pass(ROUND_MS);
        let now_ms = cluster.now_ms();
        ask(cluster, &Command::Tick { now_ms });
        for worker in workers.iter_mut() {
            worker.turn(cluster);
            if let Some(epoch) = worker.epoch {
                let leader = *leaders.entry(epoch).or_insert(worker.name);
                assert_eq!(leader, worker.name, "two workers believe to lead epoch {epoch}");
            }
        }
    }
}

/// Runs the story.
pub(crate) fn main() {
    let mut cluster = Cluster::new(Office::default);
    let [mut ada, mut bob, mut cid] = ["ada", "bob", "cid"].map(|name| Worker { name, epoch: None });
    let mut leaders = BTreeMap::new();

    rounds(&mut cluster, 5, &mut [&mut ada, &mut bob, &mut cid], &mut leaders);
    assert_eq!((ada.epoch, bob.epoch, cid.epoch), (Some(1), None, None));

    // The cluster's leader crashes, after it has noted a job and before it says so. Ada asks again; the job is done once, and she
    // leads on.
    cluster.crash_in_next_call(Crash::BeforeAnswering);
    let next = cluster.read().next();
    assert_eq!(ada.turn(&mut cluster), Answer::Done);
    assert_eq!(cluster.read().next(), next + 1, "one job, one time");
    rounds(&mut cluster, 5, &mut [&mut ada, &mut bob, &mut cid], &mut leaders);
    assert_eq!(ada.epoch, Some(1), "a crash inside the cluster costs no epoch");

    println!("ada crashes");
    rounds(&mut cluster, 8, &mut [&mut bob, &mut cid], &mut leaders);
    assert_eq!((bob.epoch, cid.epoch), (Some(2), None));

    println!("bob pauses");
    rounds(&mut cluster, 8, &mut [&mut cid], &mut leaders);
    assert_eq!((bob.epoch, cid.epoch), (Some(2), Some(3)), "both believe to lead, in different epochs");
    let next = cluster.read().next();
    assert!(next <= JOBS, "there is work that he would do");

    println!("bob goes on where he was");
    assert_eq!(bob.turn(&mut cluster), Answer::Over { newest: 3 });
    assert_eq!(cluster.read().next(), next, "his work is refused");
    rounds(&mut cluster, 10, &mut [&mut bob, &mut cid], &mut leaders);
    assert_eq!(cid.turn(&mut cluster), Answer::Alive, "nothing is left to do, and cid still leads");
    cluster.lose_power();

    let office = cluster.read();
    assert_eq!(leaders, BTreeMap::from([(1, "ada"), (2, "bob"), (3, "cid")]));
    assert_eq!(office.next(), JOBS + 1);
    assert!(office.done.is_sorted(), "no epoch works after a later one has begun");
    for (epoch, leader) in leaders {
        let jobs = office.done.iter().filter(|in_epoch| **in_epoch == epoch).count();
        println!("epoch {epoch}: {leader} did {jobs} jobs");
        assert!(jobs > 0);
    }
}
