//! Rules other than majorities: weights, zones, flexible sizes, and the way from one to another.

use crate::cluster::Cluster;
use core::time::Duration;
use std::collections::BTreeSet;
use synod_core::testing::{Bench, Output};
use synod_core::{Input, Link, Lsn, NodeId, Protocol, Recovered};
use synod_raft::{
    Change, ChangeError, ChangeRefusal, Config, ConfigError, Event, Illegal, Index, Membership, Message,
    QuorumRule, Raft, ReadMode, Record, RecoverError, Role, Segment, Step, Term, Transition,
};

/// Nodes 1 and 2 weigh 3 and 2, the others 1: eight together.
fn heavy() -> QuorumRule {
    QuorumRule::weights([(NodeId(1), 3), (NodeId(2), 2)])
}

/// Two zones of two nodes, and node 5 by itself.
fn zones() -> QuorumRule {
    QuorumRule::zones([[1, 2].map(NodeId), [3, 4].map(NodeId)])
}

fn ruled(rule: &QuorumRule) -> Cluster {
    Cluster::with(5, |config| config.quorum = rule.clone())
}

fn isolate(cluster: &mut Cluster, ids: impl IntoIterator<Item = u64>) {
    ids.into_iter().for_each(|id| cluster.isolate(id));
}

fn connect(cluster: &mut Cluster, ids: impl IntoIterator<Item = u64>) {
    ids.into_iter().for_each(|id| cluster.connect(id));
}

fn change(rule: QuorumRule, transition: Transition) -> Change {
    Change::Rule { rule, steps: Vec::new(), transition }
}

fn refusal(cluster: &Cluster) -> Option<ChangeRefusal> {
    cluster.events.iter().rev().find_map(|(_, event)| match event {
        Event::ChangeRefused { reason, .. } => Some(*reason),
        _ => None,
    })
}

#[test]
fn two_heavy_voters_of_five_elect_and_commit() {
    let mut cluster = ruled(&heavy());
    isolate(&mut cluster, [3, 4, 5]);
    cluster.campaign(1);
    cluster.stabilize();
    assert_eq!(cluster.raft(1).role(), Role::Leader, "with five of eight");
    cluster.propose(1, "a");
    cluster.stabilize();
    assert_eq!(cluster.payloads(2), ["a"]);
}

#[test]
fn three_light_voters_of_five_neither_elect_nor_commit() {
    let mut cluster = ruled(&heavy());
    isolate(&mut cluster, [1, 2]);
    cluster.run(Duration::from_secs(3));
    assert!(cluster.leader().is_none(), "three of eight");
    connect(&mut cluster, [1, 2]);
    cluster.run(Duration::from_secs(3));
    let leader = cluster.leader().unwrap().0;
    let committed = cluster.committed(leader);
    // One heavy voter and two light ones is too little with node 1 away, and enough with it.
    isolate(&mut cluster, (1..=5).filter(|id| ![leader, 3, 4].contains(id)));
    cluster.propose(leader, "b");
    cluster.stabilize();
    let weight: u64 = BTreeSet::from([leader, 3, 4]).iter().map(|id| [3, 2, 1, 1, 1][*id as usize - 1]).sum();
    assert_eq!(cluster.committed(leader) > committed, weight > 4);
}

#[test]
fn a_majority_of_zones_elects_and_commits_and_a_majority_of_heads_need_not() {
    let mut cluster = ruled(&zones());
    isolate(&mut cluster, [2, 4]);
    cluster.run(Duration::from_secs(2));
    assert!(cluster.leader().is_none(), "three heads, and only one whole zone");
    connect(&mut cluster, [2]);
    isolate(&mut cluster, [3, 4]);
    cluster.run(Duration::from_secs(2));
    let leader = cluster.leader().expect("two zones of three").0;
    cluster.propose(leader, "a");
    cluster.stabilize();
    for id in [1, 2, 5] {
        cluster.fire(NodeId(id), synod_raft::Timer::Heartbeat);
    }
    cluster.stabilize();
    assert_eq!(cluster.payloads(5), ["a"]);
}

