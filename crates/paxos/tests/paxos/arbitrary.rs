//! Whatever arrives, in whatever state: no panic, and nothing lost that was promised.

use crate::wire::{message, number, record, value};
use proptest::prelude::*;
use synod_core::testing::Bench;
use synod_core::{Damage, Input, Link, LogState, Lsn, NodeId, Protocol, Recovered};
use synod_paxos::{Ballot, Command, Config, Paxos, Timer};

fn input() -> impl Strategy<Value = Input<Paxos>> {
    prop_oneof![
        // Node 1 is the one that is stepped: a forged message may carry its name; node 7 is a stranger.
        12 => (prop_oneof![8 => 2..4_u64, 1 => Just(1), 1 => Just(7)], message())
            .prop_map(|(from, message)| Input::Message(NodeId(from), message)),
        2 => Just(Input::Timer(Timer::Retry)),
        2 => value().prop_map(|value| Input::Command(Command::Propose { value })),
        1 => Just(Input::Command(Command::Learn)),
        1 => (1..5_u64, prop_oneof![Just(Link::Down), Just(Link::Congested), Just(Link::Up { version: 1 })])
            .prop_map(|(peer, link)| Input::Link(NodeId(peer), link)),
        1 => number().prop_map(|below| Input::Rewrite(Lsn(below))),
        1 => Just(Input::Start { incarnation: 2, log: LogState::Fresh }),
        1 => Just(Input::Flush),
    ]
}

fn config(acceptors: u64, learner: bool) -> Config {
    let mut config = Config::new(NodeId(1), (1 + u64::from(learner)..=acceptors).map(NodeId));
    if learner {
        config.learners.push(NodeId(1));
    }
    config.value_bytes_max = 30;
    config
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_step_never_panics(
        (acceptors, learner) in (1..4_u64, any::<bool>()).prop_map(|(n, learner)| (n + u64::from(learner), learner)),
        pursue: bool,
        inputs in prop::collection::vec((input(), any::<bool>(), 0..20_u8), 1..60),
    ) {
        let mut config = config(acceptors, learner);
        config.pursue = pursue;
        let mut bench = Bench::new(NodeId(1), Paxos::new(config.clone()).unwrap());
        bench.start().unwrap();
        let (mut promised, mut accepted, mut decided) = (Ballot::ZERO, None, None);
        for (input, sync, crash) in inputs {
            bench.input(input);
            if sync {
                promised = bench.protocol.promised();
                accepted = bench.protocol.accepted().cloned();
                bench.sync().unwrap();
            }
            let paxos = &bench.protocol;
            prop_assert!(paxos.promised() >= promised, "a promise was taken back");
            prop_assert!(paxos.promised().round <= Ballot::ROUND_MAX);
            prop_assert!(paxos.accepted() >= accepted.as_ref(), "an acceptance was taken back");
            prop_assert!(paxos.accepted().is_none_or(|accepted| accepted.ballot <= paxos.promised()));
            prop_assert!(decided.is_none() || paxos.decided() == decided.as_ref(), "a decision was taken back");
            decided = paxos.decided().cloned();
            if crash == 0 {
                // What was written can be read back, whatever had been said to the node.
                bench.restart(Paxos::new(config.clone()).unwrap()).unwrap();
                decided = None;
                let paxos = &bench.protocol;
                prop_assert!(paxos.promised() >= promised, "a durable promise was forgotten");
                prop_assert!(paxos.accepted() >= accepted.as_ref(), "a durable acceptance was forgotten");
            }
            bench.take();
        }
    }

    #[test]
    fn recovery_from_arbitrary_records_is_a_node_or_an_error(
        learner: bool,
        records in prop::collection::vec((record(), 0..30_u8), 0..12),
    ) {
        let mut paxos = Paxos::new(config(3, learner)).unwrap();
        for (at, (record, damage)) in (1..).zip(records) {
            let record = if damage == 0 { Recovered::Damaged(Damage::Checksum) } else { Recovered::Intact(record) };
            let damaged = matches!(record, Recovered::Damaged(_));
            if paxos.recover(Lsn(at), record).is_err() {
                return Ok(());
            }
            prop_assert!(!damaged, "a damaged record was accepted");
        }
        let mut bench = Bench::new(NodeId(1), paxos);
        bench.start().unwrap();
        bench.input(Input::Command(Command::Propose { value: "a".into() }));
        bench.fire(Timer::Retry);
    }
}
