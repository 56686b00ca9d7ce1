//! Messages and records as bytes.

use proptest::prelude::*;
use synod_core::wire::Wire;
use synod_core::{Bytes, NodeId};
use synod_partition::PartitionId;
use synod_partition::handoff::{Handover, Holding, Message, Record, State};

fn holding() -> impl Strategy<Value = Holding> {
    let state = prop_oneof![
        Just(State::Serving),
        any::<u64>().prop_map(|id| State::Frozen(NodeId(id))),
        any::<u64>().prop_map(|id| State::Gone(NodeId(id))),
        any::<u64>().prop_map(|id| State::Ready(NodeId(id))),
    ];
    (any::<u64>(), any::<u64>(), state).prop_map(|(epoch, version, state)| Holding { epoch, version, state })
}

fn steps() -> impl Strategy<Value = Vec<Vec<Handover>>> {
    let handover = any::<(u64, u64)>();
    let handover = handover.prop_map(|(id, to)| Handover { partition: PartitionId(id), to: NodeId(to) });
    prop::collection::vec(prop::collection::vec(handover, 0..4), 0..4)
}

fn records() -> impl Strategy<Value = Record> {
    let owned =
        || any::<(u64, u64, u64)>().prop_map(|(id, owner, epoch)| (PartitionId(id), NodeId(owner), epoch));
    let holds = || (any::<u64>().prop_map(PartitionId), holding());
    prop_oneof![
        holds().prop_map(|(id, holding)| Record::Holds(id, holding)),
        steps().prop_map(Record::Begun),
        owned().prop_map(|(id, owner, epoch)| Record::Owned(id, owner, epoch)),
        (prop::collection::vec(holds(), 0..4), prop::collection::vec(owned(), 0..4), steps())
            .prop_map(|(holdings, map, steps)| Record::Whole(holdings, map, steps)),
        Just(Record::Aborting),
    ]
}

fn messages() -> impl Strategy<Value = Message> {
    (0..8, any::<u64>().prop_map(PartitionId), any::<u64>(), any::<u64>()).prop_map(
        |(kind, partition, epoch, more)| match kind {
            0 => Message::Give { partition, epoch, to: NodeId(more) },
            1 => Message::Take { partition, epoch, version: more },
            2 => Message::Taken { partition, epoch },
            3 => Message::Gave { partition, epoch },
            4 => Message::Yours { partition, epoch },
            5 => Message::Withdrawn { partition, epoch },
            6 => Message::Keep { partition, epoch },
            _ => Message::Kept { partition, epoch },
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read(record in records(), message in messages()) {
        prop_assert_eq!(Record::from_bytes(record.to_bytes(1), 1).unwrap(), record);
        prop_assert_eq!(Message::from_bytes(message.to_bytes(1), 1).unwrap(), message);
    }

    #[test]
    fn whatever_bytes_come_nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), record in records(), cut in 0..400_usize) {
        let _ = Record::from_bytes(Bytes::from(bytes.clone()), 1);
        let _ = Message::from_bytes(Bytes::from(bytes), 1);
        let whole = record.to_bytes(1);
        if cut < whole.len() {
            prop_assert!(Record::from_bytes(whole.slice(..cut), 1).is_err());
        }
    }
}

#[test]
fn the_format_is_pinned() {
    let take = Message::Take { partition: PartitionId(2), epoch: 3, version: 4 };
    assert_eq!(
        take.to_bytes(1)[..],
        [2, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]
    );
    let frozen = Holding { epoch: 3, version: 4, state: State::Frozen(NodeId(9)) };
    let record = Record::Holds(PartitionId(2), frozen).to_bytes(1);
    let ends = [3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 2, 9, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!((record[0], &record[9..]), (1, &ends[..]));
    let (partition, epoch) = (PartitionId(2), 3);
    let tags = [
        (Message::Taken { partition, epoch }, 3),
        (Message::Gave { partition, epoch }, 4),
        (Message::Yours { partition, epoch }, 5),
        (Message::Withdrawn { partition, epoch }, 6),
        (Message::Keep { partition, epoch }, 7),
        (Message::Kept { partition, epoch }, 8),
    ];
    for (message, tag) in tags {
        assert_eq!(message.to_bytes(1)[..], [tag, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
    }
    assert_eq!(Record::Aborting.to_bytes(1)[..], [5]);
}
