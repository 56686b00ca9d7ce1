//! The diagrams with which logical clocks are taught, number by number; and what every stamp looks like in bytes and in `serde`.

use proptest::prelude::*;
use synod_clocks::laws::check_bytes;
use synod_clocks::{
    Causality, Clock, DenseClock, DenseError, DenseVector, DotError, LamportClock, LamportStamp, Stamp,
    VersionVector,
};
use synod_core::wire::Wire;

/// ```text
/// Node A              Node B              Node C
/// L=1 (event)
/// L=2 (send) ───────────────────────────▶ L=3 (receive)
///                     L=1 (event)         L=4 (event)
///                     L=2 (event)
///                     L=3 (send) ───────▶ L=5 (receive)
/// L=3 (event)
/// L=4 (send) ───────▶ L=5 (receive)
/// ```
#[test]
fn the_diagram_of_lamport_clocks() {
    let [mut a, mut b, mut c] = ["a", "b", "c"].map(LamportClock::new);
    let a1 = a.tick().unwrap();
    let a2 = a.tick().unwrap();
    let c3 = c.receive(&a2).unwrap();
    let b1 = b.tick().unwrap();
    let c4 = c.tick().unwrap();
    let b2 = b.tick().unwrap();
    let b3 = b.tick().unwrap();
    let c5 = c.receive(&b3).unwrap();
    let a3 = a.tick().unwrap();
    let a4 = a.tick().unwrap();
    let b5 = b.receive(&a4).unwrap();
    let times = [a1, a2, c3, b1, c4, b2, b3, c5, a3, a4, b5].map(|stamp| stamp.time());
    assert_eq!(times, [1, 2, 3, 1, 4, 2, 3, 5, 3, 4, 5]);
    // The limitation: L(b1) < L(a2), and neither heard of the other; the clock cannot say so.
    assert_eq!(b1.causality(&a2), Causality::Before);
    // Ties are broken by name, the same way everywhere.
    assert!(a1 < b1 && b5 < c5);
}

/// ```text
/// Node A              Node B              Node C
/// [1,0,0] (event)
/// [2,0,0] (send) ───▶ [2,1,0] (receive)
///                     [2,2,0] (event)
/// [3,0,0] (event)     [2,3,0] (send) ───▶ [2,3,1] (receive)
/// ```
#[test]
fn the_diagram_of_vector_clocks() {
    let [mut a, mut b, mut c] = [0, 1, 2].map(|place| DenseClock::new(place, 3).unwrap());
    assert_eq!(a.tick().unwrap(), DenseVector::from([1, 0, 0]));
    let sent = a.tick().unwrap();
    assert_eq!(sent, DenseVector::from([2, 0, 0]));
    assert_eq!(b.receive(&sent).unwrap(), DenseVector::from([2, 1, 0]));
    assert_eq!(b.tick().unwrap(), DenseVector::from([2, 2, 0]));
    let aside = a.tick().unwrap();
    assert_eq!(aside, DenseVector::from([3, 0, 0]));
    let sent = b.tick().unwrap();
    assert_eq!(sent, DenseVector::from([2, 3, 0]));
    let received = c.receive(&sent).unwrap();
    assert_eq!(received, DenseVector::from([2, 3, 1]));
    // A: 3 > 2, B: 0 < 3, C: 0 < 1: neither dominates.
    assert_eq!(aside.causality(&received), Causality::Concurrent);
    assert!(sent < received && aside.partial_cmp(&received).is_none());
}

#[test]
fn clocks_at_their_ends_and_of_other_groups_are_errors() {
    let mut clock = LamportClock::resume("a", u64::MAX);
    assert_eq!(clock.tick(), Err(DotError::Exhausted));
    assert_eq!(clock.time(), u64::MAX);
    assert_eq!(DenseClock::new(3, 3), Err(DenseError::Stranger { place: 3, len: 3 }));
    let mut three = DenseVector::from([1, 2, u64::MAX]);
    assert_eq!(three.merge(&DenseVector::new(2)), Err(DenseError::Group { ours: 3, theirs: 2 }));
    assert_eq!(three.causality(&DenseVector::new(2)), Causality::Concurrent);
    assert_eq!(three.advance(2), Err(DenseError::Dot(DotError::Exhausted)));
    assert_eq!(three, DenseVector::from([1, 2, u64::MAX]));
    assert_eq!((three.get(1), three.get(9)), (2, 0));
}

#[test]
fn bytes_of_lamport_stamps_and_dense_vectors_are_golden() {
    let stamp = LamportClock::resume(7_u64, 0x0101).tick().unwrap();
    assert_eq!(stamp.to_bytes(1)[..], [7, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]);
    let vector = DenseVector::from([1, 0x0203]);
    assert_eq!(vector.to_bytes(1)[..], [2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0, 0]);
}

