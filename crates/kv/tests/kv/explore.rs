//! Raft in every schedule of small clusters.

use synod_core::testing::Bench;
use synod_core::{Input, NodeId};
use synod_kv::explore::{RaftHistory, RaftScope};
use synod_raft::{
    Change, Command, Config, Event, Index, Message, QuorumRule, Raft, ReadMode, Role, Segment, Step, Term,
    Transition,
};
use synod_sim::explore::{Bounds, Cluster, Exploration, Explorer, Observer};

fn scope(turn: impl Fn(&mut RaftScope)) -> RaftScope {
    let mut scope = RaftScope::default();
    turn(&mut scope);
    scope
}

/// Every state within the bounds is right. Beyond them are the campaigns that nobody may begin any more, and nothing else is cut off.
fn holds(found: &Exploration<Cluster<Raft, RaftHistory>>) -> bool {
    found.holds() && found.extent.cut > 0
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
        (
            "two campaigns and a read",
            scope(|scope| {
                scope.proposals = 0;
                scope.reads = 1;
                scope.candidates = 2;
                scope.bounds.timers_all = 2;
            }),
        ),
        ("three campaigns and a read", RaftScope::deposed_reader()),
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
        assert!(holds(&found), "{name}: {found}");
        assert!(found.extent.unique > 10_000, "{name}: {found}");
    }
}

/// One voter goes and another comes, through a joint membership.
fn swap(goes: u64, comes: u64) -> Change {
    let steps = vec![Step::AddVoter(NodeId(comes)), Step::Remove(NodeId(goes))];
    Change::Steps { steps, transition: Transition::JointImplicit }
}

/// A single voter hands over to another through a joint membership, and one of them dies.
fn handing_over() -> RaftScope {
    scope(|scope| {
        (scope.nodes, scope.spares, scope.proposals) = (2, 1, 0);
        scope.changes = vec![swap(1, 2)];
        scope.bounds = Bounds { crashes: 1, timers: 2, timers_all: 2, ..scope.bounds };
    })
}

/// A log is compacted at any moment, and an application asks for a snapshot.
fn compacting(nodes: usize, proposals: u8) -> RaftScope {
    scope(|scope| {
        (scope.nodes, scope.proposals) = (nodes, proposals);
        (scope.compactions, scope.demands) = (1, 1);
    })
}

#[test]
fn memberships_change_safely_in_every_schedule() {
    let single = scope(|scope| {
        (scope.nodes, scope.spares, scope.proposals) = (2, 1, 0);
        scope.changes = vec![Change::from(Step::AddVoter(NodeId(2))), Change::from(Step::Remove(NodeId(1)))];
        scope.bounds = Bounds { crashes: 1, timers: 2, timers_all: 2, ..scope.bounds };
    });
    for (name, scope, states_min) in [("joint", handing_over(), 30_000), ("one by one", single, 10_000)] {
        let found = Explorer::new(&scope.cluster().unwrap()).run_with_sleep_sets();
        println!("{name}: {found}");
        assert!(holds(&found), "{name}: {found}");
        assert!(found.extent.unique > states_min, "{name}: {found}");
    }
}

#[test]
fn snapshots_stand_for_what_was_committed_in_every_schedule() {
    for (name, scope, states_min) in
        [("two nodes", compacting(2, 1), 2_000), ("three nodes", compacting(3, 0), 50_000)]
    {
        let found = Explorer::new(&scope.cluster().unwrap()).run_with_sleep_sets();
        println!("{name}: {found}");
        assert!(holds(&found), "{name}: {found}");
        assert!(found.extent.unique > states_min, "{name}: {found}");
    }
}

/// How many steps lead to what a model is for.
fn steps_to(
    model: Cluster<Raft, RaftHistory>,
    meets: impl Fn(&Raft) -> bool + Send + Sync + 'static,
) -> Option<usize> {
    let cluster = model.always("this is what it is for", move |view| {
        if view.up().any(|(_, raft)| meets(raft)) { Err("met".to_owned()) } else { Ok(()) }
    });
    let found = Explorer::new(&cluster).run_with_sleep_sets();
    found.counterexample().map(|shortest| shortest.steps.len())
}

