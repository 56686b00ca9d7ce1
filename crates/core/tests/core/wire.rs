//! Bytes: what is written is read, and nothing that arrives can hurt.

use proptest::prelude::*;
use synod_core::wire::{Reader, Wire, WireError, Writer};
use synod_core::{Bytes, Lsn, NodeId};

/// One of everything that core can write.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    node: NodeId,
    at: Lsn,
    flag: bool,
    names: Vec<Bytes>,
    maybe: Option<Vec<u64>>,
}

impl Wire for Sample {
    const LEN_MIN: usize = 8 + 8 + 1 + 4 + 1;

    fn encode(&self, out: &mut Writer<'_>) {
        self.node.encode(out);
        self.at.encode(out);
        self.flag.encode(out);
        self.names.encode(out);
        self.maybe.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self {
            node: NodeId::decode(input)?,
            at: Lsn::decode(input)?,
            flag: bool::decode(input)?,
            names: Vec::decode(input)?,
            maybe: Option::decode(input)?,
        })
    }
}

fn sample() -> impl Strategy<Value = Sample> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
    let names = proptest::collection::vec(bytes, 0..6);
    let maybe = proptest::option::of(proptest::collection::vec(any::<u64>(), 0..6));
    (any::<u64>(), any::<u64>(), any::<bool>(), names, maybe).prop_map(|(node, at, flag, names, maybe)| {
        Sample { node: NodeId(node), at: Lsn(at), flag, names, maybe }
    })
}

#[test]
fn the_bytes_are_golden() {
    let sample = Sample {
        node: NodeId(0x0102),
        at: Lsn(3),
        flag: true,
        names: vec![Bytes::from_static(b"ab")],
        maybe: Some(vec![5]),
    };
    let golden: &[u8] = &[
        2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 2, 0, 0, 0, b'a', b'b', 1, 1, 0, 0, 0,
        5, 0, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(sample.to_bytes(1), golden);
}

#[test]
fn errors_say_what_is_wrong() {
    let read = |bytes: &'static [u8]| Vec::<bool>::from_bytes(Bytes::from_static(bytes), 1);
    assert_eq!(read(&[1, 0, 0]), Err(WireError::Truncated { missing: 1 }));
    assert_eq!(read(&[3, 0, 0, 0, 1]), Err(WireError::Truncated { missing: 2 }));
    assert_eq!(read(&[1, 0, 0, 0, 9]), Err(WireError::UnknownTag { of: "bool", tag: 9 }));
    assert_eq!(read(&[1, 0, 0, 0, 1, 1]), Err(WireError::LeftOver { count: 1 }));
    assert_eq!(
        Option::<u64>::from_bytes(Bytes::from_static(&[2]), 1),
        Err(WireError::UnknownTag { of: "Option", tag: 2 })
    );
}

#[test]
fn reader_and_writer_carry_the_version() {
    let mut buffer = bytes::BytesMut::new();
    let mut writer = Writer::new(&mut buffer, 3);
    assert_eq!(writer.version(), 3);
    writer.bytes(b"abc");
    let mut reader = Reader::new(buffer.freeze(), 2);
    assert_eq!((reader.version(), reader.remaining()), (2, 7));
    assert_eq!(reader.bytes(), Ok(Bytes::from_static(b"abc")));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn elements_without_bytes_cannot_be_counted_without_end() {
    let mut reader = Reader::new(Bytes::from_static(&[0xff, 0xff, 0xff, 0xff]), 1);
    assert!(reader.count(0).is_err());
}

proptest! {
    #[test]
    fn what_is_written_is_read(sample in sample()) {
        let bytes = sample.to_bytes(1);
        prop_assert!(bytes.len() >= Sample::LEN_MIN);
        prop_assert_eq!(Sample::from_bytes(bytes, 1), Ok(sample));
    }

    #[test]
    fn a_truncated_value_is_refused(sample in sample(), cut: proptest::sample::Index) {
        let bytes = sample.to_bytes(1);
        let cut = cut.index(bytes.len());
        let refused = matches!(Sample::from_bytes(bytes.slice(..cut), 1), Err(WireError::Truncated { missing: 1.. }));
        prop_assert!(refused);
    }

    #[test]
    fn a_mutated_value_is_read_or_refused(
        sample in sample(), at: proptest::sample::Index, flip in 1_u8..,
    ) {
        let mut bytes = sample.to_bytes(1).to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        // What is still a value is a different one: no byte is without meaning.
        if let Ok(read) = Sample::from_bytes(bytes.into(), 1) {
            prop_assert_ne!(read, sample);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        for result in [
            Sample::from_bytes(bytes.clone(), 1).map(|sample| sample.to_bytes(1)),
            Vec::<Vec<Option<bool>>>::from_bytes(bytes.clone(), 1).map(|value| value.to_bytes(1)),
            Option::<Vec<Bytes>>::from_bytes(bytes.clone(), 1).map(|value| value.to_bytes(1)),
        ] {
            // The form is canonical: a value has one spelling.
            prop_assert!(result.is_err() || result == Ok(bytes.clone()));
        }
    }
}