proptest! {
    #[test]
    fn byte_forms_keep_their_laws(counters: Vec<u64>, actors: Vec<(u16, u64)>, time in 1..u64::MAX, seed: u64) {
        check_bytes(&DenseVector::from(&counters[..]), 50, seed).unwrap();
        let vector: VersionVector<u64> = actors.into_iter().map(|(actor, counter)| (actor.into(), counter)).collect();
        check_bytes(&vector, 50, seed).unwrap();
        let stamp: LamportStamp<u64> = LamportClock::resume(seed, time - 1).tick().unwrap();
        check_bytes(&stamp, 50, seed).unwrap();
    }
}

#[cfg(feature = "serde")]
#[test]
fn what_travels_goes_through_serde_and_what_is_impossible_does_not() {
    use synod_clocks::{
        BloomClock, BloomShape, BloomStamp, Dot, Dotted, HlcStamp, Interval, IntervalStamp, Itc, ItcStamp,
        MatrixClock, MatrixStamp, NodeStamp, Siblings, UnixMillis,
    };

    fn same<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + core::fmt::Debug>(
        value: &T,
        json: &str,
    ) {
        assert_eq!(serde_json::to_string(value).unwrap(), json);
        assert_eq!(serde_json::from_str::<T>(json).unwrap(), *value);
    }
    let vector = VersionVector::from_iter([(1_u64, 2), (3, 4)]);
    same(&vector, "[[1,2],[3,4]]");
    same(&DenseVector::from([5, 6]), "[5,6]");
    same(&Dot::at(1_u64, 2).unwrap(), r#"{"actor":1,"counter":2}"#);
    same(&HlcStamp::from_bits(77), "77");
    same(&NodeStamp { stamp: HlcStamp::from_bits(77), node: 1_u64 }, r#"{"stamp":77,"node":1}"#);
    same(&UnixMillis::new(5).unwrap(), "5");
    same(&Interval::new(1, 2).unwrap(), "[1,2]");
    same(&LamportClock::new(9_u64).tick().unwrap(), r#"{"time":1,"actor":9}"#);
    let past = VersionVector::from_iter([(1_u64, 1)]);
    same(&Dotted::new(Dot::at(1_u64, 3).unwrap(), past).unwrap(), r#"[{"actor":1,"counter":3},[[1,1]]]"#);
    assert!(serde_json::from_str::<Dotted<u64>>(r#"[{"actor":1,"counter":1},[[1,1]]]"#).is_err());
    let mut siblings = Siblings::new();
    siblings.write(7_u64, &VersionVector::new(), 5_u64).unwrap();
    siblings.write(7, &VersionVector::new(), 6).unwrap();
    same(&siblings, "[[7,2,[6,5]]]");
    for forged in ["[[7,1,[6,5]]]", "[[7,2,[6]],[7,2,[5]]]", "[[7,0,[]]]"] {
        assert!(serde_json::from_str::<Siblings<u64, u64>>(forged).is_err(), "{forged}");
    }
    same(&MatrixClock::new(1_u64, 1..3).tick().unwrap(), "[1,[[1,[[1,1]]],[2,[]]]]");
    assert!(serde_json::from_str::<MatrixStamp<u64>>("[1,[[2,[]],[1,[]]]]").is_err());
    let bloom = BloomClock::new(1, BloomShape { cells: 4, hashes: 2 }).unwrap().tick().unwrap();
    same(&bloom, "[2,[0,1,1,0]]");
    assert!(serde_json::from_str::<BloomStamp>("[0,[1]]").is_err());
    assert!(serde_json::from_str::<BloomStamp>("[1,[]]").is_err());
    same(&Itc::seed().peek(), "[0]");
    assert!(serde_json::from_str::<ItcStamp>("[18]").is_err());
    let dot = Dot::at(1_u64, 1).unwrap();
    let stamp = IntervalStamp { dot, interval: Interval::new(1, 2).unwrap() };
    same(&stamp, r#"{"dot":{"actor":1,"counter":1},"interval":[1,2]}"#);
    same(&Causality::Concurrent, r#""Concurrent""#);
    for unordered in ["[[3,1],[1,1]]", "[[1,1],[1,2]]", "[[1,0]]"] {
        assert!(serde_json::from_str::<VersionVector<u64>>(unordered).is_err(), "{unordered}");
    }
    assert!(serde_json::from_str::<UnixMillis>("281474976710656").is_err());
    assert!(serde_json::from_str::<Interval>("[2,1]").is_err());
    assert!(serde_json::from_str::<Dot<u64>>(r#"{"actor":1,"counter":0}"#).is_err());
}