/// A leader that hears a commit quorum goes on leading and serves reads, whoever else is away; and one that hears a majority of heads
/// without their weight does neither.
#[test]
fn reads_and_check_quorum_go_by_weight() {
    let mut cluster = ruled(&heavy());
    cluster.campaign(1);
    cluster.stabilize();
    isolate(&mut cluster, [3, 4, 5]);
    cluster.run(Duration::from_secs(2));
    assert_eq!(cluster.raft(1).role(), Role::Leader);
    cluster.read(1, 7, ReadMode::Index);
    cluster.stabilize();
    assert_eq!(cluster.ready(1).len(), 1, "confirmed by five of eight");

    let mut cluster = Cluster::with(5, |config| config.quorum = QuorumRule::weights([(NodeId(2), 5)]));
    cluster.campaign(1);
    cluster.stabilize();
    cluster.isolate(2);
    cluster.read(1, 7, ReadMode::Index);
    cluster.stabilize();
    assert_eq!(cluster.ready(1).len(), 0, "four heads that weigh four of nine");
    cluster.run(Duration::from_secs(2));
    assert_ne!(cluster.raft(1).role(), Role::Leader);
}

/// In between it takes a quorum by the old rule and one by the new.
#[test]
fn a_rule_changes_through_a_joint_membership_that_needs_both() {
    let mut cluster = Cluster::new(5);
    cluster.campaign(1);
    cluster.stabilize();
    isolate(&mut cluster, [3, 4, 5]);
    cluster.change(1, change(heavy(), Transition::JointExplicit));
    cluster.stabilize();
    let entered = cluster.raft(1).membership_index();
    assert!(cluster.raft(1).membership().is_joint());
    assert!(cluster.committed(1) < entered.0, "five of eight, and two heads of five");
    connect(&mut cluster, [3, 4]);
    isolate(&mut cluster, [2, 5]);
    cluster.run(Duration::from_millis(100));
    assert_eq!(cluster.committed(1), entered.0, "three heads, and five of eight");
    cluster.propose(1, "a");
    cluster.stabilize();
    // The same three vote, but not without node 1.
    connect(&mut cluster, [5]);
    isolate(&mut cluster, [1, 2]);
    cluster.run(Duration::from_secs(2));
    assert!(
        [3, 4, 5].iter().all(|id| cluster.raft(*id).role() != Role::Leader),
        "three heads, three of eight"
    );
    connect(&mut cluster, [1, 2]);
    cluster.run(Duration::from_secs(2));
    let leader = cluster.leader().unwrap().0;
    cluster.change(leader, Change::LeaveJoint);
    cluster.run(Duration::from_millis(200));
    assert_eq!(cluster.raft(leader).membership().rule(), Some(&heavy()));
    assert!(!cluster.raft(leader).membership().is_joint());
}

#[test]
fn a_rule_that_differs_is_never_changed_in_one_step_and_the_same_is_no_change() {
    let five = Membership::of((1..=5).map(NodeId));
    let configured = QuorumRule::Majority;
    let joint = five.changed(&Change::rule(zones()), &configured).unwrap();
    assert!(joint.is_joint() && joint.auto_leave() && joint.outgoing() == joint.voters());
    assert_eq!((joint.rule(), joint.outgoing_rule()), (Some(&zones()), None));
    let after = joint.left();
    assert_eq!((after.rule(), after.outgoing_rule()), (Some(&zones()), None));
    assert_eq!(after.changed(&Change::rule(zones()), &configured), Err(ChangeError::NothingChanges));
    assert_eq!(
        five.changed(&Change::rule(QuorumRule::Majority), &configured),
        Err(ChangeError::NothingChanges)
    );
    // Back again: what goes without saying is not said, so that older versions read it.
    let back = after.changed(&Change::rule(QuorumRule::Majority), &configured).unwrap();
    assert_eq!((back.rule(), back.outgoing_rule(), back.version()), (None, Some(&zones()), 2));
    assert_eq!(back.left(), five);
    // A learner needs no joint membership, a single voter does.
    assert!(!after.changed(&Step::AddLearner(NodeId(9)).into(), &configured).unwrap().is_joint());
    let removed = after.changed(&Step::Remove(NodeId(1)).into(), &configured).unwrap();
    assert!(removed.is_joint());
    let without = QuorumRule::Zones { zones: vec![(NodeId(2), 0), (NodeId(3), 1), (NodeId(4), 1)] };
    assert_eq!(removed.rule(), Some(&without), "nothing is said of who does not vote");
}

