//! The plain front door keeps the same promises as a driver.

use std::time::Duration;
use synod_core::{Damage, Link, LogState, Lsn, NodeId, Recovered, Time};
use synod_raft::{
    ChangeRefusal, Config, Done, EntryId, Event, Found, Index, Job, Message, Node, Output, ReadMode, Record,
    RecoverError, Refusal, Role, Segment, Start, StartError, Step, Term, TransferRefusal,
};

const ME: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);
const THREE: NodeId = NodeId(3);
const START: Start = Start { now: Time::ZERO, incarnation: 1, seed: 1 };
const NEXT: Start = Start { incarnation: 2, ..START };
/// A machine that has been up for three days.
const LATE: Time = Time(3 * 24 * 3_600 * 1_000_000_000);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn intact(disk: &[(Lsn, Record)]) -> Vec<(Lsn, Recovered<Record>)> {
    disk.iter().map(|(at, record)| (*at, Recovered::Intact(record.clone()))).collect()
}

/// The leader of term 1 says that it is there.
fn heartbeat() -> Message {
    let entries = Segment::empty(Index(1));
    Message::Append { term: Term(1), prev_term: Term::ZERO, commit: Index::ZERO, round: 1, entries }
}

/// Node 3 wants to lead term 2.
fn ask() -> Message {
    Message::RequestVote { term: Term(2), last: EntryId::ZERO, by_transfer: false }
}

fn config() -> Config {
    Config::new(ME, [ME, TWO, THREE])
}

fn outputs(node: &mut Node) -> Vec<Output> {
    std::iter::from_fn(|| node.output()).collect()
}

fn sends(outputs: &[Output]) -> usize {
    outputs.iter().filter(|output| matches!(output, Output::Send { .. })).count()
}

#[test]
fn a_vote_waits_for_its_record() {
    let mut node = Node::new(config(), START).unwrap();
    node.receive(
        Time::ZERO,
        TWO,
        Message::RequestVote { term: Term(1), last: EntryId::ZERO, by_transfer: false },
    );
    let out = outputs(&mut node);
    assert!(matches!(&out[..], [.., Output::Write { at: Lsn(1), .. }, Output::Event(_)]), "{out:?}");
    assert_eq!(sends(&out), 0);
    node.written(Lsn(1));
    let vote = Message::Voted { term: Term(1), granted: true };
    assert_eq!(outputs(&mut node), [Output::Send { to: TWO, message: vote }]);
}

#[test]
fn promises_to_oneself_cannot_be_forged() {
    let mut node = Node::new(config(), START).unwrap();
    node.advance(Time::ZERO + Duration::from_secs(1));
    node.receive(Time::ZERO, TWO, Message::PreVoted { term: Term(1), granted: true });
    assert_eq!(node.status().role, Role::Candidate);
    node.receive(Time::ZERO, TWO, Message::Voted { term: Term(1), granted: true });
    node.receive(Time::ZERO, ME, Message::Voted { term: Term(1), granted: true });
    assert_eq!(node.status().role, Role::Candidate, "its own vote is not durable yet");
    node.written(Lsn(1));
    outputs(&mut node);
    assert_eq!(node.status().role, Role::Leader);
}

#[test]
fn the_clock_drives_elections_and_never_goes_back() {
    let mut node = Node::new(config(), START).unwrap();
    let due = node.due().unwrap();
    assert!((150..300).contains(&(due.0 / 1_000_000)), "{due}");
    node.advance(Time(due.0 - 1));
    node.advance(Time::ZERO);
    assert_eq!(node.status().role, Role::Follower);
    node.advance(due);
    assert_eq!(node.status().role, Role::PreCandidate);
}

#[test]
fn a_refused_proposal_comes_back() {
    let mut node = Node::new(config(), START).unwrap();
    outputs(&mut node);
    node.propose(Time::ZERO, 9, "x");
    let refused = Event::Refused { token: 9, payload: "x".into(), leader: None, reason: Refusal::NotLeader };
    assert_eq!(outputs(&mut node), [Output::Event(refused)]);
}

