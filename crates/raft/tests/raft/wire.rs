//! The byte form: golden bytes, round trips, and whatever bytes may come.

use proptest::prelude::*;
use synod_core::wire::{Reader, Wire, WireError};
use synod_core::{Bytes, NodeId};
use synod_raft::{
    Change, EntryId, Index, Loan, Membership, Message, Piece, QuorumRule, ReadMode, Record, Said, Segment,
    Snapshot, Step, Term, Transition,
};

pub(crate) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..8_u64, 1 => Just(u64::MAX), 1 => Just(1 << 62), 1 => any::<u64>()]
}

fn term() -> impl Strategy<Value = Term> {
    number().prop_map(Term)
}

fn index() -> impl Strategy<Value = Index> {
    number().prop_map(Index)
}

fn entry_id() -> impl Strategy<Value = EntryId> {
    (term(), index()).prop_map(|(term, index)| EntryId { term, index })
}

pub(crate) fn segment() -> impl Strategy<Value = Segment> {
    let payloads = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..5);
    (1..10_u64, 1..6_u64, payloads, 0..4_u8, membership()).prop_map(
        |(first, term, payloads, kind, membership)| match (payloads.len(), kind) {
            (0, 0) => Segment::noop(Index(first), Term(term)).unwrap(),
            (0, _) => Segment::empty(Index(first)),
            (_, 0) => Segment::membership(Index(first), Term(term), &membership).unwrap(),
            (count, 1) => hollow(first, term, count as u32),
            _ => Segment::pack(Index(first), Term(term), payloads).unwrap(),
        },
    )
}

/// What a witness is sent.
pub(crate) fn hollow(first: u64, term: u64, count: u32) -> Segment {
    Segment::decode(&mut Reader::new(bytes_of_segment(first, term, count, &[]).into(), 1)).unwrap()
}

pub(crate) fn mode() -> impl Strategy<Value = ReadMode> {
    prop_oneof![Just(ReadMode::Index), Just(ReadMode::Lease), Just(ReadMode::LeaseGuard)]
}

pub(crate) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        1 => (term(), entry_id()).prop_map(|(term, last)| Message::PreVote { term, last }),
        1 => (term(), any::<bool>()).prop_map(|(term, granted)| Message::PreVoted { term, granted }),
        1 => (term(), entry_id(), any::<bool>())
            .prop_map(|(term, last, by_transfer)| Message::RequestVote { term, last, by_transfer }),
        1 => (term(), any::<bool>()).prop_map(|(term, granted)| Message::Voted { term, granted }),
        4 => (term(), term(), index(), number(), segment()).prop_map(|(term, prev_term, commit, round, entries)| {
            Message::Append { term, prev_term, commit, round, entries }
        }),
        2 => (term(), index(), number()).prop_map(|(term, matched, round)| Message::Appended { term, matched, round }),
        1 => (term(), index(), entry_id(), number())
            .prop_map(|(term, prev, hint, round)| Message::Rejected { term, prev, hint, round }),
        1 => (term(), index()).prop_map(|(term, commit)| Message::Commit { term, commit }),
        1 => (term(), number()).prop_map(|(term, round)| Message::Heard { term, round }),
        1 => (term(), number(), mode()).prop_map(|(term, number, mode)| Message::AskIndex { term, number, mode }),
        1 => (term(), number(), index()).prop_map(|(term, number, index)| Message::IndexIs { term, number, index }),
        1 => term().prop_map(|term| Message::TimeoutNow { term }),
        1 => (term(), entry_id()).prop_map(|(term, hint)| Message::Borrow { term, hint }),
        2 => (term(), entry_id(), term(), segment()).prop_map(|(term, last, prev_term, entries)| {
            Message::Lend { term, loan: Box::new(Loan { last, prev_term, entries }) }
        }),
        1 => (term(), any::<u32>()).prop_map(|(term, priority)| Message::Claim { term, priority }),
        2 => (term(), number(), piece())
            .prop_map(|(term, round, piece)| Message::Piece { term, round, piece: Box::new(piece) }),
        1 => (term(), number(), number(), number())
            .prop_map(|(term, round, digest, stored)| Message::Stored { term, round, digest, stored }),
        1 => (term(), index()).prop_map(|(term, index_min)| Message::Demand { term, index_min }),
        1 => (term(), number(), entry_id(), any::<bool>())
            .prop_map(|(term, round, last, doubted)| Message::Lost { term, round, last, doubted }),
        1 => (term(), index(), number()).prop_map(|(term, matched, round)| Message::Uncounted { term, matched, round }),
        1 => (term(), number(), index()).prop_map(|(term, round, target)| Message::Whole { term, round, target }),
        1 => term().prop_map(|term| Message::HowFar { term }),
        1 => (term(), entry_id(), prop::collection::vec(1..6_u64, 0..4)).prop_map(|(term, last, voters)| {
            let said = Said { last, voters: voters.into_iter().map(NodeId).collect() };
            Message::SoFar { term, said: Box::new(said) }
        }),
        1 => (term(), entry_id(), entry_id()).prop_map(|(term, after, upto)| Message::Mend { term, after, upto }),
        2 => (term(), entry_id(), term(), segment()).prop_map(|(term, last, prev_term, entries)| {
            Message::Mended { term, loan: Box::new(Loan { last, prev_term, entries }) }
        }),
    ]
}