#[test]
fn the_models_reach_what_they_are_for() {
    let left = steps_to(handing_over().cluster().unwrap(), |raft| {
        let membership = raft.membership();
        raft.memberships_uncommitted() == 0 && membership.voters() == [NodeId(2)] && !membership.is_joint()
    });
    assert!(left.is_some(), "the joint membership is never left");
    // Who has a log that begins later than it was stored here has installed a snapshot.
    let installed = steps_to(compacting(2, 1).cluster().unwrap(), |raft| {
        raft.role() != Role::Leader && raft.id() == NodeId(2) && raft.snapshot().index > Index(0)
    });
    assert!(installed.is_some(), "no snapshot is ever installed");
}

/// Somebody may be asked for a read who leads, and does not know that a later leader has committed something.
#[test]
fn the_model_of_reads_reaches_a_deposed_leader_that_is_asked() {
    let cluster = RaftScope::deposed_reader().cluster().unwrap().always("nobody asks the past", |view| {
        let leads = |raft: &&Raft| raft.role() == Role::Leader;
        let newest = view.up().map(|(_, raft)| raft).filter(leads).max_by_key(|raft| raft.term());
        let mut others = view.up().map(|(_, raft)| raft).filter(leads);
        match newest {
            Some(newest) if newest.term_at(newest.commit_index()) == Some(newest.term()) => {
                let asked =
                    others.any(|raft| raft.term() < newest.term() && raft.reads_waiting().count() > 0);
                if asked { Err("one is".to_owned()) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    });
    let found = Explorer::new(&cluster).run_with_sleep_sets();
    assert!(found.counterexample().is_some(), "{found}");
}

#[test]
fn raft_is_safe_in_every_schedule_by_weight_by_zone_and_by_size() {
    let rules = [
        QuorumRule::weights([(NodeId(1), 2)]),
        QuorumRule::zones([vec![NodeId(1)], [2, 3].map(NodeId).to_vec()]),
        QuorumRule::Flexible { commit: 1 },
    ];
    for rule in rules {
        let scope = scope(|scope| {
            scope.quorum = rule.clone();
            scope.candidates = 2;
            scope.bounds.timers_all = 2;
        });
        let cluster = scope.cluster().unwrap();
        let found = Explorer::new(&cluster).run_with_sleep_sets();
        assert!(holds(&found), "{rule:?}: {found}");
        assert!(found.extent.unique > 10_000, "{rule:?}: {found}");
        println!("{rule:?}: {found}");
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

/// The check of reads is checked: a read that is served from before its question is noticed.
#[test]
fn a_read_from_the_past_is_noticed() {
    let ids = [NodeId(1), NodeId(2)];
    let mut follower = Bench::new(ids[1], Raft::new(Config::new(ids[1], ids)).unwrap());
    follower.start().unwrap();
    let noop = Segment::noop(Index(1), Term(1)).unwrap();
    let entries = noop.clone();
    let append = Message::Append { term: Term(1), prev_term: Term(0), commit: Index(1), round: 1, entries };
    follower.input(Input::Message(ids[0], append));
    follower.input(Input::Command(Command::Read { token: 7, mode: ReadMode::Index }));
    assert_eq!(follower.protocol.reads_waiting().collect::<Vec<_>>(), [7]);

    let served = |index| {
        let mut history = RaftHistory::default();
        history.on_event(ids[1], &Event::Committed(noop.clone())).unwrap();
        history.on_step(ids[1], Some(&follower.protocol)).unwrap();
        history.on_event(ids[1], &Event::ReadReady { token: 7, index: Index(index) })
    };
    assert_eq!(served(1), Ok(()));
    assert!(served(0).unwrap_err().starts_with("linearizability"));
}
