//! Changes of the membership, beside what the scripts show.

use crate::cluster::Cluster;
use crate::wire::hollow;
use std::time::Duration;
use synod_core::testing::{Bench, Output};
use synod_core::wire::Wire;
use synod_core::{Bytes, Input, Link, NodeId};
use synod_raft::{
    Change, ChangeError, ChangeRefusal, Command, Config, ConfigError, EntryId, Event, Illegal, Index,
    Membership, Message, QuorumRule, Raft, Record, RecoverError, Role, Segment, Standing, Step, Term,
    Transition,
};

fn ids<const N: usize>(ids: [u64; N]) -> [NodeId; N] {
    ids.map(NodeId)
}

/// Node 1 leads a cluster of this size, and has committed its first entry.
fn led(size: u64) -> Cluster {
    let mut cluster = Cluster::new(size);
    cluster.campaign(1);
    cluster.stabilize();
    assert_eq!(cluster.raft(1).role(), Role::Leader);
    cluster
}

fn refusals(cluster: &mut Cluster) -> Vec<ChangeRefusal> {
    let events = std::mem::take(&mut cluster.events).into_iter();
    events
        .filter_map(|(_, event)| match event {
            Event::ChangeRefused { reason, .. } => Some(reason),
            _ => None,
        })
        .collect()
}

/// Ongaro 2015: two leaders each add or remove one voter of the same membership, and their majorities do not meet.
#[test]
fn no_change_before_an_entry_of_the_own_term_is_committed() {
    let mut cluster = Cluster::new(2);
    cluster.campaign(1);
    while cluster.raft(1).role() != Role::Leader {
        cluster.sync_fast();
        cluster.deliver(0);
    }
    cluster.change(1, Step::Remove(NodeId(2)));
    assert_eq!(refusals(&mut cluster), [ChangeRefusal::OwnTermUncommitted]);
    cluster.stabilize();
    cluster.change(1, Step::Remove(NodeId(2)));
    assert_eq!(refusals(&mut cluster), []);
}

/// The re-join bug of 9 of 17 implementations: a member is removed and added again within one term, with an empty disk, and an
/// acknowledgement of its first life arrives late.
#[test]
fn an_answer_from_an_earlier_life_says_nothing() {
    let mut cluster = led(3);
    cluster.propose(1, "a");
    cluster.stabilize();
    let late = Message::Appended { term: Term(1), matched: Index(2), round: cluster_round(&cluster, 3) };
    cluster.change(1, Step::Remove(NodeId(3)));
    cluster.stabilize();
    cluster.start(Config::joining(NodeId(3)));
    cluster.disconnect(2, 1);
    cluster.change(1, Step::AddVoter(NodeId(3)));
    cluster.intercept(3);
    cluster.deliver_to(3, 1, late);
    let status = cluster.raft(1).status();
    let peer = status.peers.iter().find(|peer| peer.id == NodeId(3)).unwrap();
    assert_eq!(peer.matched, Index::ZERO, "the disk is empty");
    cluster.connect(2);
    cluster.fire(NodeId(1), synod_raft::Timer::Heartbeat);
    cluster.stabilize();
    assert_eq!(cluster.payloads(3), ["a"]);
}

/// What a node answers now: the round that it has heard last.
fn cluster_round(cluster: &Cluster, id: u64) -> u64 {
    let mut node = Bench::new(NodeId(id), cluster.raft(id).clone());
    let prev = cluster.raft(id).log().last();
    let probe = Message::Append {
        term: Term(1),
        prev_term: prev.term,
        commit: Index::ZERO,
        round: 0,
        entries: Segment::empty(prev.index.next()),
    };
    node.input(Input::Message(NodeId(1), probe));
    node.sync().unwrap();
    let answers = node.take().into_iter();
    let rounds = answers.filter_map(|output| match output {
        Output::Send { message: Message::Appended { round, .. }, .. } => Some(round),
        _ => None,
    });
    rounds.last().unwrap()
}