pub(crate) fn snapshot() -> impl Strategy<Value = Snapshot> {
    (entry_id(), membership(), number(), number(), any::<bool>()).prop_map(
        |(last, membership, len, digest, hollow)| Snapshot {
            last,
            membership: membership.into(),
            len,
            digest,
            hollow,
        },
    )
}

pub(crate) fn piece() -> impl Strategy<Value = Piece> {
    (snapshot(), number(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(snapshot, offset, bytes)| {
        Piece { snapshot: snapshot.into(), offset, bytes: bytes.into() }
    })
}

pub(crate) fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        (term(), prop::option::of(0..4_u64))
            .prop_map(|(term, voted_for)| Record::HardState { term, voted_for: voted_for.map(NodeId) }),
        (term(), segment()).prop_map(|(prev_term, entries)| Record::Append { prev_term, entries }),
        (term(), prop::option::of(0..4_u64), entry_id()).prop_map(|(term, voted_for, last)| Record::Mended {
            term,
            voted_for: voted_for.map(NodeId),
            last,
        }),
        (term(), prop::option::of(0..4_u64), entry_id(), membership()).prop_map(
            |(term, voted_for, last, membership)| {
                Record::Snapshot {
                    term,
                    voted_for: voted_for.map(NodeId),
                    last,
                    membership: membership.into(),
                }
            }
        ),
    ]
}

/// Memberships of a few nodes, node 1 mostly among them.
pub(crate) fn membership() -> impl Strategy<Value = Membership> {
    let steps = prop::collection::vec(step(), 0..6);
    let transition =
        prop_oneof![Just(Transition::Auto), Just(Transition::JointImplicit), Just(Transition::JointExplicit)];
    (1..4_u64, steps, transition).prop_map(|(voters, steps, transition)| {
        let first = Membership::of((1..=voters).map(NodeId));
        first.changed(&Change::Steps { steps, transition }, &QuorumRule::Majority).unwrap_or(first)
    })
}

/// Memberships that mostly state a rule, of the voters, the outgoing ones, or both.
pub(crate) fn ruled() -> impl Strategy<Value = Membership> {
    (membership(), rule(), rule()).prop_map(|(first, one, other)| {
        let stage = |before: Membership, rule| {
            before.changed(&Change::rule(rule), &QuorumRule::Majority).unwrap_or(before)
        };
        stage(stage(first.left(), one).left(), other)
    })
}