/// Positions of records go on after a rewrite and a recovery from what is left.
#[test]
fn a_rewritten_log_recovers() {
    let mut disk: Vec<(Lsn, Record)> = Vec::new();
    let run = |node: &mut Node, disk: &mut Vec<(Lsn, Record)>| {
        while let Some(output) = node.output() {
            match output {
                Output::Write { at, record } => {
                    assert_eq!(disk.last().map_or(at, |(last, _)| last.next()), at);
                    disk.push((at, record));
                    node.written(at);
                }
                Output::Release(upto) => disk.retain(|(at, _)| *at > upto),
                _ => {}
            }
        }
    };
    let alone = || Config::new(ME, [ME]);
    let mut node = Node::new(alone(), START).unwrap();
    node.campaign();
    run(&mut node, &mut disk);
    node.propose(Time::ZERO, 0, "x");
    run(&mut node, &mut disk);
    let end = disk.last().unwrap().0;
    node.rewrite(end);
    run(&mut node, &mut disk);
    assert_eq!(disk.first().unwrap().0, end.next());
    let state = LogState::Recovered { end: disk.last().unwrap().0 };
    let mut node = Node::recover(alone(), NEXT, state, intact(&disk)).unwrap();
    assert_eq!(node.status().last.index.0, 2);
    node.campaign();
    run(&mut node, &mut disk);
    assert_eq!(node.commit_index().0, 3);
}

#[test]
fn what_cannot_start_says_why() {
    assert!(matches!(
        Node::recover(Config::new(ME, []), START, LogState::Fresh, []),
        Err(StartError::Config(_))
    ));
    let foreign = Record::HardState { term: Term(u64::MAX), voted_for: None };
    let log = [(Lsn(1), Recovered::Intact(foreign))];
    let state = LogState::Recovered { end: Lsn(1) };
    assert!(matches!(Node::recover(config(), NEXT, state, log), Err(StartError::Recover(_))));
}

/// What is received is received when the program says so, not when the clock was last looked at: otherwise a promise would end early.
#[test]
fn a_promise_counts_from_when_the_leader_was_heard() {
    let mut config = config();
    config.leases = true;
    let mut node = Node::new(config, Start { now: LATE, ..START }).unwrap();
    node.receive(LATE + ms(100), TWO, heartbeat());
    // A later term ends the loyalty, and leaves the promise.
    node.receive(LATE + ms(100), TWO, Message::Voted { term: Term(2), granted: false });
    node.advance(LATE + ms(200));
    node.receive(LATE + ms(249), THREE, ask());
    assert_eq!(node.raft().voted_for(), None, "149 ms after the leader was heard");
    node.receive(LATE + ms(250), THREE, ask());
    assert_eq!(node.raft().voted_for(), Some(THREE));
}

/// Nor does a node promise anything from before it was started.
#[test]
fn a_promise_after_a_restart_counts_from_the_start() {
    let mut config = config();
    config.leases = true;
    let disk = [(Lsn(1), Record::HardState { term: Term(1), voted_for: Some(TWO) })];
    let state = LogState::Recovered { end: Lsn(1) };
    let mut node = Node::recover(config, Start { now: LATE, ..NEXT }, state, intact(&disk)).unwrap();
    node.advance(LATE);
    node.receive(LATE + ms(149), THREE, ask());
    assert_eq!(node.raft().voted_for(), Some(TWO));
    node.receive(LATE + ms(150), THREE, ask());
    assert_eq!(node.raft().voted_for(), Some(THREE));
}

/// A clock that counts from the start of the machine shows days, and a suspended program wakes hours later.
#[test]
fn a_leap_of_the_clock_is_no_reason_for_a_million_elections() {
    let campaigns = |node: &mut Node| sends(&outputs(node)) / 2;
    let mut node = Node::new(config(), Start { now: LATE, ..START }).unwrap();
    node.advance(LATE);
    assert_eq!(campaigns(&mut node), 0, "nothing is due yet");
    assert!(node.due().is_some_and(|due| due >= LATE + ms(150)));
    node.advance(LATE + ms(300));
    assert_eq!(campaigns(&mut node), 1);
    node.advance(LATE + Duration::from_secs(3_600));
    assert_eq!(campaigns(&mut node), 1, "once for however long it was");
    // Time goes on from there.
    assert!(node.due().is_some_and(|due| due > LATE + Duration::from_secs(3_600)));
}

