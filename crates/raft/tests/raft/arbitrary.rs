//! Whatever arrives, in whatever state: no panic, and nothing lost that was promised.

use crate::wire::{message, mode, number, record, rule, segment, snapshot, step};
use core::time::Duration;
use proptest::prelude::*;
use synod_core::testing::{Bench, Output};
use synod_core::{Bytes, Damage, Input, Link, LogState, Lsn, NodeId, Protocol, Recovered};
use synod_raft::{
    Change, Command, Config, Done, Event, Found, Index, Job, Piece, QuorumRule, Raft, ReadMode, Role,
    Segment, Term, Timer, Transition,
};

fn read_mode() -> impl Strategy<Value = ReadMode> {
    let age = prop::option::of(number().prop_map(Duration::from_nanos));
    prop_oneof![
        3 => mode(),
        1 => (age, number()).prop_map(|(age_max, index)| ReadMode::Stale { age_max, index_min: Index(index) }),
    ]
}

fn input() -> impl Strategy<Value = Input<Raft>> {
    prop_oneof![
        // Node 1 is the one that is stepped: a forged message may carry its name; node 7 is a stranger.
        12 => (prop_oneof![8 => 2..4_u64, 1 => Just(1), 1 => Just(7)], message())
            .prop_map(|(from, message)| Input::Message(NodeId(from), message)),
        2 => prop_oneof![
            Just(Timer::Election),
            Just(Timer::Heartbeat),
            Just(Timer::CheckQuorum),
            Just(Timer::Reads),
            Just(Timer::Guard),
            Just(Timer::Transfer),
            Just(Timer::Claim),
            Just(Timer::Census),
        ]
            .prop_map(Input::Timer),
        2 => prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|payload| Input::Command(Command::Propose { token: 1, payload: payload.into() })),
        1 => Just(Input::Command(Command::Campaign)),
        2 => change().prop_map(|change| Input::Command(Command::ChangeMembership { token: 2, change })),
        1 => number().prop_map(|upto| Input::Command(Command::Compact { upto: Index(upto) })),
        1 => (any::<u64>(), read_mode()).prop_map(|(token, mode)| Input::Command(Command::Read { token, mode })),
        1 => (1..5_u64).prop_map(|to| Input::Command(Command::Transfer { to: NodeId(to) })),
        1 => Just(Input::Command(Command::Resign)),
        1 => (1..5_u64, prop_oneof![Just(Link::Down), Just(Link::Congested), Just(Link::Up { version: 1 })])
            .prop_map(|(peer, link)| Input::Link(NodeId(peer), link)),
        1 => number().prop_map(|below| Input::Rewrite(Lsn(below))),
        1 => Just(Input::Start { incarnation: 2, log: LogState::Fresh }),
        1 => Just(Input::Command(Command::DemandSnapshot)),
        3 => done().prop_map(Input::Done),
        1 => Just(Input::Flush),
    ]
}

/// A host that answers what nobody has asked.
fn done() -> impl Strategy<Value = Done> {
    let to = || (1..5_u64).prop_map(NodeId);
    let found = (number(), number(), number()).prop_map(|(last, len, digest)| Found {
        last: Index(last),
        len,
        digest,
    });
    prop_oneof![
        (to(), prop::option::of(found)).prop_map(|(to, found)| Done::Open { to, found }),
        (to(), number(), prop::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(to, offset, bytes)| Done::Read { to, offset, bytes: bytes.into() }),
        (snapshot(), prop::option::of(number()))
            .prop_map(|(snapshot, stored)| Done::Write { snapshot: snapshot.into(), stored }),
        (snapshot(), any::<bool>())
            .prop_map(|(snapshot, installed)| Done::Install { snapshot: snapshot.into(), installed }),
        (number(), prop::option::of(segment()))
            .prop_map(|(at, entries)| Done::Recall { at: Lsn(at), entries }),
    ]
}

/// What a host answers that does what it was asked, now and then something else.
fn answered(job: &Job, whim: u8) -> Option<Done> {
    Some(match job {
        Job::Open { to, index_min } => {
            let found =
                Found { last: Index(index_min.0 + u64::from(whim % 3)), len: u64::from(whim), digest: 1 };
            Done::Open { to: *to, found: Some(found).filter(|_| !whim.is_multiple_of(5)) }
        }
        Job::Read { to, offset, len } => Done::Read {
            to: *to,
            offset: *offset,
            bytes: vec![0; if whim.is_multiple_of(7) { 0 } else { (*len).min(9) }].into(),
        },
        Job::Begin(snapshot) => Done::Write { snapshot: snapshot.clone(), stored: Some(u64::from(whim)) },
        Job::Write(Piece { snapshot, offset, bytes }) => {
            Done::Write { snapshot: snapshot.clone(), stored: Some(offset + bytes.len() as u64) }
        }
        Job::Install(snapshot) => {
            Done::Install { snapshot: snapshot.clone(), installed: !whim.is_multiple_of(5) }
        }
        Job::Recall { at } => {
            Done::Recall { at: *at, entries: Segment::noop(Index(u64::from(whim) + 1), Term(1)) }
        }
        _ => return None,
    })
}