/// `openraft` beb0302b: learners were counted.
#[test]
fn learners_neither_commit_nor_elect() {
    let mut cluster = led(3);
    for id in [4, 5] {
        cluster.start(Config::joining(NodeId(id)));
        cluster.change(1, Step::AddLearner(NodeId(id)));
        cluster.stabilize();
    }
    cluster.disconnect(1, 2);
    cluster.disconnect(1, 3);
    let before = cluster.committed(1);
    cluster.propose(1, "a");
    cluster.stabilize();
    assert_eq!(cluster.committed(1), before, "the leader and two learners are no quorum");
    assert_eq!(cluster.raft(4).last_index().0, before + 1, "but they have it");
    cluster.run(Duration::from_millis(600));
    assert_ne!(cluster.raft(1).role(), Role::Leader, "nor do they keep a leader in office");
    assert!([4, 5].iter().all(|id| cluster.raft(*id).role() == Role::Follower));
}

/// Section 4.2.1 of the thesis: a learner that needs longer than an election timeout for a round is not promoted yet.
#[test]
fn a_learner_is_promoted_when_a_round_of_catching_up_is_short() {
    let mut cluster = led(1);
    for at in 0..50 {
        cluster.propose(1, &format!("{at}"));
    }
    cluster.start(Config::joining(NodeId(2)));
    cluster.slow.insert(NodeId(2));
    cluster.change(1, Step::PromoteWhenCaughtUp(NodeId(2)));
    cluster.run(Duration::from_millis(400));
    assert_eq!(cluster.raft(1).membership().standing(NodeId(2)), Some(Standing::Learner));
    // Its disk is done at last; the round took too long. The next does not.
    cluster.sync(NodeId(2));
    cluster.stabilize();
    cluster.slow.clear();
    cluster.propose(1, "more");
    cluster.run(Duration::from_millis(100));
    assert_eq!(cluster.raft(1).membership().standing(NodeId(2)), Some(Standing::Voter));
    assert_eq!(cluster.raft(2).membership(), cluster.raft(1).membership());
}

/// A restart goes by the membership in the log, and by the one beside the snapshot when its entry was compacted (`openraft`
/// dba24036: it was lost after two compactions).
#[test]
fn a_restart_remembers_the_membership() {
    let mut cluster = led(1);
    cluster.start(Config::joining(NodeId(2)));
    cluster.change(1, Step::AddVoter(NodeId(2)));
    cluster.stabilize();
    let both = Membership::of(ids([1, 2]));
    for round in 0..3 {
        cluster.restart(1);
        cluster.restart(2);
        assert_eq!(**cluster.raft(1).membership(), both, "round {round}");
        assert_eq!(**cluster.raft(2).membership(), both, "round {round}");
        cluster.campaign(2);
        cluster.stabilize();
        assert_eq!(cluster.raft(2).role(), Role::Leader);
        cluster.propose(2, "more");
        cluster.stabilize();
        for id in [1, 2] {
            cluster.compact(id, cluster.committed(id));
            cluster.sync(NodeId(id));
        }
        cluster.stabilize();
    }
    assert!(cluster.raft(1).first_index() > cluster.raft(1).membership_index());
}

/// A payload for a witness, or none for a full voter: one of them is set up wrongly. Nothing is acknowledged.
#[test]
fn a_witness_takes_no_payloads_and_nobody_else_takes_none() {
    let append = |entries| Message::Append {
        term: Term(1),
        prev_term: Term(0),
        commit: Index::ZERO,
        round: 1,
        entries,
    };
    let full = Segment::pack(Index(1), Term(1), ["a"]).unwrap();
    for (witnesses, wrong, right) in
        [(vec![], hollow(1, 1, 1), full.clone()), (vec![NodeId(3)], full, hollow(1, 1, 1))]
    {
        let mut config = Config::new(NodeId(3), ids([1, 2, 3]));
        config.witnesses = witnesses;
        let mut node = Bench::new(NodeId(3), Raft::new(config).unwrap());
        node.start().unwrap();
        node.take();
        node.input(Input::Message(NodeId(1), append(wrong)));
        node.sync().unwrap();
        let outputs = node.take();
        let illegal = Event::Illegal { from: NodeId(1), reason: Illegal::WitnessOrNot };
        assert!(matches!(&outputs[..], [Output::Event(event)] if *event == illegal), "{outputs:?}");
        node.input(Input::Message(NodeId(1), append(right)));
        node.sync().unwrap();
        assert_eq!(node.protocol.last_index(), Index(1));
        // Its disk says so, too: a full node does not start from what a witness has kept.
        let mut other = Raft::new(Config::new(NodeId(3), ids([1, 2, 3]))).unwrap();
        let hollow = Record::Append { prev_term: Term(0), entries: hollow(1, 1, 1) };
        let recovered = synod_core::Protocol::recover(
            &mut other,
            synod_core::Lsn(1),
            synod_core::Recovered::Intact(hollow),
        );
        assert_eq!(recovered, Err(RecoverError::Hollow { first: Index(1) }));
    }
}

