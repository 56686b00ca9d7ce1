//! Logs made by hand: whose records are whose, whom a record that cannot be read concerns, and what a rewrite keeps.

use crate::world::{A, B, C};
use synod_core::host::Log;
use synod_core::testing::{Bench, Output};
use synod_core::wire::{Reader, Wire};
use synod_core::{Input, Lsn, Recovered};
use synod_raft::groups::{Birth, Command, Event, GroupId, Groups, GroupsError, Record, Refusal, Settings};
use synod_raft::{Record as Raft, RecoverError, Segment, Term};

const G: GroupId = GroupId(1);
const H: GroupId = GroupId(2);
const I: GroupId = GroupId(3);

fn fresh() -> Groups {
    let mut settings = Settings::new(A);
    settings.raft.leases = true;
    Groups::new(settings).unwrap()
}

fn created(group: GroupId, life: u64) -> Option<Record> {
    Some(Record::Created { group, life, birth: Birth::founding([A, B, C]) })
}

fn removed(group: GroupId, life: u64) -> Option<Record> {
    Some(Record::Removed(vec![(group, life)]))
}

/// A group has been in this term.
fn term(group: GroupId, life: u64, term: u64) -> Option<Record> {
    let record = Raft::HardState { term: Term(term), voted_for: None };
    Some(Record::Raft { group, life, record })
}

/// A record that cannot be read.
const UNREADABLE: Option<Record> = None;

/// What lies on a disk, from the first record on.
type Disk<'a> = &'a [Option<Record>];

/// A node whose disk holds these records.
fn off(records: Disk<'_>) -> Bench<Groups> {
    let mut node = Bench::new(A, fresh());
    for record in records {
        let at = node.log.append(record.clone().unwrap_or_else(|| Record::Removed(Vec::new()))).unwrap();
        assert!(record.is_some() || node.log.rot(at));
    }
    node.log.sync().unwrap();
    node
}

fn started(records: Disk<'_>) -> Bench<Groups> {
    let mut node = off(records);
    node.start().unwrap();
    node
}

fn terms(node: &Bench<Groups>) -> Vec<(GroupId, u64)> {
    node.protocol.groups().map(|(id, raft)| (id, raft.term().0)).collect()
}

fn refused(node: &mut Bench<Groups>, command: Command) -> Option<Refusal> {
    node.input(Input::Command(command));
    node.take().into_iter().find_map(|output| match output {
        Output::Event(Event::Refused { reason, .. }) => Some(reason),
        _ => None,
    })
}

/// The first entry, without what it says.
fn hollow() -> Segment {
    let (first, term, count, len) = (1_u64, 1_u64, 1_u32, 0_u32);
    let bytes = [&first.to_le_bytes()[..], &term.to_le_bytes(), &count.to_le_bytes(), &len.to_le_bytes()];
    Segment::decode(&mut Reader::new(bytes.concat().into(), 1)).unwrap()
}

/// What the node writes when the log wants the space below `below`.
fn rewritten(node: &mut Bench<Groups>, below: u64) -> Vec<Record> {
    let end = node.log.end();
    node.input(Input::Rewrite(Lsn(below)));
    let mut written = Vec::new();
    let mut each = |at, record| match record {
        Recovered::Intact(record) if at > end => written.push(record),
        _ => {}
    };
    node.log.clone().replay(&mut each).unwrap();
    written
}

/// Where the oldest record stands that the log keeps.
fn begin(node: &Bench<Groups>) -> u64 {
    let mut first = None;
    node.log.clone().replay(&mut |at, _| first = first.or(Some(at.0))).unwrap();
    first.unwrap_or(0)
}

