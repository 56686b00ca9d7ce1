//! The log in memory is bounded: older payloads are on the disk alone, and are read again when somebody needs them.

use crate::cluster::Cluster;
use synod_core::{Input, Lsn, NodeId};
use synod_raft::{Config, Done, EntryId, Event, Index, Job, Message, RecoverError, Segment, Term, Timer};

fn small(config: &mut Config) {
    config.log_memory_bytes_max = 100;
    config.batch_bytes_max = 60;
}

/// Node 3 has missed forty proposals, and most of them are in nobody's memory.
fn behind() -> Cluster {
    let mut cluster = Cluster::with(3, small);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.isolate(3);
    for at in 0..40 {
        cluster.propose(1, &format!("value {at}"));
        cluster.stabilize();
    }
    cluster
}

fn heartbeats(cluster: &mut Cluster, count: usize) {
    for _ in 0..count {
        cluster.fire(NodeId(1), Timer::Heartbeat);
        cluster.stabilize();
    }
}

#[test]
fn what_everybody_has_is_not_kept_in_memory() {
    let cluster = behind();
    for id in [1, 2] {
        let log = cluster.raft(id).log();
        assert!(log.warm_bytes() <= 100, "{} bytes", log.warm_bytes());
        assert_eq!((log.first_index(), log.last().index), (Index(1), Index(41)), "all names are there");
        let held: usize = log.segments().map(|segment| segment.arena().len()).sum();
        assert_eq!(held, log.warm_bytes());
        assert_eq!(log.term_at(Index(3)), Some(Term(1)));
    }
}

#[test]
fn a_follower_that_lags_is_sent_what_is_read_again() {
    let mut cluster = behind();
    cluster.connect(3);
    heartbeats(&mut cluster, 3);
    assert_eq!(cluster.payloads(3), cluster.payloads(1));
    assert!(cluster.recalled >= 30, "{} records were read", cluster.recalled);
    assert!(cluster.raft(1).log().warm_bytes() <= 100);
}

#[test]
fn only_so_many_records_are_asked_for_at_once() {
    let mut cluster = behind();
    cluster.connect(3);
    cluster.idle.insert(NodeId(1));
    heartbeats(&mut cluster, 5);
    assert_eq!(cluster.jobs.len(), 8);
    assert!(cluster.jobs.iter().all(|(_, job)| matches!(job, Job::Recall { .. })));
    cluster.idle.clear();
    cluster.stabilize();
    heartbeats(&mut cluster, 3);
    assert_eq!(cluster.payloads(3), cluster.payloads(1));
}

#[test]
fn an_application_that_begins_anew_is_given_everything_in_order() {
    let mut cluster = behind();
    let everything = cluster.payloads(1);
    // The test's host checks the order.
    cluster.restart(2);
    assert!(cluster.raft(2).log().warm_bytes() <= 100, "recovery keeps to the bound as well");
    cluster.idle.insert(NodeId(2));
    heartbeats(&mut cluster, 1);
    assert_eq!(cluster.committed(2), 41);
    assert!(cluster.payloads(2).is_empty());
    // A read waits for what it must see.
    cluster.read(2, 7, synod_raft::ReadMode::Index);
    cluster.stabilize();
    assert!(cluster.ready(2).is_empty());
    cluster.idle.clear();
    cluster.stabilize();
    assert_eq!(cluster.payloads(2), everything);
    assert_eq!(cluster.ready(2), [(7, 41)]);
}

#[test]
fn what_is_not_durable_or_not_applied_stays_in_memory() {
    let mut cluster = Cluster::with(3, small);
    cluster.campaign(1);
    cluster.stabilize();
    // The leader's disk stands still, the others commit.
    cluster.slow.insert(NodeId(1));
    for at in 0..20 {
        cluster.propose(1, &format!("value {at}"));
        cluster.stabilize();
    }
    assert_eq!(cluster.committed(1), 21);
    assert!(cluster.raft(1).log().warm_bytes() > 200);
    // Nobody commits.
    cluster.slow.clear();
    cluster.stabilize();
    cluster.isolate(1);
    for at in 0..20 {
        cluster.propose(1, &format!("lonely {at}"));
        cluster.stabilize();
    }
    assert_eq!(cluster.committed(1), 21);
    assert!(cluster.raft(1).log().warm_bytes() > 200);
}

#[test]
fn a_record_that_cannot_be_read_again_halts_the_node() {
    let wrong = Segment::pack(Index(90), Term(1), ["x"]).unwrap();
    for entries in [None, Some(wrong)] {
        let mut cluster = behind();
        cluster.connect(3);
        cluster.idle.insert(NodeId(1));
        heartbeats(&mut cluster, 2);
        let (_, Job::Recall { at }) = cluster.jobs[0] else { panic!("{:?}", cluster.jobs) };
        cluster.input(NodeId(1), Input::Done(Done::Recall { at, entries }));
        let halted = |(node, event): &(NodeId, Event)| {
            *node == NodeId(1)
                && matches!(event, Event::Halted(RecoverError::Damaged { at: lost, .. }) if *lost == at)
        };
        assert!(cluster.events.iter().any(halted));
    }
}

#[test]
fn an_answer_that_comes_too_late_changes_nothing() {
    let mut cluster = behind();
    cluster.connect(3);
    cluster.idle.insert(NodeId(1));
    heartbeats(&mut cluster, 2);
    let (_, Job::Recall { at }) = cluster.jobs[0] else { panic!("{:?}", cluster.jobs) };
    cluster.compact(1, 41);
    for at in [at, Lsn(77)] {
        cluster.input(NodeId(1), Input::Done(Done::Recall { at, entries: None }));
    }
    assert!(!cluster.events.iter().any(|(_, event)| matches!(event, Event::Halted(_))));
    cluster.idle.clear();
    heartbeats(&mut cluster, 8);
    assert_eq!(cluster.payloads(3), cluster.payloads(1));
}

