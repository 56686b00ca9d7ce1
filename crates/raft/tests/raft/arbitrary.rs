//! Whatever arrives, in whatever state: no panic, and nothing lost that was promised.

use crate::wire::{message, mode, number, record, step};
use core::time::Duration;
use proptest::prelude::*;
use synod_core::testing::Bench;
use synod_core::{Bytes, Damage, Input, Link, LogState, Lsn, NodeId, Protocol, Recovered};
use synod_raft::{Change, Command, Config, Index, Raft, ReadMode, Role, Timer, Transition};

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
        1 => Just(Input::Flush),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let transition =
        prop_oneof![Just(Transition::Auto), Just(Transition::JointImplicit), Just(Transition::JointExplicit)];
    prop_oneof![
        1 => Just(Change::LeaveJoint),
        5 => (prop::collection::vec(step(), 0..4), transition)
            .prop_map(|(steps, transition)| Change::Steps { steps, transition }),
    ]
}

/// Brings the node into a role first, so that arbitrary messages meet leaders and candidates too.
fn bench(voters: u64, lead: bool) -> Bench<Raft> {
    let mut config = Config::new(NodeId(1), (1..=voters).map(NodeId));
    config.pre_vote = !lead;
    config.payload_bytes_max = 30;
    config.batch_entries_max = 2;
    config.in_flight_max = 2;
    config.leases = lead;
    config.priority = voters as u32;
    config.reads_max = 3;
    let mut bench = Bench::new(NodeId(1), Raft::new(config).unwrap());
    bench.start().unwrap();
    if lead {
        bench.input(Input::Command(Command::Campaign));
        bench.sync().unwrap();
        let vote = synod_raft::Message::Voted { term: synod_raft::Term(1), granted: true };
        bench.input(Input::Message(NodeId(2), vote));
        assert_eq!(bench.protocol.role(), Role::Leader);
    }
    bench
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_step_never_panics(
        voters in 1..4_u64,
        lead: bool,
        inputs in prop::collection::vec((input(), any::<bool>(), 0..20_u8), 1..60),
    ) {
        let mut bench = bench(voters, lead);
        let mut term = bench.protocol.term();
        let mut commit = bench.protocol.commit_index();
        for (input, sync, crash) in inputs {
            bench.input(input);
            if sync {
                bench.sync().unwrap();
            }
            let raft = &bench.protocol;
            prop_assert!(raft.term() >= term, "the term went back");
            prop_assert!(raft.commit_index() >= commit, "the commit index went back");
            prop_assert!(raft.commit_index() <= raft.last_index());
            prop_assert!(raft.last_index() <= Index::MAX);
            term = raft.term();
            commit = raft.commit_index();
            if crash == 0 {
                // What was written can be read back, whatever had been said to the node.
                let config = raft.config().clone();
                bench.restart(Raft::new(config).unwrap()).unwrap();
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
            let damaged = matches!(record, Recovered::Damaged(_));
            if raft.recover(Lsn(at), record).is_err() {
                return Ok(());
            }
            prop_assert!(!damaged, "a damaged record was accepted");
        }
        let mut bench = Bench::new(NodeId(1), raft);
        bench.start().unwrap();
        bench.input(Input::Command(Command::Propose { token: 0, payload: Bytes::new() }));
    }
}
