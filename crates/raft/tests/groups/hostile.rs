//! Whatever arrives, in whatever state: no panic, and what rests has nothing to do.

use crate::wire::message;
use core::time::Duration;
use proptest::prelude::*;
use synod_core::testing::Bench;
use synod_core::{Input, Link, LogState, Lsn, NodeId};
use synod_raft::groups::{Birth, Command, GroupId, Groups, Settings, Timer};
use synod_raft::{Command as Ask, Index};

fn birth() -> impl Strategy<Value = Birth> {
    prop_oneof![
        3 => (1..4_u64).prop_map(|voters| Birth::founding((1..=voters).map(NodeId))),
        1 => Just(Birth::Joining),
        1 => Just(Birth::Rejoining),
        1 => Just(Birth::founding([NodeId(9), NodeId(9)])),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        3 => Just(Ask::Propose { token: 1, payload: "x".into() }),
        3 => Just(Ask::Campaign),
        1 => (0..9_u64).prop_map(|upto| Ask::Compact { upto: Index(upto) }),
        1 => Just(Ask::Resign),
        1 => Just(Ask::DemandSnapshot),
    ]
}

fn input() -> impl Strategy<Value = Input<Groups>> {
    let group = || (1..5_u64).prop_map(GroupId);
    prop_oneof![
        8 => ((1..5_u64).prop_map(NodeId), message()).prop_map(|(from, message)| Input::Message(from, message)),
        2 => Just(Input::Timer(Timer)),
        3 => (group(), birth()).prop_map(|(group, birth)| Input::Command(Command::Create { group, birth })),
        1 => group().prop_map(|group| Input::Command(Command::Remove { group })),
        6 => (group(), ask()).prop_map(|(group, command)| Input::Command(Command::Raft { group, command })),
        1 => ((1..5_u64).prop_map(NodeId), prop_oneof![Just(Link::Down), Just(Link::Up { version: 1 })])
            .prop_map(|(peer, link)| Input::Link(peer, link)),
        1 => (0..60_u64).prop_map(|below| Input::Rewrite(Lsn(below))),
        1 => Just(Input::Start { incarnation: 2, log: LogState::Fresh }),
        1 => Just(Input::Flush),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_step_never_panics(
        inputs in prop::collection::vec((input(), any::<bool>(), 0..20_u8, 0..400_u64), 1..80),
    ) {
        let fresh = || Groups::new(Settings::new(NodeId(1))).unwrap();
        let mut bench = Bench::new(NodeId(1), fresh());
        bench.start().unwrap();
        for (input, sync, fate, pause) in inputs {
            bench.input(input);
            if sync {
                bench.sync().unwrap();
            }
            bench.advance(Duration::from_millis(pause));
            bench.take();
            let groups = &bench.protocol;
            for (id, raft) in groups.groups().filter(|(id, _)| groups.rests(*id)) {
                prop_assert!(raft.commit_index() == raft.last_index(), "{} rests and is not done", id);
            }
            match fate {
                0 => bench.restart(fresh()).unwrap(),
                1 => {
                    let end = synod_core::host::Log::end(&bench.log).0;
                    bench.log.rot(Lsn(1 + pause % end.max(1)));
                }
                _ => {}
            }
        }
    }
}
