//! What a segment can hold, and whose memory it is.

use synod_raft::{EntryKind, Index, Segment, Term};

#[test]
fn what_cannot_be_a_segment_is_none() {
    let pack = |first, term| Segment::pack(Index(first), Term(term), ["x", "y"]);
    assert!(pack(0, 1).is_none(), "there is no entry 0");
    assert!(pack(1, Term::MAX.0 + 1).is_none());
    assert!(pack(Index::MAX.0, 1).is_none(), "the second would be beyond the last index");
    let last = pack(Index::MAX.0 - 1, Term::MAX.0).unwrap();
    assert_eq!((last.last(), last.term()), (Index::MAX, Term::MAX));
    assert!(Segment::noop(Index(0), Term(1)).is_none());
}

/// Its length would reach into the bits that hold the kind of the entry. The bytes are never touched.
#[test]
fn a_payload_that_the_format_cannot_express_is_refused() {
    let payload = vec![0_u8; 1 << 30];
    assert!(Segment::pack(Index(1), Term(1), [payload.as_slice()]).is_none());
}

#[test]
fn entries_come_out_as_they_went_in() {
    let segment = Segment::pack(Index(5), Term(2), ["", "a", "bc"]).unwrap();
    let entries: Vec<_> = segment.iter().map(|entry| (entry.index.0, entry.kind, entry.payload)).collect();
    let normal = EntryKind::Normal;
    assert_eq!(entries, [(5, normal, &b""[..]), (6, normal, b"a"), (7, normal, b"bc")]);
    assert_eq!((segment.len(), segment.is_empty(), segment.last()), (3, false, Index(7)));
    let noop = Segment::noop(Index(5), Term(2)).unwrap();
    let entry = noop.iter().next().unwrap();
    assert_eq!((noop.len(), entry.kind, entry.payload), (1, EntryKind::Noop, &b""[..]));
    let empty = Segment::empty(Index(5));
    assert_eq!((empty.len(), empty.is_empty(), empty.last(), empty.iter().count()), (0, true, Index(4), 0));
}

#[test]
fn a_payload_is_shared_with_its_own_segment_and_copied_from_another() {
    let segment = Segment::pack(Index(1), Term(1), ["abc", "de"]).unwrap();
    for entry in &segment {
        let shared = segment.share(&entry);
        assert_eq!(shared, entry.payload);
        assert_eq!(shared.as_ptr(), entry.payload.as_ptr(), "no copy");
    }
    let other = Segment::pack(Index(1), Term(1), ["other"]).unwrap();
    for entry in &other {
        let copied = segment.share(&entry);
        assert_eq!(copied, entry.payload);
        assert_ne!(copied.as_ptr(), entry.payload.as_ptr(), "memory of another arena is not kept alive");
    }
}
