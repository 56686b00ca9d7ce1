//! What a log may hold that a node comes back from.

use synod_core::{Lsn, NodeId, Protocol, Recovered};
use synod_raft::{Config, EntryId, Index, Membership, Raft, Record, RecoverError, Segment, Term};

fn fresh() -> Raft {
    Raft::new(Config::new(NodeId(1), [1, 2, 3].map(NodeId))).unwrap()
}

fn hard(term: u64, voted_for: Option<u64>) -> Record {
    Record::HardState { term: Term(term), voted_for: voted_for.map(NodeId) }
}

fn recovered(records: impl IntoIterator<Item = Record>) -> Result<Raft, RecoverError> {
    let mut raft = fresh();
    for (at, record) in (1..).map(Lsn).zip(records) {
        raft.recover(at, Recovered::Intact(record))?;
    }
    Ok(raft)
}

#[test]
fn a_vote_may_come_later_and_is_not_taken_back() {
    let raft = recovered([hard(2, None), hard(2, Some(3)), hard(2, Some(3))]).unwrap();
    assert_eq!((raft.term(), raft.voted_for()), (Term(2), Some(NodeId(3))));
    let raft = recovered([hard(2, Some(3)), hard(3, None)]).unwrap();
    assert_eq!((raft.term(), raft.voted_for()), (Term(3), None));
    let withdrawn = recovered([hard(2, Some(3)), hard(2, None)]).unwrap_err();
    assert_eq!(withdrawn, RecoverError::VoteTakenBack { at: Lsn(2), term: Term(2) });
}

#[test]
fn the_last_term_is_a_term_and_what_is_beyond_is_not() {
    let last = Term::MAX.0;
    assert_eq!(recovered([hard(last, None)]).unwrap().term(), Term::MAX);
    let beyond = recovered([hard(1, None), hard(last + 1, None)]).unwrap_err();
    assert_eq!(beyond, RecoverError::VoteTakenBack { at: Lsn(2), term: Term(1) });
}

/// No node writes a record of no entries; one that stands in a log is somebody else's.
#[test]
fn a_record_without_entries_is_a_contradiction() {
    let empty = Record::Append { prev_term: Term::ZERO, entries: Segment::empty(Index(1)) };
    assert!(matches!(recovered([empty]), Err(RecoverError::Contradiction { at: Lsn(1), .. })));
}

/// An observer that remembers the revision must notice what was recovered.
#[test]
fn what_is_recovered_is_news_to_an_observer() {
    let entries = Segment::pack(Index(1), Term(1), ["x"]).unwrap();
    let records = [hard(1, None), Record::Append { prev_term: Term::ZERO, entries }];
    let mut raft = fresh();
    for (at, record) in (1..).map(Lsn).zip(records) {
        let before = raft.revision();
        raft.recover(at, Recovered::Intact(record)).unwrap();
        assert!(raft.revision() > before);
    }
}

#[test]
fn a_position_that_no_entry_has_is_a_contradiction() {
    let snapshot = |term, index| Record::Snapshot {
        term: Term(3),
        voted_for: None,
        last: EntryId { term: Term(term), index: Index(index) },
        membership: Membership::default().into(),
    };
    assert!(recovered([snapshot(2, 5)]).is_ok());
    // An entry without a term, a term without an entry, and one beyond the last.
    for (term, index) in [(0, 5), (2, 0), (2, Index::MAX.0 + 1)] {
        let refused = recovered([snapshot(term, index)]);
        assert!(matches!(refused, Err(RecoverError::Contradiction { at: Lsn(1), .. })), "{term}/{index}");
    }
    // The entry before the sixth has a term, and nothing is before the first.
    for (first, prev_term) in [(6, 0), (1, 1)] {
        let entries = Segment::pack(Index(first), Term(2), ["x"]).unwrap();
        let refused = recovered([Record::Append { prev_term: Term(prev_term), entries }]);
        assert!(
            matches!(refused, Err(RecoverError::Contradiction { at: Lsn(1), .. })),
            "{prev_term}, {first}"
        );
    }
}

/// A rewrite keeps whole batches, so one may begin below what the snapshot covers.
#[test]
fn a_batch_that_a_snapshot_covers_in_part_is_taken_from_there() {
    let last = EntryId { term: Term(1), index: Index(3) };
    let snapshot =
        Record::Snapshot { term: Term(1), voted_for: None, last, membership: Membership::default().into() };
    let entries = Segment::pack(Index(1), Term(1), ["a", "b", "c", "d", "e"]).unwrap();
    let raft = recovered([snapshot, Record::Append { prev_term: Term::ZERO, entries }]).unwrap();
    assert_eq!((raft.first_index(), raft.last_index()), (Index(4), Index(5)));
}

fn entries(prev_term: u64, term: u64, first: u64, count: usize) -> Record {
    let entries = Segment::pack(Index(first), Term(term), vec!["x"; count]).unwrap();
    Record::Append { prev_term: Term(prev_term), entries }
}

fn id(term: u64, index: u64) -> EntryId {
    EntryId { term: Term(term), index: Index(index) }
}

/// The record of a node that was mended says where the log ended: what stood behind was given up.
#[test]
fn a_record_of_a_mended_log_cuts_what_is_behind_it() {
    let mended = |term, index| Record::Mended { term: Term(2), voted_for: None, last: id(term, index) };
    let last = |record| {
        recovered([hard(1, None), entries(0, 1, 1, 3), entries(1, 1, 4, 2), record]).unwrap().log().last()
    };
    assert_eq!([last(mended(1, 3)), last(mended(1, 5))], [id(1, 3), id(1, 5)]);
    assert_eq!(last(mended(2, 3)), id(1, 5), "another entry than this one");
}

/// A rewrite states the same snapshot again; an earlier one was never the later record.
#[test]
fn a_snapshot_may_be_stated_again_and_not_taken_back() {
    let snapshot = |index| Record::Snapshot {
        term: Term(1),
        voted_for: None,
        last: id(1, index),
        membership: Membership::of([1, 2, 3].map(NodeId)).into(),
    };
    assert_eq!(recovered([snapshot(5), snapshot(5)]).unwrap().snapshot(), id(1, 5));
    assert_eq!(recovered([snapshot(5), snapshot(6)]).unwrap().snapshot(), id(1, 6));
    let earlier = recovered([snapshot(5), snapshot(4)]);
    assert!(matches!(earlier, Err(RecoverError::Contradiction { at: Lsn(2), .. })), "{earlier:?}");
}

/// A node that has rejoined, and was heard to the end, is in no doubt at its next start, though its log holds no entry yet.
#[test]
fn a_node_that_has_rejoined_does_not_begin_anew_with_a_term_and_no_entries() {
    let mut config = Config::new(NodeId(1), [1, 2, 3].map(NodeId));
    config.rejoining = true;
    for (record, mending) in [(None, true), (Some(hard(3, Some(1))), false)] {
        let mut raft = Raft::new(config.clone()).unwrap();
        if let Some(record) = record {
            raft.recover(Lsn(1), Recovered::Intact(record)).unwrap();
        }
        let mut node = synod_core::testing::Bench::new(NodeId(1), raft);
        node.start().unwrap();
        assert_eq!(node.protocol.is_mending(), mending);
    }
}
