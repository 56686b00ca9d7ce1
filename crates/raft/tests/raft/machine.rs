//! The state machine behind Raft, and its folder.

use proptest::prelude::*;
use std::sync::Arc;
use synod_core::{Bytes, NodeId, RestoreError, StateMachine};
use synod_raft::machine::{Folder, Machine, Memory};
use synod_raft::{Done, EntryId, Found, Index, Job, Membership, Piece, Segment, Snapshot, Term};

/// All commands that were applied, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Journal {
    applied: u64,
    lines: Vec<(u64, Vec<u8>)>,
}

impl StateMachine for Journal {
    type Output = usize;

    fn apply(&mut self, position: u64, command: &[u8]) -> usize {
        assert!(position > self.applied, "applied twice");
        self.applied = position;
        self.lines.push((position, command.to_vec()));
        self.lines.len()
    }

    fn applied(&self) -> u64 {
        self.applied
    }

    fn snapshot(&self) -> Bytes {
        let mut bytes = self.applied.to_le_bytes().to_vec();
        for (position, line) in &self.lines {
            bytes.extend(position.to_le_bytes());
            bytes.push(line.len() as u8);
            bytes.extend(line);
        }
        bytes.into()
    }

    fn restore(&mut self, snapshot: Bytes) -> Result<(), RestoreError> {
        let (applied, mut rest) = snapshot.split_first_chunk().ok_or(RestoreError)?;
        let mut lines = Vec::new();
        while let Some((position, after)) = rest.split_first_chunk() {
            let (len, after) = after.split_first().ok_or(RestoreError)?;
            let (line, after) = after.split_at_checked(usize::from(*len)).ok_or(RestoreError)?;
            lines.push((u64::from_le_bytes(*position), line.to_vec()));
            rest = after;
        }
        if !rest.is_empty() {
            return Err(RestoreError);
        }
        (self.applied, self.lines) = (u64::from_le_bytes(*applied), lines);
        Ok(())
    }
}

fn entries(first: u64, payloads: &[&str]) -> Segment {
    Segment::pack(Index(first), Term(1), payloads).unwrap()
}

fn machine(every: u64) -> Machine<Journal, Memory> {
    Machine::new(Journal::default(), Memory::default(), every).unwrap()
}

fn snapshot(Found { last, len, digest }: Found) -> Arc<Snapshot> {
    let last = EntryId { term: Term(1), index: last };
    Snapshot { last, membership: Arc::new(Membership::of([NodeId(1)])), len, digest, hollow: false }.into()
}

fn opened(machine: &mut Machine<Journal, Memory>, to: u64, index_min: u64) -> Option<Found> {
    match machine.work(&Job::Open { to: NodeId(to), index_min: Index(index_min) }) {
        Some(Done::Open { found, .. }) => found,
        other => panic!("{other:?}"),
    }
}