#[test]
fn rules_that_cannot_be_are_refused() {
    let five = Membership::of((1..=5).map(NodeId));
    let refused = |rule| five.changed(&Change::rule(rule), &QuorumRule::Majority).unwrap_err();
    assert_eq!(refused(QuorumRule::weights((1..=5).map(|id| (NodeId(id), 0)))), ChangeError::NoQuorum);
    assert_eq!(refused(QuorumRule::SabotagedOneShort), ChangeError::NoQuorum);
    assert_eq!(refused(QuorumRule::Flexible { commit: 0 }), ChangeError::NoQuorum);
    let stranger = QuorumRule::weights([(NodeId(6), 2)]);
    assert_eq!(refused(stranger.clone()), ChangeError::NotAVoter { id: NodeId(6) });
    // The last voter of any weight does not leave.
    let one = five.changed(
        &Change::rule(QuorumRule::weights((2..=5).map(|id| (NodeId(id), 0)))),
        &QuorumRule::Majority,
    );
    let left = one.unwrap().left().changed(&Step::Remove(NodeId(1)).into(), &QuorumRule::Majority);
    assert_eq!(left, Err(ChangeError::NoQuorum));

    let founded = |rule, version| {
        let mut config = Config::new(NodeId(1), (1..=5).map(NodeId));
        (config.quorum, config.version_max) = (rule, version);
        Raft::new(config).map(|_| ()).unwrap_err()
    };
    assert_eq!(founded(stranger, 2), ConfigError::NotAVoter { id: NodeId(6) });
    let nothing = QuorumRule::weights((1..=5).map(|id| (NodeId(id), 0)));
    assert_eq!(founded(nothing, 2), ConfigError::NoQuorum);
    assert_eq!(founded(heavy(), 1), ConfigError::RuleOfLaterVersion { version_max: 1 });
    for version in [0, 3] {
        assert_eq!(
            founded(QuorumRule::Majority, version),
            ConfigError::Limit { field: "version_max", max: 2 }
        );
    }
}

/// Witnesses may be many, and light; or few, and must not be heavy.
#[test]
fn witnesses_never_weigh_enough_to_commit_alone() {
    let founded = |witnesses: &[u64], weights: &[(u64, u32)]| {
        let mut config = Config::new(NodeId(1), (1..=5).map(NodeId));
        config.witnesses = witnesses.iter().copied().map(NodeId).collect();
        config.quorum = QuorumRule::weights(weights.iter().map(|(id, weight)| (NodeId(*id), *weight)));
        Raft::new(config).map(|_| ())
    };
    assert_eq!(founded(&[5], &[(5, 5)]), Err(ConfigError::TooManyWitnesses));
    assert_eq!(founded(&[5], &[(5, 4)]), Ok(()));
    assert_eq!(founded(&[3, 4, 5], &[]), Err(ConfigError::TooManyWitnesses));
    assert_eq!(founded(&[3, 4, 5], &[(1, 2)]), Ok(()), "three of six");
    let mut membership = Membership::of((1..=2).map(NodeId));
    membership = membership.changed(&Step::AddWitness(NodeId(3)).into(), &QuorumRule::Majority).unwrap();
    let heavy = Change::rule(QuorumRule::weights([(NodeId(3), 3)]));
    assert_eq!(membership.changed(&heavy, &QuorumRule::Majority), Err(ChangeError::TooManyWitnesses));
}

