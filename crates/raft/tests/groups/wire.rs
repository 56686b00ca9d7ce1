//! The byte form of what nodes of many groups say and write.

use proptest::prelude::*;
use synod_core::wire::Wire;
use synod_core::{Bytes, NodeId};
use synod_raft::groups::{Beat, Birth, GroupId, Letter, Message, Record};
use synod_raft::{EntryId, Index, Message as Raft, Record as RaftRecord, Segment, Term};

pub(crate) fn raft() -> impl Strategy<Value = Raft> {
    let n = || prop_oneof![8 => 0..6_u64, 1 => Just(u64::MAX), 1 => any::<u64>()];
    let id = move || (n(), n()).prop_map(|(term, index)| EntryId { term: Term(term), index: Index(index) });
    prop_oneof![
        (n(), id()).prop_map(|(term, last)| Raft::PreVote { term: Term(term), last }),
        (n(), any::<bool>()).prop_map(|(term, granted)| Raft::PreVoted { term: Term(term), granted }),
        (n(), id()).prop_map(|(term, last)| Raft::RequestVote { term: Term(term), last, by_transfer: false }),
        (n(), any::<bool>()).prop_map(|(term, granted)| Raft::Voted { term: Term(term), granted }),
        (n(), n(), n(), 1..6_u64, 0..3_usize).prop_map(|(term, prev, commit, first, count)| Raft::Append {
            term: Term(term),
            prev_term: Term(prev),
            commit: Index(commit),
            round: 1,
            entries: if count == 0 {
                Segment::empty(Index(first))
            } else {
                Segment::pack(Index(first), Term(term.clamp(1, 9)), vec![vec![7_u8]; count]).unwrap()
            },
        }),
        (n(), n(), n()).prop_map(|(term, matched, round)| Raft::Appended {
            term: Term(term),
            matched: Index(matched),
            round
        }),
        (n(), n()).prop_map(|(term, round)| Raft::Heard { term: Term(term), round }),
        n().prop_map(|term| Raft::TimeoutNow { term: Term(term) }),
    ]
}

pub(crate) fn letter() -> impl Strategy<Value = Letter> {
    let n = || prop_oneof![8 => 0..6_u64, 1 => Just(u64::MAX), 1 => any::<u64>()];
    prop_oneof![
        4 => raft().prop_map(Letter::Raft),
        2 => (n(), n(), n(), n(), n()).prop_map(|(term, round, prev_term, prev, commit)| Letter::Rest(Beat {
            term: Term(term),
            round,
            prev: EntryId { term: Term(prev_term), index: Index(prev) },
            commit: Index(commit),
        })),
        1 => (n(), n()).prop_map(|(term, last)| Letter::Rests { term: Term(term), last: Index(last) }),
        1 => n().prop_map(|term| Letter::Wake { term: Term(term) }),
        1 => n().prop_map(|term| Letter::Audit { term: Term(term) }),
    ]
}

pub(crate) fn message() -> impl Strategy<Value = Message> {
    let letters = prop::collection::vec(((1..5_u64).prop_map(GroupId), letter()), 0..4);
    (0..4_u64, letters).prop_map(|(incarnation, letters)| Message { incarnation, letters })
}

fn record() -> impl Strategy<Value = Record> {
    let group = || any::<u64>().prop_map(GroupId);
    let nodes = || prop::collection::vec(any::<u64>().prop_map(NodeId), 0..4);
    let birth = prop_oneof![
        (nodes(), nodes()).prop_map(|(voters, witnesses)| Birth::Founding { voters, witnesses }),
        Just(Birth::Joining),
        Just(Birth::Rejoining),
    ];
    prop_oneof![
        (group(), any::<u64>(), birth).prop_map(|(group, life, birth)| Record::Created {
            group,
            life,
            birth
        }),
        prop::collection::vec((group(), any::<u64>()), 0..4).prop_map(Record::Removed),
        (group(), any::<u64>(), any::<u64>()).prop_map(|(group, life, term)| Record::Raft {
            group,
            life,
            record: RaftRecord::HardState { term: Term(term), voted_for: Some(NodeId(term)) },
        }),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn golden_bytes() {
    let (term, index) = (Term(2), Index(3));
    let beat = Beat { term, round: 4, prev: EntryId { term, index }, commit: index };
    let letters = vec![
        (GroupId(7), Letter::Raft(Raft::TimeoutNow { term })),
        (GroupId(8), Letter::Rest(beat)),
        (GroupId(9), Letter::Rests { term, last: index }),
        (GroupId(10), Letter::Wake { term }),
        (GroupId(11), Letter::Audit { term }),
    ];
    assert_eq!(
        hex(&Message { incarnation: 5, letters }.to_bytes(1)),
        "050000000000000005000000\
         0700000000000000010c0200000000000000\
         0800000000000000020200000000000000040000000000000002000000000000000300000000000000\
         0300000000000000\
         09000000000000000302000000000000000300000000000000\
         0a00000000000000040200000000000000\
         0b00000000000000050200000000000000"
    );
    let records = [
        Record::Created { group: GroupId(7), life: 1, birth: Birth::founding([NodeId(1), NodeId(2)]) },
        Record::Created { group: GroupId(7), life: 1, birth: Birth::Rejoining },
        Record::Removed(vec![(GroupId(7), 1)]),
        Record::Raft { group: GroupId(7), life: 1, record: RaftRecord::HardState { term, voted_for: None } },
    ];
    assert_eq!(
        records.map(|record| hex(&record.to_bytes(1))),
        [
            "010700000000000000010000000000000001020000000100000000000000020000000000000000000000",
            "010700000000000000010000000000000003",
            "020100000007000000000000000100000000000000",
            "030700000000000000010000000000000001020000000000000000",
        ]
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_no_bytes_panic(
        message in message(),
        record in record(),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let bytes = message.to_bytes(1);
        prop_assert_eq!(Message::from_bytes(bytes.clone(), 1).unwrap(), message);
        prop_assert!(Message::from_bytes(bytes.slice(..at.index(bytes.len())), 1).is_err());
        let mut mutated = bytes.to_vec();
        let place = at.index(mutated.len());
        mutated[place] ^= flip;
        let _ = Message::from_bytes(Bytes::from(mutated), 1);
        prop_assert!(Message::from_bytes(bytes, 9).is_err());

        let bytes = record.to_bytes(1);
        prop_assert_eq!(Record::from_bytes(bytes.clone(), 1).unwrap(), record);
        prop_assert!(Record::from_bytes(bytes.slice(..at.index(bytes.len())), 1).is_err());
        let mut mutated = bytes.to_vec();
        let place = at.index(mutated.len());
        mutated[place] ^= flip;
        let _ = Record::from_bytes(Bytes::from(mutated), 1);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::from_bytes(Bytes::from(bytes.clone()), 1);
        let _ = Record::from_bytes(Bytes::from(bytes), 1);
    }
}
