//! Each clock that counts the events of its own name refuses stamps that speak of more of them than it had, and is as it was then.

use core::fmt::Debug;
use synod_clocks::{
    Clock, DenseClock, DenseError, DotError, DottedClock, LamportClock, MatrixClock, VectorClock,
    VersionVector,
};

/// `clock` has had two events, a forger under the same name five. Gives what `clock`, after a third, says to a peer that believed the forger.
fn refuses<C>(mut clock: C, mut forger: C, peer: impl Fn() -> C, unissued: C::Error) -> Result<(), C::Error>
where
    C: Clock<Error: PartialEq + Debug> + Clone + PartialEq + Debug,
{
    let last = [(); 2].map(|()| clock.tick().unwrap())[1].clone();
    let forged = [(); 5].map(|()| forger.tick().unwrap())[4].clone();
    let before = clock.clone();
    assert_eq!(clock.merge(&forged), Err(unissued));
    assert_eq!(clock.receive(&forged).err(), clock.merge(&forged).err());
    assert_eq!(clock, before, "and nothing was learnt");
    // What it did have comes back to it, by itself and in what others know.
    clock.merge(&last).unwrap();
    let echo = peer().receive(&last).unwrap();
    clock.receive(&echo).unwrap();
    // And a forgery that others have believed comes back to whom it names.
    let believed = peer().receive(&forged).unwrap();
    clock.merge(&believed)
}

#[test]
fn forged_stamps_under_a_clocks_own_name_are_refused() {
    let error = DotError::Unissued { claimed: 5, issued: 2 };
    let later = DotError::Unissued { claimed: 5, issued: 3 };
    let matrix = |me| MatrixClock::new(me, 0..2);
    let dense = |place| DenseClock::new(place, 2).unwrap();
    let vectors = refuses(VectorClock::new(0), VectorClock::new(0), || VectorClock::new(1), error);
    let dotted = refuses(DottedClock::new(0), DottedClock::new(0), || DottedClock::new(1), error);
    assert_eq!([vectors, dotted, refuses(matrix(0), matrix(0), || matrix(1), error)], [Err(later); 3]);
    assert_eq!(refuses(dense(0), dense(0), || dense(1), DenseError::Dot(error)), Err(DenseError::Dot(later)));
    // A Lamport time says whose it is, and not what others had: from a peer it is any time.
    let lamport = refuses(LamportClock::new(0), LamportClock::new(0), || LamportClock::new(1), error);
    assert_eq!(lamport, Ok(()));
}

/// A clock that came back with less than it had given hears of it from its peers, instead of giving dots twice.
#[test]
fn a_clock_that_lost_its_memory_is_told_by_the_first_that_remembers() {
    let (mut a, mut b) = (VectorClock::new("a"), VectorClock::new("b"));
    let old = a.known().clone();
    let answer = b.receive(&a.tick().unwrap()).unwrap();
    let mut back = VectorClock::resume("a", old);
    assert_eq!(back.merge(&answer), Err(DotError::Unissued { claimed: 1, issued: 0 }));
    let mut renamed = VectorClock::resume("a2", back.known().clone());
    assert!(renamed.receive(&answer).is_ok());
}

/// A forged acknowledgement would make a process throw away what others still need.
#[test]
fn a_member_cannot_acknowledge_what_was_never_sent() {
    let mut clock = MatrixClock::new("a", ["a", "b"]);
    clock.tick().unwrap();
    let forged = VersionVector::from_iter([("a", u64::MAX)]);
    let refused = Err(DotError::Unissued { claimed: u64::MAX, issued: 1 });
    assert_eq!(clock.acknowledge("b", &forged), refused);
    assert!(clock.known_by("b").is_empty() && clock.stable().is_empty());
    // Nor in the row of a third, in a stamp.
    let mut b = MatrixClock::new("b", ["b", "c"]);
    b.acknowledge("c", &forged).unwrap();
    let stamp = b.tick().unwrap();
    assert_eq!(clock.merge(&stamp), refused);
    assert_eq!(clock.receive(&stamp).map(drop), refused);
    assert!(clock.known_by("b").is_empty());
    let honest = VersionVector::from_iter([("a", 1)]);
    assert_eq!(clock.acknowledge("b", &honest), Ok(()));
    assert_eq!(clock.stable(), honest);
}
