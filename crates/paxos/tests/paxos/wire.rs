//! The byte form: golden bytes, round trips, and whatever bytes may come.

use proptest::prelude::*;
use synod_core::wire::{Wire, WireError};
use synod_core::{Bytes, Lane, NodeId, Protocol};
use synod_paxos::{Ballot, Message, Paxos, Proposal, Record};

pub(crate) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..5_u64, 1 => Just(u64::MAX), 1 => Just(1 << 62), 1 => any::<u64>()]
}

pub(crate) fn ballot() -> impl Strategy<Value = Ballot> {
    (number(), prop_oneof![8 => 1..4_u64, 1 => any::<u64>()])
        .prop_map(|(round, node)| Ballot { round, node: NodeId(node) })
}

pub(crate) fn value() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        4 => prop_oneof![Just(Bytes::from_static(b"a")), Just(Bytes::from_static(b"b"))],
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from),
    ]
}

fn proposal() -> impl Strategy<Value = Proposal> {
    (ballot(), value()).prop_map(|(ballot, value)| Proposal { ballot, value })
}

pub(crate) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        ballot().prop_map(|ballot| Message::Prepare { ballot }),
        (ballot(), prop::option::of(proposal()))
            .prop_map(|(ballot, accepted)| Message::Promise { ballot, accepted }),
        (ballot(), value()).prop_map(|(ballot, value)| Message::Accept { ballot, value }),
        ballot().prop_map(|ballot| Message::Accepted { ballot }),
        (ballot(), ballot()).prop_map(|(ballot, promised)| Message::Nack { ballot, promised }),
        (ballot(), value()).prop_map(|(ballot, value)| Message::Decided { ballot, value }),
        Just(Message::Learn),
    ]
}

pub(crate) fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        ballot().prop_map(|ballot| Record::Promised { ballot }),
        (ballot(), value()).prop_map(|(ballot, value)| Record::Accepted { ballot, value }),
        number().prop_map(|round| Record::Round { round }),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const BALLOT: Ballot = Ballot { round: 3, node: NodeId(2) };
const VALUE: Bytes = Bytes::from_static(b"ab");

#[test]
fn golden_bytes_of_every_message() {
    let earlier = Proposal { ballot: Ballot { round: 1, node: NodeId(4) }, value: VALUE };
    let golden = [
        (Message::Prepare { ballot: BALLOT }, "01 0300000000000000 0200000000000000"),
        (Message::Promise { ballot: BALLOT, accepted: None }, "02 0300000000000000 0200000000000000 00"),
        (
            Message::Promise { ballot: BALLOT, accepted: Some(earlier) },
            "02 0300000000000000 0200000000000000 01 0100000000000000 0400000000000000 02000000 6162",
        ),
        (
            Message::Accept { ballot: BALLOT, value: VALUE },
            "03 0300000000000000 0200000000000000 02000000 6162",
        ),
        (Message::Accepted { ballot: BALLOT }, "04 0300000000000000 0200000000000000"),
        (
            Message::Nack { ballot: BALLOT, promised: Ballot { round: 5, node: NodeId(1) } },
            "05 0300000000000000 0200000000000000 0500000000000000 0100000000000000",
        ),
        (
            Message::Decided { ballot: BALLOT, value: VALUE },
            "06 0300000000000000 0200000000000000 02000000 6162",
        ),
        (Message::Learn, "07"),
    ];
    for (message, bytes) in golden {
        assert_eq!(hex(&message.to_bytes(1)), bytes.replace(' ', ""), "{message:?}");
    }
}

#[test]
fn golden_bytes_of_every_record() {
    let golden = [
        (Record::Promised { ballot: BALLOT }, "01 0300000000000000 0200000000000000"),
        (
            Record::Accepted { ballot: BALLOT, value: VALUE },
            "02 0300000000000000 0200000000000000 02000000 6162",
        ),
        (Record::Round { round: 9 }, "03 0900000000000000"),
    ];
    for (record, bytes) in golden {
        assert_eq!(hex(&record.to_bytes(1)), bytes.replace(' ', ""), "{record:?}");
    }
}