#[test]
fn a_witness_never_leads() {
    let mut cluster = Cluster::with(3, |config| config.witnesses = vec![NodeId(3)]);
    cluster.isolate(1);
    cluster.campaign(3);
    for _ in 0..5 {
        cluster.time_out(3);
        cluster.stabilize();
        assert_eq!(cluster.raft(3).role(), Role::Follower);
    }
    cluster.time_out(2);
    cluster.stabilize();
    assert_eq!(cluster.raft(2).role(), Role::Leader, "with the witness's vote");
    cluster.propose(2, "a");
    cluster.stabilize();
    assert_eq!((cluster.committed(2), cluster.payloads(3).len()), (2, 0), "and its acknowledgement");
}

#[test]
fn changes_that_lead_nowhere_are_refused() {
    let [a, b, c, d] = ids([1, 2, 3, 4]);
    let three = Membership::of([a, b, c]);
    let changed =
        |steps: &[Step]| three.changed(&Change::steps(steps.iter().copied()), &QuorumRule::Majority);
    assert_eq!(changed(&[]), Err(ChangeError::NothingChanges));
    assert_eq!(changed(&[Step::AddVoter(b)]), Err(ChangeError::NothingChanges));
    assert_eq!(changed(&[a, b, c].map(Step::Remove)), Err(ChangeError::NoVoters));
    assert_eq!(changed(&[a, b, c].map(Step::AddLearner)), Err(ChangeError::NoVoters));
    assert_eq!(changed(&[Step::AddWitness(c)]), Err(ChangeError::WitnessForEver { id: c }));
    assert_eq!(
        changed(&[Step::Remove(b), Step::Remove(c), Step::AddWitness(d), Step::AddWitness(NodeId(5))]),
        Err(ChangeError::TooManyWitnesses)
    );
    let many = (0..300).map(|id| Step::AddLearner(NodeId(1_000 + id)));
    assert_eq!(
        three.changed(&Change::steps(many), &QuorumRule::Majority),
        Err(ChangeError::TooMany { max: 255 })
    );
    assert_eq!(three.changed(&Change::LeaveJoint, &QuorumRule::Majority), Err(ChangeError::NotJoint));

    let step = Change::from(Step::AddVoter(d));
    assert!(!three.changed(&step, &QuorumRule::Majority).unwrap().is_joint(), "majorities of 3 and 4 meet");
    assert!(three.changed(&step, &QuorumRule::Flexible { commit: 1 }).unwrap().is_joint(), "others need not");
    let explicit = Change::Steps { steps: vec![Step::AddVoter(d)], transition: Transition::JointExplicit };
    let joint = three.changed(&explicit, &QuorumRule::Majority).unwrap();
    assert_eq!(joint.changed(&step, &QuorumRule::Majority), Err(ChangeError::Joint));
    let replaced = Change::replace(&three, [c, d]);
    assert_eq!(three.changed(&replaced, &QuorumRule::Majority).unwrap().left(), Membership::of([c, d]));

    let mut config = Config::new(a, [a, b, c]);
    config.witnesses = vec![b, c];
    assert_eq!(Raft::new(config.clone()).unwrap_err(), ConfigError::TooManyWitnesses);
    config.witnesses = vec![d];
    assert_eq!(Raft::new(config.clone()).unwrap_err(), ConfigError::NotAVoter { id: d });
    (config.witnesses, config.witness) = (vec![b], true);
    assert_eq!(Raft::new(config.clone()).unwrap_err(), ConfigError::UnknownWitness { id: a });
    config.joining = true;
    assert_eq!(Raft::new(config).unwrap_err(), ConfigError::JoinsWhatItFounds);
}