/// Even where nothing was written in between and the random numbers are the same.
#[test]
fn a_late_answer_to_an_earlier_life_answers_nobody() {
    let asked = |start| {
        let mut node = Node::new(config(), start).unwrap();
        node.receive(Time::ZERO, TWO, heartbeat());
        node.read(Time::ZERO, 5, ReadMode::Index);
        let number = outputs(&mut node).into_iter().find_map(|output| match output {
            Output::Send { message: Message::AskIndex { number, .. }, .. } => Some(number),
            _ => None,
        });
        (node, number.unwrap())
    };
    let answer = |number| Message::IndexIs { term: Term(1), number, index: Index::ZERO };
    let answered = |node: &mut Node, number| {
        node.receive(Time::ZERO, TWO, answer(number));
        outputs(node).iter().any(|output| matches!(output, Output::Event(Event::ReadReady { token: 5, .. })))
    };
    let (_, first) = asked(START);
    let (mut node, second) = asked(NEXT);
    assert_ne!(first, second);
    assert!(!answered(&mut node, first));
    assert!(answered(&mut node, second));
}

#[test]
fn a_damaged_log_is_repaired_or_refused() {
    let disk = || {
        let vote = Record::HardState { term: Term(1), voted_for: Some(TWO) };
        [(Lsn(1), Recovered::Intact(vote)), (Lsn(2), Recovered::Damaged(Damage::Checksum))]
    };
    let state = LogState::Damaged { end: Lsn(3), damaged: 1 };
    let mut node = Node::recover(config(), NEXT, state, disk()).unwrap();
    let out = outputs(&mut node);
    assert!(out.iter().any(|output| matches!(output, Output::Event(Event::Mending { .. }))), "{out:?}");
    let writes = out.iter().filter_map(|output| match output {
        Output::Write { at, .. } => Some(*at),
        _ => None,
    });
    assert!(writes.min().is_none_or(|first| first == Lsn(4)), "records go on where the log ends");
    node.receive(Time::ZERO, THREE, ask());
    assert_eq!(node.raft().voted_for().filter(|id| *id == THREE), None);
    let mut stubborn = config();
    stubborn.mending = false;
    let refused = Node::recover(stubborn, NEXT, state, disk()).unwrap_err();
    let damage = RecoverError::Damaged { at: Lsn(2), damage: Damage::Checksum };
    assert_eq!(refused, StartError::Recover(damage));
}

/// Times that mean "never", as far as a configuration may say so.
#[test]
fn the_longest_times_are_times() {
    let mut config = config();
    let nanosecond = Duration::from_nanos(1);
    config.election_timeout_max = Duration::MAX;
    config.election_timeout_min = Duration::MAX - nanosecond;
    config.heartbeat_interval = Duration::MAX - 2 * nanosecond;
    (config.leases, config.lease_guard) = (true, Some(Duration::MAX));
    (config.priority, config.disk_stall_max) = (1, Some(Duration::MAX));
    for leads in [false, true] {
        let mut node = Node::new(config.clone(), Start { now: LATE, ..START }).unwrap();
        if leads {
            node.campaign();
            node.receive(LATE, TWO, Message::PreVoted { term: Term(1), granted: true });
            node.written(Lsn(1));
            outputs(&mut node);
            node.receive(LATE, TWO, Message::Voted { term: Term(1), granted: true });
        } else {
            node.receive(LATE, TWO, heartbeat());
        }
        assert_eq!(node.status().role, if leads { Role::Leader } else { Role::Follower });
        node.read(LATE, 5, ReadMode::Index);
        node.propose(LATE, 6, "a");
        node.transfer(THREE);
        outputs(&mut node);
        for _ in 0..3 {
            node.advance(Time::MAX);
            outputs(&mut node);
        }
    }
}

