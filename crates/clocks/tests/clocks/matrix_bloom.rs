//! Matrix clocks against what everybody really knows, and Bloom clocks against their own estimate of accidents.

use proptest::prelude::*;
use synod_clocks::laws::check_bytes;
use synod_clocks::{
    BloomClock, BloomError, BloomShape, Causality, Clock, MatrixClock, MatrixStamp, Stamp, VectorClock,
    VersionVector,
};
use synod_core::wire::{Wire, WireError};
use synod_core::{Entropy, SplitMix64};

#[test]
fn what_is_called_stable_everybody_has_seen() {
    let mut ever_stable = 0;
    for seed in 0..100 {
        let mut dice = SplitMix64::new(seed);
        let mut clocks: Vec<_> = (0..4).map(|member| MatrixClock::new(member, 0..4)).collect();
        let mut sent: Vec<MatrixStamp<u64>> = Vec::new();
        for _ in 0..80 {
            let at = dice.below(4) as usize;
            match dice.below(3) {
                0 if !sent.is_empty() => {
                    // Any message, in any order, or twice.
                    let message = sent[dice.below(sent.len() as u64) as usize].clone();
                    clocks[at].merge(&message).unwrap();
                }
                1 => {
                    let other = dice.below(4) as usize;
                    let known = clocks[other].known();
                    clocks[at].acknowledge(other as u64, &known).unwrap();
                }
                _ => sent.push(clocks[at].tick().unwrap()),
            }
            let stable = clocks[at].stable();
            ever_stable += usize::from(!stable.is_empty());
            for clock in &clocks {
                assert!(stable.is_known_by(&clock.known()), "seed {seed}: {stable:?}, {clock:?}");
            }
        }
        // When all have spoken to all, twice, everything is stable everywhere.
        for _ in 0..2 {
            let stamps: Vec<_> = clocks.iter_mut().map(|clock| clock.tick().unwrap()).collect();
            clocks.iter_mut().for_each(|clock| stamps.iter().for_each(|stamp| clock.merge(stamp).unwrap()));
        }
        let all: VersionVector<u64> =
            clocks[0].known().iter().map(|(member, count)| (member, count - 1)).collect();
        assert!(clocks.iter().all(|clock| all.is_known_by(&clock.stable())));
    }
    assert!(ever_stable > 1_000);
}

#[test]
fn a_member_that_is_silent_holds_back_what_is_stable_until_it_is_removed() {
    let mut clocks: Vec<_> = (0..3_u64).map(|member| MatrixClock::new(member, 0..3)).collect();
    let stamp = clocks[0].tick().unwrap();
    let answer = clocks[1].receive(&stamp).unwrap();
    clocks[0].merge(&answer).unwrap();
    assert!(clocks[0].stable().is_empty(), "2 has said nothing");
    clocks[0].remove(2);
    assert_eq!(clocks[0].stable(), VersionVector::from_iter([(0, 1), (1, 1)]));
    clocks[0].remove(0);
    assert_eq!(clocks[0].members().collect::<Vec<_>>(), [0, 1], "nobody removes itself");
    // A newcomer holds everything back until it has caught up.
    clocks[0].add(9);
    assert!(clocks[0].stable().is_empty());
    let known = clocks[0].known();
    clocks[0].acknowledge(9, &known).unwrap();
    assert_eq!(clocks[0].stable(), VersionVector::from_iter([(0, 1), (1, 1)]));
    clocks[0].acknowledge(77, &known).unwrap();
    assert!(clocks[0].known_by(77).is_empty(), "strangers are not listened to");
}