/// Any two quorums that can decide at the same time meet: all memberships of up to four nodes, and all changes between them.
#[test]
fn the_quorums_of_neighbouring_memberships_meet() {
    let subsets =
        (1..16_u64).map(|set| (1..=4).filter(|id| set >> (id - 1) & 1 == 1).map(NodeId).collect::<Vec<_>>());
    let rules =
        [QuorumRule::Majority, QuorumRule::Flexible { commit: 1 }, QuorumRule::Flexible { commit: 2 }];
    for rule in rules {
        for old in subsets.clone() {
            for new in subsets.clone().filter(|new| *new != old) {
                let before = Membership::of(old.iter().copied());
                let between = before.changed(&Change::replace(&before, new.iter().copied()), &rule).unwrap();
                let stages = [before, between.clone(), between.left()];
                let quorums = stages.map(|stage| stage.quorums(&rule).unwrap());
                for pair in quorums.windows(2) {
                    assert_eq!(pair[0].elect().meets(pair[1].commit()), Ok(()), "{old:?} {new:?}");
                    assert_eq!(pair[1].elect().meets(pair[0].commit()), Ok(()), "{old:?} {new:?}");
                    assert_eq!(pair[0].elect().meets(pair[1].elect()), Ok(()), "{old:?} {new:?}");
                }
            }
        }
    }
}

/// Two acknowledgements are enough in a cluster of five whose elections take four.
#[test]
fn flexible_quorums_commit_with_fewer_and_elect_with_more() {
    let mut cluster = Cluster::with(5, |config| config.quorum = QuorumRule::Flexible { commit: 2 });
    cluster.isolate(4);
    cluster.campaign(1);
    cluster.stabilize();
    assert_eq!(cluster.raft(1).role(), Role::Leader, "with four votes");
    cluster.isolate(3);
    cluster.isolate(5);
    cluster.propose(1, "a");
    cluster.stabilize();
    assert_eq!(cluster.payloads(2), ["a"], "with two acknowledgements");
    cluster.connect(3);
    cluster.connect(5);
    cluster.isolate(1);
    cluster.isolate(4);
    cluster.run(Duration::from_millis(600));
    assert!([2, 3, 5].iter().all(|id| cluster.raft(*id).role() != Role::Leader), "three votes are too few");
    cluster.connect(4);
    cluster.isolate(1);
    cluster.run(Duration::from_millis(3_000));
    assert!(cluster.leader().is_some_and(|leader| cluster.raft(leader.0).term() > Term(1)));
    assert_eq!(cluster.payloads(5), ["a"], "nothing was lost");
}

/// Whatever else was proposed in the same burst keeps its order.
#[test]
fn a_change_keeps_its_place_among_proposals() {
    let mut cluster = led(1);
    let propose = |payload: &'static str| {
        Input::Command(Command::Propose { token: 0, payload: Bytes::from_static(payload.as_bytes()) })
    };
    let change =
        Input::Command(Command::ChangeMembership { token: 1, change: Step::AddLearner(NodeId(2)).into() });
    cluster.nodes.get_mut(&NodeId(1)).unwrap().burst([propose("a"), change, propose("b")]);
    cluster.stabilize();
    let kinds: Vec<_> = cluster.raft(1).log().segments().map(Segment::is_membership).collect();
    assert_eq!(kinds, [false, false, true, false], "the no-op, a, the change, b");
}