/// Carries a snapshot over, in pieces of so many bytes, and says whether it was installed.
fn carry(
    from: &mut Machine<Journal, Memory>,
    to: &mut Machine<Journal, Memory>,
    found: Found,
    len: usize,
    spoil: impl Fn(u64, Bytes) -> Bytes,
) -> bool {
    let snapshot = snapshot(found);
    let Some(Done::Write { stored: Some(mut offset), .. }) = to.work(&Job::Begin(snapshot.clone())) else {
        panic!()
    };
    while offset < found.len {
        let read = from.work(&Job::Read { to: NodeId(2), offset, len });
        let Some(Done::Read { bytes, .. }) = read else { panic!("{read:?}") };
        let piece = Piece { snapshot: snapshot.clone(), offset, bytes: spoil(offset, bytes) };
        let written = to.work(&Job::Write(piece));
        let Some(Done::Write { stored: Some(stored), .. }) = written else { panic!("{written:?}") };
        offset = stored;
    }
    match to.work(&Job::Install(snapshot)) {
        Some(Done::Install { installed, .. }) => installed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn entries_count_once_and_those_without_a_command_only_take_their_place() {
    let mut machine = machine(0);
    machine
        .apply(&Segment::noop(Index(1), Term(1)).unwrap(), |_, _| panic!("a no-op answers nothing"))
        .unwrap();
    let mut answers = Vec::new();
    for _ in 0..2 {
        machine.apply(&entries(2, &["a", "b"]), |id, output| answers.push((id.index.0, output))).unwrap();
    }
    assert_eq!(answers, [(2, 1), (3, 2)]);
    assert_eq!(machine.position(), Index(3));
    assert!(machine.apply(&entries(5, &["d"]), |_, _| {}).is_err(), "entry 4 is missing");
    assert_eq!(machine.position(), Index(3));
    // Some of it known, some new.
    machine.apply(&entries(3, &["b", "c"]), |_, _| {}).unwrap();
    assert_eq!(machine.inner().lines.len(), 3);
}

#[test]
fn a_snapshot_is_due_after_so_many_entries_and_outlives_the_machine() {
    let mut machine = machine(3);
    machine.apply(&entries(1, &["a", "b"]), |_, _| {}).unwrap();
    assert!(!machine.is_due());
    machine.apply(&Segment::noop(Index(3), Term(1)).unwrap(), |_, _| {}).unwrap();
    assert!(machine.is_due());
    assert_eq!(machine.checkpoint(), Some(Index(3)));
    assert!(!machine.is_due());
    assert_eq!(machine.checkpoint(), None, "nothing is new");
    machine.apply(&entries(4, &["lost"]), |_, _| {}).unwrap();
    let again = Machine::new(Journal::default(), machine.into_folder(), 3).unwrap();
    assert_eq!((again.position(), again.inner().lines.len()), (Index(3), 2));
}

#[test]
fn a_machine_that_keeps_its_own_state_is_not_taken_back() {
    let mut machine = machine(1);
    machine.apply(&entries(1, &["a", "b"]), |_, _| {}).unwrap();
    machine.checkpoint();
    machine.apply(&entries(3, &["c"]), |_, _| {}).unwrap();
    let own = machine.inner().clone();
    let mut again = Machine::new(own.clone(), machine.into_folder(), 1).unwrap();
    assert_eq!(again.inner(), &own);
    // The log says again what it has.
    again.apply(&entries(2, &["b", "c", "d"]), |_, _| {}).unwrap();
    assert_eq!(again.inner().lines.len(), 4);
}

#[test]
fn a_snapshot_goes_over_in_pieces_and_on_where_it_broke_off() {
    let (mut one, mut other) = (machine(0), machine(0));
    one.apply(&entries(1, &["first", "second", "third"]), |_, _| {}).unwrap();
    let found = opened(&mut one, 2, 2).unwrap();
    assert_eq!(found.last, Index(3), "made when it was asked for");
    assert!(carry(&mut one, &mut other, found, 5, |_, bytes| bytes));
    assert_eq!((other.inner(), other.position()), (one.inner(), Index(3)));
    // What comes later follows.
    other.apply(&entries(4, &["fourth"]), |_, _| {}).unwrap();
    let again = Machine::new(Journal::default(), other.into_folder(), 0).unwrap();
    assert_eq!(again.inner(), one.inner(), "and it is safe");

    // The receiver dies after two pieces.
    let snapshot = snapshot(found);
    let mut other = machine(0);
    other.work(&Job::Begin(snapshot.clone()));
    for offset in [0, 5] {
        let Some(Done::Read { bytes, .. }) = one.work(&Job::Read { to: NodeId(2), offset, len: 5 }) else {
            panic!()
        };
        other.work(&Job::Write(Piece { snapshot: snapshot.clone(), offset, bytes }));
    }
    let mut other = Machine::new(Journal::default(), other.into_folder(), 0).unwrap();
    let begun = other.work(&Job::Begin(snapshot.clone()));
    assert_eq!(begun, Some(Done::Write { snapshot: snapshot.clone(), stored: Some(10) }));
    // A piece that does not follow is not taken.
    let piece = Piece { snapshot: snapshot.clone(), offset: 15, bytes: "xxxxx".into() };
    assert_eq!(other.work(&Job::Write(piece)), Some(Done::Write { snapshot, stored: None }));
    assert!(carry(&mut one, &mut other, found, 5, |_, bytes| bytes));
    assert_eq!(other.inner(), one.inner());
}

#[test]
fn damage_on_the_way_is_noticed_and_leaves_the_state_as_it_was() {
    let (mut one, mut other) = (machine(0), machine(0));
    one.apply(&entries(1, &["first", "second", "third"]), |_, _| {}).unwrap();
    other.apply(&entries(1, &["first"]), |_, _| {}).unwrap();
    let found = opened(&mut one, 2, 3).unwrap();
    let flip = |offset, bytes: Bytes| {
        if offset != 20 {
            return bytes;
        }
        let mut bytes = bytes.to_vec();
        bytes[0] ^= 1;
        bytes.into()
    };
    assert!(!carry(&mut one, &mut other, found, 5, flip));
    assert_eq!(other.position(), Index(1));
    assert!(
        carry(&mut one, &mut other, found, 5, |_, bytes| bytes),
        "it is fetched again from the beginning"
    );
}

#[test]
fn a_snapshot_that_is_being_read_stays_until_it_is_closed() {
    let mut machine = machine(0);
    machine.apply(&entries(1, &["a"]), |_, _| {}).unwrap();
    let old = opened(&mut machine, 2, 1).unwrap();
    machine.apply(&entries(2, &["b"]), |_, _| {}).unwrap();
    machine.checkpoint();
    let new = opened(&mut machine, 3, 1).unwrap();
    assert_eq!((old.last, new.last), (Index(1), Index(2)));
    let read = |machine: &mut Machine<Journal, Memory>, to| match machine.work(&Job::Read {
        to: NodeId(to),
        offset: 0,
        len: 100,
    }) {
        Some(Done::Read { bytes, .. }) => bytes.len() as u64,
        other => panic!("{other:?}"),
    };
    assert_eq!((read(&mut machine, 2), read(&mut machine, 3)), (old.len, new.len));
    machine.work(&Job::Close { to: NodeId(2) });
    assert_eq!((read(&mut machine, 2), read(&mut machine, 3)), (0, new.len));
    assert_eq!(machine.into_folder().names().len(), 1);
}

#[test]
fn there_is_none_that_covers_what_was_not_applied() {
    let mut machine = machine(0);
    assert_eq!(opened(&mut machine, 2, 0), None, "nothing was applied");
    machine.apply(&entries(1, &["a"]), |_, _| {}).unwrap();
    assert_eq!(opened(&mut machine, 2, 2), None);
    assert!(opened(&mut machine, 2, 1).is_some());
}

/// To make one costs as much as the state is long.
#[test]
fn a_snapshot_is_made_only_where_the_newest_does_not_reach() {
    let mut machine = machine(0);
    machine.apply(&entries(1, &["a", "b"]), |_, _| {}).unwrap();
    machine.checkpoint();
    machine.apply(&entries(3, &["c"]), |_, _| {}).unwrap();
    for (index_min, last) in [(1, 2), (2, 2), (3, 3)] {
        assert_eq!(opened(&mut machine, 2, index_min).unwrap().last, Index(last), "from {index_min} on");
    }
}

#[test]
fn no_snapshot_is_ever_due_where_none_is_wanted() {
    let mut machine = machine(0);
    assert!(!machine.is_due());
    machine.apply(&entries(1, &["a"]), |_, _| {}).unwrap();
    assert!(!machine.is_due());
}

#[test]
fn an_older_snapshot_is_not_installed_over_a_newer_state() {
    let (mut one, mut other) = (machine(0), machine(0));
    one.apply(&entries(1, &["a"]), |_, _| {}).unwrap();
    other.apply(&entries(1, &["a", "b"]), |_, _| {}).unwrap();
    let found = opened(&mut one, 2, 1).unwrap();
    assert!(carry(&mut one, &mut other, found, 100, |_, bytes| bytes), "there is nothing to do");
    assert_eq!(other.inner().lines.len(), 2);
}

/// The log may forget what a snapshot covers that was not installed, so the own state must be as safe.
#[test]
fn a_newer_state_is_as_safe_as_the_older_snapshot_that_it_is_kept_for() {
    let mut one = machine(0);
    one.apply(&entries(1, &["a", "b"]), |_, _| {}).unwrap();
    let found = opened(&mut one, 2, 1).unwrap();
    for (saved, safe) in [(1, 3), (2, 2)] {
        let mut other = machine(0);
        other.apply(&entries(1, &["a", "b"][..saved]), |_, _| {}).unwrap();
        other.checkpoint();
        other.apply(&entries(1, &["a", "b", "c"]), |_, _| {}).unwrap();
        assert!(carry(&mut one, &mut other, found, 100, |_, bytes| bytes));
        let again = Machine::new(Journal::default(), other.into_folder(), 0).unwrap();
        assert_eq!(again.position(), Index(safe), "up to {saved} it was safe");
    }
}

#[test]
fn the_pieces_of_one_snapshot_are_not_taken_for_those_of_another() {
    let mut other = machine(0);
    let of = |last, len, digest| snapshot(Found { last: Index(last), len, digest });
    let mut left = Vec::new();
    for arriving in [of(2, 30, 7), of(3, 30, 7), of(3, 31, 7), of(3, 31, 8)] {
        let begun = other.work(&Job::Begin(arriving.clone()));
        assert_eq!(begun, Some(Done::Write { snapshot: arriving.clone(), stored: Some(0) }));
        let piece = Piece { snapshot: arriving.clone(), offset: 0, bytes: "xxxxx".into() };
        let written = other.work(&Job::Write(piece));
        assert_eq!(written, Some(Done::Write { snapshot: arriving, stored: Some(5) }));
        left = other.clone().into_folder().names();
        assert_eq!(left.len(), 1, "only the newest is waited for: {left:?}");
    }
    assert_eq!(left, ["part-0000000000000003-000000000000001f-0000000000000008"]);
}

/// Snapshots that an earlier version has stored are found by their names, and read if their digests are right.
#[test]
fn the_names_of_files_are_pinned() {
    let mut machine = machine(0);
    assert!(machine.clone().into_folder().is_empty());
    machine.apply(&entries(1, &["first", "second"]), |_, _| {}).unwrap();
    machine.checkpoint();
    let folder = machine.into_folder();
    assert!(!folder.is_empty());
    assert_eq!(folder.names(), ["snapshot-0000000000000002-0000000000000025-50dca54da58281c7"]);
}

#[test]
fn a_machine_without_its_state_waits_for_a_snapshot() {
    let mut one = machine(0);
    one.apply(&entries(1, &["a", "b"]), |_, _| {}).unwrap();
    let found = opened(&mut one, 2, 1).unwrap();
    let mut other = Machine::without_state(Journal::default(), one.clone().into_folder(), 0);
    assert!(other.is_waiting());
    other.apply(&entries(2, &["b", "c"]), |_, _| panic!("nothing can be applied")).unwrap();
    assert!(carry(&mut one, &mut other, found, 100, |_, bytes| bytes));
    assert!(!other.is_waiting());
    other.apply(&entries(2, &["b", "c"]), |_, _| {}).unwrap();
    assert_eq!(other.inner().lines.len(), 3);
}

/// The host installs, and says so; before the node hears it, it hands over what follows on what it handed over before.
#[test]
fn what_is_given_before_the_node_knows_of_the_snapshot_is_given_again() {
    let mut one = machine(0);
    one.apply(&entries(1, &["a", "b"]), |_, _| {}).unwrap();
    let found = opened(&mut one, 2, 1).unwrap();
    let mut other = Machine::without_state(Journal::default(), Memory::default(), 0);
    other.apply(&entries(3, &["c"]), |_, _| panic!("nothing can be applied")).unwrap();
    assert!(carry(&mut one, &mut other, found, 100, |_, bytes| bytes));
    other.apply(&entries(4, &["d"]), |_, _| panic!("entry 3 is missing")).unwrap();
    other.apply(&entries(3, &["c", "d"]), |_, _| {}).unwrap();
    assert_eq!((other.inner().lines.len(), other.position()), (4, Index(4)));
    assert!(other.apply(&entries(6, &["f"]), |_, _| {}).is_err(), "from now on a gap is a gap");
}

#[test]
fn a_snapshot_that_has_rotted_is_no_beginning() {
    let mut machine = machine(0);
    machine.apply(&entries(1, &["a", "b"]), |_, _| {}).unwrap();
    machine.checkpoint();
    let mut folder = machine.into_folder();
    let name = folder.names().remove(0);
    folder.append(&name, b"rot");
    let error = Machine::new(Journal::default(), folder.clone(), 0).unwrap_err();
    assert_eq!(error.last, Index(2));
    // What is not a snapshot is of no concern.
    folder.remove(&name);
    folder.append("notes", b"x");
    folder.append("snapshot-1", b"x");
    folder.append("draft", b"half of one");
    assert_eq!(Machine::new(Journal::default(), folder, 0).unwrap().position(), Index(0));
}

/// A folder whose disk fails: after so many operations nothing is kept any more.
#[derive(Clone, Debug, Default)]
struct Failing {
    memory: Memory,
    left: u64,
}

impl Failing {
    fn works(&mut self) -> bool {
        let works = self.left > 0;
        self.left = self.left.saturating_sub(1);
        works
    }
}

impl Folder for Failing {
    fn append(&mut self, name: &str, bytes: &[u8]) -> bool {
        self.works() && self.memory.append(name, bytes)
    }

    fn rename(&mut self, from: &str, to: &str) -> bool {
        self.works() && self.memory.rename(from, to)
    }

    fn remove(&mut self, name: &str) {
        self.memory.remove(name);
    }

    fn read(&self, name: &str, offset: u64, len: usize) -> Option<Bytes> {
        self.memory.read(name, offset, len)
    }

    fn len(&self, name: &str) -> Option<u64> {
        self.memory.len(name)
    }

    fn names(&self) -> Vec<String> {
        self.memory.names()
    }
}

proptest! {
    /// Whenever the disk fails, what is said to be safe is there afterwards.
    #[test]
    fn what_is_said_to_be_safe_is_safe(left in 0..6_u64, counts in prop::collection::vec(1..4_usize, 1..6)) {
        let folder = Failing { left, ..Failing::default() };
        let mut machine = Machine::new(Journal::default(), folder, 1).unwrap();
        let mut safe = Index::ZERO;
        for count in counts {
            let payloads = vec!["x"; count];
            machine.apply(&entries(machine.position().0 + 1, &payloads), |_, _| {}).unwrap();
            if let Some(upto) = machine.checkpoint() {
                safe = upto;
            }
        }
        let again = Machine::new(Journal::default(), machine.into_folder(), 1).unwrap();
        prop_assert!(again.position() >= safe);
    }

    /// Nor is a snapshot installed before it is, however often that is tried.
    #[test]
    fn what_is_said_to_be_installed_is_safe(left in 0..5_u64, own in 0..4_usize) {
        let mut one = machine(0);
        one.apply(&entries(1, &["a", "b"]), |_, _| {}).unwrap();
        let snapshot = snapshot(opened(&mut one, 2, 1).unwrap());
        let folder = Failing { left, ..Failing::default() };
        let mut machine = Machine::new(Journal::default(), folder, 0).unwrap();
        machine.apply(&entries(1, &vec!["a"; own]), |_, _| {}).unwrap();
        let mut installed = false;
        for _ in 0..3 {
            machine.work(&Job::Begin(snapshot.clone()));
            let read = one.work(&Job::Read { to: NodeId(2), offset: 0, len: 1_000 });
            let Some(Done::Read { bytes, .. }) = read else { panic!() };
            machine.work(&Job::Write(Piece { snapshot: snapshot.clone(), offset: 0, bytes }));
            let done = machine.work(&Job::Install(snapshot.clone()));
            installed |= matches!(done, Some(Done::Install { installed: true, .. }));
        }
        let again = Machine::new(Journal::default(), machine.into_folder(), 1).unwrap();
        prop_assert!(!installed || again.position() >= Index(2));
    }
}