#[test]
fn accidents_of_bloom_clocks_are_about_as_frequent_as_estimated() {
    for (shape, accidents_expected) in
        [(BloomShape { cells: 256, hashes: 3 }, false), (BloomShape { cells: 6, hashes: 2 }, true)]
    {
        let (mut pairs, mut accidents, mut estimated) = (0, 0, 0.0);
        for seed in 0..40 {
            let mut dice = SplitMix64::new(seed);
            let mut clocks: Vec<_> = (0..4_u64)
                .map(|actor| {
                    (
                        BloomClock::new(u128::from(actor) << 64 | u128::from(seed), shape).unwrap(),
                        VectorClock::new(actor),
                    )
                })
                .collect();
            let mut events: Vec<(_, VersionVector<u64>)> = Vec::new();
            for _ in 0..40 {
                let (bloom, vector) = &mut clocks[dice.below(4) as usize];
                if let Some((stamp, known)) = events.get(dice.below(60) as usize) {
                    bloom.merge(stamp).unwrap();
                    vector.merge(known).unwrap();
                }
                events.push((bloom.tick().unwrap(), vector.tick().unwrap()));
            }
            for (a, a_known) in &events {
                for (b, b_known) in &events {
                    let (answer, truth) = (a.causality(b), a_known.causality(b_known));
                    if truth == Causality::Concurrent {
                        pairs += 1;
                        accidents += usize::from(matches!(answer, Causality::Before | Causality::Equal));
                        estimated += a.accident(b);
                    } else {
                        assert_eq!(answer, truth);
                    }
                }
            }
        }
        let (frequency, estimate) = (accidents as f64 / f64::from(pairs), estimated / f64::from(pairs));
        assert!((0.0..=1.0).contains(&estimate));
        if accidents_expected {
            assert!(frequency > 0.01 && estimate > frequency / 4.0, "{frequency} {estimate}");
        } else {
            assert!(frequency < 0.002 && estimate < 0.01, "{frequency} {estimate}");
        }
    }
}

#[test]
fn bloom_clocks_of_other_shapes_and_full_ones_are_errors() {
    let mut clock = BloomClock::new(1, BloomShape::default()).unwrap();
    let other = BloomClock::new(1, BloomShape { cells: 3, hashes: 3 }).unwrap().tick().unwrap();
    assert_eq!(clock.merge(&other), Err(BloomError::Shape));
    assert_eq!(clock.known().causality(&other), Causality::Concurrent);
    assert_eq!(BloomClock::new(1, BloomShape { cells: 0, hashes: 1 }), Err(BloomError::Empty));
    let full = [&[3, 3, 0, 0, 0][..], &[0xff; 12]].concat();
    let full = Wire::from_bytes(full.into(), 1).unwrap();
    let mut clock = BloomClock::new(1, BloomShape { cells: 3, hashes: 3 }).unwrap();
    clock.merge(&full).unwrap();
    assert_eq!(clock.tick(), Err(BloomError::Exhausted));
    assert_eq!(*clock.known(), full, "and it is as it was");
}

#[test]
fn bytes_of_matrices_and_bloom_stamps_are_golden() {
    let mut clock = MatrixClock::new(1_u64, [1, 2]);
    let golden = [
        &[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0][..], // by 1: two rows
        &[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    assert_eq!(clock.tick().unwrap().to_bytes(1), golden.concat());
    let twice = [golden[0], golden[2], golden[2]].concat();
    let refused = MatrixStamp::<u64>::from_bytes(twice.into(), 1);
    assert_eq!(refused, Err(WireError::Invalid { field: "order of the members of a matrix" }));
    let stamp = BloomClock::new(1, BloomShape { cells: 4, hashes: 2 }).unwrap().tick().unwrap();
    let golden = stamp.to_bytes(1);
    assert_eq!(golden[..5], [2, 4, 0, 0, 0]);
    assert_eq!(golden[5..].iter().map(|byte| u32::from(*byte)).sum::<u32>(), 2, "two hashes, one event");
    // The cells of an event are the same for ever, on every machine.
    assert_eq!(golden[5..], [0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
}

proptest! {
    #[test]
    fn byte_forms_keep_their_laws(seed in any::<u64>(), cells in 1..20_u16) {
        let mut dice = SplitMix64::new(seed);
        let mut clocks: Vec<_> = (0..3_u64).map(|member| MatrixClock::new(member, 0..3)).collect();
        let mut bloom = BloomClock::new(u128::from(seed), BloomShape { cells, hashes: 3 }).unwrap();
        for _ in 0..20 {
            let [from, to] = [(); 2].map(|()| dice.below(3) as usize);
            let stamp = clocks[from].tick().unwrap();
            check_bytes(&clocks[to].receive(&stamp).unwrap(), 10, seed).unwrap();
            check_bytes(&bloom.tick().unwrap(), 10, seed).unwrap();
        }
    }
}