/// Whoever joins with the defaults goes by what the others were founded with: three votes of five elect nobody where four are needed.
#[test]
fn who_joins_learns_the_quorums_from_the_log() {
    let rule = QuorumRule::Flexible { commit: 2 };
    let mut cluster = Cluster::with(4, |config| config.quorum = rule.clone());
    cluster.campaign(1);
    cluster.stabilize();
    cluster.start(Config::joining(NodeId(5)));
    cluster.change(1, Step::PromoteWhenCaughtUp(NodeId(5)));
    cluster.run(Duration::from_millis(200));
    assert_eq!(cluster.raft(5).membership().voters(), ids([1, 2, 3, 4, 5]));
    assert_eq!(cluster.raft(5).membership().rule(), Some(&rule));
    for id in [1, 2] {
        cluster.isolate(id);
    }
    cluster.run(Duration::from_millis(600));
    for id in [3, 4, 5] {
        cluster.campaign(id);
        cluster.stabilize();
        assert_ne!(cluster.raft(id).role(), Role::Leader, "three votes are too few");
    }
    cluster.connect(2);
    cluster.disconnect(1, 2);
    cluster.run(Duration::from_millis(2_000));
    assert!(cluster.leader().is_some_and(|leader| leader != NodeId(1)), "and four are enough");
}

/// What it could not read would be refused with everything behind it: better that those who join are configured alike.
#[test]
fn the_rule_of_the_founders_is_stated_when_the_last_member_can_read_it() {
    let rule = QuorumRule::Flexible { commit: 2 };
    let mut cluster = Cluster::with(4, |config| config.quorum = rule.clone());
    cluster.campaign(1);
    cluster.stabilize();
    cluster.link(1, 2, Link::Up { version: 1 });
    cluster.change(1, Step::AddLearner(NodeId(5)));
    cluster.stabilize();
    assert_eq!(
        (cluster.raft(2).membership().learners(), cluster.raft(2).membership().rule()),
        (&ids([5])[..], None)
    );
    cluster.link(1, 2, Link::Up { version: 2 });
    cluster.change(1, Step::Remove(NodeId(5)));
    cluster.stabilize();
    assert_eq!(cluster.raft(2).membership().rule(), Some(&rule));
    // Nothing is nothing, stated or not.
    cluster.events.clear();
    cluster.change(1, Step::Remove(NodeId(5)));
    assert_eq!(refusals(&mut cluster), [ChangeRefusal::Impossible(ChangeError::NothingChanges)]);
}

/// Records say "nobody" by the greatest number: a vote for a node of that name would read as doubt.
#[test]
fn the_greatest_number_is_no_name() {
    let nobody = NodeId(u64::MAX);
    for config in [Config::joining(nobody), Config::rejoining(nobody), Config::new(nobody, [nobody])] {
        assert_eq!(Raft::new(config).unwrap_err(), ConfigError::ReservedId);
    }
    let one = Membership::of(ids([1]));
    for step in [
        Step::AddVoter(nobody),
        Step::AddWitness(nobody),
        Step::AddLearner(nobody),
        Step::PromoteWhenCaughtUp(nobody),
    ] {
        assert_eq!(one.changed(&step.into(), &QuorumRule::Majority), Err(ChangeError::ReservedId));
    }
    let forged = Membership::of([NodeId(1), nobody]).to_bytes(2);
    assert!(Membership::from_bytes(forged, 2).is_err());
    let mut cluster = led(3);
    let ask = Message::RequestVote { term: Term(9), last: EntryId::ZERO, by_transfer: false };
    cluster.deliver_to(u64::MAX, 2, ask);
    assert!(
        cluster.events.contains(&(NodeId(2), Event::Illegal { from: nobody, reason: Illegal::ReservedId }))
    );
    assert_eq!(cluster.raft(2).term(), Term(1));
}

#[test]
fn as_many_members_as_there_may_be_may_be() {
    let [a] = ids([1]);
    let one = Membership::of([a]);
    let with = |learners: u64| {
        let steps = (0..learners).map(|id| Step::AddLearner(NodeId(1_000 + id)));
        one.changed(&Change::steps(steps), &QuorumRule::Majority).map(|next| next.members().len())
    };
    assert_eq!((with(254), with(255)), (Ok(255), Err(ChangeError::TooMany { max: 255 })));
}