/// A value may be long: the questions and refusals of other instances must not queue behind it.
#[test]
fn what_carries_a_value_travels_apart_from_what_carries_none() {
    let accepted = Some(Proposal { ballot: Ballot { round: 1, node: NodeId(4) }, value: VALUE });
    for (message, lane) in [
        (Message::Prepare { ballot: BALLOT }, Lane::Control),
        (Message::Promise { ballot: BALLOT, accepted: None }, Lane::Control),
        (Message::Promise { ballot: BALLOT, accepted }, Lane::Log),
        (Message::Accept { ballot: BALLOT, value: VALUE }, Lane::Log),
        (Message::Accepted { ballot: BALLOT }, Lane::Control),
        (Message::Nack { ballot: BALLOT, promised: BALLOT }, Lane::Control),
        (Message::Decided { ballot: BALLOT, value: VALUE }, Lane::Log),
        (Message::Learn, Lane::Control),
    ] {
        assert_eq!(Paxos::lane(&message), lane, "{message:?}");
    }
}

#[test]
fn unknown_versions_and_tags_are_refused() {
    assert_eq!(
        Message::from_bytes(Message::Learn.to_bytes(1), 2),
        Err(WireError::Invalid { field: "version" })
    );
    for tag in [0, 8, 255] {
        let of = "paxos message";
        assert_eq!(Message::from_bytes(vec![tag].into(), 1), Err(WireError::UnknownTag { of, tag }));
    }
}

#[test]
fn a_forged_length_is_an_error_before_anything_is_allocated() {
    let mut bytes = Message::Accept { ballot: BALLOT, value: VALUE }.to_bytes(1).to_vec();
    bytes[17..21].fill(0xff);
    let decoded = Message::from_bytes(bytes.into(), 1);
    assert_eq!(decoded, Err(WireError::Truncated { missing: u32::MAX as usize - 2 }));
}

/// Whoever decodes many of them trusts it: a forged count is measured against the bytes that are there.
#[test]
fn the_shortest_proposal_is_as_long_as_it_says() {
    assert_eq!(Proposal { ballot: BALLOT, value: Bytes::new() }.to_bytes(1).len(), Proposal::LEN_MIN);
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
    fn no_value_is_shorter_than_it_says(message in message(), record in record()) {
        prop_assert!(message.to_bytes(1).len() >= Message::LEN_MIN);
        prop_assert!(record.to_bytes(1).len() >= Record::LEN_MIN);
    }

    #[test]
    fn any_bytes_decode_to_a_value_or_an_error(tag in 0..9_u8, rest in prop::collection::vec(any::<u8>(), 0..60)) {
        let bytes = Bytes::from([vec![tag], rest].concat());
        if let Ok(message) = Message::from_bytes(bytes.clone(), 1) {
            prop_assert_eq!(message.to_bytes(1), bytes.clone());
        }
        if let Ok(record) = Record::from_bytes(bytes.clone(), 1) {
            prop_assert_eq!(record.to_bytes(1), bytes);
        }
    }

    #[test]
    fn mutated_bytes_decode_to_another_value_or_an_error(message in message(), place: usize, flip in 1..=255_u8) {
        let mut bytes = message.to_bytes(1).to_vec();
        let place = place % bytes.len();
        bytes[place] ^= flip;
        prop_assert_ne!(Message::from_bytes(bytes.into(), 1), Ok(message));
    }

    #[test]
    fn truncated_bytes_are_an_error(message in message(), cut: usize) {
        let bytes = message.to_bytes(1);
        let cut = cut % bytes.len();
        prop_assert!(Message::from_bytes(bytes.slice(..cut), 1).is_err());
    }

    #[test]
    fn decoded_values_share_the_memory_of_the_frame(value in prop::collection::vec(any::<u8>(), 1..50)) {
        let frame = Message::Accept { ballot: BALLOT, value: value.into() }.to_bytes(1);
        let Ok(Message::Accept { value, .. }) = Message::from_bytes(frame.clone(), 1) else {
            return Err(TestCaseError::fail("no acceptance"));
        };
        prop_assert!(frame.as_ptr_range().contains(&value.as_ptr()));
    }
}