/// All memberships of up to four voters under many rules, and all changes of voters and rule from one to another: whatever is decided in
/// one stage meets what is decided in the next.
#[test]
fn the_quorums_of_neighbouring_memberships_meet_whatever_their_rules() {
    let subsets = || {
        (1..16_u64)
            .map(|set| (1..=4).filter(move |id| set >> (id - 1) & 1 == 1).map(NodeId).collect::<Vec<_>>())
    };
    let rules = |voters: &[NodeId]| {
        let ends = [voters[0], voters[voters.len() - 1]];
        [
            QuorumRule::Majority,
            QuorumRule::Flexible { commit: 1 },
            QuorumRule::Flexible { commit: 2 },
            QuorumRule::weights([(ends[0], 3)]),
            QuorumRule::weights([(ends[1], 2), (ends[0], 0)]),
            QuorumRule::zones([ends]),
        ]
    };
    let configured = QuorumRule::Majority;
    let mut changes = 0;
    for old in subsets() {
        for rule in rules(&old) {
            let first = Membership::of(old.iter().copied());
            let before = match first.changed(&Change::rule(rule), &configured) {
                Ok(joint) => joint.left(),
                // The first of the rules, or nobody weighs anything.
                Err(_) => first,
            };
            for new in subsets() {
                for rule in rules(&new) {
                    let gone = old.iter().filter(|id| !new.contains(id)).copied().map(Step::Remove);
                    let steps = gone.chain(new.iter().copied().map(Step::AddVoter)).collect();
                    let transition = Transition::Auto;
                    let change = Change::Rule { rule, steps, transition };
                    let Ok(between) = before.changed(&change, &configured) else { continue };
                    changes += 1;
                    let stages = [before.clone(), between.clone(), between.left()];
                    let quorums = stages.map(|stage| stage.quorums(&configured).unwrap());
                    assert_eq!(quorums[2].one_leader_a_term(), Ok(()));
                    for pair in quorums.windows(2) {
                        assert_eq!(pair[0].elect().meets(pair[1].commit()), Ok(()), "{before:?} {between:?}");
                        assert_eq!(pair[1].elect().meets(pair[0].commit()), Ok(()), "{before:?} {between:?}");
                        assert_eq!(pair[0].elect().meets(pair[1].elect()), Ok(()), "{before:?} {between:?}");
                    }
                }
            }
        }
    }
    assert!(changes > 4_000, "{changes}");
}

/// The rule stands in the snapshot record and in the snapshot itself.
#[test]
fn a_rule_survives_compaction_a_restart_and_the_way_to_another_node() {
    let mut cluster = Cluster::new(3);
    let joining = Config::joining(NodeId(4));
    cluster.start(joining);
    cluster.campaign(1);
    cluster.stabilize();
    let rule = QuorumRule::weights([(NodeId(1), 2)]);
    cluster.change(1, Change::rule(rule.clone()));
    cluster.stabilize();
    cluster.propose(1, "a");
    cluster.stabilize();
    for id in 1..=3 {
        cluster.compact(id, cluster.committed(id));
        cluster.sync(NodeId(id));
    }
    cluster.stabilize();
    assert!(cluster.raft(1).first_index() > cluster.raft(1).membership_index());
    for id in 1..=3 {
        cluster.crash(id);
        cluster.restart(id);
        assert_eq!(cluster.raft(id).membership().rule(), Some(&rule), "node {id}");
    }
    cluster.campaign(1);
    cluster.stabilize();
    cluster.change(1, Step::PromoteWhenCaughtUp(NodeId(4)));
    cluster.run(Duration::from_secs(1));
    let membership = cluster.raft(4).membership().clone();
    assert_eq!(membership.rule(), Some(&rule));
    assert!(membership.voters().contains(&NodeId(4)) && !membership.is_joint(), "promoted: {membership:?}");
}

#[test]
fn a_rule_is_undone_with_its_entry() {
    let mut cluster = Cluster::new(3);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.isolate(1);
    cluster.change(1, Change::rule(QuorumRule::weights([(NodeId(1), 9)])));
    cluster.sync(NodeId(1));
    assert_eq!(cluster.raft(1).memberships_uncommitted(), 1);
    cluster.run(Duration::from_secs(2));
    cluster.connect(1);
    cluster.run(Duration::from_secs(2));
    assert_eq!(**cluster.raft(1).membership(), Membership::of((1..=3).map(NodeId)));
    assert_eq!(cluster.raft(1).membership_index(), Index::ZERO);
}

