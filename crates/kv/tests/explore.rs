//! Raft in every schedule of small clusters.
#![cfg(all(test, feature = "cluster"))]

use synod_kv::explore::RaftScope;
use synod_raft::QuorumRule;
use synod_sim::explore::{Bounds, Explorer};

fn scope(turn: impl Fn(&mut RaftScope)) -> RaftScope {
    let mut scope = RaftScope::default();
    turn(&mut scope);
    scope
}

#[test]
fn raft_is_safe_in_every_schedule_of_small_clusters() {
    let bounds = RaftScope::default().bounds;
    let scopes = [
        ("a proposal", scope(|_| {})),
        (
            "two campaigns",
            scope(|scope| {
                scope.proposals = 0;
                scope.bounds.timers_all = 2;
            }),
        ),
        ("a message doubled", scope(|scope| scope.bounds = Bounds { duplicates: 1, ..bounds })),
        (
            "a crash, with PreVote",
            scope(|scope| {
                scope.proposals = 0;
                scope.pre_vote = true;
                scope.bounds = Bounds { crashes: 1, ..bounds };
            }),
        ),
    ];
    for (name, scope) in scopes {
        let cluster = scope.cluster().unwrap();
        let found = Explorer::new(&cluster).run_with_sleep_sets();
        assert!(found.holds() && found.extent.cut == 0, "{name}: {found}");
        assert!(found.extent.unique > 10_000, "{name}: {found}");
    }
}

#[test]
fn what_was_explored_is_worth_it() {
    // The same cluster reaches a committed proposal; the shortest way to it is shown.
    let cluster =
        RaftScope::default().cluster().unwrap().always("no proposal is committed", |view| {
            match view.observer() {
                Some(history) if history.committed() > 1 => Err("one is".to_owned()),
                _ => Ok(()),
            }
        });
    let found = Explorer::new(&cluster).run_with_sleep_sets();
    let shortest = found.counterexample().expect("a proposal can be committed");
    // Campaign, disk, ask, vote, disk, lead, propose, disk, append, disk, acknowledge: no step can be spared.
    assert!((10..=14).contains(&shortest.steps.len()), "{shortest}");
}

#[test]
fn a_quorum_one_short_elects_two_leaders_in_four_steps() {
    let short = scope(|scope| {
        scope.quorum = QuorumRule::SabotagedOneShort;
        scope.bounds.timers_all = 2;
    });
    let cluster = short.cluster().unwrap();
    let found = Explorer::new(&cluster).run_with_sleep_sets();
    let shortest = found.counterexample().expect("a quorum of one is no quorum");
    assert!(shortest.reason.starts_with("election safety"), "{shortest}");
    // Each of the two stands for election and waits for its own disk.
    assert_eq!(shortest.steps.len(), 4, "{shortest}");
}
