//! The log gets shorter at its front, in memory and on the disk, and nothing that is alive goes with it.

use proptest::prelude::*;
use synod_core::host::Log as _;
use synod_core::testing::{Bench, Output};
use synod_core::{Input, Lsn, NodeId, Protocol, Recovered};
use synod_raft::{
    Command, Config, EntryId, Event, Illegal, Index, Message, Raft, Record, RecoverError, Segment, Term,
};

const ME: NodeId = NodeId(1);
pub(crate) const LEADER: NodeId = NodeId(2);

pub(crate) fn fresh() -> Raft {
    let mut config = Config::new(ME, [ME, LEADER, NodeId(3)]);
    config.trailing_entries = 0;
    Raft::new(config).unwrap()
}

/// A node, its leader's log as far as this node was told of it, and every record that was ever written.
pub(crate) struct Follower {
    pub(crate) bench: Bench<Raft>,
    term: u64,
    /// The terms of the entries.
    log: Vec<u64>,
    pub(crate) records: Vec<(Lsn, Record)>,
}

impl Follower {
    pub(crate) fn new() -> Self {
        let mut bench = Bench::new(ME, fresh());
        bench.start().unwrap();
        Self { bench, term: 1, log: Vec::new(), records: Vec::new() }
    }

    fn input(&mut self, input: Input<Raft>) {
        self.bench.input(input);
        let known = self.records.last().map_or(Lsn::ZERO, |(at, _)| *at);
        let records = &mut self.records;
        let each = &mut |at, record| match record {
            Recovered::Intact(record) if at > known => records.push((at, record)),
            _ => {}
        };
        self.bench.log.replay(each).unwrap();
    }

    fn term_before(&self, index: u64) -> Term {
        Term(index.checked_sub(2).map_or(0, |place| self.log[place as usize]))
    }

    /// The leader's log from `first` on is this many entries of the current term.
    fn append(&mut self, first: u64, count: u64, commit: u64) {
        let payloads: Vec<String> = (0..count).map(|at| format!("{}.{}", self.term, first + at)).collect();
        let entries = Segment::pack(Index(first), Term(self.term), payloads).unwrap();
        let prev_term = self.term_before(first);
        self.log.truncate(first as usize - 1);
        self.log.extend((0..count).map(|_| self.term));
        let commit = Index(commit.min(self.log.len() as u64));
        let append = Message::Append { term: Term(self.term), round: 0, prev_term, commit, entries };
        self.input(Input::Message(LEADER, append));
    }

    pub(crate) fn apply(&mut self, happening: &Happening) {
        let (commit, end) = (self.bench.protocol.commit_index().0, self.log.len() as u64);
        match *happening {
            Happening::Append { count, commit } => self.append(end + 1, count, commit),
            Happening::NewLeader { kept, count } => {
                self.term += 1;
                self.append(kept.clamp(commit, end) + 1, count, 0);
            }
            Happening::Compact(upto) => self.compact(upto),
            Happening::Rewrite(below) => self.input(Input::Rewrite(Lsn(below))),
            Happening::Sync => self.bench.sync().unwrap(),
        }
    }

    fn compact(&mut self, upto: u64) {
        self.input(Input::Command(Command::Compact { upto: Index(upto) }));
    }

    /// The first record that the disk still has.
    fn oldest(&mut self) -> Lsn {
        let mut oldest = None;
        self.bench.log.replay(&mut |at, _| oldest = oldest.or(Some(at))).unwrap();
        oldest.unwrap_or(Lsn(1))
    }
}

fn recovered<'a>(records: impl IntoIterator<Item = &'a (Lsn, Record)>) -> Result<Raft, RecoverError> {
    let mut raft = fresh();
    for (at, record) in records {
        raft.recover(*at, Recovered::Intact(record.clone()))?;
    }
    let mut bench = Bench::new(ME, raft);
    bench.start().unwrap();
    for output in bench.take() {
        if let Output::Event(Event::Halted(error)) = output {
            return Err(error);
        }
    }
    Ok(bench.protocol)
}

/// What counts: term, vote, snapshot, the last entry, and the entries that no snapshot covers.
type Memory = (Term, Option<NodeId>, EntryId, EntryId, Vec<(u64, u64, Vec<u8>)>);

fn memory(raft: &Raft) -> Memory {
    let entries = raft.log().segments().flat_map(|segment| segment.iter());
    let alive = entries.filter(|entry| entry.index > raft.snapshot().index);
    let alive = alive.map(|entry| (entry.index.0, entry.term.0, entry.payload.to_vec()));
    (raft.term(), raft.voted_for(), raft.snapshot(), raft.log().last(), alive.collect())
}

#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Append { count: u64, commit: u64 },
    NewLeader { kept: u64, count: u64 },
    Compact(u64),
    Rewrite(u64),
    Sync,
}