/// An entry that a member cannot read would stay unacknowledged there, and everything behind it.
#[test]
fn a_rule_is_refused_while_a_member_speaks_an_older_version() {
    let mut cluster = Cluster::new(3);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.link(1, 2, Link::Up { version: 2 });
    cluster.link(1, 3, Link::Up { version: 1 });
    let change = Change::rule(QuorumRule::weights([(NodeId(2), 2)]));
    cluster.change(1, change.clone());
    let of = |member| Some(ChangeRefusal::Version { member: NodeId(member), version: 2 });
    assert_eq!(refusal(&cluster), of(3));
    // What version 1 can say goes through.
    cluster.change(1, Step::AddLearner(NodeId(7)));
    cluster.stabilize();
    assert_eq!(cluster.raft(3).membership().learners(), [NodeId(7)]);
    // The link is lost and comes back with a newer program at its other end.
    cluster.link(1, 3, Link::Down);
    cluster.change(1, change.clone());
    assert_eq!(refusal(&cluster), of(3), "as it was last");
    cluster.events.clear();
    cluster.link(1, 3, Link::Up { version: 2 });
    cluster.change(1, change);
    cluster.stabilize();
    assert_eq!(refusal(&cluster), None);
    assert_eq!(cluster.raft(3).membership().rule(), Some(&QuorumRule::weights([(NodeId(2), 2)])));
    // Nobody comes in any more who could not read it.
    cluster.link(1, 8, Link::Up { version: 1 });
    cluster.change(1, Step::AddLearner(NodeId(8)));
    assert_eq!(refusal(&cluster), of(8));
}

/// A program that is held to version 1 behaves as one that knows no other.
#[test]
fn a_node_held_to_version_1_neither_states_nor_takes_nor_finds_a_rule() {
    let mut cluster = Cluster::with(3, |config| config.version_max = 1);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.change(1, Change::rule(QuorumRule::weights([(NodeId(2), 2)])));
    assert_eq!(refusal(&cluster), Some(ChangeRefusal::Version { member: NodeId(1), version: 2 }));

    let rule = Change::rule(QuorumRule::weights([(NodeId(2), 2)]));
    let stated = Membership::of((1..=3).map(NodeId)).changed(&rule, &QuorumRule::Majority).unwrap();
    let entries = Segment::membership(Index(1), Term(1), &stated).unwrap();
    let held = || {
        let mut config = Config::new(NodeId(3), (1..=3).map(NodeId));
        config.version_max = 1;
        Raft::new(config).unwrap()
    };
    let mut node = Bench::new(NodeId(3), held());
    node.start().unwrap();
    node.take();
    let append = Message::Append {
        term: Term(1),
        prev_term: Term(0),
        commit: Index::ZERO,
        round: 1,
        entries: entries.clone(),
    };
    node.input(Input::Message(NodeId(1), append));
    node.sync().unwrap();
    let illegal = Event::Illegal { from: NodeId(1), reason: Illegal::ImpossibleMembership };
    assert!(node.take().iter().any(|output| matches!(output, Output::Event(event) if *event == illegal)));
    assert_eq!(node.protocol.last_index(), Index::ZERO);

    let records = [
        Record::Append { prev_term: Term(0), entries },
        Record::Snapshot {
            term: Term(1),
            voted_for: None,
            last: synod_raft::EntryId { term: Term(1), index: Index(4) },
            membership: stated.into(),
        },
    ];
    for record in records {
        let found = held().recover(Lsn(1), Recovered::Intact(record));
        assert_eq!(found, Err(RecoverError::Membership { at: Lsn(1) }));
    }
}

/// A cluster that was configured with flexible quorums before memberships could state a rule reads its log as before.
#[test]
fn a_membership_that_states_no_rule_goes_by_the_configuration_that_versions_before_had() {
    let voters: Vec<NodeId> = (1..=5).map(NodeId).collect();
    let unstated = Membership::of(voters.iter().copied());
    let least = |configured: &QuorumRule| {
        let quorums = unstated.quorums(configured).unwrap();
        (1..=5).find(|size| quorums.commit().is_quorum(&voters[..*size])).unwrap()
    };
    assert_eq!(least(&QuorumRule::Majority), 3);
    assert_eq!(least(&QuorumRule::Flexible { commit: 2 }), 2);
    // No older version had weights: whoever states none is a majority.
    assert_eq!(least(&heavy()), 3);
    let mut config = Config::new(NodeId(1), voters.clone());
    config.quorum = heavy();
    assert_eq!(config.membership().rule(), Some(&heavy()));
    config.quorum = QuorumRule::Flexible { commit: 2 };
    assert_eq!((config.membership().rule(), config.membership().version()), (None, 1));
}