fn change() -> impl Strategy<Value = Change> {
    let transition = || {
        prop_oneof![Just(Transition::Auto), Just(Transition::JointImplicit), Just(Transition::JointExplicit)]
    };
    prop_oneof![
        1 => Just(Change::LeaveJoint),
        5 => (prop::collection::vec(step(), 0..4), transition())
            .prop_map(|(steps, transition)| Change::Steps { steps, transition }),
        3 => (rule(), prop::collection::vec(step(), 0..3), transition())
            .prop_map(|(rule, steps, transition)| Change::Rule { rule, steps, transition }),
    ]
}

/// What the node is that is stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Follower,
    Leader,
    Witness,
    Joiner,
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        3 => Just(Part::Follower),
        4 => Just(Part::Leader),
        1 => Just(Part::Witness),
        1 => Just(Part::Joiner),
    ]
}

/// Brings the node into a role first, so that arbitrary messages meet leaders and candidates too.
fn bench(part: Part, voters: u64, rule: QuorumRule, guarded: bool) -> Bench<Raft> {
    let lead = part == Part::Leader;
    // A witness does not vote alone.
    let voters = if part == Part::Witness { 3 } else { voters };
    let mut config = match part {
        Part::Joiner => Config::joining(NodeId(1)),
        _ => Config::new(NodeId(1), (1..=voters).map(NodeId)),
    };
    if part == Part::Witness {
        config.witnesses = vec![NodeId(1)];
    }
    config.pre_vote = !lead;
    config.payload_bytes_max = 30;
    config.batch_entries_max = 2;
    config.in_flight_max = 2;
    config.leases = lead;
    config.lease_guard = guarded.then_some(Duration::from_nanos(1));
    config.priority = voters as u32;
    config.reads_max = 3;
    config.trailing_entries = 1;
    config.log_memory_bytes_max = 20;
    config.snapshot_piece_bytes = 5;
    // Some rules are none for so few voters.
    let mut ruled = config.clone();
    ruled.quorum = rule;
    let raft = Raft::new(ruled).or_else(|_| Raft::new(config)).unwrap();
    let mut bench = Bench::new(NodeId(1), raft);
    bench.start().unwrap();
    if lead {
        bench.input(Input::Command(Command::Campaign));
        bench.sync().unwrap();
        for id in 2..=voters {
            let vote = synod_raft::Message::Voted { term: Term(1), granted: true };
            bench.input(Input::Message(NodeId(id), vote));
        }
        assert_eq!(bench.protocol.role(), Role::Leader);
    }
    bench
}

/// Whether a node that was restarted from a damaged log has said that it cannot go on.
fn is_halted(outputs: &[Output<Raft>]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Event(Event::Halted(_))))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_step_never_panics(
        part in part(),
        voters in 1..4_u64,
        rule in rule(),
        guarded: bool,
        inputs in prop::collection::vec((input(), any::<bool>(), 0..20_u8), 1..60),
    ) {
        let mut bench = bench(part, voters, rule, guarded);
        let mut term = bench.protocol.term();
        let mut commit = bench.protocol.commit_index();
        for (input, sync, crash) in inputs {
            bench.input(input);
            if sync {
                bench.sync().unwrap();
            }
            for output in bench.take() {
                let done = match output {
                    Output::Job(job) => answered(&job, crash),
                    _ => None,
                };
                if let Some(done) = done {
                    bench.input(Input::Done(done));
                }
            }
            let raft = &bench.protocol;
            prop_assert!(raft.term() >= term, "the term went back");
            prop_assert!(raft.commit_index() >= commit, "the commit index went back");
            prop_assert!(raft.commit_index() <= raft.last_index());
            prop_assert!(raft.last_index() <= Index::MAX);
            prop_assert!(raft.log().base().index <= raft.commit_index());
            term = raft.term();
            commit = raft.commit_index();
            if crash < 2 {
                // What was written can be read back, whatever had been said to the node.
                let config = raft.config().clone();
                let damaged = crash == 1 && bench.log.rot(Lsn(term.0 % 7 + 1));
                let started = bench.restart(Raft::new(config).unwrap());
                if damaged && (started.is_err() || is_halted(&bench.take())) {
                    return Ok(());
                }
                started.unwrap();
                term = bench.protocol.term();
                commit = bench.protocol.commit_index();
            }
            bench.take();
        }
    }

    #[test]
    fn recovery_from_arbitrary_records_is_a_node_or_an_error(
        records in prop::collection::vec((record(), 0..30_u8), 0..12),
    ) {
        let mut raft = Raft::new(Config::new(NodeId(1), [NodeId(1), NodeId(2)])).unwrap();
        for (at, (record, damage)) in (1..).zip(records) {
            let record = if damage == 0 { Recovered::Damaged(Damage::Checksum) } else { Recovered::Intact(record) };
            if raft.recover(Lsn(at), record).is_err() {
                return Ok(());
            }
        }
        let mut bench = Bench::new(NodeId(1), raft);
        bench.start().unwrap();
        bench.input(Input::Command(Command::Propose { token: 0, payload: Bytes::new() }));
    }
}