/// A log that holds something was written, whatever is said of it: there may be a promise that is not remembered.
#[test]
fn a_log_that_is_called_fresh_and_is_not_empty_may_have_promised_something() {
    let config = || {
        let mut config = config();
        config.leases = true;
        config
    };
    let hard = Record::HardState { term: Term(1), voted_for: None };
    for (records, granted) in [(vec![], true), (vec![(Lsn(1), Recovered::Intact(hard))], false)] {
        let mut node = Node::recover(config(), NEXT, LogState::Fresh, records).unwrap();
        outputs(&mut node);
        node.receive(Time::ZERO, THREE, ask());
        assert_eq!(node.status().voted_for, granted.then_some(THREE));
    }
}

#[test]
fn what_is_compacted_is_given_back() {
    let mut config = Config::new(ME, [ME]);
    config.trailing_entries = 0;
    let mut node = Node::new(config, START).unwrap();
    node.campaign();
    for at in 1..=2 {
        outputs(&mut node);
        node.written(Lsn(at));
    }
    outputs(&mut node);
    assert_eq!((node.status().role, node.status().commit), (Role::Leader, Index(1)));
    node.compact(Index(1));
    assert_eq!(node.status().snapshot.index, Index(1));
}

#[test]
fn whatever_is_asked_for_is_answered() {
    let mut node = Node::new(config(), START).unwrap();
    outputs(&mut node);
    let told = |node: &mut Node, event| assert_eq!(outputs(node), [Output::Event(event)]);
    node.transfer(TWO);
    told(&mut node, Event::TransferFailed { to: TWO, reason: TransferRefusal::NotLeader });
    node.change_membership(5, Step::AddLearner(NodeId(4)));
    told(&mut node, Event::ChangeRefused { token: 5, leader: None, reason: ChangeRefusal::NotLeader });
    node.resign();
    told(&mut node, Event::Resigned);
    // Nobody waits for this snapshot any more: it is given back.
    node.done(LATE, Done::Open { to: TWO, found: Some(Found { last: Index(1), len: 3, digest: 7 }) });
    assert_eq!(outputs(&mut node), [Output::Job(Job::Close { to: TWO })]);
}

#[test]
fn an_application_that_has_lost_its_state_asks_the_leader_for_it() {
    let mut node = Node::new(config(), START).unwrap();
    node.receive(Time::ZERO, TWO, heartbeat());
    outputs(&mut node);
    node.demand_snapshot();
    let demand = Message::Demand { term: Term(1), index_min: Index::ZERO };
    assert_eq!(outputs(&mut node), [Output::Send { to: TWO, message: demand }]);
}

#[test]
fn a_leader_speaks_to_a_peer_as_soon_as_its_link_is_up() {
    let mut node = Node::new(config(), START).unwrap();
    node.campaign();
    node.receive(Time::ZERO, TWO, Message::PreVoted { term: Term(1), granted: true });
    node.written(Lsn(1));
    outputs(&mut node);
    node.receive(Time::ZERO, TWO, Message::Voted { term: Term(1), granted: true });
    assert_eq!(node.status().role, Role::Leader);
    node.written(Lsn(2));
    outputs(&mut node);
    node.link(THREE, Link::Down);
    assert_eq!(outputs(&mut node), []);
    node.link(THREE, Link::Up { version: 1 });
    let out = outputs(&mut node);
    assert!(matches!(&out[..], [Output::Send { to: THREE, message: Message::Append { .. } }]), "{out:?}");
}

/// Observers look only when this number has grown.
#[test]
fn the_revision_grows_with_every_change_and_with_nothing_else() {
    let mut node = Node::new(config(), START).unwrap();
    assert_eq!(node.raft().id(), ME);
    outputs(&mut node);
    let mut seen = node.raft().revision();
    outputs(&mut node);
    assert_eq!(node.raft().revision(), seen);
    let vote = || Message::PreVoted { term: Term(1), granted: true };
    let changes: [fn(&mut Node); 2] = [Node::campaign, |node| node.receive(Time::ZERO, THREE, heartbeat())];
    for change in changes {
        change(&mut node);
        assert!(node.raft().revision() > seen, "{:?}", node.status().role);
        seen = node.raft().revision();
    }
    node.receive(Time::ZERO, TWO, vote());
    assert_eq!(node.raft().revision(), seen, "nobody has asked for that any more");
}