pub(crate) fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (1..4_u64, 0..30_u64).prop_map(|(count, commit)| Happening::Append { count, commit }),
        2 => (0..30_u64, 1..4_u64).prop_map(|(kept, count)| Happening::NewLeader { kept, count }),
        2 => (0..30_u64).prop_map(Happening::Compact),
        1 => (0..30_u64).prop_map(Happening::Rewrite),
        2 => Just(Happening::Sync),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// A crash may come at any moment, and a log that is shared may keep more than it was told to.
    #[test]
    fn any_kept_part_of_the_records_recovers_the_node(happenings in prop::collection::vec(happening(), 1..40)) {
        let mut node = Follower::new();
        for happening in happenings {
            node.apply(&happening);
            let expected = memory(&node.bench.protocol);
            prop_assert_eq!(expected.3.index.0, node.log.len() as u64);
            let oldest = node.oldest();
            for kept in 0..=node.records.iter().filter(|(at, _)| *at < oldest).count() {
                let raft = recovered(&node.records[kept..]);
                let raft = raft.map_err(|error| TestCaseError::fail(format!("{kept} are gone: {error}")))?;
                prop_assert_eq!(memory(&raft), expected.clone(), "{} are gone", kept);
                prop_assert_eq!(raft.commit_index(), raft.snapshot().index);
            }
        }
    }
}

#[test]
fn nothing_is_released_before_the_record_that_replaces_it_is_durable() {
    let mut node = Follower::new();
    for first in 1..=5 {
        node.append(first, 1, first);
    }
    node.bench.sync().unwrap();
    node.compact(4);
    assert_eq!(node.oldest(), Lsn(1));
    assert_eq!(node.bench.protocol.first_index(), Index(5));
    node.bench.sync().unwrap();
    // The term, then the entries 1 to 5: the last of them is alive.
    assert_eq!(node.oldest(), Lsn(6));
}

#[test]
fn a_compacted_log_whose_front_is_lost_halts_the_node() {
    let mut node = Follower::new();
    for first in 1..=6 {
        node.append(first, 1, first);
    }
    node.compact(3);
    let error = recovered(&node.records[5..]).map(|_| ()).unwrap_err();
    assert_eq!(error, RecoverError::Gap { at: Lsn(6), first: Index(5) });
}

#[test]
fn entries_that_were_compacted_are_acknowledged_and_not_stored_again() {
    let mut node = Follower::new();
    node.append(1, 3, 3);
    node.append(4, 1, 3);
    node.bench.sync().unwrap();
    node.compact(3);
    node.bench.sync().unwrap();
    node.bench.take();
    // A delayed message from before, and one that reaches across the base.
    for (first, upto, prev) in [(1, 3, 0), (2, 4, 1), (2, 3, 1)] {
        let entries =
            Segment::pack(Index(first), Term(1), (first..=upto).map(|at| format!("1.{at}"))).unwrap();
        let append =
            Message::Append { term: Term(1), round: 0, prev_term: Term(prev), commit: Index(3), entries };
        node.input(Input::Message(LEADER, append));
        let matched = Index(upto);
        let answers = node.bench.take();
        let answered = answers.iter().any(|output| matches!(output, Output::Send { message: Message::Appended { matched: said, .. }, .. } if *said >= matched));
        assert!(answered, "{first} to {upto}: {answers:?}");
    }
    assert_eq!(node.bench.protocol.log().base(), EntryId { term: Term(1), index: Index(3) });
    assert_eq!(node.bench.protocol.last_index(), Index(4));
}

#[test]
fn entries_that_differ_from_what_was_compacted_are_illegal() {
    for payloads in [&["x", "y", "z"][..], &["x", "y"]] {
        let mut node = Follower::new();
        node.append(1, 3, 3);
        node.bench.sync().unwrap();
        node.compact(3);
        node.bench.take();
        let entries = Segment::pack(Index(2), Term(2), payloads).unwrap();
        let append =
            Message::Append { term: Term(2), round: 0, prev_term: Term(1), commit: Index(0), entries };
        node.input(Input::Message(LEADER, append));
        let illegal = Event::Illegal { from: LEADER, reason: Illegal::ConflictsWithCommitted };
        assert!(node.bench.take().contains(&Output::Event(illegal)), "{payloads:?}");
        assert_eq!(node.bench.protocol.last_index(), Index(3));
    }
}

/// What ends before the last entry that was compacted is committed, of whatever term it is.
#[test]
fn entries_of_earlier_terms_than_what_was_compacted_last_are_no_contradiction() {
    let mut node = Follower::new();
    node.append(1, 2, 2);
    node.apply(&Happening::NewLeader { kept: 2, count: 1 });
    node.append(4, 1, 3);
    node.bench.sync().unwrap();
    node.compact(3);
    node.bench.take();
    let two = Segment::pack(Index(1), Term(1), ["1.1", "1.2"]).unwrap();
    for (prev_term, entries) in [(0, two), (1, Segment::empty(Index(2)))] {
        let (term, prev_term) = (Term(node.term), Term(prev_term));
        let append = Message::Append { term, round: 0, prev_term, commit: Index(3), entries };
        node.input(Input::Message(LEADER, append));
        let outputs = node.bench.take();
        let answered =
            |output: &Output<Raft>| matches!(output, Output::Send { message: Message::Appended { .. }, .. });
        assert!(outputs.iter().any(answered), "{outputs:?}");
    }
    assert_eq!(node.bench.protocol.last_index(), Index(4));
}