/// A voter that comes back as a witness has no payloads, and is one already while the old membership still decides.
#[test]
fn witnesses_that_were_voters_could_commit_alone_before_the_change_is_over() {
    let [a, b, c, d, e] = ids([1, 2, 3, 4, 5]);
    let three = Membership::of([a, b, c]);
    let again = |witnesses: &[NodeId]| {
        let leave = witnesses.iter().map(|id| Step::Remove(*id));
        let enter = witnesses.iter().map(|id| Step::AddWitness(*id));
        let steps = leave.chain(enter).chain([d, e].map(Step::AddVoter));
        three.changed(&Change::steps(steps), &QuorumRule::Majority)
    };
    assert_eq!(again(&[b, c]), Err(ChangeError::TooManyWitnesses), "two of the three before");
    assert!(again(&[b]).unwrap().is_joint());
}

#[test]
fn a_witness_can_be_removed() {
    let mut config = Config::new(NodeId(1), ids([1, 2, 3]));
    config.witnesses = vec![NodeId(3)];
    let raft = Raft::new(config).unwrap();
    let next = raft.membership().changed(&Change::from(Step::Remove(NodeId(3))), &QuorumRule::Majority);
    assert_eq!(next, Ok(Membership::of(ids([1, 2]))));
}

/// A change that is under way keeps the next one waiting, however soon the learner is ready for it.
#[test]
fn nobody_is_promoted_while_another_change_is_under_way() {
    let mut cluster = led(3);
    for id in [4, 5] {
        cluster.start(Config::joining(NodeId(id)));
    }
    assert_eq!(cluster.raft(1).memberships_uncommitted(), 0);
    cluster.disconnect(1, 2);
    cluster.disconnect(1, 3);
    cluster.change(1, Change::steps([4, 5].map(|id| Step::PromoteWhenCaughtUp(NodeId(id)))));
    cluster.stabilize();
    assert_eq!(cluster.raft(4).last_index(), cluster.raft(1).last_index(), "it has everything");
    assert_eq!(cluster.raft(1).memberships_uncommitted(), 1);
    cluster.connect(2);
    cluster.connect(3);
    for _ in 0..6 {
        cluster.fire(NodeId(1), synod_raft::Timer::Heartbeat);
        cluster.stabilize();
    }
    assert_eq!(cluster.raft(1).memberships_uncommitted(), 0);
    assert_eq!(**cluster.raft(1).membership(), Membership::of(ids([1, 2, 3, 4, 5])), "each has its turn");
}

/// Who is away keeps nobody else from it.
#[test]
fn learners_are_watched_each_for_itself() {
    let mut cluster = led(1);
    cluster.start(Config::joining(NodeId(5)));
    cluster.change(1, Change::steps([4, 5].map(|id| Step::PromoteWhenCaughtUp(NodeId(id)))));
    for _ in 0..4 {
        cluster.fire(NodeId(1), synod_raft::Timer::Heartbeat);
        cluster.stabilize();
    }
    let standing = |id| cluster.raft(1).membership().standing(NodeId(id));
    assert_eq!([4, 5].map(standing), [Some(Standing::Learner), Some(Standing::Voter)]);
}

#[test]
fn settings_at_their_limits_are_taken_and_those_beyond_are_not() {
    let refused = |adjust: &dyn Fn(&mut Config)| {
        let mut config = Config::new(NodeId(1), ids([1, 2, 3]));
        adjust(&mut config);
        Raft::new(config).err()
    };
    let founded = |size: u64| refused(&|config| config.voters = (1..=size).map(NodeId).collect());
    assert_eq!(founded(255), None);
    assert_eq!(founded(256), Some(ConfigError::Limit { field: "voters", max: 255 }));
    assert_eq!(founded(300), Some(ConfigError::Limit { field: "voters", max: 255 }));
    assert_eq!(refused(&|config| config.clock_drift_ppm_max = 500_000), None);
    let Some(ConfigError::Limit { max, .. }) = refused(&|config| config.batch_bytes_max = usize::MAX) else {
        panic!("no limit");
    };
    assert_eq!(refused(&|config| config.batch_bytes_max = max), None);
    assert!(refused(&|config| config.batch_bytes_max = max + 1).is_some());
    let mut joining = Config::joining(NodeId(4));
    joining.witnesses = vec![NodeId(4)];
    assert_eq!(Raft::new(joining).unwrap_err(), ConfigError::JoinsWhatItFounds);
}
