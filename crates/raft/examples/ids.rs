//! A generator of unique ids: blocks of numbers are handed out through the log, and the numbers of a block without it.
//!
//! `cargo run -p synod-raft --example ids`
//!
//! A generator reserves a block of [`BLOCK`] numbers, and hands them out from its own memory: one entry of the log for so many ids. It
//! reserves in a **session** ([`synod_raft::session`]), so that a reservation whose answer was lost is made once, however often it is asked for.
//!
//! # What holds
//! * No id is handed out twice: not over crashes of nodes or generators, not over retries, not when a copy of a request turns up late.
//! * The ids of one generator rise.
//! * A reservation that is retried yields the same block. What the cluster has reserved is what the generators have got, and no more.
//!
//! # What does not hold
//! * That there are no gaps: the rest of a crashed generator's block is lost. Smaller blocks lose less, and need more entries.
//! * That ids rise with time across generators. A block that was reserved earlier may be used later.
//! * That ids cannot be guessed.
//! * That a generator whose session has expired knows what came of its last request. It opens another and reserves anew; a block may be lost
//!   with the session, and is handed to nobody.
//!
//! Uniqueness alone would not need sessions: a reservation that is made twice wastes a block, as the end of this example shows. Whatever must not
//! be done twice (a payment, a compare-and-set, a quota) needs them.

#[path = "support/cluster.rs"]
#[allow(clippy::duplicate_mod, reason = "a test runs all examples in one program")]
mod cluster;
#[path = "support/codec.rs"]
#[allow(clippy::duplicate_mod, reason = "a test runs all examples in one program")]
mod codec;

use cluster::{Cluster, Crash};
use codec::fields;
use core::error::Error;
use core::ops::Range;
use core::time::Duration;
use std::collections::BTreeSet;
use synod_core::wire::Wire;
use synod_core::{Bytes, RestoreError, StateMachine};
use synod_raft::session::{Answer, Client, Limits, Refused, Request, Sessions};

const VERSION: u8 = 1;
/// Ids in a block.
const BLOCK: u64 = 100;

/// The replicated state: which number comes next. A command is a number of ids; it is answered by the first of them.
#[derive(Debug)]
struct Ids {
    applied: u64,
    next: u64,
}

fields! { Ids { applied, next } }

impl Ids {
    fn new() -> Self {
        Self { applied: 0, next: 1 }
    }

    /// Everything that was ever reserved.
    fn reserved(&self) -> Range<u64> {
        1..self.next
    }
}

impl StateMachine for Ids {
    /// `None` when so many numbers are not left, or the command is none.
    type Output = Option<u64>;