/// Rules for nodes 1 to 3.
pub(crate) fn rule() -> impl Strategy<Value = QuorumRule> {
    (0..4_u8, prop::collection::vec((1..4_u64, 0..4_u32), 0..3)).prop_map(|(kind, list)| {
        let list = list.into_iter().map(|(id, number)| (NodeId(id), number));
        match kind {
            0 => QuorumRule::Majority,
            1 => QuorumRule::Flexible { commit: 1 },
            2 => QuorumRule::weights(list),
            _ => QuorumRule::zones([list.map(|(id, _)| id).collect::<Vec<_>>()]),
        }
    })
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    (0..5_u8, 1..6_u64).prop_map(|(kind, id)| match (kind, NodeId(id)) {
        (0, id) => Step::AddVoter(id),
        (1, id) => Step::AddWitness(id),
        (2, id) => Step::AddLearner(id),
        (3, id) => Step::PromoteWhenCaughtUp(id),
        (_, id) => Step::Remove(id),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn golden_bytes_of_every_message() {
    let last = EntryId { term: Term(2), index: Index(3) };
    let entries = Segment::pack(Index(4), Term(2), ["ab", ""]).unwrap();
    let golden = [
        (Message::PreVote { term: Term(1), last }, "01 0100000000000000 0200000000000000 0300000000000000"),
        (Message::PreVoted { term: Term(1), granted: true }, "02 0100000000000000 01"),
        (
            Message::RequestVote { term: Term(1), last, by_transfer: false },
            "03 0100000000000000 0200000000000000 0300000000000000 00",
        ),
        (Message::Voted { term: Term(1), granted: false }, "04 0100000000000000 00"),
        (
            Message::Append { term: Term(5), prev_term: Term(2), commit: Index(1), round: 7, entries },
            "05 0500000000000000 0200000000000000 0100000000000000 0700000000000000 \
             0400000000000000 0200000000000000 02000000 0a000000 02000000 6162 00000000",
        ),
        (
            Message::Append {
                term: Term(5),
                prev_term: Term(0),
                commit: Index(0),
                round: 1,
                entries: Segment::noop(Index(1), Term(5)).unwrap(),
            },
            "05 0500000000000000 0000000000000000 0000000000000000 0100000000000000 \
             0100000000000000 0500000000000000 01000000 04000000 00000040",
        ),
        (
            Message::Appended { term: Term(1), matched: Index(9), round: 3 },
            "06 0100000000000000 0900000000000000 0300000000000000",
        ),
        (
            Message::Rejected { term: Term(1), prev: Index(9), hint: last, round: 3 },
            "07 0100000000000000 0900000000000000 0200000000000000 0300000000000000 0300000000000000",
        ),
        (Message::Commit { term: Term(1), commit: Index(9) }, "08 0100000000000000 0900000000000000"),
        (Message::Heard { term: Term(1), round: 3 }, "09 0100000000000000 0300000000000000"),
        (
            Message::AskIndex { term: Term(1), number: 7, mode: ReadMode::LeaseGuard },
            "0a 0100000000000000 0700000000000000 02",
        ),
        (
            Message::IndexIs { term: Term(1), number: 7, index: Index(9) },
            "0b 0100000000000000 0700000000000000 0900000000000000",
        ),
        (Message::TimeoutNow { term: Term(1) }, "0c 0100000000000000"),
        (
            Message::Lend {
                term: Term(6),
                loan: Box::new(Loan {
                    last,
                    prev_term: Term(1),
                    entries: Segment::noop(Index(3), Term(2)).unwrap(),
                }),
            },
            "0e 0600000000000000 0200000000000000 0300000000000000 0100000000000000 \
             0300000000000000 0200000000000000 01000000 04000000 00000040",
        ),
        (
            Message::Borrow { term: Term(1), hint: last },
            "0f 0100000000000000 0200000000000000 0300000000000000",
        ),
        (Message::Claim { term: Term(1), priority: 5 }, "0d 0100000000000000 05000000"),
        (
            Message::Piece {
                term: Term(6),
                round: 7,
                piece: Box::new(Piece {
                    snapshot: Snapshot {
                        last,
                        membership: Membership::of([NodeId(1)]).into(),
                        len: 9,
                        digest: 10,
                        hollow: false,
                    }
                    .into(),
                    offset: 8,
                    bytes: "x".into(),
                }),
            },
            "10 0600000000000000 0700000000000000 0200000000000000 0300000000000000 \
             01 00 01000000 0100000000000000 00000000 00000000 00000000 00000000 \
             0900000000000000 0a00000000000000 00 0800000000000000 01000000 78",
        ),
        (
            Message::Stored { term: Term(1), round: 2, digest: 3, stored: 4 },
            "11 0100000000000000 0200000000000000 0300000000000000 0400000000000000",
        ),
        (Message::Demand { term: Term(1), index_min: Index(2) }, "12 0100000000000000 0200000000000000"),
        (
            Message::Lost { term: Term(1), round: 4, last, doubted: true },
            "13 0100000000000000 0400000000000000 0200000000000000 0300000000000000 01",
        ),
        (
            Message::Whole { term: Term(1), round: 4, target: Index(5) },
            "14 0100000000000000 0400000000000000 0500000000000000",
        ),
        (
            Message::Uncounted { term: Term(1), matched: Index(9), round: 3 },
            "19 0100000000000000 0900000000000000 0300000000000000",
        ),
        (Message::HowFar { term: Term(1) }, "15 0100000000000000"),
        (
            Message::SoFar { term: Term(1), said: Box::new(Said { last, voters: vec![NodeId(7)] }) },
            "16 0100000000000000 0200000000000000 0300000000000000 01000000 0700000000000000",
        ),
        (
            Message::Mend { term: Term(1), after: EntryId::ZERO, upto: last },
            "17 0100000000000000 0000000000000000 0000000000000000 0200000000000000 0300000000000000",
        ),
        (
            Message::Mended {
                term: Term(6),
                loan: Box::new(Loan {
                    last,
                    prev_term: Term(1),
                    entries: Segment::noop(Index(3), Term(2)).unwrap(),
                }),
            },
            "18 0600000000000000 0200000000000000 0300000000000000 0100000000000000 \
             0300000000000000 0200000000000000 01000000 04000000 00000040",
        ),
    ];
    for (message, bytes) in golden {
        assert_eq!(hex(&message.to_bytes(1)), bytes.replace(' ', ""), "{message:?}");
    }
}

#[test]
fn golden_bytes_of_every_record() {
    let entries = Segment::pack(Index(4), Term(2), ["ab"]).unwrap();
    let golden = [
        (Record::HardState { term: Term(3), voted_for: None }, "01 0300000000000000 00"),
        (
            Record::HardState { term: Term(3), voted_for: Some(NodeId(2)) },
            "01 0300000000000000 01 0200000000000000",
        ),
        (
            Record::Append { prev_term: Term(1), entries },
            "02 0100000000000000 0400000000000000 0200000000000000 01000000 06000000 02000000 6162",
        ),
        (
            Record::Mended {
                term: Term(3),
                voted_for: None,
                last: EntryId { term: Term(1), index: Index(9) },
            },
            "04 0300000000000000 00 0100000000000000 0900000000000000",
        ),
        (
            Record::Snapshot {
                term: Term(3),
                voted_for: Some(NodeId(2)),
                last: EntryId { term: Term(1), index: Index(9) },
                membership: Membership::default().into(),
            },
            "03 0300000000000000 01 0200000000000000 0100000000000000 0900000000000000 00",
        ),
        (
            Record::Snapshot {
                term: Term(3),
                voted_for: None,
                last: EntryId { term: Term(1), index: Index(9) },
                membership: Membership::of([NodeId(4)]).into(),
            },
            "03 0300000000000000 00 0100000000000000 0900000000000000 \
             01 01 00 01000000 0400000000000000 00000000 00000000 00000000 00000000",
        ),
    ];
    for (record, bytes) in golden {
        assert_eq!(hex(&record.to_bytes(1)), bytes.replace(' ', ""), "{record:?}");
    }
}

#[test]
fn golden_bytes_of_a_membership() {
    let old = Membership::of([1, 2].map(NodeId));
    let steps = [
        Step::AddWitness(NodeId(3)),
        Step::AddLearner(NodeId(4)),
        Step::PromoteWhenCaughtUp(NodeId(5)),
        Step::Remove(NodeId(1)),
    ];
    let joint = old.changed(&Change::steps(steps), &QuorumRule::Majority).unwrap();
    let id = |id: u64| hex(&id.to_le_bytes());
    let bytes = format!(
        "01 01 02000000 {two} {three} 02000000 {one} {two} 02000000 {four} {five} 01000000 {three} 01000000 {five}",
        one = id(1),
        two = id(2),
        three = id(3),
        four = id(4),
        five = id(5),
    );
    assert_eq!(hex(&joint.to_bytes(1)), bytes.replace(' ', ""));
    let entry = Segment::membership(Index(7), Term(2), &joint).unwrap();
    assert_eq!(entry.to_membership(), Some(joint.clone()));
    // The header of the entry says what it is.
    assert_eq!(hex(&entry.arena()[..4]), format!("{:02x}000080", joint.to_bytes(1).len()));
}

/// The second format is the first, with the rules behind: of the voters, and of the outgoing ones.
#[test]
fn golden_bytes_of_a_membership_that_states_its_rule() {
    let id = |id: u64| hex(&id.to_le_bytes());
    let two = Membership::of([1, 2].map(NodeId));
    let lists = format!("02000000 {one} {two} 00000000 00000000 00000000 00000000", one = id(1), two = id(2));
    assert_eq!(hex(&two.to_bytes(1)), format!("01 00 {lists}").replace(' ', ""));
    let of = |rule| two.changed(&Change::rule(rule), &QuorumRule::Flexible { commit: 2 }).unwrap();
    let [one, other] = [1, 2].map(NodeId);
    let golden = [
        (QuorumRule::Majority, "01".to_owned()),
        (QuorumRule::Flexible { commit: 1 }, "02 01000000".to_owned()),
        (QuorumRule::weights([(one, 1), (other, 5)]), format!("03 01000000 {} 05000000", id(2))),
        (QuorumRule::zones([[one, other]]), format!("04 02000000 {} 00000000 {} 00000000", id(1), id(2))),
    ];
    for (rule, bytes) in golden {
        let joint = of(rule);
        let after = joint.left();
        assert_eq!(after.version(), 2);
        for version in [1, 2] {
            let expected = format!("02 00 {lists} 01 {bytes} 00").replace(' ', "");
            assert_eq!(hex(&after.to_bytes(version)), expected, "{after:?}");
        }
        let back = after
            .changed(&Change::rule(QuorumRule::Flexible { commit: 2 }), &QuorumRule::Flexible { commit: 2 });
        let back = hex(&back.unwrap().to_bytes(1));
        assert!(
            back.starts_with("0201") && back.ends_with(&format!("00 01 {bytes}").replace(' ', "")),
            "{back}"
        );
    }
    // A second form of what the first format says is none.
    let twice = format!("02 00 {lists} 00 00").replace(' ', "");
    let bytes: Vec<u8> =
        (0..twice.len() / 2).map(|at| u8::from_str_radix(&twice[2 * at..2 * at + 2], 16).unwrap()).collect();
    assert!(Membership::from_bytes(bytes.into(), 2).is_err());
}

#[test]
fn bytes_that_say_what_no_membership_is_are_refused() {
    let id = |id: u64| hex(&id.to_le_bytes());
    let (one, two) = (id(1), id(2));
    let read = |bytes: String| {
        let bytes = bytes.replace(' ', "");
        let bytes: Vec<u8> = (0..bytes.len() / 2)
            .map(|at| u8::from_str_radix(&bytes[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        Membership::from_bytes(bytes.into(), 2).is_ok()
    };
    let none = "00000000";
    let of = |auto_leave: u8, voters: &str, outgoing: &str| {
        format!("0{auto_leave} {voters} {outgoing} {none} {none} {none}")
    };
    let (both, single) = (format!("02000000 {one} {two}"), format!("01000000 {one}"));
    assert!(read(format!("01 {}", of(0, &both, none))) && read(format!("01 {}", of(1, &both, &single))));
    assert!(!read(format!("01 {}", of(0, &format!("02000000 {one} {one}"), none))), "one voter twice");
    assert!(!read(format!("01 {}", of(0, &format!("02000000 {two} {one}"), none))), "out of order");
    assert!(!read(format!("01 {}", of(1, &both, none))), "nothing to leave");
    // The rules of both halves, the second of nobody.
    let rule = "01 01";
    assert!(read(format!("02 {} {rule} {rule}", of(0, &both, &single))));
    assert!(!read(format!("02 {} {rule} {rule}", of(0, &both, none))), "a rule for nobody");
}

/// A node that offers a snapshot over a link of version 1 cannot say by which rule its members decide.
#[test]
fn a_link_of_version_1_carries_no_rule() {
    let rule = Change::rule(QuorumRule::weights([(NodeId(1), 2)]));
    let plain = Membership::of([1, 2].map(NodeId));
    let stated = plain.changed(&rule, &QuorumRule::Majority).unwrap();
    let piece = |membership: &Membership| Message::Piece {
        term: Term(3),
        round: 1,
        piece: Box::new(Piece {
            snapshot: std::sync::Arc::new(Snapshot {
                last: EntryId { term: Term(2), index: Index(9) },
                membership: membership.clone().into(),
                len: 10,
                digest: 0,
                hollow: false,
            }),
            offset: 0,
            bytes: Bytes::new(),
        }),
    };
    for (membership, version, read) in
        [(&plain, 1, true), (&plain, 2, true), (&stated, 1, false), (&stated, 2, true)]
    {
        let message = piece(membership);
        let bytes = message.to_bytes(version);
        assert_eq!(Message::from_bytes(bytes, version) == Ok(message), read, "version {version}");
    }
}

proptest! {
    #[test]
    fn a_membership_with_rules_survives_its_bytes_and_nothing_else_is_one(membership in ruled(), at in 0..90_usize, flip in 1..=255_u8) {
        let bytes = membership.to_bytes(2);
        prop_assert_eq!(Membership::from_bytes(bytes.clone(), 2), Ok(membership.clone()));
        let mut other = bytes.to_vec();
        let at = at % other.len();
        other[at] ^= flip;
        if let Ok(found) = Membership::from_bytes(other.into(), 2) {
            prop_assert_ne!(&found, &membership);
            let quorums = found.quorums(&QuorumRule::Majority).unwrap();
            prop_assert!(quorums.elect().meets(quorums.commit()).is_ok() && quorums.one_leader_a_term().is_ok());
        }
    }

    #[test]
    fn a_membership_survives_its_bytes_and_nothing_else_is_one(membership in membership(), at in 0..60_usize, flip in 1..=255_u8) {
        let bytes = membership.to_bytes(1);
        let read = |bytes: Bytes| Membership::decode(&mut Reader::new(bytes, 1));
        prop_assert_eq!(read(bytes.clone()), Ok(membership.clone()));
        let mut other = bytes.to_vec();
        let at = at % other.len();
        other[at] ^= flip;
        // What is still one is another one, and as sound as any.
        if let Ok(found) = read(other.into()) {
            prop_assert_ne!(&found, &membership);
            prop_assert!(found.quorums(&QuorumRule::Majority).is_ok());
        }
    }
}

#[test]
fn a_membership_never_shares_a_segment() {
    let membership = Segment::membership(Index(1), Term(1), &Membership::of([NodeId(1)])).unwrap();
    let noop = Segment::noop(Index(2), Term(1)).unwrap();
    let arena: Vec<u8> = membership.arena().iter().chain(noop.arena().iter()).copied().collect();
    let mut out = bytes_of_segment(1, 1, 2, &arena);
    assert!(Segment::decode(&mut Reader::new(out.clone().into(), 1)).is_err());
    out = bytes_of_segment(1, 1, 1, membership.arena());
    assert_eq!(Segment::decode(&mut Reader::new(out.into(), 1)), Ok(membership));
}

/// The byte form of a segment that no constructor makes.
fn bytes_of_segment(first: u64, term: u64, count: u32, arena: &[u8]) -> Vec<u8> {
    let len = arena.len() as u32;
    [&first.to_le_bytes()[..], &term.to_le_bytes(), &count.to_le_bytes(), &len.to_le_bytes(), arena].concat()
}

#[test]
fn an_unknown_version_is_refused() {
    let bytes = Message::Heard { term: Term(1), round: 0 }.to_bytes(1);
    assert!(Message::from_bytes(bytes.clone(), 2).is_ok());
    for version in [0, 3] {
        let unknown = Err(WireError::Invalid { field: "version" });
        assert_eq!(Message::from_bytes(bytes.clone(), version), unknown, "version {version}");
    }
}

#[test]
fn arenas_that_do_not_hold_what_they_claim_are_refused() {
    // A record of two entries; then the count, the first index, the term, a kind and a length are forged.
    let entries = Segment::pack(Index(4), Term(2), ["ab", "c"]).unwrap();
    let good = Record::Append { prev_term: Term(1), entries }.to_bytes(1).to_vec();
    assert!(Record::from_bytes(good.clone().into(), 1).is_ok());
    for (place, byte, what) in
        [(25, 3, "count"), (9, 0, "first index"), (17, 0, "term"), (36, 0xc0, "kind"), (33, 9, "length")]
    {
        let mut bad = good.clone();
        bad[place] = byte;
        let decoded = Record::from_bytes(bad.into(), 1);
        assert_eq!(decoded, Err(WireError::Invalid { field: "entries" }), "{what}");
    }
}

proptest! {
    #[test]
    fn messages_come_back_as_they_went(message in message()) {
        prop_assert_eq!(Message::from_bytes(message.to_bytes(1), 1), Ok(message));
    }

    #[test]
    fn records_come_back_as_they_went(record in record()) {
        prop_assert_eq!(Record::from_bytes(record.to_bytes(1), 1), Ok(record));
    }

    #[test]
    fn any_bytes_decode_to_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let bytes = Bytes::from(bytes);
        if let Ok(message) = Message::from_bytes(bytes.clone(), 1) {
            prop_assert_eq!(message.to_bytes(1), bytes.clone());
        }
        if let Ok(record) = Record::from_bytes(bytes.clone(), 1) {
            prop_assert_eq!(record.to_bytes(1), bytes);
        }
    }

    #[test]
    fn mutated_bytes_decode_to_a_value_or_an_error(message in message(), place: usize, flip in 1..=255_u8) {
        let mut bytes = message.to_bytes(1).to_vec();
        let place = place % bytes.len();
        bytes[place] ^= flip;
        if let Ok(Message::Append { entries, .. }) = Message::from_bytes(bytes.into(), 1) {
            prop_assert!(entries.is_hollow() || entries.iter().count() == entries.len());
        }
    }

    #[test]
    fn truncated_bytes_are_an_error(message in message(), cut: usize) {
        let bytes = message.to_bytes(1);
        let cut = cut % bytes.len();
        prop_assert!(Message::from_bytes(bytes.slice(..cut), 1).is_err());
    }

    #[test]
    fn decoded_payloads_share_the_memory_of_the_frame(payload in prop::collection::vec(any::<u8>(), 1..50)) {
        let entries = Segment::pack(Index(1), Term(1), [&payload]).unwrap();
        let frame = Record::Append { prev_term: Term(0), entries }.to_bytes(1);
        let Ok(Record::Append { entries, .. }) = Record::from_bytes(frame.clone(), 1) else { panic!("no record") };
        let entry = entries.iter().next().unwrap();
        prop_assert!(frame.as_ptr_range().contains(&entry.payload.as_ptr()));
        prop_assert_eq!(entries.share(&entry).as_ptr(), entry.payload.as_ptr());
    }
}