#[test]
fn what_was_overwritten_is_not_given_to_the_application() {
    let mut cluster = Cluster::with(3, |config| {
        small(config);
        config.log_memory_bytes_max = 0;
    });
    // Node 3 has an entry of a leader that is forgotten, and has it on the disk alone.
    cluster.install(3, &[(1, 3), (2, 1)]);
    cluster.install(1, &[(1, 3)]);
    cluster.install(2, &[(1, 3)]);
    cluster.idle.insert(NodeId(3));
    let append = |first: u64, prev: u64, commit, entries: &Segment| Message::Append {
        term: Term(5),
        prev_term: Term(prev),
        commit: Index(commit),
        round: 1,
        entries: if entries.is_empty() { Segment::empty(Index(first)) } else { entries.clone() },
    };
    // The entries are asked for, the one that will be overwritten among them.
    cluster.deliver_to(1, 3, append(4, 1, 3, &Segment::empty(Index(4))));
    let new = Segment::pack(Index(4), Term(5), ["new"]).unwrap();
    cluster.idle.clear();
    cluster.stabilize();
    cluster.deliver_to(1, 3, append(4, 1, 3, &new));
    cluster.deliver_to(1, 3, append(5, 5, 4, &Segment::empty(Index(5))));
    cluster.stabilize();
    assert_eq!(cluster.payloads(3), ["1.1", "1.2", "1.3", "new"]);
}

#[test]
fn a_log_that_is_on_the_disk_alone_cannot_be_written_anew_and_asks_for_compaction() {
    let mut cluster = behind();
    let before = cluster.records(1).len();
    cluster.input(NodeId(1), Input::Rewrite(Lsn(20)));
    assert!(cluster.events.contains(&(NodeId(1), Event::CompactionWanted)));
    assert_eq!(cluster.records(1).len(), before);
    cluster.compact(1, 41);
    cluster.stabilize();
    cluster.input(NodeId(1), Input::Rewrite(Lsn(20)));
    cluster.stabilize();
    assert!(cluster.records(1).len() < 5, "{:?}", cluster.records(1));
}

/// What was read is kept, the last of it first, for so many batches and not for more.
#[test]
fn what_was_read_again_is_kept_for_four_batches() {
    let mut cluster = behind();
    cluster.isolate(2);
    cluster.restart(2);
    cluster.stabilize();
    // A follower without a leader lends what it has: the entry after the one that is named.
    let mut asked = |after: u64| {
        let term = if after == 0 { Term::ZERO } else { Term(1) };
        let borrow = Message::Borrow { term: Term(1), hint: EntryId { term, index: Index(after) } };
        let before = cluster.recalled;
        for _ in 0..2 {
            cluster.deliver_to(3, 2, borrow.clone());
            cluster.sync_fast();
        }
        let lent = cluster.intercept(3).into_iter().find_map(|letter| match letter.message {
            Message::Lend { loan, .. } => Some(loan.entries.first()),
            _ => None,
        });
        assert_eq!(lent, Some(Index(after + 1)));
        cluster.recalled - before
    };
    for after in 1..37 {
        asked(after);
    }
    // The last four that are asked for were in memory all the time. Before them four batches of 60 bytes: twenty payloads of eight bytes,
    // with their headers of four.
    let kept: Vec<u64> = (1..37).rev().take_while(|after| asked(*after) == 0).collect();
    assert_eq!((kept.len(), kept.last()), (24, Some(&13)));
}

/// What was read of entries that are overwritten is not what stands there now.
#[test]
fn what_was_overwritten_is_not_given_to_others_either() {
    let mut cluster = Cluster::with(3, |config| config.log_memory_bytes_max = 0);
    cluster.install(3, &[(1, 3), (2, 1)]);
    let lent = |cluster: &mut Cluster, after: u64| {
        let term = if after == 0 { Term::ZERO } else { Term(1) };
        let borrow = Message::Borrow { term: Term(2), hint: EntryId { term, index: Index(after) } };
        let before = cluster.recalled;
        for _ in 0..2 {
            cluster.deliver_to(2, 3, borrow.clone());
            cluster.sync_fast();
        }
        let lent = cluster.intercept(2).into_iter().find_map(|letter| match letter.message {
            Message::Lend { loan, .. } => Some(loan.entries),
            _ => None,
        });
        let entries = lent.unwrap();
        let payload = entries.iter().next().map(|entry| entry.payload.to_vec()).unwrap();
        (String::from_utf8(payload).unwrap(), cluster.recalled > before)
    };
    assert_eq!(lent(&mut cluster, 3), ("2.4".to_owned(), true));
    assert_eq!(lent(&mut cluster, 0), ("1.1".to_owned(), true));
    let new = Segment::pack(Index(4), Term(5), ["new"]).unwrap();
    let more = Segment::pack(Index(5), Term(5), ["more"]).unwrap();
    for (prev_term, commit, entries) in [(1, 4, new), (5, 5, more)] {
        let (term, prev_term, commit) = (Term(5), Term(prev_term), Index(commit));
        cluster.deliver_to(1, 3, Message::Append { term, prev_term, commit, round: 1, entries });
        cluster.stabilize();
    }
    assert_eq!(cluster.payloads(3), ["1.1", "1.2", "1.3", "new", "more"]);
    cluster.net.clear();
    cluster.time_out(3);
    cluster.net.clear();
    assert_eq!(lent(&mut cluster, 3), ("new".to_owned(), true));
    assert_eq!(lent(&mut cluster, 0), ("1.1".to_owned(), false), "that is still so");
}