#[test]
fn a_record_counts_in_the_life_that_it_belongs_to() {
    let cases: &[(Disk<'_>, &[(GroupId, u64)])] = &[
        (&[created(G, 1), term(G, 1, 5)], &[(G, 5)]),
        // The creation was written again, and the part of the log before it was cut.
        (&[term(G, 1, 5), created(G, 1)], &[(G, 5)]),
        (&[term(G, 1, 5), created(G, 1), term(G, 1, 6)], &[(G, 6)]),
        (&[term(G, 1, 5), term(H, 2, 6), created(G, 1), created(H, 2)], &[(G, 5), (H, 6)]),
        (&[created(G, 1), term(G, 1, 5), created(G, 1)], &[(G, 5)]),
        // Removed.
        (&[created(G, 1), term(G, 1, 5), removed(G, 1)], &[]),
        (&[term(G, 1, 5), removed(G, 1)], &[]),
        (&[removed(G, 1), created(G, 1)], &[]),
        (&[removed(G, 1), term(G, 1, 5)], &[]),
        (&[removed(G, 2), created(G, 1), term(G, 1, 5)], &[]),
        (&[created(H, 2), term(H, 2, 6), created(G, 1), removed(G, 1)], &[(H, 6)]),
        (&[term(H, 2, 6), removed(G, 1), created(H, 2)], &[(H, 6)]),
        (&[term(H, 1, 6), removed(G, 2), created(H, 1)], &[(H, 6)]),
        // Removed, and created again.
        (&[created(G, 1), term(G, 1, 5), removed(G, 1), created(G, 2), term(G, 2, 3)], &[(G, 3)]),
        (&[removed(G, 1), term(G, 2, 3), created(G, 2)], &[(G, 3)]),
        (&[term(G, 2, 3), removed(G, 1), created(G, 2)], &[(G, 3)]),
        (&[created(G, 2), term(G, 2, 3), removed(G, 1)], &[(G, 3)]),
        // The record of the removal is not there.
        (&[created(G, 1), term(G, 1, 5), created(G, 2), term(G, 2, 3)], &[(G, 3)]),
        (&[created(G, 1), term(G, 1, 5), term(G, 2, 3), created(G, 2)], &[(G, 3)]),
        (&[created(G, 2), term(G, 2, 3), created(G, 1), term(G, 1, 5)], &[(G, 3)]),
        (&[term(G, 1, 5), created(G, 2), term(G, 2, 3)], &[(G, 3)]),
    ];
    for (records, expected) in cases {
        assert_eq!(terms(&started(records)), *expected, "{records:?}");
    }
}

/// A restart forgets what was promised to a leader, so that the promise is made once more; a group that has never written anything has
/// promised nothing.
#[test]
fn a_group_knows_whether_it_was_here_before() {
    let cases: &[(Disk<'_>, bool)] = &[
        (&[created(G, 1)], false),
        (&[created(G, 1), term(G, 1, 5)], true),
        (&[term(G, 1, 5), created(G, 1)], true),
        (&[created(G, 1), UNREADABLE], true),
        (&[UNREADABLE, created(G, 1)], true),
        (&[UNREADABLE, term(G, 1, 5)], true),
    ];
    for (records, promised) in cases {
        let status = started(records).protocol.group(G).unwrap().status();
        assert_eq!(status.lease.promised_until.is_some(), *promised, "{records:?}");
    }
}

/// What stands behind the record that cannot be read says what that had said, as far as it says it.
#[test]
fn a_group_takes_its_records_and_the_damage_in_the_order_of_the_log() {
    let cases: &[(Disk<'_>, bool)] = &[
        (&[created(G, 1), UNREADABLE, term(G, 1, 5)], false),
        (&[created(G, 1), term(G, 1, 5), UNREADABLE], true),
        (&[UNREADABLE, term(G, 1, 5), created(G, 1)], false),
        (&[term(G, 1, 5), UNREADABLE, created(G, 1)], true),
        (&[UNREADABLE, term(G, 1, 5)], false),
        (&[term(G, 1, 5), UNREADABLE], true),
    ];
    for (records, vote) in cases {
        let status = started(records).protocol.group(G).unwrap().status();
        assert_eq!(
            status.mending.map(|mending| (mending.tail, mending.vote)),
            Some((true, *vote)),
            "{records:?}"
        );
    }
}

/// Neither the removal nor the second creation can be read, and perhaps the first creation neither: the later life is the one whose
/// promises count.
#[test]
fn the_latest_life_counts_whose_creation_cannot_be_read() {
    let cases: &[Disk<'_>] = &[
        &[created(G, 1), term(G, 1, 5), UNREADABLE, UNREADABLE, term(G, 2, 3)],
        &[UNREADABLE, term(G, 1, 5), UNREADABLE, UNREADABLE, term(G, 2, 3)],
        // The creation was written again.
        &[created(G, 1), term(G, 1, 5), UNREADABLE, UNREADABLE, term(G, 2, 3), created(G, 2)],
    ];
    for records in cases {
        let mut node = started(records);
        assert_eq!(terms(&node), [(G, 3)], "{records:?}");
        node.sync().unwrap();
        node.restart(fresh()).unwrap();
        assert_eq!(terms(&node), [(G, 3)], "{records:?}");
    }
}

/// A witness has no payloads, and of what cannot be read is not known that it was one. The group cannot go on; the node can, and does not
/// found it a second time.
#[test]
fn a_group_that_cannot_be_taken_back_without_its_creation_stops_alone() {
    let entries = Raft::Append { prev_term: Term::ZERO, entries: hollow() };
    let entries = Some(Record::Raft { group: G, life: 2, record: entries });
    let records = [created(H, 1), term(H, 1, 6), UNREADABLE, term(G, 2, 1), entries];
    let mut node = off(&records);
    for _ in 0..3 {
        node.restart(fresh()).unwrap();
        let halted = |output: &Output<Groups>| {
            matches!(
                output,
                Output::Event(Event::Raft {
                    group: G,
                    event: synod_raft::Event::Halted(RecoverError::Hollow { .. }),
                })
            )
        };
        assert!(node.take().iter().any(halted));
        assert_eq!(terms(&node), [(H, 6)]);
        node.sync().unwrap();
    }
    let birth = Birth::Founding { voters: vec![A, B, C], witnesses: vec![A] };
    let found = Command::Create { group: G, birth };
    assert_eq!(refused(&mut node, found.clone()), Some(Refusal::Forgotten));
    // Nor when nothing is left of its records. The other group, which may have lost something, would keep them.
    assert_eq!(refused(&mut node, Command::Remove { group: H }), None);
    assert_eq!(refused(&mut node, Command::Create { group: I, birth: Birth::founding([A, B, C]) }), None);
    node.sync().unwrap();
    node.input(Input::Rewrite(node.log.end()));
    node.sync().unwrap();
    assert!(begin(&node) > records.len() as u64);
    node.restart(fresh()).unwrap();
    assert_eq!(refused(&mut node, found), Some(Refusal::Forgotten));
    assert_eq!(refused(&mut node, Command::Create { group: G, birth: Birth::Rejoining }), None);
}

#[test]
fn what_was_removed_stays_so_when_the_log_is_rewritten_after_a_restart() {
    let records = [removed(G, 1), removed(H, 2), created(I, 3), term(I, 3, 5)];
    for below in 1..=9 {
        let mut node = started(&records);
        node.input(Input::Rewrite(Lsn(below)));
        node.sync().unwrap();
        assert!(begin(&node) >= below.min(4), "{below}");
        node.restart(fresh()).unwrap();
        assert_eq!(terms(&node), [(I, 5)], "{below}");
        for group in [G, H] {
            let found = Command::Create { group, birth: Birth::founding([A, B, C]) };
            assert_eq!(refused(&mut node, found), Some(Refusal::Forgotten), "{group}, {below}");
        }
    }
}

/// A rewrite writes what stands below, and nothing else.
#[test]
fn a_rewrite_writes_only_what_stands_below() {
    let all_removed = || Some(Record::Removed(vec![(G, 1), (H, 2)]));
    let cases: &[(Disk<'_>, u64, Disk<'_>)] = &[
        (&[created(G, 1), term(G, 1, 5)], 1, &[]),
        (&[created(G, 1), term(G, 1, 5)], 2, &[created(G, 1)]),
        (&[created(G, 1), term(G, 1, 5)], 3, &[created(G, 1), term(G, 1, 5)]),
        // Written again before the crash, but not released.
        (&[created(G, 1), term(G, 1, 5), created(G, 1), term(G, 1, 5)], 3, &[]),
        (&[created(G, 1), term(G, 1, 5), created(G, 1), term(G, 1, 5)], 4, &[created(G, 1)]),
        (&[removed(G, 1), created(I, 3)], 1, &[]),
        (&[removed(G, 1), created(I, 3)], 2, &[removed(G, 1)]),
        (&[created(I, 3), removed(G, 1)], 2, &[created(I, 3)]),
        (&[removed(G, 1), removed(H, 2), created(I, 3)], 2, &[all_removed()]),
        (&[removed(G, 1), removed(H, 2), all_removed(), created(I, 3)], 3, &[]),
        (&[removed(G, 1), removed(H, 2), all_removed(), created(I, 3)], 4, &[all_removed()]),
    ];
    for (records, below, expected) in cases {
        let mut node = started(records);
        let written: Vec<Option<Record>> = rewritten(&mut node, *below).into_iter().map(Some).collect();
        assert_eq!(written, *expected, "{records:?} below {below}");
        node.sync().unwrap();
        assert_eq!(begin(&node), (*below).min(records.len() as u64 + 1), "{records:?} below {below}");
        assert!(rewritten(&mut node, *below).is_empty(), "once");
    }
}

/// A group whose log is damaged keeps its records, and says so when the log wants their space; not before.
#[test]
fn who_is_asked_for_nothing_wants_nothing() {
    let mut node = started(&[created(G, 1), UNREADABLE]);
    let wants = |node: &mut Bench<Groups>| {
        let event = synod_raft::Event::CompactionWanted;
        node.take().contains(&Output::Event(Event::Raft { group: G, event }))
    };
    node.input(Input::Rewrite(Lsn(1)));
    assert!(!wants(&mut node));
    node.input(Input::Rewrite(Lsn(2)));
    assert!(wants(&mut node));
}

/// Two processes have written it, say.
#[test]
fn a_log_that_contradicts_itself_is_none_to_start_from() {
    for records in
        [[created(G, 1), term(G, 1, 5), term(G, 1, 3)], [term(G, 1, 5), term(G, 1, 3), created(G, 1)]]
    {
        let error = off(&records).start().unwrap_err();
        let GroupsError::Group { group, error } = error else { panic!("{error}") };
        assert_eq!(group, G);
        assert!(matches!(error, RecoverError::VoteTakenBack { .. }), "{error}");
    }
}