    fn apply(&mut self, position: u64, command: &[u8]) -> Option<u64> {
        self.applied = position;
        let count = u64::from_bytes(Bytes::copy_from_slice(command), VERSION).ok()?;
        let first = self.next;
        self.next = first.checked_add(count)?;
        Some(first)
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

type Replicas = Cluster<Sessions<Ids>>;

/// Hands out ids: a library in some program that needs them.
struct Generator {
    client: Client,
    block: Range<u64>,
    /// How many reservations were answered, and how many of the answers were repeated.
    answers: (u64, u64),
}

impl Generator {
    fn open(cluster: &mut Replicas) -> Result<Self, Box<dyn Error>> {
        Ok(Self { client: session(cluster)?, block: 0..0, answers: (0, 0) })
    }

    fn next(&mut self, cluster: &mut Replicas) -> Result<u64, Box<dyn Error>> {
        loop {
            match self.block.next() {
                Some(id) => return Ok(id),
                None => self.block = self.reserve(cluster)?,
            }
        }
    }

    fn reserve(&mut self, cluster: &mut Replicas) -> Result<Range<u64>, Box<dyn Error>> {
        loop {
            let (sequence, request) = self.client.request(&BLOCK.to_bytes(VERSION));
            // However often this is proposed, it is the same request.
            match cluster.call(request) {
                Answer::Done { output: Some(first), repeated } => {
                    self.client.answered(sequence);
                    self.answers.0 += 1;
                    self.answers.1 += u64::from(repeated);
                    return Ok(first..first + BLOCK);
                }
                // It slept for too long. What it has asked for before is either answered or lost.
                Answer::Refused(Refused::NoSession { .. }) => self.client = session(cluster)?,
                other => return Err(format!("no block: {other:?}").into()),
            }
        }
    }
}

/// Opens a session. Asked twice it opens two, and the one that nobody uses expires.
fn session(cluster: &mut Replicas) -> Result<Client, Box<dyn Error>> {
    match cluster.call(Request::Open.to_bytes()) {
        Answer::Opened { session } => Ok(Client::new(session)),
        other => Err(format!("no session: {other:?}").into()),
    }
}

/// Runs the story.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut cluster = Cluster::new(|| Sessions::new(Ids::new(), Limits::default()));
    let mut generators = Vec::new();
    for _ in 0..3 {
        generators.push(Generator::open(&mut cluster)?);
    }
    let mut drawn = BTreeSet::new();
    let mut draw = |cluster: &mut Replicas, generator: &mut Generator, count: usize| {
        let mut last = None;
        for _ in 0..count {
            let id = generator.next(cluster)?;
            assert!(drawn.insert(id), "id {id} is handed out twice");
            assert!(last.is_none_or(|last| id > last), "the ids of one generator rise");
            last = Some(id);
        }
        Ok::<_, Box<dyn Error>>(drawn.len() as u64)
    };

    // Again and again all three draw 130 ids, and each time the leader crashes in the middle of a reservation: before anybody has
    // heard of it, or when it is made and only the answer is missing. A generator cannot tell the two apart, and need not.
    for round in 0..6 {
        let crash = [Crash::BeforeReplicating, Crash::BeforeAnswering][round % 2];
        cluster.crash_in_next_call(crash);
        for generator in &mut generators {
            draw(&mut cluster, generator, 130)?;
        }
        cluster.heal();
        println!(
            "round {round}, a crash {crash:?}: {} reserved",
            cluster.read().machine().reserved().count()
        );
    }
    let blocks: u64 = generators.iter().map(|generator| generator.answers.0).sum();
    let repeated: u64 = generators.iter().map(|generator| generator.answers.1).sum();
    println!("{blocks} blocks are reserved; {repeated} were asked for twice, because the answer was lost");
    assert_eq!(cluster.read().machine().reserved(), 1..blocks * BLOCK + 1, "no block is lost");
    assert_eq!(repeated, 3);

    // The whole cluster loses its power: what was reserved stays so.
    cluster.lose_power();
    for generator in &mut generators {
        draw(&mut cluster, generator, 130)?;
    }

    // A generator crashes, and its successor opens a session of its own. What was left of the block is a gap.
    let Some(crashed) = generators.pop() else { return Err("there are three".into()) };
    let gap = crashed.block.clone();
    println!("a generator crashes: ids {gap:?} will never be handed out");
    let mut successor = Generator::open(&mut cluster)?;
    let count = draw(&mut cluster, &mut successor, 130)?;
    generators.push(successor);
    let in_hand: u64 = generators.iter().map(|generator| generator.block.end - generator.block.start).sum();
    let reserved = cluster.read().machine().next - 1;
    assert_eq!(reserved, count + in_hand + (gap.end - gap.start), "every other id is accounted for");

    // A copy of a request arrives an hour later. Its session is over, and it reserves nothing.
    let Some(sleeper) = generators.first_mut() else { return Err("there are three".into()) };
    let (_, late) = sleeper.client.request(&BLOCK.to_bytes(VERSION));
    cluster.call(Request::Tick { now: Duration::from_secs(3_600) }.to_bytes());
    let answer = cluster.call(late);
    println!("an hour later: {answer:?}");
    assert!(matches!(answer, Answer::Refused(Refused::NoSession { .. })));
    assert_eq!(cluster.read().machine().next - 1, reserved);
    // The generator goes on in another session.
    draw(&mut cluster, sleeper, 130)?;
    cluster.heal();

    // The same without sessions: the block is reserved twice. Still no id is handed out twice, but one block is lost.
    let mut plain = Cluster::new(Ids::new);
    plain.crash_in_next_call(Crash::BeforeAnswering);
    let first = plain.call(BLOCK.to_bytes(VERSION));
    println!("without sessions, one block costs two: {first:?} is the first id that the generator gets");
    assert_eq!((first, plain.read().reserved()), (Some(BLOCK + 1), 1..2 * BLOCK + 1));
    Ok(())
}
